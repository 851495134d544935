"""Records that are too many to be joined at once with all that is known of them are taken in portions.

A join whose right side doesn't fit into memory lays both sides on disk, and records are many and wide. Of
what is known a portion of them asks for little: that is laid beside it, and every record is read once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.ingest.by_time import divided

if TYPE_CHECKING:
    from cjmining.ingest.database import Database
    from cjmining.ingest.stage import Staged

Portion = tuple[int, int]
"""The first `sequence` of some records of a feed, and the one after the last."""

_FIRST, _STOP = '"p:first"', '"p:stop"'


def portions(database: Database, feed: Staged) -> list[Portion]:
    """Cut the records of a feed into portions; none where they are few, or known by more than identifiers."""
    if feed.feed.reference or divided(database, feed):
        return []
    return database.ranges(feed.table, "sequence")


def of_portion(feed: Staged) -> str:
    """SQL of a portion's candidates, for use in `make_within`."""
    return f"(SELECT * FROM {feed.table}_candidates WHERE sequence >= {_FIRST} AND sequence < {_STOP})"


def make_within(database: Database, feed: Staged, used: str) -> None:
    """Make the SQL macro that `within` calls of a query whose customers are those of `sets_asked`."""
    database.run(
        "CREATE TEMP TABLE IF NOT EXISTS sets_asked AS SELECT code, customer, 0::BIGINT AS records "
        "FROM id_sets LIMIT 0"
    )
    database.run(f"CREATE MACRO {feed.table}_used_within({_FIRST}, {_STOP}) AS TABLE {used}")


def within(feed: Staged, portion: Portion) -> str:
    """SQL of the used records of a portion, as `<table>_used` has them, once `ask_sets` has run."""
    first, stop = portion
    return f"{feed.table}_used_within({first}, {stop})"


def ask_sets(database: Database, feed: Staged, portion: Portion) -> int:
    """Make `sets_asked` (code, customer, records) of a portion's sets of identifiers with a customer.

    Return how many records these have.
    """
    first, stop = portion
    database.run(
        "CREATE OR REPLACE TEMP TABLE sets_asked AS SELECT code, customer, records FROM id_sets JOIN ("
        f"SELECT set_code(ids) AS code, count(*) AS records FROM {feed.table}_candidates "
        f"WHERE sequence >= {first} AND sequence < {stop} GROUP BY code) USING (code) "
        "WHERE customer IS NOT NULL"
    )
    return int(database.value("SELECT coalesce(sum(records), 0) FROM sets_asked"))
