"""How journeys flow through the stages, as bands as wide as they are many; what leaves a stage falls off."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cjmining.plot import theme
from cjmining.plot.bands import across, around, over
from cjmining.plot.choose import expect_check
from cjmining.plot.data.flow import FlowView, Station, Strand, flow_view
from cjmining.plot.flow_places import BAR, BEND, LATER, STUB, Page
from cjmining.plot.sheet import Sheet
from cjmining.plot.text import Box, width
from cjmining.plot.words import known, name, number, percent, plural, share_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from cjmining.conformance import Conformance
    from cjmining.plot.theme import Colour

_FALL = 22.0


class _Leaving(NamedTuple):
    key: str
    said: str
    colour: Colour
    fill: Colour
    hatch: str | None


_LEAVING = (
    _Leaving("dropped", "dropped out", theme.DROPPED, theme.DROPPED, None),
    _Leaving(
        "turned_away", "turned away", theme.TURNED_AWAY, theme.TURNED_AWAY_FILL, theme.TURNED_AWAY_HATCH
    ),
    _Leaving("open", "still open", theme.OPEN, theme.OPEN_FILL, theme.OPEN_HATCH),
)
"""What falls off a stage, the one nearest to it first."""
_GOAL = _Leaving("converted", "reached the goal", theme.CONVERTED, theme.CONVERTED, None)


def flow(
    check: Conformance, *, persona: str | None = None, dark: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw how journeys move from stage to stage, and how many leave at each.

    A bar stands for a stage, as high as journeys came there, each time anew. Bands to the right lead on,
    bands around above skip stages or lead back, what falls off below leaves: dropped out, turned away, still
    open. What reaches the goal ends in an arrow. All widths have one scale: at each bar, what comes in is as
    wide as what goes out.

    Parameters
    ----------
    check : Conformance
        What `cj.check` returned.
    persona : str, optional
        One of ``check.groups``; default is everybody.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure of the picture's own size. Type shrinks with the axes: to be
        read they should be about as large as ``ax.figure.get_size_inches()`` of that one says.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.figure`` is the figure, to save it for instance. In a notebook they show themselves.
        `cj.plot.data.flow` has its numbers.

    Raises
    ------
    LogError
        If `check` is not the result of a check, or has no such persona.

    Notes
    -----
    A NaN in place of a stage's `entered` says that the number is withheld because it is small; the picture
    then says "few". Ways around that fewer than 0.5 % of the journeys take are counted, not drawn.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> ax = cj.plot.flow(cj.check(log, intended))
    >>> ax.get_label()
    'Flow: Online purchase'
    >>> ax.figure.savefig("flow.png")  # doctest: +SKIP
    """
    return flow_sheet(check, persona=persona).drawn_on(ax, dark=dark)


def flow_sheet(check: Conformance, *, persona: str | None = None, least: int = 1) -> Sheet:
    """Lay out the flow; what is about fewer than `least` journeys is withheld."""
    expect_check(check, "cj.plot.flow")
    view = flow_view(check, persona=persona, least=least)
    page = Page(view)
    sheet = Sheet(width=page.width)
    y = _heads(sheet, page, _title(sheet, view))
    top = y + page.lanes_high + (12 if page.lane_of else 4)
    for strand in page.drawn:
        _strand(sheet, page, strand, top)
    lowest = top + max((station.visits for station in view.stations), default=0) * page.scale
    bottom = max(_station(sheet, page, place, top, lowest) for place in range(len(view.stations)))
    sheet.height = _notes(sheet, page, bottom + 8)
    sheet.description = _description(view)
    return sheet


def _title(sheet: Sheet, view: FlowView) -> float:
    who = f": {name(view.group)}" if view.group else ""
    sheet.title = f"Flow: {view.title}{who}"
    room = sheet.width - 2 * theme.MARGIN
    y = sheet.paragraph(f"{view.title}{who}", theme.MARGIN, 14, room, size=15, bold=True, lines=2)
    return sheet.paragraph(_outcomes(view), theme.MARGIN, y + 1, room, colour=theme.MUTED, lines=2) + 12


def _outcomes(view: FlowView) -> str:
    journeys = int(view.outcomes["journeys"])
    parts = [
        f"{number(view.outcomes[kind.key])} {kind.said} ({percent(view.outcomes[kind.key] / journeys)})"
        for kind in (_GOAL, *_LEAVING)
        if view.outcomes[kind.key]
    ]
    return f"{plural(journeys, 'journey')}: {', '.join(parts)}" if parts else plural(journeys, "journey")


