"""The one DuckDB connection behind an ingestion: on disk, bounded in memory, and cut off from the network."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pyarrow as pa

from cjmining.errors import SourceError

SEPARATOR = "chr(30)"
"""SQL for the character between the identifiers of one record."""

_OF_LIMIT: Final = 0.8
"""What the database gets of a memory limit; the rest is for the tables on their way out of it."""
_AT_REST: Final = 64 << 20
"""Bytes that it keeps while others need the memory, a tenth of its own where that is more."""
_A_ROW: Final = 96
"""Bytes of its memory for each of the rows that are sorted together, or joined with what is known of them."""
_STEPS: Final = 10_000
"""Steps of numbers, of which ranges are made up."""


class Database:
    """A temporary DuckDB database; every statement's result is fetched at once.

    It lies in a file, compressed, where memory is limited. Else it lies in memory, which costs less than half
    as much to write, and spills to disk only where that doesn't suffice.
    """

    def __init__(self, folder: Path, memory_limit: str | None) -> None:
        import duckdb

        self._memory_limit = memory_limit
        self._too_large = duckdb.OutOfMemoryException
        self._connection = duckdb.connect(
            ":memory:" if memory_limit is None else str(folder / "ingest.duckdb"),
            config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"},
        )
        self.run("SET TimeZone = 'UTC'")
        self.run("SET preserve_insertion_order = false")
        with suppress(duckdb.Error):  # in a notebook without widgets there is no bar, nor may it be set
            self.run("SET enable_progress_bar = false")
        self.run(f"SET temp_directory = {literal(str(folder / 'spill'))}")
        if memory_limit is not None:
            self._limit(memory_limit)

    def _limit(self, memory_limit: str) -> None:
        import duckdb

        try:
            self.run(f"SET memory_limit = {literal(memory_limit)}")
        except duckdb.Error as problem:
            raise SourceError(f"memory_limit is a size such as '4GB', not {memory_limit!r}") from problem
        given = self.value("SELECT parse_formatted_bytes(current_setting('memory_limit'))")
        self._most = int(given * _OF_LIMIT)
        self._hold(self._most)

    def _hold(self, size: int) -> None:
        """Let the database hold so many bytes; what it holds beyond that goes to disk."""
        self.run(f"SET memory_limit = '{size >> 10} KiB'")

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """For a while, let the database hold little memory: others need it, and the limit is for all."""
        if self._memory_limit is None:
            yield
            return
        with suppress(SourceError):  # what is in use can't be let go of
            self._hold(min(self._most, max(_AT_REST, self._most // 10)))
        try:
            yield
        finally:
            self._hold(self._most)

    @property
    def rows_at_once(self) -> int | None:
        """How many rows it ought to join or sort together within its limit of memory; None without one."""
        return None if self._memory_limit is None else self._most // _A_ROW

    def ranges(self, relation: str, column: str) -> list[tuple[int, int]]:
        """Cut a relation into ranges of a number with about `rows_at_once` rows: (first, one after the last).

        None are given where all rows are few enough.
        """
        at_once = self.rows_at_once
        if at_once is None:
            return []
        n, least, most = self.run(f"SELECT count(*), min({column}), max({column}) FROM {relation}")[0]
        if n <= at_once:
            return []
        step = (most - least) // _STEPS + 1
        sizes = self.run(
            f"SELECT {column} // {step} AS part, count(*) FROM {relation} GROUP BY part ORDER BY part"
        )
        firsts, held = [least], 0
        for part, size in sizes:
            if held and held + size > at_once:
                firsts.append(part * step)
                held = 0
            held += size
        return list(itertools.pairwise([*firsts, most + 1]))

    def run(self, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""
        try:
            result = (
                self._connection.execute(query, parameters) if parameters else self._connection.execute(query)
            )
            rows: list[tuple[Any, ...]] = result.fetchall()
        except self._too_large as problem:
            raise self._too_little() from problem
        return rows

    def value(self, query: str) -> Any:  # noqa: ANN401 -- whatever the query counts
        """Run one statement and return the first value of its first row."""
        return self.run(query)[0][0]

    def arrow(self, query: str) -> pa.Table:
        """Run one query and return its rows as an Arrow table."""
        try:
            return pa.RecordBatchReader.from_stream(self._connection.sql(query)).read_all()
        except (self._too_large, OSError) as problem:
            if isinstance(problem, OSError) and "Out of Memory" not in str(problem):
                raise
            raise self._too_little() from problem

    def _too_little(self) -> SourceError:
        if self._memory_limit is None:
            return SourceError(
                "the memory of this machine does not suffice for these sources, nor the room for temporary "
                "files. Read a part of the files, or use a larger machine"
            )
        return SourceError(
            f"memory_limit={self._memory_limit!r} is too little for these sources. Give more, such as "
            "'1GB', or leave it out to use what is there"
        )

    @contextmanager
    def stream(self, query: str) -> Iterator[pa.RecordBatchReader]:
        """Run one query and give its rows as a stream; it must be read before anything else is run."""
        try:
            yield pa.RecordBatchReader.from_stream(self._connection.sql(query))
        except (self._too_large, OSError) as problem:
            if isinstance(problem, OSError) and "Out of Memory" not in str(problem):
                raise
            raise self._too_little() from problem

    def store(self, table: str, pieces: Iterable[pa.Table]) -> None:
        """Make a table of what comes piece by piece, at least one."""
        rest = iter(pieces)
        first = next(rest)
        batches = (batch for piece in itertools.chain([first], rest) for batch in piece.to_batches())
        with self.registered("pieces", pa.RecordBatchReader.from_batches(first.schema, batches)):
            self.run(f"CREATE TABLE {table} AS SELECT * FROM pieces")

    @contextmanager
    def registered(self, name: str, data: Any) -> Iterator[None]:  # noqa: ANN401 -- a table or a reader
        """Give Arrow data a name in SQL for a while."""
        self._connection.register(name, data)
        try:
            yield
        finally:
            self._connection.unregister(name)

    @contextmanager
    def joins_as_written(self) -> Iterator[None]:
        """For a while, hold in memory what stands on the right of each join, and stream what is on the left.

        DuckDB holds what it takes for smaller, and takes far too few of the records to be left by a filter.
        """
        self.run("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        try:
            yield
        finally:
            self.run("RESET disabled_optimizers")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


@contextmanager
def temporary_database(memory_limit: str | None, folder: Path | None = None) -> Iterator[Database]:
    """Open a database that is gone afterwards; it lies in a folder that is given, or in one of its own."""
    with ExitStack() as stack:
        if folder is None:
            made = TemporaryDirectory(prefix="cjmining-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
        database = Database(folder, memory_limit)
        stack.callback(database.close)
        yield database


def literal(text: str) -> str:
    """Write a text as an SQL literal.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Write a name as a quoted SQL identifier.

    Examples
    --------
    >>> print(identifier('say "b" twice'))
    "say ""b"" twice"
    """
    return '"' + name.replace('"', '""') + '"'


def number_of(*parts: str) -> str:
    """SQL of a number for several values, another for others: half of the MD5 of their texts.

    DuckDB's `hash` is quicker, but has one number for many texts that differ in two places; its
    `md5_number_lower` is the same number in four times the time.

    Examples
    --------
    >>> import duckdb
    >>> same = f"{number_of('1', 'NULL')} = md5_number_lower('1' || chr(31))"
    >>> duckdb.connect().execute(f"SELECT {same}").fetchall()
    [(True,)]
    """
    texts = ", ".join(f"coalesce(CAST({part} AS VARCHAR), '')" for part in parts)
    return f"(md5_number(concat_ws(chr(31), {texts})) >> 64)::UBIGINT"


def coded(column: str, words: Sequence[str]) -> str:
    """SQL of the place of a text among a few, 0 if it is none of them.

    Examples
    --------
    >>> coded("kind", ["email", "phone"])
    "(CASE kind WHEN 'email' THEN 0 WHEN 'phone' THEN 1 ELSE 0 END)::TINYINT"
    """
    cases = " ".join(f"WHEN {literal(word)} THEN {i}" for i, word in enumerate(words))
    return f"(CASE {column} {cases} ELSE 0 END)::TINYINT" if words else "0::TINYINT"


def decoded(column: str, words: Sequence[str]) -> str:
    """SQL of the text that a place among a few stands for.

    Examples
    --------
    >>> decoded("code", ["email", "phone"])
    "(CASE code WHEN 0 THEN 'email' WHEN 1 THEN 'phone' END)"
    """
    cases = " ".join(f"WHEN {i} THEN {literal(word)}" for i, word in enumerate(words))
    return f"(CASE {column} {cases} END)" if words else "NULL::VARCHAR"


def texts(words: Sequence[str], places: pa.Array) -> pa.DictionaryArray:
    """Return the texts that places among a few stand for, none stored more than once.

    Examples
    --------
    >>> texts(["email", "phone", "cookie"], pa.array([1, None, 0])).to_pylist()
    ['phone', None, 'email']
    """
    found = places.dictionary_encode()
    said = pa.array(words, pa.string()).take(found.dictionary).dictionary_encode()  # some may be alike
    return pa.DictionaryArray.from_arrays(said.indices.take(found.indices), said.dictionary)
