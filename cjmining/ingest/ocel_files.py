"""Files of object-centric event logs: OCEL 2.0 as JSON, SQLite or XML, and OCEL 1.0 as JSON.

JSON and XML are read as a whole; a database is asked as needed, so that it may be larger than the memory.
"""

from __future__ import annotations

import heapq
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from xml.parsers import expat

from cjmining.errors import SourceError, shorten
from cjmining.ingest.files import Input, expect_content

_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


@dataclass(frozen=True)
class Happened:
    """An event of the file: what of it is missing or malformed is None, for the ledger to say so."""

    id: str | None
    type: str | None
    time: str | None
    attributes: Mapping[str, str] = field(default_factory=dict)
    objects: tuple[str, ...] = ()


@dataclass
class Thing:
    """An object with the values of its attributes over time, and the objects it names."""

    type: str
    values: list[tuple[str, str, str]] = field(default_factory=list)
    """(time, attribute, value)."""
    related: list[str] = field(default_factory=list)


class Content(Protocol):
    """What each form of file can tell."""

    def types(self) -> Mapping[str, int]:
        """Return the number of objects of each type."""

    def things(self, types: Sequence[str]) -> dict[str, Thing]:
        """Return the objects of some types, by id."""

    def relations(self) -> Iterator[tuple[str, str]]:
        """Yield the relations between objects."""

    def events(self) -> Iterator[Happened]:
        """Yield the events in the order of the file."""


@contextmanager
def ocel_content(given: Input, where: str) -> Iterator[Content]:
    """Open a log, whatever its form; its first bytes tell."""
    with given.open() as stream:
        start = stream.read(4096)
    if start.startswith(b"SQLite format 3\x00"):
        with database_file(given) as path:
            yield _Sqlite(path, where)
        return
    expect_content(given)
    with given.open() as stream:
        data = stream.read()
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        yield _from_xml(data, where)
    else:
        yield _from_json(data, where)


@contextmanager
def database_file(given: Input) -> Iterator[Path]:
    """Give a database as a file; a packed one is unpacked for a while."""
    assert given.path is not None  # noqa: S101 -- a frame is no database
    if not given.member and not given.path.name.lower().endswith(".gz"):
        yield given.path
        return
    with tempfile.TemporaryDirectory(prefix="cjmining-") as folder:
        path = Path(folder) / "database"
        with given.open() as stream, path.open("wb") as target:
            shutil.copyfileobj(stream, target)
        yield path


