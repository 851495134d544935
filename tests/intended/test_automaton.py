"""The compiled map accepts exactly the journeys that its definition describes."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.errors import MapError
from cjmining.intended.automaton import compile_automaton, entry_stages, leads_to
from cjmining.intended.model import IntendedMap, Stage, Touchpoint
from tests.examples import examples

LONGEST = 3


def stage(name, *touchpoints, **settings_):
    return Stage(name, touchpoints=tuple(map(planned, touchpoints)), **settings_)


def planned(text):
    """`a` mandatory, `a?` optional, `a+` may repeat, `a*` both, `(a)` not recorded."""
    return Touchpoint(
        text.strip("?+*()"),
        optional=text.endswith(("?", "*")),
        repeat=text.endswith(("+", "*")),
        recorded="(" not in text,
    )


# The definition, interpreted directly ---------------------------------------------------------------------


def journeys(stages, longest):
    """All beginnings of intended journeys as words of (stage, touchpoint), up to a length."""
    numbers = {one.stage: number for number, one in enumerate(stages)}

    @functools.cache
    def beginnings(number, room, passed):
        """Beginnings from entering a stage; `passed` are the stages passed through without a letter."""
        if number in passed:
            return set()
        here = stages[number]
        whole = complete(number, here, room)
        found = {word[:length] for word in whole for length in range(min(len(word), room) + 1)}
        for word in whole:
            if len(word) <= room:
                for name in (*here.next, *here.returns_to):
                    before = passed | {number} if not word else frozenset()
                    found |= {word + rest for rest in beginnings(numbers[name], room - len(word), before)}
        if here.optional:
            for name in here.next:
                found |= beginnings(numbers[name], room, passed | {number})
        return found

    return beginnings(0, longest, frozenset())


@functools.cache
def complete(number, here, room):
    """The words of one stage by its regular expression, long enough that every beginning shows."""
    longest = room + sum(not free(touchpoint) for touchpoint in here.touchpoints)
    parts = [powers(number, touchpoint, longest) for touchpoint in here.touchpoints]
    if here.order == "choice":
        return set().union(*parts)
    if here.order == "sequence":
        return {sum(word, ()) for word in itertools.product(*parts) if sum(map(len, word)) <= longest}
    letters = [(number, touchpoint.touchpoint) for touchpoint in here.touchpoints]
    words = itertools.chain.from_iterable(itertools.product(letters, repeat=n) for n in range(longest + 1))
    return {word for word in words if all(fits(word, number, touchpoint) for touchpoint in here.touchpoints)}


def powers(number, touchpoint, longest):
    letter = (number, touchpoint.touchpoint)
    most = longest if touchpoint.repeat else 1
    least = 0 if free(touchpoint) else 1
    return [(letter,) * times for times in range(least, most + 1)]


def fits(word, number, touchpoint):
    times = word.count((number, touchpoint.touchpoint))
    return (times > 0 or free(touchpoint)) and (times < 2 or touchpoint.repeat)


def free(touchpoint):
    return touchpoint.optional or not touchpoint.recorded


def words_of(automaton, longest, *, without=frozenset()):
    """All words that the automaton can read, with the goal flags of the states where they end."""
    found = {}
    steps = [[] for _ in range(automaton.n_states)]
    edges = zip(*(column.tolist() for column in automaton[3:7]), strict=True)
    for edge, (from_, to, symbol, in_) in enumerate(edges):
        if edge not in without:
            steps[from_].append(((in_, automaton.symbols[symbol]), to))
    waiting = [((), automaton.start)]
    while waiting:
        word, state = waiting.pop()
        found.setdefault(word, set()).add(bool(automaton.goal_passed[state]))
        if len(word) < longest:
            waiting.extend(((*word, letter), to) for letter, to in steps[state])
    return found


@st.composite
def maps(draw):
    names = [f"S{number}" for number in range(draw(st.integers(1, 3)))]
    some = st.lists(st.sampled_from(names), unique=True, max_size=2)
    suffix = st.sampled_from(["", "", "?", "+", "*", "()"])
    stages = []
    for number, name in enumerate(names):
        letters = draw(st.lists(st.sampled_from("abcd"), unique=True, min_size=1, max_size=3))
        following = names[number + 1 : number + 2]
        stages.append(
            stage(
                name,
                *(letter + draw(suffix) for letter in letters),
                order=draw(st.sampled_from(["sequence", "choice", "any"])),
                optional=draw(st.booleans()),
                next=tuple(draw(some | st.just(following))),
                returns_to=tuple(draw(st.just([]) | some)),
            )
        )
    goals = draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=2))
    return stages, goals


@examples(200)
@given(maps())
def test_words_are_those_of_the_definition(case):
    stages, goals = case
    read = words_of(compile_automaton(stages, goals), LONGEST)
    assert set(read) == journeys(stages, LONGEST)


@examples(200)
@given(maps())
def test_without_the_ways_back_the_words_are_those_of_a_map_without_returns_and_repeats(case):
    stages, goals = case
    automaton = compile_automaton(stages, goals)
    onwards = [
        dataclasses.replace(
            one,
            returns_to=(),
            touchpoints=tuple(dataclasses.replace(t, repeat=False) for t in one.touchpoints),
        )
        for one in stages
    ]
    back = frozenset(np.flatnonzero(automaton.edge_returns).tolist())
    assert set(words_of(automaton, LONGEST, without=back)) == journeys(onwards, LONGEST)


@examples(100)
@given(maps())
def test_goal_is_passed_once_its_touchpoint_was_done_and_stays_so(case):
    stages, goals = case
    for word, passed in words_of(compile_automaton(stages, goals), LONGEST).items():
        assert passed == {any(symbol in goals for _, symbol in word)}


@examples(100)
@given(maps())
def test_edges_lie_by_state_without_doubles_and_states_are_all_reached(case):
    automaton = compile_automaton(*case)
    assert np.all(np.diff(automaton.edge_from) >= 0)
    edges = list(
        zip(automaton.edge_from, automaton.edge_to, automaton.edge_symbol, automaton.edge_stage, strict=True)
    )
    assert len(set(edges)) == len(edges)
    assert set(automaton.edge_to) | {automaton.start} == set(range(automaton.n_states))
    for column in automaton[3:8]:
        assert column.dtype == np.int32
        assert column.flags.c_contiguous


# By hand --------------------------------------------------------------------------------------------------


def edges_from(automaton, state):
    return [
        (automaton.symbols[symbol], int(to))
        for from_, to, symbol in zip(
            automaton.edge_from, automaton.edge_to, automaton.edge_symbol, strict=True
        )
        if from_ == state
    ]


def test_a_sequence_is_a_chain():
    automaton = compile_automaton([stage("S", "a", "b", "c")], ["c"])
    assert automaton.symbols == ("a", "b", "c")
    assert automaton.n_states == 4
    assert automaton.edge_from.tolist() == [0, 1, 2]
    assert automaton.edge_to.tolist() == [1, 2, 3]
    assert automaton.goal_passed.tolist() == [False, False, False, True]


def test_any_order_of_two_has_a_state_for_each_set_done():
    automaton = compile_automaton([stage("S", "a", "b", order="any")], [])
    assert edges_from(automaton, 0) == [("a", 1), ("b", 2)]
    assert edges_from(automaton, 1) == [("b", 3)]
    assert edges_from(automaton, 2) == [("a", 3)]


def test_inside_any_a_repeat_may_recur_while_the_stage_is_open():
    read = words_of(compile_automaton([stage("S", "a+", "b", order="any")], []), 3)
    words = {"".join(symbol for _, symbol in word) for word in read}
    assert words == {"", "a", "b", "aa", "ab", "ba", "aaa", "aab", "aba", "baa"}


def test_written_order_is_inside_the_stage_then_next_as_listed_then_returns():
    stages = [
        stage("First", "a+", "b?", next=("Third", "Second"), returns_to=("First",)),
        stage("Second", "c", next=()),
        stage("Third", "d?", next=("Fourth",)),
        stage("Fourth", "e"),
    ]
    automaton = compile_automaton(stages, [])
    # After a: again a, b; then Third's d and behind it Fourth's e; then Second's c; then back to First: a is
    # there already, and b can't begin it since a is mandatory.
    assert [symbol for symbol, _ in edges_from(automaton, 1)] == ["a", "b", "d", "e", "c"]
    # After b the way back to a is a new edge, and the last.
    assert [symbol for symbol, _ in edges_from(automaton, 2)] == ["d", "e", "c", "a"]


def test_an_edge_knows_whether_it_is_a_way_back():
    """Whether one leads on doesn't depend on the order in which stages are written."""
    stages = [
        stage("Look", "a+", next=("Pay",)),
        stage("Care", "c", next=()),
        stage("Pay", "b", "goal", next=("Care",), returns_to=("Look", "Pay")),
    ]
    automaton = compile_automaton(stages, ["goal"])
    edges = zip(automaton.edge_from, automaton.edge_symbol, automaton.edge_returns, strict=True)
    ways = {(int(from_), automaton.symbols[symbol]): bool(back) for from_, symbol, back in edges}
    paid = 6  # before the goal: start, a, b; behind it: a, c, b, goal
    assert ways == {
        (0, "a"): False,
        (1, "a"): True,
        (1, "b"): False,
        (2, "goal"): False,
        (3, "a"): True,
        (3, "b"): False,
        (5, "goal"): False,
        (paid, "c"): False,
        (paid, "a"): True,
        (paid, "b"): True,
    }


