"""The heat map: who drops out where, a row a group and a column a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cjmining.plot import theme
from cjmining.plot.choose import ALL
from cjmining.plot.data.heat_map import FEWEST
from cjmining.plot.data.heat_map import heat_map as numbers_of
from cjmining.plot.sheet import Sheet
from cjmining.plot.text import Box, width, wrap
from cjmining.plot.words import days, known, limits, name, number, percent, plural
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cjmining.conformance import Conformance
    from cjmining.plot.theme import Colour

_NAMES = 132.0
_NARROWEST = 90.0
_WIDEST = 132.0
_CELL = 54.0
_GAP = 3.0
_INSET = 8.0
_RAMP = 180.0
_WITH_WORDS = 6
"""Drawn with the type upon it, what belongs to a cell is one group in SVG."""
_SHARE_STEPS = (0.05, *(step / 10 for step in range(1, 11)))

_DRAWN = frozenset({"framed", "dashed", "few", "withheld"})
"""Signs of the legend that have a sample."""

Cell = dict[str, Any]


def heat_map(check: Conformance, *, fewest: int = FEWEST, dark: bool = False, ax: Axes | None = None) -> Axes:
    """Draw how likely each group is to drop out at each stage, with limits and how many journeys tell so.

    Parameters
    ----------
    check : Conformance
        What `cj.check` returned; without `by` there is the row of everybody alone.
    fewest : int
        A cell of fewer journeys has no share: it is hatched, and says how many there are.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure of the picture's own size. Type shrinks with the axes: to be
        read they should be about as large as ``ax.figure.get_size_inches()`` of that one says.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. `cj.plot.data.heat_map` has the numbers drawn.

    Raises
    ------
    LogError
        If `check` is not the result of a check, or `fewest` is no whole number of at least 1.

    Notes
    -----
    A cell is a share of the journeys that entered the stage at least horizon and patience before the data
    end, so that all had the same time to leave; its limits are Wilson's, at 95 %. A thick frame is a group
    that stands out from the others together as ``check.standouts`` has it, a dashed one a group that differs
    with q below 0.05 only: an association, not a cause.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> cj.plot.heat_map(cj.check(log, intended, by="persona")).get_label()
    'Who drops out where'
    """
    return heat_map_sheet(check, fewest=fewest).drawn_on(ax, dark=dark)


def heat_map_sheet(check: Conformance, *, fewest: int = FEWEST) -> Sheet:
    """Lay out the heat map."""
    cells: list[Cell] = numbers_of(check, fewest=fewest).to_dict("records")  # type: ignore[assignment]
    stages, groups = (list(dict.fromkeys(cell[column] for cell in cells)) for column in ("stage", "by"))
    sheet = Sheet(width=max(theme.PAGE, 2 * theme.MARGIN + _NAMES + len(stages) * _NARROWEST))
    sheet.title = "Who drops out where"
    sheet.description = _description(cells, len(stages), check)
    grid = _Grid(sheet, stages)
    top = _highest(cells)
    y = _columns(grid, stages, _head(sheet, check))
    for group in groups:
        _row(grid, group, [cell for cell in cells if cell["by"] == group], y, top, fewest)
        y += _CELL + (3 * _GAP if group == ALL and len(groups) > 1 else _GAP)
    sheet.height = _legend(sheet, cells, y + 16, top, fewest) + 14
    return sheet


class _Grid:
    """Where the columns lie."""

    def __init__(self, sheet: Sheet, stages: list[str]) -> None:
        self.sheet = sheet
        room = (sheet.width - 2 * theme.MARGIN - _NAMES) / max(1, len(stages))
        self.pitch = float(int(min(room, _WIDEST)))

    def cell(self, column: int, top: float) -> Box:
        left = theme.MARGIN + _NAMES + column * self.pitch
        return Box(left, top, left + self.pitch - _GAP, top + _CELL)


def _head(sheet: Sheet, check: Conformance) -> float:
    horizon = days(check.intended.horizon.total_seconds())
    room = sheet.width - 2 * theme.MARGIN
    y = sheet.paragraph(sheet.title, theme.MARGIN, 14, room, size=15, bold=True, lines=1)
    said = (
        "Of the journeys that entered a stage long enough ago to be judged: the share that dropped out there "
        f"within {horizon} (limits: 95 %), and how many journeys these are"
    )
    return sheet.paragraph(said, theme.MARGIN, y + 4, room, colour=theme.MUTED, lines=2) + 10


def _columns(grid: _Grid, stages: list[str], y: float) -> float:
    """Write the names of the stages, all standing on one line."""
    told = [wrap(name(stage), grid.pitch - 2 * _INSET, theme.BODY, bold=True, lines=2) for stage in stages]
    high = max((len(lines) for lines in told), default=1) * theme.LINE * theme.BODY
    for column, lines in enumerate(told):
        top = y + high - len(lines) * theme.LINE * theme.BODY
        grid.sheet.lines(lines, grid.cell(column, 0).left + _INSET, top, size=theme.BODY, bold=True)
    return float(round(y + high + 5))


def _row(grid: _Grid, group: str, cells: list[Cell], y: float, top: float, fewest: int) -> None:
    who = "Everybody" if group == ALL else name(group)
    lines = wrap(who, _NAMES - 14, 10, bold=True, lines=2)
    high = (len(lines) + 1) * theme.LINE * 10
    below = grid.sheet.lines(lines, theme.MARGIN, y + (_CELL - high) / 2, size=10, bold=True)
    if known(cells[0]["journeys"]):
        told = plural(cells[0]["journeys"], "journey")
        grid.sheet.write(told, theme.MARGIN, below + 8, size=theme.SMALL, colour=theme.MUTED)
    for column, cell in enumerate(cells):
        with grid.sheet.mark(_tip(cell, who, fewest), stage=str(cell["stage"]), group=group):
            _cell(grid.sheet, cell, grid.cell(column, y), top, fewest)


def _cell(sheet: Sheet, cell: Cell, area: Box, top: float, fewest: int) -> None:
    if cell["state"] != "told":
        _untold(sheet, cell, area, fewest)
        return
    fill = theme.heat(cell["drop_out_share"] / top)
    sheet.area(_corners(area), fill, z=_WITH_WORDS)
    ink = theme.upon(fill)
    left = area.left + _INSET
    framed = cell["stands_out"] or cell["differs"]
    if framed:
        _outline(sheet, area, ink, dashed=not cell["stands_out"])
    rows = _below(cell, area.right - area.left - 2 * _INSET)
    first = area.top + (25 if len(rows) == 1 else 20)
    way = "" if not framed else " ▲" if cell["drop_out_share"] > cell["rest_share"] else " ▼"
    said = percent(cell["drop_out_share"]) + way
    sheet.write(said, left, first, size=14, bold=True, colour=ink)
    for line, text in enumerate(rows):
        sheet.write(text, left, first + 14 + 12 * line, size=theme.SMALL, colour=ink)


def _below(cell: Cell, room: float) -> list[str]:
    """Return what stands below the share: its limits and of how many, and the others' where it differs."""
    parts = [limits(cell["lower"], cell["upper"]), f"of {number(cell['mature'])}"]
    if width(" ".join(parts), theme.SMALL) > room:
        return parts
    others = [f"others {percent(cell['rest_share'])}"] if cell["stands_out"] or cell["differs"] else []
    return [" ".join(parts), *others]


