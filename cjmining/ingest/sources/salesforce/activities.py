"""Task and Event: calls, e-mails and meetings with customers, once they have happened.

A task is a plan until it is closed; its CompletedDateTime is when it was done, ActivityDate the day for which
it was planned. An event lies in the calendar, where what is planned looks like what has been.
"""

from __future__ import annotations

from cjmining.ingest.sources.base import Column, Event, Feed, LeftOut
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.salesforce.exported import Export, starting, unnamed, whom

_SERIES = (
    'coalesce("IsRecurrence", FALSE)',
    "the pattern of a series, whose parts have records of their own",
)
_TIMES = '"CompletedDateTime", "ActivityDate", "CreatedDate"'
_WHAT = (
    'CASE WHEN "TaskSubtype" = \'Call\' OR lower("Type") = \'call\' OR "CallType" IS NOT NULL '
    "OR \"CallDurationInSeconds\" IS NOT NULL THEN 'call' "
    "WHEN \"TaskSubtype\" IN ('Email', 'ListEmail') OR lower(\"Type\") = 'email' THEN 'email' "
    "WHEN \"TaskSubtype\" = 'LinkedIn' THEN 'message' WHEN lower(\"Type\") = 'meeting' THEN 'meeting' END"
)
_DONE = 'coalesce("IsClosed", lower("Status") = \'completed\', FALSE)'
_PLANNED = "planned for after the export"


def feeds(export: Export) -> list[Feed]:
    """Return the feeds of the activities in an export."""
    return [_task(export), _meeting(export)]


def _task(export: Export) -> Feed:
    columns = [
        *_related(), Column("Status"), Column("IsClosed", "flag"), Column("TaskSubtype"), Column("Type"),
        Column("CallType"), Column("CallDisposition"), Column("CallDurationInSeconds", "number"),
        Column("ActivityDate", "time"), Column("CompletedDateTime", "time"), Column("CreatedDate", "time"),
    ]  # fmt: skip
    keep = {
        "moment": f"coalesce({_TIMES})",
        "precision": 'CASE WHEN "CompletedDateTime" IS NULL AND "ActivityDate" IS NOT NULL '
        "THEN 86400 ELSE 0 END",
        "what": _WHAT,
        "is_inbound": "coalesce(lower(\"CallType\") = 'inbound', FALSE)",
        "native": "concat_ws(' ', 'Task:', coalesce(\"TaskSubtype\", \"Type\", 'Call'), \"CallType\")",
        "duration_s": 'CASE WHEN "CallDurationInSeconds" >= 0 THEN "CallDurationInSeconds" END',
        "opportunity": unnamed(starting('"WhatId"', "006")),
        "by": whom('"CreatedById"'),
        "properties": json_text({"CallDisposition": '"CallDisposition"'}),
    }
    asides = [
        _SERIES,
        (f"NOT {_DONE}", "planned, not done"),
        ("coalesce(lower(\"CallType\") = 'internal', FALSE)", "a call inside the company"),
        (f"({_WHAT}) IS NULL", "a to-do, no contact with the customer"),
    ]
    return export.feed(
        "Task", columns, keep=keep, identifiers=_about(export), asides=asides, events=[_contact_made(export)],
        checks=[(f"coalesce({_TIMES}) IS NULL", "CompletedDateTime, ActivityDate and CreatedDate are empty")],
        left_out=[_no_number("CallDurationInSeconds", "duration_s")], lookups=export.user(),
    )  # fmt: skip