def _heads(sheet: Sheet, page: Page, y: float) -> float:
    """Write above each column the stage, how many entered, begin there and come again."""
    lowest = y
    for place, station in enumerate(page.view.stations):
        x, room = page.bar(place), page.pitch - STUB - 4
        top = sheet.paragraph(name(station.name), x, y, room, size=theme.HEAD, bold=True, lines=2)
        hidden = any(strand.end == place for strand in page.view.hidden)
        for text, colour in _counts(station, hidden):
            top = sheet.paragraph(text, x, top, room, colour=colour, lines=2)
        lowest = max(lowest, top)
    return lowest


def _counts(station: Station, hidden: bool) -> Iterator[tuple[str, Colour]]:
    entered = int(station.row["entered"])
    yield ("few entered" if station.few else f"{number(entered)} entered"), theme.INK
    if station.begins and entered:
        begins = "all begin here" if station.begins == entered else f"{number(station.begins)} begin here"
        yield begins, theme.MUTED
    if station.again and not hidden:  # the difference would tell of those that are hidden
        yield f"{number(station.again)} come again", theme.MUTED


def _strand(sheet: Sheet, page: Page, strand: Strand, top: float) -> None:
    """Draw the moves from one stage to another, with their number."""
    thick = page.thick(strand.moves)
    begin, end = page.bar(strand.start) + BAR, page.bar(strand.end)
    y0, y1 = top + page.out_at[strand], top + page.in_at[strand]
    stations = page.view.stations
    with sheet.mark(_tip(strand, stations), stage=stations[strand.start].name):
        if strand in page.lane_of and strand.end > strand.start:
            _ahead(sheet, page, strand, top, (begin, y0), (end, y1))
            return
        if strand in page.lane_of:
            _around(sheet, page, strand, top, (begin, y0 + thick / 2), (end, y1 + thick / 2))
            return
        colour = theme.AFTER_GOAL if strand.kind == LATER else theme.RIBBON
        sheet.outline(across((begin, y0), (end, y1), max(thick, 0.5)), colour)
        label = number(strand.moves)
        middle, level = (begin + end) / 2, (y0 + y1 + thick) / 2
        if thick >= 9 and width(label, theme.BODY) < end - begin - 8:
            sheet.write(label, middle, level + 3.2, align="center")
        else:
            line = sheet.write(label, middle, level - thick / 2 - 3, size=theme.SMALL, align="center")
            sheet.card(line.box, theme.PAPER, z=1.3, rounding=1)


def _tip(strand: Strand, stations: Sequence[Station]) -> str:
    start, end = name(stations[strand.start].name), name(stations[strand.end].name)
    entered = int(stations[strand.start].row["entered"])
    share = f" ({share_of(strand.journeys, entered)} that entered {start})" if entered else ""
    times = f", {plural(strand.moves, 'time')} in all" if strand.moves != strand.journeys else ""
    way = " after the goal" if strand.kind == LATER else ""
    to = f"back to {end}{way}" if strand.end < strand.start else f"to {end}{way}"
    return f"{start}, {to}: {plural(strand.journeys, 'journey')}{share}{times}"


def _ahead(
    sheet: Sheet,
    page: Page,
    strand: Strand,
    top: float,
    start: tuple[float, float],
    end: tuple[float, float],
) -> None:
    """Draw a way that skips stages: up between two bars, over those that are skipped, and down."""
    up, thick = page.lane_of[strand]
    left, right = page.bar(strand.start + 1) - 6, page.bar(strand.end - 1) + BAR + 6
    level = top - up - thick
    later = strand.kind == LATER
    path = over(start, ((left, level), right), end, max(thick, 0.6))
    sheet.outline(path, theme.AFTER_GOAL if later else theme.RIBBON, edge=theme.PAPER, z=1.1)
    room = right - left + page.pitch / 2
    _told(sheet, page, strand, "skip ahead", (left + right) / 2, level - 3, room)


def _told(
    sheet: Sheet, page: Page, strand: Strand, way: str, middle: float, baseline: float, room: float
) -> None:
    """Write how many go a way and where it leads, or, where there is no room for that, how many alone."""
    count = number(strand.moves)
    whole = f"{count} {way} to {name(page.view.stations[strand.end].name)}"
    text = next((t for t in (whole, f"{count} {way}") if width(t, theme.SMALL) <= room), count)
    line = sheet.write(text, middle, baseline, size=theme.SMALL, colour=theme.MUTED, align="center")
    sheet.card(line.box, theme.PAPER, z=1.2, rounding=1)


