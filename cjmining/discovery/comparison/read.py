"""What two groups of journeys do, as units and hits of customers: the material of comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining.discovery.columns import SECOND
from cjmining.kernels.compare import Sums, Units, merge, sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cjmining.discovery.steps import Steps
    from cjmining.engine import kept as rows
    from cjmining.log import Block

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

START: Final = "(start)"
END: Final = "(end)"
"""What comes before the first step of a journey, and after the last."""

SHARES: Final = ("touchpoints", "transitions", "paths")
"""The tables that compare shares."""


class Sides(NamedTuple):
    """The journeys to compare.

    Attributes
    ----------
    side : int8[J]
        0 for the first group, 1 for the other, -1 for what is in neither.
    stratum : int64[J]
        In which stratum each journey is; all 0 without strata.
    n_strata : int
    is_open : bool[J], optional
        Journeys that go on after the data: no path of theirs has an end.
    """

    steps: Steps
    customer: Ints
    side: NDArray[np.int8]
    stratum: Ints
    n_strata: int = 1
    is_open: NDArray[np.bool_] | None = None

    def over(self, stratum: NDArray[np.integer], n_strata: int) -> Sides:
        """Return the same journeys in strata."""
        return self._replace(stratum=stratum.astype(np.int64), n_strata=n_strata)


class Kept(NamedTuple):
    """The compared journeys of a block, with or without steps.

    `journey` numbers, for each step, those journeys from 0; `first` and `last` mark where they begin and end,
    `goes_on` the last steps known of those that are open. `customer` and `slot` have a value a journey;
    customers are numbered from 0 as well.
    """

    code: Ints
    time: Ints
    journey: Ints
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]
    goes_on: NDArray[np.bool_]
    customer: Ints
    slot: Ints


class Hits(NamedTuple):
    """Which journey does what: a key of the table for each hit, and the time it takes in seconds."""

    journey: Ints
    key: Ints
    seconds: Floats | None = None


class Times(NamedTuple):
    """Every time of the chosen pairs: whose, of which pair (by its place among them), slot and seconds."""

    customer: Ints
    pair: Ints
    slot: Ints
    seconds: Floats

    def only(self, pairs: NDArray[np.bool_]) -> Times:
        """Return the times of some pairs, numbered anew."""
        mine = pairs[self.pair]
        number = np.cumsum(pairs) - 1
        return Times(self.customer[mine], number[self.pair[mine]], self.slot[mine], self.seconds[mine])


def kept(sides: Sides, block: Block) -> Kept:
    """Return the journeys of a block that are in one of the groups."""
    part = sides.steps.of_block(block)
    lengths = np.diff(part.bounds)
    chosen = sides.side[part.journeys] >= 0
    of_step = np.repeat(chosen, lengths)
    lengths = lengths[chosen]
    end, has_steps = np.cumsum(lengths), lengths > 0
    first, last = np.zeros((2, int(lengths.sum())), np.bool_)
    first[(end - lengths)[has_steps]] = True
    last[end[has_steps] - 1] = True
    is_open = np.zeros(len(sides.side), np.bool_) if sides.is_open is None else sides.is_open
    whose = sides.customer[part.journeys][chosen]
    slot = sides.side[part.journeys][chosen] * np.int64(sides.n_strata) + sides.stratum[part.journeys][chosen]
    return Kept(
        code=part.code[of_step].astype(np.int64),
        time=part.timestamp[of_step],
        journey=np.repeat(np.arange(len(lengths)), lengths),
        first=first,
        last=last,
        goes_on=last & np.repeat(is_open[part.journeys][chosen], lengths),
        customer=np.unique(whose, return_inverse=True)[1].astype(np.int64),
        slot=slot,
    )


def hits(found: Kept, table: str, n_names: int) -> Hits:
    """Return what the journeys hold, by table.

    Keys are the code of a touchpoint; code x names + code of a transition, one hit each time; and for paths
    those of three steps in a row over the names, the start and the end. A journey holds a touchpoint or a
    path once; what follows the last step of an open one isn't known.
    """
    if table == "transitions":
        leaves = np.flatnonzero(~found.last)
        key = found.code[leaves] * n_names + found.code[leaves + 1]
        return Hits(found.journey[leaves], key, (found.time[leaves + 1] - found.time[leaves]) / SECOND)
    if table == "touchpoints":
        return _once(found.journey, found.code)
    known = ~found.goes_on
    return _once(found.journey[known], _threes(found, n_names)[known])


"""Microseconds."""


def _threes(found: Kept, n_names: int) -> Ints:
    """Return the key of the three steps around each: the one before it, itself, the one after it."""
    size = n_names + 2
    before, after = np.full(len(found.code), n_names), np.full(len(found.code), n_names + 1)
    before[1:] = np.where(found.first[1:], n_names, found.code[:-1])
    after[:-1] = np.where(found.last[:-1], n_names + 1, found.code[1:])
    keys: Ints = (before * size + found.code) * size + after
    return keys


def path_names(keys: Ints, names: Sequence[str]) -> list[str]:
    """Write paths as texts: "(start) > ad > shop"."""
    size, words = len(names) + 2, (*names, START, END)
    threes = np.stack([keys // size // size, keys // size % size, keys % size], axis=1)
    return [" > ".join(words[code] for code in row) for row in threes.tolist()]


def _once(journey: Ints, key: Ints) -> Hits:
    keys, place = np.unique(key, return_inverse=True)  # small numbers, so that their product is one too
    both = np.unique(journey * max(len(keys), 1) + place)
    return Hits(both // max(len(keys), 1), keys[both % max(len(keys), 1)])


# first pass: which cells there are --------------------------------------------------------------------------


class Counts(NamedTuple):
    """Hits of the two groups, by key in ascending order: int64[cells, 2]."""

    key: Ints
    hits: Ints


def count(sides: Sides, block: Block) -> dict[str, Counts]:
    """Count the hits of both groups, by table."""
    found, n_names = kept(sides, block), len(sides.steps.names)
    return {table: _count(hits(found, table, n_names), found) for table in SHARES}


def _count(of: Hits, found: Kept) -> Counts:
    keys, place = np.unique(of.key, return_inverse=True)
    both = np.bincount(place * 2 + found.slot[of.journey], minlength=2 * len(keys))
    return Counts(keys, both.reshape(-1, 2).astype(np.int64))


def merge_counts(parts: Sequence[dict[str, Counts]]) -> dict[str, Counts]:
    """Add up the counts of blocks."""
    return {table: _merged([part[table] for part in parts]) for table in SHARES}


def _merged(parts: Sequence[Counts]) -> Counts:
    keys, place = np.unique(np.concatenate([part.key for part in parts]), return_inverse=True)
    total = np.zeros((len(keys), 2), np.int64)
    np.add.at(total, place, np.concatenate([part.hits for part in parts]))
    return Counts(keys, total)


# second pass: sums over customers ---------------------------------------------------------------------------


def sums_of_shares(sides: Sides, block: Block, chosen: dict[str, Ints]) -> dict[str, Sums]:
    """Sum up the chosen cells of each table of shares over the customers of a block.

    Touchpoints and paths are of journeys, transitions of those that leave the same touchpoint.
    """
    found, n_names = kept(sides, block), len(sides.steps.names)
    return {table: _sums(sides, found, table, chosen[table], n_names) for table in SHARES}


def _sums(sides: Sides, found: Kept, table: str, chosen: Ints, n_names: int) -> Sums:
    of = hits(found, table, n_names)
    cell, is_chosen = places(of.key, chosen)
    scope, n_scopes = np.zeros(len(chosen), np.int64), 1
    if table == "transitions":
        origins, scope = np.unique(chosen // n_names, return_inverse=True)
        n_scopes = max(len(origins), 1)
        origin, is_origin = places(of.key // n_names, origins)
        units = _units(found, of.journey[is_origin], origin[is_origin])
    else:
        journeys = np.arange(len(found.customer))
        units = _units(found, journeys, np.zeros(len(journeys), np.int64))
    mine = _units(found, of.journey[is_chosen], cell[is_chosen])
    return sums(units, mine, scope.astype(np.int64), n_scopes=n_scopes, n_slots=2 * sides.n_strata)


def _units(found: Kept, journey: Ints, of: Ints) -> Units:
    return Units(found.customer[journey], of, found.slot[journey])


def places(keys: Ints, chosen: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Return the place of each key among the chosen ones (ascending), and which are among them."""
    if not len(chosen):
        return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
    at = np.minimum(np.searchsorted(chosen, keys), len(chosen) - 1)
    return at, chosen[at] == keys


