"""Attempts at a funnel, read out of a log: how far each came, when, and what was done after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining.discovery.summary import blocks_of
from cjmining.discovery.sums import Grouped
from cjmining.engine.kept import keep_blocks
from cjmining.kernels import funnel as kernels

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from cjmining.discovery.marks import Limit, Marks
    from cjmining.discovery.steps import Part, Steps
    from cjmining.engine.kept import Kept
    from cjmining.log import Block, JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Flags = NDArray[np.bool_]

ORDERS: Final = {"ordered": kernels.ordered, "strict": kernels.strict, "any": kernels.in_any_order}
FATES: Final = ("completed", "lost", "open")
COMPLETED: Final = 0
LOST: Final = 1
OPEN: Final = 2


class Question(NamedTuple):
    """What is asked of a funnel.

    Attributes
    ----------
    marks : Marks
        Which steps of the funnel each event fits.
    n_steps : int
    limit : Limit
    order : {"ordered", "strict", "any"}
    every : bool
        Whether journeys may make more than one attempt.
    of_customers : bool
        Whether attempts go on across the journeys of a customer.
    """

    marks: Marks
    n_steps: int
    limit: Limit
    order: str
    every: bool
    of_customers: bool


class Attempts:
    """Attempts at a funnel in the order of the log, one entry each; what is large is read when asked for.

    Attributes
    ----------
    grouped : Grouped
        The group and customer of each.
    reached : int8[A]
        How many steps each reached.
    fate : int8[A]
        Of `FATES`.
    mature : bool[A]
        Whether its time was over when the data ended; without a limit, whether its journey was.
    """

    def __init__(self, kept: Kept, grouped: Grouped) -> None:
        self._kept = kept
        self.grouped = grouped
        self.reached: NDArray[np.int8] = kept.column("reached")
        self.fate: NDArray[np.int8] = kept.column("fate")
        self.mature: Flags = kept.column("mature")

    def __len__(self) -> int:
        return len(self.fate)

    def loaded(self) -> Attempts:
        """Return them with all columns in memory."""
        return Attempts(self._kept.loaded(), self.grouped)

    def head(self, rows: int) -> Attempts:
        """Return the first of them."""
        some = np.arange(min(rows, len(self)))
        return Attempts(self._kept.head(rows), self.grouped.of_some(some))

    @property
    def journey(self) -> Ints:
        """The journey in which each began: int64[A]."""
        return self._kept.column("journey")

    @property
    def seen(self) -> NDArray[np.uint32]:
        """Which steps each reached: bit s stands for step s."""
        return self._kept.column("seen")

    @property
    def next(self) -> Codes:
        """What came directly after the last step that each reached; -1 nothing did."""
        return self._kept.column("next")

    @property
    def last(self) -> Codes:
        """What came last of all within the time of each, after the last step it reached; -1 nothing did."""
        return self._kept.column("last")

    def at(self, step: int) -> Ints:
        """Return when each reached its 1st (0), 2nd, ... step; what is not reached has no meaning.

        In microseconds since 1970.
        """
        return self._kept.column(f"at_{step}")

    def last_at(self) -> Ints:
        """Return when each reached the last of the steps that it reached."""
        found = self.at(0).copy()
        for step in range(1, int(self.reached.max(initial=1))):
            there = self.reached > step
            found[there] = self.at(step)[there]
        return found


class _Found(NamedTuple):
    """What a block says of its attempts; `times` are int64[A, S], as `Attempts.at` has them."""

    journey: Ints
    times: Ints
    reached: Ints
    seen: NDArray[np.uint32]
    next: Codes
    last: Codes


def _columns(n_steps: int) -> dict[str, DTypeLike]:
    times = {f"at_{step}": np.int64 for step in range(n_steps)}
    codes = {"reached": np.int8, "fate": np.int8, "mature": np.bool_, "next": np.int32, "last": np.int32}
    return {"journey": np.int64, "seen": np.uint32, **codes, **times}


def read(
    log: JourneyLog,
    steps: Steps,
    question: Question,
    grouping: tuple[Codes, tuple[str, ...]],
    open_ones: Flags | None,
) -> Attempts:
    """Follow the attempts of a log.

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

    def follow(block: Block) -> list[dict[str, NDArray[Any]]]:
        found = _of_block(log, steps, question, block)
        over, may_go_on = _maturity(log, question, found, block, open_ones)
        fate = np.where(may_go_on, OPEN, LOST).astype(np.int8)
        fate[found.reached == question.n_steps] = COMPLETED
        times = {f"at_{step}": found.times[:, step] for step in range(question.n_steps)}
        return [{**found._asdict(), **times, "fate": fate, "mature": over}]

    (kept,) = keep_blocks(log, follow, [_columns(question.n_steps)], blocks_of(log))
    journey, (group, names) = kept.column("journey"), grouping
    return Attempts(kept, Grouped.of(group[journey], log.journey_customer[journey], names))


