"""What the map says about each touchpoint of a log, as arrays for the outcome kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cjmining.errors import LogError, MapError, nearest
from cjmining.intended.automaton import entry_stages, leads_to
from cjmining.schema import ACTORS

if TYPE_CHECKING:
    from cjmining.intended.model import IntendedMap
    from cjmining.kernels.outcomes import WalkRules

GOAL, EXIT_BY_CUSTOMER, EXIT_BY_COMPANY = 1, 2, 3


def walk_rules(intended: IntendedMap, vocabulary: Sequence[str], actors: Sequence[str]) -> WalkRules:
    """Return the rules by which a journey's events are judged, indexed by the log's touchpoint codes."""
    from cjmining.kernels.outcomes import WalkRules

    _check_settled(intended)
    stages_of = _stages_of(intended)
    lists = [stages_of.get(name, []) for name in vocabulary]
    entries = set(entry_stages(intended.stages))
    return WalkRules(
        role=np.array([_role(intended, name) for name in vocabulary], dtype=np.int8),
        ignored=np.array([name in intended.ignore for name in vocabulary], dtype=np.bool_),
        actor=_stated_actors(intended, vocabulary),
        stage_offsets=np.concatenate([[0], np.cumsum([len(stages) for stages in lists])]).astype(np.int32),
        stages=np.array([stage for stages in lists for stage in stages], dtype=np.int32),
        entry=np.array([not entries.isdisjoint(stages) for stages in lists], dtype=np.bool_),
        patience_us=np.array([stage.patience_us for stage in intended.stages], dtype=np.int64),
        before_us=intended.patience_us,
        after_goal="goal" in intended.new_journey_after,
        after_exit="exit" in intended.new_journey_after,
        after_silence="silence" in intended.new_journey_after,
        actor_codes=actor_codes(actors),
        leads_to=leads_to(intended.stages),
    )


def _check_settled(intended: IntendedMap) -> None:
    """Raise where a patience is still to be estimated: until then nobody knows who has left."""
    if intended.unsettled:
        raise MapError(
            f"the map '{intended.name}' says patience auto for {' and '.join(intended.unsettled)}, which is "
            "not settled yet; call cj.settle_patience(log, intended) and go on with its .intended"
        )


def _stages_of(intended: IntendedMap) -> dict[str, list[int]]:
    """Return for each touchpoint the stages that name it, ascending."""
    stages: dict[str, list[int]] = {}
    for number, stage in enumerate(intended.stages):
        for touchpoint in stage.touchpoints:
            stages.setdefault(touchpoint.touchpoint, []).append(number)
    return stages


def _role(intended: IntendedMap, name: str) -> int:
    if name in intended.goal:
        return GOAL
    by = {exit_.touchpoint: exit_.by for exit_ in intended.exits}.get(name)
    return {None: 0, "customer": EXIT_BY_CUSTOMER, "company": EXIT_BY_COMPANY}[by]


def _stated_actors(intended: IntendedMap, vocabulary: Sequence[str]) -> np.ndarray:
    """Return the actor that the map states for each touchpoint; -1 leaves it to the event."""
    stated = {
        touchpoint.touchpoint: ACTORS.index(touchpoint.actor)
        for stage in intended.stages
        for touchpoint in stage.touchpoints
        if touchpoint.actor is not None
    }
    return np.array([stated.get(name, -1) for name in vocabulary], dtype=np.int8)


def actor_codes(actors: Sequence[str]) -> np.ndarray:
    """Return the words of a log for who acted as numbered in `schema.ACTORS`.

    Raises
    ------
    LogError
        If one is none of them.
    """
    for actor in actors:
        if actor not in ACTORS:
            hint = nearest(actor, ACTORS)
            raise LogError(f"the log has an actor '{actor}'; expected customer, company or system{hint}")
    return np.array([ACTORS.index(actor) for actor in actors], dtype=np.int8)
