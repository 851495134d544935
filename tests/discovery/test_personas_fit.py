"""The mixture of chains: against plain loops, what never falls, what doesn't depend on blocks or threads."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.discovery.personas import fit as personas_fit
from cjmining.discovery.personas.counts import Reading, Units, behaviour_of
from cjmining.discovery.personas.fit import PRIOR, climb, fit, members
from cjmining.discovery.personas.number import data_of
from cjmining.discovery.personas.stability import adjusted_rand
from cjmining.kernels.mixture import Counts
from tests.examples import examples

PLAIN = Reading("touchpoint", (), None, ())


def log_of(journeys: list[tuple[int, str]], **customers) -> cj.JourneyLog:
    """Make a log of journeys, each (customer, its steps as letters)."""
    rows = [
        (customer, f"{number:06d}", letter)
        for number, (customer, steps) in enumerate(journeys)
        for letter in steps
    ]
    events = pd.DataFrame(rows, columns=["customer", "native_journey", "touchpoint"])
    events["timestamp"] = pd.to_datetime(np.arange(len(events)), unit="m", utc=True)
    people = pd.DataFrame({"customer": sorted({who for who, _ in journeys}), **customers})
    return cj.JourneyLog.from_events(events, customers=people)


def chains(seed: int, customers: int, *, journeys: int = 2) -> tuple[cj.JourneyLog, np.ndarray]:
    """Draw customers of two personas that follow quite different chains over a, b, c, d."""
    draw = np.random.default_rng(seed)
    persona = draw.integers(0, 2, customers)
    rows = []
    for who in range(customers):
        for _ in range(journeys):
            steps, at = "", "ab"[persona[who]] if draw.random() < 0.9 else "c"
            while at and len(steps) < 30:
                steps += at
                likely = (
                    {"a": "c", "b": "d", "c": "d", "d": "c"}
                    if persona[who]
                    else {"a": "b", "b": "a", "c": "d", "d": "c"}
                )
                at = likely[at] if draw.random() < 0.6 else draw.choice(["a", "b", "c", "d", ""])
            rows.append((who, steps))
    return log_of(rows), persona


# against plain loops --------------------------------------------------------------------------------------


def plain_em(log: cj.JourneyLog, begin: dict, passes: int) -> list[float]:
    """Run EM over whole journeys of text, dictionaries only; return the log likelihood before each step.

    `begin` maps (persona, from, to) to a probability. No counts, no merging, no cells: an independent oracle.
    """
    number = 1 + max(key[0] for key in begin)
    names = log.events.groupby(["customer", "journey"], sort=True)["touchpoint"].agg(list)
    ways: dict[int, list] = {}
    for (customer, _), steps in names.items():
        pairs = itertools.pairwise(["(start)", *steps, "(end)"])
        ways.setdefault(customer, []).extend(pairs)
    everybody: dict = {}
    for before, after in itertools.chain.from_iterable(ways.values()):
        everybody.setdefault(before, {}).setdefault(after, 0)
        everybody[before][after] += 1
    pooled = {
        (before, after): times / sum(row.values())
        for before, row in everybody.items()
        for after, times in row.items()
    }
    weight, chain, told = [1 / number] * number, dict(begin), []
    for _ in range(passes):
        total, share = 0.0, {}
        for customer, way in ways.items():
            joint = [
                weight[k] * math.prod(chain[k, before, after] for before, after in way) for k in range(number)
            ]
            total += math.log(sum(joint))
            share[customer] = [one / sum(joint) for one in joint]
        told.append(total)
        sums = [sum(one[k] for one in share.values()) + PRIOR / number for k in range(number)]
        weight = [one / sum(sums) for one in sums]
        for k in range(number):
            expected = {pair: PRIOR * pooled[pair] for pair in pooled}
            for customer, way in ways.items():
                for pair in way:
                    expected[pair] += share[customer][k]
            for (before, after), times in expected.items():
                row = sum(each for (b, _), each in expected.items() if b == before)
                chain[k, before, after] = times / row
    return told


@pytest.mark.parametrize("seed", range(4))
def test_it_climbs_as_plain_loops_over_the_journeys_do(seed, monkeypatch):
    monkeypatch.setattr(personas_fit, "RISE", -1.0)  # never ends by itself
    log, _ = chains(seed, 25)
    behaviour = behaviour_of(log, PLAIN, verb="test")
    data, cells = data_of(behaviour), behaviour.cells
    draw = np.random.default_rng(seed)
    begin = personas_fit.by_row(draw.random((len(cells.from_step), 2)) + 0.1, cells)
    names = [*cells.names, "(start)"]
    ends = [*cells.names, "(end)"]
    plain = {
        (k, names[before], ends[after]): float(begin[i, k])
        for i, (before, after) in enumerate(zip(cells.from_step, cells.to_step, strict=True))
        for k in range(2)
    }
    wanted = plain_em(log, plain, 8)
    for passes, likelihood in enumerate(wanted, start=1):
        model = climb(data, data.everybody, np.log(begin), passes=passes)
        assert model.log_likelihood == pytest.approx(likelihood, abs=1e-9)


# properties -----------------------------------------------------------------------------------------------

JOURNEYS = st.lists(
    st.tuples(st.integers(0, 6), st.text("abc", min_size=1, max_size=5)), min_size=2, max_size=14
)


@examples(25)
@given(JOURNEYS, st.integers(1, 3), st.integers(0, 5))
def test_what_is_maximised_never_falls(journeys, number, seed):
    behaviour = behaviour_of(log_of(sorted(journeys)), PLAIN, verb="test")
    data = data_of(behaviour)
    draw = np.random.default_rng(seed)
    begin = personas_fit.by_row(draw.random((len(data.cells.from_step), number)) + 0.05, data.cells)
    heights = [climb(data, data.everybody, np.log(begin), passes=passes).objective for passes in range(1, 12)]
    assert all(after >= before - 1e-9 for before, after in itertools.pairwise(heights))


@examples(25)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=12))
def test_units_that_did_the_same_in_a_group_are_one_in_the_order_they_come(units):
    kinds = Counts(
        np.array([0, 1, 2, 4, 5, 6]), np.array([3, 1, 0, 1, 2, 4], np.int32), np.arange(1.0, 7.0),
        np.zeros(5, np.int32), np.ones(5),
    )  # fmt: skip
    kind, group = (np.array([unit[side] for unit in units], np.int32) for side in (0, 1))
    found, member = Units(np.arange(len(units)), kind, group, kinds).different()
    wanted = list(dict.fromkeys(units))
    assert [wanted[one] for one in member] == units
    assert found.weight.tolist() == [units.count(one) for one in wanted]
    assert found.group.tolist() == [group for _, group in wanted]
    for one, (kind, _) in enumerate(wanted):
        mine, its_own = slice(*found.bounds[one : one + 2]), slice(*kinds.bounds[kind : kind + 2])
        assert found.cell[mine].tolist() == kinds.cell[its_own].tolist()
        assert found.times[mine].tolist() == kinds.times[its_own].tolist()


def test_probabilities_of_a_row_and_weights_of_a_group_add_up_to_one():
    log, _ = chains(1, 60)
    data = data_of(behaviour_of(log, PLAIN, verb="test"))
    model = fit(data, 3, starts=2, seed=0)
    cells = np.exp(model.log_cells)
    np.testing.assert_allclose(np.add.reduceat(cells, data.cells.rows[:-1], axis=0), 1, atol=1e-12)
    np.testing.assert_allclose(np.exp(model.log_mixing).sum(axis=1), 1, atol=1e-12)


def test_separated_chains_are_recovered_and_more_starts_are_no_worse():
    log, persona = chains(3, 300, journeys=4)
    behaviour = behaviour_of(log, PLAIN, verb="test")
    data = data_of(behaviour)
    model = fit(data, 2, starts=5, seed=0)
    found = members(behaviour.customers, model).persona
    both = np.bincount(persona * 2 + found, minlength=4).reshape(2, 2)
    assert adjusted_rand(both) > 0.9
    assert fit(data, 2, starts=8, seed=0).objective >= fit(data, 2, starts=1, seed=0).objective - 1e-6


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing_and_blocks_only_the_last_digits(threads, monkeypatch):
    log, _ = chains(2, 400)
    data = data_of(behaviour_of(log, PLAIN, verb="test"))
    whole = fit(data, 2, starts=2, seed=0)
    monkeypatch.setattr(personas_fit, "UNITS", 37)
    monkeypatch.setattr("os.cpu_count", lambda: threads)
    parts = fit(data, 2, starts=2, seed=0)
    assert parts.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-6)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    again = fit(data, 2, starts=2, seed=0)
    np.testing.assert_array_equal(again.log_cells, parts.log_cells)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=12))
def test_the_adjusted_rand_index_is_that_of_all_pairs(labels):
    """Pairs that both groupings keep together, against what the margins give by chance."""
    pairs = list(itertools.combinations(labels, 2))
    one = sum(a[0] == b[0] for a, b in pairs)
    other = sum(a[1] == b[1] for a, b in pairs)
    both = sum(a == b for a, b in pairs)
    chance, most = one * other / len(pairs), (one + other) / 2
    wanted = 1.0 if most == chance else (both - chance) / (most - chance)
    table = np.zeros((3, 3), np.int64)
    for first, second in labels:
        table[first, second] += 1
    assert adjusted_rand(table) == pytest.approx(wanted)
