"""The account of an ingestion: what became of every record read, every event made and every link seen.

Records read = used + superseded + set aside + quarantined, one fate each; events made = kept + joined +
withdrawn. The left sides are counted where records are read and events are made, the right sides from the
tables; a difference is a fault of the library and raises. Values of measures that were left out of events are
counted beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cjmining import schema
from cjmining.errors import LogError
from cjmining.ingest.by_time import DIVIDED, divided
from cjmining.ingest.database import Database, identifier, literal
from cjmining.ingest.row_sql import left_out_column

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import LeftOut
    from cjmining.ingest.stage import Staged

Line = tuple[str, str, str, str, str, int]
"""A line of the ledger: source, file, what, fate, reason, count."""

FATES = ("used", "superseded", "set aside", "quarantined")
_NOBODYS = "(SELECT code, why FROM id_sets WHERE customer IS NULL)"
"""SQL of the sets of identifiers without a customer: few, where records are many."""


def account_records(
    database: Database, feed: Staged, used: int | None = None
) -> tuple[list[Line], Counter[int]]:
    """Return the ledger's lines for the records of a feed; raise unless every record has one fate.

    And what the clocks of those that are used said, counted. If it is known from how many records events were
    made (`used`), only sets without a customer are looked up: the others must be as many.
    """
    counted = _counted_records(database, feed, whose="id_sets" if used is None else _NOBODYS)
    found = sum(n for _, fate, *_, n in counted if fate == "used")
    if used not in (None, found):
        raise LogError(
            f"source {feed.source.name!r}, {feed.feed.name}: events were made from {used:,} records but "
            f"{found:,} are accounted for as used. This is a fault of the library; please report it"
        )
    return record_lines(feed, counted)


def _counted_records(database: Database, feed: Staged, whose: str) -> list[tuple[Any, ...]]:
    nobodys = "i.customer IS NULL" if whose == "id_sets" else "(r.ids IS NULL OR i.code IS NOT NULL)"
    without = "FALSE" if feed.feed.reference else f"{nobodys} AND d.customer IS NULL"
    return database.run(
        "SELECT r.file, CASE WHEN r.reason IS NOT NULL THEN 'quarantined' WHEN s.sequence IS NOT NULL "
        "THEN 'superseded' "
        f"WHEN r.aside IS NOT NULL OR {without} THEN 'set aside' ELSE 'used' END AS fate, "
        "CASE WHEN r.reason IS NOT NULL THEN r.reason WHEN s.sequence IS NOT NULL THEN s.why "
        f"WHEN r.aside IS NOT NULL THEN r.aside WHEN {without} THEN coalesce(i.why, 'no identifier') "
        "ELSE '' END AS why, clock, count(*) "
        f"FROM {feed.table} r LEFT JOIN {feed.table}_superseded s USING (sequence) LEFT JOIN {whose} i "
        f"ON i.code = set_code(r.ids) LEFT JOIN timed d ON d.feed = {literal(feed.table)} "
        "AND d.sequence = r.sequence GROUP BY ALL ORDER BY ALL"
    )


def record_lines(feed: Staged, counted: Sequence[tuple[Any, ...]]) -> tuple[list[Line], Counter[int]]:
    """Return the ledger's lines for records counted by file, fate, reason and clock; and the clocks."""
    lines = []
    for file in feed.files:
        fates: Counter[tuple[str, str]] = Counter({(fate, why): n for fate, why, n in file.gone})
        for number, fate, why, _, n in counted:
            if number == file.number:
                fates[fate, why] += n
        own = [(fate, why, n) for (fate, why), n in fates.items()]
        total = fates.total()
        if total != file.records:
            raise LogError(
                f"source {file.source!r}, {file.name}: {file.records:,} records were read but {total:,} are "
                "accounted for. This is a fault of the library; please report it with the file's first lines"
            )
        own.sort(key=lambda line: (FATES.index(line[0]), line[1]))
        lines += [(file.source, file.name, "records", fate, why, n) for fate, why, n in own]
        if not own:
            lines.append((file.source, file.name, "records", "used", "", 0))
    clocks: Counter[int] = Counter()
    for _, fate, _, clock, n in counted:
        clocks[clock] += n if fate == "used" else 0
    return lines, clocks


def account_links(database: Database, feed: Staged) -> list[Line]:
    """Return the ledger's lines for identifiers that were no links: how many records bear them."""
    counted = database.run(
        f"SELECT c.file, f.reason, count(*) FROM {feed.table}_candidates c "
        "JOIN refused f ON f.code = set_code(c.ids) GROUP BY ALL ORDER BY ALL"
    )
    lines = link_lines(feed, counted)
    if divided(database, feed):
        names = {file.number: file.name for file in feed.files}
        given = database.run(
            f"SELECT c.file, count(*) FROM {feed.table}_candidates c JOIN timed d ON d.sequence = c.sequence "
            f"AND d.feed = {literal(feed.table)} GROUP BY ALL ORDER BY ALL"
        )
        lines += [(feed.source.name, names[n], "links", "by time", DIVIDED, count) for n, count in given]
    return lines


