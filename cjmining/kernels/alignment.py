"""Exact optimal alignments of journeys to the automaton of a map, costs and moves.

The value of what is still to come is one row of numbers: for every state of the automaton the least integer
``weight x cost - 2 x matches + tries`` of explaining it, closed under map-only moves; a try is a failed event
by which a converted journey passes the goal, at most one in a path. Going back by an event adds the log-only
cost to the whole row and relaxes the few edges that carry its touchpoint.

Journeys are many and rows are few: what follows differs, but what it means for the states, up to a constant,
is mostly the same. So rows are numbered, and each step from row to row is worked out once, when it is first
met; from then on an event costs one look-up on the way back, which adds up to the cost, and one on the way
forward, where the step and the state together say which edge matches the event. Automata theory calls this a
bimachine (Schutzenberger 1961, doi:10.1016/S0019-9958(61)80006-5); it is made while it runs and only
remembers, so no result depends on what was met before.
"""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202 -- numba infers the types of inner steps; a pass over events is one loop

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.automaton import Automaton

NOT_ON_MAP, NOT_ALIGNED = -1, -2
NOTHING_TO_ALIGN, CONVERTED_END = -1, 0
_FAR = 1 << 60
"""Where no path leads to the end; what is above half of it is as far."""
_FAR_COST = 1 << 40
_MATCH = 2
"""What a match weighs; one by which a failed try passes the goal weighs 1 less."""
_STEPS_A_ROW = 4
_CHUNK = 1 << 15
"""Events of whole journeys that are walked through back and forth at once."""
_ROWS, _STEPS, _FULL = 0, 1, 2
_UNKNOWN = -1


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
    may_pass : bool[X]
        The symbols that such an edge carries.
    way : int32[S, S]
        The first edge of the shortest map-only run between two states, lowest in written order; -1 for none.
    way_to_end : int32[1 + X, S]
        The same to each end.
    map_only, log_only : int
        What a move costs.
    memory : int
        Bytes that `align` may use to remember what it worked out; more where the longest journey needs it.
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
    may_pass: NDArray[np.bool_]
    way: NDArray[np.int32]
    way_to_end: NDArray[np.int32]
    map_only: int
    log_only: int
    memory: int


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


