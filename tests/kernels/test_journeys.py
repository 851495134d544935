"""Journeys and touchpoints counted over arrays, by hand and block by block."""

from __future__ import annotations

import numpy as np

from cjmining.kernels import journeys

# Customer 0 has two journeys, of groups 0 and 1; customer 1 has two, both of group 1. Two touchpoints.
BOUNDS = np.array([0, 2, 3, 5, 6])
TIMES = np.array([0, 10, 20, 5, 6, 7])
TOUCHPOINT = np.array([0, 1, 1, 0, 0, 1], np.int32)
CUSTOMER = np.array([0, 0, 1, 1])
GROUP = np.array([0, 1, 1, 1], np.int32)


def test_journeys_by_hand():
    found = journeys.count_journeys(BOUNDS, TIMES, TOUCHPOINT, CUSTOMER, GROUP, 2, 2)
    assert found.journeys.tolist() == [1, 3]
    assert found.customers.tolist() == [1, 2]
    assert found.events.tolist() == [2, 4]
    assert found.start.tolist() == [0, 5]
    assert found.end.tolist() == [10, 20]
    # By group: starts, ends, and where journeys stand that still run.
    assert found.borders.tolist() == [[[1, 0], [0, 1], [0, 0]], [[1, 2], [1, 2], [0, 0]]]


def test_a_journey_that_still_runs_stands_where_it_is():
    running = np.array([False, True, True, False])
    found = journeys.count_journeys(BOUNDS, TIMES, TOUCHPOINT, CUSTOMER, GROUP, 2, 2, running)
    assert found.borders.tolist() == [[[1, 0], [0, 1], [0, 0]], [[1, 2], [0, 1], [1, 1]]]
    assert found.borders_customers.tolist() == found.borders.tolist()


def test_touchpoints_by_hand():
    nan = np.nan
    found = journeys.count_touchpoints(
        BOUNDS,
        TOUCHPOINT,
        np.array([0, 0, -1, 1, 1, 0], np.int32),
        np.array([nan, 1.0, 2.0, nan, nan, 4.0]),
        np.array([0.5, nan, nan, 0.0, 1.0, nan]),
        GROUP,
        2,
        2,
        2,
    )
    assert found.counts.tolist() == [[1, 1], [2, 2]]
    assert found.journeys.tolist() == [[1, 1], [1, 2]]
    assert found.channels.tolist() == [[[1, 0, 0], [1, 0, 0]], [[0, 2, 0], [1, 0, 1]]]
    assert found.wait.tolist() == [[0.0, 1.0], [0.0, 6.0]]
    assert found.wait_answered.tolist() == [[0, 1], [0, 2]]
    assert found.satisfaction.tolist() == [[0.5, 0.0], [1.0, 0.0]]
    assert found.satisfaction_answered.tolist() == [[1, 0], [2, 0]]


def test_blocks_of_whole_customers_add_up():
    parts = [
        journeys.count_journeys(BOUNDS[:3], TIMES[:3], TOUCHPOINT[:3], CUSTOMER[:2], GROUP[:2], 2, 2),
        journeys.count_journeys(BOUNDS[2:] - 3, TIMES[3:], TOUCHPOINT[3:], CUSTOMER[2:], GROUP[2:], 2, 2),
    ]
    whole = journeys.count_journeys(BOUNDS, TIMES, TOUCHPOINT, CUSTOMER, GROUP, 2, 2)
    for one, other in zip(journeys.merge_journeys(parts), whole, strict=True):
        np.testing.assert_array_equal(one, other)
