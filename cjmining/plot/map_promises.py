"""The band of the map that says what was promised, how often it was kept, and where too seldom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.map_bands import band_name
from cjmining.plot.text import short
from cjmining.plot.words import known, name, number, percent, plural, promise

if TYPE_CHECKING:
    from cjmining.plot.choose import Row
    from cjmining.plot.map_view import MapView
    from cjmining.plot.sheet import Sheet
    from cjmining.plot.theme import Colour

_MOST = 4
"""How many promises a stage shows, those furthest from what was promised first; the rest is counted."""
_TRACK = 9.0
_COLOUR = {"broken": theme.DROPPED, "kept": theme.CONVERTED}


def what_we_promised(sheet: Sheet, view: MapView, y: float) -> float:
    """Write each promise with the share of times that it was kept, drawn on a line from none to all."""
    if not view.promises:
        return y
    sheet.rule(y)
    side = band_name(
        sheet,
        y,
        "What we promised",
        "kept, of the times measured, with limits; tick: the share promised; red: broken",
    )
    ends = [side]
    for position, stage in enumerate(view.intended.stages):
        top, x = y + 8, view.left(position) + 5
        promises = sorted(view.at(view.promises, stage.stage), key=_urgency)
        for row in promises[:_MOST]:
            top = _promise(sheet, view, row, x, top) + 5
        if len(promises) > _MOST:
            rest = plural(len(promises) - _MOST, "more promise")
            top = sheet.paragraph(rest, x, top, view.room, size=theme.SMALL, colour=theme.MUTED)
        ends.append(top)
    return max(ends) + 6


def _urgency(row: Row) -> tuple[bool, float]:
    """Order promises: the broken ones by how far from what was promised, the others as they stand."""
    broken = row["verdict"] == "broken" and known(row["share_kept"])
    return not broken, row["share_kept"] - row["target"] if broken else 0.0


def _promise(sheet: Sheet, view: MapView, row: Row, x: float, y: float) -> float:
    said = promise(row["measure"], row["at_least"], row["at_most"], row["after"])
    if row["touchpoint"]:
        said = f"{short(name(row['touchpoint']), view.room, theme.SMALL)}: {said}"
    y = sheet.paragraph(said, x, y, view.room, size=theme.SMALL, lines=4)
    promised = "promised to all" if row["target"] >= 1 else f"{percent(row['target'])} promised"
    if not known(row["share_kept"]):
        said = "none measured" if row["measured"] == 0 else "few measured"
        return sheet.paragraph(f"{said}; {promised}", x, y, view.room, size=theme.SMALL, colour=theme.MUTED)
    broken, colour = row["verdict"] == "broken", _COLOUR.get(row["verdict"], theme.INK)
    _track(sheet, row, x, y, view.room, colour)
    share = percent(row["share_kept"], row["lower"], row["upper"])
    kept = f"{share} of {number(row['measured'])}"
    y = sheet.paragraph(kept, x, y + _TRACK, view.room, size=theme.SMALL, colour=colour)
    return sheet.paragraph(
        f"{promised}, broken" if broken else promised,
        x,
        y,
        view.room,
        size=theme.SMALL,
        colour=colour if broken else theme.MUTED,
    )


def _track(sheet: Sheet, row: Row, x: float, y: float, room: float, colour: Colour) -> None:
    """Draw the share as a disc on a line from none to all, its limits thick, the share promised as a tick."""
    wide, middle = room - 6, y + _TRACK / 2 + 1
    left = x + 3
    sheet.line([(left, middle), (left + wide, middle)], colour=theme.RULE, width=1.2)
    if known(row["lower"]) and known(row["upper"]):
        ends = [(left + row[end] * wide, middle) for end in ("lower", "upper")]
        sheet.line(ends, colour=colour, width=2.2, z=3)
    target = left + row["target"] * wide
    sheet.line([(target, middle - 4), (target, middle + 4)], width=1.0, z=4)
    sheet.disc(left + row["share_kept"] * wide, middle, 2.6, colour, edge=theme.PAPER, z=5)
