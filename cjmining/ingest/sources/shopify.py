"""Shopify: the orders that the admin exports (orders_export.csv), one row for each line item.

Columns as documented at help.shopify.com ("Exporting orders") and seen in exports of several shops, which
differ in the spelling of some names; values of Source as in the documentation of the API's `source_name`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from cjmining.errors import SourceError, nearest
from cjmining.ingest.database import literal
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, LeftOut, Source
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.headers import files_by_header

VALUES = {"total": '"Total"', "subtotal": '"Subtotal"', "net": '"Total" - "Taxes" - "Shipping"'}
CHANNELS = {"web": "web", "pos": "store", "iphone": "app", "android": "app", "shopify_draft_order": "crm"}
_NEEDED = ("Name", "Financial Status", "Created at", "Lineitem name")
_FURTHER = '("Total" IS NULL AND "Subtotal" IS NULL AND "Currency" IS NULL AND "Financial Status" IS NULL)'
_OF_ORDER = '(PARTITION BY "Name")'
_SOUND = '"r:reason" IS NULL'
"""Rows that are not spoilt: what an order is told of its line items depends on these alone."""
_ORDER = 'coalesce("Id", "Name")'
_NAMED = 'coalesce("Lineitem sku", "Lineitem name")'
_MONEY = ("Subtotal", "Shipping", "Taxes", "Total", "Refunded Amount", "Lineitem quantity")
_TOLD = (
    "Financial Status", "Fulfillment Status", "Payment Method", "Shipping Method", "Location", "Vendor",
    "Risk Level", "Source", "Discount Amount", "Total",
)  # fmt: skip


class Shopify(Source):
    """Orders as Shopify's admin exports them.

    An order gives `order_placed`, `order_paid`, `order_shipped` and `order_cancelled`; a sale at the till
    (Source pos) is one `store_visited`. Rows with the order's further line items are set aside, after their
    number and articles have been told to the order's event. The file has no time of a refund, so that there
    is no event of it: the order's value is what the shop kept. Test orders are set aside.

    Parameters
    ----------
    path : path or list of paths
        orders_export.csv (also .gz, .zip), or a folder that holds such files among others.
    name : str
        What the log calls the source.
    value : {"total", "subtotal", "net"}
        Of what `value` is: Total (what was paid, with taxes and shipping), Subtotal (articles after
        discounts), or Total without Taxes and Shipping.
    refunds : {"subtract", "ignore"}
        Whether an order's value is reduced by the share of it that was given back.
    guests : bool
        Whether an order that names nobody (no e-mail address and no phone number, as most sales at a till)
        becomes a customer of its own; else it is set aside.
    channels : {Source: channel}, optional
        What orders of other apps and sales channels are, such as {"580111": "web"}.
    timezone : str, optional
        Zone of times without an offset, which Shopify doesn't write; default UTC.
    region : str, optional
        Country of phone numbers without country code, such as "DE".

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Shopify("exports/orders_export.csv", value="net", region="FR")
    Shopify(name='shop')
    """

    kind: ClassVar[str] = "Shopify"
    about: ClassVar[About] = About(
        system="Shopify",
        layouts=(Layout("orders", "orders_export.csv", _NEEDED, stems=("orders_export", "orders")),),
        touchpoints=(
            Default("order", "order_placed", channel="by Source: web, app, or the channel's name"),
            Default("order made by staff", "order_placed", "company", channel="crm"),
            Default("POS sale", "store_visited", channel="store", note="paid and handed over at once"),
            Default("payment (Paid at)", "order_paid", channel="as the order"),
            Default("fulfillment (Fulfilled at)", "order_shipped", "company", channel="as the order"),
            Default("cancellation (Cancelled at)", "order_cancelled", "company", channel="as the order"),
        ),
        identifiers=("email", "phone", "order_id"),
        measures=("value: Total less what was refunded; Subtotal or net by option. currency: Currency",),
        dimensions=("campaign: Discount Code", "country: Shipping Country, else Billing Country"),
        needs="Name, Financial Status, Created at, Lineitem name",
        natural_key=(
            "Id (else Name); no column tells when an order changed, so the export with the most progress "
            "counts: the latest of its times, then the larger refund, then its states"
        ),
        times="with their offset, to the second",
        robots="orders by the Bogus gateway and orders tagged 'test' are set aside",
        documentation=(
            "https://help.shopify.com/en/manual/orders/export-orders",
            "https://shopify.dev/docs/api/admin-rest/latest/resources/order",
        ),
        checked="columns and continuation rows against exports quoted in public repositories",
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "shop",
        value: str = "total",
        refunds: str = "subtract",
        guests: bool = False,
        channels: Mapping[str, str] | None = None,
        timezone: str | None = None,
        region: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone, region=region)
        for option, given, known in (
            ("value", value, tuple(VALUES)),
            ("refunds", refunds, ("subtract", "ignore")),
        ):
            if given not in known:
                raise SourceError(
                    f"source {name!r}: {option} is one of {', '.join(map(repr, known))}, not {given!r}"
                    f"{nearest(str(given), known)}"
                )
        if not isinstance(channels or {}, Mapping):
            raise SourceError(f"source {name!r}: channels is {{Source: channel}}, not {channels!r}")
        self._path = path
        self._value, self._refunds, self._guests = value, refunds, guests
        self._channels = {**CHANNELS, **{str(k).lower(): str(v) for k, v in (channels or {}).items()}}

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the orders."""
        dialect = Dialect(quote='"')
        inputs = files_by_header(self._path, {"orders": _NEEDED}, self.name, dialect)["orders"]
        return [
            Feed(
                "orders", inputs, _columns(), self._keep(), self._identifiers(),
                key=(_ORDER, f"CASE WHEN {_FURTHER} THEN {_line_item()} END"),
                version=_progress(),
                checks=[(f'"Created at" IS NULL AND NOT {_FURTHER}', "Created at is empty")],
                asides=_asides(),
                left_out=[_no_number(name) for name in _MONEY],
                events=_events(), clock=self.clock(), dialect=dialect,
            )
        ]  # fmt: skip

    def _keep(self) -> dict[str, str]:
        named = " ".join(
            f"WHEN {literal(source)} THEN {literal(channel)}" for source, channel in self._channels.items()
        )
        till = "coalesce(lower(\"Source\"), CASE WHEN \"Location\" IS NOT NULL THEN 'pos' ELSE 'web' END)"
        value = VALUES[self._value]
        if self._refunds == "subtract":
            kept = 'greatest(0, 1 - coalesce("Refunded Amount", 0) / nullif("Total", 0))'
            value = f"({value}) * coalesce({kept}, 1)"
        return {
            "moment": '"Created at"', "paid": '"Paid at"', "shipped": '"Fulfilled at"',
            "cancelled": '"Cancelled at"',
            "source": till,
            "channel": f"CASE {till} {named} ELSE {till} END",
            "value": f"round({value}, 6)",
            "currency": '"Currency"',
            "campaign": '"Discount Code"',
            "country": 'coalesce("Shipping Country", "Billing Country")',
            "properties": json_text(_told()),
            **{f"left:{name}": f'"{name}"' for name in _MONEY},
        }  # fmt: skip

    def _identifiers(self) -> list[tuple[str, str]]:
        phones = [f"ltrim(\"{name}\", '''')" for name in ("Phone", "Billing Phone")]
        named = f'coalesce("Email", {", ".join(phones)}) IS NOT NULL'
        order = _ORDER if self._guests else f"CASE WHEN {named} THEN {_ORDER} END"
        return [("email", '"Email"'), *((self.phone(), phone) for phone in phones), ("order_id", order)]


