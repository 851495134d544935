"""The rows of a query, as Arrow batches: from an ADBC, DuckDB or any DB-API connection, or a database file.

Arrow is passed on as it comes. A DB-API connection gives Python values, and may belong to the thread that
opened it: its rows are fetched here and now, in batches, as texts, into a temporary file, so that memory
stays bounded.
"""

from __future__ import annotations

import json
import re
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from cjmining.errors import SourceError
from cjmining.ingest.files import Input, as_paths, inputs_below
from cjmining.ingest.ocel_files import database_file
from cjmining.ingest.streams import Stream

ROWS = 20_000
"""Rows fetched at once."""
Parameters = Sequence[Any] | Mapping[str, Any]
_READING = ("select", "with", "values", "table", "from", "show", "describe", "desc", "pivot", "unpivot")
_ASIDE = re.compile(
    r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`", re.DOTALL
)
"""What is no keyword: comments, texts and quoted names."""
_WRITING = re.compile(r"\binto\b|\bdelete\s+from\b|\bupdate\s+(only\s+)?[\w.]+(\s+as)?(\s+\w+)?\s+set\b")
"""What writes though it begins with WITH or SELECT."""


def query_rows(
    connection: Any,  # noqa: ANN401 -- of any driver
    query: str,
    parameters: Parameters | None,
    what: str,
) -> Stream:
    """Run a query and return its rows; what the driver raises becomes a SourceError.

    Parameters
    ----------
    connection : ADBC, DuckDB or DB-API connection, or path
        A path is that of a SQLite or DuckDB file, which is opened for reading only.
    query : str
        One statement that returns rows; one that may write is refused before it is executed.
    parameters : sequence or mapping, optional
        As the driver takes them.
    what : str
        What to call the source in errors.
    """
    _check_reads(query, what)
    if isinstance(connection, str | Path):
        return _of_file(connection, query, parameters, what)
    if hasattr(connection, "raw_connection"):
        raise SourceError(f"{what}: an engine of SQLAlchemy is no connection; give engine.raw_connection()")
    if type(connection).__name__ == "DuckDBPyConnection":
        return _of_duckdb(connection, query, parameters, what)
    if not hasattr(connection, "cursor"):
        raise SourceError(
            f"{what}: the query needs an ADBC, DuckDB or DB-API connection, or the path of a SQLite or "
            f"DuckDB file, not {type(connection).__name__}"
        )
    return _of_connection(connection, query, parameters, what)


def _check_reads(query: str, what: str) -> None:
    """Refuse what may write: some drivers would have done it before they say that there are no rows."""
    plain = _ASIDE.sub(" '' ", query).replace("''", " ").strip().rstrip(";").rstrip().lower()
    first = re.match(r"[\s(]*(\w+)", plain)
    word = first[1] if first else ""
    if first and ";" in plain:
        raise SourceError(f"{what}: the query is several statements; give one. It was: {_cut(query)}")
    if first and (word not in _READING or _WRITING.search(plain)):
        raise SourceError(
            f"{what}: the query may write to the database, so it was not executed; give a statement that "
            f"only reads, such as SELECT. It was: {_cut(query)}"
        )


def _of_file(path: str | Path, query: str, parameters: Parameters | None, what: str) -> Stream:
    given = database_input(path, what)
    where = f"{what}, {given.name}"
    kind = _database_kind(given)
    unpacked = ExitStack()
    file = unpacked.enter_context(database_file(given))
    if kind == "SQLite":
        import sqlite3

        address = f"{file.absolute().as_uri()}?mode=ro"
        with unpacked, closing(sqlite3.connect(address, uri=True)) as connection:
            return _of_connection(connection, query, parameters, where)
    if kind == "DuckDB":
        import duckdb

        try:
            database = unpacked.enter_context(duckdb.connect(str(file), read_only=True))
        except duckdb.Error as problem:
            unpacked.close()
            raise SourceError(f"{where} can't be opened: {problem}") from problem
        return _of_duckdb(database, query, parameters, where, after=unpacked.close)
    unpacked.close()
    raise SourceError(f"{where} is neither a SQLite nor a DuckDB file; for others give a connection")


def database_input(path: str | Path, what: str) -> Input:
    """Return the one file that a path names; in an archive the one database, whatever else lies beside it."""
    (found,) = as_paths(path, what)
    inside = list(inputs_below(found))
    if len(inside) > 1:
        inside = [each for each in inside if _database_kind(each)]
    if found.is_dir() or len(inside) != 1:
        raise SourceError(f"{what}: {found} is no file; a query needs one SQLite or DuckDB file")
    return inside[0]


def _database_kind(given: Input) -> str | None:
    with given.open() as stream:
        start = stream.read(16)
    if start.startswith(b"SQLite format 3\x00"):
        return "SQLite"
    return "DuckDB" if start[8:12] == b"DUCK" else None


def _of_duckdb(
    connection: Any,  # noqa: ANN401 -- DuckDB has no stubs
    query: str,
    parameters: Parameters | None,
    what: str,
    after: Callable[[], object] | None = None,
) -> Stream:
    _check_parsed(query, what)
    try:
        relation = connection.sql(query, params=parameters) if parameters else connection.sql(query)
        reader = None if relation is None else pa.RecordBatchReader.from_stream(relation)
    except Exception as problem:
        raise _failed(what, query, problem) from problem
    return _watched(reader, query, what, after)


def _check_parsed(query: str, what: str) -> None:
    """Refuse what DuckDB itself takes for another statement than one that selects."""
    import duckdb

    try:
        types = [statement.type.name for statement in duckdb.extract_statements(query)]
    except duckdb.Error:
        return  # told when it is executed
    if types not in (["SELECT"], ["MULTI"]):  # a PIVOT is several to DuckDB
        raise SourceError(
            f"{what}: the query is {' and '.join(types)}, so it was not executed; give one statement that "
            f"only reads, such as SELECT. It was: {_cut(query)}"
        )


@contextmanager
def _only_reading(connection: Any) -> Iterator[None]:  # noqa: ANN401 -- of any driver
    """Let a connection to SQLite write nothing meanwhile."""
    import sqlite3

    if not isinstance(connection, sqlite3.Connection):
        yield
        return
    ((before,),) = connection.execute("PRAGMA query_only").fetchall()
    connection.execute("PRAGMA query_only = 1")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA query_only = {int(before)}")


def _of_connection(
    connection: Any,  # noqa: ANN401 -- of any driver
    query: str,
    parameters: Parameters | None,
    what: str,
) -> Stream:
    try:
        with _only_reading(connection):
            return _executed(connection, query, parameters, what)
    except SourceError:
        raise
    except Exception as problem:
        raise _failed(what, query, problem) from problem


def _executed(
    connection: Any,  # noqa: ANN401 -- of any driver
    query: str,
    parameters: Parameters | None,
    what: str,
) -> Stream:
    try:
        cursor = connection.cursor()
        _ = cursor.execute(query, parameters) if parameters else cursor.execute(query)
        if hasattr(cursor, "fetch_record_batch"):
            return _watched(cursor.fetch_record_batch(), query, what, cursor.close)
        description = cursor.description
    except Exception as problem:
        raise _failed(what, query, problem) from problem
    if not description:
        raise _no_rows(what, query)
    schema = pa.schema([(str(column[0]), pa.string()) for column in description])
    try:
        return _spooled(schema, _fetched(cursor, schema))
    except Exception as problem:
        raise _failed(what, query, problem) from problem
    finally:
        cursor.close()


def _watched(
    reader: pa.RecordBatchReader | None, query: str, what: str, after: Callable[[], object] | None
) -> Stream:
    """Pass Arrow on as it comes."""
    if reader is None or not reader.schema.names:
        raise _no_rows(what, query)

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except Exception as problem:
            raise _failed(what, query, problem) from problem

    return _ending(reader.schema, batches(), after)


def _ending(
    schema: pa.Schema, batches: Iterator[pa.RecordBatch], after: Callable[[], object] | None
) -> Stream:
    """Clean up when nobody holds the batches any more, whether they were read or not."""
    if after is not None:
        weakref.finalize(batches, after)
    return Stream(schema, batches)


def _fetched(cursor: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:  # noqa: ANN401 -- of any driver
    while rows := cursor.fetchmany(ROWS):
        columns = zip(*rows, strict=True)
        texts = [pa.array([as_text(value) for value in column], pa.string()) for column in columns]
        yield pa.record_batch(texts, schema=schema)


def _spooled(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Stream:
    """Write batches to a temporary file, which is gone when nobody reads it any more."""
    file = tempfile.TemporaryFile(prefix="cjmining-")  # noqa: SIM115 -- read later
    try:
        with pa.ipc.new_stream(file, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        file.seek(0)
    except BaseException:
        file.close()
        raise

    def again() -> Iterator[pa.RecordBatch]:
        with pa.ipc.open_stream(file) as reader:
            yield from reader

    return _ending(schema, again(), file.close)


def as_text(value: object) -> str | None:
    """Write a value of a DB-API driver as the text that a CSV would have.

    Examples
    --------
    >>> from datetime import datetime
    >>> as_text(True), as_text(1.5), as_text(datetime(2026, 3, 1, 9, 30))
    ('true', '1.5', '2026-03-01 09:30:00')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode(errors="backslashreplace")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _failed(what: str, query: str, problem: Exception) -> SourceError:
    said = " ".join(str(problem).split())[:400].rstrip(". ")
    return SourceError(f"{what}: the query failed: {said}. It was: {_cut(query)}")


def _no_rows(what: str, query: str) -> SourceError:
    return SourceError(f"{what}: the query is a statement that returns no rows: {_cut(query)}")


def _cut(query: str) -> str:
    said = " ".join(query.split())
    return repr(said if len(said) <= 200 else said[:200] + "...")