def merge_shares(parts: Sequence[dict[str, Sums]]) -> dict[str, Sums]:
    """Add up the sums of blocks."""
    return {table: merge([part[table] for part in parts]) for table in SHARES}


def times(sides: Sides, block: Block, pairs: Ints) -> Times:
    """Return every time between the two touchpoints of the chosen transitions."""
    found = kept(sides, block)
    of = hits(found, "transitions", len(sides.steps.names))
    pair, mine = places(of.key, pairs)
    journey = of.journey[mine]
    assert of.seconds is not None  # noqa: S101 -- transitions have them
    customer = found.customer[journey] + block.first_journey  # so that those of other blocks are others
    return Times(customer, pair[mine], found.slot[journey], of.seconds[mine])


TIMES: Final = {"customer": np.int64, "pair": np.int64, "slot": np.int64, "seconds": np.float64}


def times_of(kept: rows.Kept, pairs: slice) -> Times:
    """Return the kept times of some neighbouring pairs, numbered anew."""
    parts = []
    for piece in map(Times._make, kept.pieces(*Times._fields)):
        mine = (piece.pair >= pairs.start) & (piece.pair < pairs.stop)
        parts.append(Times(*(column[mine] for column in piece)))
    found = Times(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return found._replace(pair=found.pair - pairs.start)
