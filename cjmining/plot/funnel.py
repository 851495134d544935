"""The funnel: for each stage how many entered, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.choose import ALL, Row, chosen, expect_check, rows
from cjmining.plot.sheet import Sheet
from cjmining.plot.text import Box, spread, width
from cjmining.plot.words import days, known, name, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cjmining.conformance import Conformance
    from cjmining.plot.theme import Colour

_PARTS = (
    ("continued", "continued", theme.DISC, theme.RIBBON, None),
    ("converted", "converted", theme.CONVERTED, theme.CONVERTED, None),
    ("dropped", "dropped out", theme.DROPPED, theme.DROPPED, None),
    ("turned_away", "turned away", theme.TURNED_AWAY, theme.TURNED_AWAY_FILL, theme.TURNED_AWAY_HATCH),
    ("open", "still open", theme.OPEN, theme.OPEN_FILL, theme.OPEN_HATCH),
)
_BAR = 24.0
_PITCH = 54.0
_NAMES = 150.0
_SHARES = 190.0


def funnel(
    check: Conformance, *, persona: str | None = None, dark: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw for each stage how many entered, continued, converted, dropped out, were turned away and are open.

    Parameters
    ----------
    check : Conformance
        What `cj.check` returned.
    persona : str, optional
        One of ``check.groups``; default is everybody.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.figure`` is the figure, to save it for instance. In a notebook they show themselves.

    Raises
    ------
    LogError
        If `check` is not the result of a check, or has no such persona.

    Notes
    -----
    A NaN in place of a stage's `entered` says that the number is withheld because it is small; the funnel
    then says "few".

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(100)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> ax = cj.plot.funnel(cj.check(log, intended))
    >>> ax.get_label()
    'Funnel: Online purchase'
    >>> ax.figure.savefig("funnel.png")  # doctest: +SKIP
    """
    return funnel_sheet(check, persona=persona).drawn_on(ax, dark=dark)


def funnel_sheet(check: Conformance, *, persona: str | None = None) -> Sheet:
    """Lay out the funnel."""
    expect_check(check, "cj.plot.funnel")
    result, group = chosen(check, persona)
    stages = rows(result.stages, group)
    sheet = Sheet(width=800.0)
    y = _head(sheet, result.intended.name, group)
    most = max((row["entered"] for row in stages if known(row["entered"])), default=0)
    horizon = days(result.intended.horizon.total_seconds())
    for row in stages:
        _stage(sheet, row, y, most, horizon)
        y += _PITCH
    sheet.height = _foot(sheet, y, horizon)
    return sheet


def _head(sheet: Sheet, title: str, group: str) -> float:
    who = "" if group == ALL else f": {name(group)}"
    sheet.title = f"Funnel: {title}{who}"
    room = sheet.width - 2 * theme.MARGIN
    y = sheet.paragraph(f"{title}{who}", theme.MARGIN, 14, room, size=15, bold=True, lines=2) + 4
    x = theme.MARGIN
    for _, label, colour, fill, hatch in _PARTS:
        _swatch(sheet, Box(x, y, x + 12, y + 10), fill, colour, hatch)
        sheet.write(label, x + 17, y + 8.5, colour=theme.MUTED)
        x += 17 + width(label, theme.BODY) + 18
    sheet.write(
        "dropped out within the horizon",
        sheet.width - theme.MARGIN,
        y + 8.5,
        colour=theme.MUTED,
        align="right",
    )
    return y + 24


def _stage(sheet: Sheet, row: Row, y: float, most: int, horizon: str) -> None:
    sheet.rule(y)
    top = sheet.paragraph(name(row["stage"]), theme.MARGIN, y + 6, _NAMES - 12, size=10, bold=True, lines=1)
    entered = number(row["entered"]) if known(row["entered"]) else "few"
    sheet.paragraph(f"{entered} entered", theme.MARGIN, top, _NAMES - 12, lines=1, colour=theme.MUTED)
    if not known(row["entered"]):
        return
    left = theme.MARGIN + _NAMES
    _bar(sheet, row, left, y + 8, (sheet.width - theme.MARGIN - _SHARES - left) / most if most else 0.0)
    right = sheet.width - theme.MARGIN
    if not known(row["drop_out_share"]) and row["mature"]:
        sheet.write("few old enough to know", right, y + 17, colour=theme.MUTED, align="right")
    elif row["mature"]:
        share = percent(row["drop_out_share"], row["lower"], row["upper"])
        colour = theme.DROPPED if row["dropped"] else theme.MUTED
        sheet.write(share, right, y + 17, size=10, colour=colour, bold=bool(row["dropped"]), align="right")
        sheet.write(
            f"of {number(row['mature'])} within {horizon}", right, y + 31, colour=theme.MUTED, align="right"
        )
    else:
        sheet.write("none old enough to know", right, y + 17, colour=theme.MUTED, align="right")


def _bar(sheet: Sheet, row: Row, left: float, y: float, scale: float) -> None:
    """Draw the stacked bar; its counts stand in a line below it, in the same order."""
    x, counts = left, []
    for key, _, colour, fill, hatch in _PARTS:
        if not row[key]:
            continue
        wide = max(row[key] * scale, 0.5)
        _swatch(sheet, Box(x, y, x + wide, y + _BAR), fill, colour, hatch)
        counts.append((x, number(row[key]), colour, key == "dropped"))
        x += wide
    widths = [width(text, theme.BODY, bold=bold) for _, text, _, bold in counts]
    edges = spread([x for x, *_ in counts], widths, sheet.width - theme.MARGIN - 130, 6)
    for edge, (_, text, colour, bold) in zip(edges, counts, strict=True):
        sheet.write(text, edge, y + _BAR + 11, colour=colour, bold=bold)


def _swatch(sheet: Sheet, area: Box, fill: Colour, edge: Colour, hatch: str | None) -> None:
    left, top, right, bottom = area
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    sheet.area(corners, fill, edge=edge, hatch=hatch)


def _foot(sheet: Sheet, y: float, horizon: str) -> float:
    sheet.rule(y)
    text = (
        f"Each journey counts once a stage. Shares: journeys that dropped out in the stage within {horizon} "
        "of entering it, of those that entered early enough to know, with 95 % limits (Wilson)."
    )
    room = sheet.width - 2 * theme.MARGIN
    return sheet.paragraph(text, theme.MARGIN, y + 6, room, size=theme.SMALL, colour=theme.MUTED) + 12
