"""The tables of paths: from attempts to numbers with names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cjmining.discovery.columns import SECOND, chosen, moments, names_of, ratio
from cjmining.discovery.paths.differences import differences, side_of
from cjmining.discovery.paths.reading import ARRIVED, FATES, NOT_ARRIVED, OPEN
from cjmining.discovery.sums import shares
from cjmining.kernels.paths import present

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.paths.reading import Attempts
    from cjmining.discovery.sums import Flags, Floats, Ints
    from cjmining.kernels.paths import Flat

JOINT: Final = " > "


def path_texts(paths: Flat, names: tuple[str, ...]) -> NDArray[np.object_]:
    """Write paths as "a > b > c"."""
    listed = pa.LargeListArray.from_arrays(
        paths.bounds, pa.array(names, pa.large_string()).take(pa.array(paths.codes))
    )
    texts: NDArray[np.object_] = pc.binary_join(listed, pa.scalar(JOINT, pa.large_string())).to_numpy(
        zero_copy_only=False
    )
    return texts


def overview(found: Attempts, of_group: Ints) -> pd.DataFrame:
    """Return how many attempts each group made and what became of them; of_group are all journeys of each."""
    grouped, arrived = found.grouped, found.fate == ARRIVED
    everyone = grouped.sums(np.ones(len(arrived), np.bool_), arrived)
    mature = grouped.sums(found.mature, arrived)
    resolved = grouped.sums(found.fate != OPEN, arrived)
    of_mature, of_resolved = (np.array(shares(one)).reshape(-1, 3) for one in (mature, resolved))
    times = grouped.quantiles(found.took, arrived, (0.5, 0.9))
    _, first = np.unique(found.journey, return_index=True)
    kept = np.flatnonzero(of_group)
    columns = {
        "journeys_in_group": of_group,
        "journeys": np.bincount(grouped.group[first], minlength=len(of_group)),
        "customers": everyone.unit_clusters,
        "attempts": everyone.units,
        "arrived": everyone.hits,
        "not_arrived": grouped.number(found.fate == NOT_ARRIVED),
        "open": grouped.number(found.fate == OPEN),
        "mature": mature.units,
        "mature_arrived": mature.hits,
        "share_of_mature_attempts": of_mature[:, 0],
        "lower": of_mature[:, 1],
        "upper": of_mature[:, 2],
        "share_of_resolved": of_resolved[:, 0],
        "share_of_resolved_lower": of_resolved[:, 1],
        "share_of_resolved_upper": of_resolved[:, 2],
        "median_s": times[:, 0],
        "p90_s": times[:, 1],
        "median_steps": grouped.quantiles(found.n_steps() * SECOND, arrived, (0.5,))[:, 0],
    }
    return pd.DataFrame(
        {"by": names_of(grouped.names, kept), **{name: column[kept] for name, column in columns.items()}}
    )


class Cells(NamedTuple):
    """Attempts put together by what they share; one entry a cell.

    Attributes
    ----------
    cell : int64[C]
        Ascending.
    attempts, journeys, customers : int64[C]
    times : float64[C, 2]
        Median and 90th percentile of the time taken, seconds.
    """

    cell: Ints
    attempts: Ints
    journeys: Ints
    customers: Ints
    times: Floats


def together(found: Attempts, kept: Flags, cell: Ints) -> Cells:
    """Put attempts of one cell together; `cell` has an entry a kept attempt."""
    took = found.took[kept]
    order = np.lexsort((took, cell))
    cells, starts, number = np.unique(cell[order], return_index=True, return_counts=True)
    return Cells(
        cells,
        number,
        _different(cell, found.journey[kept], cells),
        _different(cell, found.grouped.customer[kept], cells),
        np.stack([_quantile(took[order], starts, number, share) for share in (0.5, 0.9)], axis=1),
    )


def _different(cell: Ints, values: Ints, cells: Ints) -> Ints:
    """Return how many different values each cell has, where equal ones of a cell lie together in the log."""
    order = np.argsort(cell, kind="stable")
    cell, values = cell[order], values[order]
    new = np.append(True, (cell[1:] != cell[:-1]) | (values[1:] != values[:-1]))[: len(cell)]
    return np.bincount(np.searchsorted(cells, cell[new]), minlength=len(cells))


def _quantile(ascending: Ints, starts: Ints, number: Ints, share: float) -> Floats:
    """Return a quantile of each run, as numpy does: between two values on a straight line; seconds."""
    place = (number - 1) * share
    below = np.floor(place).astype(np.int64)
    low, high = ascending[starts + below], ascending[starts + np.minimum(below + 1, number - 1)]
    return np.asarray((low + (place - below) * (high - low)) / SECOND, dtype=np.float64)


def travelled(found: Attempts, texts: NDArray[np.object_], smallest: int) -> pd.DataFrame:
    """Return the paths of those who arrived, the most travelled first."""
    kept = found.fate == ARRIVED
    n_paths = max(len(texts), 1)
    cells = together(found, kept, found.grouped.group[kept] * np.int64(n_paths) + found.path[kept])
    group, path = np.divmod(cells.cell, n_paths)
    order = np.lexsort((path, -cells.attempts, group))
    group, path = group[order], path[order]
    attempts, median = cells.attempts[order], cells.times[order, 0]
    arrived = found.grouped.number(kept)
    return pd.DataFrame(
        {
            "by": names_of(found.grouped.names, group),
            "path": pd.Series(texts[path], dtype="str"),
            "journeys": cells.journeys[order],
            "customers": cells.customers[order],
            "attempts": attempts,
            "share_of_arrived": ratio(attempts, arrived[group]),
            "cumulative_share_of_arrived": ratio(_running(group, attempts), arrived[group]),
            "median_s": median,
            "p90_s": cells.times[order, 1],
            "fastest_rank": _ranks(group, median, attempts >= smallest),
        }
    )


def _running(group: Ints, attempts: Ints) -> Ints:
    """Return the running sum within each group."""
    total = np.cumsum(attempts)
    begins = np.searchsorted(group, group, side="left")
    return total - (total - attempts)[begins] if len(group) else total


def _ranks(group: Ints, median: Floats, large: Flags) -> pd.Series[int]:
    """Return 1 for the fastest path of each group among the large enough; equal ones in the order given."""
    order = np.lexsort((np.arange(len(group)), median, ~large, group))
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - np.searchsorted(group, group[order], side="left") + 1
    ranks = pd.Series(rank, dtype="Int64")
    ranks[~large] = pd.NA
    return ranks


def fastest(paths: pd.DataFrame) -> pd.DataFrame:
    """Return the paths that are large enough, the fastest of each group first."""
    table = paths[paths["fastest_rank"].notna()].copy()
    table["by"] = pd.Categorical(table["by"], categories=table["by"].unique())
    table = table.sort_values(["by", "fastest_rank"], kind="stable")
    table["by"] = table["by"].astype("str")
    table.insert(1, "rank", table.pop("fastest_rank").astype("int64"))
    return table.drop(columns=["cumulative_share_of_arrived"]).reset_index(drop=True)


def stranded(
    found: Attempts, names: tuple[str, ...], texts: NDArray[np.object_], fate: int, share: str
) -> pd.DataFrame:
    """Return the paths of those who did not arrive, or are under way, the most frequent first."""
    kept = found.fate == fate
    n_paths, n_codes = max(len(texts), 1), max(len(names), 1)
    cell = (found.grouped.group[kept] * np.int64(n_paths) + found.path[kept]) * n_codes
    cells = together(found, kept, cell + found.last_codes()[kept])
    rest, last = np.divmod(cells.cell, n_codes)
    group, path = np.divmod(rest, n_paths)
    order = np.lexsort((path, -cells.attempts, group))
    return pd.DataFrame(
        {
            "by": names_of(found.grouped.names, group[order]),
            "path": pd.Series(texts[path[order]], dtype="str"),
            "last_touchpoint": names_of(names, last[order]),
            "journeys": cells.journeys[order],
            "customers": cells.customers[order],
            "attempts": cells.attempts[order],
            share: ratio(cells.attempts, found.grouped.number(kept)[group])[order],
        }
    )


def lost_at(found: Attempts, names: tuple[str, ...]) -> pd.DataFrame:
    """Return the touchpoints at which those were last who did not arrive."""
    kept = found.fate == NOT_ARRIVED
    n_codes = max(len(names), 1)
    cells = together(found, kept, found.grouped.group[kept] * np.int64(n_codes) + found.last_codes()[kept])
    group, last = np.divmod(cells.cell, n_codes)
    order = np.lexsort((last, -cells.attempts, group))
    return pd.DataFrame(
        {
            "by": names_of(found.grouped.names, group[order]),
            "last_touchpoint": names_of(names, last[order]),
            "journeys": cells.journeys[order],
            "customers": cells.customers[order],
            "attempts": cells.attempts[order],
            "share_of_not_arrived": ratio(cells.attempts, found.grouped.number(kept)[group])[order],
        }
    )


def between(found: Attempts, names: tuple[str, ...]) -> pd.DataFrame:
    """Return which touchpoints lie on the way of those who arrived and of those who did not."""
    grouped = found.grouped
    side = np.where(found.fate == OPEN, -1, found.fate).astype(np.int8)
    size = (len(grouped.names), len(names))
    counted = present(found.ways.steps, found.inner(), side, grouped.group, grouped.customer, size)
    having = counted.having.sum(axis=1)
    group, code = np.nonzero(having)
    order = np.lexsort((code, -having[group, code], group))
    group, code = group[order], code[order]
    limits = differences(*(side_of(counted, side, group, code) for side in (ARRIVED, NOT_ARRIVED)))
    with_it = counted.having[group, :, code]
    return pd.DataFrame(
        {
            "by": names_of(grouped.names, group),
            "touchpoint": names_of(names, code),
            "customers": counted.customers[group, code],
            "attempts": having[group, code],
            "arrived_with": with_it[:, ARRIVED],
            "share_of_arrived": ratio(with_it[:, ARRIVED], counted.attempts[group, ARRIVED]),
            "not_arrived_with": with_it[:, NOT_ARRIVED],
            "share_of_not_arrived": ratio(with_it[:, NOT_ARRIVED], counted.attempts[group, NOT_ARRIVED]),
            "difference": limits[:, 0],
            "lower": limits[:, 1],
            "upper": limits[:, 2],
        }
    )


def attempts(found: Attempts, texts: NDArray[np.object_]) -> pd.DataFrame:
    """Return a row an attempt."""
    arrived, start_at, took, last = found.fate == ARRIVED, found.start_at, found.took, found.last
    return pd.DataFrame(
        {
            "by": chosen(found.grouped.names, found.grouped.group),
            "journey": found.journey,
            "customer": found.grouped.customer,
            "start_event": found.first,
            "start": moments(start_at),
            "end_event": np.where(arrived, last, -1),
            "end": moments(start_at + took, arrived),
            "last_event": last,
            "duration_s": np.where(arrived, took / SECOND, np.nan),
            "steps": found.n_steps(),
            "fate": chosen(FATES, found.fate),
            "mature": found.mature,
            "path": chosen(texts.tolist(), found.path),
        }
    )
