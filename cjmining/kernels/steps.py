"""Journeys as sequences of steps: the stage of each event, and several events as one stay."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cjmining.kernels._jit import kernel
from cjmining.kernels.outcomes import CUSTOMER, actor_of, cell_of, is_ignored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.outcomes import WalkRules


@kernel
def stages_of_events(
    bounds: NDArray[np.int64],
    touchpoint: NDArray[np.int32],
    actor: NDArray[np.int32],
    rules: WalkRules,
) -> NDArray[np.int32]:
    """Say for each event at which stage it has the journey, -1 where it says nothing of the place.

    A journey is at a stage by an event of the customer there, or by anybody's that moves it to a later one.
    Where several stages name a touchpoint, the earliest that isn't before the current stage counts, else the
    latest.

    Parameters
    ----------
    bounds : int64[J + 1]
        Bounds of the journeys over the events.
    touchpoint, actor : int32[N]
        Codes of each event, -1 unknown.
    rules : WalkRules
        What the map says.
    """
    stated, actor_codes = rules.actor, rules.actor_codes
    offsets, stages = rules.stage_offsets, rules.stages
    found = np.full(len(touchpoint), -1, np.int32)
    for journey in range(len(bounds) - 1):
        stage = np.int32(-1)
        for event in range(bounds[journey], bounds[journey + 1]):
            code = touchpoint[event]
            if is_ignored(code, rules.ignored):
                continue
            cell = cell_of(code, stage, offsets, stages)
            if cell < 0:
                continue
            by_customer = actor_of(code, actor[event], stated, actor_codes) == CUSTOMER
            if by_customer or stages[cell] > stage:
                stage = stages[cell]
                found[event] = stage
    return found


@kernel
def begins_stay(bounds: NDArray[np.int64], code: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Say for each step whether it is another than the one before it in its journey."""
    begins = np.ones(len(code), np.bool_)
    for journey in range(len(bounds) - 1):
        for step in range(bounds[journey] + 1, bounds[journey + 1]):
            begins[step] = code[step] != code[step - 1]
    return begins
