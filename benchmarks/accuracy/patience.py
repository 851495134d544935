"""How well patience is estimated, held against shops in which it is known who left and who only paused.

A journey is judged rightly where everything that the customer did in a true journey, up to its end, lies in
one journey of the log, which ends as the true one does, and in which no later attempt lies. Else it is cut in
two, merged with a later attempt, told to have ended otherwise (dropped while a parcel was being packed), or
still open although the customer has left: patience is not over yet.
"""

from __future__ import annotations

import warnings
from datetime import timedelta

import numpy as np

import cjmining as cj
from cjmining.dropout.patience import SHARE
from cjmining.intended import parse_map
from cjmining.intended.writing import duration_text
from cjmining.kernels.outcomes import DROPPED, OPEN, judge
from cjmining.schema import OUTCOMES

SEEDS = tuple(range(1, 11))
SIZES = (1_000, 5_000)
SHARES = (0.05, SHARE, 0.01)
STATED = "14d"
LARGE = 50_000
"""Customers of the shop whose estimate stands for that of ever more customers."""

CANDIDATES = tuple(timedelta(hours=12 * step) for step in (*range(2, 12), *range(12, 61, 2)))
"""Patiences of which the best is looked for: half days up to 6, then whole ones up to 30."""

SHOPS = {"shop": cj.simulate.shop, "null shop": cj.simulate.null_shop}
KINDS = ("cut", "merged", "other", "open")


def run(*, quick: bool = False) -> dict:
    """Estimate patience in every shop, and judge all journeys by it, by the map's and by every candidate."""
    sizes, seeds = (SIZES[:1], SEEDS[:1]) if quick else (SIZES, SEEDS)
    return {
        "shops": [
            {"kind": kind, "customers": customers, "seed": seed, **_measured(make(customers, seed=seed))}
            for kind, make in SHOPS.items()
            for customers in sizes
            for seed in seeds
        ],
        "large": {} if quick else {kind: _estimates(make(LARGE, seed=99)) for kind, make in SHOPS.items()},
    }


def _measured(shop: cj.simulate.Shop) -> dict:
    truth = _Truth(shop)
    by_candidate = {duration_text(patience): truth.judged(duration_text(patience)) for patience in CANDIDATES}
    best = min(by_candidate, key=lambda patience: (sum(by_candidate[patience].values()), patience))
    estimates = _estimates(shop)
    return {
        "estimates": {
            share: {**found, **truth.judged(found["patience"])} for share, found in estimates.items()
        },
        "stated": truth.judged(STATED),
        "best": {"patience": best, **by_candidate[best]},
        "plain": {"patience": (plain := _plain_quantile(shop)), **truth.judged(plain)},
        "journeys": truth.n_journeys,
    }


def _estimates(shop: cj.simulate.Shop) -> dict:
    """Return for each share the estimate in days with its limits, and the settled patience."""
    intended = parse_map(shop.intended_text.replace(f"patience: {STATED}", "patience: auto"))
    found = {}
    for share in SHARES:
        settled = cj.settle_patience(shop.log, intended, share=share)
        whole = settled.stages.iloc[0]
        columns = ("estimate_s", "estimate_lower_s", "estimate_upper_s")
        found[str(share)] = {
            "patience": duration_text(settled.intended.patience),
            "days": [round(float(whole[column]) / 86_400, 3) for column in columns],
            "misjudged": [round(float(whole[column]), 5) for column in ("misjudged_share", "lower", "upper")],
        }
    return found


def _plain_quantile(shop: cj.simulate.Shop) -> str:
    """Return the patience that outlasts the longest gap seen in most journeys, as a first guess would."""
    from cjmining.dropout.patience import in_round_figures
    from cjmining.dropout.silences import watch

    intended = parse_map(shop.intended_text.replace(f"patience: {STATED}", "patience: auto"))
    seen = watch(shop.log, intended)
    journey, stage, ended, how = (seen.column(name) for name in ("journey", "stage", "ended", "how"))
    back = (how > 0) & (stage != intended.stage_names.index("Delivery"))
    longest = np.zeros(int(journey.max()) + 1)
    np.maximum.at(longest, journey[back], ended[back])
    return duration_text(in_round_figures(float(np.quantile(longest[longest > 0], 1 - SHARE))))


