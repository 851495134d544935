"""Where journeys begin, how they end and where on the map: one walk, used for both questions.

`segment` cuts each customer's events into journeys, `judge` says how each journey ended. Both follow the
same walk, so that a journey cut at a decision is later judged to have ended by it.
"""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN201, ANN202, C901 -- numba infers the types of inner steps; a pass over events is one loop

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONVERTED, DROPPED, TURNED_AWAY, OPEN = 0, 1, 2, 3
NO_ROLE, GOAL, EXIT_BY_CUSTOMER, EXIT_BY_COMPANY = 0, 1, 2, 3
CUSTOMER, COMPANY, SYSTEM = 0, 1, 2
STAYED_AWAY, RETURNED, WON_BACK = 0, 1, 2


class WalkRules(NamedTuple):
    """What a map says about the events of one log, by the log's touchpoint codes.

    Attributes
    ----------
    role : int8[T]
        0 none, 1 goal, 2 exit by the customer, 3 exit by the company.
    ignored : bool[T]
        The touchpoint is no part of the journey at all.
    actor : int8[T]
        -1 where the map states none (the event's own actor decides), 0 customer, 1 company, 2 system.
    stage_offsets : int32[T + 1]
        Where the stages of each touchpoint begin in `stages`.
    stages : int32[...]
        The stages that name the touchpoint, ascending.
    entry : bool[T]
        The touchpoint belongs to a stage in which journeys may begin.
    patience_us : int64[S]
        Patience of each stage in microseconds; -1 is never.
    before_us : int64
        Patience before the first touchpoint of the map; -1 is never.
    after_goal, after_exit, after_silence : bool
        What a new journey may follow.
    actor_codes : int8[A]
        The log's actor codes as 0 customer, 1 company, 2 system.
    leads_to : bool[S, S]
        Whether the map leads from the first stage on to the second, over `next` alone; never to itself.
    """

    role: NDArray[np.int8]
    ignored: NDArray[np.bool_]
    actor: NDArray[np.int8]
    stage_offsets: NDArray[np.int32]
    stages: NDArray[np.int32]
    entry: NDArray[np.bool_]
    patience_us: NDArray[np.int64]
    before_us: int
    after_goal: bool
    after_exit: bool
    after_silence: bool
    actor_codes: NDArray[np.int8]
    leads_to: NDArray[np.bool_]


@kernel
def segment(
    group_offsets: NDArray[np.int64],
    splittable: NDArray[np.bool_],
    timestamp: NDArray[np.int64],
    touchpoint: NDArray[np.int32],
    actor: NDArray[np.int32],
    failed: NDArray[np.int8],
    rules: WalkRules,
    data_end: int,
) -> NDArray[np.int64]:
    """Cut groups of events (one customer, one native journey) into journeys.

    Parameters
    ----------
    group_offsets : int64[G + 1]
        Bounds of the groups over the events.
    splittable : bool[G]
        False for journeys that the source itself gave: they stay whole.
    timestamp : int64[N]
        Microseconds since 1970, ascending within a group.
    touchpoint, actor : int32[N]
        Codes of the log's vocabularies.
    failed : int8[N]
        -1 unknown, 0 no, 1 yes.
    rules : WalkRules
        What the map says.
    data_end : int
        Microseconds since 1970 until which the log was observed.

    Returns
    -------
    int64[J + 1]
        Bounds of the journeys over the events.
    """
    n_groups = len(group_offsets) - 1
    starts = np.empty(group_offsets[n_groups] - group_offsets[0] + n_groups + 1, np.int64)
    n = 0
    for group in range(n_groups):
        first, last = group_offsets[group], group_offsets[group + 1]
        while first < last:
            starts[n] = first
            n += 1
            if not splittable[group]:
                break
            outcome, _, decided_event, _, _, _, stop = _walk(
                first, last, timestamp, touchpoint, actor, failed, rules, data_end
            )
            first = _next_start(stop, last, outcome, decided_event, touchpoint, actor, rules)
    starts[n] = group_offsets[n_groups]
    return starts[: n + 1].copy()


