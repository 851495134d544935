"""JourneyLog: the columnar event log, the one central object.

Events lie sorted by customer, native journey and time; journeys are bounds over them, so that splitting,
labelling and grouping never copy an event. Analyses read integer codes and numbers as numpy arrays.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cjmining import (
    asked,
    choosing,
    grouping,
    log_files,
    log_view,
    schema,
    splitting,
    storage,
    tables,
)
from cjmining.blocks import Block as Block  # noqa: PLC0414 -- had from here by who takes a log
from cjmining.blocks import whole_customers
from cjmining.errors import LogError, nearest
from cjmining.event_columns import PIECE, of_whole_journeys
from cjmining.events import HeldEvents, as_flags, as_floats, as_whole_numbers
from cjmining.limited_events import stored_events
from cjmining.shipping import shipped

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.engine.local import Engine
    from cjmining.events import Convert, Events
    from cjmining.explaining import Explanation
    from cjmining.labels import Labels
    from cjmining.log_files import StoredTable
    from cjmining.patterns import Pattern
    from cjmining.splitting import Splits

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Value = TypeVar("Value")

BLOCK_EVENTS = 1_000_000
"""How many events a block holds at least, where the log has as many."""
BYTES_AN_EVENT = 4_000
"""Of a limit, for each event of a block: an analysis takes 500 in a thread, and there may be eight."""
LEAST_EVENTS = 10_000
"""Smaller blocks would cost more than they save."""


_NOT_SHIPPED = {
    "_kept_identities": schema.IDENTITIES,
    "_kept_links": schema.LINKS,
    "_ledger": schema.LEDGER,
    "_quarantine": schema.QUARANTINE,
}
"""Tables that executors don't need; an empty slice would bring the whole buffers along."""


class NamesPersonas(Protocol):
    """What `with_personas` needs of an intended map, or of whatever else names personas."""

    def personas_of(self, customers: pa.Table) -> pa.Array:
        """The persona of each row."""
        ...


