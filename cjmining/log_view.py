"""How a log shows itself to a person: as text in a terminal, as HTML in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cjmining import shown
from cjmining.event_columns import counts_of

if TYPE_CHECKING:
    from cjmining.log import JourneyLog


def as_text(log: JourneyLog) -> str:
    """Return what the log holds, a fact a line."""
    lines = [f"JourneyLog: {headline(log)}"]
    lines += [f"  {name}: {value}" for name, value in facts(log)]
    lines += [f"  note: {note}" for note in log.notes]
    return "\n".join(lines)


def as_html(log: JourneyLog) -> str:
    """Return the same for a notebook, with the sources below."""
    sources = log.sources[["source", "kind", "records", "first", "last", "timezone"]]
    return shown.card(
        "JourneyLog",
        headline(log),
        facts=facts(log),
        notes=log.notes,
        folds=[shown.fold("sources", sources, rows=len(sources), of=type(log), is_open=True)],
    )


def headline(log: JourneyLog) -> str:
    """Return the log's size in one line."""
    idle = log.n_customers - len(np.unique(log.journey_customer))
    without = f" ({idle:,} of them without events)" if idle else ""
    return f"{log.n_events:,} events, {log.n_journeys:,} journeys, {log.n_customers:,} customers{without}"


def facts(log: JourneyLog) -> list[tuple[str, str]]:
    """Return what a person wants to know first about a log, as pairs of name and text."""
    found = [("period", _period(log)), ("channels", _shares(log, "channel"))]
    found.append(("touchpoints", f"{len(log.vocabulary('touchpoint'))}: {_shares(log, 'touchpoint')}"))
    found.append(("sources", _shares(log, "source")))
    if log.split_by:
        found.append(("journeys", f"split by the map {log.split_by!r}"))
    if "persona" in log.customers.columns:
        counts = log.customers["persona"].value_counts(sort=False)
        found.append(("personas", ", ".join(f"{name} {n:,}" for name, n in counts.items())))
    found += [(f"tag {name}", _journeys_by(log, name)) for name in log.tags]
    found.append(("quality", _quality(log)))
    return found


def _period(log: JourneyLog) -> str:
    if not log.n_events:
        return "no events"
    first = np.datetime64(int(log.timestamps.min()), "us").astype("datetime64[s]").item()
    return f"{first:%Y-%m-%d %H:%M:%S} to {log.data_end:%Y-%m-%d %H:%M:%S} UTC (end of the data)"


def _shares(log: JourneyLog, column: str) -> str:
    return _counted(log.codes(column), log.vocabulary(column))


def _journeys_by(log: JourneyLog, tag: str) -> str:
    return _counted(*log.group(tag))


def _counted(codes: npt.NDArray[np.int32], words: Sequence[str], most: int = 8) -> str:
    counts = counts_of(codes, len(words))
    order = np.argsort(-counts, kind="stable")
    parts = [f"{words[i]} {counts[i]:,}" for i in order[:most]]
    if len(order) > most:
        parts.append(f"and {len(order) - most} more")
    missing = len(codes) - int(counts.sum())
    if missing:
        parts.append(f"not given {missing:,}")
    return ", ".join(parts) or "none"


def _quality(log: JourneyLog) -> str:
    ledger = log.ledger
    if ledger.empty:
        return "made in memory, no ledger"
    records = ledger[ledger["what"] == "records"].groupby("fate")["count"].sum()
    parts = [f"{int(records.sum()):,} records read"]
    parts += [f"{int(n):,} {fate}" for fate, n in records.items()]
    gaps = sum(len(g) for g in log.sources["gaps"] if g is not None)
    parts.append(f"{gaps} gaps in the sources" if gaps != 1 else "1 gap in the sources")
    return ", ".join(parts)
