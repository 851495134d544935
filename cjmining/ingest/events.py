"""From used records to events: one or several a record, or one for each element of a list in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cjmining import schema
from cjmining.errors import SourceError
from cjmining.ingest.database import Database, identifier, literal, number_of
from cjmining.ingest.portions import ask_sets, portions, within

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Event
    from cjmining.ingest.stage import Staged

Ints = npt.NDArray[np.int64]

_DAY_US = 86_400_000_000
_BY_RULE = ("customer", "sequence", "source", "event_id")
"""Columns that are made here for every source alike."""
_ALWAYS = ("timestamp", "touchpoint", "native", "actor", "precision", "properties")
"""Columns that are there even if no source gives them; one that only some would give costs memory."""
_BLANK = r"[\s\v\x1c-\x1f\x85\pZ]*"
"""A text without a visible character, to Python and so to a log too; trimming takes twice as long."""
_OF_SEVERAL = re.compile(r"\b(OVER|SELECT)\b", re.IGNORECASE)
"""SQL that looks at other records."""
_SQL_TYPES = {
    "timestamp": "TIMESTAMP",
    "failed": "BOOLEAN",
    "value": "DOUBLE",
    "wait_s": "DOUBLE",
    "duration_s": "DOUBLE",
    "satisfaction": "DOUBLE",
    "precision": "DOUBLE",
}


@dataclass(frozen=True)
class Made:
    """What the table `events` was made of.

    Attributes
    ----------
    columns : tuple of str
        Columns of events that it has: those of the schema that a source gives, then further dimensions.
    others : tuple of str
        These further dimensions.
    counts : mapping
        A feed's table -> how many events were made of it.
    used : mapping
        A feed's table -> how many records they were made of, where that was counted.
    """

    columns: tuple[str, ...]
    others: tuple[str, ...]
    counts: Mapping[str, int]
    used: Mapping[str, int] = field(default_factory=dict)


def make_events(
    database: Database, staged: Sequence[Staged], everything: Sequence[Staged] | None = None
) -> Made:
    """Make the table `events` from the used records of every feed.

    It has the columns that any feed of `everything` gives; by default these feeds are all.
    """
    rules = [event for feed in everything or staged for event in feed.feed.events]
    others = tuple(sorted({name for event in rules for name in event.others}))
    for name in others:
        if name in schema.EVENTS.names or name == "journey":
            raise SourceError(
                f"a dimension can't be called {name!r}: the log has a column of that name already"
            )
    given = {name for event in rules for name in event.columns}.union(_ALWAYS)
    own = [name for name in schema.EVENTS.names if name in given and name not in _BY_RULE]
    columns = {name: _SQL_TYPES.get(name, "VARCHAR") for name in (*own, *others)}
    typed = ", ".join(f"{identifier(name)} {type_}" for name, type_ in columns.items())
    database.run(
        "CREATE TABLE events (customer BIGINT, sequence BIGINT, source_row BIGINT, source_rank INTEGER, "
        "event_id UBIGINT, file INTEGER, "
        f"withdrawn VARCHAR, {typed})"
    )
    counts: dict[str, int] = {}
    used: dict[str, int] = {}
    with database.joins_as_written():  # records are many, customers and what is looked up few
        for feed in staged:
            counts[feed.table], joined = _insert_all(database, feed, columns)
            if joined is not None:
                used[feed.table] = joined
    return Made((*_BY_RULE, *columns), others, counts, used)


def _insert_all(database: Database, feed: Staged, columns: Mapping[str, str]) -> tuple[int, int | None]:
    """Make the events of a feed; return how many, and of how many records where they come in portions."""
    cut = portions(database, feed)
    places = range(len(feed.feed.events))
    by_record = [place for place in places if cut and not _is_of_several(feed.feed.events[place])]
    made = sum(
        _insert(database, feed, place, columns, f"{feed.table}_used")
        for place in places
        if place not in by_record
    )
    if not by_record:
        return made, None
    used = 0
    for portion in cut:
        used += ask_sets(database, feed, portion)
        made += sum(_insert(database, feed, place, columns, within(feed, portion)) for place in by_record)
    return made, used


def _is_of_several(event: Event) -> bool:
    """Say whether a rule may look at more records than the one that makes the event."""
    said = (*event.columns.values(), *event.others.values(), event.when, event.withdrawn, event.id)
    return any(_OF_SEVERAL.search(sql) for sql in said)


def _insert(database: Database, feed: Staged, place: int, columns: Mapping[str, str], used: str) -> int:
    """Make the events of one of a feed's rules from used records; return how many."""
    event = feed.feed.events[place]
    given = {"actor": "'customer'", "precision": "0", **event.columns, **event.others}
    if "native_journey" in given:
        given["native_journey"] = f"pseudonym({given['native_journey']})"
    listed = ", ".join(f"({given.get(name, 'NULL')})::{type_}" for name, type_ in columns.items())
    return int(
        database.value(
            f"INSERT INTO events SELECT customer, {_order(event, place)}, sequence, {feed.source_rank}, "
            f"{_event_id(feed, place)}, file, "
            f"{_withdrawn(event)}, {listed} FROM {records_of(used, event)} WHERE {event.when}"
        )
    )


