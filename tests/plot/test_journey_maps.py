"""The maps of several personas side by side: numbers of the check, on one scale, without overlaps."""

from __future__ import annotations

import dataclasses
import re

import pytest

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.plot.journey_maps import journey_maps_sheet
from cjmining.plot.words import number, percent, plural, promise
from tests.plot.factory import made_up_check, made_up_map
from tests.plot.seen import faults, texts

HOSTILE = (
    "Gen Z",
    "<script>alert(1)</script>",
    "\u202e\u05de\u05d5\u05e6\u05e8 \U0001f44d =cmd()",
    "x" * 300,
)


@pytest.fixture(scope="module")
def check():
    shop = cj.simulate.shop(1200, seed=7, fault=cj.simulate.settings.SAMPLE_FAULT)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")


def test_the_table_is_that_of_the_check(check):
    table = cj.plot.data.journey_maps(check)
    assert table["by"].unique().tolist() == list(check.groups)
    stages = check.stages.set_index(["by", "stage"])
    for row in table.itertuples():
        own = stages.loc[(row.by, row.stage)]
        for column in ("entered", "continued", "converted", "dropped", "turned_away", "open", "mature"):
            assert getattr(row, column) == own[column]
        assert row.entered == row.continued + row.converted + row.dropped + row.turned_away + row.open
    outcomes = check.outcomes.set_index("by")
    ended = table.groupby("by")[["converted", "dropped", "turned_away", "open"]].sum()
    off = check.stages[check.stages["stage"] == "(before the map)"].set_index("by")
    for by in ended.index:
        for name in ended.columns:
            before = off.loc[by, name] if by in off.index else 0
            assert ended.loc[by, name] + before == outcomes.loc[by, name]
    assert table.groupby("by")["worst"].sum().eq(1).all()


def test_what_is_drawn_is_in_the_table(check):
    said = texts(cj.plot.journey_maps(check))
    table = cj.plot.data.journey_maps(check)
    for row in table.itertuples():
        assert percent(row.share_entered) in said
        assert f"{number(row.entered)} entered" in said
        if row.mature and (row.dropped or row.open):
            assert f"{percent(row.drop_out_share)} drop out" in said
        if row.satisfaction_answered:
            assert f"{row.satisfaction:.2f}" in said
            assert plural(row.satisfaction_answered, "answer") in said
    standing = check.standouts[check.standouts["stands_out"]]
    assert sum("than others" in line for line in said) == len(standing) > 0


def test_blocks_are_on_one_scale(check):
    """A block's height is the share of the persona's journeys that entered, the same for all personas."""
    sheet = journey_maps_sheet(check)
    table = cj.plot.data.journey_maps(check).set_index(["by", "stage"])
    heights = {}
    for shape in sheet.shapes:
        about = dict(shape.mark.about) if shape.mark else {}
        if {"stage", "group"} <= set(about) and shape.look.fill is not None:
            ys = shape.path.vertices[:, 1]
            place = (about["group"], about["stage"])
            low, high = heights.get(place, (ys.min(), ys.max()))
            heights[place] = (min(low, ys.min()), max(high, ys.max()))
    scales = [
        (high - low) / table.loc[place, "share_entered"]
        for place, (low, high) in heights.items()
        if table.loc[place, "share_entered"] > 0
    ]
    assert len(scales) > 15
    assert max(scales) == pytest.approx(min(scales))


def test_five_largest_are_drawn_by_default_and_the_rest_is_named():
    intended = made_up_map(3)
    made = made_up_check(intended, 410, groups=tuple("abcdefg"))
    said = texts(cj.plot.journey_maps(made))
    assert sum(line in "abcdefg" for line in said) == 5
    assert any(line.startswith("Not drawn: ") for line in said)
    chosen = cj.plot.data.journey_maps(made, personas=["g", "a"])
    assert chosen["by"].unique().tolist() == ["g", "a"]


def test_a_check_without_groups_is_one_map(check):
    assert cj.plot.data.journey_maps(check.overall)["by"].unique().tolist() == ["everybody"]
    assert faults(cj.plot.journey_maps(check.overall)) == []


