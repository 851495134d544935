"""The bands of the map below its ribbon: what customers do, what they feel, where it hurts, what to do."""

from __future__ import annotations

from itertools import pairwise
from math import cos, pi, sin
from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot import theme
from cjmining.plot.choose import significant
from cjmining.plot.map_view import GUTTER, MapView
from cjmining.plot.text import fit, named_number, short, width, wrap
from cjmining.plot.words import known, money, name, number, percent, plural, share_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cjmining.intended import Stage, Touchpoint
    from cjmining.plot.choose import Row
    from cjmining.plot.sheet import Sheet

_LARGEST_DISC = 7.5
_NO_CHANNEL = "no channel"
_BAND = 10.0
_CURVE = 50.0
_PLAINLY = {"ad hoc": "unplanned", "wrong channel": "on a wrong channel"}
_NAME = 84.0
"""Width of a band's name where the channels stand beside it."""


def band_name(sheet: Sheet, y: float, title: str, explained: str, *, room: float = GUTTER - 14) -> float:
    """Write a band's name and what is drawn in it into the gutter; return where the next text may start."""
    y = sheet.paragraph(title, theme.MARGIN, y + 8, room, size=_BAND, bold=True)
    return sheet.paragraph(explained, theme.MARGIN, y + 1, room, size=theme.SMALL, colour=theme.MUTED)


class _Entry(NamedTuple):
    """A touchpoint on a channel's lane: seen by `journeys`, or only planned."""

    stage: int
    touchpoint: str
    channel: str
    journeys: int
    planned_only: str


def what_they_do(sheet: Sheet, view: MapView, y: float) -> float:
    """Draw a lane for each channel, on it the touchpoints of each stage as discs."""
    sheet.rule(y)
    side = band_name(sheet, y, "What they do", "touchpoints by channel; disc: journeys", room=_NAME)
    entries = _entries(view)
    largest = max((entry.journeys for entry in entries), default=0)
    top = y + 8
    for channel in _channels(entries):
        top = _lane(
            sheet, view, [entry for entry in entries if entry.channel == channel], channel, largest, top
        )
    return max(side, top) + 10


def _lane(
    sheet: Sheet, view: MapView, entries: list[_Entry], channel: str, largest: int, top: float
) -> float:
    texts = {entry: _entry_lines(view, entry) for entry in entries}
    stacks = [[entry for entry in entries if entry.stage == stage] for stage in range(len(view.stages))]
    room = GUTTER - _NAME - 8
    whole = all(width(word, theme.BODY) <= room for word in name(channel).split())
    label = (
        wrap(name(channel), room, theme.BODY, lines=2) if whole else [fit(name(channel), room, theme.BODY)]
    )
    high = max(sum(_entry_height(texts[entry]) for entry in stack) for stack in stacks) + 4
    high = max(high, 8 + len(label) * theme.LINE * theme.BODY)
    sheet.area(_rectangle(view.left(0), top, view.width - theme.MARGIN, top + high), theme.LANE, z=0.5)
    sheet.lines(label, view.left(0) - 6, top + 4, colour=theme.MUTED, align="right")
    for position, stack in enumerate(stacks):
        y = top + 2
        for entry in stack:
            _draw_entry(sheet, view.left(position) + 4, y, entry, texts[entry], largest)
            y += _entry_height(texts[entry])
    return top + high + 3


