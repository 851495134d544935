"""Risks of those with something beside those without, alike in everything that strata hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.stats import Z95, newcombe

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


class Strata(NamedTuple):
    """A two-by-two table a stratum, as float64[S]: hits and units of the exposed, and of the others."""

    hits: Floats
    n: Floats
    other_hits: Floats
    other_n: Floats

    @property
    def comparable(self) -> Bools:
        """Which strata hold both exposed and others."""
        both: Bools = (self.n > 0) & (self.other_n > 0)
        return both


class Adjusted(NamedTuple):
    """Risks over strata; NaN where no stratum holds both exposed and others.

    Attributes
    ----------
    risk, other_risk : float
        Shares of hits over the strata that hold both, with the weights of Mantel and Haenszel.
    difference, lower, upper : float
        Of these two shares, with 95 % limits; these are Newcombe's where one side has no hits, or nothing
        but hits, in any stratum.
    ratio, ratio_lower, ratio_upper : float
        Likewise; the limits are NaN where one side has no hits.
    z : float
        By how many standard errors the hits of the exposed exceed those expected.
    least : float
        The least of the four counts expected if exposure made no difference.
    effect : float
        How many times wider clusters make the variance.
    """

    risk: float
    other_risk: float
    difference: float
    lower: float
    upper: float
    ratio: float
    ratio_lower: float
    ratio_upper: float
    z: float
    least: float
    effect: float

    def p(self, *, more: bool = False) -> float:
        """Return the p value of no difference; with `more`, of no more hits among the exposed."""
        if math.isnan(self.z):
            return math.nan
        return 0.5 * math.erfc(self.z / math.sqrt(2)) if more else math.erfc(abs(self.z) / math.sqrt(2))


_NAN = math.nan
NOTHING = Adjusted(_NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, 0.0, 1.0)


def mantel_haenszel(
    hits: ArrayLike, n: ArrayLike, other_hits: ArrayLike, other_n: ArrayLike, *, effect: float = 1.0
) -> Adjusted:
    """Compare risks over strata.

    Parameters
    ----------
    hits, n : array of float, shape (S,)
        How many of how many exposed, by stratum.
    other_hits, other_n : array of float, shape (S,)
        And of the others.
    effect : float
        Design effect: variances are this many times those of independent units.

    Returns
    -------
    Adjusted

    References
    ----------
    Mantel and Haenszel (1959), doi:10.1093/jnci/22.4.719; Cochran (1954), doi:10.2307/3001616 (the test,
    without continuity correction); Greenland and Robins (1985), doi:10.2307/2530643 (risk ratio); Sato
    (1989), Biometrics 45, 1323-1324 (variance of the difference, for few large strata and many small ones).
    Where one side has no hits, or nothing but hits, in all strata, that variance holds nothing of it and
    limits collapse; there they are Newcombe's (1998), doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-
    SIM779>3.0.CO;2-I, of the two weighted shares with the sizes that give these the same variance unweighted
    (as Yan and Su 2010, doi:10.1198/sbr.2009.0049, have them over strata).

    Examples
    --------
    Deaths of diabetics given tolbutamide or placebo, by age (Rothman, Greenland and Lash 2008, table 15-1):

    >>> found = mantel_haenszel([8, 22], [106, 98], [5, 16], [120, 85])
    >>> round(found.difference, 4), round(found.ratio, 2)
    (0.0349, 1.33)
    """
    table = Strata(*(np.asarray(each, dtype=np.float64) for each in (hits, n, other_hits, other_n)))
    table = Strata(*(each[table.comparable] for each in table))
    a, n1, b, n0 = table
    if not len(a):
        return NOTHING
    total, both = n1 + n0, a + b
    w = n1 * n0 / total
    weight, over, under = w.sum(), (a * n0 / total).sum(), (b * n1 / total).sum()
    difference = (over - under) / weight
    limits = _limits(table, float(difference), effect)
    ratio, lower, upper = _ratio(table, over, under, effect)
    varies = total > 1
    spread = (n1 * n0 * both * (total - both))[varies] / (total**2 * (total - 1))[varies]
    excess, variance = (a - n1 * both / total).sum(), effect * spread.sum()
    expected = [(side * part / total).sum() for side in (n1, n0) for part in (both, total - both)]
    return Adjusted(
        risk=float(over / weight),
        other_risk=float(under / weight),
        difference=float(difference),
        lower=max(-1.0, limits[0]),
        upper=min(1.0, limits[1]),
        ratio=ratio,
        ratio_lower=lower,
        ratio_upper=upper,
        z=float(excess / math.sqrt(variance)) if variance > 0 else math.nan,
        least=float(min(expected)),
        effect=effect,
    )


def by_strata(stratum: Ints, exposed: Bools, hit: Bools, cluster: Ints) -> tuple[Adjusted, Strata]:
    """Compare units in strata, with limits that allow for several units of one customer.

    Parameters
    ----------
    stratum : int64[N]
        Stratum of each unit, at least 0.
    exposed, hit : bool[N]
        Whether it was exposed, and whether it is a hit.
    cluster : int64[N]
        Whose it is.

    Returns
    -------
    Adjusted, Strata
        And the table of each stratum, by its number.
    """
    size = int(stratum.max(initial=-1)) + 1
    table = Strata(
        *(
            np.bincount(stratum[rows], minlength=size).astype(np.float64)
            for rows in (exposed & hit, exposed, ~exposed & hit, ~exposed)
        )
    )
    plain = mantel_haenszel(*table)
    if math.isnan(plain.difference):
        return plain, table
    a, n1, b, n0 = table
    total = np.maximum(n1 + n0, 1)
    weight = (n1 * n0 / total).sum()
    expected = (a + b - n1 * plain.difference) / total
    at = stratum
    share = np.where(exposed, n0[at], -n1[at]) / total[at] / weight
    influence = share * (hit - expected[at] - np.where(exposed, plain.difference, 0.0))
    effect = _effect(influence, cluster, table, plain.difference)
    return mantel_haenszel(*table, effect=effect), table


def by_risk_sets(
    stratum: Ints, exposed: Bools, since: Ints, hit: Bools, cluster: Ints
) -> tuple[Adjusted, Strata, Ints, Bools]:
    """Compare each exposed unit with those of its stratum that lasted as long without being exposed.

    Each exposed unit makes a stratum of its own with all that were still there when it was exposed, so that
    nobody is held against units which had gone before, and time without exposure counts as such.

    Parameters
    ----------
    stratum : int64[N]
        Stratum of each unit, at least 0.
    exposed, hit : bool[N]
        Whether it was exposed, and whether it is a hit.
    since : int64[N]
        How long after its beginning an exposed one was exposed; how long another lasted unexposed.
    cluster : int64[N]
        Whose it is.

    Returns
    -------
    Adjusted
    Strata
        One table an exposed unit.
    numpy.ndarray of int64
        The stratum of each of these.
    numpy.ndarray of bool, shape (N,)
        Which units were held against others.

    References
    ----------
    Mantel and Byar (1974), doi:10.1080/01621459.1974.10480131; Li, Propert and Rosenbaum (2001),
    doi:10.1198/016214501753208573 (risk sets).
    """
    one, other = np.flatnonzero(exposed), np.flatnonzero(~exposed)
    key, end = _keys(stratum, since)
    other = other[np.argsort(key[other])]
    first, last = (np.searchsorted(key[other], each[one]) for each in (key, end))
    before = np.concatenate([[0], np.cumsum(hit[other])])
    table = Strata(
        hit[one].astype(np.float64),
        np.ones(len(one)),
        (before[last] - before[first]).astype(np.float64),
        (last - first).astype(np.float64),
    )
    plain = mantel_haenszel(*table)
    used = np.zeros(len(stratum), dtype=bool)
    if math.isnan(plain.difference):
        return plain, table, stratum[one], used
    w = table.other_n / (1 + table.other_n)
    expected = (table.hits + table.other_hits - plain.difference) / (1 + table.other_n)
    influence = np.zeros(len(stratum))
    influence[one] = w * (table.hits - expected - plain.difference)
    shares, sums = _held_against(key, stratum, one, other, w / np.maximum(table.other_n, 1), expected)
    influence[other] = sums - shares * hit[other]
    used[one], used[other] = table.comparable, shares > 0
    effect = _effect(influence / w.sum(), cluster, table, plain.difference)
    return mantel_haenszel(*table, effect=effect), table, stratum[one], used


def _keys(stratum: Ints, since: Ints) -> tuple[Ints, Ints]:
    """Write stratum and time as one number that ascends with both; return also where each stratum ends."""
    width = int(since.max(initial=0)) + 1
    if (int(stratum.max(initial=0)) + 1) * width >= _LARGEST:
        since = np.unique(since, return_inverse=True)[1]
        width = int(since.max()) + 1
    return stratum * width + since, (stratum + 1) * width


_LARGEST = 1 << 62


def _held_against(
    key: Ints, stratum: Ints, one: Ints, other: Ints, share: Floats, expected: Floats
) -> tuple[Floats, Floats]:
    """Add up each unexposed unit's weights in risk sets, and these times what was expected there."""
    order = np.argsort(key[one], kind="stable")
    ascending = key[one][order]
    start = np.searchsorted(stratum[one][order], stratum[other])
    until = np.searchsorted(ascending, key[other], side="right")
    found = []
    for values in (share, share * expected):
        sums = np.concatenate([[0.0], np.cumsum(values[order])])
        found.append(sums[np.maximum(until, start)] - sums[start])
    return found[0], found[1]


