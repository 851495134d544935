"""Probabilities of leaving and converting: by hand, against plain shares and against journeys seen whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import cjmining as cj
from cjmining.dropout.delayed import beginnings
from cjmining.dropout.incidence import WHOLE, incidence
from cjmining.errors import LogError
from cjmining.intended import IntendedMap, parse_map
from cjmining.log import JourneyLog
from cjmining.stats import wilson
from tests.conformance.factory import START, log_of

DAY_S = 86_400
DAY_US = DAY_S * 1_000_000
MAP = """
map: Shop
goal: [paid]
exits: [{touchpoint: cancelled}, {touchpoint: rejected, by: company}]
patience: 10d
horizon: 20d
stages:
  - stage: Look
    touchpoints: [{touchpoint: seen, repeat: true}]
  - stage: Buy
    patience: 5d
    touchpoints: [{touchpoint: carted}, {touchpoint: paid}]
"""
BY_HAND = (
    "seen@0",  # may have begun before the data: left out
    "seen@20 carted@22 paid@24",
    "seen@20",  # dropped on day 30
    "seen@20 carted@26",  # dropped on day 31
    "seen@54",  # still open on day 60, when the data end
    "seen@58 carted@59",  # likewise
    "seen@30 cancelled@30",
)


def checked(*journeys: str, days: float = 60, **columns: list) -> cj.Conformance:
    intended = parse_map(MAP)
    return cj.check(log_of(*journeys, days=days, **columns).split(intended), intended)


def of_place(
    table: pd.DataFrame, stage: str, value: str = "probability", **where: object
) -> dict[str, float]:
    """Return a column of a place by end, whole numbers and shares alike."""
    rows = table[table["stage"] == stage]
    for name, wanted in where.items():
        rows = rows[rows[name] == wanted]
    assert rows["end"].is_unique
    return dict(zip(rows["end"], rows[value].tolist(), strict=True))


def test_the_way_to_the_goal_by_hand():
    # From Look six journeys: one leaves at once (1/6). One is censored after 2 days, so one of four converts
    # on day 4: 5/6 x 1/4 = 10/48. One is censored on day 6, so one of two drops there on day 10: 15/48 more,
    # and the last drops later, on day 11.
    found = incidence(checked(*BY_HAND), horizons=["5d", "20d"])
    soon = of_place(found.probabilities, "Look", horizon_s=5 * DAY_S)
    late = of_place(found.probabilities, "Look", horizon_s=20 * DAY_S)
    as_48th = {"converted": 10, "dropped here": 8, "dropped elsewhere": 0, "turned away": 0, "under way": 30}
    assert soon == pytest.approx({end: n / 48 for end, n in as_48th.items()})
    as_48th |= {"dropped here": 23, "dropped elsewhere": 15, "under way": 0}
    assert late == pytest.approx({end: n / 48 for end, n in as_48th.items()})
    assert set(of_place(found.probabilities, "Look", "entered", horizon_s=5 * DAY_S).values()) == {6}
    assert set(of_place(found.probabilities, "Look", "followed", horizon_s=5 * DAY_S).values()) == {5}
    seen = of_place(found.probabilities, "Look", "seen", horizon_s=5 * DAY_S)
    ends = {"converted": 1, "dropped here": 1, "dropped elsewhere": 0, "turned away": 0, "under way": 3}
    assert seen == ends


def test_a_journey_as_a_whole_begins_with_its_first_event():
    found = incidence(checked(*BY_HAND))
    whole, look = (of_place(found.probabilities, stage) for stage in (WHOLE, "Look"))
    assert whole["converted"] == pytest.approx(look["converted"])
    assert whole["dropped here"] == pytest.approx(look["dropped here"] + look["dropped elsewhere"])


def test_what_comes_next_by_hand():
    # Six journeys: one drops at once, three go on (days 1, 2 and 6, when one is censored), the last drops on
    # day 10: 1/6, 3 x 1/6, and 2/6.
    found = incidence(checked(*BY_HAND), to="next")
    assert of_place(found.probabilities, "Look") == pytest.approx(
        {"continued": 1 / 2, "converted": 0, "dropped": 1 / 2, "turned away": 0, "under way": 0}
    )
    assert WHOLE not in set(found.probabilities["stage"])
    # From Buy: converted on day 2, dropped on day 5, one censored on day 1.
    assert of_place(found.probabilities, "Buy")["converted"] == pytest.approx(1 / 2)


def test_touchpoints_are_places_too():
    found = incidence(
        checked("seen@0", *["seen@20 carted@22 paid@24"] * 3, "seen@20"), at="touchpoint", to="next"
    )
    rows = found.probabilities
    assert set(zip(rows["stage"], rows["touchpoint"], strict=True)) == {("Look", "seen"), ("Buy", "carted")}
    assert of_place(rows, "Look")["continued"] == pytest.approx(3 / 4)
    assert of_place(rows, "Buy")["converted"] == 1


def test_hazards_by_hand():
    # In the first hour 1 of 6 leaves Look, who was there no time; 5 are watched for an hour. From day 3 to
    # day 5 one of 4 converts, after a day of it; three others are watched for two days.
    hazard = incidence(checked(*BY_HAND)).hazard
    first = hazard[(hazard["stage"] == "Look") & (hazard["from_s"] == 0)].set_index("end")
    assert first.loc["dropped here", ["at_risk", "seen", "to_s"]].tolist() == [6, 1, 3600]
    assert first.loc["dropped here", "days"] == pytest.approx(5 / 24)
    assert first.loc["dropped here", "probability"] == pytest.approx(1 / 6)
    later = hazard[(hazard["stage"] == "Look") & (hazard["from_s"] == 3 * DAY_S)].set_index("end")
    assert later.loc["converted", ["at_risk", "seen", "days", "per_day"]].tolist() == [4, 1, 7, 1 / 7]
    assert later.loc["converted", "probability"] == pytest.approx(1 / 4)


def test_those_that_may_have_begun_before_are_left_out_and_counted():
    check = checked(*BY_HAND)
    found = incidence(check)
    assert found.left_out.to_dict("records") == [
        {"by": "all", "journeys": 7, "left_out": 1, "share_left_out": 1 / 7, "delayed": 0, "unseen": 0}
    ]
    assert found.notes == (
        "1 of 7 journeys (14 %) are left out: they may have begun before 2026-03-01, when the data begin.",
    )
    everybody = incidence(check, begun="any")
    assert set(of_place(everybody.probabilities, WHOLE, "entered").values()) == {7}
    assert everybody.left_out["left_out"].tolist() == [0]
    assert "seem shorter" in everybody.notes[0]


def test_where_all_is_left_out_the_tables_are_empty_and_keep_their_types():
    nothing = incidence(checked("seen@0", "seen@1 carted@2", days=5))
    something = incidence(checked(*BY_HAND))
    for name in ("probabilities", "curves", "hazard"):
        empty, full = getattr(nothing, name), getattr(something, name)
        assert empty.empty
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def random_journeys(n: int, seed: int, latest: float) -> list[str]:
    draw = np.random.default_rng(seed)
    shapes = ("seen@{0}", "seen@{0} carted@{1}", "seen@{0} carted@{1} paid@{2}", "seen@{0} rejected@{1}")
    days = np.sort(np.round(draw.uniform(20, latest, (n, 1)) + draw.uniform(0, 4, (n, 3)).cumsum(axis=1), 3))
    return [shapes[draw.integers(4)].format(*row) for row in days]


def test_when_all_was_followed_probabilities_are_the_plain_shares_with_wilsons_limits():
    check = checked("seen@0", *random_journeys(300, 1, 60), days=400)
    found = incidence(check, begun="any")
    for row in check.stages.iloc[1:].itertuples():
        here = found.probabilities[
            (found.probabilities["stage"] == row.stage) & (found.probabilities["end"] == "dropped here")
        ].iloc[0]
        assert here["followed"] == here["entered"] == row.mature == row.entered
        assert here["seen"] == row.dropped_within_horizon
        assert tuple(here[["probability", "lower", "upper"]]) == pytest.approx(
            (row.drop_out_share, row.lower, row.upper)
        )


def test_longer_observation_brings_probabilities_to_the_plain_shares():
    journeys = ["seen@0", *random_journeys(400, 2, 60)]
    complete = checked(*journeys, days=400)
    goal = {}
    for day in (60, 65, 75, 90):
        events = log_of(*journeys, days=400).events
        early = events[events["timestamp"] <= START + pd.Timedelta(days=day)]
        log = JourneyLog.from_events(early.drop(columns="journey"), data_end=START + pd.Timedelta(days=day))
        check = cj.check(log.split(complete.intended), complete.intended)
        goal[day] = of_place(incidence(check).probabilities, "Look")["converted"]
    plain = incidence(complete).probabilities
    truth = of_place(plain, "Look", "seen")["converted"] / of_place(plain, "Look", "entered")["converted"]
    assert goal[90] == pytest.approx(truth, abs=1e-12)
    assert abs(goal[60] - truth) < 0.05


def test_journeys_of_one_customer_say_less_than_as_many_of_different_ones():
    apart = [
        f"seen@{20 + day}" + (" carted@{0} paid@{0}".format(20 + day) if day % 3 else "") for day in range(60)
    ]
    alone = incidence(checked("seen@0", *apart, days=200)).probabilities
    doubled = log_of("seen@0", *apart, *apart, days=200).events.drop(columns="journey")
    doubled["customer"] = np.where(doubled["customer"] > 60, doubled["customer"] - 60, doubled["customer"])
    doubled = doubled.assign(native_journey=log_of("seen@0", *apart, *apart).events["journey"].astype(str))
    intended = parse_map(MAP)
    log = JourneyLog.from_events(doubled, data_end=START + pd.Timedelta(days=200))
    twice = incidence(cj.check(log, intended), begun="any").probabilities
    one, two = (table[(table["stage"] == "Buy")].reset_index(drop=True) for table in (alone, twice))
    assert (two["entered"] == 2 * one["entered"]).all()
    for name in ("probability", "lower", "upper"):
        assert two[name].tolist() == pytest.approx(one[name].tolist())


def test_a_short_tail_that_nobody_was_followed_through_widens_the_limits():
    # 39 pay on day 1; one is censored after 2 days. With horizon 20 d it may still go any way: 1 of 40.
    few = ["seen@30 carted@31 paid@31"] * 39
    found = incidence(checked("seen@0", *few, "seen@58")).probabilities
    converted = found[(found["stage"] == "Look") & (found["end"] == "converted")].iloc[0]
    assert converted["probability"] == pytest.approx(39 / 40)
    share = wilson(39, 40)
    assert (converted["lower"], converted["upper"]) == pytest.approx((share.lower, 1.0))
    here = found[(found["stage"] == "Look") & (found["end"] == "dropped here")].iloc[0]
    assert here["probability"] == 0
    assert here["upper"] == pytest.approx(wilson(0, 39).upper + 1 / 40)
    assert of_place(found, "Look", "lower")["under way"] == 0


def test_nothing_is_stated_where_many_were_under_way_when_observation_ended():
    found = incidence(checked("seen@0", "seen@30 carted@31 paid@31", "seen@58")).probabilities
    of_look = found[(found["stage"] == "Look")]
    assert of_look[["probability", "lower", "upper"]].isna().all(axis=None)
    assert set(of_look["followed"]) == {1}


@pytest.fixture(scope="module")
def shop() -> cj.Conformance:
    shop = cj.simulate.shop(1500, seed=3)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    return cj.check(log, intended, by="persona")


@pytest.mark.parametrize("to", ["goal", "next"])
@pytest.mark.parametrize("at", ["stage", "touchpoint"])
def test_all_ends_and_none_of_them_add_up_to_one(shop, at, to):
    found = incidence(
        shop, at=at, to=to, horizons=["1d", "7d", "30d"], by=["persona", "device"], when="entry"
    )
    cells = ["by", "stage", "touchpoint"]
    sums = found.probabilities.groupby([*cells, "horizon_s"])["probability"].sum(min_count=5).dropna()
    assert len(sums) > 50
    assert sums.to_numpy() == pytest.approx(1)
    known = found.probabilities.dropna()
    assert ((known["lower"] <= known["probability"]) & (known["probability"] <= known["upper"])).all()
    assert (known["seen"] <= known["followed"]).all()
    assert (known["followed"] <= known["entered"]).all()


def test_curves_run_through_the_probabilities_and_their_bands_around_the_limits(shop):
    found = incidence(shop, horizons=["7d", "30d"])
    both = found.probabilities.merge(
        found.curves, left_on=["by", "stage", "end", "horizon_s"], right_on=["by", "stage", "end", "time_s"]
    )
    assert len(both) == len(found.probabilities)
    for name in ("probability", "lower", "upper"):
        assert both[f"{name}_x"].to_numpy() == pytest.approx(both[f"{name}_y"].to_numpy(), nan_ok=True)
    curves = found.curves.dropna()
    assert (curves["band_lower"] <= curves["lower"] + 1e-12).all()
    assert (curves["upper"] <= curves["band_upper"] + 1e-12).all()
    ends = curves[curves["end"] != "under way"]
    assert (ends.groupby(["by", "stage", "end"])["probability"].diff().dropna() >= 0).all()


def test_a_band_spans_the_times_at_which_ten_journeys_ended_so_and_ten_did_not():
    # One journey in three pays after a day, the others drop after ten; all are followed. 27 pay, 54 drop.
    shapes = ["seen@20 carted@21 paid@21", "seen@20", "seen@20"] * 27
    curves = incidence(checked("seen@0", *shapes, days=200)).curves
    of_look = curves[curves["stage"] == "Look"]
    stated = of_look[of_look["band_lower"].notna()].groupby("end")["time_s"].agg(["min", "max"]) / DAY_S
    assert stated.loc["converted"].tolist() == [1, 20]
    assert stated.loc["dropped here"].tolist() == [10, 20]
    assert stated.loc["under way"].tolist() == [1, pytest.approx(29 / 3)]
    few = incidence(checked("seen@0", *shapes[:27], days=200)).curves
    assert few.loc[few["end"] == "converted", "band_lower"].isna().all()


def test_a_group_is_told_as_if_it_were_alone(shop):
    log = shop._with_log("test").log
    alone = incidence(cj.check(log.where(persona="Gen Z"), shop.intended)).probabilities
    among = incidence(shop).probabilities
    among = among[among["by"] == "Gen Z"]
    for name in ("stage", "end", "entered", "seen"):
        assert among[name].tolist() == alone[name].tolist()
    for name in ("probability", "lower", "upper"):
        assert among[name].to_numpy() == pytest.approx(alone[name].to_numpy(), nan_ok=True)


def test_blocks_do_not_change_what_is_told(shop):
    log = shop._with_log("test").log
    blocks = replace(shop, _reading=replace(shop._reading, blocks=log.blocks(500)))
    one, other = incidence(shop, at="touchpoint"), incidence(blocks, at="touchpoint")
    for name in one._tables:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))


# delayed entry --------------------------------------------------------------------------------------------


def patient_map(shop: cj.simulate.Shop) -> IntendedMap:
    """The shop's map with one patience everywhere, so that it is known without the events before."""
    return parse_map(shop.intended_text.replace("patience: never", "patience: 14d"))


