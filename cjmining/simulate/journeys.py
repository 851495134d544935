"""All journeys of all customers: attempts one after the other, mailings, strays, and what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cjmining.simulate.behaviour import (
    CAMPAIGN_S,
    CONVERTED,
    DROPPED,
    OPEN,
    TURNED_AWAY,
    Attempt,
    Codes,
    Index,
    Seconds,
    attempt,
    mailing_delay,
)
from cjmining.simulate.draws import Bools, Draws
from cjmining.simulate.people import People, people
from cjmining.simulate.settings import DAY_S, PERIOD_S, Settings
from cjmining.simulate.steps import CODE, SOURCES, STEPS

MOST_ATTEMPTS = 4
SALE_DAYS = range(134, 141)
"""15 to 21 June: a week of sale brings more customers who behave like all others."""
HOURS = np.array(
    [1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 11, 11, 12, 11, 11, 11, 12, 14, 16, 18, 17, 12, 6, 3], dtype=float
)

_CUSTOMERS_OWN = np.array([step.actor == "customer" for step in STEPS])
_SOURCE = np.array([SOURCES.index(step.source) for step in STEPS], dtype=np.int8)
MEASURES = ("wait_s", "duration_s", "satisfaction", "value", "precision")


@dataclass(frozen=True)
class Events:
    """Events in order of customer and time; times are seconds after the shop's start.

    `journey` is -1 for mailings, `stage` a code of `behaviour.STAGES` or -1 for what is not on the map.
    """

    customer: npt.NDArray[np.int64]
    journey: npt.NDArray[np.int64]
    time: Seconds
    step: Codes
    stage: Codes
    campaign: Codes
    failed: Bools
    by_phone: Bools
    measures: dict[str, npt.NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.time)


EVENT_COLUMNS = tuple(column.name for column in fields(Events) if column.name != "measures")


@dataclass(frozen=True)
class Journeys:
    """One entry a journey, by customer and attempt; times are seconds after the shop's start, -1 for never.

    Attributes
    ----------
    customer, attempt : int arrays
        Whose, and which one of theirs (1, 2, ...).
    start, end, last_own : int64 arrays
        First and last event, and the last one done by the customer.
    outcome : int8 array
        Codes of `cjmining.schema.OUTCOMES`: as it truly was when the data ended.
    decided_at, left_at : int64 arrays
        When the outcome was decided, and when the customer decided to leave.
    left : int8 array
        Why, a code of `behaviour.REASONS`.
    place, place_stage : int8 arrays
        Last step of the map reached (a code of `steps.STEPS`) and its stage; -1 for none.
    device, app, begins : arrays
        On what, and how it began.
    parcel_on_its_way : bool array
        A parcel was sent and has not arrived when the data ends.
    flags : dict of bool arrays
        Planted things, by name.
    """

    customer: npt.NDArray[np.int64]
    attempt: Codes
    start: Seconds
    end: Seconds
    last_own: Seconds
    outcome: Codes
    decided_at: Seconds
    left_at: Seconds
    left: Codes
    place: Codes
    place_stage: Codes
    device: Codes
    app: Bools
    begins: Codes
    parcel_on_its_way: Bools
    flags: dict[str, Bools]

    def __len__(self) -> int:
        return len(self.customer)


class Planted(NamedTuple):
    """Deviations as they were planted: a code of `behaviour.DEVIATIONS` and the event that shows each.

    `missing` is the code of the step that is missing before the event, -1 where the event itself deviates.
    """

    type_: Codes
    event: npt.NDArray[np.int64]
    missing: Codes


class World(NamedTuple):
    """Everything that happened."""

    settings: Settings
    people: People
    journeys: Journeys
    events: Events
    planted: Planted
    prefetched: int
    stray: int


def world(settings: Settings) -> World:
    """Let all customers of a shop act until the data ends."""
    folk = people(settings)
    trips, first_start, unsubscribed_at = _attempts(settings, folk)
    parts = [_seen(trip, number) for number, trip in enumerate(trips, start=1)]
    journeys, moved = _one_order([part.journeys for part in parts])
    events = [_renumbered(part.events, numbers) for part, numbers in zip(parts, moved, strict=True)]
    mailings = _mailings(settings, folk, first_start, unsubscribed_at)
    strays = _strays(settings, journeys, events, len(mailings))
    merged, moved_to = _merge([*events, mailings, strays])
    planted = _planted([part.planted for part in parts], [len(part) for part in events], moved_to)
    prefetched = int((mailings.step == CODE["newsletter_prefetched"]).sum())
    return World(settings, folk, journeys, merged, planted, prefetched, len(strays))


# attempts -------------------------------------------------------------------------------------------------


def _attempts(settings: Settings, folk: People) -> tuple[list[Attempt], Seconds, Seconds]:
    n = settings.customers
    draws = Draws(settings.seed, n)
    customer: Index = np.arange(n)
    start = _first_starts(settings, draws)
    subscribed = folk.subscriber.copy()
    first_start = start.copy()
    unsubscribed_at = np.full(n, PERIOD_S, dtype=np.int64)
    trips: list[Attempt] = []
    for number in range(MOST_ATTEMPTS):
        now = draws.of(number, customer)
        trip = attempt(settings, folk, now, customer=customer, start=start, subscribed=subscribed)
        trips.append(trip)
        if number == 0:
            early = np.where(trip.campaign >= 0, CAMPAIGN_S[trip.campaign] - 1, trip.start)
            first_start = np.minimum(early, trip.start)
        gone = customer[trip.unsubscribed]
        subscribed[gone] = False
        unsubscribed_at[gone] = trip.left_at[trip.unsubscribed]
        again, start = _next_starts(trip)
        customer, start = customer[again], start[again]
        if not len(customer):
            break
    return trips, first_start, unsubscribed_at


def _first_starts(settings: Settings, draws: Draws) -> Seconds:
    days = np.ones(PERIOD_S // DAY_S)
    if settings.sale:
        days[SALE_DAYS.start : SALE_DAYS.stop] = 2.5
    day = np.searchsorted(np.cumsum(days) / days.sum(), draws.uniform("first day"), side="right")
    return np.minimum(day, len(days) - 1) * DAY_S + _time_of_day(draws)


def _time_of_day(draws: Draws) -> Seconds:
    upper = np.cumsum(HOURS) / HOURS.sum()
    hour = np.minimum(np.searchsorted(upper, draws.uniform("hour"), side="right"), 23)
    return hour * 3600 + (3600 * draws.uniform("minute")).astype(np.int64)


def _next_starts(trip: Attempt) -> tuple[Bools, Seconds]:
    """Return who begins another journey before the data ends, and when."""
    settings, draws = trip.settings, trip.draws
    outcome, decided = _outcomes(trip)
    quick = draws.happens("quick return", settings.quick_returns)
    after_leaving = np.where(
        quick, 2 + 9 * draws.uniform("quick after"), 16 + 30 * draws.exponential("returns after")
    )
    after_delivery = 15 + 35 * draws.exponential("buys again after")
    days = np.where(outcome == DROPPED, after_leaving, after_delivery)
    start = (decided + (days * DAY_S).astype(np.int64)) // DAY_S * DAY_S + _time_of_day(draws)
    shares = np.select(
        [outcome == CONVERTED, outcome == DROPPED, outcome == TURNED_AWAY],
        [trip.of_persona("buys_again"), np.where(trip.unsubscribed, 0.0, settings.returns), 0.2],
    )
    return draws.happens("again", shares) & (outcome != OPEN) & (start < PERIOD_S), start


def _outcomes(trip: Attempt) -> tuple[Codes, Seconds]:
    """Return the true outcome of each journey and when it was decided; open ones at the data's end."""
    outcome = np.full(len(trip), OPEN, dtype=np.int8)
    decided = np.full(len(trip), PERIOD_S, dtype=np.int64)
    ends = {"order_delivered": CONVERTED, "order_rejected": TURNED_AWAY}
    for codes, times in zip(trip.codes, trip.times, strict=True):
        for touchpoint, code in ends.items():
            here = (codes == CODE[touchpoint]) & (times < PERIOD_S)
            outcome[here] = code
            decided = np.where(here, times, decided)
    left = (trip.left > 0) & (trip.left_at < PERIOD_S)
    outcome[left] = DROPPED
    return outcome, np.where(left, trip.left_at, decided)