def link_lines(feed: Staged, counted: Sequence[tuple[int, str, int]]) -> list[Line]:
    """Return the ledger's lines for identifiers that were no links, counted by file and reason."""
    names = {file.number: file.name for file in feed.files}
    return [(feed.source.name, names[n], "links", "refused", reason, count) for n, reason, count in counted]


def account_events(database: Database, feed: Staged, made: int, end: str) -> list[Line]:
    """Return the ledger's lines for the events of a feed; raise unless all that were made are there."""
    numbers = ", ".join(str(file.number) for file in feed.files)
    return event_lines(feed, made, counted_events(database, end, f"file IN ({numbers})"))


def counted_events(database: Database, end: str, where: str = "TRUE") -> list[tuple[int, str, int]]:
    """Count events by file and by why they aren't kept."""
    late = literal("after the end of the data")
    return database.run(
        f"SELECT file, CASE WHEN withdrawn IS NOT NULL THEN withdrawn WHEN timestamp > {end} THEN {late} "
        f"ELSE '' END AS why, count(*) FROM events WHERE {where} GROUP BY ALL ORDER BY ALL"
    )


def event_lines(feed: Staged, made: int, counted: Sequence[tuple[int, str, int]]) -> list[Line]:
    """Return the ledger's lines for events that were counted; raise unless all that were made are there."""
    if not feed.feed.events:
        return []
    total = sum(n for _, _, n in counted)
    if total != made:
        raise LogError(
            f"source {feed.source.name!r}, {feed.feed.name}: {made:,} events were made but {total:,} are "
            "accounted for. This is a fault of the library; please report it"
        )
    lines = []
    for file in feed.files:
        own = [(why, n) for number, why, n in counted if number == file.number]
        lines += [
            (file.source, file.name, "events", "withdrawn" if why else "kept", why, n) for why, n in own
        ]
    return lines


def account_values(
    database: Database, feed: Staged
) -> tuple[list[Line], list[tuple[LeftOut, int, int, str]]]:
    """Return the ledger's lines for values left out of events that were kept.

    And for each kind of them: how many there are, how many values of the measure are left, and an example.
    """
    return value_lines(feed, counted_values(database, feed))


def counted_values(database: Database, feed: Staged) -> list[list[tuple[int, int, int, str | None]]]:
    """Count for each kind of values left out, by file: these, values of the measure; and give an example."""
    return [
        database.run(
            f"SELECT file, count({left_out_column(i)}) AS n, count({identifier(left.measure)}), "
            f"min({left_out_column(i)}) FROM {feed.table}_used GROUP BY file ORDER BY file"
        )
        for i, left in enumerate(feed.feed.left_out)
    ]


def value_lines(
    feed: Staged, counted: Sequence[Sequence[tuple[int, int, int, str | None]]]
) -> tuple[list[Line], list[tuple[LeftOut, int, int, str]]]:
    """Return what `account_values` does, of what `counted_values` counted."""
    lines, found = [], []
    names = {file.number: file.name for file in feed.files}
    for left, counts in zip(feed.feed.left_out, counted, strict=True):
        lines += [
            (feed.source.name, names[file], "values", "left out", left.reason, n)
            for file, n, _, _ in counts
            if n
        ]
        if total := sum(n for _, n, _, _ in counts):
            example = min(text for _, _, _, text in counts if text is not None)
            found.append((left, total, sum(n for _, _, n, _ in counts), example))
    return lines, found


def ledger_table(lines: Sequence[Line]) -> pa.Table:
    """Return the lines as the log's ledger."""
    columns = list(zip(*lines, strict=True)) if lines else [()] * 6
    return pa.table(
        [pa.array(c, f.type) for c, f in zip(columns, schema.LEDGER, strict=True)], schema=schema.LEDGER
    )


def quarantine_table(database: Database, staged: Sequence[Staged], *, with_content: bool) -> pa.Table:
    """Return the quarantined records; without their content where personal data must not stay."""
    tables = []
    for feed in staged:
        names = pa.table(
            {
                "file": pa.array([file.number for file in feed.files], pa.int32()),
                "f:name": pa.array([file.name for file in feed.files], pa.string()),
            }
        )
        content = "content" if with_content else "NULL::VARCHAR AS content"
        with database.registered("file_names", names):
            found = database.arrow(
                f'SELECT {literal(feed.source.name)} AS source, "f:name" AS file, record, reason, {content} '
                f"FROM {feed.table} JOIN file_names USING (file) WHERE reason IS NOT NULL ORDER BY sequence"
            )
        tables.append(found.cast(schema.QUARANTINE))
    return pa.concat_tables([schema.QUARANTINE.empty_table(), *tables]).combine_chunks()
