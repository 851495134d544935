"""What happened when in each journey that entered a stage, and to whom it could have happened then.

Whoever acts shows that they have not left yet, and who never will act again looks like somebody who pauses.
So nothing here is held against journeys at large. Three trials keep like with like (docs/decisions/0075):

* **before**: what had happened when the stage was entered, over all entries, or those to whom it could;
* **how it went**: of an n-th call, payment or answer in the stage, over those who had an n-th one;
* **happened**: something happened so long after the customer's n-th act in the stage, against journeys in
  which nothing had happened for as long after that act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from cjmining.conformance import deviations
from cjmining.conformance.contacts import contacts_of, hand_offs_of
from cjmining.conformance.promises import WITHIN, observe, promises_of
from cjmining.conformance.walk import Walk
from cjmining.documents import parse_duration
from cjmining.dropout.entries import FOREVER
from cjmining.dropout.segments import segment
from cjmining.engine.shelf import Shelf, Shelved, take
from cjmining.event_columns import rows_where
from cjmining.intended.words import duration_in_short
from cjmining.schema import BEFORE_THE_MAP, UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.conformance.plan import Plan
    from cjmining.conformance.promises import Observed, Promise
    from cjmining.conformance.reading import Part, Reading
    from cjmining.dropout.entries import Entries

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

LONG_WAIT, BROKEN, ERROR, DEVIATION, REPEAT, HAND_OFF, CHANNEL, PRECEDING, ATTRIBUTE = (
    "long wait",
    "broken promise",
    "error",
    "deviation",
    "repeat contact",
    "hand-off",
    "channel",
    "preceding touchpoint",
    "attribute",
)
KINDS = (LONG_WAIT, BROKEN, ERROR, DEVIATION, CHANNEL, REPEAT, HAND_OFF, PRECEDING, ATTRIBUTE)
BEFORE, DURING = "before entry", "during the stage"

MOST_LEVELS = 30
"""An attribute with more values than these says who somebody is, not what they are like."""

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
WAITS_S = (
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 4, 8)),
    *(days * _DAY for days in (1, 2, 3, 7, 14, 30)),
)
"""Waits longer than these are told apart, besides those of twice what the map promises."""

_OFTEN = np.array([1, 2, 3, 4, 5, 7, 10, 15, 25, 50, 100])
"""Numbers of acts or contacts that are held apart: 1, 2, 3, 4, 5-6, 7-9, ..."""
_DIMENSIONS = ("device", "campaign")


class What(NamedTuple):
    """What may go with dropping out."""

    kind: str
    candidate: str
    detail: str
    when: str


@dataclass(frozen=True, eq=False)
class Trial:
    """Those to whom something could happen, and to whom it did; one entry a row.

    Attributes
    ----------
    what : What
    entry : int64[R]
        Number of the entry.
    exposed : bool[R]
        Whether it had happened.
    moment : int64[R]
        As of when, microseconds since 1970.
    cell : int64[R]
        Rows are comparable only within a cell (from 0): the number of the contact or act.
    hit : bool[R]
        Whether the journey dropped out in the stage within the horizon of that moment.
    since : int64[R] or None
        Of trials of what happened: how long after the act it did, or how long it didn't.
    is_act : bool
        The customer did it, which shows that they were still there: only more drop-out can be told.
    also : Trial or None
        Of an act: the same, held against other acts of that number in the stage. What is found must be found
        in both: against those idle for as long it may be that any act goes with what follows it, against
        other acts that they come earlier or later on the way.
    """

    what: What
    entry: Ints
    exposed: Bools
    moment: Ints
    cell: Ints
    hit: Bools
    since: Ints | None = None
    is_act: bool = False
    also: Trial | None = None

    @cached_property
    def cells(self) -> int:
        """How many cells there are."""
        return int(self.cell.max(initial=0)) + 1

    def first(self, n_entries: int) -> Ints:
        """Return when each entry was first exposed; `FOREVER` if never."""
        first = np.full(n_entries, FOREVER)
        moment = self.moment if self.since is None else self.moment + self.since
        first[self.entry[self.exposed]] = moment[self.exposed]  # at most one row an entry is exposed
        return first


@dataclass(frozen=True, eq=False)
class Candidate:
    """What may go with dropping out, whose trial is made when it is asked for.

    Attributes
    ----------
    what : What
    make : callable
        Makes the trial.
    keeps : bool
        Whether it is made once and kept: all trials together are many times larger than the entries.
    """

    what: What
    make: Callable[[], Trial]
    keeps: bool

    @property
    def trial(self) -> Trial:
        """The trial."""
        return self._made if self.keeps else self.make()

    @cached_property
    def _made(self) -> Trial:
        return self.make()


def candidates(
    check: Conformance, at: Entries, horizon_us: int, *, stratum: str | None
) -> Iterator[Candidate]:
    """Yield what may go with dropping out at a stage.

    Parameters
    ----------
    check : Conformance
        With its log.
    at : Entries
        The entries of one stage that count, in the log's order of journeys.
    horizon_us : int
        Within which time they may drop out.
    stratum : str, optional
        An attribute or dimension that others are compared within, and which is no candidate itself.
    """
    reading = check._with_log("drivers")
    limited = reading.log.memory_limit is not None
    failed = rows_where(lambda flag: flag == 1, reading.columns.failed)
    failing = np.unique(reading.columns.touchpoint[failed]).astype(np.int64)
    shelf = Shelf.of(reading.log)
    parts = reading.map_parts(lambda part: _shelved(_in_part(part, at, failing), shelf))
    entered = _Entered(at, horizon_us, shelf)
    for what, make in chain(
        _before(entered, parts),
        _known_at_entry(check, reading, entered, stratum),
        _how_it_went(entered, parts),
        _happened(entered, parts),
    ):
        yield Candidate(what, make, keeps=not limited)


class Levels(NamedTuple):
    """An attribute with too many values to tell apart."""

    name: str
    levels: int


def too_many_levels(check: Conformance, stratum: str | None) -> list[Levels]:
    """Return the attributes and dimensions that have too many values."""
    log = check._with_log("drivers").log
    named = [name for name in _groupings(log.attributes, log.dimensions) if name != stratum]
    found = [Levels(name, sum(word != UNKNOWN for word in log.group(name)[1])) for name in named]
    return [each for each in found if each.levels > MOST_LEVELS]


def settled_by_staying(check: Conformance, stage: str) -> list[What]:
    """Return the promises of a stage that only staying in it keeps or breaks: how long, and how often."""
    plan = check._with_log("drivers").plan
    return [
        What(BROKEN, *_promised(plan, promise), DURING)
        for promise in promises_of(plan.intended)
        if promise.measure in _BY_STAYING and plan.intended.stage_names[promise.stage] == stage
    ]


_BY_STAYING = (WITHIN, "contacts")


def _groupings(attributes: Sequence[str], dimensions: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*attributes, *_DIMENSIONS, *dimensions]))


# all parts together ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entered:
    """The entries with what became of them."""

    at: Entries
    horizon_us: int
    shelf: Shelf  # what lies on it goes with it

    @cached_property
    def every(self) -> Ints:
        return np.arange(len(self.at))

    @cached_property
    def none(self) -> Ints:
        return np.zeros(len(self.at), np.int64)

    @cached_property
    def dropped(self) -> Bools:
        return self.at.dropped_soon(self.horizon_us)

    def trial(self, what: What, entry: Ints | None, exposed: Bools, cell: Ints | None = None) -> Trial:
        """Return a trial of what was so at the entry."""
        if entry is None:
            return Trial(what, self.every, exposed, self.at.entered_at, self.none, self.dropped)
        number = self.none[entry] if cell is None else cell
        return Trial(what, entry, exposed, self.at.entered_at[entry], number, self.dropped[entry])

    def hit(self, entry: Ints, moment: Ints) -> Bools:
        """Say which dropped out here within the horizon of a moment."""
        at = self.at
        ended: Bools = at.dropped_soon(FOREVER)[entry] & (at.ended_at[entry] - moment <= self.horizon_us)
        return ended

    def followed(self, moment: Ints) -> Bools:
        """Say whether the horizon after a moment has passed at the data end."""
        followed: Bools = moment + self.horizon_us <= self.at.data_end
        return followed


@dataclass(frozen=True)
class _Collected:
    """What one part says; numbers of entries and events are the log's.

    Attributes
    ----------
    rows : int64[V]
        The entries of the part.
    spells : _Spells
        Their times between one act and the next.
    touched : dict
        By touchpoint, and whether the event that entered counts: the entries that had it, and how often.
    before : dict
        By what: the entries to which it had happened, and who else could have met it (a key of `touched`;
        None: all).
    before_of : dict
        By what: entries to which it could have happened, how often, and those to which it had.
    how : dict
        By what: entry, moment and whether so of each time that it could be so.
    acts : dict
        By what: what happened in the stage.
    """

    rows: Ints
    spells: _Spells
    touched: dict[_Touched, tuple[Ints, Ints]] = field(default_factory=dict)
    before: dict[What, tuple[Ints, _Touched | None]] = field(default_factory=dict)
    before_of: dict[What, tuple[Ints, Ints, Ints]] = field(default_factory=dict)
    how: dict[What, tuple[Ints, Ints, Bools]] = field(default_factory=dict)
    acts: dict[What, _Act] = field(default_factory=dict)


class _Spells(NamedTuple):
    """Times between one act in the stage and the next, the going on or the end.

    `number` is that of the act within the stage, `opener` its touchpoint.
    """

    entry: Ints
    event: Ints
    start: Ints
    lasts: Ints
    number: Ints
    opener: Ints


def _no_spells() -> _Spells:
    return _Spells(*(np.zeros(0, np.int64) for _ in _Spells._fields))


class _Act(NamedTuple):
    """What happened in the stage for the first time in a journey.

    `entry`, `event` and `time` say to whom, by which event and when; `could` has, for each entry of the part,
    the event from which on it could (`_NEVER` where it had happened before); `by_customer` who did it.
    """

    entry: Ints
    event: Ints
    time: Ints
    could: Ints
    by_customer: bool


_Touched: TypeAlias = tuple[int, bool]
_NEVER = np.iinfo(np.int64).max
_Made: TypeAlias = "Iterator[tuple[What, Callable[[], Trial]]]"


def _taken(found: Sequence[Shelved]) -> list[tuple[Any, ...]]:
    """Take what parts say from the shelf."""
    return [take(each) for each in found]


class _Shelved(NamedTuple):
    """What one part says, put on the shelf: of each field of `_Collected` where its values lie."""

    rows: Shelved
    spells: Shelved
    touched: dict[_Touched, Shelved]
    before: dict[What, Shelved]
    before_of: dict[What, Shelved]
    how: dict[What, Shelved]
    acts: dict[What, Shelved]


def _shelved(part: _Collected, shelf: Shelf) -> _Shelved:
    with shelf.lot() as put:
        return _Shelved(
            put((part.rows,)),
            put(part.spells),
            *(
                {key: put(values) for key, values in getattr(part, name).items()}
                for name in _Shelved._fields[2:]
            ),
        )


def _before(entered: _Entered, parts: Sequence[_Shelved]) -> _Made:
    for what in _keys(parts, "before"):
        yield what, partial(_had_happened, entered, parts, what)
    for what in _keys(parts, "before_of"):
        yield what, partial(_had_happened_of, entered, parts, what)


def _had_happened(entered: _Entered, parts: Sequence[_Shelved], what: What) -> Trial:
    found = _taken([part.before[what] for part in parts if what in part.before])
    exposed = np.zeros(len(entered.at), dtype=bool)
    exposed[np.concatenate([rows for rows, _ in found])] = True
    needs = found[0][1]
    if needs is None:
        return entered.trial(what, None, exposed)
    met = _taken([part.touched[needs] for part in parts if needs in part.touched])
    entry, often = _in_order(met)
    return entered.trial(what, entry, exposed[entry], _band(often))


def _had_happened_of(entered: _Entered, parts: Sequence[_Shelved], what: What) -> Trial:
    of = _taken([part.before_of[what] for part in parts if what in part.before_of])
    exposed = np.zeros(len(entered.at), dtype=bool)
    exposed[np.concatenate([rows for _, _, rows in of])] = True
    entry, often = _in_order([(rows, often) for rows, often, _ in of])
    return entered.trial(what, entry, exposed[entry], _band(often))


def _known_at_entry(check: Conformance, reading: Reading, entered: _Entered, stratum: str | None) -> _Made:
    """Yield attributes of customers, and the channel and dimensions of the entry."""
    log = reading.log
    many = {each.name for each in too_many_levels(check, stratum)}
    named = [(ATTRIBUTE, name) for name in _groupings(log.attributes, log.dimensions)]
    for kind, name in [(CHANNEL, "channel"), *named]:
        if name == stratum or name in many:
            continue
        groups = segment(check, entered.at, name, when="entry")
        unknown = groups.names.index(UNKNOWN) if UNKNOWN in groups.names else -1
        for code in np.unique(groups.codes).tolist():
            if code != unknown:
                word = groups.names[code]
                candidate, detail = (word, "at the entry") if kind == CHANNEL else (name, word)
                what = What(kind, candidate, detail, BEFORE)
                yield what, partial(_was_so, entered, what, groups.codes, code, unknown)


def _was_so(entered: _Entered, what: What, codes: NDArray[np.int32], code: int, unknown: int) -> Trial:
    known = np.flatnonzero(codes != unknown) if unknown >= 0 else entered.every
    return entered.trial(what, known, codes[known] == code)


def _how_it_went(entered: _Entered, parts: Sequence[_Shelved]) -> _Made:
    """Yield how something went: each time, up to the first on which it went so."""
    for what in _keys(parts, "how"):
        yield what, partial(_went, entered, parts, what)


def _went(entered: _Entered, parts: Sequence[_Shelved], what: What) -> Trial:
    found = _taken([part.how[what] for part in parts if what in part.how])
    entry, moment, exposed = (np.concatenate([each[n] for each in found]) for n in range(3))
    order = np.lexsort((moment, entry))
    entry, moment, exposed = entry[order], moment[order], exposed[order]
    first = np.searchsorted(entry, entry)
    before = np.cumsum(exposed) - exposed
    number = np.arange(len(entry)) - first + 1
    keep = (before == before[first]) & entered.followed(moment)
    entry, moment = entry[keep], moment[keep]
    cell, hit = _band(number[keep]), entered.hit(entry, moment)
    return Trial(what, entry, exposed[keep], moment, cell, hit)


@dataclass(frozen=True)
class _InStage:
    """The times between acts in the stage, with who could be followed, what is comparable, and who left."""

    spells: _Spells
    followed: Bools
    cell: Ints
    hit: Bools

    @classmethod
    def of(cls, entered: _Entered, parts: Sequence[_Shelved]) -> _InStage:
        columns = [list(each) for each in zip(*_taken([part.spells for part in parts]), strict=True)]
        spells = _Spells(*(np.concatenate(columns.pop(0)) for _ in _Spells._fields))
        order = np.argsort(spells.event, kind="stable")
        spells = _Spells(*(each[order] for each in spells))
        cell = np.unique(spells.opener * len(_OFTEN) + _band(spells.number), return_inverse=True)[1]
        return cls(spells, entered.followed(spells.start), cell, entered.hit(spells.entry, spells.start))


def _happened(entered: _Entered, parts: Sequence[_Shelved]) -> _Made:
    """Yield what happened so long after an act, with those in which nothing had happened for as long."""
    in_stage = _InStage.of(entered, parts)
    for what in _keys(parts, "acts"):
        yield what, partial(_act_happened, entered, parts, in_stage, what)


def _act_happened(entered: _Entered, parts: Sequence[_Shelved], in_stage: _InStage, what: What) -> Trial:
    spells, followed = in_stage.spells, in_stage.followed
    could, ends = np.full((2, len(entered.at)), _NEVER)
    firsts: list[_Act] = []
    for part in parts:
        rows = take(part.rows)[0]
        if what not in part.acts:
            could[rows] = _unless_seen(what)
            continue
        act = _Act(*take(part.acts[what]))
        could[rows] = act.could
        firsts.append(act)
    entry, event, time = (np.concatenate([each[n] for each in firsts]) for n in range(3))
    is_act = any(act.by_customer for act in firsts)
    ends[entry] = event
    own = np.searchsorted(spells.event, event) - 1
    exposed = np.zeros(len(spells.event), dtype=bool)
    exposed[own] = True
    lasts = spells.lasts.copy()
    lasts[own] = time - spells.start[own]
    at_risk = (spells.event >= could[spells.entry]) & (spells.event < ends[spells.entry]) & followed
    one = np.flatnonzero(exposed & at_risk)
    # Until it happened, a journey is one of those to which it had not.
    others = np.flatnonzero(at_risk & (lasts - exposed >= 0))
    rows = np.concatenate([one, others])
    is_one = np.arange(len(rows)) < len(one)
    return Trial(
        what,
        spells.entry[rows],
        is_one,
        spells.start[rows],
        in_stage.cell[rows],
        in_stage.hit[rows],
        since=(lasts - exposed)[rows] + is_one,
        is_act=is_act,
        also=_among_acts(what, in_stage, could, ends) if is_act else None,
    )


def _among_acts(what: What, in_stage: _InStage, could: Ints, ends: Ints) -> Trial:
    """Hold an act against other acts that were as many in the stage, after the same one before."""
    spells = in_stage.spells
    follows = np.append(False, spells.entry[1:] == spells.entry[:-1])
    from_, until = could[spells.entry], ends[spells.entry]
    rows = np.flatnonzero(follows & in_stage.followed & (spells.event > from_) & (spells.event <= until))
    return Trial(
        what,
        spells.entry[rows],
        spells.event[rows] == until[rows],
        spells.start[rows],
        in_stage.cell[rows - 1],  # of the act before
        in_stage.hit[rows],
        is_act=True,
    )


def _unless_seen(what: What) -> int:
    """Return from which event on something could happen in a part that doesn't mention it."""
    return _NEVER if what.kind == REPEAT else 0


