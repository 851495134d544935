"""One finding: what it says, the numbers behind it, and the name by which a later run knows it."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from cjmining.report import words

if TYPE_CHECKING:
    from cjmining.report.cells import Row


@dataclass(frozen=True)
class Finding:
    """One thing that the results say.

    Attributes
    ----------
    id : str
        Stable name, made of `kind` and what the finding is about.
    kind : str
        outcomes, largest drop-out, drop-out place, stand-out, no stand-out, before the map, promises, broken
        promise, channels, hand-off, deviation, or, about the data: gap, late start, early end, quarantine,
        note, unlabelled, never seen, unknown group, knowing, patience.
    text : str
        The finding as one or two plain sentences.
    numbers : dict of str to float or str
        The numbers that the text states, unrounded.
    group, stage, touchpoint : str or None
        What it is about, where it is about one.
    about_data : bool
        True where it says how good the data are rather than what the customers do.
    """

    id: str
    kind: str
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)
    group: str | None = None
    stage: str | None = None
    touchpoint: str | None = None
    about_data: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain values, ready for JSON."""
        return asdict(self)


def make_finding(
    kind: str,
    text: str,
    numbers: dict[str, Any] | None = None,
    *,
    group: str | None = None,
    stage: str | None = None,
    touchpoint: str | None = None,
    about_data: bool = False,
    also: tuple[str, ...] = (),
) -> Finding:
    """Return a finding, named by its kind and what it is about; `also` tells it from others like it."""
    about = (group, stage, touchpoint, *also)
    return Finding(_identify(kind, about), kind, text, numbers or {}, group, stage, touchpoint, about_data)


def _identify(kind: str, about: Iterable[str | None]) -> str:
    """Name a finding: words to recognise it by, and a short hash that keeps like-sounding ones apart."""
    parts = [part or "" for part in about]
    readable = [re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-")[:40] for part in (kind, *parts) if part]
    digest = hashlib.sha256("\x1f".join([kind, *parts]).encode()).hexdigest()[:6]
    return ".".join([*readable, digest])


def numbers_of(row: Row, *columns: str) -> dict[str, Any]:
    """Return the columns that hold something, as plain values; what JSON can't hold is left out."""
    given = {column: _plain(row[column]) for column in columns if not words.missing(row.get(column))}
    return {
        name: value for name, value in given.items() if not (isinstance(value, float) and math.isinf(value))
    }


def _plain(value: Any) -> Any:  # noqa: ANN401
    return value.item() if hasattr(value, "item") else value
