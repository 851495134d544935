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
    `wait` is the time from a sequence's last step until the data end.
    """

    bounds: Ints
    code: Codes
    silence: Ints
    customer: Ints
    wait: Ints
    n_codes: int

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

    def part(self) -> Parts:
        """Return the part of each step: its customer's, or its tenth of all steps where customers are few."""
        customers, number = np.unique(self.customer, return_inverse=True)
        if len(customers) >= PARTS:
            return np.repeat((number % PARTS).astype(np.int8), np.diff(self.bounds))
        return (np.arange(len(self.code)) * PARTS // max(len(self.code), 1)).astype(np.int8)

    def inner(self) -> NDArray[np.bool_]:
        """Return whether each is a step that has another one of its sequence before it."""
        inner = self.steps()
        inner[self.bounds[:-1]] = False
        return inner
