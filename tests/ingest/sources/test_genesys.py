"""Conversations of Genesys Cloud, written by hand after the documented models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cjmining as cj
from cjmining.ingest.vocabulary import is_known
from tests.ingest.helpers import events_made, fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data" / "genesys"
DAY = "2026-03-02 "


def ingest(path):
    source = cj.sources.Genesys(path, region="DE", attributes={"customerNumber": "user_id"})
    return cj.ingest(source, data_end="2026-03-03")


@pytest.fixture(scope="module")
def log():
    return ingest(DATA)


def steps(log, conversation: str, *columns: str) -> list[tuple[object, ...]]:
    rows = seen(log, "session", "timestamp", *columns)
    return [(row[1].removeprefix(DAY), *row[2:]) for row in rows if row[0] == conversation]


def test_a_call_through_two_queues(log):
    assert steps(log, "k1", "native", "touchpoint", "actor", "failed", "wait_s", "duration_s") == [
        ("09:00:30", "voice queued", "call_queued", "customer", None, None, 40),
        ("09:01:10", "voice answered", "call_answered", "customer", False, 40, 290),
        ("09:03:00", "voice held", "call_held", "company", None, 45, 45),
        ("09:05:00", "voice held", "call_held", "company", None, 20.5, 20.5),
        ("09:06:00", "voice transferred", "call_transferred", "company", None, None, None),
        ("09:06:00", "voice queued", "call_queued", "customer", None, None, 60),
        ("09:07:00", "voice answered", "call_answered", "customer", False, 60, 300.1),
        ("09:12:00", "voice ended", "call_ended", "customer", None, None, None),
        ("10:00:00", "survey sent", "survey_sent", "company", None, None, None),
        ("12:30:00", "survey answered", "survey_answered", "customer", None, None, None),
    ]  # fmt: skip


def test_what_else_is_known_stays_with_the_events(log):
    events = log.events[log.events["session"] == "k1"].set_index("touchpoint")
    assert events["satisfaction"].dropna().to_dict() == {"survey_answered": 0.75}
    assert json.loads(events.loc["survey_answered", "properties"]) == {
        "surveyForm": "After the call", "oSurveyTotalScore": "75", "surveyPromoterScore": "9",
    }  # fmt: skip
    assert json.loads(events.loc["call_ended", "properties"]) == {
        "disconnectType": "endpoint",
        "wrapUpCode": "wrap-solved",
    }


def test_who_is_not_answered(log):
    columns = ("touchpoint", "actor", "channel", "failed", "wait_s", "duration_s")
    assert steps(log, "k2", *columns) == [
        ("10:00:10", "call_queued", "customer", "phone", None, None, 90),
        ("10:01:40", "call_abandoned", "customer", "phone", True, 90, None),
    ]  # fmt: skip
    assert steps(log, "k3", *columns) == [
        ("10:30:00", "call_self_served", "customer", "phone", None, None, 60)
    ]
    assert steps(log, "k4", *columns) == [  # the queue's flow let the caller leave a voicemail: not abandoned
        ("11:00:00", "call_queued", "customer", "phone", None, None, 120),
        ("11:02:00", "call_transferred", "system", "phone", None, 120, None),
        ("11:02:00", "voicemail_left", "customer", "phone", None, None, 60),
    ]  # fmt: skip
    assert steps(log, "k7", *columns) == [  # told by the segments, where the export has no metrics
        ("14:00:05", "message_queued", "customer", "social", None, None, 1795),
        ("14:30:00", "message_abandoned", "customer", "social", True, 1795, None),
    ]  # fmt: skip


def test_a_callback(log):
    assert steps(log, "k5", "touchpoint", "actor", "failed", "wait_s", "duration_s") == [
        ("12:00:00", "callback_requested", "customer", None, None, None),
        ("12:10:30", "call_made", "company", False, 630, 510),
        ("12:19:00", "call_ended", "company", None, None, None),
    ]  # fmt: skip


def test_a_callback_that_only_the_agents_sessions_tell_of(tmp_path):
    (asked,) = (
        each for each in json.loads((DATA / "page_2.json").read_text())["conversations"]
        if each["conversationId"] == "k5"
    )  # fmt: skip
    customer = asked["participants"][0]
    customer["sessions"] = [each for each in customer["sessions"] if each["mediaType"] == "callback"]
    (tmp_path / "calls.json").write_text(json.dumps([asked]))
    assert steps(ingest(tmp_path), "k5", "touchpoint", "actor", "failed", "wait_s", "duration_s") == [
        ("12:00:00", "callback_requested", "customer", None, None, None),
        ("12:10:45", "call_made", "company", False, 645, 495),
        ("12:19:00", "call_ended", "company", None, None, None),
    ]  # fmt: skip


def test_chats_and_emails(log):
    assert steps(log, "k6", "touchpoint", "actor", "channel", "wait_s", "duration_s") == [
        ("13:00:00", "chat_queued", "customer", "chat", None, 12),
        ("13:00:12", "chat_answered", "customer", "chat", 12, 1188),
        ("13:20:00", "chat_ended", "system", "chat", None, None),  # a timeout
    ]  # fmt: skip
    assert steps(log, "k8", "touchpoint", "actor", "channel", "wait_s") == [
        ("15:00:00", "email_received", "customer", "email", None),
        ("16:00:00", "email_sent", "company", "email", 3600),
    ]  # fmt: skip


def test_campaigns_and_messages_of_the_company(log):
    columns = ("touchpoint", "actor", "failed", "duration_s", "campaign")
    assert steps(log, "k9", *columns) == [
        ("16:30:00", "call_made", "company", True, 20, "spring")
    ]  # a machine
    assert steps(log, "k10", *columns) == [
        ("16:40:00", "call_made", "company", False, 50, "spring"),
        ("16:40:50", "call_ended", "customer", None, None, "spring"),
    ]  # fmt: skip
    assert steps(log, "k13", "touchpoint", "actor", "channel") == [("17:20:00", "sms_sent", "company", "sms")]


def test_every_record_is_accounted_for(log):
    assert fates(log) == {
        "used": 11,
        "superseded: delivered again": 1,  # k1 before it had ended, though it is read first
        "set aside: a conversation between agents alone": 1,
        "set aside: no identifier": 1,  # anonymous
    }
    assert events_made(log) == {"kept": 30}
    assert all(map(is_known, log.events["touchpoint"].unique()))


def test_who_is_who(log):
    assert groups_of(log) == {
        frozenset({("phone", "+4930231250011"), ("genesys_contact", "ec-ann")}),
        frozenset({("phone", "+4930231250022")}),  # by tel:, sip:, callback number, WhatsApp and SMS
        frozenset({("cookie", "ck-77"), ("user_id", "C1")}),
        frozenset({("email", "ann@shop.de")}),
    }


def test_a_consultation_that_ends_in_a_transfer(tmp_path):
    conversation = json.loads((DATA / "page_2.json").read_text())["conversations"][0]
    first = next(p for p in conversation["participants"] if p.get("userId") == "u1")
    for segment in first["sessions"][0]["segments"]:
        if "disconnectType" in segment:
            segment["disconnectType"] = "consultTransfer"
    (tmp_path / "one.json").write_text(json.dumps({"conversations": [conversation]}))
    told = steps(ingest(tmp_path), "k1", "touchpoint")
    assert [at for at, touchpoint in told if touchpoint == "call_answered"] == [
        "09:01:10",
        "09:03:08",
        "09:07:00",
    ]
    assert ("09:06:00", "call_transferred") in told


def test_the_order_of_deliveries_does_not_matter(tmp_path, log):
    pages = [json.loads((DATA / f"page_{i}.json").read_text()) for i in (2, 1)]
    (tmp_path / "all.jsonl").write_text(
        "".join(json.dumps(c) + "\n" for page in pages for c in page["conversations"])
    )
    again = ingest(tmp_path)
    assert steps(again, "k1", "native", "wait_s") == steps(log, "k1", "native", "wait_s")


def test_a_time_that_cannot_be_read_costs_its_step_alone(tmp_path):
    conversation = json.loads((DATA / "page_1.json").read_text())["conversations"][1]
    conversation["participants"][1]["sessions"][0]["segments"][0]["segmentStart"] = "yesterday"
    (tmp_path / "one.json").write_text(json.dumps(conversation, indent=2))
    log = ingest(tmp_path)
    assert steps(log, "k2", "touchpoint", "wait_s") == [("10:01:40", "call_abandoned", 90)]
    assert events_made(log) == {"kept": 1, "withdrawn: a step without a time that can be read": 1}


def test_options_are_checked():
    with pytest.raises(cj.SourceError, match="attributes is"):
        cj.sources.Genesys(DATA, attributes={"customerNumber": None})
