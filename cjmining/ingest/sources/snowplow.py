"""Snowplow: enriched events as tab-separated lines, or as the tables and JSON that loaders and SDKs write.

Written after Snowplow's documentation of the enriched TSV format, of timestamps, of how schemas become
columns, of the e-commerce events and of bot detection (https://docs.snowplow.io).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from cjmining.ingest.database import literal
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources import robots, traffic
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Source, as_paths, files_in
from cjmining.ingest.sources.columns import json_text, texts_of
from cjmining.ingest.sources.snowplow_forms import (
    ACTION,
    FIELDS,
    PLAIN,
    TIMES,
    Entities,
    field,
    in_cells,
    in_columns,
)

TOUCHPOINTS = {
    "page_view": "page_viewed", "screen_view": "screen_viewed", "transaction": "order_placed",
    "add_to_cart": "basket_filled", "remove_from_cart": "basket_emptied", "site_search": "search_done",
    "submit_form": "form_submitted", "file_download": "file_downloaded",
    "social_interaction": "content_shared", "ad_click": "ad_clicked",
}  # fmt: skip
"""Touchpoint of each event of Snowplow's own; the others keep their name."""
ACTIONS = {
    "product_view": "product_viewed", "list_view": "product_list_viewed", "list_click": "product_selected",
    "add_to_cart": "basket_filled", "remove_from_cart": "basket_emptied", "promo_view": "promotion_viewed",
    "promo_click": "promotion_clicked", "transaction": "order_placed", "refund": "order_refunded",
    "trns_error": "payment_entered",
}  # fmt: skip
"""Touchpoint of each type of the e-commerce action; the first checkout step opens the checkout."""
SYSTEM = ("application_error", "timing", "web_vitals", "performance_timing", "ad_impression")


_LINE = r"^([^\t]*\t){3}[0-9]{4}-[0-9]{2}-[0-9]{2} [^\t]*\t[^\t]*\t[a-z_]+\t[0-9a-fA-F-]{36}(\t[^\t]*){124}$"


