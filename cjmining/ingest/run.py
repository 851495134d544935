"""The steps of an ingestion, over one database: read, decide, find who is who, make events, account, sort."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cjmining import schema
from cjmining.errors import SourceError, shorten
from cjmining.ingest import (
    attributes,
    by_time,
    comments,
    deliveries,
    events,
    fates,
    identity,
    ledger,
    periods,
    seen_together,
    told,
)
from cjmining.ingest.sorting import SortedEvents, sort_events
from cjmining.ingest.sources.base import counted
from cjmining.ingest.stage import Staged, stage
from cjmining.log import JourneyLog
from cjmining.tables import sorted_customers

if TYPE_CHECKING:
    from cjmining.ingest.database import Database
    from cjmining.ingest.deliveries import Earlier
    from cjmining.ingest.ledger import Line
    from cjmining.ingest.sources.base import LeftOut, Source
    from cjmining.progress import Progress
    from cjmining.storage import Draft

logger = logging.getLogger("cjmining")

_DAY_US = 86_400_000_000
_MUCH = 0.05
"""The part of a source's events whose loss is told of."""


@dataclass(frozen=True)
class Options:
    """What was asked for beside the sources; `data_end` in microseconds since 1970."""

    data_end: int | None = None
    identities: str = "keep"
    rules: identity.Rules = field(default_factory=identity.Rules)
    add: bool = False
    """Whether later deliveries are to be added to the log."""


@dataclass(frozen=True)
class Ingested:
    """What a log is made of; its events are still in the database."""

    events: SortedEvents
    customers: Callable[[], pa.Table]
    identities: Callable[[], Iterable[pa.Table]]
    links: Callable[[], Iterable[pa.Table]]
    sources: pa.Table
    ledger: pa.Table
    quarantine: pa.Table
    data_end_us: int
    notes: tuple[str, ...]

    def log(self) -> JourneyLog:
        """Return the log, in memory."""
        return JourneyLog.from_events(
            self.events.table(),
            customers=self.customers(),
            identities=pa.concat_tables(self.identities()),
            links=pa.concat_tables(self.links()),
            **self._beside,
            data_end=datetime.fromtimestamp(self.data_end_us / 1_000_000, tz=UTC),
            order="sorted",
            notes=self.notes,
        )

    def write(self, draft: Draft) -> dict[str, Any]:
        """Write the log into a draft, event by event; return its manifest."""
        # large tables go first, one at a time: while events are sorted there is no room for them
        draft.add("customers", sorted_customers(self.customers()))
        draft.add("identities", self.identities(), schema=schema.IDENTITIES)
        draft.add("links", self.links(), schema=schema.LINKS)
        pa.default_memory_pool().release_unused()
        beside = {**self._beside, "data_end_us": self.data_end_us, "notes": self.notes}
        return self.events.write_log(draft, beside)

    @property
    def _beside(self) -> dict[str, pa.Table]:
        names = ("sources", "ledger", "quarantine")
        return {name: getattr(self, name) for name in names}


