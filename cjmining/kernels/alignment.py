"""Exact optimal alignments of journeys to the automaton of a map, costs and moves.

The value of what is still to come is one row of numbers: for every state of the automaton the least integer
``weight x cost - 2 x matches + tries`` of explaining it, closed under map-only moves; a try is a failed event
by which a converted journey passes the goal, at most one in a path. Going back by an event adds the log-only
cost to the whole row and relaxes the few edges that carry its touchpoint.

Journeys are many and rows are few: what follows differs, but what it means for the states, up to a constant,
is mostly the same. So rows that come up again and again are numbered, with the steps between them: there an
event costs one look-up on the way back, which adds up to the cost, and one on the way forward, where the step
and the state together say which edge matches the event. What is rare is worked out each time, row by row.
Automata theory calls this a bimachine (Schutzenberger 1961, doi:10.1016/S0019-9958(61)80006-5); it is made
while it runs and only remembers, so no result depends on what was met before.
"""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202, C901 -- numba infers the types of inner steps; a pass over events is one loop

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from cjmining.kernels._jit import inlined, kernel
from cjmining.kernels.arrays import longer

if TYPE_CHECKING:
    from cjmining.kernels.automaton import Automaton

NOT_ON_MAP, NOT_ALIGNED = -1, -2
NOTHING_TO_ALIGN, CONVERTED_END = -1, 0
_FAR = 1 << 60
"""Where no path leads to the end; what is above half of it is as far."""
_FAR_COST = 1 << 40
_MATCH = 2
"""What a match weighs; one by which a failed try passes the goal weighs 1 less."""
_CHUNK = 1 << 11
"""Events of whole journeys that are walked through back and forth at once."""
_UNKNOWN, _WORTH_LEARNING = -1, -8
"""To learn a step takes as long as to work out so many rows without."""
_STEPS_A_ROW = 4
_ROWS, _STEPS, _FULL = 0, 1, 2


class Steps(NamedTuple):
    """An automaton prepared for alignment.

    An entry is one way to match: the edges that carry one symbol into one state, those by which the goal is
    passed apart from the others.

    Attributes
    ----------
    start : int
        The state before the map.
    edge_from, edge_to : int32[E]
        As in `Automaton`.
    to_end : int64[1 + X, S]
        Cost of the cheapest map-only run from a state to each end: 0 the goal passed, 1 + x a last edge that
        carries symbol x.
    unexplained : int64[1 + X]
        The same from the start, where a last touchpoint that no system records costs nothing.
    way : int32[S, S]
        The first edge of the shortest map-only run between two states, lowest in written order; -1 for none.
    way_to_end : int32[1 + X, S]
        The same to each end.
    entries : int32[X + 1]
        Where the entries of each symbol begin.
    entry_to : int32[N]
        The state that an entry leads to.
    passes : bool[N]
        Whether the goal is passed by it.
    ends : bool[1 + X, N]
        Whether it may be the last of a run with that end.
    approach : int64[N, S]
        Cost of the cheapest map-only run from each state up to the entry.
    edge : int32[N, S]
        The lowest of its edges, in written order, to which such a run leads.
    may_pass : bool[X]
        The symbols by which the goal may be passed.
    map_only, log_only : int
        What a move costs.
    memory : int
        Bytes that `align` may use to remember what it worked out.
    """

    start: int
    edge_from: npt.NDArray[np.int32]
    edge_to: npt.NDArray[np.int32]
    to_end: npt.NDArray[np.int64]
    unexplained: npt.NDArray[np.int64]
    way: npt.NDArray[np.int32]
    way_to_end: npt.NDArray[np.int32]
    entries: npt.NDArray[np.int32]
    entry_to: npt.NDArray[np.int32]
    passes: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]
    approach: npt.NDArray[np.int64]
    edge: npt.NDArray[np.int32]
    may_pass: npt.NDArray[np.bool_]
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

    cost: npt.NDArray[np.int64]
    worst: npt.NDArray[np.int64]
    final: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    event: npt.NDArray[np.int64]
    edge: npt.NDArray[np.int32]


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
        ends[1 + symbol] = last_edges(automaton, symbol)
        befores = automaton.edge_from[ends[1 + symbol]]
        if len(befores):
            to_end[1 + symbol] = distance[:, befores].min(axis=1) + map_only
            runs = distance[automaton.start, befores] + last_step[ends[1 + symbol]]
            unexplained[1 + symbol] = runs.min()
    distance, to_end = np.minimum(distance, _FAR_COST), np.minimum(to_end, _FAR_COST)
    return Steps(
        automaton.start,
        automaton.edge_from,
        automaton.edge_to,
        to_end,
        unexplained,
        _ways(automaton, distance, map_only),
        _ways_to_end(automaton, to_end, ends, map_only),
        *_entries(automaton, distance, ends),
        map_only,
        log_only,
        memory,
    )


