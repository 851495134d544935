"""Damages of single records: all others must come through untouched."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.ingest.fuzz.parts import Parts, end_of, fields_of, from_fields

DEEP = "@deep@"
"""Stands for ten thousand nested lists until the text is written: no JSON writer goes so deep."""


class Piece(NamedTuple):
    """A piece of the damaged file in place of a record, or beside it."""

    data: bytes
    touched: bool = True
    meant: bytes | None = None
    """What it must be read like, where it isn't touched but written in another way."""


Local = Callable[[random.Random, bytes, Parts], list[Piece] | None]
"""Returns what stands in a record's place; None where the damage doesn't apply."""


def cut_line(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    body = record.rstrip(b"\r\n")
    if len(body.strip()) < 3 or parts.between or not end_of(record) or b"\n" in body:
        return None
    cut = body[: rng.randrange(1, len(body))]
    return [Piece(cut + end_of(record))] if cut.strip() else None


def wrong_columns(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    if parts.form != "separated" or b"\n" in record.rstrip(b"\r\n"):
        return None
    fields = fields_of(record, parts)
    if rng.random() < 0.5 and len(fields) > 2:
        del fields[rng.randrange(len(fields))]
    else:
        fields.insert(rng.randrange(len(fields)), rng.choice(("", "x", "1")))
    return [Piece(from_fields(fields, parts, end_of(record)))]


def very_many_columns(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    if parts.form != "separated" or b"\n" in record.rstrip(b"\r\n"):
        return None
    return [Piece(from_fields([*fields_of(record, parts), *["x"] * 3_000], parts, end_of(record)))]


def stray_quote(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    if b'"' in record and rng.random() < 0.5:
        return None  # seldom inside of quotes
    at = rng.randrange(len(record.rstrip(b"\r\n")))
    return (
        None
        if parts.between or b"\n" in record.rstrip(b"\r\n")
        else [Piece(record[:at] + b'"' + record[at:])]
    )


def latin_1(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    return _insert(rng, record, rng.choice((b"\xe4", b"\xfc\xdf", b"\xe9")), parts)


def invalid_utf8(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    bad = rng.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf", b"\xe2\x82"))
    return _insert(rng, record, bad, parts)


def nul_byte(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    return _insert(rng, record, b"\x00" * rng.choice((1, 1, 5)), parts)


def control_characters(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    return _insert(
        rng, record, rng.choice((b"\x1e", b"\x1f", b"\x07", b"\x1b[2J", b"\x7f", b"\x0b\x0c", b"\x85")), parts
    )


def _insert(rng: random.Random, record: bytes, what: bytes, parts: Parts) -> list[Piece] | None:
    body = record.rstrip(b"\r\n")
    if not body or parts.between or b"\n" in body:
        return None  # a spoilt record of several lines may count as several
    at = rng.randrange(len(body))
    return [Piece(record[:at] + what + record[at:])]


def doubled_record(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    return [Piece(record, touched=False), Piece(record)] if parts.between or end_of(record) else None


def blank_lines(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    if parts.between or not end_of(record):
        return None
    return [
        Piece(rng.choice((b"\n", b"\r\n")) * rng.randint(1, 3), touched=False),
        Piece(record, touched=False),
    ]


def mixed_line_ends(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    end = end_of(record)
    if parts.between or end not in (b"\n", b"\r\n"):
        return None
    return [Piece(record[: -len(end)] + (b"\n" if end == b"\r\n" else b"\r\n"), touched=False, meant=record)]


def bom_within(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    """As where files are put together with `cat`: a mark, and the header once more."""
    if parts.between or not end_of(record):
        return None
    mark = b"\xef\xbb\xbf"
    if parts.form == "separated" and parts.head.count(b"\n") == 1 and rng.random() < 0.7:
        return [Piece(record, touched=False), Piece(mark + parts.head)]
    return [Piece(mark + record, touched=False, meant=record)]


def strange_value(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    """Bad dates, numbers where text was, text where numbers were, separators of our own, and worse."""
    return _with_value(rng, record, parts, rng.choice(_STRANGE))


def huge_field(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    if parts.form == "separated" and b"\n" in record.rstrip(b"\r\n"):
        return None  # records of several lines may have a megabyte
    return _with_value(
        rng, record, parts, rng.choice(("x", "é", "a,b;", "9")) * rng.choice((70_000, 300_000))
    )


def long_line(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    """A line of megabytes that is no record."""
    if parts.between or not end_of(record):
        return None
    return [
        Piece(rng.choice((b"x", b"x,", b"{", b"[", b" x", b'\\"x')) * 700_000 + end_of(record)),
        Piece(record, touched=False),
    ]


def deep_json(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    if parts.form != "json":
        return None
    found = _with_value(rng, record, parts, DEEP)
    levels = rng.choice((150, 10_000))
    deep = b"[" * levels + b"]" * levels if rng.random() < 0.7 else b'{"a":' * levels + b"1" + b"}" * levels
    return [Piece(piece.data.replace(b'"' + DEEP.encode() + b'"', deep)) for piece in found or []] or None


def other_type(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    """JSON of another type than the systems write."""
    if parts.form != "json":
        return None
    return _with_value(rng, record, parts, rng.choice(_TYPES))


def raw_json(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    """What JSON writers don't write, but programs do."""
    if parts.form != "json" or not end_of(record):
        return None
    raw = rng.choice(_RAW)
    found = _with_value(rng, record, parts, DEEP)
    return [Piece(piece.data.replace(b'"' + DEEP.encode() + b'"', raw)) for piece in found or []] or None


def no_object(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    """A value that is no record, where records are JSON."""
    if parts.form != "json" or parts.between or not end_of(record):
        return None
    values = [b"null", b"17", b'"text"', b"true"]
    if record.startswith(b"{") and all(map(end_of, parts.records[:-1])):
        values += [
            b"[]",
            b"[1,2]",
        ]  # where lines aren't objects, an array may well be its elements: none, or two
    return [Piece(rng.choice(values) + end_of(record))]


def repeated_keys(rng: random.Random, record: bytes, parts: Parts) -> list[Piece] | None:
    if parts.form != "json" or not record.startswith(b"{") or len(record) < 10:
        return None
    key = rng.choice(list(json.loads(record)) or ["a"])
    again = json.dumps({rng.choice((key, key.upper(), key.lower())): rng.choice(("x", None, 1))}).encode()
    return [Piece(again[:-1] + b", " + record[1:])]


_STRANGE = (
    "", " ", "0000-00-00", "2026-13-45", "31.12.", "2026-02-30T25:61:61Z", "99999-01-01 00:00:00",
    "-0044-03-15",
    "1899-12-30", "294247-01-10T04:00:54.775807Z", "infinity", "-infinity", "epoch", "NaN", "inf", "-0",
    "1e400",
    "9" * 400, "-1", "1,5", "1.234,56", "0x1F", "1_000", "٣", "true", "NULL", "None", "nan", "a\x1eb",
    "\x1e", "\x1f",
    "a\x1fb\x1ec", "'; DROP TABLE events; --", "' OR 1=1 --", '"', "''", "\\", "\\N", "{name}", "%s%n",
    "$1", "=1+1",
    "two\nlines", "\r", "tab\there", "\u2028", "\u200b", "\ufeff", "\u202eevil", "👩‍👩‍👧",
    "e\u0301" * 50, "a\x00b", "\x00",
    "<script>", "../../etc/passwd", "C:\\x", "user_id:5", "x\x1euser_id:5", "cookie:1", "@",
    "@example.com", "a@b@c",
    "+", "+49", "0" * 40, "unknown", "[]", "{}", "[1,2", '{"a":', "1" * 60, "2026-03-29 02:30:00",
    "2026-03-01T10:00:00+99:00",
    "2026-03-01T10:00:00 Europe/Nowhere", "2026-03-01 10:00:00 Asia/Kolkata", "12/31/2026",
    "1/1/0001 12:00:00 AM",
)  # fmt: skip
_TYPES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, -(10**400), 1e308, [], {}, [[]], [None], {"": ""},
    {"key": 1}, ["x", 1, {}],
    [{"key": "a", "value": {"int_value": 1}}], [{"key": None, "value": None}], {"a": [{"b": [{}]}]},
    "text", "",
)  # fmt: skip
_RAW = (
    rb'"\ud800"', rb'"\udc00\ud800"', rb'"a\u0000b"', rb'"\u0000"', b"NaN", b"Infinity", b"-Infinity",
    b"1e400", b"-0.0",
    b"01", b".5", b"1.", b"'x'", b"tru", b'"unfinished', b'"\t"', rb'"\x41"', rb'"\ud83d\ude00"',
    b"1e-9999", b"9" * 2_000,
    b"[1,]", b'{"a":1,}', b"// x", b'"a" "b"', b"", rb'"\u12"', b"}", b"]", b"{",
)  # fmt: skip


def _with_value(rng: random.Random, record: bytes, parts: Parts, value: Any) -> list[Piece] | None:
    end = end_of(record)
    if parts.form == "json":
        element = json.loads(record)
        _replace(rng, element, value)
        text = json.dumps(element, ensure_ascii=False).encode("utf-8", errors="surrogatepass")
        return [Piece(text + end)]
    if parts.form == "separated":
        fields = fields_of(record, parts)
        fields[rng.randrange(len(fields))] = str(value)
        return [Piece(from_fields(fields, parts, end))]
    if parts.form == "lines":
        words = record.rstrip(b"\r\n").split(b" ")
        words[rng.randrange(len(words))] = " ".join(str(value).splitlines()).encode()
        line = b" ".join(words)
        return [Piece(line + end)] if line.strip() else None
    return None


def _replace(rng: random.Random, element: Any, value: Any) -> None:
    """Put a value into a random place of a JSON value, deep places as likely as others."""
    places: list[tuple[Any, Any]] = []

    def walk(at: Any) -> None:
        for key, held in at.items() if isinstance(at, dict) else enumerate(at):
            places.append((at, key))
            if isinstance(held, dict | list):
                walk(held)

    walk(element)
    if places:
        at, key = rng.choice(places)
        at[key] = value


LOCAL: dict[str, Local] = {
    each.__name__: each
    for each in (
        cut_line, wrong_columns, very_many_columns, stray_quote, latin_1, invalid_utf8, nul_byte,
        control_characters,
        doubled_record, blank_lines, mixed_line_ends, bom_within, strange_value, huge_field, long_line,
        deep_json, other_type,
        raw_json, no_object, repeated_keys,
    )
}  # fmt: skip
OFTEN = ("strange_value", "other_type", "raw_json")
"""Damages of which there are many kinds."""
AT_MOST_ONE = ("cut_line", "stray_quote", "raw_json")
"""What may open a quote or a bracket: two of them in a file may enclose what lies between."""
ENCODING = ("latin_1", "invalid_utf8", "control_characters")
"""What may make a file be read in another encoding, so that texts differ though none is lost."""
