"""XES that is written is read the same by pm4py, by r4pm and by this library."""

from __future__ import annotations

import contextlib
import gzip
import io
import warnings
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given

import cjmining as cj
from cjmining.interop import from_event_log, write_xes
from tests.examples import examples
from tests.interop.test_logs import expect_same, filled, known_logs, shop_log

TIMES = ["2026-03-01 10:00:00.000001", "2026-03-01 11:00:00.000000", "2026-03-02 00:00:00.000000"]
NS = "{http://www.xes-standard.org/}"


@pytest.fixture(scope="module")
def log() -> cj.JourneyLog:
    return shop_log()


def hand_made(touchpoint='ad <1> & "more"\nof it', **columns) -> cj.JourneyLog:
    frame = pd.DataFrame(
        {
            "customer": [0, 0, 1],
            "timestamp": pd.to_datetime(TIMES, utc=True),
            "touchpoint": [touchpoint, "Übergabe", "order"],
            "value": [np.nan, 0.1, -12.5],
            "failed": [None, True, False],
            "shelf": ["a", None, "b"],
            **columns,
        }
    )
    return cj.JourneyLog.from_events(frame).tag(outcome=["dropped", "converted"])


def test_by_hand(tmp_path):
    root = ET.parse(write_xes(hand_made(), tmp_path / "a.xes")).getroot()  # noqa: S314 -- our own file
    told = [
        {each.get("key"): each.get("value") for each in trace if each.get("key")}
        for trace in root.iter(f"{NS}trace")
    ]
    assert told == [
        {"concept:name": "0", "customer": "customer-0", "outcome": "dropped"},
        {"concept:name": "1", "customer": "customer-1", "outcome": "converted"},
    ]
    events = [
        {each.get("key"): (each.tag, each.get("value")) for each in event}
        for event in root.iter(f"{NS}event")
    ]
    assert events[0] == {
        "concept:name": (f"{NS}string", 'ad <1> & "more"\nof it'),
        "time:timestamp": (f"{NS}date", "2026-03-01T10:00:00.000001+00:00"),
        "org:resource": (f"{NS}string", "customer"),
        "source": (f"{NS}string", "log"),
        "shelf": (f"{NS}string", "a"),
    }
    assert events[1]["value"] == (f"{NS}float", "0.1")
    assert events[1]["failed"] == (f"{NS}boolean", "true")
    assert events[2]["value"] == (f"{NS}float", "-12.5")
    assert events[2]["failed"] == (f"{NS}boolean", "false")


def read_by_pm4py(pm4py, path, **options):
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):  # it shows how far it got
        warnings.simplefilter("ignore")
        return pm4py.read_xes(str(path), **options)


