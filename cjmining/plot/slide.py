"""One finding as a slide, to be read from the back of a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.plot import theme
from cjmining.plot.data.slide import Bar, Ratio, Told, bars_of, plain, ratio_of
from cjmining.plot.sheet import Sheet
from cjmining.plot.text import fit, width, wrap
from cjmining.plot.words import limits, name, number, percent, ratio_limits, times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from cjmining.plot.theme import Colour

WIDE, HIGH = 1280.0, 720.0
_EDGE = 64.0
_ROOM = WIDE - 2 * _EDGE
_FOOT = 616.0
_TOP = 96.0
_HEADLINE, _LARGE, _SAID, _LABEL, _SMALL = 44.0, 112.0, 25.0, 20.0, 17.0
_BARS_FROM = 560.0
_BAR = 24.0

_TONES: Mapping[str, Colour] = {
    "dropped": theme.DROPPED,
    "converted": theme.CONVERTED,
    "turned away": theme.TURNED_AWAY,
    "open": theme.OPEN,
    "plain": theme.DISC,
}


def slide(
    finding: Told, *, map_name: str = "", period: str = "", dark: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw one finding as a slide of 1280 by 720 points (16:9), its number large.

    Parameters
    ----------
    finding : Finding or mapping
        One of `result.findings` of a study, or as it stands in `findings.json` or `facts.json`.
    map_name : str
        The map that the journeys were held against.
    period : str
        From when to when they were observed.
    dark : bool
        Whether to draw for dark paper.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; default is a new figure of the picture's own size. Type shrinks with the axes: to be
        read they should be about as large as ``ax.figure.get_size_inches()`` of that one says.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. `cj.plot.data.slide` has the numbers drawn.

    Raises
    ------
    LogError
        If `finding` is none.

    Notes
    -----
    Headline and number first, then bars where the finding states shares (all from zero, on one scale, with
    their limits and what they are shares of), the sentence, and at the foot what would prove it wrong.

    Examples
    --------
    >>> import cjmining as cj
    >>> finding = {"kind": "largest drop-out", "text": "34 % of 310 journeys dropped out at Checkout.",
    ...            "headline": "34 % drop out at Checkout", "stage": "Checkout",
    ...            "numbers": {"drop_out_share": 0.34, "lower": 0.29, "upper": 0.39, "mature": 310}}
    >>> cj.plot.slide(finding, map_name="Online purchase").get_label()
    '34 % drop out at Checkout'
    """
    return slide_sheet(finding, map_name=map_name, period=period).drawn_on(ax, dark=dark)


def slide_sheet(finding: Told, *, map_name: str = "", period: str = "") -> Sheet:
    """Lay out the slide of a finding."""
    given = plain(finding)
    text = str(given["text"])
    headline = str(given.get("headline") or text)
    bars = bars_of(given)
    sheet = Sheet(width=WIDE, height=HIGH, title=headline)
    sheet.description = _in_words(text, bars)
    sheet.write(fit(_source(map_name, period), _ROOM, _LABEL), _EDGE, 66, size=_LABEL, colour=theme.MUTED)
    top = sheet.paragraph(headline, _EDGE, _TOP - 14, _ROOM, size=_HEADLINE, bold=True, lines=2)
    if bars:
        ratio = ratio_of(given)
        if ratio:
            _draw_ratio(sheet, ratio, top)
        else:
            _draw_number(sheet, bars[0], top)
        _draw_bars(sheet, bars, top + 24, 452)
        _fitted(sheet, text, 470, _FOOT - 18, _SAID)
    else:
        _fitted(sheet, text, top + 40, _FOOT - 30, 36.0)
    _draw_foot(sheet, str(given.get("refuted_by") or ""))
    return sheet


def _source(map_name: str, period: str) -> str:
    return " · ".join(filter(None, [name(map_name) if map_name else "", period]))


def _in_words(text: str, bars: list[Bar]) -> str:
    said = ". ".join(f"{bar.label}: {_value(bar)}{_of(bar)}" for bar in bars[1:])
    return f"{text} {said}.".strip() if said else text


def _draw_number(sheet: Sheet, bar: Bar, top: float) -> None:
    """Write the number that it is about as large as it fits, with its limits and what it is of."""
    below = [f"95 % limits: {_limits(bar)}"] if bar.lower is not None and bar.upper is not None else []
    below += [f"of {number(bar.of)} {bar.noun}"] if bar.of else []
    _large(sheet, _value(bar), below, top, _TONES[bar.tone])


def _draw_ratio(sheet: Sheet, ratio: Ratio, top: float) -> None:
    """Write how many times as often it happens, with its limits: the shares stand at the bars."""
    below = ["as often as among the others"]
    if ratio.lower is not None and ratio.upper is not None:
        below.append(f"95 % limits: {ratio_limits(ratio.lower, ratio.upper)}")
    _large(sheet, times(ratio.value), below, top, theme.DROPPED)


