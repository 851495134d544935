"""Connected components of a graph that is larger than any machine, in DataFrames."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def components(edges: DataFrame, kept: Callable[[DataFrame, str], DataFrame]) -> DataFrame:
    """Find the connected component of each node by large stars and small stars in turn.

    A large star links a node's greater neighbours to the least of all, a small star its lesser ones and
    itself; neither changes what is connected, and in the end each node is linked to the least of its
    component alone. That takes few rounds, and in none has all that a node is linked to to be in memory.

    Parameters
    ----------
    edges : pyspark.sql.DataFrame
        one, other (long): nodes that are linked, in any direction.
    kept : callable
        Writes a frame under a name and reads it again, so that a round isn't worked out anew by the next.

    Returns
    -------
    pyspark.sql.DataFrame
        node, component (long): the component is its least node. Least nodes have no row.

    References
    ----------
    R. Kiveris, S. Lattanzi, V. Mirrokni, V. Rastogi, S. Vassilvitskii: Connected Components in MapReduce and
    Beyond. Proceedings of the ACM Symposium on Cloud Computing (2014).
    """
    edges = kept(edges.where("one <> other").distinct(), "edges-0")
    before, turn = _sum_of(edges), 0
    while True:
        turn += 1
        edges = kept(_small_star(_large_star(edges)), f"edges-{turn % 2 + 1}")
        after = _sum_of(edges)
        if after == before:
            return edges.selectExpr("one AS node", "other AS component")
        before = after


def _large_star(edges: DataFrame) -> DataFrame:
    """Link the greater neighbours of each node to the least of its neighbours and itself."""
    both = edges.unionByName(edges.selectExpr("other AS one", "one AS other"))
    least = both.groupBy("one").agg({"other": "min"}).selectExpr("one", "least(one, `min(other)`) AS least")
    greater = both.where("other > one")
    return greater.join(least, "one").selectExpr("other AS one", "least AS other").distinct()


def _small_star(edges: DataFrame) -> DataFrame:
    """Link each node and its lesser neighbours to the least of them; edges lead to the lesser node."""
    least = edges.groupBy("one").agg({"other": "min"}).selectExpr("one", "`min(other)` AS least")
    lesser = edges.join(least, "one").selectExpr("other AS one", "least AS other").where("one <> other")
    return lesser.unionByName(least.selectExpr("one", "least AS other")).distinct()


def _sum_of(edges: DataFrame) -> tuple[int, int | None]:
    """Return what differs for sets of edges that differ: how many there are, and the sum of their hashes."""
    row = edges.selectExpr(
        "count(*) AS n", "sum(CAST(xxhash64(one, other) AS DECIMAL(38, 0))) AS hashes"
    ).first()
    return (row["n"], row["hashes"]) if row is not None else (0, None)
