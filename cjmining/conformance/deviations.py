"""Deviations: what differed from the map, how often, and how journeys with it ended beside those without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance.tables import SECOND_US, category, frame
from cjmining.schema import BEFORE_THE_MAP
from cjmining.stats import benjamini_hochberg, compare_shares, design_effect, newcombe

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance.plan import Plan
    from cjmining.conformance.reading import Part, Reading, Seen
    from cjmining.conformance.tables import Counted
    from cjmining.kernels.histogram import Histogram


class Found(NamedTuple):
    """The deviations of a part's journeys, in order of journeys; one entry a deviating move or late stage.

    Attributes
    ----------
    journey : int64[D]
        Number in the part.
    type_, stage, label : int8[D], int32[D], int32[D]
        Index into `kernels.deviations.TYPES`; -1 before the map; index into the plan's labels.
    event, move : int64[D]
        Number in the part, -1 for what is missing; number of the move, -1 for what is late: the event that
        came late may be as planned otherwise.
    """

    journey: NDArray[np.int64]
    type_: NDArray[np.int8]
    stage: NDArray[np.int32]
    label: NDArray[np.int32]
    event: NDArray[np.int64]
    move: NDArray[np.int64]


class DeviationCounts(NamedTuple):
    """Deviations by group x type x (1 + stage) x label, as one number (`key`), ascending; sums that merge.

    Attributes
    ----------
    key, events : int64[K]
        What, and how many moves.
    journeys : int64[K, 10]
        Journeys with it, and what became of them; see `kernels.deviations.N_DEVIATION_SUMS`.
    bases : int64[G, B, 6]
        Journeys that they are held against; see `kernels.deviations.DeviationSums`.
    times, base_times : Histogram
        Time from start to goal of those converted within the horizon, by key, and by group x B + base.
    channel_key, channel_counts : int64[C], int64[C, 2]
        key x (1 + channels) + 1 + channel; journeys and events.
    """

    key: NDArray[np.int64]
    events: NDArray[np.int64]
    journeys: NDArray[np.int64]
    bases: NDArray[np.int64]
    times: Histogram
    base_times: Histogram
    channel_key: NDArray[np.int64]
    channel_counts: NDArray[np.int64]


def find(part: Part, seen: Seen) -> Found:
    """Return every deviation of a part's journeys."""
    from cjmining.kernels.deviations import LATE, classify

    columns, aligned, sums = part.columns, seen.aligned, seen.sums
    found = classify(
        _starts(part),
        aligned,
        seen.symbol,
        columns.timestamp,
        columns.precision,
        columns.failed,
        columns.channel,
        part.plan.facts,
        part.plan.rules.patience_us,
    )
    event, edge = aligned.event[found.move], aligned.edge[found.move]
    label = np.where(event >= 0, columns.touchpoint[np.maximum(event, 0)], missing_labels(part.plan)[edge])
    n_late = len(sums.late_journey)
    journey = np.concatenate([found.journey, sums.late_journey])
    order = np.argsort(journey, kind="stable")
    return Found(
        journey[order],
        np.concatenate([found.type_, np.full(n_late, LATE, dtype=np.int8)])[order],
        np.concatenate([found.stage, sums.late_stage])[order],
        np.concatenate([label, columns.touchpoint[sums.late_event]])[order].astype(np.int32),
        np.concatenate([event, sums.late_event])[order],
        np.concatenate([found.move, np.full(n_late, -1)])[order],
    )


def missing_labels(plan: Plan) -> NDArray[np.int32]:
    """Return by edge what is missing where it is a map-only move: the touchpoint, or "one of" a choice."""
    facts = plan.facts
    choice = np.where(facts.edge_group >= 0, plan.choice_label[np.maximum(facts.edge_group, 0)], -1)
    return np.where(choice >= 0, choice, plan.symbol_label[facts.edge_symbol]).astype(np.int32)


def by_journey(reading: Reading) -> pd.DataFrame:
    """Return every deviation of every journey: as many rows as there are deviations.

    Returns
    -------
    pandas.DataFrame
        journey, type, stage, touchpoint, event (row in `log.events`; -1 for what is missing).
    """
    import pandas as pd

    from cjmining.conformance.reading import see
    from cjmining.kernels.deviations import TYPES

    stages = (BEFORE_THE_MAP, *reading.plan.intended.stage_names)

    def of_part(part: Part) -> dict[str, NDArray[Any]]:
        found = find(part, see(part))
        event = part.event_numbers[np.maximum(found.event, 0)]
        return {
            "journey": part.journey_numbers[found.journey],
            "type": found.type_,
            "stage": found.stage + 1,
            "label": found.label,
            "event": np.where(found.event >= 0, event, -1),
        }

    column = reading.keep_parts(of_part, _ROW).column
    rows = pd.DataFrame(
        {
            "journey": column("journey"),
            "type": category(column("type"), TYPES),
            "stage": category(column("stage"), stages),
            "touchpoint": category(column("label"), reading.plan.labels),
            "event": column("event"),
        }
    )
    return rows.sort_values("journey", kind="stable", ignore_index=True)


