"""How customers behave: one attempt at buying, stage by stage, for many customers at once.

Each customer decides for themselves whether and when to give up; nothing here looks at silence. A step is one
array over all journeys of the attempt: whether it happens, and when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from cjmining.simulate.draws import Bools, Draws, Floats
from cjmining.simulate.settings import DAY_S, PERIOD_S, START, Settings
from cjmining.simulate.steps import CODE, STEPS

if TYPE_CHECKING:
    from cjmining.simulate.people import People

Seconds = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Index = npt.NDArray[np.intp]

BEGINNINGS = ("direct", "ad_clicked", "newsletter_opened", "store_visited", "catalogue_requested")
REASONS = (
    "", "awareness", "research", "basket", "checkout", "fault", "long wait", "slow chat", "bounce",
)  # fmt: skip
"""Why a customer left: the usual share of a stage, or a planted trouble."""
STAGES = ("Awareness", "Research", "Basket", "Checkout", "Delivery", "Support")
CONVERTED, DROPPED, TURNED_AWAY, OPEN = range(4)
DEVICES = ("desktop", "mobile", "tablet")

CAMPAIGN_S = np.array([(2 + 21 * k) * DAY_S + 9 * 3600 for k in range(10)], dtype=np.int64)
"""Every third Tuesday at nine a newsletter goes out."""
SPRING_FORWARD_S = 56 * DAY_S + 2 * 3600
"""When the clocks of Berlin jump from 2 to 3 on 29 March 2026, seconds after the start."""
RESPONSE_RATE = 0.35
DEVIATIONS = ("missing", "ad hoc", "out of order", "failed", "repeated", "wrong channel", "late")
"""Types of deviation, in the order of their codes in the truth."""


class Plant(NamedTuple):
    """A deviation from the map that some journeys have, told by the step that shows it."""

    type_: int
    slot: int
    holds: Bools
    touchpoint: int
    """Code of the step that is missing; -1 where it is the slot's own that deviates."""


@dataclass
class Attempt:
    """Journeys of one attempt while they happen; every array has one entry a journey."""

    customer: Index
    persona: Codes
    start: Seconds
    begins: Codes
    campaign: Codes
    device: Codes
    app: Bools
    pace: Floats
    clock: Seconds
    alive: Bools
    left: Codes
    dead_address: Bools
    subscribed: Bools
    slow: Bools
    draws: Draws
    settings: Settings
    codes: list[Codes] = field(default_factory=list)
    times: list[Seconds] = field(default_factory=list)
    stages: list[int] = field(default_factory=list)
    measures: dict[str, dict[int, npt.NDArray[np.float32]]] = field(default_factory=dict)
    flags: dict[str, Bools] = field(default_factory=dict)
    plants: list[Plant] = field(default_factory=list)
    order_value: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    left_at: Seconds = field(default_factory=lambda: np.zeros(0, np.int64))
    unsubscribed: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))

    def __len__(self) -> int:
        return len(self.customer)

    def step(self, touchpoint: str, happens: Bools, wait: npt.ArrayLike, *, stage: str | None = None) -> int:
        """Let a step happen to those still on their way, so long after the one before; return its number."""
        happens = happens & self.alive
        time = self.clock + np.maximum(np.rint(np.asarray(wait, dtype=np.float64)), 2).astype(np.int64)
        self.clock = np.where(happens, time, self.clock)
        return self._record(touchpoint, happens, time, stage)

    def aside(self, touchpoint: str, happens: Bools, time: Seconds) -> int:
        """Record what happens beside the customer's own way, at that time."""
        return self._record(touchpoint, happens, time, None)

    def _record(self, touchpoint: str, happens: Bools, time: Seconds, stage: str | None) -> int:
        code = CODE[touchpoint]
        self.codes.append(np.where(happens, code, -1).astype(np.int8))
        self.times.append(time)
        stage = STEPS[code].stage if stage is None else stage
        self.stages.append(STAGES.index(stage) if stage else -1)
        return len(self.codes) - 1

    def happened(self, slot: int) -> Bools:
        """Return whom that step happened to."""
        happened: Bools = self.codes[slot] >= 0
        return happened

    def measure(self, name: str, slot: int, values: npt.ArrayLike) -> None:
        """Note what was measured at a step."""
        self.measures.setdefault(name, {})[slot] = np.asarray(values, dtype=np.float32)

    def flag(self, name: str, holds: Bools) -> None:
        """Note a planted thing about journeys, for the truth."""
        self.flags[name] = self.flags[name] | holds if name in self.flags else holds.copy()

    def deviate(self, type_: str, slot: int, holds: Bools, *, missing: str = "") -> None:
        """Note a deviation of journeys, for the truth: of that step, or of one that is missing before it."""
        touchpoint = CODE[missing] if missing else -1
        self.plants.append(Plant(DEVIATIONS.index(type_), slot, holds & self.happened(slot), touchpoint))

    def leave(self, leaves: Bools, reason: str) -> None:
        """Let those still on their way give up."""
        leaves = leaves & self.alive
        self.left[leaves] = REASONS.index(reason)
        self.alive = self.alive & ~leaves

    def of_persona(self, name: str) -> Floats:
        """Return each one's value of a parameter of their persona."""
        values: Floats = np.array([getattr(p, name) for p in self.settings.personas], np.float32)[
            self.persona
        ]
        return values

    def wait(self, step: str, far: npt.ArrayLike) -> Floats:
        """Return a wait of minutes or, for the share `far`, of days, at about the same hour."""
        draws = self.draws
        near = 20 + 180 * draws.exponential(f"minutes before {step}")
        days = 1 + np.floor(1.2 * self.pace * draws.exponential(f"days before {step}"))
        hours = np.clip(2.5 * draws.normal(f"hours before {step}"), -8, 8)
        away = DAY_S * np.minimum(days, self.settings.longest_break_days) + 3600 * hours
        return np.where(draws.happens(f"break before {step}", far), away, near).astype(np.float32)


