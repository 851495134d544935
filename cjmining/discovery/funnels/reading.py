"""Attempts at a funnel, read out of a log: how far each came, when, and what was done after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.discovery.summary import blocks_of
from cjmining.discovery.sums import Grouped
from cjmining.engine.local import gather_blocks
from cjmining.kernels import funnel as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.marks import Limit, Marks
    from cjmining.discovery.steps import Part, Steps
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


class Attempts(NamedTuple):
    """Attempts at a funnel in the order of the log, one entry each.

    Attributes
    ----------
    journey : int64[A]
        In which it began.
    grouped : Grouped
        Its group and customer.
    times : int64[A, S]
        When it reached its 1st, 2nd, ... step, microseconds since 1970; what is not reached has no meaning.
    reached : int64[A]
        How many steps it reached.
    seen : uint32[A]
        Bit s says whether it reached step s.
    fate : int8[A]
        Of `FATES`.
    mature : bool[A]
        Whether its time was over when the data ended; without a limit, whether its journey was.
    next, last : int32[A]
        What came directly after the last step reached, and last of all within its time; -1 nothing did.
    """

    journey: Ints
    grouped: Grouped
    times: Ints
    reached: Ints
    seen: NDArray[np.uint32]
    fate: NDArray[np.int8]
    mature: Flags
    next: Codes
    last: Codes


class _Found(NamedTuple):
    """What a block says of its attempts."""

    journey: Ints
    times: Ints
    reached: Ints
    seen: NDArray[np.uint32]
    next: Codes
    last: Codes


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
    found = _Found(
        *gather_blocks(
            lambda block: _of_block(log, steps, question, block), blocks_of(log), engine=log.engine
        )
    )
    group, names = grouping
    customer = log.journey_customer[found.journey]
    over, may_go_on = _maturity(log, question, found, customer, open_ones)
    fate = np.where(may_go_on, OPEN, LOST).astype(np.int8)
    fate[found.reached == question.n_steps] = COMPLETED
    return Attempts(
        journey=found.journey,
        grouped=Grouped.of(group[found.journey], customer, names),
        times=found.times,
        reached=found.reached,
        seen=found.seen,
        fate=fate,
        mature=over,
        next=found.next,
        last=found.last,
    )


def _maturity(
    log: JourneyLog, question: Question, found: _Found, customer: Ints, open_ones: Flags | None
) -> tuple[Flags, Flags]:
    """Say which attempts' time was over at the end of the data, and which may still go on.

    With a time limit the clock decides, without one the outcomes of journeys.
    """
    if question.limit.given:
        over = found.times[:, 0] + question.limit.us <= log.data_end_us
    elif open_ones is None:
        over = np.ones(len(found.journey), np.bool_)
    elif question.of_customers:
        over = ~np.isin(customer, log.journey_customer[open_ones])
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
