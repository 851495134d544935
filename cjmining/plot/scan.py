"""The picture of a scan: how many ended by stage and week, against how many usually would."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.path import Path

from cjmining.plot import theme
from cjmining.plot.data.scan import expect_scan, shown
from cjmining.plot.data.scan import scan as numbers_of
from cjmining.plot.scan_findings import Row, days_of, ended_so, listed, signed, who_of
from cjmining.plot.sheet import Point, Sheet
from cjmining.plot.text import Box, fit, width
from cjmining.plot.words import day, days, known, name, number, percent, plural

if TYPE_CHECKING:
    from datetime import datetime

    from matplotlib.axes import Axes

    from cjmining.dropout.scan import DropOutScan

_LEFT = theme.MARGIN + 128.0
_RIGHT = theme.PAGE - theme.MARGIN - 26.0
_HIGHEST = 96.0
_LOWEST = 26.0
_LANE = 13.0
_GAP = 18.0
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_COUNTS = tuple(step * 10**power for power in range(12) for step in (1, 2, 5))


def scan(
    places: DropOutScan,
    *,
    kind: str = "dropped",
    group: str | None = None,
    fewest: int = 1,
    dark: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw by stage and week how many ended there against how many usually would, and what stands out.

    Parameters
    ----------
    places : DropOutScan
        What `cj.scan` returned.
    kind : {"dropped", "turned away"}
        Who ended the journeys: the customer or the company.
    group : str, optional
        One of the personas in ``places.weeks``; default is everybody.
    fewest : int
        Of weeks in which fewer journeys entered a stage nothing is told, nor of findings about fewer.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure of the picture's own size. Type shrinks with the axes: to be
        read they should be about as large as ``ax.figure.get_size_inches()`` of that one says.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. `cj.plot.data.scan` has the numbers of the weeks, ``places.findings`` those of the findings.

    Raises
    ------
    LogError
        If `places` is not the result of a scan, there is no such kind or group, or `fewest` is no whole
        number of at least 1.

    Notes
    -----
    All stages have one scale. A solid frame is a finding that stands out: p, which allows for all the places
    looked at, is below 0.05. Findings that don't are dashed; at least three are shown, so that a reader sees
    what chance alone brings. A frame spans the weeks of a finding, which may be of a segment only: the bars
    are of everybody, or of the group. The latest weeks are hatched: their journeys are too young to be
    judged.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(1000, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> cj.plot.scan(cj.scan(cj.check(log, intended), replicates=20)).get_label()
    'Where and when drop-out stands out'
    """
    return scan_sheet(places, kind=kind, group=group, fewest=fewest).drawn_on(ax, dark=dark)


def scan_sheet(
    places: DropOutScan, *, kind: str = "dropped", group: str | None = None, fewest: int = 1
) -> Sheet:
    """Lay out the weeks of every stage, and below them the findings."""
    expect_scan(places)
    table = numbers_of(places, kind=kind, group=group, fewest=fewest)
    rows: list[Row] = table.to_dict("records")  # type: ignore[assignment]
    findings = shown(places, kind, group, fewest)
    sheet = Sheet()
    what = "drop-out stands out" if kind == "dropped" else "being turned away stands out"
    sheet.title = f"Where and when {what}"
    if group is not None:
        sheet.title += f": {name(group)}"
    sheet.description = _description(places, rows, findings, kind)
    y = _head(sheet, places, kind)
    if not rows:
        said = f"At no stage enough journeys {ended_so(kind)} to be looked at."
        sheet.height = sheet.paragraph(said, theme.MARGIN, y + 8, 800, colour=theme.MUTED) + 12
        return sheet
    frame = _Frame.of(places, rows)
    for stage in dict.fromkeys(row["stage"] for row in rows):
        own = [finding for finding in findings if finding["stage"] == stage]
        y = _panel(sheet, frame, [row for row in rows if row["stage"] == stage], own, y, kind)
    y = _weeks_axis(sheet, frame, y)
    y = listed(sheet, places, findings, y, kind)
    if few := sum(row["state"] == "few" for row in rows):
        said = (
            f"Not told: {plural(few, 'week')} of a stage in which fewer than {number(fewest)} journeys came."
        )
        y = sheet.paragraph(said, theme.MARGIN, y + 2, 840, size=theme.SMALL, colour=theme.MUTED)
    sheet.height = y + 12
    return sheet


class _Frame(NamedTuple):
    """The time axis, and how high a journey is."""

    first: datetime
    sees_until: datetime
    last: datetime
    unit: float
    step: int

    @classmethod
    def of(cls, places: DropOutScan, rows: list[Row]) -> _Frame:
        most = max((_top(row) for row in rows), default=0.0)
        step = next(count for count in _COUNTS if most / count <= 4)
        until = places.sees_until.to_pydatetime()
        last = max(until + places.horizon, rows[-1]["week"].to_pydatetime() + _WEEK)
        return cls(rows[0]["week"].to_pydatetime(), until, last, _HIGHEST / max(most, 1.0), step)

    def x(self, moment: datetime) -> float:
        return _LEFT + (_RIGHT - _LEFT) * ((moment - self.first) / (self.last - self.first))


