"""Google Analytics 4: the export to BigQuery, as JSON lines with its nested parameters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from cjmining.ingest.database import literal
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.base import Column, Event, Feed, Source, as_paths, files_in
from cjmining.ingest.sources.columns import json_text

TOUCHPOINTS = {
    "view_item": "product_viewed", "view_item_list": "product_list_viewed", "select_item": "product_selected",
    "add_to_wishlist": "wishlist_filled", "add_to_cart": "basket_filled",
    "remove_from_cart": "basket_emptied", "view_cart": "basket_viewed",
    "begin_checkout": "checkout_opened", "add_shipping_info": "shipping_entered",
    "add_payment_info": "payment_entered", "purchase": "order_placed", "refund": "order_refunded",
    "search": "search_done", "view_search_results": "search_done", "sign_up": "account_created",
    "login": "logged_in", "generate_lead": "lead_created", "view_promotion": "promotion_viewed",
    "select_promotion": "promotion_clicked", "file_download": "file_downloaded", "form_start": "form_started",
    "form_submit": "form_submitted", "share": "content_shared",
}  # fmt: skip
"""Touchpoint of each standard event; the others keep their name."""

_TEXT = "VARCHAR"
_VALUE = {"string_value": _TEXT, "int_value": _TEXT, "float_value": _TEXT, "double_value": _TEXT}
_STRUCTURE = {
    **dict.fromkeys(
        ("event_timestamp", "event_name", "event_bundle_sequence_id", "batch_event_index", "user_id",
         "user_pseudo_id", "platform"), _TEXT,
    ),
    "event_params": [{"key": _TEXT, "value": _VALUE}],
    "device": {"category": _TEXT},
    "collected_traffic_source": {"manual_campaign_name": _TEXT},
    "ecommerce": {"purchase_revenue": _TEXT, "refund_value": _TEXT, "transaction_id": _TEXT},
    "items": "JSON",
}  # fmt: skip
_UNSET = ("(not set)", "(none)", "(data deleted)", "<Other>")


def _parameter(name: str) -> str:
    """SQL for a parameter's value, whichever of its four slots holds it."""
    value = f"list_filter(j.event_params, lambda p: p.key = {literal(name)})[1].value"
    return f"coalesce({', '.join(f'{value}.{slot}' for slot in _VALUE)})"


def _set(value: str) -> str:
    """SQL for a value, NULL where Google writes that there is none."""
    return f"CASE WHEN {value} NOT IN ({', '.join(map(literal, _UNSET))}) THEN {value} END"


_COLUMNS = (
    Column("event_timestamp", "time", filled=True),
    Column("event_name", filled=True),
    Column("bundle", path="j.event_bundle_sequence_id"),
    Column("batch_event_index"),
    Column("user_id"),
    Column("user_pseudo_id"),
    Column("platform"),
    Column("device", path="j.device.category"),
    Column("collected_campaign", path=_set("j.collected_traffic_source.manual_campaign_name")),
    Column("campaign", path=_set(_parameter("campaign"))),
    Column("revenue", "number", path="j.ecommerce.purchase_revenue"),
    Column("refund", "number", path="j.ecommerce.refund_value"),
    Column(
        "value",
        "number",
        path=f"CASE WHEN j.event_name IN ('purchase', 'refund') THEN {_parameter('value')} END",
    ),
    Column(
        "transaction_id", path=_set(f"coalesce(j.ecommerce.transaction_id, {_parameter('transaction_id')})")
    ),
    Column("currency", path=_parameter("currency")),
    Column("page_location", path=_parameter("page_location")),
    Column("search_term", path=_parameter("search_term")),
    Column("session", path=_parameter("ga_session_id")),
    Column("contents", path="CAST(j.event_params AS VARCHAR) || coalesce(CAST(j.items AS VARCHAR), '')"),
)
_KEY = (
    "user_pseudo_id", "user_id", "event_timestamp:text", "event_name", "bundle", "batch_event_index",
    "page_location", "transaction_id", "contents",
)  # fmt: skip


class GA4(Source):
    """The BigQuery export of Google Analytics 4 (tables `events_YYYYMMDD`) as JSON lines.

    The export has no event id: records that agree in user, time, event and parameters are one, of which the
    later file counts (daily tables are written again for three days).

    Parameters
    ----------
    path : path or list of paths
        A folder of .json or .jsonl files (also .gz), or such files.
    name : str
        What the log calls the source.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.GA4("exports/web")
    GA4(name='web')
    """

    kind: ClassVar[str] = "GA4"
    reads: ClassVar[str] = "a folder of .json or .jsonl files (also .gz), one event a line"
    needs: ClassVar[str] = "event_timestamp, event_name; user_pseudo_id or user_id"
    natural_key: ClassVar[str] = (
        "user, event_timestamp, event_name, bundle, batch_event_index, event_params, items"
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(self, path: str | Path | Sequence[str | Path], *, name: str = "web") -> None:
        super().__init__(name=name)
        self.timezone_given = True  # times are microseconds since 1970 in UTC
        self._path = path

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the export."""
        what = f"source {self.name!r}"
        inputs = files_in(as_paths(self._path, what), (".json", ".jsonl", ".ndjson"), what)
        names = " ".join(f"WHEN {literal(name)} THEN {literal(ours)}" for name, ours in TOUCHPOINTS.items())
        path = "regexp_replace(page_location, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*', '')"
        path = f"coalesce(nullif(split_part(split_part({path}, '?', 1), '#', 1), ''), '/')"
        keep = {
            "moment": "event_timestamp",
            "native": "event_name",
            "touchpoint": f"CASE event_name {names} ELSE event_name END",
            "channel": "CASE WHEN upper(platform) IN ('IOS', 'ANDROID') THEN 'app' ELSE 'web' END",
            "device": "device",
            "campaign": "coalesce(collected_campaign, campaign)",
            # the cookie itself is personal, its hash with the session's number names the session
            "session": "CASE WHEN session IS NOT NULL "
            "THEN left(md5(concat_ws(':', user_pseudo_id, session)), 16) END",
            "value": "CASE event_name WHEN 'purchase' THEN coalesce(revenue, value) "
            "WHEN 'refund' THEN -abs(coalesce(refund, value)) END",
            "currency": "currency",
            "properties": json_text(
                {
                    "page_path": f"CASE WHEN page_location IS NOT NULL THEN {path} END",
                    "transaction_id": "transaction_id",
                    "search_term": "search_term",
                }
            ),
        }
        event = Event(
            {
                "timestamp": "moment", "native": "native", "touchpoint": "touchpoint", "channel": "channel",
                "device": "device", "campaign": "campaign", "session": "session", "value": "value",
                "currency": "CASE WHEN value IS NOT NULL THEN currency END", "properties": "properties",
            }
        )  # fmt: skip
        return [
            Feed(
                "events", inputs, _COLUMNS, keep, [("cookie", "user_pseudo_id"), ("user_id", "user_id")],
                key=[f'"{name}"' for name in _KEY], events=[event], clock=self.clock(epoch="epoch us"),
                structure=json.dumps(_STRUCTURE), dialect=Dialect(),
            )
        ]  # fmt: skip
