"""Which identifiers were seen together, where, and what was no link: what `log.explain` tells of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cjmining import schema
from cjmining.ingest.database import coded, texts
from cjmining.ingest.identity import kinds_in
from cjmining.ingest.linking import REASONS

if TYPE_CHECKING:
    from cjmining.ingest.database import Database
    from cjmining.ingest.stage import Staged, StagedFile

SEVERAL_CUSTOMERS: Final = "of several customers"
_WHY: Final = (*REASONS, SEVERAL_CUSTOMERS)


def links_table(database: Database, staged: Sequence[Staged], how: str) -> pa.Table:
    """Return each pair of identifiers that records show together, with how many records of which file do.

    Parameters
    ----------
    database : Database
        After `identity.resolve`.
    staged : sequence of Staged
        The feeds whose records were asked who is who.
    how : {"keep", "pseudonymise", "drop"}
        What becomes of identifiers; with "drop" there are no links either.
    """
    if how == "drop":
        return schema.LINKS.empty_table()
    files = sorted(
        (file for feed in staged if len(feed.feed.identifiers) > 1 for file in feed.files),
        key=lambda file: (file.source, file.name, file.number),
    )
    return _named(database, _pairs(database, files), files)


def _pairs(database: Database, files: Sequence[StagedFile]) -> pa.Table:
    """Return (one, other, file, records), sorted: nodes, and places in `files`."""
    rank = pa.table(
        {
            "file": pa.array([file.number for file in files], pa.int32()),
            "rank": pa.array(range(len(files)), pa.int32()),
        }
    )
    # texts are laid beside the pairs afterwards: only numbers are joined and grouped, and one step after the
    # other, since several tables of hashes don't fit into little memory
    database.run(
        "CREATE TEMP TABLE pairs AS SELECT id_set, x.node AS one, y.node AS other "
        "FROM members x JOIN members y USING (id_set) WHERE x.node < y.node"
    )
    with database.registered("file_ranks", rank):
        database.run(
            "CREATE TEMP TABLE seen_pairs AS SELECT one, other, rank AS file, records "
            "FROM seen JOIN file_ranks USING (file) JOIN pairs USING (id_set)"
        )
    database.run("DROP TABLE pairs")
    found = database.arrow(
        "SELECT one, other, file, sum(records)::BIGINT AS records FROM seen_pairs "
        "GROUP BY one, other, file ORDER BY one, other, file"
    )
    database.run("DROP TABLE seen_pairs")
    return found


def _named(database: Database, pairs: pa.Table, files: Sequence[StagedFile]) -> pa.Table:
    """Say what the identifiers are, where they were seen together and why that was no link."""
    kinds = kinds_in(database, "nodes")
    nodes = database.arrow(
        f"SELECT node, customer, {coded('kind', kinds)} AS kind, "
        f"{coded('found.refusal', REASONS)} AS refusal FROM nodes JOIN found USING (node)"
    )
    row = _rows(nodes)
    one, other = (row[pairs.column(name).to_numpy()] for name in ("one", "other"))
    kind, refusal, customer = (nodes.column(name).to_numpy() for name in ("kind", "refusal", "customer"))
    why = np.where(customer[one] != customer[other], np.int32(len(REASONS)), np.int32(0))
    of = np.where(refusal[one] != 0, one, other)
    why = np.where(refusal[of] != 0, refusal[of], why)
    reasons = [f"{name} {reason}" for name in kinds for reason in _WHY]
    file = pairs.column("file").combine_chunks()
    named = {
        "kind": texts(kinds, pa.array(kind[one])),
        "other_kind": texts(kinds, pa.array(kind[other])),
        "source": texts([file.source for file in files], file),
        "file": texts([file.name for file in files], file),
        "records": pairs.column("records"),
        "refused": texts(reasons, pa.array(kind[of] * np.int32(len(_WHY)) + why, mask=why == 0)),
    }
    del nodes, row, one, other, kind, refusal, customer, why, of  # identifiers' own texts take much room
    nodes = database.arrow("SELECT node, token FROM nodes")
    row = _rows(nodes)
    tokens = nodes.column("token").combine_chunks()
    del nodes
    for name, column in (("value", "one"), ("other_value", "other")):
        named[name] = tokens.take(pa.array(row[pairs.column(column).to_numpy()]))
    return pa.table([named[name] for name in schema.LINKS.names], schema.LINKS.names).cast(schema.LINKS)


def _rows(nodes: pa.Table) -> npt.NDArray[np.int32]:
    """Return where each node stands: a database that isn't told to sort gives rows in any order."""
    row = np.empty(nodes.num_rows, np.int32)
    row[nodes.column("node").to_numpy()] = np.arange(nodes.num_rows, dtype=np.int32)
    return row
