"""Curves of incidence: they are the table's, labelled with it, and nothing overlaps."""

from __future__ import annotations

import pytest

import cjmining as cj
from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.plot.words import number, percent
from tests.plot.seen import faults, texts


@pytest.fixture(scope="module", name="check")
def _check():
    shop = cj.simulate.shop(400, seed=4)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")


@pytest.fixture(scope="module", name="ends")
def _ends(check):
    return cj.incidence(check)


@pytest.mark.parametrize("stage", ["Awareness", "Research", "Basket", "Checkout", "Delivery"])
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
    assert "Dropped here: Checkout, checkout opened" in texts(ax)
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
