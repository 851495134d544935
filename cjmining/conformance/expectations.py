"""Promises kept and broken: what the map expects of touchpoints and stages against what customers met."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance.promises import Observed, Promise, observe, promises_of
from cjmining.conformance.tables import SECOND_US, frame
from cjmining.conformance.walk import Walk, in_all, quantiles_of, totals_of
from cjmining.stats import design_effect, newcombe, wilson_of_clusters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance.reading import Part, Reading, Seen
    from cjmining.conformance.tables import Counted
    from cjmining.kernels.histogram import Histogram
    from cjmining.kernels.sums import Sums

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

_MILLION = 1_000_000
_WEEK_US = 7 * 86_400 * SECOND_US
_FIRST_MONDAY_US = -3 * 86_400 * SECOND_US  # 1969-12-29
_WEEKS = 1 << 20  # room for weeks in a key, half of them before that Monday
_HOLDS, _UNMEASURED, _NOT_DUE, _KEPT, _BROKEN = range(5)


class PromiseCounts(NamedTuple):
    """What became of one promise, by group; where there are several groups, one more holds all journeys.

    Attributes
    ----------
    measured, by_week, by_channel : Sums
        Columns of `sum_by_cluster`: a promise kept is a hit, a customer a cluster. By group; by group and
        week; by group and channel (the last for none).
    journeys : Sums
        By group: journeys for which the promise holds, events without a measure, promises not yet due,
        journeys with every promise kept, journeys with a broken one.
    after : Sums
        By group and whether it was kept: mature journeys, those that dropped within the horizon being hits.
    measure : Histogram
        The measure in millionths, by group.
    """

    measured: Sums
    by_week: Sums
    by_channel: Sums
    journeys: Sums
    after: Sums
    measure: Histogram


def count(part: Part, seen: Seen) -> dict[Promise, PromiseCounts]:
    """Hold what the part's plan promises against its journeys."""
    walk = seen.walk
    return {promise: _summed(walk, promise) for promise in promises_of(part.plan.intended)}


def merge(parts: list[dict[Promise, PromiseCounts]]) -> dict[Promise, PromiseCounts]:
    """Add up the counts of parts, in their order."""
    promises = dict.fromkeys(promise for part in parts for promise in part)
    return {promise: _merge([part[promise] for part in parts if promise in part]) for promise in promises}


def together(reading: Reading, counts: dict[Promise, PromiseCounts]) -> dict[Promise, PromiseCounts]:
    """Return the same counts with all groups as one."""
    n = len(reading.groups)
    return counts if n == 1 else {promise: _of_all(found, n, reading) for promise, found in counts.items()}


def tables(
    counted: Counted, reading: Reading, counts: Mapping[Promise, PromiseCounts]
) -> dict[str, pd.DataFrame]:
    """Return what became of each promise, as a whole, by week and by channel.

    Returns
    -------
    dict of pandas.DataFrame
        `expectations`: by, stage, touchpoint ("" for a stage's own), measure, after, at_least, at_most,
        target (the share promised), measured, kept, share_kept with limits lower and upper (95 %, allowing
        for several of one customer), verdict (kept, broken, unclear), median and p90 of the measure,
        unmeasured (events that could have carried it and did not, or failed before the promised time was
        over), not_due, journeys_kept (every one kept), journeys_broken (at least one broken), and what
        followed on the first one of a journey: mature_kept and dropped_when_kept, mature_broken and
        dropped_when_broken (within the horizon), difference of the shares (broken less kept) with
        difference_lower and difference_upper. An association, not an effect.
        `expectations_by_week`, `expectations_by_channel`: by, stage, touchpoint, measure, after, at_least,
        at_most, week (its Monday, UTC) or channel, measured, kept, share_kept, lower, upper.
    """
    known = dict.fromkeys(promise for plan in reading.plans for promise in promises_of(plan.intended))
    found = [(promise, counts[promise]) for promise in known if promise in counts]
    by_week = frame(_details(counted, found, "week", _by_week), _columns("week", "int"))
    return {
        "expectations": frame(_rows(counted, found), _COLUMNS),
        "expectations_by_week": by_week.assign(week=by_week["week"].to_numpy().astype("datetime64[us]")),
        "expectations_by_channel": frame(
            _details(counted, found, "channel", _by_channel(reading.channels)), _columns("channel", "text")
        ),
    }


