"""XES (IEEE 1849): the exchange format of process mining, read as it streams by.

Follows IEEE 1849-2016 and the extensions of xes-standard.org (Concept, Time, Lifecycle).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from cjmining.errors import SourceError, nearest
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Source, as_paths, files_in
from cjmining.ingest.sources.columns import Choice
from cjmining.ingest.sources.table import kinds_of, named_columns
from cjmining.ingest.xes_events import (
    ACTIVITY,
    CASE,
    END,
    FATE,
    FATES,
    PROPERTIES,
    TIME,
    TRANSITION,
    Reading,
    attribute_names,
    xes_stream,
)

LIFECYCLES = ("join", "complete", "all")
_PEEK = 5_000
_GIVEN_UP = "('withdraw', 'ate_abort', 'pi_abort')"


class XES(Source):
    """An event log in XES: each trace is a journey of its own, and a customer unless an attribute says who.

    Events with equal times keep the order of the file. Nested attributes are named by their way
    ("order/lines/sku"). An event without a name, or a trace without one, is quarantined.

    Parameters
    ----------
    path : path or list of paths
        .xes files (also .xes.gz, or in a zip archive), or a folder of them.
    name : str
        What the log calls the source.
    customer : str or {attribute: kind}, optional
        Attribute of the events, or of the traces as `case:<attribute>`, that says whose journey it is.
    dimensions : sequence of str or {name: attribute}, optional
        Attributes to analyse by.
    channel : str, optional
        An attribute or a fixed text.
    classifier : str, optional
        Name of one of the log's classifiers: its attributes, joined with "+", are the touchpoint in place of
        concept:name.
    lifecycle : {"join", "complete", "all"}
        What becomes of the steps of one activity (lifecycle:transition). "join": a start and the complete
        that ends it are one event with its duration, an activity given up has failed, and steps between
        (schedule, assign, suspend, resume) are set aside. "complete": starts are set aside too. "all": each
        step is an event.
    event_id : str, optional
        Attribute that is the same when an event is delivered again, such as "identity:id"; without it every
        event counts.
    timezone : str, optional
        Zone of times without one, which XES doesn't foresee but some tools write; default UTC.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.XES("tickets.xes.gz", name="tickets", dimensions=["product"])
    XES(name='tickets')
    """

    kind: ClassVar[str] = "XES"
    about: ClassVar[About] = About(
        system="XES, the exchange format of process mining (IEEE 1849)",
        layouts=(
            Layout("event log", ".xes (also .gz, .zip)", pattern=r"<(\w+:)?(trace|extension)\b|xes\.version"),
        ),
        touchpoints=(
            Default(
                "concept:name of the event, or a classifier's attributes",
                "<the activity>",
                channel="none, unless channel= says",
                failed="the activity was given up (withdraw, ate_abort, pi_abort)",
            ),
        ),
        identifiers=("case",),
        measures=("duration_s: from the start to the complete of an activity",),
        dimensions=("any attribute that dimensions= names",),
        failed="an activity whose lifecycle ends in withdraw, ate_abort or pi_abort",
        needs=f"{ACTIVITY}, {TIME}; {ACTIVITY} of the trace",
        natural_key="event_id= if given (identity:id); else every event counts",
        times="with their zone, to the millisecond or finer; those without one are read in timezone=",
        documentation=("https://doi.org/10.1109/IEEESTD.2016.7740858", "https://www.xes-standard.org/"),
        checked=(
            "a help desk's 21,348 events and pm4py's samples, against a plain count of their elements and "
            "r4pm; files that cjmining itself writes come back the same"
        ),
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "xes",
        customer: str | Mapping[str, str] | None = None,
        dimensions: Sequence[str] | Mapping[str, str] = (),
        channel: str | Mapping[str, str] | None = None,
        classifier: str | None = None,
        lifecycle: str = "join",
        event_id: str | None = None,
        timezone: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone)
        if lifecycle not in LIFECYCLES:
            raise SourceError(
                f"source {name!r}: lifecycle is one of {', '.join(map(repr, LIFECYCLES))}, not {lifecycle!r}"
                f"{nearest(str(lifecycle), LIFECYCLES)}"
            )
        self._path = path
        self._customer = kinds_of(customer, name) if customer is not None else {}
        self._dimensions = named_columns(dimensions, name, "dimensions")
        self._channel, self._event_id = channel, event_id
        self._classifier, self._lifecycle = classifier or "", lifecycle

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the log."""
        what = f"source {self.name!r}"
        files = files_in(as_paths(self._path, what), (".xes", ".xml"), what)
        choice = Choice(self.name, self._names(files))
        identifiers = [(kind, choice.column(name, "customer")) for name, kind in self._customer.items()]
        if not identifiers:
            identifiers = [("case", f"{literal(self.name + '/')} || {identifier(CASE)}")]
        others = {name: choice.column(column, "dimensions") for name, column in self._dimensions.items()}
        channel = choice.column_or_text(self._channel, "channel")
        key = (choice.column(self._event_id, "event_id"),) if self._event_id else ()
        filled = {choice.name(self._event_id, "event_id")} if self._event_id else set[str]()
        reading = Reading(tuple(choice.used), self._classifier, self._lifecycle)
        inputs = [Input(given.name, frame=xes_stream(given, reading)) for given in files]
        return [
            Feed(
                "events", inputs, self._columns(choice, filled), self._keep(channel, others), identifiers,
                key=key,
                asides=[(f"{identifier(FATE)} = {literal(fate)}", why) for fate, why in FATES.items()],
                events=[self._event()], clock=self.clock(),
            )
        ]  # fmt: skip

    def _names(self, files: Sequence[Input]) -> list[str]:
        """Attributes as the first events have them; all of them, where one was asked for that these lack."""
        names = attribute_names(files, _PEEK)
        asked = [*self._customer, *self._dimensions.values(), self._event_id, self._channel]
        if any(isinstance(name, str) and name not in names for name in asked):
            names = attribute_names(files)
        return names

    @staticmethod
    def _columns(choice: Choice, filled: set[str]) -> list[Column]:
        further = [name for name in choice.used if name not in (CASE, ACTIVITY, TIME)]
        return [
            Column(CASE, filled=True),
            Column(ACTIVITY, filled=True),
            Column(TIME, "time", filled=True),
            Column(END, "time"),
            *(Column(name) for name in (TRANSITION, FATE, PROPERTIES) if name not in further),
            *(Column(name, needed=True, filled=name in filled) for name in further),
        ]

    @staticmethod
    def _keep(channel: str, others: Mapping[str, str]) -> dict[str, str]:
        time, end = identifier(TIME), identifier(END)
        return {
            "moment": time,
            "precision": f"CASE WHEN {identifier(TIME + ':date')} THEN 86400 ELSE 0 END",
            "duration_s": f"(epoch_us({end}) - epoch_us({time})) / 1e6",
            "failed": f"CASE WHEN lower({identifier(TRANSITION)}) IN {_GIVEN_UP} THEN TRUE END",
            "activity": identifier(ACTIVITY),
            "trace": identifier(CASE),
            "channel": channel,
            "properties": identifier(PROPERTIES),
            **{f"d:{name}": sql for name, sql in others.items()},
        }

    def _event(self) -> Event:
        return Event(
            {
                "timestamp": "moment", "native": "activity", "touchpoint": "activity",
                "native_journey": "trace",
                **{name: name for name in ("channel", "precision", "duration_s", "failed", "properties")},
            },
            others={name: identifier(f"d:{name}") for name in self._dimensions},
        )  # fmt: skip
