"""Graphs are those that pm4py itself discovers."""

from __future__ import annotations

import warnings

import pytest

import cjmining as cj
from cjmining.interop import from_event_log, to_dfg, to_event_log, to_networkx, to_performance_dfg
from tests.interop.test_logs import shop_log


@pytest.fixture(scope="module")
def desk(tickets):
    log = from_event_log(tickets)
    return log, cj.discover(log), to_event_log(log)


def test_the_graph_of_the_help_desk_is_pm4pys(pm4py, tickets, desk):
    _, found, sent = desk
    for events in (tickets, sent):  # as pm4py read it, and as it came back from here
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dfg, starts, ends = pm4py.discover_dfg(events)
        assert to_dfg(found) == (dict(dfg), dict(starts), dict(ends))


def test_times_of_the_help_desk_are_pm4pys(pm4py, desk):
    _, found, sent = desk
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, starts, ends = pm4py.discover_performance_dfg(sent)
    times, *positions = to_performance_dfg(found)
    assert positions == [dict(starts), dict(ends)]
    assert times.keys() == expected.keys()
    for pair, told in times.items():
        assert told["mean"] == pytest.approx(expected[pair]["mean"])
        assert told["sum"] == pytest.approx(expected[pair]["sum"])
        assert told["median"] == pytest.approx(expected[pair]["median"], rel=1 / 128)


def test_pm4py_goes_on_with_the_graph(pm4py, desk):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net, _, _ = pm4py.discover_petri_net_heuristics(desk[2])
        assert net.transitions
        typed = pm4py.objects.dfg.obj.DFG(*to_dfg(desk[1]))
        tree = pm4py.discover_process_tree_inductive(typed)
    assert {leaf.label for leaf in tree._get_leaves() if leaf.label} == set(desk[0].vocabulary("touchpoint"))


def test_networkx_has_the_numbers_of_the_tables():
    networkx = pytest.importorskip("networkx")
    log = shop_log()
    found = cj.discover(log, by="persona")
    group = found.groups[0]
    graph = to_networkx(found, group=group)
    assert isinstance(graph, networkx.DiGraph)
    assert graph.graph == {"group": group, "level": "touchpoint", "journeys": int(found.journeys[group])}
    its = found.transitions[found.transitions["by"] == group]
    assert graph.number_of_edges() == len(its)
    for row in its.to_dict("records"):
        edge = graph.edges[row["from_touchpoint"], row["to_touchpoint"]]
        assert (edge["count"], edge["journeys"], edge["mean_s"]) == (
            row["count"],
            row["journeys"],
            row["mean_s"],
        )
    assert sum(n for _, n in graph.nodes(data="starts")) == graph.graph["journeys"]
    assert sum(n for _, n in graph.nodes(data="ends")) == graph.graph["journeys"]
    flow_in, flow_out = (dict(degree(weight="count")) for degree in (graph.in_degree, graph.out_degree))
    for name, told in graph.nodes(data=True):  # every event starts a journey or is followed into
        assert told["count"] == told["starts"] + flow_in[name] == told["ends"] + flow_out[name]


@pytest.mark.parametrize("verb", [to_dfg, to_performance_dfg, to_networkx])
def test_groups_and_wrong_things_are_told(verb):
    found = cj.discover(shop_log(), by="persona")
    with pytest.raises(cj.LogError, match="which group is meant: pass group=, one of"):
        verb(found)
    with pytest.raises(cj.LogError, match="there is no group 'Silvr', did you mean 'Silver'"):
        verb(found, group="Silvr")
    with pytest.raises(cj.LogError, match="there is no group 5; it is one of"):
        verb(found, group=5)
    with pytest.raises(cj.LogError, match=f"{verb.__name__} takes the result of cj.discover"):
        verb("found")


def test_without_networkx_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ImportError, match=r"pip install 'cjmining\[networkx\]'"):
        to_networkx(cj.discover(cj.simulate.shop(20, seed=1).log))
