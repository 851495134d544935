"""Sums by key that add up across blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cjmining.kernels.histogram import Histogram

    Ints = NDArray[np.int64]

Keyed = TypeVar("Keyed", "Sums", "Histogram")


class Sums(NamedTuple):
    """Sums by key: `key` int64[K], ascending; `totals` [K, C], one column for each thing summed."""

    key: Ints
    totals: NDArray[Any]


def sum_by(key: Ints, *columns: NDArray[Any]) -> Sums:
    """Add up columns of equal keys.

    Parameters
    ----------
    key : int64[N]
        At least 0.
    columns : [N] each
        What is summed, all of one type; whole numbers are summed as int64.
    """
    return sum_rows(key, np.stack([_wide(column) for column in columns], axis=1))


def sum_rows(key: Ints, rows: NDArray[Any]) -> Sums:
    """Add up rows [N, ...] of equal keys (int64[N], at least 0)."""
    order = order_of(key)
    ascending = key[order]
    starts = np.flatnonzero(np.diff(ascending, prepend=-1))
    return Sums(ascending[starts], np.add.reduceat(rows[order], starts, axis=0) if len(starts) else rows[:0])


def sum_by_cluster(key: Ints, cluster: Ints, hits: NDArray[Any]) -> Sums:
    """Count units and hits by key, and add up how they lie in clusters.

    Parameters
    ----------
    key : int64[N]
        At least 0.
    cluster : int64[N]
        Whose each unit is; those of one cluster lie together in each key.
    hits : [N]
        What each unit adds: True or False, or a number.

    Returns
    -------
    Sums
        Columns: units, hits h, clusters, and sums over clusters of h x h, h x n and n x n, n being the units
        of a cluster.
    """
    order = order_of(key)
    key, cluster, hits = key[order], cluster[order], _wide(hits[order])
    new = np.concatenate([[True], (np.diff(key) != 0) | (np.diff(cluster) != 0)])[: len(key)]
    starts = np.flatnonzero(new)
    n = np.diff(np.append(starts, len(key)))
    h = np.add.reduceat(hits, starts) if len(starts) else hits
    return sum_by(key[starts], *(each.astype(hits.dtype) for each in (n, h, n > 0, h * h, h * n, n * n)))


def merge(parts: Sequence[Sums]) -> Sums:
    """Add up the sums of blocks, in their order."""
    if len(parts) == 1:
        return parts[0]
    key = np.concatenate([part.key for part in parts])
    return sum_rows(key, np.concatenate([part.totals for part in parts]))


def from_key(sums: Keyed, first: int) -> Keyed:
    """Return what is counted under keys from `first` on, as keys from 0 on."""
    here = sums.key >= first
    columns: tuple[Any, ...] = tuple(column[here] for column in sums[1:])
    return type(sums)(sums.key[here] - first, *columns)


def order_of(key: Ints) -> Ints:
    """Return the order that sorts keys, equal ones as they lie."""
    if len(key) and key.min() >= 0 and key.max() < 1 << 16:
        key = key.astype(np.uint16)  # sorted by digits, several times as fast
    return np.argsort(key, kind="stable")


def _wide(column: NDArray[Any]) -> NDArray[Any]:
    return column if column.dtype.kind == "f" else column.astype(np.int64)