class Snowplow(Source):
    """Enriched events of Snowplow, as TSV, or as Parquet and JSON with the warehouse's columns.

    Self-describing events are called by the name of their schema, structured ones by category and action. The
    time is `derived_tstamp`. Events are delivered at least once: of those with one event id and fingerprint
    the first that was collected counts. Page pings, and the items of transactions beside their transaction,
    are set aside and counted.

    A page view with campaign tags, or referred to by another site, makes an arrival beside it, once for each
    source and campaign of a session: `ad_clicked` or `link_followed`, on the channel that its channel group
    gives (search, social, referral, email, ad).

    Parameters
    ----------
    path : path or list of paths
        A folder of .tsv, .txt, .parquet, .json or .jsonl files (also .gz, or in a .zip), or files of any
        name: without a known ending they are read as TSV.
    name : str
        What the log calls the source.
    arrivals : bool
        Whether arrivals are events of their own.
    page_pings : bool
        Whether to keep page pings.
    robots : bool
        Whether to keep robots.
    app_ids : sequence of str, optional
        The apps to read; events of others, such as those of a test environment, are set aside.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Snowplow("exports/events", app_ids=["shop"])
    Snowplow(name='web')
    """

    kind: ClassVar[str] = "Snowplow"
    about: ClassVar[About] = About(
        system="Snowplow",
        layouts=(
            Layout(
                "enriched events",
                "*.tsv, *.txt: 131 columns between tabs, no header, no quotes",
                pattern=_LINE,
            ),
            Layout(
                "warehouse tables",
                "*.parquet, *.json, *.jsonl with the events table's columns",
                columns=("event_id", "collector_tstamp", "domain_userid", "v_tracker"),
            ),
        ),
        touchpoints=(
            *(Default(native, ours, channel="web, app") for native, ours in TOUCHPOINTS.items()),
            *(Default(f"{ACTION}: {kind}", ours, channel="web, app",
                      failed="always" if kind == "trns_error" else "") for kind, ours in ACTIONS.items()),
            Default(f"{ACTION}: checkout_step", "checkout_opened", channel="web, app", note="step 1"),
            Default(traffic.NATIVE, "ad_clicked", channel="search, social or ad", note="paid groups"),
            Default(
                traffic.NATIVE, "link_followed", channel="search, social, referral, email", note="others"
            ),
        ),
        identifiers=("user_id", "email", "cookie", "device"),
        measures=("value: total of a transaction, negative for a refund, with currency",),
        dimensions=(
            "device: dvce_type, else YAUAA's deviceClass", "campaign: mkt_campaign",
            "session: hash of domain_sessionid or the mobile session", "referral: source of an arrival",
        ),
        failed="trns_error",
        needs="event_id, collector_tstamp",
        natural_key="event_id and event_fingerprint; the first collected counts",
        times="derived_tstamp, UTC, to the millisecond",
        robots="set aside where IAB, YAUAA, the bot detection entity, br_type or the user agent says so",
        documentation=(
            "https://docs.snowplow.io/docs/pipeline/enriched-tsv-format/",
            "https://docs.snowplow.io/docs/api-reference/loaders-storage-targets/schemas-in-warehouse/",
            "https://docs.snowplow.io/docs/events/ootb-data/ecommerce-events/",
            "https://docs.snowplow.io/docs/pipeline/enrichments/available-enrichments/bot-detection-enrichment/",
        ),
        checked="one enriched event of Snowplow's Python SDK, field by field",
    )  # fmt: skip
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "web",
        arrivals: bool = True,
        page_pings: bool = False,
        robots: bool = False,
        app_ids: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name=name)
        self.timezone_given = True  # all times are UTC
        self._path = path
        self._arrivals, self._page_pings, self._robots = arrivals, page_pings, robots
        self._app_ids = None if app_ids is None else texts_of(app_ids, name, "app_ids")

    def feeds(self) -> Sequence[Feed]:
        """Return a feed for lines of text, and one for tables with columns."""
        what = f"source {self.name!r}"
        endings = (".tsv", ".txt", ".csv", ".parquet", ".pq", ".json", ".jsonl", ".ndjson")
        inputs = files_in(as_paths(self._path, what), endings, what)
        lines = [each for each in inputs if each.format == "csv"]
        tables = [each for each in inputs if each.format != "csv"]
        dialect = Dialect(delimiter="\t", quote="", names=FIELDS)
        return [
            self._feed("events", lines, in_cells(), dialect),
            self._feed("tables", tables, in_columns(), Dialect()),
        ]

    def _feed(self, name: str, inputs: Sequence[Input], entities: Entities, dialect: Dialect) -> Feed:
        columns = [
            *(Column(each, filled=each == "event_id", needed=each == "event_id") for each in PLAIN),
            *(Column(each, "time", needed=each == "collector_tstamp") for each in TIMES),
            Column("tr_total", "number"),
            *entities.columns,
        ]
        return Feed(
            name, inputs, columns, self._keep(entities), self._identifiers(entities),
            key=("event_id", "event_fingerprint"), version="-epoch_us(collector_tstamp)",
            checks=[(f"{_MOMENT} IS NULL", "no time that can be read")],
            asides=self._asides(entities), events=self._events(), clock=self.clock(),
            structure=entities.structure, dialect=dialect,
        )  # fmt: skip

    def _asides(self, entities: Entities) -> list[tuple[str, str]]:
        asides = []
        if self._app_ids:
            known = ", ".join(map(literal, self._app_ids))
            asides.append((f"coalesce(app_id, '') NOT IN ({known})", "of another app"))
        if not self._robots:
            said = (
                f"regexp_matches({entities.robot}, "
                r"""'(?i)("spider_?or_?robot"|"bot"|"likely_?bot")\s*:\s*true|"(device|agent)_?class"\s*:\s*"robot')"""
            )
            asides.append((f"{said} OR br_type = 'Robot'", "a robot, by Snowplow's enrichments"))
            asides.append((robots.is_robot("useragent"), robots.REASON))
        if not self._page_pings:
            asides.append(("event = 'page_ping' OR event_name = 'page_ping'", "a page ping"))
        asides.append(("event = 'transaction_item'", "an item of a transaction"))
        return asides

    def _identifiers(self, entities: Entities) -> list[tuple[str, str]]:
        return [
            ("user_id", "CASE WHEN NOT contains(user_id, '@') THEN user_id END"),
            ("email", "CASE WHEN contains(user_id, '@') THEN user_id END"),
            ("cookie", "domain_userid"),
            ("cookie", f"CASE WHEN network_userid <> '{_NOBODY}' THEN network_userid END"),
            ("cookie", "refr_domain_userid"),  # of the same visitor on the site they came from
            ("device", field(entities.session, "userId", "user_id")),
        ]

    def _keep(self, entities: Entities) -> dict[str, str]:
        action = field(entities.action, "type")
        native = (
            f"CASE WHEN event_name = '{ACTION}' THEN concat_ws(': ', event_name, {action}) "
            "WHEN event = 'struct' THEN coalesce(nullif(concat_ws(': ', se_category, se_action), ''), event) "
            "ELSE coalesce(nullif(event_name, ''), event, '(no name)') END"
        )
        by_name = " ".join(f"WHEN {literal(each)} THEN {literal(ours)}" for each, ours in TOUCHPOINTS.items())
        by_action = " ".join(f"WHEN {literal(each)} THEN {literal(ours)}" for each, ours in ACTIONS.items())
        step = f"TRY_CAST({field(entities.step, 'step')} AS INTEGER)"
        touchpoint = (
            f"CASE WHEN event_name = '{ACTION}' THEN CASE {action} {by_action} "
            f"WHEN 'checkout_step' THEN CASE WHEN coalesce({step}, 1) = 1 THEN 'checkout_opened' "
            f"ELSE 'checkout_step' END ELSE coalesce({action}, event_name) END "
            f"WHEN event = 'struct' THEN {native} ELSE CASE coalesce(event_name, event) {by_name} "
            f"ELSE {native} END END"
        )
        paid = f"TRY_CAST({field(entities.transaction, 'revenue')} AS DOUBLE)"
        back = f"TRY_CAST({field(entities.refund, 'refundAmount', 'refund_amount')} AS DOUBLE)"
        session = field(entities.session, "sessionId", "session_id")
        currency = ", ".join(field(each, "currency") for each in (entities.transaction, entities.refund))
        order = ", ".join(
            field(each, "transactionId", "transaction_id") for each in (entities.transaction, entities.refund)
        )
        device = "nullif(lower(coalesce(dvce_type, "
        device += f'regexp_extract({entities.robot}, \'"device_?[cC]lass"\\s*:\\s*"([^"]*)"\', 1))), \'\')'
        told = {
            "page_path": f"coalesce(page_urlpath, {traffic.path('page_url')})",
            "transaction_id": f"pseudonym(coalesce(tr_orderid, {order}))",
            "se_label": "se_label",
        }
        site = f"coalesce(lower(page_urlhost), {traffic.host('page_url')})"
        kept = {
            "moment": _MOMENT,
            "native": native,
            "touchpoint": touchpoint,
            "actor": f"CASE WHEN event_name IN ({', '.join(map(literal, SYSTEM))}) "
            "THEN 'system' ELSE 'customer' END",
            "channel": "CASE WHEN platform IN ('mob', 'app', 'pc', 'tv', 'cnsl', 'iot') "
            "THEN 'app' ELSE 'web' END",
            "device": device,
            "campaign": "mkt_campaign",
            "session": f"pseudonym(left(md5(coalesce(domain_sessionid, {session})), 16))",
            "failed": f"CASE WHEN event_name = '{ACTION}' AND {action} = 'trns_error' THEN TRUE END",
            "value": f"CASE WHEN event_name = '{ACTION}' THEN CASE {action} WHEN 'transaction' THEN {paid} "
            f"WHEN 'refund' THEN -abs({back}) END WHEN event = 'transaction' THEN tr_total END",
            "currency": f"coalesce(tr_currency, {currency})",
            "properties": json_text(told),
        }
        if self._arrivals:
            kept |= {
                "referral": _SOURCE,
                "medium": _MEDIUM,
                "arrived": "CASE WHEN event = 'page_view' OR event_name IN ('page_view', 'screen_view') THEN "
                f"{traffic.group(source=_SOURCE, medium=_MEDIUM, campaign='mkt_campaign', site=site)} END",
            }
        return kept

    def _events(self) -> list[Event]:
        plain = (
            "native", "touchpoint", "actor", "channel", "device", "campaign", "session", "failed", "value",
            "properties",
        )  # fmt: skip
        columns = {"timestamp": "moment", "currency": "CASE WHEN value IS NOT NULL THEN currency END"}
        events = [Event(columns | {name: name for name in plain})]
        if not self._arrivals:
            return events
        arrival = traffic.arrival(
            {"device": "device", "session": "session"}, {},
            group="arrived", source="referral", medium="medium", campaign="campaign", visit="session",
        )  # fmt: skip
        return [arrival, *events]


