"""What the moves of an alignment mean: one type for each way of leaving the plan."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202, C901 -- numba infers the types of inner steps; a pass over events is one loop

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.kernels.alignment import Alignments

MISSING, AD_HOC, OUT_OF_ORDER, FAILED, REPEATED, WRONG_CHANNEL, LATE = 0, 1, 2, 3, 4, 5, 6
TYPES = ("missing", "ad hoc", "out of order", "failed", "repeated", "wrong channel", "late")
_ALWAYS = 1 << 61


class PlanFacts(NamedTuple):
    """What the map says of its edges and symbols, as far as deviations need it.

    Attributes
    ----------
    edge_symbol, edge_stage, edge_group : int32[E]
        As in `Automaton`.
    edge_channel : bool[E, C]
        Whether the log's channel is one that the map plans there.
    planned : bool[S, X]
        Whether the stage names the symbol.
    in_choice : bool[S, X]
        Whether the stage is a choice that offers the symbol.
    beyond : int32[Q, X]
        Where a path that ends in state q is followed, and not preceded, by the symbol: its stage; else -1.
    is_goal : bool[X]
        The symbol completes the journey.
    gap_offsets : int32[X + 1]
        Where the uncovered periods of each symbol's sources begin in `gap_start` and `gap_end`.
    gap_start, gap_end : int64[...]
        Microseconds since 1970.
    """

    edge_symbol: NDArray[np.int32]
    edge_stage: NDArray[np.int32]
    edge_group: NDArray[np.int32]
    edge_channel: NDArray[np.bool_]
    planned: NDArray[np.bool_]
    in_choice: NDArray[np.bool_]
    beyond: NDArray[np.int32]
    is_goal: NDArray[np.bool_]
    gap_offsets: NDArray[np.int32]
    gap_start: NDArray[np.int64]
    gap_end: NDArray[np.int64]


@kernel
def classify(
    begin: NDArray[np.int64],
    alignments: Alignments,
    symbol: NDArray[np.int32],
    timestamp: NDArray[np.int64],
    precision: NDArray[np.float64],
    failed: NDArray[np.int8],
    channel: NDArray[np.int32],
    facts: PlanFacts,
) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Give every deviating move its type.

    Parameters
    ----------
    begin : int64[J]
        Time of the first event of each journey.
    alignments : Alignments
        The moves.
    symbol, timestamp, precision, failed, channel
        Columns of the events; `precision` in seconds, NaN unknown.
    facts : PlanFacts
        The map.

    Returns
    -------
    move : int64[D]
        Number of the move that deviates; one that failed on the wrong channel occurs twice.
    type_ : int8[D]
        Index into `TYPES`.
    stage : int32[D]
        Where: the planned stage, for what isn't planned the stage that the journey was in; -1 before the map.
    event : int64[D]
        The event, or -1 where it is missing.
    edge : int32[D]
        The edge, or -1 for what isn't planned.
    """
    offsets, events, edges, final = alignments.offsets, alignments.event, alignments.edge, alignments.final
    edge_stage, edge_channel = facts.edge_stage, facts.edge_channel
    n_moves = len(events)
    move = np.empty(2 * n_moves, np.int64)
    type_ = np.empty(2 * n_moves, np.int8)
    stage = np.empty(2 * n_moves, np.int32)
    longest = 0
    for j in range(len(begin)):
        longest = max(longest, offsets[j + 1] - offsets[j])
    partner = np.empty(longest, np.int64)
    n = 0
    for j in range(len(begin)):
        first, last = offsets[j], offsets[j + 1]
        if first == last:
            continue
        _pair(first, last, events, edges, symbol, facts, partner)
        here = np.int32(-1)
        for m in range(first, last):
            event, edge = events[m], edges[m]
            if event >= 0 and edge >= 0:
                here = edge_stage[edge]
                if failed[event] == 1:
                    move[n], type_[n], stage[n] = m, FAILED, here
                    n += 1
                if channel[event] >= 0 and not edge_channel[edge, channel[event]]:
                    move[n], type_[n], stage[n] = m, WRONG_CHANNEL, here
                    n += 1
            elif edge >= 0:
                here = edge_stage[edge]
                if partner[m - first] < 0 and _was_covered(
                    m, first, last, begin[j], events, edges, timestamp, facts
                ):
                    move[n], type_[n], stage[n] = m, MISSING, here
                    n += 1
            else:
                found, where = _type_of_unplanned(
                    m,
                    first,
                    last,
                    here,
                    partner[m - first],
                    final[j],
                    events,
                    edges,
                    symbol,
                    timestamp,
                    precision,
                    failed,
                    facts,
                )
                if found >= 0:
                    move[n], type_[n], stage[n] = m, found, where
                    n += 1
    move = move[:n].copy()
    return move, type_[:n].copy(), stage[:n].copy(), events[move], edges[move]


