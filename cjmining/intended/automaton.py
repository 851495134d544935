"""The intended map compiled to a finite automaton without silent steps (Glushkov's construction).

A stage is a regular expression over its touchpoints. Its states are the touchpoints done last (in an `any`
stage the set of those done), so every step of the automaton is one touchpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from cjmining.errors import MapError
from cjmining.kernels.automaton import Automaton

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.intended.model import IntendedMap, Stage, Touchpoint

MAX_STATES = 256


def compile_automaton(stages: Sequence[Stage], goal: Sequence[str]) -> Automaton:
    """Compile stages to the automaton of the journeys they intend.

    Parameters
    ----------
    stages : sequence of Stage
        In written order; the first is where journeys begin.
    goal : sequence of str
        The touchpoints that complete a journey.

    Returns
    -------
    Automaton
        At most 256 states, numbered from the start by written order, those before the goal first.

    Raises
    ------
    MapError
        If the automaton would have more states.

    Examples
    --------
    >>> from cjmining.intended.model import Stage, Touchpoint
    >>> automaton = compile_automaton([Stage("Order", touchpoints=(Touchpoint("paid"),))], ["paid"])
    >>> automaton.n_states, automaton.symbols, automaton.goal_passed.tolist()
    (2, ('paid',), [False, True])
    """
    goals = frozenset(goal)
    plan = _Plan(stages)
    steps: dict[_State | None, list[_Step]] = {}
    waiting: list[_State | None] = [None]
    while waiting:
        state = waiting.pop()
        if state in steps:
            continue
        steps[state] = list(_steps(plan, state, goals))
        waiting.extend(step.to for step in steps[state])
    _check_size(steps, stages)
    return _as_arrays(plan, steps)


def automaton_table(intended: IntendedMap) -> pd.DataFrame:
    """Return the map's automaton as a table; `IntendedMap.automaton_table` has its columns."""
    import pandas as pd

    automaton = intended.automaton
    passed = automaton.goal_passed
    return pd.DataFrame(
        {
            "from_state": automaton.edge_from,
            "to_state": automaton.edge_to,
            "stage": [intended.stage_names[stage] for stage in automaton.edge_stage],
            "touchpoint": [automaton.symbols[symbol] for symbol in automaton.edge_symbol],
            "one_of": automaton.edge_group >= 0,
            "returns": automaton.edge_returns,
            "recorded": automaton.edge_recorded,
            "passes_goal": passed[automaton.edge_to] & ~passed[automaton.edge_from],
            "goal_passed": passed[automaton.edge_to],
        }
    ).astype({"stage": str, "touchpoint": str})


def entry_stages(stages: Sequence[Stage]) -> tuple[int, ...]:
    """Return the stages in which a journey may begin: the first, and those that passing over it leads to."""
    if not stages:
        return ()
    return tuple(sorted({stage for stage, _, _ in _enter(_Plan(stages), 0, set(), back=True)}))


def leads_to(stages: Sequence[Stage]) -> npt.NDArray[np.bool_]:
    """Say which stage (row) the map leads on to which other (column): over `next`, never by a way back."""
    plan = _Plan(stages)
    leads = np.zeros((len(stages), len(stages)), dtype=np.bool_)
    for stage, following in enumerate(plan.next):
        leads[stage, following] = True
    for between in range(len(stages)):
        leads |= leads[:, between, None] & leads[None, between, :]
    np.fill_diagonal(leads, False)
    return leads


def reachable_stages(stages: Sequence[Stage]) -> frozenset[int]:
    """Return the stages that a journey can reach from the first."""
    plan = _Plan(stages)
    found: set[int] = set()
    waiting = [0] if stages else []
    while waiting:
        stage = waiting.pop()
        if stage not in found:
            found.add(stage)
            waiting.extend([*plan.next[stage], *plan.returns_to[stage]])
    return frozenset(found)


class _State(NamedTuple):
    """How far a journey has come; None stands for the state before the map."""

    goal_passed: bool
    stage: int
    done: int  # the position done last; inside `any` the set of positions done, as bits


class _Step(NamedTuple):
    stage: int
    position: int
    to: _State
    returns: bool


