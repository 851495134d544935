"""A discovered model over the map: what both have, what only one has."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from cjmining.plot import theme
from cjmining.plot.choose import expect_beside
from cjmining.plot.graph_edges import Look, draw_edges, thickness
from cjmining.plot.graph_model import OTHERS, Graph, Ways, graph_of_counts
from cjmining.plot.graph_places import Places, places_of
from cjmining.plot.sheet import Sheet
from cjmining.plot.transitions import draw_columns
from cjmining.plot.words import number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from cjmining.interop import ModelBesideMap
    from cjmining.plot.layered import Edge

LOOKS: Final = {
    "planned and modelled": Look(theme.DISC, 1.4),
    "planned only": Look(theme.INK, 1.2, (4.0, 2.4)),
    "modelled only": Look(theme.MODELLED, 1.8, (1.0, 1.8)),
    "in neither": Look(theme.NEITHER, 0.9, (6.0, 2.0, 1.0, 2.0)),
}
"""Lines that differ in their dashes and in lightness as well as in hue."""

_THICKEST_DASHED: Final = 3.0
_ROW: Final = 14.0
_SAMPLE: Final = 42.0


def model_beside_map(beside: ModelBesideMap, *, dark: bool = False, ax: Axes | None = None) -> Axes:
    """Draw what may directly follow what by a model, over the layout of the map.

    Solid lines stand in the map and in the model, dashed ones in the map alone, dotted ones in the model
    alone; dashes and dots in turn are what customers did though neither has it. Where transitions were
    counted, lines are as thick as they are frequent and say how often. At most 40 lines are drawn: the most
    frequent, else some of each kind; a note says how many pairs are left out.

    Parameters
    ----------
    beside : ModelBesideMap
        What `cjmining.interop.model_beside_map` returned.
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
        If `beside` is something else.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining import interop
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(50, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> model = interop.discover_model(shop.log, ignore=intended.ignore)
    >>> ax = cj.plot.model_beside_map(interop.model_beside_map(model, intended))
    >>> ax.get_label()
    'Model beside map: Online purchase'
    """
    return model_beside_map_sheet(beside).drawn_on(ax, dark=dark)


def model_beside_map_sheet(beside: ModelBesideMap) -> Sheet:
    """Lay out the graph."""
    expect_beside(beside, "cj.plot.model_beside_map")
    kinds = _kinds(beside)
    graph = graph_of_counts(_weights(beside, kinds), {}, 0, beside.intended)
    places = places_of(graph)
    sheet = Sheet(width=places.width)
    _title(sheet, beside, graph)
    draw_columns(sheet, graph, places)
    for node in graph.nodes:
        _box(sheet, graph, node, places)
    drawn_kinds = {edge: _kind_of(edge, kinds, graph) for edge in graph.edges}
    unlabelled = draw_edges(sheet, graph, places, _looks(beside.counted, graph, drawn_kinds))
    y = _legend(sheet, beside, places.bottom + 8)
    sheet.height = _notes(sheet, beside, graph, kinds, unlabelled, y)
    return sheet


_Kinds = dict[tuple[str, str], str]


def _kinds(beside: ModelBesideMap) -> _Kinds:
    pairs = beside.pairs
    named = zip(pairs["from_touchpoint"].astype(str), pairs["to_touchpoint"].astype(str), strict=True)
    kinds = dict(zip(named, pairs["kind"].astype(str), strict=True))
    return {(a, b): kind for (a, b), kind in kinds.items() if a != b}


def _weights(beside: ModelBesideMap, kinds: _Kinds) -> Ways:
    """What decides which lines are drawn: how frequent they are, else some of each kind in turn."""
    if not beside.counted:
        place: Counter[str] = Counter()
        turns: list[tuple[int, int, tuple[str, str]]] = []
        for pair, kind in kinds.items():
            turns.append((place[kind], list(LOOKS).index(kind), pair))
            place[kind] += 1
        return {pair: weight for weight, (*_, pair) in enumerate(sorted(turns, reverse=True), start=1)}
    rows = beside.pairs[["from_touchpoint", "to_touchpoint", "count"]].to_dict("records")
    counts = {(str(row["from_touchpoint"]), str(row["to_touchpoint"])): int(row["count"]) for row in rows}
    return {pair: counts[pair] for pair in kinds}


def _kind_of(edge: Edge, kinds: _Kinds, graph: Graph) -> str:
    """Return the kind of a line; of one to several touchpoints put together the first that fits any."""
    if OTHERS not in (edge.source, edge.target):
        return kinds[edge.source, edge.target]
    shown = set(graph.nodes)
    there = {
        kind
        for (a, b), kind in kinds.items()
        if edge.source == (a if a in shown else OTHERS) and edge.target == (b if b in shown else OTHERS)
    }
    return next(kind for kind in LOOKS if kind in there)


def _looks(counted: bool, graph: Graph, kinds: dict[Edge, str]) -> Callable[[Edge], Look]:
    most = max((edge.weight for edge in graph.edges), default=1.0) or 1.0

    def look_of(edge: Edge) -> Look:
        look = LOOKS[kinds[edge]]
        if not counted:
            return look
        thick = max(thickness(edge.weight, most), look.thick)
        label = number(edge.weight) if edge.weight else ""
        return look._replace(thick=min(thick, _THICKEST_DASHED) if look.dashes else thick, label=label)

    return look_of


def _title(sheet: Sheet, beside: ModelBesideMap, graph: Graph) -> None:
    sheet.title = f"Model beside map: {graph.title}"
    room = sheet.width - 2 * theme.MARGIN
    y = sheet.paragraph(f"{graph.title}: map and model", theme.MARGIN, 14, room, size=15, bold=True, lines=1)
    facts = f"What may directly follow what, by the map and by the model: {plural(len(beside.pairs), 'pair')}"
    if beside.counted:
        facts += f"; {plural(int(beside.account['count'].sum()), 'transition')} counted"
    sheet.paragraph(facts, theme.MARGIN, y + 1, room, colour=theme.MUTED, lines=1)


def _box(sheet: Sheet, graph: Graph, node: str, places: Places) -> None:
    area = places.boxes[node]
    sheet.card(area, theme.PAPER, edge=theme.RULE if node in graph.off_map else theme.DISC, z=3)
    names = graph.names[node]
    top = (area.top + area.bottom - len(names) * theme.LINE * theme.BODY) / 2
    sheet.lines(names, area.left + 6, top, size=theme.BODY)


def _legend(sheet: Sheet, beside: ModelBesideMap, y: float) -> float:
    """A row a kind: its line, its name, and how much there is of it; return where the next may start."""
    for row in beside.account.to_dict("records"):
        look = LOOKS[str(row["kind"])]
        left, middle = theme.MARGIN, y + 0.6 * _ROW
        third = _SAMPLE / 3
        line = [(left + third * step, middle) for step in range(4)]
        sheet.curve(line, colour=look.colour, width=look.thick, dashes=look.dashes)
        words = f"{row['kind']}: {plural(int(row['pairs']), 'pair')}"
        if beside.counted and row["count"]:
            words += f", {plural(int(row['count']), 'transition')} ({percent(row['share_of_transitions'])})"
        sheet.write(words, left + _SAMPLE + 8, middle + 0.35 * theme.SMALL, size=theme.SMALL)
        y += _ROW
    return y


def _notes(
    sheet: Sheet, beside: ModelBesideMap, graph: Graph, kinds: _Kinds, unlabelled: int, y: float
) -> float:
    parts = []
    again = len(beside.pairs) - len(kinds)
    if again:
        parts.append(f"Not drawn: {plural(again, 'pair')} of a touchpoint with itself.")
    if graph.left_out:
        which = "that are rarer" if beside.counted else "beyond the first of each kind by name"
        parts.append(f"Not drawn: {plural(graph.left_out, 'line')} {which}; see `.pairs`.")
    if beside.counted:
        parts.append("Numbers on lines: how often the one directly follows the other.")
    if unlabelled:
        parts.append(f"{plural(unlabelled, 'line')} without room for the number.")
    if graph.summed:
        parts.append("Touchpoints off the map beyond the first are put together.")
    room = sheet.width - 2 * theme.MARGIN
    return (
        sheet.paragraph(" ".join(parts), theme.MARGIN, y + 6, room, size=theme.SMALL, colour=theme.MUTED) + 12
    )
