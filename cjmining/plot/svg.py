"""Pictures as SVG text: the same bytes for the same picture, small, and ready to stand in a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape
from itertools import groupby, pairwise
from math import ceil, cos, floor, pi, sin
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.path import Path

from cjmining.errors import LogError
from cjmining.plot import theme
from cjmining.plot.sheet import Card, Disc, Outline, Sheet, Words
from cjmining.plot.text import drawn_width

if TYPE_CHECKING:
    from cjmining.plot.sheet import Look, Mark
    from cjmining.plot.theme import Colour

_FAMILIES = f"'{theme.FONT}', Verdana, sans-serif"
_WORDS_Z = 6.0
_ANCHOR = {"left": "", "center": ' text-anchor="middle"', "right": ' text-anchor="end"'}
_LETTERS = {int(Path.MOVETO): "M", int(Path.LINETO): "L", int(Path.CURVE4): "C", int(Path.CLOSEPOLY): "Z"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What isn't a character of XML 1.0 (section 2.2): a document with it is refused, escaped or not."""
_LINE = 0.8
"""Width of a line where nothing else is said."""
_SHORT = 4
"""So few letters are as wide in any font, near enough; their length isn't said."""
_APART = 5.0
"""Distance of the lines of a pattern along the x axis, in points."""

_Paint = Callable[["Colour | None", "Colour | None"], str]
"""Gives the attributes for the colours of an inside and an edge."""


def to_svg(picture: Any, *, title: str | None = None, description: str | None = None) -> str:  # noqa: ANN401
    """Return a picture as one ``<svg>`` element.

    The text is byte for byte the same in every run. Type stays type, that can be searched and read aloud;
    each line carries its length, so that it takes the same room in whatever font a reader has. What belongs
    together is a group whose ``<title>`` says what it is. There are no ``style`` attributes, so that the
    element can stand in a page with a strict Content-Security-Policy; several can stand in one page.

    Parameters
    ----------
    picture : matplotlib.axes.Axes or matplotlib.figure.Figure
        What one of the functions of `cj.plot` returned when it was not given axes, or its figure.
    title, description : str, optional
        What a screen reader says of the picture; default is its own title and description.

    Returns
    -------
    str
        The element, without an XML declaration.

    Raises
    ------
    LogError
        If `picture` is none of `cj.plot`, or was drawn on given axes; ``figure.savefig("name.svg")`` writes
        such a figure.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100)
    >>> intended = parse_map(shop.intended_text)
    >>> ax = cj.plot.journey_map(cj.check(shop.log.split(intended), intended))
    >>> cj.plot.to_svg(ax)[:53]
    '<svg role="img" aria-label="Journey map: Online purch'
    """
    ax = picture.axes[0] if isinstance(picture, Figure) and picture.axes else picture
    sheet = getattr(ax, "sheet", None)
    if not isinstance(sheet, Sheet):
        raise LogError(
            f"cj.plot.to_svg takes what a function of cj.plot returned without ax=, not "
            f"{type(picture).__name__}; of other figures use figure.savefig('name.svg')"
        )
    return written(sheet, dark=getattr(ax, "dark", False), title=title, description=description)


def written(
    sheet: Sheet, *, dark: bool | None = False, title: str | None = None, description: str | None = None
) -> str:
    """Return a sheet as SVG: with colours for light or dark paper; with None by the classes of `rules`."""
    paint = _by_class if dark is None else _by_value(dark)
    label = ". ".join(
        part.rstrip(".")
        for part in (title or sheet.title or "Figure", description or sheet.description)
        if part
    )
    wide, high = _short(sheet.width), _short(sheet.height)
    head = (
        f'<svg role="img" aria-label="{_said(label)}" viewBox="0 0 {wide} {high}" font-family="{_FAMILIES}" '
        f'font-size="{_short(theme.SMALL)}" stroke-width="{_short(_LINE)}"{paint(theme.INK, None)}'
    )
    if dark is None:
        head += ">"
    else:
        paper = f'<path d="M0 0H{wide}V{high}H0Z"{paint(theme.PAPER, None)}/>'
        head += f' width="{wide}pt" height="{high}pt" xmlns="http://www.w3.org/2000/svg">{paper}'
    return head + "".join(_marks(sheet, paint)) + "</svg>"


