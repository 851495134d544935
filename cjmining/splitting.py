"""Where a map cuts customers' events into journeys."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cjmining.blocks import Block

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from cjmining.kernels.outcomes import WalkRules
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]


class Splits(Protocol):
    """What `split` needs of an intended map."""

    @property
    def name(self) -> str:
        """The map's name."""
        ...

    @property
    def variants(self) -> Sequence[Splits]:
        """The map itself, then the maps of personas that differ from it."""
        ...

    def variant_of(self, customers: pa.Table) -> Codes:
        """Which of the variants holds for each row."""
        ...

    def walk_rules(self, vocabulary: Sequence[str], actors: Sequence[str]) -> WalkRules:
        """What the map says of each touchpoint code."""
        ...


def bounds(log: JourneyLog, whole: JourneyLog, intended: Splits) -> Ints:
    """Return the bounds of the journeys that a map makes; `whole` is the log with all of a customer as one.

    Split is by the rules of every variant; each customer's journeys are taken from those of their own.
    """
    rules, variant = _rules_of_variants(log, intended), intended.variant_of(log._customers)
    blocks = [Block(0, whole.n_journeys, 0, log.n_events)] if log.memory_limit is None else whole.blocks()
    begins = [_begins_in(whole, block, rules, variant) for block in blocks]
    return np.concatenate([*begins, np.array([log.n_events], np.int64)])


def digest(log: JourneyLog, intended: Splits) -> str:
    """Return a fingerprint of what a map says about a log's touchpoints, for whom."""
    rules = _rules_of_variants(log, intended)
    parts = [np.asarray(part).tobytes() for one in rules for part in one]
    if len(rules) > 1:
        parts.append(intended.variant_of(log._customers).tobytes())
    return hashlib.sha256(b"|".join(parts)).hexdigest()


def _rules_of_variants(log: JourneyLog, intended: Splits) -> list[WalkRules]:
    words, actors = log.vocabulary("touchpoint"), log.vocabulary("actor")
    return [variant.walk_rules(words, actors) for variant in intended.variants]


def _begins_in(whole: JourneyLog, block: Block, rules: Sequence[WalkRules], variant: Codes) -> Ints:
    """Return the events of a block at which journeys begin; those that a source names are not cut."""
    from cjmining.kernels.outcomes import segment

    events, own_bounds = block.events, block.own_bounds(whole.bounds)
    free = whole._splittable_of(block.journeys)
    times = whole.timestamps[events]
    codes = whole.codes("touchpoint")[events], whole.codes("actor")[events], whole.flags("failed")[events]
    cuts = [segment(own_bounds, free, times, *codes, one, whole.data_end_us) for one in rules]
    begins = [own[:-1] for own in cuts]
    if len(rules) > 1:
        of_event = variant[whole._customer_rows(whole.event_customers[events])]
        begins = [own[of_event[own] == number] for number, own in enumerate(begins)]
    return np.sort(np.concatenate(begins)) + block.first_event
