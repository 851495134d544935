"""What a check says of journeys, stages, drop-outs and deviations: by hand, and sums that must add up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining import schema
from cjmining.conformance import Conformance
from cjmining.conformance import finding as scanning
from cjmining.conformance.plan import make_plans
from cjmining.conformance.reading import Reading
from cjmining.conformance.worth import amounts_of_conversions
from cjmining.intended import IntendedMap, parse_map
from cjmining.log import Block, JourneyLog
from tests.conformance.factory import START, log_of
from tests.examples import examples

MAP = """
map: Small shop
goal: [delivered]
exits:
  - {touchpoint: unsubscribed, by: customer}
  - {touchpoint: rejected, by: company}
patience: 10d
horizon: 20d
ignore: [ping]
stages:
  - stage: Awareness
    order: choice
    touchpoints:
      - {touchpoint: ad, repeat: true}
      - {touchpoint: newsletter, actor: company}
      - {touchpoint: visit}
  - stage: Research
    touchpoints:
      - {touchpoint: view, channels: [web], repeat: true}
      - {touchpoint: rated, optional: true}
    within: 5d
    returns_to: [Awareness]
  - stage: Checkout
    touchpoints:
      - {touchpoint: open}
      - {touchpoint: reminder, actor: company, optional: true}
      - {touchpoint: pay}
  - stage: Delivery
    patience: never
    touchpoints:
      - {touchpoint: parcel, actor: company}
      - {touchpoint: delivered, actor: company}
  - stage: Support
    optional: true
    touchpoints:
      - {touchpoint: call, optional: true, repeat: true}
