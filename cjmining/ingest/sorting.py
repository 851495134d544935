"""From the events made to those of the log: cut at the end of the data, texts as codes, in the log's order.

They leave the database as a stream of tables, so that a log of any size can be written with bounded memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from cjmining import schema
from cjmining.errors import LogError
from cjmining.ingest.database import Database, identifier, literal
from cjmining.log import log_of_stream
from cjmining.log_files import LONG_VOCABULARY

if TYPE_CHECKING:
    from cjmining.ingest.events import Made
    from cjmining.storage import Draft

TEXTS: Final = tuple(f.name for f in schema.EVENTS if f.type == schema.TEXT and f.name != "source")
_FEW: Final = 4
"""Words up to which a comparison with each is faster than a look-up."""


class InOrder(NamedTuple):
    """SQL of the kept events: columns with `codes` for texts, their `order`, the log's `columns` of them."""

    codes: str
    order: str
    columns: str
    kept: str = "TRUE"

    def of(self, words: Mapping[str, str], within: str = "TRUE") -> str:
        """Return SQL of some of the events as the log has them; `words` are tables of long vocabularies."""
        joins = " ".join(
            f'LEFT JOIN {table} AS {_own(name)}("w:word", "w:code") '
            f'ON {_own(name)}."w:word" = events.{identifier(name)}'
            for name, table in words.items()
        )
        rows = f"SELECT {self.codes} FROM events {joins} WHERE {self.kept} AND {within}"
        return f"SELECT {self.columns} FROM (SELECT * FROM ({rows}) ORDER BY {self.order})"


@dataclass(frozen=True)
class SortedEvents:
    """The kept events in the log's order.

    Attributes
    ----------
    n : int
        How many.
    words : mapping
        Column -> its sorted vocabulary, of those that are short.
    long : mapping
        Column -> the table of its vocabulary (word, code), of the others: they come as codes.
    """

    n: int
    words: Mapping[str, pa.Array]
    long: Mapping[str, str]
    _database: Database
    _sql: InOrder

    def pieces(self) -> Iterator[pa.Table]:
        """Give the events piece by piece, long vocabularies as codes."""
        for query in self._queries():
            with self._database.stream(query) as batches:
                schemas = pa.Table.from_batches([], batches.schema)
                yield self._typed(schemas)
                for batch in batches:
                    yield self._typed(pa.Table.from_batches([batch]))

    def _queries(self) -> Iterator[str]:
        """Give the query of the events; of too many to be sorted at once, one for each range of customers.

        A sort within little memory lays runs on disk, and merging them takes memory by their number, beside
        the words that rows are joined with: so of these only what a range asks for is laid beside it.
        """
        ranges = self._database.ranges(f"(SELECT customer FROM events WHERE {self._sql.kept})", "customer")
        if not ranges:
            yield self._sql.of(self.long)
        for first, stop in ranges:
            within = f"customer >= {first} AND customer < {stop}"
            yield self._sql.of({name: self._asked(name, within) for name in self.long}, within)

    def _asked(self, name: str, within: str) -> str:
        """Make the table of those words of a long vocabulary that some of the events have."""
        table, column = identifier(f"asked of {name}"), identifier(name)
        with self._database.joins_as_written():
            self._database.run(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT word, code FROM {self.long[name]} "
                f"JOIN (SELECT DISTINCT {column} AS word FROM events WHERE {self._sql.kept} AND {within}) "
                "USING (word)"
            )
        return table

    def long_words(self, column: str) -> Iterator[pa.Table]:
        """Give a long vocabulary piece by piece, as tables with the one column `word`."""
        with self._database.stream(f"SELECT word FROM {self.long[column]} ORDER BY code") as batches:
            for batch in batches:
                yield pa.Table.from_batches([batch])

    def table(self) -> pa.Table:
        """Return all of them at once."""
        table = pa.concat_tables(list(self.pieces())).combine_chunks()
        for name in self.long:
            words = pa.concat_tables(list(self.long_words(name))).column("word").combine_chunks()
            codes = table.column(name).combine_chunks()
            column = pa.DictionaryArray.from_arrays(codes, words)
            table = table.set_column(table.column_names.index(name), name, column)
        return table

    def write_log(self, draft: Draft, beside: Mapping[str, Any]) -> dict[str, Any]:
        """Write them and the tables `beside` them as a log, into a draft; return its manifest."""
        long = {name: self.long_words(name) for name in self.long}
        return log_of_stream(draft, self.pieces(), long=long, **beside)

    def _typed(self, table: pa.Table) -> pa.Table:
        return typed_events(table, self.words, self.long)


def typed_events(table: pa.Table, words: Mapping[str, pa.Array], long: Collection[str]) -> pa.Table:
    """Give columns that came out of a database the types of a log's; long vocabularies stay codes."""
    return pa.table(
        {name: _typed_column(name, table.column(name), words, long) for name in table.column_names}
    )


def _typed_column(
    name: str, column: pa.ChunkedArray, words: Mapping[str, pa.Array], long: Collection[str]
) -> pa.ChunkedArray:
    if name in words:
        codes = [pa.DictionaryArray.from_arrays(chunk, words[name]) for chunk in column.chunks]
        return pa.chunked_array(codes, schema.TEXT)
    if name in long:
        return column
    if name == "timestamp":
        column = column.cast(pa.timestamp("us"))
    return column.cast(schema.EVENTS.field(name).type)


