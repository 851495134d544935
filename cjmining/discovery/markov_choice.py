"""How many steps back matter: chains of order 0, 1 and 2 held against journeys that they have not seen.

Customers are dealt into folds. Each fold is predicted by chains that were counted on the other folds, and the
bits that these need for a step are added up.

A chain of order k mixes what was counted after the same k steps with what the chain of order k - 1 says, as
if that had been seen m times: p_k = (count + m p_(k-1)) / (total + m); below order 0 every outcome of the log
is equally likely. That is what a hierarchical Dirichlet prior predicts (MacKay, Peto 1995, A hierarchical
Dirichlet language model, Natural Language Engineering 1(3), 289-307). How much is mixed in, m, is chosen for
each group, order and fold among `MIXTURES`, by predicting each of the other folds from the rest of them.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.kernels.markov import ORDERS
from cjmining.stats import Z95

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.sums import Sums

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

FOLDS: Final = 5
"""Into how many parts customers are dealt."""

MIXTURES: Final = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""How often the shorter memory counts as seen; the first that predicts best is taken."""

PAIRS: Final = ((0, 1), (0, 2), (1, 2))
"""Orders that are held against each other."""


def folds_of(customer: Ints, seed: int) -> Ints:
    """Deal customers into folds by a hash: the same whatever else is in the log.

    References
    ----------
    The finaliser of SplitMix64: Steele, Lea, Flood (2014), doi:10.1145/2660193.2660195.
    """
    salt = np.array([seed & 0xFFFFFFFFFFFFFFFF], np.uint64) * np.uint64(0xD1342543DE82EF95)
    mixed = customer.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) ^ salt
    for _ in range(2):
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed % np.uint64(FOLDS)).astype(np.int64)


class Contexts(NamedTuple):
    """Which cells of order two share an outcome and what it follows, for each order from 0 to 2.

    `cell` [order][C] numbers them with the outcome, `state` [order][C] without; the group is part of both.
    """

    group: Ints
    cell: tuple[Ints, ...]
    state: tuple[Ints, ...]
    outcomes: int

    @classmethod
    def of(cls, key: Ints, n_names: int) -> Contexts:
        """Read them from the keys of order two."""
        base = n_names + 1
        group, to = key // base**3, key % base
        cells, states = [], []
        for order in ORDERS:
            state = group * base**order + key % base ** (order + 1) // base
            states.append(np.unique(state, return_inverse=True)[1])
            cells.append(np.unique(state * base + to, return_inverse=True)[1])
        return cls(group, tuple(cells), tuple(states), len(np.unique(to)))


def held_out_bits(counted: Sums, n_names: int, n_groups: int) -> Floats:
    """Return the bits of each prediction from what was counted in other folds, (cells, folds, orders).

    Parameters
    ----------
    counted : Sums
        Keys of order two; totals have a column a fold, and further ones.
    """
    contexts = Contexts.of(counted.key, n_names)
    folds = counted.totals[:, :FOLDS].astype(np.float64)
    best = _best_mixtures(contexts, folds, n_groups)
    bits = np.empty((len(counted.key), FOLDS, len(ORDERS)))
    for fold in range(FOLDS):
        seen = folds.sum(axis=1) - folds[:, fold]
        for at, mixture in enumerate(MIXTURES):
            said = _bits(contexts, seen, mixture)
            mine = best[fold][contexts.group] == at
            bits[:, fold][mine] = said[mine]
    return bits


def _best_mixtures(contexts: Contexts, folds: Floats, n_groups: int) -> Ints:
    """Return the place in MIXTURES that predicts each of the other folds best, (folds, groups, orders)."""
    needed = np.zeros((FOLDS, len(MIXTURES), n_groups, len(ORDERS)))
    for one, other in itertools.combinations(range(FOLDS), 2):
        seen = folds.sum(axis=1) - folds[:, one] - folds[:, other]
        for at, mixture in enumerate(MIXTURES):
            said = _bits(contexts, seen, mixture)
            for left_out, predicted in ((one, other), (other, one)):
                for order in ORDERS:
                    bits = folds[:, predicted] * said[:, order]
                    needed[left_out, at, :, order] += np.bincount(contexts.group, bits, n_groups)
    # Equal ones differ by rounding alone: the first of them is taken.
    least = needed.min(axis=1, keepdims=True)
    best: Ints = np.argmax(needed <= least * (1 + 1e-9) + 1e-9, axis=1)
    return best


