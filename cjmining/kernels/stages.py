"""What journeys did at the stages of a map, counted by group: one pass, sums that merge."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN201, ANN202, C901 -- numba infers the types of inner steps; a pass over events is one loop

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel
from cjmining.kernels.outcomes import (
    CONVERTED,
    CUSTOMER,
    DROPPED,
    GOAL,
    WalkRules,
    actor_of,
    after_goal_cell,
    cell_of,
    is_ignored,
    role_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENTERED, CONTINUED, ENDED, MATURE, DROPPED_SOON = 0, 1, 2, 6, 7
N_COUNTS = 8
"""entered, continued, ended as converted, dropped, turned away, open; mature; dropped within the horizon."""

WENT_ON, WENT_ON_CONVERTED = 0, 1
BEGAN, CAME_LATER = 0, 1


class Judged(NamedTuple):
    """What `judge` says of each journey, and whose turn it was (-1 nobody's, 0 customer's, 1 company's)."""

    outcome: NDArray[np.int8]
    decided_at: NDArray[np.int64]
    decided_event: NDArray[np.int64]
    place_event: NDArray[np.int64]
    place_stage: NDArray[np.int32]
    furthest_stage: NDArray[np.int32]
    won_back: NDArray[np.int8]
    turn: NDArray[np.int8]


class Sizes(NamedTuple):
    """How many there are of what is counted."""

    groups: int
    stages: int
    cells: int
    channels: int
    currencies: int


class StageSums(NamedTuple):
    """Counts and sums by group. A row of stages or cells is shifted by one: row 0 is before the map.

    Attributes
    ----------
    counts : int64[G, 1 + S, 8]
        See `N_COUNTS`.
    clusters : int64[G, 1 + S, 3]
        Sums over customers of d x d, d x n, n x n: n mature journeys, d of them dropped within the horizon.
    satisfaction, answered : float64[G, 1 + S], int64[G, 1 + S]
        Sum and number of the answers given in the stage.
    arrivals : int64[G, 1 + S, 2]
        Journeys that came to the stage first of all stages, and those that came to it only after their goal.
    cell_events, cell_journeys, cell_failed : int64[G, K, C + 1]
        By touchpoint of a stage (a cell) and channel, the last for events without one; failed are the
        journeys with a try that failed.
    cell_satisfaction, cell_answered : float64[G, K, C + 1], int64[G, K, C + 1]
        Answers likewise.
    crossings, crossing_journeys : int64[G, S, S]
        Moves from stage to stage, and the journeys that made them.
    later_crossings, later_journeys, only_later : int64[G, S, S]
        Moves after the goal, the journeys that made them, and those that did only then.
    places : int64[G, 1 + K, 2]
        Mature journeys that went on from a place, and those of them that converted. Who reaches the goal
        after a failed try has gone on from there.
    dropouts : int64[G, 1 + K, 3]
        Drop-outs by place and turn (nobody's, the customer's, the company's).
    outcomes : int64[G, 4]
        Journeys by outcome.
    customers : int64[G]
        Customers with a journey in the group, where a customer's journeys lie together.
    conversions : int64[G]
        Converted journeys with a value.
    value, value_squared, valued : float64[G, U], float64[G, U], int64[G, U]
        Sum, sum of squares and number of the values of those, by currency.
    time_cell, time_us : int32[...], int64[...]
        Time from entering a stage to entering a later one: group x (1 + S) + 1 + stage, microseconds.
    late_journey, late_stage, late_event : int64[...], int32[...], int64[...]
        Journeys that took longer than `within` to the next stage, and the event that reached it.
    """

    counts: NDArray[np.int64]
    clusters: NDArray[np.int64]
    satisfaction: NDArray[np.float64]
    answered: NDArray[np.int64]
    arrivals: NDArray[np.int64]
    cell_events: NDArray[np.int64]
    cell_journeys: NDArray[np.int64]
    cell_failed: NDArray[np.int64]
    cell_satisfaction: NDArray[np.float64]
    cell_answered: NDArray[np.int64]
    crossings: NDArray[np.int64]
    crossing_journeys: NDArray[np.int64]
    later_crossings: NDArray[np.int64]
    later_journeys: NDArray[np.int64]
    only_later: NDArray[np.int64]
    places: NDArray[np.int64]
    dropouts: NDArray[np.int64]
    outcomes: NDArray[np.int64]
    customers: NDArray[np.int64]
    conversions: NDArray[np.int64]
    value: NDArray[np.float64]
    value_squared: NDArray[np.float64]
    valued: NDArray[np.int64]
    time_cell: NDArray[np.int32]
    time_us: NDArray[np.int64]
    late_journey: NDArray[np.int64]
    late_stage: NDArray[np.int32]
    late_event: NDArray[np.int64]


class Columns(NamedTuple):
    """The columns of the events that are read; NaN and -1 stand for null."""

    timestamp: NDArray[np.int64]
    touchpoint: NDArray[np.int32]
    actor: NDArray[np.int32]
    failed: NDArray[np.int8]
    channel: NDArray[np.int32]
    satisfaction: NDArray[np.float64]
    value: NDArray[np.float64]
    currency: NDArray[np.int32]
    precision: NDArray[np.float64]
    wait_s: NDArray[np.float64]
    duration_s: NDArray[np.float64]


@kernel
def count_stages(
    bounds: NDArray[np.int64],
    customer: NDArray[np.int64],
    group: NDArray[np.int32],
    columns: Columns,
    judged: Judged,
    rules: WalkRules,
    within: NDArray[np.int64],
    horizon: int,
    data_end: int,
    sizes: Sizes,
) -> StageSums:
    """Count what journeys did at the stages of the map.

    A journey is in the stage of its place: it enters a stage with an event of the customer there, or with one
    by anybody that moves it to a later stage, and each stage once. After the goal, what lies in stages to
    which the map leads on from the goal's counts as well. Row 0 holds the journeys whose first event is not
    on the map: those that never reached it ended there, the others continued.

    Parameters
    ----------
    bounds : int64[J + 1]
        Bounds of the journeys over the events.
    customer, group : int64[J], int32[J]
        Whose each journey is, and the group that it counts for.
    columns : Columns
        The events.
    judged : Judged
        How each journey ended.
    rules : WalkRules
        What the map says.
    within : int64[S]
        Microseconds promised from entering a stage to entering a later one; -1 for no promise.
    horizon, data_end : int
        Microseconds; microseconds since 1970.
    sizes : Sizes
        Numbers of groups, stages, cells, channels and currencies.

    Returns
    -------
    StageSums
        Sums of the journeys given.
    """
    timestamp, touchpoint, actor, failed = (
        columns.timestamp,
        columns.touchpoint,
        columns.actor,
        columns.failed,
    )
    channels, answers, precision = columns.channel, columns.satisfaction, columns.precision
    role, ignored, stated, actor_codes = rules.role, rules.ignored, rules.actor, rules.actor_codes
    offsets, stages, patience_us = rules.stage_offsets, rules.stages, rules.patience_us
    leads_to = rules.leads_to
    ends, decided_at, turns = judged.outcome, judged.decided_at, judged.turn
    place_events, place_stages = judged.place_event, judged.place_stage
    n, n_stages, n_cells = len(bounds) - 1, sizes.stages, sizes.cells
    n_groups, n_channels = sizes.groups, sizes.channels
    counts = np.zeros((n_groups, 1 + n_stages, N_COUNTS), np.int64)
    clusters = np.zeros((n_groups, 1 + n_stages, 3), np.int64)
    of_customer = np.zeros((1 + n_stages, 2), np.int64)
    satisfaction = np.zeros((n_groups, 1 + n_stages), np.float64)
    answered = np.zeros((n_groups, 1 + n_stages), np.int64)
    arrivals = np.zeros((n_groups, 1 + n_stages, 2), np.int64)
    cell_events = np.zeros((n_groups, n_cells, n_channels + 1), np.int64)
    cell_journeys = np.zeros((n_groups, n_cells, n_channels + 1), np.int64)
    cell_failed = np.zeros((n_groups, n_cells, n_channels + 1), np.int64)
    cell_satisfaction = np.zeros((n_groups, n_cells, n_channels + 1), np.float64)
    cell_answered = np.zeros((n_groups, n_cells, n_channels + 1), np.int64)
    crossings = np.zeros((n_groups, n_stages, n_stages), np.int64)
    crossing_journeys = np.zeros((n_groups, n_stages, n_stages), np.int64)
    later_crossings = np.zeros((n_groups, n_stages, n_stages), np.int64)
    later_journeys = np.zeros((n_groups, n_stages, n_stages), np.int64)
    only_later = np.zeros((n_groups, n_stages, n_stages), np.int64)
    places = np.zeros((n_groups, 1 + n_cells, 2), np.int64)
    dropouts = np.zeros((n_groups, 1 + n_cells, 3), np.int64)
    outcomes = np.zeros((n_groups, 4), np.int64)
    customers = np.zeros(n_groups, np.int64)
    last_customer = np.full(n_groups, -1, np.int64)
    seen_channel = np.full((n_cells, n_channels + 1), -1, np.int64)
    seen_failed = np.full((n_cells, n_channels + 1), -1, np.int64)
    seen_crossing = np.full((n_stages, n_stages), -1, np.int64)
    seen_later = np.full((n_stages, n_stages), -1, np.int64)
    entered_at = np.zeros(n_stages, np.int64)
    entered_event = np.zeros(n_stages, np.int64)
    has_entered = np.zeros(n_stages, np.bool_)
    has_gone_on = np.zeros(n_stages, np.bool_)
    reached_at = np.zeros(1 + n_cells, np.int64)
    has_reached = np.zeros(1 + n_cells, np.bool_)
    time_cell = np.empty(n * n_stages, np.int32)
    time_us = np.empty(n * n_stages, np.int64)
    late_journey = np.empty(n * n_stages, np.int64)
    late_stage = np.empty(n * n_stages, np.int32)
    late_event = np.empty(n * n_stages, np.int64)
    n_times, n_late = 0, 0
    for j in range(n):
        g, first, last = group[j], bounds[j], bounds[j + 1]
        outcome = ends[j]
        outcomes[g, outcome] += 1
        if j > 0 and (customer[j] != customer[j - 1] or g != group[j - 1]):
            _close_customer(of_customer, clusters[group[j - 1]])
        if customer[j] != last_customer[g]:
            last_customer[g] = customer[j]
            customers[g] += 1
        has_entered[:] = False
        has_gone_on[:] = False
        has_reached[:] = False
        stage, place = np.int32(-1), 0
        place_event, place_stage = place_events[j], place_stages[j]
        final = last if outcome == CONVERTED else place_event + 1
        if place_event < 0 or not starts_on_map(
            first, last, touchpoint, failed, role, ignored, offsets, stages
        ):
            has_reached[0] = True
            reached_at[0] = timestamp[first]
        for i in range(first, final):
            code = touchpoint[i]
            if i > place_event:
                cell = after_goal_cell(code, failed[i], place_stage, role, ignored, offsets, stages, leads_to)
                moves = True
            else:
                cell = walk_cell(code, failed[i], stage, role, ignored, offsets, stages)
                moves = moves_journey(
                    i, cell, stage, place_event, touchpoint, actor, stated, actor_codes, stages
                )
            if cell < 0:
                continue
            at = stages[cell]
            channel = channels[i] if channels[i] >= 0 else n_channels
            cell_events[g, cell, channel] += 1
            if seen_channel[cell, channel] != j:
                seen_channel[cell, channel] = j
                cell_journeys[g, cell, channel] += 1
            if failed[i] == 1 and seen_failed[cell, channel] != j:
                seen_failed[cell, channel] = j
                cell_failed[g, cell, channel] += 1
            if not np.isnan(answers[i]):
                cell_satisfaction[g, cell, channel] += answers[i]
                cell_answered[g, cell, channel] += 1
                satisfaction[g, 1 + at] += answers[i]
                answered[g, 1 + at] += 1
            if not moves:
                continue
            now = timestamp[i]
            if i == place_event and outcome == CONVERTED:
                place = -1  # converted: whatever place was reached before, the journey went on from it
            elif i <= place_event:
                place = 1 + cell
                if not has_reached[place]:
                    has_reached[place] = True
                    reached_at[place] = now
            if stage >= 0 and at != stage:
                crossings[g, stage, at] += 1
                later = i > place_event
                if later:
                    later_crossings[g, stage, at] += 1
                    if seen_later[stage, at] != j:
                        seen_later[stage, at] = j
                        later_journeys[g, stage, at] += 1
                if seen_crossing[stage, at] != j:
                    seen_crossing[stage, at] = j
                    crossing_journeys[g, stage, at] += 1
                    only_later[g, stage, at] += later
            if stage < 0:
                arrivals[g, 1 + at, BEGAN] += 1
            if not has_entered[at]:
                arrivals[g, 1 + at, CAME_LATER] += i > place_event
                has_entered[at] = True
                entered_at[at] = now
                entered_event[at] = i
            for earlier in range(at):
                if has_entered[earlier] and not has_gone_on[earlier]:
                    has_gone_on[earlier] = True
                    took = now - entered_at[earlier]
                    time_cell[n_times] = g * (1 + n_stages) + 1 + earlier
                    time_us[n_times] = took
                    n_times += 1
                    slack = precision[entered_event[earlier]]
                    if not np.isnan(slack):
                        took -= np.int64(slack * 1_000_000)
                    if 0 <= within[earlier] < took:
                        late_journey[n_late] = j
                        late_stage[n_late] = earlier
                        late_event[n_late] = i
                        n_late += 1
            stage = at
        if has_reached[0]:
            patience = np.int64(rules.before_us)
            _count_row(
                counts[g],
                of_customer,
                0,
                reached_at[0],
                patience,
                place_event < 0,
                outcome,
                decided_at[j],
                horizon,
                data_end,
            )
        for s in range(n_stages):
            if has_entered[s]:
                ended, patience = s == place_stage, patience_us[s]
                _count_row(
                    counts[g],
                    of_customer,
                    1 + s,
                    entered_at[s],
                    patience,
                    ended,
                    outcome,
                    decided_at[j],
                    horizon,
                    data_end,
                )
        if outcome == DROPPED:
            dropouts[g, place, 1 + turns[j]] += 1
        for k in range(1 + n_cells):
            if has_reached[k] and k != place:
                patience = np.int64(rules.before_us) if k == 0 else patience_us[stages[k - 1]]
                if _is_mature(reached_at[k], patience, horizon, data_end):
                    places[g, k, WENT_ON] += 1
                    if outcome == CONVERTED:
                        places[g, k, WENT_ON_CONVERTED] += 1
    if n > 0:
        _close_customer(of_customer, clusters[group[n - 1]])
    conversions, value, value_squared, valued = _count_values(bounds, group, columns, judged, rules, sizes)
    return StageSums(
        counts,
        clusters,
        satisfaction,
        answered,
        arrivals,
        cell_events,
        cell_journeys,
        cell_failed,
        cell_satisfaction,
        cell_answered,
        crossings,
        crossing_journeys,
        later_crossings,
        later_journeys,
        only_later,
        places,
        dropouts,
        outcomes,
        customers,
        conversions,
        value,
        value_squared,
        valued,
        time_cell[:n_times].copy(),
        time_us[:n_times].copy(),
        late_journey[:n_late].copy(),
        late_stage[:n_late].copy(),
        late_event[:n_late].copy(),
    )


@inlined
def walk_cell(code, failed, stage, role, ignored, offsets, stages):
    """Give the cell of an event of the walk, -1 where it isn't on the map; deciding exits are never on it."""
    cell = -1
    if not is_ignored(code, ignored) and role_of(code, failed, role) <= GOAL:
        cell = cell_of(code, stage, offsets, stages)
    return cell


@inlined
def moves_journey(i, cell, stage, place_event, touchpoint, actor, stated, actor_codes, stages):
    """Say whether an event on the map moves the journey's place: the customer's do, and those leading on."""
    return cell >= 0 and (
        i == place_event
        or stages[cell] > stage
        or actor_of(touchpoint[i], actor[i], stated, actor_codes) == CUSTOMER
    )


@kernel
def starts_on_map(first, last, touchpoint, failed, role, ignored, offsets, stages):
    """Say whether the first event that counts is on the map."""
    for i in range(first, last):
        if not is_ignored(touchpoint[i], ignored):
            return walk_cell(touchpoint[i], failed[i], -1, role, ignored, offsets, stages) >= 0
    return False


@inlined
def _is_mature(entered, patience, horizon, data_end):
    """Say whether horizon and patience have passed since; patience that never ends counts as none."""
    return entered + horizon + max(patience, 0) <= data_end


@inlined
def _count_row(counts, of_customer, row, entered, patience, ended, outcome, decided_at, horizon, data_end):
    """Count a journey in a row that it entered, as having ended there or as having continued."""
    counts[row, ENTERED] += 1
    counts[row, ENDED + outcome if ended else CONTINUED] += 1
    if _is_mature(entered, patience, horizon, data_end):
        counts[row, MATURE] += 1
        of_customer[row, 1] += 1
        if ended and outcome == DROPPED and decided_at - entered <= horizon:
            counts[row, DROPPED_SOON] += 1
            of_customer[row, 0] += 1


@kernel
def _close_customer(of_customer, clusters):
    """Add the squares and the product of a customer's sums, and begin the next customer."""
    for row in range(len(of_customer)):
        dropped, mature = of_customer[row, 0], of_customer[row, 1]
        clusters[row, 0] += dropped * dropped
        clusters[row, 1] += dropped * mature
        clusters[row, 2] += mature * mature
        of_customer[row, :] = 0


@kernel
def _count_values(bounds, group, columns, judged, rules, sizes):
    """Add up the net value of conversions, journey by journey."""
    conversions = np.zeros(sizes.groups, np.int64)
    value = np.zeros((sizes.groups, sizes.currencies), np.float64)
    squared = np.zeros((sizes.groups, sizes.currencies), np.float64)
    valued = np.zeros((sizes.groups, sizes.currencies), np.int64)
    total = np.zeros(sizes.currencies, np.float64)
    has = np.zeros(sizes.currencies, np.bool_)
    outcomes, goals = judged.outcome, judged.decided_event
    values, currencies, last = columns.value, columns.currency, sizes.currencies - 1
    touchpoint, ignored = columns.touchpoint, rules.ignored
    for j in range(len(bounds) - 1):
        if outcomes[j] != CONVERTED:
            continue
        goal = goals[j]
        total[:] = 0.0
        has[:] = False
        any_value = False
        for i in range(bounds[j], bounds[j + 1]):
            if not _pays(i, goal, values, touchpoint, columns.failed, ignored):
                continue
            amount = values[i]
            currency = currencies[i] if currencies[i] >= 0 else last
            total[currency] += amount
            has[currency] = True
            any_value = True
        if any_value:
            g = group[j]
            conversions[g] += 1
            for u in range(sizes.currencies):
                if has[u]:
                    value[g, u] += total[u]
                    squared[g, u] += total[u] * total[u]
                    valued[g, u] += 1
    return conversions, value, squared, valued


@inlined
def _pays(i, goal, values, touchpoint, failed, ignored):
    """Say whether an event's value is part of a conversion's net value.

    That is the goal's, else the journey's up to it; less what was given back. What is ignored is no part of
    the journey, and what failed moved no money; what is earned after the goal is not this conversion's.
    """
    amount = values[i]
    pays = not (np.isnan(amount) or is_ignored(touchpoint[i], ignored) or failed[i] == 1)
    if pays and amount >= 0:
        pays = i == goal or (i < goal and np.isnan(values[goal]))
    return pays


@kernel
def paying_events(
    bounds: NDArray[np.int64], columns: Columns, judged: Judged, rules: WalkRules
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the events whose values make up the net value of conversions.

    Parameters
    ----------
    bounds, columns, judged, rules
        As for `count_stages`.

    Returns
    -------
    journey, event : int64[P]
        Numbers among those given, in the order of the events.
    """
    journey, event = np.empty(len(columns.value), np.int64), np.empty(len(columns.value), np.int64)
    n = 0
    for j in range(len(bounds) - 1):
        if judged.outcome[j] == CONVERTED:
            for i in range(bounds[j], bounds[j + 1]):
                goal = judged.decided_event[j]
                if _pays(i, goal, columns.value, columns.touchpoint, columns.failed, rules.ignored):
                    journey[n], event[n] = j, i
                    n += 1
    return journey[:n].copy(), event[:n].copy()
