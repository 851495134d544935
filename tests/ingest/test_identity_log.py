"""Identities through an ingestion: forms, shared devices, tables from elsewhere, hashes, and why."""

from __future__ import annotations

import io
import random
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import phonenumbers
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.ingest.identity import keyed_hash
from cjmining.ingest.normal import phone_number
from tests.examples import examples

from .helpers import fates, groups_of, links

KINDS = {"mail": "email", "user": "user_id", "cookie": "cookie", "phone": "phone", "card": "loyalty"}


def visits(rows, name="web", first=0) -> cj.sources.Table:
    """Rows of identifiers by column; each is a minute after the one before."""
    frame = pd.DataFrame(rows, columns=[*KINDS, "at"]).astype("string")
    minutes = pd.Series(
        [f"2026-01-01 {10 + (first + i) // 60:02d}:{(first + i) % 60:02d}" for i in range(len(frame))]
    )
    frame["at"] = frame["at"].where(frame["at"].notna(), minutes)
    frame["what"] = [f"{name}{i + first}" for i in range(len(frame))]
    return cj.sources.Table(
        frame, name=name, customer=KINDS, timestamp="at", touchpoint="what", timezone="UTC", region="DE"
    )


def of_whom(log) -> dict[str, int]:
    """Return the customer of each event."""
    events = log.events
    return dict(zip(events["touchpoint"].astype(str), events["customer"].tolist(), strict=True))


# forms ----------------------------------------------------------------------------------------------------


def test_identifiers_come_in_one_form():
    log = cj.ingest(
        visits(
            [
                {"mail": "MAILTO:Ann+news@Shop.de", "cookie": "GA1.1.1234.5678"},
                {"cookie": "1234.5678", "phone": "030 / 2312 500-1"},
                {"mail": "a.nn+x@GoogleMail.com", "user": "7"},
                {"mail": "ann+x@gmail.com", "card": "L"},
            ]
        )
    )
    assert groups_of(log) == {
        frozenset({("email", "ann+news@shop.de"), ("cookie", "1234.5678"), ("phone", "+493023125001")}),
        frozenset({("email", "a.nn+x@googlemail.com"), ("user_id", "7")}),
        frozenset({("email", "ann+x@gmail.com"), ("loyalty", "L")}),
    }


def test_one_mailbox_has_one_name_where_that_is_asked_for():
    rows = [
        {"mail": m}
        for m in ("ann+a@shop.de", "ann@shop.de", "b.o.b+1@gmail.com", "bob@googlemail.com", "+1@x.de")
    ]

    def found(**how):
        return {value for group in groups_of(cj.ingest(visits(rows), **how)) for _, value in group}

    assert found(plus_tags="drop") == {"ann@shop.de", "b.o.b@gmail.com", "bob@googlemail.com", "+1@x.de"}
    assert found(plus_tags=["gmail.com"], gmail_dots="drop") == {
        "ann+a@shop.de",
        "ann@shop.de",
        "bob@gmail.com",
        "+1@x.de",
    }
    for wrong in (
        {"plus_tags": "gone"},
        {"plus_tags": ["de"]},
        {"gmail_dots": True},
        {"shared_devices": "by turns"},
    ):
        with pytest.raises(
            cj.SourceError, match=f"{next(iter(wrong))} is 'keep'|{next(iter(wrong))} is 'set aside'"
        ):
            found(**wrong)


@pytest.mark.parametrize(
    ("written", "region", "number"),
    [  # published by libphonenumber and phonenumbers in their first examples, and by ITU-T E.123
        ("044 668 18 00", "CH", "+41446681800"),
        ("020 8366 1177", "GB", "+442083661177"),
        ("(0607) 123 4567", "ZA", "+276071234567"),
        ("+22 607 123 4567", None, "+226071234567"),
    ],
)
def test_published_numbers_in_the_form_of_e164(written, region, number):
    assert phone_number(written, region) == number or region is None


@examples(100)
@given(
    st.text("0123456789 -/().", min_size=3, max_size=16),
    st.sampled_from(["DE", "GB", "FR", "IL", "UY", "AU", "IT"]),
)
@example("0171 / 2345-678", "DE")
@example("014 2345678", "IL")
def test_numbers_that_are_read_fast_are_those_that_phonenumbers_reads(written, region):
    plain = (
        "+" + written.strip()[2:]
        if written.strip()[:2] == "00" and written.strip()[2:3] not in {"", "0"}
        else written
    )
    try:
        parsed = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return
    if phonenumbers.is_possible_number(parsed) and plain == written:
        wanted = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        assert phone_number(written, region) == wanted


