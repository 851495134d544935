"""The verb `compare` and its result: what differs between two groups of journeys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from cjmining import asked
from cjmining.discovery.comparison import cells, groups, notes, read, words
from cjmining.discovery.comparison import times as durations
from cjmining.discovery.comparison.cells import Compared
from cjmining.discovery.comparison.groups import Made
from cjmining.discovery.comparison.read import SHARES
from cjmining.discovery.comparison.strata import compare_within
from cjmining.discovery.discovery import Discovery
from cjmining.discovery.summary import blocks_of
from cjmining.engine.kept import keep_blocks
from cjmining.engine.local import reduce_blocks
from cjmining.errors import LogError
from cjmining.kernels.compare import Sums
from cjmining.progress import Progress, during, nobody, telling
from cjmining.results import Result
from cjmining.stats import benjamini_hochberg

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.comparison.groups import Strata
    from cjmining.discovery.comparison.read import Counts, Sides
    from cjmining.discovery.comparison.strata import Within
    from cjmining.discovery.comparison.tables import Judged
    from cjmining.engine.kept import Kept
    from cjmining.log import Block, JourneyLog

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


def compare(
    found: Discovery,
    a: str | Sequence[str],
    b: str | Sequence[str] | None = None,
    *,
    q: float = 0.05,
    smallest: int = 20,
    strata: str | Sequence[str] | None = None,
    with_open: bool = True,
    progress: Progress | bool | None = None,
) -> Comparison:
    """Say what differs between two groups of journeys: touchpoints, transitions, times and paths.

    Journeys of one customer resemble each other, so customers, not journeys, are taken as independent, also
    where one customer has journeys in both groups.

    Parameters
    ----------
    found : Discovery
        What `cj.discover` made with `by=`: its groups, its level and its `ignore` hold here too.
    a : str or sequence of str
        A group: a persona, a period, an outcome, whatever `by` says. Where `by` names several things, its
        name as in `found.groups` ("Gen Z, mobile"), or its parts in their order (["Gen Z", "mobile"]).
    b : str or sequence of str, optional
        The group that `a` is held against. Without it all others are, but those whose group is unknown.
    q : float
        Up to which false-discovery rate a difference enters `findings`, over 0 and up to 1.
    smallest : int
        Customers, in each group, that what a cell is of must come from; at least 2. Besides, 5 hits and 5
        others must be expected in each group if there were no difference. Cells with less are not tested,
        and counted in `cells`.
    strata : str or sequence of str, optional
        What the groups are held alike in, each by itself, to see whether a difference turns: attributes,
        tags, dimensions of events, periods. By default all attributes of customers with 2 to 20 values that
        `by` does not name; an empty sequence for none.
    with_open : bool
        Whether journeys whose outcome is open count. False needs a log that is tagged with outcomes.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.

    Returns
    -------
    Comparison

    Raises
    ------
    LogError
        If `found` has no groups, there is no group of a name, both groups are the same, one has no journeys,
        or strata are unknown, what the groups are made of, or have more than 20 values, or an option is out
        of its limits.

    Notes
    -----
    Two passes over blocks of whole customers; the times of the tested transitions are held in memory. Shares
    are tested by Fisher's exact test with the counts divided by the design effect of customers (Rao and Scott
    1992, doi:10.2307/2532311), taken of the difference as if there were none. Times are tested by Wilcoxon's
    rank-sum test with the design effect of customers on the ranks; limits of the probability of being longer
    are those of a clustered area under the curve (Obuchowski 1997, doi:10.2307/2533958), limits of medians
    Woodruff's (1952, doi:10.1080/01621459.1952.10483443), those of their difference as by Zou and Donner
    (2008, doi:10.1002/sim.3095). q is over all cells of all tables (Benjamini and Hochberg 1995). Within
    strata, differences are weighted as by Mantel and Haenszel, and turning is tested as by Gail and Simon
    (1985, doi:10.2307/2530862).

    Examples
    --------
    >>> import cjmining as cj
    >>> import numpy as np, pyarrow as pa
    >>> calls = np.arange(200) < 60                  # 60 of 200 customers call before they order
    >>> event = np.arange(400 + 60)
    >>> who = np.concatenate([np.arange(200), np.flatnonzero(calls), np.arange(200)])
    >>> events = pa.table({
    ...     "customer": who,
    ...     "timestamp": pa.array(event * 60, pa.timestamp("s", "UTC")),
    ...     "touchpoint": ["ad"] * 200 + ["call"] * 60 + ["order"] * 200,
    ... })
    >>> people = pa.table({"customer": np.arange(200), "age": ["old", "young"] * 100})
    >>> log = cj.JourneyLog.from_events(events, customers=people)
    >>> different = cj.compare(cj.discover(log, by="age"), "old", "young")
    >>> different.touchpoints[["touchpoint", "journeys_a", "journeys_b", "p", "q"]]
      touchpoint  journeys_a  journeys_b    p    q
    0       call          30          30  1.0  1.0
    >>> len(different.findings)
    0
    """
    with telling(progress, "compare") as tell:
        tell("reading the log", 0.0)
        return compare_groups(
            made_of(found),
            _group("a", a),
            None if b is None else _group("b", b),
            q=_rate(q),
            smallest=asked.whole("smallest", smallest, least=_FEWEST),
            strata=strata if strata is None or isinstance(strata, str) else asked.texts("strata", strata),
            with_open=asked.yes("with_open", with_open),
            tell=tell,
        )


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(Result):
    """What differs between two groups of journeys, `a` and `b`. Differences are those of a less b.

    Limits are at 95 %, and allow for customers with several journeys. `p` is of no difference; `q` counts
    all cells tested in the four tables of touchpoints, transitions, times and paths. Their rows, and the
    findings, begin with what is surest to differ: by the limit of the difference that is nearest to none.

    Attributes
    ----------
    a, b : str
        The groups.
    by : tuple of str
        What journeys were grouped by.
    level : str
        What a step is.
    largest_q : float
        Up to which q a difference is a finding.
    overview : pandas.DataFrame
        One row a group: side (a or b), group (its name), journeys, customers, open (journeys without an
        outcome yet, before any are left out; missing where the log is not tagged with outcomes).
    touchpoints : pandas.DataFrame
        touchpoint, customers (with a journey that has it, in both groups), journeys_a (of a that have it),
        share_of_journeys_a (as a share of all journeys of a), journeys_b (of b that have it),
        share_of_journeys_b (as a share of all journeys of b), difference (of these shares) with lower and
        upper, ratio (of the shares), p, q, turns_within (attributes within which the difference turns, or
        is gone; of findings only).
    transitions : pandas.DataFrame
        Where journeys go next: from_touchpoint (that is left) and to_touchpoint (that follows directly),
        customers (who went so, in both groups), count_a (how often in a), leaving_a (all transitions of a
        that leave from_touchpoint), share_of_from_a (count_a as a share of leaving_a), count_b (how often in
        b), leaving_b (all transitions of b that leave from_touchpoint), share_of_from_b (count_b as a share
        of leaving_b), difference (of these shares) with lower and upper, ratio (of the shares), p, q,
        turns_within (attributes within which the difference turns, or is gone; of findings only).
    times : pandas.DataFrame
        How long transitions take: from_touchpoint (that is left) and to_touchpoint (that follows directly),
        customers (who went so, in both groups), count_a (times in a), median_s_a (their median), count_b
        (times in b), median_s_b (their median), longer_by_s (the median of a less that of b), lower_s
        (lower 95 % limit of longer_by_s), upper_s (upper 95 % limit of longer_by_s), ratio (of the medians),
        probability_longer (that a time of a is longer than one of b; of equal ones half count),
        probability_lower (lower 95 % limit of probability_longer), probability_upper (upper 95 % limit of
        probability_longer), p, q, turns_within (attributes
        within which the difference turns, or is gone; of findings only).
    paths : pandas.DataFrame
        path (three steps in a row, "(start)" and "(end)" among them; an open journey has no end), customers
        (with a journey that has it, in both groups), journeys_a (of a that have it), share_of_journeys_a (as
        a share of all journeys of a), journeys_b (of b that have it), share_of_journeys_b (as a share of all
        journeys of b), difference (of these shares) with lower and upper, ratio (of the shares), p, q,
        turns_within (attributes within which the difference turns, or is gone; of findings only).
    findings : pandas.DataFrame
        The differences of all four tables up to the largest q: rank (1 is surest to be large), table (where
        it stands), what (the touchpoint, transition or path), sentence (the difference in words), customers
        (who did so, in both groups), difference (of the shares; of times, the share of pairs in which a takes
        longer less that in which b does), least_difference (its limit nearest to no difference), p, q,
        turns_within (attributes within which the difference turns, or is gone).
    strata : pandas.DataFrame
        One row a finding and attribute that the groups are held alike in: table (where the finding stands),
        what (the touchpoint, transition or path), attribute (what is held alike), customers (who did so, in
        both groups), difference (without strata, as in findings), weighted_difference (within strata, with
        the weights of Mantel and Haenszel) with lower and upper, covered_share (journeys or transitions in
        strata that have both groups; of the group where that is less), p (of the strata's differences having
        one direction), verdict (same; weaker: less than half is left; reversed: the weighted difference has
        the other sign; gone: less than half is left, and limits that hold 0; turns: strata have both
        directions, p below .05; not comparable: covered_share below one half).
    cells : pandas.DataFrame
        One row a table of cells: table (its name), cells (that occur in either group), tested (of these),
        left_out (not tested, too few), found (tested, with q up to the largest).
    notes : tuple of str
        What a reader should know before trusting a number.
    """

    _tables: ClassVar[tuple[str, ...]] = (  # type: ignore[misc]
        "overview",
        "findings",
        "touchpoints",
        "transitions",
        "times",
        "paths",
        "strata",
        "cells",
    )

    a: str
    b: str
    by: tuple[str, ...]
    level: str
    largest_q: float
    overview: pd.DataFrame
    touchpoints: pd.DataFrame
    transitions: pd.DataFrame
    times: pd.DataFrame
    paths: pd.DataFrame
    findings: pd.DataFrame
    strata: pd.DataFrame
    cells: pd.DataFrame
    notes: tuple[str, ...] = ()

    def _summary(self) -> str:
        journeys = [f"{number:,}" for number in self.overview["journeys"].tolist()]
        tested, turned = int(self.cells["tested"].sum()), int(self.findings["turns_within"].ne("").sum())
        return f"Comparison of {self.a} ({journeys[0]} journeys) with {self.b} ({journeys[1]}): " + (
            f"{len(self.findings):,} of {tested:,} cells differ at q up to {self.largest_q:g}"
            f"{f', {turned:,} of them turn within an attribute' if turned else ''}"
            if tested
            else "nothing could be tested"
        )

    def __repr__(self) -> str:
        lines = [f"  {sentence}" for sentence in self.findings["sentence"].head(_SHOWN)]
        if len(self.findings) > _SHOWN:
            lines.append(f"  and {len(self.findings) - _SHOWN:,} findings more in .findings")
        return "\n".join([self._summary(), *lines, *(f"  note: {note}" for note in self.notes)])


_SHOWN = 5
"""Findings that a terminal shows."""


def _group(name: str, given: object) -> str | tuple[str, ...]:
    if isinstance(given, str):
        return given
    if not isinstance(given, Iterable):
        raise LogError(f"{name} is a group of cj.discover, or its parts in the order of by, not {given!r}")
    return tuple(str(part) for part in given)


def _rate(q: float) -> float:
    rate = asked.number("q", q, least=0, most=1)
    if not rate:
        raise LogError(f"q is a false-discovery rate over 0 and up to 1, not {q!r}")
    return rate


_FEWEST = 2
"""One customer says nothing of how much customers differ."""


def made_of(found: Discovery) -> Made:
    """Return what a discovery was made of."""
    if not isinstance(found, Discovery):
        raise LogError(f"compare takes what cj.discover found first, not {type(found).__name__}")
    if found.by is None:
        raise LogError("compare needs groups: pass by= to cj.discover, such as by='persona'")
    scan = found._with_log("compare").scan
    by = (found.by,) if isinstance(found.by, str) else tuple(found.by)
    return Made(scan.log, scan.steps, by, scan.group, scan.groups)


# the comparison ---------------------------------------------------------------------------------------------


def compare_groups(
    made: Made,
    a: str | Sequence[str],
    b: str | Sequence[str] | None,
    *,
    q: float,
    smallest: int,
    strata: str | Sequence[str] | None,
    with_open: bool,
    tell: Progress = nobody,
) -> Comparison:
    """Compare two groups of what a discovery was made of."""
    from cjmining.discovery.comparison import tables

    chosen = groups.choose(made, a, b, with_open=with_open)
    over = groups.strata(made, strata, chosen.sides)
    blocks = Blocks.of_log(made.log)
    tested = _test(chosen.sides, blocks, smallest, tell)
    with during(tell, "comparing within strata", 0.6, 0.9, passes=2 * max(len(over.of), 1)):
        judged = _judge(tested, chosen.sides, blocks, over, q, smallest)
    tell("making the tables", 0.9)
    names = made.steps.names
    findings, within = tables.told(judged, names, words.Names(chosen.a, chosen.b))
    return Comparison(
        a=chosen.a,
        b=chosen.b,
        by=made.by,
        level=made.steps.level,
        largest_q=q,
        overview=tables.overview(chosen),
        **{each.table: tables.table(each, names) for each in judged},
        findings=findings,
        strata=within,
        cells=tables.cells(judged, tested.cells),
        notes=notes.notes(made, chosen, over, tested, smallest=smallest, with_open=with_open),
    )._made_of(made.log)


class Held(NamedTuple):
    """Of each table: how many cells occur, the keys of those tested, and what was found of them."""

    cells: dict[str, int]
    keys: dict[str, Ints]
    compared: dict[str, Compared]
    times: Ints
    """How many times each tested pair of touchpoints has."""


class Blocks(NamedTuple):
    """A log and its blocks, and how many of their times may be in memory at once."""

    log: JourneyLog
    of: Sequence[Block]
    times_at_once: int | None

    @classmethod
    def of_log(cls, log: JourneyLog) -> Blocks:
        """Return those of a log."""
        limit = log.memory_limit
        return cls(log, blocks_of(log), None if limit is None else limit // _A_TIME)


_A_TIME = 120
"""Bytes that a time takes while times are compared."""


def _test(sides: Sides, blocks: Blocks, smallest: int, tell: Progress) -> Held:
    with during(tell, "comparing", 0.05, 0.4, passes=2):
        counted = reduce_blocks(
            lambda block: read.count(sides, block), read.merge_counts, blocks.of, engine=blocks.log.engine
        )
        keys = _worth_testing(counted, sides)
        found = _sums(sides, blocks, keys)
    n_cells = {table: len(counts.key) for table, counts in counted.items()}
    n_cells["times"] = n_cells["transitions"]
    compared = {}
    for table in SHARES:
        enough = cells.comparable(found[table], smallest)
        keys[table] = keys[table][enough]
        compared[table] = cells.compare_all_shares(found[table].only(enough))
    pairs = counted["transitions"]
    keys["times"], compared["times"], number = _test_times(sides, blocks, pairs, smallest, tell)
    return Held(n_cells, keys, compared, number)


def _worth_testing(counted: dict[str, Counts], sides: Sides) -> dict[str, Ints]:
    """Leave out cells that are too rare whatever customers do, before anything is summed up."""
    journeys = np.bincount(sides.side[sides.side >= 0], minlength=2)
    keys = {}
    for table, counts in counted.items():
        n = np.broadcast_to(journeys, counts.hits.shape)
        if table == "transitions":
            origin = np.unique(counts.key // len(sides.steps.names), return_inverse=True)[1]
            leaving = np.zeros((int(origin.max(initial=-1)) + 1, 2), np.int64)
            np.add.at(leaving, origin, counts.hits)
            n = leaving[origin]
        keys[table] = counts.key[cells.enough_expected(counts.hits, n)]
    return keys


def _sums(sides: Sides, blocks: Blocks, keys: dict[str, Ints]) -> dict[str, Sums]:
    return reduce_blocks(
        lambda block: read.sums_of_shares(sides, block, keys),
        read.merge_shares,
        blocks.of,
        at_once=_AT_ONCE,
        engine=blocks.log.engine,
    )


_AT_ONCE = 4
"""Blocks whose sums are held at once: over strata of many values they are large."""


def _test_times(
    sides: Sides, blocks: Blocks, pairs: Counts, smallest: int, tell: Progress
) -> tuple[Ints, Compared, Ints]:
    """Return the pairs whose times can be compared, what was found, and how many times each has."""
    large = (pairs.hits >= smallest).all(axis=1)
    keys, number = pairs.key[large], pairs.hits[large].sum(axis=1)
    tested, compared = [], []
    with during(tell, "comparing", 0.4, 0.6):
        every = _times(sides, blocks, keys)
    for those in _pieces(number, blocks.times_at_once):
        times = read.times_of(every, those)
        enough = durations.comparable_times(durations.rank_sums(times, len(keys[those]), 2), smallest)
        times = times.only(enough)
        compared.append(durations.compare_times(times, durations.rank_sums(times, int(enough.sum()), 2)))
        tested.append(enough)
    some = np.concatenate(tested)
    columns = (np.concatenate(column) for column in zip(*compared, strict=True))
    return keys[some], Compared(*columns), number[some]


def _pieces(number: Ints, at_once: int | None) -> list[slice]:
    """Cut pairs into neighbours that have so many times together, or that are one; at least one piece."""
    ends, begin = [], 0
    sums = np.concatenate([[0], np.cumsum(number)])
    while at_once is not None and begin < len(number):
        begin = max(int(np.searchsorted(sums, sums[begin] + at_once, "right")) - 1, begin + 1)
        ends.append(begin)
    ends = ends or [len(number)]
    return [slice(start, end) for start, end in pairwise([0, *ends])]


def _rank_sums(sides: Sides, blocks: Blocks, tested: Held, keys: Ints, n_slots: int) -> Sums:
    """Return the sums of the ranks of times of some of the tested pairs."""
    number = tested.times[np.isin(tested.keys["times"], keys)]
    every, found = _times(sides, blocks, keys), []
    for those in _pieces(number, blocks.times_at_once):
        sums = durations.rank_sums(read.times_of(every, those), len(keys[those]), n_slots)
        found.append(sums._replace(scope=sums.scope + those.start))
    return Sums(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _times(sides: Sides, blocks: Blocks, keys: Ints) -> Kept:
    """Keep every time of some pairs; a pair is numbered by its place among them."""
    (kept,) = keep_blocks(
        blocks.log, lambda block: [read.times(sides, block, keys)._asdict()], [read.TIMES], blocks.of
    )
    return kept


def _judge(
    tested: Held, sides: Sides, blocks: Blocks, over: Strata, largest_q: float, smallest: int
) -> list[Judged]:
    from cjmining.discovery.comparison.tables import TABLES, Judged

    q = _q_over_all(tested.compared, TABLES)
    is_found = {table: q[table] <= largest_q for table in TABLES}
    keys = {table: tested.keys[table][is_found[table]] for table in TABLES}
    within: dict[str, dict[str, Within]] = {table: {} for table in TABLES}
    for name, strata in over.of.items() if any(map(len, keys.values())) else ():
        values, stratum = np.unique(strata.codes, return_inverse=True)
        alike = sides.over(stratum, len(values))
        found = _sums(alike, blocks, keys)
        found["times"] = _rank_sums(alike, blocks, tested, keys["times"], 2 * len(values))
        for table in TABLES:
            within[table][name] = compare_within(found[table], smallest)
    return [
        Judged(table, tested.keys[table], tested.compared[table], q[table], is_found[table], within[table])
        for table in TABLES
    ]


def _q_over_all(compared: dict[str, Compared], order: Sequence[str]) -> dict[str, Floats]:
    ends = np.cumsum([len(compared[table].p) for table in order])
    q = benjamini_hochberg(np.concatenate([compared[table].p for table in order]))
    return dict(zip(order, np.split(q, ends[:-1]), strict=True))
