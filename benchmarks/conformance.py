"""Optimal alignments with their moves, on maps of 13, 27 (the shop's) and 60 states and on a help desk's log.

Every engine begins with integer codes or its own event log, and ends with moves. cjmining aligns every
journey; r4pm and pm4py align a sample, drawn at random with equal ones as they come, and may merge equal
ones as they like. Answers are costs, by journey. The map's automaton becomes a Petri net for the others: a
place a state, a transition an edge.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.one_by_one import costs_one_by_one
from benchmarks.walks import Codes
from benchmarks.workload import HELP_DESK

R4PM_SAMPLE = 20_000
PM4PY_SAMPLES = {"map-13": 100, "map-shop": 100, "map-60": 10, HELP_DESK: 4_580}
"""Journeys: few where one takes pm4py more than a second, and all tickets of the help desk."""
BLOCK_EVENTS = 1_000_000
"""As many events at once as a check takes."""

Answer = dict[str, Any]
"""How many `journeys` were aligned, of how many `events` in how many `codes_bytes`; `costs` by journey."""

Engine = Callable[[], Callable[[], Answer]]


def cjmining(folder: Path, *, threads: int) -> Engine:
    """Every journey of the log, with moves."""
    from cjmining.kernels.alignment import align

    def moves(block: Block, symbol: np.ndarray, steps) -> np.ndarray:
        return align(block.first, block.last, block.end, symbol, block.failed, steps)

    return _over_blocks(folder, moves, lambda found: found.cost, threads)


def costs_alone(folder: Path) -> Engine:
    """The costs without the moves; steps that come up again are shared as with moves."""
    from cjmining.kernels.alignment import costs

    def costs_of(block: Block, symbol: np.ndarray, steps) -> np.ndarray:
        return costs(block.first, block.last, block.end, symbol, steps)

    return _over_blocks(folder, costs_of, lambda found: found, threads=1)


def costs_without_merging(folder: Path) -> Engine:
    """The costs without the moves, every journey by itself."""

    def costs_of(block: Block, symbol: np.ndarray, steps) -> np.ndarray:
        return costs_one_by_one(block.first, block.last, block.end, symbol, steps)

    return _over_blocks(folder, costs_of, lambda found: found, threads=1)


class Block(NamedTuple):
    """Some of the journeys, their events counted from the first of them."""

    code: np.ndarray
    failed: np.ndarray
    first: np.ndarray
    last: np.ndarray
    end: np.ndarray


def _over_blocks(folder: Path, work, cost_of, threads: int) -> Engine:
    from cjmining.engine.local import map_blocks
    from cjmining.kernels.alignment import symbols_of

    codes, steps = Codes.load(folder), _steps(folder)
    blocks = _blocks(codes)

    def work_on(block: Block):
        on_map = (codes.code_symbol, codes.never_aligned, codes.exits)
        return work(block, symbols_of(block.code, block.failed, *on_map), steps)

    def run() -> Callable[[], Answer]:
        found = map_blocks(work_on, blocks, threads=threads)
        return partial(answer, found)

    def answer(found: list) -> Answer:
        cost = np.concatenate([cost_of(each) for each in found])
        given = (codes.code, codes.failed, codes.first, codes.last, codes.end)
        return {
            "journeys": int(np.count_nonzero(codes.end >= 0)),
            "events": len(codes.code),
            "codes_bytes": sum(array.nbytes for array in given),
            "costs": {str(row): int(cost[row]) for row in _sample(codes, R4PM_SAMPLE)},
        }

    work_on(Block(codes.code[:0], codes.failed[:0], codes.first[:0], codes.last[:0], codes.end[:0]))
    return run


def _steps(folder: Path):
    import cjmining as cj
    from cjmining.kernels.alignment import prepare

    return prepare(cj.read_map(folder / "map.yaml").automaton)


def _blocks(codes: Codes) -> list[Block]:
    bounds = np.append(codes.first, len(codes.code))
    cuts = np.searchsorted(bounds, np.arange(0, len(codes.code) + BLOCK_EVENTS, BLOCK_EVENTS)).tolist()
    cuts = sorted({*(min(cut, len(codes.first)) for cut in cuts), len(codes.first)})
    return [
        Block(
            codes.code[bounds[a] : bounds[b]],
            codes.failed[bounds[a] : bounds[b]],
            codes.first[a:b] - bounds[a],
            codes.last[a:b] - bounds[a],
            codes.end[a:b],
        )
        for a, b in itertools.pairwise(cuts)
    ]


def _sample(codes: Codes, size: int) -> list[int]:
    """Journeys drawn at random, of those that have an event to align."""
    alignable = np.flatnonzero(codes.end >= 0)
    return np.random.default_rng(11).permutation(alignable)[:size].tolist()


def r4pm_engine(folder: Path) -> Engine:
    """`align_variants`, one net for each place where journeys end; it gets equal journeys merged already."""
    import polars as pl
    import r4pm

    codes = Codes.load(folder)
    options = {
        "cost_fn": {"log_move_cost": 1, "model_move_cost": 1, "silent_move_cost": 0, "sync_move_cost": 0}
    }
    jobs = []
    for end, rows in _by_end(codes, R4PM_SAMPLE).items():
        net = r4pm.petri_net.from_pm4py(*_net(folder, end))
        log = r4pm.import_item_from_df("EventLog", pl.from_pandas(_frame(codes, rows)))
        equal: dict[tuple[str, ...], list[int]] = {}
        for row in rows:
            equal.setdefault(tuple(_activities(codes, row)), []).append(row)
        jobs.append((net, r4pm.bindings.log_to_activity_projection(log), equal))

    def run() -> Callable[[], Answer]:
        found = [r4pm.bindings.align_variants(net, projection, options) for net, projection, _ in jobs]
        return partial(answer, found)

    def answer(found: list) -> Answer:
        costs = {
            str(row): each["result"]["Ok"]["cost"]
            for of_end, (_, _, equal) in zip(found, jobs, strict=True)
            for each in of_end
            for row in equal[tuple(each["activities"])]
        }
        return {"journeys": len(costs), "costs": costs}

    return run


def pm4py_engine(folder: Path, search: str | None = None) -> Engine:
    """`conformance_diagnostics_alignments`, one net for each place where journeys end."""
    import pm4py

    codes = Codes.load(folder)
    by_end = _by_end(codes, PM4PY_SAMPLES[folder.name])
    jobs = [(_net(folder, end), _frame(codes, rows), rows) for end, rows in by_end.items()]
    options = {"variant_str": search} if search else {}

    def run() -> Callable[[], Answer]:
        found = [pm4py.conformance_diagnostics_alignments(frame, *net, **options) for net, frame, _ in jobs]
        return partial(answer, found)

    def answer(found: list) -> Answer:
        # A move costs 10,000 and a silent step 1.
        costs = {
            str(row): alignment["cost"] // 10_000
            for of_end, (_, _, rows) in zip(found, jobs, strict=True)
            for row, alignment in zip(rows, of_end, strict=True)
        }
        return {"journeys": len(costs), "costs": costs}

    return run


def _by_end(codes: Codes, size: int) -> dict[int, list[int]]:
    """The journeys of the sample by where their path has to end."""
    groups: dict[int, list[int]] = {}
    for row in _sample(codes, size):
        groups.setdefault(int(codes.end[row]), []).append(row)
    return groups


def _activities(codes: Codes, row: int) -> list[str]:
    its = slice(codes.first[row], codes.last[row])
    code, failed = codes.code[its], codes.failed[its]
    aligned = ~codes.never_aligned[code] & (~codes.exits[code] | (failed == 1))
    return codes.names[code[aligned]].tolist()


def _frame(codes: Codes, rows: list[int]):
    import pandas as pd

    events = [(f"{number:06}", name) for number, row in enumerate(rows) for name in _activities(codes, row)]
    frame = pd.DataFrame(events, columns=["case:concept:name", "concept:name"], dtype=object)
    start = pd.Timestamp("2026-01-01", tz="UTC")
    return frame.assign(**{"time:timestamp": start + pd.to_timedelta(np.arange(len(frame)), unit="s")})


def _net(folder: Path, end: int):
    """The map as a Petri net whose runs end as the journeys' do."""
    import cjmining as cj
    from cjmining.interop import to_petri_net

    intended = cj.read_map(folder / "map.yaml")
    return to_petri_net(intended, ends_in=intended.automaton.symbols[end - 1] if end else None)


ON_HELP_DESK = "alignments, help desk"
FOLDERS = {
    "alignments, map of 13 states": "map-13",
    "alignments, the shop's map": "map-shop",
    "alignments, map of 60 states": "map-60",
    ON_HELP_DESK: HELP_DESK,
}
"""Task and the folder of its codes."""

FASTEST = "Variants.VERSION_DIJKSTRA_LESS_MEMORY"
"""Of pm4py's searches for an optimal alignment the fastest on these maps; its default is an A*."""

MERGED, UNMERGED = "cjmining, costs alone", "cjmining, costs alone, none merged"


def _in(name: str, engine: Callable[..., Engine]) -> Callable[[Path], Engine]:
    return lambda folder: engine(folder / name)


ENGINES = {
    task: {
        "cjmining": _in(name, partial(cjmining, threads=2)),
        "cjmining, one thread": _in(name, partial(cjmining, threads=1)),
        MERGED: _in(name, costs_alone),
        UNMERGED: _in(name, costs_without_merging),
        "r4pm": _in(name, r4pm_engine),
        "pm4py": _in(name, pm4py_engine),
        "pm4py, its fastest search": _in(name, partial(pm4py_engine, search=FASTEST)),
    }
    for task, name in FOLDERS.items()
}