def begin_at(log: JourneyLog, since: int, before: pd.DataFrame, leave_out: set[int]) -> JourneyLog:
    """Drop the events before a moment, and some customers; `before` has what is known of the others then."""
    tables = log.to_arrow()
    events = tables["events"].drop_columns(["journey"])
    customers = tables["customers"].to_pandas().merge(before, on="customer", how="left")
    customers = customers[~customers["customer"].isin(leave_out)]
    later = pc.greater_equal(events["timestamp"].cast(pa.int64()), since)
    theirs = pc.is_in(events["customer"], pa.array(customers["customer"]))
    return JourneyLog.from_events(
        events.filter(pc.and_(later, theirs)),
        customers=pa.Table.from_pandas(customers, preserve_index=False),
        data_end=log.data_end,
        order="sorted",
    )


@pytest.fixture(scope="module")
def begun_before() -> tuple[cj.Conformance, cj.Conformance, int]:
    """A shop seen whole, and from day 60 on with what is known of journeys under way then.

    Customers whose last journey was decided before are left out: what follows on it, such as returning what
    was bought, looks like a new journey to who only sees the rest.
    """
    shop = cj.simulate.shop(2500, seed=5, quick_returns=0.0)
    intended = patient_map(shop)
    whole = cj.check(shop.log.split(intended), intended)
    since = shop.log.observed_from_us + 60 * DAY_US
    moment = pd.Timestamp(since, unit="us", tz="UTC")
    journeys = whole.journeys
    newest = journeys[journeys["start"] < moment].groupby("customer").tail(1)
    undecided = newest[newest["decided_at"] > moment]
    settled = set(newest["customer"]) - set(undecided["customer"])
    did = pd.to_datetime(_last_own(whole, since)[undecided.index], unit="us", utc=True)
    before = pd.DataFrame({"customer": undecided["customer"], "began": undecided["start"], "last_did": did})
    log = begin_at(shop.log, since, before, leave_out=settled).split(intended)
    return whole, cj.check(log, intended), since


