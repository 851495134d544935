"""Contact records of Amazon Connect: lines, or records one after the other as Firehose writes them."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path

import cjmining as cj
from cjmining.ingest.sources.base import Source
from tests.ingest.exports import writing


def write(folder: Path, rng: random.Random, records: int) -> None:
    texts = [json.dumps(_contact(rng), ensure_ascii=False) for _ in range(records)]
    between = "" if rng.random() < 0.15 else "\n"
    writing.put(folder / f"contacts_{writing.token(rng, 6)}.jsonl", between.join(texts) + between, rng)


def read(folder: Path) -> Source:
    return cj.sources.AmazonConnect(folder, region="DE")


def _contact(rng: random.Random) -> dict[str, object]:
    start, wait = writing.moment(rng), timedelta(seconds=rng.randrange(600))
    answered = rng.random() < 0.7
    end = start + wait + timedelta(seconds=rng.randrange(900))
    return {
        "ContactId": writing.token(rng, 24), "PreviousContactId": None,
        "Channel": rng.choice(("VOICE", "CHAT")), "InitiationMethod": rng.choice(("INBOUND", "OUTBOUND")),
        "InitiationTimestamp": f"{start:%Y-%m-%dT%H:%M:%SZ}", "DisconnectTimestamp": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "DisconnectReason": "CUSTOMER_DISCONNECT", "LastUpdateTimestamp": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "CustomerEndpoint": {"Address": f"+4930{writing.token(rng, 8, '123456789')}", "Type": "TELEPHONE_NUMBER"},
        "Attributes": {"email": writing.email(rng)} if rng.random() < 0.5 else {},
        "Agent": {"ConnectedToAgentTimestamp": f"{start + wait:%Y-%m-%dT%H:%M:%SZ}"} if answered else None,
        "Queue": {"Name": writing.phrase(rng, 2), "EnqueueTimestamp": f"{start:%Y-%m-%dT%H:%M:%SZ}",
                  "Duration": wait.seconds},
    }  # fmt: skip
