"""Beside finance's figures: by hand, against the simulated shop's truth, and as sums that always close."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining import schema
from cjmining.intended import parse_map
from tests.examples import examples

MAP = parse_map("""
map: Shop
goal: [ordered]
patience: 90d
horizon: 10d
new_journey_after: []
ignore: [noted]
stages:
  - {stage: Look, touchpoints: [{touchpoint: viewed}]}
  - {stage: Order, touchpoints: [{touchpoint: ordered, repeat: true}]}
""")
ZONE = "Europe/Berlin"


def check_of(text: str, *, data_end="2026-05-01T00:00:00Z", ledger=(), **options) -> cj.Conformance:
    """Read "customer time touchpoint [value currency] [failed] [source=...]" lines."""
    rows = []
    for line in text.strip().splitlines():
        customer, time, touchpoint, *rest = line.split()
        words = [word for word in rest if "=" not in word and word != "failed"]
        named = dict(word.split("=") for word in rest if "=" in word)
        rows.append(
            {
                "customer": int(customer),
                "timestamp": pd.Timestamp(time, tz="UTC"),
                "touchpoint": touchpoint,
                "failed": "failed" in rest,
                "value": float(words[0]) if words else np.nan,
                "currency": words[1] if len(words) > 1 else None,
                "source": named.get("source", "shop"),
            }
        )
    table = (
        pa.table(
            [pa.array(column, field.type) for column, field in zip(zip(*ledger), schema.LEDGER)],  # noqa: B905
            schema=schema.LEDGER,
        )
        if ledger
        else None
    )
    log = cj.JourneyLog.from_events(pd.DataFrame(rows), data_end=data_end, ledger=table, **options)
    return cj.check(log.split(MAP), MAP)


# March: customers 1 and 2 convert, 1 orders again, 3 fails; April: 4 converts, 2 gets money back.
TEXT = """
9 2026-03-01T00:00 viewed
1 2026-03-02T10:00 viewed
1 2026-03-02T11:00 ordered 100 EUR
1 2026-03-20T11:00 ordered 50 EUR
2 2026-03-05T11:00 viewed
2 2026-03-31T22:30 ordered 80 EUR
2 2026-04-10T11:00 returned -30 EUR
3 2026-03-07T11:00 ordered 70 EUR failed
4 2026-04-02T11:00 ordered 10 EUR
"""


def month(told, name, measure="orders") -> pd.Series:
    months = told.months
    return months[(months["month"] == name) & (months["measure"] == measure)].iloc[0]


def reasons(told, name, measure="orders") -> dict[str, float]:
    rows = told.explanations
    rows = rows[(rows["month"] == name) & (rows["measure"] == measure) & (rows["amount"] != 0)]
    return dict(zip(rows["reason"], rows["amount"], strict=True))


def test_the_check_s_own_conversions_agree():
    told = check_of(TEXT).reconcile({"2026-03": {"orders": 2}, "2026-04": {"orders": 1}})
    assert told.months["ours"].tolist() == [2, 1]
    assert told.months["verdict"].tolist() == ["agrees", "agrees"]
    assert told.months["unexplained"].tolist() == [0, 0]


def test_who_counts_every_order_counts_the_second_one_of_a_journey():
    told = check_of(TEXT).reconcile({"2026-03": {"orders": 3}, "2026-04": {"orders": 1}})
    assert month(told, "2026-03").verdict == "explained"
    assert reasons(told, "2026-03") == {"further goals in a converted journey": 1}


def test_revenue_is_net_when_it_was_earned_or_when_money_was_given_back():
    # ours: March 100 + 80 - 30, April 10. Finance books 100 + 50 + 80 in March and 10 - 30 in April.
    told = check_of(TEXT).reconcile({"2026-03": {"revenue": 230}, "2026-04": {"revenue": -20}})
    assert told.months["ours"].tolist() == [150, 10]
    assert told.months["verdict"].tolist() == ["explained", "explained"]
    assert reasons(told, "2026-03", "revenue") == {
        "further goals in a converted journey": 50,
        "money given back, booked when it was": 30,
    }
    assert reasons(told, "2026-04", "revenue") == {"money given back, booked when it was": -30}


def test_gross_figures_are_told_from_net_ones():
    told = check_of(TEXT).reconcile({"2026-03": {"revenue": 230}, "2026-04": {"revenue": 10}})
    assert told.months["verdict"].tolist() == ["explained", "agrees"]
    assert reasons(told, "2026-04", "revenue")["before money was given back"] == 30


def test_failed_orders_and_months_in_another_zone_are_other_ways_to_count():
    told = check_of(TEXT).reconcile({"2026-03": {"orders": 4}, "2026-04": {"orders": 1}})
    assert reasons(told, "2026-03") == {"further goals in a converted journey": 1, "failed ones count too": 1}
    # customer 2 ordered at half past midnight in Berlin, in April
    told = check_of(TEXT).reconcile({"2026-03": {"orders": 1}, "2026-04": {"orders": 2}}, timezone=ZONE)
    assert told.months["verdict"].tolist() == ["agrees", "agrees"]
    told = check_of(TEXT).reconcile({"2026-03": {"orders": 2}, "2026-04": {"orders": 1}}, timezone=ZONE)
    assert told.months["verdict"].tolist() == ["may be explained", "may be explained"]
    assert reasons(told, "2026-04") == {"their months are cut in UTC": -1}


def test_what_finance_lacks_is_never_explained_away():
    told = check_of(TEXT).reconcile({"2026-03": {"orders": 0}, "2026-04": {"orders": 1}})
    assert month(told, "2026-03").verdict == "unexplained"
    assert reasons(told, "2026-03") == {"unexplained": -2}


def test_one_system_s_own_figures():
    text = TEXT.replace("4 2026-04-02T11:00 ordered 10 EUR", "4 2026-04-02T11:00 ordered 10 EUR source=crm")
    text += "5 2026-03-01T00:00 noted source=crm\n5 2026-04-02T11:00 ordered 10 EUR source=crm"
    told = check_of(text).reconcile({"2026-03": {"orders": 0}, "2026-04": {"orders": 2}})
    assert reasons(told, "2026-03")["only what crm recorded counts"] == -2
    assert month(told, "2026-03").verdict == "may be explained"


def test_a_total_of_the_ledger_is_spent_once():
    ledger = [
        ("shop", "orders.csv", "records", "used", "", 5),
        ("shop", "orders.csv", "records", "quarantined", "no time that can be read", 3),
        ("till", "till.csv", "records", "quarantined", "no time that can be read", 50),
    ]
    check = check_of(TEXT, ledger=ledger)
    told = check.reconcile({"2026-03": {"viewed": 5}, "2026-04": {"viewed": 3}})
    # three views in March, none in April: 2 + 3 are missing, and the ledger knows of three records
    assert reasons(told, "2026-03", "viewed") == {"records quarantined": 2}
    assert reasons(told, "2026-04", "viewed") == {"records quarantined": 1, "unexplained": 2}
    assert told.months["verdict"].tolist() == ["may be explained", "unexplained"]
    detail = told.explanations.loc[told.explanations["reason"] == "records quarantined", "detail"].iloc[0]
    assert "3 records (no time that can be read) in orders.csv" in detail


def test_months_that_the_log_does_not_observe_whole():
    check = check_of(TEXT, data_end="2026-04-15T00:00:00Z")
    told = check.reconcile({"2026-02": {"orders": 7}, "2026-04": {"orders": 9}, "2026-03": {"orders": 3}})
    assert told.months["month"].tolist() == ["2026-02", "2026-03", "2026-04"]
    assert told.months["verdict"].tolist() == ["not covered", "explained", "not covered"]
    row = told.explanations[told.explanations["basis"] == "not covered"].iloc[-1]
    assert (row.amount, row.detail) == (8, "16.0 of 30 days not observed")


def test_gaps_of_a_source_are_estimated_by_its_other_hours():
    views = "\n".join(f"{n} 2026-03-{1 + n % 20:02d}T12:00 viewed" for n in range(60))
    check = check_of(views)
    gap = pa.array(
        [[{"start": pd.Timestamp("2026-03-21", tz="UTC"), "end": pd.Timestamp("2026-03-31", tz="UTC")}]],
        schema.SOURCES.field("gaps").type,
    )
    sources = check._reading.log._sources
    sources = sources.set_column(sources.column_names.index("gaps"), schema.SOURCES.field("gaps"), gap)
    log = cj.JourneyLog.from_events(
        check._reading.log.events.drop(columns="journey"), sources=sources, data_end="2026-05-01T00:00:00Z"
    )
    told = cj.check(log.split(MAP), MAP).reconcile({"2026-03": {"viewed": 85}})
    # 60 in 21 days are 28.6 in the ten days of the gap
    assert reasons(told, "2026-03", "viewed") == {"gaps in a source, estimated": 25}
    row = told.explanations[told.explanations["reason"] == "gaps in a source, estimated"].iloc[0]
    assert row.up_to == pytest.approx(60 * 10 / 21)


def test_money_is_by_currency_and_conversions_without_a_value_are_estimated():
    text = (
        TEXT + "5 2026-03-03T10:00 ordered 40 CHF\n6 2026-03-03T10:00 ordered\n7 2026-03-03T10:00 ordered 5"
    )
    check = check_of(text)
    with pytest.raises(cj.LogError, match="CHF, EUR, and amounts are not added up"):
        check.reconcile({"2026-03": {"revenue": 150}})
    figures = pd.DataFrame(
        {"month": "2026-03", "measure": "revenue", "value": [45.0, 40.0], "currency": ["CHF", "EUR"]}
    )
    told = check.reconcile(figures)
    assert told.months["ours"].tolist() == [40, 150]
    assert reasons(told, "2026-03", "revenue")["values without a currency are in it"] == 5
    figures = figures.assign(value=[40.0, 200.0])
    told = check.reconcile(figures[figures["currency"] == "EUR"])
    rows = told.explanations.set_index("reason")
    # mean of what conversions brought: 100, 80 and 10
    assert rows.loc["conversions without a value", "up_to"] == pytest.approx(190 / 3)


def test_controls_from_frames_and_files(tmp_path):
    check = check_of(TEXT)
    long = pd.DataFrame({"Month": ["2026-03-01", "2026-04-01"], "measure": "orders", "control": [2, 1]})
    wide = pd.DataFrame(
        {"month": pd.to_datetime(["2026-03-01", "2026-04-01"]), "orders": [2, 1], "viewed": [3, None]}
    )
    path = tmp_path / "finance.csv"
    path.write_text("month;orders\n2026-03;2\n2026-04;1\n", encoding="utf-8")
    expected = check.reconcile({"2026-03": {"orders": 2}, "2026-04": {"orders": 1}}).months
    for controls in (long, path, str(path), long.assign(Month=pd.to_datetime(long["Month"]))):
        pd.testing.assert_frame_equal(check.reconcile(controls).months, expected)
    told = check.reconcile(wide)
    assert told.months["measure"].tolist() == ["orders", "orders", "viewed"]


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        ({}, "hold no figure"),
        ({"2026-03": 5}, "as a mapping look like"),
        ({"03/2026": {"orders": 2}}, "row 1: '03/2026' is no month"),
        ({"2026-13": {"orders": 2}}, "is no month"),
        ({"2026-03": {"orders": "1,200"}}, "'1,200' is no number"),
        ({"2026-03": {"order": 2}}, r"what does 'order' count\?.*'ordered'"),
        (pd.DataFrame({"moth": ["2026-03"]}), "lack the column 'month'"),
        (pd.DataFrame({"month": ["2026-03"], "measure": "orders"}), "lack the column 'value'"),
        (pd.DataFrame({"month": ["2026-03"] * 2, "orders": [1, 2]}), "give orders of 2026-03 twice"),
        ("absent.csv", r"can't read controls from absent\.csv"),
        (7, "controls are a frame"),
    ],
)
def test_what_cannot_be_read_is_told(controls, words):
    with pytest.raises(cj.LogError, match=words):
        check_of(TEXT).reconcile(controls)


def test_parameters_are_checked():
    check, controls = check_of(TEXT), {"2026-03": {"orders": 2, "leads": 3}}
    with pytest.raises(cj.LogError, match="no touchpoint 'view'"):
        check.reconcile(controls, measures={"leads": "view"})
    with pytest.raises(cj.LogError, match="no measure 'lead'"):
        check.reconcile(controls, measures={"lead": "viewed"})
    with pytest.raises(cj.LogError, match="timezone is a name"):
        check.reconcile(controls, measures={"leads": "viewed"}, timezone="Berlin, Germany")
    with pytest.raises(cj.LogError, match="tolerance"):
        check.reconcile(controls, measures={"leads": "viewed"}, tolerance=1.5)


def test_what_people_see():
    told = check_of(TEXT).reconcile({"2026-03": {"orders": 3}, "2026-05": {"orders": 1}})
    text = repr(told)
    assert "2026-03 orders: control 3, ours 2, +1: +1 further goals in a converted journey; explained" in text
    assert "ours 2, +1: +1 further goals" in told._repr_html_()
    assert "The controls have no figure for 2026-04." in told.notes


def test_a_month_that_is_covered_is_unexplained_where_nothing_in_the_log_counts():
    told = check_of("1 2026-03-01T00:00 viewed").reconcile(
        {"2026-03": {"orders": 3}, "2026-02": {"orders": 3}}
    )
    assert month(told, "2026-03")["verdict"] == "unexplained"
    assert month(told, "2026-02")["verdict"] == "not covered"  # the log begins in March
    assert "Nothing in the log counts as orders in these months." in told.notes
    assert "2026-03 orders: control 3, ours 0, +3: unexplained" in repr(told)


@cache
def with_repeated_records() -> cj.Conformance:
    return check_of(TEXT, ledger=[("shop", "orders.csv", "records", "superseded", "delivered again", 9)])


@examples(40)
@given(
    orders=st.lists(st.integers(0, 500), min_size=1, max_size=3),
    revenue=st.lists(st.floats(-500, 500), min_size=1, max_size=3),
    zone=st.sampled_from(["UTC", ZONE, "America/New_York"]),
)
def test_the_rows_of_every_difference_add_up_to_it(orders, revenue, zone):
    check = with_repeated_records()
    months = ["2026-03", "2026-04", "2026-06"]
    controls = {name: {"orders": n} for name, n in zip(months, orders, strict=False)}
    for name, value in zip(months, revenue, strict=False):
        controls.setdefault(name, {})["revenue"] = value
    told = check.reconcile(controls, timezone=zone)
    keys = ["month", "measure", "currency"]
    sums = told.explanations.groupby(keys)["amount"].sum()
    for row in told.months.itertuples():
        assert row.control - row.ours == pytest.approx(row.difference, abs=1e-5)
        assert sums[row.month, row.measure, row.currency] == pytest.approx(row.difference, abs=1e-5)
        assert row.explained + row.possible + row.unexplained == pytest.approx(row.difference, abs=1e-5)


# the simulated shop, whose truth is known ----------------------------------------------------------------


def truth_of(shop, zone=ZONE) -> pd.DataFrame:
    """What finance, sales and the till would say, from what truly happened."""
    events = shop.log.events
    months = events["timestamp"].dt.tz_convert(zone).dt.strftime("%Y-%m")

    def of(touchpoint):
        return (events["touchpoint"] == touchpoint) & (events["failed"] != True)  # noqa: E712

    delivered = of("order_delivered")
    return (
        pd.DataFrame(
            {
                "orders": months[delivered].value_counts(),
                "revenue": events[delivered].groupby(months)["value"].sum(),
                "leads": months[of("catalogue_requested")].value_counts(),
                "placed": months[of("order_placed")].value_counts(),
            }
        )
        .rename_axis("month")
        .reset_index()
    )


MEASURES = {"leads": "catalogue_requested", "placed": "order_placed"}


def ingested(folder):
    study = yaml.safe_load((folder / "study.yaml").read_text())
    sources = [
        getattr(cj.sources, each.pop("source"))(folder / each.pop("path"), **each)
        for each in study["sources"]
    ]
    listed = study["customers"]
    customers = cj.sources.Customers(folder / listed.pop("path"), **listed)
    log = cj.ingest(sources, customers=customers, data_end=study["data_end"]).label(folder / "labels.yaml")
    intended = cj.read_map(folder / "intended.yaml")
    return cj.check(log.split(intended), intended)


def test_clean_exports_agree_with_the_truth(tmp_path):
    shop = cj.simulate.shop(500, seed=2, clean=True)
    check = ingested(shop.write(tmp_path))
    told = check.reconcile(truth_of(shop), measures=MEASURES, timezone=ZONE, tolerance=0)
    goals = {"further goals in a converted journey", "goals after the journey had ended"}
    used = told.explanations[(told.explanations["amount"].abs() > 0.01)]
    assert set(told.months["verdict"]) <= {"agrees", "explained"}
    assert set(used["reason"]) <= goals


def test_spoilt_exports_differ_only_where_the_tag_was_down(tmp_path):
    shop = cj.simulate.shop(1500, seed=1)
    check = ingested(shop.write(tmp_path))
    truth = truth_of(shop)
    told = check.reconcile(truth, measures=MEASURES, timezone=ZONE, tolerance=0)
    assert "unexplained" not in set(told.months["verdict"])
    placed = told.months[told.months["measure"] == "placed"].set_index("month")
    down = pd.Timestamp(check._reading.log.sources.set_index("source").loc["web", "gaps"][0]["start"])
    month_down = f"{down:%Y-%m}"
    assert placed.loc[month_down, "verdict"] == "may be explained"
    assert (placed.drop(month_down)["verdict"] == "agrees").all()
    # who cuts months in UTC is found out: the CRM itself keeps German time
    told = check.reconcile(truth[["month", "orders", "revenue"]], tolerance=0)
    assert "unexplained" not in set(told.months["verdict"])
    assert "their months are cut in Europe/Berlin" in set(told.explanations.query("amount != 0")["reason"])
