"""Any table of events: CSV, TSV, Parquet, JSON lines, or a frame; its columns are named by the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from cjmining import schema
from cjmining.errors import SourceError, nearest
from cjmining.ingest.casts import EPOCHS, ISO, Clock, check_formats
from cjmining.ingest.comments import KEPT_COLUMN, usual_comment_column
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import (
    Column,
    Event,
    Feed,
    Input,
    Kind,
    LeftOut,
    Sought,
    Source,
    check_currency,
)
from cjmining.ingest.sources.columns import Choice, index_names, inputs_of, json_text

MEASURES = ("value", "wait_s", "duration_s", "satisfaction")


class Table(Source):
    """A table with one event in each row, in a file or a frame.

    Parameters
    ----------
    data : path, list of paths, or frame
        CSV, TSV, Parquet or JSON lines (gzip as well), a folder of such files, or any object that speaks
        Arrow (`__arrow_c_stream__`: pandas, polars, pyarrow, DuckDB, Spark).
    name : str
        What the log calls the source.
    customer : str or {column: kind}
        The column that says whose event it is; or several, each with the kind of identifier it holds (email,
        phone, crm_id, user_id, cookie, loyalty, ...), by which events of other systems are joined.
    timestamp : str
        Column of the time, or of the start.
    touchpoint : str
        Column of what happened; or, if there is no such column, the touchpoint of every row.
    end : str, optional
        Column of the end; gives `duration_s`.
    native : str, optional
        Column of the system's own name for it; default: the touchpoint.
    channel, actor : str, optional
        A column or a fixed text. `customer` (default), `company` and `system` are actors themselves, whatever
        columns there are; write ``{"column": "customer"}`` for a column of that name.
    journey : str, optional
        Column of the journey or case that the system itself names; such journeys are never split.
    failed : str or {column: [values]}, optional
        Column of true and false, or the values of a column that mean failure.
    measures : dict, optional
        `value`, `wait_s`, `duration_s`: columns of numbers. `satisfaction`: (column, lowest, highest).
        A value that is no number, or is outside its scale, is left out and counted; its event is kept.
    currency : str, optional
        A column or a fixed ISO 4217 code.
    dimensions : sequence of str or {name: column}, optional
        Columns to analyse by. `device`, `campaign` and `session` become the log's own columns.
    properties : sequence of str, optional
        Columns kept as JSON text for labels. Name no personal ones.
    comment : str or bool, optional
        Column of what customers wrote. It is kept as `comment` in an event's properties, with "[..]" in place
        of e-mail addresses, phone numbers and other long numbers, accounts, dates with their year, streets
        with a number, links, and the words of the customer's own name and addresses, where customers tables
        or identifiers tell them; the ledger counts how many. Names of others and addresses in words stay:
        read comments before you show them to many. By default a table with `satisfaction` is taken for a
        survey, and its column called comment, verbatim, feedback, remarks, Kommentar or the like for this
        one, unless another option names it. False keeps none.
    event_id : str, optional
        Column that is the same when a record is delivered again; without it every row counts.
    version : str, optional
        Column whose greatest value is the newest delivery; default: the later file, then the first row.
    timezone : str, optional
        Zone of times without one, such as "Europe/Berlin"; default UTC.
    region : str, optional
        Country of phone numbers without country code, such as "DE".
    date_format : str or sequence of str, optional
        strptime form of times that aren't ISO 8601, such as "%d.%m.%Y %H:%M"; or several, of which the first
        that fits counts ("iso" among them is ISO 8601, tried before the others). For numbers counted from
        1970 in UTC: "epoch s", "epoch ms" or "epoch us".
    decimal : str, optional
        "." or ",".
    delimiter, quote, encoding : str, optional
        Of a text file; found on a sample of it by default.

    Examples
    --------
    >>> import cjmining as cj
    >>> import pandas as pd
    >>> till = pd.DataFrame({"card": ["a", "b"], "sold_at": ["2026-03-01", "2026-03-02"], "amount": [9, 20]})
    >>> source = cj.sources.Table(till, name="store", customer={"card": "loyalty"}, timestamp="sold_at",
    ...                           touchpoint="store_visited", channel="store", measures={"value": "amount"})
    >>> cj.ingest(source).n_events
    2
    """

    kind: ClassVar[str] = "Table"
    about: ClassVar[About] = About(
        system="Any table of events: a till, a spreadsheet, a data frame",
        layouts=(Layout("table", "CSV, TSV, Parquet, JSON lines (also .gz, .zip), or any Arrow frame"),),
        touchpoints=(Default("a column of yours", "<the column's text>"),),
        identifiers=("those of the columns named by customer=",),
        measures=("value, wait_s, duration_s, satisfaction: columns of yours",),
        dimensions=("columns of yours",),
        failed="a column of yours",
        needs="columns named by you: customer, timestamp, touchpoint",
        natural_key="event_id= if given; else every row counts",
        times="as you say; those without a zone are read in timezone=",
        checked="pandas, polars, Arrow, DuckDB and files of the same rows give the same log",
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        data: Any,  # noqa: ANN401 -- paths and any frame
        *,
        name: str,
        customer: str | Mapping[str, str],
        timestamp: str,
        touchpoint: str | Mapping[str, str],
        end: str | None = None,
        native: str | None = None,
        channel: str | Mapping[str, str] | None = None,
        actor: str | Mapping[str, str] = "customer",
        journey: str | None = None,
        failed: str | Mapping[str, Sequence[str]] | None = None,
        measures: Mapping[str, Any] | None = None,
        currency: str | Mapping[str, str] | None = None,
        dimensions: Sequence[str] | Mapping[str, str] = (),
        properties: Sequence[str] = (),
        comment: str | bool | None = None,
        event_id: str | None = None,
        version: str | None = None,
        timezone: str | None = None,
        region: str | None = None,
        date_format: str | Sequence[str] | None = None,
        decimal: str = ".",
        delimiter: str | None = None,
        quote: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone, region=region)
        self._data = data
        self._customer = kinds_of(customer, name)
        self._timestamp, self._end = timestamp, end
        self._touchpoint, self._native, self._channel, self._actor = touchpoint, native, channel, actor
        self._journey, self._failed, self._currency = journey, failed, currency
        self._measures = self._checked_measures(measures)
        self._dimensions = named_columns(dimensions, name, "dimensions")
        self._properties = list(named_columns(properties, name, "properties"))
        self._comment = comment
        self._event_id, self._version = event_id, version
        self._formats = () if date_format is None else check_formats(date_format, f"source {name!r}: ")
        self._decimal = decimal
        self._dialect = Dialect(encoding, delimiter, quote)
        self._check()

    def _checked_measures(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        if given is not None and not isinstance(given, Mapping):
            raise SourceError(
                f"source {self.name!r}: measures is {{measure: column}}, such as {{'value': 'amount'}}, "
                f"not {given!r}"
            )
        return dict(given or {})

    def _check(self) -> None:
        for measure in self._measures:
            if measure not in MEASURES:
                raise SourceError(
                    f"source {self.name!r}: there is no measure {measure!r}{nearest(measure, MEASURES)}; "
                    f"measures are {', '.join(MEASURES)}"
                )
        if self._decimal not in (".", ","):
            raise SourceError(f"source {self.name!r}: decimal is '.' or ',', not {self._decimal!r}")
        if not self._customer:
            raise SourceError(f"source {self.name!r}: customer names no column")

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the table."""
        inputs, names = self._inputs()
        choice = Choice(self.name, names, inputs[0].name, index=index_names(self._data))
        typed: dict[str, Kind] = {}
        time = choice.name(self._timestamp, "timestamp")
        typed[time] = "time"
        event, checks, left_out = self._event(choice, typed, time)
        identifiers = [
            (self.phone() if kind == "phone" else kind, choice.column(column, "customer"))
            for column, kind in self._customer.items()
        ]
        dimensions = {name: choice.column(column, "dimensions") for name, column in self._dimensions.items()}
        own = {name: sql for name, sql in dimensions.items() if name in ("device", "campaign", "session")}
        others = {name: sql for name, sql in dimensions.items() if name not in own}
        event |= own
        key = (choice.column(self._event_id, "event_id"),) if self._event_id else ()
        version = choice.column(self._version, "version") if self._version else "NULL"
        filled, comment = self._filled(choice, time), self._comment_column(choice)
        said = {} if comment is None else {KEPT_COLUMN: choice.column(comment, "comment")}
        told = [name for name in self._properties if comment is None or not choice.same(name, comment)]
        if told:
            event["properties"] = json_text({name: choice.column(name, "properties") for name in told})
        found = comment if self._comment is None else None  # files of a survey may lack what nobody named
        columns = [
            Column(name, typed.get(name, "text"), needed=name != found, filled=name in filled)
            for name in choice.used
        ]
        keep = {f"e:{name}": sql for name, sql in event.items()} | {
            f"d:{name}": sql for name, sql in others.items()
        }
        keep |= said
        sought = self._sought(choice, keep)
        made = Event(
            {name: identifier(f"e:{name}") for name in event},
            others={n: identifier(f"d:{n}") for n in others},
        )
        return [
            Feed(
                "events", inputs, columns, keep, identifiers, key=key, version=version,
                checks=checks, left_out=left_out, sought=sought, events=[made],
                clock=self._clock(),
                dialect=self._dialect, decimal=self._decimal,
                comment=bool(said),
                comment_also=tuple(name for name in self._properties if name not in told),
            )
        ]  # fmt: skip

    def _inputs(self) -> tuple[list[Input], list[str]]:
        """Return what to read, and the names of its columns."""
        return inputs_of(self._data, self.name, self._dialect)

    def _comment_column(self, choice: Choice) -> str | None:
        """Return the column of comments: the one named, or in a survey one that no other option names."""
        if not isinstance(self._comment, str | bool | None):
            raise SourceError(
                f"source {self.name!r}: comment is the name of a column, or False for none, "
                f"not {self._comment!r}"
            )
        if isinstance(self._comment, str):
            return self._comment
        if self._comment is False or (self._comment is None and "satisfaction" not in self._measures):
            return None
        found = usual_comment_column([name for name in choice.names if name not in choice.used])
        if found is None and self._comment:
            raise SourceError(
                f"source {self.name!r}: no column is called comment, feedback or the like; name it: "
                "comment='answer'"
            )
        return found

    @property
    def epoch(self) -> str | None:
        """The unit of times that are counted from 1970, where they are."""
        return self._formats[0] if self._formats and self._formats[0] in EPOCHS else None

    def _clock(self) -> Clock:
        if self.epoch:
            return self.clock(epoch=self.epoch)
        forms = [form for form in self._formats if form != ISO]
        return self.clock(*forms, only_formats=bool(forms) and ISO not in self._formats)

    def _filled(self, choice: Choice, time: str) -> set[str]:
        """Columns without which a row is no event."""
        needed = {time}
        for given in (self._touchpoint, self._event_id):
            name = given.get("column") if isinstance(given, Mapping) else given
            if name and choice.has(name):
                needed.add(choice.name(name, "touchpoint"))
        return needed

    def _event(
        self, choice: Choice, typed: dict[str, Kind], time: str
    ) -> tuple[dict[str, str], list[tuple[str, str]], list[LeftOut]]:
        checks: list[tuple[str, str]] = []
        left_out: list[LeftOut] = []
        touchpoint = choice.column_or_text(self._touchpoint, "touchpoint")
        event = {
            "timestamp": identifier(time),
            "precision": f"CASE WHEN {identifier(time + ':date')} THEN 86400 ELSE 0 END",
            "touchpoint": touchpoint,
            "native": choice.column(self._native, "native") if self._native else touchpoint,
            "channel": choice.column_or_text(self._channel, "channel"),
            "actor": self._actor_of(choice, checks),
        }
        if self._journey:
            event["native_journey"] = choice.column(self._journey, "journey")
        if self._failed is not None:
            event["failed"] = self._failure(choice, typed)
        if self._end:
            event["duration_s"] = self._duration(choice, typed, time, checks)
        for measure, given in self._measures.items():
            event[measure] = self._measure(measure, given, choice, typed, left_out)
        if self._currency is not None:
            if isinstance(self._currency, str) and not choice.has(self._currency):
                check_currency(self._currency, self.name)
            event["currency"] = choice.column_or_text(self._currency, "currency")
        return event, checks, left_out

    def _actor_of(self, choice: Choice, checks: list[tuple[str, str]]) -> str:
        if isinstance(self._actor, str) and self._actor in schema.ACTORS:
            return literal(self._actor)  # even where a column, often "customer", has that name
        if isinstance(self._actor, str) and not choice.has(self._actor):
            raise SourceError(
                f"source {self.name!r}: actor is customer, company, system or a column, not {self._actor!r}"
                f"{nearest(self._actor, (*schema.ACTORS, *choice.names))}"
            )
        actor = choice.column_or_text(self._actor, "actor")
        if not actor.startswith("'"):
            actor = f"lower({actor})"
            known = ", ".join(map(literal, schema.ACTORS))
            checks.append(
                (f"coalesce({actor}, '') NOT IN ({known})", "actor is not customer, company or system")
            )
        return actor

    def _failure(self, choice: Choice, typed: dict[str, Kind]) -> str:
        if isinstance(self._failed, Mapping):
            if len(self._failed) != 1:
                raise SourceError(
                    f"source {self.name!r}: failed is a column or {{column: [values]}}, not {self._failed!r}"
                )
            ((name, values),) = self._failed.items()
            column = choice.column(name, "failed")
            listed = [values] if isinstance(values, str) else values
            if not isinstance(listed, Sequence) or not listed:
                raise SourceError(
                    f"source {self.name!r}: failed is a column or {{column: [values]}}, not {self._failed!r}"
                )
            return f"{column} IN ({', '.join(literal(str(value)) for value in listed)})"
        name = choice.name(str(self._failed), "failed")
        typed[name] = "flag"
        return identifier(name)

    def _sought(self, choice: Choice, keep: dict[str, str]) -> list[Sought]:
        """The values that mean failure: one that never occurs is a slip of the pen, or good news."""
        if not isinstance(self._failed, Mapping):
            return []
        ((name, values),) = self._failed.items()
        keep["f:told"] = choice.column(name, "failed")
        listed = [values] if isinstance(values, str) else values
        return [
            Sought(
                f'"f:told" = {literal(word)}', f"failed: no record has {word!r} in {name!r}", word, '"f:told"'
            )
            for word in map(str, listed)
        ]

    def _duration(
        self, choice: Choice, typed: dict[str, Kind], time: str, checks: list[tuple[str, str]]
    ) -> str:
        end = choice.name(str(self._end), "end")
        typed[end] = "time"
        checks.append((f"{identifier(end)} < {identifier(time)}", f"{end} lies before {time}"))
        return f"(epoch_us({identifier(end)}) - epoch_us({identifier(time)})) / 1e6"

    def _measure(
        self,
        measure: str,
        given: Any,  # noqa: ANN401 -- an option as the user wrote it
        choice: Choice,
        typed: dict[str, Kind],
        left_out: list[LeftOut],
    ) -> str:
        if measure != "satisfaction":
            name = choice.name(given, f"measures[{measure!r}]")
            typed[name] = "number"
            left_out.append(_no_number(name, measure))
            return identifier(name)
        if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 3:
            raise SourceError(
                f"source {self.name!r}: satisfaction is (column, lowest, highest), such as ('score', 1, "
                f"5), not {given!r}"
            )
        name = choice.name(given[0], "measures['satisfaction']")
        try:
            low, high = float(given[1]), float(given[2])
        except (TypeError, ValueError) as problem:
            raise SourceError(
                f"source {self.name!r}: satisfaction is (column, lowest, highest), such as ('score', 1, "
                f"5), not {given!r}"
            ) from problem
        if high <= low:
            raise SourceError(
                f"source {self.name!r}: satisfaction goes from a lower to a higher value, not {given!r}"
            )
        typed[name] = "number"
        column, within = identifier(name), f"{identifier(name)} BETWEEN {low} AND {high}"
        reason = f"{name} is outside {low:g} to {high:g}"
        left_out.append(_no_number(name, measure))
        left_out.append(LeftOut(name, f"NOT ({within})", identifier(f"{name}:text"), reason, f"e:{measure}"))
        return f"CASE WHEN {within} THEN ({column} - {low}) / {high - low} END"


