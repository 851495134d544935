"""How many journeys come from a first step to a second and a third within a time: {step: journeys}.

An attempt begins at a journey's first first step; the next steps come later in the order of the log. Ours
also tells times, limits, and who is still under way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.discovery.engines import Engine, Operation, Run, duckdb_table, polars_frame, same_numbers
from benchmarks.discovery.questions import DAY, FUNNEL, FUNNEL_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.discovery.workload import Events


def ours(events: Events) -> Run:
    """`cj.funnel` with all its tables."""
    import cjmining as cj
    from benchmarks.discovery.workload import log_of

    log = log_of(events)

    def run() -> dict:
        steps = cj.funnel(log, FUNNEL, within=f"{FUNNEL_DAYS}d").steps
        return dict(zip(steps["name"], steps["reached"].tolist(), strict=True))

    return run


def polars_joins(events: Events) -> Run:
    """Only the events of the steps; each step joined with where the attempt is."""
    import polars as pl

    steps = [events.names.index(name) for name in FUNNEL]
    frame = polars_frame(events).with_row_index("place")

    def run() -> dict:
        few = frame.lazy().filter(pl.col("touchpoint").is_in(steps)).collect().lazy()
        at = (
            few.filter(pl.col("touchpoint") == steps[0])
            .group_by("journey")
            .agg(pl.col("place").first().alias("at"), pl.col("timestamp").first().alias("began"))
            .collect()
        )
        reached = [at.height]
        for step in steps[1:]:
            at = (
                few.filter(pl.col("touchpoint") == step)
                .join(at.lazy(), on="journey")
                .filter(
                    pl.col("place") > pl.col("at"),
                    pl.col("timestamp") - pl.col("began") <= FUNNEL_DAYS * DAY,
                )
                .group_by("journey")
                .agg(pl.col("place").min().alias("at"), pl.col("began").first())
                .collect()
            )
            reached.append(at.height)
        return dict(zip(FUNNEL, reached, strict=True))

    return run


def in_sql(source: str, steps: Sequence[object], days: int) -> str:
    """The same in SQL, of a table or query with journey, place, touchpoint and timestamp in microseconds."""
    first, second, third = steps
    within = days * DAY
    return f"""
        with few as materialized (
            select journey, place, touchpoint, timestamp from {source}
            where touchpoint in ({first}, {second}, {third})
        ), one as (
            select journey, min(place) as spot, arg_min(timestamp, place) as began
            from few where touchpoint = {first} group by journey
        ), two as (
            select journey, min(place) as spot, any_value(began) as began from few join one using (journey)
            where touchpoint = {second} and place > spot and timestamp - began <= {within}
            group by journey
        ), three as (
            select journey from few join two using (journey)
            where touchpoint = {third} and place > spot and timestamp - began <= {within}
            group by journey
        )
        select (select count(*) from one), (select count(*) from two), (select count(*) from three)
    """


def duckdb_joins(events: Events) -> Run:
    """The same in DuckDB."""
    connection = duckdb_table(events)
    query = in_sql("events", [events.names.index(name) for name in FUNNEL], FUNNEL_DAYS)

    def run() -> dict:
        return dict(zip(FUNNEL, connection.execute(query).fetchone(), strict=True))

    return run


OPERATION = Operation(
    {
        "cjmining": Engine(ours),
        "polars, joins": Engine(polars_joins),
        "duckdb, joins": Engine(duckdb_joins),
    },
    floor=("bounds", "timestamp", "touchpoint"),
    agree=same_numbers,
    apart=("retentioneering",),
    retentioneering=True,
)