class Ingestion:
    """One run, step by step, over one database."""

    def __init__(
        self,
        database: Database,
        sources: Sequence[Source],
        progress: Progress,
        earlier: Earlier | None = None,
    ) -> None:
        self._database = database
        self._sources = sources
        self._progress = progress
        self._earlier = earlier
        self._staged: list[Staged] = []
        self._notes: list[str] = []
        self._used: Mapping[str, int] = {}

    def run(self, options: Options) -> Ingested:
        """Do all steps but the last, which is to sort the events while they are taken out."""
        database = self._database
        identity.make_pseudonym(database, options.identities, options.rules.secret)
        self._read()
        if self._earlier is not None:
            self._earlier.lay_beside(database, self._staged, self._sources)
        self._progress("finding who is who", 0.6)
        n_customers = self._find_customers(options)
        self._progress("making events", 0.7)
        made, said = self._make_events(options)
        self._note_phones()
        covered = self._coverage(options.data_end)
        end_us = self._end(covered, options.data_end)
        end = f"make_timestamp({end_us})"
        if options.data_end is None and all(about["last"] - end_us <= _DAY_US for about in covered.values()):
            self._note_late(end)
        with_content = options.identities == "keep"
        lines, clocks = self._account(made.counts, end, with_examples=with_content)
        lines += said
        self._progress("sorting events", 0.8)
        in_order = self._sorted(made, end)
        if not in_order.n:
            raise SourceError(told.nothing(database, self._staged, lines, covered, options.data_end))
        self._note_dates(end)
        for note in [*told.unused(self._staged, covered), *told.empty_files(self._staged)]:
            self._note(note, logging.WARNING)
        if several := attributes.several_rows(database, self._staged):
            self._note(
                f"{counted(several, 'customer has', 'customers have')} several rows of attributes; "
                "the first value of each counts, of opt-outs and consents one that speaks against writing"
            )
        quarantine = ledger.quarantine_table(database, self._staged, with_content=with_content)
        if self._earlier is not None:
            quarantine = pa.concat_tables([self._earlier.quarantine, quarantine])
        self._progress("putting the log together", 0.9)
        return Ingested(
            events=in_order,
            customers=lambda: attributes.customers_table(database, self._staged, n_customers),
            identities=lambda: self._identities(options.identities),
            links=lambda: self._links(options.identities),
            sources=self._sources_table(covered, clocks),
            ledger=ledger.ledger_table(lines),
            quarantine=quarantine,
            data_end_us=end_us,
            notes=tuple(self._notes),
        )

    def keep(self, draft: Draft, made: Ingested, how: Mapping[str, Any]) -> dict[str, Any]:
        """Write what later deliveries need into the draft; return what the manifest must say of it."""
        return deliveries.keep(
            draft, self._database, self._staged, self._sources, how, made.ledger, self._earlier
        )

    def _find_customers(self, options: Options) -> int:
        """Decide which records count, and whose they are; return how many customers there are."""
        fates.decide_fates(self._database, self._staged)
        candidates = [f"{feed.table}_candidates" for feed in self._staged]
        n_customers = identity.resolve(self._database, candidates, options.rules)
        if options.rules.shared_devices == "by time":
            by_time.divide(self._database, self._staged)
        fates.make_views(self._database, self._staged)
        return n_customers

    def _make_events(self, options: Options) -> tuple[events.Made, list[Line]]:
        """Make the events; return what of, and the ledger's lines for comments."""
        made = events.make_events(self._database, self._staged)
        self._used = made.used
        if options.identities == "drop":
            events.number_journeys(self._database, made)
        return made, comments.keep_comments(self._database, self._staged, in_records=options.add)

    def _sorted(self, made: events.Made, end: str) -> SortedEvents:
        return sort_events(self._database, made, [source.name for source in self._sources], end)

    def _read(self) -> None:
        feeds = [
            (rank, source, place, feed)
            for rank, source in enumerate(self._sources)
            for place, feed in enumerate(told.feeds_of(source))
        ]
        files = 0
        records = dict.fromkeys(range(len(self._sources)), 0)
        for i, (rank, source, place, feed) in enumerate(feeds):
            self._progress(f"reading {source.name}: {feed.name}", 0.6 * i / len(feeds))
            with told.naming_strangers(source):
                staged = stage(self._database, source, rank, feed, f"stage_{i}", files, records[rank], place)
            if not staged.files:
                continue
            files += len(staged.files)
            records[rank] += staged.records
            for note in (note for file in staged.files for note in file.notes):
                self._note(note)
            self._staged.append(staged)
        self._check_times()

    def _check_times(self) -> None:
        """An export none of whose times can be read was asked for in the wrong way: say so at once."""
        for feed in self._staged:
            spoilt = self._database.run(
                f"SELECT reason, count(*), min(content) FROM {feed.table} "
                "WHERE reason LIKE '% no time that can be read' GROUP BY reason"
            )
            for reason, n, content in spoilt:
                if n == feed.records:
                    all_of_them = f"in all {n:,} records" if n > 1 else "in the only record"
                    raise SourceError(
                        f"source {feed.source.name!r}, {shorten([file.name for file in feed.files])}: "
                        f"{all_of_them} {reason}. "
                        f"For example: {content[:120]!r}. {told.time_advice(feed.source)}"
                    )

    def _coverage(self, data_end: int | None) -> dict[int, dict[str, Any]]:
        """Return for each source with events: first, last, gaps; and what its clocks said."""
        until = f"make_timestamp({data_end})" if data_end is not None else None
        ends = {rank: (first, last) for rank, first, last in self._extents()}
        covered = {}
        for rank in sorted(ends):
            hours, counts = self._hourly(rank, until)
            self._note_strays(rank, periods.strays(hours, counts))
            gaps = periods.find_gaps(hours, counts)
            covered[rank] = {"first": ends[rank][0], "last": ends[rank][1], "gaps": gaps}
            for start, end in gaps:
                self._note(
                    f"source {self._sources[rank].name!r} recorded improbably little "
                    f"from {told.say(start)} to {told.say(end)} (UTC)"
                )
        return covered

    def _extents(self) -> Sequence[tuple[int, int, int]]:
        return events.extents(self._database)

    def _hourly(self, rank: int, until: str | None) -> tuple[events.Ints, events.Ints]:
        return events.hourly(self._database, rank, until)

    def _note_strays(self, rank: int, strays: tuple[int, int] | None) -> None:
        if strays is not None:
            n, start = strays
            lie = counted(n, "event lies", "events lie")
            self._note(
                f"source {self._sources[rank].name!r}: {lie} more than a year after all others, "
                f"from {told.say(start)} (UTC) on. If such dates are wrong, give data_end=: else the data "
                "seem to go on until then",
                logging.WARNING,
            )

    def _note_late(self, end: str) -> None:
        """Say which sources lose much to an end of the data that nobody gave."""
        for rank, late, n in self._late(end):
            if late < _MUCH * n:
                continue
            self._note(
                f"source {self._sources[rank].name!r}: {late:,} of {n:,} events lie after the end of the "
                "data, which is the earliest end of a source, and are withdrawn. Give data_end= if the "
                "sources are complete for longer",
                logging.WARNING,
            )

    def _late(self, end: str) -> Sequence[tuple[int, int, int]]:
        return events.late(self._database, end)

    def _end(self, covered: dict[int, dict[str, Any]], given: int | None) -> int:
        if given is not None or not covered:
            return given or 0
        ends = sorted((about["last"], self._sources[rank].name) for rank, about in covered.items())
        if ends[-1][0] - ends[0][0] > _DAY_US:
            self._note(
                "sources end at different times: "
                f"{', '.join(f'{name} {told.say(end)}' for end, name in ends)} (UTC). "
                f"The data ends with the first, {ends[0][1]!r}; later events are withdrawn. "
                "Give data_end= if the sources are complete for longer",
                logging.WARNING,
            )
        return int(ends[0][0])

    def _account(
        self, n_made: Mapping[str, int], end: str, *, with_examples: bool
    ) -> tuple[list[Line], list[Counter[int]]]:
        """Return the ledger's lines, and for each source what the clocks of its records said, counted."""
        lines = []
        clocks: list[Counter[int]] = [Counter() for _ in self._sources]
        for feed in self._staged:
            told_of, said, found = self._account_of(feed, n_made[feed.table], end)
            lines += told_of
            clocks[feed.source_rank] += said
            for left, n, remaining, example in found:
                such = f" (such as {example[:40]!r})" if with_examples else ""
                self._note(
                    f"source {feed.source.name!r}: {left.reason} in {counted(n, 'record')}{such}; "
                    f"{'its event is' if n == 1 else 'their events are'} kept without it"
                    f"{told.decimal_advice(example, feed.feed.decimal)}",
                    logging.WARNING if n > remaining else logging.INFO,
                )
        return lines, clocks

    def _account_of(
        self, feed: Staged, n_made: int, end: str
    ) -> tuple[list[Line], Counter[int], list[tuple[LeftOut, int, int, str]]]:
        """Return the ledger's lines for a feed, what its clocks said, and the values left out."""
        lines, clocks = ledger.account_records(self._database, feed, self._used.get(feed.table))
        lines += ledger.account_events(self._database, feed, n_made, end)
        lines += ledger.account_links(self._database, feed)
        values, found = ledger.account_values(self._database, feed)
        return lines + values, clocks, found

    def _note_phones(self) -> None:
        for rank, source in enumerate(self._sources):
            feeds = [
                feed
                for feed in self._staged
                if feed.source_rank == rank and "phone" in {kind for kind, _ in feed.feed.identifiers}
            ]
            n = self._local_phones(feeds) if feeds else 0
            if n:
                numbers = counted(
                    n,
                    "phone number has no country code and was",
                    "phone numbers have no country code and were",
                )
                self._note(
                    f"source {source.name!r}: {numbers} compared as written; give region=, such as 'DE'"
                )

    def _local_phones(self, feeds: Sequence[Staged]) -> int:
        return identity.local_phones(self._database, [self._identified(feed) for feed in feeds])

    def _identities(self, how: str) -> Iterator[pa.Table]:
        return identity.protected(self._database, how)

    def _links(self, how: str) -> Iterator[pa.Table]:
        return seen_together.links(self._database, self._staged, how)

    def _identified(self, feed: Staged) -> str:
        """Name the relation with the identifiers of a feed's records."""
        return f"{feed.table}_candidates"

    def _dated(self, end: str) -> Sequence[tuple[int, int]]:
        return events.dated(self._database, end)

    def _note_dates(self, end: str) -> None:
        for rank, n in self._dated(end):
            stand = counted(
                n,
                "event has a date without a time and stands at the start of its day",
                "events have a date without a time and stand at the start of their day",
            )
            self._note(f"source {self._sources[rank].name!r}: {stand}, before what has a time on that day")

    def _sources_table(
        self, covered: dict[int, dict[str, Any]], clocks: Sequence[Mapping[int, int]]
    ) -> pa.Table:
        rows = []
        for rank, source in enumerate(self._sources):
            about = covered.get(rank, {"first": None, "last": None, "gaps": []})
            feeds = [feed for feed in self._staged if feed.source_rank == rank]
            rows.append(
                {
                    "source": source.name,
                    "kind": source.kind,
                    "records": sum(feed.records for feed in feeds),
                    "first": about["first"],
                    "last": about["last"],
                    "gaps": [{"start": start, "end": end} for start, end in about["gaps"]],
                    "timezone": source.timezone,
                    "timezone_given": source.timezone_given,
                    "note": self._clock_note(source, clocks[rank]),
                }
            )
        return pa.Table.from_pylist(rows, schema=schema.SOURCES)

    def _note(self, text: str, level: int = logging.INFO) -> None:
        self._notes.append(text)
        logger.log(level, text)

    def _clock_note(self, source: Source, clocks: Mapping[int, int]) -> str:
        note = told.clock_note(source, clocks)
        if note:
            self._note(f"source {source.name!r}: {note}")
        return note
