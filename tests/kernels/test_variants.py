"""Variants are counted exactly, even where every hash clashes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels import variants
from tests.examples import examples

# Short sequences of few codes and groups are told by a number, others by a hash: at the limits of both.
FEW = st.tuples(st.integers(0, 1), st.lists(st.integers(0, 2), max_size=4))
LIMITS = st.tuples(st.sampled_from([0, 7, 8]), st.lists(st.sampled_from([0, 30, 31]), max_size=2))
LONG = st.tuples(st.integers(0, 1), st.lists(st.sampled_from([0, 30]), min_size=11, max_size=14))
JOURNEYS = st.one_of(st.lists(FEW, max_size=40), st.lists(st.one_of(FEW, LIMITS, LONG), max_size=40))
CLASH = np.uint64(1 << 63)
"""The same hash for all; without this bit it would be a number that holds all steps."""


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
    # A multiplier of 0 gives every sequence that is hashed the same hash: in group 8 all are.
    group = group + np.int32(8)
    clashing = variants.count_weighted(variants.Variants(bounds, codes, group, ones), multiplier=0)
    assert _counted(clashing) == _counted(variants.count(bounds, codes, group))


@given(JOURNEYS, st.integers(0, 40))
def test_parts_whose_hashes_clash_merge_nothing(journeys, cut):
    parts = [variants.count(*_arrays(part)) for part in (journeys[:cut], journeys[cut:])]
    clashing = [part._replace(hashes=np.full(len(part.group), CLASH)) for part in parts]
    whole = _counted(variants.count(*_arrays(journeys)))
    assert _counted(variants.merge(clashing)) == whole
    assert _counted(variants.merge([part._replace(hashes=None) for part in parts])) == whole


@given(JOURNEYS, st.integers(1, 3))
def test_threads_change_nothing(journeys, threads):
    parts = [variants.count(*_arrays(journeys)), variants.count(*_arrays(journeys[::-1]))]
    merged = variants.merge(parts, threads=threads)
    for one, other in zip(merged, variants.merge(parts, threads=1), strict=True):
        np.testing.assert_array_equal(one, other)


def test_many_journeys_keep_their_order():
    # More than one stretch of the table is fetched ahead; counts and order are those of a dictionary.
    rng = np.random.default_rng(4)
    journeys = [(0, rng.integers(0, 4, rng.integers(0, 6)).tolist()) for _ in range(3_000)]
    found = variants.count(*_arrays(journeys))
    expected = Counter(tuple(steps) for _, steps in journeys)
    sequences = [tuple(one.tolist()) for one in np.split(found.codes, found.bounds[1:-1])]
    assert sequences == list(expected)
    assert found.journeys.tolist() == list(expected.values())


@given(JOURNEYS, st.integers(0, 40))
def test_blocks_add_up_to_the_whole(journeys, cut):
    parts = [variants.count(*_arrays(part)) for part in (journeys[:cut], journeys[cut:])]
    whole = variants.count(*_arrays(journeys))
    for one, other in zip(variants.merge(parts), whole, strict=True):
        np.testing.assert_array_equal(one, other)


@examples(60)
@given(JOURNEYS, st.integers(0, 40), st.integers(1, 3))
def test_blocks_counted_together_are_the_whole(journeys, cut, threads):
    parts = [_arrays(part) for part in (journeys[:cut], journeys[cut:])]
    whole = variants.count(*_arrays(journeys))
    for one, other in zip(variants.count_parts(parts, threads=threads), whole, strict=True):
        np.testing.assert_array_equal(one, other)
