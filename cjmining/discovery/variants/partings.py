"""The verb `partings`: where journeys that were left part from the nearest ones that went well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.discovery.outcomes import code_of
from cjmining.discovery.variants.ended import Ended, Nearest, costs_of
from cjmining.errors import LogError
from cjmining.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.variants.facts import Counted
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

START: Final = "(start)"
END: Final = "(end)"


def partings(
    log: JourneyLog,
    *,
    outcome: str = "converted",
    of: str = "dropped",
    whole: bool = False,
    by: str | Sequence[str] | None = None,
    level: str = "touchpoint",
    ignore: Sequence[str] = (),
    intended: IntendedMap | None = None,
    weights: Mapping[str, float] | None = None,
) -> Partings:
    """Count where dropped journeys part from those that are most like them and converted.

    Each dropped journey is held against the nearest way (variant) of the converted ones, as
    `nearest_journey` finds it. They part for good after the last step that both have when they are laid side
    by side; what differs before is told apart, in `.differences`.

    Parameters
    ----------
    log : JourneyLog
        Tagged with how its journeys ended: ``log.tag(outcome=check.journeys["outcome"])``.
    outcome : {"converted", "dropped", "turned away", "open"}
        How those journeys ended that others are held against.
    of : {"dropped", "converted", "turned away", "open"}
        How those journeys ended that are held against them.
    whole : bool
        Whether journeys are held against each other from start to end, not against beginnings.
    by : str or sequence of str, optional
        What to group journeys by; a journey's neighbours are of its own group.
    level : {"touchpoint", "touchpoint@channel", "channel", "stage"}
        What a step is; see `cj.discover`.
    ignore : sequence of str
        Touchpoints that are no part of the journey.
    intended : IntendedMap, optional
        The map whose stages are the steps at level "stage".
    weights : mapping of str to float, optional
        What a difference in a step counts, by its name, 1 where nothing is said; to three decimals.

    Returns
    -------
    Partings
        `.parting`, `.touchpoints`, `.differences` and `.account`.

    Raises
    ------
    LogError
        If the log isn't tagged with outcomes, there is no such outcome, or both are the same.

    Examples
    --------
    >>> import cjmining as cj
    >>> import pyarrow as pa
    >>> steps = ["ad", "basket", "left", "ad", "basket", "checkout", "order"]
    >>> events = pa.table({
    ...     "customer": [0, 0, 0, 1, 1, 1, 1],
    ...     "timestamp": pa.array(range(7), pa.timestamp("s", "UTC")),
    ...     "touchpoint": steps,
    ... })
    >>> log = cj.JourneyLog.from_events(events).tag(outcome=["dropped", "converted"])
    >>> cj.partings(log).parting[["after_touchpoint", "to_touchpoint", "nearest_to_touchpoint", "journeys"]]
      after_touchpoint to_touchpoint nearest_to_touchpoint  journeys
    0           basket          left              checkout         1
    """
    if code_of(outcome) == code_of(of):
        raise LogError(
            f"outcome and of are both {of!r}; journeys are held against those that ended otherwise"
        )
    ended = Ended.of(log, by, level, ignore, intended, "partings")
    cost = costs_of(ended.steps.names, weights)
    theirs, mine = ended.counted(log, outcome), ended.counted(log, of)
    groups = [group for group in mine.codes_of_groups() if group < len(ended.groups)]
    parted = [
        _part(group, theirs, mine, cost, beginning=not whole)
        for group in groups
        if np.diff(theirs.span(group))[0]
    ]
    journeys = _journeys(log, mine, parted)
    return Partings(
        outcome=outcome,
        of=of,
        whole=whole,
        parting=_parting(ended, journeys),
        touchpoints=_touchpoints(ended, journeys),
        differences=_differences(ended, mine, parted),
        account=_account(ended, theirs, mine, parted),
    )._made_of(log)


@dataclass(frozen=True, repr=False, eq=False)
class Partings(Result):
    """Where journeys that were left part from the nearest ones that went well, by group.

    Rows are sorted by group, then by falling number of journeys, then by name.

    Attributes
    ----------
    outcome : str
        How those journeys ended that others were held against.
    of : str
        How those ended that were held against them.
    whole : bool
        Whether journeys were held against each other from start to end.
    parting : pandas.DataFrame
        by, after_touchpoint (the last step that a journey and its nearest one both have; "(start)" where they
        have none), to_touchpoint (what the journey went on to; "(end)" where it ended), nearest_to_touchpoint
        (what the nearest one went on to; "(end)" where it ended), journeys (that parted so), customers (with
        at least one such journey), share_of_journeys (of those compared in the group), mean_distance (edits
        from the nearest, weighed where weights were given; mean over the journeys).
    touchpoints : pandas.DataFrame
        The same by the last common step alone: by, after_touchpoint (the last step that a journey and its
        nearest one both have), journeys (that parted there), customers (with at least one such journey),
        share_of_journeys (of those compared in the group), mean_distance (edits, mean over the journeys).
    differences : pandas.DataFrame
        What sets journeys apart from their nearest ones, as far as these are compared: by, touchpoint,
        journeys (with at least one difference in it), share_of_journeys (of those compared in the group),
        lacking (journeys that have it too seldom, or something else in its place), too_much (journeys that
        have it too often, or in place of something else). Who has it in the wrong place is in both.
    account : pandas.DataFrame
        by, journeys (of the outcome `of`), compared_journeys (those whose group has journeys to compare
        with), nearest_journeys (of the group and the other outcome: those that could be the nearest),
        mean_distance (edits, mean over the journeys compared).
    """

    outcome: str
    of: str
    whole: bool
    parting: pd.DataFrame
    touchpoints: pd.DataFrame
    differences: pd.DataFrame
    account: pd.DataFrame

    _tables = ("parting", "touchpoints", "differences", "account")

    def _summary(self) -> str:
        compared = int(self.account["compared_journeys"].sum())
        head = f"Partings: {compared:,} {self.of} journeys held against {self.outcome} ones"
        if self.touchpoints.empty:
            return head
        most = self.touchpoints.sort_values("journeys", ascending=False, kind="stable").iloc[0]
        return f"{head}; most part after {most['after_touchpoint']} ({most['journeys']:,} journeys)"


class Parted(NamedTuple):
    """Where the sequences of one group, from `first` on, part from their nearest ones."""

    first: int
    last: Ints
    own: Ints
    theirs: Ints
    lacking: Ints
    extra: Ints
    distance: Floats


def _part(group: int, theirs: Counted, mine: Counted, cost: Ints, *, beginning: bool) -> Parted:
    from cjmining.kernels.edit_distance import part
    from cjmining.kernels.nearest import UNIT
    from cjmining.kernels.sequences import take

    first, last = mine.span(group)
    those = Nearest(take(theirs.sequences, np.arange(*theirs.span(group))), cost, beginning=beginning)
    here = take(mine.sequences, np.arange(first, last))
    places, distance = those.to(here, 1)
    its = those.sequences
    found = part(here.bounds, here.codes, its.bounds, its.codes, places[:, 0].copy(), cost, beginning)
    return Parted(first, *found, distance[:, 0] / UNIT)


class Journeys(NamedTuple):
    """The journeys that were compared: group, customer, where each parted, and how far it was."""

    group: Ints
    customer: Ints
    last: Ints
    own: Ints
    theirs: Ints
    distance: Floats


def _journeys(log: JourneyLog, mine: Counted, parted: list[Parted]) -> Journeys:
    n = len(mine.sequences.group)
    of_sequence = np.full((4, n), -1.0)
    compared = np.zeros(n, bool)
    for part in parted:
        here = slice(part.first, part.first + len(part.last))
        of_sequence[:, here] = part.last, part.own, part.theirs, part.distance
        compared[here] = True
    numbers = mine.numbers()
    rows = np.flatnonzero(compared[numbers])
    last, own, theirs, distance = of_sequence[:, numbers[rows]]
    return Journeys(
        mine.sequences.group[numbers[rows]].astype(np.int64),
        log.journey_customer[rows],
        last.astype(np.int64),
        own.astype(np.int64),
        theirs.astype(np.int64),
        distance,
    )


def _parting(ended: Ended, journeys: Journeys) -> pd.DataFrame:
    table = _count(ended, journeys, [journeys.last, journeys.own, journeys.theirs])
    names = ["after_touchpoint", "to_touchpoint", "nearest_to_touchpoint"]
    return table.rename(columns={str(place): name for place, name in enumerate(names)})


def _touchpoints(ended: Ended, journeys: Journeys) -> pd.DataFrame:
    return _count(ended, journeys, [journeys.last]).rename(columns={"0": "after_touchpoint"})


def _count(ended: Ended, journeys: Journeys, codes: list[Ints]) -> pd.DataFrame:
    """Count journeys and customers by group and codes; -1 is the start in the first, the end in others."""
    import pandas as pd

    from cjmining.kernels.sums import sum_by, sum_by_cluster

    n = len(ended.steps.names) + 1
    key = journeys.group
    for code in codes:
        key = key * n + code + 1
    people = sum_by_cluster(key, journeys.customer, np.zeros(len(key), np.int64))
    apart = sum_by(key, journeys.distance).totals[:, 0]
    number, customers = people.totals[:, 0], people.totals[:, 2]
    rest = people.key
    columns: list[pd.Series[str]] = []
    for place in range(len(codes) - 1, -1, -1):
        rest, code = np.divmod(rest, n)
        words = np.array([END if place else START, *ended.steps.names], dtype=object)
        columns.insert(0, pd.Series(words[code], dtype="str"))
    of_group = np.bincount(journeys.group, minlength=len(ended.groups))
    table = pd.DataFrame(
        {
            "by": pd.Series(np.array(ended.groups, dtype=object)[rest], dtype="str"),
            **{str(place): column for place, column in enumerate(columns)},
            "journeys": number,
            "customers": customers,
            "share_of_journeys": number / of_group[rest],
            "mean_distance": apart / number,
        }
    )
    order = np.lexsort((people.key, -number, rest))
    return table.iloc[order].reset_index(drop=True)


def _differences(ended: Ended, mine: Counted, parted: list[Parted]) -> pd.DataFrame:
    import pandas as pd

    rows = [_differences_of(mine, part) for part in parted]
    group, code, number, share, lacking, extra = (
        np.concatenate([np.zeros(0, kind), *column])
        for column, kind in zip(zip(*rows, strict=True) if rows else [()] * 6, "iiifii", strict=True)
    )
    return pd.DataFrame(
        {
            "by": pd.Series(np.array(ended.groups, dtype=object)[group], dtype="str"),
            "touchpoint": pd.Series(np.array(ended.steps.names, dtype=object)[code], dtype="str"),
            "journeys": number.astype(np.int64),
            "share_of_journeys": share.astype(np.float64),
            "lacking": lacking.astype(np.int64),
            "too_much": extra.astype(np.int64),
        }
    )


def _differences_of(mine: Counted, part: Parted) -> tuple[Ints, Ints, Ints, Floats, Ints, Ints]:
    """Count the journeys of a group by what sets them apart."""
    here = slice(part.first, part.first + len(part.last))
    weight = mine.sequences.journeys[here]
    lacking, extra = part.lacking > 0, part.extra > 0
    either = weight @ (lacking | extra)
    code = np.flatnonzero(either)
    code = code[np.lexsort((code, -either[code]))]
    group = np.full(len(code), mine.sequences.group[part.first])
    number = either[code]
    return group, code, number, number / weight.sum(), (weight @ lacking)[code], (weight @ extra)[code]


def _account(ended: Ended, theirs: Counted, mine: Counted, parted: list[Parted]) -> pd.DataFrame:
    import pandas as pd

    n = len(ended.groups)
    totals = [
        np.bincount(side.sequences.group, side.sequences.journeys, minlength=n + 1)[:n].astype(np.int64)
        for side in (mine, theirs)
    ]
    compared, apart = np.zeros(n, np.int64), np.zeros(n)
    for part in parted:
        group = mine.sequences.group[part.first]
        weight = mine.sequences.journeys[part.first : part.first + len(part.last)]
        compared[group], apart[group] = weight.sum(), weight @ part.distance
    some = np.flatnonzero(totals[0])
    mean = np.divide(apart, compared, out=np.full(n, np.nan), where=compared > 0)
    return pd.DataFrame(
        {
            "by": pd.Series(np.array(ended.groups, dtype=object)[some], dtype="str"),
            "journeys": totals[0][some],
            "compared_journeys": compared[some],
            "nearest_journeys": totals[1][some],
            "mean_distance": mean[some],
        }
    )
