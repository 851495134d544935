"""A log's folder: whoever writes may be ended at any point, and the same log is the same bytes."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cjmining as cj
from cjmining import log_files, storage
from cjmining.log import JourneyLog, log_of_stream


class Ended(BaseException):
    """Stands for a process that is ended."""


def log_of(n: int, *, seed: int = 0) -> JourneyLog:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer": rng.integers(0, max(n // 5, 1), n),
            "timestamp": pd.to_datetime(rng.integers(0, 10**9, n), unit="s"),
            "touchpoint": rng.choice(["seen", "bought", "ärger"], n),
            "session": [f"s{i % 70}" if i % 3 else None for i in range(n)],
            "native_journey": [f"case {i % 4}" if i % 5 else None for i in range(n)],
            "value": [1.5 * i if i % 2 else None for i in range(n)],
            "failed": [None, True, False] * (n // 3) + [None] * (n % 3),
        }
    )
    return JourneyLog.from_events(frame)


def contents(path: Path) -> dict[str, str]:
    files = [file for file in path.rglob("*") if file.is_file()]
    return {str(f.relative_to(path)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def same(one: JourneyLog, other: JourneyLog) -> None:
    assert one.data_end_us == other.data_end_us
    assert one.notes == other.notes
    for name, table in one.to_arrow().items():
        assert table.equals(other.to_arrow()[name]), name


def ended_at(point: int | None, write: Callable[[], object]) -> int:
    """Write as a process that is killed at a point, cleaning nothing up; return how many it reached."""
    reached = 0

    def reach(_: str) -> None:
        nonlocal reached
        if reached == point:
            raise Ended
        reached += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "_reached", reach)
        patch.setattr(storage.Draft, "__exit__", lambda draft, *_: os.close(draft._lock))
        with contextlib.suppress(Ended):
            write()
    return reached


@pytest.mark.parametrize("earlier", [None, "log", "version 1"])
def test_whoever_writes_may_be_ended_at_any_point(tmp_path, monkeypatch, earlier):
    monkeypatch.setattr(log_files, "LONG_VOCABULARY", 20)
    monkeypatch.setattr(storage, "_sync", lambda _: None)
    old, new = log_of(40), log_of(60, seed=1)
    wanted = contents(new.write(tmp_path / "wanted"))
    point = 0
    while True:
        path = tmp_path / "kept" / "x.log"
        start(old, path, earlier)
        reached = ended_at(point, partial(new.write, path, overwrite=True))
        if path.exists():
            found = cj.read_log(path)
            same(found, old if found.n_events == old.n_events else new)
        else:
            assert earlier is None
        new.write(path, overwrite=True)
        assert contents(path) == wanted
        assert [p.name for p in path.parent.iterdir()] == ["x.log"]
        shutil.rmtree(path.parent)
        if reached < point:
            break
        point += 1
    assert point > 10


@pytest.mark.parametrize("in_encoding", [True, False])
def test_what_goes_wrong_in_the_middle_of_a_file_is_raised_and_nothing_stays(
    tmp_path, monkeypatch, in_encoding
):
    monkeypatch.setattr(storage, "ROWS", 4)
    table = pa.table({"n": range(10)})

    def rows() -> Iterator[pa.Table]:
        yield table
        if not in_encoding:
            raise Ended
        yield table

    def fail(*_: object, **__: object) -> None:
        raise Ended

    if in_encoding:
        monkeypatch.setattr(pq.ParquetWriter, "write_table", fail)
    before = threading.active_count()
    with pytest.raises(Ended), storage.Draft(tmp_path / "x.log", overwrite=False) as draft:
        draft.add("journeys", rows(), schema=table.schema)
    assert threading.active_count() == before
    assert not list(tmp_path.iterdir())


def start(log: JourneyLog, path: Path, earlier: str | None) -> None:
    path.parent.mkdir(exist_ok=True)
    if earlier is not None:
        log.write(path)
    if earlier == "version 1":
        as_version_1(log, path)


def as_version_1(log: JourneyLog, path: Path) -> None:
    """Write a log as the format's first version had it."""
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    shutil.rmtree(path)
    path.mkdir()
    beside = {name: table for name, table in log.to_arrow().items() if name not in {"events", "links"}}
    half = log.n_events // 2
    events = log.to_arrow()["events"].drop_columns(["journey"])
    beside |= {"events-00000": events.slice(0, half), "events-00001": events.slice(half)}
    beside["bounds"] = pa.table({"first_event": log.bounds})
    files = {}
    for name, table in beside.items():
        file = path / f"{name}.parquet"
        pq.write_table(table, file)
        size, digest = file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest()
        files[file.name] = {"rows": table.num_rows, "bytes": size, "sha256": digest}
    manifest |= {"version": 1, "files": files}
    del manifest["words"]
    (path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_logs_of_version_1_are_read(tmp_path):
    log = log_of(50)
    as_version_1(log, log.write(tmp_path / "x.log"))
    same(log, cj.read_log(tmp_path / "x.log"))
    with pytest.raises(cj.LogError, match=r"earlier version .* open it without memory_limit and write it"):
        cj.read_log(tmp_path / "x.log", memory_limit="1GB")


@pytest.mark.parametrize("long", [5, 1000])
@pytest.mark.parametrize("block", [1, 7, 1000])
def test_a_stream_gives_the_files_that_the_log_gives(tmp_path, monkeypatch, long, block):
    monkeypatch.setattr("cjmining.log.BLOCK_EVENTS", block)
    monkeypatch.setattr(log_files, "LONG_VOCABULARY", long)
    monkeypatch.setattr(storage, "ROWS", 16)
    log = log_of(103)
    log.write(tmp_path / "whole")
    sizes = [0, 3, 1, 1, 40, 0, 58]
    cuts = np.cumsum([0, *sizes])
    events = [log._events.slice(start, size) for start, size in zip(cuts, sizes, strict=False)]
    with storage.Draft(tmp_path / "stream", overwrite=False) as draft:
        draft.add("customers", log._customers)
        beside = {name: getattr(log, f"_{name}") for name in ("sources", "ledger", "quarantine")}
        draft.commit(log_of_stream(draft, events, data_end_us=log.data_end_us, **beside))
    assert contents(tmp_path / "stream") == contents(tmp_path / "whole")
    same(log, cj.read_log(tmp_path / "whole"))


def test_blocks_are_whole_customers(tmp_path, monkeypatch):
    monkeypatch.setattr("cjmining.log.BLOCK_EVENTS", 10)
    log = log_of(103)
    folder = storage.open_folder(log.write(tmp_path / "x.log"))
    blocks = [folder.table(name).column("customer").to_pylist() for name in folder.names("events-")]
    assert list(itertools.chain(*blocks)) == log.event_customers.tolist()
    assert all(len(block) >= 10 for block in blocks[:-1])
    assert all(a[-1] < b[0] for a, b in itertools.pairwise(blocks))
    assert [b.last_event - b.first_event for b in log.blocks(10)] == [len(block) for block in blocks]


def test_a_log_reads_only_the_columns_that_are_asked_for(tmp_path):
    log = cj.read_log(log_of(103).write(tmp_path / "x.log"))
    assert (log.n_events, log.dimensions) == (103, ())
    assert log._stored._columns == {}
    log.codes("touchpoint")
    assert set(log._stored._columns) == {"touchpoint"}
    splits = log.split_at(np.zeros(103, dtype=bool))
    assert splits.n_journeys == log.n_journeys
    with pytest.raises(cj.LogError, match="touchpoint"):
        log.group("nothing")
    assert set(log._stored._columns) == {"touchpoint", "customer", "native_journey"}


@pytest.mark.parametrize("limit", [None, "1MB"])
@pytest.mark.parametrize("file", ["events-00000", "journeys"])
def test_a_file_whose_end_is_damaged_is_named(tmp_path, file, limit):
    path = log_of(40).write(tmp_path / "x.log")
    damaged = next(path.glob(f"{file}-*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-8] + b"00000000")
    with pytest.raises(cj.LogError, match=f"{file}.* is damaged: its checksum differs"):
        cj.read_log(path, memory_limit=limit)


def test_a_log_that_was_replaced_since_says_so(tmp_path):
    opened = cj.read_log(log_of(40).write(tmp_path / "x.log"))
    log_of(60, seed=1).write(tmp_path / "x.log", overwrite=True)
    with pytest.raises(cj.LogError, match="was replaced since it was opened; open it again"):
        opened.codes("touchpoint")


def test_one_that_is_replaced_while_it_is_opened_is_opened_again(tmp_path, monkeypatch):
    path = log_of(40).write(tmp_path / "x.log")
    later = log_of(60, seed=1)
    small_tables = log_files.small_tables

    def replaced_first(folder):
        monkeypatch.setattr(log_files, "small_tables", small_tables)
        later.write(path, overwrite=True)
        return small_tables(folder)

    monkeypatch.setattr(log_files, "small_tables", replaced_first)
    same(cj.read_log(path), later)


def test_files_of_an_earlier_log_can_be_kept_and_others_stay(tmp_path):
    path = tmp_path / "x.log"
    records = pa.table({"record": [1, 2]})
    with storage.Draft(path, overwrite=True) as draft:
        assert draft.add("records/Lead-00000", records) == 2
        draft.add("records/Case-00000", [records, records], schema=records.schema)
        (draft.room / "temporary").write_text("x", encoding="utf-8")
        draft.commit({"n": 1})
    (path / "readme.txt").write_text("mine", encoding="utf-8")
    with storage.Draft(path, overwrite=True) as draft:
        draft.keep("records/Lead-00000")
        draft.commit({"n": 2})
    folder = storage.open_folder(path)
    assert folder.names("records/") == ["records/Lead-00000"]
    assert folder.table("records/Lead-00000").equals(records)
    assert folder.manifest["n"] == 2
    assert len(contents(path)) == 3


def test_only_one_process_writes_a_log(tmp_path):
    other = pytest.raises(cj.LogError, match="another process is writing")
    with storage.Draft(tmp_path / "x.log", overwrite=True), other:
        log_of(10).write(tmp_path / "x.log")
    log_of(10).write(tmp_path / "x.log")
    assert [path.name for path in tmp_path.iterdir()] == ["x.log"]
