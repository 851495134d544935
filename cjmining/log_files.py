"""The files that a log consists of: events in blocks of whole customers, and what is read of them when.

Events come and go as streams: neither who writes them nor who opens them has all of them in memory. A block
is one file. Texts are dictionary columns over the one sorted vocabulary of the whole log; a long vocabulary
(sessions, say) would be repeated in each block, so it is a file of its own and blocks hold its codes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cjmining import schema, tables
from cjmining.event_columns import PIECE
from cjmining.scratch import Scratch
from cjmining.stored_events import StoredEvents

if TYPE_CHECKING:
    from cjmining.storage import Draft, Folder

Ints = npt.NDArray[np.int64]

LONG_VOCABULARY = 10_000
"""Words from which on a vocabulary is a file of its own."""
_WORDS = pa.schema([("word", pa.string())])
BOUNDS = pa.schema([("first_event", pa.int64())])
"""Journeys that are in memory at once."""


def write_events(
    draft: Draft,
    events: Iterable[pa.Table],
    block_events: int,
    long: Mapping[str, Iterable[pa.Table]] | None = None,
) -> dict[str, str]:
    """Write a stream of events, in the log's order, in blocks of whole customers.

    Parameters
    ----------
    draft : Draft
        Where to.
    events : iterable of tables
        At least one, in canonical columns, the texts of all over the same vocabularies.
    block_events : int
        How many events a block holds at least, where there are as many.
    long : mapping, optional
        Column that comes as codes -> its vocabulary, in tables with the column `word`.

    Returns
    -------
    dict
        Column -> file of its vocabulary, for the long ones.
    """
    stream = iter(events)
    first = next(stream)
    words = _write_words(draft, first)
    coded = (_as_codes(table, words) for table in itertools.chain([first], stream))
    own = _as_codes(first, words).schema
    for number, block in itertools.groupby(_in_blocks(coded, block_events), key=itemgetter(0)):
        draft.add(_block(number), (table for _, table in block), schema=own)
    for name, tables_of_words in (long or {}).items():
        words[name] = _file_of_words(first, name)
        draft.add(words[name], tables_of_words, schema=_WORDS)
    return dict(sorted(words.items()))


def _block(number: int) -> str:
    return f"events-{number:05d}"


def _file_of_words(events: pa.Table, column: str) -> str:
    return f"words-{events.column_names.index(column):05d}"


def _write_words(draft: Draft, events: pa.Table) -> dict[str, str]:
    words = {}
    for field in events.schema:
        if pa.types.is_dictionary(field.type) and events.column(field.name).num_chunks:
            vocabulary = events.column(field.name).chunk(0).dictionary
            if len(vocabulary) >= LONG_VOCABULARY:
                words[field.name] = _file_of_words(events, field.name)
                draft.add(words[field.name], pa.table({"word": vocabulary}, schema=_WORDS))
    return words


def _as_codes(events: pa.Table, columns: Iterable[str]) -> pa.Table:
    for name in columns:
        codes = pa.chunked_array([chunk.indices for chunk in events.column(name).chunks], pa.int32())
        events = events.set_column(events.column_names.index(name), name, codes)
    return events


def _in_blocks(events: Iterable[pa.Table], block_events: int) -> Iterator[tuple[int, pa.Table]]:
    """Number each piece by its block: the next one begins with the first customer after so many events."""
    block, held, before = 0, 0, -1
    for table in events:
        start = 0
        begins = _customers_begin(table.column("customer").to_numpy(), before)
        while len(after := begins[np.searchsorted(begins, start + block_events - held) :]):
            begin = int(after[0])
            if begin > start:
                yield block, table.slice(start, begin - start)
            block, held, start = block + 1, 0, begin
        yield block, table.slice(start)
        held += table.num_rows - start
        before = table.column("customer")[-1].as_py() if table.num_rows else before


def _customers_begin(customer: Ints, before: int) -> Ints:
    """Return the rows at which another customer begins than in the row before."""
    begins = tables.customer_starts(customer)
    return begins[1:] if len(begins) and (customer[0] == before or before < 0) else begins


class Journeys:
    """The journeys of a stream of events: one for each customer, or for each that the source names.

    There may be an eighth as many as events, so what is known of them lies in temporary files.
    """

    def __init__(self) -> None:
        self._first, self._customer, self._native = Scratch(np.int64), Scratch(np.int64), Scratch(np.int32)
        self._start, self._end = Scratch(np.int64), Scratch(np.int64)
        self._n = self._n_events = 0
        self._earliest: int | None = None
        self._before: tuple[int, int, int] | None = None
        self._words = pa.array([], pa.string())

    def __len__(self) -> int:
        return self._n

    @property
    def n_events(self) -> int:
        """How many events were seen."""
        return self._n_events

    def watch(self, events: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Pass a stream on, and see where journeys begin and end."""
        for table in events:
            self._see(table)
            yield table

    def _see(self, table: pa.Table) -> None:
        customer = table.column("customer").to_numpy()
        time = table.column("timestamp").cast(pa.int64()).to_numpy()
        native = np.full(len(customer), -1, dtype=np.int32)
        if "native_journey" in table.column_names and table.column("native_journey").num_chunks:
            native = self._native_codes(table.column("native_journey"))
        if not len(customer):
            return
        starts = np.flatnonzero((customer[1:] != customer[:-1]) | (native[1:] != native[:-1])) + 1
        if self._before is None or self._before[:2] != (customer[0], native[0]):
            starts = np.concatenate(([0], starts))
        self._first.add(self._n_events + starts)
        for column, values in ((self._customer, customer), (self._native, native), (self._start, time)):
            column.add(values[starts])
        if self._before is None:
            self._end.add(time[starts[1:] - 1])
        else:
            self._end.add(np.concatenate(([self._before[2]], time))[starts])
        if len(starts):
            earliest = int(time[starts].min())
            self._earliest = earliest if self._earliest is None else min(earliest, self._earliest)
        self._before = int(customer[-1]), int(native[-1]), int(time[-1])
        self._n += len(starts)
        self._n_events += len(customer)

    def join(self, other: Journeys) -> None:
        """Take in what another one has seen: the events that come next, of other customers."""
        if other._before is None:
            return
        if self._before is not None:
            self._end.add(np.array([self._before[2]]))
        n = len(other)
        self._first.add(self._n_events + other._first.read(0, n))
        for own, given in (
            (self._customer, other._customer), (self._native, other._native), (self._start, other._start)
        ):  # fmt: skip
            own.add(given.read(0, n))
        self._end.add(other._end.read(0, n - 1))
        moments = [moment for moment in (self._earliest, other._earliest) if moment is not None]
        self._earliest, self._before = min(moments), other._before
        self._words = other._words if len(other._words) else self._words
        self._n += n
        self._n_events += other._n_events

    def _native_codes(self, column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
        if pa.types.is_dictionary(column.type):
            self._words = column.chunk(0).dictionary
            return tables.codes_of(tables.one_chunk(pa.table([column], ["codes"])).column(0).chunk(0))
        codes: npt.NDArray[np.int32] = pc.fill_null(column, -1).to_numpy()
        return codes

    def bounds(self) -> Iterator[pa.Table]:
        """Give the first event of each journey, and the number of events last, as `first_event`."""
        for start in range(0, len(self), PIECE):
            yield pa.table({"first_event": self._first.read(start, min(start + PIECE, len(self)))})
        yield pa.table({"first_event": np.array([self._n_events], np.int64)})

    def tables(
        self, observed_from: int | None, observed_until: int, native_words: pa.Array | None
    ) -> Iterator[pa.Table]:
        """Give the table of journeys in pieces of whole customers.

        Parameters
        ----------
        observed_from, observed_until : int
            Microseconds since 1970; events before were observed all the same.
        native_words : pyarrow.Array, optional
            The vocabulary of the sources' own journeys, where it is a long one.
        """
        words = self._words if native_words is None else native_words
        earliest = self._earliest or 0
        since = earliest if observed_from is None else min(earliest, observed_from)
        first = 0
        while first < len(self) or not first:
            n = self._whole_customers(first)
            customer, start = self._customer.read(first, first + n), self._start.read(first, first + n)
            yield tables.journey_table(
                customer,
                tables.numbered(customer, start),
                tables.words_of(self._native.read(first, first + n), words),
                (start, self._ends(first, n)),
                (since, observed_until),
                self._sizes(first, n),
                first,
            )
            first += max(n, 1)

    def _whole_customers(self, first: int) -> int:
        """Return how many journeys to take from one on so that they are of whole customers."""
        size = PIECE
        while first + size < len(self):
            customer = self._customer.read(first, first + size + 1)
            cut = int(np.searchsorted(customer, customer[-1]))
            if cut:
                return cut
            size *= 2
        return len(self) - first

    def _ends(self, first: int, n: int) -> Ints:
        end = self._end.read(first, min(first + n, len(self) - 1))
        last = [self._before[2]] if self._before is not None and first + n == len(self) else []
        return np.concatenate((end, np.array(last, np.int64)))

    def _sizes(self, first: int, n: int) -> Ints:
        begins = self._first.read(first, min(first + n + 1, len(self)))
        after = [self._n_events] if first + n == len(self) else []
        return np.diff(begins, append=np.array(after, np.int64))


def log_of_blocks(
    draft: Draft,
    words: Mapping[str, str],
    journeys: Journeys,
    *,
    sources: pa.Table,
    ledger: pa.Table,
    quarantine: pa.Table,
    data_end_us: int,
    notes: Iterable[str] = (),
) -> dict[str, Any]:
    """Write what is beside the events into a draft that has their blocks; return the manifest.

    `words` says which files have the long vocabularies, `journeys` has seen all events. Customers are in the
    draft already, as are identities and links where there are any.
    """
    firsts = [moment for moment in sources.column("first").cast(pa.int64()).to_pylist() if moment is not None]
    folder = draft.folder({"words": words})
    native_words = StoredEvents(folder).words("native_journey")
    made = journeys.tables(min(firsts, default=None), data_end_us, native_words)
    draft.add("journeys", made, schema=schema.JOURNEYS)
    draft.add("bounds", journeys.bounds(), schema=BOUNDS)
    small = {
        "identities": schema.IDENTITIES.empty_table(),
        "links": schema.LINKS.empty_table(),
        "sources": sources,
        "ledger": ledger,
        "quarantine": quarantine,
    }
    for name in [name for name in small if name not in draft]:
        draft.add(name, small[name])
    return {
        "data_end_us": data_end_us,
        "notes": list(notes),
        "split_by": None,
        "split_rules": None,
        "events": journeys.n_events,
        "journeys": len(journeys),
        "customers": folder.rows("customers"),
        "words": dict(words),
    }


class StoredTable:
    """A table of a log on disk that few questions need: it is read when it is first asked for."""

    def __init__(self, folder: Folder, name: str) -> None:
        folder.file(name)
        self._folder = folder
        self._name = name
        self._table: pa.Table | None = None

    def table(self) -> pa.Table:
        """Return it."""
        if self._table is None:
            self._table = self._folder.table(self._name)
        return self._table

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a column, which is read each time."""
        return self._folder.table(self._name, columns=[name]).column(name)

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""
        return self._folder.schema(self._name)

    def pieces(self, *columns: str) -> Iterator[pa.RecordBatch]:
        """Give some of its columns piece by piece; all where none are named."""
        return self._folder.pieces(self._name, columns or self.schema.names)


def tables_of(table: pa.Table | StoredTable, *columns: str) -> Iterator[pa.Table]:
    """Give some columns of a table piece by piece, from disk where that is; all where none are named."""
    if isinstance(table, pa.Table):
        yield table.select(columns) if columns else table
    else:
        yield from (pa.Table.from_batches([piece]) for piece in table.pieces(*columns))


def small_tables(folder: Folder) -> dict[str, pa.Table]:
    """Return the other tables of a log that are needed at once."""
    return {name: folder.table(name) for name in ("customers", "sources", "ledger", "quarantine", "bounds")}


def tags(folder: Folder) -> dict[str, pa.Array]:
    """Return what journeys are tagged with: the further columns of their table."""
    further = [name for name in folder.schema("journeys").names if name not in schema.JOURNEYS.names]
    return {name: tables.encode(folder.table("journeys", columns=[name]).column(name)) for name in further}
