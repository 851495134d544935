"""Exports become a log: `ingest` reads sources, accounts for every record and finds who is who."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cjmining import schema
from cjmining.errors import SourceError, nearest
from cjmining.ingest.sources.base import counted
from cjmining.progress import Progress, telling

if TYPE_CHECKING:
    from cjmining.ingest.database import Database
    from cjmining.ingest.sources.base import Source
    from cjmining.ingest.stage import Staged
    from cjmining.log import JourneyLog

logger = logging.getLogger("cjmining")

IDENTITIES = ("keep", "pseudonymise", "drop")
_DAY_US = 86_400_000_000
_TIME_ADVICE = (
    "Times are read as ISO 8601; for another form give date_format=, such as '%d.%m.%Y %H:%M', or 'epoch s' "
    "for seconds since 1970"
)

Line = tuple[str, str, str, str, str, int]
"""A line of the ledger: source, file, what, fate, reason, count."""


def ingest(
    sources: Source | Sequence[Source],
    *,
    customers: Source | Sequence[Source] | None = None,
    data_end: datetime | date | str | None = None,
    identities: str = "keep",
    key: str | bytes | None = None,
    memory_limit: str | None = None,
    progress: Progress | bool | None = None,
) -> JourneyLog:
    """Read the exports of several systems into one log.

    Every record read has one fate in the log's ledger: used, superseded (delivered again), set aside or
    quarantined; every event made is kept or withdrawn. Identifiers seen together in one record belong to one
    customer, except for placeholders (`unknown`, `noreply@...`) and those that improbably many others share.

    Parameters
    ----------
    sources : source or sequence of sources
        Such as `cj.sources.Salesforce("exports/crm")`; their order breaks ties of time.
    customers : Customers, optional
        Tables of customers' attributes.
    data_end : datetime or ISO text, optional
        Until when the data is complete; without a zone, UTC. By default the earliest end of a source. Later
        events are withdrawn.
    identities : {"keep", "pseudonymise", "drop"}
        What becomes of personal identifiers: kept in `log.identities`, replaced there by a keyed hash, or
        left out. In the latter two cases the quarantine shows no content.
    key : str or bytes, optional
        Secret of the hashes.
    memory_limit : str, optional
        Most memory to use for reading and sorting, such as "4GB"; more is spilled to disk.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.

    Returns
    -------
    JourneyLog
        One journey for each customer (or case of a source); `split` cuts them by an intended map.

    Raises
    ------
    SourceError
        A file is missing, empty, in another encoding, or lacks a column.
    LogError
        The accounts don't close: a fault of the library.

    Examples
    --------
    >>> import cjmining as cj
    >>> import pandas as pd
    >>> visits = pd.DataFrame({
    ...     "who": ["ann", "ann", "bob"],
    ...     "when": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
    ...     "what": ["product_viewed", "order_placed", "product_viewed"],
    ... })
    >>> shop = cj.sources.Table(visits, name="shop", customer="who", timestamp="when", touchpoint="what")
    >>> log = cj.ingest(shop)
    >>> log.n_events, log.n_customers
    (3, 2)
    """
    from cjmining.ingest.database import temporary_database

    listed, attribute_tables = _listed(sources, "sources"), _listed(customers, "customers")
    _check(listed, attribute_tables, identities)
    with telling(progress, "ingest") as tell, temporary_database(memory_limit) as database:
        return _Ingestion(database, [*listed, *attribute_tables], tell).run(
            _as_moment(data_end), identities, key
        )


class _Ingestion:
    """One run, step by step, over one database."""

    def __init__(self, database: Database, sources: Sequence[Source], progress: Progress) -> None:
        self._database = database
        self._sources = sources
        self._progress = progress
        self._staged: list[Staged] = []
        self._notes: list[str] = []

    def run(self, data_end: int | None, identities: str, key: str | bytes | None) -> JourneyLog:
        from cjmining.ingest import attributes, comments, events, identity, ledger
        from cjmining.log import JourneyLog

        database = self._database
        self._read()
        self._progress("finding who is who", 0.6)
        ledger.decide_fates(database, self._staged)
        found = identity.resolve(database, [f"{feed.table}_candidates" for feed in self._staged])
        ledger.make_views(database, self._staged)
        self._progress("making events", 0.7)
        others = events.make_events(database, self._staged)
        said = comments.keep_comments(database, self._staged, found.identities)
        self._note_phones()
        covered = self._coverage(data_end)
        end_us = self._end(covered, data_end)
        end = f"make_timestamp({end_us})"
        lines = [*self._account(end, with_examples=identities == "keep"), *said]
        self._progress("sorting events", 0.8)
        names = [source.name for source in self._sources]
        made = events.sorted_events(database, others, names, end)
        if not made.num_rows:
            raise SourceError(self._nothing(lines, covered, data_end))
        self._note_dates(end)
        people, several = attributes.customers_table(database, self._staged, found.n_customers)
        if several:
            self._note(
                f"{counted(several, 'customer has', 'customers have')} several rows of attributes; "
                "the first value of each counts, of opt-outs and consents one that speaks against writing"
            )
        quarantine = ledger.quarantine_table(database, self._staged, with_content=identities == "keep")
        self._progress("putting the log together", 0.95)
        return JourneyLog.from_events(
            made,
            customers=people,
            identities=identity.protect(found.identities, identities, key),
            sources=self._sources_table(covered),
            ledger=ledger.ledger_table(lines),
            quarantine=quarantine,
            data_end=datetime.fromtimestamp(end_us / 1_000_000, tz=UTC),
            order="sorted",
            notes=tuple(self._notes),
        )

    def _read(self) -> None:
        from cjmining.ingest.stage import stage

        feeds = [
            (rank, source, place, feed)
            for rank, source in enumerate(self._sources)
            for place, feed in enumerate(source.feeds())
        ]
        files = 0
        records = dict.fromkeys(range(len(self._sources)), 0)
        for i, (rank, source, place, feed) in enumerate(feeds):
            self._progress(f"reading {source.name}: {feed.name}", 0.6 * i / len(feeds))
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
                        f"source {feed.source.name!r}, {feed.feed.name}: {all_of_them} {reason}. "
                        f"For example: {content[:120]!r}. {_TIME_ADVICE}"
                    )

    def _coverage(self, data_end: int | None) -> dict[int, dict[str, Any]]:
        """Return for each source with events: first, last, gaps; and what its clocks said."""
        from cjmining.ingest import events, periods

        until = f"make_timestamp({data_end})" if data_end is not None else None
        ends = {
            rank: (first, last)
            for rank, first, last in self._database.run(
                "SELECT source_rank, min(epoch_us(timestamp)), "
                f"max(epoch_us(timestamp) + CASE WHEN precision >= 86400 THEN {_DAY_US - 1} ELSE 0 END) "
                "FROM events WHERE withdrawn IS NULL GROUP BY source_rank"
            )
        }
        covered = {}
        for rank in sorted(ends):
            gaps = periods.find_gaps(*events.hourly(self._database, rank, until))
            covered[rank] = {"first": ends[rank][0], "last": ends[rank][1], "gaps": gaps}
            for start, end in gaps:
                self._note(
                    f"source {self._sources[rank].name!r} recorded improbably little "
                    f"from {_say(start)} to {_say(end)} (UTC)"
                )
        return covered

    def _end(self, covered: dict[int, dict[str, Any]], given: int | None) -> int:
        if given is not None or not covered:
            return given or 0
        ends = sorted((about["last"], self._sources[rank].name) for rank, about in covered.items())
        if ends[-1][0] - ends[0][0] > _DAY_US:
            self._note(
                "sources end at different times: "
                f"{', '.join(f'{name} {_say(end)}' for end, name in ends)} (UTC). "
                f"The data ends with the first, {ends[0][1]!r}; later events are withdrawn. "
                "Give data_end= if the sources are complete for longer",
                logging.WARNING,
            )
        return int(ends[0][0])

    def _account(self, end: str, *, with_examples: bool) -> list[Line]:
        from cjmining.ingest import ledger

        lines = []
        for feed in self._staged:
            lines += ledger.account_records(self._database, feed)
            lines += ledger.account_events(self._database, feed, end)
            lines += ledger.account_links(self._database, feed)
            values, found = ledger.account_values(self._database, feed)
            lines += values
            for left, n, remaining, example in found:
                such = f" (such as {example[:40]!r})" if with_examples else ""
                self._note(
                    f"source {feed.source.name!r}: {left.reason} in {counted(n, 'record')}{such}; "
                    f"{'its event is' if n == 1 else 'their events are'} kept without it"
                    f"{_decimal_advice(example, feed.feed.decimal)}",
                    logging.WARNING if n > remaining else logging.INFO,
                )
        return lines

    def _note_phones(self) -> None:
        from cjmining.ingest import identity

        for rank, source in enumerate(self._sources):
            tables = [
                f"{feed.table}_candidates"
                for feed in self._staged
                if feed.source_rank == rank and "phone" in {kind for kind, _ in feed.feed.identifiers}
            ]
            n = identity.local_phones(self._database, tables) if tables else 0
            if n:
                numbers = counted(
                    n,
                    "phone number has no country code and was",
                    "phone numbers have no country code and were",
                )
                self._note(
                    f"source {source.name!r}: {numbers} compared as written; give region=, such as 'DE'"
                )

    def _note_dates(self, end: str) -> None:
        for rank, n in self._database.run(
            "SELECT source_rank, count(*) FROM events WHERE precision >= 86400 AND withdrawn IS NULL "
            f"AND timestamp <= {end} GROUP BY source_rank ORDER BY source_rank"
        ):
            stand = counted(
                n,
                "event has a date without a time and stands at the start of its day",
                "events have a date without a time and stand at the start of their day",
            )
            self._note(f"source {self._sources[rank].name!r}: {stand}, before what has a time on that day")

    def _sources_table(self, covered: dict[int, dict[str, Any]]) -> pa.Table:
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
                    "note": self._clock_note(source, feeds),
                }
            )
        return pa.Table.from_pylist(rows, schema=schema.SOURCES)

    def _clock_note(self, source: Source, feeds: Sequence[Staged]) -> str:
        """Say what was assumed about times without a zone."""
        from cjmining.ingest.casts import NAIVE, REPEATED, SKIPPED

        counts: dict[int, int] = {}
        for feed in feeds:
            for clock, n in self._database.run(
                f"SELECT clock, count(*) FROM {feed.table}_used GROUP BY clock"
            ):
                counts[clock] = counts.get(clock, 0) + n
        said = []
        naive = sum(counts.get(kind, 0) for kind in (NAIVE, REPEATED, SKIPPED))
        if naive and not source.timezone_given:
            said.append(
                f"{counted(naive, 'record has a time', 'records have times')} without a zone, "
                f"read as {source.timezone} (the default)"
            )
        if counts.get(SKIPPED):
            said.append(
                f"{counted(counts[SKIPPED], 'record')} in an hour that a clock change skips "
                f"{'was' if counts[SKIPPED] == 1 else 'were'} moved on by it"
            )
        if counts.get(REPEATED):
            said.append(
                f"{counted(counts[REPEATED], 'record')} in an hour that occurs twice "
                f"{'was' if counts[REPEATED] == 1 else 'were'} read as the first of the two"
            )
        note = "; ".join(said)
        if note:
            self._note(f"source {source.name!r}: {note}")
        return note

    def _note(self, text: str, level: int = logging.INFO) -> None:
        self._notes.append(text)
        logger.log(level, text)

    def _nothing(self, lines: Sequence[Line], covered: dict[int, dict[str, Any]], given: int | None) -> str:
        """Say what became of everything that was read, and what to do about it."""
        empty = [
            f"{feed.source.name!r}, {file.name}: a header but no records"
            for feed in self._staged
            for file in feed.files
            if not file.records
        ]
        told = [
            f"{source!r}, {file}: {counted(n, what[:-1])} {fate}{f' ({why})' if why else ''}"
            for source, file, what, fate, why, n in lines
            if n and what in {"records", "events"}
        ]
        said = [f"no events are left of what was read. {'; '.join(empty + told)}"]
        reasons = {why for _, _, what, _, why, n in lines if n and what == "records"}
        said += self._spoilt()
        if "no identifier" in reasons:
            said.append(
                "Where there is no identifier, customer= names a column that is empty or a placeholder"
            )
        if given is not None and covered:
            first = min(about["first"] for about in covered.values())
            last = max(about["last"] for about in covered.values())
            said.append(
                f"data_end is {_say(given)}, but the events lie between {_say(first)} and {_say(last)} "
                "(UTC); give a later data_end=, or none"
            )
        return ". ".join(said)

    def _spoilt(self) -> list[str]:
        """One spoilt record with its reason, and what helps against it."""
        for feed in self._staged:
            spoilt = self._database.run(
                f"SELECT reason, min(content) FROM {feed.table} WHERE reason IS NOT NULL "
                "GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 1"
            )
            for reason, content in spoilt:
                example = f"An example of a record that was spoilt because {reason}: {content[:120]!r}"
                if reason.endswith("no time that can be read"):
                    return [example, _TIME_ADVICE]
                if reason.endswith("no number"):
                    return [example, "For decimal commas give decimal=','"]
                return [example]
        return []


def _decimal_advice(example: str, decimal: str) -> str:
    """Say which decimal sign to give, where a number was written with the other."""
    if decimal == "." and re.fullmatch(r"[+-]?[\d.]*,\d+", example):
        return ". For decimal commas give decimal=','"
    if decimal == "," and re.fullmatch(r"[+-]?[\d,]*\.\d+", example):
        return ". For decimal points give decimal='.'"
    return ""


def _listed(given: Any, what: str) -> list[Source]:  # noqa: ANN401 -- checked here
    from cjmining.ingest.sources.base import Source

    sources = [] if given is None else [given] if isinstance(given, Source) else given
    if not isinstance(sources, Sequence) or not all(isinstance(source, Source) for source in sources):
        raise SourceError(
            f"{what} must be sources such as cj.sources.Salesforce('exports/crm'), not {type(given).__name__}"
        )
    return list(sources)


def _check(sources: Sequence[Source], customers: Sequence[Source], identities: str) -> None:
    from cjmining.ingest.sources.customers import Customers

    if not sources:
        raise SourceError("there is nothing to ingest: give at least one source")
    for source in sources:
        if isinstance(source, Customers):
            raise SourceError("a Customers table has no events: give it as customers=")
    for source in customers:
        if not isinstance(source, Customers):
            raise SourceError(f"customers= takes cj.sources.Customers, not {type(source).__name__}")
    names = [source.name for source in (*sources, *customers)]
    for name in names:
        if names.count(name) > 1:
            raise SourceError(f"two sources are called {name!r}; give each its own name=")
    if identities not in IDENTITIES:
        raise SourceError(
            f"identities is one of {', '.join(map(repr, IDENTITIES))}, not {identities!r}"
            f"{nearest(str(identities), IDENTITIES)}"
        )


def _as_moment(given: datetime | date | str | None) -> int | None:
    """Return a moment as microseconds since 1970; without a zone it is UTC."""
    if given is None:
        return None
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError as problem:
            raise SourceError(
                f"data_end must be a date such as '2026-08-31T22:00:00Z', not {given!r}"
            ) from problem
    if not isinstance(given, datetime):
        given = datetime(given.year, given.month, given.day, tzinfo=UTC)
    if given.tzinfo is None:
        given = given.replace(tzinfo=UTC)
    whole = given.replace(microsecond=0)
    return int(whole.timestamp()) * 1_000_000 + given.microsecond


def _say(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M")
