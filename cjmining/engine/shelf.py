"""Arrays that are put aside and taken again: kept in memory, or in files where the log has a limit.

What is kept with a name and a length for all blocks is for `engine.kept`; here each part of a log puts arrays
of any length under names of its own, and says where they lie.
"""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from uuid import uuid4

import numpy as np

from cjmining.engine.kept import gone, new_folder_for, no_room
from cjmining.engine.shared import remove_folder
from cjmining.shipping import shipped

if TYPE_CHECKING:
    from cjmining.log import JourneyLog


class _InFile(NamedTuple):
    """Where an array lies: from which byte on, of what shape, and of what kind its values are."""

    file: Path
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


Shelved = tuple[Any, ...]
"""Values as they were put aside: arrays, or where these lie."""

Put = Callable[[Iterable[Any]], Shelved]
"""Puts values aside, arrays among them."""


class Shelf:
    """Where parts of a log put arrays aside, by threads or executors.

    Parameters
    ----------
    folder : Path, optional
        A new folder, which everybody who puts arrays can write into, and which goes when this does; by
        default they are kept in memory.

    Examples
    --------
    >>> import numpy as np
    >>> shelf = Shelf()
    >>> with shelf.lot() as put:
    ...     aside = put((np.arange(3), None))
    >>> take(aside)
    (array([0, 1, 2]), None)
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        if folder is not None:
            weakref.finalize(self, remove_folder, folder, os.getpid())

    @classmethod
    def of(cls, log: JourneyLog) -> Shelf:
        """Return one for a log: in files if it has a limit of memory, which executors share."""
        return cls(new_folder_for(log))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle for executors, whose it isn't to remove the folder."""
        if not shipped():
            raise TypeError("a shelf is for as long as a question takes")
        return _of_folder, (self._folder,)

    @contextmanager
    def lot(self) -> Iterator[Put]:
        """Give what puts values of one part aside.

        Raises
        ------
        LogError
            If there is no room for them.
        """
        if self._folder is None:
            yield tuple
            return
        file = self._folder / uuid4().hex  # a task that is tried again writes another
        try:
            with file.open("wb") as stream:
                yield lambda values: tuple(
                    _put(each, stream, file) if isinstance(each, np.ndarray) else each for each in values
                )
        except OSError as problem:
            raise no_room(self._folder, problem) from problem


def take(shelved: Shelved) -> tuple[Any, ...]:
    """Return values that were put aside.

    Raises
    ------
    LogError
        If what was put isn't there any more.
    """
    return tuple(_taken(each) if isinstance(each, _InFile) else each for each in shelved)


def _put(values: np.ndarray, stream: BinaryIO, file: Path) -> _InFile:
    start = stream.tell()
    stream.write(np.ascontiguousarray(values).data)
    return _InFile(file, start, values.shape, values.dtype)


def _taken(where: _InFile) -> np.ndarray:
    try:
        values = np.fromfile(where.file, where.dtype, math.prod(where.shape), offset=where.start)
    except FileNotFoundError as problem:
        raise gone(where.file.parent) from problem
    return values.reshape(where.shape)


def _of_folder(folder: Path | None) -> Shelf:
    """Return what executors put into."""
    shelf = Shelf.__new__(Shelf)
    shelf._folder = folder
    return shelf
