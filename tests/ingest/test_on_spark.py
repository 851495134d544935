"""What executors of Spark ingest is, byte for byte, what one machine does."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining import log, log_files
from cjmining.ingest import linking, sorting
from cjmining.ingest.on_spark import parts, run, tasks, who
from cjmining.ingest.on_spark.blocks import cut_into_blocks
from cjmining.ingest.on_spark.components import components
from cjmining.ingest.on_spark.parts import whole

pyspark = pytest.importorskip("pyspark", reason="PySpark is not installed: pip install 'cjmining[spark]'")
if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    pytest.skip("there is no Java on this machine", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",  # each stage of a query would be a job
    # compiling would take most of the time of so little data
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


@pytest.fixture(scope="module")
def spark():
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYSPARK_PYTHON", sys.executable)
        patched.setenv("PYTHONPATH", str(ROOT))
        builder = SparkSession.builder.master("local[2]").appName("cjmining tests")
        session = builder.config(map=SETTINGS).getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


@pytest.fixture
def small(monkeypatch):
    """Let little data have several parts, ranges, blocks, and long vocabularies."""
    monkeypatch.setattr(parts, "PART_BYTES", 8_000)
    monkeypatch.setattr(run, "RANGE_RECORDS", 300)
    monkeypatch.setattr(who, "BIN_SETS", 40)
    for module in (log, run):
        monkeypatch.setattr(module, "BLOCK_EVENTS", 100)
    for module in (sorting, log_files, run):
        monkeypatch.setattr(module, "LONG_VOCABULARY", 60)


def contents(path):
    """What a log on disk is: its manifest names every file by its content."""
    return json.loads((path / "manifest.json").read_text())


def visits(folder):
    """Two deliveries of one table, which share records, and whose second has one anew and one damaged.

    One of the browsers is everybody's.
    """
    folder.mkdir()
    moments = pd.date_range("2026-03-01 09:00", periods=240, freq="37min")
    rows = pd.DataFrame(
        {
            "id": [f"v{i:03d}" for i in range(240)],
            "at": moments.strftime("%Y-%m-%d %H:%M:%S"),
            "version": 1,
            "cookie": ["kiosk" if i % 7 == 0 else f"c{i % 45}" for i in range(240)],
            "mail": [f"p{i % 45 // 2}@shop.de" if i % 5 == 0 or i % 7 == 0 else None for i in range(240)],
            "page": [f"page {i % 31}" for i in range(240)],
            "visit": [f"s{i // 3}" for i in range(240)],
        }
    )
    rows.iloc[:160].to_csv(folder / "visits_1.csv", index=False)
    later = rows.iloc[120:].copy()
    later.loc[130, ["version", "page"]] = [2, "a page corrected"]
    later.loc[200, "at"] = "soon"
    later.to_csv(folder / "visits_2.csv", index=False)
    return rows


def sources(folder, frame):
    table = {"timestamp": "at", "touchpoint": "page"}
    return [
        cj.sources.Table(
            folder, name="visits", **table, customer={"cookie": "cookie", "mail": "email"}, event_id="id",
            version="version", dimensions={"session": "visit", "my page": "page"},
        ),
        cj.sources.Table(
            frame, name="frame", **table, customer={"mail": "email"}, event_id="id", properties=["visit"]
        ),
        cj.sources.Table(frame, name="rows", **table, customer={"cookie": "cookie"}),
        cj.sources.MarketingCloud(folder.parent / "mails"),
        cj.sources.Zendesk(folder.parent / "tickets"),
    ]  # fmt: skip


def systems(folder):
    """Copy what looks up what else was exported: on executors, here, and one from the other."""
    exports = {
        "mails": (DATA / "marketing_cloud" / "extract", ("SendJobs", "Sent", "Opens", "Clicks")),
        "tickets": (DATA / "zendesk", ("users", "tickets", "ticket_metric_events")),
    }
    for name, (given, files) in exports.items():
        (folder / name).mkdir()
        for file in given.iterdir():
            if file.stem in files:
                shutil.copy(file, folder / name)


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_the_log_is_that_of_one_machine(spark, small, tmp_path, monkeypatch):
    """Also where executors find who is who."""
    monkeypatch.setattr(run, "MOST_SETS", 60)
    rows = visits(tmp_path / "visits")
    systems(tmp_path)
    given = rows[["id", "at", "cookie", "mail", "page", "visit"]]
    given = pd.concat([given, given.iloc[:3]])  # without event_id each row counts
    end = "2027-01-01"
    cj.ingest(sources(tmp_path / "visits", given), data_end=end, path=tmp_path / "here")
    frame = spark.createDataFrame(given.astype(object).where(given.notna(), None))  # in two partitions
    bins = []
    with monkeypatch.context() as watched:
        laid = who.Who._lay_in_bins
        watched.setattr(who.Who, "_lay_in_bins", lambda own, n: bins.extend(laid(own, n)) or bins)
        there = cj.ingest(
            sources(tmp_path / "visits", frame), data_end=end, path=tmp_path / "there",
            engine=cj.engines.Spark(spark),
        )  # fmt: skip
    assert len(bins) > 1
    files = contents(tmp_path / "there")["files"]
    assert sum(name.startswith("events-") for name in files) > 2
    assert any(name.startswith("words-") for name in files)
    fates = there.ledger.query("source == 'visits' and what == 'records'").groupby("fate")["count"].sum()
    assert fates.to_dict() == {"used": 239, "superseded": 40, "quarantined": 1}
    assert "cookie shared by too many" in set(there.ledger.query("source == 'visits'")["reason"])
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_files_on_both_sides_and_customers(spark, sample_shop, tmp_path):
    """A part of the sample shop with every kind of source: some can be taken apart, some can't."""
    web = tmp_path / "web"
    web.mkdir()
    with gzip.open(sample_shop / "web" / "events_202603.jsonl.gz", "rt") as given:
        (web / "events_202603.jsonl").write_text("".join(given.readlines()[:1500]))

    def read(path, engine=None):
        return cj.ingest(
            [cj.sources.Salesforce(sample_shop / "crm"), cj.sources.GA4(web)],
            customers=cj.sources.Customers(
                sample_shop / "customers.csv", identifiers={"customer_id": "user_id", "email": "email"}
            ),
            identities="pseudonymise",
            key="a secret",
            path=path,
            engine=engine,
        )

    read(tmp_path / "here")
    read(tmp_path / "there", cj.engines.Spark(spark))
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_what_is_wrong_with_a_file_is_told_as_on_one_machine(spark, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "full.csv").write_text("who,at\nann,2026-03-01\n")
    for name, words in {"empty": "is empty", "full": "no time that can be read"}.items():
        given = tmp_path / f"{name}.csv"
        if name == "full":
            given.write_text("who,at\nann,soon\n")
        else:
            (tmp_path / "both").mkdir()
            shutil.copy(tmp_path / "full.csv", tmp_path / "both" / "a.csv")
            shutil.copy(given, tmp_path / "both" / "b.csv")
            given = tmp_path / "both"
        source = cj.sources.Table(given, name="t", customer="who", timestamp="at", touchpoint="seen")
        with pytest.raises(cj.SourceError, match=words) as told:
            cj.ingest(source, path=tmp_path / "log", engine=cj.engines.Spark(spark))
        with pytest.raises(cj.SourceError) as local:
            cj.ingest(source, path=tmp_path / "log")
        assert str(told.value) == str(local.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": object()}, r"engine= takes cj.engines.Spark\(session\), not object"),
        ({}, "engine= needs path="),
        ({"path": "log", "add": True}, "add=True isn't possible with engine="),
        ({"path": "log", "shared_devices": "by time"}, "'by time' isn't possible with engine="),
    ],
)
def test_what_is_not_possible_is_refused(options, words):
    visits = pd.DataFrame({"who": ["ann"], "at": ["2026-03-01"]})
    source = cj.sources.Table(visits, name="t", customer="who", timestamp="at", touchpoint="seen")
    with pytest.raises(cj.SourceError, match=words):
        cj.ingest(source, **{"engine": cj.engines.Spark(None), **options})


