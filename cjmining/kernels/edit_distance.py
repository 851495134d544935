"""Edit distances between sequences of codes (Levenshtein 1966), and how one is turned into another.

Whether two sequences lie within a limit is told by columns of bits where the shorter has at most 64 steps
(Myers 1999, in the form of Hyyro 2003 for whole sequences), else step by step.
"""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

SAME: Final = 0
OTHER: Final = 1
LACKING: Final = 2
EXTRA: Final = 3
"""A row of an alignment: both have the step, each has its own, only the second or the first has one."""

_WORD: Final = 64


@kernel
def within(
    bounds: Ints, codes: Codes, first: int, last: int, n_codes: int, limit: float
) -> NDArray[np.bool_]:
    """Say which sequences lie within a limit of each other.

    Parameters
    ----------
    bounds, codes : int64[S + 1], int32[N]
        Sequence i has the codes from bounds[i] up to bounds[i + 1].
    first, last : int
        Which sequences are held against all: from `first` up to `last`.
    n_codes : int
        Codes are below this.
    limit : float
        Edits, each of cost 1, per step of the longer of two: from 0 to 1.

    Returns
    -------
    bool[last - first, S]
    """
    n = len(bounds) - 1
    near = np.zeros((last - first, n), np.bool_)
    masks = np.zeros(n_codes, np.uint64)
    for i in range(first, last):
        row = near[i - first]
        length = bounds[i + 1] - bounds[i]
        mine = codes[bounds[i] : bounds[i + 1]]
        for step in range(min(length, _WORD)):
            masks[mine[step]] |= np.uint64(1) << np.uint64(step)
        for j in range(n):
            other = bounds[j + 1] - bounds[j]
            most = edits_within(limit, max(length, other))
            if abs(length - other) > most:
                continue
            theirs = codes[bounds[j] : bounds[j + 1]]
            if 0 < length <= _WORD:
                row[j] = _by_bits(masks, length, theirs, most) <= most
            else:
                row[j] = _by_cells(mine, theirs, most) <= most
        for step in range(min(length, _WORD)):
            masks[mine[step]] = np.uint64(0)
    return near


@kernel
def distances(bounds: Ints, codes: Codes, other_bounds: Ints, other_codes: Codes, n_codes: int) -> Ints:
    """Return the edit distance of each sequence from each of some others, int64[S, others]; edits cost 1."""
    found = np.zeros((len(bounds) - 1, len(other_bounds) - 1), np.int64)
    masks = np.zeros(n_codes, np.uint64)
    for j in range(found.shape[1]):
        theirs = other_codes[other_bounds[j] : other_bounds[j + 1]]
        for step in range(min(len(theirs), _WORD)):
            masks[theirs[step]] |= np.uint64(1) << np.uint64(step)
        for i in range(found.shape[0]):
            mine = codes[bounds[i] : bounds[i + 1]]
            most = max(len(mine), len(theirs))
            if 0 < len(theirs) <= _WORD:
                found[i, j] = _by_bits(masks, len(theirs), mine, most)
            else:
                found[i, j] = _by_cells(theirs, mine, most)
        for step in range(min(len(theirs), _WORD)):
            masks[theirs[step]] = np.uint64(0)
    return found


@kernel
def edits_within(limit: float, length: int) -> int:
    """Return how many edits at most are within a limit per step of this many steps."""
    return int(np.floor(limit * length + 1e-9))


@kernel
def _by_bits(masks: NDArray[np.uint64], length: int, text: Codes, most: int) -> int:
    """Return the distance of a pattern, whose masks are given, from a text, or more than `most`."""
    one = np.uint64(1)
    plus = ~np.uint64(0)
    minus = np.uint64(0)
    bottom = one << np.uint64(length - 1)
    score = length
    for step in range(len(text)):
        equal = masks[text[step]]
        both = equal | minus
        diagonal = (((equal & plus) + plus) ^ plus) | equal | minus
        up = minus | ~(diagonal | plus)
        down = plus & diagonal
        if up & bottom:
            score += 1
        elif down & bottom:
            score -= 1
        if score - (len(text) - step - 1) > most:
            return most + 1
        up = (up << one) | one
        down <<= one
        plus = down | ~(both | up)
        minus = up & both
    return score


@kernel
def _by_cells(mine: Codes, theirs: Codes, most: int) -> int:
    """Return the distance, or more than `most`, cell by cell within a band (Ukkonen 1985)."""
    n, m = len(mine), len(theirs)
    if abs(n - m) > most:
        return most + 1
    far = most + 1
    row = np.full(m + 2, far, np.int64)
    for j in range(min(m, most) + 1):
        row[j] = j
    for i in range(1, n + 1):
        left, right = max(i - most, 0), min(i + most, m)
        diagonal = row[left - 1] if left > 0 else far
        if left == 0:
            diagonal = row[0]
            row[0] = i
        else:
            row[left - 1] = far
        least = row[0] if left == 0 else far
        for j in range(max(left, 1), right + 1):
            above = row[j]
            cost = min(diagonal + (mine[i - 1] != theirs[j - 1]), above + 1, row[j - 1] + 1)
            row[j] = min(cost, far)
            least = min(least, row[j])
            diagonal = above
        if right < m:
            row[right + 1] = far
        if least > most:
            return most + 1
    return int(row[m])


