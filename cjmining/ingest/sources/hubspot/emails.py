"""E-mail events of marketing e-mails: what was sent, and what became of it.

After the e-mail events API (developers.hubspot.com, email-analytics): SENT and DROPPED are HubSpot's own,
PROCESSED, DEFERRED, DELIVERED and BOUNCE the mail servers', the others what recipients did.
"""

from __future__ import annotations

from typing import NamedTuple

from cjmining.ingest.database import literal
from cjmining.ingest.sources.base import Column, Event, Feed, LeftOut, Lookup
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.hubspot.exported import TEXT, Export, listed, moment


class _Type(NamedTuple):
    touchpoint: str
    actor: str
    failed: bool = False


TYPES = {
    "SENT": _Type("email_sent", "company"),
    "DROPPED": _Type("email_dropped", "system", failed=True),
    "DEFERRED": _Type("email_deferred", "system"),
    "DELIVERED": _Type("email_delivered", "system"),
    "BOUNCE": _Type("email_bounced", "system", failed=True),
    "OPEN": _Type("email_opened", "customer"),
    "CLICK": _Type("email_clicked", "customer"),
    "PRINT": _Type("email_printed", "customer"),
    "FORWARD": _Type("email_forwarded", "customer"),
    "SPAMREPORT": _Type("spam_reported", "customer"),
}
_BY_COMPANY = ("SOURCE_HUBSPOT_CUSTOMER", "SOURCE_HUBSPOT", "SOURCE_LEGACY")
"""A change of a subscription that the company made (a HubSpot customer is a company), not the recipient."""
_STATUS = 'upper(coalesce("portalSubscriptionStatus", "subscription"))'
_CHANGES = ("UNSUBSCRIBED", "OPTED_OUT", "SUBSCRIBED", "OPTED_IN")


def feeds(export: Export) -> list[Feed]:
    """Return the feeds of the e-mails in an export."""
    return [_campaigns(export), _events(export)]


def _campaigns(export: Export) -> Feed:
    columns = [Column("id", filled=True, aliases=("email_campaign_id",)), Column("name")]
    keep = {"campaign": '"id"', "label": '"name"'}
    return export.feed(
        "email_campaigns",
        columns,
        structure={"id": TEXT, "name": TEXT},
        keep=keep,
        key=('"id"',),
        reference=True,
    )


def _events(export: Export) -> Feed:
    columns = [
        Column("id", filled=True), Column("created", "time", filled=True, path=moment("j.created")),
        Column("type", filled=True, aliases=("event_type",)), Column("recipient"),
        Column("emailCampaignId"), Column("filteredEvent", "flag"),
        Column("obsoletedById", path="j.obsoletedBy.id"), Column("deviceType"), Column("url"),
        Column("duration", "number"), Column("category"), Column("dropReason"), Column("source"),
        Column("portalSubscriptionStatus"), Column("subscription", path="j.subscriptions[1].status"),
    ]  # fmt: skip
    keep = {
        "moment": '"created"', "type": 'upper("type")', "campaign": '"emailCampaignId"',
        "status": _STATUS, "changed_by": 'upper("source")',
        "device": "CASE upper(\"deviceType\") WHEN 'COMPUTER' THEN 'desktop' WHEN 'UNKNOWN' THEN NULL "
        "ELSE lower(\"deviceType\") END",
        "duration_s": "CASE WHEN upper(\"type\") = 'OPEN' THEN \"duration\" / 1000 END",
        "properties": json_text(
            {
                "url": "split_part(split_part(\"url\", '?', 1), '#', 1)",  # a query may name a person
                "category": '"category"',
                "dropReason": '"dropReason"',
            }
        ),
    }  # fmt: skip
    subscription = (
        f"upper(\"type\") = 'STATUSCHANGE' AND coalesce({_STATUS} NOT IN ({listed(_CHANGES)}), TRUE)"
    )
    asides = [
        ('coalesce("filteredEvent", FALSE)', "filtered out by HubSpot: a bot, or the company's own"),
        ('"obsoletedById" IS NOT NULL', "made obsolete by a later event"),
        ("upper(\"type\") = 'PROCESSED'", "accepted for sending, which SENT tells"),
        (subscription, "a change of status that is no subscription"),
    ]
    texts = (
        "id", "created", "type", "recipient", "emailCampaignId", "filteredEvent", "deviceType", "url",
        "duration", "category", "dropReason", "source", "portalSubscriptionStatus",
    )  # fmt: skip
    structure = {
        **dict.fromkeys(texts, TEXT), "obsoletedBy": {"id": TEXT}, "subscriptions": [{"status": TEXT}]
    }  # fmt: skip
    names = Lookup("email_campaigns", {"campaign": "campaign"}, {"campaign_name": "label"})
    bad = '"duration:text" IS NOT NULL AND "duration" IS NULL'
    return export.feed(
        "email_events", columns, structure=structure, keep=keep, key=('"id"', '"created:text"'),
        asides=asides, identifiers=[("email", '"recipient"')], events=[_event()], lookups=[names],
        left_out=[LeftOut("duration", bad, '"duration:text"', "duration is no number", "duration_s")],
    )  # fmt: skip


def _event() -> Event:
    wants = "status IN ('SUBSCRIBED', 'OPTED_IN')"
    by_company = f"type = 'STATUSCHANGE' AND changed_by IN ({listed(_BY_COMPANY)})"
    return Event(
        {
            "timestamp": "moment",
            "native": "type",
            "touchpoint": f"CASE type {_cases('touchpoint')} WHEN 'STATUSCHANGE' THEN "
            f"CASE WHEN {wants} THEN 'resubscribed' ELSE 'unsubscribed' END ELSE type END",
            "actor": f"CASE WHEN {by_company} THEN 'company' ELSE CASE type {_cases('actor')} "
            "WHEN 'STATUSCHANGE' THEN 'customer' ELSE 'system' END END",
            "failed": f"CASE WHEN type IN ({listed([t for t, about in TYPES.items() if about.failed])}) "
            "THEN TRUE END",
            "channel": "'email'",
            "campaign": "coalesce(campaign_name, campaign)",
            "device": "device",
            "duration_s": "duration_s",
            "properties": "properties",
        }
    )


def _cases(field: str) -> str:
    return " ".join(f"WHEN {literal(type_)} THEN {literal(getattr(t, field))}" for type_, t in TYPES.items())
