"""Figures as SVG text: the same bytes for the same figure, ready to stand in a page."""

from __future__ import annotations

import hashlib
import io
import re
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure, SubFigure

_ID = re.compile(r'(\bid="|href="#|url\(#)([^")]+)')


def to_svg(figure: Figure | SubFigure, *, title: str | None = None, description: str | None = None) -> str:
    """Return a figure as one ``<svg>`` element.

    The text is byte for byte the same in every run. Type is drawn as outlines, so that the picture looks the same
    without its font. Identifiers inside are unique to the picture: several can stand in one page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure, as ``ax.figure`` of any plot.
    title, description : str, optional
        What a screen reader says instead of the picture; default is the longest text on it.

    Returns
    -------
    str
        The element, without an XML declaration.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> to_svg(Figure(figsize=(1, 1)), title="Nothing")[:29]
    '<svg role="img" aria-label="N'
    """
    written = io.StringIO()
    settings = {"svg.hashsalt": "cjmining", "svg.fonttype": "path", "svg.image_inline": True}
    with mpl.rc_context(settings):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    element = written.getvalue()
    element = element[element.index("<svg") :]
    label = ". ".join(part for part in (title or _largest_text(figure), description) if part)
    spoken = f'<svg role="img" aria-label="{escape(label)}"'
    return spoken + _unique_ids(element).removeprefix("<svg")


def _largest_text(figure: Figure | SubFigure) -> str:
    texts = [text for ax in figure.axes for text in ax.texts]
    return max(texts, key=lambda text: float(text.get_fontsize())).get_text() if texts else "Figure"


def _unique_ids(element: str) -> str:
    prefix = "c" + hashlib.sha256(element.encode()).hexdigest()[:8]
    return _ID.sub(lambda found: f"{found[1]}{prefix}-{found[2]}", element)
