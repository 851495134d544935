"""The log's blocks, written by executors from sorted ranges of customers: the bytes of an ordinary log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cjmining import schema
from cjmining.event_columns import PIECE
from cjmining.ingest.on_spark.tasks import Ints, files_in, in_place, range_file
from cjmining.ingest.sorting import typed_events
from cjmining.log_files import Journeys
from cjmining.storage import Writer, about_file

if TYPE_CHECKING:
    from cjmining.ingest.events import Made
    from cjmining.ingest.on_spark.parts import Setting


@dataclass(frozen=True)
class Block:
    """A block of the log: its customers, and the ranges in which they lie."""

    number: int
    first: int
    last: int
    ranges: Sequence[int]


@dataclass(frozen=True)
class Written:
    """A block that was written: where, what the manifest says of it, and its journeys."""

    path: Path
    about: Mapping[str, Any]
    journeys: Journeys


@dataclass(frozen=True)
class Layout:
    """What the columns of all blocks have in common.

    Attributes
    ----------
    made : Made
        What the events were made of.
    held : frozenset of str
        The columns that hold anything, of those that aren't texts.
    words : mapping
        Column -> its sorted vocabulary, of those that are short.
    long : mapping
        Column -> its place among the columns made, of the others.
    ranks : tuple of int
        For each source by rank, its place in the vocabulary of sources.
    """

    made: Made
    held: frozenset[str]
    words: Mapping[str, pa.Array]
    long: Mapping[str, int]
    ranks: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the log's events."""
        return (*schema.EVENTS.names, *self.made.others)

    def nothing(self) -> pa.Table:
        """Return the events of no customer, in the types of a block."""
        nothing = {name: pa.chunked_array([], self._given_as(name)) for name in self.names}
        return typed_events(pa.table(nothing), self.words, self.long)

    def _given_as(self, name: str) -> pa.DataType:
        if name in self.words or name in self.long:
            return pa.int32()
        return pa.timestamp("us") if name == "timestamp" else schema.EVENTS.field(name).type


def cut_into_blocks(customers: Ints, sizes: Ints, ranges: Ints, block_events: int) -> list[Block]:
    """Cut customers into blocks: the next one begins with the first customer after so many events.

    Parameters
    ----------
    customers, sizes, ranges : int64 arrays
        Customers in order, with how many events each has and in which range it lies.
    block_events : int
        How many events a block holds at least, where there are as many.

    Examples
    --------
    >>> import numpy as np
    >>> sizes = np.array([3, 1, 2, 5])
    >>> found = cut_into_blocks(np.arange(4), sizes, np.array([0, 0, 0, 1]), 4)
    >>> [(block.first, block.last, block.ranges) for block in found]
    [(0, 1, [0]), (2, 3, [0, 1])]
    """
    begins = np.cumsum(sizes) - sizes
    blocks: list[Block] = []
    at = 0
    while at < len(customers):
        after = int(np.searchsorted(begins, begins[at] + block_events))
        own = np.unique(ranges[at:after]).tolist()
        blocks.append(Block(len(blocks), int(customers[at]), int(customers[after - 1]), own))
        at = after
    return blocks


def write_block(setting: Setting, layout: Layout, block: Block) -> Written:
    """Write a block, in an executor."""
    journeys = Journeys()
    path = setting.room / "blocks" / f"events-{block.number:05d}.parquet"
    with in_place(path) as beside:
        with Writer(beside, layout.nothing().schema) as file:
            for table in journeys.watch(_pieces(setting, layout, block)):
                file.write(table)
        about = about_file(beside, file.rows)
    return Written(path, about, journeys)


def _pieces(setting: Setting, layout: Layout, block: Block) -> Iterator[pa.Table]:
    for number in block.ranges:
        codes = {name: _codes(setting, place, number) for name, place in layout.long.items()}
        with pq.ParquetFile(range_file(setting, "sorted", number)) as file:
            for batch in file.iter_batches(batch_size=PIECE):
                customer = batch.column("customer").to_numpy()
                start, stop = np.searchsorted(customer, [block.first, block.last + 1])
                if stop > start:
                    yield _events(batch.slice(start, stop - start), layout, codes)


def _codes(setting: Setting, place: int, number: int) -> tuple[pa.Array, pa.Array]:
    """Return the words of a long vocabulary that occur in a range, and their codes."""
    files = files_in(setting, f"codes/{place}/range={number}")
    if not files:
        return pa.array([], pa.string()), pa.array([], pa.int32())
    table = pa.concat_tables(pq.ParquetFile(file).read() for file in files).combine_chunks()
    return table.column("word").combine_chunks(), table.column("code").cast(pa.int32()).combine_chunks()


def _events(
    batch: pa.RecordBatch, layout: Layout, codes: Mapping[str, tuple[pa.Array, pa.Array]]
) -> pa.Table:
    """Return rows of a sorted range as events of the log."""
    columns = {}
    for name in layout.names:
        if name == "source":
            ranks = pa.array(layout.ranks, pa.int32())
            column = ranks.take(batch.column("source_rank"))
        elif name in layout.long:
            words, coded = codes[name]
            column = coded.take(pc.index_in(batch.column(name), value_set=words))
        elif name in layout.words:
            there = name in batch.schema.names
            column = (
                pc.index_in(batch.column(name), value_set=layout.words[name], skip_nulls=True)
                if there
                else pa.nulls(batch.num_rows, pa.int32())
            )
        elif name in layout.held:
            column = batch.column(name)
        else:
            column = pa.nulls(batch.num_rows, pa.int32())
        columns[name] = column
    return typed_events(pa.table(columns), layout.words, layout.long)
