"""Salesforce's objects as the Bulk API writes them."""

from __future__ import annotations

import random
from pathlib import Path

import cjmining as cj
from cjmining.ingest.sources.base import Source
from tests.ingest.exports import writing

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_STAGES = ("Prospecting", "Negotiation/Review", "Closed Won")


def write(folder: Path, rng: random.Random, records: int) -> None:
    n = max(2, records // 4)
    contacts = [_id(rng, "003") for _ in range(n)]
    deals = [_id(rng, "006") for _ in range(n)]
    objects = {
        "Lead": [_lead(rng, contact) for contact in contacts],
        "Contact": [_contact(rng, contact) for contact in contacts],
        "Opportunity": [_deal(rng, deal, rng.choice(contacts)) for deal in deals],
        "OpportunityHistory": [_history(rng, rng.choice(deals)) for _ in range(n)],
        "Case": [_case(rng, rng.choice(contacts)) for _ in range(n)],
    }
    end = rng.choice(("\n", "\r\n"))
    for name, rows in objects.items():
        body = [list(row.values()) for row in rows]
        writing.put(folder / f"{name}.csv", writing.separated(list(rows[0]), body, quote_all=True, end=end), rng)


def read(folder: Path) -> Source:
    return cj.sources.Salesforce(folder, region="DE")


def _id(rng: random.Random, prefix: str) -> str:
    return prefix + writing.token(rng, 12, _LETTERS)


def _time(rng: random.Random) -> str:
    return f"{writing.moment(rng):%Y-%m-%dT%H:%M:%S}.000Z"


def _standard(rng: random.Random, id_: str) -> dict[str, object]:
    return {"Id": id_, "IsDeleted": "false", "CreatedDate": _time(rng), "SystemModstamp": _time(rng)}


def _lead(rng: random.Random, contact: str) -> dict[str, object]:
    converted = rng.random() < 0.5
    return _standard(rng, _id(rng, "00Q")) | {
        "Email": writing.email(rng), "Phone": f"030 {writing.token(rng, 7, '123456789')}",
        "LeadSource": "Web", "Status": "Open", "IsConverted": str(converted).lower(),
        "ConvertedDate": f"{writing.moment(rng):%Y-%m-%d}" if converted else "",
        "ConvertedContactId": contact if converted else "",
    }  # fmt: skip


def _contact(rng: random.Random, contact: str) -> dict[str, object]:
    return _standard(rng, contact) | {"AccountId": _id(rng, "001"), "Email": writing.email(rng), "Phone": ""}


def _deal(rng: random.Random, deal: str, contact: str) -> dict[str, object]:
    return _standard(rng, deal) | {
        "AccountId": "", "ContactId": contact, "Name": writing.phrase(rng), "StageName": rng.choice(_STAGES),
        "Amount": rng.randrange(1000),
    }  # fmt: skip


def _history(rng: random.Random, deal: str) -> dict[str, object]:
    return _standard(rng, _id(rng, "008")) | {
        "OpportunityId": deal, "StageName": rng.choice(_STAGES), "Amount": f"{rng.randrange(9999) / 10}",
    }  # fmt: skip


def _case(rng: random.Random, contact: str) -> dict[str, object]:
    return _standard(rng, _id(rng, "500")) | {
        "ContactId": contact, "ClosedDate": rng.choice(("", _time(rng))), "Origin": "Phone",
        "Reason": 'said "broken",\nthen hung up', "Type": "", "Status": "New", "Priority": "Low",
        "SuppliedEmail": writing.email(rng),
    }  # fmt: skip
