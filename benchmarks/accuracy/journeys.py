"""How well `cj.find_journeys` finds where journeys begin, on published data, simulated shops and processes.

Nothing of the truth is used but to compare. "As many of the longest silences" is what the silence alone can
do at best with as many cuts as there truly are: its precision is its recall.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

import cjmining as cj

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "truth" / "journey_boundaries_delay0.5.csv"
REPORTED = {"silence": 0.692, "pairs": 0.914, "LSTM": 0.936}
SEEDS = range(1, 11)
SHOP_SEEDS = range(1, 6)
SHOP_CUSTOMERS = 5_000
HOUR = 3600.0
BANDS = (0.0, 0.1, 0.5, 0.9, 1.0)


@dataclass(frozen=True)
class Process:
    """Customers whose journeys are Markov chains of some order, one after the other.

    They come at any time of the first two thirds of the observed time, and after each journey come back with
    probability `again`. Silences within journeys have a mean of one hour (or, `heavy`, a median of one, and
    vary by a factor of e); before a journey, `delay` hours are added (or it is longer by e to the `delay`).
    """

    codes: int = 12
    order: int = 1
    customers: int = 300
    again: float = 0.75
    delay: float = 1.0
    heavy: bool = False
    structure: float = 0.3
    observed: float = 150.0


PROCESSES = {
    "silences hardly differ (half an hour more)": Process(delay=0.5),
    "silences do not differ": Process(delay=0.0),
    "an hour more before a journey": Process(),
    "four hours more": Process(delay=4.0),
    "silences vary by a factor of e, 7 times as long": Process(delay=2.0, heavy=True),
    "6 touchpoints": Process(codes=6),
    "40 touchpoints": Process(codes=40),
    "what follows depends on the last two": Process(codes=8, order=2),
    "30 customers": Process(customers=30),
    "3,000 customers": Process(customers=3000),
    "10 customers with many journeys": Process(customers=10, again=0.99, observed=1500.0),
    "any touchpoint follows any": Process(structure=1000.0, delay=4.0),
    "one journey each": Process(again=0.0),
}


def run(*, quick: bool = False) -> dict:
    """Measure on the published log, on shops and on processes, several seeds each."""
    seeds = SEEDS[:2] if quick else SEEDS
    shops = SHOP_SEEDS[:1] if quick else SHOP_SEEDS
    return {
        "published": _published() if PUBLISHED.is_file() else None,
        "shops": [_shop(seed) for seed in shops],
        "processes": {name: [_process(kind, seed) for seed in seeds] for name, kind in PROCESSES.items()},
    }


# What is measured on --------------------------------------------------------------------------------------


def _published() -> dict[str, Any]:
    """Count as Bernard and Andritsos do, and as the truth is.

    They drop each customer's last event before they compare the cases of neighbours, so that the event before
    it counts as the end of a journey: ten of 1,000.
    """
    table = pd.read_csv(PUBLISHED).sort_values(["journey_id", "timestamp"], kind="stable")
    log = _log(table["journey_id"], table["timestamp"], table["event"])
    truth = table["new_trace"].to_numpy()
    published = truth.copy()
    published[log.bounds[1:] - 1] = True
    found = {f"order {order or 'chosen'}": cj.find_journeys(log, order=order) for order in (None, 1, 2, 3, 4)}
    rows = found["order chosen"].boundaries["event"].to_numpy()
    gap = found["order chosen"].boundaries["gap_s"]
    scores = {"silence": gap} | {name: each.boundaries["probability"] for name, each in found.items()}
    return {
        "events": len(rows),
        "chosen order": int(found["order chosen"].overview["order"].iloc[0]),
        "areas": {
            name: [_area(score, published[rows]), _area(score, truth[rows])] for name, score in scores.items()
        },
        "found": _judged(found["order chosen"], truth),
    }


def _shop(seed: int) -> dict[str, Any]:
    """Customers' events that belong to a journey; the first of each in the log begins it."""
    shop = cj.simulate.shop(SHOP_CUSTOMERS, seed=seed)
    log, whose = shop.log, shop.event_journey
    own = log.codes("actor") == log.vocabulary("actor").index("customer")
    truth = np.zeros(log.n_events, np.bool_)
    mine = np.flatnonzero(own & (whose >= 0))
    truth[mine[np.unique(whose[mine], return_index=True)[1]]] = True
    silence = cj.find_journeys(log, method="gap")
    return {
        **_judged(cj.find_journeys(log), truth),
        "gap_days": float(silence.overview["gap_s"].iloc[0]) / 86_400,
        "by gap": _judged(silence, truth),
    }


def _process(kind: Process, seed: int) -> dict[str, Any]:
    log, truth = simulate(kind, seed)
    return _judged(cj.find_journeys(log), truth)


def simulate(kind: Process, seed: int) -> tuple[cj.JourneyLog, np.ndarray]:
    """Make a log of a process, and whether a journey truly begins with each event."""
    random = np.random.default_rng(seed)
    pasts = kind.codes**kind.order
    follows = random.dirichlet(np.full(kind.codes, kind.structure), size=pasts).cumsum(axis=1)
    starts = random.dirichlet(np.full(kind.codes, kind.structure)).cumsum()
    ends = (
        np.clip(random.beta(0.3, 1.2, size=pasts), 0.02, 0.95) if kind.structure < 1 else np.full(pasts, 0.2)
    )
    events = []
    for customer in range(kind.customers):
        now = random.uniform(0, kind.observed * 2 / 3)
        goes_on = True
        while goes_on and now < kind.observed:
            for place, code in enumerate(_journey(kind, random, follows, starts, ends)):
                now += _silence(kind, random, begins=place == 0)
                events.append((customer, now * HOUR, code, place == 0))
            goes_on = random.random() < kind.again
    customers, times, codes, begins = (np.array(each) for each in zip(*events, strict=True))
    seen = times <= kind.observed * HOUR
    names = np.array([f"t{code:02d}" for code in range(kind.codes)])[codes[seen]]
    log = _log(customers[seen], times[seen], names, data_end=pd.Timestamp(kind.observed * HOUR, unit="s"))
    return log, begins[seen]


