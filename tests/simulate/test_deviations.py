"""What truly differed from the map: told by steps taken, seen by rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.simulate.deviations import PATIENCE_S, WITHIN_S
from tests.examples import examples

CUT_SHORT = {"slow_checkouts": 0.05, "early_payments": 0.2, "lost_orders": 0.1}


@pytest.fixture(scope="module")
def shop():
    return cj.simulate.shop(5000, seed=4, **CUT_SHORT)


def of(shop, type_, touchpoint):
    table = shop.deviations
    return table[(table.type == type_) & (table.touchpoint == touchpoint)]


def test_promises_and_patience_are_those_of_the_map(shop):
    intended = parse_map(shop.intended_text)
    promised = {s.stage: s.within.total_seconds() for s in intended.stages if s.within is not None}
    assert promised == WITHIN_S
    assert intended.patience.total_seconds() == PATIENCE_S


@examples(10)
@given(customers=st.integers(1, 300), seed=st.integers(0, 10_000))
def test_every_deviation_has_its_event_and_its_attempt(customers, seed):
    shop = cj.simulate.shop(customers, seed=seed, **CUT_SHORT)
    table, events, journeys = shop.deviations, shop.log.events, shop.truth["journeys"]
    shown = events.iloc[table.event]
    assert (shown.customer.to_numpy() == table.customer.to_numpy()).all()
    assert (shown.timestamp.to_numpy() == table["at"].to_numpy()).all()
    itself = ~table.type.isin(["missing"]).to_numpy()
    assert (shown.touchpoint.astype(str).to_numpy() == table.touchpoint.to_numpy())[itself].all()
    attempt = journeys.attempt.to_numpy()[shop.event_journey[table.event]]
    assert (np.where(shop.event_journey[table.event] >= 0, attempt, 0) == table.attempt).all()
    assert not table.duplicated().any()


def test_what_was_planted_is_told(shop):
    journeys, events = shop.truth["journeys"], shop.log.events
    assert len(of(shop, "repeated", "order_placed")) == journeys.repeated.sum()
    assert len(of(shop, "wrong channel", "order_placed")) == journeys.wrong_channel.sum()
    failed = (
        events.failed.fillna(False).to_numpy(dtype=bool) & (events.touchpoint != "email_bounced").to_numpy()
    )
    assert (shop.deviations.type == "failed").sum() == failed.sum()
    late = of(shop, "late", "parcel_sent")
    planted = journeys.index[journeys.late]
    assert set(planted) <= set(shop.event_journey[late.event])
    read = (events.touchpoint == "blog_read").sum()
    assert len(of(shop, "ad hoc", "blog_read")) == read


def test_a_payment_is_missing_where_an_order_has_none(shop):
    """Counted from the events alone: orders of attempts without any payment, tried or done."""
    events = shop.log.events
    touchpoint = events.touchpoint.astype(str).to_numpy()
    ordered = set(shop.event_journey[touchpoint == "order_placed"])
    paid = set(shop.event_journey[touchpoint == "payment_entered"])
    missing = of(shop, "missing", "payment_entered")
    assert set(shop.event_journey[missing.event]) == ordered - paid


def test_steps_that_changed_places_lie_in_that_order(shop):
    table, times = shop.deviations, shop.log.events.timestamp
    touchpoint = shop.log.events.touchpoint.astype(str)
    for row in table[table.type == "out of order"].itertuples():
        own = np.flatnonzero(shop.event_journey == shop.event_journey[row.event])
        opened = times[own[touchpoint[own] == "checkout_opened"]].min()
        paid = times[own[touchpoint[own] == "payment_entered"]].min()
        assert paid < opened
        went_on = (touchpoint[own] == "order_placed").any()
        assert row.touchpoint == ("checkout_opened" if went_on else "payment_entered")


def test_mostly_seen_and_often_cut_short(shop):
    table = shop.deviations
    assert table.observable.mean() > 0.95
    hidden = table[~table.observable]
    assert set(hidden.type) >= {"ad hoc"}  # mails come back after people left
    shares = table[table.observable].groupby("type").cut_short.mean()
    assert shares.between(0.05, 0.95).all(), shares
    reached = shop.truth["journeys"].outcome == "converted"
    own = shop.event_journey[table.event] >= 0
    converted = reached.to_numpy()[shop.event_journey[table.event]]
    assert not (table.cut_short & converted & own & (table.type == "repeated")).any()


def test_a_pause_longer_than_patience_begins_another_journey():
    shop = cj.simulate.shop(3000, seed=2, slow_customers=0.2, quick_returns=0.0, stray=0.0)
    missing = of(shop, "missing", "product_viewed")
    assert len(missing) > 50
    assert (shop.log.events.touchpoint.iloc[missing.event] == "basket_filled").all()
    own = shop.truth["journeys"].slow.to_numpy()[shop.event_journey[missing.event]]
    assert own.all()


def test_two_attempts_that_run_into_one_at_the_checkout_are_not_judged():
    shop = cj.simulate.shop(3000, seed=2, quick_returns=0.5)
    journeys, table = shop.truth["journeys"], shop.deviations
    quick = journeys.quick_return.to_numpy()
    left_open = np.append(quick[1:], False) & (journeys.place_stage == "Checkout").to_numpy()
    own = shop.event_journey >= 0
    first_attempts = own & left_open[shop.event_journey]
    assert first_attempts.sum() > 100
    assert shop.undecided[first_attempts].all()
    assert not table.observable[shop.undecided[table.event]].any()
    judged = own & quick[shop.event_journey] & ~shop.undecided
    assert judged.sum() > 100  # those who had left before the checkout
    assert not cj.simulate.shop(3000, seed=2, quick_returns=0.0).undecided.any()


def test_who_returns_from_the_basket_to_where_journeys_begin_looks_at_no_product_in_between():
    """The map leads from the basket back to the products, and only from there to the beginnings."""
    shop = cj.simulate.shop(3000, seed=2, quick_returns=0.5, slow_customers=0.0, stray=0.0)
    journeys = shop.truth["journeys"]
    missing = of(shop, "missing", "product_viewed")
    missing = missing[missing.observable]
    back = shop.event_journey[missing.event]
    assert len(back) > 10
    assert journeys.quick_return.to_numpy()[back].all()
    assert (journeys.place_stage.to_numpy()[back - 1] == "Basket").all()
    assert (journeys.begins.to_numpy()[back] != "direct").all()


def test_the_null_shop_has_none():
    for seed in (1, 2):
        assert len(cj.simulate.null_shop(3000, seed=seed).deviations) == 0


def test_journeys_with_new_plants_end_as_planted(shop):
    """An order that nothing follows ends at the checkout, by the customer."""
    journeys = shop.truth["journeys"]
    touchpoint = shop.log.events.touchpoint.astype(str).to_numpy()
    ordered = pd.Series(False, index=journeys.index)
    ordered[np.unique(shop.event_journey[touchpoint == "order_placed"])] = True
    lost = journeys[ordered & (journeys.outcome == "dropped")]
    assert len(lost) == pytest.approx(0.1 * ordered.sum(), rel=0.2)
    assert set(lost.place) <= {"order_placed", "checkout_rated"}
    plain = cj.simulate.shop(2000, seed=4)
    placed = plain.truth["journeys"].loc[lambda t: t.outcome == "dropped", "place"]
    assert not placed.isin(["order_placed", "checkout_rated"]).any()
