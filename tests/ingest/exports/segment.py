"""Segment: calls as JSON lines, or the tables of a warehouse."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_EVENTS = ("Product Viewed", "Product Added", "Order Completed", "Lamp Lit", "Email Opened")


def write(folder: Path, rng: random.Random, records: int) -> None:
    people = [writing.token(rng, 12) for _ in range(max(1, records // 4))]
    if rng.random() < 0.5:
        lines = [json.dumps(_call(rng, rng.choice(people)), ensure_ascii=False) for _ in range(records)]
        writing.put(folder / f"{writing.token(rng, 10)}.jsonl", "\n".join(lines) + "\n", rng)
        return
    _tables(folder, rng, [rng.choice(people) for _ in range(records)])


def read(folder: Path) -> Source:
    return cj.sources.Segment(folder, region="DE")


def _call(rng: random.Random, person: str) -> dict[str, object]:
    when = writing.moment(rng)
    call: dict[str, object] = {
        "type": rng.choice(("track", "page", "screen", "identify", "alias")),
        "messageId": writing.token(rng, 20),
        "anonymousId": person,
        "timestamp": f"{when:%Y-%m-%dT%H:%M:%S}.{rng.randrange(1000):03}Z",
        "receivedAt": f"{when:%Y-%m-%dT%H:%M:59}.999Z", "properties": {}, "version": 2,
        "context": {"library": {"name": "analytics.js"}, "page": {"url": f"https://shop.example/{person[:3]}"}},
    }  # fmt: skip
    if call["type"] == "track":
        call["event"] = rng.choice(_EVENTS)
        call["properties"] = {
            "revenue": rng.randrange(9999) / 100,
            "currency": "EUR",
            "query": writing.phrase(rng),
        }
    elif call["type"] == "identify":
        call |= {
            "userId": f"C{person}",
            "traits": {"email": f"{person}@example.com", "name": writing.phrase(rng)},
        }
    elif call["type"] == "alias":
        call |= {"userId": f"C{person}", "previousId": person}
    elif call["type"] == "page":
        call["properties"] = {"referrer": rng.choice(("", "https://www.google.com/", "https://t.co/x"))}
    return call


def _tables(folder: Path, rng: random.Random, people: list[str]) -> None:
    tracks, orders, pages = [], [], []
    for person in people:
        when = f"{writing.moment(rng):%Y-%m-%d %H:%M:%S}"
        own = [writing.token(rng, 20), when, when, person, rng.choice(("", f"C{person}"))]
        if rng.random() < 0.4:
            pages.append([*own, f"/{writing.token(rng, 3)}", writing.phrase(rng)])
            continue
        event = rng.choice(_EVENTS)
        slug = event.lower().replace(" ", "_")
        if slug == "order_completed" and rng.random() < 0.7:
            orders.append([*own, slug, event, f"{rng.randrange(9999) / 100}", "EUR"])
        else:
            tracks.append([*own, slug, event])
    header = ["id", "received_at", "timestamp", "anonymous_id", "user_id"]
    of_event = [*header, "event", "event_text"]
    writing.put(folder / "tracks.csv", writing.separated(of_event, tracks), rng)
    writing.put(folder / "pages.csv", writing.separated([*header, "path", "title"], pages), rng)
    if orders:
        told = writing.separated([*of_event, "revenue", "currency"], orders)
        writing.put(folder / "order_completed.csv", told, rng)
