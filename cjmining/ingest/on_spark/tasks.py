"""What executors do: each function works on one part, in a database of its own, and writes what is large.

A file is written beside its place and moved there when it is whole, so a task that is tried again, or done
twice at once, changes nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cjmining.errors import CjminingError, SourceError
from cjmining.ingest import events, fates, identity, ledger
from cjmining.ingest.database import Database, identifier, literal, temporary_database
from cjmining.ingest.on_spark.parts import (
    PART_BITS,
    Apart,
    Part,
    Setting,
    column,
    columns_of,
    halves,
    joined,
    restored,
    stored,
)
from cjmining.ingest.sorting import TEXTS, count_kept, is_kept, log_order
from cjmining.ingest.stage import Staged, StagedFile, seek, stage

Ints = npt.NDArray[np.int64]
Work = TypeVar("Work")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Read:
    """What a task tells of the part that it read."""

    files: Sequence[StagedFile]
    columns: Mapping[str, str]
    sought: Sequence[Sequence[str] | None]


@dataclass(frozen=True)
class Made:
    """What a task tells of the events that it made for a range of customers."""

    counts: Mapping[str, int]
    values: Mapping[str, list[list[tuple[int, int, int, str | None]]]]
    extents: Sequence[tuple[int, int, int]]
    hours: Mapping[int, tuple[Ints, Ints]]


@dataclass(frozen=True)
class Kept:
    """What a task tells of the events of a range of customers that the log keeps."""

    counts: Sequence[tuple[int, str, int]]
    late: Sequence[tuple[int, int, int]]
    dated: Sequence[tuple[int, int]]
    n: int
    held: Sequence[str]
    customers: Ints
    sizes: Ints


def answered(function: Callable[[Work], Answer], work: Work) -> Answer | CjminingError:
    """Do a task, and return what speaks against it; Spark would try again, and tell in its own words."""
    try:
        return function(work)
    except CjminingError as problem:
        return problem


def read_part(setting: Setting, part: Part) -> Read | SourceError:
    """Stage the records of a part; write them, those that are spoilt, and the keys of the others."""
    feed = replace(part.feed, sought=())
    with task_database(setting) as database:
        try:
            staged = stage(
                database, part.source, part.source_rank, feed, part.table,
                part.first_file, part.first_record, part.place,
            )  # fmt: skip
        except SourceError as problem:
            return problem  # raised by who asked, as it is
        staged.feed = part.feed
        if part.before:
            database.run(f"UPDATE {part.table} SET record = record + {part.before}")
        for number, (count, content) in fates.weights_of(database, staged).items():
            staged.files[number - part.first_file].weight = (count, content)
        columns = columns_of(database, part.table)
        listed = stored(columns)
        write(database, f"SELECT {listed} FROM {part.table}", part.file(setting, "staged"))
        spoilt = f"FROM {part.table} WHERE reason IS NOT NULL"
        if database.value(f"SELECT count(*) {spoilt}"):
            write(database, f"SELECT {listed} {spoilt}", part.file(setting, "spoilt"))
        write(
            database,
            f"SELECT {literal(part.table)} AS feed, {part.number} AS part, file, {_KEY}, count(*) AS n "
            f"FROM {part.table} WHERE reason IS NULL AND key IS NOT NULL GROUP BY ALL",
            part.file(setting, "keys"),
        )
        sought = seek(database, staged) if part.feed.sought else []
        return Read(staged.files, columns, sought)


_KEY = halves("key", "high", "low")
"""SQL of a key as Spark can compare it."""
_KEY_AGAIN = joined("high", "low")


def write_piece(folder: Path, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Write a partition of a frame, and say which it is and how many rows it has."""
    from pyspark import TaskContext

    batch = next(batches, None)
    context = TaskContext.get()
    if batch is None or context is None:
        return
    number, rows = context.partitionId(), 0
    with (
        in_place(folder / f"part-{number:05d}.parquet") as beside,
        pq.ParquetWriter(beside, batch.schema) as file,
    ):
        for each in itertools.chain([batch], batches):
            file.write_batch(each)
            rows += each.num_rows
    yield pa.record_batch({"piece": pa.array([number], pa.int32()), "rows": pa.array([rows], pa.int64())})


def compare_copies(
    setting: Setting, names: Sequence[tuple[int, str]], feeds: Mapping[str, Apart], part: Part
) -> None:
    """Write what decides between copies of a record, of those records of a part that have copies."""
    apart = feeds[part.table]
    staged = apart.staged
    with task_database(setting) as database:
        _load(database, part.table, apart.columns, [part.file(setting, "staged")])
        _name_files(database, names)
        several = f"SELECT {_KEY_AGAIN} FROM {parquet(setting, f'several/part={part.number}')}"
        write(
            database,
            f"SELECT {literal(part.table)} AS feed, {_KEY}, sequence, "
            'version::VARCHAR AS version, record, ids, "f:place" AS place, "f:content" AS content '
            f"FROM ({fates.copies_of(staged, several)} AND NOT ({fates.files_among(apart.lost)}))",
            part.file(setting, "copies"),
        )


