"""Journeys with the same sequence of touchpoints, counted exactly.

Sequences are put together by a hash; then each is compared with the first of its kind, touchpoint by
touchpoint. Where a hash was the same by chance, which 64 bits make all but impossible, everything is put
together once more by comparing. The result grows with the data: it holds every different sequence once.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Hashes = NDArray[np.uint64]

_MULTIPLIER: Final = 0x9E3779B97F4A7C15
_AHEAD: Final = 32
"""So many places of the table are fetched together: waiting for each by itself would take longest."""


class Variants(NamedTuple):
    """Different sequences by their first journey: sequence i is codes[bounds[i]:bounds[i + 1]].

    `hashes` are those of group and sequence; they are worked out where they aren't given.
    """

    bounds: Ints
    codes: Codes
    group: Codes
    journeys: Ints
    hashes: Hashes | None = None


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


def merge(parts: list[Variants], *, threads: int | None = None) -> Variants:
    """Add up summaries of blocks, in their order; `threads` copy and compare them, by default one a core."""
    if len(parts) == 1:
        return parts[0]
    return _put_together(parts, _MULTIPLIER, threads or os.cpu_count() or 1)


def count_weighted(sequences: Variants, *, multiplier: int = _MULTIPLIER) -> Variants:
    """Put equal sequences of a group together; `multiplier` mixes the hash (a test sets one that clashes)."""
    return _put_together([sequences._replace(hashes=None)], multiplier, 1)


def _put_together(parts: list[Variants], multiplier: int, threads: int) -> Variants:
    hashes = _joined([_hashes_of(part, multiplier) for part in parts])
    variant, first, _ = _group(hashes, np.zeros((_room(len(hashes)), 2), np.uint64))
    found = _take(parts, hashes, variant, first, threads)
    return _compare_all(parts, hashes) if found is None else found


def _hashes_of(part: Variants, multiplier: int) -> Hashes:
    if part.hashes is not None:
        return part.hashes
    return _hash_all(part.bounds, part.codes, part.group, np.uint64(multiplier))


def _take(parts: list[Variants], hashes: Hashes, variant: Ints, first: Ints, threads: int) -> Variants | None:
    """Copy the first sequence of each variant; None where a sequence isn't equal to that of its variant."""
    bounds = np.zeros(len(first) + 1, np.int64)
    np.cumsum(_joined([np.diff(part.bounds) for part in parts])[first], out=bounds[1:])
    found = Variants(
        bounds=bounds,
        codes=np.empty(bounds[-1], np.int32),
        group=_joined([part.group for part in parts])[first],
        journeys=_add_up(_joined([part.journeys for part in parts]), variant, len(first)),
        hashes=hashes[first],
    )
    ends = np.cumsum([len(part.group) for part in parts])
    begins = ends - [len(part.group) for part in parts]
    numbers = np.searchsorted(first, begins), np.searchsorted(first, ends)

    def copy(place: int) -> None:
        its = slice(numbers[0][place], numbers[1][place])
        _copy(*parts[place][:2], first[its] - begins[place], bounds[its], found.codes)

    def agrees(place: int) -> bool:
        part = parts[place]
        its = variant[begins[place] : ends[place]]
        new = numbers[0][place]
        agrees, _ = _agree(part.bounds, part.codes, part.group, its, new, bounds, found.codes, found.group)
        return bool(agrees)

    with ThreadPoolExecutor(max_workers=threads) as pool:
        run = pool.map if threads > 1 else map
        list(run(copy, range(len(parts))))
        return found if all(run(agrees, range(len(parts)))) else None


def _compare_all(parts: list[Variants], hashes: Hashes) -> Variants:
    """Put sequences together that are equal, whatever their hashes."""
    bounds = np.zeros(len(hashes) + 1, np.int64)
    np.cumsum(_joined([np.diff(part.bounds) for part in parts]), out=bounds[1:])
    whole = Variants(
        bounds,
        _joined([part.codes[part.bounds[0] : part.bounds[-1]] for part in parts]),
        _joined([part.group for part in parts]),
        _joined([part.journeys for part in parts]),
    )
    variant, first = _group_by_comparing(bounds, whole.codes, whole.group, hashes)
    found = _take([whole], hashes, variant, first, 1)
    if found is None:
        raise AssertionError("sequences that were compared are equal")
    return found


