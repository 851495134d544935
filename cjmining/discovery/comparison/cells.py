"""Shares of two groups held against each other, with customers as what is independent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.stats import Z95, compare_shares, newcombe, wilson_of_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.compare import Sums

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

FEWEST_EXPECTED: Final = 5
"""Hits, and units without one, that must be expected on either side if there were no difference."""


class Compared(NamedTuple):
    """What was found of each tested cell; all float64[C] unless said otherwise.

    Attributes
    ----------
    hits, n, estimate, estimate_lower, estimate_upper : float64[C, 2]
        Of the two groups: hits and units; the share, or the median in seconds, with limits.
    difference, lower, upper : float64[C]
        The first group's estimate less the other's.
    ratio : float64[C]
        The first group's estimate over the other's; infinite where only the other is 0, NaN where both are.
    effect, effect_lower, effect_upper : float64[C]
        The difference on one scale for all tables, -1 to 1: that of the shares; of times, the share of pairs
        in which the first group takes longer less that in which it is faster.
    p : float64[C]
    customers : float64[C]
        Customers with at least one hit.
    """

    hits: Floats
    n: Floats
    estimate: Floats
    estimate_lower: Floats
    estimate_upper: Floats
    difference: Floats
    lower: Floats
    upper: Floats
    ratio: Floats
    effect: Floats
    effect_lower: Floats
    effect_upper: Floats
    p: Floats
    customers: Floats

    def only(self, cells: Bools | Ints) -> Compared:
        """Return some cells, in the order given."""
        return Compared(*(column[cells] for column in self))


def enough_expected(hits: Ints | Floats, n: Ints | Floats, effect: Floats | float = 1.0) -> Bools:
    """Say of which cells enough would be expected in both groups if they did not differ.

    Parameters
    ----------
    hits, n : array, shape (C, 2)
        Hits and units of the two groups.
    effect : float or float64[C]
        Design effects: what is expected is counted in independent units.
    """
    both, total = hits.sum(axis=1), n.sum(axis=1)
    share = np.divide(both, total, out=np.zeros(len(both)), where=total > 0)
    least = np.minimum(share, 1 - share) * n.min(axis=1) / effect
    return np.asarray(least >= FEWEST_EXPECTED, dtype=np.bool_)


def comparable(found: Sums, smallest: int) -> Bools:
    """Say of which cells of shares the groups can be compared: enough customers, and enough expected."""
    n = found.n[found.scope]
    enough = found.clusters[found.scope].min(axis=1) >= smallest
    expected: Bools = enough_expected(found.hits, n, effect_if_equal(found)[0])
    return np.asarray(enough & expected, dtype=np.bool_)


def compare_all_shares(found: Sums) -> Compared:
    """Compare the share of hits of the two groups in every cell.

    p is Fisher's exact one, the limits are Newcombe's, each with the counts divided by the design effect that
    customers have on the difference: for p as if the groups were equal, for limits as they are.

    Parameters
    ----------
    found : Sums
        With two slots: the groups.
    """
    n = found.n[found.scope]
    share = found.hits / n
    effects, own = effect_if_equal(found)[0], _effect_as_is(found)
    counts = np.concatenate([found.hits, n], axis=1).tolist()
    tests = [
        compare_shares(int(a), int(n_a), int(b), int(n_b), effect=effect, other_effect=effect)
        for (a, b, n_a, n_b), effect in zip(counts, effects.tolist(), strict=True)
    ]
    limits = floats(
        [
            newcombe(a, n_a, b, n_b, effect=effect, other_effect=effect)
            for (a, b, n_a, n_b), effect in zip(counts, own.tolist(), strict=True)
        ],
        3,
    )
    sides = [_limits_of_side(found, n, side) for side in (0, 1)]
    return Compared(
        hits=found.hits,
        n=n,
        estimate=share,
        estimate_lower=np.stack([each[:, 1] for each in sides], axis=1),
        estimate_upper=np.stack([each[:, 2] for each in sides], axis=1),
        difference=limits[:, 0],
        lower=limits[:, 1],
        upper=limits[:, 2],
        ratio=np.array([each.risk_ratio for each in tests], np.float64),
        effect=limits[:, 0],
        effect_lower=limits[:, 1],
        effect_upper=limits[:, 2],
        p=np.array([each.p for each in tests], np.float64),
        customers=found.holders,
    )


def _limits_of_side(found: Sums, n: Floats, side: int) -> Floats:
    own = [
        found.hits_hits[:, side, side],
        found.hits_units[:, side, side],
        found.units_units[found.scope][:, side, side],
    ]
    rows = zip(found.hits[:, side].tolist(), n[:, side].tolist(), np.stack(own, axis=1), strict=True)
    return floats([wilson_of_clusters(hits, units, clusters) for hits, units, clusters in rows], 3)


def floats(rows: list[tuple[float, ...]], width: int) -> Floats:
    """Return rows of numbers as an array that has its width also where there are none."""
    return np.array(rows, np.float64).reshape(-1, width)


# variances --------------------------------------------------------------------------------------------------


def variances(found: Sums, weight: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Return the variance of weighted sums of what differs from expectation.

    Parameters
    ----------
    found : Sums
    weight, expected : float64[C, S]
        By cell and slot: what a unit counts, and the value expected of it.

    Returns
    -------
    together, alone : float64[C]
        With customers as independent, and with every unit as independent.
    """
    of_units = weight * expected
    together = (
        _quadratic(weight, found.hits_hits, weight)
        - 2 * _quadratic(weight, found.hits_units, of_units)
        + _quadratic(of_units, found.units_units[found.scope], of_units)
    )
    residual = found.squares - 2 * expected * found.hits + expected**2 * found.n[found.scope]
    return np.maximum(together, 0.0), np.maximum((weight**2 * residual).sum(axis=1), 0.0)


