"""What customers did as sequences of steps and silences, and the parts that judge each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Parts = NDArray[np.int8]

PARTS: Final = 10
"""Customers are dealt into so many parts; each is judged by the others."""


class Sequences(NamedTuple):
    """Steps of customers: sequence i has those from bounds[i] to bounds[i + 1] - 1.

    `silence` is the time since the step before, in microseconds; that of a sequence's first step is nothing.
    `wait` is the time from a sequence's last step until the data end. Codes and silences of a log on disk are
    columns, read where they are sliced: `cut` and `take` give sequences of arrays.
    """

    bounds: Ints
    code: Codes
    silence: Ints
    customer: Ints
    wait: Ints
    n_codes: int

    @property
    def n_waited(self) -> int:
        """How many steps there are with a wait after each sequence."""
        return len(self.code) + len(self.customer)

    def cut(self, first: int, last: int) -> Sequences:
        """Return the sequences from one to before another."""
        mine = slice(int(self.bounds[first]), int(self.bounds[last]))
        bounds, ones = self.bounds[first : last + 1] - self.bounds[first], slice(first, last)
        return self._of(bounds, self.code[mine], self.silence[mine], ones)

    def take(self, chosen: Ints) -> Sequences:
        """Return some sequences, ascending."""
        lengths = np.diff(self.bounds)[chosen]
        rows = runs(self.bounds[chosen], lengths)
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        return self._of(bounds, self.code[rows], self.silence[rows], chosen)

    def _of(self, bounds: Ints, code: Codes, silence: Ints, ones: slice | Ints) -> Sequences:
        return Sequences(bounds, code, silence, self.customer[ones], self.wait[ones], self.n_codes)

    def with_waits(self) -> Sequences:
        """Return the sequences with a last step each, of the code -1, that stands for the wait."""
        after = self.bounds[1:]
        return self._replace(
            bounds=self.bounds + np.arange(len(self.bounds)),
            code=np.insert(self.code, after, -1).astype(np.int32),
            silence=np.insert(self.silence, after, self.wait),
        )

    def steps(self) -> NDArray[np.bool_]:
        """Return whether each is a step, and none that stands for a wait."""
        return self.code >= 0

    def inner(self) -> NDArray[np.bool_]:
        """Return whether each is a step that has another one of its sequence before it."""
        inner = self.steps()
        inner[self.bounds[:-1]] = False
        return inner


class Dealt:
    """The part of each step: its customer's, or its tenth of all steps where customers are few."""

    def __init__(self, steps: Sequences) -> None:
        customers, number = np.unique(steps.customer, return_inverse=True)
        self._part = (number % PARTS).astype(np.int8) if len(customers) >= PARTS else None
        self._begin = steps.bounds + np.arange(len(steps.bounds))

    def of(self, chosen: Ints) -> Parts:
        """Return those of the steps of some sequences, their waits among them."""
        lengths = np.diff(self._begin)[chosen]
        if self._part is not None:
            return np.repeat(self._part[chosen], lengths)
        return (runs(self._begin[chosen], lengths) * PARTS // max(int(self._begin[-1]), 1)).astype(np.int8)


def runs(begin: Ints, lengths: Ints) -> Ints:
    """Return whole numbers in runs: so many from each beginning on.

    Examples
    --------
    >>> runs(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    before = np.cumsum(lengths) - lengths
    numbers: Ints = np.arange(int(lengths.sum())) + np.repeat(begin - before, lengths)
    return numbers