def _contact_made(export: Export) -> Event:
    return Event(
        {
            "timestamp": "moment",
            "precision": "precision",
            "native": "native",
            "touchpoint": "CASE WHEN what = 'call' THEN CASE WHEN is_inbound THEN 'call_answered' "
            "ELSE 'call_made' END WHEN what = 'email' THEN 'email_sent' "
            "WHEN what = 'message' THEN 'message_made' ELSE 'meeting_held' END",
            "channel": "CASE what WHEN 'call' THEN 'phone' WHEN 'email' THEN 'email' "
            "WHEN 'message' THEN 'social' ELSE 'meeting' END",
            "actor": f"CASE WHEN is_inbound OR what = 'meeting' THEN 'customer' ELSE {export.actor()} END",
            "failed": "CASE WHEN is_inbound THEN FALSE END",
            "duration_s": "CASE WHEN what = 'call' THEN duration_s END",
            "properties": "properties",
            **export.journey("opportunity"),
        }
    )


def _meeting(export: Export) -> Feed:
    columns = [
        *_related(), Column("StartDateTime", "time", aliases=("ActivityDateTime",)),
        Column("EndDateTime", "time"), Column("ActivityDate", "time"), Column("CreatedDate", "time"),
        Column("DurationInMinutes", "number"), Column("IsAllDayEvent", "flag"), Column("IsChild", "flag"),
        Column("Type"), Column("EventSubtype"),
    ]  # fmt: skip
    all_day = 'coalesce("IsAllDayEvent", "StartDateTime" IS NULL)'
    start = f'CASE WHEN {all_day} THEN coalesce("ActivityDate", "StartDateTime") ELSE "StartDateTime" END'
    lasted = 'coalesce("DurationInMinutes" * 60, (epoch_us("EndDateTime") - epoch_us("StartDateTime")) / 1e6)'
    keep = {
        "moment": start,
        "precision": f"CASE WHEN {all_day} THEN 86400 ELSE 0 END",
        "duration_s": f"CASE WHEN {lasted} >= 0 AND NOT {all_day} THEN {lasted} END",
        "native": "'Event: ' || coalesce(\"Type\", \"EventSubtype\", 'Event')",
        "channel": "CASE WHEN lower(\"Type\") = 'call' THEN 'phone' ELSE 'meeting' END",
        "opportunity": unnamed(starting('"WhatId"', "006")),
    }
    held = Event(
        {
            "timestamp": "moment", "precision": "precision", "native": "native",
            "touchpoint": "'meeting_held'", "channel": "channel", "duration_s": "duration_s",
            **export.journey("opportunity"),
        },
        withdrawn=f"CASE WHEN moment > newest THEN '{_PLANNED}' END",
    )  # fmt: skip
    return export.feed(
        "Event", columns, keep=keep, identifiers=_about(export), events=[held],
        asides=[_SERIES, ('coalesce("IsChild", FALSE)', "an invitee's copy of a meeting")],
        checks=[(f"({start}) IS NULL", "StartDateTime and ActivityDate are empty")],
        left_out=[_no_number("DurationInMinutes", "duration_s")],
    )  # fmt: skip


def _related() -> list[Column]:
    return [
        Column("WhoId"), Column("WhatId"), Column("AccountId"), Column("CreatedById"),
        Column("IsRecurrence", "flag"),
    ]  # fmt: skip


def _about(export: Export) -> list[tuple[str, str]]:
    """The person, else what it is about: never both, since deals, cases and accounts have several persons."""
    who, deal = starting('"WhoId"', "003", "00Q"), starting('"WhatId"', "006")
    case, account = starting('"WhatId"', "500"), starting('"WhatId"', "001")
    ranked = [("crm_id", who), ("crm_opportunity", deal), ("crm_case", case)]
    if export.unit == "opportunity":
        ranked = [ranked[1], ranked[0], ranked[2]]
    found, before = [], "FALSE"
    for kind, sql in ranked:
        found.append((kind, f"CASE WHEN NOT ({before}) THEN {sql} END"))
        before += f" OR ({sql}) IS NOT NULL"
    return [*found, *export.account(f'CASE WHEN NOT ({before}) THEN coalesce("AccountId", {account}) END')]


def _no_number(name: str, measure: str) -> LeftOut:
    text = f'"{name}:text"'
    return LeftOut(name, f'{text} IS NOT NULL AND "{name}" IS NULL', text, f"{name} is no number", measure)
