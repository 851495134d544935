"""Figures as SVG text: the same bytes for the same figure, small, and ready to stand in a page."""

from __future__ import annotations

import hashlib
import io
import re
from html import escape, unescape
from typing import TYPE_CHECKING

import matplotlib as mpl

from cjmining.plot import theme
from cjmining.plot.text import drawn_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

_ID = re.compile(r'(\bid="|href="#|url\(#)([^")]+)')
_TAG = re.compile(r"<[^>]*>")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_TEXT = re.compile(r'<text style="(?P<style>[^"]*)"(?P<rest>[^>]*)>(?P<text>[^<]*)</text>')
_SIZE = re.compile(r"font(?:-size)?:[^;]*?([\d.]+)px")
_BOLD = re.compile(r"font(?:-weight)?:[^;]*?\b(?:bold|[6-9]00)\b")
_STYLE = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
"""matplotlib's rules for every element would hold for the whole page that the picture stands in."""
_TURN = re.compile(r' transform="rotate\(-?0 [^)]*\)"')
_FAMILIES = f"'{theme.FONT}', Verdana, sans-serif"


def to_svg(figure: Figure | SubFigure, *, title: str | None = None, description: str | None = None) -> str:
    """Return a figure as one ``<svg>`` element.

    The text is byte for byte the same in every run. Type stays type, that can be searched and read aloud;
    each line carries its length, so that it takes the same room in whatever font a reader has. Identifiers
    inside are unique to the picture: several can stand in one page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure, as ``ax.figure`` of any plot.
    title, description : str, optional
        What a screen reader says of the picture; default is its own title.

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
    root = figure.get_figure(root=True)
    written = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context({"svg.hashsalt": "cjmining", "svg.fonttype": "none"}):
        root.savefig(written, format="svg", metadata=nothing)
    element = written.getvalue()
    element = element[element.index("<svg") :]
    element = _TEXT.sub(_with_length, _TAG.sub(_rounded, element)).replace("\n", " ")
    element = _TURN.sub("", _STYLE.sub("", element))
    label = ". ".join(part for part in (title or _name_of(figure), description) if part)
    spoken = f'<svg role="img" aria-label="{escape(label)}" stroke-linejoin="round" stroke-linecap="butt"'
    return spoken + _unique_ids(element).removeprefix("<svg")


def _rounded(tag: re.Match[str]) -> str:
    """Coordinates to a hundredth of a point: nobody sees more."""
    return _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}", tag[0])


def _with_length(found: re.Match[str]) -> str:
    """Say how long a line is, and which fonts to fall back on."""
    style = found["style"].replace(f"'{theme.FONT}'", _FAMILIES)
    size = _SIZE.search(style)
    text = unescape(found["text"])
    if size is None or not text.strip():
        return found[0]
    length = drawn_width(text, float(size[1]), bold=bool(_BOLD.search(style)))
    return (
        f'<text style="{style}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"{found["rest"]}>'
        f"{found['text']}</text>"
    )


def _name_of(figure: Figure | SubFigure) -> str:
    return next((str(ax.get_label()) for ax in figure.axes if ax.get_label()), "Figure")


def _unique_ids(element: str) -> str:
    prefix = "c" + hashlib.sha256(element.encode()).hexdigest()[:8]
    return _ID.sub(lambda found: f"{found[1]}{prefix}-{found[2]}", element)
