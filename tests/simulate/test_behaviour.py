"""The simulated customers: what is planted has its size, and nothing else differs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining import schema
from cjmining.simulate import SAMPLE_FAULT, Fault
from tests.examples import examples

PERIOD = (pd.Timestamp("2026-01-31T23:00Z"), pd.Timestamp("2026-08-31T22:00Z"))
FLAGS = ("missing", "out_of_order", "failed", "repeated", "wrong_channel", "late")


@pytest.fixture(scope="module")
def big():
    return cj.simulate.shop(20_000)


@pytest.fixture(scope="module")
def big_without_fault():
    return cj.simulate.shop(20_000, fault=None)


@examples(15)
@given(customers=st.integers(1, 300), seed=st.integers(0, 10_000), null=st.booleans())
def test_log_and_truth_tell_one_story(customers, seed, null):
    make = cj.simulate.null_shop if null else cj.simulate.shop
    shop = make(customers, seed=seed)
    log, journeys, sizes = shop.log, shop.truth["journeys"], shop.truth["sizes"]
    events = log.events

    assert log.n_customers == customers == len(shop.truth["customers"])
    assert sizes["journeys"] == len(journeys) == sum(sizes["outcomes"].values())
    assert sizes["events"] == log.n_events == len(shop.event_journey)
    assert events.timestamp.between(*PERIOD, inclusive="left").all()
    assert (np.diff(log.timestamps)[np.diff(events.customer) == 0] >= 0).all()

    own = shop.event_journey >= 0
    owners = journeys.customer.to_numpy()[shop.event_journey[own]]
    assert (events.customer.to_numpy()[own] == owners).all()
    assert set(events.touchpoint[~own]) <= {"newsletter_sent", "newsletter_prefetched", "email_bounced"}

    dropped = journeys[journeys.outcome == "dropped"]
    assert journeys.left_at.notna().sum() == len(dropped)
    assert (dropped.left_at >= dropped.last_own).all()
    assert (dropped.left_because != "").all()
    for outcome, touchpoint in (("converted", "order_delivered"), ("turned away", "order_rejected")):
        reached = np.unique(shop.event_journey[(events.touchpoint == touchpoint).to_numpy()])
        assert np.array_equal(reached, np.flatnonzero(journeys.outcome == outcome))


@examples(5)
@given(customers=st.integers(1, 200), seed=st.integers(0, 1000))
def test_the_same_seed_gives_the_same_shop(customers, seed):
    one, other = (cj.simulate.shop(customers, seed=seed) for _ in range(2))
    assert one.log.to_arrow()["events"].equals(other.log.to_arrow()["events"])
    pd.testing.assert_frame_equal(one.truth["journeys"], other.truth["journeys"])


def test_columns_hold_codes_and_numbers_not_texts():
    events = cj.simulate.shop(100).log.to_arrow()["events"]
    for name in ("touchpoint", "native", "channel", "source", "actor", "device", "campaign", "currency"):
        assert events.schema.field(name).type == schema.TEXT


def test_an_unknown_setting_is_refused_with_a_hint():
    with pytest.raises(TypeError, match="did you mean 'long_waits'"):
        cj.simulate.shop(10, long_wait=0.5)
    with pytest.raises(ValueError, match="stray is a share between 0 and 1"):
        cj.simulate.shop(10, stray=1.5)


@pytest.mark.parametrize("make", [cj.simulate.shop, cj.simulate.null_shop])
@pytest.mark.parametrize(
    ("customers", "seed", "words"),
    [
        (0, 7, "customers is a whole number of at least 1, not 0"),
        (-1, 7, "customers is a whole number of at least 1, not -1"),
        (2.5, 7, "customers is a whole number of at least 1, not 2.5"),
        (10, "x", "seed is a whole number from 0 to .*, not 'x'"),
        (10, -1, "seed is a whole number from 0 to .*, not -1"),
        (10, None, "seed is a whole number from 0 to .*, not None"),
    ],
)
def test_how_many_and_the_seed_are_whole_numbers(make, customers, seed, words):
    with pytest.raises(cj.LogError, match=words):
        make(customers, seed=seed)


# the fault ------------------------------------------------------------------------------------------------


def hit(journeys, fault):
    """Count by hand: who opened the checkout on the mobile web, in the window."""
    here = journeys.persona.eq(fault.persona) & journeys.device.eq(fault.device)
    return journeys[here & journeys.channel.eq(fault.channel)]


def test_fault_hits_about_150_journeys_and_raises_their_drop_out_from_25_to_40_percent(big):
    fault, journeys = Fault(), big.truth["journeys"]
    events = big.log.events
    opened = events.touchpoint.eq("checkout_opened").to_numpy() & (big.event_journey >= 0)
    first = (
        pd.Series(events.timestamp[opened].to_numpy(), index=big.event_journey[opened]).groupby(level=0).min()
    )
    in_window = first[(first >= fault.start) & (first < fault.end)].index
    expected = hit(journeys, fault).index.intersection(in_window)

    planted = journeys[journeys.hit_by_fault]
    # those who paid before the page was recorded (out of order) have their opening dated later
    assert set(expected[~journeys.out_of_order[expected]]) == set(planted.index[~planted.out_of_order])
    assert 120 <= len(planted) <= 190
    assert big.truth["sizes"]["fault"]["journeys_hit"] == len(planted)
    share = planted.left_because.isin(["fault", "checkout"]).mean()
    assert 0.30 <= share <= 0.50
    assert planted.left_by_fault.sum() == (journeys.left_because == "fault").sum()


def test_without_the_fault_a_quarter_of_them_leave(big_without_fault):
    journeys = big_without_fault.truth["journeys"]
    mobile = hit(journeys, Fault())
    reached = mobile[mobile.place_stage.isin(["Checkout", "Delivery", "Support"])]
    assert reached.left_because.isin(["checkout"]).mean() == pytest.approx(0.25, abs=0.03)
    assert not journeys.hit_by_fault.any()
    assert big_without_fault.truth["sizes"]["fault"] is None


def test_without_the_fault_all_others_do_the_same(big, big_without_fault):
    with_fault, without = big.truth["journeys"], big_without_fault.truth["journeys"]
    touched = set(with_fault.customer[with_fault.left_by_fault])
    columns = ["customer", "attempt", "start", "end", "outcome", "left_at", "place"]
    one, other = (
        t.loc[~t.customer.isin(touched), columns].reset_index(drop=True) for t in (with_fault, without)
    )
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize("fault", [SAMPLE_FAULT, None])
def test_in_the_sample_the_fault_decides_where_gen_z_leaves_most(fault):
    left = cj.simulate.shop(2000, seed=7, fault=fault).truth["sizes"]["personas"]["Gen Z"]["left"]
    leading = max(left, key=left.get)
    assert leading == ("Checkout" if fault else "Research")
    runner_up = sorted(left.values())[-2]
    assert left[leading] > 1.1 * runner_up


# what else is planted -------------------------------------------------------------------------------------


def test_every_plant_has_a_size(big):
    sizes = big.truth["sizes"]
    assert all(sizes["deviations"].values())
    assert all(sizes["left_because"].values())
    assert all(sizes["emails"].values())
    for name in (
        "parcels_on_their_way", "slow_parcels", "second_purchases", "slow_customers", "quick_returns",
        "dates_without_time", "in_the_skipped_hour", "guests", "birth_year_missing",
    ):  # fmt: skip
        assert sizes[name] > 0, name


def test_one_event_in_ten_is_stray(big):
    blog = (big.log.events.touchpoint == "blog_read").mean()
    assert blog == pytest.approx(0.10, abs=0.005)


def test_chats_wait_and_frustrate_where_calls_satisfy(big):
    chat, call = (big.truth["sizes"]["contacts"][name] for name in ("chat", "call"))
    events = big.log.events
    rated = events[events.touchpoint == "chat_rated"]
    assert rated.satisfaction.mean() == pytest.approx(chat["mean_satisfaction"], abs=1e-3)
    assert chat["mean_satisfaction"] < 0.5 < call["mean_satisfaction"]
    calls = events[(events.touchpoint == "call_answered")]
    assert chat["mean_wait_s"] > 3 * calls.wait_s.median()


def test_newsletters_go_on_after_people_left_and_bounces_end_them(big):
    log = big.log.events
    sent = log[log.touchpoint == "newsletter_sent"].groupby("customer").size()
    dead = big.truth["customers"].dead_address
    assert sent[sent.index.isin(dead[dead].index)].max() == 1
    assert big.truth["sizes"]["emails"]["newsletters_sent_after_the_last_journey_was_left"] > 1000


def test_parcels_take_long_but_nobody_leaves_while_one_is_on_its_way(big):
    journeys = big.truth["journeys"]
    assert not journeys[journeys.place_stage == "Delivery"].outcome.isin(["dropped"]).any()
    assert (journeys[journeys.parcel_on_its_way].outcome == "open").all()


def test_nobody_answered_before_the_survey_began(big):
    events = big.log.events
    assert events[events.source == "survey"].timestamp.min() >= pd.Timestamp("2026-03-15T23:00Z")


def test_dates_without_time_are_midnight_in_berlin(big):
    events = big.log.events
    undated = events[events.precision == 86_400]
    assert len(undated) == big.truth["sizes"]["dates_without_time"]
    local = undated.timestamp.dt.tz_convert("Europe/Berlin")
    assert (local == local.dt.normalize()).all()


def test_the_small_persona_leaves_at_the_basket_all_the_time(big):
    journeys = big.truth["journeys"]
    small = journeys[(journeys.persona == "Islanders") & (journeys.outcome != "open")]
    early = small.start < pd.Timestamp("2026-05-15T00:00Z")
    reached = small.place_stage.isin(["Basket", "Checkout", "Delivery", "Support"])
    for part in (small[early & reached], small[~early & reached]):
        assert (part.left_because == "basket").mean() == pytest.approx(0.5, abs=0.1)


def test_the_sale_brings_more_customers_who_behave_alike(big):
    journeys = big.truth["journeys"]
    first = journeys[(journeys.attempt == 1) & (journeys.outcome != "open")]
    in_sale = first.start.between(pd.Timestamp("2026-06-14T22:00Z"), pd.Timestamp("2026-06-21T22:00Z"))
    assert in_sale.sum() > 1.8 * len(first) * 7 / 212
    shares = [(part.outcome == "dropped").mean() for part in (first[in_sale], first[~in_sale])]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_an_app_journey_has_no_web_pages(big):
    log, journeys = big.log.events, big.truth["journeys"]
    app = journeys.channel.to_numpy()[big.event_journey] == "app"
    assert set(log.channel[app & (big.event_journey >= 0)]) & {"web", "ad"} == set()


# the null shop --------------------------------------------------------------------------------------------


def test_nothing_is_planted_in_the_null_shop():
    sizes = cj.simulate.null_shop(5000).truth["sizes"]
    assert sizes["fault"] is None
    assert not any(sizes["deviations"].values())
    assert sizes["stray_events"] == sizes["quick_returns"] == sizes["slow_customers"] == 0
    planted = ("fault", "long wait", "slow chat", "bounce")
    assert not any(sizes["left_because"][reason] for reason in planted)


def test_personas_of_the_null_shop_behave_alike():
    from scipy.stats import chi2_contingency

    journeys = cj.simulate.null_shop(20_000, seed=3).truth["journeys"]
    first = journeys[journeys.attempt == 1]
    for column in ("left_because", "begins", "device"):
        p = chi2_contingency(pd.crosstab(first.persona, first[column])).pvalue
        assert p > 0.001, column
