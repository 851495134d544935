"""Pictures on axes of the caller's own."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import cjmining as cj
from cjmining.errors import LogError
from tests.plot.factory import made_up_discovery

FOUND = made_up_discovery({("a", "b"): 3})


@pytest.mark.parametrize(
    ("ax", "said"),
    [
        (Figure(), "not on a figure: give figure.subplots"),
        (Figure().subplots(1, 2), r"of the 2 that plt.subplots made give one: ax=axs\[0\]"),
        (Figure().subplots(2, 2), r"of the 4 that plt.subplots made give one: ax=axs\[0, 0\]"),
        ((Figure(), Figure().subplots()), "give the axes alone"),
        ("x", "not on str; leave it out"),
        (np.float64(3), "not on float64"),
    ],
)
def test_what_is_no_axes_is_refused_in_words(ax, said):
    with pytest.raises(LogError, match=said):
        cj.plot.transitions(FOUND, ax=ax)


@pytest.mark.parametrize("dark", ["no", 1, None])
def test_dark_is_yes_or_no(dark):
    with pytest.raises(LogError, match="dark is True or False, not"):
        cj.plot.transitions(FOUND, dark=dark)


def test_given_axes_are_drawn_on_in_their_own_figure():
    ax = Figure().subplots(1, 2)[1]
    assert cj.plot.transitions(FOUND, ax=ax, dark=np.True_) is ax
    assert "3" in [text.get_text() for text in ax.texts]
