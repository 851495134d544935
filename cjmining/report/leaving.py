"""What the page tells of those who leave: how likely, where and when, and what goes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from cjmining.dropout.drivers import Drivers, drivers
from cjmining.dropout.incidence import Incidence, incidence
from cjmining.dropout.scan import DropOutScan, scan
from cjmining.errors import LogError
from cjmining.report.slugs import unique_slugs
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from cjmining.conformance import Conformance
    from cjmining.results import Result

MOST_STAGES = 2
FEWEST_DROPPED = 50
"""At how many stages it is asked what goes with leaving: those that lose most, and at least so many."""

TOO_FEW = "Too few journeys ended in any place to look for weeks in which more did than usual."

_Result = TypeVar("_Result")


class Leaving(NamedTuple):
    """What is known of those who leave, beside the check; each may be missing.

    `everyone` holds the probabilities of all journeys together, `ends` those of the check's groups. `undone`
    says what could not be worked out, and why.
    """

    ends: Incidence | None = None
    everyone: Incidence | None = None
    places: DropOutScan | None = None
    why: tuple[Drivers, ...] = ()
    undone: tuple[str, ...] = ()

    @property
    def slugs(self) -> dict[str, str]:
        """The slug of each stage at which it is known what goes with leaving."""
        stages = [each.stage for each in self.why]
        return dict(zip(stages, unique_slugs(stages), strict=True))

    @property
    def results(self) -> dict[str, Result]:
        """The results that are there, by the name that their files and sheets begin with."""
        named: dict[str, Result | None] = {"incidence": self.ends, "scan": self.places}
        if self.everyone is not self.ends:
            named["incidence_all"] = self.everyone
        named |= {f"drivers_{self.slugs[each.stage].replace('-', '_')}": each for each in self.why}
        return {name: each for name, each in named.items() if each is not None}


NOT_LOOKED_INTO = Leaving()


def look_into(check: Conformance) -> Leaving:
    """Work out all of it: probabilities, places that stand out, and what goes with leaving where most do.

    Nothing is known of a check that was made without its log, or of an empty one.
    """
    if check._reading is None or not check._length("journeys"):
        return NOT_LOOKED_INTO
    undone: list[str] = []

    def tried(what: str, work: Callable[[], _Result]) -> _Result | None:
        try:
            return work()
        except LogError as problem:
            undone.append(f"{what}: {problem}")
            return None

    ends = incidence(check)
    why = [
        tried(f"What goes with dropping out at {stage}", lambda stage=stage: drivers(check, stage))  # type: ignore[misc]
        for stage in _stages_that_lose_most(check)
    ]
    return Leaving(
        ends=ends,
        everyone=ends if check.by is None else incidence(check.overall),
        places=tried("Where and when drop-out stands out", lambda: scan(check)),
        why=tuple(each for each in why if each is not None),
        undone=tuple(undone),
    )


def _stages_that_lose_most(check: Conformance) -> list[str]:
    stages = check.overall.stages
    inside = stages[(stages["stage"] != BEFORE_THE_MAP) & (stages["dropped"] >= FEWEST_DROPPED)]
    chosen: list[str] = inside.nlargest(MOST_STAGES, "dropped")["stage"].tolist()
    return chosen
