"""The transition graph: what customers do next, in layers that follow the intended journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.choose import ALL, expect_found, expect_map
from cjmining.plot.data.transitions import COUNTED, IGNORED, OFF_MAP, UNPLANNED, UNUSED, USED
from cjmining.plot.graph_edges import Look, draw_edges, thickness
from cjmining.plot.graph_frame import draw_columns, draw_lane, draw_legend, pairs_and_count
from cjmining.plot.graph_model import Graph, graph_of
from cjmining.plot.graph_places import Places, places_of
from cjmining.plot.sheet import Sheet
from cjmining.plot.text import Box
from cjmining.plot.words import duration, name, number, percent, plural, share_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from cjmining.discovery import Discovery
    from cjmining.intended import IntendedMap
    from cjmining.plot.layered import Edge

_SAID = {
    USED: "planned and used",
    UNUSED: "planned, not used",
    UNPLANNED: "not planned, between touchpoints of the map",
    OFF_MAP: "from or to what is in no stage of the map",
    IGNORED: "from or to what the map ignores, not drawn",
}
_LOOKS = {
    USED: Look(theme.FORWARD, 3.0),
    UNUSED: Look(theme.NEITHER, 0.9, (4.0, 2.4)),
    UNPLANNED: Look(theme.MODELLED, 2.0, (1.2, 1.8)),
    OFF_MAP: Look(theme.OFF_MAP, 3.0),
}
"""Lines that differ in their dashes and in lightness as well as in hue."""


def transitions(
    found: Discovery,
    *,
    intended: IntendedMap | None = None,
    group: str | None = None,
    dark: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw which touchpoint follows which, and how often.

    Layers go from left to right: the stages of the map where one is given, else one after the strongest way
    in. Lines and arrows are as thick as they are frequent, all on one scale; ways back run above. Against a
    map, solid lines are planned and used, dashed ones planned and unused, dotted ones not planned; what is in
    no stage of the map, its exits too, is summed up below each stage. Drawn are the most frequent lines, up
    to 25 in all; against a map the main way on from each touchpoint is among them, even if it takes more
    lines, and so are up to 4 of what is planned and unused. A note says how many are left out and how much
    they weigh, and the legend accounts for all transitions. What the map ignores is counted there: discover a
    log without these events to see what lies on both sides.

    Parameters
    ----------
    found : Discovery
        What `cj.discover` returned.
    intended : IntendedMap, optional
        Its stages give the layers, and its automaton says what may directly follow what.
    group : str, optional
        One of ``found.groups``; default is all of them together.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure of the picture's own size. Type shrinks with the axes: to be
        read they should be about as large as ``ax.figure.get_size_inches()`` of that one says.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.figure`` is the figure, to save it for instance. In a notebook they show themselves.
        `cj.plot.data.transitions` has its numbers.

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
    found: Discovery, *, intended: IntendedMap | None = None, group: str | None = None, least: int = 1
) -> Sheet:
    """Lay out the transition graph; what fewer than `least` customers did is withheld."""
    expect_found(found, "cj.plot.transitions")
    expect_map(intended, "cj.plot.transitions")
    graph = graph_of(found, intended, group, least=least)
    places = places_of(graph)
    sheet = Sheet(width=places.width)
    _title(sheet, graph, group)
    draw_columns(sheet, graph, places)
    for node in graph.nodes:
        _box(sheet, graph, node, places)
    draw_lane(sheet, graph, places)
    unlabelled = draw_edges(sheet, graph, places, _look(graph, least))
    y = _legend(sheet, graph, places.bottom + 6, least) if graph.planned else places.bottom
    sheet.height = _notes(sheet, graph, y, unlabelled)
    sheet.description = _description(graph)
    return sheet


def _title(sheet: Sheet, graph: Graph, group: str | None) -> None:
    who = "" if group in (None, ALL) else f": {name(group)}"
    sheet.title = f"Transitions: {graph.title}{who}"
    room = sheet.width - 2 * theme.MARGIN
    y = sheet.paragraph(f"{graph.title}{who}", theme.MARGIN, 14, room, size=15, bold=True, lines=1)
    sheet.paragraph(_facts(graph) + ".", theme.MARGIN, y + 1, room, colour=theme.MUTED, lines=1)


def _facts(graph: Graph) -> str:
    counts = graph.counts
    return f"What follows what: {plural(counts.total, 'transition')} in {plural(counts.journeys, 'journey')}"


def _box(sheet: Sheet, graph: Graph, node: str, places: Places) -> None:
    """Draw a touchpoint: its name, its journeys, how often it follows itself, what starts and ends there."""
    area, used = places.boxes[node], graph.counts.journeys_of.get(node, 0)
    with sheet.mark(_box_tip(graph, node), **_about(graph, node)):
        sheet.card(area, theme.PAPER, edge=theme.DISC if used else theme.MUTED, z=6)
        x = area.left + 6
        y = round(sheet.lines(places.names[node], x, area.top + 4, size=theme.BODY))
        if graph.counts.journeys or graph.counts.journeys_of:
            room = area.right - x - 4
            y = round(sheet.paragraph(_used(used), x, y, room, size=theme.SMALL, colour=theme.MUTED, lines=1))
        if graph.again.get(node):
            y = round(sheet.lines([f"again {number(graph.again[node])}"], x, y, size=theme.SMALL))
        _ends(sheet, graph, node, x, y)


def _about(graph: Graph, node: str) -> dict[str, str]:
    return {"stage": graph.stages[graph.layer[node]]} if graph.stages else {}


def _used(journeys: int) -> str:
    return (
        plural(journeys, "journey") if journeys > 0 else "few journeys" if journeys else "planned, never seen"
    )


def _ends(sheet: Sheet, graph: Graph, node: str, x: float, y: float) -> None:
    """Mark how many journeys start there with a disc, and how many end there with a square."""
    middle = y + 0.65 * theme.SMALL
    for counts, is_start in ((graph.starts, True), (graph.ends, False)):
        if not counts.get(node):
            continue
        _end_mark(sheet, x + 2.5, middle, is_start=is_start)
        line = sheet.write(number(counts[node]), x + 8, y + theme.SMALL, size=theme.SMALL)
        x = line.box.right + 7


def _end_mark(sheet: Sheet, x: float, y: float, *, is_start: bool) -> None:
    if is_start:
        sheet.disc(x, y, 2.6, theme.DISC, z=6)
    else:
        sheet.card(Box(x - 2.3, y - 2.3, x + 2.3, y + 2.3), theme.INK, z=6, rounding=0)


def _box_tip(graph: Graph, node: str) -> str:
    counts = graph.counts
    parts = [_used(counts.journeys_of.get(node, 0))]
    if graph.again.get(node):
        parts.append(f"again {number(graph.again[node])}")
    parts += [
        f"{number(n[node])} {said}"
        for n, said in ((counts.starts, "start"), (counts.ends, "end"))
        if n.get(node)
    ]
    return f"{name(node)}: {', '.join(parts)}"


def _look(graph: Graph, least: int) -> Callable[[Edge], Look]:
    def look(edge: Edge) -> Look:
        kind = graph.kinds[edge.source, edge.target]
        tip = _tip(graph, edge, kind, least)
        if kind == UNUSED:
            return _LOOKS[UNUSED]._replace(tip=tip)
        thick, label = thickness(edge.weight, graph.most), number(edge.weight)
        if kind == COUNTED:
            back = graph.layer[edge.source] > graph.layer[edge.target]
            return Look(theme.BACK if back else theme.FORWARD, thick, (), label, tip)
        return _LOOKS[kind]._replace(thick=thick, label=label, tip=tip)

    return look


def _tip(graph: Graph, edge: Edge, kind: str, least: int) -> str:
    """Say of a line what follows what, how often, whether that is planned, and after how long."""
    start = f"{name(edge.source)}, then {name(edge.target)}: "
    if kind == UNUSED:
        return start + ("planned, never used" if least <= 1 else "planned, hardly or never used")
    said = start + plural(edge.weight, "time")
    if kind != COUNTED:
        said += ", planned" if kind == USED else ", not planned"
    time = graph.time((edge.source, edge.target))
    return said if time is None else f"{said}; {time.measure} {duration(time.seconds)} between"


def _legend(sheet: Sheet, graph: Graph, y: float, least: int) -> float:
    """Account for all transitions: a row a kind, and their sum."""
    total, rows = graph.counts.total, []
    for kind, pairs, count in graph.account:
        said = _SAID[kind] if kind != UNUSED or least <= 1 else "planned, hardly or never used"
        if pairs:
            rows.append((_LOOKS.get(kind), f"{said}: {pairs_and_count(pairs, count, total)}"))
    if graph.counts.withheld:
        said = f"of fewer than {least} customers each, not told"
        much = f"{plural(graph.counts.withheld, 'transition')} ({percent(graph.counts.withheld / total)})"
        rows.append((None, f"{said}: {much}"))
    rows.append((None, f"together: {plural(total, 'transition')}"))
    return draw_legend(sheet, rows, y)


def _notes(sheet: Sheet, graph: Graph, y: float, unlabelled: int) -> float:
    total = graph.counts.total
    parts = ["Numbers on lines: how often the one directly follows the other; 'again': itself."]
    if not graph.planned:
        parts.append("Blue leads on, ochre back to a layer before.")
    if graph.left_out:
        parts.append(
            f"Not drawn: {_left_out(graph)}, together {number(graph.left_out_count)} of "
            f"{plural(total, 'transition')} ({percent(graph.left_out_count / total)})."
        )
    if unlabelled:
        parts.append(f"{plural(unlabelled, 'line')} without room for the number; see `.transitions`.")
    unused, dashed = graph.unused
    if unused > dashed:
        parts.append(f"Of {number(unused)} planned and unused steps the {dashed} shortest are drawn.")
    y += 8
    room = sheet.width - 2 * theme.MARGIN
    if graph.counts.starts or graph.counts.ends:
        y = _ends_note(sheet, graph, y)
    return sheet.paragraph(" ".join(parts), theme.MARGIN, y, room, size=theme.SMALL, colour=theme.MUTED) + 12


def _left_out(graph: Graph) -> str:
    """Say how many lines are not drawn, and that even the strongest of them is no stronger than that."""
    lines, most = plural(graph.left_out, "line"), plural(graph.left_out_most, "transition")
    return f"{lines} of {most}" if graph.left_out == 1 else f"{lines}, each of at most {most}"


def _ends_note(sheet: Sheet, graph: Graph, y: float) -> float:
    """Say what the marks of starts and ends mean, and how many stand nowhere."""
    x, middle = theme.MARGIN + 3, y + 0.65 * theme.SMALL
    for said, shown, every, is_start in (
        ("journeys that start there", graph.starts, graph.counts.starts, True),
        ("journeys that end there", graph.ends, graph.counts.ends, False),
    ):
        rest = sum(every.values()) - sum(shown.values())
        text = f"{said}, {number(rest)} elsewhere" if rest else said
        _end_mark(sheet, x, middle, is_start=is_start)
        line = sheet.write(text, x + 7, y + theme.SMALL, size=theme.SMALL, colour=theme.MUTED)
        x = line.box.right + 16
    return y + theme.LINE * theme.SMALL + 2


def _description(graph: Graph) -> str:
    parts = [_facts(graph) + "."]
    total = graph.counts.total
    sums = [
        f"{_SAID[kind]} {number(count)} ({share_of(count, total)})"
        for kind, _, count in graph.account
        if count and kind in _SAID
    ]
    if sums:
        parts.append(f"Transitions {'; '.join(sums)}.")
    told = [f"{name(e.source)} to {name(e.target)} ({number(e.weight)})" for e in graph.edges[:3] if e.weight]
    if told:
        parts.append(f"Most frequent: {', '.join(told)}.")
    against = [e for e in graph.edges if graph.kinds[e.source, e.target] == UNPLANNED]
    if against:
        most = against[0]
        said = f"{name(most.source)} to {name(most.target)} ({number(most.weight)})"
        parts.append(f"Most frequent of what isn't planned: {said}.")
    return " ".join(parts)
