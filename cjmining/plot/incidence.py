"""How likely an end is over the time since entering a place: curves with bands, labelled where they end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot import theme
from cjmining.plot.choose import ALL
from cjmining.plot.data.incidence import incidence as numbers_of
from cjmining.plot.sheet import Point, Sheet
from cjmining.plot.text import Box, fit, spread, width
from cjmining.plot.words import days, duration, known, name, number, percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from cjmining.dropout.incidence import Incidence
    from cjmining.plot.theme import Colour

DAY_S = 86_400.0
_LEFT, _RIGHT, _TOP = 128.0, 580.0, 82.0
_LEAST_HIGH = 250.0
_LABELS = 640.0
_WHISKERS = 26.0
_SAMPLE = 18.0
"""Length of a piece of the curve before its name, so that dashes tell it where colours don't."""
_PITCH = 27.0
_RISK = 13.0
_SHARE_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_FEW_BANDS = 3
"""Of so many curves each has its band; of more only the one that is set off."""
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
        Axes to draw on; default is a new figure.

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
    'Dropped here: Basket'
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
    curves = _curves(table, several, group)
    plot = _Plot.of(curves)
    sheet = Sheet()
    place = name(stage) if touchpoint is None else f"{name(stage)}, {name(touchpoint)}"
    one = end if isinstance(end, str) else next(iter(end), "")
    sheet.title = f"{'How journeys end' if several else one.capitalize()}: {place}"
    if several and curves[0].group != ALL:
        sheet.title += f", {name(curves[0].group)}"
    sheet.description = _description(curves, place)
    sheet.paragraph(sheet.title, theme.MARGIN, 14, 840, size=15, bold=True, lines=1)
    ended = "ended so" if several else _verb(one)
    said = f"Probability of having {ended}, by time since coming there (limits: 95 %)"
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


# what is drawn --------------------------------------------------------------------------------------------


class _Look(NamedTuple):
    """How a curve looks: colour, width, lengths of dashes, and its band: "filled", "dotted" or none."""

    colour: Colour
    width: float
    dashes: tuple[float, ...]
    band: str


class _Row(NamedTuple):
    """A curve at one time, in days; limits of this moment, and of the whole curve."""

    day: float
    probability: float
    lower: float
    upper: float
    band_lower: float
    band_upper: float
    followed: float


class _Curve(NamedTuple):
    """A group or an end."""

    said: str
    group: str
    bold: bool
    entered: int
    rows: tuple[_Row, ...]
    look: _Look

    @property
    def last(self) -> _Row:
        """The last time at which the probability is known."""
        told = [row for row in self.rows if known(row.probability)]
        return told[-1] if told else _Row(0.0, *[math.nan] * 6)

    @property
    def banded(self) -> list[_Row]:
        """The times that have a band, where it is drawn."""
        return [row for row in self.rows if self.look.band and known(row.band_lower)]


_DASHES: tuple[tuple[float, ...], ...] = ((), (4, 2), (1, 1.6), (7, 2, 1, 2), (2.5, 1.5))
_COLOURS = (theme.INK, theme.DISC, theme.CONVERTED, theme.TURNED_AWAY, theme.OPEN)
_OF_END = {
    "converted": theme.CONVERTED,
    "continued": theme.DISC,
    "turned away": theme.TURNED_AWAY,
    "under way": theme.OPEN,
    **dict.fromkeys(("dropped", "dropped here", "dropped elsewhere"), theme.DROPPED),
}


def _curves(table: pd.DataFrame, several: bool, chosen: str | None) -> list[_Curve]:
    key = "end" if several else "by"
    curves = []
    found = list(table.groupby(key, sort=False))
    for at, (label, rows) in enumerate(found):
        group, end = str(rows["by"].iloc[0]), str(rows["end"].iloc[0])
        look = _look(at, len(found), end, None if several else chosen, group, several)
        said = str(label) if several else "all journeys" if group == ALL else name(group)
        times = zip(
            (rows["time_s"] / DAY_S).tolist(),
            *(rows[column].tolist() for column in _READ),
            strict=True,
        )
        curves.append(
            _Curve(
                said,
                group,
                several or chosen in (None, group),
                int(rows["entered"].iloc[0]),
                tuple(_Row(*row) for row in times),
                look,
            )
        )
    return curves


_READ = ("probability", "lower", "upper", "band_lower", "band_upper", "still_followed")


def _look(at: int, of: int, end: str, chosen: str | None, group: str, several: bool) -> _Look:
    """Return how a curve looks; the end's own colour is for the one that matters, dashes tell the others."""
    own = _OF_END.get(end, theme.DISC)
    dashes = _DASHES[at % len(_DASHES)]
    band = "" if of > _FEW_BANDS else "filled" if at == 0 else "dotted"
    if several:
        return _Look(own, 1.7, dashes, band)
    if chosen is not None:
        return _Look(own, 2.2, (), "filled") if group == chosen else _Look(theme.OPEN, 0.9, dashes, "")
    colour = own if group == ALL else _COLOURS[at % len(_COLOURS)]
    return _Look(colour, 1.7, dashes, band)


