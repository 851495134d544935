"""What a pass keeps beside its sums: columns by block, in memory, or in files where the log has a limit.

A column with a row a journey (an attempt, a match, a silence) doesn't fit into memory beside a log that
doesn't. Each block's columns are put once, by whoever worked on it, a thread or an executor, and a column is
read when it is asked for.
"""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cjmining.engine.local import reduce_blocks
from cjmining.engine.shared import remove_folder
from cjmining.errors import LogError
from cjmining.shipping import shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

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

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what is kept."""
        return _in_memory, (self.columns, {name: self.column(name) for name in self.columns})

    @abstractmethod
    def __len__(self) -> int:
        """Return how many rows there are."""

    @abstractmethod
    def put(self, block: Block, values: Arrays) -> None:
        """Keep the values of a block; what was kept of it before is replaced."""

    @abstractmethod
    def pieces(self, *names: str) -> Generator[tuple[NDArray[Any], ...]]:
        """Give some columns side by side, block by block in their order."""

    @abstractmethod
    def column(self, name: str) -> NDArray[Any]:
        """Return a column, all of it."""

    @abstractmethod
    def loaded(self) -> Kept:
        """Return all columns in memory, for who reads each again and again."""

    def head(self, rows: int) -> Kept:
        """Return the first rows, in memory."""
        found: dict[str, list[NDArray[Any]]] = {name: [] for name in self.columns}
        with closing(self.pieces(*self.columns)) as pieces:
            for piece in pieces:
                for parts, values in zip(found.values(), piece, strict=True):
                    parts.append(values[: rows - sum(map(len, parts))])
                if sum(map(len, parts)) >= rows:
                    break
        columns = {name: [np.empty(0, self.columns[name]), *parts] for name, parts in found.items()}
        return _in_memory(self.columns, {name: np.concatenate(parts) for name, parts in columns.items()})


class KeptInMemory(Kept):
    """Columns in memory: each is put together once, when it is first asked for."""

    def __init__(self, columns: Mapping[str, npt.DTypeLike]) -> None:
        super().__init__(columns)
        self._lock = Lock()
        self._blocks: dict[int, dict[str, NDArray[Any]]] = {}
        self._joined: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self.column(next(iter(self.columns))))

    def put(self, block: Block, values: Arrays) -> None:
        """Keep the values of a block."""
        self._blocks[block.first_journey] = {
            name: np.asarray(values[name], kind) for name, kind in self.columns.items()
        }

    def loaded(self) -> Kept:
        """Return itself."""
        return self

    def pieces(self, *names: str) -> Generator[tuple[NDArray[Any], ...]]:
        """Give some columns in one piece."""
        yield tuple(self.column(name) for name in names)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column, all of it."""
        with self._lock:
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
    blocks : int
        How many blocks are put before anything is read.
    """

    def __init__(self, columns: Mapping[str, npt.DTypeLike], folder: Path, blocks: int = 0) -> None:
        super().__init__(columns)
        self._folder = folder
        self._n_blocks = blocks
        weakref.finalize(self, remove_folder, folder, os.getpid())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle for executors where the folder is, else what lies in it."""
        if shipped():
            return _of_folder, (self.columns, self._folder)
        return super().__reduce__()

    def __len__(self) -> int:
        return sum(pq.read_metadata(file).num_rows for file in self._files())

    def put(self, block: Block, values: Arrays) -> None:
        """Keep the values of a block.

        Raises
        ------
        LogError
            If there is no room for them.
        """
        table = pa.table({name: np.asarray(values[name], kind) for name, kind in self.columns.items()})
        file = self._folder / f"{block.first_journey:015d}.parquet"
        draft = file.with_name(f".{uuid4().hex}")  # two executors may work on a block
        try:
            pq.write_table(table, draft, compression="zstd", use_dictionary=False, write_statistics=False)
            draft.replace(file)
        except OSError as problem:
            raise no_room(self._folder, problem) from problem

    def pieces(self, *names: str) -> Generator[tuple[NDArray[Any], ...]]:
        """Give some columns side by side, block by block.

        Raises
        ------
        LogError
            If what was put isn't there any more.
        """
        for file in self._files():
            with pq.ParquetFile(file, memory_map=True) as opened:
                table = opened.read(columns=list(dict.fromkeys(names)), use_threads=False)
            yield tuple(table.column(name).to_numpy() for name in names)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column, all of it."""
        return self._read(name)[name]

    def loaded(self) -> Kept:
        """Return all columns in memory."""
        return _in_memory(self.columns, self._read(*self.columns))

    def _read(self, *names: str) -> dict[str, NDArray[Any]]:
        """Put columns together piece by piece, for they may be large."""
        rows, filled = len(self), 0
        found = {name: np.empty(rows, self.columns[name]) for name in names}
        for piece in self.pieces(*names):
            for column, values in zip(found.values(), piece, strict=True):
                column[filled : filled + len(values)] = values
            filled += len(piece[0])
        return found

    def _files(self) -> list[Path]:
        files = sorted(self._folder.glob("*.parquet"))
        if len(files) < self._n_blocks:
            raise gone(self._folder)
        return files


def _of_folder(columns: Mapping[str, npt.DTypeLike], folder: Path) -> KeptInFiles:
    """Return what executors put into: its folder isn't theirs to remove."""
    kept = KeptInFiles.__new__(KeptInFiles)
    Kept.__init__(kept, columns)
    kept._folder, kept._n_blocks = folder, 0
    return kept


