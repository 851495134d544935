"""How often a comparison finds something where nothing differs, and what it finds of what is planted.

Null logs: groups are drawn at random, so whatever is found is false. In the null shop, split by its map, nine
tenths of those who left try again. In the clustered logs customers have 1 to 40 journeys, 4 on average, and
strong habits. Groups are drawn by customer, or by journey with customers who lean to one group, so that they
are in both.

Planted logs: journeys run through eight episodes, each a start and one of two ways (s1, then u1 or v1). In
group a some episodes have another share of ways, or other times. What these touch differs by construction:
touchpoints, transitions and paths with a moved way, and the planted times; all else does not.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pyarrow as pa

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.stats import wilson

NULL_SEEDS = range(1, 501)
PLANTED_SEEDS = range(1001, 1101)
SHOP_CUSTOMERS = 400
NULL_CUSTOMERS = 300
SIZES = (300, 1000, 3000)
EPISODES = 8
Q = 0.05
MOVED = {"share +5 points": (1, 0.1), "share +10 points": (2, 0.2)}
"""The episode, and the part of the second way (half of all) that takes the first one instead."""
SLOWER = {"time x 1.2": (3, 1.2), "time x 1.5": (4, 1.5)}
"""The episode, and by how much its first way takes longer."""
NULLS = {
    "null shop, groups of half the customers": ("shop", "half"),
    "clustered, groups of half the customers": ("clustered", "half"),
    "clustered, one group of 15 % of the customers": ("clustered", "few"),
    "clustered, groups by journey, customers lean to one": ("clustered", "journeys"),
}


def run(*, quick: bool = False) -> dict:
    """Compare groups of null logs and of logs with planted differences."""
    seeds = NULL_SEEDS[: 6 if quick else None]
    planted = PLANTED_SEEDS[: 3 if quick else None]
    logs: dict[str, list[list[int]]] = {name: [] for name in NULLS}
    for seed in seeds:
        made = {"shop": _null_shop(seed), "clustered": clustered(NULL_CUSTOMERS, seed=seed)}
        for name, (kind, groups) in NULLS.items():
            logs[name].append(_null(made[kind], groups, seed))
    return {
        "null seeds": [seeds[0], seeds[-1]],
        "planted seeds": [planted[0], planted[-1]],
        "customers": {"shop": SHOP_CUSTOMERS, "clustered log": NULL_CUSTOMERS},
        "nulls": logs,
        "planted": {
            str(size): [_planted(size, seed) for seed in planted] for size in SIZES[: 2 if quick else None]
        },
    }


# null logs ------------------------------------------------------------------------------------------------


def _null_shop(seed: int) -> cj.JourneyLog:
    shop = cj.simulate.null_shop(SHOP_CUSTOMERS, seed=seed, returns=0.9)
    return shop.log.split(parse_map(shop.intended_text))


def _null(log: cj.JourneyLog, groups: str, seed: int) -> list[int]:
    """Return how many cells were found and tested with groups that mean nothing."""
    rng = np.random.default_rng([seed, 7])
    whose = np.unique(log.journey_customer, return_inverse=True)[1]
    n = int(whose.max()) + 1
    if groups == "journeys":
        in_a = rng.random(len(whose)) < rng.beta(0.5, 0.5, n)[whose]
    else:
        in_a = (rng.random(n) < (0.5 if groups == "half" else 0.15))[whose]
    found = _compare(log.tag(arm=np.where(in_a, "a", "b").tolist()), "arm")
    return [len(found.findings), int(found.cells["tested"].sum())]


def _compare(log: cj.JourneyLog, by: str) -> cj.Comparison:
    return cj.compare(cj.discover(log, by=by), "a", "b", q=Q, strata=())


# logs in episodes -----------------------------------------------------------------------------------------


def clustered(customers: int, *, seed: int) -> cj.JourneyLog:
    """Return a log whose customers have several journeys that are much alike."""
    return _episodes(customers, seed=seed, journeys=4.0, habit=2.0, pace=1.0, planted=False)


def planted_log(customers: int, *, seed: int) -> cj.JourneyLog:
    """Return a log in which group a differs in what `MOVED` and `SLOWER` say, and in nothing else."""
    return _episodes(customers, seed=seed, journeys=2.0, habit=1.0, pace=0.5, planted=True)


def _episodes(
    customers: int, *, seed: int, journeys: float, habit: float, pace: float, planted: bool
) -> cj.JourneyLog:
    """Draw journeys through episodes.

    `habit` is the standard deviation over customers of the log odds of the first way (mean 0) and of going on
    after an episode; `pace` that of the log of how slow they are.
    """
    rng = np.random.default_rng([seed, customers])
    number = np.minimum(rng.geometric(1 / journeys, customers), 40)
    whose = np.repeat(np.arange(customers), number)
    in_a = (rng.random(customers) < 0.5)[whose]
    taste = rng.normal(0, habit, (customers, EPISODES))[whose]
    stays = rng.normal(3, habit, customers)[whose, None]
    slow = np.exp(rng.normal(0, pace, customers))[whose, None]
    n = len(whose)
    first = rng.random((n, EPISODES)) < _logistic(taste)
    seconds = np.exp(rng.normal(5, 1, (n, 2 * EPISODES))) * slow
    if planted:
        for episode, share in MOVED.values():
            first[:, episode - 1] |= in_a & (rng.random(n) < share)
        for episode, factor in SLOWER.values():
            at = 2 * episode - 1
            seconds[:, at] = np.where(in_a & first[:, episode - 1], factor * seconds[:, at], seconds[:, at])
    there = np.ones((n, EPISODES), bool)
    there[:, 1:] = np.logical_and.accumulate(rng.random((n, EPISODES - 1)) < _logistic(stays), axis=1)
    return _log(whose, in_a, first, seconds, there, customers)


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _log(
    whose: np.ndarray,
    in_a: np.ndarray,
    first: np.ndarray,
    seconds: np.ndarray,
    there: np.ndarray,
    customers: int,
) -> cj.JourneyLog:
    names = [f"{kind}{episode + 1}" for episode in range(EPISODES) for kind in "suv"]
    code = np.empty((len(whose), 2 * EPISODES), np.int32)
    code[:, 0::2] = 3 * np.arange(EPISODES)
    code[:, 1::2] = 3 * np.arange(EPISODES) + np.where(first, 1, 2)
    kept = np.repeat(there, 2, axis=1)
    at = (np.cumsum(seconds, axis=1) * 1e6).astype(np.int64)
    journey = np.broadcast_to(np.arange(len(whose))[:, None], code.shape)[kept]
    events = pa.table(
        {
            "customer": whose[journey],
            "native_journey": pa.array([f"{each:07d}" for each in range(len(whose))]).take(pa.array(journey)),
            "timestamp": pa.array(at[kept], pa.timestamp("us", "UTC")),
            "touchpoint": pa.DictionaryArray.from_arrays(pa.array(code[kept]), pa.array(names)),
        }
    )
    side = np.empty(customers, dtype=object)
    side[whose] = np.where(in_a, "a", "b")
    people = pa.table({"customer": np.arange(customers), "side": pa.array(side.tolist())})
    return cj.JourneyLog.from_events(events, customers=people)


# planted differences --------------------------------------------------------------------------------------


def _planted(customers: int, seed: int) -> dict[str, Any]:
    """Return how many findings are false, and which planted differences were found."""
    found = _compare(planted_log(customers, seed=seed), "side").findings
    true = [is_true(table, what) for table, what in zip(found["table"], found["what"], strict=True)]
    there = set(zip(found["table"], found["what"], strict=True))
    return {
        "found": len(found),
        "false": len(true) - sum(true),
        "of": {name: cell in there for name, cell in planted_cells().items()},
    }


def planted_cells() -> dict[str, tuple[str, str]]:
    """Return the cell that each planted difference is looked for in."""
    shares = {name: ("transitions", f"s{episode} > u{episode}") for name, (episode, _) in MOVED.items()}
    return shares | {name: ("times", f"s{episode} > u{episode}") for name, (episode, _) in SLOWER.items()}


def is_true(table: str, what: str) -> bool:
    """Say whether a cell truly differs."""
    if table == "times":
        return (table, what) in planted_cells().values()
    ways = {f"{way}{episode}" for episode, _ in MOVED.values() for way in "uv"}
    return bool(ways & set(re.split(" > ", what)))


# told -----------------------------------------------------------------------------------------------------


def as_text(result: dict) -> str:
    """Tell the figures as Markdown."""
    first, last = result["null seeds"]
    sizes = " and ".join(f"{number} customers of the {log}" for log, number in result["customers"].items())
    columns = (
        "groups",
        "cells tested (mean)",
        f"logs in which anything is found at q <= {Q:g}",
        "standard error",
    )
    planted = " to ".join(str(seed) for seed in result["planted seeds"])
    head = ("customers", *planted_cells(), "found (mean)", "false share of what is found (mean)")
    lines = [
        f"Null logs, seeds {first} to {last}, {sizes}:",
        "",
        f"| {' | '.join(columns)} |",
        "|---|---:|---:|---:|",
        *(_null_row(name, rows) for name, rows in result["nulls"].items()),
        "",
        f"Planted logs, seeds {planted}, two journeys a customer on average, groups of half the customers:",
        "",
        f"| {' | '.join(head)} |",
        f"|---|{'---:|' * (len(head) - 1)}",
        *(_planted_row(size, rows) for size, rows in result["planted"].items()),
    ]
    return "\n".join(lines)


def _null_row(name: str, rows: list[list[int]]) -> str:
    alarms, n = sum(row[0] > 0 for row in rows), len(rows)
    share = alarms / n
    error = math.sqrt(share * (1 - share) / n)
    tested = np.mean([row[1] for row in rows])
    return f"| {name} | {tested:.0f} | {_share(alarms, n)} | {100 * error:.1f} points |"


def _planted_row(size: str, rows: list[dict]) -> str:
    n = len(rows)
    shares = [row["false"] / max(row["found"], 1) for row in rows]
    error = np.std(shares, ddof=1) / math.sqrt(n)
    power = [_share(sum(row["of"][name] for row in rows), n) for name in planted_cells()]
    found = np.mean([row["found"] for row in rows])
    false = f"{100 * np.mean(shares):.1f} % (standard error {100 * error:.1f} points)"
    return f"| {int(size):,} | {' | '.join(power)} | {found:.1f} | {false} |"


def _share(count: int, n: int) -> str:
    share, lower, upper = wilson(count, n)
    return f"{count} of {n}: {100 * share:.1f} % ({100 * lower:.1f}-{100 * upper:.1f} %)"
