"""Sums over clusters, against counting each cluster by itself."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cjmining.kernels.clusters import sums

ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 2), st.booleans(), st.booleans()), min_size=0, max_size=30
)


@given(ROWS)
def test_hits_and_units_add_up_over_the_clusters_of_each_group(rows):
    rows = sorted(rows, key=lambda row: row[0])  # the candidates of one cluster lie together
    columns = zip(*rows, strict=True) if rows else ([], [], [], [])
    cluster, group, unit, hit = (np.array(column) for column in columns)
    found = sums(
        group.astype(np.int32), cluster.astype(np.int64), unit.astype(np.bool_), hit.astype(np.bool_), 3
    )
    n = Counter((g, c) for c, g, u, _ in rows if u)
    d = Counter((g, c) for c, g, u, h in rows if u and h)
    for at in range(3):
        mine = [key for key in n if key[0] == at]
        assert found.hits[at] == sum(d[key] for key in mine)
        assert found.units[at] == sum(n[key] for key in mine)
        assert found.hit_clusters[at] == sum(d[key] > 0 for key in mine)
        assert found.unit_clusters[at] == len(mine)
        assert found.squares[at] == sum(d[key] ** 2 for key in mine)
        assert found.products[at] == sum(d[key] * n[key] for key in mine)
        assert found.sizes[at] == sum(n[key] ** 2 for key in mine)
