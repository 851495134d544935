"""Google Analytics 4: the export to BigQuery, as JSON lines or Parquet with its nested parameters.

Written after Google's schema of the export (https://support.google.com/analytics/answer/7029846), its default
channel group (answer/9756891), its rule for repeated transactions (answer/12313109) and its page on traffic
attribution data (https://developers.google.com/analytics/bigquery/traffic-attribution-data).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from cjmining.errors import SourceError
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.sources import traffic
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Sought, Source, as_paths, files_in
from cjmining.ingest.sources.columns import json_text

TOUCHPOINTS = {
    "page_view": "page_viewed", "screen_view": "screen_viewed",
    "view_item": "product_viewed", "view_item_list": "product_list_viewed", "select_item": "product_selected",
    "add_to_wishlist": "wishlist_filled", "add_to_cart": "basket_filled",
    "remove_from_cart": "basket_emptied", "view_cart": "basket_viewed",
    "begin_checkout": "checkout_opened", "add_shipping_info": "shipping_entered",
    "add_payment_info": "payment_entered", "purchase": "order_placed", "in_app_purchase": "order_placed",
    "refund": "order_refunded", "search": "search_done", "view_search_results": "search_done",
    "sign_up": "account_created", "login": "logged_in", "generate_lead": "lead_created",
    "view_promotion": "promotion_viewed", "select_promotion": "promotion_clicked", "ad_click": "ad_clicked",
    "file_download": "file_downloaded", "form_start": "form_started", "form_submit": "form_submitted",
    "share": "content_shared",
}  # fmt: skip
"""Touchpoint of each standard event; the others keep their name."""
SYSTEM = ("session_start", "first_visit", "app_exception", "app_update", "os_update", "ad_impression")
"""What the tag records of its own accord, mostly at the moment of the visitor's first hit."""
DIMENSIONS = {
    "country": "j.geo.country", "region": "j.geo.region", "city": "j.geo.city",
    "browser": "j.device.web_info.browser", "hostname": "j.device.web_info.hostname",
    "operating_system": "j.device.operating_system", "language": "j.device.language",
    "stream": "j.stream_id", "app_version": "j.app_info.version",
}  # fmt: skip
"""Fields of the export that can be dimensions; any other name is an event parameter's."""

_TEXT = "VARCHAR"
_VALUE = {"string_value": _TEXT, "int_value": _TEXT, "float_value": _TEXT, "double_value": _TEXT}
_STRUCTURE: dict[str, Any] = {
    **dict.fromkeys(
        ("event_timestamp", "event_name", "event_bundle_sequence_id", "batch_event_index", "batch_page_id",
         "batch_ordering_id", "user_id", "user_pseudo_id", "platform"), _TEXT,
    ),
    "event_params": [{"key": _TEXT, "value": _VALUE}],
    "privacy_info": {"analytics_storage": _TEXT},
    "device": {"category": _TEXT},
    "collected_traffic_source": dict.fromkeys(
        ("manual_campaign_name", "manual_source", "manual_medium", "gclid", "dclid"), _TEXT
    ),
    "session_traffic_source_last_click": {"google_ads_campaign": {"campaign_name": _TEXT}},
    "ecommerce": {"purchase_revenue": _TEXT, "refund_value": _TEXT, "transaction_id": _TEXT},
    "items": [{"item_id": _TEXT}],
}  # fmt: skip
_TABLE = re.compile(r"events_(intraday_)?(\d{8})(?:\d{12})?(?!\d)")
# The keys and the values of all parameters once for a record, however many of them are looked up: DuckDB
# computes equal expressions of one SELECT once, unless they stand inside a CASE.
_KEYS = "list_transform(j.event_params, lambda p: p.key)"
_VALUES = (
    "list_transform(j.event_params, lambda p: "
    f"coalesce({', '.join(f'CAST(p.value.{slot} AS VARCHAR)' for slot in _VALUE)}))"
)


def _parameter(name: str) -> str:
    """SQL for a parameter's value, whichever of its four slots holds it."""
    return f"{_VALUES}[list_position({_KEYS}, {literal(name)})]"


def _named(value: str) -> str:
    """SQL for a value, NULL where Google writes that there is none: (not set), (none), <Other>."""
    return f"CASE WHEN NOT regexp_matches({value}, '^[(<].*[)>]$') THEN {value} END"


