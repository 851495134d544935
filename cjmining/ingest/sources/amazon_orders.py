"""Amazon marketplace: a seller's order reports, tab-separated, one row for each order item.

Columns and their meaning as Seller Central's help describes them ("All Orders report", "Order report fields",
"Amazon Fulfilled Shipments report") and as the Selling Partner API lists them ("Order Tracking reports
attributes", "Order reports attributes"). The All Orders report names no buyer, by Amazon's rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, LeftOut, Lookup, Source
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.headers import files_by_header

if TYPE_CHECKING:
    from cjmining.ingest.files import Input

_SHIPMENTS = ("amazon-order-id", "shipment-id", "shipment-item-id", "shipment-date")
_TRACKED = ("amazon-order-id", "purchase-date", "last-updated-date", "order-status")
_ORDERED = ("order-id", "order-item-id", "purchase-date", "payments-date")
_LAYOUTS = {"shipments": _SHIPMENTS, "tracked": _TRACKED, "ordered": _ORDERED}
_PRICES = ("item-price", "shipping-price", "gift-wrap-price")
_DISCOUNTS = ("item-promotion-discount", "ship-promotion-discount")
_MONEY = (*_PRICES, *_DISCOUNTS)
_SOUND = '"r:reason" IS NULL'
"""Rows that are not spoilt: an order's sums and counts are over these alone."""
_FURTHER = "a further item of its order"
_ALIAS = r"'@marketplace\.amazon\.'"
_TOLD = (
    "order-status", "fulfillment-channel", "sales-channel", "ship-service-level", "sku", "asin",
    "ship-country", "is-business-order", "promotion-ids",
)  # fmt: skip


