"""The verb `report`: results to one self-contained page."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining.errors import LogError
from cjmining.report import words
from cjmining.report.facts import View, gather_facts, views_of
from cjmining.report.findings import compare_findings, derive_findings
from cjmining.report.leaving import Leaving, look_into
from cjmining.report.one_log import expect_one_log

if TYPE_CHECKING:
    from markupsafe import Markup

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
        If `path` can't be written, `min_group` is below 1, one of the results is of another kind, or they
        were not made from this log.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.report(log, found, check, path="report.html")  # doctest: +SKIP
    PosixPath('report.html')
    """
    page = Path(path)
    expect_one_log(log, found, check)
    _expect_writable(page)
    if min_group < 1:
        raise LogError(f"min_group is {min_group}; it must be at least 1 (1 shows everything)")
    if coverage is None:
        from cjmining.conformance import coverage as cover

        coverage = cover(log, check.intended)
    leaving = look_into(check) if leaving is None else leaving
    facts = _facts(log, found, check, coverage, leaving, title, min_group, earlier, now or datetime.now(UTC))
    text = fill_in(TEMPLATE, {**facts, "settings_changed": settings_changed, "overview": overview})
    write_whole(page, text.encode())
    return page


def _expect_writable(page: Path) -> None:
    """Tell before anything is worked out that the page can't be written."""
    if page.is_dir():
        raise LogError(f"can't write {page}: it is a folder; name a file, such as {page / 'report.html'}")
    if not page.parent.is_dir():
        raise LogError(f"can't write {page}: the folder {page.parent} does not exist")
    try:
        with tempfile.TemporaryFile(dir=page.parent):
            pass
    except OSError as problem:
        raise LogError(f"can't write {page}: {problem.strerror} in the folder {page.parent}") from None


def _facts(
    log: JourneyLog,
    found: Discovery,
    check: Conformance,
    coverage: Coverage,
    leaving: Leaving,
    title: str | None,
    min_group: int,
    earlier: Sequence[Mapping[str, Any]] | None,
    now: datetime,
) -> dict[str, Any]:
    """Return what the template needs, pictures included."""
    from cjmining.discovery import discover
    from cjmining.report.disclosure import merge_check, merge_found

    derived = derive_findings(log, check, coverage, min_group=min_group, leaving=leaving)
    findings, gone = compare_findings(derived, earlier)
    everyone = found if found.by is None else discover(log, ignore=found.ignore)
    found, check = merge_found(found, check, min_group), merge_check(check, min_group)
    facts = gather_facts(
        log,
        found,
        check,
        everyone=everyone,
        coverage=coverage,
        leaving=leaving,
        findings=findings,
        gone=gone,
        title=title,
        min_group=min_group,
        now=now,
    )
    for group, view in zip(facts["groups"], views_of(found, check, everyone), strict=True):
        group["pictures"] = _pictures(view, group["name"], min_group)
    return facts


def _pictures(view: View, name: str, min_group: int) -> dict[str, str]:
    """Draw one group: its journey map, what becomes of it stage by stage, and what follows what."""
    from cjmining import plot
    from cjmining.plot.choose import map_of
    from cjmining.report.disclosure import hide_small_counts, hide_small_rows

    group = None if view.group == words.EVERYONE else view.group
    check = hide_small_rows(view.check, min_group)
    drawn = {
        "map": (plot.journey_map(check, persona=group), f"Journey map: {name}"),
        "funnel": (plot.funnel(check, persona=group), f"Stages and outcomes: {name}"),
    }
    if view.found is not None:
        found = hide_small_counts(view.found, min_group)
        intended = map_of(check.intended, check.by, view.group)
        transitions = plot.transitions(found, intended=intended, group=group)
        drawn["transitions"] = (transitions, f"Transitions between touchpoints: {name}")
    return {key: _inline(picture, label) for key, (picture, label) in drawn.items()}


def _inline(picture: Any, label: str) -> str:  # noqa: ANN401 -- Axes or Figure
    """Return a picture as an element that scales with the page."""
    from cjmining import plot

    svg = plot.to_svg(getattr(picture, "figure", picture), title=label)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    head, rest = svg.split(">", 1)
    return re.sub(r'\s(width|height)="[^"]*"', "", head) + ">" + rest


def fill_in(template: str, facts: Mapping[str, Any]) -> str:
    """Return a template of this folder with its facts in their places, texts escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("cjmining.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["bound"] = _bound
    environment.filters["emphasise"] = _emphasise
    environment.filters["key_number"] = _key_number
    return environment.get_template(template).render(facts).lstrip()


_KEY_NUMBERS = (
    re.compile(r"[<>]?[\d.,]+\N{NO-BREAK SPACE}% \([^)]*%\)"),
    re.compile(r"[\d.,]+ times \([^)]*\)|about [a-z ]+ as often"),
    re.compile(r"[A-Z]{3} [\d,]+"),
    re.compile(r"[<>]?[\d.,]+\N{NO-BREAK SPACE}%"),
)


def _emphasise(text: str) -> Markup:
    """Set off the number that a finding is about."""
    from markupsafe import Markup, escape

    said = str(escape(_bound(text)))
    key = str(escape(_key_number(text)))
    return Markup(said.replace(key, f"<strong>{key}</strong>", 1) if key else said)  # noqa: S704 -- escaped above


def _key_number(text: str) -> str:
    """Return the number that a sentence is about: one with limits, else an amount, else a share."""
    said = _bound(text)
    return next((found[0] for pattern in _KEY_NUMBERS if (found := pattern.search(said))), "")


def _bound(text: str) -> str:
    """Keep a number and its per cent sign on one line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def write_whole(target: Path, content: bytes) -> None:
    """Write under a temporary name and rename, so that nobody reads half of it."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
