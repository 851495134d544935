"""What many did alike, held once: what different units of each block did, and which unit did which.

Most customers and journeys do what others did too. A block numbers what its units did, says what is
different, and keeps a number a unit; what blocks found is merged until each different thing stands once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

Things = TypeVar("Things")


class Alike(NamedTuple, Generic[Things]):
    """What different units of some blocks did.

    Attributes
    ----------
    things : object
        What they did, each once.
    place : int64[sum of numbers]
        Which of these each thing of each block is, block by block.
    numbers, units : int64[B]
        How many different things, and how many units, each block has.
    """

    things: Things
    place: Ints
    numbers: Ints
    units: Ints

    @classmethod
    def of_block(cls, things: Things, number: int, units: int) -> Alike[Things]:
        """Say that so many units of a block did so many different things."""
        return cls(things, np.arange(number), np.array([number]), np.array([units]))

    def of_units(self, number: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return which of the things each unit did, of its number within its block.

        Examples
        --------
        >>> one, other = (Alike.of_block([word], 1, 2) for word in "ab")
        >>> both = merge_alike([one, other], lambda parts: (["a", "b"], np.array([0, 1])))
        >>> both.of_units(np.zeros(4, np.int32)).tolist()
        [0, 0, 1, 1]
        """
        begins = np.cumsum(self.numbers) - self.numbers
        return self.place[np.repeat(begins, self.units) + number].astype(np.int32)


def merge_alike(
    parts: Sequence[Alike[Things]], merge: Callable[[list[Things]], tuple[Things, Ints]]
) -> Alike[Things]:
    """Put together what units of several blocks did.

    Parameters
    ----------
    parts : sequence of Alike
        In the blocks' order.
    merge : callable
        Takes the things of several parts, returns each different one once, and which of them each became, one
        part after the other.
    """
    things, became = merge([part.things for part in parts])
    sizes = [int(part.place.max(initial=-1)) + 1 for part in parts]
    begins = np.cumsum([0, *sizes])
    places = [became[begin:][part.place] for begin, part in zip(begins, parts, strict=False)]
    return Alike(
        things,
        np.concatenate(places),
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.units for part in parts]),
    )