"""
INTENDED = parse_map(MAP)


def checked(*journeys: str, **settings_: object) -> cj.Conformance:
    return cj.check(log_of(*journeys, **settings_).split(INTENDED), INTENDED)


def deviations_of(check: cj.Conformance) -> set[tuple[str, str, str]]:
    return set(check.deviations[["type", "stage", "touchpoint"]].itertuples(index=False, name=None))


AS_PLANNED = "ad@0 view@1 open@2 pay@3 parcel@4 delivered@5"


def test_a_journey_as_planned_has_no_deviation() -> None:
    check = checked(AS_PLANNED)
    row = check.journeys.iloc[0]
    assert (row["outcome"], row["last_stage"], row["last_touchpoint"]) == (
        "converted",
        "Delivery",
        "delivered",
    )
    assert (row["cost"], row["fitness"], row["turn"]) == (0, 1.0, "")
    assert len(check.deviations) == 0
    assert set(check.moves()["move"]) == {"synchronous"}


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("ad@0 open@2 pay@3 parcel@4 delivered@5", {("missing", "Research", "view")}),
        (
            "view@1 open@2 pay@3 parcel@4 delivered@5",
            {("missing", "Awareness", "one of ad, newsletter, visit")},
        ),
        ("ad@0 view@1 blog@1.5 open@2 pay@3 parcel@4 delivered@5", {("ad hoc", "Research", "blog")}),
        ("blog@0 " + AS_PLANNED.replace("ad@0", "ad@0.5"), {("ad hoc", "(before the map)", "blog")}),
        # Walking forward, `pay` is matched first: it is `open` that came out of order.
        ("ad@0 view@1 pay@2 open@3 parcel@4 delivered@5", {("out of order", "Checkout", "open")}),
        ("ad@0 view@1 open@2 open@2.5 pay@3 parcel@4 delivered@5", {("repeated", "Checkout", "open")}),
        ("ad@0 view@1 open@2 pay!@3 parcel@4 delivered@5", {("failed", "Checkout", "pay")}),
        ("ad@0 view@1 open@7 pay@8 parcel@9 delivered@10", {("late", "Research", "open")}),
        # At equal cost more matches win: back to Awareness as the map allows, rather than `ad` out of order.
        (
            "view@0 ad@1 open@2 pay@3 parcel@4 delivered@5",
            {("missing", "Awareness", "one of ad, newsletter, visit"), ("missing", "Research", "view")},
        ),
        ("ad@0 call@0.5 view@1 open@2 pay@3 parcel@4 delivered@5", {("out of order", "Support", "call")}),
        ("ad@0 pay@0.5 view@1", {("out of order", "Checkout", "pay")}),
        ("ad@0 delivered!@1 view@2", {("failed", "Delivery", "delivered")}),
        # Delivered at the second try: the try is what deviates.
        (
            AS_PLANNED.replace("delivered@5", "delivered!@5 delivered@6"),
            {("failed", "Delivery", "delivered")},
        ),
        (AS_PLANNED.replace("open@2", "delivered!@1.5 open@2"), {("failed", "Delivery", "delivered")}),
        (AS_PLANNED + " delivered!@6", {("failed", "Delivery", "delivered")}),
        (AS_PLANNED + " call@6 call@7", set()),
        (AS_PLANNED.replace("ad@0", "ad@0 ad@0.5"), set()),
        (AS_PLANNED.replace("ad@0", "ad@0 ping@0.2 ping@0.3"), set()),
    ],
)
def test_deviations_by_hand(journey: str, expected: set[tuple[str, str, str]]) -> None:
    assert deviations_of(checked(journey)) == expected


def test_a_choice_made_at_the_wrong_time_is_out_of_order_and_not_missing() -> None:
    """The alignment misses `ad`, the lowest of the choice; the visit stands for it."""
    found = deviations_of(checked("view@0.5 open@1 visit@2 pay@3 parcel@4 delivered@5"))
    assert found == {("out of order", "Awareness", "visit")}


def test_the_channel_is_held_against_the_planned_one() -> None:
    channels = ["web", "phone", "web", "web", "web", "web"]
    assert deviations_of(checked(AS_PLANNED, channel=channels)) == {("wrong channel", "Research", "view")}
    assert deviations_of(checked(AS_PLANNED, channel=["web"] * 6)) == set()


def test_no_order_is_judged_within_the_precision_of_a_time() -> None:
    """Paid on the day of the checkout, which has a clock: who can say that it was before?"""
    journey = "ad@0 view@1 pay@2 open@2.5 parcel@4 delivered@5"
    precise = checked(journey)
    coarse = checked(journey, precision=[0, 0, 86_400, 0, 0, 0])
    assert deviations_of(precise) == {("out of order", "Checkout", "open")}
    assert deviations_of(coarse) == set()
    assert precise.journeys["cost"].tolist() == coarse.journeys["cost"].tolist() == [2]


def with_sources(log: JourneyLog, rows: list[dict]) -> JourneyLog:
    defaults = {"kind": "Table", "records": 0, "timezone": "UTC", "timezone_given": True, "note": ""}
    table = pa.Table.from_pylist([defaults | row for row in rows], schema=schema.SOURCES)
    return JourneyLog.from_events(log.events.drop(columns="journey"), sources=table, data_end=log.data_end)


def test_nothing_is_missing_where_its_source_had_no_coverage() -> None:
    journeys = (AS_PLANNED, "ad@0 open@2 pay@3 parcel@4 delivered@5")
    source = ["shop", "web"] + ["shop"] * 9
    log = log_of(*journeys, source=source)
    day = {n: START + pd.Timedelta(days=n) for n in range(-1, 500)}
    shop = {"source": "shop", "first": day[0], "last": day[400], "gaps": []}
    down = {"start": day[1], "end": day[1] + pd.Timedelta(hours=3)}
    for web, expected in [
        ({"first": day[0], "last": day[400], "gaps": []}, {("missing", "Research", "view")}),
        ({"first": day[0], "last": day[400], "gaps": [down]}, set()),
        ({"first": day[1], "last": day[400], "gaps": []}, set()),
        ({"first": day[0], "last": day[1], "gaps": []}, set()),
    ]:
        covered = with_sources(log, [shop, {"source": "web"} | web]).split(INTENDED)
        assert deviations_of(cj.check(covered, INTENDED)) == expected


def test_the_place_of_a_late_event_after_skipped_ones_stays() -> None:
    check = checked("pay@0")
    row = check.journeys.iloc[0]
    assert (row["last_stage"], row["outcome"], row["cost"]) == ("Checkout", "dropped", 3)
    assert row["fitness"] == 1 - 3 / 5
    assert row["turn"] == "company"


def test_a_journey_that_never_reached_the_map() -> None:
    check = checked("blog@0 blog@1", AS_PLANNED)
    row = check.journeys.iloc[0]
    assert (row["last_stage"], row["last_touchpoint"], row["cost"]) == ("(before the map)", "", 0)
    assert np.isnan(row["fitness"])
    assert check.stages["stage"].tolist()[0] == "(before the map)"
    assert check.stages["dropped"].tolist()[0] == 1


def test_whose_turn_it_was_is_the_next_that_the_map_requires() -> None:
    check = checked("ad@0 view@1", "ad@0 view@1 open@2", "ad@0 view@1 open@2 pay@3", "blog@0")
    assert check.journeys["turn"].tolist() == ["customer", "customer", "company", "customer"]


def test_a_support_call_without_an_order_is_a_place_beyond_the_goal() -> None:
    """The map plans calls only after the goal: the way there misses it, and the end is still the call."""
    row = checked("call@0").journeys.iloc[0]
    assert (row["last_stage"], row["outcome"], row["cost"]) == ("Support", "dropped", 6)


def test_stages_by_hand() -> None:
    """Ends of six journeys; day 30 is 20 days of horizon and 10 of patience before the end, day 60."""
    check = checked(
        AS_PLANNED,  # passes Research on day 1, converts
        "ad@0 view@1",  # dropped in Research on day 11: 10 days after entering
        "ad@0 view@1 view@9 view@18",  # dropped on day 28: 27 days after entering, too late for it
        "ad@30 view@30",  # entered exactly horizon + patience before the end: mature
        "ad@31 view@31",  # dropped, yet not mature
        "ad@55 view@55",  # open
        "ad@0 view@1 rejected@2",  # turned away
        days=60,
    )
    row = check.stages.set_index("stage").loc["Research"]
    assert row[["entered", "continued", "converted", "dropped", "turned_away", "open"]].tolist() == [
        7,
        1,
        0,
        4,
        1,
        1,
    ]
    assert row[["mature", "dropped_within_horizon"]].tolist() == [5, 2]
    assert row["drop_out_share"] == 2 / 5
    delivery = check.stages.set_index("stage").loc["Delivery"]
    assert delivery[["entered", "converted", "mature"]].tolist() == [1, 1, 1]
    assert check.flows.query("from_stage == 'Awareness'")["crossings"].tolist() == [7]
    assert row["median_s"] == 86_400


@pytest.mark.parametrize(("days", "research", "delivery"), [(23, 0, 0), (24, 0, 1), (31, 1, 1)])
def test_where_patience_never_ends_a_stage_is_mature_after_the_horizon(
    days: float, research: int, delivery: int
) -> None:
    """Research entered on day 1, Delivery on day 4; 20 days of horizon, 10 of patience in Research alone."""
    stages = checked(AS_PLANNED, days=days).stages.set_index("stage")
    assert stages.loc[["Research", "Delivery"], "mature"].tolist() == [research, delivery]


def test_a_newsletter_later_does_not_enter_its_stage() -> None:
    check = checked("view@0 newsletter@1 open@2")
    stages = check.stages.set_index("stage")
    assert stages["entered"].to_dict() == {
        "Awareness": 0,
        "Research": 1,
        "Checkout": 1,
        "Delivery": 0,
        "Support": 0,
    }
    touchpoints = check.touchpoints.set_index("touchpoint")["events"].to_dict()
    assert touchpoints == {"newsletter": 1, "view": 1, "open": 1}


TWO_WAYS = """
map: Two ways to buy
goal: [bought_online, bought_in_store]
patience: 30d
new_journey_after: [exit, silence]
stages:
  - stage: Looking
    touchpoints: [{touchpoint: looked}]
    next: [Online, Store]
  - stage: Online
    within: 1d
    touchpoints: [{touchpoint: bought_online}]
    next: []
  - stage: Store
    touchpoints: [{touchpoint: store_visited}, {touchpoint: bought_in_store}]
