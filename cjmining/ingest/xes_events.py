"""The events of an XES file, one after the other: a stream of rows, whatever the size of the file.

Expat calls back for each element, so no tree is built; one trace is held at a time. A document type is
refused before anything in it is read: entities are never expanded, nothing outside the file is opened.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO
from xml.parsers import expat

import pyarrow as pa

from cjmining.errors import SourceError, nearest
from cjmining.ingest.files import Input, expect_content
from cjmining.ingest.streams import Stream

ACTIVITY, TIME, TRANSITION, INSTANCE = (
    "concept:name",
    "time:timestamp",
    "lifecycle:transition",
    "concept:instance",
)
TRACE = "case:"
"""What the names of a trace's attributes begin with, beside those of its events."""
CASE = TRACE + ACTIVITY
END, FATE, PROPERTIES = "end of the event", "fate of the event", "further attributes"
"""Columns that the reader adds; no attribute has a blank before its colon, or none."""

JOINED = "joined"
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_BLOCK = 1 << 20
_BATCH = 20_000
_DEEPEST = 50
_BEGUN, _DONE = "start", "complete"
_FRAME = frozenset(("log", "trace", "event", "global", "classifier", "extension"))
_GIVEN_UP = ("withdraw", "ate_abort", "pi_abort")
_BETWEEN = ("schedule", "assign", "reassign", "suspend", "resume", "autoskip", "manualskip")
FATES = {JOINED: "joined to the event whose end it is"} | {
    step: f"lifecycle {step}: a step of an activity, no event of its own" for step in (*_BETWEEN, _BEGUN)
}
"""What becomes of events that are set aside, and why."""

Attributes = dict[str, str]
Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Reading:
    """What to make of the events: which attributes are columns, what the activity is, how events are joined.

    Parameters
    ----------
    columns : sequence of str
        Attributes that get a column; those of traces begin with "case:".
    classifier : str
        Name of the log's classifier whose attributes, joined with "+", are the activity; else concept:name.
    lifecycle : {"join", "complete", "all"}
        What becomes of events that are steps of one activity.
    """

    columns: tuple[str, ...] = ()
    classifier: str = ""
    lifecycle: str = "join"

    @property
    def schema(self) -> pa.Schema:
        """The rows' columns, all texts."""
        names = (*(n for n in self.columns if n not in _ALWAYS), *_ALWAYS)
        return pa.schema([(name, pa.string()) for name in names])


_ALWAYS = (CASE, ACTIVITY, TIME, END, TRANSITION, FATE, PROPERTIES)


def xes_stream(given: Input, reading: Reading) -> Stream:
    """Return the events of a file as a stream of Arrow batches."""
    return Stream(reading.schema, _batches(given, reading))


def attribute_names(inputs: Sequence[Input], most: int | None = None) -> list[str]:
    """Return the attributes of up to `most` events of each file, in the order of their appearance."""
    names: dict[str, None] = dict.fromkeys((ACTIVITY, TIME, CASE))
    for given in inputs:
        count = 0
        for trace, events in _traces(given, _Document(given)):
            for event in events:
                names.update(dict.fromkeys(event))
            names.update(dict.fromkeys(TRACE + name for name in trace))
            count += len(events)
            if most is not None and count >= most:
                break
    return list(names)


def _batches(given: Input, reading: Reading) -> Iterator[pa.RecordBatch]:
    schema = reading.schema
    rows: list[Row] = []
    document = _Document(given)
    for trace, events in _traces(given, document):
        rows += _rows(trace, events, reading, schema.names, document)
        while len(rows) >= _BATCH:
            yield _batch(rows[:_BATCH], schema)
            rows = rows[_BATCH:]
    yield _batch(rows, schema)


def _batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=schema)


# One trace: its rows


def _rows(
    trace: Attributes,
    events: Sequence[Attributes],
    reading: Reading,
    names: Sequence[str],
    document: _Document,
) -> Iterator[Row]:
    of_trace = {TRACE + name: value for name, value in trace.items()}
    columns = set(names)
    keys = document.keys_of(reading.classifier) if reading.classifier else [ACTIVITY]
    ends, fates = _lifecycle(events, keys, reading.lifecycle)
    for place, event in enumerate(events):
        told = {**of_trace, **event}
        further = {name: value for name, value in told.items() if name not in columns}
        told[PROPERTIES] = _ENCODER.encode(further) if further else ""
        told[FATE], told[END] = fates.get(place, ""), ends.get(place, "")
        if reading.classifier:
            told[ACTIVITY] = _activity(event, keys)
        yield tuple(told.get(name) for name in names)


def _activity(event: Attributes, keys: Sequence[str]) -> str:
    return "+".join(event[key] for key in keys if event.get(key))


def _lifecycle(
    events: Sequence[Attributes], keys: Sequence[str], how: str
) -> tuple[dict[int, str], dict[int, str]]:
    """Return the ends of events that were joined with another, and the fates of those that are no events."""
    ends: dict[int, str] = {}
    fates: dict[int, str] = {}
    if how == "all":
        return ends, fates
    begun: dict[tuple[str, ...], deque[int]] = {}
    for place, event in enumerate(events):
        step = event.get(TRANSITION, "").strip().lower()
        if step in _BETWEEN or (how == "complete" and step == _BEGUN):
            fates[place] = step
        elif how == "join" and step in (_BEGUN, _DONE, *_GIVEN_UP):
            waiting = begun.setdefault(_same(event, keys), deque())
            if step == _BEGUN:
                waiting.append(place)
            elif waiting and _in_order(events[waiting[0]], event):
                start = waiting.popleft()
                ends[start] = event[TIME]
                fates[place] = JOINED
                if step in _GIVEN_UP:
                    events[start][TRANSITION] = event[TRANSITION]
    return ends, fates


