"""The events of a log on disk, each of whose columns is read when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from cjmining import schema, tables
from cjmining.events import WholeEvents, only_chunk

if TYPE_CHECKING:
    from cjmining.storage import Folder


class StoredEvents(WholeEvents):
    """The events of a log on disk: a column that was needed once stays in memory."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._blocks = folder.names("events-")
        self._words: dict[str, str] = folder.manifest["words"]
        self._columns: dict[str, pa.Array] = {}
        self.num_rows = sum(folder.rows(name) for name in self._blocks)
        own = folder.schema(self._blocks[0])
        self.schema = pa.schema(
            [pa.field(field.name, schema.TEXT) if field.name in self._words else field for field in own]
        )

    def column(self, name: str) -> pa.Array:
        """Return a column."""
        if name not in self._columns:
            self._load([name])
        return self._columns[name]

    def table(self) -> pa.Table:
        """Return all columns."""
        self._load([name for name in self.column_names if name not in self._columns])
        return super().table()

    def words(self, name: str) -> pa.Array | None:
        """Return the vocabulary of a column, if it is a long one."""
        if name not in self._words:
            return None
        words = self._folder.table(self._words[name]).column("word").combine_chunks()
        return words.chunk(0) if isinstance(words, pa.ChunkedArray) else words

    def _load(self, names: list[str]) -> None:
        if not names:
            return
        read = pa.concat_tables([self._folder.table(block, columns=names) for block in self._blocks])
        for name in names:
            column = only_chunk(tables.one_chunk(read.select([name])).column(0))
            read = read.drop_columns([name])
            words = self.words(name)
            if words is not None:
                column = pa.DictionaryArray.from_arrays(column, words)
            self._columns[name] = column