def _untold(sheet: Sheet, cell: Cell, area: Box, fewest: int) -> None:
    """Hatch a cell without a share, and say why it has none."""
    sheet.card(area, theme.PAPER, edge=theme.OFF_MAP, hatch=theme.OPEN_HATCH, rounding=2)
    lines = _why(cell, fewest)
    wide = max(width(line, theme.SMALL) for line in lines) + 8
    left, high = area.left + _INSET, len(lines) * 12.0
    top = (area.top + area.bottom - high) / 2
    sheet.card(Box(left - 4, top - 2, left - 4 + wide, top + high + 2), theme.PAPER, rounding=2)
    for row, line in enumerate(lines):
        sheet.write(line, left, top + 9 + row * 12, size=theme.SMALL, colour=theme.MUTED)


def _why(cell: Cell, fewest: int) -> tuple[str, ...]:
    if cell["state"] == "withheld":
        return "too few", "to be told"
    if not cell["mature"]:
        return ("nobody",) if not cell["entered"] else ("nobody yet",)
    return "fewer than", plural(fewest, "journey")


def _outline(sheet: Sheet, area: Box, ink: Colour, *, dashed: bool) -> None:
    """Frame a cell inside its edge."""
    left, top, right, bottom = area.left + 2.5, area.top + 2.5, area.right - 2.5, area.bottom - 2.5
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    sheet.line(corners, colour=ink, width=1 if dashed else 2.2, dashed=dashed, z=_WITH_WORDS)


def _tip(cell: Cell, who: str, fewest: int) -> str:
    place = f"{who}, {name(cell['stage'])}"
    if cell["state"] != "told":
        return f"{place}: {' '.join(_why(cell, fewest))}"
    said = f"{place}: {number(cell['dropped_within_horizon'])} of {number(cell['mature'])} dropped out"
    if known(cell["rest_share"]):
        said += f"; others {percent(cell['rest_share'])} of {number(cell['rest_mature'])}"
    return said


# the legend -----------------------------------------------------------------------------------------------