def test_a_step_that_comes_by_a_way_back_and_by_next_leads_on():
    stages = [
        stage("First", "a", next=("Second", "Third")),
        stage("Second", "b?", next=(), returns_to=("Third",)),
        stage("Third", "c", next=()),
    ]
    automaton = compile_automaton(stages, [])
    assert edges_from(automaton, 1) == [("b", 2), ("c", 3)]  # c by way of the b that may be skipped, first
    assert edges_from(automaton, 2) == [("c", 3)]
    assert automaton.edge_returns.tolist() == [False, False, False, True]


def test_a_missing_choice_carries_its_stage():
    automaton = compile_automaton(
        [stage("S", "a", "b", order="choice", next=("T",)), stage("T", "c", "d")], []
    )
    groups = {
        automaton.symbols[symbol]: int(group)
        for symbol, group in zip(automaton.edge_symbol, automaton.edge_group, strict=True)
    }
    assert groups == {"a": 0, "b": 0, "c": -1, "d": -1}


def test_what_no_system_records_is_free_to_skip_but_may_be_seen():
    automaton = compile_automaton([stage("S", "a", "(b)", "c")], [])
    assert [automaton.symbols[symbol] for symbol in automaton.edge_symbol[~automaton.edge_recorded]] == ["b"]
    read = words_of(automaton, 3)
    words = {"".join(symbol for _, symbol in word) for word in read}
    assert words == {"", "a", "ab", "ac", "abc"}


