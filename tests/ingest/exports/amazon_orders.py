# ruff: noqa: E501 -- native rows are as long as they are
"""Amazon's order reports: all orders, those that the seller sends, and what Amazon sent."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_PRICED = ("sku", "product-name", "currency", "item-price", "item-tax", "shipping-price", "ship-country")
_TRACKED = (
    "amazon-order-id", "merchant-order-id", "purchase-date", "last-updated-date", "order-status",
    "fulfillment-channel", "sales-channel", "item-status", "quantity", *_PRICED, "item-promotion-discount",
)  # fmt: skip
_ORDERED = (
    "order-id", "order-item-id", "purchase-date", "payments-date", "buyer-email", "buyer-name",
    "buyer-phone-number", "quantity-purchased", *_PRICED,
)  # fmt: skip
_SHIPPED = (
    "amazon-order-id", "shipment-id", "shipment-item-id", "purchase-date", "payments-date", "shipment-date",
    "buyer-email", "quantity-shipped", *_PRICED,
)  # fmt: skip


def write(folder: Path, rng: random.Random, records: int) -> None:
    header = rng.choice((_TRACKED, _ORDERED, _SHIPPED))
    rows: list[dict[str, object]] = []
    while len(rows) < records:
        rows += _order(rng, min(records - len(rows), rng.choice((1, 1, 2))))
    text = writing.separated(header, [[row.get(name, "") for name in header] for row in rows], delimiter="\t")
    writing.put(folder / f"{writing.token(rng, 12, '0123456789')}_report.txt", text, rng)


def read(folder: Path) -> Source:
    return cj.sources.AmazonOrders(folder, region="DE")


def _order(rng: random.Random, items: int) -> list[dict[str, object]]:
    placed = writing.moment(rng)
    number = "-".join(writing.token(rng, length, "0123456789") for length in (3, 7, 7))
    status = rng.choice(("Shipped", "Pending", "Cancelled", "Unshipped"))
    order = {
        "amazon-order-id": number, "order-id": number, "purchase-date": _at(placed),
        "last-updated-date": _at(placed + timedelta(hours=9)), "payments-date": _at(placed + timedelta(hours=1)),
        "shipment-date": _at(placed + timedelta(days=1)), "shipment-id": writing.token(rng, 9),
        "order-status": status, "item-status": status, "fulfillment-channel": rng.choice(("Amazon", "Merchant")),
        "sales-channel": "Amazon.de", "buyer-email": f"{writing.token(rng, 14)}@marketplace.amazon.de",
        "buyer-phone-number": f"+4930{writing.token(rng, 8, '123456789')}", "currency": "EUR", "ship-country": "DE",
    }  # fmt: skip
    return [
        {
            **order, "order-item-id": writing.token(rng, 13, "0123456789"),
            "shipment-item-id": writing.token(rng, 9), "sku": writing.token(rng, 5),
            "product-name": writing.phrase(rng, 3), "quantity": 1, "quantity-purchased": 1, "quantity-shipped": 1,
            "item-price": f"{rng.randrange(100, 9_000) / 100:.2f}", "shipping-price": rng.choice(("", "4.90")),
        }
        for _ in range(items)
    ]  # fmt: skip


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"
