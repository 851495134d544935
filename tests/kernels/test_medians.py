"""Exact medians by cell agree with numpy's, however few values may be in memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels.medians import medians
from tests.examples import examples

VALUES = st.one_of(st.integers(0, 5), st.integers(0, 2**60 - 1), st.integers(2**36 - 3, 2**36 + 3))


@given(st.lists(st.tuples(st.integers(0, 4), VALUES), max_size=60), st.integers(1, 60), st.integers(1, 7))
@examples(60)
def test_they_are_those_of_numpy(pairs: list[tuple[int, int]], few: int, size: int) -> None:
    cell, value = (
        (np.array(each, np.int64) for each in zip(*pairs, strict=True)) if pairs else (_none(), _none())
    )
    cuts = range(0, len(cell), size)
    found = medians(lambda: ((cell[i : i + size], value[i : i + size]) for i in cuts), 5, few=few)
    assert sorted(found) == sorted(set(cell.tolist()))
    for each, median in found.items():
        own = sorted(value[cell == each].tolist())
        low, high = own[(len(own) - 1) // 2], own[len(own) // 2]
        assert median == (float(low) + float(high)) / 2


def _none() -> np.ndarray:
    return np.zeros(0, np.int64)


def test_no_more_values_are_held_than_allowed() -> None:
    """Of a hundred thousand distinct values a handful is left when they are sorted."""
    rng = np.random.default_rng(1)
    cell, value = rng.integers(0, 3, 100_000), rng.integers(0, 2**50, 100_000)
    passes = []

    def pieces():
        passes.append(1)
        return [(cell, value)]

    found = medians(pieces, 3, few=200)
    assert found == pytest.approx({each: np.median(value[cell == each]) for each in range(3)}, rel=1e-15)
    assert len(passes) == 4  # counts, two digits, what is left
