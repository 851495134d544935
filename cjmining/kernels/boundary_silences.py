"""How much likelier a silence of some length is between journeys than within one.

Lengths are in *bins*, numbered by rising length. A *pair* is what the two steps around the silence are.
"""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]

_STEEPEST = 2.0
_HALVINGS = 18


@kernel
def silence_sums(
    bounds: Ints, pair: Codes, part: NDArray[np.int8], bin_: Codes, begins: Floats, n_pairs: int, n_parts: int
) -> Floats:
    """Count the silences within journeys, and add up their bins: float64[2, pairs, parts + 1].

    `pair` says which two steps lie around the silence, -1 for pairs too rare to be looked at by themselves.
    """
    sums = np.zeros((2, n_pairs, n_parts + 1))
    for sequence in range(len(bounds) - 1):
        for t in range(bounds[sequence] + 1, bounds[sequence + 1]):
            if pair[t] >= 0:
                within = 1.0 - begins[t]
                sums[0, pair[t], part[t]] += within
                sums[0, pair[t], n_parts] += within
                sums[1, pair[t], part[t]] += within * bin_[t]
                sums[1, pair[t], n_parts] += within * bin_[t]
    return sums


@kernel
def silence_ratios(sums: Floats, doubt: float, inside: Floats, across: Floats) -> tuple[Floats, Floats]:
    """Return how much likelier a silence is between journeys than within one, by pair of steps.

    Parameters
    ----------
    sums : float64[2, pairs, parts + 1]
        Of `silence_sums`.
    doubt : float
        A pair with so many silences is believed half.
    inside, across : float64[bins]
        Shares of the silences of all pairs, within journeys and between them, by rising length.

    Returns
    -------
    ratio, share : float64[pairs + 1, parts, bins]
        The ratio, never falling with the length, and the share within journeys; the last pair stands for all
        that have none of their own. The silences of a pair are those of all pairs, tilted towards longer or
        shorter ones such that the mean bin is the pair's: where no journey has silences, no pair has any.
    """
    pairs, parts, bins = sums.shape[1], sums.shape[2] - 1, len(inside)
    usual = (inside * np.arange(bins)).sum()
    ratio = np.zeros((pairs + 1, parts, bins))
    share = np.zeros((pairs + 1, parts, bins))
    for pair in range(pairs + 1):
        for part in range(parts):
            share[pair, part] = inside
            if pair < pairs:
                seen = sums[0, pair, parts] - sums[0, pair, part]
                added = sums[1, pair, parts] - sums[1, pair, part]
                mean = (added + doubt * usual) / (seen + doubt)
                share[pair, part] = tilted(inside, mean)
            never_falling(across, share[pair, part], ratio[pair, part])
    return ratio, share


@kernel
def tilted(share: Floats, mean: float) -> Floats:
    """Return share * exp(tilt * bin), scaled to one, with the tilt that gives it that mean bin."""
    bins = np.arange(len(share))
    lowest, highest = -_STEEPEST, _STEEPEST
    found = share.copy()
    for _ in range(_HALVINGS):
        tilt = (lowest + highest) / 2
        total, moment = 0.0, 0.0
        for b in bins:
            # The longest bin weighs one where the tilt is upwards, the shortest where it is downwards.
            found[b] = share[b] * np.exp(tilt * (b - len(share) + 1 if tilt > 0 else b))
            total += found[b]
            moment += found[b] * b
        if moment < mean * total:
            lowest = tilt
        else:
            highest = tilt
    found /= total
    return found


@kernel
def never_falling(across: Floats, inside: Floats, ratio: Floats) -> None:
    """Fill in across / inside, pooled where it would fall (pool adjacent violators)."""
    n = len(across)
    above, below, size = np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
    pools = 0
    for i in range(n):
        above[pools], below[pools], size[pools] = across[i], inside[i], 1
        pools += 1
        while pools > 1 and above[pools - 2] * below[pools - 1] > above[pools - 1] * below[pools - 2]:
            above[pools - 2] += above[pools - 1]
            below[pools - 2] += below[pools - 1]
            size[pools - 2] += size[pools - 1]
            pools -= 1
    i = 0
    for pool in range(pools):
        for _ in range(size[pool]):
            ratio[i] = above[pool] / below[pool]
            i += 1
