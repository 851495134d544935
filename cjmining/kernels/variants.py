"""Journeys with the same sequence of touchpoints, counted exactly.

Sequences are found by a hash and compared touchpoint by touchpoint, so that a clash of hashes never merges
two variants. The result grows with the data: it holds every different sequence once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

_MULTIPLIER: Final = 0x9E3779B97F4A7C15


class Variants(NamedTuple):
    """Different sequences by their first journey: sequence i is codes[bounds[i]:bounds[i + 1]]."""

    bounds: Ints
    codes: Codes
    group: Codes
    journeys: Ints


def count(bounds: Ints, touchpoint: Codes, group: Codes) -> Variants:
    """Count the journeys of each group and sequence of touchpoints.

    Parameters
    ----------
    bounds : array of int64, shape (journeys + 1,)
        Journey j has the events from bounds[j] up to bounds[j + 1].
    touchpoint : array of int32, shape (events,)
        Codes of touchpoints.
    group : array of int32, shape (journeys,)
        The group of each journey.
    """
    ones = np.ones(len(group), np.int64)
    return count_weighted(Variants(bounds, touchpoint, group, ones))


def merge(parts: list[Variants]) -> Variants:
    """Add up summaries of blocks, in their order."""
    if len(parts) == 1:
        return parts[0]
    lengths = np.concatenate([np.diff(part.bounds) for part in parts])
    bounds = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=bounds[1:])
    return count_weighted(
        Variants(
            bounds,
            np.concatenate([part.codes for part in parts]),
            np.concatenate([part.group for part in parts]),
            np.concatenate([part.journeys for part in parts]),
        )
    )


def count_weighted(sequences: Variants, *, multiplier: int = _MULTIPLIER) -> Variants:
    """Put equal sequences of a group together; `multiplier` mixes the hash (a test sets one that clashes)."""
    bounds, codes, group, journeys = sequences
    first, number = _group(bounds, codes, group, journeys, np.uint64(multiplier))
    lengths = bounds[first + 1] - bounds[first]
    kept = np.zeros(len(first) + 1, np.int64)
    np.cumsum(lengths, out=kept[1:])
    return Variants(kept, _take(bounds, codes, first, kept), group[first], number)


@kernel
def _group(
    bounds: Ints, codes: Codes, group: Codes, journeys: Ints, multiplier: np.uint64
) -> tuple[Ints, Ints]:
    n = len(bounds) - 1
    room = 16
    while room < 2 * n:
        room *= 2
    mask = np.uint64(room - 1)
    table = np.full(room, -1, np.int64)
    first = np.empty(n, np.int64)
    hashes = np.empty(n, np.uint64)
    number = np.zeros(n, np.int64)
    found = 0
    for journey in range(n):
        mixed = _hash(codes, bounds[journey], bounds[journey + 1], group[journey], multiplier)
        place = mixed & mask
        while True:
            variant = table[place]
            if variant < 0:
                table[place] = found
                first[found] = journey
                hashes[found] = mixed
                number[found] = journeys[journey]
                found += 1
                break
            if hashes[variant] == mixed and _same(bounds, codes, group, journey, first[variant]):
                number[variant] += journeys[journey]
                break
            place = (place + np.uint64(1)) & mask
    return first[:found].copy(), number[:found].copy()


@kernel
def _hash(codes: Codes, start: int, end: int, group: int, multiplier: np.uint64) -> np.uint64:
    mixed = np.uint64(group + 1) * multiplier
    for event in range(start, end):
        mixed = (mixed ^ np.uint64(codes[event] + 1)) * multiplier
        mixed ^= mixed >> np.uint64(29)
    return mixed


@kernel
def _same(bounds: Ints, codes: Codes, group: Codes, one: int, other: int) -> bool:
    length = bounds[one + 1] - bounds[one]
    if group[one] != group[other] or length != bounds[other + 1] - bounds[other]:
        return False
    for step in range(length):  # noqa: SIM110 -- a loop is what compiles
        if codes[bounds[one] + step] != codes[bounds[other] + step]:
            return False
    return True


@kernel
def _take(bounds: Ints, codes: Codes, first: Ints, kept: Ints) -> Codes:
    taken = np.empty(kept[-1], np.int32)
    for variant in range(len(first)):
        start = bounds[first[variant]]
        for step in range(kept[variant + 1] - kept[variant]):
            taken[kept[variant] + step] = codes[start + step]
    return taken
