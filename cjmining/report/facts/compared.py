"""Groups side by side: how their journeys ended, who stands out, how closely they follow the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.report import words
from cjmining.report.cells import (
    Cell,
    Row,
    Table,
    cell,
    count_cell,
    line,
    make_table,
    of_group,
    part_cell,
    rows_of,
    share_cell,
)
from cjmining.report.disclosure import shown_groups
from cjmining.report.facts.numbers import q_text

if TYPE_CHECKING:
    from cjmining.conformance import Conformance


_OUTCOME_COLUMNS = ("converted", "dropped", "turned_away", "open")


def comparison_table(check: Conformance) -> Table:
    """Return how the journeys of each group ended, and of everyone."""
    by = check.by or ""
    columns = [
        ("by", words.name(by).capitalize()),
        ("customers", "Customers"),
        ("journeys", "Journeys"),
        ("converted", "Converted"),
        ("dropped", "Dropped out"),
        ("turned_away", "Turned away"),
        ("open", "Open"),
    ]
    rows = [
        line(_outcome_cells(words.name_of(row["by"], check.by), row), group=row["by"])
        for row in rows_of(check.outcomes)
    ]
    table = make_table(
        "outcomes", f"Outcomes: how the journeys of each {words.name(by)} ended", columns, rows
    )
    table["total"] = _outcome_cells("Everyone", rows_of(check.overall.outcomes)[0])
    left = len(check.groups) - len(shown_groups(check))
    if left:
        table["note"] = (
            f"The {len(check.groups) - left} groups with most journeys have sentences and pictures of their "
            f"own, the other {left} have not."
        )
    return table


def _outcome_cells(name: str, row: Row) -> list[Cell]:
    total = row["journeys"]
    shares = [
        cell(
            f"{words.count(row[column])} ({words.percent(row[column] / total)})" if total else "0",
            row[column],
        )
        for column in _OUTCOME_COLUMNS
    ]
    return [cell(name), count_cell(row["customers"]), count_cell(total), *shares]


def standouts_table(check: Conformance, min_group: int) -> Table:
    """Return each group against all others, stage by stage, those that stand out first."""
    by, horizon = words.name(check.by), words.days(check.intended.horizon)
    columns = [
        ("by", by.capitalize()),
        ("stage", "Stage"),
        ("share", f"Drop-out within {horizon}"),
        ("mature", "Followed"),
        ("rest_share", "The others"),
        ("rest_mature", "Others followed"),
        ("risk_ratio", "Times as often (95 % limits)"),
        ("q", "q"),
        ("stands_out", "Stands out"),
    ]
    rows = [
        row
        for row in rows_of(check.standouts)
        if row["mature"] >= min_group
        and row["rest_mature"] >= min_group
        and not words.missing(row["risk_ratio"])
    ]
    cells = [
        line(
            [
                cell(words.name_of(row["by"], check.by)),
                cell(row["stage"]),
                share_cell(row["share"]),
                count_cell(row["mature"]),
                share_cell(row["rest_share"]),
                count_cell(row["rest_mature"]),
                _ratio_cell(row),
                cell(q_text(row["q"]), row["q"]),
                cell("yes" if row["stands_out"] else "no"),
            ],
            group=row["by"],
            stage=row["stage"],
        )
        for row in sorted(rows, key=lambda row: (not row["stands_out"], row["q"]))
    ]
    return make_table("standouts", f"Each {by} against all others, stage by stage", columns, cells)


def _ratio_cell(row: Row) -> Cell:
    """Return a cell with the ratio of two shares; where one is nothing its limits say nothing of it."""
    if not 0 < row["risk_ratio"] < float("inf"):
        return cell(words.NOTHING)
    return cell(words.times(row["risk_ratio"], row["lower"], row["upper"]), row["risk_ratio"])


def fitness_table(check: Conformance, min_group: int) -> Table:
    """Return how closely the journeys of everyone and of each group follow the map."""
    columns = [
        ("by", words.name(check.by).capitalize() if check.by else ""),
        ("journeys", "Journeys aligned"),
        ("fitness", "Fitness of all their steps"),
        ("mean_fitness", "Mean of journeys"),
        ("perfect", "Follow the map exactly"),
    ]
    views = [(check.overall, words.EVERYONE)]
    views += [(check, group) for group in check.groups] if check.by is not None else []
    found = [(of_group(view.fitness, group), words.name_of(group, view.by)) for view, group in views]
    rows = [
        line(
            [
                cell(name),
                count_cell(row["journeys"]),
                cell(f"{row['fitness']:.2f}", row["fitness"]),
                cell(f"{row['mean_fitness']:.2f}", row["mean_fitness"]),
                part_cell(row["perfect"], row["journeys"], min_group),
            ],
            group=row["by"],
        )
        for of_view, name in found
        for row in of_view
        if row["journeys"] >= max(min_group, 1)
    ]
    return make_table("fitness", "Fitness: how closely journeys follow the map, from 0 to 1", columns, rows)
