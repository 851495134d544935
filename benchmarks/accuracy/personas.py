"""How many personas are found where customers are alike, and whether those planted are found.

Three kinds of truth: the simulated shop (alike; clearly apart; in between; with its own personas), chains
drawn over ten steps (alike, with a memory, with kinds of journeys that are no kinds of customers, with
personas), and the published file of planted patterns. Everything runs as `cj.find_personas` does by itself.
"""

from __future__ import annotations

import resource
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import cjmining as cj
from cjmining.discovery.personas.stability import adjusted_rand
from cjmining.intended import parse_map
from cjmining.simulate import Behaviour

SEEDS = range(1, 21)
SOME = range(1, 11)
CUSTOMERS = 2_000
MANY = 10_000
HUGE = 400_000
PATTERNS = Path(__file__).resolve().parents[3] / "shared" / "data" / "truth" / "planted_journey_patterns.csv"

APART = (
    Behaviour(
        "Chatters", 0.40, (1997, 2008), ad=0.97, newsletter=0.0, store=0.0, catalogue=0.0, chats=0.9,
        calls=0.0, leave_awareness=0.02, leave_research=0.02, leave_basket=0.05, leave_checkout=0.05,
        leave_mobile_checkout=0.05, buys_again=0.6,
    ),
    Behaviour(
        "Callers", 0.35, (1938, 1965), ad=0.0, newsletter=0.0, store=0.0, catalogue=0.97, chats=0.0,
        calls=0.95, leave_awareness=0.02, leave_research=0.02, leave_basket=0.05, leave_checkout=0.05,
        buys_again=0.6,
    ),
    Behaviour(
        "Lookers", 0.25, (1966, 1996), ad=0.0, newsletter=0.0, store=0.0, catalogue=0.0, chats=0.0,
        calls=0.0, leave_research=0.9, buys_again=0.1,
    ),
)  # fmt: skip
"""Who comes by ads, chats and buys; who comes by the catalogue, calls and buys; who looks and leaves."""

WAYS = (1.0, 0.8, 0.65, 0.5, 0.35)
"""How far from the shop's default behaviour towards `APART`."""
WITHOUT_A_FAULT: dict[str, Any] = {"fault": None, "subscribers": 1.0, "loyalty": 1.0}
CHAINS = {
    "alike, one chain": (1, False, False),
    "alike, with a memory of two steps": (1, True, False),
    "alike, three kinds of journeys": (3, False, True),
    "two personas": (2, False, False),
    "four personas": (4, False, False),
    "four personas, with a memory of two steps": (4, True, False),
}
"""How many chains, whether they have a memory, and whether a chain is drawn for each journey anew."""
N_STEPS = 10


def run(*, quick: bool = False) -> dict[str, Any]:
    """Find personas in logs whose truth is known."""
    first = 2 if quick else None
    seeds, some = list(SEEDS[:first]), list(SOME[:first])
    result: dict[str, Any] = {
        "seeds": [seeds[0], seeds[-1]],
        "some seeds": [some[0], some[-1]],
        "null": {
            f"{customers:,} customers, {'split' if split else 'one journey each'}, {level}": [
                _shop(cj.simulate.null_shop(customers, seed=seed), split=split, level=level)["number"]
                for seed in seeds
            ]
            for customers in ((CUSTOMERS,) if quick else (CUSTOMERS, MANY))
            for split in (True, False)
            for level in ("touchpoint", "touchpoint@channel")
        },
        "apart": {
            name: [_shop(_between(1.0, seed), split=split) for seed in seeds]
            for name, split in (("split", True), ("one journey each", False))
        },
        "in between": {str(way): [_shop(_between(way, seed)) for seed in some] for way in WAYS},
        "in between, many": {
            str(way): [_shop(_between(way, seed, customers=MANY)) for seed in some[:3]] for way in WAYS[2:4]
        },
        "own": [_shop(cj.simulate.shop(MANY, seed=seed)) for seed in some[:3]],
        "own, four asked for": [_shop(cj.simulate.shop(MANY, seed=seed), number=4) for seed in some[:3]],
        "chains": {
            f"{name}; {journeys} each": [_chains(*truth, journeys=journeys, seed=seed) for seed in some]
            for name, truth in CHAINS.items()
            for journeys in (1, 3)
        },
        "patterns": _patterns() if PATTERNS.exists() else None,
    }
    if not quick:
        result["speed"] = _speed()
    return result


