"""The lines of a transition graph: forwards as curves, within a layer at its side, backwards above."""

from __future__ import annotations

import bisect
import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot import theme
from cjmining.plot.sheet import Point, Sheet
from cjmining.plot.text import Box, box, place, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cjmining.plot.graph_model import Graph
    from cjmining.plot.graph_places import Places
    from cjmining.plot.layered import Edge
    from cjmining.plot.theme import Colour

_THINNEST = 0.9
_THICKEST = 5.3
_NEXT = 24.0
"""Boxes nearer than this are neighbours in their column."""
_CLEAR = 3.0
"""Counts that are nearer to one another than this could be read as one."""
_TRIES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82, 0.12, 0.88)

Curve = list[Point]
"""A start, then three points for each cubic Bezier piece."""


class Look(NamedTuple):
    """How a line looks: its colour, its thickness in points, its dashes, the number on it, its tip."""

    colour: Colour
    thick: float
    dashes: tuple[float, ...] = ()
    label: str = ""
    tip: str = ""


def draw_edges(sheet: Sheet, graph: Graph, places: Places, look: Callable[[Edge], Look]) -> int:
    """Draw the lines and their counts, the strongest on top; return how many counts found no room."""
    looks = {edge: look(edge) for edge in graph.edges}
    curves = curves_of(graph, places)
    taken = [*places.boxes.values(), *(line.box for line in sheet.words)]
    spots = {edge: _spot(looks[edge].label, curves[edge], taken, places.width) for edge in graph.edges}
    for edge in reversed(graph.edges):
        with sheet.mark(looks[edge].tip):
            colour, thick, dashes, label, _ = looks[edge]
            sheet.curve(curves[edge], colour=colour, width=thick, dashes=dashes, z=1.2)
            _arrow(sheet, curves[edge], thick, colour)
            spot = spots[edge]
            if spot is not None:
                _label(sheet, label, spot)
    return sum(spot is None for edge, spot in spots.items() if looks[edge].label)


def curves_of(graph: Graph, places: Places) -> dict[Edge, Curve]:
    """Return the way of each line: a start, then three points for each cubic Bezier piece."""
    ports = _ports(graph, places)
    return {edge: _curve(graph, places, edge, ports) for edge in graph.edges}


def thickness(weight: float, most: float) -> float:
    """Return how thick a line of a weight is where the heaviest has `most`, in points."""
    return _THINNEST + _THICKEST * weight / most


def _ports(graph: Graph, places: Places) -> dict[tuple[Edge, str], float]:
    """Spread the ends of lines over the side of a box that they meet, in the order of where they lead."""
    meeting: dict[tuple[str, str], list[tuple[float, Edge, str]]] = {}
    for edge in graph.edges:
        for own, other, side in ((edge.source, edge.target, "out"), (edge.target, edge.source, "in")):
            where = _side(graph, places, edge, side)
            far = places.boxes[other]
            level = places.levels.get((edge.source, edge.target), (far.top + far.bottom) / 2)
            meeting.setdefault((own, where), []).append((level, edge, side))
    ports: dict[tuple[Edge, str], float] = {}
    for (own, _), ends in meeting.items():
        area = places.boxes[own]
        for position, (_, edge, side) in enumerate(sorted(ends)):
            ports[edge, side] = round(area.top + (area.bottom - area.top) * (position + 1) / (len(ends) + 1))
    return ports


def _side(graph: Graph, places: Places, edge: Edge, end: str) -> str:
    """The side of its box where a line begins or ends; within a layer left leads down, right leads up."""
    ahead = graph.layer[edge.target] - graph.layer[edge.source]
    if ahead == 0:
        return "left" if places.boxes[edge.source].top < places.boxes[edge.target].top else "right"
    return "left" if (end == "in") == (ahead > 0) else "right"


def _curve(graph: Graph, places: Places, edge: Edge, ports: dict[tuple[Edge, str], float]) -> Curve:
    source, target = places.boxes[edge.source], places.boxes[edge.target]
    y0, y1 = ports[edge, "out"], ports[edge, "in"]
    if graph.layer[edge.source] < graph.layer[edge.target]:
        return _forwards(
            source, target, y0, y1, places, places.passes.get((edge.source, edge.target), ()), graph, edge
        )
    if graph.layer[edge.source] == graph.layer[edge.target]:
        return _beside(source, target, y0, y1)
    return _above(source, target, (y0, y1), places.levels[edge.source, edge.target], places.gap)


def _forwards(
    source: Box,
    target: Box,
    y0: float,
    y1: float,
    places: Places,
    passes: tuple[float, ...],
    graph: Graph,
    edge: Edge,
) -> Curve:
    """From the right of one box to the left of another, level through the layers between."""
    points: Curve = [(source.right, y0)]
    for step, y in enumerate(passes, start=1):
        left, right = places.column(graph.layer[edge.source] + step)
        points += _s_curve(points[-1], (left, y))[1:]
        points += [(left, y), (right, y), (right, y)]
    return points + _s_curve(points[-1], (target.left - 4, y1))[1:]


