"""How long a silence is between journeys: the last dip among the lengths of all silences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from cjmining.errors import LogError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

FEWEST: Final = 30
"""So many silences, and `SHARE` of all, must be longer than the dip, and as many shorter."""

SHARE: Final = 0.01

DEPTH: Final = 0.5
"""A dip is at most so high, beside the lower of the two peaks around it."""

SECOND_US: Final = 1_000_000

_STEP = 0.05
_WIDTH = 0.3
_UNITS = ((86_400 * SECOND_US, 3), (3_600 * SECOND_US, 3), (60 * SECOND_US, 3), (SECOND_US, 1))


def find_gap(silences: Ints | Callable[[], Iterable[Ints]]) -> int:
    """Return a length between those of silences within journeys and between them, in microseconds.

    They are given at once, or by what gives them piece by piece as often as it is called.

    Lengths are compared as ratios: their logarithms are smoothed (a normal kernel of width 0.3, a factor of
    1.35), shorter ones than a second taken as one. The gap is the lowest point of the last dip at most half
    as high as the peaks on both sides, in round figures.

    Raises
    ------
    LogError
        If there is no such dip, or fewer than 30 silences or 1 % of them are longer (or shorter).

    Examples
    --------
    Between five minutes and twelve days, compared as ratios, lie 4.9 hours.

    >>> import numpy as np
    >>> minutes, weeks = np.full(100, 300), np.full(60, 12 * 86_400)
    >>> find_gap(np.concatenate([minutes, weeks]) * 1_000_000) / 3_600_000_000
    5.0
    """
    pieces = silences if callable(silences) else lambda: (silences,)
    most = max((float(_logarithm(piece).max(initial=0.0)) for piece in pieces()), default=0.0)
    edges = np.arange(-20, int(most / _STEP) + 22) * _STEP
    number = np.zeros(len(edges) - 1, np.int64)
    for piece in pieces():
        number += np.histogram(_logarithm(piece), edges)[0]
    n = int(number.sum())
    away = np.arange(-20, 21) * _STEP / _WIDTH
    height = np.convolve(number, np.exp(-(away**2) / 2), mode="same")
    longer = n - np.cumsum(number)
    lower_peak = np.minimum(np.maximum.accumulate(height), np.maximum.accumulate(height[::-1])[::-1])
    enough = np.minimum(longer, n - longer) >= max(FEWEST, SHARE * n)
    dips = (height <= DEPTH * lower_peak) & (lower_peak > 0) & enough
    if not dips.any():
        raise LogError(
            f"the {n:,} silences show no dip between the lengths within journeys and those between "
            "them: say gap='30m' or what fits your customers, or use method='gap and order'"
        )
    return _in_round_figures(_lowest_of_last(dips, height))


def _logarithm(silence: Ints) -> Floats:
    logarithm: Floats = np.log(np.maximum(silence, SECOND_US) / SECOND_US)
    return logarithm


def begins_after(silence: Ints, gap: int) -> NDArray[np.bool_]:
    """Return whether a journey begins after each silence: where it is at least as long as the gap."""
    return silence >= gap


def _lowest_of_last(dips: NDArray[np.bool_], height: Floats) -> float:
    """Return the length at the lowest point of the last run of bins that are dips, in microseconds."""
    last = int(np.flatnonzero(dips)[-1])
    gaps = np.flatnonzero(~dips[:last])
    first = int(gaps[-1]) + 1 if len(gaps) else 0
    lowest = np.flatnonzero(height[first : last + 1] <= height[first : last + 1].min() * (1 + 1e-9)) + first
    middle = float(lowest[0] + lowest[-1]) / 2
    return float(np.exp((middle - 20 + 0.5) * _STEP)) * SECOND_US


def _in_round_figures(length: float) -> int:
    for unit, fewest in _UNITS:
        if length >= fewest * unit:
            return round(length / unit) * unit
    return SECOND_US
