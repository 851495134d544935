"""One map of a study: what was found, what it is compared with, and how it is written."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cjmining import shown
from cjmining.conformance import check as hold_against
from cjmining.conformance import coverage as cover
from cjmining.discovery import discover
from cjmining.dropout.patience import settle_patience
from cjmining.progress import part
from cjmining.report import Finding, Groundwork, Leaving, compare_findings, derive_findings, lay_groundwork
from cjmining.study.changes import changed_settings, earlier_of, say_changes
from cjmining.study.settings import Settings, map_settings
from cjmining.words import plural

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from cjmining.conformance import Conformance, Coverage
    from cjmining.discovery import Discovery
    from cjmining.dropout.patience import SettledPatience
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog
    from cjmining.progress import Progress
    from cjmining.results import Result
    from cjmining.study.form import StudyForm

logger = logging.getLogger("cjmining")


@dataclass(frozen=True)
class MapResult:
    """What a study found with one of its maps.

    Attributes
    ----------
    name : str
        The name of the map.
    log : JourneyLog
        Labelled, split by this map and with its personas.
    found : Discovery
        What customers do.
    check : Conformance
        Actual against intended.
    coverage : Coverage
        What map and log do not share.
    groundwork : Groundwork
        What the page needs beside these; its `leaving` says how likely each end is, where and when drop-out
        stands out, and what goes with it.
    patience : SettledPatience or None
        How the map's `patience: auto` was settled; None where it says none.
    findings : tuple of Finding
        In the order in which a reader should meet them.
    compared : tuple of dict
        The findings as they stand in `findings.json`, each with its `map` and its `status`: new, changed or
        same against the earlier run; None where that had no such map.
    gone : tuple of dict
        Findings of the earlier run that no longer hold.
    earlier : tuple of dict or None
        What the earlier run found with this map; None where it had no such map.
    settings : dict
        What the findings depend on beside the data.
    changed : tuple of str
        Names of the settings that differ from the earlier run's.
    settings_changed : str
        A sentence on these, empty where none differs.
    path : Path
        The page.
    """

    name: str
    log: JourneyLog
    found: Discovery
    check: Conformance
    coverage: Coverage
    groundwork: Groundwork
    patience: SettledPatience | None
    findings: tuple[Finding, ...]
    compared: tuple[Mapping[str, Any], ...]
    gone: tuple[Mapping[str, Any], ...]
    earlier: tuple[Mapping[str, Any], ...] | None
    settings: Settings
    changed: tuple[str, ...]
    settings_changed: str
    path: Path

    @property
    def leaving(self) -> Leaving:
        """How likely each end is, where and when drop-out stands out, and what goes with it."""
        return self.groundwork.leaving

    def __repr__(self) -> str:
        findings = plural(len(self.compared), "finding")
        return f"MapResult: {findings} about {self.name!r} in {plural(self.log.n_journeys, 'journey')}"

    def _repr_html_(self) -> str:
        about = f"{self.name}, {plural(self.log.n_journeys, 'journey')}"
        return shown.card("MapResult", about, folds=self._folds(is_open=True))

    def _folds(self, *, is_open: bool) -> list[shown.Fold]:
        """Show the findings as tables for notebooks, those about the data by themselves."""
        found = [each for each in self.compared if not each["about_data"]]
        about = [each for each in self.compared if each["about_data"]]
        name = f"{self.name}, about the data"
        return [_fold(self.name, found, is_open=is_open), *([_fold(name, about)] if about else [])]


_SHOWN = 15
"""Findings that a notebook shows."""


def _fold(name: str, findings: Sequence[Mapping[str, Any]], *, is_open: bool = False) -> shown.Fold:
    news = any(each["status"] in {"new", "changed"} for each in findings)
    rows = [
        (each["headline"], *([each["status"] if each["status"] != "same" else ""] if news else []))
        for each in findings[:_SHOWN]
    ]
    more = f"{_SHOWN} of {len(findings)} findings; all of them: .findings" if len(findings) > _SHOWN else ""
    table = shown.grid(("finding", "status") if news else ("finding",), rows, more=more)
    return shown.Fold(name, plural(len(findings), "finding"), table, is_open=is_open)


def study_map(
    labelled: JourneyLog,
    intended: IntendedMap,
    form: StudyForm,
    *,
    common: Settings,
    earlier: Mapping[str, Any] | None,
    path: Path,
    progress: Progress,
) -> MapResult:
    """Cut the log into this map's journeys, hold them against it and say what was found.

    Parameters
    ----------
    labelled : JourneyLog
        The events with their meaning; the same for every map.
    intended : IntendedMap
        The map.
    form : StudyForm
        The study.
    common : dict
        The settings that all maps share.
    earlier : dict or None
        The earlier run's `findings.json`.
    path : Path
        Where the page will lie.
    progress : callable
        Called with what is done and the share of this map's work, 0 to 1.
    """
    settled = None
    if intended.unsettled:
        progress("estimating patience", 0.0)
        settled = settle_patience(labelled, intended)
        intended = settled.intended
        for note in (intended.settled, *settled.notes):
            logger.info("%s: %s", intended.name, note)
    progress("cutting journeys", 0.1)
    log = labelled.split(intended)
    if intended.personas:
        log = log.with_personas(intended)
    progress("discovering what customers do", 0.3)
    found = discover(log, by=form.by, ignore=intended.ignore)
    check = hold_against(log, intended, by=form.by, progress=part(progress, 0.5, 0.7))
    coverage = cover(log, intended)
    progress("looking into those who leave", 0.7)
    groundwork = lay_groundwork(log, found, check, coverage=coverage, min_group=form.report.min_group)
    leaving = groundwork.leaving
    findings = derive_findings(
        *(log, check, coverage),
        min_group=form.report.min_group,
        leaving=leaving,
        rare=groundwork.rare,
    )
    before = earlier_of(earlier, intended.name, alone=len(form.map) == 1)
    known = None if before is None else tuple(before["findings"])
    compared, gone = compare_findings(findings, known)
    settings = common | map_settings(intended, log.n_journeys)
    return MapResult(
        name=intended.name,
        log=log,
        found=found,
        check=check,
        coverage=coverage,
        groundwork=groundwork,
        patience=settled,
        findings=findings,
        compared=tuple({"map": intended.name, **finding} for finding in compared),
        gone=tuple({"map": intended.name, **finding} for finding in gone),
        earlier=known,
        settings=settings,
        changed=tuple(changed_settings(settings, before)),
        settings_changed=say_changes(settings, before),
        path=path,
    )


def tables_of(result: MapResult) -> dict[str, pa.Table]:
    """Name every table of the results; the check's for everyone too, where it is grouped."""
    results: dict[str, Result] = {
        "discovery": result.found,
        "check": result.check,
        "coverage": result.coverage,
    }
    if result.patience is not None:
        results["patience"] = result.patience
    results |= result.leaving.results
    if result.check.by is not None:
        results["check_all"] = result.check.overall
    return {
        f"{prefix}_{name}": table
        for prefix, each in results.items()
        for name, table in each.to_arrow().items()
    }
