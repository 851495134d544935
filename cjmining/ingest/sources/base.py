"""What a source is: files, columns, and how its records become events. One small file a system uses it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from cjmining.errors import SourceError, nearest, shorten
from cjmining.ingest.casts import Clock, check_zone
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.about import About

Kind = Literal["text", "time", "number", "flag"]


@dataclass(frozen=True)
class Column:
    """A native column, by the name that the SQL of a feed uses for it.

    Parameters
    ----------
    name : str
        Matched to the file's columns without regard to case and spaces.
    kind : {"text", "time", "number", "flag"}
        What its text is cast to; a value that can't be cast sends the record to quarantine, unless the feed
        leaves such values out. A time gets two companions, `<name>:date` (whether it is a date alone) and
        `<name>:clock`.
    needed : bool
        Whether the export must have it.
    filled : bool
        Whether each record must have a value in it.
    aliases : sequence of str
        Other names that exports give it.
    path : str
        For JSON and nested Parquet: where it lies, as SQL over the struct `j`; default ``j."<name>"``.
    clock : Clock, optional
        How its times are written, where they are written differently from the feed's others.
    """

    name: str
    kind: Kind = "text"
    needed: bool = False
    filled: bool = False
    aliases: tuple[str, ...] = ()
    path: str = ""
    clock: Clock | None = None


@dataclass(frozen=True)
class Event:
    """One event that a record makes: canonical column -> SQL over the feed's kept columns.

    `when` says which records make it; `withdrawn` gives the reason why an event made is not kept, or NULL.
    `others` are dimensions of the source's own. With `each`, the name of a kept column that holds a list, a
    record makes one event for each element: in all this SQL `each` is the element (`each.started`) and
    `place` its place, from 1; `id` is what tells the events of one record apart when it is delivered again.
    """

    columns: Mapping[str, str]
    when: str = "TRUE"
    withdrawn: str = "NULL"
    others: Mapping[str, str] = field(default_factory=dict)
    each: str = ""
    id: str = "place"


@dataclass(frozen=True)
class Lookup:
    """Columns of the records of another feed, laid beside a feed's own by equal keys.

    Parameters
    ----------
    feed : str
        Name of the other feed of the same source; where it was not exported, the columns are null.
    on : {kept column here: kept column there}
        What must be equal.
    keep : {name here: kept column there}
        What is laid beside. Of several records there the newest counts.
    """

    feed: str
    on: Mapping[str, str]
    keep: Mapping[str, str]


@dataclass(frozen=True)
class LeftOut:
    """Values of a measure that can't be used: their events happened all the same, and are kept without them.

    `condition` is SQL that is true for such a record, `text` the SQL of what it says, `measure` the kept
    column that is null then.
    """

    column: str
    condition: str
    text: str
    reason: str
    measure: str


@dataclass(frozen=True)
class Input:
    """One thing to read: a file, a file in a zip archive, or a frame that stands for one."""

    name: str
    path: Path | None = None
    frame: Any = None
    note: str = ""
    member: str = ""
    """Name inside the zip archive `path`."""
    dialect: Dialect | None = None
    """How this file is written, where it isn't as the feed says."""

    @property
    def format(self) -> Literal["csv", "json", "parquet", "frame"]:
        """What it is, by its name."""
        if self.path is None:
            return "frame"
        name = (self.member or self.path.name).lower().removesuffix(".gz")
        if name.endswith((".json", ".jsonl", ".ndjson")):
            return "json"
        return "parquet" if name.endswith((".parquet", ".pq")) else "csv"


@dataclass(frozen=True)
class Feed:
    """Records of one form, and what to make of them. All SQL is over the columns by their names."""

    name: str
    inputs: Sequence[Input]
    columns: Sequence[Column]
    keep: Mapping[str, str]
    """Staged column -> SQL; events are written over these."""
    identifiers: Sequence[tuple[str, str]]
    """(kind, SQL); NULL where a record has none of the kind."""
    key: Sequence[str] = ()
    """Natural key; empty: each record is its own."""
    version: str = "NULL"
    """The greatest one is the newest delivery of a record."""
    checks: Sequence[tuple[str, str]] = ()
    """(SQL that is true for a spoilt record, reason)."""
    asides: Sequence[tuple[str, str]] = ()
    """(SQL that is true for a record to set aside, reason)."""
    left_out: Sequence[LeftOut] = ()
    events: Sequence[Event] = ()
    clock: Clock = field(default_factory=Clock)
    structure: str = ""
    """For JSON and nested Parquet: the fields to read, as DuckDB's json_transform takes them."""
    wrapped: Sequence[str] = ()
    """For JSON: names of lists in which an object may hold its records (`{"tickets": [...]}`)."""
    reference: bool = False
    """Whether its records tell about others (names of mailings) and need no customer."""
    lookups: Sequence[Lookup] = ()
    moment: str = "moment"
    """The kept column with the record's time, where there is one: for identities that change hands."""
    dialect: Dialect = field(default_factory=Dialect)
    decimal: str = "."
    attributes: Mapping[str, str] = field(default_factory=dict)
    """For a customers table: attribute -> kept column."""
    comment: bool = False
    """Whether the kept column `c:comment` holds what customers wrote."""
    comment_also: tuple[str, ...] = ()
    """Further names under which the comment stands in an event's properties."""