@examples(20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(known_logs())
def test_tags_personas_attributes_and_the_end_of_the_data_come_back(pm4py, tmp_path, log):
    path = write_xes(log, tmp_path / "a.xes", attributes=["age"])
    legacy = {"variant": "iterparse", "return_legacy_log_object": True}
    again = from_event_log(read_by_pm4py(pm4py, path, **legacy), attributes=known(log, "case:age"))
    expect_same(again, log)
    assert again.data_end == log.data_end
    as_frame = read_by_pm4py(pm4py, path)  # without attributes of the log
    by_hand = from_event_log(as_frame, attributes=known(log, "case:age"), data_end=log.data_end)
    for back in (again, by_hand):
        for tag in log.tags:
            told = filled(log.journeys[tag])
            assert (filled(back.journeys[tag]) if tag in back.tags else [None] * len(told)) == told
        ages = log.customers.set_index("customer")["age"].loc[log.journey_customer]
        if ages.notna().any():
            own = back.customers.set_index("customer")["age"].loc[back.journey_customer]
            assert filled(own) == filled(ages)


def known(log, column: str) -> list[str]:
    """XES has no word for what nobody has."""
    ages = log.customers.set_index("customer")["age"].loc[log.journey_customer]
    return [column] if ages.notna().any() else []


def test_the_end_of_the_data_is_an_attribute_of_the_log(tmp_path):
    root = ET.parse(write_xes(hand_made(), tmp_path / "a.xes")).getroot()  # noqa: S314 -- our own file
    assert [(each.get("key"), each.get("value")) for each in root.findall(f"{NS}date")] == [
        ("data_end", "2026-03-02T00:00:00.000000+00:00")
    ]


def test_attributes_are_written_as_what_they_are(tmp_path):
    customers = pd.DataFrame(
        {"customer": [0, 1], "age": [29, 61], "rate": [0.5, None], "regular": [True, False]}
    )
    frame = hand_made().to_arrow()["events"].to_pandas()
    log = cj.JourneyLog.from_events(frame.drop(columns="journey"), customers=customers)
    path = write_xes(log, tmp_path / "a.xes", attributes=["age", "rate", "regular"])
    root = ET.parse(path).getroot()  # noqa: S314 -- our own file
    told = [[(e.tag.removeprefix(NS), e.get("key"), e.get("value")) for e in trace if e.get("key")][2:]
            for trace in root.iter(f"{NS}trace")]  # fmt: skip
    assert told == [
        [("int", "age", "29"), ("float", "rate", "0.5"), ("boolean", "regular", "true")],
        [("int", "age", "61"), ("boolean", "regular", "false")],
    ]


@pytest.mark.parametrize("path", [None, 5])
def test_a_file_needs_a_name(path):
    with pytest.raises(cj.LogError, match=f"path is the name of a file .* not {path}"):
        write_xes(hand_made(), path)


def test_an_unknown_attribute_is_told(tmp_path, log):
    with pytest.raises(cj.LogError, match="there is no attribute 'Persona', did you mean 'persona'"):
        write_xes(log, tmp_path / "a.xes", attributes=["Persona"])


@pytest.mark.parametrize("name", ["a.xes", "a.xes.gz"])
def test_pm4py_reads_everything(pm4py, tmp_path, log, name):
    path = write_xes(log, tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pm4py.read_xes(str(path))
    again = from_event_log(frame, dimensions=["case:outcome", "case:persona"])
    expect_same(again, log)
    for column in ("channel", "source", "actor", "device", "campaign", "currency"):
        assert again.events[column].astype(object).fillna("").tolist() == (
            log.events[column].astype(object).fillna("").tolist()
        )
    for column in ("value", "wait_s", "duration_s", "satisfaction"):
        np.testing.assert_array_equal(again.numbers(column), log.numbers(column))
    assert again.flags("failed").tolist() == log.flags("failed").tolist()
    outcomes = log.journeys["outcome"].astype(str)[log.event_journeys()]
    assert again.events["outcome"].astype(str).tolist() == outcomes.tolist()


def test_this_library_reads_it_again(tmp_path, log):
    path = write_xes(log, tmp_path / "a.xes.gz")
    source = cj.sources.XES(
        path, name="back", customer="case:customer", channel="channel", dimensions={"outcome": "case:outcome"}
    )
    again = cj.ingest(source, data_end=log.data_end)
    assert again.data_end == log.data_end
    expect_same(again, log)
    assert again.vocabulary("channel") == log.vocabulary("channel")
    assert again.codes("channel").tolist() == log.codes("channel").tolist()
    assert again.events["properties"].str.contains("value").sum() >= (~np.isnan(log.numbers("value"))).sum()


def test_the_same_log_gives_the_same_bytes_however_it_is_cut(tmp_path, log, monkeypatch):
    first = write_xes(log, tmp_path / "a.xes.gz").read_bytes()
    monkeypatch.setattr("cjmining.interop.xes.CHUNK", 7)
    second = write_xes(log, tmp_path / "b.xes.gz").read_bytes()
    assert first == second
    assert gzip.decompress(first) == write_xes(log, tmp_path / "c.xes").read_bytes()


def test_a_log_without_events_is_a_log(tmp_path):
    empty = hand_made().where(start="2026-04-01")
    root = ET.parse(write_xes(empty, tmp_path / "a.xes")).getroot()  # noqa: S314 -- our own file
    assert not list(root.iter(f"{NS}trace"))


def test_identifiers_and_attributes_stay_behind(tmp_path, log):
    text = write_xes(log, tmp_path / "a.xes").read_text()
    assert not [name for name in log.attributes if name != "persona" and f'key="{name}"' in text]
    assert "@" not in text


@pytest.mark.parametrize(
    ("make", "name", "words"),
    [
        (hand_made, "a.csv", "ends in .xes or .xes.gz, not 'a.csv'"),
        (hand_made, "nowhere/a.xes", "nowhere does not exist"),
        (lambda: hand_made("bell\x07"), "a.xes", r"'bell\\x07' with a character that XML can't hold"),
    ],
)
def test_what_can_not_be_written_is_told_and_leaves_nothing(tmp_path, make, name, words):
    with pytest.raises(cj.LogError, match=words):
        write_xes(make(), tmp_path / name)
    assert not list(tmp_path.iterdir())
