"""Quantiles of durations from histograms that add up across blocks.

Durations are whole microseconds. Up to 255 each has its own bin (zero among them); above, every doubling is
split into 128 bins of equal width, so that two durations in one bin differ by at most 1/128 of the smaller.
A bin remembers the sum of its durations besides their number and stands for their mean. A quantile therefore
lies within `RELATIVE_ERROR` of the exact one, and is exact where the durations of its bin are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

RELATIVE_ERROR: Final = 1 / 128
"""A quantile differs from the exact one by at most this share of it (0.8 %)."""

BINS: Final = 128 * 58
"""Number of bins: enough for every positive int64."""

LOWEST: Final = ((1023 + 8) << 7) - 256
"""A float's exponent and the leading seven bits of its fraction, as one integer, count the bins from here."""


class Histogram(NamedTuple):
    """Durations by cell and bin; only bins in use are kept. `key` = cell x BINS + bin, ascending."""

    key: Ints
    counts: Ints
    total: Floats


def summarise(cell: Ints, offsets: Ints, elapsed: Ints) -> Histogram:
    """Make the histogram of each cell: cell i has elapsed[offsets[i]:offsets[i + 1]], microseconds >= 0."""
    return Histogram(*_fill(cell, offsets, elapsed))


def summarise_by(cell: Ints, elapsed: Ints) -> Histogram:
    """Make the histogram of each cell from durations in any order; `cell` is at least 0."""
    from cjmining.kernels.sums import order_of

    order = order_of(cell)
    cells, sizes = np.unique(cell[order], return_counts=True)
    return summarise(cells, np.concatenate([[0], np.cumsum(sizes)]), elapsed[order])


def merge(parts: list[Histogram]) -> Histogram:
    """Add up histograms of blocks, in their order."""
    if len(parts) == 1:
        return parts[0]
    offsets = np.cumsum([0, *(len(part.key) for part in parts)])
    key, counts, total = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Histogram(*_merge(key, counts, total, offsets))


def quantiles(histogram: Histogram, cell: Ints, shares: tuple[float, ...]) -> Floats:
    """Return the quantiles of each of the given cells, shape (cells, shares), in microseconds.

    Between two neighbouring durations the quantile is interpolated as `numpy.quantile` does by default.
    """
    first = np.searchsorted(histogram.key, cell * BINS)
    last = np.searchsorted(histogram.key, (cell + 1) * BINS)
    running = np.concatenate([[0], np.cumsum(histogram.counts)])
    before, number = running[first], running[last] - running[first]
    middle = histogram.total / histogram.counts
    found = np.empty((len(cell), len(shares)))
    for column, share in enumerate(shares):
        rank = share * (number - 1)
        below = np.floor(rank).astype(np.int64)
        above = np.ceil(rank).astype(np.int64)
        low = middle[np.searchsorted(running, before + below, side="right") - 1]
        high = middle[np.searchsorted(running, before + above, side="right") - 1]
        found[:, column] = low + (high - low) * (rank - below)
    return found


@kernel
def bin_of(duration: int) -> int:
    """The bin of a duration in microseconds, at least 0."""
    if duration < 256:
        return duration
    return int(np.float64(duration).view(np.int64) >> 45) - LOWEST


@kernel
def _fill(cell: Ints, offsets: Ints, elapsed: Ints) -> tuple[Ints, Ints, Floats]:
    key = np.empty(len(elapsed), np.int64)
    count = np.empty(len(elapsed), np.int64)
    total = np.empty(len(elapsed), np.float64)
    bin_count = np.zeros(BINS, np.int64)
    bin_total = np.zeros(BINS, np.float64)
    used = 0
    for here in range(len(cell)):
        lowest, highest = BINS, -1
        for position in range(offsets[here], offsets[here + 1]):
            duration = elapsed[position]
            place = bin_of(duration)
            bin_count[place] += 1
            bin_total[place] += duration
            lowest = min(lowest, place)
            highest = max(highest, place)
        used = _empty_bins(bin_count, bin_total, cell[here], lowest, highest, key, count, total, used)
    return key[:used].copy(), count[:used].copy(), total[:used].copy()


@kernel
def _merge(key: Ints, count: Ints, total: Floats, offsets: Ints) -> tuple[Ints, Ints, Floats]:
    """Add up cell by cell: part p has the keys from offsets[p] up to offsets[p + 1]."""
    new_key, new_count, new_total = np.empty_like(key), np.empty_like(count), np.empty_like(total)
    bin_count = np.zeros(BINS, np.int64)
    bin_total = np.zeros(BINS, np.float64)
    following = offsets[:-1].copy()
    used = 0
    while True:
        cell = -1
        for part in range(len(following)):
            if following[part] < offsets[part + 1]:
                first = key[following[part]] // BINS
                cell = first if cell < 0 else min(cell, first)
        if cell < 0:
            break
        lowest, highest = BINS, -1
        for part in range(len(following)):
            position = following[part]
            while position < offsets[part + 1] and key[position] < (cell + 1) * BINS:
                place = key[position] - cell * BINS
                bin_count[place] += count[position]
                bin_total[place] += total[position]
                lowest = min(lowest, place)
                highest = max(highest, place)
                position += 1
            following[part] = position
        used = _empty_bins(bin_count, bin_total, cell, lowest, highest, new_key, new_count, new_total, used)
    return new_key[:used].copy(), new_count[:used].copy(), new_total[:used].copy()


@kernel
def _empty_bins(
    bin_count: Ints,
    bin_total: Floats,
    cell: int,
    lowest: int,
    highest: int,
    key: Ints,
    count: Ints,
    total: Floats,
    used: int,
) -> int:
    """Write the bins in use, from lowest to highest, as entries of the cell; leave them at zero."""
    for place in range(lowest, highest + 1):
        if bin_count[place] > 0:
            key[used] = cell * BINS + place
            count[used] = bin_count[place]
            total[used] = bin_total[place]
            used += 1
            bin_count[place] = 0
            bin_total[place] = 0.0
    return used
