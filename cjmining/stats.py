"""The few statistics that results state: shares with limits, comparisons, and many comparisons at once."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

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


def compare_shares(
    hits: int, n: int, other_hits: int, other_n: int, *, effect: float = 1.0, other_effect: float = 1.0
) -> Comparison:
    """Compare two shares: risk ratio with Katz's log limits at 95 %, p by Fisher's exact test.

    Where one count is 0, half a journey is added to each cell for the limits (Haldane), not for the ratio.

    Parameters
    ----------
    hits, n : int
        How many of how many in the group.
    other_hits, other_n : int
        And in what it is held against.
    effect, other_effect : float
        Design effects: limits and p are those of this many times fewer units (Rao and Scott).

    Returns
    -------
    Comparison
        All NaN where one side is empty; the ratio is infinite where only the other side has no hit.

    References
    ----------
    Katz et al. (1978), doi:10.2307/2530610; Rao and Scott (1992), doi:10.2307/2532311.

    Examples
    --------
    >>> found = compare_shares(40, 100, 20, 100)
    >>> found.risk_ratio, round(found.lower, 2), round(found.upper, 2), round(found.p, 4)
    (2.0, 1.26, 3.17, 0.0032)
    """
    if n <= 0 or other_n <= 0:
        return Comparison(math.nan, math.nan, math.nan, math.nan)
    ratio = math.nan if hits == 0 else math.inf
    if other_hits:
        ratio = (hits / n) / (other_hits / other_n)
    a, b = hits / effect, (n - hits) / effect
    c, d = other_hits / other_effect, (other_n - other_hits) / other_effect
    p = fisher(round(a), round(b), round(c), round(d))
    if 0 in (hits, other_hits):
        a, b, c, d = a + 0.5, b + 0.5, c + 0.5, d + 0.5
    error = math.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    middle = math.log(a / (a + b) / (c / (c + d)))
    return Comparison(ratio, math.exp(middle - Z95 * error), math.exp(middle + Z95 * error), p)


def p_of_turning(z: ArrayLike) -> float:
    """Test whether differences in strata have both directions, more than chance would give them.

    Parameters
    ----------
    z : array of float
        The difference in each stratum over its standard error.

    Returns
    -------
    float
        p value of all true differences having one direction, or being none; NaN for fewer than two strata.

    References
    ----------
    Gail and Simon (1985), doi:10.2307/2530862, the likelihood-ratio test of qualitative interactions.

    Examples
    --------
    Their example of a trial in four groups of patients:

    >>> round(p_of_turning([0.163 / 0.0788, -0.114 / 0.0689, -0.047 / 0.0614, -0.151 / 0.0547]), 3)
    0.088
    """
    values = np.asarray(z, dtype=np.float64)
    others = len(values) - 1
    if others < 1:
        return math.nan
    from scipy.special import gammaincc

    q = min(float((values[values > 0] ** 2).sum()), float((values[values < 0] ** 2).sum()))
    weights = [math.comb(others, k) / 2**others for k in range(1, others + 1)]
    return float(sum(w * gammaincc(k / 2, q / 2) for k, w in enumerate(weights, 1)))


def fisher(a: int, b: int, c: int, d: int) -> float:
    """Return the two-sided p value of Fisher's exact test of a table [[a, b], [c, d]].

    It adds up the tables with the same margins that are no likelier than this one. What lies 40 standard
    deviations from the likeliest, and beyond this table, is left out: it is below the least float.

    Parameters
    ----------
    a, b, c, d : int
        Hits and others of one group, then of the other.

    References
    ----------
    Fisher (1935), doi:10.2307/2342435.

    Examples
    --------
    The lady who told three of four cups of tea from each other:

    >>> round(fisher(3, 1, 1, 3), 4)
    0.4857
    """
    n, hits, total = a + b, a + c, a + b + c + d
    least, most = max(0, hits - (c + d)), min(n, hits)
    if least == most:
        return 1.0
    mode = min(max((n + 1) * (hits + 1) // (total + 2), least), most)
    spread = math.sqrt(n * (hits / total) * (1 - hits / total) * (total - n) / (total - 1))
    reach = math.ceil(40 * spread) + 1
    first, last = max(least, min(mode - reach, a)), min(most, max(mode + reach, a))
    k = np.arange(first, last, dtype=np.float64)
    steps = np.log((hits - k) * (n - k)) - np.log((k + 1) * (total - n - hits + k + 1))
    chances = np.concatenate([[0.0], np.cumsum(steps)])
    chances -= chances[mode - first]
    likely = np.exp(chances)
    return min(1.0, float(likely[chances <= chances[a - first] + _AS_LIKELY].sum() / likely.sum()))


_AS_LIKELY = 1e-7
"""Tables whose chances differ by no more than floats do are as likely as each other."""


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
