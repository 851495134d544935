"""Whether the same personas are found again: bootstrap over customers, agreement of two groupings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.discovery.personas.fit import Data, Model, fit, members
from cjmining.kernels.mixture import bootstrap_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.personas.counts import Behaviour

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


class Stability(NamedTuple):
    """A row a replicate: agreement as a whole, float64[B], and of each persona, float64[B, K]."""

    adjusted_rand: Floats
    jaccard: Floats


def stability_of(behaviour: Behaviour, model: Model, *, replicates: int, starts: int, seed: int) -> Stability:
    """Fit the mixture anew to customers drawn with replacement, and compare who is told apart.

    Both models name the personas of the customers of the data, as Hennig proposes.

    References
    ----------
    Hennig (2007), Cluster-wise assessment of cluster stability, doi:10.1016/j.csda.2006.11.025; Hubert and
    Arabie (1985), doi:10.1007/BF01908075, the adjusted Rand index.
    """
    found = members(behaviour.customers, model)
    counts, persona, number = found.different, found.persona, model.number
    rand, jaccard = np.empty(replicates), np.empty((replicates, number))
    for replicate in range(replicates):
        times = bootstrap_weights(behaviour.customers.number, replicate + 1)
        weight = np.bincount(found.member, weights=times, minlength=len(counts.weight)).astype(np.float64)
        again = Data(counts._replace(weight=weight), behaviour.cells, len(behaviour.groups))
        refitted = fit(again, number, starts=starts, seed=seed + replicate + 1)
        other = found.by(refitted).persona
        both = np.bincount(persona * number + other, minlength=number * number).reshape(number, number)
        rand[replicate] = adjusted_rand(both)
        jaccard[replicate] = _largest_jaccard(both)
    return Stability(rand, jaccard)


def adjusted_rand(both: Ints) -> float:
    """Return how far two groupings agree beyond chance: 1 where they are the same, about 0 by chance.

    Parameters
    ----------
    both : int64[K, L]
        How many are in group k of one and in group l of the other.

    Examples
    --------
    >>> adjusted_rand(np.array([[3, 0], [0, 2]]))
    1.0
    >>> round(adjusted_rand(np.array([[2, 1], [1, 2]])), 4)
    -0.1111
    """
    cells = np.asarray(both, dtype=np.float64)
    pairs = [_pairs(each) for each in (cells, cells.sum(axis=1), cells.sum(axis=0), cells.sum())]
    if pairs[3] == 0:
        return 1.0
    chance, most = pairs[1] * pairs[2] / pairs[3], (pairs[1] + pairs[2]) / 2
    return 1.0 if most == chance else float((pairs[0] - chance) / (most - chance))


def _pairs(numbers: Floats) -> float:
    return float((numbers * (numbers - 1) / 2).sum())


def _largest_jaccard(both: Ints) -> Floats:
    """Return for each group of the one the Jaccard coefficient with the most similar group of the other."""
    either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
    largest: Floats = (both / np.maximum(either, 1)).max(axis=1)
    return largest