@dataclass(frozen=True, repr=False, eq=False)
class JourneyLog:
    """Events of customers, in order, cut into journeys, with the account of where they came from.

    A log never changes: every method returns a new one that shares the events. Make one with `cj.ingest`,
    `cj.read_log`, `JourneyLog.from_events` or `cj.simulate`.

    Attributes
    ----------
    events, journeys, customers, identities, links, sources, ledger, quarantine : pandas.DataFrame
        The canonical tables; `cjmining.schema` has each column with type, unit and meaning.
    data_end : pandas.Timestamp
        Until when customers were observed (UTC): journeys undecided then are open.
    notes : tuple of str
        What a reader should know before trusting a number.
    bounds : numpy.ndarray of int64, shape (n_journeys + 1,)
        Journey j owns the events ``bounds[j]`` to ``bounds[j + 1] - 1``.
    """

    _stored: Events
    _customers: pa.Table
    _kept_identities: pa.Table | StoredTable
    _sources: pa.Table
    _ledger: pa.Table
    _quarantine: pa.Table
    bounds: Ints
    data_end_us: int
    notes: tuple[str, ...] = ()
    split_by: str | None = None
    _split_rules: str | None = None
    engine: Engine | None = None
    _attempt: Ints | StoredTable | None = None
    _tags: Mapping[str, pa.Array] = field(default_factory=dict)
    _kept_links: pa.Table | StoredTable = field(default_factory=schema.LINKS.empty_table)
    _cache: dict[object, Any] = field(default_factory=dict)

    @classmethod
    def from_events(
        cls,
        events: object,
        *,
        customers: object | None = None,
        identities: pa.Table | None = None,
        links: pa.Table | None = None,
        sources: pa.Table | None = None,
        ledger: pa.Table | None = None,
        quarantine: pa.Table | None = None,
        data_end: object | None = None,
        order: str = "sort",
        notes: Iterable[str] = (),
    ) -> JourneyLog:
        """Build a log from events that are in canonical columns already.

        Parameters
        ----------
        events : table or frame
            At least customer (whole numbers), timestamp (without a zone: UTC) and touchpoint; further
            columns of `cjmining.schema.EVENTS` as there are, any other column becomes a dimension.
        customers : table or frame, optional
            A row a customer: `customer` and attributes. By default the customers of the events.
        identities, links, sources, ledger, quarantine : pyarrow.Table, optional
            As ingestion makes them.
        data_end : timestamp or text, optional
            Until when customers were observed (UTC where it has no zone); by default the last event.
        order : {"sort", "sorted"}
            Whether to sort the events, or to trust that they are in the log's order.
        notes : iterable of str
            What a reader should know.

        Returns
        -------
        JourneyLog
            With one journey for each customer, or for each journey that the source itself names.

        Raises
        ------
        LogError
            If a needed column is absent or can't be read, a touchpoint is empty, or events lie after
            `data_end`.

        Examples
        --------
        >>> import pandas as pd
        >>> import cjmining as cj
        >>> log = cj.JourneyLog.from_events(pd.DataFrame({
        ...     "customer": [0, 0, 1],
        ...     "timestamp": pd.to_datetime(["2026-03-01", "2026-03-02", "2026-03-01"]),
        ...     "touchpoint": ["product_viewed", "order_placed", "product_viewed"],
        ... }))
        >>> log.n_events, log.n_journeys
        (3, 2)
        """
        if order not in {"sort", "sorted"}:
            raise LogError(f"order is 'sort' or 'sorted', not {order!r}")
        table = tables.one_chunk(tables.canonical_events(tables.to_table(events, what="events")))
        held = HeldEvents(table)
        words = held.vocabulary("touchpoint").to_pylist()
        tables.expect_touchpoints(
            tables.codes_of(held.column("touchpoint")), words, "row {} of the events".format
        )
        listed = sources if sources is not None else tables.sources_of(table)
        if order == "sort":
            table = tables.sort_events(table, listed.column("source").to_pylist())
        log = cls(
            _stored=HeldEvents(table),
            _customers=tables.customer_table(table, customers),
            _kept_identities=_or_empty(identities, schema.IDENTITIES),
            _kept_links=_or_empty(links, schema.LINKS),
            _sources=listed,
            _ledger=_or_empty(ledger, schema.LEDGER),
            _quarantine=_or_empty(quarantine, schema.QUARANTINE),
            bounds=np.zeros(1, dtype=np.int64),
            data_end_us=tables.data_end(table, data_end),
            notes=tuple(notes),
        )
        return replace(log, bounds=log._native_bounds())

    # tables -----------------------------------------------------------------------------------------------

    @property
    def _events(self) -> pa.Table:
        """All columns of the events, from disk where they haven't been needed before."""
        return self._stored.table()

    @property
    def _identities(self) -> pa.Table:
        kept = self._kept_identities
        return kept if isinstance(kept, pa.Table) else kept.table()

    @property
    def _links(self) -> pa.Table:
        kept = self._kept_links
        return kept if isinstance(kept, pa.Table) else kept.table()

    @property
    def events(self) -> pd.DataFrame:
        """Every event with its journey, in the log's order."""
        return self._frame("events", self._event_table)

    @property
    def journeys(self) -> pd.DataFrame:
        """A row a journey: customer, attempt, start, end, how long observed, number of events."""
        return self._frame("journeys", self._journey_table)

    @property
    def customers(self) -> pd.DataFrame:
        """A row a customer: attributes, and persona once `with_personas` was called."""
        return self._frame("customers", lambda: self._customers)

    @property
    def identities(self) -> pd.DataFrame:
        """The identifiers of each customer: personal data, which only this table and `links` hold."""
        return self._frame("identities", lambda: self._identities)

    @property
    def links(self) -> pd.DataFrame:
        """Which identifiers records show together, how often and where, and which of that is no link."""
        return self._frame("links", lambda: self._links)

    @property
    def sources(self) -> pd.DataFrame:
        """A row a source: what it covers, gaps in it, the time zone used."""
        return self._frame("sources", lambda: self._sources)

    @property
    def ledger(self) -> pd.DataFrame:
        """What became of every record read and of every event made."""
        return self._frame("ledger", lambda: self._ledger)

    @property
    def quarantine(self) -> pd.DataFrame:
        """Records that could not be read, each with file, number and reason."""
        return self._frame("quarantine", lambda: self._quarantine)

    def to_arrow(self) -> dict[str, pa.Table]:
        """Return all tables as Arrow tables, by name."""
        return {"events": self._event_table(), **self._tables_beside()}

    def _tables_beside(self) -> dict[str, pa.Table]:
        return {
            "journeys": self._journey_table(),
            "customers": self._customers,
            "identities": self._identities,
            "links": self._links,
            "sources": self._sources,
            "ledger": self._ledger,
            "quarantine": self._quarantine,
        }

    def _frame(self, name: str, make: Callable[[], pa.Table]) -> pd.DataFrame:
        frame: pd.DataFrame = self._once(("frame", name), lambda: make().to_pandas())
        return frame

    def _event_table(self) -> pa.Table:
        table = tables.fill_columns(self._events)
        return table.add_column(1, "journey", pa.array(np.asarray(self.event_journeys())))

    def _journey_table(self) -> pa.Table:
        table: pa.Table = self._once("journeys", self._make_journeys)
        return table

    def _make_journeys(self) -> pa.Table:
        return self._journeys_between(0, self.n_journeys, self.observed_from_us)

    def _pieces_of_journeys(self) -> Iterator[pa.Table]:
        """Give the table of journeys piece by piece."""
        since = self.observed_from_us
        for start in range(0, max(self.n_journeys, 1), PIECE):
            yield self._journeys_between(start, min(start + PIECE, self.n_journeys), since)

    def _journeys_between(self, start: int, stop: int, since: int) -> pa.Table:
        """Return the table of some journeys; customers were observed since a time."""
        own, times = slice(start, stop), self.timestamps
        first, last = self.bounds[start:stop], self.bounds[start + 1 : stop + 1] - 1
        table = tables.journey_table(
            self.journey_customer[own],
            self.attempts[own],
            self._native_journeys(first),
            (times[first], times[last]),
            (since, self.data_end_us),
            last - first + 1,
            start,
        )
        for name, column in self._tags.items():
            table = table.append_column(name, column[own])
        return table

    @property
    def attempts(self) -> Ints:
        """Number of each journey among its customer's: 1, 2, ... by start; a selection keeps the numbers."""
        attempts: Ints = self._once("attempts", self._number_journeys)
        return attempts

    def _number_journeys(self) -> Ints:
        if isinstance(self._attempt, log_files.StoredTable):
            stored: Ints = self._attempt.column("attempt").to_numpy()
            return stored
        if self._attempt is not None:
            return self._attempt
        attempts = np.empty(self.n_journeys, np.int64)
        for block in self.blocks():
            start = self.timestamps[self.bounds[block.first_journey : block.last_journey]]
            attempts[block.journeys] = tables.numbered(self.journey_customer[block.journeys], start)
        return attempts

    def _native_journeys(self, first: Ints) -> pa.Array:
        if "native_journey" not in self._stored.column_names:
            return pa.nulls(len(first), schema.TEXT)
        codes = self.codes("native_journey")[first]
        return tables.words_of(codes, pa.array(self.vocabulary("native_journey"), pa.string()))

    @property
    def observed_from_us(self) -> int:
        """Since when customers were observed, microseconds since 1970: the first of sources and events."""
        firsts: list[int | None] = self._sources.column("first").cast(pa.int64()).to_pylist()
        first = int(self.timestamps.min()) if self.n_events else self.data_end_us
        return min([first, *(moment for moment in firsts if moment is not None)])

    # sizes and arrays -------------------------------------------------------------------------------------

    def on(self, engine: Engine) -> JourneyLog:
        """Return the log with its blocks worked on elsewhere.

        Parameters
        ----------
        engine : cjmining.engines.Spark
            Which executors work on them.

        Returns
        -------
        JourneyLog
            Every verb gives the same results, computed there.

        Raises
        ------
        LogError
            If the events aren't in a log's folder, which executors can read: open it with `cj.read_log` and a
            `memory_limit`.
        """
        if self.memory_limit is None:
            raise LogError(
                "executors read events from a log's folder: write the log where all of them can read it, and "
                "open it with cj.read_log(path, memory_limit=...)"
            )
        return replace(self, engine=engine, _cache={})

    @property
    def memory_limit(self) -> int | None:
        """Bytes of memory that its events may take; None where they may all be in memory."""
        return self._stored.limit

    @property
    def n_events(self) -> int:
        """Number of events."""
        return int(self._stored.num_rows)

    @property
    def n_journeys(self) -> int:
        """Number of journeys."""
        return len(self.bounds) - 1

    @property
    def n_customers(self) -> int:
        """Number of customers, with or without events."""
        return int(self._customers.num_rows)

    @property
    def data_end(self) -> pd.Timestamp:
        """Until when customers were observed (UTC)."""
        import pandas as pd

        return pd.Timestamp(self.data_end_us, unit="us", tz="UTC")

    @property
    def attributes(self) -> tuple[str, ...]:
        """What is known of customers: the columns of `customers` beside their number."""
        return tuple(name for name in self._customers.column_names if name != "customer")

    @property
    def tags(self) -> tuple[str, ...]:
        """What journeys were tagged with: further columns of `journeys`."""
        return tuple(self._tags)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the further columns that a source or the user named."""
        return tuple(name for name in self._stored.column_names if name not in schema.EVENTS.names)

    @property
    def timestamps(self) -> Ints:
        """Time of each event, microseconds since 1970 UTC, shape (n_events,)."""
        times: Ints = self._array("timestamp", as_whole_numbers, np.int64(0))
        return times

    @property
    def event_customers(self) -> Ints:
        """Customer of each event, shape (n_events,)."""
        customers: Ints = self._array("customer", as_whole_numbers, np.int64(0))
        return customers

    @property
    def journey_customer(self) -> Ints:
        """Customer of each journey, shape (n_journeys,)."""
        customers: Ints = self._once("journey_customer", lambda: self.event_customers[self.bounds[:-1]])
        return customers

    @property
    def splittable(self) -> npt.NDArray[np.bool_]:
        """Whether a journey may be split further: not where the source itself names it."""
        return self._splittable_of(slice(0, self.n_journeys))

    def _splittable_of(self, own: slice) -> npt.NDArray[np.bool_]:
        first = self.bounds[:-1][own]
        if "native_journey" not in self._stored.column_names:
            return np.ones(len(first), dtype=bool)
        free: npt.NDArray[np.bool_] = self.codes("native_journey")[first] < 0
        return free

    def event_journeys(self) -> Ints:
        """Return the journey of each event, shape (n_events,)."""
        bounds = self.bounds

        def read(first: int, last: int) -> Ints:
            return np.repeat(np.arange(first, last, dtype=np.int64), np.diff(bounds[first : last + 1]))

        journeys: Ints = of_whole_journeys(bounds, np.int64, read, at_once=self.memory_limit is None)
        return journeys

    def codes(self, column: str) -> Codes:
        """Return the integer codes of a text column, -1 where it is null; `vocabulary` has the words.

        Parameters
        ----------
        column : str
            A text column of the events, such as "touchpoint".

        Returns
        -------
        numpy.ndarray
            int32[events], in the order of `events`.

        Raises
        ------
        LogError
            If events have no such column.
        """
        codes: Codes = self._array(column, tables.codes_of, np.int32(-1))
        return codes

    def vocabulary(self, column: str) -> tuple[str, ...]:
        """Return the words of a text column, sorted; code i means word i.

        Parameters
        ----------
        column : str
            A text column of the events, such as "touchpoint".

        Returns
        -------
        tuple of str

        Raises
        ------
        LogError
            If events have no such column.
        """
        if column not in self._stored.column_names:
            self._known(column)
            return ()
        return tuple(self._stored.vocabulary(column).to_pylist())

    def numbers(self, column: str) -> npt.NDArray[np.float64]:
        """Return a numeric column as floats, NaN where it is null.

        Parameters
        ----------
        column : str
            A column of numbers of the events, such as "wait_s".

        Returns
        -------
        numpy.ndarray
            float64[events].

        Raises
        ------
        LogError
            If events have no such column.
        """
        values: npt.NDArray[np.float64] = self._array(column, as_floats, np.float64(np.nan))
        return values

    def flags(self, column: str) -> npt.NDArray[np.int8]:
        """Return a yes/no column as 1, 0, and -1 where it is unknown.

        Parameters
        ----------
        column : str
            A yes/no column of the events, such as "failed".

        Returns
        -------
        numpy.ndarray
            int8[events].

        Raises
        ------
        LogError
            If events have no such column.
        """
        flags: npt.NDArray[np.int8] = self._array(column, as_flags, np.int8(-1))
        return flags

    def blocks(self, events: int | None = None) -> list[Block]:
        """Return the log as blocks of whole customers with about `events` events each.

        Parameters
        ----------
        events : int, optional
            How many events a block has; more where a customer has more. By default a million, as many as the
            log's limit of memory allows, or as many as its engine says.

        Returns
        -------
        list of Block
            Their bounds, in order: journeys and events, first and last.
        """
        if events is None:
            events = self._events_a_block()
        return whole_customers(self.bounds, self.journey_customer, events)

    def _events_a_block(self) -> int:
        if self.engine is not None:
            return self.engine.block_events
        limit = self.memory_limit
        return BLOCK_EVENTS if limit is None else max(limit // BYTES_AN_EVENT, LEAST_EVENTS)

    def group(self, by: str | Sequence[str] | None) -> tuple[Codes, tuple[str, ...]]:
        """Return for each journey the group it belongs to.

        Parameters
        ----------
        by : str, sequence of str or None
            `persona` or another attribute of customers; what journeys were tagged with (`outcome`); a text
            column of events: then the value of the journey's first event that has one; or the period in which
            a journey begins: `day`, `week`, `month`, `quarter` or `year` (UTC). Several: every combination.
            None puts all journeys into one group, "all".

        Returns
        -------
        codes : numpy.ndarray of int32, shape (n_journeys,)
        labels : tuple of str
            Label i belongs to code i; journeys without a value are "unknown". Of several, labels are those of
            the combinations that occur, joined by ", ".

        Raises
        ------
        LogError
            If neither customers nor journeys nor events have `by`, and it is no period.

        Examples
        --------
        >>> import cjmining as cj
        >>> log = cj.simulate.shop(50, seed=1).log
        >>> codes, labels = log.group("quarter")
        >>> len(codes) == log.n_journeys
        True
        """
        return grouping.group(self, by)

    def group_of_customers(self, by: str, customers: Ints) -> tuple[Codes, tuple[str, ...]]:
        """Return for each of these customers the group by an attribute, named as by `group`.

        Parameters
        ----------
        by : str
            An attribute of customers.
        customers : numpy.ndarray
            Numbers of customers, int64.

        Returns
        -------
        codes : numpy.ndarray
            int32, the group of each of them.
        names : tuple of str
            What the codes mean.

        Raises
        ------
        LogError
            If customers have no such attribute.
        """
        return grouping.of_customers(self, by, customers)

    def variant_of_journeys(self, intended: Splits) -> Codes:
        """Return for each journey which of a map's variants holds, by the persona of its customer.

        Parameters
        ----------
        intended : IntendedMap
            The map; without stages of personas' own it has one variant.

        Returns
        -------
        numpy.ndarray
            int32[journeys], positions in `intended.variants`.
        """
        return intended.variant_of(self._customers)[self._customer_rows(self.journey_customer)]

    def _customer_rows(self, customers: Ints) -> Ints:
        """Return the rows of customers in the table of customers."""
        return np.searchsorted(self._customers.column("customer").to_numpy(), customers)

    def _first_codes(self, column: str) -> Codes:
        """Return for each journey the code of its first event that has one."""
        codes = self.codes(column)
        found = np.full(self.n_journeys, -1, dtype=np.int32)
        for block in self.blocks():
            own, bounds = codes[block.events], block.own_bounds(self.bounds)
            places = np.where(own >= 0, np.arange(len(own)), len(own))
            first = np.minimum.reduceat(places, bounds[:-1])
            # of nothing but events without one it is the place after the last, which has none either
            found[block.journeys] = np.append(own, np.int32(-1))[first]
        return found

    # new logs from this one -------------------------------------------------------------------------------

    def label(self, rules: str | Path | Mapping[str, Any] | Labels) -> JourneyLog:
        """Return the log with touchpoints named by label rules.

        Parameters
        ----------
        rules : path, mapping or Labels
            Ordered rules from native events to touchpoints; `docs/map-format.md` has the format.

        Returns
        -------
        JourneyLog
            What no rule meets keeps the touchpoint that its source gave it. Journeys stay as they are: label
            before you `split`.

        Raises
        ------
        LogError
            If the rules have mistakes: all of them, by line; or if an event's touchpoint is empty.
        """
        from cjmining.labels import read_labels

        labels = read_labels(rules)
        named = self._sources.column("source").to_pylist()
        labelled, counts = self._stored.relabelled(labels, sources=named)
        idle = [rule.place for rule, n in zip(labels.rules, counts, strict=False) if not n]
        notes = (*self.notes, f"label rules that fit no event: {'; '.join(idle)}") if idle else self.notes
        log = replace(
            self, _stored=labelled, notes=notes, split_by=None, _split_rules=None, _tags={}, _cache={}
        )
        words = log.vocabulary("touchpoint")
        tables.expect_touchpoints(log.codes("touchpoint"), words, "row {} of log.events".format)
        return log

    def split(self, intended: Splits) -> JourneyLog:
        """Return the log with customers' events cut into journeys, as the map's `new_journey_after` says.

        Parameters
        ----------
        intended : IntendedMap
            Its goal, exits, patience and entry stages decide where a journey ends and the next begins; for
            customers of a persona that overrides stages, the map as it holds for that persona.

        Returns
        -------
        JourneyLog
            Journeys that a source names itself stay as they are.

        Raises
        ------
        LogError
            If `intended` is not a map, or its personas override stages and ask for an attribute that the
            customers don't have.
        """
        expect_map(intended, "split")
        return replace(
            self,
            bounds=splitting.bounds(self, replace(self, bounds=self._native_bounds(), _cache={}), intended),
            split_by=intended.name,
            _split_rules=splitting.digest(self, intended),
            _attempt=None,
            _tags={},
            _cache={},
        )

    def split_at(self, begins: npt.ArrayLike) -> JourneyLog:
        """Return the log with customers' events cut into journeys at given events.

        Parameters
        ----------
        begins : array of bool, shape (n_events,)
            Whether a journey begins with the event. A customer's first event always begins one, and journeys
            that a source names itself stay as they are.

        Returns
        -------
        JourneyLog
            With the new journeys, untagged.

        Raises
        ------
        LogError
            If there isn't one yes or no for each event.

        Examples
        --------
        >>> import cjmining as cj
        >>> log = cj.simulate.shop(50, seed=1).log
        >>> log.split_at(log.events["touchpoint"] == "ad_clicked").n_journeys >= log.n_customers
        True
        """
        wanted = np.asarray(begins)
        if wanted.dtype != np.bool_ or wanted.shape != (self.n_events,):
            raise LogError(
                f"begins is a yes or no for each of the {self.n_events:,} events, "
                f"not {wanted.dtype} of shape {wanted.shape}"
            )
        return self._split_before(np.flatnonzero(wanted))

    def _split_before(self, events: Ints) -> JourneyLog:
        """Return the log with customers' events cut into journeys before each of these, ascending."""
        whole = self._native_bounds()
        free = replace(self, bounds=whole, _cache={}).splittable
        inside = events[free[np.searchsorted(whole, events, side="right") - 1]]
        return replace(
            self,
            bounds=np.union1d(inside, whole),
            split_by=None,
            _split_rules=None,
            _attempt=None,
            _tags={},
            _cache={},
        )

    def _native_bounds(self) -> Ints:
        """Return bounds of one journey for each customer, or for each journey that the source names."""
        if "native_journey" not in self._stored.column_names:
            return tables.native_bounds(self.event_customers)
        return tables.native_bounds(self.event_customers, self.codes("native_journey"))

    def is_split_by(self, intended: Splits) -> bool:
        """Say whether the journeys are those that `split` makes with this very map and these labels.

        Parameters
        ----------
        intended : IntendedMap
            The map.

        Returns
        -------
        bool
        """
        return self._split_rules is not None and self._split_rules == splitting.digest(self, intended)

    def with_personas(self, intended: NamesPersonas) -> JourneyLog:
        """Return the log with each customer's persona: the first whose rules fit.

        Parameters
        ----------
        intended : IntendedMap or Personas
            A map, or personas from `cj.read_personas`. Customers whom no persona fits are `other`; where a
            needed attribute is missing, `unknown`.
        """
        if type(intended).__name__ == "FoundPersonas":
            raise LogError("personas that cj.find_personas found are given to a log by found.assign(log)")
        if not hasattr(intended, "personas_of"):
            expect_map(intended, "with_personas")
        personas = intended.personas_of(self._customers)
        kept = [name for name in self._customers.column_names if name != "persona"]
        customers = self._customers.select(kept).append_column("persona", personas)
        return replace(self, _customers=customers, _cache={})

    def tag(self, **columns: object) -> JourneyLog:
        """Return the log with further things known of each journey, to group and to choose by.

        Parameters
        ----------
        **columns : sequence of str
            A value for each journey, in the order of `journeys`, None where it isn't known; a pandas Series
            is taken by its index. Most often ``outcome=check.journeys["outcome"]``.

        Returns
        -------
        JourneyLog
            `journeys` has the columns; `log.group`, `log.where` and every verb's `by` take their names. Tags
            are dropped where journeys change: by `label` and `split`.

        Raises
        ------
        LogError
            If there isn't one value for each journey, values are lists, or the name is empty or taken.

        Examples
        --------
        >>> import cjmining as cj
        >>> log = cj.simulate.shop(200, seed=1).log
        >>> log = log.tag(length=["long" if n > 10 else "short" for n in log.journeys["events"]])
        >>> log.where(length="long").n_journeys < log.n_journeys
        True
        """
        tags = {name: grouping.tagged(self, name, values) for name, values in columns.items()}
        return replace(self, _tags={**self._tags, **tags}, _cache={})

    def where(
        self,
        *,
        start: object | None = None,
        end: object | None = None,
        path: str | Pattern | Sequence[str | Pattern] | None = None,
        **values: str | Sequence[str],
    ) -> JourneyLog:
        """Return the log with only those whole journeys that meet every condition.

        Parameters
        ----------
        start, end : timestamp or text, optional
            Journeys that begin at or after `start` and before `end`, which is later (UTC where they have no
            zone).
        path : str, Pattern or sequence of these, optional
            Journeys that have such a path, as `cart -> {within 2d} order`, or that don't, as `not cart ->
            order`; of several, all. `cjmining.patterns` has the language.
        **values : str or sequence of str
            `persona` or another attribute of customers: journeys of customers with one of the values. What
            journeys were tagged with, or the period in which they begin (`month="2026-05"`). A
            column of events (`channel`, `touchpoint`, `device`, a dimension): journeys with at least one
            event that has one of the values.

        Returns
        -------
        JourneyLog
            The same customers, sources and ledger; fewer journeys.

        Raises
        ------
        LogError
            If a column or a value does not occur in the log, none is given, `start` or `end` is no time or
            `end` isn't after `start`, or a path can't be read.

        Examples
        --------
        >>> import cjmining as cj
        >>> log = cj.simulate.shop(200, seed=1).log
        >>> log.where(channel="phone").n_journeys < log.n_journeys
        True
        >>> quick = log.where(path="basket_filled -> {within 2d} order_placed")
        >>> slow = log.where(path="not basket_filled -> {within 2d} order_placed")
        >>> quick.n_journeys + slow.n_journeys == log.n_journeys
        True
        """
        return self._only(choosing.choose(self, start, end, path, values))

    def _only(self, keep: npt.NDArray[np.bool_]) -> JourneyLog:
        lengths = np.diff(self.bounds)[keep]
        return replace(
            self,
            _stored=self._stored.chosen(self.bounds, keep),
            bounds=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            _attempt=self.attempts[keep],
            _tags={name: tables.encode(column.filter(pa.array(keep))) for name, column in self._tags.items()},
            _cache={},
        )

    def explain(
        self,
        customer: int | str | tuple[str, str],
        other: str | tuple[str, str] | None = None,
    ) -> Explanation:
        """Explain why identifiers are one customer, or why they are not.

        Parameters
        ----------
        customer : int, str or (kind, value)
            The number of a customer, or one of their identifiers.
        other : str or (kind, value), optional
            Another identifier: why it and the first are, or aren't, one customer.

        Returns
        -------
        Explanation
            ``answer`` in a sentence, and the tables ``chain`` (of a customer, for each further identifier
            the link that brings it in; of two identifiers, the shortest chain between them), ``links`` and
            ``refused``: identifier, other, source, file, records, why.

        Raises
        ------
        LogError
            If the log has no such identifier, or none at all.

        Examples
        --------
        >>> import pandas as pd
        >>> import cjmining as cj
        >>> calls = pd.DataFrame({
        ...     "email": ["ann@shop.de", "ann@shop.de", None],
        ...     "card": [None, "L7", "L7"],
        ...     "cookie": ["4.2", None, None],
        ...     "when": ["2026-03-01", "2026-03-02", "2026-03-03"],
        ... })
        >>> kinds = {"email": "email", "card": "loyalty", "cookie": "cookie"}
        >>> log = cj.ingest(
        ...     cj.sources.Table(calls, name="shop", customer=kinds, timestamp="when", touchpoint="visited")
        ... )
        >>> found = log.explain("4.2", "L7")
        >>> found.answer
        'cookie 4.2 and loyalty L7 are one customer, 0, by 2 links'
        >>> found.chain[["identifier", "other", "records"]].values.tolist()
        [['cookie 4.2', 'email ann@shop.de', 1], ['email ann@shop.de', 'loyalty L7', 1]]
        """
        from cjmining.explaining import explain

        return explain(self, customer, other)

    # files and views --------------------------------------------------------------------------------------

    def write(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the log into a folder of Parquet files with a manifest; `cj.read_log` opens it again.

        Parameters
        ----------
        path : str or Path
            The folder; it appears only when it is complete.
        overwrite : bool
            Whether a log that is there already is replaced.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        LogError
            If the folder exists and `overwrite` is false, or it holds something else than a log.
        """
        with storage.Draft(Path(path), overwrite=overwrite) as draft:
            words = log_files.write_events(draft, self._stored.pieces(), BLOCK_EVENTS)
            draft.commit(self._write_beside(draft, words))
        return Path(path)

    def _write_beside(self, draft: storage.Draft, words: Mapping[str, str]) -> dict[str, Any]:
        """Write the tables beside the events into a draft; return what the manifest says of the log."""
        beside = {
            "customers": self._customers,
            "identities": self._kept_identities,
            "links": self._kept_links,
            "sources": self._sources,
            "ledger": self._ledger,
            "quarantine": self._quarantine,
        }
        for name, table in beside.items():
            draft.add(name, log_files.tables_of(table), schema=table.schema)
        first = next(journeys := self._pieces_of_journeys())
        draft.add("journeys", itertools.chain([first], journeys), schema=first.schema)
        draft.add("bounds", pa.table({"first_event": self.bounds}))
        return {
            "data_end_us": self.data_end_us,
            "notes": list(self.notes),
            "split_by": self.split_by,
            "split_rules": self._split_rules,
            "events": self.n_events,
            "journeys": self.n_journeys,
            "customers": self.n_customers,
            "words": dict(words),
        }

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: nothing that is made again, for executors no table that they don't need."""
        state = {**self.__dict__, "_cache": {}}
        if shipped():
            state |= {name: empty.empty_table() for name, empty in _NOT_SHIPPED.items()}
            state["engine"] = None
        return state

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.startswith("_")]

    def __repr__(self) -> str:
        try:
            return log_view.as_text(self)
        except LogError as problem:  # its folder may have been replaced since
            return f"JourneyLog: {problem}"

    def _repr_html_(self) -> str:
        return log_view.as_html(self)

    # helpers ----------------------------------------------------------------------------------------------

    def _values(self, name: str, rows: Ints) -> pa.Array:
        """Return a column of some events as Arrow."""
        return self._stored.take(name, rows)

    def _array(self, name: str, convert: Convert, none: np.generic) -> Any:  # noqa: ANN401
        """Return a column as an array; within a limit of memory as one that is read where it is sliced.

        Where the events don't have it, it is `none` throughout.
        """
        if name not in self._stored.column_names:
            self._known(name)
            return self._stored.array(name, convert, none)
        return self._once((name, convert), lambda: self._stored.array(name, convert, none))

    def _known(self, column: str) -> None:
        if column not in schema.EVENTS.names:
            names = [*schema.EVENTS.names, *self.dimensions]
            raise LogError(
                f"events have no column {column!r}{nearest(column, names)}; they have {', '.join(names)}"
            )

    def _once(self, key: object, make: Callable[[], Value]) -> Value:
        if key not in self._cache:
            self._cache[key] = make()
        value: Value = self._cache[key]
        return value


