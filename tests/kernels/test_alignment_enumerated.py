"""Alignments to small maps against all that there are, written down one by one and chosen by the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, reject
from hypothesis import strategies as st

from cjmining.event_columns import read_only
from cjmining.intended.automaton import compile_automaton
from cjmining.intended.model import Stage, Touchpoint
from cjmining.kernels.alignment import NOT_ALIGNED, NOT_ON_MAP, Alignments, align, costs, last_edges, prepare
from tests.examples import examples

if TYPE_CHECKING:
    from cjmining.kernels.automaton import Automaton

Move = tuple[int, int]
"""(event, edge): -1 for the event of a map-only move, -1 for the edge of a log-only one."""

NAMES = "abcd"


@st.composite
def stages(draw: st.DrawFn) -> list[Stage]:
    """Two or three stages of few touchpoints, with all that a map may say of their order."""
    names = ["first", "second", "third"][: draw(st.integers(2, 3))]
    size = 5 - len(names)
    touchpoint = st.builds(
        Touchpoint,
        st.sampled_from(NAMES),
        optional=st.booleans(),
        repeat=st.booleans(),
        recorded=st.sampled_from([True, True, False]),
    )
    return [
        Stage(
            name,
            touchpoints=tuple(
                draw(st.lists(touchpoint, min_size=1, max_size=size, unique_by=lambda t: t.touchpoint))
            ),
            order=draw(st.sampled_from(["sequence", "choice", "any"])),
            optional=draw(st.booleans()),
            next=tuple(names[number + 1 : number + 2]),
            returns_to=tuple(draw(st.lists(st.sampled_from(names), max_size=2, unique=True))),
        )
        for number, name in enumerate(names)
    ]


@st.composite
def maps(draw: st.DrawFn) -> Automaton:
    """The automaton of a map whose goal may lie anywhere, with loops back over it."""
    planned = draw(stages())
    touchpoints = [t.touchpoint for stage in planned for t in stage.touchpoints]
    return compile_automaton(planned, [draw(st.sampled_from(touchpoints))])


@dataclass(frozen=True)
class Question:
    """One journey: its events' symbols, which of them failed, and where its path ends."""

    machine: Automaton
    events: list[int]
    failed: list[int]
    end: int
    map_only: int = 1
    log_only: int = 1

    def edges_from(self, state: int) -> list[int]:
        return [k for k, source in enumerate(self.machine.edge_from) if source == state]

    def is_end(self, state: int, last: int) -> bool:
        """A converted path has passed the goal; any other ends in the touchpoint of its place."""
        if self.end == 0:
            return bool(self.machine.goal_passed[state])
        return last >= 0 and bool(last_edges(self.machine, self.end - 1)[last])

    def alignments(self, budget: int) -> Iterator[list[Move]]:
        """All alignments that cost no more; planned steps without an event stand before the next match."""

        def go_on(i: int, state: int, last: int, left: int, done: list[Move]) -> Iterator[list[Move]]:
            if i == len(self.events) and self.is_end(state, last):
                yield done
            in_a_run = bool(done) and done[-1][0] < 0
            if i < len(self.events) and left >= self.log_only and not in_a_run:
                yield from go_on(i + 1, state, last, left - self.log_only, [*done, (i, -1)])
            for edge in self.edges_from(state):
                to = int(self.machine.edge_to[edge])
                if i < len(self.events) and self.machine.edge_symbol[edge] == self.events[i]:
                    yield from go_on(i + 1, to, edge, left, [*done, (i, edge)])
                if left >= self.map_only:
                    yield from go_on(i, to, edge, left - self.map_only, [*done, (-1, edge)])

        yield from go_on(0, self.machine.start, -1, budget, [])

    def cost(self, moves: list[Move]) -> int:
        return sum(self.log_only if edge < 0 else self.map_only if event < 0 else 0 for event, edge in moves)

    def has_an_end(self) -> bool:
        """Whether the map leads there at all."""
        seen, waiting = set(), [(self.machine.start, -1)]
        while waiting:
            state, last = waiting.pop()
            if self.is_end(state, last):
                return True
            if (state, last) not in seen:
                seen.add((state, last))
                waiting += [(int(self.machine.edge_to[k]), k) for k in self.edges_from(state)]
        return False

    def cheapest(self) -> list[list[Move]]:
        for budget in range(6):
            if found := list(self.alignments(budget)):
                return found
        return reject()  # too many to write down

    def answer(self) -> list[Move]:
        """Most matches first, then no failed try for the goal, then the rule that walks forward."""
        return min(self.cheapest(), key=lambda moves: (-_matches(moves), self.tries(moves), _walked(moves)))

    def tries(self, moves: list[Move]) -> int:
        passed = self.machine.goal_passed
        return sum(
            self.end == 0
            and event >= 0
            and edge >= 0
            and self.failed[event] == 1
            and not passed[self.machine.edge_from[edge]]
            and bool(passed[self.machine.edge_to[edge]])
            for event, edge in moves
        )

    def worst(self) -> int:
        """Every event ad hoc, a whole run missing; of that a last touchpoint is free if nobody records it."""
        recorded = self.machine.edge_recorded
        here = {(self.machine.start, -1)}
        missing = set()
        for length in range(2 * self.machine.n_states):
            ends = [last for state, last in here if self.is_end(state, last)]
            missing |= {length - (self.end > 0 and not recorded[last]) for last in ends}
            here = {(int(self.machine.edge_to[k]), k) for state, _ in here for k in self.edges_from(state)}
        return min(missing) * self.map_only + len(self.events) * self.log_only


