"""The greedy choice keeps its guarantee; what is drawn stands for all on the average."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels import coverage
from tests.examples import examples


@st.composite
def _problems(draw):
    candidates, things = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    near = draw(st.lists(st.lists(st.booleans(), min_size=things, max_size=things), min_size=candidates,
                         max_size=candidates))  # fmt: skip
    weight = draw(st.lists(st.integers(1, 9), min_size=things, max_size=things))
    return np.array(near), np.array(weight, np.float64), draw(st.integers(1, 4))


def _covered(near, weight, chosen) -> float:
    return float(weight[near[list(chosen)].any(axis=0)].sum()) if len(chosen) else 0.0


@examples(300)
@given(_problems())
def test_the_guarantee_and_the_limit_hold_against_the_best_choice(problem):
    near, weight, number = problem
    found = coverage.greedy(near, weight, number)
    tried = itertools.combinations(range(len(near)), min(number, len(near)))
    best = max(_covered(near, weight, chosen) for chosen in tried)
    got = _covered(near, weight, found.numbers)
    assert len(found.numbers) <= number
    assert got >= (1 - (1 - 1 / number) ** number) * best - 1e-9
    assert best <= found.at_best + 1e-9
    assert found.at_best <= weight.sum() + 1e-9


def test_by_hand_the_first_of_equals_and_no_more_than_needed():
    near = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 0, 0]], bool)
    found = coverage.greedy(near, np.array([3.0, 1.0, 2.0, 1.0]), 3)
    assert found.numbers.tolist() == [0, 1]
    assert found.at_best == 7.0


def test_what_is_drawn_stands_for_all_on_the_average():
    sizes = np.array([200, 50, 10, *[2] * 100, *[1] * 400])
    random = np.random.default_rng(5)
    odd = np.arange(len(sizes)) % 2 == 1
    estimates = []
    for _ in range(2_000):
        drawn = coverage.draw(sizes, 1 - random.random(len(sizes)), 60)
        assert len(drawn.numbers) == 60
        assert set(np.flatnonzero(sizes >= 50)) <= set(drawn.numbers.tolist())  # far above the threshold
        estimates.append(drawn.weight[odd[drawn.numbers]].sum())
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - sizes[odd].sum()) < 4 * error


def test_where_few_are_there_all_are_drawn_as_they_are():
    drawn = coverage.draw(np.array([3, 1]), np.array([0.5, 0.5]), 2)
    assert drawn.numbers.tolist() == [0, 1]
    assert drawn.weight.tolist() == [3.0, 1.0]
