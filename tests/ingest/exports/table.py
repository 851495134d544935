"""A table of events: CSV, TSV, JSON lines or Parquet, as tills and small systems write it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_HEADER = ("receipt", "card", "mail", "sold at", "what", "shop", "amount", "remark")


def write(folder: Path, rng: random.Random, records: int) -> None:
    cards = [writing.token(rng, 10, "0123456789") for _ in range(max(1, records // 3))]
    rows = [_row(rng, cards) for _ in range(records)]
    name, form = f"till_{writing.token(rng, 6)}", rng.choice(("csv", "csv", "tsv", "txt", "jsonl", "parquet"))
    if form == "parquet":
        _parquet(folder / f"{name}.parquet", rows)
    elif form == "jsonl":
        lines = [json.dumps(dict(zip(_HEADER, row, strict=True)), ensure_ascii=False) for row in rows]
        writing.put(folder / f"{name}.jsonl", "\n".join(lines) + "\n", rng)
    else:
        delimiter = {"csv": rng.choice((",", ";")), "tsv": "\t", "txt": "|"}[form]
        text = writing.separated(
            _HEADER, rows, delimiter=delimiter, quote_all=rng.random() < 0.3, end=rng.choice(("\n", "\r\n"))
        )
        writing.put(folder / f"{name}.{form}", text, rng)


def read(folder: Path) -> Source:
    return cj.sources.Table(
        folder,
        name="store",
        customer={"card": "loyalty", "mail": "email"},
        timestamp="sold at",
        touchpoint="what",
        channel="store",
        measures={"value": "amount"},
        dimensions={"shop": "shop"},
        properties=["remark"],
        event_id="receipt",
        timezone="Europe/Berlin",
    )


def _row(rng: random.Random, cards: list[str]) -> tuple[str, ...]:
    card = rng.choice(cards)
    return (
        writing.token(rng, 12),
        card,
        f"c{card}@example.com" if rng.random() < 0.6 else "",
        f"{writing.moment(rng):%Y-%m-%d %H:%M:%S}",
        rng.choice(("store_visited", "order_placed", "order_refunded")),
        rng.choice(("North", "Köln", "3")),
        f"{rng.randrange(1, 50_000) / 100:.2f}" if rng.random() < 0.8 else "",
        rng.choice(("", writing.phrase(rng), 'said "fine", left', "two\nlines", "it's ok; all of it")),
    )


def _parquet(path: Path, rows: list[tuple[str, ...]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: [row[i] or None for row in rows] for i, name in enumerate(_HEADER)}
    pq.write_table(pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()}), path)
