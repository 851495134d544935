"""How often a difference between two maps is found where none is, and how often its limits hold the true one.

Null shops: nine tenths of those who left try again, and groups mean nothing. Half of the customers are held
against the other half, a fifth against the rest, and half of the journeys against the other half, so that
most customers are on both sides. Planted: Gen Z against Families in shops with the fault at the checkout;
what is true is the difference in shops with 200,000 customers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import cjmining as cj
from cjmining.conformance.difference_tables import FORMS
from cjmining.intended import parse_map
from cjmining.simulate.settings import SAMPLE_FAULT
from cjmining.stats import wilson

SEEDS = range(1, 201)
CUSTOMERS = 400
PLANTED_CUSTOMERS = 1500
TRUE_SEEDS = range(9001, 9011)
TRUE_CUSTOMERS = 20_000
Q = 0.05
ARMS = ("half of the customers", "a fifth of the customers", "half of the journeys")


def run(*, quick: bool = False) -> dict[str, Any]:
    """Compare sides that differ in nothing, and personas that differ by what is planted."""
    seeds = SEEDS[: 4 if quick else None]
    nulls: dict[str, list[list[int]]] = {arm: [] for arm in ARMS}
    for seed in seeds:
        shop = cj.simulate.null_shop(CUSTOMERS, seed=seed, returns=0.9)
        intended = parse_map(shop.intended_text)
        log = shop.log.split(intended)
        for arm in ARMS:
            nulls[arm].append(_null(log, intended, arm, seed))
    true = _true(TRUE_SEEDS[: 1 if quick else None])
    return {
        "seeds": [seeds[0], seeds[-1]],
        "customers": CUSTOMERS,
        "nulls": nulls,
        "planted": {
            "customers": PLANTED_CUSTOMERS,
            "found, held, stated": [_planted(seed, true) for seed in seeds],
        },
    }


def _null(log: cj.JourneyLog, intended: cj.IntendedMap, arm: str, seed: int) -> list[int]:
    """Return how many differences are found, tested, stated with limits, and held by these."""
    rng = np.random.default_rng([seed, 11])
    whose = np.unique(log.journey_customer, return_inverse=True)[1]
    share = 0.2 if arm == ARMS[1] else 0.5
    chosen = rng.random(len(whose)) < share
    if arm != ARMS[2]:
        chosen = (rng.random(int(whose.max()) + 1) < share)[whose]
    tagged = log.tag(arm=np.where(chosen, "a", "b").tolist())
    found = cj.difference(*(cj.check(tagged.where(arm=arm), intended) for arm in "ab"), q=Q)
    tested = [found._table(name).dropna(subset=["p"]) for name in FORMS]
    held = [int(((table["lower"] <= 0) & (table["upper"] >= 0)).sum()) for table in tested]
    stated = sum(map(len, tested))
    return [len(found.findings), stated, sum(held)]


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    names = ("stage", "touchpoint", "channel", "outcome")
    return tuple(str(row[name]) for name in names if name in row)


def _planted(seed: int, true: dict[tuple[str, ...], float]) -> list[int]:
    """Return whether the checkout was found, how many limits hold the true difference, and of how many."""
    found = _personas(cj.simulate.shop(PLANTED_CUSTOMERS, seed=seed, fault=SAMPLE_FAULT))
    at_checkout = (found.findings["table"] == "stages") & (found.findings["stage"] == "Checkout")
    held = stated = 0
    for name in ("outcomes", "reached", "stages", "touchpoints"):
        for row in found._table(name).dropna(subset=["p"]).to_dict("records"):
            expected = true[(name, *_key(row))]
            held += bool(row["lower"] <= expected <= row["upper"])
            stated += 1
    return [int(at_checkout.any()), held, stated]


def _true(seeds: range) -> dict[tuple[str, ...], float]:
    """Return each difference over many customers."""
    counts: dict[tuple[str, ...], np.ndarray] = {}
    for seed in seeds:
        found = _personas(cj.simulate.shop(TRUE_CUSTOMERS, seed=seed, fault=SAMPLE_FAULT))
        for name in ("outcomes", "reached", "stages", "touchpoints"):
            form = FORMS[name]
            columns = [f"{each}_{side}" for side in ("first", "second") for each in (form.hits, form.base)]
            for row in found._table(name).to_dict("records"):
                own = np.array([row[column] for column in columns], float)
                key = (name, *_key(row))
                counts[key] = counts.get(key, np.zeros(4)) + own
    return {key: float(c[2] / c[3] - c[0] / c[1]) for key, c in counts.items() if c[1] and c[3]}


def _personas(shop: cj.simulate.Shop) -> cj.Difference:
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    return cj.difference(cj.check(log, intended, by="persona"), "Families", "Gen Z", q=Q)


def as_text(result: dict[str, Any]) -> str:
    """Tell the result as Markdown."""
    lines = [
        "| null shops | shops | with anything found | things compared | limits that hold no difference |",
        "|---|---:|---:|---:|---:|",
    ]
    for arm, rows in result["nulls"].items():
        anything = sum(row[0] > 0 for row in rows)
        tested, held = (sum(row[i] for row in rows) for i in (1, 2))
        told = (arm, len(rows), _share(anything, len(rows)), f"{tested:,}", f"{held / tested:.1%}")
        lines.append(f"| {' | '.join(map(str, told))} |")
    planted = result["planted"]["found, held, stated"]
    found, held, stated = (sum(row[i] for row in planted) for i in range(3))
    told = (
        f"Gen Z against Families in {len(planted)} shops of {PLANTED_CUSTOMERS:,} customers with "
        f"the fault: drop-out at the checkout was found to differ in {found / len(planted):.1%}, and "
        f"{held / stated:.1%} of {stated:,} limits hold the difference of shops with 200,000 customers."
    )
    return "\n".join([*lines, "", told])


def _share(hits: int, n: int) -> str:
    share, lower, upper = wilson(hits, n)
    return f"{share:.1%} ({lower:.1%}-{upper:.1%})"
