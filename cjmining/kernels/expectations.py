"""Which events belong to a journey's way over the map, and when it passed through the stages."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel
from cjmining.kernels.outcomes import (
    CONVERTED,
    CUSTOMER,
    OPEN,
    WalkRules,
    actor_of,
    after_goal_cell,
    is_ignored,
)
from cjmining.kernels.stages import walk_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.stages import Columns, Judged

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]


class Located(NamedTuple):
    """Where each event lies on the map.

    Attributes
    ----------
    cell : int32[N]
        Its touchpoint of a stage (position in `rules.stages`); -1 off the map, or after the journey's end.
    moves : bool[N]
        Whether the journey is in that stage from then on: the customer did it, or it leads to a later stage.
    by_customer : bool[N]
        Whether the customer did it, as the map or else its source says.
    last_act : int64[J]
        Time of the last event of the customer that isn't ignored, up to the journey's end; else of the first.
    """

    cell: Codes
    moves: NDArray[np.bool_]
    by_customer: NDArray[np.bool_]
    last_act: Ints


@kernel
def locate(bounds: Ints, columns: Columns, judged: Judged, rules: WalkRules) -> Located:
    """Find each event's touchpoint of a stage, up to the journey's end.

    The end is the decision (goal, exit or silence), not the place: what a company does for a customer who has
    fallen silent still belongs to the journey, until patience ends. After the goal it is what the map plans
    in later stages.

    Parameters
    ----------
    bounds : int64[J + 1]
        Bounds of the journeys over the events.
    columns : Columns
        The events.
    judged : Judged
        How each journey ended.
    rules : WalkRules
        What the map says.
    """
    timestamp, touchpoint, actor, failed = (
        columns.timestamp,
        columns.touchpoint,
        columns.actor,
        columns.failed,
    )
    role, ignored, stated, actor_codes = rules.role, rules.ignored, rules.actor, rules.actor_codes
    offsets, stages, leads_to = rules.stage_offsets, rules.stages, rules.leads_to
    n = len(bounds) - 1
    cells = np.full(len(timestamp), -1, np.int32)
    moves = np.zeros(len(timestamp), np.bool_)
    by_customer = np.zeros(len(timestamp), np.bool_)
    last_act = np.empty(n, np.int64)
    for j in range(n):
        first, last = bounds[j], bounds[j + 1]
        outcome, decided_at, decided_event = judged.outcome[j], judged.decided_at[j], judged.decided_event[j]
        place_event, place_stage = judged.place_event[j], judged.place_stage[j]
        last_act[j] = timestamp[first]
        stage = np.int32(-1)
        for i in range(first, last):
            code = touchpoint[i]
            after_place = i > place_event
            if after_place and outcome != CONVERTED and outcome != OPEN:
                over = i >= decided_event if decided_event >= 0 else timestamp[i] >= decided_at
                if over:
                    break
            acts = actor_of(code, actor[i], stated, actor_codes) == CUSTOMER
            by_customer[i] = acts
            if acts and not is_ignored(code, ignored):
                last_act[j] = timestamp[i]
            if after_place and outcome == CONVERTED:
                cell = after_goal_cell(code, failed[i], place_stage, role, ignored, offsets, stages, leads_to)
                moves[i] = cell >= 0
            else:
                cell = walk_cell(code, failed[i], stage, role, ignored, offsets, stages)
                moves[i] = (
                    cell >= 0 and not after_place and (i == place_event or stages[cell] > stage or acts)
                )
            cells[i] = cell
            if moves[i]:
                stage = stages[cell]
    return Located(cells, moves, by_customer, last_act)


class Passages(NamedTuple):
    """Each journey's first way through each stage that it entered.

    Attributes
    ----------
    journey, stage : int64[E], int32[E]
        Which journey entered which stage.
    entered : int64[E]
        The event that entered it.
    left : int64[E]
        The event that first reached a later stage afterwards; -1 for none.
    """

    journey: Ints
    stage: Codes
    entered: Ints
    left: Ints


@kernel
def passages(bounds: Ints, stage: Codes, n_stages: int) -> Passages:
    """Find when journeys entered each stage for the first time, and when they first reached a later one.

    Parameters
    ----------
    bounds : int64[J + 1]
        Bounds of the journeys over the events.
    stage : int32[N]
        The stage that the journey is in from this event on; -1 where the event moves nothing.
    n_stages : int
        How many stages there are.
    """
    n = len(bounds) - 1
    journeys = np.empty(n * n_stages, np.int64)
    found = np.empty(n * n_stages, np.int32)
    entered = np.empty(n * n_stages, np.int64)
    left = np.empty(n * n_stages, np.int64)
    number = np.empty(n_stages, np.int64)
    used = 0
    for j in range(n):
        number[:] = -1
        for i in range(bounds[j], bounds[j + 1]):
            at = stage[i]
            if at < 0:
                continue
            for earlier in range(at):
                if number[earlier] >= 0 and left[number[earlier]] < 0:
                    left[number[earlier]] = i
            if number[at] < 0:
                number[at] = used
                journeys[used], found[used], entered[used], left[used] = j, at, i, -1
                used += 1
    return Passages(journeys[:used].copy(), found[:used].copy(), entered[:used].copy(), left[:used].copy())