def _draw_entry(sheet: Sheet, x: float, y: float, entry: _Entry, lines: list[str], largest: int) -> None:
    middle = y + _entry_height(lines) / 2
    centre = x + _LARGEST_DISC
    if entry.planned_only:
        sheet.disc(centre, middle, 3.2, theme.PAPER, edge=theme.MUTED, dashed=True)
    else:
        radius = max(1.2, _LARGEST_DISC * (entry.journeys / largest) ** 0.5) if largest else 1.2
        sheet.disc(centre, middle, radius, theme.DISC, edge=theme.PAPER)
    text_top = middle - len(lines) * theme.LINE * theme.SMALL / 2 - 0.6
    x += 2 * _LARGEST_DISC + 3
    colour = theme.MUTED if entry.planned_only else theme.INK
    sheet.lines(lines[:-1], x, text_top, size=theme.SMALL, colour=colour)
    named = lines[-1].removesuffix(_figure(entry)).rstrip()
    baseline = text_top + theme.SMALL + (len(lines) - 1) * theme.LINE * theme.SMALL
    sheet.write(named, x, baseline, size=theme.SMALL, colour=colour)
    x += width(f"{named}  ", theme.SMALL) if named else 0.0
    sheet.write(_figure(entry), x, baseline, size=theme.SMALL, colour=colour, bold=not entry.planned_only)


def _entry_lines(view: MapView, entry: _Entry) -> list[str]:
    room = view.column - 2 * _LARGEST_DISC - 12
    return named_number(name(entry.touchpoint), _figure(entry), room, theme.SMALL)


def _figure(entry: _Entry) -> str:
    return entry.planned_only or number(entry.journeys)


def _entry_height(lines: list[str]) -> float:
    return max(2 * _LARGEST_DISC + 2, len(lines) * theme.LINE * theme.SMALL + 2)


def _entries(view: MapView) -> list[_Entry]:
    """Return the touchpoints seen, and those planned that were not, in the order of the map."""
    entries: list[_Entry] = []
    for position, stage in enumerate(view.intended.stages):
        seen = view.at(view.touchpoints, stage.stage)
        for touchpoint in stage.touchpoints:
            own = [row for row in seen if row["touchpoint"] == touchpoint.touchpoint]
            entries += [_seen(position, row) for row in own] or [_planned(position, touchpoint)]
    return entries


def _seen(position: int, row: Row) -> _Entry:
    channel = str(row["channel"]) if known(row["channel"]) and row["channel"] else _NO_CHANNEL
    if not known(row["journeys"]):  # withheld: too few for a number of their own
        return _Entry(position, str(row["touchpoint"]), channel, 0, "few")
    return _Entry(position, str(row["touchpoint"]), channel, int(row["journeys"]), "")


def _planned(position: int, touchpoint: Touchpoint) -> _Entry:
    channel = touchpoint.channels[0] if touchpoint.channels else _NO_CHANNEL
    return _Entry(position, touchpoint.touchpoint, channel, 0, "0" if touchpoint.recorded else "unrecorded")


def _channels(entries: list[_Entry]) -> list[str]:
    """Order channels by the stage where they first play a part, then by how many use them there."""
    first: dict[str, tuple[int, int, str]] = {}
    for channel in {entry.channel for entry in entries}:
        own = [entry for entry in entries if entry.channel == channel]
        stage = min(entry.stage for entry in own)
        first[channel] = (stage, -max(entry.journeys for entry in own if entry.stage == stage), channel)
    return sorted(first, key=lambda channel: (channel == _NO_CHANNEL, first[channel]))


def feelings(sheet: Sheet, view: MapView, y: float) -> float:
    """Draw measured satisfaction as a curve, the intended emotion dashed, the moments of truth marked."""
    sheet.rule(y)
    side = band_name(
        sheet,
        y,
        "What they feel",
        "satisfaction measured, 0 to 1; dashed: emotion intended, -2 to 2",
        room=GUTTER - 30,
    )
    top, bottom = y + 12, y + 12 + _CURVE
    right, left = view.width - theme.MARGIN, view.left(0)
    for level in (0.0, 0.5, 1.0):
        at = bottom - level * _CURVE
        sheet.line([(left, at), (right, at)], colour=theme.RULE, width=0.5, z=0.6)
        sheet.write(f"{level:g}", left - 4, at + 2.5, size=theme.SMALL, colour=theme.MUTED, align="right")
        sheet.write(
            f"{4 * level - 2:+g}".replace("+0", "0"), right + 3, at + 2.5, size=6.5, colour=theme.MUTED
        )
    _intended_emotion(sheet, view, top, bottom)
    _measured(sheet, view, bottom)
    ends = [bottom]
    for position, stage in enumerate(view.intended.stages):
        ends.append(_feelings_in_words(sheet, view, position, stage, bottom + 5))
    return max([side, *ends]) + 8


