"""The verb `report`: results to one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining.errors import LogError
from cjmining.report.facts.gather import gather_facts
from cjmining.report.findings import compare_findings, derive_findings
from cjmining.report.groundwork import Groundwork, lay_groundwork
from cjmining.report.one_log import expect_one_log
from cjmining.report.pictures import draw_pictures
from cjmining.report.rare import withhold_rare_leaving
from cjmining.report.rendering import fill_in
from cjmining.report.writing import as_short_json, expect_writable, write_whole

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
    groundwork: Groundwork | None = None,
    earlier: Sequence[Mapping[str, Any]] | None = None,
    settings_changed: str = "",
    overview: str = "",
    now: datetime | None = None,
) -> Path:
    """Write the results as one HTML page: findings first, then pictures, tables, data quality and method.

    The page needs nothing beside itself: styles and pictures are inside, it loads nothing, prints, and can
    be used by keyboard. It shows no identifier of a customer, and nothing about groups smaller than
    `min_group`, nor about what fewer customers have.

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
    groundwork : Groundwork, optional
        What else the page needs of the log (how likely each end is, where and when drop-out stands out, what
        goes with it, the ways with their channels), where `lay_groundwork` worked it out already; it takes
        seconds for a million events, building the page from it takes the same time whatever the log's size.
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
    >>> import pathlib, tempfile
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100, seed=3)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended)
    >>> page = pathlib.Path(tempfile.mkdtemp()) / "report.html"
    >>> cj.report(log, cj.discover(log), cj.check(log, intended), path=page).name
    'report.html'
    """
    page = Path(path)
    expect_one_log(log, found, check)
    expect_writable(page)
    if facts is not None:
        expect_writable(Path(facts))
    if groundwork is None:
        groundwork = lay_groundwork(log, found, check, coverage=coverage, min_group=min_group)
    elif groundwork.min_group != min_group:
        raise LogError(
            f"the groundwork was laid with min_group {groundwork.min_group}, the page is asked for with "
            f"{min_group}; give both the same"
        )
    rare = groundwork.rare
    leaving = withhold_rare_leaving(groundwork.leaving, rare)
    groundwork = replace(groundwork, leaving=leaving)
    derived = derive_findings(
        log, check, groundwork.coverage, min_group=min_group, leaving=leaving, rare=rare
    )
    told, gone = compare_findings(derived, earlier)
    said = gather_facts(
        log,
        groundwork,
        findings=told,
        gone=gone,
        title=title,
        settings_changed=settings_changed,
        overview=overview,
        now=now or datetime.now(UTC),
    )
    pictures = draw_pictures(groundwork.views, leaving, said, min_group=min_group)
    write_whole(page, fill_in(TEMPLATE, {**said, "pictures": pictures}).encode())
    if facts is not None:
        write_whole(Path(facts), as_short_json(said).encode())
    return page
