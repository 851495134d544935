"""What each customer did, as sparse counts: how journeys begin, what follows what, how they end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cjmining import grouping
from cjmining.discovery.outcomes import OPEN, outcomes_of
from cjmining.discovery.steps import STAYS, Steps
from cjmining.engine.local import gather_blocks
from cjmining.errors import LogError, nearest
from cjmining.kernels.mixture import Counts, transitions_of_customers
from cjmining.log import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cjmining.discovery.steps import Part
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
    """Customers (or journeys) with at least one step: who they are, and what they did."""

    number: Ints
    counts: Counts


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
            customers=_only(self.customers, kept),
            journeys=_only(self.journeys, mine),
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
        cells = Cells.of(steps.names, np.unique(customers.key))
    else:
        cells = known
        customers, journeys = (_of_known(each, steps.names, known) for each in (customers, journeys))
    codes, groups = _groups(log, reading.attributes, customers.number)
    owner = np.searchsorted(customers.number, log.journey_customer[journeys.number])
    return Behaviour(
        cells,
        _units(customers, cells, codes),
        _units(journeys, cells, codes[owner]),
        owner,
        ~reader.is_open[journeys.number],
        groups,
        steps.notes,
    )


class _Keys(NamedTuple):
    """Units with the keys of what they did; the keys of unit i are those from bounds[i] to bounds[i + 1]."""

    number: Ints
    bounds: Ints
    key: Ints
    times: Ints

    @classmethod
    def of(cls, number: Ints, lengths: Ints, key: Ints, times: Ints) -> _Keys:
        """Return units in whose `columns` these are."""
        return cls(number, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), key, times)

    def columns(self) -> tuple[Ints, Codes, Ints, Codes]:
        """Return the same as columns that can be put together: with lengths in place of bounds."""
        lengths = np.diff(self.bounds).astype(np.int32)
        return self.number, lengths, self.key, self.times.astype(np.int32)

    def filled(self) -> _Keys:
        """Leave out the units that did nothing."""
        some = np.diff(self.bounds) > 0
        return self._replace(number=self.number[some], bounds=self.bounds[np.append(some, True)])


class _Reader(NamedTuple):
    """Reads a log."""

    log: JourneyLog
    steps: Steps
    is_open: NDArray[np.bool_]

    def everything(self) -> tuple[_Keys, _Keys]:
        """Return what customers and what journeys did."""
        blocks = self.log.blocks() or [Block(0, 0, 0, 0)]
        columns = gather_blocks(self._of_block, blocks, engine=self.log.engine)
        journeys = _Keys.of(*columns[4:])
        del columns[4:]
        return _Keys.of(*columns), journeys

    def _of_block(self, block: Block) -> tuple[NDArray[Any], ...]:
        part = self._own(block)
        customer = self.log.journey_customer[part.journeys]
        journey = np.arange(part.journeys.start, part.journeys.stop, dtype=np.int64)
        return (*self._keys(part, customer).columns(), *self._keys(part, journey).columns())

    def _keys(self, part: Part, unit: Ints) -> _Keys:
        found = transitions_of_customers(
            part.bounds, part.code, unit, self.is_open[part.journeys], len(self.steps.names)
        )
        new = np.ones(len(unit), np.bool_)
        new[1:] = unit[1:] != unit[:-1]
        return _Keys(unit[new], *found).filled()

    def _own(self, block: Block) -> Part:
        """Return the steps that customers took themselves; a stage is entered whoever did it."""
        part = self.steps.events_of(block)
        if self.steps.level != "stage":
            actors = self.log.vocabulary("actor")
            own = actors.index("customer") if "customer" in actors else -2
            part = part.only(self.log.codes("actor")[part.rows] == own)
        return part.stays() if self.steps.level in STAYS else part


def _open_journeys(log: JourneyLog) -> NDArray[np.bool_]:
    outcomes = outcomes_of(log)
    return np.zeros(log.n_journeys, np.bool_) if outcomes is None else outcomes == OPEN


def _of_known(units: _Keys, names: Sequence[str], known: Cells) -> _Keys:
    """Say the same with the codes of a model, and leave out what it doesn't know."""
    code = {name: number for number, name in enumerate(known.names)}
    size = len(known.names)
    place = np.array([*(code.get(name, -1) for name in names), size], np.int64)
    before, after = (place[each] for each in np.divmod(units.key, len(names) + 1))
    key = before * (size + 1) + after
    kept = (before >= 0) & (after >= 0) & np.isin(key, known.keys)
    key = np.where(kept, key, -1)
    counted = np.concatenate([[0], np.cumsum(kept)])
    return _sorted(_Keys(units.number, counted[units.bounds], key[kept], units.times[kept])).filled()


def _sorted(units: _Keys) -> _Keys:
    """Put each unit's keys in order again, so that equal units look alike."""
    unit = np.repeat(np.arange(len(units.number)), np.diff(units.bounds))
    order = np.lexsort((units.key, unit))
    return units._replace(key=units.key[order], times=units.times[order])


def _units(keys: _Keys, cells: Cells, group: Codes) -> Units:
    cell = np.searchsorted(cells.keys, keys.key).astype(np.int32)
    ones = np.ones(len(keys.number))
    return Units(keys.number, Counts(keys.bounds, cell, keys.times.astype(np.float64), group, ones))


def _only(units: Units, kept: NDArray[np.bool_]) -> Units:
    counts = units.counts
    lengths = np.diff(counts.bounds)
    places = np.repeat(kept, lengths)
    bounds = np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int64)
    chosen = Counts(
        bounds, counts.cell[places], counts.times[places], counts.group[kept], counts.weight[kept]
    )
    return Units(units.number[kept], chosen)


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
