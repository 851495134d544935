"""The head of the page: how all journeys ended, and the findings under their headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cjmining.report import words
from cjmining.report.cells import Row, rows_of
from cjmining.schema import OUTCOMES

if TYPE_CHECKING:
    from cjmining.conformance import Conformance
    from cjmining.discovery import Discovery


_OUTCOME_COLUMNS = ("converted", "dropped", "turned_away", "open")


def outcome_cards(overall: Conformance) -> dict[str, Any]:
    """Return how many journeys of how many customers ended how, as the head of a page shows it."""
    return cards_of(rows_of(overall.outcomes)[0], "Everyone")


def cards_of(row: Row, name: str) -> dict[str, Any]:
    """Return how many journeys of a group, by its name in a sentence, ended how; `said` has it in words."""
    total = int(row["journeys"])
    left = f", {words.percent(row['dropped'] / total)} of {words.plural(total, 'journey')}" if total else ""
    verbs = ("converted", "dropped out", "turned away", "still open")
    return {
        "journeys": words.count(total),
        "customers": words.count(row["customers"]),
        "name": name,
        "said": f"{words.count(row['dropped'])} dropped out{left}",
        "cards": [
            {
                "outcome": outcome.replace(" ", "-"),
                "said": verb,
                "text": words.count(row[column]),
                "value": int(row[column]),
                "share": words.percent(row[column] / total) if total else words.NOTHING,
                "width": round(100 * row[column] / total, 3) if total else 0,
            }
            for outcome, verb, column in zip(OUTCOMES, verbs, _OUTCOME_COLUMNS, strict=True)
        ],
    }


CHAPTERS = {
    "In short": ("outcomes",),
    "Where customers drop out": ("largest drop-out", "before the map"),
    "Who differs": ("stand-out", "no stand-out"),
    "Where and when more left than usual": ("place that stands out", "no place stands out"),
    "What goes with leaving": ("goes with leaving",),
    "What it puts at risk": ("drop-out place",),
    "What we promised": ("promises", "broken promise"),
    "Channels and hand-offs": ("channels", "hand-off"),
    "Against the intended map": ("deviation",),
}


def chapters_of(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put the findings about customers under headings, in the order of reading."""
    chapters = [
        {"heading": heading, "findings": [finding for finding in findings if finding["kind"] in kinds]}
        for heading, kinds in CHAPTERS.items()
    ]
    return [chapter for chapter in chapters if chapter["findings"]]


def period(found: Discovery | None) -> str:
    """Say from when to when there are events."""
    if found is None:
        return "no events"
    starts, ends = found.overview["start"].dropna(), found.overview["end"].dropna()
    if not len(starts):
        return "no events"
    return f"{words.day(starts.min())} to {words.day(ends.max())}"
