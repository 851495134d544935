"""Shares, comparisons and many comparisons at once, against published formulas and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cjmining.stats import benjamini_hochberg, compare_shares, design_effect, wilson


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_limits_are_scipys(counts: tuple[int, int]) -> None:
    successes, n = counts
    expected = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    share, lower, upper = wilson(successes, n)
    assert share == successes / n
    assert (lower, upper) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= lower <= share <= upper <= 1


def test_a_share_of_nothing_is_unknown() -> None:
    assert all(math.isnan(number) for number in wilson(0, 0))


@settings(deadline=None, derandomize=True)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_q_values_are_scipys(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p, method="bh"))


def test_comparisons_that_could_not_be_made_do_not_count() -> None:
    q = benjamini_hochberg([0.02, np.nan, 0.01])
    assert q[[0, 2]].tolist() == [0.02, 0.02]
    assert math.isnan(q[1])
    assert len(benjamini_hochberg([])) == 0


def test_a_risk_ratio_has_scipys_limits() -> None:
    expected = stats.contingency.relative_risk(30, 120, 45, 300)
    found = compare_shares(30, 120, 45, 300)
    limits = expected.confidence_interval(0.95)
    assert found.risk_ratio == pytest.approx(expected.relative_risk)
    assert (found.lower, found.upper) == pytest.approx((limits.low, limits.high))
    assert found.p == pytest.approx(stats.fisher_exact([[30, 90], [45, 255]]).pvalue)


def test_nothing_on_one_side() -> None:
    assert compare_shares(5, 10, 0, 10).risk_ratio == math.inf
    assert compare_shares(0, 10, 5, 10).risk_ratio == 0
    assert math.isnan(compare_shares(0, 10, 0, 10).risk_ratio)
    assert math.isnan(compare_shares(0, 0, 1, 10).p)


def test_units_that_come_in_pairs_count_half() -> None:
    """Ten customers with two journeys, both dropped or neither, are ten observations, not twenty."""
    assert design_effect(20, (20, 20, 40), 0.5) == 2.0
    assert design_effect(20, (10, 10, 20), 0.5) == 1.0
    paired = compare_shares(12, 40, 4, 40, effect=2.0, other_effect=2.0)
    alone = compare_shares(6, 20, 2, 20)
    assert paired == pytest.approx(alone)
