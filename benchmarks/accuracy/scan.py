"""How often the planted fault is found, and how often something is found where nothing is planted.

The fault hits one persona on the mobile web at one stage for three weeks. It is found by a finding of the
kind "dropped" at that stage whose segment has only conditions that the fault has (at least one), and whose
window overlaps the fault's. `cj.scan` runs as it does by itself; the shops have their default settings.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.simulate.settings import Fault
from cjmining.stats import wilson

if TYPE_CHECKING:
    import pandas as pd

CUSTOMERS = 20_000
SEEDS = range(1, 101)
HALF_AS_MANY = range(1, 51)
NULL_SEEDS = range(501, 601)
FIRST = 3
TRUE = {"persona": "Gen Z", "device": "mobile", "channel": "web"}
USUAL = 0.25
"""What the shop sets as the persona's usual share of leaving at the mobile checkout."""
WHOLE = Fault()
HALF = replace(WHOLE, leave=(USUAL + WHOLE.leave) / 2)
SHIFTED = replace(WHOLE, start=WHOLE.start + timedelta(days=3.5), end=WHOLE.end + timedelta(days=3.5))
HEAD = (
    "fault",
    "among the first three",
    "first",
    "stands out",
    "overlap of the window (mean)",
    "overlap at least .7",
    "all three conditions",
    "others that stand out, in 100 shops",
)
SHOPS = {
    "as planted": (WHOLE, SEEDS),
    "half the size": (HALF, HALF_AS_MANY),
    "as planted, three and a half days later": (SHIFTED, HALF_AS_MANY),
}


def run(*, quick: bool = False) -> dict:
    """Scan shops with the fault, with half of it, with one that begins amid a week, and null shops."""
    first = 2 if quick else None
    return {
        "customers": CUSTOMERS,
        "seeds": {name: [seeds[0], seeds[:first][-1]] for name, (_, seeds) in SHOPS.items()},
        "null seeds": [NULL_SEEDS[0], NULL_SEEDS[:first][-1]],
        "shops": {
            name: [
                _score(cj.simulate.shop(CUSTOMERS, seed=seed, fault=fault), fault) for seed in seeds[:first]
            ]
            for name, (fault, seeds) in SHOPS.items()
        },
        "null shops": [_alarms(cj.simulate.null_shop(CUSTOMERS, seed=seed)) for seed in NULL_SEEDS[:first]],
    }


def _scan(shop: cj.simulate.Shop) -> cj.DropOutScan:
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    return cj.scan(cj.check(log, intended, by="persona"))


def _alarms(shop: cj.simulate.Shop) -> int:
    return int(_scan(shop).findings["stands_out"].sum())


def _score(shop: cj.simulate.Shop, fault: Fault) -> dict[str, Any]:
    """Return where the fault is told, how well its window, and what else is said to stand out."""
    findings = _scan(shop).findings
    right = [_is_true(row, fault) for row in findings.itertuples()]
    others = int((findings["stands_out"] & ~np.array(right, bool)).sum())
    if not any(right):
        return {"rank": None, "others": others}
    row = findings[right].iloc[0]
    return {
        "rank": int(row["rank"]),
        "others": others,
        "stands out": bool(row["stands_out"]),
        "segment": row["segment"],
        "touchpoint": row["touchpoint"],
        "overlap": _overlap(row["start"], row["end"], fault),
        "excess": [round(float(row[name]), 1) for name in ("excess", "lower", "upper")],
        "true excess": _true_excess(shop, row),
    }


def _is_true(row: Any, fault: Fault) -> bool:
    if row.kind != "dropped" or row.stage != "Checkout" or not row.attributes:
        return False
    conditions = zip(row.attributes.split(", "), row.segment.split(", "), strict=True)
    met = all(TRUE.get(name) == value for name, value in conditions)
    return met and row.start < fault.end and fault.start < row.end


def _overlap(start: pd.Timestamp, end: pd.Timestamp, fault: Fault) -> float:
    both = min(end, fault.end) - max(start, fault.start)
    return both / (max(end, fault.end) - min(start, fault.start))


def _true_excess(shop: cj.simulate.Shop, row: pd.Series) -> int:
    """Count the known customers who truly left because of the fault in the window."""
    journeys, customers = shop.truth["journeys"], shop.truth["customers"]
    known = customers.loc[customers["persona_known"] == TRUE["persona"], "customer"]
    left = journeys[journeys["left_by_fault"] & journeys["customer"].isin(known)]
    last = left["last_own"]
    return int(((last >= row["start"]) & (last < row["end"])).sum())


# told -----------------------------------------------------------------------------------------------------


def as_text(result: dict) -> str:
    """Tell the figures as Markdown."""
    seeds = ", ".join(f"{first}-{last} ({name})" for name, (first, last) in result["seeds"].items())
    lines = [
        f"Shops of {result['customers']:,} customers with decoys, seeds {seeds}:",
        "",
        f"| {' | '.join(HEAD)} |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *(_row(name, scores) for name, scores in result["shops"].items()),
        "",
        _about_excess(result["shops"]["as planted"]),
        "",
        _about_nulls(result),
    ]
    return "\n".join(lines)


def _row(name: str, scores: list[dict]) -> str:
    among = [each for each in scores if each["rank"] is not None and each["rank"] <= FIRST]
    overlaps = [each["overlap"] for each in among]
    n = len(scores)
    cells = [
        name,
        _share(len(among), n),
        _share(sum(each["rank"] == 1 for each in among), n),
        _share(sum(each["stands out"] for each in among), n),
        f"{np.mean(overlaps):.2f}" if overlaps else "",
        _share(sum(each >= 0.7 for each in overlaps), len(overlaps)),
        _share(sum(each["segment"].count(", ") == len(TRUE) - 1 for each in among), len(among)),
        f"{100 * sum(each['others'] for each in scores) / n:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _share(count: int, n: int) -> str:
    share, lower, upper = wilson(count, n)
    if math.isnan(share):
        return ""
    return f"{count} of {n}: {100 * share:.0f} % ({100 * lower:.0f}-{100 * upper:.0f} %)"


def _about_excess(scores: list[dict]) -> str:
    told = [each for each in scores if each["rank"] is not None and each["rank"] <= FIRST]
    stated = np.mean([each["excess"][0] for each in told])
    true = np.mean([each["true excess"] for each in told])
    inside = sum(each["excess"][1] <= each["true excess"] <= each["excess"][2] for each in told)
    return (
        f"Of the faults as planted among the first three, the excess stated is {stated:.1f} journeys "
        f"on average, and {true:.1f} customers known as Gen Z truly left because of the fault then; "
        f"the limits hold that number in {_share(inside, len(told))}."
    )


def _about_nulls(result: dict) -> str:
    first, last = result["null seeds"]
    alarms = sum(each > 0 for each in result["null shops"])
    return (
        f"Null shops, in which nothing is planted, seeds {first}-{last}: something is said to stand out in "
        f"{_share(alarms, len(result['null shops']))}."
    )
