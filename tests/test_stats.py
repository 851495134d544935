"""Shares, comparisons and many comparisons at once, against published formulas and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cjmining.stats import (
    Z95,
    benjamini_hochberg,
    compare_shares,
    design_effect,
    fisher,
    limits_of_probabilities,
    mean_of_clusters,
    newcombe,
    p_of_turning,
    width_of_band,
    wilson,
    wilson_of_clusters,
)


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


@pytest.mark.parametrize(
    ("counts", "limits"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.0582, 0.8062)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 20), (-0.1611, 0.2775)),
        ((0, 10, 0, 10), (-0.2775, 0.2775)),
        ((10, 10, 0, 20), (0.6791, 1.0000)),
        ((10, 10, 0, 10), (0.6075, 1.0000)),
    ],
)
def test_the_limits_of_a_difference_are_newcombes(
    counts: tuple[int, int, int, int], limits: tuple[float, float]
) -> None:
    """Newcombe 1998, table II, method 10 (score limits without continuity correction), all eight examples."""
    found = newcombe(*counts)
    assert found.difference == pytest.approx(counts[0] / counts[1] - counts[2] / counts[3])
    assert (found.lower, found.upper) == pytest.approx(limits, abs=5.1e-5)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_difference_turns_round_and_widens_with_the_design_effect(
    n: int, m: int, data: st.DataObject
) -> None:
    hits, others = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    one, other = newcombe(hits, n, others, m), newcombe(others, m, hits, n)
    assert (one.difference, one.lower, one.upper) == pytest.approx(
        (-other.difference, -other.upper, -other.lower)
    )
    wide = newcombe(hits, n, others, m, effect=2.0, other_effect=1.5)
    assert wide.difference == pytest.approx(one.difference)
    assert -1 <= wide.lower <= one.lower + 1e-12
    assert one.upper - 1e-12 <= wide.upper <= 1


def test_a_difference_from_nothing_is_unknown() -> None:
    assert all(math.isnan(number) for number in newcombe(1, 2, 0, 0))


@given(st.lists(st.integers(1, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1))
def test_limits_of_clusters_are_never_narrower_than_wilsons(clusters: list[tuple[int, int]]) -> None:
    hits, n = (sum(column) for column in zip(*clusters, strict=True))
    sums = [sum(d * d for d, _ in clusters), sum(d * m for d, m in clusters), sum(m * m for _, m in clusters)]
    alone, found = wilson(hits, n), wilson_of_clusters(hits, n, sums)
    assert found.share == hits / n
    assert found.lower <= alone.lower + 1e-12
    assert found.upper >= alone.upper - 1e-12


def test_clusters_that_always_agree_count_once_each() -> None:
    assert wilson_of_clusters(10, 20, (20, 20, 40)) == pytest.approx(wilson(5, 10))
    # All 20 events of four customers kept: nobody sees how alike they are, so four customers are four.
    assert wilson_of_clusters(20, 20, (100, 100, 100)) == pytest.approx(wilson(4, 4))
    assert math.isnan(wilson_of_clusters(0, 0, (0, 0, 0)).share)


def test_a_mean_of_single_answers_has_students_limits() -> None:
    answers = np.array([0.2, 0.4, 0.9, 1.0, 0.0, 0.5])
    expected = stats.ttest_1samp(answers, 0.0).confidence_interval(0.95)
    sums = (len(answers), (answers**2).sum(), answers.sum(), len(answers))
    found = mean_of_clusters(answers.sum(), len(answers), sums)
    assert found == pytest.approx((answers.mean(), expected.low, expected.high))


def test_answers_given_twice_by_the_same_customers_say_no_more() -> None:
    single = mean_of_clusters(1.5, 3, (3, 1.01, 1.5, 3))
    assert mean_of_clusters(3.0, 6, (3, 4.04, 6.0, 12)) == pytest.approx(single)
    assert math.isnan(mean_of_clusters(0.4, 1, (1, 0.16, 0.4, 1)).lower)
    assert math.isnan(mean_of_clusters(0.0, 0, (0, 0, 0, 0)).mean)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_limits_of_a_plain_share_are_wilsons(counts: tuple[int, int]) -> None:
    successes, n = counts
    share, lower, upper = wilson(successes, n)
    limits = limits_of_probabilities([share], [share * (1 - share) / n], [n])
    assert (limits.lower[0], limits.upper[0]) == pytest.approx((lower, upper), abs=1e-9)


def test_limits_are_as_wide_as_the_variance_says() -> None:
    lower, upper = limits_of_probabilities(
        [0.3, 0.3], [0.3 * 0.7 / 50, 0.3 * 0.7 / 50], [900, 900], width=[Z95, 3]
    )
    assert (lower[0], upper[0]) == pytest.approx(wilson(15, 50)[1:])
    assert lower[1] < lower[0] < 0.3 < upper[0] < upper[1]


def test_limits_of_what_never_happened_come_from_those_followed() -> None:
    lower, upper = limits_of_probabilities([0.0, 1.0, 0.0, np.nan], [0.0, 0.0, 0.0, 0.1], [30, 30, 0, 30])
    assert (lower[0], upper[0]) == pytest.approx(wilson(0, 30)[1:])
    assert (lower[1], upper[1]) == pytest.approx(wilson(30, 30)[1:])
    assert np.isnan([lower[2], upper[2], lower[3], upper[3]]).all()


@pytest.mark.parametrize("points", [1, 2, 5, 20])
def test_a_band_over_independent_points_is_as_wide_as_sidak_says(points: int) -> None:
    expected = stats.norm.ppf((1 + 0.95 ** (1 / points)) / 2)
    assert width_of_band(np.diag(np.arange(1.0, points + 1))) == pytest.approx(expected, abs=0.04)


def test_a_band_over_points_that_move_together_is_no_wider_than_one_point() -> None:
    assert width_of_band(np.full((30, 30), 0.2)) == pytest.approx(Z95, abs=0.04)
    assert width_of_band(np.zeros((3, 3))) == pytest.approx(Z95)


def test_a_band_around_a_random_walk_is_as_wide_as_its_greatest_deviation() -> None:
    steps = np.random.default_rng(2).standard_normal((40_000, 25)).cumsum(axis=1) / np.sqrt(np.arange(1, 26))
    expected = np.quantile(np.abs(steps).max(axis=1), 0.95)
    at = np.arange(1.0, 26)
    assert width_of_band(np.minimum.outer(at, at)) == pytest.approx(expected, abs=0.05)


def test_turning_is_tested_as_published() -> None:
    # Gail and Simon (1985) give 0.088 for these four groups of patients.
    z = [0.163 / 0.0788, -0.114 / 0.0689, -0.047 / 0.0614, -0.151 / 0.0547]
    assert p_of_turning(z) == pytest.approx(0.0877, abs=5e-4)
    assert p_of_turning([2.0, 3.0]) == 0.5
    assert p_of_turning([3.0, -3.0]) == pytest.approx(stats.norm.sf(3))  # the chi-square of one, by half
    assert math.isnan(p_of_turning([1.0]))


@given(*(st.integers(0, 300) for _ in range(4)))
def test_fishers_test_is_scipys(a: int, b: int, c: int, d: int) -> None:
    assert fisher(a, b, c, d) == pytest.approx(stats.fisher_exact([[a, b], [c, d]]).pvalue, rel=1e-8)


def test_fishers_test_holds_for_large_counts() -> None:
    table = [[40_400, 960_000], [40_000, 970_000]]
    assert fisher(*table[0], *table[1]) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6)
    assert fisher(0, 100_000, 100_000, 0) == 0
    # Of all tables with these margins the observed one is the likeliest, or as likely as it gets.
    assert fisher(500_000, 500_000, 500_000, 500_000) == pytest.approx(1)