def _maturity(
    log: JourneyLog, question: Question, found: _Found, block: Block, open_ones: Flags | None
) -> tuple[Flags, Flags]:
    """Say which attempts' time was over at the end of the data, and which may still go on.

    With a time limit the clock decides, without one the outcomes of journeys.
    """
    if question.limit.given:
        over = found.times[:, 0] + question.limit.us <= log.data_end_us
    elif open_ones is None:
        over = np.ones(len(found.journey), np.bool_)
    elif question.of_customers:
        customers = log.journey_customer[block.journeys]
        over = ~np.isin(log.journey_customer[found.journey], customers[open_ones[block.journeys]])
    else:
        over = ~open_ones[found.journey]
    may_go_on = ~over
    if question.order == "strict":
        may_go_on &= found.next < 0  # whatever came next has decided it
    return over, may_go_on


def _of_block(log: JourneyLog, steps: Steps, question: Question, block: Block) -> _Found:
    part = steps.of_block(block)
    if question.of_customers:
        part = _by_customer(part, log.journey_customer[part.journeys])
    fits = question.marks.at(part.rows)
    within = question.limit.us
    follow = ORDERS[question.order]
    found = follow(part.bounds, part.timestamp, fits, question.n_steps, within, every=question.every)
    return _describe(log, part, found, question)


def _describe(log: JourneyLog, part: Part, found: kernels.Reached, question: Question) -> _Found:
    reached = (found.at >= 0).sum(axis=1)
    furthest = np.take_along_axis(found.at, np.maximum(reached - 1, 0)[:, None], axis=1)[:, 0]
    first = np.ascontiguousarray(found.at[:, 0])
    last = kernels.last_within(part.bounds, part.timestamp, found.unit, first, question.limit.us)
    following = furthest + 1
    on = following < part.bounds[found.unit + 1]
    codes = np.append(part.code, np.int32(-1))  # a place to look at where nothing follows
    times = np.append(part.timestamp, 0)
    journey = part.journeys.start + found.unit
    if question.of_customers:
        journey = np.searchsorted(log.bounds, part.events()[first], side="right") - 1
    return _Found(
        journey=journey,
        times=times[found.at],
        reached=reached,
        seen=found.seen,
        next=np.where(on, codes[np.where(on, following, -1)], np.int32(-1)),
        last=np.where(last > furthest, codes[last], np.int32(-1)),
    )


def _by_customer(part: Part, customer: Ints) -> Part:
    """Put the journeys of each customer together, in order of time; at equal times in the log's order."""
    begins = np.flatnonzero(np.append(True, customer[1:] != customer[:-1])[: len(customer)])
    bounds = np.append(part.bounds[begins], part.bounds[-1])
    whose = np.repeat(np.arange(len(begins)), np.diff(bounds))
    if not ((np.diff(part.timestamp) < 0) & (np.diff(whose) == 0)).any():
        return part._replace(bounds=bounds)
    order = np.lexsort((part.timestamp, whose))
    return part._replace(
        bounds=bounds,
        timestamp=part.timestamp[order],
        code=part.code[order],
        rows=part.events()[order],
    )
