"""The band of the map that says what was promised, how often it was kept, and where too seldom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.map_bands import PAD, band_name
from cjmining.plot.map_hurts import promised, rest_of
from cjmining.plot.words import known, number, percent

if TYPE_CHECKING:
    from cjmining.plot.map_hurts import Promised
    from cjmining.plot.map_view import MapView
    from cjmining.plot.sheet import Sheet

_TRACK = 7.0


def what_we_promised(sheet: Sheet, view: MapView, y: float) -> float:
    """Write each promise with the share of times that it was kept, drawn on a line from none to all."""
    if not view.promises:
        return y
    explained = "kept, of times measured (promised); bar: limits, tick: promised; bold: broken"
    ends = [band_name(sheet, y, "What we promised", explained)]
    for position, row in enumerate(view.stages):
        top, x = y + PAD, view.left(position) + 5
        shown, more = promised(view, position)
        for each in shown:
            with sheet.mark(_tip(each), stage=row["stage"]):
                top = _promise(sheet, each, x, top, view.room) + 4
        if more:
            top = sheet.paragraph(rest_of(more), x, top, view.room, size=theme.SMALL, colour=theme.MUTED)
        ends.append(top)
    return max(ends) + 6


def _tip(each: Promised) -> str:
    target = "every time" if each.target >= 1 else f"{percent(each.target)} of times"
    if not known(each.told.value):
        return f"{each.told.what}: promised {target}; {each.told.said.partition(' (')[0]}"
    share = percent(each.told.value, each.told.lower, each.told.upper)
    return (
        f"{each.told.what}: kept {share} of {number(each.told.of)} times, promised {target}"
        f"{': broken' if each.broken else ''}"
    )


def _promise(sheet: Sheet, each: Promised, x: float, y: float, room: float) -> float:
    colour = theme.DROPPED if each.broken else theme.INK
    y = sheet.paragraph(each.short, x, y, room, size=theme.SMALL, lines=2)
    if not known(each.told.value):
        return sheet.paragraph(each.told.said, x, y, room, size=theme.SMALL, colour=theme.MUTED)
    y = sheet.paragraph(each.told.said, x, y, room, size=theme.SMALL, colour=colour, bold=each.broken)
    _track(sheet, each, x, y, min(room, 110.0))
    return y + _TRACK


def _track(sheet: Sheet, each: Promised, x: float, y: float, room: float) -> None:
    """Draw the share as a disc on a line from none to all, its limits thick, the share promised as a tick."""
    left, wide, middle = x + 2, room - 6, y + _TRACK / 2
    colour = theme.DROPPED if each.broken else theme.CONVERTED if each.verdict == "kept" else theme.INK
    sheet.line([(left, middle), (left + wide, middle)], colour=theme.RULE, width=1.2, z=3)
    if known(each.told.lower) and known(each.told.upper):
        ends = [(left + end * wide, middle) for end in (each.told.lower, each.told.upper)]
        sheet.line(ends, colour=colour, width=2.2, z=3)
    target = left + each.target * wide
    sheet.line([(target, middle - 3.5), (target, middle + 3.5)], width=1.0, z=3)
    sheet.disc(left + each.told.value * wide, middle, 2.5, colour, edge=theme.PAPER)
