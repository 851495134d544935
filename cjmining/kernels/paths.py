"""Ways from one step to another: found, cut out, shortened, numbered, and searched for what lies on them."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202 -- numba infers the types of inner steps

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Flags = NDArray[np.bool_]

FIRST: Final = 0
LAST: Final = 1
EVERY: Final = 2

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)


class Attempts(NamedTuple):
    """Attempts in the order of the journeys, one entry each.

    Attributes
    ----------
    journey, first, last : int64[A]
        The journey; its start, and the last step that belongs to the attempt: the end where it arrived, else
        the last one within the time.
    arrived : bool[A]
    """

    journey: Ints
    first: Ints
    last: Ints
    arrived: Flags


class Flat(NamedTuple):
    """Paths one after the other: path i is codes[bounds[i]:bounds[i + 1]]."""

    bounds: Ints
    codes: Codes


class Presence(NamedTuple):
    """On how many attempts a step lies, by group and side (arrived, not arrived), with sums over customers.

    Attributes
    ----------
    attempts : int64[G, 2]
    sizes : int64[G, 2]
        Sums over customers of n x n, n being their attempts.
    having, squares, products : int64[G, 2, C]
        Attempts that have the step, and sums over customers of d x d and d x n, d being theirs that have it.
    customers : int64[G, C]
        Customers with such an attempt of either side.
    """

    attempts: Ints
    sizes: Ints
    having: Ints
    squares: Ints
    products: Ints
    customers: Ints


def find(
    bounds: Ints, timestamp: Ints, starts: Flags, ends: Flags, within: int, which: int, *, itself: bool
) -> Attempts:
    """Find the attempts that begin at a start and arrive at the first end after it.

    Parameters
    ----------
    bounds : int64[J + 1]
        Bounds of the journeys over the steps.
    timestamp : int64[N]
        Ascending within a journey, microseconds.
    starts, ends : bool[N]
        What a step may be.
    within : int
        Microseconds that an attempt has.
    which : int
        `FIRST` start of the journey, `LAST` start before each end, or `EVERY` start after an attempt is over.
    itself : bool
        Whether a start may be its own end: where the one or the other is a border of the journey, not a step.
    """
    return Attempts(*_find(bounds, timestamp, starts, ends, within, which, itself))


@kernel
def _find(bounds, timestamp, starts, ends, within, which, itself):
    room = len(bounds) - 1 if which == FIRST else int(starts.sum())
    journeys = np.empty(room, np.int64)
    firsts = np.empty(room, np.int64)
    lasts = np.empty(room, np.int64)
    arrived = np.empty(room, np.bool_)
    beyond = 0 if itself else 1
    n = 0
    for journey in range(len(bounds) - 1):
        stop = bounds[journey + 1]
        step = bounds[journey]
        while step < stop:
            if not starts[step]:
                step += 1
                continue
            first, following = step, stop
            if which == LAST:
                following = _next_end(ends, first + beyond, stop)
                first = _last_start(starts, first, min(following - beyond + 1, stop))
            last, there = _way(timestamp, ends, first, beyond, stop, timestamp[first] + within)
            journeys[n], firsts[n], lasts[n], arrived[n] = journey, first, last, there
            n += 1
            if which == FIRST:
                break
            step = following if which == LAST else last + (not there)
            step += itself and (there or which == LAST)
    return journeys[:n].copy(), firsts[:n].copy(), lasts[:n].copy(), arrived[:n].copy()


@kernel
def _next_end(ends, step, stop):
    while step < stop and not ends[step]:
        step += 1
    return step


@kernel
def _last_start(starts, first, stop):
    for other in range(first + 1, stop):
        if starts[other]:
            first = other
    return first


@kernel
def _way(timestamp, ends, first, beyond, stop, limit):
    """Return the last step of an attempt, and whether it arrived there."""
    last = first + beyond
    while last < stop and timestamp[last] <= limit and not ends[last]:
        last += 1
    there = last < stop and timestamp[last] <= limit
    return (last if there else last - 1), there


@kernel
def cut(codes: Codes, first: Ints, last: Ints) -> tuple[Ints, Codes]:
    """Copy the steps from each first to its last one after the other, as bounds and codes."""
    bounds = np.zeros(len(first) + 1, np.int64)
    for path in range(len(first)):
        bounds[path + 1] = bounds[path] + last[path] - first[path] + 1
    taken = np.empty(bounds[-1], np.int32)
    for path in range(len(first)):
        for step in range(last[path] - first[path] + 1):
            taken[bounds[path] + step] = codes[first[path] + step]
    return bounds, taken


@kernel
def once(bounds: Ints, codes: Codes, closed: Flags, n_codes: int) -> tuple[Ints, Codes]:
    """Keep each step where a path has it first; where a path is closed, its last step stays the last."""
    seen = np.full(n_codes, -1, np.int64)
    kept_bounds = np.zeros(len(bounds), np.int64)
    kept = np.empty(len(codes), np.int32)
    n = 0
    for path in range(len(bounds) - 1):
        stop = bounds[path + 1]
        for step in range(bounds[path], stop):
            closing = closed[path] and step == stop - 1
            if closing or seen[codes[step]] != path:
                seen[codes[step]] = path
                kept[n] = codes[step]
                n += 1
        kept_bounds[path + 1] = n
    return kept_bounds, kept[:n].copy()


@kernel
def number(bounds: Ints, codes: Codes) -> tuple[Ints, Ints]:
    """Number different paths as they first occur: the number of each path, and the first path of each number.

    Paths are found by a hash and compared step by step, so that a clash never merges two.
    """
    n = len(bounds) - 1
    room = 16
    while room < 2 * n:
        room *= 2
    mask = np.uint64(room - 1)
    table = np.full(room, -1, np.int64)
    hashes = np.empty(n, np.uint64)
    firsts = np.empty(n, np.int64)
    numbers = np.empty(n, np.int64)
    found = 0
    for path in range(n):
        mixed = _hash(codes, bounds[path], bounds[path + 1])
        place = mixed & mask
        while True:
            known = table[place]
            if known < 0:
                table[place] = found
                hashes[found], firsts[found], numbers[path] = mixed, path, found
                found += 1
                break
            if hashes[known] == mixed and _same(bounds, codes, path, firsts[known]):
                numbers[path] = known
                break
            place = (place + np.uint64(1)) & mask
    return numbers, firsts[:found].copy()


@kernel
def _hash(codes: Codes, start: int, stop: int) -> np.uint64:
    mixed = _MULTIPLIER
    for step in range(start, stop):
        mixed = (mixed ^ np.uint64(codes[step] + 1)) * _MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    return mixed


@kernel
def _same(bounds: Ints, codes: Codes, one: int, other: int) -> bool:
    length = bounds[one + 1] - bounds[one]
    if length != bounds[other + 1] - bounds[other]:
        return False
    for step in range(length):  # noqa: SIM110 -- a loop is what compiles
        if codes[bounds[one] + step] != codes[bounds[other] + step]:
            return False
    return True


@kernel
def prefix(bounds: Ints, codes: Codes, n_codes: int, part: int) -> Ints:
    """Write as many steps of each path as fit into a number, from the first or (part 1) those after them.

    Numbers stand in the order of the steps; where a path has ended, they are as small as can be.
    """
    base = max(n_codes, 1) + 1
    length = 1
    room = (1 << 62) // base
    while room >= base:
        room //= base
        length += 1
    keys = np.zeros(len(bounds) - 1, np.int64)
    for path in range(len(keys)):
        start = bounds[path] + part * length
        for step in range(start, start + length):
            keys[path] = keys[path] * base + (codes[step] + 1 if step < bounds[path + 1] else 0)
    return keys


def present(
    paths: Flat,
    inner: tuple[Ints, Ints],
    side: NDArray[np.int8],
    group: Codes,
    customer: Ints,
    n: tuple[int, int],
) -> Presence:
    """Count on how many attempts each step lies, and add up over customers what limits need.

    Parameters
    ----------
    paths : Flat
        The steps of each attempt.
    inner : two arrays int64[A]
        Where the steps that count begin and stop in `paths.codes`.
    side : int8[A]
        0 arrived, 1 not arrived, -1 left out.
    group : int32[A]
    customer : int64[A]
        Those of one customer lie together.
    n : two int
        Number of groups, and of codes.
    """
    order = np.argsort(group, kind="stable")
    return Presence(*_present(paths.codes, *inner, side, group, customer, order, *n))


@kernel
def _present(codes, begin, stop, side, group, customer, order, n_groups, n_codes):
    attempts = np.zeros((n_groups, 2), np.int64)
    sizes = np.zeros((n_groups, 2), np.int64)
    having = np.zeros((n_groups, 2, n_codes), np.int64)
    squares = np.zeros((n_groups, 2, n_codes), np.int64)
    products = np.zeros((n_groups, 2, n_codes), np.int64)
    customers = np.zeros((n_groups, n_codes), np.int64)
    seen = np.full(n_codes, -1, np.int64)
    counts = np.zeros((2, n_codes), np.int64)
    touched = np.empty((2, n_codes), np.int64)
    n_touched = np.zeros(2, np.int64)
    own = np.zeros(2, np.int64)
    for place in range(len(order)):
        row = order[place]
        if side[row] >= 0:
            at = side[row]
            own[at] += 1
            for step in range(begin[row], stop[row]):
                code = codes[step]
                if seen[code] == row:
                    continue
                seen[code] = row
                if counts[at, code] == 0:
                    touched[at, n_touched[at]] = code
                    n_touched[at] += 1
                counts[at, code] += 1
        following = order[place + 1] if place + 1 < len(order) else row
        if place + 1 < len(order) and customer[following] == customer[row] and group[following] == group[row]:
            continue
        _close_customer(
            group[row], own, counts, touched, n_touched, attempts, sizes, having, squares, products, customers
        )
    return attempts, sizes, having, squares, products, customers


@kernel
def _close_customer(
    group,
    own,
    counts,
    touched,
    n_touched,
    attempts,
    sizes,
    having,
    squares,
    products,
    customers,
):
    """Add up what a customer did, and forget it."""
    for entry in range(n_touched[1]):
        customers[group, touched[1, entry]] += counts[0, touched[1, entry]] == 0
    for entry in range(n_touched[0]):
        customers[group, touched[0, entry]] += 1
    for at in range(2):
        attempts[group, at] += own[at]
        sizes[group, at] += own[at] * own[at]
        for entry in range(n_touched[at]):
            code = touched[at, entry]
            d = counts[at, code]
            having[group, at, code] += d
            squares[group, at, code] += d * d
            products[group, at, code] += d * own[at]
            counts[at, code] = 0
        n_touched[at], own[at] = 0, 0
