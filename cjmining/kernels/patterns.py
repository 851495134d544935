"""A pattern as a finite automaton with bounds of time, run over journeys.

Each place of the pattern that an event can take is a state; an edge says how the event of one state may
follow that of another. The bounds of an edge only ever move forward with the events, so that one candidate
decides: going forward the latest event that is early enough, going backward the earliest that is late enough.
A bound on the whole match is held by keeping for every state the latest start; edges then keep their
candidates in a queue where the latest start comes first. Matches share no event, so that what is gone back
over adds up to one pass.
"""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202, C901 -- numba infers the types of inner steps; a pass over events is one loop

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel
from cjmining.kernels.arrays import longer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

NONE = -1
FIND, HAVING, REACHED = 0, 1, 2


class Machine(NamedTuple):
    """The automaton, over kinds of events that are told apart.

    Attributes
    ----------
    wanted : int64[kinds]
        The states that an event of a kind can take, as bits.
    barred : int64[kinds]
        The bars (what edges forbid between) that it is one of, as bits.
    n_states, n_bars : int
    starts, ends : int
        The states with which a match may begin and end, as bits.
    edge_from, edge_to : int64[E]
    direct : bool[E]
        Whether nothing lies between.
    after, within : int64[E]
        Least and most time between.
    bar : int64[E]
        What may not lie between; -1 where anything may.
    at_start, at_end : bool
        Whether a match has the journey's first event, its last.
    total : int
        Most time of a match.
    bounded : bool
        Whether `total` bounds anything.
    """

    wanted: Ints
    barred: Ints
    n_states: int
    n_bars: int
    starts: int
    ends: int
    edge_from: Ints
    edge_to: Ints
    direct: NDArray[np.bool_]
    after: Ints
    within: Ints
    bar: Ints
    at_start: bool
    at_end: bool
    total: int
    bounded: bool


class Columns(NamedTuple):
    """What is read of the events: bounds of the journeys, the time and the kind of each event."""

    bounds: Ints
    time: Ints
    kind: NDArray[np.int32]


class Found(NamedTuple):
    """Matches in the order of their journeys and times.

    `event` and `state` list what each match consists of: entries offsets[m] to offsets[m + 1] - 1.
    """

    journey: Ints
    offsets: Ints
    event: Ints
    state: Ints


class Room(NamedTuple):
    """What a scan writes down; made once for all journeys.

    Attributes
    ----------
    last : int64[states]
        The last event that took a state; going backward, the next.
    nearest : int64[E]
        The best event so far from which an edge may lead; `ahead` is the first that wasn't looked at.
    blocked : int64[bars]
        The last event that was a bar; going backward, the next.
    taken : int64[longest]
        The states that each event takes.
    began : int32[states, longest]
        The latest start of a match whose event is in that state.
    queue : int32[E, longest]
        Events from which an edge may lead, by falling start; `head` and `tail` bound it.
    """

    last: Ints
    nearest: Ints
    ahead: Ints
    blocked: Ints
    taken: Ints
    began: NDArray[np.int32]
    queue: NDArray[np.int32]
    head: Ints
    tail: Ints


@kernel
def having(columns: Columns, machine: Machine, first: int, last: int) -> NDArray[np.bool_]:
    """Say for the journeys from first to last - 1 whether they have a match."""
    told = np.zeros(last - first, np.int64)
    _scan(columns, machine, _room(columns.bounds, machine, first, last), first, 0, last, HAVING, told)
    return told > 0


@kernel
def reached(columns: Columns, machine: Machine, first: int, last: int) -> Ints:
    """Return the states that each of the journeys gets to, as bits, whatever comes of it."""
    told = np.zeros(last - first, np.int64)
    _scan(columns, machine, _room(columns.bounds, machine, first, last), first, 0, last, REACHED, told)
    return told


@kernel
def find(columns: Columns, machine: Machine, first: int, last: int, every: bool) -> Found:
    """Find the first match of each journey, or every one that shares no event with one before it.

    A match is found at the first event that completes one; of those that it completes, the one which began
    first; of those, the one whose next event comes first, and so on; of equal events the state written first.
    """
    room = _room(columns.bounds, machine, first, last)
    journeys, offsets = np.empty(16, np.int64), np.zeros(17, np.int64)
    events, states = np.empty(64, np.int64), np.empty(64, np.int64)
    n, size, journey, low, told = 0, 0, first, np.int64(0), np.zeros(0, np.int64)
    while journey < last:
        journey, low, done = _scan(columns, machine, room, journey, low, last, FIND, told)
        if done == NONE:
            break
        start = _trace(columns, machine, room, columns.bounds[journey], low, done)
        if n == len(journeys):
            journeys, offsets = longer(journeys, n, 2 * n), longer(offsets, n + 1, 2 * n + 1)
        if size + done - start + 1 > len(events):
            more = 2 * (size + done - start + 1)
            events, states = longer(events, size, more), longer(states, size, more)
        size = _follow(columns, machine, room, low, start, done, events, states, size)
        journeys[n] = journey
        n += 1
        offsets[n] = size
        low = done + 1
        if not every or low == columns.bounds[journey + 1]:
            journey += 1
    return Found(journeys[:n].copy(), offsets[: n + 1].copy(), events[:size].copy(), states[:size].copy())


