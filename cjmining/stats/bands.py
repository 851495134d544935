"""Limits of probabilities whose variance is known, and bands that hold whole curves."""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.stats.shares import Z95

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Limits(NamedTuple):
    """Lower and upper limits, arrays of the shape of what they are for."""

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


def limits_of_probabilities(
    probability: ArrayLike, variance: ArrayLike, followed: ArrayLike, *, width: ArrayLike = Z95
) -> Limits:
    """Return Wilson limits of probabilities whose variance is known, as of an effective number of units.

    The effective number is that of independent, wholly observed units whose share would have this variance: p
    (1 - p) / variance. So the limits are Wilson's where a probability is the plain share of such units.

    Parameters
    ----------
    probability, variance : array of float
        Estimates from 0 to 1, and their variances.
    followed : array of float
        How many units count where a probability is 0 or 1, since its variance is then 0.
    width : array of float, optional
        How many standard errors to either side: 1.96 for limits at 95 % of one probability, that of
        `width_of_band` for a whole curve.

    Returns
    -------
    Limits
        NaN where the probability or the width is NaN, or it is 0 or 1 and nobody was followed.

    References
    ----------
    Rothman (1978), doi:10.1016/0021-9681(78)90043-7; compared with others by Anderson, Bernstein and Pike
    (1982), doi:10.2307/2530453.

    Examples
    --------
    >>> lower, upper = limits_of_probabilities([0.1, 0.0], [0.1 * 0.9 / 100, 0.0], [100, 20])
    >>> lower.round(4).tolist(), upper.round(4).tolist()
    ([0.0552, 0.0], [0.1744, 0.1611])
    """
    share, spread, units, z = np.broadcast_arrays(
        *(np.asarray(each, dtype=np.float64) for each in (probability, variance, followed, width))
    )
    certain = (share < _NOTHING) | (share > 1 - _NOTHING) | (spread <= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(certain, units, share * (1 - share) / np.where(certain, 1.0, spread))
        z2 = z * z
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = z / (1 + z2 / n) * np.sqrt(np.maximum(share * (1 - share), 0.0) / n + z2 / (4 * n * n))
        lower = np.where(share < _NOTHING, 0.0, np.maximum(middle - half, 0.0))
        upper = np.where(share > 1 - _NOTHING, 1.0, np.minimum(middle + half, 1.0))
    known = ~np.isnan(share) & ~np.isnan(z) & (n > 0)
    return Limits(np.where(known, lower, np.nan), np.where(known, upper, np.nan))


_NOTHING = 1e-12
"""Probabilities are sums of floats: what is nearer to 0 or 1 than this is 0 or 1."""


def width_of_band(covariance: NDArray[np.float64], *, level: float = 0.95) -> float:
    """Return how many standard errors a band needs to hold a whole curve at once.

    Parameters
    ----------
    covariance : float64[P, P]
        Of the estimates at the points of the curve; in any unit, since only correlations count.
    level : float
        How sure, from 0 to 1.

    Returns
    -------
    float
        The quantile of the largest of P correlated normal deviates, from draws with a fixed seed (within some
        0.03); never less than what one point needs.

    References
    ----------
    Montiel Olea and Plagborg-Moller (2019), doi:10.1002/jae.2656, the sup-t band.

    Examples
    --------
    One point needs 1.96; two that know nothing of each other need 2.24 (Sidak):

    >>> bool(abs(width_of_band(np.eye(2)) - 2.236) < 0.03)
    True
    """
    deviation = np.sqrt(np.diag(covariance))
    varies = deviation > _NOTHING * deviation.max(initial=0.0)
    correlation = covariance[np.ix_(varies, varies)] / np.outer(deviation[varies], deviation[varies])
    one_point = NormalDist().inv_cdf((1 + level) / 2)
    if not correlation.size:
        return one_point
    root = np.linalg.cholesky(correlation + _APART * np.eye(len(correlation)))
    curves = root.astype(np.float32) @ _draws(-(-len(root) // 64) * 64)[:, : len(root)]
    largest = np.maximum(curves.max(axis=1), -curves.min(axis=1)).ravel()
    return max(one_point, float(np.quantile(largest, level)))


_APART = 1e-6
"""Keeps points between which nothing happened from being one and the same."""


@lru_cache(maxsize=2)
def _draws(size: int) -> NDArray[np.float32]:
    """Return 8,000 draws of so many normal deviates, in blocks small enough to be multiplied on one thread.

    Threads that wait for each other cost more than such products do.
    """
    return np.random.default_rng(1).standard_normal((250, size, 32), dtype=np.float32)
