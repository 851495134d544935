"""The few statistics that results state: shares with limits, comparisons, and many comparisons at once."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


class Share(NamedTuple):
    """A share with its limits; NaN where there is nothing to divide by."""

    share: float
    lower: float
    upper: float


class Comparison(NamedTuple):
    """A risk against another: their ratio with 95 % limits, and the p value of no difference."""

    risk_ratio: float
    lower: float
    upper: float
    p: float


def wilson(successes: float, n: float) -> Share:
    """Return a share with Wilson's score limits at 95 %.

    Parameters
    ----------
    successes, n : float
        How many of how many.

    Returns
    -------
    Share
        `share`, `lower`, `upper`, each from 0 to 1.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> tuple(round(x, 4) for x in wilson(10, 100))
    (0.1, 0.0552, 0.1744)
    """
    if n <= 0:
        return Share(math.nan, math.nan, math.nan)
    share, z2 = successes / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    lower = 0.0 if successes == 0 else max(0.0, middle - half)
    upper = 1.0 if successes == n else min(1.0, middle + half)
    return Share(share, lower, upper)


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Return q values: the least false-discovery rate at which each comparison would be reported.

    Parameters
    ----------
    p : array of float
        p values of all comparisons made; NaN for those that could not be made, which don't count.

    Returns
    -------
    numpy.ndarray
        One q value for each p value, in the same order; NaN stays NaN.

    References
    ----------
    Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    values = np.asarray(p, dtype=np.float64)
    q = np.full(values.shape, np.nan)
    made = np.flatnonzero(~np.isnan(values))
    order = made[np.argsort(values[made], kind="stable")]
    scaled = values[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def compare_shares(hits: int, n: int, other_hits: int, other_n: int) -> Comparison:
    """Compare two shares: risk ratio with Katz's log limits at 95 %, p by Fisher's exact test.

    Where one count is 0, half a journey is added to each cell for the limits (Haldane), not for the ratio.

    Parameters
    ----------
    hits, n : int
        How many of how many in the group.
    other_hits, other_n : int
        And in what it is held against.

    Returns
    -------
    Comparison
        All NaN where one side is empty; the ratio is infinite where only the other side has none.

    References
    ----------
    Katz et al. (1978), doi:10.2307/2530610.

    Examples
    --------
    >>> found = compare_shares(40, 100, 20, 100)
    >>> found.risk_ratio, round(found.lower, 2), round(found.upper, 2), round(found.p, 4)
    (2.0, 1.27, 3.17, 0.0032)
    """
    if n <= 0 or other_n <= 0:
        return Comparison(math.nan, math.nan, math.nan, math.nan)
    from scipy.stats import fisher_exact

    p = float(fisher_exact([[hits, n - hits], [other_hits, other_n - other_hits]]).pvalue)
    add = 0.5 if 0 in (hits, other_hits) else 0.0
    share, other = (hits + add) / (n + 2 * add), (other_hits + add) / (other_n + 2 * add)
    error = math.sqrt((1 - share) / (hits + add) + (1 - other) / (other_hits + add))
    middle = math.log(share / other)
    lower, upper = math.exp(middle - Z95 * error), math.exp(middle + Z95 * error)
    if other_hits == 0:
        ratio = math.inf if hits else math.nan
    else:
        ratio = (hits / n) / (other_hits / other_n)
    return Comparison(ratio, lower, upper, p)