def _summed(walk: Walk, promise: Promise) -> PromiseCounts:
    from cjmining.kernels.sums import sum_by_cluster

    part, seen = walk.part, observe(walk, promise)
    journey = walk.journey[seen.about]
    again, group = in_all(part.group[journey], len(part.groups))
    about, kept, customer = seen.about[again], seen.kept[again], part.customer[journey][again]
    week = (part.columns.timestamp[about] - _FIRST_MONDAY_US) // _WEEK_US + _WEEKS // 2
    channel = part.columns.channel[about]
    channel = np.where(channel >= 0, channel, len(part.channels))
    return PromiseCounts(
        measured=sum_by_cluster(group, customer, kept),
        by_week=sum_by_cluster(group * _WEEKS + week, customer, kept),
        by_channel=sum_by_cluster(group * (1 + len(part.channels)) + channel, customer, kept),
        journeys=_count_journeys(walk, seen, journey),
        after=_count_after(walk, promise, seen, journey),
        measure=_histogram(group, seen.value[again]),
    )


def _merge(parts: list[PromiseCounts]) -> PromiseCounts:
    from cjmining.kernels import histogram, sums

    return PromiseCounts(
        measured=sums.merge([part.measured for part in parts]),
        by_week=sums.merge([part.by_week for part in parts]),
        by_channel=sums.merge([part.by_channel for part in parts]),
        journeys=sums.merge([part.journeys for part in parts]),
        after=sums.merge([part.after for part in parts]),
        measure=histogram.merge([part.measure for part in parts]),
    )


def _of_all(counts: PromiseCounts, everybody: int, reading: Reading) -> PromiseCounts:
    """Return what was counted for the group of all journeys, as group 0."""
    from cjmining.kernels.histogram import BINS
    from cjmining.kernels.sums import from_key

    return PromiseCounts(
        measured=from_key(counts.measured, everybody),
        by_week=from_key(counts.by_week, everybody * _WEEKS),
        by_channel=from_key(counts.by_channel, everybody * (1 + len(reading.channels))),
        journeys=from_key(counts.journeys, everybody),
        after=from_key(counts.after, everybody * 2),
        measure=from_key(counts.measure, everybody * BINS),
    )


def _count_journeys(walk: Walk, seen: Observed, journey: Ints) -> Sums:
    """Count by group the journeys, what wasn't measured or due, and journeys with all kept or one broken."""
    from cjmining.kernels.sums import sum_by

    n = len(walk.part.customer)
    observed, broken = np.bincount(journey, minlength=n), np.bincount(journey[~seen.kept], minlength=n)
    columns = {
        _HOLDS: np.ones(n, np.int64),
        _UNMEASURED: np.bincount(walk.journey[seen.unmeasured], minlength=n),
        _NOT_DUE: np.bincount(walk.journey[seen.not_due], minlength=n),
        _KEPT: (observed > 0) & (broken == 0),
        _BROKEN: broken > 0,
    }
    again, group = in_all(walk.part.group, len(walk.part.groups))
    return sum_by(group, *(columns[name][again] for name in sorted(columns)))


def _count_after(walk: Walk, promise: Promise, seen: Observed, journey: Ints) -> Sums:
    """Count what followed on the first settled promise of each journey that was still under way then.

    Only the first: journeys with many contacts live long and have more chances to meet a broken promise, so
    that looking for one anywhere in them would hold survivors against those who left early.
    """
    from cjmining.kernels.outcomes import DROPPED, OPEN
    from cjmining.kernels.sums import sum_by_cluster

    part, judged = walk.part, walk.judged
    once = bool(np.all(np.diff(journey) > 0))
    order = np.arange(len(journey)) if once else np.lexsort((seen.settled, journey))
    first = order[np.flatnonzero(np.diff(journey[order], prepend=-1))]
    at, moment = journey[first], seen.settled[first]
    horizon = part.plan.intended.horizon_us
    patience = max(int(part.plan.rules.patience_us[promise.stage]), 0)
    under_way = (judged.decided_at[at] > moment) | (judged.outcome[at] == OPEN)
    counts = under_way & (moment + horizon + patience <= part.data_end)
    first, at, moment = first[counts], at[counts], moment[counts]
    dropped = (judged.outcome[at] == DROPPED) & (judged.decided_at[at] - moment <= horizon)
    again, group = in_all(part.group[at], len(part.groups))
    return sum_by_cluster(group * 2 + seen.kept[first][again], part.customer[at][again], dropped[again])


def _histogram(group: Ints, value: Floats) -> Histogram:
    from cjmining.kernels.histogram import summarise_by

    known = ~np.isnan(value)
    millionths = np.rint(np.maximum(value[known], 0.0) * _MILLION).astype(np.int64)
    return summarise_by(group[known], millionths)


_KEY = {"by": "text", "stage": "text", "touchpoint": "text", "measure": "text", "after": "text"}
_BOUNDS = {"at_least": "float", "at_most": "float"}
_SHARE = {"measured": "int", "kept": "int", "share_kept": "float", "lower": "float", "upper": "float"}
_COLUMNS = {
    **_KEY,
    **_BOUNDS,
    "target": "float",
    **_SHARE,
    "verdict": "text",
    "median": "float",
    "p90": "float",
    **dict.fromkeys(("unmeasured", "not_due", "journeys_kept", "journeys_broken"), "int"),
    **dict.fromkeys(("mature_kept", "dropped_when_kept", "mature_broken", "dropped_when_broken"), "int"),
    **dict.fromkeys(("difference", "difference_lower", "difference_upper"), "float"),
}


