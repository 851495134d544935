"""The verb `discover` and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cjmining.discovery import finish
from cjmining.discovery.steps import Steps
from cjmining.discovery.summary import Scan, Summary, merge, summarise
from cjmining.engine.local import map_blocks
from cjmining.log import Block
from cjmining.results import Result

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

BLOCK_EVENTS: Final = 500_000
"""Small enough that threads share a log of a million events, large enough that merging costs little."""


def discover(
    log: JourneyLog,
    *,
    by: str | Sequence[str] | None = None,
    level: str = "touchpoint",
    ignore: Sequence[str] = (),
    intended: IntendedMap | None = None,
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
        step, which begins with the first.
    ignore : sequence of str
        Touchpoints that are no part of the journey, such as `intended.ignore`: what comes before such an
        event is followed by what comes after it. A journey of nothing else stays a journey, its variant is
        "(nothing)".
    intended : IntendedMap, optional
        The map whose stages are the steps at level "stage".

    Returns
    -------
    Discovery
        The tables, one row a group and thing counted; groups without journeys are left out.

    Raises
    ------
    LogError
        If there is nothing of the name `by`, no such level, or `ignore` is a text instead of a sequence.

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
    steps = Steps.of(log, level=level, ignore=ignore, intended=intended, verb="discover")
    scan = Scan.of(log, steps, by)
    # A log without events has no blocks; one empty block gives the tables their columns.
    blocks = log.blocks(BLOCK_EVENTS) or [Block(0, 0, 0, 0)]
    wanted = by if by is None or isinstance(by, str) else tuple(by)
    return _finish(
        wanted, tuple(ignore), scan, merge(map_blocks(lambda block: summarise(scan, block), blocks))
    )


@dataclass(frozen=True, repr=False, eq=False)
class Discovery(Result):
    """What customers do, by group. The column `by` names the group; "all" where nothing was asked for.

    Rows are sorted by group (in the order of `groups`), then by falling count, then by name.

    Attributes
    ----------
    by : str, tuple of str or None
        What journeys were grouped by.
    level : str
        What a step is.
    groups : tuple of str
        The groups that have journeys.
    ignore : tuple of str
        The touchpoints that were left out.
    overview : pandas.DataFrame
        by, journeys, customers (with at least one journey in the group), events, start and end (first and
        last event).
    transitions : pandas.DataFrame
        by, from_touchpoint and to_touchpoint (the one that is left, and the one that follows), count (how
        often the second directly follows the first within a journey), journeys (in which it does so at least
        once), share_of_from (count as a share of all transitions that leave from_touchpoint), median_s and
        p90_s (median and 90th percentile of the seconds between the two, within 0.8 %), mean_s (their mean).
    variants : pandas.DataFrame
        by, variant (the touchpoints of a journey joined by " > "), journeys, share_of_journeys (of the
        group). Grows with the log.
    touchpoints : pandas.DataFrame
        by, touchpoint, count (events), journeys (with at least one), channels (those it used, most frequent
        first), wait_s_mean and satisfaction_mean over the wait_s_answered and satisfaction_answered events
        that have a value (NaN where none has).
    ends : pandas.DataFrame
        by, position ("start" or "end"), touchpoint, journeys (that start or end there), share_of_journeys (of
        the group).
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

    _tables = ("overview", "transitions", "variants", "touchpoints", "ends")

    @property
    def journeys(self) -> pd.Series[int]:
        """The number of journeys of each group."""
        return self.overview.set_index("by")["journeys"]

    def _summary(self) -> str:
        journeys, events = int(self.overview["journeys"].sum()), int(self.overview["events"].sum())
        return (
            f"Discovery: {journeys:,} journeys with {events:,} events in {_of('group', len(self.groups))}; "
            f"{_of('transition', self._kinds('transitions', 'from_touchpoint', 'to_touchpoint'))}, "
            f"{_of('variant', self._kinds('variants', 'variant'))}, "
            f"{_of('touchpoint', self._kinds('touchpoints', 'touchpoint'))}"
        )

    def _kinds(self, table: str, *columns: str) -> int:
        return len(self._table(table)[list(columns)].drop_duplicates())


def _of(word: str, number: int) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _finish(
    by: str | tuple[str, ...] | None, ignore: tuple[str, ...], scan: Scan, summary: Summary
) -> Discovery:
    kept = finish.groups_with_journeys(scan, summary)
    return Discovery(
        by=by,
        level=scan.steps.level,
        groups=tuple(kept.values()),
        ignore=ignore,
        overview=finish.overview(scan, summary),
        transitions=finish.transitions(scan, summary),
        variants=finish.variants(scan, summary),
        touchpoints=finish.touchpoints(scan, summary),
        ends=finish.ends(scan, summary),
    )
