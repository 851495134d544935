"""How long customers were silent and what ended each silence; and how many more will go on, by how long."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
# ruff: noqa: ANN001, ANN202, C901 -- numba infers the types of inner steps; a pass over events is one loop

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import inlined, kernel
from cjmining.kernels.outcomes import (
    CUSTOMER,
    EXIT_BY_CUSTOMER,
    GOAL,
    NO_ROLE,
    WalkRules,
    _decides_now,
    _patience_of,
    actor_of,
    cell_of,
    is_ignored,
    role_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

RUNNING, WENT_ON, BEGAN, MOVED, LEFT = range(5)
"""What ended a silence: nothing yet; the customer, at a touchpoint with which no journey begins, or at one
with which journeys may (or that isn't on the map); the company; an exit by the customer."""


class Silences(NamedTuple):
    """Silences of customers whose journey nothing had decided, a row a silence and place.

    A silence during which the company moves the journey to a later stage is two rows: it ends at one place
    and is under way when it comes to the other.

    Attributes
    ----------
    journey : int64[N]
        Position of the journey.
    stage : int32[N]
        The stage where the customer stands; -1 before the map.
    begun, ended : int64[N]
        From and to which length of the silence it was watched there, in microseconds; begun < ended.
    how : int8[N]
        What ended it: 0 nothing yet, 1 the customer went on, 2 the customer came back as one who begins,
        3 the company moved it on, 4 the customer left by an exit.
    room : int64[N]
        How long it could have been watched: from its start to the data end, in microseconds.
    """

    journey: NDArray[np.int64]
    stage: NDArray[np.int32]
    begun: NDArray[np.int64]
    ended: NDArray[np.int64]
    how: NDArray[np.int8]
    room: NDArray[np.int64]


@kernel
def find_silences(
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    timestamp: NDArray[np.int64],
    touchpoint: NDArray[np.int32],
    actor: NDArray[np.int32],
    failed: NDArray[np.int8],
    rules: WalkRules,
    data_end: int,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int8],
    NDArray[np.int64],
]:
    """Return the silences of journeys up to their decision, in the order of `Silences`.

    The walk is that of `outcomes.judge`: what decides there, decides here.

    Parameters
    ----------
    first, last : int64[J]
        Each journey's first event, and the one behind its last.
    timestamp, touchpoint, actor, failed, rules, data_end
        As for `outcomes.segment`; patience that is to be estimated stands in `rules` as -1.
    """
    most = (last - first).sum()
    journey, stage = np.empty(most, np.int64), np.empty(most, np.int32)
    begun, ended = np.empty(most, np.int64), np.empty(most, np.int64)
    how, room = np.empty(most, np.int8), np.empty(most, np.int64)
    n = 0
    role, ignored, stated, actor_codes = rules.role, rules.ignored, rules.actor, rules.actor_codes
    offsets, stages = rules.stage_offsets, rules.stages
    for j in range(len(first)):
        here, patience = np.int32(-1), np.int64(rules.before_us)
        waiting, decided = False, False
        since, came, now = np.int64(0), np.int64(0), np.int64(0)
        for i in range(first[j], last[j]):
            code = touchpoint[i]
            if is_ignored(code, ignored):
                continue
            if waiting and patience >= 0 and timestamp[i] >= max(since + patience, now):
                decided = True  # by a stated patience: such a place is not estimated, whatever ended it
                break
            now = timestamp[i]
            its_role = role_of(code, failed[i], role)
            if its_role > GOAL and _decides_now(
                i, last[j], GOAL, timestamp, touchpoint, failed, role, ignored
            ):
                continue  # a goal at the same time comes before the exit
            own = actor_of(code, actor[i], stated, actor_codes) == CUSTOMER
            cell = cell_of(code, here, offsets, stages)
            moves = its_role == NO_ROLE and cell >= 0 and (own or stages[cell] > here)
            if not (own or moves or its_role != NO_ROLE):
                continue
            if waiting and now > came:
                journey[n], stage[n], begun[n], ended[n] = j, here, came - since, now - since
                how[n] = _what_ended(its_role, own, cell >= 0 and not rules.entry[code])
                room[n] = data_end - since
                n += 1
            if its_role != NO_ROLE:
                decided = True
                break
            if moves:
                here, patience = stages[cell], _patience_of(code, offsets, stages, rules.patience_us)
            came = now
            if own:
                waiting, since = True, now
        too_late = patience >= 0 and max(since + patience, now) <= data_end
        if waiting and not (decided or too_late) and data_end > came:
            journey[n], stage[n], begun[n], ended[n] = j, here, came - since, data_end - since
            how[n], room[n] = RUNNING, data_end - since
            n += 1
    return (
        journey[:n].copy(),
        stage[:n].copy(),
        begun[:n].copy(),
        ended[:n].copy(),
        how[:n].copy(),
        room[:n].copy(),
    )


@inlined
def _what_ended(its_role, own, goes_on):
    """Say what ended a silence: a goal is going on, whoever brings it; a company's exit is its move."""
    if its_role == EXIT_BY_CUSTOMER:
        return np.int8(LEFT)
    if its_role != NO_ROLE:
        return np.int8(WENT_ON) if own and its_role == GOAL else np.int8(MOVED)
    if not own:
        return np.int8(MOVED)
    return np.int8(WENT_ON) if goes_on else np.int8(BEGAN)


_HOW_BITS = 3
_HOW = (1 << _HOW_BITS) - 1


