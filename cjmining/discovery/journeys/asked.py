"""What is asked of `find_journeys`, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from cjmining import asked
from cjmining.errors import LogError

if TYPE_CHECKING:
    from datetime import timedelta

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
        return 0 if self.gap is None else asked.microseconds(asked.duration("gap", self.gap))

    def checked(self, log: JourneyLog) -> Asked:
        """Return it with its values as they are used.

        Raises
        ------
        LogError
            If a value is none of those that can be, or does not go with the method.
        """
        asked.one_of("method", self.method, METHODS)
        asked.one_of("level", self.level, LEVELS)
        start = asked.texts("start", self.start, of="touchpoints")
        changes = asked.texts("changes", self.changes, of="columns of events")
        if self.gap is not None and self.gap_us <= 0:
            raise LogError(f"gap is longer than nothing, such as '30m', not {self.gap!r}")
        found = self._replace(start=start, changes=changes, seed=asked.seed(self.seed))
        found._check_start(log)
        return found._with_learning()

    def _check_start(self, log: JourneyLog) -> None:
        if self.method != "start" and (self.start or self.changes):
            raise LogError(f"start and changes go with method='start', not with {self.method!r}")
        if self.method == "start" and not (self.start or self.changes):
            raise LogError(
                "method='start' needs start=[...], touchpoints that journeys begin with, or changes=[...], "
                "columns of events such as 'session'"
            )
        for column in self.changes:
            asked.one_of("column to change", column, (*CHANGING, *log.dimensions))

    def _with_learning(self) -> Asked:
        given = {"threshold": self.threshold, "share": self.share, "order": self.order}
        said = [name for name, value in given.items() if value is not None]
        if said and self.method != "gap and order":
            raise LogError(f"{said[0]} goes with method='gap and order', not with {self.method!r}")
        if self.threshold is not None and self.share is not None:
            raise LogError("give threshold or share, not both: each says how many journeys there are")
        return self._replace(
            threshold=_part("threshold", self.threshold),
            share=_part("share", self.share),
            order=None if self.order is None else asked.whole("order", self.order, most=MOST_BEFORE),
        )


def _part(name: str, given: float | None) -> float | None:
    part = None if given is None else asked.number(name, given, least=0, most=1)
    if part == 0:
        raise LogError(f"{name} is above 0 and at most 1, such as 0.2 for 20 %, not {given!r}")
    return part
