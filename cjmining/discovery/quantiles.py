"""Any quantiles of the times of transitions: from the histogram, or exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cjmining import asked
from cjmining.discovery.columns import SECOND, names_of
from cjmining.discovery.finish import parts_of
from cjmining.errors import LogError
from cjmining.kernels import histogram
from cjmining.kernels.sums import order_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.summary import Scan
    from cjmining.kernels.transitions import Transitions

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


def quantiles(
    scan: Scan,
    counted: Transitions,
    times: histogram.Histogram,
    shares: float | Sequence[float],
    *,
    exact: bool,
) -> pd.DataFrame:
    """Return a row a transition and a column a quantile; `Discovery.quantiles` has the columns."""
    of_column, exact = _shares(shares), asked.yes("exact", exact)
    wanted = tuple(of_column.values())
    found = _exact(scan, counted.cell, wanted) if exact else histogram.quantiles(times, counted.cell, wanted)
    group, start, to = parts_of(counted.cell, len(scan.names))
    order = np.lexsort((to, start, -counted.counts, group))
    columns = {
        "by": names_of(scan.groups, group[order]),
        "from_touchpoint": names_of(scan.names, start[order]),
        "to_touchpoint": names_of(scan.names, to[order]),
        "count": counted.counts[order],
        "journeys": counted.journeys[order],
        "customers": counted.customers[order],
    }
    named = {name: found[order, at] / SECOND for at, name in enumerate(of_column)}
    return pd.DataFrame(columns | named)


def _shares(shares: float | Sequence[float]) -> dict[str, float]:
    """Shares by the name of their column; those equal to twelve digits are one."""
    many = isinstance(shares, Iterable) and not isinstance(shares, str)
    given = list(shares) if many else [shares]  # type: ignore[arg-type]
    if not given:
        raise LogError("shares names no quantile: give shares from 0 to 1, such as (0.25, 0.95)")
    checked = [asked.number("each of shares", share, least=0, most=1) for share in given]
    return {_name(share): share for share in checked}


def _name(share: float) -> str:
    """Name the column of a quantile.

    Examples
    --------
    >>> _name(0.25), _name(0.05), _name(0.999)
    ('q25_s', 'q5_s', 'q99.9_s')
    """
    return f"q{100 * share:.12g}_s"


def _exact(scan: Scan, cell: Ints, shares: tuple[float, ...]) -> Floats:
    """Take all times of each transition at once; `cell` are those that occur, ascending."""
    part = scan.steps.whole()
    leaves = np.ones(len(part.code), np.bool_)
    leaves[part.bounds[1:][np.diff(part.bounds) > 0] - 1] = False
    start = np.flatnonzero(leaves)
    group = np.repeat(scan.group[part.journeys].astype(np.int64), np.diff(part.bounds))[start]
    names = len(scan.names)
    of = (group * names + part.code[start]) * names + part.code[start + 1]
    elapsed = np.maximum(part.timestamp[start + 1] - part.timestamp[start], 0)
    place = np.searchsorted(cell, of)
    together = elapsed[order_of(place)]
    ends = np.cumsum(np.bincount(place, minlength=len(cell)))[:-1]
    found = [np.quantile(times, shares) for times in np.split(together, ends)] if len(cell) else []
    return np.array(found).reshape(len(cell), len(shares))
