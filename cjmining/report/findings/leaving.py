"""Places that stand out, and what goes with leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.dropout.drivers import OWN, Drivers
from cjmining.report import words
from cjmining.report.cells import (
    Row,
    rows_of,
)
from cjmining.report.findings.finding import Finding, make_finding, numbers_of
from cjmining.report.leaving import TOO_FEW, Leaving

if TYPE_CHECKING:
    from cjmining.dropout.scan import DropOutScan


MOST_TOLD = 2
"""How many associations of a stage are told in sentences."""


def leaving_findings(leaving: Leaving, min_group: int) -> list[Finding]:
    """Return what is said in sentences: places that stand out, and the clear associations at each stage."""
    found = []
    if leaving.places is not None:
        rows = [row for row in rows_of(leaving.places.findings) if _is_told(row, min_group)]
        found += [_place(row) for row in rows]
        if not rows:
            found.append(make_finding("no place stands out", _nothing(leaving.places)))
    for each in leaving.why:
        found += [_driver(each, row) for row in _clear(each, min_group)[:MOST_TOLD]]
    return found


def _is_told(row: Row, min_group: int) -> bool:
    return bool(row["stands_out"]) and row["entered"] >= min_group


def _place(row: Row) -> Finding:
    numbers = numbers_of(
        row, "entered", "ended", "expected", "excess", "lower", "upper", "share", "expected_share", "p"
    )
    return make_finding(
        "place that stands out",
        row["sentence"],
        numbers | {"start": str(row["start"]), "end": str(row["end"])},
        stage=row["stage"],
        touchpoint=row["touchpoint"] or None,
        also=(str(row["kind"]), str(row["attributes"]), str(row["segment"])),
    )


def _nothing(places: DropOutScan) -> str:
    if not places.looked_at:
        return TOO_FEW
    return (
        "No week or segment had clearly more drop-out than its own usual level "
        f"({words.plural(places.looked_at, 'place')} looked at, up to {words.day(places.sees_until)}). A "
        "level that is always high does not count here: see Who differs."
    )


def _driver(each: Drivers, row: Row) -> Finding:
    return make_finding(
        "goes with leaving",
        row["sentence"].replace(row["candidate"], words.quoted(row["candidate"])),
        numbers_of(row, "exposed", "risk_exposed", "risk_unexposed", "difference", "lower", "upper", "q"),
        stage=each.stage,
        also=(str(row["kind"]), str(row["candidate"]), str(row["detail"])),
    )


def _clear(each: Drivers, min_group: int) -> list[Row]:
    """Return the associations with more drop-out that are clear, and that nothing stronger explains."""
    return [row for row in rows_of(each.drivers) if row["verdict"] == OWN and row["exposed"] >= min_group]
