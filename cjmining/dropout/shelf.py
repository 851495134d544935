"""Arrays that are put aside and taken again: kept in memory, or in a temporary file."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from cjmining.scratch import Scratch


class _InFile(NamedTuple):
    """Where an array lies, in bytes, and of what kind it is."""

    start: int
    stop: int
    dtype: np.dtype[Any]


Shelved = tuple[Any, ...]
"""Values as they were put aside: arrays, or where these lie."""


class Shelf:
    """Where many small arrays are put aside, several threads at once.

    Parameters
    ----------
    in_file : bool
        Whether arrays go to a temporary file, which goes when this does.

    Examples
    --------
    >>> import numpy as np
    >>> shelf = Shelf(in_file=True)
    >>> aside = shelf.put((np.arange(3), None))
    >>> shelf.take(aside)
    (array([0, 1, 2]), None)
    """

    def __init__(self, *, in_file: bool) -> None:
        self._file = Scratch(np.uint8) if in_file else None
        self._lock = Lock()

    def put(self, values: Iterable[Any]) -> Shelved:
        """Put values aside, arrays of one dimension among them."""
        if self._file is None:
            return tuple(values)
        return tuple(self._put(each) if isinstance(each, np.ndarray) else each for each in values)

    def take(self, shelved: Shelved) -> tuple[Any, ...]:
        """Return values that were put aside."""
        return tuple(self._take(each) if isinstance(each, _InFile) else each for each in shelved)

    def _put(self, values: np.ndarray) -> _InFile:
        assert self._file is not None  # noqa: S101 -- only called where it is
        as_bytes = np.ascontiguousarray(values).view(np.uint8)
        with self._lock:
            start = self._file.size
            self._file.add(as_bytes)
        return _InFile(start, start + len(as_bytes), values.dtype)

    def _take(self, where: _InFile) -> np.ndarray:
        assert self._file is not None  # noqa: S101 -- nothing else puts into a file
        return self._file.read(where.start, where.stop).view(where.dtype)
