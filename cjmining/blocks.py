"""Blocks of a log: whole customers that lie together, so that each can be worked on by itself."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cjmining import tables

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
        Whose each journey is; a customer's lie together.
    events : int
        How many a block is to have.

    Examples
    --------
    >>> [block.events for block in whole_customers(np.array([0, 2, 5, 6]), np.array([7, 7, 9]), 3)]
    [slice(0, 5, None), slice(5, 6, None)]
    """
    starts = tables.customer_starts(customers)
    first_events = bounds[starts]
    chosen = [0]
    while chosen[-1] < len(starts):
        target = first_events[chosen[-1]] + events
        chosen.append(max(int(np.searchsorted(first_events, target)), chosen[-1] + 1))
    ends = np.append(starts, len(customers))
    cuts = [int(ends[min(i, len(starts))]) for i in chosen]
    return [Block(a, b, int(bounds[a]), int(bounds[b])) for a, b in itertools.pairwise(cuts)]