# devices of several customers -----------------------------------------------------------------------------

TABLET = [
    {"cookie": "t"},  # before 1 logs in
    {"cookie": "t", "user": "1"},
    {"cookie": "t"},  # before 2 does
    {"cookie": "t", "user": "2"},
    {"cookie": "t"},  # nobody after
    {"cookie": "own", "user": "1"},
    {"cookie": "own"},
]


def test_a_shared_device_is_set_aside_or_divided_by_who_logs_in_next():
    aside = cj.ingest(visits(TABLET))
    assert aside.n_customers == 2
    assert fates(aside) == {"used": 4, "set aside: only an identifier that several customers share": 3}
    assert links(aside) == {"refused: cookie shared by several customers": 5}
    divided = cj.ingest(visits(TABLET), shared_devices="by time")
    whose = of_whom(divided)
    assert [whose[f"web{i}"] for i in range(7)] == [0, 0, 1, 1, 1, 0, 0]
    assert fates(divided) == {"used": 7}
    assert links(divided) == {
        "refused: cookie shared by several customers": 5,
        "by time: a device of several customers, divided by who logged in": 3,
    }
    assert groups_of(aside) == groups_of(divided)


@pytest.mark.parametrize("seed", range(3))
def test_by_time_follows_the_records_not_their_order(seed):
    chance = random.Random(seed)  # noqa: S311 -- a test's world
    rows = []
    for minute in chance.sample(range(600), 30):
        at = f"2026-02-01 {minute // 60:02d}:{minute % 60:02d}"
        rows.append(
            {"cookie": chance.choice("ab"), "user": chance.choice([None, None, "1", "2", "3"]), "at": at}
        )
    rows += [{"cookie": c, "user": u, "at": "2026-03-01 10:00"} for c in "ab" for u in "12"]
    log = cj.ingest(visits(rows), shared_devices="by time")
    whose, number = (
        of_whom(log),
        {value: c for c, k, v in log.identities.itertuples(index=False) if (value := v)},
    )
    for i, row in enumerate(rows):
        same = [(r["at"], r["user"]) for r in rows if r["cookie"] == row["cookie"] and r["user"]]
        after = min([each for each in same if each[0] >= row["at"]], default=None)
        assert whose[f"web{i}"] == number[row["user"] or after[1]]


# a table from elsewhere -----------------------------------------------------------------------------------


def test_a_table_of_clusters_takes_the_place_of_links(tmp_path: Path):
    rows = [
        {"user": "1", "mail": "ann@shop.de"},
        {"user": "1", "mail": "bob@shop.de"},  # the table knows better
        {"mail": "bob@shop.de", "cookie": "b"},
        {"mail": "bob@shop.de", "card": "L"},
        {"mail": "cid@shop.de", "card": "L"},  # L would join two clusters
        {"cookie": "b"},
        {"mail": "not in the table@shop.de", "user": "9"},
        {"mail": "new@shop.de", "user": "9"},
    ]
    table = pd.DataFrame(
        {
            "kind": ["email", "email", "user_id", "email", "email"],
            "value": [" Ann@SHOP.de", "bob@shop.de", "1", "cid@shop.de", "nobody@else.where"],
            "cluster": ["A", "B", "A", "C", "A"],
        }
    )
    log = cj.ingest(visits(rows), clusters=table)
    assert groups_of(log) == {
        frozenset({("email", "ann@shop.de"), ("user_id", "1")}),
        frozenset({("email", "bob@shop.de"), ("cookie", "b")}),
        frozenset({("email", "cid@shop.de")}),
        frozenset({("email", "new@shop.de"), ("user_id", "9")}),
    }
    assert links(log)["refused: loyalty shared by several customers"] == 2
    path = tmp_path / "clusters.csv"
    table.drop(columns="kind").to_csv(path, index=False)
    assert groups_of(cj.ingest(visits(rows), clusters=path)) == groups_of(log)
    pq.write_table(
        log.to_arrow()["identities"].rename_columns(["cluster", "kind", "value"]), tmp_path / "own.parquet"
    )
    assert groups_of(cj.ingest(visits(rows), clusters=tmp_path / "own.parquet")) == groups_of(log)


