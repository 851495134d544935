"""Places for the cells that occur: each cell its own where there are few, else found through a hash table.

A *cell* is a whole number made of several codes, such as (group x names + from) x names + to. Work and memory
follow the cells that occur, not all that could.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

DIRECT_CELLS: Final = 1 << 20
"""Up to so many possible cells each has its own place; pages that are never touched take no memory."""


class Room(NamedTuple):
    """Places for cells: `places` of them, and the hash table's size, 0 where cells are places."""

    places: int
    table: int

    @classmethod
    def of(cls, cells: int, most: int) -> Room:
        """Make room for cells below `cells`, of which at most `most` occur."""
        if cells <= DIRECT_CELLS:
            return cls(cells, 0)
        occurring = max(min(cells, most), 1)
        return cls(occurring, 1 << (2 * occurring - 1).bit_length())


@inlined
def place_of(key: int, table: Codes, cell: Ints, found: int) -> tuple[int, int]:
    """Return the place of a cell, a new one where it wasn't met before, and how many are in use."""
    if len(table) == 0:
        return key, found
    mask = len(table) - 1
    at = ((key ^ (key >> 17)) * 40503) & mask
    while table[at] >= 0 and cell[table[at]] != key:
        at = (at + 1) & mask
    if table[at] < 0:
        table[at] = found
        cell[found] = key
        found += 1
    return table[at], found


def by_cell(place: Codes, cell: Ints, counts: Ints, values: Ints) -> tuple[Ints, Ints, Ints]:
    """Put the values of each cell together.

    Parameters
    ----------
    place : int32[N]
        The place of the cell of each value.
    cell, counts : int64[P]
        The cell at each place, and how many values it has, maybe none.
    values : int64[N]

    Returns
    -------
    tuple
        The cells that have values, ascending; where those of each begin, and where the last end; the values.
    """
    used = np.flatnonzero(counts)
    order = used[np.argsort(cell[used])]
    offsets = np.zeros(len(order) + 1, np.int64)
    np.cumsum(counts[order], out=offsets[1:])
    free = np.zeros(len(cell), np.int64)
    free[order] = offsets[:-1]
    return cell[order], offsets, _scatter(place, free, values)


@kernel
def pairs_at_most(bounds: Ints, code: Codes, n_names: int) -> int:
    """Add up over journeys the square of how many different codes each has."""
    last = np.full(n_names, -1, np.int64)
    total = 0
    for journey in range(len(bounds) - 1):
        different = 0
        for step in range(bounds[journey], bounds[journey + 1]):
            if last[code[step]] != journey:
                last[code[step]] = journey
                different += 1
        total += different * different
    return total


@kernel
def _scatter(place: Codes, free: Ints, values: Ints) -> Ints:
    together = np.empty(len(values), np.int64)
    for i in range(len(values)):
        together[free[place[i]]] = values[i]
        free[place[i]] += 1
    return together


def numbered(key: Ints) -> tuple[Ints, Codes]:
    """Return the keys that occur, ascending, and the place of each key among them (int32[N])."""
    cell, place = _number(key, 1 << max(2 * len(key) - 1, 1).bit_length())
    order = np.argsort(cell)
    rank = np.empty(len(cell), np.int32)
    rank[order] = np.arange(len(cell), dtype=np.int32)
    return cell[order], rank[place]


@kernel
def _number(key: Ints, room: int) -> tuple[Ints, Codes]:
    cell, place = np.empty(len(key), np.int64), np.empty(len(key), np.int32)
    table = np.full(room, -1, np.int32)
    found = 0
    for i in range(len(key)):
        place[i], found = place_of(key[i], table, cell, found)
    return cell[:found].copy(), place
