"""From journeys as codes to what is told of each variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.discovery.columns import SECOND, moments, names_of
from cjmining.discovery.outcomes import COLUMNS, CONVERTED, OPEN
from cjmining.discovery.summary import blocks_of
from cjmining.discovery.words import ARROW, NOTHING, unmistakable
from cjmining.engine.kept import keep_blocks
from cjmining.engine.local import map_blocks, reduce_blocks
from cjmining.errors import LogError
from cjmining.stats import wilson_of_clusters

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cjmining.discovery.steps import Steps
    from cjmining.kernels.histogram import Histogram
    from cjmining.kernels.sequences import Index
    from cjmining.kernels.sums import Sums
    from cjmining.kernels.variants import Variants as Sequences
    from cjmining.log import Block, JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Counted:
    """Different sequences by group, falling number of journeys, and steps; put in order when first asked for.

    Attributes
    ----------
    steps : Steps
        The journeys.
    group, groups
        The group of each journey, and the names of groups.
    found : kernels.variants.Variants
        The sequences, as they come in the log.
    log : JourneyLog
    blocks : list of Block
        Of the log.
    """

    steps: Steps
    group: Codes
    groups: tuple[str, ...]
    found: Sequences
    log: JourneyLog
    blocks: list[Block]
    _cache: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, log: JourneyLog, steps: Steps, by: str | Sequence[str] | None) -> Counted:
        """Count the sequences of a log."""
        return cls.of_groups(log, steps, *log.group(by))

    @classmethod
    def of_groups(cls, log: JourneyLog, steps: Steps, group: Codes, groups: tuple[str, ...]) -> Counted:
        """Count them by groups that are known already."""
        from cjmining.kernels import variants

        blocks = blocks_of(log)

        def steps_of(block: Block) -> tuple[Ints, Codes, Codes]:
            part = steps.of_block(block)
            return part.bounds, part.code, group[part.journeys]

        if log.memory_limit is None:
            found = variants.count_parts(map_blocks(steps_of, blocks))
        else:  # the steps of all blocks may be too much at once
            found = reduce_blocks(
                lambda block: variants.count(*steps_of(block)), variants.merge, blocks, engine=log.engine
            )
        return cls(steps, group, groups, found, log, blocks)

    @property
    def sequences(self) -> Sequences:
        """The sequences in order."""
        from cjmining.kernels import sequences

        if "sequences" not in self._cache:
            found = self.found
            order = sequences.ordered(
                found.bounds, found.codes, found.group.astype(np.int64), -found.journeys
            )
            self._cache["sequences"] = sequences.take(found, order)
        made: Sequences = self._cache["sequences"]
        return made

    def codes_of_groups(self) -> list[int]:
        """Return the codes of the groups that have journeys."""
        codes: list[int] = np.flatnonzero(np.bincount(self.found.group)).tolist()
        return codes

    def span(self, group: int) -> tuple[int, int]:
        """Return the first sequence of a group, and the one after its last."""
        first, last = np.searchsorted(self.sequences.group, [group, group + 1])
        return int(first), int(last)

    @property
    def rank(self) -> Ints:
        """The place of each sequence in its group, from 1."""
        group = self.sequences.group
        return np.arange(1, len(group) + 1) - np.searchsorted(group, group)

    def numbers(self) -> Ints:
        """Return the sequence of each journey."""
        from cjmining.kernels import sequences

        if "numbers" not in self._cache:
            steps, group, index = self.steps, self.group, self.index()

            def numbers_of(block: Block) -> list[dict[str, Ints]]:
                part = steps.of_block(block)
                return [{"number": sequences.numbers(index, part.bounds, part.code, group[part.journeys])}]

            (kept,) = keep_blocks(self.log, numbers_of, [{"number": np.int64}], self.blocks)
            self._cache["numbers"] = kept.column("number")
        numbers: Ints = self._cache["numbers"]
        return numbers

    def index(self) -> Index:
        """Return where each sequence is found again."""
        from cjmining.kernels import sequences

        if "index" not in self._cache:
            self._cache["index"] = sequences.index(self.sequences)
        index: Index = self._cache["index"]
        return index

    def find(self, variant: str | Sequence[str], group: int) -> int:
        """Return the sequence of a group that is named so or has these steps, -1 where none is."""
        from cjmining.kernels import sequences

        names = self.steps.names
        if isinstance(variant, str) and any(ARROW in name for name in names):
            first, last = self.span(group)
            here = np.arange(first, last)
            named = here[(texts(sequences.take(self.sequences, here), names) == variant).to_numpy()]
            if len(named) > 1:
                raise LogError(f"{len(named):,} variants are named {variant!r}: give the steps of one")
            return int(named[0]) if len(named) else -1
        if isinstance(variant, str):
            variant = () if variant == unmistakable(NOTHING, names) else variant.split(ARROW)
        if not set(variant) <= set(names):
            return -1
        codes = np.array([names.index(name) for name in variant], np.int32)
        bounds = np.array([0, len(codes)], np.int64)
        return int(sequences.numbers(self.index(), bounds, codes, np.array([group], np.int32))[0])


class Facts(NamedTuple):
    """What is known of each sequence beside its journeys."""

    times: Histogram
    elapsed: Ints
    customers: Ints
    first: Ints
    last: Ints
    ended: Ints | None
    decided: Ints | None


def facts_of(log: JourneyLog, counted: Counted, outcome: NDArray[np.int8] | None) -> Facts:
    """Gather the times, customers and outcomes of every sequence, block by block."""
    from cjmining.kernels import histogram, sums

    numbers, customer, steps = counted.numbers(), log.journey_customer, counted.steps
    n = len(counted.sequences.group)

    def summarise(block: Block) -> tuple[Histogram, Sums, Sums, Sums]:
        part = steps.of_block(block)
        number = numbers[part.journeys]
        some = np.flatnonzero(np.diff(part.bounds))
        elapsed = np.zeros(len(number), np.int64)
        elapsed[some] = part.timestamp[part.bounds[some + 1] - 1] - part.timestamp[part.bounds[some]]
        ended = np.full(len(number), -1, np.int8) if outcome is None else outcome[part.journeys]
        decided = (ended >= 0) & (ended != OPEN)
        whose = customer[part.journeys]
        counts = [ended == code for code in range(len(COLUMNS))]
        return (
            histogram.summarise_by(number, elapsed),
            sums.sum_by(number, elapsed, *counts),
            sums.sum_by_cluster(number, whose, np.zeros(len(number), np.int64)),
            sums.sum_by_cluster(number[decided], whose[decided], ended[decided] == CONVERTED),
        )

    def merge(parts: list[tuple[Histogram, Sums, Sums, Sums]]) -> tuple[Histogram, Sums, Sums, Sums]:
        times, *others = (list(column) for column in zip(*parts, strict=True))
        added, people, decided = map(sums.merge, others)
        return histogram.merge(times), added, people, decided

    times, added, people, decided = reduce_blocks(summarise, merge, counted.blocks, engine=counted.log.engine)
    total = _spread(added, n)
    first, last = _seen(numbers, log.timestamps[log.bounds[:-1]], n)
    return Facts(
        times=times,
        elapsed=total[:, 0],
        customers=_spread(people, n)[:, 2],
        first=first,
        last=last,
        ended=None if outcome is None else total[:, 1:],
        decided=None if outcome is None else _spread(decided, n),
    )


def rows_of(counted: Counted, facts: Facts, chosen: Ints) -> pd.DataFrame:
    """Return what is told of some sequences, in this order."""
    import pandas as pd

    from cjmining.kernels import histogram, sequences

    here = sequences.take(counted.sequences, chosen)
    steps = np.diff(here.bounds)
    of_group = np.bincount(
        counted.sequences.group, weights=counted.sequences.journeys, minlength=len(counted.groups)
    )
    times = histogram.quantiles(facts.times, chosen, (0.5, 0.9)) / SECOND
    times[steps == 0] = np.nan
    table = pd.DataFrame(
        {
            "by": names_of(counted.groups, here.group),
            "rank": counted.rank[chosen],
            "variant": texts(here, counted.steps.names),
            "journeys": here.journeys,
            "customers": facts.customers[chosen],
            "share_of_journeys": here.journeys / of_group[here.group],
            "cumulative_share": _running(counted)[chosen] / of_group[here.group],
            "steps": steps,
            "median_s": times[:, 0],
            "p90_s": times[:, 1],
            "mean_s": np.where(steps > 0, facts.elapsed[chosen] / here.journeys / SECOND, np.nan),
            "first_seen": moments(facts.first[chosen]),
            "last_seen": moments(facts.last[chosen]),
        }
    )
    if facts.ended is None or facts.decided is None:
        return table
    return table.assign(**ending(facts.ended[chosen], facts.decided[chosen]))


def ending(ended: Ints, decided: Ints) -> dict[str, Any]:
    """Return the columns that say how journeys ended, from counts by outcome and sums over customers.

    Parameters
    ----------
    ended : int64[N, 4]
        Journeys by outcome.
    decided : int64[N, 6]
        The columns of `kernels.sums.sum_by_cluster` for those decided, hits being conversions.
    """
    kinds, place = np.unique(decided, axis=0, return_inverse=True)
    shares = np.array(
        [wilson_of_clusters(hits, n, (hh, hn, nn)) for n, hits, _, hh, hn, nn in kinds.tolist()]
    ).reshape(-1, 3)[place.reshape(-1)]
    return {
        **{name: ended[:, code] for code, name in enumerate(COLUMNS)},
        "converted_share_of_decided": shares[:, 0],
        "lower": shares[:, 1],
        "upper": shares[:, 2],
    }


def texts(sequences: Sequences, names: Sequence[str]) -> pd.Series[str]:
    """Return the names of sequences: steps joined by " > "."""
    import pyarrow as pa
    import pyarrow.compute as pc

    words = pa.array(names, pa.large_string())
    steps = pa.LargeListArray.from_arrays(sequences.bounds, words.take(pa.array(sequences.codes)))
    joined = pc.binary_join(steps, pa.scalar(ARROW, pa.large_string()))
    named: pd.Series[str] = joined.to_pandas().astype("str")
    return named.where(np.diff(sequences.bounds) > 0, unmistakable(NOTHING, names))


def customers_by(key: Ints, customer: Ints, n: int) -> Ints:
    """Return how many different customers each of n keys has; those of one customer lie together."""
    from cjmining.kernels.sums import sum_by_cluster

    return _spread(sum_by_cluster(key, customer, np.zeros(len(key), np.int64)), n)[:, 2]


def _running(counted: Counted) -> Ints:
    """Journeys of each sequence and those before it in its group."""
    running = np.concatenate([[0], np.cumsum(counted.sequences.journeys)])
    group = counted.sequences.group
    of_group: Ints = running[1:] - running[np.searchsorted(group, group)]
    return of_group


def _spread(sums: Sums, n: int) -> Ints:
    """Return the sums with a row for each of n keys."""
    rows = np.zeros((n, sums.totals.shape[1]), np.int64)
    rows[sums.key] = sums.totals
    return rows


def _seen(numbers: Ints, start: Ints, n: int) -> tuple[Ints, Ints]:
    first, last = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    np.minimum.at(first, numbers, start)
    np.maximum.at(last, numbers, start)
    return first, last
