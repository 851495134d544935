"""A discovered model over the map: what both have, what only one has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cjmining.plot import theme
from cjmining.plot.choose import expect_beside
from cjmining.plot.data.model_beside_map import counts_of, kinds_of, strongest
from cjmining.plot.data.transitions import Counts
from cjmining.plot.graph_edges import Look, draw_edges, thickness
from cjmining.plot.graph_frame import draw_columns, draw_lane, draw_legend, pairs_and_count
from cjmining.plot.graph_model import Graph, graph_of_lines
from cjmining.plot.graph_places import Places, places_of
from cjmining.plot.sheet import Sheet
from cjmining.plot.words import name, number, plural

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


def model_beside_map(beside: ModelBesideMap, *, dark: bool = False, ax: Axes | None = None) -> Axes:
    """Draw what may directly follow what by a model, over the layout of the map.

    Solid lines stand in the map and in the model, dashed ones in the map alone, dotted ones in the model
    alone; dashes and dots in turn are what customers did though neither has it. Where transitions were
    counted, lines are as thick as they are frequent and say how often. At most 25 lines are drawn: the most
    frequent, else the shortest steps of each kind; a note says how many pairs are left out. What is in no
    stage of the map is summed up below each stage.

    Parameters
    ----------
    beside : ModelBesideMap
        What `cjmining.interop.model_beside_map` returned.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure of the picture's own size. Type shrinks with the axes: to be
        read they should be about as large as ``ax.figure.get_size_inches()`` of that one says.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.figure`` is the figure, to save it for instance. In a notebook they show themselves.
        `cj.plot.data.model_beside_map` has its numbers.

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
    kinds = kinds_of(beside)
    counts = Counts(counts_of(beside, kinds))
    graph = graph_of_lines(counts, kinds, strongest(beside, kinds), beside.intended)
    places = places_of(graph)
    sheet = Sheet(width=places.width)
    facts = _title(sheet, beside, graph)
    draw_columns(sheet, graph, places)
    for node in graph.nodes:
        _box(sheet, graph, node, places)
    draw_lane(sheet, graph, places, of="time" if beside.counted else "pair")
    unlabelled = draw_edges(sheet, graph, places, _look(beside, graph))
    y = _legend(sheet, beside, places.bottom + 8)
    sheet.height = _notes(sheet, beside, graph, unlabelled, y)
    sheet.description = _description(beside, facts)
    return sheet


def _look(beside: ModelBesideMap, graph: Graph) -> Callable[[Edge], Look]:
    most = max((edge.weight for edge in graph.edges), default=1.0) or 1.0

    def look_of(edge: Edge) -> Look:
        kind = graph.kinds[edge.source, edge.target]
        tip = f"{name(edge.source)}, then {name(edge.target)}: {kind}"
        look = LOOKS[kind]
        if not beside.counted:
            return look._replace(tip=tip)
        thick = max(thickness(edge.weight, most), look.thick)
        return look._replace(
            thick=min(thick, _THICKEST_DASHED) if look.dashes else thick,
            label=number(edge.weight) if edge.weight else "",
            tip=f"{tip}, {plural(edge.weight, 'time')}",
        )

    return look_of


def _title(sheet: Sheet, beside: ModelBesideMap, graph: Graph) -> str:
    sheet.title = f"Model beside map: {graph.title}"
    room = sheet.width - 2 * theme.MARGIN
    y = sheet.paragraph(f"{graph.title}: map and model", theme.MARGIN, 14, room, size=15, bold=True, lines=1)
    facts = f"What may directly follow what, by the map and by the model: {plural(len(beside.pairs), 'pair')}"
    if beside.counted:
        facts += f"; {plural(int(beside.account['count'].sum()), 'transition')} counted"
    sheet.paragraph(facts, theme.MARGIN, y + 1, room, colour=theme.MUTED, lines=1)
    return facts


def _box(sheet: Sheet, graph: Graph, node: str, places: Places) -> None:
    area, names = places.boxes[node], places.names[node]
    with sheet.mark(name(node), stage=graph.stages[graph.layer[node]]):
        sheet.card(area, theme.PAPER, edge=theme.DISC, z=6)
        top = (area.top + area.bottom - len(names) * theme.LINE * theme.BODY) / 2
        if graph.again.get(node) and len(names) == 1:
            top = area.top + 4
        sheet.lines(names, area.left + 6, top, size=theme.BODY)


def _legend(sheet: Sheet, beside: ModelBesideMap, y: float) -> float:
    """Account for all pairs: a row a kind."""
    return draw_legend(sheet, [(LOOKS[kind], said) for kind, said in _sums(beside).items()], y)


def _sums(beside: ModelBesideMap) -> dict[str, str]:
    """Return by kind how many pairs there are, and transitions where they were counted."""
    total = int(beside.account["count"].sum()) if beside.counted else 0
    return {
        str(row["kind"]): f"{row['kind']}: "
        + pairs_and_count(int(row["pairs"]), int(row["count"]) if beside.counted else 0, total)
        for row in beside.account.to_dict("records")
    }


def _notes(sheet: Sheet, beside: ModelBesideMap, graph: Graph, unlabelled: int, y: float) -> float:
    parts = []
    again = sum(1 for a, b in graph.kinds if a == b)
    if again:
        parts.append(f"Not drawn: {plural(again, 'pair')} of a touchpoint with itself.")
    between = sum(1 for a, b in graph.kinds if a != b and a in graph.layer and b in graph.layer)
    left_out = between - len(graph.edges)
    if left_out:
        which = "that are rarer" if beside.counted else "beyond the shortest steps of each kind"
        parts.append(f"Not drawn: {plural(left_out, 'line')} {which}; see `.pairs`.")
    if beside.counted:
        parts.append("Numbers on lines: how often the one directly follows the other.")
    if unlabelled:
        parts.append(f"{plural(unlabelled, 'line')} without room for the number.")
    if graph.beside:
        said = "how often" if beside.counted else "how many pairs of either kind"
        parts.append(f"What is in no stage of the map is put together below: {said}.")
    room = sheet.width - 2 * theme.MARGIN
    return (
        sheet.paragraph(" ".join(parts), theme.MARGIN, y + 6, room, size=theme.SMALL, colour=theme.MUTED) + 12
    )


def _description(beside: ModelBesideMap, facts: str) -> str:
    return f"{facts}. {'; '.join(_sums(beside).values())}."
