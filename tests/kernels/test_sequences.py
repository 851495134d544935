"""Sequences are found again even where every hash clashes, and lie in the order of their steps."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels import sequences, variants
from tests.edits import arrays

JOURNEYS = st.lists(st.tuples(st.integers(0, 1), st.lists(st.integers(0, 2), max_size=4)), max_size=40)


def _of(journeys):
    return *arrays([steps for _, steps in journeys]), np.array([group for group, _ in journeys], np.int32)


def _sequence(found, i):
    return int(found.group[i]), found.codes[found.bounds[i] : found.bounds[i + 1]].tolist()


@given(JOURNEYS, JOURNEYS)
def test_each_journey_is_found_among_those_counted(known, asked):
    counted = variants.count(*_of(known))
    numbers = sequences.numbers(sequences.index(counted), *_of(asked))
    for (group, steps), number in zip(asked, numbers.tolist(), strict=True):
        if number < 0:
            assert (group, steps) not in known
        else:
            assert _sequence(counted, number) == (group, steps)


@given(JOURNEYS, JOURNEYS)
def test_hashes_that_clash_change_nothing(known, asked):
    counted, those = variants.count(*_of(known)), _of(asked)
    clashing = sequences.index(counted, hashes=np.zeros(len(counted.group), np.uint64))
    found = sequences.numbers(clashing, *those, hashes=np.zeros(len(asked), np.uint64))
    assert found.tolist() == sequences.numbers(sequences.index(counted), *those).tolist()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 1), st.lists(st.integers(0, 2), max_size=4))))
def test_order_is_that_of_tuples(drawn):
    bounds, codes = arrays([steps for *_, steps in drawn])
    first, second = (np.array([each[place] for each in drawn], np.int64) for place in (0, 1))
    order = sequences.ordered(bounds, codes, first, second)
    assert [drawn[i] for i in order] == sorted(drawn)
    assert sorted(order.tolist()) == list(range(len(drawn)))


LARGE = st.lists(st.sampled_from([0, 1, 2**31 - 2]), max_size=7)  # two steps of 31 bits go into one number


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-1, 0), LARGE)))
def test_order_is_that_of_tuples_where_few_steps_are_sorted_at_once(drawn):
    bounds, codes = arrays([steps for *_, steps in drawn])
    first, second = (np.array([each[place] for each in drawn], np.int64) for place in (0, 1))
    order = sequences.ordered(bounds, codes, first, second).tolist()
    assert order == sorted(range(len(drawn)), key=lambda i: (drawn[i], i))


@given(JOURNEYS, st.randoms())
def test_taken_sequences_are_those_asked_for(journeys, random):
    counted = variants.count(*_of(journeys))
    chosen = list(range(len(counted.group)))
    random.shuffle(chosen)
    taken = sequences.take(counted, np.array(chosen, np.int64))
    assert [_sequence(taken, i) for i in range(len(chosen))] == [_sequence(counted, i) for i in chosen]
    assert taken.journeys.tolist() == counted.journeys[chosen].tolist()


def test_numbers_from_steps_are_spread_evenly_and_always_the_same():
    drawn = [[a, b, c] for a in range(20) for b in range(20) for c in range(20)]
    these = *arrays(drawn), np.zeros(len(drawn), np.int32)
    found = sequences.uniform(*these)
    assert found.min() > 0
    assert found.max() <= 1
    tenths = np.histogram(found, bins=10, range=(0, 1))[0]
    assert ((tenths - 800) ** 2 / 800).sum() < 27.9  # chi-square, 9 degrees of freedom, p = .001
    assert sequences.uniform(*these).tolist() == found.tolist()