def test_nobody_returns_from_a_stage_skipped_as_a_whole():
    stages = [
        stage("Basket", "a", next=("Help",)),
        stage("Help", "b", optional=True, next=("Pay",), returns_to=("Basket",)),
        stage("Pay", "c"),
    ]
    words = {"".join(symbol for _, symbol in word) for word in words_of(compile_automaton(stages, []), 3)}
    assert words == {"", "a", "ab", "ac", "aba", "abc"}


def test_a_goal_in_the_middle_splits_the_states_behind_a_loop_back():
    stages = [
        stage("Order", "a", "goal", next=("After",)),
        stage("After", "z", returns_to=("Order",)),
    ]
    automaton = compile_automaton(stages, ["goal"])
    # before: start, a; after: a again, goal, z
    assert automaton.goal_passed.tolist() == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("stages", "entries"),
    [
        ([stage("S", "a", next=("T",)), stage("T", "b")], (0,)),
        ([stage("S", "a", optional=True, next=("T",)), stage("T", "b")], (0, 1)),
        ([stage("S", "a?", next=("T",)), stage("T", "b*", next=("U",)), stage("U", "c")], (0, 1, 2)),
        ([stage("S", "a", optional=True, next=("U",)), stage("T", "b"), stage("U", "c")], (0, 2)),
        # Nothing need be done in S, so it is finished and leads back too; skipped as a whole it does not.
        ([stage("S", "a?", next=("U",), returns_to=("T",)), stage("T", "b"), stage("U", "c")], (0, 1, 2)),
        ([stage("S", "a", optional=True, next=(), returns_to=("T",)), stage("T", "b")], (0,)),
    ],
)
def test_entry_stages_are_the_first_and_those_that_passing_over_it_leads_to(stages, entries):
    assert entry_stages(stages) == entries


