"""What a drawn picture shows, read from its artists."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def texts(ax: Axes) -> list[str]:
    """Every line of text on the axes."""
    return [text.get_text() for text in ax.texts]


def faults(ax: Axes, *, dpi: float = 100) -> list[str]:
    """Pairs of texts that overlap, and texts that leave the figure, as the Agg renderer measures them."""
    figure = ax.get_figure(root=True)
    figure.set_dpi(dpi)
    FigureCanvasAgg(figure).draw()
    boxes = [(text.get_text(), text.get_window_extent().extents.tolist()) for text in ax.texts]
    found = [
        f"{a!r} overlaps {b!r}"
        for (a, (left, low, right, high)), (b, other) in itertools.combinations(boxes, 2)
        if min(right, other[2]) - max(left, other[0]) > 0.5 and min(high, other[3]) - max(low, other[1]) > 0.5
    ]
    sheet = figure.bbox.extents.tolist()
    found += [
        f"{text!r} leaves the figure"
        for text, (left, low, right, high) in boxes
        if left < sheet[0] - 0.5 or right > sheet[2] + 0.5 or low < sheet[1] - 0.5 or high > sheet[3] + 0.5
    ]
    return found
