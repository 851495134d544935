"""Which column of an export is meant: by its exact name, else in another case, else in other punctuation."""

from __future__ import annotations

from collections.abc import Sequence

from cjmining.errors import SourceError, nearest, shorten
from cjmining.ingest.files import bare
from cjmining.ingest.sources.base import Column, sentence


def match_columns(
    wanted: Sequence[Column], names: Sequence[str], where: str, *, empty_is_fine: bool = False
) -> dict[str, int]:
    """Return where each wanted column lies.

    Exact names come first, then those that differ in case and blanks, then in underscores and dashes too.
    """
    exact = {name: i for i, name in reversed(list(enumerate(names)))}
    loose: dict[str, int] = {_loosely(name): i for i, name in reversed(list(enumerate(names)))}
    bare_names: dict[str, int] = {_bare(name): i for i, name in reversed(list(enumerate(names)))}
    found: dict[str, int] = {}
    problems = []
    for column in wanted:
        for name in (column.name, *column.aliases):
            form = str if name in exact else _loosely if _loosely(name) in loose else _bare
            at = exact.get(name, loose.get(_loosely(name), bare_names.get(_bare(name))))
            if at is not None:
                found[column.name] = at
                alike = [n for n in names if form(n) == form(name)]
                if len(alike) > 1:
                    listed = ", ".join(map(repr, alike))
                    problems.append(f"{len(alike)} columns are called {name!r} ({listed}), rename them")
                break
        else:
            if column.needed and not empty_is_fine:
                problems.append(f"there is no column {column.name!r}{nearest(column.name, names)}")
    if problems:
        raise SourceError(
            f"{where}: {sentence('; '.join(problems))} Columns found: {shorten(list(names), 40)}",
            mistakes=problems,
        )
    return found


def _bare(name: str) -> str:
    return bare(_loosely(name))


def _loosely(name: str) -> str:
    return "".join(name.replace("\ufeff", "").casefold().split())
