"""The pictures of the page: one for each figure, named by its anchor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cjmining.report import words

if TYPE_CHECKING:
    from cjmining.plot.sheet import Sheet
    from cjmining.report.groundwork import View
    from cjmining.report.leaving import Leaving


def draw_pictures(
    views: Sequence[View],
    leaving: Leaving,  # noqa: ARG001 -- for pictures to come
    facts: Mapping[str, Any],
    *,
    min_group: int,
) -> dict[str, str]:
    """Draw what the page shows, from the results alone.

    Parameters
    ----------
    views : sequence of View
        Everyone first, then each group, in the order of `facts["groups"]`.
    leaving : Leaving
        What is known of those who leave, beside the check.
    facts : dict
        What the page says; names of groups are taken from here.
    min_group : int
        Nothing is drawn about fewer journeys.

    Returns
    -------
    dict of str to str
        Anchor (`figure-map-0`, `figure-flow-0`, `figure-transitions-0`, ...) to SVG by the classes of the
        page's style sheet; what can't be drawn is not in it.
    """
    drawn: dict[str, str] = {}
    for number, (view, group) in enumerate(zip(views, facts["groups"], strict=True)):
        for kind, sheet in _of_view(view, min_group):
            drawn[f"figure-{kind}-{number}"] = _inline(sheet, group["name"])
    return drawn


def _of_view(view: View, min_group: int) -> Iterator[tuple[str, Sheet]]:
    """Yield the pictures of one group: its journey map, what becomes of it, and what follows what."""
    from cjmining.plot.choose import map_of
    from cjmining.plot.flow import flow_sheet
    from cjmining.plot.journey_map import journey_map_sheet
    from cjmining.plot.transitions import transitions_sheet
    from cjmining.report.disclosure import hide_small_rows

    group = None if view.group == words.EVERYONE else view.group
    check = hide_small_rows(view.check, min_group)
    yield "map", journey_map_sheet(check, persona=group)
    yield "flow", flow_sheet(view.check, persona=group, least=min_group)
    if view.found is not None:
        intended = map_of(check.intended, check.by, view.group)
        sheet = transitions_sheet(view.found, intended=intended, group=group, least=min_group)
        yield "transitions", sheet


def _inline(sheet: Sheet, name: str) -> str:
    """Return a picture as an element for the page, named by what it shows and of whom."""
    from cjmining.plot import svg

    title = sheet.title or "Figure"
    return svg.written(sheet, dark=None, title=title if name in title else f"{title}: {name}")
