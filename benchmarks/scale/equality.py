"""The same questions in memory, from disk, and on Spark: `python -m benchmarks.scale.equality LOG`.

LOG is the labelled log of `benchmarks.scale`. Each way answers in a process of its own: in memory; from disk
within a tenth of what the events take in memory; in 32 blocks by two threads of Spark; and likewise by two
executors of a local cluster, one of which is killed while `cj.check` is asked. Counts have to be equal, other
numbers to 1e-9. Times are of the questions alone, each asked once; the first has to start and load what
others find there.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.child import ROOT, told_by
from benchmarks.measure import peak, times
from benchmarks.scale.steps import FUNNEL, FUNNEL_DAYS, HERE

WAYS = {"in memory": None, "from disk": "", "local[2]": "local[2]", "cluster": "local-cluster[2,1,1024]"}
"""What each way is called, and the master of Spark."""
BLOCKS = 32
STAGE = "Basket"
MONTHS = ("2026-03", "2026-09")
_BYTES_AN_EVENT = 100
"""What an event of such a log takes in memory, with all its columns."""
_KILL_AFTER = 5.0
"""Seconds of `cj.check` after which an executor is killed."""


def questions() -> dict[str, Callable[[Any, Any, dict[str, Any]], Any]]:
    """Return what is asked: of the log, the map, and what was found before."""
    import cjmining as cj

    return {
        "discover": lambda log, intended, _: cj.discover(log, ignore=intended.ignore),
        "check": lambda log, intended, _: cj.check(log, intended),
        "incidence": lambda _log, _map, found: cj.incidence(found["check"]),
        "scan": lambda _log, _map, found: cj.scan(found["check"]),
        "drivers": lambda _log, _map, found: cj.drivers(found["check"], STAGE),
        "funnel": lambda log, *_: cj.funnel(log, list(FUNNEL), within=f"{FUNNEL_DAYS}d"),
        "paths": lambda log, *_: cj.paths(log, start=FUNNEL[0], end=FUNNEL[-1], within=f"{FUNNEL_DAYS}d"),
        "variants": lambda log, intended, _: cj.variants(log, ignore=intended.ignore),
        "matches": lambda log, *_: cj.matches(log, f"{FUNNEL[0]} -> {FUNNEL[1]}"),
        "compare": lambda log, *_: cj.compare(cj.discover(log, by="month"), *MONTHS),
        "personas": lambda log, *_: cj.find_personas(log, number=3),
        "patience": lambda log, intended, _: cj.settle_patience(log, replace(intended, patience="auto")),
        "what_if": lambda _log, _map, found: cj.what_if(
            found["check"], {"stage": STAGE, "drop_out": 0.5}, replicates=20
        ),
        "audience": lambda _log, _map, found: cj.audience(found["check"], stage=STAGE),
    }


def answer(way: str, log: Path, out: Path) -> dict[str, Any]:
    """Ask everything in one way; keep the tables in a file, return the times and the peak of memory."""
    import cjmining as cj

    intended = cj.read_map(HERE / "map.yaml")
    n_events = cj.read_log(log).n_events
    opened = cj.read_log(log, memory_limit=_limit(way, n_events)).split(intended)
    seconds, cpu, found = {}, {}, {}
    with _executors(WAYS[way], n_events // BLOCKS) as engine:
        asked = opened if engine is None else opened.on(engine)
        for name, question in questions().items():
            kill = way == "cluster" and name == "check"
            with _killing() if kill else nullcontext():
                (seconds[name],), (cpu[name],), found[name] = times(
                    partial(question, asked, intended, found), 1
                )
            print(f"{way}: {name} {seconds[name]:.1f} s", file=sys.stderr, flush=True)
        tables = {
            f"{name}.{table}": getattr(each, table) for name, each in found.items() for table in each._tables
        }
    out.write_bytes(pickle.dumps(tables))
    used = {"limit": opened.memory_limit, "blocks": len(asked.blocks()), "peak_mb": peak()}
    return {**used, "seconds": seconds, "cpu": cpu}


def _limit(way: str, events: int) -> int | None:
    """Return how many bytes a log of so many events is opened with."""
    return None if way == "in memory" else events * _BYTES_AN_EVENT // 10


@contextmanager
def _executors(master: str | None, block_events: int) -> Iterator[Any]:
    """Give an engine on a session of Spark; None without a master."""
    if not master:
        yield None
        return
    from pyspark.sql import SparkSession

    import cjmining as cj

    os.environ |= {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.executor.memory": "1g"}
    builder = SparkSession.builder.master(master).appName("cjmining equality")
    session = builder.config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        with cj.engines.Spark(session, block_events=block_events) as engine:
            yield engine
    finally:
        session.stop()


@contextmanager
def _killing() -> Iterator[None]:
    """Kill one executor a few seconds from now; it is an error if what is asked ends before."""
    killed = threading.Event()

    def kill() -> None:
        listed = subprocess.run(
            ["pgrep", "-f", "CoarseGrainedExecutorBackend"], stdout=subprocess.PIPE, text=True, check=True
        )
        os.kill(int(listed.stdout.split()[0]), signal.SIGKILL)
        killed.set()

    timer = threading.Timer(_KILL_AFTER, kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if not killed.is_set():
        raise SystemExit("no executor was killed: the question was answered before")


def compare(one: dict[str, Any], other: dict[str, Any], way: str) -> None:
    """Stop where tables differ."""
    if list(one) != list(other):
        raise SystemExit(f"{way}: other tables, {sorted(set(one) ^ set(other))}")
    for name, table in one.items():
        if table.equals(other[name]):  # far sooner seen than how they differ
            continue
        equal = (
            pd.testing.assert_frame_equal
            if isinstance(table, pd.DataFrame)
            else pd.testing.assert_series_equal
        )
        equal(table, other[name], rtol=1e-9, atol=0, obj=f"{way}: {name}")


def main() -> None:
    """Ask in each way, compare, and tell the times."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.equality", description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--way", choices=WAYS, action="append", help="only in these ways")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.into:
        print(json.dumps(answer(wanted.way[0], wanted.log, wanted.into)))
        return
    told, tables = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for way in wanted.way or WAYS:
            into = Path(folder) / "tables"
            told[way] = told_by(__spec__.name, str(wanted.log.absolute()), "--way", way, "--into", str(into))
            tables[way] = pickle.loads(into.read_bytes())  # noqa: S301 -- our own
    first, *others = tables
    for way in others:
        compare(tables[first], tables[way], way)
    rows = sum(len(table) for table in tables[first].values())
    print(f"{len(tables[first])} tables, {rows:,} rows: equal in all ways")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