class _Memory:
    """A log that was read as a whole."""

    def __init__(self, things: dict[str, Thing], events: list[Happened]) -> None:
        self._things, self._events = things, events

    def types(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for thing in self._things.values():
            counts[thing.type] = counts.get(thing.type, 0) + 1
        return counts

    def things(self, types: Sequence[str]) -> dict[str, Thing]:
        return {name: thing for name, thing in self._things.items() if thing.type in types}

    def relations(self) -> Iterator[tuple[str, str]]:
        for name, thing in self._things.items():
            yield from ((name, other) for other in thing.related)

    def events(self) -> Iterator[Happened]:
        yield from self._events


def _from_json(data: bytes, where: str) -> _Memory:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise SourceError(f"{where} is no OCEL: it can't be read as JSON: {problem}") from problem
    if isinstance(told, dict) and isinstance(told.get("ocel:events"), dict):
        return _first_version(told)
    if not isinstance(told, dict) or not isinstance(told.get("events"), list):
        raise SourceError(f"{where} is no OCEL: it has no list of events (OCEL 2.0) and no ocel:events (1.0)")
    things: dict[str, Thing] = {}
    for each in _dicts(told.get("objects")):
        values = [
            (_text(a.get("time")) or "", _text(a.get("name")) or "", _text(a.get("value")) or "")
            for a in _dicts(each.get("attributes"))
        ]
        things[_text(each.get("id")) or ""] = Thing(
            _text(each.get("type")) or "", sorted(values, key=_by_time), _related(each)
        )
    events = [
        Happened(
            _text(each.get("id")), _text(each.get("type")), _text(each.get("time")),
            {_text(a.get("name")) or "": _text(a.get("value")) or "" for a in _dicts(each.get("attributes"))},
            tuple(dict.fromkeys(_related(each))),
        )
        for each in (event if isinstance(event, dict) else {} for event in told["events"])
    ]  # fmt: skip
    return _Memory(things, events)


def _first_version(told: Mapping[str, Any]) -> _Memory:
    """OCEL 1.0: objects have no relations, and attributes that don't change."""
    objects = told.get("ocel:objects")
    things = {
        name: Thing(
            _text(each.get("ocel:type")) or "",
            [("", key, _text(value) or "") for key, value in _dict(each.get("ocel:ovmap")).items()],
        )
        for name, each in _dict(objects).items()
        if isinstance(each, dict)
    }
    events = [
        Happened(
            name, _text(each.get("ocel:activity")), _text(each.get("ocel:timestamp")),
            {key: _text(value) or "" for key, value in _dict(each.get("ocel:vmap")).items()},
            tuple(dict.fromkeys(_text(o) or "" for o in each.get("ocel:omap") or ())),
        )
        for name, each in ((n, _dict(e)) for n, e in told["ocel:events"].items())
    ]  # fmt: skip
    return _Memory(things, events)


def _by_time(value: tuple[str, str, str]) -> str:
    return comparable(value[0])


def _related(each: Mapping[str, Any]) -> list[str]:
    return [_text(r.get("objectId")) or "" for r in _dicts(each.get("relationships"))]


def _dicts(given: object) -> list[dict[str, Any]]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _dict(given: object) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _text(given: object) -> str | None:
    if given is None or isinstance(given, str):
        return given
    return _ENCODER.encode(given)


def _from_xml(data: bytes, where: str) -> _Memory:
    reader = _Xml(where)
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as problem:
        raise SourceError(
            f"{where} can't be read as XML: {expat.errors.messages[problem.code]} in line {problem.lineno:,}"
        ) from problem
    except (ValueError, LookupError) as problem:
        raise SourceError(f"{where} can't be read as XML: {problem}") from problem
    if not reader.is_ocel:
        raise SourceError(f"{where} is XML, but no OCEL: it has no <events> and <objects>")
    for thing in reader.things.values():
        thing.values.sort(key=_by_time)
    return _Memory(reader.things, reader.happened)


class _Xml:
    """What expat calls back, for OCEL 2.0 as XML."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.things: dict[str, Thing] = {}
        self.happened: list[Happened] = []
        self.is_ocel = False
        self._open: list[str] = []
        self._event: dict[str, Any] = {}
        self._object: Thing | None = None
        self._attribute: dict[str, str] = {}
        self._said: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        inside = self._open[-1] if self._open else ""
        self._open.append(tag)
        if len(self._open) > 100:
            raise SourceError(f"{self._where} is no OCEL: elements are nested more than 100 deep")
        if tag in ("events", "objects") and inside == "log":
            self.is_ocel = True
        elif tag == "event" and inside == "events":
            self._event = {**attributes, "values": {}, "objects": {}}
        elif tag == "object" and inside == "objects" and not self._event:
            self._object = Thing(attributes.get("type", ""))
            self.things[attributes.get("id", "")] = self._object
        elif tag == "attribute":
            self._attribute, self._said = attributes, []
        elif tag in ("relationship", "relobj", "object"):  # "relobj" is what early files call it
            self._relate(attributes.get("object-id", attributes.get("id", "")))

    def _relate(self, other: str) -> None:
        if self._event:
            self._event["objects"][other] = None
        elif self._object is not None:
            self._object.related.append(other)

    def text(self, data: str) -> None:
        self._said.append(data)

    def end(self, tag: str) -> None:
        self._open.pop()
        inside = self._open[-1] if self._open else ""
        if tag == "attribute":
            name, value = self._attribute.get("name", ""), "".join(self._said)
            if self._event:
                self._event["values"][name] = value
            elif self._object is not None:
                self._object.values.append((self._attribute.get("time", ""), name, value))
        elif tag == "event" and inside == "events":
            made = self._event
            self.happened.append(
                Happened(
                    made.get("id"), made.get("type"), made.get("time"), made["values"], tuple(made["objects"])
                )
            )
            self._event = {}
        elif tag == "object" and inside == "objects":
            self._object = None

    def refuse(self, *_: object) -> None:
        raise SourceError(
            f"{self._where} declares a document type, which OCEL has none of: it could make a small file "
            "fill the memory"
        )


class _Sqlite:
    """A database, asked as it is needed; it is opened for reading only."""

    def __init__(self, path: Path, where: str) -> None:
        self._path, self._where = path, where
        names = {
            name for (name,) in self._ask("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        }
        needed = ("event", "object", "event_object", "event_map_type", "object_map_type")
        missing = [name for name in needed if name not in names]
        if missing:
            raise SourceError(
                f"{where} is a SQLite database, but no OCEL 2.0: there is no table {missing[0]!r}; "
                f"it has {shorten(sorted(names), 40) or 'none'}"
            )
        self._names = names

    def types(self) -> dict[str, int]:
        counted = self._ask("SELECT ocel_type, count(*) FROM object GROUP BY ocel_type ORDER BY 2 DESC, 1")
        return {str(type_): n for type_, n in counted if type_ is not None}

    def things(self, types: Sequence[str]) -> dict[str, Thing]:
        found: dict[str, Thing] = {}
        for type_, table in self._ask("SELECT ocel_type, ocel_type_map FROM object_map_type"):
            if str(type_) not in types:
                continue
            for (name,) in self._ask("SELECT ocel_id FROM object WHERE ocel_type = ?", type_):
                found[str(name)] = Thing(str(type_))
            if f"object_{table}" in self._names:
                self._read_values(f"object_{table}", found)
        for thing in found.values():
            thing.values.sort(key=_by_time)
        return found

    def _read_values(self, table: str, found: Mapping[str, Thing]) -> None:
        for row in self._records(f"SELECT * FROM {_quoted(table)}"):
            thing, changed = found.get(str(row.get("ocel_id"))), row.get("ocel_changed_field")
            for name, value in row.items() if thing is not None else ():
                if value is not None and name not in _OF_OCEL and changed in (None, name):
                    thing.values.append((str(row.get("ocel_time") or ""), name, str(value)))  # type: ignore[union-attr]

    def relations(self) -> Iterator[tuple[str, str]]:
        if "object_object" in self._names:
            for first, second in self._ask("SELECT ocel_source_id, ocel_target_id FROM object_object"):
                yield str(first), str(second)

    def events(self) -> Iterator[Happened]:
        of_types = []
        for type_, table in self._ask("SELECT ocel_type, ocel_type_map FROM event_map_type"):
            if f"event_{table}" in self._names:
                of_types.append(self._of_type(type_, f"event_{table}"))
            else:
                of_types.append(self._without_table("ocel_type = ?", type_))
        unknown = "(SELECT ocel_type FROM event_map_type WHERE ocel_type NOT NULL)"
        of_types.append(self._without_table(f"ocel_type IS NULL OR ocel_type NOT IN {unknown}"))
        for _, event in heapq.merge(*of_types, key=lambda numbered: numbered[0]):
            yield event

    def _of_type(self, type_: str, table: str) -> Iterator[tuple[int, Happened]]:
        query = (
            "SELECT e.rowid AS of_row, e.ocel_id AS of_event, o.objects AS of_objects, t.* FROM event e "
            f"LEFT JOIN {_quoted(table)} t ON t.ocel_id = e.ocel_id "
            f"LEFT JOIN ({_OBJECTS}) o ON o.event = e.ocel_id "
            "WHERE e.ocel_type = ? ORDER BY e.rowid"
        )
        for row in self._records(query, type_):
            values = {
                name: str(value) for name, value in row.items() if value is not None and name not in _OF_OCEL
            }
            yield (
                row["of_row"] or 0,
                Happened(
                    _plain(row["of_event"]),
                    type_,
                    _plain(row.get("ocel_time")),
                    values,
                    _listed(row["of_objects"]),
                ),
            )

    def _without_table(self, condition: str, *given: object) -> Iterator[tuple[int, Happened]]:
        """Events whose type has no table: nothing tells their time, which the ledger says."""
        for number, name, type_, objects in self._ask(
            f"SELECT e.rowid, e.ocel_id, e.ocel_type, o.objects FROM event e LEFT JOIN ({_OBJECTS}) o "
            f"ON o.event = e.ocel_id WHERE {condition} ORDER BY e.rowid",
            *given,
        ):
            yield number or 0, Happened(_plain(name), _plain(type_), None, {}, _listed(objects))

    def _records(self, query: str, *given: object) -> Iterator[dict[str, Any]]:
        with self._cursor(query, given) as cursor:
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))

    def _ask(self, query: str, *given: object) -> Iterator[Any]:
        with self._cursor(query, given) as cursor:
            yield from cursor

    @contextmanager
    def _cursor(self, query: str, given: Sequence[object]) -> Iterator[sqlite3.Cursor]:
        address = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, check_same_thread=False)) as connection:
                connection.text_factory = lambda text: text.decode(errors="replace")
                yield connection.execute(query, given)
        except sqlite3.Error as problem:
            raise SourceError(f"{self._where} can't be read as OCEL in SQLite: {problem}") from problem


_OF_OCEL = ("ocel_id", "ocel_time", "ocel_changed_field", "of_row", "of_event", "of_objects")
_OBJECTS = (
    "SELECT ocel_event_id AS event, json_group_array(ocel_object_id) AS objects "
    "FROM (SELECT DISTINCT ocel_event_id, ocel_object_id FROM event_object ORDER BY rowid) "
    "GROUP BY ocel_event_id"
)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(value: object) -> str | None:
    return None if value is None else str(value)


def _listed(objects: str | None) -> tuple[str, ...]:
    return tuple(str(each) for each in json.loads(objects)) if objects else ()


def comparable(time: str) -> str:
    """Return a time such that texts compare as times do, for the forms that one file mixes."""
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return time
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
