"""What there is to read: files, files in zip archives, and frames that stand for files."""

from __future__ import annotations

import gzip
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, Literal

from cjmining.errors import SourceError, nearest, shorten

if TYPE_CHECKING:
    from cjmining.ingest.readers import Dialect

TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq")
_JSON = (".json", ".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
_DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError)
"""What reading compressed bytes raises; a gzip's own errors are OSErrors."""
_LOOKED_AT = 1 << 16
_BLANK = b"\x00\r\n\t \xff\xfe\xef\xbb\xbf"
"""Bytes that say nothing: NULs, line ends, blanks and the marks of encodings."""


@dataclass(frozen=True)
class Input:
    """One thing to read: a file, a file in a zip archive, or a frame that stands for one.

    Parameters
    ----------
    name : str
        What the ledger calls it.
    path : Path, optional
        The file.
    frame : Arrow stream, optional
        Instead of a file.
    note : str
        What its reader should be told.
    member : str
        Its name inside the zip archive `path`.
    dialect : Dialect, optional
        How it is written, where it isn't as the feed says.
    partition : str
        Name of the part of the source's data that it is a delivery of, such as a day's table: of several
        deliveries one counts, whole. A delivery may be several files of one folder.
    rank : int
        A delivery of a higher rank counts before all others (a day's final table before an early one); among
        equal ones the one with the most records counts.
    """

    name: str
    path: Path | None = None
    frame: Any = None
    note: str = ""
    member: str = ""
    dialect: Dialect | None = None
    partition: str = ""
    rank: int = 0

    @property
    def format(self) -> Literal["csv", "json", "parquet", "frame"]:
        """What it is, by its name."""
        if self.path is None:
            return "frame"
        name = (self.member or self.path.name).lower().removesuffix(".gz")
        if name.endswith(_JSON) or ("." not in name.rsplit("/", 1)[-1] and self._begins_like_json()):
            return "json"
        return "parquet" if name.endswith(_PARQUET) else "csv"

    def _begins_like_json(self) -> bool:
        """Whether a file without an ending, as data streams write them, holds JSON."""
        try:
            with self.open() as stream:
                return stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"{", b"["}
        except SourceError:
            return False

    def __str__(self) -> str:
        if self.path is None:
            return self.name
        return f"{self.path}, {self.member}" if self.member else str(self.path)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open its bytes, unpacked; damage becomes a SourceError that names it."""
        assert self.path is not None  # noqa: S101 -- a frame has no bytes
        try:
            with _member(self.path, self.member) if self.member else self.path.open("rb") as packed:
                zipped = packed.read(2) == b"\x1f\x8b"
                packed.seek(0)
                if zipped:
                    with gzip.open(packed, "rb") as stream:
                        yield stream  # type: ignore[misc]
                else:
                    yield packed
        except _DAMAGE as problem:
            raise SourceError(f"{self} is damaged and can't be read: {problem}") from problem


@contextmanager
def _member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(archive) as opened:
        if opened.getinfo(name).flag_bits & 1:
            raise SourceError(
                f"{archive}, {name} is encrypted; unpack the archive with its password and give the files"
            )
        with opened.open(name) as stream:
            yield stream


def as_paths(given: object, what: str) -> list[Path]:
    """Return the path or paths given; each must exist."""
    listed = [given] if isinstance(given, str | Path) else given
    if not isinstance(listed, Sequence) or not listed or not all(isinstance(p, str | Path) for p in listed):
        raise SourceError(f"{what}: give a path or a list of paths, not {given!r}")
    paths = [Path(p).expanduser() for p in listed]
    for path in paths:
        if not path.exists():
            raise SourceError(f"{what}: {path} does not exist{_neighbour(path)}")
    return paths


def _neighbour(path: Path) -> str:
    """Name the nearest file beside a path that isn't there."""
    folder = path.parent
    if not folder.is_dir():
        return f" (nor does the folder {folder})"
    names = sorted(p.name for p in folder.iterdir())
    hint = nearest(path.name, names)
    return hint or (f"; {folder} holds {shorten(names)}" if names else f"; {folder} is empty")