def _columns() -> list[Column]:
    times = [
        Column("Created at", "time", needed=True), Column("Paid at", "time"), Column("Fulfilled at", "time"),
        Column("Cancelled at", "time", aliases=("Canceled at",)),
    ]  # fmt: skip
    texts = (
        "Email", "Phone", "Billing Phone", "Financial Status", "Fulfillment Status", "Currency",
        "Discount Code", "Discount Amount", "Shipping Method", "Payment Method", "Location", "Vendor",
        "Risk Level", "Source", "Tags", "Id", "Shipping Country", "Billing Country", "Lineitem price",
    )  # fmt: skip
    return [
        Column("Name", needed=True, filled=True),
        Column("Lineitem name", needed=True),
        Column("Lineitem sku"),
        *times,
        *(Column(name, needed=name in _NEEDED) for name in texts),
        *(Column(name, "number") for name in _MONEY),
    ]


def _line_item() -> str:
    return (
        'concat_ws(chr(31), \'item\', "Name", "Lineitem name", "Lineitem sku", "Lineitem price", '
        '"Lineitem quantity")'
    )


def _told() -> dict[str, str]:
    """What labels may ask for; of the line items their number, pieces and articles."""
    items = _newest(f'{{n: {_NAMED}, q: "Lineitem quantity"}}')
    return {name: f'"{name}:text"' for name in _TOLD} | {
        "refunded": 'CASE WHEN "Refunded Amount" > 0 THEN "Refunded Amount:text" END',
        "items": f"len({items})",
        "pieces": f"TRY_CAST(list_sum(list_transform({items}, lambda item: item.q)) AS BIGINT)",
        "articles": f"array_to_string(list_sort(list_transform({items}, lambda item: item.n)), ', ')",
    }