def _quadratic(left: Floats, middle: Floats, right: Floats) -> Floats:
    return np.asarray(np.einsum("ci,cij,cj->c", left, middle, right), np.float64)


def effect_if_equal(found: Sums) -> tuple[Floats, Floats]:
    """Return the design effect of the difference if both groups had the mean of all, and that mean."""
    n = found.n[found.scope]
    total = n.sum(axis=1)
    mean = np.divide(found.hits.sum(axis=1), total, out=np.zeros(len(n)), where=total > 0)
    return _effect(found, np.stack([mean, mean], axis=1)), mean


def _effect_as_is(found: Sums) -> Floats:
    n = found.n[found.scope]
    as_is = np.divide(found.hits, n, out=np.zeros(n.shape), where=n > 0)
    effect: Floats = np.maximum(_effect(found, as_is) * for_few_clusters(found), 1.0)
    return effect


def for_few_clusters(found: Sums) -> Floats:
    """Return what the variance of each cell is multiplied with; 1 where nobody counts more than once."""
    units = found.units_units[found.scope]
    several = units.sum(axis=(1, 2)) > found.n[found.scope].sum(axis=1)
    return np.where(several, of_few(found.clusters[found.scope].min(axis=1)), 1.0)


def of_few(clusters: Floats) -> Floats:
    """Return by what a variance between clusters is multiplied, as few of them tell it.

    It is m / (m - 1), times the square of Student's t with m - 1 degrees of freedom over the normal deviate;
    m is the number of customers, in the group that has fewer.
    """
    from scipy.stats import t

    m = np.maximum(clusters, 2.0)
    factor: Floats = m / (m - 1) * (t.ppf(0.975, m - 1) / Z95) ** 2
    return factor


def _effect(found: Sums, expected: Floats) -> Floats:
    together, alone = variances(found, weights(found), expected)
    return np.maximum(1.0, np.divide(together, alone, out=np.ones(len(alone)), where=alone > 0))


def weights(found: Sums) -> Floats:
    """What a unit of each group counts in the difference of their means."""
    n = found.n[found.scope]
    return np.divide([[1.0, -1.0]], n, out=np.zeros(n.shape), where=n > 0)
