"""The verb `paths` and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cjmining import asked
from cjmining.discovery.marks import Marks, alternatives, limit_of, notes_on_ends
from cjmining.discovery.outcomes import OPEN, outcomes_of
from cjmining.discovery.paths import shown, tables
from cjmining.discovery.paths.reading import FATES, LOOPS, NOT_ARRIVED, WHICH, Question, read
from cjmining.discovery.paths.reading import OPEN as UNDER_WAY
from cjmining.discovery.steps import Steps
from cjmining.engine.local import worked_on
from cjmining.errors import LogError, nearest
from cjmining.progress import Progress, during, telling
from cjmining.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.marks import Step
    from cjmining.discovery.paths.reading import Attempts
    from cjmining.engine.local import Engine
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

ASSOCIATION = (
    ".between is an association: who arrives may differ from who doesn't in more than what lies on the way, "
    "and who doesn't arrive has longer to meet it."
)
LAST_EVENTS = (
    "A journey's end is taken to be its last event, also where the journey may still go on: tag the log with "
    "outcomes, log.tag(outcome=check.journeys['outcome']), to tell those apart."
)
STILL_RUNNING = (
    "Nobody knows where journeys end that are tagged as open: those that went on for longer than the time "
    "have not arrived; the others are open and no part of the headline, which may be too low for that."
)


def paths(
    log: JourneyLog,
    *,
    start: Step | None,
    end: Step | None,
    within: str | timedelta | None = None,
    starts: str = "first",
    loops: str = "keep",
    by: str | Sequence[str] | None = None,
    level: str = "touchpoint",
    ignore: Sequence[str] = (),
    intended: IntendedMap | None = None,
    smallest: int = 10,
    progress: Progress | bool | None = None,
    engine: Engine | None = None,
) -> Paths:
    """Show what lies between two touchpoints: the ways taken, the fastest, and those that lead nowhere.

    An attempt begins at a start and arrives at the first end after it, by the order of the log where times
    are equal. Attempts whose time was not over when the data ended (without `within`: whose journey still
    runs) are told apart and never counted as failing.

    Parameters
    ----------
    log : JourneyLog
    start : str, sequence of str or None
        Where attempts begin: a step ("ad_clicked", "ad_clicked@social", "@email") or any of several. None is
        the beginning of each journey. At level "channel" and "stage" a step is a channel or a stage.
    end : str, sequence of str or None
        Where they arrive, likewise. None is the end of the journey, its last event. An event that fits both
        is never the end of the attempt that it starts, unless `start` or `end` is None: the first event of a
        journey may be the end asked for, or a start its last.
    within : str or timedelta, optional
        How long an attempt may take: "7d", "36h", at most a hundred years. An end just as the time is up
        still counts. The clock alone then decides whether an attempt is over, whatever becomes of its
        journey.
    starts : {"first", "last", "every"}
        Which starts count. "first": the journey's first, so that each journey makes one attempt. "last": of
        the starts before each end the last (and the last one of all where no end follows): what the arrival
        came from most recently, however much came before. "every": once an attempt is over (arrived, or its
        time up), the next start begins another; starts during an attempt don't, so that no two attempts
        arrive by one event. The end of one may be the start of the next.
    loops : {"keep", "once"}
        "once": paths have each step only where it first occurs, and the end last (where `end` names one; with
        None the last step is like the others), so that ways that differ in repetitions alone become one.
        "keep": paths as they are.
    by : str or sequence of str, optional
        What to group journeys by, as `log.group` takes it.
    level : {"touchpoint", "touchpoint@channel", "channel", "stage"}
        What a step of a path is, as in `discover`.
    ignore : sequence of str
        Touchpoints that are no part of the journey.
    intended : IntendedMap, optional
        The map whose stages are the steps at level "stage".
    smallest : int
        How many attempts a path needs for its times to be ranked in `fastest`.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    Paths

    Raises
    ------
    LogError
        If the log lacks a step, or an option is none.

    Notes
    -----
    The headline share is of mature attempts: with `within`, all those that began at least as long before the
    end of the data, so that of each it is known whether it arrived in that time, whatever else becomes of its
    journey; without, those of journeys that are not open (by the tag `outcome`; without the tag, of all).
    What is mature and did not arrive has failed; what is not mature and has not arrived yet is open. With
    ``end=None`` an attempt in a journey tagged as open never arrives: within a time it fails where the
    journey went on for longer, and else is open and not mature.

    The share of the resolved beside it counts those that arrived or failed until the data ended: arrivals are
    known at once and failures only after their time, so it is too high. Limits are Wilson's at 95 %, widened
    for customers who make several attempts (Rao and Scott 1992, doi:10.2307/2532311); those of differences
    are Newcombe's (1998). Quantiles are exact, as `numpy.quantile` gives them.

    Examples
    --------
    >>> import cjmining as cj
    >>> import pyarrow as pa
    >>> events = pa.table({
    ...     "customer": [0, 0, 0, 1, 1, 2],
    ...     "timestamp": pa.array([0, 60, 180, 0, 120, 0], pa.timestamp("s", "UTC")),
    ...     "touchpoint": ["ad", "shop", "cart", "ad", "cart", "ad"],
    ... })
    >>> found = cj.paths(cj.JourneyLog.from_events(events), start="ad", end="cart")
    >>> found.paths[["path", "attempts", "share_of_arrived", "median_s"]]
                   path  attempts  share_of_arrived  median_s
    0         ad > cart         1               0.5     120.0
    1  ad > shop > cart         1               0.5     180.0
    """
    log = worked_on(log, engine, "paths")
    starts = asked.one_of("starts", starts, tuple(WHICH))
    loops = asked.one_of("loops", loops, LOOPS)
    smallest = asked.whole("smallest", smallest)
    limit = limit_of(within)
    begins = None if start is None else alternatives(start, "start")
    ends = None if end is None else alternatives(end, "end")
    with telling(progress, "paths") as tell:
        tell("reading the log", 0.0)
        steps = Steps.of(log, level=level, ignore=ignore, intended=intended, verb="paths")
        outcome = outcomes_of(log)
        open_ones = None if outcome is None else outcome == OPEN
        grouping = log.group(by)
        with during(tell, "following the journeys", 0.1, 0.6):
            kept = read(
                log,
                steps,
                Question(
                    marks=Marks.of(log, steps, (begins or (), ends or ())),
                    from_beginning=begins is None,
                    to_end=ends is None,
                    limit=limit,
                    starts=starts,
                    loops=loops,
                ),
                grouping,
                open_ones,
            )
        tell("making the tables", 0.6)
        found = kept.loaded()
        texts = tables.path_texts(found.paths, steps.names)
        travelled = tables.travelled(found, texts, smallest)
        about_ends = notes_on_ends(limit, tagged=open_ones is not None)
        if ends is None and open_ones is None:
            about_ends = (LAST_EVENTS,)
        elif ends is None and limit.given and open_ones is not None and open_ones.any():
            about_ends = (STILL_RUNNING,)
        return Paths(
            start=begins,
            end=ends,
            within=limit.text,
            starts=starts,
            loops=loops,
            by=by if by is None or isinstance(by, str) else tuple(by),
            level=level,
            notes=(*steps.notes, *about_ends, *_note_on_loops(travelled, loops), ASSOCIATION),
            overview=tables.overview(found, np.bincount(grouping[0], minlength=len(grouping[1]))),
            paths=travelled,
            fastest=tables.fastest(travelled),
            failing=tables.stranded(found, steps.names, texts, NOT_ARRIVED, "share_of_not_arrived"),
            under_way=tables.stranded(found, steps.names, texts, UNDER_WAY, "share_of_open"),
            lost_at=tables.lost_at(found, steps.names),
            between=tables.between(found, steps.names),
            _behind=(kept, texts),
        )._made_of(log)


def _note_on_loops(travelled: pd.DataFrame, loops: str) -> tuple[str, ...]:
    """Say how to put ways together where most are taken but once."""
    alone = int((travelled["attempts"] == 1).sum())
    if loops == "once" or 2 * alone <= travelled["attempts"].sum():
        return ()
    told = (
        f"{alone:,} ways were taken only once: loops='once' makes one of those that differ in repetitions, "
        "ignore= leaves touchpoints out, level='stage' or 'channel' is coarser."
    )
    return (told,)


@dataclass(frozen=True, repr=False, eq=False)
class Paths(Result):
    """What lies between two touchpoints, by group. The column `by` names the group; "all" without groups.

    Paths are written "a > b > c", with the start and the end (or the last step within the time).

    Attributes
    ----------
    by : str or tuple of str or None
        What the attempts are grouped by.
    start, end : tuple of str or None
        The steps asked for; None for the beginning and the end of journeys.
    within : str
        " within 7d", empty without a limit.
    starts, loops, level : str
        As asked; `starts` says which starts count.
    notes : tuple of str
        What a reader should know before trusting a number.
    overview : pandas.DataFrame
        A row a group that has journeys: by, journeys_in_group (all of them), journeys (with an attempt),
        customers (with an attempt), attempts (that began at a start), arrived (attempts that reached an end),
        not_arrived (attempts that are over and didn't), open (attempts that have not arrived and were not
        over when the data ended; these three make up `attempts`), mature (attempts whose time was over when
        the data ended, without `within` those whose journey was), mature_arrived (of those, the arrived),
        share_of_mature_attempts (mature_arrived / mature) with limits lower and upper, share_of_resolved
        (arrived / those that arrived or didn't; too high, since arrivals are known sooner) with limits
        share_of_resolved_lower and share_of_resolved_upper, median_s and p90_s (seconds from start to end,
        over the arrived), median_steps (steps of their paths, with start and end).
    paths : pandas.DataFrame
        A row a path of those who arrived, the most travelled first: by, path (its steps), journeys (that
        took it), customers (who took it), attempts (that took it), share_of_arrived (of the arrived
        attempts of the group), cumulative_share_of_arrived (with the paths above it), median_s and p90_s
        (seconds from start to end), fastest_rank (1 for the smallest median_s among the paths of the group
        with at least `smallest` attempts; none for the others).
    fastest : pandas.DataFrame
        The paths with at least `smallest` attempts, the fastest first: by, rank (by median_s), path (its
        steps), journeys, customers, attempts, share_of_arrived (of the arrived attempts of the group),
        median_s and p90_s (seconds from start to end).
    failing : pandas.DataFrame
        A row a path of those who did not arrive, up to their last step within the time, the most frequent
        first: by, path (its steps), last_touchpoint (the last of them), journeys, customers, attempts,
        share_of_not_arrived (of the attempts of the group that did not arrive).
    under_way : pandas.DataFrame
        The same of the open attempts, not over when the data ended: by, path (its steps so far),
        last_touchpoint (the last of them), journeys, customers, attempts, share_of_open (of the open attempts
        of the group).
    lost_at : pandas.DataFrame
        Where those were last who did not arrive: by, last_touchpoint (their last step within the time),
        journeys, customers, attempts, share_of_not_arrived (of the attempts of the group that did not
        arrive).
    between : pandas.DataFrame
        A row a touchpoint that lies after the start and, where there is one, before the end, open attempts
        left aside: by, touchpoint, customers (with such an attempt), attempts (that have it), arrived_with
        (of these, the arrived), share_of_arrived (arrived_with as a share of all that arrived),
        not_arrived_with (of these, those that did not arrive), share_of_not_arrived (not_arrived_with as a
        share of all that did not arrive), difference (share_of_arrived less share_of_not_arrived; an
        association) with limits lower and upper.
    attempts : pandas.DataFrame
        A row an attempt: by, journey, customer, start_event (row of log.events), start (when), end_event
        (row; -1 where it did not arrive), end (when), last_event (row of the last step on the path),
        duration_s (seconds from start to end), steps (of the path, before loops are shortened), fate
        (arrived, not arrived or open), mature, path.
    """

    start: tuple[str, ...] | None
    end: tuple[str, ...] | None
    within: str
    starts: str
    loops: str
    by: str | tuple[str, ...] | None
    level: str
    notes: tuple[str, ...]
    overview: pd.DataFrame
    paths: pd.DataFrame
    fastest: pd.DataFrame
    failing: pd.DataFrame
    under_way: pd.DataFrame
    lost_at: pd.DataFrame
    between: pd.DataFrame
    _behind: tuple[Attempts, NDArray[np.object_]]

    _tables = ("overview", "paths", "fastest", "failing", "under_way", "lost_at", "between", "attempts")
    _late = _of_persons = ("attempts",)

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """A row an attempt; made when it is first asked for."""
        return self._make("attempts")

    def _make(self, name: str, rows: int | None = None) -> pd.DataFrame:  # noqa: ARG002 -- the only one
        found, texts = self._behind
        return tables.attempts(found if rows is None else found.head(rows), texts)

    def _n_rows(self, name: str) -> int:  # noqa: ARG002 -- the only one
        return len(self._behind[0])

    def journeys(self, path: str, fate: str | None = None) -> NDArray[np.int64]:
        """Return the numbers of the journeys that took a path.

        Parameters
        ----------
        path : str
            As the tables write it: "ad_clicked > cart_filled".
        fate : {"arrived", "not arrived", "open"}, optional
            Only of attempts that ended so; by default of all.

        Returns
        -------
        numpy.ndarray of int64
            Ascending, each once.

        Raises
        ------
        LogError
            If nobody took such a path, or there is no such fate.
        """
        if fate is not None:
            fate = asked.one_of("fate", fate, FATES)
        found, texts = self._behind
        if not isinstance(path, str):
            raise LogError(f"a path is a text such as 'ad_clicked > cart_filled', not {path!r}")
        taken = np.flatnonzero(texts == path)
        if not len(taken):
            raise LogError(f"nobody took the path {path!r}{nearest(path, texts[:_COMPARED])}")
        kept = np.isin(found.path, taken)
        if fate is not None:
            kept &= found.fate == FATES.index(fate)
        return np.unique(found.journey[kept])

    def _summary(self) -> str:
        return shown.summary(self)

    def __repr__(self) -> str:
        return "\n".join([self._summary(), *shown.lines(self), *(f"  note: {note}" for note in self.notes)])


_COMPARED = 5_000
"""Paths among which the nearest is looked for."""
