# ruff: noqa: E501 -- native rows are as long as they are
"""Segment's calls as JSON, and the tables that it writes to warehouses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cjmining as cj
from tests.ingest.helpers import events_made, fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data" / "segment"
WHAT = (
    "timestamp",
    "native",
    "touchpoint",
    "channel",
    "actor",
    "campaign",
    "failed",
    "value",
    "currency",
    "referral",
)


def on(day_time: str) -> str:
    return f"2026-03-01 {day_time}"


@pytest.fixture(scope="module")
def calls():
    return cj.ingest(cj.sources.Segment(DATA / "calls", region="DE", properties=["plan"]))


@pytest.fixture(scope="module")
def tables():
    return cj.ingest(cj.sources.Segment(DATA / "warehouse"))


def test_calls(calls):
    plain = ("customer", None, None, None, None, None)
    spring = ("customer", "spring", None, None, None)
    assert seen(calls, *WHAT) == [
        (on("10:00:00"), "arrival", "ad_clicked", "social", *spring, "facebook"),
        (on("10:00:00"), "page", "page_viewed", "web", *spring, None),
        (on("10:01:00"), "page", "page_viewed", "web", *spring, None),  # a minute later: the same arrival
        (on("10:02:00"), "Product Viewed", "product_viewed", "web", *plain),
        (on("10:03:00"), "Product Added", "basket_filled", "web", *plain),
        (on("10:05:00"), "Order Completed", "order_placed", "web", "customer", None, None, 59.9, "EUR", None),
        (on("10:06:00"), "Order Refunded", "order_refunded", "web", "customer", None, None, -10.0, "EUR", None),
        (on("10:07:00"), "Order Completed", "order_placed", "web", *plain),  # its revenue is no number
        (on("10:10:00"), "screen", "screen_viewed", "app", *plain),
        (on("10:12:00"), "Email Opened", "email_opened", "email", *plain),
        (on("10:13:00"), "Email Bounced", "email_bounced", "email", "system", None, True, None, None, None),
        (on("10:16:02"), "Plan Chosen", "Plan Chosen", "web", *plain),  # its clock ran a year ahead
        (on("10:50:00"), "page", "page_viewed", "web", *plain),  # referred to by the site itself
    ]  # fmt: skip
    assert json.loads(calls.events["properties"].iloc[11]) == {"plan": "gold"}
    assert json.loads(calls.events["properties"].iloc[1]) == {"page_path": "/", "name": "Home"}


def test_accounts_and_identities_of_calls(calls):
    assert fates(calls) == {
        "used": 14, "superseded: delivered again": 1,
        "set aside: a call that tells nothing of a person (group or another)": 1,
        "set aside: a robot, by its user agent": 1,
        "quarantined: a track call without an event": 1,
        "quarantined: timestamp is no time that can be read": 1,
    }  # fmt: skip
    assert events_made(calls) == {"kept": 13, "withdrawn: the same arrival told again": 1}
    before = "b1b2c3d4-0000-4000-8000-000000000002"
    assert groups_of(calls) == {
        frozenset({
            ("cookie", "a1b2c3d4-0000-4000-8000-000000000001"), ("user_id", "C1"),
            ("email", "ann@shop.example"), ("phone", "+493023125001"),
        }),
        # the alias joins what was done before; an advertising id of zeros is none; a group's address is nobody's
        frozenset({("cookie", before), ("user_id", before), ("user_id", "C2"), ("email", "bob@shop.example"), ("device", "IDFV-1")}),
        frozenset({("cookie", "d1d2c3d4-0000-4000-8000-000000000004")}),
    }  # fmt: skip


def test_tables(tables):
    plain = ("customer", None, None, None, None, None)
    assert seen(tables, *WHAT) == [
        (on("10:00:00"), "arrival", "link_followed", "search", "customer", None, None, None, None, "google.com"),
        (on("10:00:00"), "page", "page_viewed", "web", *plain),
        (on("10:05:00"), "Order Completed", "order_placed", "web", "customer", None, None, 59.9, "EUR", None),
        (on("10:06:00"), "Lamp Lit", "Lamp Lit", "web", *plain),
        (on("10:00:30"), "arrival", "link_followed", "email", "customer", "march", None, None, None, "newsletter"),
        (on("10:00:30"), "page", "page_viewed", "web", "customer", "march", None, None, None, None),
    ]  # fmt: skip
    # of an order's two rows, in tracks and in its own table, the fuller one
    assert fates(tables) == {"used": 8, "superseded: delivered again": 1}
    ann = {("cookie", "anon-1"), ("user_id", "C1"), ("email", "ann@shop.example"), ("phone", "+493023125001")}
    assert frozenset(ann) in groups_of(tables)
    assert {("cookie", "anon-2"), ("user_id", "C2")} < next(
        g for g in groups_of(tables) if ("user_id", "C2") in g
    )


def test_options(tmp_path):
    log = cj.ingest(cj.sources.Segment(DATA / "calls", arrivals=False, robots=True))
    assert fates(log)["used"] == 15
    assert "arrival" not in set(log.events["native"])
    (tmp_path / "sales.csv").write_text("day,amount\n2026-03-01,9\n")
    with pytest.raises(cj.SourceError, match="none of the files is a table of Segment's warehouse"):
        cj.ingest(cj.sources.Segment(tmp_path))


def test_published(shared_data):
    path = shared_data / "web" / "segment_track.json"
    row = json.loads(path.read_text())
    log = cj.ingest(cj.sources.Segment(path))
    assert seen(log, "timestamp", "native", "campaign", "device") == [
        (
            "2015-12-10 04:08:31",
            row["event"],
            row["context"]["campaign"]["name"],
            row["context"]["device"]["type"],
        )
    ]
    device = row["context"]["device"]
    assert groups_of(log) == {
        frozenset({
            ("cookie", row["anonymousId"]), ("user_id", row["userId"]),
            ("device", device["id"]), ("device", device["advertisingId"]),
        })
    }  # fmt: skip
