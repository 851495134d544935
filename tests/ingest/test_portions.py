"""Records that are joined portion by portion give the log of all at once, and are all accounted for."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining.documents import read_document
from cjmining.ingest import database, events
from cjmining.ingest.database import temporary_database

from .test_writing import contents

LIMIT = "500MB"


@pytest.fixture
def taken(monkeypatch):
    """How many portions of each feed were taken."""
    counted: Counter[str] = Counter()
    ask = events.ask_sets

    def ask_sets(database, feed, portion):
        counted[feed.feed.name] += 1
        return ask(database, feed, portion)

    monkeypatch.setattr(events, "ask_sets", ask_sets)
    return counted


def let_hold(monkeypatch, rows: int) -> None:
    """Let the database join so many rows at once."""
    monkeypatch.setattr(database, "_A_ROW", 399_000_000 // rows)


def visits(n: int) -> cj.sources.Table:
    rng = np.random.default_rng(n)
    frame = pd.DataFrame(
        {
            "user": [f"u{i}" if i else None for i in rng.integers(0, n // 5, n)],
            "cookie": [f"c{i}" if i else None for i in rng.integers(0, n // 20, n)],
            "at": (pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 10**6, n), unit="s")).astype(
                str
            ),
            "what": rng.choice(["seen", "bought"], n),
        }
    )
    frame.loc[::17, "at"] = "?"
    frame.loc[::13, ["user", "cookie"]] = [None, "anonymous"]
    whose = {"user": "user_id", "cookie": "cookie"}
    return cj.sources.Table(frame, name="web", customer=whose, timestamp="at", touchpoint="what")


def test_what_rules_and_lookups_make_of_portions_is_the_same(sample_shop, tmp_path, monkeypatch, taken):
    study = read_document(sample_shop / "study.yaml", error=cj.StudyError).data
    sources = [
        getattr(cj.sources, options.pop("source"))(sample_shop / options.pop("path"), **options)
        for options in study["sources"]
        if options["source"] in ("GA4", "MarketingCloud")  # one's rules have windows, the other's lookups
    ]
    asked = {"data_end": study["data_end"], "memory_limit": LIMIT, "identities": "pseudonymise", "key": "a"}
    cj.ingest(sources, path=tmp_path / "at once", **asked)
    assert not taken
    let_hold(monkeypatch, 800)
    cj.ingest(sources, path=tmp_path / "in portions", **asked)
    assert taken["events"] > 20
    assert taken["Sent"] > 5
    assert taken["Opens"] > 1
    assert contents(tmp_path / "in portions") == contents(tmp_path / "at once")


@pytest.mark.parametrize("how", ["set aside", "by time"])
def test_records_without_a_customer_are_accounted_for_in_portions(tmp_path, monkeypatch, taken, how):
    source = visits(500)
    cj.ingest(source, path=tmp_path / "at once", memory_limit=LIMIT, shared_devices=how)
    let_hold(monkeypatch, 40)
    log = cj.ingest(source, path=tmp_path / "in portions", memory_limit=LIMIT, shared_devices=how)
    assert bool(taken) is (how == "set aside")  # what its time tells isn't known by its identifiers alone
    assert contents(tmp_path / "in portions") == contents(tmp_path / "at once")
    assert {"used", "set aside", "quarantined"} <= set(log.ledger["fate"])


def test_later_deliveries_in_portions_make_the_same_log(tmp_path, monkeypatch, taken):
    def add(folder):
        for n in (300, 400):
            cj.ingest(visits(n), path=tmp_path / folder, memory_limit=LIMIT, add=True)

    add("at once")
    let_hold(monkeypatch, 40)
    add("in portions")
    assert taken["events"] > 20
    at_once, in_portions = (cj.read_log(tmp_path / name) for name in ("at once", "in portions"))
    for table in ("events", "ledger", "identities", "customers"):
        pd.testing.assert_frame_equal(getattr(in_portions, table), getattr(at_once, table))


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_record_that_gets_lost_between_portions_is_told(tmp_path, monkeypatch, wrong):
    ask = events.ask_sets
    monkeypatch.setattr(events, "ask_sets", lambda *given: ask(*given) + wrong)
    let_hold(monkeypatch, 100)
    with pytest.raises(cj.LogError, match=r"records but .* are accounted for as used"):
        cj.ingest(visits(500), path=tmp_path / "log", memory_limit=LIMIT)


def test_ranges_hold_each_row_once_and_few_at_a_time(tmp_path, monkeypatch):
    let_hold(monkeypatch, 10)
    with temporary_database(LIMIT, tmp_path) as held:
        held.run("CREATE TABLE t AS SELECT (range // 3) * (1::BIGINT << 40) + range AS n FROM range(100)")
        ranges = held.ranges("t", "n")
        assert [stop for _, stop in ranges[:-1]] == [first for first, _ in ranges[1:]]
        sizes = [held.value(f"SELECT count(*) FROM t WHERE n >= {a} AND n < {b}") for a, b in ranges]
        assert sum(sizes) == 100
        assert set(sizes[:-1]) == {9}  # rows come in threes
        assert held.ranges("(SELECT n FROM t LIMIT 10)", "n") == []
    with temporary_database(None) as unlimited:
        assert unlimited.ranges("range(100)", "range") == []
