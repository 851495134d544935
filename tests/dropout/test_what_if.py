"""Scenarios against chains solved by hand, and what must hold of any."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.simulate.settings import PERSONAS
from tests.conformance.factory import log_of
from tests.examples import examples

MAP = """
map: Shop
goal: [paid]
exits: [{touchpoint: cancelled}, {touchpoint: refused, by: company}]
patience: 10d
horizon: 20d
stages:
  - stage: Look
    within: 3d
    touchpoints:
      - {touchpoint: seen, repeat: true}
      - touchpoint: called
        optional: true
        repeat: true
        expect:
          - {measure: wait_s, at_most: 120}
          - {measure: contacts, at_most: 1}
  - stage: Buy
    patience: 5d
    touchpoints: [{touchpoint: carted}, {touchpoint: address, optional: true}, {touchpoint: paid}]
    returns_to: [Look]
"""
CONVERTS, LEAVES_BUY, LEAVES_LOOK = "seen@20 carted@21 paid@22", "seen@20 carted@21", "seen@20"


def checked(*journeys: str, days: float = 100, **columns: list) -> cj.Conformance:
    intended = parse_map(MAP)
    return cj.check(log_of(*journeys, days=days, **columns).split(intended), intended)


def all_of(scenario: cj.Scenario) -> pd.Series:
    return scenario.scenario.set_index("by").loc["all"]


@pytest.fixture(scope="module")
def shop() -> cj.Conformance:
    shop = cj.simulate.shop(1200, seed=3)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")


@pytest.fixture(scope="module")
def ten() -> cj.Conformance:
    return checked(*[CONVERTS] * 4, *[LEAVES_BUY] * 2, *[LEAVES_LOOK] * 4)


@pytest.mark.parametrize(
    ("changes", "conversions"),
    [
        ({"stage": "Look", "drop_out": 0.5}, 10 * 0.8 * 4 / 6),
        ({"stage": "Buy", "drop_out": 0.5}, 6 * 5 / 6),
        ([{"stage": "Look", "drop_out": 0.5}, {"stage": "Buy", "drop_out": 0.5}], 10 * 0.8 * 5 / 6),
        ([{"stage": "Look", "drop_out": 0}, {"stage": "Buy", "drop_out": 0}], 10),
        ({"stage": "Look", "drop_out": 1}, 4),
        ({"touchpoint": "carted", "drop_out": 0.5}, 6 * 5 / 6),
    ],
)
def test_a_chain_solved_by_hand(ten: cj.Conformance, changes: object, conversions: float) -> None:
    row = all_of(cj.what_if(ten, changes))
    assert row["conversions"] == pytest.approx(4)
    assert row["conversions_after"] == pytest.approx(conversions)
    assert row["gained"] == pytest.approx(conversions - 4)
    assert row["gained_directly"] == pytest.approx(conversions - 4)
    assert row["share_converted_after"] == pytest.approx(conversions / 10)


def test_stages_solved_by_hand(ten: cj.Conformance) -> None:
    found = cj.what_if(ten, {"stage": "Look", "drop_out": 0.5}).stages.set_index("stage")
    assert found.loc["Look"].iloc[1:].tolist() == pytest.approx([10, 10, 4, 2, 0, 0])
    assert found.loc["Buy"].iloc[1:].tolist() == pytest.approx([6, 8, 2, 8 / 3, 0, 0])


def test_those_kept_may_still_be_turned_away() -> None:
    check = checked(*[CONVERTS] * 3, LEAVES_BUY, LEAVES_BUY, "seen@20 carted@21 refused@22")
    found = cj.what_if(check, {"stage": "Buy", "drop_out": 0})
    # Four of six stayed: three paid, one was refused.
    assert all_of(found)["conversions_after"] == pytest.approx(6 * 3 / 4)
    assert found.stages.set_index("stage").loc["Buy", "turned_away_after"] == pytest.approx(6 / 4)
    found = cj.what_if(check, {"stage": "Buy", "turned_away": 0})
    assert all_of(found)["conversions_after"] == pytest.approx(6 * 3 / 5)


def test_who_is_kept_does_not_come_back() -> None:
    # The first customer leaves and comes back: five journeys, of which two dropped and three converted.
    check = checked("seen@20 seen@40 carted@41 paid@42", CONVERTS, CONVERTS, LEAVES_LOOK)
    row = all_of(cj.what_if(check, {"stage": "Look", "drop_out": 0}))
    assert row["journeys"] == 5
    assert row["journeys_after"] == pytest.approx(4)
    assert row["gained"] == pytest.approx(1)
    assert row["gained_directly"] == pytest.approx(2)
    row = all_of(cj.what_if(check, {"stage": "Look", "drop_out": 0.5}))
    # Of four first journeys 2/5 drop as it is, and one is followed by a second; now 1/5 drop, half as many.
    assert row["journeys_after"] == pytest.approx(4 + 1 / 2)
    assert row["conversions_after"] == pytest.approx(0.8 * (4 + 1 / 2))


def test_cases_follow_each_other_by_time_whatever_their_names() -> None:
    log = log_of("seen@20 seen@40 carted@41 paid@42", CONVERTS, CONVERTS, LEAVES_LOOK)
    second = log.events["timestamp"] > log.events["timestamp"].min() + pd.Timedelta(days=15)
    intended, told = parse_map(MAP), []
    for names in ("ab", "ba"):
        events = log.events.drop(columns="journey").assign(
            native_journey=np.where(second, names[1], names[0])
        )
        check = cj.check(cj.JourneyLog.from_events(events, data_end=log.data_end).split(intended), intended)
        told.append(cj.what_if(check, {"stage": "Look", "drop_out": 0}, replicates=10).scenario)
    assert all_of(cj.what_if(check, {"stage": "Look", "drop_out": 0}))["gained"] == pytest.approx(1)
    pd.testing.assert_frame_equal(*told)


def test_open_journeys_are_no_failures() -> None:
    # As `test_open_visits_worked_by_hand`: 5/8 of the visits go on, and all who go on pay.
    check = checked(
        "seen@20 carted@21 paid@21.5", "seen@30 carted@32 paid@33", "seen@98.5", LEAVES_LOOK, days=100
    )
    row = all_of(cj.what_if(check, {"stage": "Look", "drop_out": 0}))
    assert (row["converted"], row["open"]) == (2, 1)
    assert row["conversions"] == pytest.approx(4 * 5 / 8)
    assert row["conversions_after"] == pytest.approx(4)


@pytest.mark.parametrize(("silent", "told"), [(10, True), (1, False)])
def test_journeys_that_cannot_be_lost_are_told_of(silent: int, told: bool) -> None:
    intended = parse_map(MAP.replace("patience: 5d", "patience: never"))
    refused = "seen@20 carted@21 refused@22"
    log = log_of(*[CONVERTS] * 20, refused, *[LEAVES_BUY] * silent, days=100)
    found = cj.what_if(cj.check(log.split(intended), intended), {"stage": "Look", "drop_out": 0.5})
    assert all_of(found)["conversions"] == pytest.approx((21 + silent) * 20 / 21)
    assert f"as those did that have ended (Buy: {silent} of {21 + silent})" in found.assumptions[-1]
    words = (
        f"at Buy (patience never): {silent} of {21 + silent} are still open there and are all expected to go "
        "on as those did that have ended, of whom 20 of 21 converted."
    )
    assert any(words in note for note in found.notes) is told
    with_patience = cj.what_if(checked(*[CONVERTS] * 20), {"stage": "Look", "drop_out": 0.5})
    assert not any("patience" in each for each in (*with_patience.assumptions, *with_patience.notes))


def test_a_promise_kept_worked_by_hand() -> None:
    nan = np.nan
    called, leaves = "seen@20 called@21 carted@22 paid@23", "seen@20 called@21"
    journeys = [called, called, called, leaves, called, leaves, leaves, leaves, CONVERTS, LEAVES_LOOK]
    waits = [60, 60, 60, 60, 600, 600, 600, 600]
    wait_s = []
    for number, journey in enumerate(journeys):
        wait_s += [waits[number] if word.startswith("called") else nan for word in journey.split()]
    check = checked(*journeys, wait_s=wait_s)
    found = cj.what_if(check, {"promise": "called", "measure": "wait_s", "stage": "Look", "kept": True})
    # Three of four went on where it was kept, one of four where it was broken.
    assert all_of(found)["gained"] == pytest.approx(4 * (3 / 4 - 1 / 4))
    assert found.changes["journeys"].tolist() == [4]
    assert found.changes["change"].tolist() == ["called in Look: wait_s at most 120 kept for everyone"]
    assert any("association" in each for each in found.assumptions)


def test_a_touchpoint_passed_over_worked_by_hand() -> None:
    pays = "carted@20 address@21 paid@22"
    check = checked(*[pays] * 6, *["carted@20 address@21"] * 2, *["carted@20"] * 2)
    found = all_of(cj.what_if(check, {"skip": "address"}))
    assert found["conversions"] == pytest.approx(6)
    assert found["conversions_after"] == pytest.approx(8)
    assert found["goal_s"] == pytest.approx(2 * 86_400)
    assert found["goal_after_s"] == pytest.approx(86_400)


def test_where_holds_for_what_is_known_as_the_place_is_entered() -> None:
    # Buy is entered on the phone by four, two of whom leave; by two at the desk, one of whom leaves.
    check = checked(
        *[CONVERTS] * 3,
        *[LEAVES_BUY] * 3,
        device=["desk", "phone", None] * 2
        + ["desk", "desk", "phone"]
        + ["desk", "phone"] * 2
        + ["phone", None],
    )
    found = cj.what_if(check, {"stage": "Buy", "where": {"device": "desk"}, "drop_out": 0})
    assert found.changes["visits"].tolist() == [1]
    assert all_of(found)["gained"] == pytest.approx(0)
    found = cj.what_if(check, {"stage": "Buy", "where": {"device": ["phone"]}, "drop_out": 0.5})
    # Five: three pays of ... two by phone and desk known before; 3 of 5 leave there, half of them are kept.
    assert found.changes["visits"].tolist() == [5]
    assert all_of(found)["gained"] == pytest.approx(1.5)
    assert found.changes["change"].tolist() == ["drop-out at Buy where device is phone times 0.5"]


def test_where_nobody_stayed_it_is_left_as_it_is() -> None:
    found = cj.what_if(
        checked(LEAVES_LOOK, LEAVES_LOOK, "carted@20 paid@21"), {"stage": "Look", "drop_out": 0}
    )
    assert all_of(found)["gained"] == pytest.approx(0)
    assert found.changes["left_as_is"].tolist() == [2]
    assert any("2 of 2 visits are left as they are" in note for note in found.notes)


@pytest.mark.parametrize("shops", [20, 63, 64, 200])
def test_any_number_of_groups_has_its_chains(shops: int) -> None:
    check = checked(*[CONVERTS, LEAVES_BUY, LEAVES_LOOK] * shops)
    log = check._with_log("groups").log
    names = [f"shop {number // 3}" for number in range(3 * shops)]
    customers = pd.DataFrame({"customer": range(3 * shops), "shop": names})
    log = cj.JourneyLog.from_events(log.events, customers=customers, data_end=log.data_end)
    check = cj.check(log.split(check.intended), check.intended, by="shop")
    found = cj.what_if(check, {"stage": "Buy", "drop_out": 0.5}, replicates=3)
    assert len(found.scenario) == shops + 1
    # Of two that reach Buy one leaves; half of those are kept.
    assert found.scenario["gained"].tolist() == pytest.approx([*[0.5] * shops, 0.5 * shops])


def test_value_is_gained_net_and_by_currency() -> None:
    values = [np.nan, np.nan, 30.0] * 2 + [np.nan, np.nan, 60.0] + [np.nan]
    currencies = [None, None, "EUR"] * 2 + [None, None, "USD"] + [None]
    check = checked(*[CONVERTS] * 3, LEAVES_LOOK, value=values, currency=currencies)
    found = cj.what_if(check, {"stage": "Look", "drop_out": 0})
    assert all_of(found)["gained"] == pytest.approx(1)
    by_currency = found.value_by_currency.set_index("currency")
    assert by_currency["value_per_conversion"].to_dict() == pytest.approx({"EUR": 20, "USD": 20})
    assert by_currency["value_gained"].to_dict() == pytest.approx({"EUR": 20, "USD": 20})
    assert (all_of(found)["currency"], all_of(found)["value_gained"]) == ("EUR", pytest.approx(20))
    assert repr(found).endswith("of 4 journeys, worth 20 EUR; other currencies in value_by_currency")
    (note,) = (note for note in found.notes if "value_gained" in note)
    assert note.startswith("value_gained is in EUR alone for all together, the currency of most conversions")
    assert "gained in USD stands in value_by_currency" in note
    alone = cj.what_if(
        checked(*[CONVERTS] * 2, value=[np.nan, np.nan, 30.0] * 2), {"stage": "Look", "drop_out": 0}
    )
    assert "value_by_currency" not in repr(alone)
    assert not any("value_gained" in note for note in alone.notes)


def test_limits_are_those_of_customers() -> None:
    found = cj.what_if(
        checked(*[CONVERTS] * 600, *[LEAVES_LOOK] * 400), {"stage": "Look", "drop_out": 0}, replicates=2000
    )
    row = all_of(found)
    assert row["gained"] == pytest.approx(400)
    # The gain is the number of those who left, and that is as uncertain as a Poisson number.
    assert row["upper"] - row["lower"] == pytest.approx(2 * 1.96 * 400**0.5, rel=0.08)


def in_days(words: list[str]) -> str:
    """Write a journey that takes a step a day."""
    return " ".join(f"{word}@{20 + day}" for day, word in enumerate(words))


JOURNEYS = st.lists(
    st.lists(
        st.sampled_from(["seen", "carted", "address", "called", "paid", "blog", "refused"]),
        min_size=1,
        max_size=7,
    ),
    min_size=1,
    max_size=12,
)


@given(JOURNEYS)
@examples(30)
def test_without_a_change_the_chain_gives_back_the_log(journeys: list[list[str]]) -> None:
    check = checked(*(in_days(each) for each in [["seen"], *journeys]))
    for change in ({"stage": "Buy", "drop_out": 1}, {"touchpoint": "called", "turned_away": 1}):
        found = cj.what_if(check, change, replicates=2)
        row, outcomes = all_of(found), check.outcomes.iloc[0]
        assert row["conversions"] == pytest.approx(outcomes["converted"], abs=1e-6)
        assert row[["gained", "lower", "upper"]].tolist() == pytest.approx([0, 0, 0], abs=1e-6)
        ours = found.stages.set_index("stage")
        theirs = check.stages[check.stages["entered"] > 0].set_index("stage")
        assert list(ours.index) == list(theirs.index)
        for name in ("entered", "dropped", "turned_away"):
            assert ours[name].tolist() == pytest.approx(theirs[name].tolist(), abs=1e-6)
            assert ours[f"{name}_after"].tolist() == pytest.approx(theirs[name].tolist(), abs=1e-6)


@given(JOURNEYS, st.tuples(st.floats(0, 1), st.floats(0, 1)))
@examples(40)
def test_the_less_leave_the_more_convert(journeys: list[list[str]], factors: tuple[float, float]) -> None:
    check = checked(*(in_days(each) for each in [["seen"], *journeys]))
    less, more = (
        all_of(cj.what_if(check, {"stage": "Look", "drop_out": factor}, replicates=2))["gained_directly"]
        for factor in sorted(factors)
    )
    assert less >= more - 1e-9
    assert more >= -1e-9


def test_groups_add_up_to_all(shop: cj.Conformance) -> None:
    found = cj.what_if(shop, {"stage": "Checkout", "drop_out": 0.5}, replicates=20)
    table = found.scenario.set_index("by")
    assert list(table.index) == [*shop.groups, "all"]
    names = ["journeys", "converted", "open", "conversions", "conversions_after", "gained", "value_gained"]
    assert table.loc[list(shop.groups), names].sum().tolist() == pytest.approx(
        table.loc["all", names].tolist()
    )
    assert table["converted"].tolist() == [
        *shop.outcomes["converted"],
        shop.overall.outcomes["converted"].iloc[0],
    ]
    stages = found.stages.pivot_table(index="stage", columns="by", values="dropped_after", observed=True)
    summed = stages[list(shop.groups)].sum(axis=1)
    assert summed.tolist() == pytest.approx(stages["all"].tolist())
    assert (table["lower"] <= table["gained"]).all()
    assert (table["gained"] <= table["upper"]).all()


def test_without_a_change_a_shop_stays_as_it_is(shop: cj.Conformance) -> None:
    row = all_of(cj.what_if(shop.overall, {"stage": "Research", "drop_out": 1}, replicates=2))
    assert row["converted"] < row["conversions"] < row["converted"] + row["open"]
    assert row["gained"] == pytest.approx(0, abs=1e-6)


def test_the_same_whatever_the_blocks(shop: cj.Conformance) -> None:
    reading = shop._with_log("blocks")
    assert len(reading.log.blocks(events=500)) > 5
    in_blocks = dataclasses.replace(
        shop, _reading=dataclasses.replace(reading, blocks=reading.log.blocks(events=500))
    )
    changes = [
        {"stage": "Checkout", "where": {"device": "mobile", "persona": "Gen Z"}, "drop_out": 0.5},
        {"promise": "call_answered"},
    ]
    ours, again = (cj.what_if(check, changes, replicates=10) for check in (shop, in_blocks))
    for name in ours._tables:
        pd.testing.assert_frame_equal(getattr(ours, name), getattr(again, name))


def test_personas_with_stages_of_their_own() -> None:
    intended = parse_map(
        MAP + "personas: [{persona: Old, where: {tier: [old]}, stages: [{stage: Look, optional: true}]}]\n"
    )
    events = log_of(CONVERTS, "carted@20 paid@21", LEAVES_BUY, LEAVES_LOOK, days=100).events
    customers = pd.DataFrame({"customer": range(4), "tier": ["old", "old", "new", "new"]})
    log = cj.JourneyLog.from_events(events, customers=customers, data_end="2026-06-09")
    check = cj.check(log.split(intended).with_personas(intended), intended, by="persona")
    found = cj.what_if(check, {"stage": "Buy", "drop_out": 0.5}).scenario.set_index("by")
    assert found["conversions"].to_dict() == pytest.approx({"Old": 2, "other": 0, "all": 2})


def test_the_result_says_that_it_is_a_scenario(ten: cj.Conformance) -> None:
    found = cj.what_if(ten, {"stage": "Look", "drop_out": 0.5})
    assert repr(found).startswith(
        "Scenario, not a forecast: drop-out at Look times 0.5. 1 conversions gained"
    )
    assert "<strong>Scenario</strong>, not a forecast" in found._repr_html_()
    assert "<li>A scenario, not a forecast" in found._repr_html_()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([], "a scenario changes something"),
        ("Buy", "change 1 is a mapping"),
        ({"stage": "By", "drop_out": 0.5}, r"names stage 'By'.*did you mean 'Buy'"),
        ({"stage": "Buy", "drop_off": 0.5}, r"has 'drop_off', did you mean 'drop_out'"),
        ({"stage": "Buy"}, "says nothing to change"),
        ({"drop_out": 0.5}, "names no place"),
        ({"stage": "Buy", "drop_out": 1.5}, r"has drop_out 1\.5: it is a factor from 0"),
        ({"stage": "Buy", "turned_away": "half"}, "has turned_away 'half': it is a factor"),
        ({"touchpoint": "adress", "drop_out": 0}, r"no stage has, did you mean 'address'"),
        (
            {"touchpoint": "seen", "stage": "Buy", "drop_out": 0},
            "names touchpoint 'seen' in Buy, but it is in Look",
        ),
        ({"skip": "paid"}, "skips 'paid', which is a goal"),
        ({"skip": "seen", "drop_out": 0.5}, "has 'drop_out'.*beside skip it may have"),
        ({"promise": "caled"}, r"names a promise about 'caled', did you mean 'called'"),
        ({"promise": "called"}, "has to say which measure of 'called' is meant: wait_s, contacts"),
        ({"promise": "called", "measure": "duration_s"}, "doesn't make; it promises wait_s in Look"),
        ({"promise": "called", "measure": "contacts"}, "can't be told from the journeys"),
        ({"promise": "within", "stage": "Look"}, "can't be told from the journeys"),
        ({"promise": "called", "measure": "wait_s", "kept": 0.5}, "has kept 0.5"),
        ({"stage": "Buy", "drop_out": 0, "where": "desk"}, "has where 'desk': it is a mapping"),
        ({"stage": "Buy", "drop_out": 0, "where": {"devise": "desk"}}, "has where 'devise'"),
        ({"stage": "Buy", "drop_out": 0, "where": {"device": "dask"}}, r"'dask'.*did you mean 'desk'"),
        (
            [{"stage": "Buy", "drop_out": 0.5}, {"touchpoint": "carted", "drop_out": 0.2}],
            "changes 1 and 2 contradict each other at 1 visits",
        ),
        ([{"stage": "Buy", "drop_out": 0.5}, {"skip": "carted"}], "contradict"),
        (
            [
                {"promise": "called", "measure": "wait_s"},
                {"promise": "called", "measure": "wait_s", "stage": "Look"},
            ],
            "contradict",
        ),
        (
            [{"stage": "By", "drop_out": 2}, {"skip": "x"}],
            "change 1 names.*change 1 has drop_out 2.*change 2 names",
        ),
    ],
)
def test_mistakes_are_told(changes: object, words: str) -> None:
    check = checked(CONVERTS, device=["desk"] * 3, wait_s=[np.nan] * 3)
    with pytest.raises(LogError, match=words):
        cj.what_if(check, changes)


def test_what_it_takes(ten: cj.Conformance) -> None:
    with pytest.raises(LogError, match="what_if takes a check first, not str"):
        cj.what_if("check", {"stage": "Buy", "drop_out": 0.5})
    with pytest.raises(ValueError, match="at least 2, not 1"):
        cj.what_if(ten, {"stage": "Buy", "drop_out": 0.5}, replicates=1)
    with pytest.raises(ValueError, match="made without its log"):
        cj.what_if(dataclasses.replace(ten, _reading=None), {"stage": "Buy", "drop_out": 0.5})


def test_a_shop_really_changed_gains_as_much() -> None:
    def conversions(leave: float, change: dict) -> tuple[float, pd.Series]:
        personas = tuple(
            dataclasses.replace(each, leave_checkout=leave, leave_mobile_checkout=leave) for each in PERSONAS
        )
        shop = cj.simulate.shop(3000, seed=5, personas=personas, fault=None, long_wait_leaves=0.0)
        intended = parse_map(shop.intended_text)
        row = all_of(cj.what_if(cj.check(shop.log.split(intended), intended), change))
        return row["conversions"], row

    halved = {"stage": "Checkout", "drop_out": 0.5}
    after, _ = conversions(0.15, halved)
    before, row = conversions(0.30, halved)
    # Customers have the same chances in both shops; who would have left and converts now is a Poisson number.
    gained = after - before
    assert gained > 300
    assert abs(row["gained"] - gained) < 3 * gained**0.5


DELIVERY = """
map: Box
goal: [paid]
patience: 10d
stages:
  - stage: Try
    touchpoints:
      - {touchpoint: ordered}
      - touchpoint: delivered
        actor: company
        expect: [{measure: response_s, after: ordered, at_most: 172800}]
  - stage: Buy
    touchpoints:
      - {touchpoint: paid, expect: [{measure: response_s, after: delivered, at_most: 86400}]}
"""


def test_an_answer_of_the_company_kept_in_time() -> None:
    in_time, late = "ordered@20 delivered@21", "ordered@20 delivered@25"
    journeys = [*[f"{in_time} paid@22"] * 3, in_time, f"{late} paid@26", late, late, "ordered@20"]
    intended = parse_map(DELIVERY)
    check = cj.check(log_of(*journeys, days=100).split(intended), intended)
    found = cj.what_if(check, {"promise": "delivered"})
    assert found.changes["journeys"].tolist() == [4]  # the one never answered had waited for too long as well
    assert all_of(found)["gained"] == pytest.approx(4 * (3 / 4 - 1 / 4))
    with pytest.raises(LogError, match="keeps 'response_s', which can't be told"):
        cj.what_if(check, {"promise": "paid"})