def _in_memory(columns: Mapping[str, npt.DTypeLike], joined: dict[str, NDArray[Any]]) -> KeptInMemory:
    kept = KeptInMemory(columns)
    kept._joined = joined
    return kept


def in_lots(pieces: Iterable[tuple[NDArray[Any], ...]], most: int) -> Iterator[tuple[NDArray[Any], ...]]:
    """Put neighbouring pieces together, up to so many rows; of more where one piece has more.

    Examples
    --------
    >>> pieces = [(np.arange(2),), (np.arange(1),), (np.arange(3),)]
    >>> [lot[0].tolist() for lot in in_lots(pieces, 3)]
    [[0, 1, 0], [0, 1, 2]]
    """
    lot: list[tuple[NDArray[Any], ...]] = []
    for piece in pieces:
        if lot and sum(len(each[0]) for each in lot) + len(piece[0]) > most:
            yield _side_by_side(lot)
            lot = []
        lot.append(piece)
    if lot:
        yield _side_by_side(lot)


def _side_by_side(pieces: list[tuple[NDArray[Any], ...]]) -> tuple[NDArray[Any], ...]:
    return tuple(np.concatenate(each) for each in zip(*pieces, strict=True))


def of_parts(parts: Sequence[Arrays], number: Sequence[NDArray[np.int64]]) -> Arrays:
    """Join the columns of a block's parts, in the order of the numbers of each part's rows."""
    if len(parts) == 1:
        return parts[0]
    order = np.argsort(np.concatenate(number), kind="stable")
    return {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}


def kept_for(log: JourneyLog, columns: Mapping[str, npt.DTypeLike], blocks: int) -> Kept:
    """Return where to keep columns of a log: in files if it has a limit of memory, which executors share.

    Parameters
    ----------
    log : JourneyLog
    columns : mapping of str to dtype
        Their names, and of what kind the values are.
    blocks : int
        How many blocks are put before anything is read.

    Raises
    ------
    LogError
        If no folder can be made for them.
    """
    folder = new_folder_for(log)
    return KeptInMemory(columns) if folder is None else KeptInFiles(columns, folder, blocks)


def new_folder_for(log: JourneyLog) -> Path | None:
    """Return a new folder for what is kept of a log if it has a limit of memory, which executors share.

    Raises
    ------
    LogError
        If none can be made.
    """
    if log.memory_limit is None:
        return None
    return _new_folder() if log.engine is None else log.engine.new_folder()


def keep_blocks(
    log: JourneyLog,
    read: Callable[[Block], Sequence[Arrays]],
    tables: Sequence[Mapping[str, npt.DTypeLike]],
    blocks: Sequence[Block],
) -> list[Kept]:
    """Read columns out of every block, and keep them: for what has a row a journey or an attempt.

    Parameters
    ----------
    log : JourneyLog
    read : callable
        Takes a block, returns the columns of each table; those of one have the same length.
    tables : sequence of mapping
        The columns of each table, and of what kind their values are.
    blocks : sequence of Block
        Of the log.

    Returns
    -------
    list of Kept
        One a table, with the rows in the order of the blocks.
    """
    kept = [kept_for(log, columns, len(blocks)) for columns in tables]

    def put(block: Block) -> None:
        for its_own, values in zip(kept, read(block), strict=True):
            its_own.put(block, values)

    reduce_blocks(put, lambda _done: None, blocks, engine=log.engine)
    return kept


def _new_folder() -> Path:
    try:
        return Path(mkdtemp(prefix="cjmining-"))
    except OSError as problem:
        raise no_room(Path(gettempdir()), problem) from problem


def no_room(folder: Path, problem: OSError) -> LogError:
    """Return what to raise where something can't be kept."""
    return LogError(
        f"what is kept of each journey can't be written to {folder}: {problem}. Set the environment variable "
        "TMPDIR to a folder with more room; for executors name one, cj.engines.Spark(session, shared=...)"
    )


def gone(folder: Path) -> LogError:
    """Return what to raise where what was kept isn't there any more."""
    return LogError(
        f"what is kept of each journey isn't in {folder} any more: temporary files were cleared, or the "
        "engine that made it was closed. Check the log again, or ask again"
    )
