"""How right deviations are, held against shops whose truth is known.

Both sides are sets of (journey, type, stage, touchpoint). A true deviation belongs to the journey of the
event that shows it; only those that can be seen count (`observable` in `shop.deviations`). Journeys that the
truth can't judge (`shop.undecided`) are left out of both, and counted.
"""

from __future__ import annotations

import tempfile

import numpy as np
import pandas as pd
import yaml

import cjmining as cj
from cjmining.conformance import deviations
from cjmining.conformance.plan import make_plans
from cjmining.conformance.reading import Reading
from cjmining.intended import parse_map

SEEDS = (1, 2, 3, 4, 5)
CUT_SHORT = {"slow_checkouts": 0.05, "early_payments": 0.2, "lost_orders": 0.1}
"""What is planted so that journeys with every type of deviation are cut short, besides what the shop has."""
TAG_DOWN = ("2026-05-11T22:00Z", "2026-05-13T22:00Z")
"""When the exports of the web have nothing."""
DAY_US = 86_400_000_000
WHAT = ["journey", "type", "stage", "touchpoint"]


def run(*, quick: bool = False) -> dict:
    """Score logs in memory, exports and null shops."""
    customers, seeds = (2_000, SEEDS[:1]) if quick else (20_000, SEEDS)
    shops = {seed: cj.simulate.shop(customers, seed=seed, **CUT_SHORT) for seed in seeds}
    nulls = {seed: cj.simulate.null_shop(customers, seed=seed) for seed in seeds}
    return {
        "customers": customers,
        "logs": {seed: score(shop) for seed, shop in shops.items()},
        "exports": {
            seed: score(cj.simulate.shop(2_000, seed=seed, **CUT_SHORT), exported=True) for seed in seeds
        },
        "null shops": {seed: score(shop) for seed, shop in nulls.items()},
    }


def score(shop: cj.simulate.Shop, *, exported: bool = False) -> dict:
    """Return how many deviations are true, found and both, of all journeys and of those cut short.

    Parameters
    ----------
    shop : Shop
        Its truth is taken from how its customers behaved.
    exported : bool
        Whether its native exports are written and ingested, with all their dirt, and not its log in memory.
    """
    intended = parse_map(shop.intended_text)
    log = (_ingested(shop) if exported else shop.log).split(intended)
    truth = _truth(shop, log) if exported else _in_journeys(shop.deviations, shop.deviations.event, log)
    found = _found(log, intended)
    undecided = _undecided(shop, log)
    truth = truth[truth.observable & ~truth.journey.isin(undecided)]
    left_out = found.journey.isin(undecided)
    not_scored = len(_as_set(found[left_out]))
    found = found[~left_out]
    return {
        "journeys": log.n_journeys,
        "left out": len(undecided),
        "not scored": not_scored,
        "types": {
            type_: {
                "all": _scores(true_ones, found_ones),
                "cut short": _scores(true_ones, found_ones, only="cut_short"),
            }
            for type_ in sorted({*truth.type, *found.type})
            for true_ones, found_ones in [(truth[truth.type == type_], found[found.type == type_])]
        },
    }


def _scores(truth: pd.DataFrame, found: pd.DataFrame, *, only: str | None = None) -> dict:
    """Score those of one type, or only the ones for which a column holds."""
    true_ones, found_ones = _as_set(truth), _as_set(found)
    wanted = _as_set(truth[truth[only]]) if only else true_ones
    told = _as_set(found[found[only]]) if only else found_ones
    return {
        "true": len(wanted),
        "found": len(told),
        "precision": len(told & true_ones) / len(told) if told else None,
        "recall": len(wanted & found_ones) / len(wanted) if wanted else None,
    }


def _as_set(table: pd.DataFrame) -> set[tuple]:
    return set(table[WHAT].itertuples(index=False, name=None))


def _found(log: cj.JourneyLog, intended: cj.intended.IntendedMap) -> pd.DataFrame:
    found = deviations.by_journey(Reading.of(log, make_plans(log, intended), None))
    outcome = cj.check(log, intended).journeys.outcome.astype(str).to_numpy()
    texts = found.astype(dict.fromkeys(WHAT[1:], object))
    return texts.assign(cut_short=outcome[found.journey] != "converted")


def _in_journeys(truth: pd.DataFrame, event: np.ndarray, log: cj.JourneyLog) -> pd.DataFrame:
    return truth.assign(journey=log.event_journeys()[event])


def _undecided(shop: cj.simulate.Shop, log: cj.JourneyLog) -> list[int]:
    """Return the journeys of the log of which the truth doesn't say what they should have looked like."""
    events = np.flatnonzero(shop.undecided)
    if len(shop.log.timestamps) != log.n_events or (shop.log.timestamps != log.timestamps).any():
        events = _same_events(shop.log, log, events)
    return np.unique(log.event_journeys()[events[events >= 0]]).tolist()


