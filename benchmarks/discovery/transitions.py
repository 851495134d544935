"""Which touchpoint follows which, how often and how fast.

Answers are {"a > b": [count, seconds]}; seconds is None where an engine has no times.
"""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.discovery.engines import (
    MILLION,
    Engine,
    Operation,
    Run,
    blocks_of,
    duckdb_table,
    pm4py_frame,
    polars_frame,
)

if TYPE_CHECKING:
    from benchmarks.discovery.workload import Events

SECOND = 1_000_000
SLOW = 1.1 * MILLION


def ours_mean(events: Events) -> Run:
    """Counts, journeys and mean times by the kernel."""
    from cjmining.engine.local import map_blocks
    from cjmining.kernels import transitions

    blocks, n = blocks_of(events), len(events.names)

    def run() -> dict:
        found = transitions.merge(map_blocks(lambda block: transitions.count(*block, 1, n), blocks))
        return _by_cell(found.cell, found.counts, found.total / found.counts, events.names)

    return run


def ours_median(events: Events) -> Run:
    """The same with medians from a histogram."""
    from cjmining.engine.local import map_blocks
    from cjmining.kernels import histogram, transitions

    blocks, n = blocks_of(events), len(events.names)

    def run() -> dict:
        parts = map_blocks(lambda block: transitions.count_with_times(*block, 1, n), blocks)
        found = transitions.merge([part[0] for part in parts])
        times = histogram.merge([part[1] for part in parts])
        medians = histogram.quantiles(times, found.cell, (0.5,))[:, 0]
        return _by_cell(found.cell, found.counts, medians, events.names)

    return run


def ours_discover(events: Events) -> Run:
    """`cj.discover` with all its tables: transitions, variants with names, touchpoints, starts and ends."""
    import cjmining as cj
    from benchmarks.discovery.workload import log_of

    log = log_of(events)

    def run():
        table = cj.discover(log).transitions
        pairs = zip(
            table["from_touchpoint"], table["to_touchpoint"], table["count"], table["median_s"], strict=True
        )
        return lambda: {f"{a} > {b}": [int(count), float(median)] for a, b, count, median in pairs}

    return run


def polars_sorted(events: Events, *, statistic: str) -> Run:
    """Shift the sorted columns by one, keep the pairs within a journey, group by one small integer."""
    import polars as pl

    n = len(events.names)
    elapsed = pl.col("elapsed")
    query = (
        polars_frame(events)
        .lazy()
        .select(
            (pl.col("touchpoint").cast(pl.Int16) * n + pl.col("touchpoint").shift(-1)).alias("cell"),
            (pl.col("timestamp").shift(-1) - pl.col("timestamp")).alias("elapsed"),
            (pl.col("journey") == pl.col("journey").shift(-1)).alias("same"),
        )
        .filter("same")
        .group_by("cell")
        .agg(
            pl.len().alias("count"),
            (elapsed.mean() if statistic == "mean" else elapsed.median()).alias("time"),
        )
    )

    def run() -> dict:
        found = query.collect()
        return _by_cell(*(found[name].to_numpy() for name in ("cell", "count", "time")), events.names)

    return run


def polars_plain(events: Events, *, statistic: str) -> Run:
    """Group by the pair of touchpoints, taken with a window by journey."""
    import polars as pl

    elapsed = pl.col("elapsed")
    query = (
        polars_frame(events)
        .lazy()
        .with_columns(
            pl.col("touchpoint").shift(-1).over("journey").alias("following"),
            (pl.col("timestamp").shift(-1).over("journey") - pl.col("timestamp")).alias("elapsed"),
        )
        .drop_nulls("following")
        .group_by("touchpoint", "following")
        .agg(
            pl.len().alias("count"),
            (elapsed.mean() if statistic == "mean" else elapsed.median()).alias("time"),
        )
    )

    def run() -> dict:
        found = query.collect()
        cells = found["touchpoint"].cast(pl.Int32) * len(events.names) + found["following"]
        return _by_cell(cells.to_numpy(), found["count"].to_numpy(), found["time"].to_numpy(), events.names)

    return run


_FOLLOWING = {
    "sorted": "over ()",  # streams along the table's own order
    "window": "over (partition by journey order by timestamp, place)",
}


