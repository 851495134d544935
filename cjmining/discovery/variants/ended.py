"""Journeys by how they ended, as different sequences, and the nearest of one outcome to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from cjmining import asked
from cjmining.discovery.outcomes import code_of, needed
from cjmining.discovery.steps import Steps
from cjmining.discovery.variants.facts import Counted
from cjmining.engine.local import map_blocks
from cjmining.errors import LogError, nearest
from cjmining.log import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.intended import IntendedMap
    from cjmining.kernels.variants import Variants as Sequences
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

CHUNK: Final = 500
"""Different sequences whose nearest ones a task looks for."""


@dataclass(frozen=True, eq=False)
class Ended:
    """The different sequences of a log by group and outcome.

    Attributes
    ----------
    steps : Steps
        The journeys.
    group, groups
        The group of each journey, and the names of groups.
    outcome : int8[journeys]
        How each ended.
    """

    steps: Steps
    group: Codes
    groups: tuple[str, ...]
    outcome: NDArray[np.int8]

    @classmethod
    def of(
        cls,
        log: JourneyLog,
        by: str | Sequence[str] | None,
        level: str,
        ignore: Sequence[str],
        intended: IntendedMap | None,
        verb: str,
    ) -> Ended:
        """Read a log that is tagged with outcomes."""
        steps = Steps.of(log, level=level, ignore=ignore, intended=intended, verb=verb)
        group, groups = log.group(by)
        return cls(steps, group, groups, needed(log))

    def counted(self, log: JourneyLog, outcome: str) -> Counted:
        """Count the sequences of the journeys with an outcome; all others are a group behind the last."""
        others = np.int32(len(self.groups))
        group = np.where(self.outcome == code_of(outcome), self.group, others)
        return Counted.of_groups(log, self.steps, group, (*self.groups, "of other outcomes"))

    def of_group(self, counted: Counted, group: int, outcome: str) -> Sequences:
        """Return the sequences of one group; raise where it has none."""
        from cjmining.kernels.sequences import take

        first, last = counted.span(group)
        if first == last:
            raise none_of(outcome, f" of {self.groups[group]!r}" if len(self.groups) > 1 else "")
        return take(counted.sequences, np.arange(first, last))

    def sequence_of(self, journey: int) -> Sequences:
        """Return one journey as the only sequence."""
        from cjmining.kernels.variants import Variants

        first, last = int(self.steps.bounds[journey]), int(self.steps.bounds[journey + 1])
        part = self.steps.of_block(Block(journey, journey + 1, first, last))
        return Variants(part.bounds, part.code, self.group[journey : journey + 1], np.ones(1, np.int64))


def none_of(outcome: str, where: str = "") -> LogError:
    """Return the error that nothing can be compared with."""
    return LogError(f"no journey{where} has the outcome {outcome!r}: there is nothing to compare with")


class Nearest:
    """Finds the nearest sequences of one group."""

    def __init__(self, sequences: Sequences, cost: Ints, *, beginning: bool) -> None:
        from cjmining.kernels import nearest as kernel
        from cjmining.kernels.sequences import ordered, take

        same = np.zeros(len(sequences.group), np.int64)
        order = ordered(sequences.bounds, sequences.codes, same, same)
        self.sequences = take(sequences, order)
        self.cost, self.beginning = cost, beginning
        lengths, places = np.diff(self.sequences.bounds), np.arange(len(order))
        preference = np.empty(len(order), np.int64)
        preference[np.lexsort((places, lengths, -self.sequences.journeys))] = places
        self._known = kernel.known(self.sequences.bounds, self.sequences.codes, preference)

    def to(self, others: Sequences, number: int) -> tuple[Ints, Ints]:
        """Return the places of the nearest in `self.sequences`, and distances in thousandths of an edit."""
        from cjmining.kernels import nearest as kernel
        from cjmining.kernels.sequences import take

        def some(first: int) -> tuple[Ints, Ints]:
            part = take(others, np.arange(first, min(first + CHUNK, len(others.group))))
            return kernel.nearest(
                self._known, part.bounds, part.codes, self.cost, number=number, beginning=self.beginning
            )

        found = map_blocks(some, range(0, len(others.group), CHUNK))
        if not found:
            nothing = np.zeros((0, number), np.int64)
            return nothing, nothing
        places, distance = zip(*found, strict=True)
        return np.concatenate(places), np.concatenate(distance)


def expect_weights(weights: object) -> None:
    """Raise where weights are no mapping of steps to numbers."""
    if weights is None:
        return
    if not isinstance(weights, Mapping):
        raise LogError(f"weights is a mapping of steps to numbers, such as {{'mail': 0.2}}, not {weights!r}")
    for name, weight in weights.items():
        if not isinstance(name, str):
            raise LogError(f"weights names steps by their texts, not by {name!r}")
        asked.number(f"the weight of {name!r}", weight, least=0, most=1_000)


def costs_of(names: Sequence[str], weights: Mapping[str, float] | None) -> Ints:
    """Return what each step costs in thousandths of an edit; raise where one doesn't occur or none counts."""
    from cjmining.kernels.nearest import UNIT

    cost = np.full(len(names), UNIT, np.int64)
    for name, weight in (weights or {}).items():
        if name not in names:
            raise LogError(f"weights names {name!r}, which no journey has{nearest(name, names)}")
        cost[names.index(name)] = round(float(weight) * UNIT)
    if weights and not cost.any():
        raise LogError("weights lets no step count: every journey would be as near as every other")
    return cost