def _joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _room(n: int) -> int:
    """How long a table for n is: a power of two, at most two thirds of it in use."""
    return 1 << max(3 * n // 2, 1).bit_length()


@kernel
def _hash_all(bounds: Ints, codes: Codes, group: Codes, multiplier: np.uint64) -> Hashes:
    """The hash of each sequence: a polynomial of every second code, twice, that doesn't wait for itself."""
    hashes = np.empty(len(group), np.uint64)
    square = multiplier * multiplier
    for journey in range(len(group)):
        at, end = np.uint64(bounds[journey]), np.uint64(bounds[journey + 1])
        even, odd = np.uint64(group[journey] + 1), np.uint64(end - at)
        while at + np.uint64(1) < end:
            even = even * square + np.uint64(codes[at] + 1)
            odd = odd * square + np.uint64(codes[at + np.uint64(1)] + 1)
            at += np.uint64(2)
        if at < end:
            even = even * square + np.uint64(codes[at] + 1)
        mixed = (even * multiplier) ^ odd
        mixed = (mixed ^ (mixed >> np.uint64(32))) * multiplier
        hashes[journey] = mixed ^ (mixed >> np.uint64(29))
    return hashes


@kernel
def _group(hashes: Hashes, table: NDArray[np.uint64]) -> tuple[Ints, Ints, np.uint64]:
    """Number equal hashes by their first place; return the number of each, and those places.

    The empty table takes the number + 1 and the hash. What was fetched ahead is returned too: else the
    compiler would leave it out.
    """
    n = len(hashes)
    mask = np.uint64(len(table) - 1)
    variant, first = np.empty(n, np.int64), np.empty(n, np.int64)
    found, fetched = 0, np.uint64(0)
    for begin in range(0, n, _AHEAD):
        end = min(begin + _AHEAD, n)
        for journey in range(begin, end):
            fetched |= table[hashes[journey] & mask, 0]
        for journey in range(begin, end):
            place = hashes[journey] & mask
            while table[place, 0] != 0 and table[place, 1] != hashes[journey]:
                place = (place + np.uint64(1)) & mask
            if table[place, 0] == 0:
                first[found] = journey
                found += 1
                table[place, 0] = found
                table[place, 1] = hashes[journey]
            variant[journey] = np.int64(table[place, 0]) - 1
    return variant, first[:found].copy(), fetched


@kernel
def _group_by_comparing(bounds: Ints, codes: Codes, group: Codes, hashes: Hashes) -> tuple[Ints, Ints]:
    """Do as `_group` does, but for equal sequences."""
    n = len(hashes)
    room = 16
    while room < 2 * n:
        room *= 2
    mask = np.uint64(room - 1)
    table = np.full(room, -1, np.int64)
    variant, first = np.empty(n, np.int64), np.empty(n, np.int64)
    found = 0
    for journey in range(n):
        place = hashes[journey] & mask
        while table[place] >= 0:
            other = first[table[place]]
            if group[other] == group[journey] and _same(
                codes, bounds[journey], bounds[journey + 1], codes, bounds[other], bounds[other + 1]
            ):
                break
            place = (place + np.uint64(1)) & mask
        if table[place] < 0:
            table[place] = found
            first[found] = journey
            found += 1
        variant[journey] = table[place]
    return variant, first[:found].copy()


@kernel
def _add_up(journeys: Ints, variant: Ints, n: int) -> Ints:
    total = np.zeros(n, np.int64)
    for journey in range(len(variant)):
        total[variant[journey]] += journeys[journey]
    return total


@kernel
def _copy(bounds: Ints, codes: Codes, taken: Ints, kept: Ints, kept_codes: Codes) -> None:
    """Copy the taken sequences to where they are kept."""
    for number in range(len(taken)):
        start, end, to = bounds[taken[number]], bounds[taken[number] + 1], kept[number]
        for step in range(end - start):
            kept_codes[to + step] = codes[start + step]


@kernel
def _agree(
    bounds: Ints,
    codes: Codes,
    group: Codes,
    variant: Ints,
    new: int,
    kept: Ints,
    kept_codes: Codes,
    kept_group: Codes,
) -> tuple[bool, int]:
    """Say whether every sequence is that of its variant; `new` is the next variant to come first.

    Sequences that come first were copied and need no comparing. What was fetched ahead is returned too.
    """
    fetched = np.int32(0)
    for begin in range(0, len(variant), _AHEAD):
        end = min(begin + _AHEAD, len(variant))
        for journey in range(begin, end):
            here = variant[journey]
            fetched |= kept_group[here]
            if kept[here] < kept[here + 1]:
                fetched |= kept_codes[kept[here]] | kept_codes[kept[here + 1] - 1]
        for journey in range(begin, end):
            here = variant[journey]
            if here == new:
                new += 1
            elif group[journey] != kept_group[here] or not _same(
                codes, bounds[journey], bounds[journey + 1], kept_codes, kept[here], kept[here + 1]
            ):
                return False, int(fetched)
    return True, int(fetched)


@kernel
def _same(one: Codes, start: int, end: int, other: Codes, other_start: int, other_end: int) -> bool:
    if end - start != other_end - other_start:
        return False
    for step in range(end - start):  # noqa: SIM110 -- a loop is what compiles
        if one[start + step] != other[other_start + step]:
            return False
    return True
