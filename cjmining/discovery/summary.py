"""What one block of a log says about its journeys, and how the blocks add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cjmining.kernels import histogram, journeys, transitions, variants

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cjmining.discovery.steps import Steps
    from cjmining.log import Block, JourneyLog


class Scan(NamedTuple):
    """What discovery reads of a log: its journeys as steps, columns beside them, names of codes."""

    steps: Steps
    channel: NDArray[np.int32]
    wait: NDArray[np.float64]
    satisfaction: NDArray[np.float64]
    customer: NDArray[np.int64]
    group: NDArray[np.int32]
    groups: tuple[str, ...]
    channels: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the codes of steps mean."""
        return self.steps.names

    @classmethod
    def of(cls, log: JourneyLog, steps: Steps, by: str | Sequence[str] | None) -> Scan:
        """Take the columns out of a log; nothing is copied where the log holds them without nulls."""
        group, groups = log.group(by)
        return cls(
            steps=steps,
            channel=log.codes("channel"),
            wait=log.numbers("wait_s"),
            satisfaction=log.numbers("satisfaction"),
            customer=log.journey_customer,
            group=group,
            groups=groups,
            channels=log.vocabulary("channel"),
        )


class Summary(NamedTuple):
    """Counts and sums of one block or of several merged."""

    journeys: journeys.Journeys
    touchpoints: journeys.Touchpoints
    transitions: transitions.Transitions
    times: histogram.Histogram
    variants: variants.Variants


def summarise(scan: Scan, block: Block) -> Summary:
    """Summarise one block of whole customers."""
    part, events = scan.steps.of_block(block), scan.steps.events_of(block)
    group = scan.group[part.journeys]
    n_groups, n_names = len(scan.groups), len(scan.names)
    counted, times = transitions.count_with_times(
        part.bounds, part.timestamp, part.code, group, n_groups, n_names
    )
    return Summary(
        journeys=journeys.count_journeys(
            part.bounds, part.timestamp, part.code, scan.customer[part.journeys], group, n_groups, n_names
        ),
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
        ),
        transitions=counted,
        times=times,
        variants=variants.count(part.bounds, part.code, group),
    )


def merge(parts: list[Summary]) -> Summary:
    """Add up summaries in the order of their blocks."""
    return Summary(
        journeys=journeys.merge_journeys([part.journeys for part in parts]),
        touchpoints=journeys.merge_touchpoints([part.touchpoints for part in parts]),
        transitions=transitions.merge([part.transitions for part in parts]),
        times=histogram.merge([part.times for part in parts]),
        variants=variants.merge([part.variants for part in parts]),
    )
