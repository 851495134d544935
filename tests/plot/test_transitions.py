"""The transition graph: readable, complete or saying what it leaves out."""

from __future__ import annotations

import dataclasses
import itertools
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.transforms import Bbox

import cjmining as cj
from cjmining.errors import LogError
from cjmining.plot import theme, transitions
from cjmining.plot.data.transitions import MOST_LINES, read
from cjmining.plot.graph_edges import curves_of
from cjmining.plot.graph_model import graph_of
from cjmining.plot.graph_places import places_of
from cjmining.plot.svg import written
from cjmining.plot.transitions import transitions_sheet
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
    assert "What follows what: 2,397 transitions in 100 journeys." in shown


def test_what_is_left_out_is_said_with_its_weight():
    intended = made_up_map(4, 4)
    found = crowded(intended, off_map=0)
    ways = found.transitions[found.transitions["from_touchpoint"] != found.transitions["to_touchpoint"]]
    weak = ways["count"].sort_values(ascending=False).iloc[MOST_LINES:]
    shown = " ".join(texts(transitions(found)))
    total = found.transitions["count"].sum()
    said = (
        f"Not drawn: {len(weak)} lines, each of at most {weak.max():,} transitions, together {weak.sum():,}"
    )
    assert f"{said} of {total:,} transitions" in shown


def test_stages_head_the_columns_and_what_is_in_none_lies_below():
    intended = made_up_map(2, 2)
    ax = transitions(made_up_discovery({("s0_t0", "banner"): 5, ("banner", "s1_t0"): 4}), intended=intended)
    at = {text.get_text(): text.get_position() for text in ax.texts}
    assert {"Stage 0", "Stage 1", "in no stage of the map", "banner 5", "4"} <= set(at)
    assert at["s0 t0"][0] < at["s1 t0"][0]
    assert at["banner 5"][1] > at["in no stage of the map"][1] > max(at["s0 t1"][1], at["s1 t1"][1])
    assert at["banner 5"][0] < at["4"][0]  # what leads back stands below the stage that it leads to
    assert "planned, never seen" in at


def test_many_unplanned_touchpoints_are_put_together_below_their_stage():
    intended = made_up_map(2, 2)
    ways = {("s0_t0", f"banner_{n:02}"): 100 - n for n in range(20)}
    shown = texts(transitions(made_up_discovery(ways), intended=intended))
    assert f"17 other touchpoints {sum(range(81, 98)):,}" in shown
    assert [text for text in shown if re.match(r"banner \d\d", text)] == [
        "banner 00 100",
        "banner 01 99",
        "banner 02 98",
    ]
    assert f"{sum(range(81, 101)):,}" in shown


@pytest.fixture(scope="module", name="shop")
def _shop():
    simulated = cj.simulate.shop(500, seed=5)
    intended = cj.intended.parse_map(simulated.intended_text)
    log = simulated.log.split(intended).with_personas(intended)
    return cj.discover(log, by="persona"), intended


@pytest.mark.parametrize("group", [None, "Gen Z"])
def test_the_legend_accounts_for_all_transitions(shop, group):
    found, intended = shop
    own = found.transitions if group is None else found.transitions[found.transitions["by"] == group]
    shown = texts(transitions(found, intended=intended, group=group))
    told = [re.search(r": ([\d,]+) pairs?, ([\d,]+) transitions? \(([\d.]+) %\)", text) for text in shown]
    counts = [int(match[2].replace(",", "")) for match in told if match]
    shares = [float(match[3]) for match in told if match]
    assert len(counts) == 4
    assert sum(counts) == own["count"].sum()
    assert sum(shares) == pytest.approx(100, abs=2)
    assert f"together: {own['count'].sum():,} transitions" in shown


def test_its_table_adds_up_and_is_what_is_drawn(shop):
    found, intended = shop
    table = cj.plot.data.transitions(found, intended=intended, group="Families")
    own = found.transitions[found.transitions["by"] == "Families"]
    assert table["count"].sum() == own["count"].sum()
    assert table["share_of_transitions"].sum() == pytest.approx(1)
    lines = table[(table["drawn"] == "line") & (table["count"] > 0)]
    shown = texts(transitions(found, intended=intended, group="Families"))
    assert {f"{count:,}" for count in lines["count"]} <= set(shown)
    assert (table["drawn"] == "line").sum() <= MOST_LINES + len(intended.touchpoint_names)
    kept = own.set_index(["from_touchpoint", "to_touchpoint"])["median_s"]
    medians = lines.set_index(["from_touchpoint", "to_touchpoint"])["seconds"]
    assert medians.to_dict() == kept.reindex(medians.index).to_dict()
    assert set(lines["measure"]) == {"median"}


