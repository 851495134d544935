"""Reading a log's accounts in tests."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cjmining.log import JourneyLog

RECORD_FATES = {"used", "superseded", "set aside", "quarantined"}


def fates(log: JourneyLog, source: str | None = None) -> dict[str, int]:
    """How many records of a source had which fate, with the reason where there is one."""
    return _counts(log, "records", source)


def events_made(log: JourneyLog, source: str | None = None) -> dict[str, int]:
    return _counts(log, "events", source)


def links(log: JourneyLog, source: str | None = None) -> dict[str, int]:
    return _counts(log, "links", source)


def _counts(log: JourneyLog, what: str, source: str | None) -> dict[str, int]:
    found: Counter[str] = Counter()
    ledger = log.ledger
    for row in ledger[ledger["what"] == what].itertuples():
        if source in (None, row.source):
            found[f"{row.fate}: {row.reason}" if row.reason else row.fate] += row.count
    return {key: n for key, n in found.items() if n}


def seen(log: JourneyLog, *columns: str) -> list[tuple[object, ...]]:
    """The events' values in the columns, times as UTC text."""
    rows = []
    for row in log.events.to_dict("records"):
        cells = []
        for column in columns:
            value = row[column]
            if column == "timestamp":
                value = value.strftime("%Y-%m-%d %H:%M:%S")
            elif value is None or value != value:
                value = None
            cells.append(value)
        rows.append(tuple(cells))
    return rows


def groups_of(log: JourneyLog) -> set[frozenset[tuple[str, str]]]:
    """Each customer's identifiers, as sets."""
    found: dict[int, set[tuple[str, str]]] = {}
    for row in log.identities.itertuples():
        found.setdefault(row.customer, set()).add((row.kind, row.value))
    return {frozenset(ids) for ids in found.values()}