class AmazonOrders(Source):
    """Orders on Amazon's marketplaces, as a seller's reports tell of them.

    Three reports are recognised by their columns and belong together: All Orders (`order_placed`, and
    `order_cancelled` at the last update of a cancelled order), the Order report of orders that the seller
    sends (`order_paid`), and Amazon Fulfilled Shipments (`order_shipped`). The latter two name the buyer, by
    an address that Amazon makes for each buyer of a seller; they give `order_placed` where All Orders lacks
    the order. An order whose buyer none of them names is a customer of its own. Rows with the further items
    of an order are set aside, after their prices were added to the order's.

    `value` is what the buyer paid for articles, shipping and wrapping, less discounts, as the report has
    prices: with VAT in Europe, without sales tax in the US. Items that were cancelled don't count. Orders of
    other shops that Amazon only sends (sales channel Non-Amazon) are set aside.

    Parameters
    ----------
    path : path or list of paths
        The reports (.txt, also .gz, .zip), or a folder that holds them among others.
    name : str
        What the log calls the source.
    timezone : str, optional
        Zone of times without one, which the reports don't have; default UTC.
    region : str, optional
        Country of phone numbers without country code, such as "DE".

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.AmazonOrders("exports/marketplace", region="DE")
    AmazonOrders(name='marketplace')
    """

    kind: ClassVar[str] = "AmazonOrders"
    about: ClassVar[About] = About(
        system="Amazon marketplace (Seller Central, Selling Partner API)",
        layouts=(
            Layout("Amazon Fulfilled Shipments", "*.txt, tab-separated", _SHIPMENTS),
            Layout("All Orders", "*.txt, tab-separated", _TRACKED),
            Layout("Order report", "*.txt, tab-separated", _ORDERED),
        ),
        touchpoints=(
            Default("order", "order_placed", channel="marketplace"),
            Default("payment", "order_paid", channel="marketplace"),
            Default("shipment", "order_shipped", "company", "marketplace"),
            Default(
                "order cancelled", "order_cancelled", "company", "marketplace", note="at its last update"
            ),
        ),
        identifiers=("email", "phone", "amazon_buyer", "order_id"),
        measures=("value: prices less discounts, as the report has them; currency: currency",),
        dimensions=("country: ship-country", "sales_channel: sales-channel, such as Amazon.de"),
        needs="the columns named with the layouts",
        natural_key=(
            "All Orders: amazon-order-id, newest last-updated-date; Order report: order-id; shipments: "
            "shipment-id"
        ),
        times="with their offset, to the second; the Order report's in UTC",
        robots="orders of other shops that Amazon only sends (Non-Amazon) are set aside",
        documentation=(
            "https://sellercentral.amazon.com/gp/help/external/200547170",
            "https://sellercentral.amazon.com/gp/help/external/201648780",
            "https://sellercentral.amazon.com/gp/help/external/200453120",
            "https://developer-docs.amazon.com/sp-api/docs/order-tracking-reports-attributes",
        ),
        checked="headers and a row quoted in public repositories; a fixture by hand",
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "marketplace",
        timezone: str | None = None,
        region: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone, region=region)
        self._path = path

    def feeds(self) -> Sequence[Feed]:
        """Return a feed for each of the reports that are there."""
        files = files_by_header(self._path, _LAYOUTS, self.name, _DIALECT)
        makers = {"tracked": self._tracked, "ordered": self._ordered, "shipments": self._shipments}
        return [make(files[name]) for name, make in makers.items() if files[name]]

    def _tracked(self, inputs: Sequence[Input]) -> Feed:
        order = "amazon-order-id"
        columns = [
            *_columns(order), Column("last-updated-date", "time", needed=True, filled=True),
            Column("order-status", needed=True), Column("item-status"),
        ]  # fmt: skip
        counts = f"lower(coalesce(\"item-status\", '')) NOT IN ('cancelled', 'canceled') AND {_SOUND}"
        version = (order, "last-updated-date")
        keep = _keep(order, counts, _of(*version)) | {
            "cancelled": (
                "CASE WHEN lower(\"order-status\") IN ('cancelled', 'canceled') "
                'THEN "last-updated-date" END'
            ),
        }
        return Feed(
            "all orders", inputs, columns, keep, [("order_id", f'"{order}"')],
            key=(f'"{order}"', _item_of(*version)), version='"last-updated-date"',
            asides=[
                (
                    "starts_with(lower(\"sales-channel\"), 'non-amazon')",
                    "an order of another shop, only sent by Amazon",
                ),
                (f"{_item_of(*version)} <> ''", _FURTHER),
            ],
            left_out=_left_out(_of(*version)),
            events=[_placed(), _event("cancelled", "order cancelled", "order_cancelled", "company")],
            clock=self.clock(), dialect=_DIALECT,
        )  # fmt: skip

    def _ordered(self, inputs: Sequence[Input]) -> Feed:
        order = "order-id"
        columns = [
            *_columns(order), Column("order-item-id", needed=True),
            Column("payments-date", "time", needed=True),
        ]  # fmt: skip
        version, item = (order, "payments-date"), "order-item-id"
        keep = _keep(order, _SOUND, _of(*version), (item,)) | {"paid": '"payments-date"'}
        return Feed(
            "order report", inputs, columns, keep, self._buyer(order),
            key=(f'"{order}"', _item_of(*version, by=item)), version='"payments-date"',
            asides=[(f"{_item_of(*version, by=item)} <> ''", _FURTHER)],
            left_out=_left_out(_of(*version)),
            events=[_placed("tracked"), _event("paid", "payment", "order_paid")],
            lookups=[Lookup("all orders", on={"order": "order"}, keep={"tracked": "is_there"})],
            clock=self.clock(), dialect=_DIALECT,
        )  # fmt: skip

    def _shipments(self, inputs: Sequence[Input]) -> Feed:
        order, shipment = "amazon-order-id", "shipment-id"
        columns = [
            *_columns(order), Column(shipment, needed=True, filled=True),
            Column("shipment-item-id", needed=True),
            Column("shipment-date", "time", needed=True, filled=True),
        ]  # fmt: skip
        version, item = (shipment, "shipment-date"), "shipment-item-id"
        keep = _keep(order, _SOUND, _of(order), (shipment, item)) | {
            "shipped": '"shipment-date"',
            "sent": _properties(_SOUND, _of(*version), (item,)),
            "first": f'"{shipment}" = min("{shipment}") FILTER (WHERE {_SOUND}) OVER {_of(order)}',
        }
        return Feed(
            "shipments", inputs, columns, keep, self._buyer(order),
            key=(f'"{shipment}"', _item_of(*version, by=item)), version='"shipment-date"',
            asides=[(f"{_item_of(*version, by=item)} <> ''", "a further item of its shipment")],
            left_out=_left_out(_of(order)),
            events=[
                _placed("coalesce(tracked, reported, CASE WHEN NOT first THEN 'another' END)"),
                _event("shipped", "shipment", "order_shipped", "company", properties="sent"),
            ],
            lookups=[
                Lookup("all orders", on={"order": "order"}, keep={"tracked": "is_there"}),
                Lookup("order report", on={"order": "order"}, keep={"reported": "is_there"}),
            ],
            clock=self.clock(), dialect=_DIALECT,
        )  # fmt: skip

    def _buyer(self, order: str) -> list[tuple[str, str]]:
        """Who ordered. A number with an extension is Amazon's relay, which many buyers share."""
        email, phone = '"buyer-email"', '"buyer-phone-number"'
        alias = f"CASE WHEN regexp_matches({email}, {_ALIAS}) THEN lower(split_part({email}, '@', 1)) END"
        return [
            ("email", email),
            ("amazon_buyer", alias),
            (self.phone(), f"CASE WHEN NOT regexp_matches({phone}, '(?i)ext') THEN {phone} END"),
            ("order_id", f'"{order}"'),
        ]  # fmt: skip


_DIALECT = Dialect(delimiter="\t")


