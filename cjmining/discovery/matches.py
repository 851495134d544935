"""The verb `matches` and its result."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from cjmining import asked
from cjmining.discovery.columns import SECOND, moments, names_of, ratio
from cjmining.discovery.outcomes import COLUMNS, CONVERTED, OPEN, outcomes_of
from cjmining.discovery.summary import blocks_of
from cjmining.discovery.sums import Grouped, shares
from cjmining.discovery.words import plural, share_text, time_text
from cjmining.engine.kept import keep_blocks
from cjmining.engine.local import worked_on
from cjmining.errors import LogError
from cjmining.grouping import EVERYBODY
from cjmining.kernels import patterns as kernel
from cjmining.log import expect_log
from cjmining.patterns import Pattern, parse
from cjmining.progress import Progress, during, telling
from cjmining.results import Result
from cjmining.stats import Share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.engine.kept import Kept
    from cjmining.engine.local import Engine
    from cjmining.log import Block, JourneyLog

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

SIDES: Final = ("with", "without")
SHOWN: Final = 18
"""Groups that a terminal shows."""


def matches(
    log: JourneyLog,
    pattern: str | Pattern,
    *,
    by: str | Sequence[str] | None = None,
    every: bool = False,
    progress: Progress | bool | None = None,
    engine: Engine | None = None,
) -> Matches:
    """Find where journeys match a pattern: how many do, how long it takes, by which events.

    A match is found at the first event that completes one. Of the matches that it completes, one counts,
    chosen event by event: the one that began first; of those, the one whose next event comes first, and so
    on. Where one event may be two steps of the pattern, it is the one written first, before later events are
    looked at. Where events have the same time, the log's own order decides which comes first.

    Parameters
    ----------
    log : JourneyLog
    pattern : str or Pattern
        What to look for, as `cart -> {within 2d} order`; `cjmining.patterns` has the language. With
        ``parse(text, allow_unknown=True)`` it may name touchpoints that the log doesn't have.
    by : str or sequence of str, optional
        What to group journeys by, as `log.group` takes it.
    every : bool
        Whether the search goes on after the first match of a journey. Matches of one journey share no event:
        the next begins after the last event of the one before. There is no way to find more such matches.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    Matches

    Raises
    ------
    LogError
        If the pattern can't be read, begins with `not`, or asks for what the log doesn't have; or if there
        is nothing of the name `by`.

    Examples
    --------
    >>> import cjmining as cj
    >>> import pyarrow as pa
    >>> events = pa.table({
    ...     "customer": [0, 0, 0, 1, 1],
    ...     "timestamp": pa.array([0, 60, 180, 0, 120], pa.timestamp("s", "UTC")),
    ...     "touchpoint": ["ad", "shop", "order", "ad", "shop"],
    ... })
    >>> found = cj.matches(cj.JourneyLog.from_events(events), "ad -> {within 3m} order")
    >>> found.overview[["journeys", "matched", "share_of_journeys", "median_s"]]
       journeys  matched  share_of_journeys  median_s
    0         2        1                0.5     180.0
    """
    log = worked_on(log, engine, "matches")
    expect_log(log, "matches")
    every = asked.yes("every", every)
    wanted = parse(pattern)
    if wanted.negated:
        raise LogError(
            f"matches finds where a pattern is met, and {wanted.text!r} asks for journeys without one: leave "
            "`not` out, or choose such journeys by log.where(path=...)"
        )
    with telling(progress, "matches") as tell:
        tell("reading the log", 0.0)
        outcome, (group, groups) = outcomes_of(log), log.group(by)
        with during(tell, "searching", 0.05, 0.7):
            reading = _read(log, wanted, every, Grouped.of(group, log.journey_customer, groups))
        tell("making the tables", 0.7)
        return Matches(
            pattern=wanted,
            by=by if by is None or isinstance(by, str) else tuple(by),
            every=every,
            overview=_overview(reading, outcome),
            steps=_steps(reading, wanted),
            outcomes=_outcomes(reading, outcome),
            _share=_share(reading),
            _behind=reading,
        )._made_of(log)


@dataclass(frozen=True, repr=False, eq=False)
class Matches(Result):
    """Where journeys match a pattern. The column `by` names the group; "all" where nothing was asked for.

    Attributes
    ----------
    pattern : Pattern
        What was looked for.
    by : str, tuple of str or None
        What journeys were grouped by.
    every : bool
        Whether a journey may have several matches.
    overview : pandas.DataFrame
        A row a group that has journeys: by, journeys (all of the group), customers, matched (journeys with a
        match), share_of_journeys (matched as a share of all journeys of the group) with limits lower and
        upper, found (number of matches), median_s and p90_s (seconds from the first event of a match to its
        last, over all matches found, exact); where journeys are tagged with their outcome also open_without
        (journeys without a match that were open when the data ended, and may have one yet).
    steps : pandas.DataFrame
        A row a step of each group: by, step (1 for the first), name (of the step, as written), optional
        (whether a match may do without it), journeys (with the pattern from its beginning up to and with this
        step, all bounds kept), customers (who have such a journey), share_of_journeys (journeys as a share of
        all journeys of the group).
    outcomes : pandas.DataFrame
        Where journeys are tagged with their outcome, else empty; two rows a group: by, path ("with" or
        "without" a match), journeys, customers, converted, dropped, turned_away, open, unknown (journeys
        whose outcome nobody told), converted_share_of_decided (converted as a share of converted, dropped and
        turned away) with limits lower and upper.
    matches : pandas.DataFrame
        A row a match: by, match (its number), journey, customer, start and end (times of its first and its
        last event), duration_s, first_event and last_event (rows of the log's events).
    events : pandas.DataFrame
        A row an event of a match: match (its number), journey, step (1 for the first), name (of the step, as
        written), event (row of the log's events), timestamp, touchpoint.
    """

    pattern: Pattern
    by: str | tuple[str, ...] | None
    every: bool
    overview: pd.DataFrame
    steps: pd.DataFrame
    outcomes: pd.DataFrame
    _share: Share
    _behind: _Reading

    _tables = ("overview", "steps", "outcomes", "matches", "events")
    _late = _of_persons = ("matches", "events")

    @cached_property
    def matches(self) -> pd.DataFrame:
        """A row a match; made when it is first asked for."""
        return self._make("matches")

    @cached_property
    def events(self) -> pd.DataFrame:
        """A row an event of a match; made when it is first asked for."""
        return self._make("events")

    def _make(self, name: str, rows: int | None = None) -> pd.DataFrame:
        behind = self._behind if rows is None else self._behind.head(rows)
        return _matches(behind) if name == "matches" else _events(behind, self.pattern)

    def _n_rows(self, name: str) -> int:
        return len(self._behind.matches if name == "matches" else self._behind.events)

    def _summary(self) -> str:
        journeys = int(self.overview["journeys"].sum())
        share = (
            f"in {share_text(self._share)} of {plural(journeys, 'journey')}" if journeys else "no journeys"
        )
        groups = "" if self.by is None or not journeys else f" in {plural(len(self.overview), 'group')}"
        return f"Matches of {self.pattern.text!r}: {share}{groups}"

    def __repr__(self) -> str:
        if self.by is None:
            return self._summary()
        lines = [_line(row) for row in self.overview.head(SHOWN).to_dict("records")]
        if len(self.overview) > SHOWN:
            lines.append(f"  and {plural(len(self.overview) - SHOWN, 'group')} more in .overview")
        return "\n".join([self._summary(), *lines])


def _line(row: Mapping[Hashable, Any]) -> str:
    """Tell of one group."""
    share = share_text(Share(row["share_of_journeys"], row["lower"], row["upper"]))
    took = f", median {time_text(row['median_s'])}" if row["matched"] else ""
    return f"  {row['by']}: in {share} of {plural(row['journeys'], 'journey')}{took}"


_JOURNEY: Final = {"matched": np.bool_, "reached": np.int64}
_MATCH: Final = {
    **dict.fromkeys(("journey", "start", "end", "first_event", "last_event"), np.int64),
    "length": np.int32,
}
_EVENT: Final = {"event": np.int64, "state": np.int32, "time": np.int64, "touchpoint": np.int32}


class _Reading(NamedTuple):
    """What was found, and whose it is.

    Attributes
    ----------
    grouped : Grouped
        The journeys of the log.
    matched : bool[J]
        Whether a journey has a match.
    reached : Kept
        The states that a journey got to, as bits.
    matches, events : Kept
        A row each; `length` is of how many events a match is, which lie together.
    items : tuple of tuple of int
        The states of each step of the pattern.
    item_of : int64[states]
        The step of each state.
    touchpoints : tuple of str
    """

    grouped: Grouped
    matched: Flags
    reached: Kept
    matches: Kept
    events: Kept
    items: tuple[tuple[int, ...], ...]
    item_of: Ints
    touchpoints: tuple[str, ...]

    def head(self, rows: int) -> _Reading:
        """Return the same with the first matches and their first events alone."""
        return self._replace(matches=self.matches.head(rows), events=self.events.head(rows))

    @property
    def of_group(self) -> Ints:
        """The number of journeys of each group."""
        return np.diff(self.grouped.starts)


def _read(log: JourneyLog, wanted: Pattern, every: bool, grouped: Grouped) -> _Reading:
    read, touchpoint = wanted.compiled(log), log.codes("touchpoint")

    def search(block: Block) -> tuple[dict[str, NDArray[Any]], ...]:
        columns, n = read.columns(block), block.last_journey - block.first_journey
        found = kernel.find(columns, read.machine, 0, n, every)
        matched = np.zeros(n, np.bool_)
        matched[found.journey] = True
        first, last = found.event[found.offsets[:-1]], found.event[found.offsets[1:] - 1]
        match = {
            "journey": found.journey + block.first_journey,
            "start": columns.time[first],
            "end": columns.time[last],
            "first_event": first + block.first_event,
            "last_event": last + block.first_event,
            "length": np.diff(found.offsets),
        }
        event: dict[str, NDArray[Any]] = {
            "event": found.event + block.first_event,
            "state": found.state,
            "time": columns.time[found.event],
            "touchpoint": touchpoint[block.events][found.event],
        }
        reached = kernel.reached(columns, read.machine, 0, n)
        journey: dict[str, NDArray[Any]] = {"matched": matched, "reached": reached}
        return journey, match, event

    journeys, matches, events = keep_blocks(log, search, (_JOURNEY, _MATCH, _EVENT), blocks_of(log))
    return _Reading(
        grouped,
        journeys.column("matched"),
        journeys,
        matches,
        events,
        wanted.item_states,
        np.array(wanted.item_of_states, np.int64),
        log.vocabulary("touchpoint"),
    )


def _overview(reading: _Reading, outcome: NDArray[np.int8] | None) -> pd.DataFrame:
    grouped, matched = reading.grouped, reading.matched
    sums = grouped.sums(np.ones(len(matched), np.bool_), matched)
    share = np.array(shares(sums)).reshape(-1, 3)
    of_matches = grouped.of_some(reading.matches.column("journey"))
    took = reading.matches.column("end") - reading.matches.column("start")
    all_of_them = np.ones(len(took), np.bool_)
    times = of_matches.quantiles(took, all_of_them, (0.5, 0.9))
    columns = {
        "journeys": sums.units,
        "customers": sums.unit_clusters,
        "matched": sums.hits,
        "share_of_journeys": share[:, 0],
        "lower": share[:, 1],
        "upper": share[:, 2],
        "found": of_matches.number(all_of_them),
        "median_s": times[:, 0],
        "p90_s": times[:, 1],
    }
    if outcome is not None:
        columns["open_without"] = grouped.number(~matched & (outcome == OPEN))
    kept = np.flatnonzero(sums.units)
    return pd.DataFrame(
        {"by": names_of(grouped.names, kept), **{name: column[kept] for name, column in columns.items()}}
    )


def _steps(reading: _Reading, wanted: Pattern) -> pd.DataFrame:
    grouped, n_steps = reading.grouped, len(reading.items)
    states = reading.reached.column("reached")
    done = ((states & sum(1 << state for state in set(item))) != 0 for item in reading.items)
    sums = [grouped.sums(each, each) for each in done]
    reached = np.stack([each.units for each in sums], axis=1)
    customers = np.stack([each.unit_clusters for each in sums], axis=1)
    kept = np.repeat(np.flatnonzero(reading.of_group), n_steps)
    step = np.tile(np.arange(n_steps), len(kept) // n_steps)
    return pd.DataFrame(
        {
            "by": names_of(grouped.names, kept),
            "step": step + 1,
            "name": names_of(wanted.steps, step),
            "optional": np.array(wanted.optional, np.bool_)[step],
            "journeys": reached[kept, step],
            "customers": customers[kept, step],
            "share_of_journeys": ratio(reached[kept, step], reading.of_group[kept]),
        }
    )


def _outcomes(reading: _Reading, outcome: NDArray[np.int8] | None) -> pd.DataFrame:
    """Return how journeys with and without a match ended, group by group; no rows where nobody told."""
    groups = np.flatnonzero(reading.of_group) if outcome is not None else np.zeros(0, np.int64)
    told = np.full(len(reading.grouped.group), -1, np.int8) if outcome is None else outcome
    sides = [_of_side(reading.grouped, mine, told) for mine in (reading.matched, ~reading.matched)]
    group, side = np.repeat(groups, 2), np.tile(np.arange(2), len(groups))
    return pd.DataFrame(
        {
            "by": names_of(reading.grouped.names, group),
            "path": names_of(SIDES, side),
            **{name: np.stack([one[name] for one in sides])[side, group] for name in sides[0]},
        }
    )


def _of_side(grouped: Grouped, mine: Flags, told: NDArray[np.int8]) -> dict[str, NDArray[Any]]:
    over = mine & (told >= 0) & (told != OPEN)
    share = np.array(shares(grouped.sums(over, told == CONVERTED))).reshape(-1, 3)
    return {
        "journeys": grouped.number(mine),
        "customers": grouped.sums(mine, mine).unit_clusters,
        **{name: grouped.number(mine & (told == code)) for code, name in enumerate(COLUMNS)},
        "unknown": grouped.number(mine & (told < 0)),
        "converted_share_of_decided": share[:, 0],
        "lower": share[:, 1],
        "upper": share[:, 2],
    }


def _matches(reading: _Reading) -> pd.DataFrame:
    grouped, column = reading.grouped, reading.matches.column
    journey, start, end = column("journey"), column("start"), column("end")
    return pd.DataFrame(
        {
            "by": names_of(grouped.names, grouped.group[journey]),
            "match": np.arange(len(journey)),
            "journey": journey,
            "customer": grouped.customer[journey],
            "start": moments(start),
            "end": moments(end),
            "duration_s": (end - start) / SECOND,
            "first_event": column("first_event"),
            "last_event": column("last_event"),
        }
    )


def _events(reading: _Reading, wanted: Pattern) -> pd.DataFrame:
    column, journey = reading.events.column, reading.matches.column("journey")
    match = np.repeat(np.arange(len(journey)), reading.matches.column("length"))[: len(reading.events)]
    step = reading.item_of[column("state")]
    return pd.DataFrame(
        {
            "match": match,
            "journey": journey[match],
            "step": step + 1,
            "name": names_of(wanted.steps, step),
            "event": column("event"),
            "timestamp": moments(column("time")),
            "touchpoint": names_of(reading.touchpoints, column("touchpoint")),
        }
    )


def _share(reading: _Reading) -> Share:
    """Return the share of all journeys that have a match."""
    matched = reading.matched
    whole = Grouped.of(np.zeros(len(matched), np.int32), reading.grouped.customer, (EVERYBODY,))
    return shares(whole.sums(np.ones(len(matched), np.bool_), matched))[0]
