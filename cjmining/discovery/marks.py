"""What a question about paths and funnels names: steps, a time limit, and which journeys may still go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining import asked
from cjmining.discovery.steps import STAYS
from cjmining.errors import LogError, nearest, shorten
from cjmining.patterns import parse_step
from cjmining.patterns.nodes import Cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.steps import Rows, Steps
    from cjmining.log import JourneyLog

    Codes = NDArray[np.int32]
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


def limit_of(within: str | timedelta | None) -> Limit:
    """Read the time limit of a question.

    Raises
    ------
    LogError
        If it is no duration, not longer than nothing, or longer than a hundred years.
    """
    if within is None:
        return Limit("", NO_LIMIT, given=False)
    found = asked.duration("within", within)
    if found < MICROSECOND:
        raise LogError(f"within is longer than nothing, not {within!r}")
    text = within.strip() if isinstance(within, str) else duration_text(found)
    return Limit(f" within {text}", found // MICROSECOND, given=True)


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
    listed = (given,) if isinstance(given, str) else in_order(given)
    several = [str(one) for one in listed if isinstance(one, str)]
    if not several or len(several) < len(listed):
        raise LogError(
            f"{what} is a step such as 'cart_filled' or 'ad_clicked@social', or several, not {given!r}"
        )
    if not all(one.strip() for one in several):
        raise LogError(f"{what} has a step without a name: {given!r}")
    return tuple(dict.fromkeys(several))


def in_order(given: object) -> tuple[object, ...]:
    """Return what a list, a tuple, an array or a Series holds; nothing of what has no order or is none."""
    if isinstance(given, str | bytes | AbstractSet | Mapping) or not isinstance(given, Iterable):
        return ()
    return tuple(given) if getattr(given, "ndim", 1) == 1 else ()


class Marks(NamedTuple):
    """Which of several questions each event of a log answers.

    Attributes
    ----------
    kind : int32[n_events]
        What an event is, as far as anybody asks.
    masks : uint32[K]
        Bit q says whether events of that kind answer question q.
    """

    kind: Codes
    masks: NDArray[np.uint32]

    @classmethod
    def of(cls, log: JourneyLog, steps: Steps, questions: Sequence[Sequence[str]]) -> Marks:
        """Read at most 32 questions, each of which takes any of some steps.

        At levels of touchpoints a step is what `cjmining.patterns.parse_step` reads: a touchpoint, one bound
        to a channel ("ad_clicked@social"), any of a channel ("@email"); at the others it is a channel or a
        stage by its name.

        Raises
        ------
        LogError
            If the log has no such step; one without any events is merely empty.
        """
        if steps.level in STAYS:
            kind, n_kinds = steps.code, len(steps.names)
            tables = [[_named(steps, one) for one in question] for question in questions if log.n_events]
        else:
            known = log.vocabulary("touchpoint")
            read = [[parse_step(one, known=known) for one in question] for question in questions]
            cells = Cells.of(log, [step for question in read for step in question])
            kind, n_kinds = cells.of_events(log), cells.n_kinds
            empty = not log.n_events
            tables = [[cells.table(step, allow_unknown=empty) for step in question] for question in read]
        masks = np.zeros(n_kinds, np.uint32)
        for number, table in enumerate(tables):
            for fits in table:
                masks |= fits.astype(np.uint32) << np.uint32(number)
        return cls(kind, masks)

    def at(self, rows: Rows) -> NDArray[np.uint32]:
        """Return the bits of some events that are steps."""
        found: NDArray[np.uint32] = self.masks[self.kind[rows]]
        return found


def _named(steps: Steps, name: str) -> Flags:
    if name not in steps.names:
        hint = nearest(name, steps.names)
        known = f"t level {steps.level!r} steps are {shorten(steps.names)}"
        raise LogError(f"no {steps.level} is {name!r}{hint or ';'} {'A' if hint else 'a'}{known}")
    return np.array([one == name for one in steps.names], dtype=np.bool_)


def notes_on_ends(limit: Limit, *, tagged: bool) -> tuple[str, ...]:
    """Say what the shares rest on where nothing says when an attempt is over."""
    if limit.given:
        return ()
    if not tagged:
        return (UNTAGGED,)
    return (DECIDED,)
