"""Pictures made smaller for one page: what their marks share is written once, as a rule of styles."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

_MARK = re.compile(r"<(text|path|circle|rect)( [^>]*?)(/?)>")
_SHARED = re.compile(
    r" (fill|stroke|stroke-linecap|stroke-linejoin|class|font-size|font-weight|font-style|text-anchor"
    r'|stroke-width|stroke-dasharray)="([^"]*)"'
)


def slim(pictures: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Put the look of marks into classes of their own.

    Most of a picture's bytes say of each line of type the same size, weight and colour. The looks that occur
    are numbered, the most frequent first, and each mark keeps the number of its look.

    Parameters
    ----------
    pictures : dict of str to str
        Pictures as `plot.svg.written` writes them, by the classes of `plot.svg.rules` or with colours.

    Returns
    -------
    tuple of dict and str
        The pictures with one short class a mark, and the rules of these classes.

    Examples
    --------
    >>> slim({"a": '<text x="1" class="f-ink" font-size="8">Basket</text>'})
    ({'a': '<text class="k0" x="1">Basket</text>'}, '.k0{fill:var(--ink);font-size:8px}')
    """
    looks = Counter(
        _look(mark[2]) for picture in pictures.values() for mark in _MARK.finditer(picture) if _look(mark[2])
    )
    ordered = sorted(looks, key=lambda look: (-looks[look], look))
    numbers = {look: f"k{number}" for number, look in enumerate(ordered)}

    def slimmed(mark: re.Match[str]) -> str:
        look = _look(mark[2])
        if not look:
            return mark[0]
        rest = _LENGTH.sub("", _SHARED.sub("", mark[2]))
        return f'<{mark[1]} class="{numbers[look]}"{rest}{mark[3]}>'

    rules = "\n".join(f".{numbers[look]}{{{_rule(look)}}}" for look in ordered)
    return {name: _MARK.sub(slimmed, picture) for name, picture in pictures.items()}, rules


_LENGTH = re.compile(r' textLength="[^"]*"')

_Look = tuple[tuple[str, str], ...]


def _look(attributes: str) -> _Look:
    return tuple(sorted((name, value) for name, value in _SHARED.findall(attributes)))


def _rule(look: _Look) -> str:
    said = []
    for name, value in look:
        if name == "class":
            said += [_of_class(each) for each in value.split()]
        else:
            said.append(f"{name}:{value}{'px' if name == 'font-size' else ''}")
    return ";".join(said)


def _of_class(name: str) -> str:
    """Return what a class of `plot.svg.rules` says: f for the inside, s for the edge, n for no inside."""
    if name == "n":
        return "fill:none;stroke-linecap:round;stroke-linejoin:round"
    return f"{'fill' if name.startswith('f-') else 'stroke'}:var(--{name[2:]})"
