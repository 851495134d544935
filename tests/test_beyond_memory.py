"""A log that is read within a limit of memory answers as one in memory does, and reads no column whole."""

from __future__ import annotations

import datetime as dt
import io
import pickle
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import cjmining as cj
from cjmining import schema
from cjmining.event_columns import EventColumn
from cjmining.intended import parse_map
from cjmining.interop import to_event_log, write_xes
from cjmining.report.rare import find_rare
from cjmining.report.small_rows import rare_names
from cjmining.shipping import shipping

LIMIT = 4_000_000
LABELS = [
    {"native": "page_view*", "touchpoint": "looked"},
    {"native": "*", "where": {"channel": "phone"}, "actor": "company", "failed": True},
]
PATH = "basket_filled -> {within 2d} order_placed"


@pytest.fixture(scope="module")
def shop():
    return cj.simulate.shop(350, seed=3)


@pytest.fixture(scope="module")
def intended(shop):
    return parse_map(shop.intended_text)


@pytest.fixture(scope="module", autouse=True)
def small_pieces():
    """Let a small log have many row groups, pieces and blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cjmining.storage.ROWS", 1024)
        patch.setattr("cjmining.limited_events.ROWS", 1024)
        patch.setattr("cjmining.limited_events.PIECE", 700)
        patch.setattr("cjmining.events.PIECE", 700)
        patch.setattr("cjmining.event_columns.PIECE", 700)
        patch.setattr("cjmining.discovery.journeys.tables.PIECE", 700)
        patch.setattr("cjmining.discovery.journeys.model.BLOCK_STEPS", 600)
        patch.setattr("cjmining.discovery.journeys.model.SAMPLE_STEPS", 3_000)
        patch.setattr("cjmining.log_files.LONG_VOCABULARY", 50)
        patch.setattr("cjmining.log.BLOCK_EVENTS", 2_000)
        patch.setattr("cjmining.log.LEAST_EVENTS", 100)
        patch.setattr("cjmining.discovery.comparison.compare._A_TIME", 100_000)
        yield


@pytest.fixture(scope="module")
def path(shop, small_pieces, tmp_path_factory):
    return shop.log.write(tmp_path_factory.mktemp("logs") / "shop.log")


class Side:
    """One of the two logs, with the results that several questions need."""

    def __init__(self, log, intended):
        self.intended = intended
        self.whole = log
        self.log = log.split(intended).with_personas(intended)
        self.check = cj.check(self.log, intended, by="persona")
        self.tagged = self.log.tag(outcome=self.check.journeys["outcome"])


@pytest.fixture(scope="module")
def in_memory(path, intended):
    return Side(cj.read_log(path), intended)


@pytest.fixture(scope="module")
def limited(path, intended):
    return Side(cj.read_log(path, memory_limit=LIMIT), intended)


def _whole(self, *_, **__):
    raise AssertionError("a column was read whole")


@pytest.fixture
def nothing_whole(in_memory, limited, monkeypatch):
    """Let whatever would read a column whole fail."""
    monkeypatch.setattr(EventColumn, "__array__", _whole)
    monkeypatch.setattr("cjmining.limited_events.LimitedEvents.column", _whole)
    monkeypatch.setattr("cjmining.limited_events.LimitedEvents.table", _whole)


def _chosen_by_month(side):
    return side.log.where(month=side.log.group("month")[1][1])


def _page(side, folder):
    found = cj.discover(side.tagged, by="persona")
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return cj.report(side.tagged, found, side.check, path=folder / "page.html", now=now).read_text()


QUESTIONS = {
    "journeys": lambda side: side.log.journeys,
    "repr": lambda side: repr(side.log),
    "blocks": lambda side: sum(b.last_event - b.first_event for b in side.log.blocks()),
    "first of a column": lambda side: side.log.group("device"),
    "discover": lambda side: cj.discover(side.tagged, by=("month", "outcome")),
    "channels": lambda side: cj.discover(side.log, level="touchpoint@channel"),
    "one channel": lambda side: cj.discover(side.log, level="channel"),
    "stages": lambda side: cj.discover(
        side.log, level="stage", intended=side.intended, ignore=["page_viewed"]
    ),
    "quantiles": lambda side: cj.discover(side.log).quantiles((0.1, 0.9), exact=True),
    "check": lambda side: side.check,
    "everybody": lambda side: side.check.overall,
    "moves": lambda side: side.check.moves(),
    "verbatims": lambda side: side.check.verbatims(),
    "coverage": lambda side: cj.coverage(side.log, side.intended),
    "some journeys": lambda side: cj.check(_chosen_by_month(side), side.intended),
    "some of some": lambda side: cj.discover(_chosen_by_month(side).where(channel="email")),
    "a path": lambda side: side.log.where(path=["not basket_filled -> order_placed", PATH[:13]]).journeys,
    "matches": lambda side: cj.matches(side.log, PATH),
    "labels": lambda side: cj.discover(side.log.label(LABELS)),
    "labels of some": lambda side: cj.check(
        side.log.where(channel="phone").label(LABELS[:1]), side.intended, by="campaign"
    ),
    "labels, then journeys": lambda side: cj.check(
        side.log.label(LABELS).split(side.intended), side.intended
    ),
    "personas found": lambda side: cj.find_personas(
        side.tagged, number=(2, 3), attributes=["persona"], starts=2, stability=1
    ),
    "funnel": lambda side: cj.funnel(side.log, ["product_viewed", "basket_filled", "order_placed"]),
    "paths": lambda side: cj.paths(side.log, start="product_viewed", end="order_placed"),
    "variants": lambda side: cj.variants(side.tagged),
    "markov": lambda side: cj.markov(side.log),
    "compare": lambda side: cj.compare(cj.discover(side.log, by="device"), "mobile"),
    "difference": lambda side: cj.difference(side.check, *side.check.groups[:2]),
    "scan": lambda side: cj.scan(side.check),
    "drivers": lambda side: cj.drivers(side.check, side.check.stages["stage"].iloc[1]),
    "incidence": lambda side: cj.incidence(side.check),
    "audience": lambda side: cj.audience(side.check),
    "won back": lambda side: cj.won_back(side.check),
    "patience": lambda side: cj.settle_patience(side.log, replace(side.intended, patience="auto"), share=0.2),
    "journeys found": lambda side: _found(side.log),
    "journeys found by a gap": lambda side: _found(side.log, method="gap"),
    "journeys found by a start": lambda side: _found(
        side.log, method="start", start=["ad_clicked"], changes=["campaign"], level="touchpoint"
    ),
    "a share of journeys found": lambda side: _found(side.whole, share=0.1, level="touchpoint@channel"),
    "sketch": lambda side: cj.sketch_map(side.whole, goal="order_placed", patience="14d").text,
    "sketch of split journeys": lambda side: cj.sketch_map(side.log, goal="order_placed").text,
    "rare names": lambda side: rare_names(side.log, 120),
    "rare names of groups": lambda side: find_rare(side.log, side.check, 60).of,
    "written": lambda side: _files(side, lambda log, path: log.write(path)),
    "written, labelled": lambda side: _files(side, lambda log, path: log.label(LABELS).write(path)),
    "written, chosen": lambda side: _files(side, lambda log, path: log.where(channel="email").write(path)),
    "exported": lambda side: _files(
        side, lambda log, path: cj.export(path.with_suffix(".xlsx"), log, cj.coverage(log, side.intended))
    ),
    "XES": lambda side: _files(side, lambda log, path: write_xes(log, path.with_suffix(".xes"))),
}


def _found(log, **how):
    found = cj.find_journeys(log, **how)
    return (
        repr(found),
        found._repr_html_(),
        found.boundaries,
        found.starts,
        found.ends,
        found.gaps,
        found.log.bounds,
    )


def _files(side, write):
    """Return every file that is written of a log, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        made = write(side.tagged, Path(folder) / "made")
        return {file.name: file.read_bytes() for file in (made.iterdir() if made.is_dir() else [made])}


