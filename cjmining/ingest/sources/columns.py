"""What the sources with columns of the caller's choice share: looking at the columns, and reading options."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from cjmining.errors import SourceError, nearest, shorten
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.files import expect_content, parquet_file
from cjmining.ingest.readers import Dialect, Records
from cjmining.ingest.sources.base import Input, as_paths, files_in, repeated, sentence

DATA_FILES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".json", ".jsonl", ".ndjson")
_ALMOST = 0.85


def inputs_of(data: Any, name: str, dialect: Dialect) -> tuple[list[Input], list[str]]:  # noqa: ANN401
    """Return what to read, and the names of the columns of the first of it that has any."""
    if hasattr(data, "__arrow_c_stream__") and not _is_column(data):
        given = frame_input(data, "(frame)", f"source {name!r}")
        return [given], _names_of_frame(data, given)
    if type(data).__name__ == "LazyFrame":
        raise SourceError(
            f"source {name!r}: a LazyFrame is not computed yet; call .collect() on it and give the result"
        )
    if _is_column(data):
        raise SourceError(
            f"source {name!r}: data is a single column ({type(data).__name__}); give the frame, with the "
            "customer and the time too"
        )
    if isinstance(data, Sequence) and data and not all(isinstance(each, str | Path) for each in data):
        first = next(each for each in data if not isinstance(each, str | Path))
        raise SourceError(
            f"source {name!r}: data is a list of {type(first).__name__}; give a list of paths, or a frame "
            "(of a list of dicts: pandas.DataFrame(records))"
        )
    if not isinstance(data, str | Path | Sequence):
        raise SourceError(
            f"source {name!r}: data is a path, a list of paths or a frame (pandas, polars, pyarrow, DuckDB), "
            f"not {type(data).__name__}"
        )
    inputs = files_in(as_paths(data, f"source {name!r}"), DATA_FILES, f"source {name!r}")
    named = (names for given in inputs if (names := column_names(given, dialect)))
    return inputs, next(named, []) or _without_columns(inputs)


def _without_columns(inputs: Sequence[Input]) -> list[str]:
    """Say that there is nothing at all where that is so; else there are no columns."""
    for given in inputs:
        expect_content(given)
    return []


def _is_column(data: Any) -> bool:  # noqa: ANN401 -- any frame
    """Whether it is one column: these speak Arrow as frames do."""
    return type(data).__name__ in ("Series", "ChunkedArray", "Array", "Index")


def index_names(data: Any) -> list[str]:  # noqa: ANN401 -- any frame
    """Return the names of a pandas frame's index, which is no column."""
    names = getattr(getattr(data, "index", None), "names", None)
    return [str(name) for name in names or () if name is not None]


def frame_input(data: Any, name: str, what: str) -> Input:  # noqa: ANN401 -- any frame
    """Return a frame as an input. pandas passes on no columns that share a name: these are left out there."""
    is_pandas = hasattr(data, "columns") and hasattr(data.columns, "duplicated")
    several = repeated([str(column) for column in data.columns]) if is_pandas else []
    note = repeated_note(several, f"{what}, {name}") if several else ""
    if several:
        data = data.loc[:, ~data.columns.duplicated(keep=False)]
    try:
        reader = pa.RecordBatchReader.from_stream(data)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
        raise SourceError(
            f"{what}: the frame can't be read: {problem}. Give each column one type, such as text"
        ) from problem
    return Input(name, frame=reader, note=note)


def _names_of_frame(data: Any, given: Input) -> list[str]:  # noqa: ANN401 -- any frame
    if hasattr(data, "columns") and hasattr(data.columns, "duplicated"):
        return [str(column) for column in data.columns]
    return list(given.frame.schema.names)


def repeated_note(several: Sequence[str], where: str) -> str:
    """Say that columns share a name and were left alone."""
    return f"{where}: several columns are called {', '.join(map(repr, several))}; none of them was asked for"


def column_names(given: Input, dialect: Dialect) -> list[str]:
    """Return the columns of a table, or the keys of its first JSON objects."""
    if given.path is None:
        return list(given.frame.schema.names)
    if given.format == "parquet":
        with parquet_file(given, str(given)) as (_, metadata):
            return list(metadata.schema.to_arrow_schema().names)
    if given.format == "csv":
        return list(Records(given, dialect).header)
    keys: dict[str, None] = {}
    for line in Records(given, dialect, lines=True).first_lines(5_000):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        keys.update(dict.fromkeys(record if isinstance(record, dict) else ()))
    return list(keys)


