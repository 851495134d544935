"""The transition graph: what customers do next, in layers that follow the intended journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.choose import ALL, expect_found, expect_map
from cjmining.plot.graph_edges import draw_edges
from cjmining.plot.graph_model import Graph, graph_of
from cjmining.plot.graph_places import Places, places_of
from cjmining.plot.sheet import Sheet
from cjmining.plot.text import Box, fit
from cjmining.plot.words import name, number, percent, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cjmining.discovery import Discovery
    from cjmining.intended import IntendedMap


def transitions(
    found: Discovery,
    *,
    intended: IntendedMap | None = None,
    group: str | None = None,
    dark: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw which touchpoint follows which, and how often.

    Layers go from left to right: the stages of the map where one is given, else one after the strongest
    way in. Lines are as thick as they are frequent; ways back run above. At most 40 lines are drawn, the
    strongest; a note says how many are left out and how much they weigh. What the map ignores is left out,
    with the transitions from and to it, and counted: discover a log without these events to see what lies on
    both sides.

    Parameters
    ----------
    found : Discovery
        What `cj.discover` returned.
    intended : IntendedMap, optional
        Its stages give the layers; touchpoints that it lacks lie in a lane of their own below.
    group : str, optional
        One of ``found.groups``; default is all of them together.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.figure`` is the figure, to save it for instance. In a notebook they show themselves.

    Raises
    ------
    LogError
        If `found` is not the result of a discovery or has no such group, or `intended` is no map.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> ax = cj.plot.transitions(cj.discover(log), intended=intended)
    >>> ax.get_label()
    'Transitions: Online purchase'
    >>> ax.figure.savefig("transitions.png")  # doctest: +SKIP
    """
    return transitions_sheet(found, intended=intended, group=group).drawn_on(ax, dark=dark)


def transitions_sheet(
    found: Discovery, *, intended: IntendedMap | None = None, group: str | None = None
) -> Sheet:
    """Lay out the transition graph."""
    expect_found(found, "cj.plot.transitions")
    expect_map(intended, "cj.plot.transitions")
    graph = graph_of(found, intended, group)
    places = places_of(graph)
    sheet = Sheet(width=places.width)
    _title(sheet, graph, group)
    draw_columns(sheet, graph, places)
    for node in graph.nodes:
        _box(sheet, graph, node, places.boxes[node])
    unlabelled = draw_edges(sheet, graph, places)
    sheet.height = _notes(sheet, graph, places.bottom, unlabelled)
    return sheet


def _title(sheet: Sheet, graph: Graph, group: str | None) -> None:
    who = "" if group in (None, ALL) else f": {name(group)}"
    sheet.title = f"Transitions: {graph.title}{who}"
    room = sheet.width - 2 * theme.MARGIN
    y = sheet.paragraph(f"{graph.title}{who}", theme.MARGIN, 14, room, size=15, bold=True, lines=1)
    facts = f"What follows what: {plural(graph.total, 'transition')} in {plural(graph.journeys, 'journey')}"
    if graph.ignored_count:
        share = percent(graph.ignored_count / graph.total)
        facts += (
            f", {number(graph.ignored_count)} of them ({share}) left out: from or to what the map ignores"
        )
    sheet.paragraph(facts, theme.MARGIN, y + 1, room, colour=theme.MUTED, lines=1)


def draw_columns(sheet: Sheet, graph: Graph, places: Places) -> None:
    """The stages as pale columns with their names; what is off the map in a lane below."""
    for number_, stage in enumerate(graph.stages):
        left, right = places.column(number_)
        sheet.card(Box(left - 8, places.head, right + 8, places.lane_top - 8), theme.LANE, z=0.2)
        label = fit(name(stage), right - left + 8, 9.5, bold=True)
        sheet.write(label, (left + right) / 2, places.head + 15, size=9.5, bold=True, align="center")
    if graph.stages and graph.off_map:
        right_edge = places.column(len(graph.stages) - 1)[1] + 8
        area = Box(places.column(0)[0] - 8, places.lane_top, right_edge, places.bottom - 4)
        sheet.card(area, theme.PAPER, edge=theme.RULE, z=0.2)
        sheet.write("not on the map", area.left + 8, area.top + 13, size=theme.SMALL, colour=theme.MUTED)


def _box(sheet: Sheet, graph: Graph, node: str, area: Box) -> None:
    """A touchpoint: its name, its journeys, and how often it follows itself."""
    used = graph.journeys_of.get(node, 0)
    edge = theme.RULE if node in graph.off_map else theme.DISC
    sheet.card(area, theme.PAPER, edge=edge if used or node in graph.summed else theme.MUTED, z=3)
    y = sheet.lines(graph.names[node], area.left + 6, area.top + 4, size=theme.BODY)
    if node not in graph.summed:
        text = plural(used, "journey") if used > 0 else "few journeys" if used else "planned, never seen"
        y = sheet.paragraph(
            text, area.left + 6, y, area.right - area.left - 10, size=theme.SMALL, colour=theme.MUTED
        )
    if graph.again.get(node):
        sheet.write(f"again {number(graph.again[node])}", area.left + 6, y + theme.SMALL, size=theme.SMALL)


def _notes(sheet: Sheet, graph: Graph, y: float, unlabelled: int) -> float:
    parts = [
        "Numbers on lines: how often the one directly follows the other;",
        "'again': how often it follows itself.",
    ]
    back = "a stage" if graph.stages else "a layer"
    colours = f"Blue leads on, ochre back to {back} before"
    parts.append(f"{colours}, grey from or to what isn't on the map." if graph.off_map else f"{colours}.")
    if graph.left_out:
        parts.append(
            f"Not drawn: {plural(graph.left_out, 'weaker line')} with {number(graph.left_out_count)} of "
            f"{plural(graph.total, 'transition')} ({percent(graph.left_out_count / graph.total)})."
        )
    if unlabelled:
        parts.append(f"{plural(unlabelled, 'line')} without room for the number; see `.transitions`.")
    if graph.summed:
        parts.append("Touchpoints off the map beyond the most frequent are put together.")
    room = sheet.width - 2 * theme.MARGIN
    return (
        sheet.paragraph(" ".join(parts), theme.MARGIN, y + 8, room, size=theme.SMALL, colour=theme.MUTED) + 12
    )
