"""Where personas override stages, customers are held against the map of their persona; the sums add up."""

from __future__ import annotations

import pandas as pd
import pytest

import cjmining as cj
from cjmining.intended import parse_map

OVERRIDES = """
  - persona: Gen Z
    where: {birth_year: {at_least: 1997}}
    stages:
      - {stage: Research, optional: true, patience: 5d}
      - stage: Checkout
        touchpoints:
          - {touchpoint: payment_entered, channels: [web]}
          - {touchpoint: order_placed, channels: [web]}
          - {touchpoint: store_visited, optional: true}
  - persona: Silver
    where: {birth_year: {at_most: 1965}}
    stages:
      - {stage: Basket, patience: never, within: 2d}
"""


@pytest.fixture(scope="module")
def shop():
    return cj.simulate.shop(500, seed=3)


@pytest.fixture(scope="module")
def intended(shop):
    text = shop.intended_text
    return parse_map(text[: text.index("personas:")] + "personas:" + OVERRIDES)


@pytest.fixture(scope="module")
def check(shop, intended):
    log = shop.log.split(intended).with_personas(intended)
    return cj.check(log, intended, by="persona")


TABLES = ("outcomes", "stages", "dropouts", "touchpoints", "flows", "deviations", "sensitivity")


@pytest.mark.parametrize("persona", ["Gen Z", "Silver", "other", "unknown"])
@pytest.mark.parametrize("name", TABLES)
def test_a_persona_alone_gives_the_same_against_its_own_map(shop, intended, check, persona, name):
    own = intended.for_persona(persona)
    alone = shop.log.with_personas(intended).where(persona=persona).split(own)
    expected = getattr(cj.check(alone, own, by="persona"), name)
    found = getattr(check, name)
    found = found[found["by"] == persona].reset_index(drop=True)
    keys = [c for c in ("type", "stage", "touchpoint", "channel", "turn", "patience") if c in found]
    shared = [c for c in found.columns if c != "q"]
    if keys:
        found = found.sort_values(keys, ignore_index=True)
        expected = expected.sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(found[shared], expected[shared], rtol=1e-9)


def test_journeys_lie_in_the_order_of_the_log(check):
    assert check.journeys["journey"].is_monotonic_increasing
    assert check.journeys["customer"].is_monotonic_increasing
    moves = check.moves()
    assert moves["journey"].is_monotonic_increasing
    weight = (moves["move"] != "synchronous").groupby(moves["journey"]).sum()
    costs = check.journeys.set_index("journey")["cost"]
    assert weight.reindex(costs.index, fill_value=0).tolist() == costs.tolist()


def test_everybody_together_is_the_sum_of_the_personas(check):
    for column in ("journeys", "converted", "dropped", "turned_away", "open", "customers"):
        assert check.overall.outcomes[column].tolist() == [check.outcomes[column].sum()]
    entered = check.stages.groupby("stage")["entered"].sum()
    overall = check.overall.stages.set_index("stage")["entered"]
    assert overall.to_dict() == entered.to_dict()
