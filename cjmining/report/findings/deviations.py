"""What differed from the intended map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cjmining.plot.choose import significant
from cjmining.report import words
from cjmining.report.cells import (
    Row,
    rows_of,
)
from cjmining.report.findings.finding import Finding, make_finding, numbers_of

if TYPE_CHECKING:
    from cjmining.conformance import Conformance


MOST_DEVIATIONS = 4
"""How many deviations are told in sentences, the largest of each type; the table has all of them."""


_DEVIATES = {
    "missing": "passed {stage} at least once without {what}",
    "ad hoc": "had {what} at {stage}, where the map does not plan it",
    "out of order": "had {what} at {stage} out of its intended order",
    "failed": "met a failed {what} at {stage}",
    "repeated": "repeated {what} at {stage}, where the map plans it once",
    "wrong channel": "had {what} at {stage} on a channel that the map does not plan",
    "late": "had {what} later than the map allows from {stage}",
}


def deviation_sentence(row: Row) -> str:
    """Say a deviation as the end of a sentence about journeys."""
    stage = "an unknown stage" if words.missing(row["stage"]) else row["stage"]
    return _DEVIATES[row["type"]].format(what=words.quoted(row["touchpoint"]), stage=stage)


def deviation_findings(overall: Conformance, min_group: int) -> Iterator[Finding]:
    """Say the largest deviation of each type."""
    rows = [row for row in rows_of(overall.deviations) if row["journeys"] >= min_group]
    horizon = words.days(overall.intended.horizon)
    largest: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: -row["journeys"]):
        largest.setdefault(row["type"], row)
    for row in list(largest.values())[:MOST_DEVIATIONS]:
        text = (
            f"{words.plural(row['journeys'], 'journey')} ({words.percent(row['share_of_journeys'])}) "
            f"{deviation_sentence(row)}.{_how_they_ended(row, horizon, min_group)}"
        )
        yield make_finding(
            "deviation",
            text,
            numbers_of(
                row,
                *("journeys", "share_of_journeys", "mature_with", "converted_with"),
                *("mature_without", "converted_without", "difference", "lower", "upper", "q"),
            ),
            stage=row["stage"],
            touchpoint=row["touchpoint"],
            also=(row["type"],),
        )


def _how_they_ended(row: Row, horizon: str, min_group: int) -> str:
    """Say how many converted with a deviation and without, where that is beyond chance and of enough."""
    if not significant(row) or min(row["mature_with"], row["mature_without"]) < max(min_group, 1):
        return ""
    with_it, without = (
        words.share_of(row[f"converted_{side}"], row[f"mature_{side}"]) for side in ("with", "without")
    )
    return (
        f" Of those that could be followed, {with_it} converted within {horizon}, of others that came as far "
        f"{without} (an association)."
    )
