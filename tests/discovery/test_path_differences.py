"""Differences of many shares at once are those that `stats.newcombe` gives one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cjmining.discovery.paths.differences import Side, differences
from cjmining.stats import design_effect, newcombe

CUSTOMERS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=8
)  # hits, and units beside them


def sums_of(customers):
    """Return hits, units and the sums of squares and products over customers."""
    pairs = [(hits, hits + others) for hits, others in customers]
    return (
        sum(d for d, _ in pairs),
        sum(n for _, n in pairs),
        sum(d * d for d, _ in pairs),
        sum(d * n for d, n in pairs),
        sum(n * n for _, n in pairs),
    )


def effect_of(hits, n, *clusters):
    if 0 < hits < n:
        return design_effect(n, clusters, hits / n)
    return max(1.0, clusters[2] / n) if n else 1.0


@given(st.lists(st.tuples(CUSTOMERS, CUSTOMERS), max_size=6))
def test_they_are_those_of_one_at_a_time(rows):
    each = [(sums_of(one), sums_of(other)) for one, other in rows]
    sides = [Side(*np.array([row[side] for row in each], np.int64).reshape(-1, 5).T) for side in (0, 1)]
    expected = [
        newcombe(*one[:2], *other[:2], effect=effect_of(*one), other_effect=effect_of(*other))
        for one, other in each
    ]
    np.testing.assert_allclose(differences(*sides), np.array(expected).reshape(-1, 3), atol=1e-12)
