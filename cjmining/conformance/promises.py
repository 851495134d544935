"""What a map promises of its touchpoints and stages, and each time that was kept or broken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.conformance.tables import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cjmining.conformance.walk import Walk
    from cjmining.intended import IntendedMap

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

WITHIN = "within"
"""The measure of a stage's own promise: the time from entering it to entering a later one."""


_FOREVER = 1 << 61


class Promise(NamedTuple):
    """One expectation of a map. Variants of a map that promise the same share it; `stage` is its number."""

    stage: int
    touchpoint: str
    measure: str
    after: str
    at_least: float | None
    at_most: float | None
    target: float


def promises_of(intended: IntendedMap) -> tuple[Promise, ...]:
    """Return what a map promises, in written order."""
    found = []
    for number, stage in enumerate(intended.stages):
        found += [
            Promise(number, at.touchpoint, e.measure, e.after or "", e.at_least, e.at_most, e.share)
            for at in stage.touchpoints
            for e in at.expect
        ]
        if stage.within is not None:
            found.append(
                Promise(number, "", WITHIN, "", None, stage.within.total_seconds(), stage.within_share)
            )
    return tuple(dict.fromkeys(found))


class Observed(NamedTuple):
    """Each time a promise was kept or broken, by journey: the event it is about, and when that was settled.

    `value` is NaN where something that should have happened did not. `unmeasured` and `not_due` are events.
    """

    about: Ints
    value: Floats
    kept: Bools
    settled: Ints
    unmeasured: Ints
    not_due: Ints


def observe(walk: Walk, promise: Promise) -> Observed:
    """Return each time that a promise was kept or broken, by journey."""
    observers: dict[str, Callable[[Walk, Promise], Observed]] = {
        "wait_s": _times_of_events,
        "duration_s": _times_of_events,
        "satisfaction": _answers,
        "response_s": _responses,
        "contacts": _contacts,
        WITHIN: _passages,
    }
    return observers[promise.measure](walk, promise)


def _keeps(promise: Promise, value: Floats) -> Bools:
    at_least = -math.inf if promise.at_least is None else promise.at_least
    at_most = math.inf if promise.at_most is None else promise.at_most
    return (value >= at_least) & (value <= at_most)


def _times_of_events(walk: Walk, promise: Promise) -> Observed:
    """Observe waits or durations; giving up before the promised time is over neither keeps nor breaks it."""
    events, columns = walk.events_in(promise.stage, promise.touchpoint), walk.part.columns
    value = getattr(columns, promise.measure)[events]
    kept = _keeps(promise, value)
    gave_up = kept & (columns.failed[events] == 1) & (promise.at_most is not None)
    known = ~np.isnan(value) & ~gave_up
    return Observed(
        events[known], value[known], kept[known], columns.timestamp[events[known]], events[~known], events[:0]
    )


def _answers(walk: Walk, promise: Promise) -> Observed:
    """Observe what customers answered: at the touchpoint itself, or about it where another one rates it."""
    columns, rated = walk.part.columns, walk.rated
    events = walk.events_in(promise.stage, promise.touchpoint)
    own = events[~np.isnan(columns.satisfaction[events])]
    answers = np.flatnonzero((rated >= 0) & ~np.isnan(columns.satisfaction))
    answers = answers[np.isin(rated[answers], events)]
    answered = np.sort(np.concatenate([own, answers]))
    value = columns.satisfaction[answered]
    return Observed(
        np.where(rated[answered] >= 0, rated[answered], answered),
        value,
        _keeps(promise, value),
        columns.timestamp[answered],
        np.setdiff1d(events, np.concatenate([own, rated[answers]])),
        events[:0],
    )


def _responses(walk: Walk, promise: Promise) -> Observed:
    """Observe how long each request waited for the next answer; what failed is neither."""
    part, time = walk.part, walk.part.columns.timestamp
    requests, answers = (
        events[part.columns.failed[events] != 1]
        for events in (walk.events_of(promise.after), walk.events_of(promise.touchpoint))
    )
    journey, after = walk.journey[requests], np.searchsorted(answers, requests, side="right")
    answer = np.append(answers, -1)[after]
    answered = (answer >= 0) & (walk.journey[answer] == journey)
    took = np.where(answered, time[answer] - time[requests], 0)
    due, until = _deadline(walk, promise, requests), _until(walk, promise, journey)
    late = np.where(answered, time[requests] + took > due, due < until)
    value = np.where(answered, took / SECOND_US, np.nan)
    early = answered & (value < (-math.inf if promise.at_least is None else promise.at_least))
    settled, kept = answered | late, answered & ~late & ~early
    return Observed(
        requests[settled],
        value[settled],
        kept[settled],
        np.where(late, due, time[requests] + took)[settled],
        requests[:0],
        requests[~settled],
    )


