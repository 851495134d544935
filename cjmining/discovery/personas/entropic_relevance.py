"""Entropic relevance: how many bits a model needs to tell a journey, fewer being better.

A journey that the model can make costs minus log2 of its probability; one that it can't is told without the
model. Each journey first says which of the two it is. Where personas are told apart, each journey also names
its persona, so that one that tells nothing costs.

References
----------
Polyvyanyy, Moffat, Garcia-Banuelos (2020), An entropic relevance measure for stochastic conformance checking
in process mining, doi:10.1109/ICPM49681.2020.00024; Alkhammash, Polyvyanyy, Moffat, Garcia-Banuelos (2022),
doi:10.1016/j.is.2021.101922.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


class Relevance(NamedTuple):
    """What journeys cost on average, bits a journey; NaN where there are none.

    `share_fitting` is the share of journeys that the model can make. `total` is the entropic relevance:
    `selector` (saying whether the model can make it) + `naming` (of the persona) + `steps` (the journey).
    """

    journeys: int
    share_fitting: float
    selector: float
    naming: float
    steps: float

    @property
    def total(self) -> float:
        """All bits of a journey."""
        return self.selector + self.naming + self.steps


def relevance(
    log2_probability: ArrayLike,
    steps: ArrayLike,
    *,
    alphabet: int,
    personas: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Relevance:
    """Return the entropic relevance of a model to some journeys.

    Parameters
    ----------
    log2_probability : array of float, shape (journeys,)
        Of each whole journey by the model; minus infinity where it can't make it.
    steps : array of int, shape (journeys,)
        How many steps each has.
    alphabet : int
        How many different steps there are: a journey that the model can't make costs (1 + its steps) times
        log2(1 + alphabet).
    personas : array of int, shape (journeys,), optional
        The persona of each journey, whose chain told it: naming it costs the entropy of their shares.
    weights : array of int, shape (journeys,), optional
        How many journeys each stands for, at least one; by default one.

    Examples
    --------
    Two journeys of probability 1/2 and one of 1/4: (1 + 1 + 2) / 3 bits, and nothing else to say.

    >>> round(relevance([-1, -1, -2], [2, 2, 3], alphabet=3).total, 4)
    1.3333
    """
    costs = -np.asarray(log2_probability, dtype=np.float64)
    number = np.ones(len(costs)) if weights is None else np.asarray(weights, dtype=np.float64)
    n = int(number.sum())
    if not n:
        return Relevance(0, math.nan, math.nan, math.nan, math.nan)
    fits = np.isfinite(costs)
    without = (1 + np.asarray(steps, dtype=np.float64)) * math.log2(1 + alphabet)
    numbers = np.zeros(0) if personas is None else np.bincount(np.asarray(personas), weights=number)
    fitting = int(number[fits].sum())
    return Relevance(
        journeys=n,
        share_fitting=fitting / n,
        selector=entropy_bits([fitting, n - fitting]),
        naming=entropy_bits(numbers),
        steps=float((number * np.where(fits, costs, without)).sum()) / n,
    )


def entropy_bits(numbers: ArrayLike) -> float:
    """Return the entropy of shares, bits.

    Examples
    --------
    >>> entropy_bits([1, 1]), entropy_bits([5, 0]), entropy_bits([2, 1, 1])
    (1.0, 0.0, 1.5)
    """
    given = np.asarray(numbers, dtype=np.float64)
    shares = given[given > 0] / max(float(given.sum()), 1.0)
    return float(-(shares * np.log2(shares)).sum()) + 0.0
