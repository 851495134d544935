"""The converted journeys of a log as plain arrays, and how their touchpoints lie to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.engine.local import reduce_blocks
from cjmining.intended.rules import actor_codes
from cjmining.log import Block
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
    """The events of some converted journeys, each up to its first goal.

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


class Converted:
    """The converted journeys of a log, read block by block.

    Journeys that the log was split into, or that a source itself names, are taken as they are, each up to its
    first goal. What nobody has split yet (all that a customer ever did) is cut behind every goal, and before
    what the customer does after a silence longer than `patience`.

    What is read stays in memory where the log's events may; else each question reads the log again.
    """

    def __init__(self, log: JourneyLog, goal: Sequence[int], patience: timedelta | None) -> None:
        self._log, self._goal, self._patience = log, goal, patience
        self._splittable = log.splittable
        self._kept: dict[Block, Attempts] = {}

    def total(self, count: Callable[[Attempts], tuple[Ints, ...]]) -> tuple[Ints, ...]:
        """Add up what is counted of each block; arrays that end earlier count as zero beyond."""
        blocks = self._log.blocks() or [Block(0, 0, 0, 0)]
        return reduce_blocks(lambda block: count(self._of(block)), _added, blocks, engine=self._log.engine)

    def _of(self, block: Block) -> Attempts:
        if self._log.memory_limit is not None:
            return self._read(block)
        if block not in self._kept:
            self._kept[block] = self._read(block)
        return self._kept[block]

    def _read(self, block: Block) -> Attempts:
        log, events = self._log, block.events
        touchpoint, time = log.codes("touchpoint")[events], log.timestamps[events]
        reached = np.isin(touchpoint, self._goal) & (log.flags("failed")[events] != 1)
        actor = actor_numbers(log)[log.codes("actor")[events]]
        attempt = np.cumsum(self._begins(block, reached, actor, time)) - 1
        at = np.flatnonzero(reached)
        ends = np.full(int(attempt[-1]) + 1 if len(attempt) else 0, -1, dtype=np.int64)
        ends[attempt[at][::-1]] = at[::-1]  # the last to be written is the first goal of each
        kept = np.arange(len(attempt)) <= ends[attempt]
        journey = (np.cumsum(ends >= 0) - 1)[attempt[kept]].astype(np.int64)
        channel = log.codes("channel")[events][kept]
        return Attempts(int((ends >= 0).sum()), journey, touchpoint[kept], channel, actor[kept], time[kept])

    def _begins(self, block: Block, reached: Flags, actor: Codes, time: Ints) -> Flags:
        """Say of each event of a block whether an attempt begins with it."""
        bounds = block.own_bounds(self._log.bounds)
        begins = np.zeros(len(reached), dtype=np.bool_)
        begins[bounds[:-1]] = True
        if self._log.split_by is not None:
            return begins
        whole = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        again = np.zeros(len(reached), dtype=np.bool_)
        again[1:] = reached[:-1]
        if self._patience is not None:
            again[_after_silence(time, whole, actor, self._patience)] = True
        return begins | (again & self._splittable[block.journeys][whole])


def _added(counted: Sequence[tuple[Ints, ...]]) -> tuple[Ints, ...]:
    return tuple(map(_sum, zip(*counted, strict=True)))


def _sum(arrays: Sequence[Ints]) -> Ints:
    total = np.zeros_like(max(arrays, key=len))
    for array in arrays:
        total[: len(array)] += array
    return total


def longest_silences(attempts: Attempts) -> Ints:
    """Return each journey's longest silence of the customer, in microseconds; the goal ends the last."""
    last = np.append(~attempts.follows(), True)[: len(attempts.journey)]
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


def ranks(positions: Codes) -> Ints:
    """Return how many others come before each touchpoint, summed up by how many others there are.

    Row k has the sums over journeys with k touchpoints besides: whole numbers, so that they are the same
    however the journeys are cut into blocks.
    """
    size = positions.shape[1]
    present = positions != NEVER
    rank = np.argsort(np.argsort(positions, axis=1, kind="stable"), axis=1, kind="stable")
    others = np.maximum(present.sum(axis=1) - 1, 0)
    sums = np.zeros((size, size), dtype=np.int64)
    for number in np.unique(others).tolist():
        mine = others == number
        sums[number] = np.where(present[mine], rank[mine], 0).sum(axis=0)
    return sums


def mean_places(ranks: Ints, holding: Ints) -> Floats:
    """Return how far into their journeys touchpoints first occur on average: 0 first, 1 last."""
    of = np.maximum(np.arange(len(ranks)), 1)[:, None]
    places: Floats = (ranks / of).sum(axis=0) / np.maximum(holding, 1)
    return places


def count_journeys(journey: Ints, what: NDArray[np.integer], size: int) -> Ints:
    """Return for each of `size` things in how many journeys it occurs."""
    cells = np.unique(journey * size + what)
    counts: Ints = np.bincount(cells % size, minlength=size) if size else np.zeros(0, dtype=np.int64)
    return counts


def actor_numbers(log: JourneyLog) -> Codes:
    """Return the actor of each code of a log as numbered in `schema.ACTORS`, -1 of the code -1."""
    return np.append(actor_codes(log.vocabulary("actor")), -1).astype(np.int32)


def _after_silence(time: Ints, whole: Ints, actor: Codes, patience: timedelta) -> Ints:
    heard = np.flatnonzero(actor == ACTORS.index("customer"))
    journey = whole[heard]
    long = np.diff(time[heard]) > int(patience.total_seconds() * 1_000_000)
    late: Ints = heard[1:][long & (journey[1:] == journey[:-1])]
    return late
