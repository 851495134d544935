"""What the feeds of Salesforce's objects share: options, the columns of every object, whose an id is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cjmining.ingest.database import identifier, literal
from cjmining.ingest.sources.base import SEEN, Column, Event, Feed, Input, LeftOut, Lookup

if TYPE_CHECKING:
    from cjmining.ingest.casts import Clock
    from cjmining.ingest.readers import Dialect

UNITS = ("customer", "account", "opportunity")
DELETED = "deleted in Salesforce"
TOLD_TWICE = "the same change, told twice"
"""A change of a reference writes a row with names and one with ids."""
_IN_THE_BIN = '(coalesce("IsDeleted", FALSE) OR coalesce("_fivetran_deleted", FALSE))'
_IS_DELETED = f'({_IN_THE_BIN} OR NOT coalesce("_fivetran_active", TRUE))'
"""The newest version of a record in Fivetran's history mode is active, unless the record was deleted."""
_EVERYWHERE = (
    Column("Id", needed=True, filled=True),
    Column("IsDeleted", "flag"),
    Column("SystemModstamp", "time"),
    Column("LastModifiedDate", "time"),
    Column("_fivetran_synced", "time"),
    Column("_fivetran_deleted", "flag"),
    Column("_fivetran_start", "time"),
    Column("_fivetran_active", "flag"),
)
_VERSION = 'coalesce("_fivetran_start", "_fivetran_synced", "SystemModstamp", "LastModifiedDate")'
_WRITTEN = ('"_fivetran_start"', '"_fivetran_synced"', '"SystemModstamp"', '"LastModifiedDate"')
"""Fivetran marks a record as deleted without a new SystemModstamp, so its own times come first."""
USER_TYPES_OF_MACHINES = ("AutomatedProcess", "CloudIntegrationUser")
USER_TYPES_OF_CUSTOMERS = ("CustomerSuccess", "PowerCustomerSuccess", "CspLitePortal", "Guest")


@dataclass(frozen=True)
class Export:
    """The files of an export by object, and how they are to be read."""

    files: Mapping[str, Sequence[Input]]
    in_history_mode: frozenset[str]
    """Objects whose files have a row for each version of a record (Fivetran's history mode)."""
    unit: str
    phone: str
    currency: str | None
    closed: tuple[str, ...]
    further: Mapping[str, str]
    clock: Clock
    dialect: Dialect

    def feed(
        self,
        name: str,
        columns: Sequence[Column],
        *,
        keep: Mapping[str, str],
        identifiers: Sequence[tuple[str, str]] = (),
        asides: Sequence[tuple[str, str]] = (),
        events: Sequence[Event] = (),
        merges: bool = False,
        reference: bool = False,
        versions: bool = False,
        lookups: Sequence[Lookup] = (),
        checks: Sequence[tuple[str, str]] = (),
        left_out: Sequence[LeftOut] = (),
    ) -> Feed:
        """Return the feed of an object, with the columns and the rules that all objects have.

        `merges` says that its deleted records may be parts of others: these tell who is who, and are used.
        `versions` says that each version of a record counts, not only its newest.
        """
        own = {column.name for column in columns}
        further = [] if reference else [column for column in self.further if column not in own]
        kinds = [] if reference else list(self.further.items())
        deleted = _IN_THE_BIN if versions else _IS_DELETED
        if merges:
            deleted += ' AND "MasterRecordId" IS NULL'
        key = ['"Id"', '"_fivetran_start:text"'] if versions else ['"Id"']
        written = [*_WRITTEN, *(['"CreatedDate"'] if "CreatedDate" in own else [])]
        keep = {**keep, SEEN: f"greatest({', '.join(written)})"}
        return Feed(
            name, self.files[name], [*_EVERYWHERE, *columns, *map(Column, further)], keep,
            [*identifiers, *((self.phone if k == "phone" else k, identifier(c)) for c, k in kinds)],
            key=key, version=_VERSION, asides=[(deleted, DELETED), *asides], events=events,
            clock=self.clock, dialect=self.dialect, reference=reference, lookups=lookups,
            checks=checks, left_out=left_out,
        )  # fmt: skip

    def account(self, sql: str) -> list[tuple[str, str]]:
        """Return the identifiers of an account, which is the customer itself where the study says so."""
        also = [("account", sql)] if self.unit == "account" else []
        return [("crm_account", sql), *also]

    def journey(self, sql: str) -> dict[str, str]:
        """Return the column that names an event's journey, where opportunities are the journeys."""
        return {"native_journey": sql} if self.unit == "opportunity" else {}

    def actor(self, otherwise: str = "company") -> str:
        """SQL for who made a change, by the type of the user where users were exported."""
        return (
            f"CASE WHEN user_type IN ({listed(USER_TYPES_OF_MACHINES)}) THEN 'system' "
            f"WHEN user_type IN ({listed(USER_TYPES_OF_CUSTOMERS)}) THEN 'customer' "
            f"ELSE {literal(otherwise)} END"
        )

    def user(self) -> list[Lookup]:
        """Return what finds the type of the user `by` who made a record."""
        return [Lookup("User", {"by": "user"}, {"user_type": "user_type"})]


def short(column: str) -> str:
    """SQL for the 15 characters that ids of both lengths begin with, and that are unique."""
    return f"left({column}, 15)"


def unnamed(column: str) -> str:
    """SQL for what tells opportunities and cases apart, unnamed where identities aren't kept."""
    return f"pseudonym({short(column)})"


def starting(column: str, *prefixes: str) -> str:
    """SQL for an id if it is of an object with one of these prefixes."""
    return f"CASE WHEN left({column}, 3) IN ({listed(prefixes)}) THEN {column} END"


def whom(column: str) -> str:
    """SQL that tells users apart without naming them."""
    return f"pseudonym(left(md5({short(column)}), 16))"


def same(kind: str, *columns: str) -> tuple[str, str]:
    """Say that a record's identifiers of a kind are certainly one, if one of these columns has a value."""
    return "merged", f"CASE WHEN coalesce({', '.join(columns)}) IS NOT NULL THEN {literal(kind)} END"


def listed(words: Sequence[Any]) -> str:
    """SQL for a list of texts."""
    return ", ".join(literal(str(word)) for word in words)


def told_twice(*same: str) -> str:
    """SQL that withdraws a change that another `entry` of a history tells already."""
    places = f"row_number() OVER (PARTITION BY {', '.join(same)} ORDER BY entry)"
    return f"CASE WHEN {places} > 1 THEN {literal(TOLD_TWICE)} END"
