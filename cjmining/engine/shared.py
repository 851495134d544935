"""What executors are sent: functions, with what is large of their data as files that they map into memory.

A function over blocks holds arrays of the whole log (bounds, groups, tags, customers), of which a task reads
those of its own block. Each large one is written once, under a name made of its content, into a folder that
all see; what is pickled says which file to map. So a worker holds the pages that it reads, and no more.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import os
import pickle
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import numpy as np
import pyarrow as pa

import cjmining
from cjmining.errors import LogError
from cjmining.shipping import shipping

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGE: Final = 1 << 20
"""From how many bytes on an array or a table is a file."""

_TABULAR: Final = (pa.Table, pa.RecordBatch, pa.ChunkedArray, pa.Array)


class SharedFolder:
    """A folder of large arrays and tables, removed when it is closed or collected.

    Parameters
    ----------
    within : Path, optional
        The folder that all see, in which this one is made when it is first needed; by default that of
        temporary files.
    expect : callable
        Called before: raises if that folder won't do.
    """

    def __init__(self, within: Path | None, expect: Callable[[], None]) -> None:
        self._within = within
        self._expect = expect
        self._path: Path | None = None
        self._tables: dict[int, tuple[weakref.ref[Any], str]] = {}

    @property
    def path(self) -> Path:
        """The folder.

        Raises
        ------
        LogError
            If it can't be made, or executors wouldn't see it.
        """
        if self._path is None:
            self._expect()
            try:
                self._path = _new_folder(self._within)
            except OSError as problem:
                raise LogError(f"no folder for executors can be made: {problem}") from problem
            self._remove = weakref.finalize(self, remove_folder, self._path, os.getpid())
        return self._path

    def new(self) -> Path:
        """Make an empty folder in it."""
        path = self.path / uuid4().hex
        path.mkdir()
        return path

    def close(self) -> None:
        """Remove the folder; it is made again when it is needed."""
        if self._path is not None:
            self._remove()
            self._path = None
            self._tables.clear()

    def reduced(self, thing: object) -> tuple[Callable[..., object], tuple[Any, ...]] | None:
        """Return what is pickled in place of an array or a table that is large; None of anything else."""
        if type(thing) in {np.ndarray, np.memmap}:
            return self._reduced_array(thing)  # type: ignore[arg-type]  # one of the two
        if isinstance(thing, _TABULAR) and thing.nbytes >= LARGE:
            return _mapped_table, (self._file_of_table(thing), type(thing).__name__)
        return None

    def _reduced_array(self, array: NDArray[Any]) -> tuple[Callable[..., object], tuple[Any, ...]] | None:
        if array.nbytes < LARGE or array.dtype.hasobject:
            return None
        return mapped_array, (self._file_of_array(array), array.flags.writeable)

    def _file_of_array(self, array: NDArray[Any]) -> str:
        plain = np.ascontiguousarray(array)
        content = hashlib.blake2b(f"{plain.dtype.str} {plain.shape}".encode(), digest_size=16)
        content.update(plain.reshape(-1).view(np.uint8).data)
        file = self.path / f"{content.hexdigest()}.npy"
        if not file.exists():
            self._write(file, lambda draft: np.save(draft, plain, allow_pickle=False))
        return str(file)

    def _file_of_table(self, thing: pa.Table) -> str:
        known, name = self._tables.get(id(thing), (None, ""))
        if known is None or known() is not thing:  # they never change, so one is written once
            table = _as_table(thing)
            file = self.path / f"{uuid4().hex}.arrows"

            def write(draft: Path) -> None:
                with pa.ipc.new_stream(draft, table.schema) as stream:
                    stream.write_table(table)

            self._write(file, write)
            name = str(file)
            self._tables[id(thing)] = weakref.ref(thing), name
        return name

    def _write(self, file: Path, write: Callable[[Path], None]) -> None:
        """Write a file that is there only when it is whole."""
        draft = file.with_name(f"{uuid4().hex}{file.suffix}")
        try:
            write(draft)
            draft.replace(file)
        except OSError as problem:
            draft.unlink(missing_ok=True)
            raise LogError(f"what executors need can't be written to {self.path}: {problem}") from problem


def packed(thing: object, folder: SharedFolder) -> bytes:
    """Pickle for executors, by value what they can't import, and what is large as files of a folder."""
    stream = io.BytesIO()
    with shipping():
        _pickler()(stream, folder).dump(thing)
    return stream.getvalue()


def packed_each(
    things: Iterable[object], folder: SharedFolder
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pickle each for itself, so that a task unpacks its own alone: all bytes, and where each begins."""
    pickles = [packed(thing, folder) for thing in things]
    bounds = np.cumsum([0, *map(len, pickles)], dtype=np.int64)
    return np.frombuffer(b"".join(pickles), np.uint8), bounds


def unpacked_at(content: NDArray[np.uint8], bounds: NDArray[np.int64], number: int) -> Any:  # noqa: ANN401
    """Return one of what `packed_each` pickled."""
    return pickle.loads(content[bounds[number] : bounds[number + 1]].tobytes())  # noqa: S301 -- our driver's


@cache
def _pickler() -> Callable[[io.BytesIO, SharedFolder], pickle.Pickler]:
    """Return Spark's own pickler, which asks a folder first."""
    from pyspark.cloudpickle import CloudPickler

    class Packing(CloudPickler):  # type: ignore[misc]  # Spark states no types here
        def __init__(self, stream: io.BytesIO, folder: SharedFolder) -> None:
            super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
            self._folder = folder

        def reducer_override(self, thing: object) -> Any:  # noqa: ANN401 -- as pickle has it
            return self._folder.reduced(thing) or super().reducer_override(thing)

    return Packing


def mapped_array(file: str, writeable: bool) -> NDArray[Any]:
    """Map an array, as writable as it was: kernels are compiled for the one or the other.

    What is written to it stays in this process.
    """
    return np.asarray(np.load(file, mmap_mode="c" if writeable else "r"))


def _mapped_table(file: str, kind: str) -> pa.Table:
    """Map a table, or what it was made of."""
    table = pa.ipc.open_stream(pa.memory_map(file)).read_all()
    if kind == "Table":
        return table
    if kind == "RecordBatch":
        return table.to_batches()[0]
    column = table.column(0)
    return column if kind == "ChunkedArray" else column.chunk(0)


def _as_table(thing: pa.Table) -> pa.Table:
    if isinstance(thing, pa.Table):
        return thing
    if isinstance(thing, pa.RecordBatch):
        return pa.Table.from_batches([thing])
    return pa.table({"": thing})


@cache
def zipped_package() -> Path:
    """Return this library as a file that Python imports from, which is there until this process ends.

    The same library gives the same bytes: a session refuses another file of the same name.
    """
    package = Path(cjmining.__file__).parent
    folder = Path(tempfile.mkdtemp(prefix="cjmining-"))
    atexit.register(remove_folder, folder, os.getpid())
    file = folder / f"cjmining-{cjmining.__version__}.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(package.rglob("*")):
            if each.is_file() and each.parent.name != "__pycache__":
                name = each.relative_to(package.parent).as_posix()
                archive.writestr(zipfile.ZipInfo(name), each.read_bytes(), zipfile.ZIP_DEFLATED)
    return file


def _new_folder(within: Path | None) -> Path:
    if within is None:
        return Path(tempfile.mkdtemp(prefix="cjmining-"))
    path = within / f"cjmining-{uuid4().hex}"
    path.mkdir(parents=True)
    return path


def remove_folder(path: Path, process: int) -> None:
    """Remove a folder, but not in a process that was forked from the one that made it."""
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)
