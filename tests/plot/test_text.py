"""Measuring, wrapping and placing text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cjmining.plot import theme
from cjmining.plot.sheet import Sheet
from cjmining.plot.svg import written
from cjmining.plot.text import (
    Box,
    drawable,
    fit,
    place,
    plain,
    spread,
    told_apart,
    width,
    wrap,
)
from tests.examples import examples

project = examples(100)


@project
@given(st.text(max_size=80), st.floats(30, 200), st.floats(6, 20), st.booleans())
def test_wrapped_lines_fit_their_room(text, room, size, bold):
    assert all(width(line, size, bold=bold) <= room + 1e-9 for line in wrap(text, room, size, bold=bold))


@project
@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=60), st.floats(40, 200))
def test_wrapping_loses_no_letter(text, room):
    assert "".join(wrap(text, room, 8)).replace(" ", "") == text


@pytest.mark.parametrize("dpi", [72, 100, 200])
@pytest.mark.parametrize("bold", [True, False])
def test_measured_widths_hold_for_the_renderer(dpi, bold):
    figure = Figure(dpi=dpi)
    text = "Journeys that dropped out within 30 days: 1,234"
    artist = figure.text(0, 0, text, fontsize=8, family=theme.FONT, weight="bold" if bold else "normal")
    drawn = artist.get_window_extent(FigureCanvasAgg(figure).get_renderer()).width * 72 / dpi
    assert 0.92 * width(text, 8, bold=bold) < drawn <= width(text, 8, bold=bold) * 1.002


def test_a_share_is_not_parted_from_its_sign():
    assert wrap("aaaa 34 %", width("aaaa 34", 8) + 1, 8) == ["aaaa", "34 %"]


def test_too_long_a_text_ends_in_an_ellipsis():
    assert fit("a long sentence", width("a long…", 8), 8) == "a long…"
    assert wrap("one two three four", width("one two", 8), 8, lines=1)[0].endswith("…")


def test_controls_are_dropped_and_what_is_no_character_is_replaced():
    assert plain("a\n\tb\x00 🙂\N{RIGHT-TO-LEFT OVERRIDE}c ü") == "a b 🙂c ü"
    assert plain("a\U000e1234b") == "a\N{REPLACEMENT CHARACTER}b"


def test_what_the_font_lacks_is_replaced_where_it_is_drawn_but_not_where_it_is_written():
    name = "日本語タッチポイント 🙂 ሰላም ü"
    sheet = Sheet(300, 60, title="Hello")
    sheet.write(name, 10, 20)
    sheet.write("Ende", 10, 40)
    assert name in written(sheet)
    drawn = sheet.drawn_on(None).texts
    assert drawn[0].get_text() == 10 * "□" + " □ ??? ü"
    assert drawn[1].get_text() == "Ende"


@pytest.mark.parametrize(("text", "em"), [("日本語", 3.0), ("🙂", 1.0), ("ሰላ", 1.3)])
@pytest.mark.parametrize("bold", [True, False])
def test_what_the_font_lacks_has_its_usual_width_and_its_sign_no_more(text, em, bold):
    assert width(text, 10, bold=bold) == pytest.approx(10 * em, rel=0.05)
    figure = Figure(dpi=200)
    artist = figure.text(
        0, 0, drawable(text), fontsize=10, family=theme.FONT, weight="bold" if bold else "normal"
    )
    drawn = artist.get_window_extent(FigureCanvasAgg(figure).get_renderer()).width * 72 / 200
    assert drawn <= width(text, 10, bold=bold) * 1.002


def test_the_first_free_place_is_taken():
    taken = [Box(0, 0, 10, 10)]
    assert place([Box(5, 5, 15, 15), Box(20, 0, 30, 10)], taken) == 1
    assert place([Box(5, 5, 15, 15)], taken) is None


@project
@given(st.lists(st.tuples(st.floats(0, 300), st.floats(1, 40)), max_size=7))
def test_spread_labels_lie_apart_in_order_and_within_the_edge(labels):
    wanted, widths = sorted(want for want, _ in labels), [wide for _, wide in labels]
    edges = spread(wanted, widths, 320, 5)
    for n, edge in enumerate(edges):
        assert edge + widths[n] <= 320 + 1e-9
        assert n == 0 or edge >= edges[n - 1] + widths[n - 1] + 5 - 1e-9


def test_names_that_begin_alike_lose_their_beginning_where_they_would_be_cut_to_the_same():
    long = [f"a name of many words in stage {n} of the company that made this map" for n in (1, 2)]
    assert told_apart([*long, "basket"], 100, 8) == [
        "a… 1 of the company that made this map",
        "a… 2 of the company that made this map",
        "basket",
    ]
    assert told_apart(long, 1000, 8) == long


def test_names_without_a_blank_are_told_apart_too():
    cut = [fit(name, 60, 8) for name in told_apart(["x" * 300 + "a", "x" * 300 + "b"], 60, 8)]
    assert len(set(cut)) == 2
