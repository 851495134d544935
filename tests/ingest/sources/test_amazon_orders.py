# ruff: noqa: E501 -- native rows are as long as they are
"""Amazon's order reports: three reports, each order once."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pyarrow.parquet as pq
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


def _report(*rows):
    names = dict.fromkeys(name for row in rows for name in row)
    lines = ["\t".join(names), *("\t".join(row.get(name, "") for name in names) for row in rows)]
    return "\n".join(lines) + "\n"


def _told(log, touchpoint):
    rows = log.events[log.events["touchpoint"] == touchpoint]
    told = [json.loads(text) for text in rows["properties"]]
    return [
        (value, p["items"], p["pieces"], p.get("order-status"))
        for value, p in zip(rows["value"], told, strict=True)
    ]


def test_two_versions_of_an_order_in_one_file(tmp_path):
    """Two reports pasted together: 20 + 10 of the older don't count, 25 + 10 of the newer do."""
    order = {
        "amazon-order-id": O1,
        "purchase-date": "2026-03-02T09:00:00Z",
        "quantity": "1",
        "currency": "EUR",
    }
    old = order | {"last-updated-date": "2026-03-03T09:00:00Z", "order-status": "Pending"}
    new = order | {"last-updated-date": "2026-03-04T09:00:00Z", "order-status": "Shipped"}
    rows = [
        state | {"item-price": price, "sku": sku}
        for state, price, sku in ((old, "20", "A"), (old, "10", "B"), (new, "25", "A"), (new, "10", "B"))
    ]
    (tmp_path / "all.txt").write_text(_report(*rows))
    log = cj.ingest(cj.sources.AmazonOrders(tmp_path))
    assert _told(log, "order_placed") == [(35.0, "2", "2", "Shipped")]
    assert fates(log) == {
        "used": 1, "superseded: delivered again": 2, "set aside: a further item of its order": 1,
    }  # fmt: skip


def test_the_same_items_twice_in_one_file(tmp_path):
    """The Order report numbers its items: 30 + 12, two items with 1 + 3 pieces, however often they are told."""
    order = {
        "order-id": O1, "purchase-date": "2026-03-02T09:00:00Z", "payments-date": "2026-03-02T09:05:00Z",
        "currency": "EUR", "buyer-email": "b@marketplace.amazon.de",
    }  # fmt: skip
    rows = [
        order | {"order-item-id": "71", "item-price": "30", "quantity-purchased": "1"},
        order | {"order-item-id": "72", "item-price": "12", "quantity-purchased": "3"},
    ]
    (tmp_path / "orders.txt").write_text(_report(*rows, *rows))
    log = cj.ingest(cj.sources.AmazonOrders(tmp_path))
    assert _told(log, "order_placed") == [(42.0, "2", "4", None)]
    assert fates(log) == {
        "used": 1, "superseded: delivered again": 2, "set aside: a further item of its order": 1,
    }  # fmt: skip


def test_a_shipment_tells_of_its_own_items(tmp_path):
    """Of three items, with 1 + 2 + 4 pieces, two are sent first and one later; the order has them all."""
    order = {
        "amazon-order-id": O1, "purchase-date": "2026-03-02T09:00:00Z", "currency": "EUR",
        "buyer-email": "b@marketplace.amazon.de",
    }  # fmt: skip
    first = order | {"shipment-id": "D1", "shipment-date": "2026-03-03T09:00:00Z"}
    second = order | {"shipment-id": "D2", "shipment-date": "2026-03-04T09:00:00Z"}
    rows = [
        first | {"shipment-item-id": "I1", "item-price": "5", "quantity-shipped": "1"},
        first | {"shipment-item-id": "I2", "item-price": "6", "quantity-shipped": "2"},
        second | {"shipment-item-id": "I3", "item-price": "7", "quantity-shipped": "4"},
    ]
    (tmp_path / "shipments.txt").write_text(_report(*rows, *rows))
    log = cj.ingest(cj.sources.AmazonOrders(tmp_path))
    assert _told(log, "order_placed") == [(18.0, "3", "7", None)]
    assert [told[1:3] for told in _told(log, "order_shipped")] == [("2", "3"), ("1", "4")]


def test_orders_numbers_stay_with_the_identities(log):
    assert not log.events["properties"].str.contains("028-").any()


def test_a_log_without_identities_holds_no_order_number_anywhere(folder, tmp_path):
    """Neither plain nor as a hash without a key, which anybody could make again of the few numbers there are."""
    source = cj.sources.AmazonOrders(folder, region="DE")
    cj.ingest(
        source, path=tmp_path / "log", add=True, identities="pseudonymise", key="a long secret of the shop"
    )
    tables = [pq.read_table(path) for path in (tmp_path / "log").rglob("*.parquet")]
    told = repr([table.to_pylist() for table in tables])
    assert len(tables) > 2
    for order in (O1, O2, O3, O5):
        assert order not in told
        assert hashlib.md5(order.encode()).hexdigest()[:16] not in told  # noqa: S324 -- no secret is kept by it


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
