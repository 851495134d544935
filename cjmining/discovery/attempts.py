"""The converted journeys of a log as plain arrays, and how their touchpoints lie to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.intended.rules import actor_codes
from cjmining.schema import ACTORS

if TYPE_CHECKING:
    from datetime import timedelta

    from numpy.typing import NDArray

    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

NEVER = np.iinfo(np.int32).max
"""The position of what does not occur."""


class Attempts(NamedTuple):
    """The events of converted journeys, each up to its first goal.

    `journey` numbers them from 0, ascending; the other arrays have a value an event: its touchpoint, channel
    (-1 none), actor (as in `schema.ACTORS`, -1 unknown) and time in microseconds.
    """

    number: int
    journey: Ints
    touchpoint: Codes
    channel: Codes
    actor: Codes
    time: Ints

    def take(self, kept: Flags) -> Attempts:
        """Return the same journeys with only the events that `kept` marks."""
        return Attempts(
            self.number,
            self.journey[kept],
            self.touchpoint[kept],
            self.channel[kept],
            self.actor[kept],
            self.time[kept],
        )

    def follows(self) -> Flags:
        """Say of each event but the last whether the next one belongs to the same journey."""
        together: Flags = self.journey[1:] == self.journey[:-1]
        return together

    def holding(self, size: int) -> Ints:
        """Return in how many journeys each of `size` touchpoints occurs."""
        return count_journeys(self.journey, self.touchpoint, size)


def converted(log: JourneyLog, goal: Sequence[int], patience: timedelta | None) -> Attempts:
    """Return the converted journeys of a log.

    Journeys that the log was split into, or that a source itself names, are taken as they are, each up to its
    first goal. What nobody has split yet (all that a customer ever did) is cut behind every goal, and before
    what the customer does after a silence longer than `patience`.
    """
    touchpoint = log.codes("touchpoint")
    reached = np.isin(touchpoint, goal) & (log.flags("failed") != 1)
    actor = _actors(log)
    begins = _begins(log, reached, actor, patience)
    attempt = np.cumsum(begins) - 1
    at = np.flatnonzero(reached)
    ends = np.full(int(attempt[-1]) + 1 if len(attempt) else 0, -1, dtype=np.int64)
    ends[attempt[at][::-1]] = at[::-1]  # the last to be written is the first goal of each
    kept = np.arange(log.n_events) <= ends[attempt]
    journey = (np.cumsum(ends >= 0) - 1)[attempt[kept]]
    return Attempts(
        int((ends >= 0).sum()),
        journey.astype(np.int64),
        touchpoint[kept],
        log.codes("channel")[kept],
        actor[kept],
        log.timestamps[kept],
    )


def longest_silences(attempts: Attempts) -> Ints:
    """Return each journey's longest silence of the customer, in microseconds; the goal ends the last."""
    last = np.append(~attempts.follows(), True)
    heard = (attempts.actor == ACTORS.index("customer")) | last
    journey, time = attempts.journey[heard], attempts.time[heard]
    longest = np.zeros(attempts.number, dtype=np.int64)
    inside = journey[1:] == journey[:-1]
    np.maximum.at(longest, journey[1:][inside], np.diff(time)[inside])
    return longest


def first_positions(attempts: Attempts, size: int) -> Codes:
    """Return where each touchpoint first occurs in each journey, shape (journeys, size); NEVER where not."""
    positions = np.full((attempts.number, size), NEVER, dtype=np.int32)
    cell, first = np.unique(attempts.journey * size + attempts.touchpoint, return_index=True)
    begins = np.searchsorted(attempts.journey, np.arange(attempts.number))
    positions.reshape(-1)[cell] = first - begins[cell // size]
    return positions


def precedence(positions: Codes) -> Ints:
    """Return in how many journeys the first of one (row) comes before the first of another (column)."""
    size = positions.shape[1]
    before = np.zeros((size, size), dtype=np.int64)
    for one in range(size):
        mine = positions[:, one, None]
        before[one] = ((mine < positions) & (positions != NEVER)).sum(axis=0)
    return before


def mean_places(positions: Codes) -> Floats:
    """Return how far into their journeys touchpoints first occur on average: 0 first, 1 last."""
    present = positions != NEVER
    rank = np.argsort(np.argsort(positions, axis=1, kind="stable"), axis=1, kind="stable")
    of = np.maximum(present.sum(axis=1) - 1, 1)[:, None]
    total = np.where(present, rank / of, 0.0).sum(axis=0)
    places: Floats = total / np.maximum(present.sum(axis=0), 1)
    return places


def count_journeys(journey: Ints, what: NDArray[np.integer], size: int) -> Ints:
    """Return for each of `size` things in how many journeys it occurs."""
    cells = np.unique(journey * size + what)
    counts: Ints = np.bincount(cells % size, minlength=size) if size else np.zeros(0, dtype=np.int64)
    return counts


def _begins(log: JourneyLog, reached: Flags, actor: Codes, patience: timedelta | None) -> Flags:
    """Say of each event whether an attempt begins with it."""
    begins = np.zeros(log.n_events, dtype=np.bool_)
    begins[log.bounds[:-1]] = True
    if log.split_by is not None:
        return begins
    whole = log.event_journeys()
    again = np.zeros(log.n_events, dtype=np.bool_)
    again[1:] = reached[:-1]
    if patience is not None:
        again[_after_silence(log, whole, actor, patience)] = True
    return begins | (again & log.splittable[whole])


def _after_silence(log: JourneyLog, whole: Ints, actor: Codes, patience: timedelta) -> Ints:
    heard = np.flatnonzero(actor == ACTORS.index("customer"))
    time, journey = log.timestamps[heard], whole[heard]
    long = np.diff(time) > int(patience.total_seconds() * 1_000_000)
    late: Ints = heard[1:][long & (journey[1:] == journey[:-1])]
    return late


def _actors(log: JourneyLog) -> Codes:
    """Return the actor of each event as numbered in `schema.ACTORS`."""
    numbers = np.append(actor_codes(log.vocabulary("actor")), -1).astype(np.int32)
    return numbers[log.codes("actor")]
