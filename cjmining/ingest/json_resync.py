"""Where JSON is spoilt, records after the fault are found again: they begin as the first one does.

A missing bracket or a stray quote makes all that follows part of one value. Records of one system name their
fields in one order, so `{"ContactId":` tells where the next one begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import pairwise

_TEXT = rb'"(?:[^"\\]|\\.)*"'
_PLAIN = rb"\s*(?:" + _TEXT + rb'|[^,{}\[\]"]*)\s*,\s*'
_FIRST_KEYS = re.compile(rb"\{\s*(" + _TEXT + rb")\s*:(?:" + _PLAIN + rb"(" + _TEXT + rb")\s*:)?")
"""The names of a record's first two fields; objects inside it seldom begin with the same two."""
_BETWEEN = b" ,\t"


class Resync:
    """Passes values on; what is spoilt waits for the next sound value and is then cut where records begin."""

    def __init__(self) -> None:
        self._beginning: re.Pattern[bytes] | None = None
        self._waiting: list[bytes] = []

    def take(self, values: Iterable[bytes], *, last: bool = False) -> list[bytes]:
        """Return what is settled of the values given so far, one record each."""
        settled: list[bytes] = []
        for value in values:
            if self._is_sound(value):
                settled += [*self._cut(), value]
            else:
                self._waiting.append(value)
        return [*settled, *self._cut()] if last else settled

    def _is_sound(self, value: bytes) -> bool:
        """Whether a value is one record; only where it is in doubt is it parsed."""
        if self._beginning is None:
            return self._learn(value)
        begins = [found.start() for found in self._beginning.finditer(value)]
        return (begins == [0] and value.endswith(b"}") and not self._waiting) or is_valid(value)

    def _learn(self, value: bytes) -> bool:
        is_sound = is_valid(value)
        if is_sound:
            self._beginning = _beginning_of(value)
        return is_sound

    def _cut(self) -> list[bytes]:
        """Return what waited, cut where records seem to begin."""
        if not self._waiting:
            return []
        text = b",".join(self._waiting)
        waiting, self._waiting = self._waiting, []
        beginning = self._beginning or _beginning_of(text)
        if beginning is None:
            return waiting
        starts = [found.start() for found in beginning.finditer(text)]
        edges = sorted({0, *starts, len(text)})
        parts = [text[a:b].strip(_BETWEEN) for a, b in pairwise(edges)]
        return [part for part in parts if part]


def _beginning_of(value: bytes) -> re.Pattern[bytes] | None:
    found = _FIRST_KEYS.match(value)
    if found is None:
        return None
    second = _PLAIN + re.escape(found[2]) + rb"\s*:" if found[2] else b""
    return re.compile(rb"\{\s*" + re.escape(found[1]) + rb"\s*:" + second)


def is_valid(value: bytes) -> bool:
    """Whether a text is JSON that can be parsed."""
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True