def _columns(detail: str, kind: str) -> dict[str, str]:
    return {**_KEY, **_BOUNDS, detail: kind, **_SHARE}


def _rows(counted: Counted, found: list[tuple[Promise, PromiseCounts]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each promise that holds for a journey of the group."""
    for g, name in counted.groups.items():
        for promise, counts in found:
            journeys = totals_of(counts.journeys, g)
            if journeys[_HOLDS]:
                measured = _share(totals_of(counts.measured, g))
                median, p90 = quantiles_of(counts.measure, g)
                yield {
                    **_key(counted, name, promise),
                    "target": promise.target,
                    **measured,
                    "verdict": _verdict(measured, promise.target),
                    "median": median / _MILLION,
                    "p90": p90 / _MILLION,
                    "unmeasured": int(journeys[_UNMEASURED]),
                    "not_due": int(journeys[_NOT_DUE]),
                    "journeys_kept": int(journeys[_KEPT]),
                    "journeys_broken": int(journeys[_BROKEN]),
                    **_followed(counts.after, g),
                }


def _details(
    counted: Counted,
    found: list[tuple[Promise, PromiseCounts]],
    detail: str,
    by: Callable[[PromiseCounts], tuple[Sums, int, Callable[[int], Any]]],
) -> Iterator[dict[str, Any]]:
    """Yield a row for each week or channel of a promise in which something was measured."""
    for g, name in counted.groups.items():
        for promise, counts in found:
            sums, width, told = by(counts)
            for at in range(*np.searchsorted(sums.key, [g * width, (g + 1) * width])):
                yield {
                    **_key(counted, name, promise),
                    detail: told(int(sums.key[at]) - g * width),
                    **_share(sums.totals[at]),
                }


def _by_week(counts: PromiseCounts) -> tuple[Sums, int, Callable[[int], Any]]:
    return counts.by_week, _WEEKS, lambda week: (week - _WEEKS // 2) * _WEEK_US + _FIRST_MONDAY_US


def _by_channel(
    channels: tuple[str, ...],
) -> Callable[[PromiseCounts], tuple[Sums, int, Callable[[int], Any]]]:
    names = (*channels, "")
    return lambda counts: (counts.by_channel, len(names), lambda channel: names[channel])


def _key(counted: Counted, group: str, promise: Promise) -> dict[str, Any]:
    return {
        "by": group,
        "stage": counted.plan.intended.stage_names[promise.stage],
        "touchpoint": promise.touchpoint,
        "measure": promise.measure,
        "after": promise.after,
        "at_least": math.nan if promise.at_least is None else promise.at_least,
        "at_most": math.nan if promise.at_most is None else promise.at_most,
    }


def _share(values: list[Any]) -> dict[str, Any]:
    n, kept, _, *clusters = (int(value) for value in values)
    share, lower, upper = wilson_of_clusters(kept, n, clusters)
    return {"measured": n, "kept": kept, "share_kept": share, "lower": lower, "upper": upper}


def _verdict(measured: Mapping[str, Any], target: float) -> str:
    """Say whether the promise was kept. One made to everyone is broken by one; it needs no estimate."""
    if not measured["measured"]:
        return "unclear"
    if target >= 1:
        return "kept" if measured["kept"] == measured["measured"] else "broken"
    if measured["lower"] >= target:
        return "kept"
    return "broken" if measured["upper"] < target else "unclear"


def _followed(after: Sums, group: int) -> dict[str, Any]:
    """Hold journeys whose first promise was broken against those for whom it was kept."""
    (mature_kept, left_kept, kept_effect), (mature_broken, left_broken, broken_effect) = (
        _dropped(totals_of(after, group * 2 + kept)) for kept in (1, 0)
    )
    difference = newcombe(
        left_broken, mature_broken, left_kept, mature_kept, effect=broken_effect, other_effect=kept_effect
    )
    return {
        "mature_kept": mature_kept,
        "dropped_when_kept": left_kept,
        "mature_broken": mature_broken,
        "dropped_when_broken": left_broken,
        "difference": difference.difference,
        "difference_lower": difference.lower,
        "difference_upper": difference.upper,
    }


def _dropped(values: list[Any]) -> tuple[int, int, float]:
    """Return journeys, those that dropped, and the design effect of their customers."""
    n, dropped, _, *clusters = (int(value) for value in values)
    return n, dropped, design_effect(n, clusters, dropped / max(n, 1))
