"""Edit distances in plain Python: what kernels and verbs are held against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

ONE: Mapping = defaultdict(lambda: 1)


def distance(mine: Sequence, theirs: Sequence, cost: Mapping = ONE) -> int:
    """The least cost of turning one into the other, by its definition."""

    @cache
    def least(i: int, j: int) -> int:
        if i == 0:
            return sum(cost[code] for code in theirs[:j])
        if j == 0:
            return sum(cost[code] for code in mine[:i])
        one, other = mine[i - 1], theirs[j - 1]
        return min(
            least(i - 1, j - 1) + (0 if one == other else max(cost[one], cost[other])),
            least(i - 1, j) + cost[one],
            least(i, j - 1) + cost[other],
        )

    return least(len(mine), len(theirs))


def from_beginning(mine: Sequence, theirs: Sequence, cost: Mapping = ONE) -> int:
    """The least cost of turning one into some beginning of the other."""
    return min(distance(mine, theirs[:n], cost) for n in range(len(theirs) + 1))


def arrays(sequences: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Bounds and codes of sequences, as kernels take them."""
    bounds = np.concatenate([[0], np.cumsum([len(one) for one in sequences])]).astype(np.int64)
    return bounds, np.array([code for one in sequences for code in one], np.int32)
