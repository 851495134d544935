"""The tracking extract of Marketing Cloud."""

from __future__ import annotations

import random
from pathlib import Path

import cjmining as cj
from cjmining.ingest.sources.base import Source
from tests.ingest.exports import writing

_SHARED = ("ClientID", "SendID", "SubscriberKey", "EmailAddress", "SubscriberID", "ListID", "EventDate",
           "EventType", "BatchID", "TriggeredSendExternalKey")  # fmt: skip
_FILES = {
    "Sent": ("Sent", ("CampaignID",)),
    "Opens": ("Open", ("Device", "EmailClient")),
    "Clicks": ("Click", ("SendURLID", "URL", "Alias", "Device")),
    "Bounces": ("hard bounce", ("BounceCategory", "BounceReason")),
    "Unsubs": ("Unsubscribe", ()),
}


def write(folder: Path, rng: random.Random, records: int) -> None:
    people = [(writing.token(rng, 12), writing.email(rng)) for _ in range(max(1, records // 4))]
    delimiter, end = rng.choice((",", "\t")), rng.choice(("\n", "\r\n"))
    for stem, (kind, further) in _FILES.items():
        rows = [_row(rng, people, kind, further) for _ in range(max(2, records // 3))]
        text = writing.separated((*_SHARED, *further), rows, delimiter=delimiter, end=end)
        writing.put(folder / f"{stem}.csv", text, rng)


def read(folder: Path) -> Source:
    return cj.sources.MarketingCloud(folder)


def _row(
    rng: random.Random, people: list[tuple[str, str]], kind: str, further: tuple[str, ...]
) -> list[object]:
    key, address = rng.choice(people)
    when = writing.moment(rng)
    values = {
        "CampaignID": "", "Device": "Mobile", "EmailClient": "Apple Mail", "SendURLID": rng.randrange(99),
        "URL": f"https://shop.example/{writing.token(rng, 4)}?a=1,2", "Alias": writing.phrase(rng),
        "BounceCategory": "Block bounce", "BounceReason": 'user "unknown", 5.1.1',
    }  # fmt: skip
    date = f"{when.month}/{when.day}/{when.year} {when.hour % 12 or 12}:{when:%M:%S %p}"
    return [7_200_111, rng.randrange(500, 520), key, address, rng.randrange(9_000_000, 9_100_000), 77, date,
            kind, rng.randrange(9), f"newsletter_{rng.randrange(9)}",
            *(values[name] for name in further)]  # fmt: skip
