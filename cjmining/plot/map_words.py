"""The bands of the map in words: where it hurts, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.map_bands import PAD, band_name, run_in
from cjmining.plot.map_hurts import at_risk, opportunities, pains_of, quotes
from cjmining.plot.text import slants, width

if TYPE_CHECKING:
    from cjmining.plot.map_view import MapView
    from cjmining.plot.sheet import Sheet


def pains(sheet: Sheet, view: MapView, y: float) -> float:
    """Say where most leave, what goes with that, and what the map itself calls a pain."""
    explained = "where most leave; what goes with leaving; the map's own words in quotes"
    ends = [band_name(sheet, y, "Where it hurts", explained)]
    for position in range(len(view.stages)):
        top, x = y + PAD, view.left(position) + 5
        for pain in pains_of(view, position):
            colour = theme.DROPPED if pain.most else theme.INK
            top = run_in(sheet, pain.lead, pain.rest, x, top, view.room, colour=colour) + 3
        for quote in quotes(view, position):
            top = _quote(sheet, quote.said, x, top, view.room)
        ends.append(top)
    return max(ends) + 5


def _size(said: str, room: float) -> float:
    """Return the largest size of type at which no word of a figure has to be broken."""
    sizes = (theme.HEAD, theme.BODY, theme.SMALL)
    fits = (size for size in sizes if max(width(word, size, bold=True) for word in said.split()) <= room)
    return next(fits, theme.SMALL)


def _quote(sheet: Sheet, said: str, x: float, top: float, room: float) -> float:
    return (
        sheet.paragraph(
            said, x, top, room, size=theme.SMALL, lines=3, colour=theme.MUTED, italic=slants(said)
        )
        + 3
    )


def to_do(sheet: Sheet, view: MapView, y: float) -> float:
    """Write the largest value at risk of each stage, and the opportunities that the map names."""
    explained = "value at risk at the stage's costliest place; opportunities of the map"
    ends = [band_name(sheet, y, "What to do", explained)]
    for position in range(len(view.stages)):
        top, x = y + PAD, view.left(position) + 5
        risk = at_risk(view, position)
        if risk is not None:
            top = sheet.paragraph(
                risk.told.said, x, top, view.room, size=_size(risk.told.said, view.room), bold=True
            )
            for text in filter(None, (risk.limits, risk.place)):
                top = sheet.paragraph(text, x, top, view.room, size=theme.SMALL, colour=theme.MUTED)
            top += 4
        for told in opportunities(view, position):
            top = sheet.paragraph(told.said, x, top, view.room, size=theme.SMALL, lines=4) + 3
        ends.append(top)
    return max(ends) + 5