def _large(sheet: Sheet, said: str, below: list[str], top: float, colour: Colour) -> None:
    room = _BARS_FROM - _EDGE - 40
    size = min(_LARGE, _LARGE * room / width(said, _LARGE, bold=True))
    baseline = top + 40 + size * 0.9
    sheet.write(said, _EDGE, baseline, size=size, colour=colour, bold=True)
    sheet.lines(below, _EDGE, baseline + 0.27 * size, size=_LABEL + 2, colour=theme.MUTED)


def _draw_bars(sheet: Sheet, bars: list[Bar], top: float, bottom: float) -> None:
    """Draw shares from zero on one scale, each under its label, with limits and a tick at the promise."""
    left, right = _BARS_FROM, WIDE - _EDGE
    end = _scale(max(max(bar.value, bar.upper or 0, bar.target or 0) for bar in bars))
    step = min((bottom - top - 48) / len(bars), 96.0)
    for place, bar in enumerate(bars):
        line = top + place * step + _LABEL
        value = f"{_value(bar)}{_of(bar)}"
        with sheet.mark(f"{bar.label}: {value}"):
            sheet.write(value, right, line, size=_LABEL, bold=True, align="right")
            room = right - left - width(value, _LABEL, bold=True) - 16
            sheet.write(fit(bar.label, room, _LABEL), left, line, size=_LABEL)
            _draw_bar(sheet, bar, line + 9, end)
    below = top + (len(bars) - 1) * step + 2 * _LABEL + 9 + _BAR + 6
    below += _LABEL * 1.3 if bars[-1].target is not None else 0
    answers = bars[0].noun == "answers"
    said = ("0 (worst)", "1 (best)") if answers else ("0 %", percent(end))
    for text, x, align in zip(said, (left, right), ("left", "right"), strict=True):
        sheet.write(text, x, below, size=_SMALL, colour=theme.MUTED, align=align)


def _draw_bar(sheet: Sheet, bar: Bar, top: float, end: float) -> None:
    left, right = _BARS_FROM, WIDE - _EDGE
    bottom, middle = top + _BAR, top + _BAR / 2

    def at(share: float) -> float:
        return left + (right - left) * min(share / end, 1.0)

    sheet.area([(left, top), (right, top), (right, bottom), (left, bottom)], theme.LANE)
    if bar.value > 0:
        corners = [(left, top), (at(bar.value), top), (at(bar.value), bottom), (left, bottom)]
        sheet.area(corners, _TONES[bar.tone])
    if bar.lower is not None and bar.upper is not None:
        ends = (at(bar.lower), at(bar.upper))
        sheet.line([(ends[0], middle), (ends[1], middle)], colour=theme.PAPER, width=6, z=3)
        sheet.line([(ends[0], middle), (ends[1], middle)], colour=theme.INK, width=2.5, z=4)
        for x in ends:
            sheet.line([(x, middle - 7), (x, middle + 7)], colour=theme.INK, width=2.5, z=4)
    if bar.target is not None:
        x = at(bar.target)
        sheet.line([(x, top - 4), (x, bottom + 4)], colour=theme.INK, width=3, z=4)
        align = "right" if x > (left + right) / 2 else "left"
        said = f"promised: {percent(bar.target)}"
        sheet.write(said, x, bottom + 6 + _LABEL, size=_LABEL, colour=theme.MUTED, align=align)


def _draw_foot(sheet: Sheet, refuted_by: str) -> None:
    """Say at the foot what would prove it wrong."""
    if not refuted_by:
        return
    sheet.rule(_FOOT, _EDGE, WIDE - _EDGE)
    sheet.write("What would prove it wrong", _EDGE, _FOOT + 26, size=_SMALL, bold=True)
    sheet.paragraph(refuted_by, _EDGE, _FOOT + 33, _ROOM, size=_SMALL, colour=theme.MUTED, lines=3)


def _fitted(sheet: Sheet, text: str, top: float, bottom: float, size: float) -> None:
    """Write a text as large as it fits between two heights, at most `size`, never too small to be read."""
    for tried in (size, 0.9 * size, 0.8 * size, _SMALL):
        lines = int((bottom - top) // (theme.LINE * tried))
        if len(wrap(text, _ROOM, tried)) <= lines or tried == _SMALL:
            sheet.paragraph(text, _EDGE, top, _ROOM, size=tried, lines=lines)
            return


def _value(bar: Bar) -> str:
    return f"{bar.value:.2f}" if bar.noun == "answers" else percent(bar.value)


def _limits(bar: Bar) -> str:
    lower, upper = float(bar.lower or 0), float(bar.upper or 0)
    return f"{lower:.2f}-{upper:.2f}" if bar.noun == "answers" else limits(lower, upper)


def _of(bar: Bar) -> str:
    return f" of {number(bar.of)}" if bar.of else ""


def _scale(largest: float) -> float:
    """Return where the bars' scale ends: at the whole, or where all shares are small, at a quarter."""
    return 1.0 if largest > 0.2 else 0.25