def beaten_copies(types: Mapping[str, str], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Find the copies that others beat, among rows of `compare_copies` that have all copies of a record.

    `types` are those of the feeds' versions.
    """
    rows = list(batches)
    if not rows:
        return
    with temporary_database(None) as database:
        database.run("SET threads = 1")
        with database.registered("given", pa.Table.from_batches(rows)):
            database.run(
                f"CREATE TABLE copies AS SELECT * EXCLUDE (high, low, place, content), {_KEY_AGAIN} AS key, "
                'place AS "f:place", content AS "f:content" FROM given'
            )
        for feed, type_ in types.items():
            own = f"(SELECT * REPLACE (version::{type_} AS version) FROM copies WHERE feed = {literal(feed)})"
            found = database.arrow(
                f"SELECT sequence, (sequence >> {PART_BITS})::INTEGER AS part "
                f"FROM ({fates.beaten_among(own)})"
            )
            yield from found.to_batches()


def count_sets(setting: Setting, feeds: Mapping[str, Apart], part: Part) -> None:
    """Write the sets of identifiers of a part's candidates, with how many records of each file have them."""
    staged = restored_view(setting, part, feeds[part.table])
    with task_database(setting) as database:
        write(
            database,
            f"SELECT ids, file, count(*) AS records FROM ({staged}) WHERE ids IS NOT NULL GROUP BY ids, file",
            part.file(setting, "sets"),
        )


def restored_view(setting: Setting, part: Part, apart: Apart) -> str:
    """SQL of the candidates of a part."""
    rows = f"SELECT {restored(apart.columns)} FROM read_parquet({literal(str(part.file(setting, 'staged')))})"
    gone = fates.files_among(apart.lost)
    if (setting.room / f"superseded/part={part.number}").exists():
        beaten = parquet(setting, f"superseded/part={part.number}")
        gone += f" OR sequence IN (SELECT sequence FROM {beaten})"
    return f"SELECT * FROM ({rows}) WHERE reason IS NULL AND aside IS NULL AND NOT ({gone})"


def make_range(
    setting: Setting,
    names: Sequence[tuple[int, str]],
    feeds: Mapping[str, Apart],
    near: Sequence[Apart],
    everything: Sequence[Staged],
    until: str | None,
    number: int,
) -> Made:
    """Make the events of a range of customers, and write them."""
    with task_database(setting) as database:
        _name_files(database, names)
        own = [
            feed
            for feed in feeds.values()
            if _load(database, feed.table, feed.columns, files_in(setting, _used(feed, number)))
        ]
        _lay_customers(database, own, setting, number)
        for feed in own:
            _make_used(database, setting, feed, [*feeds.values(), *near], number)
        made = events.make_events(database, [feed.staged for feed in own], everything)
        if files_in(setting, f"near/range={number}"):
            database.run(
                f"INSERT INTO events BY NAME SELECT * FROM {parquet(setting, f'near/range={number}')}"
            )
        values = {feed.table: ledger.counted_values(database, feed.staged) for feed in own}
        extents = events.extents(database)
        hours = {rank: events.hourly(database, rank, until) for rank, _, _ in extents}
        write(database, "SELECT * FROM events", range_file(setting, "events", number))
        return Made(made.counts, values, extents, hours)


def _lay_customers(database: Database, feeds: Sequence[Apart], setting: Setting, number: int) -> None:
    """Make `id_sets` of the records of some feeds, as `identity.resolve` does."""
    every = " UNION ALL ".join(
        f"SELECT {column(feed.columns, 'ids')} AS ids, customer FROM {parquet(setting, _used(feed, number))}"
        for feed in feeds
    )
    every = every or "SELECT NULL::VARCHAR AS ids, NULL::BIGINT AS customer WHERE FALSE"
    identity.lay_sets(database, f"(SELECT DISTINCT ids, customer, NULL::VARCHAR AS why FROM ({every}))")


def _used(feed: Apart, number: int) -> str:
    return f"used/{feed.table}/range={number}"


def _make_used(
    database: Database, setting: Setting, feed: Apart, others: Sequence[Apart], number: int
) -> None:
    """Make the used records of a feed, with what they look up laid beside."""
    _nothing_superseded(database, feed.staged)
    there = [feed.staged]
    for place, lookup in enumerate(feed.staged.feed.lookups):
        looked_up = lookups_folder(feed, place)
        files = files_in(setting, f"{looked_up}/range={number}")
        other = found_feed(others, feed.staged.source_rank, lookup.feed)
        if other is None:
            continue
        table = f"{other.table}_for_{feed.table}"
        if any(each.table == table for each in there):
            _add(database, table, other.columns, files)
            continue
        _load(database, table, other.columns, files, always=True)
        beside = replace(other.staged, table=table)
        _nothing_superseded(database, beside)
        there.append(beside)
    fates.make_view(database, feed.staged, there, "NULL::TIMESTAMP")


def found_feed(feeds: Iterable[Apart], source_rank: int, name: str) -> Apart | None:
    """Return the feed of a name of a source, None where it was not exported."""
    of_source = (each for each in feeds if each.staged.source_rank == source_rank)
    return next((each for each in of_source if each.staged.feed.name == name), None)


def lookups_folder(feed: Apart, place: int) -> str:
    """Name the folder with what a feed's lookup finds."""
    return f"looked_up/{feed.table}_{place}"


def _nothing_superseded(database: Database, staged: Staged) -> None:
    database.run(f"CREATE TABLE {staged.table}_superseded (sequence BIGINT, why VARCHAR)")
    fates.make_candidates(database, staged)


def keep_range(setting: Setting, made: events.Made, end: str, number: int) -> Kept:
    """Write the events of a range of customers that the log keeps, in its order, and their vocabularies."""
    with task_database(setting) as database:
        path = range_file(setting, "events", number)
        database.run(f"CREATE VIEW events AS SELECT * FROM read_parquet({literal(str(path))})")
        kept = is_kept(end)
        n, held = count_kept(database, made, kept)
        given = "native_journey" if "native_journey" in made.columns else None
        write(
            database,
            f"SELECT * FROM events WHERE {kept} ORDER BY {log_order(given)}",
            range_file(setting, "sorted", number),
            in_order=True,
        )
        words = " UNION ALL ".join(
            f"SELECT DISTINCT {place} AS place, {identifier(name)} AS word FROM events "
            f"WHERE {identifier(name)} IS NOT NULL AND {kept}"
            for place, name in enumerate(made.columns)
            if name in (*TEXTS, *made.others)
        )
        write(database, f"SELECT {number} AS range, * FROM ({words})", range_file(setting, "words", number))
        sizes = database.arrow(
            f"SELECT customer, count(*) AS n FROM events WHERE {kept} GROUP BY customer ORDER BY customer"
        )
        return Kept(
            ledger.counted_events(database, end),
            events.late(database, end),
            events.dated(database, end),
            n,
            held,
            sizes.column("customer").to_numpy(),
            sizes.column("n").to_numpy(),
        )


def write_codes(work: tuple[Path, int, Path]) -> None:
    """Write the words of a sorted file with their codes: from where, the first code, to where."""
    path, first, target = work
    with temporary_database(None) as database, in_place(target) as beside:
        database.run(
            f"COPY (SELECT word, (file_row_number + {first})::BIGINT AS code FROM "
            f"read_parquet({literal(str(path))}, file_row_number = true)) TO {literal(str(beside))} "
            "(FORMAT parquet)"
        )


def range_file(setting: Setting, folder: str, number: int) -> Path:
    """Where a task's rows of a range of customers lie."""
    return setting.room / folder / f"range-{number:05d}.parquet"


@contextmanager
def task_database(setting: Setting) -> Iterator[Database]:
    """Open a database for a task, with one thread: executors have as many tasks as cores."""
    with temporary_database(setting.memory_limit) as database:
        database.run("SET threads = 1")
        identity.make_pseudonym(database, setting.identities, setting.secret)
        yield database


def _name_files(database: Database, names: Sequence[tuple[int, str]]) -> None:
    fates.store_files(database, [StagedFile(number, "", name, 0) for number, name in names])


@contextmanager
def in_place(path: Path) -> Iterator[Path]:
    """Give a path to write to; what lies there afterwards is moved in one step to where it belongs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    yield beside
    beside.replace(path)


def write(database: Database, query: str, path: Path, *, in_order: bool = False) -> None:
    """Write the rows of a query."""
    with in_place(path) as beside:
        if in_order:
            database.run("SET preserve_insertion_order = true")
        database.run(f"COPY ({query}) TO {literal(str(beside))} (FORMAT parquet, COMPRESSION zstd)")


def files_in(setting: Setting, folder: str) -> list[Path]:
    """Return the Parquet files in a folder of the room, in order."""
    return sorted((setting.room / folder).glob("*.parquet"))


def parquet(setting: Setting, folder: str) -> str:
    """SQL of the rows that lie in a folder of the room."""
    return f"read_parquet({_listed(files_in(setting, folder))}, hive_partitioning = false)"


def _listed(paths: Sequence[Path]) -> str:
    return f"[{', '.join(literal(str(path)) for path in paths)}]"


def _load(
    database: Database, table: str, columns: Mapping[str, str], files: Sequence[Path], *, always: bool = False
) -> bool:
    """Make a staged table of files that `stored` wrote; say whether there is one."""
    if files:
        database.run(
            f"CREATE TABLE {table} AS SELECT {restored(columns)} FROM read_parquet({_listed(files)})"
        )
    elif always:
        typed = ", ".join(f"{identifier(name)} {type_}" for name, type_ in columns.items())
        database.run(f"CREATE TABLE {table} ({typed})")
    return bool(files) or always


def _add(database: Database, table: str, columns: Mapping[str, str], files: Sequence[Path]) -> None:
    """Add to a staged table what it hasn't yet of some files."""
    if files:
        database.run(
            f"INSERT INTO {table} SELECT * FROM (SELECT {restored(columns)} "
            f"FROM read_parquet({_listed(files)})) WHERE sequence NOT IN (SELECT sequence FROM {table})"
        )