def ends_of(ended: NDArray[np.int64], how: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return how long silences lasted and what ended each, as one number: by length, then by what ended it.

    Examples
    --------
    >>> ends_of(np.array([5, 2, 2]), np.array([RUNNING, MOVED, WENT_ON])).tolist()
    [40, 19, 17]
    """
    return (ended << _HOW_BITS) | how


def least_end(length: int) -> int:
    """Return the least of the numbers of `ends_of` that stand for silences of a length or longer."""
    return length << _HOW_BITS


def length_of(end: int) -> int:
    """Return how long a silence lasted, of its number of `ends_of`."""
    return end >> _HOW_BITS


_length_of = inlined(length_of)


@inlined
def _how_of(end):
    return end & _HOW


@inlined
def _times(row, by, weight):
    """Return how often a row counts: once where nobody is told apart."""
    return weight[by[row]] if len(by) > 0 else 1


@kernel
def expect_goings_on(
    ends: NDArray[np.int64],
    by: NDArray[np.int64],
    begun: NDArray[np.int64],
    begun_by: NDArray[np.int64],
    weight: NDArray[np.uint8],
    until: int,
) -> NDArray[np.float64]:
    """Return for how many silences each of those stands that went on, with those that still run.

    A silence that still runs is expected to go on as those did that lasted as long (redistributed to the
    right). The sum is the expected number of all that go on by `until`.

    Parameters
    ----------
    ends : int64[N]
        How long each silence lasted and what ended it, as from `ends_of`; ascending.
    by : int64[N] or int64[0]
        Row in `weight` of each; empty where each counts once.
    begun : int64[L]
        From which length those were watched that were not watched from their start, ascending.
    begun_by : int64[L] or int64[0]
        Row in `weight` of these; empty where each counts once.
    weight : uint8[C]
        How often each customer counts.
    until : int
        Longest length looked at.

    Returns
    -------
    float64[N]
        In the order of `ends`; 0 for what did not go on, or later than `until`.

    References
    ----------
    Efron (1967), the two sample problem with censored data: the product-limit estimate redistributes to the
    right. Turnbull (1976), doi:10.1111/j.2517-6161.1976.tb01597.x, for delayed entry.
    """
    n = len(ends)
    expected = np.zeros(n)
    at_risk, still_silent, running = 0.0, 1.0, 0.0
    for row in range(n):
        at_risk += _times(row, by, weight)
    for row in range(len(begun)):
        at_risk -= _times(row, begun_by, weight)
    i, k = 0, 0
    while i < n and _length_of(ends[i]) <= until:
        length = _length_of(ends[i])
        while k < len(begun) and begun[k] < length:
            at_risk += _times(k, begun_by, weight)
            k += 1
        over, cut_off = 0.0, 0.0
        after = i
        while after < n and _length_of(ends[after]) == length:
            if _how_of(ends[after]) == RUNNING:
                cut_off += _times(after, by, weight)
            else:
                over += _times(after, by, weight)
            after += 1
        if at_risk > 0:
            stands_for = 1 + still_silent * running / at_risk
            for row in range(i, after):
                how = _how_of(ends[row])
                if how in (WENT_ON, MOVED):
                    expected[row] = _times(row, by, weight) * stands_for
            still_silent *= 1 - over / at_risk
            if still_silent > 0:
                running += cut_off / still_silent
        at_risk -= over + cut_off
        i = after
    return expected


@kernel
def tail_share(
    expected: NDArray[np.float64],
    ends: NDArray[np.int64],
    by: NDArray[np.int64],
    weight: NDArray[np.uint8],
    journeys: float,
    until: int,
) -> NDArray[np.float64]:
    """Return which share of the returning journeys goes on only after each silence's length or later.

    Silences that went on stand for those too that came back as if to begin: these are taken to be as long.

    Parameters
    ----------
    expected : float64[N]
        From `expect_goings_on`, with `ends`, `by`, `weight` and `until` as there; the shares take its place.
    journeys : float
        How many returning journeys there are, each as often as its customer counts.

    Returns
    -------
    float64[N]
        `expected` itself: at most 1, never rising; NaN where nothing is to be expected.
    """
    n = len(ends)
    went_on, came_back, moved_on = 0.0, 0.0, 0.0
    last = 0
    while last < n and _length_of(ends[last]) <= until:
        how = _how_of(ends[last])
        if how == WENT_ON:
            went_on += _times(last, by, weight)
        elif how == BEGAN:
            came_back += _times(last, by, weight)
        elif how == MOVED:
            moved_on += _times(last, by, weight)
        last += 1
    alike = (went_on + came_back) / went_on if went_on > 0 else 0.0
    share = expected
    later = 0.0
    for row in range(last - 1, -1, -1):
        later += expected[row] * (alike if _how_of(ends[row]) == WENT_ON else 1.0)
        share[row] = later
    if later == 0 or journeys == 0:
        share[:] = np.nan
        return share
    for row in range(last):
        share[row] = min(share[row] / later * (alike * went_on + moved_on) / journeys, 1.0)
    return share


@kernel
def poisson_weights(customer: NDArray[np.int64], replicate: int) -> NDArray[np.uint8]:
    """Draw how often each customer counts in a replicate of a bootstrap, from a hash of both.

    The weights are Poisson with mean 1, so that customers need not know of each other, nor blocks.

    References
    ----------
    Hash: Steele, Lea, Flood (2014), doi:10.1145/2660193.2660195 (SplitMix64).
    """
    weight = np.empty(len(customer), np.uint8)
    for row in range(len(customer)):
        mixed = _mixed(_mixed(np.uint64(customer[row])) ^ np.uint64(replicate))
        left = (mixed >> np.uint64(11)) * (1.0 / (1 << 53))
        count, chance = 0, np.exp(-1.0)
        while left >= chance and count < 20:
            left -= chance
            count += 1
            chance /= count
        weight[row] = count
    return weight


@inlined
def _mixed(number):
    number = number + np.uint64(0x9E3779B97F4A7C15)
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))
