"""Alignments against an exhaustive search that knows nothing of vectors, weights or distances."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.event_columns import read_only
from cjmining.kernels.alignment import NOT_ALIGNED, NOT_ON_MAP, align, costs, prepare
from cjmining.kernels.automaton import Automaton
from tests.examples import examples

N_SYMBOLS = 3
GOAL_SYMBOL = 2
WORST = (10**6, 0, 0)


def automaton_of(edges: list[tuple[int, int, int]], n_states: int, passed: list[bool]) -> Automaton:
    """Build an automaton from (from, to, symbol), in written order."""
    listed = sorted(edges, key=lambda edge: edge[0])
    columns = np.array(listed, dtype=np.int32).reshape(-1, 3).T
    return Automaton(
        symbols=tuple("abcdef"[: max(N_SYMBOLS, *(e[2] + 1 for e in edges))]),
        n_states=n_states,
        start=0,
        edge_from=np.ascontiguousarray(columns[0]),
        edge_to=np.ascontiguousarray(columns[1]),
        edge_symbol=np.ascontiguousarray(columns[2]),
        edge_stage=np.zeros(len(listed), dtype=np.int32),
        edge_group=np.full(len(listed), -1, dtype=np.int32),
        edge_returns=np.zeros(len(listed), dtype=bool),
        edge_recorded=np.ones(len(listed), dtype=bool),
        goal_passed=np.array(passed),
    )


@st.composite
def automata(draw: st.DrawFn) -> Automaton:
    """Draw any automaton in which the goal symbol alone passes the goal, for good."""
    before, after = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    n_states = before + after
    possible = [
        (a, b, x)
        for a, b, x in product(range(n_states), range(n_states), range(N_SYMBOLS))
        if (b >= before) == (a >= before or x == GOAL_SYMBOL)
    ]
    edges = draw(st.lists(st.sampled_from(possible), min_size=1, max_size=9, unique=True))
    chain = [(s, s + 1, draw(st.integers(0, 1))) for s in range(before - 1)] + [
        (before - 1, before, GOAL_SYMBOL)
    ]
    edges = [*edges, *(edge for edge in chain if edge not in edges)]
    return automaton_of(edges, n_states, [s >= before for s in range(n_states)])


class Search:
    """The best alignments, by exhaustive search over (events left, last edge)."""

    def __init__(
        self,
        machine: Automaton,
        events: list[int],
        end: int,
        map_only: int,
        log_only: int,
        failed: tuple[int, ...] = (),
    ) -> None:
        self.machine, self.events, self.end = machine, events, end
        self.failed = failed or (0,) * len(events)
        self.map_only, self.log_only = map_only, log_only
        self.edges = list(
            zip(*(c.tolist() for c in (machine.edge_from, machine.edge_to, machine.edge_symbol)), strict=True)
        )
        self.last = self._last_edges()
        self.best = {}
        for i in range(len(events), -1, -1):
            self._solve(i)

    def _last_edges(self) -> set[int]:
        """Edges that may end a run: the place's symbol, before the goal; a failed goal passes it itself."""
        if self.end == 0:
            return set()
        carrying = [k for k, (_, _, x) in enumerate(self.edges) if x == self.end - 1]
        passed = self.machine.goal_passed
        from_before = [k for k in carrying if not passed[self.edges[k][0]]]
        staying = [k for k in from_before if not passed[self.edges[k][1]]]
        return set(staying or from_before or carrying)

    def state(self, node: int | None) -> int:
        return self.machine.start if node is None else self.edges[node][1]

    def is_end(self, node: int | None) -> bool:
        if self.end == 0:
            return bool(self.machine.goal_passed[self.state(node)])
        return node in self.last

    def out(self, node: int | None) -> list[int]:
        return [k for k, (a, _, _) in enumerate(self.edges) if a == self.state(node)]

    def by_a_try(self, i: int, k: int) -> int:
        """Say whether a converted journey passes the goal by an event that failed."""
        passed = self.machine.goal_passed
        passes = not passed[self.edges[k][0]] and passed[self.edges[k][1]]
        return int(self.end == 0 and self.failed[i] == 1 and passes)

    def _solve(self, i: int) -> None:
        """Least (cost, minus matches, tries) from each last edge with the events from i on to explain."""
        nodes = [None, *range(len(self.edges))]
        best = {}
        for node in nodes:
            if i == len(self.events):
                best[node] = (0, 0, 0) if self.is_end(node) else WORST
                continue
            cost, matches, tries = self.best[i + 1, node]
            options = [(cost + self.log_only, matches, tries)]
            for k in self.out(node):
                if self.edges[k][2] == self.events[i]:
                    cost, matches, tries = self.best[i + 1, k]
                    options.append((cost, matches - 1, tries + self.by_a_try(i, k)))
            best[node] = min(options)
        for _ in nodes:
            for node in nodes:
                for k in self.out(node):
                    best[node] = min(best[node], (best[k][0] + self.map_only, *best[k][1:]))
        self.best.update({(i, node): value for node, value in best.items()})

    def runs(self, node: int | None, length: int) -> list[tuple[int, ...]]:
        """All map-only runs of a length, in written order."""
        if length == 0:
            return [()]
        return [(k, *rest) for k in self.out(node) for rest in self.runs(k, length - 1)]

    def moves(self) -> list[tuple[int, int]]:
        """Walk forward as the tie rule says: (event or -1, edge or -1)."""
        node, found = None, []
        for i, event in enumerate(self.events):
            run, match = self._best_match(i, node, event)
            found += [(-1, k) for k in run]
            found.append((i, match))
            node = node if match < 0 else match
        cost = self.best[len(self.events), node][0]
        length, rest = divmod(cost, self.map_only)
        assert rest == 0
        for run in self.runs(node, length):
            if self.is_end(run[-1] if run else node):
                return found + [(-1, k) for k in run]
        raise AssertionError("no run to the end")

    def _best_match(self, i: int, node: int | None, event: int) -> tuple[tuple[int, ...], int]:
        for match in range(len(self.edges)):
            if self.edges[match][2] != event:
                continue
            cost, matches, tries = self.best[i + 1, match]
            tries += self.by_a_try(i, match)
            for length in range(self.machine.n_states):
                if (cost + length * self.map_only, matches - 1, tries) == self.best[i, node]:
                    for run in self.runs(node, length):
                        if self.state(run[-1] if run else node) == self.edges[match][0]:
                            return run, match
        return (), -1


