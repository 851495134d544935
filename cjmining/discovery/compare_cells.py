"""Shares and ranks of two groups held against each other, with customers as what is independent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels.compare import Sums, Units, sums
from cjmining.stats import (
    Z95,
    compare_shares,
    newcombe,
    p_of_turning,
    wilson_of_clusters,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.compare_read import Times

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


# shares -----------------------------------------------------------------------------------------------------


def enough_expected(hits: Ints, n: Ints | Floats, effect: Floats | float = 1.0) -> Bools:
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
    return enough & enough_expected(found.hits, n, _effect_if_equal(found)[0])


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
    effects, own = _effect_if_equal(found)[0], _effect_as_is(found)
    counts = np.concatenate([found.hits, n], axis=1).tolist()
    tests = [
        compare_shares(int(a), int(n_a), int(b), int(n_b), effect=effect, other_effect=effect)
        for (a, b, n_a, n_b), effect in zip(counts, effects.tolist(), strict=True)
    ]
    limits = _floats(
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
    return _floats([wilson_of_clusters(hits, units, clusters) for hits, units, clusters in rows], 3)


def _floats(rows: list[tuple[float, ...]], width: int) -> Floats:
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


def _effect_if_equal(found: Sums) -> tuple[Floats, Floats]:
    """Return the design effect of the difference if both groups had the mean of all, and that mean."""
    n = found.n[found.scope]
    total = n.sum(axis=1)
    mean = np.divide(found.hits.sum(axis=1), total, out=np.zeros(len(n)), where=total > 0)
    return _effect(found, np.stack([mean, mean], axis=1)), mean


def _effect_as_is(found: Sums) -> Floats:
    n = found.n[found.scope]
    return _effect(found, np.divide(found.hits, n, out=np.zeros(n.shape), where=n > 0))


def _effect(found: Sums, expected: Floats) -> Floats:
    together, alone = variances(found, _weights(found), expected)
    return np.maximum(1.0, np.divide(together, alone, out=np.ones(len(alone)), where=alone > 0))


def _weights(found: Sums) -> Floats:
    """What a unit of each group counts in the difference of their means."""
    n = found.n[found.scope]
    return np.divide([[1.0, -1.0]], n, out=np.zeros(n.shape), where=n > 0)


# times ------------------------------------------------------------------------------------------------------


def rank_sums(times: Times, n_pairs: int, n_slots: int) -> Sums:
    """Sum up over customers the ranks of times among all of their pair, from 0 to 1 (ties in the middle)."""
    return _sums_of(times, midranks(times.seconds, times.pair), n_pairs, n_slots)


def _sums_of(times: Times, value: Floats, n_pairs: int, n_slots: int) -> Sums:
    units = Units(times.customer, times.pair, times.slot)
    return sums(units, units._replace(value=value), np.arange(n_pairs), n_scopes=n_pairs, n_slots=n_slots)


def midranks(values: Floats, of: Ints) -> Floats:
    """Return the share of the values of the same kind that lie below each, with half of those equal to it."""
    order = np.lexsort((values, of))
    kind, value = of[order], values[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (kind[1:] != kind[:-1]) | (value[1:] != value[:-1])
    starts = np.append(np.flatnonzero(new), len(order))
    begins = np.searchsorted(kind, kind)
    size = np.searchsorted(kind, kind, side="right") - begins
    tie = np.cumsum(new) - 1
    ranks = np.empty(len(order))
    ranks[order] = ((starts[tie] + starts[tie + 1]) / 2 - begins) / np.maximum(size, 1)
    return ranks


def comparable_times(ranks: Sums, smallest: int) -> Bools:
    """Say of which pairs both groups have times of enough customers, and not all of them equal."""
    n = ranks.n.sum(axis=1)
    spread = ranks.squares.sum(axis=1) - n * 0.25
    return (ranks.clusters.min(axis=1) >= smallest) & (spread > _NO_SPREAD * np.maximum(n, 1.0))


_NO_SPREAD = 1e-12


def compare_times(times: Times, ranks: Sums) -> Compared:
    """Compare the times of the two groups, pair by pair.

    p is that of the rank-sum test of Wilcoxon, with the design effect of customers; limits of the share of
    pairs that are longer are those of a clustered area under the curve; those of the medians are of shares
    (Woodruff), put together as Newcombe does.

    Parameters
    ----------
    times : Times
        All of the pairs that are compared.
    ranks : Sums
        Their `rank_sums`, with the groups as slots.
    """
    n, total = ranks.n, ranks.n.sum(axis=1)
    ordered = _Ordered.of(times)
    effect, mean = _effect_if_equal(ranks)
    spread = ranks.squares.sum(axis=1) - total * mean**2
    variance = effect * spread / (total - 1) * (1 / n).sum(axis=1)
    means = ranks.hits / n
    longer = 2 * (means[:, 0] - means[:, 1])
    z = np.abs(longer) / 2 / np.sqrt(variance)
    half = _width_of_longer(times, n)
    medians = [ordered.medians(side) for side in (0, 1)]
    middle, lower, upper = (np.stack([each[:, i] for each in medians], axis=1) for i in range(3))
    difference = middle[:, 0] - middle[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = middle[:, 0] / middle[:, 1]
    return Compared(
        hits=n,
        n=n,
        estimate=middle,
        estimate_lower=lower,
        estimate_upper=upper,
        difference=difference,
        lower=difference - np.hypot(middle[:, 0] - lower[:, 0], upper[:, 1] - middle[:, 1]),
        upper=difference + np.hypot(upper[:, 0] - middle[:, 0], middle[:, 1] - lower[:, 1]),
        ratio=ratio,
        effect=longer,
        effect_lower=np.maximum(longer - half, -1.0),
        effect_upper=np.minimum(longer + half, 1.0),
        p=np.array([math.erfc(each / math.sqrt(2)) for each in z.tolist()], np.float64),
        customers=ranks.holders,
    )


def _width_of_longer(times: Times, n: Floats) -> Floats:
    """Return half the width of the limits of the share of longer pairs less that of shorter ones."""
    size = n.sum(axis=1)[times.pair]
    own = n[times.pair, times.slot]
    among_all = midranks(times.seconds, times.pair) * size
    among_own = midranks(times.seconds, times.pair * 2 + times.slot) * own
    below = (among_all - among_own) / np.maximum(size - own, 1.0)
    placed = _sums_of(times, below, len(n), 2)
    together, alone = variances(placed, _weights(placed), placed.hits / n)
    return 2 * Z95 * np.sqrt(np.maximum(together, alone))


class _Ordered(NamedTuple):
    """Times sorted by pair, group and length; pair i of group g lies from bounds[2 i + g] on."""

    seconds: Floats
    customer: Ints
    bounds: Ints

    @classmethod
    def of(cls, times: Times) -> _Ordered:
        kind = times.pair * 2 + times.slot
        order = np.lexsort((times.customer, times.seconds, kind))
        n_kinds = 2 * (int(times.pair.max(initial=-1)) + 1)
        return cls(
            times.seconds[order],
            times.customer[order],
            np.searchsorted(kind[order], np.arange(n_kinds + 1)),
        )

    def medians(self, side: int) -> Floats:
        """Return median, lower and upper limit of each pair in one group, float64[pairs, 3]."""
        kinds = range(side, len(self.bounds) - 1, 2)
        return _floats([self._median(self.bounds[kind], self.bounds[kind + 1]) for kind in kinds], 3)

    def _median(self, start: int, end: int) -> tuple[float, float, float]:
        seconds, customer = self.seconds[start:end], self.customer[start:end]
        middle = float(np.quantile(seconds, 0.5))
        whose = np.unique(customer, return_inverse=True)[1]
        units = np.bincount(whose).astype(np.float64)
        # A time that equals the median is half below it, so that ties do not make customers look alike.
        below = np.bincount(whose, (seconds < middle) + 0.5 * (seconds == middle))
        n = float(len(seconds))
        share = wilson_of_clusters(n / 2, n, ((below**2).sum(), (below * units).sum(), (units**2).sum()))
        lower, upper = np.quantile(seconds, [share.lower, share.upper]).tolist()
        return middle, lower, upper


# strata -----------------------------------------------------------------------------------------------------


class Within(NamedTuple):
    """Differences of cells held alike in strata; all float64[C].

    Attributes
    ----------
    weighted, lower, upper : float64[C]
        Mean of the strata's differences of means, with the weights of Mantel and Haenszel; NaN where no
        stratum holds both groups.
    turns : float64[C]
        p value of the strata's differences all having one direction.
    covered : float64[C]
        The share of the units that lie in strata with both groups, in the group where it is smaller.
    """

    weighted: Floats
    lower: Floats
    upper: Floats
    turns: Floats
    covered: Floats


def compare_within(found: Sums, smallest: int) -> Within:
    """Compare two groups over strata: slots are those of the first group, then those of the other.

    Parameters
    ----------
    found : Sums
        With 2 S slots.
    smallest : int
        The direction of a stratum counts if both groups have at least so many customers in it.
    """
    size = found.n.shape[1] // 2
    n = found.n[found.scope]
    a, b = n[:, :size], n[:, size:]
    total = np.maximum(a + b, 1.0)
    weight = a * b / total
    both = weight > 0
    all_weights = np.maximum(weight.sum(axis=1, keepdims=True), _TINY)
    means = np.divide(found.hits, n, out=np.zeros(n.shape), where=n > 0)
    apart = means[:, :size] - means[:, size:]
    weighted = (weight / all_weights * apart).sum(axis=1)
    counts = _slots(weight / all_weights / np.maximum(a, 1), -weight / all_weights / np.maximum(b, 1))
    base = (found.hits[:, :size] + found.hits[:, size:] - a * weighted[:, None]) / total
    together, alone = variances(found, counts, _slots(base + weighted[:, None], base))
    half = Z95 * np.sqrt(np.maximum(together, alone))
    known = both.any(axis=1)
    covered = np.minimum(*((side * both).sum(axis=1) / np.maximum(side.sum(axis=1), 1) for side in (a, b)))
    return Within(
        weighted=np.where(known, weighted, np.nan),
        lower=np.where(known, weighted - half, np.nan),
        upper=np.where(known, weighted + half, np.nan),
        turns=_turns(found, apart, smallest),
        covered=covered,
    )


_TINY = 1e-300


def _slots(first: Floats, other: Floats) -> Floats:
    return np.concatenate([first, other], axis=1)


def _turns(found: Sums, apart: Floats, smallest: int) -> Floats:
    """Test whether strata have differences of both directions."""
    z = np.stack([_z_of_stratum(found, apart, s, smallest) for s in range(apart.shape[1])], axis=1)
    return np.array([p_of_turning(row[~np.isnan(row)]) for row in z], np.float64)


def _z_of_stratum(found: Sums, apart: Floats, stratum: int, smallest: int) -> Floats:
    size = apart.shape[1]
    slots = [stratum, size + stratum]
    alone = found._replace(
        n=found.n[:, slots],
        clusters=found.clusters[:, slots],
        units_units=found.units_units[:, slots][:, :, slots],
        hits=found.hits[:, slots],
        squares=found.squares[:, slots],
        hits_hits=found.hits_hits[:, slots][:, :, slots],
        hits_units=found.hits_units[:, slots][:, :, slots],
    )
    mean = _effect_if_equal(alone)[1]
    variance = np.maximum(*variances(alone, _weights(alone), np.stack([mean, mean], axis=1)))
    enough = (alone.clusters[found.scope].min(axis=1) >= smallest) & (variance > 0)
    return np.divide(apart[:, stratum], np.sqrt(variance), out=np.full(len(apart), np.nan), where=enough)
