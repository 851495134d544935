"""Engagements: calls, e-mails, meetings and messages that the company logged; notes and tasks are its own.

Each kind is an object of its own (calls, emails, ...), or one of the records of the older engagements API.
The time is `hs_timestamp`, when it happened: `hs_createdate` is when it was logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cjmining.ingest.sources.base import Column, Event, Feed, LeftOut
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.hubspot.exported import (
    ASSOCIATIONS,
    TEXT,
    Export,
    associated,
    ids,
    listed,
    moment,
    only,
    prop,
    properties,
)

KINDS = {
    "calls": "CALL", "emails": "EMAIL", "meetings": "MEETING", "communications": "COMMUNICATION",
    "notes": "NOTE", "tasks": "TASK",
}  # fmt: skip
_UNREACHED = (
    "9d9162e7-6cf3-4944-bf63-4dff82258764", "73a0d17f-1163-4015-bdd5-ec830791da20",
    "17b47fee-58de-441e-a44c-c6300d46f273", "busy", "no answer", "wrong number",
)  # fmt: skip
"""Outcomes of calls that reached nobody: the default ones' ids, the same in every account, and labels."""
_LOST = ("BUSY", "NO_ANSWER", "FAILED", "CANCELED", "MISSED")
_GOING_ON = ("QUEUED", "RINGING", "CONNECTING", "CALLING_CRM_USER", "IN_PROGRESS", "HOLD")
"""Statuses of calls, as the properties of calls and the calling extensions' final statuses list them."""
_CALLED_OFF = ("CANCELED", "CANCELLED", "RESCHEDULED")
_FROM = "(?i)[a-z0-9._%+-]+@[a-z0-9.-]+"


def feeds(export: Export) -> list[Feed]:
    """Return the feeds of the engagements in an export."""
    return [*(_object(export, name, type_) for name, type_ in KINDS.items()), _older(export)]


def _object(export: Export, name: str, type_: str) -> Feed:
    own = [
        prop("hs_timestamp", "time", "Activity date", "timestamp"),
        prop("hs_lastmodifieddate", "time", "Last modified date", "Last modified at"),
        *_PROPERTIES.get(type_, ()),
    ]
    columns = [
        Column("id", filled=True, aliases=("Record ID", "hs_object_id", "engagement_id")),
        Column("archived", "flag"), Column("updatedAt", "time", path=moment("j.updatedAt")),
        associated("contacts", "Associated Contact IDs"), associated("deals", "Associated Deal IDs"), *own,
    ]  # fmt: skip
    structure = {
        "id": TEXT, "archived": TEXT, "updatedAt": TEXT, "properties": properties(own),
        "associations": ASSOCIATIONS,
    }  # fmt: skip
    return _feed(
        export, name, columns, structure=structure,
        read={"type": f"'{type_}'", "modified": 'coalesce("hs_lastmodifieddate", "updatedAt")',
              "happened": '"hs_timestamp"', **_READ.get(type_, {})},
    )  # fmt: skip


_PROPERTIES: Mapping[str, Sequence[Column]] = {
    "CALL": (
        prop("hs_call_direction", "text", "Call direction"), prop("hs_call_status", "text", "Call status"),
        prop("hs_call_disposition", "text", "Call outcome"),
        prop("hs_call_duration", "number", "Call duration (milliseconds)"),
    ),
    "EMAIL": (
        prop("hs_email_direction", "text", "Email direction"),
        prop("hs_email_status", "text", "Email send status"),
        prop("hs_email_from_email", "text", "Email from address"),
        prop("hs_email_to_email", "text", "Email to address"),
    ),
    "MEETING": (
        prop("hs_meeting_outcome", "text", "Meeting outcome"),
        prop("hs_meeting_start_time", "time", "Meeting start time"),
        prop("hs_meeting_end_time", "time", "Meeting end time"),
    ),
    "COMMUNICATION": (prop("hs_communication_channel_type", "text", "Channel type", "Channel"),),
}  # fmt: skip
_READ: Mapping[str, Mapping[str, str]] = {
    "CALL": {
        "direction": '"hs_call_direction"', "status": '"hs_call_status"',
        "outcome": '"hs_call_disposition"', "lasted_ms": '"hs_call_duration"',
    },
    "EMAIL": {
        "direction": '"hs_email_direction"', "status": '"hs_email_status"',
        "sender": '"hs_email_from_email"', "recipient": '"hs_email_to_email"',
    },
    "MEETING": {
        "outcome": '"hs_meeting_outcome"', "started": '"hs_meeting_start_time"',
        "ended": '"hs_meeting_end_time"',
    },
    "COMMUNICATION": {"direction": '"hs_communication_channel_type"'},
}  # fmt: skip