class _Plan:
    """The stages with their successors as numbers; names that don't exist are left out."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = stages
        numbers: dict[str, int] = {}
        for number, stage in enumerate(stages):
            numbers.setdefault(stage.stage, number)
        self.next = [[numbers[name] for name in stage.next if name in numbers] for stage in stages]
        self.returns_to = [
            [numbers[name] for name in stage.returns_to if name in numbers] for stage in stages
        ]


def _steps(plan: _Plan, state: _State | None, goals: frozenset[str]) -> Iterator[_Step]:
    """Yield the steps out of a state in written order, each once.

    A step that can be taken without any way back leads on, whichever way to it comes first in written order.
    """
    seen: set[_Step] = set()
    leading_on = set(_moves(plan, state, back=False))
    for stage, position, done in _moves(plan, state, back=True):
        passed = state is not None and state.goal_passed
        passed = passed or plan.stages[stage].touchpoints[position].touchpoint in goals
        returns = (stage, position, done) not in leading_on
        step = _Step(stage, position, _State(passed, stage, done), returns)
        if step not in seen:
            seen.add(step)
            yield step


def _moves(plan: _Plan, state: _State | None, *, back: bool) -> Iterator[tuple[int, int, int]]:
    """Yield (stage, position, done afterwards): inside the stage, then the stages it leads to.

    Without `back`, repeats and the stages in `returns_to` are left out.
    """
    if state is None:
        yield from _enter(plan, 0, set(), back=back)
        return
    stage = plan.stages[state.stage]
    for position, done in _follow(stage, state.done):
        if back or done != state.done:
            yield state.stage, position, done
    if _is_finished(stage, state.done):
        yield from _leave(plan, state.stage, set(), back=back)


def _leave(plan: _Plan, stage: int, seen: set[int], *, back: bool) -> Iterator[tuple[int, int, int]]:
    for target in [*plan.next[stage], *(plan.returns_to[stage] if back else ())]:
        yield from _enter(plan, target, seen, back=back)


def _enter(plan: _Plan, stage: int, seen: set[int], *, back: bool) -> Iterator[tuple[int, int, int]]:
    """Yield the first steps of a stage, and of those behind it where it may be passed over.

    A stage whose touchpoints may all be skipped is finished at once and leads wherever a finished one does.
    A stage skipped as a whole (`optional`) was never there to return from: it only leads to `next`.
    """
    if stage in seen:
        return
    seen.add(stage)
    for position, done in _first(plan.stages[stage]):
        yield stage, position, done
    if may_be_empty(plan.stages[stage]):
        yield from _leave(plan, stage, seen, back=back)
    elif plan.stages[stage].optional:
        for target in plan.next[stage]:
            yield from _enter(plan, target, seen, back=back)


def _first(stage: Stage) -> Iterator[tuple[int, int]]:
    if stage.order == "sequence":
        yield from _onwards(stage, 0)
        return
    for position in range(len(stage.touchpoints)):
        yield position, 1 << position if stage.order == "any" else position


def _follow(stage: Stage, done: int) -> Iterator[tuple[int, int]]:
    if stage.order == "any":
        for position, touchpoint in enumerate(stage.touchpoints):
            if touchpoint.repeat or not done >> position & 1:
                yield position, done | 1 << position
        return
    if stage.touchpoints[done].repeat:
        yield done, done
    if stage.order == "sequence":
        yield from _onwards(stage, done + 1)


def _onwards(stage: Stage, position: int) -> Iterator[tuple[int, int]]:
    """Yield the positions of a sequence that may come next: up to the first that can't be skipped."""
    for later in range(position, len(stage.touchpoints)):
        yield later, later
        if not _is_free(stage.touchpoints[later]):
            return


def _is_finished(stage: Stage, done: int) -> bool:
    if stage.order == "choice":
        return True
    if stage.order == "sequence":
        return all(map(_is_free, stage.touchpoints[done + 1 :]))
    return all(
        done >> position & 1 or _is_free(touchpoint) for position, touchpoint in enumerate(stage.touchpoints)
    )


def may_be_empty(stage: Stage) -> bool:
    """Say whether the touchpoints of a stage can all be skipped (a choice: at least one of them)."""
    if stage.order == "choice":
        return any(map(_is_free, stage.touchpoints))
    return all(map(_is_free, stage.touchpoints))


def _is_free(touchpoint: Touchpoint) -> bool:
    """What no system records is never missing, so it is as free to skip as what is optional."""
    return touchpoint.optional or not touchpoint.recorded


def _check_size(steps: dict[_State | None, list[_Step]], stages: Sequence[Stage]) -> None:
    if len(steps) <= MAX_STATES:
        return
    sizes = [
        sum(state is not None and state.stage == number for state in steps) for number in range(len(stages))
    ]
    largest = max(range(len(stages)), key=lambda number: sizes[number])
    advice = (
        "make it a sequence, or give it fewer touchpoints"
        if stages[largest].order == "any"
        else "merge touchpoints, or leave out loops back across the goal"
    )
    raise MapError(
        f"the map needs {len(steps)} states, at most {MAX_STATES} are possible; the largest stage is "
        f"'{stages[largest].stage}' ({stages[largest].order}) with {sizes[largest]}: {advice}"
    )


def _as_arrays(plan: _Plan, steps: dict[_State | None, list[_Step]]) -> Automaton:
    symbols = tuple(dict.fromkeys(t.touchpoint for stage in plan.stages for t in stage.touchpoints))
    codes = {symbol: code for code, symbol in enumerate(symbols)}
    states: list[_State | None] = [None, *sorted(filter(None, steps), key=lambda state: _rank(plan, state))]
    numbers = {state: number for number, state in enumerate(states)}
    edges = [
        (
            number,
            numbers[step.to],
            codes[plan.stages[step.stage].touchpoints[step.position].touchpoint],
            step.stage,
            step.stage if plan.stages[step.stage].order == "choice" else -1,
            step.returns,
            plan.stages[step.stage].touchpoints[step.position].recorded,
        )
        for number, state in enumerate(states)
        for step in steps[state]
    ]
    columns = np.array(edges, dtype=np.int32).reshape(-1, 7).T.copy()
    from_, to, symbol, stage_of, group = columns[:5]
    returns, recorded = columns[5:].astype(np.bool_)
    passed = np.array([state is not None and state.goal_passed for state in states])
    return Automaton(symbols, len(states), 0, from_, to, symbol, stage_of, group, returns, recorded, passed)


def _rank(plan: _Plan, state: _State) -> tuple[bool, int, int, int]:
    """Order the states: before the goal first, then as written; inside `any` the smaller sets first."""
    size = state.done.bit_count() if plan.stages[state.stage].order == "any" else 0
    return state.goal_passed, state.stage, size, state.done