def _matches(moves: list[Move]) -> int:
    return sum(event >= 0 and edge >= 0 for event, edge in moves)


def _walked(moves: list[Move]) -> list[tuple[int, ...]]:
    """What is compared at a tie: event by event, a match before none, the lowest edge, the run up to it."""
    keys, run = [], []
    for event, edge in moves:
        if event < 0:
            run.append(edge)
        else:
            keys.append((1,) if edge < 0 else (0, edge, len(run), *run))
            run = []
    return [*keys, (2, len(run), *run)]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    machine = draw(maps())
    symbols = st.integers(NOT_ON_MAP, len(machine.symbols) - 1)
    events = draw(st.lists(symbols, max_size=4))
    return Question(
        machine,
        events,
        draw(st.lists(st.integers(-1, 1), min_size=len(events), max_size=len(events))),
        draw(st.integers(0, len(machine.symbols))),
        draw(st.integers(1, 2)),
        draw(st.integers(1, 2)),
    )


def aligned(asked: list[Question], **options: int) -> Alignments:
    """Align journeys to one map, together."""
    bounds = np.cumsum([0, *(len(each.events) for each in asked)]).astype(np.int64)
    symbol = np.array([x for each in asked for x in each.events], dtype=np.int32)
    failed = np.array([flag for each in asked for flag in each.failed], dtype=np.int8)
    end = np.array([each.end for each in asked], dtype=np.int32)
    first = asked[0]
    steps = prepare(first.machine, map_only=first.map_only, log_only=first.log_only, **options)
    found = align(read_only(bounds[:-1]), bounds[1:], end, symbol, read_only(failed), steps)
    assert costs(bounds[:-1], bounds[1:], end, symbol, steps).tolist() == found.cost.tolist()
    return found


def moves_of(found: Alignments, asked: list[Question]) -> list[list[Move]]:
    """The moves of each journey, events counted within it."""
    begin = np.cumsum([0, *(len(each.events) for each in asked)])
    event, edge = found.event.tolist(), found.edge.tolist()
    return [
        [(event[m] - begin[j] if event[m] >= 0 else -1, edge[m]) for m in range(*found.offsets[j : j + 2])]
        for j in range(len(asked))
    ]


@examples(120)
@given(questions())
def test_of_all_alignments_the_one_that_the_rules_name_is_found(asked: Question) -> None:
    if not asked.has_an_end():
        assert len(aligned([asked]).event) == 0
        return
    expected = asked.answer()
    # Once alone, and often enough for the steps to be learnt: the last of the copies goes by look-ups.
    for copies in (1, 20):
        found = aligned([asked] * copies)
        assert moves_of(found, [asked] * copies) == [expected] * copies
        assert found.cost.tolist() == [asked.cost(expected)] * copies
        assert found.worst.tolist() == [asked.worst()] * copies
        last = [edge for _, edge in expected if edge >= 0]
        state = asked.machine.edge_to[last[-1]] if last else asked.machine.start
        assert found.final.tolist() == [state] * copies


@st.composite
def logs(draw: st.DrawFn) -> list[Question]:
    """Journeys of one map, some of them often."""
    machine = draw(maps())
    symbols = st.integers(NOT_ALIGNED, len(machine.symbols) - 1)
    events = st.lists(st.tuples(symbols, st.integers(-1, 1)), max_size=12)
    ends = st.integers(-1, len(machine.symbols))
    weights = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return [
        Question(machine, [x for x, _ in journey], [flag for _, flag in journey], end, *weights)
        for journey, end, times in draw(
            st.lists(st.tuples(events, ends, st.sampled_from([1, 1, 2, 15])), min_size=1, max_size=8)
        )
        for _ in range(times)
    ]


@examples(80)
@given(logs(), st.randoms(use_true_random=False), st.sampled_from([1 << 25, 2_000, 0]))
def test_a_journey_gets_what_it_gets_alone_in_whatever_order_and_memory(log, random, memory) -> None:
    alone = [(moves_of(found, [each])[0], found) for each in log for found in [aligned([each])]]
    order = random.sample(range(len(log)), len(log))
    shuffled = [log[j] for j in order]
    together = aligned(shuffled, memory=memory)
    moves = moves_of(together, shuffled)
    for position, j in enumerate(order):
        expected, found = alone[j]
        assert moves[position] == expected
        for name in ("cost", "worst", "final"):
            assert getattr(together, name)[position] == getattr(found, name)[0]
