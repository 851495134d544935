# ruff: noqa: E501 -- native rows are as long as they are
"""OCEL 2.0 as JSON, XML or SQLite."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_TYPES = ("place order", "pay order", "send parcel")
Happened = tuple[str, str, str, list[str]]


def write(folder: Path, rng: random.Random, records: int) -> None:
    name, form = f"orders_{writing.token(rng, 6)}", rng.choice(("json", "xml", "sqlite"))
    orders = [f"o{writing.token(rng, 8)}" for _ in range(max(1, records // 2))]
    events = [
        (
            f"e{writing.token(rng, 10)}", rng.choice(_TYPES), f"{writing.moment(rng):%Y-%m-%dT%H:%M:%SZ}",
            [rng.choice(orders)],
        )
        for _ in range(records)
    ]  # fmt: skip
    if form == "json":
        writing.put(folder / f"{name}.jsonocel", json.dumps(_as_json(orders, events)), rng)
    elif form == "xml":
        writing.put(folder / f"{name}.xmlocel", _as_xml(orders, events), rng)
    else:
        _as_database(folder / f"{name}.sqlite", orders, events)


def read(folder: Path) -> Source:
    return cj.sources.OCEL(folder, case="orders", name="orders")


def _as_json(orders: list[str], events: list[Happened]) -> dict[str, object]:
    return {
        "objectTypes": [{"name": "orders", "attributes": []}],
        "eventTypes": [{"name": type_, "attributes": []} for type_ in _TYPES],
        "objects": [{"id": order, "type": "orders"} for order in orders],
        "events": [
            {
                "id": id_, "type": type_, "time": time, "attributes": [{"name": "by", "value": "Köln"}],
                "relationships": [{"objectId": order, "qualifier": "order"} for order in related],
            }
            for id_, type_, time, related in events
        ],
    }  # fmt: skip


def _as_xml(orders: list[str], events: list[Happened]) -> str:
    told = "".join(
        f"<event id={quoteattr(id_)} type={quoteattr(type_)} time={quoteattr(time)}><attributes/><objects>"
        + "".join(f'<relationship object-id={quoteattr(order)} qualifier="order"/>' for order in related)
        + "</objects></event>\n"
        for id_, type_, time, related in events
    )
    objects = "".join(
        f'<object id={quoteattr(order)} type="orders"><attributes/></object>\n' for order in orders
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<log><event-types/><object-types/>'
        f"<events>{told}</events><objects>{objects}</objects></log>\n"
    )


def _as_database(path: Path, orders: list[str], events: list[Happened]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE event (ocel_id TEXT, ocel_type TEXT); CREATE TABLE object (ocel_id TEXT, ocel_type TEXT);"
            "CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT);"
            "CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT);"
            "CREATE TABLE object_map_type (ocel_type TEXT, ocel_type_map TEXT);"
            "INSERT INTO object_map_type VALUES ('orders', 'orders');"
            "CREATE TABLE object_orders (ocel_id TEXT, ocel_time TEXT, ocel_changed_field TEXT)"
        )
        for number, type_ in enumerate(_TYPES):
            connection.execute(f"CREATE TABLE event_t{number} (ocel_id TEXT, ocel_time TEXT)")
            connection.execute("INSERT INTO event_map_type VALUES (?, ?)", (type_, f"t{number}"))
        connection.executemany("INSERT INTO object VALUES (?, 'orders')", [(order,) for order in orders])
        for id_, type_, time, related in events:
            connection.execute("INSERT INTO event VALUES (?, ?)", (id_, type_))
            connection.execute(f"INSERT INTO event_t{_TYPES.index(type_)} VALUES (?, ?)", (id_, time))
            connection.executemany(
                "INSERT INTO event_object VALUES (?, ?, '')", [(id_, order) for order in related]
            )
        connection.commit()
