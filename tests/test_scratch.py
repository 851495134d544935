"""What is kept in temporary files is read as an array of the same values is."""

from __future__ import annotations

import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.scratch import Held, Scratch, beside
from cjmining.stats.largest import largest
from tests.examples import examples

VALUES = np.random.default_rng(2).normal(size=1000)
CUTS = [0, 1, 7, 400, 401, 990, 1000]


@pytest.mark.parametrize("kind", [Scratch, Held])
def test_pieces_may_come_in_any_order_and_from_threads(kind):
    written = kind(np.float64)
    with ThreadPoolExecutor(4) as pool:
        for start, stop in reversed(list(itertools.pairwise(CUTS))):
            pool.submit(written.put, start, VALUES[start:stop])
    column = written.column()
    assert len(column) == written.size == 1000
    np.testing.assert_array_equal(column[395:405], VALUES[395:405])
    np.testing.assert_array_equal(column[np.array([999, 0, 400])], VALUES[[999, 0, 400]])
    assert len(column[1000:]) == len(kind(np.int8).column()) == 0


def test_values_beside_a_column_are_in_a_file_and_go_along_when_pickled():
    written = beside(Scratch(np.int8).column(), np.float64)
    assert isinstance(written, Scratch)
    written.add(VALUES[:600])
    written.add(VALUES[600:])
    np.testing.assert_array_equal(np.asarray(written.column()), VALUES)
    copied = pickle.loads(pickle.dumps(written))  # noqa: S301 -- our own
    np.testing.assert_array_equal(copied.read(590, 610), VALUES[590:610])


@examples(50)
@given(st.lists(st.floats(0, 1) | st.sampled_from([0.5, -0.0, 5e-324]), min_size=1, max_size=40), st.data())
def test_a_number_at_a_place_is_that_of_all_sorted(numbers, data):
    place = data.draw(st.integers(1, len(numbers)))
    cut = data.draw(st.integers(0, len(numbers)))
    pieces = np.array(numbers[:cut]), np.array(numbers[cut:])
    assert largest(lambda: pieces, place) == sorted(numbers, reverse=True)[place - 1]
