"""The verb `run_study`: from a study file to findings, tables and the page."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cjmining.conformance import check as hold_against
from cjmining.conformance import coverage as cover
from cjmining.discovery import discover
from cjmining.documents import Mistake, raise_mistakes
from cjmining.errors import StudyError
from cjmining.ingest import ingest
from cjmining.intended import read_map
from cjmining.labels import Labels, read_labels
from cjmining.report import Finding, compare_findings, derive_findings, report
from cjmining.study import outputs
from cjmining.study.changes import changed_settings, say_changes
from cjmining.study.form import StudyForm, build_sources, read_study

if TYPE_CHECKING:
    import pyarrow as pa

    from cjmining.conformance import Conformance, Coverage
    from cjmining.discovery import Discovery
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class StudyResult:
    """What a run found, and where it wrote it.

    Attributes
    ----------
    log : JourneyLog
        Labelled, split and with personas.
    found : Discovery
        What customers do.
    check : Conformance
        Actual against intended.
    coverage : Coverage
        What map and log do not share.
    findings : tuple of Finding
        In the order in which a reader should meet them.
    compared : tuple of dict
        The findings as they stand in `findings.json`, with `status` new, changed or same against the earlier
        run; None where there was none.
    gone : tuple of dict
        Findings of the earlier run that no longer hold.
    settings_changed : str
        A sentence on the settings that differ from the earlier run's, since then differences may come from
        that; empty where none does.
    path : Path
        The page.
    out : Path
        The folder with the page, `findings.json` and the tables.
    """

    log: JourneyLog
    found: Discovery
    check: Conformance
    coverage: Coverage
    findings: tuple[Finding, ...]
    compared: tuple[Mapping[str, Any], ...]
    gone: tuple[Mapping[str, Any], ...]
    settings_changed: str
    path: Path
    out: Path


def run_study(
    study: str | Path, *, out: str | Path | None = None, progress: Progress | None = None
) -> StudyResult:
    """Read a study's exports, hold them against its map, and write findings, tables and the page.

    Parameters
    ----------
    study : str or Path
        The study file; `docs/study-format.md` has its keys. Its relative paths start at its own folder.
    out : str or Path, optional
        The folder to write: `report.html`, `findings.json`, `tables/`. Default is `out` beside the study
        file. An earlier result there is replaced, all at once, and what is new, changed or gone since is
        marked.
    progress : callable, optional
        Called with what is being done and the share of the whole that is done, 0 to 1.

    Returns
    -------
    StudyResult

    Raises
    ------
    StudyError
        If the study file has mistakes (all are told at once), or `out` holds something else than a result.
    SourceError, MapError, LogError
        If an export, the map or the labels can't be read, or the log and the map have nothing in common.

    Examples
    --------
    >>> import cjmining as cj
    >>> result = cj.run_study("data/samples/shop/study.yaml", out="shop-result")  # doctest: +SKIP
    >>> result.findings[0].text  # doctest: +SKIP
    'Of 2,412 journeys of 1,987 customers, ...'
    """
    form, document = read_study(study)
    sources, customers = build_sources(form, document)
    folder = Path(study).parent
    target = folder / "out" if out is None else Path(out)
    outputs.check_folder(target)
    earlier = outputs.read_findings(target)
    tell = progress or (lambda _text, _share: None)

    tell("Reading the map", 0.0)
    intended = read_map(folder / form.map)
    if form.by == "persona" and not intended.personas:
        what = f"the map {form.map} has no personas to group by; leave 'by' out, or give it personas"
        raise_mistakes(document, [Mistake(("by",), what)], error=StudyError)
    labels = None if form.labels is None else read_labels(folder / form.labels)
    log = ingest(
        sources,
        customers=customers,
        data_end=form.data_end,
        identities=form.identities,
        memory_limit=form.memory_limit,
        progress=lambda text, share: tell(text, 0.02 + 0.48 * share),
    )
    tell("Cutting journeys", 0.5)
    log = _prepare(log, intended, labels)
    tell("Discovering what customers do", 0.6)
    found, check, coverage = _analyse(log, intended, form.by, tell)
    tell("Writing the page and the tables", 0.8)
    findings = derive_findings(log, check, coverage, min_group=form.report.min_group)
    compared, gone = compare_findings(findings, None if earlier is None else earlier["findings"])
    labels_text = None if form.labels is None else (folder / form.labels).read_text(encoding="utf-8")
    settings = _settings(form, document.text, intended, labels_text, log)
    said = say_changes(settings, earlier)
    now = datetime.now(UTC)
    with outputs.replaced_folder(target) as unfinished:
        report(
            log,
            found,
            check,
            path=unfinished / outputs.PAGE,
            title=form.report.title or form.study,
            min_group=form.report.min_group,
            coverage=coverage,
            earlier=None if earlier is None else earlier["findings"],
            settings_changed=said,
            now=now,
        )
        outputs.write_tables(unfinished / outputs.TABLES, _tables(found, check, coverage))
        content = {
            "format": outputs.FORMAT_VERSION,
            "study": form.study,
            "made": now.isoformat(timespec="seconds"),
            "settings": settings,
            "findings": compared,
            "gone": gone,
            "compared_with": None if earlier is None else earlier.get("made"),
            "settings_changed": changed_settings(settings, earlier),
        }
        outputs.write_json(unfinished / outputs.FINDINGS, content)
        if form.write_log:
            log.write(unfinished / outputs.LOG)
    tell("Done", 1.0)
    return StudyResult(
        log=log,
        found=found,
        check=check,
        coverage=coverage,
        findings=findings,
        compared=tuple(compared),
        gone=tuple(gone),
        settings_changed=said,
        path=target / outputs.PAGE,
        out=target,
    )


def _prepare(log: JourneyLog, intended: IntendedMap, labels: Labels | None) -> JourneyLog:
    """Give the events their meaning, cut them into journeys, name the personas."""
    labelled = log if labels is None else log.label(labels)
    journeys = labelled.split(intended)
    return journeys.with_personas(intended) if intended.personas else journeys


def _analyse(
    log: JourneyLog, intended: IntendedMap, by: str | None, tell: Progress
) -> tuple[Discovery, Conformance, Coverage]:
    found = discover(log, by=by, ignore=intended.ignore)
    tell("Holding the journeys against the map", 0.65)
    return found, hold_against(log, intended, by=by), cover(log, intended)


def _tables(found: Discovery, check: Conformance, coverage: Coverage) -> dict[str, pa.Table]:
    """Name every table of the results; the check's for everyone too, where it is grouped."""
    results = {"discovery": found, "check": check, "coverage": coverage}
    if check.by is not None:
        results["check_all"] = check.overall
    return {
        f"{prefix}_{name}": table
        for prefix, result in results.items()
        for name, table in result.to_arrow().items()
    }


