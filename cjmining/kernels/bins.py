"""Histograms of durations while they are being filled: little memory to touch for each duration.

A *row* is the histogram of one cell. The bins of one doubling lie together in a chunk of 128, and only
chunks in use have a place. A bin is one integer: how many durations it has, times 2**54, plus by how much
they exceed the bin's lower edge, in units that make a float's own last 45 bits that number. At 512 durations
the integer turns negative; then all but one are set aside. One integer where a count and a sum would be two
halves the memory that is written at random, which is what filling takes its time for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel
from cjmining.kernels.histogram import BINS, Histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]

CHUNK_BITS: Final = 7
CHUNK: Final = 1 << CHUNK_BITS
"""Bins of a chunk; in loops a shift stands for a division, which numba makes slower."""

CHUNKS: Final = 64
"""Places for the chunks of a row; BINS / CHUNK of them are used."""

COUNT_BIT: Final = 54
ONE: Final = 1 << COUNT_BIT
"""What one duration adds to a bin, besides its offset."""

OFFSET: Final = (1 << 45) - 1
"""The bits of a float that say how far it lies above its bin's lower edge."""

_ASIDE: Final = 511
FIRST_CHUNKS: Final = 1 << 11
"""Chunks that there is room for at first."""


class Filling(NamedTuple):
    """Chunks of each row (0 is none), their bins, and what was set aside: of which bin, and its offsets."""

    chunk: Codes
    bins: Ints
    aside: Ints
    aside_offset: Ints


def start(rows: int, durations: int) -> Filling:
    """Make room for so many rows, and for what may be set aside of so many durations."""
    set_aside = durations // _ASIDE + 1
    return Filling(
        chunk=np.zeros(rows * CHUNKS, np.int32),
        bins=np.zeros(FIRST_CHUNKS * CHUNK, np.int64),
        aside=np.empty(set_aside, np.int64),
        aside_offset=np.empty(set_aside, np.int64),
    )


def widen(filling: Filling, rows: int, *, bins: int) -> Filling:
    """Make room for so many rows and bins; what is in there stays."""
    return filling._replace(chunk=longer(filling.chunk, rows * CHUNKS, 0), bins=longer(filling.bins, bins, 0))


def finish(
    filling: Filling, row: Ints, cell: Ints, *, chunks: int, aside: int
) -> tuple[Histogram, Ints, Floats]:
    """Read out the histograms of rows, which are those of `cell` (ascending).

    Returns how many durations each row has, and their sum, too. `chunks` and `aside` say how much of the
    filling is in use.
    """
    key, counts, total, of_row, total_of_row = _read_out(*filling, row, cell, chunks, aside)
    return Histogram(key, counts, total), of_row, total_of_row


def longer(array: NDArray[Any], size: int, rest: int) -> NDArray[Any]:
    """Return an array of that size that begins with the given one; the `rest` says what follows."""
    if size <= len(array):
        return array
    grown = np.zeros(size, array.dtype) if rest == 0 else np.full(size, rest, array.dtype)
    grown[: len(array)] = array
    return grown


@kernel
def _read_out(
    chunk: Codes,
    bins: Ints,
    aside: Ints,
    aside_offset: Ints,
    row: Ints,
    cell: Ints,
    chunks: int,
    n_aside: int,
) -> tuple[Ints, Ints, Floats, Ints, Floats]:
    in_use = chunks * CHUNK
    room = 0
    for bin_ in range(in_use):
        room += bins[bin_] != 0
    key, counts, total = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.float64)
    of_row, total_of_row = np.zeros(len(row), np.int64), np.zeros(len(row), np.float64)
    more, more_offset = _gather(aside, aside_offset, n_aside, in_use)
    hit = np.empty(CHUNK + 1, np.int64)
    used = 0
    for number in range(len(row)):
        count_of_row, sum_of_row = 0, 0.0
        for part in range(BINS // CHUNK):
            first = (np.int64(chunk[row[number] * CHUNKS + part]) - 1) * CHUNK
            if first < 0:
                continue
            hits = 0
            for place in range(CHUNK):  # without a branch that nobody could foresee
                hit[hits] = place
                hits += bins[first + place] != 0
            edge, step, unit = _edges(part)
            for at in range(hits):
                place = hit[at]
                held = bins[first + place]
                count, offset = held >> COUNT_BIT, np.float64(held & (ONE - 1))
                if n_aside > 0:
                    count += more[first + place]
                    offset += more_offset[first + place]
                key[used] = cell[number] * BINS + part * CHUNK + place
                counts[used] = count
                total[used] = count * (edge + place * step) + offset * unit
                count_of_row += count
                sum_of_row += total[used]
                used += 1
        of_row[number] = count_of_row
        total_of_row[number] = sum_of_row
    return key, counts, total, of_row, total_of_row


@kernel
def _gather(aside: Ints, aside_offset: Ints, n_aside: int, in_use: int) -> tuple[Ints, Floats]:
    """What was set aside of each bin: how many durations, and their offsets."""
    size = in_use if n_aside > 0 else 0
    more, more_offset = np.zeros(size, np.int64), np.zeros(size, np.float64)
    for entry in range(n_aside):
        more[aside[entry]] += _ASIDE
        more_offset[aside[entry]] += aside_offset[entry]
    return more, more_offset


@kernel
def _edges(part: int) -> tuple[float, float, float]:
    """Where a chunk begins, how far its bins lie apart, and the unit of their offsets, microseconds."""
    if part < 2:  # up to 255 a bin is one microsecond
        return float(part * CHUNK), 1.0, 0.0
    edge = 2.0 ** (part + 6)
    return edge, edge / CHUNK, edge / 2.0**52
