"""Which identifiers were seen together, where, and what was no link: what `log.explain` tells of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from cjmining import schema
from cjmining.ingest.database import literal

if TYPE_CHECKING:
    from cjmining.ingest.database import Database
    from cjmining.ingest.stage import Staged

SEVERAL_CUSTOMERS = "of several customers"


def links_table(database: Database, staged: Sequence[Staged], how: str) -> pa.Table:
    """Return each pair of identifiers that records show together, with how many records of which file do.

    Parameters
    ----------
    database : Database
        After `identity.resolve`.
    staged : sequence of Staged
        The feeds; `<table>_candidates` are the records that were asked who is who.
    how : {"keep", "pseudonymise", "drop"}
        What becomes of identifiers; with "drop" there are no links either.
    """
    if how == "drop":
        return schema.LINKS.empty_table()
    database.run(
        "CREATE TEMP TABLE several AS SELECT ids, id_set FROM sets WHERE id_set IN "
        "(SELECT id_set FROM members GROUP BY id_set HAVING count(*) > 1)"
    )
    database.run(
        "CREATE TEMP TABLE placed AS SELECT id_set, node, place FROM members JOIN found USING (node) "
        "SEMI JOIN several USING (id_set)"
    )
    database.run("CREATE TEMP TABLE seen_in (id_set BIGINT, file INTEGER, records BIGINT)")
    for feed in staged:
        if len(feed.feed.identifiers) > 1:
            database.run(
                "INSERT INTO seen_in SELECT id_set, file, count(*) "
                f"FROM {feed.table}_candidates JOIN several USING (ids) GROUP BY id_set, file"
            )
    files = pa.table(
        {
            "file": pa.array([file.number for feed in staged for file in feed.files], pa.int32()),
            "source": pa.array([file.source for feed in staged for file in feed.files], pa.string()),
            "name": pa.array([file.name for feed in staged for file in feed.files], pa.string()),
        }
    )
    with database.registered("file_names", files):
        found = database.arrow(
            "SELECT a.kind, a.token AS value, b.kind AS other_kind, b.token AS other_value, "
            f"n.source, n.name AS file, p.records, {_refused()} AS refused FROM ("
            "SELECT x.node, y.node AS other, file, sum(records)::BIGINT AS records FROM seen_in "
            "JOIN placed x USING (id_set) JOIN placed y USING (id_set) WHERE x.place < y.place "
            "GROUP BY ALL) p JOIN nodes a ON a.node = p.node JOIN nodes b ON b.node = p.other "
            "JOIN found f ON f.node = p.node JOIN found g ON g.node = p.other "
            "JOIN file_names n ON n.file = p.file ORDER BY f.place, g.place, n.source, n.name, p.file"
        )
    for table in ("several", "placed", "seen_in"):
        database.run(f"DROP TABLE {table}")
    return found.cast(schema.LINKS)


def _refused() -> str:
    """SQL: why two identifiers that were seen together are no link; NULL if they are one."""
    return (
        "CASE WHEN f.refusal <> '' THEN a.kind || ' ' || f.refusal WHEN g.refusal <> '' "
        "THEN b.kind || ' ' || g.refusal WHEN f.customer <> g.customer "
        f"THEN b.kind || ' ' || {literal(SEVERAL_CUSTOMERS)} END"
    )
