"""What each customer did, as sparse counts: how journeys begin, what follows what, how they end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from cjmining import grouping
from cjmining.discovery.outcomes import OPEN, outcomes_of
from cjmining.discovery.steps import STAYS, Steps
from cjmining.engine.alike import Alike, merge_alike
from cjmining.engine.kept import kept_for
from cjmining.engine.local import reduce_blocks
from cjmining.errors import LogError, nearest
from cjmining.kernels.mixture import (
    Counts,
    merge_equal,
    one_after_the_other,
    rows_of,
    transitions_of_customers,
)
from cjmining.log import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.steps import Part
    from cjmining.engine.kept import Kept
    from cjmining.intended import IntendedMap
    from cjmining.log import JourneyLog

    Ints = NDArray[np.int64]
    Codes = NDArray[np.int32]
    Floats = NDArray[np.float64]

START: Final = "(start)"
END: Final = "(end)"
MOST_GROUPS: Final = 100
"""More combinations of attributes than these would each be about too few customers."""


class Reading(NamedTuple):
    """How journeys are read: the same for the log that personas are found in and for one they are given to.

    Attributes
    ----------
    level, ignore, intended
        As `Steps.of` takes them.
    attributes : tuple of str
        What goes with the weights of personas.
    """

    level: str
    ignore: tuple[str, ...]
    intended: IntendedMap | None
    attributes: tuple[str, ...]


class Cells(NamedTuple):
    """The alternatives that customers had: cell i is `from_step[i]` followed by `to_step[i]`.

    Steps are codes over `names`; their number stands for the beginning in `from_step`, for the end in
    `to_step`. Cells are in order, so that those of one row (one `from_step`) lie together: row r has the
    cells from rows[r] to rows[r + 1] - 1.
    """

    names: tuple[str, ...]
    from_step: Ints
    to_step: Ints
    rows: Ints

    @classmethod
    def of(cls, names: tuple[str, ...], keys: Ints) -> Cells:
        """Make them of the keys that occur, rising."""
        from_step, to_step = np.divmod(keys, len(names) + 1)
        rows = np.concatenate([[0], np.flatnonzero(np.diff(from_step)) + 1, [len(keys)]])
        return cls(names, from_step, to_step, rows.astype(np.int64) if len(keys) else np.zeros(1, np.int64))

    @property
    def keys(self) -> Ints:
        """The keys of the cells, rising."""
        return self.from_step * (len(self.names) + 1) + self.to_step

    @property
    def free(self) -> int:
        """How many probabilities a persona has that aren't given by the others of their row."""
        return len(self.from_step) - (len(self.rows) - 1)


class Units(NamedTuple):
    """Customers (or journeys) with at least one step: who they are, and what they did.

    Most did what others did too, so that each different thing that units did is held once.

    Attributes
    ----------
    number : int64[U]
        Of the customer or the journey in the log.
    kind : int32[U]
        Which of the different things it did: its row in `did`.
    group : int32[U]
        The combination of attributes of the customer.
    did : Counts
        What different units did.
    """

    number: Ints
    kind: Codes
    group: Codes
    did: Counts

    def different(self) -> tuple[Counts, Ints]:
        """Return units that did the same and are of the same group as one, and which of these each is.

        They are in the order in which they first come.
        """
        n_groups = int(self.group.max(initial=0)) + 1
        known, pair = np.arange(len(self.did.weight)), self.kind
        if n_groups > 1:
            known, pair = np.unique(self.kind * np.int64(n_groups) + self.group, return_inverse=True)
        first = np.full(len(known), len(pair))
        first[pair[::-1]] = np.arange(len(pair))[::-1]  # of several, the last written stays
        order = np.argsort(first, kind="stable")[: int((first < len(pair)).sum())]
        place = np.empty_like(first)
        place[order] = np.arange(len(order))
        member = place[pair]
        kind, group = np.divmod(known[order], n_groups)
        weight = np.bincount(member, minlength=len(order)).astype(np.float64)
        return rows_of(self.did, kind)._replace(group=group.astype(np.int32), weight=weight), member

    def only(self, kept: NDArray[np.bool_]) -> Units:
        """Return some of them."""
        return self._replace(number=self.number[kept], kind=self.kind[kept], group=self.group[kept])