def _measured(sheet: Sheet, view: MapView, bottom: float) -> None:
    points = [
        (view.left(position) + view.column / 2, bottom - row["satisfaction"] * _CURVE)
        for position, row in enumerate(view.stages)
        if known(row["satisfaction"])
    ]
    for one, other in pairwise(points):
        if other[0] - one[0] < 1.5 * view.column:  # else nobody answered in between: the curve breaks
            sheet.line([one, other], width=1.6, z=3)
    for x, y in points:
        sheet.disc(x, y, 3, theme.INK, edge=theme.PAPER, z=4)


def _intended_emotion(sheet: Sheet, view: MapView, top: float, bottom: float) -> None:
    """The intended emotion of each touchpoint, -2 to 2 over the height of the curve, in written order."""
    points: list[tuple[float, float]] = []
    for position, stage in enumerate(view.intended.stages):
        for order, touchpoint in enumerate(stage.touchpoints):
            x = view.left(position) + view.column * (order + 0.5) / len(stage.touchpoints)
            at = bottom - ((touchpoint.emotion or 0) + 2) / 4 * (bottom - top)
            if touchpoint.emotion is not None:
                points.append((x, at))
            if touchpoint.moment_of_truth:
                sheet.area(_star(x, at, 4.6), theme.TURNED_AWAY, edge=theme.PAPER, z=5)
    if len(points) > 1:
        sheet.line(points, colour=theme.MUTED, width=1.0, dashed=True)


def _feelings_in_words(sheet: Sheet, view: MapView, position: int, stage: Stage, y: float) -> float:
    row, x = view.stages[position], view.left(position) + 5
    if known(row["satisfaction"]):
        y = sheet.paragraph(f"{row['satisfaction']:.2f}", x, y, view.room, bold=True)
        answered = f"mean of {plural(row['satisfaction_answered'], 'answer')}"
    else:
        answered = "few answers" if row["few_answers"] else "no answers"
    y = sheet.paragraph(answered, x, y, view.room, size=theme.SMALL, colour=theme.MUTED)
    for touchpoint in stage.touchpoints:
        if touchpoint.moment_of_truth:
            text = f"★ moment of truth: {name(touchpoint.touchpoint)}"
            y = sheet.paragraph(
                text, x, y + 1, view.room, size=theme.SMALL, colour=theme.TURNED_AWAY, lines=3
            )
    return y


def pains(sheet: Sheet, view: MapView, y: float) -> float:
    """Say where most leave, which deviations are the largest, and what the map itself calls a pain."""
    sheet.rule(y)
    side = band_name(
        sheet,
        y,
        "Where it hurts",
        f"where most leave; deviations, of {plural(view.outcomes['journeys'], 'journey')}; "
        "the map's own words in quotes",
    )
    worst = max((row["journeys"] for row in view.dropouts), default=0)
    ends = [side]
    for position, stage in enumerate(view.intended.stages):
        top, x = y + 8, view.left(position) + 5
        for row in view.at(view.dropouts, stage.stage)[:1]:
            text = _dropout(view, row)
            colour = theme.DROPPED if row["journeys"] == worst else theme.INK
            top = sheet.paragraph(text, x, top, view.room, colour=colour, size=theme.SMALL) + 3
        for row in _largest(view.at(view.deviations, stage.stage), 2):
            top = sheet.paragraph(_deviation(view, row), x, top, view.room, size=theme.SMALL) + 3
        for pain in _gathered(stage.touchpoints, "pain_points")[:2]:
            text = f"\N{LEFT DOUBLE QUOTATION MARK}{pain}\N{RIGHT DOUBLE QUOTATION MARK}"
            top = sheet.paragraph(text, x, top, view.room, size=theme.SMALL, colour=theme.MUTED, lines=4) + 3
        ends.append(top)
    return max(ends) + 6


