"""Visits, where they lead, and chains: against journeys worked by hand and plain loops."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.dropout.changes import changes_of
from cjmining.dropout.semi_markov import make_chain, solve
from cjmining.dropout.visits import InGroups, VisitReader, Visits, read_visits
from cjmining.intended import parse_map
from cjmining.kernels.bootstrap import add_weighted, poisson_weight
from cjmining.kernels.semi_markov import where_visits_lead
from tests.conformance.factory import log_of

DAY_US = 86_400_000_000
MAP = """
map: Shop
goal: [paid]
exits: [{touchpoint: cancelled}]
patience: 10d
horizon: 20d
stages:
  - stage: Look
    touchpoints:
      - {touchpoint: seen, repeat: true}
      - touchpoint: called
        optional: true
        repeat: true
        expect: [{measure: wait_s, at_most: 120}]
  - stage: Buy
    patience: 5d
    touchpoints: [{touchpoint: carted}, {touchpoint: paid}]
    returns_to: [Look]
"""


def reader_of(change: object, *journeys: str, **columns: list) -> VisitReader:
    intended = parse_map(MAP)
    check = cj.check(log_of(*journeys, days=100, **columns).split(intended), intended)
    reading = check._with_log("visits")
    return VisitReader(check, reading, changes_of(change, reading))


def visits_to(change: object, *journeys: str, **columns: list) -> Visits:
    reader = reader_of(change, *journeys, **columns)
    (block,) = reader.reading.blocks
    return reader.of(block)


def test_visits_to_stages_worked_by_hand() -> None:
    change = {"stage": "Look", "drop_out": 0.5}
    visits = visits_to(change, "seen@20 seen@21 carted@22 seen@24", "blog@30 seen@31 paid@34", "seen@95")
    assert visits.journey.tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert visits.stage.tolist() == [0, 1, 0, -1, 0, 1, 0]
    assert visits.again.tolist() == [False, False, True, False, False, False, False]
    # The third lasts until patience ends; the goal enters its stage and ends the journey at once.
    assert (visits.lasted // DAY_US).tolist() == [2, 2, 10, 1, 3, 0, 5]
    assert visits.last.tolist() == [False, False, True, False, False, True, True]
    assert visits.mask.tolist() == [1, 0, 1, 0, 1, 0, 1]


def test_touchpoints_are_told_apart_only_in_the_stage_of_a_change() -> None:
    visits = visits_to(
        {"touchpoint": "called", "drop_out": 0}, "seen@20 called@21 called@22 carted@23 paid@24"
    )
    # seen, called (twice is one visit), Buy
    assert visits.stage.tolist() == [0, 0, 1]
    assert visits.mask.tolist() == [0, 1, 0]
    assert (visits.lasted // DAY_US).tolist() == [1, 2, 1]


def test_a_settled_promise_begins_a_visit_and_only_the_first_of_a_stay_counts() -> None:
    nan = np.nan
    reader = reader_of(
        {"promise": "called"},
        "seen@20 called@21 called@23 carted@24 seen@25 called@26",
        wait_s=[nan, 60, 600, nan, nan, 600],
    )
    visits = reader.of(reader.reading.blocks[0])
    assert visits.stage.tolist() == [0, 0, 1, 0, 0]
    assert visits.label.tolist() == [0, 1, 0, 0, 2]
    assert visits.again.tolist() == [False, False, False, True, True]
    assert (visits.lasted // DAY_US).tolist() == [1, 3, 1, 1, 10]
    assert reader.holds(0, visits.mask, visits.label).tolist() == [False, False, False, False, True]


def test_at_one_time_events_keep_their_order() -> None:
    visits = visits_to(
        {"promise": "called"}, "seen@20 called@21 carted@21 seen@21", wait_s=[np.nan, 600, np.nan, np.nan]
    )
    assert visits.stage.tolist() == [0, 0, 1, 0]
    assert visits.label.tolist() == [0, 2, 0, 0]


def lead(times: list[int], ways: list[int], weights: list[int], n_ways: int) -> list[Fraction]:
    """Aalen-Johansen in exact fractions, time by time."""
    found, staying = [Fraction(0)] * n_ways, Fraction(1)
    for now in sorted(set(times)):
        there = sum(w for t, w in zip(times, weights, strict=True) if t >= now)
        here = [(way, w) for t, way, w in zip(times, ways, weights, strict=True) if t == now and way >= 0]
        if there:
            for way, w in here:
                found[way] += staying * Fraction(w, there)
            staying *= 1 - Fraction(sum(w for _, w in here), there)
    return found


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 2), st.integers(0, 9)), min_size=1, max_size=25),
    st.integers(0, 3),
)
def test_where_visits_lead_equals_fractions(rows: list[tuple[int, int, int]], replicates: int) -> None:
    times, ways, customers = (list(each) for each in zip(*sorted(rows), strict=True))
    lasted, way, customer = np.array(times), np.array(ways, np.int32), np.array(customers)
    bounds = np.array([0, len(rows)])
    probability, time = where_visits_lead(bounds, lasted, way, customer, 3, replicates)
    for replicate in range(1 + replicates):
        weights = [int(poisson_weight(customer, replicate)) for customer in customers]
        expected = lead(times, ways, weights, 3)
        assert probability[replicate] == pytest.approx([float(each) for each in expected], abs=1e-12)
    assert (time <= 6 * probability[0] + 1e-12).all()


def test_open_visits_worked_by_hand() -> None:
    # Of four one goes on after a day; of the three left one is open after a day and a half; of two one goes
    # on after two days: 1/4 + 3/4 x 1/2. The last one leaves after ten.
    probability, time = where_visits_lead(
        np.array([0, 4]), np.array([2, 3, 4, 20]), np.array([0, -1, 0, 1], np.int32), np.arange(4), 2, 0
    )
    assert probability[0].tolist() == [0.625, 0.375]
    assert time.tolist() == [0.25 * 2 + 0.375 * 4, 0.375 * 20]


def test_weights_are_poisson_numbers_of_mean_one() -> None:
    customers = np.arange(200_000)
    sums = np.zeros((4, 2))
    for half in np.array_split(customers, 2):  # in pieces as at once
        add_weighted(sums, half, half % 2, np.ones(len(half)))
    assert sums[0].tolist() == [100_000, 100_000]  # the data themselves
    assert sums[1:] == pytest.approx(100_000, abs=4 * 100_000**0.5)
    weights = np.array([[poisson_weight(c, r) for c in range(20_000)] for r in (1, 2)])
    shares = np.bincount(weights.ravel(), minlength=4)[:4] / weights.size
    assert shares == pytest.approx(np.exp(-1) / np.array([1, 1, 2, 6]), abs=0.01)
    assert abs(np.corrcoef(weights)[0, 1]) < 4 / 20_000**0.5  # replicates know nothing of each other
    assert abs(np.corrcoef(weights[0, 1:], weights[0, :-1])[0, 1]) < 4 / 20_000**0.5


def test_a_chain_with_a_way_back_equals_following_its_visits() -> None:
    intended = parse_map(MAP)
    log = log_of(
        "seen@20 carted@21 seen@22 carted@23 paid@24",
        "seen@20 carted@21 seen@22",
        "seen@20 carted@21 paid@22",
        "seen@20",
        "seen@20 carted@21",
        "carted@30 paid@31",
        days=100,
    ).split(intended)
    check = cj.check(log, intended)
    reading = check._with_log("chains")
    changes = changes_of([{"stage": "Look", "drop_out": 0.3}, {"stage": "Buy", "drop_out": 0.6}], reading)
    chain = make_chain(read_visits(check, reading, changes, InGroups(check, reading), 0), 0)
    assert len(chain.group) == 4  # two stages, first and again
    solved = solve(chain, changes)[0]
    for to, begun, ends in (
        (solved.to, solved.begun, solved.ends[0]),
        (solved.to_after, solved.begun, solved.ends_directly[0]),
    ):
        there, ended = begun.copy(), np.zeros(3)
        for _ in range(200):
            step = there @ to
            there, ended = step[:4], ended + step[4:]
        assert ends == pytest.approx(ended)
    assert solved.to_after.sum(axis=1) == pytest.approx(1)
    assert solved.ends[0].tolist() == pytest.approx([3, 3, 0])
