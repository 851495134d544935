"""What truly differed from the shop's map: told by how customers behaved, not by aligning their journeys.

The map sees journeys, not attempts: an attempt that pauses for longer than patience is two journeys, and two
attempts with less than patience between them are one. What of a deviation can be seen is told by rule: the
event that shows it lies in the data, and in the part of its journey that the map speaks of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from cjmining import schema
from cjmining.simulate.behaviour import DEVIATIONS, DROPPED, STAGES, Codes
from cjmining.simulate.settings import DAY_S, START
from cjmining.simulate.steps import CODE, STEPS

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.simulate.draws import Bools
    from cjmining.simulate.journeys import Journeys, World

Rows = npt.NDArray[np.int64]

PATIENCE_S = 14 * DAY_S
"""The map's patience; until a parcel is on its way."""
WITHIN_S = {"Research": 14 * DAY_S, "Basket": 7 * DAY_S, "Checkout": 7 * DAY_S}
"""What the map promises: from entering a stage to entering a later one."""
MISSING, AD_HOC, OUT_OF_ORDER, FAILED, REPEATED, WRONG_CHANNEL, LATE = range(len(DEVIATIONS))
_OWN = np.array([step.actor == "customer" for step in STEPS])
_UNPLANNED = [CODE["blog_read"], CODE["email_bounced"]]


class _Seen(NamedTuple):
    """Every event as the map sees it: its journey, and whether that is the map's to judge there.

    `journey` numbers the journeys that the map sees; `last_stage` is the stage of the last planned event so
    far in the journey, -1 for none; `judged` says that the event isn't after the journey's place, or that the
    journey reached the goal; `undecided` that what should have been there, only the map can say.
    """

    journey: Rows
    last_stage: Codes
    judged: Bools
    converted: Bools
    undecided: Bools


class _Deviations(NamedTuple):
    """One entry a deviation; `event` shows it."""

    type_: Codes
    stage: Codes
    touchpoint: Codes
    event: Rows


def deviation_truth(world: World) -> pd.DataFrame:
    """Return a row for each deviation that truly happened up to the end of the data.

    Returns
    -------
    pandas.DataFrame
        customer, attempt (0 for a mailing that came back), type, stage, touchpoint, at (when the event that
        shows it happened), event (its row in the log; for what is missing the event before which it is),
        observable, cut_short (its journey had not reached the goal). A deviation is observable unless it
        comes after the place of a journey that did not convert, or lies in a journey in which two attempts
        run into one, the first left at the checkout: what it should have looked like, only the map can say.
    """
    import pandas as pd

    events, journeys = world.events, world.journeys
    seen = _see(world)
    found = _joined(
        [_planted(world), _unplanned(world, seen), _without_a_look(world, seen), _late(world, seen)]
    )
    order = np.lexsort((found.type_, found.event))
    type_, stage, touchpoint, event = (column[order] for column in found)
    attempt = np.where(events.journey >= 0, journeys.attempt[events.journey], 0)
    return pd.DataFrame(
        {
            "customer": events.customer[event],
            "attempt": attempt[event].astype(np.int64),
            "type": np.array(DEVIATIONS, dtype=object)[type_],
            "stage": np.array([*STAGES, schema.BEFORE_THE_MAP], dtype=object)[stage],
            "touchpoint": np.array([step.touchpoint for step in STEPS], dtype=object)[touchpoint],
            "at": moments_at(events.time[event]),
            "event": event,
            "observable": seen.judged[event] & ~seen.undecided[event],
            "cut_short": ~seen.converted[event],
        }
    )


def undecided_events(world: World) -> Bools:
    """Return the events of journeys of which no customer decided what they should look like."""
    return _see(world).undecided


def moments_at(seconds: npt.NDArray[np.int64]) -> pd.DatetimeIndex:
    """Return when that many seconds of the shop had passed; what is below 0 never came."""
    import pandas as pd

    moments = (int(START.timestamp()) + seconds).astype("datetime64[s]").astype("datetime64[us]")
    moments[seconds < 0] = np.datetime64("NaT", "s")
    return pd.DatetimeIndex(moments, tz="UTC")


def quick_returns(journeys: Journeys) -> Bools:
    """Return which journeys began within patience of one that the same customer had left."""
    quick = np.zeros(len(journeys), dtype=np.bool_)
    same = journeys.customer[1:] == journeys.customer[:-1]
    left = journeys.outcome[:-1] == DROPPED
    quick[1:] = same & left & (journeys.start[1:] - journeys.last_own[:-1] < PATIENCE_S)
    return quick


# what the map sees ----------------------------------------------------------------------------------------


def _see(world: World) -> _Seen:
    events = world.events
    quick = quick_returns(world.journeys)
    journey = _journeys_seen(world, quick)
    in_order = np.isin(np.arange(len(events)), _out_of_order(world), invert=True)
    planned = events.stage >= 0
    last = _last_so_far(journey, planned & in_order)
    place = _last_of(journey, planned & (events.step != CODE["basket_reminder_sent"]))
    goal = _last_of(journey, events.step == CODE["order_delivered"])
    number = np.arange(len(events))
    last_stage = np.where(last >= 0, events.stage[last], -1).astype(np.int8)
    return _Seen(
        journey,
        last_stage,
        (number <= place[journey]) | (goal[journey] >= 0),
        goal[journey] >= 0,
        _undecided(world, quick, journey, last_stage)[journey],
    )


