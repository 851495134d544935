"""The palette: legible on light and on dark paper, and told apart without hue."""

from __future__ import annotations

import itertools

import pytest
from matplotlib.colors import to_rgb

from cjmining.plot import theme

PAPERS = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
GROUNDS = (*theme.CATEGORY, *(theme.heat(step / 8) for step in range(9)), theme.CONVERTED, theme.DROPPED)


def luminance(colour):
    """Relative luminance as WCAG 2.1 defines it."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@PAPERS
@pytest.mark.parametrize("colour", [theme.INK, theme.MUTED, *theme.OUTCOME.values()], ids=lambda c: c.name)
@pytest.mark.parametrize("ground", [theme.PAPER, theme.PANEL, theme.LANE], ids=lambda c: c.name)
def test_type_has_the_contrast_that_wcag_asks_for(colour, ground, dark):
    assert contrast(colour.on(dark=dark), theme.PAPER.on(dark=dark)) >= 4.5
    assert contrast(colour.on(dark=dark), ground.on(dark=dark)) >= 4.0


@PAPERS
@pytest.mark.parametrize("ground", GROUNDS, ids=lambda c: c.name)
def test_type_upon_a_colour_has_the_contrast_that_wcag_asks_for(ground, dark):
    assert contrast(theme.upon(ground).on(dark=dark), ground.on(dark=dark)) >= 4.5


@PAPERS
def test_the_filled_parts_differ_in_lightness_or_in_pattern(dark):
    filled = {
        "continued": (theme.RIBBON, None),
        "converted": (theme.CONVERTED, None),
        "dropped": (theme.DROPPED, None),
        "turned away": (theme.TURNED_AWAY_FILL, theme.TURNED_AWAY_HATCH),
        "open": (theme.OPEN_FILL, theme.OPEN_HATCH),
    }
    for (one, pattern), (other, other_pattern) in itertools.combinations(filled.values(), 2):
        assert pattern != other_pattern or contrast(one.on(dark=dark), other.on(dark=dark)) >= 1.3


@PAPERS
def test_the_ramp_goes_one_way_in_lightness(dark):
    steps = [luminance(theme.heat(step / 8).on(dark=dark)) for step in range(9)]
    assert steps == sorted(steps, reverse=not dark)
    away = [contrast(theme.heat(step / 8).on(dark=dark), theme.PAPER.on(dark=dark)) for step in range(9)]
    assert away == sorted(away)


@PAPERS
def test_categories_stand_out_from_the_paper_and_from_each_other(dark):
    told = [colour.on(dark=dark) for colour in theme.CATEGORY]
    assert all(contrast(colour, theme.PAPER.on(dark=dark)) >= 1.5 for colour in told)
    for one, other in itertools.combinations(told, 2):
        apart = sum((a - b) ** 2 for a, b in zip(to_rgb(one), to_rgb(other), strict=True)) ** 0.5
        assert apart >= 0.15 or contrast(one, other) >= 1.3


def test_no_two_colours_share_a_name():
    colours = set(theme.every_colour())
    assert len({colour.name for colour in colours}) == len(colours)
