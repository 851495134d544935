"""What follows what some time later in a journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cjmining.discovery.columns import SECOND, names_of
from cjmining.discovery.finish import parts_of
from cjmining.kernels import follows, histogram

if TYPE_CHECKING:
    from cjmining.discovery.summary import Scan


def eventually(scan: Scan) -> pd.DataFrame:
    """Count in one pass over the log; `Discovery.follows` has the columns."""
    return table(scan, scan.over_blocks(lambda part, *of: follows.count(*part[:3], *of), follows.merge))


def table(scan: Scan, found: follows.Follows) -> pd.DataFrame:
    """Give the counts names."""
    cell, counted = found.counted
    group, start, to = parts_of(cell, len(scan.names))
    pairs, journeys, directly, customers = counted.T
    times = histogram.quantiles(found.times, cell, (0.5, 0.9)) / SECOND
    order = np.lexsort((to, start, -journeys, group))
    return pd.DataFrame(
        {
            "by": names_of(scan.groups, group[order]),
            "from_touchpoint": names_of(scan.names, start[order]),
            "to_touchpoint": names_of(scan.names, to[order]),
            "journeys": journeys[order],
            "customers": customers[order],
            "share_of_from_journeys": (journeys / found.holding[group, start])[order],
            "directly": directly[order],
            "count": pairs[order],
            "median_s": times[order, 0],
            "p90_s": times[order, 1],
        }
    )
