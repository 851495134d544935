"""Journeys as visits to the states of a semi-Markov chain, and where such visits lead."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels._jit import kernel
from cjmining.kernels.bootstrap import poisson_weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]


class Marks(NamedTuple):
    """What happens to journeys, in order of journey and time.

    Attributes
    ----------
    journey, time, event : int64[M]
        Whose it is, when (microseconds), and the event that moves the journey.
    place, stage : int32[M]
        Where it moves the journey: a place, and its stage (-1 before the map). For what settles a promise -1,
        and the stage of the promise.
    label : int64[M]
        What the settled promise adds to the label of a visit: 3 to the power of its number if it was kept,
        twice that if it was broken; 0 for moves.
    """

    journey: Ints
    time: Ints
    event: Ints
    place: Codes
    stage: Codes
    label: Ints


class VisitArrays(NamedTuple):
    """One row a visit, in order of journey and time.

    Attributes
    ----------
    journey, event, since : int64[V]
        Whose visit it is, the event that moved the journey to the place, when the visit began.
    place, stage : int32[V]
        Where it is.
    again : bool[V]
        Whether the journey had been in the stage before and has come back.
    label : int64[V]
        Promises of the stage settled so far in this stay, each by its first: digits of base 3.
    """

    journey: Ints
    event: Ints
    since: Ints
    place: Codes
    stage: Codes
    again: NDArray[np.bool_]
    label: Ints


@kernel
def visits_of(marks: Marks, n_stages: int) -> VisitArrays:
    """Turn marks into visits: a move to another place, or a promise settled, begins the next.

    Parameters
    ----------
    marks : Marks
        Each journey's first is a move.
    n_stages : int
        How many stages the map has.
    """
    room = len(marks.journey)
    chosen = np.empty(room, np.int64)
    event, label = np.empty(room, np.int64), np.empty(room, np.int64)
    place, stage = np.empty(room, np.int32), np.empty(room, np.int32)
    again = np.empty(room, np.bool_)
    seen = np.zeros(1 + n_stages, np.bool_)
    n = 0
    for i in range(room):
        begins = i == 0 or marks.journey[i] != marks.journey[i - 1]
        if begins:
            seen[:] = False
        if marks.place[i] >= 0:
            at, here = marks.place[i], marks.stage[i]
            if not begins and at == place[n - 1]:
                continue
            moved = begins or here != stage[n - 1]
            chosen[n], event[n], place[n], stage[n] = i, marks.event[i], at, here
            again[n] = seen[1 + here] if moved else again[n - 1]
            label[n] = 0 if moved else label[n - 1]
            seen[1 + here] = True
            n += 1
        elif not begins and marks.stage[i] == stage[n - 1]:
            digit = marks.label[i]
            power = 1
            while digit >= 3 * power:
                power *= 3
            if label[n - 1] // power % 3:
                continue
            chosen[n], event[n], place[n], stage[n] = i, event[n - 1], place[n - 1], stage[n - 1]
            again[n], label[n] = again[n - 1], label[n - 1] + digit
            n += 1
    chosen = chosen[:n]
    return VisitArrays(
        marks.journey[chosen],
        event[:n].copy(),
        marks.time[chosen],
        place[:n].copy(),
        stage[:n].copy(),
        again[:n].copy(),
        label[:n].copy(),
    )


@kernel
def where_visits_lead(
    offsets: Ints, lasted: Ints, edge: Codes, customer: Ints, n_edges: int, replicates: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate where the visits of each state lead, by Aalen-Johansen over the time since they began.

    Visits that still last when the data ends count for as long as they were seen. Ties are exact: at one
    time all visits that end there, and those seen no longer, are still there.

    Parameters
    ----------
    offsets : int64[S + 1]
        Bounds of the states over the visits.
    lasted : int64[V]
        How long each visit was seen, ascending within a state.
    edge : int32[V]
        Which way it ended; -1 where it still lasts.
    customer : int64[V]
        Whose it is.
    n_edges, replicates : int
        How many ways there are, each of one state; how many replicates of the bootstrap.

    Returns
    -------
    probability : float64[1 + replicates, n_edges]
        That a visit of the state ends so; row 0 is the data's. Those of a state add up to less than 1 where
        the longest visit still lasts.
    time : float64[n_edges]
        The data's, each end times how long such visits lasted.

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5, 141-150.
    """
    probability = np.zeros((1 + replicates, n_edges), np.float64)
    time = np.zeros(n_edges, np.float64)
    weight = np.empty(len(lasted), np.int8)
    for replicate in range(1 + replicates):
        for state in range(len(offsets) - 1):
            first, last = offsets[state], offsets[state + 1]
            there = 0
            for i in range(first, last):
                weight[i] = poisson_weight(customer[i], replicate)
                there += weight[i]
            staying = 1.0
            i = first
            while i < last and there > 0:
                share, now = staying / there, lasted[i]
                ended, gone = 0, 0
                while i < last and lasted[i] == now:
                    gone += weight[i]
                    if edge[i] >= 0:
                        ended += weight[i]
                        probability[replicate, edge[i]] += share * weight[i]
                        if replicate == 0:
                            time[edge[i]] += share * now
                    i += 1
                staying -= share * ended
                there -= gone
    return probability, time
