"""Who stays and who leaves: a ribbon as thick as the journeys in each stage; what ends there falls off it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.path import Path

from cjmining.plot import theme
from cjmining.plot.map_bands import PAD, band_name
from cjmining.plot.map_told import after_goal, before_the_map, joining, leaving, loop, loops, worst
from cjmining.plot.map_view import GUTTER
from cjmining.plot.text import fit, width
from cjmining.plot.words import name, number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cjmining.plot.choose import Row
    from cjmining.plot.map_told import Told
    from cjmining.plot.map_view import MapView
    from cjmining.plot.sheet import Sheet
    from cjmining.plot.theme import Colour

_THICKEST = 66.0
_FALL = 14.0
_BEND = 5.0
_LEVEL = 17.0
_SEAM = 0.6
"""Pieces of the ribbon overlap this much, so that no line shows between them."""
_INSIDE = 11.5
"""Where the ribbon is at least this thick, a number is written into it."""
_ARROW = 150.0
"""The arrow of those who reached the goal is not longer than this."""
_HAIR = 1.6
"""Thinner strips are drawn as lines: a pattern would not be seen."""
_WEDGE = 26.0
"""Where so much joins, its number is written into it."""
_GOING_ON = ("go on", "come after the goal")
_LEAVING = (
    ("dropped", theme.DROPPED, theme.DROPPED, None),
    ("turned_away", theme.TURNED_AWAY, theme.TURNED_AWAY_FILL, theme.TURNED_AWAY_HATCH),
    ("open", theme.OPEN, theme.OPEN_FILL, theme.OPEN_HATCH),
)
_LESS = theme.heat(0.375)
"""Drop-out where it isn't largest: one stage alone has the strong colour."""
_STYLES = {
    "dropped out": (theme.DROPPED, True),
    "turned away": (theme.TURNED_AWAY, False),
    "still open": (theme.OPEN, False),
    "reached the goal": (theme.CONVERTED, True),
    "go on": (theme.MUTED, False),
    "come after the goal": (theme.MUTED, False),
}


def who_stays(sheet: Sheet, view: MapView, y: float) -> float:
    """Draw the ribbon with its loops above and its losses below."""
    side = band_name(
        sheet,
        y,
        "Who stays",
        f"falling off: those that end there, with the share lost in {view.horizon}",
    )
    drawn, rest = loops(view)
    for told in (before_the_map(view), rest):
        if told is not None:
            side = sheet.paragraph(
                told.said, theme.MARGIN, side + 4, GUTTER - 12, size=theme.SMALL, colour=theme.MUTED
            )
    levels = _draw_loops(sheet, view, _inner_first(drawn), y + PAD)
    top = y + PAD + levels * _LEVEL + 4
    thickest = max((row["entered"] for row in view.stages), default=0)
    scale = _thickest(view) / thickest if thickest else 0.0
    bottoms = [_stage(sheet, view, position, top, scale) for position in range(len(view.stages))]
    return max([side, *bottoms]) + 7


def _stage(sheet: Sheet, view: MapView, position: int, top: float, scale: float) -> float:
    """Draw one stage's piece of the ribbon and what falls off it; return the bottom of its labels."""
    row = view.stages[position]
    left, right = view.left(position), view.left(position) + view.column
    x, thick = left + _run_in(view), row["entered"] * scale
    foot = top + thick + (_FALL + 3 if any(row[key] for key, *_ in _LEAVING) else 3)
    edge = [(left if position == 0 else x - _SEAM, top + thick)]
    with sheet.mark(_tip(view, position), stage=row["stage"]):
        for key, colour, fill, hatch in _LEAVING:
            part = row[key] * scale
            if not row[key]:
                continue
            if part < _HAIR:
                _trickle(sheet, x, top + thick, part, colour)
            else:
                inside = _LESS if key == "dropped" and not worst(view, position) else fill
                sheet.outline(_falling(x, top + thick, part), inside, edge=colour, hatch=hatch)
            edge += [(x, top + thick), (x, top + thick - part)]
            x += _BEND + part + 3
            thick -= part
        edge.append((x, top + thick))
        if edge[0][0] < x - _SEAM:
            sheet.area([(edge[0][0], top), *edge, (x, top)], theme.RIBBON)
        x = _goal(sheet, row, x, right, top, scale)
        _onward(sheet, view, position, x, top, scale)
        return _labels(sheet, view, position, top, scale, foot)


def _tip(view: MapView, position: int) -> str:
    """Say what became of those who entered a stage; the parts add up to them."""
    row = view.stages[position]
    if row["few"]:
        return f"{name(row['stage'])}: too few journeys for numbers of their own"
    told = list(leaving(view, position))
    parts = [each.said for each in told if each.what != "drop-out share"]
    told_parts = ", ".join(parts) or "none"
    said = f"{name(row['stage'])}: of {plural(row['entered'], 'journey')} that entered, {told_parts}"
    shares = [each for each in told if each.what == "drop-out share"]
    return said + "".join(
        f". Share dropped within {view.horizon}: "
        f"{percent(share.value, share.lower, share.upper)} of {number(share.of)} old enough to know"
        for share in shares
    )


