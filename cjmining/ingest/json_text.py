"""JSON however it is laid out, rewritten with one value on each line: what reads lines can read it all.

Arrays, values one after the other, pretty-printed ones, and lists inside an object (the pages of an API) are
cut where the brackets say, block by block; nothing is parsed, so a value that is spoilt stays what it is.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cjmining.ingest.json_resync import Cut, Resync, is_valid

Bytes = npt.NDArray[np.uint8]

_LOOK_AT = 20
_STRUCTURAL = np.zeros(256, dtype=bool)
_STRUCTURAL[[ord(character) for character in "{}[],"]] = True
_STEP = np.zeros(256, dtype=np.int64)
_STEP[[ord("{"), ord("[")]] = 1
_STEP[[ord("}"), ord("]")]] = -1


def is_lines(text: str) -> bool:
    r"""Whether a file that begins with this text has one JSON value on each line.

    Examples
    --------
    >>> is_lines('{"a": 1}\n{"a": 2}\n'), is_lines('{\n  "a": 1\n}\n'), is_lines('{"a": 1}{"a": 2}')
    (True, False, False)
    """
    begins = text.lstrip()
    if not begins.startswith(("{", "[")):
        return True
    if "\n" not in begins:  # a first line longer than what is in view may be anything
        return False
    whole = begins if begins.endswith("\n") else begins.rpartition("\n")[0]  # the last may be cut
    lines = [line.strip() for line in whole.split("\n", 4 * _LOOK_AT) if line.strip()][:_LOOK_AT]
    if lines[0].startswith("[{") and is_valid(lines[0].encode()):
        return False
    telling = [line for line in lines if not _is_no_record(line)]
    # a line that is spoilt says nothing, even where most are
    return sum(_is_part(line) for line in telling) * 2 < len(telling)


def _is_no_record(line: str) -> bool:
    """Whether a line is a value that is no object nor holds any."""
    return "{" not in line and is_valid(line.encode())


def _is_part(line: str) -> bool:
    """Whether a line is part of a value, or holds more than one."""
    if not line.startswith("{") or len(line) == 1:
        return True
    try:
        _, end = json.JSONDecoder().raw_decode(line)
    except (ValueError, RecursionError):
        return "}{" in line or line.endswith((",", "[", "{"))
    return line[end:].lstrip().startswith(("{", ",", "]", "}"))


def is_array_lines(text: str) -> bool:
    r"""Whether each line is an array of values, as where requests are kept one after the other.

    Examples
    --------
    >>> is_array_lines('[{"a": 1}]\n[{"a": 2}, {"a": 3}]\n'), is_array_lines('[\n{"a": 1}\n]')
    (True, False)
    """
    lines = [line.strip() for line in text.lstrip().split("\n", 4 * _LOOK_AT) if line.strip()][:_LOOK_AT]
    arrays = sum(line.startswith("[") and line.endswith("]") for line in lines)
    return len(lines) > 1 and arrays * 2 > len(lines)


def as_lines(blocks: Iterable[tuple[bytes, bool]], *, by_line: bool = False) -> Iterator[tuple[bytes, bool]]:
    """Rewrite blocks of JSON text, the last of them marked, as blocks with a value on each line.

    With `by_line` no value goes on in the next line, so that one that is spoilt ends with its own.
    """
    if by_line:
        yield from _line_by_line(blocks)
        return
    cutter, resync = _Cutter(), Resync()
    for block, last in blocks:
        cuts = cutter.take(block)
        if last:
            cuts.append(cutter.rest())
        yield b"".join(value + b"\n" for value in resync.take(cuts, last=last)), last


def _line_by_line(blocks: Iterable[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
    rest = b""
    for block, last in blocks:
        *lines, rest = (rest + block).split(b"\n")
        if last:
            lines, rest = [*lines, rest], b""
        values = [value for line in lines for value in _values_of(line)]
        yield b"".join(value + b"\n" for value in values), last


def _values_of(line: bytes) -> list[bytes]:
    """Return the values of a line; the line itself, as one record, where it is spoilt."""
    line = line.strip().removeprefix(codecs.BOM_UTF8)
    if not is_valid(line):
        return [line] if line else []
    cutter = _Cutter()
    values = [value.strip() for value, _ in [*cutter.take(line), cutter.rest()]]
    return [value for value in values if value]


def unwrapped(blocks: Iterable[tuple[bytes, bool]], names: Sequence[str]) -> Iterator[tuple[bytes, bool]]:
    """Replace each line that is an object with a list of one of these names by the list's elements.

    Every other line stays as it is.
    """
    listed = "|".join(re.escape(json.dumps(name)) for name in names)
    opening = re.compile(rf"(?:{listed})\s*:\s*$".encode())
    anywhere = re.compile(rf"(?:{listed})\s*:\s*\[".encode())
    rest = b""
    for block, last in blocks:
        data = rest + block
        end = len(data) if last else data.rfind(b"\n") + 1
        data, rest = data[:end], data[end:]
        if anywhere.search(data):
            lines = data.split(b"\n")
            data = b"\n".join(b"\n".join(_elements(line, opening)) for line in lines)
        yield data, last


def _elements(line: bytes, opening: re.Pattern[bytes]) -> list[bytes]:
    """Return the elements of the wanted list on an object's first level; the line where there is none."""
    at, depth, _ = _structure(np.frombuffer(_without_escapes(line), dtype=np.uint8))
    characters = np.frombuffer(line, dtype=np.uint8)[at]
    for place in np.flatnonzero((characters == ord("[")) & (depth == 2)).tolist():
        if opening.search(line[max(0, at[place] - 80) : at[place]]):
            closing = np.flatnonzero(depth[place + 1 :] < 2)
            end = place + 1 + int(closing[0]) if len(closing) else None
            if end is None or not is_valid(b'{"":[' + line[at[end] :]):  # no bracket can be trusted
                return Resync().take([(line[at[place] + 1 :], b"")], last=True)
            inside = slice(place, end)
            cuts = at[inside][(characters[inside] == ord(",")) & (depth[inside] == 2)]
            edges = [int(at[place]), *cuts.tolist(), int(at[end])]
            return Resync().take([(line[a + 1 : b], b",") for a, b in pairwise(edges)], last=True)
    return [line]


