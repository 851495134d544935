"""What the feeds of HubSpot's records share: properties under their three names, times, associations.

A property has one name in the APIs ("createdate"), another in Fivetran's tables ("property_createdate") and a
label in files exported from the app ("Create Date"). In JSON it lies in `properties`, its former values in
`propertiesWithHistory`, newest first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cjmining.ingest.database import identifier, literal
from cjmining.ingest.sources.base import SEEN, Column, Event, Feed, Input, LeftOut, Lookup
from cjmining.ingest.sources.columns import utc

if TYPE_CHECKING:
    from cjmining.ingest.casts import Clock
    from cjmining.ingest.readers import Dialect
    from cjmining.ingest.sources.base import Kind

TEXT = "VARCHAR"
WRAPPED = ("results", "events", "contacts", "objects")
"""Lists in which the pages of its APIs hold records."""
UNREADABLE = "a change whose time can't be read"
NO_CHANGE = "no change of stage"
_WRITTEN = (
    "updatedAt", "lastmodifieddate", "hs_lastmodifieddate", "lastUpdated", "createdate", "created",
    "submittedAt",
)  # fmt: skip
"""Times at which HubSpot wrote something; those of engagements may be planned for later."""
_ENTRY = f'STRUCT("value" {TEXT}, "timestamp" {TEXT})[]'


@dataclass(frozen=True)
class Export:
    """The files of an export by kind of records, and how they are to be read."""

    files: Mapping[str, Sequence[Input]]
    phone: str
    currency: str | None
    further: Mapping[str, str]
    clock: Clock
    dialect: Dialect

    def feed(
        self,
        name: str,
        columns: Sequence[Column],
        *,
        structure: Mapping[str, Any],
        key: Sequence[str],
        keep: Mapping[str, str] | None = None,
        identifiers: Sequence[tuple[str, str]] = (),
        asides: Sequence[tuple[str, str]] = (),
        events: Sequence[Event] = (),
        version: str = "NULL",
        reference: bool = False,
        lookups: Sequence[Lookup] = (),
        left_out: Sequence[LeftOut] = (),
    ) -> Feed:
        """Return the feed of a kind of records."""
        times = [column.name for column in columns if column.kind == "time"]
        is_history = name.endswith("_property_history")
        written = [each for each in times if each in _WRITTEN or (is_history and each == "timestamp")]
        if written:
            keep = {**(keep or {}), SEEN: f"greatest({', '.join(map(identifier, written))})"}
        return Feed(
            name, self.files[name], columns, keep or {}, identifiers, key=key, version=version, asides=asides,
            events=events, clock=self.clock, structure=json.dumps(structure), wrapped=WRAPPED,
            dialect=self.dialect, reference=reference, lookups=lookups, left_out=left_out,
        )  # fmt: skip


def prop(name: str, kind: Kind = "text", *labels: str, also: str = "") -> Column:
    """Return a property of an object; `also` is another with its meaning."""
    paths = [f"j.properties.{identifier(each)}" for each in (name, also) if each]
    path = paths[0] if len(paths) == 1 else f"coalesce({', '.join(paths)})"
    others = [f"property_{name}", *([also, f"property_{also}"] if also else []), *labels]
    return Column(name, kind, aliases=tuple(others), path=moment(path) if kind == "time" else path)


def properties(columns: Sequence[Column], *more: str) -> dict[str, str]:
    """Return the structure of the properties that columns are read from."""
    return dict.fromkeys([*(column.name for column in columns), *more], TEXT)


def moment(path: str) -> str:
    """SQL for a time's text, which is ISO 8601 or milliseconds since 1970."""
    counted = f"make_timestamp(TRY_CAST({path} AS BIGINT) * 1000)"
    return (
        f"CASE WHEN regexp_matches({path}, '^-?[0-9]{{9,14}}$') "
        f"THEN strftime({counted}, '%Y-%m-%dT%H:%M:%S.%fZ') ELSE {path} END"
    )


def associated(kind: str, *labels: str) -> Column:
    """Return the ids of the objects of a kind that a record is associated with, separated by semicolons."""
    path = f"j.associations.{kind}.results"
    joined = f"array_to_string(list_transform({path}, lambda r: r.id), ';')"
    return Column(f"associated {kind}", aliases=labels, path=joined)


ASSOCIATIONS: Mapping[str, Any] = {
    kind: {"results": [{"id": TEXT}]} for kind in ("contacts", "companies", "deals")
}


def ids(column: str) -> str:
    """SQL for the different ids that a text lists, in its order."""
    found = f"regexp_extract_all({identifier(column)}, '[0-9]+')"
    return f"list_filter({found}, lambda x, i: list_position({found}, x) = i)"


def only(column: str) -> str:
    """SQL for the id that a text lists, if it is one alone."""
    return f"CASE WHEN len({ids(column)}) = 1 THEN {ids(column)}[1] END"


def merged(column: str) -> str:
    """SQL for the ids of records merged into one, as "17;18" or with the times of the merges, "17:1700"."""
    found = f"regexp_extract_all({identifier(column)}, '[0-9]+(:[0-9]+)?')"
    return f"list_transform({found}, lambda x: split_part(x, ':', 1))"


def history(column: str) -> str:
    """SQL for a property's values over time: the oldest first, each with its moment and its stage."""
    entries = f"CAST({identifier(column)} AS {_ENTRY})"
    read = f"{{'moment': {utc(moment('e.timestamp'))}, 'stage': nullif(trim(e.\"value\"), '')}}"
    changes = f"list_transform({entries}, lambda e: {read})"
    return f"list_sort(list_filter({changes}, lambda e: e.stage IS NOT NULL))"


def unchanged(record: str, stage: str = "each.stage", when: str = "each.moment", then: str = "place") -> str:
    """SQL that withdraws entries that change nothing, or have no time."""
    before = f"lag({stage}) OVER (PARTITION BY {record} ORDER BY {when}, {then})"
    return (
        f"CASE WHEN {when} IS NULL THEN {literal(UNREADABLE)} "
        f"WHEN {stage} = {before} THEN {literal(NO_CHANGE)} END"
    )


def listed(words: Sequence[str]) -> str:
    """SQL for a list of texts."""
    return ", ".join(map(literal, words))
