"""From counts over codes to tables with names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cjmining.discovery.columns import SECOND, moments, names_of, ratio
from cjmining.discovery.outcomes import COLUMNS
from cjmining.discovery.words import NOTHING, unmistakable
from cjmining.kernels import histogram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cjmining.discovery.summary import Scan, Summary

    Ints = NDArray[np.integer]
    Floats = NDArray[np.float64]

POSITIONS = ("start", "end", "open")
"""Where journeys begin, where they ended, and where those stand that still run."""


def groups_with_journeys(scan: Scan, summary: Summary) -> dict[int, str]:
    """Return the code and the name of every group that has journeys."""
    return {int(code): scan.groups[code] for code in np.flatnonzero(summary.journeys.journeys)}


def group_values(scan: Scan, groups: Sequence[str]) -> pd.DataFrame:
    """Return for each of these groups the value of each name that journeys are grouped by."""
    by = () if scan.by is None else (scan.by,) if isinstance(scan.by, str) else scan.by
    table = pd.DataFrame({"by": pd.Series(list(groups), dtype="str")})
    if len(by) == 1:
        return table.assign(**{by[0]: table["by"]})
    # The first journey of a group says what all of them have in common.
    _, first = np.unique(scan.group, return_index=True)
    for name in by:
        codes, words = scan.log.group(name)
        table[name] = names_of(words, codes[first])
    return table


def overview(scan: Scan, summary: Summary) -> pd.DataFrame:
    """Return how many journeys, customers and events each group has, when, how long, and with which ends."""
    counted = summary.journeys
    group = np.flatnonzero(counted.journeys)
    times = quantiles_or_none(summary.durations, group, (0.5, 0.9)) / SECOND
    table = pd.DataFrame(
        {
            "by": names_of(scan.groups, group),
            "journeys": counted.journeys[group],
            "customers": counted.customers[group],
            "events": summary.events[group],
            "steps": counted.events[group],
            "events_per_journey": summary.events[group] / counted.journeys[group],
            "start": moments(counted.start[group], counted.events[group] > 0),
            "end": moments(counted.end[group], counted.events[group] > 0),
            "median_s": times[:, 0],
            "p90_s": times[:, 1],
        }
    )
    # There are no counts where outcomes are unknown.
    return table.assign(**dict(zip(COLUMNS, summary.outcomes[group].T, strict=False)))


def transitions(scan: Scan, summary: Summary) -> pd.DataFrame:
    """Return how often, and how fast, one touchpoint directly follows another."""
    counted = summary.transitions
    group, start, to = parts_of(counted.cell, len(scan.names))
    times = histogram.quantiles(summary.times, counted.cell, (0.5, 0.9)) / SECOND
    order = np.lexsort((to, start, -counted.counts, group))
    return pd.DataFrame(
        {
            "by": names_of(scan.groups, group[order]),
            "from_touchpoint": names_of(scan.names, start[order]),
            "to_touchpoint": names_of(scan.names, to[order]),
            "count": counted.counts[order],
            "journeys": counted.journeys[order],
            "customers": counted.customers[order],
            "share_of_journeys": (counted.journeys / summary.journeys.journeys[group])[order],
            "share_of_from": _shares(counted.counts, group, start, len(scan.names))[order],
            "share_into": _shares(counted.counts, group, to, len(scan.names))[order],
            "repeated_count": (counted.counts - counted.journeys)[order],
            "median_s": times[order, 0],
            "p90_s": times[order, 1],
            "mean_s": (counted.total / counted.counts / SECOND)[order],
        }
    )


def variants(scan: Scan, summary: Summary) -> pd.DataFrame:
    """Return the sequences of touchpoints that journeys take."""
    counted = summary.variants
    words = pa.array(scan.names, pa.large_string())
    steps = pa.ListArray.from_arrays(counted.bounds.astype(np.int32), words.take(pa.array(counted.codes)))
    table = pa.table(
        {
            "group": counted.group,
            "variant": pc.binary_join(steps, pa.scalar(" > ", pa.large_string())),
            "journeys": counted.journeys,
            "customers": counted.customers,
        }
    ).sort_by([("group", "ascending"), ("journeys", "descending"), ("variant", "ascending")])
    group, journeys = table["group"].to_numpy(), table["journeys"].to_numpy()
    return pd.DataFrame(
        {
            "by": names_of(scan.groups, group),
            "variant": table["variant"]
            .to_pandas()
            .astype("str")
            .replace("", unmistakable(NOTHING, scan.names)),
            "journeys": journeys,
            "customers": table["customers"].to_numpy(),
            "share_of_journeys": journeys / summary.journeys.journeys[group],
        }
    )


def touchpoints(scan: Scan, summary: Summary) -> pd.DataFrame:
    """Return which touchpoints occur, through which channels, with which waits and satisfaction."""
    counted = summary.touchpoints
    group, touchpoint = by_count(counted.counts)
    here = (group, touchpoint)
    return pd.DataFrame(
        {
            "by": names_of(scan.groups, group),
            "touchpoint": names_of(scan.names, touchpoint),
            "count": counted.counts[here],
            "journeys": counted.journeys[here],
            "customers": counted.customers[here],
            "channels": pd.Series(
                [_most_frequent(row, scan.channels) for row in counted.channels[here]], dtype="str"
            ),
            "wait_s_mean": ratio(counted.wait[here], counted.wait_answered[here]),
            "wait_s_answered": counted.wait_answered[here],
            "satisfaction_mean": ratio(counted.satisfaction[here], counted.satisfaction_answered[here]),
            "satisfaction_answered": counted.satisfaction_answered[here],
        }
    )


def ends(scan: Scan, summary: Summary) -> pd.DataFrame:
    """Return the touchpoints at which journeys start, end, and stand while they run."""
    counted = summary.journeys
    # Position lies between group and touchpoint: within a group first the starts, then the ends.
    shape = len(POSITIONS) * len(counted.journeys), counted.borders.shape[2]
    borders, of_customers = counted.borders.reshape(shape), counted.borders_customers.reshape(shape)
    row, touchpoint = by_count(borders)
    group, position = np.divmod(row, len(POSITIONS))
    number = borders[row, touchpoint]
    return pd.DataFrame(
        {
            "by": names_of(scan.groups, group),
            "position": names_of(POSITIONS, position),
            "touchpoint": names_of(scan.names, touchpoint),
            "journeys": number,
            "customers": of_customers[row, touchpoint],
            "share_of_journeys": number / counted.journeys[group],
        }
    )


def parts_of(cell: Ints, n_names: int) -> tuple[Ints, Ints, Ints]:
    """Return the group, the name that is left and the name that follows of cells."""
    leaving, to = np.divmod(cell, max(n_names, 1))
    group, start = np.divmod(leaving, max(n_names, 1))
    return group, start, to


def _shares(counts: Ints, group: Ints, name: Ints, n_names: int) -> Floats:
    """Counts as shares of all of their group and name."""
    cell = group * n_names + name
    totals = np.bincount(cell, weights=counts)
    shares: Floats = counts / totals[cell]
    return shares


def quantiles_or_none(
    times: histogram.Histogram, cell: NDArray[np.int64], shares: tuple[float, ...]
) -> Floats:
    """Return quantiles of each cell, NaN where it has no durations."""
    found = np.full((len(cell), len(shares)), np.nan)
    some = np.isin(cell, times.key // histogram.BINS)
    found[some] = histogram.quantiles(times, cell[some], shares)
    return found


def by_count(counts: Ints) -> tuple[Ints, Ints]:
    """Return rows and columns of the counts that aren't zero: by row, falling count, then column."""
    row, column = np.nonzero(counts)
    order = np.lexsort((column, -counts[row, column], row))
    return row[order], column[order]


def _most_frequent(counts: Ints, channels: Sequence[str]) -> str:
    """The channels in use, the most frequent first; events without a channel (the last count) add none."""
    order = np.argsort(-counts[: len(channels)], kind="stable")
    return ", ".join(channels[code] for code in order if counts[code])
