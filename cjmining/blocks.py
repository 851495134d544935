"""Blocks of a log: whole customers that lie together, so that each can be worked on by itself."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Whole customers that lie together: journeys and events as half-open ranges of the log's numbers."""

    first_journey: int
    last_journey: int
    first_event: int
    last_event: int

    @property
    def journeys(self) -> slice:
        """Its journeys."""
        return slice(self.first_journey, self.last_journey)

    @property
    def events(self) -> slice:
        """Its events."""
        return slice(self.first_event, self.last_event)

    def own_bounds(self, bounds: Ints) -> Ints:
        """Return the bounds of its journeys over its own events, of those over the log's."""
        return bounds[self.first_journey : self.last_journey + 1] - self.first_event


def whole_customers(bounds: Ints, customers: Ints, events: int) -> list[Block]:
    """Cut a log into blocks of about so many events; of more where a customer has more.

    Parameters
    ----------
    bounds : int64[journeys + 1]
        First event of each journey, and the number of events.
    customers : int64[journeys]
        Whose each journey is, ascending.
    events : int
        How many a block is to have.

    Examples
    --------
    >>> [block.events for block in whole_customers(np.array([0, 2, 5, 6]), np.array([7, 7, 9]), 3)]
    [slice(0, 5, None), slice(5, 6, None)]
    """
    cuts, n = [0], len(customers)
    while cuts[-1] < n:
        cut = int(np.searchsorted(bounds[:-1], bounds[cuts[-1]] + max(events, 1)))
        if cut < n and customers[cut] == customers[cut - 1]:  # the customer began in this block
            cut = int(np.searchsorted(customers, customers[cut], side="right"))
        cuts.append(cut)
    return [Block(a, b, int(bounds[a]), int(bounds[b])) for a, b in itertools.pairwise(cuts)]
