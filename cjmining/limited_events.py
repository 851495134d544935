"""The events of a log on disk of which no more than a limit is in memory at once."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cjmining import schema, tables
from cjmining.errors import LogError
from cjmining.event_columns import PIECE, EventColumn
from cjmining.events import Events, HeldEvents, only_chunk
from cjmining.scratch import Scratch
from cjmining.shipping import shipped
from cjmining.storage import ROWS
from cjmining.stored_events import StoredEvents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.events import Convert, Flags, Ints
    from cjmining.labels import Labels
    from cjmining.storage import Folder

_SHARE_OF_CACHE = 4
"""What part of a limit is for pieces that may be read again."""


def stored_events(folder: Folder, limit: int | None = None) -> Events:
    """Return the events of a log: of the format's version 1, which had no order of words, at once."""
    for block in folder.names("events-"):
        folder.file(block)
    if "words" in folder.manifest:
        return StoredEvents(folder) if limit is None else FiledEvents(folder, limit)
    if limit is not None:
        raise LogError(
            f"{folder.path} was written by an earlier version of this library, so it can't be read within a "
            "limit of memory: open it without memory_limit and write it again"
        )
    blocks = [folder.table(name) for name in folder.names("events-")]
    read = pa.concat_tables(blocks, promote_options="default")
    return HeldEvents(tables.one_chunk(tables.canonical_events(read)))