def test_groups_together_tell_the_mean_time(shop):
    found, _ = shop
    table = cj.plot.data.transitions(found).set_index(["from_touchpoint", "to_touchpoint"])
    pair = ("product_viewed", "basket_filled")
    rows = found.transitions.set_index(["from_touchpoint", "to_touchpoint"]).loc[[pair]]
    assert table.loc[pair, "measure"] == "mean"
    assert table.loc[pair, "seconds"] == pytest.approx(np.average(rows["mean_s"], weights=rows["count"]))


def test_planned_is_what_the_automaton_lets_follow():
    text = """
map: Small
goal: [c]
patience: 9d
stages:
  - {stage: One, touchpoints: [{touchpoint: a}, {touchpoint: b, optional: true}]}
  - {stage: Two, touchpoints: [{touchpoint: c}]}
"""
    intended = cj.intended.parse_map(text)
    ways = {("a", "c"): 5, ("b", "a"): 2, ("a", "x"): 1, ("x", "x"): 3}
    table = cj.plot.data.transitions(made_up_discovery(ways), intended=intended)
    kinds = dict(
        zip(zip(table["from_touchpoint"], table["to_touchpoint"], strict=True), table["kind"], strict=True)
    )
    assert kinds == {
        ("a", "c"): "planned and used",
        ("a", "b"): "planned, not used",
        ("b", "c"): "planned, not used",
        ("b", "a"): "not planned",
        ("a", "x"): "off the map",
        ("x", "x"): "off the map",
    }
    ax = transitions(made_up_discovery(ways), intended=intended)
    drawn = {str(patch.get_linestyle()) for patch in ax.patches if patch.get_facecolor()[3] == 0}
    assert len(drawn) == 3  # solid, dashed and dotted


def test_what_few_customers_did_is_withheld_but_accounted_for(shop):
    found, intended = shop
    own = found.transitions[found.transitions["by"] == "Gen Z"]
    few = own[own["customers"] < 10]
    lines = transitions_sheet(found, intended=intended, group="Gen Z", least=10).words
    shown = [line.text for line in lines]
    withheld = few["count"].sum()
    assert any(f"of fewer than 10 customers each, not told: {withheld:,} trans" in text for text in shown)
    assert f"together: {own['count'].sum():,} transitions" in shown
    graph = graph_of(found, intended, "Gen Z", least=10)
    told = own[own["customers"] >= 10].set_index(["from_touchpoint", "to_touchpoint"])["count"]
    assert graph.counts.ways == told.to_dict()
    starts = found.ends[(found.ends["by"] == "Gen Z") & (found.ends["position"] == "start")]
    assert sum(graph.counts.starts.values()) == starts["journeys"].sum()
    assert set(graph.counts.starts) - {""} == set(starts.loc[starts["customers"] >= 10, "touchpoint"])


def test_a_stage_whose_touchpoints_stand_elsewhere_says_so():
    text = """
map: Ticket
goal: [closed]
patience: 9d
stages:
  - {stage: In charge, touchpoints: [{touchpoint: taken}]}
  - {stage: Resolved, touchpoints: [{touchpoint: resolved}]}
  - {stage: Reopened, optional: true, touchpoints: [{touchpoint: taken}], returns_to: [Resolved]}
  - {stage: Closed, touchpoints: [{touchpoint: closed}]}
"""
    intended = cj.intended.parse_map(text)
    ways = {("taken", "resolved"): 9, ("resolved", "taken"): 2, ("resolved", "closed"): 7}
    ax = transitions(made_up_discovery(ways), intended=intended)
    assert "its touchpoints stand in a" in " ".join(texts(ax))
    assert faults(ax) == []


def test_starts_and_ends_are_marked_and_add_up_to_the_journeys(shop):
    found, intended = shop
    journeys = found.overview.set_index("by").loc["Families", "journeys"]
    shown = texts(transitions(found, intended=intended, group="Families"))
    graph = graph_of(found, intended, "Families")
    for said, marked in (("start", graph.starts), ("end", graph.ends)):
        elsewhere = re.search(rf"journeys that {said} there, ([\d,]+) elsewhere", " ".join(shown))
        assert {f"{number:,}" for number in marked.values()} <= set(shown)
        assert sum(marked.values()) + int(elsewhere[1].replace(",", "")) == journeys


