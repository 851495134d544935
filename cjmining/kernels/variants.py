"""Journeys with the same sequence of touchpoints, counted exactly.

Short sequences are put together by a number that holds all their steps. Longer ones are put together by a
hash; then each is compared with the first of its kind, touchpoint by touchpoint. Where a hash was the same by
chance, which 63 bits make all but impossible, everything is put together once more by comparing. The result
grows with the data: it holds every different sequence once.
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
_STEP_BITS: Final = np.uint64(5)
_MOST_STEPS: Final = 12
_ABOVE_STEPS: Final = np.uint64(60)
_GROUPS: Final = 8
"""Up to 12 steps of 31 touchpoints in 8 groups go into one number, step + 1 being 5 bits of it, group 3."""
_HASHED: Final = np.uint64(1) << np.uint64(63)
"""The bit that says that a number is the hash of a sequence, which another sequence may have too."""
_AHEAD: Final = 32
"""So many places of the table are fetched together: waiting for each by itself would take longest."""


class Variants(NamedTuple):
    """Different sequences by their first journey: sequence i is codes[bounds[i]:bounds[i + 1]].

    `hashes` are the numbers of group and sequence; they are worked out where they aren't given. `customers`
    says how many different ones took each; None where nobody asked.
    """

    bounds: Ints
    codes: Codes
    group: Codes
    journeys: Ints
    hashes: Hashes | None = None
    customers: Ints | None = None


def count(bounds: Ints, touchpoint: Codes, group: Codes, first: Ints | None = None) -> Variants:
    """Count the journeys of each group and sequence of touchpoints.

    Parameters
    ----------
    bounds : array of int64, shape (journeys + 1,)
        Journey j has the events from bounds[j] up to bounds[j + 1].
    touchpoint : array of int32, shape (events,)
        Codes of touchpoints.
    group : array of int32, shape (journeys,)
        The group of each journey.
    first : array of int64, shape (journeys,), optional
        The first journey of each journey's customer, whose journeys lie together
        (`customers.first_journeys`): then customers are counted too.
    """
    ones = np.ones(len(group), np.int64)
    return _put_together([Variants(bounds, touchpoint, group, ones)], _MULTIPLIER, 1, first)


def count_parts(parts: list[tuple[Ints, Codes, Codes]], *, threads: int | None = None) -> Variants:
    """Count the journeys of several blocks together; `threads` hash, copy and compare, by default one a core.

    Parameters
    ----------
    parts : list
        What `count` takes, of each block.
    """
    of = [Variants(*part, np.ones(len(part[2]), np.int64)) for part in parts]
    return _put_together(of, _MULTIPLIER, threads or os.cpu_count() or 1)


def merge(parts: list[Variants], *, threads: int | None = None) -> Variants:
    """Add up summaries of blocks, in their order; `threads` copy and compare them, by default one a core."""
    if len(parts) == 1:
        return parts[0]
    return _put_together(parts, _MULTIPLIER, threads or os.cpu_count() or 1)


def count_weighted(sequences: Variants, *, multiplier: int = _MULTIPLIER) -> Variants:
    """Put equal sequences of a group together; `multiplier` mixes the hash (a test sets one that clashes)."""
    return _put_together([sequences._replace(hashes=None)], multiplier, 1)


def _put_together(
    parts: list[Variants], multiplier: int, threads: int, of_customer: Ints | None = None
) -> Variants:
    with ThreadPoolExecutor(max_workers=threads) as pool:
        run = pool.map if threads > 1 else map
        hashes = _joined(list(run(lambda part: _hashes_of(part, multiplier), parts)))
    room = _room(len(hashes))
    *grouped, _ = _group(hashes, np.zeros((room, 2), np.uint64), np.uint64(65 - room.bit_length()))
    found = _take(parts, hashes, _Grouped(*grouped), threads, of_customer)
    return _compare_all(parts, hashes, of_customer) if found is None else found


class _Grouped(NamedTuple):
    """The variant of each sequence, the first sequence of each variant, and those to compare with it."""

    variant: Ints
    first: Ints
    again: Ints


def _hashes_of(part: Variants, multiplier: int) -> Hashes:
    if part.hashes is not None:
        return part.hashes
    return _hash_all(part.bounds, part.codes, part.group, np.uint64(multiplier))


def _take(
    parts: list[Variants],
    hashes: Hashes,
    grouped: _Grouped,
    threads: int,
    of_customer: Ints | None,
) -> Variants | None:
    """Copy the first sequence of each variant; None where a sequence isn't equal to that of its variant."""
    variant, first, again = grouped
    bounds = np.zeros(len(first) + 1, np.int64)
    np.cumsum(_joined([np.diff(part.bounds) for part in parts])[first], out=bounds[1:])
    found = Variants(
        bounds=bounds,
        codes=np.empty(bounds[-1], np.int32),
        group=_joined([part.group for part in parts])[first],
        journeys=_add_up(_joined([part.journeys for part in parts]), variant, len(first)),
        hashes=hashes[first],
        customers=_customers(parts, variant, len(first), of_customer),
    )
    ends = np.cumsum([len(part.group) for part in parts])
    begins = ends - [len(part.group) for part in parts]
    numbers = np.searchsorted(first, begins), np.searchsorted(first, ends)
    compared = np.searchsorted(again, begins), np.searchsorted(again, ends)

    def copy(place: int) -> None:
        its = slice(numbers[0][place], numbers[1][place])
        _copy(*parts[place][:2], first[its] - begins[place], bounds[its], found.codes)

    def agrees(place: int) -> bool:
        its = again[compared[0][place] : compared[1][place]]
        agrees, _ = _agree(*parts[place][:3], its - begins[place], variant[its], *found[:3])
        return bool(agrees)

    with ThreadPoolExecutor(max_workers=threads) as pool:
        run = pool.map if threads > 1 else map
        list(run(copy, range(len(parts))))
        return found if all(run(agrees, range(len(parts)))) else None