# what was seen --------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    journeys: Journeys
    events: Events
    planted: Planted


def _seen(trip: Attempt, number: int) -> _Part:
    """Keep what happened before the data ends."""
    codes = np.stack(trip.codes, axis=1)
    times = np.stack(trip.times, axis=1).astype(np.int32)
    codes[(times >= PERIOD_S) | (times < 0)] = -1
    journeys = _journeys(trip, number, codes, times)
    journey, slot = np.nonzero(codes >= 0)
    measures = {name: _measured(trip, name, journey, slot) for name in MEASURES}
    events = Events(
        customer=trip.customer[journey],
        journey=journey,
        time=times[journey, slot].astype(np.int64),
        step=codes[journey, slot],
        stage=np.array(trip.stages, dtype=np.int8)[slot],
        campaign=trip.campaign[journey],
        failed=_measured(trip, "failed", journey, slot) == 1,
        by_phone=_measured(trip, "by_phone", journey, slot) == 1,
        measures=measures,
    )
    return _Part(journeys, events, _seen_plants(trip, codes >= 0))


def _seen_plants(trip: Attempt, there: npt.NDArray[np.bool_]) -> Planted:
    """Keep the planted deviations whose event was seen; events are numbered in order of journey and slot."""
    sizes = there.sum(axis=1)
    before = np.cumsum(sizes) - sizes
    whose = [np.flatnonzero(plant.holds & there[:, plant.slot]) for plant in trip.plants]
    return Planted(
        np.repeat(np.array([plant.type_ for plant in trip.plants], dtype=np.int8), [len(w) for w in whose]),
        np.concatenate(
            [
                before[w] + there[w, : plant.slot].sum(axis=1)
                for w, plant in zip(whose, trip.plants, strict=True)
            ]
        ),
        np.repeat(
            np.array([plant.touchpoint for plant in trip.plants], dtype=np.int8), [len(w) for w in whose]
        ),
    )


