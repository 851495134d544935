"""What a scan counts: ends by stage, week and the finest groups that segments are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.dropout.entries import DROPPED, TURNED_AWAY, columns_of, list_entries, longest_patience_us
from cjmining.dropout.segments import Segments
from cjmining.errors import LogError
from cjmining.intended.words import duration_in_words
from cjmining.schema import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.dropout.entries import Entries, Listed

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
    """What segments are made of: the names of its values; `place` has that of each code, -1 for unknown."""

    name: str
    names: tuple[str, ...]
    place: NDArray[np.int32]
    segments: Segments

    def of(self, found: Entries) -> NDArray[np.int32]:
        """Return the value of each entry."""
        return self.place[self.segments.of(found).codes]


class Alike(NamedTuple):
    """Entries that a scan can't tell apart, a row each; rows ascend by `key`.

    Attributes
    ----------
    key : int64[U]
    number : int64[U]
        How many entries there are of a kind.
    cells : int32[U, V]
        Of each variable, -1 for unknown.
    place, week : int64[U]
        The stage, and the week of the entry from the first one on.
    kind : int64[U]
        How the journey ended there within the horizon: 0 not at all, 1 and so on as `KINDS` has them.
    touchpoint, turn : int64[U]
        Where it was last seen, as codes of `Material.touchpoints`, and whose turn it was, as in `Entries`; 0
        and -1 where it didn't end there.
    """

    key: NDArray[np.int64]
    number: NDArray[np.int64]
    cells: NDArray[np.int32]
    place: NDArray[np.int64]
    week: NDArray[np.int64]
    kind: NDArray[np.int64]
    touchpoint: NDArray[np.int64]
    turn: NDArray[np.int64]


@dataclass(frozen=True)
class Material:
    """The entries that a scan looks at, counted.

    Attributes
    ----------
    looked_at : LookedAt
        The entries themselves.
    variables : tuple of Variable
    known : int64[C]
        The combinations of values that occur, as numbers, ascending.
    alike : Alike
    touchpoints : tuple of str
    first_week : int
        Microseconds since 1970 of the Monday (UTC) that begins it.
    weeks : int
        How many.
    horizon : timedelta
        Within which an end counts.
    left_out : tuple of str
        What isn't looked at, and why.
    """

    looked_at: LookedAt
    variables: tuple[Variable, ...]
    known: NDArray[np.int64]
    alike: Alike
    touchpoints: tuple[str, ...]
    first_week: int
    weeks: int
    horizon: timedelta
    left_out: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the stages, before the map first."""
        return tuple(stage for stage, _ in self.looked_at.listed.names)

    @property
    def sees_until(self) -> int:
        """Until when entries are old enough to be judged, in microseconds since 1970."""
        return self.looked_at.listed.data_end - self.horizon // timedelta(microseconds=1)

    def ended(self, kind: str) -> NDArray[np.bool_]:
        """Say which rows ended so at their stage within the horizon."""
        ended: NDArray[np.bool_] = self.alike.kind == 1 + list(KINDS).index(kind)
        return ended

    def members(self, rows: Sequence[NDArray[np.int64]]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Return the journeys behind some rows, and when they ended, for several lots of rows."""
        lots = [np.isin(np.arange(len(self.alike.key)), own) for own in rows]
        found: list[list[tuple[NDArray[np.int64], NDArray[np.int64]]]] = [[] for _ in rows]
        first_week = (self.first_week - MONDAY_US) // WEEK_US
        for piece in self.looked_at.pieces() if rows else ():
            combined = _combined(self.variables, piece)
            rest = self.looked_at.rest(piece, first_week, self.weeks)
            key = np.searchsorted(self.known, combined) * self.looked_at.width(self.weeks) + rest
            row = np.searchsorted(self.alike.key, key)
            for lot, kept in zip(lots, found, strict=True):
                own = lot[row]
                kept.append((piece.journey[own], piece.ended_at[own]))
        return [
            (np.concatenate([j for j, _ in kept]), np.concatenate([t for _, t in kept])) for kept in found
        ]


@dataclass(frozen=True)
class LookedAt:
    """The entries of journeys begun inside the observed time, old enough to be judged.

    Attributes
    ----------
    listed : Listed
    horizon_us : int
        How long before the data end they must lie.
    last : int32[J]
        Where each journey of the log was last seen: 1 + code of a touchpoint, or 0.
    n_touchpoints : int
        How many codes there are.
    """

    listed: Listed
    horizon_us: int
    last: NDArray[np.int32]
    n_touchpoints: int

    def old(self, found: Entries) -> NDArray[np.bool_]:
        """Say which entries lie long enough before the data end."""
        old: NDArray[np.bool_] = found.entered_at + self.horizon_us <= found.data_end
        return old

    def pieces(self) -> Iterator[Entries]:
        """Give the entries piece by piece."""
        for piece in self.listed.pieces():
            yield piece.only(self.old(piece) & piece.inside)

    def width(self, weeks: int) -> int:
        """Return how many numbers `rest` may be."""
        return len(self.listed.names) * weeks * (1 + len(KINDS)) * self.n_touchpoints * _TURNS

    def rest(self, found: Entries, first_week: int, weeks: int) -> NDArray[np.int64]:
        """Number place, week, kind, touchpoint and turn of each entry together."""
        within = found.here & (found.ended_at - found.entered_at <= self.horizon_us)
        kind = np.select([within & (found.end == end) for end in KINDS.values()], [1, 2], default=0)
        touchpoint = np.where(kind > 0, self.last[found.journey], 0)
        turn = np.where(kind > 0, found.turn, -1)
        rest = found.place * np.int64(weeks) + (week_of(found) - first_week)
        for part, n in ((kind, 1 + len(KINDS)), (touchpoint, self.n_touchpoints), (turn + 1, _TURNS)):
            rest = rest * n + part
        return rest

    def parts(self, rest: NDArray[np.int64], weeks: int) -> tuple[NDArray[np.int64], ...]:
        """Return place, week, kind, touchpoint and turn of such numbers."""
        shape = len(self.listed.names), weeks, 1 + len(KINDS), self.n_touchpoints, _TURNS
        place, week, kind, touchpoint, turn = np.unravel_index(rest, shape)
        return place, week, kind, touchpoint, turn - 1


_TURNS = 3


def week_of(found: Entries) -> NDArray[np.int64]:
    """Return the week of each entry, from the first Monday of 1970 on."""
    week: NDArray[np.int64] = (found.entered_at - MONDAY_US) // WEEK_US
    return week


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
    horizon = horizon or usual_horizon(check)
    labels = check._with_log("entries").plan.labels
    looked_at = LookedAt(
        list_entries(check),
        horizon // timedelta(microseconds=1),
        columns_of(check, "place_touchpoint") + 1,
        1 + len(labels),
    )
    given = [(name, "") for name in by] if by is not None else _candidates(check)
    candidates = {name: Segments(check, name, when="entry") for name, reason in given if not reason}
    seen = _first_look(looked_at, candidates)
    if not seen.counted:
        raise LogError(_why_nothing(check, seen, looked_at.listed.data_end, horizon))
    variables, left_out = _variables(given, candidates, seen, asked_for=by is not None)
    if seen.outside:
        left_out.append(
            f"{seen.outside:,} of {seen.old:,} entries of stages: their journeys may have begun before the "
            "log was observed"
        )
    weeks = seen.last_week - seen.first_week + 1
    known, alike = _count_alike(looked_at, variables, seen.first_week, weeks)
    return Material(
        looked_at=looked_at,
        variables=tuple(variables),
        known=known,
        alike=alike,
        touchpoints=("", *labels),
        first_week=seen.first_week * WEEK_US + MONDAY_US,
        weeks=weeks,
        horizon=horizon,
        left_out=tuple(left_out),
    )


class _Seen(NamedTuple):
    """What a first look over the entries tells.

    `listed`, `old`, `outside` and `counted` are numbers of entries: all, those old enough, of these those
    whose journeys may have begun before, and the others. `first` is when the first of the journeys inside
    entered. `occurring` has the codes and the names of each candidate's values that occur.
    """

    listed: int
    old: int
    outside: int
    counted: int
    first: int | None
    first_week: int
    last_week: int
    occurring: dict[str, tuple[list[int], tuple[str, ...]]]


def _first_look(looked_at: LookedAt, candidates: Mapping[str, Segments]) -> _Seen:
    listed = old = outside = counted = 0
    firsts, weeks = list[int](), list[int]()
    counts = {name: np.zeros(0, np.int64) for name in candidates}
    names: dict[str, tuple[str, ...]] = dict.fromkeys(candidates, ())
    for piece in looked_at.listed.pieces():
        is_old = looked_at.old(piece)
        if piece.inside.any():
            firsts.append(int(piece.entered_at[piece.inside].min()))
        found = piece.only(is_old & piece.inside)
        listed, old, counted = listed + len(piece), old + int(is_old.sum()), counted + len(found)
        outside += int((is_old & ~piece.inside).sum())
        for name, segments in candidates.items():
            codes, names[name] = segments.of(found)
            counts[name] = _added(counts[name], np.bincount(codes, minlength=len(names[name])))
        if len(found):
            week = week_of(found)
            weeks += [int(week.min()), int(week.max())]
    occurring = {name: (np.flatnonzero(counts[name]).tolist(), names[name]) for name in candidates}
    return _Seen(
        listed,
        old,
        outside,
        counted,
        min(firsts, default=None),
        min(weeks, default=0),
        max(weeks, default=0),
        occurring,
    )


def _added(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    return one + other if len(one) else other


def _count_alike(
    looked_at: LookedAt, variables: Sequence[Variable], first_week: int, weeks: int
) -> tuple[NDArray[np.int64], Alike]:
    """Count the entries that can't be told apart; return the combinations of values that occur as well."""
    counted = list[_Counted]()
    for piece in looked_at.pieces():
        counted.append(_counted(_combined(variables, piece), looked_at.rest(piece, first_week, weeks), None))
        if sum(len(each.number) for each in counted) > _MOST_ROWS:
            counted = [_merged(counted)]
    combined, rest, number = _merged(counted)
    known, cell = np.unique(combined, return_inverse=True)
    key = cell * looked_at.width(weeks) + rest
    order = np.argsort(key)
    sizes = [len(each.names) + 1 for each in variables]
    values = np.stack(np.unravel_index(known, sizes), axis=1) - 1 if sizes else np.zeros((len(known), 0))
    return known, Alike(
        key[order],
        number[order],
        values.astype(np.int32)[cell[order]],
        *looked_at.parts(rest[order], weeks),
    )


_MOST_ROWS = 1 << 21
"""Rows of several pieces that are held before they are merged."""


class _Counted(NamedTuple):
    """Distinct pairs of numbers, and how often each occurs."""

    combined: NDArray[np.int64]
    rest: NDArray[np.int64]
    number: NDArray[np.int64]


def _counted(
    combined: NDArray[np.int64], rest: NDArray[np.int64], number: NDArray[np.int64] | None
) -> _Counted:
    known, cell = np.unique(combined, return_inverse=True)
    of_rest, place = np.unique(rest, return_inverse=True)
    key, row = np.unique(cell * max(len(of_rest), 1) + place, return_inverse=True)
    counts = np.bincount(row, number, minlength=len(key)).astype(np.int64)
    cell, place = np.divmod(key, max(len(of_rest), 1))
    return _Counted(known[cell], of_rest[place], counts)


def _merged(counted: Sequence[_Counted]) -> _Counted:
    return _counted(*(np.concatenate(column) for column in zip(*counted, strict=True)))


def _combined(variables: Sequence[Variable], found: Entries) -> NDArray[np.int64]:
    """Number the combination of values of each entry."""
    combined = np.zeros(len(found), np.int64)
    for each in variables:
        combined = combined * (len(each.names) + 1) + each.of(found) + 1
    return combined


def usual_horizon(check: Conformance) -> timedelta:
    """Return the longest patience and a week, or the map's horizon if that is shorter or patience never ends.

    Nearly all who leave do so soon after their last step and are known to have left a patience later: to
    wait longer would only keep the latest weeks out of sight.
    """
    longest = longest_patience_us(check._with_log("entries"))
    whole = check.intended.horizon
    return min(timedelta(microseconds=longest) + SOME_DAYS, whole) if longest > 0 else whole


def _why_nothing(check: Conformance, seen: _Seen, data_end: int, horizon: timedelta) -> str:
    """Say why no entry can be looked at, and what helps: a shorter horizon only where one leaves some."""
    if not seen.listed:
        return "no journey entered a stage, so there is nothing to look over"
    if not seen.old:
        why = (
            "no journey entered a stage early enough to be judged: how it ended is looked at "
            f"{duration_in_words(horizon)} later (the horizon), and the data end before that"
        )
    else:
        patience = timedelta(microseconds=longest_patience_us(check._with_log("entries")))
        why = (
            f"none of the {seen.old:,} entries of stages that lie {duration_in_words(horizon)} (the "
            "horizon) before the end of the data can be judged: their journeys may have begun before the "
            f"data. A customer's first journey counts only if it starts {duration_in_words(patience)}, the "
            "longest patience of the map, or more after the data begin"
        )
    return f"{why}; {_what_helps(seen.first, data_end)}"


def _what_helps(first: int | None, data_end: int) -> str:
    days = (data_end - first) // DAY_US if first is not None else 0
    if not days:
        return "it takes data of a longer time"
    return f"a shorter horizon, of at most {days:,} {'day' if days == 1 else 'days'}, would leave some"


# what segments are made of --------------------------------------------------------------------------------


def _variables(
    given: Sequence[tuple[str, str]], candidates: Mapping[str, Segments], seen: _Seen, *, asked_for: bool
) -> tuple[list[Variable], list[str]]:
    """Return what to look over, and what not and why; raise if what was asked for has too many values."""
    chosen, left_out = list[Variable](), list[str]()
    for name, reason in given:
        if reason:
            left_out.append(f"{name}: {reason}")
            continue
        each = _variable(name, candidates[name], *seen.occurring[name])
        if len(each.names) > MOST_VALUES and asked_for:
            raise LogError(
                f"{name!r} has {len(each.names)} values: a scan looks over up to {MOST_VALUES}, "
                "since every further place makes it harder for any to stand out; group them in an "
                "attribute of customers or a column of events first"
            )
        if len(each.names) > MOST_VALUES:
            left_out.append(f"{name}: {len(each.names)} values, more than {MOST_VALUES}")
        elif len(each.names) > 1 or asked_for:
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


def _variable(name: str, segments: Segments, codes: Sequence[int], names: tuple[str, ...]) -> Variable:
    """Take the values that occur, in the order of their codes; unknown is -1."""
    occurring = [code for code in codes if names[code] != UNKNOWN]
    place = np.full(len(names), -1, np.int32)
    place[occurring] = np.arange(len(occurring))
    return Variable(name, tuple(names[code] for code in occurring), place, segments)


# counts ---------------------------------------------------------------------------------------------------


def grounds(seen: Material, *, fewest: int) -> list[Ground]:
    """Count the ends of each kind at each stage where there are at least twice as many as a finding needs."""
    made = []
    for place in range(len(seen.names)):
        here = np.flatnonzero(seen.alike.place == place)
        for kind in KINDS:
            ended = seen.ended(kind)[here]
            if int(seen.alike.number[here][ended].sum()) >= 2 * fewest:
                made.append(_ground(seen, here, ended, kind, place))
    return made


def _ground(
    seen: Material, here: NDArray[np.int64], ended: NDArray[np.bool_], kind: str, place: int
) -> Ground:
    number = seen.alike.number[here]
    cells, cell = _cells(seen, here)
    key, position = np.unique(cell * seen.weeks + seen.alike.week[here], return_inverse=True)
    outcomes, outcome = _outcomes(seen, here, ended)
    counts = np.zeros((len(outcomes), len(key)), np.int64)
    np.add.at(counts, (outcome[ended], position[ended]), number[ended])
    return Ground(
        kind=kind,
        place=place,
        outcomes=outcomes,
        cells=cells,
        cell=(key // seen.weeks).astype(np.int32),
        week=(key % seen.weeks).astype(np.int32),
        entered=np.bincount(position, number, minlength=len(key)).astype(np.int64),
        ended=counts,
    )


def _cells(seen: Material, here: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the combinations of values that occur, and each row's."""
    number = seen.alike.key[here] // seen.looked_at.width(seen.weeks)
    _, first, cell = np.unique(number, return_index=True, return_inverse=True)
    return seen.alike.cells[here[first]], cell


def _outcomes(
    seen: Material, here: NDArray[np.int64], ended: NDArray[np.bool_]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the touchpoints where many were last seen, and each row's; all others are one."""
    touchpoint, number = seen.alike.touchpoint[here], seen.alike.number[here]
    counts = np.bincount(touchpoint[ended], number[ended], minlength=len(seen.touchpoints))
    share = counts / number[ended].sum()
    own = np.flatnonzero((share >= LEAST_OWN_SHARE) & (share <= MOST_OWN_SHARE))
    place = np.full(len(seen.touchpoints), len(own))
    place[own] = np.arange(len(own))
    return (*(seen.touchpoints[code] for code in own.tolist()), ANYWHERE), place[touchpoint]
