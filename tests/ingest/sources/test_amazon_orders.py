# ruff: noqa: E501 -- native rows are as long as they are
"""Amazon's order reports: three reports, each order once."""

from __future__ import annotations

import json
from collections import Counter

import pytest

import cjmining as cj
from tests.ingest.helpers import events_made, fates, groups_of, seen

O1, O2, O3, O5 = (f"028-000000{i}-000000{i}" for i in (1, 2, 3, 5))


@pytest.fixture(scope="module")
def folder(request):
    return request.config.rootpath / "tests" / "data" / "amazon_orders"


@pytest.fixture(scope="module")
def log(folder):
    return cj.ingest(cj.sources.AmazonOrders(folder, region="DE"), data_end="2026-04-01")


def test_an_order_is_placed_once_whichever_report_has_it(log):
    assert sorted(
        seen(log, "timestamp", "touchpoint", "actor", "value", "currency", "country", "sales_channel")
    ) == [
        (
            "2026-03-02 09:00:00",
            "order_placed",
            "customer",
            31.5,
            "EUR",
            "DE",
            "Amazon.de",
        ),  # 20 + 4 - 2.5 + 10
        ("2026-03-02 10:00:00", "order_placed", "customer", None, None, "DE", "Amazon.de"),
        ("2026-03-02 10:05:00", "order_paid", "customer", None, None, "AT", None),
        ("2026-03-03 12:00:00", "order_cancelled", "company", None, None, "DE", "Amazon.de"),
        ("2026-03-03 20:00:00", "order_shipped", "company", None, None, None, "amazon.de"),
        ("2026-03-04 07:00:00", "order_shipped", "company", None, None, None, "amazon.de"),
        (
            "2026-03-05 07:00:00",
            "order_placed",
            "customer",
            None,
            None,
            "AT",
            None,
        ),  # one of its prices can't be read
        (
            "2026-03-05 07:30:00",
            "order_paid",
            "customer",
            None,
            None,
            "AT",
            None,
        ),  # the Order report alone has it
        (
            "2026-03-06 09:00:00",
            "order_placed",
            "customer",
            23.0,
            "EUR",
            None,
            "amazon.de",
        ),  # in two shipments
        ("2026-03-07 07:00:00", "order_shipped", "company", None, None, None, "amazon.de"),
        ("2026-03-08 07:00:00", "order_shipped", "company", None, None, None, "amazon.de"),
    ]
    assert set(log.events["channel"]) == {"marketplace"}


def test_every_row_has_a_fate(log):
    assert fates(log) == {
        "used": 8,
        "superseded: delivered again": 1,
        "set aside: a further item of its order": 3,
        "set aside: a further item of its shipment": 1,
        "set aside: an order of another shop, only sent by Amazon": 1,
        "quarantined: purchase-date is no time that can be read": 1,
    }
    assert events_made(log) == {"kept": 11}
    values = log.ledger[log.ledger["what"] == "values"]
    assert values[["reason", "count"]].to_numpy().tolist() == [["item-price is no number", 1]]


def test_buyers_by_their_alias_never_by_a_shared_number(log):
    assert groups_of(log) == {
        frozenset({("order_id", O1), ("email", "buyer.b@marketplace.amazon.de"), ("amazon_buyer", "buyer.b")}),
        frozenset(
            {
                ("order_id", O2), ("order_id", O3), ("email", "a222d34b3891234b@marketplace.amazon.de"),
                ("amazon_buyer", "a222d34b3891234b"), ("phone", "+493023125000"),
            }
        ),
        frozenset({("order_id", O5), ("email", "buyer.c@marketplace.amazon.de"), ("amazon_buyer", "buyer.c")}),
    }  # fmt: skip


def test_an_order_knows_its_items(log):
    told = json.loads(next(text for text in log.events["properties"] if "SPRING" in text))
    assert {name: told[name] for name in ("items", "pieces", "promotion-ids", "order-status")} == {
        "items": "3", "pieces": "4", "promotion-ids": "SPRING", "order-status": "Shipped",
    }  # fmt: skip


def test_orders_numbers_stay_with_the_identities(log):
    assert not log.events["properties"].str.contains("028-").any()


def test_without_a_buyer_an_order_is_a_customer(folder):
    log = cj.ingest(cj.sources.AmazonOrders(folder / "all_orders_march.txt"))
    assert groups_of(log) == {frozenset({("order_id", O1)})}


@pytest.mark.parametrize(
    ("report", "touchpoints"),
    [
        ("shipments.txt", {"order_placed": 2, "order_shipped": 4}),
        ("orders_report.txt", {"order_placed": 2, "order_paid": 2}),
    ],
)
def test_a_report_alone_tells_of_its_orders(folder, report, touchpoints):
    log = cj.ingest(cj.sources.AmazonOrders(folder / report))
    assert Counter(log.events["touchpoint"]) == touchpoints


def test_another_table_is_no_report(tmp_path):
    (tmp_path / "inventory.txt").write_text("sku\tasin\nS1\tB0\n")
    with pytest.raises(cj.SourceError, match=r"inventory\.txt: the columns 'amazon-order-id', 'shipment-id'"):
        cj.ingest(cj.sources.AmazonOrders(tmp_path / "inventory.txt"))
