"""Orders of the places in the columns of a layered graph, with few crossings.

Columns are ordered by barycentres (Sugiyama, Tagawa and Toda 1981, doi:10.1109/TSMC.1981.4308636), then each
place is sifted through its column (Matuszewski, Schönfeld and Molitor 1999, doi:10.1007/3-540-46648-7_22).
"""

from __future__ import annotations

import bisect
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Place = str | tuple[str, str, int]
"""A box, by its name, or what an edge takes of the layer it passes."""

SWEEPS = 12
_SMALL = 90
"""Up to so many places a graph is small."""
_ROUNDS = 3


def uncrossed(
    columns: list[list[Place]], links: Mapping[Place, list[tuple[Place, float]]], ranks: Mapping[str, int]
) -> list[list[Place]]:
    """Order the columns by barycentres, sweeping there and back; keep the best order met, and mend it.

    In a graph that a reader can take in every order met is mended, from several starts; in a large one the
    best.
    """
    small = sum(map(len, columns)) <= _SMALL
    met: dict[tuple[tuple[Place, ...], ...], None] = {}
    for start in _starts(columns) if small else [columns]:
        met.update((tuple(map(tuple, order)), None) for order in swept(start, links, ranks))
    orders = [list(map(list, order)) for order in met]
    if small:
        return min((_sifted(order, links, ranks) for order in orders), key=lambda order: count(order, links))
    return _sifted(min(orders, key=lambda order: count(order, links)), links, ranks)


def _starts(columns: list[list[Place]]) -> Iterator[list[list[Place]]]:
    """Yield orders to begin with: as given, and some far from it and from one another."""
    yield columns
    for turned in ((0, 1), (0,), (1,)):
        yield [column[::-1] if n % 2 in turned else column for n, column in enumerate(columns)]
    for part in (2, 3):
        yield [column[len(column) // part :] + column[: len(column) // part] for column in columns]


def swept(
    columns: list[list[Place]], links: Mapping[Place, list[tuple[Place, float]]], ranks: Mapping[str, int]
) -> Iterator[list[list[Place]]]:
    """Yield the orders that sweeps over the columns come to; the first is the plain order by barycentres."""
    current = [_ranked(column, ranks) for column in columns]
    for sweep in range(SWEEPS):
        numbers = range(len(current)) if sweep % 2 == 0 else range(len(current) - 1, -1, -1)
        for number in numbers:
            near = current[number - 1] if sweep % 2 == 0 and number else current[(number + 1) % len(current)]
            current[number] = _ranked(_by_barycentre(current[number], near, links), ranks)
        yield [list(column) for column in current]


def _sifted(
    columns: list[list[Place]], links: Mapping[Place, list[tuple[Place, float]]], ranks: Mapping[str, int]
) -> list[list[Place]]:
    """Move each place to where its column has the fewest crossings, while that saves any.

    Ranked boxes keep their order.
    """
    place = {item: number for column in columns for number, item in enumerate(column)}
    sides = {
        item: _by_side(item, number, columns, links)
        for number, column in enumerate(columns)
        for item in column
    }
    for _ in range(_ROUNDS):
        saved = 0
        for column in columns:
            for item in list(column):
                saved += _sift(item, column, sides, place, ranks)
        if not saved:
            break
    return columns


def _sift(
    item: Place,
    column: list[Place],
    sides: Mapping[Place, _Sides],
    place: dict[Place, int],
    ranks: Mapping[str, int],
) -> int:
    """Move one place to the best position of its column; return how many crossings that saves."""
    start = column.index(item)
    best, most = start, 0
    for way in (-1, 1):
        saved, at = 0, start + way
        while 0 <= at < len(column) and not (item in ranks and column[at] in ranks):
            other = column[at]
            upper, lower = (other, item) if way < 0 else (item, other)
            saved += _between(sides[upper], sides[lower], place) - _between(sides[lower], sides[upper], place)
            if saved > most:
                best, most = at, saved
            at += way
    column.insert(best, column.pop(start))
    if most:
        place.update({each: number for number, each in enumerate(column)})
    return most


_Sides = tuple[list[Place], list[Place]]


def _by_side(
    item: Place,
    number: int,
    columns: list[list[Place]],
    links: Mapping[Place, list[tuple[Place, float]]],
) -> _Sides:
    """Return what a place is linked to in the column before, and in the one after."""
    before = set(columns[number - 1]) if number else set[Place]()
    near = [other for other, _ in links.get(item, [])]
    return [other for other in near if other in before], [other for other in near if other not in before]


def _between(upper: _Sides, lower: _Sides, place: Mapping[Place, int]) -> int:
    """Count the crossings of the links of two neighbours, the one lying above the other."""
    total = 0
    for above, below in zip(upper, lower, strict=True):
        if above and below:
            ends = [place[item] for item in below]
            total += sum(place[item] > end for item in above for end in ends)
    return total


def _by_barycentre(
    column: list[Place], near: list[Place], links: Mapping[Place, list[tuple[Place, float]]]
) -> list[Place]:
    place = {item: number / max(1, len(near) - 1) for number, item in enumerate(near)}
    keys: dict[Place, float] = {}
    for number, item in enumerate(column):
        there = [(place[other], weight) for other, weight in links.get(item, []) if other in place]
        total = sum(weight for _, weight in there)
        keys[item] = (
            sum(at * weight for at, weight in there) / total if total else number / max(1, len(column) - 1)
        )
    return sorted(column, key=lambda item: keys[item])


def _ranked(column: list[Place], ranks: Mapping[str, int]) -> list[Place]:
    """Put the boxes that have a rank into its order, in the places that they hold together."""
    fixed = iter(sorted((item for item in column if item in ranks), key=lambda item: ranks[str(item)]))
    return [next(fixed) if item in ranks else item for item in column]


def count(columns: list[list[Place]], links: Mapping[Place, list[tuple[Place, float]]]) -> int:
    """Count the crossings between all columns."""
    total = 0
    for one, other in itertools.pairwise(columns):
        there = set(other)
        total += crossings([one, other], [(a, b) for a in one for b, _ in links.get(a, []) if b in there])
    return total


def crossings(order: Sequence[Sequence[object]], links: Iterable[tuple[object, object]]) -> int:
    """Count the crossings between one layer's order and the next's, edges drawn straight."""
    place = {item: number for column in order for number, item in enumerate(column)}
    total, met = 0, list[int]()
    for _, end in sorted((place[a], place[b]) for a, b in links):
        total += len(met) - bisect.bisect_right(met, end)
        bisect.insort(met, end)
    return total
