"""A table of events in a SQLite file, read by a query."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

ONE_FILE = True
"""`read` takes one file: only one export can be read at once."""


def write(folder: Path, rng: random.Random, records: int) -> None:
    rows = [
        (
            f"c{rng.randrange(5)}", f"{writing.moment(rng):%Y-%m-%d %H:%M:%S}", "store_visited",
            rng.choice((None, rng.randrange(100), rng.random() * 100)), writing.phrase(rng),
        )
        for _ in range(records)
    ]  # fmt: skip
    with closing(sqlite3.connect(folder / f"till_{writing.token(rng, 6)}.sqlite")) as connection:
        connection.execute("CREATE TABLE sales (card, sold_at, what, amount, note)")
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?, ?, ?)", rows)
        connection.commit()


def read(folder: Path) -> Source:
    (path,) = [path for path in folder.rglob("*") if path.is_file()]
    return cj.sources.SQL(
        path, "SELECT * FROM sales", name="store", customer={"card": "loyalty"}, timestamp="sold_at",
        touchpoint="what", measures={"value": "amount"}, properties=["note"], timezone="Europe/Berlin",
    )  # fmt: skip
