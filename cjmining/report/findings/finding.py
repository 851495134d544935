"""One finding: what it says, the numbers behind it, where they stand, and what would prove it wrong."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from cjmining.report import words

if TYPE_CHECKING:
    from cjmining.report.cells import Row

LONGEST_HEADLINE = 60


class Cited(NamedTuple):
    """A table of the page that holds a finding's numbers: which one, what to call it, and which of its rows.

    `group` is the group whose table it is, of a table that each group has; None is everyone's.
    """

    table: str
    label: str
    group: str | None = None
    about: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that the results say.

    Attributes
    ----------
    id : str
        Stable name, made of `kind` and what the finding is about.
    kind : str
        outcomes, largest drop-out, drop-out place, stand-out, no stand-out, before the map, place that stands
        out, no place stands out, goes with leaving, promises, broken promise, channels, hand-off, deviation,
        or, about the data: gap, late start, early end, quarantine, note, unlabelled, never seen, unknown
        group, knowing, patience.
    text : str
        The finding as one or two plain sentences.
    numbers : dict of str to float or str
        The numbers that the text states, unrounded.
    group, stage, touchpoint : str or None
        What it is about, where it is about one.
    about_data : bool
        True where it says how good the data are rather than what the customers do.
    headline : str
        The finding in at most 60 characters.
    evidence : tuple of dict
        Where on the page its numbers stand: `anchor` (id of a table), `label`, `group` (slug of the group
        whose table it is, None for everyone), `about` (slugs of the stage and so on whose rows are meant).
    refuted_by : str
        One sentence: what would prove it wrong.
    """

    id: str
    kind: str
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)
    group: str | None = None
    stage: str | None = None
    touchpoint: str | None = None
    about_data: bool = False
    headline: str = ""
    evidence: tuple[dict[str, Any], ...] = ()
    refuted_by: str = ""
    cited: tuple[Cited, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain values, ready for JSON."""
        plain = asdict(self)
        del plain["cited"]  # evidence, before it is known where on the page it stands
        return plain | {"evidence": [dict(each) for each in self.evidence]}


def make_finding(
    kind: str,
    text: str,
    numbers: dict[str, Any] | None = None,
    *,
    headline: str,
    cited: Iterable[Cited],
    refuted_by: str,
    group: str | None = None,
    stage: str | None = None,
    touchpoint: str | None = None,
    about_data: bool = False,
    also: tuple[str, ...] = (),
) -> Finding:
    """Return a finding, named by its kind and what it is about; `also` tells it from others like it."""
    about = (group, stage, touchpoint, *also)
    return Finding(
        id=_identify(kind, about),
        kind=kind,
        text=text,
        numbers=numbers or {},
        group=group,
        stage=stage,
        touchpoint=touchpoint,
        about_data=about_data,
        headline=headline,
        refuted_by=refuted_by,
        cited=tuple(cited),
    )


def cite(table: str, label: str, group: str | None = None, **about: Any) -> Cited:  # noqa: ANN401 -- names
    """Name a table, and the rows of it that are meant by what they are about (`by` is the group of a row)."""
    named = {"group" if key == "by" else key: name for key, name in about.items()}
    meant = tuple((key, str(name)) for key, name in named.items() if not words.missing(name) and name != "")
    return Cited(table, label, group, meant)


def headline(said: str, *names: Any) -> str:  # noqa: ANN401 -- names
    """Fill names into a headline, cut where it would be longer than 60 characters.

    Parameters
    ----------
    said : str
        With `{}` for each name.
    *names : str
        Names from map or log, of any length.

    Examples
    --------
    >>> headline("27 % drop out at {}", "Checkout")
    '27 % drop out at Checkout'
    >>> len(headline("{} and {}", "a" * 300, "b" * 300))
    60
    """
    tidy = [" ".join(words.name(name).split()) for name in names]
    room = LONGEST_HEADLINE - len(said.format(*([""] * len(tidy))))
    for number in sorted(range(len(tidy)), key=lambda number: len(tidy[number])):
        left = sum(len(tidy[other]) >= len(tidy[number]) for other in range(len(tidy)))
        share = room // max(left, 1)
        if len(tidy[number]) > share:
            tidy[number] = f"{tidy[number][: max(share - 1, 0)].rstrip()}…"
        room -= len(tidy[number])
    return said.format(*tidy)[:LONGEST_HEADLINE]


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
