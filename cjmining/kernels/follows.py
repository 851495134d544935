"""How often one code occurs some time after another in a journey, and how long it takes until it does.

Each journey is read once. At each step the codes that it had before are gone through, so that the work is
steps x different codes of the journey, not steps x steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels import histogram, sums
from cjmining.kernels._jit import kernel
from cjmining.kernels.cells import Room, by_cell, pairs_at_most, place_of
from cjmining.kernels.customers import each_its_own

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]


class Follows(NamedTuple):
    """What follows what, by cell (group x names + from) x names + to.

    `counted` has the columns: ordered pairs of steps, journeys, journeys in which it follows directly, and
    customers with such a journey.
    `times` are microseconds from the first step of `from` to the next of `to`, one a journey. `holding` says
    how many journeys of each group have each code (groups x names).
    """

    counted: sums.Sums
    times: histogram.Histogram
    holding: Ints


def count(
    bounds: Ints,
    timestamp: Ints,
    code: Codes,
    group: Codes,
    n_groups: int,
    n_names: int,
    first: Ints | None = None,
) -> Follows:
    """Count what eventually follows what.

    Parameters
    ----------
    bounds : int64[journeys + 1]
        Journey j has the steps bounds[j] to bounds[j + 1] - 1.
    timestamp : int64[steps]
        Microseconds, not decreasing within a journey.
    code : int32[steps]
        From 0 to n_names - 1.
    group : int32[journeys]
        From 0 to n_groups - 1.
    first : int64[journeys], optional
        The first journey of each journey's customer, whose journeys lie together; by default its own.
    """
    whose = each_its_own(len(group)) if first is None else first
    most = pairs_at_most(bounds, code, n_names)
    room = Room.of(n_groups * n_names * n_names, most)
    # Room for all that can be emitted; pages that are never touched take no memory.
    place, elapsed = np.empty(most, np.int32), np.empty(most, np.int64)
    cell, pairs, journeys, directly, customers, holding, emitted = _follow(
        bounds, timestamp, code, group, whose, n_groups, n_names, room.places, room.table, place, elapsed
    )
    used = np.flatnonzero(pairs)
    order = used[np.argsort(cell[used])]
    counted = np.stack([each[order] for each in (pairs, journeys, directly, customers)], axis=1)
    times = histogram.summarise(*by_cell(place[:emitted], cell, journeys, elapsed[:emitted]))
    return Follows(sums.Sums(cell[order], counted), times, holding)


def merge(parts: list[Follows]) -> Follows:
    """Add up summaries of blocks, in their order."""
    return Follows(
        sums.merge([part.counted for part in parts]),
        histogram.merge([part.times for part in parts]),
        np.sum([part.holding for part in parts], axis=0),
    )


@kernel
def _follow(
    bounds: Ints,
    timestamp: Ints,
    code: Codes,
    group: Codes,
    whose: Ints,
    n_groups: int,
    n_names: int,
    places: int,
    room: int,
    place: Codes,
    elapsed: Ints,
) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints, int]:
    cell = np.arange(places)
    pairs, journeys = np.zeros(places, np.int64), np.zeros(places, np.int64)
    directly, customers = np.zeros(places, np.int64), np.zeros(places, np.int64)
    last_journey, last_direct = np.zeros(places, np.int64), np.zeros(places, np.int64)
    table = np.full(room, -1, np.int32)
    found = 0
    holding = np.zeros((n_groups, n_names), np.int64)
    emitted = 0
    number, first = np.zeros(n_names, np.int64), np.zeros(n_names, np.int64)
    met = np.empty(n_names, np.int64)
    for journey in range(len(bounds) - 1):
        base = np.int64(group[journey]) * n_names
        different = 0
        before = np.int64(-1)
        for step in range(bounds[journey], bounds[journey + 1]):
            to, now = np.int64(code[step]), timestamp[step]
            for i in range(different):
                start = met[i]
                here, found = place_of((base + start) * n_names + to, table, cell, found)
                pairs[here] += number[start]
                if last_journey[here] != journey + 1:
                    customers[here] += last_journey[here] <= whose[journey]
                    last_journey[here] = journey + 1
                    journeys[here] += 1
                    place[emitted] = here
                    elapsed[emitted] = max(now - first[start], 0)
                    emitted += 1
                if start == before and last_direct[here] != journey + 1:
                    last_direct[here] = journey + 1
                    directly[here] += 1
            if number[to] == 0:
                met[different] = to
                different += 1
                first[to] = now
                holding[group[journey], to] += 1
            number[to] += 1
            before = to
        for i in range(different):
            number[met[i]] = 0
    return cell, pairs, journeys, directly, customers, holding, emitted
