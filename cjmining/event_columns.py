"""Columns of events that need not be in memory: they are read where they are sliced.

A column of a log in memory is a numpy array. Of a log on disk that is read within a limit of memory it is an
`EventColumn`, which is sliced alike. `elementwise` makes what is computed event by event: of arrays at once,
else when it is sliced. What is counted over all events goes over `pieces_of`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.lib.mixins import NDArrayOperatorsMixin

from cjmining.shipping import shipped

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

PIECE = 1 << 17
"""Events of a piece: as many as lie together in a file."""

_Array = TypeVar("_Array", bound="np.ndarray")


def read_only(array: _Array) -> _Array:
    """Return a view that can't be written.

    What lies in Arrow's memory can't, what was computed can: as one kind, kernels are compiled for it once.

    Examples
    --------
    >>> import numpy as np
    >>> read_only(np.arange(3)).flags.writeable
    False
    """
    view = array.view()
    view.flags.writeable = False
    return view


class EventColumn(NDArrayOperatorsMixin):
    """A value for each event, read where it is sliced.

    It stands in for a numpy array of one dimension. Slices and chosen places read what they need; numpy's
    functions and operators work too, but read all of it at once.

    Parameters
    ----------
    length : int
        How many events there are.
    dtype : dtype
        Of what kind the values are.
    read : callable
        Takes the first event and the one after the last, gives their values as an array.

    Examples
    --------
    >>> import numpy as np
    >>> squares = EventColumn(10, np.int64, lambda start, stop: np.arange(start, stop) ** 2)
    >>> squares[3:5], squares[np.array([9, 0])]
    (array([ 9, 16]), array([81,  0]))
    """

    ndim = 1

    def __init__(
        self,
        length: int,
        dtype: DTypeLike,
        read: Callable[[int, int], NDArray[Any]],
        piece: int | None = None,
    ) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.size = length
        self._read = read
        self._piece = PIECE if piece is None else piece

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it as an array of its values; for executors, which read them themselves, as it is."""
        if shipped():
            return EventColumn, (self.size, self.dtype, self._read, self._piece)
        return np.array, (np.asarray(self),)

    @property
    def shape(self) -> tuple[int]:
        """The number of events, as numpy tells it."""
        return (self.size,)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, rows: Any) -> Any:  # noqa: ANN401 -- whatever an array may be asked for
        if isinstance(rows, slice):
            start, stop, step = rows.indices(self.size)
            if step > 0:
                return self._values(start, max(start, stop))[::step]
            return self._at(np.arange(start, stop, step))
        if isinstance(rows, int | np.integer):
            return self._at(np.array([rows]))[0]
        rows = np.asarray(rows)
        if rows.dtype == np.bool_:
            if rows.shape != self.shape:
                raise IndexError(f"{len(rows):,} times yes or no for {self.size:,} events")
            rows = np.flatnonzero(rows)
        return self._at(rows)

    def __iter__(self) -> Iterator[Any]:
        for _, values in self.pieces():
            yield from values

    def __repr__(self) -> str:
        return f"EventColumn({self.size:,} values of {self.dtype}, read where they are sliced)"

    def __arrow_array__(self, type: Any = None) -> pa.Array:  # noqa: A002, ANN401 -- pyarrow's protocol
        return pa.array(np.asarray(self), type)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a column on disk can't be had as an array without reading it")
        return self._values(0, self.size).astype(self.dtype if dtype is None else dtype, copy=bool(copy))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **how: Any) -> Any:  # noqa: ANN401
        arrays = [np.asarray(each) if isinstance(each, EventColumn) else each for each in inputs]
        return getattr(ufunc, method)(*arrays, **how)

    def pieces(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Give the values piece by piece, each with the number of its first event."""
        for start in range(0, self.size, self._piece):
            yield start, self._values(start, min(start + self._piece, self.size))

    def min(self) -> Any:  # noqa: ANN401 -- a number of the column's kind
        """Return the least value."""
        return np.minimum.reduce([values.min() for _, values in self.pieces()])

    def max(self) -> Any:  # noqa: ANN401 -- a number of the column's kind
        """Return the greatest value."""
        return np.maximum.reduce([values.max() for _, values in self.pieces()])

    def astype(self, dtype: DTypeLike, copy: bool = True) -> EventColumn:
        """Return the column with its values of another kind."""
        return EventColumn(self.size, dtype, lambda a, b: self._values(a, b).astype(dtype, copy=copy))

    def _values(self, start: int, stop: int) -> NDArray[Any]:
        if stop <= start:
            return read_only(np.empty(0, self.dtype))
        return read_only(self._read(start, stop))

    def _at(self, rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Read the values of some events, each piece once."""
        if len(rows) and rows.min() < 0:
            rows = np.where(rows < 0, rows + self.size, rows)
        if len(rows) and (rows.min() < 0 or rows.max() >= self.size):
            raise IndexError(f"there are {self.size:,} events")
        found = np.empty(len(rows), self.dtype)
        if (rows[1:] >= rows[:-1]).all():
            for start in range(0, len(rows), PIECE):  # what is made of rows is as long as they are
                found[start : start + PIECE] = self._of_ascending(rows[start : start + PIECE])
            return found
        order = np.argsort(rows, kind="stable")
        found[order] = self._of_ascending(rows[order])
        return found

    def _of_ascending(self, rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
        found = np.empty(len(rows), self.dtype)
        piece = rows // self._piece
        cuts = np.flatnonzero(np.diff(piece, prepend=-1, append=-1))
        for a, b in itertools.pairwise(cuts):
            first, last = int(rows[a]), int(rows[b - 1])
            found[a:b] = self._values(first, last + 1)[rows[a:b] - first]
        return found


def elementwise(function: Callable[..., NDArray[Any]], *columns: Any) -> Any:  # noqa: ANN401 -- arrays or not
    """Return what a function makes of columns, event by event: of arrays at once, else when it is sliced.

    Examples
    --------
    >>> import numpy as np
    >>> ten = EventColumn(10, np.int64, np.arange)
    >>> elementwise(np.add, ten, np.ones(10, np.int64))[8:]
    array([ 9, 10])
    """
    if not any(isinstance(column, EventColumn) for column in columns):
        return read_only(function(*columns))
    kind = function(*(column[:0] for column in columns)).dtype
    return EventColumn(
        len(columns[0]), kind, lambda start, stop: function(*(column[start:stop] for column in columns))
    )


def of_whole_journeys(
    bounds: NDArray[np.int64], dtype: DTypeLike, read: Callable[[int, int], NDArray[Any]], *, at_once: bool
) -> Any:  # noqa: ANN401 -- an array or a column
    """Return a column that can only be made journey by journey.

    Parameters
    ----------
    bounds : int64[journeys + 1]
        First event of each journey, and the number of events.
    dtype : dtype
        Of what kind the values are.
    read : callable
        Takes the first journey and the one after the last, gives the values of their events.
    at_once : bool
        Whether to make it now, all of it.
    """
    n = len(bounds) - 1
    if at_once:
        return read_only(read(0, n))

    def of_events(start: int, stop: int) -> NDArray[Any]:
        first = int(np.searchsorted(bounds, start, side="right")) - 1
        last = int(np.searchsorted(bounds, stop))
        begin = int(bounds[first])
        return read(first, last)[start - begin : stop - begin]

    return EventColumn(int(bounds[-1]), dtype, of_events)


def pieces_of(*columns: Any) -> Iterator[tuple[NDArray[Any], ...]]:  # noqa: ANN401 -- arrays or columns
    """Give columns piece by piece, side by side: arrays in one piece.

    Examples
    --------
    >>> import numpy as np
    >>> sum(int(even.sum()) for (even,) in pieces_of(np.arange(0, 10, 2)))
    20
    """
    if not any(isinstance(column, EventColumn) for column in columns):
        yield columns
        return
    n = len(columns[0])
    for start in range(0, n, PIECE):
        yield tuple(column[start : start + PIECE] for column in columns)


def rows_where(holds: Callable[..., NDArray[np.bool_]], *columns: Any) -> NDArray[np.int64]:  # noqa: ANN401
    """Return the events of whose values something holds, ascending.

    Examples
    --------
    >>> import numpy as np
    >>> rows_where(lambda value: value > 6, EventColumn(9, np.int64, np.arange)).tolist()
    [7, 8]
    """
    return np.concatenate([np.empty(0, np.int64), *rows_by_piece(holds, *columns)])


def rows_by_piece(holds: Callable[..., NDArray[np.bool_]], *columns: Any) -> Iterator[NDArray[np.int64]]:  # noqa: ANN401
    """Give the events of whose values something holds piece by piece, ascending, where they may be many."""
    before = 0
    for piece in pieces_of(*columns):
        yield np.flatnonzero(holds(*piece)) + before
        before += len(piece[0])


def counts_of(codes: Any, n: int) -> NDArray[np.int64]:  # noqa: ANN401 -- an array or a column
    """Return how often each of `n` codes occurs; codes below 0 stand for nothing.

    Examples
    --------
    >>> import numpy as np
    >>> counts_of(np.array([2, 0, 2, -1]), 4).tolist()
    [1, 0, 2, 0]
    """
    counts = np.zeros(n, np.int64)
    for (piece,) in pieces_of(codes):
        counts += np.bincount(piece[piece >= 0], minlength=n)
    return counts
