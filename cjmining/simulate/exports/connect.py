"""Amazon Connect's contact records: JSON lines, told at least once, the newest version counts."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from cjmining.simulate import dirt
from cjmining.simulate.draws import Draws
from cjmining.simulate.exports.writing import berlin_day, months, utc, write_lines
from cjmining.simulate.settings import PERIOD_S
from cjmining.simulate.steps import CODE

if TYPE_CHECKING:
    from cjmining.simulate.exports.scene import Scene
    from cjmining.simulate.journeys import Events

INSTANCE = "arn:aws:connect:eu-central-1:111122223333:instance/shop"
_NAMESPACE = uuid.UUID("8d6f6a0e-3f0c-4c1e-9a55-7e3f6b1c2d10")
_QUEUES = {
    "call_answered": "Sales",
    "chat_answered": "Sales",
    "order_placed": "Order desk",
    "support_called": "Support",
    "support_chatted": "Support",
}


def write_connect(scene: Scene) -> None:
    """Write one file a month; some contacts first come without what happened after the call."""
    rows = scene.of_source("calls")
    rows = rows[np.argsort(scene.events.time[rows], kind="stable")]
    records = [_record(scene, contact) for contact in _contacts(scene, rows)]
    month = months(berlin_day(scene.events.time[rows]))
    for each in np.unique(month).tolist():
        own = [records[row] for row in np.flatnonzero(month == each).tolist()]
        _write_month(scene, f"contacts_{each}.jsonl.gz", own)


def _write_month(scene: Scene, file: str, records: list[dict[str, Any]]) -> None:
    early = scene.dirt.some(f"calls early {file}", len(records), max(3, len(records) // 25))
    drafts = [_draft(records[i]) for i in early]
    scene.dirt.note("calls", file, dirt.NEWER, len(drafts))
    withheld = [
        _withheld(records[i], file, i) for i in scene.dirt.some(f"calls withheld {file}", len(records), 5)
    ]
    scene.dirt.note("calls", file, dirt.PLACEHOLDER, len(withheld))
    lines = [json.dumps(record, separators=(",", ":")) for record in [*drafts, *records, *withheld]]
    lines = scene.dirt.repeat(lines, "calls", file, 2)
    spoils = {
        dirt.NOT_JSON: (1, lambda line: line[: len(line) // 3]),
        dirt.BAD_DATE: (1, _with_bad_date),
    }
    lines = scene.dirt.spoil(lines, "calls", file, spoils)
    scene.dirt.written("calls", file, len(lines))
    write_lines(scene.folder / "calls" / file, lines)


def _with_bad_date(line: str) -> str:
    record = json.loads(line)
    record["ContactId"] = "broken-" + record["ContactId"]
    record["InitiationTimestamp"] = "2026-13-01T00:00:00Z"
    return json.dumps(record, separators=(",", ":"))


def _draft(record: dict[str, Any]) -> dict[str, Any]:
    """Return an earlier version of a record, from before the agent had finished."""
    return {**record, "LastUpdateTimestamp": record["DisconnectTimestamp"], "Attributes": {}}


def _withheld(record: dict[str, Any], file: str, number: int) -> dict[str, Any]:
    """Return a call of nobody knows whom: the number was withheld."""
    contact = str(uuid.uuid5(_NAMESPACE, f"withheld {file} {number}"))
    endpoint = {"Address": "anonymous", "Type": "TELEPHONE_NUMBER"}
    changed = {
        "ContactId": contact,
        "InitialContactId": contact,
        "Channel": "VOICE",
        "CustomerEndpoint": endpoint,
    }
    return {**record, **changed, "CustomerId": None, "Attributes": {}}


def _contacts(scene: Scene, rows: np.ndarray[Any, np.dtype[np.intp]]) -> list[dict[str, Any]]:
    """Return what is needed of each contact as plain values."""
    events: Events = scene.events
    who = events.customer[rows]
    wait = np.nan_to_num(events.measures["wait_s"][rows]).astype(np.int64)
    duration = np.nan_to_num(events.measures["duration_s"][rows]).astype(np.int64)
    begun = events.time[rows]
    chance = Draws(scene.world.settings.seed, scene.world.settings.customers).uniform("recognised")[who]
    device = scene.world.journeys.device[events.journey[rows]]
    columns = {
        "event": rows.tolist(),
        "step": events.step[rows].tolist(),
        "failed": events.failed[rows].tolist(),
        "customer": who.tolist(),
        "wait": wait.tolist(),
        "talk": (duration - wait).tolist(),
        "begun": utc(begun),
        "connected": utc(begun + wait),
        "ended": utc(begun + duration),
        "updated": utc(np.minimum(begun + duration + 90, PERIOD_S)),
        "chance": chance.tolist(),
        "device": device.tolist(),
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _record(scene: Scene, contact: dict[str, Any]) -> dict[str, Any]:
    touchpoint = next(name for name, code in CODE.items() if code == contact["step"])
    chat = touchpoint in {"chat_answered", "support_chatted"}
    number = str(uuid.uuid5(_NAMESPACE, str(contact["event"])))
    queue = _QUEUES[touchpoint]
    agent = None if contact["failed"] else _agent(contact)
    return {
        "AWSAccountId": "111122223333",
        "AWSContactTraceRecordFormatVersion": "2017-03-10",
        "InstanceARN": INSTANCE,
        "ContactId": number,
        "InitialContactId": number,
        "PreviousContactId": None,
        "NextContactId": None,
        "Channel": "CHAT" if chat else "VOICE",
        "InitiationMethod": "API" if chat else "INBOUND",
        "InitiationTimestamp": contact["begun"],
        "ConnectedToSystemTimestamp": contact["begun"],
        "DisconnectTimestamp": contact["ended"],
        "DisconnectReason": "CUSTOMER_DISCONNECT",
        "LastUpdateTimestamp": contact["updated"],
        **_who(scene, contact, chat),
        "Agent": agent,
        "Queue": {
            "ARN": f"{INSTANCE}/queue/{queue.lower().replace(' ', '-')}",
            "Name": queue,
            "EnqueueTimestamp": contact["begun"],
            "DequeueTimestamp": contact["ended"] if contact["failed"] else contact["connected"],
            "Duration": contact["wait"],
        },
    }


def _agent(contact: dict[str, Any]) -> dict[str, Any]:
    return {
        "Username": f"agent{contact['event'] % 12}",
        "ConnectedToAgentTimestamp": contact["connected"],
        "AgentInteractionDuration": contact["talk"],
        "AfterContactWorkDuration": 90,
    }


def _who(scene: Scene, contact: dict[str, Any], chat: bool) -> dict[str, Any]:
    """Return how the contact tells who it is: by number, by what the chat window knows, or by the CRM."""
    names, customer = scene.identifiers, contact["customer"]
    at = np.array([customer])
    if chat:
        attributes = {"email": names.email[customer]}
        if contact["chance"] < 0.3:
            attributes["cookie"] = names.cookies[customer, contact["device"]]
            scene.sightings.add("cookie", at, [attributes["cookie"]])
        scene.sightings.add("email", at, [attributes["email"]])
        return {"CustomerEndpoint": None, "CustomerId": None, "Attributes": attributes}
    recognised = contact["chance"] < 0.5 or not scene.phone_in_crm[customer]
    if recognised:
        scene.sightings.add("crm_id", at, [names.contact[customer]])
    scene.sightings.add("phone", at, [names.phone[customer]])
    return {
        "CustomerEndpoint": {"Address": names.phone[customer], "Type": "TELEPHONE_NUMBER"},
        "CustomerId": names.contact[customer] if recognised else None,
        "Attributes": {},
    }
