"""When each journey entered each place of the map, and how it ended: what estimates of drop-out read."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cjmining.schema import BEFORE_THE_MAP, OUTCOMES
from cjmining.tables import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from cjmining.conformance import Conformance
    from cjmining.conformance.reading import Part, Reading
    from cjmining.engine.kept import Kept
    from cjmining.log import Block

FOREVER = 1 << 61
"""When a journey goes on that never does, in microseconds since 1970."""

CONVERTED, DROPPED, TURNED_AWAY, OPEN = range(len(OUTCOMES))
PLACES = ("stage", "touchpoint")


@dataclass(frozen=True)
class Entries:
    """One row a journey and place that it entered, up to its decision, in order of journey and time.

    Attributes
    ----------
    at : str
        What a place is: "stage" or "touchpoint".
    names : tuple of (str, str)
        Stage and touchpoint ("" for stages) of each place; place 0 is before the map.
    data_end : int
        Microseconds since 1970.
    journey, customer : int64[E]
        Number of the journey in the log, and its customer.
    place : int32[E]
        Position in `names`.
    event : int64[E]
        Row in the log of the event that entered the place.
    entered_at : int64[E]
        Microseconds since 1970.
    gone_on_at : int64[E]
        When it first entered a later stage (at touchpoints: another one, or the goal); `FOREVER` if never.
    end : int8[E]
        How the journey ended: 0 converted, 1 dropped, 2 turned away, 3 open.
    here : bool[E]
        Whether it ended at this place, or stands there.
    ended_at : int64[E]
        Microseconds since 1970: the moment of the decision, the data end where the journey is open.
    turn : int8[E]
        Whose turn it was at the end: -1 nobody's, 0 the customer's, 1 the company's.
    patience_us : int64[E]
        Patience at the place in microseconds; -1 is never.
    inside : bool[E]
        Whether the journey surely began inside the time that the log observes, see `begun_inside`.
    """

    at: str
    names: tuple[tuple[str, str], ...]
    data_end: int
    journey: NDArray[np.int64]
    customer: NDArray[np.int64]
    place: NDArray[np.int32]
    event: NDArray[np.int64]
    entered_at: NDArray[np.int64]
    gone_on_at: NDArray[np.int64]
    end: NDArray[np.int8]
    here: NDArray[np.bool_]
    ended_at: NDArray[np.int64]
    turn: NDArray[np.int8]
    patience_us: NDArray[np.int64]
    inside: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.journey)

    def only(self, keep: NDArray[Any]) -> Entries:
        """Return some of the rows, by a mask or by their numbers."""
        arrays = {field.name: getattr(self, field.name)[keep] for field in fields(self)[3:]}
        return replace(self, **arrays)

    def followed(self, horizon_us: int) -> NDArray[np.bool_]:
        """Say which were entered at least the horizon before the data end.

        That is enough to know which dropped out within it: a silence is dated when patience is over.
        """
        followed: NDArray[np.bool_] = self.entered_at + horizon_us <= self.data_end
        return followed

    def mature(self, horizon_us: int) -> NDArray[np.bool_]:
        """Say which were entered at least the horizon and patience before the data end.

        A patience that never ends counts as none: who waits there never drops out by silence.
        """
        patience = np.maximum(self.patience_us, 0)
        mature: NDArray[np.bool_] = self.entered_at + horizon_us + patience <= self.data_end
        return mature

    def dropped_soon(self, horizon_us: int) -> NDArray[np.bool_]:
        """Say which dropped out at this place within the horizon of entering it."""
        soon: NDArray[np.bool_] = self.here & (self.end == DROPPED)
        return soon & (self.ended_at - self.entered_at <= horizon_us)


@dataclass(frozen=True)
class Listed:
    """The entries of all journeys, block by block: in memory, or in files where the log has a memory limit.

    Attributes
    ----------
    at, names, data_end
        As in `Entries`.
    kept : Kept
        The columns `_COLUMNS`.
    at_once : bool
        Whether all places may be looked at together: the log has no limit of memory.
    customer : int64[J]
        Whose each journey is.
    turn : int8[J]
        Whose turn it was at the end of each journey, as in `Entries`.
    inside : bool[J]
        Which journeys surely began inside the time that the log observes.
    """

    at: str
    names: tuple[tuple[str, str], ...]
    data_end: int
    kept: Kept
    at_once: bool
    customer: NDArray[np.int64]
    turn: NDArray[np.int8]
    inside: NDArray[np.bool_]

    def pieces(self, places: Sequence[int] | None = None) -> Iterator[Entries]:
        """Give the entries of some places, or of all, in the order of journeys, piece by piece."""
        for columns in self.kept.pieces(*_COLUMNS):
            found = dict(zip(_COLUMNS, columns, strict=True))
            if places is not None:
                here = np.isin(found["place"], places)
                found = {name: values[here] for name, values in found.items()}
            journey = found["journey"]
            yield Entries(
                at=self.at,
                names=self.names,
                data_end=self.data_end,
                customer=self.customer[journey],
                turn=self.turn[journey],
                inside=self.inside[journey],
                **found,
            )

    def shares(self) -> list[Sequence[int] | None]:
        """Return what places to look at together: all in memory, else one after the other."""
        return [None] if self.at_once else [[place] for place in range(len(self.names))]


_COLUMNS = {
    "journey": np.int64,
    "place": np.int32,
    "event": np.int64,
    "entered_at": np.int64,
    "gone_on_at": np.int64,
    "end": np.int8,
    "here": np.bool_,
    "ended_at": np.int64,
    "patience_us": np.int64,
}


def list_entries(check: Conformance, *, at: str = "stage") -> Listed:
    """List when journeys entered the places of the map, in one pass; of a log with a limit only once.

    Parameters
    ----------
    check : Conformance
        With its log.
    at : str
        What a place is: "stage", or "touchpoint" (of a stage; the goal that converts is no place to be at).

    Returns
    -------
    Listed
        Stages after the goal are left out: nobody drops out there.

    Raises
    ------
    ValueError
        If there are no such places, or the check was made without its log.
    """
    if at not in PLACES:
        raise ValueError(f"places are {' or '.join(map(repr, PLACES))}, not {at!r}")
    reading = check._with_log("entries")
    found: Listed = reading.entries.get(at) or _list(check, reading, at)
    if not found.at_once:
        reading.entries[at] = found
    return found


def _list(check: Conformance, reading: Reading, at: str) -> Listed:
    by_cell = at == "touchpoint"
    kept = reading.keep_parts(lambda part: _in_part(part, by_cell=by_cell), _COLUMNS)
    return Listed(
        at,
        _names(reading, at),
        reading.data_end,
        kept,
        reading.log.memory_limit is None,
        reading.customer,
        columns_of(check, "turn"),
        begun_inside(reading),
    )


def entries(check: Conformance, *, at: str = "stage") -> Entries:
    """List when journeys entered the places of the map, all at once: `list_entries` gives them by pieces.

    Parameters
    ----------
    check, at
        As for `list_entries`.

    Returns
    -------
    Entries

    Examples
    --------
    >>> import cjmining as cj
    >>> from cjmining.intended import parse_map
    >>> shop = cj.simulate.shop(300, seed=1)
    >>> intended = parse_map(shop.intended_text)
    >>> check = cj.check(shop.log.split(intended), intended)
    >>> found = entries(check)
    >>> entered = int(check.stages.set_index("stage").loc["Basket", "entered"])
    >>> entered == int((found.place == place_number(found, "Basket")).sum())
    True
    """
    return joined(list(list_entries(check, at=at).pieces()))


def joined(pieces: Sequence[Entries]) -> Entries:
    """Return entries of several pieces, of which there is one at least, as one."""
    if len(pieces) == 1:
        return pieces[0]
    arrays: dict[str, Any] = {
        field.name: np.concatenate([getattr(each, field.name) for each in pieces])
        for field in fields(Entries)[3:]
    }
    return replace(pieces[0], **arrays)


def columns_of(check: Conformance, name: str) -> NDArray[Any]:
    """Return what a check says of each journey, one column of it."""
    journeys = check._journeys
    assert journeys is not None  # noqa: S101 -- it has a reading
    return journeys.column(name)


def pieces_of(check: Conformance, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
    """Give some columns of what a check says of each journey side by side, by pieces of whole customers."""
    journeys = check._journeys
    assert journeys is not None  # noqa: S101 -- it has a reading
    return journeys.kept.pieces(*names)


def columns_at(check: Conformance, journeys: NDArray[np.int64], *names: str) -> list[NDArray[Any]]:
    """Return some columns of what a check says of journeys, of these alone; their numbers ascend."""
    found: list[tuple[NDArray[Any], ...]] = []
    start = 0
    for columns in pieces_of(check, *names):
        stop = start + len(columns[0])
        first, last = np.searchsorted(journeys, [start, stop])
        rows = journeys[first:last] - start
        found.append(tuple(column[rows] for column in columns))
        start = stop
    return [np.concatenate(each) for each in zip(*found, strict=True)]


def begun_inside(reading: Reading) -> NDArray[np.bool_]:
    """Say which journeys surely began while the log was observed.

    A customer's first journey may be the rest of one that began before the data, if it starts less than the
    map's longest (finite) patience after the log is observed: what came before isn't seen. All others began
    inside: they follow a silence, a goal or an exit, or are cases that the source itself names.

    Returns
    -------
    numpy.ndarray of bool, shape (journeys,)
    """
    surely = reading.log.observed_from_us + max(longest_patience_us(reading), 0)
    inside = np.empty(len(reading.customer), np.bool_)
    for block in reading.blocks:
        inside[block.journeys] = _begun_inside(reading, block, surely)
    return inside


def _begun_inside(reading: Reading, block: Block, surely: int) -> NDArray[np.bool_]:
    own, log = block.journeys, reading.log
    first = reading.bounds[:-1][own]
    start = reading.columns.timestamp[first]
    attempts = numbered(reading.customer[own], start) if log._attempt is None else log.attempts[own]
    inside: NDArray[np.bool_] = ~((start < surely) & (attempts == 1) & log._splittable_of(own))
    return inside


def longest_patience_us(reading: Reading) -> int:
    """Return the map's longest patience that ends, in microseconds; -1 where none does."""
    rules = [plan.rules for plan in reading.plans]
    return max(max(int(each.before_us), int(each.patience_us.max(initial=-1))) for each in rules)


