"""Variants are counted exactly, even where every hash clashes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels import variants

JOURNEYS = st.lists(st.tuples(st.integers(0, 1), st.lists(st.integers(0, 2), max_size=4)), max_size=40)


def _arrays(journeys):
    bounds = np.concatenate([[0], np.cumsum([len(steps) for _, steps in journeys])]).astype(np.int64)
    codes = np.array([code for _, steps in journeys for code in steps], np.int32)
    return bounds, codes, np.array([group for group, _ in journeys], np.int32)


def _counted(found):
    spans = zip(found.bounds[:-1], found.bounds[1:], strict=True)
    keys = [tuple(found.codes[a:b].tolist()) for a, b in spans]
    assert len(set(zip(found.group.tolist(), keys, strict=True))) == len(keys)
    return Counter(
        dict(zip(zip(found.group.tolist(), keys, strict=True), found.journeys.tolist(), strict=True))
    )


@given(JOURNEYS)
def test_equals_counting_tuples(journeys):
    expected = Counter((group, tuple(steps)) for group, steps in journeys)
    assert _counted(variants.count(*_arrays(journeys))) == expected


@given(JOURNEYS)
@pytest.mark.filterwarnings("error")
def test_clashing_hashes_merge_nothing(journeys):
    bounds, codes, group = _arrays(journeys)
    ones = np.ones(len(group), np.int64)
    # A multiplier of 0 gives every sequence the same hash.
    clashing = variants.count_weighted(variants.Variants(bounds, codes, group, ones), multiplier=0)
    assert _counted(clashing) == _counted(variants.count(bounds, codes, group))


@given(JOURNEYS, st.integers(0, 40))
def test_blocks_add_up_to_the_whole(journeys, cut):
    parts = [variants.count(*_arrays(part)) for part in (journeys[:cut], journeys[cut:])]
    whole = variants.count(*_arrays(journeys))
    for one, other in zip(variants.merge(parts), whole, strict=True):
        np.testing.assert_array_equal(one, other)
