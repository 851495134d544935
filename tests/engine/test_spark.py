"""Blocks worked on by Spark's executors give the results of this process."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

import cjmining as cj
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
        "spark.executor.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    builder = SparkSession.builder.master(master).appName("cjmining tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    try:
        yield spark
    finally:
        spark.stop()


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """A log in memory, the same on disk with several blocks, and the map."""
    monkeypatch.setattr("cjmining.log.LEAST_EVENTS", 500)
    shop = cj.simulate.shop(250, seed=4)
    intended = parse_map(shop.intended_text)
    path = shop.log.write(tmp_path / "shop.log")
    opened = cj.read_log(path), cj.read_log(path, memory_limit=4_000_000)
    return *(log.split(intended).with_personas(intended) for log in opened), intended


def same(one, other):
    for name in (*one._tables, *getattr(one, "_on_demand", ())):
        table, theirs = getattr(one, name), getattr(other, name)
        compare = (
            pd.testing.assert_frame_equal
            if isinstance(table, pd.DataFrame)
            else pd.testing.assert_series_equal
        )
        compare(table, theirs, rtol=1e-9, atol=0)


def test_threads_of_one_machine(logs, monkeypatch, tmp_path):
    here, there, intended = logs
    assert len(there.blocks()) > 3
    with session("local[2]", monkeypatch) as spark:
        there = there.on(cj.engines.Spark(spark))
        same(cj.discover(here, by="persona"), cj.discover(there, by="persona"))
        check, theirs = cj.check(here, intended, by="persona"), cj.check(there, intended, by="persona")
        same(check, theirs)
        same(cj.markov(here), cj.markov(there))
        path = "basket_filled -> order_placed"
        same(cj.matches(here, path), cj.matches(there, path))
        folders = [each.write_moves(tmp_path / name) for name, each in (("a", check), ("b", theirs))]
        moves = [pd.concat(map(pd.read_parquet, sorted(folder.iterdir()))) for folder in folders]
        pd.testing.assert_frame_equal(*(each.reset_index(drop=True) for each in moves))


class Killing(cj.engines.Spark):
    """An engine of which one executor is killed while it works."""

    def __init__(self, spark, marker):
        super().__init__(spark)
        self.marker = marker

    def map(self, function, blocks):
        marker = self.marker

        def once(block):
            if not marker.exists():
                marker.touch()
                daemon = os.getppid()
                stat = Path(f"/proc/{daemon}/stat").read_text()
                os.kill(int(stat.rsplit(")", 1)[1].split()[1]), signal.SIGKILL)  # the executor itself
            return function(block)

        return super().map(once, blocks)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="executors are found through /proc")
def test_executors_of_a_cluster_one_of_which_is_killed(logs, monkeypatch, tmp_path):
    here, there, intended = logs
    with session("local-cluster[2,1,1024]", monkeypatch) as spark:
        marker = tmp_path / "killed"
        same(cj.check(here, intended), cj.check(there.on(Killing(spark, marker)), intended))
        assert marker.exists()


def test_a_log_in_memory_is_told_to_be_written_first(logs):
    here, _, _ = logs
    with pytest.raises(cj.LogError, match="write the log where all of them can read it"):
        here.on(cj.engines.Spark(None))
