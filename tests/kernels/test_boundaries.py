"""Where journeys begin: forward and backward against every way to cut, counts against plain counting."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels import boundaries as kernels
from cjmining.kernels.boundaries import BUCKETS, Counts
from cjmining.kernels.boundary_silences import never_falling, silence_ratios, silence_sums, tilted

PARTS = 2


# forward and backward -------------------------------------------------------------------------------------


@st.composite
def chains(draw):
    """One sequence of a few steps, with any odds."""
    n, most = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    go_on, end = random.uniform(0.01, 1, (n, most)), random.uniform(0.01, 1, (n, most))
    start, ratio = random.uniform(0.01, 1, n), random.choice([0.0, 0.3, 1.0, 4.0], n)
    return go_on, end, start, ratio


def cut_every_way(go_on, end, start, ratio):
    """Add up the weights of all ways to cut the sequence; the last entry is the sum of all."""
    n, most = go_on.shape
    total, begins = 0.0, np.zeros(n)
    inside, across = np.zeros((n, most)), np.zeros((n, most))
    for cuts in itertools.product([False, True], repeat=n - 1):
        weight, age, steps = start[0], 1, []
        for t, cut in enumerate(cuts, start=1):
            steps.append((t, age - 1, cut))
            weight *= end[t, age - 1] * start[t] * ratio[t] if cut else go_on[t, age - 1]
            age = 1 if cut else min(age + 1, most)
        total += weight
        for t, before, cut in steps:
            (across if cut else inside)[t, before] += weight
            begins[t] += weight * cut
    begins[0] = total
    return begins / total, inside / total, across / total, math.log(total)


def forward_backward(bounds, go_on, end, start, ratio):
    begins, inside, across = np.zeros(len(start)), np.zeros_like(go_on), np.zeros_like(go_on)
    total = kernels.forward_backward(bounds, go_on, end, start, ratio, begins, inside, across)
    return begins, inside, across, total


@given(chains())
def test_forward_and_backward_give_what_all_ways_to_cut_add_up_to(chain):
    found = forward_backward(np.array([0, len(chain[2])]), *chain)
    for one, expected in zip(found, cut_every_way(*chain), strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-9, atol=1e-12)


@given(chains(), chains())
def test_sequences_know_nothing_of_each_other(one, other):
    if one[0].shape[1] != other[0].shape[1]:
        return
    both = [np.concatenate([mine, its]) for mine, its in zip(one, other, strict=True)]
    n = len(one[2])
    begins, inside, _, total = forward_backward(np.array([0, n, n + len(other[2])]), *both)
    mine, its = cut_every_way(*one), cut_every_way(*other)
    np.testing.assert_allclose(begins, np.concatenate([mine[0], its[0]]), rtol=1e-9)
    np.testing.assert_allclose(inside, np.concatenate([mine[1], its[1]]), rtol=1e-9, atol=1e-12)
    assert total == pytest.approx(mine[3] + its[3], abs=1e-9)


@given(chains(), st.integers(0, 5), st.floats(1, 100))
def test_better_odds_never_make_a_beginning_less_likely(chain, place, factor):
    go_on, end, start, ratio = chain
    place %= len(start)
    bounds = np.array([0, len(start)])
    before = forward_backward(bounds, go_on, end, start, ratio)[0][place]
    ratio[place] *= factor
    assert forward_backward(bounds, go_on, end, start, ratio)[0][place] >= before - 1e-12


def test_ages_of_independent_beginnings_worked_by_hand():
    begins = np.array([1.0, 0.25, 0.5])
    inside, across = np.zeros((3, 2)), np.zeros((3, 2))
    kernels.ages(np.array([0, 3]), begins, inside, across)
    # The second event is 1 old with probability 0.25, older with 0.75; half of each goes on.
    assert inside.tolist() == [[0, 0], [0.75, 0], [0.125, 0.375]]
    assert across.tolist() == [[0, 0], [0.25, 0], [0.125, 0.375]]


# runs of steps --------------------------------------------------------------------------------------------


def table_of(runs: list[tuple[int, ...]], n_codes: int):
    """Number runs (the beginning of each among them) and put them into a hash table."""
    number = {run: i for i, run in enumerate(sorted(runs, key=lambda run: (len(run), run)))}
    keys = [number.get(run[:-1], -1) * n_codes + run[-1] for run in number]
    size = 1 << (2 * len(keys)).bit_length()
    table = np.zeros(size, np.int64), np.full(size, -1, np.int32)
    kernels.fill_table(np.array(keys, np.int64), np.array(list(number.values()), np.int32), *table)
    return number, table


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=7), min_size=1, max_size=4))
def test_runs_are_found_where_they_end_and_within_their_sequence(sequences):
    runs = [run for n in (1, 2, 3) for run in itertools.product(range(3), repeat=n) if sum(run) != 4]
    number, table = table_of(runs, 3)
    bounds = np.cumsum([0, *map(len, sequences)])
    found = kernels.find_grams(bounds, np.array(list(itertools.chain(*sequences)), np.int32), 3, 3, *table)
    for steps, first in zip(sequences, bounds, strict=False):
        for end in range(len(steps)):
            for n in (1, 2, 3):
                run = tuple(steps[end - n + 1 : end + 1]) if end + 1 >= n else None
                # A run is only known where all its beginnings are.
                known = run is not None and all(run[:k] in number for k in range(1, n + 1))
                assert found[first + end, n - 1] == (number[run] if known else -1)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6), min_size=1, max_size=4
    )
)
def test_certain_journeys_are_counted_as_by_hand(customers):
    most = 2
    runs = [run for n in (1, 2, 3) for run in itertools.product(range(3), repeat=n)]
    number, table = table_of(runs, 3)
    waits = [[*steps, (-1, steps[0][1])] for steps in customers]  # whether the last journey had ended
    bounds = np.cumsum([0, *map(len, waits)])
    code = np.array([step for steps in waits for step, _ in steps], np.int32)
    begins = np.array([float(cut or i == 0) for steps in waits for i, (_, cut) in enumerate(steps)])
    part = np.repeat(np.arange(len(customers)) % PARTS, np.diff(bounds)).astype(np.int8)
    grams = kernels.find_grams(bounds, code, most + 1, 3, *table)
    inside, across = np.zeros((len(code), most)), np.zeros((len(code), most))
    kernels.ages(bounds, begins, inside, across)
    counts = Counts(*(np.zeros((2, len(number) + 1, PARTS + 1)) for _ in range(4)))
    kernels.count(bounds, part, grams, inside, across, counts)

    inside_of, ended, gone_on, waiting = Counter(), Counter(), Counter(), Counter()
    for steps in waits:
        journey: list[int] = []
        for i, (step, cut) in enumerate(steps):
            if i and journey:
                for j in range(min(most, len(journey)) + 1):
                    context = tuple(journey[len(journey) - j :])
                    kinds = [0, 1] if 0 < j < most and j == len(journey) else [0]
                    for kind in kinds:
                        ended[kind, context] += cut
                        (gone_on if step >= 0 else waiting)[kind, context] += not cut
                        inside_of[kind, (*context, step)] += not cut
            journey = [step] if cut or not i else [*journey, step]
    for kind in (0, 1):
        for run, place in [*number.items(), ((), len(number))]:
            assert counts.gone_on[kind, place, PARTS] == pytest.approx(gone_on[kind, run])
            assert counts.waiting[kind, place, PARTS] == pytest.approx(waiting[kind, run])
            assert counts.ended[kind, place, PARTS] == pytest.approx(ended[kind, run])
            if run:
                assert counts.inside[kind, place, PARTS] == pytest.approx(inside_of[kind, run])
    for each in counts:
        np.testing.assert_allclose(each[..., :PARTS].sum(axis=-1), each[..., PARTS])


def test_what_may_follow_and_the_end_add_up_to_one():
    """For each past, the chances of all steps within the journey and of its end are one."""
    n_codes, most = 3, 2
    number, table = table_of([run for n in (1, 2, 3) for run in itertools.product(range(3), repeat=n)], 3)
    random = np.random.default_rng(5)
    code = random.integers(0, 3, 400).astype(np.int32)
    code[9::10] = -1
    bounds = np.arange(0, 401, 10)
    part = np.repeat(np.arange(40) % PARTS, 10).astype(np.int8)
    grams = kernels.find_grams(bounds, code, most + 1, 3, *table)
    begins = random.uniform(0, 0.5, 400)
    inside, across = np.zeros((400, most)), np.zeros((400, most))
    kernels.ages(bounds, begins, inside, across)
    counts = Counts(*(np.zeros((2, len(number) + 1, PARTS + 1)) for _ in range(4)))
    kernels.count(bounds, part, grams, inside, across, counts)
    trust = random.uniform(0.2, 0.9, (2, most + 1, BUCKETS))

    def chances(last):
        path, bounds = np.array([0, 1, last, -1], np.int32), np.array([0, 4])
        its = kernels.find_grams(bounds, path, most + 1, 3, *table)
        zero = [np.zeros((4, most)) for _ in range(4)]
        learnt = np.zeros_like(trust), np.zeros_like(trust)
        kernels.continue_or_end(bounds, np.zeros(4, np.int8), its, counts, trust, n_codes, *zero, *learnt)
        np.testing.assert_allclose(zero[2][3] + zero[3][3], 1)  # waiting, or ended
        return zero[2][2], zero[3][2]

    goes = [chances(last) for last in range(3)]
    for age in range(most):
        assert sum(on[age] for on, _ in goes) + goes[0][1][age] == pytest.approx(1)


def test_nothing_known_makes_all_equally_likely():
    number, table = table_of([(0,), (1,)], 2)
    counts = Counts(*(np.zeros((2, len(number) + 1, PARTS + 1)) for _ in range(4)))
    bounds = np.array([0, 3])
    grams = kernels.find_grams(bounds, np.array([0, 1, -1], np.int32), 2, 2, *table)
    zero = [np.zeros((3, 1)) for _ in range(4)]
    trust = np.full((2, 2, BUCKETS), 0.5)
    learnt = np.zeros_like(trust), np.zeros_like(trust)
    kernels.continue_or_end(bounds, np.zeros(3, np.int8), grams, counts, trust, 2, *zero, *learnt)
    # One of two touchpoints, or the end; the wait is no end with two of three.
    np.testing.assert_allclose(zero[2][1:, 0], [1 / 3, 2 / 3])
    np.testing.assert_allclose(zero[3][1:, 0], [1 / 3, 1 / 3])


# silences -------------------------------------------------------------------------------------------------


def isotonic(across, inside):
    """Return the pooled ratios by the max-min formula."""
    n = len(across)
    return [
        max(min(sum(across[a : b + 1]) / sum(inside[a : b + 1]) for b in range(i, n)) for a in range(i + 1))
        for i in range(n)
    ]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=8))
def test_the_odds_of_a_silence_never_fall_with_its_length(bins):
    across, inside = (np.array(each, float) for each in zip(*bins, strict=True))
    ratio = np.zeros(len(bins))
    never_falling(across, inside, ratio)
    assert (np.diff(ratio) >= 0).all()
    np.testing.assert_allclose(ratio, isotonic(across, inside), rtol=1e-9)


def test_a_tilt_moves_the_mean_and_keeps_the_shape():
    share = np.array([0.4, 0.3, 0.2, 0.1])
    for mean in (0.6, 1.0, 1.9):
        found = tilted(share, mean)
        assert found.sum() == pytest.approx(1)
        assert (found * np.arange(4)).sum() == pytest.approx(mean, abs=1e-3)
        steps = np.diff(np.log(found / share))
        np.testing.assert_allclose(steps, steps[0])


def test_a_pair_is_told_by_the_other_parts_and_half_believed_at_the_doubt():
    # Pair 0 has four silences in the longest of three bins, all of part 0; the usual mean is bin 1.
    bounds, pair = np.array([0, 5]), np.array([-1, 0, 0, 0, 0], np.int32)
    part, bin_ = np.zeros(5, np.int8), np.array([0, 2, 2, 2, 2], np.int32)
    sums = silence_sums(bounds, pair, part, bin_, np.zeros(5), 1, PARTS)
    assert sums[:, 0].tolist() == [[4, 0, 4], [8, 0, 8]]
    inside, across = np.full(3, 1 / 3), np.array([0.2, 0.3, 0.5])
    ratio, share = silence_ratios(sums, 4.0, inside, across)
    np.testing.assert_allclose(share[0, 0], inside, rtol=1e-4)  # its own silences tell part 0 nothing
    assert (share[0, 1] * np.arange(3)).sum() == pytest.approx(1.5, abs=1e-3)
    np.testing.assert_allclose(share[1], [inside, inside])
    np.testing.assert_allclose(ratio[1, 0], across / inside)
    assert (np.diff(ratio, axis=-1) >= 0).all()
