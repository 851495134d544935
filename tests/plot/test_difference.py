"""The difference between two journey maps: what is drawn is what the table says, and texts never overlap."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.plot.data.difference import MOST_LANES, difference_view, signed
from cjmining.plot.difference import difference_sheet
from cjmining.plot.words import number, percent
from tests.plot.seen import faults, texts

HOSTILE = ("<script>alert(1)</script>", "\u202e\u05de\u05d5\u05e6\u05e8 \U0001f44d =cmd()", "x" * 150)


@pytest.fixture(scope="module")
def found():
    shop = cj.simulate.shop(1500, seed=7, fault=cj.simulate.settings.SAMPLE_FAULT)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    return cj.difference(cj.check(log, intended, by="persona"), "Families", "Gen Z")


def eight_stages(names, *, journeys=240, seed=1, stage="Stage {}"):
    """A difference between two groups on a map of 8 stages and 40 touchpoints."""
    rng = np.random.default_rng(seed)
    stages = [stage.format(n) for n in range(8)]
    touchpoints = {s: [f"{s} step {k}" for k in range(5)] for s in range(8)}
    listed = [
        {
            "stage": stages[s],
            "owner": "Somebody in the house",
            "touchpoints": [
                {"touchpoint": t, "channels": [f"channel {s % 4}"], "optional": True, "repeat": True}
                | ({"expect": [{"measure": "wait_s", "at_most": 60, "share": 0.9}]} if k == 0 else {})
                for k, t in enumerate(touchpoints[s])
            ],
        }
        for s in range(8)
    ]
    goal = touchpoints[7][4]
    intended = parse_map(
        json.dumps({"map": stage, "goal": [goal], "patience": "5d", "stages": listed}, ensure_ascii=False)
    )
    rows = []
    for customer in range(journeys):
        at = 0.0
        for s in range(8):
            picked = rng.choice(5, 2, replace=False)
            for k in sorted(picked):
                at += float(rng.exponential(0.1))
                rows.append(
                    (
                        customer,
                        at,
                        touchpoints[s][k],
                        f"channel {(s + k) % 9}",
                        50 * rng.random(),
                        rng.random(),
                    )
                )
            if rng.random() < (0.1 if customer % 2 else 0.25):
                break
    table = pd.DataFrame(rows, columns=["customer", "day", "touchpoint", "channel", "wait_s", "satisfaction"])
    table["timestamp"] = pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(table.pop("day"), unit="D")
    people = pd.DataFrame(
        {"customer": range(journeys), "team": [names[customer % 2] for customer in range(journeys)]}
    )
    log = cj.JourneyLog.from_events(table, customers=people, data_end="2026-06-01").split(intended)
    return cj.difference(cj.check(log, intended, by="team"), names[0], names[1])


# numbers --------------------------------------------------------------------------------------------------


def test_what_is_drawn_is_in_the_table(found):
    said = texts(cj.plot.difference(found))
    table = cj.plot.data.difference(found)
    for row in table[table["band"].isin(["who leaves", "what we promised"])].itertuples():
        for share, of in ((row.first, row.first_of), (row.second, row.second_of)):
            assert f"{percent(share)} of {number(of)}" in said
    for row in table[table["band"] == "who stays"].query("what == 'entered'").itertuples():
        assert number(row.first * row.first_of) in said
        assert percent(row.second) in said
    for row in table[table["band"] == "outcomes"].itertuples():
        assert percent(row.first) in said
        assert percent(row.second) in said
    sentence = found.findings["sentence"].iloc[0]
    assert any(line.startswith("1. " + sentence[:30]) for line in said)


def test_the_table_is_that_of_the_result(found):
    table = cj.plot.data.difference(found)
    leaves = table[table["band"] == "who leaves"].set_index("stage")
    stages = found.stages.set_index("stage").loc[leaves.index]
    assert leaves["first"].tolist() == stages["drop_out_share_first"].tolist()
    assert leaves["second_of"].tolist() == stages["mature_second"].tolist()
    assert leaves["clear"].tolist() == (stages["q"] <= 0.05).tolist()
    assert leaves.loc["Checkout", "clear"]
    lanes = table[table["band"] == "what they do"]
    largest = found.touchpoints.groupby(["stage", "channel"])["difference"].apply(lambda own: own.abs().max())
    for row in lanes.itertuples():
        assert abs(row.difference) == pytest.approx(largest[row.stage, row.channel])


def test_who_stays_adds_up(found):
    table = cj.plot.data.difference(found)
    stays = table[table["band"] == "who stays"]
    ended = stays[stays["what"] != "entered"]
    for side, journeys in zip(("first", "second"), found.overview["journeys"], strict=True):
        before = found.flow[found.flow["stage"] == "(before the map)"]
        off = sum(before[f"{end}_{side}"].sum() for end in ("converted", "dropped", "turned_away", "open"))
        assert ended[side].sum() + off / journeys == pytest.approx(1)
        entered = stays[stays["what"] == "entered"].set_index("stage")[side]
        at_stage = ended.groupby("stage")[side].sum()
        assert (entered.loc[at_stage.index] >= at_stage - 1e-9).all()


def test_channels_without_a_lane_are_named(found):
    view = difference_view(found, "test")
    lanes = {pair.channel for pair in view.pairs if pair.band == "what they do"}
    assert lanes.isdisjoint(view.quiet)
    assert lanes | set(view.quiet) == set(found.touchpoints["channel"])
    clear = found.touchpoints[found.touchpoints["q"] <= found.largest_q]
    assert set(clear["channel"]) <= lanes
    assert len(lanes) <= max(MOST_LANES, clear["channel"].nunique())
    assert any(
        line.startswith("Not drawn, since nothing there is clear")
        for line in texts(cj.plot.difference(found))
    )


def test_markers_are_filled_where_it_is_clear(found):
    sheet = difference_sheet(found)
    tips = {
        shape.mark.tip: shape
        for shape in sheet.shapes
        if shape.mark and shape.mark.tip.startswith("Checkout: ")
    }
    told = [tip for tip in tips if "clear, q" in tip]
    assert len(told) == 1
    discs = [s for s in sheet.shapes if s.mark and s.mark.tip == told[0] and hasattr(s, "radius")]
    assert {disc.look.fill.name for disc in discs} == {"category-1"}
    chance = next(
        s.mark.tip
        for s in sheet.shapes
        if s.mark and s.mark.tip.startswith("Research: ") and "chance" in s.mark.tip
    )
    discs = [s for s in sheet.shapes if s.mark and s.mark.tip == chance and hasattr(s, "radius")]
    assert {disc.look.fill.name for disc in discs} == {"paper"}


def test_clear_is_said_with_what_it_means_and_nothing_is_called_certain(found):
    sheet = difference_sheet(found)
    told = [sheet.description, *(words.text for words in sheet.words)]
    told += [shape.mark.tip for shape in sheet.shapes if shape.mark]
    assert not [text for text in told if re.search(r"\bcertain|\bproven|\bsurely", text)]
    legend = next(text for text in told if text.startswith("filled: "))
    meaning = "clear (q up to 0.05, of 100 such differences 5 may still be chance)"
    assert legend == f"filled: the difference is {meaning}"
    assert "clear: q up to 0.05, of 100 such differences 5 may still be chance." in sheet.description


def test_the_description_has_the_main_numbers(found):
    sheet = difference_sheet(found)
    assert sheet.title == "Online purchase: from Families to Gen Z"
    assert found.findings["sentence"].iloc[0] in sheet.description
    for side in found.overview.itertuples():
        assert f"{side.group} ({number(side.journeys)} journeys)" in sheet.description


# looks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True])
def test_texts_never_overlap(found, dark):
    assert faults(cj.plot.difference(found, dark=dark)) == []


def test_eight_stages_and_forty_touchpoints():
    assert faults(cj.plot.difference(eight_stages(("before", "after")))) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name):
    hard = eight_stages((name, f"{name} 2"), journeys=60, stage=f"{name[:90]} {{}}")
    ax = cj.plot.difference(hard)
    assert faults(ax) == []
    svg = cj.plot.to_svg(ax)
    assert "<script>" not in svg


def test_a_side_with_next_to_nothing():
    few = eight_stages(("a", "b"), journeys=2)
    ax = cj.plot.difference(few)
    assert faults(ax) == []
    assert any(text.startswith("Nothing that was tested differs clearly (") for text in texts(ax))
    assert any("too few customers to test (" in text for text in texts(ax))


def test_it_is_the_same_twice(found):
    first, second = (cj.plot.to_svg(cj.plot.difference(found)) for _ in range(2))
    assert first == second
    assert len(first) < 200_000


def test_what_is_no_difference_is_refused(found):
    for verb in (cj.plot.difference, cj.plot.data.difference):
        with pytest.raises(
            cj.LogError, match=r"takes the result of cj\.difference\(check, \.\.\.\), not str"
        ):
            verb("found")
    view = difference_view(found, "test")
    assert signed(view.pairs[0]._replace(difference=float("nan"))) == "nothing to compare"
