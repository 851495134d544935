"""The tables of found journeys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining.discovery.journeys.gap import SECOND_US
from cjmining.event_columns import PIECE, EventColumn

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Codes = NDArray[np.int32]

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
LENGTHS: Final = (
    *(0, 1, 10, 30, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 4 * _DAY, 7 * _DAY, 14 * _DAY),
    *(30 * _DAY, 60 * _DAY, 120 * _DAY, 240 * _DAY),
)
"""Where the histogram of silences has its bins, in seconds."""


class Piece(NamedTuple):
    """Some whole journeys' steps, as arrays; of the first step of each `begins` is true, for sure."""

    rows: Ints
    inner: Flags
    silence: Ints
    probability: Floats
    begins: Flags
    code: Codes


class Judged(NamedTuple):
    """The steps of a log's customers: which may begin a journey, and what was found of them.

    `rows` leads to the log's events, `bounds` are those of the log's journeys over the steps: a step may
    begin a journey if another one of its journey comes before it. `silence`, in microseconds, and
    `probability` mean nothing for the others. What has a value a step is a column if the log is read within
    a limit.
    """

    rows: Ints
    bounds: Ints
    silence: Ints
    probability: Floats
    begins: Flags
    code: Codes
    names: tuple[str, ...]

    def pieces(self) -> Iterator[Piece]:
        """Give the steps by whole journeys: at once, or piece by piece of a log within a limit."""
        for first, last in stretches(self.bounds, self.code):
            mine = slice(int(self.bounds[first]), int(self.bounds[last]))
            inner = inner_of(self.bounds[first : last + 1])
            yield Piece(
                self.rows[mine],
                inner,
                self.silence[mine],
                np.where(inner, self.probability[mine], 1.0),
                np.where(inner, self.begins[mine], True),
                self.code[mine],
            )

    @property
    def n_inner(self) -> int:
        """How many steps may begin a journey."""
        return len(self.rows) - (len(self.bounds) - 1)


def stretches(bounds: Ints, column: Any) -> Iterator[tuple[int, int]]:  # noqa: ANN401 -- array or column
    """Give ranges of journeys: one of all beside an array, some of about `PIECE` steps beside a column."""
    first, n = 0, len(bounds) - 1
    most = PIECE if isinstance(column, EventColumn) else len(column)
    while first < n:
        last = max(int(np.searchsorted(bounds, bounds[first] + most, side="right")) - 1, first + 1)
        yield first, last
        first = last


def inner_of(bounds: Ints) -> Flags:
    """Return of each step of some journeys whether another one comes before it."""
    inner = np.ones(int(bounds[-1] - bounds[0]), np.bool_)
    inner[bounds[:-1] - bounds[0]] = False
    return inner


def boundaries_table(log: JourneyLog, judged: Judged, most: int | None = None) -> pd.DataFrame:
    """Return a row a step that could begin a journey: of all, or of the first ones."""
    import pandas as pd

    left = judged.n_inner if most is None else most
    parts = []
    for piece in judged.pieces():
        inner = np.flatnonzero(piece.inner)[:left]
        left -= len(inner)
        rows, silence = piece.rows[inner], piece.silence[inner] / SECOND_US
        known = piece.code[inner], silence, piece.probability[inner], piece.begins[inner]
        parts.append((log.event_customers[rows], rows, log.timestamps[rows], *known))
        if left <= 0:
            break
    kinds = (np.int64, np.int64, np.int64, np.int32, np.float64, np.float64, np.bool_)
    none = tuple(np.empty(0, kind) for kind in kinds)
    customer, rows, time, code, gap, probability, begins = map(np.concatenate, zip(none, *parts, strict=True))
    return pd.DataFrame(
        {
            "customer": customer,
            "event": rows,
            "time": pd.DatetimeIndex(time.astype("datetime64[us]"), tz="UTC"),
            "touchpoint": pd.Categorical.from_codes(code, pd.Index(judged.names, dtype=object)),
            "gap_s": gap,
            "probability": probability,
            "begins": begins,
        }
    )


class Counts(NamedTuple):
    """What the steps come to: of touchpoints with which journeys begin, or end before another; of silences.

    `starts` and `ends` have journeys and events by code, `gaps` silences within journeys and between them by
    their length. Of the steps that may begin a journey: how many do, the sum of their probabilities, and that
    of those that don't.
    """

    starts: Ints
    ends: Ints
    gaps: Ints
    begin: int
    expected: float
    rest: float

    @classmethod
    def of(cls, judged: Judged) -> Counts:
        """Count them."""
        starts, ends = (np.zeros((2, len(judged.names)), np.int64) for _ in range(2))
        gaps = np.zeros((2, len(LENGTHS)), np.int64)
        begin, expected, rest = 0, 0.0, 0.0
        for piece in judged.pieces():
            inner, code = piece.inner, piece.code
            ended = piece.begins & inner
            _count(starts, code[piece.begins], code)
            _count(ends, code[:-1][ended[1:]], code[:-1][inner[1:]])
            own, begins = piece.probability[inner], piece.begins[inner]
            of = np.searchsorted(_EDGES, piece.silence[inner] / SECOND_US, side="right") - 1
            _count(gaps, of[~begins], of[begins])
            begin += int(begins.sum())
            expected += float(own.sum())
            rest += float(own[~begins].sum())
        return cls(starts, ends, gaps, begin, expected, rest)


_EDGES: Final = np.array([*LENGTHS, np.inf])


def _count(sums: Ints, one: NDArray[np.integer[Any]], other: NDArray[np.integer[Any]]) -> None:
    for row, codes in enumerate((one, other)):
        sums[row] += np.bincount(codes, minlength=sums.shape[1])


def touchpoints_table(counts: Ints, names: tuple[str, ...]) -> pd.DataFrame:
    """Return what journeys begin or end with, of journeys and events by code."""
    import pandas as pd

    journeys, events = counts
    order = np.lexsort((np.arange(len(names)), -journeys))
    order = order[journeys[order] > 0]
    return pd.DataFrame(
        {
            "touchpoint": pd.Series([names[one] for one in order], dtype=pd.Series(["text"]).dtype),
            "journeys": journeys[order],
            "share_of_journeys": journeys[order] / max(int(journeys.sum()), 1),
            "events": events[order],
            "share_of_events": journeys[order] / np.maximum(events[order], 1),
        }
    )


def gaps_table(counts: Ints) -> pd.DataFrame:
    """Return how long silences are within journeys and between them, of their numbers by length."""
    import pandas as pd

    used = int(np.flatnonzero(counts.sum(axis=0)).max(initial=-1)) + 1
    inside, between = counts[:, :used]
    return pd.DataFrame(
        {
            "at_least_s": _EDGES[:used],
            "below_s": _EDGES[1 : used + 1],
            "gaps": inside + between,
            "inside": inside,
            "between": between,
            "share_between": between / np.maximum(inside + between, 1),
        }
    )


def overview_table(facts: dict[str, Any]) -> pd.DataFrame:
    """Return the one row that says what was done."""
    import pandas as pd

    table = pd.DataFrame([facts])
    return table.astype({"method": pd.Series(["text"]).dtype, "gap_s": np.float64, "threshold": np.float64})
