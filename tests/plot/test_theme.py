"""The palette: legible on paper, and told apart without hue."""

from __future__ import annotations

import itertools

import pytest
from matplotlib.colors import to_rgb

from cjmining.plot import theme


def luminance(colour):
    """Relative luminance as WCAG 2.1 defines it."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colour", [theme.INK, theme.MUTED, *theme.OUTCOME.values()])
@pytest.mark.parametrize("ground", [theme.PAPER, theme.PANEL, theme.LANE])
def test_type_has_the_contrast_that_wcag_asks_for(colour, ground):
    assert contrast(colour, theme.PAPER) >= 4.5
    assert contrast(colour, ground) >= 4.0


def test_the_filled_parts_differ_in_lightness_or_in_pattern():
    filled = {
        "continued": (theme.RIBBON, None),
        "converted": (theme.CONVERTED, None),
        "dropped": (theme.DROPPED, None),
        "turned away": (theme.TURNED_AWAY_FILL, theme.TURNED_AWAY_HATCH),
        "open": (theme.OPEN_FILL, theme.OPEN_HATCH),
    }
    for (one, pattern), (other, other_pattern) in itertools.combinations(filled.values(), 2):
        assert pattern != other_pattern or contrast(one, other) >= 1.35