class LimitedEvents(Events):
    """Events of which no more than a limit is in memory at once.

    Columns are `EventColumn`: they are read where they are sliced.
    """

    limit: int

    @abstractmethod
    def _array(self, name: str, convert: Convert, none: np.generic) -> EventColumn:
        """Return a column that is there as numbers."""

    def array(self, name: str, convert: Convert, none: np.generic) -> EventColumn:
        """Return a column as numbers, read where it is sliced."""
        if name in self.column_names:
            return self._array(name, convert, none)
        return EventColumn(self.num_rows, none.dtype, lambda start, stop: np.full(stop - start, none))

    def column(self, name: str) -> pa.Array:
        """Return a column, all of it, whatever the limit; it is read again each time."""
        return self.piece(name, 0, self.num_rows)

    def take(self, name: str, rows: Ints) -> pa.Array:
        """Return a column of chosen events; of those that lie apart, what is between isn't read."""
        cuts = np.flatnonzero(np.diff(rows // PIECE, prepend=-1, append=-1))
        parts = []
        for a, b in itertools.pairwise(cuts):
            own = rows[a:b]
            begin = int(own.min())
            parts.append(self.piece(name, begin, int(own.max()) + 1).take(pa.array(own - begin)))
        return pa.concat_arrays(parts) if parts else pa.array([], self.schema.field(name).type)

    def chosen(self, bounds: Ints, kept: Flags) -> Events:
        """Return the events of some journeys."""
        own = np.concatenate([[0], np.cumsum(np.diff(bounds)[kept])]).astype(np.int64)
        return ChosenEvents(self, bounds[:-1][kept], own)

    def relabelled(self, labels: Labels, *, sources: Sequence[str]) -> tuple[Events, tuple[int, ...]]:
        """Return labelled events, and the number of events that each rule decided; they are read once."""
        if not labels.rules:
            return self, ()
        made = {name: ScratchWords(schema.EVENTS.field(name).type) for name in labels.sets}
        counts = np.zeros(len(labels.rules), np.int64)
        for piece in self.pieces([name for name in labels.reads if name in self.column_names]):
            labelled, decided = labels.apply_and_count(piece, sources=sources)
            counts += decided
            for name, column in made.items():
                column.add(labelled.column(name))
        return RelabelledEvents(self, made), tuple(int(count) for count in counts)


class FiledEvents(LimitedEvents):
    """The events of a log on disk, read a row group at a time; the last ones read are kept."""

    def __init__(self, folder: Folder, limit: int) -> None:
        self.limit = limit
        self._folder = folder
        self._whole = StoredEvents(folder)
        self._blocks = folder.names("events-")
        self._starts = [0, *accumulate(folder.rows(name) for name in self._blocks)]
        self._vocabularies: dict[str, pa.Array] = {}
        self._kept = _Kept(limit // _SHARE_OF_CACHE)
        self.num_rows = self._whole.num_rows
        self.schema = self._whole.schema

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled; executors get no words, which may be somebody's."""
        return {**self.__dict__, "_vocabularies": {}} if shipped() else self.__dict__

    def piece(self, name: str, start: int, stop: int) -> pa.Array:
        """Return a column of some events."""
        parts = [
            self._row_group(name, block, number)[first:last]
            for block, number, first, last in self._groups(start, stop)
        ]
        return pa.concat_arrays(parts) if parts else pa.array([], self.schema.field(name).type)

    def vocabulary(self, name: str) -> pa.Array:
        """Return the words of a text column, sorted."""
        if name not in self._vocabularies:
            words = self._whole.words(name)
            if words is None and self.num_rows:  # each row group has them all
                words = self._folder.row_group(self._blocks[0], 0, name).dictionary
            elif words is None:
                words = pa.array([], pa.string())
            self._vocabularies[name] = words
        return self._vocabularies[name]

    def _array(self, name: str, convert: Convert, none: np.generic) -> EventColumn:
        def group(block: int, number: int) -> NDArray[Any]:
            key = (name, convert, block, number)
            return self._kept.get(key, lambda: convert(self._row_group(name, block, number)))

        def read(start: int, stop: int) -> NDArray[Any]:
            parts = [
                group(block, number)[first:last] for block, number, first, last in self._groups(start, stop)
            ]
            return parts[0] if len(parts) == 1 else np.concatenate(parts)

        return EventColumn(self.num_rows, none.dtype, read)

    def _row_group(self, name: str, block: int, number: int) -> pa.Array:
        column = self._folder.row_group(self._blocks[block], number, name)
        if not pa.types.is_dictionary(self.schema.field(name).type):
            return column
        words = self.vocabulary(name)
        if pa.types.is_integer(column.type):
            return pa.DictionaryArray.from_arrays(column, words)
        if column.dictionary.equals(words):
            return column
        return pa.DictionaryArray.from_arrays(pc.index_in(column.cast(pa.string()), words), words)

    def _groups(self, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
        """Give block, row group, and first and last row in it, of what holds these events."""
        block = bisect_right(self._starts, start) - 1
        while start < stop:
            here, end = (min(at, self._starts[block + 1]) - self._starts[block] for at in (start, stop))
            for number in range(here // ROWS, (end - 1) // ROWS + 1):
                before = number * ROWS
                yield block, number, max(here - before, 0), min(end - before, ROWS)
            block += 1
            start = self._starts[block]


class ChosenEvents(LimitedEvents):
    """The events of some journeys of others.

    Parameters
    ----------
    events : LimitedEvents
        These others.
    first : int64[journeys]
        Where each of the journeys begins among them, ascending.
    bounds : int64[journeys + 1]
        Where each begins among the chosen ones, and the number of these.
    """

    def __init__(self, events: LimitedEvents, first: Ints, bounds: Ints) -> None:
        self.limit, self.schema, self.num_rows = events.limit, events.schema, int(bounds[-1])
        self._events = events
        self._first = first
        self._bounds = bounds

    def piece(self, name: str, start: int, stop: int) -> pa.Array:
        """Return a column of some events."""
        return self._events.take(name, self._rows(start, stop))

    def vocabulary(self, name: str) -> pa.Array:
        """Return the words of a text column, sorted; some may not occur, of no events none."""
        return self._events.vocabulary(name) if self.num_rows else pa.array([], pa.string())

    def _array(self, name: str, convert: Convert, none: np.generic) -> EventColumn:
        whole = self._events.array(name, convert, none)
        return EventColumn(self.num_rows, none.dtype, lambda start, stop: whole[self._rows(start, stop)])

    def _rows(self, start: int, stop: int) -> Ints:
        """Return where the events lie among all."""
        own = np.arange(start, stop)
        journey = np.searchsorted(self._bounds, own, side="right") - 1
        rows: Ints = self._first[journey] + own - self._bounds[journey]
        return rows


class RelabelledEvents(LimitedEvents):
    """Events of which some columns are others, which lie in temporary files.

    Parameters
    ----------
    events : LimitedEvents
        Whose other columns are taken.
    columns : mapping
        Name -> the column instead.
    """

    def __init__(self, events: LimitedEvents, columns: Mapping[str, ScratchWords]) -> None:
        self.limit, self.num_rows = events.limit, events.num_rows
        self._events = events
        self._columns = columns
        own = [pa.field(name, column.type) for name, column in columns.items()]
        fields = {field.name: field for field in (*events.schema, *own)}
        self.schema = pa.schema([fields[name] for name in tables.in_order(fields)])

    def piece(self, name: str, start: int, stop: int) -> pa.Array:
        """Return a column of some events."""
        own = self._columns.get(name)
        return self._events.piece(name, start, stop) if own is None else own.piece(start, stop)

    def vocabulary(self, name: str) -> pa.Array:
        """Return the words of a text column, sorted."""
        own = self._columns.get(name)
        return self._events.vocabulary(name) if own is None else own.words

    def _array(self, name: str, convert: Convert, none: np.generic) -> EventColumn:
        own = self._columns.get(name)
        if own is None:
            return self._events.array(name, convert, none)
        return EventColumn(self.num_rows, none.dtype, lambda start, stop: convert(own.piece(start, stop)))


class ScratchWords:
    """A column in a temporary file: each value as the code of a text or of false and true, -1 for none.

    Texts get their codes as they come, and sorted ones when all are there.
    """

    def __init__(self, type_: pa.DataType) -> None:
        self.type = type_
        self._numbers: dict[str, int] = {}
        self._codes = Scratch(np.int32)

    def add(self, values: pa.ChunkedArray) -> None:
        """Write the values of the events that come next."""
        self._codes.add(self._coded(only_chunk(tables.one_chunk(pa.table([values], ["values"])).column(0))))

    def _coded(self, values: pa.Array) -> NDArray[np.int32]:
        if pa.types.is_boolean(self.type):
            flags: NDArray[np.int32] = pc.fill_null(values.cast(pa.int32()), -1).to_numpy(
                zero_copy_only=False
            )
            return flags
        own = [self._numbers.setdefault(word, len(self._numbers)) for word in values.dictionary.to_pylist()]
        return np.array([*own, -1], np.int32)[tables.codes_of(values)]

    @cached_property
    def words(self) -> pa.Array:
        """The texts, sorted."""
        return pa.array(sorted(self._numbers), pa.string())

    @cached_property
    def _sorted(self) -> NDArray[np.int32]:
        """The place of each text among the sorted ones, by its code in the file."""
        place = {word: number for number, word in enumerate(sorted(self._numbers))}
        return np.array([*(place[word] for word in self._numbers), -1], np.int32)

    def piece(self, start: int, stop: int) -> pa.Array:
        """Return the values of some events."""
        codes = self._codes.read(start, stop)
        if pa.types.is_boolean(self.type):
            return pa.array(codes == 1, mask=codes < 0)
        own = self._sorted[codes]
        return pa.DictionaryArray.from_arrays(pa.array(own, mask=own < 0), self.words)


class _Kept:
    """What was read last, up to so many bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._arrays: OrderedDict[object, NDArray[Any]] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[_Kept], tuple[int]]:
        return _Kept, (self._limit,)

    def get(self, key: object, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return what is kept under a key, or make it."""
        with self._lock:
            found = self._arrays.get(key)
            if found is not None:
                self._arrays.move_to_end(key)
                return found
        made = make()
        made.flags.writeable = False
        with self._lock:
            if key not in self._arrays and made.nbytes <= self._limit:
                self._arrays[key] = made
                self._bytes += made.nbytes
            while self._bytes > self._limit:
                _, gone = self._arrays.popitem(last=False)
                self._bytes -= gone.nbytes
        return made