def _between(way: float, seed: int, *, customers: int = CUSTOMERS) -> cj.simulate.Shop:
    """Simulate a shop whose personas lie that far from the defaults towards those clearly apart."""
    personas = []
    for each in APART:
        usual = Behaviour(each.persona, each.share, each.born)
        moved = {
            field.name: getattr(usual, field.name)
            + way * (getattr(each, field.name) - getattr(usual, field.name))
            for field in fields(Behaviour)
            if isinstance(getattr(usual, field.name), float) and field.name != "share"
        }
        personas.append(replace(usual, **moved))
    return cj.simulate.shop(customers, seed=seed, personas=tuple(personas), **WITHOUT_A_FAULT)


def _shop(
    shop: cj.simulate.Shop, *, split: bool = True, level: str = "touchpoint", number: int | None = None
) -> dict[str, Any]:
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended) if split else shop.log
    found = cj.find_personas(log, level=level, ignore=intended.ignore, number=number)
    truth = shop.truth["customers"].set_index("customer")["persona"]
    return _score(found, truth)


def _score(found: cj.FoundPersonas, truth: pd.Series) -> dict[str, Any]:
    known = found.customers[found.customers["persona"] != "unknown"]
    both = pd.crosstab(truth.reindex(known["customer"]).to_numpy(), known["persona"].to_numpy())
    return {"number": found.number, "adjusted rand": round(adjusted_rand(both.to_numpy()), 4)}


