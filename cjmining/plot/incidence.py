"""How likely an end is over the time since entering a place: curves with bands, labelled where they end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from cjmining.errors import LogError, nearest
from cjmining.plot import theme
from cjmining.plot.choose import ALL
from cjmining.plot.sheet import Point, Sheet
from cjmining.plot.text import Box, fit, spread
from cjmining.plot.words import duration, known, name, number, percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from cjmining.dropout.incidence import Incidence
    from cjmining.plot.theme import Colour

DAY_S = 86_400.0
_PLOT = Box(64.0, 78.0, 540.0, 330.0)
_LABELS = 552.0
_PITCH = 27.0
_TIME_STEPS = (0.5, 1, 2, 5, 7, 10, 14, 30, 60, 90, 180, 365)
_SHARE_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
LEAST_DAYS = 3.0
"""Shorter times are told in hours."""


class _Curve(NamedTuple):
    """A group: days since the entry, probabilities, limits at each day, and those of the whole curve."""

    group: str
    entered: int
    days: list[float]
    probability: list[float]
    lower: list[float]
    upper: list[float]
    band_lower: list[float]
    band_upper: list[float]


def incidence(
    ends: Incidence,
    *,
    stage: str,
    touchpoint: str | None = None,
    end: str = "dropped here",
    group: str | None = None,
    dark: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw how likely an end is by the time since entering a stage or touchpoint, a curve a group.

    Parameters
    ----------
    ends : Incidence
        What `cj.incidence` returned.
    stage : str
        One of the map's stages.
    touchpoint : str, optional
        One of the stage's, where `ends` is of touchpoints; then it is needed.
    end : str
        One of the ends in ``ends.curves``.
    group : str, optional
        The group to set off, with its band; the others stay behind it. Default: all alike, and without
        bands where there are several.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. The numbers drawn are the rows of ``ends.curves`` for the stage and end.

    Raises
    ------
    LogError
        If there is no such stage, end or group.

    Notes
    -----
    Beside a curve stand its last value and the limits of that one moment. A band holds the whole curve with
    95 %, so it is wider; it spans the times that ``ends.curves`` has one for.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300)
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
    end: str = "dropped here",
    group: str | None = None,
) -> Sheet:
    """Lay out the curves."""
    _expect_incidence(ends)
    curves = _curves(ends, stage, touchpoint, end)
    groups = [curve.group for curve in curves]
    if group is not None and group not in groups:
        raise LogError(f"there is no group {group!r}{nearest(group, groups)}; there are {', '.join(groups)}")
    sheet = Sheet(width=800.0)
    place = name(stage) if touchpoint is None else f"{name(stage)}, {name(touchpoint)}"
    sheet.title = f"{end.capitalize()}: {place}"
    last = max((curve.days[-1] for curve in curves), default=1.0)
    drawn = [value for curve in curves for value in (*curve.probability, *curve.band_upper)]
    highest = max((value for value in drawn if known(value)), default=0.1)
    step = _step(max(highest, 0.02), _SHARE_STEPS, 5)
    top = step * math.ceil(max(highest, 0.02) / step - 1e-9)
    sheet.paragraph(sheet.title, theme.MARGIN, 14, 760, size=15, bold=True, lines=1)
    said = f"Probability of having {_verb(end)}, by time since coming there (limits: 95 %)"
    sheet.paragraph(said, theme.MARGIN, 38, 760, colour=theme.MUTED, lines=1)
    _axes(sheet, last, top)
    for number_of, curve in enumerate(curves):
        banded = curve.group == group or len(curves) == 1
        _draw(sheet, curve, _look(number_of, curve.group, group, end), last, top, banded=banded)
    _label(sheet, curves, group, end, top)
    sheet.height = _PLOT.bottom + 46
    return sheet


def _expect_incidence(ends: object) -> None:
    if not all(hasattr(ends, name) for name in ("curves", "at")):
        raise LogError(
            f"cj.plot.incidence takes what cj.incidence(check) returned, not {type(ends).__name__}"
        )


def _curves(ends: Incidence, stage: str, touchpoint: str | None, end: str) -> list[_Curve]:
    table = ends.curves
    if table.empty:
        raise LogError("there is nothing to draw: no journey counts for these probabilities")
    _expect(stage, table["stage"], "stage")
    _expect(end, table["end"], "end")
    chosen = table[(table["stage"].astype(str) == stage) & (table["end"].astype(str) == end)]
    if ends.at == "touchpoint":
        _expect(touchpoint, chosen["touchpoint"], "touchpoint")
        chosen = chosen[chosen["touchpoint"].astype(str) == touchpoint]
    elif touchpoint is not None:
        raise LogError("these probabilities are of stages: call cj.incidence(check, at='touchpoint')")
    return [
        _Curve(
            str(by),
            int(rows["entered"].iloc[0]),
            (rows["time_s"] / DAY_S).tolist(),
            rows["probability"].tolist(),
            rows["lower"].tolist(),
            rows["upper"].tolist(),
            rows["band_lower"].tolist(),
            rows["band_upper"].tolist(),
        )
        for by, rows in chosen.groupby(chosen["by"].astype(str), sort=False)
    ]


def _expect(given: str | None, column: pd.Series[str], what: str) -> None:
    names = list(dict.fromkeys(column.astype(str)))
    if given not in names:
        hint = "" if given is None else nearest(given, names)
        raise LogError(f"there is no {what} {given!r}{hint}; there are {', '.join(names)}")


def _verb(end: str) -> str:
    return {
        "dropped here": "dropped out there",
        "dropped elsewhere": "dropped out elsewhere",
        "turned away": "been turned away",
    }.get(end, end)


def _step(most: float, steps: Sequence[float], at_most: int) -> float:
    """Return the smallest step of which so many reach."""
    return next((step for step in steps if most / step <= at_most + 1e-9), steps[-1])


def _axes(sheet: Sheet, last: float, top: float) -> None:
    unit, length = ("days", 1.0) if last >= LEAST_DAYS else ("hours", 1 / 24)
    step = _step(last / length, _TIME_STEPS, 8)
    for line in range(int(last / length / step + 1e-9) + 1):
        x = _x(line * step * length, last)
        sheet.line([(x, _PLOT.bottom), (x, _PLOT.bottom + 4)], colour=theme.MUTED)
        sheet.write(f"{line * step:g}", x, _PLOT.bottom + 16, colour=theme.MUTED, align="center")
    sheet.write(f"{unit} since then", _PLOT.right, _PLOT.bottom + 32, colour=theme.MUTED, align="right")
    step = _step(top, _SHARE_STEPS, 5)
    for line in range(round(top / step) + 1):
        y = _y(line * step, top)
        sheet.line([(_PLOT.left, y), (_PLOT.right, y)], colour=theme.RULE, z=0.5)
        sheet.write(f"{100 * line * step:g} %", _PLOT.left - 8, y + 3, colour=theme.MUTED, align="right")


_OF_END = {
    "converted": theme.CONVERTED,
    "turned away": theme.TURNED_AWAY,
    "under way": theme.OPEN,
    **dict.fromkeys(("dropped", "dropped here", "dropped elsewhere"), theme.DROPPED),
}
_COLOURS = (theme.INK, theme.DISC, theme.CONVERTED, theme.TURNED_AWAY, theme.OPEN)


def _look(number_of: int, group: str, chosen: str | None, end: str) -> tuple[Colour, float, bool]:
    """Return colour, width, and whether dashed; the end's own colour is for the one curve that matters."""
    own = _OF_END.get(end, theme.DISC)
    if chosen is None:
        colour = own if group == ALL else _COLOURS[number_of % len(_COLOURS)]
        return colour, 1.6, number_of % 2 == 1
    return (own, 2.2, False) if group == chosen else (theme.OPEN, 0.9, number_of % 2 == 1)


