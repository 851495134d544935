"""The events of a log, wherever their columns are: one interface, in memory or on disk.

`JourneyLog` reads them through `Events` alone and never asks which they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cjmining import tables
from cjmining.event_columns import PIECE, read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.labels import Labels

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Convert = Callable[[pa.Array], NDArray[Any]]


class Events(ABC):
    """The events of a log.

    Attributes
    ----------
    num_rows : int
        Number of events.
    schema : pyarrow.Schema
        Their columns, as they are in memory.
    limit : int or None
        Bytes of memory that an analysis of the log may take, about; None where columns may be in memory.
    """

    num_rows: int
    schema: pa.Schema
    limit: int | None = None

    @property
    def column_names(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    @abstractmethod
    def column(self, name: str) -> pa.Array:
        """Return a column, all of it, whatever the limit."""

    @abstractmethod
    def piece(self, name: str, start: int, stop: int) -> pa.Array:
        """Return a column of some events, from `start` on and before `stop`."""

    @abstractmethod
    def take(self, name: str, rows: Ints) -> pa.Array:
        """Return a column of chosen events."""

    @abstractmethod
    def vocabulary(self, name: str) -> pa.Array:
        """Return the words of a text column, sorted; some may not occur."""

    @abstractmethod
    def array(self, name: str, convert: Convert, none: np.generic) -> Any:  # noqa: ANN401 -- array or column
        """Return a column as numbers, what `convert` makes of Arrow's; `none` throughout where it is absent.

        An array, or within a limit an `EventColumn`, which is read where it is sliced.
        """

    @abstractmethod
    def chosen(self, bounds: Ints, kept: Flags) -> Events:
        """Return the events of some journeys: of those between `bounds` that are `kept`."""

    @abstractmethod
    def relabelled(self, labels: Labels, *, sources: Sequence[str]) -> tuple[Events, tuple[int, ...]]:
        """Return labelled events, and the number of events that each rule decided."""

    def table(self) -> pa.Table:
        """Return all columns, whatever the limit."""
        return pa.table({name: self.column(name) for name in self.column_names}, schema=self.schema)

    def pieces(self, names: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Give the columns, or some of them, piece by piece; of no events an empty piece."""
        wanted = self.column_names if names is None else names
        for start in range(0, max(self.num_rows, 1), PIECE):
            stop = min(start + PIECE, self.num_rows)
            yield pa.table({name: self.piece(name, start, stop) for name in wanted})


class WholeEvents(Events):
    """Events whose columns may be in memory, each in one piece."""

    def piece(self, name: str, start: int, stop: int) -> pa.Array:
        """Return a column of some events."""
        return self.column(name)[start:stop]

    def take(self, name: str, rows: Ints) -> pa.Array:
        """Return a column of chosen events."""
        return self.column(name).take(pa.array(rows))

    def vocabulary(self, name: str) -> pa.Array:
        """Return the words of a text column, sorted."""
        return self.column(name).dictionary

    def array(self, name: str, convert: Convert, none: np.generic) -> NDArray[Any]:
        """Return a column as an array."""
        values = convert(self.column(name)) if name in self.column_names else np.full(self.num_rows, none)
        return read_only(values)

    def chosen(self, bounds: Ints, kept: Flags) -> Events:
        """Return the events of some journeys."""
        rows = pa.array(np.repeat(kept, np.diff(bounds)))
        return HeldEvents(tables.one_chunk(self.table().filter(rows)))

    def relabelled(self, labels: Labels, *, sources: Sequence[str]) -> tuple[Events, tuple[int, ...]]:
        """Return labelled events, and the number of events that each rule decided."""
        labelled, counts = labels.apply_and_count(self.table(), sources=sources)
        return HeldEvents(tables.one_chunk(tables.recast(labelled, labels.sets))), counts


class HeldEvents(WholeEvents):
    """Events that are in memory.

    Parameters
    ----------
    table : pyarrow.Table
        In canonical columns, each in one piece.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.num_rows = table.num_rows
        self.schema = table.schema

    def column(self, name: str) -> pa.Array:
        """Return a column."""
        return only_chunk(self._table.column(name))

    def table(self) -> pa.Table:
        """Return all columns."""
        return self._table


def only_chunk(column: pa.ChunkedArray) -> pa.Array:
    """Return a column that is in one piece, or in none."""
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def as_whole_numbers(array: pa.Array) -> Ints:
    """Return numbers or times, in microseconds since 1970, as an array."""
    numbers: Ints = array.cast(pa.int64()).to_numpy()
    return numbers


def as_floats(array: pa.Array) -> Floats:
    """Return numbers as floats, NaN for null."""
    values: Floats = pc.fill_null(array.cast(pa.float64()), np.nan).to_numpy()
    return values


def as_flags(array: pa.Array) -> NDArray[np.int8]:
    """Return yes and no as 1 and 0, and null as -1."""
    flags: NDArray[np.int8] = pc.fill_null(array.cast(pa.int8()), -1).to_numpy(zero_copy_only=False)
    return flags
