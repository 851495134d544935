"""Where journeys stood, one place after the other, as finely as the changes of a scenario ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from cjmining.conformance.promises import observe, promises_of
from cjmining.conformance.reading import judge_part
from cjmining.conformance.walk import Walk
from cjmining.dropout.changes import PROMISE
from cjmining.dropout.entries import CONVERTED, OPEN
from cjmining.dropout.segments import Segments
from cjmining.engine.kept import kept_for
from cjmining.engine.local import reduce_blocks
from cjmining.grouping import EVERYBODY
from cjmining.schema import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cjmining.blocks import Block
    from cjmining.conformance import Conformance
    from cjmining.conformance.promises import Promise
    from cjmining.conformance.reading import Part, Reading
    from cjmining.dropout.changes import Change
    from cjmining.engine.kept import Kept
    from cjmining.kernels.semi_markov import Marks, VisitArrays
    from cjmining.kernels.sums import Sums

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

KEPT, BROKEN = 1, 2
MOST_ATTEMPTS = 8
"""Of a customer, one after the other; further ones are taken as given."""

AFTER = len(OUTCOMES)
"""Whatever a journey may begin after: nothing, or one that ended, in any way but open."""

_LASTS = -1  # no end: another visit follows
_COLUMNS = {"state": np.int64, "lasted": np.int64, "end": np.int8, "customer": np.int64}


@dataclass(frozen=True)
class Visits:
    """The visits of a block's journeys, in order of journey and time.

    Attributes
    ----------
    journey, event, since, place, stage, again, label
        As in `kernels.semi_markov.VisitArrays`; numbers are the log's.
    mask : int64[V]
        The changes that hold for each visit, a bit each.
    lasted : int64[V]
        Microseconds until the next visit, the end, or the end of the data.
    last : bool[V]
        Whether it is the journey's last.
    outcome : int8[V]
        How its journey ended.
    """

    journey: Ints
    event: Ints
    since: Ints
    place: NDArray[np.int32]
    stage: NDArray[np.int32]
    again: Bools
    label: Ints
    mask: Ints
    lasted: Ints
    last: Bools
    outcome: NDArray[np.int8]


class InGroups:
    """The groups of a check that have journeys, and which of them each journey is in.

    Attributes
    ----------
    names : tuple of str
        Of the groups.
    """

    def __init__(self, check: Conformance, reading: Reading) -> None:
        self.names: tuple[str, ...] = (EVERYBODY,)
        self._code = None if check.by is None else reading.group
        if check.by is not None:
            present = np.zeros(len(reading.groups), np.bool_)
            for block in reading.blocks:
                present[reading.group[block.journeys]] = True
            self.names = tuple(reading.groups[code] for code in np.flatnonzero(present))
            self._position = np.cumsum(present) - 1

    def of(self, journeys: Ints) -> Ints:
        """Return the group of some journeys as a position in `names`."""
        if self._code is None:
            return np.zeros(len(journeys), np.int64)
        position: Ints = self._position[self._code[journeys]]
        return position


class VisitReader:
    """Reads the visits of blocks; parameters are those of `read_visits`.

    Attributes
    ----------
    digits : tuple of (int, Promise)
        Number of the change, and the promise, of each digit of the labels.
    stage_of : int64[P]
        The stage of each place, -1 before the map.
    """

    def __init__(self, check: Conformance, reading: Reading, changes: Sequence[Change]) -> None:
        self.reading, self.changes = reading, tuple(changes)
        self.digits = tuple((number, p) for number, change in enumerate(changes) for p in change.promises)
        n_stages = len(reading.plan.intended.stages)
        self.stage_of = np.concatenate([np.arange(-1, n_stages), reading.plan.cells.stage])
        self._told_apart = {stage for change in changes for stage in change.by_touchpoint}
        self._places = [_places(reading, change) for change in changes]
        self._where = [
            [(Segments(check, name, when="entry"), values) for name, values in change.where]
            for change in changes
        ]

    def of(self, block: Block) -> Visits:
        """Read where the journeys of a block stood, one place after the other."""
        from cjmining.kernels.semi_markov import Marks, visits_of

        promises = [promise for _, promise in self.digits]
        parts = [_marks(part, promises, self._told_apart) for part in self.reading.parts(block)]
        marks = [part[0] for part in parts]
        columns: list[Any] = [np.concatenate(each) for each in zip(*marks, strict=True)]
        if len(parts) > 1:
            order = np.argsort(columns[0], kind="stable")
            columns = [column[order] for column in columns]
        found = visits_of(Marks(*columns), len(self.reading.plan.intended.stages))
        outcome, ended_at = _ends(block, parts)
        journey = found.journey - block.first_journey
        last = np.append(journey[1:] != journey[:-1], True)[: len(journey)]
        until = np.where(last, ended_at[journey], np.append(found.since[1:], 0)[: len(last)])
        return Visits(
            *found,
            mask=self._mask(found),
            lasted=np.maximum(until - found.since, 0),
            last=last,
            outcome=outcome[journey],
        )

    def holds(self, change: int, mask: Ints, label: Ints) -> Bools:
        """Say what a change is made to: where it holds, if it keeps a promise where one has been broken."""
        holds: Bools = mask >> change & 1 == 1
        if self.changes[change].kind != PROMISE:
            return holds
        broken = np.zeros(len(label), np.bool_)
        for digit, (number, _) in enumerate(self.digits):
            if number == change:
                broken |= label // 3**digit % 3 == BROKEN
        holds &= broken
        return holds

    def _mask(self, found: VisitArrays) -> Ints:
        """Say which changes hold for each visit: at the place, with what is known as it is entered."""
        mask = np.zeros(len(found.journey), np.int64)
        for number, (places, where) in enumerate(zip(self._places, self._where, strict=True)):
            holds = np.isin(found.place, places)
            for segments, values in where:
                of = segments.of(found)
                holds &= np.isin(of.codes, [code for code, word in enumerate(of.names) if word in values])
            mask[holds] |= 1 << number
        return mask


_Marked: TypeAlias = "tuple[Marks, Ints, NDArray[np.int8], Ints]"


def _ends(block: Block, parts: Sequence[_Marked]) -> tuple[NDArray[np.int8], Ints]:
    """Return how and when the journeys of a block ended."""
    n = block.last_journey - block.first_journey
    outcome, ended_at = np.empty(n, np.int8), np.empty(n, np.int64)
    for _, numbers, how, when in parts:
        outcome[numbers - block.first_journey], ended_at[numbers - block.first_journey] = how, when
    return outcome, ended_at


def _marks(part: Part, promises: Sequence[Promise], told_apart: set[int]) -> _Marked:
    """Return what happens to the journeys of a part; their numbers, outcomes and ends.

    At one time events keep their order; what an event settles at once follows on it, what else is settled
    then on all of them.
    """
    from cjmining.kernels.semi_markov import Marks

    judged = judge_part(part)
    walk = Walk(part, judged)
    rows = [_before(walk), _moves(walk, told_apart)]
    rows += [_settlements(walk, promise, digit) for digit, promise in enumerate(promises)]
    journey, time, event, place, stage, label = (np.concatenate(each) for each in zip(*rows, strict=True))
    settles = place < 0
    at_once = ~settles | (part.columns.timestamp[event] == time)
    order = np.lexsort((label, settles, event, ~at_once, time, journey))
    journey, event = part.journey_numbers[journey[order]], part.event_numbers[event[order]]
    return (
        Marks(
            journey,
            time[order],
            event,
            place[order].astype(np.int32),
            stage[order].astype(np.int32),
            label[order],
        ),
        part.journey_numbers,
        judged.outcome,
        judged.decided_at,
    )


def _before(walk: Walk) -> tuple[Ints, ...]:
    """Return the journeys whose first event that counts is not on the map: they begin before it."""
    part, located = walk.part, walk.located
    ignored = np.append(part.plan.rules.ignored, False)[part.columns.touchpoint]
    counts = np.flatnonzero(~ignored)
    first = np.append(counts, -1)[np.searchsorted(counts, part.bounds[:-1])]
    none = (first < 0) | (first >= part.bounds[1:])
    on_map = ~none & (located.cell[first] >= 0) & (first <= walk.judged.place_event)
    journey = np.flatnonzero(~on_map)
    event = part.bounds[journey]
    nothing = np.zeros(len(journey), np.int64)
    return journey, part.columns.timestamp[event], event, nothing, nothing - 1, nothing


def _moves(walk: Walk, told_apart: set[int]) -> tuple[Ints, ...]:
    """Return the events that move journeys, up to their place: to a stage, or a touchpoint of it."""
    part, located = walk.part, walk.located
    event = np.flatnonzero(located.moves & (located.cell >= 0))
    event = event[event <= walk.judged.place_event[walk.journey[event]]]
    cell = located.cell[event]
    stage = part.plan.rules.stages[cell].astype(np.int64)
    by_touchpoint = np.isin(stage, list(told_apart))
    n_stages = len(part.plan.intended.stages)
    place = 1 + np.where(by_touchpoint, n_stages + part.plan.own_cells[cell], stage)
    return walk.journey[event], part.columns.timestamp[event], event, place, stage, np.zeros_like(stage)


def _settlements(walk: Walk, promise: Promise, digit: int) -> tuple[Ints, ...]:
    """Return when a promise was kept or broken in journeys that were still under way."""
    if promise not in promises_of(walk.part.plan.intended):
        nothing = np.zeros(0, np.int64)
        return (nothing,) * 6
    seen = observe(walk, promise)
    journey = walk.journey[seen.about]
    judged = walk.judged
    started = walk.part.columns.timestamp[seen.about]
    under_way = (judged.decided_at[journey] > seen.settled) & (seen.settled >= started)
    journey, settled, kept = journey[under_way], seen.settled[under_way], seen.kept[under_way]
    label = np.where(kept, KEPT, BROKEN) * 3**digit
    nothing = np.full(len(journey), -1)
    stage = np.full(len(journey), promise.stage)
    return journey, settled, seen.about[under_way], nothing, stage, label


def _places(reading: Reading, change: Change) -> list[int]:
    """Return the places that a change is about; a stage's own touchpoints are among them."""
    plan = reading.plan
    n_stages = len(plan.intended.stages)
    cells = list(zip(plan.cells.stage.tolist(), plan.cells.touchpoint.tolist(), strict=True))
    named = [(stage, plan.labels[code]) for stage, code in cells]
    found = []
    for stage, touchpoint in (*change.cells, *((promise.stage, "") for promise in change.promises)):
        if not touchpoint:
            found.append(1 + stage)
        of = [k for k, (at, name) in enumerate(named) if at == stage and touchpoint in ("", name)]
        found += [1 + n_stages + k for k in of]
    return found


