"""Which sources a folder of exports holds: each file is held against the layouts that sources know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cjmining.errors import SourceError
from cjmining.ingest.files import Input, as_paths, bare, inputs_below, stem_of
from cjmining.ingest.guesses import guess_customers, guess_table
from cjmining.ingest.peeking import SAMPLE, Peek, peek
from cjmining.ingest.sources import Customers, Table, every_source
from cjmining.results import Result

if TYPE_CHECKING:
    from cjmining.ingest.sources.about import Layout
    from cjmining.ingest.sources.base import Source

CERTAIN, LIKELY, POSSIBLE = 0.85, 0.6, 0.4


@dataclass(frozen=True, repr=False)
class Detected(Result):
    """What a folder of exports holds.

    Attributes
    ----------
    files : pandas.DataFrame
        One row a file: file (its path below the folder), source (its name in `cj.sources`, or None), layout
        (what the source calls it), certainty (0 to 1), sure (certain, likely, possible, unknown), why.
    found : pandas.DataFrame
        One row for each source to read: source, name (what the log will call it), path, files (how many),
        certainty (the least of its files), asks (options that you should look at).
    options : list of dict
        The same as a study file has it under `sources:`.
    customers : dict or None
        What a study file would have under `customers:`, where a table of customers was recognised.
    folder : Path
        Where paths begin.
    """

    files: pd.DataFrame
    found: pd.DataFrame
    options: list[dict[str, Any]]
    customers: dict[str, Any] | None
    folder: Path
    _tables = ("files", "found")
    _opened = "found"

    def build(self) -> list[Source]:
        """Return the sources, as `cj.ingest` takes them.

        Returns
        -------
        list of Source
            With the options that were found; what is missing is asked for when they are made.

        Raises
        ------
        SourceError
            A source needs an option that can't be guessed.

        Examples
        --------
        >>> import cjmining as cj
        >>> cj.sources.detect("data/samples/shop/email").build()
        [MarketingCloud(name='email')]
        """
        kinds = {kind.kind: kind for kind in every_source()}
        return [_built(kinds[each["source"]], each, self.folder) for each in self.options]

    def _summary(self) -> str:
        unknown = int(self.files["source"].isna().sum())
        names = ", ".join(f"{row.source} ({row.files})" for row in self.found.itertuples())
        rest = f", {unknown} files not recognised" if unknown else ""
        return f"Detected in {self.folder}: {names or 'nothing'}{rest}"


def detect(path: str | Path) -> Detected:
    """Look at a folder of exports, and say which sources it holds.

    Every file is opened and its columns or keys are compared with the layouts that each source knows; a name
    of a file alone makes a source possible, no more. Tables that no source knows, but that have a time and an
    identifier, are proposed as `Table`, with the columns guessed from their names.

    Parameters
    ----------
    path : path
        A folder (searched to any depth, with its zip archives), a zip archive or a file.

    Returns
    -------
    Detected
        `.files`, `.found`, `.options` for a study file, `.build()` for `cj.ingest`.

    Raises
    ------
    SourceError
        The path does not exist.

    Examples
    --------
    >>> import cjmining as cj
    >>> found = cj.sources.detect("data/samples/shop/crm")
    >>> found.found[["source", "files", "certainty"]].values.tolist()
    [['Salesforce', 4, 0.98]]
    """
    (folder,) = as_paths([path] if isinstance(path, str | Path) else path, "detect")
    seen = [_recognised(peek(each)) for each in inputs_below(folder)]
    seen = _with_company(seen)
    root = folder if folder.is_dir() else folder.parent
    groups = _grouped(seen)
    options = [
        _options(kind, matches, root, folder) for kind, matches in groups.items() if kind != "Customers"
    ]
    options = _named_apart(options)
    people = [m for m in groups.get("Customers", []) if m.guess]
    return Detected(
        files=_files_table(seen),
        found=_found_table(options, groups),
        options=[{key: value for key, value in each.items() if not key.startswith("_")} for each in options],
        customers=_customers(people[0], root) if people else None,
        folder=root,
    )


@dataclass(frozen=True)
class _Match:
    peek: Peek
    source: str | None = None
    layout: str = ""
    certainty: float = 0.0
    why: str = ""
    guess: Mapping[str, Any] = field(default_factory=dict)

    @property
    def given(self) -> Input:
        return self.peek.given


# Against the layouts


def _recognised(peek: Peek) -> _Match:
    """Return the best match of a file among all layouts of all sources."""
    if peek.problem:
        return _Match(peek, why=peek.problem)
    names = {bare(name.lstrip("\ufeff")) for name in peek.names}
    stem = stem_of(peek.given)
    best, weight = _Match(peek), (0.0, 0)
    for kind in every_source():
        for layout in kind.about.layouts if kind.about else ():
            certainty, matched = _certainty(layout, names, stem, peek.lines)
            if (certainty, matched) > weight:
                weight = (certainty, matched)
                why = _why(layout, names, stem)
                best = _Match(peek, kind.kind, layout.name, round(certainty, 2), why)
    if best.certainty >= POSSIBLE:
        return best
    return _guessed(peek) or _Match(peek, why="no source knows these columns" if names else "")


def _certainty(layout: Layout, names: set[str], stem: str, lines: Sequence[str]) -> tuple[float, int]:
    is_named = stem in {bare(known.strip("_")) for known in layout.stems}
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
    return (0.6 * share + 0.2 * is_named, matched) if share >= 0.75 or is_named else (0.0, 0)


def _why(layout: Layout, names: set[str], stem: str) -> str:
    if layout.pattern:
        return "its lines have the form"
    matched = [column for column in layout.columns if bare(column) in names]
    said = [f"{len(matched)} of {len(layout.columns)} columns or keys that tell it"] if layout.columns else []
    if stem in {bare(known.strip("_")) for known in layout.stems}:
        said.append("its name")
    return " and ".join(said)


def _guessed(peek: Peek) -> _Match | None:
    found = guess_table(peek.names, peek.rows, stem_of(peek.given))
    if found:
        return _Match(
            peek, "Table", "a table with a time and an identifier", POSSIBLE, "names of columns", found
        )
    people = guess_customers(peek.names, peek.rows)
    if people:
        layout = "a table of customers"
        return _Match(peek, "Customers", layout, POSSIBLE, "names of columns", {"identifiers": people})
    return None


def _with_company(seen: Sequence[_Match]) -> list[_Match]:
    """Make files surer that are known by their names alone and lie beside sure ones of the same source."""
    sure = {(m.source, _parent(m.given)) for m in seen if m.certainty >= CERTAIN}
    return [
        _Match(m.peek, m.source, m.layout, CERTAIN, f"{m.why}, beside others of {m.source}", m.guess)
        if LIKELY > m.certainty >= POSSIBLE and not m.guess and (m.source, _parent(m.given)) in sure
        else m
        for m in seen
    ]


def _parent(given: Input) -> str:
    return given.name.rpartition("/")[0]


# What to read


def _grouped(seen: Sequence[_Match]) -> dict[str, list[_Match]]:
    """Return the files of each source; tables that were guessed stay one each."""
    groups: dict[str, list[_Match]] = {}
    for match in seen:
        if match.source is None:
            continue
        key = f"Table:{match.given.name}" if match.source == "Table" else match.source
        groups.setdefault(key, []).append(match)
    return groups


def _options(kind: str, matches: Sequence[_Match], root: Path, folder: Path) -> dict[str, Any]:
    source = kind.partition(":")[0]
    about: dict[str, Any] = {"source": source, "path": _paths(matches, root, folder)}
    classes = {each.kind: each for each in every_source()}
    about["name"] = stem_of(matches[0].given) if source == "Table" else _usual_name(classes[source])
    about |= matches[0].guess
    about["_files"] = len(matches)
    about["_certainty"] = min(match.certainty for match in matches)
    return about


def _paths(matches: Sequence[_Match], root: Path, folder: Path) -> str | list[str]:
    """Return the deepest folder that holds the files and no others' below it, else the files themselves."""
    paths = sorted({match.given.path for match in matches if match.given.path is not None})
    parents = {path.parent for path in paths}
    if len(parents) == 1 and len(paths) > 1:
        (parent,) = parents
        inside = {path for path in parent.rglob("*") if path.is_file()}
        if inside == set(paths) and parent != folder:
            return _relative(parent, root)
    listed = [_relative(path, root) for path in paths]
    return listed[0] if len(listed) == 1 else listed


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() or "."


