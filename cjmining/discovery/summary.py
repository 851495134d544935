"""What one block of a log says about its journeys, and how the blocks add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from cjmining.discovery.outcomes import OPEN, outcomes_of
from cjmining.discovery.steps import STAYS
from cjmining.engine.local import reduce_blocks
from cjmining.kernels import histogram, journeys, transitions, variants
from cjmining.kernels.customers import first_journeys
from cjmining.log import Block
from cjmining.schema import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cjmining.discovery.steps import Part, Steps
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]

Counted = TypeVar("Counted")

BLOCK_EVENTS = 500_000
"""Small enough that threads share a log of a million events, large enough that merging costs little."""

MOST_BLOCKS = 8
"""A large log has larger blocks: enough of them for the threads, and no more to merge."""


class Scan(NamedTuple):
    """What discovery reads of a log: its journeys as steps, columns beside them, names of codes.

    `outcome` is the place in `OUTCOMES` of each journey's, -1 unknown; None where the log has no such tag.
    """

    log: JourneyLog
    by: str | tuple[str, ...] | None
    steps: Steps
    channel: NDArray[np.int32]
    wait: NDArray[np.float64]
    satisfaction: NDArray[np.float64]
    customer: NDArray[np.int64]
    group: NDArray[np.int32]
    groups: tuple[str, ...]
    channels: tuple[str, ...]
    outcome: NDArray[np.int8] | None

    @property
    def names(self) -> tuple[str, ...]:
        """What the codes of steps mean."""
        return self.steps.names

    @classmethod
    def of(cls, log: JourneyLog, steps: Steps, by: str | Sequence[str] | None) -> Scan:
        """Take the columns out of a log; nothing is copied where the log holds them without nulls."""
        group, groups = log.group(by)
        return cls(
            log=log,
            by=by if by is None or isinstance(by, str) else tuple(by),
            steps=steps,
            channel=log.codes("channel"),
            wait=log.numbers("wait_s"),
            satisfaction=log.numbers("satisfaction"),
            customer=log.journey_customer,
            group=group,
            groups=groups,
            channels=log.vocabulary("channel"),
            outcome=outcomes_of(log),
        )

    def first_journeys(self, part: Part) -> Ints:
        """Return the first journey of each journey's customer, from the first of the part on."""
        return first_journeys(self.customer[part.journeys])

    def over_blocks(
        self,
        count: Callable[[Part, Codes, int, int, Ints], Counted],
        merge: Callable[[list[Counted]], Counted],
    ) -> Counted:
        """Count the steps of each block, and add up what was counted.

        `count` takes the steps, the group of each journey, the numbers of groups and of names, and the first
        journey of each journey's customer.
        """

        def of(block: Block) -> Counted:
            part = self.steps.of_block(block)
            sizes = len(self.groups), len(self.names)
            return count(part, self.group[part.journeys], *sizes, self.first_journeys(part))

        return reduce_blocks(of, merge, blocks_of(self.log), engine=self.log.engine)


def blocks_of(log: JourneyLog) -> list[Block]:
    """Return the blocks of a log; one without events has an empty one, which gives tables their columns."""
    size = max(BLOCK_EVENTS, log.n_events // MOST_BLOCKS) if log.memory_limit is None else None
    return log.blocks(size) or [Block(0, 0, 0, 0)]


class Summary(NamedTuple):
    """Counts and sums of one block or of several merged; `events` by group, where steps may be stays."""

    journeys: journeys.Journeys
    events: Ints
    durations: histogram.Histogram
    outcomes: Ints
    touchpoints: journeys.Touchpoints
    transitions: transitions.Transitions
    times: histogram.Histogram
    variants: variants.Variants


def summarise(scan: Scan, block: Block) -> Summary:
    """Summarise one block of whole customers."""
    events = scan.steps.events_of(block)
    part = events.stays() if scan.steps.level in STAYS else events
    group, first = scan.group[part.journeys], scan.first_journeys(part)
    n_groups, n_names = len(scan.groups), len(scan.names)
    counted, times = transitions.count_with_times(
        part.bounds, part.timestamp, part.code, group, n_groups, n_names, first
    )
    whole = journeys.count_journeys(
        part.bounds,
        part.timestamp,
        part.code,
        scan.customer[part.journeys],
        group,
        n_groups,
        n_names,
        None if scan.outcome is None else scan.outcome[part.journeys] == OPEN,
    )
    return Summary(
        journeys=whole if part is events else whole._replace(end=_last_events(events, group, n_groups)),
        events=whole.events if part is events else _number_of_events(events, group, n_groups),
        durations=_durations(events, group),
        outcomes=_count_outcomes(scan, part.journeys, group),
        touchpoints=journeys.count_touchpoints(
            events.bounds,
            events.code,
            scan.channel[events.rows],
            scan.wait[events.rows],
            scan.satisfaction[events.rows],
            group,
            n_groups,
            n_names,
            len(scan.channels),
            first,
        ),
        transitions=counted,
        times=times,
        variants=variants.count(part.bounds, part.code, group, first),
    )


def merge(parts: list[Summary]) -> Summary:
    """Add up summaries in the order of their blocks."""
    return Summary(
        journeys=journeys.merge_journeys([part.journeys for part in parts]),
        events=np.sum([part.events for part in parts], axis=0),
        durations=histogram.merge([part.durations for part in parts]),
        outcomes=np.sum([part.outcomes for part in parts], axis=0),
        touchpoints=journeys.merge_touchpoints([part.touchpoints for part in parts]),
        transitions=transitions.merge([part.transitions for part in parts]),
        times=histogram.merge([part.times for part in parts]),
        variants=variants.merge([part.variants for part in parts]),
    )


def _number_of_events(events: Part, group: Codes, n_groups: int) -> Ints:
    number = np.zeros(n_groups, np.int64)
    np.add.at(number, group, np.diff(events.bounds))
    return number


def _last_events(events: Part, group: Codes, n_groups: int) -> Ints:
    """The last event of each group, where steps are stays, which begin before they end."""
    some = np.diff(events.bounds) > 0
    end = np.full(n_groups, np.iinfo(np.int64).min)
    np.maximum.at(end, group[some], events.timestamp[events.bounds[1:][some] - 1])
    return end


def _durations(events: Part, group: Codes) -> histogram.Histogram:
    """Histograms of the times from the first to the last event of journeys that have any, by group."""
    some = np.diff(events.bounds) > 0
    first = events.timestamp[events.bounds[:-1][some]]
    last = events.timestamp[events.bounds[1:][some] - 1]
    return histogram.summarise_by(group[some].astype(np.int64), np.maximum(last - first, 0))


def _count_outcomes(scan: Scan, its_journeys: slice, group: Codes) -> Ints:
    """Journeys by group and outcome; of shape (groups, 0) where outcomes are unknown."""
    n_groups, n_outcomes = len(scan.groups), len(OUTCOMES)
    if scan.outcome is None:
        return np.zeros((n_groups, 0), np.int64)
    outcome = scan.outcome[its_journeys]
    known = outcome >= 0
    cell = group[known].astype(np.int64) * n_outcomes + outcome[known]
    return np.bincount(cell, minlength=n_groups * n_outcomes).reshape(n_groups, n_outcomes).astype(np.int64)
