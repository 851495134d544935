"""What an ingestion tells its user in words: what was assumed, and why nothing came of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cjmining.errors import SourceError, shorten
from cjmining.ingest.casts import NAIVE, REPEATED, SKIPPED
from cjmining.ingest.files import emptiness, inputs_below
from cjmining.ingest.sources.base import counted

if TYPE_CHECKING:
    from cjmining.ingest.database import Database
    from cjmining.ingest.ledger import Line
    from cjmining.ingest.sources.base import Feed, Input, Source
    from cjmining.ingest.stage import Staged

_LOOKED_AT: Final = 5
"""Files that are looked at to say whose they may be."""
_TIME_ADVICE: Final = (
    "Times are read as ISO 8601; for another form give date_format=, such as '%d.%m.%Y %H:%M', or 'epoch s' "
    "for seconds since 1970"
)


def time_advice(source: Source) -> str:
    """Say how times are read that a source's files write in another form."""
    counted_from = getattr(source, "epoch", None)
    if counted_from:
        return (
            f"Times were read as {counted_from!r}; a number of 10 digits is 'epoch s', one of 13 'epoch ms', "
            "one of 16 'epoch us'"
        )
    if _takes(source, "date_format"):
        return _TIME_ADVICE
    return "Export them as the system writes them by itself, or bring them into ISO 8601"


def _takes(source: Source, option: str) -> bool:
    return option in inspect.signature(type(source)).parameters


def clock_note(source: Source, counts: Mapping[int, int]) -> str:
    """Say what was assumed about times without a zone; `counts` are of what records' clocks said."""
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
    lines: Sequence[Line],
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
    said = [
        _before_all(covered, given),
        "no events are left of what was read. " + "; ".join(_fates(staged, lines)),
    ]
    said = [f"{said[0]}. Hence {said[1]}"] if said[0] else [said[1]]
    said += _spoilt(database, staged)
    said += _without_identifier(staged, lines)
    said += foreign(staged)
    return ". ".join(said)


def _before_all(covered: Mapping[int, Mapping[str, Any]], given: int | None) -> str:
    """Say that the end of the data that was given lies before all events."""
    if given is None or not covered:
        return ""
    first = min(about["first"] for about in covered.values())
    last = max(about["last"] for about in covered.values())
    return (
        f"data_end is {say(given)}, before all events: they lie between {say(first)} and {say(last)} (UTC). "
        "Give a later data_end=, or none"
    )


def _fates(staged: Sequence[Staged], lines: Sequence[Line]) -> list[str]:
    """Say what became of what was read, files with the same fate and reason together."""
    told: dict[tuple[str, str, str], list[tuple[str, int]]] = {}
    for feed in staged:
        for file, given in zip_longest(feed.files, feed.feed.inputs):
            if not file.records:
                told.setdefault((feed.source.name, "", _no_records(given)), []).append((file.name, 0))
    for name, where, what, fate, why, n in lines:
        if n and what in {"records", "events"}:
            told.setdefault((name, what[:-1], f"{fate}{f' ({why})' if why else ''}"), []).append((where, n))
    found = []
    for (source, what, fate), files in told.items():
        names = dict.fromkeys(name for name, _ in files)
        where = next(iter(names)) if len(names) == 1 else f"{len(names)} files"
        found.append(
            f"{source!r}, {where}: {f'{counted(sum(n for _, n in files), what)} ' if what else ''}{fate}"
        )
    return found


def _no_records(given: Input | None) -> str:
    """Say what a file has that has no records; none is given where an earlier delivery had it."""
    if given is None:
        return "no records"
    if how := emptiness(given):
        return f"empty ({how}); leave it out if nothing happened, else export it again"
    if given.name == "(query)":
        return "no rows"
    return "a header but no records" if given.format == "csv" else "no records"


