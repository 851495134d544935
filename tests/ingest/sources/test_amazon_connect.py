# ruff: noqa: E501 -- events are as long as they are
"""Contact records of Amazon Connect, written by hand after its administrator guide."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cjmining as cj
from cjmining.ingest.vocabulary import is_known
from tests.ingest.helpers import events_made, fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data" / "amazon_connect"
DAY = "2026-03-02 "


def ingest(path, **options):
    return cj.ingest(cj.sources.AmazonConnect(path, region="DE", **options), data_end="2026-03-03")


@pytest.fixture(scope="module")
def log():
    return ingest(DATA)


def steps(log, first: str, last: str, *columns: str) -> list[tuple[object, ...]]:
    """The events between two times of the day."""
    rows = sorted(seen(log, "timestamp", *columns), key=lambda row: row[0])
    return [(row[0].removeprefix(DAY), *row[1:]) for row in rows if DAY + first <= row[0] < DAY + last]


def test_a_call_is_queued_answered_held_and_handed_on(log):
    assert steps(log, "09:00:00", "10:00:00", "touchpoint", "actor", "failed", "wait_s", "duration_s", "precision") == [
        ("09:00:30", "call_queued", "customer", None, None, 40, 0),
        ("09:01:10", "call_answered", "customer", False, 40, 530, 0),
        # two holds of 50 s somewhere in the 530 s with the agent
        ("09:01:10", "call_held", "company", None, 50, 50, 480),
        ("09:09:30", "call_transferred", "company", None, None, None, 0),
        ("09:09:30", "call_queued", "customer", None, None, 150, 0),
        ("09:12:00", "call_answered", "customer", False, 150, 480, 0),
        ("09:20:00", "call_ended", "customer", None, None, None, 0),
    ]  # fmt: skip


def test_a_consultation_is_no_transfer(log):
    assert steps(log, "10:00:00", "11:00:00", "touchpoint", "wait_s", "duration_s") == [
        ("10:00:00", "call_queued", None, 10),
        ("10:00:10", "call_answered", 10, 1190),
        ("10:20:00", "call_ended", None, None),
    ]  # fmt: skip
    assert events_made(log) == {
        "kept": 36,
        "withdrawn: a consultation between agents": 3,  # handed on, answered, ended
        "withdrawn: it goes on in the next contact": 1,
        "withdrawn: a draft that was never sent": 1,
    }


def test_the_queued_callback_of_the_guide(log):
    """Asked for at 11:37, accepted and dialled at 11:39:00: not abandoned, though no agent answered at 11:35."""
    assert steps(log, "11:00:00", "12:00:00", "touchpoint", "actor", "failed", "wait_s") == [
        ("11:35:00", "call_queued", "customer", None, None),
        ("11:37:00", "callback_requested", "customer", None, None),
        ("11:39:00", "call_made", "company", False, 120),
        ("11:42:00", "call_ended", "customer", None, None),
    ]  # fmt: skip


def test_who_is_not_answered(log):
    assert steps(log, "12:00:00", "13:00:00", "native", "touchpoint", "actor", "failed", "wait_s", "duration_s") == [
        ("12:00:20", "VOICE queued", "call_queued", "customer", None, None, 280),
        ("12:05:00", "VOICE abandoned", "call_abandoned", "customer", True, 280, None),
        ("12:10:00", "VOICE queued", "call_queued", "customer", None, None, 120),
        ("12:12:00", "VOICE transferred", "call_transferred", "system", None, None, None),
        ("12:12:00", "VOICE queued", "call_queued", "customer", None, None, 60),
        ("12:13:00", "VOICE abandoned", "call_abandoned", "company", True, 60, None),  # a flow hung up
        ("12:30:00", "VOICE self-service", "call_self_served", "customer", None, None, 60),
        ("12:40:00", "VOICE queued", "call_queued", "customer", None, None, 5),
        ("12:40:05", "VOICE answered", "call_answered", "customer", False, 5, 295),
        ("12:45:00", "VOICE ended", "call_ended", "system", True, None, None),  # the line broke
        ("12:50:30", "VOICE transferred out", "call_transferred", "system", None, None, None),
    ]  # fmt: skip


def test_what_the_company_dials(log):
    assert steps(log, "13:00:00", "14:00:00", "touchpoint", "actor", "failed", "duration_s", "campaign") == [
        ("13:00:00", "call_made", "company", False, 300, None),
        ("13:05:00", "call_ended", "company", None, None, None),
        ("13:10:00", "call_made", "company", True, 40, "spring"),  # a machine answered
        ("13:20:00", "call_made", "company", True, 5, None),  # busy
    ]  # fmt: skip


def test_chats_messages_and_emails(log):
    assert steps(log, "14:00:00", "16:00:00", "native", "touchpoint", "channel", "failed", "wait_s") == [
        ("14:00:00", "CHAT queued", "chat_queued", "chat", None, None),
        ("14:00:30", "CHAT answered", "chat_answered", "chat", False, 30),
        ("14:20:00", "CHAT ended", "chat_ended", "chat", None, None),
        ("14:30:00", "CHAT queued", "message_queued", "sms", None, None),
        ("14:40:00", "CHAT abandoned", "message_abandoned", "sms", True, 600),
        ("15:00:00", "EMAIL received", "email_received", "email", None, None),
        ("15:29:00", "EMAIL sent", "email_sent", "email", None, None),
    ]  # fmt: skip


def test_every_record_is_accounted_for(log):
    assert fates(log) == {
        "used": 20,
        "superseded: delivered again": 1,
        "set aside: a call of an agent to a third party": 1,
        "set aside: a supervisor who listened": 1,
        "set aside: a task, no contact with the customer": 1,
        "set aside: no identifier": 1,  # the number was withheld
    }
    assert all(map(is_known, log.events["touchpoint"].unique()))


def test_a_leg_without_an_address_belongs_to_the_caller(log):
    by_phone, by_email = sorted(groups_of(log), key=len, reverse=True)
    assert by_email == {("email", "ann@shop.de"), ("cookie", "ck1")}
    assert {("phone", "+493023125001"), ("user_id", "C7"), ("call_contact", "a2")} <= by_phone
    assert not any("999" in value for _, value in by_phone)  # the third party's number


def test_parquet_with_the_lower_case_names_of_athena(tmp_path, log):
    def lower(value):
        return (
            {k.lower(): lower(v) for k, v in value.items() if k != "SegmentAttributes"}
            if isinstance(value, dict)
            else value
        )

    records = [json.loads(line) for line in (DATA / "2026/03/02/09/stream-1.jsonl").read_text().splitlines()]
    attributes = pa.array([[("email", "ann@shop.de")] for _ in records], pa.map_(pa.string(), pa.string()))
    table = pa.Table.from_pylist(
        [{k: v for k, v in lower(r).items() if k not in {"attributes", "queue"}} for r in records]
    )
    queue = pa.array([lower(r["Queue"]) if r["Queue"] else None for r in records])
    pq.write_table(
        table.append_column("attributes", attributes).append_column("queue", queue),
        tmp_path / "part-0.parquet",
    )
    found = ingest(tmp_path)
    columns = ("touchpoint", "actor", "failed", "wait_s", "duration_s", "precision")
    assert steps(found, "09:00:00", "11:00:00", *columns) == steps(log, "09:00:00", "11:00:00", *columns)
    assert {kind for kind, _ in next(iter(groups_of(found)))} == {"phone", "email", "call_contact", "user_id"}


def test_one_event_for_each_contact():
    log = ingest(DATA, steps=False)
    assert steps(log, "09:00:00", "11:00:00", "touchpoint", "wait_s", "duration_s") == [
        ("09:00:00", "call_answered", 40, 600),
        ("09:09:30", "call_transferred", 150, 630),
        ("10:00:00", "call_answered", 10, 1200),
        ("10:05:00", "call_transferred", None, 180),
    ]  # fmt: skip


def test_options_are_checked():
    with pytest.raises(cj.SourceError, match="steps is True or False, not 'all'"):
        cj.sources.AmazonConnect(DATA, steps="all")
    with pytest.raises(cj.SourceError, match="attributes is"):
        cj.sources.AmazonConnect(DATA, attributes={"email": 1})


def test_attributes_asked_for_are_looked_for_in_files_without_an_ending_too(tmp_path):
    contact = {
        "ContactId": "c1", "Channel": "VOICE", "InitiationMethod": "INBOUND",
        "InitiationTimestamp": "2026-03-02T09:00:00Z", "DisconnectTimestamp": "2026-03-02T09:01:00Z",
        "CustomerEndpoint": {"Address": "+493023125001", "Type": "TELEPHONE_NUMBER"},
        "Attributes": {"email": "ann@shop.de", "lang": "de"},
    }  # fmt: skip
    folder = tmp_path / "2026" / "03" / "02"  # as Firehose writes to S3
    folder.mkdir(parents=True)
    later = {**contact, "ContactId": "c2", "InitiationTimestamp": "2026-03-02T09:00:30Z"}
    (folder / "connect-ctr-1-2026-03-02-09-00-00-4f2a").write_text(json.dumps(contact) + json.dumps(later))
    log = ingest(tmp_path, attributes={"email": "email"})
    assert fates(log) == {"used": 2}
    assert groups_of(log) == {frozenset({("phone", "+493023125001"), ("email", "ann@shop.de")})}
    with pytest.raises(cj.SourceError, match=r"attribute 'emial', did you mean 'email'\?"):
        ingest(tmp_path, attributes={"emial": "email"})
    noted = ingest(tmp_path, attributes={"email": "email", "card": "loyalty"}).notes
    assert (
        "source 'calls': none of the contacts looked at has the attribute 'card'; attributes found: email, lang"
    ) in noted