@pytest.mark.parametrize("dark", [False, True])
def test_texts_never_overlap(check, dark):
    assert faults(cj.plot.journey_maps(check, dark=dark)) == []


@pytest.mark.parametrize("long", [False, True])
def test_eight_stages_and_hostile_names(long):
    made = made_up_check(made_up_map(8, 5, long=long), 400, groups=HOSTILE, times=37)
    ax = cj.plot.journey_maps(made)
    assert faults(ax) == []
    assert "<script>" not in cj.plot.to_svg(ax)


def test_next_to_nobody():
    made = made_up_check(made_up_map(2), 2, groups=("a", "b"))
    assert faults(cj.plot.journey_maps(made)) == []


def test_the_description_says_each_map(check):
    sheet = journey_maps_sheet(check)
    for row in check.outcomes.itertuples():
        assert f"{row.by}: {plural(row.journeys, 'journey')}" in sheet.description


def test_it_is_the_same_twice(check):
    assert cj.plot.to_svg(cj.plot.journey_maps(check)) == cj.plot.to_svg(cj.plot.journey_maps(check))


def test_what_cannot_be_drawn_is_refused(check):
    with pytest.raises(cj.LogError, match=r"cj\.plot\.journey_maps takes the result of cj\.check"):
        cj.plot.journey_maps("check")
    with pytest.raises(cj.LogError, match="no persona 'Sliver', did you mean 'Silver'"):
        cj.plot.journey_maps(check, personas=["Sliver"])
    with pytest.raises(cj.LogError, match=r"personas is a sequence of names: write \['Silver'\]"):
        cj.plot.journey_maps(check, personas="Silver")
    with pytest.raises(cj.LogError, match="0 maps were asked for; side by side there are 1 to 6"):
        cj.plot.data.journey_maps(check, personas=[])


def test_names_are_readable_and_marks_only_explained_where_they_are():
    made = made_up_check(made_up_map(3), 400, groups=("paid_search", "direct"))
    sheet = journey_maps_sheet(made)
    said = [line.text for line in sheet.words]
    assert "paid search" in said
    assert "paid_search" not in f"{said} {sheet.title} {sheet.description}"


def test_marks_are_explained_only_where_they_are_drawn(check):
    explained = ("▲ ▼: more", "Line: mean of the answers", "✗: a promise")
    shown = " ".join(texts(cj.plot.journey_maps(check)))
    assert all(mark in shown for mark in explained)
    bare = dataclasses.replace(
        check,
        standouts=check.standouts.assign(stands_out=False),
        expectations=check.expectations.iloc[:0],
        stages=check.stages.assign(satisfaction_answered=0),
    )
    shown = " ".join(texts(cj.plot.journey_maps(bare)))
    assert not [mark for mark in explained if mark in shown]


def test_counts_are_whole_and_of_one_form_everywhere():
    """With eight stages "entered" has no room behind large counts: then no column has it."""
    large = made_up_check(made_up_map(8, 2), 400, groups=("a", "b"), times=12_345)
    ax = cj.plot.journey_maps(large)
    said = texts(ax)
    table = cj.plot.data.journey_maps(large)
    assert {number(entered) for entered in table["entered"]} <= set(said)
    assert "At the top: journeys that entered." in " ".join(said)
    assert not [line for line in said if re.search(r"\d (en|…)", line)]
    ended = large.outcomes[["converted", "dropped", "turned_away", "open"]].to_numpy().ravel()
    assert {number(count) for count in ended if count} <= set(said)
    assert not {line for line in said if line.startswith(("converted,", "open,", "dropped,"))}
    assert faults(ax) == []


def test_promises_are_in_the_words_of_the_journey_map(check):
    table = cj.plot.data.journey_maps(check)
    told = "; ".join(table["broken"])
    broken = check.expectations[
        (check.expectations["verdict"] == "broken") & (check.expectations["measured"] >= 5)
    ]
    for row in broken.itertuples():
        assert promise(row.measure, row.at_least, row.at_most, row.after or "") in told
    assert len(broken) > 3
    assert not re.search("up to|needed|: answer", told)
