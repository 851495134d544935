"""How often one touchpoint directly follows another, and how long that takes.

A *cell* is the number (group x touchpoints + from) x touchpoints + to. Where there can be many, cells are
found through a hash table, so that work and memory follow the transitions that occur, not the square of the
vocabulary. The loops stop where a table is full, and go on once it was made longer: growing it inside would
cost every event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels import bins, histogram
from cjmining.kernels._jit import kernel
from cjmining.kernels.bins import CHUNK, CHUNK_BITS, CHUNKS, OFFSET, ONE
from cjmining.kernels.customers import each_its_own
from cjmining.kernels.histogram import LOWEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]


DIRECT_CELLS: Final = 1 << 16
"""Up to so many possible cells each has its own place, and nothing is looked up."""

_FIRST_SLOTS: Final = 1 << 10

_CUSTOMER_BIT: Final = 32
_CUSTOMER: Final = 1 << _CUSTOMER_BIT
"""What a customer adds to the journeys of a cell: both are counted in one integer, written once."""

_EVENTS_A_CELL: Final = 64
_EVENTS_A_CHUNK: Final = 256
"""Where there are fewer events for each possible cell, or chunk of bins in use, times are sorted by cell."""


class Transitions(NamedTuple):
    """Transitions by cell, ascending; summaries of different blocks add up with `merge`."""

    cell: Ints
    counts: Ints
    journeys: Ints
    customers: Ints
    total: Floats


class _Slots(NamedTuple):
    """Where cells are counted: the cell of each slot, and the table that finds it (None: they are the same).

    `last` is the journey that was there last, -1 none; `journeys` counts customers too (`_CUSTOMER`).
    """

    cell: Ints
    table: Codes | None
    last: Ints
    journeys: Ints


def count(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    group: Codes,
    n_groups: int,
    n_touchpoints: int,
    first: Ints | None = None,
) -> Transitions:
    """Count the transitions of every group, the journeys and customers that have them, and add up times.

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
    first : array of int64, shape (journeys,), optional
        The first journey of each journey's customer, whose journeys lie together
        (`customers.first_journeys`); by default each journey has a customer of its own.
    """
    log = _Log.of(bounds, timestamp, touchpoint, group, n_touchpoints, first)
    slots, found, number, total = _count_cells(log, n_groups)
    return _told(slots, _ascending(slots, found), number, total)


def count_with_times(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    group: Codes,
    n_groups: int,
    n_touchpoints: int,
    first: Ints | None = None,
) -> tuple[Transitions, histogram.Histogram]:
    """Count as `count` does, and put the time of every transition into a histogram of its cell."""
    log = _Log.of(bounds, timestamp, touchpoint, group, n_touchpoints, first)
    cells = n_groups * n_touchpoints * n_touchpoints
    if len(timestamp) < _EVENTS_A_CELL * cells:
        return _count_sorted(log, n_groups)
    slots = _start(cells)
    times = bins.start(len(slots.last), len(timestamp))
    journey, event, found, chunks, aside = 0, 0, 0, 0, 0
    most_chunks = max(bins.FIRST_CHUNKS, len(timestamp) // _EVENTS_A_CHUNK)
    while True:
        reached = journey, event, found, chunks, aside
        journey, event, found, chunks, aside = _fill(*log, *slots, *times, *reached)
        if journey == len(group):
            break
        full = chunks * CHUNK == len(times.bins)
        if full and chunks >= most_chunks:
            return _count_sorted(log, n_groups)
        slots = slots if full else _widen(slots, found)
        times = bins.widen(times, len(slots.last), bins=len(times.bins) * (2 if full else 1))
    order = _ascending(slots, found)
    histogram, number, total = bins.finish(times, order, slots.cell[order], chunks=chunks, aside=aside)
    journeys, customers = _apart(slots.journeys[order])
    return Transitions(slots.cell[order], number, journeys, customers, total), histogram


def merge(parts: list[Transitions]) -> Transitions:
    """Add up summaries of blocks, in their order."""
    cell, place = np.unique(np.concatenate([part.cell for part in parts]), return_inverse=True)
    counts, journeys, customers = (np.zeros_like(cell) for _ in range(3))
    merged = Transitions(cell, counts, journeys, customers, np.zeros(len(cell), np.float64))
    for name in ("counts", "journeys", "customers", "total"):
        np.add.at(getattr(merged, name), place, np.concatenate([getattr(part, name) for part in parts]))
    return merged


class _Log(NamedTuple):
    """What the loops read."""

    bounds: Ints
    timestamp: Ints
    touchpoint: Codes
    group: Codes
    n_touchpoints: int
    first: Ints

    @classmethod
    def of(
        cls,
        bounds: Ints,
        timestamp: Ints,
        touchpoint: Codes,
        group: Codes,
        n_touchpoints: int,
        first: Ints | None,
    ) -> _Log:
        whose = each_its_own(len(group)) if first is None else first
        return cls(bounds, timestamp, touchpoint, group, n_touchpoints, whose)


def _told(slots: _Slots, order: Ints, number: Ints, total: Floats) -> Transitions:
    journeys, customers = _apart(slots.journeys[order])
    return Transitions(slots.cell[order], number[order], journeys, customers, total[order])


def _apart(both: Ints) -> tuple[Ints, Ints]:
    """Journeys, and the customers that were counted with them."""
    return both & (_CUSTOMER - 1), both >> _CUSTOMER_BIT


def _count_cells(log: _Log, n_groups: int) -> tuple[_Slots, int, Ints, Floats]:
    """The slots, how many are in use, and for each how often and how long."""
    slots = _start(n_groups * log.n_touchpoints * log.n_touchpoints)
    number = np.zeros(len(slots.last), np.int64)
    total = np.zeros(len(slots.last), np.float64)
    journey, event, found = 0, 0, 0
    while True:
        journey, event, found = _count(*log, *slots, number, total, journey, event, found)
        if journey == len(log.group):
            return slots, found, number, total
        slots = _widen(slots, found)
        number = bins.longer(number, len(slots.last), 0)
        total = bins.longer(total, len(slots.last), 0)


def _count_sorted(log: _Log, n_groups: int) -> tuple[Transitions, histogram.Histogram]:
    """Count first, then put the times of each cell together, and make one histogram after the other."""
    slots, found, number, total = _count_cells(log, n_groups)
    order = _ascending(slots, found)
    counted = _told(slots, order, number, total)
    offsets = np.zeros(len(order) + 1, np.int64)
    np.cumsum(counted.counts, out=offsets[1:])
    free = np.zeros(len(number), np.int64)
    free[order] = offsets[:-1]
    elapsed = _sort(*log[:-1], slots.cell, slots.table, free, offsets[-1])
    return counted, histogram.summarise(counted.cell, offsets, elapsed)


def _start(cells: int) -> _Slots:
    direct = cells <= DIRECT_CELLS
    size = cells if direct else _FIRST_SLOTS
    return _Slots(
        cell=np.arange(cells) if direct else np.zeros(size, np.int64),
        table=None if direct else np.full(4 * size, -1, np.int32),
        last=np.full(size, -1, np.int64),
        journeys=np.zeros(size, np.int64),
    )


def _widen(slots: _Slots, found: int) -> _Slots:
    """Twice as many slots, looked up in a table four times as long as those."""
    size = 2 * len(slots.last)
    table = np.full(4 * size, -1, np.int32)
    _enter(slots.cell[:found], table)
    return _Slots(
        cell=bins.longer(slots.cell, size, 0),
        table=table,
        last=bins.longer(slots.last, size, -1),
        journeys=bins.longer(slots.journeys, size, 0),
    )


def _ascending(slots: _Slots, found: int) -> Ints:
    """The slots in use, by ascending cell."""
    if slots.table is None:
        return np.flatnonzero(slots.last >= 0)
    return np.argsort(slots.cell[:found])


@kernel
def _count(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    group: Codes,
    n_touchpoints: int,
    whose: Ints,
    cell: Ints,
    table: Codes | None,
    last: Ints,
    journeys: Ints,
    number: Ints,
    total: Floats,
    journey: int,
    event: int,
    found: int,
) -> tuple[int, int, int]:
    """Count from a journey and event on; return where it stopped (behind the last: done) and slots in use."""
    n = np.uint64(n_touchpoints)
    for current in range(journey, len(bounds) - 1):
        first, end = np.uint64(max(bounds[current], event)), np.uint64(bounds[current + 1])
        if first == end:
            continue
        base, its_first = np.uint64(group[current]) * n, whose[current]
        start, left = np.uint64(touchpoint[first]), timestamp[first]
        for at in range(first + np.uint64(1), end):
            to, arrived = np.uint64(touchpoint[at]), timestamp[at]
            here = (base + start) * n + to
            if table is not None:
                slot = _look_up(np.int64(here), table, cell, found)
                if slot == found:
                    if found == len(cell):
                        return current, int(np.int64(at)) - 1, found
                    found = _take(np.int64(here), table, cell, found)
                here = np.uint64(slot)
            number[here] += 1
            total[here] += max(arrived - left, 0)
            before = last[here]
            journeys[here] += np.int64(before != current) + (np.int64(before < its_first) << _CUSTOMER_BIT)
            last[here] = current
            start, left = to, arrived
    return len(bounds) - 1, 0, found


@kernel
def _fill(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    group: Codes,
    n_touchpoints: int,
    whose: Ints,
    cell: Ints,
    table: Codes | None,
    last: Ints,
    journeys: Ints,
    chunk: Codes,
    filled: Ints,
    aside: Ints,
    aside_offset: Ints,
    journey: int,
    event: int,
    found: int,
    chunks: int,
    n_aside: int,
) -> tuple[int, int, int, int, int]:
    """Do as `_count`, but put each time into a bin; what its bins hold is what a cell counts and adds up."""
    n, room = np.uint64(n_touchpoints), len(filled) // CHUNK
    for current in range(journey, len(bounds) - 1):
        first, end = np.uint64(max(bounds[current], event)), np.uint64(bounds[current + 1])
        if first == end:
            continue
        base, its_first = np.uint64(group[current]) * n, whose[current]
        start, left = np.uint64(touchpoint[first]), timestamp[first]
        for at in range(first + np.uint64(1), end):
            to, arrived = np.uint64(touchpoint[at]), timestamp[at]
            here = (base + start) * n + to
            if table is not None:
                slot = _look_up(np.int64(here), table, cell, found)
                if slot == found:
                    if found == len(cell):
                        return current, int(np.int64(at)) - 1, found, chunks, n_aside
                    found = _take(np.int64(here), table, cell, found)
                here = np.uint64(slot)
            elapsed = max(arrived - left, 0)
            bits = np.float64(elapsed).view(np.int64)
            place = (bits >> 45) - LOWEST if elapsed >= 256 else elapsed  # as `bin_of`
            part = here * np.uint64(CHUNKS) + np.uint64(place >> CHUNK_BITS)
            its_chunk = int(chunk[part])
            if its_chunk == 0:
                if chunks == room:
                    return current, int(np.int64(at)) - 1, found, chunks, n_aside
                chunks += 1
                its_chunk = chunks
                chunk[part] = chunks
            bin_ = np.uint64((its_chunk - 1) * CHUNK + (place & (CHUNK - 1)))
            held = filled[bin_] + (ONE + (bits & OFFSET))
            if held < 0:  # its 512th duration: all but one are set aside
                aside[n_aside] = bin_
                aside_offset[n_aside] = held & (ONE - 1)
                n_aside += 1
                held = np.int64(ONE)
            filled[bin_] = held
            before = last[here]
            journeys[here] += np.int64(before != current) + (np.int64(before < its_first) << _CUSTOMER_BIT)
            last[here] = current
            start, left = to, arrived
    return len(bounds) - 1, 0, found, chunks, n_aside


@kernel
def _sort(
    bounds: Ints,
    timestamp: Ints,
    touchpoint: Codes,
    group: Codes,
    n_touchpoints: int,
    cell: Ints,
    table: Codes | None,
    free: Ints,
    n: int,
) -> Ints:
    """The times of all transitions, those of one slot together: `free` is where its next goes."""
    elapsed = np.empty(n, np.int64)
    for journey in range(len(bounds) - 1):
        base = np.int64(group[journey]) * n_touchpoints
        for event in range(bounds[journey] + 1, bounds[journey + 1]):
            here = (base + touchpoint[event - 1]) * n_touchpoints + touchpoint[event]
            if table is not None:
                here = np.int64(_look_up(here, table, cell, len(cell)))
            elapsed[free[here]] = max(timestamp[event] - timestamp[event - 1], 0)
            free[here] += 1
    return elapsed


@kernel
def _look_up(key: np.int64, table: Codes, cell: Ints, found: int) -> int:
    """Return the slot of a cell, or `found` where it wasn't met before."""
    mask = len(table) - 1
    place = ((key ^ (key >> 17)) * 40503) & mask
    while table[place] >= 0:
        if cell[table[place]] == key:
            return int(table[place])
        place = (place + 1) & mask
    return found


@kernel
def _take(key: np.int64, table: Codes, cell: Ints, found: int) -> int:
    """Give a new cell the next slot; return how many are in use."""
    mask = len(table) - 1
    place = ((key ^ (key >> 17)) * 40503) & mask
    while table[place] >= 0:
        place = (place + 1) & mask
    table[place] = found
    cell[found] = key
    return found + 1


@kernel
def _enter(cells: Ints, table: Codes) -> None:
    """Give cells the slots 0, 1 and so on."""
    for slot in range(len(cells)):
        _take(cells[slot], table, cells, slot)