class _Truth:
    """The true journeys of a shop, by the events that their customers did up to their end."""

    def __init__(self, shop: cj.simulate.Shop) -> None:
        self.shop, self.log = shop, shop.log
        self.intended_text = shop.intended_text
        journeys = shop.truth["journeys"]
        self.outcome = np.array([OUTCOMES.index(each) for each in journeys["outcome"]])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # numpy's times know no zone; both are UTC
            end = journeys["decided_at"].to_numpy("datetime64[us]").astype(np.int64)
        log, ignored = self.log, parse_map(self.intended_text).ignore
        own = log.codes("actor") == log.vocabulary("actor").index("customer")
        named = np.isin(np.array(log.vocabulary("touchpoint")), ignored)[log.codes("touchpoint")]
        whose = shop.event_journey
        self.events = np.flatnonzero(
            own & ~named & (whose >= 0) & (log.timestamps <= end[np.maximum(whose, 0)])
        )
        self.whose = whose[self.events]
        self.seen = np.unique(self.whose)

    @property
    def n_journeys(self) -> int:
        return len(self.seen)

    def judged(self, patience: str) -> dict[str, float]:
        """Return the shares of the true journeys that a patience judges wrongly, by kind."""
        intended = parse_map(self.intended_text.replace(f"patience: {STATED}", f"patience: {patience}"))
        log = self.log.split(intended)
        rules = intended.walk_rules(log.vocabulary("touchpoint"), log.vocabulary("actor"))
        codes = log.codes("touchpoint"), log.codes("actor"), log.flags("failed")
        found = judge(log.bounds, log.timestamps, *codes, rules, log.data_end_us)[0]
        cut = log.event_journeys()[self.events]
        first, last = np.full(len(self.outcome), log.n_journeys), np.full(len(self.outcome), -1)
        np.minimum.at(first, self.whose, cut)
        np.maximum.at(last, self.whose, cut)
        latest = np.full(log.n_journeys, -1)
        np.maximum.at(latest, cut, self.whose)
        first, last, true = first[self.seen], last[self.seen], self.outcome[self.seen]
        is_cut = first != last
        merged = ~is_cut & (latest[last] != self.seen)
        wrong = ~is_cut & ~merged & (found[last] != true)
        waits = wrong & (true == DROPPED) & (found[last] == OPEN)
        kinds = (is_cut, merged, wrong & ~waits, waits)
        return {kind: float(holds.mean()) for kind, holds in zip(KINDS, kinds, strict=True)}


# told -----------------------------------------------------------------------------------------------------


def as_text(result: dict) -> str:
    """Return the figures as Markdown tables, one for each kind and size of shop."""
    shops = result["shops"]
    groups = dict.fromkeys((shop["kind"], shop["customers"]) for shop in shops)
    parts = [
        _table(
            kind,
            size,
            [one for one in shops if (one["kind"], one["customers"]) == (kind, size)],
            result["large"],
        )
        for kind, size in groups
    ]
    return "\n\n".join(parts)


def _table(kind: str, size: int, shops: list[dict], large: dict) -> str:
    rows = {
        f"auto, at most {100 * share:g} %": [one["estimates"][str(share)] for one in shops]
        for share in SHARES
    }
    rows["the map's 14 days"] = [{"patience": STATED, **one["stated"]} for one in shops]
    rows["98 % of the longest gaps seen"] = [one["plain"] for one in shops]
    rows["the best of the shop"] = [one["best"] for one in shops]
    lines = [
        f"### {kind[0].upper()}{kind[1:]}, {size:,} customers, {len(shops)} seeds",
        "",
        "| patience | days | cut in two | merged | other end | still open | judged wrongly | worst seed |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, found in rows.items():
        days = [_days(one["patience"]) for one in found]
        wrong = [sum(one[kind] for kind in KINDS) for one in found]
        cells = [
            name,
            f"{min(days):.1f} to {max(days):.1f}",
            *(f"{100 * np.mean([one[kind] for one in found]):.2f} %" for kind in KINDS),
            f"{100 * np.mean(wrong):.2f} %",
            f"{100 * max(wrong):.2f} %",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, *_limits(kind, shops, large)])


def _limits(kind: str, shops: list[dict], large: dict) -> list[str]:
    if kind not in large:
        return []
    said = []
    for share in SHARES:
        truth = large[kind][str(share)]["days"][0]
        limits = [one["estimates"][str(share)]["days"] for one in shops]
        held = sum(lower <= truth <= upper for _, lower, upper in limits)
        width = np.mean([upper - lower for _, lower, upper in limits])
        said.append(
            f"at {100 * share:g} % {truth:.2f} days, held by the limits of {held} of {len(shops)} "
            f"(mean width {width:.2f} days)"
        )
    return ["", f"Estimates of a shop of {LARGE:,} customers: {'; '.join(said)}."]


def _days(patience: str) -> float:
    return float(patience[:-1]) * {"d": 1, "h": 1 / 24, "m": 1 / 1440}[patience[-1]]
