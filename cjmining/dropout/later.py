"""When lost customers came back, and when they converted after all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.dropout.entries import CONVERTED, FOREVER, OPEN, pieces_of
from cjmining.engine.kept import in_lots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.conformance.reading import Part, Reading


class Ends(NamedTuple):
    """How each journey ended, by the log's numbers of journeys; times in microseconds since 1970.

    `within` is the first return inside a journey that was lost, `converted_within` a goal after it; both
    `FOREVER` where there is none, which is so wherever returns begin a journey of their own.
    """

    customer: NDArray[np.int64]
    start: NDArray[np.int64]
    decided_at: NDArray[np.int64]
    outcome: NDArray[np.int8]
    within: NDArray[np.int64]
    converted_within: NDArray[np.int64]


class Later(NamedTuple):
    """When the customer of each journey came back after it was decided, and converted; `FOREVER` if never."""

    returned_at: NDArray[np.int64]
    converted_at: NDArray[np.int64]


def ends_of(check: Conformance, reading: Reading) -> Ends:
    """Return how the journeys of a check ended, all at once."""
    _, ends = next(_some_ends(check, reading, len(reading.customer)))
    return ends


def pieces_of_ends(check: Conformance, reading: Reading) -> Iterator[tuple[slice, Ends]]:
    """Give how journeys ended by lots of whole customers, with their numbers: one lot of a log in memory."""
    limited = reading.log.memory_limit is not None
    yield from _some_ends(check, reading, MOST_AT_ONCE if limited else len(reading.customer))


MOST_AT_ONCE = 500_000
"""Journeys that are looked at together where the log has a limit of memory."""


def _some_ends(check: Conformance, reading: Reading, most: int) -> Iterator[tuple[slice, Ends]]:
    back = _within_journeys(reading)
    for own, decided_at, outcome in _lots(check, most):
        first, last = np.searchsorted(back.journey, [own.start, own.stop])
        within = np.full((2, own.stop - own.start), FOREVER, dtype=np.int64)
        within[:, back.journey[first:last] - own.start] = (
            back.returned_at[first:last],
            back.converted_at[first:last],
        )
        yield (
            own,
            Ends(
                customer=reading.customer[own],
                start=reading.columns.timestamp[reading.bounds[:-1][own]],
                decided_at=decided_at,
                outcome=outcome,
                within=within[0],
                converted_within=within[1],
            ),
        )


def _lots(check: Conformance, most: int) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.int8]]]:
    """Give when and how journeys ended by pieces of whole customers, up to so many together."""
    first = 0
    for decided_at, outcome in in_lots(pieces_of(check, "decided_at", "outcome"), most):
        yield slice(first, first + len(outcome)), decided_at, outcome
        first += len(outcome)


def later(ends: Ends) -> Later:
    """Say when the customer of each journey came back.

    The first journey that they begin once this one is decided is a return, and so is converting: in a journey
    decided later, or in this very one after it was lost.
    """
    begun = _first_after(ends, np.ones(len(ends.start), np.bool_), ends.start)
    converted = _first_after(ends, ends.outcome == CONVERTED, ends.decided_at)
    converted = np.minimum(converted, ends.converted_within)
    return Later(np.minimum(np.minimum(begun, ends.within), converted), converted)


def under_way_or_converted(
    ends: Ends, numbers: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say whose customers have another journey that is open, and who converted since this one began.

    Cases that a source names may overlap: converting in one that began earlier counts as well.
    """
    customers, place = np.unique(ends.customer[numbers], return_inverse=True)

    def of_outcome(outcome: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found = np.flatnonzero((ends.outcome == outcome) & np.isin(ends.customer, customers))
        return found, np.searchsorted(customers, ends.customer[found])

    _, at = of_outcome(OPEN)
    others = np.bincount(at, minlength=len(customers))[place] - (ends.outcome[numbers] == OPEN)
    converted, at = of_outcome(CONVERTED)
    latest = np.full(len(customers), -FOREVER, dtype=np.int64)
    np.maximum.at(latest, at, ends.decided_at[converted])
    own = ends.outcome[numbers] == CONVERTED  # a conversion does not come after itself
    since = np.where(own, ends.decided_at[numbers], ends.start[numbers])
    return others > 0, latest[place] > since


def microseconds(times: object) -> NDArray[np.int64]:
    """Return a column of times as microseconds since 1970."""
    array = times.to_numpy(dtype="datetime64[us]")  # type: ignore[attr-defined]
    converted: NDArray[np.int64] = array.astype(np.int64)
    return converted


def _first_after(ends: Ends, among: NDArray[np.bool_], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each journey the first of `times` of the customer's other journeys, from its decision on."""
    moments = np.unique(np.concatenate([times, ends.decided_at]))
    _, customer = np.unique(ends.customer, return_inverse=True)
    width = len(moments) + 1
    others = np.flatnonzero(among)
    keys = customer[others] * width + np.searchsorted(moments, times[others])
    order = np.argsort(keys, kind="stable")
    others, keys = others[order], keys[order]
    asked = customer * width + np.searchsorted(moments, ends.decided_at)
    at = np.searchsorted(keys, asked)
    padded = np.append(others, -1)
    at = np.where(padded[np.minimum(at, len(others))] == np.arange(len(customer)), at + 1, at)
    found = padded[np.minimum(at, len(others))]
    same = (found >= 0) & (customer[found] == customer)
    return np.where(same, times[found], FOREVER).astype(np.int64)


class _Within(NamedTuple):
    """Journeys within which lost customers came back, ascending, and when they did and converted."""

    journey: NDArray[np.int64]
    returned_at: NDArray[np.int64]
    converted_at: NDArray[np.int64]


def _within_journeys(reading: Reading) -> _Within:
    """Say when lost customers came back, and converted, within the very journey."""
    kept = reading.keep_parts(_within_part, dict.fromkeys(_Within._fields, np.int64))
    return _Within(*map(kept.column, _Within._fields))


def _within_part(part: Part) -> dict[str, NDArray[np.int64]]:
    from cjmining.conformance.reading import judge_part
    from cjmining.kernels.outcomes import CUSTOMER, GOAL, STAYED_AWAY

    judged, rules, columns = judge_part(part), part.plan.rules, part.columns
    found = np.full((2, len(part.journey_numbers)), FOREVER, dtype=np.int64)
    journey = np.repeat(np.arange(len(part.journey_numbers)), np.diff(part.bounds))
    event = np.flatnonzero((judged.won_back != STAYED_AWAY)[journey])
    journey = journey[event]
    time, code, actor = columns.timestamp[event], columns.touchpoint[event], columns.actor[event]
    by_exit = judged.decided_event[journey] >= 0
    after = np.where(by_exit, event > judged.decided_event[journey], time >= judged.decided_at[journey])
    after &= (code >= 0) & ~rules.ignored[code]
    own = np.where(actor >= 0, np.append(rules.actor_codes, CUSTOMER)[actor], CUSTOMER)
    by_customer = np.where(rules.actor[code] >= 0, rules.actor[code], own) == CUSTOMER
    goal = after & (rules.role[code] == GOAL) & (columns.failed[event] != 1)
    back = goal | (after & by_customer & (rules.entry[code] | ~by_exit))
    for row, which in enumerate((back, goal)):
        np.minimum.at(found[row], journey[which], time[which])
    some = np.flatnonzero(found[0] < FOREVER)
    within = _Within(part.journey_numbers[some], found[0, some], found[1, some])
    return within._asdict()