def _bits(contexts: Contexts, seen: Floats, mixture: float) -> Floats:
    """Return -log2 of the probability of each cell at each order, (cells, orders), from counts of cells."""
    bits = np.empty((len(seen), len(ORDERS)))
    lower: Floats = np.full(len(seen), 1 / max(contexts.outcomes, 1))
    for order, (cell, state) in enumerate(zip(contexts.cell, contexts.state, strict=True)):
        count, total = np.bincount(cell, seen)[cell], np.bincount(state, seen)[state]
        lower = (count + mixture * lower) / (total + mixture)
        bits[:, order] = -np.log2(lower)
    return bits


class Gains(NamedTuple):
    """What a longer memory saves, by group: sums over customers, which add up over blocks.

    `customers`, `steps` and `squares` (of steps) [G]; `bits` [G, 3] of each order; `saved` [G, 3]: the bits
    that the second order of each of `PAIRS` needs less than the first, with squares and products with steps.
    """

    customers: Ints
    steps: Floats
    squares: Floats
    bits: Floats
    saved: Floats
    saved_squares: Floats
    saved_steps: Floats

    @classmethod
    def of(cls, bits: Floats, unit: Ints, group: Ints, n_groups: int) -> Gains:
        """Add up the bits of predictions [P, orders] by unit: a customer in a group, that of `group`."""
        steps: Floats = np.bincount(unit, minlength=len(group)).astype(np.float64)
        needed: Floats = np.stack([np.bincount(unit, bits[:, order], len(group)) for order in ORDERS], axis=1)
        saved = np.stack([needed[:, low] - needed[:, high] for low, high in PAIRS], axis=1)

        def by_group(values: Floats) -> Floats:
            columns = [np.bincount(group, column, n_groups) for column in values.T]
            return np.stack(columns, axis=1)

        return cls(
            customers=np.bincount(group, minlength=n_groups).astype(np.int64),
            steps=by_group(steps[:, None])[:, 0],
            squares=by_group((steps * steps)[:, None])[:, 0],
            bits=by_group(needed),
            saved=by_group(saved),
            saved_squares=by_group(saved * saved),
            saved_steps=by_group(saved * steps[:, None]),
        )

    def a_step(self) -> tuple[Floats, Floats]:
        """Return the bits saved a step, and half the width of their 95 % limits, each (groups, pairs).

        A ratio of two sums over customers; NaN where there are fewer than two.
        """
        steps, customers = self.steps[:, None], self.customers[:, None].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            saved = self.saved / steps
            spread = self.saved_squares - 2 * saved * self.saved_steps + saved**2 * self.squares[:, None]
            error = np.sqrt(np.maximum(spread, 0) * customers / (customers - 1)) / steps
        return saved, np.where(customers > 1, Z95 * error, np.nan)

    def chosen(self) -> Ints:
        """Return for each group the lowest order that no higher one surely beats."""
        saved, width = self.a_step()
        surely = saved - width > 0  # False where nobody can tell
        beaten = np.zeros((len(saved), len(ORDERS)), np.bool_)
        for at, (low, _) in enumerate(PAIRS):
            beaten[:, low] |= surely[:, at]
        lowest: Ints = np.argmin(beaten, axis=1)
        return lowest


def merge(parts: list[Gains]) -> Gains:
    """Add up the sums of blocks, in their order."""
    return Gains(*(sum(columns[1:], start=columns[0]) for columns in zip(*parts, strict=True)))
