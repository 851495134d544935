"""From a CSV export to events that are typed, encoded and sorted by customer and time.

The answer is how often each touchpoint follows each for the same customer: it differs if a row is lost,
misread or out of order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

NATIVE = "ingestion of native exports"

Counts = dict[str, int]
Run = Callable[[], Callable[[], Counts]]


def cjmining_engine(folder: Path) -> Run:
    """`cj.ingest`: besides, it keeps a ledger of every record, removes duplicates and joins identities."""
    import cjmining as cj

    source = cj.sources.Table(
        folder / "events.csv",
        name="shop",
        customer="customer",
        timestamp="time",
        touchpoint="touchpoint",
        channel="channel",
        event_id="event",
        measures={"value": "value"},
    )

    def run() -> Callable[[], Counts]:
        log = cj.ingest([source])
        names = np.array(log.vocabulary("touchpoint"))
        return lambda: _follow(log.event_customers, names[log.codes("touchpoint")])

    return run


def native_exports(folder: Path) -> Run:
    """`cj.ingest` of the shop's six systems in their own formats, with labels."""
    import yaml

    import cjmining as cj

    exports = folder / "exports"
    study = yaml.safe_load((exports / "study.yaml").read_text(encoding="utf-8"))
    sources = [
        getattr(cj.sources, given.pop("source"))(exports / given.pop("path"), **given)
        for given in study["sources"]
    ]
    customers = cj.sources.Customers(exports / study["customers"].pop("path"), **study["customers"])

    def run() -> Callable[[], Counts]:
        log = cj.ingest(sources, customers=customers, data_end=study["data_end"])
        log = log.label(exports / study["labels"])
        return lambda: {"events": log.n_events}

    return run


def duckdb_engine(folder: Path) -> Run:
    """Read with stated types, encode as ENUM, sort into a table."""
    import duckdb

    path = str(folder / "events.csv")

    def run() -> Callable[[], Counts]:
        connection = duckdb.connect()
        connection.execute(
            """
            create table raw as select * from read_csv(
                ?, header = true, auto_detect = false, delim = ',', quote = '"',
                columns = {event: 'BIGINT', customer: 'VARCHAR', time: 'TIMESTAMPTZ', touchpoint: 'VARCHAR',
                    channel: 'VARCHAR', value: 'DOUBLE'})
            """,
            [path],
        )
        connection.execute("create type touchpoint as enum (select distinct touchpoint from raw order by 1)")
        connection.execute("create type channel as enum (select distinct channel from raw order by 1)")
        connection.execute(
            """
            create table events as select customer, time, touchpoint::touchpoint as touchpoint,
                channel::channel as channel, value, event from raw order by customer, time, event
            """
        )

        def answer() -> Counts:
            found = connection.execute(
                "select customer, touchpoint::varchar as touchpoint from events"
            ).fetchnumpy()
            return _follow(found["customer"], found["touchpoint"])

        return answer

    return run


def polars_engine(folder: Path) -> Run:
    """Scan with stated types, encode as Categorical, sort."""
    import polars as pl

    path = folder / "events.csv"
    types = {
        "event": pl.Int64, "customer": pl.String, "time": pl.String, "touchpoint": pl.Categorical,
        "channel": pl.Categorical, "value": pl.Float64,
    }  # fmt: skip

    def run() -> Callable[[], Counts]:
        frame = (
            pl.scan_csv(path, schema=types)
            .with_columns(
                pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
            )
            .sort("customer", "time", "event")
            .collect()
        )
        return lambda: _follow(frame["customer"].to_numpy(), frame["touchpoint"].cast(pl.String).to_numpy())

    return run


ENGINES = {
    "ingestion of a CSV": {
        "cjmining": cjmining_engine,
        "duckdb": duckdb_engine,
        "polars": polars_engine,
    },
    NATIVE: {"cjmining": native_exports},
}


def _follow(customer: np.ndarray, touchpoint: np.ndarray) -> Counts:
    same = customer[1:] == customer[:-1]
    pairs = zip(touchpoint[:-1][same], touchpoint[1:][same], strict=True)
    return {f"{a} > {b}": number for (a, b), number in Counter(pairs).items()}
