"""One pass over a log against a plan: what each block says, and how blocks add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from cjmining.engine.local import map_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance.plan import Plan
    from cjmining.kernels.alignment import Alignments
    from cjmining.kernels.stages import Columns, Judged, StageSums
    from cjmining.log import Block, JourneyLog

_Array = TypeVar("_Array", bound="np.ndarray")


class JourneyArrays(NamedTuple):
    """What is known of each journey, in the log's order; the place as a touchpoint code, -1 for none."""

    judged: Judged
    place_touchpoint: NDArray[np.int32]
    cost: NDArray[np.int64]
    fitness: NDArray[np.float64]


class DeviationCounts(NamedTuple):
    """Journeys by group x type x (1 + stage) x label, as one number, ascending."""

    key: NDArray[np.int64]
    journeys: NDArray[np.int64]


class Findings(NamedTuple):
    """What one pass finds."""

    sums: StageSums
    deviations: DeviationCounts
    journeys: JourneyArrays


@dataclass(frozen=True)
class Scan:
    """A log's columns and groups, ready to be read by blocks."""

    plan: Plan
    bounds: NDArray[np.int64]
    customer: NDArray[np.int64]
    group: NDArray[np.int32]
    groups: tuple[str, ...]
    columns: Columns
    channels: tuple[str, ...]
    currencies: tuple[str, ...]
    data_end: int
    blocks: list[Block]

    @classmethod
    def of(cls, log: JourneyLog, plan: Plan, by: str | None) -> Scan:
        """Take the columns out of a log; what it holds without nulls isn't copied."""
        from cjmining.kernels.stages import Columns

        group, groups = log.group(by)
        return cls(
            plan=plan,
            bounds=_read_only(log.bounds),
            customer=_read_only(log.journey_customer),
            group=_read_only(group),
            groups=groups,
            columns=Columns(
                timestamp=_read_only(log.timestamps),
                touchpoint=_read_only(log.codes("touchpoint")),
                actor=_read_only(log.codes("actor")),
                failed=_read_only(log.flags("failed")),
                channel=_read_only(log.codes("channel")),
                satisfaction=_read_only(log.numbers("satisfaction")),
                value=_read_only(log.numbers("value")),
                currency=_read_only(log.codes("currency")),
                precision=_read_only(log.numbers("precision")),
            ),
            channels=log.vocabulary("channel"),
            currencies=log.vocabulary("currency"),
            data_end=log.data_end_us,
            blocks=log.blocks(),
        )

    def part(self, block: Block) -> Scan:
        """Return the columns of one block, its journeys' bounds counted from its first event."""
        from dataclasses import replace

        events = slice(block.first_event, block.last_event)
        journeys = slice(block.first_journey, block.last_journey)
        columns: Any = [column[events] for column in self.columns]
        bounds = self.bounds[block.first_journey : block.last_journey + 1] - block.first_event
        return replace(
            self,
            bounds=_read_only(bounds),
            customer=self.customer[journeys],
            group=self.group[journeys],
            columns=type(self.columns)(*columns),
            blocks=[block],
        )


def _read_only(array: _Array) -> _Array:
    """Return a view that can't be written, so that kernels are compiled for one kind of array only."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view  # type: ignore[return-value]


def find(scan: Scan) -> Findings:
    """Judge, align and count all journeys."""
    return _merge(map_blocks(lambda block: _find_in(scan.part(block), block), scan.blocks))


def count(scan: Scan) -> StageSums:
    """Judge and count all journeys without aligning them; nobody's turn is known."""
    from cjmining.kernels.stages import StageSums

    def count_block(block: Block) -> StageSums:
        part = scan.part(block)
        return _stage_sums(part, _judge(part))

    parts = map_blocks(count_block, scan.blocks)
    return StageSums(*(_join(name, parts) for name in StageSums._fields))


