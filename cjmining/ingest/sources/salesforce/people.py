"""Lead, Contact and Account: who is who, and how leads became contacts. User: who works for the company."""

from __future__ import annotations

from collections.abc import Sequence

from cjmining.ingest.sources.base import Column, Event, Feed
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.salesforce.exported import Export, same, unnamed, whom

_DAY = "86400"


def feeds(export: Export) -> list[Feed]:
    """Return the feeds of the people in an export."""
    return [_lead(export), _contact(export), _account(export), _user(export)]


def _lead(export: Export) -> Feed:
    columns = [
        Column("CreatedDate", "time", needed=True, filled=True), Column("ConvertedDate", "time"),
        Column("IsConverted", "flag"), Column("LeadSource"), Column("Status"), Column("Email"),
        Column("Phone"), Column("MobilePhone"), Column("MasterRecordId"), Column("ConvertedContactId"),
        Column("ConvertedAccountId"), Column("ConvertedOpportunityId"), Column("CreatedById"),
    ]  # fmt: skip
    keep = {
        "created": '"CreatedDate"',
        "moment": '"CreatedDate"',
        "converted": 'CASE WHEN "IsConverted" THEN "ConvertedDate" END',
        "campaign": '"LeadSource"',
        "opportunity": unnamed('"ConvertedOpportunityId"'),
        "properties": json_text({"Status": '"Status"'}),
    }
    # ConvertedOpportunityId is no link: several leads may be converted into one opportunity
    identifiers = [
        ("crm_id", '"Id"'), ("crm_id", '"MasterRecordId"'), ("crm_id", '"ConvertedContactId"'),
        same("crm_id", '"MasterRecordId"', '"ConvertedContactId"'),
        *export.account('"ConvertedAccountId"'), *_reached(export, "Email", "Phone", "MobilePhone"),
    ]  # fmt: skip
    shared = {"channel": "'crm'", "campaign": "campaign", "properties": "properties"}
    shared |= export.journey("opportunity")
    created = Event(
        {"timestamp": "created", "native": "'Lead created'", "touchpoint": "'lead_created'", **shared}
    )
    converted = Event(
        {
            "timestamp": "converted", "native": "'Lead converted'", "touchpoint": "'lead_converted'",
            "actor": "'company'", "precision": _DAY, **shared,
        },
        when="converted IS NOT NULL",
    )  # fmt: skip
    return export.feed(
        "Lead", columns, keep=keep, identifiers=identifiers, events=[created, converted], merges=True
    )


def _contact(export: Export) -> Feed:
    columns = [
        Column("AccountId"), Column("MasterRecordId"), Column("Email"), Column("Phone"),
        Column("MobilePhone"), Column("HomePhone"),
    ]  # fmt: skip
    identifiers = [
        ("crm_id", '"Id"'), ("crm_id", '"MasterRecordId"'), same("crm_id", '"MasterRecordId"'),
        *export.account('"AccountId"'),
        *_reached(export, "Email", "Phone", "MobilePhone", "HomePhone"),
    ]  # fmt: skip
    return export.feed("Contact", columns, keep={}, identifiers=identifiers, merges=True)


def _account(export: Export) -> Feed:
    """A business's numbers are nobody's own; those of a person account are."""
    columns = [
        Column("MasterRecordId"), Column("PersonContactId"), Column("PersonEmail"),
        Column("PersonMobilePhone"), Column("PersonHomePhone"),
    ]  # fmt: skip
    identifiers = [
        *export.account('"Id"'), *export.account('"MasterRecordId"'), same("crm_account", '"MasterRecordId"'),
        ("crm_id", '"PersonContactId"'),
        *_reached(export, "PersonEmail", "PersonMobilePhone", "PersonHomePhone"),
    ]  # fmt: skip
    return export.feed("Account", columns, keep={}, identifiers=identifiers, merges=True)


def _user(export: Export) -> Feed:
    keep = {"user": whom('"Id"'), "user_type": '"UserType"'}
    return export.feed("User", [Column("UserType", needed=True)], keep=keep, reference=True)


def _reached(export: Export, email: str, *phones: str) -> Sequence[tuple[str, str]]:
    return [("email", f'"{email}"'), *((export.phone, f'"{phone}"') for phone in phones)]
