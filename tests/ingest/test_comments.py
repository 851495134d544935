"""Comments of surveys: kept without what tells who wrote them, and accounted for."""

from __future__ import annotations

import json
import re
import time

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.ingest.redaction import (
    ACCOUNT,
    DATE,
    EMAIL,
    NAME,
    NUMBER,
    PLACE,
    PUT_IN,
    URL,
    redact,
    words_of_name,
)

ADDRESS = re.compile(r"\S@\S")
LONG_NUMBER = re.compile(r"\d{6,}")


# what is taken out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comment", "kept", "kinds"),
    [
        ("Write to anna.b@example.com please", "Write to [..] please", (EMAIL,)),
        ("anna (at) example.com", "[..]", (EMAIL,)),
        ("anna @ example.com!", "[..]", (EMAIL,)),
        ("Call 0170 1234567", "Call [..]", (NUMBER,)),
        ("Call +49 (40) 12 34 56 78 now", "Call [..] now", (NUMBER,)),
        ("call 0170-12-34-567", "call [..]", (NUMBER,)),
        ("card 4111 1111 1111 1111", "card [..]", (NUMBER,)),
        ("order 1000234", "order [..]", (NUMBER,)),
        ("\uff11\uff12\uff13\uff14\uff15\uff16", "[..]", (NUMBER,)),  # full-width digits
        ("123\u200b456", "[..]", (NUMBER,)),  # nothing to be seen in between
        ("DE89 3704 0044 0532 0130 00 is my account", "[..] is my account", (ACCOUNT,)),
        ("see https://example.com/u/anna?x=1 there", "see [..] there", (URL,)),
        ("WWW.example.com", "[..]", (URL,)),
        ("Waited 15 minutes, twice in 2026, for 1,250.50 EUR", None, ()),
        ("Too slow", None, ()),
        ("👍🏽 großartig 日本", None, ()),
    ],
)
def test_addresses_and_long_numbers_come_out_and_nothing_else(comment, kept, kinds):
    assert redact(comment) == ((kept or comment), kinds)


def test_the_customers_own_name_comes_out_whole_words_only():
    names = words_of_name("greta.clausen4@example.org") | words_of_name("Dr. Li Müller")
    assert names == {"greta", "clausen", "müller"}  # short words are those of many languages
    found = redact("GRETA Clausen's parcel; a regret, not the miller", names)
    assert found.text == "[..] [..]'s parcel; a regret, not the miller"
    assert found.taken_out == (NAME,)
    assert redact("Anna sends regards", {"greta"}).taken_out == ()


@pytest.mark.parametrize(
    "spelt",
    ["Annas", "ANNA", "A n n a", "a.n.n.a", "An\u034fna", "An\u200dna", "\u00c1nna", "Annalena", "Müllers",
     "Mueller", "muller", "Mu\u0308ller", "MÜLLERS", "Muellers", "Strauss", "Strauß", "Sørensens",
     "Soerensen", "Sorensen"],
)  # fmt: skip
def test_a_name_is_known_by_other_spellings_and_endings(spelt):
    names = words_of_name("Anna-Lena Müller") | words_of_name("Strauß Sørensen")
    assert redact(f"so {spelt} said", names) == ("so [..] said", (NAME,))


@pytest.mark.parametrize("said", ["in a hurry", "an nab", "a navy", "I n", "Inside", "beat", "Lenacil"])
def test_what_only_resembles_a_name_stays(said):
    assert redact(said, words_of_name("Ina Anna Ben Lena")) == (said, ())


@pytest.mark.parametrize(
    "number",
    ["0170_123_45_67", "0170,123,45,67", "0170 : 123 : 4567", "0170\u00b7123\u00b74567", "0170~1234",
     "0170*1234567", "0170|1234567", "(0170)1234567", "+49.170.1234567"],
)  # fmt: skip
def test_a_phone_number_goes_whole_whatever_stands_between_its_digits(number):
    assert redact(f"Call {number} now") == ("Call [..] now", (NUMBER,))


