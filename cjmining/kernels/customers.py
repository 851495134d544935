"""Whose journeys are: those of one customer lie together, so that customers are counted beside journeys.

Where a loop notes for each thing the journey that had it last, its customer is new there when that journey
lies before the customer's first one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


def first_journeys(customer: Ints) -> Ints:
    """Return the first journey of each journey's customer.

    Parameters
    ----------
    customer : int64[journeys]
        Equal ones lie together.

    Examples
    --------
    >>> first_journeys(np.array([7, 7, 3, 3, 3, 5])).tolist()
    [0, 0, 2, 2, 2, 5]
    """
    places = np.arange(len(customer), dtype=np.int64)
    places[1:][customer[1:] == customer[:-1]] = 0
    first: Ints = np.maximum.accumulate(places)
    return first


def each_its_own(journeys: int) -> Ints:
    """Return the same where every journey has a customer of its own."""
    return np.arange(journeys, dtype=np.int64)
