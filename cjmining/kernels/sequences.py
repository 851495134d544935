"""Different sequences of codes: found again, put in order, drawn at random without chance."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.variants import Variants

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_EMPTY: Final = np.int64(-1)


class Index(NamedTuple):
    """Where each sequence of each group is found again: a table of open addressing over its hash."""

    sequences: Variants
    hashes: NDArray[np.uint64]
    table: Ints


def index(sequences: Variants, *, hashes: NDArray[np.uint64] | None = None) -> Index:
    """Make the index of different sequences; a test gives hashes that clash."""
    if hashes is None:
        hashes = hash_of(sequences.bounds, sequences.codes, sequences.group)
    return Index(sequences, hashes, _fill(hashes))


def numbers(
    known: Index,
    bounds: Ints,
    codes: Codes,
    group: Codes,
    *,
    hashes: NDArray[np.uint64] | None = None,
) -> Ints:
    """Return the number of the sequence of each journey among those of the index, -1 where it is none.

    Parameters
    ----------
    known : Index
        The sequences.
    bounds : int64[J + 1]
        Journey j has the codes from bounds[j] up to bounds[j + 1].
    codes : int32[N]
        Codes of steps.
    group : int32[J]
        The group of each journey.
    hashes : uint64[J], optional
        Instead of `hash_of`.
    """
    if hashes is None:
        hashes = hash_of(bounds, codes, group)
    its = known.sequences
    return _look_up(its.bounds, its.codes, its.group, known.hashes, known.table, bounds, codes, group, hashes)


def ordered(bounds: Ints, codes: Codes, first: Ints, second: Ints) -> Ints:
    """Return the order of sequences by two keys, then step by step; a beginning goes before the whole.

    Those that are equal so far are sorted by their next steps, as many of them as one number holds, until
    none are equal or their steps are at an end. Equal ones stay in the order they came in.
    """
    order = np.lexsort((second, first))
    differs = (np.diff(first[order]) != 0) | (np.diff(second[order]) != 0)
    places, run = _tied(np.arange(len(order)), differs)
    bits = int(codes.max(initial=0) + 1).bit_length()
    at_once, step = 64 // bits, 0
    while len(places):
        those = order[places]
        packed = _packed(bounds, codes, those, step, bits, at_once)
        by_steps = np.lexsort((packed, run))
        order[places], packed = those[by_steps], packed[by_steps]
        places, run = _tied(places, (np.diff(run) != 0) | (np.diff(packed) != 0))
        step += at_once
        if len(places):
            going_on = bounds[order[places] + 1] - bounds[order[places]] > step
            goes_on = np.bincount(run, going_on)[run] > 0
            places, run = places[goes_on], run[goes_on]
    return order


def _tied(places: Ints, differs: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Return the places whose value is that of a neighbour, and which run of equal ones each is in."""
    if not len(places):
        return places, places
    starts = np.concatenate([[0], np.flatnonzero(differs) + 1])
    lengths = np.diff(starts, append=len(places))
    kept = np.repeat(lengths > 1, lengths)
    return places[kept], np.repeat(np.arange(len(starts)), lengths)[kept]


@kernel
def _packed(
    bounds: Ints, codes: Codes, those: Ints, step: int, bits: int, at_once: int
) -> NDArray[np.uint64]:
    """Return the steps from `step` on, each in some bits, the first in the highest; 0 is none."""
    found = np.empty(len(those), np.uint64)
    for i in range(len(those)):
        start, end = bounds[those[i]] + step, bounds[those[i] + 1]
        number = np.uint64(0)
        for place in range(start, start + at_once):
            number <<= np.uint64(bits)
            if place < end:
                number |= np.uint64(codes[place] + 1)
        found[i] = number
    return found


def take(sequences: Variants, chosen: Ints) -> Variants:
    """Return these sequences, in this order."""
    lengths = np.diff(sequences.bounds)[chosen]
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    starts = np.repeat(sequences.bounds[chosen] - bounds[:-1], lengths)
    codes = sequences.codes[starts + np.arange(bounds[-1])]
    customers = None if sequences.customers is None else sequences.customers[chosen]
    group, journeys = sequences.group[chosen], sequences.journeys[chosen]
    return type(sequences)(bounds, codes, group, journeys, customers=customers)


def uniform(bounds: Ints, codes: Codes, group: Codes) -> Floats:
    """Return a number above 0 and up to 1 for each sequence, by its steps alone, spread like random ones."""
    mixed = _finish(hash_of(bounds, codes, group))
    return ((mixed >> np.uint64(11)).astype(np.float64) + 1.0) / float(1 << 53)


@kernel
def hash_of(bounds: Ints, codes: Codes, group: Codes) -> NDArray[np.uint64]:
    """Return the hash of each sequence and its group."""
    hashes = np.empty(len(bounds) - 1, np.uint64)
    for i in range(len(hashes)):
        mixed = np.uint64(group[i] + 1) * _MULTIPLIER
        for event in range(bounds[i], bounds[i + 1]):
            mixed = (mixed ^ np.uint64(codes[event] + 1)) * _MULTIPLIER
            mixed ^= mixed >> np.uint64(29)
        hashes[i] = mixed
    return hashes


@kernel
def _finish(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser, twice (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195)."""
    mixed = hashes.copy()
    for i in range(len(mixed)):
        one = mixed[i]
        for _ in range(2):
            one = (one ^ (one >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            one = (one ^ (one >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            one ^= one >> np.uint64(31)
        mixed[i] = one
    return mixed


@kernel
def _fill(hashes: NDArray[np.uint64]) -> Ints:
    room = 16
    while room < 2 * len(hashes):
        room *= 2
    mask = np.uint64(room - 1)
    table = np.full(room, _EMPTY, np.int64)
    for i in range(len(hashes)):
        place = hashes[i] & mask
        while table[place] >= 0:
            place = (place + np.uint64(1)) & mask
        table[place] = i
    return table


@kernel
def _look_up(
    known_bounds: Ints,
    known_codes: Codes,
    known_group: Codes,
    known_hashes: NDArray[np.uint64],
    table: Ints,
    bounds: Ints,
    codes: Codes,
    group: Codes,
    hashes: NDArray[np.uint64],
) -> Ints:
    found = np.full(len(bounds) - 1, _EMPTY, np.int64)
    mask = np.uint64(len(table) - 1)
    for i in range(len(found)):
        start, length = bounds[i], bounds[i + 1] - bounds[i]
        place = hashes[i] & mask
        while table[place] >= 0:
            one = table[place]
            place = (place + np.uint64(1)) & mask
            if known_hashes[one] != hashes[i] or known_group[one] != group[i]:
                continue
            first = known_bounds[one]
            if known_bounds[one + 1] - first != length:
                continue
            step = 0
            while step < length and known_codes[first + step] == codes[start + step]:
                step += 1
            if step == length:
                found[i] = one
                break
    return found