@pytest.mark.parametrize(
    "account",
    [
        "gb29 nwbk 6016 1331 9268 19",
        "DE89-3704-0044-0532-0130-00",
        "de89370400440532013000",
        "NO93 8601 1117 947",
    ],
)
def test_an_account_number_goes_with_its_letters(account):
    assert redact(f"Pay to {account} please") == ("Pay to [..] please", (ACCOUNT,))


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        *((each, EMAIL) for each in ("anna(ät)web.de", "anna at example.com", "anna at example dot com",
            "anna@ example.com", "anna [at] example [dot] com", "anna.lena (a) web.de", "anna @example.com")),
        *((each, URL) for each in ("instagram.com/annalena", "example.co.uk/u/1")),
        *((each, DATE) for each in ("1.2.1985", "01/02/85", "2026-05-01", "1 February 1985", "1. Mai 1985",
            "May 1st, 1985")),
        *((each, PLACE) for each in ("Hauptstr. 5", "Lange Straße 12 b", "12 Baker Street", "10115 Berlin",
            "SW1A 1AA")),
    ],
)  # fmt: skip
def test_addresses_and_birthdays_go_whole(address, kind):
    assert redact(f"see {address} then") == ("see [..] then", (kind,))


def test_an_address_goes_in_both_its_parts():
    assert redact("Hauptstr. 5, 10115 Berlin").text == "[..], [..]"


@pytest.mark.parametrize(
    "said",
    [
        "3 times, then 4 times",
        "waited 45 min on 1 May",
        "in 20 days they came with 12 more each",
        "open 10:30-12:45 only",
        "paid 12000 Euro, 12.50 a piece",
        "option (a) is better, 24/7",
        "at home. At last",
        "5 of 10 stars, 100 % happy",
        "twice in 2026 and/or 2025",
    ],
)
def test_ordinary_numbers_stay(said):
    assert redact(said) == (said, ())


@pytest.mark.parametrize(
    "piece", ["a", "a-", "A", "a.", "1", "1 ", "(", "a at ", "A b ", "\u65e5", "@ ", "12 Ab "]
)
def test_a_long_comment_takes_no_longer_than_it_is_long(piece):
    begun = time.perf_counter()
    redact(piece * 4_000, {"anna", "müller"})
    assert time.perf_counter() - begun < 2


@given(st.text(max_size=80))
def test_no_long_number_and_no_address_survives_any_text(text):
    kept = redact(text).text
    assert not LONG_NUMBER.search(kept)
    assert not ADDRESS.search(kept)


parts = st.one_of(
    st.from_regex(r"[+]?[0-9][0-9 ./()-]{4,20}[0-9]", fullmatch=True),
    st.from_regex(r"[a-z.]{1,9}@[a-z]{1,9}\.[a-z]{2,3}", fullmatch=True),
    st.from_regex(r"https?://[a-z0-9./?=]{1,20}", fullmatch=True),
    st.sampled_from(["call", "me,", "(at)", "@", "http", "DE89", "[..]", "\u200b", "\uff17", "-"]),
    st.text(max_size=5),
)


@given(st.lists(parts, max_size=8), st.sampled_from(["", " ", "\u00a0", "\u200d"]))
def test_no_long_number_and_no_address_survives_however_they_are_put_together(pieces, between):
    kept = redact(between.join(pieces)).text
    assert not LONG_NUMBER.search(kept)
    assert not ADDRESS.search(kept)
    again = redact(kept)
    assert not LONG_NUMBER.search(again.text)


@given(st.text(alphabet="abc äöü,.!?", max_size=60))
def test_words_stay_as_they_are(text):
    assert redact(text) == (" ".join(text.split()), ())


# at the door ----------------------------------------------------------------------------------------------


