"""The pictures of the page: one for each figure, named by its anchor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cjmining.report import words

if TYPE_CHECKING:
    from cjmining.report.leaving import Leaving
    from cjmining.report.views import View


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
        Anchor (`figure-map-0`, `figure-flow-0`, `figure-transitions-0`, ...) to SVG; what can't be drawn is
        not in it.
    """
    drawn: dict[str, str] = {}
    for number, (view, group) in enumerate(zip(views, facts["groups"], strict=True)):
        drawn |= {
            f"figure-{kind}-{number}": svg for kind, svg in _of_view(view, group["name"], min_group).items()
        }
    return drawn


def _of_view(view: View, name: str, min_group: int) -> dict[str, str]:
    """Draw one group: its journey map, what becomes of it stage by stage, and what follows what."""
    from cjmining import plot
    from cjmining.plot.choose import map_of
    from cjmining.report.disclosure import hide_small_counts, hide_small_rows

    group = None if view.group == words.EVERYONE else view.group
    check = hide_small_rows(view.check, min_group)
    drawn = {
        "map": (plot.journey_map(check, persona=group), f"Journey map: {name}"),
        "flow": (plot.funnel(check, persona=group), f"Stages and outcomes: {name}"),
    }
    if view.found is not None:
        found = hide_small_counts(view.found, min_group)
        intended = map_of(check.intended, check.by, view.group)
        transitions = plot.transitions(found, intended=intended, group=group)
        drawn["transitions"] = (transitions, f"Transitions between touchpoints: {name}")
    return {kind: _inline(picture, label) for kind, (picture, label) in drawn.items()}


def _inline(picture: Any, label: str) -> str:  # noqa: ANN401 -- Axes or Figure
    """Return a picture as an element that scales with the page."""
    from cjmining import plot

    svg = plot.to_svg(getattr(picture, "figure", picture), title=label)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    head, rest = svg.split(">", 1)
    return re.sub(r'\s(width|height)="[^"]*"', "", head) + ">" + rest
