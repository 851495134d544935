"""Where journeys end: at which stage, after which touchpoint, and at other patiences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cjmining.conformance.knowledge import IDENTIFIED
from cjmining.report import words
from cjmining.report.cells import (
    MOST_ROWS,
    Cell,
    Row,
    Table,
    cell,
    count_cell,
    fewer,
    line,
    make_table,
    of_group,
    satisfaction_cell,
    share_cell,
)
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from cjmining.conformance import Conformance


def stages_table(check: Conformance, group: str, min_group: int) -> Table:
    """Return for each stage who entered, who went on and who left."""
    horizon = words.days(check.intended.horizon)
    columns = [
        ("stage", "Stage"),
        ("entered", "Entered"),
        ("continued", "Went on"),
        ("converted", "Converted"),
        ("dropped", "Dropped out"),
        ("turned_away", "Turned away"),
        ("open", "Open"),
        ("mature", f"Followed for {horizon}"),
        ("dropped_within_horizon", f"of these dropped out within {horizon}"),
        ("drop_out_share", f"Drop-out within {horizon} (95 % limits)"),
        ("median_s", "Median time in it"),
        ("satisfaction", "Satisfaction (answers)"),
    ]
    rows = [line(_stage_cells(row, min_group), stage=row["stage"]) for row in of_group(check.stages, group)]
    table = make_table("stages", "Stages: who entered, who went on and who left", columns, rows)
    after = after_the_goal(of_group(check.stages, group))
    if after:
        table["note"] = (
            f"{words.several(after)}: planned after the goal. Journeys that went on there had converted "
            "before; they are counted as converted where they reached the goal."
        )
    return table


def after_the_goal(stages: Sequence[Row]) -> list[str]:
    """Name the stages that are entered after the goal alone: by journeys that had converted before."""
    inside = [row for row in stages if row["stage"] != BEFORE_THE_MAP]
    return [str(row["stage"]) for row in inside if row["entered"] == row["after_goal"] > 0]


def _stage_cells(row: Row, min_group: int) -> list[Cell]:
    counts = ("entered", "continued", "converted", "dropped", "turned_away", "open")
    if words.missing(row["entered"]) or 0 < row["entered"] < min_group:
        return [cell(row["stage"]), cell(fewer(min_group)), *[cell(words.NOTHING) for _ in range(10)]]
    enough = row["mature"] >= min_group
    return [
        cell(row["stage"]),
        *[count_cell(row[column]) for column in counts],
        count_cell(row["mature"]) if enough or row["mature"] == 0 else cell(fewer(min_group)),
        count_cell(row["dropped_within_horizon"]) if enough else cell(words.NOTHING),
        cell(words.percent(row["drop_out_share"], row["lower"], row["upper"]), row["drop_out_share"])
        if enough
        else cell(words.NOTHING),
        cell(words.duration(row["median_s"]), row["median_s"]),
        satisfaction_cell(row["satisfaction"], row["satisfaction_answered"], min_group),
    ]


def dropouts_table(check: Conformance, group: str, outcome: Row, min_group: int) -> Table:
    """Return the places where most journeys of a group dropped out; the others in one row."""
    columns = [
        ("stage", "Stage"),
        ("touchpoint", "Last touchpoint"),
        ("turn", "Next step by"),
        ("journeys", "Drop-outs"),
        ("share_of_dropped", "Share of drop-outs"),
        ("value_at_risk", "Value at risk (limits)"),
    ]
    rows = sorted(of_group(check.dropouts, group), key=lambda row: -row["journeys"])
    shown = [row for row in rows if row["journeys"] >= min_group][:MOST_ROWS]
    rest = [row for row in rows if row not in shown]
    cells = [
        line(
            [
                cell(row["stage"]),
                cell(words.name(row["touchpoint"])),
                cell(words.name(row["turn"]) or words.NOTHING),
                count_cell(row["journeys"]),
                share_cell(row["share_of_dropped"]),
                cell(
                    words.money_range(
                        row["value_at_risk"],
                        row["value_at_risk_lower"],
                        row["value_at_risk_upper"],
                        row["currency"],
                    ),
                    row["value_at_risk"],
                ),
            ],
            stage=row["stage"],
            touchpoint=row["touchpoint"],
        )
        for row in shown
    ]
    left = int(outcome["dropped"]) - sum(int(row["journeys"]) for row in shown)
    if left:
        counted = left == sum(int(row["journeys"]) for row in rest)  # else there are places not to be told
        cells.append(
            line(
                [
                    cell(words.plural(len(rest), "other place") if counted else "all other places"),
                    cell(words.NOTHING),
                    cell(words.NOTHING),
                    count_cell(left),
                    share_cell(left / outcome["dropped"]),
                    cell(words.NOTHING),
                ]
            )
        )
    table = make_table(
        "dropouts", "Drop-outs: where journeys ended, and what that puts at risk", columns, cells
    )
    table["total"] = [cell("All"), cell(""), cell(""), count_cell(outcome["dropped"]), cell(""), cell("")]
    return table


def sensitivity_table(check: Conformance, group: str, min_group: int) -> Table:
    """Return the drop-out of each stage at other patiences, and of identified customers."""
    said = {"half": "Half the patience", "as stated": "Patience as stated", "double": "Twice the patience"}
    by_stage: dict[str, dict[str, Row]] = {}
    for row in of_group(check.sensitivity, group):
        by_stage.setdefault(row["stage"], {})[row["patience"]] = row
    if (check.overall.knowledge["attribute"] == IDENTIFIED).any():
        said["identified"] = "Identified customers alone"
        for row in of_group(check.identified, group):
            by_stage.setdefault(row["stage"], {})["identified"] = row
    columns = [("stage", "Stage"), *said.items()]
    rows = [
        line(
            [cell(stage), *[_sensitive_cell(of_stage.get(patience), min_group) for patience in said]],
            stage=stage,
        )
        for stage, of_stage in by_stage.items()
    ]
    horizon = words.days(check.intended.horizon)
    return make_table(
        "sensitivity",
        f"Drop-out within {horizon} (95 % limits; how many could be followed; rank)",
        columns,
        rows,
    )


def _sensitive_cell(row: Row | None, min_group: int) -> Cell:
    if row is None or row["mature"] < min_group or words.missing(row["drop_out_share"]):
        return cell(words.NOTHING)
    rank = "" if words.missing(row.get("rank")) or row["rank"] == 0 else f", rank {row['rank']:.0f}"
    share = words.percent(row["drop_out_share"], row["lower"], row["upper"])
    return cell(f"{share} of {words.count(row['mature'])}{rank}", row["drop_out_share"])
