"""The verb `incidence`: how likely journeys are to end so or so within a time, while some still run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd

from cjmining import words
from cjmining.conformance.tables import SECOND_US, frame
from cjmining.documents import parse_duration
from cjmining.dropout.delayed import Beginnings, UnderWay, beginnings, ends_of, names_of_customers
from cjmining.dropout.entries import PLACES, Entries, Listed, list_entries
from cjmining.dropout.segments import WHEN, Segments
from cjmining.dropout.selection import expect_check
from cjmining.dropout.spells import (
    ENDS,
    FROM_THE_BEGINNING,
    UNDER_WAY,
    Cell,
    Spells,
    Times,
    end_codes,
    estimate,
    joined,
    spells,
)
from cjmining.errors import nearest
from cjmining.progress import Progress, during, telling
from cjmining.results import Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.grouping import Groups

WHOLE = "(journey)"
"""The journey as a whole, as a place: entered with its first event, left by its end alone."""

BEGUN = ("inside", "any")
DAY_US = 86_400 * SECOND_US


@dataclass(frozen=True, repr=False, eq=False)
class Incidence(Result):
    """How likely each end of a journey is within a time of entering a place.

    Made by `cj.incidence`. Probabilities are from 0 to 1, with limits at 95 %, times in seconds. The place
    "(journey)" is the journey as a whole, from its first event.

    Attributes
    ----------
    by : tuple of str
        What the journeys are grouped by; empty for all together.
    at, to : str
        What a place is ("stage" or "touchpoint"), and what was asked for ("goal" or "next").
    horizons : tuple of timedelta
        Within which times the probabilities are stated.
    probabilities : pandas.DataFrame
        One row a group, place, horizon and end: by, stage, touchpoint ("" where places are stages), horizon_s
        (time since entering the place), end (the first: converted, dropped here, dropped elsewhere, turned
        away; of to="next" continued, converted, dropped, turned away; "under way" is none of these yet),
        probability with lower and upper, entered (journeys that entered the place and count), followed (of
        those, how many ended or were observed up to the horizon), seen (of those, how many ended so). NaN
        where nobody was observed for so long.
    curves : pandas.DataFrame
        The same over time: by, stage, touchpoint, end, time_s (since entering the place), probability with
        lower and upper (at this time alone), band_lower and band_upper (probability: limits that hold the
        curve at all times at once; NaN at times when fewer than some 10 journeys ended so, or otherwise),
        entered.
    hazard : pandas.DataFrame
        How likely each end is in a band of time, for journeys that are under way at its beginning: by, stage,
        touchpoint, end, from_s (excluded, but for 0), to_s (included), at_risk (observed to be under way at
        the beginning), seen (how many ended so in the band), days (that journeys were observed under way in
        the band, summed), per_day (seen / days), probability (in the band) with lower and upper.
    left_out : pandas.DataFrame
        One row a group: by, journeys (of the log), left_out (of those, how many may have begun before the log
        was observed), share_left_out (of the group's journeys), delayed (journeys under way at the data start
        that count with delayed entry), unseen (of those, how many have no event in the log).
    notes : tuple of str
        What a reader should know before trusting a number.
    """

    _tables: ClassVar[tuple[str, ...]] = (  # type: ignore[misc]
        "probabilities",
        "curves",
        "hazard",
        "left_out",
    )

    by: tuple[str, ...]
    at: str
    to: str
    horizons: tuple[timedelta, ...]
    probabilities: pd.DataFrame
    curves: pd.DataFrame
    hazard: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...] = ()

    def _summary(self) -> str:
        groups = f", by {' and '.join(self.by)}" if self.by else ""
        horizons = " and ".join(words.days(each.total_seconds()) for each in self.horizons)
        left = self.left_out[["journeys", "left_out"]].sum()
        places = len(self.probabilities[["stage", "touchpoint"]].drop_duplicates())
        return (
            f"Incidence of each end within {horizons} of entering one of {words.plural(places, 'place')}"
            f"{groups}: {words.plural(left['journeys'] - left['left_out'], 'journey')}, those that still run "
            "counting for as long as they were seen"
        )


def incidence(
    check: Conformance,
    *,
    at: Literal["stage", "touchpoint"] = "stage",
    to: Literal["goal", "next"] = "goal",
    by: str | Sequence[str] | None = None,
    when: Literal["journey", "entry"] = "journey",
    horizons: str | timedelta | Sequence[str | timedelta] | None = None,
    begun: Literal["inside", "any"] = "inside",
    origin: str | None = None,
    last_activity: str | None = None,
    progress: Progress | bool | None = None,
) -> Incidence:
    """State how likely journeys are to convert, to be left or to go on within a time of entering a place.

    Journeys that still run when the data end count for as long as they were observed (Aalen-Johansen), so
    that those who go on, who are known at once, don't weigh more than those who leave.

    Parameters
    ----------
    check : Conformance
        With its log.
    at : {"stage", "touchpoint"}
        What a place is.
    to : {"goal", "next"}
        "goal": from entering the place to the end of the journey, wherever that is, so that `converted` is
        the conversion from the place to the goal. "next": to what comes first, so that `continued` has
        entered a later stage (at touchpoints: another one).
    by : str or sequence of str, optional
        What to group by: attributes of customers or text columns of events; by default what the check does.
    when : {"journey", "entry"}
        Which value counts where `by` is of events: the journey's first one, or the one at the entry.
    horizons : duration or sequence of durations, optional
        Within which times, such as "7d" or ["1d", "30d"]; by default the map's horizon.
    begun : {"inside", "any"}
        "inside": only journeys that surely began while the log was observed. "any": all, from what is seen of
        them.
    origin, last_activity : str, optional
        Two attributes of customers: when the journey under way at the data start had begun, and what the
        customer last did before the data start; both empty where none was under way. With them, journeys
        still under way then count from their origin, with delayed entry, for the place "(journey)".
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.

    Returns
    -------
    Incidence
        With the tables `probabilities`, `curves`, `hazard` and `left_out`.

    Raises
    ------
    LogError
        If `check` is none, there is nothing to group by under that name, or the two attributes don't hold
        such moments.
    ValueError
        If an option is none of those above, or a horizon is no duration.

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> check = cj.check(shop.log.split(intended), intended)
    >>> ends = cj.incidence(check, horizons=["7d", "30d"])
    >>> of_all_ends = ends.probabilities.groupby(["stage", "horizon_s"])["probability"].sum()
    >>> bool(((of_all_ends - 1).abs() < 1e-9).all())
    True

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5, 141-150. Variance: infinitesimal
    jackknife, summed over the journeys of a customer, as survfit of R's package survival does (Therneau,
    Crowson and Atkinson, Multi-state models and competing risks). Limits: Rothman (1978),
    doi:10.1016/0021-9681(78)90043-7. Bands: Montiel Olea and Plagborg-Moller (2019), doi:10.1002/jae.2656.
    """
    expect_check(check, "incidence")
    _check_options(at=(at, PLACES), to=(to, tuple(ENDS)), when=(when, WHEN), begun=(begun, BEGUN))
    wanted = _durations(check, horizons)
    names = _names(check, by)
    with telling(progress, "incidence") as tell:
        with during(tell, "reading the entries", 0.0, 0.5):
            counted = _beginnings(check, begun, origin, last_activity)
            layout, given = _lay_out(check, counted, at, to, names, when)
        tell("estimating", 0.5)
        times = Times.of(wanted)
        cells = [cell for some in given for cell in estimate(some, len(ENDS[to]), times)]
        cells.sort(key=lambda cell: cell.cell)
        tell("making the tables", 0.8)
        return Incidence(
            by=names,
            at=at,
            to=to,
            horizons=wanted,
            probabilities=_probabilities(cells, times, layout),
            curves=_curves(cells, times, layout),
            hazard=_hazard(cells, times, layout),
            left_out=_left_out(counted, layout),
            notes=_notes(counted, begun, check),
        )._made_from(check)


def _check_options(**given: tuple[str, tuple[str, ...]]) -> None:
    for name, (value, known) in given.items():
        if value not in known:
            raise ValueError(
                f"{name} is {' or '.join(map(repr, known))}, not {value!r}{nearest(value, known)}"
            )


def _durations(
    check: Conformance, horizons: str | timedelta | Sequence[str | timedelta] | None
) -> tuple[timedelta, ...]:
    if horizons is None:
        return (check.intended.horizon,)
    listed = list(horizons) if isinstance(horizons, list | tuple) else [horizons]
    if not listed:
        raise ValueError("horizons are durations such as ['7d', '30d'], not an empty list")
    found = sorted({parse_duration(each) for each in listed})
    if found[0] <= timedelta(0):
        raise ValueError(f"a horizon must be longer than nothing, found {found[0]}")
    return tuple(found)


def _names(check: Conformance, by: str | Sequence[str] | None) -> tuple[str, ...]:
    chosen = check.by if by is None else by
    return (chosen,) if isinstance(chosen, str) else tuple(chosen or ())


def _beginnings(check: Conformance, begun: str, origin: str | None, last_activity: str | None) -> Beginnings:
    found = beginnings(check, origin=origin, last_activity=last_activity)
    if begun == "inside":
        return found
    if origin is not None:
        raise ValueError("with origin and last_activity it is known when journeys began: leave begun out")
    everything = np.ones_like(found.inside)
    return found._replace(inside=everything, left_out=~everything)


class _Layout(NamedTuple):
    """What the numbers of cells mean: group x places + place.

    `group` is that of each journey in the log, `late_group` that of each journey under way at the data start.
    """

    groups: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    ends: tuple[str, ...]
    group: NDArray[np.int32]
    late_group: NDArray[np.int64]


class _Wholes(NamedTuple):
    """The journeys of the log as rows, each with its first event."""

    journey: NDArray[np.int64]
    event: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.journey)


def _lay_out(
    check: Conformance, counted: Beginnings, at: str, to: str, names: tuple[str, ...], when: str
) -> tuple[_Layout, Iterator[Spells]]:
    """Number the cells, and return the spells of places and, on the way to the goal, of whole journeys."""
    reading, late = check._with_log("groups"), counted.under_way
    listed = list_entries(check, at=at)
    wholes = _Wholes(np.arange(len(reading.customer)), reading.bounds[:-1])
    segments = Segments(check, names, when=when)
    of_journey = segments.of(wholes)
    of_entry = of_journey.names if when == "journey" else _names_at_entry(segments, listed, counted)
    late_names = names_of_customers(reading.log, late.customer, names)
    groups = tuple(dict.fromkeys([*of_journey.names, *of_entry, *late_names]))
    number = {name: position for position, name in enumerate(groups)}
    group = _renumbered(of_journey, number)
    unseen_group = np.array([number[name] for name in late_names], dtype=np.int64)
    layout = _Layout(
        groups,
        ((WHOLE, ""), *listed.names),
        (*ENDS[to], UNDER_WAY),
        group,
        np.where(late.journey >= 0, group[late.journey] if len(group) else 0, unseen_group),
    )
    return layout, _all_spells(check, counted, listed, layout, None if when == "journey" else segments, to)


def _renumbered(groups: Groups, number: Mapping[str, int]) -> NDArray[np.int32]:
    if len(number) == 1:
        return np.zeros(len(groups.codes), np.int32)
    return np.array([number[name] for name in groups.names], dtype=np.int32)[groups.codes]


def _names_at_entry(segments: Segments, listed: Listed, counted: Beginnings) -> tuple[str, ...]:
    """Return the names of the groups that entries have."""
    segments.naming(_counting(listed, counted, None))
    return segments.of(_Wholes(*np.zeros((2, 0), np.int64))).names


def _counting(listed: Listed, counted: Beginnings, places: Sequence[int] | None) -> Iterator[Entries]:
    """Give the entries of journeys that count from their beginning."""
    for piece in listed.pieces(places):
        yield piece.only(counted.inside[piece.journey])


def _all_spells(
    check: Conformance,
    counted: Beginnings,
    listed: Listed,
    layout: _Layout,
    segments: Segments | None,
    to: str,
) -> Iterator[Spells]:
    """Give the spells of all cells; those of a cell come together, few cells at once in little memory."""
    n_places = len(layout.places)
    number = {name: position for position, name in enumerate(layout.groups)}
    if to == "goal":
        yield _whole_journeys(check, counted, layout)
    for places in listed.shares():
        pieces = []
        for found in _counting(listed, counted, places):
            if segments is None:
                group = layout.group[found.journey]
            else:
                codes, names = segments.of(found)
                group = np.array([number[name] for name in names], dtype=np.int32)[codes]
            pieces.append(spells(found, group * np.int32(n_places) + (1 + found.place), to))
        yield joined(pieces)


def _whole_journeys(check: Conformance, counted: Beginnings, layout: _Layout) -> Spells:
    """Return the spells of journeys as wholes; where some were under way at the data start, with these."""
    reading, inside = check._with_log("journeys"), counted.inside
    end, ended_at = ends_of(check)
    time = counted.began_at(reading)
    np.subtract(ended_at, time, out=time)
    del ended_at  # a row a journey each: one at a time
    time = time[inside]
    ends = end_codes(end[inside], np.ones(len(time), np.bool_))
    if len(layout.groups) == 1:
        cell = np.broadcast_to(np.int32(0), len(time))
    else:
        cell = layout.group[inside] * np.int32(len(layout.places))
    found = Spells(cell, reading.customer[inside], time, ends, FROM_THE_BEGINNING)
    late = counted.under_way
    if not len(late.customer):
        return found
    return found.and_also(_delayed(check, late, layout.late_group * len(layout.places)))


def _delayed(check: Conformance, late: UnderWay, cell: NDArray[np.int64]) -> Spells:
    """Return the spells of journeys under way at the data start: from their origin, observed from there."""
    here = np.ones(len(late.customer), dtype=bool)
    return Spells(
        cell,
        late.customer,
        late.ended_at - late.origin,
        end_codes(late.end, here),
        check._with_log("journeys").log.observed_from_us - late.origin,
    )


# tables ---------------------------------------------------------------------------------------------------

_PLACE = {"by": "text", "stage": "text", "touchpoint": "text"}
_WITH_LIMITS = {"probability": "float", "lower": "float", "upper": "float"}


def _probabilities(cells: list[Cell], times: Times, layout: _Layout) -> pd.DataFrame:
    columns = _PLACE | {"horizon_s": "float", "end": "text"} | _WITH_LIMITS
    columns |= {"entered": "int", "followed": "int", "seen": "int"}
    parts = []
    for cell in cells:
        at = times.horizons
        seen = cell.estimate.seen[:, at]
        horizon, end = _crossed(times.points[at] / SECOND_US, layout.ends)
        numbers = {"probability": cell.probability, "lower": cell.limits.lower, "upper": cell.limits.upper}
        parts.append(
            _named(cell, layout, len(end))
            | {"horizon_s": horizon, "end": end}
            | {name: values[:, at].T.ravel() for name, values in numbers.items()}
            | {
                "entered": np.full(len(end), cell.entered),
                "followed": np.repeat(seen.sum(axis=0), len(layout.ends)),
                "seen": seen.T.ravel(),
            }
        )
    return _table(parts, columns)


def _curves(cells: list[Cell], times: Times, layout: _Layout) -> pd.DataFrame:
    columns = _PLACE | {"end": "text", "time_s": "float"} | _WITH_LIMITS
    columns |= {"band_lower": "float", "band_upper": "float", "entered": "int"}
    parts = []
    for cell in cells:
        end, time = _crossed(np.array(layout.ends, dtype=object), times.points / SECOND_US)
        parts.append(
            _named(cell, layout, len(end))
            | {"end": end, "time_s": time}
            | {
                "probability": cell.probability.ravel(),
                "lower": cell.limits.lower.ravel(),
                "upper": cell.limits.upper.ravel(),
                "band_lower": cell.band.lower.ravel(),
                "band_upper": cell.band.upper.ravel(),
                "entered": np.full(len(end), cell.entered),
            }
        )
    return _table(parts, columns)


def _hazard(cells: list[Cell], times: Times, layout: _Layout) -> pd.DataFrame:
    columns = _PLACE | {"end": "text", "from_s": "float", "to_s": "float", "at_risk": "int", "seen": "int"}
    columns |= {"days": "float", "per_day": "float"} | _WITH_LIMITS
    ends = layout.ends[:-1]
    first, last = times.bands.T
    parts = []
    for cell in cells:
        found = cell.estimate
        before = np.where(first >= 0, found.seen[:-1, first], 0)
        seen = found.seen[:-1, last] - before
        days = found.band_time / DAY_US
        with np.errstate(divide="ignore", invalid="ignore"):
            per_day = np.where(days > 0, seen / days, np.nan)
        end, begins = _crossed(np.array(ends, dtype=object), np.where(first >= 0, times.points[first], 0))
        parts.append(
            _named(cell, layout, len(end))
            | {"end": end, "from_s": begins / SECOND_US}
            | {
                "to_s": np.tile(times.points[last] / SECOND_US, len(ends)),
                "at_risk": np.tile(found.band_at_risk, len(ends)),
                "seen": seen.ravel(),
                "days": np.tile(days, len(ends)),
                "per_day": per_day.ravel(),
                "probability": cell.hazard.ravel(),
                "lower": cell.hazard_limits.lower.ravel(),
                "upper": cell.hazard_limits.upper.ravel(),
            }
        )
    return _table(parts, columns)


def _named(cell: Cell, layout: _Layout, n: int) -> dict[str, Any]:
    group, place = divmod(cell.cell, len(layout.places))
    stage, touchpoint = layout.places[place]
    names = {"by": layout.groups[group], "stage": stage, "touchpoint": touchpoint}
    return {name: np.full(n, text, dtype=object) for name, text in names.items()}


def _crossed(slow: Any, fast: Any) -> tuple[NDArray[Any], NDArray[Any]]:  # noqa: ANN401 -- columns of any type
    """Return each of the first with each of the second."""
    fast = np.array(fast, dtype=object) if isinstance(fast, tuple) else fast
    return np.repeat(slow, len(fast)), np.tile(fast, len(slow))


def _table(parts: list[dict[str, NDArray[Any]]], columns: dict[str, str]) -> pd.DataFrame:
    """Put columns of cells below each other, with the types that an empty table has."""
    empty = frame([], columns)
    if not parts:
        return empty
    joined = {name: np.concatenate([part[name] for part in parts]) for name in columns}
    return pd.DataFrame(joined).astype(empty.dtypes.to_dict())


def _left_out(counted: Beginnings, layout: _Layout) -> pd.DataFrame:
    n = len(layout.groups)
    late = counted.under_way
    journeys = np.bincount(layout.group, minlength=n)
    left_out = np.bincount(layout.group[counted.left_out], minlength=n)
    delayed = np.bincount(layout.late_group, minlength=n)
    unseen = np.bincount(layout.late_group[late.journey < 0], minlength=n)
    rows = (
        {
            "by": name,
            "journeys": int(journeys[g]),
            "left_out": int(left_out[g]),
            "share_left_out": left_out[g] / journeys[g] if journeys[g] else np.nan,
            "delayed": int(delayed[g]),
            "unseen": int(unseen[g]),
        }
        for g, name in enumerate(layout.groups)
        if journeys[g] or delayed[g]
    )
    columns = {"by": "text", "journeys": "int", "left_out": "int", "share_left_out": "float"}
    return frame(rows, columns | {"delayed": "int", "unseen": "int"})


def _notes(counted: Beginnings, begun: str, check: Conformance) -> tuple[str, ...]:
    since = f"{pd.Timestamp(check._with_log('notes').log.observed_from_us, unit='us'):%Y-%m-%d}"
    journeys, left_out = len(counted.left_out), int(counted.left_out.sum())
    notes = []
    if begun == "any":
        notes.append(
            f"Journeys that may have begun before {since}, when the data begin, count from what is seen of "
            "them: they seem shorter than they were."
        )
    elif left_out:
        notes.append(
            f"{left_out:,} of {journeys:,} journeys ({left_out / journeys * 100:.0f} %) are left out: they "
            f"may have begun before {since}, when the data begin."
        )
    if delayed := len(counted.under_way.customer):
        notes.append(
            f"{delayed:,} journeys were under way on {since}, when the data begin: they count with delayed "
            f"entry for {WHOLE}, and for no stage."
        )
    return tuple(notes)
