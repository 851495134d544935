"""What executors work on: parts of a feed's files, and which feeds can be taken apart at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cjmining.errors import LogError
from cjmining.ingest.database import identifier
from cjmining.ingest.deliveries import KeptSource
from cjmining.ingest.sources.base import SEEN, Feed, Input, Source, repeated
from cjmining.ingest.stage import Staged, StagedFile

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from cjmining.ingest.database import Database

PART_BYTES: Final = 64 << 20
"""Files up to this size together are one part; a larger one is a part by itself."""
PART_BITS: Final = 40
"""Of a record's number in its source, how many bits tell records of one part apart."""

_WINDOW = re.compile(r"\bOVER\b", re.IGNORECASE)
_OF_CUSTOMER = re.compile(r"\bOVER\s*\(\s*PARTITION BY customer\b", re.IGNORECASE)
_SELECT = re.compile(r"\bSELECT\b", re.IGNORECASE)


@dataclass(frozen=True)
class Setting:
    """What every task knows.

    Attributes
    ----------
    room : Path
        A folder that this machine and all executors see.
    memory_limit : str, optional
        Of the database of each task.
    identities : str
        What becomes of identifiers.
    secret : bytes, optional
        Key of the hashes that take their place.
    """

    room: Path
    memory_limit: str | None
    identities: str
    secret: bytes | None


@dataclass(frozen=True)
class Part:
    """Some files of a feed, which one task reads.

    Attributes
    ----------
    number : int
        Among the parts of all feeds, from 1.
    feed : Feed
        The feed with these files alone.
    first_file : int
        Number of the first of them.
    """

    number: int
    source: Source
    source_rank: int
    feed: Feed
    table: str
    place: int
    first_file: int
    before: int = 0
    """How many records of the first file come before those of this part, where it is a piece of it."""

    @property
    def first_record(self) -> int:
        """What is added to the numbers of its records, so that no other part has the same ones."""
        return self.number << PART_BITS

    def file(self, setting: Setting, folder: str) -> Path:
        """Where a task's rows of this part lie."""
        return setting.room / folder / self.table / f"part-{self.number:05d}.parquet"

    def staged(self, files: Sequence[StagedFile] = ()) -> Staged:
        """Return the feed, its records in the table of a task."""
        return Staged(self.source, self.source_rank, self.feed, self.table, list(files), self.place)


@dataclass
class Apart:
    """A feed that executors read: its parts, and the columns of its staged table with their types."""

    staged: Staged
    parts: Sequence[Part]
    columns: Mapping[str, str]
    lost: Sequence[int] = ()
    """Files whose partition another delivery replaces."""

    @property
    def table(self) -> str:
        """The name of its tables."""
        return self.staged.table


def whole(feed: Feed, identities: str) -> str:
    """Say why a feed's records have to be in one place, nothing where they needn't.

    Parameters
    ----------
    feed : Feed
        What is read, and what is made of it.
    identities : str
        What becomes of identifiers.
    """
    staging = " ".join(
        [*feed.keep.values(), *feed.key, feed.version]
        + [sql for pair in (*feed.checks, *feed.asides, *feed.identifiers) for sql in pair]
        + [f"{left.condition} {left.text}" for left in feed.left_out]
    )
    making = " ".join(
        " ".join([*event.columns.values(), event.when, event.withdrawn, *event.others.values()])
        for event in feed.events
    )
    laid: set[str] = set()
    chained = False
    for lookup in feed.lookups:
        chained |= bool(laid & set(lookup.on))
        laid |= set(lookup.keep)
    several_in_one = sum(each.format == "parquet" for each in feed.inputs) > 1
    reasons = {
        "it is no file, nor a Spark DataFrame with event_id=": any(each.path is None for each in feed.inputs),
        "its comments are redacted by all that is known of their writers": feed.comment,
        "it tells about customers": bool(feed.attributes),
        "it tells about other records": feed.reference,
        "its events depend on when the system last wrote anything": SEEN in feed.keep,
        "its records look up others of its own": any(each.feed == feed.name for each in feed.lookups),
        "its records look up what others have looked up": chained,
        "its journeys get numbers": identities == "drop"
        and any("native_journey" in event.columns for event in feed.events),
        "its records are read beside each other": bool(_WINDOW.search(staging)) and several_in_one,
        "its events are made of several records": len(_WINDOW.findall(making))
        > len(_OF_CUSTOMER.findall(making))
        or bool(_SELECT.search(making)),
    }
    return next((why for why, holds in reasons.items() if holds), "")


def cut(
    source: Source, source_rank: int, feed: Feed, table: str, place: int, first_file: int, first: int
) -> list[Part]:
    """Cut a feed's files into parts, numbered from `first`."""
    parts: list[Part] = []
    for inputs in _together(feed.inputs):
        own = replace(feed, inputs=inputs)
        parts.append(Part(first + len(parts), _sent(source), source_rank, own, table, place, first_file))
        first_file += len(inputs)
    return parts


