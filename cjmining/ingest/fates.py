"""What becomes of each record before anybody knows whose it is: superseded, set aside, or a candidate.

Every choice is the greatest by an order over what was delivered, never by what came first: so the records
that count are the same in whatever order, and in however many deliveries, they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from cjmining.ingest.by_time import divided, whose
from cjmining.ingest.database import Database, identifier, literal
from cjmining.ingest.portions import make_within, of_portion
from cjmining.ingest.row_sql import left_out_column
from cjmining.ingest.sources.base import SEEN

if TYPE_CHECKING:
    from cjmining.ingest.stage import Staged, StagedFile

DELIVERED_AGAIN: Final = "delivered again"
PARTITION_AGAIN: Final = "its partition was delivered again"

NEWEST_VERSION: Final = "try_cast(version::VARCHAR AS DOUBLE) DESC NULLS LAST, version DESC NULLS LAST"
"""SQL: the greatest version first. Those that are numbers are compared as such, so that 10 is newer than 9;
times compare as they are."""
_NEWEST_FIRST: Final = f'{NEWEST_VERSION}, "f:place" DESC, "f:content", record, ids'
"""SQL of the order in which copies of one record come, the one that counts first.

By version; of equal ones by the name of the file, then by what they say, then by where they lie in it. The
relation is joined with `read_files`, whose `f:place` it uses, and has `content_of` as `f:content`.
"""


def decide_fates(database: Database, staged: Sequence[Staged], elsewhere: Sequence[Staged] = ()) -> None:
    """Give each record whose fate doesn't depend on identities one: spoilt, superseded or set aside.

    Makes `read_files` (file, f:place), where files lie in the order of their names, and for each feed
    `<table>_superseded` (sequence, why) and `<table>_candidates`: the records that are left, and can tell who
    is who. Feeds whose fates are decided elsewhere have their files among those all the same.
    """
    store_files(database, [file for feed in (*staged, *elsewhere) for file in feed.files])
    for feed in staged:
        gone = files_among(lost_partitions(database, feed))
        database.run(
            f"CREATE TABLE {feed.table}_superseded AS {_beaten(feed, gone)} UNION ALL "
            f"SELECT sequence, {literal(PARTITION_AGAIN)} FROM {feed.table} WHERE reason IS NULL AND {gone}"
        )
        make_candidates(database, feed)


def make_candidates(database: Database, feed: Staged) -> None:
    """Make `<table>_candidates`, where it is known which records are superseded."""
    database.run(
        f"CREATE VIEW {feed.table}_candidates AS SELECT * FROM {feed.table} WHERE reason IS NULL "
        f"AND aside IS NULL AND sequence NOT IN (SELECT sequence FROM {feed.table}_superseded)"
    )


def files_among(files: Sequence[int]) -> str:
    """SQL: whether a record's file is one of these."""
    return f"file IN ({', '.join(map(str, files))})" if files else "FALSE"


def make_views(database: Database, staged: Sequence[Staged]) -> None:
    """For each feed, make `<table>_used`: the records used, with their customer and what is looked up."""
    newest = newest_seen(database, staged)
    for feed in staged:
        make_view(database, feed, staged, newest[feed.source_rank])


def make_view(database: Database, feed: Staged, staged: Sequence[Staged], newest: str) -> None:
    """Make `<table>_used` of one feed, which looks up what the others have; and the same of its portions."""
    looked_up, joins, joins_within = _lookups(database, feed, staged)
    if SEEN in feed.feed.keep:
        looked_up += f"{newest} AS newest, "
    of_customers = "i ON i.code = set_code(r.ids) AND i.customer IS NOT NULL"
    customer, whole = "i.customer", f"JOIN id_sets {of_customers}"
    if divided(database, feed):
        whole = f"JOIN {whose(feed)} i ON i.sequence = r.sequence AND i.customer IS NOT NULL"
    if feed.feed.reference:
        customer, whole = "NULL::BIGINT AS customer", ""
    used = f"SELECT r.*, {looked_up}{customer} FROM"
    database.run(f"CREATE VIEW {feed.table}_used AS {used} {feed.table}_candidates r {whole}{joins}")
    make_within(database, feed, f"{used} {of_portion(feed)} r JOIN sets_asked {of_customers}{joins_within}")


