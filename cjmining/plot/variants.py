"""The variant explorer: the most frequent ways as rows of chevrons, who took each, and how they ended."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from cjmining.plot import theme
from cjmining.plot.data.variants import ENDS, NUMBER, expect_variants
from cjmining.plot.data.variants import variants as numbers_of
from cjmining.plot.sheet import Sheet
from cjmining.plot.text import Box, fit, width, wrap
from cjmining.plot.words import duration, known, name, number, percent, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cjmining.discovery.variants.variants import Variants
    from cjmining.plot.theme import Colour

_SHARES = 84.0
_STEPS = theme.MARGIN + _SHARES
_ENDS = 660.0
_ENDS_ROOM = 118.0
_TIMES = theme.PAGE - theme.MARGIN
_HIGH = 23.0
_PITCH = 43.0
_TIP = 7.0
_GAP = 2.0
_NAME = 78.0
_TYPE = 7.5
_LOOKED_AT = 30
"""The colours of channels go by how often they are in so many variants of each group."""

_FILLS: dict[str, tuple[Colour, Colour, str | None]] = {
    "converted": (theme.CONVERTED, theme.CONVERTED, None),
    "dropped": (theme.DROPPED, theme.DROPPED, None),
    "turned_away": (theme.TURNED_AWAY_FILL, theme.TURNED_AWAY, theme.TURNED_AWAY_HATCH),
    "open": (theme.OPEN_FILL, theme.OPEN, theme.OPEN_HATCH),
}
_WORDS = {"converted": "converted", "dropped": "dropped out", "turned_away": "turned away", "open": "open"}

Row = dict[str, Any]


def variants(
    found: Variants,
    *,
    group: str | None = None,
    number: int = NUMBER,
    smallest: int = 2,
    dark: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the most frequent ways that journeys took, how many took each, how they ended and how long.

    Parameters
    ----------
    found : Variants
        What `cj.variants` returned, best at level "touchpoint@channel": then steps are coloured by channel.
    group : str, optional
        One of ``found.groups``; needed where there are several.
    number : int
        How many variants are drawn, at most; all others are told together.
    smallest : int
        Variants of fewer customers are among the others: what one customer did is no way that journeys take.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure of the picture's own size. Type shrinks with the axes: to be
        read they should be about as large as ``ax.figure.get_size_inches()`` of that one says.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. `cj.plot.data.variants` has the numbers drawn.

    Raises
    ------
    LogError
        If `found` is no result of `cj.variants`, there is no such group, or a number is none.

    Notes
    -----
    The same step at once again is one chevron with the number of times; variants that differ in that number
    stay different ones. A row that is too long is folded in its middle, and says how many steps are left out.
    How journeys ended is shown where the log was tagged with outcomes before its variants were counted.

    Examples
    --------
    >>> import cjmining as cj
    >>> found = cj.variants(cj.simulate.shop(200, seed=1).log, level="touchpoint@channel")
    >>> cj.plot.variants(found).get_label()
    'The ways that journeys take'
    """
    return variants_sheet(found, group=group, number=number, smallest=smallest).drawn_on(ax, dark=dark)


def variants_sheet(
    found: Variants, *, group: str | None = None, number: int = NUMBER, smallest: int = 2
) -> Sheet:
    """Lay out the rows of variants."""
    by = expect_variants(found, group)
    table = numbers_of(found, group=group, number=number, smallest=smallest)
    rows: list[Row] = table.to_dict("records")  # type: ignore[assignment]
    sheet = Sheet()
    sheet.title = "The ways that journeys take" + ("" if len(found.groups) <= 1 else f": {name(by)}")
    sheet.description = _description(rows)
    sheet.paragraph(sheet.title, theme.MARGIN, 14, 840, size=15, bold=True, lines=1)
    sheet.paragraph(
        _subtitle(rows, repeats=found.repeats), theme.MARGIN, 38, 840, colour=theme.MUTED, lines=1
    )
    y = 66.0
    if rows:
        _heads(sheet, y, rows)
        y += 10
    colours = _colours(found)
    for row in rows:
        y += 0 if row["rank"] else 6
        with sheet.mark(_tip(row)):
            (_row if row["rank"] else _others)(sheet, row, y, colours)
        y += _PITCH
    sheet.height = _legend(sheet, rows, colours, y + 4) + 12
    return sheet


def _subtitle(rows: list[Row], *, repeats: bool = True) -> str:
    if not rows:
        return "There are no journeys"
    told = len([row for row in rows if row["rank"]])
    ways = plural(sum(row["variants"] for row in rows), "different way")
    journeys = plural(rows[0]["group_journeys"], "journey")
    once = "" if repeats else "; the same step again at once counts as one"
    first = "The most frequent" if told == 1 else f"The {number(told)} most frequent"
    return f"{first} of {ways} of {journeys}{once}" if told else f"{ways} of {journeys}{once}"