def test_journeys_that_are_open_end_nowhere():
    shop = cj.simulate.shop(100, seed=1)
    journeys = shop.log.n_journeys
    tagged = shop.log.tag(outcome=["open"] * 10 + ["converted"] * (journeys - 10))
    counts = read(cj.discover(tagged), None)
    assert (sum(counts.starts.values()), sum(counts.ends.values())) == (journeys, journeys - 10)


def test_no_line_runs_through_a_box_that_is_not_its_own(shop):
    found, intended = shop
    crowd = crowded(made_up_map(6, 5), off_map=4)
    for graph in (
        graph_of(found, intended, None),
        graph_of(found, None, None),
        graph_of(crowd, made_up_map(6, 5), None),
        graph_of(crowd, None, None),
    ):
        places = places_of(graph)
        for edge, curve in curves_of(graph, places).items():
            others = [box for node, box in places.boxes.items() if node not in edge[:2]]
            assert not any(inside(point, box) for point in along(curve) for box in others), edge


def inside(point, box):
    return box.left < point[0] < box.right and box.top < point[1] < box.bottom


def along(curve):
    for n in range(0, len(curve) - 3, 3):
        a, b, c, d = (np.array(point) for point in curve[n : n + 4])
        for t in np.linspace(0, 1, 12):
            s = 1 - t
            yield a * s**3 + 3 * b * s * s * t + 3 * c * s * t * t + d * t**3


@pytest.mark.parametrize("with_map", [True, False])
def test_hostile_names_are_drawn_and_written_as_text(with_map):
    names = ["<script>alert(1)</script>", "=cmd()", "\u202e\u0645\u0631", "\U0001f6d2", "x" * 300, "s0_t0"]
    found = made_up_discovery(dict.fromkeys(itertools.permutations(names, 2), 9))
    intended = made_up_map(2, 2) if with_map else None
    assert faults(transitions(found, intended=intended)) == []
    svg = written(transitions_sheet(found, intended=intended), dark=None)
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg


def test_sixty_touchpoints_without_a_map_stay_readable():
    rng = np.random.default_rng(7)
    pairs = {(f"page_{a}", f"page_{b}") for a, b in rng.integers(60, size=(400, 2))}
    found = made_up_discovery(
        {pair: int(n) for pair, n in zip(sorted(pairs), rng.integers(1, 900, len(pairs)), strict=True)}
    )
    ax = transitions(found)
    assert faults(ax) == []
    lines = [patch for patch in ax.patches if patch.get_facecolor()[3] == 0]
    assert len(lines) == MOST_LINES


def test_the_picture_of_the_shop_stays_small():
    simulated = cj.simulate.shop(2000)
    intended = cj.intended.parse_map(simulated.intended_text)
    found = cj.discover(simulated.log.split(intended))
    assert len(written(transitions_sheet(found, intended=intended), dark=None).encode()) <= 28 * 1024


def test_it_describes_itself(shop):
    found, intended = shop
    description = transitions_sheet(found, intended=intended).description
    assert f"{found.transitions['count'].sum():,} transitions" in description
    assert "planned and used" in description
    assert "Most frequent" in description


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


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("with_map", [True, False])
def test_one_transition_draws_on_the_axes_it_is_given(with_map, dark):
    found = made_up_discovery({("s0_t0", "s0_t1"): 1})
    ax = Figure(figsize=(6, 3)).add_subplot()
    intended = made_up_map(1, 2) if with_map else None
    assert transitions(found, intended=intended, dark=dark, ax=ax) is ax
    assert faults(ax, dpi=300) == []
    assert "1" in texts(ax)


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
    assert "from or to what the map ignores, not drawn: 2 pairs, 40 transitions (40 %)" in shown
    assert "together: 100 transitions" in shown


