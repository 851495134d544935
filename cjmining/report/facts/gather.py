"""Facts: everything the page says, as a plain dict of texts, numbers and tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
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
from cjmining.report.findings.evidence import slugged
from cjmining.report.slugs import EVERYONE, group_slugs, stage_slugs

if TYPE_CHECKING:
    from cjmining.log import JourneyLog
    from cjmining.report.cells import Table
    from cjmining.report.groundwork import Groundwork


FORMAT = 1
"""Version of the facts: it changes when a key changes its meaning or goes; docs/facts-format.md has them."""


def gather_facts(
    log: JourneyLog,
    groundwork: Groundwork,
    *,
    findings: Sequence[Mapping[str, Any]],
    gone: Sequence[Mapping[str, Any]] = (),
    title: str | None,
    settings_changed: str = "",
    overview: str = "",
    now: datetime,
) -> dict[str, Any]:
    """Collect what the page says, without its pictures: what `facts.json` holds.

    Parameters
    ----------
    log : JourneyLog
        Its sources, its ledger and the end of its data are told of.
    groundwork : Groundwork
        The results, small groups merged already.
    findings, gone : sequence of dict
        As `findings.compare_findings` returns them.
    title : str or None
        Title of the page; default is the name of the map.
    settings_changed, overview : str
        What changed since the earlier run, and the address of the page that leads to this one.
    now : datetime
        The one moment that differs between two runs.

    Returns
    -------
    dict
        Texts, numbers, lists and dicts only; docs/facts-format.md has its keys.
    """
    from cjmining import __version__

    check, coverage, leaving = groundwork.check, groundwork.coverage, groundwork.leaving
    views, min_group = groundwork.views, groundwork.min_group
    stages, groups = stage_slugs(check), group_slugs(check)
    facts = {
        "format": FORMAT,
        "title": title or check.intended.name,
        "map": check.intended.name,
        "version": __version__,
        "made": words.minute(now),
        "period": period(views[0].found),
        "data_end": words.minute(log.data_end),
        "min_group": min_group,
        "by": None if check.by is None else words.name(check.by),
        "settings_changed": settings_changed,
        "overview": overview,
        "stages": [{"name": name, "slug": slug} for name, slug in stages.items()],
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
            group_facts(view, slug, number, min_group)
            for number, (view, slug) in enumerate(zip(views, [EVERYONE, *groups.values()], strict=True))
        ],
        "comparison": comparison_table(check) if check.by is not None else None,
        "standouts": standouts_table(check, min_group) if check.by is not None else None,
        "coverage": [
            missing_from_log(coverage, log),
            unknown_to_map(coverage, log, min_group, groundwork.rare),
        ],
        "quality": quality_tables(log, coverage, check.intended),
        "fitness": fitness_table(check, min_group),
        "method": method_notes(check.intended, min_group, _how_grouped(log, check.by)),
    }
    tables = list(tables_of(facts))
    for table in tables:
        for row in table["rows"]:
            row["about"] = slugged(row["about"], stages, {words.EVERYONE: EVERYONE, **groups})
    _keep_what_stands(facts, {table["id"] for table in tables})
    return facts


def tables_of(facts: Any) -> Iterator[Table]:  # noqa: ANN401 -- any part of the facts
    """Yield every table of the facts, or of a part of them, in the order of the page."""
    if isinstance(facts, Mapping):
        if "caption" in facts and "rows" in facts:
            yield dict(facts)
        else:
            for part in facts.values():
                yield from tables_of(part)
    elif isinstance(facts, list):
        for part in facts:
            yield from tables_of(part)


def findings_of(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every finding of the facts once, in the order of the page."""
    chapters = [*facts["findings"], *facts["sureness"]]
    told = [finding for chapter in chapters for finding in chapter["findings"]]
    return [*told, *facts["data_findings"]]


def _keep_what_stands(facts: Mapping[str, Any], anchors: Collection[str]) -> None:
    """Leave out evidence in tables that have nothing to show; where nothing else is left, name the stages."""
    for finding in findings_of(facts):
        standing = [each for each in finding["evidence"] if each["anchor"] in anchors]
        fallback = {"anchor": "stages-0", "label": "Stages", "group": None, "about": dict[str, str]()}
        finding["evidence"] = standing or [fallback]


def _how_grouped(log: JourneyLog, by: str | None) -> str | None:
    """Say how a journey gets its group: from its customer, or from one of its events."""
    if by is None:
        return None
    what = words.name(by)
    if by == "persona":
        return "The persona is the customer's: the first of the map whose rule fits their attributes."
    if by in log.attributes:
        return f"The {what} is the customer's, the same for all of their journeys."
    return (
        f"A journey's {what} is that of its first event that has one, whatever later events have; a journey "
        f"without such an event is of unknown {what}."
    )