def empty_files(staged: Sequence[Staged]) -> list[str]:
    """Say which files were empty, as they may where no header is due: JSON, or lines of a server's log."""
    said = []
    for feed in staged:
        pairs = zip(feed.files, feed.feed.inputs, strict=False)  # those of earlier deliveries come behind
        names = [file.name for file, given in pairs if not file.records and emptiness(given)]
        if names:
            said.append(
                f"source {feed.source.name!r}: {counted(len(names), 'file is', 'files are')} empty: "
                f"{shorten(names)}. Export again what should not be"
            )
    return said


def _without_identifier(staged: Sequence[Staged], lines: Sequence[Line]) -> list[str]:
    nameless = {
        source for source, _, what, _, why, n in lines if n and (what, why) == ("records", "no identifier")
    }
    sources = {feed.source.name: feed.source for feed in staged if feed.source.name in nameless}
    if any(_takes(source, "customer") for source in sources.values()):
        return ["Where there is no identifier, customer= names a column that is empty or a placeholder"]
    if sources:
        further = any(_takes(source, "identifiers") for source in sources.values())
        more = "; identifiers= names further columns that do" if further else ""
        return [f"Records without an identifier name no customer, or a placeholder{more}"]
    return []


def foreign(staged: Sequence[Staged]) -> list[str]:
    """Say of what other system the files of a source look to be, where they do."""
    inputs: dict[str, tuple[Source, list[Input]]] = {}
    for feed in staged:
        inputs.setdefault(feed.source.name, (feed.source, []))[1].extend(feed.feed.inputs)
    return [
        f"{'' if len(inputs) == 1 else f'{name!r}: '}{hint}"
        for name, (source, files) in inputs.items()
        if (hint := _looks_like(files, source.kind))
    ]


def feeds_of(source: Source) -> Sequence[Feed]:
    """Return the feeds of a source; where it finds nothing of its own, say whose files these look to be."""
    with naming_strangers(source):
        return source.feeds()


@contextmanager
def naming_strangers(source: Source) -> Iterator[None]:
    """Add to what is wrong with a source's files of which system they look to be, where it is another one."""
    try:
        yield
    except SourceError as problem:
        hint = "" if "cj.sources." in str(problem) else _looks_like(_given_to(source), source.kind)
        if not hint:
            raise
        raise SourceError(f"{str(problem).rstrip('.')}. {hint}") from problem


def _given_to(source: Source) -> Iterator[Input]:
    """Yield the files that a source was given, where it was given paths."""
    given = getattr(source, "_path", getattr(source, "_data", None))
    listed = [given] if isinstance(given, str | Path) else given
    if isinstance(listed, Sequence) and source.kind != "SQL":
        for path in (Path(each) for each in listed if isinstance(each, str | Path)):
            if path.exists():
                yield from inputs_below(path, strict=False)


def _looks_like(files: Iterable[Input], kind: str) -> str:
    """Say of which systems some files look to be, other than that of the source `kind`; else nothing."""
    from cjmining.ingest.peeking import peek
    from cjmining.ingest.recognising import LIKELY, recognised

    found: dict[str, None] = {}
    for given in islice((each for each in files if each.path is not None), _LOOKED_AT):
        match = recognised(peek(given))
        if match.source == kind:
            return ""
        if match.source is not None and match.certainty >= LIKELY:
            found[match.source] = None
    if not found:
        return ""
    calls = ", ".join(f"cj.sources.{name}(...)" for name in found)
    return f"These files look like {' and '.join(found)}: {calls}"


def unused(staged: Sequence[Staged], with_events: Collection[int]) -> list[str]:
    """Say which sources gave no event, and whose files look to be of another system."""
    found = []
    for rank in sorted({feed.source_rank for feed in staged} - set(with_events)):
        own = [feed for feed in staged if feed.source_rank == rank and not feed.feed.attributes]
        records = sum(feed.records for feed in own)
        if records and (hints := foreign(own)):
            none = f"none of {counted(records, 'record')} became an event"
            found.append(f"source {own[0].source.name!r}: {none}. {hints[0]}")
    return found


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
                return [example, time_advice(feed.source)]
            if reason.endswith("no number") and _takes(feed.source, "decimal"):
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