class _Cutter:
    """Cuts a stream of JSON text into values, keeping what isn't finished until the next block."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._escape = b""
        self._depth = 0
        self._in_text = False
        self._in_array = False

    def take(self, block: bytes) -> list[Cut]:
        data = self._escape + block
        slashes = len(data) - len(data.rstrip(b"\\"))
        self._escape = b"\\" if slashes % 2 else b""
        data = data[: len(data) - len(self._escape)]
        plain = _without_escapes(data)
        at, depth, self._depth = _structure(
            np.frombuffer(plain, dtype=np.uint8), self._depth, in_text=self._in_text, deepest=1
        )
        self._in_text ^= plain.count(b'"') % 2 == 1
        cuts, start = [], 0
        for position, level in zip(at.tolist(), depth.tolist(), strict=True):
            character = data[position]
            before = level - int(_STEP[character])
            if character == ord("[") and before == 0:
                self._in_array, keep = True, 0
            elif character == ord(",") and level == 1 and self._in_array:
                keep = 0
            elif character == ord("]") and level == 0 and self._in_array:
                self._in_array, keep = False, 0
            elif character in b"}]" and level == 0:
                keep = 1
            elif character == ord(",") and level == 0:
                keep = 0
            else:
                continue
            value = self._finished(data[start : position + keep])
            cuts.append((value, data[position + keep : position + 1]))
            start = position + 1
        self._parts.append(data[start:])
        return cuts

    def rest(self) -> Cut:
        return self._finished(self._escape), b""

    def _finished(self, end: bytes) -> bytes:
        value = b"".join((*self._parts, end))
        self._parts = []
        return value.replace(b"\n", b" ").replace(b"\r", b" ")


def _without_escapes(data: bytes) -> bytes:
    """Return text of the same length without escaped quotes."""
    return data.replace(b"\\\\", b"..").replace(b'\\"', b"..") if b"\\" in data else data


def _structure(
    characters: Bytes, depth: int = 0, *, in_text: bool = False, deepest: int = 2
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Return where brackets and commas outside of texts lie, how deep the text is after each, and at its end.

    Only those that lie in a list or object on the level `deepest` or above are returned.
    """
    quotes = np.cumsum(characters == ord('"'), dtype=np.int64) + in_text
    at = np.flatnonzero(_STRUCTURAL[characters] & (quotes % 2 == 0))
    steps = _STEP[characters[at]]
    levels = depth + np.cumsum(steps)
    if len(levels) and levels.min() < 0:  # a bracket too many: what follows begins anew
        levels = levels - np.minimum(np.minimum.accumulate(levels), 0)
    outer = np.minimum(levels, levels - steps) <= deepest
    return at[outer], levels[outer], int(levels[-1]) if len(levels) else depth
