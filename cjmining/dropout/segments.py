"""Which segment each entry belongs to: by attributes of customers and dimensions of events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cjmining.event_columns import of_whole_journeys
from cjmining.grouping import EVERYBODY, Groups, is_of_journeys, together
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
    if when not in WHEN:
        raise ValueError(f"when is {' or '.join(map(repr, WHEN))}, not {when!r}")
    names = [by] if isinstance(by, str) else list(by or ())
    log = check._with_log("segments").log
    each = [_one(log, found, name, when) for name in names]
    if not each:
        return Groups(np.zeros(len(found), np.int32), (EVERYBODY,))
    return each[0] if len(each) == 1 else together(each)


def _one(log: JourneyLog, found: Rows, name: str, when: str) -> Groups:
    codes, names = log.group(name)
    if when == "journey" or is_of_journeys(log, name):
        return Groups(codes[found.journey], names)
    at_entry = _last_known(log, name)[found.event]
    unknown = names.index(UNKNOWN) if UNKNOWN in names else len(names)
    names = names if UNKNOWN in names else (*names, UNKNOWN)
    return Groups(np.where(at_entry >= 0, at_entry, unknown).astype(np.int32), names)


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
