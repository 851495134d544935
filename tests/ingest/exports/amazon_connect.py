# ruff: noqa: E501 -- native records are as long as they are
"""Contact records of Amazon Connect: lines, records one after the other as Firehose writes them, or a list.

Calls, chats and emails; legs of transfers, callbacks and calls of the company; sometimes with the lower-case
names of Athena.
"""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_REASONS = ("CUSTOMER_DISCONNECT", "AGENT_DISCONNECT", "CONTACT_FLOW_DISCONNECT", "TELECOM_PROBLEM", None)


def write(folder: Path, rng: random.Random, records: int) -> None:
    contacts: list[dict[str, object]] = []
    while len(contacts) < records:
        contacts += _contacts(rng)
    if rng.random() < 0.2:
        contacts = [_lower(contact) for contact in contacts]
    texts = [json.dumps(contact, ensure_ascii=False) for contact in contacts[:records]]
    form = rng.random()
    text = "[" + ",\n".join(texts) + "]" if form < 0.1 else ("" if form < 0.25 else "\n").join(texts)
    writing.put(folder / f"contacts_{writing.token(rng, 6)}.jsonl", text + "\n", rng)


def read(folder: Path) -> Source:
    return cj.sources.AmazonConnect(folder, region="DE")


def _contacts(rng: random.Random) -> list[dict[str, object]]:
    """A contact, sometimes with the leg that it was handed on to."""
    first = _contact(rng, rng.choice(("INBOUND", "INBOUND", "API", "OUTBOUND", "CALLBACK")))
    if rng.random() < 0.8:
        return [first]
    leg = _contact(
        rng, rng.choice(("TRANSFER", "QUEUE_TRANSFER", "MONITOR", "EXTERNAL_OUTBOUND", "DISCONNECT"))
    )
    leg |= {"InitialContactId": first["ContactId"], "PreviousContactId": first["ContactId"]}
    leg |= {"Channel": first["Channel"], "CustomerEndpoint": None}
    return [first | {"NextContactId": leg["ContactId"]}, leg]


def _contact(rng: random.Random, method: str) -> dict[str, object]:
    start, wait = writing.moment(rng), timedelta(seconds=rng.randrange(600))
    answered = rng.random() < 0.7
    end = start + wait + timedelta(seconds=rng.randrange(900))
    channel = rng.choice(("VOICE", "VOICE", "CHAT", "EMAIL", "TASK"))
    address = writing.email(rng) if channel == "EMAIL" else f"+4930{writing.token(rng, 8, '123456789')}"
    held = rng.randrange(60)
    agent = {
        "ConnectedToAgentTimestamp": f"{start + wait:{_TIME}}", "NumberOfHolds": min(held, 2),
        "CustomerHoldDuration": held, "LongestHoldDuration": held,
        "AfterContactWorkStartTimestamp": f"{end:{_TIME}}",
    }  # fmt: skip
    return {
        "ContactId": writing.token(rng, 24), "InitialContactId": None, "PreviousContactId": None,
        "NextContactId": None, "Channel": channel, "InitiationMethod": method,
        "InitiationTimestamp": f"{start:{_TIME}}", "DisconnectTimestamp": f"{end:{_TIME}}",
        "ConnectedToSystemTimestamp": f"{start:{_TIME}}" if rng.random() < 0.8 else None,
        "DisconnectReason": rng.choice(_REASONS), "LastUpdateTimestamp": f"{end:{_TIME}}",
        "CustomerEndpoint": {"Address": address, "Type": "TELEPHONE_NUMBER"},
        "Attributes": {"email": writing.email(rng), "note": writing.phrase(rng)} if rng.random() < 0.5 else {},
        "Agent": agent if answered else None,
        "Queue": {"Name": writing.phrase(rng, 2), "EnqueueTimestamp": f"{start:{_TIME}}",
                  "DequeueTimestamp": f"{start + wait:{_TIME}}", "Duration": wait.seconds},
    }  # fmt: skip


def _lower(value: object) -> object:
    return (
        {name.lower(): _lower(inner) for name, inner in value.items()} if isinstance(value, dict) else value
    )