def read_log(path: str | Path, *, memory_limit: str | int | None = None) -> JourneyLog:
    """Open a log that `JourneyLog.write` wrote.

    Parameters
    ----------
    path : str or Path
        The log's folder.
    memory_limit : str or int, optional
        How much memory the events may take, as "1GB" or in bytes. Then columns of events are read where they
        are needed, block by block, and results are the same. Without it a column that was needed once stays
        in memory.

    Returns
    -------
    JourneyLog
        Equal to the log that was written.

    Raises
    ------
    LogError
        If the folder is not a log, has another version of the format, or a file is absent or damaged.

    Examples
    --------
    >>> import tempfile
    >>> import cjmining as cj
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = cj.simulate.shop(100, seed=1).log.write(f"{folder}/shop.log")
    ...     cj.read_log(path).n_customers
    100
    """
    limit = None if memory_limit is None else asked.size("memory_limit", memory_limit)
    return storage.read(Path(path), lambda folder: _opened(folder, limit))


def log_of_stream(
    draft: storage.Draft,
    events: Iterable[pa.Table],
    *,
    sources: pa.Table,
    ledger: pa.Table,
    quarantine: pa.Table,
    data_end_us: int,
    notes: Iterable[str] = (),
    long: Mapping[str, Iterable[pa.Table]] | None = None,
) -> dict[str, Any]:
    """Write a log into a draft whose events come as a stream in the log's order; return its manifest.

    It is the log that `JourneyLog.from_events` makes of the same events, byte for byte. `long` has the
    vocabularies of columns that come as codes. Tables that are in the draft already stay as they are: its
    customers are.
    """
    journeys = log_files.Journeys()
    words = log_files.write_events(draft, journeys.watch(events), BLOCK_EVENTS, long)
    return log_files.log_of_blocks(
        draft, words, journeys, sources=sources, ledger=ledger, quarantine=quarantine,
        data_end_us=data_end_us, notes=notes,
    )  # fmt: skip