def _highest(cells: list[Cell]) -> float:
    """Return the end of the ramp: a round share that no cell exceeds."""
    most = max((cell["drop_out_share"] for cell in cells if cell["state"] == "told"), default=0.0)
    return next(step for step in _SHARE_STEPS if most <= step + 1e-9)


def _legend(sheet: Sheet, cells: list[Cell], y: float, top: float, fewest: int) -> float:
    """Explain the ramp, the frames and the hatching; return where it ends."""
    left = theme.MARGIN + _NAMES
    steps = 9
    for step in range(steps):
        at = left + step * _RAMP / steps
        box = Box(at, y, at + _RAMP / steps, y + 9)
        sheet.area(_corners(box), theme.heat(step / (steps - 1)))
    sheet.write("share that drops out there", theme.MARGIN, y + 8, size=theme.SMALL, colour=theme.MUTED)
    for share, align in ((0.0, "left"), (top, "right")):
        at = left + _RAMP * (share > 0)
        sheet.write(f"{100 * share:.0f} %", at, y + 20, size=theme.SMALL, colour=theme.MUTED, align=align)
    y += 30
    for sample, said in _signs(cells, fewest):
        _sign(sheet, Box(theme.MARGIN, y, theme.MARGIN + 22, y + 13), sample)
        left = theme.MARGIN + 32 * (sample in _DRAWN)
        room = sheet.width - theme.MARGIN - left
        y = sheet.paragraph(said, left, y + 1, room, size=theme.SMALL, colour=theme.MUTED) + 6
    return y


def _signs(cells: list[Cell], fewest: int) -> list[tuple[str, str]]:
    """Return the signs that the map has, each with what it means."""
    compared = sum(known(cell["q"]) for cell in cells)
    signs = {
        "framed": (
            "stands out from the other groups together (▲ more, ▼ less): q below 0.005 among "
            f"{compared:,} comparisons, 10 or more journeys dropped out; an association, not a cause"
        ),
        "dashed": "differs from the others less surely: q below 0.05",
        "": f"No group differs from the others by more than chance allows among {compared:,} comparisons.",
        "few": f"fewer than {number(fewest)} journeys are old enough to be judged: no share is told",
        "withheld": "numbers of so few customers are withheld",
        "unknown": "Unknown is not compared: whether a group is known may depend on how far somebody came",
    }
    there = {
        "framed": any(cell["stands_out"] for cell in cells),
        "dashed": any(cell["differs"] and not cell["stands_out"] for cell in cells),
        "": compared > 0 and not any(cell["differs"] or cell["stands_out"] for cell in cells),
        "few": any(cell["state"] == "few" for cell in cells),
        "withheld": any(cell["state"] == "withheld" for cell in cells),
        "unknown": compared > 0 and any(cell["by"] == UNKNOWN for cell in cells),
    }
    return [(sign, said) for sign, said in signs.items() if there[sign]]


def _sign(sheet: Sheet, area: Box, sample: str) -> None:
    if sample in {"few", "withheld"}:
        sheet.card(area, theme.PAPER, edge=theme.OFF_MAP, hatch=theme.OPEN_HATCH, rounding=2)
    elif sample in {"framed", "dashed"}:
        inner = Box(area.left - 1, area.top - 1, area.right + 1, area.bottom + 1)
        _outline(sheet, inner, theme.INK, dashed=sample == "dashed")


def _corners(area: Box) -> list[tuple[float, float]]:
    left, top, right, bottom = area
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _description(cells: list[Cell], stages: int, check: Conformance) -> str:
    """Say the main numbers: where everybody drops out most, and which groups stand out."""
    told = [cell for cell in cells if cell["state"] == "told"]
    horizon = days(check.intended.horizon.total_seconds())
    groups = len({cell["by"] for cell in cells} - {ALL})
    of = f"{plural(groups, 'group')} and everybody" if groups else "everybody"
    said = [f"Heat map of {of} over {plural(stages, 'stage')}: the share that drops out within {horizon}."]
    everybody = [cell for cell in told if cell["by"] == ALL]
    if everybody:
        worst = max(everybody, key=lambda cell: cell["drop_out_share"])
        share = percent(worst["drop_out_share"], worst["lower"], worst["upper"])
        said.append(
            f"Everybody drops out most at {name(worst['stage'])}: {share} of {number(worst['mature'])}."
        )
    standing = sorted((cell for cell in told if cell["stands_out"]), key=lambda cell: cell["q"])
    said += [_standing(cell) for cell in standing[:3]]
    return " ".join(said + (["No group stands out."] if groups and not standing else []))


def _standing(cell: Cell) -> str:
    share, rest = percent(cell["drop_out_share"]), percent(cell["rest_share"])
    who, where = name(cell["by"]), name(cell["stage"])
    return f"{who} at {where}: {share} of {number(cell['mature'])}, the others {rest}."
