"""What a file is taken for: its columns, keys or lines are held against the layouts that sources know."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from cjmining.errors import shorten
from cjmining.ingest.files import Input, bare, stem_of
from cjmining.ingest.guesses import guess_customers, guess_table
from cjmining.ingest.peeking import SAMPLE, Peek
from cjmining.ingest.sources import every_source

if TYPE_CHECKING:
    from cjmining.ingest.sources.about import Layout

CERTAIN, LIKELY, POSSIBLE = 0.85, 0.6, 0.4
_MOST_OF_IT: Final = 0.75
_SOME_OF_IT: Final = 0.66
"""Shares of a layout's columns: with the lower one it is possible, unless the file is a table of its own."""
_SAY_LITTLE: Final = {
    "id",
    "name",
    "type",
    "subject",
    "status",
    "email",
    "created",
    "createdat",
    "updatedat",
    "time",
}
_NO_DATA: Final = re.compile(
    r"(^|/)(~\$[^/]*|readme[^/]*|licen[cs]e[^/]*|changelog[^/]*|thumbs\.db|desktop\.ini)$"
    r"|\.(md|rst|ya?ml|toml|ini|cfg|lock|lck|log\.lock|html?|pdf|docx?|pptx?|png|jpe?g|gif|svg|py|ipynb|sh|sql)$",
    re.IGNORECASE,
)
_SHEETS: Final = re.compile(r"\.(xlsx?|xlsm|ods)$", re.IGNORECASE)


@dataclass(frozen=True)
class Match:
    """A file, and what it was taken for."""

    peek: Peek
    source: str | None = None
    layout: str = ""
    certainty: float = 0.0
    why: str = ""
    guess: Mapping[str, Any] = field(default_factory=dict)
    is_named: bool = False
    """Whether its name is the usual one of the layout."""

    @property
    def given(self) -> Input:
        """The file."""
        return self.peek.given


def recognised(peek: Peek) -> Match:
    """Return the best match of a file among all layouts of all sources."""
    if _is_no_data(peek):
        return Match(peek, why="not data")
    if _SHEETS.search(peek.given.name):
        return Match(peek, why="a workbook: save its sheet as CSV, or give a frame of it (pandas.read_excel)")
    if peek.problem:
        return Match(peek, why=peek.problem)
    best = _best(peek)
    if best.certainty >= POSSIBLE and not _is_partial(best):
        return best
    guessed = _guessed(peek)
    if guessed:
        return guessed
    return best if best.certainty >= POSSIBLE else Match(peek, why=_unknown(peek))


def _best(peek: Peek) -> Match:
    names = {bare(name.lstrip("\ufeff")) for name in peek.names}
    stem = stem_of(peek.given)
    best, weight = Match(peek), (0.0, 0)
    for kind in every_source():
        for layout in kind.about.layouts:
            certainty, matched = _certainty(layout, names, stem, peek.lines)
            if (certainty, matched) > weight:
                weight = (certainty, matched)
                best = Match(
                    peek, kind.kind, layout.name, round(certainty, 2), _why(layout, names, stem),
                    is_named=_is_named(layout, stem),
                )  # fmt: skip
    return best


def _is_named(layout: Layout, stem: str) -> bool:
    return stem in {bare(known.strip("_")) for known in layout.stems}


def _certainty(layout: Layout, names: set[str], stem: str, lines: Sequence[str]) -> tuple[float, int]:
    is_named = _is_named(layout, stem)
    if layout.pattern:
        fitting = sum(bool(re.search(layout.pattern, line)) for line in lines[:SAMPLE])
        enough = 1 if lines and lines[0].lstrip("\ufeff").startswith("<") else max(len(lines), 1) / 2
        return (0.97, fitting) if fitting >= enough else (0.0, 0)
    if not layout.columns:
        return (0.5, 0) if is_named else (0.0, 0)
    matched = sum(bare(column) in names for column in layout.columns)
    share = matched / len(layout.columns)
    if share == 1:
        few = {1: 0.5, 2: 0.75}.get(len(layout.columns), 0.9)
        return min(0.99, few + 0.08 * is_named), matched
    telling = sum(bare(column) in names and bare(column) not in _SAY_LITTLE for column in layout.columns)
    is_some = share >= _MOST_OF_IT or (share >= _SOME_OF_IT and telling > 1)
    return (0.6 * share + 0.2 * is_named, matched) if is_some or is_named else (0.0, 0)


