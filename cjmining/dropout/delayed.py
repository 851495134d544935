"""From when journeys count: their beginning, or the data start where they were under way (delayed entry)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from cjmining.dropout.entries import DROPPED, FOREVER, OPEN, begun_inside, columns_of
from cjmining.errors import LogError, nearest
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.conformance.reading import Part, Reading
    from cjmining.log import JourneyLog

_EMPTY = np.iinfo(np.int64).min
"""As pandas writes a moment that isn't there."""


class UnderWay(NamedTuple):
    """Journeys under way when the data begin, a row each, by customer.

    Attributes
    ----------
    customer : int64[L]
    journey : int64[L]
        Number in the log; -1 for those of which the log has no event.
    origin, ended_at : int64[L]
        Microseconds since 1970: when it had begun, and its decision (the data end where it is open).
    end : int8[L]
        0 converted, 1 dropped, 2 turned away, 3 open.
    """

    customer: NDArray[np.int64]
    journey: NDArray[np.int64]
    origin: NDArray[np.int64]
    ended_at: NDArray[np.int64]
    end: NDArray[np.int8]

    def only(self, keep: NDArray[np.bool_]) -> UnderWay:
        """Return some of the rows, by a mask."""
        customer, journey, origin, ended_at, end = self
        return UnderWay(customer[keep], journey[keep], origin[keep], ended_at[keep], end[keep])


class Beginnings(NamedTuple):
    """Which journeys of the log count, and from when.

    Attributes
    ----------
    inside : bool[J]
        Those that began while the log was observed: they count from there.
    left_out : bool[J]
        Those that may have begun before, nobody knows when.
    anew, anew_at : int64[A]
        Journeys that don't begin with their first event, and when they begin, microseconds since 1970: after
        a journey that was dropped unseen it is the first that the customer did, since what a company sends
        begins no new journey after silence.
    under_way : UnderWay
        Those that count with delayed entry.
    """

    inside: NDArray[np.bool_]
    left_out: NDArray[np.bool_]
    anew: NDArray[np.int64]
    anew_at: NDArray[np.int64]
    under_way: UnderWay

    def began_at(self, reading: Reading) -> NDArray[np.int64]:
        """Return when each journey began, microseconds since 1970."""
        began_at: NDArray[np.int64] = reading.columns.timestamp[reading.bounds[:-1]]
        began_at[self.anew] = self.anew_at
        return began_at


def beginnings(
    check: Conformance, *, origin: str | None = None, last_activity: str | None = None
) -> Beginnings:
    """Say from when each journey counts.

    Parameters
    ----------
    check : Conformance
        With its log.
    origin, last_activity : str, optional
        Attributes of customers: when the journey under way at the data start had begun, and what the customer
        last did before; both empty where none was. A journey is still under way if the map's patience hadn't
        passed at the data start. It goes on with the customer's first journey in the log, if the customer
        came back or somebody decided it before patience had passed. Else it was dropped then, and what the
        log has is a new one.

    Raises
    ------
    LogError
        If only one is given, customers have no such attribute, or it doesn't hold moments before the data
        start, the origin first.
    """
    reading = check._with_log("journeys")
    inside = begun_inside(reading)
    nothing = np.zeros(0, np.int64)
    nobody = UnderWay(nothing, nothing, nothing, nothing, nothing.astype(np.int8))
    if origin is None and last_activity is None:
        return Beginnings(inside, ~inside, nothing, nothing, nobody)
    if origin is None or last_activity is None:
        raise LogError(
            "delayed entry needs both: origin, when the journey under way at the data start had begun, and "
            f"last_activity, what the customer last did before; only {origin or last_activity!r} is given"
        )
    return _with_those_under_way(check, reading, inside, _read(reading.log, origin, last_activity))


class _Before(NamedTuple):
    """What is known of each customer before the data start; `_EMPTY` where nothing is."""

    customer: NDArray[np.int64]
    origin: NDArray[np.int64]
    last: NDArray[np.int64]


def _read(log: JourneyLog, origin: str, last_activity: str) -> _Before:
    customers = log.customers
    found = _Before(
        customers["customer"].to_numpy(),
        _moments(customers, origin, log.attributes),
        _moments(customers, last_activity, log.attributes),
    )
    known = (found.origin != _EMPTY) & (found.last != _EMPTY)
    late = known & (found.last >= log.observed_from_us)
    turned = known & (found.origin > found.last)
    for wrong, what in (
        (
            late,
            f"{last_activity!r} lies in the time that the log observes, from {_day(log.observed_from_us)}",
        ),
        (turned, f"{origin!r} lies after {last_activity!r}"),
    ):
        if wrong.any():
            raise LogError(
                f"{what}, of {np.count_nonzero(wrong)} customers, first of customer "
                f"{found.customer[np.argmax(wrong)]}: delayed entry needs the beginning of the journey and "
                "the last activity before the data start, in this order"
            )
    return found


