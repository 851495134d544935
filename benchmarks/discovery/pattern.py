"""How many journeys have one touchpoint and later, within a time, another: {"journeys": number}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.discovery.engines import (
    MILLION,
    Engine,
    Operation,
    Run,
    duckdb_table,
    polars_frame,
    same_numbers,
)
from benchmarks.discovery.questions import DAY, PATTERN, PATTERN_DAYS

if TYPE_CHECKING:
    from benchmarks.discovery.workload import Events

TEXT = f"{PATTERN[0]} -> {{within {PATTERN_DAYS}d}} {PATTERN[1]}"


def ours(events: Events) -> Run:
    """Which journeys have the pattern: what `log.where(path=...)` asks, without the new log."""
    from benchmarks.discovery.workload import log_of
    from cjmining.patterns import having

    log = log_of(events)
    return lambda: {"journeys": int(having(log, TEXT).sum())}


def ours_matches(events: Events) -> Run:
    """`cj.matches`: also how long each match takes and by which events it goes, with limits."""
    import cjmining as cj
    from benchmarks.discovery.workload import log_of

    log = log_of(events)
    return lambda: {"journeys": int(cj.matches(log, TEXT).overview["matched"].sum())}


def ours_where(events: Events) -> Run:
    """`log.where(path=...)`: the log of those journeys, with all its columns."""
    from benchmarks.discovery.workload import log_of

    log = log_of(events)
    return lambda: {"journeys": log.where(path=TEXT).n_journeys}


def polars_pairs(events: Events) -> Run:
    """Only events of the two, and each one's next: the last of the first before the second is the nearest."""
    import polars as pl

    first, second = (events.names.index(name) for name in PATTERN)
    soon = pl.col("timestamp").shift(-1) - pl.col("timestamp") <= PATTERN_DAYS * DAY
    query = (
        polars_frame(events)
        .lazy()
        .filter((pl.col("touchpoint") == first) | (pl.col("touchpoint") == second))
        .filter(
            (pl.col("touchpoint") == first)
            & (pl.col("touchpoint").shift(-1) == second)
            & (pl.col("journey").shift(-1) == pl.col("journey"))
            & soon
        )
        .select(pl.col("journey").n_unique())
    )
    return lambda: {"journeys": query.collect().item()}


_NEXT = {"sorted": "over ()", "window": "over (partition by journey order by timestamp, place)"}


def duckdb_pairs(events: Events, over: str) -> Run:
    """The same in SQL."""
    connection = duckdb_table(events)
    first, second = (events.names.index(name) for name in PATTERN)
    query = f"""
        select count(distinct journey)
        from (
            select journey, touchpoint, timestamp, lead(touchpoint) {over} as following,
                lead(journey) {over} as same, lead(timestamp) {over} as later
            from events where touchpoint in ({first}, {second})
        )
        where touchpoint = {first} and following = {second} and journey = same
            and later - timestamp <= {PATTERN_DAYS * DAY}
    """

    def run() -> dict:
        return {"journeys": connection.execute(query).fetchone()[0]}

    return run


OPERATION = Operation(
    {
        "cjmining": Engine(ours),
        "cjmining, cj.matches": Engine(ours_matches),
        "cjmining, log.where": Engine(ours_where, 11 * MILLION),
        "polars, pairs of the two": Engine(polars_pairs),
        "duckdb, pairs of the two, sorted": Engine(lambda events: duckdb_pairs(events, _NEXT["sorted"])),
        "duckdb, pairs of the two, window": Engine(
            lambda events: duckdb_pairs(events, _NEXT["window"]), 11 * MILLION
        ),
    },
    floor=("bounds", "timestamp", "touchpoint"),
    agree=same_numbers,
    apart=("retentioneering",),
    retentioneering=True,
)
