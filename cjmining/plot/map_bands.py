"""What the bands of the journey map share: their name in the gutter, and words that begin bold."""

from __future__ import annotations

from math import ceil, cos, pi, sin
from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.map_view import GUTTER
from cjmining.plot.text import width, wrap

if TYPE_CHECKING:
    from cjmining.plot.sheet import Sheet
    from cjmining.plot.theme import Colour

_BAND = 10.0
PAD = 7.0
"""Between a band's rule and what is first in it."""
NO_BREAK = "\N{NO-BREAK SPACE}"


def band_name(sheet: Sheet, y: float, title: str, explained: str, *, room: float = GUTTER - 12) -> float:
    """Write a band's name and what is drawn in it into the gutter; return where the next text may start."""
    sheet.rule(y)
    y = sheet.paragraph(title, theme.MARGIN, y + PAD, GUTTER - 8, size=_BAND, bold=True)
    return sheet.paragraph(explained, theme.MARGIN, y + 1, room, size=theme.SMALL, colour=theme.MUTED)


def run_in(
    sheet: Sheet,
    lead: str,
    rest: str,
    x: float,
    top: float,
    room: float,
    *,
    colour: Colour = theme.INK,
    size: float = theme.SMALL,
) -> float:
    """Write words whose beginning is bold, in lines no wider than `room`; return where the next may start."""
    head = wrap(lead, room, size, bold=True)
    top = sheet.lines(head, x, top, size=size, bold=True, colour=colour)
    if not rest:
        return top
    indent = width(head[-1], size, bold=True) + 1.4
    blanks = ceil(indent / width(NO_BREAK, size))
    if indent + width(rest.split(maxsplit=1)[0], size) + 1 > room:  # no word fits beside the bold ones
        return sheet.paragraph(rest, x, top, room, size=size, colour=colour)
    first, *others = wrap(NO_BREAK * blanks + rest, room, size)
    baseline = top - theme.LINE * size + size
    sheet.write(first[blanks:], x + indent, baseline, size=size, colour=colour)
    return sheet.lines(others, x, top, size=size, colour=colour)


def star(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """Return the corners of a star: a moment of truth."""
    return [
        (x + r * sin(n * pi / 5), y - r * cos(n * pi / 5))
        for n in range(10)
        for r in [radius if n % 2 == 0 else radius * 0.42]
    ]


def rectangle(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    """Return the corners of a rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]