def _thickest(view: MapView) -> float:
    """How thick the ribbon is at most: if all fall off in one stage, the strips still end in its column."""
    return min(_THICKEST, view.column - _run_in(view) - 3 * (_BEND + 3) - 6)


def _run_in(view: MapView) -> float:
    """How far into its column a stage's losses begin."""
    return min(0.14 * view.column, 18.0)


def _falling(x: float, bottom: float, part: float) -> Path:
    """A strip that leaves the ribbon's lower edge and bends downwards; as wide as `part` all along."""
    part = max(part, 0.5)
    bend, end = _BEND, bottom + _FALL
    turn = bottom + bend
    points = [
        (x, bottom),
        (x + bend * 0.55, bottom),
        (x + bend, turn - bend * 0.55),
        (x + bend, turn),
        (x + bend, end),
        (x + bend + part / 2, end + min(5.0, 1 + part / 3)),
        (x + bend + part, end),
        (x + bend + part, turn),
        (x + bend + part, turn - (bend + part) * 0.55),
        (x + (bend + part) * 0.55, bottom - part),
        (x, bottom - part),
        (x, bottom),
    ]
    line, curve = Path.LINETO, Path.CURVE4
    codes = [Path.MOVETO, curve, curve, curve, line, line, line, line, curve, curve, curve, Path.CLOSEPOLY]
    return Path(points, codes)


def _trickle(sheet: Sheet, x: float, bottom: float, part: float, colour: Colour) -> None:
    """Draw a strip too thin to be filled as a line."""
    bend, reach = _BEND * 0.55, x + _BEND + part / 2
    turn = [(x, bottom - part / 2), (x + bend, bottom - part / 2), (reach, bottom + _BEND - bend)]
    end = (reach, bottom + _FALL)
    sheet.curve(
        [*turn, (reach, bottom + _BEND), (reach, bottom + _BEND), end, end],
        colour=colour, width=max(part, 0.9), z=1,
    )  # fmt: skip


def _goal(sheet: Sheet, row: Row, x: float, right: float, top: float, scale: float) -> float:
    """Colour those who reached the goal here: they end in an arrow at the column's edge."""
    if not row["converted"]:
        return x
    above, below = top + row["continued"] * scale, top + (row["continued"] + row["converted"]) * scale
    tip = min(8.0, 0.4 * (below - above) + 1)
    middle = (above + below) / 2
    end = min(right - 12, x + _ARROW)
    arrow = [(x, above), (end - tip, above), (end, middle), (end - tip, below), (x, below)]
    sheet.area(arrow, theme.CONVERTED, edge=theme.CONVERTED)
    sheet.area([(x - _SEAM, top), (right, top), (right, above), (x - _SEAM, above)], theme.RIBBON)
    return right


def _onward(sheet: Sheet, view: MapView, position: int, x: float, top: float, scale: float) -> None:
    """Join what continues with what enters the next stage: others may join there, or may pass it by."""
    row = view.stages[position]
    here = top + row["continued"] * scale
    if position == len(view.stages) - 1:
        end = view.left(position) + view.column
        if row["continued"]:
            sheet.area([(x, top), (end, top), (end, here), (x, here)], _colour(view, position))
        return
    onward = view.stages[position + 1]
    there = top + onward["entered"] * scale
    end = view.left(position + 1) + _run_in(view)
    if not row["continued"]:  # a new beginning: nobody comes from here, or only those who reached the goal
        left = view.left(position + 1)
        sheet.area([(left, top), (end, top), (end, there), (left, there)], _colour(view, position + 1))
        return
    x -= _SEAM
    if onward["after_goal"]:
        sheet.outline(_joined(x, end, here, there), theme.AFTER_GOAL)
        there -= onward["after_goal"] * scale
    if joining(view, position + 1) is not None:
        sheet.outline(_joined(x, end, here, there), theme.PATH)
        there = here
    middle = (x + end) / 2
    points = [(x, top), (end, top), (end, there), (middle, there), (middle, here), (x, here), (x, top)]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.CLOSEPOLY]
    sheet.outline(Path(points, codes), theme.RIBBON)


def _joined(x: float, end: float, here: float, there: float) -> Path:
    """Those who begin here, or come from elsewhere: a wedge that swells below the ribbon."""
    middle = (x + end) / 2
    points = [(x, here), (end, here), (end, there), (middle, there), (middle, here), (x, here), (x, here)]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.CLOSEPOLY]
    return Path(points, codes)


