"""What a model lets happen, as the least deterministic automaton: equal models have equal ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from cjmining.errors import MapError

if TYPE_CHECKING:
    from cjmining.kernels.automaton import Automaton

State = TypeVar("State", bound=Hashable)
MAX_DETERMINISTIC = 20_000


@dataclass(frozen=True)
class Behaviour:
    """Which touchpoints may follow one another from the start on; what is allowed may stop anywhere.

    Attributes
    ----------
    steps : tuple of dict
        For each state the touchpoints allowed there, ascending, and where they lead; state 0 is the start. No
        two states allow the same, so that two behaviours are equal where their steps are.
    """

    steps: tuple[Mapping[str, int], ...]

    @classmethod
    def of(cls, start: State, edges: Mapping[State, Iterable[tuple[str | None, State]]]) -> Behaviour:
        """Return the behaviour of an automaton; a step named None is silent.

        Parameters
        ----------
        start : hashable
            The first state.
        edges : mapping
            For each state its steps: name, or None, and the state it leads to.

        Raises
        ------
        MapError
            If more than 20,000 situations have to be told apart.

        Examples
        --------
        >>> Behaviour.of("s", {"s": [("a", "t"), (None, "t")], "t": [("b", "u")]}).steps
        ({'a': 1, 'b': 2}, {'b': 2}, {})
        """
        return cls(_least(_deterministic(start, edges)))

    @classmethod
    def of_automaton(cls, automaton: Automaton, silent: Collection[str] = ()) -> Behaviour:
        """Return the behaviour of a compiled map; the touchpoints in `silent` are passed over."""
        edges: dict[int, list[tuple[str | None, int]]] = {}
        columns = (automaton.edge_from, automaton.edge_to, automaton.edge_symbol)
        for source, target, symbol in zip(*(column.tolist() for column in columns), strict=True):
            name = automaton.symbols[symbol]
            edges.setdefault(source, []).append((None if name in silent else name, target))
        return cls.of(automaton.start, edges)

    @property
    def names(self) -> tuple[str, ...]:
        """Every touchpoint that may happen, ascending."""
        return tuple(sorted({name for step in self.steps for name in step}))

    def without(self, names: Collection[str]) -> Behaviour:
        """Return the behaviour in which some touchpoints never happen."""
        kept = {
            state: [(name, to) for name, to in step.items() if name not in names]
            for state, step in enumerate(self.steps)
        }
        return Behaviour.of(0, kept)

    def after(self, names: Iterable[str], state: int = 0) -> int | None:
        """Return the state after these touchpoints, or None where they aren't allowed."""
        at: int | None = state
        for name in names:
            at = None if at is None else self.steps[at].get(name)
        return at

    @cached_property
    def targets(self) -> Mapping[str, Collection[int]]:
        """For each touchpoint the states that it leads to."""
        targets: dict[str, set[int]] = {}
        for step in self.steps:
            for name, to in step.items():
                targets.setdefault(name, set()).add(to)
        return targets

    @cached_property
    def swaps(self) -> Collection[frozenset[str]]:
        """The pairs that may come in both orders somewhere, with the same to follow."""
        return {
            frozenset((a, b))
            for state, step in enumerate(self.steps)
            for a in step
            for b in step
            if a < b and (to := self.after((a, b), state)) is not None and to == self.after((b, a), state)
        }

    @cached_property
    def shortest_ways(self) -> Sequence[tuple[str, ...]]:
        """For each state the shortest way to it, the first in the order of names."""
        ways: dict[int, tuple[str, ...]] = {0: ()}
        waiting = deque([0])
        while waiting:
            state = waiting.popleft()
            for name, to in self.steps[state].items():
                if to not in ways:
                    ways[to] = (*ways[state], name)
                    waiting.append(to)
        return [ways[state] for state in range(len(self.steps))]

    def difference(self, other: Behaviour) -> tuple[str, ...] | None:
        """Return the shortest way that one of the two allows and the other doesn't, or None."""
        seen = {(0, 0)}
        waiting: deque[tuple[int, int, tuple[str, ...]]] = deque([(0, 0, ())])
        while waiting:
            mine, its, way = waiting.popleft()
            here, there = self.steps[mine], other.steps[its]
            for name in sorted({*here, *there}):
                if name not in here or name not in there:
                    return (*way, name)
                if (here[name], there[name]) not in seen:
                    seen.add((here[name], there[name]))
                    waiting.append((here[name], there[name], (*way, name)))
        return None


def _deterministic(
    start: State, edges: Mapping[State, Iterable[tuple[str | None, State]]]
) -> list[dict[str, int]]:
    """Put together the states that the same touchpoints lead to (subset construction)."""
    first = _closed({start}, edges)
    numbers, waiting, steps = {first: 0}, deque([first]), []
    while waiting:
        reached: dict[str, set[State]] = {}
        for state in waiting.popleft():
            for name, to in edges.get(state, ()):
                if name is not None:
                    reached.setdefault(name, set()).add(to)
        step = {}
        for name in sorted(reached):
            states = _closed(reached[name], edges)
            if states not in numbers:
                numbers[states] = len(numbers)
                waiting.append(states)
            step[name] = numbers[states]
        steps.append(step)
        if len(numbers) > MAX_DETERMINISTIC:
            raise MapError(
                f"the model has more than {MAX_DETERMINISTIC:,} situations to tell apart: it is too large"
            )
    return steps


def _closed(
    states: set[State], edges: Mapping[State, Iterable[tuple[str | None, State]]]
) -> frozenset[State]:
    """Add the states that silent steps lead to."""
    found, waiting = set(states), list(states)
    while waiting:
        for name, to in edges.get(waiting.pop(), ()):
            if name is None and to not in found:
                found.add(to)
                waiting.append(to)
    return frozenset(found)


def _least(steps: list[dict[str, int]]) -> tuple[Mapping[str, int], ...]:
    """Merge states that allow the same for ever (Moore's refinement); number them breadth first."""
    classes, n = [0] * len(steps), 1
    while True:
        keys = [
            (classes[q], *((name, classes[to]) for name, to in step.items())) for q, step in enumerate(steps)
        ]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        classes = [numbers[key] for key in keys]
        if len(numbers) == n:
            break
        n = len(numbers)
    members = {of: state for state, of in reversed(list(enumerate(classes)))}
    order = {classes[0]: 0}
    for of in (waiting := [classes[0]]):
        for to in steps[members[of]].values():
            if classes[to] not in order:
                order[classes[to]] = len(order)
                waiting.append(classes[to])
    return tuple({name: order[classes[to]] for name, to in steps[members[of]].items()} for of in waiting)