def _opened(folder: storage.Folder, limit: int | None) -> JourneyLog:
    manifest, small = folder.manifest, log_files.small_tables(folder)
    return JourneyLog(
        _stored=stored_events(folder, limit),
        _customers=small["customers"],
        _kept_identities=log_files.StoredTable(folder, "identities"),
        _kept_links=(
            log_files.StoredTable(folder, "links")
            if folder.names("links")  # earlier versions had none
            else schema.LINKS.empty_table()
        ),
        _sources=small["sources"],
        _ledger=small["ledger"],
        _quarantine=small["quarantine"],
        bounds=small["bounds"].column("first_event").to_numpy(),
        data_end_us=int(manifest["data_end_us"]),
        notes=tuple(manifest["notes"]),
        split_by=manifest["split_by"],
        _split_rules=manifest["split_rules"],
        _attempt=log_files.StoredTable(folder, "journeys"),
        _tags=log_files.tags(folder),
    )


def expect_log(log: object, verb: str) -> None:
    """Raise a LogError unless `log` is a log; `verb` is what was called."""
    if not isinstance(log, JourneyLog):
        raise LogError(f"{verb} takes a JourneyLog first, not {type(log).__name__}: make one with cj.ingest")


def expect_map(intended: object, verb: str) -> None:
    """Raise a LogError unless `intended` is an intended map; `verb` is what was called."""
    if not hasattr(intended, "walk_rules"):
        hint = f"cj.read_map({str(intended)!r})" if isinstance(intended, str | Path) else "cj.read_map(path)"
        if isinstance(intended, str) and "\n" in intended:
            hint = "cjmining.intended.parse_map(text)"
        raise LogError(f"{verb} takes an intended map, not {type(intended).__name__}: give it {hint}")


def _or_empty(table: pa.Table | None, table_schema: pa.Schema) -> pa.Table:
    return table_schema.empty_table() if table is None else table
