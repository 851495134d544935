"""A part's events with their place on the map, as promises and contacts are counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cjmining.conformance.tables import SECOND_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance.reading import Part
    from cjmining.kernels.expectations import Located, Passages
    from cjmining.kernels.histogram import Histogram
    from cjmining.kernels.stages import Judged
    from cjmining.kernels.sums import Sums

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Walk:
    """A part's events with their place on the map."""

    part: Part
    judged: Judged

    @cached_property
    def located(self) -> Located:
        """Where each event lies on the map."""
        from cjmining.kernels.expectations import locate

        return locate(self.part.bounds, self.part.columns, self.judged, self.part.plan.rules)

    @cached_property
    def journey(self) -> Ints:
        """The journey of each event."""
        return np.repeat(np.arange(len(self.part.customer)), np.diff(self.part.bounds))

    @cached_property
    def stage(self) -> NDArray[np.int32]:
        """The stage in which each event lies; -1 off the map."""
        stage = np.append(self.part.plan.rules.stages, -1)[self.located.cell]
        return np.where(self.located.cell >= 0, stage, -1).astype(np.int32)

    @cached_property
    def slack(self) -> Ints:
        """How much later than stated each event may have been, microseconds."""
        return (np.nan_to_num(self.part.columns.precision) * SECOND_US).astype(np.int64)

    @cached_property
    def codes(self) -> dict[str, int]:
        """The log's codes of the touchpoints that are on the map."""
        plan = self.part.plan
        return {plan.labels[code]: int(code) for code in np.unique(plan.cells.touchpoint)}

    @cached_property
    def rated(self) -> Ints:
        """The event that each answer of a rating touchpoint is about; -1 for other events."""
        rated = np.full(len(self.journey), -1)
        for touchpoint in {
            t for stage in self.part.plan.intended.stages for t in stage.touchpoints if t.rates
        }:
            answers = self.events_of(touchpoint.touchpoint)
            contacts = np.sort(np.concatenate([self.events_of(name) for name in touchpoint.rates]))
            before = np.searchsorted(contacts, answers) - 1
            about = contacts[before] if len(contacts) else np.full(len(answers), -1)
            same = (before >= 0) & (self.journey[about] == self.journey[answers])
            rated[answers[same]] = about[same]
        return rated

    def passages_of(self, stage: int) -> tuple[Ints, Ints, Ints]:
        """Return the journeys that entered a stage, the events that did, and those that led on (or -1)."""
        found = self._passages
        here = np.flatnonzero(found.stage == stage)
        return found.journey[here], found.entered[here], found.left[here]

    @cached_property
    def _passages(self) -> Passages:
        from cjmining.kernels.expectations import passages

        plan, located = self.part.plan, self.located
        stage = np.where(located.moves, np.append(plan.rules.stages, -1)[located.cell], -1).astype(np.int32)
        return passages(self.part.bounds, stage, len(plan.intended.stages))

    def events_of(self, touchpoint: str) -> Ints:
        """Return the events of a touchpoint that are on the map, wherever."""
        code = self.codes.get(touchpoint, -1)
        return np.flatnonzero((self.part.columns.touchpoint == code) & (self.located.cell >= 0))

    def events_in(self, stage: int, touchpoint: str) -> Ints:
        """Return the events of a touchpoint in one stage."""
        rules, code = self.part.plan.rules, self.codes.get(touchpoint, -1)
        if code < 0:
            return np.zeros(0, np.int64)
        cells = np.arange(rules.stage_offsets[code], rules.stage_offsets[code + 1])
        own = cells[rules.stages[cells] == stage]
        return np.flatnonzero(self.located.cell == own[0]) if len(own) else own.astype(np.int64)


def in_all(group: NDArray[np.int32], n_groups: int) -> tuple[Ints, Ints]:
    """Return rows and their groups, each once more for the group of all journeys where there are several."""
    rows, own = np.arange(len(group)), group.astype(np.int64)
    if n_groups == 1:
        return rows, own
    return np.tile(rows, 2), np.concatenate([own, np.full(len(own), n_groups)])


def totals_of(sums: Sums, key: int) -> list[Any]:
    """Return the totals of a key; zeros where it has none."""
    at = int(np.searchsorted(sums.key, key))
    found = at < len(sums.key) and sums.key[at] == key
    totals: list[Any] = (
        sums.totals[at] if found else np.zeros_like(sums.totals, shape=sums.totals.shape[1])
    ).tolist()
    return totals


def quantiles_of(histogram: Histogram, key: int) -> tuple[float, float]:
    """Return median and 90 % point of a key; NaN where it has none."""
    from cjmining.kernels.histogram import BINS, quantiles

    first, last = np.searchsorted(histogram.key, [key * BINS, (key + 1) * BINS])
    if first == last:
        return math.nan, math.nan
    median, p90 = quantiles(histogram, np.array([key]), (0.5, 0.9))[0].tolist()
    return median, p90