def _same(event: Attributes, keys: Sequence[str]) -> tuple[str, ...]:
    """What tells which start an end belongs to; of several, the earliest open one."""
    named = [key for key in keys if key != TRANSITION]
    return (*(event.get(key, "") for key in named), event.get(INSTANCE, ""))


def _in_order(first: Attributes, second: Attributes) -> bool:
    """Whether two times can be read and compared, and don't run backwards."""
    try:
        return datetime.fromisoformat(first[TIME]) <= datetime.fromisoformat(second[TIME])
    except (KeyError, ValueError, TypeError):
        return False


# The file: its traces


@dataclass
class _Document:
    """What is being read: the open trace, the open event, the attributes they are nested in."""

    given: Input
    globals: dict[str, None] = field(default_factory=dict)
    classifiers: dict[str, str] = field(default_factory=dict)
    trace: Attributes | None = None
    event: Attributes | None = None
    events: list[Attributes] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    """Names of the open attributes, one for each level; "" for elements that name none."""
    scope: str = ""
    finished: list[tuple[Attributes, list[Attributes]]] = field(default_factory=list)
    is_log: bool = False
    seen: dict[tuple[int, str], int] = field(default_factory=dict)

    def keys_of(self, classifier: str) -> list[str]:
        """Return the attributes of a classifier; names with blanks are quoted, or known from the globals."""
        if classifier not in self.classifiers:
            known = list(self.classifiers)
            raise SourceError(
                f"{self.given}: there is no classifier {classifier!r}{nearest(classifier, known)}; "
                f"there are {', '.join(map(repr, known)) or 'none'}"
            )
        text = self.classifiers[classifier].strip()
        if text in self.globals:
            return [text]
        return [a or b for a, b in re.findall(r"'([^']*)'|(\S+)", text)]

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if self.path or tag not in _FRAME:
            self._attribute(attributes)
        elif tag == "event" and self.event is None:
            self.event = {}
        elif tag == "trace" and self.trace is None and self.event is None:
            self.trace, self.events = {}, []
        elif tag == "log":
            self.is_log = True
        elif tag == "global":
            self.scope = attributes.get("scope", "event")
        elif tag == "classifier":
            self.classifiers[attributes.get("name", "")] = attributes.get("keys", "")
        elif tag != "extension":
            raise SourceError(f"{self.given} is no XES: a <{tag}> lies inside another")

    def _attribute(self, attributes: Mapping[str, str]) -> None:
        key, value = attributes.get("key"), attributes.get("value")
        self.path.append(key or "")
        if len(self.path) > _DEEPEST:
            raise SourceError(f"{self.given}: attributes are nested more than {_DEEPEST} deep")
        if self.scope:
            self.globals.setdefault(key or "")
            return
        owner = self.event if self.event is not None else self.trace
        if owner is None or key is None or value is None:
            return
        name = key if len(self.path) == 1 else "/".join(part for part in self.path if part)
        if name in owner:  # of a list: nothing that stands twice is lost
            counted = (id(owner), name)
            self.seen[counted] = self.seen.get(counted, 1) + 1
            name = f"{name}/{self.seen[counted]}"
        owner[name] = value

    def end(self, tag: str) -> None:
        if self.path:
            self.path.pop()
            return
        tag = tag.rpartition(":")[2]
        if tag == "event" and self.event is not None:
            if self.trace is None:  # XES allows for events of no trace
                self.finished.append(({}, [self.event]))
            else:
                self.events.append(self.event)
            self.event = None
        elif tag == "trace" and self.trace is not None:
            self.finished.append((self.trace, self.events))
            self.trace = None
            self.seen.clear()
        elif tag == "global":
            self.scope = ""

    def refuse(self, *_: object) -> None:
        raise SourceError(
            f"{self.given} declares a document type, which XES has none of: it could make a small file fill "
            "the memory. Remove the lines from <!DOCTYPE to ]>, if you trust where the file comes from"
        )


def _traces(given: Input, document: _Document) -> Iterator[tuple[Attributes, list[Attributes]]]:
    parser = expat.ParserCreate()
    parser.StartElementHandler = document.start
    parser.EndElementHandler = document.end
    parser.StartDoctypeDeclHandler = document.refuse
    with given.open() as stream:
        for _ in _parsed(given, parser, stream):
            yield from document.finished
            document.finished.clear()
    if not document.is_log:
        raise SourceError(f"{given} is XML, but no XES: it has no element <log>")


def _parsed(given: Input, parser: expat.XMLParserType, stream: IO[bytes]) -> Iterator[None]:
    parse: Callable[[bytes, bool], object] = parser.Parse
    last = False
    while not last:
        block = stream.read(_BLOCK)
        last = not block
        try:
            parse(block, last)
        except expat.ExpatError as problem:
            expect_content(given)
            raise SourceError(
                f"{given} can't be read as XML: {expat.errors.messages[problem.code]} in line "
                f"{problem.lineno:,}. If the file was cut, fetch it again"
            ) from problem
        except (ValueError, LookupError) as problem:  # an encoding that expat doesn't know
            raise SourceError(f"{given} can't be read as XML: {problem}") from problem
        yield
