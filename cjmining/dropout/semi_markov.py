"""A semi-Markov chain of each group: the places journeys stand at, where they lead, and how long they last.

A state is a place of the map in one group: a stage, or a touchpoint where a change is about touchpoints. It
also knows whether the journey has come back to the stage, which promises were settled during the stay, and
which changes hold for it. Everything else about how a journey came is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cjmining.conformance.promises import observe, promises_of
from cjmining.conformance.reading import judge_part
from cjmining.conformance.walk import Walk
from cjmining.dropout.changes import DROP_OUT, PROMISE, SKIP
from cjmining.dropout.entries import CONVERTED, DROPPED, OPEN, TURNED_AWAY
from cjmining.dropout.segments import segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.conformance.promises import Promise
    from cjmining.conformance.reading import Part, Reading
    from cjmining.dropout.changes import Change
    from cjmining.kernels.semi_markov import Marks, VisitArrays

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

ENDS = (CONVERTED, DROPPED, TURNED_AWAY)
_KEPT, _BROKEN = 1, 2
_NEARLY_ALL = 1 - 1e-12  # so that states from which nobody is known to have ended don't make it singular
_MOST_ATTEMPTS = 8  # of a customer, one after the other; further ones are taken as given
_ROOM = 4_000_000  # numbers in the matrices of the replicates that are solved at once


@dataclass(frozen=True)
class Visits:
    """The visits of all journeys, in order of journey and time.

    Attributes
    ----------
    journey, event, since, place, stage, again, label
        As in `kernels.semi_markov.VisitArrays`; numbers are the log's.
    mask : int64[V]
        The changes that hold for each visit, a bit each.
    lasted : int64[V]
        Microseconds until the next visit, the end, or the end of the data.
    last : bool[V]
        Whether it is the journey's last.
    digits : tuple of (int, Promise)
        Number of the change, and the promise, of each digit of the labels.
    outcome : int8[J]
        How each journey of the log ended.
    """

    journey: Ints
    event: Ints
    since: Ints
    place: NDArray[np.int32]
    stage: NDArray[np.int32]
    again: Bools
    label: Ints
    mask: Ints
    lasted: Ints
    last: Bools
    digits: tuple[tuple[int, Promise], ...]
    outcome: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.journey)

    def broken(self, change: int) -> Bools:
        """Say in which visits a promise of a change has been broken."""
        found = np.zeros(len(self), np.bool_)
        for digit, (number, _) in enumerate(self.digits):
            if number == change:
                found |= self.label // 3**digit % 3 == _BROKEN
        return found


def read_visits(check: Conformance, reading: Reading, changes: Sequence[Change]) -> Visits:
    """Read where journeys stood, one after the other, as finely as the changes ask for."""
    from cjmining.kernels.semi_markov import Marks, visits_of

    digits = tuple((number, p) for number, change in enumerate(changes) for p in change.promises)
    told_apart = {stage for change in changes for stage in change.by_touchpoint}
    parts = reading.map_parts(lambda part: _marks(part, [p for _, p in digits], told_apart))
    marks = [part[0] for part in parts]
    columns: list[Any] = [np.concatenate([getattr(each, name) for each in marks]) for name in Marks._fields]
    if len(reading.plans) > 1:
        order = np.argsort(columns[0], kind="stable")
        columns = [column[order] for column in columns]
    outcome = np.empty(len(reading.customer), np.int8)
    ended_at = np.empty(len(reading.customer), np.int64)
    for _, numbers, how, when in parts:
        outcome[numbers], ended_at[numbers] = how, when
    found = visits_of(Marks(*columns), len(reading.plan.intended.stages))
    last = np.append(found.journey[1:] != found.journey[:-1], True)[: len(found.journey)]
    until = np.where(last, ended_at[found.journey], np.append(found.since[1:], 0)[: len(last)])
    return Visits(
        journey=found.journey,
        event=found.event,
        since=found.since,
        place=found.place,
        stage=found.stage,
        again=found.again,
        label=found.label,
        mask=_masks(check, reading, found, changes),
        lasted=np.maximum(until - found.since, 0),
        last=last,
        digits=digits,
        outcome=outcome,
    )


def _marks(
    part: Part, promises: Sequence[Promise], told_apart: set[int]
) -> tuple[Marks, Ints, NDArray[np.int8], Ints]:
    """Return what happens to the journeys of a part; their numbers, outcomes and ends.

    At one time events keep their order; what an event settles at once follows on it, what else is settled
    then on all of them.
    """
    from cjmining.kernels.semi_markov import Marks

    judged = judge_part(part)
    walk = Walk(part, judged)
    rows = [_before(walk), _moves(walk, told_apart)]
    rows += [_settlements(walk, promise, digit) for digit, promise in enumerate(promises)]
    journey, time, event, place, stage, label = (np.concatenate(each) for each in zip(*rows, strict=True))
    settles = place < 0
    at_once = ~settles | (part.columns.timestamp[event] == time)
    order = np.lexsort((label, settles, event, ~at_once, time, journey))
    journey, event = part.journey_numbers[journey[order]], part.event_numbers[event[order]]
    return (
        Marks(
            journey,
            time[order],
            event,
            place[order].astype(np.int32),
            stage[order].astype(np.int32),
            label[order],
        ),
        part.journey_numbers,
        judged.outcome,
        judged.decided_at,
    )


def _before(walk: Walk) -> tuple[Ints, ...]:
    """Return the journeys whose first event that counts is not on the map: they begin before it."""
    part, located = walk.part, walk.located
    ignored = np.append(part.plan.rules.ignored, False)[part.columns.touchpoint]
    counts = np.flatnonzero(~ignored)
    first = np.append(counts, -1)[np.searchsorted(counts, part.bounds[:-1])]
    none = (first < 0) | (first >= part.bounds[1:])
    on_map = ~none & (located.cell[first] >= 0) & (first <= walk.judged.place_event)
    journey = np.flatnonzero(~on_map)
    event = part.bounds[journey]
    nothing = np.zeros(len(journey), np.int64)
    return journey, part.columns.timestamp[event], event, nothing, nothing - 1, nothing


def _moves(walk: Walk, told_apart: set[int]) -> tuple[Ints, ...]:
    """Return the events that move journeys, up to their place: to a stage, or a touchpoint of it."""
    part, located = walk.part, walk.located
    event = np.flatnonzero(located.moves & (located.cell >= 0))
    event = event[event <= walk.judged.place_event[walk.journey[event]]]
    cell = located.cell[event]
    stage = part.plan.rules.stages[cell].astype(np.int64)
    by_touchpoint = np.isin(stage, list(told_apart))
    n_stages = len(part.plan.intended.stages)
    place = 1 + np.where(by_touchpoint, n_stages + part.plan.own_cells[cell], stage)
    return walk.journey[event], part.columns.timestamp[event], event, place, stage, np.zeros_like(stage)


def _settlements(walk: Walk, promise: Promise, digit: int) -> tuple[Ints, ...]:
    """Return when a promise was kept or broken in journeys that were still under way."""
    if promise not in promises_of(walk.part.plan.intended):
        nothing = np.zeros(0, np.int64)
        return (nothing,) * 6
    seen = observe(walk, promise)
    journey = walk.journey[seen.about]
    judged = walk.judged
    started = walk.part.columns.timestamp[seen.about]
    under_way = (judged.decided_at[journey] > seen.settled) & (seen.settled >= started)
    journey, settled, kept = journey[under_way], seen.settled[under_way], seen.kept[under_way]
    label = np.where(kept, _KEPT, _BROKEN) * 3**digit
    nothing = np.full(len(journey), -1)
    stage = np.full(len(journey), promise.stage)
    return journey, settled, seen.about[under_way], nothing, stage, label


def _masks(check: Conformance, reading: Reading, found: VisitArrays, changes: Sequence[Change]) -> Ints:
    """Say which changes hold for each visit: at the place, with what is known as it is entered."""
    mask = np.zeros(len(found.journey), np.int64)
    for number, change in enumerate(changes):
        holds = np.isin(found.place, _places(reading, change))
        for name, values in change.where:
            of = segment(check, found, name, when="entry")
            holds &= np.isin(of.codes, [code for code, word in enumerate(of.names) if word in values])
        mask[holds] |= 1 << number
    return mask


def _places(reading: Reading, change: Change) -> list[int]:
    """Return the places that a change is about; a stage's own touchpoints are among them."""
    plan = reading.plan
    n_stages = len(plan.intended.stages)
    cells = list(zip(plan.cells.stage.tolist(), plan.cells.touchpoint.tolist(), strict=True))
    named = [(stage, plan.labels[code]) for stage, code in cells]
    found = []
    for stage, touchpoint in (*change.cells, *((promise.stage, "") for promise in change.promises)):
        if not touchpoint:
            found.append(1 + stage)
        of = [k for k, (at, name) in enumerate(named) if at == stage and touchpoint in ("", name)]
        found += [1 + n_stages + k for k in of]
    return found


