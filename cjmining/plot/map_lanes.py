"""What customers do: a lane for each channel, on it the touchpoints in their planned order as discs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.path import Path

from cjmining.plot import theme
from cjmining.plot.map_bands import PAD, band_name, rectangle
from cjmining.plot.map_told import NO_CHANNEL, Entry, entries, paths
from cjmining.plot.map_view import GUTTER, MapView
from cjmining.plot.text import Box, fit, told_apart, width, wrap
from cjmining.plot.words import name, number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cjmining.plot.sheet import Sheet

_LARGEST = 11.0
_SMALLEST = 1.5
_SPLIT = 3.5
"""Smaller discs don't show the share that failed; the number stands beside them."""
_PLANNED = 3.2
_ROW = 12.4
"""Height of a row of labels; rows with larger discs are as high as these."""
_BESIDE = 3.0
_LONGEST = 150.0
"""Names are cut to this width, or to what the sheet has room for."""
_WIDEST_PATH = 6.0
_NAME = 78.0
"""Width of the band's name where the channels stand beside it."""


class _Placed(NamedTuple):
    """An entry with the name as it is written, its place and that of its label, in a row of its lane."""

    entry: Entry
    text: str
    x: float
    radius: float
    row: int
    label: float


class _Lane(NamedTuple):
    """A channel's lane: its label, what lies on it, and the heights of its rows."""

    channel: str
    label: list[str]
    placed: list[_Placed]
    heights: list[float]

    @property
    def height(self) -> float:
        return max(sum(self.heights), len(self.label) * theme.LINE * theme.SMALL) + 3

    def middle(self, row: int) -> float:
        """Middle of a row below the lane's top."""
        slack = (self.height - sum(self.heights)) / 2
        return slack + sum(self.heights[:row]) + self.heights[row] / 2


def what_they_do(sheet: Sheet, view: MapView, y: float) -> float:
    """Draw a lane for each channel, on it the touchpoints of each stage as discs, and the paths between."""
    there = entries(view)
    ways = paths(view, there)
    explained = "by channel; discs: journeys; rings: few or none"
    side = band_name(sheet, y, "What they do", explained + ("; curves: main paths" * bool(ways)), room=_NAME)
    largest = max((entry.journeys for entry in there), default=0)
    known_as = _known_as(there)
    top, spots = y + PAD, {}
    for channel in _channels(there):
        own = [entry for entry in there if entry.channel == channel]
        lane = _lane(view, channel, own, largest, known_as)
        sheet.area(
            rectangle(view.left(0), top, view.width - theme.MARGIN, top + lane.height), theme.LANE, z=0.5
        )
        sheet.lines(
            lane.label, view.left(0) - 5, top + lane.middle(0) - theme.SMALL * 0.7, size=theme.SMALL,
            colour=theme.MUTED, align="right",
        )  # fmt: skip
        for placed in lane.placed:
            _draw(sheet, view, placed, top + lane.middle(placed.row))
            spots[placed.entry] = placed.x, top + lane.middle(placed.row)
        top += lane.height + 2
    most = max((journeys for *_, journeys in ways), default=0)
    for one, other, journeys in ways:
        with sheet.mark(
            f"{plural(journeys, 'journey')} went straight from {_where(one)} to {_where(other)}",
            stage=view.stages[one.stage]["stage"],
        ):
            _curve(sheet, spots[one], spots[other], _WIDEST_PATH * journeys / most)
    return max(side, top) + 7


def _known_as(there: Sequence[Entry]) -> dict[str, str]:
    """Return what each touchpoint is called, so that short forms of long names differ."""
    touchpoints = list(dict.fromkeys(entry.touchpoint for entry in there))
    called = told_apart([name(each) for each in touchpoints], _LONGEST, theme.SMALL)
    return dict(zip(touchpoints, called, strict=True))


def _lane(
    view: MapView, channel: str, own: Sequence[Entry], largest: float, known_as: dict[str, str]
) -> _Lane:
    """Give each entry the first row in which its disc and its label lie free, most journeys first."""
    rows: list[list[Box]] = []
    placed = [
        _place(view, entry, known_as[entry.touchpoint], _radius(entry, largest), rows)
        for entry in _in_order(own)
    ]
    heights = [
        max([_ROW, *(2 * each.radius + 2.4 for each in placed if each.row == row)])
        for row in range(len(rows))
    ]
    room = GUTTER - _NAME - 7
    whole = all(width(word, theme.SMALL) <= room for word in name(channel).split())
    label = (
        wrap(name(channel), room, theme.SMALL, lines=2) if whole else [fit(name(channel), room, theme.SMALL)]
    )
    return _Lane(channel, label, placed, heights)


def _in_order(own: Sequence[Entry]) -> list[Entry]:
    return sorted(own, key=lambda entry: (entry.stage, entry.order))


def _radius(entry: Entry, largest: float) -> float:
    if entry.state or not entry.journeys:
        return _PLANNED
    return max(_SMALLEST, _LARGEST * math.sqrt(entry.journeys / largest))