def sort_events(database: Database, made: Made, source_names: Sequence[str], end: str) -> SortedEvents:
    """Find the vocabularies of the kept events, and how to read these in the log's order.

    Parameters
    ----------
    database : Database
        With the table `events`.
    made : Made
        What that was made of.
    source_names : sequence of str
        Names of the sources, by rank.
    end : str
        SQL of the end of the data.
    """
    kept = is_kept(end)
    n, held = count_kept(database, made, kept)
    words: dict[str, pa.Array] = {}
    long: dict[str, str] = {}
    codes = {}
    for name in (*TEXTS, *made.others):
        if name not in made.columns:
            words[name] = pa.array([], pa.string())
            continue
        table, size = _vocabulary(database, name, kept)
        if size >= LONG_VOCABULARY:
            long[name] = table
            codes[name] = f'{_own(name)}."w:code"'
            continue
        words[name] = _words(database, table)
        if size:
            codes[name] = _short_code(database, name, words[name].to_pylist(), table)
    ranks = ranks_by_name(source_names)
    words["source"] = pa.array([source_names[rank] for rank in ranks], pa.string())
    codes["source"] = _case("source_rank", [str(rank) for rank in ranks])
    taken = {name: identifier(name) for name in (*_ORDERED_BY, *held)} | codes
    listed = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in taken.items())
    # rows are narrow while they are sorted: columns that hold nothing come after, codes grow after
    names = (*schema.EVENTS.names, *made.others)
    columns = [
        identifier(name)
        if name in held
        else f"{identifier(name) if name in codes else 'NULL'}::INTEGER AS {identifier(name)}"
        for name in names
    ]
    order = log_order("native_journey" if "native_journey" in codes else None)
    return SortedEvents(n, words, long, database, InOrder(listed, order, ", ".join(columns), kept))


def _own(name: str) -> str:
    """Name the words of a column beside its events."""
    return identifier(f"own {name}")


def is_kept(end: str) -> str:
    """SQL: whether an event is one of the log's."""
    return f"withdrawn IS NULL AND timestamp <= {end}"


def ranks_by_name(source_names: Sequence[str]) -> list[int]:
    """Return the ranks of the sources, in the order of their names."""
    return sorted(range(len(source_names)), key=lambda rank: source_names[rank])


_ORDERED_BY: Final = ("customer", "timestamp", "source_rank", "sequence", "event_id")


def log_order(native_journey: str | None) -> str:
    """SQL of the order of a log's events; what stands for the source's own journey goes before the time."""
    first, *others = _ORDERED_BY
    given = [f"{native_journey} NULLS FIRST"] if native_journey else []
    return ", ".join([first, *given, *others])


def count_kept(database: Database, made: Made, kept: str) -> tuple[int, list[str]]:
    """Count the kept events; find the columns that hold anything, of those that aren't texts.

    Each event must say what happened and who did it.
    """
    columns = [name for name in made.columns if name not in (*TEXTS, *made.others, "source")]
    n, *held = database.run(
        f"SELECT count(*), {', '.join(f'count({name})' for name in ('touchpoint', 'actor', *columns))} "
        f"FROM events WHERE {kept}"
    )[0]
    for name, present in zip(("touchpoint", "actor"), held, strict=False):
        if present < n:
            raise LogError(f"{n - present:,} events have no {name}; every event needs one")
    return int(n), [name for name, present in zip(columns, held[2:], strict=True) if present]


def _vocabulary(database: Database, name: str, kept: str) -> tuple[str, int]:
    """Make the table of a column's sorted words; return it and how many they are."""
    column, table = identifier(name), identifier(f"words of {name}")
    database.run(
        f"CREATE TABLE {table} AS SELECT word, (row_number() OVER (ORDER BY word) - 1)::INTEGER AS code "
        f"FROM (SELECT DISTINCT {column} AS word FROM events WHERE {column} IS NOT NULL AND {kept})"
    )
    return table, int(database.value(f"SELECT count(*) FROM {table}"))


def _words(database: Database, table: str) -> pa.Array:
    words = database.arrow(f"SELECT word FROM {table} ORDER BY code").column("word").combine_chunks()
    words = words.chunk(0) if isinstance(words, pa.ChunkedArray) and words.num_chunks else words
    return pa.array([], pa.string()) if isinstance(words, pa.ChunkedArray) else words.cast(pa.string())


def _short_code(database: Database, name: str, words: Sequence[str], table: str) -> str:
    """SQL of a word's code in a short vocabulary."""
    if len(words) <= _FEW:
        return _case(identifier(name), [literal(word) for word in words])
    type_ = identifier(f"code of {name}")
    database.run(f"CREATE TYPE {type_} AS ENUM (SELECT word FROM {table} ORDER BY code)")
    return f"enum_code({identifier(name)}::{type_})"


def _case(column: str, values: Sequence[str]) -> str:
    """SQL of the place of a value among a few, null where it is none of them."""
    cases = " ".join(f"WHEN {value} THEN {place}" for place, value in enumerate(values))
    return f"(CASE {column} {cases} END)::USMALLINT"
