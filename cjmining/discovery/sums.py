"""Shares with limits and quantiles of attempts, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from cjmining.kernels.clusters import sums
from cjmining.stats import Share, wilson_of_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.clusters import Sums

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]

SECOND: Final = 1_000_000
"""Microseconds."""


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


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """Return part / whole, NaN where there is nothing to divide by."""
    found = np.full(len(part), np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def words(names: Sequence[str], codes: NDArray[np.integer]) -> pd.Series[str]:
    """Return names of codes as a text column."""
    return pd.Series(np.asarray(names, dtype=object)[codes], dtype="str")


def chosen(names: Sequence[str], codes: NDArray[np.integer]) -> pd.Categorical:
    """Return names of codes as a column that holds each name once."""
    place = {name: number for number, name in enumerate(dict.fromkeys(names))}
    if len(place) < len(names):  # steps of a funnel may share a name
        codes = np.array([place[name] for name in names], np.int64)[codes]
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(place), dtype="str"))


def moments(microseconds: Ints, known: Flags | None = None) -> pd.DatetimeIndex:
    """Return moments in UTC, NaT where not known."""
    times = microseconds.astype("datetime64[us]")
    if known is not None:
        times = np.where(known, times, np.datetime64("NaT", "us"))
    return pd.DatetimeIndex(times).tz_localize("UTC")


def share_text(share: Share) -> str:
    """Write a share as people read it: "34 % (29-39 %)".

    Examples
    --------
    >>> share_text(Share(0.34, 0.29, 0.392))
    '34 % (29-39 %)'
    """
    if np.isnan(share.share):
        return "none to tell of"
    return f"{100 * share.share:.0f} % ({100 * share.lower:.0f}-{100 * share.upper:.0f} %)"


def time_text(seconds: float) -> str:
    """Write a length of time in its largest unit that makes it at least one.

    Examples
    --------
    >>> time_text(181_440), time_text(660), time_text(0.25)
    ('2.1 d', '11 min', '0.25 s')
    """
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            amount = seconds / length
            return f"{amount:,.0f} {unit}" if amount >= 10 else f"{amount:.2g} {unit}"
    return f"{seconds:.2g} s"


def open_text(number: int, otherwise: str, *, timed: bool) -> str:
    """Say how many attempts are open, and what that means; nothing where none is.

    Examples
    --------
    >>> open_text(2, "may still arrive", timed=True), open_text(2, "may still arrive", timed=False)
    (', 2 of them with time left', ', 2 of them may still arrive')
    """
    if not number:
        return ""
    return f", {number:,} of them {'with time left' if timed else otherwise}"


def plural(number: int, word: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> plural(1, "way"), plural(1200, "way")
    ('1 way', '1,200 ways')
    """
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