def _last_own(check: cj.Conformance, until: int) -> np.ndarray:
    """Return the last that the customer did in each journey before a moment, by the journey's number."""
    log, intended = check._with_log("test").log, check.intended
    events = log.events.assign(time=log.timestamps)
    stated = {
        t.touchpoint: t.actor for stage in intended.stages for t in stage.touchpoints if t.actor is not None
    }
    actor = events["touchpoint"].astype(object).map(stated).fillna(events["actor"].astype(object))
    own = (actor == "customer") & ~events["touchpoint"].isin(list(intended.ignore)) & (events["time"] < until)
    return (
        events[own].groupby("journey")["time"].max().reindex(range(log.n_journeys), fill_value=-1).to_numpy()
    )


def test_journeys_under_way_are_those_that_a_longer_log_shows(begun_before):
    whole, cut, since = begun_before
    found = beginnings(cut, origin="began", last_activity="last_did")
    journeys = whole.journeys
    start, decided = (
        journeys[name].dt.as_unit("us").astype("int64").to_numpy() for name in ("start", "decided_at")
    )
    truly = np.flatnonzero((start < since) & (decided > since))
    expected = sorted(
        zip(
            journeys["customer"].to_numpy()[truly],
            start[truly],
            decided[truly],
            journeys["outcome"].cat.codes.to_numpy()[truly],
            strict=True,
        )
    )
    late = found.under_way
    assert len(expected) > 50
    assert (late.journey < 0).sum() > 10
    assert sorted(zip(late.customer, late.origin, late.ended_at, late.end, strict=True)) == expected
    own = np.flatnonzero((start >= since) & journeys["customer"].isin(cut.journeys["customer"]).to_numpy())
    began = zip(
        cut.journeys["customer"].to_numpy()[found.inside],
        found.began_at(cut._reading)[found.inside],
        strict=True,
    )
    assert sorted(began) == sorted(zip(journeys["customer"].to_numpy()[own], start[own], strict=True))
    assert not found.left_out.any()


