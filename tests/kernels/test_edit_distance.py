"""Edit distances are those of the definition; an alignment costs what the distance says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels import edit_distance
from cjmining.kernels.edit_distance import EXTRA, LACKING, OTHER, SAME
from tests.edits import arrays, distance, from_beginning

STEPS = st.lists(st.integers(0, 2), max_size=7)
LISTS = st.lists(STEPS, min_size=1, max_size=6)
COSTS = st.lists(st.sampled_from([0, 500, 1000, 1700]), min_size=3, max_size=3)


@given(LISTS, LISTS)
def test_distances_are_those_of_the_definition(some, others):
    found = edit_distance.distances(*arrays(some), *arrays(others), 3)
    assert found.tolist() == [[distance(a, b) for b in others] for a in some]


@given(LISTS, st.sampled_from([0.0, 0.2, 1 / 3, 0.5, 0.75, 1.0]))
def test_within_a_limit_per_step_of_the_longer(some, limit):
    found = edit_distance.within(*arrays(some), 0, len(some), 3, limit)
    expected = [[distance(a, b) <= limit * max(len(a), len(b)) + 1e-9 for b in some] for a in some]
    assert found.tolist() == expected


@pytest.mark.parametrize("length", [63, 64, 65, 130])
def test_long_sequences_at_the_edge_of_a_word_of_bits(length):
    drawn = np.random.default_rng(length)
    first = drawn.integers(0, 3, length).tolist()
    others = [
        first[5:],
        first[:30] + [2] * 5 + first[30:],
        drawn.integers(0, 3, length).tolist(),
        first,
    ]
    some = [first, *others]
    expected = [[distance(a, b) for b in some] for a in some]
    assert edit_distance.distances(*arrays(some), *arrays(some), 3).tolist() == expected
    for limit in (0.0, 0.05, 0.3, 1.0):
        near = edit_distance.within(*arrays(some), 0, len(some), 3, limit)
        for i, a in enumerate(some):
            for j, b in enumerate(some):
                assert near[i, j] == (expected[i][j] <= limit * max(len(a), len(b)) + 1e-9)


@given(STEPS, STEPS, COSTS, st.booleans())
def test_an_alignment_costs_the_distance_and_tells_both_sequences(mine, theirs, cost, beginning):
    kind, own, other, compared = edit_distance.align(
        np.array(mine, np.int32), np.array(theirs, np.int32), np.array(cost), beginning
    )
    weights = dict(enumerate(cost))
    best = from_beginning if beginning else distance
    assert own[own >= 0].tolist() == list(range(len(mine)))
    assert other[other >= 0].tolist() == list(range(compared))
    paid = 0
    for what, i, j in zip(kind.tolist(), own.tolist(), other.tolist(), strict=True):
        if what in (SAME, OTHER):
            assert (mine[i] == theirs[j]) == (what == SAME)
            paid += 0 if what == SAME else max(weights[mine[i]], weights[theirs[j]])
        else:
            assert (i < 0) == (what == LACKING)
            assert (j < 0) == (what == EXTRA)
            paid += weights[mine[i]] if what == EXTRA else weights[theirs[j]]
    assert paid == best(mine, theirs, weights)
    if beginning:  # the shortest of the nearest beginnings
        assert compared == min(
            n for n in range(len(theirs) + 1) if distance(mine, theirs[:n], weights) == paid
        )


def test_parting_by_hand():
    """ad shop mail basket left | ad shop basket checkout order: they part after basket."""
    ad, shop, mail, basket, left, checkout, order = range(7)
    cost = np.full(7, 1000)
    mine, theirs = arrays([[ad, shop, mail, basket, left]]), arrays([[ad, shop, basket, checkout, order]])
    last, own, their, lacking, extra = edit_distance.part(*mine, *theirs, np.zeros(1, np.int64), cost, True)
    assert (last[0], own[0], their[0]) == (basket, left, checkout)
    assert extra[0].tolist() == [0, 0, 1, 0, 1, 0, 0]
    assert lacking[0].tolist() == [0] * 7


def test_what_has_nothing_in_common_parts_at_the_start():
    found = edit_distance.part(
        *arrays([[0, 0], []]), *arrays([[1]]), np.zeros(2, np.int64), np.full(2, 1000), False
    )
    assert [column.tolist() for column in found[:3]] == [[-1, -1], [0, -1], [1, 1]]
