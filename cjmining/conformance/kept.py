"""What a pass keeps beside its sums: columns by block, in memory, or in files where the log has a limit.

A column with a row a journey doesn't fit into memory beside a log that doesn't. Each block's columns are put
once, by whoever worked on it, a thread or an executor, and a column is read when it is asked for.
"""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cjmining.shipping import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    from numpy.typing import NDArray

    from cjmining.blocks import Block
    from cjmining.log import JourneyLog

    Arrays = Mapping[str, NDArray[Any]]


class Kept(ABC):
    """Columns that are put block by block.

    Parameters
    ----------
    columns : mapping of str to dtype
        Their names, and of what kind the values are.
    """

    def __init__(self, columns: Mapping[str, npt.DTypeLike]) -> None:
        self.columns = {name: np.dtype(kind) for name, kind in columns.items()}

    @abstractmethod
    def put(self, block: Block, values: Arrays) -> None:
        """Keep the values of a block; what was kept of it before is replaced."""

    @abstractmethod
    def pieces(self, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
        """Give some columns side by side, block by block in their order."""

    def column(self, name: str) -> NDArray[Any]:
        """Return a column, all of it."""
        parts = [values for (values,) in self.pieces(name)]
        return np.concatenate(parts) if parts else np.empty(0, self.columns[name])


class KeptInMemory(Kept):
    """Columns in memory: each is put together once, when it is first asked for."""

    def __init__(self, columns: Mapping[str, npt.DTypeLike]) -> None:
        super().__init__(columns)
        self._blocks: dict[int, dict[str, NDArray[Any]]] = {}
        self._joined: dict[str, NDArray[Any]] = {}

    def put(self, block: Block, values: Arrays) -> None:
        """Keep the values of a block."""
        self._blocks[block.first_journey] = {
            name: np.asarray(values[name], kind) for name, kind in self.columns.items()
        }

    def pieces(self, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
        """Give some columns in one piece."""
        yield tuple(self.column(name) for name in names)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column, all of it."""
        if name not in self._joined:
            parts = [self._blocks[first].pop(name) for first in sorted(self._blocks)]
            self._joined[name] = np.concatenate(parts) if parts else np.empty(0, self.columns[name])
        return self._joined[name]


class KeptInFiles(Kept):
    """Columns in Parquet files, one a block, in a folder of their own, which goes when nobody has them.

    Parameters
    ----------
    columns : mapping of str to dtype
        Their names, and of what kind the values are.
    folder : Path
        A new folder, which everybody who puts values can write into.
    """

    def __init__(self, columns: Mapping[str, npt.DTypeLike], folder: Path) -> None:
        super().__init__(columns)
        self._folder = folder
        weakref.finalize(self, rmtree, folder, ignore_errors=True)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle for executors where the folder is, else what lies in it."""
        if shipped():
            return _of_folder, (self.columns, self._folder)
        return _in_memory, (self.columns, {name: self.column(name) for name in self.columns})

    def put(self, block: Block, values: Arrays) -> None:
        """Keep the values of a block."""
        table = pa.table({name: np.asarray(values[name], kind) for name, kind in self.columns.items()})
        file = self._folder / f"{block.first_journey:015d}.parquet"
        draft = file.with_name(f".{file.name}.{os.getpid()}")  # two executors may work on a block
        pq.write_table(table, draft, compression="zstd")
        draft.replace(file)

    def pieces(self, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
        """Give some columns side by side, block by block."""
        for file in sorted(self._folder.glob("*.parquet")):
            table = pq.read_table(file, columns=list(dict.fromkeys(names)), memory_map=True)
            yield tuple(table.column(name).to_numpy() for name in names)


def _of_folder(columns: Mapping[str, npt.DTypeLike], folder: Path) -> KeptInFiles:
    """Return what executors put into: its folder isn't theirs to remove."""
    kept = KeptInFiles.__new__(KeptInFiles)
    Kept.__init__(kept, columns)
    kept._folder = folder
    return kept


def _in_memory(columns: Mapping[str, npt.DTypeLike], joined: dict[str, NDArray[Any]]) -> KeptInMemory:
    kept = KeptInMemory(columns)
    kept._joined = joined
    return kept


def kept_for(log: JourneyLog, columns: Mapping[str, npt.DTypeLike]) -> Kept:
    """Return where to keep columns of a log: in files if it has a limit of memory, which executors share."""
    if log.memory_limit is None:
        return KeptInMemory(columns)
    if log.engine is not None:
        return KeptInFiles(columns, log.engine.new_folder())
    return KeptInFiles(columns, Path(mkdtemp(prefix="cjmining-")))
