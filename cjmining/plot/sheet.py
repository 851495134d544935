"""A sheet of marks in points, written first and drawn last.

The pictures are laid out on a sheet, whose height grows with what is on it. Drawing scales the sheet, type
and all, to the axes it is given, so that what fits on the sheet fits everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict, Unpack

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyBboxPatch, Patch, PathPatch, Polygon
from matplotlib.path import Path

from cjmining.plot import theme
from cjmining.plot.svg import to_svg
from cjmining.plot.text import Box, box, plain, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[float, float]


class Style(TypedDict, total=False):
    """How a line of text looks."""

    colour: str
    bold: bool
    italic: bool
    align: str


class Picture(Axes):
    """Axes that show themselves in a notebook, without pyplot."""

    def _repr_html_(self) -> str:
        figure = self.get_figure(root=True)
        return to_svg(figure) if figure is not None else ""


@dataclass(frozen=True)
class Words:
    """A line of text on the sheet."""

    text: str
    x: float
    baseline: float
    size: float
    colour: str
    bold: bool
    italic: bool
    align: str

    @property
    def box(self) -> Box:
        """The rectangle that the line covers."""
        return box(self.text, self.x, self.baseline, self.size, bold=self.bold, align=self.align)


@dataclass
class Sheet:
    """Marks on a sheet `width` points wide; y grows downwards."""

    width: float = theme.PAGE
    height: float = 0.0
    title: str = ""
    words: list[Words] = field(default_factory=list)
    shapes: list[tuple[Patch, float]] = field(default_factory=list)

    def write(
        self,
        text: str,
        x: float,
        baseline: float,
        *,
        size: float = theme.BODY,
        colour: str = theme.INK,
        bold: bool = False,
        italic: bool = False,
        align: str = "left",
    ) -> Words:
        """Write one line, its baseline at `baseline`, and return it."""
        line = Words(plain(text), x, baseline, size, colour, bold, italic, align)
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
        colour: str = theme.INK,
        width: float = 0.8,
        dashed: bool = False,
        z: float = 2,
    ) -> None:
        """Draw a line through points."""
        self._path(Path(list(points)), colour, width, (3, 2) if dashed else (), z)

    def curve(
        self,
        points: Sequence[Point],
        *,
        colour: str = theme.INK,
        width: float = 0.8,
        dashes: Sequence[float] = (),
        z: float = 2,
    ) -> None:
        """Draw cubic Bezier curves: a start, then three points for each piece.

        `dashes` are lengths of ink and of gaps in turn, as multiples of the width.
        """
        codes = [Path.MOVETO] + [Path.CURVE4] * (len(points) - 1)
        self._path(Path(list(points), codes), colour, width, dashes, z)

    def area(
        self,
        points: Sequence[Point],
        fill: str,
        *,
        edge: str | None = None,
        hatch: str | None = None,
        z: float = 1,
    ) -> None:
        """Fill a polygon."""
        self._patch(Polygon(list(points), closed=True), fill, edge, 0.6, hatch, z)

    def outline(
        self, path: Path, fill: str, *, edge: str | None = None, hatch: str | None = None, z: float = 1
    ) -> None:
        """Fill a shape with curved edges."""
        self._patch(PathPatch(path), fill, edge, 0.6, hatch, z)

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        fill: str,
        *,
        edge: str | None = None,
        dashed: bool = False,
        z: float = 3,
    ) -> None:
        """Draw a disc, dashed where it stands for something planned only."""
        shape = Ellipse((x, y), 2 * radius, 2 * radius)
        if dashed:
            shape.set_linestyle((0, (2, 1.5)))
        self._patch(shape, fill, edge, 0.8, None, z)

    def card(
        self, area: Box, fill: str, *, edge: str | None = None, z: float = 3, rounding: float = 3
    ) -> None:
        """Draw a rectangle with round corners."""
        left, top, right, bottom = area
        style = f"round,pad=0,rounding_size={rounding}"
        self._patch(
            FancyBboxPatch((left, top), right - left, bottom - top, boxstyle=style), fill, edge, 0.8, None, z
        )

    def drawn_on(self, ax: Axes | None) -> Axes:
        """Draw the sheet, scaled to `ax`, or on a new figure of the sheet's own size, and return the axes."""
        ax = _own_axes(self.width, self.height) if ax is None else ax
        scale = _scale(ax, self.width, self.height)
        ax.set_axis_off()
        ax.set_label(self.title)
        ax.set_xlim(0, self.width)
        ax.set_ylim(self.height, 0)
        ax.set_aspect("equal", adjustable="box", anchor="N")
        with mpl.rc_context({"hatch.linewidth": 0.6 * scale}):
            for shape, width in self.shapes:
                shape.set_linewidth(width * scale)
                shape.set_clip_on(False)
                ax.add_patch(shape)
        for line in self.words:
            _draw_words(ax, line, scale)
        return ax

    def _path(self, path: Path, colour: str, width: float, dashes: Sequence[float], z: float) -> None:
        shape = PathPatch(
            path, facecolor="none", edgecolor=colour, zorder=z, capstyle="round", joinstyle="round"
        )
        if dashes:
            shape.set_linestyle((0, tuple(dashes)))
        self.shapes.append((shape, width))

    def _patch(
        self, shape: Patch, fill: str, edge: str | None, width: float, hatch: str | None, z: float
    ) -> None:
        shape.set_facecolor(fill)
        shape.set_edgecolor(edge or "none")
        shape.set_zorder(z)
        if hatch:
            shape.set_hatch(hatch)
        self.shapes.append((shape, width if edge else 0.0))


def _own_axes(width: float, height: float) -> Axes:
    """Axes on a figure without pyplot, which would keep every figure ever drawn in memory."""
    figure = Figure(figsize=(width / 72, height / 72), facecolor=theme.PAPER)
    ax = Picture(figure, (0.0, 0.0, 1.0, 1.0))
    figure.add_axes(ax)
    return ax


def _scale(ax: Axes, width: float, height: float) -> float:
    """Points of the axes a point of the sheet."""
    figure = ax.get_figure(root=True)
    dpi = figure.dpi if figure is not None else 72.0
    room = ax.get_window_extent()
    return float(min(room.width / width, room.height / height) * 72 / dpi)


def _draw_words(ax: Axes, line: Words, scale: float) -> None:
    ax.text(
        line.x,
        line.baseline,
        line.text,
        fontsize=line.size * scale,
        color=line.colour,
        fontweight="bold" if line.bold else "normal",
        fontstyle="italic" if line.italic else "normal",
        fontfamily=theme.FONT,
        ha=line.align,
        va="baseline",
        zorder=6,
        parse_math=False,
    )
