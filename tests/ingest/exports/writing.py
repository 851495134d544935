"""What writers of exports share: separated text by hand, moments, people with identifiers of their own."""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = ("alpha", "bravo", "Köln", "delta", "échelle", "foxtrot", "Straße", "hotel", "日本", "juliet")


def moment(rng: random.Random) -> datetime:
    """A moment within ninety days, to the second."""
    return START + timedelta(seconds=rng.randrange(90 * 86_400))


def token(rng: random.Random, length: int, letters: str = "0123456789abcdefghijklmnopqrstuvwxyz") -> str:
    return "".join(rng.choices(letters, k=length))


def phrase(rng: random.Random, most: int = 5) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(1, most)))


def email(rng: random.Random) -> str:
    return f"{token(rng, 8)}@{rng.choice(('example.com', 'example.org'))}"


def separated(
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    delimiter: str = ",",
    quote_all: bool = False,
    end: str = "\n",
) -> str:
    """Rows as separated text; a field is quoted where it must be, or always."""
    return "".join(
        delimiter.join(_field(cell, delimiter, quote_all=quote_all) for cell in row) + end
        for row in [header, *rows]
    )


def _field(cell: object, delimiter: str, *, quote_all: bool) -> str:
    text = "" if cell is None else str(cell)
    if quote_all or any(mark in text for mark in (delimiter, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text


def put(path: Path, text: str, rng: random.Random | None = None) -> None:
    """Write UTF-8; with `rng` sometimes gzipped, as systems do."""
    data = text.encode()
    if rng is not None and rng.random() < 0.2:
        path, data = path.with_name(path.name + ".gz"), gzip.compress(data, mtime=0)
    path.write_bytes(data)
