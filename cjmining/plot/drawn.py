"""A sheet drawn on matplotlib's axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.patches import Ellipse, FancyBboxPatch, Patch, PathPatch

from cjmining.asked import yes
from cjmining.errors import LogError
from cjmining.plot import theme
from cjmining.plot.sheet import Card, Disc, Outline, Sheet
from cjmining.plot.text import drawable

if TYPE_CHECKING:
    from cjmining.plot.sheet import Words


class Picture(Axes):
    """Axes that show themselves in a notebook, without pyplot; `sheet` is what is drawn on them."""

    sheet: Sheet | None = None
    dark: bool = False

    def _repr_html_(self) -> str:
        from cjmining.plot.svg import to_svg

        # A notebook may be narrower than the picture: it shrinks with the cell.
        return to_svg(self).replace('role="img"', 'role="img" style="max-width:100%;height:auto"', 1)


def draw(sheet: Sheet, ax: Axes | None, *, dark: bool = False) -> Axes:
    """Draw a sheet, scaled to `ax`, or on a new figure of the sheet's own size, and return the axes."""
    dark = yes("dark", dark)
    ax = _own_axes(sheet, dark) if ax is None else _given(ax)
    scale = _scale(ax, sheet.width, sheet.height)
    ax.set_axis_off()
    ax.set_label(sheet.title)
    ax.set_xlim(0, sheet.width)
    ax.set_ylim(sheet.height, 0)
    ax.set_aspect("equal", adjustable="box", anchor="N")
    with mpl.rc_context({"hatch.linewidth": 0.6 * scale}):
        for shape in sheet.shapes:
            ax.add_patch(_patch(shape, scale, dark))
    for line in sheet.words:
        _draw_words(ax, line, scale, dark)
    return ax


def _given(ax: object) -> Axes:
    """Return the axes that a caller gave, if they are axes."""
    if isinstance(ax, Axes):
        return ax
    said = "cj.plot draws on one matplotlib Axes as ax"
    if isinstance(ax, np.ndarray):
        first = "axs" + f"[{', '.join('0' * ax.ndim)}]"
        raise LogError(f"{said}; of the {ax.size} that plt.subplots made give one: ax={first}, for instance")
    if isinstance(ax, FigureBase):
        raise LogError(f"{said}, not on a figure: give figure.subplots() or one of figure.axes")
    if isinstance(ax, (tuple, list)) and any(isinstance(one, (Axes, np.ndarray)) for one in ax):
        raise LogError(f"{said}; what plt.subplots returns is a figure and its axes: give the axes alone")
    raise LogError(f"{said}, not on {type(ax).__name__}; leave it out for a new figure")


def _own_axes(sheet: Sheet, dark: bool) -> Axes:
    """Axes on a figure without pyplot, which would keep every figure ever drawn in memory."""
    figure = Figure(figsize=(sheet.width / 72, sheet.height / 72), facecolor=theme.PAPER.on(dark=dark))
    ax = Picture(figure, (0.0, 0.0, 1.0, 1.0))
    ax.sheet, ax.dark = sheet, dark
    figure.add_axes(ax)
    return ax


def _scale(ax: Axes, width: float, height: float) -> float:
    """Points of the axes a point of the sheet."""
    figure = ax.get_figure(root=True)
    dpi = figure.dpi if figure is not None else 72.0
    room = ax.get_window_extent()
    return float(min(room.width / width, room.height / height) * 72 / dpi)


def _patch(shape: Outline | Disc | Card, scale: float, dark: bool) -> Patch:
    look = shape.look
    patch = _form(shape)
    patch.set_facecolor(look.fill.on(dark=dark) if look.fill else "none")
    patch.set_edgecolor(look.edge.on(dark=dark) if look.edge else "none")
    patch.set_linewidth(look.width * scale if look.edge else 0.0)
    patch.set_zorder(look.z)
    if look.dashes:
        patch.set_linestyle((0, look.dashes))
    if look.hatch:
        patch.set_hatch(look.hatch)
    patch.set_clip_on(False)
    return patch


def _form(shape: Outline | Disc | Card) -> Patch:
    if isinstance(shape, Disc):
        return Ellipse((shape.x, shape.y), 2 * shape.radius, 2 * shape.radius)
    if isinstance(shape, Card):
        left, top, right, bottom = shape.area
        style = f"round,pad=0,rounding_size={shape.rounding}"
        return FancyBboxPatch((left, top), right - left, bottom - top, boxstyle=style)
    if shape.look.fill is None:
        return PathPatch(shape.path, capstyle="round", joinstyle="round")
    return PathPatch(shape.path)


def _draw_words(ax: Axes, line: Words, scale: float, dark: bool) -> None:
    ax.text(
        line.x,
        line.baseline,
        drawable(line.text),
        fontsize=line.size * scale,
        color=line.colour.on(dark=dark),
        fontweight="bold" if line.bold else "normal",
        fontstyle="italic" if line.italic else "normal",
        fontfamily=theme.FONT,
        ha=line.align,
        va="baseline",
        zorder=6,
        parse_math=False,
    )
