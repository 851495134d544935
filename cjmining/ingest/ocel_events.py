"""Object-centric event logs (OCEL), flattened to one type of object: its events are its journey.

An event that is related to several objects of the type is told once for each of them: OCEL calls this
convergence, and it is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from cjmining.errors import SourceError, nearest, shorten
from cjmining.ingest.files import Input
from cjmining.ingest.ocel_files import Content, Happened, comparable, ocel_content
from cjmining.ingest.streams import Stream

CASE, CUSTOMER, ID, TYPE, TIME, PROPERTIES = (
    "object of the journey", "object of the customer", "event", "event type", "time", "attributes"
)  # fmt: skip
STANDARD = (CASE, CUSTOMER, ID, TYPE, TIME, PROPERTIES)
_BATCH = 20_000
_ENCODER = json.JSONEncoder(ensure_ascii=False)


@dataclass(frozen=True)
class Flat:
    """How an object-centric log becomes journeys: which type they are of, which type is their customer."""

    case: str
    customer: str = ""
    columns: tuple[str, ...] = ()
    """Attributes that get a column: of the event, else of the journey's object as it was then."""

    @property
    def schema(self) -> pa.Schema:
        """The rows' columns, all texts."""
        return pa.schema([(name, pa.string()) for name in (*STANDARD, *map(column_of, self.columns))])


def column_of(attribute: str) -> str:
    """Name an attribute's column."""
    return f"attribute {attribute}"


def flat_input(given: Input, flat: Flat, what: str) -> Input:
    """Return the events of a file, flattened, as an input with a note of what that meant."""
    with ocel_content(given, f"{what}, {given.name}") as content:
        _check_types(content, flat, f"{what}, {given.name}")
        flattening = _Flattening(content, flat)
        note = flattening.note(f"{what}, {given.name}")
        missing = [name for name in flat.columns if name not in flattening.attributes]
        if missing:
            known = sorted(flattening.attributes)
            raise SourceError(
                f"{what}, {given.name}: neither events nor objects of type {flat.case!r} have an attribute "
                f"{missing[0]!r}{nearest(missing[0], known)}; there are {shorten(known, 40) or 'none'}"
            )
    return Input(given.name, frame=Stream(flat.schema, _batches(given, flat, what)), note=note)


def _batches(given: Input, flat: Flat, what: str) -> Iterator[pa.RecordBatch]:
    with ocel_content(given, f"{what}, {given.name}") as content:
        rows: list[tuple[str | None, ...]] = []
        for row in _Flattening(content, flat, count=False).rows():
            rows.append(row)
            if len(rows) == _BATCH:
                yield _batch(rows, flat.schema)
                rows = []
        yield _batch(rows, flat.schema)


def _batch(rows: Sequence[tuple[str | None, ...]], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=schema)


def _check_types(content: Content, flat: Flat, where: str) -> None:
    types = content.types()
    for option, name in (("case", flat.case), ("customer", flat.customer)):
        if name and name not in types:
            known = ", ".join(f"{type_} ({n:,})" for type_, n in types.items())
            raise SourceError(
                f"{where}: {option}={name!r} is no type of its objects{nearest(name, list(types))}; "
                f"there are {known or 'no objects'}"
            )


class _Flattening:
    """The events of one file, told for each object of the journeys' type."""

    def __init__(self, content: Content, flat: Flat, *, count: bool = True) -> None:
        self.content, self.flat = content, flat
        self.things = content.things([flat.case, *([flat.customer] if flat.customer else [])])
        self.attributes = {name for thing in self.things.values() for _, name, _ in thing.values}
        self._events = self._converged = self._without = self._pairs = 0
        self._owners = self._customers(count=count)

    def _customers(self, *, count: bool) -> dict[str, str | None]:
        """Return the customer of each case: the one it is related to, else the one its events are related to.

        None where there are several, who are never taken for one.
        """
        direct: dict[str, dict[str, None]] = {}
        if self.flat.customer:
            for first, second in self.content.relations():
                self._link(direct, first, second)
                self._link(direct, second, first)
        by_events: dict[str, dict[str, None]] = {}
        for event in self.content.events() if count or self.flat.customer else ():
            cases = self._of_type(event, self.flat.case)
            self._count(event, cases)
            for case in cases if self.flat.customer else ():
                for customer in self._of_type(event, self.flat.customer):
                    by_events.setdefault(case, {})[customer] = None
        found: dict[str, str | None] = {}
        for case, thing in self.things.items():
            if thing.type == self.flat.case:
                owners = list(direct.get(case) or by_events.get(case) or ())
                found[case] = owners[0] if len(owners) == 1 else None
        return found

    def _link(self, direct: dict[str, dict[str, None]], first: str, second: str) -> None:
        case, owner = self.things.get(first), self.things.get(second)
        if (
            case is not None
            and owner is not None
            and (case.type, owner.type)
            == (
                self.flat.case,
                self.flat.customer,
            )
        ):
            direct.setdefault(first, {})[second] = None

    def _of_type(self, event: Happened, type_: str) -> list[str]:
        things = self.things
        return [name for name in event.objects if name in things and things[name].type == type_]

    def _count(self, event: Happened, cases: Sequence[str]) -> None:
        self.attributes.update(event.attributes)
        self._events += 1
        self._pairs += len(cases)
        self._converged += len(cases) > 1
        self._without += not cases

    def note(self, where: str) -> str:
        """Say what flattening meant: events told several times, cases without a customer."""
        said = []
        if self._converged:
            said.append(
                f"{self._converged:,} of {self._events:,} events belong to several objects of type "
                f"{self.flat.case!r} and count once for each (OCEL's convergence): "
                f"{self._pairs + self._without:,} records"
            )
        if self.flat.customer:
            alone = sum(1 for owner in self._owners.values() if owner is None)
            if alone:
                said.append(
                    f"{alone:,} of {len(self._owners):,} objects of type {self.flat.case!r} are related to "
                    f"no {self.flat.customer!r}, or to several, and are customers of their own"
                )
        return f"{where}: {'; '.join(said)}" if said else ""

    def rows(self) -> Iterator[tuple[str | None, ...]]:
        for event in self.content.events():
            told = _ENCODER.encode(dict(event.attributes)) if event.attributes else None
            cases: Sequence[str | None] = self._of_type(event, self.flat.case) or (None,)
            for case in cases:
                owner = self._owners.get(case) if case is not None else None
                further = (self._value(event, case, name) for name in self.flat.columns)
                yield (case, owner, event.id, event.type, event.time, told, *further)

    def _value(self, event: Happened, case: str | None, name: str) -> str | None:
        if name in event.attributes or case is None:
            return event.attributes.get(name)
        values = [(time, value) for time, known, value in self.things[case].values if known == name]
        moment = comparable(event.time or "")
        before = [value for time, value in values if comparable(time) <= moment]
        return before[-1] if before else next((value for _, value in values), None)