def cut_frame(
    source: Source,
    source_rank: int,
    feed: Feed,
    table: str,
    place: int,
    file: int,
    first: int,
    pieces: Sequence[tuple[Path, int]],
) -> list[Part]:
    """Return a part for each piece of a frame that executors wrote: where it lies, and its number of rows."""
    (given,) = feed.inputs
    parts: list[Part] = []
    before = 0
    for path, rows in pieces:
        own = replace(feed, inputs=[Input(given.name, path, note="" if parts else given.note)])
        parts.append(Part(first + len(parts), _sent(source), source_rank, own, table, place, file, before))
        before += rows
    return parts


def frame_of(source: Source, feed: Feed) -> DataFrame | None:
    """Return the Spark DataFrame of a feed that executors can read in pieces.

    Without a key in the data equal rows are told apart by counting them, which needs all of them.
    """
    frame: Any = getattr(source, "_data", None)
    if not hasattr(frame, "mapInArrow") or len(feed.inputs) != 1 or feed.inputs[0].path is not None:
        return None
    return frame if feed.key and not repeated(frame.columns) else None


def _sent(source: Source) -> Source:
    """Return a source as executors are sent it: without frames and options."""
    about = {"name": source.name, "timezone": source.timezone, "kind": source.kind}
    return KeptSource({**about, "timezone_given": source.timezone_given})


def sent(staged: Staged) -> Staged:
    """Return a feed as executors are sent it: what is made of its records, but not what it reads."""
    return replace(staged, source=_sent(staged.source), feed=replace(staged.feed, inputs=()))


def _together(inputs: Sequence[Input]) -> Iterator[list[Input]]:
    held: list[Input] = []
    size = 0
    for each in inputs:
        own = each.path.stat().st_size if each.path is not None else 0
        if held and size + own > PART_BYTES:
            yield held
            held, size = [], 0
        held.append(each)
        size += own
    if held:
        yield held


def columns_of(database: Database, table: str) -> dict[str, str]:
    """Return the columns of a table with their types."""
    return {row[0]: row[1] for row in database.run(f"DESCRIBE {table}")}


def stored(columns: Mapping[str, str]) -> str:
    """SQL of a staged table's columns for Spark: plain names, whole numbers of 64 bits with a sign.

    Unsigned ones would be decimals to Spark, which take many times as long.
    """
    listed = []
    for place, (name, type_) in enumerate(columns.items()):
        own = identifier(name)
        if type_ == "UHUGEINT":
            listed.append(halves(own, f"c{place}_high", f"c{place}"))
        else:
            listed.append(f"{stored_value(own, type_)} AS c{place}")
    return ", ".join(listed)


def stored_value(value: str, type_: str) -> str:
    """SQL of a value of a type, of 64 bits at most, as `stored` writes it."""
    return _signed(value) if type_ == "UBIGINT" else value


def expect_alike(feed: Apart, other: Apart, on: Mapping[str, str]) -> None:
    """Raise unless what is looked up by is of the same types in both feeds: Spark compares otherwise."""
    for here, there in on.items():
        if here in feed.columns and feed.columns[here] != other.columns[there]:
            raise LogError(
                f"{feed.staged.feed.name} looks up {other.staged.feed.name} by {here!r}, a "
                f"{feed.columns[here]}, that is a {other.columns[there]} there. "
                "This is a fault of the library; please report it"
            )


def restored(columns: Mapping[str, str]) -> str:
    """SQL of a staged table's columns, of those that `stored` names."""
    listed = []
    for place, (name, type_) in enumerate(columns.items()):
        if type_ == "UHUGEINT":
            own = joined(f"c{place}_high", f"c{place}")
        else:
            own = _unsigned(f"c{place}") if type_ == "UBIGINT" else f"c{place}::{type_}"
        listed.append(f"{own} AS {identifier(name)}")
    return ", ".join(listed)


def halves(number: str, high: str, low: str) -> str:
    """SQL of the halves of a number of 128 bits, as two columns.

    Examples
    --------
    >>> import duckdb
    >>> number = "340282366920938463463374607431768211454::UHUGEINT"
    >>> sql = f"SELECT {joined('high', 'low')} = {number}, high FROM (SELECT {halves(number, 'high', 'low')})"
    >>> duckdb.connect().execute(sql).fetchall()
    [(True, 9223372036854775807)]
    """
    upper, lower = f"({number} >> 64)", f"({number} & {2**64 - 1}::UHUGEINT)"
    return f"{_signed(upper)} AS {high}, {_signed(lower)} AS {low}"


def joined(high: str, low: str) -> str:
    """SQL of the number whose halves these are."""
    return f"(({_unsigned(high)}::UHUGEINT << 64) | {_unsigned(low)}::UHUGEINT)"


def _signed(number: str) -> str:
    return f"({number}::UBIGINT::HUGEINT - {2**63}::HUGEINT)::BIGINT"


def _unsigned(number: str) -> str:
    return f"({number}::HUGEINT + {2**63}::HUGEINT)::UBIGINT"


def column(columns: Mapping[str, str], name: str) -> str:
    """Name a staged column as `stored` does."""
    return f"c{list(columns).index(name)}"