class Choice:
    """Tells a column's name from a fixed text, and collects the columns that were named."""

    def __init__(
        self, source: str, names: Sequence[str], where: str = "", *, index: Sequence[str] = ()
    ) -> None:
        self._index = [_loosely(name) for name in index]
        self._source = source
        self._where = where
        self.names = names
        self.used: dict[str, None] = {}

    def column(self, name: str, option: str) -> str:
        """Return SQL for the text of a column that must be there."""
        if not isinstance(name, str):
            raise SourceError(f"source {self._source!r}: {option} is the name of a column, not {name!r}")
        found = self._find(name)
        if found is None and _loosely(name) in self._index:
            raise SourceError(
                f"source {self._source!r}: {option}={name!r} is the index of the frame and no column; give "
                "frame.reset_index()"
            )
        if found is None:
            columns = shorten([name[:80] for name in self.names], 40) or "none"
            raise SourceError(
                f"source {self._source!r}: "
                f"{sentence(f'{option}={name!r} is no column{nearest(name, self.names)}')} "
                f"Columns found: {columns}{self._said_where()}"
            )
        self._check_single(name, found, option)
        self.used[found] = None
        return identifier(found + ":text")

    def _said_where(self) -> str:
        return f" (in {self._where})" if self._where else ""

    def _check_single(self, name: str, found: str, option: str) -> None:
        alike = [n for n in self.names if (n == found if found == name else _loosely(n) == _loosely(name))]
        if len(alike) > 1:
            raise SourceError(
                f"source {self._source!r}: {option}={name!r} fits {len(alike)} columns "
                f"({', '.join(map(repr, alike))}){self._said_where()}; "
                "rename them so that each has a name of its own"
            )

    def has(self, name: str) -> bool:
        """Whether there is a column of that name."""
        return self._find(name) is not None

    def same(self, name: str, other: str) -> bool:
        """Whether two names are of one column."""
        found = self._find(name)
        return found is not None and found == self._find(other)

    def name(self, name: str, option: str) -> str:
        """Return the column's own name."""
        self.column(name, option)
        found = self._find(name)
        return found if found is not None else name

    def column_or_text(self, given: Any, option: str) -> str:  # noqa: ANN401 -- an option as the user wrote it
        """Return SQL for a column, or for a text that stands for every record."""
        if given is None:
            return "NULL::VARCHAR"
        if isinstance(given, Mapping):
            if set(given) == {"fixed"}:
                return literal(str(given["fixed"]))
            if set(given) == {"column"}:
                return self.column(given["column"], option)
        if not isinstance(given, str):
            raise SourceError(
                f"source {self._source!r}: {option} is a column's name or a text, or {{'column': ...}} or "
                f"{{'fixed': ...}} to be clear about it, not {given!r}"
            )
        if self._find(given) is not None:
            return self.column(given, option)
        almost = difflib.get_close_matches(given, self.names, n=1, cutoff=_ALMOST)
        if almost:
            raise SourceError(
                f"source {self._source!r}: {option}={given!r} is no column, did you mean {almost[0]!r}? "
                f"For the text itself write {{'fixed': {given!r}}}"
            )
        return literal(given)

    def _find(self, name: str) -> str | None:
        if name in self.names:
            return name
        loose = {_loosely(n): n for n in reversed(self.names)}
        return loose.get(_loosely(name))


def texts_of(given: object, source: str, option: str) -> list[str]:
    """Return the texts of an option that takes one or a list of them."""
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, Sequence) or not all(isinstance(each, str) and each for each in listed):
        raise SourceError(f"source {source!r}: {option} is a text or a list of texts, not {given!r}")
    return list(listed)


def _loosely(name: str) -> str:
    return "".join(name.casefold().split())


def slug(sql: str) -> str:
    """SQL for a text as part of a touchpoint: lower case, words joined by underscores; never empty.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.connect().execute("SELECT " + slug("'Closed - Won!'")).fetchall()
    [('closed_won',)]
    """
    words = f"trim(regexp_replace(lower({sql}), '[^\\p{{L}}\\p{{N}}]+', '_', 'g'), '_')"
    return f"CASE WHEN {sql} IS NOT NULL THEN coalesce(nullif({words}, ''), 'unnamed') END"


def json_text(fields: Mapping[str, str]) -> str:
    """SQL for a JSON object of the fields that have a value; NULL if none has one."""
    if not fields:
        return "NULL::VARCHAR"
    parts = [
        f"CASE WHEN {sql} IS NOT NULL THEN {literal(json.dumps(name, ensure_ascii=False) + ':')} "
        f"|| CAST(to_json(CAST({sql} AS VARCHAR)) AS VARCHAR) END"
        for name, sql in fields.items()
    ]
    return f"nullif('{{' || concat_ws(',', {', '.join(parts)}) || '}}', '{{}}')"


def json_field(text: str, path: str) -> str:
    """SQL for a value inside JSON text, as text; NULL where the text is no JSON or has no such value.

    Examples
    --------
    >>> print(json_field("attributes", "$.Link"))
    CASE WHEN json_valid(attributes) THEN json_extract_string(attributes, '$.Link') END
    """
    return f"CASE WHEN json_valid({text}) THEN json_extract_string({text}, {literal(path)}) END"


def utc(text: str) -> str:
    """SQL for a time inside a nested column as a TIMESTAMP in UTC, NULL where it can't be read.

    For texts that name their zone, or are in UTC. A year outside 1900 to 2199 is a mistake, not a time.

    Examples
    --------
    >>> import duckdb
    >>> times = "(VALUES ('2026-03-01T10:00:00+01:00'), ('99999-01-01'), ('soon')) AS t(started)"
    >>> duckdb.connect().execute(f"SELECT {utc('started')} FROM {times}").fetchall()
    [(datetime.datetime(2026, 3, 1, 9, 0),), (None,), (None,)]
    """
    in_range = f"CASE WHEN regexp_matches({text}, '^\\s*(19|2[01])[0-9][0-9]-') THEN {text} END"
    return f"(TRY_CAST({in_range} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"