def _planted(parts: list[Planted], sizes: list[int], moved_to: npt.NDArray[np.int64]) -> Planted:
    """Join the planted deviations of all attempts, by the numbers that events have in the end."""
    before = np.cumsum([0, *sizes])
    events = [part.event + offset for part, offset in zip(parts, before, strict=False)]
    return Planted(
        np.concatenate([part.type_ for part in parts]),
        moved_to[np.concatenate(events)],
        np.concatenate([part.missing for part in parts]),
    )


def _measured(trip: Attempt, name: str, journey: Index, slot: Index) -> npt.NDArray[np.float32]:
    values = np.full(len(journey), np.nan, dtype=np.float32)
    for at, measured in trip.measures.get(name, {}).items():
        here = np.flatnonzero(slot == at)
        values[here] = measured[journey[here]]
    return values


def _journeys(
    trip: Attempt, number: int, codes: npt.NDArray[np.int8], times: npt.NDArray[np.int32]
) -> Journeys:
    there = codes >= 0
    own = there & _CUSTOMERS_OWN[codes]
    place, place_stage = _places(trip, codes)
    outcome, decided = _outcomes(trip)
    sent = (codes == CODE["parcel_sent"]).any(axis=1)
    return Journeys(
        customer=trip.customer,
        attempt=np.full(len(trip), number, dtype=np.int8),
        start=np.where(there, times, PERIOD_S).min(axis=1).astype(np.int64),
        end=np.where(there, times, -1).max(axis=1).astype(np.int64),
        last_own=np.where(own, times, -1).max(axis=1).astype(np.int64),
        outcome=outcome,
        decided_at=decided,
        left_at=np.where(outcome == DROPPED, trip.left_at, -1),
        left=np.where(outcome == DROPPED, trip.left, 0).astype(np.int8),
        place=place,
        place_stage=place_stage,
        device=trip.device,
        app=trip.app,
        begins=trip.begins,
        parcel_on_its_way=sent & (outcome == OPEN),
        flags=_seen_flags(trip),
    )


def _seen_flags(trip: Attempt) -> dict[str, Bools]:
    """Keep the planted things that had happened when the data ended."""
    outcome, _ = _outcomes(trip)
    ordered = _times_of(trip, "order_placed") < PERIOD_S
    sent = _times_of(trip, "parcel_sent") < PERIOD_S
    seen = {
        "missing": ordered,
        "wrong_channel": ordered,
        "repeated": ordered,
        "late": sent,
        "slow_parcel": sent,
    }
    seen["left_by_fault"] = outcome == DROPPED
    flags = {name: holds & seen.get(name, True) for name, holds in trip.flags.items()}
    return {**flags, "unsubscribed": trip.unsubscribed & (outcome == DROPPED)}


def _times_of(trip: Attempt, touchpoint: str) -> Seconds:
    first = np.full(len(trip), PERIOD_S, dtype=np.int64)
    for codes, times in zip(trip.codes, trip.times, strict=True):
        first = np.where(codes == CODE[touchpoint], np.minimum(first, times), first)
    return first


def _places(trip: Attempt, codes: npt.NDArray[np.int8]) -> tuple[Codes, Codes]:
    place = np.full(len(trip), -1, dtype=np.int8)
    stage = np.full(len(trip), -1, dtype=np.int8)
    for slot, of_map in enumerate(trip.stages):
        code = codes[:, slot]
        moves = (code >= 0) & (of_map >= 0) & (_CUSTOMERS_OWN[code] | (of_map > stage))
        place[moves] = code[moves]
        stage[moves] = of_map
    return place, stage


def _one_order(parts: list[Journeys]) -> tuple[Journeys, list[npt.NDArray[np.int64]]]:
    """Put the journeys of all attempts in order of customer; return also each part's new numbers."""
    names = [name for name in Journeys.__dataclass_fields__ if name != "flags"]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.lexsort((joined["attempt"], joined["customer"]))
    flags = {name: np.concatenate([part.flags[name] for part in parts])[order] for name in parts[0].flags}
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return Journeys(**{name: joined[name][order] for name in names}, flags=flags), np.split(number, ends)


