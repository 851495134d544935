"""Differences of many shares at once: `stats.newcombe` with design effects, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.discovery.columns import ratio
from cjmining.stats.shares import Z95

if TYPE_CHECKING:
    from cjmining.discovery.sums import Floats, Ints
    from cjmining.kernels.paths import Presence


class Side(NamedTuple):
    """One side of each comparison.

    Attributes
    ----------
    hits, n : int64[R]
        How many of how many.
    squares, products, sizes : int64[R]
        Sums over customers, of a customer's hits d and units n: d x d, d x n, n x n.
    """

    hits: Ints
    n: Ints
    squares: Ints
    products: Ints
    sizes: Ints


def side_of(counted: Presence, side: int, group: Ints, code: Ints) -> Side:
    """Return one side, arrived or not, of the cells of some groups and steps."""
    return Side(
        counted.having[group, side, code],
        counted.attempts[group, side],
        counted.squares[group, side, code],
        counted.products[group, side, code],
        counted.sizes[group, side],
    )


def differences(one: Side, other: Side) -> Floats:
    """Return each share less the other with Newcombe's limits at 95 %, as float64[R, 3].

    Units of one customer say less than independent ones by the design effect of Rao and Scott; where all of a
    side are hits, or none, nobody sees how alike they are, and each customer's count as if they agreed. NaN
    where a side is empty.
    """
    (share, lower, upper), (less, less_lower, less_upper) = _wilson(one), _wilson(other)
    difference = share - less
    below, above = np.hypot(share - lower, less_upper - less), np.hypot(upper - share, less - less_lower)
    return np.stack([difference, difference - below, difference + above], axis=1)


def _wilson(side: Side) -> tuple[Floats, Floats, Floats]:
    """Return shares with Wilson's limits for as many units as they are worth."""
    share = ratio(side.hits, side.n)
    n = side.n / _effect(side, share)
    n = np.where(n > 0, n, np.nan)
    z2 = Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    lower = np.where(side.hits == 0, 0.0 * n, np.maximum(0.0, middle - half))
    upper = np.where(side.hits == side.n, 1.0 + 0.0 * n, np.minimum(1.0, middle + half))
    return share, lower, upper


def _effect(side: Side, share: Floats) -> Floats:
    """Return by how much the units of each side say less than as many independent ones; at least 1."""
    varied = side.squares - 2 * share * side.products + share * share * side.sizes
    seen = ratio(varied, side.n * share * (1 - share))
    agreed = ratio(side.sizes, side.n)
    return np.fmax(1.0, np.where((side.hits > 0) & (side.hits < side.n), seen, agreed))