def _limits(table: Strata, difference: float, effect: float) -> tuple[float, float]:
    a, n1, b, n0 = table
    if not all(part.sum() > 0 for part in (a, n1 - a, b, n0 - b)):
        return _limits_with_a_zero(table, effect)
    half = Z95 * math.sqrt(effect * _variance_of_difference(table, difference))
    return difference - half, difference + half


def _limits_with_a_zero(table: Strata, effect: float) -> tuple[float, float]:
    """Return Newcombe's limits of the weighted shares."""
    a, n1, b, n0 = table
    w = n1 * n0 / (n1 + n0)
    sizes = [float(w.sum() ** 2 / (w**2 / n).sum()) for n in (n1, n0)]
    shares = [float((w * hits / n).sum() / w.sum()) for hits, n in ((a, n1), (b, n0))]
    found = newcombe(
        shares[0] * sizes[0], sizes[0], shares[1] * sizes[1], sizes[1], effect=effect, other_effect=effect
    )
    return found.lower, found.upper


def _variance_of_difference(table: Strata, difference: float) -> float:
    """Return Sato's variance of the difference; it is right for large strata as well as for many."""
    a, n1, b, n0 = table
    total = n1 + n0
    p = (n1**2 * b - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / total**2
    q = (a * (n0 - b) + b * (n1 - a)) / (2 * total)
    return max(0.0, float((difference * p.sum() + q.sum()) / (n1 * n0 / total).sum() ** 2))


def _ratio(table: Strata, over: Any, under: Any, effect: float) -> tuple[float, float, float]:  # noqa: ANN401
    """Return the ratio of the risks with the limits of Greenland and Robins."""
    a, n1, b, n0 = table
    total, both = n1 + n0, a + b
    if under <= 0:
        return (math.nan if over <= 0 else math.inf), math.nan, math.nan
    ratio = float(over / under)
    if over <= 0:
        return ratio, math.nan, math.nan
    variance = ((n1 * n0 * both - a * b * total) / total**2).sum() / (over * under)
    half = Z95 * math.sqrt(effect * max(0.0, float(variance)))
    return ratio, ratio * math.exp(-half), ratio * math.exp(half)


_MOST_SUMS = 1 << 24


def _effect(influence: Floats, cluster: Ints, table: Strata, difference: float) -> float:
    """Return by how much units of one cluster, taken together, widen the variance; at least 1."""
    chosen = Strata(*(each[table.comparable] for each in table))
    alone = _variance_of_difference(chosen, difference)
    if len(cluster) and not 0 <= cluster.min() <= cluster.max() < _MOST_SUMS:
        cluster = np.unique(cluster, return_inverse=True)[1]  # customers may have numbers of any size
    together = float((np.bincount(cluster, weights=influence) ** 2).sum())
    return max(1.0, together / alone) if alone > 0 else 1.0