def _top(row: Row) -> float:
    return max((row[key] for key in ("ended", "expected") if known(row[key])), default=0.0)


def _head(sheet: Sheet, places: DropOutScan, kind: str) -> float:
    y = sheet.paragraph(sheet.title, theme.MARGIN, 14, 840, size=15, bold=True, lines=1)
    within = days(places.horizon.total_seconds())
    said = (
        f"Journeys by the week in which they entered a stage: how many {ended_so(kind)} there within "
        f"{within} (bars), and how many usually would (line). One scale for all stages"
    )
    return sheet.paragraph(said, theme.MARGIN, y + 4, 840, colour=theme.MUTED, lines=2) + 6


# the weeks of a stage -------------------------------------------------------------------------------------


def _panel(sheet: Sheet, frame: _Frame, rows: list[Row], findings: list[Row], top: float, kind: str) -> float:
    """Draw a stage: frames of findings above its weeks, each with a line of its own; return where it ends."""
    high = max(_LOWEST, frame.unit * max(map(_top, rows)) + 4)
    area = Box(_LEFT, top + _LANE * len(findings) + _GAP, _RIGHT, top + _LANE * len(findings) + _GAP + high)
    with sheet.mark(_tip(rows, kind), stage=str(rows[0]["stage"])):
        _named(sheet, rows, area, kind)
        _bars(sheet, frame, rows, findings, area)
    _unseen(sheet, frame, area)
    _scale(sheet, frame, area)
    ordered = sorted(findings, key=lambda finding: finding["start"], reverse=True)
    for lane, finding in enumerate(ordered):
        with sheet.mark(str(finding["sentence"]), stage=str(finding["stage"])):
            _framed(sheet, frame, finding, area, area.top - 8 - _LANE * lane)
    return area.bottom


def _tip(rows: list[Row], kind: str) -> str:
    entered, ended, expected = _sums(rows)
    return (
        f"{name(rows[0]['stage'])}: of {number(entered)} journeys that entered, {number(ended)} "
        f"{ended_so(kind)} there, {number(expected)} usually would"
    )


def _sums(rows: list[Row]) -> list[float]:
    keys = ("entered", "ended", "expected")
    return [sum(row[key] for row in rows if known(row[key])) for key in keys]


def _named(sheet: Sheet, rows: list[Row], area: Box, kind: str) -> None:
    entered, ended, _ = _sums(rows)
    room = _LEFT - theme.MARGIN - 12
    bottom = area.bottom
    sheet.write(
        fit(name(rows[0]["stage"]), room, 10, bold=True), theme.MARGIN, bottom - 13, size=10, bold=True
    )
    said = f"{number(ended)} of {number(entered)} {ended_so(kind).removeprefix('were ')}"
    sheet.write(fit(said, room, 7.5), theme.MARGIN, bottom - 1, size=7.5, colour=theme.MUTED)


def _bars(sheet: Sheet, frame: _Frame, rows: list[Row], findings: list[Row], area: Box) -> None:
    """Draw the bars as one path, what exceeds the usual where that stands out as another, and the usual."""
    standing = [finding for finding in findings if finding["stands_out"]]
    bars: list[Box] = []
    above: list[Box] = []
    for row in rows:
        left, right = _span(frame, row)
        if not row["ended"] > 0 or right <= left:
            continue
        gap = (right - left) * 0.14
        bar = Box(left + gap, area.bottom - frame.unit * row["ended"], right - gap, area.bottom)
        bars.append(bar)
        usual = area.bottom - frame.unit * row["expected"]
        if usual > bar.top and any(one["start"] <= row["week"] < one["end"] for one in standing):
            above.append(bar._replace(bottom=usual))
    sheet.line([(area.left, area.bottom), (area.right, area.bottom)], colour=theme.MUTED, width=0.6)
    for boxes, fill in ((bars, theme.RIBBON), (above, theme.DROPPED)):
        if boxes:
            sheet.outline(Path.make_compound_path(*map(_rectangle, boxes)), fill)
    for piece in _usual(frame, rows, area.bottom):
        sheet.line(piece, colour=theme.INK, width=1.3, z=3)


def _usual(frame: _Frame, rows: list[Row], bottom: float) -> list[list[Point]]:
    """Return the line of what is usual, in pieces: a week that is seen in part has one of its own."""
    pieces: list[list[Point]] = [[]]
    for row in rows:
        left, right = _span(frame, row)
        if not known(row["expected"]) or row["state"] == "in part":
            pieces.append([])
        if known(row["expected"]) and right > left:
            usual = bottom - frame.unit * row["expected"]
            pieces[-1] += [(left, usual), (right, usual)]
    return [piece for piece in pieces if piece]