def _around(
    sheet: Sheet,
    page: Page,
    strand: Strand,
    top: float,
    start: tuple[float, float],
    end: tuple[float, float],
) -> None:
    """Draw a way that leads back: up, along above the bars, and down."""
    up, thick = page.lane_of[strand]
    level = top - up - thick / 2
    out = start[0] + BEND + thick / 2 + page.out_at[strand] + 2
    into = end[0] - BEND - thick / 2 - page.in_at[strand] - 8
    corners = [start, (out, start[1]), (out, level), (into, level), (into, end[1]), end]
    path = around(corners, max(thick, 0.6), BEND)
    sheet.outline(path, theme.paler(theme.BACK), edge=theme.BACK, z=1.1)
    tip = 3.0 + thick / 2
    head = [(end[0] - 5, end[1] - tip), (end[0], end[1]), (end[0] - 5, end[1] + tip)]
    sheet.area(head, theme.BACK, z=1.2)
    room = abs(out - into) - thick - 2 * BEND
    _told(sheet, page, strand, "back", (out + into) / 2, level - thick / 2 - 3, room)


def _station(sheet: Sheet, page: Page, place: int, top: float, lowest: float) -> float:
    """Draw a stage's bar and what begins and ends there; return the bottom of the words below."""
    station = page.view.stations[place]
    x = page.bar(place)
    high = page.thick(station.visits)
    with sheet.mark(_station_tip(station), stage=station.name):
        if station.few:
            sheet.card(Box(x, top, x + BAR, top + 10), theme.PAPER, edge=theme.MUTED, z=3, rounding=0)
            return lowest
        sheet.card(Box(x, top, x + BAR, top + max(high, 0.8)), theme.DISC, z=3, rounding=0)
        if station.later:  # what came after the goal, below what goes on and what converts here
            upper = top + page.goal_at(place) + page.thick(station.row["converted"])
            lower = upper + max(page.thick(station.later), 0.8)
            sheet.card(Box(x, upper, x + BAR, lower), theme.CONVERTED, z=3.1, rounding=0)
        if station.begins:
            _beginning(sheet, x, top + high - page.thick(station.begins), top + high)
    _goal(sheet, page, station, place, top)
    _falls(sheet, page, station, x + BAR, top + high, lowest + _FALL)
    return _labels(sheet, page, station, x, lowest + _FALL + 8)


def _station_tip(station: Station) -> str:
    if station.few:
        return f"{name(station.name)}: few entered"
    row = station.row
    ends = [f"{number(row[kind.key])} {kind.said}" for kind in (_GOAL, *_LEAVING) if row[kind.key]]
    return f"{name(station.name)}: " + ", ".join([f"{number(row['entered'])} entered", *ends])


def _beginning(sheet: Sheet, x: float, upper: float, lower: float) -> None:
    """Draw what begins in a stage: a block before its bar, notched where it begins."""
    left, notch = x - STUB, min(5.0, (lower - upper) / 2)
    corners = [(left, upper), (x, upper), (x, lower), (left, lower), (left + notch, (upper + lower) / 2)]
    sheet.area(corners, theme.RIBBON)


def _goal(sheet: Sheet, page: Page, station: Station, place: int, top: float) -> None:
    """Draw what reaches the goal: an arrow."""
    count = station.row["converted"]
    if not count:
        return
    x, y = page.bar(place) + BAR, top + page.goal_at(place)
    thick = page.thick(count)
    end, tip = x + 0.3 * page.pitch, min(9.0, thick / 2)
    corners = [(x, y), (end - tip, y), (end, y + thick / 2), (end - tip, y + thick), (x, y + thick)]
    with sheet.mark(_leaving_tip(station, _GOAL), stage=station.name):
        sheet.area(corners, theme.CONVERTED, edge=theme.CONVERTED, z=1.6)


def _falls(sheet: Sheet, page: Page, station: Station, x: float, y: float, foot: float) -> None:
    """Draw what leaves: bands that bend down from the lower end of the bar, the lowest nearest to it."""
    out = x + BEND
    for kind in _LEAVING:
        count = station.row[kind.key]
        if not count:
            continue
        thick = page.thick(count)
        middle = y - thick / 2
        with sheet.mark(_leaving_tip(station, kind), stage=station.name):
            corners = [(x, middle), (out + thick / 2, middle), (out + thick / 2, foot)]
            path = around(corners, max(thick, 0.6), max(BEND, out - x))
            sheet.outline(path, kind.fill, edge=kind.colour, hatch=kind.hatch, z=1.5)
        y -= thick
        out += thick + 2


