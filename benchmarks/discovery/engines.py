"""What an engine and an operation are, and the forms in which engines like their events."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from benchmarks.discovery.workload import Events

Run = Callable[[], Any]
"""Does the operation once; returns the answer, or a function that makes it when the clock has stopped."""

MILLION = 1_000_000
ANY = 1 << 40


class Engine(NamedTuple):
    """How an engine is prepared (what a user pays once), and up to how many events it is measured."""

    prepare: Callable[[Events], Run]
    most: int = ANY


class Operation(NamedTuple):
    """The engines of an operation, ours first.

    `floor` names the columns that a bare pass reads; `agree` says what differs between two answers, None if
    nothing does. Answers of engines in `apart` are of another thing, and not compared. `retentioneering`:
    whether that peer, which has an environment of its own, does the operation too.
    """

    engines: dict[str, Engine]
    floor: tuple[str, ...]
    agree: Callable[[Any, Any], str | None]
    apart: tuple[str, ...] = ()
    retentioneering: bool = False


def blocks_of(events: Events) -> list[tuple[np.ndarray, ...]]:
    """Blocks as large as those in which verbs read a log: bounds, times, touchpoints and groups of each."""
    from cjmining.discovery.summary import BLOCK_EVENTS, MOST_BLOCKS

    size = max(BLOCK_EVENTS, len(events.journey) // MOST_BLOCKS)
    wanted = np.searchsorted(events.bounds, np.arange(0, len(events.journey), size))
    cuts = np.append(wanted, len(events.bounds) - 1)
    code = events.touchpoint.astype(np.int32)
    return [
        (
            events.bounds[a : b + 1] - events.bounds[a],
            events.timestamp[events.bounds[a] : events.bounds[b]],
            code[events.bounds[a] : events.bounds[b]],
            np.zeros(b - a, np.int32),
        )
        for a, b in itertools.pairwise(cuts)
    ]


def polars_frame(events: Events):
    """The columns as polars likes them: codes, sorted, told that they are."""
    import polars as pl

    return pl.DataFrame(
        {"journey": events.journey, "touchpoint": events.touchpoint, "timestamp": events.timestamp}
    ).with_columns(pl.col("journey").set_sorted())


def duckdb_table(events: Events):
    """A connection whose table `events` has the columns in the log's order, and the place of each row."""
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect()
    table = pa.table(
        {
            "journey": events.journey,
            "touchpoint": events.touchpoint,
            "timestamp": events.timestamp,
            "place": np.arange(len(events.journey), dtype=np.int32),
        }
    )
    connection.register("arrow", table)
    connection.execute("create table events as select * from arrow")
    connection.unregister("arrow")
    return connection


def pm4py_frame(events: Events):
    """The columns under the names, and of the types, that pm4py asks for."""
    import pandas as pd

    return pd.DataFrame(
        {
            "case:concept:name": events.journey.astype(str).astype(object),
            "concept:name": np.array(events.names, dtype=object)[events.touchpoint],
            "time:timestamp": pd.to_datetime(events.timestamp, unit="us", utc=True),
        }
    )


def same_numbers(one: dict, other: dict) -> str | None:
    """Say which entry of two dictionaries differs."""
    for key in one.keys() | other.keys():
        if one.get(key) != other.get(key):
            return f"{key!r}: {one.get(key)} and {other.get(key)}"
    return None
