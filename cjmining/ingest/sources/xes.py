"""XES (IEEE 1849): the exchange format of process mining; read by r4pm, an extra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from cjmining.errors import SourceError
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Source, as_paths
from cjmining.ingest.sources.columns import Choice, json_text
from cjmining.ingest.sources.table import kinds_of, named_columns

_CASE, _ACTIVITY, _TIME = "case:concept:name", "concept:name", "time:timestamp"


class XES(Source):
    """An event log in XES: each trace is a journey of its own, and a customer unless an attribute says who.

    Events with equal times keep the order of the file.

    Parameters
    ----------
    path : path
        An .xes or .xes.gz file.
    name : str
        What the log calls the source.
    customer : str or {attribute: kind}, optional
        Attribute of the events, or of the traces as `case:<attribute>`, that says whose journey it is.
    dimensions : sequence of str or {name: attribute}, optional
        Attributes to analyse by.
    channel : str, optional
        An attribute or a fixed text.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.XES("tickets.xes.gz", name="tickets", dimensions=["product"])
    XES(name='tickets')
    """

    kind: ClassVar[str] = "XES"
    reads: ClassVar[str] = "an .xes or .xes.gz file (extra: pip install 'cjmining[xes]')"
    needs: ClassVar[str] = f"{_ACTIVITY}, {_TIME}; {_ACTIVITY} of the trace"
    natural_key: ClassVar[str] = "none: every event counts"
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path,
        *,
        name: str = "xes",
        customer: str | Mapping[str, str] | None = None,
        dimensions: Sequence[str] | Mapping[str, str] = (),
        channel: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.timezone_given = True  # r4pm returns UTC
        self._path = path
        self._customer = kinds_of(customer, name) if customer is not None else {}
        self._dimensions = named_columns(dimensions, name, "dimensions")
        self._channel = channel

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the log."""
        (path,) = as_paths(self._path, f"source {self.name!r}")
        frame = self._read(path)
        choice = Choice(self.name, sorted(frame.columns))
        for name in (_CASE, _ACTIVITY, _TIME):
            choice.column(name, "the standard attribute")
        identifiers = [(kind, choice.column(name, "customer")) for name, kind in self._customer.items()]
        if not identifiers:
            identifiers = [("case", f"{literal(self.name + '/')} || {identifier(_CASE)}")]
        others = {
            f"d:{name}": choice.column(column, "dimensions") for name, column in self._dimensions.items()
        }
        channel = choice.column_or_text(self._channel, "channel")
        further = [name for name in choice.names if name not in choice.used]
        keep = {
            "moment": identifier(_TIME), "activity": identifier(_ACTIVITY), "trace": identifier(_CASE),
            "channel": channel,
            "properties": json_text({name: choice.column(name, "properties") for name in further}), **others,
        }  # fmt: skip
        columns = [
            Column(
                name,
                "time" if name == _TIME else "text",
                needed=True,
                filled=name in (_CASE, _ACTIVITY, _TIME),
            )
            for name in choice.used
        ]
        event = Event(
            {
                "timestamp": "moment", "native": "activity", "touchpoint": "activity",
                "native_journey": "trace",
                "channel": "channel", "properties": "properties",
            },
            others={name: identifier(f"d:{name}") for name in self._dimensions},
        )  # fmt: skip
        return [
            Feed(
                "events",
                [Input(path.name, frame=frame)],
                columns,
                keep,
                identifiers,
                events=[event],
                clock=self.clock(),
            )
        ]

    def _read(self, path: Path) -> Any:  # noqa: ANN401 -- a polars frame
        try:
            from r4pm.df import import_xes
        except ImportError as problem:
            raise SourceError(
                f"source {self.name!r}: reading XES needs the package r4pm; install it with pip install "
                "'cjmining[xes]'"
            ) from problem
        try:
            frame, _ = import_xes(str(path))
        except Exception as problem:
            raise SourceError(f"source {self.name!r}: {path} can't be read as XES: {problem}") from problem
        if not frame.width:
            raise SourceError(f"source {self.name!r}: {path} holds no events")
        return frame