def _span(frame: _Frame, row: Row) -> tuple[float, float]:
    """Return from where to where a week reaches, as far as the scan sees; of less than a day nothing."""
    start = row["week"].to_pydatetime()
    end = min(start + _WEEK, frame.sees_until)
    return frame.x(start), frame.x(end if end - start >= _DAY else start)


def _rectangle(area: Box) -> Path:
    left, top, right, bottom = area
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path([(left, bottom), (left, top), (right, top), (right, bottom), (left, bottom)], codes)


def _unseen(sheet: Sheet, frame: _Frame, area: Box) -> None:
    left = frame.x(frame.sees_until)
    if area.right - left < 1:
        return
    with sheet.mark("too young to be judged"):
        corners = [(left, area.top), (area.right, area.top), (area.right, area.bottom), (left, area.bottom)]
        sheet.area(corners, theme.PAPER, edge=theme.OFF_MAP, hatch=theme.OPEN_HATCH, z=0.6)


def _scale(sheet: Sheet, frame: _Frame, area: Box) -> None:
    """Draw lines at round counts, and say them at the right."""
    for count in range(frame.step, 10 * frame.step, frame.step):
        y = area.bottom - frame.unit * count
        if y < area.top - 2:
            return
        sheet.line([(area.left, y), (area.right, y)], colour=theme.RULE, width=0.5, z=0.5)
        told = number(count) if count < 100_000 else f"{number(count / 1000)}k"
        sheet.write(told, area.right + 5, y + 3, size=7.5, colour=theme.MUTED)


def _framed(sheet: Sheet, frame: _Frame, finding: Row, area: Box, baseline: float) -> None:
    """Frame the weeks of a finding, and say above them who and how many too many.

    Of several the latest is said lowest, so that what leads from the words to the frame crosses no words.
    """
    left, right = frame.x(finding["start"].to_pydatetime()), frame.x(finding["end"].to_pydatetime())
    bold = bool(finding["stands_out"])
    colour, thick = (theme.INK, 1.8) if bold else (theme.MUTED, 0.8)
    top = area.top - 4
    around = [(left, area.bottom), (left, top), (right, top), (right, area.bottom)]
    sheet.line(around, colour=colour, width=thick, dashed=not bold, z=4)
    number_of, excess = f"{finding['rank']}. ", f": {signed(finding)}"
    room = min(220, _RIGHT - _LEFT - width(number_of + excess, theme.SMALL, bold=bold))
    said = number_of + fit(who_of(finding), room, theme.SMALL, bold=bold) + excess
    at = max(_LEFT, min(left + 3, _RIGHT - width(said, theme.SMALL, bold=bold)))
    if baseline < area.top - 8:
        sheet.line([(left, top), (left, baseline - 6)], colour=colour, width=0.6)
    sheet.write(said, at, baseline, size=theme.SMALL, bold=bold, colour=colour)


def _weeks_axis(sheet: Sheet, frame: _Frame, y: float) -> float:
    """Write the months below the last stage, and what the hatching means."""
    month = frame.first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    free = 0.0
    while month < frame.last:
        at = max(frame.x(month), _LEFT)
        said = f"{month:%B}" if frame.x(month) >= _LEFT else ""
        if said and (month.month == 1 or free == 0.0):
            said += f" {month:%Y}"
        if said:
            sheet.line([(at, y), (at, y + 4)], colour=theme.MUTED)
        if said and at >= free and at + width(said, theme.SMALL) < _RIGHT:
            sheet.write(said, at, y + 15, size=theme.SMALL, colour=theme.MUTED)
            free = at + width(said, theme.SMALL) + 10
        month = (month + timedelta(days=32)).replace(day=1)
    said = f"hatched: entered after {day(frame.sees_until)}, too young to be judged"
    sheet.write(said, _RIGHT, y + 27, size=theme.SMALL, colour=theme.MUTED, align="right")
    return y + 34


def _description(places: DropOutScan, rows: list[Row], findings: list[Row], kind: str) -> str:
    stages = len({row["stage"] for row in rows})
    said = (
        f"How many journeys {ended_so(kind)} by week at {plural(stages, 'stage')}, against how many usually "
        f"would; {plural(places.looked_at, 'place')} were looked at."
    )
    standing = [_in_short(finding) for finding in findings if finding["stands_out"]]
    return " ".join([said, *(standing[:3] or ["Nothing stands out."])])


def _in_short(finding: Row) -> str:
    return (
        f"{name(finding['stage'])}, {who_of(finding)}, {days_of(finding)}: {percent(finding['share'])} of "
        f"{number(finding['entered'])}, usually {percent(finding['expected_share'])}."
    )
