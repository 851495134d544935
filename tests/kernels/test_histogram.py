"""Quantiles from histograms lie within the stated error of numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cjmining.kernels import histogram

DURATIONS = st.lists(
    st.one_of(st.integers(0, 300), st.integers(0, 2**63 - 1), st.integers(0, 90 * 86_400_000_000)),
    min_size=1,
    max_size=60,
)
SHARES = (0.0, 0.1, 0.5, 0.9, 1.0)


def _of(durations, cell=0):
    elapsed = np.array(durations, np.int64)
    return histogram.summarise(np.array([cell]), np.array([0, len(elapsed)]), elapsed)


@given(DURATIONS)
@example([2**63 - 1])
def test_quantiles_within_the_stated_error(durations):
    found = histogram.quantiles(_of(durations), np.array([0]), SHARES)[0]
    exact = np.quantile(np.array(durations, np.float64), SHARES)
    assert found == pytest.approx(exact, rel=histogram.RELATIVE_ERROR, abs=0)


def test_quantiles_of_many_log_normal_durations():
    durations = np.random.default_rng(5).lognormal(20, 3, 50_000).astype(np.int64)
    found = histogram.quantiles(_of(durations), np.array([0]), SHARES)[0]
    assert found == pytest.approx(np.quantile(durations, SHARES), rel=histogram.RELATIVE_ERROR)


def test_zero_and_equal_times_are_exact():
    day = 86_400_000_000
    assert histogram.quantiles(_of([0, 0, 0]), np.array([0]), (0.5,)).item() == 0.0
    assert histogram.quantiles(_of([day] * 7), np.array([0]), (0.5,)).item() == day
    assert histogram.quantiles(_of([0, day]), np.array([0]), (0.5,)).item() == day / 2


def test_the_bins_ascend_and_fit():
    edges = sorted({2**k + d for k in range(63) for d in (-1, 0, 1)} | set(range(2_000)))
    bins = [int(histogram.bin_of(edge)) for edge in edges]
    assert bins == sorted(bins)
    assert bins[0] == 0
    assert histogram.bin_of(2**63 - 1) < histogram.BINS


@given(st.lists(DURATIONS, min_size=1, max_size=4))
def test_parts_add_up_to_the_whole(parts):
    whole = _of([duration for part in parts for duration in part], cell=3)
    merged = histogram.merge([_of(part, cell=3) for part in parts])
    np.testing.assert_array_equal(merged.key, whole.key)
    np.testing.assert_array_equal(merged.counts, whole.counts)
    np.testing.assert_allclose(merged.total, whole.total, rtol=1e-12)


def test_cells_keep_apart():
    one = histogram.merge([_of([1, 1, 1], cell=4), _of([100], cell=9)])
    assert histogram.quantiles(one, np.array([4, 9]), (0.5,)).ravel().tolist() == [1.0, 100.0]
