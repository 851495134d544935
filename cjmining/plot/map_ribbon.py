"""Who stays and who leaves: a ribbon as thick as the journeys in each stage; what ends there falls off it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.path import Path

from cjmining.plot import theme
from cjmining.plot.map_view import GUTTER
from cjmining.plot.text import fit, width
from cjmining.plot.words import known, name, number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cjmining.plot.choose import Row
    from cjmining.plot.map_view import MapView
    from cjmining.plot.sheet import Sheet
    from cjmining.plot.theme import Colour

_THICKEST = 64.0
_FALL = 15.0
_BEND = 5.0
_LEVEL = 17.0
_SEAM = 0.6
"""Pieces of the ribbon overlap this much, so that no line shows between them."""
_MOST_LOOPS = 5
_LEAST_LOOP = 0.005
"""Ways back that fewer take than this share of the journeys are counted, not drawn."""
_LEAVING = (
    ("dropped", "dropped out", theme.DROPPED, theme.DROPPED, None),
    ("turned_away", "turned away", theme.TURNED_AWAY, theme.TURNED_AWAY_FILL, theme.TURNED_AWAY_HATCH),
    ("open", "still open", theme.OPEN, theme.OPEN_FILL, theme.OPEN_HATCH),
)


def who_stays(sheet: Sheet, view: MapView, y: float) -> float:
    """Draw the ribbon with its loops above and its losses below."""
    from cjmining.plot.map_bands import band_name  # the bands share one way to write a name

    sheet.rule(y)
    loops = _loops_back(view)
    side = band_name(
        sheet,
        y,
        "Who stays",
        "thickness: journeys that entered, some begin later; falling off: those that end here",
    )
    side = _before_the_map(sheet, view, side)
    least = _LEAST_LOOP * view.outcomes["journeys"]
    drawn = [row for row in loops[:_MOST_LOOPS] if row["journeys"] >= least]
    levels = _draw_loops(sheet, view, _inner_first(drawn), y + 8)
    top = y + 8 + levels * _LEVEL + 6
    if loops[len(drawn) :]:
        rest = sum(int(row["crossings"]) for row in loops[len(drawn) :])
        text = f"not drawn: {plural(len(loops) - len(drawn), 'rarer way')} back, taken {plural(rest, 'time')}"
        side = sheet.paragraph(
            text, theme.MARGIN, side + 4, GUTTER - 14, size=theme.SMALL, colour=theme.MUTED
        )
    thickest = max((row["entered"] for row in view.stages), default=0)
    scale = _THICKEST / thickest if thickest else 0.0
    bottoms = [_stage(sheet, view, position, top, scale) for position in range(len(view.stages))]
    return max([side, *bottoms, top + _THICKEST]) + 10


def _before_the_map(sheet: Sheet, view: MapView, y: float) -> float:
    """Journeys that began off the map have no column for that; they are told at the side."""
    row = view.before
    if row is None or not row["entered"]:
        return y
    ended = [f"{number(row[key])} {label}" for key, label, *_ in _LEAVING if row[key]]
    text = f"{plural(row['entered'], 'journey')} began before the map" + "".join(f", {end}" for end in ended)
    return sheet.paragraph(text, theme.MARGIN, y + 5, GUTTER - 14, size=theme.SMALL)


def _stage(sheet: Sheet, view: MapView, position: int, top: float, scale: float) -> float:
    """Draw one stage's piece of the ribbon and what falls off it; return the bottom of its labels."""
    row = view.stages[position]
    left, right = view.left(position), view.left(position) + view.column
    x, thick = left + _run_in(view), row["entered"] * scale
    if position == 0:
        sheet.area([(left, top), (x, top), (x, top + thick), (left, top + thick)], theme.RIBBON)
    foot = top + thick + _FALL + 4
    for key, _, colour, fill, hatch in _LEAVING:
        part = row[key] * scale
        if not row[key]:
            continue
        sheet.outline(_falling(x, top + thick, part), fill, edge=colour, hatch=hatch)
        reach = x + _BEND + part + 3
        thick -= part
        sheet.area(
            [(x - _SEAM, top), (reach, top), (reach, top + thick), (x - _SEAM, top + thick)], theme.RIBBON
        )
        x = reach
    x = _goal(sheet, row, x, right, top, scale)
    _onward(sheet, view, position, x, top, scale)
    return _labels(sheet, view, row, left, foot)


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