"""


def test_after_the_goal_nobody_enters_a_stage_of_another_branch() -> None:
    """Bought online, then looked into the store: the map plans nothing after buying online."""
    intended = parse_map(TWO_WAYS)
    check = cj.check(log_of("looked@0 bought_online@1 store_visited@9").split(intended), intended)
    assert check.journeys["furthest_stage"].tolist() == ["Online"]
    assert check.stages.set_index("stage")["entered"].to_dict() == {"Looking": 1, "Online": 1, "Store": 0}
    assert check.touchpoints["touchpoint"].tolist() == ["looked", "bought_online"]
    assert check.flows[["from_stage", "to_stage"]].to_numpy().tolist() == [["Looking", "Online"]]
    assert deviations_of(check) == set()


def test_after_the_goal_a_stage_written_earlier_is_entered_where_next_names_it() -> None:
    intended = parse_map(
        """
map: Delivery first in the file
goal: [bought]
patience: 30d
new_journey_after: []
stages:
  - {stage: A, touchpoints: [{touchpoint: looked}], next: [C]}
  - {stage: B, touchpoints: [{touchpoint: delivered}], next: []}
  - {stage: C, touchpoints: [{touchpoint: bought}], next: [B]}
"""
    )
    check = cj.check(log_of("looked@0 bought@1 delivered@2").split(intended), intended)
    assert check.stages.set_index("stage")["entered"].to_dict() == {"A": 1, "B": 1, "C": 1}
    assert check.stages.set_index("stage")["continued"].to_dict() == {"A": 1, "B": 1, "C": 0}


def test_a_second_purchase_begins_where_the_map_lets_journeys_begin() -> None:
    """Nothing need be done in A, so it is finished and leads back to B: journeys may begin there."""
    intended = parse_map(
        """
map: Begins behind
goal: [bought]
patience: never
stages:
  - {stage: A, touchpoints: [{touchpoint: ad, optional: true}], next: [C], returns_to: [B]}
  - {stage: B, touchpoints: [{touchpoint: visit}]}
  - {stage: C, touchpoints: [{touchpoint: bought}]}
