"""A semi-Markov chain of each group: the places journeys stand at, where they lead, and how long they last.

A state is a place of the map in one group: a stage, or a touchpoint where a change is about touchpoints. It
also knows whether the journey has come back to the stage, which promises were settled during the stay, and
which changes hold for it. Everything else about how a journey came is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.dropout.changes import DROP_OUT, PROMISE, SKIP
from cjmining.dropout.entries import CONVERTED, DROPPED, OPEN, TURNED_AWAY
from cjmining.dropout.visits import BROKEN, KEPT
from cjmining.engine.kept import in_lots
from cjmining.scratch import Held, Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from cjmining.conformance.promises import Promise
    from cjmining.dropout.changes import Change
    from cjmining.dropout.visits import VisitsRead

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

ENDS = (CONVERTED, DROPPED, TURNED_AWAY)
_NEARLY_ALL = 1 - 1e-12  # so that states from which nobody is known to have ended don't make it singular
_MOST_AT_ONCE = 500_000  # visits that are sorted by state together
_ROOM = 4_000_000  # numbers in the matrices of the replicates that are solved at once


@dataclass(frozen=True)
class Chain:
    """States, and where visits to them led; states are in order of their group.

    Attributes
    ----------
    groups : tuple of str
        The groups that have journeys.
    group, stage, again, label, mask : arrays, shape (S,)
        What each state is; `group` is the position in `groups`.
    visits : int64[S]
        How many visits there are to each.
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
    visits: Ints
    twin: Ints
    edge_from: Ints
    edge_to: Ints
    probability: Floats
    time: Floats
    start: Ints
    starts: Floats


def make_chain(visits: VisitsRead, replicates: int) -> Chain:
    """Find where visits led in the data and in each replicate.

    Parameters
    ----------
    visits : VisitsRead
        Where journeys stood.
    replicates : int
        Of the bootstrap over customers.
    """
    known, starts = visits.counts.states.key, visits.counts.starts
    group, place, again, label, mask = visits.of_states(known)
    ways = _where_they_lead(visits, replicates)
    attempt, after, state = visits.of_starts(starts.key)
    return Chain(
        groups=visits.groups.names,
        group=group,
        stage=visits.reader.stage_of[place],
        again=again.astype(np.bool_),
        label=label,
        mask=mask,
        visits=visits.counts.states.totals[:, 0],
        twin=_twins((known, label, mask), visits.sizes[4], visits.reader.digits),
        edge_from=ways.state,
        edge_to=ways.to,
        probability=ways.probability,
        time=ways.time,
        start=np.stack([attempt, after, np.searchsorted(known, state)], axis=1),
        starts=starts.totals.T,
    )


class _Ways(NamedTuple):
    """Ways from states, in order of these: `state` and `to` int64[E], the rest as in `Chain`."""

    state: Ints
    to: Ints
    probability: Floats
    time: Floats


def _where_they_lead(visits: VisitsRead, replicates: int) -> _Ways:
    """Estimate where the visits of each state lead, one state after the other."""
    from cjmining.kernels.semi_markov import where_visits_lead

    n, found = len(visits.counts.states.key), []
    sorted_visits = _sorted_by_state(visits)
    for state in range(n):
        of = sorted_visits.of(state)
        bounds = np.array([0, len(of.lasted)])
        lead = where_visits_lead(bounds, of.lasted, of.way, of.customer, len(of.ways), replicates)
        found.append(_Ways(np.full(len(of.ways), state), of.ways, *lead))
    state_of, to, probability, time = zip(*found, strict=True)
    return _Ways(*(np.concatenate(each, axis=-1) for each in (state_of, to, probability, time)))


def _sorted_by_state(visits: VisitsRead) -> _ByState:
    """Lay the visits of each state together, with the state or the end that each led to."""
    known = visits.counts.states.key
    n = len(known)
    found = _ByState(n, in_file=visits.reader.reading.log.memory_limit is not None)
    pieces = visits.kept.pieces("state", "lasted", "end", "customer")
    for key, lasted, end, customer in in_lots(pieces, _MOST_AT_ONCE):
        state = np.searchsorted(known, key)
        ended = np.where(end == OPEN, -1, n + end.astype(np.int64))
        to = np.where(end < 0, np.append(state[1:], 0)[: len(state)], ended)
        found.add(state, lasted, to, customer)
    return found


class _OfState(NamedTuple):
    """The visits to a state, ascending in how long they lasted.

    `way` is the position in `ways` of the state or end that each led to, -1 where it still lasts.
    """

    lasted: Ints
    way: NDArray[np.int32]
    customer: Ints
    ways: Ints


class _ByState:
    """Visits by their state, lot by lot in the log's order.

    Parameters
    ----------
    states : int
        How many there are.
    in_file : bool
        Whether they lie in temporary files: then those of one state are in memory at a time.
    """

    def __init__(self, states: int, *, in_file: bool) -> None:
        self._states = states
        self._kept = [Scratch(kind) if in_file else Held(kind) for kind in (np.int64, np.int32, np.int64)]
        self._bounds: list[Ints] = []

    def add(self, state: Ints, *values: NDArray[Any]) -> None:
        """Add a lot of visits: their states, how long they lasted, where they led and whose they are."""
        from cjmining.kernels.sums import order_of

        order = order_of(state)
        within = np.searchsorted(state[order], np.arange(self._states + 1))
        self._bounds.append(self._kept[0].size + within)
        for kept, each in zip(self._kept, values, strict=True):
            kept.add(each[order].astype(kept.dtype, copy=False))

    @cached_property
    def _columns(self) -> list[Any]:
        return [kept.column() for kept in self._kept]

    def of(self, state: int) -> _OfState:
        """Return the visits to a state. No column of theirs is held both as it lies and sorted."""
        lasted_of, to_of, customer_of = self._columns
        lots = [slice(*bounds[state : state + 2].tolist()) for bounds in self._bounds]
        seen = np.zeros(self._states + len(ENDS) + 1, np.bool_)
        for lot in lots:
            seen[to_of[lot]] = True
        seen[-1] = False  # those that still last
        way_of = np.where(seen, np.cumsum(seen) - 1, -1).astype(np.int32)
        lasted = np.concatenate([lasted_of[lot] for lot in lots])
        place = _places_in_order(lasted)
        lasted.sort()
        way, customer = np.empty(len(place), np.int32), np.empty(len(place), np.int64)
        before = 0
        for lot in lots:
            there = place[before : before + lot.stop - lot.start]
            way[there], customer[there] = way_of[to_of[lot]], customer_of[lot]
            before += len(there)
        return _OfState(lasted, way, customer, np.flatnonzero(seen))


def _places_in_order(values: Ints) -> NDArray[Any]:
    """Return the place of each value among all of them, ascending; equal ones stay as they lie."""
    order = np.argsort(values, kind="stable")
    place = np.empty(len(order), np.min_scalar_type(len(order)))
    place[order] = np.arange(len(order), dtype=place.dtype)
    return place


def _twins(states: tuple[Ints, Ints, Ints], masks: int, digits: tuple[tuple[int, Promise], ...]) -> Ints:
    """Return for each state the one with the promises of its changes kept; itself where there is none."""
    known, label, mask = states
    kept = label.copy()
    for digit, (change, _) in enumerate(digits):
        power = 3**digit
        broken = (label // power % 3 == BROKEN) & (mask >> change & 1 == 1)
        kept -= np.where(broken, power * (BROKEN - KEPT), 0)
    wanted = known - (label - kept) * masks
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
