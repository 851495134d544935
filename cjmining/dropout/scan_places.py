"""Which segments a scan looks at, and how much of each end is usual in the finest groups."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cjmining.dropout.scan_counts import Ground

Conditions = tuple[tuple[int, int], ...]
"""Variables and the values that a segment has; none is everybody."""

NEARLY_ALL = 0.9
LARGEST_LEVEL = 0.98
ROUNDS = 40


@dataclass(frozen=True)
class Segments:
    """The segments of a ground, and the populations that they are held against, as unions of cells.

    Attributes
    ----------
    conditions : tuple of Conditions
        Of each segment; the first is everybody.
    population : int64[S]
        The row of those among whom each segment's calendar is seen: everybody of whom the variables of its
        conditions are known.
    offsets, rows : int64[C + 1], int32[M]
        The rows that each cell is part of: segments, then populations.
    n_rows : int
    """

    conditions: tuple[Conditions, ...]
    population: NDArray[np.int64]
    offsets: NDArray[np.int64]
    rows: NDArray[np.int32]
    n_rows: int

    def __len__(self) -> int:
        return len(self.conditions)


class _Candidate(NamedTuple):
    """A segment with the numbers of its cells, ascending: most segments have few of many."""

    conditions: Conditions
    inside: NDArray[np.int64]
    entered: int


def segments(ground: Ground, *, together: int, fewest: int) -> Segments:
    """List everybody and the segments of up to so many conditions that differ from simpler ones.

    A segment needs twice the ends that a finding does, since at most half of them can lie in a window. One
    that holds nine tenths or more of a simpler one (of those of whom it can be told) says the same as it, and
    is not looked at; nor is a second one with the same members. Nobody is looked at for being unknown.
    """
    n_cells, n_variables = ground.cells.shape
    entered = np.bincount(ground.cell, ground.entered, n_cells)
    ended = np.bincount(ground.cell, ground.ended.sum(axis=0), n_cells)
    everybody = _Candidate((), np.arange(n_cells), int(entered.sum()))
    known = [ground.cells[:, v] >= 0 for v in range(n_variables)]
    all_of: dict[Conditions, _Candidate] = {(): everybody}
    for size in range(1, together + 1):
        for variables in combinations(range(n_variables), size):
            for one in _of_variables(ground.cells, variables, entered):
                all_of[one.conditions] = one
    chosen, members = [everybody], {everybody.inside.tobytes()}
    for one in list(all_of.values())[1:]:
        too_few = ended[one.inside].sum() < 2 * fewest
        same = one.inside.tobytes() in members
        if too_few or same or _says_nothing_new(one, all_of, entered, known):
            continue
        chosen.append(one)
        members.add(one.inside.tobytes())
    return _in_rows([one.conditions for one in chosen], [one.inside for one in chosen], known)


def _of_variables(
    cells: NDArray[np.int32], variables: Sequence[int], entered: NDArray[Any]
) -> list[_Candidate]:
    values = cells[:, list(variables)]
    known = np.flatnonzero((values >= 0).all(axis=1))
    if not len(known):
        return []
    of_values, which = np.unique(values[known], axis=0, return_inverse=True)
    which = which.reshape(-1)
    inside = known[np.argsort(which, kind="stable")]
    ends = np.cumsum(np.bincount(which, minlength=len(of_values)))[:-1]
    return [
        _Candidate(tuple(zip(variables, combination, strict=True)), own, int(entered[own].sum()))
        for combination, own in zip(of_values.tolist(), np.split(inside, ends), strict=True)
    ]


def _says_nothing_new(
    one: _Candidate,
    all_of: dict[Conditions, _Candidate],
    entered: NDArray[Any],
    known: Sequence[NDArray[np.bool_]],
) -> bool:
    """Say whether leaving out one condition gives nearly the same entries."""
    for left_out in one.conditions:
        simpler = all_of[tuple(each for each in one.conditions if each != left_out)]
        told = simpler.inside[known[left_out[0]][simpler.inside]]
        if one.entered >= NEARLY_ALL * entered[told].sum():
            return True
    return False


def _in_rows(
    conditions: Sequence[Conditions],
    inside: list[NDArray[np.int64]],
    known: Sequence[NDArray[np.bool_]],
) -> Segments:
    of_variables: dict[tuple[int, ...], int] = {}
    population = np.zeros(len(conditions), np.int64)
    for row, each in enumerate(conditions):
        variables = tuple(variable for variable, _ in each)
        population[row] = of_variables.setdefault(variables, len(conditions) + len(of_variables))
    everybody = np.ones(len(inside[0]), np.bool_)
    told = [
        np.flatnonzero(np.logical_and.reduce([everybody, *(known[variable] for variable in variables)]))
        for variables in of_variables
    ]
    members = [*inside, *told]
    cell = np.concatenate(members)
    rows = np.repeat(np.arange(len(members)), [len(own) for own in members])
    order = np.argsort(cell, kind="stable")
    return Segments(
        conditions=tuple(conditions),
        population=population,
        offsets=np.searchsorted(cell[order], np.arange(len(everybody) + 1)),
        rows=rows[order].astype(np.int32),
        n_rows=len(members),
    )


def usual_levels(ground: Ground) -> NDArray[np.float64]:
    """Return the usual share of each outcome in each cell, float64[K, C].

    Levels are products of effects of pairs of values, fitted so that each pair has as many ends in total as
    were seen: so whatever is constant about two conditions together is taken into account, while groups of a
    handful borrow strength from larger ones.

    References
    ----------
    Iterative proportional fitting: Deming and Stephan (1940), doi:10.1214/aoms/1177731829.
    """
    n_cells, n_variables = ground.cells.shape
    entered = np.bincount(ground.cell, ground.entered, n_cells)
    margins = [
        np.unique(ground.cells[:, list(pair)], axis=0, return_inverse=True)[1].reshape(-1)
        for pair in combinations(range(n_variables), min(2, n_variables))
    ]
    levels = np.stack(
        [_fit(margins, entered, np.bincount(ground.cell, ended, n_cells)) for ended in ground.ended]
    )
    capped: NDArray[np.float64] = levels * np.minimum(
        1.0, LARGEST_LEVEL / np.maximum(levels.sum(axis=0), 1e-12)
    )
    return capped


def _fit(
    margins: Sequence[NDArray[np.int64]], entered: NDArray[Any], ended: NDArray[Any]
) -> NDArray[np.float64]:
    level = np.full(len(entered), ended.sum() / max(entered.sum(), 1))
    for _ in range(ROUNDS):
        for margin in margins:
            expected = np.bincount(margin, entered * level)
            ratio = np.bincount(margin, ended) / np.where(expected > 0, expected, 1.0)
            level = level * ratio[margin]
    return level