"""
    )
    log = log_of("visit@0 bought@1 visit@2 bought@3").split(intended)
    assert log.events.groupby("journey")["touchpoint"].agg(list).tolist() == [["visit", "bought"]] * 2
    assert cj.check(log, intended).journeys["cost"].tolist() == [0, 0]


def check_of(stages: str, goal: str, journey: str, **columns: list) -> cj.Conformance:
    """Check one journey, never split, against a map of these stages."""
    text = f"map: M\ngoal: [{goal}]\npatience: 30d\nnew_journey_after: []\nstages:\n{stages}"
    intended = parse_map(text)
    return cj.check(log_of(journey, **columns).split(intended), intended)


@pytest.mark.parametrize("offers", [("bought", "called"), ("called", "bought")])
def test_a_loop_back_is_no_plan_for_what_follows_the_goal(offers: tuple[str, str]) -> None:
    """In whichever order the choice is written: a newsletter after the purchase is after the end."""
    choice = ", ".join(f"{{touchpoint: {name}}}" for name in offers)
    stages = f"  - {{stage: Shop, order: choice, touchpoints: [{choice}], returns_to: [Shop]}}"
    check = check_of(stages, "bought", "bought@0 newsletter@1")
    assert (check.journeys["cost"].tolist(), deviations_of(check)) == ([0], set())


def test_a_plan_for_what_follows_the_goal_may_be_written_before_it() -> None:
    stages = """
  - {stage: A, touchpoints: [{touchpoint: a}], next: [C]}
  - {stage: B, touchpoints: [{touchpoint: delivered}], next: []}
  - {stage: C, touchpoints: [{touchpoint: bought}], next: [B]}
"""
    check = check_of(stages, "bought", "a@0 bought@1 newsletter@2 delivered@3")
    assert check.journeys["cost"].tolist() == [1]
    assert deviations_of(check) == {("ad hoc", "C", "newsletter")}


@pytest.mark.parametrize(("recorded", "fitness"), [("false", 1 - 1 / 2), ("true", 1 - 1 / 3)])
def test_fitness_does_not_charge_for_a_place_that_no_system_records(recorded: str, fitness: float) -> None:
    """a is missing; with nothing explained, a, the event that isn't planned, and b where it is recorded."""
    stages = f"""
  - {{stage: A, touchpoints: [{{touchpoint: a}}, {{touchpoint: b, recorded: {recorded}}}]}}
  - {{stage: B, touchpoints: [{{touchpoint: c}}]}}
"""
    row = check_of(stages, "c", "b@0").journeys.iloc[0]
    assert (row["last_touchpoint"], row["cost"]) == ("b", 1)
    assert row["fitness"] == pytest.approx(fitness)


@pytest.mark.parametrize("back", ["", ", returns_to: [Shop]"])
def test_a_failed_goal_that_other_steps_follow_is_failed_wherever_it_lies(back: str) -> None:
    stages = f"""
  - {{stage: Shop, order: choice, touchpoints: [{{touchpoint: bought}}, {{touchpoint: called}}]{back}}}
"""
    check = check_of(stages, "bought", "bought!@0 called@1")
    assert check.journeys["cost"].tolist() == [1]
    assert deviations_of(check) == {("failed", "Shop", "bought")}


def test_a_failed_goal_of_two_stages_failed_in_the_one_that_lay_ahead() -> None:
    stages = """
  - {stage: Early, optional: true, touchpoints: [{touchpoint: paid}]}
  - {stage: Look, touchpoints: [{touchpoint: looked}, {touchpoint: asked}]}
  - {stage: Late, touchpoints: [{touchpoint: paid}]}
"""
    assert deviations_of(check_of(stages, "paid", "looked@0 paid!@1 asked@2")) == {("failed", "Late", "paid")}


@pytest.mark.parametrize("back", ["", ", returns_to: [Buy]"])
def test_what_only_a_way_back_leads_to_is_not_planned_beyond(back: str) -> None:
    """Asked without buying: `rated` lies on another branch, whether or not asking leads back to it."""
    stages = f"""
  - {{stage: Look, touchpoints: [{{touchpoint: looked}}], next: [Buy, Ask]}}
  - {{stage: Buy, touchpoints: [{{touchpoint: bought}}, {{touchpoint: rated}}], next: []}}
  - {{stage: Ask, touchpoints: [{{touchpoint: asked}}], next: []{back}}}
"""
    check = check_of(stages, "bought", "looked@0 rated@1 asked@2")
    assert deviations_of(check) == {("ad hoc", "Look", "rated")}


