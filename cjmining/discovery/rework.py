"""What journeys do again: touchpoints and transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cjmining.discovery.columns import SECOND, names_of, ratio
from cjmining.discovery.finish import by_count, parts_of, quantiles_or_none
from cjmining.kernels import histogram, rework

if TYPE_CHECKING:
    from cjmining.discovery.summary import Scan
    from cjmining.kernels.transitions import Transitions


def touchpoints_again(scan: Scan) -> pd.DataFrame:
    """Count in one pass over the log; `Discovery.rework` has the columns."""
    return table(scan, scan.over_blocks(lambda part, *of: rework.count(*part[:3], *of), rework.merge))


def table(scan: Scan, found: rework.Rework) -> pd.DataFrame:
    """Give the counts names; the most events that are again come first."""
    group, touchpoint = by_count(found.events)
    again = (found.events - found.journeys)[group, touchpoint]
    # by_count ordered by group, count and name; this order is kept among equal repetitions.
    order = np.lexsort((-again, group))
    group, touchpoint, again = group[order], touchpoint[order], again[order]
    here = (group, touchpoint)
    journeys, repeated = found.journeys[here], found.repeated[here]
    times = quantiles_or_none(found.times, group * len(scan.names) + touchpoint, (0.5, 0.9)) / SECOND
    return pd.DataFrame(
        {
            "by": names_of(scan.groups, group),
            "touchpoint": names_of(scan.names, touchpoint),
            "journeys": journeys,
            "customers": found.customers[here],
            "repeated_journeys": repeated,
            "repeated_customers": found.repeated_customers[here],
            "share_repeated": repeated / journeys,
            "steps": found.events[here],
            "repeated_steps": again,
            "most": found.most[here],
            "self_loops": found.directly[here],
            "loops": again - found.directly[here],
            "steps_mean": ratio(found.steps[here], again),
            "median_s": times[:, 0],
            "p90_s": times[:, 1],
            "extra_mean_s": ratio(found.span[here] / SECOND, repeated),
        }
    )


def transitions_again(scan: Scan, counted: Transitions) -> pd.DataFrame:
    """Count in one pass over the log; `Discovery.first_and_again` has the columns."""
    times = scan.over_blocks(lambda part, *of: rework.first_and_again(*part[:3], *of[:-1]), histogram.merge)
    return transitions_table(scan, times, counted)


def transitions_table(scan: Scan, times: histogram.Histogram, counted: Transitions) -> pd.DataFrame:
    """Give the counts names; the transitions are those that were counted, with their customers."""
    key = times.key // histogram.BINS
    cell = np.unique(key // 2)
    number = np.zeros((len(cell), 2), np.int64)
    np.add.at(number, (np.searchsorted(cell, key // 2), key % 2), times.counts)
    first = histogram.quantiles(times, 2 * cell, (0.5, 0.9)) / SECOND
    again = quantiles_or_none(times, 2 * cell + 1, (0.5, 0.9)) / SECOND
    group, start, to = parts_of(cell, len(scan.names))
    order = np.lexsort((to, start, -number.sum(axis=1), group))
    return pd.DataFrame(
        {
            "by": names_of(scan.groups, group[order]),
            "from_touchpoint": names_of(scan.names, start[order]),
            "to_touchpoint": names_of(scan.names, to[order]),
            "customers": counted.customers[np.searchsorted(counted.cell, cell)][order],
            "first_count": number[order, 0],
            "first_median_s": first[order, 0],
            "first_p90_s": first[order, 1],
            "repeated_count": number[order, 1],
            "repeated_median_s": again[order, 0],
            "repeated_p90_s": again[order, 1],
        }
    )
