"""Entries against the counts of a check, and against journeys worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining.dropout.entries import FOREVER, Entries, entries, place_number
from cjmining.dropout.segments import segment
from cjmining.errors import LogError
from cjmining.intended import parse_map
from tests.conformance.factory import START, log_of

DAY_US = 86_400_000_000
MAP = """
map: Shop
goal: [paid]
exits: [{touchpoint: cancelled}]
patience: 10d
horizon: 20d
stages:
  - stage: Look
    touchpoints:
      - {touchpoint: seen, repeat: true}
      - {touchpoint: compared, optional: true}
  - stage: Buy
    patience: 5d
    touchpoints: [{touchpoint: carted}, {touchpoint: paid}]
    returns_to: [Look]
"""


@pytest.fixture(scope="module")
def shop() -> cj.Conformance:
    shop = cj.simulate.shop(1500, seed=3)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    return cj.check(log, intended, by="persona")


def checked(*journeys: str, days: float = 100) -> cj.Conformance:
    intended = parse_map(MAP)
    return cj.check(log_of(*journeys, days=days).split(intended), intended)


def days_of(found: Entries, times: np.ndarray) -> list[float | None]:
    start = START.value // 1000
    return [None if time == FOREVER else (time - start) / DAY_US for time in times.tolist()]


def test_stages_of_journeys_worked_by_hand() -> None:
    found = entries(
        checked("seen@20 carted@22 seen@23", "blog@30 seen@31 carted@33 paid@34", "seen@95 carted@97")
    )
    assert found.names == (("(before the map)", ""), ("Look", ""), ("Buy", ""))
    assert found.journey.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert found.place.tolist() == [1, 2, 0, 1, 2, 1, 2]
    assert days_of(found, found.entered_at) == [20, 22, 30, 31, 33, 95, 97]
    assert days_of(found, found.gone_on_at) == [22, None, 31, 33, None, 97, None]
    assert found.here.tolist() == [True, False, False, False, True, False, True]
    assert found.end.tolist() == [1, 1, 0, 0, 0, 3, 3]
    assert days_of(found, found.ended_at) == [33, 33, 34, 34, 34, 100, 100]
    assert (found.patience_us // DAY_US).tolist() == [10, 5, 10, 10, 5, 10, 5]


def test_touchpoints_of_a_journey_worked_by_hand() -> None:
    found = entries(
        checked("seen@20 seen@21 compared@22 carted@23 seen@24", "seen@30 paid@31"), at="touchpoint"
    )
    names = [found.names[place][1] for place in found.place]
    assert names == ["seen", "compared", "carted", "seen"]  # what converts is no place to be at
    assert days_of(found, found.entered_at) == [20, 22, 23, 30]
    assert days_of(found, found.gone_on_at) == [22, 23, 24, 31]
    assert found.here.tolist() == [True, False, False, False]  # back at the first place, where it ended


def test_a_first_journey_early_in_the_data_may_have_begun_before() -> None:
    found = entries(checked("seen@5 cancelled@6 seen@7", "seen@15"))
    # Observed from day 5, longest patience 10 days: the first may be the rest of an earlier journey.
    assert found.inside.tolist() == [False, True, True]


def test_what_is_mature_and_what_dropped_soon() -> None:
    found = entries(checked("seen@20", "seen@69.9", "seen@70.1", days=100))
    assert found.mature(20 * DAY_US).tolist() == [True, True, False]
    assert found.dropped_soon(20 * DAY_US).tolist() == [True, True, True]
    assert found.dropped_soon(9 * DAY_US).tolist() == [False, False, False]


def test_stages_add_up_to_those_of_the_check(shop: cj.Conformance) -> None:
    found = entries(shop)
    group = segment(shop, found, "persona")
    horizon = shop.intended.horizon_us
    names = np.array([name for name, _ in found.names], dtype=object)
    rows = pd.DataFrame(
        {
            "by": np.array(group.names, dtype=object)[group.codes],
            "stage": names[found.place],
            "entered": 1,
            "continued": ~found.here,
            "converted": found.here & (found.end == 0),
            "dropped": found.here & (found.end == 1),
            "turned_away": found.here & (found.end == 2),
            "open": found.here & (found.end == 3),
            "mature": found.mature(horizon),
            "dropped_within_horizon": found.mature(horizon) & found.dropped_soon(horizon),
        }
    )
    ours = rows.groupby(["by", "stage"]).sum()
    theirs = shop.stages[shop.stages["stage"] != "Support"].set_index(["by", "stage"])[list(ours.columns)]
    theirs = theirs[theirs["entered"] > 0]
    pd.testing.assert_frame_equal(ours, theirs.sort_index(), check_dtype=False, check_index_type=False)


def test_touchpoints_add_up_to_the_drop_outs_of_the_check(shop: cj.Conformance) -> None:
    found = entries(shop, at="touchpoint")
    left = found.only(found.here & (found.end == 1))
    ours = pd.Series([found.names[place] for place in left.place]).value_counts().to_dict()
    theirs = shop.overall.dropouts.groupby(["stage", "touchpoint"])["journeys"].sum().to_dict()
    assert ours == theirs


def test_a_segment_of_two_at_the_entry(shop: cj.Conformance) -> None:
    found = entries(shop)
    basket = found.only(found.place == place_number(found, "Basket"))
    both = segment(shop, basket, ("persona", "device"), when="entry")
    persona, device = (segment(shop, basket, name, when="entry") for name in ("persona", "device"))
    told = [
        f"{persona.names[p]}, {device.names[d]}" for p, d in zip(persona.codes, device.codes, strict=True)
    ]
    assert [both.names[code] for code in both.codes] == told
    events = shop._reading.log.events["device"].astype(object)
    known = events.iloc[basket.event].notna().to_numpy()
    assert (np.array(device.names, dtype=object)[device.codes] == events.iloc[basket.event])[known].all()
    assert known.any()


def test_unknown_names_are_told(shop: cj.Conformance) -> None:
    with pytest.raises(LogError, match=r"no stage 'Basked'.*did you mean 'Basket'"):
        place_number(entries(shop), "Basked")
    with pytest.raises(LogError, match=r"no 'tier'"):
        segment(shop, entries(shop), "tier")
    with pytest.raises(ValueError, match="'stage' or 'touchpoint'"):
        entries(shop, at="channel")
