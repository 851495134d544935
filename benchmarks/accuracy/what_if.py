"""How right scenarios are, held against shops in which the change was really made.

Every mechanism of the simulated shop draws from its own stream, so that a shop with one setting changed has
the same customers with the same chances: what differs is what the change does. A scenario reads the shop as
it is, and its gain is held against the conversions that the changed shop has more. Both count, in the long
run, the journeys that begin before the data end, those that customers begin again included.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.simulate import journeys as simulated
from cjmining.simulate.people import people
from cjmining.simulate.settings import PERSONAS, Fault, Settings
from cjmining.simulate.steps import CODE

SEEDS = range(1, 21)
"""Shops whose log a scenario reads."""
TRUE_SEEDS = range(1, 61)
"""Shops that say what is truly gained on average."""
EVERYBODY_KNOWN = {"guests": 0.0, "unlisted": 0.0, "birth_year_missing": 0.0}
"""Every customer's persona is in the log: who bought would else be known more often than who left."""
NO_APP = tuple(replace(each, app=0.0) for each in PERSONAS)
ONE_REASON = {**EVERYBODY_KNOWN, "personas": NO_APP, "long_wait_leaves": 0.0, "dead_addresses": 0.0}
"""Nobody leaves the checkout for a long wait, or the basket for a reminder that bounced: one setting alone
says how many leave there; without the app a mobile checkout is one on the mobile web."""


GROUPS = (*(each.persona for each in PERSONAS), "all")


def _persona(name: str, factor: float, personas: tuple = NO_APP) -> tuple:
    return tuple(replace(each, **{name: getattr(each, name) * factor}) for each in personas)


_MOBILE = {"personas": _persona("leave_mobile_checkout", 0.5), "fault": Fault(leave=0.2)}
SCENARIOS = {
    "halve drop-out at Checkout": (
        ONE_REASON,
        {"stage": "Checkout", "drop_out": 0.5},
        {**_MOBILE, "personas": _persona("leave_checkout", 0.5, _MOBILE["personas"])},
    ),
    "halve it on mobile": (
        ONE_REASON,
        {"stage": "Checkout", "where": {"device": "mobile"}, "drop_out": 0.5},
        _MOBILE,
    ),
    "halve drop-out at Basket": (
        ONE_REASON,
        {"stage": "Basket", "drop_out": 0.5},
        {"personas": _persona("leave_basket", 0.5)},
    ),
    "keep the two-minute promise of calls": (
        EVERYBODY_KNOWN,
        {"promise": "call_answered", "measure": "wait_s", "kept": True},
        {"long_waits": 0.0},
    ),
    "skip chats": (
        EVERYBODY_KNOWN,
        {"skip": "chat_answered"},
        {"personas": _persona("chats", 0.0, PERSONAS)},
    ),
}
"""Settings of the shop, the scenario, and the settings of the shop in which it is true."""


def run(*, quick: bool = False) -> dict:
    """Hold the gains of scenarios against those of shops really changed."""
    customers, seeds, true_seeds = (2_000, SEEDS[:2], SEEDS[:4]) if quick else (20_000, SEEDS, TRUE_SEEDS)
    true = {
        name: [_true_gain(customers, seed, shop, changed) for seed in true_seeds]
        for name, (shop, _, changed) in SCENARIOS.items()
    }
    told: dict = {name: [] for name in SCENARIOS}
    seconds = []
    for seed in seeds:
        checks: dict = {}
        for name, (shop, change, _) in SCENARIOS.items():
            if id(shop) not in checks:
                checks[id(shop)] = _check(customers, seed, shop)
            begun = time.process_time()
            scenario = cj.what_if(checks[id(shop)], change)
            seconds.append(time.process_time() - begun)
            told[name].append(scenario.scenario.set_index("by").to_dict("index"))
    return {
        "customers": customers,
        "seeds": len(seeds),
        "true_seeds": len(true_seeds),
        "seconds": float(np.median(seconds)),
        "scenarios": {name: summary(true[name], told[name]) for name in SCENARIOS},
    }


def summary(true: list[dict], told: list[dict]) -> dict:
    """Hold what scenarios tell against the truth, by group."""
    return {group: _of_group([t[group] for t in true], [t[group] for t in told]) for group in GROUPS}


def _of_group(true: list[dict], told: list[dict]) -> dict:
    gained, lower, upper, conversions = (
        np.array([row[name] for row in told]) for name in ("gained", "lower", "upper", "conversions")
    )
    expected = float(np.mean([row["gained"] for row in true]))
    return {
        "true_conversions": float(np.mean([row["conversions"] for row in true[: len(told)]])),
        "conversions": float(conversions.mean()),
        "true_gain": expected,
        "gain": float(gained.mean()),
        "spread": float(gained.std(ddof=1)),
        "within": int(np.count_nonzero((lower <= expected) & (expected <= upper))),
    }


def _check(customers: int, seed: int, settings: dict) -> cj.Conformance:
    shop = cj.simulate.shop(customers, seed=seed, **settings)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")


def _true_gain(customers: int, seed: int, shop: dict, changed: dict) -> dict:
    """Return the conversions of each persona in the long run, and how many more the changed shop has."""
    before = _conversions(Settings(customers, seed, **shop))
    after = _conversions(Settings(customers, seed, **{**shop, **changed}))
    return {name: {"conversions": n, "gained": after[name] - n} for name, n in before.items()}


def _conversions(settings: Settings) -> dict:
    """Count the journeys begun before the data end that reach the goal, also those that do so afterwards."""
    folk = people(settings)
    trips, _, _ = simulated._attempts(settings, folk)
    counts = np.zeros(len(settings.personas), np.int64)
    for trip in trips:
        reached = np.any([codes == CODE["order_delivered"] for codes in trip.codes], axis=0)
        counts += np.bincount(trip.persona[reached], minlength=len(counts))
    rows = dict(zip(settings.persona_names, counts.tolist(), strict=True))
    return {**rows, "all": int(counts.sum())}


def as_text(result: dict) -> str:
    """Return a table, a row a scenario and group."""
    told = (
        f"{result['seeds']} shops of {result['customers']:,} customers; the true gain is the mean of "
        f"{result['true_seeds']} pairs of shops. A scenario took {result['seconds']:.1f} s of CPU "
        "(median, 400 replicates)."
    )
    head = (
        "| scenario | group | conversions as it is: true, chain | truly gained | gained in the scenario "
        "| error | spread over shops | expected gain within the limits |"
    )
    lines = [told, "", head, "|---|---|---|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {name} | {group} | {_row(each)} | {each['within']} of {result['seeds']} |"
        for name, groups in result["scenarios"].items()
        for group, each in groups.items()
    ]
    return "\n".join(lines)


def _row(each: dict) -> str:
    error = _of_true(each["gain"] - each["true_gain"], each)
    return (
        f"{each['true_conversions']:,.0f}, {each['conversions']:,.0f} | {each['true_gain']:,.1f} "
        f"| {each['gain']:,.1f} | {error:+.1%} | {_of_true(each['spread'], each):.1%}"
    )


def _of_true(value: float, each: dict) -> float:
    return value / each["true_gain"] if each["true_gain"] else math.nan