def test_a_path_in_place_of_a_map_is_answered_with_what_is_expected():
    found = made_up_discovery({("a", "b"): 3})
    with pytest.raises(LogError, match=r"takes as intended what cj\.read_map\(path\) returns, not str"):
        transitions(found, intended="map.yaml")
    with pytest.raises(LogError, match=r"takes the result of cj\.discover\(log\), not int"):
        transitions(3)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_stronger_is_left_out_but_for_main_ways_on(seed):
    intended = made_up_map(8, 5)
    found = crowded(intended, off_map=0, seed=seed)
    ways = read(found, None).ways
    graph = graph_of(found, intended, None)
    drawn = {(edge.source, edge.target): edge.weight for edge in graph.edges if edge.weight}
    others = {pair: n for pair, n in ways.items() if pair[0] != pair[1] and pair not in drawn}
    main = {a: max(n for (c, d), n in ways.items() if c == a != d) for a, _ in [*drawn, *others]}
    assert all(n == main[a] for (a, _), n in drawn.items() if n < max(others.values()))
    assert all(max(n for (c, _), n in drawn.items() if c == a) == most for a, most in main.items())
    shown = " ".join(texts(transitions(found, intended=intended)))
    assert f"Not drawn: {len(others)} lines, each of at most {max(others.values()):,} transitions" in shown


def test_a_repetition_that_is_planned_and_unused_is_no_step_left_out():
    text = """
map: Small
goal: [b]
patience: 9d
stages:
  - {stage: One, touchpoints: [{touchpoint: a, repeat: true}]}
  - {stage: Two, touchpoints: [{touchpoint: b}]}
"""
    intended = cj.intended.parse_map(text)
    shown = " ".join(texts(transitions(made_up_discovery({("a", "b"): 5}), intended=intended)))
    assert "planned and unused" not in shown


def test_one_scale_of_thickness_holds_for_all_lines_and_arrows():
    intended = made_up_map(3, 1)
    ways = {("s0_t0", "s1_t0"): 4000, ("s0_t0", "s2_t0"): 40, ("s1_t0", "banner"): 2}
    ax = transitions(made_up_discovery(ways), intended=intended)
    lines = sorted(
        p.get_linewidth()
        for p in ax.patches
        if p.get_zorder() == 1.2 and isinstance(p, PathPatch) and p.get_facecolor()[3] == 0
    )
    assert lines[0] < 1.1 < 6 < lines[-1]  # 40 of 4,000 is hardly more than the thinnest, planned or not
    grey = to_rgba(theme.OFF_MAP.light)
    stem = [p.get_path().get_extents().width for p in ax.patches if p.get_facecolor() == grey]
    assert stem
    assert max(stem) < 7  # a thin stem with its head; as thick as the thickest it would have 11


def test_words_of_a_stage_without_touchpoints_lie_under_no_line():
    text = """
map: Small
goal: [c]
patience: 9d
stages:
  - {stage: One, touchpoints: [{touchpoint: a}, {touchpoint: b}]}
  - {stage: Again, touchpoints: [{touchpoint: a}]}
  - {stage: Two, touchpoints: [{touchpoint: c}]}
"""
    intended = cj.intended.parse_map(text)
    found = made_up_discovery({("a", "c"): 500, ("b", "c"): 20})
    sheet = transitions_sheet(found, intended=intended)
    said = next(line.box for line in sheet.words if line.text.startswith("its touchpoints"))
    lines = [s.path for s in sheet.shapes if s.look.fill is None and s.look.z == 1.2]
    assert len([path for path in lines if path.get_extents().x1 > said.right]) == 2
    around = Bbox.from_extents(said.left, said.top - 2, said.right, said.bottom + 2)
    assert not [path for path in lines if path.intersects_bbox(around, filled=False)]


def test_large_numbers_stay_on_the_figure_and_apart():
    intended = made_up_map(3, 5)
    names = intended.touchpoint_names
    ways = {(a, b): 4_123_456 + n for n, (a, b) in enumerate(itertools.permutations(names[:5], 2))}
    ways |= {(a, b): 5_123_456 + n for n, (a, b) in enumerate(itertools.permutations(names[10:], 2))}
    ways |= {(names[1], "banner"): 7_000_000, ("banner", names[2]): 7_000_000}
    assert faults(transitions(made_up_discovery(ways), intended=intended)) == []


def test_long_names_that_begin_alike_stay_apart():
    names = [f"a touchpoint whose name has so many words in place {n} of this map" for n in range(6)]
    found = made_up_discovery(dict.fromkeys(itertools.pairwise(names), 10))
    shown = " ".join(texts(transitions(found)))
    assert all(f"a… {n} of" in shown for n in range(6))