def _newest(item: str) -> str:
    """SQL for a list of what the rows of an order say, of its newest version in the file.

    Where a file holds an order twice, each version is a row of the order itself and those that follow it up
    to the next such row. Of a file that has it once all rows count, wherever they are.
    """
    of_order = f"FILTER (WHERE {_SOUND}) OVER {_OF_ORDER}"
    own = f"FILTER (WHERE {_SOUND} AND NOT {_FURTHER}) OVER {_OF_ORDER}"
    items = f'list({item} ORDER BY "r:record") {of_order}'
    rows = f'list("r:record" ORDER BY "r:record") {of_order}'
    heads = f'list("r:record" ORDER BY "r:record") {own}'
    best = f'arg_max("r:record", {_progress()}) {own}'
    first = f"list_position({rows}, {best})"
    following = f"{heads}[list_position({heads}, {best}) + 1]"
    last = f"coalesce(list_position({rows}, {following}) - 1, len({rows}))"
    return f"CASE WHEN len({heads}) > 1 THEN ({items})[{first}:{last}] ELSE {items} END"


def _progress() -> str:
    """An order's version as a text: nothing in it grows smaller while an order goes on."""
    times = ", ".join(f'epoch_us("{name} at")' for name in ("Created", "Paid", "Fulfilled", "Cancelled"))
    financial = (
        "'pending', 'authorized', 'partially_paid', 'paid', 'partially_refunded', 'refunded', 'voided'"
    )
    refund = 'coalesce(TRY_CAST("Refunded Amount" * 100 AS BIGINT), 0)'
    states = (
        f'coalesce(list_position([{financial}], lower("Financial Status")), 0)',
        "coalesce(list_position(['partial', 'fulfilled'], lower(\"Fulfillment Status\")), 0)",
    )
    return f"printf('%020d/%015d/%d/%d', coalesce(greatest({times}), 0), {refund}, {', '.join(states)})"


def _asides() -> list[tuple[str, str]]:
    order_is_there = f"count(*) FILTER (WHERE NOT {_FURTHER} AND {_SOUND}) OVER {_OF_ORDER} > 0"
    return [
        (f"{_FURTHER} AND {order_is_there}", "a further line item of its order"),
        (_FURTHER, "a line item whose order is not in the file"),
        ("contains(lower(\"Payment Method\"), 'bogus')", "a test order (Bogus gateway)"),
        (
            "list_contains(string_split_regex(lower(\"Tags\"), '\\s*,\\s*'), 'test')",
            "a test order (tagged so)",
        ),
    ]


def _no_number(name: str) -> LeftOut:
    text = f'"{name}:text"'
    condition = f'{text} IS NOT NULL AND "{name}" IS NULL'
    return LeftOut(name, condition, text, f"{name} is no number", f"left:{name}")


def _events() -> list[Event]:
    shared = {"channel": "channel", "campaign": "campaign", "properties": "properties"}
    country = {"country": "country"}
    worth = {"value": "value", "currency": "CASE WHEN value IS NOT NULL THEN currency END"}
    placed = {
        "timestamp": "moment",
        "native": "CASE source WHEN 'pos' THEN 'POS sale' WHEN 'shopify_draft_order' THEN "
        "'order made by staff' ELSE 'order' END",
        "touchpoint": "CASE source WHEN 'pos' THEN 'store_visited' ELSE 'order_placed' END",
        "actor": "CASE source WHEN 'shopify_draft_order' THEN 'company' ELSE 'customer' END",
    }
    later = (
        ("paid", "payment", "order_paid", "customer", "paid IS NOT NULL AND source <> 'pos'"),
        ("shipped", "fulfillment", "order_shipped", "company", "shipped IS NOT NULL AND source <> 'pos'"),
        ("cancelled", "cancellation", "order_cancelled", "company", "cancelled IS NOT NULL"),
    )
    return [
        Event({**placed, **worth, **shared}, others=country),
        *(
            Event(
                {
                    "timestamp": moment, "native": literal(native), "touchpoint": literal(touchpoint),
                    "actor": literal(actor), **shared,
                },
                when=when,
                others=country,
            )
            for moment, native, touchpoint, actor, when in later
        ),
    ]  # fmt: skip
