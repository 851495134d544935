"""Sums by key: against pandas, and the same whatever the blocks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels.sums import from_key, merge, sum_by, sum_by_cluster

rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 1)), max_size=30)


@given(rows)
def test_clusters_are_those_of_pandas(rows: list[tuple[int, int, int]]) -> None:
    table = pd.DataFrame(rows, columns=["key", "cluster", "hit"], dtype=np.int64).sort_values(
        "cluster", kind="stable"
    )
    found = sum_by_cluster(*(table[name].to_numpy() for name in table))
    each = table.groupby(["key", "cluster"])["hit"].agg(n="size", h="sum").reset_index()
    each = each.assign(one=1, hh=each.h**2, hn=each.h * each.n, nn=each.n**2)
    expected = each.groupby("key")[["n", "h", "one", "hh", "hn", "nn"]].sum()
    assert found.key.tolist() == expected.index.tolist()
    assert found.totals.tolist() == expected.to_numpy().tolist()


@given(rows, st.integers(0, 4))
def test_blocks_of_whole_clusters_add_up(rows: list[tuple[int, int, int]], cut: int) -> None:
    key, cluster, hit = np.array(sorted(rows, key=lambda row: row[1]), dtype=np.int64).reshape(-1, 3).T
    blocks = [cluster < cut, cluster >= cut]
    parts = [sum_by_cluster(key[block], cluster[block], hit[block]) for block in blocks]
    whole = sum_by_cluster(key, cluster, hit)
    for found, expected in zip(merge(parts), whole, strict=True):
        assert found.tolist() == expected.tolist()


def test_truths_are_counted_and_numbers_added() -> None:
    found = sum_by(np.array([3, 1, 3]), np.array([True, False, True]), np.array([5, 6, 7], dtype=np.int32))
    assert found.key.tolist() == [1, 3]
    assert found.totals.tolist() == [[0, 6], [2, 12]]
    assert sum_by(np.array([1, 1]), np.array([0.25, 0.5])).totals.tolist() == [[0.75]]


def test_keys_from_a_first_one_on() -> None:
    found = from_key(sum_by(np.array([1, 4, 6]), np.array([1, 2, 3])), 4)
    assert found.key.tolist() == [0, 2]
    assert found.totals.tolist() == [[2], [3]]
