"""How variants are named and shortened for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

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