def answers(**columns: list[object]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    first = {"who": [f"anna.berg{i}@example.org" for i in range(n)], "score": [i % 5 + 1 for i in range(n)]}
    return pd.DataFrame({**first, "when": ["2026-03-01"] * n, "what": ["rated"] * n, **columns})


def survey(data: pd.DataFrame, **options: object) -> cj.sources.Table:
    return cj.sources.Table(
        data,
        name="survey",
        customer={"who": "email"},
        timestamp="when",
        touchpoint="what",
        **{"measures": {"satisfaction": ("score", 1, 5)}, **options},
    )


def kept(source: cj.sources.Table, **options: object) -> list[dict[str, str] | None]:
    events = cj.ingest(source, **options).events.sort_values("satisfaction")
    return [json.loads(text) if isinstance(text, str) else None for text in events["properties"]]


@pytest.mark.parametrize("name", ["comment", "Comments", "Free_Text", "VERBATIM", "Kommentar", "feedback"])
def test_usual_names_of_the_column_are_known_in_a_survey(name):
    assert kept(survey(answers(**{name: ["too slow", ""]}))) == [{"comment": "too slow"}, None]


def test_it_is_no_survey_without_satisfaction_and_another_option_comes_first():
    data = answers(comment=["too slow", "fine"])
    assert kept(survey(data, measures={})) == [None, None]
    assert kept(survey(data, dimensions=["comment"])) == [None, None]
    assert kept(survey(data, comment=False)) == [None, None]


def test_the_column_may_be_named():
    data = answers(text=["too slow", "fine"], comment=["not", "this"])
    assert kept(survey(data, comment="text")) == [{"comment": "too slow"}, {"comment": "fine"}]
    with pytest.raises(cj.SourceError, match="comment='txt' is no column, did you mean 'text'"):
        cj.ingest(survey(data, comment="txt"))
    with pytest.raises(cj.SourceError, match="comment is the name of a column, or False"):
        cj.ingest(survey(data, comment=3))
    with pytest.raises(cj.SourceError, match="no column is called comment"):
        cj.ingest(survey(answers(text=["too slow", "fine"]), comment=True))


def test_a_comment_stands_beside_other_properties_and_nowhere_else_unredacted():
    data = answers(comment=["to a@b.de", "fine"], page=["/x", None])
    said = kept(survey(data, properties=["page", "comment"]))
    assert said == [{"page": "/x", "comment": "to [..]"}, {"comment": "fine"}]
    data = data.rename(columns={"comment": "Remarks"})
    said = kept(survey(data, properties=["Remarks"]))
    assert said[0] == {"Remarks": "to [..]", "comment": "to [..]"}


def test_names_are_known_by_address_and_by_the_list_of_customers():
    data = answers(comment=["Regards, Anna Berg, of Hagen", "Berg and Valley"])
    people = pd.DataFrame({"mail": data["who"], "Last Name": ["Hagen", "Valley"], "town": ["Regards", "x"]})
    listed = cj.sources.Customers(people, identifiers={"mail": "email"})
    assert kept(survey(data), customers=listed) == [
        {"comment": "Regards, [..] [..], of [..]"},
        {"comment": "[..] and [..]"},
    ]
    assert kept(survey(data), customers=listed, identities="drop")[1] == {"comment": "[..] and [..]"}


def test_a_later_file_may_lack_the_column_that_nobody_named(tmp_path):
    answers(comment=["late", "fine"]).to_csv(tmp_path / "a.csv", index=False)
    answers(other=["x"]).to_csv(tmp_path / "b.csv", index=False)
    source = survey(None, comment=None)
    source._data = tmp_path
    assert len(kept(source)) == 3


def test_the_ledger_counts_what_was_taken_out():
    data = answers(comment=["a@b.de or c@d.de", "0170 1234567 or e@f.de", "fine", ""])
    ledger = cj.ingest(survey(data)).ledger
    lines = ledger[ledger["what"] == "comments"].set_index(["fate", "reason"])["count"].to_dict()
    assert lines == {("kept", ""): 3, ("redacted", EMAIL): 2, ("redacted", NUMBER): 1}


def test_comments_of_the_shop_are_kept_without_what_was_planted_in_them(sample_shop):
    """Every address, number and name that the simulation planted is gone, and nothing else."""
    truth = json.loads((sample_shop / "truth.json").read_text())["comments"]
    options = {
        "customer": {"email": "email", "customer_id": "user_id"}, "timestamp": "answered_at",
        "event_id": "response_id", "timezone": "Europe/Berlin", "touchpoint": "about",
        "measures": {"satisfaction": ("score", 1, 5)},
    }  # fmt: skip
    people = cj.sources.Customers(
        sample_shop / "customers.csv", identifiers={"customer_id": "user_id", "email": "email"}
    )
    crm = cj.sources.Table(
        sample_shop / "crm" / "Contact.csv", name="crm", timestamp="CreatedDate", touchpoint="known",
        customer={"Email": "email", "Customer_Number__c": "user_id"},
    )  # fmt: skip
    source = cj.sources.Table(sample_shop / "survey.csv", name="survey", **options)
    log = cj.ingest([source, crm], customers=people, data_end="2026-09-01")
    ledger = log.ledger[log.ledger["what"] == "comments"].set_index("reason")["count"].to_dict()
    assert ledger == {
        "": truth["written"],
        EMAIL: truth["with an e-mail address"],
        NUMBER: truth["with a phone number"],
        NAME: truth["with their writer's name"],
    }
    said = [json.loads(text)["comment"] for text in log.events["properties"].dropna()]
    assert len(said) == truth["written"]
    planted = sum(truth.values()) - truth["written"]
    assert sum(PUT_IN in text for text in said) == planted
    assert {text.partition(". ")[2] for text in said} == {
        "", "Write to [..]", "Call me on [..]", "[..]"
    }  # fmt: skip
