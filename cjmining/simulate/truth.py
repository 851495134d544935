"""What is true of a simulated shop: each journey, each customer, and the size of everything planted."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cjmining import schema
from cjmining.simulate.behaviour import BEGINNINGS, CONVERTED, DEVICES, DROPPED, REASONS, STAGES
from cjmining.simulate.deviations import moments_at, quick_returns
from cjmining.simulate.journeys import SALE_DAYS, Journeys, World
from cjmining.simulate.known import Known, personas_known
from cjmining.simulate.people import REGIONS
from cjmining.simulate.settings import DATA_END, DAY_S, ONLY_WHERE_ASKED, Settings
from cjmining.simulate.steps import CODE, STEPS

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.simulate.comments import Comments

DEVIATIONS = ("missing", "out_of_order", "failed", "repeated", "wrong_channel", "late")


def journey_truth(world: World) -> pd.DataFrame:
    """Return a row a journey as it truly was; see `Shop.truth` for the columns."""
    import pandas as pd

    journeys = world.journeys
    steps = np.array([step.touchpoint for step in STEPS] + [None], dtype=object)
    stages = np.array([*STAGES, schema.BEFORE_THE_MAP], dtype=object)
    table = {
        "customer": journeys.customer,
        "attempt": journeys.attempt.astype(np.int64),
        "persona": np.array(world.settings.persona_names, dtype=object)[
            world.people.persona[journeys.customer]
        ],
        "begins": np.array(BEGINNINGS, dtype=object)[journeys.begins],
        "device": np.array(DEVICES, dtype=object)[journeys.device],
        "channel": np.where(journeys.app, "app", "web").astype(object),
        "start": moments_at(journeys.start),
        "end": moments_at(journeys.end),
        "last_own": moments_at(journeys.last_own),
        "outcome": np.array(schema.OUTCOMES, dtype=object)[journeys.outcome],
        "decided_at": moments_at(journeys.decided_at),
        "left_at": moments_at(journeys.left_at),
        "left_because": np.array(REASONS, dtype=object)[journeys.left],
        "place": steps[journeys.place],
        "place_stage": stages[journeys.place_stage],
        "parcel_on_its_way": journeys.parcel_on_its_way,
        "quick_return": quick_returns(journeys),
        **journeys.flags,
    }
    return pd.DataFrame(table)


def customer_truth(world: World, seen: Known) -> pd.DataFrame:
    """Return a row a customer: persona, and what the customer list knows."""
    import pandas as pd

    names = np.array(world.settings.persona_names, dtype=object)
    return pd.DataFrame(
        {
            "customer": np.arange(len(world.people)),
            "persona": names[world.people.persona],
            "persona_known": personas_known(world, seen),
            "birth_year": world.people.birth_year.astype(np.int64),
            "region": np.array(REGIONS, dtype=object)[world.people.region],
            "guest": seen.guest,
            "listed": seen.listed,
            "subscriber": world.people.subscriber,
            "dead_address": world.people.dead_address,
        }
    )


def settings_truth(world: World) -> dict[str, Any]:
    """Return the settings as plain values."""
    usual = Settings()
    return {
        name: _plain(value)
        for name, value in asdict(world.settings).items()
        if name not in ONLY_WHERE_ASKED or value != getattr(usual, name)
    }


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def comments_truth(said: Comments) -> dict[str, int]:
    """Return how many comments were written beside answers, and how many of them tell who wrote them."""
    return {
        "written": sum(map(bool, said.text)),
        "with an e-mail address": _count(said.email),
        "with a phone number": _count(said.phone),
        "with their writer's name": _count(said.signed),
    }


def sizes(world: World, seen: Known) -> dict[str, Any]:
    """Return how many of everything there truly are, up to the end of the data."""
    journeys, events = world.journeys, world.events
    outcomes = np.bincount(journeys.outcome, minlength=4)
    return {
        "customers": world.settings.customers,
        "journeys": len(journeys),
        "events": len(events),
        "data_end": DATA_END.isoformat(),
        "outcomes": dict(zip(schema.OUTCOMES, outcomes.tolist(), strict=True)),
        "personas": _personas(world),
        "left_because": _left_because(journeys),
        "fault": _fault(world),
        "contacts": _contacts(world),
        "emails": _emails(world),
        "deviations": _deviations(world),
        "parcels_on_their_way": _count(journeys.parcel_on_its_way),
        "slow_parcels": _count(journeys.flags["slow_parcel"]),
        "second_purchases": _second_purchases(journeys),
        "slow_customers": _count(journeys.flags["slow"]),
        "quick_returns": _count(quick_returns(journeys)),
        "stray_events": world.stray,
        "dates_without_time": _count(journeys.flags["undated"]),
        "in_the_skipped_hour": _count(journeys.flags["in_skipped_hour"]),
        "survey_starts": world.settings.survey_starts.isoformat(),
        "sale_week_journeys": _sale_week(journeys),
        "customers_listed": _count(seen.listed),
        "guests": _count(seen.guest),
        "birth_year_missing": _count(seen.listed & ~seen.birth_year),
    }


def _count(holds: npt.NDArray[np.bool_]) -> int:
    return int(holds.sum())


def _personas(world: World) -> dict[str, Any]:
    """Return for each persona its journeys, and those it left by stage."""
    journeys = world.journeys
    persona = world.people.persona[journeys.customer]
    found = {}
    for code, name in enumerate(world.settings.persona_names):
        here = persona == code
        left = journeys.place_stage[here & (journeys.outcome == DROPPED)]
        found[name] = {
            "journeys": _count(here),
            "converted": _count(here & (journeys.outcome == CONVERTED)),
            "left": {stage: _count(left == number) for number, stage in enumerate(STAGES)},
        }
    return found


def _left_because(journeys: Journeys) -> dict[str, int]:
    counts = np.bincount(journeys.left, minlength=len(REASONS)).tolist()
    return dict(zip(REASONS[1:], counts[1:], strict=True))


def _fault(world: World) -> dict[str, Any] | None:
    fault = world.settings.fault
    if fault is None:
        return None
    flags, journeys = world.journeys.flags, world.journeys
    left = flags["hit_by_fault"] & (journeys.outcome == DROPPED)
    return {
        **{name: _plain(value) for name, value in asdict(fault).items()},
        "stage": "Checkout",
        "journeys_hit": _count(flags["hit_by_fault"]),
        "left_among_them": _count(left),
        "left_because_of_it": _count(flags["left_by_fault"]),
    }


def _contacts(world: World) -> dict[str, Any]:
    events, journeys = world.events, world.journeys
    found: dict[str, Any] = {}
    for name, step in (("chat", "chat"), ("call", "call")):
        here = events.step == CODE[f"{step}_answered"]
        rated = events.measures["satisfaction"][events.step == CODE[f"{step}_rated"]]
        found[name] = {
            "contacts": _count(here),
            "mean_wait_s": _mean(events.measures["wait_s"][here]),
            "rated": len(rated),
            "mean_satisfaction": _mean(rated),
        }
    found["call"]["journeys_with_a_long_wait"] = _count(journeys.flags["long_wait"])
    found["call"]["left_because_of_it"] = _count(journeys.left == REASONS.index("long wait"))
    found["chat"]["left_because_of_it"] = _count(journeys.left == REASONS.index("slow chat"))
    return found


def _mean(values: npt.NDArray[np.float32]) -> float | None:
    return round(float(values.mean(dtype=np.float64)), 4) if len(values) else None


def _emails(world: World) -> dict[str, int]:
    events, journeys = world.events, world.journeys
    return {
        "newsletters_sent": _count(events.step == CODE["newsletter_sent"]),
        "newsletters_sent_after_the_last_journey_was_left": _count(_after_leaving(world)),
        "opened_by_machines": world.prefetched,
        "bounced": _count(events.step == CODE["email_bounced"]),
        "dead_addresses": _count(world.people.dead_address),
        "left_because_a_reminder_bounced": _count(journeys.left == REASONS.index("bounce")),
        "unsubscribed": _count(events.step == CODE["unsubscribed"]),
    }


def _after_leaving(world: World) -> npt.NDArray[np.bool_]:
    journeys, events = world.journeys, world.events
    last = np.flatnonzero(np.append(journeys.customer[1:] != journeys.customer[:-1], True))
    left_at = np.full(len(world.people), -1, dtype=np.int64)
    left_at[journeys.customer[last]] = journeys.left_at[last]
    gone = left_at[events.customer]
    after: npt.NDArray[np.bool_] = (
        (events.step == CODE["newsletter_sent"]) & (gone >= 0) & (events.time > gone)
    )
    return after


def _deviations(world: World) -> dict[str, int]:
    """Return in how many journeys each type of deviation was planted (ad hoc: pages of the blog)."""
    planted = {name.replace("_", " "): _count(world.journeys.flags[name]) for name in DEVIATIONS}
    read = world.events.step == CODE["blog_read"]
    return {**planted, "ad hoc": len(np.unique(world.events.journey[read]))}


def _second_purchases(journeys: Journeys) -> int:
    bought = np.bincount(journeys.customer[journeys.outcome == CONVERTED])
    return int(np.maximum(bought - 1, 0).sum())


def _sale_week(journeys: Journeys) -> int:
    begun, ended = SALE_DAYS.start * DAY_S - 3600, SALE_DAYS.stop * DAY_S - 3600
    return _count((journeys.attempt == 1) & (journeys.start >= begun) & (journeys.start < ended))
