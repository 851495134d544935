"""Segment: calls as JSON, or the tables of a warehouse.

Written after Segment's specification of calls, of e-commerce and e-mail events, and of warehouse schemas
(https://segment.com/docs/connections/spec/, .../storage/warehouses/schema/). RudderStack writes the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from cjmining.errors import SourceError, shorten
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.files import stem_of
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources import robots, traffic
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Input, LeftOut, Source, as_paths, files_in
from cjmining.ingest.sources.columns import column_names, json_text, texts_of
from cjmining.ingest.sources.segment_forms import COLUMNS, PROPERTIES, STRUCTURE

TOUCHPOINTS = {
    "Products Searched": "search_done", "Product List Viewed": "product_list_viewed",
    "Product List Filtered": "product_list_viewed", "Promotion Viewed": "promotion_viewed",
    "Promotion Clicked": "promotion_clicked", "Product Clicked": "product_selected",
    "Product Viewed": "product_viewed", "Product Added": "basket_filled", "Product Removed": "basket_emptied",
    "Cart Viewed": "basket_viewed", "Checkout Started": "checkout_opened",
    "Payment Info Entered": "payment_entered", "Order Completed": "order_placed",
    "Order Refunded": "order_refunded", "Order Cancelled": "order_cancelled",
    "Product Added to Wishlist": "wishlist_filled", "Wishlist Product Added to Cart": "basket_filled",
    "Product Shared": "content_shared", "Cart Shared": "content_shared", "Signed Up": "account_created",
    "Account Created": "account_created", "Signed In": "logged_in", "Email Bounced": "email_bounced",
    "Email Delivered": "email_delivered", "Email Link Clicked": "email_clicked",
    "Email Marked as Spam": "spam_reported", "Email Opened": "email_opened", "Unsubscribed": "unsubscribed",
    "Live Chat Conversation Started": "chat_queued", "Live Chat Conversation Ended": "chat_ended",
}  # fmt: skip
"""Touchpoint of each event of the specification; the others keep their name."""
EMAIL = ("Email Bounced", "Email Delivered", "Email Link Clicked", "Email Marked as Spam", "Email Opened",
         "Unsubscribed")  # fmt: skip
SYSTEM = ("Email Bounced", "Email Delivered", "Application Crashed", "Experiment Viewed")
KNOWN_TABLES = ("tracks", "pages", "screens", "identifies", "groups", "accounts", "aliases", "users")

_CALLS = {
    "tracks": "track", "pages": "page", "screens": "screen", "identifies": "identify", "aliases": "alias",
}  # fmt: skip


class Segment(Source):
    """Calls of Segment or RudderStack (track, page, screen, identify, alias), as JSON or in tables.

    Events of Segment's specification become touchpoints; others keep the name that the company gave them.
    Identify and alias calls are no touchpoints: they tell who is who (`anonymousId` is a cookie, `userId` the
    company's own number, the traits email and phone what they say). The time is `timestamp`, which Segment
    has corrected for wrong clocks; where it lies after the call's arrival, that one counts. Calls delivered
    again (`messageId`) count once; of a warehouse's two rows of a track call the one in the event's own table
    does.

    A page or screen call with campaign tags, or referred to by another site, makes an arrival beside it:
    `ad_clicked` or `link_followed`, on the channel that its channel group gives.

    Parameters
    ----------
    path : path or list of paths
        A folder of .json or .jsonl files (calls), and of .csv or .parquet files named by their table (tracks,
        pages, screens, identifies, aliases, users, and one for each event), also .gz or in a .zip.
    name : str
        What the log calls the source.
    arrivals : bool
        Whether arrivals are events of their own.
    robots : bool
        Whether to keep robots.
    properties : sequence of str
        Properties of calls to keep among an event's properties.
    region : str, optional
        Country of phone numbers without country code, such as "DE".

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Segment("exports/segment", properties=["plan"])
    Segment(name='web')
    """

    kind: ClassVar[str] = "Segment"
    about: ClassVar[About] = About(
        system="Segment",
        layouts=(
            Layout(
                "calls",
                "*.json, *.jsonl: one call a line, or in lists",
                columns=("type", "messageId", "context"),
            ),
            Layout(
                "warehouse tables",
                "tracks, pages, screens, identifies, aliases, users, one table an event; CSV or Parquet",
                columns=("id", "received_at", "anonymous_id", "original_timestamp"),
                stems=("tracks", "pages", "screens", "identifies", "aliases"),
            ),
        ),
        touchpoints=(
            *(
                Default(
                    native,
                    ours,
                    actor="system" if native in SYSTEM else "customer",
                    channel="email" if native in EMAIL else "chat" if "Chat" in native else "web, app",
                )
                for native, ours in TOUCHPOINTS.items()
            ),
            Default("page", "page_viewed", channel="web, app"),
            Default("screen", "screen_viewed", channel="app"),
            Default(traffic.NATIVE, "ad_clicked", channel="search, social or ad", note="paid groups"),
            Default(
                traffic.NATIVE, "link_followed", channel="search, social, referral, email", note="others"
            ),
        ),
        identifiers=("user_id", "email", "phone", "cookie", "device"),
        measures=("value: revenue of an order, else its total; negative for a refund, with currency",),
        dimensions=(
            "device: context.device.type",
            "campaign: context.campaign.name",
            "referral: source of an arrival",
        ),
        needs="messageId or id; userId or anonymousId; a timestamp",
        natural_key="messageId (id in tables); the fullest record counts, then the first received",
        times="timestamp, UTC, to the millisecond; a later arrival than receivedAt is a wrong clock",
        failed="Email Bounced",
        robots="set aside by context.userAgent, for calls of the browser's library",
        documentation=(
            "https://segment.com/docs/connections/spec/",
            "https://segment.com/docs/connections/spec/ecommerce/v2/",
            "https://segment.com/docs/connections/spec/email/",
            "https://segment.com/docs/connections/storage/warehouses/schema/",
        ),
        checked="the track call of Segment's documentation, field by field",
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "web",
        arrivals: bool = True,
        robots: bool = False,
        properties: Sequence[str] = (),
        region: str | None = None,
    ) -> None:
        super().__init__(name=name, region=region)
        self.timezone_given = True  # all times are UTC
        self._path = path
        self._arrivals, self._robots = arrivals, robots
        self._properties = texts_of(properties, name, "properties")

    def feeds(self) -> Sequence[Feed]:
        """Return a feed for the calls, and one for each kind of table."""
        what = f"source {self.name!r}"
        endings = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".pq")
        inputs = files_in(as_paths(self._path, what), endings, what)
        calls = [each for each in inputs if each.format == "json"]
        tables = self._tables([each for each in inputs if each.format != "json"], what)
        return [self._calls(calls), *(self._table(name, files) for name, files in tables.items())]

    def _tables(self, inputs: Sequence[Input], what: str) -> dict[str, list[Input]]:
        """Sort the files by the kind of their table; what is no table of Segment's is left alone."""
        tables: dict[str, list[Input]] = {name: [] for name in (*_CALLS, "users")}
        strange = []
        for given in inputs:
            stem = stem_of(given)
            if stem in tables:
                tables[stem].append(given)
            elif stem not in KNOWN_TABLES and _EVENT_TABLE.issubset(column_names(given, Dialect())):
                tables["tracks"].append(given)
            else:
                strange.append(given.name)
        if inputs and not any(tables.values()) and len(strange) == len(inputs):
            raise SourceError(
                f"{what}: none of the files is a table of Segment's warehouse, such as tracks.csv or "
                f"order_completed.csv with the columns {', '.join(sorted(_EVENT_TABLE))}; found "
                f"{shorten(strange)}"
            )
        return tables

    def _calls(self, inputs: Sequence[Input]) -> Feed:
        structure = {**STRUCTURE, "properties": {**STRUCTURE["properties"], **self._own("VARCHAR")}}
        columns = [
            Column("call", filled=True, path="lower(j.type)"),
            Column("id", path="j.messageId"),
            Column("event", path="j.event"),
            Column("previous_id", path="j.previousId"),
            Column("email", path="j.traits.email"),
            Column("phone", path="j.traits.phone"),
            *COLUMNS, *PROPERTIES,
            *(Column(f"q:{name}", path=f"j.properties.{identifier(name)}") for name in self._properties),
        ]  # fmt: skip
        return self._feed("calls", inputs, columns, call="call", event="event", structure=structure)

    def _table(self, name: str, inputs: Sequence[Input]) -> Feed:
        if name == "users":
            return self._users(inputs)
        event, own = "NULL", []
        if name == "tracks":
            event, own = "coalesce(event_text, event)", [Column("event", needed=True), Column("event_text")]
        if name == "aliases":
            own = [Column("previous_id", needed=True)]
        if name == "identifies":
            own = [Column("email"), Column("phone")]
        further = [Column(f"q:{each}", aliases=(each, _snake(each))) for each in self._properties]
        columns = [Column("id", needed=True, filled=True), *own, *COLUMNS, *PROPERTIES, *further]
        return self._feed(name, inputs, columns, call=literal(_CALLS[name]), event=event)

    def _users(self, inputs: Sequence[Input]) -> Feed:
        """The table of users: nothing happens in it, but it says whose address is whose."""
        columns = [Column("id", needed=True, filled=True), Column("email"), Column("phone")]
        columns.append(Column("received_at", "time"))
        ids = [*_of_user("id"), ("email", "email"), (self.phone(), "phone")]
        return Feed(
            "users", inputs, columns, {"moment": "received_at"}, ids, key=("id",), version="received_at",
            clock=self.clock(),
        )  # fmt: skip

    def _feed(
        self,
        name: str,
        inputs: Sequence[Input],
        columns: Sequence[Column],
        *,
        call: str,
        event: str,
        structure: Mapping[str, Any] | None = None,
    ) -> Feed:
        there = {column.name for column in columns}
        texts = [identifier(f"{column.name}:text") for column in columns]
        filled = " + ".join(f"({text} IS NOT NULL)::INTEGER" for text in texts)
        content = f"concat_ws(chr(29), {call}, {event}, {_MOMENT}, user_id, anonymous_id)"
        return Feed(
            name, inputs, columns, self._keep(call, event), self._identifiers(call, there),
            key=("id", f"CASE WHEN id IS NULL THEN {content} END"),
            version=f"({filled}) * 1e13 - epoch_ms(coalesce(received_at, timestamp))",
            checks=[(f"{call} IN ({_HAPPENS}) AND {_MOMENT} IS NULL", "no time that can be read"),
                    (f"{call} = 'track' AND {event} IS NULL", "a track call without an event")],
            asides=self._asides(call), left_out=self._left_out(call, event), events=self._events(),
            clock=self.clock(), structure=json.dumps(structure) if structure else "", wrapped=("batch",),
        )  # fmt: skip

    def _asides(self, call: str) -> list[tuple[str, str]]:
        known = "'track', 'page', 'screen', 'identify', 'alias'"
        asides = [(f"{call} NOT IN ({known})", "a call that tells nothing of a person (group or another)")]
        if not self._robots:
            in_browser = f"coalesce(context_library_name, {_IN_BROWSER[0]}) IN ({', '.join(_IN_BROWSER)})"
            asides.append((f"{in_browser} AND {robots.is_robot('context_user_agent')}", robots.REASON))
        return asides

    def _left_out(self, call: str, event: str) -> list[LeftOut]:
        found = []
        for name in ("revenue", "total", "value"):
            text = identifier(f"{name}:text")
            is_order = f"{call} = 'track' AND {_slug(event)} IN ('order_completed', 'order_refunded')"
            condition = f"{text} IS NOT NULL AND {identifier(name)} IS NULL AND {is_order}"
            found.append(LeftOut(name, condition, text, f"{name} is no number", "value"))
        return found

    def _identifiers(self, call: str, there: set[str]) -> list[tuple[str, str]]:
        found = [*_of_user("user_id"), ("cookie", "anonymous_id")]
        if "previous_id" in there:  # the id before, of either kind
            previous = f"CASE WHEN {call} = 'alias' AND NOT contains(previous_id, '@') THEN previous_id END"
            mail = f"CASE WHEN {call} = 'alias' AND contains(previous_id, '@') THEN previous_id END"
            found += [("cookie", previous), ("user_id", previous), ("email", mail)]
            found.append(("merged", f"CASE WHEN {call} = 'alias' THEN 'user_id' END"))
        found += [("email", "context_traits_email"), (self.phone(), "context_traits_phone")]
        if "email" in there:  # a group's traits are a company's
            found.append(("email", f"CASE WHEN {call} = 'identify' THEN email END"))
            found.append((self.phone(), f"CASE WHEN {call} = 'identify' THEN phone END"))
        nobody = "'00000000-0000-0000-0000-000000000000'"
        for column in ("context_device_id", "context_device_advertising_id"):
            found.append(("device", f"CASE WHEN {column} <> {nobody} THEN {column} END"))
        return found

    def _keep(self, call: str, event: str) -> dict[str, str]:
        names = " ".join(f"WHEN {literal(_snake(n))} THEN {literal(ours)}" for n, ours in TOUCHPOINTS.items())
        system = ", ".join(literal(_snake(native)) for native in SYSTEM)
        mails = ", ".join(literal(_snake(native)) for native in EMAIL)
        slug = _slug(event)
        url = "coalesce(url, context_page_url)"
        site, referrer = traffic.host(url), traffic.host("coalesce(referrer, context_page_referrer)")
        source = f"coalesce(context_campaign_source, {referrer})"
        medium = (
            "coalesce(context_campaign_medium, CASE WHEN context_campaign_source IS NULL "
            f"AND {referrer} IS NOT NULL THEN 'referral' END)"
        )
        in_app = (
            f"{call} = 'screen' OR regexp_matches({_LIBRARY}, 'ios|android|react-native|flutter') "
            "OR (coalesce(context_library_name, '') <> 'analytics.js' "
            "AND lower(context_device_type) IN ('ios', 'android'))"
        )
        told = {
            "page_path": f"coalesce(path, context_page_path, {traffic.path(url)})",
            "name": f"CASE WHEN {call} IN ('page', 'screen') THEN name END",
            "order_id": "pseudonym(order_id)",
            "search_term": "query",
            **{name: identifier(f"q:{name}") for name in self._properties},
        }
        kept = {
            "moment": _MOMENT,
            "call": call,
            "native": f"CASE WHEN {call} = 'track' THEN {event} ELSE {call} END",
            "touchpoint": f"CASE {call} WHEN 'page' THEN 'page_viewed' WHEN 'screen' THEN 'screen_viewed' "
            f"ELSE CASE {slug} {names} ELSE {event} END END",
            "actor": f"CASE WHEN {slug} IN ({system}) THEN 'system' ELSE 'customer' END",
            "channel": f"CASE WHEN {slug} IN ({mails}) THEN 'email' WHEN starts_with({slug}, 'live_chat_') "
            f"THEN 'chat' WHEN {in_app} THEN 'app' ELSE 'web' END",
            "device": "lower(context_device_type)",
            "campaign": "context_campaign_name",
            "failed": f"CASE WHEN {slug} = 'email_bounced' THEN TRUE END",
            "value": f"CASE {slug} WHEN 'order_completed' THEN coalesce(revenue, total, value) "
            "WHEN 'order_refunded' THEN -abs(coalesce(total, revenue, value)) END",
            "currency": "currency",
            "properties": json_text(told),
        }
        if self._arrivals:
            group = traffic.group(source=source, medium=medium, campaign="context_campaign_name", site=site)
            kept |= {
                "referral": source,
                "medium": medium,
                "arrived": f"CASE WHEN {call} IN ('page', 'screen') THEN {group} END",
            }
        return kept

    def _events(self) -> list[Event]:
        plain = (
            "native", "touchpoint", "actor", "channel", "device", "campaign", "failed", "value", "properties",
        )  # fmt: skip
        columns = {"timestamp": "moment", "currency": "CASE WHEN value IS NOT NULL THEN currency END"}
        events = [Event(columns | {name: name for name in plain}, when=f"call IN ({_HAPPENS})")]
        if not self._arrivals:
            return events
        arrival = traffic.arrival(
            {"device": "device"}, {},
            group="arrived", source="referral", medium="medium", campaign="campaign",
        )  # fmt: skip
        return [arrival, *events]

    def _own(self, kind: str) -> dict[str, str]:
        return dict.fromkeys(self._properties, kind)


_HAPPENS = "'track', 'page', 'screen'"
_IN_BROWSER = ("'analytics.js'", "'@segment/analytics-next'")
_LIBRARY = "lower(context_library_name)"
_EVENT_TABLE = {"id", "event", "event_text", "received_at"}
# a time after the call's arrival comes from a clock that is wrong; Segment says that this happens
_MOMENT = (
    "CASE WHEN received_at < coalesce(timestamp, original_timestamp) THEN received_at "
    "ELSE coalesce(timestamp, original_timestamp, received_at) END"
)


def _of_user(column: str) -> list[tuple[str, str]]:
    """The company's own number of a user, which some companies make their e-mail address."""
    return [
        ("user_id", f"CASE WHEN NOT contains({column}, '@') THEN {column} END"),
        ("email", f"CASE WHEN contains({column}, '@') THEN {column} END"),
    ]


def _slug(event: str) -> str:
    """SQL for an event's name as the warehouse writes it: order_completed."""
    return f"trim(regexp_replace(lower({event}), '[^a-z0-9]+', '_', 'g'), '_')"


def _snake(name: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
