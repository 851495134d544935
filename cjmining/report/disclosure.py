"""What may be shown: groups of too few customers are merged, rows about too few journeys are left out.

Two rules, applied to everything on the page, pictures included (docs/decisions/0050):

1. A group (persona) of fewer than `min_group` customers is not shown by itself. All such groups are merged
into
   "smaller groups"; if these are still too few, the next smallest joins them.
2. A row of a table that describes fewer than `min_group` journeys (a variant, a transition, a place of
drop-out, a
   stage that hardly anybody reached) is not shown by itself: it is merged into a row for the rest where the
   numbers must add up, and left out of the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cjmining.conformance.sensitivity import ranking
from cjmining.report.words import SMALLER
from cjmining.schema import BEFORE_THE_MAP
from cjmining.stats import wilson

if TYPE_CHECKING:
    from cjmining.conformance import Conformance
    from cjmining.discovery import Discovery

MOST_GROUPS = 12
"""How many groups are shown one by one; where there are more, the tables of comparisons have them all."""


def shown_groups(check: Conformance) -> tuple[str, ...]:
    """Choose the groups that get sentences and pictures of their own: the largest, in their order."""
    journeys = dict(zip(check.outcomes["by"].astype(str), check.outcomes["journeys"], strict=True))
    largest = sorted(check.groups, key=lambda group: -int(journeys[group]))[:MOST_GROUPS]
    return tuple(group for group in check.groups if group in largest)


def merge_check(check: Conformance, min_group: int) -> Conformance:
    """Merge the groups of fewer than `min_group` customers into one.

    Counts add up, shares and their limits are taken again from the merged counts, means are weighted by how
    many gave one. What can't be merged becomes empty: medians, limits of money and of what allows for several
    journeys of a customer (promises, satisfaction by channel), and how deviations compare, since a group
    without one has no row that says how many journeys were there. Where no group is too small, the result
    is returned as it is.
    """
    small = small_groups(check, min_group)
    return _merge_check(check, small) if small else check


def merge_found(found: Discovery, check: Conformance, min_group: int) -> Discovery:
    """Merge in `found` the groups that `merge_check` merges in `check`, where both are grouped alike."""
    small = small_groups(check, min_group)
    return _merge_found(found, small) if small and found.by == check.by else found


def hide_small_rows(check: Conformance, min_group: int) -> Conformance:
    """Withhold what describes fewer than `min_group` journeys: what the pictures are drawn from.

    Rows go, but for stages and touchpoints, whose place on the map must stay: their counts become NaN, which
    the pictures write as few.
    """
    names = ("dropouts", "deviations", "deviations_by_channel", "flows")
    tables: dict[str, Any] = {name: _at_least(getattr(check, name), min_group) for name in names}
    tables["deviations"] = _without_few_compared(tables["deviations"], min_group)
    tables["expectations"] = _without_few_measured(check.expectations, min_group)
    tables["stages"] = _withhold_small_stages(check.stages, min_group)
    touchpoints = _withhold(check.touchpoints, ["events", "journeys", "failed"], min_group)
    touchpoints["failed"] = touchpoints["failed"].mask(touchpoints["failed"].between(1, min_group - 1), 0)
    tables["touchpoints"] = _without_few_answers(touchpoints, "satisfaction", min_group)
    return replace(check, **tables)


def small_groups(check: Conformance, min_group: int) -> frozenset[str]:
    """Choose the groups to merge: the small ones, and the next smallest while they are too few together."""
    if check.by is None:
        return frozenset()
    outcomes = check.outcomes
    sizes = sorted(
        (int(size), str(group)) for group, size in zip(outcomes["by"], outcomes["customers"], strict=True)
    )
    small = [(size, group) for size, group in sizes if size < min_group]
    if not small:
        return frozenset()
    for size, group in sizes[len(small) :]:
        if sum(count for count, _ in small) >= min_group:
            break
        small.append((size, group))
    return frozenset(group for _, group in small)


# Merging groups


@dataclass(frozen=True)
class _Rule:
    """How the rows of a table merge: what names a row, what adds up, what is a mean and of how many."""

    key: tuple[str, ...]
    sums: tuple[str, ...]
    means: Mapping[str, str] | None = None


_COUNTS = (
    "entered",
    "continued",
    "converted",
    "dropped",
    "turned_away",
    "open",
    "mature",
    "dropped_within_horizon",
    "began",
    "after_goal",
)
PROMISE = ("stage", "touchpoint", "measure", "after", "at_least", "at_most")
"""What names a promise in the tables of a check."""
_CHECK_RULES = {
    "stages": _Rule(
        ("stage",),
        _COUNTS,
        {"satisfaction": "satisfaction_answered"},
    ),
    "identified": _Rule(("stage",), _COUNTS, {"satisfaction": "satisfaction_answered"}),
    "dropouts": _Rule(("stage", "touchpoint", "turn", "currency"), ("journeys", "value_at_risk")),
    "deviations": _Rule(("type", "stage", "touchpoint"), ("journeys", "events")),
    "deviations_by_channel": _Rule(("type", "stage", "touchpoint", "channel"), ("journeys", "events")),
    "expectations": _Rule(
        (*PROMISE, "target"),
        (
            "measured",
            "kept",
            "unmeasured",
            "not_due",
            "journeys_kept",
            "journeys_broken",
            "mature_kept",
            "dropped_when_kept",
            "mature_broken",
            "dropped_when_broken",
        ),
    ),
    "expectations_by_week": _Rule((*PROMISE, "week"), ("measured", "kept")),
    "expectations_by_channel": _Rule((*PROMISE, "channel"), ("measured", "kept")),
    "channels": _Rule(("channel",), ("contacts", "journeys", "waits"), {"satisfaction": "answered"}),
    "handoffs": _Rule(("kind", "from", "to", "stage", "again"), ("handoffs", "journeys")),
    "fitness": _Rule((), ("journeys", "cost", "worst", "perfect"), {"mean_fitness": "journeys"}),
    "touchpoints": _Rule(
        ("stage", "touchpoint", "channel"),
        ("events", "journeys", "failed"),
        {"satisfaction": "satisfaction_answered"},
    ),
    "flows": _Rule(
        ("from_stage", "to_stage"),
        ("journeys", "crossings", "crossings_after_goal", "journeys_before_goal", "journeys_after_goal"),
    ),
    "outcomes": _Rule((), ("journeys", "converted", "dropped", "turned_away", "open", "customers")),
}
_FOUND_RULES = {
    "transitions": _Rule(
        ("from_touchpoint", "to_touchpoint"),
        ("count", "journeys", "customers", "repeated_count"),
        {"mean_s": "count"},
    ),
    "variants": _Rule(("variant",), ("journeys", "customers")),
    "touchpoints": _Rule(
        ("touchpoint",),
        ("count", "journeys", "customers"),
        {"wait_s_mean": "wait_s_answered", "satisfaction_mean": "satisfaction_answered"},
    ),
    "ends": _Rule(("position", "touchpoint"), ("journeys", "customers")),
}

_OVERVIEW_COUNTS = ("journeys", "customers", "events", "steps")
_OUTCOMES = ("converted", "dropped", "turned_away", "open")


def _merge_check(check: Conformance, small: frozenset[str]) -> Conformance:
    tables: dict[str, Any] = {
        name: _merged(getattr(check, name), rule, small) for name, rule in _CHECK_RULES.items()
    }
    outcomes = tables["outcomes"]
    for name in ("stages", "identified"):
        _estimate(tables[name], "dropped_within_horizon")
    tables["dropouts"]["share_of_dropped"] = _share(tables["dropouts"], outcomes, "dropped")
    for name in ("deviations", "deviations_by_channel", "handoffs"):
        tables[name]["share_of_journeys"] = _share(tables[name], outcomes, "journeys")
    for name in ("expectations", "expectations_by_week", "expectations_by_channel"):
        _state(tables[name], "share_kept", tables[name]["kept"] / _above_none(tables[name]["measured"]))
    tables["expectations"]["verdict"] = tables["expectations"]["verdict"].fillna("")
    fitness = tables["fitness"]
    _state(fitness, "fitness", 1 - fitness["cost"] / _above_none(fitness["worst"]))
    tables["sensitivity"] = _merged_sensitivity(check.sensitivity, small)
    tables["ranking"] = ranking(tables["sensitivity"])
    tables["standouts"] = check.standouts[~check.standouts["by"].astype(str).isin(small)].reset_index(
        drop=True
    )
    nobody = None if check._journeys is None else check._journeys.nobody()  # merged tables are for showing
    return replace(check, groups=_merged_groups(check.groups, small), _journeys=nobody, **tables)


def _merge_found(found: Discovery, small: frozenset[str]) -> Discovery:
    tables: dict[str, Any] = {
        name: _merged(getattr(found, name), rule, small) for name, rule in _FOUND_RULES.items()
    }
    overview = tables["overview"] = _merged_overview(found.overview, small)
    transitions = tables["transitions"]
    for share, end in (("share_of_from", "from_touchpoint"), ("share_into", "to_touchpoint")):
        whole = transitions.groupby(["by", end], observed=True)["count"].transform("sum")
        transitions[share] = transitions["count"] / whole
    for name in ("transitions", "variants", "ends"):
        tables[name]["share_of_journeys"] = _share(tables[name], overview, "journeys")
    # What is made from the log later would show the small groups again.
    return replace(found, groups=_merged_groups(found.groups, small), _kept=None, **tables)


def _merged_overview(overview: pd.DataFrame, small: frozenset[str]) -> pd.DataFrame:
    counted = [name for name in (*_OVERVIEW_COUNTS, *_OUTCOMES) if name in overview]
    merged = _merged(overview, _Rule((), tuple(counted)), small)
    mine = overview["by"].astype(str).isin(small)
    merged.loc[merged["by"] == SMALLER, "start"] = overview.loc[mine, "start"].min()
    merged.loc[merged["by"] == SMALLER, "end"] = overview.loc[mine, "end"].max()
    _state(merged, "events_per_journey", merged["events"] / _above_none(merged["journeys"]))
    return merged


def _merged_groups(groups: Sequence[str], small: frozenset[str]) -> tuple[str, ...]:
    return (*(group for group in groups if group not in small), SMALLER)


def _merged(table: pd.DataFrame, rule: _Rule, small: frozenset[str]) -> pd.DataFrame:
    """Add up the rows of the small groups; the other groups keep their rows as they are."""
    mine = table["by"].astype(str).isin(small)
    kept, merging = table[~mine], table[mine].copy()
    merging["by"] = SMALLER
    weights = rule.means or {}
    for mean, weight in weights.items():
        merging[mean] = merging[mean].fillna(0.0) * merging[weight]
    adding = list(dict.fromkeys([*rule.sums, *weights, *weights.values()]))
    summed = merging.groupby(["by", *rule.key], sort=False, as_index=False, dropna=False, observed=True)[
        adding
    ].sum(min_count=1)
    for mean, weight in weights.items():
        summed[mean] = summed[mean] / summed[weight].where(summed[weight] > 0)
    if "channels" in table:
        union = merging.groupby(["by", *rule.key], sort=False, observed=True)["channels"].agg(_union)
        summed["channels"] = union.to_numpy()
    kept = kept.assign(by=kept["by"].astype(object))
    return pd.concat([kept, summed], ignore_index=True)[list(table.columns)]


def _union(channels: pd.Series[Any]) -> str:
    return ", ".join(
        sorted({channel for text in channels.dropna() for channel in text.split(", ") if channel})
    )


def _state(table: pd.DataFrame, column: str, values: pd.Series[Any]) -> None:
    """Give the merged rows, and only them, these values."""
    mine = table["by"] == SMALLER
    table.loc[mine, column] = values[mine]


def _above_none(counts: pd.Series[Any]) -> pd.Series[Any]:
    return counts.where(counts > 0)


def _share(table: pd.DataFrame, totals: pd.DataFrame, column: str) -> pd.Series[Any]:
    of = dict(zip(totals["by"].astype(str), totals[column], strict=True))
    whole = table["by"].astype(str).map(of).astype(float)
    return table["journeys"] / whole.where(whole > 0)


def _estimate(table: pd.DataFrame, dropped: str) -> None:
    """State the drop-out share and its limits of the merged rows from their counts."""
    mine = table["by"] == SMALLER
    shares = [
        wilson(float(x), float(n))
        for x, n in zip(table.loc[mine, dropped], table.loc[mine, "mature"], strict=True)
    ]
    table.loc[mine, ["drop_out_share", "lower", "upper"]] = np.array(shares, dtype=float).reshape(-1, 3)


def _merged_sensitivity(sensitivity: pd.DataFrame, small: frozenset[str]) -> pd.DataFrame:
    counted = sensitivity.assign(
        dropped=(sensitivity["drop_out_share"].fillna(0.0) * sensitivity["mature"]).round()
    )
    table = _merged(counted, _Rule(("stage", "patience"), ("mature", "dropped")), small)
    _estimate(table, "dropped")
    mine = table["by"] == SMALLER
    ranks = table[mine].groupby("patience", sort=False)["drop_out_share"].rank(method="min", ascending=False)
    table.loc[mine, "rank"] = ranks
    return table.drop(columns="dropped")


# Hiding rows


def _at_least(table: pd.DataFrame, min_group: int) -> pd.DataFrame:
    return table[_of_whom(table) >= min_group].reset_index(drop=True)


def _of_whom(table: pd.DataFrame) -> pd.Series[Any]:
    """How many customers the rows are about, where the table says so; else how many journeys."""
    return table["customers" if "customers" in table else "journeys"]


def _withhold(table: pd.DataFrame, counts: list[str], min_group: int) -> pd.DataFrame:
    """Make the counts of the rows about too few customers or journeys NaN."""
    few = (_of_whom(table) > 0) & (_of_whom(table) < min_group)
    return table.assign(**{name: table[name].astype(float).mask(few) for name in counts})


def _withhold_small_stages(stages: pd.DataFrame, min_group: int) -> pd.DataFrame:
    """Withhold the stages that hardly anybody reached; the row before the map then goes altogether."""
    hardly = (stages["entered"] > 0) & (stages["entered"] < min_group)
    unsure = hardly | (stages["mature"] < min_group)
    shown = ~hardly | (stages["stage"] != BEFORE_THE_MAP)
    counts = {name: stages[name].astype(float).mask(hardly) for name in (*_COUNTS, "median_s")}
    shares = {name: stages[name].mask(unsure) for name in ("drop_out_share", "lower", "upper")}
    table = stages.assign(**counts, **shares)[shown].reset_index(drop=True)
    return _without_few_answers(table, "satisfaction", min_group)


def _without_few_compared(deviations: pd.DataFrame, min_group: int) -> pd.DataFrame:
    """Withhold how deviations compare where one side is of too few journeys."""
    few = deviations[["mature_with", "mature_without"]].min(axis=1) < min_group
    return deviations.assign(**{name: deviations[name].mask(few) for name in ("difference", "q")})


def _without_few_measured(promises: pd.DataFrame, min_group: int) -> pd.DataFrame:
    """Withhold what was measured too seldom, or in too few journeys; what never was stays none."""
    measured, journeys = promises["measured"], promises["journeys_kept"] + promises["journeys_broken"]
    few = (measured > 0) & ((measured < min_group) | (journeys < min_group))
    shares = {name: promises[name].mask(few) for name in ("share_kept", "lower", "upper")}
    return promises.assign(measured=measured.astype(float).mask(few), **shares)


def _without_few_answers(table: pd.DataFrame, measure: str, min_group: int) -> pd.DataFrame:
    """Withhold the means of too few answers; their number becomes NaN, none stays none."""
    answered = table[f"{measure}_answered"]
    few = (answered > 0) & (answered < min_group)
    told = [name for name in (measure, f"{measure}_lower", f"{measure}_upper") if name in table]
    return table.assign(
        **{name: table[name].where(answered >= min_group) for name in told},
        **{f"{measure}_answered": answered.astype(float).mask(few)},
    )
