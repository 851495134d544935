"""Differences of two groups that are held alike in an attribute: what is left, and whether they turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.discovery.comparison.cells import effect_if_equal, variances, weights
from cjmining.stats import Z95, p_of_turning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.compare import Sums

    Floats = NDArray[np.float64]


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
    mean = effect_if_equal(alone)[1]
    variance = np.maximum(*variances(alone, weights(alone), np.stack([mean, mean], axis=1)))
    enough = (alone.clusters[found.scope].min(axis=1) >= smallest) & (variance > 0)
    z: Floats = np.full(len(apart), np.nan)
    np.divide(apart[:, stratum], np.sqrt(variance), out=z, where=enough)
    return z
