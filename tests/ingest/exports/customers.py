"""A table of customers, as a shop system or a data team writes it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_HEADER = ("customer_id", "email", "phone", "birth_year", "region", "note")


def write(folder: Path, rng: random.Random, records: int) -> None:
    rows = [
        (
            f"C{writing.token(rng, 8, '0123456789')}",
            writing.email(rng) if rng.random() < 0.8 else "",
            f"+49 30 {writing.token(rng, 8, '123456789')}" if rng.random() < 0.5 else "",
            rng.randrange(1940, 2008),
            rng.choice(("North", "West", "Süd")),
            writing.phrase(rng),
        )
        for _ in range(records)
    ]
    text = writing.separated(
        _HEADER, rows, delimiter=rng.choice((",", ";")), quote_all=rng.random() < 0.3,
        end=rng.choice(("\n", "\r\n")),
    )  # fmt: skip
    writing.put(folder / f"customers_{writing.token(rng, 6)}.csv", text, rng)


def read(folder: Path) -> Source:
    return cj.sources.Customers(
        folder,
        identifiers={"customer_id": "user_id", "email": "email", "phone": "phone"},
        attributes=["birth_year", "region", "note"],
    )