def _is_partial(match: Match) -> bool:
    """Whether only some keys fit, and not even the name: a table may be one of its own."""
    return not match.is_named and match.certainty < 0.6 * _MOST_OF_IT


def _why(layout: Layout, names: set[str], stem: str) -> str:
    if layout.pattern:
        return "its lines have the form"
    missing = [column for column in layout.columns if bare(column) not in names]
    every = len(layout.columns)
    said = [f"{every - len(missing)} of {every} columns or keys that tell it"] if every else []
    if said and missing:
        said[0] += f" (not {', '.join(missing)})"
    if _is_named(layout, stem):
        said.append("its name")
    return " and ".join(said)


def _guessed(peek: Peek) -> Match | None:
    if not peek.rows or peek.wrapped:
        return None
    found = guess_table(peek.names, peek.rows, title_of(peek.given))
    if found:
        layout = "a table with a time and an identifier"
        return Match(peek, "Table", layout, POSSIBLE, "names of columns", found)
    people = guess_customers(peek.names, peek.rows)
    if people:
        layout = "a table of customers"
        return Match(peek, "Customers", layout, POSSIBLE, "names of columns", {"identifiers": people})
    return None


def title_of(given: Input) -> str:
    """Return a file's name as it is written, without its endings."""
    name = PurePosixPath(given.member or given.name).name
    return re.sub(r"(\.[A-Za-z0-9]{1,8}){1,2}$", "", name) or name


def _is_no_data(peek: Peek) -> bool:
    name = peek.given.member or peek.given.name
    keys = set(peek.names)
    return (
        bool(_NO_DATA.search(name))
        or "$schema" in keys
        or (
            peek.form == "json"
            and {"name", "type", "mode"} <= keys <= {"name", "type", "mode", "fields", "description"}
        )
    )


def _unknown(peek: Peek) -> str:
    if peek.form == "sqlite":
        tables = f"; its tables are {shorten(peek.names)}" if peek.names else ""
        return f"a SQLite database: read it by cj.sources.SQL(path, query){tables}"
    if peek.form == "xml":
        return "XML that no source knows"
    if peek.wrapped:
        return (
            f"no source knows these keys; its records are the list {peek.wrapped!r}: give Table a frame of it"
        )
    if peek.form != "json" and len(peek.names) < 2:
        return "not data that a source knows: text without columns"
    if not peek.rows:
        return "no records" if peek.form == "json" else "a header but no records"
    return f"no source knows these {'keys' if peek.form == 'json' else 'columns'}"


def with_company(seen: Sequence[Match]) -> list[Match]:
    """Make files surer that are known by their names alone and lie beside sure ones of the same source."""
    sure = {(m.source, parent_of(m.given)) for m in seen if m.certainty >= CERTAIN}
    return [
        replace(m, certainty=CERTAIN, why=f"{m.why}, beside others of {m.source}")
        if LIKELY > m.certainty >= POSSIBLE
        and not m.guess
        and not _is_partial(m)
        and (m.source, parent_of(m.given)) in sure
        else m
        for m in seen
    ]


def parent_of(given: Input) -> str:
    """Return the folder or archive that holds a file, as its name has it."""
    return given.name.rpartition("/")[0]


def sure(certainty: float) -> str:
    """Say a certainty in a word."""
    for least, word in ((CERTAIN, "certain"), (LIKELY, "likely"), (POSSIBLE, "possible")):
        if certainty >= least:
            return word
    return "unknown"