# all blocks together --------------------------------------------------------------------------------------


class VisitCounts(NamedTuple):
    """What blocks say of their visits that adds up.

    Attributes
    ----------
    states : Sums
        Visits by state, as `VisitsRead.of_states` numbers them: one column.
    starts : Sums
        Journeys by attempt, after what they began, and state: a column for the data and each replicate.
    outcomes : int64[G, 4]
        Journeys by group, and by how they ended.
    touched : int64[C]
        Journeys that each change is made to.
    patient : int64[1 + S, 3]
        Where silence ends no journey, by stage, that before the map first: journeys that stand there, those
        that were there and have ended, and those of them that converted.
    """

    states: Sums
    starts: Sums
    outcomes: Ints
    touched: Ints
    patient: Ints


@dataclass(frozen=True)
class VisitsRead:
    """The visits of all journeys: counted, and kept block by block.

    Attributes
    ----------
    reader : VisitReader
        What they were read by.
    groups : InGroups
        The groups of their journeys.
    sizes : tuple of int
        How many groups, places, times in a stage, labels and masks a state may have.
    counts : VisitCounts
        What they add up to.
    kept : Kept
        Columns `state`, `lasted`, `end` (how the journey ended with it, -1 where another visit follows) and
        `customer`.
    """

    reader: VisitReader
    groups: InGroups
    sizes: tuple[int, ...]
    counts: VisitCounts
    kept: Kept

    def of_states(self, numbers: Ints) -> tuple[Ints, ...]:
        """Return the group, place, whether again, label and mask of states."""
        return np.unravel_index(numbers, self.sizes)

    def of_starts(self, numbers: Ints) -> tuple[Ints, Ints, Ints]:
        """Return the attempt, after what it began, and the state of starts."""
        parts = np.unravel_index(numbers, (MOST_ATTEMPTS, AFTER, *self.sizes))
        return parts[0], parts[1], np.ravel_multi_index(parts[2:], self.sizes)


