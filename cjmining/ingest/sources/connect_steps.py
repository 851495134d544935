"""What a contact record of Amazon Connect tells, step by step: queued, answered, held, handed on, ended.

Only what the records document is told. A contact that was transferred goes on in a record of its own, so a
transfer is told by the record that it made, and the end by the last one; a leg that an agent opened to ask
another one, and that ended before the customer's own, is a consultation and no touchpoint.
"""

from __future__ import annotations

from collections.abc import Mapping

from cjmining.ingest.sources.base import Event, Lookup
from cjmining.ingest.sources.columns import json_text

_WORD = (
    "CASE WHEN channel = 'VOICE' THEN 'call' WHEN channel = 'CHAT' THEN "
    "CASE WHEN medium IN ('sms', 'social') THEN 'message' ELSE 'chat' END ELSE lower(channel) END"
)
_MEDIUM = (
    "CASE WHEN channel = 'VOICE' THEN 'phone' WHEN subtype = 'connect:SMS' THEN 'sms' "
    "WHEN subtype IN ('connect:WhatsApp', 'connect:Apple') THEN 'social' ELSE lower(channel) END"
)
_BROKEN = (
    "'TELECOM_PROBLEM', 'AGENT_NETWORK_DISCONNECT', 'SYSTEM_ERROR', 'CUSTOMER_NEVER_ARRIVED', "
    "'CUSTOMER_CONNECTION_NOT_ESTABLISHED', 'TELECOM_ORIGINATOR_CANCEL'"
)
_NOBODY = (
    "'VOICEMAIL_BEEP', 'VOICEMAIL_NO_BEEP', 'AMD_UNANSWERED', 'AMD_NOT_APPLICABLE', 'SIT_TONE_BUSY', "
    "'SIT_TONE_INVALID_NUMBER', 'SIT_TONE_DETECTED', 'FAX_MACHINE_DETECTED'"
)
_DIALLED = "(method = 'OUTBOUND' OR (method = 'API' AND channel = 'VOICE'))"
_TALKED = "channel <> 'EMAIL'"
_AGENT_CAME_FIRST = "method IN ('OUTBOUND', 'CALLBACK')"
_LEG = "(method IN ('TRANSFER', 'QUEUE_TRANSFER') AND previous IS NOT NULL)"
_UNREACHED = (
    "CASE WHEN answering_machine = 'HUMAN_ANSWERED' THEN FALSE "
    f"WHEN answering_machine IN ({_NOBODY}) THEN TRUE "
    "WHEN regexp_matches(reason_of_end, '^(TELECOM|OUTBO?UND)_|^EXPIRED$') THEN TRUE "
    "WHEN reached IS NOT NULL OR reason_of_end = 'CUSTOMER_DISCONNECT' THEN FALSE END"
)

KEPT: Mapping[str, str] = {
    "contact": "pseudonym(contact)",
    "previous": "pseudonym(previous)",
    "next": "pseudonym(next)",
    "method": "coalesce(method, 'INBOUND')",
    "channel": "channel",
    "medium": _MEDIUM,
    "moment": "started",
    "enqueued": "enqueued",
    "dequeued": "dequeued",
    "waited": "waited",
    "connected": "connected",
    "reached": "reached",
    "holds": "holds",
    "held": "held",
    "handed_out": "CASE WHEN coalesce(out_address, out_type) IS NOT NULL THEN coalesce(handed_on, ended) END",
    "ended": "ended",
    "left_work": "coalesce(after_work, ended)",
    "reason_of_end": "reason_of_end",
    "answering_machine": "answering_machine",
    "campaign": "campaign",
    "session": "pseudonym(coalesce(initial, contact))",
    "properties": json_text(
        {"Queue.Name": "queue", "DisconnectReason": "reason_of_end", "InitiationMethod": "method"}
    ),
    "hold_properties": json_text(
        {"Queue.Name": "queue", "NumberOfHolds": "holds", "LongestHoldDuration": "longest"}
    ),
}
"""Staged columns of a contact, all over the names of its native columns."""

LOOKUPS = (
    Lookup("contacts", {"previous": "contact"}, {"earlier_left": "left_work"}),
    Lookup("contacts", {"next": "contact"}, {"later_method": "method", "later_left": "left_work"}),
)

_CONSULTATION = (
    "CASE WHEN method = 'TRANSFER' AND left_work < earlier_left THEN 'a consultation between agents' END"
)
_STAYED = "(next IS NULL OR later_method = 'DISCONNECT')"
_GOES_ON = (
    f"CASE WHEN NOT {_STAYED} AND NOT coalesce(later_method = 'TRANSFER' AND later_left < left_work, FALSE) "
    "THEN 'it goes on in the next contact' END"
)
_AGAIN = (
    "CASE WHEN row_number() OVER (PARTITION BY session ORDER BY moment, sequence) > 1 "
    "THEN 'another attempt of the same callback' END"
)


