"""The layered layout, by its properties."""

from __future__ import annotations

import itertools
import random
import time

from hypothesis import given
from hypothesis import strategies as st

from cjmining.plot.layered import Edge, Node, layers_of, layout
from cjmining.plot.layered_order import count, crossings, swept, uncrossed
from tests.examples import examples


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 14))
    nodes = [
        Node(
            f"n{i}", draw(st.integers(0, 4)), draw(st.floats(10, 60)), draw(st.one_of(st.none(), st.just(i)))
        )
        for i in range(count)
    ]
    ends = st.integers(0, count - 1)
    pairs = draw(st.sets(st.tuples(ends, ends), max_size=25))
    return nodes, [Edge(f"n{a}", f"n{b}", draw(st.integers(1, 1000))) for a, b in sorted(pairs)]


@examples(150)
@given(graphs())
def test_no_two_boxes_of_a_layer_come_nearer_than_the_gap(graph):
    nodes, edges = graph
    found = layout(nodes, edges, gap=12)
    for one, other in itertools.combinations(nodes, 2):
        if one.layer == other.layer:
            apart = abs(found.middle[one.name] - found.middle[other.name])
            assert apart >= (one.height + other.height) / 2 + 12 - 1e-6


@examples(150)
@given(graphs())
def test_every_box_keeps_its_layer_and_ranked_boxes_their_order(graph):
    nodes, edges = graph
    found = layout(nodes, edges)
    by_name = {node.name: node for node in nodes}
    for layer, names in enumerate(found.order):
        assert all(by_name[name].layer == layer for name in names)
        ranks = [by_name[name].rank for name in names if by_name[name].rank is not None]
        assert ranks == sorted(ranks)
        heights = [found.middle[name] for name in names]
        assert heights == sorted(heights)


@examples(100)
@given(graphs())
def test_everything_lies_within_the_height_and_the_same_graph_looks_the_same(graph):
    nodes, edges = graph
    found = layout(nodes, edges)
    for node in nodes:
        assert found.middle[node.name] - node.height / 2 >= -1e-6
        assert found.middle[node.name] + node.height / 2 <= found.height + 1e-6
    assert found == layout(nodes, edges[::-1])


@examples(100)
@given(graphs())
def test_an_edge_over_layers_passes_each_between_clear_of_the_boxes(graph):
    nodes, edges = graph
    found = layout(nodes, edges, gap=12)
    layer = {node.name: node.layer for node in nodes}
    for edge in edges:
        between = max(0, layer[edge.target] - layer[edge.source] - 1)
        passes = found.passes.get((edge.source, edge.target), ())
        assert len(passes) == between
        for step, y in enumerate(passes, start=1):
            there = [node for node in nodes if node.layer == layer[edge.source] + step]
            assert all(abs(found.middle[node.name] - y) > node.height / 2 for node in there)


def test_two_crossed_pairs_are_uncrossed():
    nodes = [Node(name, layer, 20) for name, layer in (("a", 0), ("b", 0), ("x", 1), ("y", 1))]
    edges = [Edge("a", "y", 1), Edge("b", "x", 1)]
    order = layout(nodes, edges).order
    assert crossings(order, [("a", "y"), ("b", "x")]) == 0


def test_a_chain_lies_on_one_line():
    found = layout(
        [Node(name, n, 20) for n, name in enumerate("abc")], [Edge("a", "b", 1), Edge("b", "c", 1)]
    )
    assert set(found.middle.values()) == {10.0}


def test_crossings_are_counted():
    order = [["a", "b", "c"], ["x", "y", "z"]]
    assert crossings(order, [("a", "z"), ("b", "y"), ("c", "x")]) == 3
    assert crossings(order, [("a", "x"), ("b", "y"), ("c", "z")]) == 0


def test_layers_follow_the_strongest_way_in_and_cut_cycles_at_the_weakest():
    edges = [
        Edge("ad", "shop", 10),
        Edge("shop", "basket", 8),
        Edge("basket", "shop", 2),
        Edge("basket", "order", 5),
    ]
    assert layers_of(["ad", "basket", "order", "shop"], edges) == {
        "ad": 0,
        "shop": 1,
        "basket": 2,
        "order": 3,
    }


