"""What a question about paths and funnels names: steps, a time limit, and which journeys may still go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.discovery.steps import STAYS
from cjmining.documents import parse_duration
from cjmining.errors import LogError, nearest, shorten
from cjmining.patterns import parse_step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.steps import Steps
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

    Step = str | Sequence[str]

NO_LIMIT: Final = 2**61
"""Microseconds, 73,000 years: no journey is as long, and times added to it are still whole numbers."""

MICROSECOND: Final = timedelta(microseconds=1)

UNTAGGED: Final = (
    "Nothing says which journeys are over: those that may still go on count as if they would not. Give "
    "within=, or tag the log with outcomes: log.tag(outcome=check.journeys['outcome'])."
)
DECIDED: Final = (
    "Without a time limit the shares are of the journeys decided so far: those that convert are often "
    "decided sooner than those that drop out. Give within= for shares that don't depend on when the data end."
)


class Limit(NamedTuple):
    """How long an attempt may take.

    Attributes
    ----------
    text : str
        " within 7d" for sentences, empty without a limit.
    us : int
        Microseconds.
    given : bool
    """

    text: str
    us: int
    given: bool


def limit_of(within: str | timedelta | None, verb: str) -> Limit:
    """Read the time limit of a question.

    Raises
    ------
    LogError
        If it is no duration, or not longer than nothing.
    """
    if within is None:
        return Limit("", NO_LIMIT, given=False)
    try:
        found = parse_duration(within)
    except ValueError as problem:
        raise LogError(f"within of {verb}: {problem}") from None
    if found <= timedelta(0):
        raise LogError(f"within of {verb} is longer than nothing, not {within!r}")
    return Limit(f" within {duration_text(found)}", found // MICROSECOND, given=True)


def duration_text(duration: timedelta) -> str:
    """Write a duration as it is read: "7d", "36h".

    Examples
    --------
    >>> duration_text(timedelta(hours=36)), duration_text(timedelta(days=7))
    ('36h', '7d')
    """
    for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1))):
        if duration % length == timedelta(0):
            return f"{duration // length}{unit}"
    return f"{duration.total_seconds():g}s"


def alternatives(given: Step, what: str) -> tuple[str, ...]:
    """Return a step, or the several of a choice, as texts.

    Raises
    ------
    LogError
        If it is no text, and no sequence of some.
    """
    several = (given,) if isinstance(given, str) else given
    if not isinstance(several, Sequence) or not several or not all(isinstance(one, str) for one in several):
        raise LogError(
            f"{what} is a step such as 'cart_filled' or 'ad_clicked@social', or several, not {given!r}"
        )
    return tuple(several)


def marks(log: JourneyLog, steps: Steps, given: Sequence[str]) -> Flags:
    """Say for each event of a log whether it is one of some steps.

    At levels of touchpoints a step is what `cjmining.patterns.parse_step` reads: a touchpoint, one bound to a
    channel ("ad_clicked@social"), any of a channel ("@email"); at the others it is a channel or a stage by
    its name.

    Raises
    ------
    LogError
        If the log has no such step; one without any events is merely empty.
    """
    found = np.zeros(log.n_events, np.bool_)
    if not log.n_events:
        return found
    known = log.vocabulary("touchpoint")
    for one in given:
        found |= _named(steps, one) if steps.level in STAYS else parse_step(one, known=known).of(log)
    return found


def _named(steps: Steps, name: str) -> Flags:
    if name not in steps.names:
        hint = nearest(name, steps.names)
        raise LogError(
            f"no {steps.level} is {name!r}{hint}; at level {steps.level!r} steps are {shorten(steps.names)}"
        )
    found: Flags = steps.code == steps.names.index(name)
    return found


def expect_one_of(what: str, given: str, known: Sequence[str]) -> None:
    """Raise a LogError unless an option is one of those known."""
    if given not in known:
        raise LogError(f"{what} is one of {', '.join(known)}, not {given!r}{nearest(str(given), known)}")


def notes_on_ends(limit: Limit, *, tagged: bool) -> tuple[str, ...]:
    """Say what the shares rest on where nothing says when an attempt is over."""
    if limit.given:
        return ()
    if not tagged:
        return (UNTAGGED,)
    return (DECIDED,)
