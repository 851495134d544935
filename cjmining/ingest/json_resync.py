"""Where JSON is spoilt, records after the fault are found again: by being whole, or by how records begin.

A missing bracket or a stray quote makes all that follows part of one value. In it an object that can be
parsed is a record. A spoilt one ends where the next begins: records of one system name their fields in one
order, so `{"ContactId":` tells where that is, and so does `}{`, which is nowhere within a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

_TEXT = rb'"(?:[^"\\]|\\.)*"'
_PLAIN = rb"\s*(?:" + _TEXT + rb'|[^,{}\[\]"]*)\s*,\s*'
_FIRST_KEYS = re.compile(rb"\{\s*(" + _TEXT + rb")\s*:(?:" + _PLAIN + rb"(" + _TEXT + rb")\s*:)?")
"""The names of a record's first two fields; objects inside it seldom begin with the same two."""
_ADJOINING = rb"(?<=\})\s*\{\s*" + _TEXT + rb"\s*:"
_TOGETHER = re.compile(rb"\}\s*\{")
_MOST_BEGINNINGS = 8
_BETWEEN = b" ,\t"
_NEXT = re.compile(rb"[^\s,\]}]")
"""Between records may also stand the brackets too many that a spoilt one leaves."""
_FIELD = re.compile(r'\s*,\s*"(?:[^"\\]|\\.)*"\s*:')
_DECODER = json.JSONDecoder()

Cut = tuple[bytes, bytes]
"""A stretch of text that seems to be a value, and the bracket or comma behind it that is part of none."""


class Resync:
    """Passes values on; what is spoilt waits for the next sound value and is then cut where records begin."""

    def __init__(self) -> None:
        self._beginnings: list[bytes] = []
        self._beginning: re.Pattern[bytes] | None = None
        self._waiting: list[bytes] = []
        self._held: list[bytes] = []
        self._behind = b""

    def take(self, cuts: Iterable[Cut], *, last: bool = False) -> list[bytes]:
        """Return what is settled of the values given so far, one record each.

        The last one is held back: what follows may show that it was closed too early.
        """
        settled = self._held
        for stretch, mark in cuts:
            value = stretch.strip()
            if value and self._is_sound(value):
                if self._waiting:
                    settled += self._found_again()
                settled.append(value)
                self._behind = mark
            elif value or (mark and self._waiting):
                if not self._waiting and settled and not is_valid(settled[-1]):
                    self._waiting = [settled.pop(), self._behind]
                self._waiting += (stretch, mark)
            else:
                self._behind += stretch + mark
        if last:
            return [*settled, *self._found_again()]
        self._held = settled[-1:]
        return settled[:-1]

    def _is_sound(self, value: bytes) -> bool:
        """Whether a value is one record; only where it is in doubt is it parsed."""
        if self._beginning is not None and not self._waiting and value.endswith(b"}"):
            begins = [found.start() for found in self._beginning.finditer(value)]
            if begins == [0] and not _TOGETHER.search(value):
                return True
        if not is_valid(value):
            return False
        self._learn(value)
        return True

    def _learn(self, value: bytes) -> None:
        """Records begin as this one does, too; by one name alone only where nothing better is known."""
        found = _FIRST_KEYS.match(value)
        if found is None or len(self._beginnings) == _MOST_BEGINNINGS or (self._beginnings and not found[2]):
            return
        second = _PLAIN + re.escape(found[2]) + rb"\s*:" if found[2] else b""
        begins = re.escape(found[1]) + rb"\s*:" + second
        if found[2]:
            self._beginnings = [known for known in self._beginnings if _PLAIN in known]
        if begins not in self._beginnings:
            self._beginnings.append(begins)
            self._beginning = re.compile(rb"\{\s*(?:" + b"|".join(self._beginnings) + rb")")

    def _found_again(self) -> list[bytes]:
        """Return what waited, cut where records seem to begin."""
        if not self._waiting:
            return []
        text, self._waiting = b"".join(self._waiting[:-1]).strip(_BETWEEN), []
        if not self._beginnings:
            self._learn(text)
        starts = re.compile(b"|".join([_ADJOINING, *([self._beginning.pattern] if self._beginning else [])]))
        return [part for part in (part.strip(_BETWEEN) for part in _parts(text, starts)) if part]


def _parts(text: bytes, starts: re.Pattern[bytes]) -> Iterator[bytes]:
    """Yield whole objects, and what is spoilt up to where the next record starts."""
    readable = text.decode("latin-1")  # a character for each byte, so that places are the same
    at = 0
    while at < len(text):
        end = _end_of_object(readable, at)
        following = starts.search(text, at + 1) if end is None else _NEXT.search(text, end)
        at_next = following.start() if following else len(text)
        yield text[at : at_next if end is None else end]
        at = at_next


def _end_of_object(text: str, at: int) -> int | None:
    """Return where the whole object that begins here ends; None where there is none."""
    if not text.startswith("{", at):
        return None
    try:
        _, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None
    return None if _FIELD.match(text, end) else end  # a field behind it: it was closed too early


def is_valid(value: bytes) -> bool:
    """Whether a text is JSON that can be parsed."""
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True