def read_visits(
    check: Conformance, reading: Reading, changes: Sequence[Change], groups: InGroups, replicates: int
) -> VisitsRead:
    """Read where journeys stood, one place after the other, in one pass.

    Parameters
    ----------
    check : Conformance
        With its log.
    reading : Reading
        Of the check.
    changes : sequence of Change
        How finely places are told apart.
    groups : InGroups
        Of the check.
    replicates : int
        Of the bootstrap over customers.
    """
    reader = VisitReader(check, reading, changes)
    kept = kept_for(reading.log, _COLUMNS, len(reading.blocks))
    sizes = (len(groups.names), len(reader.stage_of), 2, 3 ** len(reader.digits), 1 << len(changes))

    def of_block(block: Block) -> VisitCounts:
        visits = reader.of(block)
        group = groups.of(visits.journey)
        state = np.ravel_multi_index((group, visits.place, visits.again, visits.label, visits.mask), sizes)
        customer = reading.customer[visits.journey]
        end = np.where(visits.last, visits.outcome, _LASTS)
        kept.put(block, {"state": state, "lasted": visits.lasted, "end": end, "customer": customer})
        return VisitCounts(
            _counted(state),
            _starts(visits, customer, group, (state, sizes), replicates),
            _outcomes(visits, group, len(groups.names)),
            _touched(reader, visits),
            _patient(reading, visits),
        )

    counts = reduce_blocks(of_block, _merge, reading.blocks, engine=reading.log.engine)
    return VisitsRead(reader, groups, sizes, counts, kept)


