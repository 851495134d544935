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
    boxes = [(text.get_text(), text.get_window_extent()) for text in ax.texts]
    found = [
        f"{a!r} overlaps {b!r}"
        for (a, one), (b, other) in itertools.combinations(boxes, 2)
        if min(one.x1, other.x1) - max(one.x0, other.x0) > 0.5
        and min(one.y1, other.y1) - max(one.y0, other.y0) > 0.5
    ]
    sheet = figure.bbox
    found += [
        f"{text!r} leaves the figure"
        for text, box in boxes
        if box.x0 < sheet.x0 - 0.5
        or box.x1 > sheet.x1 + 0.5
        or box.y0 < sheet.y0 - 0.5
        or box.y1 > sheet.y1 + 0.5
    ]
    return found
