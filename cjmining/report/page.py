"""The verb `report`: results to one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining.errors import LogError
from cjmining.report.facts.gather import gather_facts
from cjmining.report.findings import compare_findings, derive_findings
from cjmining.report.leaving import Leaving, look_into
from cjmining.report.one_log import expect_one_log
from cjmining.report.pictures import draw_pictures
from cjmining.report.rendering import fill_in
from cjmining.report.views import views_of
from cjmining.report.writing import as_json, expect_writable, write_whole

if TYPE_CHECKING:
    from cjmining.conformance import Conformance, Coverage
    from cjmining.discovery import Discovery
    from cjmining.log import JourneyLog

TEMPLATE = "template.html"


def report(
    log: JourneyLog,
    found: Discovery,
    check: Conformance,
    *,
    path: str | Path,
    facts: str | Path | None = None,
    title: str | None = None,
    min_group: int = 10,
    coverage: Coverage | None = None,
    leaving: Leaving | None = None,
    earlier: Sequence[Mapping[str, Any]] | None = None,
    settings_changed: str = "",
    overview: str = "",
    now: datetime | None = None,
) -> Path:
    """Write the results as one HTML page: findings first, then pictures, tables, data quality and method.

    The page needs nothing beside itself: styles and pictures are inside, it loads nothing, prints, and can
    be used by keyboard. It shows no identifier of a customer, and nothing about groups smaller than
    `min_group`.

    Parameters
    ----------
    log : JourneyLog
        The log that `found` and `check` were made from.
    found : Discovery
        What customers do; grouped like `check`, its tables stand beside the check's.
    check : Conformance
        Actual against intended.
    path : str or Path
        The page to write; its folder must exist. It is written to a temporary name and renamed.
    facts : str or Path, optional
        Where to write what the page says as JSON too: a plain dict, without the pictures, that
        docs/facts-format.md describes key by key.
    title : str, optional
        Title of the page; default is the name of the map.
    min_group : int
        Groups of fewer customers are merged, rows about fewer journeys merged or left out; at least 1.
    coverage : Coverage, optional
        What map and log do not share, where it is there already; by default it is worked out.
    leaving : Leaving, optional
        How likely each end is, where and when drop-out stands out, and what goes with it, where these are
        there already; by default they are worked out, which takes seconds for a million events.
    earlier : sequence of dict, optional
        The findings of an earlier run (`findings` in `findings.json`): the page then marks what is new,
        changed and gone.
    settings_changed : str, optional
        A sentence on the settings that differ from the earlier run's, to stand above the findings.
    overview : str, optional
        The address of a page that leads to this one and others, to be linked at the top.
    now : datetime, optional
        The moment shown as the time of making; the only thing on the page that two runs differ in.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    LogError
        If `path` or `facts` can't be written, `min_group` is below 1, one of the results is of another kind,
        or they were not made from this log.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.report(log, found, check, path="report.html")  # doctest: +SKIP
    PosixPath('report.html')
    """
    from cjmining.discovery import discover
    from cjmining.report.disclosure import merge_check, merge_found

    page = Path(path)
    expect_one_log(log, found, check)
    expect_writable(page)
    if facts is not None:
        expect_writable(Path(facts))
    if min_group < 1:
        raise LogError(f"min_group is {min_group}; it must be at least 1 (1 shows everything)")
    if coverage is None:
        from cjmining.conformance import coverage as cover

        coverage = cover(log, check.intended)
    leaving = look_into(check) if leaving is None else leaving
    derived = derive_findings(log, check, coverage, min_group=min_group, leaving=leaving)
    told, gone = compare_findings(derived, earlier)
    everyone = found if found.by is None else discover(log, ignore=found.ignore)
    found, check = merge_found(found, check, min_group), merge_check(check, min_group)
    views = views_of(found, check, everyone, leaving)
    said = gather_facts(
        log,
        check,
        views,
        coverage=coverage,
        leaving=leaving,
        findings=told,
        gone=gone,
        title=title,
        min_group=min_group,
        settings_changed=settings_changed,
        overview=overview,
        now=now or datetime.now(UTC),
    )
    pictures = draw_pictures(views, leaving, said, min_group=min_group)
    write_whole(page, fill_in(TEMPLATE, {**said, "pictures": pictures}).encode())
    if facts is not None:
        write_whole(Path(facts), as_json(said).encode())
    return page