def moves_of(scan: Scan, block: Block) -> tuple[Alignments, NDArray[np.int64]]:
    """Align the journeys of a block; the second array has the log's number of each move's event, or -1."""
    part = scan.part(block)
    found = _align(part, _judge(part))[0]
    return found, np.where(found.event >= 0, found.event + block.first_event, -1)


def _find_in(part: Scan, block: Block) -> Findings:
    judged = _judge(part)
    aligned, symbol = _align(part, judged)
    judged = judged._replace(turn=_turns(part, judged, aligned))
    sums = _stage_sums(part, judged)
    with np.errstate(invalid="ignore", divide="ignore"):
        fitness = 1.0 - aligned.cost / aligned.worst
    place = judged.place_event
    touchpoint = np.where(place >= 0, part.columns.touchpoint[np.maximum(place, 0)], -1)
    deviations = _count_deviations(part, aligned, symbol, sums)
    return Findings(
        sums._replace(
            late_journey=sums.late_journey + block.first_journey,
            late_event=sums.late_event + block.first_event,
        ),
        deviations,
        JourneyArrays(judged, touchpoint.astype(np.int32), aligned.cost, fitness),
    )


def _judge(part: Scan) -> Judged:
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


def _align(part: Scan, judged: Judged) -> tuple[Alignments, NDArray[np.int32]]:
    from cjmining.kernels.alignment import align, symbols_of

    plan, columns = part.plan, part.columns
    symbol = symbols_of(columns.touchpoint, columns.failed, plan.code_symbol, plan.rules.ignored, plan.exits)
    last, end = _ends(part, judged, symbol)
    return align(part.bounds[:-1], last, end, symbol, columns.failed, plan.steps), symbol


