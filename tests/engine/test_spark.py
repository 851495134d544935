"""Blocks worked on by Spark's executors give the results of this process."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining.engine.local import reduce_blocks
from cjmining.intended import parse_map

pyspark = pytest.importorskip("pyspark", reason="PySpark is not installed: pip install 'cjmining[spark]'")
if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    pytest.skip("there is no Java on this machine", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def session(master, monkeypatch):
    from pyspark.sql import SparkSession

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.executor.memory": "1g",
        # compiling would take most of the time of so little data
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    builder = SparkSession.builder.master(master).appName("cjmining tests")
    spark = builder.config(map=settings).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    try:
        yield spark
    finally:
        spark.stop()


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """A log in memory, the same on disk with several blocks, and the map."""
    monkeypatch.setattr("cjmining.log.LEAST_EVENTS", 1200)
    shop = cj.simulate.shop(250, seed=4)
    intended = parse_map(shop.intended_text)
    path = shop.log.write(tmp_path / "shop.log")
    opened = cj.read_log(path), cj.read_log(path, memory_limit=4_000_000)
    return *(log.split(intended).with_personas(intended) for log in opened), intended


def same(one, other, *, on_demand=True):
    for name in (*one._tables, *(getattr(one, "_on_demand", ()) if on_demand else ())):
        table, theirs = getattr(one, name), getattr(other, name)
        compare = (
            pd.testing.assert_frame_equal
            if isinstance(table, pd.DataFrame)
            else pd.testing.assert_series_equal
        )
        compare(table, theirs, rtol=1e-9, atol=0)


STEPS = ["product_viewed", "basket_filled", "order_placed"]
PATH = "basket_filled -> order_placed"
QUESTIONS = {
    "compare": lambda log, _: cj.compare(cj.discover(log, by="persona"), "Gen Z", "Families", smallest=3),
    "discover": lambda log, _: cj.discover(log, by="persona"),
    "markov": lambda log, _: cj.markov(log),
    "matches": lambda log, _: cj.matches(log, PATH),
    "personas": lambda log, _: cj.find_personas(log, number=2, starts=1),
    "paths": lambda log, _: cj.paths(log, start="product_viewed", end="order_placed"),
    "stages": lambda log, intended: cj.discover(log, level="stage", intended=intended),
    "variants": lambda log, _: cj.variants(log, by="persona"),
}


def test_threads_of_one_machine(logs, monkeypatch, tmp_path):
    here, there, intended = logs
    assert len(there.blocks()) > 2
    monkeypatch.setattr("cjmining.engine.shared.LARGE", 1000)  # so that all of the log's arrays are files
    monkeypatch.setattr("cjmining.engine.spark.LARGE_RESULT", 3000)  # and some of what comes back
    with session("local[2]", monkeypatch) as spark:
        engine = cj.engines.Spark(spark, block_events=1200)

        def shape(**where):
            return reduce_blocks(lambda block: block, tuple, range(11), at_once=3, **where)

        assert shape(engine=engine) == shape()  # merged by executors, twice, as here
        there = there.on(engine)
        for name, question in QUESTIONS.items():
            same(question(here, intended), question(there, intended), on_demand=name == "discover")
        told = []
        same(cj.funnel(here, STEPS), cj.funnel(there, STEPS, progress=lambda text, _: told.append(text)))
        assert "following the journeys: block 3 of 3" in told
        check, theirs = cj.check(here, intended, by="persona"), cj.check(there, intended, by="persona")
        same(check, theirs)
        same(cj.drivers(check, "Basket"), cj.drivers(theirs, "Basket"))
        change = {"stage": "Basket", "where": {"device": "mobile"}, "drop_out": 0.5}
        same(*(cj.what_if(each, change, replicates=2) for each in (check, theirs)))
        assert list(engine.new_folder().parent.glob("*.npy"))
        folders = [each.write_moves(tmp_path / name) for name, each in (("a", check), ("b", theirs))]
        moves = [pd.concat(map(pd.read_parquet, sorted(folder.iterdir()))) for folder in folders]
        pd.testing.assert_frame_equal(*(each.reset_index(drop=True) for each in moves))


class Killing(cj.engines.Spark):
    """An engine of which one executor is killed while it works."""

    def __init__(self, spark, marker):
        super().__init__(spark, block_events=1200)
        self.marker = marker

    def _killing(self, function):
        marker = self.marker

        def once(block):
            if not marker.exists():
                marker.touch()
                daemon = os.getppid()
                stat = Path(f"/proc/{daemon}/stat").read_text()
                os.kill(int(stat.rsplit(")", 1)[1].split()[1]), signal.SIGKILL)  # the executor itself
            return function(block)

        return once

    def map(self, function, blocks):
        return super().map(self._killing(function), blocks)

    def reduce(self, function, merge, blocks, **how):
        return super().reduce(self._killing(function), merge, blocks, **how)


def events_of_touchpoints(log, engine):
    """Count the events of each touchpoint: a question without kernels, which would be compiled anew."""
    codes, size = log.codes("touchpoint"), len(log.vocabulary("touchpoint"))
    return reduce_blocks(
        lambda block: np.bincount(codes[block.events], minlength=size), sum, log.blocks(), engine=engine
    )


def without_this_library(folder):
    """Make a Python that has all packages of this one but cjmining: it isn't looked for where it is."""
    packages = folder / "packages"
    packages.mkdir()
    for place in {Path(path) for path in sys.path if path.endswith("-packages")}:
        for each in place.iterdir():
            if not each.name.startswith(("cjmining", "_cjmining")):
                (packages / each.name).symlink_to(each)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{packages}" exec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    return python


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="executors are found through /proc")
def test_executors_of_a_cluster_one_of_which_is_killed_and_that_are_sent_the_library(
    logs, monkeypatch, tmp_path
):
    from pyspark.errors import PythonException

    here, there, intended = logs
    with session("local-cluster[2,1,1024]", monkeypatch) as spark:
        marker = tmp_path / "killed"
        killing = Killing(spark, marker)
        same(cj.check(here, intended), cj.check(there, intended, engine=killing))
        assert marker.exists()

        (tmp_path / "visits.csv").write_text("who,at,what\nann,2026-03-01,seen\nbob,2026-03-02,bought\n")
        columns = {"customer": "who", "timestamp": "at", "touchpoint": "what"}
        visits = cj.sources.Table(tmp_path / "visits.csv", name="visits", **columns)
        killing = Killing(spark, tmp_path / "killed again")
        cj.ingest(visits, path=tmp_path / "one")
        cj.ingest(visits, path=tmp_path / "other", engine=killing)
        assert killing.marker.exists()
        one, other = ((tmp_path / name / "manifest.json").read_text() for name in ("one", "other"))
        assert one == other

        spark.sparkContext.pythonExec = str(without_this_library(tmp_path))
        with pytest.raises(PythonException, match="No module named 'cjmining'"):
            events_of_touchpoints(there, cj.engines.Spark(spark))
        counted = events_of_touchpoints(there, cj.engines.Spark(spark, ship=True))
        np.testing.assert_array_equal(counted, events_of_touchpoints(here, None))


def test_a_log_in_memory_is_told_to_be_written_first(logs):
    here, _, _ = logs
    with pytest.raises(cj.LogError, match="write the log where all of them can read it"):
        here.on(cj.engines.Spark(None))
