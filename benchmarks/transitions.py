"""Which touchpoint follows which, how often and how fast: each engine on sorted, encoded columns in memory.

An engine gets the folder of the workload, loads it in the form it likes best, and returns the function that
is timed. That function returns {"a > b": [count, seconds]}; seconds is None where the engine has no times.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.workload import flat

Answer = dict[str, list]
Engine = Callable[[Path], Callable[[], Answer]]
SECOND = 1_000_000


def cjmining_mean(folder: Path, *, threads: int) -> Callable[[], Answer]:
    """Counts, journeys and mean times by the kernel."""
    from cjmining.engine.local import map_blocks
    from cjmining.kernels import transitions

    blocks, names = _our_blocks(folder)

    def run() -> Answer:
        parts = map_blocks(lambda block: transitions.count(*block, 1, len(names)), blocks, threads=threads)
        found = transitions.merge(parts)
        return _by_cell(found.cell, found.counts, found.total / found.counts, names)

    return run


def cjmining_median(folder: Path, *, threads: int) -> Callable[[], Answer]:
    """The same with medians from a histogram."""
    from cjmining.engine.local import map_blocks
    from cjmining.kernels import histogram, transitions

    blocks, names = _our_blocks(folder)

    def run() -> Answer:
        parts = map_blocks(
            lambda block: transitions.count_with_times(*block, 1, len(names)), blocks, threads=threads
        )
        found = transitions.merge([part[0] for part in parts])
        times = histogram.merge([part[1] for part in parts])
        medians = histogram.quantiles(times, found.cell, (0.5,))[:, 0]
        return _by_cell(found.cell, found.counts, medians, names)

    return run


def polars_engine(folder: Path, *, statistic: str) -> Callable[[], Answer]:
    """Shift the sorted columns by one, keep the pairs within a journey, group by one small integer."""
    import polars as pl

    table, names = flat(folder)
    frame = pl.from_arrow(table).rechunk()
    n = len(names)
    times = {"mean": pl.col("elapsed").mean(), "median": pl.col("elapsed").median()}[statistic]
    query = (
        frame.lazy()
        .select(
            (pl.col("touchpoint") * n + pl.col("touchpoint").shift(-1)).alias("cell"),
            (pl.col("timestamp").shift(-1) - pl.col("timestamp")).alias("elapsed"),
            (pl.col("journey") == pl.col("journey").shift(-1)).alias("same"),
        )
        .filter("same")
        .group_by("cell")
        .agg(pl.len().alias("count"), times.alias("time"))
    )

    def run() -> Answer:
        found = query.collect()
        return _by_cell(*(found[name].to_numpy() for name in ("cell", "count", "time")), names)

    return run


def duckdb_engine(folder: Path, *, statistic: str) -> Callable[[], Answer]:
    """`lead` over the table's own order streams; a window by journey would sort again."""
    import duckdb

    table, names = flat(folder)
    connection = duckdb.connect()
    connection.register("arrow", table)
    connection.execute("create table events as select * from arrow")
    query = f"""
        select touchpoint * {len(names)} + following as cell, count(*), {statistic}(elapsed)
        from (
            select touchpoint, journey, lead(touchpoint) over () as following,
                lead(journey) over () as same, lead(timestamp) over () - timestamp as elapsed
            from events
        )
        where journey = same
        group by cell
    """

    def run() -> Answer:
        found = connection.execute(query).fetchnumpy()
        return _by_cell(*found.values(), names)

    return run


def pm4py_engine(folder: Path, *, statistic: str) -> Callable[[], Answer]:
    """The performance graph, told that the events are sorted."""
    from pm4py.algo.discovery.dfg.adapters.pandas.df_statistics import get_dfg_graph

    frame = _pm4py_frame(folder)

    def run() -> Answer:
        counts, times = get_dfg_graph(
            frame, measure="both", perf_aggregation_key=statistic, sort_caseid_required=False,
            sort_timestamp_along_case_id=False,
        )  # fmt: skip
        return {f"{a} > {b}": [int(counts[a, b]), float(times[a, b])] for a, b in counts}

    return run


def r4pm_engine(folder: Path) -> Callable[[], Answer]:
    """The directly-follows graph; r4pm has no times on it."""
    import polars as pl
    import r4pm

    frame = pl.from_pandas(_pm4py_frame(folder))
    log = r4pm.import_item_from_df("EventLog", frame)

    def run() -> Answer:
        graph = r4pm.bindings.discover_dfg(log)
        return {f"{a} > {b}": [count, None] for (a, b), count in graph["directly_follows_relations"]}

    return run


ENGINES: dict[str, dict[str, Engine]] = {
    "transitions, mean": {
        "cjmining": partial(cjmining_mean, threads=2),
        "cjmining, one thread": partial(cjmining_mean, threads=1),
        "polars": partial(polars_engine, statistic="mean"),
        "duckdb": partial(duckdb_engine, statistic="avg"),
        "pm4py": partial(pm4py_engine, statistic="mean"),
        "r4pm": r4pm_engine,
    },
    "transitions, median": {
        "cjmining": partial(cjmining_median, threads=2),
        "cjmining, one thread": partial(cjmining_median, threads=1),
        "polars": partial(polars_engine, statistic="median"),
        "duckdb": partial(duckdb_engine, statistic="median"),
        "pm4py": partial(pm4py_engine, statistic="median"),
    },
}


def _our_blocks(folder: Path) -> tuple[list[tuple], tuple[str, ...]]:
    """The log's own arrays, block by block: bounds, times, touchpoints, groups."""
    import cjmining as cj
    from cjmining.discovery.discovery import BLOCK_EVENTS

    log = cj.read_log(folder / "log")
    bounds, timestamps, codes = log.bounds, log.timestamps, log.codes("touchpoint")
    group, _ = log.group(None)
    return [
        (
            bounds[block.first_journey : block.last_journey + 1] - block.first_event,
            timestamps[block.first_event : block.last_event],
            codes[block.first_event : block.last_event],
            group[block.first_journey : block.last_journey],
        )
        for block in log.blocks(BLOCK_EVENTS)
    ], log.vocabulary("touchpoint")


def _pm4py_frame(folder: Path):
    import pandas as pd

    table, names = flat(folder)
    return pd.DataFrame(
        {
            "case:concept:name": table["journey"].to_numpy().astype(str).astype(object),
            "concept:name": np.array(names, dtype=object)[table["touchpoint"].to_numpy()],
            "time:timestamp": pd.to_datetime(table["timestamp"].to_numpy(), unit="us", utc=True),
        }
    )


def _by_cell(cells, counts, microseconds, names: tuple[str, ...]) -> Answer:
    pairs = [f"{a} > {b}" for a, b in itertools.product(names, names)]
    return {
        pairs[cell]: [int(count), float(time) / SECOND]
        for cell, count, time in zip(cells, counts, microseconds, strict=True)
    }
