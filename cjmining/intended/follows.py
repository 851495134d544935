"""What may directly follow what by a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.intended.behaviour import Behaviour

if TYPE_CHECKING:
    from cjmining.intended.model import IntendedMap

Pair = tuple[str, str]


def planned_pairs(intended: IntendedMap) -> set[Pair]:
    """Return which touchpoint may directly follow which by any variant of a map.

    What no system records is passed over: its neighbours then follow each other.
    """
    pairs: set[Pair] = set()
    for variant in intended.variants:
        touchpoints = [touchpoint for stage in variant.stages for touchpoint in stage.touchpoints]
        unseen = {each.touchpoint for each in touchpoints if not each.recorded}
        silent = unseen - {each.touchpoint for each in touchpoints if each.recorded}
        pairs |= pairs_of(Behaviour.of_automaton(variant.automaton, silent))
    return pairs


def pairs_of(behaviour: Behaviour) -> set[Pair]:
    """Return which may directly follow which by a behaviour."""
    return {
        (name, following)
        for step in behaviour.steps
        for name, to in step.items()
        for following in behaviour.steps[to]
    }
