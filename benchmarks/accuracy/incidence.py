"""How often the limits of probabilities hold the truth, on shops cut while many journeys still run.

Each run is a shop of its own in which all customers behave alike. Its log is cut at an early data end. The
truth is what became of the very journeys that count, within the time, in the log that goes on: of all runs
together. Beside it stands the naive share: of the journeys decided at the cut, those that ended so in time.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import cjmining as cj
from cjmining.conformance.plan import make_plans
from cjmining.conformance.reading import Reading, judge_part
from cjmining.dropout.entries import Entries, entries
from cjmining.dropout.segments import segment
from cjmining.dropout.spells import ENDS, UNDER_WAY, Spells, Times, estimate, spells
from cjmining.intended import IntendedMap, parse_map
from cjmining.log import JourneyLog
from cjmining.simulate.shop import text

RUNS, QUICK_RUNS = 2_000, 20
FIRST_SEEDS = (1_000, 10_000)
"""Of two sets of runs: of so many cells one may be outside by chance, but hardly the same one twice."""
CUSTOMERS = 8_000
"""Of whom some 1,900 come before the cut."""
CUT_DAYS = 50
HORIZON_DAYS = (7, 14, 30)
CURVES_EVERY = 4
"""Each so many-th run of the first set also draws the curves of all customers together, with their bands."""
LEAST = 20
"""A cell counts if at least so many journeys of a run are expected to end so, and as many not to."""
BETWEEN = (0.935, 0.965)
GROUPS = ("all", "Gen Z", "Families", "Silver", "Islanders")
DAY_US = 86_400_000_000
N_ENDS = 4


class Run(NamedTuple):
    """One run: arrays by what is asked for, group, place, end (under way last) and horizon.

    `truly` and `entered` count journeys of the log that goes on; curves are of all customers together, with
    points instead of horizons.
    """

    estimated: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    naive: np.ndarray
    truly: np.ndarray
    entered: np.ndarray
    curve_lower: np.ndarray | None
    curve_upper: np.ndarray | None
    curve_truly: np.ndarray


def run(*, quick: bool = False) -> dict:
    """Simulate, cut and estimate, once for each seed; the truth is known when all of a set are done."""
    runs = QUICK_RUNS if quick else RUNS
    return {
        "runs": runs,
        "customers": CUSTOMERS,
        "cut_days": CUT_DAYS,
        "least": LEAST,
        "sets": [_set(seed, runs, curves=number == 0) for number, seed in enumerate(FIRST_SEEDS)],
    }


def _set(first_seed: int, runs: int, *, curves: bool) -> dict:
    found = []
    for number in range(runs):
        if number % 100 == 0:
            print(f"run {number:,} of {runs:,}", file=sys.stderr)
        found.append(one_run(first_seed + number, curves=curves and number % CURVES_EVERY == 0))
    entered = np.sum([each.entered for each in found], axis=0)
    seeds = [first_seed, first_seed + runs - 1]
    return {"seeds": seeds, "cells": _cells(found, entered), "bands": _bands(found, entered)}


def one_run(seed: int, *, curves: bool) -> Run:
    """Simulate one shop, cut it, and estimate; count what truly became of the same journeys."""
    shop = cj.simulate.null_shop(CUSTOMERS, seed=seed)
    cut_at = shop.log.observed_from_us + CUT_DAYS * DAY_US
    cut, whole = Judged(_cut(shop.log, cut_at)), Judged(shop.log)
    seen, truth = entries(cut), entries(whole)
    seen, truth = seen.only(seen.inside), truth.only(truth.inside & (truth.entered_at <= cut_at))
    wanted = [timedelta(days=days) for days in HORIZON_DAYS]
    times, grid = Times.of(wanted, steps=1), Times.of(wanted)
    shape = (len(ENDS), len(GROUPS), len(seen.names), N_ENDS + 1)
    by_horizon = (*shape, len(wanted))
    estimated, lower, upper, naive = (np.full(by_horizon, np.nan) for _ in range(4))
    truly, curve_truly = np.zeros(by_horizon), np.zeros((len(ENDS), *shape[2:], len(grid.points)))
    entered = np.zeros(shape[:3])
    bands = [np.full(curve_truly.shape, np.nan) for _ in range(2)] if curves else [None, None]
    for row, to in enumerate(ENDS):
        given = _in_groups(cut, seen, to)
        for cell in estimate(given, N_ENDS, times, curves=False):
            at = (row, *np.unravel_index(cell.cell, shape[1:3]))
            estimated[at] = cell.probability[:, times.horizons]
            lower[at], upper[at] = (side[:, times.horizons] for side in cell.limits)
            own = given.only(np.flatnonzero((given.cell == cell.cell) & (given.end < N_ENDS)))
            naive[at] = _share_ended(own, times.points[times.horizons])
        if curves:
            of_all = given.only(np.flatnonzero(given.cell < shape[2]))
            for cell in estimate(of_all, N_ENDS, grid):
                bands[0][row, cell.cell], bands[1][row, cell.cell] = cell.band
        known = _in_groups(whole, truth, to)
        for number in np.unique(known.cell):
            at = (row, *np.unravel_index(number, shape[1:3]))
            own = known.only(np.flatnonzero(known.cell == number))
            entered[at] = len(own.time)
            truly[at] = _share_ended(own, times.points[times.horizons]) * len(own.time)
            if at[1] == 0:
                curve_truly[row, at[2]] = _share_ended(own, grid.points) * len(own.time)
    return Run(estimated, lower, upper, naive, truly, entered, *bands, curve_truly)


@dataclass(frozen=True)
class Turns:
    """Whose turn it was at the end of each journey, in place of all that a check says of journeys."""

    turn: np.ndarray

    def column(self, name: str) -> np.ndarray:
        """Return what a check keeps of each journey under a name."""
        return getattr(self, name)


class Judged:
    """A log judged by the shop's map: as much of a check as entries and segments need."""

    def __init__(self, log: JourneyLog) -> None:
        intended = _map()
        log = log.split(intended).with_personas(intended)
        self._reading = Reading.of(log, make_plans(log, intended), None)
        judged = self._reading.map_parts(judge_part)
        self._journeys = Turns(np.concatenate([each.turn for each in judged]))

    def _with_log(self, _what: str) -> Reading:
        return self._reading