@kernel
def _room(bounds, machine, first, last):
    longest = 1
    for journey in range(first, last):
        longest = max(longest, bounds[journey + 1] - bounds[journey])
    kept = longest if machine.bounded else 1
    n_edges = len(machine.edge_from)
    return Room(
        np.empty(machine.n_states, np.int64),
        np.empty(n_edges, np.int64),
        np.empty(n_edges, np.int64),
        np.empty(machine.n_bars, np.int64),
        np.empty(longest, np.int64),
        np.empty((machine.n_states, kept), np.int32),
        np.empty((n_edges, kept), np.int32),
        np.empty(n_edges, np.int64),
        np.empty(n_edges, np.int64),
    )


@inlined
def _is_in(state, states):
    return (states >> state) & 1 == 1


@kernel
def _scan(columns, machine, room, journey, low, last, mode, told):
    """Go forward through the journeys to `last` - 1, from event `low` of the first.

    Where a match is looked for, return journey, first event and last event of what was searched when the
    first was complete; else tell in `told` what there is to be said of each journey.
    """
    bounds, time, kind = columns
    n_states, total = machine.n_states, machine.total
    wanted, barred, starts, ends = machine.wanted, machine.barred, machine.starts, machine.ends
    edge_from, edge_to, direct, bar = machine.edge_from, machine.edge_to, machine.direct, machine.bar
    after, within = machine.after, machine.within
    n_edges, n_bars, bounded = len(edge_to), machine.n_bars, machine.bounded
    at_start, at_end = machine.at_start, machine.at_end
    latest, nearest, next_one, blocked = room.last, room.nearest, room.ahead, room.blocked
    taken, began, queue, head, tail = room.taken, room.began, room.queue, room.head, room.tail
    first = journey
    while journey < last:
        begin, end = bounds[journey], bounds[journey + 1]
        low = max(low, begin)
        for state in range(n_states):
            latest[state] = NONE
        for one in range(n_bars):
            blocked[one] = NONE
        for edge in range(n_edges):
            nearest[edge], next_one[edge], head[edge], tail[edge] = NONE, low, 0, 0
        done, states = NONE, 0
        for event in range(low, end):
            fits = wanted[kind[event]]
            now = fits & starts if event == begin or not at_start else 0
            if bounded and now:
                for state in range(n_states):
                    if _is_in(state, now):
                        began[state, event - low] = event - low
            if states and fits != now:
                started = now
                for edge in range(n_edges):
                    state, source = edge_to[edge], edge_from[edge]
                    if not _is_in(state, fits) or _is_in(state, started) or not _is_in(source, states):
                        continue
                    if direct[edge]:
                        before = latest[source]
                        if before != event - 1 or time[event] - time[before] < after[edge]:
                            continue
                    elif bounded:
                        ends_of = head, tail, next_one
                        _queue_up(queue, ends_of, edge, source, event, low, after[edge], time, taken, began)
                        before = _first_in_time(
                            queue, ends_of, edge, event, low, within[edge], time, blocked, bar[edge]
                        )
                    elif after[edge]:
                        ahead = next_one[edge]
                        while ahead < event and time[event] - time[ahead] >= after[edge]:
                            if _is_in(source, taken[ahead - low]):
                                nearest[edge] = ahead
                            ahead += 1
                        next_one[edge] = ahead
                        before = nearest[edge]
                    else:
                        before = latest[source]
                    if before == NONE or time[event] - time[before] > within[edge]:
                        continue
                    if bar[edge] != NONE and before < blocked[bar[edge]]:
                        continue
                    if bounded:
                        start = began[source, before - low]
                        if time[event] - time[low + start] > total:
                            continue
                        if _is_in(state, now) and began[state, event - low] >= start:
                            continue
                        began[state, event - low] = start
                    now |= 1 << state
            taken[event - low] = now
            if now:
                states |= now
                if now & ends and mode != REACHED and (event == end - 1 or not at_end):
                    done = event
                    break
                for state in range(n_states):
                    if _is_in(state, now):
                        latest[state] = event
            if n_bars and barred[kind[event]]:
                _block(barred[kind[event]], blocked, event)
        if mode == FIND and done != NONE:
            return journey, low, done
        if mode == HAVING:
            told[journey - first] = done != NONE
        elif mode == REACHED:
            told[journey - first] = states
        journey += 1
    return journey, low, NONE


