"""What a source is: files, columns, and how its records become events. One small file a system uses it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from cjmining.errors import SourceError, nearest
from cjmining.ingest.casts import Clock, check_zone
from cjmining.ingest.files import Input, as_paths, bare, files_in, named_inputs
from cjmining.ingest.kinds import KINDS
from cjmining.ingest.readers import Dialect

if TYPE_CHECKING:
    from cjmining.ingest.sources.about import About

__all__ = [
    "SEEN",
    "Column",
    "Event",
    "Feed",
    "Input",
    "LeftOut",
    "Listed",
    "Lookup",
    "Source",
    "as_kinds",
    "as_paths",
    "check_currency",
    "check_kind",
    "check_region",
    "counted",
    "files_in",
    "named_inputs",
    "repeated",
    "sentence",
    "slip_of",
]

SEEN: Final = "seen"
"""The kept column with the moment at which the system last wrote a record."""
_SHORT: Final = 4
"""Letters below which a slip can't be told from another word."""
Kind = Literal["text", "time", "number", "flag", "nested"]


@dataclass(frozen=True)
class Column:
    """A native column, by the name that the SQL of a feed uses for it.

    Parameters
    ----------
    name : str
        Matched to the file's columns without regard to case and spaces.
    kind : {"text", "time", "number", "flag", "nested"}
        What its text is cast to; a value that can't be cast sends the record to quarantine, unless the feed
        leaves such values out. A time gets two companions, `<name>:date` (whether it is a date alone) and
        `<name>:clock`. What is nested (a list of structs) is left as it is, all its leaves texts; see `utc`
        in `sources.columns` for times in it.
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
        What must be equal; here it may also be what an earlier lookup of the feed laid beside.
    keep : {name here: kept column there}
        What is laid beside. Of several records there the newest counts.
    """

    feed: str
    on: Mapping[str, str]
    keep: Mapping[str, str]


class Listed(str):
    """SQL of a list, each of whose elements is an identifier of its own (addresses, records merged into one).

    Elements keep apart whatever they hold, where a text joined by hand could pass for several identifiers.

    Examples
    --------
    >>> ("email", Listed("string_split(addresses, ';')"))
    ('email', "string_split(addresses, ';')")
    """

    __slots__ = ()


@dataclass(frozen=True)
class Sought:
    """What the caller named, and a note where no record has it.

    `condition` and `among` are SQL over the kept columns: what is true for a record that has it, and the
    values of which one like `word` may have been meant.
    """

    condition: str
    said: str
    word: str = ""
    among: str = ""


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
class Feed:
    """Records of one form, and what to make of them. All SQL is over the columns by their names."""

    name: str
    inputs: Sequence[Input]
    columns: Sequence[Column]
    keep: Mapping[str, str]
    """Staged column -> SQL; events are written over these.

    Where there is a column `seen`, the moment at which the system last wrote the record, events know `newest`
    too: the greatest of all records of the source, beyond which nothing can have happened yet.
    """
    identifiers: Sequence[tuple[str, str]]
    """(kind, SQL); NULL where a record has none of the kind; kinds are in `ingest.kinds`; see `Listed` too.

    The kind `merged` with the name of another says that the system itself merged the record's identifiers of
    that kind: they are one, whatever a guard would doubt.
    """
    key: Sequence[str] = ()
    """Natural key; empty: each record is its own."""
    version: str = "NULL"
    """The greatest one is the newest delivery of a record."""
    checks: Sequence[tuple[str, str]] = ()
    """(SQL that is true for a spoilt record, reason)."""
    asides: Sequence[tuple[str, str]] = ()
    """(SQL that is true for a record to set aside, reason)."""
    left_out: Sequence[LeftOut] = ()
    sought: Sequence[Sought] = ()
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
    about: ClassVar[About]
    """What it says of itself."""
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


def as_kinds(given: Mapping[str, str] | None, option: str, name: str) -> dict[str, str]:
    """Return what an option of a source says of which column (or attribute) identifies, and how.

    Examples
    --------
    >>> as_kinds({"Customer_Number__c": "user_id"}, "identifiers", "crm")
    {'Customer_Number__c': 'user_id'}
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(
        isinstance(each, str) and each for pair in given.items() for each in pair
    ):
        raise SourceError(
            f"source {name!r}: {option} is {{name: kind}}, such as {{'customer_number': 'user_id'}}, "
            f"not {given!r}"
        )
    for kind in given.values():
        check_kind(kind, name)
    return dict(given)


def check_kind(kind: str, name: str) -> None:
    """Refuse a kind of identifiers that is one slip away from a known one: nothing else would share it."""
    known = kind.partition("/")[0]
    if known in KINDS:
        return
    meant = slip_of(known, KINDS)
    if meant:
        raise SourceError(
            f"source {name!r}: there is no kind of identifiers {known!r}, did you mean {meant!r}? A kind of "
            "your own needs a name that can't be taken for one of these"
        )


def slip_of(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that another is but one wrong, missing, further or exchanged letter away from.

    Numbers are no slips: `email2` is meant.

    Examples
    --------
    >>> slip_of("emial", ["phone", "email"]), slip_of("User-ID", ["user_id"]), slip_of("email2", ["email"])
    ('email', 'user_id', None)
    """
    own = bare(word)
    return next((each for each in known if each != word and _is_slip(own, bare(each))), None)


def _is_slip(word: str, known: str) -> bool:
    if word == known:
        return True
    if min(len(word), len(known)) < _SHORT or abs(len(word) - len(known)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(word, known, strict=False)) if a != b), None)
    start = min(len(word), len(known)) if start is None else start
    here, there = word[start:], known[start:]
    swapped = here[:2] == there[1::-1] and here[2:] == there[2:] and len(there) > 1
    one_off = here[1:] == there[1:] or here[1:] == there or here == there[1:]
    return (swapped or one_off) and not (here[:1] + there[:1]).isdigit()


def check_currency(given: str | None, name: str) -> str | None:
    """Return a currency's code in capitals, or say that it is none.

    Examples
    --------
    >>> check_currency("eur", "crm")
    'EUR'
    """
    if given is None:
        return None
    if not isinstance(given, str) or not re.fullmatch("[A-Za-z]{3}", given):
        raise SourceError(
            f"source {name!r}: currency is a code of three letters (ISO 4217) such as 'EUR', not {given!r}"
        )
    return given.upper()


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
