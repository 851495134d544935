"""The heat map: its cells say the check's numbers, few journeys have no share, what stands out is framed."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import cjmining as cj
from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.plot.heat_map import heat_map_sheet
from cjmining.plot.svg import written
from tests.plot import hostile
from tests.plot.factory import made_up_check, made_up_map
from tests.plot.seen import faults, texts


@pytest.fixture(scope="module", name="check")
def _check():
    shop = cj.simulate.shop(700, seed=4)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")


def made_up(standouts=(), **options):
    """A made-up check with what stands out; its groups are called `groups`."""
    check = made_up_check(made_up_map(options.pop("stages", 3)), **options)
    columns = ["by", "stage", "rest_mature", "rest_share", "risk_ratio", "q", "stands_out"]
    table = pd.DataFrame(list(standouts), columns=columns)
    for each in (check, check.overall):
        object.__setattr__(each, "standouts", table)
    return check


def test_nothing_overlaps_or_leaves_the_figure(check):
    assert faults(cj.plot.heat_map(check)) == []
    assert faults(cj.plot.heat_map(check.overall, dark=True)) == []


def test_each_cell_says_the_share_its_limits_and_of_how_many_as_the_check_does(check):
    shown = texts(cj.plot.heat_map(check))
    row = check.stages.query("by == 'Families' and stage == 'Research'").iloc[0]
    assert row["mature"] >= 10
    lower, upper = round(100 * row["lower"]), round(100 * row["upper"])
    at = shown.index(f"{lower}-{upper} % of {row['mature']}")
    assert shown[at - 1] == f"{100 * row['drop_out_share']:.0f} %"


def test_the_groups_and_their_journeys_add_up_to_everybody(check):
    table = cj.plot.data.heat_map(check)
    sums = table[table["by"] != "all"].groupby("stage")[["entered", "mature", "dropped_within_horizon"]].sum()
    everybody = table[table["by"] == "all"].set_index("stage")[sums.columns]
    pd.testing.assert_frame_equal(sums.sort_index(), everybody.sort_index(), check_names=False)
    journeys = table.drop_duplicates("by").set_index("by")["journeys"]
    assert journeys.drop("all").sum() == journeys["all"] == len(check.journeys)


def test_everybody_comes_first_and_the_unknown_last(check):
    groups = cj.plot.data.heat_map(check)["by"].drop_duplicates().tolist()
    assert (groups[0], groups[-1]) == ("all", "unknown")
    journeys = check.outcomes.set_index("by")["journeys"][groups[1:-1]]
    assert journeys.is_monotonic_decreasing


def test_of_few_journeys_no_share_is_told_and_the_cell_is_hatched(check):
    table = cj.plot.data.heat_map(check, fewest=10)
    few = table[table["state"] == "few"]
    assert len(few)
    assert (few["mature"] < 10).all()
    shown = texts(cj.plot.heat_map(check))
    assert shown.count("fewer than") == (few["mature"] > 0).sum()  # how many is in the table alone
    hatched = [shape for shape in heat_map_sheet(check).shapes if shape.look.hatch]
    assert len(hatched) == len(few) + 1  # and the legend's


def test_who_stands_out_is_framed_and_the_others_said_beside_it():
    check = made_up(
        [
            ("Gen Z", "Stage 0", 50.0, 0.01, 9.0, 0.001, True),
            ("Gen Z", "Stage 1", 50.0, 0.99, 0.4, 0.04, False),
            ("Families", "Stage 1", 50.0, 0.2, 1.1, 0.6, False),
        ]
    )
    table = cj.plot.data.heat_map(check).set_index(["by", "stage"])
    assert table.index[table["stands_out"]].tolist() == [("Gen Z", "Stage 0")]
    assert set(table.index[table["differs"]]) == {("Gen Z", "Stage 0"), ("Gen Z", "Stage 1")}
    ax = cj.plot.heat_map(check)
    shown = texts(ax)
    assert "others 1 %" in shown
    assert sum(text.endswith(" ▲") for text in shown) == 1
    assert sum(text.endswith(" ▼") for text in shown) == 1
    assert any("among 3 comparisons" in text for text in shown)
    assert "Gen Z at Stage 0: " in heat_map_sheet(check).description
    assert faults(ax) == []


def test_where_nobody_stands_out_that_is_said():
    check = made_up([("Families", "Stage 1", 50.0, 0.2, 1.1, 0.6, False)])
    assert any(text.startswith("No group differs") for text in texts(cj.plot.heat_map(check)))
    assert heat_map_sheet(check).description.endswith("No group stands out.")


def test_withheld_numbers_are_not_told():
    check = made_up()
    stages = check.stages.astype({"entered": float, "mature": float})
    cell = (stages["by"] == "Gen Z") & (stages["stage"] == "Stage 1")
    stages.loc[cell, ["entered", "mature", "dropped_within_horizon", "drop_out_share"]] = float("nan")
    hidden = replace(check, stages=stages)
    object.__setattr__(hidden, "standouts", check.standouts)
    table = cj.plot.data.heat_map(hidden)
    assert table["state"].tolist().count("withheld") == 1
    assert "to be told" in texts(cj.plot.heat_map(hidden))


@pytest.mark.parametrize("journeys", [0, 1, 400])
@pytest.mark.parametrize("groups", [(), ("Gen Z",), hostile.NAMES], ids=["all", "one", "nasty"])
def test_nothing_one_journey_and_any_names_are_drawn(journeys, groups):
    check = made_up(journeys=journeys, groups=groups)
    ax = cj.plot.heat_map(check)
    assert faults(ax) == []
    svg = written(ax.sheet, dark=None)
    assert "<script>" not in svg


def test_many_stages_with_long_names_make_the_sheet_wider():
    check = made_up_check(made_up_map(14, long=True), journeys=300)
    object.__setattr__(check, "standouts", pd.DataFrame())
    assert faults(cj.plot.heat_map(check)) == []
    assert heat_map_sheet(check).width > 880


def test_every_cell_is_a_mark_that_says_stage_and_group(check):
    sheet = heat_map_sheet(check)
    about = {words.mark.about for words in sheet.words if words.mark}
    assert len(about) == len(cj.plot.data.heat_map(check))
    assert (("stage", "Checkout"), ("group", "Gen Z")) in about


def test_it_is_small_and_the_same_every_time(check):
    svg = written(heat_map_sheet(check), dark=None)
    assert len(svg.encode()) <= 21_000
    assert svg == written(heat_map_sheet(check), dark=None)


def test_what_is_no_check_is_refused(check):
    with pytest.raises(LogError, match=r"takes the result of cj.check"):
        cj.plot.heat_map(check.stages)
    with pytest.raises(LogError, match="fewest is a whole number of at least 1, not 0"):
        cj.plot.heat_map(check, fewest=0)
