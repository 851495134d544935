"""What a transition graph shows: the lines, the boxes that they join, and what is summed up beside them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot.data.transitions import (
    IGNORED,
    UNUSED,
    Counts,
    Pair,
    Sum,
    Time,
    account,
    kinds_of,
    read,
    strongest,
)
from cjmining.plot.layered import Edge, layers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cjmining.discovery import Discovery
    from cjmining.intended import IntendedMap

_LEAST_END = 0.02
"""Starts and ends are marked at touchpoints where at least this share of the journeys has theirs."""


class Beside(NamedTuple):
    """What lies off the map beside a stage: how often each follows there, and how often they lead back."""

    there: tuple[tuple[str, int], ...]
    back: int

    @property
    def onward(self) -> int:
        """How often something off the map follows something of the stage."""
        return sum(count for _, count in self.there)


@dataclass(frozen=True)
class Graph:
    """Boxes with their layers, the lines between them, and the sums that stand beside them."""

    title: str
    stages: tuple[str, ...]
    nodes: tuple[str, ...]
    layer: Mapping[str, int]
    edges: tuple[Edge, ...]
    kinds: Mapping[Pair, str]
    counts: Counts
    again: Mapping[str, int]
    beside: Mapping[int, Beside]
    off_map_only: int
    account: tuple[Sum, ...]
    left_out: int
    left_out_count: int
    left_out_most: int
    starts: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)

    @property
    def planned(self) -> bool:
        """Whether the graph lies on a map."""
        return bool(self.stages)

    @property
    def most(self) -> int:
        """How often the most frequent of all that is drawn happens: the scale of all lines and arrows."""
        beside = [count for there in self.beside.values() for count in (there.onward, there.back)]
        return int(max([*(edge.weight for edge in self.edges), *beside], default=0)) or 1

    @property
    def unused(self) -> tuple[int, int]:
        """How many steps between two touchpoints are planned and unused, and how many of these are drawn."""
        steps = {(a, b) for (a, b), kind in self.kinds.items() if kind == UNUSED and a != b}
        return len(steps), sum((edge.source, edge.target) in steps for edge in self.edges)

    def time(self, pair: Pair) -> Time | None:
        """The time between two touchpoints."""
        return self.counts.times.get(pair)


def graph_of(found: Discovery, intended: IntendedMap | None, group: str | None, *, least: int = 1) -> Graph:
    """Choose what is drawn of a discovery's transitions, of what at least so many customers did."""
    counts = read(found, group, least=least)
    kinds = kinds_of(counts.ways, intended)
    return graph_of_lines(counts, kinds, strongest(counts.ways, kinds, intended), intended)


def graph_of_lines(
    counts: Counts, kinds: Mapping[Pair, str], lines: Iterable[Pair], intended: IntendedMap | None
) -> Graph:
    """Put together a graph of chosen lines; what is not among them is summed up.

    Parameters
    ----------
    counts : Counts
        How often what follows what.
    kinds : mapping
        The kind of each pair that matters: of those that happened, and of those that might.
    lines : iterable of (str, str)
        What is drawn, none of them of a touchpoint with itself.
    intended : IntendedMap, optional
        Its stages are the layers.
    """
    layer = _layer_of_map(intended)
    edges = sorted(
        (Edge(a, b, counts.ways.get((a, b), 0)) for a, b in lines),
        key=lambda edge: (-edge.weight, edge.source, edge.target),
    )
    if intended is None:
        seen = {end for edge in edges for end in edge[:2]} or set(counts.journeys_of)
        layer = layers_of(sorted(seen), edges)
    drawn = {(edge.source, edge.target) for edge in edges}
    within = {
        pair: count
        for pair, count in counts.ways.items()
        if count and (intended is None or (pair[0] in layer and pair[1] in layer))
    }
    rest = [
        n for pair, n in within.items() if pair not in drawn and (pair[0] != pair[1] or pair[0] not in layer)
    ]
    least = max(1.0, _LEAST_END * counts.journeys)
    return Graph(
        title=intended.name if intended is not None else "Transitions",
        stages=intended.stage_names if intended is not None else (),
        nodes=tuple(layer),
        layer=layer,
        edges=tuple(edges),
        kinds=kinds,
        counts=counts,
        again={a: n for (a, b), n in within.items() if a == b and a in layer},
        beside=_beside(counts, kinds, layer, intended),
        off_map_only=sum(
            n
            for pair, n in counts.ways.items()
            if intended is not None and kinds.get(pair) != IGNORED and not set(layer).intersection(pair)
        ),
        account=tuple(account(counts.ways, kinds)),
        left_out=len(rest),
        left_out_count=sum(rest),
        left_out_most=max(rest, default=0),
        starts={name: n for name, n in counts.starts.items() if name in layer and n >= least},
        ends={name: n for name, n in counts.ends.items() if name in layer and n >= least},
    )


def _layer_of_map(intended: IntendedMap | None) -> dict[str, int]:
    """The layer of each touchpoint of the map: the first stage that names it."""
    layer: dict[str, int] = {}
    for number, stage in enumerate(intended.stages if intended is not None else ()):
        for touchpoint in stage.touchpoints:
            layer.setdefault(touchpoint.touchpoint, number)
    return layer


def _beside(
    counts: Counts, kinds: Mapping[Pair, str], layer: Mapping[str, int], intended: IntendedMap | None
) -> dict[int, Beside]:
    """Sum up by stage what isn't on the map: what follows there, and how often it leads back."""
    stages: Sequence[str] = intended.stage_names if intended is not None else ()
    there: list[Counter[str]] = [Counter() for _ in stages]
    back = [0] * len(stages)
    for (a, b), count in counts.ways.items():
        if not stages or not count or kinds.get((a, b)) == IGNORED:
            continue
        if a in layer and b not in layer:
            there[layer[a]][b] += count
        elif b in layer and a not in layer:
            back[layer[b]] += count
    return {
        number: Beside(tuple(sorted(names.items(), key=lambda item: (-item[1], item[0]))), back[number])
        for number, names in enumerate(there)
        if names or back[number]
    }