class Behaviour(NamedTuple):
    """The customers of a log with what they did, and the same by journey.

    `customers.number` are numbers of customers, `journeys.number` those of journeys; `customer_of` leads from
    a journey here to its customer here, and `ended` says of a journey whether it has an end; `notes` are
    those of `Steps`.
    """

    cells: Cells
    customers: Units
    journeys: Units
    customer_of: Ints
    ended: NDArray[np.bool_]
    groups: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def of_customers(self, kept: NDArray[np.bool_]) -> Behaviour:
        """Return the same cells with only some customers and their journeys."""
        mine = kept[self.customer_of]
        return self._replace(
            customers=self.customers.only(kept),
            journeys=self.journeys.only(mine),
            customer_of=(np.cumsum(kept) - 1)[self.customer_of[mine]],
            ended=self.ended[mine],
        )


def behaviour_of(log: JourneyLog, reading: Reading, *, known: Cells | None = None, verb: str) -> Behaviour:
    """Count what customers of a log did themselves.

    Parameters
    ----------
    log : JourneyLog
        Journeys tagged as open go on after the data: no end is counted for them.
    reading : Reading
    known : Cells, optional
        Of a model: what it never saw says nothing and is left out.
    verb : str
        What was called, for messages.
    """
    steps = Steps.of(log, level=reading.level, ignore=reading.ignore, intended=reading.intended, verb=verb)
    reader = _Reader(log, steps, _open_journeys(log))
    customers, journeys = reader.everything()
    if known is None:
        cells = Cells.of(steps.names, np.unique(customers.did.cell))
    else:
        cells = known
        customers, journeys = (_of_known(each, steps.names, known) for each in (customers, journeys))
    codes, groups = _groups(log, reading.attributes, customers.number)
    owner = np.searchsorted(customers.number, log.journey_customer[journeys.number])
    return Behaviour(
        cells,
        _in_cells(customers, cells)._replace(group=codes),
        _in_cells(journeys, cells)._replace(group=codes[owner]),
        owner,
        ~reader.is_open[journeys.number],
        groups,
        steps.notes,
    )


_UNIT: Final = {"number": np.int64, "kind": np.int32}


class _Reader(NamedTuple):
    """Reads a log."""

    log: JourneyLog
    steps: Steps
    is_open: NDArray[np.bool_]

    def everything(self) -> tuple[Units, Units]:
        """Return what customers and what journeys did, by keys in place of cells."""
        blocks = self.log.blocks() or [Block(0, 0, 0, 0)]
        kept = [kept_for(self.log, _UNIT, len(blocks)) for _ in ("customers", "journeys")]

        def of_block(block: Block) -> list[Alike[Counts]]:
            part = self._own(block)
            journey = np.arange(part.journeys.start, part.journeys.stop, dtype=np.int64)
            units = (self.log.journey_customer[part.journeys], journey)
            return [self._keep(block, part, *each) for each in zip(units, kept, strict=True)]

        found = reduce_blocks(of_block, _merged, blocks, engine=self.log.engine)
        customers, journeys = (_units(*each) for each in zip(found, kept, strict=True))
        return customers, journeys

    def _keep(self, block: Block, part: Part, unit: Ints, kept: Kept) -> Alike[Counts]:
        """Keep which units of a block did something, and return what they did."""
        bounds, key, times = transitions_of_customers(
            part.bounds, part.code, unit, self.is_open[part.journeys], len(self.steps.names)
        )
        new = np.ones(len(unit), np.bool_)
        new[1:] = unit[1:] != unit[:-1]
        some = np.diff(bounds) > 0
        number, bounds = unit[new][some], bounds[np.append(some, True)]
        nobody, ones = np.zeros(len(number), np.int32), np.ones(len(number))
        did, kind = merge_equal(Counts(bounds, key, times.astype(np.float64), nobody, ones))
        kept.put(block, {"number": number, "kind": kind})
        return Alike.of_block(did, len(did.weight), len(number))

    def _own(self, block: Block) -> Part:
        """Return the steps that customers took themselves; a stage is entered whoever did it."""
        part = self.steps.events_of(block)
        if self.steps.level != "stage":
            actors = self.log.vocabulary("actor")
            own = actors.index("customer") if "customer" in actors else -2
            part = part.only(self.log.codes("actor")[part.rows] == own)
        return part.stays() if self.steps.level in STAYS else part