def files_in(paths: Sequence[Path], suffixes: tuple[str, ...], what: str) -> list[Input]:
    """Return what is to be read: files given, and those of certain endings in folders and zip archives.

    Folders are searched to any depth; files whose names begin with a dot or an underscore are left alone.
    """
    found: list[Input] = []
    for path in paths:
        if not path.is_dir() and not is_zip(path):
            found.append(Input(path.name, path))
            continue
        inside = list(inputs_below(path))
        matching = [each for each in inside if _is_wanted(each, suffixes)]
        if not matching:
            kind = "folder" if path.is_dir() else "zip archive"
            raise SourceError(
                f"{what}: the {kind} {path} has no file ending in {' or '.join(suffixes)} (or with .gz); "
                f"it holds {shorten([each.name for each in inside]) or 'nothing'}"
            )
        found += matching
    return found


def named_inputs(
    given: object,
    stems: Sequence[str] | Mapping[str, Sequence[str]],
    what: str,
    *,
    suffixes: tuple[str, ...] = TABLES,
) -> dict[str, list[Input]]:
    """Return for each stem (such as Lead) the files of that name, or what a mapping names so.

    Parameters
    ----------
    given : path, list of paths, or {stem: frame, path or list of paths}
        What the user gave.
    stems : sequence of str or {stem: further names}
        Compared without regard to case, blanks, dashes, underscores, and numbers around them
        ("2026-08_lead (2).csv" is a Lead).
    what : str
        What to call the source in errors.
    suffixes : sequence of str
        Endings of the files looked for.
    """
    names = {stem: (stem, *(stems[stem] if isinstance(stems, Mapping) else ())) for stem in stems}
    if isinstance(given, Mapping):
        return _from_mapping(given, names, what)
    return _named(as_paths(given, what), names, what, suffixes)


def _named(
    paths: Sequence[Path], names: Mapping[str, tuple[str, ...]], what: str, suffixes: tuple[str, ...]
) -> dict[str, list[Input]]:
    files = [each for path in paths for each in inputs_below(path)]
    found: dict[str, list[Input]] = {stem: [] for stem in names}
    wanted = {bare(name): stem for stem, known in names.items() for name in known}
    for each in files:
        stem = wanted.get(stem_of(each))
        if stem is not None and _plain_name(each).endswith(suffixes):
            found[stem].append(each)
    if not any(found.values()):
        raise SourceError(
            f"{what}: none of {', '.join(f'{stem}{suffixes[0]}' for stem in names)} (or with .gz) is in "
            f"{', '.join(map(str, paths))}; found {shorten([each.name for each in files]) or 'nothing'}"
        )
    return found


def _from_mapping(
    given: Mapping[str, object], names: Mapping[str, tuple[str, ...]], what: str
) -> dict[str, list[Input]]:
    from cjmining.ingest.sources.columns import frame_input

    found: dict[str, list[Input]] = {stem: [] for stem in names}
    wanted = {bare(name): stem for stem, known in names.items() for name in known}
    for name, data in given.items():
        stem = wanted.get(bare(str(name)))
        if stem is None:
            raise SourceError(f"{what}: there is no {name!r}{nearest(str(name), list(names))}")
        if hasattr(data, "__arrow_c_stream__"):
            found[stem].append(frame_input(data, f"({name})", what))
        else:
            found[stem] += [each for path in as_paths(data, what) for each in inputs_below(path)]
    if not any(found.values()):
        raise SourceError(f"{what}: {{name: frame or path}} names nothing; known are {', '.join(names)}")
    return found


def inputs_below(path: Path, *, strict: bool = True) -> Iterator[Input]:
    """Yield a file, or every file of a folder or zip archive, by name; hidden ones are left out.

    An archive that can't be opened raises; unless `strict`, it is yielded as the file that it is.
    """
    if path.is_dir():
        for each in sorted(path.rglob("*")):
            parts = each.relative_to(path).parts
            if each.is_file() and not any(part.startswith((".", "_")) for part in parts[:-1]):
                if parts[-1].startswith("."):
                    continue
                yield from _of_file(each, "/".join(parts), strict=strict)
    else:
        yield from _of_file(path, path.name, strict=strict)


