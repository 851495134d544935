"""Curves of incidence: they are the table's, labelled with it, and nothing overlaps."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import cjmining as cj
from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.plot.incidence import incidence_sheet
from cjmining.plot.svg import written
from cjmining.plot.words import number, percent
from tests.plot import hostile
from tests.plot.seen import faults, texts


@pytest.fixture(scope="module", name="check")
def _check():
    shop = cj.simulate.shop(400, seed=4)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")


@pytest.fixture(scope="module", name="ends")
def _ends(check):
    return cj.incidence(check)


@pytest.mark.parametrize("stage", ["Awareness", "Checkout", "Delivery"])
@pytest.mark.parametrize("group", [None, "Gen Z"])
def test_no_text_overlaps_another_or_leaves_the_figure(ends, stage, group):
    assert faults(cj.plot.incidence(ends, stage=stage, group=group)) == []


def test_each_curve_is_labelled_with_the_last_row_of_its_table(ends):
    shown = texts(cj.plot.incidence(ends, stage="Checkout", end="converted"))
    table = ends.curves.query("stage == 'Checkout' and end == 'converted'").dropna(subset=["probability"])
    for group, rows in table.groupby("by", sort=False):
        last = rows.iloc[-1]
        told = percent(last["probability"], last["lower"], last["upper"])
        assert f"{group}: {told}" in shown
        assert any(text.endswith(f"of {number(last['entered'])} that entered") for text in shown)


def test_everybody_has_one_curve_with_its_band(check):
    ax = cj.plot.incidence(cj.incidence(check.overall), stage="Basket")
    assert faults(ax) == []
    assert any(text.startswith("all journeys: ") for text in texts(ax))


def test_unknown_names_are_told(ends):
    with pytest.raises(LogError, match=r"no stage 'Basked'.*did you mean 'Basket'"):
        cj.plot.incidence(ends, stage="Basked")
    with pytest.raises(LogError, match=r"no end 'dropped'.*dropped here"):
        cj.plot.incidence(ends, stage="Basket", end="dropped")
    with pytest.raises(LogError, match=r"no group 'Gen Y'.*did you mean 'Gen Z'"):
        cj.plot.incidence(ends, stage="Basket", group="Gen Y")


def test_touchpoints_have_curves_of_their_own(check):
    ends = cj.incidence(check, at="touchpoint")
    ax = cj.plot.incidence(ends, stage="Checkout", touchpoint="checkout_opened")
    assert faults(ax) == []
    assert "Dropping out at Checkout, checkout opened" in texts(ax)
    rows = ends.curves.query("stage == 'Checkout' and touchpoint == 'checkout_opened' and by == 'Families'")
    assert any(text.endswith(f"of {number(rows['entered'].iloc[0])} that entered") for text in texts(ax))
    with pytest.raises(LogError, match="no touchpoint None; there are"):
        cj.plot.incidence(ends, stage="Checkout")
    with pytest.raises(LogError, match="are of stages"):
        cj.plot.incidence(cj.incidence(check), stage="Checkout", touchpoint="checkout_opened")


@pytest.mark.parametrize(
    ("horizons", "unit"), [("2h", "hours"), ("2d", "hours"), ("30d", "days"), ("90d", "days")]
)
def test_times_are_told_in_a_unit_that_fits(check, horizons, unit):
    ax = cj.plot.incidence(cj.incidence(check.overall, horizons=horizons), stage="Checkout")
    assert faults(ax) == []
    assert f"{unit} since then" in texts(ax)


def test_what_is_no_incidence_is_refused(check):
    with pytest.raises(LogError, match=r"takes what cj.incidence\(check\) returned, not Conformance"):
        cj.plot.incidence(check, stage="Checkout")


def test_the_table_is_that_of_the_result_with_how_many_are_still_followed(ends):
    table = cj.plot.data.incidence(ends, stage="Checkout")
    curves = ends.curves.query("stage == 'Checkout' and end == 'dropped here'")
    assert table["probability"].tolist() == pytest.approx(curves["probability"].tolist(), nan_ok=True)
    hazard = ends.hazard.query("stage == 'Checkout' and end == 'converted' and by == 'Gen Z'")
    followed = table.query("by == 'Gen Z'").dropna(subset=["still_followed"])
    assert followed["time_s"].tolist() == hazard["from_s"].tolist()
    assert followed["still_followed"].tolist() == hazard["at_risk"].tolist()


def test_below_the_axis_stands_how_many_are_still_followed(ends):
    shown = texts(cj.plot.incidence(ends, stage="Checkout"))
    below = shown[shown.index("Still followed") :]
    table = cj.plot.data.incidence(ends, stage="Checkout")
    for group, rows in table.groupby("by", sort=False):
        at = below.index(group)
        assert below[at + 1] == number(rows["entered"].iloc[0])  # all of them are followed at first


def test_the_horizons_are_marked(check):
    ends = cj.incidence(check.overall, horizons=["7d", "30d"])
    ax = cj.plot.incidence(ends, stage="Basket")
    assert {"horizon 7 days", "horizon 30 days"} <= set(texts(ax))
    assert faults(ax) == []


def test_ends_that_compete_are_curves_of_one_group_and_add_up(check, ends):
    kinds = list(dict.fromkeys(ends.curves["end"]))
    table = cj.plot.data.incidence(ends, stage="Checkout", end=kinds, group="Families")
    assert table["by"].unique().tolist() == ["Families"]
    assert table["end"].drop_duplicates().tolist() == kinds
    sums = table.dropna(subset=["probability"]).groupby("time_s")["probability"].sum()
    assert sums.to_numpy() == pytest.approx(1)
    ax = cj.plot.incidence(ends, stage="Checkout", end=kinds[::-1], group="Families")
    assert faults(ax) == []
    assert "How journeys end after Checkout, Families" in texts(ax)
    overall = cj.incidence(check.overall)
    whole = texts(cj.plot.incidence(overall, stage="(journey)", end=["converted", "dropped here"]))
    assert {
        "How journeys end",
        "Probability of having ended so, by time since the first event (limits: 95 %)",
    } <= (set(whole))
    assert any(text.startswith("dropped out: ") for text in whole)
    assert "Dropping out" in texts(cj.plot.incidence(overall, stage="(journey)"))
    assert faults(cj.plot.incidence(overall, stage="Checkout", end=["converted", "dropped here"])) == []
    with pytest.raises(LogError, match="several ends are shown of one group: pass group="):
        cj.plot.incidence(ends, stage="Checkout", end=kinds)


def test_overlapping_bands_differ_and_of_many_curves_only_the_chosen_one_has_one(ends):
    kinds = ["converted", "dropped here"]
    two = incidence_sheet(ends, stage="Checkout", end=kinds, group="Families").shapes
    assert sum(shape.look.fill is not None and hasattr(shape, "path") for shape in two) == 1
    dotted = [shape for shape in two if shape.look.width == 0.7 and len(shape.look.dashes) == 2]
    assert len(dotted) >= 2
    many = incidence_sheet(ends, stage="Checkout").shapes
    assert not any(shape.look.fill is not None and hasattr(shape, "path") for shape in many)


def test_each_curve_is_a_mark_that_says_its_group(ends):
    sheet = incidence_sheet(ends, stage="Checkout")
    about = {dict(words.mark.about)["group"] for words in sheet.words if words.mark}
    assert about == set(ends.curves["by"])
    assert "of " in sheet.description
    assert len(written(sheet, dark=None).encode()) <= 20_000


def test_any_names_and_many_groups_are_drawn(check):
    ends = cj.incidence(check)
    names = dict(zip(ends.curves["by"].unique(), hostile.NAMES, strict=False))

    def renamed(table):
        return table.assign(by=table["by"].map(names).fillna("other"))

    named = replace(ends, curves=renamed(ends.curves), hazard=renamed(ends.hazard))
    ax = cj.plot.incidence(named, stage="Basket")
    assert faults(ax) == []
    assert "<script>" not in written(ax.sheet, dark=None)


def test_one_journey_and_none_are_told(check):
    shop = cj.simulate.shop(1)
    intended = parse_map(shop.intended_text)
    ends = cj.incidence(cj.check(shop.log.split(intended), intended))
    if len(ends.curves):
        assert faults(cj.plot.incidence(ends, stage=ends.curves["stage"].iloc[-1], end="converted")) == []
    with pytest.raises(LogError, match="there is nothing to draw"):
        cj.plot.incidence(replace(ends, curves=ends.curves.iloc[:0]), stage="Basket")


def test_a_near_name_is_suggested_in_a_question():
    from cjmining.plot.data.incidence import _expect

    with pytest.raises(LogError, match=r"'Chekout', did you mean 'Checkout'\? There are Basket, Checkout$"):
        _expect("Chekout", pd.Series(["Basket", "Checkout"]), "stage")
    with pytest.raises(LogError, match=r"'xyz'; there are Basket, Checkout$"):
        _expect("xyz", pd.Series(["Basket", "Checkout"]), "stage")