def attempt(
    settings: Settings,
    people: People,
    draws: Draws,
    *,
    customer: Index,
    start: Seconds,
    subscribed: Bools,
) -> Attempt:
    """Simulate one attempt of the given customers, who start at the given seconds after the shop's start."""
    trip = _set_out(settings, people, draws, customer, start, subscribed)
    _awareness(trip)
    _research(trip)
    _basket(trip)
    _checkout(trip)
    _delivery(trip)
    _support(trip)
    _give_up(trip)
    return trip


def _set_out(
    settings: Settings, people: People, draws: Draws, customer: Index, start: Seconds, subscribed: Bools
) -> Attempt:
    persona = people.persona[customer]
    n = len(customer)
    trip = Attempt(
        customer=customer,
        persona=persona,
        start=start,
        begins=np.zeros(n, np.int8),
        campaign=np.full(n, -1, np.int8),
        device=np.zeros(n, np.int8),
        app=np.zeros(n, np.bool_),
        pace=np.ones(n, np.float32),
        clock=start,
        alive=np.ones(n, np.bool_),
        left=np.zeros(n, np.int8),
        dead_address=people.dead_address[customer],
        subscribed=subscribed[customer],
        slow=draws.happens("slow", settings.slow_customers),
        draws=draws,
        settings=settings,
    )
    trip.pace = trip.of_persona("pace")
    trip.begins = _beginnings(trip, people.loyalty[customer])
    if draws.attempt == 0:
        trip.start = _in_the_skipped_hour(trip)
    trip.device = _devices(trip)
    trip.app = draws.happens("app", trip.of_persona("app")) & (trip.device == 1) & (trip.begins != 1)
    return trip


def _in_the_skipped_hour(trip: Attempt) -> Seconds:
    """Let a few visits to a store happen while its till still shows an hour that did not exist."""
    around = (trip.begins == 3) & (np.abs(trip.start - SPRING_FORWARD_S) < 5 * DAY_S)
    few = np.flatnonzero(around)[: trip.settings.skipped_hour_visits]
    start = trip.start.copy()
    start[few] = SPRING_FORWARD_S + 600 * (1 + np.arange(len(few)))
    return start


