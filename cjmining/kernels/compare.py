"""Sums over clusters: all that two groups need to be compared by, whatever clusters they share.

A *unit* lies in a *scope* (what shares are of) and a *slot* (the group, or the group and a stratum). A *hit*
is a unit that has what a *cell* asks for; each cell is of one scope. The variance of any weighted sum of hits
and units whose clusters are independent follows from the products below, so units are needed once, and the
sums of blocks of whole clusters add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


class Units(NamedTuple):
    """Units, or hits: whose each is, the scope (or cell) and the slot it lies in, and its value."""

    cluster: Ints
    of: Ints
    slot: Ints
    value: Floats | None = None


class Sums(NamedTuple):
    """Sums by scope or cell (first axis) and slot.

    Attributes
    ----------
    scope : int64[C]
        The scope of each cell.
    n : float64[F, S]
        Units of each scope.
    clusters : float64[F, S]
        Clusters with at least one of them.
    units_units : float64[F, S, S]
        Sums over clusters of its units in one slot times those in another.
    hits : float64[C, S]
        Sums of the hits' values.
    squares : float64[C, S]
        Sums of their squares.
    hits_hits : float64[C, S, S]
        Sums over clusters of its hits in one slot times those in another.
    hits_units : float64[C, S, S]
        Sums over clusters of its hits in one slot times its units in another.
    holders : float64[C]
        Clusters with at least one hit.
    """

    scope: Ints
    n: Floats
    clusters: Floats
    units_units: Floats
    hits: Floats
    squares: Floats
    hits_hits: Floats
    hits_units: Floats
    holders: Floats

    def only(self, cells: NDArray[np.bool_] | Ints) -> Sums:
        """Return the sums of some cells, in the order given."""
        mine = ("scope", "hits", "squares", "hits_hits", "hits_units", "holders")
        return self._replace(**{name: getattr(self, name)[cells] for name in mine})


def sums(units: Units, hits: Units, scope: Ints, *, n_scopes: int, n_slots: int) -> Sums:
    """Sum up units and hits over clusters.

    Parameters
    ----------
    units : Units
        Every unit once; `of` is its scope.
    hits : Units
        The hits; `of` is their cell. Without values each counts 1.
    scope : int64[C]
        The scope of each cell.
    n_scopes, n_slots : int
        How many there are.
    """
    n_cells = len(scope)
    had, held = _tally(units, n_scopes, n_slots), _tally(hits, n_cells, n_slots)
    each = np.ones(len(hits.of)) if hits.value is None else hits.value
    return Sums(
        scope=scope,
        n=_by_slot(had.of, had.slot, had.total, (n_scopes, n_slots)),
        clusters=_by_slot(had.of, had.slot, None, (n_scopes, n_slots)),
        units_units=_products(had, had.of, had, n_scopes, n_slots, n_scopes),
        hits=_by_slot(held.of, held.slot, held.total, (n_cells, n_slots)),
        squares=_by_slot(hits.of, hits.slot, each * each, (n_cells, n_slots)),
        hits_hits=_products(held, held.of, held, n_cells, n_slots, n_cells),
        hits_units=_products(held, scope[held.of], had, n_cells, n_slots, n_scopes),
        holders=_holders(held, n_cells),
    )


def merge(parts: Sequence[Sums]) -> Sums:
    """Add up the sums of blocks of whole clusters, in their order."""
    first = parts[0]
    for part in parts[1:]:
        added = (mine + other for mine, other in zip(first[1:], part[1:], strict=True))
        first = Sums(first.scope, *added)
    return first


class _Tally(NamedTuple):
    """What each cluster has in each scope (or cell) and slot, sorted by these three."""

    cluster: Ints
    of: Ints
    slot: Ints
    total: Floats


def _tally(units: Units, n_of: int, n_slots: int) -> _Tally:
    key = (units.cluster * n_of + units.of) * n_slots + units.slot
    known, place = np.unique(key, return_inverse=True)
    pair, slot = np.divmod(known, max(n_slots, 1))
    cluster, of = np.divmod(pair, max(n_of, 1))
    return _Tally(cluster, of, slot, np.bincount(place, units.value, minlength=len(known)).astype(float))


def _by_slot(of: Ints, slot: Ints, weights: Floats | None, shape: tuple[int, int]) -> Floats:
    counts = np.bincount(of * shape[1] + slot, weights, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(np.float64)


def _products(one: _Tally, scope: Ints, other: _Tally, n_of: int, n_slots: int, n_scopes: int) -> Floats:
    """Multiply each entry of `one` with those of `other` that its cluster has in its scope."""
    theirs = other.cluster * n_scopes + other.of
    wanted = one.cluster * n_scopes + scope
    start, end = (np.searchsorted(theirs, wanted, side) for side in ("left", "right"))
    total = np.zeros(n_of * n_slots * n_slots)
    for step in range(int((end - start).max(initial=0))):
        mine = np.flatnonzero(start + step < end)
        at = start[mine] + step
        place = (one.of[mine] * n_slots + one.slot[mine]) * n_slots + other.slot[at]
        total += np.bincount(place, one.total[mine] * other.total[at], minlength=len(total))
    return total.reshape(n_of, n_slots, n_slots)


def _holders(held: _Tally, n_cells: int) -> Floats:
    new = np.ones(len(held.of), dtype=np.bool_)
    new[1:] = (held.of[1:] != held.of[:-1]) | (held.cluster[1:] != held.cluster[:-1])
    return np.bincount(held.of[new], minlength=n_cells).astype(np.float64)
