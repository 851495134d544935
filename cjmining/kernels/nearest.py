"""The nearest of many sequences to each of some, by edit distance, without holding each against each.

Sequences in order share their beginnings, so that they are walked as a tree: the column of the distances of a
beginning is worked out once for all sequences that begin so, and left as soon as nothing below can be nearer.
"""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

UNIT: Final = 1000
"""Costs are whole thousandths of an edit, so that sums are exact and equal ones are equal."""

_FAR: Final = np.int64(1) << np.int64(60)


class Known(NamedTuple):
    """Different sequences in order of their steps, and by which of several equally near ones is preferred.

    Sequence i has the codes from bounds[i] up to bounds[i + 1], the first common[i] of them like those of the
    one before it. The one of least `preference` (0 to S - 1) comes first among equally near ones.
    """

    bounds: Ints
    codes: Codes
    common: Ints
    preference: Ints


def known(bounds: Ints, codes: Codes, preference: Ints) -> Known:
    """Take sequences that lie in order."""
    return Known(bounds, codes, _common(bounds, codes), preference)


def nearest(
    those: Known, bounds: Ints, codes: Codes, cost: Ints, *, number: int, beginning: bool
) -> tuple[Ints, Ints]:
    """Return the nearest known sequences of each of some others.

    Parameters
    ----------
    those : Known
        The known ones.
    bounds, codes : int64[Q + 1], int32[N]
        The others.
    cost : int64[codes]
        What it costs, in thousandths, to put in or leave out a step; one step for another costs the dearer.
    number : int
        How many nearest ones are wanted.
    beginning : bool
        Whether distances are those from the nearest beginning of a known sequence, instead of the whole.

    Returns
    -------
    found : int64[Q, number]
        Their numbers among the known, nearest first, then by preference; -1 where there are no more.
    distance : int64[Q, number]
        In thousandths.
    """
    return _nearest(*those, bounds, codes, cost, number, beginning)


@kernel
def _common(bounds: Ints, codes: Codes) -> Ints:
    common = np.zeros(len(bounds) - 1, np.int64)
    for i in range(1, len(common)):
        a, b = bounds[i - 1], bounds[i]
        while a < bounds[i] and b < bounds[i + 1] and codes[a] == codes[b]:
            a += 1
            b += 1
        common[i] = b - bounds[i]
    return common


@kernel
def _nearest(
    known_bounds: Ints,
    known_codes: Codes,
    common: Ints,
    preference: Ints,
    bounds: Ints,
    codes: Codes,
    cost: Ints,
    number: int,
    beginning: bool,
) -> tuple[Ints, Ints]:
    n, queries = len(common), len(bounds) - 1
    found = np.full((queries, number), -1, np.int64)
    distance = np.full((queries, number), -1, np.int64)
    longest = 0
    for i in range(n):
        longest = max(longest, known_bounds[i + 1] - known_bounds[i])
    for query in range(queries):
        mine = codes[bounds[query] : bounds[query + 1]]
        columns = np.empty((longest + 1, len(mine) + 1), np.int64)
        lowest = np.empty(longest + 1, np.int64)
        columns[0, 0] = 0
        for i in range(len(mine)):
            columns[0, i + 1] = columns[0, i] + cost[mine[i]]
        lowest[0] = columns[0, len(mine)]
        within = 0
        while True:
            kept = _walk(
                known_bounds, known_codes, common, preference, mine, cost, beginning, within,
                columns, lowest, found[query], distance[query],
            )  # fmt: skip
            if kept == min(number, n) or within >= _FAR // 4:
                break
            within = max(2 * within, UNIT)
    return found, distance


@kernel
def _walk(
    bounds: Ints,
    codes: Codes,
    common: Ints,
    preference: Ints,
    mine: Codes,
    cost: Ints,
    beginning: bool,
    within: int,
    columns: Ints,
    lowest: Ints,
    found: Ints,
    distance: Ints,
) -> int:
    """Note those within a distance, at most as many as there is room for; return how many."""
    m, kept, limit = len(mine), 0, within
    settled, value = -1, _FAR
    for i in range(len(common)):
        if settled < 0 or common[i] < settled:
            depth, settled = common[i], -1
            length = bounds[i + 1] - bounds[i]
            value = lowest[depth] if beginning else columns[depth, m]
            while depth < length:
                code = codes[bounds[i] + depth]
                least = _next_column(columns[depth], columns[depth + 1], mine, code, cost)
                depth += 1
                lowest[depth] = min(lowest[depth - 1], columns[depth, m])
                value = lowest[depth] if beginning else columns[depth, m]
                # No longer sequence that begins so is nearer than the least of the column.
                if least > limit or (beginning and least >= value):
                    settled = depth
                    value = value if beginning else _FAR
                    break
        if value <= limit:
            kept = _note(found, distance, kept, i, int(value), preference)
            if kept == len(found):
                limit = min(limit, distance[kept - 1])
    return kept


@kernel
def _next_column(before: Ints, after: Ints, mine: Codes, code: int, cost: Ints) -> int:
    put_in = cost[code]
    after[0] = before[0] + put_in
    least = after[0]
    for i in range(len(mine)):
        own = cost[mine[i]]
        exchange = 0 if mine[i] == code else max(own, put_in)
        after[i + 1] = min(before[i] + exchange, before[i + 1] + put_in, after[i] + own)
        least = min(least, after[i + 1])
    return int(least)


@kernel
def _note(found: Ints, distance: Ints, kept: int, one: int, value: int, preference: Ints) -> int:
    """Put one in its place among those kept, if there is one for it."""
    place = kept
    while place > 0 and (
        distance[place - 1] > value
        or (distance[place - 1] == value and preference[found[place - 1]] > preference[one])
    ):
        place -= 1
    if place == len(found):
        return kept
    kept = min(kept + 1, len(found))
    for later in range(kept - 1, place, -1):
        found[later] = found[later - 1]
        distance[later] = distance[later - 1]
    found[place] = one
    distance[place] = value
    return kept
