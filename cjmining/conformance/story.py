"""One journey's story: what was intended, what happened, where and when it left."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from cjmining.conformance import deviations
from cjmining.conformance.plan import is_required
from cjmining.conformance.promises import Promise, observe, promises_of
from cjmining.conformance.reading import Part, Reading, Seen, see
from cjmining.conformance.story_words import Facts, Kept, Next, Step, tell
from cjmining.conformance.tables import category, frame
from cjmining.errors import LogError
from cjmining.results import Result
from cjmining.schema import BEFORE_THE_MAP, OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cjmining.intended import IntendedMap

MOVES = ("synchronous", "log only", "map only", "exit", "not compared", "after the end")


@dataclass(frozen=True, repr=False, eq=False)
class Story(Result):
    """One journey against the map, in words and move by move.

    Made by `Conformance.explain`; `cj.plot.story` draws it.

    Attributes
    ----------
    journey, customer : int
        Their numbers in the log.
    persona : str
        The customer's; "" where the log has no personas.
    intended : IntendedMap
        The map that the journey is held against: that of the persona, where personas override stages.
    outcome : str
        converted, dropped, turned away or open.
    decided_at : pandas.Timestamp
        When that was decided (UTC); the end of the data where the journey is open.
    last_stage, last_touchpoint : str
        The place: where the journey stood on the map.
    text : str
        The story in words; paragraphs are apart by an empty line.
    ending : str
        The one sentence of it that says how the journey ended.
    moves : pandas.DataFrame
        position (from 0), timestamp (NaT for what is missing), move (synchronous, log only and map only as
        in `Conformance.moves`; exit: the event that ended the journey; not compared: before the map, or
        between the place and the decision; after the end), type (of the deviation; several are apart by ", ",
        "" for none), stage (of the plan; for what isn't planned the stage that its deviation counts for),
        touchpoint ("one of a, b" where a choice is missing), channel, event (row in `log.events`, -1 for what
        is missing). Events that the map ignores are left out.
    end_position : int
        Position of the last move before the end; -1 where nothing comes before it.
    promises : pandas.DataFrame
        Promises that came due: timestamp (when it showed), stage, touchpoint ("" for a stage's `within`),
        measure, after, at_least, at_most, value (NaN: it never came), kept, event (what it is about).
    """

    _tables: ClassVar[tuple[str, ...]] = ("moves", "promises")  # type: ignore[misc]

    journey: int
    customer: int
    persona: str
    intended: IntendedMap
    outcome: str
    decided_at: pd.Timestamp
    last_stage: str
    last_touchpoint: str
    text: str
    ending: str
    moves: pd.DataFrame
    end_position: int
    promises: pd.DataFrame

    def __str__(self) -> str:
        return self.text

    def _summary(self) -> str:
        return f"Story of journey {self.journey}: {self.ending}"

    def _told(self) -> list[str]:
        return [line for line in self.text.splitlines() if line]


def explain(reading: Reading, journey: int) -> Story:
    """Tell the story of one journey; only that one is aligned.

    Parameters
    ----------
    reading : Reading
        The log with its plans.
    journey : int
        Number of the journey in the log.

    Raises
    ------
    LogError
        If the log has no such journey.
    """
    number = _known(reading, journey)
    part = reading.part_of(number)
    seen = see(part)
    steps = _steps(part, seen)
    promises = _promises(part, seen)
    facts = _facts(reading, number, part, seen, steps, promises)
    text, ending = tell(facts)
    stages = (BEFORE_THE_MAP, *part.plan.intended.stage_names)
    return Story(
        journey=number,
        customer=int(part.customer[0]),
        persona=facts.persona,
        intended=part.plan.intended,
        outcome=facts.outcome,
        decided_at=pd.Timestamp(facts.decided_us, unit="us", tz="UTC"),
        last_stage=stages[int(seen.judged.place_stage[0]) + 1],
        last_touchpoint=facts.place,
        text=text,
        ending=ending,
        moves=_as_moves(part, steps),
        end_position=_end_position(seen, steps),
        promises=_as_promises(part, promises),
    )


def _known(reading: Reading, journey: int) -> int:
    n = len(reading.bounds) - 1
    try:
        number = operator.index(journey)
    except TypeError:
        number = -1
    if not 0 <= number < n:
        raise LogError(
            f"there is no journey {journey!r}: the journeys of this check are numbered 0 to {n - 1}"
        )
    return number


# Moves ----------------------------------------------------------------------------------------------------


def _steps(part: Part, seen: Seen) -> list[Step]:
    """Return the moves of the alignment, and between them by time the events that it leaves out."""
    aligned = seen.aligned
    taken = set(aligned.event.tolist())
    rest = [i for i in range(len(part.columns.timestamp)) if i not in taken and not _is_ignored(part, i)]
    types = _types(part, seen)
    steps: list[Step] = []
    for move, (event, edge) in enumerate(zip(aligned.event.tolist(), aligned.edge.tolist(), strict=True)):
        while rest and event >= 0 and rest[0] < event:
            steps.append(_left_out(part, seen, rest.pop(0), types))
        steps.append(_move(part, event, edge, types.get(("move", move), []), types.get(("event", event), [])))
    return [*steps, *(_left_out(part, seen, event, types) for event in rest)]


def _is_ignored(part: Part, event: int) -> bool:
    code = part.columns.touchpoint[event]
    return bool(code >= 0 and part.plan.rules.ignored[code])


_Types = dict[tuple[str, int], list[tuple[str, int]]]


def _types(part: Part, seen: Seen) -> _Types:
    """Return the deviations (type, stage) of each move, and of events that are late, whatever their move."""
    from cjmining.kernels.deviations import TYPES

    found = deviations.find(part, seen)
    types: _Types = {}
    for move, event, type_, stage in zip(
        found.move.tolist(), found.event.tolist(), found.type_.tolist(), found.stage.tolist(), strict=True
    ):
        key = ("move", move) if move >= 0 else ("event", event)
        if (TYPES[type_], stage) not in types.setdefault(key, []):
            types[key].append((TYPES[type_], stage))
    return types


def _move(
    part: Part, event: int, edge: int, of_move: list[tuple[str, int]], of_event: list[tuple[str, int]]
) -> Step:
    plan = part.plan
    kinds = [kind for kind, _ in of_move]
    kinds += [kind for kind, _ in of_event if event >= 0 and kind not in kinds]
    if edge >= 0 and event < 0:
        label = plan.labels[deviations.missing_labels(plan)[edge]]
        return Step("map only", tuple(kinds), int(plan.facts.edge_stage[edge]), label)
    if edge >= 0:
        return _at(part, event, "synchronous", tuple(kinds), int(plan.facts.edge_stage[edge]))
    return _at(part, event, "log only", tuple(kinds), of_move[0][1] if of_move else -1)


def _left_out(part: Part, seen: Seen, event: int, types: _Types) -> Step:
    """Return an event that isn't aligned: the deciding exit, what comes before the decision, what after."""
    from cjmining.kernels.outcomes import OPEN

    judged = seen.judged
    kinds = tuple(kind for kind, _ in types.get(("event", event), []))
    decided_event, moment = int(judged.decided_event[0]), part.columns.timestamp[event]
    if event == decided_event:
        return _at(part, event, "exit", kinds, -1)
    is_after = event > decided_event if decided_event >= 0 else moment >= judged.decided_at[0]
    is_after = is_after and judged.outcome[0] != OPEN
    return _at(part, event, "after the end" if is_after else "not compared", kinds, -1)


def _at(part: Part, event: int, move: str, types: tuple[str, ...], stage: int) -> Step:
    columns = part.columns
    code, channel = int(columns.touchpoint[event]), int(columns.channel[event])
    return Step(
        move,
        types,
        stage,
        part.plan.labels[code] if code >= 0 else "",
        part.channels[channel] if channel >= 0 else "",
        int(columns.timestamp[event]),
        float(columns.precision[event]),
        bool(columns.failed[event] == 1),
        int(event),
    )


def _end_position(seen: Seen, steps: Sequence[Step]) -> int:
    """Return the position of the last step before the end."""
    decided = int(seen.judged.decided_event[0])
    if decided >= 0:
        return next(position for position, step in enumerate(steps) if step.event == decided)
    return sum(step.move != "after the end" for step in steps) - 1


def _as_moves(part: Part, steps: Sequence[Step]) -> pd.DataFrame:
    times = np.array(
        [np.datetime64(s.us, "us") if s.event >= 0 else np.datetime64("NaT", "us") for s in steps]
    )
    stages = ("", *part.plan.intended.stage_names)
    number = part.event_numbers
    return pd.DataFrame(
        {
            "position": np.arange(len(steps), dtype=np.int64),
            "timestamp": pd.DatetimeIndex(times.astype("datetime64[us]"), tz="UTC"),
            "move": category(np.array([MOVES.index(s.move) for s in steps], dtype=np.int8), MOVES),
            "type": pd.Series([", ".join(s.types) for s in steps], dtype="str"),
            "stage": category(np.array([s.stage + 1 for s in steps], dtype=np.int32), stages),
            "touchpoint": pd.Series([s.touchpoint for s in steps], dtype="str"),
            "channel": pd.Series([s.channel for s in steps], dtype="str"),
            "event": np.array([number[s.event] if s.event >= 0 else -1 for s in steps], dtype=np.int64),
        }
    )


# Promises -------------------------------------------------------------------------------------------------


def _promises(part: Part, seen: Seen) -> list[tuple[Promise, Kept]]:
    """Return every promise that came due in the journey, in order of time."""
    found = []
    for promise in promises_of(part.plan.intended):
        seen_of = observe(seen.walk, promise)
        rows = zip(seen_of.about.tolist(), seen_of.value.tolist(), seen_of.kept.tolist(), strict=True)
        for (about, value, kept), settled in zip(rows, seen_of.settled.tolist(), strict=True):
            found.append((promise, Kept(int(about), float(value), bool(kept), int(settled))))
    return sorted(found, key=lambda each: each[1].settled_us)


def _journeys_of_customer(reading: Reading, journey: int) -> list[int]:
    """Return the customer's journeys as they began; cases that a source names do not lie in order of time."""
    first, last = np.searchsorted(
        reading.customer, [reading.customer[journey], reading.customer[journey] + 1]
    )
    own = np.arange(first, last)
    order: list[int] = own[np.argsort(reading.columns.timestamp[reading.bounds[own]], kind="stable")].tolist()
    return order


def _as_promises(part: Part, found: Sequence[tuple[Promise, Kept]]) -> pd.DataFrame:
    rows = [
        {
            "stage": part.plan.intended.stage_names[promise.stage],
            "touchpoint": promise.touchpoint,
            "measure": promise.measure,
            "after": promise.after,
            "at_least": np.nan if promise.at_least is None else promise.at_least,
            "at_most": np.nan if promise.at_most is None else promise.at_most,
            "value": kept.value,
            "kept": kept.kept,
            "event": int(part.event_numbers[kept.about]),
        }
        for promise, kept in found
    ]
    texts = dict.fromkeys(("stage", "touchpoint", "measure", "after"), "text")
    numbers = dict.fromkeys(("at_least", "at_most", "value"), "float")
    table = frame(rows, texts | numbers | {"kept": "bool", "event": "int"})
    settled = np.array([kept.settled_us for _, kept in found], dtype="datetime64[us]")
    table.insert(0, "timestamp", pd.DatetimeIndex(settled, tz="UTC"))
    return table


# What the words need --------------------------------------------------------------------------------------


def _facts(
    reading: Reading,
    journey: int,
    part: Part,
    seen: Seen,
    steps: list[Step],
    promises: list[tuple[Promise, Kept]],
) -> Facts:
    judged, columns = seen.judged, part.columns
    place = int(judged.place_event[0])
    code = int(columns.touchpoint[place]) if place >= 0 else -1
    theirs = _journeys_of_customer(reading, journey)
    attempt = 1 + theirs.index(journey)
    following = theirs[attempt] if attempt < len(theirs) else None
    next_event = 0 if following is None else int(reading.bounds[following])
    deciding = int(judged.decided_event[0])
    last_sign, due = _silence(part, seen)
    return Facts(
        journey=journey,
        customer=int(part.customer[0]),
        persona=reading.persona_of(journey),
        attempt=attempt,
        intended=part.plan.intended,
        steps=steps,
        ignored=len(columns.timestamp) - sum(step.event >= 0 for step in steps),
        promises=promises,
        outcome=OUTCOMES[int(judged.outcome[0])],
        decided_us=int(judged.decided_at[0]),
        deciding=next((step for step in steps if step.event == deciding), None) if deciding >= 0 else None,
        place=part.plan.labels[code] if code >= 0 else "",
        place_us=int(columns.timestamp[place]) if place >= 0 else 0,
        place_stage=int(judged.place_stage[0]),
        last_sign_us=last_sign,
        due_us=due,
        turn=int(judged.turn[0]),
        planned_next=_planned_next(part, seen),
        won_back=int(judged.won_back[0]),
        cost=int(seen.aligned.cost[0]),
        worst=int(seen.aligned.worst[0]),
        next_journey=following,
        next_start_us=int(reading.columns.timestamp[next_event]),
        next_outcome=""
        if following is None
        else OUTCOMES[int(see(reading.part_of(following)).judged.outcome[0])],
    )


def _silence(part: Part, seen: Seen) -> tuple[int | None, int | None]:
    """Return the customer's last sign up to the end, and when silence will count as having left, if ever."""
    located, rules = seen.walk.located, part.plan.rules
    if not located.by_customer.any():
        return None, None
    place = int(seen.judged.place_event[0])
    patience = rules.before_us
    if place >= 0:
        code = int(part.columns.touchpoint[place])
        named = rules.patience_us[rules.stages[rules.stage_offsets[code] : rules.stage_offsets[code + 1]]]
        patience = -1 if (named < 0).any() else int(named.max())
    last = int(located.last_act[0])
    return last, None if patience < 0 else last + int(patience)


def _planned_next(part: Part, seen: Seen) -> list[Next]:
    """Return what the map plans after the end of the journey's path, ways back apart."""
    intended, here = part.plan.intended, int(seen.judged.place_stage[0])
    automaton, state = intended.automaton, int(seen.aligned.final[0])
    out = np.flatnonzero(
        (automaton.edge_from == state) & (automaton.edge_to != state) & ~automaton.edge_returns
    )
    labels = deviations.missing_labels(part.plan)[out]
    found = [
        Next(
            intended.stage_names[stage],
            part.plan.labels[label],
            is_required(intended.stages[stage], automaton.symbols[symbol], inside=stage == here),
        )
        for stage, symbol, label in zip(
            automaton.edge_stage[out].tolist(),
            automaton.edge_symbol[out].tolist(),
            labels.tolist(),
            strict=True,
        )
    ]
    return list(dict.fromkeys(found))
