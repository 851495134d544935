"""The pictures of a whole simulated shop: what is drawn is legible, and adds up."""

from __future__ import annotations

import re

import pytest

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.plot.words import number
from tests.plot.seen import faults, texts

GROUPS = [None, "Gen Z", "Families", "Silver", "Islanders", "unknown"]


@pytest.fixture(scope="module", name="shop")
def _shop():
    simulated = cj.simulate.shop(1000)
    intended = parse_map(simulated.intended_text)
    log = simulated.log.split(intended).with_personas(intended)
    return cj.discover(log, by="persona"), cj.check(log, intended, by="persona"), intended, log


@pytest.mark.parametrize("group", GROUPS)
def test_the_journey_map_and_the_flow_are_legible(shop, group):
    check = shop[1]
    assert faults(cj.plot.journey_map(check, persona=group)) == []
    assert faults(cj.plot.flow(check, persona=group)) == []


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("with_map", [True, False])
def test_the_transitions_are_legible(shop, group, with_map):
    found, _, intended, _ = shop
    assert faults(cj.plot.transitions(found, intended=intended if with_map else None, group=group)) == []


@pytest.mark.parametrize("group", GROUPS)
def test_what_falls_off_the_ribbon_and_what_reaches_the_goal_add_up_to_all_journeys(shop, group):
    shown = texts(cj.plot.journey_map(shop[1], persona=group))
    journeys = int(re.search(r"([\d,]+) journeys? by", " ".join(shown))[1].replace(",", ""))
    ribbon = " ".join(shown[shown.index("Who stays") : shown.index("What they do")])
    ended = re.findall(r"([\d,]+) (?:dropped out|turned away|still open|reached the goal?)", ribbon)
    before = shop[1].overall.stages if group is None else shop[1].stages[shop[1].stages["by"] == group]
    assert not before.loc[before["stage"] == "(before the map)", ["dropped", "turned_away", "open"]].any(
        axis=None
    )
    assert sum(int(count.replace(",", "")) for count in ended) == journeys


@pytest.mark.parametrize("group", [None, "Gen Z"])
def test_the_journey_maps_table_has_the_rows_of_the_check(shop, group):
    check = shop[1].overall if group is None else shop[1]
    by = "all" if group is None else group
    table = cj.plot.data.journey_map(shop[1], persona=group)
    doing = table[(table["band"] == "What they do") & ~table["what"].str.endswith(": failed")]
    touchpoints = check.touchpoints[check.touchpoints["by"] == by]
    assert doing["value"].sum() == touchpoints["journeys"].sum()
    failed = table[table["what"].str.endswith(": failed")]["value"].sum()
    deviations = check.deviations_by_channel[check.deviations_by_channel["by"] == by]
    planned = deviations.merge(touchpoints[["stage", "touchpoint", "channel"]])
    assert failed == planned.loc[planned["type"] == "failed", "journeys"].sum() > 0
    risk = table[table["what"].str.startswith("value at risk")]
    places = check.dropouts[check.dropouts["by"] == by].groupby("stage")["value_at_risk"].max()
    assert risk.set_index("stage")["value"].to_dict() == pytest.approx(places.to_dict())


def test_the_main_paths_of_the_shop_go_from_stage_to_stage(shop):
    _, check, intended, log = shop
    found = cj.discover(log, level="touchpoint@channel", ignore=intended.ignore)
    ax = cj.plot.journey_map(check, found=found)
    assert faults(ax) == []
    table = cj.plot.data.journey_map(check, found=found)
    paths = table[table["what"].str.contains("@")].set_index("what")["value"]
    assert len(paths) == 12
    one, other = "product_viewed@web", "basket_filled@web"
    rows = found.transitions.set_index(["from_touchpoint", "to_touchpoint"])["journeys"]
    assert paths[f"{one} to {other}"] == rows[one, other]


def test_the_personas_outcomes_add_up_to_everybodys(shop):
    check = shop[1]
    for outcome in ("converted", "dropped", "turned_away", "open"):
        total = check.outcomes[outcome].sum()
        assert number(total) in texts(cj.plot.journey_map(check))