def _customers(parts: list[Variants], variant: Ints, n: int, of_customer: Ints | None) -> Ints | None:
    """Count the customers of journeys, or add up those of sequences, where they are known."""
    if of_customer is not None:
        return _count_customers(variant, of_customer, n)
    known = [part.customers for part in parts if part.customers is not None]
    return _add_up(_joined(known), variant, n) if len(known) == len(parts) else None


def _compare_all(parts: list[Variants], hashes: Hashes, of_customer: Ints | None) -> Variants:
    """Put sequences together that are equal, whatever their hashes."""
    bounds = np.zeros(len(hashes) + 1, np.int64)
    np.cumsum(_joined([np.diff(part.bounds) for part in parts]), out=bounds[1:])
    whole = Variants(
        bounds,
        _joined([part.codes[part.bounds[0] : part.bounds[-1]] for part in parts]),
        _joined([part.group for part in parts]),
        _joined([part.journeys for part in parts]),
        customers=_customers(parts, np.arange(len(hashes)), len(hashes), None),
    )
    grouped = _Grouped(*_group_by_comparing(bounds, whole.codes, whole.group, hashes), np.zeros(0, np.int64))
    found = _take([whole], hashes, grouped, 1, of_customer)
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
    """The number of each sequence: its steps where they fit, else a hash.

    The hash is a polynomial of every second code, twice, that doesn't wait for itself.
    """
    hashes = np.empty(len(group), np.uint64)
    square = multiplier * multiplier
    for journey in range(len(group)):
        if bounds[journey + 1] - bounds[journey] <= _MOST_STEPS and 0 <= group[journey] < _GROUPS:
            number, bits = np.uint64(0), np.uint64(0)
            for event in range(np.uint64(bounds[journey]), np.uint64(bounds[journey + 1])):
                step = np.uint64(codes[event] + 1)
                number = (number << _STEP_BITS) | step
                bits |= step
            if bits >> _STEP_BITS == 0:
                hashes[journey] = number | (np.uint64(group[journey]) << _ABOVE_STEPS)
                continue
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
        hashes[journey] = (mixed ^ (mixed >> np.uint64(29))) | _HASHED
    return hashes


@kernel
def _group(hashes: Hashes, table: NDArray[np.uint64], shift: np.uint64) -> tuple[Ints, Ints, Ints, np.uint64]:
    """Number equal hashes by their first place; return the number of each, those places, and what to compare.

    To compare are those that come again and whose number is a hash, which others may have too. The empty
    table takes the number + 1 and the hash; `shift` leaves the bits of its places. What was fetched ahead is
    returned too: else the compiler would leave it out.
    """
    n = len(hashes)
    mask = np.uint64(len(table) - 1)
    variant, first, again = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    found, repeated, fetched = 0, 0, np.uint64(0)
    for begin in range(0, n, _AHEAD):
        end = min(begin + _AHEAD, n)
        for journey in range(begin, end):
            fetched |= table[_place(hashes[journey], shift), 0]
        for journey in range(begin, end):
            place = _place(hashes[journey], shift)
            while table[place, 0] != 0 and table[place, 1] != hashes[journey]:
                place = (place + np.uint64(1)) & mask
            if table[place, 0] == 0:
                first[found] = journey
                found += 1
                table[place, 0] = found
                table[place, 1] = hashes[journey]
            elif hashes[journey] >= _HASHED:
                again[repeated] = journey
                repeated += 1
            variant[journey] = np.int64(table[place, 0]) - 1
    return variant, first[:found].copy(), again[:repeated].copy(), fetched


@kernel
def _place(number: np.uint64, shift: np.uint64) -> np.uint64:
    return ((number ^ (number >> np.uint64(32))) * np.uint64(_MULTIPLIER)) >> shift


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
def _count_customers(variant: Ints, first: Ints, n: int) -> Ints:
    customers, last = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    for journey in range(len(variant)):
        customers[variant[journey]] += last[variant[journey]] < first[journey]
        last[variant[journey]] = journey
    return customers


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
    again: Ints,
    variant: Ints,
    kept: Ints,
    kept_codes: Codes,
    kept_group: Codes,
) -> tuple[bool, int]:
    """Say whether each sequence of `again` is that of its variant. What was fetched ahead is returned too."""
    fetched = np.int32(0)
    for begin in range(0, len(again), _AHEAD):
        end = min(begin + _AHEAD, len(again))
        for number in range(begin, end):
            here = variant[number]
            fetched |= kept_group[here]
            if kept[here] < kept[here + 1]:
                fetched |= kept_codes[kept[here]] | kept_codes[kept[here + 1] - 1]
        for number in range(begin, end):
            journey, here = again[number], variant[number]
            if group[journey] != kept_group[here] or not _same(
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
