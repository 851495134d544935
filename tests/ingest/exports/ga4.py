"""The BigQuery export of Google Analytics 4 as JSON lines."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source


def write(folder: Path, rng: random.Random, records: int) -> None:
    cookies = [f"{writing.token(rng, 10, '123456789')}.17" for _ in range(max(1, records // 4))]
    lines = [json.dumps(_event(rng, rng.choice(cookies)), ensure_ascii=False) for _ in range(records)]
    writing.put(folder / f"events_2026{rng.randrange(101, 1231):04}.jsonl", "\n".join(lines) + "\n", rng)


def read(folder: Path) -> Source:
    return cj.sources.GA4(folder)


def _event(rng: random.Random, cookie: str) -> dict[str, object]:
    name = rng.choice(("page_view", "view_item", "add_to_cart", "purchase", "scroll"))
    when = int(writing.moment(rng).timestamp()) * 1_000_000 + rng.randrange(1_000_000)
    page = writing.token(rng, 3)
    event: dict[str, object] = {
        "event_date": "20260301", "event_timestamp": str(when), "event_name": name,
        "event_params": [
            {"key": "page_location", "value": {"string_value": f"https://shop.example/{page}"}},
            {"key": "ga_session_id", "value": {"int_value": str(rng.randrange(10**9))}},
            {"key": "search_term", "value": {"string_value": writing.phrase(rng)}},
        ],
        "event_bundle_sequence_id": str(rng.randrange(1000)), "user_pseudo_id": cookie,
        "device": {"category": rng.choice(("mobile", "desktop"))}, "platform": "WEB", "items": [],
    }  # fmt: skip
    if rng.random() < 0.3:
        event["user_id"] = f"C{cookie}"
    if rng.random() < 0.2:
        event["collected_traffic_source"] = {
            "manual_source": "google",
            "manual_medium": rng.choice(("cpc", "organic")),
        }
    if rng.random() < 0.5:
        event |= {
            "batch_event_index": str(rng.randrange(9)),
            "batch_ordering_id": writing.token(rng, 6, "123456789"),
        }
    if name == "purchase":
        event["ecommerce"] = {
            "purchase_revenue": rng.randrange(999) / 4,
            "transaction_id": writing.token(rng, 6),
        }
    return event
