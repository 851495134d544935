"""Which touchpoints occur in the same journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cjmining.discovery.columns import names_of
from cjmining.discovery.finish import parts_of
from cjmining.kernels import together

if TYPE_CHECKING:
    from cjmining.discovery.summary import Scan


def pairs(scan: Scan) -> pd.DataFrame:
    """Count in one pass over the log; `Discovery.together` has the columns."""
    found = scan.over_blocks(lambda part, *of: together.count(part.bounds, part.code, *of), together.merge)
    return table(scan, found)


def table(scan: Scan, found: together.Together) -> pd.DataFrame:
    """Give the counts names, and hold them against what independence would give."""
    group, one, other = parts_of(found.both.key, len(scan.names))
    both, customers = found.both.totals.T
    n_one, n_other, n = found.holding[group, one], found.holding[group, other], found.journeys[group]
    # As floats: a product of four counts of journeys leaves the whole numbers of 64 bits.
    a, b, of = (number.astype(np.float64) for number in (n_one, n_other, n))
    expected = a * b / of
    spread = np.sqrt(a * b * (of - a) * (of - b))
    phi = np.full(len(both), np.nan)
    np.divide(both * of - a * b, spread, out=phi, where=spread > 0)
    order = np.lexsort((other, one, -both, group))
    return pd.DataFrame(
        {
            "by": names_of(scan.groups, group[order]),
            "touchpoint": names_of(scan.names, one[order]),
            "other_touchpoint": names_of(scan.names, other[order]),
            "journeys": both[order],
            "customers": customers[order],
            "share_of_touchpoint_journeys": (both / a)[order],
            "share_of_other_journeys": (both / b)[order],
            "expected_journeys": expected[order],
            "lift": (both / expected)[order],
            "jaccard": (both / (a + b - both))[order],
            "phi": phi[order],
        }
    )
