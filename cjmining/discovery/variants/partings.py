"""The verb `partings`: where journeys that were left part from the nearest ones that went well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining import asked
from cjmining.discovery.outcomes import code_of
from cjmining.discovery.variants.ended import Ended, Nearest, costs_of, expect_weights, none_of
from cjmining.discovery.variants.facts import customers_by
from cjmining.discovery.words import END, START, bounded, percent, plural, unmistakable
from cjmining.engine.local import worked_on
from cjmining.errors import LogError
from cjmining.progress import Progress, telling
from cjmining.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.variants.facts import Counted
    from cjmining.engine.local import Engine
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


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
    progress: Progress | bool | None = None,
    engine: Engine | None = None,
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
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.
    engine : cjmining.engines.Spark, optional
        Who works on the log's blocks, the same as ``log.on(engine)``; by default who does so for the log.

    Returns
    -------
    Partings
        `.parting`, `.touchpoints`, `.differences` and `.account`.

    Raises
    ------
    LogError
        If the log isn't tagged with outcomes, there is no such outcome, both are the same, no journey has
        the one that others are held against, or `weights` has a step that no journey has or leaves none that
        counts.

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
    log = worked_on(log, engine, "partings")
    whole = asked.yes("whole", whole)
    expect_weights(weights)
    if code_of(outcome) == code_of(of, "outcome (of=)"):
        raise LogError(
            f"outcome and of are both {of!r}; journeys are held against those that ended otherwise"
        )
    with telling(progress, "partings") as tell:
        tell("reading the journeys", 0.0)
        ended = Ended.of(log, by, level, ignore, intended, "partings")
        cost = costs_of(ended.steps.names, weights)
        if not (ended.outcome == code_of(outcome)).any():
            raise none_of(outcome)
        theirs, mine = ended.counted(log, outcome), ended.counted(log, of)
        groups = [group for group in mine.codes_of_groups() if group < len(ended.groups)]
        parted = []
        for number, group in enumerate(groups):
            tell("looking for the nearest journeys", 0.1 + 0.7 * number / len(groups))
            if np.diff(theirs.span(group))[0]:
                parted.append(_part(group, theirs, mine, cost, beginning=not whole))
        tell("making the tables", 0.8)
        journeys = _journeys(log, mine, parted)
        return Partings(
            outcome=outcome,
            of=of,
            whole=whole,
            parting=_parting(ended, journeys),
            touchpoints=_touchpoints(ended, journeys),
            differences=_differences(ended, mine, parted, journeys),
            account=_account(log, ended, theirs, mine, parted),
            notes=ended.steps.notes,
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
    notes : tuple of str
        What a reader should know: names to ignore that the log lacks.
    parting : pandas.DataFrame
        by, after_touchpoint (the last step that a journey and its nearest one both have; "(start)" where they
        have none), to_touchpoint (what the journey went on to; "(end)" where it ended), nearest_to_touchpoint
        (what the nearest one went on to; "(end)" where it ended; both words stand in one more pair of
        brackets where a touchpoint is named so), journeys (that parted so), customers (with
        at least one such journey), share_of_journeys (of those compared in the group), mean_distance (edits
        from the nearest, weighed where weights were given; mean over the journeys).
    touchpoints : pandas.DataFrame
        The same by the last common step alone: by, after_touchpoint (the last step that a journey and its
        nearest one both have), journeys (that parted there), customers (with at least one such journey),
        share_of_journeys (of those compared in the group), mean_distance (edits, mean over the journeys).
    differences : pandas.DataFrame
        What sets journeys apart from their nearest ones, as far as these are compared: by, touchpoint,
        journeys (with at least one difference in it), customers (with at least one such journey),
        share_of_journeys (of those compared in the group),
        lacking (journeys that have it too seldom, or something else in its place), too_much (journeys that
        have it too often, or in place of something else). Who has it in the wrong place is in both.
    account : pandas.DataFrame
        by, journeys (of the outcome `of`), customers (with at least one such journey), compared_journeys
        (those whose group has journeys to compare with), candidate_journeys (of the group and the other
        outcome: those that could be the nearest),
        mean_distance (edits, mean over the journeys compared).
    """

    outcome: str
    of: str
    whole: bool
    parting: pd.DataFrame
    touchpoints: pd.DataFrame
    differences: pd.DataFrame
    account: pd.DataFrame

    notes: tuple[str, ...] = ()

    _tables = ("parting", "touchpoints", "differences", "account")

    def _summary(self) -> str:
        account = self.account[["journeys", "compared_journeys", "candidate_journeys"]].sum()
        compared, of = int(account["compared_journeys"]), int(account["journeys"])
        head = f"Partings: {plural(compared, 'journey')} ({self.of}) held against the nearest of "
        head += f"{plural(int(account['candidate_journeys']), 'journey')} ({self.outcome})"
        if compared < of:
            head += f", {of - compared:,} more whose group has none of these"
        if self.touchpoints.empty:
            return head
        places = self.touchpoints.groupby("after_touchpoint", sort=False)["journeys"].sum()
        return f"{head}; the commonest place is {_place(places.idxmax(), int(places.max()), compared)}"

    def __repr__(self) -> str:
        shown = bounded(self._groups(), _SHOWN, ".touchpoints") if len(self.account) > 1 else []
        return "\n".join([self._summary(), *shown, *(f"  note: {note}" for note in self.notes)])

    def _groups(self) -> list[str]:
        compared = dict(zip(self.account["by"], self.account["compared_journeys"], strict=True))
        first = self.touchpoints.drop_duplicates("by")
        rows = zip(first["by"], first["after_touchpoint"], first["journeys"], strict=True)
        return [f"{by}: {_place(after, journeys, compared[by])}" for by, after, journeys in rows]


