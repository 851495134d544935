"""The verb `discover` and its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

from cjmining.discovery import finish
from cjmining.discovery.steps import Steps
from cjmining.discovery.summary import Scan, Summary, blocks_of, merge, summarise
from cjmining.discovery.words import plural
from cjmining.engine.local import reduce_blocks, worked_on
from cjmining.errors import LogError
from cjmining.progress import Progress, during, telling
from cjmining.results import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cjmining.engine.local import Engine
    from cjmining.intended import IntendedMap
    from cjmining.kernels.histogram import Histogram
    from cjmining.kernels.transitions import Transitions
    from cjmining.log import JourneyLog


def discover(
    log: JourneyLog,
    *,
    by: str | Sequence[str] | None = None,
    level: str = "touchpoint",
    ignore: Sequence[str] = (),
    intended: IntendedMap | None = None,
    progress: Progress | bool | None = None,
    engine: Engine | None = None,
) -> Discovery:
    """Count what customers do: transitions, variants, touchpoints, and how journeys start and end.

    Every event of the log counts, whoever did it, but for the touchpoints in `ignore`. Where events of a
    journey have the same time, the log's own order decides which follows which.

    Parameters
    ----------
    log : JourneyLog
        The journeys as they lie in the log: as the sources gave them, or as `log.split` made them.
    by : str or sequence of str, optional
        What to group journeys by: `persona` or another attribute of customers, a dimension of events, what
        journeys were tagged with (`outcome`), the period in which they begin (`month`), or several of these,
        as `log.group` takes them. Without it there is one group, "all".
    level : {"touchpoint", "touchpoint@channel", "channel", "stage"}
        What a step of a journey is. At "channel" and "stage" several events of one name in a row are one
        step, which begins with the first. At "touchpoint@channel" an event without a channel is called by its
        touchpoint alone.
    ignore : sequence of str
        Touchpoints that are no part of the journey, such as `intended.ignore`: what comes before such an
        event is followed by what comes after it. A journey of nothing else stays a journey, its variant is
        "(nothing)".
    intended : IntendedMap, optional
        The map whose stages are the steps at level "stage".
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    Discovery
        The tables, one row a group and thing counted; groups without journeys are left out. Further tables
        are made when they are first asked for: `follows`, `rework`, `first_and_again`, `together`,
        `quantiles`.

    Raises
    ------
    LogError
        If there is nothing of the name `by`, no such level, `ignore` is a text instead of a sequence, or
        journeys are tagged with an outcome that is none.

    Notes
    -----
    One pass over blocks of whole customers. Counts are exact. Medians and 90th percentiles come from
    histograms that add up across blocks: they lie within 1/128 (0.8 %) of what `numpy.quantile` gives; zero
    is exact, and so are times that are equal throughout. All tables keep their size as the log grows, except
    `variants`, which holds every different sequence once.

    Examples
    --------
    >>> import cjmining as cj
    >>> import pyarrow as pa
    >>> events = pa.table({
    ...     "customer": [0, 0, 0, 1, 1],
    ...     "timestamp": pa.array([0, 60, 180, 0, 120], pa.timestamp("s", "UTC")),
    ...     "touchpoint": ["ad", "shop", "order", "ad", "shop"],
    ... })
    >>> found = cj.discover(cj.JourneyLog.from_events(events))
    >>> found.transitions[["from_touchpoint", "to_touchpoint", "count", "median_s"]]
      from_touchpoint to_touchpoint  count  median_s
    0              ad          shop      2      90.0
    1            shop         order      1     120.0
    """
    log = worked_on(log, engine, "discover")
    with telling(progress, "discover") as tell:
        tell("reading the log", 0.0)
        steps = Steps.of(log, level=level, ignore=ignore, intended=intended, verb="discover")
        with during(tell, "counting", 0.05, 0.9):
            scan, counts = _count(log, steps, by)
        tell("making the tables", 0.9)
        return _finish(tuple(ignore), scan, counts)._made_of(log)


def _count(log: JourneyLog, steps: Steps, by: str | Sequence[str] | None) -> tuple[Scan, Summary]:
    scan = Scan.of(log, steps, by)
    counts = reduce_blocks(lambda block: summarise(scan, block), merge, blocks_of(log), engine=log.engine)
    return scan, counts


MOST_LINES = 8
"""Groups that a summary tells of one by one."""


class Kept(NamedTuple):
    """What further tables are made from."""

    scan: Scan
    transitions: Transitions
    times: Histogram


@dataclass(frozen=True, repr=False, eq=False)
class Discovery(Result):
    """What customers do, by group. The column `by` names the group; "all" where nothing was asked for.

    Rows are sorted by group (in the order of `groups`), then by falling count, then by name. The tables
    `follows`, `rework`, `first_and_again` and `together`, and `quantiles`, are made when they are first asked
    for, from the log, which the result therefore holds.

    Attributes
    ----------
    by : str, tuple of str or None
        What journeys were grouped by.
    level : str
        What a step is. At other levels than "touchpoint" the columns touchpoint, from_touchpoint and so on
        hold what steps are called there.
    groups : tuple of str
        The groups that have journeys.
    ignore : tuple of str
        The touchpoints that were left out.
    overview : pandas.DataFrame
        by, journeys, customers (with at least one journey in the group), events (that are part of the
        journeys), steps (the same at levels "touchpoint" and "touchpoint@channel"; at "channel" and "stage"
        stays, each of one event or several in a row), events_per_journey (their mean), start and end (first
        and last event), median_s and p90_s (median and 90th percentile of the seconds from a journey's first
        to its last event, within 0.8 %); where journeys are tagged with their outcome also converted,
        dropped, turned_away, open.
    transitions : pandas.DataFrame
        by, from_touchpoint and to_touchpoint (the one that is left, and the one that follows), count (how
        often the second directly follows the first within a journey), journeys (in which it does so at least
        once), customers (with such a journey), share_of_journeys (of the group), share_of_from (count as a
        share of all transitions that leave from_touchpoint), share_into (count as a share of all transitions
        that lead to to_touchpoint), repeated_count (how often it does so again in the same journey: count
        less journeys), median_s and p90_s (median and 90th percentile of the seconds between the two, within
        0.8 %), mean_s (their mean).
    variants : pandas.DataFrame
        by, variant (the touchpoints of a journey joined by " > "; "(nothing)" where it has none, in one more
        pair of brackets where a touchpoint has that name), journeys, customers (with such a journey),
        share_of_journeys (of the group). Grows with the log.
    touchpoints : pandas.DataFrame
        by, touchpoint, count (events, at every level), journeys (with at least one), customers (with at least
        one), channels (those it used, most frequent
        first), wait_s_mean and satisfaction_mean over the wait_s_answered and satisfaction_answered events
        that have a value (NaN where none has).
    ends : pandas.DataFrame
        by, position ("start"; "end" of journeys that are over; "open", where those stand that the log's tag
        `outcome` says still run), touchpoint, journeys (that start, end or stand there), customers (with such
        a journey), share_of_journeys (of the group).
    notes : tuple of str
        What a reader should know, such as names to ignore that the log doesn't have.
    """

    by: str | tuple[str, ...] | None
    level: str
    groups: tuple[str, ...]
    ignore: tuple[str, ...]
    overview: pd.DataFrame
    transitions: pd.DataFrame
    variants: pd.DataFrame
    touchpoints: pd.DataFrame
    ends: pd.DataFrame
    notes: tuple[str, ...] = ()
    _kept: Kept | None = None

    _tables = ("overview", "transitions", "variants", "touchpoints", "ends")
    _on_demand = ("follows", "rework", "first_and_again", "together")

    @property
    def journeys(self) -> pd.Series[int]:
        """The number of journeys of each group."""
        return self.overview.set_index("by")["journeys"]

    @cached_property
    def overall(self) -> Discovery:
        """The same counted with all journeys as one group, "all"; made when first asked for.

        Raises
        ------
        LogError
            If small groups were merged or small rows left out.
        """
        if self.by is None:
            return self
        scan = self._with_log("overall").scan
        return _finish(self.ignore, *_count(scan.log, scan.steps, None))._made_of(scan.log)

    @cached_property
    def group_values(self) -> pd.DataFrame:
        """What each group stands for: by, and a column a name that journeys are grouped by.

        "Gen Z, mobile" is taken apart again: persona "Gen Z", device "mobile".

        Raises
        ------
        LogError
            If small groups were merged.
        """
        return finish.group_values(self._with_log("group_values").scan, self.groups)

    @cached_property
    def follows(self) -> pd.DataFrame:
        """What follows what, directly or later in the journey.

        by, from_touchpoint and to_touchpoint (what occurs, and what occurs after it), journeys (in which the
        second occurs some time after the first, each counted once), customers (with such a journey),
        share_of_from_journeys (of the journeys that have the first), directly (of `journeys`, those in which
        it also follows directly), count (ordered pairs of events: what pm4py's eventually-follows graph
        counts), median_s and p90_s (median and 90th percentile, over `journeys`, of the seconds from the
        first occurrence of the first to the next one of the second, within 0.8 %). A touchpoint follows
        itself where it occurs twice. What never follows has no row.

        Raises
        ------
        LogError
            If small groups were merged or small rows left out.
        """
        from cjmining.discovery import follows

        return follows.eventually(self._with_log("follows").scan)

    @cached_property
    def rework(self) -> pd.DataFrame:
        """What journeys do more than once, and how long it takes until they do it again.

        by, touchpoint, journeys (with it), customers (with such a journey), repeated_journeys (in which it
        occurs more than once), repeated_customers (with such a journey), share_repeated (repeated_journeys /
        journeys), steps (how often it occurs: events, at levels "channel" and "stage" stays), repeated_steps
        (all but the first of each journey; they are self_loops and loops together), self_loops (directly
        after itself), loops (after something else), most (steps of it in one journey), steps_mean (steps from
        one of it to the next, 1 where directly), median_s and p90_s (median and 90th percentile of the
        seconds from one to the next, within 0.8 %), extra_mean_s (seconds from the first to the last of a
        journey, mean of repeated_journeys). The most repeated_steps come first. At levels "channel" and
        "stage" nothing follows itself directly.

        Raises
        ------
        LogError
            If small groups were merged or small rows left out.
        """
        from cjmining.discovery import rework

        return rework.touchpoints_again(self._with_log("rework").scan)

    @cached_property
    def first_and_again(self) -> pd.DataFrame:
        """The time of transitions: the first of its kind in a journey against those that come again.

        by, from_touchpoint and to_touchpoint (the one that is left, and the one that follows), customers
        (with a journey in which it does), first_count (transitions that are their journey's first of the
        kind), first_median_s and first_p90_s (median and 90th percentile of their seconds, within 0.8 %),
        repeated_count (those that are not the first), repeated_median_s and repeated_p90_s (of these, NaN
        where there are none).

        Raises
        ------
        LogError
            If small groups were merged or small rows left out.
        """
        from cjmining.discovery import rework

        kept = self._with_log("first_and_again")
        return rework.transitions_again(kept.scan, kept.transitions)

    @cached_property
    def together(self) -> pd.DataFrame:
        """Which touchpoints occur in the same journey, in whatever order.

        by, touchpoint and other_touchpoint (each pair once, in the order of their names; pairs that no
        journey has are left out), journeys (with both), customers (with such a journey),
        share_of_touchpoint_journeys and share_of_other_journeys (of the journeys with the one, and with the
        other), expected_journeys (with both, were the one as frequent with the other as without), lift
        (journeys / expected_journeys), jaccard (journeys / journeys with at least one of them), phi (the
        correlation of having the one with having the other, -1 to 1; NaN where all journeys have one of
        them).

        Raises
        ------
        LogError
            If small groups were merged or small rows left out.
        """
        from cjmining.discovery import co_occurrence

        return co_occurrence.pairs(self._with_log("together").scan)

    def quantiles(self, shares: float | Sequence[float], *, exact: bool = False) -> pd.DataFrame:
        """Return any quantiles of the time that transitions take.

        Parameters
        ----------
        shares : float or sequence of float
            Which quantiles, each from 0 to 1: 0.5 is the median.
        exact : bool
            Whether to take all times into memory again and give what `numpy.quantile` gives; else they come
            from a histogram and lie within 1/128 (0.8 %) of that.

        Returns
        -------
        pandas.DataFrame
            by, from_touchpoint, to_touchpoint, count, journeys, customers, and a column a quantile, in
            seconds: q25_s for 0.25, q99.9_s for 0.999. Rows as in `transitions`.

        Raises
        ------
        LogError
            If a share isn't one, or small groups were merged or small rows left out.

        Examples
        --------
        >>> import cjmining as cj
        >>> found = cj.discover(cj.simulate.shop(100, seed=1).log)
        >>> found.quantiles((0.25, 0.95)).columns.tolist()[-2:]
        ['q25_s', 'q95_s']
        """
        from cjmining.discovery import quantiles

        kept = self._with_log("quantiles")
        return quantiles.quantiles(kept.scan, kept.transitions, kept.times, shares, exact=exact)

    def _with_log(self, what: str) -> Kept:
        if self._kept is None:
            raise LogError(
                f"this discovery is for showing: its small groups are merged or its small rows left out, and "
                f"{what} would show them again; ask the result of cj.discover"
            )
        return self._kept

    def _all_tables(self) -> tuple[str, ...]:
        made = (name for name in self._on_demand if self._kept is not None or name in self.__dict__)
        return (*self._tables, *made)

    def _with_tables(self, tables: Mapping[str, pd.DataFrame]) -> Self:
        """Return the result with these tables; what is not among them is no longer made from the log."""
        own = {name: table for name, table in tables.items() if name in self._tables}
        other = replace(self, _kept=None, **own)  # type: ignore[arg-type]  # names of tables
        other.__dict__.update({name: table for name, table in tables.items() if name in self._on_demand})
        return other

    def _summary(self) -> str:
        journeys, events = int(self.overview["journeys"].sum()), int(self.overview["events"].sum())
        kinds = {
            "transition": self._kinds("transitions", "from_touchpoint", "to_touchpoint"),
            "variant": self._kinds("variants", "variant"),
            "touchpoint": self._kinds("touchpoints", "touchpoint"),
        }
        sizes = f"{plural(journeys, 'journey')} with {plural(events, 'event')}"
        told = ", ".join(plural(number, kind) for kind, number in kinds.items())
        first = f"Discovery: {sizes} in {plural(len(self.groups), 'group')}; {told}"
        return "\n  ".join([first, *self._lines_of_groups(), *self.notes])

    def _lines_of_groups(self) -> Iterator[str]:
        """Yield for the first groups what they are and what they do most."""
        rows = self.overview.head(MOST_LINES)[["by", "journeys", "customers"]]
        for by, journeys, customers in rows.itertuples(index=False):
            sizes = f"{plural(journeys, 'journey')} of {plural(customers, 'customer')}"
            mine = self.transitions[self.transitions["by"] == by].head(1)
            for start, to, count in mine[["from_touchpoint", "to_touchpoint", "count"]].itertuples(
                index=False
            ):
                sizes += f", most often {start} > {to} ({plural(count, 'time')})"
            yield f"{by}: {sizes}"
        if len(self.overview) > MOST_LINES:
            yield f"and {plural(len(self.overview) - MOST_LINES, 'group')} more, in .overview"

    def _kinds(self, table: str, *columns: str) -> int:
        return len(self._table(table)[list(columns)].drop_duplicates())


def _finish(ignore: tuple[str, ...], scan: Scan, summary: Summary) -> Discovery:
    kept = finish.groups_with_journeys(scan, summary)
    return Discovery(
        by=scan.by,
        level=scan.steps.level,
        groups=tuple(kept.values()),
        ignore=ignore,
        overview=finish.overview(scan, summary),
        transitions=finish.transitions(scan, summary),
        variants=finish.variants(scan, summary),
        touchpoints=finish.touchpoints(scan, summary),
        ends=finish.ends(scan, summary),
        notes=scan.steps.notes,
        _kept=Kept(scan, summary.transitions, summary.times),
    )
