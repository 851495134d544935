"""What customers feel: measured satisfaction beside the intended emotion, and a few of their own words."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.map_bands import PAD, band_name, star
from cjmining.plot.map_told import answers, comments, feeling
from cjmining.plot.text import slants
from cjmining.plot.words import known, name, plural

if TYPE_CHECKING:
    from cjmining.plot.map_told import Told
    from cjmining.plot.map_view import MapView
    from cjmining.plot.sheet import Sheet

_CURVE = 44.0
_NAME = 84.0


def feelings(sheet: Sheet, view: MapView, y: float) -> float:
    """Draw measured satisfaction with its limits, the intended emotion dashed, moments of truth marked."""
    explained = "satisfaction from 0 to 1, with limits; dashed: as intended; ★ moment of truth"
    side = band_name(sheet, y, "What they feel", explained, room=_NAME)
    bottom = y + PAD + 4 + _CURVE
    _scale(sheet, view, bottom)
    _intended_emotion(sheet, view, bottom)
    _measured(sheet, view, bottom)
    ends = [_in_words(sheet, view, position, bottom + 5) for position in range(len(view.stages))]
    return max([side, bottom, *ends]) + 7


def _scale(sheet: Sheet, view: MapView, bottom: float) -> None:
    right, left = view.width - theme.MARGIN, view.left(0)
    for level, text in ((0.0, "0"), (0.5, "0.5"), (1.0, "1")):
        at = bottom - level * _CURVE
        sheet.line([(left, at), (right, at)], colour=theme.RULE, width=0.5, z=0.6)
        sheet.write(text, left - 5, at + 2.8, size=theme.SMALL, colour=theme.MUTED, align="right")


def _measured(sheet: Sheet, view: MapView, bottom: float) -> None:
    told = [(position, feeling(view, position)) for position in range(len(view.stages))]
    points = [(position, each) for position, each in told if each is not None]
    for (one, first), (other, second) in pairwise(points):
        if other == one + 1:  # else nobody answered in between: the curve breaks
            ends = [_point(view, one, first, bottom), _point(view, other, second, bottom)]
            sheet.line(ends, width=1.6, z=3)
    values = dict(points)
    for position, each in points:
        _answer(sheet, view, position, each, values.get(position + 1), bottom)


def _point(view: MapView, position: int, told: Told, bottom: float) -> tuple[float, float]:
    return view.left(position) + view.column / 2, bottom - told.value * _CURVE


def _answer(
    sheet: Sheet, view: MapView, position: int, told: Told, following: Told | None, bottom: float
) -> None:
    """Draw the mean of a stage's answers, its limits as a whisker, how many there were beside it."""
    x, y = _point(view, position, told, bottom)
    count = answers(view, position)
    limits = f" (limits {told.lower:.2f} to {told.upper:.2f})" if known(told.lower) else ""
    tip = f"{name(told.stage)}: mean satisfaction {told.said} of {count}{limits}, on a scale from 0 to 1"
    with sheet.mark(tip, stage=told.stage):
        if known(told.lower):
            _whisker(sheet, x, bottom - told.upper * _CURVE, bottom - told.lower * _CURVE)
        sheet.disc(x, y, 3.2, theme.INK, edge=theme.PAPER)
        off = 3.0 if following is None else 11.0 if following.value > told.value else -4.5
        baseline = min(max(y + off, bottom - _CURVE + 7), bottom - 1)
        line = sheet.write(told.said, x + 7, baseline, bold=True)
        sheet.card(line.box, theme.PAPER, z=2.5, rounding=1)


def _whisker(sheet: Sheet, x: float, upper: float, lower: float) -> None:
    sheet.line([(x, upper), (x, lower)], width=1.2, z=3)
    for end in (upper, lower):
        sheet.line([(x - 3, end), (x + 3, end)], width=1.2, z=3)


def _intended_emotion(sheet: Sheet, view: MapView, bottom: float) -> None:
    """The intended emotion of each touchpoint, -2 to 2 over the height of the scale, in written order."""
    points: list[tuple[float, float]] = []
    for position, stage in enumerate(view.intended.stages):
        for order, touchpoint in enumerate(stage.touchpoints):
            x = view.spot(position, order)
            at = bottom - ((touchpoint.emotion or 0) + 2) / 4 * _CURVE
            if touchpoint.emotion is not None:
                points.append((x, at))
            if touchpoint.moment_of_truth:
                with sheet.mark(
                    f"Moment of truth: {name(touchpoint.touchpoint)}",
                    stage=stage.stage,
                    touchpoint=touchpoint.touchpoint,
                ):
                    sheet.area(star(x, at, 5.0), theme.TURNED_AWAY, edge=theme.PAPER, z=5)
    if len(points) > 1:
        sheet.line(points, colour=theme.MUTED, width=1.0, dashed=True)


def _in_words(sheet: Sheet, view: MapView, position: int, y: float) -> float:
    """Write the moments of truth, and what a few customers wrote."""
    stage, x = view.intended.stages[position], view.left(position) + 5
    y = sheet.paragraph(answers(view, position), x, y, view.room, size=theme.SMALL, colour=theme.MUTED)
    moments = [name(each.touchpoint) for each in stage.touchpoints if each.moment_of_truth]
    if moments:
        text = "★ " + ", ".join(moments)
        y = sheet.paragraph(text, x, y, view.room, size=theme.SMALL, colour=theme.TURNED_AWAY, lines=3) + 1
    chosen = comments(view, position)
    for told in chosen:
        tip = (
            f"{name(stage.stage)}: a customer who gave {told.value:.2f} of 1; chosen of "
            f"{plural(told.of, 'comment')}"
        )
        with sheet.mark(tip, stage=stage.stage):
            y = (
                sheet.paragraph(
                    told.said, x, y, view.room, size=theme.SMALL, lines=3, italic=slants(told.said)
                )
                + 1
            )
    if chosen:
        text = f"chosen, of {plural(chosen[0].of, 'comment')}"
        y = sheet.paragraph(text, x, y, view.room, size=theme.SMALL, colour=theme.MUTED)
    return y
