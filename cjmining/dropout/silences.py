"""The silences of customers, by the place where they stood; and what share goes on only after how long.

There are more silences than journeys, and a log that is larger than memory has more than fit into it. So they
are kept by block, and read piece by piece: once to count, then for one place after the other. Of all that a
place has, one number a silence is held, and only while the place is looked at; of some customers everything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.engine.kept import keep_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.engine.kept import Kept
    from cjmining.intended import IntendedMap
    from cjmining.intended.model import Stage
    from cjmining.log import Block, JourneyLog

FEWEST_FOLLOWED = 20
"""A length of silence is looked at where it could have been seen of this many before the data end."""

ROUNDING = 1e-9
"""By which part a share may lie above another and still be the same: sums are no exact numbers."""

COLUMNS = {
    "journey": np.int64,
    "customer": np.int64,
    "variant": np.int32,
    "stage": np.int32,
    "begun": np.int64,
    "ended": np.int64,
    "how": np.int8,
    "room": np.int64,
}
"""What is kept of each silence that a goal or an exit, or a stated patience, did not rule out.

Number of the journey (cut by goals, exits and stated patiences) and its customer; position in the map's
`variants`, and the stage where the customer stood, -1 before the map; from and to which length of the silence
it was watched there; what ended it, as in `kernels.silences`; how long it could have been watched, from its
start to the data end. Lengths are in microseconds. A customer's silences lie together, as do a journey's.
"""


def watch(log: JourneyLog, intended: IntendedMap, blocks: Sequence[Block] | None = None) -> Kept:
    """Return the silences of a log's customers, as if patience that is auto never ended.

    Parameters
    ----------
    log : JourneyLog
        With its touchpoints named; it is cut again.
    intended : IntendedMap
        The map, not settled.
    blocks : sequence of Block, optional
        Of the log as it is cut by the map without auto; by default its own. The silences are the same.

    Returns
    -------
    Kept
        With the columns `COLUMNS`.
    """
    log = log.split(without_auto(intended))
    numbers = range(len(intended.variants))
    variant = log.variant_of_journeys(intended) if len(numbers) > 1 else None

    def watch_in(block: Block) -> list[dict[str, NDArray[Any]]]:
        parts = [_watch_in(log, intended, variant, number, block) for number in numbers]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return [dict(zip(COLUMNS, columns, strict=True))]

    (watched,) = keep_blocks(log, watch_in, [COLUMNS], log.blocks() if blocks is None else blocks)
    return watched


def without_auto(intended: IntendedMap) -> IntendedMap:
    """Return the map with never in place of auto."""
    return replace(
        intended,
        patience=None if intended.patience == "auto" else intended.patience,
        stages=_without_auto(intended.stages),
        personas=tuple(replace(one, stages=_without_auto(one.stages)) for one in intended.personas),
    )


def _without_auto(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    return tuple(replace(one, patience="never") if one.patience == "auto" else one for one in stages)


def _watch_in(
    log: JourneyLog, intended: IntendedMap, variant: NDArray[np.int32] | None, number: int, block: Block
) -> tuple[NDArray[Any], ...]:
    """Return the columns `COLUMNS` for the journeys of a variant in a block."""
    from cjmining.kernels.silences import find_silences

    own = np.arange(block.first_journey, block.last_journey)
    if variant is not None:
        own = own[variant[block.journeys] == number]
    rules = without_auto(intended.variants[number]).walk_rules(
        log.vocabulary("touchpoint"), log.vocabulary("actor")
    )
    events = block.events
    journey, stage, begun, ended, how, room = find_silences(
        log.bounds[own] - block.first_event,
        log.bounds[own + 1] - block.first_event,
        log.timestamps[events],
        log.codes("touchpoint")[events],
        log.codes("actor")[events],
        log.flags("failed")[events],
        rules,
        log.data_end_us,
    )
    whose = own[journey]
    of_variant = np.full(len(journey), number, np.int32)
    return whose, log.journey_customer[whose], of_variant, stage, begun, ended, how, room


# What can be counted --------------------------------------------------------------------------------------


@dataclass
class Counted:
    """What the silences at some places come to before any length is looked at.

    Attributes
    ----------
    places : bool[variants, 1 + stages]
        Which places they are, before the map first.
    most : int
        How many customers are drawn at most.
    counts : int64[5]
        How many ended how: running, went on, came back, moved on, left.
    n_customers : int
        How many customers have a silence here.
    """

    places: NDArray[np.bool_]
    most: int
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(5, np.int64))
    n_customers: int = 0
    _rooms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    _lots: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))

    def add(self, customer: NDArray[np.int64], how: NDArray[np.int8], room: NDArray[np.int64]) -> None:
        """Count further silences, of other customers."""
        self.counts += np.bincount(how, minlength=len(self.counts))
        self._rooms = -_least(np.concatenate([-self._rooms, -room]), FEWEST_FOLLOWED)
        customers = customer[_first_of_each(customer)]
        self.n_customers += len(customers)
        drawn = customers[self.draws(customers)]
        self._lots = _least(np.concatenate([self._lots, _lots(drawn)]), self.most)

    @property
    def n(self) -> int:
        """How many silences there are."""
        return int(self.counts.sum())

    @property
    def followed_us(self) -> int:
        """The longest silence that could have been seen of enough, had they been as silent."""
        return int(self._rooms.min()) if len(self._rooms) == FEWEST_FOLLOWED else 0

    def draws(self, customers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say who of these is drawn, with those counted so far: the same in every run."""
        if len(self._lots) < self.most:
            return np.ones(len(customers), np.bool_)
        drawn: NDArray[np.bool_] = _lots(customers) <= self._lots.max()
        return drawn


