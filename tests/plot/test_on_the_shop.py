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
    return cj.discover(log, by="persona"), cj.check(log, intended, by="persona"), intended


@pytest.mark.parametrize("group", GROUPS)
def test_the_journey_map_and_the_flow_are_legible(shop, group):
    _, check, _ = shop
    assert faults(cj.plot.journey_map(check, persona=group)) == []
    assert faults(cj.plot.flow(check, persona=group)) == []


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("with_map", [True, False])
def test_the_transitions_are_legible(shop, group, with_map):
    found, _, intended = shop
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


def test_the_personas_outcomes_add_up_to_everybodys(shop):
    check = shop[1]
    for outcome in ("converted", "dropped", "turned_away", "open"):
        total = check.outcomes[outcome].sum()
        assert number(total) in texts(cj.plot.journey_map(check))