_ROW = {"journey": np.int64, "type": np.int8, "stage": np.int32, "label": np.int32, "event": np.int64}


# counting -------------------------------------------------------------------------------------------------


def count(part: Part, seen: Seen) -> DeviationCounts:
    """Count journeys by group, type, stage and label, each journey once, and what became of them."""
    from cjmining.kernels.deviations import add_up
    from cjmining.kernels.histogram import summarise_by
    from cjmining.kernels.outcomes import CONVERTED

    found, plan = find(part, seen), part.plan
    took, mature, converted = _ends(part, seen)
    of_entry = deviation_key(plan, part.group[found.journey], found.type_, found.stage, found.label)
    key, row = np.unique(of_entry, return_inverse=True)
    sums = add_up(
        found.journey,
        row,
        deviation_parts(plan, key)[2],
        _bases_of(plan, key),
        seen.aligned,
        plan.facts.edge_stage,
        _cell_bases(plan, plan.facts.edge_stage, plan.symbol_label[plan.facts.edge_symbol]),
        part.customer,
        part.group,
        seen.judged.outcome == CONVERTED,
        mature,
        converted,
        len(part.groups),
        len(plan.intended.stages),
        2 * (1 + len(plan.intended.stages)) + len(plan.cells.stage),
    )
    return DeviationCounts(
        key,
        np.bincount(row, minlength=len(key)),
        sums.counts,
        sums.bases,
        summarise_by(of_entry[sums.timed], took[found.journey[sums.timed]]),
        summarise_by(sums.base_cell, took[sums.base_journey]),
        *_count_channels(part, found, of_entry),
    )


def _starts(part: Part) -> NDArray[np.int64]:
    times = part.columns.timestamp
    return times[part.bounds[:-1]] if len(part.bounds) > 1 else times


