"""What one pass over a log finds: what its blocks say, how that adds up, what is kept of each journey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjmining.conformance import contacts, deviations, expectations
from cjmining.conformance.reading import judge_part, see, stage_sums
from cjmining.engine.kept import kept_for, of_parts
from cjmining.engine.local import reduce_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from cjmining.blocks import Block
    from cjmining.conformance.contacts import ContactCounts
    from cjmining.conformance.deviations import DeviationCounts
    from cjmining.conformance.expectations import PromiseCounts
    from cjmining.conformance.promises import Promise
    from cjmining.conformance.reading import Part, Reading, Seen
    from cjmining.engine.kept import Kept
    from cjmining.kernels.stages import StageSums

JOURNEY_COLUMNS = {
    "outcome": np.int8,
    "decided_at": np.int64,
    "place_stage": np.int32,
    "place_touchpoint": np.int32,
    "furthest_stage": np.int32,
    "won_back": np.int8,
    "turn": np.int8,
    "cost": np.int64,
    "worst": np.int64,
}
"""What is kept of each journey: as `Judged` has it, the touchpoint of the place as a code (-1 for none), the
cost of its alignment, and `worst`, that of one without any match."""

_OF_ALIGNMENT = ("cost", "worst")
_TIMES = {"cell": np.int32, "took_us": np.int64}
_RAGGED = {
    "time_cell": np.int32,
    "time_us": np.int64,
    "late_journey": np.int64,
    "late_stage": np.int32,
    "late_event": np.int64,
}
"""Lists of `StageSums` that grow with the journeys: a block's own."""


class StageTimes(NamedTuple):
    """How long journeys took from entering a stage to entering a later one.

    Attributes
    ----------
    kept : Kept
        Columns `cell`, group x `rows` + row of the stage, and `took_us`.
    rows : int
        Rows of stages, that before the map among them.
    groups : int
        How many groups are told of, the first ones.
    as_one : bool
        Whether they are one.
    """

    kept: Kept
    rows: int
    groups: int
    as_one: bool = False

    def medians(self) -> dict[int, float]:
        """Return the median by cell, microseconds."""
        from cjmining.kernels.medians import medians

        return medians(self._pieces, self.rows if self.as_one else self.groups * self.rows)

    def _pieces(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        for cell, took in self.kept.pieces("cell", "took_us"):
            told = cell < self.groups * self.rows
            own = cell[told]
            yield own % self.rows if self.as_one else own, took[told]


class Findings(NamedTuple):
    """What one pass finds; `journeys` has the columns `JOURNEY_COLUMNS`."""

    sums: StageSums
    deviations: DeviationCounts
    expectations: dict[Promise, PromiseCounts]
    contacts: ContactCounts
    journeys: Kept
    times: StageTimes


class _Counts(NamedTuple):
    """What adds up."""

    sums: StageSums
    deviations: DeviationCounts
    expectations: dict[Promise, PromiseCounts]
    contacts: ContactCounts


def find(reading: Reading) -> Findings:
    """Judge, align and count all journeys."""
    journeys, times = (
        kept_for(reading.log, columns, len(reading.blocks)) for columns in (JOURNEY_COLUMNS, _TIMES)
    )

    def of_block(block: Block) -> _Counts:
        parts = reading.parts(block)
        seen = [see(part) for part in parts]
        columns = [_of_journeys(*each) for each in zip(parts, seen, strict=True)]
        journeys.put(block, of_parts(columns, [part.journey_numbers for part in parts]))
        times.put(block, _times([each.sums for each in seen]))
        return _merge([_counts(part, each) for part, each in zip(parts, seen, strict=True)])

    merged = reduce_blocks(of_block, _merge, reading.blocks, engine=reading.log.engine)
    return Findings(*merged, journeys, _stage_times(reading, times))


def count(reading: Reading) -> StageSums:
    """Judge and count all journeys without aligning them; nobody's turn is known."""
    return _count(reading, lambda _block, _found: None)


def count_with_times(reading: Reading) -> tuple[StageSums, StageTimes]:
    """Judge and count all journeys without aligning them, and keep how long stages took."""
    times = kept_for(reading.log, _TIMES, len(reading.blocks))
    summed = _count(reading, lambda block, found: times.put(block, _times(found)))
    return summed, _stage_times(reading, times)


def everybody(reading: Reading, findings: Findings) -> Findings:
    """Return the same findings with all groups as one."""
    return findings._replace(
        sums=together(reading, findings.sums),
        deviations=deviations.together(reading, findings.deviations),
        expectations=expectations.together(reading, findings.expectations),
        contacts=contacts.together(reading, findings.contacts),
        times=findings.times._replace(as_one=True),
    )


def together(reading: Reading, sums: StageSums) -> StageSums:
    """Return the same sums with all groups as one."""
    summed = {
        name: getattr(sums, name).sum(axis=0, keepdims=True) for name in sums._fields if name not in _RAGGED
    }
    customer = reading.customer
    summed["customers"] = np.array([np.count_nonzero(customer[1:] != customer[:-1]) + (len(customer) > 0)])
    return sums._replace(**summed)


def _count(reading: Reading, keep: Callable[[Block, list[StageSums]], None]) -> StageSums:
    """Judge and count all journeys; `keep` sees what the parts of each block say."""

    def of_block(block: Block) -> StageSums:
        found = [stage_sums(part, judge_part(part)) for part in reading.parts(block)]
        keep(block, found)
        return _sum([_without_lists(sums) for sums in found])

    return reduce_blocks(of_block, _sum, reading.blocks, engine=reading.log.engine)


def _counts(part: Part, seen: Seen) -> _Counts:
    return _Counts(
        _without_lists(seen.sums),
        deviations.count(part, seen),
        expectations.count(part, seen),
        contacts.count(part, seen),
    )


def _merge(parts: Sequence[_Counts]) -> _Counts:
    """Add up what parts found, in their order."""
    return _Counts(
        sums=_sum([part.sums for part in parts]),
        deviations=deviations.merge([part.deviations for part in parts]),
        expectations=expectations.merge([part.expectations for part in parts]),
        contacts=contacts.merge([part.contacts for part in parts]),
    )


def _sum(parts: Sequence[StageSums]) -> StageSums:
    added: dict[str, Any] = {
        name: sum((getattr(part, name) for part in parts[1:]), start=getattr(parts[0], name))
        for name in parts[0]._fields
        if name not in _RAGGED
    }
    return parts[0]._replace(**added)


def _without_lists(sums: StageSums) -> StageSums:
    return sums._replace(**{name: np.empty(0, kind) for name, kind in _RAGGED.items()})


def _times(sums: Sequence[StageSums]) -> dict[str, NDArray[Any]]:
    return {
        "cell": np.concatenate([each.time_cell for each in sums]),
        "took_us": np.concatenate([each.time_us for each in sums]),
    }


def _of_journeys(part: Part, seen: Seen) -> dict[str, NDArray[Any]]:
    """Return the columns of a part's journeys."""
    place, judged = seen.judged.place_event, seen.judged._asdict()
    touchpoint = np.where(place >= 0, part.columns.touchpoint[np.maximum(place, 0)], -1)
    alignments = {name: getattr(seen.aligned, name) for name in _OF_ALIGNMENT}
    found = {**judged, **alignments, "place_touchpoint": touchpoint}
    return {name: found[name] for name in JOURNEY_COLUMNS}


def _stage_times(reading: Reading, kept: Kept) -> StageTimes:
    return StageTimes(kept, 1 + len(reading.plan.intended.stages), len(reading.groups))
