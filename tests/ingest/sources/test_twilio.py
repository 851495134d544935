"""Twilio's calls: what became of each, known by the legs it was put through by."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cjmining as cj
from tests.ingest.helpers import events_made, fates, groups_of, seen


@pytest.fixture(scope="module")
def page(request):
    return request.config.rootpath / "tests" / "data" / "twilio" / "calls.json"


@pytest.fixture(scope="module")
def log(page):
    return cj.ingest(cj.sources.Twilio(page))


def test_what_became_of_calls(log):
    assert sorted(seen(log, "timestamp", "touchpoint", "native", "actor", "failed", "duration_s")) == [
        ("2026-03-02 09:00:00", "call_answered", "inbound completed", "customer", False, 300.0),
        ("2026-03-02 10:00:00", "call_self_served", "inbound completed", "customer", False, 60.0),
        ("2026-03-02 11:00:00", "call_abandoned", "inbound completed", "customer", True, 60.0),
        ("2026-03-02 12:00:00", "call_made", "outbound-api busy", "company", True, None),
    ]
    assert set(log.events["channel"]) == {"phone"}


def test_every_call_has_a_fate(log):
    assert fates(log) == {
        "used": 4,
        "superseded: delivered again": 1,
        "set aside: a leg of another call": 3,
        "set aside: a call within the company": 1,
        "set aside: still under way": 1,
        "set aside: no identifier": 1,  # a hidden number names nobody
        "quarantined: start_time is no time that can be read": 1,
    }
    assert events_made(log) == {"kept": 4}
    assert groups_of(log) == {
        frozenset({("phone", "+493023125000")}),
        frozenset({("phone", "+14155550101")}),
    }


def test_a_table_of_a_warehouse_gives_the_same(page, log, tmp_path):
    """Its own name for the key, its own form of times."""
    calls = json.loads(page.read_text())["calls"]
    names = list(dict.fromkeys(name for call in calls for name in call))
    table = pa.table({name: pa.array([call.get(name) for call in calls], pa.string()) for name in names})
    pq.write_table(table.drop_columns(["duration", "queue_time"]), tmp_path / "call.parquet")
    again = cj.ingest(cj.sources.Twilio(tmp_path))
    assert again.to_arrow()["events"].drop_columns("event_id") == log.to_arrow()["events"].drop_columns(
        "event_id"
    )
    (tmp_path / "call.csv").write_text(
        "id,from,to,direction,status,start_time,end_time,updated_at,parent_call_sid\n"
        "CA4,+493023125000,+4930999,inbound,completed,2026-03-02 10:00:00 UTC,,2026-03-02 10:01:00 UTC,\n"
    )
    flat = cj.ingest(cj.sources.Twilio(tmp_path / "call.csv"))
    assert seen(flat, "timestamp", "touchpoint") == [("2026-03-02 10:00:00", "call_self_served")]