def steps() -> list[Event]:
    """Return the touchpoints of a contact, in the order in which they happen."""
    waited = f"coalesce(waited, {_seconds('enqueued', 'coalesce(connected, dequeued, ended)')})"
    return [
        _event(
            "received", "'email_received'", "moment",
            "channel = 'EMAIL' AND method = 'INBOUND'",
        ),
        _event(
            "sent", "'email_sent'", "coalesce(ended, moment)",
            "channel = 'EMAIL' AND method IN ('OUTBOUND', 'AGENT_REPLY', 'FLOW', 'API')",
            actor="'company'",
            withdrawn="CASE WHEN reason_of_end = 'DISCARDED' THEN 'a draft that was never sent' END",
        ),
        _event(
            "callback requested", "'callback_requested'", "moment", "method = 'CALLBACK'", withdrawn=_AGAIN
        ),
        _event(
            "transferred", "_transferred", "moment", f"{_LEG} AND {_TALKED}",
            actor="CASE method WHEN 'TRANSFER' THEN 'company' ELSE 'system' END", withdrawn=_CONSULTATION,
        ),
        _event(
            "self-service", "_self_served", "moment",
            f"{_TALKED} AND method IN ('INBOUND', 'API', 'WEBRTC_API') AND NOT {_DIALLED} "
            f"AND enqueued IS NULL AND connected IS NULL AND {_STAYED} AND handed_out IS NULL",
            failed=f"CASE WHEN reason_of_end IN ({_BROKEN}) THEN TRUE END",
            duration_s=_seconds("moment", "ended"),
        ),
        _event(
            "outbound", "_made", "moment", f"{_TALKED} AND {_DIALLED}", actor="'company'",
            failed=_UNREACHED, duration_s=_seconds("moment", "ended"),
        ),
        _event(
            "called back", "_made", "coalesce(dequeued, connected)",
            "method = 'CALLBACK' AND coalesce(dequeued, connected) IS NOT NULL",
            actor="'company'", failed=_UNREACHED, wait_s=_seconds("moment", "coalesce(dequeued, connected)"),
            duration_s=_seconds("coalesce(dequeued, connected)", "ended"),
        ),
        _event(
            "queued", "_queued", "enqueued",
            f"{_TALKED} AND enqueued IS NOT NULL AND NOT {_AGENT_CAME_FIRST}",
            duration_s=waited, withdrawn=_CONSULTATION,
        ),
        _event(
            "abandoned", "_abandoned", "coalesce(dequeued, ended)",
            f"{_TALKED} AND enqueued IS NOT NULL AND connected IS NULL "
            f"AND coalesce(dequeued, ended) IS NOT NULL AND NOT {_AGENT_CAME_FIRST} "
            f"AND {_STAYED} AND handed_out IS NULL",
            actor="CASE WHEN reason_of_end IN ('CONTACT_FLOW_DISCONNECT', 'API', 'EXPIRED') THEN 'company' "
            "ELSE 'customer' END",
            failed="TRUE", wait_s=waited, withdrawn=_CONSULTATION,
        ),
        _event(
            "answered", "_answered", "connected",
            f"{_TALKED} AND connected IS NOT NULL AND NOT {_AGENT_CAME_FIRST}",
            failed="FALSE", wait_s=f"CASE WHEN enqueued IS NOT NULL THEN {waited} END",
            duration_s=_seconds("connected", "ended"), withdrawn=_CONSULTATION,
        ),
        _event(
            "held", "_held", "connected",
            f"{_TALKED} AND connected IS NOT NULL AND (coalesce(holds, 0) > 0 OR coalesce(held, 0) > 0)",
            actor="'company'", wait_s="held", duration_s="held", properties="hold_properties",
            precision=f"greatest(coalesce({_seconds('connected', 'ended')} - coalesce(held, 0), 0), 0)",
            withdrawn=_CONSULTATION,
        ),
        _event(
            "transferred out", "_transferred", "handed_out", f"{_TALKED} AND handed_out IS NOT NULL",
            actor="CASE WHEN connected IS NULL THEN 'system' ELSE 'company' END",
        ),
        _event(
            "ended", "_ended", "ended",
            f"{_TALKED} AND ended IS NOT NULL AND (CASE WHEN {_DIALLED} OR method = 'CALLBACK' "
            f"THEN NOT coalesce({_UNREACHED}, connected IS NULL) ELSE connected IS NOT NULL END)",
            actor="CASE WHEN reason_of_end = 'CUSTOMER_DISCONNECT' THEN 'customer' "
            "WHEN reason_of_end IN ('AGENT_DISCONNECT', 'BARGED') THEN 'company' ELSE 'system' END",
            failed=f"CASE WHEN reason_of_end IN ({_BROKEN}) THEN TRUE END",
            withdrawn=f"coalesce({_CONSULTATION}, {_GOES_ON})",
        ),
    ]  # fmt: skip


def _event(
    native: str,
    touchpoint: str,
    timestamp: str,
    when: str,
    *,
    withdrawn: str = "NULL",
    **columns: str,
) -> Event:
    """One step; a touchpoint beginning with an underscore is told of the contact's own medium."""
    word = f"{_WORD} || '{touchpoint}'" if touchpoint.startswith("_") else touchpoint
    given = {
        "timestamp": timestamp, "native": f"channel || ' {native}'", "touchpoint": word, "channel": "medium",
        "campaign": "campaign", "session": "session", "properties": "properties", **columns,
    }  # fmt: skip
    return Event(given, when=when, withdrawn=withdrawn)


def _seconds(start: str, end: str) -> str:
    """SQL: the seconds from one moment to a later one; NULL where there are none."""
    return f"CASE WHEN {end} >= {start} THEN (epoch_us({end}) - epoch_us({start})) / 1e6 END"