def prepare(automaton: Automaton, *, map_only: int = 1, log_only: int = 1, memory: int = 1 << 25) -> Steps:
    """Compute once what all journeys share: distances, and what an end still costs from each state.

    Parameters
    ----------
    automaton : Automaton
        The compiled map.
    map_only, log_only : int
        Cost of a planned touchpoint without its event, and of an event without its planned touchpoint;
        at least 1.
    memory : int
        Bytes that `align` may use to remember what it worked out. Results don't depend on it.

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
    passes = ~passed[automaton.edge_from] & passed[automaton.edge_to]
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
        passes,
        np.isin(np.arange(n_symbols), automaton.edge_symbol[passes]),
        _ways(automaton, distance, map_only),
        _ways_to_end(automaton, to_end, ends, map_only),
        map_only,
        log_only,
        memory,
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


def _ways(automaton: Automaton, distance: NDArray[np.int64], step: int) -> NDArray[np.int32]:
    way = np.full(distance.shape, -1, dtype=np.int32)
    for edge in range(len(automaton.edge_from) - 1, -1, -1):
        source, target = automaton.edge_from[edge], automaton.edge_to[edge]
        shortest = (distance[target] + step == distance[source]) & (distance[source] < _FAR_COST)
        way[source, shortest] = edge
    return way


def _ways_to_end(
    automaton: Automaton, to_end: NDArray[np.int64], ends: NDArray[np.bool_], step: int
) -> NDArray[np.int32]:
    way = np.full(to_end.shape, -1, dtype=np.int32)
    for edge in range(len(automaton.edge_from) - 1, -1, -1):
        remaining = to_end[:, automaton.edge_from[edge]]
        is_last = ends[:, edge] & (remaining == step)
        shortest = (to_end[:, automaton.edge_to[edge]] + step == remaining) & (remaining < _FAR_COST)
        way[is_last | shortest, automaton.edge_from[edge]] = edge
    return way


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
    scaled = _scaled(steps, longest)
    memo = _empty_memo(steps, scaled, longest, total)
    path = np.empty(max(longest, min(_CHUNK, total)), np.int32)
    cost = np.zeros(n, np.int64)
    worst = np.zeros(n, np.int64)
    final = np.full(n, steps.start, np.int32)
    offsets = np.zeros(n + 1, np.int64)
    event = np.empty(total + total // 4 + 64, np.int64)
    edge = np.empty(len(event), np.int32)
    m, begin = 0, 0
    while begin < n:
        stop = _explain(begin, first, last, end, symbol, failed, steps, scaled, memo, path, cost, worst)
        most = m + _most_moves(begin, stop, cost, worst, steps)
        if most > len(event):
            event, edge = _grown(event, edge, m, most)
        root, choice = memo.root, memo.choice
        m = _walk_forward(
            begin, stop, first, last, end, root, path, choice, steps, final, offsets, event, edge, m
        )
        begin = stop
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
    longest, total = _sizes(first, last, end)
    scaled = _scaled(steps, longest)
    memo = _empty_memo(steps, scaled, longest, total)
    path = np.empty(max(longest, min(_CHUNK, total)), np.int32)
    failed = np.zeros(len(symbol), np.int8)
    cost = np.zeros(n, np.int64)
    worst = np.zeros(n, np.int64)
    begin = 0
    while begin < n:
        begin = _explain(begin, first, last, end, symbol, failed, steps, scaled, memo, path, cost, worst)
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


class _Scaled(NamedTuple):
    """Costs times the weight that puts them above any number of matches; `reverse` has a row a target."""

    weight: int
    reverse: NDArray[np.int64]
    to_end: NDArray[np.int64]


class _Memo(NamedTuple):
    """The rows of values met so far, and the steps between them.

    Attributes
    ----------
    used : int64[3]
        How many rows and steps there are, and whether there was no room for more.
    root : int32[1 + X]
        The row of each end when nothing is left to come; -1 unknown.
    end : int32[R]
        To which end the row leads.
    values : int64[R, S + 1]
        The row, less the start's value; at last that of a path that has ended, so that the rest is ad hoc.
    step : int32[R, 2 X]
        The step by an event that carries the symbol, then by one that is a failed try; -1 unknown.
    table : int32[H]
        Rows by a hash of what is in them, 0 for none.
    target : int32[P]
        To which row each step leads.
    rise : int64[P]
        By how much the start's value rises.
    choice : int32[P, S + 1]
        By the state that the path is in (at last: it has ended): 0 no match, 2 + 2 edge for a match, 1 more
        where the path ends with it.
    matched, ends_here : int64[E], bool[E]
        Where `_learn` works: the value of each match, and whether the path ends with it.
    """

    used: NDArray[np.int64]
    root: NDArray[np.int32]
    end: NDArray[np.int32]
    values: NDArray[np.int64]
    step: NDArray[np.int32]
    table: NDArray[np.int32]
    target: NDArray[np.int32]
    rise: NDArray[np.int64]
    choice: NDArray[np.int32]
    matched: NDArray[np.int64]
    ends_here: NDArray[np.bool_]


@kernel
def _sizes(first, last, end):
    longest, total = 0, 0
    for j in range(len(first)):
        if end[j] != NOTHING_TO_ALIGN:
            longest = max(longest, last[j] - first[j])
            total += last[j] - first[j]
    return longest, total


@kernel
def _scaled(steps, longest):
    weight = _MATCH * longest + 1
    if float(weight) * (longest * steps.log_only + steps.distance.shape[0] * steps.map_only) > _FAR // 4:
        raise OverflowError("the costs of moves are too high for journeys this long: give smaller ones")
    reverse = _times(np.ascontiguousarray(steps.distance.T), weight)
    return _Scaled(weight, reverse, _times(steps.to_end, weight))


@kernel
def _times(costs, weight):
    scaled = np.empty_like(costs)
    for row in range(costs.shape[0]):
        for column in range(costs.shape[1]):
            cost = costs[row, column]
            scaled[row, column] = _FAR if cost >= _FAR_COST else cost * weight
    return scaled


@kernel
def _empty_memo(steps, scaled, longest, total):
    """Make room for rows and steps: at least for the longest journey, at most for all."""
    n_ends, n_states = steps.to_end.shape
    n_symbols = n_ends - 1
    bytes_a_row = 8 * (n_states + n_symbols + 3) + _STEPS_A_ROW * 4 * (n_states + 4)
    n_rows = min(max(steps.memory // bytes_a_row, longest), total) + n_ends + 2
    n_steps = min(max(_STEPS_A_ROW * n_rows, longest), total) + 2
    size = 1
    while size < 2 * n_rows:
        size *= 2
    memo = _Memo(
        np.zeros(3, np.int64),
        np.empty(n_ends, np.int32),
        np.empty(n_rows, np.int32),
        np.empty((n_rows, n_states + 1), np.int64),
        np.empty((n_rows, 2 * n_symbols), np.int32),
        np.empty(size, np.int32),
        np.empty(n_steps, np.int32),
        np.empty(n_steps, np.int64),
        np.empty((n_steps, n_states + 1), np.int32),
        np.empty(len(steps.edge_from), np.int64),
        np.empty(len(steps.edge_from), np.bool_),
    )
    _forget(steps, scaled, memo)
    return memo


@kernel
def _forget(steps, scaled, memo):
    """Begin anew: with the rows of all ends that the map leads to, where nothing is left to come."""
    memo.used[:] = 0
    memo.table[:] = 0
    memo.root[:] = _UNKNOWN
    for end in range(len(memo.root)):
        base = scaled.to_end[end, steps.start]
        if base < _FAR:
            values = memo.values[memo.used[_ROWS]]
            values[:-1] = scaled.to_end[end]
            values[-1] = 0
            _relative(values, base, end)
            memo.root[end] = _numbered(end, memo.used, memo.values, memo.end, memo.step, memo.table)


@kernel
def _explain(begin, first, last, end, symbol, failed, steps, scaled, memo, path, cost, worst):
    """Walk back through journeys from `begin` on, and learn; return the first for which there was no room.

    Every event of these journeys gets a place in `path`: the step that it makes, or -1 not on the map, or -2
    not aligned.
    """
    if memo.used[_FULL]:
        _forget(steps, scaled, memo)
    stop, room = begin, len(path)
    while stop < len(first) and (end[stop] < 0 or last[stop] - first[stop] <= room):
        room -= last[stop] - first[stop] if end[stop] >= 0 else 0
        stop += 1
    p = 0
    while begin < stop:
        begin, p, row, x = _walk_back(
            begin,
            stop,
            first,
            last,
            end,
            symbol,
            failed,
            memo.root,
            memo.step,
            memo.target,
            memo.rise,
            scaled.to_end[:, steps.start],
            scaled.weight,
            steps.may_pass,
            steps.unexplained,
            steps.log_only,
            path,
            p,
            cost,
            worst,
        )
        if begin < stop and not _learn(row, x, steps, scaled, memo):
            memo.used[_FULL] = 1
            return begin
    return stop


@kernel
def _walk_back(
    begin,
    stop,
    first,
    last,
    end,
    symbol,
    failed,
    root,
    step_of,
    target,
    rise,
    all_missing,
    weight,
    may_pass,
    unexplained,
    log_only,
    path,
    p,
    cost,
    worst,
):
    """Walk back as long as steps are known.

    Return the journey that met another one, its place in `path`, and the row and the symbol of that step.
    Arrays are handed over one by one: counting references to those in tuples would take longer than the walk.
    """
    n_symbols = len(may_pass)
    for j in range(begin, stop):
        if end[j] < 0 or root[end[j]] < 0:
            continue
        length = last[j] - first[j]
        p += length
        converted = end[j] == CONVERTED_END
        row, value = root[end[j]], all_missing[end[j]]
        aligned = off_map = 0
        for back in range(1, length + 1):
            x = symbol[last[j] - back]
            step = x
            if x >= 0:
                if may_pass[x] and converted and failed[last[j] - back] == 1:
                    x += n_symbols
                step = step_of[row, x]
                if step < 0:
                    return j, p - length, row, x
                row = target[step]
                value += rise[step]
                aligned += 1
            elif x == NOT_ON_MAP:
                off_map += 1
            path[p - back] = step
        # value = weight x cost - 2 x matches with 0 <= 2 x matches < weight: round up
        cost[j] = -(-value // weight) + off_map * log_only
        worst[j] = unexplained[end[j]] + (aligned + off_map) * log_only
    return stop, p, 0, 0


@kernel
def _learn(row, symbol, steps, scaled, memo):
    """Work out the step by an event before a row; return whether there was room for it."""
    step, new = memo.used[_STEPS], memo.used[_ROWS]
    if step == len(memo.target) or new == len(memo.end):
        return False
    n_symbols = len(memo.root) - 1
    tried = symbol >= n_symbols
    x = symbol - n_symbols if tried else symbol
    edges = steps.symbol_edges[steps.symbol_offsets[x] : steps.symbol_offsets[x + 1]]
    edge_from, reverse, end = steps.edge_from, scaled.reverse, memo.end[row]
    after, values = memo.values[row], memo.values[new]
    matched, ends_here = memo.matched, memo.ends_here
    _matches(edges, tried, after, steps.edge_to, steps.ends[end], steps.passes, matched, ends_here)
    _before(edges, matched, edge_from, after, scaled.weight * steps.log_only, reverse, values)
    _choose(edges, matched, ends_here, edge_from, reverse, values, memo.choice[step])
    memo.rise[step] = values[steps.start]
    _relative(values, values[steps.start], end)
    memo.target[step] = _numbered(end, memo.used, memo.values, memo.end, memo.step, memo.table)
    memo.step[row, symbol] = step
    memo.used[_STEPS] += 1
    return True


@kernel
def _matches(edges, tried, after, edge_to, may_end, passes, matched, ends_here):
    """Find the value of an event that is matched, by each edge, and whether the path best ends with it."""
    for at in range(len(edges)):
        edge = edges[at]
        value, ended = after[edge_to[edge]], after[-1]
        ends_here[at] = may_end[edge] and ended < value
        value = ended if ends_here[at] else value
        matched[at] = value - (_MATCH - 1 if tried and passes[edge] else _MATCH)


@kernel
def _before(edges, matched, edge_from, after, skip, reverse, values):
    """Write the row before an event: it is ad hoc, or matched by one of the edges."""
    n_states = len(values) - 1
    for state in range(n_states + 1):
        values[state] = after[state] + skip
    for at in range(len(edges)):
        source, value = edge_from[edges[at]], matched[at]
        if value < values[source] and value < _FAR // 2:
            for state in range(n_states):
                values[state] = min(values[state], reverse[source, state] + value)


@kernel
def _choose(edges, matched, ends_here, edge_from, reverse, values, choice):
    """Find for each state the lowest edge by which an optimal alignment that is there matches the event."""
    choice[:] = 0
    for at in range(len(edges) - 1, -1, -1):
        source, value = edge_from[edges[at]], matched[at]
        if value < _FAR // 2:
            code = np.int32(2 * (edges[at] + 1) + ends_here[at])
            for state in range(len(choice) - 1):
                choice[state] = code if reverse[source, state] + value == values[state] else choice[state]


@kernel
def _relative(values, base, end):
    """Write a row as it is kept: less the start's value."""
    for state in range(len(values)):
        values[state] = values[state] - base if values[state] < _FAR // 2 else _FAR
    if end == CONVERTED_END:
        values[-1] = 0


