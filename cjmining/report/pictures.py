"""The pictures of the page: one for each figure, named by its anchor, and one for slides for each finding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cjmining.report import words

if TYPE_CHECKING:
    from cjmining.dropout.incidence import Incidence
    from cjmining.dropout.scan import DropOutScan
    from cjmining.plot.sheet import Sheet
    from cjmining.report.groundwork import View
    from cjmining.report.leaving import Leaving


_TOLD = re.compile(r"<title>.*?</title>|</?g\b[^>]*>|(?<=<svg role=\"img\") aria-label=\"[^\"]*\"", re.DOTALL)
"""What a slide on the page needs no more: tips of marks, and its name, which comes from the finding."""


def draw_pictures(
    views: Sequence[View], leaving: Leaving, facts: Mapping[str, Any], *, min_group: int
) -> dict[str, str]:
    """Draw what the page shows, from the results alone.

    Parameters
    ----------
    views : sequence of View
        Everyone first, then each group, in the order of `facts["groups"]`.
    leaving : Leaving
        What is known of those who leave, beside the check.
    facts : dict
        What the page says; names of groups and findings are taken from here.
    min_group : int
        Nothing is drawn about fewer journeys.

    Returns
    -------
    dict of str to str
        Anchor (`figure-map-0`, `figure-flow-0`, `figure-transitions-0`, ..., `figure-heat`, `figure-scan`) to
        SVG by the classes of the page's style sheet, and `slide-` with the id of a finding to a picture that
        stands by itself, on light paper. What can't be drawn is not in it.
    """
    drawn: dict[str, str] = {}
    for number, (view, group) in enumerate(zip(views, facts["groups"], strict=True)):
        for kind, sheet in _of_view(view, leaving, min_group):
            drawn[f"figure-{kind}-{number}"] = _inline(sheet, group["name"])
    for kind, sheet in _of_all(views, leaving, min_group):
        drawn[f"figure-{kind}"] = _inline(sheet)
    return drawn | _slides(facts)


def _of_view(view: View, leaving: Leaving, min_group: int) -> Iterator[tuple[str, Sheet]]:
    """Yield the pictures of one group: its journey map, what becomes of it, and what follows what."""
    from cjmining.dropout.incidence import WHOLE
    from cjmining.plot.choose import map_of
    from cjmining.plot.flow import flow_sheet
    from cjmining.plot.incidence import incidence_sheet
    from cjmining.plot.journey_map import journey_map_sheet
    from cjmining.plot.transitions import transitions_sheet
    from cjmining.plot.variants import variants_sheet
    from cjmining.report.disclosure import hide_small_rows

    group = None if view.group == words.EVERYONE else view.group
    check = hide_small_rows(view.check, min_group)
    yield (
        "map",
        journey_map_sheet(
            check,
            persona=group,
            found=view.paths,
            why=leaving.why if group is None else (),
            places=_without_small(leaving.places, min_group),
            verbatims=view.verbatims,
        ),
    )
    yield "flow", flow_sheet(view.check, persona=group, least=min_group)
    if group is None and view.ends is not None and _begun(view.ends, WHOLE):
        ends = ("converted", "dropped here", "turned away")
        yield "incidence", incidence_sheet(view.ends, stage=WHOLE, end=ends)
    if view.variants is not None:
        yield "variants", variants_sheet(view.variants, group=group, number=5, smallest=max(min_group, 2))
    if view.found is not None:
        intended = map_of(check.intended, check.by, view.group)
        sheet = transitions_sheet(view.found, intended=intended, group=group, least=min_group)
        yield "transitions", sheet


def _begun(ends: Incidence, stage: str) -> bool:
    """Whether there are curves from a place on."""
    return bool((ends.curves["stage"].astype(str) == stage).any())


def _of_all(views: Sequence[View], leaving: Leaving, min_group: int) -> Iterator[tuple[str, Sheet]]:
    """Yield what shows all groups at once: who drops out where, and in which weeks more did than usual."""
    from cjmining.plot.heat_map import heat_map_sheet
    from cjmining.plot.scan import scan_sheet

    if len(views) > 1:
        yield "heat", heat_map_sheet(views[-1].check, fewest=min_group)
    if leaving.places is not None and len(leaving.places.weeks):
        yield "scan", scan_sheet(leaving.places, fewest=min_group)


def _without_small(places: DropOutScan | None, min_group: int) -> DropOutScan | None:
    """Leave out findings about few journeys."""
    if places is None:
        return None
    from dataclasses import replace

    return replace(places, findings=places.findings[places.findings["entered"] >= min_group])


def _inline(sheet: Sheet, name: str = "") -> str:
    """Return a picture as an element for the page, named by what it shows and of whom."""
    from cjmining.plot import svg

    title = sheet.title or "Figure"
    return svg.written(sheet, dark=None, title=title if name in title else f"{title}: {name}")


def _slides(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return a picture for slides of every finding on the page."""
    from cjmining.plot import svg
    from cjmining.plot.slide import slide_sheet
    from cjmining.report.facts.gather import findings_of

    about = {"map_name": facts["map"], "period": facts["period"]}
    return {
        f"slide-{finding['id']}": _TOLD.sub("", svg.written(slide_sheet(finding, **about), dark=False))
        for finding in findings_of(facts)
    }
