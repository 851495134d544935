"""Runs of steps that occur, and how many steps back tell something of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.discovery.journeys.sequences import PARTS, Sequences
from cjmining.kernels import boundaries as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Parts = NDArray[np.int8]

LONGEST_ORDER: Final = 4
"""More steps before a step are not looked at."""

TELLS: Final = 0.01
"""By so much, at least, must one step further back raise the log-likelihood of a step of unseen customers."""

_PAIR = 20
_MOST_PAIRS = 5000
_TRIALS = 10


class Grams(NamedTuple):
    """The runs of steps that are counted: their hash table and their number, the empty one included."""

    keys: Ints
    numbers: Codes
    size: int
    order: int
    n_codes: int
    pair_rows: Codes

    def find(self, bounds: Ints, code: Codes) -> Codes:
        """Return the runs that end with each step, int32[steps, order + 1], -1 where they are not counted."""
        return kernels.find_grams(bounds, code, self.order + 1, self.n_codes, self.keys, self.numbers)

    def pairs(self, grams: Codes) -> Codes:
        """Return the row of the silences of each step and the one before it, -1 where they have none."""
        return np.where(grams[:, 1] >= 0, self.pair_rows[grams[:, 1]], np.int32(-1))


def order_of(steps: Sequences, part: Parts) -> int:
    """Return how many steps back tell something of the next one, in customers that were not counted."""
    grams = find_runs(steps, LONGEST_ORDER)
    found = grams.find(steps.bounds, steps.code)
    shape = (len(steps.code), LONGEST_ORDER)
    oldest, none, go_on, end = (np.zeros(shape) for _ in range(4))
    oldest[:, -1] = 1.0
    counts = kernels.Counts(*(np.zeros((2, grams.size, PARTS + 1)) for _ in range(4)))
    kernels.count(steps.bounds, part, found, oldest, none, counts)
    alike, mine = np.ones(shape), steps.inner()
    alike[~steps.steps()] = 0.0
    trust = np.full((2, LONGEST_ORDER + 1, kernels.BUCKETS), 0.5)
    for _ in range(_TRIALS):
        helped, tried = np.zeros_like(trust), np.zeros_like(trust)
        kernels.continue_or_end(
            steps.bounds, part, found, counts, trust, steps.n_codes, alike, none, go_on, end, helped, tried
        )
        trust = kernels.trusted(trust, helped, tried)
    order = 1
    for longer in range(2, LONGEST_ORDER + 1):
        both = mine & (go_on[:, longer - 1] > 0)
        gain = np.log(go_on[both, longer - 1]).sum() - np.log(go_on[both, longer - 2]).sum()
        if gain >= TELLS * max(int(mine.sum()), 1):
            order = longer
    return order


def find_runs(steps: Sequences, order: int) -> Grams:
    """Number the runs of steps that occur at least twice, of up to one more than `order`."""
    place = np.arange(len(steps.code)) - np.repeat(steps.bounds[:-1], np.diff(steps.bounds))
    ending = np.full(len(steps.code), -1, np.int64)
    keys, numbers, size, pair_rows = [], [], 0, np.zeros(0, np.int32)
    for before in range(order + 1):
        here = (place >= before) & steps.steps()
        if before:
            ending = np.concatenate([[-1], ending[:-1]])
            here &= ending >= 0
        key = ending * steps.n_codes + steps.code
        unique, of, times = np.unique(key[here], return_inverse=True, return_counts=True)
        kept = (times >= 2) | (before == 0)
        number = np.where(kept, size + np.cumsum(kept) - 1, -1)
        ending = np.full(len(key), -1, np.int64)
        ending[here] = number[of]
        keys.append(unique[kept])
        numbers.append(number[kept].astype(np.int32))
        if before == 1:
            pair_rows = _pair_rows(size + int(kept.sum()), number[kept], times[kept])
        size += int(kept.sum())
    table = 1 << max(2 * size - 1, 1).bit_length()
    table_keys, table_numbers = np.zeros(table, np.int64), np.full(table, -1, np.int32)
    kernels.fill_table(np.concatenate(keys), np.concatenate(numbers), table_keys, table_numbers)
    rows = np.full(size + 1, -1, np.int32)
    rows[: len(pair_rows)] = pair_rows
    return Grams(table_keys, table_numbers, size + 1, order, steps.n_codes, rows)


def _pair_rows(size: int, number: Ints, times: Ints) -> Codes:
    """Give the pairs of steps that occur often enough rows of their own."""
    often = np.flatnonzero(times >= _PAIR)
    often = np.sort(often[np.argsort(-times[often], kind="stable")][:_MOST_PAIRS])
    rows = np.full(size, -1, np.int32)
    rows[number[often]] = np.arange(len(often), dtype=np.int32)
    return rows