def _draw(
    sheet: Sheet, curve: _Curve, look: tuple[Colour, float, bool], last: float, top: float, *, banded: bool
) -> None:
    colour, width, dashed = look
    limits = zip(curve.days, curve.band_lower, curve.band_upper, strict=True)
    held = [row for row in limits if known(row[1])] if banded else []
    if len(held) > 1:
        under = _steps([(day, lower) for day, lower, _ in held], last, top)
        over = _steps([(day, upper) for day, _, upper in held], last, top)
        sheet.area([*under, *reversed(over)], theme.paler(colour), z=0.8)
    points = [(d, p) for d, p in zip(curve.days, curve.probability, strict=True) if known(p)]
    if len(points) > 1:
        sheet.line(_steps(points, last, top), colour=colour, width=width, dashed=dashed, z=3)


def _steps(points: Sequence[Point], last: float, top: float) -> list[Point]:
    """Return the corners of a curve that stays as it is until it changes."""
    placed = [(_x(day, last), _y(share, top)) for day, share in points]
    corners = [placed[0]] if placed else []
    for (_, before), (x, y) in pairwise(placed):
        corners += [(x, before), (x, y)]
    return corners


def _label(sheet: Sheet, curves: list[_Curve], group: str | None, end: str, top: float) -> None:
    """Name each curve beside its end, with its last value and how many journeys it is of."""
    ends = [_end_of(curve) for curve in curves]
    wanted = [_y(share, top) - 6 if known(share) else _PLOT.bottom for _, share, _, _ in ends]
    order = sorted(range(len(curves)), key=lambda at: wanted[at])
    heights = [_PITCH] * len(curves)
    placed = spread([wanted[at] for at in order], heights, _PLOT.bottom + _PITCH, 0.0)
    room = sheet.width - theme.MARGIN - _LABELS
    for at, y in zip(order, placed, strict=True):
        curve, (day, share, lower, upper) = curves[at], ends[at]
        colour = _look(at, curve.group, group, end)[0]
        who = "all journeys" if curve.group == ALL else name(curve.group)
        bold = group in (None, curve.group)
        told = fit(f"{who}: {percent(share, lower, upper)}", room, theme.BODY, bold=bold)
        sheet.write(told, _LABELS, y + 9, colour=colour, bold=bold)
        said = f"by {duration(day * DAY_S)}, of {number(curve.entered)} that entered"
        sheet.write(fit(said, room, theme.SMALL), _LABELS, y + 20, size=theme.SMALL, colour=theme.MUTED)


def _end_of(curve: _Curve) -> tuple[float, float, float, float]:
    """Return the last day with a known probability, that, and its limits."""
    rows = zip(curve.days, curve.probability, curve.lower, curve.upper, strict=True)
    found = [row for row in rows if known(row[1])]
    return found[-1] if found else (0.0, math.nan, math.nan, math.nan)


def _x(day: float, last: float) -> float:
    return _PLOT.left + (_PLOT.right - _PLOT.left) * day / max(last, 1e-9)


def _y(share: float, top: float) -> float:
    return _PLOT.bottom - (_PLOT.bottom - _PLOT.top) * share / top
