"""The journey maps of several personas side by side: the same stages in the same columns, on one scale."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.data.journey_maps import ENDS, maps_view
from cjmining.plot.sheet import Sheet
from cjmining.plot.side_by_side import GUTTER, INSET, PARTS, SAID, Grid, legend_in_a_row, ribbon, stage_heads
from cjmining.plot.text import fit, width
from cjmining.plot.words import known, limits, name, number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from cjmining.conformance import Conformance
    from cjmining.plot.choose import Row
    from cjmining.plot.data.journey_maps import MapsView, OneMap

_THICKEST = 44.0
_FEELS = 22.0
_BAR = 9.0
_MOST_BROKEN = 1


def journey_maps(
    check: Conformance,
    *,
    personas: Sequence[str] | None = None,
    dark: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the journey maps of several personas side by side.

    Each persona is a row: how its journeys ended, a ribbon as thick as the share of its journeys that entered
    each stage, the share that drops out there, how content they are, which promises were broken, and where
    most leave. Stages stand in the same columns, and all ribbons have one scale, so that the eye compares.

    Parameters
    ----------
    check : Conformance
        What `cj.check` returned.
    personas : sequence of str, optional
        Which of ``check.groups``, at most 6, in their order; default is up to five, those with most journeys.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib Axes, optional
        Where to draw; default is a new figure of the picture's own size (``ax.figure.get_size_inches()``), in
        which type can be read.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    LogError
        If `check` is not the result of a check, has no such persona, or too many are asked for.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> ax = cj.plot.journey_maps(cj.check(log, intended, by="persona"))
    >>> ax.get_label()
    'Online purchase: Islanders, Gen Z, Families, Silver, unknown'
    """
    return journey_maps_sheet(check, personas=personas).drawn_on(ax, dark=dark)


def journey_maps_sheet(check: Conformance, *, personas: Sequence[str] | None = None) -> Sheet:
    """Return the sheet that `journey_maps` draws."""
    view = maps_view(check, personas, "cj.plot.journey_maps")
    grid = Grid(len(view.stages))
    sheet = Sheet(grid.width)
    sheet.title = f"{view.title}: {', '.join(name(each.name) for each in view.maps)}"
    sheet.description = _described(view)
    y = stage_heads(sheet, grid, view.stages, view.owners, _head(sheet, view) + 8) + 4
    for each in view.maps:
        y = _one(sheet, grid, view, each, y)
    sheet.height = _foot(sheet, view, y) + theme.MARGIN
    return sheet


def _described(view: MapsView) -> str:
    told = []
    for each in view.maps:
        journeys = each.outcomes["journeys"]
        worst = next((row for row in each.stages if row["worst"]), None)
        where = f", most at {worst['stage']} ({percent(worst['drop_out_share'])})" if worst else ""
        told.append(
            f"{name(each.name)}: {plural(journeys, 'journey')}, {_share(each, 'converted')} converted, "
            f"{_share(each, 'dropped')} dropped out{where}."
        )
    names = plural(len(view.maps), "journey map")
    return f"{names} of '{view.title}' side by side, stage by stage. {' '.join(told)}"


def _share(each: OneMap, outcome: str) -> str:
    journeys = each.outcomes["journeys"]
    return percent(each.outcomes[outcome] / journeys) if journeys else "none"


def _head(sheet: Sheet, view: MapsView) -> float:
    room = sheet.width - 2 * theme.MARGIN
    y = sheet.paragraph(
        view.title, theme.MARGIN, theme.MARGIN - 4, room, size=theme.TITLE, bold=True, lines=2
    )
    text = (
        f"{plural(len(view.maps), 'map')} side by side; ribbons: share of each one's journeys, on one scale"
    )
    y = sheet.paragraph(text, theme.MARGIN, y + 2, room, colour=theme.MUTED)
    return legend_in_a_row(sheet, theme.MARGIN, y + 3)


# one map --------------------------------------------------------------------------------------------------


def _one(sheet: Sheet, grid: Grid, view: MapsView, each: OneMap, y: float) -> float:
    """Draw a persona's row; return its foot."""
    sheet.rule(y)
    side = _who(sheet, view, each, y + 8)
    top = y + 10 + theme.LINE * theme.SMALL
    for position, row in enumerate(each.stages):
        _entered(sheet, grid, position, row, each, y + 8, told=_in_words(view, grid))
    shares = (row["entered"] / max(1, o.outcomes["journeys"]) for o in view.maps for row in o.stages)
    most = max(shares, default=1.0)
    thickest = _THICKEST / most if most else _THICKEST
    ribbon(
        sheet, grid, each.stages, each.outcomes["journeys"], spine=top, thickest=thickest, up=False,
        whose=each.name,
    )  # fmt: skip
    foot = top + _THICKEST + 3
    foot = max(_leaves(sheet, grid, position, row, foot) for position, row in enumerate(each.stages))
    foot = _feels(sheet, grid, each, foot + 4)
    foot = max(_broken(sheet, grid, position, row, foot) for position, row in enumerate(each.stages))
    foot = _pain(sheet, grid, each, foot + 2)
    return max(side, foot) + 7


