"""How good the data are: what was read, what it covers, and what became of every record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cjmining.report import words
from cjmining.report.cells import (
    MOST_ROWS,
    Row,
    Table,
    cell,
    count_cell,
    line,
    make_table,
    not_shown,
    rows_of,
)
from cjmining.report.patiences import patience_in_short

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.conformance import Coverage
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog


def quality_tables(log: JourneyLog, coverage: Coverage, intended: IntendedMap) -> list[Table]:
    """Return what was read, what became of it, and why some was left aside."""
    tables = (
        _sources(log),
        _gaps(coverage),
        _records(log),
        _events(log),
        _reasons(log),
        _patiences(intended),
    )
    return [table for table in tables if table["rows"]]


_RECORD_FATES = ("used", "superseded", "set aside", "quarantined")


_EVENT_FATES = ("kept", "joined", "withdrawn")


def _sources(log: JourneyLog) -> Table:
    columns = [
        ("source", "Source"),
        ("kind", "Read as"),
        ("records", "Records"),
        ("first", "Covers from"),
        ("last", "until"),
        ("late_days", "Days after the first"),
        ("early_days", "Days before the data end"),
        ("gaps", "Gaps"),
        ("timezone", "Times without a zone read as"),
        ("note", "Note"),
    ]
    begins = log.sources["first"].min()
    rows = [
        line(
            [
                cell(row["source"]),
                cell(row["kind"]),
                count_cell(row["records"]),
                cell(words.NOTHING if words.missing(row["first"]) else words.minute(row["first"])),
                cell(words.NOTHING if words.missing(row["last"]) else words.minute(row["last"])),
                count_cell(_days(begins, row["first"])),
                count_cell(_days(row["last"], log.data_end)),
                count_cell(0 if row["gaps"] is None else len(row["gaps"])),
                cell(_zone(row)),
                cell("" if words.missing(row["note"]) else row["note"]),
            ],
            source=row["source"],
        )
        for row in rows_of(log.sources)
    ]
    return make_table("sources", "Sources: what was read and what it covers", columns, rows)


def _days(start: Any, end: Any) -> int | None:  # noqa: ANN401 -- moments, or nothing
    """Return the whole days from one moment to another, none where it is the other way round."""
    return None if words.missing(start) or words.missing(end) else max((end - start).days, 0)


def _gaps(coverage: Coverage) -> Table:
    """Return the periods in which a source recorded improbably little, and how many each source has."""
    columns = [("source", "Source"), ("periods", "Gaps of this source"), ("start", "From"), ("end", "until")]
    gaps = coverage.gaps.sort_values(["source", "start"], kind="stable")
    number = gaps.groupby("source", observed=True)["start"].transform("size")
    rows = [
        line(
            [
                cell(row["source"]),
                count_cell(row["periods"]),
                cell(words.minute(row["start"])),
                cell(words.minute(row["end"])),
            ],
            source=row["source"],
        )
        for row in rows_of(gaps.assign(periods=number))
    ]
    caption = "Gaps: when a source recorded improbably little"
    table = make_table("gaps", caption, columns, rows[: 2 * MOST_ROWS])
    table["note"] = not_shown(len(rows) - 2 * MOST_ROWS, 0, "period", 0)
    return table


def _patiences(intended: IntendedMap) -> Table:
    """Return how long a customer may be silent at each stage before that counts as having left."""
    columns = [("stage", "Stage"), ("patience", "Silence that counts as leaving")]
    rows = [
        line([cell(stage.stage), cell(patience_in_short(intended, stage))], stage=stage.stage)
        for stage in intended.stages
    ]
    return make_table("patiences", "Patience: how long a silence counts as leaving", columns, rows)


def _zone(row: Row) -> str:
    if words.missing(row["timezone"]) or not row["timezone"]:
        return words.NOTHING
    return str(row["timezone"]) + ("" if row["timezone_given"] else " (default)")


def _records(log: JourneyLog) -> Table:
    return _fates(log.ledger, "records", _RECORD_FATES, "Records: what became of each record read")


def _events(log: JourneyLog) -> Table:
    return _fates(
        log.ledger, "events", _EVENT_FATES, "Events: what became of each event that the records used gave"
    )


def _fates(ledger: pd.DataFrame, what: str, fates: Sequence[str], caption: str) -> Table:
    """Sum the ledger by source: the fates add up to the total in each row, the rows to the last one."""
    columns = [("source", "Source"), ("total", "All"), *[(fate, fate.capitalize()) for fate in fates]]
    counts: dict[str, dict[str, int]] = {}
    for row in rows_of(ledger[ledger["what"] == what]):
        of_source = counts.setdefault(str(row["source"]), {})
        of_source[row["fate"]] = of_source.get(row["fate"], 0) + int(row["count"])
    rows = [
        line(
            [
                cell(source),
                count_cell(sum(of_source.values())),
                *[count_cell(of_source.get(fate, 0)) for fate in fates],
            ],
            source=source,
        )
        for source, of_source in counts.items()
    ]
    table = make_table(f"ledger-{what}", caption, columns, rows)
    if len(rows) > 1:
        sums = [sum(row["cells"][column]["value"] for row in rows) for column in range(1, len(columns))]
        table["total"] = [cell("All"), *map(count_cell, sums)]
    return table


def _reasons(log: JourneyLog) -> Table:
    columns = [
        ("source", "Source"),
        ("what", "What"),
        ("fate", "Fate"),
        ("reason", "Reason"),
        ("count", "How many"),
    ]
    ledger = log.ledger
    given = ledger[ledger["reason"].fillna("").astype(str) != ""]
    what = ["source", "what", "fate", "reason"]
    summed = given.groupby(what, sort=False, observed=True)[["count"]].sum().reset_index()
    rows = [
        line(
            [
                cell(row["source"]),
                cell(row["what"]),
                cell(row["fate"]),
                cell(row["reason"]),
                count_cell(row["count"]),
            ],
            source=row["source"],
        )
        for row in sorted(rows_of(summed), key=lambda row: -row["count"])
    ]
    table = make_table(
        "reasons", "Reasons: why records, events and links were left aside", columns, rows[: 2 * MOST_ROWS]
    )
    table["note"] = not_shown(len(rows) - 2 * MOST_ROWS, 0, "reason", 0)
    return table
