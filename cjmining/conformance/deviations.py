"""Deviations counted: journeys that left the plan, by group, type, stage and touchpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.conformance.tables import frame

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance.plan import Plan
    from cjmining.conformance.scan import Part, Scan, Seen
    from cjmining.conformance.tables import Counted


class DeviationCounts(NamedTuple):
    """Journeys by group x type x (1 + stage) x label, as one number, ascending."""

    key: NDArray[np.int64]
    journeys: NDArray[np.int64]


def count(part: Part, seen: Seen) -> DeviationCounts:
    """Count journeys by group, type, stage and label, each journey once."""
    from cjmining.kernels.deviations import LATE, classify, first_of_journey

    columns, aligned, sums = part.columns, seen.aligned, seen.sums
    begin = columns.timestamp[part.bounds[:-1]] if len(part.bounds) > 1 else columns.timestamp
    move, type_, stage, event, edge = classify(
        begin,
        aligned,
        seen.symbol,
        columns.timestamp,
        columns.precision,
        columns.failed,
        columns.channel,
        part.plan.facts,
    )
    journey = np.searchsorted(aligned.offsets, move, side="right") - 1
    label = np.where(event >= 0, columns.touchpoint[np.maximum(event, 0)], missing_labels(part.plan)[edge])
    journey = np.concatenate([journey, sums.late_journey])
    type_ = np.concatenate([type_, np.full(len(sums.late_journey), LATE, dtype=np.int8)])
    stage = np.concatenate([stage, sums.late_stage])
    label = np.concatenate([label, columns.touchpoint[sums.late_event]])
    key = deviation_key(part.plan, np.zeros(1, np.int32), type_, stage, label)
    per_group = _keys_a_group(part.plan)
    first = first_of_journey(journey, key, per_group)
    return _counted(key[first] + part.group[journey[first]] * per_group)


def merge(parts: list[DeviationCounts]) -> DeviationCounts:
    """Add up the counts of parts."""
    return _counted(
        np.concatenate([part.key for part in parts]), np.concatenate([part.journeys for part in parts])
    )


def together(scan: Scan, counts: DeviationCounts) -> DeviationCounts:
    """Return the same counts with all groups as one."""
    return _counted(counts.key % _keys_a_group(scan.plan), counts.journeys)


def table(counted: Counted, scan: Scan, found: DeviationCounts) -> pd.DataFrame:
    """Return how many journeys left the plan how and where, most first within a group."""
    from cjmining.kernels.deviations import TYPES

    parts = deviation_parts(scan.plan, found.key)
    order = np.lexsort((found.key, -found.journeys, parts[0]))
    totals = counted.sums.outcomes.sum(axis=1)
    rows = (
        {
            "by": counted.groups[group],
            "type": TYPES[type_],
            "stage": counted.stage_names[1 + stage],
            "touchpoint": counted.plan.labels[label],
            "journeys": journeys,
            "share_of_journeys": journeys / int(totals[group]),
        }
        for group, type_, stage, label, journeys in zip(
            *(part[order].tolist() for part in parts), found.journeys[order].tolist(), strict=True
        )
    )
    columns = {"by": "text", "type": "text", "stage": "text", "touchpoint": "text"}
    return frame(rows, columns | {"journeys": "int", "share_of_journeys": "float"})


def _keys_a_group(plan: Plan) -> int:
    from cjmining.kernels.deviations import TYPES

    return len(TYPES) * (1 + len(plan.intended.stages)) * len(plan.labels)


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
    plan: Plan,
    group: NDArray[np.int32],
    type_: NDArray[np.int8],
    stage: NDArray[np.int32],
    label: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Write group, type, stage and label as one number; `deviation_parts` takes it apart."""
    from cjmining.kernels.deviations import TYPES

    key = group.astype(np.int64) * len(TYPES) + type_
    key = key * (1 + len(plan.intended.stages)) + stage + 1
    return key * len(plan.labels) + label


def deviation_parts(plan: Plan, key: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return group, type, stage (-1 before the map) and label of a key."""
    from cjmining.kernels.deviations import TYPES

    rest, label = np.divmod(key, len(plan.labels))
    rest, stage = np.divmod(rest, 1 + len(plan.intended.stages))
    group, type_ = np.divmod(rest, len(TYPES))
    return group, type_, stage - 1, label
