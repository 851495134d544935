"""`ingest(path=)`: the log that ingestion in memory gives, written as it is made, whatever happens."""

from __future__ import annotations

import hashlib
import itertools
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import cjmining as cj
from cjmining import log_files, storage
from cjmining.ingest import database, identity, linking, seen_together, sorting
from cjmining.ingest.database import Database, temporary_database


def exports(rng: np.random.Generator, n: int) -> list[cj.sources.Table]:
    def frame(size: int) -> pd.DataFrame:
        moments = pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 10**6, size), unit="s")
        return pd.DataFrame(
            {
                "who": [f"c{i}" if i else None for i in rng.integers(0, max(size // 4, 2), size)],
                "when": moments.astype(str),
                "what": rng.choice(["seen", "bought", "ärger"], size),
                "case": [f"case {i % 5}" if i % 3 else None for i in range(size)],
                "page": [f"/p/{i % 40}" if i % 7 else None for i in range(size)],
                "worth": [str(i) if i % 2 else "?" for i in range(size)],
                "key": rng.integers(0, size, size).astype(str),
            }
        )

    web, shop = frame(n), frame(n // 2)
    common = {"customer": "who", "timestamp": "when", "touchpoint": "what"}
    return [
        cj.sources.Table(web, name="web", event_id="key", dimensions=["page"], **common),
        cj.sources.Table(shop, name="shop", journey="case", measures={"value": "worth"}, **common),
    ]


def contents(path: Path) -> dict[str, str]:
    files = [file for file in path.rglob("*") if file.is_file()]
    return {str(f.relative_to(path)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.mark.parametrize(("n", "long", "block"), [(200, 3, 20), (200, 10, 1000), (3000, 1000, 500)])
def test_written_as_it_is_made_a_log_is_the_one_that_memory_gives(tmp_path, monkeypatch, n, long, block):
    monkeypatch.setattr(log_files, "LONG_VOCABULARY", long)
    monkeypatch.setattr(sorting, "LONG_VOCABULARY", long)
    monkeypatch.setattr("cjmining.log.BLOCK_EVENTS", block)
    monkeypatch.setattr(storage, "ROWS", 128)
    sources = exports(np.random.default_rng(n + long), n)
    cj.ingest(sources).write(tmp_path / "memory")
    monkeypatch.setattr(log_files, "PIECE", 7)
    for module in (identity, linking, seen_together):
        monkeypatch.setattr(module, "_PIECE", 7)
    log = cj.ingest(sources, path=tmp_path / "made")
    assert contents(tmp_path / "made") == contents(tmp_path / "memory")
    assert log._stored._columns == {}
    assert len([name for name in contents(tmp_path / "made") if name.startswith("events-")]) == len(
        log.blocks(block)
    )
    assert log.events["customer"].is_monotonic_increasing


@pytest.mark.parametrize("long", [3, 1000])
def test_many_events_are_sorted_range_by_range_of_customers(tmp_path, monkeypatch, long):
    monkeypatch.setattr(log_files, "LONG_VOCABULARY", long)
    monkeypatch.setattr(sorting, "LONG_VOCABULARY", long)
    sources = exports(np.random.default_rng(7), 500)
    asked: list[str] = []
    stream = Database.stream
    monkeypatch.setattr(Database, "stream", lambda self, query: asked.append(query) or stream(self, query))
    cj.ingest(sources, path=tmp_path / "at once", memory_limit="500MB")
    assert not [query for query in asked if "AND customer <" in query]
    monkeypatch.setattr(database, "_A_ROW", 10_000_000)  # 40 rows at once
    cj.ingest(sources, path=tmp_path / "by range", memory_limit="500MB")
    assert len([query for query in asked if "AND customer <" in query]) > 10
    assert contents(tmp_path / "by range") == contents(tmp_path / "at once")


def test_a_dimension_may_be_called_what_a_vocabulary_has(monkeypatch):
    monkeypatch.setattr(sorting, "LONG_VOCABULARY", 3)
    frame = pd.DataFrame({"who": list("abc"), "at": "2026-01-01", "what": list("xyz"), "code": list("pqq")})
    named = {"customer": "who", "timestamp": "at", "touchpoint": "what"}
    log = cj.ingest(cj.sources.Table(frame, name="w", dimensions=["code"], **named))
    assert list(log.events["touchpoint"]) == list("xyz")
    assert list(log.events["code"]) == list("pqq")


def test_what_goes_wrong_leaves_the_log_that_is_there(tmp_path):
    sources = exports(np.random.default_rng(1), 60)
    log = cj.ingest(sources[0], path=tmp_path / "x.log")
    before = contents(tmp_path / "x.log")
    with pytest.raises(cj.SourceError, match="no events are left"):
        cj.ingest(sources[0], path=tmp_path / "x.log", data_end="1999-01-01")
    assert contents(tmp_path / "x.log") == before
    assert list(tmp_path.iterdir()) == [tmp_path / "x.log"]
    assert log.n_events == len(log.events)
    cj.ingest(sources[1], path=tmp_path / "x.log")
    assert contents(tmp_path / "x.log") != before
    (tmp_path / "else").mkdir()
    with pytest.raises(cj.LogError, match="will not be replaced"):
        cj.ingest(sources[0], path=tmp_path / "else")


def test_the_database_lies_beside_the_log(tmp_path):
    seen = []

    def look(text: str, share: float) -> None:
        seen.extend(path.name for path in tmp_path.rglob("ingest.duckdb"))

    sources = exports(np.random.default_rng(1), 60)
    cj.ingest(sources, path=tmp_path / "x.log", progress=look, memory_limit="500MB")
    assert seen
    assert list(tmp_path.iterdir()) == [tmp_path / "x.log"]


def test_a_database_holds_little_while_others_need_the_memory(tmp_path):
    def held() -> int:
        return database.value("SELECT parse_formatted_bytes(current_setting('memory_limit'))") >> 20

    with temporary_database("1GiB", tmp_path) as database:
        with database.at_rest():
            assert held() == 81
            numbers = pa.table({"n": np.arange(100)})
            database.store("numbers", [numbers, numbers])
        assert held() == 819
        assert database.value("SELECT sum(n) FROM numbers") == 9900
    with temporary_database(None, tmp_path) as database:
        most = held()
        with database.at_rest():
            assert held() == most


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked to be killed")
def test_ingestions_that_are_killed_leave_a_whole_log():
    run = subprocess.run(
        [sys.executable, "-m", "tests.ingest.killing", "2"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "2 ingestions killed" in run.stdout
    assert "2 deliveries killed" in run.stdout


def test_journeys_of_parts_are_joined_to_those_of_the_whole(monkeypatch):
    monkeypatch.setattr(log_files, "PIECE", 5)
    log = cj.ingest(exports(np.random.default_rng(3), 200))
    events = log._events
    cuts = [0, *(block.last_event for block in log.blocks(60))]
    joined = log_files.Journeys()
    for first, stop in itertools.pairwise(cuts):
        own = log_files.Journeys()
        for table in own.watch([events.slice(first, 17), events.slice(first + 17, stop - first - 17)]):
            assert table.num_rows
        joined.join(pickle.loads(pickle.dumps(own)))  # noqa: S301 -- as an executor's comes
    assert (len(joined), joined.n_events) == (log.n_journeys, log.n_events)
    until = log.data_end_us
    since = log.journeys["observed_from"].iloc[0]
    made = pa.concat_tables(joined.tables(int(since.timestamp()) * 10**6, until, None)).to_pandas()
    pd.testing.assert_frame_equal(made, log.journeys, check_categorical=False, check_index_type=False)
    bounds = pa.concat_tables(joined.bounds()).column("first_event").to_pylist()
    assert bounds == log.bounds.tolist()
