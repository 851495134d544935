"""A small language for patterns over the events of a journey."""

from __future__ import annotations

from collections.abc import Collection

from cjmining.patterns.grammar import read_step
from cjmining.patterns.nodes import Step
from cjmining.patterns.pattern import Pattern, having, parse

__all__ = ["Pattern", "Step", "having", "parse", "parse_step"]


def parse_step(text: str, *, known: Collection[str] = ()) -> Step:
    """Read a single step.

    Parameters
    ----------
    text : str
        `touchpoint`, `touchpoint@channel`, `@channel`, `touchpoint{failed}`, `(a | b)`, `!a`, `cart_*` or
        `*`; names with other characters than letters, digits and _ - . : / & % # stand in quotes. A text
        of nothing but words and spaces needs none.
    known : collection of str
        Names that mean themselves as they stand, such as ``log.vocabulary("touchpoint")``.

    Returns
    -------
    Step
        ``step.of(log)`` says which events of a log it means.

    Raises
    ------
    LogError
        If the text can't be read: with the place, and what was expected.

    Examples
    --------
    >>> parse_step("ad_clicked@social").text
    'ad_clicked@social'
    """
    return read_step(text, known)
