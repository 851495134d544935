"""What to read of files that were recognised: sources with their options, and the table of customers."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining.errors import CjminingError, SourceError, nearest
from cjmining.ingest.files import Input, bare
from cjmining.ingest.recognising import Match, title_of
from cjmining.ingest.sources import Customers, every_source

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

Options = dict[str, Any]
"""Of a source, as a study file has them; names with an underscore before them are about it, not for it."""


def options_of(groups: Mapping[str, Sequence[Match]], root: Path, taken: Sequence[str]) -> list[Options]:
    """Return the options of each group of files; their names differ from each other and from those taken."""
    return _named_apart([_options(kind, matches, root) for kind, matches in groups.items()], taken)


def grouped(seen: Sequence[Match]) -> dict[str, list[Match]]:
    """Return the files of each source; tables that were guessed stay one each, customers are left out."""
    groups: dict[str, list[Match]] = {}
    for match in seen:
        if match.source is None or match.source == Customers.kind:
            continue
        key = f"Table:{match.given.name}" if match.source == "Table" else match.source
        groups.setdefault(key, []).append(match)
    return groups


def best_customers(seen: Sequence[Match]) -> list[Match]:
    """Return the tables of customers, first the one with the most identifiers, then the most rows."""
    tables = [match for match in seen if match.source == Customers.kind]
    sizes = {
        id(m): (len(m.guess["identifiers"]), _rows(m.given)) if len(tables) > 1 else (0, 0) for m in tables
    }
    return sorted(tables, key=lambda m: sizes[id(m)], reverse=True)


def _rows(given: Input) -> int:
    """Return about how many rows a table has: its lines, or what a Parquet file says."""
    if given.format == "parquet":
        from cjmining.ingest.files import parquet_file

        with parquet_file(given, str(given)) as (_, metadata):
            return int(metadata.num_rows)
    with given.open() as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))


def customers_options(match: Match, root: Path) -> Options:
    """Return what a study has under customers: for a table."""
    assert match.given.path is not None  # noqa: S101 -- a file
    return {"path": _relative(match.given.path, root), **match.guess}


def _options(kind: str, matches: Sequence[Match], root: Path) -> Options:
    source = kind.partition(":")[0]
    about: Options = {"source": source, "path": _paths(matches, root)}
    first = matches[0]
    about["name"] = title_of(first.given) if source == "Table" else _usual_name(kind_named(source))
    about |= first.guess
    about["_files"] = len(matches)
    about["_certainty"] = min(match.certainty for match in matches)
    if source == "OCEL":
        about |= _case(matches)
    return about


def _case(matches: Sequence[Match]) -> Options:
    """Return the most frequent type of objects as the case of an object-centric log, and all types."""
    from cjmining.ingest.ocel_files import ocel_content

    counts: dict[str, int] = {}
    for match in matches:
        try:
            with ocel_content(match.given, match.given.name) as content:
                for name, n in content.types().items():
                    counts[name] = counts.get(name, 0) + n
        except (CjminingError, OSError, ValueError):
            continue
    types = sorted(counts, key=lambda name: (-counts[name], name))
    if not types:
        return {}
    listed = ", ".join(f"{name} ({counts[name]:,})" for name in types)
    return {"case": types[0], "_remark": f"case is one of these types of objects: {listed}"}


def _paths(matches: Sequence[Match], root: Path) -> str | list[str]:
    """Return the folder that holds the files and no others below it, else the files themselves."""
    paths = sorted({match.given.path for match in matches if match.given.path is not None})
    parents = {path.parent for path in paths}
    if len(parents) == 1 and len(paths) > 1:
        (parent,) = parents
        inside = {path for path in parent.rglob("*") if path.is_file()}
        if inside == set(paths) and parent != root:
            return _relative(parent, root)
    listed = [_relative(path, root) for path in paths]
    return listed[0] if len(listed) == 1 else listed


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def kind_named(name: str) -> type[Source]:
    """Return the class of a source by its name."""
    kinds = {kind.kind: kind for kind in every_source()}
    if name not in kinds:
        raise SourceError(f"there is no source {name!r}{nearest(name, kinds)}; known are {', '.join(kinds)}")
    return kinds[name]


def _usual_name(kind: type[Source]) -> str:
    """Return the name that a source has when nobody gives it one."""
    default = inspect.signature(kind).parameters["name"].default
    return default if isinstance(default, str) else kind.kind.lower()


def _named_apart(options: Sequence[Options], taken: Sequence[str]) -> list[Options]:
    """Give sources that would share a name others: of the system, or with a number."""
    usual = [each["name"] for each in options]
    systems = [
        each | {"name": bare(each["source"])}
        if each["source"] != "Table" and usual.count(each["name"]) > 1
        else each
        for each in options
    ]
    used = {*taken, *(each["name"] for each in systems if each["source"] != "Table")}
    found = []
    for each in systems:
        name = each["name"]
        if each["source"] == "Table":
            name = next(n for n in (name, *(f"{name}_{i}" for i in range(2, 10_000))) if n not in used)
            used.add(name)
        found.append({**each, "name": name})
    return found


def built(options: Mapping[str, Any], folder: Path) -> Source:
    """Make a source from its options as a study file has them; a relative path starts at `folder`.

    Raises
    ------
    SourceError
        An option is missing, unknown or can't be used.
    """
    return _made(kind_named(str(options.get("source"))), options, folder)


def built_customers(options: Mapping[str, Any], folder: Path) -> Source:
    """Make the table of customers, alike."""
    return _made(Customers, options, folder)


def _made(kind: type[Source], options: Mapping[str, Any], folder: Path) -> Source:
    rest = {key: value for key, value in options.items() if key not in {"source", "path"}}
    missing = missing_options(kind, rest)
    if "path" not in options or missing:
        raise SourceError(
            f"{kind.kind} needs {', '.join(['path', *missing] if 'path' not in options else missing)}"
        )
    unknown = next((name for name in rest if name not in inspect.signature(kind).parameters), None)
    if unknown is not None:
        near = nearest(unknown, inspect.signature(kind).parameters)
        raise SourceError(f"{kind.kind} has no option {unknown!r}{near}")
    given = options["path"]
    paths = [folder / each for each in ([given] if isinstance(given, str) else given)]
    return kind(paths[0] if len(paths) == 1 else paths, **rest)  # type: ignore[call-arg, arg-type]


def missing_options(kind: type[Source], given: Mapping[str, Any]) -> list[str]:
    """Return the options that a source can't be made without and that nothing tells."""
    parameters = inspect.signature(kind).parameters.values()
    return [
        f"{p.name}="
        for p in parameters
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty and p.name not in given
    ]
