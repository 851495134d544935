"""Campaigns: who was made a member, and who responded."""

from __future__ import annotations

from cjmining.ingest.sources.base import Column, Event, Feed, Lookup
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.salesforce.exported import Export, short, whom

_CHANNELS = {
    "email": "email", "direct mail": "mail", "advertisement": "ad", "banner ads": "ad",
    "telemarketing": "phone", "social": "social",
}  # fmt: skip
"""Medium of Salesforce's own types of campaigns; others are the CRM's."""


def feeds(export: Export) -> list[Feed]:
    """Return the feeds of the campaigns in an export."""
    return [_campaign(export), _member(export)]


def _campaign(export: Export) -> Feed:
    columns = [Column("Name", needed=True), Column("Type")]
    keep = {"campaign": short('"Id"'), "label": '"Name"', "kind": '"Type"'}
    return export.feed("Campaign", columns, keep=keep, reference=True)


def _member(export: Export) -> Feed:
    columns = [
        Column("CampaignId", needed=True, filled=True), Column("LeadId"), Column("ContactId"),
        Column("LeadOrContactId"), Column("AccountId"), Column("Status"), Column("HasResponded", "flag"),
        Column("FirstRespondedDate", "time"), Column("CreatedDate", "time", needed=True, filled=True),
        Column("CreatedById"),
    ]  # fmt: skip
    keep = {
        "campaign": short('"CampaignId"'),
        "created": '"CreatedDate"',
        "moment": '"CreatedDate"',
        "responded": 'CASE WHEN coalesce("HasResponded", TRUE) THEN "FirstRespondedDate" END',
        "by": whom('"CreatedById"'),
        "properties": json_text({"Status": '"Status"'}),
    }
    nobody = 'coalesce("LeadId", "ContactId", "LeadOrContactId") IS NULL'
    identifiers = [
        ("crm_id", '"LeadId"'), ("crm_id", '"ContactId"'), ("crm_id", '"LeadOrContactId"'),
        *export.account(f'CASE WHEN {nobody} THEN "AccountId" END'),
    ]  # fmt: skip
    channels = " ".join(f"WHEN '{kind}' THEN '{channel}'" for kind, channel in _CHANNELS.items())
    shared = {
        "campaign": "coalesce(campaign_name, campaign)", "properties": "properties",
        "channel": f"CASE lower(campaign_kind) {channels} ELSE 'crm' END",
    }  # fmt: skip
    joined = Event(
        {
            "timestamp": "created", "native": "'Campaign joined'", "touchpoint": "'campaign_joined'",
            "actor": export.actor(), **shared,
        }
    )  # fmt: skip
    responded = Event(
        {
            "timestamp": "responded", "native": "'Campaign responded'", "precision": "86400",
            "touchpoint": "'campaign_responded'", **shared,
        },
        when="responded IS NOT NULL",
    )  # fmt: skip
    names = Lookup("Campaign", {"campaign": "campaign"}, {"campaign_name": "label", "campaign_kind": "kind"})
    return export.feed(
        "CampaignMember", columns, keep=keep, identifiers=identifiers, events=[joined, responded],
        lookups=[names, *export.user()],
    )  # fmt: skip