def same(one, other):
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, rtol=1e-9, atol=0)
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other, rtol=1e-9, atol=0)
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, tuple):
        for mine, theirs in zip(one, other, strict=True):
            same(mine, theirs)
    elif names := (*getattr(one, "_tables", ()), *getattr(one, "_on_demand", ())):
        for name in names:
            same(getattr(one, name), getattr(other, name))
    else:
        assert one == other


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_are_those_of_a_log_in_memory(question, in_memory, limited, nothing_whole):
    same(QUESTIONS[question](in_memory), QUESTIONS[question](limited))


def test_the_page_is_the_same(in_memory, limited, nothing_whole, tmp_path):
    assert _page(limited, tmp_path) == _page(in_memory, tmp_path)


def test_what_reads_columns_whole_answers_the_same_too(in_memory, limited):
    same(in_memory.log.events, limited.log.events)
    one, other = (to_event_log(side.log) for side in (in_memory, limited))
    same(one, other)


def test_it_has_many_blocks_and_keeps_little(limited):
    log = cj.read_log(limited.log._stored._folder.path, memory_limit=LIMIT)
    assert len(log.blocks()) > 4
    log.codes("touchpoint")[:]
    log.timestamps[:]
    kept = log._stored._kept
    assert 0 < kept._bytes <= LIMIT // 4
    assert kept._bytes == sum(array.nbytes for array in kept._arrays.values())


