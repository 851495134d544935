"""What one block of a log says about its journeys, and how the blocks add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.kernels import histogram, journeys, transitions, variants

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.log import Block, JourneyLog


class Scan(NamedTuple):
    """The columns of a log that discovery reads, as plain arrays, and the names behind their codes."""

    bounds: NDArray[np.int64]
    timestamp: NDArray[np.int64]
    touchpoint: NDArray[np.int32]
    channel: NDArray[np.int32]
    wait: NDArray[np.float64]
    satisfaction: NDArray[np.float64]
    customer: NDArray[np.int64]
    group: NDArray[np.int32]
    groups: tuple[str, ...]
    touchpoints: tuple[str, ...]
    channels: tuple[str, ...]
    ignored: NDArray[np.bool_]

    @classmethod
    def of(cls, log: JourneyLog, by: str | None, ignore: Sequence[str] = ()) -> Scan:
        """Take the columns out of a log; nothing is copied where the log holds them without nulls."""
        group, groups = log.group(by)
        touchpoints = log.vocabulary("touchpoint")
        return cls(
            bounds=log.bounds,
            timestamp=log.timestamps,
            touchpoint=log.codes("touchpoint"),
            channel=log.codes("channel"),
            wait=log.numbers("wait_s"),
            satisfaction=log.numbers("satisfaction"),
            customer=log.journey_customer,
            group=group,
            groups=groups,
            touchpoints=touchpoints,
            channels=log.vocabulary("channel"),
            ignored=np.isin(np.array(touchpoints, dtype=object), list(ignore)),
        )

    def of_block(self, block: Block) -> Scan:
        """Return the part of a block, its journeys' bounds counted from its first event."""
        its_journeys = slice(block.first_journey, block.last_journey)
        its_events = slice(block.first_event, block.last_event)
        part = self._replace(
            bounds=self.bounds[block.first_journey : block.last_journey + 1] - block.first_event,
            timestamp=self.timestamp[its_events],
            touchpoint=self.touchpoint[its_events],
            channel=self.channel[its_events],
            wait=self.wait[its_events],
            satisfaction=self.satisfaction[its_events],
            customer=self.customer[its_journeys],
            group=self.group[its_journeys],
        )
        return part._without_ignored() if self.ignored.any() else part

    def _without_ignored(self) -> Scan:
        """Return the same journeys without the events of ignored touchpoints; some may be left empty."""
        kept = ~self.ignored[self.touchpoint]
        before = np.concatenate([[0], np.cumsum(kept)])
        return self._replace(
            bounds=before[self.bounds],
            timestamp=self.timestamp[kept],
            touchpoint=self.touchpoint[kept],
            channel=self.channel[kept],
            wait=self.wait[kept],
            satisfaction=self.satisfaction[kept],
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
    part = scan.of_block(block)
    n_groups, n_touchpoints = len(part.groups), len(part.touchpoints)
    counted, times = transitions.count_with_times(
        part.bounds, part.timestamp, part.touchpoint, part.group, n_groups, n_touchpoints
    )
    return Summary(
        journeys=journeys.count_journeys(
            part.bounds,
            part.timestamp,
            part.touchpoint,
            part.customer,
            part.group,
            n_groups,
            n_touchpoints,
        ),
        touchpoints=journeys.count_touchpoints(
            part.bounds,
            part.touchpoint,
            part.channel,
            part.wait,
            part.satisfaction,
            part.group,
            n_groups,
            n_touchpoints,
            len(part.channels),
        ),
        transitions=counted,
        times=times,
        variants=variants.count(part.bounds, part.touchpoint, part.group),
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
