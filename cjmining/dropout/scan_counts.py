"""What a scan counts: ends by stage, week and the finest groups that segments are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.dropout.entries import DROPPED, TURNED_AWAY, entries, longest_patience_us
from cjmining.dropout.segments import segment
from cjmining.errors import LogError
from cjmining.intended.words import duration_in_words
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.dropout.entries import Entries

DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US
MONDAY_US = 4 * DAY_US
"""1970 began on a Thursday; its first Monday was the 5th."""
KINDS = {"dropped": DROPPED, "turned away": TURNED_AWAY}
MOST_VALUES = 12
ANYWHERE = ""
LEAST_OWN_SHARE, MOST_OWN_SHARE = 0.1, 0.9
"""A touchpoint is looked at by itself if its share of the stage's ends lies between these."""
SOME_DAYS = timedelta(days=7)
DIMENSIONS = ("channel", "device")


class Variable(NamedTuple):
    """What segments are made of: the value of each entry, and the names of values; unknown is -1."""

    name: str
    codes: NDArray[np.int32]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """The entries that a scan looks at.

    Attributes
    ----------
    found : Entries
        Of journeys begun inside the observed time that entered at least `horizon` before the data end.
    variables : tuple of Variable
    touchpoint : int32[E]
        Where each entry's journey was last seen, as codes of `touchpoints`.
    touchpoints : tuple of str
    week : int32[E]
        Of the entry, from the first one on.
    first_week : int
        Microseconds since 1970 of the Monday (UTC) that begins it.
    weeks : int
        How many.
    horizon : timedelta
        Within which an end counts.
    left_out : tuple of str
        What isn't looked at, and why.
    """

    found: Entries
    variables: tuple[Variable, ...]
    touchpoint: NDArray[np.int32]
    touchpoints: tuple[str, ...]
    week: NDArray[np.int32]
    first_week: int
    weeks: int
    horizon: timedelta
    left_out: tuple[str, ...]

    @property
    def sees_until(self) -> int:
        """Until when entries are old enough to be judged, in microseconds since 1970."""
        return self.found.data_end - self.horizon // timedelta(microseconds=1)

    def ended(self, kind: str) -> NDArray[np.bool_]:
        """Say which entries ended so at their stage within the horizon."""
        found, within = self.found, self.horizon // timedelta(microseconds=1)
        ended: NDArray[np.bool_] = found.here & (found.end == KINDS[kind])
        return ended & (found.ended_at - found.entered_at <= within)

    def stage(self, place: int) -> str:
        """Return the name of a stage."""
        return self.found.names[place][0]


@dataclass(frozen=True)
class Ground:
    """One kind of end at one stage, counted.

    Attributes
    ----------
    kind : str
        "dropped" or "turned away".
    place : int
        The stage: 0 before the map, else 1 + stage.
    outcomes : tuple of str
        What ends are told apart by: touchpoints where many were last seen, then "" for the others.
    cells : int32[C, V]
        The finest groups: one value of each variable, -1 for unknown.
    cell, week : int32[P]
        Of each count.
    entered : int64[P]
    ended : int64[K, P]
        By outcome.
    """

    kind: str
    place: int
    outcomes: tuple[str, ...]
    cells: NDArray[np.int32]
    cell: NDArray[np.int32]
    week: NDArray[np.int32]
    entered: NDArray[np.int64]
    ended: NDArray[np.int64]


