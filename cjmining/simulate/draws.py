"""Chance, one independent stream for each mechanism: switching one off leaves all others as they were."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


class Draws:
    """Random numbers for each of `n` customers, by mechanism and attempt.

    A number depends on seed, mechanism, attempt and customer alone, never on who else is still drawing.
    """

    def __init__(
        self, seed: int, n: int, attempt: int = 0, chosen: npt.NDArray[np.intp] | None = None
    ) -> None:
        self.seed = seed
        self.n = n
        self.attempt = attempt
        self.chosen = chosen

    def of(self, attempt: int, chosen: npt.NDArray[np.intp]) -> Draws:
        """Return the draws of an attempt, for the chosen customers only."""
        return Draws(self.seed, self.n, attempt, chosen)

    def generator(self, mechanism: str) -> np.random.Generator:
        """Return the mechanism's own generator."""
        return np.random.default_rng([self.seed, crc32(mechanism.encode()), self.attempt])

    def uniform(self, mechanism: str) -> Floats:
        """Return a number in [0, 1) for each."""
        return self._chosen(self.generator(mechanism).random(self.n, dtype=np.float32))

    def exponential(self, mechanism: str) -> Floats:
        """Return an exponential number of mean 1 for each."""
        return self._chosen(self.generator(mechanism).standard_exponential(self.n, dtype=np.float32))

    def normal(self, mechanism: str) -> Floats:
        """Return a standard normal number for each."""
        return self._chosen(self.generator(mechanism).standard_normal(self.n, dtype=np.float32))

    def happens(self, mechanism: str, share: npt.ArrayLike) -> Bools:
        """Return for each whether it happens, where it happens to that share."""
        happens: Bools = self.uniform(mechanism) < np.asarray(share, dtype=np.float32)
        return happens

    def _chosen(self, values: Floats) -> Floats:
        return values if self.chosen is None else values[self.chosen]
