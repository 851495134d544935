"""Where the boxes of a transition graph lie on the sheet."""

from __future__ import annotations

from dataclasses import dataclass

from cjmining.plot import theme
from cjmining.plot.graph_model import BOX, Graph
from cjmining.plot.layered import Layout, Node, layout
from cjmining.plot.text import Box

_GAP = 74.0
_HEADS = 54.0
_LEVEL = 15.0


@dataclass(frozen=True)
class Places:
    """Boxes, and the heights at which the parts of the picture begin."""

    width: float
    left: float
    boxes: dict[str, Box]
    passes: dict[tuple[str, str], tuple[float, ...]]
    levels: dict[tuple[str, str], float]
    head: float
    lane_top: float
    bottom: float

    def column(self, layer: int) -> tuple[float, float]:
        """Left and right edge of a layer's boxes."""
        left = self.left + layer * (BOX + _GAP)
        return left, left + BOX


def places_of(graph: Graph) -> Places:
    """Lay out the map's own touchpoints, the others below, and a level above for each way back."""
    layers = max([*graph.layer.values(), len(graph.stages) - 1], default=0) + 1
    width = max(620.0, layers * (BOX + _GAP) - _GAP + 2 * (theme.MARGIN + 34))
    left = (width - layers * (BOX + _GAP) + _GAP) / 2
    on_map = _laid_out(graph, [node for node in graph.nodes if node not in graph.off_map])
    below = _laid_out(graph, [node for node in graph.nodes if node in graph.off_map])
    levels = _levels(graph)
    head = _HEADS + (max(levels.values(), default=-1) + 1) * _LEVEL + 6
    top = head + (26 if graph.stages else 6)
    lane_top = top + on_map.height + 18
    tops = dict.fromkeys(on_map.middle, top) | dict.fromkeys(below.middle, lane_top + 22)
    middle = {**on_map.middle, **below.middle}
    boxes = {}
    for node in graph.nodes:
        x, high = left + graph.layer[node] * (BOX + _GAP), _height(graph, node)
        boxes[node] = Box(
            x, tops[node] + middle[node] - high / 2, x + BOX, tops[node] + middle[node] + high / 2
        )
    return Places(
        width,
        left,
        boxes,
        {edge: tuple(top + y for y in ys) for edge, ys in on_map.passes.items()},
        {edge: head - 8 - level * _LEVEL for edge, level in levels.items()},
        head,
        lane_top,
        lane_top + below.height + 32 if below.middle else lane_top,
    )


def _laid_out(graph: Graph, nodes: list[str]) -> Layout:
    inside = set(nodes)
    planned = bool(graph.stages) and not inside & graph.off_map
    return layout(
        [
            Node(node, graph.layer[node], _height(graph, node), rank if planned else None)
            for rank, node in enumerate(nodes)
        ],
        [edge for edge in graph.edges if edge.source in inside and edge.target in inside],
        gap=20.0,
        compact=bool(graph.stages),
    )


def _height(graph: Graph, node: str) -> float:
    lines = len(graph.names[node]) * theme.BODY + (theme.SMALL if node not in graph.summed else 0)
    return (lines + (theme.SMALL if graph.again.get(node) else 0)) * theme.LINE + 9


def _levels(graph: Graph) -> dict[tuple[str, str], int]:
    """Give each way back a level above the boxes, short ones low, so that they never lie on one another."""
    back = [edge for edge in graph.edges if graph.layer[edge.source] > graph.layer[edge.target]]
    taken: list[list[tuple[int, int]]] = []
    levels: dict[tuple[str, str], int] = {}
    for edge in sorted(
        back, key=lambda e: (graph.layer[e.source] - graph.layer[e.target], graph.layer[e.target], e)
    ):
        if {edge.source, edge.target} & graph.off_map:
            continue
        span = graph.layer[edge.target], graph.layer[edge.source]
        level = next(
            (n for n, there in enumerate(taken) if all(span[1] <= a or b <= span[0] for a, b in there)),
            len(taken),
        )
        taken.extend([[]] if level == len(taken) else [])
        taken[level].append(span)
        levels[edge.source, edge.target] = level
    return levels
