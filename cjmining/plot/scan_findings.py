"""The findings of a scan in words, each with the share it found beside the usual one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cjmining.plot import theme
from cjmining.plot.text import Box, fit
from cjmining.plot.words import name, number, percent, plural

if TYPE_CHECKING:
    from cjmining.dropout.scan import DropOutScan
    from cjmining.plot.sheet import Sheet

Row = dict[str, Any]

_TEXT = 560.0


def listed(sheet: Sheet, places: DropOutScan, findings: list[Row], y: float, kind: str) -> float:
    """Tell the findings in words, each with its share beside the usual one; return where they end."""
    standing = sum(bool(finding["stands_out"]) for finding in findings)
    head = f"{plural(standing, 'finding')} that stand{'s' if standing == 1 else ''} out"
    if not standing:
        head = "Nothing stands out" + (": the strongest places may well be chance" if findings else "")
    sheet.write(head, theme.MARGIN, y + 14, size=11, bold=True)
    y += 20
    if findings:
        _shares_axis(sheet, y - 4)
    for finding in findings:
        with sheet.mark(str(finding["sentence"]), stage=str(finding["stage"])):
            y = _told(sheet, finding, y, kind) + 8
    more = len(places.findings) - len(findings)
    said = (
        f"{plural(places.looked_at, 'place')} (stages, last touchpoints and segments) were looked at, and p "
        "allows for all of them: it says how often any is as strong in logs in which nothing is wrong. "
        "Limits of an excess are those of one place: the strongest of many looks larger than it is."
    )
    if more > 0:
        said += f" {plural(more, 'further place')}, weaker or of another kind, {_is(more)} not drawn."
    return sheet.paragraph(said, theme.MARGIN, y + 2, 840, size=theme.SMALL, colour=theme.MUTED)


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _told(sheet: Sheet, finding: Row, y: float, kind: str) -> float:
    bold = bool(finding["stands_out"])
    colour = theme.INK if bold else theme.MUTED
    who = fit(f"{finding['rank']}. {name(finding['stage'])}: {who_of(finding)}", 380, 10, bold=bold)
    sheet.write(who, theme.MARGIN, y + 11, size=10, bold=bold, colour=colour)
    ended = f"{number(finding['ended'])} of {number(finding['entered'])} {ended_so(kind)}"
    said = (
        f"{days_of(finding)}: {ended}, where {number(finding['expected'])} usually would: {signed(finding)}. "
        f"{_chance(finding)}"
    )
    end = sheet.paragraph(
        said, theme.MARGIN + 14, y + 14, _TEXT - 14, size=theme.SMALL, colour=theme.MUTED, lines=2
    )
    _dumbbell(sheet, finding, y + 13)
    return max(end, y + 28)


def days_of(finding: Row) -> str:
    """Return the first and the last day of a finding."""
    first, last = finding["start"], finding["end"] - timedelta(microseconds=1)
    return f"{first.day} {first:%B} to {last.day} {last:%B %Y}"


def _chance(finding: Row) -> str:
    p = "below 0.001" if finding["p"] < 0.001 else f"{finding['p']:.3f}".rstrip("0")
    return f"p {p}" if finding["stands_out"] else f"p {p}: it need not mean anything"


_AXIS = Box(theme.MARGIN + _TEXT + 30, 0, theme.PAGE - theme.MARGIN - 40, 0)


def _shares_axis(sheet: Sheet, y: float) -> None:
    for share, align in ((0.0, "left"), (1.0, "right")):
        x = _AXIS.left + share * (_AXIS.right - _AXIS.left)
        sheet.write(f"{100 * share:.0f} %", x, y, size=7.5, colour=theme.MUTED, align=align)
    middle = (_AXIS.left + _AXIS.right) / 2
    sheet.write("○ usual share  ● found", middle, y, size=7.5, colour=theme.MUTED, align="center")


def _dumbbell(sheet: Sheet, finding: Row, y: float) -> None:
    """Draw the share that usually ends so as a ring and the one found as a disc."""
    colour = theme.DROPPED if finding["stands_out"] else theme.OPEN
    usual, found = (_share_x(finding[key]) for key in ("expected_share", "share"))
    before = sheet.write(
        percent(finding["expected_share"]),
        usual - 7,
        y + 3,
        size=theme.SMALL,
        colour=theme.MUTED,
        align="right",
    )
    after = sheet.write(percent(finding["share"]), found + 8, y + 3, size=theme.SMALL)
    for left, right in ((_AXIS.left, before.box.left - 3), (after.box.right + 3, _AXIS.right)):
        if right > left:
            sheet.line([(left, y), (right, y)], colour=theme.RULE, width=0.6, z=1)
    sheet.line([(usual, y), (found, y)], colour=colour, width=2.4)
    sheet.disc(usual, y, 3.6, theme.PAPER, edge=colour)
    sheet.disc(found, y, 4.2, colour)


def _share_x(share: float) -> float:
    return _AXIS.left + (_AXIS.right - _AXIS.left) * min(max(share, 0.0), 1.0)


def who_of(finding: Row) -> str:
    """Return whom a finding is about, and where they were last seen."""
    who = "everybody" if finding["segment"] == "all" else name(finding["segment"])
    return f"{who}, {name(finding['touchpoint'])}" if finding["touchpoint"] else who


def signed(finding: Row) -> str:
    """Return how many too many they were, with limits."""
    return f"+{number(finding['excess'])} ({number(finding['lower'])} to {number(finding['upper'])})"


def ended_so(kind: str) -> str:
    """Return in words what a kind of end is."""
    return "dropped out" if kind == "dropped" else "were turned away"
