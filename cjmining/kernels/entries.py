"""When journeys entered the places of a map, and when they went on: one row a journey and place."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel
from cjmining.kernels.outcomes import CONVERTED, WalkRules
from cjmining.kernels.stages import Columns, Judged, moves_journey, starts_on_map, walk_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOREVER = np.int64(1 << 61)


class EntryArrays(NamedTuple):
    """One row a journey and place entered, by journey, then by time.

    Attributes
    ----------
    journey : int64[E]
        Number among the journeys given.
    place : int32[E]
        0 before the map, else 1 + stage or 1 + cell.
    event : int64[E]
        The event that entered it.
    entered_at, gone_on_at : int64[E]
        Microseconds since 1970; `FOREVER` where the journey never went on.
    here : bool[E]
        Whether the journey ended at this place.
    """

    journey: NDArray[np.int64]
    place: NDArray[np.int32]
    event: NDArray[np.int64]
    entered_at: NDArray[np.int64]
    gone_on_at: NDArray[np.int64]
    here: NDArray[np.bool_]


@kernel
def enter(
    bounds: NDArray[np.int64],
    columns: Columns,
    judged: Judged,
    rules: WalkRules,
    n_stages: int,
    by_cell: bool,
) -> EntryArrays:
    """List the places that journeys entered up to their decision.

    A stage is entered as `count_stages` says, each by a journey once; the journey went on from it when it
    first entered a later one. A cell (a touchpoint of a stage) is entered by the same events, but for the one
    that converts; the journey went on from it when it first entered another one.

    Parameters
    ----------
    bounds : int64[J + 1]
        Bounds of the journeys over the events.
    columns, judged, rules
        As for `count_stages`.
    n_stages : int
        How many stages the map has.
    by_cell : bool
        Whether places are cells instead of stages.

    Returns
    -------
    EntryArrays
    """
    timestamp, touchpoint, actor, failed = (
        columns.timestamp,
        columns.touchpoint,
        columns.actor,
        columns.failed,
    )
    role, ignored, stated, actor_codes = rules.role, rules.ignored, rules.actor, rules.actor_codes
    offsets, stages = rules.stage_offsets, rules.stages
    n_rows = 1 + (len(stages) if by_cell else n_stages)
    n = len(bounds) - 1
    room = len(timestamp) + n
    journey, place = np.empty(room, np.int64), np.empty(room, np.int32)
    event, entered_at = np.empty(room, np.int64), np.empty(room, np.int64)
    gone_on_at, here = np.empty(room, np.int64), np.zeros(room, np.bool_)
    slot = np.full(n_rows, -1, np.int64)
    n_found = 0
    for j in range(n):
        first, last = bounds[j], bounds[j + 1]
        place_event, converted = judged.place_event[j], judged.outcome[j] == CONVERTED
        begun = n_found
        stage, row = np.int32(-1), 0
        if place_event < 0 or not starts_on_map(
            first, last, touchpoint, failed, role, ignored, offsets, stages
        ):
            slot[0] = n_found
            journey[n_found], place[n_found], event[n_found] = j, 0, first
            entered_at[n_found], gone_on_at[n_found] = timestamp[first], FOREVER
            n_found += 1
        for i in range(first, place_event + 1):
            cell = walk_cell(touchpoint[i], failed[i], stage, role, ignored, offsets, stages)
            if not moves_journey(i, cell, stage, place_event, touchpoint, actor, stated, actor_codes, stages):
                continue
            stage = stages[cell]
            converts = i == place_event and converted
            to = 1 + (cell if by_cell else stage)
            for at in range(begun, n_found):
                onward = place[at] != to or converts if by_cell else place[at] < to
                if onward and gone_on_at[at] == FOREVER:
                    gone_on_at[at] = timestamp[i]
            row = to
            if slot[to] < 0 and not (by_cell and converts):
                slot[to] = n_found
                journey[n_found], place[n_found], event[n_found] = j, to, i
                entered_at[n_found], gone_on_at[n_found] = timestamp[i], FOREVER
                n_found += 1
        if slot[row] >= 0 and not (by_cell and converted):
            here[slot[row]] = True
        for at in range(begun, n_found):
            slot[place[at]] = -1
    return EntryArrays(
        journey[:n_found].copy(),
        place[:n_found].copy(),
        event[:n_found].copy(),
        entered_at[:n_found].copy(),
        gone_on_at[:n_found].copy(),
        here[:n_found].copy(),
    )
