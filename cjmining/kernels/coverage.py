"""Few that cover many: greedy choice, and which to consider where there are too many to consider all."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


class Chosen(NamedTuple):
    """What was chosen, in order, and the most that as many could have covered."""

    numbers: Ints
    at_best: float


class Drawn(NamedTuple):
    """Which were drawn, ascending, and how much each stands for."""

    numbers: Ints
    weight: Floats


def greedy(near: NDArray[np.bool_], weight: Floats, number: int) -> Chosen:
    """Choose one after another what covers the most weight that isn't covered yet; of equals, the first.

    Parameters
    ----------
    near : bool[C, N]
        Which things each candidate covers.
    weight : float64[N]
        Of each thing, above 0.
    number : int
        How many are chosen at most; fewer where nothing is left to cover.

    Returns
    -------
    Chosen
        The chosen cover at least 1 - (1 - 1/number)^number > 63 % of what the best choice covers. `at_best`
        is a limit on that: what is covered at some step, and the `number` largest gains that are left there.

    References
    ----------
    Nemhauser, Wolsey, Fisher (1978), doi:10.1007/BF01588971.
    """
    open_ = weight.astype(np.float64)
    chosen: list[int] = []
    covered, at_best = 0.0, np.inf
    while True:
        gains = _gains(near, open_)
        at_best = min(at_best, covered + float(np.sort(gains)[::-1][:number].sum()))
        best = int(np.argmax(gains)) if len(gains) else 0
        if len(chosen) == number or not len(gains) or gains[best] <= 0:
            return Chosen(np.array(chosen, np.int64), min(at_best, float(weight.sum())))
        chosen.append(best)
        covered += float(gains[best])
        open_[near[best]] = 0.0


@kernel
def _gains(near: NDArray[np.bool_], weight: Floats) -> Floats:
    """Add up the weights that each candidate covers, without a copy of the table as numbers."""
    gains = np.zeros(len(near), np.float64)
    for candidate in range(len(near)):
        for thing in range(len(weight)):
            if near[candidate, thing]:
                gains[candidate] += weight[thing]
    return gains


def draw(size: Ints, uniform: Floats, number: int) -> Drawn:
    """Draw some of many so that weighed sums over those drawn are right on the average.

    Parameters
    ----------
    size : int64[N]
        How much each stands for by itself, above 0.
    uniform : float64[N]
        Numbers above 0 and up to 1, as if drawn evenly by chance.
    number : int
        How many are drawn; all where there are no more.

    Returns
    -------
    Drawn
        Those of the largest priority size / uniform; the weight is the size, or the largest priority that
        wasn't drawn if that is more.

    References
    ----------
    Duffield, Lund, Thorup (2007), doi:10.1145/1314690.1314696.
    """
    if len(size) <= number:
        return Drawn(np.arange(len(size)), size.astype(np.float64))
    priority = size / uniform
    order = np.lexsort((np.arange(len(size)), -priority))
    numbers = np.sort(order[:number])
    return Drawn(numbers, np.maximum(size[numbers], priority[order[number]]))