def test_a_node_without_edges_lies_in_the_first_layer():
    assert layers_of(["alone"], []) == {"alone": 0}


@st.composite
def small_layers(draw):
    """Three layers of two to four boxes, with edges to the next layer only."""
    columns = [[f"{layer}{n}" for n in range(draw(st.integers(2, 4)))] for layer in range(3)]
    pairs = [(a, b) for one, other in itertools.pairwise(columns) for a in one for b in other]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, min_size=1))
    return columns, [Edge(a, b, draw(st.integers(1, 100))) for a, b in sorted(chosen)]


@examples(25)
@given(small_layers())
def test_crossings_are_at_most_one_more_than_twice_the_least_possible(graph):
    columns, edges = graph
    nodes = [Node(name, layer, 20) for layer, column in enumerate(columns) for name in column]
    found = all_crossings(layout(nodes, edges).order, edges)
    orders = itertools.product(*(itertools.permutations(column) for column in columns))
    assert found <= 1 + 2 * min(all_crossings(order, edges) for order in orders)


def test_crossings_are_mostly_the_least_possible():
    rng, least = random.Random(1), 0  # noqa: S311 -- graphs to try out
    for _ in range(40):
        columns = [[f"{layer}{n}" for n in range(rng.randint(2, 4))] for layer in range(3)]
        pairs = [(a, b) for one, other in itertools.pairwise(columns) for a in one for b in other]
        edges = [Edge(a, b, 1) for a, b in pairs if rng.random() < 0.5]
        nodes = [Node(name, layer, 20) for layer, column in enumerate(columns) for name in column]
        orders = itertools.product(*(itertools.permutations(column) for column in columns))
        fewest = min(all_crossings(order, edges) for order in orders)
        least += all_crossings(layout(nodes, edges).order, edges) == fewest
    assert least >= 36


def all_crossings(order, edges):
    """Count crossings between neighbouring layers, pair by pair."""
    total = 0
    for one, other in itertools.pairwise(order):
        ends = [(one.index(e.source), other.index(e.target)) for e in edges if e.source in one]
        total += sum((a - c) * (b - d) < 0 for (a, b), (c, d) in itertools.combinations(ends, 2))
    return total


@examples(100)
@given(graphs())
def test_crossings_are_never_more_than_barycentres_give(graph):
    nodes, edges = graph
    ranks = {node.name: node.rank for node in nodes if node.rank is not None}
    columns = [[node.name for node in nodes if node.layer == layer] for layer in range(5)]
    layer = {node.name: node.layer for node in nodes}
    links = {}
    for edge in edges:
        if layer[edge.target] == layer[edge.source] + 1:
            links.setdefault(edge.source, []).append((edge.target, edge.weight))
            links.setdefault(edge.target, []).append((edge.source, edge.weight))
    first = next(swept(columns, links, ranks))
    assert count(uncrossed(columns, links, ranks), links) <= count(first, links)


@examples(60)
@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_the_edges_does_not_matter(graph, rng):
    nodes, edges = graph
    shuffled = list(edges)
    rng.shuffle(shuffled)
    assert layout(nodes, edges) == layout(nodes, shuffled)


@examples(60)
@given(graphs())
def test_ranked_boxes_lie_a_gap_apart_from_the_top_where_the_layout_is_compact(graph):
    nodes = [node._replace(rank=number) for number, node in enumerate(graph[0])]
    found = layout(nodes, [], gap=12, compact=True)
    for layer in range(5):
        y = 0.0
        for node in (node for node in nodes if node.layer == layer):
            assert abs(found.middle[node.name] - (y + node.height / 2)) < 1e-6
            y += node.height + 12


def test_two_hundred_boxes_are_laid_out_in_reasonable_time():
    rng = random.Random(2)  # noqa: S311 -- a graph to try out
    nodes = [Node(f"n{n}", n % 7, 40) for n in range(200)]
    pairs = sorted({(rng.randrange(200), rng.randrange(200)) for _ in range(400)})
    edges = [Edge(f"n{a}", f"n{b}", rng.randint(1, 99)) for a, b in pairs]
    began = time.perf_counter()
    layout(nodes, edges)
    assert time.perf_counter() - began < 10
