"""Qualtrics' exports with three, two and one header rows, and a distribution's history."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import cjmining as cj
from tests.ingest.helpers import events_made, fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data" / "qualtrics"
QUESTIONS = {"Q2": "csat", "QID3": ("ces", 7, 1)}
COLUMNS = ("timestamp", "native", "touchpoint", "failed", "satisfaction", "duration_s")


def told(log: cj.JourneyLog, place: int) -> dict[str, str]:
    answered = log.events[log.events["touchpoint"] == "survey_answered"].sort_values("timestamp")
    return json.loads(answered["properties"].iloc[place])


@pytest.fixture(scope="module")
def numeric(tmp_path_factory) -> cj.JourneyLog:
    folder = tmp_path_factory.mktemp("survey")
    for name in ("numeric.csv", "history.csv"):
        shutil.copy(DATA / name, folder)
    source = cj.sources.Qualtrics(
        folder,
        questions=QUESTIONS,
        identifiers={"CustomerID": "user_id"},
        properties=["Store"],
        survey="After delivery",
    )
    return cj.ingest(source, data_end="2026-08-01")


def test_responses_are_started_and_answered(numeric):
    """Noon in Berlin, which the header names, is ten in UTC; csat 4 of 1 to 5 is three quarters."""
    survey = [row for row in sorted(seen(numeric, *COLUMNS), key=str) if "Response" in row[1]]
    assert survey == [
        (
            "2026-07-01 08:31:00",
            "Response started",
            "survey_started",
            None,
            None,
            None,
        ),  # by the history alone
        ("2026-07-01 10:00:00", "Response started", "survey_started", None, None, 120.0),
        ("2026-07-01 10:02:00", "Response recorded", "survey_answered", None, 0.75, None),
        ("2026-07-02 10:00:00", "Response started", "survey_started", None, None, 60.0),
        (
            "2026-07-02 10:01:00",
            "Response recorded",
            "survey_answered",
            True,
            None,
            None,
        ),  # left, but answered
        ("2026-07-03 10:00:00", "Response started", "survey_started", None, None, 5.0),  # left at once
        ("2026-07-04 10:00:00", "Response started", "survey_started", None, None, 60.0),
        ("2026-07-04 10:01:00", "Response recorded", "survey_answered", None, 0.5, None),
        ("2026-07-06 10:00:00", "Response started", "survey_started", None, None, 60.0),
        ("2026-07-06 10:01:00", "Response recorded", "survey_answered", None, 0.0, None),
    ]
    assert set(numeric.events["campaign"]) == {"After delivery"}


def test_invitations_come_from_the_history(numeric):
    invited = [
        row for row in sorted(seen(numeric, *COLUMNS[:4], "actor", "channel"), key=str) if "Invit" in row[1]
    ]
    assert invited == [
        ("2026-07-01 08:00:00", "Invitation sent", "survey_sent", None, "company", "email"),
        ("2026-07-01 08:00:00", "Invitation sent", "survey_sent", None, "company", "email"),
        ("2026-07-01 08:00:00", "Invitation sent", "survey_sent", True, "company", "email"),  # it bounced
        ("2026-07-01 08:30:00", "Invitation opened", "email_opened", None, "customer", "email"),
        ("2026-07-01 09:55:00", "Invitation opened", "email_opened", None, "customer", "email"),
    ]
    assert events_made(numeric) == {"kept": 15, "withdrawn: told by the response too": 2}


def test_every_response_is_accounted_for(numeric):
    assert fates(numeric) == {
        "used": 8,  # five responses, three contacts
        "set aside: a preview or a test": 2,
        "set aside: an anonymous link that names nobody": 1,
        "set aside: possible spam, says Qualtrics": 1,
        "quarantined: startDate is no time that can be read": 1,
    }
    values = numeric.ledger[numeric.ledger["what"] == "values"]
    assert dict(zip(values["reason"], values["count"], strict=True)) == {
        "Q5 is no answer on its scale (nps, 0 to 10)": 1
    }


def test_recipients_are_known_by_address_reference_and_contact(numeric):
    assert groups_of(numeric) == {
        frozenset(
            {
                ("email", "greta@shop.de"),
                ("user_id", "C1"),
                ("qualtrics_contact", "CID_1"),
                ("qualtrics_response", "R_1"),
            }
        ),
        frozenset({("email", "bob@shop.de"), ("qualtrics_response", "R_2"), ("qualtrics_response", "R_3")}),
        frozenset({("user_id", "C4"), ("qualtrics_response", "R_4")}),
        frozenset({("email", "eve@shop.de"), ("qualtrics_response", "R_9")}),
        frozenset({("qualtrics_contact", "CID_2")}),
        frozenset({("qualtrics_contact", "CID_3")}),
    }


def test_answers_keep_their_scale_and_comments_their_writers_secret(numeric):
    """Of the questions for text the one for the name is left out; nps is known by its group."""
    assert told(numeric, 0) == {
        "DistributionChannel": "email", "UserLanguage": "EN", "Progress": "100", "Store": "Berlin",
        "Q2": "4", "Q2_scale": "csat, 1 to 5", "Q2_satisfaction": "0.75",
        "QID3": "2", "QID3_scale": "ces, 7 to 1", "QID3_satisfaction": "0.833333",
        "Q5": "9", "Q5_scale": "nps, 0 to 10", "Q5_satisfaction": "0.9",
        "comment": "[..] says: call [..] or write to [..] / Thanks, Mrs [..]",
    }  # fmt: skip
    texts = " ".join(numeric.events["properties"].dropna())
    assert not any(personal in texts for personal in ("Greta", "Clausen", "@", "23125001", "198.51"))
    assert "comment" not in " ".join(
        numeric.events[numeric.events["touchpoint"] == "survey_started"]["properties"].dropna()
    )


def test_choice_texts_and_tabs_read_the_same():
    answers = [
        "Very dissatisfied",
        "Somewhat dissatisfied",
        "Neither",
        "Somewhat satisfied",
        "Very satisfied",
    ]
    source = cj.sources.Qualtrics(
        DATA / "texts.tsv", questions={"Q2": ("csat", answers), "Q3": "ces"}, comments="Q4", timezone="UTC"
    )
    log = cj.ingest(source)
    assert seen(log, "timestamp", "touchpoint", "failed", "satisfaction") == [
        ("2026-07-01 12:00:00", "survey_started", None, None),
        ("2026-07-01 12:02:00", "survey_answered", None, 0.75),
    ]
    assert fates(log) == {
        "used": 1,
        "set aside: a preview or a test": 1,
        "set aside: possible spam, says Qualtrics": 1,
    }
    assert told(log, 0)["comment"] == "[..] says: call [..] or write to [..]"
    assert told(log, 0)["Q3_satisfaction"] == "0.166667"


def test_the_legacy_export_has_two_header_rows():
    log = cj.ingest(cj.sources.Qualtrics(DATA / "legacy.csv", questions={"Q5": "nps"}))
    assert seen(log, *COLUMNS) == [
        ("2026-06-01 10:00:00", "Response started", "survey_started", None, None, 120.0),
        ("2026-06-01 10:02:00", "Response recorded", "survey_answered", None, 0.8, None),
    ]
    assert fates(log) == {"used": 1, "set aside: a preview or a test": 1}


def test_one_header_row_is_read_too(tmp_path):
    given = tmp_path / "a.csv"
    given.write_text(
        "Start Date,End Date,ResponseId,Recipient Email,Finished,Q1\n2026-06-01,2026-06-02,R,a@shop.de,1,3\n"
    )
    log = cj.ingest(cj.sources.Qualtrics(given, questions={"Q1": ("stars", 1, 5)}))
    assert seen(log, "touchpoint", "satisfaction") == [("survey_started", None), ("survey_answered", 0.5)]


def test_a_response_delivered_again_counts_once(tmp_path):
    text = (DATA / "numeric.csv").read_text()
    (tmp_path / "july.csv").write_text(text)
    later = text.replace("2026-07-09 12:01:00,R_2", "2026-07-11 12:01:00,R_2").replace(
        ",40,60,0,", ",100,60,1,"
    )
    (tmp_path / "august.csv").write_text(later)
    log = cj.ingest(cj.sources.Qualtrics(tmp_path))
    assert fates(log)["superseded: delivered again"] == 9
    answered = [
        row for row in seen(log, "timestamp", "touchpoint", "failed") if row[0] == "2026-07-02 10:01:00"
    ]
    assert answered == [("2026-07-02 10:01:00", "survey_answered", None)]  # the later delivery is complete


def test_a_history_may_stand_alone():
    log = cj.ingest(cj.sources.Qualtrics(DATA / "history.csv", questions=QUESTIONS), data_end="2026-08-01")
    assert events_made(log) == {"kept": 8}
    assert log.n_customers == 3


def test_mistakes_are_said(tmp_path):
    with pytest.raises(cj.SourceError, match=r"no export has a column 'Q22', did you mean 'Q2'"):
        cj.ingest(cj.sources.Qualtrics(DATA / "numeric.csv", questions={"Q22": "nps"}))
    with pytest.raises(
        cj.SourceError, match=r"questions\['Q2'\]: give one of 'nps', 'csat', 'ces'.*not 'npss', did"
    ):
        cj.sources.Qualtrics(DATA, questions={"Q2": "npss"})
    with pytest.raises(cj.SourceError, match=r"not \('csat', 5, 5\)"):
        cj.sources.Qualtrics(DATA, questions={"Q2": ("csat", 5, 5)})
    (tmp_path / "responses.xml").write_text("<Responses/>")
    with pytest.raises(cj.SourceError, match=r"responses.xml is XML, which isn't read; in Qualtrics choose"):
        cj.ingest(cj.sources.Qualtrics(tmp_path))
    with pytest.raises(cj.SourceError, match=r"leads.csv has not the columns StartDate and EndDate"):
        cj.ingest(cj.sources.Qualtrics(DATA.parent / "marketo" / "bulk" / "leads.csv"))


def test_a_question_seen_but_unanswered_has_no_answer(tmp_path):
    """Left before its end, with -99 for all that was seen: nothing was answered."""
    (tmp_path / "survey.csv").write_text(
        "ResponseId,StartDate,EndDate,Finished,RecipientEmail,Q1,Q2\n"
        "R_1,2026-03-01 10:00:00,2026-03-01 10:05:00,False,ann@shop.de,-99,-99\n"
        "R_2,2026-03-02 10:00:00,2026-03-02 10:05:00,True,bob@shop.de,-99,too slow\n"
    )
    log = cj.ingest(cj.sources.Qualtrics(tmp_path, questions={"Q1": "csat"}, comments=["Q2"], timezone="UTC"))
    assert seen(log, "touchpoint", "satisfaction") == [
        ("survey_started", None), ("survey_started", None), ("survey_answered", None)
    ]  # fmt: skip
    assert told(log, 0) == {"comment": "too slow"}
    assert not any("no answer on its scale" in note for note in log.notes)


def test_the_published_export(shared_data, tmp_path):
    """Its one response came by an anonymous link; with a recipient it would be read."""
    published = shared_data / "survey" / "qualtrics_v3_export_3header.csv"
    with pytest.raises(cj.SourceError, match="1 record set aside \\(an anonymous link that names nobody\\)"):
        cj.ingest(cj.sources.Qualtrics(published))
    named = tmp_path / "named.csv"
    named.write_text(published.read_text().replace("R_2YPOQ602ER1jkf1,,,,", "R_2YPOQ602ER1jkf1,,,a@shop.de,"))
    log = cj.ingest(cj.sources.Qualtrics(named, questions={"Q1": ("choice", 1, 3)}, timezone="Europe/Berlin"))
    assert seen(log, "timestamp", "touchpoint", "satisfaction", "duration_s") == [
        ("2017-07-18 06:28:09", "survey_started", None, 38.0),
        ("2017-07-18 06:28:48", "survey_answered", 0.5, None),
    ]
    assert told(log, 0)["comment"] == "Hello World!"
