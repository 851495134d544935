"""Measuring text before it is drawn, wrapping it to a width, and finding it a place where nothing else is."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from cjmining.plot import theme

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NO_BREAK = "\N{NO-BREAK SPACE}"
_WITH_UNIT = re.compile(r"(?<=\d) (?=(?:%|s|min|h|d)(?!\w))")
"""The blank between a number and its unit, at which no line ends."""
_ASCENT = 0.93
_DESCENT = 0.27
_WIDE, _NARROW = 1.0, 0.65
"""Usual widths, in em, of characters of other fonts: of Chinese, Japanese and emoji, and of the rest."""
_SLACK = 1.04
"""Renderers round a glyph's width to their pixels; boxes are kept this much wider than the font's metrics."""


class Box(NamedTuple):
    """A rectangle in points; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box, gap: float = 0.0) -> bool:
        """Say whether two boxes overlap, or come nearer than `gap`."""
        return (
            self.left < other.right + gap
            and other.left < self.right + gap
            and self.top < other.bottom + gap
            and other.top < self.bottom + gap
        )


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a line of text is, in points, a little on the safe side."""
    return drawn_width(plain(text), size, bold=bold) * _SLACK


def drawn_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a line of text is by the metrics of the font, in points."""
    return _width_of_100(text, bold) * size / 100


def box(text: str, x: float, baseline: float, size: float, *, bold: bool = False, align: str = "left") -> Box:
    """Return the rectangle that a line of text covers, its baseline at `baseline`."""
    wide = width(text, size, bold=bold)
    left = x - {"left": 0.0, "center": wide / 2, "right": wide}[align]
    return Box(left, baseline - _ASCENT * size, left + wide, baseline + _DESCENT * size)


def wrap(text: str, room: float, size: float, *, bold: bool = False, lines: int = 99) -> list[str]:
    """Return `text` in lines no wider than `room`; what doesn't fit into `lines` ends in an ellipsis."""
    done: list[str] = []
    for word in _words(_WITH_UNIT.sub(_NO_BREAK, plain(text)), room, size, bold):
        longer = f"{done[-1]} {word}" if done else word
        if done and width(longer, size, bold=bold) <= room:
            done[-1] = longer
        else:
            done.append(word)
    done = [line.replace(_NO_BREAK, " ") for line in done]
    if len(done) <= lines:
        return done or [""]
    return [*done[: lines - 1], fit(" ".join(done[lines - 1 :]), room, size, bold=bold)]


def fit(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Return `text` on one line no wider than `room`, shortened by an ellipsis where needed."""
    whole = plain(text)
    if width(whole, size, bold=bold) <= room:
        return whole
    most = bisect_right(
        range(len(whole)), room, key=lambda n: width(whole[: n + 1].rstrip() + "…", size, bold=bold)
    )
    return whole[:most].rstrip() + "…"


def told_apart(names: Sequence[str], room: float, size: float) -> list[str]:
    """Return names that differ when cut to `room`: where they wouldn't, they lose the beginning they share.

    Of it the first word stays, then an ellipsis. The room of two lines is less than twice that
    of one, since lines end at words; so a tenth of it is not counted on.
    """
    alike: dict[str, set[str]] = {}
    for each in map(plain, names):
        alike.setdefault(fit(each, 0.9 * room, size), set()).add(each)
    said: dict[str, str] = {}
    for cut, group in alike.items():
        if len(group) > 1:
            shared = _shared(min(group), max(group))
            begin = max(cut.find(" ") + 1, 0) or min(6, shared)
            rest = max((each.rfind(" ", 0, shared) + 1 for each in group), default=0)
            rest = rest if rest > begin else max(begin, shared - 2)
            said |= {each: f"{each[:begin].rstrip()}… {each[rest:].lstrip()}" for each in group}
    return [said.get(plain(each), each) for each in names]


def _shared(first: str, last: str) -> int:
    """Return how many letters two names begin with alike: of a group in order those at its ends."""
    pairs = zip(first, last, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(first), len(last)))


def short(name: str, room: float, size: float, *, lines: float = 2) -> str:
    """Return a name that takes at most about `lines` lines of a longer text, so that numbers have room."""
    return fit(name, room * lines, size)


def spread(wanted: Sequence[float], widths: Sequence[float], right: float, gap: float) -> list[float]:
    """Return left edges near the wanted ones, in order, apart by `gap`, and within `right`."""
    edges: list[float] = []
    for want, _ in zip(wanted, widths, strict=True):
        least = edges[-1] + widths[len(edges) - 1] + gap if edges else want
        edges.append(max(want, least))
    limit = right
    for position in range(len(edges) - 1, -1, -1):
        edges[position] = min(edges[position], limit - widths[position])
        limit = edges[position] - gap
    return edges


def place(candidates: Iterable[Box], taken: Sequence[Box], *, gap: float = 1.0) -> int | None:
    """Return the number of the first candidate that meets nothing taken, or None."""
    for position, candidate in enumerate(candidates):
        if not any(candidate.meets(other, gap) for other in taken):
            return position
    return None


@lru_cache(maxsize=16_384)
def plain(text: str) -> str:
    """Return text that can be written: one line, no control characters, nothing that is no character."""
    line = str(text)
    if not line.replace(_NO_BREAK, " ").isprintable():
        line = " ".join(line.split())
    return "".join(_writable(character) for character in line)


@lru_cache(maxsize=16_384)
def drawable(text: str) -> str:
    """Return text with a sign in place of each character that the font has no glyph for.

    Matplotlib has only the glyphs of the font; a browser finds the others elsewhere, and gets them as is.
    """
    return "".join(_stands_in(c) if _em(c) else c for c in text)


def slants(text: str) -> bool:
    """Say whether text can be written in italics: the font has fewer letters there."""
    font = get_font(findfont(FontProperties(family=theme.FONT, style="italic")))
    return all(font.get_char_index(ord(character)) for character in plain(text))


@lru_cache(maxsize=4096)
def _writable(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Cf", "Cs", "Mn", "Me"}:
        return ""
    return "\N{REPLACEMENT CHARACTER}" if category in {"Cn", "Co"} and _em(character) else character


@lru_cache(maxsize=4096)
def _em(character: str) -> float:
    """Return how wide a character usually is that the font has no glyph for, in em; 0 if it has one."""
    if get_font(findfont(FontProperties(family=theme.FONT))).get_char_index(ord(character)):
        return 0.0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _NARROW


def _stands_in(character: str) -> str:
    return "\N{WHITE SQUARE}" if _em(character) == _WIDE else "?"


def _words(text: str, room: float, size: float, bold: bool) -> Iterable[str]:
    """Yield the words of a text, those wider than the room in pieces."""
    for word in text.split(" "):
        rest = word
        while width(rest, size, bold=bold) > room and len(rest) > 1:
            lengths = range(1, len(rest))
            cut = max(1, bisect_right(lengths, room, key=lambda n: width(rest[:n], size, bold=bold)))
            yield rest[:cut]
            rest = rest[cut:]
        if rest:
            yield rest


@lru_cache(maxsize=16_384)
def _width_of_100(text: str, bold: bool) -> float:
    properties = FontProperties(family=theme.FONT, size=100, weight="bold" if bold else "normal")
    elsewhere = [100 * _em(character) for character in text]
    own = "".join(c for c, wide in zip(text, elsewhere, strict=True) if not wide) if any(elsewhere) else text
    return float(text_to_path.get_text_width_height_descent(own, properties, ismath=False)[0]) + sum(
        elsewhere
    )
