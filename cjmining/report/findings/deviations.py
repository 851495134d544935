"""What differed from the intended map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cjmining.plot.choose import significant
from cjmining.report import words
from cjmining.report.cells import (
    Row,
    rows_of,
)
from cjmining.report.findings.finding import Finding, cite, headline, make_finding, numbers_of

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
    horizon, total = words.days(overall.intended.horizon), int(overall.outcomes["journeys"].sum())
    for row in deviations_told(rows_of(overall.deviations), min_group):
        text = (
            f"{words.count(row['journeys'])} of {words.plural(total, 'journey')} "
            f"({words.percent(row['share_of_journeys'])}) "
            f"{deviation_sentence(row)}.{_how_they_ended(row, horizon, min_group)}"
        )
        yield make_finding(
            "deviation",
            text,
            numbers_of(row, "journeys", "share_of_journeys", *(_COMPARED if _enough(row, min_group) else ())),
            headline=headline(
                f"{words.percent(row['share_of_journeys'])} {_IN_SHORT[row['type']]}",
                row["touchpoint"],
                "an unknown stage" if words.missing(row["stage"]) else row["stage"],
            ),
            cited=[
                cite(
                    "deviations",
                    "Deviations",
                    stage=row["stage"],
                    touchpoint=row["touchpoint"],
                    type=row["type"],
                )
            ],
            refuted_by=_refuting(row),
            stage=row["stage"],
            touchpoint=row["touchpoint"],
            also=(row["type"],),
        )


_IN_SHORT = {
    "missing": "without {} at {}",
    "ad hoc": "had an unplanned {} at {}",
    "out of order": "had {} out of order at {}",
    "failed": "met a failed {} at {}",
    "repeated": "repeated {} at {}",
    "wrong channel": "had {} on another channel at {}",
    "late": "had {} too late at {}",
}
_REFUTING = {
    "missing": "If {what} did take place in these journeys, in a system that is not among the sources or "
    "under a name that no label knows: asking a sample of the {journeys} would show it.",
    "ad hoc": "If those who own the map said that {what} belongs at {stage}: then the map differs, not the "
    "{journeys}.",
    "out of order": "If the times recorded for {what} were those of booking it, not of its happening: the "
    "clocks of the sources, compared for a sample of the {journeys}, would show it.",
    "failed": "If {what} succeeded in most of the {journeys} although the source marks it as failed: trying "
    "a sample of them again would show it.",
    "repeated": "If the repetitions in these {journeys} were one event recorded several times: their times "
    "and native identifiers, compared in a sample, would show it.",
    "wrong channel": "If the channel recorded for {what} in these {journeys} were that of the system that "
    "wrote it down, not the customer's.",
    "late": "If the times recorded for {what} were those of booking it, not of its happening, in most of the "
    "{journeys}.",
}


def _refuting(row: Row) -> str:
    """Say what would show that a deviation is none."""
    stage = "an unknown stage" if words.missing(row["stage"]) else row["stage"]
    journeys = words.plural(row["journeys"], "journey")
    return _REFUTING[row["type"]].format(what=words.quoted(row["touchpoint"]), stage=stage, journeys=journeys)


def deviations_told(rows: Sequence[Row], min_group: int) -> list[Row]:
    """Return the deviations that are told in sentences: of each type the one in most journeys."""
    largest: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: -row["journeys"]):
        if row["journeys"] >= min_group:
            largest.setdefault(row["type"], row)
    return list(largest.values())[:MOST_DEVIATIONS]


_COMPARED = (
    *("mature_with", "converted_with", "mature_without", "converted_without"),
    *("difference", "lower", "upper", "q"),
)
"""What compares journeys with a deviation and without, told where both are enough."""


def _enough(row: Row, min_group: int) -> bool:
    return bool(min(row["mature_with"], row["mature_without"]) >= max(min_group, 1))


def _how_they_ended(row: Row, horizon: str, min_group: int) -> str:
    """Say how many converted with a deviation and without, where that is beyond chance and of enough."""
    if not significant(row) or not _enough(row, min_group):
        return ""
    with_it, without = (
        words.share_of(row[f"converted_{side}"], row[f"mature_{side}"]) for side in ("with", "without")
    )
    return (
        f" Of those that could be followed, {with_it} converted within {horizon}, of others that came as far "
        f"{without} (an association)."
    )