def _distances(automaton: Automaton) -> npt.NDArray[np.int64]:
    """All-pairs number of edges (Floyd and Warshall)."""
    distance = np.full((automaton.n_states, automaton.n_states), _FAR_COST, dtype=np.int64)
    distance[automaton.edge_from, automaton.edge_to] = 1
    np.fill_diagonal(distance, 0)
    for between in range(automaton.n_states):
        np.minimum(distance, distance[:, between, None] + distance[None, between, :], out=distance)
    return distance


def last_edges(automaton: Automaton, symbol: int) -> npt.NDArray[np.bool_]:
    """Return the edges in which a journey may end whose place has this symbol."""
    carries: npt.NDArray[np.bool_] = automaton.edge_symbol == symbol
    before_goal: npt.NDArray[np.bool_] = carries & ~automaton.goal_passed[automaton.edge_from]
    not_goal = before_goal & ~automaton.goal_passed[automaton.edge_to]
    for choice in (not_goal, before_goal, carries):
        if choice.any():
            return choice
    return carries


def _ways(automaton: Automaton, distance: npt.NDArray[np.int64], step: int) -> npt.NDArray[np.int32]:
    way = np.full(distance.shape, -1, dtype=np.int32)
    for edge in range(len(automaton.edge_from) - 1, -1, -1):
        source, target = automaton.edge_from[edge], automaton.edge_to[edge]
        shortest = (distance[target] + step == distance[source]) & (distance[source] < _FAR_COST)
        way[source, shortest] = edge
    return way


def _ways_to_end(
    automaton: Automaton, to_end: npt.NDArray[np.int64], ends: npt.NDArray[np.bool_], step: int
) -> npt.NDArray[np.int32]:
    way = np.full(to_end.shape, -1, dtype=np.int32)
    for edge in range(len(automaton.edge_from) - 1, -1, -1):
        remaining = to_end[:, automaton.edge_from[edge]]
        is_last = ends[:, edge] & (remaining == step)
        shortest = (to_end[:, automaton.edge_to[edge]] + step == remaining) & (remaining < _FAR_COST)
        way[is_last | shortest, automaton.edge_from[edge]] = edge
    return way


_Numbers = npt.NDArray[np.int32]
_Flags = npt.NDArray[np.bool_]
_Entries = tuple[_Numbers, _Numbers, _Flags, _Flags, npt.NDArray[np.int64], _Numbers, _Flags]


def _entries(automaton: Automaton, distance: npt.NDArray[np.int64], ends: npt.NDArray[np.bool_]) -> _Entries:
    """Put the edges together that say the same of a match: what `Steps` has from `entries` to `may_pass`."""
    passed, symbols = automaton.goal_passed, automaton.edge_symbol
    passes = ~passed[automaton.edge_from] & passed[automaton.edge_to]
    key = np.stack([symbols, automaton.edge_to, passes], axis=1)
    kinds, entry = np.unique(key, axis=0, return_inverse=True)
    approach = np.full((len(kinds), automaton.n_states), _FAR_COST, dtype=np.int64)
    edge = np.full(approach.shape, -1, dtype=np.int32)
    of_entry = np.zeros((len(ends), len(kinds)), dtype=bool)
    for number, its in enumerate(entry.ravel().tolist()):
        run = distance[:, automaton.edge_from[number]]
        nearer = run < approach[its]
        approach[its, nearer], edge[its, nearer] = run[nearer], number
        of_entry[:, its] = ends[:, number]
    starts = np.searchsorted(kinds[:, 0], np.arange(len(automaton.symbols) + 1))
    return (
        starts.astype(np.int32),
        kinds[:, 1].astype(np.int32),
        kinds[:, 2].astype(bool),
        of_entry,
        approach,
        edge,
        np.isin(np.arange(len(automaton.symbols)), symbols[passes]),
    )