def _renumbered(events: Events, numbers: npt.NDArray[np.int64]) -> Events:
    return replace(events, journey=numbers[events.journey])


# beside the journeys --------------------------------------------------------------------------------------


def _mailings(settings: Settings, folk: People, first_start: Seconds, unsubscribed_at: Seconds) -> Events:
    """Send every newsletter to all who have it, whether they are still customers or not."""
    n = len(folk)
    delay = mailing_delay(settings, np.arange(n))
    draws = Draws(settings.seed, n)
    customers, times, steps, campaigns = [], [], [], []
    held = np.zeros(n, dtype=np.bool_)
    for number, moment in enumerate(CAMPAIGN_S.tolist()):
        sent_at = moment + delay
        gets = folk.subscriber & ~held & (first_start <= moment) & (sent_at < unsubscribed_at)
        machine = gets & folk.prefetches & ~folk.dead_address
        bounces = gets & folk.dead_address
        held |= bounces  # nobody writes twice to an address that bounced
        seconds = 5 + (55 * draws.uniform(f"machine opens {number}")).astype(np.int64)
        for touchpoint, whom, at in (
            ("newsletter_sent", gets, sent_at),
            ("newsletter_prefetched", machine, sent_at + seconds),
            ("email_bounced", bounces, sent_at + 7),
        ):
            who = np.flatnonzero(whom)
            customers.append(who)
            times.append(at[who])
            steps.append(np.full(len(who), CODE[touchpoint], dtype=np.int8))
            campaigns.append(np.full(len(who), number, dtype=np.int8))
    step = np.concatenate(steps)
    return _plain(
        np.concatenate(customers),
        np.full(len(step), -1, np.int64),
        np.concatenate(times),
        step,
        np.concatenate(campaigns),
    )


def _strays(settings: Settings, journeys: Journeys, events: list[Events], further: int) -> Events:
    """Let pages be read that belong to no plan, between two pages of a journey, so that they move no end."""
    total = sum(map(len, events)) + further
    wanted = settings.stray / (1 - settings.stray)
    customers, of, times = [], [], []
    slots = [_room_between_pages(journeys, part) for part in events]
    room = sum(len(index) for index, _ in slots)
    share = min(wanted * total / max(room, 1), 3.0)
    for number, ((index, gap), part) in enumerate(zip(slots, events, strict=True)):
        generator = Draws(settings.seed, 1, number).generator("strays")
        counts = generator.poisson(share, size=len(index))
        where = np.repeat(index, counts)
        gaps = np.repeat(gap, counts)
        customers.append(part.customer[where])
        of.append(part.journey[where])
        times.append(part.time[where] + 1 + (generator.random(len(where)) * (gaps - 1)).astype(np.int64))
    step = np.full(sum(map(len, times)), CODE["blog_read"], dtype=np.int8)
    return _plain(
        np.concatenate(customers),
        np.concatenate(of),
        np.concatenate(times),
        step,
        np.full(len(step), -1, np.int8),
    )


def _room_between_pages(journeys: Journeys, part: Events) -> tuple[Index, Seconds]:
    web = _SOURCE[part.step] == SOURCES.index("web")
    web &= ~journeys.app[part.journey]
    gap = part.time[1:] - part.time[:-1]
    between = web[:-1] & web[1:] & (part.journey[1:] == part.journey[:-1]) & (gap > 2)
    index = np.flatnonzero(between)
    return index, gap[index]


def _plain(
    customer: npt.NDArray[np.int64],
    journey: npt.NDArray[np.int64],
    time: Seconds,
    step: Codes,
    campaign: Codes,
) -> Events:
    nothing = np.full(len(step), np.nan, dtype=np.float32)
    bounced = step == CODE["email_bounced"]
    return Events(
        customer,
        journey,
        time,
        step,
        np.full(len(step), -1, np.int8),
        campaign,
        bounced,
        np.zeros(len(step), np.bool_),
        dict.fromkeys(MEASURES, nothing),
    )


def _merge(parts: list[Events]) -> tuple[Events, npt.NDArray[np.int64]]:
    """Put all events in order of customer, time and source; return also where each came to lie."""
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in EVENT_COLUMNS}
    source = _SOURCE[joined["step"]].astype(np.int64)
    key = (joined["customer"] << 28) | (joined["time"] << 3) | source
    order = np.argsort(key, kind="stable")
    measures = {name: np.concatenate([part.measures[name] for part in parts])[order] for name in MEASURES}
    moved_to = np.empty(len(order), dtype=np.int64)
    moved_to[order] = np.arange(len(order))
    return Events(**{name: values[order] for name, values in joined.items()}, measures=measures), moved_to