def _columns(order: str) -> list[Column]:
    texts = (*_TOLD, "currency", "product-name", "buyer-email", "buyer-phone-number")
    return [
        Column(order, needed=True, filled=True),
        Column("purchase-date", "time", needed=True, filled=True),
        *(Column(name, aliases=_ALIASES.get(name, ())) for name in texts if name != "order-status"),
        *(Column(name, "number") for name in _MONEY),
        Column("quantity", aliases=("quantity-purchased", "quantity-shipped")),
    ]


_ALIASES = {"fulfillment-channel": ("fulfilment-channel",), "product-name": ("item-name",)}


def _item_of(*whole: str, by: str = "") -> str:
    """Tell the items of one order apart: nothing for the first, its place for each further one.

    Rows with the same number of an item, in the column `by`, are one item told again.
    """
    within = f"PARTITION BY {_listed(whole)}, {_SOUND}"
    number = f'row_number() OVER ({within} ORDER BY "r:record")'
    if by:
        number = f"dense_rank() OVER ({within} ORDER BY {_item(by)})"
    return f"CASE WHEN {number} > 1 THEN 'item ' || {number} ELSE '' END"


def _item(name: str) -> str:
    """An item's number, or where there is none its row's."""
    return f'coalesce("{name}", \'row \' || "r:record")'


def _keep(order: str, counts: str, whole: str, items: Sequence[str] = ()) -> dict[str, str]:
    """Return what is kept; sums are over `whole`, the rows of one version of an order."""
    paid = " + ".join(f'coalesce("{name}", 0)' for name in _PRICES)
    less = " + ".join(f'abs(coalesce("{name}", 0))' for name in _DISCOUNTS)
    priced = f'{counts} AND "item-price" IS NOT NULL'
    spoilt = " OR ".join(map(_unreadable, _MONEY))
    return {
        "moment": '"purchase-date"',
        "order": f'pseudonym(left(md5("{order}"), 16))',
        "is_there": "'yes'",
        "value": (
            f"CASE WHEN NOT coalesce(bool_or({spoilt}) OVER {whole}, FALSE) "
            f"THEN round({_sum(f'{paid} - ({less})', priced, whole, items)}, 6) END"
        ),
        "currency": f'max("currency") FILTER (WHERE {_SOUND}) OVER {whole}',
        "country": '"ship-country"',
        "sales_channel": '"sales-channel"',
        "properties": _properties(counts, whole, items),
    }


def _properties(counts: str, whole: str, items: Sequence[str]) -> str:
    return json_text(
        {name: f'"{name}"' for name in _TOLD if name != "order-status" or counts != _SOUND}
        | {
            "items": f"CAST({_sum('1', _SOUND, whole, items)} AS BIGINT)",
            "pieces": f"TRY_CAST({_sum('TRY_CAST(quantity AS BIGINT)', _SOUND, whole, items)} AS BIGINT)",
        }
    )


def _sum(value: str, counts: str, whole: str, items: Sequence[str]) -> str:
    """SQL for a sum over rows; where items have numbers, each counts once however often it is told."""
    if not items:
        return f"sum({value}) FILTER (WHERE {counts}) OVER {whole}"
    once = ", ".join(f"i{place}: {_item(name)}" for place, name in enumerate(items))
    told = f"list(DISTINCT {{{once}, v: {value}}}) FILTER (WHERE {counts}) OVER {whole}"
    return f"list_sum(list_transform({told}, lambda item: item.v))"


def _left_out(whole: str) -> list[LeftOut]:
    """An order of which one price can't be read has no value: a part of it would be a wrong one."""
    return [
        LeftOut(
            name,
            f"bool_or({_unreadable(name)}) OVER {whole}",
            f'max(CASE WHEN {_unreadable(name)} THEN "{name}:text" END) OVER {whole}',
            f"{name} is no number",
            "value",
        )
        for name in _MONEY
    ]


def _unreadable(name: str) -> str:
    return f'("{name}:text" IS NOT NULL AND "{name}" IS NULL AND {_SOUND})'


def _of(*columns: str) -> str:
    return f"(PARTITION BY {_listed(columns)})"


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


_CHANNEL = "'marketplace'"
_OTHERS = {"country": "country", "sales_channel": "sales_channel"}


def _placed(known: str = "NULL") -> Event:
    """The order, unless a report that tells more of it has it."""
    return Event(
        {
            "timestamp": "moment", "native": "'order'", "touchpoint": "'order_placed'", "value": "value",
            "currency": "CASE WHEN value IS NOT NULL THEN currency END", "channel": _CHANNEL,
            "properties": "properties",
        },
        when=f"{known} IS NULL",
        others=_OTHERS,
    )  # fmt: skip


def _event(
    moment: str, native: str, touchpoint: str, actor: str = "customer", *, properties: str = "properties"
) -> Event:
    return Event(
        {
            "timestamp": moment,
            "native": f"'{native}'",
            "touchpoint": f"'{touchpoint}'",
            "actor": f"'{actor}'",
            "channel": _CHANNEL,
            "properties": properties,
        },
        when=f"{moment} IS NOT NULL",
        others=_OTHERS,
    )  # fmt: skip
