# ruff: noqa: E501 -- native rows are as long as they are
"""The tracking extract of Marketing Cloud, or queries of its data views, with text messages."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_SHARED = ("ClientID", "SendID", "SubscriberKey", "EmailAddress", "SubscriberID", "ListID", "EventDate",
           "EventType", "BatchID", "TriggeredSendExternalKey")  # fmt: skip
_VIEW = ("AccountID", "OYBAccountID", "JobID", "ListID", "BatchID", "SubscriberID", "SubscriberKey", "EventDate",
         "Domain", "TriggeredSendCustomerKey")  # fmt: skip
_FILES = {
    "Sent": ("_Sent", "Sent", ("CampaignID",)),
    "Opens": ("_Open", "Open", ("IsUnique", "EmailClient", "Device")),
    "Clicks": ("_Click", "Click", ("SendURLID", "URL", "Alias", "IsUnique")),
    "Bounces": ("_Bounce", "HardBounce", ("BounceCategory", "BounceReason")),
    "Unsubs": ("_Unsubscribe", "Unsubscribe", ("UnsubReason",)),
    "NotSent": ("", "NotSent", ("Reason",)),
    "Complaints": ("_Complaint", "Complaint", ()),
}


def write(folder: Path, rng: random.Random, records: int) -> None:
    people = [(writing.token(rng, 12), writing.email(rng)) for _ in range(max(1, records // 4))]
    jobs = [rng.randrange(10**6) for _ in range(3)]
    if rng.random() < 0.5:
        _extract(folder, rng, people, jobs, records)
    else:
        _views(folder, rng, people, jobs, records)


def read(folder: Path) -> Source:
    return cj.sources.MarketingCloud(folder)


def _extract(
    folder: Path, rng: random.Random, people: list[tuple[str, str]], jobs: list[int], n: int
) -> None:
    delimiter, end = rng.choice((",", "\t")), rng.choice(("\n", "\r\n"))
    for stem, (_, kind, further) in _FILES.items():
        rows = [
            [7_200_111, rng.choice(jobs), key, address, rng.randrange(10**6), 77, _american(rng), kind,
             rng.randrange(9), rng.choice(("", "welcome")), *_further(rng, further)]
            for key, address in rng.choices(people, k=max(2, n // 4))
        ]  # fmt: skip
        text = writing.separated((*_SHARED, *further), rows, delimiter=delimiter, end=end)
        writing.put(folder / f"{stem}.csv", text, rng)
    named = [[7_200_111, job, "Shop", writing.phrase(rng), writing.phrase(rng)] for job in jobs]
    head = ("ClientID", "SendID", "FromName", "EmailName", "Subject")
    writing.put(folder / "SendJobs.csv", writing.separated(head, named, delimiter=delimiter), rng)
    changes = [[7_200_111, key, "Active", "Unsubscribed", _american(rng)] for key, _ in people]
    head = ("ClientID", "SubscriberKey", "OldStatus", "NewStatus", "DateChanged")
    writing.put(folder / "StatusChange.csv", writing.separated(head, changes, delimiter=delimiter), rng)


def _views(folder: Path, rng: random.Random, people: list[tuple[str, str]], jobs: list[int], n: int) -> None:
    for view, _, further in _FILES.values():
        if view:
            rows = [
                [7_200_100, 7_200_111, rng.choice(jobs), 77, rng.randrange(9), rng.randrange(10**6), key,
                 writing.moment(rng).strftime("%Y-%m-%d %H:%M:%S.000"), "example.com", "", *_further(rng, further)]
                for key, _ in rng.choices(people, k=max(2, n // 4))
            ]  # fmt: skip
            writing.put(folder / f"{view}.csv", writing.separated((*_VIEW, *further), rows), rng)
    known = [[key, address, "active"] for key, address in people]
    head: tuple[str, ...] = ("SubscriberKey", "EmailAddress", "Status")
    writing.put(folder / "_Subscribers.csv", writing.separated(head, known), rng)
    messages = [_message(rng, key) for key, _ in rng.choices(people, k=max(2, n // 4))]
    head = ("MobileMessageTrackingID", "MID", "Mobile", "Sent", "Delivered", "Undelivered", "Outbound", "Inbound",
            "CreateDateTime", "ModifiedDateTime", "ActionDateTime", "MessageText", "IsTest", "Name", "Ordinal",
            "SubscriberKey")  # fmt: skip
    writing.put(folder / "_SMSMessageTracking.csv", writing.separated(head, messages), rng)


def _message(rng: random.Random, key: str) -> list[object]:
    when, inbound = writing.moment(rng).strftime("%Y-%m-%d %H:%M:%S"), rng.random() < 0.2
    delivered = rng.random() < 0.9
    return [
        rng.randrange(10**12), 7_200_111, f"49171{rng.randrange(10**7):07}", int(not inbound), int(delivered),
        int(not delivered), int(not inbound), int(inbound), when, when, when, writing.phrase(rng), 0, "Parcel", 0, key,
    ]  # fmt: skip


def _american(rng: random.Random) -> str:
    when = writing.moment(rng)
    return f"{when.month}/{when.day}/{when.year} {when.hour % 12 or 12}:{when:%M:%S %p}"


def _further(rng: random.Random, names: tuple[str, ...]) -> list[object]:
    values = {
        "CampaignID": "", "Device": "Mobile", "SendURLID": rng.randrange(99), "Alias": writing.phrase(rng),
        "EmailClient": rng.choice(("Gmail", "Apple Mail Privacy Protection")), "IsUnique": rng.choice("01"),
        "URL": f"https://shop.example/{writing.token(rng, 4)}?a=1,2", "BounceCategory": "Block bounce",
        "BounceReason": 'user "unknown", 5.1.1', "UnsubReason": writing.phrase(rng), "Reason": "List Detective",
    }  # fmt: skip
    return [values[name] for name in names]