@kernel
def align(
    mine: Codes, theirs: Codes, cost: Ints, beginning: bool
) -> tuple[NDArray[np.int8], Ints, Ints, int]:
    """Turn one sequence into another, or into that beginning of it that is nearest, at the least cost.

    Parameters
    ----------
    mine, theirs : int32[m], int32[n]
        Codes of steps.
    cost : int64[codes]
        What lacking or having too much a step costs; one step for another costs the dearer of the two.
    beginning : bool
        Whether a beginning of `theirs` is enough: the shortest of the nearest ones, and what follows is free.

    Returns
    -------
    kind : int8[R]
        `SAME`, `OTHER`, `LACKING` (only theirs), `EXTRA` (only mine), in order. Of several ways of one cost
        the one that, from the end, has both step first, then mine alone.
    of_mine, of_theirs : int64[R]
        The step of each, -1 where it has none.
    compared : int
        How many steps of `theirs` were compared.
    """
    m, n = len(mine), len(theirs)
    table = np.zeros((m + 1, n + 1), np.int64)
    for i in range(1, m + 1):
        table[i, 0] = table[i - 1, 0] + cost[mine[i - 1]]
    for j in range(1, n + 1):
        table[0, j] = table[0, j - 1] + cost[theirs[j - 1]]
        for i in range(1, m + 1):
            table[i, j] = min(
                table[i - 1, j - 1] + _exchange(mine[i - 1], theirs[j - 1], cost),
                table[i - 1, j] + cost[mine[i - 1]],
                table[i, j - 1] + cost[theirs[j - 1]],
            )
    compared = n
    if beginning:
        compared = int(np.argmin(table[m]))
    kind = np.empty(m + n, np.int8)
    of_mine = np.full(m + n, -1, np.int64)
    of_theirs = np.full(m + n, -1, np.int64)
    i, j, at = m, compared, m + n
    while i > 0 or j > 0:
        at -= 1
        here = table[i, j]
        both = i > 0 and j > 0
        if both and here == table[i - 1, j - 1] + _exchange(mine[i - 1], theirs[j - 1], cost):
            i, j = i - 1, j - 1
            kind[at] = SAME if mine[i] == theirs[j] else OTHER
            of_mine[at], of_theirs[at] = i, j
        elif i > 0 and here == table[i - 1, j] + cost[mine[i - 1]]:
            i -= 1
            kind[at], of_mine[at] = EXTRA, i
        else:
            j -= 1
            kind[at], of_theirs[at] = LACKING, j
    return kind[at:].copy(), of_mine[at:].copy(), of_theirs[at:].copy(), compared


@kernel
def _exchange(one: int, other: int, cost: Ints) -> int:
    return 0 if one == other else max(cost[one], cost[other])


@kernel
def part(
    bounds: Ints,
    codes: Codes,
    other_bounds: Ints,
    other_codes: Codes,
    other: Ints,
    cost: Ints,
    beginning: bool,
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Say where sequences part for good from one each of some others: after the last step that both have.

    Parameters
    ----------
    bounds, codes : int64[S + 1], int32[N]
        The sequences.
    other_bounds, other_codes : int64[T + 1], int32[M]
        The others.
    other : int64[S]
        Which of the others each is held against.
    cost, beginning
        As for `align`.

    Returns
    -------
    last, mine, theirs : int64[S]
        Code of the last step that both have, -1 where none is; of what follows in the sequence and in the
        other, -1 where it ends.
    lacking, extra : int64[S, codes]
        How many steps of each code up to there, and in what is compared behind, only the other has, or only
        the sequence.
    """
    n = len(bounds) - 1
    last, own, theirs = np.full(n, -1, np.int64), np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    lacking, extra = np.zeros((n, len(cost)), np.int64), np.zeros((n, len(cost)), np.int64)
    for i in range(n):
        mine = codes[bounds[i] : bounds[i + 1]]
        one = other_codes[other_bounds[other[i]] : other_bounds[other[i] + 1]]
        kind, of_mine, of_one, _ = align(mine, one, cost, beginning)
        after_mine, after_one = 0, 0
        for row in range(len(kind)):
            if kind[row] == SAME:
                last[i] = mine[of_mine[row]]
                after_mine, after_one = of_mine[row] + 1, of_one[row] + 1
                continue
            if of_mine[row] >= 0:
                extra[i, mine[of_mine[row]]] += 1
            if of_one[row] >= 0:
                lacking[i, one[of_one[row]]] += 1
        if after_mine < len(mine):
            own[i] = mine[after_mine]
        if after_one < len(one):
            theirs[i] = one[after_one]
    return last, own, theirs, lacking, extra
