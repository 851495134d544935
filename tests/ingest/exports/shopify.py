# ruff: noqa: E501 -- native rows are as long as they are
"""Shopify's orders: a row for each line item, in the spellings of two times."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_HEADER = (
    "Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at", "Accepts Marketing",
    "Currency", "Subtotal", "Shipping", "Taxes", "Total", "Discount Code", "Discount Amount", "Shipping Method",
    "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price", "Lineitem sku", "Billing Zip",
    "Billing Country", "Billing Phone", "Shipping Country", "Notes", "Cancelled at", "Payment Method",
    "Refunded Amount", "Vendor", "Location", "Id", "Tags", "Risk Level", "Source", "Phone",
)  # fmt: skip
_RENAMED = {"Cancelled at": "Canceled at", "Lineitem sku": "Lineitem SKU"}


def write(folder: Path, rng: random.Random, records: int) -> None:
    rows: list[dict[str, object]] = []
    first = rng.randrange(1_000, 900_000)
    while len(rows) < records:
        rows += _order(rng, first + len(rows), min(records - len(rows), rng.choice((1, 1, 1, 2, 3))))
    header = [_RENAMED.get(name, name) if rng.random() < 0.5 else name for name in _HEADER]
    table = [[row.get(name, "") for name in _HEADER] for row in rows]
    text = writing.separated(header, table, quote_all=rng.random() < 0.3)
    writing.put(folder / f"orders_export_{writing.token(rng, 6)}.csv", text, rng)


def read(folder: Path) -> Source:
    return cj.sources.Shopify(folder, region="DE")


def _order(rng: random.Random, number: int, items: int) -> list[dict[str, object]]:
    created, name = writing.moment(rng), f"#{number}"
    total, till = rng.randrange(100, 50_000), rng.random() < 0.2
    order = {
        "Email": writing.email(rng), "Financial Status": rng.choice(("paid", "pending", "partially_refunded")),
        "Paid at": _at(created), "Fulfilled at": _at(created + timedelta(hours=30)) if rng.random() < 0.6 else "",
        "Fulfillment Status": rng.choice(("fulfilled", "unfulfilled")), "Accepts Marketing": "no",
        "Currency": "EUR", "Subtotal": f"{total / 100:.2f}", "Shipping": "0.00", "Taxes": "0.00",
        "Total": f"{total / 100:.2f}", "Discount Code": rng.choice(("", "SPRING10")), "Discount Amount": "0.00",
        "Shipping Method": "Standard", "Created at": _at(created), "Billing Zip": "'75008",
        "Billing Country": "FR", "Billing Phone": f"+49 30 {writing.token(rng, 8, '123456789')}",
        "Notes": rng.choice(("", "leave, please", "two\nlines", 'says "hello"')),
        "Cancelled at": _at(created + timedelta(hours=2)) if rng.random() < 0.1 else "",
        "Payment Method": "Shopify Payments", "Refunded Amount": rng.choice(("0.00", "1.00")),
        "Location": "Paris" if till else "", "Source": "pos" if till else "web", "Risk Level": "Low",
        "Id": f"7{writing.token(rng, 12, '0123456789')}", "Tags": rng.choice(("", "vip, spring")),
    }  # fmt: skip
    return [
        {
            "Name": name, "Lineitem quantity": rng.randint(1, 4), "Lineitem name": writing.phrase(rng, 3),
            "Lineitem price": "5.00", "Lineitem sku": writing.token(rng, 5), "Vendor": "Leaf",
            **(order if not place else {}),
        }
        for place in range(items)
    ]  # fmt: skip


def _at(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} +0100"
