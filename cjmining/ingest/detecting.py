"""Which sources a folder of exports holds: each file is held against the layouts that sources know."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cjmining.errors import shorten
from cjmining.ingest.files import Input, as_paths, inputs_below
from cjmining.ingest.peeking import peek
from cjmining.ingest.proposals import (
    best_customers,
    built,
    built_customers,
    customers_options,
    grouped,
    kind_named,
    options_of,
)
from cjmining.ingest.recognising import Match, recognised, sure, with_company
from cjmining.results import Result

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source
    from cjmining.log import JourneyLog


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
    remarks : dict of str
        What is to be looked at, by a source's name.
    """

    files: pd.DataFrame
    found: pd.DataFrame
    options: list[dict[str, Any]]
    customers: dict[str, Any] | None
    folder: Path
    remarks: Mapping[str, str] = field(default_factory=dict)
    _tables = ("files", "found")
    _opened = "found"

    def build(self) -> list[Source]:
        """Return the sources, as `cj.ingest` takes them; the table of customers is not among them.

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
        return [built(each, self.folder) for each in self.options]

    def build_customers(self) -> Source | None:
        """Return the table of customers, as `cj.ingest` takes it, or None where there is none.

        Returns
        -------
        Customers or None
            With the identifiers that were found.

        Examples
        --------
        >>> import cjmining as cj
        >>> cj.sources.detect("data/samples/shop/customers.csv").build_customers()
        Customers(name='customers')
        """
        return None if self.customers is None else built_customers(self.customers, self.folder)

    def ingest(self, **options: Any) -> JourneyLog:  # noqa: ANN401 -- those of cj.ingest
        """Read all that was found, customers too, into one log: a first look, before options are chosen.

        Parameters
        ----------
        **options
            As `cj.ingest` takes them, such as ``data_end="2026-08-31"``.

        Returns
        -------
        JourneyLog
            As `cj.ingest` returns it.

        Raises
        ------
        SourceError
            As by `build` and `cj.ingest`.

        Examples
        --------
        >>> import cjmining as cj
        >>> cj.sources.detect("data/samples/shop/email").ingest().n_events
        8132
        """
        from cjmining.ingest import ingest

        return ingest(self.build(), **{"customers": self.build_customers(), **options})

    def _summary(self) -> str:
        unknown = int(self.files["source"].isna().sum())
        names = ", ".join(
            f"{row.source} {row.name!r} ({row.files} file{'s' if row.files != 1 else ''})"
            for row in self.found[["source", "name", "files"]].itertuples(index=False)
        )
        rest = f", {unknown} file{'s' if unknown != 1 else ''} not recognised" if unknown else ""
        return f"Detected in {self.folder}: {names or 'nothing'}{rest}"


def detect(path: str | Path | Sequence[str | Path]) -> Detected:
    """Look at a folder of exports, and say which sources it holds.

    Every file is opened and its columns or keys are compared with the layouts that each source knows; a name
    of a file alone makes a source possible, no more. Tables that no source knows, but that have a time and an
    identifier, are proposed as `Table`, with the columns guessed from their names and first values. Of
    several tables of customers the one with the most identifiers and rows is proposed, the others are named.

    Parameters
    ----------
    path : path or list of paths
        A folder (searched to any depth, with its zip archives), a zip archive or a file; or several.

    Returns
    -------
    Detected
        `.files`, `.found`, `.options` for a study file, `.build()` for `cj.ingest`, `.ingest()` for a first
        log.

    Raises
    ------
    SourceError
        The path does not exist.

    Examples
    --------
    >>> import cjmining as cj
    >>> found = cj.sources.detect("data/samples/shop/crm")
    >>> found.found[["source", "files", "certainty"]].values.tolist()
    [['Salesforce', 5, 0.98]]
    """
    paths = as_paths(path, "detect")
    root = _root(paths)
    seen = with_company([recognised(peek(each)) for each in _inputs(paths, root)])
    people = best_customers(seen)
    groups = grouped(seen)
    options = options_of(groups, root, ["customers"] if people else [])
    return Detected(
        files=_files_table(seen),
        found=_found_table(options, people),
        options=[{key: value for key, value in each.items() if not key.startswith("_")} for each in options],
        customers=customers_options(people[0], root) if people else None,
        folder=root,
        remarks=_remarks(options, people),
    )


def _root(paths: Sequence[Path]) -> Path:
    if len(paths) == 1:
        return paths[0] if paths[0].is_dir() else paths[0].parent
    common = Path(os.path.commonpath([path.absolute() for path in paths]))
    return common if common.is_dir() else common.parent


def _inputs(paths: Sequence[Path], root: Path) -> Iterator[Input]:
    """Yield the files; those of several paths are called by their way from the folder common to all."""
    if len(paths) == 1:
        yield from inputs_below(paths[0], strict=False)
        return
    for path in dict.fromkeys(path.absolute() for path in paths):
        for given in inputs_below(path, strict=False):
            assert given.path is not None  # noqa: S101 -- a file
            name = given.path.relative_to(root).as_posix()
            yield replace(given, name=f"{name}/{given.member}" if given.member else name)


def _remarks(options: Sequence[Mapping[str, Any]], people: Sequence[Match]) -> dict[str, str]:
    remarks = {each["name"]: each["_remark"] for each in options if "_remark" in each}
    if len(people) > 1:
        others = shorten([match.given.name for match in people[1:]])
        remarks["customers"] = f"may be tables of customers too: {others}"
    return remarks


# The tables


def _files_table(seen: Sequence[Match]) -> pd.DataFrame:
    rows = [
        (m.given.name, m.source, m.layout or None, m.certainty, sure(m.certainty), m.why or None)
        for m in seen
    ]
    columns = ["file", "source", "layout", "certainty", "sure", "why"]
    return pd.DataFrame(rows, columns=columns).astype({"certainty": float})


def _found_table(options: Sequence[Mapping[str, Any]], people: Sequence[Match]) -> pd.DataFrame:
    rows = [
        (o["source"], o["name"], _one(o["path"]), o["_files"], o["_certainty"], _asks(o)) for o in options
    ]
    rows += [
        ("Customers", "customers", m.given.name, 1, m.certainty, _asks({"source": "Customers"}))
        for m in people[:1]
    ]
    return pd.DataFrame(rows, columns=["source", "name", "path", "files", "certainty", "asks"])


def _one(path: str | Sequence[str]) -> str:
    return path if isinstance(path, str) else ", ".join(path)


_DECIDE = ("timezone", "region", "currency", "unit", "case")
"""Options that decide what numbers come out and that no file tells."""
_GUESSED = ("touchpoint", "date_format", "measures", "decimal")
"""Options of a Table that were guessed, where they are there."""


def _asks(options: Mapping[str, Any]) -> str:
    """Name the options that people should look at."""
    parameters = inspect.signature(kind_named(options["source"])).parameters
    asked = [name for name in _DECIDE if name in parameters]
    return ", ".join([*(name for name in _GUESSED if name in options), *asked])


def options_text(found: Detected) -> Iterator[str]:
    """Yield the lines of the `sources:` part of a study file, remarks where something is to be checked."""
    yield "sources:"
    for each in found.options:
        row = found.found[found.found["name"] == each["name"]].iloc[0]
        files = f"{row.files} file{'s' if row.files != 1 else ''}, certainty {row.certainty:.2f}"
        yield f"  # {row.source}: {files}{f'; look at {row.asks}' if row.asks else ''}"
        if each["name"] in found.remarks:
            yield f"  # {found.remarks[each['name']]}"
        yield f"  - {_flow(each)}"
    if found.customers:
        if "customers" in found.remarks:
            yield f"# {found.remarks['customers']}"
        yield f"customers: {_flow(found.customers)}"


def _flow(value: Mapping[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(
        dict(value), default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True
    )
    return text.strip()