_NOBODY = "00000000-0000-0000-0000-000000000000"
_MOMENT = "coalesce(derived_tstamp, true_tstamp, collector_tstamp)"
_CLICKS = (
    "CASE mkt_network WHEN 'Google' THEN 'google' WHEN 'Microsoft' THEN 'bing' ELSE lower(mkt_network) END"
)
_SITE = "regexp_replace(lower(refr_urlhost), '^www[.]', '')"
_SOURCE = (
    f"coalesce(mkt_source, {_CLICKS}, CASE WHEN coalesce(refr_medium, '') <> 'internal' THEN {_SITE} END)"
)
_REFERRED = (
    "CASE refr_medium WHEN 'search' THEN 'organic' WHEN 'social' THEN 'social' WHEN 'email' THEN 'email' "
    "WHEN 'paid' THEN 'cpc' WHEN 'internal' THEN NULL "
    "ELSE CASE WHEN refr_urlhost IS NOT NULL THEN 'referral' END END"
)
# tags of a campaign stand for themselves: the referring site tells nothing of their medium
_MEDIUM = (
    "coalesce(mkt_medium, CASE WHEN mkt_network IS NOT NULL OR mkt_clickid IS NOT NULL THEN 'cpc' END, "
    f"CASE WHEN mkt_source IS NULL THEN {_REFERRED} END)"
)