def number_journeys(database: Database, made: Made) -> None:
    """Give the sources' own journeys numbers for names: a name may be an identifier that must not stay."""
    if "native_journey" not in made.columns:
        return
    named = "SELECT DISTINCT source_rank, native_journey FROM events WHERE native_journey IS NOT NULL"
    numbered = f"SELECT *, row_number() OVER (ORDER BY source_rank, native_journey) AS n FROM ({named})"
    database.run(
        f"UPDATE events SET native_journey = lpad(n::VARCHAR, 12, '0') FROM ({numbered}) AS numbered "
        "WHERE events.source_rank = numbered.source_rank "
        "AND events.native_journey = numbered.native_journey"
    )


def _withdrawn(event: Event) -> str:
    """SQL: why an event is not kept; the source's own reason, or that it lacks what every event has."""
    time, touchpoint = (event.columns.get(name, "NULL") for name in ("timestamp", "touchpoint"))
    text = f"({touchpoint})::VARCHAR"
    blank = (  # few texts begin with a character that may be invisible
        f"CASE WHEN {text} IS NULL THEN true WHEN {text} BETWEEN '!' AND '~' THEN false "
        f"ELSE regexp_full_match({text}, {literal(_BLANK)}) END"
    )
    lacking = f"WHEN ({time}) IS NULL THEN 'no timestamp' WHEN {blank} THEN 'no touchpoint'"
    return f"coalesce({event.withdrawn}, CASE {lacking} END)"


def records_of(used: str, event: Event) -> str:
    """SQL of what an event is made from: the used records, or their elements with their place."""
    if not event.each:
        return used
    listed = identifier(event.each)
    elements = f"unnest({listed}) AS each, generate_subscripts({listed}, 1) AS place"
    return f"(SELECT *, {elements} FROM {used})"


def _order(event: Event, place: int) -> str:
    """SQL: the native order within the source, by feed, record, element and event; at most 4,096 a record."""
    element = "least(place, 255)" if event.each else "0"
    return f"(feed_place << 46) + (record << 12) + {element} * 16 + {min(place, 15)}"


def _event_id(feed: Staged, place: int) -> str:
    """SQL: 64 bits of the record's key, told apart where it makes several events."""
    low = f"(key & {2**64 - 1}::UHUGEINT)::UBIGINT"  # a remainder would be eighteen times slower
    own = f"xor({low}, {(place * 0x9E3779B97F4A7C15) % 2**64}::UBIGINT)" if place else low
    event = feed.feed.events[place]
    return number_of(own, event.id) if event.each else own


def extents(database: Database) -> list[tuple[int, int, int]]:
    """Return (source rank, first, last) of the events, as far as they are not withdrawn.

    In microseconds since 1970; what has a date alone may have happened until the end of the day.
    """
    return database.run(
        "SELECT source_rank, min(epoch_us(timestamp)), "
        f"max(epoch_us(timestamp) + CASE WHEN precision >= 86400 THEN {_DAY_US - 1} ELSE 0 END) "
        "FROM events WHERE withdrawn IS NULL GROUP BY source_rank ORDER BY source_rank"
    )


def late(database: Database, end: str) -> list[tuple[int, int, int]]:
    """Return (source rank, how many lie after the end of the data, how many there are) of the events."""
    return database.run(
        f"SELECT source_rank, count(*) FILTER (WHERE timestamp > {end}), count(*) "
        "FROM events WHERE withdrawn IS NULL GROUP BY source_rank ORDER BY source_rank"
    )


def dated(database: Database, end: str) -> list[tuple[int, int]]:
    """Return (source rank, how many of the kept events have a date without a time)."""
    return database.run(
        "SELECT source_rank, count(*) FROM events WHERE precision >= 86400 AND withdrawn IS NULL "
        f"AND timestamp <= {end} GROUP BY source_rank ORDER BY source_rank"
    )


def hourly(database: Database, source_rank: int, end: str | None) -> tuple[Ints, Ints]:
    """Return the hours since 1970 in which a source recorded anything, and how many events."""
    until = f"AND timestamp <= {end}" if end else ""
    table = database.arrow(
        "SELECT epoch_us(timestamp) // 3600000000 AS hour, count(*) AS n FROM events "
        f"WHERE source_rank = {source_rank} AND withdrawn IS NULL {until} GROUP BY hour ORDER BY hour"
    )
    return table.column("hour").to_numpy(), table.column("n").to_numpy()