def test_delayed_entry_leaves_nobody_out_and_says_so(begun_before):
    whole, cut, _ = begun_before
    plain, delayed = incidence(cut), incidence(cut, origin="began", last_activity="last_did")
    row = delayed.left_out.iloc[0]
    assert plain.left_out.loc[0, "left_out"] > 50
    assert row["left_out"] == 0
    assert row["delayed"] > row["unseen"] > 10
    assert "count with delayed entry" in delayed.notes[0]
    more, fewer = (of_place(each.probabilities, WHOLE, "entered")["converted"] for each in (delayed, plain))
    assert more > fewer + 50
    truth = of_place(incidence(whole, begun="any").probabilities, WHOLE)
    found = of_place(delayed.probabilities, WHOLE)
    for end in ("converted", "dropped here"):
        assert found[end] == pytest.approx(truth[end], abs=0.03)  # two standard errors of 1,500 journeys


def test_delayed_entry_by_hand():
    # The data begin on day 0. A began on day -4 and was last seen on day -2: dropped on day 8, unseen. B
    # began on day -5, last seen on day -1, came on day 3 and paid. C began on day -6, last seen on day -3,
    # came on day 9: after its patience (day 7), so a new journey, dropped on day 19. D and E were not under
    # way; they came on days 1 and 0, and dropped ten days later.
    at = [START + pd.Timedelta(days=day) for day in range(-6, 10)]
    events = log_of("seen@3 carted@3 paid@3", "seen@9", "seen@1", "blog@0", days=60).events
    numbers = {0: 1, 1: 2, 2: 3, 3: 4}
    events = events.assign(customer=events["customer"].map(numbers)).drop(columns="journey")
    customers = pd.DataFrame(
        {
            "customer": [0, 1, 2, 3, 4],
            "began": [at[2], at[1], at[0], pd.NaT, pd.NaT],
            "did": [at[4], at[5], at[3], pd.NaT, pd.NaT],
        }
    )
    intended = parse_map(MAP)
    log = JourneyLog.from_events(events, customers=customers, data_end=START + pd.Timedelta(days=60))
    check = cj.check(log.split(intended), intended)
    found = beginnings(check, origin="began", last_activity="did")
    late = found.under_way
    as_days = [(late.ended_at - late.origin) / DAY_US, -(late.origin - START.value // 1000) / DAY_US]
    assert late.customer.tolist() == [0, 1, 2]
    assert as_days[0].tolist() == [12, 8, 13]
    assert as_days[1].tolist() == [4, 5, 6]
    assert late.end.tolist() == [1, 0, 1]
    assert late.journey.tolist() == [-1, 0, -1]
    assert found.inside.tolist() == [False, True, True, True]
    # After 6 days all six are watched: A, B, C, and from their start C's new journey, D's and E's. After 8
    # days B pays, one of 6; after 10 days three of five drop; then A, one of two, and C.
    result = incidence(check, origin="began", last_activity="did").probabilities
    whole = of_place(result, WHOLE)
    assert whole["converted"] == pytest.approx(1 / 6)
    assert whole["dropped here"] == pytest.approx(5 / 6)


def test_customers_without_an_event_are_in_the_group_of_those_who_have_one():
    """Whatever an attribute holds, it has one name: truth values are "true" and "false" in every table."""
    log = log_of("seen@1", "seen@2", days=60)
    customers = pd.DataFrame({"customer": [0, 1, 2], "vip": [True, True, True]})
    customers["began"] = [pd.NaT, pd.NaT, START - pd.Timedelta(days=4)]
    customers["did"] = [pd.NaT, pd.NaT, START - pd.Timedelta(days=2)]
    intended = parse_map(MAP)
    events = log.events.drop(columns="journey")
    mine = JourneyLog.from_events(events, customers=customers, data_end=log.data_end).split(intended)
    found = incidence(cj.check(mine, intended), by="vip", origin="began", last_activity="did")
    assert found.left_out[["by", "journeys", "delayed", "unseen"]].to_numpy().tolist() == [["true", 2, 1, 1]]


# what may go wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"at": "stages"}, ValueError, "at is 'stage' or 'touchpoint', not 'stages'"),
        ({"to": "end"}, ValueError, "to is 'goal' or 'next'"),
        ({"begun": "outside"}, ValueError, "begun is 'inside' or 'any'"),
        ({"when": "later"}, ValueError, "when is"),
        ({"horizons": []}, ValueError, "not an empty list"),
        ({"horizons": ["7"]}, ValueError, "expected a duration such as 14d"),
        ({"horizons": pd.Timedelta(0).to_pytimedelta()}, ValueError, "longer than nothing"),
        ({"by": "personas"}, LogError, "there is no 'personas' to group by"),
        ({"origin": "began"}, LogError, "only 'began' is given"),
        ({"origin": "began", "last_activity": "persona"}, LogError, "no attribute 'began'"),
        ({"origin": "region", "last_activity": "region"}, LogError, "which is no moment such as 2026-03-01"),
    ],
)
def test_mistakes_are_told(shop, options, error, words):
    with pytest.raises(error, match=words):
        incidence(shop, **options)