def _settings(
    form: StudyForm, study_text: str, intended: IntendedMap, labels_text: str | None, log: JourneyLog
) -> dict[str, Any]:
    """What the findings depend on beside the data themselves."""
    from cjmining import __version__

    sources = log.sources[["source", "kind", "records", "first", "last", "timezone"]]
    return {
        "version": __version__,
        "map": intended.name,
        "map_sha256": _hash(intended.text),
        "map_rest_sha256": _hash(_without_times(intended.text)),
        "labels_sha256": None if labels_text is None else _hash(labels_text),
        "sources_sha256": _hash(repr((form.sources, form.customers, form.identities))),
        "study_sha256": _hash(study_text),
        "patience_s": None if intended.patience is None else intended.patience.total_seconds(),
        "stage_patience_s": {
            stage.stage: None if stage.patience_us < 0 else stage.patience_us / 1e6
            for stage in intended.stages
        },
        "horizon_s": intended.horizon.total_seconds(),
        "by": form.by,
        "min_group": form.report.min_group,
        "data_end": log.data_end.isoformat(),
        "data_end_given": form.data_end,
        "customers": log.n_customers,
        "journeys": log.n_journeys,
        "events": log.n_events,
        "sources": [
            {str(key): _plain(value) for key, value in row.items()} for row in sources.to_dict("records")
        ],
    }


def _without_times(map_text: str) -> str:
    """Return what a map says beside patience and horizon, which are told by their values."""
    said = yaml.safe_load(map_text) or {}
    for part in (said, *said.get("stages", ())):
        for key in ("patience", "horizon"):
            part.pop(key, None)
    return repr(said)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401 -- any cell
    if value is None or value != value:
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value
