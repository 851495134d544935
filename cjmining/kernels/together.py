"""Which codes occur in the same journey, whatever their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels import sums
from cjmining.kernels._jit import kernel
from cjmining.kernels.cells import Room, pairs_at_most, place_of
from cjmining.kernels.customers import each_its_own

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]


class Together(NamedTuple):
    """Who has both of two codes, by cell (group x names + lower) x names + higher; each pair once.

    `both` has the columns: journeys, customers with such a journey.
    `holding` says how many journeys of each group have each code (groups x names), `journeys` how many there
    are of each group.
    """

    both: sums.Sums
    holding: Ints
    journeys: Ints


def count(
    bounds: Ints, code: Codes, group: Codes, n_groups: int, n_names: int, first: Ints | None = None
) -> Together:
    """Count journeys by the pairs of codes they have; parameters are those of `kernels.follows.count`."""
    room = Room.of(n_groups * n_names * n_names, pairs_at_most(bounds, code, n_names))
    whose = each_its_own(len(group)) if first is None else first
    cell, number, customers, holding = _together(
        bounds, code, group, whose, n_groups, n_names, room.places, room.table
    )
    used = np.flatnonzero(number)
    order = used[np.argsort(cell[used])]
    journeys = np.bincount(group, minlength=n_groups).astype(np.int64)
    return Together(
        sums.Sums(cell[order], np.stack([number[order], customers[order]], axis=1)), holding, journeys
    )


def merge(parts: list[Together]) -> Together:
    """Add up summaries of blocks, in their order."""
    return Together(
        sums.merge([part.both for part in parts]),
        np.sum([part.holding for part in parts], axis=0),
        np.sum([part.journeys for part in parts], axis=0),
    )


@kernel
def _together(
    bounds: Ints,
    code: Codes,
    group: Codes,
    whose: Ints,
    n_groups: int,
    n_names: int,
    places: int,
    room: int,
) -> tuple[Ints, Ints, Ints, Ints]:
    cell = np.arange(places)
    number, customers = np.zeros(places, np.int64), np.zeros(places, np.int64)
    last_journey = np.full(places, -1, np.int64)
    table = np.full(room, -1, np.int32)
    found = 0
    holding = np.zeros((n_groups, n_names), np.int64)
    last, met = np.full(n_names, -1, np.int64), np.empty(n_names, np.int64)
    for journey in range(len(bounds) - 1):
        base = np.int64(group[journey]) * n_names
        different = 0
        for step in range(bounds[journey], bounds[journey + 1]):
            what = np.int64(code[step])
            if last[what] == journey:
                continue
            last[what] = journey
            holding[group[journey], what] += 1
            for i in range(different):
                lower, higher = min(met[i], what), max(met[i], what)
                here, found = place_of((base + lower) * n_names + higher, table, cell, found)
                number[here] += 1
                customers[here] += last_journey[here] < whose[journey]
                last_journey[here] = journey
            met[different] = what
            different += 1
    return cell, number, customers, holding