def _labels(sheet: Sheet, view: MapView, position: int, top: float, scale: float, y: float) -> float:
    """Say in numbers what the strips show; drop-out with its share, its interval and its denominator."""
    row, x = view.stages[position], view.left(position) + 5
    thick = row["continued"] * scale
    more = joining(view, position)
    if more is not None and not _write_joining(sheet, view, position, more, top, scale):
        y = sheet.paragraph(f"+ {more.said}", x, y, view.room, size=theme.SMALL, colour=theme.MUTED)
    ribbon = next((told.what for told in leaving(view, position) if told.what in _GOING_ON), "")
    for told in leaving(view, position):
        if told.what == "drop-out share":
            y = sheet.paragraph(told.said, x, y, view.room, size=theme.SMALL, colour=theme.MUTED)
            continue
        colour, bold = _STYLES[told.what]
        if told.what == "dropped out" and not worst(view, position):
            colour = theme.INK
        inside = told.what == ribbon and thick >= _INSIDE
        wide = width(told.said, theme.SMALL)
        if inside and wide < view.column - _run_in(view) - 8:
            right = view.left(position) + view.column - 6
            sheet.write(told.said, right, top + thick / 2 + 3, size=theme.SMALL, align="right")
            continue
        strong = bold and bool(told.value)
        room = view.column - 6
        size = theme.BODY if width(told.said, theme.BODY, bold=strong) <= room else theme.SMALL
        shade = colour if told.value else theme.MUTED
        y = sheet.paragraph(told.said, x, y, room, size=size, colour=shade, bold=strong)
    return y


def _write_joining(sheet: Sheet, view: MapView, position: int, more: Told, top: float, scale: float) -> bool:
    """Write how many join into the wedge before the stage; say whether there is room."""
    if more.value * scale < _WEDGE:
        return False
    baseline = top + view.stages[position - 1]["continued"] * scale + 10
    right = view.left(position) + _run_in(view) - 4
    sheet.write(more.said, right, baseline, size=theme.SMALL, colour=theme.INK, align="right")
    return True


def _colour(view: MapView, position: int) -> Colour:
    return theme.AFTER_GOAL if after_goal(view, position) else theme.RIBBON


def _inner_first(loops: list[Row]) -> list[Row]:
    return sorted(loops, key=lambda row: (row["from"] - row["to"], row["from"]))


def _draw_loops(sheet: Sheet, view: MapView, ways: list[Row], top: float) -> int:
    """Draw each loop as a thin arc with its count; those that would cross each other lie on levels."""
    spans = [_span(view, row) for row in ways]
    levels = list(
        _levels([(min(a, label_left), max(b, label_right)) for a, b, label_left, label_right in spans])
    )
    height = max(levels, default=-1) + 1
    for row, (back_to, start, label_left, _), level in zip(ways, spans, levels, strict=True):
        y, foot = top + (height - 1 - level) * _LEVEL + 9, top + height * _LEVEL + 3
        sheet.curve(_arc(start, back_to, foot, y), colour=theme.MUTED)
        sheet.area([(back_to - 2.4, foot - 4.5), (back_to + 2.4, foot - 4.5), (back_to, foot)], theme.MUTED)
        tip = f"{loop(row).said} from {name(row['from_stage'])}, {plural(row['crossings'], 'time')}"
        with sheet.mark(tip, stage=row["from_stage"]):
            label = sheet.write(
                _loop_text(view, row), label_left, y - 2.5, size=theme.SMALL, colour=theme.MUTED
            )
            sheet.card(label.box, theme.PAPER, z=2.5, rounding=1)
    return height


def _arc(start: float, end: float, foot: float, y: float) -> list[tuple[float, float]]:
    """Return a curve that rises at the start, runs level at y, and comes down at the end."""
    bend = min(16.0, (start - end) / 3)
    return [
        (start, foot),
        (start, y + (foot - y) / 3),
        (start, y),
        (start - bend, y),
        (start - bend, y),
        (end + bend, y),
        (end + bend, y),
        (end, y),
        (end, y + (foot - y) / 3),
        (end, foot),
    ]


def _loop_text(view: MapView, row: Row) -> str:
    return fit(loop(row).said, 1.6 * view.column, theme.SMALL)


def _span(view: MapView, row: Row) -> tuple[float, float, float, float]:
    """Where an arc lands and starts, and where its label begins and ends."""
    back_to = view.left(row["to"]) + (0.3 + 0.06 * (row["from"] - row["to"])) * view.column
    start = view.left(row["from"]) + (0.2 - 0.03 * (row["from"] - row["to"])) * view.column
    wide = width(_loop_text(view, row), theme.SMALL)
    left = min((back_to + start - wide) / 2, view.width - theme.MARGIN - wide)
    return back_to, start, max(left, view.left(0)), max(left, view.left(0)) + wide


def _levels(spans: list[tuple[float, float]]) -> Iterator[int]:
    """Give each span the lowest level where nothing given before lies in its way."""
    taken: list[list[tuple[float, float]]] = []
    for left, right in spans:
        level = next(
            (n for n, there in enumerate(taken) if all(right + 6 < a or b + 6 < left for a, b in there)),
            len(taken),
        )
        if level == len(taken):
            taken.append([])
        taken[level].append((left, right))
        yield level