@kernel
def judge(
    bounds: NDArray[np.int64],
    timestamp: NDArray[np.int64],
    touchpoint: NDArray[np.int32],
    actor: NDArray[np.int32],
    failed: NDArray[np.int8],
    rules: WalkRules,
    data_end: int,
) -> tuple[
    NDArray[np.int8],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.int8],
]:
    """Say how each journey ended, when, and at which place of the map.

    Parameters
    ----------
    bounds : int64[J + 1]
        Bounds of the journeys over the events.
    timestamp, touchpoint, actor, failed, rules, data_end
        As for `segment`.

    Returns
    -------
    outcome : int8[J]
        0 converted, 1 dropped, 2 turned away, 3 open.
    decided_at : int64[J]
        The moment of the decision; `data_end` where open.
    decided_event : int64[J]
        The goal or exit that decided; -1 for silence and open journeys.
    place_event : int64[J]
        The event at which the journey stands on the map; -1 before the map.
    place_stage : int32[J]
        Its stage; -1 before the map.
    furthest_stage : int32[J]
        The latest stage of any on-map event, for converted journeys also after the goal.
    won_back : int8[J]
        What followed on losing the customer: 0 nothing, 1 returned, 2 converted.
    """
    n = len(bounds) - 1
    outcomes = np.empty(n, np.int8)
    decided_at = np.empty(n, np.int64)
    decided_event = np.empty(n, np.int64)
    place_event = np.empty(n, np.int64)
    place_stage = np.empty(n, np.int32)
    furthest_stage = np.empty(n, np.int32)
    won_back = np.zeros(n, np.int8)
    for j in range(n):
        first, last = bounds[j], bounds[j + 1]
        outcome, moment, deciding, place, stage, furthest, stop = _walk(
            first, last, timestamp, touchpoint, actor, failed, rules, data_end
        )
        if outcome == CONVERTED:
            furthest = _furthest_after(stop, last, stage, furthest, touchpoint, failed, rules)
        elif outcome != OPEN:
            won_back[j] = _won_back(stop, last, deciding, touchpoint, actor, failed, rules)
        outcomes[j] = outcome
        decided_at[j] = moment
        decided_event[j] = deciding
        place_event[j] = place
        place_stage[j] = stage
        furthest_stage[j] = furthest
    return outcomes, decided_at, decided_event, place_event, place_stage, furthest_stage, won_back


@kernel
def _walk(first, last, timestamp, touchpoint, actor, failed, rules, data_end):
    """Walk until the outcome is decided; `stop` is the first event that no longer counts."""
    role, ignored, stated, actor_codes = rules.role, rules.ignored, rules.actor, rules.actor_codes
    offsets, stages, patience_us = rules.stage_offsets, rules.stages, rules.patience_us
    place, stage, furthest = np.int64(-1), np.int32(-1), np.int32(-1)
    patience = np.int64(rules.before_us)
    waiting, silent_since, now = False, np.int64(0), np.int64(0)
    for i in range(first, last):
        code = touchpoint[i]
        if is_ignored(code, ignored):
            continue
        if waiting and patience >= 0:
            deadline = max(silent_since + patience, now)
            too_late = timestamp[i] > deadline or (
                timestamp[i] == deadline
                and not _decides_now(i, last, EXIT_BY_COMPANY, timestamp, touchpoint, failed, role, ignored)
            )
            if too_late:
                return DROPPED, deadline, np.int64(-1), place, stage, furthest, np.int64(i)
        now = timestamp[i]
        its_role = role_of(code, failed[i], role)
        if its_role == GOAL:
            cell = cell_of(code, stage, offsets, stages)
            if cell >= 0:
                stage = stages[cell]
                furthest = max(furthest, stage)
            return CONVERTED, now, np.int64(i), np.int64(i), stage, furthest, np.int64(i + 1)
        if its_role != NO_ROLE:
            if _decides_now(i, last, GOAL, timestamp, touchpoint, failed, role, ignored):
                continue  # a goal at the same time comes before the exit
            outcome = DROPPED if its_role == EXIT_BY_CUSTOMER else TURNED_AWAY
            return outcome, now, np.int64(i), place, stage, furthest, np.int64(i + 1)
        by_customer = actor_of(code, actor[i], stated, actor_codes) == CUSTOMER
        cell = cell_of(code, stage, offsets, stages)
        if cell >= 0:
            furthest = max(furthest, stages[cell])
            if by_customer or stages[cell] > stage:
                place, stage = np.int64(i), stages[cell]
                patience = _patience_of(code, offsets, stages, patience_us)
        if by_customer:
            waiting, silent_since = True, now
    if waiting and patience >= 0:
        deadline = max(silent_since + patience, now)
        if deadline <= data_end:
            return DROPPED, deadline, np.int64(-1), place, stage, furthest, np.int64(last)
    return OPEN, np.int64(data_end), np.int64(-1), place, stage, furthest, np.int64(last)


@inlined
def is_ignored(code, ignored):
    """Say whether the map leaves the touchpoint out of the journey."""
    return code >= 0 and ignored[code]


