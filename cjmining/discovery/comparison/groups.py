"""Which journeys a comparison holds against each other, and what it holds them alike in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining import grouping
from cjmining.discovery.comparison.read import Sides
from cjmining.discovery.outcomes import OPEN, outcomes_of
from cjmining.errors import LogError, nearest, shorten
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.steps import Steps
    from cjmining.grouping import Groups
    from cjmining.log import JourneyLog

    Bools = NDArray[np.bool_]

MOST_VALUES: Final = 20
"""An attribute with more values makes strata too thin to hold groups alike in."""

OTHERS: Final = "the others"

NOTHING_TO_HOLD: Final = (
    "Not looked into whether anything turns: customers have no other attributes with 2 to "
    f"{MOST_VALUES} values; name attributes, tags or dimensions in strata."
)


class Made(NamedTuple):
    """What a discovery was made of: its log, the steps, and the group of each journey."""

    log: JourneyLog
    steps: Steps
    by: tuple[str, ...]
    group: NDArray[np.int32]
    groups: tuple[str, ...]


class Chosen(NamedTuple):
    """The two groups.

    Attributes
    ----------
    a, b : str
        What they are called.
    sides : Sides
        Which journeys they have.
    open_journeys : int64[2] or None
        How many journeys of each group are open, before any are left out; None where nothing tells it.
    notes : tuple of str
        What the reader should know of the choice.
    """

    a: str
    b: str
    sides: Sides
    open_journeys: NDArray[np.int64] | None
    notes: tuple[str, ...]


def choose(made: Made, a: str | Sequence[str], b: str | Sequence[str] | None, *, with_open: bool) -> Chosen:
    """Say which journeys are in the one group and in the other.

    Raises
    ------
    LogError
        If there is no such group, both are the same, one has no journeys, or open journeys can't be told.
    """
    present = [made.groups[code] for code in np.flatnonzero(np.bincount(made.group, minlength=1)).tolist()]
    first = _group(made, a, present)
    others = [name for name in present if name != first]
    other, notes = OTHERS, tuple[str, ...]()
    if b is not None:
        other = _group(made, b, present)
        if other == first:
            raise LogError(f"{first!r} is compared with itself; leave b out to compare it with all others")
        others = [other]
    else:
        others, notes = _known(made, others)
    if not others:
        raise LogError(f"there is no group but {first!r} to compare it with")
    side = np.full(len(made.group), -1, np.int8)
    side[np.isin(made.group, [made.groups.index(name) for name in others])] = 1
    side[made.group == made.groups.index(first)] = 0
    is_open = _open(made, with_open)
    counts = None
    if is_open is not None:
        counts = np.array([int((is_open & (side == each)).sum()) for each in (0, 1)])
        if not with_open:
            side[is_open] = -1
    _expect_journeys(side, (first, other))
    sides = Sides(made.steps, made.log.journey_customer, side, np.zeros(len(side), np.int64), is_open=is_open)
    return Chosen(first, other, sides, counts, notes)


def _group(made: Made, name: str | Sequence[str], present: Sequence[str]) -> str:
    wanted = name if isinstance(name, str) else grouping.joined([str(part) for part in name])
    if wanted not in present:
        raise LogError(
            f"there is no group {wanted!r}{nearest(wanted, present)}; by {' and '.join(made.by)} there are "
            f"{shorten(map(repr, present), 6) if len(made.by) > 1 else shorten(present)}"
        )
    return wanted


def _known(made: Made, others: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Leave out whom nothing is known of: often that depends on how far somebody came."""
    unknown = np.zeros(len(made.group), np.bool_)
    for name in made.by:
        codes, names = made.log.group(name)
        unknown |= codes == (names.index(UNKNOWN) if UNKNOWN in names else -1)
    without = {made.groups[code] for code in np.unique(made.group[unknown]).tolist()}
    kept = [name for name in others if name not in without]
    left_out = [made.groups.index(name) for name in others if name in without]
    if not kept or not left_out:
        return others, ()
    number = int(np.isin(made.group, left_out).sum())
    return kept, (f"The others are without the {number:,} journeys whose {' or '.join(made.by)} is unknown.",)


def _open(made: Made, with_open: bool) -> Bools | None:
    outcome = outcomes_of(made.log)
    if outcome is None and not with_open:
        raise LogError(
            "with_open=False needs to know which journeys are open: check the log against a map, then "
            "log.tag(outcome=check.journeys['outcome']) before cj.discover"
        )
    return None if outcome is None else np.asarray(outcome == OPEN)


def _expect_journeys(side: NDArray[np.int8], names: tuple[str, str]) -> None:
    for number, name in enumerate(names):
        if not (side == number).any():
            raise LogError(f"all journeys of {name!r} are open; compare with_open=True, or another group")


class Strata(NamedTuple):
    """What groups are held alike in, by name, and why some attributes were not looked at."""

    of: dict[str, Groups]
    notes: tuple[str, ...]


def strata(made: Made, wanted: str | Sequence[str] | None, sides: Sides) -> Strata:
    """Say what the groups are to be held alike in.

    Raises
    ------
    LogError
        If a name is unknown, one that the groups are made of, or has too many values.
    """
    if wanted is None:
        return _usual(made, sides)
    names = [wanted] if isinstance(wanted, str) else list(dict.fromkeys(wanted))
    found = {}
    for name in names:
        if name in made.by:
            raise LogError(f"strata can't hold {name!r}: it is what the groups are made of")
        found[name] = grouping.group(made.log, name)
        number = _values(found[name], sides)
        if number > MOST_VALUES:
            raise LogError(
                f"{name!r} has {number:,} values, strata at most {MOST_VALUES}: tag journeys with fewer first"
            )
    return Strata(found, ())


def _usual(made: Made, sides: Sides) -> Strata:
    found, too_many = {}, []
    for name in made.log.attributes:
        if name in made.by or name == "customer":
            continue
        groups = grouping.group(made.log, name)
        number = _values(groups, sides)
        if number > MOST_VALUES:
            too_many.append(name)
        elif number > 1:
            found[name] = groups
    if not found and not too_many:
        return Strata(found, (NOTHING_TO_HOLD,))
    if not too_many:
        return Strata(found, ())
    note = (
        f"Not looked at within {shorten(too_many)}: more than {MOST_VALUES} values; tag journeys with fewer, "
        "and name the tag in strata."
    )
    return Strata(found, (note,))


def _values(groups: Groups, sides: Sides) -> int:
    return len(np.unique(groups.codes[sides.side >= 0]))
