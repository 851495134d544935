"""The curves of a picture of incidence: what each says and how it looks, and where the axes lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot import theme
from cjmining.plot.choose import ALL
from cjmining.plot.text import Box
from cjmining.plot.words import known, name

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.plot.sheet import Point
    from cjmining.plot.theme import Colour

DAY_S = 86_400.0
LEFT, RIGHT, TOP = 128.0, 580.0, 82.0
PITCH = 27.0
_LEAST_HIGH = 250.0
_SHARE_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_FEW_BANDS = 3
"""Of so many curves each has its band; of more only the one that is set off."""


class Look(NamedTuple):
    """How a curve looks: colour, width, lengths of dashes, and its band: "filled", "dotted" or none."""

    colour: Colour
    width: float
    dashes: tuple[float, ...]
    band: str


class Row(NamedTuple):
    """A curve at one time, in days; limits of this moment, and of the whole curve."""

    day: float
    probability: float
    lower: float
    upper: float
    band_lower: float
    band_upper: float
    followed: float


class Curve(NamedTuple):
    """A group or an end."""

    said: str
    group: str
    bold: bool
    entered: int
    rows: tuple[Row, ...]
    look: Look

    @property
    def last(self) -> Row:
        """The last time at which the probability is known."""
        told = [row for row in self.rows if known(row.probability)]
        return told[-1] if told else Row(0.0, *[math.nan] * 6)

    @property
    def banded(self) -> list[Row]:
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


def curves_of(table: pd.DataFrame, several: bool, chosen: str | None) -> list[Curve]:
    """Return a curve for each group, or for each of several ends; `chosen` is the group to set off."""
    key = "end" if several else "by"
    curves = []
    found = list(table.groupby(key, sort=False))
    for at, (_, rows) in enumerate(found):
        group, end = str(rows["by"].iloc[0]), str(rows["end"].iloc[0])
        look = _look(at, len(found), end, None if several else chosen, group, several)
        said = _IN_WORDS.get(end, end) if several else "all journeys" if group == ALL else name(group)
        times = zip(
            (rows["time_s"] / DAY_S).tolist(),
            *(rows[column].tolist() for column in _READ),
            strict=True,
        )
        curves.append(
            Curve(
                said,
                group,
                several or chosen in (None, group),
                int(rows["entered"].iloc[0]),
                tuple(Row(*row) for row in times),
                look,
            )
        )
    return curves


_IN_WORDS = {
    "dropped": "dropped out",
    "dropped here": "dropped out there",
    "dropped elsewhere": "dropped out elsewhere",
}
_READ = ("probability", "lower", "upper", "band_lower", "band_upper", "still_followed")


def _look(at: int, of: int, end: str, chosen: str | None, group: str, several: bool) -> Look:
    """Return how a curve looks; the end's own colour is for the one that matters, dashes tell the others."""
    own = _OF_END.get(end, theme.DISC)
    dashes = _DASHES[at % len(_DASHES)]
    band = "" if of > _FEW_BANDS else "filled" if at == 0 else "dotted"
    if several:
        return Look(own, 1.7, dashes, band)
    if chosen is not None:
        return Look(own, 2.2, (), "filled") if group == chosen else Look(theme.OPEN, 0.9, dashes, "")
    colour = own if group == ALL else _COLOURS[at % len(_COLOURS)]
    return Look(colour, 1.7, dashes, band)


class Plot(NamedTuple):
    """Where the axes lie, and how far they reach: days, and probability."""

    area: Box
    last: float
    top: float
    step: float

    @classmethod
    def of(cls, curves: list[Curve]) -> Plot:
        """Make room for all that is drawn."""
        drawn = [value for curve in curves for row in curve.rows for value in (row.probability, row.upper)]
        drawn += [row.band_upper for curve in curves for row in curve.banded]
        highest = max(max((value for value in drawn if known(value)), default=0.1), 0.02)
        step = next((step for step in _SHARE_STEPS if highest / step <= 5 + 1e-9), _SHARE_STEPS[-1])
        last = max((curve.rows[-1].day for curve in curves if curve.rows), default=1.0)
        bottom = TOP + max(_LEAST_HIGH, PITCH * len(curves))
        return cls(
            Box(LEFT, TOP, RIGHT, bottom), max(last, 1e-9), step * math.ceil(highest / step - 1e-9), step
        )

    def x(self, day: float) -> float:
        """Return where a time lies."""
        return self.area.left + (self.area.right - self.area.left) * day / self.last

    def y(self, share: float) -> float:
        """Return where a probability lies."""
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
