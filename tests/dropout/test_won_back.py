"""How many lost customers came back, and what writing to them did."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining import schema
from cjmining.dropout.entries import FOREVER
from cjmining.dropout.later import ends_of, later
from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.stats import newcombe, wilson, wilson_of_clusters
from tests.conformance.factory import START, log_of
from tests.examples import examples

MAP = """
map: Shop
goal: [paid]
exits: [{touchpoint: cancelled}]
patience: 10d
horizon: 20d
stages:
  - stage: Look
    touchpoints: [{touchpoint: seen, repeat: true}]
  - stage: Buy
    patience: 5d
    touchpoints: [{touchpoint: carted}, {touchpoint: paid}]
    returns_to: [Look]
"""
DAY_US = 86_400_000_000


def checked(*journeys: str, days: float = 100, split: bool = True, **attributes: list) -> cj.Conformance:
    plain = log_of(*journeys, days=days)
    customers = pd.DataFrame({"customer": range(len(journeys)), **attributes})
    log = cj.JourneyLog.from_events(
        plain.events.drop(columns="journey"), customers=customers, data_end=plain.data_end
    )
    return cj.check(log.split(parse_map(MAP)) if split else log, parse_map(MAP))


def days_later(check: cj.Conformance) -> list[tuple[float | None, float | None]]:
    """Return for each lost journey after how many days its customer came back, and converted."""
    ends = ends_of(check, check._reading)
    found = later(ends)
    return [
        tuple(
            None if times[journey] == FOREVER else (times[journey] - ends.decided_at[journey]) / DAY_US
            for times in found
        )
        for journey in np.flatnonzero(ends.outcome == schema.OUTCOMES.index("dropped"))
    ]


JOURNEYS = (
    "seen@1 carted@2 seen@9 carted@10 paid@12",  # left on day 7, back on 9, converted on 12
    "seen@1 carted@2 seen@20",  # left on 7, back on 20, left on 30 for good
    "seen@1 carted@2 cancelled@3 paid@8",  # left on 3, converted on 8: no entry stage, but the goal
    "seen@90 carted@92",  # left on 97
    "seen@1 carted@2 paid@3",  # never left
)


# when ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", [True, False])
def test_when_customers_came_back_is_the_same_split_or_not(split):
    found = days_later(checked(*JOURNEYS, split=split))
    first = [found[0], found[1], *found[-2:]]
    assert first == [(2, 5), (13, None), (5, 5), (None, None)]


def test_returning_is_what_would_begin_a_new_journey():
    check = checked("seen@1 cancelled@2 carted@10 seen@12", "seen@1 help@30", split=False)
    assert days_later(check) == [(10, None), (19, None)]


def test_first_losses_of_a_shop_are_won_back_at_the_same_time_split_or_not():
    shop = cj.simulate.shop(1500, seed=6)
    intended = parse_map(shop.intended_text)
    found = []
    for log in (shop.log, shop.log.split(intended)):
        check = cj.check(log, intended)
        ends = ends_of(check, check._reading)
        lost = np.isin(ends.outcome, [1, 2]) & (log.attempts == 1)
        times = np.stack([*later(ends), ends.decided_at])[:, lost]
        found.append(pd.DataFrame(times.T, index=ends.customer[lost]))
    whole, split = found
    assert len(whole) > 500
    assert (whole[0] < FOREVER).sum() > 100
    assert whole.equals(split)


@examples(60)
@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(["seen", "carted", "paid", "cancelled", "help"]), st.integers(0, 60)),
            min_size=1,
            max_size=8,
        ),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_the_next_journey_is_found_as_by_looking_at_all(people, cases):
    """An oracle that compares every journey with every other one of the customer."""
    journeys = [" ".join(f"{what}@{day}" for what, day in sorted(one, key=lambda e: e[1])) for one in people]
    plain = log_of(*journeys, "seen@0")
    events = plain.events.drop(columns="journey")
    if cases:  # cases may overlap
        events = events.assign(native_journey=[f"c{n % 3}" for n in range(len(events))])
    log = cj.JourneyLog.from_events(events, data_end=plain.data_end).split(parse_map(MAP))
    check = cj.check(log, parse_map(MAP))
    ends = ends_of(check, check._reading)
    found = later(ends)
    for j in range(len(ends.start)):
        others = [k for k in range(len(ends.start)) if k != j and ends.customer[k] == ends.customer[j]]
        goals = [
            ends.decided_at[k]
            for k in others
            if ends.outcome[k] == 0 and ends.decided_at[k] >= ends.decided_at[j]
        ]
        converted = min([*goals, ends.converted_within[j]])
        began = [ends.start[k] for k in others if ends.start[k] >= ends.decided_at[j]]
        assert found.converted_at[j] == converted
        assert found.returned_at[j] == min([*began, ends.within[j], converted])


# rates --------------------------------------------------------------------------------------------------


def test_rates_worked_by_hand():
    rates = cj.won_back(checked(*JOURNEYS), horizons=["4d", "10d"]).rates
    columns = ["stage", "horizon_days", "journeys", "followed", "returned", "converted"]
    assert rates[columns].to_numpy().tolist() == [
        # left on 7, 7, 30, 3 and 97; the data end on day 100
        ["(anywhere)", 4, 5, 4, 1, 0],
        ["(anywhere)", 10, 5, 4, 2, 2],
        ["Look", 4, 1, 1, 0, 0],
        ["Look", 10, 1, 1, 0, 0],
        ["Buy", 4, 4, 3, 1, 0],
        ["Buy", 10, 4, 3, 2, 2],
    ]
    two_of_four = rates.iloc[1]
    # one customer has two of the journeys followed: hits and journeys by customer are (1, 1), (0, 2), (1, 1)
    limits = wilson_of_clusters(2, 4, (2, 2, 6))
    shown = two_of_four[["returned_share", "returned_lower", "returned_upper"]]
    assert tuple(shown) == pytest.approx(tuple(limits))
    buy = rates.iloc[5]
    assert tuple(buy[["converted_share", "converted_lower", "converted_upper"]]) == tuple(wilson(2, 3))


def test_rates_by_group_and_touchpoint_add_up():
    shop = cj.simulate.shop(800, seed=2)
    intended = parse_map(shop.intended_text)
    check = cj.check(shop.log.split(intended).with_personas(intended), intended)
    whole = cj.won_back(check).rates
    parts = cj.won_back(check, by="persona", at="touchpoint").rates
    counts = ["journeys", "followed", "returned", "converted"]
    by_stage = parts[parts["touchpoint"] != ""].groupby(["stage", "horizon_days"])[counts].sum()
    mapped = whole[~whole["stage"].str.startswith("(")].set_index(["stage", "horizon_days"])[counts]
    assert by_stage.loc[mapped.index].equals(mapped)
    anywhere = parts[parts["stage"] == "(anywhere)"].groupby("horizon_days")[counts].sum()
    assert anywhere.equals(whole[whole["stage"] == "(anywhere)"].set_index("horizon_days")[counts])
    dropped = check.overall.outcomes["dropped"].iloc[0]
    assert anywhere["journeys"].tolist() == [dropped] * 3
    assert (anywhere["followed"].diff().dropna() <= 0).all()
    grouped = cj.check(check._reading.log, intended, by="persona")
    assert cj.won_back(grouped, at="touchpoint").rates.equals(parts)  # by default as the check is grouped
    assert cj.won_back(grouped.overall).rates.equals(whole)


def test_rates_say_what_they_are_of():
    back = cj.won_back(checked(*JOURNEYS), horizons="10d")
    assert repr(back) == "Won back: 2 of 4 returned and 2 converted within 10 days"
    assert back.groups.empty
    assert back.effects.empty
    nobody = cj.won_back(checked("seen@1 carted@2 paid@3"))
    assert nobody.rates.empty
    assert repr(nobody) == "Won back: nobody left"


# audiences ----------------------------------------------------------------------------------------------


def cut(check: cj.Conformance, day: float) -> cj.Conformance:
    """Check what was known by a day."""
    log = check._reading.log
    end = START + pd.Timedelta(days=day)
    events = log.events.drop(columns="journey")
    early = cj.JourneyLog.from_events(
        events[events["timestamp"] <= end], customers=log.customers, data_end=end
    )
    return cj.check(early.split(parse_map(MAP)), parse_map(MAP))


def test_an_audience_against_the_rest_by_hand():
    back, away = "seen@1 carted@2 seen@40 carted@41 paid@43", "seen@1 carted@2"
    early = "seen@1 carted@2 seen@26 carted@27 paid@28"  # opted out, and had converted when the mail went out
    check = checked(back, back, away, back, away, early, "seen@60 carted@61", opted_out=[0, 0, 0, 1, 1, 1, 0])
    who = cj.audience(cut(check, 25), stage="Buy", identifiers=None)
    assert who.customers["customer"].tolist() == [0, 1, 2]
    found = cj.won_back(
        check, audience=who, since=START + pd.Timedelta(days=30), horizons=["12d", "60d", "80d"]
    )
    columns = ["group", "horizon_days", "customers", "back_before", "followed", "returned", "converted"]
    assert found.groups[columns].to_numpy().tolist() == [
        ["written to", 12, 3, 0, 3, 2, 0],
        ["the rest", 12, 3, 1, 2, 1, 0],
        ["written to", 60, 3, 0, 3, 2, 2],
        ["the rest", 60, 3, 1, 2, 1, 1],
        ["written to", 80, 3, 0, 0, 0, 0],
        ["the rest", 80, 3, 1, 0, 0, 0],
    ]
    row = found.effects.query("horizon_days == 60 and measure == 'converted'").iloc[0]
    assert tuple(row[["difference", "lower", "upper"]]) == pytest.approx(tuple(newcombe(2, 3, 1, 2)))
    assert row["meaning"].startswith("association")


def of_people(people: range, day: float, *, email: bool = True) -> cj.Conformance:
    """Half of the people come back on day 40, those with an even number; customers are numbered anew."""
    words = [
        "seen@1 carted@2" + (" seen@40 carted@41 paid@43" if person % 2 == 0 and day > 40 else "")
        for person in people
    ]
    plain = log_of(*words, days=day)
    rows = [(n, "email", f"p{person}@example.org") for n, person in enumerate(people)] if email else []
    arrays = [pa.array(column) for column in zip(*rows, strict=True)]
    known = pa.table(dict(zip(schema.IDENTITIES.names, arrays, strict=True))).cast(schema.IDENTITIES)
    log = cj.JourneyLog.from_events(
        plain.events.drop(columns="journey"), identities=known, data_end=plain.data_end
    )
    return cj.check(log.split(parse_map(MAP)), parse_map(MAP))


def test_lots_are_compared_in_a_later_log_by_identifiers():
    then = cj.audience(of_people(range(100), 30), identifiers="email").holdout(0.4, seed=3)
    now = of_people(range(99, 9, -1), 100)  # ten are gone, and all have other numbers
    found = cj.won_back(now, audience=then, horizons=["30d"])
    written, held = found.groups.to_dict("records")
    assert (written["group"], held["group"]) == ("written to", "held out")
    out = {int(address[1:].split("@")[0]) for address in then._identities.set_index("customer")["value"]}
    sent = {int(address[1:].split("@")[0]) for address in then.customers["email"]}
    for row, people in ((written, sent), (held, out - sent)):
        assert row["followed"] == sum(person >= 10 for person in people)
        assert row["unknown"] == sum(person < 10 for person in people)
        assert row["converted"] == sum(person >= 10 and person % 2 == 0 for person in people)
    assert found.effects["meaning"].str.startswith("effect: who was written to was drawn by lot").all()
    assert "10 customers of the audience are not in this log" in found.notes[0]


def test_an_audience_made_again_from_the_later_log_has_the_same_lots():
    then = cj.audience(of_people(range(100), 30), identifiers="email").holdout(0.4, seed=3)
    now = of_people(range(99, -1, -1), 100)
    again = cj.audience(now, identifiers="email", until=then.made_at, returned=True).holdout(0.4, seed=3)
    assert set(again.customers["email"]) == set(then.customers["email"])
    one = cj.won_back(now, audience=then, horizons=["30d"])
    other = cj.won_back(now, audience=again, since=then.made_at, horizons=["30d"])
    assert one.groups.equals(other.groups)
    whole = cj.audience(now, identifiers="email", returned=True).holdout(0.4, seed=3)
    late = cj.won_back(now, audience=whole, since=START + pd.Timedelta(days=5), horizons=["30d"])
    assert "left only after the audience was written to" in late.notes[0]


def test_a_customer_who_was_two_is_counted_on_neither_side():
    then = cj.audience(of_people(range(40), 30), identifiers="email").holdout(0.5, seed=1)
    sent, held = then.customers["customer"].iloc[0], then._held_out["customer"].iloc[0]
    now = of_people(range(40), 100)
    log = now._reading.log
    rows = log.identities.to_numpy().tolist()
    merged = [(int(sent) if person == held else person, kind, value) for person, kind, value in rows]
    arrays = [pa.array(column) for column in zip(*merged, strict=True)]
    known = pa.table(dict(zip(schema.IDENTITIES.names, arrays, strict=True))).cast(schema.IDENTITIES)
    events = log.events.drop(columns="journey")
    joined = cj.JourneyLog.from_events(
        events.assign(customer=events["customer"].replace(int(held), int(sent))),
        identities=known,
        data_end=log.data_end,
    )
    found = cj.won_back(cj.check(joined.split(parse_map(MAP)), parse_map(MAP)), audience=then, horizons="30d")
    assert found.groups["customers"].tolist() == [len(then) - 1, len(then._held_out) - 1]
    assert "1 customer is left out: two customers of then" in found.notes[0]


def test_customers_who_cannot_be_found_are_an_error():
    now = of_people(range(10), 100)
    with pytest.raises(LogError, match="the audience has no identifiers"):
        cj.won_back(now, audience=cj.audience(of_people(range(10), 30)))
    strangers = cj.audience(of_people(range(50, 60), 30), identifiers="email")
    with pytest.raises(LogError, match="no customer of the audience is in this log by email"):
        cj.won_back(now, audience=strangers)
    numbered = cj.audience(of_people(range(10), 30), journeys=[0, 1], identifiers="email")
    with pytest.raises(LogError, match="journeys given by number"):
        cj.won_back(now, audience=numbered)


def test_who_was_chosen_for_not_coming_back_is_not_measured_from_before():
    now = of_people(range(40), 60)
    who = cj.audience(now)  # those who came back on day 40 are not in it
    assert len(who) == 20
    with pytest.raises(LogError, match=r"since=2026-03-11 lies before the audience was made \(2026-04-30\)"):
        cj.won_back(now, audience=who, since=START + pd.Timedelta(days=10))
    keeps = cj.audience(now, returned=True)
    with pytest.raises(LogError, match="lies before the audience was made"):  # the rest opted out later
        cj.won_back(now, audience=keeps, since=START + pd.Timedelta(days=30))
    with pytest.raises(LogError, match="lies before the audience was made"):  # by lot, but of who stayed away
        cj.won_back(now, audience=who.holdout(0.5), since=START + pd.Timedelta(days=30))
    assert cj.won_back(now, audience=who, since=who.made_at).effects["difference"].isna().all()


def test_what_the_log_does_not_reach_is_told():
    then, now = cj.audience(of_people(range(40), 30), identifiers="email"), of_people(range(40), 60)
    found = cj.won_back(now, audience=then.holdout(0.5), horizons=["7d", "40d", "90d"])
    assert len(found.notes) == 1
    assert "The log ends 30 days after the audience was written to" in found.notes[0]
    assert "what became of it within 40 or 90 days can't be told yet" in found.notes[0]
    with pytest.raises(LogError, match=r"since \(2026-05-05\) lies after this log ends \(2026-04-30\)"):
        cj.won_back(now, audience=then, since=START + pd.Timedelta(days=65))
    with pytest.raises(LogError, match=r"the moment the audience was made .* lies after this log ends"):
        cj.won_back(of_people(range(40), 20), audience=then)


def test_the_effect_is_told_in_a_line():
    then = cj.audience(of_people(range(100), 30), identifiers="email").holdout(0.4, seed=3)
    found = cj.won_back(of_people(range(100), 100), audience=then, horizons=["5d", "30d", "90d"])
    sent, held = len(then), 100 - len(then)
    even = sum(int(address[1:].split("@")[0]) % 2 == 0 for address in then.customers["email"])
    shares = f"{100 * even / sent:.0f} % converted against {100 * (50 - even) / held:.0f} % ("
    assert f"Of {sent} written to and {held} held out, within 30 days" in repr(found)
    assert shares in repr(found)
    assert repr(found).endswith("effect: who was written to was drawn by lot")
    soon = cj.won_back(of_people(range(100), 100), audience=then, horizons="90d")
    assert repr(soon).endswith("Of the audience nothing can be told: nobody is followed for a horizon")


# mistakes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"at": "place"}, "places are 'stage' or 'touchpoint'"),
        ({"outcome": "open"}, "only journeys that were dropped or turned away"),
        ({"horizons": ["soon"]}, "horizons: expected a duration"),
        ({"horizons": 30}, "in which unit"),
        ({"horizons": []}, "not an empty list"),
        ({"by": "persona"}, "no personas yet"),
        ({"since": "2026-05-01"}, "since= says when an audience was written to"),
        ({"audience": "x"}, "audience is what cj.audience returns, not str"),
    ],
)
def test_mistakes_are_told(asked, words):
    with pytest.raises(LogError, match=words):
        cj.won_back(checked(*JOURNEYS), **asked)


@pytest.mark.parametrize("verb", [cj.audience, cj.won_back, cj.lifetime_value])
def test_a_table_is_no_check(verb):
    with pytest.raises(LogError, match=f"{verb.__name__} takes a check first, not DataFrame"):
        verb(checked(*JOURNEYS).stages)