def run_align(
    machine: Automaton,
    journeys: list[tuple[list[int], int]],
    failed: list[tuple[int, ...]] | None = None,
    **weights: int,
):
    lengths = [len(events) for events, _ in journeys]
    bounds = np.cumsum([0, *lengths]).astype(np.int64)
    symbol = np.array([x for events, _ in journeys for x in events], dtype=np.int32)
    end = np.array([end for _, end in journeys], dtype=np.int32)
    flags = np.array([f for each in failed for f in each] if failed else [0] * len(symbol), dtype=np.int8)
    steps = prepare(machine, **weights)
    found = align(read_only(bounds[:-1]), bounds[1:], end, symbol, read_only(flags), steps)
    assert costs(bounds[:-1], bounds[1:], end, symbol, steps).tolist() == found.cost.tolist()
    return found, bounds


def ends_possible(machine: Automaton) -> list[int]:
    """The ends that the map can reach: the goal, or the symbol of a place."""
    return [0, *(1 + x for x in sorted(set(machine.edge_symbol.tolist())))]


journeys_of = st.lists(
    st.tuples(st.lists(st.integers(NOT_ON_MAP, N_SYMBOLS - 1), min_size=1, max_size=6), st.integers(0, 3)),
    min_size=1,
    max_size=4,
)


@examples(300)
@given(
    automata(),
    journeys_of,
    st.integers(1, 3),
    st.integers(1, 3),
    st.tuples(*[st.integers(-1, 1)] * 6),
)
def test_cost_matches_and_moves_are_those_of_the_exhaustive_search(
    machine: Automaton,
    journeys: list[tuple[list[int], int]],
    map_only: int,
    log_only: int,
    flags: tuple[int, ...],
) -> None:
    reachable = [
        (events, end)
        for events, end in journeys
        if Search(machine, [], end, map_only, log_only).best[0, None][0] < WORST[0]
    ]
    failed = [flags[: len(events)] for events, _ in reachable]
    found, bounds = run_align(machine, reachable, failed, map_only=map_only, log_only=log_only)
    for j, (events, end) in enumerate(reachable):
        search = Search(machine, events, end, map_only, log_only, failed[j])
        cost, matches, _ = search.best[0, None]
        assert (cost, matches) == Search(machine, events, end, map_only, log_only).best[0, None][:2]
        mine = slice(found.offsets[j], found.offsets[j + 1])
        event, edge = found.event[mine], found.edge[mine]
        moves = [
            (e - bounds[j] if e >= 0 else -1, k) for e, k in zip(event.tolist(), edge.tolist(), strict=True)
        ]
        assert found.cost[j] == cost
        assert np.count_nonzero((event >= 0) & (edge >= 0)) == -matches
        assert moves == search.moves()
        nothing = Search(machine, [], end, map_only, log_only).best[0, None][0]
        assert found.worst[j] == nothing + log_only * len(events)


