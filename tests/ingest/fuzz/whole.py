"""Damages of whole files, and the harmless ways in which the same file may be written."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.ingest.fuzz.parts import Parts, end_of, fields_of, from_fields


class Whole(NamedTuple):
    """What stands in a file's place; the count of its records where a plain reader can tell."""

    name: str
    data: bytes
    records: int | None = None


WholeDamage = Callable[[random.Random, Parts], Whole | None]

BOM = b"\xef\xbb\xbf"
_NO_TEXT = ("parquet", "bytes")


def _plain(parts: Parts) -> str:
    return parts.name.removesuffix(".gz")


# The same records, written in another way


def utf_16(rng: random.Random, parts: Parts) -> Whole | None:
    if parts.form in _NO_TEXT:
        return None
    encoding = rng.choice(("utf-16", "utf-16-le", "utf-16-be"))
    mark = {"utf-16": "", "utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}[encoding]
    return Whole(_plain(parts), (mark + parts.data.decode()).encode(encoding), len(parts.records))


def byte_order_mark(_: random.Random, parts: Parts) -> Whole | None:
    if parts.form in _NO_TEXT:
        return None
    return Whole(_plain(parts), BOM + parts.data, len(parts.records))


def latin_1_file(_: random.Random, parts: Parts) -> Whole | None:
    if parts.form not in ("separated", "lines"):
        return None
    try:
        data = parts.data.decode().encode("latin-1")
    except UnicodeEncodeError:
        return None
    return Whole(_plain(parts), data, len(parts.records))


def other_line_ends(rng: random.Random, parts: Parts) -> Whole | None:
    if parts.form in _NO_TEXT or parts.between or not all(map(end_of, parts.records[:-1])):
        return None
    bodies = [record.rstrip(b"\r\n") for record in parts.records]
    ends: tuple[bytes, ...] = (b"\r\n", b"\n")
    if not any(mark in body for body in bodies for mark in (b"\r", b"\n")):
        ends = (b"\r", b"\r", *ends)
    end = rng.choice(ends)
    head = (
        parts.head.replace(b"\r\n", b"\n").replace(b"\n", end) if parts.head.count(b"\n") < 2 else parts.head
    )
    if end == b"\r" and b"\n" in head:
        return None
    last = rng.choice((b"", end, end * 3))
    return Whole(_plain(parts), head + end.join(bodies) + last, len(parts.records))


def _is_archive(parts: Parts) -> bool:
    """Whether it is packed as the system writes it; nobody packs it once more."""
    return parts.name.lower().endswith(".zip")


def gzipped(_: random.Random, parts: Parts) -> Whole | None:
    if parts.form == "parquet" or _is_archive(parts):
        return None
    return Whole(_plain(parts) + ".gz", gzip.compress(parts.data, mtime=0), len(parts.records) or None)


def gzip_members(rng: random.Random, parts: Parts) -> Whole | None:
    """As where gzipped files are put together with `cat`."""
    if parts.form == "parquet" or _is_archive(parts):
        return None
    at = rng.randrange(len(parts.data))
    data = gzip.compress(parts.data[:at], mtime=0) + gzip.compress(parts.data[at:], mtime=0)
    return Whole(_plain(parts) + ".gz", data, len(parts.records) or None)


def zipped(rng: random.Random, parts: Parts) -> Whole | None:
    """A zip archive: the file alone, in a folder, or beside what systems and people leave there."""
    if _is_archive(parts):
        return None
    name = rng.choice(("", "export 2026/", "a/b/")) + _plain(parts)
    others: list[tuple[str, bytes]] = []
    if rng.random() < 0.5:
        hidden = name.rsplit("/", 1)[-1]
        others = [
            ("readme.md", b"# what this is\n"),
            (f"__MACOSX/._{hidden}", b"\x00\x05\x16\x07"),
            (".DS_Store", b"\x00"),
        ]
    archive = _archive([*others, (name, parts.data)], with_folders=rng.random() < 0.3)
    return Whole(f"{_plain(parts).split('.')[0]}.zip", archive, len(parts.records) or None)


def _archive(members: Sequence[tuple[str, bytes]], *, with_folders: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        if with_folders:
            archive.writestr("empty/", b"")
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def further_columns(rng: random.Random, parts: Parts) -> Whole | None:
    """Columns that nobody asked for: many, without a name, or of one name."""
    if parts.form != "separated" or parts.head.count(b"\n") != 1:
        return None
    n = rng.choice((1, 3, 1_500))
    names = {0: ["" for _ in range(n)], 1: ["further"] * n, 2: [f"further {i}" for i in range(n)]}[
        rng.randrange(3)
    ]
    rows = [[*fields_of(record, parts), *["x"] * n] for record in parts.records]
    return _rewritten(parts, [*_header(parts), *names], rows)


def moved_columns(rng: random.Random, parts: Parts) -> Whole | None:
    if parts.form != "separated" or parts.head.count(b"\n") != 1:
        return None
    order = list(range(len(_header(parts))))
    rng.shuffle(order)
    if any(len(fields_of(record, parts)) != len(order) for record in parts.records):
        return None
    rows = [[fields_of(record, parts)[i] for i in order] for record in parts.records]
    return _rewritten(parts, [_header(parts)[i] for i in order], rows)


def _header(parts: Parts) -> list[str]:
    return fields_of(parts.head, parts)


def _rewritten(parts: Parts, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Whole:
    end = end_of(parts.head)
    data = b"".join(from_fields(row, parts, end) for row in [header, *rows])
    return Whole(parts.name, parts.pack(data), len(rows))


# Damage


def cut_file(rng: random.Random, parts: Parts) -> Whole | None:
    data = parts.data[: rng.randrange(len(parts.data))]
    known = parts.form in ("separated", "lines", "json") and parts.is_lines
    if not known or len(data) <= len(parts.head):
        return Whole(parts.name, parts.pack(data))
    rest, n = data[len(parts.head) :], 0
    for record in parts.records:
        if not rest.strip(b"\r\n"):
            break
        rest, n = rest[len(record) :], n + 1
    is_open = data.count(b'"') % 2 == 1 and b"\n" in data[data.rfind(b'"') :]
    return Whole(parts.name, parts.pack(data), None if is_open else n)


def empty_file(rng: random.Random, parts: Parts) -> Whole:
    return Whole(parts.name, rng.choice((b"", b"\n", b" ", BOM, b"\xff\xfe", b"\r\n\r\n", b"\x00" * 100)))


def only_header(rng: random.Random, parts: Parts) -> Whole | None:
    if not parts.head or parts.form != "separated":
        return None
    return Whole(
        parts.name, parts.pack(parts.head.rstrip(b"\r\n") + rng.choice((b"", b"\n", b"\r\n\r\n"))), 0
    )


def no_header(_: random.Random, parts: Parts) -> Whole | None:
    if not parts.head or parts.form != "separated":
        return None
    return Whole(parts.name, parts.pack(b"".join(parts.records)))


def missing_column(rng: random.Random, parts: Parts) -> Whole | None:
    if parts.form != "separated" or parts.head.count(b"\n") != 1 or len(_header(parts)) < 3:
        return None
    at = rng.randrange(len(_header(parts)))
    rows = [
        [*fields[:at], *fields[at + 1 :]] for fields in (fields_of(record, parts) for record in parts.records)
    ]
    return _rewritten(parts, [*_header(parts)[:at], *_header(parts)[at + 1 :]], rows)


def header_names(rng: random.Random, parts: Parts) -> Whole | None:
    """Names that are empty, doubled, strange, or of megabytes."""
    if parts.form != "separated" or parts.head.count(b"\n") != 1:
        return None
    names = _header(parts)
    at = rng.randrange(len(names))
    names[at] = rng.choice(
        ("", " ", rng.choice(names), "r:reason", "record", "file", "x" * 1_000_000, "a\x00b", 'a"b',
        "a\nb", "';--", "\ufeff",
         names[at].upper(), f" {names[at]} ", "record:number", "customer", "{", "%")
    )  # fmt: skip
    return _rewritten(parts, names, [fields_of(record, parts) for record in parts.records])


def column_of_nonsense(rng: random.Random, parts: Parts) -> Whole | None:
    """One column of another kind in all records: text where numbers or times were, numbers where text was."""
    if parts.form != "separated" or parts.head.count(b"\n") != 1:
        return None
    rows = [fields_of(record, parts) for record in parts.records]
    at, value = (
        rng.randrange(len(rows[0])),
        rng.choice(("x", "17", "", "1e999", "2026-03-01", "-1", "\x1e", "a\x00")),
    )
    for row in rows:
        row[min(at, len(row) - 1)] = value
    return _rewritten(parts, _header(parts), rows)


def flipped_bytes(rng: random.Random, parts: Parts) -> Whole:
    data = bytearray(parts.data)
    for _ in range(rng.choice((1, 3, 30))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return Whole(parts.name, parts.pack(bytes(data)))


def hole(rng: random.Random, parts: Parts) -> Whole:
    """A stretch of zeros, as after a crash, or bytes that are lost."""
    a, b = sorted((rng.randrange(len(parts.data)), rng.randrange(len(parts.data))))
    return Whole(parts.name, parts.pack(parts.data[:a] + b"\x00" * rng.choice((0, b - a)) + parts.data[b:]))


def noise(rng: random.Random, parts: Parts) -> Whole:
    return Whole(parts.name, rng.randbytes(rng.choice((1, 100, 5_000))))


def two_encodings(rng: random.Random, parts: Parts) -> Whole | None:
    """The first half in one encoding, the second in another."""
    if parts.form in _NO_TEXT:
        return None
    text = parts.data.decode()
    at = rng.randrange(len(text))
    first, second = rng.sample(("utf-8", "utf-16-le", "latin-1", "utf-32", "utf-16"), 2)
    return Whole(
        parts.name, parts.pack(text[:at].encode(first, "replace") + text[at:].encode(second, "replace"))
    )


def cut_gzip(rng: random.Random, parts: Parts) -> Whole | None:
    if parts.form == "parquet":
        return None
    packed = gzip.compress(parts.data, mtime=0)
    if rng.random() < 0.3:  # the second member is damaged
        packed += b"\x1f\x8b" + rng.randbytes(rng.choice((0, 1, 20)))
    else:
        packed = packed[: rng.randrange(2, len(packed))]
    return Whole(_plain(parts) + ".gz", packed)


def broken_gzip(rng: random.Random, parts: Parts) -> Whole | None:
    if parts.form == "parquet":
        return None
    packed = bytearray(gzip.compress(parts.data, mtime=0))
    for _ in range(rng.choice((1, 5))):
        packed[rng.randrange(2, len(packed))] ^= 1 << rng.randrange(8)
    return Whole(_plain(parts) + ".gz", bytes(packed))


def broken_zip(rng: random.Random, parts: Parts) -> Whole:
    archive = bytearray(_archive([(_plain(parts), parts.data)]))
    kind = rng.choice(("cut", "flipped", "encrypted", "noise", "method", "empty", "nested"))
    if kind == "cut":
        del archive[rng.randrange(1, len(archive)) :]
    elif kind == "flipped":
        archive[rng.randrange(len(archive))] ^= 1 << rng.randrange(8)
    elif kind == "encrypted":
        _mark(archive, 6, 8, 1)
    elif kind == "method":
        _mark(archive, 8, 10, 97)
    elif kind == "noise":
        archive = bytearray(b"PK\x03\x04" + rng.randbytes(200))
    elif kind == "empty":
        archive = bytearray(_archive([]))
    else:
        archive = bytearray(_archive([("inner.zip", bytes(archive))]))
    return Whole(f"{_plain(parts).split('.')[0]}.zip", bytes(archive))


def _mark(archive: bytearray, local: int, central: int, value: int) -> None:
    struct.pack_into("<H", archive, local, value)
    struct.pack_into("<H", archive, archive.index(b"PK\x01\x02") + central, value)


def other_contents(rng: random.Random, parts: Parts) -> Whole:
    """What is no such file at all."""
    contents = (
        b'{"a": 1}\n', b"[]", b"{}", b"null", b"a,b\n1,2\n", b"<html><body>Sign in</body></html>",
        b"SQLite format 3\x00" + b"\x00" * 200,
        b"PAR1" + b"\x00" * 20 + b"PAR1", b"\xd0\xcf\x11\xe0", b"%PDF-1.7", b"\x28\xb5\x2f\xfd\x00",
        b'"', b"[" * 10_000, b'{"a":' * 10_000,
        b"[1, 2, 3]", b'[{"a": 1}, "x", null]', b"x" * 3_000_000, b",".join([b"c"] * 20_000) + b"\n",
        b"\x1f\x8b", b"PK\x05\x06" + b"\x00" * 18,
        b"\xef\xbb\xbf\xef\xbb\xbf\n", b"Access Denied", b"\r", b"\n\n,\n", b'"\n"\n"',
    )  # fmt: skip
    return Whole(parts.name, rng.choice(contents))


def broken_array(rng: random.Random, parts: Parts) -> Whole | None:
    """JSON whose brackets don't match."""
    if parts.form != "json":
        return None
    data, at = parts.data, rng.randrange(len(parts.data))
    mark = rng.choice((b"[", b"]", b"{", b"}", b'"', b",", b"\\", b":", b"[" * 5_000, b"{" * 5_000))
    return Whole(parts.name, parts.pack(data[:at] + mark + data[at:]))


def other_parquet(rng: random.Random, parts: Parts) -> Whole | None:
    """A Parquet file with columns missing, of other types, empty, or of other names."""
    if parts.form != "parquet":
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(parts.data))
    rows: int = table.num_rows
    at = rng.randrange(table.num_columns)
    name, n = table.column_names[at], table.num_rows
    others = {
        "missing": lambda: table.drop_columns([name]),
        "null": lambda: table.set_column(at, name, pa.nulls(n)),
        "numbers": lambda: table.set_column(at, name, pa.array(range(n), pa.int64())),
        "floats": lambda: table.set_column(at, name, pa.array([rng.choice((float("nan"), float("inf"),
        1e300, -0.0))] * n)),
        "flags": lambda: table.set_column(at, name, pa.array([True] * n)),
        "bytes": lambda: table.set_column(at, name, pa.array([b"\xff\x00"] * n, pa.binary())),
        "times": lambda: table.set_column(at, name, pa.array([rng.choice((-(2**62), 0, 2**62))] * n,
        pa.timestamp("us"))),
        "nested": lambda: table.set_column(at, name, pa.array([{"key": [1]}] * n)),
        "texts": lambda: table.set_column(at, name, pa.array([rng.choice(("", "x", "a\x00b", "\x1e",
        "9" * 300))] * n)),
        "none": lambda: table.slice(0, 0),
        "renamed": lambda: table.rename_columns([*table.column_names[:at], "",
        *table.column_names[at + 1 :]]),
        "doubled": lambda: table.append_column(name, table.column(at)),
    }  # fmt: skip
    changed = others[rng.choice(list(others))]()
    out = io.BytesIO()
    pq.write_table(changed, out)
    return Whole(parts.name, out.getvalue(), rows if changed.num_rows == rows else 0)


HARMLESS: dict[str, WholeDamage] = {
    each.__name__: each
    for each in (
        utf_16, byte_order_mark, latin_1_file, other_line_ends, gzipped, gzip_members, zipped,
        further_columns,
        moved_columns,
    )
}  # fmt: skip
HARMFUL: dict[str, WholeDamage] = {
    each.__name__: each
    for each in (
        cut_file, empty_file, only_header, no_header, missing_column, header_names, column_of_nonsense,
        flipped_bytes, hole,
        noise, two_encodings, cut_gzip, broken_gzip, broken_zip, other_contents, broken_array, other_parquet,
    )
}  # fmt: skip