def _in_part(part: Part, *, by_cell: bool) -> dict[str, NDArray[Any]]:
    from cjmining.conformance.reading import judge_part
    from cjmining.kernels.entries import enter

    plan, judged = part.plan, judge_part(part)
    found = enter(part.bounds, part.columns, judged, plan.rules, len(plan.intended.stages), by_cell)
    own = plan.rules.stages if by_cell else np.arange(len(plan.intended.stages))
    patience = np.append(plan.rules.before_us, plan.rules.patience_us[own])
    place = np.append(0, 1 + plan.own_cells)[found.place] if by_cell else found.place
    return {
        "journey": part.journey_numbers[found.journey],
        "place": place.astype(np.int32),
        "event": part.event_numbers[found.event],
        "entered_at": found.entered_at,
        "gone_on_at": found.gone_on_at,
        "end": judged.outcome[found.journey],
        "here": found.here,
        "ended_at": judged.decided_at[found.journey],
        "patience_us": patience[found.place],
    }


def _names(reading: Reading, at: str) -> tuple[tuple[str, str], ...]:
    plan = reading.plan
    stages = plan.intended.stage_names
    if at == "stage":
        return ((BEFORE_THE_MAP, ""), *((stage, "") for stage in stages))
    cells = zip(plan.cells.stage.tolist(), plan.cells.touchpoint.tolist(), strict=True)
    return ((BEFORE_THE_MAP, ""), *((stages[stage], plan.labels[code]) for stage, code in cells))


def place_number(found: Entries | Listed, stage: str) -> int:
    """Return the position of a stage among the places, or raise with the nearest one there is."""
    from cjmining.errors import LogError, nearest

    names = [name for name, _ in found.names]
    if stage not in names:
        raise LogError(
            f"the map has no stage {stage!r}{nearest(stage, names)}; it has {', '.join(names[1:])}"
        )
    return names.index(stage)