@pytest.mark.parametrize(
    ("back", "turn"), [("", "company"), (", returns_to: [A]", "company"), (", next: []", "")]
)
def test_a_way_back_is_not_whose_turn_it_was(back: str, turn: str) -> None:
    stages = f"""
  - {{stage: A, touchpoints: [{{touchpoint: a}}]}}
  - {{stage: B, touchpoints: [{{touchpoint: b}}]{back}}}
  - {{stage: C, optional: true, touchpoints: [{{touchpoint: c, actor: company}}]}}
"""
    stages = stages.replace("[{touchpoint: a}]", "[{touchpoint: a}], next: [B, C]")
    assert check_of(stages, "c", "a@0 b@1").journeys["turn"].tolist() == [turn]


def test_where_no_way_leads_on_the_next_is_the_way_back() -> None:
    stages = """
  - {stage: A, touchpoints: [{touchpoint: a, actor: company}], next: [B, C]}
  - {stage: B, touchpoints: [{touchpoint: b}], next: [], returns_to: [A]}
  - {stage: C, touchpoints: [{touchpoint: c}]}
"""
    assert check_of(stages, "c", "a@0 b@1").journeys["turn"].tolist() == ["company"]


def test_value_at_risk_by_hand() -> None:
    """3 drop-outs at `open`; of 4 mature ones that went on 2 converted, for 100 and 140 less 20."""
    journeys = [
        "ad@0 view@1 open@2 pay@3 parcel@4 delivered@5",
        "ad@0 view@1 open@2 pay@3 parcel@4 delivered@5 refund@6",
        "ad@0 view@1 open@2 pay@3",
        "ad@0 view@1 open@2 pay@3",
        *["ad@0 view@1 open@2"] * 3,
    ]
    amounts = {("delivered", 0): 100.0, ("delivered", 1): 140.0, ("refund", 1): -20.0, ("pay", 0): 100.0}
    log = log_of(*journeys)
    events = log.events
    value = [amounts.get(key, np.nan) for key in zip(events["touchpoint"], events["customer"], strict=True)]
    events = events.drop(columns="journey").assign(value=value, currency="EUR")
    log = JourneyLog.from_events(events, data_end=log.data_end).split(INTENDED)
    row = cj.check(log, INTENDED).dropouts.set_index("touchpoint").loc["open"]
    assert (row["journeys"], row["currency"], row["turn"]) == (3, "EUR", "customer")
    assert row["share_of_dropped"] == 3 / 5
    assert row["value_at_risk"] == pytest.approx(3 * 0.5 * 110)
    # delta method: m^2 p(1-p)/N + p^2 s^2/M with s^2 = ((100-110)^2 + (120-110)^2) / 1 and M = 2
    deviation = 3 * np.sqrt(110**2 * 0.25 / 4 + 0.25 * 200 / 2)
    assert row["value_at_risk_upper"] == pytest.approx(165 + 1.959964 * deviation, rel=1e-6)
    assert row["value_at_risk_lower"] == pytest.approx(165 - 1.959964 * deviation, abs=1e-4)


def valued(intended: IntendedMap, *journeys: str, **values: dict[int, float]) -> cj.Conformance:
    """Check journeys in which the touchpoints named have a value, by the number of the customer."""
    log = log_of(*journeys)
    events = log.events.drop(columns="journey")
    keys = zip(events["touchpoint"], events["customer"], strict=True)
    events["value"] = [values.get(name, {}).get(customer, np.nan) for name, customer in keys]
    events["currency"] = "EUR"
    return cj.check(JourneyLog.from_events(events, data_end=log.data_end).split(intended), intended)


def test_who_paid_at_the_second_try_went_on_from_the_failed_one() -> None:
    """5 gave up at the failed payment, 5 tried again for 100: had all gone on like these, 500 more."""
    intended = parse_map(
        """
map: Paid
goal: [paid]
patience: 3d
stages:
  - {stage: Basket, touchpoints: [{touchpoint: filled}]}
  - {stage: Checkout, touchpoints: [{touchpoint: paid}]}
"""
    )
    journeys = ["filled@0 paid!@1"] * 5 + ["filled@0 paid!@1 paid@2"] * 5 + ["filled@0 paid@1"] * 2
    amounts = dict.fromkeys(range(5, 12), 100.0)
    check = valued(intended, *journeys, paid=amounts | dict.fromkeys(range(5), 100.0))
    row = check.dropouts.set_index("touchpoint").loc["paid"]
    assert (row["stage"], row["journeys"], row["value_at_risk"]) == ("Checkout", 5, 500.0)