_SHOWN = 16
"""Groups that a terminal shows."""


def _place(after: object, journeys: int, compared: int) -> str:
    share = percent(journeys / compared)
    return f"after {after}: {journeys:,} of {plural(compared, 'journey')} ({share})"


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
    """The journeys that were compared: group, customer, sequence, where each parted, and how far it was."""

    group: Ints
    customer: Ints
    sequence: Ints
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
        numbers[rows],
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
        none = unmistakable(END if place else START, ended.steps.names)
        words = np.array([none, *ended.steps.names], dtype=object)
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


def _differences(ended: Ended, mine: Counted, parted: list[Parted], journeys: Journeys) -> pd.DataFrame:
    import pandas as pd

    names = ended.steps.names
    lacking, extra = _by_sequence(mine, parted, len(names))
    compared = np.bincount(journeys.group, minlength=len(ended.groups))
    rows = [
        (group, -number, code, customers, too_seldom, too_often)
        for code in range(len(names))
        for group, number, customers, too_seldom, too_often in _of_code(
            journeys, lacking[:, code], extra[:, code]
        )
    ]
    group, fewer, code, customers, too_seldom, too_often = (
        np.array(sorted(rows), np.int64).reshape(-1, 6).T  # by group, falling journeys, touchpoint
    )
    return pd.DataFrame(
        {
            "by": pd.Series(np.array(ended.groups, dtype=object)[group], dtype="str"),
            "touchpoint": pd.Series(np.array(names, dtype=object)[code], dtype="str"),
            "journeys": -fewer,
            "customers": customers,
            "share_of_journeys": -fewer / compared[group],
            "lacking": too_seldom,
            "too_much": too_often,
        }
    )


def _by_sequence(mine: Counted, parted: list[Parted], n_names: int) -> tuple[Flags, Flags]:
    """Return for each sequence and step whether the sequence lacks it, and whether it has too much of it."""
    lacking, extra = np.zeros((2, len(mine.sequences.group), n_names), bool)
    for part in parted:
        here = slice(part.first, part.first + len(part.last))
        lacking[here], extra[here] = part.lacking > 0, part.extra > 0
    return lacking, extra


def _of_code(journeys: Journeys, lacking: Flags, extra: Flags) -> list[list[int]]:
    """Count the journeys that one step sets apart: group, journeys, customers, lacking, too much."""
    from cjmining.kernels.sums import sum_by, sum_by_cluster

    mine = np.flatnonzero((lacking | extra)[journeys.sequence])
    group, sequence = journeys.group[mine], journeys.sequence[mine]
    people = sum_by_cluster(group, journeys.customer[mine], np.zeros(len(mine), np.int64))
    kinds = sum_by(group, lacking[sequence].astype(np.int64), extra[sequence].astype(np.int64))
    found: list[list[int]] = np.column_stack([people.key, people.totals[:, [0, 2]], kinds.totals]).tolist()
    return found


def _account(
    log: JourneyLog, ended: Ended, theirs: Counted, mine: Counted, parted: list[Parted]
) -> pd.DataFrame:
    import pandas as pd

    n = len(ended.groups)
    totals = [
        np.bincount(side.sequences.group, side.sequences.journeys, minlength=n + 1)[:n].astype(np.int64)
        for side in (mine, theirs)
    ]
    customers = customers_by(mine.group.astype(np.int64), log.journey_customer, n + 1)
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
            "customers": customers[some],
            "compared_journeys": compared[some],
            "candidate_journeys": totals[1][some],
            "mean_distance": mean[some],
        }
    )
