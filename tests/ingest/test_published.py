# ruff: noqa: E501 -- native rows are as long as they are
"""Published data, read in place: every record is accounted for. Expected numbers: the data folder's README."""

from __future__ import annotations

import csv
import gzip
import io
import json

import cjmining as cj

from .helpers import events_made, fates


def test_clickstream(shared_data):
    log = cj.ingest(
        cj.sources.Table(
            shared_data / "web" / "shop_clickstream.csv.gz", name="web", customer={"user_id": "user_id"}, timestamp="timestamp",
            touchpoint="event", channel="platform", dimensions={"session": "session_id", "acquisition": "acquisition_channel"},
        )
    )  # fmt: skip
    assert fates(log) == {"used": 31_106}
    assert events_made(log) == {"kept": 31_106}
    assert log.n_customers == 600
    assert log.events["session"].nunique() == 3_605


def test_call_centre(shared_data):
    path = shared_data / "call_centre" / "callcenter_example.csv"
    log = cj.ingest(
        cj.sources.Table(
            path, name="calls", customer="Customer ID", timestamp="Start Date", end="End Date", touchpoint="Operation",
            channel={"fixed": "phone"}, journey="Service ID", date_format="%d.%m.%y %H:%M", timezone="Europe/Berlin",
        )
    )  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode().replace("\r", "\n"))))
    assert len(rows) == 7_548
    assert sum(fates(log).values()) == 7_548
    assert fates(log)["used"] + sum(n for fate, n in fates(log).items() if fate != "used") == 7_548
    assert log.n_journeys == len({row["Service ID"] for row in rows}) == 3_885
    assert log.n_customers == len({row["Customer ID"] for row in rows})
    assert log.events["touchpoint"].value_counts().to_dict() == {
        name: sum(row["Operation"] == name for row in rows) for name in {row["Operation"] for row in rows}
    }


def test_ga4(shared_data):
    path = shared_data / "web" / "ga4_export.jsonl"
    log = cj.ingest(cj.sources.GA4(path, arrivals=False))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert fates(log) == {"used": 93}
    assert log.n_customers == len({row["user_pseudo_id"] for row in rows})
    assert sorted(log.events["native"]) == sorted(row["event_name"] for row in rows)
    assert sorted(log.timestamps.tolist()) == sorted(int(row["event_timestamp"]) for row in rows)


def test_help_desk(shared_data):
    path = shared_data / "crm" / "helpdesk_tickets.xes.gz"
    log = cj.ingest(cj.sources.XES(path))
    assert fates(log) == {"used": 21_348}
    assert log.n_journeys == log.n_customers == 4_580
    text = gzip.decompress(path.read_bytes()).decode()
    assert text.count("<event>") == log.n_events
