"""The steps of journeys as predictions: what comes next after the last step, or the last two.

With n names, n stands for the start where it is come from, and for the end where it is gone to. The *key* of
a prediction at order two is ((group x (n + 1) + the step before) x (n + 1) + the last step) x (n + 1) + what
comes next; at lower orders the steps further back are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cjmining.kernels import sums
from cjmining.kernels._jit import kernel
from cjmining.kernels.cells import numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

ORDERS = (0, 1, 2)


@kernel
def predictions(
    bounds: Ints, code: Codes, group: Codes, unfinished: NDArray[np.bool_], n_names: int
) -> tuple[Ints, Ints]:
    """Return the key at order two of each prediction, and whose journey's it is.

    Parameters
    ----------
    bounds : int64[journeys + 1]
        Journey j has the steps bounds[j] to bounds[j + 1] - 1.
    code : int32[steps]
        From 0 to n_names - 1.
    group : int32[journeys]
        At least 0.
    unfinished : bool[journeys]
        Whether the journey goes on after its last step: that step is not followed by the end.
    """
    base = np.int64(n_names + 1)
    key = np.empty(len(code) + len(group), np.int64)
    owner = np.empty(len(key), np.int64)
    made = 0
    for journey in range(len(group)):
        before, last = np.int64(n_names), np.int64(n_names)
        for step in range(bounds[journey], bounds[journey + 1] + 1):
            ends = step == bounds[journey + 1]
            if ends and unfinished[journey]:
                break
            to = np.int64(n_names) if ends else np.int64(code[step])
            key[made] = ((group[journey] * base + before) * base + last) * base + to
            owner[made] = journey
            made += 1
            before, last = last, to
    return key[:made].copy(), owner[:made].copy()


def at_order(key: Ints, order: int, n_names: int) -> Ints:
    """Return the keys at a lower order."""
    base = n_names + 1
    lower: Ints = key // base**3 * base ** (order + 1) + key % base ** (order + 1)
    return lower


def count(key: Ints, owner: Ints, fold: Ints, n_folds: int, first: Ints) -> sums.Sums:
    """Count predictions by key: a column a fold (`fold` is that of each), then journeys, then customers.

    `first` is the first journey of each journey's customer, whose journeys lie together.
    """
    cell, place = numbered(key)
    folds = np.bincount(place.astype(np.int64) * n_folds + fold, minlength=len(cell) * n_folds)
    of_whom = _journeys(place, owner, len(cell), first)
    return sums.Sums(cell, np.column_stack([folds.reshape(len(cell), n_folds), *of_whom]).astype(np.int64))


@kernel
def _journeys(place: Codes, owner: Ints, n_cells: int, first: Ints) -> tuple[Ints, Ints]:
    last = np.full(n_cells, -1, np.int64)
    journeys, customers = np.zeros(n_cells, np.int64), np.zeros(n_cells, np.int64)
    for i in range(len(place)):
        before = last[place[i]]
        if before != owner[i]:
            last[place[i]] = owner[i]
            journeys[place[i]] += 1
            customers[place[i]] += before < first[owner[i]]
    return journeys, customers