def _largest(deviations: list[Row], most: int) -> list[Row]:
    """Choose the deviations that go with most lost conversions, then those of most journeys."""
    found = [row for row in deviations if row["journeys"]]
    return sorted(
        found, key=lambda row: (-_lost(row), -row["journeys"], str(row["type"]), str(row["touchpoint"]))
    )[:most]


def _lost(row: Row) -> float:
    return max(0.0, -row["difference"] * row["mature_with"]) if significant(row) else 0.0


def _dropout(view: MapView, row: Row) -> str:
    """Where most leave, with the share of all drop-outs that this is."""
    place = short(name(row["touchpoint"]), view.room, theme.SMALL)
    share = percent(row["share_of_dropped"])
    return f"{number(row['journeys'])} left after {place} ({share} of all who dropped out)"


def _deviation(view: MapView, row: Row) -> str:
    """A deviation in words, with the share of all journeys that show it."""
    touchpoint = short(name(row["touchpoint"]), view.room, theme.SMALL)
    kind, share = _PLAINLY.get(row["type"], row["type"]), percent(row["share_of_journeys"])
    said = f"{touchpoint}: {kind} in {plural(row['journeys'], 'journey')} ({share})"
    if not significant(row):
        return said
    with_it, without = (
        share_of(row[f"converted_{side}"], row[f"mature_{side}"]) for side in ("with", "without")
    )
    return f"{said}; {with_it} converted, {without} others"


def to_do(sheet: Sheet, view: MapView, y: float) -> float:
    """Write the largest value at risk of each stage, and the opportunities that the map names."""
    sheet.rule(y)
    side = band_name(sheet, y, "What to do", "value at risk at the stage's costliest place; opportunities")
    ends = [side]
    for position, stage in enumerate(view.intended.stages):
        top, x = y + 8, view.left(position) + 5
        row = _costliest(view.at(view.dropouts, stage.stage))
        if row is not None:
            top = _value_at_risk(sheet, view, row, x, top)
        for opportunity in _gathered(stage.touchpoints, "opportunities")[:3]:
            top = sheet.paragraph(opportunity, x, top, view.room, size=theme.SMALL, lines=4) + 3
        ends.append(top)
    return max(ends) + 6


def _value_at_risk(sheet: Sheet, view: MapView, row: Row, x: float, y: float) -> float:
    currency = str(row["currency"]) if known(row["currency"]) else None
    y = sheet.paragraph(
        money(row["value_at_risk"], currency), x, y, view.room, size=theme.HEAD - 0.5, bold=True
    )
    if known(row["value_at_risk_lower"]) and known(row["value_at_risk_upper"]):
        limits = f"({money(row['value_at_risk_lower'], None)} to {money(row['value_at_risk_upper'], None)})"
        y = sheet.paragraph(limits, x, y, view.room, size=theme.SMALL, colour=theme.MUTED)
    text = f"{plural(row['journeys'], 'journey')} lost after {name(row['touchpoint'])}"
    return sheet.paragraph(text, x, y, view.room, size=theme.SMALL, colour=theme.MUTED, lines=4) + 4


def _costliest(dropouts: list[Row]) -> Row | None:
    known_value = [row for row in dropouts if known(row["value_at_risk"]) and row["value_at_risk"] > 0]
    return max(known_value, key=lambda row: float(row["value_at_risk"]), default=None)


def _gathered(touchpoints: Sequence[Touchpoint], what: str) -> list[str]:
    return list(dict.fromkeys(text for touchpoint in touchpoints for text in getattr(touchpoint, what)))


def _star(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    return [
        (x + r * sin(n * pi / 5), y - r * cos(n * pi / 5))
        for n in range(10)
        for r in [radius if n % 2 == 0 else radius * 0.42]
    ]


def _rectangle(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]
