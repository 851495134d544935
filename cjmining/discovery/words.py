"""Words of discovery: what is no step, numbers and shares for people, lines that fit a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from cjmining.stats import Share

NOTHING: Final = "(nothing)"
"""The variant of a journey all of whose events are ignored."""
START: Final = "(start)"
END: Final = "(end)"
ARROW: Final = " > "

WIDEST: Final = 80
"""Characters of a variant that a terminal shows."""


def unmistakable(word: str, names: Sequence[str]) -> str:
    """Return a word for what is no step, in brackets until no step is named so.

    Examples
    --------
    >>> unmistakable("(end)", ["ad", "order"]), unmistakable("(end)", ["ad", "(end)"])
    ('(end)', '((end))')
    """
    while word in names:
        word = f"({word})"
    return word


def percent(share: float) -> str:
    """Write a share.

    Examples
    --------
    >>> percent(0.238)
    '24 %'
    """
    return f"{100 * share:.0f} %"


def plural(number: int, word: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> plural(1, "group"), plural(1200, "group")
    ('1 group', '1,200 groups')
    """
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def shortened(variant: str, steps: int) -> str:
    """Return as many whole steps of a variant's name as fit a line, and how many it has.

    Examples
    --------
    >>> shortened("ad > shop", 2)
    'ad > shop'
    >>> shortened(" > ".join(["search", "product_view"] * 10), 20)
    'search > product_view > search > product_view > search > product_view > ... (20 steps)'
    """
    if len(variant) <= WIDEST:
        return variant
    cut = variant[:WIDEST].rpartition(ARROW)[0] or variant[:WIDEST]
    return f"{cut}{ARROW}... ({plural(steps, 'step')})"


def bounded(lines: Sequence[str], most: int, where: str) -> list[str]:
    """Return the first lines, indented, and say where the others are.

    Examples
    --------
    >>> bounded(["a", "b", "c"], 2, ".account")
    ['  a', '  b', '  1 more in .account']
    """
    more = [f"  {len(lines) - most:,} more in {where}"] if len(lines) > most else []
    return [*(f"  {line}" for line in lines[:most]), *more]


def share_text(share: Share) -> str:
    """Write a share as people read it: "34 % (29-39 %)".

    Examples
    --------
    >>> from cjmining.stats import Share
    >>> share_text(Share(0.34, 0.29, 0.392))
    '34 % (29-39 %)'
    """
    if np.isnan(share.share):
        return "none to tell of"
    return f"{100 * share.share:.0f} % ({100 * share.lower:.0f}-{100 * share.upper:.0f} %)"


def time_text(seconds: float) -> str:
    """Write a length of time in its largest unit that makes it at least one.

    Examples
    --------
    >>> time_text(181_440), time_text(660), time_text(0.25)
    ('2.1 d', '11 min', '0.25 s')
    """
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            amount = seconds / length
            return f"{amount:,.0f} {unit}" if amount >= 10 else f"{amount:.2g} {unit}"
    return f"{seconds:.2g} s"


def open_text(number: int, otherwise: str, *, timed: bool) -> str:
    """Say how many attempts are open, and what that means; nothing where none is.

    Examples
    --------
    >>> open_text(2, "may still arrive", timed=True), open_text(2, "may still arrive", timed=False)
    (', 2 of them with time left', ', 2 of them may still arrive')
    """
    if not number:
        return ""
    return f", {number:,} of them {'with time left' if timed else otherwise}"