def _place(view: MapView, entry: Entry, called: str, radius: float, rows: list[list[Box]]) -> _Placed:
    """Find a row, and a side of the disc for the label: the right one where it is free, else the left."""
    x = view.spot(entry.stage, entry.order)
    tail = _tail_width(entry)
    left, right = view.left(0) + 2, view.width - theme.MARGIN - 2
    rooms = right - x - radius - _BESIDE, x - radius - _BESIDE - left
    longest = max(max(rooms) - tail, 0)
    text = fit(called, min(_LONGEST, longest), theme.SMALL)
    wide = width(text, theme.SMALL) + tail
    sides = [(x + radius + _BESIDE, rooms[0]), (x - radius - _BESIDE - wide, rooms[1])]
    row = 0
    while True:
        if row == len(rows):
            rows.append([])
        for label, room in sides:
            own = Box(min(label, x - radius), 0, max(label + wide, x + radius), 1)
            if wide <= room + 0.01 and not any(own.meets(other, 7.0) for other in rows[row]):
                rows[row].append(own)
                return _Placed(entry, text, x, radius, row, label)
        row += 1


def _tail_width(entry: Entry) -> float:
    """Width of what follows a name: the number, and how many failed."""
    wide = width(f"  {entry.figure}", theme.SMALL)
    return wide + (width(f"  {entry.failures}", theme.SMALL, bold=True) if entry.failed else 0)


def _draw(sheet: Sheet, view: MapView, placed: _Placed, middle: float) -> None:
    entry, x, radius = placed.entry, placed.x, placed.radius
    seen = bool(entry.journeys) and not entry.state
    with sheet.mark(_tip(view, entry), stage=view.stages[entry.stage]["stage"]):
        if seen:
            sheet.disc(x, middle, radius, theme.DISC)
            if entry.failed and radius >= _SPLIT:
                sector = _sector(x, middle, radius, entry.failed / entry.journeys)
                sheet.outline(sector, theme.DROPPED, edge=theme.LANE, z=3)
        else:
            sheet.disc(x, middle, radius, theme.PAPER, edge=theme.MUTED, dashed=True)
        baseline, at = middle + 2.9, placed.label
        colour = theme.INK if seen else theme.MUTED
        sheet.write(_label(placed.text, entry), at, baseline, size=theme.SMALL, colour=colour)
        if entry.failed:
            at += width(f"{_label(placed.text, entry)}  ", theme.SMALL)
            line = sheet.write(
                entry.failures, at, baseline, size=theme.SMALL, colour=theme.DROPPED, bold=True
            )
            if view.ways:
                sheet.card(line.box, theme.LANE, z=3, rounding=1)


def _label(text: str, entry: Entry) -> str:
    return f"{text}  {entry.figure}"


def _tip(view: MapView, entry: Entry) -> str:
    where = _where(entry)
    if entry.state == "unrecorded":
        return f"{where}: planned; no system records it"
    if entry.state:
        return f"{where}: too few journeys for a number of their own"
    stage = view.stages[entry.stage]
    of = "" if stage["few"] else f" of {number(stage['entered'])}"
    said = f"{where}: {number(entry.journeys)}{of} journeys in {name(stage['stage'])}"
    if not entry.failed:
        return said
    return f"{said}; failed in {number(entry.failed)} ({percent(entry.failed / entry.journeys)})"


def _where(entry: Entry) -> str:
    return name(entry.touchpoint) + ("" if entry.channel == NO_CHANNEL else f" ({name(entry.channel)})")


def _sector(x: float, y: float, radius: float, share: float) -> Path:
    """Return the part of a disc that a share takes, from twelve o'clock on."""
    if share >= 1:
        return Path.circle((x, y), radius)
    wedge = Path.wedge(90 - 360 * share, 90)
    corners = np.asarray(wedge.vertices) * (radius, -radius) + (x, y)
    return Path(corners, wedge.codes)


def _curve(sheet: Sheet, one: tuple[float, float], other: tuple[float, float], wide: float) -> None:
    """Draw a path between two discs; backwards it runs round them."""
    (x, y), (to_x, to_y) = one, other
    bend = max(abs(to_x - x) / 2, 10.0)
    sheet.curve(
        [(x, y), (x + bend, y), (to_x - bend, to_y), (to_x, to_y)],
        colour=theme.PATH, width=max(0.6, wide), z=1,
    )  # fmt: skip


def _channels(there: Sequence[Entry]) -> list[str]:
    """Order channels by the stage where they first play a part, then by how many use them there."""
    first: dict[str, tuple[int, float, str]] = {}
    for channel in {entry.channel for entry in there}:
        own = [entry for entry in there if entry.channel == channel]
        stage = min(entry.stage for entry in own)
        first[channel] = (stage, -max(entry.journeys for entry in own if entry.stage == stage), channel)
    return sorted(first, key=lambda channel: (channel == NO_CHANNEL, first[channel]))
