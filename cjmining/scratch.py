"""Columns of numbers in temporary files, for what has a value an event and may not be in memory."""

from __future__ import annotations

from tempfile import TemporaryFile, gettempdir
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from cjmining.errors import LogError
from cjmining.event_columns import EventColumn

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


class Scratch:
    """Values that are written into a temporary file, in any order, and read where they are sliced.

    The file goes when this does. What is read is a copy: a part of the file that stayed mapped would count as
    memory of the process.

    Parameters
    ----------
    dtype : dtype
        Of what kind the values are.

    Raises
    ------
    LogError
        If there is no room for them.

    Examples
    --------
    >>> import numpy as np
    >>> written = Scratch(np.int64)
    >>> written.put(2, np.array([30, 40]))
    >>> written.put(0, np.array([10, 20]))
    >>> written.column()[1:3].tolist()
    [20, 30]
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.size = 0
        self._lock = Lock()
        try:
            self._file = TemporaryFile(prefix="cjmining-")  # noqa: SIM115 -- open as long as it is read
        except OSError as problem:
            raise _no_room(problem) from problem
        finalize(self, self._file.close)

    def __reduce__(self) -> tuple[type[_Copy], tuple[NDArray[Any]]]:
        return _Copy, (np.asarray(self._mapped(0, self.size)),)

    def put(self, start: int, values: NDArray[Any]) -> None:
        """Write the values from a place on; several threads may."""
        with self._lock:
            try:
                self._file.seek(start * self.dtype.itemsize)
                self._file.write(np.ascontiguousarray(values, self.dtype).tobytes())
                self._file.flush()
            except OSError as problem:
                raise _no_room(problem) from problem
            self.size = max(self.size, start + len(values))

    def add(self, values: NDArray[Any]) -> None:
        """Write the values that come next."""
        self.put(self.size, values)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the values from one place on and before another."""
        return np.array(self._mapped(start, stop))

    def column(self) -> Any:  # noqa: ANN401 -- a column, which stands in for an array
        """Return what was written so far."""
        return EventColumn(self.size, self.dtype, self.read)

    def _mapped(self, start: int, stop: int) -> NDArray[Any]:
        if stop <= start:
            return np.empty(0, self.dtype)
        return np.memmap(self._file, self.dtype, "r", start * self.dtype.itemsize, (stop - start,))


class Held:
    """The same, in memory.

    Parameters
    ----------
    dtype : dtype
        Of what kind the values are.
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.size = 0
        self._parts: dict[int, NDArray[Any]] = {}

    def put(self, start: int, values: NDArray[Any]) -> None:
        """Keep the values from a place on; several threads may."""
        self._parts[start] = values
        self.size = max(self.size, start + len(values))

    def add(self, values: NDArray[Any]) -> None:
        """Keep the values that come next."""
        self._parts[self.size] = values
        self.size += len(values)

    def column(self) -> Any:  # noqa: ANN401 -- an array of its kind
        """Return what was kept so far, which leaves no gaps."""
        parts = [self._parts[start] for start in sorted(self._parts)]
        return np.concatenate([np.empty(0, self.dtype), *parts])


def beside(column: Any, dtype: DTypeLike) -> Scratch | Held:  # noqa: ANN401 -- an array or a column
    """Return what takes values beside a column: in memory where that is, else in a temporary file.

    Examples
    --------
    >>> import numpy as np
    >>> kept = beside(np.arange(3), np.int8)
    >>> kept.add(np.array([5, 6], np.int8))
    >>> kept.column().tolist()
    [5, 6]
    """
    return Scratch(dtype) if isinstance(column, EventColumn) else Held(dtype)


class _Copy:
    """What became of a `Scratch` elsewhere: its values, read alike."""

    def __init__(self, values: NDArray[Any]) -> None:
        self._values = values

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the values from one place on and before another."""
        return self._values[start:stop]


def _no_room(problem: OSError) -> LogError:
    return LogError(
        f"what has a value an event is kept in temporary files, for which {gettempdir()} has no room: "
        f"{problem.strerror}. Set the environment variable TMPDIR to a folder with more"
    )
