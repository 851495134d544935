"""What pictures say: the words of all tables, and promises."""

from __future__ import annotations

from collections.abc import Callable

from cjmining.words import (
    day,
    days,
    duration,
    known,
    limits,
    money,
    name,
    number,
    percent,
    plural,
    ratio_limits,
    share_of,
    times,
)

__all__ = [
    "day",
    "days",
    "duration",
    "known",
    "limits",
    "money",
    "name",
    "number",
    "percent",
    "plural",
    "promise",
    "ratio_limits",
    "share_of",
    "times",
]


def promise(measure: str, at_least: float, at_most: float, after: str = "") -> str:
    """Return in words what a promise says of its touchpoint, or, for "within", of its stage.

    Examples
    --------
    >>> nan = float("nan")
    >>> promise("wait_s", nan, 120), promise("satisfaction", 0.6, nan)
    ('wait at most 2 min', 'satisfaction at least 0.6')
    >>> promise("response_s", nan, 14_400, "case_opened"), promise("within", nan, 604_800)
    ('at most 4 h after case opened', 'on to the next stage within 7 d')
    >>> promise("contacts", nan, 1), promise("contacts", nan, 3), promise("duration_s", 60, 300)
    ('at most once a journey', 'at most 3 times a journey', 'takes 1 min to 5 min')
    """
    if measure == "within":
        return f"on to the next stage within {duration(at_most)}"
    if measure == "contacts":
        return f"{_bounds(at_least, at_most, _times)} a journey"
    if measure == "satisfaction":
        return f"satisfaction {_bounds(at_least, at_most, lambda value: f'{value:g}')}"
    said = _bounds(at_least, at_most, duration)
    if measure == "response_s":
        return f"{said} after {name(after)}"
    return f"{_OF_TIME.get(measure, name(measure))} {said}"


_OF_TIME = {"wait_s": "wait", "duration_s": "takes"}


def _bounds(at_least: float, at_most: float, said: Callable[[float], str]) -> str:
    if known(at_least) and known(at_most):
        return f"{said(at_least)} to {said(at_most)}"
    return f"at most {said(at_most)}" if known(at_most) else f"at least {said(at_least)}"


def _times(value: float) -> str:
    return "once" if value == 1 else f"{value:g} times"
