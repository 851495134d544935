"""Sparse counts and the expectation over them, against loops in plain Python."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels.mixture import (
    Counts,
    bootstrap_weights,
    customers_with,
    expect,
    hashed,
    merge_equal,
    posterior,
    transitions_of_customers,
)

S = 4
JOURNEYS = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.integers(0, S - 1), max_size=6), st.booleans()), max_size=8
).map(lambda rows: sorted(rows, key=lambda row: row[0]))


@given(JOURNEYS)
def test_transitions_are_those_of_a_loop(journeys):
    bounds = np.cumsum([0, *(len(steps) for _, steps, _ in journeys)])
    code = np.array([step for _, steps, _ in journeys for step in steps], np.int32)
    customer = np.array([who for who, _, _ in journeys], np.int64)
    is_open = np.array([open_ for _, _, open_ in journeys], bool)
    starts, key, times = transitions_of_customers(bounds, code, customer, is_open, S)

    wanted: dict[int, Counter] = {who: Counter() for who in customer.tolist()}
    for who, steps, open_ in journeys:
        if steps:
            way = [S, *steps] if open_ else [S, *steps, S]
            wanted[who].update(a * (S + 1) + b for a, b in itertools.pairwise(way))
    assert len(starts) == len(wanted) + 1
    for unit, who in enumerate(wanted):
        mine = slice(starts[unit], starts[unit + 1])
        assert list(zip(key[mine].tolist(), times[mine].tolist(), strict=True)) == sorted(wanted[who].items())


UNITS = st.lists(
    st.tuples(st.dictionaries(st.integers(0, 4), st.integers(1, 3), min_size=1), st.integers(0, 1)),
    min_size=1,
    max_size=9,
)


def counts_of(units, weight=None) -> Counts:
    rows = [sorted(cells.items()) for cells, _ in units]
    bounds = np.cumsum([0, *(len(row) for row in rows)])
    pairs = [pair for row in rows for pair in row]
    return Counts(
        bounds.astype(np.int64),
        np.array([cell for cell, _ in pairs], np.int32),
        np.array([times for _, times in pairs], np.float64),
        np.array([group for _, group in units], np.int32),
        np.ones(len(units)) if weight is None else np.asarray(weight, np.float64),
    )


@given(UNITS)
def test_equal_units_become_one_with_their_weight(units):
    merged, member = merge_equal(counts_of(units))
    kinds = {(tuple(sorted(cells.items())), group) for cells, group in units}
    assert len(merged.weight) == len(kinds)
    assert merged.weight.sum() == len(units)
    for unit, (cells, group) in enumerate(units):
        one = member[unit]
        mine = slice(merged.bounds[one], merged.bounds[one + 1])
        assert dict(zip(merged.cell[mine].tolist(), merged.times[mine].tolist(), strict=True)) == cells
        assert merged.group[one] == group


def parameters(draws):
    mixing = draws.dirichlet(np.ones(3), size=2)
    cells = draws.dirichlet(np.ones(5), size=3).T
    return np.log(mixing), np.log(cells)


@given(UNITS, st.integers(0, 10))
def test_the_expectation_is_that_of_bayes_rule(units, seed):
    log_mixing, log_cells = parameters(np.random.default_rng(seed))
    counts = counts_of(units)
    total, mixing, cells = expect(counts, 0, len(units), log_mixing, log_cells)

    wanted_total, wanted_mixing, wanted_cells = 0.0, np.zeros((2, 3)), np.zeros((5, 3))
    for own, group in units:
        joint = np.exp(log_mixing[group]) * np.prod(
            [np.exp(log_cells[cell]) ** times for cell, times in own.items()], axis=0
        )
        wanted_total += np.log(joint.sum())
        share = joint / joint.sum()
        wanted_mixing[group] += share
        for cell, times in own.items():
            wanted_cells[cell] += times * share
    assert total == pytest.approx(wanted_total, abs=1e-9)
    np.testing.assert_allclose(mixing, wanted_mixing, atol=1e-9)
    np.testing.assert_allclose(cells, wanted_cells, atol=1e-9)


@given(UNITS, st.integers(0, 10))
def test_merged_units_and_parts_add_up_to_the_same(units, seed):
    log_mixing, log_cells = parameters(np.random.default_rng(seed))
    counts = counts_of(units)
    whole = expect(counts, 0, len(units), log_mixing, log_cells)
    merged, member = merge_equal(counts)
    once = expect(merged, 0, len(merged.weight), log_mixing, log_cells)
    middle = len(units) // 2
    parts = [
        expect(counts, first, last, log_mixing, log_cells)
        for first, last in ((0, middle), (middle, len(units)))
    ]
    for side in range(3):
        np.testing.assert_allclose(once[side], whole[side], atol=1e-9)
        np.testing.assert_allclose(parts[0][side] + parts[1][side], whole[side], atol=1e-9)
    shares, logs = posterior(counts, log_mixing, log_cells)
    np.testing.assert_allclose(shares.sum(axis=0), whole[1].sum(axis=0), atol=1e-9)
    assert logs.sum() == pytest.approx(whole[0], abs=1e-9)
    np.testing.assert_array_equal(posterior(merged, log_mixing, log_cells)[0][member], shares)


def test_journeys_too_long_for_plain_probabilities_are_weighed_by_logs():
    """A thousand steps have a probability below any float: 0.2 ** 1000 against 0.1 ** 1000."""
    counts = counts_of([({0: 1000}, 0)])
    shares, logs = posterior(counts, np.log([[0.5, 0.5]]), np.log([[0.2, 0.1]]))
    assert shares[0].tolist() == [1.0, pytest.approx(0.0, abs=1e-300)]
    assert logs[0] == pytest.approx(np.log(0.5) + 1000 * np.log(0.2))


def test_customers_with_something_count_once():
    """Two ways to step 1 (cells 0 and 2) are one customer who reaches it."""
    counts = counts_of([({0: 1, 2: 5}, 0), ({1: 1}, 0), ({2: 1}, 0)])
    what = np.array([1, 0, 1, -1, -1])
    found = customers_with(counts, what, np.array([0, 0, 1]), 2, 2)
    assert found.tolist() == [[1, 0], [1, 1]]


def test_bootstrap_weights_are_a_hash_of_customer_and_replicate():
    numbers = np.arange(20_000)
    weights = bootstrap_weights(numbers, 3)
    assert weights.mean() == pytest.approx(1, abs=0.03)
    assert weights.var() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(bootstrap_weights(numbers[::-1].copy(), 3), weights[::-1])
    assert (bootstrap_weights(numbers, 4) != weights).any()


def test_a_hash_is_uniform_and_the_same_in_every_order():
    numbers = np.arange(50_000)
    shares = hashed(numbers, 5)
    assert np.abs(np.histogram(shares, 10, (0, 1))[0] - 5_000).max() < 5 * np.sqrt(4_500)
    np.testing.assert_array_equal(hashed(numbers[::-1].copy(), 5), shares[::-1])
    assert abs(np.corrcoef(shares, hashed(numbers, 6))[0, 1]) < 0.02
