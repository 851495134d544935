# ruff: noqa: E501 -- native rows are as long as they are
"""Shopify's orders: one order however many rows, exports and states it comes in."""

from __future__ import annotations

import json

import pytest

import cjmining as cj
from tests.ingest.helpers import events_made, fates, groups_of, seen


@pytest.fixture(scope="module")
def folder(request):
    return request.config.rootpath / "tests" / "data" / "shopify"


@pytest.fixture(scope="module")
def log(folder):
    return cj.ingest(cj.sources.Shopify(folder))


def test_what_happened_to_orders(log):
    assert seen(log, "timestamp", "touchpoint", "native", "actor", "channel", "value", "currency", "campaign", "country") == [
        ("2025-10-10 10:00:00", "order_placed", "order made by staff", "company", "crm", 40.0, "EUR", None, None),
        ("2025-10-11 10:00:00", "order_placed", "order", "customer", "580111", None, None, None, None),
        ("2025-10-13 03:30:00", "order_placed", "order", "customer", "facebook", 30.0, "EUR", None, None),
        ("2025-10-13 12:00:00", "order_cancelled", "cancellation", "company", "facebook", None, None, None, None),
        ("2025-10-07 07:50:26", "order_placed", "order", "customer", "web", 45.0, "EUR", "WELCOME10", "FR"),
        ("2025-10-07 07:50:26", "order_paid", "payment", "customer", "web", None, None, "WELCOME10", "FR"),
        ("2025-10-08 09:00:00", "store_visited", "POS sale", "customer", "store", 15.0, "EUR", None, None),
        ("2025-10-08 12:21:21", "order_shipped", "fulfillment", "company", "web", None, None, "WELCOME10", "FR"),
    ]  # fmt: skip


def test_every_row_has_a_fate(log):
    assert fates(log) == {
        "used": 5,
        "superseded: delivered again": 3,  # and its further rows, which are the same in both exports
        "set aside: a further line item of its order": 2,
        "set aside: a line item whose order is not in the file": 1,
        "set aside: a test order (Bogus gateway)": 1,
        "set aside: a test order (tagged so)": 1,
        "set aside: no identifier": 1,
        "quarantined: Created at is no time that can be read": 1,
    }
    assert sum(fates(log).values()) == 15
    assert events_made(log) == {"kept": 8}


def test_an_order_knows_its_line_items(log):
    told = json.loads(log.events["properties"][4])
    assert {name: told[name] for name in ("items", "pieces", "articles", "refunded", "Total")} == {
        "items": "3", "pieces": "6", "articles": "C-1, M-1, Sac", "refunded": "15.00",
        "Total": "60.00",
    }  # fmt: skip
    assert not any(word in "".join(log.events["properties"]) for word in ("Sophie", "1001", "75008"))


def test_two_versions_of_an_order_in_one_file(tmp_path):
    """Two exports pasted together: what the older says, of a belt and two shoes, doesn't count."""
    header = (
        "Name,Email,Financial Status,Currency,Total,Created at,Lineitem name,Lineitem quantity,Id,Paid at"
    )
    old = (
        "#1,a@shop.example,pending,EUR,30,2026-03-01T10:00:00Z,Belt,1,77,",
        "#1,a@shop.example,,,,,Shoe,2,,",
    )
    new = (
        "#1,a@shop.example,paid,EUR,25,2026-03-01T10:00:00Z,Shoe,2,77,2026-03-02T10:00:00Z",
        "#1,a@shop.example,,,,,Lace,3,,",
        "#1,a@shop.example,,,,,Wax,1,,",
    )
    other = "#2,b@shop.example,paid,EUR,9,2026-03-01T11:00:00Z,Wax,4,78,2026-03-02T10:00:00Z"
    for number, rows in enumerate(((*old, other, *new), (*new, *old, other))):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "orders_export.csv").write_text("\n".join((header, *rows)) + "\n")
        log = cj.ingest(cj.sources.Shopify(folder))
        placed = log.events[log.events["touchpoint"] == "order_placed"]
        told = [json.loads(text) for text in placed["properties"]]
        assert sorted(
            (value, p["items"], p["pieces"], p["articles"]) for value, p in zip(placed["value"], told, strict=True)
        ) == [(9.0, "1", "4", "Wax"), (25.0, "3", "6", "Lace, Shoe, Wax")]  # fmt: skip
        assert fates(log)["superseded: delivered again"] == 1


