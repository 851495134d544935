"""One journey's story says what happened, in words that a reader can check against the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining.conformance import deviations
from cjmining.errors import LogError
from cjmining.intended import parse_map

if TYPE_CHECKING:
    from cjmining.conformance.story import Story

MAP = """
map: Till
goal: [paid]
exits:
  - {touchpoint: unsubscribed}
  - {touchpoint: order_rejected, by: company}
patience: 14d
ignore: [ping]
new_journey_after: [silence]
stages:
  - stage: Look
    order: choice
    touchpoints:
      - {touchpoint: ad_clicked}
      - {touchpoint: catalogue_read}
  - stage: Basket
    within: 2d
    touchpoints:
      - {touchpoint: cart_filled, repeat: true}
      - {touchpoint: help_called, optional: true, expect: [{measure: wait_s, at_most: 120}]}
  - stage: Checkout
    touchpoints:
      - {touchpoint: payment_entered, channels: [web]}
      - {touchpoint: paid, actor: company}
personas:
  - persona: Young
    where: {age: {below: 30}}
"""


def check_of(*events: tuple, split: bool = True, text: str = MAP) -> cj.Conformance:
    """A check of one customer; events are (time, touchpoint, channel, further columns)."""
    frame = pd.DataFrame(
        [
            {"customer": 7, "timestamp": pd.Timestamp(time), "touchpoint": touchpoint, "channel": channel}
            | (dict(*more) if more else {})
            for time, touchpoint, channel, *more in events
        ]
    )
    customers = pd.DataFrame({"customer": [7], "age": [24]})
    intended = parse_map(text)
    log = cj.JourneyLog.from_events(frame, customers=customers, data_end="2026-08-01").with_personas(intended)
    return cj.check(log.split(intended) if split else log, intended)


def test_a_journey_that_dropped_is_told_from_its_start_to_what_the_plan_had_next():
    check = check_of(
        ("2026-06-01 10:00", "ad_clicked", "social"),
        ("2026-06-01 10:05", "ping", "web"),
        ("2026-06-01 10:10", "blog_read", "web"),
        ("2026-06-01 10:12", "blog_read", "web"),
        ("2026-06-04 15:00", "cart_filled", "web"),
        ("2026-06-04 15:02", "help_called", "phone", {"wait_s": 840.0}),
    )
    story = check.explain(0)
    assert story.text == (
        "Journey 0: customer 7, persona Young.\n"
        "\n"
        "Intended by 'Till': Look, Basket, Checkout; the goal is paid.\n"
        "\n"
        "It began on Monday 1 June 2026 at 10:00 (UTC).\n"
        "Look, 1 June: ad clicked (social); 10 minutes later blog read twice (web), not planned.\n"
        "Basket, 4 June: 3 days later cart filled (web); 2 minutes later help called (phone).\n"
        "Left out: 1 event that the map ignores.\n"
        "\n"
        "Against the plan: 3 steps as planned, 2 not planned (fitness 75 %).\n"
        "Promises broken: help called waited 14 minutes, promised at most 2 minutes.\n"
        "\n"
        "Dropped at Basket, after help called on 4 June 2026: counted as left on 18 June 2026 at 15:02, "
        "after 14 days of silence. It was the customer's turn. The plan had next: payment entered (Checkout)."
    )
    assert (story.journey, story.customer, story.persona, story.outcome) == (0, 7, "Young", "dropped")
    assert (story.last_stage, story.last_touchpoint) == ("Basket", "help_called")
    assert story.decided_at == pd.Timestamp("2026-06-18 15:02", tz="UTC")
    assert story.ending in story.text


def test_its_moves_stand_in_a_table():
    story = check_of(
        ("2026-06-01 10:00", "cart_filled", "web"),
        ("2026-06-01 10:01", "ping", "web"),
        ("2026-06-01 10:02", "payment_entered", "phone", {"failed": True}),
        ("2026-06-02 10:03", "payment_entered", "web"),
        ("2026-06-02 10:04", "paid", "web"),
        ("2026-06-03 10:00", "blog_read", "web"),
    ).explain(0)
    columns = ["position", "move", "type", "stage", "touchpoint", "channel", "event"]
    assert list(story.moves.columns) == [*columns[:1], "timestamp", *columns[1:]]
    assert story.moves[columns].to_numpy().tolist() == [
        [0, "map only", "missing", "Look", "one of ad_clicked, catalogue_read", "", -1],
        [1, "synchronous", "", "Basket", "cart_filled", "web", 0],
        [2, "synchronous", "failed, wrong channel", "Checkout", "payment_entered", "phone", 2],
        [3, "log only", "repeated", "Checkout", "payment_entered", "web", 3],
        [4, "synchronous", "", "Checkout", "paid", "web", 4],
        [5, "after the end", "", "", "blog_read", "web", 5],
    ]
    assert story.moves["timestamp"].isna().tolist() == [True, False, False, False, False, False]
    assert story.end_position == 4
    course = story.text.split("\n\n")[2].splitlines()
    assert course[1] == "Look: one of ad clicked, catalogue read is missing."
    assert course[3] == (
        "Checkout, 1 June: 2 minutes later payment entered (phone), which failed, planned by web; 1 day "
        "later payment entered (web), once more than planned; 1 minute later paid (web), the goal."
    )
    assert course[4] == "After the end, 3 June: 1 day later blog read (web)."
    assert story.ending == "Converted with paid on 2 June 2026 at 10:04, 1 day after it began."


def test_a_touchpoint_out_of_order_is_told_where_it_came_and_where_it_was_planned():
    story = check_of(
        ("2026-06-01 10:00", "ad_clicked", "web"),
        ("2026-06-01 10:02", "payment_entered", "web"),
        ("2026-06-01 10:03", "cart_filled", "web"),
        ("2026-06-01 10:04", "paid", "web"),
    ).explain(0)
    kinds = story.moves.set_index("touchpoint")["type"]
    where = story.moves[story.moves["type"] == "out of order"]
    assert sorted(kinds) == ["", "", "", "", "out of order"]
    moved = "cart filled" if where["touchpoint"].iloc[0] == "cart_filled" else "payment entered"
    assert f"{moved} was planned here, and came at another time" in story.text
    assert f"{moved} (web), out of order" in story.text
    assert "1 out of order (fitness" in story.text


def test_a_stage_that_took_longer_than_promised_is_late():
    story = check_of(
        ("2026-06-01 10:00", "ad_clicked", "web"),
        ("2026-06-01 11:00", "cart_filled", "web"),
        ("2026-06-04 11:00", "payment_entered", "web"),
        ("2026-06-04 11:00:01", "paid", "web"),
    ).explain(0)
    assert story.moves["type"].tolist() == ["", "", "late", ""]
    assert "payment entered (web), later than promised" in story.text
    assert "Promises broken: 3 days from entering Basket to the next stage, promised 2 days." in story.text
    promise = story.promises.iloc[0]
    assert (promise["measure"], promise["value"], promise["kept"], promise["event"]) == (
        "within",
        259200.0,
        False,
        1,
    )


def test_an_exit_by_the_company_turns_away_and_what_follows_is_after_the_end():
    story = check_of(
        ("2026-06-01 10:00", "ad_clicked", "web"),
        ("2026-06-01 11:00", "cart_filled", "web"),
        ("2026-06-02 11:00", "order_rejected", "email"),
        ("2026-06-05 11:00", "catalogue_read", "mail"),
        split=False,
    ).explain(0)
    assert story.moves["move"].tolist() == ["synchronous", "synchronous", "exit", "after the end"]
    assert story.end_position == 2
    assert story.ending == (
        "Turned away at Basket, after cart filled on 1 June 2026: order rejected on 2 June 2026 at 11:00 "
        "ended it."
    )
    assert story.text.endswith(
        "Later, in the same journey, the customer came back (first sign on 5 June 2026 at 11:00)."
    )


def test_an_open_journey_says_until_when_and_the_first_says_what_the_customer_did_next():
    check = check_of(
        ("2026-06-01 10:00", "ad_clicked", "web"),
        ("2026-07-28 10:00", "catalogue_read", "mail"),
    )
    first, second = check.explain(0), check.explain(1)
    assert first.text.endswith(
        "The customer began again on 28 July 2026 at 10:00: journey 1, which is still open."
    )
    assert second.text.startswith("Journey 1: customer 7, persona Young, 2nd journey of this customer.")
    assert second.ending == (
        "Still open on 1 August 2026, when the data ends: at Look, after catalogue read on 28 July 2026; "
        "without a sign it counts as dropped on 11 August 2026 at 10:00."
    )
    assert "It is the customer's turn. The plan has next: cart filled (Basket)." in second.text


def test_a_journey_that_never_came_to_the_map_is_not_held_against_it():
    story = check_of(
        ("2026-06-01 10:00", "blog_read", "web"),
        ("2026-07-20 10:00", "ad_clicked", "web"),
    ).explain(0)
    assert story.moves["move"].tolist() == ["not compared"]
    assert "Before the map, 1 June: blog read (web)." in story.text
    assert "Nothing of it can be held against the plan." in story.text
    assert story.ending.startswith("Dropped before the map: counted as left on 15 June 2026 at 10:00")


def test_dates_without_a_time_tell_no_time():
    story = check_of(
        ("2026-06-01", "ad_clicked", "mail", {"precision": 86400.0}),
        ("2026-06-01 15:00", "cart_filled", "web"),
        ("2026-06-03", "help_called", "phone", {"precision": 86400.0}),
    ).explain(0)
    assert "It began on Monday 1 June 2026 (UTC)." in story.text
    assert "Basket, 1 June: the same day cart filled (web); 2 days later help called (phone)." in story.text


@pytest.mark.parametrize("journey", [-1, 1, 99, "0", 0.0, None])
def test_an_unknown_journey_is_told_with_the_range(journey):
    check = check_of(("2026-06-01 10:00", "ad_clicked", "web"))
    with pytest.raises(
        LogError, match=r"there is no journey .*: the journeys of this check are numbered 0 to 0"
    ):
        check.explain(journey)


def test_the_view_for_notebooks_escapes_what_the_data_say():
    text = MAP.replace("map: Till", "map: <b>Till</b>")
    story = check_of(
        ("2026-06-01 10:00", "<script>", "<i>"), ("2026-06-02 10:00", "ad_clicked", "web"), text=text
    )
    page = story.explain(0)._repr_html_()
    assert "<script>" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;Till&lt;/b&gt;" in page


# Held against the tables of the whole check ---------------------------------------------------------------


@pytest.fixture(scope="module", name="shop")
def _shop() -> cj.Conformance:
    shop = cj.simulate.shop(120, seed=5)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")


@pytest.fixture(scope="module", name="stories")
def _stories(shop: cj.Conformance) -> list[Story]:
    return [shop.explain(number) for number in range(len(shop.journeys))]


def test_moves_are_those_of_the_check(shop: cj.Conformance, stories: list[Story]):
    kinds = ["synchronous", "log only", "map only"]
    told = pd.concat([s.moves[s.moves["move"].isin(kinds)].assign(journey=s.journey) for s in stories])
    all_moves = shop.moves()
    for column in ("journey", "event"):
        assert told[column].tolist() == all_moves[column].tolist()
    assert told["move"].astype(str).tolist() == all_moves["move"].astype(str).tolist()


def test_every_event_that_counts_is_told_once_and_in_time_order(shop: cj.Conformance, stories: list[Story]):
    reading = shop._reading
    words = reading.plan.labels
    for story in stories:
        first, last = reading.bounds[story.journey], reading.bounds[story.journey + 1]
        counting = [
            event
            for event in range(first, last)
            if words[reading.columns.touchpoint[event]] not in story.intended.ignore
        ]
        assert [event for event in story.moves["event"] if event >= 0] == counting


def test_deviations_are_those_of_the_check(shop: cj.Conformance, stories: list[Story]):
    found = deviations.by_journey(shop._reading)
    expected = found.groupby("journey")["type"].agg(lambda types: sorted(types.astype(str)))
    for story in stories:
        told = sorted(kind for kinds in story.moves["type"] for kind in kinds.split(", ") if kind)
        assert told == expected.get(story.journey, [])


def test_promises_add_up_to_the_expectations(shop: cj.Conformance, stories: list[Story]):
    told = pd.concat([story.promises for story in stories])
    keys = ["stage", "touchpoint", "measure"]
    counts = told.groupby(keys)["kept"].agg(["size", "sum"])
    table = shop.overall.expectations
    table = table[table["measured"] > 0].set_index(keys)
    assert len(counts) == len(table) > 5
    assert counts["size"].to_dict() == table["measured"].to_dict()
    assert counts["sum"].to_dict() == table["kept"].to_dict()


def test_outcomes_and_places_are_those_of_the_check(shop: cj.Conformance, stories: list[Story]):
    table = shop.journeys
    assert [s.outcome for s in stories] == table["outcome"].astype(str).tolist()
    assert [s.last_stage for s in stories] == table["last_stage"].astype(str).tolist()
    assert [s.last_touchpoint for s in stories] == table["last_touchpoint"].astype(str).tolist()
    assert [s.decided_at for s in stories] == table["decided_at"].tolist()
    assert [s.persona for s in stories] == table["by"].astype(str).tolist()
    assert np.array([s.moves["move"].eq("exit").sum() for s in stories]).max() == 1


def test_a_persona_is_held_against_its_own_stages():
    text = MAP.replace(
        "where: {age: {below: 30}}",
        "where: {age: {below: 30}}\n    stages:\n      - {stage: Basket, optional: true}",
    )
    events = [
        ("2026-06-01 10:00", "ad_clicked", "web"),
        ("2026-06-01 10:02", "payment_entered", "web"),
        ("2026-06-01 10:04", "paid", "web"),
    ]
    assert "missing" in check_of(*events).explain(0).text
    assert "missing" not in check_of(*events, text=text).explain(0).text


def test_cases_of_a_source_are_told_by_when_they_began() -> None:
    """Cases of one customer lie by name: the second here began first, and none began after the first."""
    rows = [
        ("A", 20, "asked"),
        ("A", 21, "solved"),
        ("B", 1, "asked"),
        ("B", 2, "solved"),
    ]
    events = pd.DataFrame(
        {
            "customer": 1,
            "native_journey": [case for case, _, _ in rows],
            "timestamp": [pd.Timestamp(2026, 3, day, tz="UTC") for _, day, _ in rows],
            "touchpoint": [touchpoint for _, _, touchpoint in rows],
            "actor": "customer",
        }
    )
    desk = parse_map(
        "{map: Desk, goal: [solved], patience: 5d, "
        "stages: [{stage: Ask, touchpoints: [{touchpoint: asked}, {touchpoint: solved}]}]}"
    )
    check = cj.check(cj.JourneyLog.from_events(events, data_end="2026-04-30").split(desk), desk)
    later, earlier = check.explain(0).text, check.explain(1).text
    assert "2nd journey of this customer" in later
    assert "began again" not in later
    assert "of this customer" not in earlier
    assert "began again on 20 March 2026" in earlier