def _journey(kind, random, follows, starts, ends) -> list[int]:
    steps = [int(np.searchsorted(starts, random.random()))]
    while True:
        past = 0
        for code in ([steps[0]] * kind.order + steps)[-kind.order :]:
            past = past * kind.codes + code
        if random.random() < ends[past]:
            return steps
        steps.append(min(int(np.searchsorted(follows[past], random.random())), kind.codes - 1))


def _silence(kind: Process, random: np.random.Generator, *, begins: bool) -> float:
    if kind.heavy:
        return float(np.exp(random.normal() + kind.delay * begins))
    return float(random.exponential() + kind.delay * begins)


def _log(customer, seconds, touchpoint, *, data_end=None) -> cj.JourneyLog:
    table = pd.DataFrame({"customer": customer, "timestamp": pd.to_datetime(seconds, unit="s", utc=True)})
    table["touchpoint"] = np.asarray(touchpoint)
    return cj.JourneyLog.from_events(table, data_end=data_end)


# How it is measured ---------------------------------------------------------------------------------------


def _judged(found: cj.FoundJourneys, truth: np.ndarray) -> dict[str, Any]:
    table = found.boundaries
    true = truth[table["event"].to_numpy()]
    begins, probability = table["begins"].to_numpy(), table["probability"].to_numpy()
    right = int((begins & true).sum())
    longest = np.argsort(-table["gap_s"].to_numpy(), kind="stable")[: true.sum()]
    band = np.searchsorted(BANDS[1:-1], probability, side="right")
    return {
        "could begin": len(true),
        "true": int(true.sum()),
        "found": int(begins.sum()),
        "right": right,
        "expected": float(probability.sum()),
        "area of the silence": _area(table["gap_s"], true),
        "area": _area(probability, true),
        "right of the longest": int(true[longest].sum()),
        "bands": [
            [int((band == b).sum()), float(probability[band == b].sum()), int(true[band == b].sum())]
            for b in range(len(BANDS) - 1)
        ],
        "order": int(found.overview["order"].iloc[0]),
    }


def _area(score, truth) -> float | None:
    """Return the area under the receiver operating characteristic (Mann and Whitney's statistic)."""
    ones, zeros = int(truth.sum()), int((~truth).sum())
    if not ones or not zeros:
        return None
    return float((rankdata(score)[truth].sum() - ones * (ones + 1) / 2) / (ones * zeros))


# told -----------------------------------------------------------------------------------------------------


def as_text(result: dict) -> str:
    """Return the figures as Markdown tables."""
    parts = [] if result["published"] is None else [_published_text(result["published"])]
    head = (
        "| log | seeds | true beginnings, mean | AUC of the silence | AUC | AUC, worst seed | found / true "
        "| precision | recall | as many of the longest silences |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    rows = [_row("simulated shop, 5,000 customers", result["shops"])]
    rows.append(_row("the same, by the gap that is found", [each["by gap"] for each in result["shops"]]))
    rows += [_row(name, found) for name, found in result["processes"].items()]
    everything = [each for found in result["processes"].values() for each in found]
    return "\n".join(
        [*parts, head, *rows, "", _bands(everything, "processes"), "", _bands(result["shops"], "shops")]
    )


def _published_text(found: dict) -> str:
    lines = [
        "| what judges | AUC, as published | AUC, by the truth |",
        "|---|---:|---:|",
        *(f"| reported: {name} | {area:.3f} | |" for name, area in REPORTED.items()),
        *(f"| ours: {name} | {one:.4f} | {other:.4f} |" for name, (one, other) in found["areas"].items()),
    ]
    its = found["found"]
    lines += [
        "",
        (
            f"Of {found['events']:,} events that could begin a journey {its['true']:,} do; found are "
            f"{its['found']:,}, {its['right']:,} of them right (order {found['chosen order']} chosen)."
        ),
        "",
    ]
    return "\n".join(lines)


def _row(name: str, found: list[dict]) -> str:
    sums = {
        key: sum(each[key] for each in found) for key in ("true", "found", "right", "right of the longest")
    }
    areas = [each["area"] for each in found if each["area"] is not None]
    silence = [each["area of the silence"] for each in found if each["area of the silence"] is not None]
    cells = [
        name,
        str(len(found)),
        f"{sums['true'] / len(found):,.0f}",
        f"{np.mean(silence):.3f}" if silence else "",
        f"{np.mean(areas):.3f}" if areas else "",
        f"{min(areas):.3f}" if areas else "",
        _share(sums["found"], sums["true"]) or f"{sums['found'] / len(found):,.1f} / 0",
        _share(sums["right"], sums["found"]) if sums["true"] else "",
        _share(sums["right"], sums["true"]),
        _share(sums["right of the longest"], sums["true"]),
    ]
    return f"| {' | '.join(cells)} |"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.2f}" if whole else ""


def _bands(found: list[dict], of: str) -> str:
    sums = np.sum([each["bands"] for each in found], axis=0)
    told = [
        f"{low:g} to {high:g}: {expected / max(n, 1):.2f} said, {true / max(n, 1):.2f} true ({n:,.0f} events)"
        for low, high, (n, expected, true) in zip(BANDS[:-1], BANDS[1:], sums, strict=True)
    ]
    return f"Probabilities, all {of} together: {'; '.join(told)}."
