"""Times of two groups held against each other by their ranks, with customers as what is independent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.discovery.comparison.cells import (
    Compared,
    effect_if_equal,
    floats,
    for_few_clusters,
    of_few,
    variances,
    weights,
)
from cjmining.kernels.compare import Sums, Units, sums
from cjmining.stats import Z95, wilson_of_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.comparison.read import Times

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]


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
    enough = ranks.clusters.min(axis=1) >= smallest
    return np.asarray(enough & (spread > _NO_SPREAD * np.maximum(n, 1.0)), dtype=np.bool_)


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
    effect, mean = effect_if_equal(ranks)
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
    together, alone = variances(placed, weights(placed), placed.hits / n)
    return 2 * Z95 * np.sqrt(np.maximum(together * for_few_clusters(placed), alone))


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
        return floats([self._median(self.bounds[kind], self.bounds[kind + 1]) for kind in kinds], 3)

    def _median(self, start: int, end: int) -> tuple[float, float, float]:
        seconds, customer = self.seconds[start:end], self.customer[start:end]
        middle = float(np.quantile(seconds, 0.5))
        whose = np.unique(customer, return_inverse=True)[1]
        units = np.bincount(whose).astype(np.float64)
        # A time that equals the median is half below it, so that ties do not make customers look alike.
        below = np.bincount(whose, (seconds < middle) + 0.5 * (seconds == middle))
        n = float(len(seconds))
        share = wilson_of_clusters(n / 2, n, ((below**2).sum(), (below * units).sum(), (units**2).sum()))
        wider = (
            math.sqrt(float(of_few(np.array(len(units), np.float64)))) if len(units) < len(seconds) else 1.0
        )
        ends = 0.5 + wider * (np.array([share.lower, share.upper]) - 0.5)
        lower, upper = np.quantile(seconds, np.clip(ends, 0.0, 1.0)).tolist()
        return middle, lower, upper
