"""Equal behaviours have equal automata, and the first difference of others is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.errors import MapError
from cjmining.intended import parse_map
from cjmining.intended.behaviour import Behaviour
from cjmining.intended.redraw import redraw

LETTERS = "ab"
edges = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([*LETTERS, None]), st.integers(0, 4)),
    max_size=9,
    unique=True,
)


def behaviour_of(listed) -> Behaviour:
    return Behaviour.of(0, {state: [(n, to) for at, n, to in listed if at == state] for state in range(5)})


def words_of(listed, longest: int) -> set[str]:
    """Every word, by walking the edges one by one."""
    found, waiting = set(), [(0, "")]
    seen = set(waiting)
    while waiting:
        state, word = waiting.pop()
        found.add(word)
        for at, name, to in listed:
            step = (to, word + (name or ""))
            if at == state and len(step[1]) <= longest and step not in seen:
                seen.add(step)
                waiting.append(step)
    return found


def allowed(behaviour: Behaviour, longest: int) -> set[str]:
    words = [""]
    for word in words:
        if len(word) < longest:
            words += [word + letter for letter in LETTERS if behaviour.after(word + letter) is not None]
    return set(words)


@given(edges)
def test_it_allows_the_words_of_the_automaton(listed):
    assert allowed(behaviour_of(listed), 5) == words_of(listed, 5)


@given(edges, edges)
def test_two_are_equal_if_and_only_if_no_word_tells_them_apart(one, other):
    first, second = behaviour_of(one), behaviour_of(other)
    word = first.difference(second)
    assert (first == second) == (word is None)
    if word is not None:
        assert (first.after(word) is None) != (second.after(word) is None)
        assert words_of(one, len(word) - 1) == words_of(other, len(word) - 1)


def test_shortest_ways_lead_to_their_states():
    behaviour = behaviour_of([(0, "a", 1), (1, "b", 2), (0, "b", 2), (2, "a", 3)])
    assert [behaviour.after(way) for way in behaviour.shortest_ways] == list(range(len(behaviour.steps)))
    assert behaviour.shortest_ways == [(), ("a",), ("b",), ("b", "a")]


def test_what_never_happens_leaves_no_trace():
    behaviour = behaviour_of([(0, "a", 1), (0, "b", 2), (2, "a", 3)])
    assert behaviour.without(["b"]) == behaviour_of([(0, "a", 1)])
    assert behaviour.without(["b"]).names == ("a",)


HEAD = {"map": "Drawn", "goal": ["b"], "patience": "7d"}


def test_owners_answer_for_the_stages_that_are_theirs():
    behaviour = behaviour_of([(0, "a", 1), (1, "b", 2)])
    drawn = redraw(behaviour, HEAD, owners={"a": "Shop"})
    assert [stage.owner for stage in drawn.stages] == ["Shop", None]


def test_a_name_that_is_taken_is_not_given_to_the_unrecorded_start():
    steps = {0: [("start", 1), ("a", 2)], 1: [("a", 2)], 2: [("c", 3)], 3: [("b", 4)], 4: []}
    steps[1] = [("b", 4)]
    drawn = redraw(Behaviour.of(0, steps), HEAD)
    assert drawn.stages[0].touchpoints[0].touchpoint == "(start)"
    assert not drawn.stages[0].touchpoints[0].recorded
    assert parse_map(drawn.text) == drawn


def test_a_first_touchpoint_that_may_be_skipped_is_optional():
    drawn = redraw(behaviour_of([(0, "a", 1), (1, "b", 2), (0, "b", 2)]), HEAD)
    assert [(stage.stage, stage.optional) for stage in drawn.stages] == [("a", True), ("b", False)]


def test_where_nothing_happens_there_is_nothing_to_draw():
    with pytest.raises(MapError):
        redraw(behaviour_of([]), HEAD)