@pytest.mark.parametrize(
    ("values", "worth"),
    [
        ({"delivered": 100.0, "pay": 100.0}, 100.0),
        ({"pay": 70.0, "view": 5.0}, 75.0),  # the goal has no value: the journey's own, up to it
        ({"pay": 70.0, "call": 30.0}, 70.0),  # earned after the goal, although the map plans a call there
        ({"pay": 70.0, "call": -30.0}, 40.0),  # given back
        ({"delivered": 100.0, "call": -30.0}, 70.0),
        ({"delivered": 100.0, "ping": -30.0}, 100.0),  # ignored
        ({"pay": 70.0, "ping": 9.0}, 70.0),
    ],
)
def test_what_a_conversion_is_worth(values: dict[str, float], worth: float) -> None:
    """One of the two that went on from `ad` converted, so the one drop-out there puts half of it at risk."""
    converted = AS_PLANNED.replace("view@1", "ping@0.5 view@1") + " call@6"
    check = valued(INTENDED, converted, "ad@0 view@1", "ad@0", **{name: {0: v} for name, v in values.items()})
    assert check.dropouts.set_index("touchpoint").loc["ad", "value_at_risk"] == pytest.approx(worth / 2)


def test_what_failed_brought_and_gave_back_nothing() -> None:
    """The payment of 70 failed at first: its value isn't earned twice; a refund that failed takes nothing."""
    twice = AS_PLANNED.replace("pay@3", "pay!@2.5 pay@3") + " call!@6"
    check = valued(INTENDED, twice, "ad@0 view@1", "ad@0", pay={0: 70.0}, call={0: -30.0})
    assert check.dropouts.set_index("touchpoint").loc["ad", "value_at_risk"] == pytest.approx(70 / 2)
    reading = check._with_log("values")
    assert amounts_of_conversions(reading).value.tolist() == [70.0]


def test_a_horizon_shorter_than_patience_is_told() -> None:
    """Both journeys were dropped by silence, three days after their last step: not within two days."""
    stage = "{stage: Buy, touchpoints: [{touchpoint: filled}, {touchpoint: paid}]}"
    text = f"{{map: M, goal: [paid], patience: 3d, horizon: %s, stages: [{stage}]}}"
    for horizon, share, told in (("2d", 0.0, 1), ("3d", 1.0, 0)):
        intended = parse_map(text % horizon)
        check = cj.check(log_of("filled@0", "filled@0").split(intended), intended)
        assert check.stages.set_index("stage").loc["Buy", "drop_out_share"] == share
        assert len([note for note in check.notes if "shorter than patience (3 days) at Buy" in note]) == told


def test_value_at_risk_by_currency_adds_up_over_conversions() -> None:
    log = log_of(AS_PLANNED, AS_PLANNED, AS_PLANNED, "ad@0")
    events = log.events.drop(columns="journey")
    goal = events["touchpoint"] == "delivered"
    euro = events["customer"] < 2
    events["value"] = np.where(goal, np.where(euro, 100.0, 90.0), np.nan)
    events["currency"] = np.where(euro, "EUR", "USD")
    check = cj.check(JourneyLog.from_events(events, data_end=log.data_end).split(INTENDED), INTENDED)
    table = check.value_by_currency.set_index("currency")["value_at_risk"]
    assert table.to_dict() == pytest.approx({"EUR": 200 / 3, "USD": 90 / 3})
    assert check.dropouts["currency"].tolist() == ["EUR"]


def grouped_log(dropped: dict[str, int], n: int) -> JourneyLog:
    """Journeys of groups of `n` customers, of whom some drop at checkout."""
    journeys, group = [], []
    for name, leaving in dropped.items():
        journeys += ["ad@0 view@1 open@2"] * leaving + [AS_PLANNED] * (n - leaving)
        group += [name] * n
    log = log_of(*journeys)
    customers = pd.DataFrame({"customer": range(len(group)), "segment": group})
    events = log.events.drop(columns="journey")
    return JourneyLog.from_events(events, customers=customers, data_end=log.data_end).split(INTENDED)


def test_a_group_that_drops_out_more_stands_out() -> None:
    log = grouped_log({"a": 60, "b": 20, "c": 20}, 200)
    table = cj.check(log, INTENDED, by="segment").standouts.set_index(["by", "stage"])
    row = table.loc[("a", "Checkout")]
    assert (row["share"], row["rest_share"], row["rest_mature"]) == (0.3, 0.1, 400)
    assert row["risk_ratio"] == pytest.approx(3.0)
    assert row["stands_out"]
    assert not table.loc[(["a", "b", "c"], ["Awareness", "Delivery"]), "stands_out"].any()


def test_equal_groups_do_not_stand_out() -> None:
    check = cj.check(grouped_log({"a": 20, "b": 22, "c": 18}, 200), INTENDED, by="segment")
    assert not check.standouts["stands_out"].any()
    assert len(cj.check(grouped_log({"a": 20}, 200), INTENDED, by="segment").standouts) == 0


def test_half_and_double_patience_split_again() -> None:
    """A pause of 15 days: two journeys at 10 days of patience, one at 20."""
    check = checked("ad@0 view@1 view@16 open@17 pay@18 parcel@19 delivered@20")
    research = check.sensitivity[check.sensitivity["stage"] == "Research"].set_index("patience")
    assert research["drop_out_share"].to_dict() == {"half": 0.5, "as stated": 0.5, "double": 0.0}
    assert research["mature"].to_dict() == {"half": 2, "as stated": 2, "double": 1}


