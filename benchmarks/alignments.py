"""Optimal alignments with their moves of the shop's journeys to its map.

Each engine aligns the same different journeys (pm4py the first of them, because it needs a while); the
answers are their costs. The map's automaton becomes a Petri net for the others: a place a state, a transition
an edge.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

SAMPLE = 2_000
PM4PY_SAMPLE = 60
Costs = dict[str, int]


class Journeys(NamedTuple):
    """What is aligned: events first to last of each journey, and where its path has to end."""

    first: np.ndarray
    last: np.ndarray
    end: np.ndarray
    symbol: np.ndarray
    names: np.ndarray
    steps: object
    automaton: object
    sample: list[int]


def cjmining_all(folder: Path) -> Callable[[], Costs]:
    """Every journey of the log, each by itself; the answer leaves the costs of the sample."""
    journeys = _journeys(folder)
    return _ours(journeys, np.arange(len(journeys.first)), journeys.sample)


def cjmining_sample(folder: Path) -> Callable[[], Costs]:
    """The sample only."""
    journeys = _journeys(folder)
    return _ours(journeys, np.array(journeys.sample), range(len(journeys.sample)))


def _ours(journeys: Journeys, chosen: np.ndarray, answered) -> Callable[[], Costs]:
    from cjmining.kernels.alignment import align

    first, last, end = journeys.first[chosen], journeys.last[chosen], journeys.end[chosen]
    failed = np.zeros(len(journeys.symbol), dtype=np.int8)  # costs don't depend on it

    def run() -> Costs:
        found = align(first, last, end, journeys.symbol, failed, journeys.steps)
        return {str(number): int(found.cost[row]) for number, row in enumerate(answered)}

    return run


def r4pm_engine(folder: Path) -> Callable[[], Costs]:
    """`align_variants`, one net for each place where journeys end."""
    import polars as pl
    import r4pm

    journeys = _journeys(folder)
    options = {
        "cost_fn": {"log_move_cost": 1, "model_move_cost": 1, "silent_move_cost": 0, "sync_move_cost": 0}
    }
    jobs = []
    for end, rows in _by_end(journeys, SAMPLE).items():
        net = r4pm.petri_net.from_pm4py(*_net(journeys, end))
        log = r4pm.import_item_from_df("EventLog", pl.from_pandas(_frame(journeys, rows)))
        keys = {tuple(_activities(journeys, row)): number for number, row in rows.items()}
        jobs.append((net, r4pm.bindings.log_to_activity_projection(log), keys))

    def run() -> Costs:
        costs = {}
        for net, projection, keys in jobs:
            for found in r4pm.bindings.align_variants(net, projection, options):
                costs[str(keys[tuple(found["activities"])])] = found["result"]["Ok"]["cost"]
        return costs

    return run


def pm4py_engine(folder: Path) -> Callable[[], Costs]:
    """`conformance_diagnostics_alignments`, one net for each place where journeys end."""
    import pm4py

    journeys = _journeys(folder)
    jobs = [
        (_net(journeys, end), _frame(journeys, rows), list(rows))
        for end, rows in _by_end(journeys, PM4PY_SAMPLE).items()
    ]

    def run() -> Costs:
        costs = {}
        for net, frame, numbers in jobs:
            found = pm4py.conformance_diagnostics_alignments(frame, *net)
            for number, alignment in zip(numbers, found, strict=True):
                # A move costs 10,000 and a silent step 1.
                costs[str(number)] = alignment["cost"] // 10_000
        return costs

    return run


ENGINES = {
    "alignments with moves": {
        "cjmining": cjmining_sample,
        "cjmining, all journeys": cjmining_all,
        "r4pm": r4pm_engine,
        "pm4py": pm4py_engine,
    }
}


@cache
def _journeys(folder: Path) -> Journeys:
    import cjmining as cj
    from cjmining.kernels import alignment
    from cjmining.kernels.outcomes import judge

    log = cj.read_log(folder / "log")
    intended = cj.read_map(folder / "intended.yaml")
    vocabulary = log.vocabulary("touchpoint")
    rules = intended.walk_rules(vocabulary, log.vocabulary("actor"))
    codes = log.codes("touchpoint")
    outcome, _, _, place_event, *_ = judge(
        log.bounds, log.timestamps, codes, log.codes("actor"), log.flags("failed"), rules, log.data_end_us
    )
    automaton = intended.automaton
    symbol_of = {name: number for number, name in enumerate(automaton.symbols)}
    exits = rules.role >= 2
    symbol = alignment.symbols_of(
        codes,
        log.flags("failed"),
        np.array([symbol_of.get(name, alignment.NOT_ON_MAP) for name in vocabulary], np.int32),
        rules.ignored,
        exits,
    )
    converted = outcome == 0
    placed = ~converted & (place_event >= 0)
    end = np.where(converted, 0, alignment.NOTHING_TO_ALIGN).astype(np.int32)
    end[placed] = 1 + symbol[place_event[placed]]
    last = np.where(placed, place_event + 1, log.bounds[1:])
    journeys = Journeys(
        log.bounds[:-1].copy(), last, end, symbol, np.array(vocabulary, object)[codes],
        alignment.prepare(automaton), automaton, [],
    )  # fmt: skip
    return journeys._replace(sample=_different(journeys))


def _different(journeys: Journeys) -> list[int]:
    """Journeys drawn at random, each sequence of events and end once; none without an event to align."""
    drawn = np.random.default_rng(11).permutation(len(journeys.first))
    chosen: dict[tuple, int] = {}
    for row in drawn:
        activities = _activities(journeys, row)
        if activities and journeys.end[row] >= 0:
            chosen.setdefault((journeys.end[row], *activities), int(row))
        if len(chosen) == SAMPLE:
            break
    return list(chosen.values())


def _activities(journeys: Journeys, row: int) -> list[str]:
    its = slice(journeys.first[row], journeys.last[row])
    return [
        name for name, symbol in zip(journeys.names[its], journeys.symbol[its], strict=True) if symbol >= -1
    ]


def _by_end(journeys: Journeys, size: int) -> dict[int, dict[int, int]]:
    """The first journeys of the sample, number to row, by where their path has to end."""
    groups: dict[int, dict[int, int]] = {}
    for number, row in enumerate(journeys.sample[:size]):
        groups.setdefault(int(journeys.end[row]), {})[number] = row
    return groups


def _frame(journeys: Journeys, rows: dict[int, int]):
    import pandas as pd

    events = [(f"{number:06}", name) for number, row in rows.items() for name in _activities(journeys, row)]
    frame = pd.DataFrame(events, columns=["case:concept:name", "concept:name"], dtype=object)
    start = pd.Timestamp("2026-01-01", tz="UTC")
    return frame.assign(**{"time:timestamp": start + pd.to_timedelta(np.arange(len(frame)), unit="s")})


def _net(journeys: Journeys, end: int):
    """The automaton as a Petri net whose runs end as the journeys' do."""
    from pm4py.objects.petri_net.obj import Marking, PetriNet
    from pm4py.objects.petri_net.utils.petri_utils import add_arc_from_to

    automaton, steps = journeys.automaton, journeys.steps
    net = PetriNet("map")
    places = [PetriNet.Place(f"state {number}") for number in range(automaton.n_states)]
    final = PetriNet.Place("end")
    for place in (*places, final):
        net.places.add(place)

    def add(name: str, label: str | None, source, target) -> None:
        transition = PetriNet.Transition(name, label)
        net.transitions.add(transition)
        add_arc_from_to(source, transition, net)
        add_arc_from_to(transition, target, net)

    for edge in range(len(automaton.edge_from)):
        label, source = automaton.symbols[automaton.edge_symbol[edge]], places[automaton.edge_from[edge]]
        add(f"edge {edge}", label, source, places[automaton.edge_to[edge]])
        if steps.ends[end, edge]:
            add(f"last edge {edge}", label, source, final)
    if end == 0:
        for state in np.flatnonzero(automaton.goal_passed):
            add(f"end from {state}", None, places[state], final)
    return net, Marking({places[automaton.start]: 1}), Marking({final: 1})
