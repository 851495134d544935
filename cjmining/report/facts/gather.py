"""Facts: everything the page says, as a plain dict of texts, numbers and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cjmining.report import words
from cjmining.report.facts.compared import comparison_table, fitness_table, standouts_table
from cjmining.report.facts.group import group_facts
from cjmining.report.facts.head import chapters_of, outcome_cards, period
from cjmining.report.facts.leaving import leaving_facts
from cjmining.report.facts.method import method_notes
from cjmining.report.facts.quality import quality_tables
from cjmining.report.facts.shared import missing_from_log, unknown_to_map
from cjmining.report.facts.sureness import sureness
from cjmining.report.views import views_of

if TYPE_CHECKING:
    from cjmining.conformance import Conformance, Coverage
    from cjmining.discovery import Discovery
    from cjmining.log import JourneyLog
    from cjmining.report.leaving import Leaving


def gather_facts(
    log: JourneyLog,
    found: Discovery,
    check: Conformance,
    *,
    everyone: Discovery,
    coverage: Coverage,
    leaving: Leaving,
    findings: Sequence[Mapping[str, Any]],
    gone: Sequence[Mapping[str, Any]] = (),
    title: str | None,
    min_group: int,
    now: datetime,
) -> dict[str, Any]:
    """Collect what the page shows.

    Parameters
    ----------
    log, found, check, coverage
        The results; small groups are merged already (`disclosure.merge_small_groups`).
    everyone : Discovery
        What customers do, ungrouped.
    leaving : Leaving
        What is known of those who leave, beside the check.
    findings, gone : sequence of dict
        As `findings.compare_findings` returns them.
    title : str or None
        Title of the page; default is the name of the map.
    min_group : int
        Rows about fewer journeys are merged or left out.
    now : datetime
        The one moment that differs between two runs.

    Returns
    -------
    dict
        Texts, numbers, lists and dicts only.
    """
    from cjmining import __version__

    return {
        "title": title or check.intended.name,
        "map": check.intended.name,
        "version": __version__,
        "made": words.minute(now),
        "period": period(everyone),
        "data_end": words.minute(log.data_end),
        "min_group": min_group,
        "by": None if check.by is None else words.name(check.by),
        "outcomes": outcome_cards(check.overall),
        "findings": chapters_of(findings),
        "data_findings": [
            finding for finding in findings if finding["about_data"] and finding["kind"] != "knowing"
        ],
        "compared": any(finding.get("status") for finding in findings) or bool(gone),
        "gone": list(gone),
        "sureness": sureness(check, findings, min_group),
        "leaving": leaving_facts(leaving, min_group),
        "groups": [
            group_facts(view, leaving.everyone if number == 0 else leaving.ends, number, min_group)
            for number, view in enumerate(views_of(found, check, everyone))
        ],
        "comparison": comparison_table(check) if check.by is not None else None,
        "standouts": standouts_table(check, min_group) if check.by is not None else None,
        "coverage": [missing_from_log(coverage, log), unknown_to_map(coverage, log, min_group)],
        "quality": quality_tables(log),
        "fitness": fitness_table(check, min_group),
        "method": method_notes(check.intended, min_group, _how_grouped(log, check.by)),
    }


def _how_grouped(log: JourneyLog, by: str | None) -> str | None:
    """Say how a journey gets its group: from its customer, or from one of its events."""
    if by is None:
        return None
    what = words.name(by)
    if by == "persona":
        return "The persona is the customer's: the first of the map whose rule fits their attributes."
    if by in log.customers.columns:
        return f"The {what} is the customer's, the same for all of their journeys."
    return (
        f"A journey's {what} is that of its first event that has one, whatever later events have; a journey "
        f"without such an event is of unknown {what}."
    )