def _older(export: Export) -> Feed:
    """Records of the engagements API of version 1: times in milliseconds, ids in lists."""
    engagement = ("id", "type", "timestamp", "lastUpdated", "active")
    metadata = ("status", "disposition", "durationMilliseconds", "startTime", "endTime", "meetingOutcome")
    structure: dict[str, Any] = {
        "engagement": dict.fromkeys(engagement, TEXT),
        "associations": {"contactIds": [TEXT], "dealIds": [TEXT]},
        "metadata": {**dict.fromkeys(metadata, TEXT), "from": {"email": TEXT}, "to": [{"email": TEXT}]},
    }
    columns = [
        Column("id", filled=True, path="j.engagement.id"),
        Column("type", filled=True, path="j.engagement.type"),
        Column("timestamp", "time", path=moment("j.engagement.timestamp")),
        Column("lastUpdated", "time", path=moment("j.engagement.lastUpdated")),
        Column("associated contacts", path="array_to_string(j.associations.contactIds, ';')"),
        Column("associated deals", path="array_to_string(j.associations.dealIds, ';')"),
        Column("status", path="j.metadata.status"),
        Column("outcome", path="coalesce(j.metadata.meetingOutcome, j.metadata.disposition)"),
        Column("hs_call_duration", "number", path="j.metadata.durationMilliseconds"),
        Column("started", "time", path=moment("j.metadata.startTime")),
        Column("ended", "time", path=moment("j.metadata.endTime")),
        Column("sender", path='j.metadata."from".email'),
        Column("recipient", path='j.metadata."to"[1].email'),
    ]  # fmt: skip
    read = {
        "type": "CASE WHEN upper(\"type\") IN ('INCOMING_EMAIL', 'FORWARDED_EMAIL') THEN 'EMAIL' "
        'ELSE upper("type") END',
        "direction": '"type"', "status": '"status"', "outcome": '"outcome"', "started": '"started"',
        "ended": '"ended"', "lasted_ms": '"hs_call_duration"', "sender": '"sender"',
        "recipient": '"recipient"', "happened": '"timestamp"', "modified": '"lastUpdated"',
    }  # fmt: skip
    return _feed(export, "engagements", columns, structure=structure, read=read)


def _feed(
    export: Export,
    name: str,
    columns: Sequence[Column],
    *,
    structure: Mapping[str, Any],
    read: Mapping[str, str],
) -> Feed:
    found = dict.fromkeys(("direction", "status", "outcome", "sender", "recipient"), "NULL::VARCHAR")
    found |= dict.fromkeys(("started", "ended", "modified"), "NULL::TIMESTAMP") | {
        "lasted_ms": "NULL::DOUBLE"
    }
    found |= read
    type_, direction, status, outcome = (
        f"upper({found[n]})" for n in ("type", "direction", "status", "outcome")
    )
    incoming = f"coalesce({direction} IN ('INCOMING_EMAIL', 'FORWARDED_EMAIL', 'INBOUND'), FALSE)"
    when = (
        f"CASE WHEN {type_} = 'MEETING' THEN coalesce({found['started']}, {found['happened']}) "
        f"ELSE {found['happened']} END"
    )
    keep = {
        "moment": when, "type": type_, "direction": direction, "status": status, "outcome": outcome,
        "is_incoming": incoming,
        "duration_s": f"CASE {type_} WHEN 'CALL' THEN {found['lasted_ms']} / 1000 WHEN 'MEETING' THEN "
        f"(epoch_us({found['ended']}) - epoch_us({found['started']})) / 1e6 END",
        "properties": json_text({"status": found["status"]}),
    }  # fmt: skip
    asides = [
        ('coalesce("archived", FALSE)', "archived in HubSpot"),
        (f"{type_} = 'NOTE'", "a note, no contact with the customer"),
        (f"{type_} = 'TASK'", "a to-do, no contact with the customer"),
        (f"{type_} = 'CALL' AND {status} IN ({listed(_GOING_ON)})", "a call that had not ended"),
        (
            f"{type_} = 'CALL' AND {incoming} AND {status} NOT IN ({listed(('COMPLETED', *_LOST))})",
            "a call of which nobody says whether it was answered",
        ),
        (f"{type_} = 'EMAIL' AND {status} IN ('SCHEDULED', 'SENDING')", "an e-mail not sent yet"),
        (f"{type_} = 'MEETING' AND {outcome} IN ({listed(_CALLED_OFF)})", "a meeting that was called off"),
        (
            f"{type_} = 'MEETING' AND {outcome} = 'SCHEDULED'",
            "a meeting of which nobody says that it was held",
        ),
    ]
    if not any(column.name == "archived" for column in columns):
        asides = asides[1:]
    lasted = next((column.name for column in columns if column.name == "hs_call_duration"), None)
    left_out = (
        [
            LeftOut(
                lasted,
                f'"{lasted}:text" IS NOT NULL AND "{lasted}" IS NULL',
                f'"{lasted}:text"',
                "the call's duration is no number",
                "duration_s",
            )
        ]
        if lasted
        else []
    )
    return export.feed(
        name, columns, structure=structure, keep=keep, key=('"id"',), asides=asides, left_out=left_out,
        identifiers=_person(type_, incoming, found), events=[_event()], version=found["modified"],
    )  # fmt: skip


