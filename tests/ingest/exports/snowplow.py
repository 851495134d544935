"""Snowplow's enriched events: lines between tabs, or JSON with a column for each schema."""

from __future__ import annotations

import json
import random
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from cjmining.ingest.sources.snowplow_forms import ACTION, FIELDS
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_SCHEMA = "iglu:com.snowplowanalytics.snowplow"


def write(folder: Path, rng: random.Random, records: int) -> None:
    visitors = [_uuid(rng) for _ in range(max(1, records // 4))]
    events = [_event(rng, rng.choice(visitors)) for _ in range(records)]
    if rng.random() < 0.5:
        lines = ["\t".join(event.get(name, "") for name in FIELDS) for event in events]
        writing.put(folder / f"enriched-{writing.token(rng, 6)}.tsv", "\n".join(lines) + "\n", rng)
        return
    lines = [json.dumps(_as_columns(event), ensure_ascii=False) for event in events]
    writing.put(folder / f"enriched-{writing.token(rng, 6)}.jsonl", "\n".join(lines) + "\n", rng)


def read(folder: Path) -> Source:
    return cj.sources.Snowplow(folder)


def _event(rng: random.Random, visitor: str) -> dict[str, str]:
    when = f"{writing.moment(rng):%Y-%m-%d %H:%M:%S}.{rng.randrange(1000):03}"
    event = {
        "app_id": "shop", "platform": "web", "collector_tstamp": when, "derived_tstamp": when,
        "event": "page_view", "event_name": "page_view", "event_id": _uuid(rng), "v_tracker": "js-3.1.0",
        "domain_userid": visitor, "domain_sessionid": _uuid(rng), "event_fingerprint": writing.token(rng, 32),
        "page_url": f"https://shop.example/{writing.token(rng, 4)}", "page_urlhost": "shop.example",
        "page_title": writing.phrase(rng), "useragent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0",
    }  # fmt: skip
    kind = rng.choice(("page_view", "page_ping", "struct", "unstruct", "transaction", "arrival"))
    if kind in {"page_ping", "struct", "transaction"}:
        event |= {"event": kind, "event_name": kind}
    if kind == "struct":
        event |= {"se_category": "shop", "se_action": writing.phrase(rng, 2)}
    elif kind == "transaction":
        event |= {"tr_orderid": writing.token(rng, 6), "tr_total": f"{rng.randrange(9999) / 100}"}
    elif kind == "arrival":
        event |= {"mkt_source": "google", "mkt_medium": "cpc", "mkt_campaign": writing.phrase(rng, 2)}
    elif kind == "unstruct":
        data = {"type": rng.choice(("add_to_cart", "product_view", "checkout_step"))}
        inner = {"schema": f"{_SCHEMA}.ecommerce/{ACTION}/jsonschema/1-0-2", "data": data}
        outer = {"schema": f"{_SCHEMA}/unstruct_event/jsonschema/1-0-0", "data": inner}
        event |= {"event": "unstruct", "event_name": ACTION, "unstruct_event": json.dumps(outer)}
    if rng.random() < 0.3:
        event["user_id"] = f"{visitor[:8]}@example.com" if visitor[0] < "8" else f"C{visitor[:8]}"
    return event


def _as_columns(event: dict[str, str]) -> dict[str, object]:
    told: dict[str, object] = {name: value for name, value in event.items() if name != "unstruct_event"}
    if "unstruct_event" in event:
        data = json.loads(event["unstruct_event"])["data"]["data"]
        told[f"unstruct_event_com_snowplowanalytics_snowplow_ecommerce_{ACTION}_1"] = data
    return told


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