class _Plot(NamedTuple):
    """Where the axes lie, and how far they reach: days, and probability."""

    area: Box
    last: float
    top: float
    step: float

    @classmethod
    def of(cls, curves: list[_Curve]) -> _Plot:
        drawn = [value for curve in curves for row in curve.rows for value in (row.probability, row.upper)]
        drawn += [row.band_upper for curve in curves for row in curve.banded]
        highest = max(max((value for value in drawn if known(value)), default=0.1), 0.02)
        step = next((step for step in _SHARE_STEPS if highest / step <= 5 + 1e-9), _SHARE_STEPS[-1])
        last = max((curve.rows[-1].day for curve in curves if curve.rows), default=1.0)
        bottom = _TOP + max(_LEAST_HIGH, _PITCH * len(curves))
        return cls(
            Box(_LEFT, _TOP, _RIGHT, bottom), max(last, 1e-9), step * math.ceil(highest / step - 1e-9), step
        )

    def x(self, day: float) -> float:
        return self.area.left + (self.area.right - self.area.left) * day / self.last

    def y(self, share: float) -> float:
        return self.area.bottom - (self.area.bottom - self.area.top) * share / self.top

    def steps(self, points: Sequence[Point]) -> list[Point]:
        """Return the corners of a curve that stays as it is until it changes."""
        corners: list[Point] = []
        for day, share in points:
            x, y = self.x(day), self.y(share)
            if corners and abs(y - corners[-1][1]) < 0.05:
                continue
            corners += [(x, corners[-1][1]), (x, y)] if corners else [(x, y)]
        return [*corners, (self.x(points[-1][0]), corners[-1][1])]


def _verb(end: str) -> str:
    return {
        "dropped here": "dropped out there",
        "dropped elsewhere": "dropped out elsewhere",
        "turned away": "been turned away",
        "under way": "not ended yet",
    }.get(end, end)


# axes -----------------------------------------------------------------------------------------------------


def _axes(sheet: Sheet, plot: _Plot) -> None:
    for line in range(round(plot.top / plot.step) + 1):
        y = plot.y(line * plot.step)
        sheet.line([(plot.area.left, y), (plot.area.right, y)], colour=theme.RULE, z=0.5)
        said = f"{100 * line * plot.step:g} %"
        sheet.write(said, plot.area.left - 8, y + 3, colour=theme.MUTED, align="right")


def _horizons(sheet: Sheet, plot: _Plot, ends: Incidence) -> None:
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


def _followed(sheet: Sheet, plot: _Plot, curves: list[_Curve]) -> float:
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
        room = _LEFT - theme.MARGIN - 24
        sheet.write(fit(said, room, theme.SMALL), theme.MARGIN, y, size=theme.SMALL, colour=theme.MUTED)
        at = {row.day: row.followed for row in curve.rows if known(row.followed)}
        for day in ticks:
            if day in at:
                sheet.write(number(at[day]), plot.x(day), y, size=theme.SMALL, align="center")
    return y


def _ticks(plot: _Plot, curves: list[_Curve]) -> list[float]:
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


def _draw(sheet: Sheet, plot: _Plot, curve: _Curve) -> None:
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


def _label(sheet: Sheet, plot: _Plot, curves: list[_Curve], stage: str) -> None:
    """Name each curve beside its end, with its last value, its limits as a bar, and of how many it is."""
    lasts = [curve.last for curve in curves]
    wanted = [plot.y(row.probability) - 6 if known(row.probability) else plot.area.bottom for row in lasts]
    order = sorted(range(len(curves)), key=lambda at: wanted[at])
    placed = spread([wanted[at] for at in order], [_PITCH] * len(curves), plot.area.bottom + 6, 0.0)
    room = sheet.width - theme.MARGIN - _LABELS
    for place, (at, y) in enumerate(zip(order, placed, strict=True)):
        curve, last = curves[at], lasts[at]
        with sheet.mark(_tip(curve), stage=stage, group=curve.group):
            x = _RIGHT + 6 + min(5.0, _WHISKERS / len(curves)) * place
            _whisker(sheet, plot, curve, x, y + 6)
            told = percent(last.probability, last.lower, last.upper)
            who = fit(
                curve.said, room - width(f": {told}", theme.BODY, bold=curve.bold), theme.BODY, bold=True
            )
            sheet.write(f"{who}: {told}", _LABELS, y + 9, colour=curve.look.colour, bold=curve.bold)
            said = f"by {duration(last.day * DAY_S)}, of {number(curve.entered)} that entered"
            sheet.write(fit(said, room, theme.SMALL), _LABELS, y + 20, size=theme.SMALL, colour=theme.MUTED)


def _whisker(sheet: Sheet, plot: _Plot, curve: _Curve, x: float, label: float) -> None:
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


def _tip(curve: _Curve) -> str:
    last = curve.last
    share = percent(last.probability, last.lower, last.upper)
    return f"{curve.said}: {share} by {duration(last.day * DAY_S)}, of {number(curve.entered)} that entered"


def _notes(sheet: Sheet, curves: list[_Curve], y: float) -> float:
    """Say what the bands are, and where there is none."""
    said = "Still followed: journeys observed to be under way at that time. Bars: limits at the end."
    if any(curve.banded for curve in curves):
        said += (
            " Bands hold the whole curve with 95 %; there is none at times when fewer than some 10 journeys "
            "had ended so, or had not."
        )
    return sheet.paragraph(said, theme.MARGIN, y + 8, 840, size=theme.SMALL, colour=theme.MUTED)


def _description(curves: list[_Curve], place: str) -> str:
    told = "; ".join(_tip(curve) for curve in curves[:6])
    return f"Curves of the probability over the time since coming to {place}. {told}."
