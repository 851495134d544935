"""Channels side by side, and where a customer's matter was handed from one to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.report import words
from cjmining.report.cells import (
    Cell,
    Row,
    Table,
    cell,
    count_cell,
    interval_cell,
    line,
    make_table,
    not_shown,
    of_group,
    share_cell,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cjmining.conformance import Conformance

MOST_HAND_OFFS = 10
"""How many ways of being handed on are shown of each kind."""

MOST_TOLD = 2
"""How many hand-offs are told in sentences, the most frequent where customers say it all again."""

_KINDS = {
    "channel": ("Between channels: one contact after another", "channel"),
    "owner": ("Between owners of stages", "owner"),
}


def channel_tables(check: Conformance, group: str, min_group: int) -> list[Table]:
    """Return the table of a group's channels, those of most journeys first."""
    rows = sorted(of_group(check.channels, group), key=lambda row: (-row["journeys"], row["channel"]))
    shown = [row for row in rows if max(row["journeys"], row["answered"]) >= max(min_group, 1)]
    if not shown:
        return []
    columns = [
        ("channel", "Channel"),
        ("journeys", "Journeys"),
        ("contacts", "Contacts"),
        ("satisfaction_drawn", "Satisfaction, 0 to 1"),
        ("satisfaction", "Mean (95 % limits)"),
        ("answered", "Answers"),
        ("median_wait_s", "Half waited at most"),
        ("p90_wait_s", "90 % at most"),
        ("waits", "Waits measured"),
    ]
    cells = [line(_channel_cells(row, min_group), channel=row["channel"]) for row in shown]
    table = make_table(
        "channels", "Channels: who was there, how they liked it, how long they waited", columns, cells
    )
    table["note"] = not_shown(0, len(rows) - len(shown), "channel", min_group)
    return [table]


def _channel_cells(row: Row, min_group: int) -> list[Cell]:
    few_journeys = 0 < row["journeys"] < min_group
    return [
        cell(words.name(row["channel"]) or "no channel"),
        cell(words.NOTHING) if few_journeys else count_cell(row["journeys"]),
        cell(words.NOTHING) if few_journeys else count_cell(row["contacts"]),
        *_satisfaction(row, min_group),
        *_waits(row, min_group),
    ]


def _satisfaction(row: Row, min_group: int) -> list[Cell]:
    if row["answered"] < max(min_group, 1) or words.missing(row["satisfaction"]):
        said = "few answers" if row["answered"] else "no answers"
        return [cell(""), cell(said), cell(words.NOTHING) if row["answered"] else count_cell(0)]
    said = words.mean(row["satisfaction"], row["lower"], row["upper"])
    drawn = interval_cell(f"Satisfaction {said}", row["satisfaction"], row["lower"], row["upper"])
    return [drawn, cell(said, row["satisfaction"]), count_cell(row["answered"])]


def _waits(row: Row, min_group: int) -> list[Cell]:
    if row["waits"] < max(min_group, 1):
        few = cell(words.NOTHING) if row["waits"] else count_cell(0)
        return [cell(words.NOTHING), cell(words.NOTHING), few]
    times = (row["median_wait_s"], row["p90_wait_s"])
    return [*(cell(words.duration(time), time) for time in times), count_cell(row["waits"])]


def hand_off_tables(check: Conformance, group: str, min_group: int) -> list[Table]:
    """Return for each kind the most frequent ways of being handed on."""
    rows = of_group(check.handoffs, group)
    tables = [_hand_offs([row for row in rows if row["kind"] == kind], kind, min_group) for kind in _KINDS]
    return [table for table in tables if table["rows"]]


def _hand_offs(rows: Sequence[Row], kind: str, min_group: int) -> Table:
    caption, what = _KINDS[kind]
    columns = [
        ("from", f"From {what}"),
        ("to", f"To {what}"),
        ("stage", "Arrived at"),
        ("again", "Second contact on the matter"),
        ("journeys", "Journeys"),
        ("share_of_journeys", "Share of journeys"),
        ("handoffs", "Times"),
        ("median_s", "Half within"),
        ("p90_s", "90 % within"),
    ]
    enough = most_frequent(rows, min_group)
    told = [row for row in enough if row["again"]][:MOST_TOLD]
    shown = [row for number, row in enumerate(enough) if number < MOST_HAND_OFFS or row in told]
    cells = [
        line(
            [
                cell(words.name(row["from"])),
                cell(words.name(row["to"])),
                cell(row["stage"]),
                cell("yes" if row["again"] else "no"),
                count_cell(row["journeys"]),
                share_cell(row["share_of_journeys"]),
                count_cell(row["handoffs"]),
                cell(words.duration(row["median_s"]), row["median_s"]),
                cell(words.duration(row["p90_s"]), row["p90_s"]),
            ],
            stage=row["stage"],
        )
        for row in shown
    ]
    table = make_table(f"hand-offs-{kind}", caption, columns, cells)
    table["note"] = not_shown(len(enough) - len(cells), len(rows) - len(enough), "way", min_group)
    return table


def most_frequent(rows: Sequence[Row], min_group: int) -> list[Row]:
    """Return the ways of being handed on that enough journeys took, those of most journeys first."""
    enough = [row for row in rows if row["journeys"] >= max(min_group, 1)]
    return sorted(enough, key=lambda row: (-row["journeys"], row["from"], row["to"], row["stage"]))