def duckdb_engine(events: Events, *, statistic: str, form: str) -> Run:
    """`lead` over the table's own order, or over each journey by itself."""
    connection = duckdb_table(events)
    over = _FOLLOWING[form]
    query = f"""
        select touchpoint::integer * {len(events.names)} + following as cell, count(*), {statistic}(elapsed)
        from (
            select touchpoint, journey, lead(touchpoint) {over} as following,
                lead(journey) {over} as same, lead(timestamp) {over} - timestamp as elapsed
            from events
        )
        where journey = same
        group by cell
    """

    def run() -> dict:
        return _by_cell(*connection.execute(query).fetchnumpy().values(), events.names)

    return run


def pm4py_called(events: Events, *, statistic: str) -> Run:
    """The performance graph as people call it; it has all statistics."""
    import pm4py

    frame = pm4py_frame(events)

    def run() -> dict:
        counts, _, _ = pm4py.discover_dfg(frame)
        times, _, _ = pm4py.discover_performance_dfg(frame)
        return {f"{a} > {b}": [int(counts[a, b]), float(times[a, b][statistic])] for a, b in counts}

    return run


def pm4py_fastest(events: Events, *, statistic: str) -> Run:
    """The adapter underneath, told that the events are sorted."""
    from pm4py.algo.discovery.dfg.adapters.pandas.df_statistics import get_dfg_graph

    frame = pm4py_frame(events)

    def run() -> dict:
        counts, times = get_dfg_graph(
            frame, measure="both", perf_aggregation_key=statistic, sort_caseid_required=False,
            sort_timestamp_along_case_id=False,
        )  # fmt: skip
        return {f"{a} > {b}": [int(counts[a, b]), float(times[a, b])] for a, b in counts}

    return run


def r4pm_engine(events: Events) -> Run:
    """The directly-follows graph; r4pm has no times on it."""
    import polars as pl
    import r4pm

    log = r4pm.import_item_from_df("EventLog", pl.from_pandas(pm4py_frame(events)))

    def run() -> dict:
        graph = r4pm.bindings.discover_dfg(log)
        return {f"{a} > {b}": [count, None] for (a, b), count in graph["directly_follows_relations"]}

    return run


def agree(ours: dict, theirs: dict, *, within: float) -> str | None:
    """Counts are equal, times lie as near as stated."""
    for key in ours.keys() | theirs.keys():
        one, other = ours.get(key), theirs.get(key)
        if one is None or other is None or one[0] != other[0] or not _near(one[1], other[1], within):
            return f"{key}: {one} and {other}"
    return None


def _near(one: float, other: float | None, within: float) -> bool:
    return other is None or math.isclose(one, other, rel_tol=within)


def _by_cell(cells, counts, microseconds, names: tuple[str, ...]) -> dict:
    pairs = [f"{a} > {b}" for a, b in itertools.product(names, names)]
    return {
        pairs[cell]: [int(count), float(time) / SECOND]
        for cell, count, time in zip(cells, counts, microseconds, strict=True)
    }


def _peers(statistic: str) -> dict[str, Engine]:
    in_sql = "avg" if statistic == "mean" else "median"
    return {
        "polars, sorted codes": Engine(partial(polars_sorted, statistic=statistic)),
        "polars, window by journey": Engine(partial(polars_plain, statistic=statistic), 11 * MILLION),
        "duckdb, sorted": Engine(partial(duckdb_engine, statistic=in_sql, form="sorted")),
        "duckdb, window by journey": Engine(
            partial(duckdb_engine, statistic=in_sql, form="window"), 11 * MILLION
        ),
        "pm4py": Engine(partial(pm4py_called, statistic=statistic), SLOW),
        "pm4py, its fastest adapter": Engine(partial(pm4py_fastest, statistic=statistic), SLOW),
    }


COLUMNS = ("bounds", "timestamp", "touchpoint")
MEAN = Operation(
    {"cjmining": Engine(ours_mean), **_peers("mean"), "r4pm, no times": Engine(r4pm_engine, SLOW)},
    floor=COLUMNS,
    agree=partial(agree, within=1e-9),
    retentioneering=True,
)
QUANTILES = Operation(
    {
        "cjmining": Engine(ours_median),
        "cjmining, cj.discover": Engine(ours_discover, 11 * MILLION),
        **_peers("median"),
    },
    floor=COLUMNS,
    agree=partial(agree, within=1 / 128),
    retentioneering=True,
)