def newest_seen(database: Database, staged: Sequence[Staged]) -> dict[int, str]:
    """Return for each source SQL of the newest moment at which its system wrote any record of any feed."""
    found: dict[int, str] = {}
    for rank in {feed.source_rank for feed in staged}:
        told = " UNION ALL ".join(
            f"SELECT max({SEEN}) AS moment FROM {feed.table} WHERE reason IS NULL "
            f"AND sequence NOT IN (SELECT sequence FROM {feed.table}_superseded)"
            for feed in staged
            if feed.source_rank == rank and SEEN in feed.feed.keep
        )
        moment = database.value(f"SELECT epoch_us(max(moment)) FROM ({told})") if told else None
        found[rank] = "NULL::TIMESTAMP" if moment is None else f"make_timestamp({moment})"
    return found


def weights_of(database: Database, feed: Staged) -> dict[int, tuple[int, int]]:
    """Return for each file that delivers a part of the data its records and a digest of their keys."""
    partitioned = [file for file in feed.files if file.partition]
    known = {file.number: (file.weight[0], file.weight[1]) for file in partitioned if file.weight}
    if len(known) == len(partitioned):
        return known
    listed = ", ".join(str(file.number) for file in partitioned if file.number not in known)
    counted = database.run(
        f"SELECT file, count(*), bit_xor((key & {2**64 - 1}::UHUGEINT)::UBIGINT) FROM {feed.table} "
        f"WHERE reason IS NULL AND file IN ({listed}) GROUP BY file"
    )
    return known | {file: (n, content) for file, n, content in counted}


def content_of(feed: Staged) -> str:
    """SQL of what a record says, as a hash that is the same on every machine.

    Without its identifiers: where these are kept as keyed hashes, a later delivery could not compare them.
    """
    kept = [*feed.feed.keep, *(left_out_column(i)[1:-1] for i in range(len(feed.feed.left_out)))]
    fields = ", ".join(f"{literal(name)}: {identifier(name)}" for name in ("aside", *kept))
    return f"md5(CAST(to_json({{{fields}}}) AS VARCHAR))"


def store_files(database: Database, files: Sequence[StagedFile]) -> None:
    """Make `read_files` (file, f:place), where files lie in the order of their names."""
    places = {name: place for place, name in enumerate(sorted({file.name for file in files}))}
    table = pa.table(
        {
            "file": pa.array([file.number for file in files], pa.int32()),
            "f:place": pa.array([places[file.name] for file in files], pa.int64()),
        }
    )
    with database.registered("files_read", table):
        database.run("CREATE TABLE read_files AS SELECT * FROM files_read")


def _beaten(feed: Staged, gone: str) -> str:
    """SQL of the records of a feed that another copy of them beats."""
    table = feed.table
    several = (
        f"SELECT key FROM {table} WHERE key IS NOT NULL AND NOT ({gone}) GROUP BY key HAVING count(*) > 1"
    )
    return beaten_among(f"({copies_of(feed, several)} AND NOT ({gone}))")


def copies_of(feed: Staged, several: str) -> str:
    """SQL of the records of a feed whose keys are among those of a query, with what decides between them."""
    return (
        f'SELECT sequence, key, version, record, ids, "f:place", {content_of(feed)} AS "f:content" '
        f"FROM {feed.table} JOIN read_files USING (file) WHERE key IN ({several})"
    )


def beaten_among(copies: str) -> str:
    """SQL of the copies, of a relation of `copies_of`, that another one beats."""
    place = f"row_number() OVER (PARTITION BY key ORDER BY {_NEWEST_FIRST})"
    ranked = f"SELECT sequence, {place} AS n FROM {copies}"
    return f"SELECT sequence, {literal(DELIVERED_AGAIN)} AS why FROM ({ranked}) WHERE n > 1"


