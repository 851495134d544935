"""Sums over clusters, held against brute force."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from cjmining.kernels.compare import Units, merge, sums


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(0, 3), st.booleans()), max_size=25),
    st.integers(0, 4),
)
def test_sums_over_clusters_equal_brute_force_and_add_up_over_blocks(rows, cut):
    """Units of two scopes; cell 0 is of scope 0, cells 1 and 2 of scope 1; each unit may hit one."""
    scope = np.array([0, 1, 1])

    def summed(chosen):
        units = Units(*(np.array([row[i] for row in chosen], np.int64) for i in range(3)))
        cells = [(c, 0 if of == 0 else 1 + slot % 2, slot) for c, of, slot, hit in chosen if hit]
        hits = Units(*(np.array([cell[i] for cell in cells], np.int64) for i in range(3)))
        return sums(units, hits, scope, n_scopes=2, n_slots=4), cells

    found, cells = summed(rows)
    parts = merge([summed([r for r in rows if r[0] < cut])[0], summed([r for r in rows if r[0] >= cut])[0]])
    for whole, added in zip(found, parts, strict=True):
        np.testing.assert_array_equal(whole, added)
    for cell, of in enumerate(scope):
        own = [[sum(e == (c, cell, s) for e in cells) for s in range(4)] for c in range(5)]
        all_ = [[sum(r[:3] == (c, of, s) for r in rows) for s in range(4)] for c in range(5)]
        np.testing.assert_array_equal(found.hits[cell], np.sum(own, axis=0))
        np.testing.assert_array_equal(found.n[of], np.sum(all_, axis=0))
        np.testing.assert_array_equal(found.clusters[of], np.sum(np.array(all_) > 0, axis=0))
        np.testing.assert_array_equal(found.holders[cell], np.sum(np.sum(own, axis=1) > 0))
        np.testing.assert_array_equal(found.hits_hits[cell], np.transpose(own) @ np.array(own))
        np.testing.assert_array_equal(found.hits_units[cell], np.transpose(own) @ np.array(all_))
        np.testing.assert_array_equal(found.units_units[of], np.transpose(all_) @ np.array(all_))
