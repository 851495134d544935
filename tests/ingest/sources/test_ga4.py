# ruff: noqa: E501 -- native rows are as long as they are
"""GA4's export to BigQuery: daily tables delivered again, arrivals, consent, transactions; JSON and Parquet alike."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cjmining as cj
from tests.ingest.helpers import events_made, fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data" / "ga4"
WHAT = ("timestamp", "native", "touchpoint", "channel", "actor", "campaign", "value", "currency", "referral")
LANDED = ("2026-03-01 10:00:00",)


@pytest.fixture(scope="module")
def log():
    return cj.ingest(cj.sources.GA4(DATA))


def rows(*folders: str) -> list[dict]:
    found = []
    for folder in folders:
        for path in sorted((DATA / folder).glob("*.jsonl")):
            found += [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    return found


def test_touchpoints(log):
    assert seen(log, *WHAT) == [
        # the visitor who clicked an ad: beside the page view the arrival, told once though the scroll tells it too
        (*LANDED, "first_visit", "first_visit", "web", "system", None, None, None, None),
        (*LANDED, "session_start", "session_start", "web", "system", None, None, None, None),
        (*LANDED, "arrival", "ad_clicked", "search", "customer", "brand", None, None, "google"),
        (*LANDED, "page_view", "page_viewed", "web", "customer", "brand", None, None, None),
        ("2026-03-01 10:00:05", "scroll", "scroll", "web", "customer", "brand", None, None, None),
        ("2026-03-01 10:01:00", "view_item", "product_viewed", "web", "customer", None, None, None, None),
        # two of one batch at one moment, told apart by their place in it
        ("2026-03-01 10:01:30", "add_to_cart", "basket_filled", "web", "customer", None, None, None, None),
        ("2026-03-01 10:01:30", "add_to_cart", "basket_filled", "web", "customer", None, None, None, None),
        ("2026-03-01 10:05:00", "purchase", "order_placed", "web", "customer", None, 59.9, "EUR", None),
        ("2026-03-01 10:05:20", "purchase", "order_placed", "web", "customer", None, 59.9, "EUR", None),
        ("2026-03-02 10:00:00", "refund", "order_refunded", "web", "customer", None, -59.9, "EUR", None),
        # the site refers to itself: no arrival
        ("2026-03-01 10:10:00", "page_view", "page_viewed", "web", "customer", None, None, None, None),
        ("2026-03-01 10:11:40", "arrival", "link_followed", "social", "customer", None, None, None, "m.facebook.com"),
        ("2026-03-01 10:11:40", "page_view", "page_viewed", "web", "customer", None, None, None, None),
        ("2026-03-02 10:01:40", "search", "search_done", "web", "customer", None, None, None, None),
        ("2026-03-01 10:08:20", "arrival", "link_followed", "email", "customer", "spring", None, None, "news"),
        ("2026-03-01 10:08:20", "screen_view", "screen_viewed", "app", "customer", "spring", None, None, None),
    ]  # fmt: skip


def test_accounts(log):
    assert fates(log) == {
        "used": 14,
        # the first delivery of one day (4 rows), and the early table of the other (3 rows)
        "superseded: its partition was delivered again": 7,
        "superseded: delivered again": 1,
        "set aside: internal or developer traffic": 1,
        "set aside: no consent, and so no identifier": 1,
        "quarantined: not a JSON object": 1,
    }
    assert events_made(log) == {"kept": 17, "withdrawn: the same arrival told again": 1}
    ids = {frozenset({("cookie", "111.1700000001"), ("user_id", "C1")})}
    ids |= {frozenset({("cookie", each)}) for each in ("333.1700000003", "444.1700000004", "a1b2c3")}
    assert groups_of(log) == ids


def test_sessions_and_properties(log):
    events = log.events
    assert events["session"].nunique() == 5
    assert not events["session"].dropna().str.contains("111").any()  # hashed with the cookie
    assert json.loads(events["properties"].iloc[2]) == {
        "channel_group": "Paid Search", "source": "google", "medium": "cpc",
    }  # fmt: skip
    assert json.loads(events["properties"].iloc[8]) == {"page_path": "/thanks", "transaction_id": "T1"}


def test_a_daily_table_replaces_the_intraday_one_beside_it(tmp_path):
    early, late = rows("first")[-3:], rows("second")[-2:]
    for name, told in (
        ("events_intraday_20260302.jsonl", early),
        ("events_20260302000000000000.jsonl", late),
    ):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in told))
    log = cj.ingest(cj.sources.GA4(tmp_path, arrivals=False))
    assert fates(log) == {"used": 2, "superseded: its partition was delivered again": 3}
    assert set(log.events["touchpoint"]) == {"order_refunded", "search_done"}


def test_parquet_reads_as_json_does(tmp_path, log):
    value = pa.struct(
        [
            ("string_value", pa.string()),
            ("int_value", pa.int64()),
            ("float_value", pa.float64()),
            ("double_value", pa.float64()),
        ]
    )
    types = {
        "event_timestamp": pa.int64(), "event_params": pa.list_(pa.struct([("key", pa.string()), ("value", value)])),
        "ecommerce": pa.struct([("purchase_revenue", pa.float64()), ("refund_value", pa.float64()), ("transaction_id", pa.string())]),
        "collected_traffic_source": pa.struct([(n, pa.string()) for n in ("manual_campaign_name", "manual_source", "manual_medium", "gclid")]),
        "session_traffic_source_last_click": pa.struct([("google_ads_campaign", pa.struct([("campaign_name", pa.string())]))]),
        "batch_event_index": pa.int64(), "batch_page_id": pa.int64(), "batch_ordering_id": pa.int64(),
    }  # fmt: skip
    told = rows("second")
    columns = {}
    for name in {key for row in told for key in row if key != "items"}:
        values = [row.get(name) for row in told]
        if name == "event_params":
            values = [
                [
                    {"key": p["key"], "value": {**p["value"], "int_value": _int(p["value"]["int_value"])}}
                    for p in value
                ]
                for value in values
            ]
        elif types.get(name) == pa.int64():
            values = [_int(each) for each in values]
        columns[name] = pa.array(values, types.get(name))
    pq.write_table(pa.table(columns), tmp_path / "events_20260301.parquet")
    again = cj.ingest(cj.sources.GA4(tmp_path))
    assert seen(again, *WHAT, "device", "session", "properties") == seen(
        log, *WHAT, "device", "session", "properties"
    )


def _int(text: object) -> int | None:
    return None if text is None else int(text)


def test_options():
    source = cj.sources.GA4(
        DATA / "second", arrivals=False, internal=True, debug=False, repeated_purchases=False,
        dimensions={"land": "country", "scrolled": "percent_scrolled"}, properties=["firebase_screen"],
    )  # fmt: skip
    log = cj.ingest(source)
    assert fates(log)["set aside: sent in debug mode"] == 1
    assert "set aside: internal or developer traffic" not in fates(log)
    assert events_made(log) == {"kept": 13, "withdrawn: the same transaction told again": 1}
    assert "arrival" not in set(log.events["native"])
    assert set(log.events["land"]) == {"Germany"}
    assert log.events["scrolled"].dropna().tolist() == ["90"]
    assert json.loads(log.events.set_index("native")["properties"]["screen_view"]) == {
        "firebase_screen": "start"
    }
    with pytest.raises(cj.SourceError, match="dimensions is a list of names"):
        cj.sources.GA4(DATA, dimensions="country")


def test_fields_that_no_event_has_are_noted():
    log = cj.ingest(
        cj.sources.GA4(DATA, dimensions=["country", "contry"], properties=["page_location", "page_locaton"])
    )
    assert [note for note in log.notes if "no event has" in note] == [
        "source 'web': properties: no event has 'page_locaton'.",
        "source 'web': dimensions: no event has 'contry'.",
    ]


def test_published(shared_data):
    """Google's public sample: which sessions arrived how, counted from the rows themselves."""
    path = shared_data / "web" / "ga4_export.jsonl"
    log = cj.ingest(cj.sources.GA4(path))
    arrived = set()
    for line in path.read_text().splitlines():
        row = json.loads(line)
        given = {
            p["key"]: next((v for v in p["value"].values() if v is not None), None)
            for p in row["event_params"]
        }
        source, medium = given.get("source"), given.get("medium")
        if medium in {"organic", "cpc"} or (medium == "referral" and "googlemerchandisestore" not in source):
            arrived.add((row["user_pseudo_id"], given["ga_session_id"], source, medium))
    channels = Counter(
        {"organic": "search", "cpc": "search", "referral": "referral"}[medium] for *_, medium in arrived
    )
    events = log.events[log.events["native"] == "arrival"]
    assert Counter(events["channel"]) == channels == {"search": 6, "referral": 2}
    assert Counter(events["touchpoint"]) == {"link_followed": 7, "ad_clicked": 1}
    assert fates(log) == {"used": 93}
    assert log.n_events == 93 + len(arrived)
