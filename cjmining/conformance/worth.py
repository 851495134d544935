"""What each conversion was worth: its net value by currency, and the event that decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance.reading import judge_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from cjmining.conformance.reading import Part, Reading

_AMOUNTS = {"journey": np.int64, "event": np.int64, "currency": np.int32, "value": np.float64}


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


def deciding_events(reading: Reading) -> NDArray[np.int64]:
    """Return the goal event that decided each journey, -1 where it did not convert; int64[J]."""
    kept = reading.keep_parts(_decided_in, {"journey": np.int64, "event": np.int64})
    found = np.full(len(reading.customer), -1, dtype=np.int64)
    for journeys, events in kept.pieces("journey", "event"):
        found[journeys] = events
    return found


def _decided_in(part: Part) -> dict[str, NDArray[Any]]:
    from cjmining.kernels.outcomes import CONVERTED

    judged = judge_part(part)
    converted = np.flatnonzero(judged.outcome == CONVERTED)
    events = part.event_numbers[judged.decided_event[converted]]
    return {"journey": part.journey_numbers[converted], "event": events}


def journeys_of(reading: Reading, events: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the journey of each of these events."""
    found: NDArray[np.int64] = np.searchsorted(reading.bounds, events, side="right") - 1
    return found


def amounts_of_conversions(reading: Reading) -> Amounts:
    """Return the events whose values make up what conversions brought, as a check counts them.

    The goal's value, else the values up to it; less what was given back in the journey, whenever. What the
    map ignores is no part of it, and what failed moved no money.
    """
    kept = reading.keep_parts(_paid_in, _AMOUNTS, by="event")
    return _amounts(reading, map(kept.column, _AMOUNTS))


def pieces_of_amounts(reading: Reading) -> Iterator[Amounts]:
    """Give the same by pieces of whole customers, in the order of events."""
    kept = reading.keep_parts(_paid_in, _AMOUNTS, by="event")
    for columns in kept.pieces(*_AMOUNTS):
        yield _amounts(reading, columns)


def _amounts(reading: Reading, columns: Iterable[NDArray[Any]]) -> Amounts:
    return Amounts(**dict(zip(_AMOUNTS, columns, strict=True)), currencies=(*reading.currencies, ""))


def _paid_in(part: Part) -> dict[str, NDArray[Any]]:
    from cjmining.kernels.stages import paying_events

    journey, event = paying_events(part.bounds, part.columns, judge_part(part), part.plan.rules)
    order = np.argsort(event, kind="stable")
    journey, event = journey[order], event[order]
    currency = part.columns.currency[event]
    return {
        "journey": part.journey_numbers[journey],
        "event": part.event_numbers[event],
        "currency": np.where(currency < 0, len(part.currencies), currency),
        "value": part.columns.value[event],
    }
