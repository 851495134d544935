"""What is asked of `find_journeys`, checked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from cjmining.documents import parse_duration
from cjmining.errors import LogError, nearest

if TYPE_CHECKING:
    from cjmining.log import JourneyLog

METHODS: Final = ("gap and order", "gap", "start")
"""How beginnings can be found."""

LEVELS: Final = ("touchpoint", "touchpoint@channel", "channel")
"""What the order is told of; there are no stages without a map."""

CHANGING: Final = ("session", "campaign", "device", "channel", "source")
"""Columns of events that may change where a journey begins, beside a log's own dimensions."""

THRESHOLD: Final = 0.5
"""A journey begins where that is at least as likely as not."""

MOST_BEFORE: Final = 6
"""So many events before an event may be looked at."""


class Asked(NamedTuple):
    """How journeys are to be found; each field is what `find_journeys` calls so."""

    method: str
    gap: timedelta | str | None
    start: Sequence[str]
    changes: Sequence[str]
    threshold: float | None
    share: float | None
    level: str
    order: int | None
    seed: int

    @property
    def gap_us(self) -> int:
        """The shortest silence before a journey in microseconds, 0 where any will do."""
        return 0 if self.gap is None else parse_duration(self.gap) // timedelta(microseconds=1)

    def checked(self, log: JourneyLog) -> Asked:
        """Return it as it is.

        Raises
        ------
        LogError
            If a value is none of those that can be, or does not go with the method.
        ValueError
            If `gap` is no duration.
        """
        _one_of("method", self.method, METHODS)
        _one_of("level", self.level, LEVELS)
        self._check_start(log)
        self._check_learning()
        if self.gap is not None and self.gap_us <= 0:
            raise LogError(f"gap is longer than nothing, such as '30m', not {self.gap!r}")
        return self

    def _check_start(self, log: JourneyLog) -> None:
        for name, given in (("start", self.start), ("changes", self.changes)):
            if isinstance(given, str):
                raise LogError(f"{name} is a sequence of names: write {name}=[{given!r}]")
        if self.method != "start" and (self.start or self.changes):
            raise LogError(f"start and changes go with method='start', not with {self.method!r}")
        if self.method == "start" and not (self.start or self.changes):
            raise LogError(
                "method='start' needs start=[...], touchpoints that journeys begin with, or changes=[...], "
                "columns of events such as 'session'"
            )
        for column in self.changes:
            _one_of("column to change", column, (*CHANGING, *log.dimensions))

    def _check_learning(self) -> None:
        given = {"threshold": self.threshold, "share": self.share, "order": self.order}
        said = [name for name, value in given.items() if value is not None]
        if said and self.method != "gap and order":
            raise LogError(f"{said[0]} goes with method='gap and order', not with {self.method!r}")
        if self.threshold is not None and self.share is not None:
            raise LogError("give threshold or share, not both: each says how many journeys there are")
        _check_part("threshold", self.threshold)
        _check_part("share", self.share)
        if self.order is not None:
            _check_whole("order", self.order, 1, MOST_BEFORE)
        _check_whole("seed", self.seed, 0, 2**63 - 1)


def _one_of(what: str, given: object, known: Sequence[str]) -> None:
    if given not in known:
        listed = ", ".join(repr(one) for one in known)
        raise LogError(f"there is no {what} {given!r}{nearest(str(given), known)}; it is one of {listed}")


def _check_part(name: str, part: float | None) -> None:
    if part is not None and (isinstance(part, bool | str) or not 0 < part <= 1):
        raise LogError(f"{name} is above 0 and at most 1, such as 0.2 for 20 %, not {part!r}")


def _check_whole(name: str, number: object, fewest: int, most: int) -> None:
    if not isinstance(number, int) or isinstance(number, bool) or not fewest <= number <= most:
        raise LogError(f"{name} is a whole number from {fewest} to {most}, not {number!r}")