def _merged(parts: list[list[Alike[Counts]]]) -> list[Alike[Counts]]:
    """Put together what customers and what journeys of several blocks did."""
    return [merge_alike(each, _equal) for each in zip(*parts, strict=True)]


def _equal(parts: list[Counts]) -> tuple[Counts, Ints]:
    return merge_equal(one_after_the_other(parts))


def _units(found: Alike[Counts], kept: Kept) -> Units:
    """Return the units of all blocks, by keys in place of cells."""
    kind = found.of_units(kept.column("kind"))
    return Units(kept.column("number"), kind, np.zeros(len(kind), np.int32), found.things)


def _open_journeys(log: JourneyLog) -> NDArray[np.bool_]:
    outcomes = outcomes_of(log)
    return np.zeros(log.n_journeys, np.bool_) if outcomes is None else outcomes == OPEN


def _of_known(units: Units, names: Sequence[str], known: Cells) -> Units:
    """Say the same with the keys of a model, and leave out what it doesn't know."""
    did, code = units.did, {name: number for number, name in enumerate(known.names)}
    size = len(known.names)
    place = np.array([*(code.get(name, -1) for name in names), size], np.int64)
    before, after = (place[each] for each in np.divmod(did.cell, len(names) + 1))
    key = before * (size + 1) + after
    kept = (before >= 0) & (after >= 0) & np.isin(key, known.keys)
    counted = np.concatenate([[0], np.cumsum(kept)])
    left = _sorted(did._replace(bounds=counted[did.bounds], cell=key[kept], times=did.times[kept]))
    did, same = merge_equal(left)
    kind = same[units.kind].astype(np.int32)
    return units._replace(kind=kind, did=did).only((np.diff(did.bounds) > 0)[kind])


def _sorted(did: Counts) -> Counts:
    """Put the keys of each in order again, so that what is equal looks alike."""
    unit = np.repeat(np.arange(len(did.weight)), np.diff(did.bounds))
    order = np.lexsort((did.cell, unit))
    return did._replace(cell=did.cell[order], times=did.times[order])


def _in_cells(units: Units, cells: Cells) -> Units:
    cell = np.searchsorted(cells.keys, units.did.cell).astype(np.int32)
    return units._replace(did=units.did._replace(cell=cell))


def _groups(log: JourneyLog, attributes: Sequence[str], customers: Ints) -> tuple[Codes, tuple[str, ...]]:
    """Return the combination of attributes that each customer has; one for all where none is asked for."""
    for name in attributes:
        if name not in log.attributes:
            raise LogError(
                f"customers have no attribute {name!r}{nearest(name, log.attributes)}; "
                f"they have {', '.join(log.attributes) or 'none'}"
            )
    if not attributes:
        return np.zeros(len(customers), np.int32), (grouping.EVERYBODY,)
    found = grouping.together([grouping.of_customers(log, name, customers) for name in attributes])
    if len(found.names) > MOST_GROUPS:
        raise LogError(
            f"the attributes {', '.join(attributes)} have {len(found.names):,} combinations, at most "
            f"{MOST_GROUPS} can be told apart: put their values into fewer groups first (cj.read_personas)"
        )
    return found.codes, found.names
