"""Transitions counted over arrays: by hand, by brute force, and block by block."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels import bins, histogram, transitions


@pytest.fixture(params=[0, 64], ids=["into bins at once", "sorted first"], scope="module", autouse=True)
def _way(request):
    """Small logs are sorted; all tests run with times put into bins in the first pass, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transitions, "_EVENTS_A_CELL", request.param)
        yield


def test_by_hand():
    # Two journeys: 0 1 0 1 with 10 us each, and 1 1 with 7 us. Cells are from x 2 + to.
    found, times = transitions.count_with_times(
        np.array([0, 4, 6]),
        np.array([0, 10, 20, 30, 100, 107]),
        np.array([0, 1, 0, 1, 1, 1], np.int32),
        np.zeros(2, np.int32),
        1,
        2,
    )
    assert found.cell.tolist() == [0 * 2 + 1, 1 * 2 + 0, 1 * 2 + 1]
    assert found.counts.tolist() == [2, 1, 1]
    assert found.journeys.tolist() == [1, 1, 1]
    assert found.total.tolist() == [20.0, 10.0, 7.0]
    assert histogram.quantiles(times, found.cell, (0.5,)).ravel().tolist() == [10.0, 10.0, 7.0]


@st.composite
def logs(draw, most_touchpoints: int = 5):
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=12))
    n = sum(lengths)
    touchpoint = draw(st.lists(st.integers(0, most_touchpoints - 1), min_size=n, max_size=n))
    group = draw(st.lists(st.integers(0, 2), min_size=len(lengths), max_size=len(lengths)))
    steps = draw(st.lists(st.sampled_from([0, 1, 90, 86_400_000_000]), min_size=n, max_size=n))
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    return (
        bounds,
        np.cumsum(steps),
        np.array(touchpoint, np.int32),
        np.array(group, np.int32),
    )


def _brute_force(log, n_touchpoints):
    bounds, timestamp, touchpoint, group = log
    times, journeys = defaultdict(list), defaultdict(set)
    for journey, (first, last) in enumerate(itertools.pairwise(bounds)):
        for event in range(first, last - 1):
            cell = (group[journey] * n_touchpoints + touchpoint[event]) * n_touchpoints
            cell = int(cell + touchpoint[event + 1])
            times[cell].append(int(timestamp[event + 1] - timestamp[event]))
            journeys[cell].add(journey)
    return times, journeys


@given(logs())
def test_equals_brute_force(log):
    expected, journeys = _brute_force(log, 5)
    found, times = transitions.count_with_times(*log, 3, 5)
    assert found.cell.tolist() == sorted(expected)
    assert found.counts.tolist() == [len(expected[cell]) for cell in found.cell]
    assert found.journeys.tolist() == [len(journeys[cell]) for cell in found.cell]
    assert found.total.tolist() == [sum(expected[cell]) for cell in found.cell]
    medians = histogram.quantiles(times, found.cell, (0.5,)).ravel()
    assert medians == pytest.approx(
        [np.median(expected[cell]) for cell in found.cell], rel=histogram.RELATIVE_ERROR
    )


@given(logs(most_touchpoints=2_000))
def test_a_large_vocabulary_takes_the_hashed_path_and_counts_the_same(log):
    expected, _ = _brute_force(log, 2_000)
    found = transitions.count(*log, 3, 2_000)
    assert dict(zip(found.cell.tolist(), found.counts.tolist(), strict=True)) == {
        cell: len(times) for cell, times in expected.items()
    }


@given(logs(), st.data())
def test_blocks_add_up_to_the_whole(log, data):
    bounds, timestamp, touchpoint, group = log
    n = len(group)
    cuts = sorted({0, n, *data.draw(st.lists(st.integers(0, n), max_size=4))})
    parts = [
        transitions.count_with_times(
            bounds[a : b + 1] - bounds[a],
            timestamp[bounds[a] : bounds[b]],
            touchpoint[bounds[a] : bounds[b]],
            group[a:b],
            3,
            5,
        )
        for a, b in itertools.pairwise(cuts)
    ]
    whole, times = transitions.count_with_times(*log, 3, 5)
    merged = transitions.merge([part[0] for part in parts])
    merged_times = histogram.merge([part[1] for part in parts])
    for one, other in zip((*whole, *times), (*merged, *merged_times), strict=True):
        np.testing.assert_array_equal(one, other)


@given(logs(most_touchpoints=2_000), st.sampled_from([5, 2_000]), st.sampled_from([0.01, 100]))
def test_tables_that_grow_or_turn_out_sparse_change_nothing(log, n_touchpoints, least):
    # With one chunk to begin with: tables grow again and again, or times are sorted after all.
    bounds, timestamp, touchpoint, group = log
    log = bounds, timestamp, touchpoint % np.int32(n_touchpoints), group
    expected, expected_times = transitions.count_with_times(*log, 3, n_touchpoints)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transitions, "_FIRST_SLOTS", 1)
        patch.setattr(bins, "FIRST_CHUNKS", 1)
        patch.setattr(transitions, "_EVENTS_A_CELL", 0)
        patch.setattr(transitions, "_EVENTS_A_CHUNK", least)
        found, times = transitions.count_with_times(*log, 3, n_touchpoints)
        counted = transitions.count(*log, 3, n_touchpoints)
    for one, other in zip((*found, *times, *counted), (*expected, *expected_times, *expected), strict=True):
        np.testing.assert_array_equal(one, other)


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=4), st.integers(500, 3_000))
def test_bins_that_are_full_lose_nothing(durations, n):
    # 512 durations fill a bin's counter; the histogram is that of the same durations put in one by one.
    elapsed = np.resize(np.array(durations, np.int64), n)
    timestamp = np.zeros(2 * n, np.int64)
    timestamp[1::2] = elapsed
    found, times = transitions.count_with_times(
        np.arange(0, 2 * n + 1, 2), timestamp, np.zeros(2 * n, np.int32), np.zeros(n, np.int32), 1, 1
    )
    expected = histogram.summarise(np.array([0]), np.array([0, n]), elapsed)
    np.testing.assert_array_equal(times.key, expected.key)
    np.testing.assert_array_equal(times.counts, expected.counts)
    np.testing.assert_allclose(times.total, expected.total, rtol=1e-13)
    assert found.counts.tolist() == [n]
    assert found.total == pytest.approx([float(sum(elapsed.tolist()))], rel=1e-13)


def test_equal_times_are_exact_however_many():
    eight_days, n = 8 * 86_400_000_000 + 1, 100_000
    timestamp = np.zeros(2 * n, np.int64)
    timestamp[1::2] = eight_days
    found, times = transitions.count_with_times(
        np.arange(0, 2 * n + 1, 2), timestamp, np.zeros(2 * n, np.int32), np.zeros(n, np.int32), 1, 1
    )
    assert histogram.quantiles(times, found.cell, (0.5, 0.9)).ravel().tolist() == [eight_days] * 2


def test_no_events_no_transitions():
    nothing = np.zeros(0, np.int32)
    found, times = transitions.count_with_times(
        np.zeros(1, np.int64), np.zeros(0, np.int64), nothing, nothing, 1, 0
    )
    assert len(found.cell) == len(times.key) == 0


def test_time_that_runs_backwards_counts_as_none():
    # A caller may hand over events as sorted that aren't: then no time has passed, rather than a wrong bin.
    found = transitions.count(
        np.array([0, 2]),
        np.array([50, 0]),
        np.array([0, 0], np.int32),
        np.zeros(1, np.int32),
        1,
        1,
    )
    assert found.total.tolist() == [0.0]
