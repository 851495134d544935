"""The verb `run_study`: from a study file to findings, tables and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining import shown
from cjmining.errors import MapError, StudyError
from cjmining.ingest import ingest
from cjmining.intended.excel import load_openpyxl
from cjmining.labels import read_labels
from cjmining.progress import Progress, part, telling
from cjmining.report import Finding, report
from cjmining.report.overview import Part, write_overview
from cjmining.report.workbook import export
from cjmining.study import outputs
from cjmining.study.changes import say_maps
from cjmining.study.form import StudyForm, build_sources, read_study
from cjmining.study.maps import read_maps, slug
from cjmining.study.one_map import MapResult, study_map, tables_of
from cjmining.study.settings import Settings, common_settings
from cjmining.words import plural

if TYPE_CHECKING:
    from cjmining.conformance import Conformance, Coverage
    from cjmining.discovery import Discovery
    from cjmining.log import JourneyLog


@dataclass(frozen=True)
class StudyResult:
    """What a run found, and where it wrote it.

    `log`, `found`, `check` and `coverage` are those of the one map; where the study has several, each of
    `maps` has its own.

    Attributes
    ----------
    maps : tuple of MapResult
        What was found with each map, in the order of the study.
    findings : tuple of Finding
        Map by map, in the order in which a reader should meet them.
    compared : tuple of dict
        The findings as they stand in `findings.json`, each with its `map` and, against the earlier run, its
        `status`: new, changed or same; None where that run had no such map.
    gone : tuple of dict
        Findings of the earlier run that no longer hold, each with its `map`.
    settings_changed : str
        What differs from the earlier run in maps and settings, in sentences, since then differences may come
        from that; empty where nothing does.
    path : Path
        The page; where there are several maps, the one that leads to theirs.
    out : Path
        The folder with the page, `findings.json` and the tables.
    """

    maps: tuple[MapResult, ...]
    settings_changed: str
    path: Path
    out: Path

    @property
    def log(self) -> JourneyLog:
        """The log: labelled, split and with personas."""
        return self._only("log").log

    @property
    def found(self) -> Discovery:
        """What customers do."""
        return self._only("found").found

    @property
    def check(self) -> Conformance:
        """Actual against intended."""
        return self._only("check").check

    @property
    def coverage(self) -> Coverage:
        """What map and log do not share."""
        return self._only("coverage").coverage

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all maps."""
        return tuple(finding for each in self.maps for finding in each.findings)

    @property
    def compared(self) -> tuple[Mapping[str, Any], ...]:
        """The findings of all maps, marked against the earlier run."""
        return tuple(finding for each in self.maps for finding in each.compared)

    @property
    def gone(self) -> tuple[Mapping[str, Any], ...]:
        """The findings of all maps that no longer hold."""
        return tuple(finding for each in self.maps for finding in each.gone)

    def __repr__(self) -> str:
        return "\n  ".join([f"StudyResult: {self._headline()}", f"page: {self.path}", *map(repr, self.maps)])

    def _repr_html_(self) -> str:
        places = [("page", str(self.path)), ("folder", str(self.out))]
        return shown.card(
            "StudyResult",
            self._headline(),
            facts=places,
            notes=[self.settings_changed] if self.settings_changed else [],
            folds=[fold for place, each in enumerate(self.maps) for fold in each._folds(is_open=place == 0)],
        )

    def _headline(self) -> str:
        gone = f", {len(self.gone)} gone since the last run" if self.gone else ""
        findings = plural(len(self.compared), "finding")
        return f"{findings} with {plural(len(self.maps), 'map')}{gone}"

    def _only(self, what: str) -> MapResult:
        if len(self.maps) > 1:
            names = ", ".join(f"'{each.name}'" for each in self.maps)
            raise StudyError(
                f"this study has {len(self.maps)} maps ({names}), each with its own '{what}'; take it from "
                f"one of result.maps, such as result.maps[0].{what}"
            )
        return self.maps[0]