def _no_number(name: str, measure: str) -> LeftOut:
    text = identifier(f"{name}:text")
    condition = f"{text} IS NOT NULL AND {identifier(name)} IS NULL"
    return LeftOut(name, condition, text, f"{name} is no number", f"e:{measure}")


def kinds_of(given: str | Mapping[str, str], source: str) -> dict[str, str]:
    """Return {column: kind of identifier}."""
    if isinstance(given, str):
        return {given: "customer"}
    if not isinstance(given, Mapping) or not all(isinstance(word, str) for word in (*given, *given.values())):
        raise SourceError(
            f"source {source!r}: customer is the name of a column, or {{column: kind}} such as "
            f"{{'mail': 'email'}}, not {given!r}"
        )
    return dict(given)


def named_columns(given: Sequence[str] | Mapping[str, str], source: str, option: str) -> dict[str, str]:
    """Return {name in the log: column}."""
    if isinstance(given, str):
        return {given: given}
    if isinstance(given, Mapping):
        named = dict(given)
    elif isinstance(given, Sequence):
        named = {name: name for name in given}
    else:
        named = {"": given}
    for word in (*named, *named.values()):
        if not isinstance(word, str) or not word:
            raise SourceError(
                f"source {source!r}: {option} is a list of columns, or {{name: column}}, not {given!r}"
            )
    return named
