"""What the moves of an alignment mean: one type for each way of leaving the plan."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202, C901 -- numba infers the types of inner steps; a pass over events is one loop

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel
from cjmining.kernels.arrays import longer

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


class Deviations(NamedTuple):
    """The moves that deviate, in order of journeys.

    Attributes
    ----------
    journey, move : int64[D]
        Number of the journey, and of the move; a move that failed on the wrong channel occurs twice.
    type_ : int8[D]
        Index into `TYPES`.
    stage : int32[D]
        Where: the planned stage, for what isn't planned the stage that the journey was in; -1 before the map.
    """

    journey: NDArray[np.int64]
    move: NDArray[np.int64]
    type_: NDArray[np.int8]
    stage: NDArray[np.int32]


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
    patience_us: NDArray[np.int64],
) -> Deviations:
    """Give every deviating move its type; where times are too coarse to judge an order, there is none.

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
    patience_us : int64[S]
        Patience of each stage in microseconds; -1 is never.
    """
    offsets, events, edges, final = alignments.offsets, alignments.event, alignments.edge, alignments.final
    edge_stage, edge_channel, edge_symbol = facts.edge_stage, facts.edge_channel, facts.edge_symbol
    began = _first_recorded(facts)
    longest = 0
    for j in range(len(begin)):
        longest = max(longest, offsets[j + 1] - offsets[j])
    partner = np.empty(longest, np.int64)
    skipped = np.empty(longest, np.int64)
    matched = np.full(facts.planned.shape[1], -1, np.int32)
    size = len(events) // 8 + 64  # few moves deviate: room for all would be the largest array of a check
    journey, move = np.empty(size, np.int64), np.empty(size, np.int64)
    type_, stage = np.empty(size, np.int8), np.empty(size, np.int32)
    n = 0
    for j in range(len(begin)):
        first, last = offsets[j], offsets[j + 1]
        if first == last:
            continue
        if n + 2 * (last - first) > len(move):
            size = 2 * len(move) + 2 * (last - first)
            journey, move = longer(journey, n, size), longer(move, n, size)
            type_, stage = longer(type_, n, size), longer(stage, n, size)
        n_before = n
        _pair(first, last, events, edges, symbol, facts, partner, skipped)
        matched[:] = -1
        here = np.int32(-1)
        for m in range(first, last):
            event, edge = events[m], edges[m]
            if event >= 0 and edge >= 0:
                here = edge_stage[edge]
                matched[edge_symbol[edge]] = edge
                if failed[event] == 1:
                    move[n], type_[n], stage[n] = m, FAILED, here
                    n += 1
                if channel[event] >= 0 and not edge_channel[edge, channel[event]]:
                    move[n], type_[n], stage[n] = m, WRONG_CHANNEL, here
                    n += 1
            elif edge >= 0:
                here = edge_stage[edge]
                since = max(begin[j] - max(patience_us[here], 0), min(begin[j], began))
                if partner[m - first] < 0 and _was_covered(
                    m, first, last, since, events, edges, timestamp, facts
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
                    matched,
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
        journey[n_before:n] = j
    return Deviations(journey[:n].copy(), move[:n].copy(), type_[:n].copy(), stage[:n].copy())


@kernel
def _first_recorded(facts):
    """Give the time from which on any source recorded."""
    began = _ALWAYS
    for gap in range(len(facts.gap_start)):
        if facts.gap_start[gap] <= -_ALWAYS:
            began = min(began, facts.gap_end[gap])
    return began


@kernel
def _pair(first, last, events, edges, symbol, facts, partner, skipped):
    """Pair log-only with map-only moves of the same touchpoint, then of the same choice, in time order.

    `skipped` is room for the map-only moves that are still to be paired.
    """
    edge_symbol, edge_group, in_choice = facts.edge_symbol, facts.edge_group, facts.in_choice
    to_pair, n_skipped = 0, 0
    for m in range(first, last):
        partner[m - first] = -1
        if events[m] < 0:
            skipped[n_skipped] = m
            n_skipped += 1
        else:
            to_pair += edges[m] < 0 and symbol[events[m]] >= 0
    if to_pair == 0:
        return
    for by_choice in range(2):
        for m in range(first, last):
            if n_skipped == 0:
                return
            event = events[m]
            if event < 0 or edges[m] >= 0 or symbol[event] < 0 or partner[m - first] >= 0:
                continue
            for at in range(n_skipped):
                other = skipped[at]
                group = edge_group[edges[other]]
                if edge_symbol[edges[other]] == symbol[event] or (
                    by_choice == 1 and group >= 0 and in_choice[group, symbol[event]]
                ):
                    partner[m - first], partner[other - first] = other, m
                    n_skipped -= 1
                    for later in range(at, n_skipped):
                        skipped[later] = skipped[later + 1]
                    break


@kernel
def _type_of_unplanned(
    m,
    first,
    last,
    here,
    partner,
    final,
    matched,
    events,
    edges,
    symbol,
    timestamp,
    precision,
    failed,
    facts,
):
    """Give the type of a log-only move and its stage; -1 where the times are too coarse to judge.

    `matched` has for each symbol the edge by which it was matched last, -1 for none yet.
    """
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
    if matched[what] >= 0:
        return np.int8(REPEATED), facts.edge_stage[matched[what]]
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
def _was_covered(m, first, last, since, events, edges, timestamp, facts):
    """Say whether the sources of a missing touchpoint recorded throughout the time in which it belonged.

    That is between the matched events around it; where none comes before, it may have happened at any time
    since `since`. Any of a choice would have done: all of their sources
    must have recorded.
    """
    after, before = _neighbours(m, first, last, events, edges)
    earliest = timestamp[after] if after >= 0 else since
    latest = timestamp[before] if before >= 0 else earliest
    what, choice = facts.edge_symbol[edges[m]], facts.edge_group[edges[m]]
    for symbol in range(facts.in_choice.shape[1]):
        of_choice = choice >= 0 and facts.in_choice[choice, symbol]
        if (symbol == what or of_choice) and _has_gap(symbol, earliest, latest, facts):
            return False
    return True


@kernel
def _has_gap(what, earliest, latest, facts):
    """Say whether a source of the symbol did not record at some time from the earliest to the latest."""
    gap_start, gap_end = facts.gap_start, facts.gap_end
    for gap in range(facts.gap_offsets[what], facts.gap_offsets[what + 1]):
        if gap_start[gap] < latest and earliest < gap_end[gap]:
            return True
        if earliest == latest and gap_start[gap] <= earliest < gap_end[gap]:
            return True
    return False


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


class DeviationSums(NamedTuple):
    """What became of journeys with a deviation, and of all that it is held against; sums that merge.

    Journeys are held against those of the same base. For a stage, and before the map, there are two: `THERE`
    all that were there, `WENT_ON` those who went on from there; base is 2 x (1 + stage) + one of the two.
    Then comes one for each cell, a touchpoint of a stage: `DID_IT` there, as planned or not.

    Attributes
    ----------
    counts : int64[K, 10]
        By row, a deviation of a group: `JOURNEYS` with it; `MATURE_ONES` of them, at its base, and `SOON` of
        those converted within the horizon; then sums over customers, see `N_DEVIATION_SUMS`.
    bases : int64[G, B, 6]
        The same three for all journeys at each base, and sums over customers of d x d, d x n, n x n.
    timed : bool[P]
        The first entry of a journey in its row, if it is at the row's base and converted within the horizon.
    base_cell, base_journey : int64[T]
        Journeys converted within the horizon, and where they were: group x B + base.
    """

    counts: NDArray[np.int64]
    bases: NDArray[np.int64]
    timed: NDArray[np.bool_]
    base_cell: NDArray[np.int64]
    base_journey: NDArray[np.int64]


THERE, WENT_ON, DID_IT = 0, 1, 2
COMPARED_WITH = (WENT_ON, WENT_ON, WENT_ON, DID_IT, DID_IT, DID_IT, WENT_ON)
"""By type. What is seen only in journeys that go on is held against others that went on, what is wrong with
a touchpoint that took place against others in which it took place."""
JOURNEYS, MATURE_ONES, SOON = 0, 1, 2
N_DEVIATION_SUMS = 10
"""Journeys, mature, converted; then, for n mature journeys of a customer with the deviation, d of them
converted, and N and D at its base: sums of d x d, d x n, n x n, D x d, D x n, N x d, N x n."""


@kernel
def add_up(
    journey: NDArray[np.int64],
    row: NDArray[np.int64],
    row_stage: NDArray[np.int64],
    row_base: NDArray[np.int64],
    alignments: Alignments,
    edge_stage: NDArray[np.int32],
    edge_base: NDArray[np.int64],
    customer: NDArray[np.int64],
    group: NDArray[np.int32],
    reached_goal: NDArray[np.bool_],
    mature: NDArray[np.bool_],
    converted: NDArray[np.bool_],
    n_groups: int,
    n_stages: int,
    n_bases: int,
) -> DeviationSums:
    """Count journeys with each deviation, and all that were there: on a path through its stage, or deviating.

    Every aligned journey was before the map. A journey went on from a stage if its path leads through a later
    one, or if it reached the goal.

    Parameters
    ----------
    journey, row : int64[P]
        Deviations, ascending by journey; `row` numbers them by group and what they are.
    row_stage, row_base : int64[K]
        Where each row is, -1 before the map, and what it is held against.
    alignments, edge_stage, edge_base
        The moves; the stage of each edge, and the base of its cell (-1 where it has none).
    customer, group : int64[J], int32[J]
        Whose each journey is; the journeys of a customer lie together.
    reached_goal, mature, converted : bool[J]
        Journeys converted at all; journeys to compare; those of them that converted within the horizon.
    n_groups, n_stages, n_bases : int
        How many there are.
    """
    offsets = alignments.offsets
    n_rows, of_stages = len(row_base), 2 * (1 + n_stages)
    counts = np.zeros((n_rows, N_DEVIATION_SUMS), np.int64)
    bases = np.zeros((n_groups, n_bases, 6), np.int64)
    timed = np.zeros(len(journey), np.bool_)
    room = 0
    for j in range(len(customer)):
        room += converted[j]
    base_cell = np.empty(room * n_bases, np.int64)
    base_journey = np.empty(room * n_bases, np.int64)
    last_journey = np.full(n_rows, -1, np.int64)
    own = np.zeros((n_rows, 2), np.int64)
    touched = np.empty(n_rows, np.int64)
    was_at = np.zeros(n_bases, np.bool_)
    own_at = np.zeros((n_bases, 2), np.int64)
    begin, n_touched, n_timed = 0, 0, 0
    for j in range(len(customer)):
        g = group[j]
        if j > 0 and (customer[j] != customer[j - 1] or g != group[j - 1]):
            _close_customer(own, own_at, touched, n_touched, row_base, counts, bases[group[j - 1]])
            n_touched = 0
        end = begin
        while end < len(journey) and journey[end] == j:
            end += 1
        was_at[:] = False
        for at in range(begin, end):
            was_at[2 * (1 + row_stage[row[at]]) + THERE] = True
            if row_base[row[at]] >= of_stages:
                was_at[row_base[row[at]]] = True
        _find_bases(offsets[j], offsets[j + 1], alignments, edge_stage, edge_base, was_at)
        if reached_goal[j]:
            was_at[WENT_ON:of_stages:2] = was_at[THERE:of_stages:2]
        for at in range(begin, end):
            r = row[at]
            if last_journey[r] == j:
                continue
            last_journey[r] = j
            counts[r, JOURNEYS] += 1
            if mature[j] and was_at[row_base[r]]:
                if own[r, 1] == 0:
                    touched[n_touched] = r
                    n_touched += 1
                own[r, 1] += 1
                own[r, 0] += converted[j]
                counts[r, MATURE_ONES] += 1
                counts[r, SOON] += converted[j]
                timed[at] = converted[j]
        begin = end
        for base in range(n_bases):
            if was_at[base]:
                bases[g, base, JOURNEYS] += 1
                if mature[j]:
                    bases[g, base, MATURE_ONES] += 1
                    bases[g, base, SOON] += converted[j]
                    own_at[base, 1] += 1
                    own_at[base, 0] += converted[j]
                if converted[j]:
                    base_cell[n_timed], base_journey[n_timed] = g * n_bases + base, j
                    n_timed += 1
    if len(customer) > 0:
        _close_customer(own, own_at, touched, n_touched, row_base, counts, bases[group[-1]])
    return DeviationSums(counts, bases, timed, base_cell[:n_timed].copy(), base_journey[:n_timed].copy())


@kernel
def _find_bases(first, last, alignments, edge_stage, edge_base, was_at):
    """Say in `was_at` where the path of a journey was and from where it went on, the goal aside."""
    was_at[THERE] |= first < last
    furthest = -1
    for m in range(first, last):
        edge = alignments.edge[m]
        if edge >= 0:
            was_at[2 * (1 + edge_stage[edge]) + THERE] = True
            furthest = max(furthest, edge_stage[edge])
            if alignments.event[m] >= 0 and edge_base[edge] >= 0:
                was_at[edge_base[edge]] = True
    for before in range(1 + furthest):
        was_at[2 * before + WENT_ON] = was_at[2 * before + THERE]


@kernel
def _close_customer(own, own_at, touched, n_touched, row_base, counts, bases):
    """Add the products of a customer's sums, and begin the next customer."""
    for k in range(n_touched):
        r = touched[k]
        d, n = own[r, 0], own[r, 1]
        all_d, all_n = own_at[row_base[r], 0], own_at[row_base[r], 1]
        counts[r, 3] += d * d
        counts[r, 4] += d * n
        counts[r, 5] += n * n
        counts[r, 6] += all_d * d
        counts[r, 7] += all_d * n
        counts[r, 8] += all_n * d
        counts[r, 9] += all_n * n
        own[r, :] = 0
    for base in range(len(own_at)):
        d, n = own_at[base, 0], own_at[base, 1]
        bases[base, 3] += d * d
        bases[base, 4] += d * n
        bases[base, 5] += n * n
        own_at[base, :] = 0