def _keys(parts: Sequence[_Shelved], name: str) -> list[What]:
    """Return what any part mentions, in an order that doesn't depend on the parts; longest waits first.

    Of several candidates that are the same journeys the first is told: the one that says most.
    """
    named = {what for part in parts for what in getattr(part, name)}
    return sorted(named, key=lambda what: (KINDS.index(what.kind), what.candidate, -_length_in(what), what))


_LONGER = "longer than "


def _length_in(what: What) -> float:
    """Return the seconds that a long wait is longer than."""
    if what.kind != LONG_WAIT:
        return 0.0
    return parse_duration(what.detail.removeprefix(_LONGER).replace("min", "m")).total_seconds()


def _in_order(found: Sequence[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    entry, often = (np.concatenate([each[n] for each in found]) for n in range(2))
    order = np.argsort(entry, kind="stable")
    return entry[order], often[order]


def _band(number: Ints) -> Ints:
    band: Ints = np.searchsorted(_OFTEN, number, side="right") - 1
    return np.maximum(band, 0)


# one part -------------------------------------------------------------------------------------------------


def _in_part(part: Part, at: Entries, failing: Ints) -> _Collected:
    from cjmining.conformance.reading import judge_part

    match = np.minimum(np.searchsorted(at.journey, part.journey_numbers), max(len(at) - 1, 0))
    here = np.flatnonzero(at.journey[match] == part.journey_numbers) if len(at) else match[:0]
    visits = _Visits(Walk(part, judge_part(part)), at, match[here], here)
    found = _Collected(visits.rows, visits.spells if len(here) else _no_spells())
    if len(here):
        _collect_before(found, visits, failing)
        for what, v, moment, so in _how(visits, failing):
            found.how[what] = (visits.rows[v], moment, so)
        for what, act in _acts(visits):
            found.acts[what] = act
    return found


@dataclass(frozen=True, eq=False)
class _Visits:
    """The entries of a part: `rows` are their numbers, `journey` that of their journeys in the part."""

    walk: Walk
    at: Entries
    rows: Ints
    journey: Ints

    @cached_property
    def event(self) -> Ints:
        """The event of the part that entered."""
        return np.searchsorted(self.walk.part.event_numbers, self.at.event[self.rows])

    @cached_property
    def until(self) -> Ints:
        """When each went on or ended."""
        return np.minimum(self.at.gone_on_at, self.at.ended_at)[self.rows]

    @cached_property
    def of_journey(self) -> Ints:
        """The visit of each journey of the part, -1 for none."""
        of = np.full(len(self.walk.part.customer), -1)
        of[self.journey] = np.arange(len(self.journey))
        return of

    @cached_property
    def of_event(self) -> Ints:
        """The visit of each event's journey, -1 for none."""
        return self.of_journey[self.walk.journey]

    @cached_property
    def inside(self) -> Bools:
        """Which events are in the stage: from its entry on, before the journey went on or ended."""
        v, number = self.of_event, np.arange(len(self.of_event))
        later = (number > self.event[v]) & (self.walk.part.columns.timestamp < self.until[v])
        inside: Bools = (v >= 0) & ((number == self.event[v]) | later)
        return inside

    @cached_property
    def counts(self) -> Bools:
        """Which events belong to journeys at all."""
        code, ignored = self.walk.part.columns.touchpoint, self.walk.part.plan.rules.ignored
        counts: Bools = (code >= 0) & ~ignored[np.maximum(code, 0)]
        return counts

    @cached_property
    def spells(self) -> _Spells:
        """The times between one act and the next."""
        part, v = self.walk.part, self.of_event
        acts = self.inside & self.counts & self.walk.located.by_customer
        acts[self.event] = True
        event = np.flatnonzero(acts)
        own, start = v[event], part.columns.timestamp[event]
        ends = np.append(start[1:], 0)
        last = np.append(own[1:] != own[:-1], True) if len(own) else np.zeros(0, bool)
        ends = np.where(last, self.until[own], ends[: len(own)])
        return _Spells(
            self.rows[own],
            part.event_numbers[event],
            start,
            np.maximum(ends - start, 0),
            np.arange(len(own)) - np.searchsorted(own, own) + 1,
            part.columns.touchpoint[event].astype(np.int64),
        )


def _collect_before(found: _Collected, visits: _Visits, failing: Ints) -> None:
    """Note what had happened when the stage was entered, with the journeys as they stood then."""
    from cjmining.conformance.reading import see, up_to

    earlier = up_to(visits.walk.part, visits.journey, visits.event)
    seen = see(earlier)
    walk, rows, last = seen.walk, visits.rows, earlier.bounds[1:] - 1
    number = np.arange(len(walk.journey))
    strictly = number < last[walk.journey]
    words, code = earlier.plan.labels, earlier.columns.touchpoint
    for with_entry, which in ((False, strictly), (True, np.ones(len(number), bool))):
        for touchpoint, own, often in _per_touchpoint(walk.journey[which], code[which], len(rows)):
            found.touched[touchpoint, with_entry] = (rows[own], often)
    for touchpoint in failing.tolist():
        here = strictly & (code == touchpoint) & (earlier.columns.failed == 1)
        what = What(ERROR, words[touchpoint], "failed", BEFORE)
        _note(found, what, rows, walk.journey[here], (touchpoint, False))
    contact = contacts_of(walk)
    for channel in np.unique(earlier.columns.channel[contact & strictly]).tolist():
        if channel >= 0:
            here = contact & strictly & (earlier.columns.channel == channel)
            what = What(CHANNEL, earlier.channels[channel], "used before", BEFORE)
            _note(found, what, rows, walk.journey[here])
    for touchpoint, own, often in _per_touchpoint(walk.journey[contact], code[contact], len(rows)):
        what = What(REPEAT, words[touchpoint], "more than once", BEFORE)
        found.before_of[what] = (rows[own], np.ones(len(own), np.int64), rows[own[often > 1]])
    for what, events in _hand_offs(walk, contact, BEFORE, owners=True):
        _note(found, what, rows, walk.journey[events])
    _note_deviations(found, deviations.find(earlier, seen), rows, earlier)
    _note_preceding(found, walk, strictly, rows)
    entered = visits.at.entered_at[rows]
    for what, about, moment, so in [*_waits(walk, BEFORE, strictly), *_promises(walk, BEFORE, strictly)]:
        v = walk.journey[about]
        early = moment <= entered[v]
        own, often = np.unique(v[early], return_counts=True)
        found.before_of[what] = (rows[own], often, rows[np.unique(v[early & so])])


def _per_touchpoint(v: Ints, code: NDArray[np.int32], n_visits: int) -> Iterator[tuple[int, Ints, Ints]]:
    """Yield each touchpoint with the visits that have it, and how often."""
    key, often = np.unique(code.astype(np.int64) * n_visits + v, return_counts=True)
    touchpoint, own = np.divmod(key, n_visits)
    starts = np.flatnonzero(np.diff(touchpoint, prepend=-2))
    for start, end in zip(starts, np.append(starts, len(key))[1:], strict=True):
        if touchpoint[start] >= 0:
            yield int(touchpoint[start]), own[start:end], often[start:end]


def _note(found: _Collected, what: What, rows: Ints, v: Ints, needs: _Touched | None = None) -> None:
    if len(v):
        found.before[what] = (rows[np.unique(v)], needs)


def _note_deviations(found: _Collected, deviating: deviations.Found, rows: Ints, part: Part) -> None:
    """Note what differed from the map up to the entry; what failed is told as an error."""
    from cjmining.kernels.deviations import FAILED, REPEATED, TYPES, WRONG_CHANNEL

    plan = part.plan
    group = np.zeros(len(deviating.journey), np.int32)
    key = deviations.deviation_key(plan, group, deviating.type_, deviating.stage, deviating.label)
    stages = (BEFORE_THE_MAP, *plan.intended.stage_names)
    for each in np.unique(key):
        _, type_, stage, label = (int(one) for one in deviations.deviation_parts(plan, each))
        if type_ != FAILED:
            what = What(DEVIATION, plan.labels[label], f"{TYPES[type_]} in {stages[1 + stage]}", BEFORE)
            of_touchpoint = type_ in (REPEATED, WRONG_CHANNEL) and label < len(plan.rules.role)
            needs = (label, True) if of_touchpoint else None
            _note(found, what, rows, np.unique(deviating.journey[key == each]), needs)


def _note_preceding(found: _Collected, walk: Walk, strictly: Bools, rows: Ints) -> None:
    """Note the last touchpoint of the map before the entry."""
    events = np.flatnonzero(strictly & (walk.located.cell >= 0))
    last = np.full(len(rows), -1)
    last[walk.journey[events]] = events  # ascending: the last one stays
    code = np.where(last >= 0, walk.part.columns.touchpoint[np.maximum(last, 0)], -1)
    for touchpoint in np.unique(code).tolist():
        name = walk.part.plan.labels[touchpoint] if touchpoint >= 0 else "none"
        _note(found, What(PRECEDING, name, "just before", BEFORE), rows, np.flatnonzero(code == touchpoint))


_Times: TypeAlias = tuple[What, "Ints", "Ints", "Bools"]


def _how(visits: _Visits, failing: Ints) -> Iterator[_Times]:
    """Yield what went so or so in the stage: visit, moment and whether it did, of each time."""
    walk, every = visits.walk, np.ones(len(visits.of_event), dtype=bool)
    entered = visits.at.entered_at[visits.rows]
    for what, about, moment, so in _waits(walk, DURING, visits.inside):
        yield what, visits.of_event[about], moment, so
    for what, about, moment, so in _promises(walk, DURING, every):
        v = visits.of_event[about]
        here = (v >= 0) & (moment < visits.until[v])
        here &= (moment > entered[v]) | (about == visits.event[v])
        yield what, v[here], moment[here], so[here]
    yield from _errors(visits, failing)


def _waits(walk: Walk, when: str, which: Bools) -> Iterator[_Times]:
    """Yield for each touchpoint and length of wait: event, moment and whether the wait was longer.

    Whoever gave up before that length was over waited neither longer nor less.
    """
    columns, plan = walk.part.columns, walk.part.plan
    waited = which & (walk.located.cell >= 0) & ~np.isnan(columns.wait_s)
    for touchpoint in np.unique(columns.touchpoint[waited]).tolist():
        events = np.flatnonzero(waited & (columns.touchpoint == touchpoint))
        for length in _lengths(plan.intended, plan.labels[touchpoint]):
            longer = columns.wait_s[events] > length
            knows = longer | (columns.failed[events] != 1)
            said = f"{_LONGER}{duration_in_short(timedelta(seconds=length))}"
            what = What(LONG_WAIT, plan.labels[touchpoint], said, when)
            yield what, events[knows], columns.timestamp[events[knows]], longer[knows]


def _lengths(intended: Any, touchpoint: str) -> list[float]:  # noqa: ANN401 -- an IntendedMap
    """Return the lengths of a wait that are told apart: beyond the promise, where the map makes one."""
    promised = [
        promise.at_most
        for promise in promises_of(intended)
        if (promise.touchpoint, promise.measure) == (touchpoint, "wait_s") and promise.at_most is not None
    ]
    if not promised:
        return list(WAITS_S)
    return sorted({2 * min(promised), *(length for length in WAITS_S if length > min(promised))})


def _promises(walk: Walk, when: str, which: Bools) -> Iterator[_Times]:
    """Yield for each promise: event, moment and whether it was broken, of each time that it was settled.

    How often a contact is needed, and how long a stage takes, is settled by staying in it: that is told up to
    the entry alone.
    """
    for promise in promises_of(walk.part.plan.intended):
        if when == DURING and promise.measure in _BY_STAYING:
            continue
        seen: Observed = observe(walk, promise)
        chosen = which[seen.about]
        what = What(BROKEN, *_promised(walk.part.plan, promise), when)
        yield what, seen.about[chosen], seen.settled[chosen], ~seen.kept[chosen]


def _promised(plan: Plan, promise: Promise) -> tuple[str, str]:
    """Return whose promise it is, and what it says."""
    if promise.measure == WITHIN:
        stage = plan.intended.stage_names[promise.stage]
        return stage, f"on within {_length(promise.at_most)}"
    said = {"wait_s": "wait", "duration_s": "duration", "response_s": f"time after {promise.after}"}
    amount = _length if promise.measure in said else "{:g}".format
    bounds = [
        f"{word} {amount(value)}"
        for word, value in (("at least", promise.at_least), ("at most", promise.at_most))
        if value is not None
    ]
    return promise.touchpoint, f"{said.get(promise.measure, promise.measure)} {' and '.join(bounds)}"


def _length(seconds: float | None) -> str:
    return duration_in_short(None if seconds is None else timedelta(seconds=seconds))


def _errors(visits: _Visits, failing: Ints) -> Iterator[_Times]:
    """Yield touchpoints of the map that sometimes fail: each time in the stage."""
    walk, columns = visits.walk, visits.walk.part.columns
    on_map = visits.inside & (walk.located.cell >= 0)
    for touchpoint in failing.tolist():
        events = np.flatnonzero(on_map & (columns.touchpoint == touchpoint))
        what = What(ERROR, walk.part.plan.labels[touchpoint], "failed", DURING)
        yield what, visits.of_event[events], columns.timestamp[events], columns.failed[events] == 1


def _acts(visits: _Visits) -> Iterator[tuple[What, _Act]]:
    """Yield what happened in the stage, each for the first time in a journey."""
    walk, part = visits.walk, visits.walk.part
    columns, words = part.columns, part.plan.labels
    contact = contacts_of(walk) & (visits.of_event >= 0)
    for channel in np.unique(columns.channel[contact]).tolist():
        if channel >= 0:
            events = np.flatnonzero(contact & (columns.channel == channel))
            yield What(CHANNEL, part.channels[channel], "used there", DURING), _act(visits, events)
    for what, events in _hand_offs(walk, contact, DURING, owners=False):
        yield what, _act(visits, events)
    for touchpoint in np.unique(columns.touchpoint[contact]).tolist():
        events = np.flatnonzero(contact & (columns.touchpoint == touchpoint))
        _, first = np.unique(walk.journey[events], return_index=True)
        what = What(REPEAT, words[touchpoint], "once more", DURING)
        yield what, _act(visits, np.delete(events, first), after=events[first])
    rules = part.plan.rules
    unplanned = (np.diff(rules.stage_offsets) == 0) & ~rules.ignored & (rules.role == 0)
    off_map = (visits.of_event >= 0) & visits.counts & unplanned[columns.touchpoint]
    failed = columns.failed == 1
    for kind, detail, which in (
        (ERROR, "failed", off_map & failed),
        (DEVIATION, "ad hoc", off_map & ~failed),
    ):
        for touchpoint in np.unique(columns.touchpoint[which]).tolist():
            events = np.flatnonzero(which & (columns.touchpoint == touchpoint))
            yield What(kind, words[touchpoint], detail, DURING), _act(visits, events)


def _act(visits: _Visits, events: Ints, *, after: Ints | None = None) -> _Act:
    """Return what happened in the stage after the entry, of events in journeys that entered it.

    Parameters
    ----------
    events : int64[X]
        Events of the part, ascending.
    after : int64[Y], optional
        The events that it can only happen after, at most one a journey.
    """
    part, numbers = visits.walk.part, visits.walk.part.event_numbers
    could = np.full(len(visits.rows), 0 if after is None else _NEVER)
    if after is not None:
        could[visits.of_event[after]] = numbers[after]
    v, at = np.unique(visits.of_event[events], return_index=True)
    first = events[at]
    later = first > visits.event[v]
    could[v[~later]] = _NEVER
    here = later & visits.inside[first]
    first = first[here]
    return _Act(
        visits.rows[v[here]],
        numbers[first],
        part.columns.timestamp[first],
        could,
        bool(visits.walk.located.by_customer[first].any()),
    )


def _hand_offs(walk: Walk, contact: Bools, when: str, *, owners: bool) -> Iterator[tuple[What, Ints]]:
    """Yield the hand-offs from each channel or owner to each other, by the events at which they arrived."""
    from cjmining.kernels.contacts import CHANNEL as FROM_CHANNEL

    part, stages = walk.part, walk.part.plan.intended.stages
    named = tuple(sorted({stage.owner for stage in stages if stage.owner})) if owners else ()
    found = hand_offs_of(walk, contact, named)
    own = np.array([named.index(s.owner) if s.owner in named else -1 for s in stages], dtype=np.int64)
    by_channel = found.kind == FROM_CHANNEL
    if len(found.after):
        ends = [
            np.where(by_channel, part.columns.channel[events], own[walk.stage[events]])
            for events in (found.before, found.after)
        ]
        key = (found.kind.astype(np.int64) << 40) | (ends[0].astype(np.int64) << 20) | ends[1]
        for each in np.unique(key).tolist():
            kind, before, after = each >> 40, (each >> 20) & 0xFFFFF, each & 0xFFFFF
            words = part.channels if kind == FROM_CHANNEL else named
            said = "between channels" if kind == FROM_CHANNEL else "between owners"
            yield (
                What(HAND_OFF, f"{words[before]} to {words[after]}", said, when),
                found.after[key == each],
            )
        if found.again.any():
            yield What(HAND_OFF, "any channel", "said again on another", when), found.after[found.again]