@inlined
def role_of(code, failed, role):
    """Say whether the event may decide as goal or exit; what failed decides nothing."""
    if code < 0 or failed == 1:
        return np.int8(NO_ROLE)
    return role[code]


@inlined
def actor_of(code, actor, stated, actor_codes):
    """Say who did the event: the map's word comes before the source's; unknown is the customer."""
    if code >= 0 and stated[code] >= 0:
        return stated[code]
    return actor_codes[actor] if actor >= 0 else np.int8(CUSTOMER)


@inlined
def cell_of(code, stage, offsets, stages):
    """Give the touchpoint's cell of the map (its position in `rules.stages`) from the current stage, or -1.

    Where several stages name it, the earliest that isn't before the current stage counts, else the latest.
    """
    found = -1
    if code >= 0:
        for cell in range(offsets[code], offsets[code + 1]):
            found = cell
            if stages[cell] >= stage:
                break
    return found


@inlined
def _patience_of(code, offsets, stages, patience_us):
    """Give the longest patience of the stages that name the touchpoint."""
    longest = np.int64(0)
    for cell in range(offsets[code], offsets[code + 1]):
        patience = patience_us[stages[cell]]
        longest = np.int64(-1) if min(patience, longest) < 0 else max(longest, patience)
    return longest


@kernel
def _decides_now(first, last, up_to_role, timestamp, touchpoint, failed, role, ignored):
    """Say whether a goal (or exit) is among the events from `first` on that have its time."""
    for i in range(first, last):
        if timestamp[i] != timestamp[first]:
            break
        if is_ignored(touchpoint[i], ignored):
            continue
        if NO_ROLE < role_of(touchpoint[i], failed[i], role) <= up_to_role:
            return True
    return False


@inlined
def _begins_anew(code, actor, after_decision, ignored, entry, stated, actor_codes):
    """Say whether the event begins a new attempt after silence, or after a goal or exit."""
    counts = not is_ignored(code, ignored) and actor_of(code, actor, stated, actor_codes) == CUSTOMER
    return counts and (not after_decision or (code >= 0 and entry[code]))


@kernel
def _next_start(stop, last, outcome, decided_event, touchpoint, actor, rules):
    """Find the event that begins the next journey; `last` where there is none."""
    ignored, entry, stated, actor_codes = rules.ignored, rules.entry, rules.actor, rules.actor_codes
    decided = decided_event >= 0
    if outcome == OPEN:
        return last
    if outcome == CONVERTED:
        allowed = rules.after_goal
    else:
        allowed = rules.after_exit if decided else rules.after_silence
    if allowed:
        for i in range(stop, last):
            if _begins_anew(touchpoint[i], actor[i], decided, ignored, entry, stated, actor_codes):
                return np.int64(i)
    return last


@kernel
def _furthest_after(stop, last, stage, furthest, touchpoint, failed, rules):
    """Count on-map events after the goal: they reach further only where the map goes on."""
    role, ignored, offsets, stages = rules.role, rules.ignored, rules.stage_offsets, rules.stages
    for i in range(stop, last):
        cell = after_goal_cell(
            touchpoint[i], failed[i], stage, role, ignored, offsets, stages, rules.leads_to
        )
        if cell >= 0:
            furthest = max(furthest, stages[cell])
    return furthest


@inlined
def after_goal_cell(code, failed, goal_stage, role, ignored, offsets, stages, leads_to):
    """Give the cell of an event after the goal, if the map plans its stage after the goal's, else -1.

    What the goal's own stage names lies there. Of several stages after it, one is chosen as in `cell_of`.
    """
    found = -1
    if code >= 0 and not is_ignored(code, ignored) and role_of(code, failed, role) <= GOAL:
        for cell in range(offsets[code], offsets[code + 1]):
            stage = stages[cell]
            if stage == goal_stage:
                found = -1
                break
            if goal_stage >= 0 and leads_to[goal_stage, stage]:
                found = cell
                if stage > goal_stage:
                    break
    return found


@kernel
def _won_back(stop, last, decided_event, touchpoint, actor, failed, rules):
    """Say what a lost customer did after the decision."""
    role, ignored, entry = rules.role, rules.ignored, rules.entry
    stated, actor_codes = rules.actor, rules.actor_codes
    found = STAYED_AWAY
    for i in range(stop, last):
        if is_ignored(touchpoint[i], ignored):
            continue
        if role_of(touchpoint[i], failed[i], role) == GOAL:
            return WON_BACK
        if _begins_anew(touchpoint[i], actor[i], decided_event >= 0, ignored, entry, stated, actor_codes):
            found = RETURNED
    return found
