"""Windows of time in which more was seen than is usual, row by row."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_WINDOW = -np.inf
LARGEST_SHARE = 0.97
LEAST_USUAL = 0.05


class Rules(NamedTuple):
    """What a window may be, and what is looked for in it.

    Attributes
    ----------
    longest : int
        Most periods in a window.
    fewest : float
        Least excess.
    most : float
        Largest part of all that is expected that may lie in the window; below 1.
    log_odds, weights : float64[H]
        The excesses looked for, as logarithms of odds ratios, and how likely each is beforehand.
    """

    longest: int
    fewest: float
    most: float
    log_odds: NDArray[np.float64]
    weights: NDArray[np.float64]


class Windows(NamedTuple):
    """The best window of each row; all arrays have one entry a row.

    Attributes
    ----------
    score : float64[R]
        Logarithm of how much likelier the counts are with an excess than without; -inf where no window has
        enough.
    start, length : int64[R]
        First period, and how many.
    usual : float64[R]
        How many were to be expected in the window, by the row's other periods.
    weight : float64[R]
        What the window's counts weigh: 1 if what is usual were known exactly, less the less is known.
    """

    score: NDArray[np.float64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    usual: NDArray[np.float64]
    weight: NDArray[np.float64]


@kernel
def add_up(
    cell: NDArray[np.int32],
    period: NDArray[np.int32],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    rows: NDArray[np.int32],
    n_rows: int,
    n_periods: int,
) -> NDArray[np.float64]:
    """Add up values of cells and periods to rows, each of which is a union of cells.

    Parameters
    ----------
    cell, period : int32[P]
        Where each value belongs.
    values : float64[P]
    offsets, rows : int64[C + 1], int32[M]
        The rows that cell c is part of: rows[offsets[c] : offsets[c + 1]].

    Returns
    -------
    float64[n_rows, n_periods]
    """
    total = np.zeros((n_rows, n_periods), np.float64)
    for i in range(len(cell)):
        for m in range(offsets[cell[i]], offsets[cell[i] + 1]):
            total[rows[m], period[i]] += values[i]
    return total


@inlined
def usual_and_weight(
    seen: float, entered: float, expected: float, doubt: float, part: float, spread: float
) -> tuple[float, float]:
    """Return what is usual in a window by all other periods, and what its counts weigh.

    `expected` adds up to what was seen over all periods, so the window's own excess is in it: taking out
    `part` of it leaves what the others say. `doubt` is the variance of what is expected, beyond that.
    """
    usual = max(expected - (seen - expected) * part / (1.0 - part), LEAST_USUAL * expected)
    share = min(usual / entered, LARGEST_SHARE)
    relative = doubt / (expected * expected)
    weight = (1.0 - part) / (1.0 + usual * (1.0 - part) * relative / (1.0 - share)) / spread
    return usual, weight


@inlined
def score_of(
    seen: float,
    entered: float,
    usual: float,
    weight: float,
    log_odds: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> float:
    """Return the log of the likelihood ratio, averaged over the excesses looked for."""
    share = min(usual / entered, LARGEST_SHARE)
    highest, total = -np.inf, 0.0
    for h in range(len(log_odds)):
        lift = seen * log_odds[h] - entered * math.log1p(share * math.expm1(log_odds[h]))
        one = weight * lift + math.log(weights[h])
        if one > highest:
            total = 1.0 if highest == -np.inf else total * math.exp(highest - one) + 1.0
            highest = one
        else:
            total += math.exp(one - highest)
    return highest + math.log(total)


@kernel
def best_windows(
    seen: NDArray[np.float64],
    entered: NDArray[np.float64],
    expected: NDArray[np.float64],
    doubt: NDArray[np.float64],
    spread: NDArray[np.float64],
    rules: Rules,
) -> Windows:
    """Find the window of each row in which more was seen than its other periods let expect.

    Parameters
    ----------
    seen, entered, expected : float64[R, T]
        How many were seen of how many, and expected: these add up to the same as `seen` in each row.
    doubt : float64[R, T]
        Relative variance of what is expected in a period, beyond what the row's own total says.
    spread : float64[R]
        By how much counts vary more than by chance alone; at least 1.
    rules : Rules

    Returns
    -------
    Windows
        Of equal scores the earliest, then shortest window.

    References
    ----------
    Kulldorff (1997), doi:10.1080/03610929708831995, with odds ratios stated beforehand.
    """
    n_rows, n_periods = seen.shape
    score = np.full(n_rows, NO_WINDOW)
    start, length = np.zeros(n_rows, np.int64), np.zeros(n_rows, np.int64)
    usual, weight = np.zeros(n_rows), np.zeros(n_rows)
    for r in range(n_rows):
        whole = expected[r].sum()
        if whole <= 0:
            continue
        for first in range(n_periods):
            o, n, e, d = 0.0, 0.0, 0.0, 0.0
            for t in range(first, min(first + rules.longest, n_periods)):
                o, n, e = o + seen[r, t], n + entered[r, t], e + expected[r, t]
                d += expected[r, t] * expected[r, t] * doubt[r, t]
                part = e / whole
                if part > rules.most:
                    break
                if e <= 0 or o <= e:
                    continue
                ordinary, weighs = usual_and_weight(o, n, e, d, part, spread[r])
                if o - ordinary < rules.fewest:
                    continue
                found = score_of(o, n, ordinary, weighs, rules.log_odds, rules.weights)
                if found > score[r]:
                    score[r], start[r], length[r] = found, first, t - first + 1
                    usual[r], weight[r] = ordinary, weighs
    return Windows(score, start, length, usual, weight)
