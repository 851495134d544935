"""The weights of a bootstrap over customers, from a hash: the same whatever the order or the blocks."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN201 -- numba infers the types of inner steps

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NONE = np.exp(-1.0)  # probability that a Poisson number of mean 1 is 0
_MOST = 16


@kernel
def poisson_weight(customer, replicate):
    """Return how often a customer counts in a replicate: a Poisson number of mean 1; replicate 0 is the data.

    The number is drawn by inversion from 53 bits of SplitMix64's finaliser over customer and replicate.

    References
    ----------
    Steele, Lea, Flood (2014), doi:10.1145/2660193.2660195. Poisson weights: Chamandy, Muralidharan, Najmi,
    Naidu (2012), Estimating uncertainty for massive data streams.
    """
    if replicate == 0:
        return 1
    mixed = np.uint64(customer) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= np.uint64(replicate) * np.uint64(0xD1342543DE82EF95)
    for _ in range(2):
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    uniform = np.float64(mixed >> np.uint64(11)) / np.float64(1 << 53)
    weight, probability, below = 0, _NONE, _NONE
    while uniform >= below and weight < _MOST:
        weight += 1
        probability /= weight
        below += probability
    return weight


@kernel
def add_weighted(
    sums: NDArray[np.float64],
    customer: NDArray[np.int64],
    key: NDArray[np.int64],
    amount: NDArray[np.float64],
) -> None:
    """Add amounts by key to sums of the data and of each replicate; what comes in pieces adds up as at once.

    Parameters
    ----------
    sums : float64[1 + replicates, keys]
        What is added to; row 0 holds the sums of the data.
    customer, key, amount : int64[N], int64[N], float64[N]
        Whose each amount is, and what it is added to.
    """
    for replicate in range(len(sums)):
        for i in range(len(customer)):
            sums[replicate, key[i]] += amount[i] * poisson_weight(customer[i], replicate)
