"""Exact optimal alignments of journeys to the automaton of a map, costs and moves.

The state of the computation is one vector: for every state of the automaton the least integer
``weight x cost - 2 x matches + tries`` of explaining the events still to come, closed under map-only moves; a
try is a failed event by which a converted journey passes the goal, at most one in a path. An event adds the
log-only cost to all of it and relaxes the few edges that carry its touchpoint.
"""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202, C901 -- numba infers the types of inner steps; a pass over events is one loop

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.automaton import Automaton

NOT_ON_MAP, NOT_ALIGNED = -1, -2
NOTHING_TO_ALIGN, CONVERTED_END = -1, 0
FAR = 1 << 60
_FAR_COST = 1 << 40
_MATCH = 2
"""What a match weighs; one by which a failed try passes the goal weighs 1 less."""


class Steps(NamedTuple):
    """An automaton prepared for alignment.

    Attributes
    ----------
    start : int
        The state before the map.
    edge_from, edge_to, edge_symbol : int32[E]
        As in `Automaton`.
    from_offsets : int32[S + 1]
        Where the edges out of each state begin.
    symbol_offsets, symbol_edges : int32[X + 1], int32[E]
        The edges that carry each symbol, in written order.
    distance : int64[S, S]
        Cost of the cheapest map-only run between two states.
    to_end : int64[1 + X, S]
        Cost of the cheapest map-only run from a state to each end: 0 the goal passed, 1 + x a last edge that
        carries symbol x.
    unexplained : int64[1 + X]
        The same from the start, where a last touchpoint that no system records costs nothing.
    ends : bool[1 + X, E]
        The edges that may be the last of a run with that end.
    passes : bool[E]
        The edges by which the goal is passed.
    map_only, log_only : int
        What a move costs.
    """

    start: int
    edge_from: NDArray[np.int32]
    edge_to: NDArray[np.int32]
    edge_symbol: NDArray[np.int32]
    from_offsets: NDArray[np.int32]
    symbol_offsets: NDArray[np.int32]
    symbol_edges: NDArray[np.int32]
    distance: NDArray[np.int64]
    to_end: NDArray[np.int64]
    unexplained: NDArray[np.int64]
    ends: NDArray[np.bool_]
    passes: NDArray[np.bool_]
    map_only: int
    log_only: int


class Alignments(NamedTuple):
    """Optimal alignments of many journeys.

    Attributes
    ----------
    cost : int64[J]
        What the moves of each journey cost.
    worst : int64[J]
        What it would cost to explain no event at all: the denominator of fitness; 0 where nothing is aligned.
        A place that no system records is free there too.
    final : int32[J]
        The state of the automaton in which the journey's path ends.
    offsets : int64[J + 1]
        Where the moves of each journey begin.
    event, edge : int64[M], int32[M]
        The event and the edge of each move; -1 where the move has none (map only, log only).
    """

    cost: NDArray[np.int64]
    worst: NDArray[np.int64]
    final: NDArray[np.int32]
    offsets: NDArray[np.int64]
    event: NDArray[np.int64]
    edge: NDArray[np.int32]


def prepare(automaton: Automaton, *, map_only: int = 1, log_only: int = 1) -> Steps:
    """Compute once what all journeys share: distances, and what an end still costs from each state.

    Parameters
    ----------
    automaton : Automaton
        The compiled map.
    map_only, log_only : int
        Cost of a planned touchpoint without its event, and of an event without its planned touchpoint;
        at least 1.

    Returns
    -------
    Steps
        For `align`. A run that isn't converted ends in a chosen symbol before the goal, a goal symbol being
        the first to pass it; a symbol that is planned only after the goal may be reached through it.
    """
    n_edges, n_symbols = len(automaton.edge_from), len(automaton.symbols)
    order = np.argsort(automaton.edge_symbol, kind="stable").astype(np.int32)
    states, symbols = np.arange(automaton.n_states + 1), np.arange(n_symbols + 1)
    distance = _distances(automaton) * map_only
    ends = np.zeros((1 + n_symbols, n_edges), dtype=bool)
    to_end = np.full((1 + n_symbols, automaton.n_states), _FAR_COST, dtype=np.int64)
    unexplained = np.full(1 + n_symbols, _FAR_COST, dtype=np.int64)
    passed = automaton.goal_passed
    if passed.any():
        to_end[CONVERTED_END] = distance[:, passed].min(axis=1)
        unexplained[CONVERTED_END] = to_end[CONVERTED_END, automaton.start]
    last_step = np.where(automaton.edge_recorded, map_only, 0)
    for symbol in range(n_symbols):
        ends[1 + symbol] = _last_edges(automaton, symbol)
        befores = automaton.edge_from[ends[1 + symbol]]
        if len(befores):
            to_end[1 + symbol] = distance[:, befores].min(axis=1) + map_only
            runs = distance[automaton.start, befores] + last_step[ends[1 + symbol]]
            unexplained[1 + symbol] = runs.min()
    return Steps(
        automaton.start,
        automaton.edge_from,
        automaton.edge_to,
        automaton.edge_symbol,
        np.searchsorted(automaton.edge_from, states).astype(np.int32),
        np.searchsorted(automaton.edge_symbol[order], symbols).astype(np.int32),
        order,
        np.minimum(distance, _FAR_COST),
        np.minimum(to_end, _FAR_COST),
        unexplained,
        ends,
        ~passed[automaton.edge_from] & passed[automaton.edge_to],
        map_only,
        log_only,
    )