def _merge(parts: Sequence[VisitCounts]) -> VisitCounts:
    from cjmining.kernels.sums import merge

    return VisitCounts(
        merge([part.states for part in parts]),
        merge([part.starts for part in parts]),
        *(np.sum([getattr(part, name) for part in parts], axis=0) for name in VisitCounts._fields[2:]),
    )


def _counted(state: Ints) -> Sums:
    from cjmining.kernels.sums import Sums

    known, visits = np.unique(state, return_counts=True)
    return Sums(known, visits[:, None])


def _starts(
    visits: Visits, customer: Ints, group: Ints, states: tuple[Ints, tuple[int, ...]], replicates: int
) -> Sums:
    """Count how journeys began in the data and in each replicate."""
    from cjmining.kernels.bootstrap import add_weighted
    from cjmining.kernels.sums import Sums

    state, sizes = states
    attempt, after, first = _attempts(visits, customer, group)
    parts = np.unravel_index(state[first], sizes)
    key = np.ravel_multi_index((attempt, after, *parts), (MOST_ATTEMPTS, AFTER, *sizes))
    known, which = np.unique(key, return_inverse=True)
    sums = np.zeros((1 + replicates, len(known)))
    add_weighted(sums, customer[first], which, np.ones(len(first)))
    return Sums(known, sums.T)


def _attempts(visits: Visits, customer: Ints, group: Ints) -> tuple[Ints, Ints, Ints]:
    """Say which attempt each journey is (from 0), after what it began, and which visit is its first.

    0 stands for a customer's first journey, for one that began beside another or after another group's, and
    for those beyond the number of attempts that is followed. All journeys of a customer are in the block.
    """
    last = np.flatnonzero(visits.last)
    first = np.append(0, last[:-1] + 1)[: len(last)]
    # A source's own cases lie by their names, not by when they began.
    order = np.lexsort((visits.since[first], customer[first]))
    first, last = first[order], last[order]
    number = np.arange(len(last))
    before = np.maximum(number - 1, 0)
    follows = number > 0
    follows &= customer[first[before]] == customer[first]
    follows &= group[first[before]] == group[first]
    follows &= visits.since[first] >= (visits.since + visits.lasted)[last[before]]
    outcome = visits.outcome[first[before]].astype(np.int64)
    follows &= outcome != OPEN
    attempt = number - np.maximum.accumulate(np.where(follows, 0, number))
    followed = follows & (attempt < MOST_ATTEMPTS)
    return np.where(followed, attempt, 0), np.where(followed, 1 + outcome, 0), first


def _outcomes(visits: Visits, group: Ints, n_groups: int) -> Ints:
    table = np.zeros((n_groups, len(OUTCOMES)), np.int64)
    np.add.at(table, (group[visits.last], visits.outcome[visits.last]), 1)
    return table


def _touched(reader: VisitReader, visits: Visits) -> Ints:
    numbers = range(len(reader.changes))
    touched = [visits.journey[reader.holds(number, visits.mask, visits.label)] for number in numbers]
    return np.array([len(np.unique(journeys)) for journeys in touched], np.int64)


def _patient(reading: Reading, visits: Visits) -> Ints:
    """Count the journeys at stages that silence ends none at."""
    rules = [plan.rules for plan in reading.plans]
    patience = np.stack([np.append(each.before_us, each.patience_us) for each in rules])
    variant = 0 if reading.variant is None else reading.variant[visits.journey]
    never = patience[variant, 1 + visits.stage] < 0
    counts = np.zeros((patience.shape[1], 3), np.int64)
    for row in np.unique(1 + visits.stage[never]):
        here = never & (visits.stage == row - 1)
        is_open = visits.outcome == OPEN
        _, ended = np.unique(visits.journey[here & ~is_open], return_index=True)
        converted = np.count_nonzero(visits.outcome[here & ~is_open][ended] == CONVERTED)
        counts[row] = np.count_nonzero(here & visits.last & is_open), len(ended), converted
    return counts
