"""What those who left were worth, beside figures made by hand and what a check counts itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as t_distribution

import cjmining as cj
from cjmining.conformance.finding import find
from cjmining.conformance.worth import amounts_of_conversions
from cjmining.intended import parse_map

MAP = parse_map("""
map: Shop
goal: [ordered]
patience: 5d
horizon: 10d
ignore: [voucher]
stages:
  - {stage: Look, touchpoints: [{touchpoint: viewed}]}
  - {stage: Basket, touchpoints: [{touchpoint: filled}]}
  - {stage: Order, touchpoints: [{touchpoint: ordered}]}
""")
START = pd.Timestamp("2026-03-01", tz="UTC")


def log_of(text: str, **options) -> cj.JourneyLog:
    """Read "customer day touchpoint value currency" lines."""
    rows = [line.split() for line in text.strip().splitlines()]
    events = pd.DataFrame(
        {
            "customer": int(customer),
            "timestamp": START + pd.Timedelta(days=float(day)),
            "touchpoint": touchpoint,
            "value": float(money[0]) if money else np.nan,
            "currency": money[1] if len(money) > 1 else None,
        }
        for customer, day, touchpoint, *money in rows
    )
    return cj.JourneyLog.from_events(events, data_end=START + pd.Timedelta(days=100), **options).split(MAP)


# Customer 1 bought twice (100 + 60 EUR, 10 given back) and then left a basket; 2 bought for 30 CHF and left
# when looking; 3 never bought and left a basket; 4 left two baskets.
LOG = """
1 0 viewed
1 1 filled
1 2 ordered 100 EUR
1 20 viewed
1 21 filled
1 22 ordered 60 EUR
1 23 returned -10 EUR
1 23 voucher -99 EUR
1 40 viewed
1 41 filled
2 0 viewed
2 1 filled
2 2 ordered 30 CHF
2 30 viewed
3 0 viewed
3 1 filled
4 0 viewed
4 1 filled
4 30 viewed
4 31 filled
"""


@pytest.fixture(scope="module")
def check():
    return cj.check(log_of(LOG), MAP)


def row(table: pd.DataFrame, **where: str) -> pd.Series:
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_places_by_hand(check):
    places = cj.lifetime_value(check).places
    basket = row(places, stage="Basket", currency="EUR")
    assert (basket.journeys, basket.customers, basket.known) == (4, 3, 3)
    assert basket.total_lifetime_value == 150  # 100 + 60 - 10, and twice nothing
    assert basket.mean_lifetime_value == 50
    # Student's t with 2 degrees of freedom is 4.303; 150, 0, 0 have a standard error of 50
    assert basket.lifetime_value_upper == pytest.approx(50 + 4.30265 * 50, abs=0.01)
    assert basket.lifetime_value_lower == 0
    look = row(places, stage="Look", currency="CHF")
    assert (look.total_lifetime_value, look.customers) == (30, 1)
    assert np.isnan(look.lifetime_value_lower)
    assert row(places, stage="Look", currency="EUR").total_lifetime_value == 0


def test_currencies_stand_apart_and_each_is_ranked(check):
    value = cj.lifetime_value(check)
    assert set(value.places["currency"]) == {"EUR", "CHF"}
    for _, of_currency in value.places.groupby("currency"):
        assert sorted(of_currency["rank_by_journeys"]) == [1, 2]
        assert sorted(of_currency["rank_by_total_lifetime_value"]) == [1, 2]
    assert any("currencies" in note for note in value.notes)


def test_value_at_risk_is_the_check_s(check):
    value = cj.lifetime_value(check)
    merged = value.places.merge(check.value_by_currency, on=["by", "stage", "touchpoint", "turn", "currency"])
    assert len(merged) == len(check.value_by_currency)
    np.testing.assert_array_equal(merged["value_at_risk_x"], merged["value_at_risk_y"])
    group = row(value.groups, currency="EUR")
    at_risk = check.value_by_currency
    assert group.value_at_risk == at_risk.loc[at_risk["currency"] == "EUR", "value_at_risk"].sum()


def test_a_group_by_hand(check):
    group = row(cj.lifetime_value(check).groups, currency="EUR")
    assert (group.customers, group.known, group.journeys, group.customers_dropped) == (4, 4, 5, 4)
    assert group.total_lifetime_value == 150
    assert group.mean_lifetime_value_of_all == 150 / 4


def test_a_given_column():
    customers = pd.DataFrame(
        {"customer": [1, 2, 3, 4], "clv": [1000.0, 5.0, None, 200.0], "name": list("abcd")}
    )
    check = cj.check(log_of(LOG, customers=customers), MAP)
    value = cj.lifetime_value(check, column="clv", currency="EUR")
    basket = row(value.places, stage="Basket")
    assert (basket.customers, basket.known, basket.total_lifetime_value) == (3, 2, 1200)
    assert basket.currency == "EUR"
    assert value.notes == ("1 customer has no 'clv' and can't count in the means.",)
    with pytest.raises(cj.LogError, match="CHF, EUR"):
        cj.lifetime_value(check, column="clv")
    with pytest.raises(cj.LogError, match=r"no 'clw'.*clv"):
        cj.lifetime_value(check, column="clw")
    with pytest.raises(cj.LogError, match="4 customers have a 'name' that is no number, such as 'a'"):
        cj.lifetime_value(check, column="name", currency="EUR")
    with pytest.raises(cj.LogError, match="leave it out"):
        cj.lifetime_value(check, currency="EUR")


def test_nothing_of_value_is_an_error():
    check = cj.check(log_of("1 0 viewed\n2 0 viewed\n2 1 filled\n2 2 ordered"), MAP)
    with pytest.raises(cj.LogError, match="no conversion of this check has a value"):
        cj.lifetime_value(check)


def test_nobody_left_gives_tables_with_their_types():
    value = cj.lifetime_value(cj.check(log_of("2 0 viewed\n2 1 filled\n2 2 ordered 9 EUR"), MAP))
    assert value.places.empty
    assert value.places["journeys"].dtype == np.int64
    assert row(value.groups).journeys == 0


@pytest.mark.parametrize("by", [None, "persona", "device"])
def test_the_shop_s_conversions_are_worth_what_the_check_counts(by):
    shop = cj.simulate.shop(400, seed=3)
    intended = parse_map(shop.intended_text)
    check = cj.check(shop.log.split(intended).with_personas(intended), intended, by=by)
    amounts = amounts_of_conversions(check._reading)
    sums = find(check._reading).sums
    assert amounts.value.sum() == pytest.approx(float(sums.value.sum()))
    assert len(np.unique(amounts.journey)) == sums.conversions.sum()
    value = cj.lifetime_value(check)
    assert value.places["journeys"].tolist() == check.dropouts["journeys"].tolist()
    assert (value.places["customers"] <= value.places["journeys"]).all()


def test_groups_of_the_shop_against_sums_over_its_events():
    shop = cj.simulate.shop(800, seed=5, clean=True)
    intended = parse_map(shop.intended_text)
    check = cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")
    events = shop.log.events
    worth = events[events["touchpoint"] == "order_delivered"].groupby("customer")["value"].sum()
    journeys = check.journeys[check.journeys["outcome"] == "dropped"]
    for group in cj.lifetime_value(check).groups.itertuples():
        left = journeys.loc[journeys["by"] == group.by, "customer"].unique()
        expected = worth.reindex(left, fill_value=0.0)
        assert group.customers_dropped == len(left)
        assert group.total_lifetime_value == pytest.approx(expected.sum())
        if (expected == expected.iloc[0]).all():
            assert np.isnan(group.lifetime_value_upper)
            continue
        error = expected.std(ddof=1) / np.sqrt(len(left))
        half = t_distribution.ppf(0.975, len(left) - 1) * error
        assert group.lifetime_value_upper == pytest.approx(expected.mean() + half)
        assert group.lifetime_value_lower == pytest.approx(max(0, expected.mean() - half))


def test_findings_of_a_scan_are_ranked_by_what_their_customers_were_worth() -> None:
    shop = cj.simulate.shop(1500, seed=6)
    intended = parse_map(shop.intended_text)
    check = cj.check(shop.log.split(intended), intended)
    places = cj.scan(check, replicates=20)
    found = cj.lifetime_value(check, scan=places).findings
    assert found["rank"].tolist() == places.findings["rank"].tolist() != []
    bought = check.journeys[check.journeys["outcome"] == "converted"]
    conversions = bought.groupby("customer").size()
    for row in found.to_dict("records"):
        journeys = places.journeys(row["rank"])
        customers = check.journeys["customer"].iloc[journeys].unique()
        whole = places.findings.set_index("rank").loc[row["rank"]]
        assert (row["start"], row["end"], row["journeys"]) == (whole["start"], whole["end"], whole["ended"])
        assert row["customers"] == row["known"] == len(customers)
        assert row["mean_lifetime_value"] * len(customers) == pytest.approx(row["total_lifetime_value"])
        assert (row["total_lifetime_value"] > 0) == bool(conversions.reindex(customers).sum() > 0)
    by_total = found.sort_values("rank_by_total_lifetime_value")["total_lifetime_value"]
    assert by_total.is_monotonic_decreasing


def test_without_a_scan_there_are_no_findings_and_columns_keep_their_types() -> None:
    empty = cj.lifetime_value(cj.check(log_of(LOG), MAP)).findings
    assert len(empty) == 0
    assert str(empty["start"].dtype) == "datetime64[us, UTC]"
    assert empty["total_lifetime_value"].dtype == float


def test_a_scan_of_another_log_is_refused() -> None:
    shop = cj.simulate.shop(300, seed=6)
    intended = parse_map(shop.intended_text)
    other = cj.scan(cj.check(shop.log.split(intended), intended), replicates=20)
    with pytest.raises(cj.LogError, match="made from another log"):
        cj.lifetime_value(cj.check(log_of(LOG), MAP), scan=other)
    with pytest.raises(cj.LogError, match=r"what cj.scan\(check\) returned, not DataFrame"):
        cj.lifetime_value(cj.check(log_of(LOG), MAP), scan=other.findings)