@dataclass(frozen=True)
class Chain:
    """States, and where visits to them led; states are in order of their group.

    Attributes
    ----------
    groups : tuple of str
        The groups that have journeys.
    group, stage, again, label, mask : arrays, shape (S,)
        What each state is; `group` is the position in `groups`.
    twin : int64[S]
        The same state with the broken promises of changes kept; the state itself where nothing changes.
    edge_from, edge_to : int64[E]
        Where the ways lead from and to: a state, or S + 0, 1, 2 for converted, dropped, turned away.
    probability, time : float64[1 + R, E], float64[E]
        See `kernels.semi_markov.where_visits_lead`; row 0 is the data's.
    start : int64[B, 3]
        Ways in which journeys began: which attempt of the customer (from 0), after what (0: the first, or
        given; after one that converted, dropped, was turned away), and the state.
    starts : float64[1 + R, B]
        How many journeys began in each of these ways.
    """

    groups: tuple[str, ...]
    group: Ints
    stage: Ints
    again: Bools
    label: Ints
    mask: Ints
    twin: Ints
    edge_from: Ints
    edge_to: Ints
    probability: Floats
    time: Floats
    start: Ints
    starts: Floats


def make_chain(
    reading: Reading, visits: Visits, of_journey: Ints, groups: Sequence[str], replicates: int
) -> tuple[Chain, Ints]:
    """Count where visits led and resample customers; also return the state of each visit.

    Parameters
    ----------
    reading : Reading
        Whose visits they are.
    visits : Visits
        Where journeys stood.
    of_journey, groups
        Position of each journey's group, and the groups' names; each has journeys.
    replicates : int
        Of the bootstrap over customers.
    """
    from cjmining.kernels.bootstrap import weighted_sums
    from cjmining.kernels.semi_markov import where_visits_lead

    parts = (
        of_journey[visits.journey],
        visits.place.astype(np.int64),
        visits.again.astype(np.int64),
        visits.label,
        visits.mask,
    )
    sizes = [1 + int(each.max(initial=0)) for each in parts]
    known, state = np.unique(np.ravel_multi_index(parts, sizes), return_inverse=True)
    group, place, again, label, mask = np.unravel_index(known, sizes)
    n, customer = len(known), reading.customer[visits.journey]
    outcome = visits.outcome[visits.journey].astype(np.int64)
    to = np.where(visits.last, n + outcome, np.append(state[1:], 0)[: len(state)])
    open_ = visits.last & (outcome == OPEN)
    ways, edge = np.unique(state * (n + len(ENDS)) + np.where(open_, 0, to), return_inverse=True)
    ways, edge = _only_seen(ways, edge, open_)
    order = np.lexsort((visits.lasted, state))
    probability, time = where_visits_lead(
        np.searchsorted(state[order], np.arange(n + 1)),
        visits.lasted[order],
        edge[order],
        customer[order],
        len(ways),
        replicates,
    )
    attempt, after, first = _attempts(reading, visits, of_journey)
    began, which = np.unique((attempt * 4 + after) * n + state[first], return_inverse=True)
    starts = weighted_sums(customer[first], which, np.ones(len(first)), len(began), replicates)
    stage_of = np.zeros(sizes[1], np.int64)
    stage_of[visits.place] = visits.stage
    edge_from, edge_to = np.divmod(ways, n + len(ENDS))
    chain = Chain(
        groups=tuple(groups),
        group=group,
        stage=stage_of[place],
        again=again.astype(np.bool_),
        label=label,
        mask=mask,
        twin=_twins((known, label, mask), sizes, visits.digits),
        edge_from=edge_from,
        edge_to=edge_to,
        probability=probability,
        time=time,
        start=np.stack([began // (4 * n), began // n % 4, began % n], axis=1),
        starts=starts,
    )
    return chain, state


def _only_seen(ways: Ints, edge: Ints, open_: Bools) -> tuple[Ints, Ints]:
    """Leave out what stands for visits that still last: they lead nowhere yet, -1."""
    used, renumbered = np.unique(edge[~open_], return_inverse=True)
    seen = np.full(len(edge), -1, np.int64)
    seen[~open_] = renumbered
    return ways[used], seen


def _attempts(reading: Reading, visits: Visits, of_journey: Ints) -> tuple[Ints, Ints, Ints]:
    """Say which attempt each journey is (from 0), after what it began, and which visit is its first.

    0 stands for a customer's first journey, for one that began beside another or after another group's, and
    for those beyond the number of attempts that is followed.
    """
    last = np.flatnonzero(visits.last)
    first = np.append(0, last[:-1] + 1)[: len(last)]
    # A source's own cases lie by their names, not by when they began.
    order = np.lexsort((visits.since[first], reading.customer[visits.journey[first]]))
    first, last = first[order], last[order]
    journey, number = visits.journey[first], np.arange(len(last))
    before = np.maximum(number - 1, 0)
    follows = number > 0
    follows &= reading.customer[journey[before]] == reading.customer[journey]
    follows &= of_journey[journey[before]] == of_journey[journey]
    follows &= visits.since[first] >= (visits.since + visits.lasted)[last[before]]
    outcome = visits.outcome[journey[before]].astype(np.int64)
    follows &= outcome != OPEN
    attempt = number - np.maximum.accumulate(np.where(follows, 0, number))
    followed = follows & (attempt < _MOST_ATTEMPTS)
    return np.where(followed, attempt, 0), np.where(followed, 1 + outcome, 0), first


def _twins(
    states: tuple[Ints, Ints, Ints], sizes: list[int], digits: tuple[tuple[int, Promise], ...]
) -> Ints:
    """Return for each state the one with the promises of its changes kept; itself where there is none."""
    known, label, mask = states
    kept = label.copy()
    for digit, (change, _) in enumerate(digits):
        power = 3**digit
        broken = (label // power % 3 == _BROKEN) & (mask >> change & 1 == 1)
        kept -= np.where(broken, power * (_BROKEN - _KEPT), 0)
    wanted = known - (label - kept) * sizes[4]
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, np.arange(len(known)))


@dataclass(frozen=True)
class Solved:
    """What becomes of a group's journeys, as it is and with the changes; the first axis is the replicates.

    Attributes
    ----------
    ends, ends_directly, ends_after : float64[1 + R, 3]
        Journeys that end as converted, dropped, turned away in the long run: as it is; with the changes, were
        the same journeys begun; with the changes and the journeys that customers begin after them.
    journeys, journeys_after : float64[1 + R]
        Journeys begun.
    visits, visits_after : float64[S]
        Visits to the group's states, in the data.
    to, to_after : float64[S, S + 3]
        Where they lead.
    begun, begun_after : float64[S]
        Journeys that begin there.
    goal_s, goal_s_after : float
        Mean seconds from a journey's begin to its goal.
    states : int64[S]
        Numbers of the group's states in the chain.
    """

    ends: Floats
    ends_directly: Floats
    ends_after: Floats
    journeys: Floats
    journeys_after: Floats
    visits: Floats
    visits_after: Floats
    to: Floats
    to_after: Floats
    begun: Floats
    begun_after: Floats
    goal_s: float
    goal_s_after: float
    states: Ints


def solve(chain: Chain, changes: Sequence[Change]) -> list[Solved]:
    """Follow each group's journeys through its chain, as it is and with the changes.

    The customers' first journeys are given. Those that they begin again are not: each way to end is followed
    by as many new journeys as in the data, so that a customer kept is not also one who comes back.
    """
    return [_solve_group(chain, changes, number) for number in range(len(chain.groups))]


def _solve_group(chain: Chain, changes: Sequence[Change], number: int) -> Solved:
    group = _Group(chain, changes, number)
    chunks = [_follow(group, rows) for rows in _chunks(chain.probability.shape[0], len(group.states))]
    ends, directly, after, journeys, journeys_after = (
        np.concatenate(each) for each in zip(*chunks, strict=True)
    )
    data = slice(0, 1)
    to, to_after = group.leads_to(data), group.leads_to(data, changed=True)
    starts = group.starts(data)
    begun = starts.sum(axis=(1, 2))
    begun_after = _begun(starts, _absorbed(to), _absorbed(to_after))
    return Solved(
        ends=ends,
        ends_directly=directly,
        ends_after=after,
        journeys=journeys,
        journeys_after=journeys_after,
        visits=_visits(begun[0], to[0]),
        visits_after=_visits(begun_after[0], to_after[0]),
        to=to[0],
        to_after=to_after[0],
        begun=begun[0],
        begun_after=begun_after[0],
        goal_s=_mean_time(begun[0], to[0], group.times()),
        goal_s_after=_mean_time(begun_after[0], to_after[0], group.times(changed=True)),
        states=group.states,
    )


def _chunks(replicates: int, n: int) -> Iterator[slice]:
    step = max(1, _ROOM // max(1, n * (n + len(ENDS))))
    for first in range(0, replicates, step):
        yield slice(first, min(first + step, replicates))


def _follow(group: _Group, rows: slice) -> tuple[Floats, ...]:
    """Return ends (as it is, directly, after) and journeys (as it is, after) of some replicates."""
    starts = group.starts(rows)
    as_is, changed = (_absorbed(group.leads_to(rows, changed=which)) for which in (False, True))
    begun, begun_after = starts.sum(axis=(1, 2)), _begun(starts, as_is, changed)
    return (
        _ends(begun, as_is),
        _ends(begun, changed),
        _ends(begun_after, changed),
        begun.sum(axis=1),
        begun_after.sum(axis=1),
    )


def _begun(starts: Floats, as_is: Floats, changed: Floats) -> Floats:
    """Return where journeys begin with the changes, float64[R, S].

    Each way to end is followed by as many attempts as it was in the data: as begun after it, of those that
    end so as it is.
    """
    now = starts[:, 0, 0]
    total = now.copy()
    for attempt in range(1, starts.shape[1]):
        ended = _ends(starts[:, attempt - 1].sum(axis=1), as_is)
        ends = _ends(now, changed)
        share = np.divide(ends, ended, out=np.zeros_like(ends), where=ended > 0)
        now = starts[:, attempt, 0] + np.einsum("re,res->rs", share, starts[:, attempt, 1:])
        total += now
    return total


def _ends(begun: Floats, absorbed: Floats) -> Floats:
    found: Floats = np.einsum("rs,rse->re", begun, absorbed)
    return found


def _absorbed(to: Floats) -> Floats:
    """Return for each state the probabilities of the three ends."""
    n = to.shape[1]
    return np.linalg.solve(np.eye(n) - _NEARLY_ALL * to[:, :, :n], to[:, :, n:]).astype(np.float64)


def _visits(begun: Floats, to: Floats) -> Floats:
    n = len(begun)
    return np.linalg.solve(np.eye(n) - _NEARLY_ALL * to[:, :n].T, begun).astype(np.float64)


def _mean_time(begun: Floats, to: Floats, time: Floats) -> float:
    """Return the mean seconds to the goal of those who reach it.

    A visit takes as long as those of its state that ended alike, whatever follows.
    """
    n = len(begun)
    inner = np.linalg.inv(np.eye(n) - _NEARLY_ALL * to[:, :n])
    reaches = inner @ to[:, n + CONVERTED]
    taken = inner @ (time[:, :n] @ reaches + time[:, n + CONVERTED])
    converted = float(begun @ reaches)
    return float(begun @ taken) / converted if converted > 0 else float("nan")


class _Group:
    """The part of a chain that is one group's, as matrices."""

    def __init__(self, chain: Chain, changes: Sequence[Change], number: int) -> None:
        self.chain = chain
        self.states = np.flatnonzero(chain.group == number)
        self.first = int(self.states[0])
        self.edges = np.flatnonzero(chain.group[chain.edge_from] == number)
        self.ways = np.flatnonzero(chain.group[chain.start[:, 2]] == number)
        n = len(self.states)
        to = chain.edge_to[self.edges]
        end = to - len(chain.group)
        self.row = chain.edge_from[self.edges] - self.first
        self.column = np.where(end >= 0, n + end, to - self.first)
        self.twin = chain.twin[self.states] - self.first
        self.factors = np.ones((n, len(ENDS)))
        self.skipped = np.zeros(n, np.bool_)
        for bit, change in enumerate(changes):
            if change.kind == PROMISE:
                continue
            holds = chain.mask[self.states] >> bit & 1 == 1
            way = DROPPED if change.kind in (DROP_OUT, SKIP) else TURNED_AWAY
            self.factors[holds, way] = change.factor
            self.skipped |= holds & (change.kind == SKIP)

    def leads_to(self, rows: slice, *, changed: bool = False) -> Floats:
        """Return where visits lead, float64[R, S, S + 3]; each row of a state adds up to 1 or is empty.

        Where the longest visit still lasts, what is left goes as the others went.
        """
        to = self._matrix(self.chain.probability[rows])
        total = to.sum(axis=2, keepdims=True)
        to = np.divide(to, total, out=np.zeros_like(to), where=total > 0)
        return self._redirected(to * self._scale(to)) if changed else to

    def times(self, *, changed: bool = False) -> Floats:
        """Return the data's mean seconds of visits times the probability of their ends; float64[S, S + 3]."""
        to = self._matrix(self.chain.probability[:1])
        total = to.sum(axis=2, keepdims=True)
        time = self._matrix(self.chain.time[None]) / 1e6
        time = np.divide(time, total, out=np.zeros_like(time), where=total > 0)
        if changed:
            time = time * self._scale(self.leads_to(slice(0, 1)))
            time[:, self.skipped] = 0.0
            time = self._redirected(time)
        of_data: Floats = time[0]
        return of_data

    def starts(self, rows: slice) -> Floats:
        """Return how many journeys began, by attempt, after what, and state: float64[R, A, 4, S]."""
        chain = self.chain
        n, attempts = len(self.states), 1 + int(chain.start[self.ways, 0].max())
        found = np.zeros((len(chain.starts[rows]), attempts, 4, n))
        attempt, after, state = chain.start[self.ways].T
        found[:, attempt, after, state - self.first] = chain.starts[rows][:, self.ways]
        return found

    def _matrix(self, values: Floats) -> Floats:
        n = len(self.states)
        matrix = np.zeros((len(values), n, n + len(ENDS)))
        matrix[:, self.row, self.column] = values[:, self.edges]
        return matrix

    def _scale(self, to: Floats) -> Floats:
        """Return what each probability is multiplied by: its factor, and the rest so that 1 is left.

        Where nobody ended otherwise there is nobody whom those kept could be like: it stays as it is.
        """
        n = len(self.states)
        changes = self.factors < 1
        ends = to[:, :, n:]
        before = (ends * changes).sum(axis=2)
        rest = to.sum(axis=2) - before
        after = (ends * changes * self.factors).sum(axis=2)
        can = rest > 1e-12
        up = np.where(can, 1 + np.divide(before - after, rest, out=np.zeros_like(rest), where=can), 1.0)
        scale = np.repeat(up[:, :, None], to.shape[2], axis=2)
        scale[:, :, n:] = np.where(changes & can[..., None], self.factors, scale[:, :, n:])
        return scale

    def _redirected(self, matrix: Floats) -> Floats:
        """Let what leads to a state of a broken promise lead to the one where it was kept."""
        moved = np.flatnonzero(self.twin != np.arange(len(self.states)))
        for state in moved:
            matrix[:, :, self.twin[state]] += matrix[:, :, state]
            matrix[:, :, state] = 0.0
        return matrix
