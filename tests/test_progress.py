"""Long work says how far it has come, if it is asked: in order, to the end, without changing anything."""

from __future__ import annotations

import io
import sys
import threading
from time import sleep
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.engine.local import map_blocks, reduce_blocks
from cjmining.intended import parse_map
from cjmining.log import Block
from cjmining.progress import TimeLeft, during, of_blocks, telling

SHOP = cj.simulate.shop(400, seed=4)
MAP = parse_map(SHOP.intended_text)
AUTO = parse_map(SHOP.intended_text.replace("patience: 14d", "patience: auto", 1))
LOG = SHOP.log.split(MAP).with_personas(MAP)
FOUND = cj.discover(LOG, by="persona")
CHECK = cj.check(LOG, MAP, by="persona")
TAGGED = LOG.tag(outcome=CHECK.journeys["outcome"])
VISITS = pd.DataFrame({"who": ["ann"], "when": ["2026-03-01 10:00"], "what": ["product_viewed"]})

VERBS = {
    "check": lambda **asked: cj.check(LOG, MAP, by="persona", **asked),
    "compare": lambda **asked: cj.compare(FOUND, "Gen Z", "Families", **asked),
    "discover": lambda **asked: cj.discover(LOG, by="persona", **asked),
    "drivers": lambda **asked: cj.drivers(CHECK, "Research", smallest_cell=1, **asked),
    "find_journeys": lambda **asked: cj.find_journeys(LOG, method="gap", gap="3d", **asked),
    "find_personas": lambda **asked: cj.find_personas(LOG, number=(1, 2), stability=2, **asked),
    "funnel": lambda **asked: cj.funnel(LOG, ["product_viewed", "order_placed"], **asked),
    "incidence": lambda **asked: cj.incidence(CHECK, **asked),
    "ingest": lambda **asked: cj.ingest(
        cj.sources.Table(VISITS, name="shop", customer="who", timestamp="when", touchpoint="what"), **asked
    ),
    "markov": lambda **asked: cj.markov(LOG, level="channel", **asked),
    "matches": lambda **asked: cj.matches(LOG, "product_viewed -> order_placed", **asked),
    "partings": lambda **asked: cj.partings(TAGGED, **asked),
    "paths": lambda **asked: cj.paths(LOG, start="product_viewed", end="order_placed", **asked),
    "representatives": lambda **asked: cj.variants(TAGGED, by="persona").representatives(2, **asked),
    "scan": lambda **asked: cj.scan(CHECK, replicates=20, **asked),
    "settle_patience": lambda **asked: cj.settle_patience(SHOP.log, AUTO, share=0.05, replicates=20, **asked),
    "variants": lambda **asked: cj.variants(LOG, by="persona", **asked),
    "what_if": lambda **asked: cj.what_if(
        CHECK, {"stage": "Basket", "drop_out": 0.5}, replicates=20, **asked
    ),
}
"""Every verb with `progress=` but `run_study`, which has tests of its own."""


@pytest.mark.parametrize("verb", VERBS)
def test_shares_rise_to_the_end_and_change_nothing(verb):
    told, threads = [], set()

    def record(text, share):
        told.append((text, share))
        threads.add(threading.get_ident())

    watched = VERBS[verb](progress=record)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 1
    assert shares[-1] == 1
    assert shares.count(1) == 1
    assert all(text and text[0].islower() for text, _ in told)
    assert 3 <= len(told) <= 60
    assert threads == {threading.get_ident()}
    assert repr(watched) == repr(VERBS[verb]())


def test_every_verb_that_tells_is_tested():
    import inspect

    verbs = [name for name in cj.__all__ if name[0].islower() and callable(getattr(cj, name))]
    telling_verbs = {name for name in verbs if "progress" in inspect.signature(getattr(cj, name)).parameters}
    assert telling_verbs == {*VERBS, "run_study"} - {"representatives"}  # which is a method of variants


def test_tables_are_the_same_whether_somebody_watches_or_not():
    watched = cj.check(LOG, MAP, by="persona", progress=lambda _text, _share: None)
    for name in CHECK._tables:
        pd.testing.assert_frame_equal(getattr(watched, name), getattr(CHECK, name))


def test_nothing_is_printed_where_nobody_watches(capfd):
    cj.check(LOG, MAP, progress=True)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("given", ["yes", 5, 1])
def test_what_is_no_progress_is_refused(given):
    with pytest.raises(cj.LogError, match="progress is called with what is being done"):
        cj.check(LOG, MAP, progress=given)


