"""Long work says how far it has come, if it is asked: in order, to the end, without changing anything."""

from __future__ import annotations

import io
import sys
import threading
from time import sleep
from types import SimpleNamespace

import pandas as pd
import pytest

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.progress import telling

SHOP = cj.simulate.shop(400, seed=4)
MAP = parse_map(SHOP.intended_text)
AUTO = parse_map(SHOP.intended_text.replace("patience: 14d", "patience: auto", 1))
LOG = SHOP.log.split(MAP).with_personas(MAP)
CHECK = cj.check(LOG, MAP, by="persona")
TAGGED = LOG.tag(outcome=CHECK.journeys["outcome"])
VISITS = pd.DataFrame({"who": ["ann"], "when": ["2026-03-01 10:00"], "what": ["product_viewed"]})

VERBS = {
    "check": lambda **asked: cj.check(LOG, MAP, by="persona", **asked),
    "drivers": lambda **asked: cj.drivers(CHECK, "Research", smallest_cell=1, **asked),
    "find_journeys": lambda **asked: cj.find_journeys(LOG, method="gap", gap="3d", **asked),
    "find_personas": lambda **asked: cj.find_personas(LOG, number=(1, 2), stability=2, **asked),
    "incidence": lambda **asked: cj.incidence(CHECK, **asked),
    "ingest": lambda **asked: cj.ingest(
        cj.sources.Table(VISITS, name="shop", customer="who", timestamp="when", touchpoint="what"), **asked
    ),
    "partings": lambda **asked: cj.partings(TAGGED, **asked),
    "representatives": lambda **asked: cj.variants(TAGGED, by="persona").representatives(2, **asked),
    "scan": lambda **asked: cj.scan(CHECK, replicates=20, **asked),
    "settle_patience": lambda **asked: cj.settle_patience(SHOP.log, AUTO, share=0.05, replicates=20, **asked),
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