def _ends(part: Part, seen: Seen) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return from start to decision, which journeys are mature, and which of those converted in time."""
    from cjmining.kernels.outcomes import CONVERTED

    start, judged, horizon = _starts(part), seen.judged, part.plan.intended.horizon_us
    took = judged.decided_at - start
    mature = start + horizon + _longest_patience(part.plan) <= part.data_end
    return took, mature, mature & (judged.outcome == CONVERTED) & (took <= horizon)


def _longest_patience(plan: Plan) -> int:
    """Return the longest patience of the map that ends, in microseconds."""
    return int(max(0, plan.rules.before_us, *plan.rules.patience_us))


def _count_channels(
    part: Part, found: Found, of_entry: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count journeys, each once, and events by key and channel; what is missing has none."""
    channel = np.where(found.event >= 0, part.columns.channel[np.maximum(found.event, 0)], -1)
    with_channel = of_entry * (1 + len(part.channels)) + 1 + channel
    key, row = np.unique(with_channel, return_inverse=True)
    once = np.unique(row * np.int64(len(part.customer) or 1) + found.journey)
    journeys = np.bincount(once // (len(part.customer) or 1), minlength=len(key))
    return key, np.stack([journeys, np.bincount(row, minlength=len(key))], axis=1)


def merge(parts: list[DeviationCounts]) -> DeviationCounts:
    """Add up the counts of parts, in their order."""
    from cjmining.kernels import histogram
    from cjmining.kernels.sums import sum_rows

    key, sums = sum_rows(
        np.concatenate([part.key for part in parts]),
        np.concatenate([np.column_stack([part.events, part.journeys]) for part in parts]),
    )
    channel_key, channel_counts = sum_rows(
        np.concatenate([part.channel_key for part in parts]),
        np.concatenate([part.channel_counts for part in parts]),
    )
    return DeviationCounts(
        key,
        sums[:, 0],
        sums[:, 1:],
        np.sum([part.bases for part in parts], axis=0),
        histogram.merge([part.times for part in parts]),
        histogram.merge([part.base_times for part in parts]),
        channel_key,
        channel_counts,
    )


def together(reading: Reading, counts: DeviationCounts) -> DeviationCounts:
    """Return the same counts with all groups as one."""
    from cjmining.kernels.sums import sum_rows

    per_group = _keys_a_group(reading.plan)
    key, sums = sum_rows(counts.key % per_group, np.column_stack([counts.events, counts.journeys]))
    n_channels = 1 + len(reading.channels)
    channel_key, channel_counts = sum_rows(
        counts.channel_key % (per_group * n_channels), counts.channel_counts
    )
    return DeviationCounts(
        key,
        sums[:, 0],
        sums[:, 1:],
        counts.bases.sum(axis=0, keepdims=True),
        _times_together(counts.times, per_group),
        _times_together(counts.base_times, counts.bases.shape[1]),
        channel_key,
        channel_counts,
    )


def _times_together(times: Histogram, per_group: int) -> Histogram:
    from cjmining.kernels.histogram import BINS, Histogram
    from cjmining.kernels.sums import sum_rows

    key = times.key % (per_group * BINS)
    return Histogram(*sum_rows(key, times.counts), sum_rows(key, times.total).totals)


def _keys_a_group(plan: Plan) -> int:
    from cjmining.kernels.deviations import TYPES

    return len(TYPES) * (1 + len(plan.intended.stages)) * len(plan.labels)


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


def _bases_of(plan: Plan, key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what each key is held against; see `kernels.deviations.DeviationSums`."""
    from cjmining.kernels.deviations import COMPARED_WITH, DID_IT

    _, type_, stage, label = deviation_parts(plan, key)
    kind = np.array(COMPARED_WITH)[type_]
    return np.where(kind == DID_IT, _cell_bases(plan, stage, label), 2 * (1 + stage) + kind)


def _cell_bases(plan: Plan, stage: NDArray[Any], label: NDArray[Any]) -> NDArray[np.int64]:
    """Return the base of each touchpoint of a stage, -1 where the log has no such touchpoint."""
    cells, n_stages = plan.cells, len(plan.intended.stages)
    known = cells.touchpoint.astype(np.int64) * n_stages + cells.stage
    wanted = label.astype(np.int64) * n_stages + stage
    at = np.searchsorted(known, wanted)
    return np.where(np.isin(wanted, known), 2 * (1 + n_stages) + at, -1)


# tables ---------------------------------------------------------------------------------------------------


def table(counted: Counted, reading: Reading, found: DeviationCounts) -> pd.DataFrame:
    """Return which deviations how many journeys had, and how those with and without ended; most first.

    Journeys with a deviation are held against those that were there, in its stage, without it. Compared are
    mature journeys: those that began at least horizon and the longest patience before the data ends. What is
    seen only in journeys that go on (missing, ad hoc, out of order, late) is compared among those that went
    on from the stage, and what is wrong with a touchpoint (failed, repeated, wrong channel) among those in
    which it took place: those who left before would else speak for the deviation. Limits and q allow for
    several journeys of one customer, as in `standouts`. An association, not a cause.
    """
    group, _, _, _ = deviation_parts(reading.plan, found.key)
    order = np.lexsort((found.key, -found.journeys[:, 0], group))
    with_, without = _medians(reading.plan, found)
    compared = [_compared(reading.plan, found, row) for row in order.tolist()]
    q = benjamini_hochberg([each.pop("p") for each in compared])
    rows = (
        {
            **_named(counted, found.key[row]),
            **_counts(counted, reading.plan, found, row),
            **differs,
            "q": float(its_q),
            "median_s_with": with_[row],
            "median_s_without": without[row],
        }
        for row, differs, its_q in zip(order.tolist(), compared, q.tolist(), strict=True)
    )
    return frame(rows, _COLUMNS)


_WHAT = {"by": "text", "type": "text", "stage": "text", "touchpoint": "text"}
_COLUMNS = {
    **_WHAT,
    "journeys": "int",
    "share_of_journeys": "float",
    "events": "int",
    "journeys_there": "int",
    "share_of_journeys_there": "float",
    "mature_with": "int",
    "converted_with": "int",
    "mature_without": "int",
    "converted_without": "int",
    **dict.fromkeys(("difference", "lower", "upper", "q", "median_s_with", "median_s_without"), "float"),
}


def _named(counted: Counted, key: int) -> dict[str, Any]:
    from cjmining.kernels.deviations import TYPES

    group, type_, stage, label = (int(part) for part in deviation_parts(counted.plan, np.asarray(key)))
    return {
        "by": counted.groups[group],
        "type": TYPES[type_],
        "stage": counted.stage_names[1 + stage],
        "touchpoint": counted.plan.labels[label],
    }


def _counts(counted: Counted, plan: Plan, found: DeviationCounts, row: int) -> dict[str, Any]:
    group, _, stage, _ = (int(part) for part in deviation_parts(plan, found.key[row]))
    journeys, there = int(found.journeys[row, 0]), int(found.bases[group, 2 * (1 + stage), 0])
    return {
        "journeys": journeys,
        "share_of_journeys": journeys / int(counted.sums.outcomes[group].sum()),
        "events": int(found.events[row]),
        "journeys_there": there,
        "share_of_journeys_there": journeys / there,
    }


def _compared(plan: Plan, found: DeviationCounts, row: int) -> dict[str, Any]:
    """Hold the mature journeys with a deviation against those at its base without."""
    group, base = deviation_parts(plan, found.key[row])[0], _bases_of(plan, found.key[row])
    _, n, hits, dd, dn, nn, of_dd, of_dn, of_nd, of_nn = (int(x) for x in found.journeys[row])
    _, all_n, all_hits, all_dd, all_dn, all_nn = (int(x) for x in found.bases[group, base])
    other_n, other_hits = all_n - n, all_hits - hits
    other = (all_dd - 2 * of_dd + dd, all_dn - of_dn - of_nd + dn, all_nn - 2 * of_nn + nn)
    effect = design_effect(n, (dd, dn, nn), hits / max(n, 1))
    other_effect = design_effect(other_n, other, other_hits / max(other_n, 1))
    differs = newcombe(hits, n, other_hits, other_n, effect=effect, other_effect=other_effect)
    p = compare_shares(hits, n, other_hits, other_n, effect=effect, other_effect=other_effect).p
    return {
        "mature_with": n,
        "converted_with": hits,
        "mature_without": other_n,
        "converted_without": other_hits,
        **differs._asdict(),
        "p": p,
    }


def _medians(plan: Plan, found: DeviationCounts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the median seconds from start to goal with each deviation, and without it at its base."""
    from cjmining.kernels.histogram import BINS, Histogram

    cells = deviation_parts(plan, found.key)[0] * found.bases.shape[1] + _bases_of(plan, found.key)
    medians = np.full((2, len(found.key)), np.nan)
    for row, (key, cell) in enumerate(zip(found.key.tolist(), cells.tolist(), strict=True)):
        own, all_ = (
            Histogram(times.key[at] - of * BINS, times.counts[at], times.total[at])
            for times, of in ((found.times, key), (found.base_times, cell))
            for at in [slice(*np.searchsorted(times.key, [of * BINS, (of + 1) * BINS]))]
        )
        medians[:, row] = _median_s(own), _median_s(_less(all_, own))
    return medians[0], medians[1]


def _less(all_: Histogram, own: Histogram) -> Histogram:
    """Take the times of some out of those of all."""
    counts, total = all_.counts.copy(), all_.total.copy()
    at = np.searchsorted(all_.key, own.key)
    counts[at] -= own.counts
    total[at] -= own.total
    left = counts > 0
    return type(all_)(all_.key[left], counts[left], total[left])


def _median_s(times: Histogram) -> float:
    from cjmining.kernels.histogram import quantiles

    if not len(times.key):
        return np.nan
    return float(quantiles(times, np.zeros(1, np.int64), (0.5,))[0, 0]) / SECOND_US


def by_channel(counted: Counted, reading: Reading, found: DeviationCounts) -> pd.DataFrame:
    """Return the deviations by the channel of their events; "" for what is missing and for no channel."""
    key, channel = np.divmod(found.channel_key, 1 + len(reading.channels))
    names = ("", *reading.channels)
    journeys, events = found.channel_counts[:, 0], found.channel_counts[:, 1]
    order = np.lexsort((found.channel_key, -journeys, deviation_parts(reading.plan, key)[0]))
    totals = counted.sums.outcomes.sum(axis=1)
    rows = (
        {
            **_named(counted, key[row]),
            "channel": names[channel[row]],
            "journeys": int(journeys[row]),
            "events": int(events[row]),
            "share_of_journeys": int(journeys[row]) / int(totals[deviation_parts(reading.plan, key[row])[0]]),
        }
        for row in order.tolist()
    )
    return frame(
        rows, {**_WHAT, "channel": "text", "journeys": "int", "events": "int", "share_of_journeys": "float"}
    )
