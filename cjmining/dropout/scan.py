"""The verb `scan`: where and when drop-out stands out against its own baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cjmining.conformance.tables import frame
from cjmining.documents import parse_duration
from cjmining.dropout.scan_counts import KINDS, WEEK_US, grounds, material
from cjmining.dropout.scan_search import Field, chance, rules, search
from cjmining.dropout.scan_words import notes, sentence
from cjmining.dropout.selection import expect_check
from cjmining.errors import LogError
from cjmining.progress import Progress, during, part, telling
from cjmining.results import Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.dropout.scan_counts import Material
    from cjmining.dropout.scan_places import Conditions
    from cjmining.dropout.scan_search import Found

LARGEST_P = 0.05
LEAST_REPLICATES = 20
EVERYBODY = "all"


@dataclass(frozen=True, repr=False, eq=False)
class DropOutScan(Result):
    """Places and weeks in which journeys ended more often than usual there.

    Made by `cj.scan`. A place is a stage, or a touchpoint where journeys were last seen in it, for a segment.
    Shares and p are from 0 to 1. Windows are whole weeks from Monday, in UTC.

    Attributes
    ----------
    findings : pandas.DataFrame
        One row a window that stands out most, then the next among all other entries: rank (1 for the
        strongest evidence), kind (dropped: the customer left; turned away: the company ended it), stage,
        touchpoint (where the journeys were last seen; "" for anywhere in the stage), attributes (what the
        segment is made of; "" for everybody), segment (its values, or "all"), start (of the window, UTC), end
        (of the window, UTC, excluded), entered (journeys that entered the stage in the window), ended (of
        those, how many ended so there within the horizon), expected (how many usually would), excess (ended
        less expected) with lower and upper, share (ended / entered), expected_share (expected / entered),
        risk_ratio (share / expected_share), customers_turn (of those ended, at how many it was the customer's
        turn), companys_turn (of those ended, how many waited for the company), excess_customers_turn (part of
        the excess at the customer's turn), excess_companys_turn (part of the excess that waited for the
        company), by_silence (of those ended, how many ended by silence), by_exit (of those ended, how many
        ended by an exit), exits (which exits, with how many), p (how often a log in which nothing stands out
        has as strong a finding anywhere), stands_out (p below 0.05), sentence (the finding in words).
    places : pandas.DataFrame
        One row a place that was looked at: kind, stage, touchpoint (where the journeys were last seen; "" for
        anywhere in the stage), attributes (what the segment is made of), segment (its values, or "all"),
        entered, ended, share (ended / entered: its level over all weeks), start and end (of its strongest
        window), score (the evidence there: a logarithm of likelihoods; NaN where no window has enough).
    weeks : pandas.DataFrame
        One row a stage, kind, persona (or all) and week: kind, stage, by (a persona, or all), week (its
        Monday, UTC), entered (journeys that entered the stage in the week), ended (of those, how many ended
        so there within the horizon), share (ended / entered), expected (how many would have ended so at the
        level of all weeks together, this one included), expected_share (expected / entered).
    looked_at : int
        How many places were looked at.
    horizon : timedelta
        Within which an end counts.
    sees_until : pandas.Timestamp
        Until when journeys entered stages early enough to be judged.
    notes : tuple of str
        What was left out, and what a reader should know.
    """

    _tables: ClassVar[tuple[str, ...]] = ("findings", "places", "weeks")  # type: ignore[misc]

    findings: pd.DataFrame
    places: pd.DataFrame
    weeks: pd.DataFrame
    looked_at: int
    horizon: timedelta
    sees_until: pd.Timestamp
    notes: tuple[str, ...] = ()
    _journeys: tuple[NDArray[np.int64], ...] = ()

    def journeys(self, rank: int) -> NDArray[np.int64]:
        """Return the journeys behind a finding: those that ended so, as numbered in `check.journeys`.

        Parameters
        ----------
        rank : int
            Of the finding, from 1.

        Raises
        ------
        LogError
            If there is no such finding.
        """
        if not _is_whole(rank):
            raise LogError(f"rank is a whole number such as 1, not {rank!r}")
        if not 1 <= rank <= len(self._journeys):
            raise LogError(f"there is no finding of rank {rank}: the scan has {len(self._journeys)}")
        return self._journeys[rank - 1].copy()

    def _summary(self) -> str:
        standing = int(self.findings["stands_out"].sum())
        until = self.sees_until
        return (
            f"Scan of {self.looked_at:,} places up to {until.day} {until:%B %Y}: {standing} "
            f"{'stands' if standing == 1 else 'stand'} out (p < {LARGEST_P:g} over all of them), "
            f"{len(self.findings)} told"
        )


def scan(
    check: Conformance,
    *,
    by: str | Sequence[str] | None = None,
    together: int = 3,
    horizon: str | timedelta | None = None,
    longest: str | timedelta = "28d",
    fewest: int = 10,
    at_most: int = 10,
    replicates: int = 199,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> DropOutScan:
    """Look over stages, segments and weeks for drop-out that stands out against its own baseline.

    What is usual for a segment is its own level in its other weeks, times how the others fared in the same
    weeks: so a high but constant level is no finding, and a week in which everybody differs is none of each
    segment. Ends by the company are a kind of their own. p allows for all the places looked at.

    Parameters
    ----------
    check : Conformance
        With its log.
    by : str or sequence of str, optional
        Attributes of customers and text columns of events that segments are made of; of events the value at
        the entry counts. By default persona and the other attributes that personas aren't made of, channel,
        device and the dimensions that sources name, those with 2 to 12 values.
    together : int
        Of how many of these a segment has a condition, at most.
    horizon : duration, optional
        Within which an end counts; nothing is seen of entries later than this before the data end. By default
        the longest patience and a week, or the map's horizon if that is shorter.
    longest : duration
        Of a window, at least a week.
    fewest : int
        Least excess of a finding, in journeys.
    at_most : int
        How many findings are told.
    replicates : int
        How many logs are drawn in which nothing stands out, to say how strong findings are there; 20 or more.
    seed : int
        What makes these repeatable.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.

    Returns
    -------
    DropOutScan
        With the tables `findings`, `places` and `weeks`.

    Raises
    ------
    LogError
        If that is no check, nothing is old enough to be judged, or there is nothing to group by under that
        name.
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(1000, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> log = shop.log.split(intended).with_personas(intended)
    >>> found = cj.scan(cj.check(log, intended), replicates=20)
    >>> found.horizon.days, str(found.sees_until.date())
    (21, '2026-08-10')
    >>> bool((found.findings["excess"] >= 10).all())
    True

    References
    ----------
    Scan statistics: Kulldorff (1997), doi:10.1080/03610929708831995.
    """
    expect_check(check, "scan")
    options = {"together": together, "fewest": fewest, "at_most": at_most, "replicates": replicates}
    weeks = _checked(options | {"seed": seed}, longest)
    with telling(progress, "scan") as tell:
        with during(tell, "reading the entries", 0.0, 0.3):
            seen = material(check, _names(by), None if horizon is None else _duration(horizon))
        tell("laying out places and weeks", 0.3)
        which = rules(longest=weeks, fewest=fewest)
        fields = [
            Field(ground, together=together, fewest=fewest, weeks=seen.weeks)
            for ground in grounds(seen, fewest=fewest)
        ]
        places, by_week = _places(seen, fields, weeks, fewest), _weeks(seen, fields)
        drawing = part(tell, 0.4, 0.9)
        by_chance = chance(fields, which, replicates=replicates, seed=seed, progress=drawing)
        tell("searching", 0.9)
        found = search(fields, which, at_most=at_most)
        inside = _members(seen, fields, found)
        members = seen.members(inside)
        rows = [
            {"rank": rank, **_finding(seen, fields[one.place.ground], one, rows, _exits(check, *behind), p)}
            for rank, (one, rows, behind, p) in enumerate(
                zip(found, inside, members, _by_chance(found, by_chance), strict=True), start=1
            )
        ]
        return DropOutScan(
            findings=_with_moments(frame(rows, _FINDINGS), ("start", "end")),
            places=places,
            weeks=by_week,
            looked_at=len(places),
            horizon=seen.horizon,
            sees_until=pd.Timestamp(seen.sees_until, unit="us", tz="UTC"),
            notes=notes(seen, len(places), replicates),
            _journeys=tuple(np.unique(journeys) for journeys, _ in members),
        )._made_from(check)


_LEAST = {"together": 0, "fewest": 1, "at_most": 0, "replicates": LEAST_REPLICATES, "seed": 0}


def _checked(options: Mapping[str, object], longest: str | timedelta) -> int:
    """Return the longest window in weeks, or raise for what is out of range."""
    for name, given in options.items():
        if not _is_whole(given) or given < _LEAST[name]:  # type: ignore[operator]
            raise ValueError(f"{name} must be a whole number of at least {_LEAST[name]}, not {given!r}")
    weeks = parse_duration(longest) // timedelta(days=7)
    if weeks < 1:
        raise ValueError(f"longest must be at least a week: windows are whole weeks; it is {longest!r}")
    return weeks


def _is_whole(given: object) -> bool:
    return isinstance(given, int | np.integer) and not isinstance(given, bool)


def _names(by: object) -> list[str] | None:
    if by is None or isinstance(by, str):
        return by if by is None else [by]
    if not isinstance(by, Sequence) or not all(isinstance(name, str) for name in by):
        raise LogError(f"by is a name such as 'device' or a list of them, not {by!r}")
    return list(by)


def _duration(given: str | timedelta) -> timedelta:
    found = parse_duration(given)
    if found <= timedelta(0):
        raise ValueError(f"a horizon is longer than nothing, not {given!r}")
    return found


# findings -------------------------------------------------------------------------------------------------

_FINDINGS = {
    "rank": "int",
    **dict.fromkeys(("kind", "stage", "touchpoint", "attributes", "segment"), "text"),
    **dict.fromkeys(("start", "end", "entered", "ended"), "int"),
    **dict.fromkeys(
        ("expected", "excess", "lower", "upper", "share", "expected_share", "risk_ratio"), "float"
    ),
    **dict.fromkeys(("customers_turn", "companys_turn"), "int"),
    **dict.fromkeys(("excess_customers_turn", "excess_companys_turn"), "float"),
    **dict.fromkeys(("by_silence", "by_exit"), "int"),
    "exits": "text",
    "p": "float",
    "stands_out": "bool",
    "sentence": "text",
}
CUSTOMERS_TURN, COMPANYS_TURN = 0, 1


def _members(seen: Material, fields: Sequence[Field], found: Sequence[Found]) -> list[NDArray[np.int64]]:
    """Return the rows behind each finding: those that ended so, and aren't behind one before it."""
    told: list[NDArray[np.int64]] = []
    aside = {kind: np.zeros(len(seen.alike.key), np.bool_) for kind in KINDS}
    for one in found:
        field = fields[one.place.ground]
        entered = _in_segment(seen, field, one) & ~aside[field.ground.kind]
        entered &= (seen.alike.week >= one.start) & (seen.alike.week < one.start + one.length)
        told.append(np.flatnonzero(entered & _ended_there(seen, field, one)))
        aside[field.ground.kind] |= entered
    return told


def _in_segment(seen: Material, field: Field, one: Found) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = seen.alike.place == field.ground.place
    for variable, value in field.segments.conditions[one.segment]:
        inside &= seen.alike.cells[:, variable] == value
    return inside


def _ended_there(seen: Material, field: Field, one: Found) -> NDArray[np.bool_]:
    ended = seen.ended(field.ground.kind)
    if one.place.outcome >= 0:
        ended &= seen.alike.touchpoint == seen.touchpoints.index(field.ground.outcomes[one.place.outcome])
    return ended


def _finding(
    seen: Material,
    field: Field,
    one: Found,
    inside: NDArray[np.int64],
    exits: Mapping[str, int],
    p: float,
) -> dict[str, Any]:
    start, end = _window(seen, one.start, one.length)
    row = {
        **_named(seen, field, one.place.outcome, one.segment),
        "start": start,
        "end": end,
        "entered": one.entered,
        "ended": one.seen,
        "expected": one.expected,
        "excess": one.excess.difference,
        "lower": one.excess.lower,
        "upper": one.excess.upper,
        "share": one.seen / one.entered,
        "expected_share": one.expected / one.entered,
        "risk_ratio": one.seen / one.expected,
        **_turns(seen, field, one, inside),
        "by_silence": one.seen - sum(exits.values()),
        "by_exit": sum(exits.values()),
        "exits": ", ".join(f"{name} {count:,}" for name, count in exits.items()),
        "p": p,
        "stands_out": p < LARGEST_P,
    }
    return row | {"sentence": sentence(row, seen.horizon)}


def _by_chance(found: Sequence[Found], largest: NDArray[np.float64]) -> list[float]:
    """Return how often chance brings a score as large; never less often than for the finding before."""
    p = [(1 + int((largest >= one.score).sum())) / (1 + len(largest)) for one in found]
    return np.maximum.accumulate(p).tolist() if p else []


def _turns(seen: Material, field: Field, one: Found, inside: NDArray[np.int64]) -> dict[str, float]:
    """Count whose turn it was, and split the excess by how it usually is at the place."""
    turn, number = seen.alike.turn, seen.alike.number
    usual = np.setdiff1d(
        np.flatnonzero(_in_segment(seen, field, one) & _ended_there(seen, field, one)), inside
    )
    told: dict[str, float] = {}
    for name, whose in (("customers_turn", CUSTOMERS_TURN), ("companys_turn", COMPANYS_TURN)):
        share = float(number[usual][turn[usual] == whose].sum() / number[usual].sum()) if len(usual) else 0.0
        count = int(number[inside][turn[inside] == whose].sum())
        told |= {name: count, f"excess_{name}": count - share * one.expected}
    return told


def _exits(check: Conformance, journeys: NDArray[np.int64], times: NDArray[np.int64]) -> dict[str, int]:
    """Count the exits that ended journeys at these times, the most frequent first; silence isn't one."""
    log = check._with_log("exits").log
    words, exits = log.vocabulary("touchpoint"), {each.touchpoint for each in check.intended.exits}
    codes = [code for code, word in enumerate(words) if word in exits]
    touchpoints, timestamps = log.codes("touchpoint"), log.timestamps
    counts: dict[str, int] = {}
    for journey, ended in zip(journeys, times, strict=True):
        events = slice(log.bounds[journey], log.bounds[journey + 1])
        by = touchpoints[events][np.isin(touchpoints[events], codes) & (timestamps[events] == ended)]
        if len(by):
            word = words[int(by[0])]
            counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _window(seen: Material, start: int, length: int) -> tuple[int, int]:
    """Return its bounds in microseconds since 1970; it ends where the scan sees no further."""
    first = seen.first_week + start * WEEK_US
    return first, min(first + length * WEEK_US, seen.sees_until)


def _named(seen: Material, field: Field, outcome: int, segment: int) -> dict[str, str]:
    conditions = field.segments.conditions[segment]
    return {
        "kind": field.ground.kind,
        "stage": seen.names[field.ground.place],
        "touchpoint": "" if outcome < 0 else field.ground.outcomes[outcome],
        "attributes": ", ".join(seen.variables[variable].name for variable, _ in conditions),
        "segment": _segment(seen, conditions),
    }


def _segment(seen: Material, conditions: Conditions) -> str:
    return ", ".join(seen.variables[variable].names[value] for variable, value in conditions) or EVERYBODY


def _with_moments(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Turn microseconds since 1970 into times in UTC; -1 is none."""
    moments = {
        name: pd.to_datetime(table[name].where(table[name] >= 0), unit="us", utc=True).astype(
            "datetime64[us, UTC]"
        )
        for name in columns
    }
    return table.assign(**moments)


# what was looked at ---------------------------------------------------------------------------------------

_PLACES = {
    **dict.fromkeys(("kind", "stage", "touchpoint", "attributes", "segment"), "text"),
    **dict.fromkeys(("entered", "ended"), "int"),
    "share": "float",
    **dict.fromkeys(("start", "end"), "int"),
    "score": "float",
}
_WEEKS = {
    **dict.fromkeys(("kind", "stage", "by"), "text"),
    **dict.fromkeys(("week", "entered", "ended"), "int"),
    **dict.fromkeys(("share", "expected", "expected_share"), "float"),
}


def _places(seen: Material, fields: Sequence[Field], longest: int, fewest: int) -> pd.DataFrame:
    which = rules(longest=longest, fewest=fewest)
    rows = []
    for field in fields:
        for outcome, windows in field.windows(field.ended, which).items():
            tally = field.tally(outcome, field.ended)
            for segment in range(len(field.segments)):
                entered, ended = (round(float(each[segment].sum())) for each in tally[1::-1])
                there = bool(np.isfinite(windows.score[segment]))
                window = _window(seen, int(windows.start[segment]), int(windows.length[segment]))
                start, end = window if there else (-1, -1)
                rows.append(
                    {
                        **_named(seen, field, outcome, segment),
                        "entered": entered,
                        "ended": ended,
                        "share": ended / entered,
                        "start": start,
                        "end": end,
                        "score": float(windows.score[segment]) if there else np.nan,
                    }
                )
    return _with_moments(frame(rows, _PLACES), ("start", "end"))


def _weeks(seen: Material, fields: Sequence[Field]) -> pd.DataFrame:
    rows = []
    for field in fields:
        tally = field.tally(-1, field.ended)
        for segment, conditions in enumerate(field.segments.conditions):
            of_persona = len(conditions) == 1 and seen.variables[conditions[0][0]].name == "persona"
            if conditions and not of_persona:
                continue
            for week in np.flatnonzero(tally.entered[segment]).tolist():
                entered, ended, expected = (
                    float(each[segment, week]) for each in (tally.entered, tally.seen, tally.expected)
                )
                rows.append(
                    {
                        "kind": field.ground.kind,
                        "stage": seen.names[field.ground.place],
                        "by": _segment(seen, conditions),
                        "week": seen.first_week + week * WEEK_US,
                        "entered": round(entered),
                        "ended": round(ended),
                        "share": ended / entered,
                        "expected": expected,
                        "expected_share": expected / entered,
                    }
                )
    return _with_moments(frame(rows, _WEEKS), ("week",))
