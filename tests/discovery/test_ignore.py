"""What a map ignores is no part of the journey: discovery can leave it out."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.log import JourneyLog


def log_of(rows):
    frame = pd.DataFrame(rows, columns=["customer", "touchpoint"])
    frame["timestamp"] = pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(range(len(frame)), unit="min")
    return JourneyLog.from_events(frame)


def test_what_comes_before_an_ignored_event_is_followed_by_what_comes_after_it():
    log = log_of([(0, "seen"), (0, "scroll"), (0, "bought"), (1, "scroll")])
    found = cj.discover(log, ignore=["scroll"])
    assert found.transitions[
        ["from_touchpoint", "to_touchpoint", "count", "median_s"]
    ].to_numpy().tolist() == [["seen", "bought", 1, 120.0]]
    assert found.touchpoints["touchpoint"].tolist() == ["bought", "seen"]
    assert dict(zip(found.variants["variant"], found.variants["journeys"], strict=True)) == {
        "seen > bought": 1,
        "(nothing)": 1,
    }
    assert found.overview[["journeys", "customers", "events"]].iloc[0].tolist() == [2, 2, 2]
    assert found.ends["journeys"].tolist() == [1, 1]
    assert found.ignore == ("scroll",)


def test_a_group_of_nothing_but_ignored_events_has_no_moments():
    found = cj.discover(log_of([(0, "scroll")]), ignore=["scroll"])
    assert found.overview["journeys"].tolist() == [1]
    assert found.overview[["start", "end"]].isna().all(axis=None)
    assert found.transitions.empty


def test_one_touchpoint_written_as_text_is_a_mistake():
    with pytest.raises(cj.LogError, match=r"write \['scroll'\]"):
        cj.discover(log_of([(0, "scroll")]), ignore="scroll")


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", "x", "y"])), min_size=1, max_size=40))
def test_ignoring_equals_a_log_without_those_events(rows):
    kept = [row for row in rows if row[1] not in {"x", "y"}]
    found = cj.discover(log_of(rows), ignore=["x", "y", "not in the log"])
    if not kept:
        assert found.transitions.empty
        return
    alone = cj.discover(log_of(kept))
    columns = ["from_touchpoint", "to_touchpoint", "count", "journeys"]
    assert found.transitions[columns].equals(alone.transitions[columns])
    assert found.touchpoints[["touchpoint", "count"]].equals(alone.touchpoints[["touchpoint", "count"]])
    assert found.ends[["position", "touchpoint", "journeys"]].equals(
        alone.ends[["position", "touchpoint", "journeys"]]
    )
