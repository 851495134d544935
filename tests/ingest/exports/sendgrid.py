# ruff: noqa: E501 -- native rows are as long as they are
"""SendGrid's Event Webhook: posts kept as arrays, as an array a line, or as lines."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_EVENTS = ("processed", "delivered", "open", "click", "bounce", "dropped", "deferred", "spamreport", "unsubscribe",
           "group_unsubscribe", "group_resubscribe")  # fmt: skip


def write(folder: Path, rng: random.Random, records: int) -> None:
    people = [writing.email(rng) for _ in range(max(1, records // 4))]
    events = [_event(rng, rng.choice(people)) for _ in range(records)]
    form = rng.choice(("array", "posts", "lines"))
    if form == "array":
        text, name = json.dumps(events, indent=rng.choice((None, 1))), "post.json"
    elif form == "posts":
        size = rng.randint(1, 5)
        text = "".join(json.dumps(events[i : i + size]) + "\n" for i in range(0, records, size))
        name = "posts.jsonl"
    else:
        text, name = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events), "events.jsonl"
    writing.put(folder / name, text, rng)


def read(folder: Path) -> Source:
    return cj.sources.SendGrid(folder, identifiers={"customer_id": "user_id"}, properties=["order_id"])


def _event(rng: random.Random, address: str) -> dict[str, object]:
    name, message = rng.choice(_EVENTS), writing.token(rng, 10)
    event: dict[str, object] = {
        "email": address, "timestamp": int(writing.moment(rng).timestamp()), "event": name,
        "sg_event_id": writing.token(rng, 16), "sg_message_id": f"{message}.filter0001.1", "order_id": rng.randrange(99),
        "smtp-id": f"<{message}@ismtpd>", "category": rng.choice(("news", ["news", writing.phrase(rng)])),
        "customer_id": f"C{address}",
    }  # fmt: skip
    if name == "click":
        event |= {"url": f"https://shop.example/{writing.token(rng, 3)}?a=1", "ip": "198.51.100.7"}
    if name == "open":
        event["sg_machine_open"] = rng.random() < 0.3
    if name in {"bounce", "dropped", "deferred"}:
        event |= {"reason": writing.phrase(rng), "status": "5.0.0", "type": rng.choice(("bounce", "blocked"))}
    return event