def rules() -> str:
    """Return the style sheet for pictures written by classes: light, and dark where the reader prefers it."""
    colours = {colour.name: colour for colour in theme.every_colour()}.values()
    light = "".join(f"--{colour.name}:{colour.light};" for colour in colours)
    dark = "".join(f"--{colour.name}:{colour.dark};" for colour in colours)
    classes = "".join(
        f".f-{colour.name}{{fill:var(--{colour.name})}}.s-{colour.name}{{stroke:var(--{colour.name})}}"
        for colour in colours
    )
    scheme = f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return (
        f":root{{{light}}}\n{scheme}\n{classes}\n.n{{fill:none;stroke-linecap:round;stroke-linejoin:round}}\n"
    )


def _by_class(fill: Colour | None, edge: Colour | None) -> str:
    names = ["n" if fill is None else f"f-{fill.name}"] + ([f"s-{edge.name}"] if edge else [])
    return f' class="{" ".join(names)}"'


def _by_value(dark: bool) -> _Paint:
    def paint(fill: Colour | None, edge: Colour | None) -> str:
        said = f' fill="{fill.on(dark=dark) if fill else "none"}"'
        if edge:
            said += f' stroke="{edge.on(dark=dark)}"'
        return said + (' stroke-linecap="round" stroke-linejoin="round"' if fill is None else "")

    return paint


def _marks(sheet: Sheet, paint: _Paint) -> Iterator[str]:
    """Yield everything on the sheet, the lowest first; neighbours of one mark as a group."""
    things: list[tuple[float, Outline | Disc | Card | Words]] = [
        *((shape.look.z, shape) for shape in sheet.shapes),
        *((_WORDS_Z, words) for words in sheet.words),
    ]
    told: set[int] = set()
    ordered = (thing for _, thing in sorted(things, key=_height))
    for mark, group in groupby(ordered, key=lambda thing: thing.mark):
        inside = "".join(_element(thing, paint) for thing in group)
        yield inside if mark is None else _group(mark, inside, told)


def _height(thing: tuple[float, Outline | Disc | Card | Words]) -> tuple[float, int]:
    """Sort by height; at the height of words what belongs to a mark stands together, as one group."""
    z, drawn = thing
    return z, -1 if z < _WORDS_Z or drawn.mark is None else drawn.mark.number


def _group(mark: Mark, inside: str, told: set[int]) -> str:
    """Return what belongs to a mark; its title and what it is about stand in its first group."""
    head = f'<g data-mark="{mark.number}"'
    if mark.number in told:
        return f"{head}>{inside}</g>"
    told.add(mark.number)
    about = "".join(f' data-{key}="{_said(value)}"' for key, value in mark.about)
    return f"{head}{about}><title>{_said(mark.tip)}</title>{inside}</g>"


def _element(thing: Outline | Disc | Card | Words, paint: _Paint) -> str:
    if isinstance(thing, Words):
        return _text(thing, paint)
    if isinstance(thing, Disc):
        where = f'circle cx="{_short(thing.x)}" cy="{_short(thing.y)}" r="{_short(thing.radius)}"'
    elif isinstance(thing, Card):
        left, top, right, bottom = thing.area
        where = (
            f'rect x="{_short(left)}" y="{_short(top)}" width="{_short(right - left)}" '
            f'height="{_short(bottom - top)}"' + (f' rx="{_short(thing.rounding)}"' if thing.rounding else "")
        )
    else:
        where = f'path d="{_trail(thing.path)}"'
    look = thing.look
    drawn = f"<{where}{paint(look.fill, look.edge)}{_stroke(look)}/>"
    if look.hatch:
        drawn += f'<path d="{_hatching(thing)}" stroke-width=".6"{paint(None, look.edge)}/>'
    return drawn


