"""The verb `find_journeys`: customers' events as journeys, where no map says where these begin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.discovery.journeys import told
from cjmining.discovery.journeys.asked import THRESHOLD, Asked
from cjmining.discovery.journeys.gap import SECOND_US, begins_after, find_gap
from cjmining.discovery.journeys.tables import (
    Counts,
    Judged,
    boundaries_table,
    gaps_table,
    inner_of,
    overview_table,
    stretches,
    touchpoints_table,
)
from cjmining.discovery.steps import Steps
from cjmining.errors import LogError, nearest
from cjmining.event_columns import elementwise
from cjmining.intended.rules import actor_codes
from cjmining.intended.words import duration_in_words
from cjmining.log import expect_log
from cjmining.progress import Progress, telling
from cjmining.results import Result
from cjmining.schema import ACTORS
from cjmining.scratch import beside
from cjmining.stats.largest import largest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.journeys.model import Learnt
    from cjmining.discovery.journeys.sequences import Sequences
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False, eq=False)
class FoundJourneys(Result):
    """Customers' events as journeys, and how their beginnings were found. Made by `cj.find_journeys`.

    Attributes
    ----------
    log : JourneyLog
        The log, split where journeys begin.
    method : str
        How they were found: "gap and order", "gap" or "start".
    overview : pandas.DataFrame
        One row: method, customers (with events), journeys_before (in the log as it was), journeys (in the
        log now), events (by customers, not ignored), could_begin (of these events, those with another one of
        the same journey before them), begin (of these, those that a journey begins with), expected (sum of
        their probabilities), gap_s (the shortest silence before a journey; NaN where silences of any length
        may be), threshold (the least probability that a journey begins with; NaN where a rule decides), order
        (how many events before an event its probability rests on; 0 where a rule decides), learnt_from
        (number of events that the model was learnt from; 0 where a rule decides), rounds (of learning).
    boundaries : pandas.DataFrame
        One row an event that could begin a journey, in the log's order: customer, event (its row in
        ``log.events``), time (UTC), touchpoint (at the level asked for), gap_s (seconds since the event
        before), probability (that a journey begins with it; 0 or 1 where a rule decides), begins (whether one
        does in `log`). Made when it is first asked for, and then whole in memory, whatever the log's limit.
    starts : pandas.DataFrame
        One row a touchpoint that journeys begin with, most frequent first: touchpoint, journeys (that begin
        with it), share_of_journeys (as a share of all journeys), events (of it, by customers),
        share_of_events (journeys as a share of these events).
    ends : pandas.DataFrame
        One row a touchpoint that journeys end with, of those journeys that another one of the same customer
        follows: touchpoint, journeys (that end with it), share_of_journeys (as a share of these journeys),
        events (of it that another event follows), share_of_events (journeys as a share of these events).
    gaps : pandas.DataFrame
        One row a length of silence: at_least_s and below_s (the silence in seconds), gaps (number of
        silences of that length), inside (of these, within journeys), between (of these, before a journey),
        share_between (between as a share of gaps).
    notes : tuple of str
        What a reader should know.
    """

    log: JourneyLog
    method: str
    overview: pd.DataFrame
    starts: pd.DataFrame
    ends: pd.DataFrame
    gaps: pd.DataFrame
    notes: tuple[str, ...]
    _judged: Judged

    _tables = ("overview", "boundaries", "starts", "ends", "gaps")
    _of_persons = ("boundaries",)

    @cached_property
    def boundaries(self) -> pd.DataFrame:
        """The events that could begin a journey, made when first asked for."""
        return boundaries_table(self.log, self._judged)

    def _head(self, name: str) -> pd.DataFrame:
        return boundaries_table(self.log, self._judged, 8) if name == "boundaries" else super()._head(name)

    def _length(self, name: str) -> int:
        return self._judged.n_inner if name == "boundaries" else super()._length(name)

    def _summary(self) -> str:
        return told.summary(self)

    def __repr__(self) -> str:
        return "\n".join([self._summary(), *told.lines(self), *(f"  note: {note}" for note in self.notes)])


def find_journeys(
    log: JourneyLog,
    *,
    method: str = "gap and order",
    gap: timedelta | str | None = None,
    start: Sequence[str] = (),
    changes: Sequence[str] = (),
    threshold: float | None = None,
    share: float | None = None,
    level: str = "touchpoint",
    ignore: Sequence[str] = (),
    order: int | None = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> FoundJourneys:
    """Split customers' events into journeys where no map says what a journey is.

    Parameters
    ----------
    log : JourneyLog
        Journeys that it has already are only ever cut further; those that a source names itself stay whole.
    method : {"gap and order", "gap", "start"}
        "gap and order": a journey begins where that is likely, given how long the silence was, what usually
        follows what, and what journeys begin and end with; all of it is learnt from the log itself. "gap":
        after a silence. "start": with certain touchpoints, or where something changes.
    gap : duration, optional
        The shortest silence before a journey, such as "30m". By "gap" it is all that counts; None finds it
        (the last dip among the lengths of silences). By the other methods None allows any silence.
    start : sequence of str
        By "start": touchpoints (named as at `level`) that begin a journey each time.
    changes : sequence of str
        By "start": columns of events, such as "session" or "campaign"; a journey begins with an event whose
        value is another than the last one that was known.
    threshold : float, optional
        By "gap and order": the least probability that a journey begins with, above 0, at most 1; 0.5 unless
        stated.
    share : float, optional
        By "gap and order", instead of a threshold: the share of the events that could begin a journey that
        do, the likeliest ones (all that are equally likely).
    level : {"touchpoint", "touchpoint@channel", "channel"}
        What an event is called.
    ignore : sequence of str
        Touchpoints that are looked at by nothing here; they stay in the journey of the event before.
    order : int, optional
        By "gap and order": how many events before an event its probability rests on, 1 to 6. By default up to
        4, as long as one more raises the log-likelihood of an event of other customers by 0.01.
    seed : int
        By "gap and order" on logs of more than 100,000 events: which customers are learnt from.
    progress : callable or bool, optional
        Called with what is being done and the share of the whole that is done, 0 to 1; True shows a bar.

    Returns
    -------
    FoundJourneys

    Raises
    ------
    LogError
        If there is no such method, level, touchpoint or column, a value is none that an option takes, or the
        option does not go with the method, or, by "gap", `gap` is None and the silences show no dip.

    Notes
    -----
    Silences run between events by customers: those of the company and of systems wake nobody, begin no
    journey, and belong to the one before. What a customer did first begins a journey, whatever it is.

    The model of "gap and order" has a customer's events as journeys one after the other, each a Markov chain
    of some order that starts and ends. Forward and backward over each customer's events give the probability
    of a beginning at each; expected counts give the model; both are repeated until probabilities stand still.
    Shares after long runs of events are mixed with those after shorter ones (deleted interpolation). Silences
    within journeys may depend on the events around them; the odds that they add never fall with their
    length. What a customer does is judged by what others do. Silence until the data end says whether the last
    journey has ended; some who ended one come back, some don't.

    Where what follows what is the same within journeys as between them, and silences show no dip, the number
    of journeys can't be told: give `gap`, or a `share`.

    Of a log that was opened with a `memory_limit`, what is found of events lies in temporary files, 28 bytes
    an event, as long as the result does: where `TMPDIR` says.

    Examples
    --------
    >>> import cjmining as cj
    >>> import pyarrow as pa
    >>> events = pa.table({
    ...     "customer": [0, 0, 0, 0],
    ...     "timestamp": pa.array([0, 60, 7260, 7320], pa.timestamp("s", "UTC")),
    ...     "touchpoint": ["ad", "shop", "ad", "shop"],
    ... })
    >>> found = cj.find_journeys(cj.JourneyLog.from_events(events), method="gap", gap="30m")
    >>> found.boundaries[["touchpoint", "gap_s", "begins"]]
      touchpoint   gap_s  begins
    0       shop    60.0   False
    1         ad  7200.0    True
    2       shop    60.0   False
    >>> found.log.n_journeys
    2

    References
    ----------
    Bernard, Andritsos (2021), Cut to the Trace! Process-Aware Partitioning of Long-Running Cases in Customer
    Journey Logs, doi:10.1007/978-3-030-79382-1_31: silences weighed with directly-follows pairs. Deleted
    interpolation: Jelinek, Mercer (1980), Interpolated estimation of Markov source parameters from sparse
    data. Odds that rise: Dykstra, Kochar, Robertson (1995), doi:10.1080/01621459.1995.10476610.
    """
    expect_log(log, "find_journeys")
    asked = Asked(method, gap, start, changes, threshold, share, level, order, seed).checked(log)
    with telling(progress, "find_journeys") as tell:
        tell("reading the events", 0.0)
        steps = Steps.of(log, level=level, ignore=ignore, verb="find_journeys")
        reading = _read(log, steps)
        tell("judging each silence", 0.3)
        found = _FIND[method](log, reading, asked)
        judged = Judged(
            reading.rows,
            reading.bounds,
            reading.silence,
            found.probability,
            found.begins,
            reading.code,
            reading.names,
        )
        tell("cutting journeys", 0.7)
        begins = [piece.rows[piece.inner & piece.begins] for piece in judged.pieces()]
        split = log._split_before(np.union1d(log.bounds[:-1], np.concatenate([log.bounds[:0], *begins])))
        tell("making the tables", 0.8)
        counts = Counts.of(judged)
        return FoundJourneys(
            log=split,
            method=method,
            overview=overview_table(_facts(log, split, judged, counts, found, asked)),
            starts=touchpoints_table(counts.starts, judged.names),
            ends=touchpoints_table(counts.ends, judged.names),
            gaps=gaps_table(counts.gaps),
            notes=(*_notes(log, reading, counts, found), *steps.notes),
            _judged=judged,
        )._made_of(split, log)


# What is read of the log ----------------------------------------------------------------------------------


class _Reading(NamedTuple):
    """The events that count: `rows` in the log, and what they are called by `code` and `names`.

    `bounds` over them are those of journeys of the log, `journey` their numbers. `silence` is the time since
    the event before in the same journey, in microseconds. `others` counts events of the company and of
    systems. What has a value an event is a column if the log is read within a limit.
    """

    rows: Ints
    bounds: Ints
    journey: Ints
    silence: Ints
    code: NDArray[np.int32]
    names: tuple[str, ...]
    others: int

    def silences(self) -> Iterator[Ints]:
        """Give the silences between events of the same journey, piece by piece."""
        for first, last in stretches(self.bounds, self.code):
            silence = self.silence[int(self.bounds[first]) : int(self.bounds[last])]
            yield silence[inner_of(self.bounds[first : last + 1])]


def _read(log: JourneyLog, steps: Steps) -> _Reading:
    """Take what customers did, of journeys that may be split."""
    own = np.append(actor_codes(log.vocabulary("actor")) == ACTORS.index("customer"), True)
    free, times = log.splittable, log.timestamps
    rows, silences, codes = (beside(times, kind) for kind in (np.int64, np.int64, np.int32))
    bounds, journeys, others = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for block in log.blocks():
        lengths = np.diff(block.own_bounds(log.bounds))
        whose = np.repeat(np.arange(block.first_journey, block.last_journey), lengths)
        by_customer, of_free = own[log.codes("actor")[block.events]], free[whose]
        code = steps.code[block.events]
        kept = np.flatnonzero(by_customer & of_free & (code >= 0))
        others += int((~by_customer & of_free).sum())
        journey = whose[kept]
        first = np.flatnonzero(np.diff(journey, prepend=-1))
        silence = np.maximum(np.diff(times[block.events][kept], prepend=0), 0)
        silence[first] = 0
        bounds.append(first + rows.size)
        journeys.append(journey[first])
        for written, values in ((rows, kept + block.first_event), (silences, silence), (codes, code[kept])):
            written.add(values)
    return _Reading(
        rows.column(),
        np.concatenate([*bounds, [rows.size]]).astype(np.int64),
        np.concatenate(journeys),
        silences.column(),
        codes.column(),
        steps.names,
        others,
    )


# How it is found ------------------------------------------------------------------------------------------


class _Found(NamedTuple):
    """Of each event that counts: how likely a journey begins with it, and whether one does."""

    probability: Floats
    begins: Flags
    gap_us: int | None
    threshold: float
    learnt: Learnt | None
    notes: tuple[str, ...] = ()


def _by_gap(_log: JourneyLog, reading: _Reading, asked: Asked) -> _Found:
    said: tuple[str, ...] = ()
    gap = asked.gap_us
    if asked.gap is None:
        gap = find_gap(reading.silences)
        length = duration_in_words(timedelta(microseconds=gap))
        said = (f"A journey begins after {length} of silence: there, silences are rarest (the last dip).",)
    begins = elementwise(lambda silence: begins_after(silence, gap), reading.silence)
    return _Found(begins.astype(np.float64), begins, gap, np.nan, None, said)


def _by_start(log: JourneyLog, reading: _Reading, asked: Asked) -> _Found:
    names = reading.names
    unknown = [name for name in asked.start if name not in names]
    if unknown:
        hint = nearest(unknown[0], names)
        raise LogError(f"no event is {unknown[0]!r}{hint}: start names touchpoints of the log")
    starting = np.isin(np.array(names, dtype=object), asked.start)
    changed = [_changes(log.codes(column), reading) for column in asked.changes]

    def begin(silence: Ints, code: NDArray[np.int32], *changed: Flags) -> Flags:
        wanted: Flags = np.logical_or.reduce([starting[code], *changed])
        return wanted & begins_after(silence, asked.gap_us)

    begins = elementwise(begin, reading.silence, reading.code, *changed)
    gap = None if asked.gap is None else asked.gap_us
    return _Found(begins.astype(np.float64), begins, gap, np.nan, None)


def _changes(codes: NDArray[np.int32], reading: _Reading) -> Flags:
    """Return whether each value is another than the last known one of the same journey of the log."""
    found = beside(reading.code, np.bool_)
    for first, last in stretches(reading.bounds, reading.code):
        bounds = reading.bounds[first : last + 1]
        found.add(_changed(codes[reading.rows[int(bounds[0]) : int(bounds[-1])]], inner_of(bounds)))
    changes: Flags = found.column()
    return changes


def _changed(codes: NDArray[np.int32], inner: Flags) -> Flags:
    known = codes >= 0
    places = np.arange(len(codes))
    last_known = np.maximum.accumulate(np.where(known, places, -1))
    first = np.maximum.accumulate(np.where(inner, -1, places))
    before = np.append(-1, last_known[:-1])
    changed: Flags = known & (before >= first) & (codes != codes[np.maximum(before, 0)])
    return changed


def _by_gap_and_order(log: JourneyLog, reading: _Reading, asked: Asked) -> _Found:
    from cjmining.discovery.journeys.model import learn

    learnt = learn(_sequences(log, reading), order=asked.order, least=asked.gap_us, seed=asked.seed)
    threshold = THRESHOLD if asked.threshold is None else asked.threshold
    n_inner = len(reading.rows) - len(reading.journey)
    if asked.share is not None and n_inner:
        threshold = largest(lambda: _inner(learnt.begins, reading), max(round(asked.share * n_inner), 1))
    begins = elementwise(
        lambda probability, silence: (probability >= threshold) & begins_after(silence, asked.gap_us),
        learnt.begins,
        reading.silence,
    )
    gap = None if asked.gap is None else asked.gap_us
    return _Found(learnt.begins, begins, gap, threshold, learnt)


def _inner(values: Floats, reading: _Reading) -> Iterator[Floats]:
    """Give the values of events with another one of the same journey before them."""
    for first, last in stretches(reading.bounds, values):
        own = values[int(reading.bounds[first]) : int(reading.bounds[last])]
        yield own[inner_of(reading.bounds[first : last + 1])]


def _sequences(log: JourneyLog, reading: _Reading) -> Sequences:
    from cjmining.discovery.journeys.sequences import Sequences

    customer = log.journey_customer[reading.journey]
    last = reading.rows[reading.bounds[1:] - 1]
    wait = log.data_end_us - log.timestamps[last]
    return Sequences(reading.bounds, reading.code, reading.silence, customer, wait, len(reading.names))


_FIND = {"gap and order": _by_gap_and_order, "gap": _by_gap, "start": _by_start}


# What is told ---------------------------------------------------------------------------------------------


def _facts(
    log: JourneyLog, split: JourneyLog, judged: Judged, counts: Counts, found: _Found, asked: Asked
) -> dict[str, Any]:
    learnt = found.learnt
    return {
        "method": asked.method,
        "customers": len(np.unique(log.journey_customer)),
        "journeys_before": log.n_journeys,
        "journeys": split.n_journeys,
        "events": len(judged.rows),
        "could_begin": judged.n_inner,
        "begin": counts.begin,
        "expected": counts.expected,
        "gap_s": np.nan if found.gap_us is None else found.gap_us / SECOND_US,
        "threshold": found.threshold,
        "order": 0 if learnt is None else learnt.order,
        "learnt_from": 0 if learnt is None else learnt.steps,
        "rounds": 0 if learnt is None else learnt.rounds,
    }


def _notes(log: JourneyLog, reading: _Reading, counts: Counts, found: _Found) -> Iterable[str]:
    yield from found.notes
    named = int((~log.splittable).sum())
    if named:
        yield f"{named:,} journeys named by their source stay as they are, and nothing is learnt of them."
    if reading.others:
        yield (
            f"{reading.others:,} events were by the company or by systems: they begin no journey and belong "
            "to the one before."
        )
    if found.learnt is not None:
        others = len(reading.rows) - len(reading.journey) - counts.begin
        cut = told.Cut(counts.expected, counts.begin, counts.rest, others, found.threshold, reading.silences)
        yield from told.of_learning(found.learnt, len(reading.rows))
        yield from told.of_sums(cut, with_gap=found.gap_us is not None)