def _beginnings(trip: Attempt, loyalty: Bools) -> Codes:
    shares = np.stack([trip.of_persona(name) for name in ("ad", "newsletter", "store", "catalogue")])
    number = trip.draws.uniform("beginning")
    begins = 4 - (number < np.cumsum(shares, axis=0)).sum(axis=0) + 1
    begins = np.where(begins > 4, 0, begins).astype(np.int8)
    next_campaign = np.searchsorted(CAMPAIGN_S, trip.start)
    reads = trip.subscribed & ~trip.dead_address & (next_campaign < len(CAMPAIGN_S))
    begins[((begins == 2) & ~reads) | ((begins == 3) & ~loyalty)] = 0
    trip.campaign = np.where(begins == 2, next_campaign, -1).astype(np.int8)
    return begins


def _devices(trip: Attempt) -> Codes:
    number = trip.draws.uniform("device")
    mobile = trip.of_persona("mobile")
    return np.where(number < mobile, 1, np.where(number < mobile + trip.of_persona("tablet"), 2, 0)).astype(
        np.int8
    )


def _awareness(trip: Attempt) -> None:
    draws = trip.draws
    sent = CAMPAIGN_S[trip.campaign] + mailing_delay(trip.settings, trip.customer)
    opened = sent + 600 + np.minimum(DAY_S * draws.exponential("opens"), 4 * DAY_S).astype(np.int64)
    trip.start = np.where(trip.campaign >= 0, opened, trip.start)
    trip.clock = trip.start - 2
    for code, touchpoint in enumerate(BEGINNINGS[1:], start=1):
        slot = trip.step(touchpoint, trip.begins == code, 2)
        if touchpoint == "store_visited":
            _at_the_till(trip, slot)
    known = trip.begins > 0
    trip.step(
        "ad_clicked", known & ~trip.app & draws.happens("second touch", 0.06), trip.wait("second touch", 0.7)
    )
    trip.leave(known & draws.happens("leaves awareness", trip.of_persona("leave_awareness")), "awareness")