def _leaving_tip(station: Station, kind: _Leaving) -> str:
    count, entered = int(station.row[kind.key]), int(station.row["entered"])
    return f"{name(station.name)}: {number(count)} {kind.said}, {share_of(count, entered)} that entered"


def _labels(sheet: Sheet, page: Page, station: Station, x: float, y: float) -> float:
    """Say in numbers what leaves; drop-out with its probability, its interval and its denominator."""
    room, row = page.pitch - STUB - 6, station.row
    if not row["entered"]:
        return y

    def small(text: str, top: float) -> float:
        return sheet.paragraph(text, x, top, room, size=theme.SMALL, colour=theme.MUTED, lines=3)

    if station.after:
        return sheet.paragraph("after the goal; none end here", x, y, room, colour=theme.MUTED, lines=2)
    if row["after_goal"]:
        y = small(f"{share_of(row['after_goal'], row['entered'])} came only after the goal", y) + 3
    for kind in (_GOAL, *_LEAVING):
        count = row[kind.key]
        if count or kind.key == "dropped":
            strong = bool(count) and kind.key in {"dropped", "converted"}
            said = f"{number(count)} {kind.said}" + (
                "" if strong else f" ({percent(count / row['entered'])})"
            )
            colour = kind.colour if count else theme.MUTED
            y = sheet.paragraph(said, x, y, room, colour=colour, bold=strong, lines=3)
        if count and kind.key == "converted":
            y = small(f"{share_of(count, row['entered'])} entered", y) + 3
        if kind.key == "dropped":
            y = small(f"{share_of(count, row['entered'])} entered", y) if count else y
            y = small(_risk(station, page.view.horizon), y) + 3
    return y


def _risk(station: Station, horizon: str) -> str:
    row = station.row
    if not row["mature"]:
        return "none old enough to know"
    if not known(row["drop_out_share"]):
        return "few old enough to know"
    share = percent(row["drop_out_share"], row["lower"], row["upper"])
    return f"{share} of {number(row['mature'])} within {horizon}"


def _notes(sheet: Sheet, page: Page, y: float) -> float:
    view = page.view
    parts = [
        "Widths: how often journeys came and went; entered: each journey once, however often it came.",
        f"Within {view.horizon}: of those that entered early enough to know, with 95 % limits (Wilson).",
    ]
    if page.rare:
        moves = sum(strand.moves for strand in page.rare)
        parts.append(
            f"Not drawn: {plural(len(page.rare), 'rarer way')} back or ahead, taken {plural(moves, 'time')}."
        )
    if view.hidden:
        parts.append("Ways that few take are not told.")
    if view.before is not None and view.before["entered"]:
        ended = [f"{number(view.before[k.key])} {k.said}" for k in _LEAVING if view.before[k.key]]
        began = f"{plural(view.before['entered'], 'journey')} began before the map"
        parts.append(f"{began}; {', '.join(ended)} there." if ended else f"{began}.")
    if view.few_before:
        parts.append("Few began before the map: only the outcomes above count them.")
    room = sheet.width - 2 * theme.MARGIN
    sheet.rule(y)
    return (
        sheet.paragraph(" ".join(parts), theme.MARGIN, y + 5, room, size=theme.SMALL, colour=theme.MUTED) + 12
    )


def _description(view: FlowView) -> str:
    parts = [_outcomes(view) + "."]
    lost = [s for s in view.stations if s.row["dropped"]]
    if lost:
        worst = max(lost, key=lambda s: (s.row["dropped"], s.name))
        dropped, entered = worst.row["dropped"], worst.row["entered"]
        said = f"{number(dropped)} of {number(entered)} that entered ({percent(dropped / entered)})"
        parts.append(f"Most drop out in {name(worst.name)}: {said}.")
    entered_ = [f"{name(s.name)} {'few' if s.few else number(s.row['entered'])}" for s in view.stations]
    parts.append(f"Journeys that entered: {', '.join(entered_)}.")
    back = [s for s in view.strands if s.kind == "back"]
    if back:
        most = max(back, key=lambda s: (s.moves, s.start, s.end))
        start, end = (name(view.stations[place].name) for place in (most.start, most.end))
        parts.append(f"The way back most taken leads from {start} to {end}, {plural(most.moves, 'time')}.")
    return " ".join(parts)