def _goal(sheet: Sheet, row: Row, x: float, right: float, top: float, scale: float) -> float:
    """Colour those who reached the goal here: they end in an arrow at the column's edge."""
    if not row["converted"]:
        return x
    above, below = top + row["continued"] * scale, top + (row["continued"] + row["converted"]) * scale
    tip = min(8.0, 0.4 * (below - above) + 1)
    middle = (above + below) / 2
    end = right - 12
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
            sheet.area([(x, top), (end, top), (end, here), (x, here)], _colour(view, row))
        return
    onward = view.stages[position + 1]
    there = top + onward["entered"] * scale
    end = view.left(position + 1) + _run_in(view)
    if not row["continued"]:  # a new beginning: nobody comes from here, or only those who reached the goal
        left = view.left(position + 1)
        sheet.area([(left, top), (end, top), (end, there), (left, there)], _colour(view, onward))
        return
    middle = (x + end) / 2
    x -= _SEAM
    points = [(x, top), (end, top), (end, there), (middle, there), (middle, here), (x, here), (x, top)]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.CLOSEPOLY]
    sheet.outline(Path(points, codes), theme.RIBBON)


def _labels(sheet: Sheet, view: MapView, row: Row, left: float, y: float) -> float:
    """Say in numbers what the strips show; drop-out with its share, its interval and its denominator."""
    x = left + 5
    if _after_goal(view, row):
        return sheet.paragraph("after the goal; none end here", x, y, view.room, colour=theme.MUTED)
    for key, label, colour, *_ in _LEAVING:
        if row[key]:
            strong = key == "dropped"
            y = sheet.paragraph(f"{number(row[key])} {label}", x, y, view.room, colour=colour, bold=strong)
        if key == "dropped" and row["mature"] and known(row["drop_out_share"]):
            y = _share(sheet, view, row, x, y)
    if row["converted"]:
        text = f"{number(row['converted'])} reached the goal"
        y = sheet.paragraph(text, x, y, view.room, colour=theme.CONVERTED, bold=True)
    return y


def _share(sheet: Sheet, view: MapView, row: Row, x: float, y: float) -> float:
    if not row["dropped"]:
        y = sheet.paragraph("0 dropped out", x, y, view.room, colour=theme.MUTED)
    share = percent(row["drop_out_share"], row["lower"], row["upper"])
    y = sheet.paragraph(
        f"{share} of {number(row['mature'])}", x, y, view.room, size=theme.SMALL, colour=theme.MUTED
    )
    return sheet.paragraph(f"within {view.horizon}", x, y, view.room, size=theme.SMALL, colour=theme.MUTED)


def _after_goal(view: MapView, row: Row) -> bool:
    """Say whether a stage is planned after the goal: who comes here has converted, so none can end here."""
    before = view.stages[: view.stages.index(row)]
    ended = sum(row[key] for key in ("converted", "dropped", "turned_away", "open"))
    return bool(row["entered"]) and not ended and any(earlier["converted"] for earlier in before)


def _colour(view: MapView, row: Row) -> Colour:
    return theme.AFTER_GOAL if _after_goal(view, row) else theme.RIBBON


def _loops_back(view: MapView) -> list[Row]:
    """Ways back to an earlier stage, the most used first."""
    order = {row["stage"]: position for position, row in enumerate(view.stages)}
    back = [
        {**row, "from": order[row["from_stage"]], "to": order[row["to_stage"]]}
        for row in view.flows
        if order.get(row["from_stage"], -1) > order.get(row["to_stage"], 99) and row["journeys"]
    ]
    return sorted(back, key=lambda row: (-row["journeys"], row["from"], row["to"]))


def _inner_first(loops: list[Row]) -> list[Row]:
    return sorted(loops, key=lambda row: (row["from"] - row["to"], row["from"]))


def _draw_loops(sheet: Sheet, view: MapView, loops: list[Row], top: float) -> int:
    """Draw each loop as a thin arc with its count; those that would cross each other lie on levels."""
    spans = [_span(view, row) for row in loops]
    levels = list(
        _levels([(min(a, label_left), max(b, label_right)) for a, b, label_left, label_right in spans])
    )
    height = max(levels, default=-1) + 1
    for row, (back_to, start, label_left, _), level in zip(loops, spans, levels, strict=True):
        y, foot = top + (height - 1 - level) * _LEVEL + 9, top + height * _LEVEL + 4
        bend = min(10.0, (start - back_to) / 4)
        sheet.curve(
            [
                (start, foot),
                (start, y),
                (start, y),
                (start - bend, y),
                (start - bend, y),
                (back_to + bend, y),
                (back_to + bend, y),
                (back_to, y),
                (back_to, y),
                (back_to, foot),
            ],
            colour=theme.MUTED,
        )
        sheet.area([(back_to - 2.2, foot - 4), (back_to + 2.2, foot - 4), (back_to, foot)], theme.MUTED)
        label = sheet.write(_loop_text(view, row), label_left, y - 2.5, size=theme.SMALL, colour=theme.MUTED)
        sheet.card(label.box, theme.PAPER, z=2.5, rounding=1)
    return height


def _loop_text(view: MapView, row: Row) -> str:
    return f"{number(row['journeys'])} back to {fit(name(row['to_stage']), 1.2 * view.column, theme.SMALL)}"


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
