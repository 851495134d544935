# ruff: noqa: E501 -- native rows are as long as they are
"""Snowplow's enriched events: lines of 131 columns, and the same as tables with a column for each schema."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cjmining as cj
from cjmining.ingest.sources.snowplow_forms import FIELDS
from tests.ingest.helpers import events_made, fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data" / "snowplow"
WHAT = (
    "timestamp",
    "native",
    "touchpoint",
    "channel",
    "device",
    "campaign",
    "failed",
    "value",
    "currency",
    "referral",
)
ACTION = "snowplow_ecommerce_action"


@pytest.fixture(scope="module")
def log():
    return cj.ingest(cj.sources.Snowplow(DATA, app_ids=["shop"]))


def test_touchpoints(log):
    plain = ("web", "mobile", None, None, None, None, None)
    assert seen(log, *WHAT) == [
        ("2026-03-01 10:00:00", "arrival", "ad_clicked", "search", "mobile", "spring", None, None, None, "google"),
        ("2026-03-01 10:00:00", "page_view", "page_viewed", "web", "mobile", "spring", None, None, None, None),
        ("2026-03-01 10:00:00", "page_view", "page_viewed", *plain),  # one event id, another fingerprint
        ("2026-03-01 10:01:00", "shop: size chosen", "shop: size chosen", *plain),
        ("2026-03-01 10:02:00", f"{ACTION}: add_to_cart", "basket_filled", *plain),
        ("2026-03-01 10:03:00", f"{ACTION}: checkout_step", "checkout_opened", *plain),
        ("2026-03-01 10:04:00", f"{ACTION}: checkout_step", "checkout_step", *plain),
        ("2026-03-01 10:05:00", f"{ACTION}: trns_error", "payment_entered", "web", "mobile", None, True, None, None, None),
        ("2026-03-01 10:06:00", f"{ACTION}: transaction", "order_placed", "web", "mobile", None, None, 59.9, "EUR", None),
        ("2026-03-01 10:07:00", f"{ACTION}: refund", "order_refunded", "web", "mobile", None, None, -9.9, "EUR", None),
        ("2026-03-01 10:08:00", "transaction", "order_placed", "web", "mobile", None, None, 20.5, "EUR", None),
        # on another site of the company, which knows the first one's cookie
        ("2026-03-01 10:20:00", "arrival", "link_followed", "referral", "mobile", None, None, None, None, "shop.example"),
        ("2026-03-01 10:20:00", "page_view", "page_viewed", *plain),
        ("2026-03-01 10:30:00", "arrival", "link_followed", "social", "mobile", None, None, None, None, "m.facebook.com"),
        ("2026-03-01 10:30:00", "page_view", "page_viewed", *plain),
        ("2026-03-01 10:10:00", "screen_view", "screen_viewed", "app", "phone", None, None, None, None, None),
    ]  # fmt: skip
    assert log.timestamps[0] % 1_000_000 == 250_000  # to the millisecond
    assert log.events["session"].nunique() == 4
    assert json.loads(log.events["properties"].iloc[8]) == {"page_path": "/", "transaction_id": "T1"}


def test_accounts_and_identities(log):
    assert fates(log) == {
        "used": 13, "superseded: delivered again": 1, "set aside: a page ping": 1,
        "set aside: a robot, by Snowplow's enrichments": 2, "set aside: a robot, by its user agent": 1,
        "set aside: an item of a transaction": 1, "set aside: of another app": 1,
        "quarantined: 3 fields where the header has 131": 1,
        "quarantined: derived_tstamp is no time that can be read": 1,
    }  # fmt: skip
    assert events_made(log) == {"kept": 16}
    one, two, three = (f"d{n}d{n}d{n}d{n}-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
    assert groups_of(log) == {
        frozenset({("cookie", one), ("cookie", two), ("cookie", "e1e1e1e1-0000-4000-8000-000000000001"), ("user_id", "C1")}),
        frozenset({("cookie", three), ("email", "ann@shop.example")}),
        frozenset({("device", "a99a99a9-0000-4000-8000-000000000001")}),
    }  # fmt: skip


def test_options():
    log = cj.ingest(cj.sources.Snowplow(DATA, arrivals=False, page_pings=True, robots=True))
    assert fates(log)["used"] == 13 + 1 + 1 + 3
    assert "page_ping" in set(log.events["touchpoint"])
    assert "arrival" not in set(log.events["native"])


def as_records() -> list[dict]:
    """The lines as the SDKs' JSON has them: a column for each schema, entities in lists."""
    found = []
    for line in (DATA / "enriched.tsv").read_text().splitlines()[:19]:
        row = {name: cell for name, cell in zip(FIELDS, line.split("\t"), strict=True) if cell}
        for cell in ("contexts", "derived_contexts"):
            for entity in json.loads(row.pop(cell, '{"data":[]}'))["data"]:
                row[f"contexts_{column(entity['schema'])}"] = [entity["data"]]
        if "unstruct_event" in row:
            event = json.loads(row.pop("unstruct_event"))["data"]
            row[f"unstruct_event_{column(event['schema'])}"] = event["data"]
        found.append(row)
    return found


