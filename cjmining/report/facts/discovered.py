"""What customers do, as counted without judging it by the map: ways, touchpoints, transitions."""

from __future__ import annotations

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
    from cjmining.report.groundwork import View, Ways


MOST_STEPS = 12
"""Longest way that is written out whole."""

MOST_TRANSITIONS = 10
"""How many transitions of a group are listed; its picture beside the table has more."""


def discovered_tables(view: View, intended: IntendedMap, min_group: int) -> list[Table]:
    """What the customers do, as counted without judging it by the map."""
    found, group = view.found, view.group
    if found is None:
        return []
    ways = [] if view.ways is None else [_ways(view.ways, min_group)]
    return [
        *ways,
        _touchpoints(found, intended, group, min_group),
        _transitions(found, intended, group, min_group),
    ]


def _ways(ways: Ways, min_group: int) -> Table:
    columns = [("variant", "Way"), ("journeys", "Journeys"), ("share_of_journeys", "Share of journeys")]
    total = ways.journeys
    shown = [(way, number) for way, number in ways.frequent if number >= min_group]
    cells = [
        line([cell(_in_words(way)), count_cell(number), share_cell(number / total)]) for way, number in shown
    ]
    left = total - sum(number for _, number in shown)
    if left:
        others = words.plural(ways.different - len(shown), "other way")
        cells.append(line([cell(others), count_cell(left), share_cell(left / total)]))
    table = make_table("variants", "Ways: the most frequent orders of the map's touchpoints", columns, cells)
    table["total"] = [cell("All"), count_cell(total), cell("")]
    table["note"] = "Repetitions at once and touchpoints that are not on the map are left out of the ways."
    return table


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
    enough = [row for row in rows if row["customers"] >= min_group]
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
    table["note"] = not_shown(
        len(enough) - len(cells), len(rows) - len(enough), "touchpoint", min_group, "customers"
    )
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
    enough = [row for row in rows if row["customers"] >= min_group]
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
        for row in enough[:MOST_TRANSITIONS]
    ]
    table = make_table("transitions", "Transitions: what follows what", columns, cells)
    table["note"] = not_shown(
        len(enough) - len(cells), len(rows) - len(enough), "transition", min_group, "customers"
    )
    return table


def stages_of_touchpoints(intended: IntendedMap) -> dict[str, str]:
    """Return the stage of each touchpoint that the map plans in one stage alone."""
    planned: dict[str, set[str]] = {}
    for stage in intended.stages:
        for touchpoint in stage.touchpoints:
            planned.setdefault(touchpoint.touchpoint, set()).add(stage.stage)
    return {touchpoint: next(iter(stages)) for touchpoint, stages in planned.items() if len(stages) == 1}
