"""What follows what some time later in the same journey: ordered pairs of events, {"a > b": pairs}.

Ours also counts the journeys and the times of each pair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.discovery.engines import (
    MILLION,
    Engine,
    Operation,
    Run,
    duckdb_table,
    pm4py_frame,
    polars_frame,
    same_numbers,
)

if TYPE_CHECKING:
    from benchmarks.discovery.workload import Events

SLOW = 1.1 * MILLION


def ours(events: Events) -> Run:
    """The table `follows` of a discovery, made anew each time."""
    import cjmining as cj
    from benchmarks.discovery.workload import log_of

    found = cj.discover(log_of(events))
    make = cj.Discovery.follows.func

    def run():
        table = make(found)
        return lambda: {
            f"{a} > {b}": int(pairs)
            for a, b, pairs in zip(
                table["from_touchpoint"], table["to_touchpoint"], table["count"], strict=True
            )
        }

    return run


def polars_join(events: Events) -> Run:
    """Each journey joined with itself."""
    import polars as pl

    frame = polars_frame(events).drop("timestamp").with_row_index("place").lazy()
    query = (
        frame.join(frame, on="journey")
        .filter(pl.col("place") < pl.col("place_right"))
        .group_by("touchpoint", "touchpoint_right")
        .agg(pl.len().alias("pairs"))
    )
    return lambda: _named(query.collect().rows(), events.names)


def duckdb_join(events: Events) -> Run:
    """The same in SQL."""
    connection = duckdb_table(events)

    def run() -> dict:
        found = connection.execute(
            """
            select one.touchpoint, other.touchpoint, count(*)
            from events one join events other on one.journey = other.journey and one.place < other.place
            group by all
            """
        ).fetchall()
        return _named(found, events.names)

    return run


def pm4py_called(events: Events) -> Run:
    """The eventually-follows graph as people call it."""
    import pm4py

    frame = pm4py_frame(events)

    def run() -> dict:
        found = pm4py.discover_eventually_follows_graph(frame)
        return {f"{a} > {b}": int(pairs) for (a, b), pairs in found.items()}

    return run


def _named(rows: list[tuple[int, int, int]], names: tuple[str, ...]) -> dict:
    return {f"{names[a]} > {names[b]}": int(pairs) for a, b, pairs in rows}


OPERATION = Operation(
    {
        "cjmining": Engine(ours),
        "polars, join": Engine(polars_join, SLOW),
        "duckdb, join": Engine(duckdb_join, 11 * MILLION),
        "pm4py": Engine(pm4py_called, SLOW),
    },
    floor=("bounds", "timestamp", "touchpoint"),
    agree=same_numbers,
)
