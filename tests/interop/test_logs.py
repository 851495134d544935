"""A log that goes to pm4py and comes back is the same log."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.interop import from_event_log, to_event_log


def shop_log() -> cj.JourneyLog:
    made = cj.simulate.shop(150, seed=6)
    intended = parse_map(made.intended_text)
    log = made.log.split(intended).with_personas(intended)
    return log.tag(outcome=cj.check(log, intended).journeys["outcome"])


def expect_same(again: cj.JourneyLog, log: cj.JourneyLog) -> None:
    assert again.bounds.tolist() == log.bounds.tolist()
    assert again.timestamps.tolist() == log.timestamps.tolist()
    assert again.vocabulary("touchpoint") == log.vocabulary("touchpoint")
    assert again.codes("touchpoint").tolist() == log.codes("touchpoint").tolist()
    _, customers = np.unique(log.event_customers, return_inverse=True)
    assert again.event_customers.tolist() == customers.tolist()


def test_the_shop_comes_back_with_everything_that_was_sent():
    log = shop_log()
    again = from_event_log(to_event_log(log), dimensions=["case:persona"])
    expect_same(again, log)
    for column in ("channel", "actor", "source"):
        assert again.vocabulary(column) == log.vocabulary(column)
        assert again.codes(column).tolist() == log.codes(column).tolist()
    assert again.flags("failed").tolist() == log.flags("failed").tolist()
    told = log.customers.set_index("customer")["persona"]
    assert again.events["persona"].astype(str).tolist() == told[log.event_customers].astype(str).tolist()


def test_it_comes_back_through_the_objects_of_pm4py_too(pm4py):
    log = shop_log()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        objects = pm4py.convert_to_event_log(to_event_log(log))
    expect_same(from_event_log(objects), log)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc")), min_size=1)
        ),
        min_size=1,
        max_size=15,
    )
)
def test_any_log_comes_back(journeys):
    rows = [
        (customer, f"{number:03}", second, name)
        for number, (customer, steps) in enumerate(journeys)
        for second, name in steps
    ]
    frame = pd.DataFrame(rows, columns=["customer", "native_journey", "timestamp", "touchpoint"])
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="s", utc=True)
    log = cj.JourneyLog.from_events(frame)
    expect_same(from_event_log(to_event_log(log)), log)


CASES = pd.DataFrame(
    {
        "case:concept:name": ["t2", "t2", "t1", "t1"],
        "concept:name": ["b", "a", "a", "c"],
        "time:timestamp": pd.to_datetime(["2026-03-02", "2026-03-01", "2026-03-01", "2026-03-01"]),
        "org:resource": ["Ann", "Ben", "Ann", "Ann"],
        "case:owner": ["zoe", "zoe", "zoe", "zoe"],
        "case:region": ["north", "north", "south", None],
        "value": [1.5, np.nan, 2.0, 3.0],
    }
)


def test_by_hand():
    log = from_event_log(CASES, customer="case:owner", dimensions=["case:region"])
    assert log.n_customers == 1
    assert log.events["native_journey"].tolist() == ["t1", "t1", "t2", "t2"]
    assert log.events["touchpoint"].tolist() == ["a", "c", "a", "b"]  # at one time as they stand
    assert log.events["value"].fillna(0).tolist() == [2.0, 3.0, 0.0, 1.5]
    assert log.events["region"].astype(object).fillna("").tolist() == ["south", "", "north", "north"]
    assert set(log.events["actor"]) == {"customer"}  # Ann and Ben are no actors
    assert log.identities["value"].tolist() == ["zoe"]
    assert set(log.events["source"]) == {"pm4py"}


def test_without_a_customer_each_case_is_one():
    log = from_event_log(CASES)
    assert log.identities[["kind", "value"]].astype(str).to_numpy().tolist() == [
        ["case", "t1"],
        ["case", "t2"],
    ]


@pytest.mark.parametrize(
    ("events", "options", "words"),
    [
        (CASES.drop(columns="time:timestamp"), {}, "lacks the column 'time:timestamp'"),
        (CASES, {"customer": "case:ownr"}, "'case:ownr', did you mean 'case:owner'"),
        (CASES, {"customer": "case:region"}, "1 events have no case:region"),
        (
            CASES,
            {"customer": "org:resource"},
            "1 cases have events of several customers by 'org:resource'.*'t2'",
        ),
        (CASES, {"dimensions": "case:region"}, r"write \['case:region'\]"),
        (CASES.assign(**{"concept:name": None}), {}, "4 events have no concept:name"),
    ],
)
def test_what_is_no_event_log_is_told(events, options, words):
    with pytest.raises(cj.LogError, match=words):
        from_event_log(events, **options)


def test_what_is_neither_a_frame_nor_pm4pys_is_told(pm4py):
    with pytest.raises(cj.LogError, match="takes a pandas frame or pm4py's EventLog, not list"):
        from_event_log([])
