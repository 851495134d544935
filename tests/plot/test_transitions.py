"""The transition graph: readable, complete or saying what it leaves out."""

from __future__ import annotations

import dataclasses
import itertools
import re

import numpy as np
import pandas as pd
import pytest

from cjmining.errors import LogError
from cjmining.plot import transitions
from tests.plot.factory import made_up_discovery, made_up_map
from tests.plot.seen import faults, texts


def crowded(intended, *, off_map=14, seed=1):
    rng = np.random.default_rng(seed)
    names = [*intended.touchpoint_names, *(f"banner_{n}" for n in range(off_map))]
    pairs = {(names[a], names[b]) for a, b in rng.integers(len(names), size=(120, 2))}
    pairs |= set(itertools.pairwise(names))
    return made_up_discovery(
        {pair: int(n) for pair, n in zip(sorted(pairs), rng.integers(1, 5000, len(pairs)), strict=True)}
    )


@pytest.mark.parametrize(
    ("stages", "touchpoints", "long"), [(1, 5, False), (4, 3, False), (8, 5, False), (5, 3, True)]
)
@pytest.mark.parametrize("with_map", [True, False])
def test_no_text_overlaps_in_a_crowded_graph(stages, touchpoints, long, with_map):
    intended = made_up_map(stages, touchpoints, long=long)
    ax = transitions(crowded(intended), intended=intended if with_map else None)
    assert faults(ax) == []


def test_every_line_has_its_count_and_a_repetition_is_said_in_its_box():
    edges = {("ad", "shop"): 1310, ("shop", "shop"): 77, ("shop", "basket"): 808, ("basket", "shop"): 202}
    shown = texts(transitions(made_up_discovery(edges)))
    assert {"1,310", "808", "202", "again 77"} <= set(shown)
    assert "What follows what: 2,397 transitions in 100 journeys" in shown


def test_what_is_left_out_is_said_with_its_weight():
    intended = made_up_map(4, 4)
    found = crowded(intended, off_map=0)
    ways = found.transitions[found.transitions["from_touchpoint"] != found.transitions["to_touchpoint"]]
    weak = ways["count"].sort_values(ascending=False).iloc[40:]
    shown = " ".join(texts(transitions(found, intended=intended)))
    total = found.transitions["count"].sum()
    assert f"Not drawn: {len(weak)} weaker lines with {weak.sum():,} of {total:,} transitions" in shown


def test_stages_head_the_columns_and_unplanned_touchpoints_lie_below():
    intended = made_up_map(2, 2)
    ax = transitions(made_up_discovery({("s0_t0", "banner"): 5, ("banner", "s1_t0"): 4}), intended=intended)
    at = {text.get_text(): text.get_position() for text in ax.texts}
    assert {"Stage 0", "Stage 1", "not on the map"} <= set(at)
    assert at["s0 t0"][0] < at["s1 t0"][0]
    assert at["banner"][1] > at["not on the map"][1] > max(at["s0 t1"][1], at["s1 t1"][1])
    assert "planned, never seen" in at


def test_many_unplanned_touchpoints_are_put_together():
    intended = made_up_map(2, 2)
    shown = texts(
        transitions(
            made_up_discovery({("s0_t0", f"banner_{n:02}"): 100 - n for n in range(20)}), intended=intended
        )
    )
    assert "12 other touchpoints" in " ".join(shown)
    assert sum(1 for text in shown if re.fullmatch(r"banner \d\d", text)) == 8


def test_groups_are_drawn_apart_or_added_up():
    one, other = (
        made_up_discovery({("a", "b"): 3}, by="Gen Z"),
        made_up_discovery({("a", "b"): 4}, by="Families"),
    )
    one.by, one.groups = "persona", ("Gen Z", "Families")
    for table in ("transitions", "touchpoints", "overview"):
        setattr(one, table, pd.concat([getattr(one, table), getattr(other, table)]))
    assert "3" in texts(transitions(one, group="Gen Z"))
    assert "7" in texts(transitions(one))
    with pytest.raises(LogError, match="no group 'Famili', did you mean 'Families'"):
        transitions(one, group="Famili")


def test_a_discovery_without_transitions_draws():
    assert faults(transitions(made_up_discovery({}))) == []
    assert faults(transitions(made_up_discovery({}), intended=made_up_map(2, 2))) == []


def test_a_number_of_journeys_that_is_withheld_reads_few():
    found = made_up_discovery({("s0_t0", "s1_t0"): 50})
    rare = pd.DataFrame([{"by": "all", "touchpoint": "s0_t1", "count": 0, "journeys": float("nan")}])
    found.touchpoints = pd.concat([found.touchpoints, rare])
    assert "few journeys" in texts(transitions(found, intended=made_up_map(2, 2)))


def test_what_the_map_ignores_is_left_out_and_counted():
    intended = dataclasses.replace(made_up_map(2, 2), ignore=("scroll",))
    found = made_up_discovery({("s0_t0", "s1_t0"): 60, ("s0_t0", "scroll"): 30, ("scroll", "scroll"): 10})
    shown = texts(transitions(found, intended=intended))
    assert "scroll" not in shown
    assert (
        "What follows what: 100 transitions in 100 journeys, 40 of them (40 %) left out: "
        "from or to what the map ignores"
    ) in shown


def test_a_path_in_place_of_a_map_is_answered_with_what_is_expected():
    found = made_up_discovery({("a", "b"): 3})
    with pytest.raises(LogError, match=r"takes as intended what cj\.read_map\(path\) returns, not str"):
        transitions(found, intended="map.yaml")
    with pytest.raises(LogError, match=r"takes the result of cj\.discover\(log\), not int"):
        transitions(3)