def test_journeys_of_the_source_are_checked_as_they_are() -> None:
    log = log_of("ad@0 view@1 view@30 open@31 pay@32 parcel@33 delivered@34", native_journey=["x"] * 7)
    check = cj.check(log.split(INTENDED), INTENDED)
    assert check.journeys[["outcome", "won_back"]].to_numpy().tolist() == [["dropped", "converted"]]
    assert check.notes == ()


def test_a_log_that_was_not_split_says_so() -> None:
    check = cj.check(log_of(AS_PLANNED), INTENDED)
    assert "not split by the map 'Small shop'" in check.notes[0]


def test_a_log_without_a_common_touchpoint_is_refused_with_examples() -> None:
    with pytest.raises(
        cj.LogError, match=r"shares no touchpoint.*Small shop.*ad, newsletter.*opened"
    ) as caught:
        checked("opened@0 viewed@1")
    assert "did you mean" in str(caught.value)


def test_an_empty_log_is_refused() -> None:
    empty = log_of(AS_PLANNED).where(start="2030-01-01")
    with pytest.raises(cj.LogError, match="no journeys"):
        cj.check(empty, INTENDED)


@pytest.mark.parametrize("cost", [0, -1, 1.5])
def test_costs_are_whole_numbers_above_zero(cost: float) -> None:
    with pytest.raises(ValueError, match="missing_cost must be a whole number"):
        cj.check(log_of(AS_PLANNED), INTENDED, missing_cost=cost)


def test_several_groupings_at_once_are_refused() -> None:
    with pytest.raises(cj.LogError, match=r"by is one name, such as 'persona', not \['persona', 'device'\]"):
        cj.check(log_of(AS_PLANNED), INTENDED, by=["persona", "device"])


def test_coverage_tells_what_is_not_shared() -> None:
    coverage = cj.coverage(log_of("ad@0 view@1 blog@2 ping@3", "blog@0 unsubscribed@1"), INTENDED)
    assert coverage.missing_from_log["touchpoint"].tolist() == [
        "newsletter",
        "visit",
        "rated",
        "open",
        "reminder",
        "pay",
        "parcel",
        "delivered",
        "call",
    ]
    row = coverage.unknown_to_map.iloc[0]
    assert len(coverage.unknown_to_map) == 1
    assert row[["touchpoint", "events", "journeys"]].tolist() == ["blog", 2, 2]
    assert row["share_of_events"] == 2 / 6


# Properties -------------------------------------------------------------------------------------------------

NAMES = [*INTENDED.touchpoint_names, "unsubscribed", "rejected", "ping", "blog"]


@st.composite
def logs(draw: st.DrawFn) -> JourneyLog:
    """Draw events of a few customers, some with journeys of the source, near the likely order of the map."""
    n = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    customer = rng.integers(0, 6, n)
    events = pd.DataFrame(
        {
            "customer": customer,
            "timestamp": START + pd.to_timedelta(rng.integers(0, 80 * 24, n), unit="h"),
            "touchpoint": rng.choice(NAMES, n),
            "actor": rng.choice(["customer", "customer", "company", "system"], n),
            "failed": rng.choice([True, False, False], n),
            "channel": rng.choice(["web", "phone"], n),
            "satisfaction": rng.choice([np.nan, 0.2, 0.9], n),
            "precision": rng.choice([0.0, 86_400.0], n),
            "value": rng.choice([np.nan, 10.0, -3.0], n),
            "currency": rng.choice(["EUR", "USD"], n),
            "native_journey": np.where(customer == 0, "given", None),
        }
    )
    return JourneyLog.from_events(events, data_end=START + pd.Timedelta(days=90))