def _undecided(world: World, quick: Bools, journey: Rows, last_stage: Codes) -> Bools:
    """Return the journeys of which no customer decided what they should look like: two attempts in one.

    That is, where the first one was left in the midst of the checkout, or where a reminder of its basket came
    while the customer was elsewhere.
    """
    events = world.events
    in_checkout = np.zeros(len(quick), dtype=np.bool_)
    in_checkout[:-1] = quick[1:] & (world.journeys.place_stage[:-1] == STAGES.index("Checkout"))
    left_open = (events.journey >= 0) & in_checkout[events.journey]
    elsewhere = (events.step == CODE["basket_reminder_sent"]) & (last_stage != STAGES.index("Basket"))
    undecided = np.zeros(int(journey[-1]) + 1, dtype=np.bool_)
    undecided[journey[left_open | elsewhere]] = True
    return undecided


def _journeys_seen(world: World, quick: Bools) -> Rows:
    """Number the journeys that the map sees: each begins with an event of the customer's.

    One begins with an attempt, unless that is a quick return, and after patience, unless a parcel was sent.
    """
    events = world.events
    own = np.flatnonzero((events.journey >= 0) & _OWN[events.step])
    attempt, time = events.journey[own], events.time[own]
    first = np.diff(attempt, prepend=-1) != 0
    sent_at = np.full(len(world.journeys), np.iinfo(np.int64).max)
    sent = np.flatnonzero(events.step == CODE["parcel_sent"])
    sent_at[events.journey[sent]] = events.time[sent]
    silent = np.diff(time, prepend=time[:1]) >= PATIENCE_S
    begins = np.where(first, ~quick[attempt], silent & (time < sent_at[attempt]))
    new_customer = np.diff(events.customer, prepend=-1) != 0
    starts = new_customer.copy()
    own_first = np.diff(events.customer[own], prepend=-1) != 0
    starts[own[begins & ~own_first]] = True  # a customer's first journey has what came before it, too
    number: Rows = np.cumsum(starts) - 1
    return number


def _out_of_order(world: World) -> Rows:
    events: Rows = world.planted.event[world.planted.type_ == OUT_OF_ORDER]
    return events


def _last_so_far(journey: Rows, holds: Bools) -> Rows:
    """Return for each event the last one before it in its journey that holds, or -1."""
    at = np.where(holds, np.arange(len(journey)), -1)
    last = np.concatenate([[-1], np.maximum.accumulate(at)[:-1]])
    last[(last < 0) | (journey[last] != journey)] = -1
    return last


def _last_of(journey: Rows, holds: Bools) -> Rows:
    """Return for each journey its last event that holds, or -1."""
    last = np.full(int(journey[-1]) + 1, -1, dtype=np.int64)
    at = np.flatnonzero(holds)
    last[journey[at]] = at
    return last


# what deviates --------------------------------------------------------------------------------------------


def _planted(world: World) -> _Deviations:
    """Return what went wrong with a customer's own steps."""
    events, planted = world.events, world.planted
    touchpoint = np.where(planted.missing >= 0, planted.missing, events.step[planted.event])
    return _Deviations(planted.type_, events.stage[planted.event], touchpoint.astype(np.int8), planted.event)


def _unplanned(world: World, seen: _Seen) -> _Deviations:
    """Return what the map knows nothing of: pages of the blog, and mails that came back."""
    at = np.flatnonzero(np.isin(world.events.step, _UNPLANNED))
    return _of_type(AD_HOC, seen.last_stage[at], world.events.step[at], at)


def _without_a_look(world: World, seen: _Seen) -> _Deviations:
    """Return where no product was looked at: a journey begins in the basket, after a pause, or goes back.

    From the basket the map leads back to the products, and only from there to where journeys begin.
    """
    stage, last = world.events.stage, seen.last_stage
    begins = (last < 0) & (world.events.step == CODE["basket_filled"])
    goes_back = (stage == STAGES.index("Awareness")) & (last == STAGES.index("Basket"))
    at = np.flatnonzero(begins | goes_back)
    missing = np.full(len(at), CODE["product_viewed"], dtype=np.int8)
    return _of_type(MISSING, np.full(len(at), STAGES.index("Research"), dtype=np.int8), missing, at)


def _late(world: World, seen: _Seen) -> _Deviations:
    """Return who went on from a stage later than promised, with the event that went on."""
    events = world.events
    found = []
    for name, within in WITHIN_S.items():
        stage = STAGES.index(name)
        entered = _first_of(seen.journey, events.stage == stage)
        after = (entered[seen.journey] >= 0) & (np.arange(len(events)) > entered[seen.journey])
        left = _first_of(seen.journey, (events.stage > stage) & after)
        gone = np.flatnonzero(left >= 0)
        late = left[gone][events.time[left[gone]] - events.time[entered[gone]] > within]
        found.append(_of_type(LATE, np.full(len(late), stage, dtype=np.int8), events.step[late], late))
    return _joined(found)


def _first_of(journey: Rows, holds: Bools) -> Rows:
    """Return for each journey its first event that holds, or -1."""
    first = np.full(int(journey[-1]) + 1, -1, dtype=np.int64)
    at = np.flatnonzero(holds)[::-1]
    first[journey[at]] = at
    return first


def _of_type(type_: int, stage: Codes, touchpoint: Codes, event: Rows) -> _Deviations:
    return _Deviations(np.full(len(event), type_, dtype=np.int8), stage, touchpoint, event)


def _joined(parts: list[_Deviations]) -> _Deviations:
    return _Deviations(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