def _at_the_till(trip: Attempt, slot: int) -> None:
    happens = trip.happened(slot)
    time = trip.times[slot]
    skipped = (time >= SPRING_FORWARD_S) & (time < SPRING_FORWARD_S + 3600)
    undated = happens & ~skipped & trip.draws.happens("undated", trip.settings.undated_visits)
    trip.times[slot] = np.where(undated, from_berlin(to_berlin(time) // DAY_S * DAY_S), time)
    trip.measure("precision", slot, np.where(undated, DAY_S, 0))
    trip.measure("value", slot, np.round(5 + 20 * trip.draws.exponential("till amount"), 2))
    trip.flag("undated", undated)
    trip.flag("in_skipped_hour", happens & skipped)


def _research(trip: Attempt) -> None:
    draws = trip.draws
    everyone = np.ones(len(trip), np.bool_)
    quick = (trip.begins == 1) | (trip.begins == 2)
    first = np.where(trip.begins == 0, 2, trip.wait("first look", np.where(quick, 0.0, 0.8)))
    trip.step("product_viewed", everyone, first)
    gives_up = draws.happens("leaves research", trip.of_persona("leave_research"))
    when = draws.uniform("when in research")
    trip.step("reviews_read", draws.happens("reviews", 0.35), trip.wait("reviews", 0.0))
    trip.leave(gives_up & (when < 0.4), "research")
    again = draws.happens("second look", 0.5)
    trip.step("product_viewed", again, trip.wait("second look", 0.5) + _pause(trip, again & trip.alive))
    trip.leave(gives_up & (when < 0.7), "research")
    _chat(trip)
    _call(trip, "call in research", trip.of_persona("calls"), "Research")
    trip.step("product_viewed", draws.happens("third look", 0.35), trip.wait("third look", 0.5))
    trip.step("product_viewed", draws.happens("fourth look", 0.15), trip.wait("fourth look", 0.3))
    trip.leave(gives_up, "research")


def _pause(trip: Attempt, here: Bools) -> Floats:
    """Let slow customers pause here, for longer than the map's patience."""
    pauses = here & trip.slow
    trip.slow = trip.slow & ~pauses
    trip.flag("slow", pauses)
    return np.where(pauses, DAY_S * (15 + 15 * trip.draws.uniform("pause")), 0).astype(np.float32)


def _chat(trip: Attempt) -> None:
    draws, settings = trip.draws, trip.settings
    slot = trip.step("chat_answered", draws.happens("chat", trip.of_persona("chats")), trip.wait("chat", 0.1))
    wait = np.rint(5 + settings.chat_wait_s * draws.exponential("chat wait"))
    abandoned = (wait > 900) & draws.happens("chat abandoned", 0.4)
    _contact(trip, slot, wait, 120 + 240 * draws.exponential("chat length"), abandoned)
    answered = trip.happened(slot) & ~abandoned
    _rate(trip, "chat_rated", answered, np.full(len(trip), settings.chat_satisfaction))
    leaves = trip.happened(slot) & (wait > 600) & draws.happens("leaves slow chat", settings.slow_chat_leaves)
    trip.leave(leaves, "slow chat")


def _call(trip: Attempt, name: str, share: npt.ArrayLike, stage: str) -> int:
    draws, settings = trip.draws, trip.settings
    slot = trip.step("call_answered", draws.happens(name, share), trip.wait(name, 0.3), stage=stage)
    wait, long = _call_wait(trip, name)
    abandoned = draws.happens(f"{name} abandoned", np.where(long, 0.4, 0.0))
    _contact(trip, slot, wait, 150 + 240 * draws.exponential(f"{name} length"), abandoned)
    satisfied = settings.call_satisfaction - np.where(long, 0.4, 0.0)
    _rate(trip, "call_rated", trip.happened(slot) & ~abandoned, satisfied, name=name, stage=stage)
    trip.flag("long_wait", trip.happened(slot) & long)
    trip.leave(
        trip.happened(slot) & long & draws.happens(f"leaves {name}", settings.long_wait_leaves), "long wait"
    )
    return slot


def _call_wait(trip: Attempt, name: str) -> tuple[Floats, Bools]:
    draws, settings = trip.draws, trip.settings
    long = draws.happens(f"{name} long", settings.long_waits)
    usual = np.minimum(3 + settings.call_wait_s * draws.exponential(f"{name} wait"), 600)
    return np.rint(np.where(long, 900 + 1500 * draws.uniform(f"{name} long wait"), usual)).astype(
        np.float32
    ), long


def _contact(trip: Attempt, slot: int, wait: Floats, talk: Floats, abandoned: Bools) -> None:
    """Note how a contact went, and let the customer be busy with it."""
    duration = np.rint(wait + np.where(abandoned, 0, talk))
    trip.measure("wait_s", slot, wait)
    trip.measure("duration_s", slot, duration)
    trip.measure("failed", slot, abandoned)
    trip.clock = np.where(trip.happened(slot), trip.clock + duration.astype(np.int64), trip.clock)
    trip.flag("failed", trip.happened(slot) & abandoned)
    trip.deviate("failed", slot, abandoned)


def _rate(
    trip: Attempt,
    touchpoint: str,
    asked: Bools,
    satisfied: npt.ArrayLike,
    *,
    name: str = "",
    stage: str | None = None,
) -> None:
    draws = trip.draws
    mechanism = f"{touchpoint} {name}"
    wait = 600 + 10_800 * np.minimum(draws.exponential(f"{mechanism} wait"), 8)
    begun = (trip.settings.survey_starts - START).total_seconds()
    asked = asked & draws.happens(f"{mechanism} answers", RESPONSE_RATE) & (trip.clock + wait > begun)
    slot = trip.step(touchpoint, asked, wait, stage=stage)
    score = np.clip(np.rint(1 + 4 * np.asarray(satisfied) + 0.9 * draws.normal(f"{mechanism} score")), 1, 5)
    trip.measure("satisfaction", slot, (score - 1) / 4)


def _basket(trip: Attempt) -> None:
    draws = trip.draws
    everyone = trip.alive.copy()
    trip.step("basket_filled", everyone, trip.wait("basket", 0.3) + _pause(trip, everyone))
    trip.step("basket_filled", draws.happens("second item", 0.2), trip.wait("second item", 0.1))
    looks_again = draws.happens("looks again", 0.10)
    trip.step("product_viewed", looks_again, trip.wait("looking again", 0.4))
    trip.step("basket_filled", looks_again, trip.wait("basket again", 0.0))
    gives_up = trip.alive & draws.happens("leaves basket", trip.of_persona("leave_basket"))
    reachable = trip.subscribed
    _remind(trip, gives_up & reachable, trip.clock + DAY_S)
    _remind(trip, gives_up & reachable, trip.clock + 4 * DAY_S)
    trip.leave(gives_up, "basket")
    _needs_reminder(trip, reachable)


def _remind(trip: Attempt, whom: Bools, time: Seconds) -> None:
    """Send a reminder; it goes on being sent after somebody left, and bounces at a dead address."""
    trip.aside("basket_reminder_sent", whom, time)
    slot = trip.aside("email_bounced", whom & trip.dead_address, time + 7)
    trip.measure("failed", slot, np.ones(len(trip)))
    trip.flag("bounced", whom & trip.dead_address)


def _needs_reminder(trip: Attempt, reachable: Bools) -> None:
    draws = trip.draws
    waits = trip.alive & reachable & draws.happens("needs reminder", trip.settings.needs_reminder)
    sent = trip.clock + DAY_S
    _remind(trip, waits, sent)
    trip.leave(waits & trip.dead_address, "bounce")
    opens_after = DAY_S + 600 + np.minimum(43_200 * draws.exponential("opens reminder"), 3 * DAY_S)
    trip.step("basket_reminder_opened", waits, opens_after)


def _checkout(trip: Attempt) -> None:
    draws, settings = trip.draws, trip.settings
    slowly = draws.happens("slow checkout", settings.slow_checkouts)
    days = 8 + 4 * draws.uniform("checkout slow by")
    wait = np.where(slowly, DAY_S * days, trip.wait("checkout", 0.25))
    opened = trip.step("checkout_opened", trip.alive.copy(), wait)
    again = trip.step(
        "checkout_opened", draws.happens("checkout again", 0.12), trip.wait("checkout again", 0.2)
    )
    called = _call(trip, "call in checkout", 0.3 * trip.of_persona("calls"), "Checkout")
    leaving = _checkout_leavers(trip, opened)
    by_fault = trip.flags["left_by_fault"]
    usual = leaving & ~by_fault
    failing = draws.happens("payment fails", np.where(usual, 4.0, 1.0) * settings.failed_payments)
    failed = trip.step("payment_entered", failing & ~by_fault, trip.wait("failed payment", 0.0))
    trip.measure("failed", failed, np.ones(len(trip)))
    trip.flag("failed", trip.happened(failed))
    trip.deviate("failed", failed, trip.happened(failed))
    straight = ~trip.happened(again) & ~trip.happened(called) & ~trip.happened(failed)
    if settings.early_payments:
        _pay_early(trip, opened, usual & straight & draws.happens("pays early", settings.early_payments))
    trip.leave(by_fault, "fault")
    trip.leave(usual, "checkout")
    _order(trip, opened, failed, straight)


def _pay_early(trip: Attempt, opened: int, early: Bools) -> None:
    """Let some of those who will leave pay in a window that opens before the checkout page is recorded."""
    page = trip.step("checkout_opened", early, trip.wait("page after payment", 0.0))
    trip.codes[opened][early] = CODE["payment_entered"]
    seen = trip.times[page] < PERIOD_S
    trip.deviate("out of order", opened, early & seen)
    trip.deviate("missing", opened, early & ~seen, missing="checkout_opened")


def _checkout_leavers(trip: Attempt, opened: int) -> Bools:
    fault = trip.settings.fault
    number = trip.draws.uniform("leaves checkout")
    mobile_web = (trip.device == DEVICES.index("mobile")) & ~trip.app
    usual = np.where(mobile_web, trip.of_persona("leave_mobile_checkout"), trip.of_persona("leave_checkout"))
    hit = np.zeros(len(trip), np.bool_)
    if fault is not None:
        begun, ended = ((moment - START).total_seconds() for moment in (fault.start, fault.end))
        time = trip.times[opened]
        hit = trip.happened(opened) & (time >= begun) & (time < ended) & (time < PERIOD_S)
        hit &= trip.persona == trip.settings.persona_names.index(fault.persona)
        hit &= (trip.device == DEVICES.index(fault.device)) & (trip.app == (fault.channel == "app"))
    leave = np.where(hit, fault.leave if fault else 0.0, usual)
    trip.flag("hit_by_fault", hit)
    leaving: Bools = trip.alive & (number < leave)
    trip.flag("left_by_fault", leaving & hit & (number >= usual))
    return leaving


def _order(trip: Attempt, opened: int, failed: int, straight: Bools) -> None:
    draws, settings = trip.draws, trip.settings
    by_phone = trip.alive & draws.happens("phone order", settings.phone_orders)
    express = trip.alive & ~by_phone & draws.happens("express", settings.express_payments)
    paid = trip.step("payment_entered", ~by_phone & ~express, trip.wait("payment", 0.0))
    ordered = trip.step("order_placed", trip.alive.copy(), trip.wait("order", 0.0))
    value = np.round(trip.of_persona("value") * np.exp(0.6 * draws.normal("order value")), 2)
    trip.order_value = value
    trip.measure("value", ordered, value)
    wait, _ = _call_wait(trip, "order call")
    trip.measure("wait_s", ordered, np.where(by_phone, wait, np.nan))
    trip.measure("duration_s", ordered, np.where(by_phone, wait + 240, np.nan))
    trip.measure("by_phone", ordered, by_phone)
    twice = ~by_phone & draws.happens("double order", settings.double_orders)
    double = trip.step("order_placed", twice, 3 + 20 * draws.uniform("double click"))
    trip.measure("value", double, value)
    trip.flag("repeated", trip.happened(double))
    trip.flag("missing", by_phone | express)
    trip.flag("wrong_channel", by_phone)
    tried = trip.happened(failed)
    trip.deviate("repeated", paid, tried)  # the failed try stands for the payment that the map plans
    trip.deviate("missing", ordered, (by_phone | express) & ~tried, missing="payment_entered")
    trip.deviate("wrong channel", ordered, by_phone)
    trip.deviate("repeated", double, twice)
    _swap(trip, opened, paid, ordered, straight)
    _rate(trip, "checkout_rated", trip.alive, np.full(len(trip), 0.7))


def _swap(trip: Attempt, opened: int, paid: int, ordered: int, straight: Bools) -> None:
    """Let some pay in a window that opens before the checkout page is recorded: out of order.

    Of two touchpoints that changed places the first is taken as planned and the second is out of order. Where
    the data ends between the second and the order, the journey stands at the second: then it is the first.
    """
    swapped = trip.happened(paid) & straight
    swapped &= trip.draws.happens("swapped", trip.settings.swapped_steps)
    trip.codes[opened][swapped] = CODE["payment_entered"]
    trip.codes[paid][swapped] = CODE["checkout_opened"]
    trip.flag("out_of_order", swapped)
    went_on, seen = trip.times[ordered] < PERIOD_S, trip.times[paid] < PERIOD_S
    trip.deviate("out of order", paid, swapped & went_on)
    trip.deviate("out of order", opened, swapped & seen & ~went_on)
    trip.deviate("missing", opened, swapped & ~seen, missing="checkout_opened")


def _delivery(trip: Attempt) -> None:
    draws, settings = trip.draws, trip.settings
    rejected = draws.happens("rejected", settings.rejected_orders)
    slot = trip.step("order_rejected", rejected, DAY_S * (0.5 + 1.5 * draws.uniform("rejection")))
    trip.alive &= ~trip.happened(slot)
    trip.leave(draws.happens("order lost", settings.lost_orders), "checkout")
    late = trip.alive & draws.happens("late", settings.late_parcels)
    days = np.where(late, 8 + 4 * draws.uniform("late by"), 0.5 + 2 * draws.uniform("packing"))
    sent = trip.step("parcel_sent", trip.alive.copy(), DAY_S * days)
    bounced = trip.aside("email_bounced", trip.happened(sent) & trip.dead_address, trip.clock + 7)
    trip.measure("failed", bounced, np.ones(len(trip)))
    trip.flag("bounced", trip.happened(bounced))
    weeks = trip.alive & draws.happens("slow parcel", settings.slow_parcels)
    days = np.where(weeks, 20 + 25 * draws.uniform("slow by"), 1.5 + 3 * draws.uniform("carrier"))
    delivered = trip.step("order_delivered", trip.alive.copy(), DAY_S * days)
    trip.measure("value", delivered, trip.order_value)
    trip.flag("late", late)
    trip.flag("slow_parcel", weeks)


def _support(trip: Attempt) -> None:
    draws = trip.draws
    _rate(trip, "delivery_rated", trip.alive, np.where(trip.flags["slow_parcel"], 0.3, 0.85))
    called = trip.step(
        "support_called", draws.happens("support call", 0.06), DAY_S * (0.2 + draws.uniform("call after"))
    )
    wait, long = _call_wait(trip, "support call")
    abandoned = draws.happens("support call abandoned", np.where(long, 0.4, 0.0))
    _contact(trip, called, wait, 150 + 240 * draws.exponential("support call length"), abandoned)
    chatted = trip.step(
        "support_chatted", draws.happens("support chat", 0.04), DAY_S * (0.2 + draws.uniform("chat after"))
    )
    wait = np.rint(5 + trip.settings.chat_wait_s * draws.exponential("support chat wait"))
    _contact(
        trip,
        chatted,
        wait,
        120 + 240 * draws.exponential("support chat length"),
        np.zeros(len(trip), np.bool_),
    )
    asked = trip.happened(called) | trip.happened(chatted)
    opened = trip.step(
        "case_opened", asked & draws.happens("case", 0.6), 60 + 600 * draws.uniform("case after")
    )
    trip.step("case_closed", trip.happened(opened), DAY_S * (0.5 + 2 * draws.uniform("case closed")))


def _give_up(trip: Attempt) -> None:
    """Date the decision to leave, soon after the last thing done, and let some say so."""
    draws = trip.draws
    left = trip.left > 0
    upset = np.isin(trip.left, [REASONS.index("long wait"), REASONS.index("slow chat")])
    thinks = np.where(upset, 60, 120 + np.minimum(43_200 * draws.exponential("thinks"), 3 * DAY_S))
    trip.left_at = np.where(left, trip.clock + thinks.astype(np.int64), -1)
    trip.unsubscribed = left & trip.subscribed & ~trip.dead_address & draws.happens("unsubscribes", 0.08)
    trip.aside("unsubscribed", trip.unsubscribed, trip.left_at)


def to_berlin(time: Seconds) -> Seconds:
    """Return the clock of Berlin, in seconds since its first midnight, at times since the shop's start."""
    return time + np.where(time >= SPRING_FORWARD_S, 3600, 0)


def from_berlin(clock: Seconds) -> Seconds:
    """Return the time at which the clock of Berlin shows this."""
    return clock - np.where(clock >= SPRING_FORWARD_S + 3600, 3600, 0)


def mailing_delay(settings: Settings, customer: Index) -> Seconds:
    """Return how long after its start a mailing reaches each customer."""
    delays = Draws(settings.seed, settings.customers).uniform("mailing delay")
    return np.rint(7200 * delays[customer]).astype(np.int64)