def column(schema: str) -> str:
    vendor, name, _, version = schema.removeprefix("iglu:").split("/")
    return f"{vendor}_{name}_{version[0]}".replace(".", "_")


def test_lines_made_into_a_table_keep_their_text_of_entities(tmp_path, log):
    """The 131 columns as Parquet, with the JSON of entities as text; and what names no action or category."""
    rows = [line.split("\t") for line in (DATA / "enriched.tsv").read_text().splitlines()[:19]]
    table = {name: [row[i] or None for row in rows] for i, name in enumerate(FIELDS)}
    pq.write_table(
        pa.table({name: pa.array(texts, pa.string()) for name, texts in table.items()}),
        tmp_path / "e.parquet",
    )
    again = cj.ingest(cj.sources.Snowplow(tmp_path, app_ids=["shop"]))
    assert seen(again, *WHAT, "session", "properties") == seen(log, *WHAT, "session", "properties")
    bare = {"collector_tstamp": "2026-03-01 10:00:00", "domain_userid": "d2"}
    told = [
        bare | {"event_id": "1", "event": "unstruct", "event_name": ACTION},
        bare | {"event_id": "2", "event": "struct"},
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(record) + "\n" for record in told))
    log = cj.ingest(cj.sources.Snowplow(tmp_path / "events.jsonl"))
    assert seen(log, "native", "touchpoint") == [(ACTION, ACTION), ("struct", "struct")]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_tables_read_as_lines_do(tmp_path, log, ending):
    records = as_records()
    if ending == "jsonl":
        (tmp_path / "events.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        names = sorted({name for record in records for name in record})
        table = pa.table({name: pa.array([record.get(name) for record in records]) for name in names})
        pq.write_table(table, tmp_path / "events.parquet")
    again = cj.ingest(cj.sources.Snowplow(tmp_path, app_ids=["shop"]))
    assert seen(again, *WHAT, "session", "properties") == seen(log, *WHAT, "session", "properties")
    assert groups_of(again) == groups_of(log)


def test_published(shared_data):
    path = shared_data / "web" / "snowplow_enriched_1row.tsv"
    row = dict(zip(FIELDS, path.read_text().rstrip("\n").split("\t"), strict=True))
    log = cj.ingest(cj.sources.Snowplow(path))
    assert seen(log, "timestamp", "native", "channel") == [
        (row["derived_tstamp"].split(".")[0], "link_click", "web")
    ]
    assert groups_of(log) == {
        frozenset(
            {("email", row["user_id"]), ("cookie", row["domain_userid"]), ("cookie", row["network_userid"])}
        )
    }
    assert json.loads(log.events["properties"].iloc[0]) == {"page_path": row["page_urlpath"]}
