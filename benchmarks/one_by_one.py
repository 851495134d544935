"""What the costs of alignments take where nothing is shared between journeys: the yardstick for the moves."""

# ruff: noqa: C901 -- a pass over events is one loop

from __future__ import annotations

import numba
import numpy as np

FAR = 1 << 60


def costs_one_by_one(first, last, end, symbol, steps) -> np.ndarray:
    """Compute the costs that `cjmining.kernels.alignment.costs` finds, for every journey from scratch."""
    weight = 2 * int((last - first).max(initial=0)) + 1
    return _costs(
        first,
        last,
        end,
        symbol,
        np.minimum(steps.approach * weight, FAR),
        np.minimum(steps.to_end * weight, FAR),
        steps.entries,
        steps.entry_to,
        steps.ends,
        steps.start,
        weight,
        steps.log_only,
    )


@numba.njit(cache=True, nogil=True)
def _costs(first, last, end, symbol, approach, to_end, entries, entry_to, ends, start, weight, log_only):
    n_states, skip = approach.shape[1], weight * log_only
    values, before = np.empty(n_states, np.int64), np.empty(n_states, np.int64)
    cost = np.zeros(len(first), np.int64)
    for j in range(len(first)):
        if end[j] < 0 or to_end[end[j], start] >= FAR:
            continue
        for state in range(n_states):
            values[state] = to_end[end[j], state]
        ended, off_map = 0, 0
        for i in range(last[j] - 1, first[j] - 1, -1):
            if symbol[i] < 0:
                off_map += symbol[i] == -1
                continue
            for state in range(n_states):
                before[state] = values[state] + skip
            for entry in range(entries[symbol[i]], entries[symbol[i] + 1]):
                value = values[entry_to[entry]]
                if ends[end[j], entry]:
                    value = min(value, ended)
                for state in range(n_states):
                    before[state] = min(before[state], approach[entry, state] + value - 2)
            for state in range(n_states):
                values[state] = before[state]
            ended += skip
        cost[j] = -(-values[start] // weight) + off_map * log_only
    return cost