def _heads(sheet: Sheet, y: float, rows: list[Row]) -> None:
    heads = [("share of journeys", theme.MARGIN, "left"), ("steps", _STEPS, "left")]
    heads += [("how they ended", _ENDS, "left")] if known(rows[0]["converted"]) else []
    heads += [("median time", _TIMES, "right")]
    for said, x, align in heads:
        if said != "steps":
            sheet.write(said, x, y, size=_TYPE, colour=theme.MUTED, align=align)


# a row ----------------------------------------------------------------------------------------------------


def _row(sheet: Sheet, row: Row, y: float, colours: dict[str, Colour]) -> None:
    _share(sheet, row, y)
    shown = _shown(row)
    x = _STEPS
    for channel, run in groupby(shown, key=lambda chevron: chevron.channel):
        start = x
        for chevron in run:
            _chevron(sheet, chevron, x, y, colours.get(channel, theme.RIBBON))
            x += chevron.wide + _GAP
        if channel:
            said = fit(channel, max(x - start - 8, 16), 7)
            sheet.write(said, start + 1, y + _HIGH + 9, size=7, colour=theme.MUTED)
    if not shown:
        sheet.write("no steps: all were ignored", _STEPS, y + 15, colour=theme.MUTED, italic=True)
    _ended(sheet, row, y)
    if known(row["median_s"]):
        said = duration(row["median_s"]) if row["median_s"] else "at once"
        sheet.write(said, _TIMES, y + 15, align="right")


def _shown(row: Row) -> list[_Chevron]:
    """Return the chevrons of a row, as far as they fit beside how journeys ended."""
    right = _ENDS if known(row["converted"]) else _TIMES - 60
    return _folded([_Chevron.of(*step) for step in row["chevrons"]], right - _STEPS - 12)


def _share(sheet: Sheet, row: Row, y: float) -> None:
    sheet.write(percent(row["share_of_journeys"]), theme.MARGIN, y + 12, size=12, bold=True)
    said = f"{number(row['journeys'])} of {number(row['group_journeys'])}"
    sheet.write(said, theme.MARGIN, y + 24, size=_TYPE, colour=theme.MUTED)


class _Chevron(NamedTuple):
    """A step in a row: its words in one line or two, its channel, how wide it is; "" is no channel."""

    lines: tuple[str, ...]
    channel: str
    wide: float
    steps: int
    fold: bool = False

    @classmethod
    def of(cls, touchpoint: str, channel: str, times: int) -> _Chevron:
        said = name(touchpoint) or name(channel)
        again = f"\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}{times}" if times > 1 else ""
        lines = wrap(fit(said, 2 * _NAME - width(again, _TYPE) - 8, _TYPE) + again, _NAME, _TYPE, lines=2)
        return cls(tuple(lines), channel, _wide(lines), times)

    @classmethod
    def left_out(cls, steps: int) -> _Chevron:
        lines = ("…", plural(steps, "step"))
        return cls(lines, "", _wide(lines), steps, fold=True)


def _wide(lines: list[str] | tuple[str, ...]) -> float:
    return max(width(line, _TYPE) for line in lines) + _TIP + 11


def _folded(chevrons: list[_Chevron], room: float) -> list[_Chevron]:
    """Return the chevrons that fit: the first ones, how many steps are left out, and the last."""
    if _length(chevrons) <= room:
        return chevrons
    for kept in range(len(chevrons) - 2, -1, -1):
        first, last = chevrons[:kept], chevrons[-1:]
        between = sum(chevron.steps for chevron in chevrons[kept:-1])
        shown = [*first, _Chevron.left_out(between), *last]
        if _length(shown) <= room:
            break
    return shown


def _length(chevrons: list[_Chevron]) -> float:
    return sum(chevron.wide + _GAP for chevron in chevrons)


def _chevron(sheet: Sheet, chevron: _Chevron, x: float, y: float, fill: Colour) -> None:
    right, middle, bottom = x + chevron.wide - _TIP, y + _HIGH / 2, y + _HIGH
    corners = [(x, y), (right, y), (right + _TIP, middle), (right, bottom), (x, bottom), (x + _TIP, middle)]
    if chevron.fold:
        sheet.line([*corners, corners[0]], colour=theme.MUTED, width=0.7, dashed=True)
    else:
        sheet.area(corners, fill)
    ink = theme.MUTED if chevron.fold else theme.upon(fill)
    first = middle + 2.7 - 4.4 * (len(chevron.lines) - 1)
    for line, said in enumerate(chevron.lines):
        sheet.write(said, x + _TIP + 2, first + 8.8 * line, size=_TYPE, colour=ink)


def _ended(sheet: Sheet, row: Row, y: float) -> None:
    """Draw how the journeys ended as a strip, and say the two most frequent ends.

    What converted stands taller than the rest, so that the two dark parts stay apart in black and white.
    """
    if not known(row["converted"]):
        return
    x = _ENDS
    for end in ENDS:
        wide = _ENDS_ROOM * row[end] / max(row["journeys"], 1)
        if wide:
            fill, edge, hatch = _FILLS[end]
            top = y + (1 if end == "converted" else 6)
            corners = [(x, top), (x + wide, top), (x + wide, y + 13), (x, y + 13)]
            sheet.area(corners, fill, edge=edge if hatch else None, hatch=hatch)
        x += wide
    sheet.write(_ends_in_words(row, _ENDS_ROOM + 14), _ENDS, y + 23, size=7, colour=theme.MUTED)


