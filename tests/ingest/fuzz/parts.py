"""A valid file taken apart into its records as a plain reader sees them, so that some can be damaged."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Form = Literal["separated", "lines", "json", "bytes", "parquet"]


@dataclass(frozen=True)
class Parts:
    """The bytes of a file: head, records with what stands between them, tail.

    `form` says what a record is: separated fields, a plain line, a JSON value; files that can't be taken
    apart have no records but `data`.
    """

    name: str
    form: Form
    data: bytes
    head: bytes = b""
    records: tuple[bytes, ...] = ()
    between: bytes = b""
    tail: bytes = b""
    delimiter: str = ","
    packed: bool = False

    @property
    def is_lines(self) -> bool:
        """Whether each record is a line of its own."""
        return not self.between and all(map(end_of, self.records[:-1]))

    def with_records(self, records: Sequence[bytes]) -> bytes:
        return self.head + self.between.join(records) + self.tail

    def pack(self, data: bytes) -> bytes:
        """As the system delivers it: gzipped where the valid file is."""
        return gzip.compress(data, mtime=0) if self.packed else data


def take_apart(path: Path, n: int) -> Parts:
    """Take a file apart that has `n` records, as the ledger of the undamaged export says."""
    data, name = path.read_bytes(), path.name
    packed = data.startswith(b"\x1f\x8b")
    if packed:
        data, name = gzip.decompress(data), name.removesuffix(".gz")
    whole = Parts(path.name, "bytes", data, packed=packed)
    if name.endswith((".parquet", ".pq")):
        return Parts(path.name, "parquet", data, packed=packed)
    if name.endswith((".json", ".jsonl", ".ndjson")):
        return _json_parts(whole, n) or whole
    if name.endswith((".csv", ".tsv", ".txt", ".log")) and _is_utf8(data):
        return _text_parts(whole, n) or whole
    return whole


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\x00" not in data


def _json_parts(whole: Parts, n: int) -> Parts | None:
    lines = [line for line in whole.data.splitlines(keepends=True) if line.strip()]
    if len(lines) == n and all(_is_object(line) for line in lines):
        return _of(whole, "json", b"", lines)
    try:
        value = json.loads(whole.data)
    except ValueError:
        return _concatenated(whole, n)
    if isinstance(value, list) and len(value) == n:
        return _of(whole, "json", b"[", [_dumped(each) for each in value], b",\n", b"]\n")
    if isinstance(value, dict):
        for key, held in value.items():
            if isinstance(held, list) and len(held) == n and n > 1:
                rest = {name: other for name, other in value.items() if name != key}
                head = _dumped(rest)[:-1] + (b", " if rest else b"") + _dumped(key) + b": ["
                return _of(whole, "json", head, [_dumped(each) for each in held], b",\n", b"]}\n")
    return None


def _concatenated(whole: Parts, n: int) -> Parts | None:
    text, at, found = whole.data.decode(), 0, []
    decoder = json.JSONDecoder()
    while at < len(text):
        try:
            _, end = decoder.raw_decode(text, at)
        except ValueError:
            return None
        while end < len(text) and text[end].isspace():
            end += 1
        found.append(text[at:end].encode())
        at = end
    return _of(whole, "json", b"", found) if len(found) == n else None


def _text_parts(whole: Parts, n: int) -> Parts | None:
    first = whole.data.split(b"\n", 1)[0].decode()
    delimiter = max(",;\t|", key=first.count)
    if first.count(delimiter) and not whole.name.removesuffix(".gz").endswith(".log"):
        rows = _rows(whole.data)
        if 0 <= len(rows) - n <= 3:
            head = b"".join(rows[: len(rows) - n])
            return _of(whole, "separated", head, rows[len(rows) - n :], delimiter=delimiter)
    lines = whole.data.splitlines(keepends=True)
    return _of(whole, "lines", b"", lines) if len(lines) == n else None


def _rows(data: bytes) -> list[bytes]:
    """Lines, joined where a quoted field runs over several; blank ones stay with the record before."""
    rows: list[bytes] = []
    is_open = False
    for line in (each + b"\n" for each in data.split(b"\n")):
        if rows and (is_open or not line.strip()):
            rows[-1] += line
        else:
            rows.append(line)
        is_open ^= line.count(b'"') % 2 == 1
    if rows:
        rows[-1] = rows[-1][:-1]
    return [row for row in rows if row]


def _of(
    whole: Parts,
    form: Form,
    head: bytes,
    records: Sequence[bytes],
    between: bytes = b"",
    tail: bytes = b"",
    delimiter: str = ",",
) -> Parts:
    return Parts(whole.name, form, whole.data, head, tuple(records), between, tail, delimiter, whole.packed)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def fields_of(record: bytes, parts: Parts) -> list[str]:
    text = record.decode().rstrip("\r\n")
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=parts.delimiter))


def from_fields(fields: Sequence[str], parts: Parts, end: bytes) -> bytes:
    written = []
    if not parts.head:  # a file without a header: written by a system that quotes nothing
        plain = [" ".join(text.replace(parts.delimiter, " ").splitlines()) for text in fields]
        return parts.delimiter.join(plain).encode("utf-8", errors="surrogateescape") + end
    for text in fields:
        special = any(mark in text for mark in (parts.delimiter, '"', "\n", "\r"))
        written.append('"' + text.replace('"', '""') + '"' if special else text)
    return parts.delimiter.join(written).encode("utf-8", errors="surrogateescape") + end


def end_of(record: bytes) -> bytes:
    """The line end of a record."""
    return record[len(record.rstrip(b"\r\n")) :]
