"""Spells: how long journeys were observed since entering a place, and what ended it; estimates from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining.asked import microseconds
from cjmining.documents import parse_duration
from cjmining.dropout.entries import CONVERTED, DROPPED, OPEN, TURNED_AWAY, Entries
from cjmining.engine.local import map_blocks
from cjmining.schema import OUTCOMES
from cjmining.stats import Limits, limits_of_probabilities, width_of_band

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.incidence import Estimate

UNDER_WAY = "under way"
ENDS = {
    "goal": ("converted", "dropped here", "dropped elsewhere", "turned away"),
    "next": ("continued", "converted", "dropped", "turned away"),
}
"""What may end a spell, by what is asked for; the number of ends stands for a spell that still runs."""

STEPS = 60
"""Steps of the curves up to the longest horizon."""

BANDS = ("1h", "6h", "1d", "2d", "3d", "5d", "7d", "14d", "30d", "60d", "90d", "180d", "365d")
"""Ends of the bands of time by which hazards are stated, as far as the longest horizon goes."""

TAIL = 0.05
"""Most that may be left under way where nobody was followed to a time, if probabilities are to be stated."""

BAND_LEAST = 10
"""Bands begin and end where the estimate says as much as so many journeys that ended so, and so many others.

Where a first journey happens to end early, a band would miss the curve: no width makes up for that.
"""

CLUSTERS = 4_000
"""How many customers of a cell at least tell the correlation along its curves, where it has as many."""


class Spells(NamedTuple):
    """One row a journey and place: those of a customer lie together.

    Attributes
    ----------
    cell : int32[E] or int64[E]
        What is estimated together.
    customer : int64[E]
    time : int64[E]
        Microseconds from entering the place to the end, or to where observation ends.
    end : int8[E]
        Position in `ENDS`, or the number of ends where none was seen.
    start : int64[E] or int64[0]
        Microseconds from entering the place to where observation begins; -1 from the beginning. Of no rows
        where that is so for all.
    """

    cell: NDArray[np.integer[Any]]
    customer: NDArray[np.int64]
    time: NDArray[np.int64]
    end: NDArray[np.int8]
    start: NDArray[np.int64]

    def only(self, rows: NDArray[np.int64]) -> Spells:
        """Return some of the rows, in the order of their numbers given."""
        cell, customer, time, end, start = self
        chosen = start[rows] if len(start) else start
        return Spells(cell[rows], customer[rows], time[rows], end[rows], chosen)

    def and_also(self, other: Spells) -> Spells:
        """Return the rows of both, those of a customer together."""
        both: Any = zip(*(each._replace(start=each._starts()) for each in (self, other)), strict=True)
        joined = Spells(*(np.concatenate(columns) for columns in both))
        return joined.only(np.argsort(joined.customer, kind="stable"))

    def _starts(self) -> NDArray[np.int64]:
        return self.start if len(self.start) else np.full(len(self.time), -1, dtype=np.int64)


class Times(NamedTuple):
    """At which times to estimate, microseconds: the points, where the horizons are in them, and the bands.

    `bands` has the positions of the beginning (-1 for the very beginning) and of the end of each.
    """

    points: NDArray[np.int64]
    horizons: NDArray[np.int64]
    bands: NDArray[np.int64]

    @classmethod
    def of(cls, horizons: Sequence[timedelta], *, steps: int = STEPS) -> Times:
        """Take the horizons, equal steps and the usual bands up to the longest of them."""
        wanted = np.array([microseconds(each) for each in horizons], dtype=np.int64)
        longest = int(wanted.max())
        usual = [microseconds(parse_duration(each)) for each in BANDS]
        edges = [*(edge for edge in usual if edge < longest), longest]
        grid = np.linspace(0, longest, steps + 1).astype(np.int64)
        points = np.unique(np.concatenate([grid, edges, wanted]))
        ends = np.searchsorted(points, edges)
        return cls(points, np.searchsorted(points, wanted), np.array(list(pairwise([-1, *ends]))))


class Cell(NamedTuple):
    """What is estimated of the spells of one cell; rows of ends, the last of them for none yet.

    Attributes
    ----------
    cell, entered : int
        Number of the cell, and of its spells.
    estimate : Estimate
    probability : float64[K + 1, P]
        NaN where more than `TAIL` were under way when observation ended before the point.
    limits, band : Limits
        Of each probability alone, and of each curve as a whole (NaN where too few ended so or otherwise, see
        `BAND_LEAST`, and everywhere if it wasn't asked for).
    hazard, hazard_limits : float64[K, B], Limits
        Probabilities of the ends in each band of time, NaN where nobody was observed, with limits.
    """

    cell: int
    entered: int
    estimate: Estimate
    probability: NDArray[np.float64]
    limits: Limits
    band: Limits
    hazard: NDArray[np.float64]
    hazard_limits: Limits


def spells(found: Entries, cell: NDArray[np.integer[Any]], to: str) -> Spells:
    """Return how long journeys were observed since entering places, and what ended it.

    Parameters
    ----------
    found : Entries
        Where journeys entered.
    cell : int32[E] or int64[E]
        What is estimated together.
    to : {"goal", "next"}
        Whether a spell lasts to the end of the journey, or ends as soon as it goes on.
    """
    end, until = (_to_goal if to == "goal" else _to_next)(found)
    return Spells(cell, found.customer, until - found.entered_at, end, FROM_THE_BEGINNING)


FROM_THE_BEGINNING: Final = np.empty(0, np.int64)
"""The starts of spells that are all observed from their beginning."""


def joined(pieces: list[Spells]) -> Spells:
    """Return spells of several pieces as one, all of them observed from their beginning; empties the list."""
    if len(pieces) == 1:
        return pieces[0]
    columns: list[list[Any]] = [list(column) for column in zip(*pieces, strict=True)]
    pieces.clear()  # what is joined need not be there twice
    return Spells(*(np.concatenate(columns.pop(0)) for _ in Spells._fields))


def _to_goal(found: Entries) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    return end_codes(found.end, found.here), found.ended_at


def end_codes(end: NDArray[np.int8], here: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Number the ends of journeys as `ENDS` has them on the way to the goal."""
    codes = _TO_GOAL[end]
    codes[(end == DROPPED) & ~here] = _ELSEWHERE
    return codes


_TO_GOAL: Final = np.zeros(len(OUTCOMES), np.int8)
_TO_GOAL[[CONVERTED, DROPPED, TURNED_AWAY, OPEN]] = [0, 1, 3, 4]
_ELSEWHERE: Final = 2


def _to_next(found: Entries) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """At stages the goal of a later stage goes on to it; at touchpoints the goal is no place to go on to."""
    converted = found.end == CONVERTED
    goes_on = found.gone_on_at <= found.ended_at
    if found.at == "touchpoint":
        goes_on &= ~(converted & (found.gone_on_at == found.ended_at))
    ends = [goes_on, converted, found.end == DROPPED, found.end == TURNED_AWAY]
    codes = np.select(ends, [np.int8(code) for code in range(4)], default=np.int8(4))
    return codes, np.minimum(found.gone_on_at, found.ended_at)


def estimate(given: Spells, n_ends: int, times: Times, *, curves: bool = True) -> list[Cell]:
    """Estimate every cell that has spells, in the order of their numbers.

    Parameters
    ----------
    given : Spells
        Ends later than they begin, see `start`.
    n_ends : int
        How many ends there are.
    times : Times
        At which times.
    curves : bool
        Whether bands that hold whole curves are wanted.
    """
    rows = _rows_of_cells(given.cell)
    found = map_blocks(lambda own: _walk(given, own, n_ends, times, curves=curves), rows)
    return [
        _cell(int(given.cell[_first(own)]), _size(own, given), each, times, curves=curves)
        for own, each in zip(rows, found, strict=True)
    ]


def _rows_of_cells(cell: NDArray[np.integer[Any]]) -> list[NDArray[np.int64] | None]:
    """Return the rows of each cell; None stands for all of them, where there is one cell."""
    if not len(cell):
        return []
    if cell.min() == cell.max():
        return [None]
    order = np.argsort(_smallest(cell), kind="stable")
    first = np.flatnonzero(np.diff(cell[order], prepend=-1))
    return [order[a:b] for a, b in pairwise([*first.tolist(), len(order)])]


def _first(own: NDArray[np.int64] | None) -> int:
    return 0 if own is None else int(own[0])


def _size(own: NDArray[np.int64] | None, given: Spells) -> int:
    return len(given.time) if own is None else len(own)


def _smallest(cell: NDArray[np.integer[Any]]) -> NDArray[np.generic]:
    """Return small numbers in a small type, which sorts much faster."""
    return cell.astype(np.int16) if cell.max(initial=0) < 1 << 15 else cell


def _walk(
    given: Spells, own: NDArray[np.int64] | None, n_ends: int, times: Times, *, curves: bool
) -> Estimate:
    from cjmining.kernels.incidence import aalen_johansen

    chosen = given if own is None else given.only(own)
    late = np.flatnonzero(chosen.start >= 0)
    clusters = 1 + int(np.count_nonzero(chosen.customer[1:] != chosen.customer[:-1]))
    return aalen_johansen(
        chosen.time,
        chosen.end,
        chosen.start,
        chosen.customer,
        np.argsort(chosen.time),
        late[np.argsort(chosen.start[late], kind="stable")],
        n_ends,
        times.points,
        times.bands,
        max(1, clusters // CLUSTERS) if curves else 0,
    )


def _cell(number: int, entered: int, found: Estimate, times: Times, *, curves: bool) -> Cell:
    """Put limits around what was estimated, never narrower than if customers' journeys were independent."""
    tail = np.where(found.known, 0.0, found.probability[-1])
    probability = np.where(tail > TAIL, np.nan, np.clip(found.probability, 0.0, 1.0))  # sums of floats
    variance = np.maximum(found.variance, found.unclustered)
    followed = found.seen.sum(axis=0) / found.cluster_size
    width = _widths(found, probability, variance) if curves else np.nan
    return Cell(
        cell=number,
        entered=entered,
        estimate=found,
        probability=probability,
        limits=_widened(limits_of_probabilities(probability, variance, followed), tail),
        band=_widened(limits_of_probabilities(probability, variance, followed, width=width), tail),
        hazard=(hazard := _hazard(found, times, tail)),
        hazard_limits=limits_of_probabilities(
            hazard,
            np.maximum(found.band_variance, found.band_unclustered),
            found.band_at_risk / found.cluster_size[times.bands[:, 1]],
        ),
    )


def _widened(limits: Limits, tail: NDArray[np.float64]) -> Limits:
    """Let those who were left under way, and weren't followed so far, have ended in any way by then."""
    lower, upper = limits.lower.copy(), np.minimum(limits.upper + tail, 1.0)
    lower[-1] = np.where(tail > 0, np.minimum(lower[-1], 0.0), lower[-1])
    upper[-1] = limits.upper[-1]
    return Limits(lower, upper)


def _hazard(found: Estimate, times: Times, tail: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each end within each band, NaN where too few were followed to its end."""
    first, last = times.bands.T
    under_way = np.where(first >= 0, found.probability[-1, first], 1.0)
    known = (found.band_at_risk > 0) & (tail[last] <= TAIL * under_way)
    return np.where(known, found.band_probability, np.nan)


def _widths(
    found: Estimate, probability: NDArray[np.float64], variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how many standard errors the band of each curve is wide, NaN at times that it leaves out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rarer = np.minimum(probability, 1 - probability) * (probability * (1 - probability) / variance)
    held = found.known & (variance > 0) & (rarer >= BAND_LEAST)
    widths = np.full(probability.shape, np.nan)
    for row, (own, covariance) in enumerate(zip(held, found.covariance, strict=True)):
        if own.any():
            widths[row, own] = width_of_band(covariance[np.ix_(own, own)])
    return widths