@kernel
def align(
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
    end: npt.NDArray[np.int32],
    symbol: npt.NDArray[np.int32],
    failed: npt.NDArray[np.int8],
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
    scaled, memo = _scaled(steps, longest), _empty_memo(steps, total)
    _begin(steps, scaled, memo)
    path = np.empty(max(longest, min(_CHUNK, total)), np.int32)
    rows = np.empty((2 * len(path), memo.values.shape[1]), np.int64)
    cost = np.zeros(n, np.int64)
    worst = np.zeros(n, np.int64)
    final = np.full(n, steps.start, np.int32)
    offsets = np.zeros(n + 1, np.int64)
    event = np.empty(total + total // 4 + 64, np.int64)
    edge = np.empty(len(event), np.int32)
    m, begin = np.int64(0), np.int64(0)  # of a literal 0, what is called would be compiled twice
    while begin < n:
        stop = _explain(begin, first, last, end, symbol, failed, steps, scaled, memo, rows, path, cost, worst)
        most = m + _most_moves(begin, stop, cost, worst, steps)
        if most > len(event):
            size = 2 * len(event) + most
            event, edge = longer(event, m, size), longer(edge, m, size)
        m = _walk_forward(
            begin,
            stop,
            first,
            last,
            end,
            symbol,
            failed,
            steps,
            scaled,
            memo,
            rows,
            path,
            final,
            offsets,
            event,
            edge,
            m,
        )
        begin = stop
    return Alignments(cost, worst, final, offsets, event[:m], edge[:m])


@kernel
def costs(
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
    end: npt.NDArray[np.int32],
    symbol: npt.NDArray[np.int32],
    steps: Steps,
) -> npt.NDArray[np.int64]:
    """Compute the costs that `align` finds, without the moves; parameters as there, less `failed`."""
    n = len(first)
    longest, total = _sizes(first, last, end)
    scaled, memo = _scaled(steps, longest), _empty_memo(steps, total)
    _begin(steps, scaled, memo)
    path = np.empty(max(longest, min(_CHUNK, total)), np.int32)
    rows = np.empty((2 * len(path), memo.values.shape[1]), np.int64)
    failed = np.zeros(len(symbol), np.int8)
    cost = np.zeros(n, np.int64)
    worst = np.zeros(n, np.int64)
    begin = np.int64(0)
    while begin < n:
        begin = _explain(
            begin, first, last, end, symbol, failed, steps, scaled, memo, rows, path, cost, worst
        )
    return cost


@kernel
def symbols_of(
    touchpoint: npt.NDArray[np.int32],
    failed: npt.NDArray[np.int8],
    code_symbol: npt.NDArray[np.int32],
    never_aligned: npt.NDArray[np.bool_],
    exits: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int32]:
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
    """Costs times the weight that puts them above any number of matches."""

    weight: int
    approach: npt.NDArray[np.int64]
    to_end: npt.NDArray[np.int64]


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
        The step by an event that carries the symbol, then by one that is a failed try. Where it is not known,
        -1 less one for each time that it was asked for.
    table : int32[H]
        Rows by a hash of what is in them, 0 for none.
    target : int32[P]
        To which row each step leads.
    rise : int64[P]
        By how much the start's value rises.
    choice : int32[P, S + 1]
        By the state that the path is in (at last: it has ended): 0 no match, 2 + 2 edge for a match, 1 more
        where the path ends with it.
    """

    used: npt.NDArray[np.int64]
    root: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    values: npt.NDArray[np.int64]
    step: npt.NDArray[np.int32]
    table: npt.NDArray[np.int32]
    target: npt.NDArray[np.int32]
    rise: npt.NDArray[np.int64]
    choice: npt.NDArray[np.int32]


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
    if float(weight) * (longest * steps.log_only + steps.to_end.shape[1] * steps.map_only) > _FAR // 4:
        raise OverflowError("the costs of moves are too high for journeys this long: give smaller ones")
    return _Scaled(weight, _times(steps.approach, weight), _times(steps.to_end, weight))


@kernel
def _times(costs, weight):
    scaled = np.empty_like(costs)
    for row in range(costs.shape[0]):
        for column in range(costs.shape[1]):
            cost = costs[row, column]
            scaled[row, column] = _FAR if cost >= _FAR_COST else cost * weight
    return scaled


@kernel
def _empty_memo(steps, total):
    """Make room for rows and steps: as much as is allowed, or as so many events can need."""
    n_ends, n_states = steps.to_end.shape
    n_symbols = n_ends - 1
    bytes_a_row = 8 * (n_states + n_symbols + 3) + _STEPS_A_ROW * 4 * (n_states + 4)
    n_rows = min(steps.memory // bytes_a_row, total) + n_ends + 1
    n_steps = min(_STEPS_A_ROW * (steps.memory // bytes_a_row), total)
    size = 1
    while size < 2 * n_rows:
        size *= 2
    return _Memo(
        np.zeros(3, np.int64),
        np.full(n_ends, -1, np.int32),
        np.empty(n_rows, np.int32),
        np.empty((n_rows, n_states + 1), np.int64),
        np.empty((n_rows, 2 * n_symbols), np.int32),
        np.zeros(size, np.int32),
        np.empty(n_steps, np.int32),
        np.empty(n_steps, np.int64),
        np.empty((n_steps, n_states + 1), np.int32),
    )


@kernel
def _begin(steps, scaled, memo):
    """Put in the rows of all ends that the map leads to, where nothing is left to come."""
    for end in range(len(memo.root)):
        base = scaled.to_end[end, steps.start]
        if base < _FAR:
            values = memo.values[memo.used[_ROWS]]
            values[:-1] = scaled.to_end[end]
            values[-1] = 0
            _relative(values, base, end)
            memo.root[end] = _numbered(end, memo.used, memo.values, memo.end, memo.step, memo.table)


@kernel
def _explain(begin, first, last, end, symbol, failed, steps, scaled, memo, rows, path, cost, worst):
    """Walk back through journeys from `begin` on, and learn; return the first for which there was no room.

    Every event of these journeys gets a place in `path`: the step that it makes; or -1 not on the map, -2 not
    aligned, -3 - q where its row isn't a known one but row q of `rows`.
    """
    stop, room = begin, len(path)
    while stop < len(first) and (end[stop] < 0 or last[stop] - first[stop] <= room):
        room -= last[stop] - first[stop] if end[stop] >= 0 else 0
        stop += 1
    p, q = np.int64(0), np.int64(0)
    while begin < stop:
        begin, p, q, row, x = _walk_back(
            begin, stop, first, last, end, symbol, failed, steps, scaled, memo, rows, path, p, q, cost, worst
        )
        if begin < stop:
            _learn(row, x, steps, scaled, memo)
    return stop


@kernel
def _walk_back(
    begin, stop, first, last, end, symbol, failed, steps, scaled, memo, rows, path, p, q, cost, worst
):
    """Walk back by known steps, and by working rows out where there is none.

    Return where a step ought to be learnt: the journey, its places in `path` and `rows`, the row, the symbol.
    """
    root, step_of, target, rise, known_values = memo.root, memo.step, memo.target, memo.rise, memo.values
    is_full = memo.used[_FULL] > 0
    weight, approach, all_missing = scaled.weight, scaled.approach, scaled.to_end[:, steps.start]
    entries, entry_to, ends, passes = steps.entries, steps.entry_to, steps.ends, steps.passes
    start, unexplained, log_only, may_pass = steps.start, steps.unexplained, steps.log_only, steps.may_pass
    n_states, n_symbols, skip = approach.shape[1], len(may_pass), weight * log_only
    for j in range(begin, stop):
        to = end[j]
        if to < 0 or root[to] < 0:
            continue
        length = last[j] - first[j]
        p += length
        row, value = root[to], all_missing[to]
        begin_q = q
        aligned = off_map = 0
        for back in range(1, length + 1):
            x = symbol[last[j] - back]
            if x < 0:
                path[p - back] = x
                off_map += x == NOT_ON_MAP
                continue
            aligned += 1
            tried = may_pass[x] and to == CONVERTED_END and failed[last[j] - back] == 1
            if q == begin_q:
                at = x + n_symbols if tried else x
                step = step_of[row, at]
                if step >= 0:
                    path[p - back] = step
                    row = target[step]
                    value += rise[step]
                    continue
                if not is_full:
                    if step == _WORTH_LEARNING:
                        return j, p - length, begin_q, row, at
                    step_of[row, at] -= 1
                for state in range(n_states + 1):
                    rows[q, state] = known_values[row, state]
                q += 1
            for state in range(n_states + 1):
                rows[q, state] = rows[q - 1, state] + skip
            for entry in range(entries[x], entries[x + 1]):
                found = rows[q - 1, entry_to[entry]]
                if ends[to, entry]:
                    found = min(found, rows[q - 1, n_states])
                found -= _gain(tried, passes[entry])
                for state in range(n_states):
                    rows[q, state] = min(rows[q, state], approach[entry, state] + found)
            path[p - back] = -3 - q
            q += 1
        if q > begin_q:
            value += rows[q - 1, start]
        # value = weight x cost - 2 x matches with 0 <= 2 x matches < weight: round up
        cost[j] = -(-value // weight) + off_map * log_only
        worst[j] = unexplained[to] + (aligned + off_map) * log_only
    return stop, p, q, 0, 0


@inlined
def _gain(tried, passes):
    """Weigh a match."""
    return _MATCH - 1 if tried and passes else _MATCH


@kernel
def _learn(row, symbol, steps, scaled, memo):
    """Work out the step by an event before a row, unless there is no room for it."""
    step, new = memo.used[_STEPS], memo.used[_ROWS]
    if step == len(memo.target) or new == len(memo.end):
        memo.used[_FULL] = 1
        return
    n_symbols = len(memo.root) - 1
    tried = symbol >= n_symbols
    x = symbol - n_symbols if tried else symbol
    first, last, end = steps.entries[x], steps.entries[x + 1], memo.end[row]
    after, values, choice = memo.values[row], memo.values[new], memo.choice[step]
    approach, entry_to, ends, passes = scaled.approach, steps.entry_to, steps.ends[end], steps.passes
    n_states = len(values) - 1
    for state in range(n_states + 1):
        values[state] = after[state] + scaled.weight * steps.log_only
        choice[state] = 0
    for entry in range(first, last):
        found = after[entry_to[entry]]
        if ends[entry]:
            found = min(found, after[n_states])
        found -= _gain(tried, passes[entry])
        for state in range(n_states):
            values[state] = min(values[state], approach[entry, state] + found)
    for entry in range(first, last):
        found = after[entry_to[entry]]
        ends_here = ends[entry] and after[n_states] < found
        found = after[n_states] if ends_here else found
        found -= _gain(tried, passes[entry])
        for state in range(n_states):
            code = 2 * (steps.edge[entry, state] + 1) + ends_here
            if approach[entry, state] + found == values[state] and (
                choice[state] == 0 or code < choice[state]
            ):
                choice[state] = code
    memo.rise[step] = values[steps.start]
    _relative(values, values[steps.start], end)
    memo.target[step] = _numbered(end, memo.used, memo.values, memo.end, memo.step, memo.table)
    memo.step[row, symbol] = step
    memo.used[_STEPS] += 1


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
def _walk_forward(
    begin,
    stop,
    first,
    last,
    end,
    symbol,
    failed,
    steps,
    scaled,
    memo,
    rows,
    path,
    final,
    offsets,
    event,
    edge,
    m,
):
    """Write the moves of journeys down, from move `m` on; return where they end."""
    root, choice, approach = memo.root, memo.choice, scaled.approach
    entries, entry_to, ends, passes = steps.entries, steps.entry_to, steps.ends, steps.passes
    edge_from, edge_to, lowest = steps.edge_from, steps.edge_to, steps.edge
    start, way, way_to_end, map_only = np.int32(steps.start), steps.way, steps.way_to_end, steps.map_only
    to_end, ended = steps.to_end, np.int32(choice.shape[1] - 1)
    p = 0
    for j in range(begin, stop):
        to = end[j]
        if to >= 0 and root[to] >= 0:
            state = reached = start
            for i in range(first[j], last[j]):
                step = path[p]
                p += 1
                match = np.int32(0)
                if step >= 0:
                    match = choice[step, state]
                elif step == NOT_ALIGNED:
                    continue
                elif step < NOT_ALIGNED and state != ended:
                    q, x = -3 - step, symbol[i]
                    tried = to == CONVERTED_END and failed[i] == 1
                    for entry in range(entries[x], entries[x + 1]):
                        found = rows[q - 1, entry_to[entry]]
                        ends_here = ends[to, entry] and rows[q - 1, ended] < found
                        found = rows[q - 1, ended] if ends_here else found
                        found -= _gain(tried, passes[entry])
                        if approach[entry, state] + found == rows[q, state]:
                            code = np.int32(2 * (lowest[entry, state] + 1) + ends_here)
                            match = code if match == 0 else min(match, code)
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
                for _ in range(to_end[to, state] // map_only):
                    event[m], edge[m] = -1, way_to_end[to, state]
                    state = edge_to[edge[m]]
                    m += 1
                reached = state
            final[j] = reached
        offsets[j + 1] = m
    return m
