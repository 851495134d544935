"""What a transition graph shows: the strongest edges, the boxes they join, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.choose import chosen, rows
from cjmining.plot.layered import Edge, layers_of
from cjmining.plot.text import wrap
from cjmining.plot.words import known, name, plural

if TYPE_CHECKING:
    from cjmining.discovery import Discovery
    from cjmining.intended import IntendedMap

MOST_EDGES = 40
MOST_OFF_MAP = 8
BOX = 114.0
OTHERS = "(others)"
FEW = -1
"""In place of a number of journeys that is withheld because it is small."""

Ways = dict[tuple[str, str], int]
"""How often the second directly follows the first."""


@dataclass(frozen=True)
class Graph:
    """Nodes with their layers, and the edges drawn between them."""

    title: str
    stages: tuple[str, ...]
    nodes: tuple[str, ...]
    layer: dict[str, int]
    off_map: frozenset[str]
    summed: dict[str, int]
    edges: tuple[Edge, ...]
    again: dict[str, int]
    journeys_of: dict[str, int]
    names: dict[str, list[str]]
    journeys: int
    total: int
    left_out: int
    left_out_count: int
    ignored_count: int


def graph_of(found: Discovery, intended: IntendedMap | None, group: str | None) -> Graph:
    """Choose what is drawn of a discovery's transitions."""
    return graph_of_counts(*_counts(found, group), intended)


def graph_of_counts(
    counts: Ways, journeys_of: dict[str, int], journeys: int, intended: IntendedMap | None
) -> Graph:
    """Choose what is drawn of pairs, the heaviest first."""
    total = sum(counts.values())
    layer, planned = _planned(intended)
    ignored = set(intended.ignore) - set(planned) if intended is not None else set()
    counts = {(a, b): n for (a, b), n in counts.items() if not {a, b} & ignored}
    journeys_of = {touchpoint: n for touchpoint, n in journeys_of.items() if touchpoint not in ignored}
    ignored_count = total - sum(counts.values())
    seen = sorted({touchpoint for pair in counts for touchpoint in pair} | set(journeys_of))
    summed: dict[str, int] = {}
    if planned:
        counts, summed = _put_together(counts, [n for n in seen if n not in layer], journeys_of)
    ways = [Edge(a, b, n) for (a, b), n in counts.items() if a != b]
    strongest = sorted(ways, key=lambda edge: (-edge.weight, edge.source, edge.target))
    drawn, rest = strongest[:MOST_EDGES], strongest[MOST_EDGES:]
    ends = {end for edge in drawn for end in (edge.source, edge.target)}
    again = {a: n for (a, b), n in counts.items() if a == b}
    nodes = [*planned, *sorted((ends | (set() if ways else set(seen))) - set(planned))]
    layer |= _free_layers(nodes, drawn, layer)
    return Graph(
        title=intended.name if intended is not None else "Transitions",
        stages=intended.stage_names if intended is not None else (),
        nodes=tuple(nodes),
        layer={node: layer[node] for node in nodes},
        off_map=frozenset(node for node in nodes if planned and node not in planned),
        summed=summed,
        edges=tuple(drawn),
        again={node: n for node, n in again.items() if node in set(nodes)},
        journeys_of=journeys_of,
        names={node: _name(node, summed) for node in nodes},
        journeys=journeys,
        total=total,
        left_out=len(rest),
        left_out_count=int(sum(edge.weight for edge in rest)),
        ignored_count=ignored_count,
    )


def _counts(found: Discovery, group: str | None) -> tuple[Ways, dict[str, int], int]:
    """Read the transitions, each touchpoint's journeys and all journeys; without a group, of all together."""
    if group is not None:
        chosen(found, group, what="group")
    wanted = [str(name) for name in found.groups] if group is None else [group]
    counts: Ways = {}
    used: dict[str, int] = {}
    journeys = 0
    for one in wanted:
        for row in rows(found.transitions, one):
            pair = str(row["from_touchpoint"]), str(row["to_touchpoint"])
            counts[pair] = counts.get(pair, 0) + int(row["count"])
        for row in rows(found.touchpoints, one):
            touchpoint = str(row["touchpoint"])
            if known(row["journeys"]):
                used[touchpoint] = max(used.get(touchpoint, 0), 0) + int(row["journeys"])
            else:
                used.setdefault(touchpoint, FEW)
        journeys += sum(int(row["journeys"]) for row in rows(found.overview, one))
    return counts, used, journeys


def _planned(intended: IntendedMap | None) -> tuple[dict[str, int], list[str]]:
    """The layer of each touchpoint of the map: the first stage that names it."""
    layer: dict[str, int] = {}
    for number, stage in enumerate(intended.stages if intended is not None else ()):
        for touchpoint in stage.touchpoints:
            layer.setdefault(touchpoint.touchpoint, number)
    return layer, list(layer)


def _put_together(
    counts: Ways, off_map: list[str], journeys_of: dict[str, int]
) -> tuple[Ways, dict[str, int]]:
    """Sum up all but the most frequent touchpoints off the map."""
    by_use = sorted(off_map, key=lambda touchpoint: (-journeys_of.get(touchpoint, 0), touchpoint))
    rare = set(by_use[MOST_OFF_MAP:]) if len(by_use) > MOST_OFF_MAP + 1 else set()
    if not rare:
        return counts, {}
    together: Ways = {}
    for (a, b), n in counts.items():
        pair = (OTHERS if a in rare else a, OTHERS if b in rare else b)
        together[pair] = together.get(pair, 0) + n
    return together, {OTHERS: len(rare)}


def _free_layers(nodes: list[str], edges: list[Edge], layer: dict[str, int]) -> dict[str, int]:
    """Layers of what no stage names: below what they come with most, or found from the graph itself."""
    free = [node for node in nodes if node not in layer]
    if not layer:
        return layers_of(free, edges)
    found: dict[str, int] = {}
    for node in free:
        near = [
            (layer[other], edge.weight)
            for edge in edges
            for own, other in ((edge.source, edge.target), (edge.target, edge.source))
            if own == node and other in layer
        ]
        total = sum(weight for _, weight in near)
        found[node] = round(sum(at * weight for at, weight in near) / total) if total else 0
    return found


def _name(node: str, summed: dict[str, int]) -> list[str]:
    text = f"{plural(summed[node], 'other touchpoint')}" if node in summed else name(node)
    return wrap(text, BOX - 12, theme.BODY, lines=2)