def count(watched: Kept, places: Sequence[NDArray[np.bool_]], most: int) -> list[Counted]:
    """Count the silences at each of some sets of places, and draw at most so many of their customers."""
    found = [Counted(each, most) for each in places]
    for variant, stage, *columns in watched.pieces("variant", "stage", "customer", "how", "room"):
        for each in found:
            here = each.places[variant, stage + 1]
            each.add(*(column[here] for column in columns))
    return found


def _least(values: NDArray[Any], number: int) -> NDArray[Any]:
    """Return so many of the least values, or all where there are fewer; in any order."""
    return values if len(values) <= number else np.partition(values, number - 1)[:number]


def _first_of_each(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say where a value stands first, of values of which equal ones lie together."""
    first = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return first


def _lots(customers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a number for each customer that no other has, whatever their order: the least are drawn."""
    return customers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing


# What is estimated ----------------------------------------------------------------------------------------


class SomeSilences(NamedTuple):
    """Some of the silences at a place: columns of `COLUMNS`."""

    journey: NDArray[np.int64]
    customer: NDArray[np.int64]
    begun: NDArray[np.int64]
    ended: NDArray[np.int64]
    how: NDArray[np.int8]

    def only(self, keep: NDArray[np.bool_]) -> SomeSilences:
        """Return some of them."""
        columns: list[NDArray[Any]] = [column[keep] for column in self]
        return SomeSilences(*columns)

    def go_on(self, until_us: int) -> NDArray[np.bool_]:
        """Say which ended by going on for sure, and not too late to be looked at."""
        from cjmining.kernels.silences import MOVED, WENT_ON

        surely: NDArray[np.bool_] = (self.how == WENT_ON) | (self.how == MOVED)
        return surely & (self.ended <= until_us)

    def returning(self, until_us: int) -> NDArray[np.int64]:
        """Return the row of one silence of each journey that went on, or came back as if to begin."""
        from cjmining.kernels.silences import BEGAN

        back = np.flatnonzero(self.go_on(until_us) | ((self.how == BEGAN) & (self.ended <= until_us)))
        return back[_first_of_each(self.journey[back])]


class Tail(NamedTuple):
    """Which share of the journeys that go on after a silence do so only after how long.

    Attributes
    ----------
    ends : int64[N]
        Lengths of silences and what ended them, as from `kernels.silences.ends_of`, ascending.
    share : float64[N]
        Of the journeys that go on at all, those that do so after this length or later: it never rises.
    """

    ends: NDArray[np.int64]
    share: NDArray[np.float64]

    def later_than(self, patience_us: float) -> float:
        """Return the share that goes on too late for a patience: at its end, or after."""
        from cjmining.kernels.silences import least_end

        # a number of another kind would have all lengths copied
        place = int(np.searchsorted(self.ends, np.int64(least_end(math.ceil(patience_us)))))
        return float(self.share[place]) if place < len(self.share) else 0.0

    def shortest(self, share: float) -> float:
        """Return the length that a patience must exceed so that at most `share` is too late; microseconds."""
        from cjmining.kernels.silences import length_of

        too_many = np.count_nonzero(self.share > share * (1 + ROUNDING))
        return float(length_of(self.ends[too_many - 1])) if too_many else 0.0


_NOBODY = np.empty(0, np.int64)
_ONCE = np.empty(0, np.uint8)
"""In place of customers and their weights where each silence counts once."""


@dataclass(frozen=True)
class Everyone:
    """All silences at some places, looked at once.

    Attributes
    ----------
    ends : int64[N]
        How long they lasted and what ended them, as from `kernels.silences.ends_of`, ascending.
    begun : int64[L]
        From which length those were watched that were not watched from their start, ascending.
    surely : int
        How many ended by going on for sure.
    journeys : int
        How many journeys have a silence after which they went on.
    until_us : int
        The longest silence looked at.
    """

    ends: NDArray[np.int64]
    begun: NDArray[np.int64]
    surely: int
    journeys: int
    until_us: int

    def tail(self) -> Tail:
        """Return the tail of those who go on."""
        return _tail(self.ends, _NOBODY, self.begun, _NOBODY, _ONCE, self.journeys, self.until_us)


@dataclass(frozen=True)
class Sample:
    """The silences of some customers, ready to be looked at again and again under weights of these.

    Attributes
    ----------
    silences : SomeSilences
        In any order, but that a journey's lie together.
    until_us : int
        The longest silence looked at.
    """

    silences: SomeSilences
    until_us: int

    def tail(self, replicate: int | None = None) -> Tail:
        """Return the tail of those who go on, or of one replicate of a bootstrap over customers."""
        from cjmining.kernels.silences import poisson_weights

        number = len(self.customers)
        weight = (
            np.ones(number, np.uint8) if replicate is None else poisson_weights(self.customers, replicate)
        )
        journeys = int(weight[self._returning_by].sum(dtype=np.int64))
        return _tail(*self._ends, *self._begun, weight, journeys, self.until_us)

    @cached_property
    def customers(self) -> NDArray[np.int64]:
        """The customers who have a silence here, ascending; their numbers may be of any size."""
        return np.unique(self.silences.customer)

    @cached_property
    def _by(self) -> NDArray[np.int64]:
        """The position of each silence's customer in `customers`."""
        return np.searchsorted(self.customers, self.silences.customer)

    @cached_property
    def _ends(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How long silences lasted and what ended them, ascending, and whose they are."""
        from cjmining.kernels.silences import ends_of

        ends = ends_of(self.silences.ended, self.silences.how)
        order = np.lexsort((self._by, ends))  # the same sums in the same order, whatever the blocks
        return ends[order], self._by[order]

    @cached_property
    def _begun(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """From which length silences were watched that were not so from their start, and whose they are."""
        begun = self.silences.begun
        later = np.flatnonzero(begun)
        order = later[np.argsort(begun[later], kind="stable")]
        return begun[order], self._by[order]

    @cached_property
    def _returning_by(self) -> NDArray[np.int64]:
        """The positions of the customers of the journeys that went on, a row a journey."""
        return self._by[self.silences.returning(self.until_us)]


def _tail(
    ends: NDArray[np.int64],
    by: NDArray[np.int64],
    begun: NDArray[np.int64],
    begun_by: NDArray[np.int64],
    weight: NDArray[np.uint8],
    journeys: int,
    until_us: int,
) -> Tail:
    from cjmining.kernels.silences import expect_goings_on, tail_share

    expected = expect_goings_on(ends, by, begun, begun_by, weight, until_us)
    return Tail(ends, tail_share(expected, ends, by, weight, journeys, until_us))


def read_at(watched: Kept, counted: Counted, within_us: int, *, beginnings: bool) -> tuple[Everyone, Sample]:
    """Read the silences at some places: one number of each, and those of the customers drawn in full.

    Parameters
    ----------
    watched : Kept
        From `watch`.
    counted : Counted
        What these places come to.
    within_us : int
        The longest silence looked at, where so long a one can be followed.
    beginnings : bool
        Whether coming back as if to begin is going on for sure.
    """
    from cjmining.kernels.silences import ends_of

    until_us = min(within_us, counted.followed_us)
    ends = np.empty(counted.n, np.int64)  # filled piece by piece: joining pieces would hold them twice
    filled, surely, journeys = 0, 0, 0
    begun, drawn = [], []
    for some in _silences_at(watched, counted.places, beginnings=beginnings):
        ends[filled : filled + len(some.how)] = ends_of(some.ended, some.how)
        filled += len(some.how)
        surely += int(np.count_nonzero(some.go_on(until_us)))
        journeys += len(some.returning(until_us))
        begun.append(some.begun[some.begun > 0])
        drawn.append(some.only(counted.draws(some.customer)))
    ends.sort()
    everyone = Everyone(ends, np.sort(np.concatenate(begun)), surely, journeys, until_us)
    return everyone, Sample(SomeSilences(*map(np.concatenate, zip(*drawn, strict=True))), until_us)


def _silences_at(watched: Kept, places: NDArray[np.bool_], *, beginnings: bool) -> Iterator[SomeSilences]:
    from cjmining.kernels.silences import BEGAN, WENT_ON

    for variant, stage, *columns in watched.pieces("variant", "stage", *SomeSilences._fields):
        here = places[variant, stage + 1]
        some = SomeSilences(*(column[here] for column in columns))
        if beginnings:
            some = some._replace(how=np.where(some.how == BEGAN, np.int8(WENT_ON), some.how))
        yield some
