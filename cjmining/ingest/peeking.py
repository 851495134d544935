"""A look at the beginning of a file, whatever it is."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from cjmining.errors import CjminingError
from cjmining.ingest.files import emptiness, expect_readable, parquet_file
from cjmining.ingest.readers import Dialect, Records

if TYPE_CHECKING:
    from cjmining.ingest.files import Input

SAMPLE: Final = 20
"""Lines that are looked at."""
ROWS: Final = 100
"""Records that are looked at."""
_XML_BYTES: Final = 1 << 16
_SQLITE: Final = b"SQLite format 3\x00"


@dataclass(frozen=True)
class Peek:
    """What the beginning of a file shows: names of columns or keys, lines of text, rows."""

    given: Input
    names: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()
    problem: str = ""
    form: str = "text"
    """text, json, parquet, sqlite or xml."""
    wrapped: str = ""
    """The key whose list holds the records, where JSON has one."""


def peek(given: Input) -> Peek:
    """Look at a file; what can't be read is a problem told, not raised."""
    try:
        expect_readable(given)
        if emptiness(given):
            return Peek(given, problem="the file is empty")
        if given.format == "parquet":
            return _peek_parquet(given)
        with given.open() as stream:
            beginning = stream.read(64)
        if beginning.startswith(_SQLITE):
            return Peek(given, _tables_of(given), form="sqlite")
        if beginning.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
            return _peek_xml(given)
        return _peek_json(given) if given.format == "json" or _has_json(beginning) else _peek_text(given)
    except (CjminingError, pa.ArrowException, OSError, sqlite3.Error) as problem:
        return Peek(given, problem=str(problem))


def _peek_parquet(given: Input) -> Peek:
    with parquet_file(given, str(given)) as (path, _), pq.ParquetFile(path) as file:
        names = tuple(file.schema_arrow.names)
        first = next(file.iter_batches(ROWS), None)
        rows = [] if first is None else first.to_pylist()
    return Peek(
        given, names, rows=tuple({k: _written(v) for k, v in row.items()} for row in rows), form="parquet"
    )


def _written(value: object) -> object:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value


def _has_json(beginning: bytes) -> bool:
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith((b'{"', b"[{", b"{\n", b"[\n", b"{ ", b"[ "))


def _tables_of(given: Input) -> tuple[str, ...]:
    if given.member:
        return ()
    with closing(sqlite3.connect(f"file:{given.path}?mode=ro", uri=True)) as connection:
        return tuple(
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        )


def _peek_json(given: Input) -> Peek:
    names: dict[str, None] = {}
    rows, wrapped = [], ""
    for line in Records(given, Dialect(), lines=True).first_lines(ROWS):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict):
            continue
        names |= dict.fromkeys(value)
        rows.append(value)
        for key, inner in value.items():  # the records of a page
            if isinstance(inner, list) and inner and isinstance(inner[0], dict):
                names |= dict.fromkeys(inner[0])
                wrapped = wrapped or (key if _is_most_of(inner, line) else "")
    return Peek(given, tuple(names), rows=tuple(rows), form="json", wrapped=wrapped if len(rows) == 1 else "")


def _peek_xml(given: Input) -> Peek:
    with given.open() as stream:
        text = stream.read(_XML_BYTES).decode("utf-8-sig", errors="replace")
    return Peek(given, lines=tuple(text.strip().split("\n", SAMPLE - 1)), form="xml")


def _is_most_of(inner: list[Any], text: str) -> bool:
    return len(inner) > 1 and len(json.dumps(inner)) * 2 > len(text)


def _peek_text(given: Input) -> Peek:
    records = Records(given, Dialect())
    texts = records.first_lines(ROWS)
    lines = tuple(Records(given, Dialect(pattern=".")).first_lines(SAMPLE))
    rows = [
        dict(zip(records.header, fields, strict=False)) for text in texts if (fields := records._split(text))
    ]
    ids = [name for line in lines for name in re.findall(r"ImportId\W+(\w+)", line)]  # Qualtrics' third row
    return Peek(given, (*records.header, *ids), lines, tuple(rows))
