"""The intended map prepared for one log: everything that kernels need, as arrays over the log's codes.

Where personas override stages, the map has variants, and each gets a plan of its own. The plans of one map
number stages, cells and labels alike, so that what is counted by them adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.event_columns import counts_of, elementwise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.intended import IntendedMap
    from cjmining.intended.model import Stage, Touchpoint
    from cjmining.kernels.alignment import Steps
    from cjmining.kernels.automaton import Automaton
    from cjmining.kernels.deviations import PlanFacts
    from cjmining.kernels.outcomes import WalkRules
    from cjmining.log import JourneyLog

FOREVER = 1 << 61


@dataclass(frozen=True)
class Plan:
    """An intended map in the codes of one log.

    Attributes
    ----------
    intended : IntendedMap
        The map.
    rules, steps, facts
        What the kernels of outcomes, alignment and deviations read.
    code_symbol : int32[T]
        The automaton's symbol of each touchpoint code, -1 for none.
    exits : bool[T]
        Touchpoints that are exits.
    goes_on : bool[X]
        Goal symbols after which the map plans further touchpoints.
    turn : int8[Q]
        Whose turn it is in each state of the automaton: -1 nobody's, 0 the customer's, 1 the company's.
    within : int64[S]
        Promised microseconds from entering a stage to entering a later one; -1 for no promise.
    own_cells : int32[K']
        Number among `cells` of each cell of this plan (the position in `rules.stages`).
    cells : Cells
        Touchpoints of stages over all variants.
    labels : tuple of str
        Names that deviations are told by: the log's touchpoints, then what only the maps have.
    symbol_label, choice_label : int32[X], int32[S]
        Label of each symbol; of each choice ("one of a, b"), -1 where the stage is none.
    """

    intended: IntendedMap
    rules: WalkRules
    steps: Steps
    facts: PlanFacts
    code_symbol: NDArray[np.int32]
    exits: NDArray[np.bool_]
    goes_on: NDArray[np.bool_]
    turn: NDArray[np.int8]
    within: NDArray[np.int64]
    own_cells: NDArray[np.int32]
    cells: Cells
    labels: tuple[str, ...]
    symbol_label: NDArray[np.int32]
    choice_label: NDArray[np.int32]


class Cells(NamedTuple):
    """Stage and touchpoint code of each cell: int32[K], by touchpoint, then by stage."""

    stage: NDArray[np.int32]
    touchpoint: NDArray[np.int32]


def make_plans(
    log: JourneyLog, intended: IntendedMap, *, missing_cost: int = 1, ad_hoc_cost: int = 1
) -> tuple[Plan, ...]:
    """Prepare a map and its variants for a log.

    Parameters
    ----------
    log : JourneyLog
        Its vocabularies, sources and gaps are used.
    intended : IntendedMap
        The map.
    missing_cost, ad_hoc_cost : int
        What a map-only and a log-only move cost.

    Returns
    -------
    tuple of Plan
        One a variant of the map; the first is the map itself.
    """
    from cjmining.kernels.alignment import prepare

    vocabulary, actors = log.vocabulary("touchpoint"), log.vocabulary("actor")
    rules = [variant.walk_rules(vocabulary, actors) for variant in intended.variants]
    labels = _labels(intended.variants, vocabulary)
    number_of = {label: number for number, label in enumerate(labels)}
    numbers = [_cell_numbers(each, len(intended.stages)) for each in rules]
    known = np.unique(np.concatenate(numbers))
    touchpoint, at = np.divmod(known, len(intended.stages))
    return tuple(
        Plan(
            intended=variant,
            rules=own,
            steps=prepare(variant.automaton, map_only=missing_cost, log_only=ad_hoc_cost),
            facts=_facts(log, variant, _reach(variant.automaton)),
            code_symbol=_code_symbols(variant, vocabulary),
            exits=own.role > 1,
            goes_on=_goes_on(variant.automaton),
            turn=np.array(
                [_turn(variant, state) for state in range(variant.automaton.n_states)], dtype=np.int8
            ),
            within=np.array(
                [-1 if s.within is None else s.within.total_seconds() * 1e6 for s in variant.stages],
                dtype=np.int64,
            ),
            own_cells=np.searchsorted(known, number).astype(np.int32),
            cells=Cells(at.astype(np.int32), touchpoint.astype(np.int32)),
            labels=labels,
            symbol_label=np.array([number_of[name] for name in variant.automaton.symbols], dtype=np.int32),
            choice_label=np.array(
                [number_of[name] if (name := _choice_name(stage)) else -1 for stage in variant.stages],
                dtype=np.int32,
            ),
        )
        for variant, own, number in zip(intended.variants, rules, numbers, strict=True)
    )


def _cell_numbers(rules: WalkRules, n_stages: int) -> NDArray[np.int64]:
    """Write touchpoint code and stage of each cell as one number, ascending."""
    code = np.repeat(np.arange(len(rules.role)), np.diff(rules.stage_offsets))
    return code.astype(np.int64) * n_stages + rules.stages


def _code_symbols(intended: IntendedMap, vocabulary: tuple[str, ...]) -> NDArray[np.int32]:
    codes = {symbol: number for number, symbol in enumerate(intended.automaton.symbols)}
    return np.array([codes.get(name, -1) for name in vocabulary], dtype=np.int32)


def _reach(automaton: Automaton) -> NDArray[np.bool_]:
    """Say which states lead on to which, never by a way back; each to itself included."""
    reach, on = np.eye(automaton.n_states, dtype=bool), ~automaton.edge_returns
    reach[automaton.edge_from[on], automaton.edge_to[on]] = True
    for between in range(automaton.n_states):
        reach |= reach[:, between, None] & reach[None, between, :]
    return reach


def _goes_on(automaton: Automaton) -> NDArray[np.bool_]:
    """Say after which goals the map plans further touchpoints, other than by a way back."""
    passes = ~automaton.goal_passed[automaton.edge_from] & automaton.goal_passed[automaton.edge_to]
    leads_on = np.zeros(automaton.n_states, dtype=bool)
    leads_on[automaton.edge_from[~automaton.edge_returns]] = True
    goes_on = np.zeros(len(automaton.symbols), dtype=bool)
    goes_on[automaton.edge_symbol[passes & leads_on[automaton.edge_to]]] = True
    return goes_on


def _facts(log: JourneyLog, intended: IntendedMap, reach: NDArray[np.bool_]) -> PlanFacts:
    from cjmining.kernels.deviations import PlanFacts

    automaton = intended.automaton
    offsets, start, end = _uncovered(log, automaton.symbols)
    planned = np.zeros((len(intended.stages), len(automaton.symbols)), dtype=bool)
    for number, stage in enumerate(intended.stages):
        names = {t.touchpoint for t in stage.touchpoints}
        planned[number] = [symbol in names for symbol in automaton.symbols]
    choices = np.array([stage.order == "choice" for stage in intended.stages], dtype=bool)
    return PlanFacts(
        edge_symbol=automaton.edge_symbol,
        edge_stage=automaton.edge_stage,
        edge_group=automaton.edge_group,
        edge_channel=_planned_channels(intended, log.vocabulary("channel")),
        planned=planned,
        in_choice=planned & choices[:, None],
        beyond=_beyond(automaton, reach),
        is_goal=np.array([symbol in intended.goal for symbol in automaton.symbols], dtype=bool),
        gap_offsets=offsets,
        gap_start=start,
        gap_end=end,
    )


def _planned_channels(intended: IntendedMap, channels: tuple[str, ...]) -> NDArray[np.bool_]:
    automaton = intended.automaton
    planned = np.ones((len(automaton.edge_from), len(channels)), dtype=bool)
    for edge, touchpoints in enumerate(_touchpoints_of_edges(intended)):
        named = {channel for touchpoint in touchpoints for channel in touchpoint.channels}
        if named:
            planned[edge] = [channel in named for channel in channels]
    return planned


def _touchpoints_of_edges(intended: IntendedMap) -> list[list[Touchpoint]]:
    """Return what the map says of the touchpoint of each edge (a stage may name it twice)."""
    automaton = intended.automaton
    return [
        [t for t in intended.stages[stage].touchpoints if t.touchpoint == automaton.symbols[symbol]]
        for stage, symbol in zip(automaton.edge_stage, automaton.edge_symbol, strict=True)
    ]


def _beyond(automaton: Automaton, reach: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give, by a path's last state and a symbol, the stage of a symbol planned only beyond it, else -1."""
    beyond = np.full((automaton.n_states, len(automaton.symbols)), -1, dtype=np.int32)
    edges = np.flatnonzero(~automaton.edge_returns)
    from_start = reach[automaton.start, automaton.edge_from[edges]]
    for state in range(automaton.n_states):
        after = edges[reach[state, automaton.edge_from[edges]]]
        before = edges[from_start & reach[automaton.edge_to[edges], state]]
        beyond[state, automaton.edge_symbol[after[::-1]]] = automaton.edge_stage[after[::-1]]
        beyond[state, automaton.edge_symbol[before]] = -1
    return beyond


def _turn(intended: IntendedMap, state: int) -> int:
    """Whose turn it is: the planned actor of the next touchpoint that the map requires, else of the next.

    A way back requires nothing, and is the next only where no way leads on.
    """
    automaton = intended.automaton
    out = np.flatnonzero((automaton.edge_from == state) & (automaton.edge_to != state))
    if not len(out):
        return -1
    into = np.flatnonzero(automaton.edge_to == state)
    here = int(automaton.edge_stage[into[0]]) if len(into) else -1
    on = out[~automaton.edge_returns[out]]
    required = [
        t
        for edge, t in _touchpoints_of_edges_of(intended, on)
        if is_required(
            intended.stages[automaton.edge_stage[edge]],
            t.touchpoint,
            inside=int(automaton.edge_stage[edge]) == here,
        )
    ]
    planned = _touchpoints_of_edges_of(intended, on if len(on) else out)
    chosen = required[0] if required else planned[0][1]
    return 1 if chosen.planned_actor == "company" else 0


def _touchpoints_of_edges_of(intended: IntendedMap, edges: NDArray[np.int64]) -> list[tuple[int, Touchpoint]]:
    automaton = intended.automaton
    return [
        (int(edge), touchpoint)
        for edge in edges
        for touchpoint in intended.stages[automaton.edge_stage[edge]].touchpoints
        if touchpoint.touchpoint == automaton.symbols[automaton.edge_symbol[edge]]
    ]


def is_required(stage: Stage, touchpoint: str, *, inside: bool) -> bool:
    """Say whether a journey that goes on, inside the stage or outside, can't pass over a touchpoint of it."""
    named = [t for t in stage.touchpoints if stage.order == "choice" or t.touchpoint == touchpoint]
    return (inside or not stage.optional) and not any(t.optional or not t.recorded for t in named)


def _labels(variants: Sequence[IntendedMap], vocabulary: tuple[str, ...]) -> tuple[str, ...]:
    """Name what deviates: the log's touchpoints, the maps' others, and their choices."""
    planned = [symbol for variant in variants for symbol in variant.automaton.symbols]
    choices = [name for variant in variants for stage in variant.stages if (name := _choice_name(stage))]
    return tuple(dict.fromkeys([*vocabulary, *planned, *choices]))


def _choice_name(stage: Stage) -> str:
    names = [t.touchpoint for t in stage.touchpoints]
    return f"one of {', '.join(names)}" if stage.order == "choice" and len(names) > 1 else ""


def _uncovered(
    log: JourneyLog, symbols: tuple[str, ...]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return for each symbol the periods in which a source that records it did not.

    The sources of a touchpoint are those that recorded it somewhere in this log. One that occurs nowhere has
    none, and is missing wherever the map asks for it: `cj.coverage` says so.
    """
    periods = _periods_without(log)
    recorders = _recorders(log)
    lists = [
        [period for source in recorders.get(symbol, ()) for period in periods.get(source, ())]
        for symbol in symbols
    ]
    flat = np.array([period for each in lists for period in each], dtype=np.int64).reshape(-1, 2)
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int32)
    return offsets, np.ascontiguousarray(flat[:, 0]), np.ascontiguousarray(flat[:, 1])


def _recorders(log: JourneyLog) -> dict[str, list[str]]:
    touchpoints, sources = log.vocabulary("touchpoint"), log.vocabulary("source")
    columns = log.codes("touchpoint"), log.codes("source")
    both = elementwise(lambda what, source: what.astype(np.int64) * len(sources) + source, *columns)
    found = np.flatnonzero(counts_of(both, len(touchpoints) * len(sources)))
    recorders: dict[str, list[str]] = {}
    for touchpoint, source in zip(*np.divmod(found, max(len(sources), 1)), strict=True):
        if len(sources):
            recorders.setdefault(touchpoints[touchpoint], []).append(sources[source])
    return recorders


def _periods_without(log: JourneyLog) -> dict[str, list[tuple[int, int]]]:
    """Return for each source the time before, after and inside its coverage in which it recorded nothing."""
    import pandas as pd

    periods: dict[str, list[tuple[int, int]]] = {}
    for row in log.sources.to_dict("records"):
        gaps = [(_us(gap["start"]), _us(gap["end"])) for gap in (() if row["gaps"] is None else row["gaps"])]
        if not pd.isna(row["first"]):
            gaps.append((-FOREVER, _us(row["first"])))
        if not pd.isna(row["last"]) and _us(row["last"]) < log.data_end_us:
            gaps.append((_us(row["last"]) + 1, FOREVER))
        periods[row["source"]] = gaps
    return periods


def _us(moment: object) -> int:
    import pandas as pd

    stamp = pd.Timestamp(moment)  # type: ignore[arg-type]
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
    return int(stamp.value) // 1000  # `value` counts nanoseconds, whatever the unit