def _deadline(walk: Walk, promise: Promise, start: Ints) -> Ints:
    """Return the last moment at which a promise is certainly still kept, as coarse as times are."""
    at_most = _FOREVER if promise.at_most is None else round(promise.at_most * SECOND_US)
    deadline: Ints = walk.part.columns.timestamp[start] + walk.slack[start] + at_most
    return deadline


def _until(walk: Walk, promise: Promise, journey: Ints) -> Ints:
    """Return until when a touchpoint could still have followed in a journey.

    That is its decision; after the goal what the map plans in later stages may still come.
    """
    from cjmining.kernels.outcomes import CONVERTED

    judged, rules = walk.judged, walk.part.plan.rules
    named = [
        number
        for number, stage in enumerate(walk.part.plan.intended.stages)
        if any(t.touchpoint == promise.touchpoint for t in stage.touchpoints)
    ]
    goes_on = np.array(
        [s not in named and rules.leads_to[s, named].any() for s in range(len(rules.leads_to))]
    )
    place = judged.place_stage[journey]
    later = (judged.outcome[journey] == CONVERTED) & (place >= 0) & goes_on[place]
    return np.where(later, walk.part.until[journey], judged.decided_at[journey])


def _contacts(walk: Walk, promise: Promise) -> Observed:
    """Observe once a journey how often it needed the touchpoint; one under way may still need it again."""
    from cjmining.kernels.outcomes import OPEN

    judged, time = walk.judged, walk.part.columns.timestamp
    events = walk.events_in(promise.stage, promise.touchpoint)
    journey, first, n = np.unique(walk.journey[events], return_index=True, return_counts=True)
    bound = len(events) if promise.at_most is None else math.floor(promise.at_most)
    broken = n > bound
    settled = broken | (judged.outcome[journey] != OPEN)
    last = first + np.minimum(n - 1, bound)  # the one too many, or the last
    moment = time[events[last]] if len(events) else last
    too_few = n < (0 if promise.at_least is None else promise.at_least)
    moment = np.where(too_few, judged.decided_at[journey], moment)
    return Observed(
        events[first][settled],
        n[settled].astype(np.float64),
        (~broken & ~too_few)[settled],
        moment[settled],
        events[:0],
        events[first][~settled],
    )


def _passages(walk: Walk, promise: Promise) -> Observed:
    """Observe how long journeys took from entering a stage to entering a later one.

    Where the map leads on to none, nobody is late for it.
    """
    from cjmining.kernels.outcomes import CONVERTED, OPEN

    judged, time = walk.judged, walk.part.columns.timestamp
    journey, entered, left = walk.passages_of(promise.stage)
    reached, outcome = left >= 0, judged.outcome[journey]
    due, arrived = _deadline(walk, promise, entered), time[left]
    expected = (outcome != CONVERTED) & _leads_on(walk, promise.stage)
    late = np.where(reached, arrived > due, expected & (due < _alive_until(walk, journey)))
    settled, waiting = reached | late, ~reached & ~late & expected & (outcome == OPEN)
    return Observed(
        entered[settled],
        np.where(reached, (arrived - time[entered]) / SECOND_US, np.nan)[settled],
        ~late[settled],
        np.where(late, due, arrived)[settled],
        entered[:0],
        entered[waiting],
    )


def _leads_on(walk: Walk, stage: int) -> bool:
    return bool(walk.part.plan.rules.leads_to[stage, stage + 1 :].any())


def _alive_until(walk: Walk, journey: Ints) -> Ints:
    """Return until when a journey that didn't go on was still under way.

    Who fell silent when it was their own turn had left with their last act. Who waited for the company waited
    until patience ended.
    """
    from cjmining.kernels.outcomes import COMPANY, DROPPED

    judged = walk.judged
    silent = (judged.outcome[journey] == DROPPED) & (judged.decided_event[journey] < 0)
    own = silent & (judged.turn[journey] != COMPANY)
    return np.where(own, walk.located.last_act[journey], judged.decided_at[journey])
