"""Attempts to get from one step to another, read out of a log, and the paths that they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.discovery.summary import blocks_of
from cjmining.discovery.sums import Grouped
from cjmining.engine.alike import Alike, merge_alike
from cjmining.engine.kept import kept_for
from cjmining.engine.local import reduce_blocks
from cjmining.kernels import paths as kernels
from cjmining.kernels.paths import Flat
from cjmining.kernels.sequences import ordered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.marks import Limit, Marks
    from cjmining.discovery.steps import Part, Steps
    from cjmining.engine.kept import Kept
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


class Ways(NamedTuple):
    """Different ways: all steps of each, with those at which it starts and ends.

    Attributes
    ----------
    steps : Flat
    closed : bool[W]
        Whether the last step is the end that was asked for.
    """

    steps: Flat
    closed: Flags


class Known(NamedTuple):
    """What different ways are, and how they are shown.

    Attributes
    ----------
    ways : Ways
    start_counts : bool
        Whether the first step is one of the way like those between start and end.
    path_of_way : int32[W]
    paths : Flat
        The different paths as they are shown, in the order of the names of their steps.
    """

    ways: Ways
    start_counts: bool
    path_of_way: Codes
    paths: Flat

    @classmethod
    def of(cls, ways: Ways, question: Question, names: tuple[str, ...]) -> Known:
        """Number the paths."""
        shown = ways.steps
        if question.loops == "once":
            shown = Flat(*kernels.once(*shown, ways.closed, len(names)))
        return cls(ways, question.from_beginning, *_numbered(shown, names))


class Attempts:
    """Attempts in the order of the log, one entry each; what is large is read when it is asked for.

    Attributes
    ----------
    grouped : Grouped
        The group and customer of each.
    fate : int8[A]
        Of `FATES`.
    mature : bool[A]
        Whether its time was over when the data ended; without a limit, whether its journey was.
    way : int32[A]
        Which of the different `ways` it took.
    """

    def __init__(self, kept: Kept, way: Codes, known: Known, grouped: Grouped) -> None:
        self._kept = kept
        self._known = known
        self.grouped = grouped
        self.fate: NDArray[np.int8] = kept.column("fate")
        self.mature: Flags = kept.column("mature")
        self.way = way

    def __len__(self) -> int:
        return len(self.way)

    def loaded(self) -> Attempts:
        """Return them with all columns in memory."""
        return Attempts(self._kept.loaded(), self.way, self._known, self.grouped)

    def head(self, rows: int) -> Attempts:
        """Return the first of them."""
        some = np.arange(min(rows, len(self)))
        return Attempts(self._kept.head(rows), self.way[some], self._known, self.grouped.of_some(some))

    @property
    def ways(self) -> Ways:
        """The different ways."""
        return self._known.ways

    @property
    def paths(self) -> Flat:
        """The different paths as they are shown, in the order of the names of their steps."""
        return self._known.paths

    @property
    def path(self) -> Codes:
        """Which of the different paths each is: int32[A]."""
        return self._known.path_of_way[self.way]

    @property
    def journey(self) -> Ints:
        """The journey of each: int64[A]."""
        return self._kept.column("journey")

    @property
    def first(self) -> Ints:
        """The event of the log at which each starts: int64[A]."""
        return self._kept.column("first")

    @property
    def last(self) -> Ints:
        """The event at which each arrived, or the last one within the time: int64[A]."""
        return self._kept.column("last")

    @property
    def start_at(self) -> Ints:
        """When each started, microseconds since 1970: int64[A]."""
        return self._kept.column("start_at")

    @property
    def took(self) -> Ints:
        """Microseconds from `first` to `last`: int64[A]."""
        return self._kept.column("took")

    def inner(self) -> tuple[Ints, Ints]:
        """Return where in `ways.steps.codes` that begins and stops which lies between start and end."""
        bounds = self.ways.steps.bounds
        begins, stops = bounds[:-1] + (not self._known.start_counts), bounds[1:] - self.ways.closed
        return begins[self.way], stops[self.way]

    def last_codes(self) -> Codes:
        """Return the last step of each."""
        steps = self.ways.steps
        return steps.codes[steps.bounds[1:] - 1][self.way]

    def n_steps(self) -> Ints:
        """Return how many steps each has."""
        return np.diff(self.ways.steps.bounds)[self.way]


_COLUMNS: Final = {
    **dict.fromkeys(("journey", "first", "last", "start_at", "took"), np.int64),
    "fate": np.int8,
    "mature": np.bool_,
    "way": np.int32,
}


class _Found(NamedTuple):
    """What a block says of its attempts."""

    journey: Ints
    first: Ints
    last: Ints
    start_at: Ints
    took: Ints
    arrived: Flags


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
    blocks, data_end = blocks_of(log), log.data_end_us
    kept = kept_for(log, _COLUMNS, len(blocks))

    def of_block(block: Block) -> Alike[Ways]:
        found, ways = _of_block(steps, question, block)
        under_way = np.zeros(len(found.journey), np.bool_)
        if open_ones is not None:
            under_way = open_ones[found.journey]
        fate, mature = _fates(question, found, under_way, data_end)
        way, first = _different(ways)
        kept.put(block, {**found._asdict(), "fate": fate, "mature": mature, "way": way})
        return Alike.of_block(_chosen(ways, first), len(first), len(way))

    alike = reduce_blocks(of_block, lambda parts: merge_alike(parts, _merged), blocks, engine=log.engine)
    group, names = grouping
    journey = kept.column("journey")
    grouped = Grouped.of(group[journey], log.journey_customer[journey], names)
    way = alike.of_units(kept.column("way"))
    return Attempts(kept, way, Known.of(alike.things, question, steps.names), grouped)


def _different(ways: Ways) -> tuple[Ints, Ints]:
    """Return which of the different ways each is, and the first of each."""
    number, _ = kernels.number(*ways.steps)
    _, first, which = np.unique(number * 2 + ways.closed, return_index=True, return_inverse=True)
    return which, first


def _chosen(ways: Ways, which: Ints) -> Ways:
    return Ways(_some(ways.steps, which), ways.closed[which])


def _some(flat: Flat, which: Ints) -> Flat:
    """Return some paths, in the order asked for."""
    bounds, codes = flat
    return Flat(*kernels.cut(codes, bounds[which], bounds[which + 1] - 1))


def _merged(parts: list[Ways]) -> tuple[Ways, Ints]:
    """Return the different ways of several parts, and which of them each became."""
    lengths = np.concatenate([np.diff(part.steps.bounds) for part in parts])
    steps = Flat(
        np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
        np.concatenate([part.steps.codes for part in parts]),
    )
    together = Ways(steps, np.concatenate([part.closed for part in parts]))
    which, first = _different(together)
    return _chosen(together, first), which


def _numbered(shown: Flat, names: tuple[str, ...]) -> tuple[Codes, Flat]:
    """Return the number of each path among the different ones, in the order of the names of their steps."""
    path, first = kernels.number(shown.bounds, shown.codes)
    paths = _some(shown, first)
    rank = np.empty(len(names), np.int32)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names), dtype=np.int32)
    ranks = rank[paths.codes]
    keys = (kernels.prefix(paths.bounds, ranks, len(names), part) for part in (0, 1))
    order = ordered(paths.bounds, ranks, *keys)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return place[path], _some(paths, order)


def _fates(
    question: Question, found: _Found, under_way: Flags, data_end: int
) -> tuple[NDArray[np.int8], Flags]:
    """Say what became of each attempt, and whether its time was over when the data ended.

    With a time limit the clock decides whether it was, without one the outcome of its journey.
    """
    over, arrived = ~under_way, found.arrived
    if question.limit.given:
        over = found.start_at + question.limit.us <= data_end
    if question.to_end:  # where a journey ends that still runs nobody knows, but that it went on too long
        arrived, over = arrived & ~under_way, over & ~(arrived & under_way)
    fate = np.where(over, NOT_ARRIVED, OPEN).astype(np.int8)
    fate[arrived] = ARRIVED
    return fate, over


def _of_block(steps: Steps, question: Question, block: Block) -> tuple[_Found, Ways]:
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
    events, start_at = part.events(), part.timestamp[found.first]
    attempts = _Found(
        journey=part.journeys.start + found.journey,
        first=events[found.first],
        last=events[found.last],
        start_at=start_at,
        took=part.timestamp[found.last] - start_at,
        arrived=found.arrived,
    )
    ways = Flat(*kernels.cut(part.code, found.first, found.last))
    return attempts, Ways(ways, found.arrived & (not question.to_end))


def _first_steps(part: Part) -> Flags:
    flags = np.zeros(len(part.code), np.bool_)
    flags[part.bounds[:-1][np.diff(part.bounds) > 0]] = True
    return flags


def _last_steps(part: Part) -> Flags:
    flags = np.zeros(len(part.code), np.bool_)
    flags[part.bounds[1:][np.diff(part.bounds) > 0] - 1] = True
    return flags
