"""Files told apart by their columns, for systems whose exports have any name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cjmining.errors import SourceError, shorten
from cjmining.ingest.files import Input, as_paths, bare, emptiness, inputs_below, is_zip
from cjmining.ingest.readers import Dialect, Records

_TEXTS = (".csv", ".tsv", ".txt")


def files_by_header(
    path: str | Path | Sequence[str | Path],
    layouts: Mapping[str, Sequence[str]],
    source: str,
    dialect: Dialect | None = None,
) -> dict[str, list[Input]]:
    """Return for each layout the files that have its columns; of several layouts the first that fits.

    A file that was named must be of one of them; in a folder or a zip archive other files are left alone.

    Parameters
    ----------
    path : path or list of paths
        As the user gave it.
    layouts : {name: columns}
        Compared without regard to case, blanks, dashes and underscores.
    source : str
        Name of the source.
    dialect : Dialect, optional
        Of the files, as far as it is known.
    """
    what = f"source {source!r}"
    found: dict[str, list[Input]] = {name: [] for name in layouts}
    others: list[Input] = []
    for each in as_paths(path, what):
        named = not each.is_dir() and not is_zip(each)
        for given in inputs_below(each):
            layout = (
                _layout(given, layouts, dialect, what) if named else _or_none(given, layouts, dialect, what)
            )
            if layout is None:
                others.append(given)
            else:
                found[layout].append(given)
    if not any(found.values()):
        there = shorten(f"{given.name}{' (empty)' if emptiness(given) else ''}" for given in others)
        raise SourceError(
            f"{what}: no file has the columns {_either(layouts)}; there is {there or 'nothing'}"
        )
    return found


def _or_none(
    given: Input, layouts: Mapping[str, Sequence[str]], dialect: Dialect | None, what: str
) -> str | None:
    name = (given.member or given.name).lower().removesuffix(".gz")
    try:
        return _layout(given, layouts, dialect, what) if name.endswith(_TEXTS) else None
    except SourceError:
        return None


def _layout(given: Input, layouts: Mapping[str, Sequence[str]], dialect: Dialect | None, what: str) -> str:
    records = Records(given, dialect or Dialect())
    header = {bare(name) for name in records.header}
    for name, columns in layouts.items():
        if {bare(column) for column in columns} <= header:
            return name
    raise SourceError(
        f"{what}, {given.name}: the columns {_either(layouts)} are not all there. Columns found: "
        f"{shorten(list(records.header), 40) or 'none'}"
    )


def _either(layouts: Mapping[str, Sequence[str]]) -> str:
    return " or ".join(", ".join(map(repr, columns)) for columns in layouts.values())
