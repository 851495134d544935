"""Patterns found in journeys: against hand-made logs, and against trying every way in plain Python."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.kernels import patterns as kernel
from cjmining.log import Block
from cjmining.patterns import having, parse, parse_step
from cjmining.patterns.grammar import read_pattern
from cjmining.patterns.machine import plan
from tests.examples import examples
from tests.patterns.oracle import all_matches, size

DAY = 86_400_000_000


def log_of(journeys) -> cj.JourneyLog:
    """A customer a journey, events as (microseconds, touchpoint, channel, failed)."""
    rows = [(customer, *event) for customer, journey in enumerate(journeys) for event in journey]
    frame = pd.DataFrame(rows, columns=["customer", "timestamp", "touchpoint", "channel", "failed"])
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="us")
    frame["failed"] = frame["failed"].astype("boolean")
    return cj.JourneyLog.from_events(frame, order="sorted")


def read_by(pattern, log):
    """Return the automaton, and what it reads of the whole log."""
    compiled = pattern.compiled(log)
    return compiled.machine, compiled.columns(Block(0, log.n_journeys, 0, log.n_events))


def found_in(log, text, *, every=True):
    pattern = parse(text, allow_unknown=True)
    machine, columns = read_by(pattern, log)
    found = kernel.find(columns, machine, 0, log.n_journeys, every)
    matches = [[] for _ in range(log.n_journeys)]
    for number, journey in enumerate(found.journey.tolist()):
        own = slice(found.offsets[number], found.offsets[number + 1])
        events = (found.event[own] - log.bounds[journey]).tolist()
        matches[journey].append(tuple(zip(events, found.state[own].tolist(), strict=True)))
    return matches


durations = st.sampled_from(["0s", "1d", "2d", "3d"])
names = st.sampled_from(
    ["a", "b", "c", "a", "b", "c", "a@x", "@y", "b{failed}", "a{not failed}", "*", "@unknown"]
)
single = st.one_of(
    names,
    names,
    names,
    names.map("!{}".format),
    st.tuples(names, names).map(lambda two: f"({two[0]} | {two[1]})"),
    st.tuples(names, names).map(lambda two: f"!({two[0]} | {two[1]})"),
)


@st.composite
def arrows(draw):
    if draw(st.integers(0, 2)) == 0:
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
    parts = [draw(items(inner)) for _ in range(draw(st.sampled_from([1, 2, 2, 3])))]
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
    begin = draw(st.sampled_from([""] * 5 + ["^ "]))
    end = draw(st.sampled_from([""] * 5 + [" $"]))
    return f"{begin}{text}{end}{total}"


def is_tried(text):
    """Say whether a pattern asks for something, and for so little that every way can be tried."""
    read = read_pattern(text)
    return not plan(read).whole.optional and size(read.node) <= 7


events = st.tuples(
    st.sampled_from([0, 0, 1, 1, 2, 3]),
    st.sampled_from("aabbc"),
    st.sampled_from(["x", "x", "y", None]),
    st.sampled_from([None, False, True]),
)


@st.composite
def journeys(draw):
    time, journey = 0, []
    for wait, *rest in draw(st.lists(events, min_size=1, max_size=7)):
        time += wait * DAY
        journey.append((time, *rest))
    return journey


@examples(150)
@given(patterns().filter(is_tried), st.lists(journeys(), min_size=3, max_size=6))
def test_matches_are_those_found_by_trying_every_way(text, several):
    log = log_of(several)
    pattern = parse(text, allow_unknown=True)
    expected = [all_matches(pattern, journey) for journey in several]
    assert found_in(log, text) == expected
    assert found_in(log, text, every=False) == [matches[:1] for matches in expected]
    assert having(log, pattern).tolist() == [bool(matches) for matches in expected]


@examples(30)
@given(patterns().filter(is_tried), st.lists(journeys(), min_size=2, max_size=6), st.data())
def test_blocks_of_journeys_find_what_the_whole_log_does(text, several, data):
    log = log_of(several)
    machine, columns = read_by(parse(text, allow_unknown=True), log)
    cut = data.draw(st.integers(0, len(several)))
    whole = kernel.find(columns, machine, 0, len(several), True)
    parts = [kernel.find(columns, machine, *block, True) for block in ((0, cut), (cut, len(several)))]
    for name in ("journey", "event", "state"):
        assert getattr(whole, name).tolist() == [
            each for part in parts for each in getattr(part, name).tolist()
        ]
    reached = [kernel.reached(columns, machine, *block) for block in ((0, cut), (cut, len(several)))]
    assert kernel.reached(columns, machine, 0, len(several)).tolist() == [
        each for part in reached for each in part.tolist()
    ]


@examples(50)
@given(
    st.lists(st.tuples(arrows(), items(choices)), min_size=2, max_size=3),
    st.sampled_from(["", " {total 2d}", " {total 4d}"]),
    st.lists(journeys(), min_size=3, max_size=6),
)
def test_a_step_is_reached_where_the_pattern_up_to_it_has_a_match(parts, total, several):
    log = log_of(several)
    texts = [parts[0][1]]
    for arrow, item in parts[1:]:
        texts.append(f"{texts[-1]} {arrow} {item}")
    assume(is_tried(texts[-1]))
    pattern = parse(texts[-1] + total, allow_unknown=True)
    machine, columns = read_by(pattern, log)
    states = kernel.reached(columns, machine, 0, log.n_journeys)
    for number, text in enumerate(texts):
        if not pattern.optional[number]:
            reached = (states & sum(1 << state for state in pattern.item_states[number])) != 0
            expected = having(log, parse(text + total, allow_unknown=True))
            assert reached.tolist() == expected.tolist()


def days(text):
    """A journey as text: "a0 b1.5" is a on day 0, b on day 1.5; a channel after @, ! for failed."""
    journey = []
    for event in text.split():
        touchpoint, rest = event[0], event[1:]
        failed = rest.endswith("!")
        day, _, channel = rest.removesuffix("!").partition("@")
        journey.append((round(float(day) * DAY), touchpoint, channel or None, failed))
    return journey


def events_of(text, pattern, *, every=True):
    [matches] = found_in(log_of([days(text)]), pattern, every=every)
    return [[event for event, _ in match] for match in matches]


@pytest.mark.parametrize(
    ("journey", "pattern", "expected"),
    [
        # the first to be complete counts, of those that which began first, then the next match begins
        ("a0 a1 b2 b3 a4 b5", "a -> b", [[0, 2], [4, 5]]),
        ("a0 b1 c2 d3", "(a -> d | b -> c)", [[1, 2]]),
        ("a0 a1 a2", "a+", [[0], [1], [2]]),
        ("a0 a1 a2 b3", "a+ > b", [[0, 1, 2, 3]]),
        ("a0 a1 a2 a3 a4", "a{2}", [[0, 1], [2, 3]]),
        ("a0 b1 a2 b3 a4", "a{-> 3}", [[0, 2, 4]]),
        ("a0 b1 a2", "a{2}", []),
        # time: the bounds themselves count, and equal times are told apart by the order of the log
        ("a0 b2", "a -> {within 2d} b", [[0, 1]]),
        ("a0 b2", "a -> {after 2d} b", [[0, 1]]),
        ("a0 b2.1", "a -> {within 2d} b", []),
        ("a0 b1.9", "a -> {after 2d} b", []),
        ("a0 b0", "a -> {within 0s} b", [[0, 1]]),
        ("b0 a0", "a -> {within 0s} b", []),
        ("a0 a3 b4", "a -> {within 2d} b", [[1, 2]]),
        ("a0 a3 b4", "a -> {after 2d} b", [[0, 2]]),
        ("a0 a1 a4 b5", "a -> {after 2d, within 4d} b", [[1, 3]]),
        # the latest a is too late for c, the first too early for the whole: one between does
        ("a0 a2 b3 a4 b5 c6", "a -> {after 1d} b -> {after 1d} c {total 4d}", [[1, 2, 5]]),
        ("a0 b1 c5 a6 b7 c8", "a -> b -> c {total 3d}", [[3, 4, 5]]),
        # of two ways to d, the one that began later is still in time for e
        ("b0 c1 a2 d2.5 e4", "(a | b -> c) -> d -> e {total 3d}", [[2, 3, 4]]),
        ("a0 b1 c2 d3 e4", "(a | b -> c) -> d -> e {total 3d}", [[1, 2, 3, 4]]),
        # the d of the later start is too old for e, or has a c after it: the other is still known
        ("a0 b1 d2 c3 d4 e5", "(b | a -> c) > d -> {within 1d} e {total 5d}", [[0, 3, 4, 5]]),
        ("a0 b1 d2 c3 d4 e5", "(b | a -> c) > d -> {without c} e {total 5d}", [[0, 3, 4, 5]]),
        # what lies between: the two themselves may be what is forbidden
        ("a0 c1 b2", "a -> {without c} b", []),
        ("a0 c1 a2 b3", "a -> {without c} b", [[2, 3]]),
        ("a0 a1 b2", "a -> {without a} b", [[1, 2]]),
        ("a0 b1 b2", "a -> {without b} b", [[0, 1]]),
        ("a0 c1@x b2 a3 c4@y b5", "a -> {without @x} b", [[3, 5]]),
        # directly
        ("a0 c1 b2 a3 b4", "a > b", [[3, 4]]),
        ("a0 c1 b2", "a > !b > b", [[0, 1, 2]]),
        ("a0 b1 c2", "a > b? > c", [[0, 1, 2]]),
        ("a0 c2", "a > b? > c", [[0, 1]]),
        ("a0 c2", "a -> {within 1d} b? -> c", [[0, 1]]),
        ("b0 c2", "a? -> {within 1d} b -> c", [[0, 1]]),
        # a journey's start and end
        ("b0 a1 b2", "^ a", []),
        ("b0 a1 b2", "^ b -> b $", [[0, 2]]),
        ("b0 a1 b2 a3", "b $", []),
        ("a0", "^ a $", [[0]]),
        ("a0 b1 a2 b3", "^ a -> b", [[0, 1]]),
        # channels and failures
        ("a0@x a1@y b2@x", "a@y -> @x", [[1, 2]]),
        ("a0 a1@x", "a@unknown", [[0]]),
        ("a0! a1 b2!", "a{failed} > a{not failed} > *{failed}", [[0, 1, 2]]),
        ("a0 b1 c2", "!(a | b)", [[2]]),
        ("a0 b1 c2", "* > * > *", [[0, 1, 2]]),
    ],
)  # fmt: skip
def test_matches_of_one_journey(journey, pattern, expected):
    assert events_of(journey, pattern) == expected
    assert events_of(journey, pattern, every=False) == expected[:1]


def test_names_with_an_asterisk_mean_several():
    log = cj.JourneyLog.from_events(pd.DataFrame({
        "customer": [0, 0, 0],
        "timestamp": pd.to_datetime(["2026-03-01"] * 3),
        "touchpoint": ["cart_filled", "cart.shared", "cart*"],
    }))  # fmt: skip
    assert parse_step("cart_*").of(log).tolist() == [True, False, False]
    assert parse_step("cart*").of(log).tolist() == [True, True, True]
    assert parse_step("'cart*'").of(log).tolist() == [False, False, True]
    assert parse_step("*d").of(log).tolist() == [True, True, False]


def test_a_step_marks_its_events():
    log = log_of([days("a0@x b1 a2@y!"), days("b0@x! a1")])
    for text, expected in {
        "a": [1, 0, 1, 0, 1],
        "!a": [0, 1, 0, 1, 0],
        "@x": [1, 0, 0, 1, 0],
        "@unknown": [0, 1, 0, 0, 1],
        "a@y{failed}": [0, 0, 1, 0, 0],
        "(a@x | b{failed})": [1, 0, 0, 1, 0],
        "!(a@x | b{failed})": [0, 1, 1, 0, 1],
    }.items():
        assert parse_step(text).of(log).tolist() == [bool(each) for each in expected], text


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (
            "cart -> ordr",
            "the log has no touchpoint 'ordr', did you mean 'order'?\n  cart -> ordr\n          ^",
        ),
        ("cart@wep", "the log has no channel 'wep', did you mean 'web'?"),
        ("cart -> {without cal} order", "the log has no touchpoint 'cal', did you mean 'call'?"),
        ("zzz", "the log has no touchpoint 'zzz'; it has call, cart, order"),
        ("zzz_*", "the log has no touchpoint 'zzz_*'"),
        ("cart{failed}", "the log doesn't know of any event whether it failed"),
        ("ordr -> cartt", "2 mistakes in a pattern:\nthe log has no touchpoint 'ordr'"),
    ],
)
def test_what_the_log_lacks_is_told(pattern, words):
    log = cj.JourneyLog.from_events(pd.DataFrame({
        "customer": [0, 0, 1],
        "timestamp": pd.to_datetime(["2026-03-01"] * 3),
        "touchpoint": ["cart", "order", "call"],
        "channel": ["web"] * 3,
    }))  # fmt: skip
    for use in (lambda: log.where(path=pattern), lambda: cj.matches(log, pattern)):
        with pytest.raises(cj.LogError) as told:
            use()
        assert str(told.value).startswith(words)
    # what is unknown doesn't happen, between two others neither
    found = log.where(path=parse(pattern, allow_unknown=True)).n_journeys
    assert found == ("without" in pattern)
    assert not parse_step("ordr").of(log, allow_unknown=True).any()


def test_that_no_channel_is_known_is_no_name_that_could_be_wrong():
    log = log_of([days("a0@x b1@x")])
    assert having(log, "a@unknown").tolist() == [False]
    assert having(log, "not @unknown").tolist() == [True]


def test_where_keeps_whole_journeys_with_all_of_the_paths():
    log = log_of([days("a0 b1 c9"), days("a0 b5"), days("b0 a1"), days("c0")])
    kept = {
        "a -> b": [0, 1],
        "a -> {within 2d} b": [0],
        "not a -> b": [2, 3],
        "not a -> {within 2d} b": [1, 2, 3],
        ("a -> b", "c"): [0],
        ("a", "not c", "not b -> a"): [1],
    }
    for path, journeys_ in kept.items():
        chosen = log.where(path=path)
        assert chosen.journey_customer.tolist() == journeys_, path
        assert chosen.n_events == sum(len([[1] * 3, [1] * 2, [1] * 2, [1]][j]) for j in journeys_)
    assert log.where(path=parse("a > b"), touchpoint="c").n_journeys == 1
    with pytest.raises(cj.LogError, match="a pattern is a text such as 'cart -> order', not int"):
        log.where(path=5)
    with pytest.raises(cj.LogError, match="path names no pattern"):
        log.where(path=[])
    with pytest.raises(cj.LogError, match="no touchpoint 'C', did you mean 'c'"):
        log.where(path="a -> C")


def test_a_log_without_events_has_no_match():
    log = log_of([days("a0")]).where(path="not a")
    assert log.n_journeys == 0
    assert log.where(path="a").n_journeys == 0
    assert parse_step("a").of(log).shape == (0,)


def test_columns_that_cannot_be_written_are_read():
    log = log_of([days("a0 b1")])
    for column in (log.bounds, log.timestamps, log.codes("touchpoint")):
        column.setflags(write=False)
    assert having(log, "a -> b").tolist() == [True]


def test_a_long_journey_takes_no_longer_than_many_short_ones():
    """Each event is looked at a few times, whatever the journey's length: this one would take hours else."""
    n = 200_000
    journey = [(number * DAY // 100, "ab"[number % 3 == 0], None, None) for number in range(n)]
    log = log_of([journey])
    for text in (
        "a -> {after 1d, within 3d, without c} b -> a{-> 2} {total 9d}",
        "^ a -> c",
        "a -> {after 9d} a",
    ):
        found_in(log, text)
