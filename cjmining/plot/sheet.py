"""A sheet of marks in points, written first and drawn last.

The pictures are laid out on a sheet, whose height grows with what is on it. A sheet knows neither matplotlib
nor SVG: `drawn.py` draws it on axes, scaled to them, type and all, so that what fits on the sheet fits
everywhere; `svg.py` writes it as text.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypedDict, Unpack

from matplotlib.path import Path

from cjmining.plot import theme
from cjmining.plot.text import Box, box, plain, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from cjmining.plot.theme import Colour

Point = tuple[float, float]


class Style(TypedDict, total=False):
    """How a line of text looks."""

    colour: Colour
    bold: bool
    italic: bool
    align: str


class Mark(NamedTuple):
    """Something on the picture that a reader may point at.

    Attributes
    ----------
    number : int
        Of the sheet's marks, from 0, in the order of reading.
    tip : str
        What is said of it.
    about : tuple of (str, str)
        What it belongs to, such as ("stage", "Checkout").
    """

    number: int
    tip: str
    about: tuple[tuple[str, str], ...]


class Look(NamedTuple):
    """How a shape looks: colours of its inside and its edge, width of the edge, dashes, pattern, height."""

    fill: Colour | None
    edge: Colour | None
    width: float
    dashes: tuple[float, ...]
    hatch: str | None
    z: float


@dataclass(frozen=True)
class Words:
    """A line of text on the sheet."""

    text: str
    x: float
    baseline: float
    size: float
    colour: Colour
    bold: bool
    italic: bool
    align: str
    mark: Mark | None

    @property
    def box(self) -> Box:
        """The rectangle that the line covers."""
        return box(self.text, self.x, self.baseline, self.size, bold=self.bold, align=self.align)


@dataclass(frozen=True)
class Outline:
    """A shape or a line along a path."""

    path: Path
    look: Look
    mark: Mark | None


@dataclass(frozen=True)
class Disc:
    """A disc."""

    x: float
    y: float
    radius: float
    look: Look
    mark: Mark | None


@dataclass(frozen=True)
class Card:
    """A rectangle with round corners."""

    area: Box
    rounding: float
    look: Look
    mark: Mark | None


@dataclass
class Sheet:
    """Marks on a sheet `width` points wide; y grows downwards.

    Attributes
    ----------
    title : str
        What the picture is called.
    description : str
        What it shows, in a few sentences with the main numbers: for those who don't see it.
    """

    width: float = theme.PAGE
    height: float = 0.0
    title: str = ""
    description: str = ""
    words: list[Words] = field(default_factory=list)
    shapes: list[Outline | Disc | Card] = field(default_factory=list)
    _marks: int = 0
    _mark: Mark | None = None

    @contextmanager
    def mark(self, tip: str, **about: str) -> Iterator[None]:
        """Take what is written meanwhile for one mark, of which `tip` is said on hover and focus.

        `about` names what it belongs to, such as ``stage="Checkout"``, by which a page can set it off.
        """
        outer = self._mark
        self._mark = Mark(self._marks, tip, tuple(about.items()))
        self._marks += 1
        try:
            yield
        finally:
            self._mark = outer

    def write(
        self,
        text: str,
        x: float,
        baseline: float,
        *,
        size: float = theme.BODY,
        colour: Colour = theme.INK,
        bold: bool = False,
        italic: bool = False,
        align: str = "left",
    ) -> Words:
        """Write one line, its baseline at `baseline`, and return it."""
        line = Words(plain(text), x, baseline, size, colour, bold, italic, align, self._mark)
        if line.text.strip():
            self.words.append(line)
        return line

    def paragraph(
        self,
        text: str,
        x: float,
        top: float,
        room: float,
        *,
        lines: int = 99,
        size: float = theme.BODY,
        **style: Unpack[Style],
    ) -> float:
        """Write `text` in lines no wider than `room` from `top` on; return where the next may start."""
        return self.lines(
            wrap(text, room, size, bold=style.get("bold", False), lines=lines), x, top, size=size, **style
        )

    def lines(
        self, lines: Sequence[str], x: float, top: float, *, size: float = theme.BODY, **style: Unpack[Style]
    ) -> float:
        """Write lines below one another from `top` on; return where the next may start."""
        for row, line in enumerate(lines):
            self.write(line, x, top + size + row * theme.LINE * size, size=size, **style)
        return top + len(lines) * theme.LINE * size

    def rule(self, y: float, left: float = theme.MARGIN, right: float | None = None) -> None:
        """Draw a thin line across."""
        self.line([(left, y), (self.width - theme.MARGIN if right is None else right, y)], colour=theme.RULE)

    def line(
        self,
        points: Sequence[Point],
        *,
        colour: Colour = theme.INK,
        width: float = 0.8,
        dashed: bool = False,
        z: float = 2,
    ) -> None:
        """Draw a line through points."""
        self._line(Path(list(points)), colour, width, (3, 2) if dashed else (), z)

    def curve(
        self,
        points: Sequence[Point],
        *,
        colour: Colour = theme.INK,
        width: float = 0.8,
        dashes: Sequence[float] = (),
        z: float = 2,
    ) -> None:
        """Draw cubic Bezier curves: a start, then three points for each piece.

        `dashes` are lengths of ink and of gaps in turn, as multiples of the width.
        """
        codes = [Path.MOVETO] + [Path.CURVE4] * (len(points) - 1)
        self._line(Path(list(points), codes), colour, width, tuple(dashes), z)

    def area(
        self,
        points: Sequence[Point],
        fill: Colour,
        *,
        edge: Colour | None = None,
        hatch: str | None = None,
        z: float = 1,
    ) -> None:
        """Fill a polygon."""
        corners = [*points, points[0]]
        codes = [Path.MOVETO] + [Path.LINETO] * (len(points) - 1) + [Path.CLOSEPOLY]
        self.outline(Path(corners, codes), fill, edge=edge, hatch=hatch, z=z)

    def outline(
        self, path: Path, fill: Colour, *, edge: Colour | None = None, hatch: str | None = None, z: float = 1
    ) -> None:
        """Fill a shape with curved edges."""
        self.shapes.append(Outline(path, Look(fill, edge, 0.6, (), hatch, z), self._mark))

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        fill: Colour,
        *,
        edge: Colour | None = None,
        dashed: bool = False,
        z: float = 3,
    ) -> None:
        """Draw a disc, dashed where it stands for something planned only."""
        look = Look(fill, edge, 0.8, (2, 1.5) if dashed else (), None, z)
        self.shapes.append(Disc(x, y, radius, look, self._mark))

    def card(
        self,
        area: Box,
        fill: Colour,
        *,
        edge: Colour | None = None,
        hatch: str | None = None,
        z: float = 3,
        rounding: float = 3,
    ) -> None:
        """Draw a rectangle with round corners."""
        self.shapes.append(Card(area, rounding, Look(fill, edge, 0.8, (), hatch, z), self._mark))

    def drawn_on(self, ax: Axes | None, *, dark: bool = False) -> Axes:
        """Draw the sheet, scaled to `ax`, or on a new figure of the sheet's own size, and return the axes."""
        from cjmining.plot.drawn import draw

        return draw(self, ax, dark=dark)

    def _line(self, path: Path, colour: Colour, width: float, dashes: tuple[float, ...], z: float) -> None:
        self.shapes.append(Outline(path, Look(None, colour, width, dashes, None, z), self._mark))