def _ends(
    part: Scan, judged: Judged, symbol: NDArray[np.int32]
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


def _turns(part: Scan, judged: Judged, aligned: Alignments) -> NDArray[np.int8]:
    """Say whose turn it was; nobody's in a converted journey."""
    from cjmining.kernels.outcomes import CONVERTED

    turns = part.plan.turn[aligned.final]
    return np.where(judged.outcome == CONVERTED, -1, turns).astype(np.int8)


def _stage_sums(part: Scan, judged: Judged) -> StageSums:
    from cjmining.kernels.stages import Sizes, count_stages

    plan = part.plan
    sizes = Sizes(
        groups=len(part.groups),
        stages=len(plan.intended.stages),
        cells=len(plan.cell_stage),
        channels=len(part.channels),
        currencies=len(part.currencies) + 1,
    )
    return count_stages(
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


def _count_deviations(
    part: Scan, aligned: Alignments, symbol: NDArray[np.int32], sums: StageSums
) -> DeviationCounts:
    """Count journeys by group, type, stage and label, each journey once."""
    from cjmining.kernels.deviations import LATE, classify, first_of_journey

    columns = part.columns
    begin = columns.timestamp[part.bounds[:-1]] if len(part.bounds) > 1 else columns.timestamp
    move, type_, stage, event, edge = classify(
        begin,
        aligned,
        symbol,
        columns.timestamp,
        columns.precision,
        columns.failed,
        columns.channel,
        part.plan.facts,
    )
    journey = np.searchsorted(aligned.offsets, move, side="right") - 1
    label = np.where(event >= 0, columns.touchpoint[np.maximum(event, 0)], missing_labels(part.plan)[edge])
    late_label = columns.touchpoint[sums.late_event]
    journey = np.concatenate([journey, sums.late_journey])
    type_ = np.concatenate([type_, np.full(len(sums.late_journey), LATE, dtype=np.int8)])
    stage = np.concatenate([stage, sums.late_stage])
    label = np.concatenate([label, late_label])
    key = deviation_key(part, np.zeros(1, np.int32), type_, stage, label)
    per_group = _keys_a_group(part)
    first = first_of_journey(journey, key, per_group)
    return _counted(key[first] + part.group[journey[first]] * per_group)


def _keys_a_group(scan: Scan) -> int:
    from cjmining.kernels.deviations import TYPES

    return len(TYPES) * (1 + len(scan.plan.intended.stages)) * len(scan.plan.labels)


def _counted(key: NDArray[np.int64], journeys: NDArray[np.int64] | None = None) -> DeviationCounts:
    """Add up the journeys of equal keys; one each where none are given."""
    order = np.argsort(key, kind="stable") if journeys is not None else None
    ascending = np.sort(key) if order is None else key[order]
    starts = np.flatnonzero(np.diff(ascending, prepend=-1))
    if order is None or journeys is None:
        return DeviationCounts(ascending[starts], np.diff(np.append(starts, len(key))))
    total = np.add.reduceat(journeys[order], starts) if len(starts) else journeys[:0]
    return DeviationCounts(ascending[starts], total)


def missing_labels(plan: Plan) -> NDArray[np.int32]:
    """Return by edge what is missing where it is a map-only move: the touchpoint, or "one of" a choice."""
    facts = plan.facts
    choice = np.where(facts.edge_group >= 0, plan.choice_label[np.maximum(facts.edge_group, 0)], -1)
    return np.where(choice >= 0, choice, plan.symbol_label[facts.edge_symbol]).astype(np.int32)


def deviation_key(
    scan: Scan,
    group: NDArray[np.int32],
    type_: NDArray[np.int8],
    stage: NDArray[np.int32],
    label: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Write group, type, stage and label as one number; `deviation_parts` takes it apart."""
    from cjmining.kernels.deviations import TYPES

    key = group.astype(np.int64) * len(TYPES) + type_
    key = key * (1 + len(scan.plan.intended.stages)) + stage + 1
    return key * len(scan.plan.labels) + label


def deviation_parts(scan: Scan, key: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return group, type, stage (-1 before the map) and label of a key."""
    from cjmining.kernels.deviations import TYPES

    rest, label = np.divmod(key, len(scan.plan.labels))
    rest, stage = np.divmod(rest, 1 + len(scan.plan.intended.stages))
    group, type_ = np.divmod(rest, len(TYPES))
    return group, type_, stage - 1, label


_RAGGED = ("time_cell", "time_us", "late_journey", "late_stage", "late_event")


def _merge(parts: list[Findings]) -> Findings:
    """Add up what the blocks found, in their order."""
    from cjmining.kernels.stages import Judged, StageSums

    sums = StageSums(*(_join(name, [part.sums for part in parts]) for name in StageSums._fields))
    journeys = [part.journeys for part in parts]
    merged = JourneyArrays(
        Judged(
            *(np.concatenate(columns) for columns in zip(*(each.judged for each in journeys), strict=True))
        ),
        *(np.concatenate([each[i] for each in journeys]) for i in range(1, len(JourneyArrays._fields))),
    )
    key = np.concatenate([part.deviations.key for part in parts])
    counts = np.concatenate([part.deviations.journeys for part in parts])
    return Findings(sums, _counted(key, counts), merged)


def _join(name: str, parts: list[StageSums]) -> np.ndarray:
    arrays = [getattr(part, name) for part in parts]
    if name in _RAGGED:
        return np.concatenate(arrays)
    joined: np.ndarray = sum(arrays[1:], start=arrays[0])
    return joined


def everybody(scan: Scan, findings: Findings) -> Findings:
    """Return the same findings with all groups as one."""
    deviations = findings.deviations
    one_group = _counted(deviations.key % _keys_a_group(scan), deviations.journeys)
    return findings._replace(sums=together(scan, findings.sums), deviations=one_group)


def together(scan: Scan, sums: StageSums) -> StageSums:
    """Return the same sums with all groups as one."""
    summed = {
        name: getattr(sums, name) if name in _RAGGED else getattr(sums, name).sum(axis=0, keepdims=True)
        for name in sums._fields
    }
    summed["time_cell"] = sums.time_cell % sums.counts.shape[1]
    summed["customers"] = np.array([np.count_nonzero(np.diff(scan.customer, prepend=-1))])
    return sums._replace(**summed)