def test_a_limit_is_a_size(path):
    assert cj.read_log(path, memory_limit="1.5GB").memory_limit == 1_500_000_000
    assert cj.read_log(path).memory_limit is None
    with pytest.raises(cj.LogError, match="memory_limit is a size such as '1GB' or '512MB', not 'much'"):
        cj.read_log(path, memory_limit="much")


def test_an_empty_touchpoint_is_told_by_its_rows(limited, in_memory):
    rule = [{"native": "page_view*", "touchpoint": " "}]
    said = []
    for side in (in_memory, limited):
        with pytest.raises(cj.LogError, match="have an empty touchpoint") as raised:
            side.log.label(rule)
        said.append(str(raised.value))
    assert said[0] == said[1]


def test_executors_are_sent_no_identifiers(limited):
    known = pa.table({"customer": [1], "kind": ["email"], "value": ["ann@shop.de"]}).cast(schema.IDENTITIES)
    log = replace(limited.log, _kept_identities=known)
    with shipping():
        sent = pickle.dumps(log)
    assert b"ann@shop.de" not in sent
    assert pickle.loads(sent).n_events == log.n_events  # noqa: S301 -- our own
    again = pickle.loads(pickle.dumps(log))  # noqa: S301 -- our own
    assert again.identities["value"].tolist() == ["ann@shop.de"]


def test_executors_are_sent_no_words_that_may_be_identifiers(tmp_path):
    events = pd.DataFrame(
        {
            "customer": [0, 0, 1],
            "timestamp": pd.to_datetime(["2026-03-01", "2026-03-02", "2026-03-01"]),
            "touchpoint": ["ad", "order", "ad"],
            "native_journey": ["ann@shop.de", "ann@shop.de", "bob@shop.de"],
        }
    )
    log = cj.JourneyLog.from_events(events)
    limited = cj.read_log(log.write(tmp_path / "x.log"), memory_limit="1MB")
    pd.testing.assert_frame_equal(limited.journeys, log.journeys)
    with shipping():
        assert b"@shop.de" not in pickle.dumps(limited)


def test_columns_that_the_events_lack_take_no_memory(tmp_path):
    events = pd.DataFrame(
        {"customer": [0, 1], "timestamp": pd.to_datetime(["2026-03-01"] * 2), "touchpoint": ["a", "b"]}
    )
    log = cj.JourneyLog.from_events(events)
    limited = cj.read_log(log.write(tmp_path / "x.log"), memory_limit="1MB")
    for read in (
        lambda log: log.codes("channel"),
        lambda log: log.numbers("value"),
        lambda log: log.flags("failed"),
    ):
        assert isinstance(read(limited), EventColumn)
        np.testing.assert_array_equal(np.asarray(read(limited)), read(log))


def test_results_can_be_pickled(in_memory, limited):
    for make in (lambda side: side.check, lambda side: cj.discover(side.log)):
        again = pickle.loads(pickle.dumps(make(limited)))  # noqa: S301 -- our own
        same(make(in_memory), again)


def test_nothing_chosen_is_nothing(in_memory, limited):
    one, other = (side.log.where(start="2031-01-01") for side in (in_memory, limited))
    same(one.events, other.events)
    for log in (one, other):
        with pytest.raises(cj.LogError, match="has no source 'nope'"):
            log.label([{"source": "nope", "touchpoint": "x"}])
        with pytest.raises(cj.LogError, match="phone"):
            log.where(channel="phone")


def test_no_room_for_labels_is_told(limited, monkeypatch):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("cjmining.scratch.TemporaryFile", lambda **_: Full())
    with pytest.raises(cj.LogError, match=r"has no room: No space left on device. Set .* TMPDIR"):
        limited.log.label(LABELS)


def test_a_folder_is_found_from_wherever_it_is_asked_for(path, monkeypatch, tmp_path):
    monkeypatch.chdir(path.parent)
    log = cj.read_log(path.name, memory_limit="1MB")
    monkeypatch.chdir(tmp_path)
    assert len(log.codes("touchpoint")[:5]) == 5