@kernel
def first_of_journey(journey: NDArray[np.int64], key: NDArray[np.int64], n_keys: int) -> NDArray[np.bool_]:
    """Say which entries are the first of their journey with their key; equal keys lie in order of journeys.

    Parameters
    ----------
    journey, key : int64[D]
        The journey of each entry, and a number from 0 to `n_keys` - 1.
    n_keys : int
        How many keys there are.
    """
    last = np.full(n_keys, -1, np.int64)
    first = np.empty(len(key), np.bool_)
    for i in range(len(key)):
        first[i] = last[key[i]] != journey[i]
        last[key[i]] = journey[i]
    return first


@kernel
def _pair(first, last, events, edges, symbol, facts, partner):
    """Pair log-only with map-only moves of the same touchpoint, then of the same choice, in time order."""
    edge_symbol, edge_group, in_choice = facts.edge_symbol, facts.edge_group, facts.in_choice
    to_pair = 0
    for m in range(first, last):
        partner[m - first] = -1
        to_pair += events[m] >= 0 and edges[m] < 0 and symbol[events[m]] >= 0
    if to_pair == 0:
        return
    for by_choice in range(2):
        for m in range(first, last):
            event = events[m]
            if event < 0 or edges[m] >= 0 or symbol[event] < 0 or partner[m - first] >= 0:
                continue
            for other in range(first, last):
                edge = edges[other]
                if events[other] >= 0 or partner[other - first] >= 0:
                    continue
                group = edge_group[edge]
                if edge_symbol[edge] == symbol[event] or (
                    by_choice == 1 and group >= 0 and in_choice[group, symbol[event]]
                ):
                    partner[m - first], partner[other - first] = other, m
                    break


@kernel
def _type_of_unplanned(
    m,
    first,
    last,
    here,
    partner,
    final,
    events,
    edges,
    symbol,
    timestamp,
    precision,
    failed,
    facts,
):
    """Give the type of a log-only move and its stage; -1 where the times are too coarse to judge."""
    event = events[m]
    what = symbol[event]
    if what < 0:
        return np.int8(AD_HOC), here
    if failed[event] == 1 and facts.is_goal[what]:
        return np.int8(FAILED), _planned_stage(what, here, facts)
    if partner >= 0:
        if _may_lie_at(partner, event, first, last, events, edges, timestamp, precision):
            return np.int8(-1), here
        return np.int8(OUT_OF_ORDER), facts.edge_stage[edges[partner]]
    if facts.beyond[final, what] >= 0:
        if _may_lie_at(last, event, first, last, events, edges, timestamp, precision):
            return np.int8(-1), here
        return np.int8(OUT_OF_ORDER), facts.beyond[final, what]
    for before in range(m - 1, first - 1, -1):
        edge = edges[before]
        if edge >= 0 and events[before] >= 0 and facts.edge_symbol[edge] == what:
            return np.int8(REPEATED), facts.edge_stage[edge]
    return np.int8(AD_HOC), here


@kernel
def _planned_stage(what, here, facts):
    """Give the earliest stage that names a symbol and isn't before the current one, else the latest."""
    found = np.int32(-1)
    for stage in range(facts.planned.shape[0]):
        if facts.planned[stage, what]:
            found = np.int32(stage)
            if stage >= here:
                break
    return found


@kernel
def _may_lie_at(position, event, first, last, events, edges, timestamp, precision):
    """Say whether, as coarse as the times are, the event may have happened at a position among the moves."""
    coarse = _width(precision[event])
    after, before = _neighbours(position, first, last, events, edges)
    earliest, latest = -_ALWAYS, _ALWAYS
    if after >= 0:
        earliest = timestamp[after]
        coarse = max(coarse, _width(precision[after]))
    if before >= 0:
        latest = timestamp[before] + _width(precision[before])
        coarse = max(coarse, _width(precision[before]))
    if coarse == 0:
        return False
    return timestamp[event] + _width(precision[event]) >= earliest and timestamp[event] <= latest


@kernel
def _was_covered(m, first, last, begin, events, edges, timestamp, facts):
    """Say whether the sources of a missing touchpoint recorded throughout the time in which it belonged."""
    after, before = _neighbours(m, first, last, events, edges)
    earliest = timestamp[after] if after >= 0 else begin
    latest = timestamp[before] if before >= 0 else earliest
    what = facts.edge_symbol[edges[m]]
    gap_start, gap_end = facts.gap_start, facts.gap_end
    for gap in range(facts.gap_offsets[what], facts.gap_offsets[what + 1]):
        if gap_start[gap] < latest and earliest < gap_end[gap]:
            return False
        if earliest == latest and gap_start[gap] <= earliest < gap_end[gap]:
            return False
    return True


@kernel
def _neighbours(position, first, last, events, edges):
    """Find the matched events before and after a position among the moves; -1 where there is none."""
    after, before = np.int64(-1), np.int64(-1)
    for m in range(min(position, last) - 1, first - 1, -1):
        if events[m] >= 0 and edges[m] >= 0:
            after = events[m]
            break
    for m in range(position + 1, last):
        if events[m] >= 0 and edges[m] >= 0:
            before = events[m]
            break
    return after, before


@inlined
def _width(precision):
    """Precision in microseconds; unknown counts as exact."""
    return np.int64(0) if np.isnan(precision) else np.int64(precision * 1_000_000)
