"""Pieces of pictures that hold sets of journeys against each other: ribbons on one scale, and dumbbells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matplotlib.path import Path

from cjmining.plot import theme
from cjmining.plot.text import fit, width, wrap
from cjmining.plot.words import known, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cjmining.plot.sheet import Sheet
    from cjmining.plot.theme import Colour

GUTTER = 124.0
"""Width of the names of bands, at the left."""
NARROWEST = 90.0
INSET = 5.0
"""What is in a column stands this far from its edge."""

PARTS = (
    ("continued", theme.RIBBON, None, None),
    ("converted", theme.CONVERTED, theme.CONVERTED, None),
    ("dropped", theme.DROPPED, theme.DROPPED, None),
    ("turned_away", theme.TURNED_AWAY_FILL, theme.TURNED_AWAY, theme.TURNED_AWAY_HATCH),
    ("open", theme.OPEN_FILL, theme.OPEN, theme.OPEN_HATCH),
)
"""What becomes of journeys in a stage, from the ribbon's spine outwards: fill, edge, pattern."""
SAID = {
    "continued": "went on",
    "converted": "converted",
    "dropped": "dropped out",
    "turned_away": "turned away",
    "open": "still open",
}


class Grid(NamedTuple):
    """Columns of the stages."""

    stages: int

    @property
    def width(self) -> float:
        """Width of the sheet."""
        return max(theme.PAGE, GUTTER + self.stages * NARROWEST + 2 * theme.MARGIN)

    @property
    def column(self) -> float:
        """Width of a stage."""
        return (self.width - 2 * theme.MARGIN - GUTTER) / max(1, self.stages)

    @property
    def room(self) -> float:
        """Width that text in a column may take."""
        return self.column - 12

    def left(self, stage: int) -> float:
        """Left edge of a stage's column."""
        return theme.MARGIN + GUTTER + stage * self.column


def band_name(sheet: Sheet, y: float, title: str, explained: str, *, room: float = GUTTER - 14) -> float:
    """Write a band's name and what is drawn in it into the gutter; return where the next text may start."""
    sheet.rule(y)
    y = sheet.paragraph(title, theme.MARGIN, y + 8, room, size=10, bold=True)
    return sheet.paragraph(explained, theme.MARGIN, y + 1, room, size=theme.SMALL, colour=theme.MUTED)


def stage_heads(sheet: Sheet, grid: Grid, stages: Sequence[str], owners: Sequence[str], y: float) -> float:
    """Write the stages' names and owners onto chevrons, one for each column; return their foot."""
    heads = [wrap(stage, grid.room - 12, theme.HEAD, bold=True, lines=3) for stage in stages]
    lines = max((len(head) for head in heads), default=1)
    owned = any(owners)
    foot = y + 10 + lines * theme.LINE * theme.HEAD + owned * theme.LINE * theme.SMALL + 4
    for position, (head, owner) in enumerate(zip(heads, owners, strict=True)):
        left, right = grid.left(position), grid.left(position) + grid.column - 3
        point, middle = 7.0, (y + foot) / 2
        tail = [(left, foot)] if position == 0 else [(left, foot), (left + point, middle)]
        sheet.area([(left, y), (right, y), (right + point, middle), (right, foot), *tail], theme.PANEL, z=0.5)
        x = left + (5 if position == 0 else 12)
        under = sheet.lines(head, x, y + 4, size=theme.HEAD, bold=True)
        if owner:
            room = right - x
            sheet.write(
                fit(owner, room, theme.SMALL), x, under + theme.SMALL, size=theme.SMALL, colour=theme.MUTED
            )
    return foot


def ribbon(
    sheet: Sheet,
    grid: Grid,
    rows: Sequence[Mapping[str, float]],
    whole: float,
    *,
    spine: float,
    thickest: float,
    up: bool,
    whose: str,
) -> None:
    """Draw a block a stage, as high as the share of journeys that entered, cut by what became of them.

    Parameters
    ----------
    sheet, grid
        Where.
    rows : sequence of mapping
        For each stage: stage, entered, and the keys of `PARTS`.
    whole : float
        All journeys: a block of these would be `thickest` points high.
    spine : float
        Where the blocks begin; they grow upwards if `up`, else downwards.
    whose : str
        What the tips call them.
    """
    way = -1 if up else 1
    scale = thickest / whole if whole else 0.0
    for position, row in enumerate(rows):
        left, right = _block(grid, position)
        if position + 1 < len(rows):
            _onward(sheet, row, rows[position + 1], right, _block(grid, position + 1)[0], spine, way * scale)
        at = 0.0
        with sheet.mark(_tip(row, whole, whose), stage=str(row["stage"]), group=whose):
            for key, fill, edge, hatch in PARTS:
                high = row[key] * scale
                if high > 0:
                    a, b = sorted((spine + way * at, spine + way * (at + high)))
                    sheet.area([(left, a), (right, a), (right, b), (left, b)], fill, edge=edge, hatch=hatch)
                at += high
            if row["entered"] and row["continued"] > 0 and not at:
                sheet.line([(left, spine), (right, spine)], colour=theme.RIBBON)


def _block(grid: Grid, position: int) -> tuple[float, float]:
    left = grid.left(position) + INSET
    return left, left + 0.5 * grid.column


