"""Where the boxes of a transition graph lie on the sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.layered import Node, layout
from cjmining.plot.text import Box, told_apart, wrap
from cjmining.plot.text import width as width_of
from cjmining.plot.words import name, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cjmining.plot.graph_model import Graph

BOX = 114.0
MOST_BESIDE = 3
"""Touchpoints off the map that are named below a stage."""
_GAP = 52.0
_WIDE_GAP = 74.0
"""Between columns: without a map more ways back run there, and no stages have to fit a page."""
_BOW = 26.0
"""How far the middle of a line within a column stands beside it, where its number is."""
_HEADS = 54.0
_LEVEL = 15.0
STEMS = 34.0
"""Height of the stems between the stages and what isn't on the map."""


@dataclass(frozen=True)
class Places:
    """Boxes, and the heights at which the parts of the picture begin."""

    width: float
    left: float
    gap: float
    names: Mapping[str, list[str]]
    boxes: Mapping[str, Box]
    passes: Mapping[tuple[str, str], tuple[float, ...]]
    levels: Mapping[tuple[str, str], float]
    head: float
    foot: float
    bottom: float

    def column(self, layer: int) -> tuple[float, float]:
        """Left and right edge of a layer's boxes."""
        left = self.left + layer * (BOX + self.gap)
        return left, left + BOX


def places_of(graph: Graph) -> Places:
    """Lay out the boxes, a level above for each way back, and below what isn't on the map."""
    layers = max([*graph.layer.values(), len(graph.stages) - 1], default=0) + 1
    gap = _GAP if graph.planned else _WIDE_GAP
    beside = max(28.0, _BOW + round(width_of(number(graph.most), theme.SMALL) / 2))
    width = max(620.0, layers * (BOX + gap) - gap + 2 * (theme.MARGIN + beside))
    left = round((width - layers * (BOX + gap) + gap) / 2)
    called = told_apart([name(node) for node in graph.nodes], 2 * (BOX - 12), theme.BODY)
    names = {
        node: wrap(said, BOX - 12, theme.BODY, lines=2)
        for node, said in zip(graph.nodes, called, strict=True)
    }
    high = {node: _height(graph, node, len(lines)) for node, lines in names.items()}
    found = layout(
        [
            Node(node, graph.layer[node], high[node], rank if graph.planned else None)
            for rank, node in enumerate(graph.nodes)
        ],
        graph.edges,
        gap=20.0,
        compact=graph.planned,
    )
    levels = _levels(graph)
    head = _HEADS + (max(levels.values(), default=-1) + 1) * _LEVEL + 6
    top = head + (26 if graph.planned else 6)
    boxes = {}
    for node in graph.nodes:
        x = left + graph.layer[node] * (BOX + gap)
        upper = round(top + found.middle[node] - high[node] / 2)
        boxes[node] = Box(x, upper, x + BOX, upper + high[node])
    foot = round(top + found.height + 10)
    return Places(
        width,
        left,
        gap,
        names,
        boxes,
        {edge: tuple(round(top + y) for y in ys) for edge, ys in found.passes.items()},
        {edge: head - 8 - level * _LEVEL for edge, level in levels.items()},
        head,
        foot,
        foot + STEMS + _lane_height(graph) + 6 if graph.beside else foot + 6,
    )


def _height(graph: Graph, node: str, names: int) -> float:
    small = 1 + bool(graph.again.get(node)) + bool(graph.starts.get(node) or graph.ends.get(node))
    if not (graph.counts.journeys or graph.counts.journeys_of):
        small = 0
    return round((names * theme.BODY + small * theme.SMALL) * theme.LINE + 9)


def _lane_height(graph: Graph) -> float:
    rows = max(min(len(beside.there), MOST_BESIDE + 1) for beside in graph.beside.values())
    return 22 + rows * theme.SMALL * theme.LINE


def _levels(graph: Graph) -> dict[tuple[str, str], int]:
    """Give each way back a level above the boxes, short ones low, so that they never lie on one another."""
    back = [edge for edge in graph.edges if graph.layer[edge.source] > graph.layer[edge.target]]
    taken: list[list[tuple[int, int]]] = []
    levels: dict[tuple[str, str], int] = {}
    for edge in sorted(
        back, key=lambda e: (graph.layer[e.source] - graph.layer[e.target], graph.layer[e.target], e)
    ):
        span = graph.layer[edge.target], graph.layer[edge.source]
        level = next(
            (n for n, there in enumerate(taken) if all(span[1] <= a or b <= span[0] for a, b in there)),
            len(taken),
        )
        taken.extend([[]] if level == len(taken) else [])
        taken[level].append(span)
        levels[edge.source, edge.target] = level
    return levels
