"""What each conversion was worth: its net value by currency, and the event that decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.schema import OUTCOMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance.reading import Reading
    from cjmining.conformance.result import Conformance

CONVERTED = OUTCOMES.index("converted")


class Amounts(NamedTuple):
    """Money that converted journeys brought: a row an event that counts.

    `journey` is whose it is, `event` the row in the log, `currency` its code in `currencies`, whose last
    name is "" for values without one.
    """

    journey: NDArray[np.int64]
    event: NDArray[np.int64]
    currency: NDArray[np.int32]
    value: NDArray[np.float64]
    currencies: tuple[str, ...]


def deciding_events(check: Conformance, reading: Reading) -> NDArray[np.int64]:
    """Return the goal event that decided each journey, -1 where it did not convert; int64[J]."""
    journeys = check.journeys
    converted = journeys["outcome"].cat.codes.to_numpy() == CONVERTED
    decided = journeys["decided_at"].dt.as_unit("us").astype("int64").to_numpy()
    columns = reading.columns
    events = goal_events(reading)
    of_event = journeys_of(reading, events)
    here = converted[of_event] & (columns.timestamp[events] == decided[of_event])
    found = np.full(len(converted), -1, dtype=np.int64)
    # written backwards, so that of several at one time the first stays
    found[of_event[here][::-1]] = events[here][::-1]
    return found


def goal_events(reading: Reading) -> NDArray[np.int64]:
    """Return the events of the map's goal that did not fail, in the log's order."""
    words = reading.log.vocabulary("touchpoint")
    goal = np.array([word in reading.plan.intended.goal for word in (*words, "")], dtype=np.bool_)
    columns = reading.columns
    found: NDArray[np.int64] = np.flatnonzero(goal[columns.touchpoint] & (columns.failed != 1))
    return found


def journeys_of(reading: Reading, events: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the journey of each of these events."""
    found: NDArray[np.int64] = np.searchsorted(reading.bounds, events, side="right") - 1
    return found


def amounts_of_conversions(check: Conformance, reading: Reading) -> Amounts:
    """Return the events whose values make up what conversions brought, as a check counts them.

    The goal's value, else the values up to it; less what was given back in the journey, whenever. What the
    map ignores is no part of it, and what failed moved no money.
    """
    columns = reading.columns
    goal = deciding_events(check, reading)
    events = np.flatnonzero(~np.isnan(columns.value) & (columns.failed != 1))
    journey = journeys_of(reading, events)
    decided = goal[journey]
    ignored = np.append(reading.plan.rules.ignored, False)[columns.touchpoint[events]]
    amount = columns.value[events]
    own_value = ~np.isnan(columns.value[decided])
    earned = (events == decided) | ((events < decided) & ~own_value)
    counts = (decided >= 0) & ~ignored & (earned | (amount < 0))
    currency = columns.currency[events[counts]]
    last = len(reading.currencies)
    return Amounts(
        journey[counts],
        events[counts],
        np.where(currency < 0, last, currency).astype(np.int32),
        amount[counts],
        (*reading.currencies, ""),
    )