def _s_curve(start: Point, end: Point) -> Curve:
    middle = round((start[0] + end[0]) / 2)
    return [start, (middle, start[1]), (middle, end[1]), end]


def _beside(source: Box, target: Box, y0: float, y1: float) -> Curve:
    """Within a layer: straight down to the next box, else a bow, wider the farther it leads."""
    if 0 <= target.top - source.bottom < _NEXT:
        x = (source.left + source.right) / 2
        return [(x, source.bottom), (x, source.bottom), (x, target.top - 4), (x, target.top - 4)]
    side, out = (source.left, -1.0) if source.top < target.top else (source.right, 1.0)
    bow = out * round(min(34.0, 10 + abs(y1 - y0) / 8))
    return [(side, y0), (side + bow, y0), (side + bow + 4 * out, y1), (side + 4 * out, y1)]


def _above(source: Box, target: Box, ends: Point, level: float, gap: float) -> Curve:
    """Back to an earlier layer: up beside the source, along a level of its own, down beside the target."""
    y0, y1 = ends
    beside = 9 + (level // 15) % 4 * round((gap - 28) / 6)
    x0, x1 = source.left - beside, target.right + beside
    return _rounded(
        [(source.left, y0), (x0, y0), (x0, level), (x1, level), (x1, y1), (target.right + 4, y1)], 6.0
    )


def _rounded(corners: list[Point], radius: float) -> Curve:
    """A line through corners, each of them cut off by a curve."""
    curve: Curve = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        into, out = _towards(corner, before, radius), _towards(corner, after, radius)
        curve += [curve[-1], into, into, corner, corner, out]
    return [*curve, curve[-1], corners[-1], corners[-1]]


def _towards(corner: Point, other: Point, radius: float) -> Point:
    """The point `radius` away from a corner on the way to another, at most half of it."""
    length = math.dist(corner, other)
    part = min(radius, length / 2) / length if length else 0.0
    return corner[0] + (other[0] - corner[0]) * part, corner[1] + (other[1] - corner[1]) * part


def _arrow(sheet: Sheet, curve: Curve, thick: float, colour: Colour) -> None:
    """A head at the end of a line, in the direction it arrives in."""
    x, y = curve[-1]
    before = next((point for point in curve[-2::-1] if math.dist(point, (x, y)) > 0.5), curve[0])
    length = math.dist(before, (x, y)) or 1.0
    dx, dy = (x - before[0]) / length, (y - before[1]) / length
    half = 2.4 + thick / 2
    tip, base = (x + 4 * dx, y + 4 * dy), (x - 0.5 * dx, y - 0.5 * dy)
    corners = [tip, (base[0] - half * dy, base[1] + half * dx), (base[0] + half * dy, base[1] - half * dx)]
    sheet.area(corners, colour, z=1.2)


def _spot(text: str, curve: Curve, taken: list[Box], right: float) -> Point | None:
    """Find the count room on its line and within the sheet, and take it."""
    if not text:
        return None
    half = width(text, theme.SMALL) / 2 + 2
    spots = [(x, y) for x, y in _spots(curve) if half <= x <= right - half]
    boxes = [box(text, x, y + 0.35 * theme.SMALL, theme.SMALL, align="center") for x, y in spots]
    chosen = place(boxes, taken, gap=_CLEAR)
    if chosen is None:
        return None
    taken.append(boxes[chosen])
    return spots[chosen]


def _label(sheet: Sheet, text: str, spot: Point) -> None:
    x, baseline = round(spot[0]), round(spot[1] + 0.35 * theme.SMALL)
    line = sheet.write(text, x, baseline, size=theme.SMALL, align="center")
    left, _, right, _ = line.box
    area = Box(round(left), baseline - 7, round(right), baseline + 1)
    sheet.card(area, theme.PAPER, z=6, rounding=0)


def _spots(curve: Curve) -> Iterator[Point]:
    """Points along a line where its count may stand, the middle first."""
    points = [
        _bezier(curve[n], curve[n + 1], curve[n + 2], curve[n + 3], step / 16)
        for n in range(0, len(curve) - 3, 3)
        for step in range(17)
    ]
    lengths = list(
        itertools.accumulate((math.dist(a, b) for a, b in itertools.pairwise(points)), initial=0.0)
    )
    if lengths[-1] < _NEXT:  # no room on so short a line: beside it
        yield from ((points[0][0] + away, points[0][1] + 10) for away in (14.0, -14.0, 20.0, -20.0))
    for part in _TRIES:
        yield points[min(bisect.bisect_left(lengths, part * lengths[-1]), len(points) - 1)]


def _bezier(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    s = 1 - t
    weights = (s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t)
    return (
        sum(w * p[0] for w, p in zip(weights, (a, b, c, d), strict=True)),
        sum(w * p[1] for w, p in zip(weights, (a, b, c, d), strict=True)),
    )
