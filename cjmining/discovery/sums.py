"""Shares with limits and quantiles of attempts, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.discovery.columns import SECOND
from cjmining.kernels.clusters import sums
from cjmining.stats import Share, wilson_of_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.clusters import Sums

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]


class Grouped(NamedTuple):
    """Attempts by group, and whose they are; those of one customer lie together.

    Attributes
    ----------
    group : int32[A]
    customer : int64[A]
    names : tuple of str
        Of the groups.
    order : int64[A] or None
        The attempts by group; None where there is one group.
    starts : int64[G + 1]
        Where each group begins in that order.
    """

    group: Codes
    customer: Ints
    names: tuple[str, ...]
    order: Ints | None
    starts: Ints

    @classmethod
    def of(cls, group: Codes, customer: Ints, names: tuple[str, ...]) -> Grouped:
        """Order attempts by group."""
        order = np.argsort(group, kind="stable") if len(names) > 1 else None
        starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=len(names)))])
        return cls(group, customer, names, order, starts)

    def of_some(self, chosen: Ints) -> Grouped:
        """Return some of them, ascending, maybe several times: attempts of these journeys."""
        return Grouped.of(self.group[chosen], self.customer[chosen], self.names)

    def number(self, kept: Flags) -> Ints:
        """Return how many of each group are kept."""
        return np.bincount(self.group[kept], minlength=len(self.names))

    def sums(self, unit: Flags, hit: Flags) -> Sums:
        """Add up units and hits over the customers of each group."""
        return sums(self.group, self.customer, unit, hit, len(self.names))

    def quantiles(self, values: Ints, kept: Flags, wanted: Sequence[float]) -> Floats:
        """Return exact quantiles in seconds of microseconds, a row a group; NaN where a group has none.

        They are those of `numpy.quantile`: between two values on a straight line.
        """
        found = np.full((len(self.names), len(wanted)), np.nan)
        if self.order is not None:
            values, kept = values[self.order], kept[self.order]
        for group in range(len(self.names)):
            of_group = slice(self.starts[group], self.starts[group + 1])
            mine = values[of_group][kept[of_group]]
            if len(mine):
                found[group] = np.quantile(mine, wanted) / SECOND
        return found


def shares(found: Sums) -> list[Share]:
    """Return each group's share of hits in units, with limits that allow for customers' several units."""
    rows = zip(found.hits, found.units, found.squares, found.products, found.sizes, strict=True)
    return [
        wilson_of_clusters(int(hits), int(units), (int(dd), int(dn), int(nn)))
        for hits, units, dd, dn, nn in rows
    ]