def _who(sheet: Sheet, view: MapsView, each: OneMap, y: float) -> float:
    """Write who it is and how their journeys ended, the ends as parts of a bar."""
    room = GUTTER - 14
    journeys = each.outcomes["journeys"]
    y = sheet.paragraph(name(each.name), theme.MARGIN, y, room, size=13.0, bold=True, lines=3)
    text = f"{plural(journeys, 'journey')} of {plural(each.outcomes['customers'], 'customer')}"
    y = sheet.paragraph(text, theme.MARGIN, y + 1, room, size=theme.SMALL, colour=theme.MUTED) + 4
    x = theme.MARGIN
    looks = {key: (fill, edge, hatch) for key, fill, edge, hatch in PARTS}
    for outcome in ENDS:
        wide = room * each.outcomes[outcome] / journeys if journeys else 0.0
        if wide:
            fill, edge, hatch = looks[outcome]
            box = [(x, y), (x + wide, y), (x + wide, y + _BAR), (x, y + _BAR)]
            with sheet.mark(
                f"{name(each.name)}: {number(each.outcomes[outcome])} {SAID[outcome]}", group=each.name
            ):
                sheet.area(box, fill, edge=edge, hatch=hatch)
        x += wide
    y += _BAR + 3
    on_one_line = all(
        width(text, theme.SMALL) <= room - 40 for other in view.maps for text in map(", ".join, _ended(other))
    )
    for outcome, (ended, count) in zip(filter(each.outcomes.get, ENDS), _ended(each), strict=True):
        colour = theme.OUTCOME[outcome.replace("_", " ")]
        said = _share(each, outcome)
        line = sheet.write(said, theme.MARGIN + 36, y + theme.BODY, colour=colour, bold=True, align="right")
        for text in [f"{ended}, {count}"] if on_one_line else [ended, count]:
            sheet.write(text, line.x + 4, y + theme.BODY, size=theme.SMALL, colour=theme.MUTED)
            y += theme.LINE * theme.BODY
    if each.before is not None and known(each.before["entered"]) and each.before["entered"]:
        text = f"{plural(each.before['entered'], 'journey')} began before the map"
        y = sheet.paragraph(text, theme.MARGIN, y + 2, room, size=theme.SMALL, colour=theme.MUTED)
    return y


def _ended(each: OneMap) -> list[tuple[str, str]]:
    """In which ways journeys ended, and how many in each."""
    return [(end.replace("_", " "), number(each.outcomes[end])) for end in ENDS if each.outcomes[end]]


def _in_words(view: MapsView, grid: Grid) -> bool:
    """Say whether every column has room for "entered" behind its number; else all have the number alone."""
    needed = (
        width(percent(row["entered"] / each.outcomes["journeys"]), theme.BODY, bold=True)
        + width(f"{number(row['entered'])} entered", theme.SMALL)
        for each in view.maps
        for row in each.stages
        if each.outcomes["journeys"]
    )
    return max(needed, default=0.0) <= grid.column - INSET - 8


def _entered(
    sheet: Sheet, grid: Grid, position: int, row: Row, each: OneMap, y: float, *, told: bool
) -> None:
    x, journeys = grid.left(position) + INSET, each.outcomes["journeys"]
    if row["few"] or not journeys:
        sheet.write(
            "few" if row["few"] else "nobody", x, y + theme.SMALL, size=theme.SMALL, colour=theme.MUTED
        )
        return
    said = percent(row["entered"] / journeys)
    sheet.write(said, x, y + theme.SMALL, bold=True)
    start = x + width(said, theme.BODY, bold=True) + 4
    text = number(row["entered"]) + (" entered" if told else "")
    sheet.write(text, start, y + theme.SMALL, size=theme.SMALL, colour=theme.MUTED)


def _leaves(sheet: Sheet, grid: Grid, position: int, row: Row, y: float) -> float:
    """Say what share drops out there; strongest where it is the largest of the persona."""
    if not row["mature"] or not known(row["drop_out_share"]) or not (row["dropped"] or row["open"]):
        return y
    x = grid.left(position) + INSET
    share = percent(row["drop_out_share"], row["lower"], row["upper"])
    tip = f"{share} of {number(row['mature'])} dropped out at {row['stage']} within the horizon"
    with sheet.mark(tip, stage=str(row["stage"])):
        colour = theme.DROPPED if row["worst"] else theme.INK
        text = f"{percent(row['drop_out_share'])} drop out"
        y = sheet.paragraph(text, x, y, grid.room, colour=colour, bold=row["worst"], lines=2)
        text = f"{limits(row['lower'], row['upper'])} of {number(row['mature'])}"
        y = sheet.paragraph(text, x, y - 1, grid.room, size=theme.SMALL, colour=theme.MUTED, lines=2)
        if row["stands_out"]:
            arrow = "▲" if row["stands_out"] == "more" else "▼"
            text = f"{arrow} {row['stands_out']} than others"
            y = sheet.paragraph(text, x, y - 1, grid.room, size=theme.SMALL, bold=True, lines=2)
    return y