def _usual_name(kind: type[Source]) -> str:
    """Return the name that a source has when nobody gives it one."""
    import inspect

    default = inspect.signature(kind).parameters["name"].default
    return default if isinstance(default, str) else kind.kind.lower()


def _named_apart(options: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give sources that would share a name one that says which system they are."""
    names = [each["name"] for each in options]
    found = []
    for place, each in enumerate(options):
        name = each["name"]
        if names.count(name) > 1:
            name = bare(each["source"]) if each["source"] != "Table" else f"{name}_{place + 1}"
        found.append({**each, "name": name})
    return found


def _built(kind: type[Source], options: Mapping[str, Any], folder: Path) -> Source:
    rest = {key: value for key, value in options.items() if key not in {"source", "path"}}
    given = options["path"]
    paths = [folder / each for each in ([given] if isinstance(given, str) else given)]
    single = paths[0] if len(paths) == 1 else paths
    try:
        return kind(single, **rest)  # type: ignore[call-arg, arg-type]  # each source has its own options
    except TypeError as problem:
        raise SourceError(f"{kind.kind} needs options that nothing tells: {problem}") from problem


def _customers(match: _Match, root: Path) -> dict[str, Any]:
    assert match.given.path is not None  # noqa: S101 -- a file
    return {"path": _relative(match.given.path, root), **match.guess}


# The tables


def _files_table(seen: Sequence[_Match]) -> pd.DataFrame:
    rows = [
        (m.given.name, m.source, m.layout or None, m.certainty, _sure(m.certainty), m.why or None)
        for m in seen
    ]
    columns = ["file", "source", "layout", "certainty", "sure", "why"]
    return pd.DataFrame(rows, columns=columns).astype({"certainty": float})


def _sure(certainty: float) -> str:
    for least, word in ((CERTAIN, "certain"), (LIKELY, "likely"), (POSSIBLE, "possible")):
        if certainty >= least:
            return word
    return "unknown"


def _found_table(
    options: Sequence[Mapping[str, Any]], groups: Mapping[str, Sequence[_Match]]
) -> pd.DataFrame:
    rows = [
        (o["source"], o["name"], _one(o["path"]), o["_files"], o["_certainty"], _asks(o["source"]))
        for o in options
    ]
    people = groups.get("Customers", [])
    rows += [("Customers", "customers", m.given.name, 1, m.certainty, _asks("Customers")) for m in people[:1]]
    return pd.DataFrame(rows, columns=["source", "name", "path", "files", "certainty", "asks"])


def _one(path: str | Sequence[str]) -> str:
    return path if isinstance(path, str) else ", ".join(path)


def _asks(source: str) -> str:
    """Name the options that decide what numbers come out and that no file tells."""
    import inspect

    kinds: dict[str, type] = {kind.kind: kind for kind in every_source()} | {
        "Customers": Customers,
        "Table": Table,
    }
    parameters = inspect.signature(kinds[source]).parameters
    return ", ".join(
        name for name in ("timezone", "region", "currency", "unit", "case") if name in parameters
    )


def options_text(found: Detected) -> Iterator[str]:
    """Yield the lines of the `sources:` part of a study file, remarks where something is to be checked."""
    yield "sources:"
    for each in found.options:
        row = found.found[found.found["name"] == each["name"]].iloc[0]
        files = f"{row.files} file{'s' if row.files != 1 else ''}, certainty {row.certainty:.2f}"
        yield f"  # {row.source}: {files}{f'; look at {row.asks}' if row.asks else ''}"
        yield f"  - {_flow(each)}"
    if found.customers:
        yield f"customers: {_flow(found.customers)}"


def _flow(value: Mapping[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(
        dict(value), default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True
    )
    return text.strip()
