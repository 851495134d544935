"""A bare pass over columns: what reading them costs, before anything is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from benchmarks.discovery.engines import Run, blocks_of

if TYPE_CHECKING:
    from benchmarks.discovery.workload import Events


def floor(events: Events, columns: tuple[str, ...]) -> Run:
    """Add up the columns once, in the blocks and threads that we have."""
    from cjmining.engine.local import map_blocks

    place = {"bounds": 0, "timestamp": 1, "touchpoint": 2}
    read = [[block[place[name]] for name in columns] for block in blocks_of(events)]
    return lambda: int(sum(sum(part) for part in map_blocks(lambda part: [_sum(one) for one in part], read)))


@numba.njit(cache=True, nogil=True)
def _sum(column):
    total = np.int64(0)
    for value in column:
        total += value
    return total
