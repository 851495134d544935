"""Medians of many cells, exactly, of values that come in pieces: more of them than fit into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Pieces = Callable[[], Iterable[tuple[Ints, Ints]]]

FEW = 4_000_000
"""So many values are sorted at once; of more, those around the medians are found digit by digit first."""
_DIGIT = 12
_DIGITS = 5
_RANGE = 1 << _DIGIT


def medians(pieces: Pieces, n_cells: int, *, few: int = FEW) -> dict[int, float]:
    """Return the median of each cell that has values.

    Parameters
    ----------
    pieces : callable
        Gives cells and values, int64 of one length, values from 0 to 2**60 - 1; called once a pass.
    n_cells : int
        Cells are numbered below it.
    few : int
        How many values may be in memory at once.

    Returns
    -------
    dict of int to float
        Cell -> median; the mean of the middle two of an even number.

    Examples
    --------
    >>> import numpy as np
    >>> medians(lambda: [(np.array([0, 2, 0]), np.array([3, 7, 4]))], 3)
    {0: 3.5, 2: 7.0}

    References
    ----------
    Selection by digits: Knuth, The Art of Computer Programming 3, 5.2.5 and 5.3.3.
    """
    counts = np.zeros(n_cells, np.int64)
    for cell, _ in pieces():
        counts += np.bincount(cell, minlength=n_cells)
    cells = np.flatnonzero(counts)
    if not len(cells):
        return {}
    middle = np.stack([(counts[cells] - 1) // 2, counts[cells] // 2])
    search = _Search(cells, middle, n_cells)
    for digit in reversed(range(_DIGITS)):
        if counts.sum() <= few:
            break
        counts = search.narrow(pieces, digit)
    low, high = search.among(pieces)
    return {int(cell): (float(a) + float(b)) / 2 for cell, a, b in zip(cells, low, high, strict=True)}


class _Search:
    """Where the two middle values of each cell can still lie: from `prefix` on, `rank` of those above it."""

    def __init__(self, cells: Ints, middle: Ints, n_cells: int) -> None:
        self._place = np.full(n_cells, -1, np.int64)
        self._place[cells] = np.arange(len(cells))
        self._rank = middle.copy()
        self._prefix = np.zeros_like(middle)
        self._shift = _DIGIT * _DIGITS

    def narrow(self, pieces: Pieces, digit: int) -> Ints:
        """Find the next digit of each; return how many values are left by cell."""
        n = len(self._place)
        own = self._rank.shape[1]
        found = np.zeros((2, own, _RANGE), np.int64)
        shift = digit * _DIGIT
        for which, place, value in self._left(pieces):
            at = place * _RANGE + ((value >> shift) & (_RANGE - 1))
            found[which] += np.bincount(at, minlength=own * _RANGE).reshape(own, _RANGE)
        before = np.cumsum(found, axis=2)
        digits = (before <= self._rank[:, :, None]).sum(axis=2)
        at_digit = np.take_along_axis(found, digits[:, :, None], axis=2)[:, :, 0]
        self._rank -= np.take_along_axis(before, digits[:, :, None], axis=2)[:, :, 0] - at_digit
        self._prefix = (self._prefix << _DIGIT) | digits
        self._shift = shift
        left = np.zeros(n, np.int64)
        left[self._place >= 0] = at_digit.sum(axis=0)
        return left

    def among(self, pieces: Pieces) -> Ints:
        """Return the two middle values of each cell, of what is left."""
        parts: list[list[tuple[Ints, Ints]]] = [[], []]
        same = np.array_equal(*self._prefix)
        for which, place, value in self._left(pieces):
            if which == 0 or not same:
                parts[which].append((place, value))
        if same:
            return _at(parts[0], self._rank)
        return np.concatenate([_at(parts[which], self._rank[which : which + 1]) for which in (0, 1)])

    def _left(self, pieces: Pieces) -> Iterator[tuple[int, Ints, Ints]]:
        """Give the values in which each of the two can still lie, with the places of their cells."""
        for cell, value in pieces():
            place = self._place[cell]
            head = value >> self._shift
            for which in (0, 1):
                here = head == self._prefix[which][place]
                yield which, place[here], value[here]


def _at(parts: list[tuple[Ints, Ints]], rank: Ints) -> Ints:
    """Return the values of several ranks in each cell."""
    place, value = (np.concatenate(each) for each in zip(*parts, strict=True))
    n = rank.shape[1]
    small = place.astype(np.min_scalar_type(n))  # sorted by its digits
    ends = np.cumsum(np.bincount(place, minlength=n))
    found = np.zeros_like(rank)
    for cell, own in enumerate(np.split(value[np.argsort(small, kind="stable")], ends[:-1])):
        found[:, cell] = np.partition(own, rank[:, cell])[rank[:, cell]]
    return found