def lost_partitions(database: Database, feed: Staged) -> list[int]:
    """Return the files whose partition another delivery replaces."""
    partitioned = [file for file in feed.files if file.partition]
    deliveries = {(file.partition, file.delivery) for file in partitioned}
    if len(deliveries) == len({partition for partition, _ in deliveries}):
        return []
    said = weights_of(database, feed)
    weights: dict[tuple[str, str], tuple[int, int, int]] = {}
    for file in partitioned:
        n, content = said.get(file.number, (0, 0))
        rank, total, mixed = weights.get((file.partition, file.delivery), (file.rank, 0, 0))
        weights[file.partition, file.delivery] = (max(rank, file.rank), total + n, mixed ^ content)
    best = {
        partition: max((weight, delivery) for (p, delivery), weight in weights.items() if p == partition)[1]
        for partition in {file.partition for file in partitioned}
    }
    return [file.number for file in partitioned if file.delivery != best[file.partition]]


def _store_newest(database: Database, feed: Staged, keys: str, query: str, table: str) -> None:
    """Store the records of `query` of another feed, of each key the newest.

    Only where a key repeats is there anything to compare, and only then is what records say read.
    """
    database.run(f"CREATE TABLE {table} AS {query}")
    database.run(f"CREATE TABLE several AS SELECT {keys} FROM {table} GROUP BY {keys} HAVING count(*) > 1")
    if database.value("SELECT count(*) FROM several"):
        compared = (
            f'SELECT *, {content_of(feed)} AS "f:content" FROM {feed.table}_candidates '
            f"SEMI JOIN several USING ({keys})"
        )
        place = f"row_number() OVER (PARTITION BY {keys} ORDER BY {_NEWEST_FIRST})"
        ranked = f"SELECT sequence, {place} AS n FROM ({compared}) JOIN read_files USING (file)"
        database.run(f"DELETE FROM {table} WHERE sequence IN (SELECT sequence FROM ({ranked}) WHERE n > 1)")
    database.run("DROP TABLE several")


def _lookups(database: Database, feed: Staged, staged: Sequence[Staged]) -> tuple[str, str, str]:
    """Return SQL of the columns that other feeds of the source lay beside a feed's records, and the joins.

    And the joins of a portion of the records: with what these ask for, of all that the feed does.
    """
    columns, joins, joins_within = [], [], []
    laid: dict[str, str] = {}  # what lookups before this one have laid beside the record
    for i, lookup in enumerate(feed.feed.lookups):
        there = [s for s in staged if s.source_rank == feed.source_rank and s.feed.name == lookup.feed]
        if not there:
            columns += [f"NULL::VARCHAR AS {identifier(name)}, " for name in lookup.keep]
            laid |= dict.fromkeys(lookup.keep, "NULL")
            continue
        keys = ", ".join(map(identifier, lookup.on.values()))
        wanted = ", ".join(map(identifier, dict.fromkeys([*lookup.on.values(), *lookup.keep.values()])))
        own = {there: here for here, there in lookup.on.items() if here not in laid}
        same = " AND ".join(f"r.{identifier(here)} = c.{identifier(there)}" for there, here in own.items())
        # a million mails were sent, a tenth of them opened: what nobody asks for isn't stored
        asked = f" SEMI JOIN {feed.table} r ON {same}" if own else ""
        query = (
            f"SELECT sequence, {wanted} FROM (SELECT sequence, {wanted} FROM {there[0].table}_candidates "
            f"WHERE ({keys}) IS NOT NULL) c{asked}"
        )
        _store_newest(database, there[0], keys, query, f"{feed.table}_lookup_{i}")
        equal = " AND ".join(
            f"{laid.get(here) or f'r.{identifier(here)}'} = l{i}.{identifier(other)}"
            for here, other in lookup.on.items()
        )
        laid |= {name: f"l{i}.{identifier(column)}" for name, column in lookup.keep.items()}
        beside = f"{feed.table}_lookup_{i}"
        few = f"(SELECT c.* FROM {beside} c SEMI JOIN {of_portion(feed)} r ON {same})" if own else beside
        joins.append(f" LEFT JOIN {beside} l{i} ON {equal}")
        joins_within.append(f" LEFT JOIN {few} l{i} ON {equal}")
        columns += [
            f"l{i}.{identifier(column)} AS {identifier(name)}, " for name, column in lookup.keep.items()
        ]
    return "".join(columns), "".join(joins), "".join(joins_within)
