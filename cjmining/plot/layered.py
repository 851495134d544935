"""Layout of a graph in layers: columns from left to right, few crossings, no two boxes on one another.

Follows Sugiyama, Tagawa and Toda (1981, doi:10.1109/TSMC.1981.4308636): edges over several layers get a place
in each column they pass, columns are put into an order with few crossings, and places are moved towards their
neighbours by least squares without changing that order. Back edges and edges within a layer take no part;
they are drawn around the columns.
Nothing is random, and ties are broken by the order given: the same graph always looks the same.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot.layered_order import SWEEPS, Place, uncrossed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_THIN = 8.0
"""Height that an edge passing through a column takes."""


class Node(NamedTuple):
    """A box: its layer, its height, and `rank`, its fixed order among those of its layer that have one."""

    name: str
    layer: int
    height: float
    rank: int | None = None


class Edge(NamedTuple):
    """A directed edge with its weight."""

    source: str
    target: str
    weight: float


@dataclass(frozen=True)
class Layout:
    """Where things lie.

    Attributes
    ----------
    middle : mapping of str to float
        The y of the middle of each box, from 0 downwards.
    order : tuple of tuple of str
        The boxes of each layer, from above.
    passes : mapping of (str, str) to tuple of float
        The y at which an edge over several layers passes each layer between its ends.
    height : float
        Of the whole.
    """

    middle: Mapping[str, float]
    order: tuple[tuple[str, ...], ...]
    passes: Mapping[tuple[str, str], tuple[float, ...]]
    height: float


def layout(
    nodes: Sequence[Node], edges: Iterable[Edge], *, gap: float = 16.0, compact: bool = False
) -> Layout:
    """Place the boxes of each layer, and the edges that pass through layers.

    Parameters
    ----------
    nodes : sequence of Node
        Their order breaks ties.
    edges : iterable of Edge
        Between nodes; those that do not lead to a later layer are ignored.
    gap : float
        Least distance of two boxes of a layer, points.
    compact : bool
        Whether each layer begins at the top, its boxes exactly a gap apart, instead of near what they are
        linked to.
    """
    layer = {node.name: node.layer for node in nodes}
    forward = sorted(edge for edge in edges if layer[edge.source] < layer[edge.target])
    columns: list[list[Place]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node in nodes:
        columns[node.layer].append(node.name)
    links: dict[Place, list[tuple[Place, float]]] = {}
    for edge in forward:
        _thread(edge, layer, columns, links)
    ranks = {node.name: node.rank for node in nodes if node.rank is not None}
    columns = uncrossed(columns, links, ranks)
    heights = {node.name: node.height for node in nodes}
    at = _stacked(columns, heights, gap) if compact else _levelled(columns, links, heights, gap)
    return _finished(columns, at, heights, forward, layer)


def layers_of(names: Sequence[str], edges: Sequence[Edge], *, most: int = 7) -> dict[str, int]:
    """Return a layer for each node of a graph that has none: one after that of its strongest way in.

    Cycles are cut as Eades, Lin and Smyth (1993, doi:10.1016/0020-0190(93)90079-O) do, by weight.
    """
    position = {name: place for place, name in enumerate(_acyclic_order(names, edges))}
    into: dict[str, Edge] = {}
    for edge in edges:
        best = into.get(edge.target)
        if position[edge.source] < position[edge.target] and (best is None or edge.weight > best.weight):
            into[edge.target] = edge
    layer: dict[str, int] = {}
    for name in sorted(position, key=lambda name: position[name]):
        layer[name] = min(layer[into[name].source] + 1, most - 1) if name in into else 0
    return layer


def _thread(
    edge: Edge,
    layer: Mapping[str, int],
    columns: list[list[Place]],
    links: dict[Place, list[tuple[Place, float]]],
) -> None:
    """Give an edge a place in each layer between its ends, and link them in a chain."""
    chain: list[Place] = [edge.source]
    for passed in range(layer[edge.source] + 1, layer[edge.target]):
        place = (edge.source, edge.target, passed)
        columns[passed].append(place)
        chain.append(place)
    chain.append(edge.target)
    for one, other in itertools.pairwise(chain):
        links.setdefault(one, []).append((other, edge.weight))
        links.setdefault(other, []).append((one, edge.weight))


def _stacked(columns: list[list[Place]], heights: Mapping[str, float], gap: float) -> dict[Place, float]:
    at: dict[Place, float] = {}
    for column in columns:
        y = _tall(column[0], heights) / 2 if column else 0.0
        for item, step in zip(column, _steps(column, heights, gap), strict=True):
            y += step
            at[item] = y
    return at


def _levelled(
    columns: list[list[Place]],
    links: Mapping[Place, list[tuple[Place, float]]],
    heights: Mapping[str, float],
    gap: float,
) -> dict[Place, float]:
    """Move places towards their neighbours, those of a column at least a gap apart and in their order."""
    at: dict[Place, float] = {}
    for column in columns:
        steps = _steps(column, heights, gap)
        at.update({item: sum(steps[: n + 1]) - sum(steps) / 2 for n, item in enumerate(column)})
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            wanted = [_wanted(item, links, at) for item in column]
            at.update(zip(column, _apart(wanted, _steps(column, heights, gap)), strict=True))
    return at


def _wanted(
    item: Place, links: Mapping[Place, list[tuple[Place, float]]], at: Mapping[Place, float]
) -> tuple[float, float]:
    """Where a place would best lie, the middle of what it is linked to, and how much that matters."""
    near = links.get(item, [])
    total = sum(weight for _, weight in near)
    return (sum(at[other] * weight for other, weight in near) / total, total) if total else (0.0, 0.0)


def _steps(column: Sequence[Place], heights: Mapping[str, float], gap: float) -> list[float]:
    """The least distance of each middle from the one above it; 0 for the first."""
    tall = [_tall(item, heights) for item in column]
    return [0.0, *((a + b) / 2 + gap for a, b in itertools.pairwise(tall))][: len(tall)]


def _tall(item: Place, heights: Mapping[str, float]) -> float:
    return heights[item] if isinstance(item, str) else _THIN


def _apart(wanted: Sequence[tuple[float, float]], steps: Sequence[float]) -> list[float]:
    """Return the values nearest to the wanted ones, by least squares, that rise by at least the steps.

    What has no weight goes with the others.
    """
    linked = [value for value, weight in wanted if weight]
    middle = sum(linked) / len(linked) if linked else 0.0
    offsets, total = [], 0.0
    for step in steps:
        total += step
        offsets.append(total)
    pools: list[tuple[float, float, int]] = []  # level, weight and number: pool adjacent violators
    for (value, weight), offset in zip(wanted, offsets, strict=True):
        pools.append(((value if weight else middle) - offset, weight or 1e-6, 1))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (one, heavy, many), (other, light, few) = pools[-2:]
            pools[-2:] = [((one * heavy + other * light) / (heavy + light), heavy + light, many + few)]
    levels = [level for level, _, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=True)]


def _finished(
    columns: list[list[Place]],
    at: Mapping[Place, float],
    heights: Mapping[str, float],
    forward: Sequence[Edge],
    layer: Mapping[str, int],
) -> Layout:
    tall = {item: _tall(item, heights) for column in columns for item in column}
    top = min((at[item] - tall[item] / 2 for item in tall), default=0.0)
    bottom = max((at[item] + tall[item] / 2 for item in tall), default=0.0)
    return Layout(
        middle={name: at[name] - top for name in heights},
        order=tuple(tuple(item for item in column if isinstance(item, str)) for column in columns),
        passes={
            (edge.source, edge.target): tuple(
                at[(edge.source, edge.target, passed)] - top
                for passed in range(layer[edge.source] + 1, layer[edge.target])
            )
            for edge in forward
        },
        height=bottom - top,
    )


def _acyclic_order(names: Sequence[str], edges: Sequence[Edge]) -> list[str]:
    """Order nodes so that little weight leads backwards: sources first, sinks last."""
    left, head, tail = list(names), list[str](), list[str]()
    while left:
        there = set(left)
        out, into = dict.fromkeys(left, 0.0), dict.fromkeys(left, 0.0)
        for edge in edges:
            if edge.source in there and edge.target in there and edge.source != edge.target:
                out[edge.source] += edge.weight
                into[edge.target] += edge.weight
        sink = next((name for name in left if not out[name] and into[name]), None)
        if sink is not None:
            tail.append(sink)
            left.remove(sink)
            continue
        chosen = next((name for name in left if not into[name]), None) or max(
            left, key=lambda n: out[n] - into[n]
        )
        head.append(chosen)
        left.remove(chosen)
    return head + tail[::-1]
