"""What stands around the lines of a transition graph: columns, what isn't on the map, and a legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.graph_edges import thickness
from cjmining.plot.graph_places import MOST_BESIDE, STEMS
from cjmining.plot.text import Box, fit, width
from cjmining.plot.words import name, number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cjmining.plot.graph_edges import Look
    from cjmining.plot.graph_model import Beside, Graph
    from cjmining.plot.graph_places import Places
    from cjmining.plot.sheet import Sheet

_ROW = 14.0
_SAMPLE = 42.0


def draw_columns(sheet: Sheet, graph: Graph, places: Places) -> None:
    """Draw the stages as pale columns with their names."""
    for number_, stage in enumerate(graph.stages):
        left, right = places.column(number_)
        sheet.card(Box(left - 8, places.head, right + 8, places.foot), theme.LANE, z=0.2)
        label = fit(name(stage), right - left + 8, 9.5, bold=True)
        sheet.write(label, (left + right) / 2, places.head + 15, size=9.5, bold=True, align="center")
        if number_ not in graph.layer.values():
            text = "its touchpoints stand in a stage before"
            top = _free_of_lines(graph, places, number_)
            sheet.paragraph(text, left, top, right - left, size=theme.SMALL, colour=theme.MUTED)


def _free_of_lines(graph: Graph, places: Places, layer: int) -> float:
    """Return the highest place in an empty column where no line passes through two lines of text."""
    passing = [
        ys[layer - graph.layer[edge[0]] - 1]
        for edge, ys in places.passes.items()
        if 0 < layer - graph.layer[edge[0]] <= len(ys)
    ]
    first, high = places.head + 26, 2 * theme.LINE * theme.SMALL
    tops = [first, *(y + 7 for y in sorted(passing) if first <= y + 7 <= places.foot - high)]
    return next((top for top in tops if not any(top - 6 < y < top + high + 6 for y in passing)), first)


def draw_lane(sheet: Sheet, graph: Graph, places: Places, *, of: str = "time") -> None:
    """Draw below each stage what isn't on the map but follows there, and how often it does and leads back.

    `of` is what is counted, a "time" or a "pair".
    """
    if not graph.beside:
        return
    top = places.foot + STEMS
    right = places.column(len(graph.stages) - 1)[1] + 8
    sheet.card(
        Box(places.column(0)[0] - 8, top, right, places.bottom - 4), theme.PAPER, edge=theme.RULE, z=0.2
    )
    title = "in no stage of the map"
    if graph.off_map_only:
        title += f"; {plural(graph.off_map_only, of)} again or after another such"
    sheet.write(title, places.column(0)[0], top + 13, size=theme.SMALL, colour=theme.MUTED)
    for stage, beside in graph.beside.items():
        with sheet.mark(_beside_tip(graph.stages[stage], beside, of), stage=graph.stages[stage]):
            _stems(sheet, places, stage, beside, graph.most)
            _listed(sheet, places, stage, beside, top + 18)


def _stems(sheet: Sheet, places: Places, stage: int, beside: Beside, most: int) -> None:
    """Draw an arrow down for what follows, and one up for what leads back, each with its number."""
    free, _ = places.column(stage)
    for away, count, ends in (
        (12.0, beside.onward, (places.foot, places.foot + STEMS)),
        (66.0, beside.back, (places.foot + STEMS, places.foot)),
    ):
        if not count:
            continue
        half = round(thickness(count, most) / 2, 1)
        x = round(max(places.column(stage)[0] + away, free + 6 + half))
        sheet.area(_arrow(x, half, *ends), theme.OFF_MAP)
        middle = places.foot + STEMS / 2 + 0.35 * theme.SMALL
        free = sheet.write(number(count), x + half + 5, middle, size=theme.SMALL).box.right


def _arrow(x: float, half: float, start: float, end: float) -> list[tuple[float, float]]:
    """Return the corners of an upright arrow."""
    neck, wide = end - (5 if end > start else -5), half + 2.5
    side = [(x + half, start), (x + half, neck), (x + wide, neck)]
    return [*side, (x, end), *((2 * x - right, y) for right, y in side[::-1])]


def _listed(sheet: Sheet, places: Places, stage: int, beside: Beside, y: float) -> None:
    """Name the most frequent, with how often each follows; the others together."""
    left, right = places.column(stage)
    for said, count in _shown(beside):
        counted = f" {number(count)}"
        room = right - left + 8 - width(counted, theme.SMALL)
        text = fit(said, room, theme.SMALL) + counted
        sheet.write(text, left, y + theme.SMALL, size=theme.SMALL)
        y += theme.SMALL * theme.LINE


def _shown(beside: Beside) -> Iterator[tuple[str, int]]:
    kept = MOST_BESIDE if len(beside.there) > MOST_BESIDE + 1 else len(beside.there)
    yield from ((name(touchpoint), count) for touchpoint, count in beside.there[:kept])
    rest = beside.there[kept:]
    if rest:
        yield plural(len(rest), "other touchpoint"), sum(count for _, count in rest)


def _beside_tip(stage: str, beside: Beside, of: str) -> str:
    there = ", ".join(f"{said} {number(count)}" for said, count in _shown(beside))
    said = f"{name(stage)}: out of the stages {plural(beside.onward, of)}"
    return f"{said}{f' ({there})' if there else ''}, back {plural(beside.back, of)}"


def draw_legend(sheet: Sheet, rows: Sequence[tuple[Look | None, str]], y: float) -> float:
    """Write a row a kind: its line, its name and how much there is of it; return where the next may start."""
    for look, said in rows:
        left, middle = theme.MARGIN, round(y + 0.6 * _ROW)
        if look is not None:
            ends = [(left, middle), (left + _SAMPLE, middle)]
            sheet.curve([ends[0], *ends, ends[1]], colour=look.colour, width=look.thick, dashes=look.dashes)
        sheet.write(said, left + _SAMPLE + 8, middle + 0.35 * theme.SMALL, size=theme.SMALL)
        y += _ROW
    return y


def pairs_and_count(pairs: int, count: int, total: int) -> str:
    """Return how many pairs there are of a kind, and how many of all transitions."""
    if not count:
        return plural(pairs, "pair")
    return f"{plural(pairs, 'pair')}, {plural(count, 'transition')} ({percent(count / total)})"