@kernel
def _numbered(end, used, values, ends, step, table):
    """Return the number of the row in the next free place: that of an equal one, or it is kept."""
    new = used[_ROWS]
    n = values.shape[1]
    mixed = np.int64(end)
    for state in range(n):
        mixed = (mixed ^ values[new, state]) * 0x1E3779B97F4A7C15
        mixed ^= mixed >> 29
    mask = len(table) - 1
    at = mixed & mask
    while table[at] > 0:
        row = table[at] - 1
        if ends[row] == end:
            state = 0
            while state < n and values[row, state] == values[new, state]:
                state += 1
            if state == n:
                return np.int32(row)
        at = (at + 1) & mask
    table[at] = new + 1
    ends[new] = end
    step[new, :] = _UNKNOWN
    used[_ROWS] += 1
    return np.int32(new)


@kernel
def _most_moves(begin, stop, cost, worst, steps):
    """Return how many moves journeys have at most: one an event, and the map-only ones that the cost pays."""
    most = 0
    for j in range(begin, stop):
        most += worst[j] // steps.log_only + cost[j] // steps.map_only
    return most


@kernel
def _walk_forward(begin, stop, first, last, end, root, path, choice, steps, final, offsets, event, edge, m):
    """Write the moves of journeys down, from move `m` on; return where they end."""
    start, edge_from, edge_to, way = np.int32(steps.start), steps.edge_from, steps.edge_to, steps.way
    to_end, way_to_end, map_only = steps.to_end, steps.way_to_end, steps.map_only
    ended = np.int32(choice.shape[1] - 1)
    p = 0
    for j in range(begin, stop):
        if end[j] >= 0 and root[end[j]] >= 0:
            state = reached = start
            for i in range(first[j], last[j]):
                step = path[p]
                p += 1
                if step == NOT_ALIGNED:
                    continue
                match = choice[step, state] if step >= 0 else 0
                chosen = np.int32((match >> 1) - 1)
                if match > 0:
                    while state != edge_from[chosen]:
                        event[m], edge[m] = -1, way[state, edge_from[chosen]]
                        state = edge_to[edge[m]]
                        m += 1
                    reached = edge_to[chosen]
                    state = ended if match & 1 else reached
                event[m], edge[m] = i, chosen
                m += 1
            if state != ended:
                for _ in range(to_end[end[j], state] // map_only):
                    event[m], edge[m] = -1, way_to_end[end[j], state]
                    state = edge_to[edge[m]]
                    m += 1
                reached = state
            final[j] = reached
        offsets[j + 1] = m
    return m


@kernel
def _grown(event, edge, m, bound):
    """Return longer arrays with the moves so far."""
    size = 2 * len(event) + bound
    longer_event, longer_edge = np.empty(size, np.int64), np.empty(size, np.int32)
    longer_event[:m] = event[:m]
    longer_edge[:m] = edge[:m]
    return longer_event, longer_edge