def _stroke(look: Look) -> str:
    if look.edge is None:
        return ""
    dashes = " ".join(_short(part * max(look.width, 0.1)) for part in look.dashes)
    width = "" if look.width == _LINE else f' stroke-width="{_short(look.width)}"'
    return width + (f' stroke-dasharray="{dashes}"' if dashes else "")


def _text(words: Words, paint: _Paint) -> str:
    """Return a line of text; small type in ink is what the whole picture says already."""
    colour = "" if words.colour == theme.INK else paint(words.colour, None)
    size = "" if words.size == theme.SMALL else f' font-size="{_short(words.size)}"'
    length = _short(drawn_width(words.text, words.size, bold=words.bold))
    length = f' textLength="{length}"' if len(words.text) > _SHORT else ""
    weight = ' font-weight="700"' if words.bold else ""
    slant = ' font-style="italic"' if words.italic else ""
    return (
        f'<text x="{_short(words.x)}" y="{_short(words.baseline)}"{size}'
        f"{weight}{slant}{_ANCHOR[words.align]}{length}{colour}>"
        f"{_said(words.text, quote=False)}</text>"
    )


def _said(text: str, *, quote: bool = True) -> str:
    """Escape text, without the characters that XML has no way to write."""
    return escape(_NOT_XML.sub("", text), quote=quote)


def _trail(path: Path) -> str:
    """Return a path as SVG writes it: absolute, a letter where the kind of step changes."""
    said, last = [], ""
    for corner, code in path.iter_segments(simplify=False, curves=True):
        letter = _LETTERS[int(code)]
        numbers = " ".join(map(_short, corner)) if letter != "Z" else ""
        said.append(f"{letter if letter != last else ' '}{numbers}")
        last = letter
    return "".join(said)


def _hatching(shape: Outline | Disc | Card) -> str:
    """Return the lines of a shape's pattern, each cut where it meets the shape's edge.

    They are lines of their own, not a tile of a pattern: browsers print a page with tiles as large pictures.
    """
    up = "/" in (shape.look.hatch or "")
    corners = [(y + x if up else y - x, x) for x, y in _corners(shape)]
    first = ceil(min(level for level, _ in corners) / _APART)
    last = floor(max(level for level, _ in corners) / _APART)
    said = []
    for level in (number * _APART for number in range(first, last + 1)):
        meeting = sorted(_where_met(corners, level))
        for left, right in zip(meeting[::2], meeting[1::2], strict=False):
            ends = [(x, level - x if up else level + x) for x in (left, right)]
            said.append("M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in ends))
    return "".join(said)


def _where_met(corners: list[tuple[float, float]], level: float) -> Iterator[float]:
    """Yield the x at which a line across meets the edges of a shape, whose corners are (level, x)."""
    for (one, x), (other, to) in pairwise([*corners, corners[0]]):
        if (one <= level) != (other <= level):
            yield x + (to - x) * (level - one) / (other - one)


def _corners(shape: Outline | Disc | Card) -> list[tuple[float, float]]:
    if isinstance(shape, Card):
        left, top, right, bottom = shape.area
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
    if isinstance(shape, Disc):
        turns = (2 * pi * number / 24 for number in range(24))
        return [(shape.x + shape.radius * cos(turn), shape.y + shape.radius * sin(turn)) for turn in turns]
    outline: list[tuple[float, float]] = np.asarray(shape.path.to_polygons()[0]).tolist()
    return outline


_ZERO = re.compile(r"^(-?)0\.")


def _short(value: float) -> str:
    """Return a length to a tenth of a point, as short as it can be written: nobody sees more."""
    said = f"{float(value):.1f}"
    said = said.removesuffix(".0")
    return "0" if said == "-0" else _ZERO.sub(r"\1.", said)
