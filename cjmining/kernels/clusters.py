"""Sums over clusters, of which limits of shares are made: one pass over units whose clusters lie together."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class Sums(NamedTuple):
    """What is known of each group's units and hits; arrays of one entry a group.

    Attributes
    ----------
    hits, units : int64[G]
        How many.
    hit_clusters, unit_clusters : int64[G]
        Clusters with at least one.
    squares, products, sizes : int64[G]
        Sums over clusters, of a cluster's hits d and units n: d x d, d x n, n x n.
    """

    hits: Ints
    units: Ints
    hit_clusters: Ints
    unit_clusters: Ints
    squares: Ints
    products: Ints
    sizes: Ints


def sums(
    group: NDArray[np.int32], cluster: Ints, unit: NDArray[np.bool_], hit: NDArray[np.bool_], n_groups: int
) -> Sums:
    """Add up hits and units over the clusters of each group.

    Parameters
    ----------
    group : int32[A]
        The group of each candidate; those of one cluster may be in several.
    cluster : int64[A]
        Its cluster; the candidates of one lie together.
    unit, hit : bool[A]
        Whether it counts at all, and whether it is a hit; a hit that doesn't count is none.
    n_groups : int
    """
    return Sums(*_sums(group, cluster, unit, hit, n_groups))


@kernel
def _sums(
    group: NDArray[np.int32], cluster: Ints, unit: NDArray[np.bool_], hit: NDArray[np.bool_], n_groups: int
) -> Ints:
    total = np.zeros((7, n_groups), np.int64)
    last = np.full(n_groups, -1, np.int64)
    d = np.zeros(n_groups, np.int64)
    n = np.zeros(n_groups, np.int64)
    for row in range(len(group)):
        if not unit[row]:
            continue
        at = group[row]
        if last[at] < 0 or cluster[last[at]] != cluster[row]:
            _close(total, at, d[at], n[at])
            d[at], n[at], last[at] = 0, 0, row
        n[at] += 1
        d[at] += hit[row]
    for at in range(n_groups):
        _close(total, at, d[at], n[at])
    return total


@kernel
def _close(total: Ints, at: int, d: int, n: int) -> None:
    total[0, at] += d
    total[1, at] += n
    total[2, at] += d > 0
    total[3, at] += n > 0
    total[4, at] += d * d
    total[5, at] += d * n
    total[6, at] += n * n
