"""Patterns found in journeys: against hand-made logs, and against trying every way in plain Python."""

from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import cjmining as cj
from cjmining.kernels import patterns as kernel
from cjmining.patterns import having, parse
from cjmining.patterns.grammar import read_pattern
from cjmining.patterns.machine import plan
from tests.patterns.oracle import all_matches, size

DAY = 86_400_000_000


def log_of(journeys) -> cj.JourneyLog:
    """A customer a journey, events as (microseconds, touchpoint, channel, failed)."""
    rows = [(customer, *event) for customer, journey in enumerate(journeys) for event in journey]
    frame = pd.DataFrame(rows, columns=["customer", "timestamp", "touchpoint", "channel", "failed"])
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="us")
    frame["failed"] = frame["failed"].astype("boolean")
    return cj.JourneyLog.from_events(frame, order="sorted")


def found_in(log, text, *, every=True):
    pattern = parse(text, allow_unknown=True)
    machine, columns = pattern.compiled(log)
    found = kernel.find(columns, machine, 0, log.n_journeys, every)
    matches = [[] for _ in range(log.n_journeys)]
    for number, journey in enumerate(found.journey.tolist()):
        own = slice(found.offsets[number], found.offsets[number + 1])
        events = (found.event[own] - log.bounds[journey]).tolist()
        matches[journey].append(tuple(zip(events, found.state[own].tolist(), strict=True)))
    return matches


durations = st.sampled_from(["0s", "1d", "2d", "3d"])
names = st.sampled_from(["a", "b", "c", "a@x", "@y", "b{failed}", "a{not failed}", "*", "@unknown"])
single = st.one_of(
    names,
    names.map("!{}".format),
    st.tuples(names, names).map(lambda two: f"({two[0]} | {two[1]})"),
    st.tuples(names, names).map(lambda two: f"!({two[0]} | {two[1]})"),
)


@st.composite
def arrows(draw):
    if draw(st.booleans()):
        return draw(st.sampled_from(["->", "->", ">"]))
    kind = draw(st.sampled_from(["within", "after", "without", "both", "all", "directly"]))
    after, within = sorted([draw(durations), draw(durations)])
    bounds = {
        "within": f"within {within}",
        "after": f"after {after}",
        "without": f"without {draw(single)}",
        "both": f"after {after}, within {within}",
        "all": f"without {draw(single)}, within {within}, after {after}",
        "directly": f"within {within}, after {after}",
    }[kind]
    return f"{'>' if kind == 'directly' else '->'} {{{bounds}}}"


@st.composite
def items(draw, inner):
    item = draw(st.one_of(single, single, inner.map("({})".format)))
    return item + draw(
        st.sampled_from(["", "", "", "?", "+", "{2}", "{-> 2}", "{-> 1,2}", "{2,}", "{-> 0,}"])
    )


@st.composite
def sequences(draw, inner):
    parts = [draw(items(inner)) for _ in range(draw(st.integers(1, 3)))]
    text = parts[0]
    for part in parts[1:]:
        text += f" {draw(arrows())} {part}"
    return text


choices = st.one_of(
    sequences(single),
    st.tuples(sequences(single), sequences(single)).map(" | ".join),
)


@st.composite
def patterns(draw):
    text = draw(sequences(choices))
    total = f" {{total {draw(durations)}}}" if draw(st.booleans()) else ""
    return f"{draw(st.sampled_from(['', '', '^ ']))}{text}{draw(st.sampled_from(['', '', ' $']))}{total}"


def is_tried(text):
    """Say whether a pattern asks for something, and for so little that every way can be tried."""
    read = read_pattern(text)
    return not plan(read).whole.optional and size(read.node) <= 7


events = st.tuples(
    st.sampled_from([0, 0, 1, 1, 2, 3]),
    st.sampled_from("aabbc"),
    st.sampled_from(["x", "y", None]),
    st.sampled_from([None, False, True]),
)


@st.composite
def journeys(draw):
    time, journey = 0, []
    for wait, *rest in draw(st.lists(events, min_size=1, max_size=6)):
        time += wait * DAY
        journey.append((time, *rest))
    return journey


@settings(max_examples=400)
@given(patterns().filter(is_tried), st.lists(journeys(), min_size=1, max_size=6))
def test_matches_are_those_found_by_trying_every_way(text, several):
    log = log_of(several)
    pattern = parse(text, allow_unknown=True)
    expected = [all_matches(pattern, journey) for journey in several]
    assert found_in(log, text) == expected
    assert found_in(log, text, every=False) == [matches[:1] for matches in expected]
    assert having(log, pattern).tolist() == [bool(matches) for matches in expected]
