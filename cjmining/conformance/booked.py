"""What a measure counts in a log, as a check counts it and by each event that happened, month by month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from cjmining.conformance.reconciliation import COUNTED, IF
from cjmining.conformance.worth import amounts_of_conversions, deciding_events, journeys_of
from cjmining.event_columns import rows_where

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.conformance.controls import Measure, Month
    from cjmining.conformance.reading import Reading
    from cjmining.conformance.result import Conformance

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


LEAST = 1e-6
"""Amounts below this are what rounding leaves."""


@dataclass(frozen=True)
class Context:
    """What all measures share."""

    check: Conformance
    reading: Reading
    timezone: str
    zone: ZoneInfo

    def months(self, times: Ints, zone: ZoneInfo | None = None) -> Ints:
        """Return the month of each time."""
        import pandas as pd

        local = pd.DatetimeIndex(times.astype("datetime64[us]"), tz="UTC").tz_convert(zone or self.zone)
        found: Ints = (local.year * 12 + local.month - 1).to_numpy().astype(np.int64)
        return found

    def bounds(self, month: Month) -> tuple[int, int]:
        """Return where a month begins and ends, in microseconds since 1970."""
        import pandas as pd

        ends = []
        for each in (month, month + 1):
            begin = pd.Timestamp(year=each // 12, month=each % 12 + 1, day=1, tz=self.zone)
            ends.append(microseconds(begin))
        return ends[0], ends[1]


def microseconds(moment: pd.Timestamp) -> int:
    """Return a moment in microseconds since 1970."""
    return int(moment.as_unit("us").asm8.astype(np.int64))


class Counts(NamedTuple):
    """What a measure counts: a row an event, with its amount (1, or money) and when it counts.

    `ours` and `events` are two ways to say it: as the check counts it, and by each event that happened.
    `ways` names what makes the difference: reason, detail, and the events with their amounts.
    """

    ours: Booked
    events: Booked
    ways: list[tuple[str, str, Booked]]


class Booked(NamedTuple):
    """Amounts at times; `event` is the row in the log."""

    times: Ints
    amount: Floats
    event: Ints


class Reason(NamedTuple):
    """A part of the difference: how much it could be in each month, and why."""

    reason: str
    basis: str
    up_to: Floats
    details: list[str]


def count(context: Context, measure: Measure, currency: str) -> Counts:
    """Count a measure in both ways; `currency` is that of the controls."""
    if measure.is_goal:
        return _conversions(context, currency if measure.is_value else None)
    events = events_of(context.reading, measure.touchpoints, failed=False)
    amounts = booked(context.reading, events, currency if measure.is_value else None)
    return Counts(amounts, amounts, [])


def _conversions(context: Context, currency: str | None) -> Counts:
    """Count converted journeys or their net value, and beside it each goal and refund as it happened."""
    reading = context.reading
    deciding = deciding_events(reading)
    goals = events_of(reading, reading.plan.intended.goal, failed=False)
    of_journey = deciding[journeys_of(reading, goals)]
    further = booked(reading, goals[(of_journey >= 0) & (goals != of_journey)], currency, positive=True)
    elsewhere = booked(reading, goals[of_journey < 0], currency, positive=True)
    ways = [
        ("further goals in a converted journey", "each counts for them, the journey once for us", further),
        ("goals after the journey had ended", "it was dropped or turned away before", elsewhere),
    ]
    own = deciding[deciding >= 0]
    if currency is None:
        ours = booked(reading, own, None)
        return Counts(ours, _joined(ours, further, elsewhere), ways)
    ours, as_booked = _money_of_conversions(context, deciding, currency)
    refunds = _refunds_elsewhere(context, as_booked, currency)
    ways += [
        (
            "money given back, booked when it was",
            "we take it off the conversion that it belongs to",
            _joined(as_booked, _negative(ours)),
        ),
        ("money given back outside of conversions", "", refunds),
    ]
    return Counts(ours, _joined(as_booked, further, elsewhere, refunds), ways)


def _money_of_conversions(context: Context, deciding: Ints, currency: str) -> tuple[Booked, Booked]:
    """Return what conversions brought, each amount when the goal was reached, and each when it was booked."""
    reading = context.reading
    amounts = amounts_of_conversions(reading)
    mine = amounts.currency == amounts.currencies.index(currency)
    event, value = amounts.event[mine], amounts.value[mine]
    decided = reading.columns.timestamp[deciding[amounts.journey[mine]]]
    # what a goal without a value takes from events before it is earned with the goal
    booked = np.where(value < 0, reading.columns.timestamp[event], decided)
    return Booked(decided, value, event), Booked(booked, value, event)


def _refunds_elsewhere(context: Context, counted: Booked, currency: str) -> Booked:
    """Return what was given back in events that belong to no conversion, but for those the map ignores."""
    reading = context.reading
    columns = reading.columns
    ignored = np.append(reading.plan.rules.ignored, False)
    events = rows_where(
        lambda value, touchpoint, failed: (value < 0) & ~ignored[touchpoint] & (failed != 1),
        columns.value,
        columns.touchpoint,
        columns.failed,
    )
    return booked(reading, np.setdiff1d(events, counted.event), currency)


def events_of(reading: Reading, touchpoints: Sequence[str], *, failed: bool) -> Ints:
    """Return the events of touchpoints, those that failed or those that did not."""
    words = (*reading.log.vocabulary("touchpoint"), "")
    named = np.array([bool(word) and word in touchpoints for word in words], dtype=np.bool_)
    columns = reading.columns
    return rows_where(
        lambda touchpoint, has_failed: named[touchpoint] & ((has_failed == 1) == failed),
        columns.touchpoint,
        columns.failed,
    )


def booked(reading: Reading, events: Ints, currency: str | None, *, positive: bool = False) -> Booked:
    """Return 1 an event, or its money in a currency."""
    columns = reading.columns
    if currency is None:
        return Booked(columns.timestamp[events], np.ones(len(events)), events)
    code = reading.currencies.index(currency) if currency else -1
    value = columns.value[events]
    mine = ~np.isnan(value) & (columns.currency[events] == code) & ((value >= 0) | (not positive))
    return Booked(columns.timestamp[events[mine]], value[mine], events[mine])


def _joined(*parts: Booked) -> Booked:
    return Booked(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _negative(amounts: Booked) -> Booked:
    return amounts._replace(amount=-amounts.amount)


class Series(NamedTuple):
    """The months of one measure."""

    context: Context
    months: Ints

    def sums(self, amounts: Booked, zone: ZoneInfo | None = None) -> Floats:
        """Return the sum of amounts in each month."""
        of_event = self.context.months(amounts.times, zone)
        place = np.searchsorted(self.months, of_event)
        place = np.minimum(place, len(self.months) - 1)
        mine = self.months[place] == of_event
        sums = np.bincount(place[mine], amounts.amount[mine], minlength=len(self.months))
        return np.where(np.abs(sums) < LEAST, 0.0, sums)

    def texts(self, text: str) -> list[str]:
        """Return the same detail for every month."""
        return [text] * len(self.months)


def way(series: Series, reason: str, detail: str, amounts: Booked) -> Reason:
    """Return what another way of counting would change, as the log knows it."""
    return Reason(reason, COUNTED, series.sums(amounts), series.texts(detail))


# Other ways of counting


def other_ways(
    context: Context, measure: Measure, currency: str, counts: Counts, series: Series
) -> Iterator[Reason]:
    """Yield how else they may count: each would change every month by a known amount."""
    reading, money = context.reading, currency if measure.is_value else None
    failed = booked(reading, events_of(reading, measure.touchpoints, failed=True), money)
    yield _if(series, "failed ones count too", failed)
    if money is not None:
        given_back = counts.events.amount < 0
        yield _if(series, "before money was given back", _negative(only(counts.events, given_back)))
        if not measure.is_goal:
            elsewhere = _refunds_elsewhere(context, counts.events, currency)
            yield _if(series, "money given back at other touchpoints", elsewhere)
        if currency:
            yield _if(series, "values without a currency are in it", _nameless(context, measure))
    yield from _one_source(context, counts, series)
    yield from _other_zones(context, measure, counts, series)


def _if(series: Series, reason: str, amounts: Booked, detail: str = "") -> Reason:
    return Reason(reason, IF, series.sums(amounts), series.texts(detail))


def only(amounts: Booked, keep: NDArray[np.bool_]) -> Booked:
    """Return some of the amounts."""
    return Booked(amounts.times[keep], amounts.amount[keep], amounts.event[keep])


def _nameless(context: Context, measure: Measure) -> Booked:
    """Return values that have no currency, counted as the others are."""
    if not measure.is_goal:
        events = events_of(context.reading, measure.touchpoints, failed=False)
        return booked(context.reading, events, "")
    deciding = deciding_events(context.reading)
    return _money_of_conversions(context, deciding, "")[1]


def _one_source(context: Context, counts: Counts, series: Series) -> Iterator[Reason]:
    """They may count only what one of several systems recorded."""
    source = context.reading.log.codes("source")[counts.events.event]
    names = context.reading.log.vocabulary("source")
    present = np.unique(source)
    if len(present) < 2:
        return
    for code in present:
        others = _negative(only(counts.events, source != code))
        yield _if(series, f"only what {names[code]} recorded counts", others)


def _other_zones(context: Context, measure: Measure, counts: Counts, series: Series) -> Iterator[Reason]:
    """They may cut their months in another time zone: UTC, or that of a source."""
    sources = context.reading.log.sources
    mine = sources[sources["source"].isin(sources_of(context.reading, measure))]
    for name in dict.fromkeys(["UTC", *mine["timezone"].dropna()]):
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue  # an offset such as -06:00 is a system's clock, nobody's calendar
        shift = series.sums(counts.events, zone) - series.sums(counts.events)
        if name != context.timezone:
            yield Reason(f"their months are cut in {name}", IF, shift, series.texts(""))


def sources_of(reading: Reading, measure: Measure) -> list[str]:
    """Return the sources that record what the measure counts."""
    words = reading.log.vocabulary("source")
    events = np.concatenate(
        [events_of(reading, measure.touchpoints, failed=failed) for failed in (False, True)]
    )
    return [words[code] for code in np.unique(reading.log.codes("source")[events]) if code >= 0]
