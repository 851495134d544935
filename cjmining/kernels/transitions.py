"""How often one touchpoint directly follows another, and how long that takes.

A *cell* is the number (group x touchpoints + from) x touchpoints + to. Where there can be many, cells are
found through a hash table, so that work and memory follow the transitions that occur, not the square of the
vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels import histogram
from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]


DIRECT_CELLS: Final = 1 << 16
"""Up to so many possible cells each has its own place, and nothing is looked up."""


class Transitions(NamedTuple):
    """Transitions by cell, ascending; summaries of different blocks add up with `merge`."""

    cell: Ints
    counts: Ints
    journeys: Ints
    total: Floats


def count(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    group: Codes,
    n_groups: int,
    n_touchpoints: int,
) -> Transitions:
    """Count the transitions of every group, the journeys they occur in, and add up their times.

    Parameters
    ----------
    bounds : array of int64, shape (journeys + 1,)
        Journey j has the events from bounds[j] up to bounds[j + 1].
    timestamp : array of int64, shape (events,)
        Microseconds, not decreasing within a journey.
    touchpoint : array of int32, shape (events,)
        From 0 to n_touchpoints - 1.
    group : array of int32, shape (journeys,)
        From 0 to n_groups - 1.
    """
    found, _ = _count_sorted(bounds, timestamp, touchpoint, group, n_groups, n_touchpoints, places=False)
    return found


def count_with_times(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    group: Codes,
    n_groups: int,
    n_touchpoints: int,
) -> tuple[Transitions, histogram.Histogram]:
    """Count as `count` does, and put the time of every transition into a histogram of its cell."""
    found, slot = _count_sorted(bounds, timestamp, touchpoint, group, n_groups, n_touchpoints, places=True)
    offsets = np.zeros(len(found.cell) + 1, np.int64)
    np.cumsum(found.counts, out=offsets[1:])
    elapsed = _gather(slot, timestamp, offsets)
    return found, histogram.summarise(found.cell, offsets, elapsed)


def merge(parts: list[Transitions]) -> Transitions:
    """Add up summaries of blocks, in their order."""
    cell, place = np.unique(np.concatenate([part.cell for part in parts]), return_inverse=True)
    merged = Transitions(cell, np.zeros_like(cell), np.zeros_like(cell), np.zeros(len(cell), np.float64))
    np.add.at(merged.counts, place, np.concatenate([part.counts for part in parts]))
    np.add.at(merged.journeys, place, np.concatenate([part.journeys for part in parts]))
    np.add.at(merged.total, place, np.concatenate([part.total for part in parts]))
    return merged


def _count_sorted(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    group: Codes,
    n_groups: int,
    n_touchpoints: int,
    *,
    places: bool,
) -> tuple[Transitions, Codes]:
    """Transitions by ascending cell, and for every event the place of the one that starts there (or -1)."""
    cells = n_groups * n_touchpoints * n_touchpoints
    direct = cells <= DIRECT_CELLS
    room = cells if direct else 1 << max(2 * len(timestamp) - 1, 1).bit_length()
    slot = np.full(len(timestamp) if places else 0, -1, np.int32)
    cell, number, journeys, total = _count(
        bounds, timestamp, touchpoint, group, n_touchpoints, room, direct, slot
    )
    used = np.flatnonzero(number)
    order = used[np.argsort(cell[used])]
    place = np.empty(len(number), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    _renumber(slot, place)
    return Transitions(cell[order], number[order], journeys[order], total[order]), slot


@kernel
def _count(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    group: Codes,
    n_touchpoints: int,
    room: int,
    direct: bool,
    slot: Codes,
) -> tuple[Ints, Ints, Ints, Floats]:
    """Count by slot: `direct` makes the cell itself the slot, else a hash table of `room` places finds it."""
    most = room if direct else room // 2
    cell = np.arange(most)
    number = np.zeros(most, np.int64)
    journeys = np.zeros(most, np.int64)
    total = np.zeros(most, np.float64)
    last_journey = np.full(most, -1, np.int64)
    table = np.full(0 if direct else room, -1, np.int32)
    found = 0
    for journey in range(len(bounds) - 1):
        if bounds[journey] == bounds[journey + 1]:
            continue
        base = np.int64(group[journey]) * n_touchpoints
        start = np.int64(touchpoint[bounds[journey]])
        left = timestamp[bounds[journey]]
        for event in range(bounds[journey] + 1, bounds[journey + 1]):
            to = np.int64(touchpoint[event])
            arrived = timestamp[event]
            here = int((base + start) * n_touchpoints + to)
            if not direct:
                here, found = _look_up(here, table, cell, found)
            if len(slot) > 0:
                slot[event - 1] = here
            number[here] += 1
            total[here] += max(arrived - left, 0)
            if last_journey[here] != journey:
                last_journey[here] = journey
                journeys[here] += 1
            start, left = to, arrived
    return cell, number, journeys, total


@kernel
def _look_up(key: int, table: Codes, cell: Ints, found: int) -> tuple[int, int]:
    """Return the slot of a cell, a new one where it wasn't met before, and how many are in use."""
    mask = len(table) - 1
    place = ((key ^ (key >> 17)) * 40503) & mask
    while table[place] >= 0:
        if cell[table[place]] == key:
            return table[place], found
        place = (place + 1) & mask
    table[place] = found
    cell[found] = key
    return found, found + 1


@kernel
def _renumber(slot: Codes, place: Codes) -> None:
    for event in range(len(slot)):
        if slot[event] >= 0:
            slot[event] = place[slot[event]]


@kernel
def _gather(slot: Codes, timestamp: Ints, offsets: Ints) -> Ints:
    """The times of the transitions, those of one cell together (a counting sort)."""
    free = offsets[:-1].copy()
    elapsed = np.empty(offsets[-1], np.int64)
    for event in range(len(slot)):
        here = slot[event]
        if here >= 0:
            elapsed[free[here]] = max(timestamp[event + 1] - timestamp[event], 0)
            free[here] += 1
    return elapsed
