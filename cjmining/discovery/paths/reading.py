"""Attempts to get from one step to another, read out of a log, and the paths that they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.discovery.summary import blocks_of
from cjmining.discovery.sums import Grouped
from cjmining.engine.local import gather_blocks
from cjmining.kernels import paths as kernels
from cjmining.kernels.paths import Flat
from cjmining.kernels.sequences import ordered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.marks import Limit, Marks
    from cjmining.discovery.steps import Part, Steps
    from cjmining.log import Block, JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Flags = NDArray[np.bool_]

FATES: Final = ("arrived", "not arrived", "open")
ARRIVED: Final = 0
NOT_ARRIVED: Final = 1
OPEN: Final = 2

WHICH: Final = {"first": kernels.FIRST, "last": kernels.LAST, "every": kernels.EVERY}
LOOPS: Final = ("keep", "once")

START: Final = np.uint32(1)
END: Final = np.uint32(2)


class Question(NamedTuple):
    """What is asked.

    Attributes
    ----------
    marks : Marks
        Bit 0 says whether an event is a start, bit 1 whether it is an end.
    from_beginning, to_end : bool
        Whether instead the beginning and the end of the journey are.
    limit : Limit
    starts : {"first", "last", "every"}
        Which starts count.
    loops : {"keep", "once"}
        Whether a path has each step only where it first comes.
    """

    marks: Marks
    from_beginning: bool
    to_end: bool
    limit: Limit
    starts: str
    loops: str


class Attempts(NamedTuple):
    """Attempts in the order of the log, one entry each.

    Attributes
    ----------
    journey : int64[A]
    grouped : Grouped
        Its group and customer.
    first, last : int64[A]
        Events of the log: the start, and the end or the last one within the time.
    start_at, last_at : int64[A]
        When, microseconds since 1970.
    fate : int8[A]
        Of `FATES`.
    mature : bool[A]
        Whether its time was over when the data ended; without a limit, whether its journey was.
    steps : Flat
        All steps of each, with those at which it starts and ends.
    start_counts, end_counts : bool, bool[A]
        Whether the first step, and the last one, are steps of the way like those between them.
    path : int32[A]
        Which of the different paths it is, as they are shown.
    paths : Flat
        The different paths, in the order of the names of their steps.
    """

    journey: Ints
    grouped: Grouped
    first: Ints
    last: Ints
    start_at: Ints
    last_at: Ints
    fate: NDArray[np.int8]
    mature: Flags
    steps: Flat
    start_counts: bool
    end_counts: Flags
    path: Codes
    paths: Flat

    def inner(self) -> tuple[Ints, Ints]:
        """Return where in `steps.codes` that begins and stops which lies between start and end."""
        return self.steps.bounds[:-1] + (not self.start_counts), self.steps.bounds[1:] - ~self.end_counts

    def last_codes(self) -> Codes:
        """Return the last step of each."""
        return self.steps.codes[self.steps.bounds[1:] - 1]

    def n_steps(self) -> Ints:
        """Return how many steps each has."""
        return np.diff(self.steps.bounds)


class _Found(NamedTuple):
    """What a block says of its attempts; `length` steps each lie in `codes` one after the other."""

    journey: Ints
    first: Ints
    last: Ints
    start_at: Ints
    last_at: Ints
    arrived: Flags
    length: Ints
    codes: Codes


def read(
    log: JourneyLog,
    steps: Steps,
    question: Question,
    grouping: tuple[Codes, tuple[str, ...]],
    open_ones: Flags | None,
) -> Attempts:
    """Find the attempts of a log, and number their paths.

    Parameters
    ----------
    log : JourneyLog
    steps : Steps
        Its journeys at a level.
    question : Question
    grouping : int32[n_journeys], and names
        The group of each journey.
    open_ones : bool[n_journeys] or None
        Which journeys may still go on, where the log says it: what decides without a time limit.
    """
    found = _Found(
        *gather_blocks(lambda block: _of_block(steps, question, block), blocks_of(log), engine=log.engine)
    )
    bounds = np.concatenate([[0], np.cumsum(found.length)])
    all_steps, shown = Flat(bounds, found.codes), Flat(bounds, found.codes)
    closed = found.arrived & (not question.to_end)
    if question.loops == "once":
        shown = Flat(*kernels.once(bounds, found.codes, closed, len(steps.names)))
    path, paths = _numbered(shown, steps.names)
    fate, mature = _fates(log, question, found, open_ones)
    group, names = grouping
    return Attempts(
        journey=found.journey,
        grouped=Grouped.of(group[found.journey], log.journey_customer[found.journey], names),
        first=found.first,
        last=found.last,
        start_at=found.start_at,
        last_at=found.last_at,
        fate=fate,
        mature=mature,
        steps=all_steps,
        start_counts=question.from_beginning,
        end_counts=~closed,
        path=path,
        paths=paths,
    )


def _numbered(shown: Flat, names: tuple[str, ...]) -> tuple[Codes, Flat]:
    """Return the number of each path among the different ones, in the order of the names of their steps."""
    path, first = kernels.number(shown.bounds, shown.codes)
    paths = Flat(*kernels.cut(shown.codes, shown.bounds[first], shown.bounds[first + 1] - 1))
    rank = np.empty(len(names), np.int32)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names), dtype=np.int32)
    ranks = rank[paths.codes]
    keys = (kernels.prefix(paths.bounds, ranks, len(names), part) for part in (0, 1))
    order = ordered(paths.bounds, ranks, *keys)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return place[path], Flat(*kernels.cut(paths.codes, paths.bounds[order], paths.bounds[order + 1] - 1))


def _fates(
    log: JourneyLog, question: Question, found: _Found, open_ones: Flags | None
) -> tuple[NDArray[np.int8], Flags]:
    """Say what became of each attempt, and whether its time was over when the data ended.

    With a time limit the clock decides whether it was, without one the outcome of its journey.
    """
    under_way = np.zeros(len(found.journey), np.bool_)
    if open_ones is not None:
        under_way = open_ones[found.journey]
    over, arrived = ~under_way, found.arrived
    if question.limit.given:
        over = found.start_at + question.limit.us <= log.data_end_us
    if question.to_end:  # where a journey ends that still runs nobody knows, but that it went on too long
        arrived, over = arrived & ~under_way, over & ~(arrived & under_way)
    fate = np.where(over, NOT_ARRIVED, OPEN).astype(np.int8)
    fate[arrived] = ARRIVED
    return fate, over


def _of_block(steps: Steps, question: Question, block: Block) -> _Found:
    part = steps.of_block(block)
    bits = question.marks.at(part.rows)
    found = kernels.find(
        part.bounds,
        part.timestamp,
        _first_steps(part) if question.from_beginning else (bits & START) > 0,
        _last_steps(part) if question.to_end else (bits & END) > 0,
        question.limit.us,
        WHICH[question.starts],
        itself=question.from_beginning or question.to_end,
    )
    bounds, codes = kernels.cut(part.code, found.first, found.last)
    events = part.events()
    return _Found(
        journey=part.journeys.start + found.journey,
        first=events[found.first],
        last=events[found.last],
        start_at=part.timestamp[found.first],
        last_at=part.timestamp[found.last],
        arrived=found.arrived,
        length=np.diff(bounds),
        codes=codes,
    )


def _first_steps(part: Part) -> Flags:
    flags = np.zeros(len(part.code), np.bool_)
    flags[part.bounds[:-1][np.diff(part.bounds) > 0]] = True
    return flags


def _last_steps(part: Part) -> Flags:
    flags = np.zeros(len(part.code), np.bool_)
    flags[part.bounds[1:][np.diff(part.bounds) > 0] - 1] = True
    return flags