@cache
def _map() -> IntendedMap:
    return parse_map(text("intended.yaml"))


def _cut(log: JourneyLog, at: int) -> JourneyLog:
    """Drop the events after a moment, which becomes the data end."""
    tables = log.to_arrow()
    events = tables["events"].drop_columns(["journey"])
    return JourneyLog.from_events(
        events.filter(pc.less_equal(events["timestamp"].cast(pa.int64()), at)),
        customers=tables["customers"],
        sources=tables["sources"],
        data_end=pd.Timestamp(at, unit="us", tz="UTC"),
        order="sorted",
    )


def _in_groups(judged: Judged, found: Entries, to: str) -> Spells:
    """Return the spells of everybody, then once more those of the personas."""
    codes, names = segment(judged, found, "persona")
    group = np.array([GROUPS.index(name) if name in GROUPS else 0 for name in names])[codes]
    n_places, own = len(found.names), group > 0
    of_personas = found.only(own)
    by_persona = spells(of_personas, group[own] * n_places + of_personas.place, to)
    return spells(found, found.place, to).and_also(by_persona)


def _share_ended(own: Spells, points: np.ndarray) -> np.ndarray:
    """Return by end (under way last) and point the share of spells that ended so by then."""
    n = len(own.time)
    if not n:
        return np.full((N_ENDS + 1, len(points)), np.nan)
    ended = [
        np.searchsorted(np.sort(own.time[own.end == end]), points, side="right") / n for end in range(N_ENDS)
    ]
    return np.stack([*ended, 1 - np.sum(ended, axis=0)])