def run_study(
    study: str | Path, *, out: str | Path | None = None, progress: Progress | bool | None = None
) -> StudyResult:
    """Read a study's exports, hold them against its maps, and write findings, tables and the page.

    Parameters
    ----------
    study : str or Path
        The study file; `docs/study-format.md` has its keys. Its relative paths start at its own folder.
    out : str or Path, optional
        The folder to write: `report.html`, `facts.json`, `findings.json`, `tables/`; with several maps a
        folder for each in `maps/`. Default is `out` beside the study file. An earlier result there is
        replaced, all at once, and what is new, changed or gone since is marked.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.

    Returns
    -------
    StudyResult

    Raises
    ------
    StudyError
        If the study file has mistakes (all are told at once), or `out` holds something else than a result.
    SourceError, MapError, LogError
        If an export, a map or the labels can't be read, or the log and a map have nothing in common.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import cjmining as cj
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = cj.simulate.shop(100, seed=3).write(folder / "shop")
    >>> result = cj.run_study(folder / "shop" / "study.yaml", out=folder / "results")
    >>> result.findings[0].headline
    '38 % of 128 journeys reached the goal'
    """
    form, document = read_study(study)
    sources, customers = build_sources(form, document)
    folder = Path(study).parent
    target = folder / "out" if out is None else Path(out)
    outputs.check_folder(target)
    if form.workbook:
        _expect_openpyxl()
    earlier = outputs.read_findings(target)
    with telling(progress, "run_study") as tell:
        tell("reading the map" if len(form.map) == 1 else "reading the maps", 0.0)
        maps = read_maps(form, document)
        labels = None if form.labels is None else read_labels(folder / form.labels)
        log = ingest(
            sources,
            customers=customers,
            data_end=form.data_end,
            identities=form.identities,
            path=None if form.deliveries is None else folder / form.deliveries,
            add=form.deliveries is not None,
            memory_limit=form.memory_limit,
            progress=part(tell, 0.02, 0.5),
        )
        log = log if labels is None else log.label(labels)
        labels_text = None if form.labels is None else (folder / form.labels).read_text(encoding="utf-8")
        common = common_settings(form, document.text, labels_text, log)
        several = len(maps) > 1
        results = tuple(
            study_map(
                log,
                intended,
                form,
                common=common,
                earlier=earlier,
                path=target / outputs.MAPS / slug(intended.name) / outputs.PAGE
                if several
                else target / outputs.PAGE,
                progress=_part_of(tell, number, len(maps), intended.name if several else ""),
            )
            for number, intended in enumerate(maps)
        )
        result = StudyResult(results, _say_changed(results, earlier), target / outputs.PAGE, target)
        tell("writing the page and the tables" if not several else "writing the pages and the tables", 0.8)
        now = datetime.now(UTC)
        with outputs.replaced_folder(target) as unfinished:
            for each in results:
                _write_map(each, form, unfinished / each.path.relative_to(target), now, several=several)
            if several:
                _write_overview(result, form, unfinished / outputs.PAGE, now)
            outputs.write_json(unfinished / outputs.FINDINGS, _content(form, result, common, earlier, now))
            if form.write_log:
                (log if several else result.log).write(unfinished / outputs.LOG)
        return result


def _expect_openpyxl() -> None:
    """Say before anything is read that no workbook could be written."""
    try:
        load_openpyxl()
    except MapError as problem:
        raise StudyError(f"workbook: {problem}") from None


def _part_of(tell: Progress, number: int, maps: int, name: str) -> Progress:
    """Put one map's progress into that of the whole: the maps share what lies between 0.5 and 0.8."""
    called = f"{name}: " if name else ""
    begin, end = (0.5 + 0.3 * each / maps for each in (number, number + 1))
    return part(lambda text, share: tell(f"{called}{text}", share), begin, end)


def _say_changed(results: Sequence[MapResult], earlier: Mapping[str, Any] | None) -> str:
    """Join what each map says of changed settings, once where all say the same."""
    said = [each.settings_changed for each in results if each.settings_changed]
    alike = len(set(said)) == 1 and len(said) == len(results)
    named = [f"{each.name}: {each.settings_changed}" for each in results if each.settings_changed]
    return " ".join(
        filter(None, [say_maps([each.name for each in results], earlier), *(said[:1] if alike else named)])
    )


def _write_map(result: MapResult, form: StudyForm, page: Path, now: datetime, *, several: bool) -> None:
    """Write the page of a map, and its tables beside it."""
    page.parent.mkdir(parents=True, exist_ok=True)
    title = form.report.title or form.study
    report(
        result.log,
        result.found,
        result.check,
        path=page,
        facts=page.parent / outputs.FACTS,
        title=f"{title}: {result.name}" if several else title,
        min_group=form.report.min_group,
        groundwork=result.groundwork,
        earlier=result.earlier,
        settings_changed=result.settings_changed,
        overview=f"../../{outputs.PAGE}" if several else "",
        now=now,
    )
    outputs.write_tables(page.parent / outputs.TABLES, tables_of(result))
    if form.workbook:
        export(
            page.parent / outputs.WORKBOOK,
            result.log,
            result.found,
            result.check,
            result.coverage,
            *([] if result.patience is None else [result.patience]),
            *result.leaving.results.values(),
            smallest_group=form.report.min_group,
        )


def _write_overview(result: StudyResult, form: StudyForm, page: Path, now: datetime) -> None:
    """Write the page that leads to those of the maps."""
    parts = [
        Part(
            name=each.name,
            address=each.path.relative_to(result.out).as_posix(),
            check=each.check,
            compared=each.compared,
            gone=each.gone,
        )
        for each in result.maps
    ]
    write_overview(
        parts,
        path=page,
        title=form.report.title or form.study,
        data_end=result.maps[0].log.data_end,
        settings_changed=result.settings_changed,
        now=now,
    )


def _content(
    form: StudyForm,
    result: StudyResult,
    common: Settings,
    earlier: Mapping[str, Any] | None,
    now: datetime,
) -> dict[str, Any]:
    """Return what `findings.json` holds."""
    changed = [name for each in result.maps for name in each.changed]
    return {
        "format": outputs.FORMAT_VERSION,
        "study": form.study,
        "made": now.isoformat(timespec="seconds"),
        "settings": _settings(result, common),
        "findings": result.compared,
        "gone": result.gone,
        "compared_with": None if earlier is None else earlier.get("made"),
        "settings_changed": list(dict.fromkeys(changed)),
    }


def _settings(result: StudyResult, common: Settings) -> Settings:
    """Return the settings of the one map, or those that all share with each map's own under `maps`."""
    if len(result.maps) == 1:
        return result.maps[0].settings
    own = {
        each.name: {key: value for key, value in each.settings.items() if key not in common}
        | {"page": each.path.relative_to(result.out).as_posix()}
        for each in result.maps
    }
    return common | {"maps": own}
