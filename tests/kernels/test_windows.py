"""Windows against every window written out, and against numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels.windows import Rules, add_up, best_windows


def rules(**changed) -> Rules:
    standard = Rules(3, 1.0, 0.5, np.log([2.0]), np.array([1.0]))
    return standard._replace(**changed)


def one_row(seen, entered, expected, *, doubt=None, spread=1.0, which=None):
    as_row = [np.array([each], float) for each in (seen, entered, expected)]
    doubts = np.zeros_like(as_row[0]) if doubt is None else np.array([doubt], float)
    return best_windows(*as_row, doubts, np.array([spread]), which or rules())


def test_a_window_worked_by_hand() -> None:
    """Ten a week enter, two leave, in the third week six: 14 of 50.

    By constant level 2.8 are expected a week. The other four weeks say 2 of 10. The week holds a fifth of all
    that is expected, so its evidence counts for four fifths: for an odds ratio of 2 that is
    0.8 (6 log 2 - 10 log(1 + 0.2 (2 - 1))).
    """
    found = one_row([2, 2, 6, 2, 2], [10] * 5, [2.8] * 5)
    assert (found.start[0], found.length[0]) == (2, 1)
    assert found.usual[0] == pytest.approx(2.0)
    assert found.weight[0] == pytest.approx(0.8)
    assert found.score[0] == pytest.approx(0.8 * (6 * math.log(2) - 10 * math.log(1.2)))


def test_several_excesses_are_averaged_and_spread_weakens() -> None:
    which = rules(log_odds=np.log([2.0, 3.0]), weights=np.array([0.75, 0.25]))
    found = one_row([2, 2, 6, 2, 2], [10] * 5, [2.8] * 5, spread=2.0, which=which)
    ratios = [(2 ** (6 * 0.4)) / 1.2**4, (3 ** (6 * 0.4)) / 1.4**4]
    assert found.score[0] == pytest.approx(math.log(0.75 * ratios[0] + 0.25 * ratios[1]))


def test_doubt_about_what_is_expected_weakens() -> None:
    """A relative variance of 0.1 against the week's own: weight 0.8 / (1 + 2 x 0.8 x 0.1 / 0.8)."""
    found = one_row([2, 2, 6, 2, 2], [10] * 5, [2.8] * 5, doubt=[0.1] * 5)
    assert found.weight[0] == pytest.approx(0.8 / 1.2)


def test_no_window_has_enough() -> None:
    found = one_row([2, 2, 6, 2, 2], [10] * 5, [2.8] * 5, which=rules(fewest=5.0))
    assert found.score[0] == -np.inf
    assert one_row([0, 0], [0, 0], [0, 0]).score[0] == -np.inf


def by_hand(seen, entered, expected, which):
    """Score every window from its definition."""
    scores = {}
    for first in range(len(seen)):
        for length in range(1, which.longest + 1):
            inside = slice(first, first + length)
            if first + length > len(seen):
                continue
            o, n, e = sum(seen[inside]), sum(entered[inside]), sum(expected[inside])
            part = e / max(sum(expected), 1e-9)
            if e == 0 or part > which.most:
                continue
            usual = max((sum(expected) - o) * part / (1 - part), 0.05 * e)
            if o - usual < which.fewest:
                continue
            share = min(usual / n, 0.97)
            lift = o * which.log_odds[0] - n * math.log(1 - share + share * math.exp(which.log_odds[0]))
            scores[first, length] = (1 - part) * lift
    return scores


weeks = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 4)), min_size=2, max_size=8)


@given(weeks)
def test_the_best_of_all_windows_is_found(weeks) -> None:
    seen = [min(a, b) for a, b, _ in weeks]
    entered = [max(a, b, 1) for a, b, _ in weeks]
    level = [n * weight for n, (_, _, weight) in zip(entered, weeks, strict=True)]
    expected = [each * sum(seen) / sum(level) for each in level]
    which = rules(most=0.49937, fewest=0.99371)  # no window lies on the edge of these
    scores = by_hand(seen, entered, expected, which)
    found = one_row(seen, entered, expected, which=which)
    if not scores:
        assert found.score[0] == -np.inf
        return
    assert found.score[0] == pytest.approx(max(scores.values()), abs=1e-9)
    assert scores[found.start[0], found.length[0]] == pytest.approx(max(scores.values()), abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 9)), max_size=20))
def test_values_add_up_to_rows(values) -> None:
    member = {0: [0, 2], 1: [0], 2: [1, 2]}
    offsets = np.array([0, 2, 3, 5])
    rows = np.array([0, 2, 0, 1, 2], np.int32)
    cell, period, value = np.array(values, np.int64).reshape(-1, 3).T
    found = add_up(cell.astype(np.int32), period.astype(np.int32), value.astype(float), offsets, rows, 3, 4)
    expected = np.zeros((3, 4))
    for c, t, v in values:
        expected[member[c], t] += v
    assert found.tolist() == expected.tolist()
