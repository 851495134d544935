"""How likely an end is over the time since entering a place: curves with bands, labelled where they end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cjmining.dropout.incidence import WHOLE
from cjmining.plot import theme
from cjmining.plot.choose import ALL
from cjmining.plot.curves import DAY_S, LEFT, PITCH, RIGHT, Curve, Plot, curves_of
from cjmining.plot.data.incidence import incidence as numbers_of
from cjmining.plot.sheet import Point, Sheet
from cjmining.plot.text import fit, spread, width
from cjmining.plot.words import days, duration, known, name, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cjmining.dropout.incidence import Incidence
    from cjmining.plot.theme import Colour

_LABELS = 640.0
_WHISKERS = 26.0
_SAMPLE = 18.0
"""Length of a piece of the curve before its name, so that dashes tell it where colours don't."""
_RISK = 13.0
LEAST_DAYS = 3.0
"""Shorter times are told in hours."""


def incidence(
    ends: Incidence,
    *,
    stage: str,
    touchpoint: str | None = None,
    end: str | Sequence[str] = "dropped here",
    group: str | None = None,
    dark: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw how likely an end is by the time since entering a place: a curve a group, or a curve an end.

    Parameters
    ----------
    ends : Incidence
        What `cj.incidence` returned.
    stage : str
        One of the map's stages.
    touchpoint : str, optional
        One of the stage's, where `ends` is of touchpoints; then it is needed.
    end : str or sequence of str
        One of the ends in ``ends.curves``: a curve a group. Several that compete: a curve each, of one group.
    group : str, optional
        The group to set off, with its band; the others stay behind it. Default: all alike. Of several ends
        the group that is drawn.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure of the picture's own size. Type shrinks with the axes: to be
        read they should be about as large as ``ax.figure.get_size_inches()`` of that one says.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. `cj.plot.data.incidence` has the numbers drawn.

    Raises
    ------
    LogError
        If there is no such stage, touchpoint, end or group.

    Notes
    -----
    Beside a curve stand its last value and the limits of that one moment, drawn as a bar at its end. A band
    holds the whole curve with 95 %, so it is wider; it spans the times that ``ends.curves`` has one for. The
    first band is filled, further ones are dotted lines; of more than three curves only the one set off has
    one. Below the axis stands how many journeys were observed to be still under way.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> check = cj.check(shop.log.split(intended), intended)
    >>> cj.plot.incidence(cj.incidence(check), stage="Basket").get_label()
    'Dropping out at Basket'
    """
    return incidence_sheet(ends, stage=stage, touchpoint=touchpoint, end=end, group=group).drawn_on(
        ax, dark=dark
    )


def incidence_sheet(
    ends: Incidence,
    *,
    stage: str,
    touchpoint: str | None = None,
    end: str | Sequence[str] = "dropped here",
    group: str | None = None,
) -> Sheet:
    """Lay out the curves."""
    table = numbers_of(ends, stage=stage, touchpoint=touchpoint, end=end, group=group)
    several = not isinstance(end, str) and len(end) > 1
    curves = curves_of(table, several, group)
    if stage == WHOLE:
        curves = [curve._replace(said=curve.said.removesuffix(" there")) for curve in curves]
    plot = Plot.of(curves)
    sheet = Sheet()
    place = _place(stage, touchpoint)
    one = end if isinstance(end, str) else next(iter(end), "")
    sheet.title = f"{'How journeys end after' if several else _title(one)} {place}"
    if stage == WHOLE:
        sheet.title = "How journeys end" if several else _title(one).rpartition(" ")[0].rstrip(",")
    if several and curves[0].group != ALL:
        sheet.title += f", {name(curves[0].group)}"
    sheet.description = _description(curves, place)
    sheet.paragraph(sheet.title, theme.MARGIN, 14, 840, size=15, bold=True, lines=1)
    ended = "ended so" if several else _verb(one)
    ended = ended.removesuffix(" there") if stage == WHOLE else ended
    since = "the first event" if stage == WHOLE else "coming there"
    said = f"Probability of having {ended}, by time since {since} (limits: 95 %)"
    sheet.paragraph(said, theme.MARGIN, 38, 840, colour=theme.MUTED, lines=1)
    _axes(sheet, plot)
    _horizons(sheet, plot, ends)
    for curve in curves:
        with sheet.mark(_tip(curve), stage=stage, group=curve.group):
            _draw(sheet, plot, curve)
    _label(sheet, plot, curves, stage)
    y = _followed(sheet, plot, curves)
    sheet.height = _notes(sheet, curves, y) + 12
    return sheet


def _place(stage: str, touchpoint: str | None) -> str:
    if stage == WHOLE:
        return "the first event"
    return name(stage) if touchpoint is None else f"{name(stage)}, {name(touchpoint)}"


def _title(end: str) -> str:
    return {
        "dropped here": "Dropping out at",
        "dropped": "Dropping out at",
        "dropped elsewhere": "Dropping out elsewhere, after",
        "turned away": "Being turned away after",
        "converted": "Converting after",
        "continued": "Going on from",
        "under way": "Still under way after",
    }.get(end, f"{end.capitalize()}:")


def _verb(end: str) -> str:
    return {
        "dropped": "dropped out there",
        "dropped here": "dropped out there",
        "dropped elsewhere": "dropped out elsewhere",
        "turned away": "been turned away",
        "under way": "not ended yet",
    }.get(end, end)


# axes -----------------------------------------------------------------------------------------------------


def _axes(sheet: Sheet, plot: Plot) -> None:
    for line in range(round(plot.top / plot.step) + 1):
        y = plot.y(line * plot.step)
        sheet.line([(plot.area.left, y), (plot.area.right, y)], colour=theme.RULE, z=0.5)
        said = f"{100 * line * plot.step:g} %"
        sheet.write(said, plot.area.left - 8, y + 3, colour=theme.MUTED, align="right")


def _horizons(sheet: Sheet, plot: Plot, ends: Incidence) -> None:
    """Mark the times within which probabilities are stated; their words stand above, apart."""
    free = plot.area.left
    for horizon in ends.horizons:
        x = plot.x(horizon.total_seconds() / DAY_S)
        sheet.line(
            [(x, plot.area.top - 4), (x, plot.area.bottom)], colour=theme.MUTED, width=0.7, dashed=True
        )
        said = f"horizon {days(horizon.total_seconds())}"
        if x - width(said, theme.SMALL) >= free:
            sheet.write(said, x, plot.area.top - 9, size=theme.SMALL, colour=theme.MUTED, align="right")
            free = x + 8


def _followed(sheet: Sheet, plot: Plot, curves: list[Curve]) -> float:
    """Write the time axis, and below it how many of each group are still followed; return where it ends."""
    unit, length = ("days", 1.0) if plot.last >= LEAST_DAYS else ("hours", 1 / 24)
    ticks = _ticks(plot, curves)
    y = plot.area.bottom
    for day in ticks:
        sheet.line([(plot.x(day), y), (plot.x(day), y + 4)], colour=theme.MUTED)
        sheet.write(f"{day / length:.3g}", plot.x(day), y + 15, colour=theme.MUTED, align="center")
    sheet.write(f"{unit} since then", _LABELS, y + 15, colour=theme.MUTED)
    groups = list({curve.group: curve for curve in curves}.values())
    y += 36
    sheet.write("Still followed", theme.MARGIN, y, size=theme.SMALL, bold=True, colour=theme.MUTED)
    for curve in groups:
        y += _RISK
        said = "all journeys" if curve.group == ALL else name(curve.group)
        room = LEFT - theme.MARGIN - 24
        sheet.write(fit(said, room, theme.SMALL), theme.MARGIN, y, size=theme.SMALL, colour=theme.MUTED)
        at = {row.day: row.followed for row in curve.rows if known(row.followed)}
        for day in ticks:
            if day in at:
                sheet.write(number(at[day]), plot.x(day), y, size=theme.SMALL, align="center")
    return y


def _ticks(plot: Plot, curves: list[Curve]) -> list[float]:
    """Return the times at which it is known how many are followed, and the last, as many as have room.

    The last and the first are surely there, then the later ones: the earliest lie close together.
    """
    ticks = {row.day for curve in curves for row in curve.rows if known(row.followed)}
    kept = [plot.last, 0.0]
    for day in sorted(ticks, reverse=True):
        if all(abs(plot.x(day) - plot.x(other)) >= 42 for other in kept):
            kept.append(day)
    return sorted(set(kept))


# curves ---------------------------------------------------------------------------------------------------


def _draw(sheet: Sheet, plot: Plot, curve: Curve) -> None:
    look, banded = curve.look, curve.banded
    if len(banded) > 1:
        under = plot.steps([(row.day, row.band_lower) for row in banded])
        over = plot.steps([(row.day, row.band_upper) for row in banded])
        if look.band == "filled":
            sheet.area([*under, *reversed(over)], theme.paler(look.colour), z=0.8)
        else:
            for edge in (under, over):
                _dashed(sheet, edge, look.colour, 0.7, (1.2, 2.4), 1.5)
    points = [(row.day, row.probability) for row in curve.rows if known(row.probability)]
    if len(points) > 1:
        _dashed(sheet, plot.steps(points), look.colour, look.width, look.dashes, 3)


def _dashed(
    sheet: Sheet, points: list[Point], colour: Colour, thick: float, dashes: tuple[float, ...], z: float
) -> None:
    """Draw a line through points with dashes of its own, as pieces of a curve that are straight."""
    pieces = [points[0]]
    for point in points[1:]:
        pieces += [pieces[-1], point, point]
    if dashes:
        sheet.curve(pieces, colour=colour, width=thick, dashes=dashes, z=z)
    else:
        sheet.line(points, colour=colour, width=thick, z=z)


def _label(sheet: Sheet, plot: Plot, curves: list[Curve], stage: str) -> None:
    """Name each curve beside its end, with its last value, its limits as a bar, and of how many it is."""
    lasts = [curve.last for curve in curves]
    wanted = [plot.y(row.probability) - 6 if known(row.probability) else plot.area.bottom for row in lasts]
    order = sorted(range(len(curves)), key=lambda at: wanted[at])
    placed = spread([wanted[at] for at in order], [PITCH] * len(curves), plot.area.bottom + 6, 0.0)
    room = sheet.width - theme.MARGIN - _LABELS
    for place, (at, y) in enumerate(zip(order, placed, strict=True)):
        curve, last = curves[at], lasts[at]
        with sheet.mark(_tip(curve), stage=stage, group=curve.group):
            x = RIGHT + 6 + min(5.0, _WHISKERS / len(curves)) * place
            _whisker(sheet, plot, curve, x, y + 6)
            told = percent(last.probability, last.lower, last.upper)
            who = fit(
                curve.said, room - width(f": {told}", theme.BODY, bold=curve.bold), theme.BODY, bold=True
            )
            sheet.write(f"{who}: {told}", _LABELS, y + 9, colour=curve.look.colour, bold=curve.bold)
            said = f"by {duration(last.day * DAY_S)}, of {number(curve.entered)} that entered"
            sheet.write(fit(said, room, theme.SMALL), _LABELS, y + 20, size=theme.SMALL, colour=theme.MUTED)


def _whisker(sheet: Sheet, plot: Plot, curve: Curve, x: float, label: float) -> None:
    """Draw the limits of the last moment as a bar, and a line from there to the label."""
    last = curve.last
    if not known(last.lower):
        return
    y, colour = plot.y(last.probability), curve.look.colour
    sheet.line([(x, plot.y(last.lower)), (x, plot.y(last.upper))], colour=colour, width=1.4)
    sheet.disc(x, y, 2.2, colour)
    start = _LABELS - 4 - _SAMPLE
    sheet.line([(x, y), (start, label)], colour=theme.RULE, z=0.7)
    look = curve.look
    _dashed(sheet, [(start, label), (_LABELS - 4, label)], colour, look.width, look.dashes, 3)


def _tip(curve: Curve) -> str:
    last = curve.last
    share = percent(last.probability, last.lower, last.upper)
    return f"{curve.said}: {share} by {duration(last.day * DAY_S)}, of {number(curve.entered)} that entered"


def _notes(sheet: Sheet, curves: list[Curve], y: float) -> float:
    """Say what the bands are, and where there is none."""
    said = "Still followed: journeys observed to be under way at that time. Bars: limits at the end."
    if any(curve.banded for curve in curves):
        said += (
            " Bands hold the whole curve with 95 %; there is none while fewer than some 10 journeys ended "
            "so, or otherwise."
        )
    return sheet.paragraph(said, theme.MARGIN, y + 8, 840, size=theme.SMALL, colour=theme.MUTED)


def _description(curves: list[Curve], place: str) -> str:
    told = "; ".join(_tip(curve) for curve in curves[:6])
    return f"Curves of the probability over the time since coming to {place}. {told}."