def test_a_feed_in_one_place_has_a_limit(spark, monkeypatch, tmp_path):
    monkeypatch.setattr(run, "MOST_WHOLE", 1)
    rows = pd.DataFrame({"who": ["ann", "bob"], "at": ["2026-03-01", "2026-03-02"]})
    source = cj.sources.Table(rows, name="till", customer="who", timestamp="at", touchpoint="seen")
    with pytest.raises(cj.SourceError, match="'till', events: 2 records have to be read on the driver"):
        cj.ingest(source, path=tmp_path / "log", engine=cj.engines.Spark(spark))


def test_what_a_task_cannot_do_is_told_in_our_words(spark, monkeypatch, tmp_path):
    """Where memory is too little for it, as on one machine; a table of who is who is only for the driver."""
    (tmp_path / "a.csv").write_text("who,at\nann,2026-03-01\nbob,2026-03-02\n")
    source = cj.sources.Table(tmp_path / "a.csv", name="t", customer="who", timestamp="at", touchpoint="who")

    def too_little(*_):
        from cjmining.errors import SourceError  # executors are sent this function, not this module

        raise SourceError("memory_limit= is too little for these sources")

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "count_sets", too_little)
        with pytest.raises(cj.SourceError, match=r"^memory_limit= is too little for these sources$"):
            cj.ingest(source, path=tmp_path / "log", engine=cj.engines.Spark(spark))
    monkeypatch.setattr(run, "MOST_SETS", 1)
    clusters = pd.DataFrame({"value": ["ann", "bob"], "cluster": ["a", "a"]})
    with pytest.raises(
        cj.SourceError, match="2 different sets of identifiers; clusters= is only possible with 1"
    ):
        cj.ingest(source, clusters=clusters, path=tmp_path / "log", engine=cj.engines.Spark(spark))
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_components_are_those_of_one_machine(spark, tmp_path):
    chance = np.random.default_rng(3)
    path, star = np.arange(16), np.full(10, 20)
    one = np.concatenate([path[:-1], star, chance.integers(40, 80, 30), [35]])
    other = np.concatenate([path[1:], 21 + np.arange(10), chance.integers(40, 80, 30), [35]])
    swapped = chance.random(len(one)) < 0.5
    one, other = np.where(swapped, other, one), np.where(swapped, one, other)
    numbers = chance.permutation(80)  # so that the least node isn't at the end of the path
    edges = [(int(numbers[a]), int(numbers[b])) for a, b in zip(one, other, strict=True)]

    def kept(rows, name):
        rows.write.mode("overwrite").parquet(str(tmp_path / name))
        return spark.read.parquet(str(tmp_path / name))

    found = components(spark.createDataFrame(edges, "one long, other long"), kept).collect()
    least = linking.components(80, (numbers[one], numbers[other]))
    assert sorted((row["node"], row["component"]) for row in found) == [
        (node, label) for node, label in enumerate(least.tolist()) if node != label
    ]


def test_feeds_that_are_taken_apart():
    """Visits are withdrawn by what else their customer did; clicks by what others of the same e-mail are."""
    mails = {
        feed.name: whole(feed, "keep")
        for feed in cj.sources.MarketingCloud(DATA / "marketing_cloud" / "extract").feeds()
    }
    assert [name for name in ("Sent", "Opens", "Unsubs", "Clicks", "SendJobs") if not mails[name]] == [
        "Sent",
        "Opens",
        "Unsubs",
    ]
    assert mails["Clicks"] == "its events are made of several records"
    (visits,) = cj.sources.GA4(DATA / "ga4").feeds()
    assert not whole(visits, "keep")


def test_blocks_are_cut_as_one_machine_cuts_them():
    sizes = np.array([5, 1, 1, 1, 9, 2])
    blocks = cut_into_blocks(np.arange(6), sizes, np.array([0, 0, 0, 1, 1, 1]), 3)
    assert [(block.first, block.last) for block in blocks] == [(0, 0), (1, 3), (4, 4), (5, 5)]
    assert [block.ranges for block in blocks] == [[0], [0, 1], [1], [1]]
