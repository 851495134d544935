"""HubSpot's records as pages of its APIs and as files of its app."""

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

_STAGES = ("subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer")
_EVENTS = ("SENT", "PROCESSED", "DELIVERED", "OPEN", "CLICK", "BOUNCE", "SPAMREPORT", "UNBOUNCE")

Record = dict[str, object]


def write(folder: Path, rng: random.Random, records: int) -> None:
    n = max(2, records // 4)
    contacts = [(_number(rng), writing.email(rng)) for _ in range(n)]
    if rng.random() < 0.3:
        _write_app(folder, rng, contacts)
        return
    stages = [(_number(rng), writing.phrase(rng, 2)) for _ in range(3)]
    pipeline = _number(rng)
    pages = {
        "contacts": [_contact(rng, *contact) for contact in contacts],
        "pipelines": [
            {"id": pipeline, "label": "x", "stages": [{"id": i, "label": name} for i, name in stages]}
        ],
        "deals": [_deal(rng, rng.choice(contacts)[0], pipeline, [i for i, _ in stages]) for _ in range(n)],
        "email_events": [_email_event(rng, rng.choice(contacts)[1]) for _ in range(n)],
        "calls": [_engagement(rng, rng.choice(contacts)[0], _call(rng)) for _ in range(n)],
        "emails": [_engagement(rng, rng.choice(contacts)[0], _email(rng)) for _ in range(n)],
        "meetings": [_engagement(rng, rng.choice(contacts)[0], _meeting(rng)) for _ in range(n)],
        "notes": [_engagement(rng, rng.choice(contacts)[0], {"hs_note_body": writing.phrase(rng)})],
        "form_submissions": [_submission(rng, rng.choice(contacts)[1]) for _ in range(n)],
    }  # fmt: skip
    for name, page in pages.items():
        key = "events" if name == "email_events" else "results"
        form = rng.choice(("page", "indented", "lines"))
        if form == "lines":
            text = "".join(json.dumps(record) + "\n" for record in page)
        else:
            body = {key: page, "paging": {"next": {"after": "2"}}}
            text = json.dumps(body, indent=2 if form == "indented" else None)
        writing.put(folder / f"{name}.{'jsonl' if form == 'lines' else 'json'}", text, rng)


def read(folder: Path) -> Source:
    return cj.sources.HubSpot(folder, region="DE", currency="EUR")


def _write_app(folder: Path, rng: random.Random, contacts: list[tuple[str, str]]) -> None:
    header = [
        "Record ID",
        "First Name",
        "Last Name",
        "Email",
        "Create Date",
        "Became a lead date",
        "Original Source",
    ]
    rows = [
        [
            id_,
            writing.phrase(rng, 1),
            writing.phrase(rng, 2),
            address,
            _minute(rng),
            _minute(rng),
            "Direct Traffic",
        ]
        for id_, address in contacts
    ]
    deals = [
        "Record ID",
        "Deal Stage",
        "Amount",
        "Create Date",
        "Close Date",
        "Is Deal Closed?",
        "Associated Contact IDs",
    ]
    deal_rows = [
        [_number(rng), rng.choice(("Closed Won", "First, talk")), rng.randrange(9_999) / 10, _minute(rng),
         _minute(rng), "true", contact]
        for contact, _ in contacts
    ]  # fmt: skip
    for name, (head, body) in {"contacts": (header, rows), "deals": (deals, deal_rows)}.items():
        file = folder / f"hubspot-crm-exports-all-{name}-2026-06-01.csv"
        writing.put(file, writing.separated(head, body, quote_all=rng.random() < 0.5), rng)


def _object(rng: random.Random, properties: Record, id_: str = "") -> Record:
    return {
        "id": id_ or _number(rng), "properties": properties, "createdAt": _iso(rng), "updatedAt": _iso(rng),
        "archived": rng.random() < 0.03,
    }  # fmt: skip


def _contact(rng: random.Random, id_: str, address: str) -> Record:
    found = _object(
        rng,
        {"email": address, "createdate": _iso(rng), "phone": None, "hs_analytics_source": "OFFLINE",
         "hs_lifecyclestage_lead_date": _iso(rng), "hs_merged_object_ids": None},
        id_,
    )  # fmt: skip
    if rng.random() < 0.5:
        found["propertiesWithHistory"] = {"lifecyclestage": _history(rng, _STAGES)}
    return found


def _deal(rng: random.Random, contact: str, pipeline: str, stages: list[str]) -> Record:
    found = _object(
        rng,
        {"dealname": writing.phrase(rng), "dealstage": rng.choice(stages), "pipeline": pipeline,
         "amount": str(rng.randrange(9_999) / 10), "createdate": _iso(rng)},
    )  # fmt: skip
    found["propertiesWithHistory"] = {"dealstage": _history(rng, stages)}
    found["associations"] = {"contacts": {"results": [{"id": contact, "type": "deal_to_contact"}]}}
    return found


def _history(rng: random.Random, stages: tuple[str, ...] | list[str]) -> list[Record]:
    entries = [
        {"value": rng.choice(stages), "timestamp": _iso(rng), "sourceType": "CRM_UI"} for _ in range(3)
    ]
    return sorted(entries, key=lambda entry: entry["timestamp"], reverse=True)


def _email_event(rng: random.Random, address: str) -> Record:
    return {
        "id": writing.token(rng, 12), "created": _milliseconds(rng), "type": rng.choice(_EVENTS),
        "recipient": address, "emailCampaignId": rng.randrange(1_000), "filteredEvent": rng.random() < 0.1,
        "url": "https://shop.example/a?b=c", "deviceType": rng.choice(("COMPUTER", "MOBILE", "UNKNOWN")),
    }  # fmt: skip


def _engagement(rng: random.Random, contact: str, properties: Record) -> Record:
    found = _object(rng, {"hs_timestamp": _iso(rng), "hs_createdate": _iso(rng), **properties})
    found["associations"] = {"contacts": {"results": [{"id": contact, "type": "x_to_contact"}]}}
    return found


def _call(rng: random.Random) -> Record:
    return {
        "hs_call_direction": rng.choice(("INBOUND", "OUTBOUND")),
        "hs_call_duration": str(rng.randrange(600_000)),
        "hs_call_status": rng.choice(("COMPLETED", "NO_ANSWER", "RINGING")),
    }  # fmt: skip


def _email(rng: random.Random) -> Record:
    return {
        "hs_email_direction": rng.choice(("EMAIL", "INCOMING_EMAIL")), "hs_email_status": "SENT",
        "hs_email_from_email": writing.email(rng), "hs_email_to_email": writing.email(rng),
    }  # fmt: skip


def _meeting(rng: random.Random) -> Record:
    start = writing.moment(rng)
    return {
        "hs_meeting_start_time": f"{start:%Y-%m-%dT%H:%M:%S}Z",
        "hs_meeting_outcome": rng.choice(("COMPLETED", None)),
        "hs_meeting_end_time": f"{start + timedelta(minutes=45):%Y-%m-%dT%H:%M:%S}Z",
    }  # fmt: skip


def _submission(rng: random.Random, address: str) -> Record:
    return {
        "conversionId": writing.token(rng, 16), "submittedAt": _milliseconds(rng),
        "values": [{"name": "email", "value": address}, {"name": "message", "value": writing.phrase(rng)}],
        "pageUrl": "https://shop.example/contact",
    }  # fmt: skip


def _number(rng: random.Random) -> str:
    return "1" + writing.token(rng, 11, "0123456789")


def _iso(rng: random.Random) -> str:
    return f"{writing.moment(rng):%Y-%m-%dT%H:%M:%S}.000Z"


def _minute(rng: random.Random) -> str:
    return f"{writing.moment(rng):%Y-%m-%d %H:%M}"


def _milliseconds(rng: random.Random) -> int:
    return int(writing.moment(rng).timestamp()) * 1_000