@inlined
def _block(bars, blocked, event):
    for bar in range(len(blocked)):
        if (bars >> bar) & 1:
            blocked[bar] = event


@kernel
def _queue_up(queue, ends_of, edge, source, event, low, after, time, taken, began):
    """Queue up the events that an edge may lead from by now; one outlives those that don't begin later."""
    head, tail, next_one = ends_of
    ahead, end = next_one[edge], tail[edge]
    while ahead < event and time[event] - time[ahead] >= after:
        place = ahead - low
        if _is_in(source, taken[place]):
            while end > head[edge] and began[source, queue[edge, end - 1]] <= began[source, place]:
                end -= 1
            queue[edge, end] = place
            end += 1
        ahead += 1
    next_one[edge], tail[edge] = ahead, end


@kernel
def _first_in_time(queue, ends_of, edge, event, low, within, time, blocked, bar):
    """Return the first of an edge's queue from which it may still lead to an event."""
    head, tail, _ = ends_of
    while head[edge] < tail[edge]:
        before = low + queue[edge, head[edge]]
        if time[event] - time[before] <= within and (bar == NONE or before >= blocked[bar]):
            return before
        head[edge] += 1
    return NONE


@kernel
def _trace(columns, machine, room, begin, low, done):
    """Go back from the event that completes a match: note which states lead to it, return where it began."""
    _, time, kind = columns
    n_states, n_bars, total, at_start = machine.n_states, machine.n_bars, machine.total, machine.at_start
    wanted, barred, starts, ends = machine.wanted, machine.barred, machine.starts, machine.ends
    edge_from, edge_to, taken, last = machine.edge_from, machine.edge_to, room.taken, room.last
    last[:] = NONE
    room.nearest[:] = NONE
    room.ahead[:] = done
    room.blocked[:] = done + 1
    start, states = done, 0
    for event in range(done, low - 1, -1):
        if time[done] - time[event] > total:
            break
        fits = wanted[kind[event]]
        now = fits & ends if event == done else 0
        if event < done and fits:
            for edge in range(len(edge_from)):
                state = edge_from[edge]
                if not _is_in(state, fits) or _is_in(state, now) or not _is_in(edge_to[edge], states):
                    continue
                if _earliest_after(machine, room, time, edge, event, low) != NONE:
                    now |= 1 << state
        taken[event - low] = now
        if now:
            states |= now
            for state in range(n_states):
                if _is_in(state, now):
                    last[state] = event
            if now & starts and (event == begin or not at_start):
                start = event
        if n_bars and barred[kind[event]]:
            _block(barred[kind[event]], room.blocked, event)
    return start


@kernel
def _earliest_after(machine, room, time, edge, event, low):
    """Return the first event to which an edge may lead from this one, NONE if there is none."""
    target, after, bar = machine.edge_to[edge], machine.after[edge], machine.bar[edge]
    if machine.direct[edge] or after == 0:
        following = room.last[target]
        if machine.direct[edge] and (following != event + 1 or time[following] - time[event] < after):
            return NONE
    else:
        ahead = room.ahead[edge]
        while ahead > event and time[ahead] - time[event] >= after:
            if _is_in(target, room.taken[ahead - low]):
                room.nearest[edge] = ahead
            ahead -= 1
        room.ahead[edge] = ahead
        following = room.nearest[edge]
    if following == NONE or time[following] - time[event] > machine.within[edge]:
        return NONE
    return NONE if bar != NONE and following > room.blocked[bar] else following


@kernel
def _follow(columns, machine, room, low, start, done, events, states, size):
    """Write down the events of a match, each the first with which it can still be completed."""
    _, time, kind = columns
    taken, edge_from, edge_to, barred = room.taken, machine.edge_from, machine.edge_to, machine.barred
    after, within, direct, bar = machine.after, machine.within, machine.direct, machine.bar
    state = _lowest(taken[start - low] & machine.starts)
    events[size], states[size] = start, state
    here, bars = start, 0
    size += 1
    for event in range(start + 1, done + 1):
        if here == done:
            break
        chosen, wait = NONE, time[event] - time[here]
        for edge in range(len(edge_from)):
            target = edge_to[edge]
            if edge_from[edge] != state or not _is_in(target, taken[event - low]):
                continue
            if wait < after[edge] or wait > within[edge] or (direct[edge] and event != here + 1):
                continue
            if bar[edge] != NONE and _is_in(bar[edge], bars):
                continue
            chosen = target if chosen == NONE else min(chosen, target)
        bars |= barred[kind[event]]
        if chosen != NONE:
            events[size], states[size] = event, chosen
            state, here, bars = chosen, event, 0
            size += 1
    return size


@inlined
def _lowest(states):
    state = 0
    while not (states >> state) & 1:
        state += 1
    return state
