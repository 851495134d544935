"""The forms of Segment's calls: nested in JSON, flat in the tables of a warehouse."""

from __future__ import annotations

from typing import Any

from cjmining.ingest.sources.base import Column

_TEXT = "VARCHAR"
STRUCTURE: dict[str, Any] = {
    **dict.fromkeys(
        ("type", "messageId", "anonymousId", "userId", "previousId", "event", "name", "timestamp",
         "originalTimestamp", "receivedAt"), _TEXT,
    ),
    "properties": dict.fromkeys(
        ("revenue", "total", "value", "currency", "order_id", "url", "path", "referrer", "query", "name"),
        _TEXT,
    ),
    "traits": {"email": _TEXT, "phone": _TEXT},
    "context": {
        "traits": {"email": _TEXT, "phone": _TEXT},
        "campaign": {"name": _TEXT, "source": _TEXT, "medium": _TEXT},
        "page": {"path": _TEXT, "referrer": _TEXT, "url": _TEXT},
        "device": {"id": _TEXT, "advertisingId": _TEXT, "type": _TEXT},
        "library": {"name": _TEXT},
        "userAgent": _TEXT,
    },
}  # fmt: skip
COLUMNS = (
    Column("anonymous_id", path="j.anonymousId"),
    Column("user_id", path="j.userId"),
    Column("timestamp", "time", path="j.timestamp"),
    Column("original_timestamp", "time", path="j.originalTimestamp"),
    Column("received_at", "time", path="j.receivedAt"),
    Column("context_traits_email", path="j.context.traits.email"),
    Column("context_traits_phone", path="j.context.traits.phone"),
    Column("context_campaign_name", path="j.context.campaign.name"),
    Column("context_campaign_source", path="j.context.campaign.source"),
    Column("context_campaign_medium", path="j.context.campaign.medium"),
    Column("context_page_path", path="j.context.page.path"),
    Column("context_page_referrer", path="j.context.page.referrer"),
    Column("context_page_url", path="j.context.page.url"),
    Column("context_device_id", path="j.context.device.id"),
    Column("context_device_advertising_id", path="j.context.device.advertisingId"),
    Column("context_device_type", path="j.context.device.type"),
    Column("context_library_name", path="j.context.library.name"),
    Column("context_user_agent", path="j.context.userAgent"),
)
PROPERTIES = (
    Column("revenue", "number", path="j.properties.revenue"),
    Column("total", "number", path="j.properties.total"),
    Column("value", "number", path="j.properties.value"),
    Column("currency", path="j.properties.currency"),
    Column("order_id", path="j.properties.order_id"),
    Column("url", path="j.properties.url"),
    Column("path", path="j.properties.path"),
    Column("referrer", path="j.properties.referrer"),
    Column("query", path="j.properties.query"),
    Column("name", path="coalesce(j.name, j.properties.name)"),
)
