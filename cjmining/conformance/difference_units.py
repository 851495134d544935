"""What each journey of a check did, as units and hits: from these two sides are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjmining.engine.shelf import Shelf, Shelved, take
from cjmining.schema import BEFORE_THE_MAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cjmining.conformance.deviations import Found
    from cjmining.conformance.reading import Part, Reading, Seen
    from cjmining.conformance.walk import Walk

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

Key = tuple[str, ...]
"""What a scope or cell is called: the texts that begin its row."""


class Counts(NamedTuple):
    """Units and hits of a table; each of an array of one length.

    Attributes
    ----------
    unit_journey, unit_scope : int64[U]
        The journey of each unit, and what it counts for, an index into `scopes`.
    hit_journey, hit_cell : int64[H]
        The journey of each hit, and its cell, an index into `cells`.
    hit_value : float64[H]
        What each hit counts.
    scopes : tuple of Key
    cells : tuple of Key
    scope_of_cell : tuple of Key
        What the share of each cell is of.
    """

    unit_journey: Ints
    unit_scope: Ints
    hit_journey: Ints
    hit_cell: Ints
    hit_value: Floats
    scopes: tuple[Key, ...]
    cells: tuple[Key, ...]
    scope_of_cell: tuple[Key, ...]


class Times(NamedTuple):
    """How long journeys took from entering a stage to entering a later one, seconds."""

    journey: Ints
    stage: Ints
    took_s: Floats


class Watched(NamedTuple):
    """All that is compared of a check.

    `mature` are journeys that began at least the horizon and the map's longest patience before the data end,
    `entered` the journeys that entered each stage at any time.
    """

    mature: Bools
    tables: dict[str, Counts]
    times: Times
    entered: dict[str, Ints]


JOURNEYS: Key = ("mature journeys",)
ENDS = ("converted", "dropped", "turned away", "none of these")


def watch(reading: Reading) -> Watched:
    """Walk a log once and say what each journey did.

    What is counted over journeys is counted over mature ones, and only what they did within the horizon of
    their start: so that both sides were followed equally long, whenever their journeys began.
    """
    shelf = Shelf.of(reading.log)
    parts = reading.map_parts(lambda part: _shelved(_of_part(part), shelf))
    stages = (BEFORE_THE_MAP, *reading.plan.intended.stage_names)
    labels, channels = reading.plan.labels, (*reading.channels, "")
    cells = reading.plan.cells
    of_cell = [(stages[1 + s], labels[t]) for s, t in zip(cells.stage, cells.touchpoint, strict=True)]
    mature = np.zeros(reading.log.n_journeys, np.bool_)
    everybody = _joined(parts, "journeys")[_joined(parts, "mature")]
    mature[everybody] = True
    over_journeys = {
        "outcomes": _pairs(parts, "ends", [(name,) for name in ENDS]),
        "reached": _pairs(parts, "reached", [(name,) for name in stages[1:]]),
        "touchpoints": _triples(parts, "met", of_cell, channels),
        "deviations": _deviations(parts, stages, labels),
    }
    tables = {name: _over_journeys(found, everybody) for name, found in over_journeys.items()}
    tables["stages"] = _stages(parts, stages)
    tables["promises"] = _promises(parts)
    tables["satisfaction"] = _satisfaction(parts, stages[1:])
    times = Times(*(_joined(parts, f"time_{name}") for name in ("journey", "stage", "s")))
    return Watched(mature, tables, times, _entered(parts, stages))


def _entered(parts: Sequence[_Shelved], stages: Sequence[str]) -> dict[str, Ints]:
    passages, entries = _joined(parts, "passages"), _joined(parts, "entries")
    found = {name: passages[passages[:, 1] == number, 0] for number, name in enumerate(stages[1:])}
    return {stages[0]: entries[entries[:, 1] == 0, 0], **found}


class _Part(NamedTuple):
    """What the journeys of a part did; journeys by their numbers in the log.

    Pairs are (journey, code), each once a journey: `ends`, `passages`, and `reached`, those of them within
    the horizon; `met` is (journey, cell, channel).
    """

    journeys: Ints
    mature: Bools
    ends: Ints
    passages: Ints
    reached: Ints
    met: Ints
    deviating: Ints
    entries: Ints
    kept: dict[Key, Ints]
    answer_journey: Ints
    answer_stage: Ints
    answer_value: Floats
    time_journey: Ints
    time_stage: Ints
    time_s: Floats


def _of_part(part: Part) -> _Part:
    from cjmining.conformance import deviations
    from cjmining.conformance.reading import see

    seen = see(part)
    walk, horizon = seen.walk, part.plan.intended.horizon_us
    start = part.columns.timestamp[part.bounds[:-1]] if len(part.customer) else np.zeros(0, np.int64)
    mature = start + horizon + _longest_patience(part) <= part.data_end
    soon = part.columns.timestamp - start[walk.journey] <= horizon
    ended = seen.judged.decided_at - start <= horizon
    outcome = np.where(ended, seen.judged.outcome, len(ENDS) - 1)
    number = part.journey_numbers
    entered, in_time, times = _passages(walk, soon)
    entered[:, 0] = number[entered[:, 0]]
    met = np.flatnonzero((walk.located.cell >= 0) & soon)
    cell = part.plan.own_cells[walk.located.cell[met]]
    channel = part.columns.channel[met]
    channel = np.where(channel >= 0, channel, len(part.channels))
    answers = _answers(walk)
    return _Part(
        journeys=number,
        mature=mature,
        ends=np.stack([number, outcome], axis=1),
        passages=entered,
        reached=entered[in_time],
        met=np.unique(np.stack([number[walk.journey[met]], cell, channel], axis=1), axis=0),
        deviating=_deviating(deviations.find(part, seen), number),
        entries=_entries(part, seen),
        kept=_kept(walk),
        answer_journey=answers[0],
        answer_stage=answers[1],
        answer_value=answers[2],
        time_journey=number[times[0]],
        time_stage=times[1],
        time_s=times[2],
    )


def _longest_patience(part: Part) -> int:
    rules = part.plan.rules
    return int(max(0, int(rules.before_us), *rules.patience_us.tolist()))


def _passages(walk: Walk, soon: Bools) -> tuple[Ints, Bools, tuple[Ints, Ints, Floats]]:
    """Return which journeys entered which stage, whether in time, and how long they took to go on."""
    reached, in_time, journeys, stages, took = [], [], [], [], []
    time = walk.part.columns.timestamp
    for stage in range(len(walk.part.plan.intended.stages)):
        journey, entered, left = walk.passages_of(stage)
        reached.append(np.stack([journey, np.full(len(journey), stage)], axis=1))
        in_time.append(soon[entered])
        on = left >= 0
        journeys.append(journey[on])
        stages.append(np.full(int(on.sum()), stage))
        took.append((time[left[on]] - time[entered[on]]) / 1e6)
    times = (np.concatenate(journeys), np.concatenate(stages), np.concatenate(took))
    return np.concatenate(reached), np.concatenate(in_time), times


def _deviating(found: Found, number: Ints) -> Ints:
    rows = np.stack([number[found.journey], found.type_, found.stage + 1, found.label], axis=1)
    return np.unique(rows, axis=0) if len(rows) else rows.astype(np.int64)


def _entries(part: Part, seen: Seen) -> Ints:
    """Return (journey, place, whether it dropped there in time) of entries that were followed long enough."""
    from cjmining.kernels.entries import enter
    from cjmining.kernels.outcomes import DROPPED

    plan, horizon = part.plan, part.plan.intended.horizon_us
    found = enter(part.bounds, part.columns, seen.judged, plan.rules, len(plan.intended.stages), False)
    patience = np.append(plan.rules.before_us, plan.rules.patience_us)[found.place]
    mature = found.entered_at + horizon + np.maximum(patience, 0) <= part.data_end
    judged = seen.judged
    soon = judged.decided_at[found.journey] - found.entered_at <= horizon
    dropped = found.here & (judged.outcome[found.journey] == DROPPED) & soon
    rows = np.stack([part.journey_numbers[found.journey], found.place, dropped], axis=1)
    kept: Ints = rows[mature].astype(np.int64)
    return kept


def _kept(walk: Walk) -> dict[Key, Ints]:
    """Return (journey, whether it was kept) of each time that each promise was settled."""
    from cjmining.conformance.promises import observe, promises_of

    names, number = walk.part.plan.intended.stage_names, walk.part.journey_numbers
    kept: dict[Key, Ints] = {}
    for promise in promises_of(walk.part.plan.intended):
        seen = observe(walk, promise)
        key = (names[promise.stage], promise.touchpoint, promise.measure, promise.after,
               _limit(promise.at_least), _limit(promise.at_most), repr(promise.target))  # fmt: skip
        kept[key] = np.stack([number[walk.journey[seen.about]], seen.kept], axis=1).astype(np.int64)
    return kept


def _limit(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _answers(walk: Walk) -> tuple[Ints, Ints, Floats]:
    satisfaction = walk.part.columns.satisfaction
    rows = np.flatnonzero(~np.isnan(satisfaction) & (walk.stage >= 0))
    number = walk.part.journey_numbers[walk.journey[rows]]
    return number, walk.stage[rows].astype(np.int64), satisfaction[rows]


# putting parts together -----------------------------------------------------------------------------------


class _Shelved(NamedTuple):
    """What a part says, put on the shelf: where the values of each field of `_Part` lie."""

    fields: dict[str, Shelved]
    kept: dict[Key, Shelved]


def _shelved(part: _Part, shelf: Shelf) -> _Shelved:
    with shelf.lot() as put:
        fields = {name: put((values,)) for name, values in part._asdict().items() if name != "kept"}
        return _Shelved(fields, {key: put((rows,)) for key, rows in part.kept.items()})


def _joined(parts: Sequence[_Shelved], name: str) -> np.ndarray:
    return np.concatenate([take(part.fields[name])[0] for part in parts])


class _Hits(NamedTuple):
    journey: Ints
    cell: Ints
    cells: tuple[Key, ...]


def _pairs(parts: Sequence[_Shelved], name: str, cells: Sequence[Key]) -> _Hits:
    rows = _joined(parts, name)
    return _Hits(rows[:, 0], rows[:, 1], tuple(cells))


def _triples(parts: Sequence[_Shelved], name: str, of_cell: Sequence[Key], channels: Sequence[str]) -> _Hits:
    rows = _joined(parts, name)
    code = rows[:, 1] * len(channels) + rows[:, 2]
    known, place = np.unique(code, return_inverse=True)
    pairs = (divmod(each, len(channels)) for each in known.tolist())
    return _Hits(rows[:, 0], place, tuple((*of_cell[cell], channels[at]) for cell, at in pairs))


def _deviations(parts: Sequence[_Shelved], stages: Sequence[str], labels: Sequence[str]) -> _Hits:
    from cjmining.kernels.deviations import TYPES

    rows = _joined(parts, "deviating")
    known, place = np.unique(rows[:, 1:], axis=0, return_inverse=True)
    cells = tuple((TYPES[kind], stages[at], labels[label]) for kind, at, label in known.tolist())
    return _Hits(rows[:, 0], place.reshape(-1), cells)


def _over_journeys(hits: _Hits, everybody: Ints) -> Counts:
    """Count hits of mature journeys, as a share of these."""
    own = np.isin(hits.journey, everybody)
    return Counts(
        unit_journey=everybody,
        unit_scope=np.zeros(len(everybody), np.int64),
        hit_journey=hits.journey[own],
        hit_cell=hits.cell[own].astype(np.int64),
        hit_value=np.ones(int(own.sum())),
        scopes=(JOURNEYS,),
        cells=hits.cells,
        scope_of_cell=(JOURNEYS,) * len(hits.cells),
    )


def _each_its_own(journey: Ints, scope: Ints, hit: Bools, value: Floats, scopes: Sequence[Key]) -> Counts:
    """Count hits of units that are a share of their own scope each."""
    return Counts(
        journey, scope, journey[hit], scope[hit], value[hit], tuple(scopes), tuple(scopes), tuple(scopes)
    )


def _stages(parts: Sequence[_Shelved], stages: Sequence[str]) -> Counts:
    rows = _joined(parts, "entries")
    names = [(name,) for name in stages]
    return _each_its_own(rows[:, 0], rows[:, 1], rows[:, 2] == 1, np.ones(len(rows)), names)


def _promises(parts: Sequence[_Shelved]) -> Counts:
    keys = list(dict.fromkeys(key for part in parts for key in part.kept))
    rows = [
        (number, take(part.kept[key])[0])
        for number, key in enumerate(keys)
        for part in parts
        if key in part.kept
    ]
    found = np.concatenate([each for _, each in rows]) if rows else np.zeros((0, 2), np.int64)
    scope = np.concatenate([np.full(len(each), number) for number, each in rows] or [np.zeros(0, np.int64)])
    return _each_its_own(found[:, 0], scope, found[:, 1] == 1, np.ones(len(found)), keys)


def _satisfaction(parts: Sequence[_Shelved], stages: Sequence[str]) -> Counts:
    journey, stage, value = (_joined(parts, f"answer_{name}") for name in ("journey", "stage", "value"))
    names = [(name,) for name in stages]
    return _each_its_own(journey, stage, np.ones(len(journey), np.bool_), value, names)
