"""What occurs again in a journey: steps, transitions, and how long it takes until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels import histogram
from cjmining.kernels._jit import kernel
from cjmining.kernels.cells import Room, place_of
from cjmining.kernels.customers import each_its_own

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]


class Rework(NamedTuple):
    """What occurs again, by group and code: all of shape groups x names, but `times`.

    journeys with it, customers with it, repeated (journeys with it more than once), repeated_customers,
    events, most (in one journey), directly (again right after itself), steps and span (sums: steps from one
    to the next; microseconds from the first to the last of a journey). `times` are microseconds from one to
    the next, by the cell group x names + code.
    """

    journeys: Ints
    customers: Ints
    repeated: Ints
    repeated_customers: Ints
    events: Ints
    most: Ints
    directly: Ints
    steps: Ints
    span: Ints
    times: histogram.Histogram


def count(
    bounds: Ints,
    timestamp: Ints,
    code: Codes,
    group: Codes,
    n_groups: int,
    n_names: int,
    first: Ints | None = None,
) -> Rework:
    """Count what occurs again; parameters are those of `kernels.follows.count`."""
    whose = each_its_own(len(group)) if first is None else first
    found = _rework(bounds, timestamp, code, group, whose, n_groups, n_names)
    return Rework(*found[:9], histogram.summarise_by(*found[9:]))


def merge(parts: list[Rework]) -> Rework:
    """Add up summaries of blocks, in their order."""
    totals = {
        name: np.sum([getattr(part, name) for part in parts], axis=0)
        for name in set(Rework._fields) - {"most", "times"}
    }
    most = np.max([part.most for part in parts], axis=0)
    return Rework(most=most, times=histogram.merge([part.times for part in parts]), **totals)


def first_and_again(
    bounds: Ints, timestamp: Ints, code: Codes, group: Codes, n_groups: int, n_names: int
) -> histogram.Histogram:
    """Put the time of every transition into a histogram, a journey's first of its kind apart from the others.

    The cell is 2 x ((group x names + from) x names + to), and 1 more where the journey had that transition
    before.
    """
    cells = n_groups * n_names * n_names
    room = Room.of(cells, len(code))
    return histogram.summarise_by(
        *_transitions(bounds, timestamp, code, group, n_names, room.places, room.table)
    )


@kernel
def _rework(
    bounds: Ints, timestamp: Ints, code: Codes, group: Codes, whose: Ints, n_groups: int, n_names: int
) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints, Ints, Ints, Ints, Ints]:
    shape = (n_groups, n_names)
    customers, repeated_customers = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    last_with, last_again = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
    journeys, repeated, events = (
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
    )
    most, directly = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    steps, span = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    cell, elapsed, emitted = np.empty(len(code), np.int64), np.empty(len(code), np.int64), 0
    number, last = np.zeros(n_names, np.int64), np.zeros(n_names, np.int64)
    for journey in range(len(bounds) - 1):
        here = np.int64(group[journey])
        for step in range(bounds[journey], bounds[journey + 1]):
            what = np.int64(code[step])
            events[here, what] += 1
            number[what] += 1
            if number[what] == 1:
                journeys[here, what] += 1
                customers[here, what] += last_with[here, what] < whose[journey]
                last_with[here, what] = journey
            else:
                if number[what] == 2:
                    repeated[here, what] += 1
                    repeated_customers[here, what] += last_again[here, what] < whose[journey]
                    last_again[here, what] = journey
                gap = max(timestamp[step] - timestamp[last[what]], 0)
                directly[here, what] += step - last[what] == 1
                steps[here, what] += step - last[what]
                span[here, what] += gap
                cell[emitted] = here * n_names + what
                elapsed[emitted] = gap
                emitted += 1
            most[here, what] = max(most[here, what], number[what])
            last[what] = step
        for step in range(bounds[journey], bounds[journey + 1]):
            number[code[step]] = 0
    return (
        journeys,
        customers,
        repeated,
        repeated_customers,
        events,
        most,
        directly,
        steps,
        span,
        cell[:emitted].copy(),
        elapsed[:emitted].copy(),
    )


@kernel
def _transitions(
    bounds: Ints, timestamp: Ints, code: Codes, group: Codes, n_names: int, places: int, room: int
) -> tuple[Ints, Ints]:
    cell = np.arange(places)
    last_journey = np.zeros(places, np.int64)
    table = np.full(room, -1, np.int32)
    found = 0
    key, elapsed, emitted = np.empty(len(code), np.int64), np.empty(len(code), np.int64), 0
    for journey in range(len(bounds) - 1):
        base = np.int64(group[journey]) * n_names
        for step in range(bounds[journey] + 1, bounds[journey + 1]):
            this = (base + code[step - 1]) * n_names + code[step]
            here, found = place_of(this, table, cell, found)
            key[emitted] = 2 * this + (last_journey[here] == journey + 1)
            elapsed[emitted] = max(timestamp[step] - timestamp[step - 1], 0)
            last_journey[here] = journey + 1
            emitted += 1
    return key[:emitted].copy(), elapsed[:emitted].copy()