def _ends_in_words(row: Row, room: float) -> str:
    """Tell how all journeys of a way ended, the rare ends together where there is no room for each."""
    ends = sorted((end for end in ENDS if row[end]), key=lambda end: -row[end])
    for told in range(len(ends), 0, -1):
        parts = [f"{number(row[end])} {_WORDS[end]}" for end in ends[:told]]
        rest = sum(row[end] for end in ends[told:])
        said = ", ".join(parts + ([f"{number(rest)} else"] if rest else []))
        if width(said, 7) <= room:
            return said
    return fit(said, room, 7) if ends else ""


def _others(sheet: Sheet, row: Row, y: float, colours: dict[str, Colour]) -> None:
    """Tell all other ways together; `colours` is what a row takes."""
    del colours
    sheet.rule(y - 7)
    _share(sheet, row, y)
    ways = plural(row["variants"], "other way" if row["journeys"] < row["group_journeys"] else "way")
    most = plural(row["largest"], "journey")
    said = f"{ways}, each taken by at most {most}" if row["variants"] > 1 else f"{ways}, taken by {most}"
    sheet.write(said, _STEPS, y + 12, size=10)
    _ended(sheet, row, y)


def _tip(row: Row) -> str:
    steps = " > ".join(_in_words(*step) for step in row["chevrons"]) or row["variant"]
    of = f"{number(row['journeys'])} of {number(row['group_journeys'])} journeys"
    ended = [f"{number(row[end])} {_WORDS[end]}" for end in ENDS if known(row[end]) and row[end]]
    return f"{of}: {steps}" + (f". {', '.join(ended)}" if ended else "")


def _in_words(touchpoint: str, channel: str, times: int) -> str:
    said = name(touchpoint) or name(channel)
    return f"{said} \N{MULTIPLICATION SIGN} {times}" if times > 1 else said


# colours and words ----------------------------------------------------------------------------------------


def _colours(found: Variants) -> dict[str, Colour]:
    """Return a colour for each channel, alike in the pictures of all groups; the rare ones share the last."""
    counts: Counter[str] = Counter(dict.fromkeys(found.channels, 0))
    counts.update(found.steps(_LOOKED_AT)["channel"])
    del counts[""]
    ordered = sorted(counts, key=lambda channel: (-counts[channel], channel))
    last = len(theme.CATEGORY) - 1
    return {channel: theme.CATEGORY[min(place, last)] for place, channel in enumerate(ordered)}


def _legend(sheet: Sheet, rows: list[Row], colours: dict[str, Colour], y: float) -> float:
    """Name the colours of the channels that are drawn, and how journeys end; return where it ends."""
    used = {chevron.channel for row in rows for chevron in _shown(row)}
    channels: list[_Item] = [
        (channel, fill, None, None) for channel, fill in colours.items() if channel in used
    ]
    ended = [end for end in ENDS if any(known(row[end]) and row[end] for row in rows)]
    ends: list[_Item] = [(_WORDS[end], *_FILLS[end]) for end in ended]
    one = _items(sheet, channels, Box(_STEPS, y, _ENDS - 20, y))
    return max(one, _items(sheet, ends, Box(_ENDS, y, sheet.width - theme.MARGIN, y)))


_Item = tuple[str, "Colour", "Colour | None", "str | None"]


def _items(sheet: Sheet, items: list[_Item], area: Box) -> float:
    """Write samples with their names in lines; return where they end."""
    x, y = area.left, area.top
    for said, fill, edge, hatch in items:
        told = fit(said, 150, theme.SMALL)
        if x + width(told, theme.SMALL) + 15 > area.right:
            x, y = area.left, y + 15
        sheet.card(Box(x, y, x + 11, y + 9), fill, edge=edge if hatch else None, hatch=hatch, rounding=1)
        sheet.write(told, x + 15, y + 8, size=theme.SMALL, colour=theme.MUTED)
        x += width(told, theme.SMALL) + 30
    return y + 12


def _description(rows: list[Row]) -> str:
    if not rows:
        return "There are no journeys."
    told = [row for row in rows if row["rank"]]
    covered = sum(row["journeys"] for row in told)
    share = percent(covered / rows[0]["group_journeys"])
    said = [f"{_subtitle(rows)}; together they are {share} of the journeys."]
    if told:
        first = told[0]
        steps = " > ".join(_in_words(*step) for step in first["chevrons"]) or "no steps"
        share = percent(first["share_of_journeys"])
        said.append(f"Most often: {steps}, {share} ({number(first['journeys'])}).")
    return " ".join(said)