def _moments(customers: pd.DataFrame, name: str, attributes: Sequence[str]) -> NDArray[np.int64]:
    """Return an attribute as microseconds since 1970, `_EMPTY` where it is empty."""
    if name not in attributes:
        raise LogError(
            f"customers have no attribute {name!r}{nearest(name, attributes)}; they have "
            f"{', '.join(attributes) or 'none'}"
        )
    values = customers[name].astype(object)
    values = values.where(values.notna() & (values != ""), None)
    moments = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601").dt.as_unit("us")
    unread = moments.isna() & values.notna()
    if unread.any():
        raise LogError(
            f"the attribute {name!r} of customers holds {values[unread].iloc[0]!r}, which is no moment such "
            "as 2026-03-01 or 2026-03-01T12:00:00Z"
        )
    return pd.DatetimeIndex(moments).asi8


def _day(moment: int) -> str:
    return f"{pd.Timestamp(moment, unit='us'):%Y-%m-%d}"


def _with_those_under_way(
    check: Conformance, reading: Reading, inside: NDArray[np.bool_], before: _Before
) -> Beginnings:
    log, patience = reading.log, reading.plan.intended.patience_us
    known = (before.origin != _EMPTY) & (before.last != _EMPTY)
    nothing = (before.origin == _EMPTY) & (before.last == _EMPTY)
    deadline = before.last + patience if patience >= 0 else np.full(len(before.last), FOREVER)
    under = known & (deadline > log.observed_from_us)
    journey = _first_journeys(reading, before.customer)
    has, at = journey >= 0, np.maximum(journey, 0)
    end, ended_at = ends_of(check)
    own = _first_own(reading)
    came_back = has & (own[at] < deadline)
    decided = has & (end[at] != OPEN) & (ended_at[at] <= deadline)
    goes_on = under & (came_back | decided)
    is_none = has & known & ~goes_on & (own[at] == FOREVER)  # only a customer begins anew after silence
    begins = has & (known | nothing) & ~goes_on & ~is_none
    inside = inside.copy()
    inside[journey[begins]] = True
    inside[journey[goes_on | is_none]] = False
    anew = begins & known
    gone = np.where(deadline <= reading.data_end, DROPPED, OPEN)
    found = UnderWay(
        before.customer,
        np.where(goes_on, journey, -1),
        before.origin,
        np.where(goes_on, ended_at[at], np.minimum(deadline, reading.data_end)),
        np.where(goes_on, end[at], gone).astype(np.int8),
    )
    kept = under & (found.ended_at > log.observed_from_us)
    left_out = ~inside
    left_out[journey[is_none | (goes_on & kept)]] = False
    anew_at = np.minimum(own, ended_at)[at][anew]
    return Beginnings(inside, left_out, journey[anew], anew_at, found.only(kept))


def _first_journeys(reading: Reading, customers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the journey of each customer that may have begun before the data, -1 where there is none."""
    log = reading.log
    rows = np.flatnonzero((log.attempts == 1) & log.splittable)
    owners = reading.customer[rows]
    place = np.minimum(np.searchsorted(owners, customers), max(len(rows) - 1, 0))
    if not len(rows):
        return np.full(len(customers), -1, dtype=np.int64)
    return np.where(owners[place] == customers, rows[place], -1)


def ends_of(check: Conformance) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Return how each journey ended (0 converted, 1 dropped, 2 turned away, 3 open), and when."""
    return columns_of(check, "outcome"), columns_of(check, "decided_at")


def _first_own(reading: Reading) -> NDArray[np.int64]:
    """Return when the customer first did something in each journey; `FOREVER` where nothing was."""
    kept = reading.keep_parts(_first_own_in, {"journey": np.int64, "at": np.int64})
    return kept.column("at")


def _first_own_in(part: Part) -> dict[str, NDArray[np.int64]]:
    from cjmining.kernels.outcomes import CUSTOMER

    rules, columns = part.plan.rules, part.columns
    stated = np.append(rules.actor, -1)[columns.touchpoint]
    recorded = np.append(rules.actor_codes, CUSTOMER)[columns.actor]
    own = np.where(stated >= 0, stated, recorded) == CUSTOMER
    own &= ~np.append(rules.ignored, False)[columns.touchpoint]
    moments = np.where(own, columns.timestamp, FOREVER)
    if len(part.journey_numbers):
        moments = np.minimum.reduceat(moments, part.bounds[:-1])
    return {"journey": part.journey_numbers, "at": moments}


def names_of_customers(log: JourneyLog, customers: NDArray[np.int64], by: Sequence[str]) -> list[str]:
    """Return the group of customers who have no journey in the log: by attributes, else "unknown"."""
    parts = [
        _words(*log.group_of_customers(name, customers))
        if name in log.attributes
        else [UNKNOWN] * len(customers)
        for name in by
    ]
    return [", ".join(row) for row in zip(*parts, strict=True)] if parts else ["all"] * len(customers)


def _words(codes: NDArray[np.int32], names: Sequence[str]) -> list[str]:
    return [names[code] for code in codes.tolist()]