@examples(100)
@given(maps())
def test_journeys_begin_in_the_stages_that_the_automaton_enters_first(case):
    stages, _ = case
    assert set(entry_stages(stages)) == {word[0][0] for word in journeys(stages, 1) if word}


def test_a_stage_leads_on_over_next_and_never_by_a_way_back():
    stages = [
        stage("A", "a", next=("C",)),
        stage("B", "b", next=()),
        stage("C", "c", next=("B",), returns_to=("A",)),
        stage("D", "d", next=("A",)),
    ]
    assert leads_to(stages).astype(int).tolist() == [[0, 1, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 0]]
    round_trip = [stage("A", "a", next=("B",)), stage("B", "b", next=("A",))]
    assert leads_to(round_trip).tolist() == [[False, True], [True, False]]


def test_a_map_too_large_names_its_size_and_what_to_simplify():
    letters = "abcde"
    stages = [
        stage(
            f"S{n}",
            *(letter + str(n) for letter in letters),
            order="any",
            next=(f"S{n + 1}",) if n < 8 else (),
        )
        for n in range(9)
    ]
    # 31 sets each, and the start
    with pytest.raises(
        MapError, match=r"needs 280 states, at most 256 .* 'S0' \(any\) with 31: make it a sequence"
    ):
        compile_automaton(stages, [])


def test_the_automaton_as_a_table():
    till = IntendedMap(
        "Till",
        ("paid",),
        (
            stage("Look", "seen+", "(told)", order="choice", next=("Buy",)),
            stage("Buy", "paid"),
        ),
    )
    table = till.automaton_table()
    # States: 0 start, 1 seen, 2 told, 3 paid. Nobody sees whether told was, so paid may come first.
    assert table.to_dict("list") == {
        "from_state": [0, 0, 0, 1, 1, 2],
        "to_state": [1, 2, 3, 1, 3, 3],
        "stage": ["Look", "Look", "Buy", "Look", "Buy", "Buy"],
        "touchpoint": ["seen", "told", "paid", "seen", "paid", "paid"],
        "one_of": [True, True, False, True, False, False],
        "returns": [False, False, False, True, False, False],
        "recorded": [True, False, True, True, True, True],
        "passes_goal": [False, False, True, False, True, True],
        "goal_passed": [False, False, True, False, True, True],
    }


def test_behind_the_goal_nothing_passes_it_again():
    twice = IntendedMap("Till", ("paid",), (stage("Buy", "paid+"),))
    table = twice.automaton_table()
    assert table["passes_goal"].tolist() == [True, False]
    assert table["goal_passed"].tolist() == [True, True]
