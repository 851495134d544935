"""Cases and what became of them: opened, handed on, escalated, closed, opened again."""

from __future__ import annotations

from collections.abc import Sequence

from cjmining.ingest.database import identifier
from cjmining.ingest.sources.base import Column, Event, Feed, Lookup
from cjmining.ingest.sources.columns import json_text, slug
from cjmining.ingest.sources.salesforce.exported import Export, listed, told_twice, unnamed, whom

_OWNER = ("owner", "ownerassignment", "owneraccepted")
_WATCHED = ("status", "isescalated", "ownerescalated", *_OWNER)
_TO_STATUS = "field = 'status' AND after IS NOT NULL"
_ESCALATED = (
    "(field = 'ownerescalated' OR (field = 'isescalated' AND lower(after) IN ('true', '1')) "
    "OR (field = 'status' AND lower(after) = 'escalated'))"
)
_SAME_MOMENT_S = 60
"""A case's ClosedDate and the history's row of its closing are written by one change."""


def feeds(export: Export) -> list[Feed]:
    """Return the feeds of the cases in an export."""
    return [_case(export), _history(export), _status(export)]


def _case(export: Export) -> Feed:
    columns = [
        Column("CreatedDate", "time", needed=True, filled=True), Column("ClosedDate", "time"),
        Column("ContactId"), Column("AccountId"), Column("SuppliedEmail"), Column("SuppliedPhone"),
        Column("Origin"), Column("Reason"), Column("Type"), Column("Status"), Column("Priority"),
    ]  # fmt: skip
    keep = {
        "case_id": unnamed('"Id"'),
        "created": '"CreatedDate"',
        "moment": '"CreatedDate"',
        "closed": '"ClosedDate"',
        "channel": "coalesce(lower(\"Origin\"), 'crm')",
        "properties": json_text(
            {name: identifier(name) for name in ("Reason", "Type", "Status", "Priority")}
        ),
    }
    account = 'CASE WHEN "ContactId" IS NULL THEN "AccountId" END'  # it may be another than the contact's
    identifiers = [
        ("crm_case", '"Id"'), ("crm_id", '"ContactId"'), *export.account(account),
        ("email", '"SuppliedEmail"'), (export.phone, '"SuppliedPhone"'),
    ]  # fmt: skip
    opened = Event(
        {
            "timestamp": "created", "native": "'Case opened'", "touchpoint": "'case_opened'",
            "channel": "channel", "properties": "properties",
        }
    )  # fmt: skip
    closed = Event(
        {
            "timestamp": "closed", "native": "'Case closed'", "touchpoint": "'case_closed'",
            "actor": "'company'", "channel": "channel", "properties": "properties",
        },
        when="closed IS NOT NULL",
    )  # fmt: skip
    return export.feed("Case", columns, keep=keep, identifiers=identifiers, events=[opened, closed])


def _history(export: Export) -> Feed:
    columns = [
        Column("CaseId", needed=True, filled=True), Column("Field", needed=True, filled=True),
        Column("OldValue"), Column("NewValue"), Column("CreatedById"),
        Column("CreatedDate", "time", needed=True, filled=True),
    ]  # fmt: skip
    # other values may name people
    after = "CASE WHEN lower(\"Field\") IN ('status', 'isescalated') THEN \"NewValue\" END"
    keep = {
        "case_id": unnamed('"CaseId"'), "field": 'lower("Field")', "after": after,
        "moment": '"CreatedDate"', "by": whom('"CreatedById"'), "status": f"lower({after})",
        "status_before": 'lower(' + after.replace("NewValue", "OldValue") + ')', "entry": '"Id"',
    }  # fmt: skip
    lookups = [
        Lookup("Case", {"case_id": "case_id"}, {"case_channel": "channel", "case_closed": "closed"}),
        Lookup("CaseStatus", {"status": "status"}, {"is_closed_status": "is_closed"}),
        Lookup("CaseStatus", {"status_before": "status"}, {"was_closed_status": "is_closed"}),
    ]
    return export.feed(
        "CaseHistory", columns, keep=keep, identifiers=[("crm_case", '"CaseId"')], events=_changes(export),
        asides=[(f'lower("Field") NOT IN ({listed(_WATCHED)})', "a change of another field")],
        lookups=[*lookups, *export.user()],
    )  # fmt: skip


def _changes(export: Export) -> list[Event]:
    is_closed, was_closed = _closed(export, "status", "is"), _closed(export, "status_before", "was")
    twice = told_twice("case_id", "moment")
    told = f"abs(epoch(moment) - epoch(case_closed::TIMESTAMP)) <= {_SAME_MOMENT_S}"
    return [
        _change(
            export, "'Case reopened'", "'case_reopened'",
            f"{_TO_STATUS} AND {was_closed} AND NOT {is_closed} AND NOT {_ESCALATED}",
        ),
        _change(
            export, "'Case closed'", "'case_closed'",
            f"{_TO_STATUS} AND {is_closed} AND NOT {was_closed}",
            f"CASE WHEN {told} THEN 'a closing that the case itself tells' END",
        ),
        _change(export, "'Case escalated'", "'case_escalated'", _ESCALATED, twice),
        _change(export, "'Case assigned'", "'case_assigned'", f"field IN ({listed(_OWNER)})", twice),
        _change(
            export, "'Case status: ' || after", f"'case_' || {slug('after')}",
            f"{_TO_STATUS} AND {is_closed} = {was_closed} AND NOT {_ESCALATED}",
        ),
    ]  # fmt: skip


def _change(export: Export, native: str, touchpoint: str, when: str, withdrawn: str = "NULL") -> Event:
    columns = {
        "timestamp": "moment", "native": native, "touchpoint": touchpoint, "actor": export.actor(),
        "channel": "coalesce(case_channel, 'crm')",
    }  # fmt: skip
    return Event(columns, when=when, withdrawn=withdrawn)


def _closed(export: Export, status: str, verb: str) -> str:
    """SQL for whether a status is one of closed cases."""
    named = f" OR {status} IN ({listed(export.closed)})" if export.closed else ""
    by_name = f"coalesce(starts_with({status}, 'closed'){named}, FALSE)"
    return f"coalesce({verb}_closed_status::BOOLEAN, {by_name})"


def _status(export: Export) -> Feed:
    columns: Sequence[Column] = [
        Column("MasterLabel", needed=True, aliases=("ApiName",)), Column("IsClosed", "flag", needed=True)
    ]  # fmt: skip
    keep = {"status": 'lower("MasterLabel")', "is_closed": '"IsClosed"'}
    return export.feed("CaseStatus", columns, keep=keep, reference=True)
