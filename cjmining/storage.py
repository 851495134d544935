"""A log on disk: a folder of Parquet files, and a manifest that says which of them are the log.

Files are named by their content and written beside the folder first; then the manifest is replaced in one
step, and what it doesn't name is removed. So a reader never sees half a log, and whoever writes may be ended
at any moment: until the manifest is replaced the earlier log is there, unharmed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from cjmining.errors import LogError
from cjmining.schema import FORMAT_VERSION

MANIFEST: Final = "manifest.json"
ROWS: Final = 1 << 17
"""Rows of a row group: as many as are held in memory while a file is written."""

_ENCODED: Final = {"compression": "zstd", "compression_level": 1, "dictionary_pagesize_limit": 16 << 20}
_OURS: Final = re.compile(
    r".+-[0-9a-f]{12}\.parquet"
    r"|(events-\d{5}|journeys|customers|identities|sources|ledger|quarantine|bounds)\.parquet"
)
"""Names that files of logs have; the second line has those of version 1."""
_ROOM: Final = "room"
_LOCK: Final = "lock"

Found = TypeVar("Found")


class Draft:
    """A log that is being written; nothing of it is seen until `commit`.

    Use it in a `with` statement: what isn't committed is removed. What a process left that was ended is
    removed by the next draft of the same folder. Only one process at a time can have a draft of a folder.

    Parameters
    ----------
    path : Path
        The log's folder.
    overwrite : bool
        Whether a log that is there already is replaced.

    Raises
    ------
    LogError
        If the folder exists and `overwrite` is false, it holds something else than a log, or another process
        is writing it.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self.path = path.absolute()
        if self.path.exists() and not overwrite:
            raise LogError(
                f"{path} exists already; pass overwrite=True to replace it, or choose another folder"
            )
        self._expect_log()
        self._beside = self.path.with_name(f".{self.path.name}.draft")
        self._files: dict[str, dict[str, Any]] = {}
        self._lock = -1

    def __enter__(self) -> Self:
        self._beside.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self._beside / _LOCK, self.path)
        try:
            self._clear()
            self._earlier = _read_manifest(self.path)["files"] if self.path.exists() else {}
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beside.exists():
            self._clear()
            (self._beside / _LOCK).unlink(missing_ok=True)
            self._beside.rmdir()
        os.close(self._lock)

    @property
    def room(self) -> Path:
        """A folder for what is needed while the log is made, on its disk; it goes when the draft does."""
        room = self._beside / _ROOM
        room.mkdir(exist_ok=True)
        return room

    def add(self, name: str, rows: pa.Table | Iterable[pa.Table], *, schema: pa.Schema | None = None) -> int:
        """Write a table as one file of the log; return its number of rows.

        Parameters
        ----------
        name : str
            Such as "journeys" or "records/Lead-00000": folders are made.
        rows : table or iterable of tables
            A stream is never held as a whole; it needs its `schema`.
        schema : pyarrow.Schema, optional
            Of the stream.
        """
        if isinstance(rows, pa.Table):
            return self.add(name, [rows], schema=rows.schema)
        with self.writer(name, schema) as file:
            for table in rows:
                file.write(table)
        return int(self._files[name]["rows"])

    def __contains__(self, name: str) -> bool:
        return name in self._files

    @contextmanager
    def writer(self, name: str, schema: pa.Schema) -> Iterator[Writer]:
        """Write one file of the log piece by piece."""
        unnamed = self._beside / f"{name}.unfinished"
        unnamed.parent.mkdir(parents=True, exist_ok=True)
        with Writer(unnamed, schema) as file:
            yield file
        _reached("file written")
        self.take(name, unnamed, about_file(unnamed, file.rows))

    def take(self, name: str, file: Path, about: Mapping[str, Any]) -> None:
        """Take a file on the log's disk into the log, as `about_file` tells of it."""
        relative = f"{name}-{about['sha256'][:12]}.parquet"
        file.rename(self._beside / relative)
        self._files[name] = {"file": relative, **about}

    def keep(self, name: str) -> None:
        """Take over a file of the log that is there, as it is."""
        self._files[name] = self._earlier[name]

    def folder(self, about: Mapping[str, Any]) -> Folder:
        """Return what was added so far, to read, as if it were committed."""
        return Folder(self._beside, {**about, "files": dict(self._files)})

    def commit(self, about: Mapping[str, Any]) -> None:
        """Make the draft the log."""
        shutil.rmtree(self._beside / _ROOM, ignore_errors=True)
        files = {name: self._files[name] for name in sorted(self._files)}
        manifest = {"format": "cjmining log", "version": FORMAT_VERSION, **about, "files": files}
        text = json.dumps(manifest, indent=2) + "\n"
        written = self._beside / MANIFEST
        written.write_text(text, encoding="utf-8")
        _sync(written)
        _sync_folders(self._beside)
        _reached("manifest written")
        if self.path.exists():
            self._into_place(files)
        else:
            (self._beside / _LOCK).unlink()
            self._beside.rename(self.path)
            _sync(self.path.parent)
        _reached("committed")

    def _into_place(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        self._expect_log()
        for entry in files.values():
            if (self._beside / entry["file"]).exists():
                (self.path / entry["file"]).parent.mkdir(parents=True, exist_ok=True)
                (self._beside / entry["file"]).replace(self.path / entry["file"])
                _reached("file moved")
        _sync_folders(self.path)
        (self._beside / MANIFEST).replace(self.path / MANIFEST)
        _sync(self.path)
        _reached("manifest replaced")
        _remove_unnamed(self.path, {entry["file"] for entry in files.values()})

    def _expect_log(self) -> None:
        if self.path.exists() and not (self.path / MANIFEST).is_file():
            raise LogError(f"{self.path} is not a log (it has no {MANIFEST}), so it will not be replaced")

    def _clear(self) -> None:
        for path in self._beside.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink()


def about_file(path: Path, rows: int) -> dict[str, Any]:
    """Return what a manifest says of a file that a `Writer` wrote."""
    return {"rows": rows, "bytes": path.stat().st_size, "sha256": _digest(path)}


class Writer:
    """A Parquet file in row groups of `ROWS` rows: the same rows are the same bytes, however they come.

    One row group is encoded, in a thread, while the rows of the next are made.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._path = path
        self._waiting: list[pa.Table] = []
        self._n_waiting = 0
        self._schema = schema
        self._encoder = ThreadPoolExecutor(1)
        self._encoding: Future[None] | None = None
        self._file = pq.ParquetWriter(path, schema, **_ENCODED, **_by_type(schema))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._encoder:  # it has ended when the file is closed, whatever happened
                if kind is None:
                    self._finish()
        finally:
            self._file.close()
        if kind is None:
            _sync(self._path)

    def write(self, table: pa.Table) -> None:
        """Add rows to the file; an error in those before may show only now."""
        self._waiting.append(table)
        self._n_waiting += table.num_rows
        while self._n_waiting >= ROWS:
            self._write(ROWS)

    def _finish(self) -> None:
        if self._n_waiting or not self.rows:
            self._write(self._n_waiting)
        self._expect_encoded()

    def _write(self, n: int) -> None:
        waiting = pa.concat_tables([self._schema.empty_table(), *self._waiting])
        group, rest = waiting.slice(0, n), waiting.slice(n)
        self._expect_encoded()  # so no more than one group waits
        self._encoding = self._encoder.submit(self._encode, group)
        self._waiting = [rest] if rest.num_rows else []
        self._n_waiting -= n
        self.rows += n

    def _encode(self, group: pa.Table) -> None:
        self._file.write_table(group.combine_chunks(), row_group_size=ROWS)

    def _expect_encoded(self) -> None:
        """Wait for the row group before, and raise what went wrong with it."""
        if self._encoding is not None:
            self._encoding.result()


def _by_type(schema: pa.Schema) -> dict[str, Any]:
    """How columns are encoded: whole numbers and times by their differences, all else by distinct values."""
    ascending = [
        f.name for f in schema if pa.types.is_signed_integer(f.type) or pa.types.is_timestamp(f.type)
    ]
    repeating = [
        field.name
        for field in schema
        if field.name not in ascending
        and not pa.types.is_integer(field.type)
        and not pa.types.is_nested(field.type)
    ]
    return {"use_dictionary": repeating, "column_encoding": dict.fromkeys(ascending, "DELTA_BINARY_PACKED")}


class Folder:
    """A log's folder as its manifest describes it.

    Attributes
    ----------
    path : Path
        The folder.
    manifest : dict
        What the manifest says.
    """

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._checked: set[str] = set()
        self._footers: dict[str, pq.FileMetaData] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out footers, which are read again where they are needed."""
        return {**self.__dict__, "_footers": {}}

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of its files, sorted: of those that begin with `prefix`."""
        return sorted(name for name in self.manifest["files"] if name.startswith(prefix))

    def rows(self, name: str) -> int:
        """Return the number of rows in a file."""
        return int(self.manifest["files"][name]["rows"])

    def file(self, name: str) -> Path:
        """Return where a file lies, which must be there in its full length."""
        entry = self.manifest["files"][name]
        path: Path = self.path / entry["file"]
        if not path.is_file():
            raise _absent(path) if self.is_current() else _replaced(self.path)
        if path.stat().st_size != entry["bytes"]:
            raise _damaged(path)
        return path

    def schema(self, name: str) -> pa.Schema:
        """Return the columns of a file."""
        with self._opened(name) as file:
            return file.schema_arrow

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a file, or some of its columns, if its checksum is the manifest's."""
        with self._opened(name) as file:
            return file.read(columns=columns)

    def pieces(self, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give some columns of a file piece by piece, if its checksum is the manifest's."""
        with self._opened(name) as file:
            yield from file.iter_batches(batch_size=ROWS, columns=list(columns))

    def row_group(self, name: str, number: int, column: str) -> pa.Array:
        """Read a column of one row group, if the file's checksum is the manifest's."""
        with self._opened(name) as file:
            read = file.read_row_group(number, columns=[column], use_threads=False).column(0)
        return read.chunk(0) if read.num_chunks == 1 else read.combine_chunks()

    @contextmanager
    def _opened(self, name: str) -> Iterator[pq.ParquetFile]:
        """Open a file: the first time it is held against its checksum, and its footer is parsed."""
        path = self.file(name)
        try:
            if name not in self._checked and _digest(path) != self.manifest["files"][name]["sha256"]:
                raise _damaged(path)
            with pq.ParquetFile(path, metadata=self._footers.get(name)) as file:
                self._checked.add(name)
                self._footers[name] = file.metadata
                yield file
        except FileNotFoundError as problem:
            raise _replaced(self.path) from problem

    def is_current(self) -> bool:
        """Whether the folder's manifest is still the one that this was opened with."""
        return bool(_read_manifest(self.path) == self.manifest)


def open_folder(path: Path) -> Folder:
    """Open the log in the folder `path`."""
    return Folder(path.absolute(), _read_manifest(path))


def read(path: Path, how: Callable[[Folder], Found]) -> Found:
    """Read from the log in the folder `path`: again from its start where it is replaced in the meantime."""
    while True:
        folder = open_folder(path)
        try:
            return how(folder)
        except LogError:
            if folder.is_current():
                raise


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    if not file.is_file():
        raise LogError(f"{path} is not a log: it has no {MANIFEST}. JourneyLog.write makes such a folder.")
    try:
        manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise LogError(f"{file} is damaged: {problem}. Write the log again.") from problem
    if manifest.get("format") != "cjmining log" or "files" not in manifest:
        raise LogError(f"{file} does not describe a log of this library")
    if manifest.get("version") not in range(1, FORMAT_VERSION + 1):
        raise LogError(
            f"{path} has version {manifest.get('version')} of the log's format, this library reads "
            f"versions 1 to {FORMAT_VERSION}; write the log again with this version"
        )
    if manifest["version"] == 1:  # files were keyed by their own names
        files = manifest["files"].items()
        manifest["files"] = {name.removesuffix(".parquet"): {"file": name, **entry} for name, entry in files}
    return manifest


def _remove_unnamed(path: Path, named: set[str]) -> None:
    """Remove the files of earlier logs and of unfinished ones; whatever else lies there is left alone."""
    for file in sorted(path.rglob("*.parquet")):
        if file.relative_to(path).as_posix() not in named and _OURS.fullmatch(file.name):
            file.unlink()
            _reached("file removed")
    for folder in sorted((f for f in path.rglob("*") if f.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def _locked(file: Path, path: Path) -> int:
    """Open a file that no other process may hold; the system lets it go when this process ends."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT)
    try:
        import fcntl
    except ImportError:  # not on this system: two processes are not told apart
        return handle
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.stat()  # the other process may have finished, and removed it, in between
    except OSError as problem:
        os.close(handle)
        raise LogError(f"another process is writing {path}; wait until it has finished") from problem
    return handle


def _sync(path: Path) -> None:
    """Wait until the disk has it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder, where those can't be opened
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folders(path: Path) -> None:
    for folder in (path, *(f for f in path.rglob("*") if f.is_dir())):
        _sync(folder)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _absent(path: Path) -> LogError:
    return LogError(f"the log lacks its file {path.name}; write it again")


def _replaced(path: Path) -> LogError:
    return LogError(f"the log in {path} was replaced since it was opened; open it again with cj.read_log")


def _damaged(path: Path) -> LogError:
    return LogError(f"{path} is damaged: its checksum differs from the manifest's; write the log again")


def _reached(_point: str) -> None:
    """A point at which a process may be ended; tests do."""