def _distances(automaton: Automaton) -> NDArray[np.int64]:
    """All-pairs number of edges (Floyd and Warshall)."""
    distance = np.full((automaton.n_states, automaton.n_states), _FAR_COST, dtype=np.int64)
    distance[automaton.edge_from, automaton.edge_to] = 1
    np.fill_diagonal(distance, 0)
    for between in range(automaton.n_states):
        np.minimum(distance, distance[:, between, None] + distance[None, between, :], out=distance)
    return distance


def _last_edges(automaton: Automaton, symbol: int) -> NDArray[np.bool_]:
    """Return the edges in which a journey may end whose place has this symbol."""
    carries: NDArray[np.bool_] = automaton.edge_symbol == symbol
    before_goal: NDArray[np.bool_] = carries & ~automaton.goal_passed[automaton.edge_from]
    not_goal = before_goal & ~automaton.goal_passed[automaton.edge_to]
    for choice in (not_goal, before_goal, carries):
        if choice.any():
            return choice
    return carries


@kernel
def align(
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    end: NDArray[np.int32],
    symbol: NDArray[np.int32],
    failed: NDArray[np.int8],
    steps: Steps,
) -> Alignments:
    """Align journeys to the map, each at the least cost, with the one set of moves that the tie rule picks.

    Among alignments of least cost one with most matches is taken; of those, one in which a converted journey
    passes the goal by the event that reached it and not by a failed try, if there is one; then, walking
    forward, each event is matched if it can be, by the lowest edge in written order, reached by the shortest
    map-only run, lowest in that order.

    Parameters
    ----------
    first, last : int64[J]
        The events of each journey that are aligned, `last` exclusive.
    end : int32[J]
        -1 nothing to align, 0 the goal must have been passed, 1 + x the last edge carries symbol x. Where
        the map leads to no such end, nothing is aligned.
    symbol : int32[N]
        Symbol of each event; -1 not on the map, -2 not to be aligned (ignored events and exits).
    failed : int8[N]
        -1 unknown, 0 no, 1 yes.
    steps : Steps
        The prepared automaton.

    Returns
    -------
    Alignments
        Costs and moves.
    """
    n = len(first)
    longest, total = _sizes(first, last, end)
    weight = _MATCH * longest + 1
    n_states = steps.distance.shape[0]
    distance = _scaled(steps.distance, weight)
    reverse = np.ascontiguousarray(distance.T)
    to_end = _scaled(steps.to_end, weight)
    values = np.empty((longest + 1, n_states), np.int64)
    on_map = np.empty(longest, np.int32)
    tried = np.empty(longest, np.bool_)
    cost = np.zeros(n, np.int64)
    worst = np.zeros(n, np.int64)
    final = np.full(n, steps.start, np.int32)
    offsets = np.zeros(n + 1, np.int64)
    event = np.empty(total + total // 4 + 64, np.int64)
    edge = np.empty(len(event), np.int32)
    m = 0
    for j in range(n):
        if _is_reachable(end[j], steps):
            k = _collect(first[j], last[j], end[j], symbol, failed, on_map, tried)
            _backwards(on_map, tried, k, end[j], reverse, to_end, weight, steps, values)
            bound = last[j] - first[j] + values[0, steps.start] // (weight * steps.map_only) + 2
            if m + bound > len(event):
                event, edge = _grown(event, edge, m, bound)
            begin = m
            m, state = _forwards(
                first[j],
                last[j],
                tried,
                k,
                end[j],
                symbol,
                values,
                distance,
                to_end,
                weight,
                steps,
                event,
                edge,
                m,
            )
            final[j] = state
            worst[j] = steps.unexplained[end[j]]
            for i in range(begin, m):
                if edge[i] < 0:
                    cost[j] += steps.log_only
                elif event[i] < 0:
                    cost[j] += steps.map_only
                if event[i] >= 0:
                    worst[j] += steps.log_only
        offsets[j + 1] = m
    return Alignments(cost, worst, final, offsets, event[:m], edge[:m])


@kernel
def costs(
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    end: NDArray[np.int32],
    symbol: NDArray[np.int32],
    steps: Steps,
) -> NDArray[np.int64]:
    """Compute the costs that `align` finds, without the moves; parameters as there, less `failed`."""
    n = len(first)
    longest, _ = _sizes(first, last, end)
    weight = _MATCH * longest + 1
    reverse = np.ascontiguousarray(_scaled(steps.distance, weight).T)
    to_end = _scaled(steps.to_end, weight)
    values = np.empty((longest + 1, steps.distance.shape[0]), np.int64)
    on_map = np.empty(longest, np.int32)
    tried = np.empty(longest, np.bool_)
    failed = np.zeros(len(symbol), np.int8)
    cost = np.zeros(n, np.int64)
    for j in range(n):
        if _is_reachable(end[j], steps):
            k = _collect(first[j], last[j], end[j], symbol, failed, on_map, tried)
            _backwards(on_map, tried, k, end[j], reverse, to_end, weight, steps, values)
            off_map = 0
            for i in range(first[j], last[j]):
                off_map += symbol[i] == NOT_ON_MAP
            # value = weight x cost - 2 x matches with 0 <= 2 x matches < weight: round up
            cost[j] = -(-values[0, steps.start] // weight) + off_map * steps.log_only
    return cost


@kernel
def symbols_of(
    touchpoint: NDArray[np.int32],
    failed: NDArray[np.int8],
    code_symbol: NDArray[np.int32],
    never_aligned: NDArray[np.bool_],
    exits: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Give each event its symbol of the automaton, or say that it isn't on the map or never aligned.

    Parameters
    ----------
    touchpoint, failed : int32[N], int8[N]
        The events.
    code_symbol : int32[T]
        Symbol of each touchpoint code, -1 for none.
    never_aligned, exits : bool[T]
        Touchpoints that the map ignores; exits, which count only where they failed.
    """
    symbols = np.empty(len(touchpoint), np.int32)
    for i in range(len(touchpoint)):
        code = touchpoint[i]
        if code < 0:
            symbols[i] = NOT_ON_MAP
        elif never_aligned[code] or (exits[code] and failed[i] != 1):
            symbols[i] = NOT_ALIGNED
        else:
            symbols[i] = code_symbol[code]
    return symbols


@kernel
def _is_reachable(end, steps):
    """Say whether there is something to align, and the map leads to its end."""
    return end != NOTHING_TO_ALIGN and steps.to_end[end, steps.start] < _FAR_COST


@kernel
def _sizes(first, last, end):
    longest, total = 0, 0
    for j in range(len(first)):
        if end[j] != NOTHING_TO_ALIGN:
            longest = max(longest, last[j] - first[j])
            total += last[j] - first[j]
    return longest, total


@kernel
def _scaled(costs, weight):
    scaled = np.empty_like(costs)
    for row in range(costs.shape[0]):
        for column in range(costs.shape[1]):
            cost = costs[row, column]
            scaled[row, column] = FAR if cost >= _FAR_COST else cost * weight
    return scaled


@kernel
def _collect(first, last, end, symbol, failed, on_map, tried):
    """Write down the symbols of the events that may be matched; all others are log-only anyway.

    `tried` says which of them failed in a journey that reached the goal by another event.
    """
    k = 0
    for i in range(first, last):
        if symbol[i] >= 0:
            on_map[k] = symbol[i]
            tried[k] = failed[i] == 1 and end == CONVERTED_END
            k += 1
    return k


@inlined
def _gain(tried, passes):
    """Weigh a match."""
    return _MATCH - 1 if tried and passes else _MATCH


@kernel
def _backwards(on_map, tried, k, end, reverse, to_end, weight, steps, values):
    """Fill `values`: row i holds, for every state, the least of explaining the events from i on."""
    offsets, edges, ends = steps.symbol_offsets, steps.symbol_edges, steps.ends
    edge_from, edge_to, passes = steps.edge_from, steps.edge_to, steps.passes
    n_states = values.shape[1]
    skip = weight * steps.log_only
    for state in range(n_states):
        values[k, state] = to_end[end, state]
    for i in range(k - 1, -1, -1):
        for state in range(n_states):
            values[i, state] = values[i + 1, state] + skip
        for at in range(offsets[on_map[i]], offsets[on_map[i] + 1]):
            edge = edges[at]
            value = values[i + 1, edge_to[edge]]
            if ends[end, edge]:
                value = min(value, (k - 1 - i) * skip)
            value -= _gain(tried[i], passes[edge])
            source = edge_from[edge]
            if value < values[i, source] and value < FAR - _MATCH:
                for state in range(n_states):
                    values[i, state] = min(values[i, state], reverse[source, state] + value)


@kernel
def _forwards(first, last, tried, k, end, symbol, values, distance, to_end, weight, steps, event, edge, m):
    """Write the moves down from move `m` on; return where they end and the state of the path's end."""
    offsets, edges, ends = steps.symbol_offsets, steps.symbol_edges, steps.ends
    edge_from, edge_to, passes = steps.edge_from, steps.edge_to, steps.passes
    state, row, ended = np.int32(steps.start), 0, False
    skip = weight * steps.log_only
    for i in range(first, last):
        if symbol[i] == NOT_ALIGNED:
            continue
        chosen = np.int32(-1)
        if symbol[i] >= 0:
            if not ended:
                for at in range(offsets[symbol[i]], offsets[symbol[i] + 1]):
                    out = edges[at]
                    value = values[row + 1, edge_to[out]]
                    if ends[end, out]:
                        value = min(value, (k - 1 - row) * skip)
                    value -= _gain(tried[row], passes[out])
                    if distance[state, edge_from[out]] + value == values[row, state]:
                        chosen = out  # the lowest edge by which an optimal alignment matches the event
                        break
            row += 1
        if chosen >= 0:
            if state != edge_from[chosen]:
                m = _run_to(edge_from[chosen], state, distance, weight, steps, event, edge, m)
            state = edge_to[chosen]
            ended = ends[end, chosen] and (k - row) * skip < values[row, state]
        event[m], edge[m] = i, chosen
        m += 1
    if not ended:
        m, state = _run_to_end(end, state, to_end, weight, steps, event, edge, m)
    return m, state


@kernel
def _run_to(target, state, distance, weight, steps, event, edge, m):
    """Write the shortest map-only run to a state, the lowest in written order."""
    step = weight * steps.map_only
    while state != target:
        for out in range(steps.from_offsets[state], steps.from_offsets[state + 1]):
            if distance[steps.edge_to[out], target] + step == distance[state, target]:
                event[m], edge[m] = -1, out
                m += 1
                state = steps.edge_to[out]
                break
    return m


@kernel
def _run_to_end(end, state, to_end, weight, steps, event, edge, m):
    """Write the shortest map-only run to the end, the lowest in written order."""
    step = weight * steps.map_only
    remaining = to_end[end, state]
    while 0 < remaining < FAR:
        for out in range(steps.from_offsets[state], steps.from_offsets[state + 1]):
            is_last = steps.ends[end, out] and remaining == step
            if is_last or to_end[end, steps.edge_to[out]] + step == remaining:
                event[m], edge[m] = -1, out
                m += 1
                state = steps.edge_to[out]
                remaining -= step
                break
    return m, state


@kernel
def _grown(event, edge, m, bound):
    """Return longer arrays with the moves so far."""
    size = 2 * len(event) + bound
    longer_event, longer_edge = np.empty(size, np.int64), np.empty(size, np.int32)
    longer_event[:m] = event[:m]
    longer_edge[:m] = edge[:m]
    return longer_event, longer_edge
