# ruff: noqa: E501 -- native rows are as long as they are
"""XES: nothing of a file is lost, and what can't be used is told."""

from __future__ import annotations

import gzip
import json
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

import cjmining as cj
from cjmining.ingest import xes_events
from cjmining.ingest.sources import xes
from tests.ingest.helpers import events_made, fates, groups_of, seen

COLUMNS = ("timestamp", "touchpoint", "native_journey", "duration_s", "failed", "precision")


@pytest.fixture(scope="module")
def steps(request):
    return request.config.rootpath / "tests" / "data" / "xes" / "steps.xes"


@pytest.fixture(scope="module")
def log(steps):
    return cj.ingest(cj.sources.XES(steps, timezone="Europe/Berlin", channel={"fixed": "phone"}))


def test_steps_of_an_activity_are_one_event(log):
    assert seen(log, *COLUMNS) == [
        ("2026-03-02 09:00:00", "repair", "T1", 3600.0, None, 0.0),  # the first start with the first end
        ("2026-03-02 09:30:00", "repair", "T1", 7200.0, True, 0.0),  # given up
        ("2026-03-02 12:00:00", "call", "T1", None, None, 0.0),  # a complete without a start
        ("2026-03-02 08:00:00", "call", "T2", None, None, 0.0),  # without a zone
        ("2026-03-02 23:00:00", "call", "T2", None, None, 86400.0),  # a date alone
    ]


def test_every_event_of_the_file_has_a_fate(log):
    assert fates(log) == {
        "used": 5,
        "set aside: joined to the event whose end it is": 2,
        "set aside: lifecycle schedule: a step of an activity, no event of its own": 1,
        "quarantined: concept:name is empty": 2,
        "quarantined: time:timestamp is empty": 1,
        "quarantined: time:timestamp is no time that can be read": 1,
        "quarantined: case:concept:name is empty": 2,
    }
    assert events_made(log) == {"kept": 5}
    assert set(log.events["channel"]) == {"phone"}
    assert groups_of(log) == {frozenset({("case", "xes/T1")}), frozenset({("case", "xes/T2")})}
    assert any("without a zone" not in note and "date without a time" in note for note in log.notes)


def test_nested_attributes_are_named_by_their_way(log):
    assert json.loads(log.events["properties"][2]) == {
        "agent": "Kim", "agent/level": "2", "parts/part": "wheel", "parts/part/2": "bell",
        "place/city": "Ulm & around", "case:who": "ann@example.com",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "touchpoints"),
    [
        ({"lifecycle": "all"}, {"repair": 5, "call": 3}),
        ({"lifecycle": "complete"}, {"repair": 2, "call": 3}),
        (
            {"lifecycle": "all", "classifier": "What"},
            {
                "repair+schedule": 1, "repair+START": 1, "repair+start": 1, "repair+complete": 1, "repair+ate_abort": 1,
                "call+complete": 1, "call": 2,
            },
        ),
        ({"classifier": "Step"}, {"R1": 1}),  # a name with a blank, which the log declares
    ],
)  # fmt: skip
def test_lifecycle_and_classifier(steps, options, touchpoints):
    log = cj.ingest(cj.sources.XES(steps, **options))
    assert Counter(log.events["touchpoint"]) == touchpoints
    assert sum(fates(log).values()) == 14


def test_customers_dimensions_and_ids(steps):
    log = cj.ingest(
        cj.sources.XES(
            steps, customer={"case:who": "email"}, dimensions={"who": "agent"}, event_id="agent/level"
        )
    )
    assert groups_of(log) == {frozenset({("email", "ann@example.com")})}
    assert log.events["who"].tolist() == ["Kim"]
    assert fates(log)["quarantined: agent/level is empty"] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dimensions": ["agnt"]}, "did you mean 'agent'"),
        ({"classifier": "Wat"}, "no classifier 'Wat', did you mean 'What'"),
        ({"lifecycle": "jion"}, "did you mean 'join'"),
    ],
)
def test_options_that_fit_nothing(steps, options, said):
    with pytest.raises(cj.SourceError, match=said):
        cj.ingest(cj.sources.XES(steps, **options))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<log><trace><event>", "can't be read as XML: no element found in line 1"),
        ("<html></html>", "no XES: it has no element <log>"),
        ("who,when\nann,2026-01-01\n", "can't be read as XML"),
        ("", r"is empty \(0 bytes\)"),
        ("<log/>", "no events are left"),
        (
            "<log><trace>" + "<list key='a'>" * 60 + "</list>" * 60 + "</trace></log>",
            "nested more than 50 deep",
        ),
        ('<!DOCTYPE log [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><log>&b;</log>', "declares a document type"),
        ("<log><event><trace/></event></log>", "lies inside another"),
    ],
)
def test_what_is_no_xes_is_refused(tmp_path, text, said):
    path = tmp_path / "log.xes"
    path.write_text(text)
    with pytest.raises(cj.SourceError, match=said) as refusal:
        cj.ingest(cj.sources.XES(path))
    assert "log.xes" in str(refusal.value)


def test_damage_far_into_a_file_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(xes_events, "_BATCH", 10)
    monkeypatch.setattr(xes_events, "_BLOCK", 1000)
    monkeypatch.setattr(xes, "_PEEK", 1)
    one = (
        '<trace><string key="concept:name" value="{}"/><event><string key="concept:name" value="a"/>'
        '<date key="time:timestamp" value="2026-03-02T09:00:00Z"/></event></trace>\n'
    )
    traces = "".join(map(one.format, range(500)))
    whole, cut = tmp_path / "whole.xes.gz", tmp_path / "cut.xes"
    whole.write_bytes(gzip.compress(f"<log>{traces}</log>".encode()))
    cut.write_text(f"<log>{traces}")
    assert cj.ingest(cj.sources.XES(whole)).n_events == 500
    with pytest.raises(cj.SourceError, match=r"cut\.xes can't be read as XML.*in line 501"):
        cj.ingest(cj.sources.XES([whole, cut]))


@pytest.mark.parametrize(
    "name", ["exchange/running-example.xes", "exchange/xes_20.xes", "exchange/dateNoTZD.xes"]
)
def test_published_files_against_a_plain_count(shared_data, name):
    path = shared_data / name
    tree = ET.fromstring(path.read_text())  # noqa: S314 -- known files
    events = [event for event in tree.iter() if event.tag.rpartition("}")[2] == "event"]
    if name.endswith("running-example.xes"):
        log = cj.ingest(cj.sources.XES(path))
        assert fates(log) == {"used": len(events)} == {"used": 42}
        names = Counter(
            each.get("value") for event in events for each in event if each.get("key") == "concept:name"
        )
        assert Counter(log.events["touchpoint"]) == names
    else:
        with pytest.raises(cj.SourceError, match=rf"{path.name}: (1 record quarantined|no records)"):
            cj.ingest(cj.sources.XES(path))
        assert len(events) == {"xes_20.xes": 1, "dateNoTZD.xes": 0}[path.name]