_CONTENTS = (
    "CASE WHEN j.batch_event_index IS NULL THEN concat_ws(chr(29), "
    f"array_to_string({_KEYS}, chr(30)), array_to_string({_VALUES}, chr(30)), "
    "array_to_string(list_transform(j.items, lambda i: i.item_id), chr(30))) END"
)
_COLUMNS = (
    Column("event_timestamp", "time", filled=True),
    Column("event_name", filled=True),
    Column("bundle", path="j.event_bundle_sequence_id"),
    Column("batch_event_index"),
    Column("batch_page_id"),
    Column("batch_ordering_id"),
    Column("user_id"),
    Column("user_pseudo_id"),
    Column("platform"),
    Column("consent", path="j.privacy_info.analytics_storage"),
    Column("device", path="j.device.category"),
    Column("gclid", path="j.collected_traffic_source.gclid"),
    Column("dclid", path="j.collected_traffic_source.dclid"),
    Column("collected_campaign", path="j.collected_traffic_source.manual_campaign_name"),
    Column("collected_source", path="j.collected_traffic_source.manual_source"),
    Column("collected_medium", path="j.collected_traffic_source.manual_medium"),
    Column("ads_campaign", path="j.session_traffic_source_last_click.google_ads_campaign.campaign_name"),
    *(Column(f"p:{name}", path=_parameter(name)) for name in ("campaign", "source", "medium")),
    Column("revenue", "number", path="j.ecommerce.purchase_revenue"),
    Column("refund", "number", path="j.ecommerce.refund_value"),
    Column(
        "value",
        "number",
        path=f"CASE WHEN j.event_name IN ('purchase', 'refund') THEN {_parameter('value')} END",
    ),
    Column("transaction", path="j.ecommerce.transaction_id"),
    Column("p:transaction_id", path=_parameter("transaction_id")),
    Column("currency", path=_parameter("currency")),
    Column("page_location", path=_parameter("page_location")),
    Column("search_term", path=_parameter("search_term")),
    Column("session", path=_parameter("ga_session_id")),
    Column("traffic_type", path=_parameter("traffic_type")),
    Column("debug_mode", path=_parameter("debug_mode")),
    Column("contents", path=_CONTENTS),
)
_KEY = (
    "user_pseudo_id", "user_id", "event_timestamp:text", "event_name", "bundle", "batch_event_index",
    "batch_page_id", "batch_ordering_id", "page_location", "transaction", "contents",
)  # fmt: skip
_CAMPAIGN = (
    "CASE WHEN gclid IS NOT NULL AND collected_campaign IS NULL THEN ads_campaign "
    f"ELSE coalesce({_named('collected_campaign')}, {_named(chr(34) + 'p:campaign' + chr(34))}) END"
)
_SOURCE = (
    "CASE WHEN gclid IS NOT NULL THEN 'google' WHEN dclid IS NOT NULL THEN 'dclid' "
    f"ELSE coalesce({_named('collected_source')}, {_named(chr(34) + 'p:source' + chr(34))}) END"
)
_MEDIUM = (
    "CASE WHEN gclid IS NOT NULL THEN 'cpc' WHEN dclid IS NOT NULL THEN 'cpm' "
    f"ELSE coalesce({_named('collected_medium')}, {_named(chr(34) + 'p:medium' + chr(34))}) END"
)
_TRANSACTION = f"coalesce({_named('transaction')}, {_named(chr(34) + 'p:transaction_id' + chr(34))})"


