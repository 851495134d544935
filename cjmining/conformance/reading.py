"""One pass over a log against a plan: what each part of it says, and how parts add up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from cjmining.conformance.walk import Walk
from cjmining.engine.kept import keep_blocks, of_parts
from cjmining.engine.local import map_blocks
from cjmining.event_columns import read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray

    from cjmining.conformance.plan import Plan
    from cjmining.engine.kept import Arrays, Kept
    from cjmining.kernels.alignment import Alignments
    from cjmining.kernels.stages import Columns, Judged, StageSums
    from cjmining.log import Block, JourneyLog

_Summary = TypeVar("_Summary")


class Seen(NamedTuple):
    """How the journeys of a part were judged, aligned and counted at the stages.

    `symbol` is the automaton's symbol of each event; numbers of events and journeys are the part's. `walk`
    has the events with their place on the map.
    """

    judged: Judged
    aligned: Alignments
    symbol: NDArray[np.int32]
    sums: StageSums
    walk: Walk


@dataclass(frozen=True)
class Part:
    """Journeys of whole customers who are held against one plan: a block, or those of a variant in it.

    Attributes
    ----------
    plan : Plan
        What they are held against.
    bounds : int64[J + 1]
        Bounds of the journeys over the part's events.
    customer, group : int64[J], int32[J]
        Whose each journey is, and the group that it counts for.
    groups : tuple of str
        Names of the groups.
    columns : Columns
        The part's events.
    journey_numbers, event_numbers : int64[J], int64[N]
        Numbers of the journeys and the events in the log.
    channels, currencies : tuple of str
        Vocabularies of the log.
    until : int64[J]
        Until when each journey is observed, in microseconds since 1970: the customer's next begins, or the
        data end.
    data_end : int
        Microseconds since 1970.
    """

    plan: Plan
    bounds: NDArray[np.int64]
    customer: NDArray[np.int64]
    group: NDArray[np.int32]
    groups: tuple[str, ...]
    columns: Columns
    journey_numbers: NDArray[np.int64]
    event_numbers: NDArray[np.int64]
    channels: tuple[str, ...]
    currencies: tuple[str, ...]
    until: NDArray[np.int64]
    data_end: int


@dataclass(frozen=True)
class Reading:
    """A log's columns and groups, ready to be read by parts.

    `plans` are those of the map's variants, `variant` says which holds for each journey (None where there
    is but one). `entries` has what was listed of a log with a limit of memory, by what a place is, since
    going over it again takes as long as the check did; see `cjmining.dropout.entries`.
    """

    log: JourneyLog
    plans: tuple[Plan, ...]
    variant: NDArray[np.int32] | None
    bounds: NDArray[np.int64]
    customer: NDArray[np.int64]
    group: NDArray[np.int32]
    groups: tuple[str, ...]
    columns: Columns
    channels: tuple[str, ...]
    currencies: tuple[str, ...]
    data_end: int
    blocks: list[Block]
    entries: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be listed again."""
        return {**self.__dict__, "entries": {}}

    @classmethod
    def of(cls, log: JourneyLog, plans: Sequence[Plan], by: str | None) -> Reading:
        """Take the columns out of a log; what it holds without nulls isn't copied."""
        from cjmining.kernels.stages import Columns

        group, groups = log.group(by)
        return cls(
            log=log,
            plans=tuple(plans),
            variant=log.variant_of_journeys(plans[0].intended) if len(plans) > 1 else None,
            bounds=read_only(log.bounds),
            customer=read_only(log.journey_customer),
            group=read_only(group),
            groups=groups,
            columns=Columns(
                timestamp=log.timestamps,
                touchpoint=log.codes("touchpoint"),
                actor=log.codes("actor"),
                failed=log.flags("failed"),
                channel=log.codes("channel"),
                satisfaction=log.numbers("satisfaction"),
                value=log.numbers("value"),
                currency=log.codes("currency"),
                precision=log.numbers("precision"),
                wait_s=log.numbers("wait_s"),
                duration_s=log.numbers("duration_s"),
            ),
            channels=log.vocabulary("channel"),
            currencies=log.vocabulary("currency"),
            data_end=log.data_end_us,
            blocks=log.blocks(),
        )

    def until(self, journeys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Until when journeys are observed: as the customer's next one begins, or the data end.

        Cases that a source names may overlap: such a one runs on beside the next.
        """
        until = np.full(len(journeys), self.data_end)
        following = np.minimum(journeys + 1, len(self.customer) - 1)
        same = np.flatnonzero((following > journeys) & (self.customer[following] == self.customer[journeys]))
        begin = self.bounds[following[same]]
        start, last = (self.columns.timestamp[begin - back] for back in (0, 1))
        apart = start >= last
        until[same[apart]] = start[apart]
        return until

    @cached_property
    def personas(self) -> tuple[NDArray[np.int32], tuple[str, ...]] | None:
        """The personas of the journeys, codes and names; None where the log has none."""
        return self.log.group("persona") if "persona" in self.log.attributes else None

    @property
    def plan(self) -> Plan:
        """The plan of the map itself."""
        return self.plans[0]

    def parts(self, block: Block) -> list[Part]:
        """Return the parts of a block, those with journeys; one where the map has no variants."""
        journeys = np.arange(block.first_journey, block.last_journey)
        if self.variant is None:
            events = slice(block.first_event, block.last_event)
            return [self._part(self.plan, journeys, np.arange(events.start, events.stop), events)]
        variant = self.variant[journeys]
        return [
            self._part(plan, own, events, events)
            for number, plan in enumerate(self.plans)
            if len(own := journeys[variant == number])
            for events in [self._events_of(own)]
        ]

    def map_parts(self, function: Callable[[Part], _Summary]) -> list[_Summary]:
        """Return what a function makes of each part, in the order of the blocks."""
        found = map_blocks(
            lambda block: [function(part) for part in self.parts(block)], self.blocks, engine=self.log.engine
        )
        return [each for of_block in found for each in of_block]

    def keep_parts(
        self, function: Callable[[Part], Arrays], columns: Mapping[str, DTypeLike], *, by: str = "journey"
    ) -> Kept:
        """Keep columns that a function reads out of each part, block by block in the order of one of them."""

        def read(block: Block) -> list[Arrays]:
            parts = [function(part) for part in self.parts(block)]
            return [of_parts(parts, [part[by] for part in parts])]

        (kept,) = keep_blocks(self.log, read, [columns], self.blocks)
        return kept

    def part_of(self, journey: int) -> Part:
        """Return a part that is one journey."""
        events = slice(int(self.bounds[journey]), int(self.bounds[journey + 1]))
        plan = self.plan if self.variant is None else self.plans[self.variant[journey]]
        return self._part(plan, np.array([journey]), np.arange(events.start, events.stop), events)

    def part_of_several(self, plan: Plan, journeys: NDArray[np.int64]) -> Part:
        """Return a part that is some journeys, which a plan holds for; their numbers ascend."""
        events = self._events_of(journeys)
        return self._part(plan, journeys, events, events)

    def persona_of(self, journey: int) -> str:
        """Return the persona of a journey's customer; "" where the log has no personas."""
        if self.personas is None:
            return ""
        codes, names = self.personas
        return names[int(codes[journey])]

    def _events_of(self, journeys: NDArray[np.int64]) -> NDArray[np.int64]:
        sizes = self._sizes(journeys)
        before = np.cumsum(sizes) - sizes
        events: NDArray[np.int64] = np.arange(sizes.sum()) + np.repeat(self.bounds[journeys] - before, sizes)
        return events

    def _sizes(self, journeys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many events these journeys have; nothing is made of all the others."""
        sizes: NDArray[np.int64] = self.bounds[journeys + 1] - self.bounds[journeys]
        return sizes

    def _part(
        self,
        plan: Plan,
        journeys: NDArray[np.int64],
        events: NDArray[np.int64],
        chosen: slice | NDArray[np.int64],
    ) -> Part:
        columns: Any = [read_only(column[chosen]) for column in self.columns]
        sizes = self._sizes(journeys)
        return Part(
            plan=plan,
            bounds=read_only(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)),
            customer=read_only(self.customer[journeys]),
            group=read_only(self.group[journeys]),
            groups=self.groups,
            columns=type(self.columns)(*columns),
            journey_numbers=journeys,
            event_numbers=events,
            channels=self.channels,
            currencies=self.currencies,
            until=self.until(journeys),
            data_end=self.data_end,
        )


def up_to(part: Part, journeys: NDArray[np.int64], last: NDArray[np.int64]) -> Part:
    """Return a part with only some of its journeys, each up to an event: as things stood then.

    Parameters
    ----------
    part : Part
        Which they are taken from.
    journeys : int64[J]
        Numbers of the journeys in the part, ascending.
    last : int64[J]
        The last event of each, its number in the part.
    """
    first = part.bounds[journeys]
    sizes = last + 1 - first
    bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    events = np.arange(bounds[-1]) + np.repeat(first - bounds[:-1], sizes)
    columns: Any = [read_only(column[events]) for column in part.columns]
    return replace(
        part,
        bounds=read_only(bounds),
        customer=read_only(part.customer[journeys]),
        group=read_only(part.group[journeys]),
        columns=type(part.columns)(*columns),
        journey_numbers=part.journey_numbers[journeys],
        event_numbers=part.event_numbers[events],
        until=part.until[journeys],
    )


def see(part: Part) -> Seen:
    """Judge, align and count the journeys of a part."""
    judged = judge_part(part)
    aligned, symbol = _align(part, judged)
    judged = judged._replace(turn=_turns(part, judged, aligned))
    return Seen(judged, aligned, symbol, stage_sums(part, judged), Walk(part, judged))


def moves_of(part: Part) -> tuple[Alignments, NDArray[np.int64]]:
    """Align the journeys of a part; the second array has the log's number of each move's event, or -1."""
    found = _align(part, judge_part(part))[0]
    events = part.event_numbers[np.maximum(found.event, 0)] if len(part.event_numbers) else found.event
    return found, np.where(found.event >= 0, events, -1)


def judge_part(part: Part) -> Judged:
    """Say how the journeys of a part ended; nobody's turn is known."""
    from cjmining.kernels.outcomes import judge
    from cjmining.kernels.stages import Judged

    columns = part.columns
    found = judge(
        part.bounds,
        columns.timestamp,
        columns.touchpoint,
        columns.actor,
        columns.failed,
        part.plan.rules,
        part.data_end,
    )
    return Judged(*found, turn=np.full(len(part.bounds) - 1, -1, dtype=np.int8))


def _align(part: Part, judged: Judged) -> tuple[Alignments, NDArray[np.int32]]:
    from cjmining.kernels.alignment import align, symbols_of

    plan, columns = part.plan, part.columns
    symbol = symbols_of(columns.touchpoint, columns.failed, plan.code_symbol, plan.rules.ignored, plan.exits)
    last, end = _ends(part, judged, symbol)
    return align(part.bounds[:-1], last, end, symbol, columns.failed, plan.steps), symbol


def _ends(
    part: Part, judged: Judged, symbol: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return up to where each journey is aligned (exclusive), and what its path has to end in."""
    from cjmining.kernels.alignment import CONVERTED_END, NOTHING_TO_ALIGN
    from cjmining.kernels.outcomes import CONVERTED

    place = judged.place_event
    place_symbol = symbol[np.maximum(place, 0)] if len(symbol) else np.full(len(place), -1)
    converted = judged.outcome == CONVERTED
    goes_on = converted & part.plan.goes_on[np.maximum(place_symbol, 0)]
    last = np.where(goes_on, part.bounds[1:], place + 1)
    end = np.where(converted, CONVERTED_END, 1 + place_symbol)
    unplaced = (place < 0) | (place_symbol < 0)
    return last.astype(np.int64), np.where(unplaced, NOTHING_TO_ALIGN, end).astype(np.int32)


def _turns(part: Part, judged: Judged, aligned: Alignments) -> NDArray[np.int8]:
    """Say whose turn it was; nobody's in a converted journey."""
    from cjmining.kernels.outcomes import CONVERTED

    turns = part.plan.turn[aligned.final]
    return np.where(judged.outcome == CONVERTED, -1, turns).astype(np.int8)


def stage_sums(part: Part, judged: Judged) -> StageSums:
    """Count a part's journeys at the stages, as they were judged."""
    from cjmining.kernels.stages import Sizes, count_stages

    plan = part.plan
    sizes = Sizes(
        groups=len(part.groups),
        stages=len(plan.intended.stages),
        cells=len(plan.own_cells),
        channels=len(part.channels),
        currencies=len(part.currencies) + 1,
    )
    sums = count_stages(
        part.bounds,
        part.customer,
        part.group,
        part.columns,
        judged,
        plan.rules,
        plan.within,
        plan.intended.horizon_us,
        part.data_end,
        sizes,
    )
    return _in_common_cells(sums, plan)


_BY_CELL = ("cell_events", "cell_journeys", "cell_failed", "cell_satisfaction", "cell_answered")
_BY_PLACE = ("places", "dropouts")


def _in_common_cells(sums: StageSums, plan: Plan) -> StageSums:
    """Give the sums of a variant the cells of all."""
    n_cells = len(plan.cells.stage)
    if len(plan.own_cells) == n_cells:
        return sums
    wider = {}
    for names, before in ((_BY_CELL, 0), (_BY_PLACE, 1)):
        for name in names:
            own = getattr(sums, name)
            common = np.zeros((own.shape[0], before + n_cells, own.shape[2]), own.dtype)
            common[:, :before] = own[:, :before]
            common[:, before + plan.own_cells] = own[:, before:]
            wider[name] = common
    return sums._replace(**wider)
