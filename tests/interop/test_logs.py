"""A log that goes to pm4py and comes back is the same log."""

from __future__ import annotations

import warnings
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.interop import from_event_log, to_event_log
from tests.examples import examples


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


@examples(50)
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


VALUES = st.one_of(st.none(), st.sampled_from(["yes", "no", "", "ä, <b>", "unknown"]))
LATER = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400))


@st.composite
def known_logs(draw: st.DrawFn) -> cj.JourneyLog:
    """A log with tags, personas, attributes and an end of the data later than its last event."""
    steps = st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc")), min_size=1, max_size=4)
    journeys = draw(st.lists(st.tuples(st.integers(0, 2), steps), min_size=1, max_size=8))
    rows = [
        (customer, f"{number:03}", pd.Timestamp(second, unit="s"), name)
        for number, (customer, steps) in enumerate(journeys)
        for second, name in steps
    ]
    frame = pd.DataFrame(rows, columns=["customer", "native_journey", "timestamp", "touchpoint"])
    ages = draw(st.lists(st.one_of(st.none(), st.integers(0, 99)), min_size=3, max_size=3))
    personas = draw(st.lists(st.sampled_from(["Young", "Old", "unknown"]), min_size=3, max_size=3))
    customers = pd.DataFrame(
        {"customer": range(3), "age": pd.array(ages, dtype="Int64"), "persona": personas}
    )
    end = frame["timestamp"].max() + draw(LATER)
    log = cj.JourneyLog.from_events(frame, customers=customers, data_end=end)
    tags = st.lists(VALUES, min_size=log.n_journeys, max_size=log.n_journeys)
    return log.tag(outcome=draw(tags), **{"who asked": draw(tags)})


def expect_same_knowledge(again: cj.JourneyLog, log: cj.JourneyLog) -> None:
    assert again.data_end == log.data_end
    assert set(again.tags) == set(log.tags)
    for tag in log.tags:
        assert filled(again.journeys[tag]) == filled(log.journeys[tag])
    for name in ("persona", "age"):
        told = log.customers.set_index("customer")[name].loc[log.journey_customer]
        back = again.customers.set_index("customer")[name].loc[again.journey_customer]
        assert filled(back) == filled(told)


def filled(column: pd.Series) -> list:
    return column.astype(object).where(column.notna(), None).tolist()


@examples(50)
@given(known_logs())
def test_tags_personas_attributes_and_the_end_of_the_data_come_back(log):
    again = from_event_log(to_event_log(log, attributes=["age"]), attributes=["case:age"])
    expect_same(again, log)
    expect_same_knowledge(again, log)
    assert not again.notes
    assert from_event_log(to_event_log(log)).attributes == ("persona",)  # others go only where asked for


def test_what_is_open_stays_open_only_with_the_end_of_the_data():
    made = cj.simulate.shop(150, seed=6)
    intended = parse_map(made.intended_text)
    log = made.log.split(intended)
    sent = to_event_log(log)
    expected = cj.check(log, intended).journeys["outcome"].tolist()
    back = from_event_log(sent)
    assert cj.check(back, intended).journeys["outcome"].tolist() == expected
    sent.attrs.clear()
    given_by_hand = from_event_log(sent, data_end=log.data_end)
    assert cj.check(given_by_hand, intended).journeys["outcome"].tolist() == expected
    assert from_event_log(sent).data_end == sent["time:timestamp"].max()


def test_what_differs_in_a_case_or_has_a_taken_name_is_left_out_with_a_note():
    cases = CASES.assign(
        **{"case:value": 1, "case:by": "x", "case:day": "y", "case:size": ["l", "l", "s", "s"]}
    )
    log = from_event_log(cases, customer="case:owner")
    assert log.tags == ("size",)
    assert log.journeys["size"].tolist() == ["s", "l"]  # journeys t1, t2
    assert [note.split(" is left out: ")[0] for note in log.notes] == [
        "case:region", "case:value", "case:by", "case:day",
    ]  # fmt: skip
    assert log.notes[0] == "case:region is left out: it differs within a case"
    assert "choose another" in log.notes[1]


def test_a_persona_that_differs_between_journeys_of_a_customer_tags_them():
    cases = CASES.assign(**{"case:persona": ["old", "old", "young", "young"]})
    log = from_event_log(cases, customer="case:owner")
    assert log.attributes == ()
    assert log.journeys["persona"].tolist() == ["young", "old"]


def test_a_tag_can_not_stand_in_for_the_case():
    log = from_event_log(CASES).tag(**{"concept:name": ["x", "y"]})
    with pytest.raises(cj.LogError, match="'concept:name' is what an event log calls a case itself"):
        to_event_log(log)


def test_times_are_read_whatever_writes_them():
    expected = pd.to_datetime(["2026-03-01", "2026-03-02"], utc=True).tolist()
    texts = CASES.assign(**{"time:timestamp": CASES["time:timestamp"].map(str)})
    zones = CASES.assign(**{"time:timestamp": CASES["time:timestamp"].map(lambda t: f"{t}+00:00")})
    for cases in (texts, zones):
        assert sorted(set(from_event_log(cases).events["timestamp"])) == expected


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
        (CASES.assign(**{"concept:name": ["a", "", "b", "c"]}), {}, "1 events have an empty .* row 1 of"),
        (
            CASES.assign(**{"time:timestamp": ["2026-03-01", "soon", "2026-03-01", "later"]}),
            {},
            "2 of 4 values of time:timestamp can't be read .* 'soon' in row 1, 'later' in row 3",
        ),
        (CASES.assign(**{"time:timestamp": 5}), {}, "time:timestamp has numbers, not times"),
        (CASES, {"data_end": "soon"}, "'soon' is not a time"),
        (CASES, {"data_end": "2026-03-01"}, "1 events lie after the end of the data"),
        (CASES, {"customer": 5}, "customer is a text, not 5"),
        (CASES, {"source": None}, "source is a text, not None"),
        (CASES, {"attributes": ["case:ownr"]}, "'case:ownr', did you mean 'case:owner'"),
        (
            CASES,
            {"customer": "case:owner", "attributes": ["case:region"]},
            "1 customers have several values of 'case:region'",
        ),
        (pd.concat([CASES, CASES[["value"]]], axis=1), {}, "several columns named 'value'"),
    ],
)
def test_what_is_no_event_log_is_told(events, options, words):
    with pytest.raises(cj.LogError, match=words):
        from_event_log(events, **options)


def test_what_is_neither_a_frame_nor_pm4pys_is_told(pm4py):
    with pytest.raises(cj.LogError, match="takes a pandas frame or pm4py's EventLog, not list"):
        from_event_log([])


def test_a_frame_without_events_is_a_log_without_events():
    nothing = pd.DataFrame({"case:concept:name": [], "concept:name": [], "time:timestamp": []})
    log = from_event_log(nothing)
    assert (log.n_events, log.n_journeys) == (0, 0)
