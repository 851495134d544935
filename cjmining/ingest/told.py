"""What an ingestion tells its user in words: what was assumed, and why nothing came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cjmining.ingest.casts import NAIVE, REPEATED, SKIPPED
from cjmining.ingest.sources.base import counted

if TYPE_CHECKING:
    from cjmining.ingest.database import Database
    from cjmining.ingest.sources.base import Source
    from cjmining.ingest.stage import Staged

TIME_ADVICE: Final = (
    "Times are read as ISO 8601; for another form give date_format=, such as '%d.%m.%Y %H:%M', or 'epoch s' "
    "for seconds since 1970"
)


def clock_note(database: Database, source: Source, feeds: Sequence[Staged]) -> str:
    """Say what was assumed about times without a zone."""
    counts: dict[int, int] = {}
    for feed in feeds:
        for clock, n in database.run(f"SELECT clock, count(*) FROM {feed.table}_used GROUP BY clock"):
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
    return "; ".join(said)


def nothing(
    database: Database,
    staged: Sequence[Staged],
    lines: Sequence[tuple[str, str, str, str, str, int]],
    covered: Mapping[int, Mapping[str, Any]],
    given: int | None,
) -> str:
    """Say what became of everything that was read where no event is left, and what to do about it.

    Parameters
    ----------
    database : Database
        With the staged records.
    staged : sequence of Staged
        What was read.
    lines : sequence of tuple
        The ledger's lines.
    covered : mapping
        Rank of a source -> its first and last event.
    given : int or None
        The end of the data that was given, microseconds since 1970.
    """
    empty = [
        f"{feed.source.name!r}, {file.name}: a header but no records"
        for feed in staged
        for file in feed.files
        if not file.records
    ]
    fates = [
        f"{source!r}, {file}: {counted(n, what[:-1])} {fate}{f' ({why})' if why else ''}"
        for source, file, what, fate, why, n in lines
        if n and what in {"records", "events"}
    ]
    said = [f"no events are left of what was read. {'; '.join(empty + fates)}"]
    reasons = {why for _, _, what, _, why, n in lines if n and what == "records"}
    said += _spoilt(database, staged)
    if "no identifier" in reasons:
        said.append("Where there is no identifier, customer= names a column that is empty or a placeholder")
    if given is not None and covered:
        first = min(about["first"] for about in covered.values())
        last = max(about["last"] for about in covered.values())
        said.append(
            f"data_end is {say(given)}, but the events lie between {say(first)} and {say(last)} "
            "(UTC); give a later data_end=, or none"
        )
    return ". ".join(said)


def _spoilt(database: Database, staged: Sequence[Staged]) -> list[str]:
    """One spoilt record with its reason, and what helps against it."""
    for feed in staged:
        spoilt = database.run(
            f"SELECT reason, min(content) FROM {feed.table} WHERE reason IS NOT NULL "
            "GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 1"
        )
        for reason, content in spoilt:
            example = f"An example of a record that was spoilt because {reason}: {content[:120]!r}"
            if reason.endswith("no time that can be read"):
                return [example, TIME_ADVICE]
            if reason.endswith("no number"):
                return [example, "For decimal commas give decimal=','"]
            return [example]
    return []


def decimal_advice(example: str, decimal: str) -> str:
    """Say which decimal sign to give, where a number was written with the other."""
    if decimal == "." and re.fullmatch(r"[+-]?[\d.]*,\d+", example):
        return ". For decimal commas give decimal=','"
    if decimal == "," and re.fullmatch(r"[+-]?[\d,]*\.\d+", example):
        return ". For decimal points give decimal='.'"
    return ""


def say(moment: int) -> str:
    """Write a moment, microseconds since 1970, in UTC."""
    return datetime.fromtimestamp(moment / 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M")