def test_addresses_and_numbers_tell_who_it_was(log):
    assert groups_of(log) == {
        frozenset(
            {("email", "sophie@example.com"), ("phone", "+33610826417"), ("order_id", "7410991464714"), ("order_id", "7410991464715")}
        ),
        frozenset({("email", "lea@example.com"), ("order_id", "7410991464719"), ("order_id", "7410991464721")}),
        frozenset({("email", "max@example.com"), ("order_id", "7410991464722")}),
    }  # fmt: skip


def test_values_without_refunds_and_guests(folder):
    log = cj.ingest(
        cj.sources.Shopify(
            folder / "orders_export_1.csv",
            value="net",
            refunds="ignore",
            guests=True,
            channels={"580111": "web"},
        )
    )
    assert sorted(v for (v,) in seen(log, "value") if v is not None) == [8.0, 20.0, 40.0, 48.0]
    assert sorted(log.events["channel"].unique()) == ["crm", "store", "web"]
    assert frozenset({("order_id", "7410991464716")}) in groups_of(log)
    subtotal = cj.ingest(cj.sources.Shopify(folder / "orders_export_2.csv", value="subtotal"))
    assert sorted(v for (v,) in seen(subtotal, "value") if v is not None) == [30.0, 36.0]  # 48 less a quarter


def test_exports_may_come_in_any_order(folder, log, tmp_path):
    """No column says when an order changed: its progress does."""
    for number in (2, 1):
        export = cj.sources.Shopify(folder / f"orders_export_{number}.csv")
        later = cj.ingest(export, path=tmp_path / "log", add=True, data_end="2025-11-01")
    columns = ("timestamp", "touchpoint", "value", "campaign", "properties", "event_id")
    assert sorted(seen(later, *columns), key=str) == sorted(seen(log, *columns), key=str)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"value": "gross"}, "value is one of 'total'"), ({"refunds": "add"}, "refunds is one of"), ({"channels": "web"}, "channels is")],
)  # fmt: skip
def test_options_that_do_not_exist(folder, options, said):
    with pytest.raises(cj.SourceError, match=said):
        cj.sources.Shopify(folder, **options)


def test_other_files_are_no_orders(folder, tmp_path):
    with pytest.raises(
        cj.SourceError, match=r"customers_export\.csv: the columns 'Name', 'Financial Status'"
    ):
        cj.ingest(cj.sources.Shopify(folder / "customers_export.csv"))
    (tmp_path / "readme.txt").write_text("nothing,to see\n")
    with pytest.raises(cj.SourceError, match=r"no file has the columns 'Name'.*; there is readme\.txt"):
        cj.ingest(cj.sources.Shopify(tmp_path))


def test_an_absurd_quantity_spoils_no_file(tmp_path):
    rows = [
        "Name,Email,Financial Status,Created at,Total,Lineitem quantity,Lineitem name,Refunded Amount",
        f"#1,a@example.com,paid,2025-10-07 07:50:26 +0200,10.00,{'1' * 62},Mug,{'1' * 62}",
        "#2,b@example.com,paid,2025-10-07 07:50:26 +0200,10.00,1,Mug,0",
    ]
    (tmp_path / "orders_export.csv").write_text("\n".join(rows))
    log = cj.ingest(cj.sources.Shopify(tmp_path))
    assert "pieces" not in json.loads(log.events["properties"][0])
    assert json.loads(log.events["properties"][1])["pieces"] == "1"