class GA4(Source):
    """The BigQuery export of Google Analytics 4 (tables `events_YYYYMMDD`) as JSON lines or Parquet.

    What happens on the site or in the app has the channel web or app. Where an event tells how the visit
    came (its collected traffic source, or the parameters source, medium and campaign), an arrival is made
    beside it, once for each source and campaign of a session: `ad_clicked` or `link_followed`, with the
    channel that Google's default channel group gives (search, social, referral, email, ad). A direct visit
    has none.

    The export has no event id: records that agree in user, time, event, batch and parameters are one. Daily
    tables are written again for three days: of a table delivered several times (`events_20260301*` in several
    folders) the fullest delivery counts, whole, and a daily table replaces the intraday one.

    Records without any identifier, as visitors leave who refuse consent, are set aside, and so is internal
    traffic; Google leaves out known robots itself. A purchase told again with its transaction id (the page of
    thanks was loaded again) is a repetition that a map can show; Google's reports count it once, and so does
    `repeated_purchases=False`.

    Parameters
    ----------
    path : path or list of paths
        A folder of .json, .jsonl or .parquet files (also .gz, or in a .zip), or such files.
    name : str
        What the log calls the source.
    arrivals : bool
        Whether arrivals are events of their own.
    internal : bool
        Whether to keep what the tag marks as internal or developer traffic (`traffic_type`).
    debug : bool
        Whether to keep what was sent in debug mode. Google's own filter for it is off unless somebody
        creates it.
    repeated_purchases : bool
        Whether to keep a purchase on the web with the transaction id of an earlier one of the same customer.
    dimensions : sequence of str or {name in the log: field}
        Further dimensions: country, region, city, browser, hostname, operating_system, language, stream,
        app_version, or the name of any event parameter.
    properties : sequence of str
        Event parameters to keep among an event's properties.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.GA4("exports/web", dimensions=["country"])
    GA4(name='web')
    """

    kind: ClassVar[str] = "GA4"
    about: ClassVar[About] = About(
        system="Google Analytics 4",
        layouts=(
            Layout(
                "daily tables of the BigQuery export",
                "events_YYYYMMDD*.json, .jsonl or .parquet, also events_intraday_* (.gz, .zip)",
                columns=("event_timestamp", "event_name", "event_params", "user_pseudo_id"),
                stems=("events",),
            ),
        ),
        touchpoints=(
            *(
                Default(native, ours, channel="web or app, by platform")
                for native, ours in TOUCHPOINTS.items()
            ),
            Default(traffic.NATIVE, "ad_clicked", channel="search, social or ad", note="paid groups"),
            Default(
                traffic.NATIVE, "link_followed", channel="search, social, referral, email", note="others"
            ),
        ),
        identifiers=("cookie", "user_id"),
        measures=("value: revenue of a purchase, negative for a refund, with currency",),
        dimensions=(
            "device: device.category",
            "campaign: the event's own campaign",
            "session: hash of user and ga_session_id",
            "referral: source of an arrival",
        ),
        needs="event_timestamp, event_name; user_pseudo_id or user_id",
        natural_key="user, event_timestamp, event_name, batch_*, parameters; "
        "of a daily table one delivery, the fullest",
        times="microseconds since 1970, UTC",
        robots="known robots are left out by Google; traffic_type internal or developer is set aside; "
        "debug mode is kept unless asked otherwise",
        documentation=(
            "https://support.google.com/analytics/answer/7029846",
            "https://support.google.com/analytics/answer/9756891",
            "https://support.google.com/analytics/answer/12313109",
            "https://developers.google.com/analytics/bigquery/traffic-attribution-data",
        ),
        checked="93 rows of Google's public sample, counted independently",
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "web",
        arrivals: bool = True,
        internal: bool = False,
        debug: bool = True,
        repeated_purchases: bool = True,
        dimensions: Sequence[str] | Mapping[str, str] = (),
        properties: Sequence[str] = (),
    ) -> None:
        super().__init__(name=name)
        self.timezone_given = True  # times are microseconds since 1970 in UTC
        self._path = path
        self._arrivals, self._internal, self._debug = arrivals, internal, debug
        self._repeated_purchases = repeated_purchases
        self._dimensions = named_fields(dimensions, name, "dimensions")
        self._properties = list(named_fields(properties, name, "properties"))

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the export."""
        what = f"source {self.name!r}"
        endings = (".json", ".jsonl", ".ndjson", ".parquet", ".pq")
        inputs = [_of_table(given) for given in files_in(as_paths(self._path, what), endings, what)]
        own = {
            f"d:{name}": DIMENSIONS.get(field) or _parameter(field)
            for name, field in self._dimensions.items()
        }
        own |= {f"q:{name}": _parameter(name) for name in self._properties}
        return [
            Feed(
                "events", inputs, [*_COLUMNS, *(Column(name, path=sql) for name, sql in own.items())],
                self._keep(), [("cookie", "user_pseudo_id"), ("user_id", "user_id")],
                key=[f'"{name}"' for name in _KEY], asides=self._asides(), events=self._events(),
                sought=self._sought(),
                clock=self.clock(epoch="epoch us"), structure=json.dumps(self._structure()),
            )
        ]  # fmt: skip

    def _sought(self) -> list[Sought]:
        """Fields and parameters that were asked for."""
        told = [
            Sought(
                f"contains(properties, {literal(json.dumps(name) + ':')})",
                f"properties: no event has {name!r}",
            )
            for name in self._properties
        ]
        return told + [
            Sought(f"{identifier(f'd:{name}')} IS NOT NULL", f"dimensions: no event has {field!r}")
            for name, field in self._dimensions.items()
        ]

    def _structure(self) -> dict[str, Any]:
        """Return the fields to read: what isn't asked for stays in its column of Parquet."""
        structure: dict[str, Any] = json.loads(json.dumps(_STRUCTURE))
        for field in self._dimensions.values():
            *outer, name = DIMENSIONS.get(field, "").removeprefix("j.").split(".")
            inner = structure
            for each in outer:
                inner = inner.setdefault(each, {})
            if name:
                inner[name] = _TEXT
        return structure

    def _asides(self) -> list[tuple[str, str]]:
        nobody = "user_pseudo_id IS NULL AND user_id IS NULL AND lower(consent) IN ('no', 'false', '0')"
        asides = [(nobody, "no consent, and so no identifier")]
        if not self._internal:
            asides.append(
                ("lower(traffic_type) IN ('internal', 'developer')", "internal or developer traffic")
            )
        if not self._debug:
            asides.append(("lower(debug_mode) IN ('1', 'true')", "sent in debug mode"))
        return asides

    def _keep(self) -> dict[str, str]:
        names = " ".join(f"WHEN {literal(name)} THEN {literal(ours)}" for name, ours in TOUCHPOINTS.items())
        further = {name: identifier(f"q:{name}") for name in self._properties}
        told = {
            "page_path": traffic.path("page_location"),
            "transaction_id": f"pseudonym({_TRANSACTION})",
            "search_term": "search_term",
            **further,
        }
        group = traffic.group(
            source=_SOURCE, medium=_MEDIUM, campaign=_CAMPAIGN, site=traffic.host("page_location")
        )
        bought = f"CASE WHEN event_name = 'purchase' THEN pseudonym({_TRANSACTION}) END"
        return {
            "moment": "event_timestamp",
            "native": "event_name",
            "touchpoint": f"CASE event_name {names} ELSE event_name END",
            "actor": f"CASE WHEN event_name IN ({', '.join(map(literal, SYSTEM))}) "
            "THEN 'system' ELSE 'customer' END",
            "channel": "CASE WHEN upper(platform) IN ('IOS', 'ANDROID') THEN 'app' ELSE 'web' END",
            "device": "device",
            "campaign": _CAMPAIGN,
            # the cookie itself is personal, its hash with the session's number names the session
            "session": "CASE WHEN session IS NOT NULL "
            "THEN pseudonym(left(md5(concat_ws(':', user_pseudo_id, session)), 16)) END",
            "value": "CASE event_name WHEN 'purchase' THEN coalesce(revenue, value) "
            "WHEN 'refund' THEN -abs(coalesce(refund, value)) END",
            "currency": "currency",
            "properties": json_text(told),
            **({} if self._repeated_purchases else {"bought": bought}),
            **({"referral": _SOURCE, "medium": _MEDIUM, "arrived": group} if self._arrivals else {}),
            **{f"d:{name}": identifier(f"d:{name}") for name in self._dimensions},
        }

    def _events(self) -> list[Event]:
        plain = (
            "native", "touchpoint", "actor", "channel", "device", "campaign", "session", "value",
            "properties",
        )  # fmt: skip
        columns = {"timestamp": "moment", "currency": "CASE WHEN value IS NOT NULL THEN currency END"}
        columns |= {name: name for name in plain}
        others = {name: identifier(f"d:{name}") for name in self._dimensions}
        events = [Event(columns, others=others)]
        if not self._repeated_purchases:
            again = "row_number() OVER (PARTITION BY customer, bought ORDER BY moment, sequence) > 1"
            again = f"CASE WHEN channel = 'web' AND {again} THEN 'the same transaction told again' END"
            events = [
                Event(columns, when="bought IS NULL", others=others),
                Event(columns, when="bought IS NOT NULL", withdrawn=again, others=others),
            ]
        return [self._arrival(others), *events] if self._arrivals else events

    def _arrival(self, others: Mapping[str, str]) -> Event:
        synthetic = ", ".join(map(literal, SYSTEM))
        return traffic.arrival(
            {"device": "device", "session": "session"}, others,
            group="arrived", source="referral", medium="medium", campaign="campaign", visit="session",
            when=f"native NOT IN ({synthetic})",
        )  # fmt: skip


def named_fields(given: object, source: str, option: str) -> dict[str, str]:
    """Return {name in the log: field} of an option that lists fields."""
    listed: Any = dict(given) if isinstance(given, Mapping) else given
    if isinstance(listed, Sequence) and not isinstance(listed, str):
        listed = {name: name for name in listed}
    if not isinstance(listed, dict) or not all(
        isinstance(word, str) and word for word in (*listed, *listed.values())
    ):
        raise SourceError(f"source {source!r}: {option} is a list of names or {{name: field}}, not {given!r}")
    return listed


def _of_table(given: Input) -> Input:
    """Say which daily table a file is of, so that one delivery counts."""
    found = _TABLE.search(Path(given.member or given.name).name)
    if found is None:
        return given
    return replace(given, partition=found[2], rank=0 if found[1] else 1)
