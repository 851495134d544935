"""Shares, their differences, and means, with limits that allow for units in clusters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


Z95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


class Share(NamedTuple):
    """A share with its limits; NaN where there is nothing to divide by."""

    share: float
    lower: float
    upper: float


class Difference(NamedTuple):
    """A share less another, with its limits; NaN where one of them is of nothing."""

    difference: float
    lower: float
    upper: float


class Mean(NamedTuple):
    """A mean with its limits; they are NaN where fewer than two clusters tell how far it may be off."""

    mean: float
    lower: float
    upper: float


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


def wilson_of_clusters(successes: float, n: float, clusters: Sequence[float] | NDArray[np.int64]) -> Share:
    """Return a share with Wilson's limits at 95 %, as wide as units that come in clusters make them.

    The limits are those of `n` over the design effect of the clusters, taken around the share itself, so they
    are never narrower than Wilson's. Where all units are hits, or none, nobody can see how alike those of one
    cluster are: each cluster then counts as if its units always agreed.

    Parameters
    ----------
    successes, n : float
        How many of how many.
    clusters : sequence of float, shape (3,)
        Sums over clusters, of a cluster's hits d and units n: d x d, d x n, n x n.

    References
    ----------
    Rao and Scott (1992), doi:10.2307/2532311; Wilson (1927), doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    Twenty calls of ten customers, both kept or both not, say as much as ten calls:

    >>> wilson_of_clusters(10, 20, (20, 20, 40)) == wilson(5, 10)
    True
    """
    if n <= 0:
        return Share(math.nan, math.nan, math.nan)
    share = successes / n
    agreed = max(1.0, float(clusters[2]) / n)
    effect = design_effect(n, clusters, share) if 0 < share < 1 else agreed
    return wilson(successes / effect, n / effect)._replace(share=share)


def newcombe(
    hits: float,
    n: float,
    other_hits: float,
    other_n: float,
    *,
    effect: float = 1.0,
    other_effect: float = 1.0,
) -> Difference:
    """Return a share less another, with limits at 95 % from the Wilson limits of both.

    Parameters
    ----------
    hits, n : float
        How many of how many.
    other_hits, other_n : float
        And of those it is held against.
    effect, other_effect : float
        Design effects: the limits are those of this many times fewer units (Rao and Scott).

    Returns
    -------
    Difference
        `difference` (hits / n less other_hits / other_n), `lower`, `upper`, each from -1 to 1; NaN where one
        side is empty.

    References
    ----------
    Newcombe (1998), doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, method 10.

    Examples
    --------
    >>> tuple(round(x, 4) for x in newcombe(56, 70, 48, 80))
    (0.2, 0.0524, 0.3339)
    """
    share, lower, upper = wilson(hits / effect, n / effect)
    other, other_lower, other_upper = wilson(other_hits / other_effect, other_n / other_effect)
    difference = share - other
    below = math.hypot(share - lower, other_upper - other)
    above = math.hypot(upper - share, other - other_lower)
    return Difference(difference, difference - below, difference + above)


def mean_of_clusters(total: float, n: float, clusters: Sequence[float] | NDArray[np.float64]) -> Mean:
    """Return a mean with limits at 95 % that allow for units that come in clusters.

    The variance is that of a ratio of sums over clusters, times m / (m - 1) for m clusters; the limits take
    Student's t with m - 1 degrees of freedom. With one unit a cluster they are the usual ones of a mean.

    Parameters
    ----------
    total, n : float
        Sum and number of the units.
    clusters : sequence of float, shape (4,)
        Number of clusters, and sums over them, of a cluster's sum y and units n: y x y, y x n, n x n.

    References
    ----------
    Cochran (1977), Sampling Techniques, 3rd edition, section 6.3 and 9A.

    Examples
    --------
    Answers 0.2, 0.4 and 0.9 of three customers:

    >>> found = mean_of_clusters(1.5, 3, (3, 0.04 + 0.16 + 0.81, 1.5, 3))
    >>> tuple(round(x, 3) for x in found)
    (0.5, -0.396, 1.396)
    """
    if n <= 0:
        return Mean(math.nan, math.nan, math.nan)
    mean, m = total / n, float(clusters[0])
    if m < 2:
        return Mean(mean, math.nan, math.nan)
    from scipy.stats import t

    squares, products, sizes = (float(each) for each in clusters[1:])
    spread = max(0.0, squares - 2 * mean * products + mean * mean * sizes)
    half = float(t.ppf(0.975, m - 1)) * math.sqrt(m / (m - 1) * spread) / n
    return Mean(mean, mean - half, mean + half)


def design_effect(n: float, clusters: Sequence[float] | NDArray[np.int64], share: float) -> float:
    """Return by how much units that come in clusters say less than as many independent ones; at least 1.

    Parameters
    ----------
    n : float
        How many units there are.
    clusters : sequence of float, shape (3,)
        Sums over clusters, of a cluster's hits d and units n: d x d, d x n, n x n.
    share : float
        The share of hits expected, from 0 to 1.

    References
    ----------
    Rao and Scott (1992), doi:10.2307/2532311.

    Examples
    --------
    Ten customers with two journeys each, both dropped or both not, say as much as ten journeys:

    >>> design_effect(20, (20, 20, 40), 0.5)
    2.0
    """
    independent = n * share * (1 - share)
    if independent <= 0:
        return 1.0
    squares, products, sizes = (float(each) for each in clusters)
    return max(1.0, (squares - 2 * share * products + share * share * sizes) / independent)
