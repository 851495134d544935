"""What map and log do not share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.report import words
from cjmining.report.cells import (
    MOST_ROWS,
    Table,
    cell,
    count_cell,
    line,
    make_table,
    rows_of,
    share_cell,
)
from cjmining.report.natives import native_calls
from cjmining.report.rare import NOTHING_RARE, Rare, rare_rows

if TYPE_CHECKING:
    from cjmining.conformance import Coverage
    from cjmining.log import JourneyLog


def missing_from_log(coverage: Coverage, log: JourneyLog) -> Table:
    """Return the touchpoints of the map that never occur in the log."""
    columns = [("stage", "Stage"), ("touchpoint", "Touchpoint"), ("recorded", "Expected in a system")]
    missing = rows_of(coverage.missing_from_log)
    calls = native_calls(log, [row["touchpoint"] for row in missing])
    rows = [
        line(
            [
                cell(row["stage"]),
                cell(words.name(row["touchpoint"])),
                cell("yes" if row["recorded"] else "no"),
            ],
            stage=row["stage"],
            touchpoint=row["touchpoint"],
        )
        for row in missing
    ]
    if calls:
        columns.append(("called", "What the log calls it"))
        for row, cells in zip(missing, rows, strict=True):
            called = [words.quoted(touchpoint) for touchpoint in calls.get(row["touchpoint"], ())]
            native = f"the log calls native {row['touchpoint']} {words.several(called)}"
            cells["cells"].append(cell(native if called else ""))
    table = make_table("missing-from-log", "On the map, never in the log", columns, rows)
    table["note"] = "" if rows else "Every touchpoint of the map occurs in the log."
    return table


def unknown_to_map(coverage: Coverage, log: JourneyLog, min_group: int, rare: Rare = NOTHING_RARE) -> Table:
    """Return the events that the map does not know, most frequent first."""
    columns = [
        ("source", "Source"),
        ("native", "Native event"),
        ("touchpoint", "Touchpoint"),
        ("events", "Events"),
        ("share_of_events", "Share of events"),
        ("journeys", "Journeys"),
        ("labelled", "Labelled"),
    ]
    unknown = coverage.unknown_to_map
    few = rare_rows(unknown, rare)
    enough = rows_of(unknown[(unknown["journeys"] >= min_group) & ~few])
    rows = rows_of(unknown)
    shown = sorted(enough, key=lambda row: -row["events"])[:MOST_ROWS]
    cells = [
        line(
            [
                cell(row["source"]),
                cell(row["native"]),
                cell(words.name(row["touchpoint"])),
                count_cell(row["events"]),
                share_cell(row["share_of_events"]),
                count_cell(row["journeys"]),
                cell("yes" if row["labelled"] else "no"),
            ],
            source=row["source"],
            touchpoint=row["touchpoint"],
        )
        for row in shown
    ]
    rest = [row for row in rows if row not in shown]
    if rest:
        events = sum(int(row["events"]) for row in rest)
        others = [words.plural(len(rest), "other native event"), "", ""]
        cells.append(
            line(
                [
                    *map(cell, others),
                    count_cell(events),
                    share_cell(events / max(log.n_events, 1)),
                    *map(cell, ["", ""]),
                ]
            )
        )
    table = make_table("unknown-to-map", "In the log, unknown to the map", columns, cells)
    if rows:
        every = sum(int(row["events"]) for row in rows)
        total = [count_cell(every), share_cell(every / max(log.n_events, 1))]
        table["total"] = [cell("All"), *map(cell, ["", ""]), *total, *map(cell, ["", ""])]
    table["note"] = "" if rows else "Every event of the log is on the map."
    return table