@pytest.mark.parametrize(
    ("began", "did", "words"),
    [
        ("2026-02-20", "2026-03-02", "'did' lies in the time that the log observes, from 2026-03-01"),
        ("2026-02-20", "2026-02-19", "'began' lies after 'did', of 1 customers, first of customer 0"),
    ],
)
def test_moments_out_of_order_are_told(began, did, words):
    events = log_of("seen@0", days=60).events.drop(columns="journey")
    customers = pd.DataFrame({"customer": [0], "began": [began], "did": [did]})
    intended = parse_map(MAP)
    log = JourneyLog.from_events(events, customers=customers, data_end=START + pd.Timedelta(days=60))
    with pytest.raises(LogError, match=words):
        incidence(cj.check(log.split(intended), intended), origin="began", last_activity="did")


def test_delayed_entry_and_counting_everything_exclude_each_other(begun_before):
    with pytest.raises(ValueError, match="leave begun out"):
        incidence(begun_before[1], begun="any", origin="began", last_activity="last_did")


@pytest.mark.parametrize("given", ["text", None, pd.DataFrame()])
def test_what_is_no_check_is_refused(given: object) -> None:
    with pytest.raises(LogError, match=f"incidence takes a check first, not {type(given).__name__}"):
        incidence(given)


@pytest.mark.parametrize("horizons", [30, [30], np.timedelta64(3, "D"), []])
def test_a_horizon_is_a_duration(horizons: object) -> None:
    intended = parse_map(MAP)
    check = cj.check(log_of(*BY_HAND, days=60).split(intended), intended)
    with pytest.raises(ValueError, match=r"duration"):
        incidence(check, horizons=horizons)
