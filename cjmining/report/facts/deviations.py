"""Against the intended map: what differed, and how journeys with a deviation ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot.choose import significant
from cjmining.report import words
from cjmining.report.cells import (
    MOST_ROWS,
    Cell,
    Row,
    Table,
    cell,
    count_cell,
    line,
    make_table,
    not_shown,
    of_group,
    part_cell,
    share_cell,
)
from cjmining.report.facts.numbers import q_text
from cjmining.report.findings.deviations import deviation_sentence, deviations_told

if TYPE_CHECKING:
    from cjmining.conformance import Conformance


def deviations_table(check: Conformance, group: str, min_group: int) -> Table:
    """Return what differed from the map in most journeys of a group."""
    columns = [
        ("said", "What differed"),
        ("type", "Type"),
        ("journeys", "Journeys"),
        ("share_of_journeys", "Share of journeys"),
        ("share_of_journeys_there", "Share of those there"),
        ("channels", "On channel"),
        ("converted_with", "Converted"),
        ("converted_without", "Others converted"),
        ("difference", "Difference in points (95 % limits)"),
        ("q", "q"),
        ("median_s_with", "Half converted within"),
        ("median_s_without", "Others within"),
    ]
    rows = sorted(of_group(check.deviations, group), key=lambda row: -row["journeys"])
    enough = [row for row in rows if row["journeys"] >= min_group]
    told = deviations_told(rows, min_group)
    shown = [row for number, row in enumerate(enough) if number < MOST_ROWS or row in told]
    channels = _channels_of_deviations(check, group, min_group)
    cells = [
        line(
            [
                cell(f"{deviation_sentence(row)[:1].upper()}{deviation_sentence(row)[1:]}"),
                cell(row["type"]),
                count_cell(row["journeys"]),
                share_cell(row["share_of_journeys"]),
                part_cell(row["journeys"], row["journeys_there"], min_group),
                cell(channels.get(_deviation_key(row), words.NOTHING)),
                *_with_and_without(row, min_group),
            ],
            stage=row["stage"],
            touchpoint=row["touchpoint"],
            type=row["type"],
        )
        for row in shown
    ]
    table = make_table("deviations", "Deviations: what differed from the intended map", columns, cells)
    left = not_shown(len(enough) - len(cells), len(rows) - len(enough), "deviation", min_group)
    table["note"] = " ".join(filter(None, [_ON_DEVIATIONS if cells else "", left]))
    return table


_ON_DEVIATIONS = (
    "Others: journeys without the deviation that came as far. What goes with a deviation need not come of it."
)


def _with_and_without(row: Row, min_group: int) -> list[Cell]:
    """Return how journeys with a deviation ended beside those without, where both are enough."""
    mature = (row["mature_with"], row["mature_without"])
    if any(words.missing(journeys) or journeys < max(min_group, 1) for journeys in mature):
        return [cell(words.NOTHING) for _ in range(6)]
    difference = cell(words.points(row["difference"], row["lower"], row["upper"]), row["difference"])
    medians = [
        cell(words.duration(row[f"median_s_{side}"]), row[f"median_s_{side}"])
        if row[f"converted_{side}"] >= max(min_group, 1)
        else cell(words.NOTHING)
        for side in ("with", "without")
    ]
    return [
        part_cell(row["converted_with"], row["mature_with"], min_group),
        part_cell(row["converted_without"], row["mature_without"], min_group),
        difference | {"tone": "significant"} if significant(row) else difference,
        cell(q_text(row["q"]), row["q"]),
        *medians,
    ]


def _deviation_key(row: Row) -> tuple[str, ...]:
    return (str(row["type"]), str(row["stage"]), str(row["touchpoint"]))


def _channels_of_deviations(check: Conformance, group: str, min_group: int) -> dict[tuple[str, ...], str]:
    """Say on which channels each deviation happened, in how many journeys; those of too few are left out."""
    said: dict[tuple[str, ...], list[str]] = {}
    rows = of_group(check.deviations_by_channel, group)
    for row in sorted(rows, key=lambda row: (-row["journeys"], row["channel"])):
        if row["channel"] and row["journeys"] >= min_group:
            named = f"{words.name(row['channel'])} {words.count(row['journeys'])}"
            said.setdefault(_deviation_key(row), []).append(named)
    return {key: ", ".join(channels) for key, channels in said.items()}