def _of_file(path: Path, name: str, *, strict: bool) -> Iterator[Input]:
    if not is_zip(path):
        yield Input(name, path)
        return
    try:
        members = _members(path)
    except SourceError:
        if strict:
            raise
        yield Input(name, path)
        return
    for member in members:
        if not any(part.startswith((".", "__MACOSX")) for part in member.split("/")):
            yield Input(f"{name}/{member}", path, member=member)


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(info.filename for info in archive.infolist() if not info.is_dir())
    except _DAMAGE as problem:
        raise SourceError(
            f"{path} is no zip archive that can be read: {problem}; leave it out, or export it again"
        ) from problem
    if not members:
        raise SourceError(f"{path} is an empty zip archive; leave it out, or export it again")
    return members


def expect_readable(given: Input) -> None:
    """Raise where an input stands for an archive that can't be opened."""
    if given.path is not None and not given.member and is_zip(given.path):
        _members(given.path)


def how_empty(beginning: bytes) -> str:
    r"""Say how empty a file is that begins so, or nothing where it holds anything.

    Examples
    --------
    >>> how_empty(b""), how_empty(b"\r\n \n"), how_empty(b"[]")
    ('0 bytes', 'nothing but blanks', '')
    """
    if beginning.strip(_BLANK) or len(beginning) >= _LOOKED_AT:
        return ""
    return "nothing but blanks" if beginning else "0 bytes"


def emptiness(given: Input) -> str:
    """Say how empty a file is, or nothing where it holds anything; a frame isn't looked into."""
    if given.path is None:
        return ""
    with given.open() as stream:
        return how_empty(stream.read(_LOOKED_AT))


def expect_content(given: Input) -> None:
    """Raise where a file is empty that has to have something, such as a header, even if nothing happened."""
    if how := emptiness(given):
        raise SourceError(f"{given} is empty ({how}). Leave it out if nothing happened, else export it again")


def is_zip(path: Path) -> bool:
    """Whether a file is a zip archive of files (an Excel workbook is one too, but not meant here)."""
    return path.suffix.lower() == ".zip" and path.is_file()


def stem_of(given: Input) -> str:
    """Return a file's name without its endings and the numbers around it, as `bare` writes it."""
    name = _plain_name(given).rsplit("/", 1)[-1]
    stem = re.sub(r"\.[a-z0-9]{1,8}$", "", name)
    return bare(re.sub(r"^[\W\d_]+|[\W\d_]+$", "", stem))


def bare(name: str) -> str:
    """Return a name in lower case without blanks, dashes and underscores.

    Examples
    --------
    >>> bare("Opportunity_Contact Role")
    'opportunitycontactrole'
    """
    return re.sub(r"[\s_-]", "", name.casefold())


def _is_wanted(given: Input, suffixes: tuple[str, ...]) -> bool:
    name = _plain_name(given)
    if name.endswith(suffixes):
        return True
    return "." not in name.rsplit("/", 1)[-1] and ".json" in suffixes and given.format == "json"


def _plain_name(given: Input) -> str:
    return (given.member or given.name).lower().removesuffix(".gz")


@contextmanager
def parquet_file(given: Input, where: str) -> Iterator[tuple[Path, Any]]:
    """Open a Parquet file: where it lies, unpacked if need be, and its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    assert given.path is not None  # noqa: S101 -- a frame is no file
    with TemporaryDirectory(prefix="cjmining-") as folder:
        path = given.path
        if given.member or path.name.lower().endswith(".gz"):
            path = Path(folder) / "unpacked.parquet"
            with given.open() as packed, path.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
        try:
            metadata = pq.read_metadata(path)
            metadata.schema.to_arrow_schema()
        except (pa.ArrowException, OSError) as problem:
            expect_content(given)
            raise SourceError(f"{where} is no Parquet file: {problem}") from problem
        yield path, metadata