def _chains(number: int, memory: bool, anew: bool, *, journeys: int, seed: int) -> dict[str, Any]:
    """Draw customers whose journeys follow chains with rows drawn at random, and find their personas."""
    draw = np.random.default_rng([seed, number, memory, anew, journeys])
    states = N_STEPS * (N_STEPS + 1) if memory else N_STEPS
    rows = draw.dirichlet(np.full(N_STEPS, 0.3), size=(number, states)).cumsum(axis=-1)
    starts = draw.dirichlet(np.full(N_STEPS, 0.3), size=number).cumsum(axis=-1)
    persona = draw.integers(0, number, CUSTOMERS)
    n = CUSTOMERS * journeys
    of_journey = draw.integers(0, number, n) if anew else np.repeat(persona, journeys)
    lengths = draw.geometric(0.15, n) + 1
    before, at = np.full(n, N_STEPS), _next(starts[of_journey], draw)
    steps = [at]
    for _ in range(int(lengths.max()) - 1):
        state = before * N_STEPS + at if memory else at
        before, at = at, _next(rows[of_journey, state], draw)
        steps.append(at)
    ways = np.stack(steps, axis=1)
    events = [
        (journey // journeys, journey, f"step {step}")
        for journey, length in enumerate(lengths.tolist())
        for step in ways[journey, :length].tolist()
    ]
    truth = np.zeros(CUSTOMERS, np.int64) if anew else persona
    return _score(cj.find_personas(_log(events)), pd.Series(truth))


def _next(upper: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Draw a step for each journey by the upper ends of its alternatives."""
    return np.minimum((upper < draw.random(len(upper))[:, None]).sum(axis=1), N_STEPS - 1)


def _log(events: list[tuple[int, int, str]]) -> cj.JourneyLog:
    frame = pd.DataFrame(events, columns=["customer", "journey", "touchpoint"])
    frame["native_journey"] = frame.pop("journey").map("{:07d}".format)
    frame["timestamp"] = pd.to_datetime(np.arange(len(frame)), unit="s", utc=True)
    return cj.JourneyLog.from_events(frame)


def _patterns() -> dict[str, Any]:
    table = pd.read_csv(PATTERNS)
    events = [(number, number, step) for number, way in enumerate(table["actual"]) for step in way.split("-")]
    return _score(cj.find_personas(_log(events)), table["original_pattern"])


def _speed() -> dict[str, Any]:
    """Time one number of personas on half a million journeys, after one call on a small log."""
    shop = cj.simulate.shop(HUGE, seed=1)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended)
    cj.find_personas(cj.simulate.shop(200, seed=1).log, number=2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    found = cj.find_personas(log, number=4, starts=5, ignore=intended.ignore)
    return {
        "journeys": log.n_journeys,
        "events": log.n_events,
        "personas": found.number,
        "starts": 5,
        "wall_s": round(time.perf_counter() - wall, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "peak_mb_more": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024),
    }


# in words -------------------------------------------------------------------------------------------------


def as_text(result: dict[str, Any]) -> str:
    """Tell the results as Markdown."""
    first, last = result["seeds"]
    fewer = f"{result['some seeds'][0]} to {result['some seeds'][1]}"
    intro = (
        f"Shops of {CUSTOMERS:,} customers unless another number is named. Seeds {first} to {last} for shops "
        f"in which nobody differs and those clearly apart, else {fewer}; below the first "
        f"table, 3 seeds with {MANY:,}."
    )
    many = f", {MANY:,} customers"
    lines = [
        intro,
        "",
        "| shops in which nobody differs | one persona | other numbers |",
        "|---|---|---|",
        *(
            f"| {name} | {numbers.count(1)} of {len(numbers)} | {_others(numbers)} |"
            for name, numbers in result["null"].items()
        ),
        "",
        "| shops with three personas | numbers found | adjusted Rand index: mean, least |",
        "|---|---|---|",
        *(_line(f"clearly apart, {name}", rows) for name, rows in result["apart"].items()),
        *(_line(_way(way), rows) for way, rows in result["in between"].items()),
        *(_line(_way(way) + many, rows) for way, rows in result["in between, many"].items()),
        _line(f"the shop's own four personas, split{many}", result["own"]),
        _line("the same, four asked for", result["own, four asked for"]),
        "",
        "| chains over ten steps; journeys a customer | numbers found | adjusted Rand index: mean, least |",
        "|---|---|---|",
        *(_line(name, rows) for name, rows in result["chains"].items()),
    ]
    if result["patterns"]:
        lines += ["", _told_of_patterns(result["patterns"])]
    if "speed" in result:
        lines += ["", _told_of_speed(result["speed"])]
    return "\n".join(lines)


def _told_of_patterns(found: dict[str, Any]) -> str:
    return (
        f"In the published file of 1,000 journeys made of 4 planted patterns {found['number']} personas are "
        f"found, with an adjusted Rand index of {found['adjusted rand']:.2f}."
    )


def _told_of_speed(speed: dict[str, Any]) -> str:
    return (
        f"One number ({speed['personas']} personas, {speed['starts']} starts) on {speed['journeys']:,} "
        f"journeys with {speed['events']:,} events: {speed['wall_s']:.0f} s, {speed['cpu_s']:.0f} s of "
        f"computing, {speed['peak_mb_more']:,} MB above the peak of making the log."
    )


def _way(way: str) -> str:
    return f"{100 * float(way):.0f} % of the way there, split"


def _others(numbers: list[int]) -> str:
    return ", ".join(f"{number}: {numbers.count(number)}" for number in sorted({*numbers} - {1})) or "none"


def _line(name: str, rows: list[dict[str, Any]]) -> str:
    numbers = [row["number"] for row in rows]
    told = ", ".join(f"{number}: {numbers.count(number)}" for number in sorted({*numbers}))
    rand = [row["adjusted rand"] for row in rows]
    return f"| {name} | {told} | {np.mean(rand):.2f}, {min(rand):.2f} |"
