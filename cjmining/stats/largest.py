"""One of the largest of many numbers, exactly, of numbers that come in pieces: more than fit into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

_DIGIT: Final = 16
_DIGITS: Final = 4


def largest(pieces: Callable[[], Iterable[NDArray[np.float64]]], place: int) -> float:
    """Return the number that comes at a place, 1 for the largest; found digit by digit in four passes.

    Parameters
    ----------
    pieces : callable
        Gives the numbers, none below 0, in pieces; called once a pass.
    place : int
        At least 1, and at most how many there are.

    Examples
    --------
    >>> import numpy as np
    >>> largest(lambda: [np.array([0.5, 0.25]), np.array([0.75, 0.5])], 3)
    0.5

    References
    ----------
    Selection by digits: Knuth, The Art of Computer Programming 3, 5.2.5 and 5.3.3.
    """
    known = 0
    for digit in reversed(range(_DIGITS)):
        counts = np.zeros(1 << _DIGIT, np.int64)
        for piece in pieces():
            bits = (piece + 0.0).view(np.int64) >> (
                _DIGIT * digit
            )  # numbers from 0 on are ordered as their bits
            mine = bits[bits >> _DIGIT == known]
            counts += np.bincount(mine & ((1 << _DIGIT) - 1), minlength=1 << _DIGIT)
        above = np.cumsum(counts[::-1])
        found = int(np.searchsorted(above, place))
        place -= int(above[found] - counts[::-1][found])
        known = known << _DIGIT | ((1 << _DIGIT) - 1 - found)
    return float(np.int64(known).view(np.float64))
