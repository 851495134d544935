"""Comparisons of two groups, and of many groups or strata at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.stats.shares import Z95

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Comparison(NamedTuple):
    """A risk against another: their ratio with 95 % limits, and the p value of no difference."""

    risk_ratio: float
    lower: float
    upper: float
    p: float


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
