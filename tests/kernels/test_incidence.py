"""Probabilities of competing ends: by hand, by brute force, against lifelines and against a jackknife."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels.incidence import Estimate, aalen_johansen
from tests.examples import examples

POINTS = (0, 2, 3, 7)
BANDS = ((-1, 1), (1, 3))


def estimate(
    time, end, *, n_ends, start=None, customer=None, points=POINTS, bands=BANDS, every=1
) -> Estimate:
    time = np.asarray(time, np.int64)
    start = np.full(len(time), -1) if start is None else np.asarray(start)
    customer = np.arange(len(time)) if customer is None else np.asarray(customer)
    late = np.flatnonzero(start >= 0)
    return aalen_johansen(
        time,
        np.asarray(end, np.int8),
        start.astype(np.int64),
        customer.astype(np.int64),
        np.argsort(time),
        late[np.argsort(start[late])],
        n_ends,
        np.asarray(points, np.int64),
        np.asarray(bands, np.int64),
        1,
    )


def by_definition(time, end, start, weight, n_ends, until) -> np.ndarray:
    """Return the probabilities of the ends and of none of them, a distinct time at a time."""
    reached, none_yet = np.zeros(n_ends), 1.0
    for now in sorted({t for t in time if t <= until}):
        at_risk = sum(w for w, t, s in zip(weight, time, start, strict=True) if s < now <= t)
        ended = np.zeros(n_ends)
        for w, t, e in zip(weight, time, end, strict=True):
            if t == now and e < n_ends:
                ended[e] += w
        reached += none_yet * ended / at_risk
        none_yet *= 1 - ended.sum() / at_risk
    return np.append(reached, none_yet)


def influences(time, end, start, n_ends, until) -> np.ndarray:
    """Return the derivative by the weight of each unit, as a difference over a small step."""
    n, step = len(time), 1e-6
    found = np.zeros((n, n_ends + 1))
    for unit in range(n):
        sides = []
        for sign in (1, -1):
            weight = np.ones(n)
            weight[unit] += sign * step
            sides.append(by_definition(time, end, start, weight, n_ends, until))
        found[unit] = (sides[0] - sides[1]) / (2 * step)
    return found


@st.composite
def samples(draw):
    n_ends = draw(st.integers(1, 3))
    units = draw(
        st.lists(
            st.tuples(st.integers(0, 7), st.integers(0, n_ends), st.integers(-6, 6), st.integers(0, 4)),
            min_size=1,
            max_size=12,
        )
    )
    units = sorted(units, key=lambda unit: unit[3])
    time, end, start, customer = (np.array(column) for column in zip(*units, strict=True))
    return n_ends, time, end, np.where((start >= 0) & (start < time), start, -1), customer


def emptied_early(time, end, start, n_ends, until) -> bool:
    """Say whether all who were observed had ended, before others began to be observed."""
    for now in sorted({t for t in time if t <= until}):
        at_risk = (start < now) & (now <= time)
        if at_risk.any() and ((time == now) & (end < n_ends))[at_risk].all() and (start >= now).any():
            return True
    return False


def test_ends_come_before_censorings_and_may_be_at_once():
    # At 0 one of 7 ends: 1/7. One is censored then, so 5 are at risk at 2, where two end, one each way:
    # 6/7 x 1/5 = 6/35 more for both. One is censored then and one at 5; the last ends at 6.
    found = estimate([0, 0, 2, 2, 2, 5, 6], [0, 2, 1, 0, 2, 2, 0], n_ends=2)
    assert found.probability[0] * 35 == pytest.approx([5, 11, 11, 29])
    assert found.probability[1] * 35 == pytest.approx([0, 6, 6, 6])
    assert found.probability[2] * 35 == pytest.approx([30, 18, 18, 0])
    assert found.seen.tolist() == [[1, 2, 2, 3], [0, 1, 1, 1], [6, 3, 2, 0]]
    assert found.known.all()


def test_values_are_those_of_lifelines():
    """AalenJohansenFitter, KaplanMeierFitter of lifelines 0.30.3, which jitters ties: there are none here."""
    time = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41]
    end = [0, 1, 3, 0, 2, 1, 3, 0, 1, 3, 0, 3]
    found = estimate(time, end, n_ends=3, points=(10, 20, 30, 40), bands=[(0, 1)])
    assert found.probability == pytest.approx(
        np.array(
            [
                [0.08333333333333333, 0.17592592592592593, 0.28703703703703703, 0.4537037037037037],
                [0.08333333333333334, 0.17592592592592593, 0.28703703703703703, 0.28703703703703703],
                [0.0, 0.09259259259259257, 0.09259259259259257, 0.09259259259259257],
                [0.8333333333333335, 0.5555555555555555, 0.33333333333333337, 0.16666666666666669],
            ]
        )
    )
    joined = [-1, -1, -1, 2, -1, 6, -1, 8, -1, 12, 20, 4]
    late = estimate(time, end, n_ends=3, start=joined, points=(10, 20, 30, 40), bands=[(0, 1)])
    expected = [0.7346938775510204, 0.4498125780924615, 0.26988754685547695, 0.1349437734277385]
    assert late.probability[3] == pytest.approx(expected)


@examples(150)
@given(samples())
def test_probabilities_and_variances_are_those_of_the_definition(sample):
    n_ends, time, end, start, customer = sample
    found = estimate(time, end, n_ends=n_ends, start=start, customer=customer)
    for column, until in enumerate(POINTS):
        if emptied_early(time, end, start, n_ends, until):
            assert np.isnan(found.probability[:, column]).all()
            continue
        expected = by_definition(time, end, start, np.ones(len(time)), n_ends, until)
        assert found.probability[:, column] == pytest.approx(expected)
        assert found.probability[:, column].sum() == pytest.approx(1)
        of_unit = influences(time, end, start, n_ends, until)
        of_customer = np.array([of_unit[customer == one].sum(axis=0) for one in np.unique(customer)])
        assert found.variance[:, column] == pytest.approx((of_customer**2).sum(axis=0), abs=1e-7)
        assert found.unclustered[:, column] == pytest.approx((of_unit**2).sum(axis=0), abs=1e-7)


@examples(100)
@given(samples())
def test_units_are_counted_where_they_were_followed(sample):
    n_ends, time, end, start, customer = sample
    found = estimate(time, end, n_ends=n_ends, start=start, customer=customer)
    for column, until in enumerate(POINTS):
        ended = [int(((end == k) & (time <= until)).sum()) for k in range(n_ends)]
        observed = start <= until
        running = int((observed & ((time > until) | ((time == until) & (end == n_ends)))).sum())
        assert found.seen[:, column].tolist() == [*ended, running]
        followed = observed & ((time >= until) | (end < n_ends))
        sizes = np.bincount(customer[followed])
        if followed.any():
            assert found.cluster_size[column] == pytest.approx((sizes**2).sum() / sizes.sum())


@examples(100)
@given(samples())
def test_covariances_along_a_curve_have_the_variances_on_their_diagonal(sample):
    n_ends, time, end, start, customer = sample
    found = estimate(time, end, n_ends=n_ends, start=start, customer=customer)
    for variance, covariance in zip(found.variance, found.covariance, strict=True):
        assert np.diag(covariance) == pytest.approx(variance)
        assert covariance == pytest.approx(covariance.T)
        bound = np.sqrt(np.outer(variance, variance))
        assert (np.abs(covariance) <= bound + 1e-12).all()


@examples(100)
@given(samples())
def test_bands_are_conditional_on_their_beginning(sample):
    n_ends, time, end, _, customer = sample
    found = estimate(time, end, n_ends=n_ends, customer=customer)
    begins, ends = POINTS[1], POINTS[3]
    left = by_definition(time, end, np.full(len(time), -1), np.ones(len(time)), n_ends, begins)
    later = time > begins
    assert found.band_at_risk.tolist() == [len(time), int(later.sum())]
    assert found.band_time[1] == (np.clip(time, begins, ends) - begins).sum()
    assert found.band_time[0] == np.minimum(time, begins).sum()
    assert found.band_probability[:, 0] == pytest.approx(found.probability[:-1, 1])
    assert found.band_variance[:, 0] == pytest.approx(found.variance[:-1, 1])
    if left[-1] > 1e-9 and later.any():
        alone = estimate(time[later], end[later], n_ends=n_ends, customer=customer[later])
        assert found.band_probability[:, 1] == pytest.approx(alone.probability[:-1, 3])
        assert found.band_variance[:, 1] == pytest.approx(alone.variance[:-1, 3])


@examples(50)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 1)), min_size=1, max_size=40))
def test_without_censoring_probabilities_are_shares_with_their_variance(units):
    time, end = (np.array(column) for column in zip(*units, strict=True))
    found = estimate(time, end, n_ends=2)
    for column, until in enumerate(POINTS):
        for k in (0, 1):
            share = float(np.mean((time <= until) & (end == k)))
            assert found.probability[k, column] == pytest.approx(share)
            assert found.variance[k, column] == pytest.approx(share * (1 - share) / len(time), abs=1e-15)


def test_variances_agree_with_leaving_out_one_customer_at_a_time():
    draw = np.random.default_rng(5)
    customer = np.sort(draw.integers(0, 250, 500))
    mood = draw.random(250)[customer]  # journeys of one customer resemble each other
    time = (draw.exponential(4.0 + 8 * mood)).astype(np.int64)
    end = np.where(draw.random(500) < np.where(mood < 0.5, 0.1, 0.9), 0, 1)
    censored = draw.integers(0, 20, 500)
    end = np.where(censored < time, 2, end)
    time = np.minimum(time, censored)
    points, bands = (2, 5, 9), ((-1, 0), (0, 2))
    found = estimate(time, end, n_ends=2, customer=customer, points=points, bands=bands)
    owners = np.unique(customer)
    without = [
        estimate(time[kept], end[kept], n_ends=2, customer=customer[kept], points=points, bands=bands)
        for one in owners
        for kept in [customer != one]
    ]
    for name, variance in (("probability", found.variance), ("band_probability", found.band_variance)):
        left = np.stack([getattr(each, name) for each in without])
        m = len(owners)
        jackknife = (m - 1) / m * ((left - left.mean(axis=0)) ** 2).sum(axis=0)
        assert variance == pytest.approx(jackknife, rel=0.03)
    assert (found.variance[0] > 1.1 * found.unclustered[0]).all()


def test_nothing_is_said_once_all_had_ended_before_others_were_observed():
    found = estimate([1, 5, 6], [0, 0, 1], n_ends=1, start=[-1, 3, 3])
    assert found.probability[:, 0].tolist() == [0, 1]
    assert np.isnan(found.probability[:, 1:]).all()
