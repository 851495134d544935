"""Which identifiers were seen together, where, and what was no link: what `log.explain` tells of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cjmining import schema
from cjmining.ingest.database import coded
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
    with database.registered("file_ranks", rank):
        # texts are laid beside the pairs afterwards: only numbers are grouped and sorted
        return database.arrow(
            "SELECT x.node AS one, y.node AS other, rank AS file, sum(records)::BIGINT AS records "
            "FROM seen JOIN file_ranks USING (file) JOIN members x USING (id_set) "
            "JOIN members y USING (id_set) WHERE x.node < y.node GROUP BY ALL ORDER BY one, other, rank"
        )


def _named(database: Database, pairs: pa.Table, files: Sequence[StagedFile]) -> pa.Table:
    kinds = kinds_in(database, "nodes")
    nodes = database.arrow(
        f"SELECT node, customer, {coded('kind', kinds)} AS kind, token, "
        f"{coded('found.refusal', REASONS)} AS refusal FROM nodes JOIN found USING (node)"
    )
    row = np.empty(nodes.num_rows, np.int32)
    row[nodes.column("node").to_numpy()] = np.arange(nodes.num_rows, dtype=np.int32)
    one, other = (row[pairs.column(name).to_numpy()] for name in ("one", "other"))
    kind, refusal, customer = (nodes.column(name).to_numpy() for name in ("kind", "refusal", "customer"))
    why = np.where(customer[one] != customer[other], len(REASONS), 0)
    of = np.where(refusal[one] != 0, one, other)
    why = np.where(refusal[of] != 0, refusal[of], why)
    reasons = pa.array([f"{name} {reason}" for name in kinds for reason in _WHY], pa.string())
    said = pa.array(kind[of] * len(_WHY) + why, mask=why == 0)
    file = pairs.column("file").to_numpy()
    tokens = nodes.column("token").combine_chunks()
    return pa.table(
        {
            "kind": _texts(kinds, kind[one]),
            "value": tokens.take(pa.array(one)),
            "other_kind": _texts(kinds, kind[other]),
            "other_value": tokens.take(pa.array(other)),
            "source": _texts([file.source for file in files], file),
            "file": _texts([file.name for file in files], file),
            "records": pairs.column("records"),
            "refused": reasons.take(said),
        }
    ).cast(schema.LINKS)


def _texts(words: Sequence[str], places: npt.NDArray[np.integer]) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(places))