class Source(ABC):
    """One system's export.

    Parameters
    ----------
    name : str
        What the log calls it.
    timezone : str, optional
        Zone of times without one; default: the documented one of the system.
    region : str, optional
        Country (such as "DE") of phone numbers written without their country code.
    """

    kind: ClassVar[str]
    about: ClassVar[About | None] = None
    """What it says of itself."""
    reads: ClassVar[str] = ""
    """The files it reads, for people."""
    needs: ClassVar[str] = ""
    """The columns it needs, for people."""
    natural_key: ClassVar[str] = ""
    default_zone: ClassVar[str] = "UTC"

    def __init__(self, *, name: str, timezone: str | None = None, region: str | None = None) -> None:
        if not isinstance(name, str) or not name:
            raise SourceError(f"{type(self).__name__}: name must be a text, not {name!r}")
        self.name = name
        self.region = check_region(region, name)
        self.timezone = check_zone(timezone or self.default_zone, f"source {name!r}: ")
        self.timezone_given = timezone is not None

    @abstractmethod
    def feeds(self) -> Sequence[Feed]:
        """Return the feeds of the source; raise SourceError where its files aren't there."""

    def clock(self, *formats: str, epoch: str | None = None, only_formats: bool = False) -> Clock:
        """Return how the source's times are written."""
        return Clock(self.timezone, self.timezone_given, formats, only_formats, epoch)

    def phone(self) -> str:
        """Return the kind of a phone number, with the region to read it in."""
        return f"phone/{self.region}" if self.region else "phone"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


def check_region(region: str | None, name: str) -> str | None:
    """Return the region in capitals, or say that there is none."""
    if region is None:
        return None
    import phonenumbers

    if not isinstance(region, str) or region.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise SourceError(
            f"source {name!r}: region is a country of phone numbers such as 'DE', not {region!r}"
            f"{nearest(str(region).upper(), phonenumbers.SUPPORTED_REGIONS)}"
        )
    return region.upper()


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
    """Return the files of certain endings among the paths and in the folders among them, by name."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [p for p in sorted(path.iterdir()) if p.is_file()]
            matching = [p for p in inside if p.name.lower().removesuffix(".gz").endswith(suffixes)]
            if not matching:
                raise SourceError(
                    f"{what}: the folder {path} has no file ending in {' or '.join(suffixes)} (or with .gz); "
                    f"it holds {shorten([p.name for p in inside]) or 'nothing'}"
                )
            found += matching
        else:
            found.append(path)
    return [Input(path.name, path) for path in found]


def named_files(paths: Sequence[Path], stems: Sequence[str], what: str) -> dict[str, list[Input]]:
    """Return for each stem (such as Lead) the CSV files of that name, possibly numbered or gzipped."""
    files = [
        p for path in paths for p in (sorted(path.iterdir()) if path.is_dir() else [path]) if p.is_file()
    ]
    found: dict[str, list[Input]] = {stem: [] for stem in stems}
    for path in files:
        stem = path.name.lower().removesuffix(".gz").removesuffix(".csv").removesuffix(".txt")
        stem = stem.rstrip("0123456789_-. ()")
        for wanted in stems:
            if stem == wanted.lower():
                found[wanted].append(Input(path.name, path))
    if not any(found.values()):
        names = [p.name for p in files]
        raise SourceError(
            f"{what}: none of {', '.join(f'{stem}.csv' for stem in stems)} (or with .gz) is in "
            f"{', '.join(map(str, paths))}; found {shorten(names) or 'nothing'}"
        )
    return found


def repeated(names: Sequence[str]) -> list[str]:
    """Return the names that occur several times, each once."""
    counts = Counter(names)
    return [name for name, n in counts.items() if n > 1 and name]


def counted(n: int, one: str, many: str = "") -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> counted(1, "record"), counted(1204, "identity", "identities")
    ('1 record', '1,204 identities')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def sentence(text: str) -> str:
    """End a sentence, unless it ends already."""
    return text if text.endswith(("?", ".")) else text + "."