def material(check: Conformance, by: Sequence[str] | None, horizon: timedelta | None) -> Material:
    """Gather the entries that a scan looks at, and what segments are made of.

    Raises
    ------
    LogError
        If no entry is old enough, or `by` names what there is not, or what has too many values.
    """
    listed = entries(check)
    horizon = horizon or usual_horizon(check)
    old = listed.entered_at + horizon // timedelta(microseconds=1) <= listed.data_end
    found = listed.only(old & listed.inside)
    if not len(found):
        raise LogError(_why_nothing(check, listed, old, horizon))
    variables, left_out = _variables(check, found, by)
    if outside := int((old & ~listed.inside).sum()):
        left_out.append(
            f"{outside:,} of {int(old.sum()):,} entries of stages: their journeys may have begun before the "
            "log was observed"
        )
    last = check.journeys["last_touchpoint"].cat
    week = (found.entered_at - MONDAY_US) // WEEK_US
    first = int(week.min())
    return Material(
        found=found,
        variables=tuple(variables),
        touchpoint=last.codes.to_numpy()[found.journey].astype(np.int32),
        touchpoints=tuple(last.categories),
        week=(week - first).astype(np.int32),
        first_week=first * WEEK_US + MONDAY_US,
        weeks=int(week.max()) - first + 1,
        horizon=horizon,
        left_out=tuple(left_out),
    )


def usual_horizon(check: Conformance) -> timedelta:
    """Return the longest patience and a week, or the map's horizon if that is shorter or patience never ends.

    Nearly all who leave do so soon after their last step and are known to have left a patience later: to
    wait longer would only keep the latest weeks out of sight.
    """
    longest = longest_patience_us(check._with_log("entries"))
    whole = check.intended.horizon
    return min(timedelta(microseconds=longest) + SOME_DAYS, whole) if longest > 0 else whole


def _why_nothing(check: Conformance, listed: Entries, old: NDArray[np.bool_], horizon: timedelta) -> str:
    """Say why no entry can be looked at, and what helps: a shorter horizon only where one leaves some."""
    if not len(listed):
        return "no journey entered a stage, so there is nothing to look over"
    if not old.any():
        why = (
            "no journey entered a stage early enough to be judged: how it ended is looked at "
            f"{duration_in_words(horizon)} later (the horizon), and the data end before that"
        )
    else:
        patience = timedelta(microseconds=longest_patience_us(check._with_log("entries")))
        why = (
            f"none of the {int(old.sum()):,} entries of stages that lie {duration_in_words(horizon)} (the "
            "horizon) before the end of the data can be judged: their journeys may have begun before the "
            f"data. A customer's first journey counts only if it starts {duration_in_words(patience)}, the "
            "longest patience of the map, or more after the data begin"
        )
    return f"{why}; {_what_helps(listed.entered_at[listed.inside], listed.data_end)}"


def _what_helps(entered_at: NDArray[np.int64], data_end: int) -> str:
    days = (data_end - int(entered_at.min())) // DAY_US if len(entered_at) else 0
    if not days:
        return "it takes data of a longer time"
    return f"a shorter horizon, of at most {days:,} {'day' if days == 1 else 'days'}, would leave some"


# what segments are made of --------------------------------------------------------------------------------


def _variables(
    check: Conformance, found: Entries, by: Sequence[str] | None
) -> tuple[list[Variable], list[str]]:
    if by is not None:
        named = [_variable(check, found, name) for name in by]
        for each in named:
            if len(each.names) > MOST_VALUES:
                raise LogError(
                    f"{each.name!r} has {len(each.names)} values: a scan looks over up to {MOST_VALUES}, "
                    "since every further place makes it harder for any to stand out; group them in an "
                    "attribute of customers or a column of events first"
                )
        return named, []
    chosen, left_out = [], []
    for name, reason in _candidates(check):
        if reason:
            left_out.append(f"{name}: {reason}")
            continue
        each = _variable(check, found, name)
        if len(each.names) > MOST_VALUES:
            left_out.append(f"{name}: {len(each.names)} values, more than {MOST_VALUES}")
        elif len(each.names) > 1:
            chosen.append(each)
    return chosen, left_out


