"""Types of deviation against a plain reading of the rules, over small maps and journeys of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from cjmining import schema
from cjmining.conformance import deviations
from cjmining.conformance.plan import make_plans
from cjmining.conformance.reading import Part, Reading, Seen, see
from cjmining.errors import MapError
from cjmining.intended import IntendedMap, parse_map
from cjmining.kernels.deviations import TYPES, Deviations, classify
from cjmining.log import JourneyLog
from tests.examples import examples

if TYPE_CHECKING:
    from cjmining.kernels.alignment import Alignments

START = pd.Timestamp("2026-03-01", tz="UTC")
NAMES = "abcdef"
SOURCE_OF = {name: "one" if name in "ace" else "two" for name in NAMES} | {"x": "one"}
HOUR = 3_600_000_000
DAY_S = 86_400


# maps, logs, gaps -----------------------------------------------------------------------------------------


@st.composite
def maps(draw: st.DrawFn) -> IntendedMap:
    """Draw a map, also one whose stages follow each other in circles, through the goal or not."""
    n_stages = draw(st.integers(1, 4))
    names = [f"S{n}" for n in range(n_stages)]
    some = st.lists(st.sampled_from(names), unique=True, max_size=2)
    stages = []
    for name in names:
        chosen = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
        stage: dict[str, Any] = {
            "stage": name,
            "order": draw(st.sampled_from(["sequence", "choice", "any"])),
            "optional": draw(st.booleans()),
            "touchpoints": [
                {"touchpoint": t, "optional": draw(st.booleans()), "repeat": draw(st.booleans())}
                | draw(st.sampled_from([{}, {"channels": ["web"]}]))
                for t in chosen
            ],
        }
        if draw(st.booleans()):
            stage["next"] = draw(some)
        if draw(st.booleans()):
            stage["returns_to"] = draw(some)
        stages.append(stage)
    planned = sorted({t["touchpoint"] for stage in stages for t in stage["touchpoints"]})
    goal = draw(st.lists(st.sampled_from(planned), min_size=1, max_size=2, unique=True))
    written = {"map": "any", "goal": goal, "patience": "10d", "stages": stages}
    try:
        return parse_map(yaml.safe_dump(written))
    except MapError:
        assume(False)
        raise


EVENT = st.tuples(
    st.sampled_from([*NAMES, "x"]),
    st.integers(0, 30),
    st.sampled_from([False, False, False, True]),
    st.sampled_from(["web", "web", "phone", None]),
    st.sampled_from([0.0, 0.0, 0.0, DAY_S]),
)
JOURNEYS = st.lists(st.lists(EVENT, min_size=1, max_size=7), min_size=1, max_size=4)
GAPS = st.lists(
    st.tuples(st.sampled_from(["one", "two"]), st.integers(0, 100), st.integers(1, 40)), max_size=2
)


def log_of(journeys: list[list[tuple]], gaps: list[tuple[str, int, int]]) -> JourneyLog:
    rows = []
    for customer, events in enumerate(journeys):
        hour = 0
        for position, (touchpoint, wait, failed, channel, precision) in enumerate(events):
            hour += wait
            rows.append(
                {
                    "customer": customer,
                    "timestamp": START + pd.Timedelta(hours=hour),
                    "sequence": position,
                    "touchpoint": touchpoint,
                    "failed": failed,
                    "channel": channel,
                    "precision": precision,
                    "source": SOURCE_OF[touchpoint],
                }
            )
    sources = [
        {
            "source": name,
            "kind": "Table",
            "records": 0,
            "first": START,
            "last": START + pd.Timedelta(days=400),
            "gaps": [
                {"start": START + pd.Timedelta(hours=a), "end": START + pd.Timedelta(hours=a + n)}
                for source, a, n in gaps
                if source == name
            ],
            "timezone": "UTC",
            "timezone_given": True,
            "note": "",
        }
        for name in ("one", "two")
    ]
    return JourneyLog.from_events(
        pd.DataFrame(rows).astype({"channel": "str"}),
        sources=pa.Table.from_pylist(sources, schema=schema.SOURCES),
        data_end=START + pd.Timedelta(days=400),
    )


def part_of(log: JourneyLog, intended: IntendedMap) -> tuple[Part, Seen]:
    """Read a whole log as one part."""
    reading = Reading.of(log, make_plans(log, intended), None)
    (part,) = reading.parts(log.blocks()[0])
    return part, see(part)


# the rules, read plainly ----------------------------------------------------------------------------------


class Move(NamedTuple):
    """An event, an edge, or both; what they say in words."""

    event: int | None
    edge: int | None
    touchpoint: str
    stage: int | None


class Rules:
    """The types of a journey's moves, by the words of the design."""

    def __init__(self, log: JourneyLog, intended: IntendedMap, gaps: list[tuple[str, int, int]]) -> None:
        self.intended, self.machine, self.gaps = intended, intended.automaton, gaps
        self.events = log.events
        self.times = log.timestamps
        self.recorded_by = self.events.groupby("touchpoint", observed=True).source.unique().to_dict()

    def moves(self, aligned: Alignments, journey: int) -> list[Move]:
        found = []
        for m in range(aligned.offsets[journey], aligned.offsets[journey + 1]):
            event, edge = int(aligned.event[m]), int(aligned.edge[m])
            if edge >= 0:
                touchpoint = self.machine.symbols[self.machine.edge_symbol[edge]]
                stage = int(self.machine.edge_stage[edge])
            else:
                touchpoint, stage = str(self.events.touchpoint.iloc[event]), None
            found.append(Move(event if event >= 0 else None, edge if edge >= 0 else None, touchpoint, stage))
        return found

    def types(self, moves: list[Move], begin: int, final: int) -> list[tuple[int, str, int]]:
        """Give (position of the move, type, stage), in order."""
        partner, found, here = self.pairs(moves), [], -1
        for position, move in enumerate(moves):
            if move.edge is not None:
                here = move.stage
                found += [
                    (position, type_, here) for type_ in self.of_planned(moves, position, begin, partner)
                ]
            elif (unplanned := self.of_unplanned(moves, position, here, final, partner)) is not None:
                found.append((position, *unplanned))
        return found

    def pairs(self, moves: list[Move]) -> dict[int, int]:
        """Pair what came unplanned with what was skipped: same touchpoint, then same choice, in order."""
        partner: dict[int, int] = {}
        skipped = [i for i, move in enumerate(moves) if move.event is None]
        unplanned = [i for i, move in enumerate(moves) if move.edge is None and self.is_planned(move)]
        for fits in (self.same_touchpoint, self.same_choice):
            for i in unplanned:
                free = [k for k in skipped if k not in partner and fits(moves[i], moves[k])]
                if i not in partner and free:
                    partner[i], partner[free[0]] = free[0], i
        return partner

    def is_planned(self, move: Move) -> bool:
        return move.touchpoint in self.machine.symbols

    def same_touchpoint(self, one: Move, other: Move) -> bool:
        return one.touchpoint == other.touchpoint

    def same_choice(self, one: Move, other: Move) -> bool:
        return self.machine.edge_group[other.edge] >= 0 and one.touchpoint in self.alternatives(other)

    def alternatives(self, move: Move) -> list[str]:
        if self.machine.edge_group[move.edge] < 0:
            return [move.touchpoint]
        return [t.touchpoint for t in self.intended.stages[move.stage].touchpoints]

    def of_planned(self, moves: list[Move], at: int, begin: int, partner: dict[int, int]) -> list[str]:
        move = moves[at]
        if move.event is None:
            return ["missing"] if at not in partner and self.was_covered(moves, at, begin) else []
        row = self.events.iloc[move.event]
        planned = next(
            t for t in self.intended.stages[move.stage].touchpoints if t.touchpoint == move.touchpoint
        )
        wrong = bool(planned.channels) and pd.notna(row.channel) and row.channel not in planned.channels
        return ["failed"] * bool(row.failed) + ["wrong channel"] * wrong

    def of_unplanned(
        self, moves: list[Move], at: int, here: int, final: int, partner: dict[int, int]
    ) -> tuple[str, int] | None:
        move = moves[at]
        if not self.is_planned(move):
            return "ad hoc", here
        if move.touchpoint in self.intended.goal and bool(self.events.failed.iloc[move.event]):
            naming = [
                n
                for n, s in enumerate(self.intended.stages)
                if move.touchpoint in {t.touchpoint for t in s.touchpoints}
            ]
            return "failed", next((n for n in naming if n >= here), naming[-1])
        if at in partner:
            fits = self.may_lie_at(moves, partner[at], move.event)
            return None if fits else ("out of order", moves[partner[at]].stage)
        beyond = self.only_beyond(final, move.touchpoint)
        if beyond is not None:
            return None if self.may_lie_at(moves, len(moves), move.event) else ("out of order", beyond)
        before = [m for m in moves[:at] if m.event is not None and m.edge is not None]
        same = [m for m in before if m.touchpoint == move.touchpoint]
        return ("repeated", same[-1].stage) if same else ("ad hoc", here)

    def around(self, moves: list[Move], at: int) -> tuple[int | None, int | None]:
        matched = [(i, m.event) for i, m in enumerate(moves) if m.event is not None and m.edge is not None]
        before = [event for i, event in matched if i < at]
        after = [event for i, event in matched if i > at]
        return (before[-1] if before else None), (after[0] if after else None)

    def span(self, event: int) -> tuple[int, int]:
        """From when to when an event may have happened."""
        return self.times[event], self.times[event] + int(self.events.precision.iloc[event] * 1e6)

    def may_lie_at(self, moves: list[Move], at: int, event: int) -> bool:
        """Whether the times are too coarse to say that the event didn't happen there."""
        before, after = self.around(moves, at)
        coarse = any(self.span(e)[0] < self.span(e)[1] for e in (event, before, after) if e is not None)
        first, last = self.span(event)
        late_enough = before is None or last >= self.span(before)[0]
        early_enough = after is None or first <= self.span(after)[1]
        return coarse and late_enough and early_enough

    def was_covered(self, moves: list[Move], at: int, begin: int) -> bool:
        before, after = self.around(moves, at)
        # All sources began with the log: before a journey's first event is asked for gaps up to there.
        patience = 10 * DAY_S * 1_000_000
        since = max(begin - patience, START.value // 1000)
        earliest = since if before is None else self.times[before]
        latest = earliest if after is None else self.times[after]
        for source, a, n in self.gaps:
            start = START.value // 1000 + a * HOUR
            end = start + n * HOUR
            records = any(source in self.recorded_by.get(t, ()) for t in self.alternatives(moves[at]))
            in_between = start < latest and earliest < end
            if records and (in_between or (earliest == latest and start <= earliest < end)):
                return False
        return True

    def only_beyond(self, final: int, touchpoint: str) -> int | None:
        """The first stage with the touchpoint beyond a path's end, if no way to that end has it."""
        on = [k for k in range(len(self.machine.edge_from)) if not self.machine.edge_returns[k]]
        carry = [k for k in on if self.machine.symbols[self.machine.edge_symbol[k]] == touchpoint]
        leads = self.reachable
        beyond = [k for k in carry if self.machine.edge_from[k] in leads(final, on)]
        before = [
            k
            for k in carry
            if self.machine.edge_from[k] in leads(self.machine.start, on)
            and final in leads(int(self.machine.edge_to[k]), on)
        ]
        return int(self.machine.edge_stage[beyond[0]]) if beyond and not before else None

    def reachable(self, state: int, edges: list[int]) -> set[int]:
        found, waiting = {state}, [state]
        while waiting:
            here = waiting.pop()
            for k in edges:
                to = int(self.machine.edge_to[k])
                if self.machine.edge_from[k] == here and to not in found:
                    found.add(to)
                    waiting.append(to)
        return found


def kernel_types(part: Part, seen: Seen) -> Deviations:
    columns = part.columns
    return classify(
        columns.timestamp[part.bounds[:-1]],
        seen.aligned,
        seen.symbol,
        columns.timestamp,
        columns.precision,
        columns.failed,
        columns.channel,
        part.plan.facts,
        part.plan.rules.patience_us,
    )


@examples(200)
@given(maps(), JOURNEYS, GAPS)
def test_types_are_those_of_the_rules(
    intended: IntendedMap, journeys: list[list[tuple]], gaps: list[tuple[str, int, int]]
) -> None:
    log = log_of(journeys, gaps)
    part, seen = part_of(log, intended)
    found = kernel_types(part, seen)
    rules = Rules(log, intended, gaps)
    for journey in range(log.n_journeys):
        begin = int(log.timestamps[log.bounds[journey]])
        moves = rules.moves(seen.aligned, journey)
        expected = rules.types(moves, begin, int(seen.aligned.final[journey]))
        mine = found.journey == journey
        first = int(seen.aligned.offsets[journey])
        told = [
            (int(move) - first, TYPES[type_], int(stage))
            for move, type_, stage in zip(found.move[mine], found.type_[mine], found.stage[mine], strict=True)
        ]
        assert told == expected


@examples(200)
@given(maps(), JOURNEYS)
def test_each_event_off_the_plan_has_one_type_and_each_skipped_step_is_used_once(
    intended: IntendedMap, journeys: list[list[tuple]]
) -> None:
    exact = [[(*event[:4], 0.0) for event in events] for events in journeys]
    part, seen = part_of(log_of(exact, []), intended)
    found = kernel_types(part, seen)
    aligned = seen.aligned
    log_only = np.flatnonzero(aligned.edge < 0)
    types_of = {int(move): [] for move in range(len(aligned.event))}
    for move, type_ in zip(found.move.tolist(), found.type_.tolist(), strict=True):
        types_of[move].append(TYPES[type_])
    unplanned = {"ad hoc", "out of order", "repeated", "failed"}
    assert all(len(types_of[m]) == 1 and types_of[m][0] in unplanned for m in log_only.tolist())
    missing = [m for m, types in types_of.items() if types == ["missing"]]
    skipped = np.flatnonzero(aligned.event < 0)
    assert set(missing) <= set(skipped.tolist())
    assert not any(types_of[m] for m in set(skipped.tolist()) - set(missing))
    # What was skipped and isn't missing was done at another time: once each.
    late_or_early = [m for m in log_only.tolist() if types_of[m] in (["out of order"], ["failed"])]
    assert len(skipped) - len(missing) <= len(late_or_early)


def test_journeys_of_many_deviations_are_told_whole() -> None:
    """More deviations than moves had been made room for: each event failed on the wrong channel."""
    intended = parse_map(
        "map: m\ngoal: [b]\npatience: never\nstages:\n  - stage: S\n    touchpoints:\n"
        "      - {touchpoint: a, channels: [web], repeat: true}\n      - {touchpoint: b}\n"
    )
    part, seen = part_of(log_of([[("a", 1, True, "phone", 0.0)] * 500], []), intended)
    found = kernel_types(part, seen)
    assert found.move.tolist() == np.repeat(np.arange(500), 2).tolist()
    assert [TYPES[t] for t in found.type_[:2]] == ["failed", "wrong channel"]


CIRCLE = """
map: circle
goal: [c]
patience: never
stages:
  - {stage: One, touchpoints: [{touchpoint: a}], next: [Two]}
  - {stage: Two, touchpoints: [{touchpoint: b}], next: [Three]}
  - {stage: Three, touchpoints: [{touchpoint: c}], next: [One]}
"""


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        # Before the goal b is planned only beyond a, though the circle leads to it again after the goal.
        ("b a", [("out of order", 1)]),
        # After the goal b lies before the path's end as well as behind it: once more is repeated.
        ("a b b c", [("repeated", 1)]),
        ("a b c b a", [("repeated", 1)]),
    ],
)
def test_in_a_map_that_is_a_circle_the_goal_tells_before_from_beyond(
    journey: str, expected: list[tuple[str, int]]
) -> None:
    events = [(touchpoint, 1, False, "web", 0.0) for touchpoint in journey.split()]
    part, seen = part_of(log_of([events], []), parse_map(CIRCLE))
    found = deviations.find(part, seen)
    assert [(TYPES[t], s) for t, s in zip(found.type_, found.stage, strict=True)] == expected