def _onward(
    sheet: Sheet,
    row: Mapping[str, float],
    following: Mapping[str, float],
    x: float,
    end: float,
    spine: float,
    scale: float,
) -> None:
    here, there = spine + row["continued"] * scale, spine + following["entered"] * scale
    if not (row["continued"] and following["entered"]):
        return
    middle = (x + end) / 2
    points = [(x, spine), (end, spine), (end, there), (middle, there), (middle, here), (x, here), (x, spine)]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.CLOSEPOLY]
    sheet.outline(Path(points, codes), theme.paler(theme.RIBBON), z=0.8)


def _tip(row: Mapping[str, float], whole: float, whose: str) -> str:
    ended = ", ".join(f"{number(row[key])} {SAID[key]}" for key, *_ in PARTS if row[key])
    return (
        f"{whose} at {row['stage']}: {number(row['entered'])} of {number(whole)} entered; {ended or 'nobody'}"
    )


def legend_of_parts(sheet: Sheet, x: float, y: float, room: float) -> float:
    """Explain the parts of a ribbon's blocks, below each other; return where the next text may start."""
    for key, fill, edge, hatch in PARTS:
        sheet.area([(x, y + 2), (x + 9, y + 2), (x + 9, y + 9), (x, y + 9)], fill, edge=edge, hatch=hatch)
        y = sheet.paragraph(SAID[key], x + 13, y, room - 13, size=theme.SMALL, colour=theme.MUTED)
    return y


def legend_in_a_row(sheet: Sheet, x: float, y: float) -> float:
    """Explain the parts of a ribbon's blocks beside each other; return where the next text may start."""
    for key, fill, edge, hatch in PARTS:
        sheet.area([(x, y + 2), (x + 9, y + 2), (x + 9, y + 9), (x, y + 9)], fill, edge=edge, hatch=hatch)
        sheet.write(SAID[key], x + 13, y + 8.5, size=theme.SMALL, colour=theme.MUTED)
        x += 13 + width(SAID[key], theme.SMALL) + 14
    return y + theme.LINE * theme.SMALL


# dumbbells ------------------------------------------------------------------------------------------------

FIRST, SECOND = theme.CATEGORY[0], theme.CATEGORY[5]
RADIUS = 3.4


def marker(sheet: Sheet, x: float, y: float, *, second: bool, clear: bool) -> None:
    """Draw a side's marker: a disc for the first, a diamond for the second; hollow if it may be chance."""
    colour: Colour = SECOND if second else FIRST
    fill = colour if clear else theme.PAPER
    if not second:
        sheet.disc(x, y, RADIUS, fill, edge=colour, z=4)
        return
    r = RADIUS * 1.28
    sheet.area([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], fill, edge=colour, z=4)


def dumbbell(
    sheet: Sheet,
    values: tuple[float, float],
    x: float,
    y: float,
    room: float,
    *,
    most: float,
    clear: bool,
    target: float = float("nan"),
) -> float:
    """Draw two markers on a line from 0 to `most`, joined; return the foot. A tick is the target."""
    left, wide, middle = x + RADIUS + 1, room - 2 * RADIUS - 4, y + 6
    sheet.line([(left, middle), (left + wide, middle)], colour=theme.RULE, width=1.0)
    sheet.line([(left, middle - 2), (left, middle + 2)], colour=theme.MUTED, width=0.6)
    spots = [left + wide * min(each / most, 1.0) if known(each) and most else None for each in values]
    if known(target):
        at = left + wide * target / most
        sheet.line([(at, middle - 5.5), (at, middle + 5.5)], width=1.0, z=3)
    if spots[0] is not None and spots[1] is not None:
        sheet.line(
            [(spots[0], middle), (spots[1], middle)],
            colour=theme.INK if clear else theme.MUTED,
            width=2.0 if clear else 0.9,
            z=3,
        )
    for second, spot in enumerate(spots):
        if spot is not None:
            marker(sheet, spot, middle, second=bool(second), clear=clear)
    return y + 12


def interval(
    sheet: Sheet,
    difference: tuple[float, float, float],
    x: float,
    y: float,
    room: float,
    *,
    reach: float,
    clear: bool,
) -> float:
    """Draw a difference and its limits around a line of none; return the foot."""
    middle, centre, half = y + 5, x + room / 2, room / 2 - 4
    sheet.line([(centre - half, middle), (centre + half, middle)], colour=theme.RULE, width=0.6)
    sheet.line([(centre, middle - 4.5), (centre, middle + 4.5)], colour=theme.MUTED, width=0.8)
    told, lower, upper = difference
    if known(lower) and reach:
        a, b = (centre + half * max(-1.0, min(1.0, end / reach)) for end in (lower, upper))
        box = [(a, middle - 2.2), (b, middle - 2.2), (b, middle + 2.2), (a, middle + 2.2)]
        sheet.area(box, theme.INK if clear else theme.PAPER, edge=theme.INK if clear else theme.MUTED, z=3)
        at = centre + half * max(-1.0, min(1.0, told / reach))
        mark = theme.PAPER if clear else theme.MUTED
        sheet.line([(at, middle - 2), (at, middle + 2)], colour=mark, width=1.4, z=4)
    return y + 11


def side_name(
    sheet: Sheet, text: str, x: float, baseline: float, *, second: bool, clear: bool = True, **style: object
) -> float:
    """Write a side's marker and a text behind it; return where the text ends."""
    size = float(style.get("size", theme.SMALL))  # type: ignore[arg-type]
    marker(sheet, x + 4.5, baseline - 0.36 * size, second=second, clear=clear)
    line = sheet.write(text, x + 12, baseline, **style)  # type: ignore[arg-type]
    return x + 12 + width(line.text, size, bold=bool(style.get("bold", False)))