def _person(type_: str, incoming: str, found: Mapping[str, str]) -> list[tuple[str, str]]:
    """One person alone: all those who took part would become one customer."""
    contact, deal = only("associated contacts"), only("associated deals")
    address = f"CASE WHEN {incoming} THEN {found['sender']} ELSE {found['recipient']} END"
    one = f"nullif(regexp_extract(CASE WHEN {type_} = 'EMAIL' THEN {address} END, '{_FROM}'), '')"
    first = f"{ids('associated contacts')}[1]"
    return [
        ("hubspot_id", f"coalesce({contact}, CASE WHEN {one} IS NULL THEN {first} END)"),
        ("email", f"CASE WHEN {contact} IS NULL THEN {one} END"),
        ("hubspot_deal", f"CASE WHEN {first} IS NULL AND {one} IS NULL THEN {deal} END"),
    ]


def _event() -> Event:
    lost = f"(status IN ({listed(_LOST)}) OR lower(outcome) IN ({listed(_UNREACHED)}))"
    return Event(
        {
            "timestamp": "moment",
            "native": "concat_ws(' ', type, CASE WHEN type <> direction THEN direction END)",
            "touchpoint": "CASE type WHEN 'CALL' THEN CASE WHEN NOT is_incoming THEN 'call_made' "
            f"WHEN coalesce({lost}, FALSE) THEN 'call_abandoned' ELSE 'call_answered' END "
            "WHEN 'EMAIL' THEN CASE WHEN is_incoming THEN 'email_received' WHEN status = 'BOUNCED' "
            "THEN 'email_bounced' WHEN status = 'FAILED' THEN 'email_dropped' ELSE 'email_sent' END "
            "WHEN 'MEETING' THEN 'meeting_held' WHEN 'COMMUNICATION' THEN CASE direction WHEN 'SMS' "
            "THEN 'sms_sent' WHEN 'PHYSICAL_MAIL' THEN 'letter_sent' ELSE 'message_made' END ELSE type END",
            "channel": "CASE type WHEN 'CALL' THEN 'phone' WHEN 'EMAIL' THEN 'email' WHEN 'MEETING' THEN "
            "'meeting' ELSE CASE direction WHEN 'SMS' THEN 'sms' WHEN 'PHYSICAL_MAIL' THEN 'mail' "
            "WHEN 'LINKEDIN_MESSAGE' THEN 'social' ELSE 'message' END END",
            "actor": "CASE WHEN is_incoming OR type = 'MEETING' THEN 'customer' "
            "WHEN type = 'EMAIL' AND status IN ('BOUNCED', 'FAILED') THEN 'system' ELSE 'company' END",
            "failed": f"CASE type WHEN 'CALL' THEN CASE WHEN {lost} THEN TRUE WHEN status = 'COMPLETED' "
            "THEN FALSE END WHEN 'MEETING' THEN CASE outcome WHEN 'NO_SHOW' THEN TRUE WHEN 'COMPLETED' "
            "THEN FALSE END WHEN 'EMAIL' THEN CASE WHEN status IN ('BOUNCED', 'FAILED') THEN TRUE END END",
            "duration_s": "CASE WHEN duration_s >= 0 THEN duration_s END",
            "properties": "properties",
        },
        withdrawn="CASE WHEN moment IS NULL THEN 'no time of when it happened' "
        "WHEN moment > newest AND type = 'MEETING' THEN 'planned for after the export' END",
    )