def test_a_table_of_clusters_that_is_none_is_told():
    one = visits([{"mail": "ann@shop.de"}])
    with pytest.raises(cj.SourceError, match="no column 'cluster', did you mean 'clusters'"):
        cj.ingest(one, clusters=pd.DataFrame({"value": ["a"], "clusters": ["b"]}))
    twice = pd.DataFrame({"value": ["ann@shop.de", "ANN@shop.de"], "cluster": ["A", "B"]})
    with pytest.raises(cj.SourceError, match=r"email 'ann@shop\.de' in A, B"):
        cj.ingest(one, clusters=twice)
    with pytest.raises(cj.SourceError, match="there is no file"):
        cj.ingest(one, clusters="absent.csv")
    with pytest.raises(cj.SourceError, match="frame or the path"):
        cj.ingest(one, clusters=7)


# hashes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "digest"),
    [  # RFC 4231, test cases 1, 2 and 6, truncated as RFC 2104 allows
        (b"\x0b" * 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
        (b"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
        (
            b"\xaa" * 131,
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f",
        ),
    ],
)
def test_the_keyed_hash_is_hmac_sha256(key, text, digest):
    assert keyed_hash(key, text) == digest


def test_no_identifier_can_be_read_in_a_pseudonymised_log(tmp_path: Path):
    rows = [
        {"mail": "ann.secret@shop.de", "cookie": "1234567.7654321"},
        {"cookie": "1234567.7654321", "user": "SECRETUSER"},
        {"mail": "bob.secret@shop.de", "phone": "+493023125001"},
        {"cookie": "999.888", "user": "SECRETUSER"},
        {"cookie": "999.888", "mail": "bob.secret@shop.de"},
        {"mail": "unknown@secret.de", "card": "SECRETCARD"},
        {"mail": "ann.secret@shop.de", "at": "never.secret"},
    ]
    log = cj.ingest(visits(rows), identities="pseudonymise", key="k", path=tmp_path / "x.log")
    plain = cj.ingest(visits(rows))
    assert {len(g) for g in groups_of(log)} == {len(g) for g in groups_of(plain)}
    assert len(log.links) == len(plain.links) > 5
    kept = log.identities
    hashed = dict(zip(kept["value"], kept["kind"].astype(str), strict=True))
    assert hashed[keyed_hash(b"k", "email\x1fann.secret@shop.de")] == "email"
    assert log.explain(keyed_hash(b"k", "loyalty\x1fSECRETCARD")).answer.endswith("1 was refused")
    secrets = {v for row in rows for v in row.values()} | {v for _, v in set().union(*groups_of(plain))}
    texts = []
    for file in (tmp_path / "x.log").rglob("*"):
        if file.is_file():
            texts.append(file.read_bytes().decode("latin-1"))
        if file.suffix == ".parquet":
            out = io.StringIO()
            pq.read_table(file).to_pandas().to_csv(out)
            texts.append(out.getvalue())
    assert not [secret for secret in secrets if secret and any(secret in text for text in texts)]
    dropped = cj.ingest(visits(rows), identities="drop")
    assert len(dropped.identities) == len(dropped.links) == 0
    assert dropped.n_customers == plain.n_customers
    with pytest.raises(cj.LogError, match="holds none"):
        dropped.explain(0)


# explaining -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def explained():
    rows = [
        {"mail": "ann@shop.de", "card": "L7", "cookie": "c1"},
        {"mail": "ann@shop.de", "cookie": "c2"},
        {"mail": "ann@shop.de", "cookie": "c2"},
        {"mail": "bob@shop.de", "card": "L8", "cookie": "tab"},
        {"mail": "ann@shop.de", "cookie": "tab"},
        {"mail": "test@shop.de", "card": "L8"},
        {"user": "alone"},
        {"cookie": "tab"},
    ]
    return cj.ingest(visits(rows))


def test_a_customer_is_explained_by_the_links_that_bring_in_each_identifier(explained):
    told = explained.explain("ann@shop.de")
    assert told.answer == "Customer 0 has 4 identifiers, joined by 3 of 4 links; 1 was refused"
    brought = told.chain[["identifier", "other", "source", "records"]].to_numpy().tolist()
    assert brought == [
        ["cookie c1", "email ann@shop.de", "web", 1],
        ["cookie c1", "loyalty L7", "web", 1],
        ["email ann@shop.de", "cookie c2", "web", 2],
    ]
    (refused,) = told.refused.to_dict("records")
    assert refused["identifier"] == "cookie tab"
    assert refused["why"] == "no link: cookie shared by several customers"
    assert explained.explain(0).answer == told.answer
    assert "3 of 4" in repr(told)
    assert "chain" in told._repr_html_()


def test_two_identifiers_are_explained_by_the_shortest_chain(explained):
    told = explained.explain("c2", ("loyalty", "L7"))
    assert told.answer == "cookie c2 and loyalty L7 are one customer, 0, by 2 links"
    assert told.chain["identifier"].tolist() == ["cookie c2", "email ann@shop.de"]
    apart = explained.explain("ann@shop.de", "L8")
    assert apart.answer == (
        "email ann@shop.de and loyalty L8 are not one customer: cookie shared by several customers"
    )
    assert apart.chain["other"].tolist() == ["cookie tab", "loyalty L8"]
    assert explained.explain("alone", "L8").answer.endswith("were never seen together, nor through others")
    assert explained.explain("test@shop.de").answer == "email test@shop.de is nobody's: email a placeholder"
    assert explained.explain("tab").answer.endswith("cookie shared by several customers")
    for wrong in (("nobody",), (99,), (0, "L8"), ("L8", "nobody")):
        with pytest.raises(cj.LogError):
            explained.explain(*wrong)


def test_what_a_log_explains_is_written_with_it(explained, tmp_path: Path):
    again = cj.read_log(explained.write(tmp_path / "x.log"))
    pd.testing.assert_frame_equal(again.links, explained.links)
    assert again.explain("L7").answer == explained.explain("L7").answer


# the same for any order -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_customers_are_a_function_of_the_records_alone(seed):
    """What sets of identifiers do in any order is in test_identity_links."""
    chance = random.Random(seed)  # noqa: S311 -- a test's world
    columns = {"user": "abcdef", "mail": "abcdef", "cookie": "abcd", "card": "abcdefgh"}
    rows = [
        {
            **{
                name: chance.choice([None, *(f"{v}@x.de" for v in values)])
                for name, values in columns.items()
            },
            "at": f"2026-01-01 {10 + i // 60}:{i % 60:02d}",
        }
        for i in range(80)
    ]
    shuffled = chance.sample(rows, len(rows))
    cut = chance.randrange(1, len(rows))
    parts = [visits(part, name) for part, name in ((shuffled[:cut], "p"), (shuffled[cut:], "q"))]
    one, other = (cj.ingest(sources, data_end="2026-02-01") for sources in (visits(rows), parts))
    pd.testing.assert_frame_equal(one.identities, other.identities)
    whose = [log.events.set_index("timestamp")["customer"].sort_index() for log in (one, other)]
    pd.testing.assert_series_equal(*whose)
    assert links(one) == links(other)


# the simulator's truth ------------------------------------------------------------------------------------


def test_a_shop_with_households_and_typed_addresses_is_taken_apart_rightly(tmp_path: Path):
    shop = cj.simulate.shop(
        60, seed=3, households=0.5, typed_contacts=15, typed_email="counter@shop.example", clean=True
    )
    shop.write(tmp_path)
    sources = [
        cj.sources.Salesforce(tmp_path / "crm", region="DE", identifiers={"Customer_Number__c": "user_id"}),
        cj.sources.GA4(tmp_path / "web"),
    ]
    log = cj.ingest(sources, shared_devices="by time", data_end="2026-08-31T22:00Z")
    contacts = pd.read_csv(tmp_path / "crm" / "Contact.csv", dtype=str)
    whose = dict(
        zip(
            zip(log.identities["kind"].astype(str), log.identities["value"], strict=True),
            log.identities["customer"],
            strict=True,
        )
    )
    numbers = [whose["user_id", number] for number in contacts["Customer_Number__c"]]
    assert len(set(numbers)) == len(numbers), "nobody is joined with anybody"
    assert [whose["crm_id", each] for each in contacts["Id"]] == numbers
    refused = links(log)
    assert refused["refused: email shared by too many"] == 15
    assert refused["refused: phone shared by too many"] >= 15
    assert refused["refused: cookie shared by several customers"] > 0
    assert refused["by time: a device of several customers, divided by who logged in"] > 0
    assert not {"counter@shop.example", "+4930231250"} & set(log.identities["value"])
    assert np.all([a != b for a, b in combinations(sorted(set(numbers)), 2)])
