"""The layered layout, by its properties."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from cjmining.plot.layered import Edge, Node, crossings, layers_of, layout


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


@settings(max_examples=150, deadline=None, derandomize=True)
@given(graphs())
def test_no_two_boxes_of_a_layer_come_nearer_than_the_gap(graph):
    nodes, edges = graph
    found = layout(nodes, edges, gap=12)
    for one, other in itertools.combinations(nodes, 2):
        if one.layer == other.layer:
            apart = abs(found.middle[one.name] - found.middle[other.name])
            assert apart >= (one.height + other.height) / 2 + 12 - 1e-6


@settings(max_examples=150, deadline=None, derandomize=True)
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


@settings(max_examples=100, deadline=None, derandomize=True)
@given(graphs())
def test_everything_lies_within_the_height_and_the_same_graph_looks_the_same(graph):
    nodes, edges = graph
    found = layout(nodes, edges)
    for node in nodes:
        assert found.middle[node.name] - node.height / 2 >= -1e-6
        assert found.middle[node.name] + node.height / 2 <= found.height + 1e-6
    assert found == layout(nodes, edges[::-1])


@settings(max_examples=100, deadline=None, derandomize=True)
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