# the same shop by way of its exports ----------------------------------------------------------------------


def _ingested(shop: cj.simulate.Shop) -> cj.JourneyLog:
    with tempfile.TemporaryDirectory(prefix="cjmining-accuracy-") as name:
        folder = shop.write(name)
        study = yaml.safe_load((folder / "study.yaml").read_text())
        sources = []
        for options in study["sources"]:
            reader, path = options.pop("source"), options.pop("path")
            sources.append(getattr(cj.sources, reader)(folder / path, **options))
        listed = study["customers"]
        customers = cj.sources.Customers(folder / listed.pop("path"), **listed)
        log = cj.ingest(sources, customers=customers, data_end=study["data_end"])
        return log.label(folder / "labels.yaml")


def _truth(shop: cj.simulate.Shop, log: cj.JourneyLog) -> pd.DataFrame:
    """Find the events again that show each deviation; what the exports lost can't be seen.

    Nor can what is missing be told from what was lost, if the web's tag was down when it might have happened.
    """
    truth = shop.deviations
    event = _same_events(shop.log, log, truth.event.to_numpy())
    seen = (event >= 0) & ~((truth.type == "missing") & _while_the_tag_was_down(shop, truth)).to_numpy()
    return _in_journeys(truth[seen], event[seen], log)


def _while_the_tag_was_down(shop: cj.simulate.Shop, truth: pd.DataFrame) -> np.ndarray:
    """Say whether it was down since the planned event before, at most patience before the one that shows."""
    times, planned = shop.log.timestamps, shop.world.events.stage >= 0
    until = times[truth.event]
    since = until - 14 * DAY_US
    for row, event in enumerate(truth.event):
        before = np.flatnonzero(planned[:event] & (shop.event_journey[:event] == shop.event_journey[event]))
        if len(before):
            since[row] = max(since[row], times[before[-1]])
    down, up = (pd.Timestamp(moment).value // 1000 for moment in TAG_DOWN)
    return (since < up) & (until > down)


def _same_events(one: cj.JourneyLog, other: cj.JourneyLog, events: np.ndarray) -> np.ndarray:
    """Return the rows of the same events in another log: same time and touchpoint, if only one has them."""
    theirs = other.events[["timestamp", "touchpoint"]].astype({"touchpoint": object})
    known = theirs.reset_index(names="row").drop_duplicates(["timestamp", "touchpoint"], keep=False)
    ours = one.events.iloc[events][["timestamp", "touchpoint"]].astype({"touchpoint": object})
    rows = ours.merge(known, on=["timestamp", "touchpoint"], how="left").row
    return rows.fillna(-1).to_numpy(np.int64)


# telling --------------------------------------------------------------------------------------------------


def as_text(result: dict) -> str:
    """Return the tables as Markdown."""
    exports = next(iter(result["exports"].values()))["journeys"]
    parts = [
        f"### Logs in memory, {result['customers']:,} customers each",
        _table(result["logs"]),
        f"### From native exports with all their dirt, 2,000 customers each (some {exports:,} journeys)",
        _table(result["exports"]),
        "### Null shops, in which nothing is planted",
        _nothing(result["null shops"]),
    ]
    return "\n\n".join(parts)


def _table(by_seed: dict) -> str:
    lines = [
        "| type | journeys | truly | found | precision | recall | least precision and recall of a seed |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    types = {type_: None for each in by_seed.values() for type_ in each["types"]}
    for type_ in types:
        for which in ("all", "cut short"):
            of = [each["types"][type_][which] for each in by_seed.values() if type_ in each["types"]]
            true_ones, found = (sum(each[name] for each in of) for name in ("true", "found"))
            right = sum(each["precision"] * each["found"] for each in of if each["found"])
            seen = sum(each["recall"] * each["true"] for each in of if each["true"])
            least = [min(each[n] for each in of if each[n] is not None) for n in ("precision", "recall")]
            cells = [type_, which, f"{true_ones:,}", f"{found:,}", f"{right / found:.4f}"]
            cells += [f"{seen / true_ones:.4f}", f"{least[0]:.4f}, {least[1]:.4f}"]
            lines.append(f"| {' | '.join(cells)} |")
    two, not_scored, journeys = (
        sum(each[name] for each in by_seed.values()) for name in ("left out", "not scored", "journeys")
    )
    left_out = (
        f"Left out: {two:,} of {journeys:,} journeys, in which two attempts run into one at the checkout"
    )
    lines += ["", f"{left_out}; {not_scored:,} deviations were found in them."]
    return "\n".join(lines)


def _nothing(by_seed: dict) -> str:
    journeys = sum(each["journeys"] for each in by_seed.values())
    found = sum(of["all"]["found"] for each in by_seed.values() for of in each["types"].values())
    return f"{found} deviations were found in {journeys:,} journeys."