def _cells(found: list[Run], entered: np.ndarray) -> list[dict]:
    """Return how often each cell that is large enough covers its truth."""
    stacked = {
        name: np.stack([getattr(each, name) for each in found])
        for name in ("estimated", "lower", "upper", "naive")
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        truth = np.sum([each.truly for each in found], axis=0) / entered[..., None, None]
    rows = []
    for at in product(*(range(size) for size in truth.shape)):
        to, group, place, end, horizon = at
        p, n = float(truth[at]), entered[at[:3]] / len(found)
        if not n * min(p, 1 - p) >= LEAST:
            continue
        estimated, lower, upper, naive = (values[(slice(None), *at)] for values in stacked.values())
        stated = ~np.isnan(estimated)
        covered = (lower <= p) & (p <= upper)
        rows.append(
            {
                "to": list(ENDS)[to],
                "group": GROUPS[group],
                "place": _place_names()[place],
                "end": (*ENDS[list(ENDS)[to]], UNDER_WAY)[end],
                "days": HORIZON_DAYS[horizon],
                "entered": n,
                "truth": p,
                "standard_error": math.sqrt(p * (1 - p) / entered[at[:3]]),
                "runs": int(stated.sum()),
                "covered": float(covered[stated].mean()),
                "truth_below": float((p < lower[stated]).mean()),
                "truth_above": float((p > upper[stated]).mean()),
                "off": float(estimated[stated].mean() - p),
                "half_width": float((upper - lower)[stated].mean() / 2),
                "naive_off": None if end == N_ENDS else float(np.nanmean(naive) - p),
            }
        )
    return rows


def _bands(found: list[Run], entered: np.ndarray) -> list[dict]:
    """Return how often the band of a curve holds the whole true curve, of all customers together."""
    with np.errstate(divide="ignore", invalid="ignore"):
        truth = np.sum([each.curve_truly for each in found], axis=0) / entered[:, 0, :, None, None]
    drawn = [each for each in found if each.curve_lower is not None]
    if not drawn:
        return []
    rows = []
    for to, place, end in product(range(len(ENDS)), range(truth.shape[1]), range(N_ENDS + 1)):
        curve = truth[to, place, end]
        n = entered[to, 0, place] / len(found)
        if not n * np.nanmax(np.minimum(curve, 1 - curve), initial=0.0) >= LEAST:
            continue
        held = [
            np.all(~(curve < each.curve_lower[to, place, end]) & ~(curve > each.curve_upper[to, place, end]))
            for each in drawn
        ]
        rows.append(
            {
                "to": list(ENDS)[to],
                "place": _place_names()[place],
                "end": (*ENDS[list(ENDS)[to]], UNDER_WAY)[end],
                "runs": len(drawn),
                "held": float(np.mean(held)),
            }
        )
    return rows


def _place_names() -> tuple[str, ...]:
    return ("(before the map)", *_map().stage_names)


# telling --------------------------------------------------------------------------------------------------


def as_text(result: dict) -> str:
    """Return the figures as Markdown."""
    first, *_ = sets = result["sets"]
    shops = (
        f"{result['runs']:,} null shops of {result['customers']:,} customers a set (seeds "
        f"{' and '.join('{:,} to {:,}'.format(*each['seeds']) for each in sets)}), cut {result['cut_days']} "
        "days after the data begin. A cell is a stage, persona or all, end and horizon, to the goal or to "
        f"what comes next; counted are those in which {result['least']} journeys of a run end so, and as "
        "many do not.\n"
    )
    held = np.array([band["held"] for band in first["bands"]])
    bands = (
        f"* Bands hold the curve in {_percent(held.min())} to {_percent(held.max())} of "
        f"{first['bands'][0]['runs']:,} runs, {_percent(held.mean())} on average of {len(held)} curves."
    )
    told = [_of_set(number, each, result) for number, each in enumerate(sets, start=1)]
    return "\n".join([shops, *told, bands, "", *_table(sets)])


def _of_set(number: int, each: dict, result: dict) -> str:
    cells = each["cells"]
    covered = np.array([cell["covered"] for cell in cells])
    outside = [_named(cell) for cell in cells if not BETWEEN[0] <= cell["covered"] <= BETWEEN[1]]
    naive = [abs(cell["naive_off"]) for cell in cells if cell["naive_off"] is not None]
    off, error = (max(abs(cell[name]) for cell in cells) for name in ("off", "standard_error"))
    stated = min(cell["runs"] for cell in cells)
    size = f"{len(cells)} cells, the smallest of {min(cell['entered'] for cell in cells):.0f} journeys a run"
    coverage = (
        f"limits at 95 % hold the truth in {_percent(covered.min(), 2)} to {_percent(covered.max(), 2)} of "
        f"the runs, {_percent(covered.mean(), 2)} on average (a cell's standard error is "
        f"{_percent(math.sqrt(0.95 * 0.05 / result['runs']), 2)}). Outside {_percent(BETWEEN[0])} to "
        f"{_percent(BETWEEN[1])}: {'; '.join(outside) or 'none'}."
    )
    bias = (
        f"Estimates are off by {off * 100:.2f} points on average at most (standard error of a truth "
        f"{error * 100:.2f} at most); the naive share is by 5 points or more in "
        f"{sum(each >= 0.05 for each in naive)} of {len(naive)} cells, by {max(naive) * 100:.1f} at most."
    )
    return f"* Set {number}, {size}: {coverage} {bias} Each cell is stated in {stated:,} runs or more."


def _named(cell: dict) -> str:
    words = f"{cell['end']} from {cell['place']} within {cell['days']} days"
    return f"{words}, {cell['group']} ({cell['to']}): {_percent(cell['covered'], 2)}"


_KEY = ("to", "group", "place", "end", "days")


def _table(sets: list[dict]) -> list[str]:
    """Tell the cells of all customers, and of each persona the ones that cover least and most."""
    heads = ["to", "group", "stage", "end", "within", "entered a run", "truth"]
    heads += ["covered, by set", "truth below, above the limits", "half width", "off", "naive off"]
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|---:|---:|---:|---:|---|---:|---:|---:|"]
    cells = sets[0]["cells"]
    by_set = [
        {tuple(cell[name] for name in _KEY): cell["covered"] for cell in each["cells"]} for each in sets
    ]
    extremes = []
    for group in GROUPS[1:]:
        own = sorted((cell for cell in cells if cell["group"] == group), key=lambda cell: cell["covered"])
        extremes += [*own[:2], *own[2:][-2:]]
    for cell in [*(cell for cell in cells if cell["group"] == GROUPS[0]), *extremes]:
        naive = "" if cell["naive_off"] is None else f"{cell['naive_off'] * 100:+.1f}"
        key = tuple(cell[name] for name in _KEY)
        columns = [
            cell["to"], cell["group"], cell["place"], cell["end"], f"{cell['days']} d",
            f"{cell['entered']:,.0f}", _percent(cell["truth"]),
            ", ".join(_percent(covered[key]) for covered in by_set if key in covered),
            f"{_percent(cell['truth_below'])}, {_percent(cell['truth_above'])}",
            f"{cell['half_width'] * 100:.1f}", f"{cell['off'] * 100:+.2f}", naive,
        ]  # fmt: skip
        lines.append(f"| {' | '.join(columns)} |")
    return lines


def _percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f} %"