def _candidates(check: Conformance) -> list[tuple[str, str]]:
    """Return the attributes and dimensions there are, each with why it isn't looked over, if it isn't."""
    log = check._with_log("segments").log
    of_personas = {name for persona in check.intended.personas for name in persona.where}
    covered = of_personas if "persona" in log.attributes else set()
    attributes = sorted(log.attributes, key=lambda name: name != "persona")
    told = [(name, _MADE_OF if name in covered else "") for name in attributes]
    dimensions = [name for name in (*DIMENSIONS, *log.dimensions) if _is_text(check, name)]
    campaigns = [("campaign", _COMES_AND_GOES)] if len(log.vocabulary("campaign")) > 1 else []
    return [*told, *((name, "") for name in dimensions), *campaigns]


_COMES_AND_GOES = (
    "campaigns come and go, and have no other weeks to be held against; name it in `by` if they last"
)
_MADE_OF = "personas are made of it and stand for it; name it in `by` to look over it as well"


def _is_text(check: Conformance, name: str) -> bool:
    try:
        check._with_log("segments").log.group(name)
    except LogError:
        return False
    return True


def _variable(check: Conformance, found: Entries, name: str) -> Variable:
    """Take the values that occur, in the order of their codes; unknown is -1."""
    codes, names = segment(check, found, name, when="entry")
    occurring = [code for code in np.unique(codes).tolist() if names[code] != UNKNOWN]
    place = np.full(len(names), -1, np.int32)
    place[occurring] = np.arange(len(occurring))
    return Variable(name, place[codes], tuple(names[code] for code in occurring))


# counts ---------------------------------------------------------------------------------------------------


def grounds(seen: Material, *, fewest: int) -> list[Ground]:
    """Count the ends of each kind at each stage where there are at least twice as many as a finding needs."""
    made = []
    for place in range(len(seen.found.names)):
        here = np.flatnonzero(seen.found.place == place)
        for kind in KINDS:
            ended = seen.ended(kind)[here]
            if int(ended.sum()) >= 2 * fewest:
                made.append(_ground(seen, here, ended, kind, place))
    return made


def _ground(
    seen: Material, here: NDArray[np.int64], ended: NDArray[np.bool_], kind: str, place: int
) -> Ground:
    cells, cell = _cells(seen, here)
    key, position = np.unique(cell.astype(np.int64) * seen.weeks + seen.week[here], return_inverse=True)
    outcomes, outcome = _outcomes(seen, here, ended)
    counts = np.zeros((len(outcomes), len(key)), np.int64)
    np.add.at(counts, (outcome[ended], position[ended]), 1)
    return Ground(
        kind=kind,
        place=place,
        outcomes=outcomes,
        cells=cells,
        cell=(key // seen.weeks).astype(np.int32),
        week=(key % seen.weeks).astype(np.int32),
        entered=np.bincount(position, minlength=len(key)),
        ended=counts,
    )


def _cells(seen: Material, here: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the combinations of values that occur, and each entry's."""
    combined = np.zeros(len(here), np.int64)
    sizes = [len(each.names) + 1 for each in seen.variables]
    for each, size in zip(seen.variables, sizes, strict=True):
        combined = combined * size + each.codes[here] + 1
    known, cell = np.unique(combined, return_inverse=True)
    if not sizes:
        return np.zeros((len(known), 0), np.int32), cell
    return np.stack(np.unravel_index(known, sizes), axis=1).astype(np.int32) - 1, cell


def _outcomes(
    seen: Material, here: NDArray[np.int64], ended: NDArray[np.bool_]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the touchpoints where many were last seen, and each entry's; all others are one."""
    touchpoint = seen.touchpoint[here]
    counts = np.bincount(touchpoint[ended], minlength=len(seen.touchpoints))
    share = counts / ended.sum()
    own = np.flatnonzero((share >= LEAST_OWN_SHARE) & (share <= MOST_OWN_SHARE))
    place = np.full(len(seen.touchpoints), len(own))
    place[own] = np.arange(len(own))
    return (*(seen.touchpoints[code] for code in own.tolist()), ANYWHERE), place[touchpoint]
