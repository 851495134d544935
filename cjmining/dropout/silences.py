"""The silences of customers, by the place where they stood; and what share goes on only after how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.engine.local import gather_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.intended import IntendedMap
    from cjmining.intended.model import Stage
    from cjmining.log import Block, JourneyLog

FEWEST_FOLLOWED = 20
"""A length of silence is looked at where it could have been seen of this many before the data end."""


ROUNDING = 1e-9
"""By which part a share may lie above another and still be the same: sums are no exact numbers."""


@dataclass(frozen=True)
class Watched:
    """Every silence that a goal or an exit, or a stated patience, did not rule out, in order of their ends.

    Attributes
    ----------
    journey, customer : int64[N]
        Number of the journey (cut by goals, exits and stated patiences), and the customer's.
    variant, stage : int32[N]
        Position in the map's `variants`, and the stage where the customer stood; -1 before the map.
    begun, ended : int64[N]
        From and to which length of the silence it was watched there, in microseconds.
    how : int8[N]
        What ended it, as in `kernels.silences`.
    room : int64[N]
        How long it could have been watched: from its start to the data end, in microseconds.
    """

    journey: NDArray[np.int64]
    customer: NDArray[np.int64]
    variant: NDArray[np.int32]
    stage: NDArray[np.int32]
    begun: NDArray[np.int64]
    ended: NDArray[np.int64]
    how: NDArray[np.int8]
    room: NDArray[np.int64]

    def at(self, places: NDArray[np.bool_]) -> Watched:
        """Return those at some places: bool[variants, 1 + stages], before the map first."""
        here = np.flatnonzero(places[self.variant, self.stage + 1])
        return replace(self, **{name: column[here] for name, column in vars(self).items()})


_VARIANT, _ENDED = 2, 5
"""Positions in `Watched`."""


def watch(log: JourneyLog, intended: IntendedMap, blocks: Sequence[Block] | None = None) -> Watched:
    """Return the silences of a log's customers, as if patience that is auto never ended.

    Parameters
    ----------
    log : JourneyLog
        With its touchpoints named; it is cut again.
    intended : IntendedMap
        The map, not settled.
    blocks : sequence of Block, optional
        Of the log as it is cut by the map without auto; by default its own. The result is the same.
    """
    log = log.split(without_auto(intended))
    variant = log.variant_of_journeys(intended)
    numbers = range(len(intended.variants))

    def watch_in(block: Block) -> list[NDArray[np.generic]]:
        parts = [_watch_in(log, intended, variant, number, block) for number in numbers]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    columns = gather_blocks(watch_in, log.blocks() if blocks is None else blocks, engine=log.engine)
    # Variant by variant, each in the order of its journeys: the same whatever the blocks.
    order = np.lexsort((columns[_VARIANT], columns[_ENDED]))
    in_order = []
    while columns:
        in_order.append(columns.pop()[order])
    return Watched(*in_order[::-1])


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
    log: JourneyLog, intended: IntendedMap, variant: NDArray[np.int32], number: int, block: Block
) -> tuple[NDArray[np.generic], ...]:
    """Return the columns of `Watched` for the journeys of a variant in a block."""
    from cjmining.kernels.silences import find_silences

    own = block.first_journey + np.flatnonzero(variant[block.journeys] == number)
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


class Tail(NamedTuple):
    """Which share of the journeys that go on after a silence do so only after how long.

    Attributes
    ----------
    length : int64[N]
        Lengths of silences, ascending, in microseconds.
    share : float64[N]
        Of the journeys that go on at all, those that do so after this length or later.
    """

    length: NDArray[np.int64]
    share: NDArray[np.float64]

    def later_than(self, patience_us: float) -> float:
        """Return the share that goes on too late for a patience: at its end, or after."""
        place = int(np.searchsorted(self.length, patience_us))
        return float(self.share[place]) if place < len(self.share) else 0.0

    def shortest(self, share: float) -> float:
        """Return the length that a patience must exceed so that at most `share` is too late; microseconds."""
        too_many = np.flatnonzero(self.share > share * (1 + ROUNDING))
        return float(self.length[too_many[-1]]) if len(too_many) else 0.0


@dataclass(frozen=True)
class Sample:
    """Silences at some places, ready to be looked at again and again under weights of customers.

    Attributes
    ----------
    watched : Watched
        In order of their ends.
    until_us : int
        The longest silence looked at: `within`, or what could have been seen of enough.
    beginnings : bool
        Whether coming back as if to begin is going on for sure.
    """

    watched: Watched
    until_us: int
    beginnings: bool

    @classmethod
    def of(cls, watched: Watched, within_us: int, *, beginnings: bool) -> Sample:
        """Find out for how long silences can be followed."""
        return cls(watched, min(within_us, _followed(watched)), beginnings)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many ended how: running, went on, came back, moved on, left."""
        return np.bincount(self.watched.how, minlength=5)

    @cached_property
    def returning_journeys(self) -> int:
        """How many journeys have a silence after which they went on."""
        return len(self._returning_by)

    @cached_property
    def surely(self) -> int:
        """How many silences ended by going on for sure."""
        return int(np.count_nonzero(self._goes_on))

    def of_some(self, most: int) -> Sample:
        """Return the silences of at most so many customers, the same in every run."""
        if self.n_customers <= most:
            return self
        customers = self._customers
        drawn = customers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing
        kept = np.isin(self.watched.customer, customers[np.argsort(drawn, kind="stable")[:most]])
        watched = replace(self.watched, **{name: column[kept] for name, column in vars(self.watched).items()})
        return replace(self, watched=watched)

    @cached_property
    def n_customers(self) -> int:
        """How many customers have a silence here."""
        return len(self._customers)

    def tail(self, replicate: int | None = None) -> Tail:
        """Return the tail of those who go on, or of one replicate of a bootstrap over customers."""
        from cjmining.kernels.silences import expect_goings_on, poisson_weights, tail_share

        by, customers = self._by, self._customers
        weight = (
            np.ones(len(customers), np.uint8) if replicate is None else poisson_weights(customers, replicate)
        )
        ended, how = self.watched.ended, self._how
        expected = expect_goings_on(*self._begun, ended, how, by, weight, self.until_us)
        return Tail(ended, tail_share(expected, ended, how, by, self._returning_by, weight, self.until_us))

    @cached_property
    def _customers(self) -> NDArray[np.int64]:
        """The customers who have a silence here, ascending; their numbers may be of any size."""
        return np.unique(self.watched.customer)

    @cached_property
    def _by(self) -> NDArray[np.int64]:
        """The position of each silence's customer in `_customers`."""
        return np.searchsorted(self._customers, self.watched.customer)

    @cached_property
    def _how(self) -> NDArray[np.int8]:
        from cjmining.kernels.silences import BEGAN, WENT_ON

        how = self.watched.how
        return np.where(how == BEGAN, np.int8(WENT_ON), how) if self.beginnings else how

    @cached_property
    def _goes_on(self) -> NDArray[np.bool_]:
        from cjmining.kernels.silences import MOVED, WENT_ON

        return np.isin(self._how, [WENT_ON, MOVED]) & (self.watched.ended <= self.until_us)

    @cached_property
    def _begun(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """From which length silences were watched, ascending, and whose they are; most from the start."""
        begun = self.watched.begun
        later = np.flatnonzero(begun)
        order = np.concatenate([np.flatnonzero(begun == 0), later[np.argsort(begun[later], kind="stable")]])
        return begun[order], self._by[order]

    @cached_property
    def _returning_by(self) -> NDArray[np.int64]:
        """The positions of the customers of the journeys that went on, a row a journey."""
        from cjmining.kernels.silences import BEGAN

        back = self._goes_on | ((self._how == BEGAN) & (self.watched.ended <= self.until_us))
        journeys = self.watched.journey[back]
        customer = np.full(journeys.max(initial=-1) + 1, -1)
        customer[journeys] = self._by[back]
        return customer[customer >= 0]


def _followed(watched: Watched) -> int:
    """Return the longest silence that could have been seen of enough, had they been as silent."""
    if len(watched.room) < FEWEST_FOLLOWED:
        return 0
    return int(np.partition(watched.room, -FEWEST_FOLLOWED)[-FEWEST_FOLLOWED])
