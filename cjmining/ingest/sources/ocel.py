"""OCEL 2.0: object-centric event logs, of which one type of object is the journey.

Follows the OCEL 2.0 specification (2023) and its formats JSON, SQLite and XML; OCEL 1.0's JSON is read too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from cjmining.errors import SourceError
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.ocel_events import (
    CASE,
    CUSTOMER,
    ID,
    PROPERTIES,
    TIME,
    TYPE,
    Flat,
    column_of,
    flat_input,
)
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Source, as_paths, files_in
from cjmining.ingest.sources.table import kinds_of, named_columns

_ENDINGS = (".jsonocel", ".json", ".sqlite", ".sqlite3", ".db", ".xmlocel", ".xml")


class OCEL(Source):
    """An object-centric event log: each object of one type is a journey of its own.

    An event related to several such objects belongs to each of their journeys and is told for each; a note
    says how many these are. Events related to none are set aside.

    Parameters
    ----------
    path : path or list of paths
        .jsonocel or .json, .sqlite, .xml or .xmlocel files (also .gz, or in a zip archive).
    case : str
        Type of the objects that are the journeys, such as "orders".
    name : str
        What the log calls the source.
    customer : str or {type: kind}, optional
        Type of the objects that are the customers of journeys: the one to which a journey's object is
        related, in either direction, else the one to which its events are. Default: each journey's object is
        a customer of its own; so is one that is related to several.
    dimensions : sequence of str or {name: attribute}, optional
        Attributes to analyse by: of the event, else of the journey's object as it was at that time.
    channel : str, optional
        A fixed text.
    timezone : str, optional
        Zone of times without one, such as those in SQLite; default UTC.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.OCEL("purchasing.jsonocel", case="Purchase Order", name="purchasing")
    OCEL(name='purchasing')
    """

    kind: ClassVar[str] = "OCEL"
    about: ClassVar[About] = About(
        system="OCEL 2.0, object-centric event logs",
        layouts=(
            Layout("JSON", ".jsonocel or .json", ("objectTypes", "eventTypes", "objects", "events")),
            Layout("JSON of OCEL 1.0", ".jsonocel", ("ocel:events", "ocel:objects")),
            Layout("SQLite", ".sqlite", ("event", "object", "event_object", "event_map_type")),
            Layout("XML", ".xmlocel or .xml", pattern=r"<(event-types|object-types)\b"),
        ),
        touchpoints=(
            Default("the event's type", "<the event's type>", channel="none, unless channel= says"),
        ),
        identifiers=("case", "customer, or as customer= says"),
        dimensions=("any attribute that dimensions= names",),
        needs="events with id, type and time; objects with id and type",
        natural_key="the event's id, for each object of the journeys' type",
        times="with their zone in JSON and XML; without one in SQLite, read in timezone=",
        documentation=("https://www.ocel-standard.org/specification/",),
        checked="pm4py's samples, against pm4py and against plain counts with json and sqlite3",
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        case: str,
        name: str = "ocel",
        customer: str | Mapping[str, str] | None = None,
        dimensions: Sequence[str] | Mapping[str, str] = (),
        channel: str | None = None,
        timezone: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone)
        customers = kinds_of(customer, name) if customer is not None else {}
        if not isinstance(case, str) or not case or len(customers) > 1:
            what = f"case is a type of objects, such as 'orders', not {case!r}"
            if len(customers) > 1:
                what = f"customer is one type of objects, not {customer!r}"
            raise SourceError(f"source {name!r}: {what}")
        self._path, self._case, self._channel = path, case, channel
        self._customer, self._kind = next(iter(customers.items()), ("", ""))
        self._dimensions = named_columns(dimensions, name, "dimensions")

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the log."""
        what = f"source {self.name!r}"
        files = files_in(as_paths(self._path, what), _ENDINGS, what)
        attributes = tuple(dict.fromkeys(self._dimensions.values()))
        flat = Flat(self._case, self._customer, attributes)
        owner, case = identifier(CUSTOMER), f"{literal(self.name + '/')} || {identifier(CASE)}"
        identifiers = [("case", f"CASE WHEN {owner} IS NULL THEN {case} END")]
        if self._customer:
            identifiers.append((self.phone() if self._kind == "phone" else self._kind, owner))
        columns = [
            Column(CASE), Column(CUSTOMER), Column(ID, filled=True), Column(TYPE, filled=True),
            Column(TIME, "time", filled=True), Column(PROPERTIES),
            *(Column(column_of(name)) for name in attributes),
        ]  # fmt: skip
        time = identifier(TIME)
        keep = {
            "moment": time, "type": identifier(TYPE), "case": identifier(CASE),
            "precision": f"CASE WHEN {identifier(TIME + ':date')} THEN 86400 ELSE 0 END",
            "properties": identifier(PROPERTIES),
            **{f"d:{name}": identifier(column_of(given)) for name, given in self._dimensions.items()},
        }  # fmt: skip
        event = Event(
            {
                "timestamp": "moment", "native": "type", "touchpoint": "type", "native_journey": '"case"',
                "channel": literal(self._channel) if self._channel else "NULL",
                "precision": "precision", "properties": "properties",
            },
            others={name: identifier(f"d:{name}") for name in self._dimensions},
        )  # fmt: skip
        return [
            Feed(
                "events", [flat_input(given, flat, what) for given in files], columns, keep, identifiers,
                key=(identifier(ID), identifier(CASE)),
                asides=[(f"{identifier(CASE)} IS NULL", f"related to no object of type {self._case!r}")],
                events=[event], clock=self.clock(),
            )
        ]  # fmt: skip
