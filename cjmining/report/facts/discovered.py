"""What customers do, as counted without judging it by the map: ways, touchpoints, transitions."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from cjmining.report import words
from cjmining.report.cells import (
    MOST_ROWS,
    Table,
    answered_cell,
    cell,
    count_cell,
    line,
    make_table,
    not_shown,
    of_group,
    satisfaction_cell,
    share_cell,
)

if TYPE_CHECKING:
    from cjmining.discovery import Discovery
    from cjmining.intended import IntendedMap


MOST_WAYS = 8
"""How many of the ways that journeys took are shown one by one."""


MOST_STEPS = 12
"""Longest way that is written out whole."""


def discovered_tables(found: Discovery, intended: IntendedMap, group: str, min_group: int) -> list[Table]:
    """What the customers do, as counted without judging it by the map."""
    return [
        _ways(found, intended, group, min_group),
        _touchpoints(found, intended, group, min_group),
        _transitions(found, intended, group, min_group),
    ]


def _ways(found: Discovery, intended: IntendedMap, group: str, min_group: int) -> Table:
    columns = [("variant", "Way"), ("journeys", "Journeys"), ("share_of_journeys", "Share of journeys")]
    planned = frozenset(intended.touchpoint_names)
    ways: Counter[tuple[str, ...]] = Counter()
    mine = found.variants[found.variants["by"].astype(str) == group]
    for variant, journeys in zip(mine["variant"], mine["journeys"], strict=True):
        ways[_way(str(variant), planned)] += int(journeys)
    total = ways.total()
    shown = [(way, number) for way, number in ways.most_common(MOST_WAYS) if number >= min_group]
    cells = [
        line([cell(_in_words(way)), count_cell(number), share_cell(number / total)]) for way, number in shown
    ]
    left = total - sum(number for _, number in shown)
    if left:
        others = words.plural(len(ways) - len(shown), "other way")
        cells.append(line([cell(others), count_cell(left), share_cell(left / total)]))
    table = make_table("variants", "Ways: the most frequent orders of the map's touchpoints", columns, cells)
    table["total"] = [cell("All"), count_cell(total), cell("")]
    table["note"] = "Repetitions at once and touchpoints that are not on the map are left out of the ways."
    return table


def _way(variant: str, planned: frozenset[str]) -> tuple[str, ...]:
    """Reduce a variant to the map's touchpoints in the order in which they came, repetitions once."""
    steps = [step for step in variant.split(" > ") if step in planned]
    return tuple(step for step, _ in groupby(steps))


def _in_words(way: tuple[str, ...]) -> str:
    steps = [words.name(step) for step in way] or ["nothing on the map"]
    if len(steps) > MOST_STEPS:
        half = MOST_STEPS // 2
        steps = [*steps[:half], f"({len(steps) - 2 * half} more)", *steps[-half:]]
    return " → ".join(steps)


def _touchpoints(found: Discovery, intended: IntendedMap, group: str, min_group: int) -> Table:
    columns = [
        ("touchpoint", "Touchpoint"),
        ("journeys", "Journeys"),
        ("count", "Events"),
        ("channels", "Channels"),
        ("wait_s_mean", "Mean wait (measured)"),
        ("satisfaction_mean", "Satisfaction (answers)"),
    ]
    seen = [row for row in of_group(found.touchpoints, group) if row["touchpoint"] not in intended.ignore]
    stage_of = stages_of_touchpoints(intended)
    rows = sorted(seen, key=lambda row: -row["journeys"])
    enough = [row for row in rows if row["journeys"] >= min_group]
    cells = [
        line(
            [
                cell(words.name(row["touchpoint"])),
                count_cell(row["journeys"]),
                count_cell(row["count"]),
                cell(row["channels"] or words.NOTHING),
                answered_cell(
                    words.duration(row["wait_s_mean"]), row["wait_s_mean"], row["wait_s_answered"], min_group
                ),
                satisfaction_cell(row["satisfaction_mean"], row["satisfaction_answered"], min_group),
            ],
            stage=stage_of.get(row["touchpoint"]),
            touchpoint=row["touchpoint"],
        )
        for row in enough[: 2 * MOST_ROWS]
    ]
    table = make_table("touchpoints", "Touchpoints: what happened, where, and how it was", columns, cells)
    table["note"] = not_shown(len(enough) - len(cells), len(rows) - len(enough), "touchpoint", min_group)
    return table


def _transitions(found: Discovery, intended: IntendedMap, group: str, min_group: int) -> Table:
    columns = [
        ("from_touchpoint", "From"),
        ("to_touchpoint", "Directly to"),
        ("count", "Times"),
        ("journeys", "Journeys"),
        ("share_of_from", "Share of all steps from there"),
        ("median_s", "Median time"),
        ("p90_s", "90 % within"),
    ]
    ends = ("from_touchpoint", "to_touchpoint")
    stage_of = stages_of_touchpoints(intended)
    seen = [
        row
        for row in of_group(found.transitions, group)
        if not any(row[end] in intended.ignore for end in ends)
    ]
    rows = sorted(seen, key=lambda row: -row["count"])
    enough = [row for row in rows if row["journeys"] >= min_group]
    cells = [
        line(
            [
                cell(words.name(row["from_touchpoint"])),
                cell(words.name(row["to_touchpoint"])),
                count_cell(row["count"]),
                count_cell(row["journeys"]),
                share_cell(row["share_of_from"]),
                cell(words.duration(row["median_s"]), row["median_s"]),
                cell(words.duration(row["p90_s"]), row["p90_s"]),
            ],
            stage=stage_of.get(row["from_touchpoint"]),
            touchpoint=row["from_touchpoint"],
        )
        for row in enough[:MOST_ROWS]
    ]
    table = make_table("transitions", "Transitions: what follows what", columns, cells)
    table["note"] = not_shown(len(enough) - len(cells), len(rows) - len(enough), "transition", min_group)
    return table


def stages_of_touchpoints(intended: IntendedMap) -> dict[str, str]:
    """Return the stage of each touchpoint that the map plans in one stage alone."""
    planned: dict[str, set[str]] = {}
    for stage in intended.stages:
        for touchpoint in stage.touchpoints:
            planned.setdefault(touchpoint.touchpoint, set()).add(stage.stage)
    return {touchpoint: next(iter(stages)) for touchpoint, stages in planned.items() if len(stages) == 1}