def test_an_error_in_what_is_called_is_the_callers():
    def stop(_text, _share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cj.check(LOG, MAP, progress=stop)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_a_bar_that_is_gone_in_the_end(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with telling(True, "check") as tell:
        tell("holding [b]it[/b] against the map", 0.5)
        sleep(0.25)  # the bar is drawn ten times a second
    shown = terminal.getvalue()
    assert "holding [b]it[/b]" in shown
    assert shown.rstrip().endswith("\x1b[2K")  # the line is cleared
    assert capsys.readouterr().out == ""


class Display:
    """What IPython displays, change by change."""

    def __init__(self):
        self.shown = []

    def display(self, shown, *, display_id):
        assert display_id
        self.shown.append(shown)
        return SimpleNamespace(update=self.shown.append)


class ZMQInteractiveShell:
    pass


@pytest.fixture
def notebook(monkeypatch):
    import IPython

    display = Display()
    monkeypatch.setattr(IPython, "get_ipython", ZMQInteractiveShell)
    monkeypatch.setattr("IPython.display.display", display.display)
    monkeypatch.setattr("IPython.display.HTML", str)
    return display


def test_a_notebook_shows_a_bar_in_place_that_says_at_last_how_long_it_took(notebook):
    with telling(True, "check") as tell:
        tell("reading <b>", 0.25)
        tell("sorting", 0.5)
    first, *_, last = notebook.shown
    assert 'aria-valuenow="0"' in first
    assert any("25 % check: reading &lt;b&gt;" in shown for shown in notebook.shown)
    assert "width:50%" in "".join(notebook.shown)
    assert "check took 0.0 s" in last
    assert "<b>" not in "".join(notebook.shown)


def test_a_notebook_says_where_the_work_was_stopped(notebook):
    with pytest.raises(ZeroDivisionError), telling(True, "check") as tell:
        tell("reading", 1 / 0)
    assert "check stopped after" in notebook.shown[-1]


def test_a_bar_is_not_drawn_more_often_than_an_eye_can_see(notebook):
    with telling(True, "check") as tell:
        for step in range(10_000):
            tell("sorting", step / 10_000)
    assert len(notebook.shown) < 40


class Told:
    """What was told, and from where."""

    def __init__(self):
        self.calls, self.threads = [], set()

    def __call__(self, text, share):
        self.calls.append((text, share))
        self.threads.add(threading.get_ident())


@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_are_told_as_they_are_done(threads):
    blocks = [Block(0, 1, first, last) for first, last in ((0, 10), (10, 20), (20, 100))]
    told = Told()
    with telling(told, "check") as tell:
        with during(tell, "counting", 0.2, 0.7):
            map_blocks(lambda _: reduce_blocks(str, "".join, range(9)), blocks, threads=threads)
        reduce_blocks(str, "".join, range(9), threads=threads)  # of no step that is told
    assert [text for text, _ in told.calls] == [
        "counting",
        "counting: block 2 of 3",
        "counting: block 3 of 3",
        "counting: block 3 of 3",
        "done",
    ]
    assert [share for _, share in told.calls] == pytest.approx([0.2, 0.25, 0.3, 0.7, 1.0])  # by events
    assert told.threads == {threading.get_ident()}


def test_a_step_of_several_passes_goes_on_over_all_of_them():
    told = Told()
    with telling(told, "markov") as tell, during(tell, "counting", 0.0, 0.8, passes=2):
        for _ in range(3):  # one more than it said
            reduce_blocks(lambda block: block, sum, range(2))
    assert [share for _, share in told.calls] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 1])


def test_thousands_of_blocks_are_told_a_hundred_times():
    told = Told()
    with telling(told, "check") as tell, during(tell, "counting", 0.0, 0.5):
        map_blocks(lambda block: block, range(5000))
    assert 90 <= len(told.calls) <= 102
    assert told.calls[-2][1] == pytest.approx(0.5, abs=0.01)


def test_a_verb_that_nobody_watches_leaves_the_step_of_the_one_that_calls_it():
    told = Told()
    with telling(told, "run_study") as tell, during(tell, "counting", 0.0, 0.5):
        with telling(None, "discover") as inner, during(inner, "reading", 0.0, 1.0):
            map_blocks(lambda block: block, range(2))
        assert of_blocks([1, 1]) is not None
    assert [text for text, _ in told.calls][1] == "counting: block 2 of 2"
    assert of_blocks([1, 1]) is None


def seconds_left(seen):
    """Return what is said to be left each time that something was done: (seconds since the begin, share)."""
    now = 0.0
    times = TimeLeft(lambda: now)
    said = []
    for moment, share in seen:
        now = moment
        said.append(times.seconds(share)[1])
    return said


def test_at_a_steady_rate_what_is_left_is_what_it_will_take():
    said = seconds_left([(second, second / 100) for second in range(1, 101)])
    assert said[:4] == [None] * 4  # too early to say
    assert said[4:99] == pytest.approx([100 - second for second in range(5, 100)])
    assert said[99] is None  # nothing is left


def test_work_that_has_become_slower_is_not_told_to_be_done_soon():
    fast, slow = [(second, second / 20) for second in range(1, 11)], [(20, 0.55), (30, 0.6), (40, 0.65)]
    *_, last = seconds_left(fast + slow)
    assert last == pytest.approx(0.35 / ((0.65 - 0.55) / 20))  # at the rate of the later half
    *_, stuck = seconds_left([*fast, (30, 0.5)])
    assert stuck is None


@given(st.lists(st.tuples(st.floats(0.1, 50), st.floats(0, 0.2)), min_size=1, max_size=20))
def test_never_less_is_said_to_be_left_than_the_rate_so_far_says(steps):
    now, done, seen = 0.0, 0.0, []
    for seconds, share in steps:
        now, done = now + seconds, min(done + share, 1.0)
        seen.append((now, done))
    for (took, share), left in zip(seen, seconds_left(seen), strict=True):
        assert left is None or left >= (1 - share) * took / share * (1 - 1e-9)


def test_bars_say_what_is_left(notebook, monkeypatch):
    now = 0.0
    monkeypatch.setattr("cjmining.progress.monotonic", lambda: now)
    monkeypatch.setattr(TimeLeft.__init__, "__defaults__", (lambda: now,))
    with telling(True, "check") as tell:
        now = 30.0
        tell("counting: block 2 of 4", 0.25)
    assert any(
        "counting: block 2 of 4" in shown and "30 s, about 2 min left" in shown for shown in notebook.shown
    )
