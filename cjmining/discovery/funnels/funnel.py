"""The verb `funnel` and its result."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining import asked
from cjmining.discovery.funnels import tables
from cjmining.discovery.funnels.reading import FATES, ORDERS, Question, read
from cjmining.discovery.marks import Marks, alternatives, in_order, limit_of, notes_on_ends
from cjmining.discovery.outcomes import OPEN, outcomes_of
from cjmining.discovery.steps import Steps
from cjmining.discovery.words import open_text, plural, share_text
from cjmining.engine.local import worked_on
from cjmining.errors import LogError, nearest
from cjmining.progress import Progress, during, telling
from cjmining.results import Result
from cjmining.stats import Share

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.funnels.reading import Attempts
    from cjmining.discovery.marks import Step
    from cjmining.engine.local import Engine
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

MOST_STEPS: Final = 32
STARTS: Final = ("first", "every")
UNITS: Final = ("journey", "customer")


def funnel(
    log: JourneyLog,
    steps: Sequence[Step] | Mapping[str, Step],
    *,
    within: str | timedelta | None = None,
    order: str = "ordered",
    starts: str = "first",
    unit: str = "journey",
    by: str | Sequence[str] | None = None,
    level: str = "touchpoint",
    ignore: Sequence[str] = (),
    intended: IntendedMap | None = None,
    progress: Progress | bool | None = None,
    engine: Engine | None = None,
) -> Funnel:
    """Count how many come from a first step to a second, a third, and where the others are lost.

    An attempt begins at the first step. It reaches the next where one comes after it, by the order of the log
    where times are equal; one event counts for one step. Attempts whose time was not over when the data ended
    (without `within`: whose journey still runs) are told apart and never counted as lost.

    Parameters
    ----------
    log : JourneyLog
    steps : sequence or mapping
        At least two steps in a list, tuple, array or Series, each a text ("ad_clicked", "ad_clicked@social",
        "@email") or several of which any will do; a mapping gives them names: ``{"Ad": "@social", "Cart":
        ["cart_filled", "cart_shared"]}``. At level "channel" and "stage" steps are channels and stages.
    within : str or timedelta, optional
        How long an attempt may take from its first step: "7d", "36h", at most a hundred years. What happens
        just as the time ends still counts. The clock alone then decides whether an attempt is over, whatever
        becomes of its journey.
    order : {"ordered", "strict", "any"}
        "ordered": each step after the one before, with anything between. "strict": directly after it.
        "any": the steps in whatever order; an attempt begins at whichever comes first, the rows count how
        many were reached, and an event counts for each step that it fits.
    starts : {"first", "every"}
        "first": a journey makes one attempt, at its first start. "every": once an attempt is over (complete,
        its time up, or, if strict, broken), the next start begins another; starts during an attempt don't,
        so that no event counts in two attempts.
    unit : {"journey", "customer"}
        Whether an attempt ends with its journey, or goes on through all journeys of the customer in order of
        time. It belongs to the group of the journey in which it began.
    by : str or sequence of str, optional
        What to group journeys by, as `log.group` takes it.
    level : {"touchpoint", "touchpoint@channel", "channel", "stage"}
        What a step of a journey is, as in `discover`. It decides what is named as next and last, and at
        "channel" and "stage" what steps are.
    ignore : sequence of str
        Touchpoints that are no part of the journey: they break no strict order.
    intended : IntendedMap, optional
        The map whose stages are the steps at level "stage".
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    Funnel

    Raises
    ------
    LogError
        If there are fewer than two steps, the log lacks one, or an option is none.

    Notes
    -----
    The headline shares are of mature attempts: with `within`, all those that began at least as long before
    the end of the data, so that of each it is known how far it came in that time, whatever else becomes of
    its journey; without, those of journeys that are not open (by the tag `outcome`; without the tag, of all).
    What is mature and not complete is lost; what is neither mature nor complete is open. In a strict funnel
    whatever came next has decided it: a broken attempt is lost at once, mature or not, also where its time or
    its journey still runs. The naive shares beside them count every attempt, as
    if nobody still under way would go on. Limits are Wilson's at 95 %, widened for customers who make several
    attempts (Rao and Scott 1992, doi:10.2307/2532311).

    Examples
    --------
    >>> import cjmining as cj
    >>> import pyarrow as pa
    >>> events = pa.table({
    ...     "customer": [0, 0, 0, 1, 1],
    ...     "timestamp": pa.array([0, 60, 180, 0, 120], pa.timestamp("s", "UTC")),
    ...     "touchpoint": ["ad", "shop", "order", "ad", "shop"],
    ... })
    >>> found = cj.funnel(cj.JourneyLog.from_events(events), ["ad", "shop", "order"])
    >>> found.steps[["step", "name", "reached", "lost", "median_s"]]
       step   name  reached  lost  median_s
    0     1     ad        2     0       NaN
    1     2   shop        2     1      90.0
    2     3  order        1     0     120.0
    """
    log = worked_on(log, engine, "funnel")
    order = asked.one_of("order", order, tuple(ORDERS))
    starts = asked.one_of("starts", starts, STARTS)
    unit = asked.one_of("unit", unit, UNITS)
    names, choices = _steps(steps)
    limit = limit_of(within)
    with telling(progress, "funnel") as tell:
        tell("reading the log", 0.0)
        journeys = Steps.of(log, level=level, ignore=ignore, intended=intended, verb="funnel")
        outcome = outcomes_of(log)
        question = Question(
            marks=Marks.of(log, journeys, choices),
            n_steps=len(choices),
            limit=limit,
            order=order,
            every=starts == "every",
            of_customers=unit == "customer",
        )
        grouping = log.group(by)
        with during(tell, "following the journeys", 0.1, 0.7):
            found = read(log, journeys, question, grouping, None if outcome is None else outcome == OPEN)
        tell("making the tables", 0.7)
        rows = tuple(f"any {n + 1} of {len(names)}" for n in range(len(names))) if order == "any" else names
        return _finish(
            found,
            tables.Names(names, journeys.names, rows),
            np.bincount(grouping[0], minlength=len(grouping[1])),
            outcome,
            _Settings(
                by if by is None or isinstance(by, str) else tuple(by),
                level,
                order,
                starts,
                unit,
                limit.text,
                (*journeys.notes, *notes_on_ends(limit, tagged=outcome is not None)),
            ),
        )._made_of(log)


class _Settings(NamedTuple):
    """What was asked, as the result shows it."""

    by: str | tuple[str, ...] | None
    level: str
    order: str
    starts: str
    unit: str
    within: str
    notes: tuple[str, ...]


@dataclass(frozen=True, repr=False, eq=False)
class Funnel(Result):
    """How far attempts come, by group. The column `by` names the group; "all" where nothing was asked for.

    Attributes
    ----------
    by : str or tuple of str or None
        What the attempts are grouped by.
    names : tuple of str
        The steps.
    order, starts, unit, level : str
        As asked.
    within : str
        " within 7d", empty without a limit.
    notes : tuple of str
        What a reader should know before trusting a number.
    overview : pandas.DataFrame
        A row a group that has journeys: by, journeys_in_group (all of them), journeys (with an attempt),
        customers (with an attempt), attempts (that reached the first step), completed (attempts that reached
        every step), lost (attempts that are over and didn't), open (attempts that are not complete and were
        not over when the data ended; these three make up `attempts`), mature (attempts whose time was over
        when the data ended, without `within` those whose journey was), mature_completed (of those, the
        completed),
        share_of_mature_attempts (mature_completed / mature) with limits lower and upper,
        naive_share_of_attempts (completed / attempts, as if nobody open would go on), median_s and p90_s
        (seconds from the first step to the last, over the completed).
    steps : pandas.DataFrame
        A row a step of each group with attempts: by, step (1 for the first), name (of the step, or how many
        of them in any order), customers (who reached it), reached (attempts that did), mature_first (mature
        attempts), mature_previous (mature attempts that reached the step before), mature_reached (mature
        attempts that reached this one), share_of_mature_first (mature_reached / mature_first) with limits
        share_of_mature_first_lower and share_of_mature_first_upper, share_of_mature_previous (mature_reached
        / mature_previous) with limits share_of_mature_previous_lower and share_of_mature_previous_upper,
        naive_share_of_first (reached / reached of the first step), naive_share_of_previous (reached / reached
        of the step before), lost (attempts that reached this step, not the next, and are over), open
        (attempts that reached this step, not the next, and were not over when the data ended), median_s and
        p90_s (seconds since the step before, over all that reached this one), median_from_first_s and
        p90_from_first_s (seconds since the first step).
    singly : pandas.DataFrame
        In any order a row a step, else empty: by, name (of the step), customers (who reached it), reached
        (attempts that did, in whatever order), mature_reached (mature attempts that did),
        share_of_mature_attempts (mature_reached as a share of all mature attempts) with limits lower and
        upper.
    times : pandas.DataFrame
        Two rows a step after the first: by, step (2 for the second), name (of the step), since ("previous"
        or "first" step), customers (who reached it), measured (attempts that reached it), p10_s and p25_s
        and median_s and p75_s and p90_s (quantiles of the seconds since then).
    outcomes : pandas.DataFrame
        Where the log is tagged with outcomes, else empty: by, step (the furthest reached), name (of that
        step), outcome (how the journey ended in which the attempt began), customers, attempts (that came so
        far and whose journey ended so), share_of_stopped (as a share of the attempts that came so far and no
        further).
    attempts : pandas.DataFrame
        A row an attempt: by, journey (in which it began), customer, start (when), reached (how many steps),
        last_step (the furthest), last_step_at (when it was reached), duration_s (between the two), fate
        (completed, lost or open), mature.
    """

    names: tuple[str, ...]
    by: str | tuple[str, ...] | None
    level: str
    order: str
    starts: str
    unit: str
    within: str
    notes: tuple[str, ...]
    overview: pd.DataFrame
    steps: pd.DataFrame
    singly: pd.DataFrame
    times: pd.DataFrame
    outcomes: pd.DataFrame
    _behind: tuple[Attempts, tables.Names]

    _tables = ("overview", "steps", "singly", "times", "outcomes", "attempts")
    _late = _of_persons = ("attempts",)
    _opened = "steps"

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """A row an attempt; made when it is first asked for."""
        return self._make("attempts")

    def _make(self, name: str, rows: int | None = None) -> pd.DataFrame:  # noqa: ARG002 -- the only one
        found, names = self._behind
        return tables.attempts(found if rows is None else found.head(rows), names)

    def _n_rows(self, name: str) -> int:  # noqa: ARG002 -- the only one
        return len(self._behind[0])

    def between(self, step: int | str) -> pd.DataFrame:
        """Return what those did who were lost between a step and the next.

        Parameters
        ----------
        step : int or str
            The last step that they reached: its number, 1 for the first, or its name.

        Returns
        -------
        pandas.DataFrame
            by, position ("next": directly after that step; "last": the last within the time, or of the
            journey), touchpoint ("(nothing)" where none followed), customers, attempts, share_of_lost (of the
            attempts of the group that were lost there).

        Raises
        ------
        LogError
            If there is no such step, or several of the name.
        """
        found, names = self._behind
        return tables.between(found, names, self._number(step))

    def journeys(self, step: int | str, fate: str = "lost") -> NDArray[np.int64]:
        """Return the numbers of the journeys behind a count.

        Parameters
        ----------
        step : int or str
            The furthest step reached.
        fate : {"lost", "open", "completed"}

        Returns
        -------
        numpy.ndarray of int64
            Journeys in which such attempts began, ascending, each once.

        Raises
        ------
        LogError
            If there is no such step or fate.
        """
        fate = asked.one_of("fate", fate, FATES)
        found, _ = self._behind
        kept = (found.reached == self._number(step) + 1) & (found.fate == FATES.index(fate))
        return np.unique(found.journey[kept])

    def _number(self, step: int | str) -> int:
        rows = self._behind[1].rows
        if isinstance(step, str):
            if rows.count(step) > 1:
                raise LogError(f"several steps are {step!r}: give its number, 1 to {len(rows)}")
            if step not in rows:
                hint = nearest(step, rows)
                raise LogError(
                    f"there is no step {step!r}{hint or ';'} {'S' if hint else 's'}teps are {', '.join(rows)}"
                )
            return rows.index(step)
        if isinstance(step, bool) or not isinstance(step, int | np.integer) or not 1 <= step <= len(rows):
            raise LogError(f"a step is a number from 1 to {len(rows)} or a name, not {step!r}")
        return int(step) - 1

    def _summary(self) -> str:
        total = self.overview[["mature", "mature_completed", "attempts", "open"]].sum()
        way = {"ordered": " > ".join(self.names), "strict": " > ".join(self.names) + ", directly"}
        question = (
            f"Funnel: {way.get(self.order, ', '.join(self.names) + ' in any order')}{self.within}, "
            f"{self.starts} start of each {self.unit}"
        )
        if not total["attempts"]:
            return f"{question}: no attempts"
        completed = f"{total['mature_completed']:,} of {plural(total['mature'], 'mature attempt')} completed"
        if not total["mature"]:
            completed = "no attempt is mature yet"
        left = open_text(total["open"], "may still go on", timed=bool(self.within))
        return f"{question}: {completed}, {total['attempts']:,} in all{left}"

    def __repr__(self) -> str:
        shown = self.steps.head(_SHOWN)
        lines = [_line(row) for row in shown.to_dict("records")]
        if len(self.steps) > _SHOWN:
            lines.append(f"  and {plural(len(self.steps) - _SHOWN, 'row')} more in .steps")
        return "\n".join([self._summary(), *lines, *(f"  note: {note}" for note in self.notes)])


_SHOWN: Final = 24
"""Lines of a funnel that a terminal shows."""


def _line(row: Mapping[Hashable, Any]) -> str:
    group = "" if row["by"] == "all" else f"{row['by']}: "
    share = Share(*(row[f"share_of_mature_first{end}"] for end in ("", "_lower", "_upper")))
    of_mature = f", of mature attempts {share_text(share)}" if row["step"] > 1 else ""
    left = f"; {row['lost']:,} lost after it, {row['open']:,} open" if row["lost"] or row["open"] else ""
    return f"  {group}{row['step']} {row['name']}: {row['reached']:,} reached{of_mature}{left}"


def _finish(
    found: Attempts,
    names: tables.Names,
    of_group: NDArray[np.int64],
    outcome: NDArray[np.int8] | None,
    settings: _Settings,
) -> Funnel:
    kept, found = found, found.loaded()
    measured = tables.taken(found, names)
    singly = (
        tables.singly(found, names)
        if settings.order == "any"
        else tables.singly(found, names._replace(steps=names.steps[:1])).head(0)
    )
    return Funnel(
        names=names.steps,
        overview=tables.overview(found, names, of_group),
        steps=tables.steps(found, names, measured),
        singly=singly,
        times=tables.times(found, names, measured),
        outcomes=tables.outcomes(found, names, outcome),
        _behind=(kept, names),
        **settings._asdict(),
    )


def _steps(given: Sequence[Step] | Mapping[str, Step]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the names of the steps, and the alternatives of each."""
    each = tuple(given.values()) if isinstance(given, Mapping) else in_order(given)
    if not each and (isinstance(given, str) or not isinstance(given, Mapping | Sequence)):
        raise LogError(f"steps is a sequence such as ['ad_clicked', 'cart_filled'], not {given!r}")
    choices = [alternatives(one, f"step {number + 1}") for number, one in enumerate(each)]  # type: ignore[arg-type]
    if not 2 <= len(choices) <= MOST_STEPS:
        raise LogError(f"a funnel has 2 to {MOST_STEPS} steps, not {len(choices)}")
    if not isinstance(given, Mapping):
        return tuple(" | ".join(one) for one in choices), choices
    for name in given:
        if not isinstance(name, str) or not name.strip():
            raise LogError(f"the names of steps are texts such as 'Cart', not {name!r}")
    return tuple(given), choices
