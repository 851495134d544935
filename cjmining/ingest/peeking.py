"""A look at the beginning of a file, whatever it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from cjmining.errors import CjminingError
from cjmining.ingest.readers import Dialect, Records

if TYPE_CHECKING:
    from cjmining.ingest.files import Input

SAMPLE: Final = 20
"""Records or lines that are looked at."""
_SQLITE: Final = b"SQLite format 3\x00"


@dataclass(frozen=True)
class Peek:
    """What the beginning of a file shows: names of columns or keys, lines of text, rows."""

    given: Input
    names: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()
    problem: str = ""


def peek(given: Input) -> Peek:
    """Look at a file; what can't be read is a problem told, not raised."""
    try:
        if given.format == "parquet":
            assert given.path is not None  # noqa: S101 -- a file
            return Peek(given, tuple(pq.read_schema(given.path).names))
        with given.open() as stream:
            beginning = stream.read(64)
        if beginning.startswith(_SQLITE):
            return Peek(given, _tables_of(given))
        return _peek_json(given) if given.format == "json" or _has_json(beginning) else _peek_text(given)
    except (CjminingError, pa.ArrowInvalid, OSError) as problem:
        return Peek(given, problem=str(problem))


def _has_json(beginning: bytes) -> bool:
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith((b'{"', b"[{", b"{\n", b"[\n", b"{ ", b"[ "))


def _tables_of(given: Input) -> tuple[str, ...]:
    import sqlite3

    if given.member:
        return ()
    with sqlite3.connect(f"file:{given.path}?mode=ro", uri=True) as connection:
        return tuple(
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        )


def _peek_json(given: Input) -> Peek:
    names: dict[str, None] = {}
    rows = []
    for line in Records(given, Dialect(), lines=True).first_lines(SAMPLE):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict):
            continue
        names |= dict.fromkeys(value)
        rows.append(value)
        for inner in value.values():  # the records of a page
            if isinstance(inner, list) and inner and isinstance(inner[0], dict):
                names |= dict.fromkeys(inner[0])
    return Peek(given, tuple(names), rows=tuple(rows))


def _peek_text(given: Input) -> Peek:
    records = Records(given, Dialect())
    if records.empty:
        return Peek(given, problem="the file is empty")
    texts = records.first_lines(SAMPLE)
    lines = tuple(Records(given, Dialect(pattern=".")).first_lines(SAMPLE))
    rows = [
        dict(zip(records.header, fields, strict=False)) for text in texts if (fields := records._split(text))
    ]
    ids = [
        name for line in lines for name in re.findall(r"ImportId\W+(\w+)", line)
    ]  # Qualtrics' third row
    return Peek(given, (*records.header, *ids), lines, tuple(rows))