@examples(80)
@given(logs(), st.sampled_from([None, "channel"]), st.integers(1, 3), st.integers(1, 3))
def test_all_numbers_add_up(log: JourneyLog, by: str | None, missing_cost: int, ad_hoc_cost: int) -> None:
    if set(log.vocabulary("touchpoint")).isdisjoint(INTENDED.touchpoint_names):
        return
    log = log.split(INTENDED)
    check = cj.check(log, INTENDED, by=by, missing_cost=missing_cost, ad_hoc_cost=ad_hoc_cost)
    for table in (check, check.overall):
        ends = table.stages[["converted", "dropped", "turned_away", "open"]]
        assert (table.stages["entered"] == table.stages["continued"] + ends.sum(axis=1)).all()
        assert (table.stages["mature"] <= table.stages["entered"]).all()
        assert (table.stages["dropped_within_horizon"] <= table.stages["dropped"]).all()
        by_group = table.stages.groupby("by")[ends.columns.tolist()].sum()
        outcomes = table.outcomes.set_index("by")[ends.columns.tolist()]
        assert by_group.loc[outcomes.index].equals(outcomes)
        dropped = table.dropouts.groupby("by")["journeys"].sum()
        assert dropped.reindex(outcomes.index, fill_value=0).tolist() == outcomes["dropped"].tolist()
    counted = check.journeys.groupby(["by", "outcome"], observed=True).size()
    for (group, outcome), n in counted.items():
        assert check.outcomes.set_index("by").loc[group, outcome.replace(" ", "_")] == n
    assert check.overall.outcomes["customers"].tolist() == [len(np.unique(log.journey_customer))]
    moves = check.moves()
    weight = (
        moves["move"].map({"synchronous": 0, "log only": ad_hoc_cost, "map only": missing_cost}).astype(int)
    )
    costs = weight.groupby(moves["journey"]).sum().reindex(check.journeys["journey"], fill_value=0)
    assert costs.tolist() == check.journeys["cost"].tolist()
    fitness = check.journeys["fitness"].dropna()
    assert fitness.between(0, 1).all()
    placed = check.journeys["last_stage"] != schema.BEFORE_THE_MAP
    assert (check.journeys["fitness"].notna() == placed).all()


@examples(60)
@given(logs())
def test_blocks_give_what_one_block_gives(log: JourneyLog) -> None:
    log = log.split(INTENDED)
    reading = Reading.of(log, make_plans(log, INTENDED), "channel")
    one, many = scanning.find(reading), [*log.blocks(events=8)]
    assert isinstance(many[0], Block)
    object.__setattr__(reading, "blocks", many)
    parts = scanning.find(reading)
    for name in one.sums._fields:
        np.testing.assert_allclose(
            getattr(one.sums, name), getattr(parts.sums, name), rtol=1e-9, err_msg=name
        )
    assert one.deviations.key.tolist() == parts.deviations.key.tolist()
    assert one.deviations.journeys.tolist() == parts.deviations.journeys.tolist()
    for name in one.journeys.columns:
        assert one.journeys.column(name).tolist() == parts.journeys.column(name).tolist(), name
    assert one.times.medians() == parts.times.medians()


AFTER_GOAL = """map: After the goal
goal: [pay]
patience: 5d
horizon: 10d
new_journey_after: []
stages:
  - {stage: Look, touchpoints: [{touchpoint: look}]}
  - {stage: Pay, touchpoints: [{touchpoint: pay}]}
  - {stage: Help, optional: true, touchpoints: [{touchpoint: help}]}
"""


def after_goal_check() -> Conformance:
    """Of 100 that look and pay 40 get help; one more looks, then gets help, and never pays.

    Looking fails for two, and once more for the last, who had long left by then.
    """
    rows = []
    for customer in range(101):
        steps = ["look", "help"] if customer == 100 else ["look", "pay", *["help"] * (customer < 40)]
        rows += [(customer, step, hour) for hour, step in enumerate(steps)]
    events = pd.DataFrame(rows, columns=["customer", "touchpoint", "hour"])
    events["timestamp"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(events["hour"], unit="h")
    late = pd.DataFrame([(100, "look", pd.Timestamp("2026-02-01", tz="UTC"), True)])
    late.columns = pd.Index(["customer", "touchpoint", "timestamp", "failed"])
    events["failed"] = (events["touchpoint"] == "look") & (events["customer"].isin([1, 2]))
    events = pd.concat([events.drop(columns="hour"), late]).assign(channel="web", actor="customer")
    intended = parse_map(AFTER_GOAL)
    return cj.check(cj.JourneyLog.from_events(events, data_end="2026-03-01").split(intended), intended)


def test_what_comes_after_the_goal_is_counted_journey_by_journey() -> None:
    check = after_goal_check()
    stages = check.stages.set_index("stage")
    assert stages["began"].to_dict() == {"Look": 101, "Pay": 0, "Help": 0}
    assert stages["after_goal"].to_dict() == {"Look": 0, "Pay": 0, "Help": 40}
    counts = ["journeys", "crossings", "crossings_after_goal", "journeys_before_goal", "journeys_after_goal"]
    assert check.flows.set_index(["from_stage", "to_stage"])[counts].T.to_dict("list") == {
        ("Look", "Pay"): [100, 100, 0, 100, 0],
        ("Look", "Help"): [1, 1, 0, 1, 0],
        ("Pay", "Help"): [40, 40, 40, 0, 40],
    }


def test_of_the_journeys_of_a_touchpoint_those_are_counted_where_it_failed_before_their_end() -> None:
    touchpoints = after_goal_check().touchpoints.set_index("touchpoint")
    assert touchpoints["journeys"].to_dict() == {"look": 101, "pay": 100, "help": 41}
    assert touchpoints["failed"].to_dict() == {"look": 2, "pay": 0, "help": 0}