def _feels(sheet: Sheet, grid: Grid, each: OneMap, y: float) -> float:
    """Draw the mean answers as a line from stage to stage, from 0 at the foot to 1."""
    points = [
        (grid.left(position) + 12, y + _FEELS * (1 - row["satisfaction"]), row)
        for position, row in enumerate(each.stages)
        if known(row["satisfaction"]) and row["satisfaction_answered"]
    ]
    if not points:
        return y
    for end in (y, y + _FEELS):
        sheet.line(
            [(grid.left(0), end), (sheet.width - theme.MARGIN, end)], colour=theme.RULE, width=0.5, z=0.6
        )
    for text, at in (("1", y + 3), ("0", y + _FEELS + 3)):
        sheet.write(text, grid.left(0) - 4, at, size=6.5, colour=theme.MUTED, align="right")
    for (a, b, _), (c, d, _) in pairwise(points):
        sheet.line([(a, b), (c, d)], colour=theme.RIBBON, width=1.2, z=1)
    for x, at, row in points:
        tip = f"{name(each.name)} at {row['stage']}: satisfaction {row['satisfaction']:.2f}, mean of "
        with sheet.mark(tip + plural(row["satisfaction_answered"], "answer"), stage=str(row["stage"])):
            sheet.disc(x, at, 3, theme.INK, edge=theme.PAPER, z=4)
            baseline = at + 11 if row["satisfaction"] > 0.5 else at - 4.5  # beside the line, not upon it
            line = sheet.write(f"{row['satisfaction']:.2f}", x - 6, baseline, size=theme.SMALL, bold=True)
            start = x - 3 + width(line.text, theme.SMALL, bold=True)
            room = x - 16 + grid.column - start
            text = fit(plural(row["satisfaction_answered"], "answer"), room, theme.SMALL)
            sheet.write(text, start, baseline, size=theme.SMALL, colour=theme.MUTED)
    return y + _FEELS + 3


def _broken(sheet: Sheet, grid: Grid, position: int, row: Row, y: float) -> float:
    """Write the promises broken there, with the share kept and the share promised."""
    x = grid.left(position) + INSET
    for promise in row["broken"][:_MOST_BROKEN]:
        share, target = percent(promise["share_kept"]), percent(promise["target"])
        tip = f"{promise['said']}: kept {share} of {number(promise['measured'])} times, promised {target}"
        with sheet.mark(tip, stage=str(row["stage"])):
            y = sheet.paragraph(f"✗ {promise['said']}", x, y + 1, grid.room, size=theme.SMALL, lines=6)
            text = f"{share} of {number(promise['measured'])} ({target})"
            y = sheet.paragraph(text, x, y, grid.room, size=theme.SMALL, colour=theme.DROPPED, lines=3)
    more = len(row["broken"]) - _MOST_BROKEN
    if more > 0:
        text = f"and {number(more)} more"
        y = sheet.paragraph(text, x, y, grid.room, size=theme.SMALL, colour=theme.MUTED)
    return y


def _pain(sheet: Sheet, grid: Grid, each: OneMap, y: float) -> float:
    if each.pain is None:
        return y
    dropped = percent(each.pain["share_of_dropped"])
    place = str(each.pain["stage"])
    if each.pain["touchpoint"]:
        place = f"{name(each.pain['touchpoint'])} at {place}"
    text = f"Most leave after {place}: {number(each.pain['journeys'])}, {dropped} of all who dropped out"
    x, room = grid.left(0) + 5, sheet.width - theme.MARGIN - grid.left(0) - 10
    return sheet.paragraph(text, x, y, room, size=theme.BODY, italic=True, lines=2)


def _foot(sheet: Sheet, view: MapsView, y: float) -> float:
    sheet.rule(y)
    rows = [row for each in view.maps for row in each.stages]
    told = [] if _in_words(view, Grid(len(view.stages))) else ["At the top: journeys that entered."]
    told.append(
        f"Drop out: left within {view.horizon} of entering the stage, of those who entered long enough ago "
        "to know, with 95 % limits; strong: the largest share of the row."
    )
    if any(row["stands_out"] for row in rows):
        told.append("▲ ▼: more or less than the others, beyond chance.")
    if any(known(row["satisfaction"]) and row["satisfaction_answered"] for row in rows):
        told.append("Line: mean of the answers to surveys, 0 worst to 1 best.")
    if any(row["broken"] for row in rows):
        told.append(
            "✗: a promise kept clearly too seldom, with the share of times kept (and promised); of several "
            "in a stage the one missed most."
        )
    texts = [" ".join(told)]
    if view.left_out:
        texts.append(f"Not drawn: {', '.join(map(name, view.left_out))}.")
    y += 6
    for text in texts:
        room = sheet.width - 2 * theme.MARGIN
        y = sheet.paragraph(text, theme.MARGIN, y, room, size=theme.SMALL, colour=theme.MUTED, lines=4) + 1
    return y
