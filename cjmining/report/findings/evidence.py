"""Where on the page the numbers of findings stand: from the tables they cite to anchors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cjmining.report.slugs import group_slugs, stage_slugs

if TYPE_CHECKING:
    from cjmining.conformance import Conformance
    from cjmining.report.findings.finding import Cited, Finding

COMMON = frozenset(
    {
        *("outcomes", "standouts", "fitness", "places", "leading", "known", "patiences", "gaps", "sources"),
        *("ledger-records", "ledger-events", "reasons", "missing-from-log", "unknown-to-map"),
    }
)
"""Tables that the page has once; every other one it has for each group."""

_COMPARING = frozenset({"outcomes", "standouts"})
"""Tables that the page has where journeys are grouped."""


def with_evidence(findings: Iterable[Finding], check: Conformance) -> tuple[Finding, ...]:
    """Say for each finding where on the page its numbers stand.

    Parameters
    ----------
    findings : iterable of Finding
        With the tables that they cite.
    check : Conformance
        Its small groups are merged already: they number the groups of the page.
    """
    stages, groups = stage_slugs(check), group_slugs(check)
    numbers = {group: number for number, group in enumerate(groups, 1)}

    def place(cited: Cited) -> dict[str, Any]:
        own = cited.table in COMMON or cited.table.startswith("drivers-")
        number = 0 if cited.group is None else numbers[cited.group]
        return {
            "anchor": cited.table if own else f"{cited.table}-{number}",
            "label": cited.label,
            "group": None if own or cited.group is None else groups[cited.group],
            "about": slugged(dict(cited.about), stages, groups),
        }

    return tuple(
        replace(
            finding,
            evidence=tuple(
                place(cited)
                for cited in finding.cited
                if check.by is not None or cited.table not in _COMPARING
            ),
        )
        for finding in findings
    )


def slugged(about: dict[str, str], stages: dict[str, str], groups: dict[str, str]) -> dict[str, str]:
    """Return what a row is about with the slugs of its stage and group; other names stay as they are."""
    of = {"stage": stages, "group": groups}
    return {key: of.get(key, {}).get(name, name) for key, name in about.items()}
