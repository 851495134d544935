"""Durations, promises, rules of personas and lists in words, for every view of a map."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cjmining.intended.model import Expectation


def duration_in_words(duration: timedelta) -> str:
    """Return a duration in the largest unit that divides it: 14 days, 1 hour, 90 minutes, 0.5 seconds."""
    return _in_words(duration.total_seconds())


def _in_words(seconds: float) -> str:
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if size <= seconds < _LONGEST and seconds % size == 0:
            return _counted(seconds / size, unit)
    return _counted(seconds, "second")


_LONGEST = 1e9
"""More seconds than these are no duration that anybody says in days."""


def _counted(number: float, unit: str) -> str:
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def duration_in_short(length: timedelta | str | None) -> str:
    """Return a duration in the largest unit that divides it: 14 d, 36 h, 90 min, 20 s."""
    if not isinstance(length, timedelta):
        return length or "never"
    seconds = length.total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def promise_in_words(promise: Expectation) -> str:
    """Return a promise as a sentence without its full stop.

    Examples
    --------
    >>> from cjmining.intended.model import Expectation
    >>> promise_in_words(Expectation("wait_s", at_most=120, share=0.9))
    'at least 90 % wait at most 2 minutes'
    >>> promise_in_words(Expectation("contacts", at_most=1, share=0.8))
    'in at least 80 % of journeys it happens at most once'
    >>> promise_in_words(Expectation("satisfaction", at_least=0.6))
    'every answer is at least 0.6 (0 worst, 1 best)'
    """
    everyone = promise.share == 1
    share = f"at least {promise.share * 100:g} %"
    if promise.measure == "wait_s":
        return f"{'everyone waits' if everyone else f'{share} wait'} {_bounds(promise)}"
    if promise.measure == "duration_s":
        return f"{'it always takes' if everyone else f'for {share} it takes'} {_bounds(promise)}"
    if promise.measure == "response_s":
        often = "it always comes" if everyone else f"in {share} of cases it comes"
        return f"{often} {_bounds(promise)} after {promise.after}"
    if promise.measure == "contacts":
        often = "in every journey" if everyone else f"in {share} of journeys"
        return f"{often} it happens {_bounds(promise)}"
    answers = "every answer is" if everyone else f"{share} of answers are"
    return f"{answers} {_bounds(promise)} (0 worst, 1 best)"


def _bounds(promise: Expectation) -> str:
    low, high = promise.at_least, promise.at_most
    if low is not None and high is not None:
        return f"between {_amount(promise, low)} and {_amount(promise, high)}"
    if high is not None:
        return f"at most {_amount(promise, high)}"
    return "" if low is None else f"at least {_amount(promise, low)}"


def _amount(promise: Expectation, number: float) -> str:
    if promise.measure == "satisfaction":
        return f"{number:g}"
    if promise.measure == "contacts":
        return {1: "once", 2: "twice"}.get(int(number), f"{number:g} times")
    return _in_words(number)


def either(words: Sequence[str]) -> str:
    """Return words of which one will do.

    Examples
    --------
    >>> either(["web"]), either(["web", "app"]), either(["web", "app", "store"])
    ('web', 'web or app', 'web, app or store')
    """
    return _joined(words, " or ")


def both(words: Sequence[str]) -> str:
    """Return words that all belong: two, or as many as there are."""
    return _joined(words, " and ")


def _joined(words: Sequence[str], last: str) -> str:
    return last.join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def rules_in_words(where: object) -> str:
    """Return the rules of a persona in words."""
    if not isinstance(where, dict):
        return ""
    words = {"at_least": "at least", "at_most": "at most", "one_of": "one of", "equals": "is"}
    parts = []
    for attribute, conditions in where.items():
        for operator, wanted in conditions.items():
            if operator == "missing":
                parts.append(f"{attribute} is {'missing' if wanted else 'known'}")
                continue
            value = ", ".join(map(str, wanted)) if operator == "one_of" else str(wanted)
            parts.append(f"{attribute} {words.get(operator, operator)} {value}")
    return " and ".join(parts)
