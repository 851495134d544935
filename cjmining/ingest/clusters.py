"""A table of who is who from elsewhere, (identifier, cluster): Splink's or the company's own matching."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cjmining.errors import SourceError, nearest, shorten
from cjmining.ingest.database import identifier

if TYPE_CHECKING:
    from cjmining.ingest.database import Database

NAMES = ("value", "cluster")
_SHOWN = 3


def read_clusters(given: Any) -> pa.Table | None:  # noqa: ANN401 -- a path or any frame
    """Return the table as texts: kind (null where any will do), value, cluster.

    Raises
    ------
    SourceError
        If a column is absent.
    """
    if given is None:
        return None
    table = _table(given)
    names = {name.strip().casefold(): name for name in reversed(table.column_names)}
    for name in NAMES:
        if name not in names:
            raise SourceError(
                f"clusters= is a table with the columns value and cluster (and kind): it has no column "
                f"{name!r}{nearest(name, table.column_names)}. Columns found: {shorten(table.column_names)}"
            )
    kind = table.column(names["kind"]) if "kind" in names else pa.nulls(table.num_rows, pa.string())
    columns = [kind, *(table.column(names[name]) for name in NAMES)]
    return pa.table([column.cast(pa.string()) for column in columns], names=["kind", *NAMES])


def _table(given: Any) -> pa.Table:  # noqa: ANN401 -- a path or any frame
    if hasattr(given, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(given).read_all()
    if not isinstance(given, str | Path):
        raise SourceError(f"clusters= is a frame or the path of a CSV or Parquet file, not {given!r}")
    path = Path(given).expanduser()
    if not path.is_file():
        raise SourceError(f"clusters=: there is no file {path}")
    if path.suffix.lower() in (".parquet", ".pq"):
        import pyarrow.parquet as pq

        return pq.read_table(path)
    from pyarrow import csv

    with path.open("rb") as file:
        header = csv.open_csv(file).schema.names
    texts = csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True)
    return csv.read_csv(path, convert_options=texts)


def put_clusters(database: Database, table: pa.Table) -> None:
    """Make `clustered` (id_set, token, any_kind, cluster): the table's rows in the form of records' sets.

    Their numbers are below 0, so that they aren't taken for sets of records.
    """
    with database.registered("clusters_given", table):
        database.run(
            "CREATE TABLE clustered AS SELECT (-row_number() OVER ())::INTEGER AS id_set, "
            "coalesce(kind, '') || ':' || value AS token, cluster, "
            "coalesce(kind, '') = '' AS any_kind FROM clusters_given "
            "WHERE value IS NOT NULL AND cluster IS NOT NULL"
        )


def clusters_of_nodes(database: Database) -> pa.Table:
    """Return (node, cluster) of the identifiers that the table names, clusters numbered.

    Raises
    ------
    SourceError
        If it puts one identifier into several clusters.
    """
    address = f"lower({identifier('value')})"
    database.run(
        "CREATE TABLE node_clusters AS SELECT DISTINCT node, cluster FROM ("
        "SELECT n.node, c.cluster FROM clustered c JOIN named s USING (id_set) "
        "JOIN nodes n ON n.kind = s.kind AND n.token = s.token WHERE NOT any_kind UNION ALL "
        f"SELECT n.node, c.cluster FROM (SELECT {address} AS lowered, node FROM nodes) n "
        "JOIN clustered c ON any_kind AND n.lowered = lower(trim(substr(c.token, 2))))"
    )
    several = database.run(
        "SELECT n.kind, n.value, list(cluster ORDER BY cluster) FROM node_clusters JOIN nodes n USING (node) "
        f"GROUP BY n.kind, n.value HAVING count(*) > 1 ORDER BY ALL LIMIT {_SHOWN}"
    )
    if several:
        told = "; ".join(f"{kind} {value!r} in {', '.join(found)}" for kind, value, found in several)
        raise SourceError(
            f"clusters= puts an identifier into several clusters: {told}. Give each one cluster"
        )
    return database.arrow(
        "SELECT node, dense_rank() OVER (ORDER BY cluster) - 1 AS cluster FROM node_clusters"
    )
