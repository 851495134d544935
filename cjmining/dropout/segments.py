"""Which segment each entry belongs to: by attributes of customers and dimensions of events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cjmining.event_columns import of_whole_journeys
from cjmining.grouping import EVERYBODY, Groups, is_of_journeys, joined, together
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.log import JourneyLog

WHEN = ("journey", "entry")


class Rows(Protocol):
    """What is put into segments: entries, or other rows of a journey and the event that began them."""

    @property
    def journey(self) -> NDArray[np.int64]:
        """Number of the journey in the log."""

    @property
    def event(self) -> NDArray[np.int64]:
        """Row in the log."""

    def __len__(self) -> int: ...


def segment(
    check: Conformance, found: Rows, by: str | Sequence[str] | None, *, when: str = "journey"
) -> Groups:
    """Return the segment of each entry.

    Parameters
    ----------
    check : Conformance
        Whose log knows attributes and dimensions.
    found : Entries
        Its entries, or some of them; other rows with `journey` and `event` do as well.
    by : str or sequence of str, optional
        An attribute of customers or a text column of events, or several: then names are joined by ", ". None
        puts all into one segment, "all".
    when : str
        What decides where `by` is of events: "journey", the first that a journey has, as for `cj.check`; or
        "entry", the one at the entry, else the last known before it in the journey.

    Returns
    -------
    Groups
        Where nothing is known the name is "unknown". Names of several are those that occur.

    Raises
    ------
    LogError
        If there is nothing to group by under that name.
    """
    return Segments(check, by, when=when).of(found)


class Segments:
    """The segments of entries that come piece by piece; parameters are those of `segment`."""

    def __init__(self, check: Conformance, by: str | Sequence[str] | None, *, when: str = "journey") -> None:
        if when not in WHEN:
            raise ValueError(f"when is {' or '.join(map(repr, WHEN))}, not {when!r}")
        names = [by] if isinstance(by, str) else list(by or ())
        log = check._with_log("segments").log
        self._each = [_one(log, name, when) for name in names]
        self._known: NDArray[np.int64] | None = None

    def of(self, found: Rows) -> Groups:
        """Return the segments of some entries."""
        each = [read(found) for read in self._each]
        if not each:
            return Groups(np.zeros(len(found), np.int32), (EVERYBODY,))
        if len(each) == 1:
            return each[0]
        return together(each) if self._known is None else _among(each, self._known)

    def naming(self, pieces: Iterable[Rows]) -> Segments:
        """Name the segments of all pieces alike from now on: those that occur in any of these."""
        if len(self._each) > 1:
            found = [
                np.unique(_combined([read(piece) for read in self._each])) for piece in pieces if len(piece)
            ]
            self._known = np.unique(np.concatenate([np.empty(0, np.int64), *found]))
        return self


def _combined(each: Sequence[Groups]) -> NDArray[np.int64]:
    combined = np.zeros(len(each[0].codes), np.int64)
    for one in each:
        combined = combined * len(one.names) + one.codes
    return combined


def _among(each: Sequence[Groups], known: NDArray[np.int64]) -> Groups:
    """Number the combinations as `together` does, but among those known to occur."""
    parts = np.stack(np.unravel_index(known, [len(one.names) for one in each]), axis=1)
    names = tuple(joined([one.names[code] for one, code in zip(each, row, strict=True)]) for row in parts)
    return Groups(np.searchsorted(known, _combined(each)).astype(np.int32), names)


def _one(log: JourneyLog, name: str, when: str) -> Callable[[Rows], Groups]:
    """Return what gives the segment of entries by one name."""
    codes, names = log.group(name)
    codes = codes.astype(np.min_scalar_type(len(names)), copy=False)  # it has a value a journey
    if when == "journey" or is_of_journeys(log, name):
        return lambda found: Groups(codes[found.journey].astype(np.int32), names)
    last_known = _last_known(log, name)
    unknown = names.index(UNKNOWN) if UNKNOWN in names else len(names)
    all_names = names if UNKNOWN in names else (*names, UNKNOWN)

    def at_entry(found: Rows) -> Groups:
        known = last_known[found.event]
        return Groups(np.where(known >= 0, known, unknown).astype(np.int32), all_names)

    return at_entry


def _last_known(log: JourneyLog, column: str) -> NDArray[np.int32]:
    """Return a column's codes, each null filled with the last known one before it in the journey."""
    all_codes = log.codes(column)

    def read(first_journey: int, last_journey: int) -> NDArray[np.int32]:
        bounds = log.bounds[first_journey : last_journey + 1]
        codes = all_codes[bounds[0] : bounds[-1]]
        last = np.maximum.accumulate(np.where(codes >= 0, np.arange(len(codes)), -1))
        first = np.repeat(bounds[:-1] - bounds[0], np.diff(bounds))
        return np.where(last >= first, codes[np.maximum(last, 0)], np.int32(-1))

    filled: NDArray[np.int32] = of_whole_journeys(
        log.bounds, np.int32, read, at_once=log.memory_limit is None
    )
    return filled
