"""What a log can't tell of a month: time that it doesn't observe, records that its ledger left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance.booked import (
    Context,
    Counts,
    Reason,
    Series,
    booked,
    events_of,
    microseconds,
    only,
    sources_of,
)
from cjmining.conformance.reconciliation import AT_MOST, said
from cjmining.conformance.worth import amounts_of_conversions, deciding_events

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance.controls import Measure

    Floats = NDArray[np.float64]

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
LATE = "after the end of the data"


class Covered(NamedTuple):
    """How many days of each month the log doesn't observe, and in words."""

    days: Floats
    details: list[str]

    @classmethod
    def of(cls, context: Context, measure: Measure, series: Series) -> Covered:
        """Measure it from the first event of the sources that record the measure to the end of the data."""
        log = context.reading.log
        sources = log.sources
        mine = sources[sources["source"].isin(sources_of(context.reading, measure))]["first"].dropna()
        # where no source recorded it, nobody knows which would have: the log as a whole says what it observes
        begin = microseconds(mine.min()) if len(mine) else log.observed_from_us
        withdrawn = _ledger(context, measure, "events", "withdrawn")
        late = sum(line.number for line in withdrawn if line.reason == LATE)
        days, details = [], []
        for month in series.months:
            start, end = context.bounds(int(month))
            seen = max(0, min(end, context.reading.data_end) - max(start, begin))
            lacking = (end - start - seen) / DAY_US
            after = (
                f"; {late:,} later events were withdrawn" if late and context.reading.data_end < end else ""
            )
            days.append(lacking)
            details.append(f"{lacking:.1f} of {(end - start) / DAY_US:.0f} days not observed{after}")
        return cls(np.array(days), details)


class _Line(NamedTuple):
    """How many records or events of a source had one fate for one reason."""

    source: str
    reason: str
    number: int
    files: tuple[str, ...]


def _ledger(context: Context, measure: Measure, what: str, fate: str) -> list[_Line]:
    ledger = context.reading.log.ledger
    mine = ledger[
        (ledger["what"] == what)
        & (ledger["fate"] == fate)
        & ledger["source"].isin(sources_of(context.reading, measure))
    ]
    lines = []
    for (source, reason), group in mine.groupby(["source", "reason"], sort=True, dropna=False):
        files = tuple(group.loc[group["count"] > 0, "file"])
        lines.append(_Line(str(source), str(reason or ""), int(group["count"].sum()), files))
    return [line for line in lines if line.number]


def at_most(
    context: Context, measure: Measure, currency: str, counts: Counts, series: Series
) -> Iterator[tuple[Reason, bool]]:
    """Yield what may be missing, most likely first; the flag says whether it is one total for all months."""
    amounts = counts.events.amount[counts.events.amount > 0]
    worth = float(amounts.mean()) if len(amounts) else 1.0
    yield _gaps(context, counts, series), False
    if measure.is_value:
        yield _valueless(context, measure, series, worth), False
    told = f", each estimated at {said(round(worth, 2))} {currency}".rstrip() if measure.is_value else ""
    fates = (("set aside", "set aside"), ("quarantined", "quarantined"), ("superseded", "delivered again"))
    for fate, became in fates:
        for line in _ledger(context, measure, "records", fate):
            yield _of_line(series, f"records {became}", line, "records", worth, told), True
    for line in _ledger(context, measure, "events", "withdrawn"):
        if line.reason != LATE:
            yield _of_line(series, "events withdrawn", line, "events", worth, told), True


def _of_line(series: Series, reason: str, line: _Line, what: str, worth: float, told: str) -> Reason:
    """The ledger knows how many records there were, not when they were from nor what they were about."""
    files = f"{', '.join(line.files[:3])}{' and more' if len(line.files) > 3 else ''}"
    why = f" ({line.reason})" if line.reason else ""
    detail = f"{line.source}: {line.number:,} {what}{why} in {files}, of any month and touchpoint{told}"
    return Reason(reason, AT_MOST, np.full(len(series.months), line.number * worth), series.texts(detail))


def _gaps(context: Context, counts: Counts, series: Series) -> Reason:
    """Estimate what a source would have recorded in its gaps: as much as in the hours outside of them."""
    log = context.reading.log
    words = log.vocabulary("source")
    source = log.codes("source")[counts.events.event]
    up_to, details = np.zeros(len(series.months)), [""] * len(series.months)
    for row in log.sources.to_dict("records"):
        if row["gaps"] is None or not len(row["gaps"]) or row["source"] not in words:
            continue
        own = only(counts.events, source == words.index(row["source"]))
        sums = series.sums(own)
        for n, month in enumerate(series.months):
            hours, lost = _lost(context.bounds(int(month)), row["gaps"])
            if lost:
                up_to[n] += max(0.0, sums[n]) * lost / max(hours - lost, 1.0)
                details[n] = _and(details[n], f"{row['source']}: {lost:.0f} of {hours:.0f} hours")
    return Reason("gaps in a source, estimated", AT_MOST, up_to, details)


def _lost(bounds: tuple[int, int], gaps: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return the hours of a month, and those of them that lie in gaps."""
    import pandas as pd

    start, end = bounds
    lost = 0
    for gap in gaps:
        first, last = (microseconds(pd.Timestamp(gap[side])) for side in ("start", "end"))
        lost += max(0, min(end, last) - max(start, first))
    return (end - start) / HOUR_US, lost / HOUR_US


def _and(text: str, more: str) -> str:
    return f"{text}; {more}" if text else more


def _valueless(context: Context, measure: Measure, series: Series, worth: float) -> Reason:
    """Conversions without a value, each taken for the mean of the others."""
    reading = context.reading
    if measure.is_goal:
        deciding = deciding_events(reading)
        valued = np.unique(amounts_of_conversions(reading).journey)
        events = deciding[np.setdiff1d(np.flatnonzero(deciding >= 0), valued)]
    else:
        every = events_of(reading, measure.touchpoints, failed=False)
        events = every[np.isnan(reading.columns.value[every])]
    number = series.sums(booked(reading, events, None))
    details = [f"{int(n):,} without a value, each estimated at {said(round(worth, 2))}" for n in number]
    return Reason(
        "conversions without a value" if measure.is_goal else "events without a value",
        AT_MOST,
        number * worth,
        details,
    )