CHAIN = automaton_of([(0, 1, 0), (1, 2, 1), (2, 3, 2)], 4, [False, False, False, True])


def test_the_event_that_reached_the_goal_is_matched_and_not_a_failed_try_before_it() -> None:
    found, _ = run_align(CHAIN, [([0, 1, 2, 2], 0)], [(0, 0, 1, 0)])
    assert found.edge.tolist() == [0, 1, -1, 2]
    assert found.cost.tolist() == [1]


def test_a_failed_try_is_matched_where_that_costs_less() -> None:
    """The map goes on after the goal: what followed the try can be explained only if the try passed it."""
    machine = automaton_of([(0, 1, 0), (1, 2, 2), (2, 3, 1)], 4, [False, False, True, True])
    found, _ = run_align(machine, [([0, 2, 1, 2], 0)], [(0, 1, 0, 0)])
    assert found.edge.tolist() == [0, 1, 2, -1]
    assert found.cost.tolist() == [1]


def test_a_place_after_two_skipped_steps_stays_the_place() -> None:
    """The case of the design: b without a, c; dropping b would be as cheap but would move the drop-out."""
    found, _ = run_align(CHAIN, [([1], 2)])
    assert found.event.tolist() == [-1, 0]
    assert found.edge.tolist() == [0, 1]
    assert found.cost.tolist() == [1]
    assert found.final.tolist() == [2]


def test_a_place_that_no_system_records_is_free_where_nothing_is_explained() -> None:
    """b without a costs 1; nothing explained costs a and the event, but not a missing b."""
    found, _ = run_align(CHAIN._replace(edge_recorded=np.array([True, False, True])), [([1], 2), ([0, 1], 2)])
    assert found.cost.tolist() == [1, 0]
    assert found.worst.tolist() == [2, 3]


def test_events_that_are_never_aligned_have_no_move() -> None:
    found, _ = run_align(CHAIN, [([0, NOT_ALIGNED, NOT_ON_MAP, 1, 2], 0)])
    assert found.event.tolist() == [0, 2, 3, 4]
    assert found.edge.tolist() == [0, -1, 1, 2]
    assert found.cost.tolist() == [1]


def test_a_journey_without_a_place_is_not_aligned() -> None:
    found, _ = run_align(CHAIN, [([NOT_ON_MAP, NOT_ON_MAP], -1), ([0], 1)])
    assert found.offsets.tolist() == [0, 0, 1]
    assert found.cost.tolist() == [0, 0]
    assert found.worst.tolist() == [0, 2]


def test_an_end_to_which_the_map_does_not_lead_is_not_aligned() -> None:
    """The last symbol is that of a stage that nobody can reach."""
    cut_off = automaton_of([(0, 1, 0), (2, 1, 1), (2, 3, 2)], 4, [False, False, False, True])
    found, _ = run_align(cut_off, [([0, 1], 2), ([0, 2], 0), ([0, 1], 1)])
    assert found.offsets.tolist() == [0, 0, 0, 2]
    assert found.cost.tolist() == [0, 0, 1]


def test_results_do_not_depend_on_the_order_of_journeys() -> None:
    rng = np.random.default_rng(7)
    journeys = [
        (rng.integers(-1, 3, rng.integers(1, 30)).tolist(), int(rng.integers(0, 4))) for _ in range(200)
    ]
    there, _ = run_align(CHAIN, journeys)
    back, _ = run_align(CHAIN, journeys[::-1])
    assert there.cost.tolist() == back.cost.tolist()[::-1]
    edges = [there.edge[a:b].tolist() for a, b in zip(there.offsets, there.offsets[1:], strict=False)]
    edges_back = [back.edge[a:b].tolist() for a, b in zip(back.offsets, back.offsets[1:], strict=False)]
    assert edges == edges_back[::-1]


@pytest.mark.parametrize("weights", [{"map_only": 5}, {"log_only": 5}])
def test_weights_choose_the_explanation(weights: dict[str, int]) -> None:
    """a, b, a, goal: either the second a is ad hoc, whatever it costs, since the map has no second one."""
    found, _ = run_align(CHAIN, [([0, 1, 0, 2], 0)], **weights)
    assert found.cost.tolist() == [weights.get("log_only", 1)]


@cache
def long_chain(n: int) -> Automaton:
    return automaton_of(
        [(i, i + 1, i % 2) for i in range(n)] + [(n, n + 1, 2)], n + 2, [False] * (n + 1) + [True]
    )


def test_many_more_missing_steps_than_events_fit() -> None:
    found, _ = run_align(long_chain(200), [([2], 0), ([2], 0)])
    assert found.cost.tolist() == [200, 200]
    assert np.diff(found.offsets).tolist() == [201, 201]
