"""Maps as Petri nets of pm4py, and Petri nets as maps where they say the same."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cjmining import asked
from cjmining.errors import LogError, MapError, nearest
from cjmining.interop.peer import pm4py_module
from cjmining.log import expect_map

if TYPE_CHECKING:
    from cjmining.intended import Exit, IntendedMap
    from cjmining.intended.behaviour import Behaviour

MAX_MARKINGS = 10_000
Tokens = tuple[int, ...]


def to_petri_net(intended: IntendedMap, *, ends_in: str | None = None) -> tuple[Any, Any, Any]:
    """Return a map as a Petri net of pm4py: a place a state of its automaton, a transition an edge.

    Parameters
    ----------
    intended : IntendedMap
        The map.
    ends_in : str, optional
        A touchpoint. By default the runs of the net are those that pass the goal, as converted journeys are
        aligned; with a touchpoint they are those that end in it before the goal, as journeys are aligned that
        ended there without converting.

    Returns
    -------
    net : pm4py.objects.petri_net.obj.PetriNet
        Transitions are labelled with touchpoints. Silent ones lead from every state behind the goal to the
        place `end`.
    initial_marking, final_marking : pm4py.objects.petri_net.obj.Marking
        One token before the map; one token in `end`.

    Raises
    ------
    MapError
        If the map has no touchpoint `ends_in`.
    ImportError
        If pm4py is not installed.

    Notes
    -----
    The cost of pm4py's optimal alignment, divided by 10,000 and rounded down, is the cost that `cj.check`
    states (with exits left out of the trace). What a net can't say is listed in `docs/exchange.md`.

    Examples
    --------
    >>> from cjmining.intended import parse_map
    >>> intended = parse_map("{map: Till, goal: [paid], patience: 2d, stages: "
    ...                      "[{stage: Pay, touchpoints: [{touchpoint: seen}, {touchpoint: paid}]}]}")
    >>> net, initial_marking, final_marking = to_petri_net(intended)
    >>> sorted(transition.label for transition in net.transitions if transition.label)
    ['paid', 'seen']
    >>> initial_marking, final_marking
    (['before the map:1'], ['end:1'])
    """
    expect_map(intended, "cjmining.interop.to_petri_net")
    automaton = intended.automaton
    petri = pm4py_module("pm4py.objects.petri_net.obj")
    net = petri.PetriNet(intended.name)
    places = [petri.PetriNet.Place(_state_name(state)) for state in range(automaton.n_states)]
    final = petri.PetriNet.Place("end")
    net.places.update([*places, final])
    steps = zip(automaton.edge_from, automaton.edge_to, automaton.edge_symbol, strict=True)
    may_be_last = _last_edges(intended, ends_in)
    for edge, (source, target, symbol) in enumerate(steps):
        label = automaton.symbols[symbol]
        _connect(net, f"{edge}: {label}", label, places[source], places[target])
        if edge in may_be_last:
            _connect(net, f"{edge}: {label}, the last", label, places[source], final)
    for state in automaton.goal_passed.nonzero()[0].tolist() if ends_in is None else ():
        _connect(net, f"end after {_state_name(state)}", None, places[state], final)
    return net, petri.Marking({places[automaton.start]: 1}), petri.Marking({final: 1})


def from_petri_net(
    net: Any,  # noqa: ANN401 -- pm4py has no types
    initial_marking: Any,  # noqa: ANN401
    final_marking: Any,  # noqa: ANN401
    *,
    name: str,
    goal: Sequence[str],
    patience: str | timedelta,
    horizon: str | timedelta = "30d",
    exits: Sequence[str | Exit] = (),
    ignore: Sequence[str] = (),
) -> IntendedMap:
    """Return a Petri net of pm4py as an intended map, where it is one.

    Parameters
    ----------
    net, initial_marking, final_marking
        An accepting Petri net, as pm4py reads, discovers or converts it. Labels of transitions are
        touchpoints; transitions without a label are silent.
    name : str
        The map's name.
    goal : sequence of str
        The touchpoints that complete a journey. What the net lets happen after them is planned as well.
    patience, horizon : str or timedelta
        As in a map file: "14d", or "never" (`patience`).
    exits : sequence of str or Exit
        Touchpoints that end a journey without the goal, by the customer where it is a text. The net's
        transitions of that name, and what only they lead to, are no part of the plan.
    ignore : sequence of str
        Touchpoints that are no part of the journey: their transitions count as silent.

    Returns
    -------
    IntendedMap
        With a stage for each touchpoint, or for touchpoints that may stand in for each other (`choice`) or
        come in any order (`any`, at most five). It allows exactly what the net's complete runs and their
        beginnings allow. Its `text` is a map file to go on with.

    Raises
    ------
    MapError
        If the net is no journey map (the message says where and why), has no complete run, more than 10,000
        markings, or lacks a goal.

    Examples
    --------
    >>> from cjmining.intended import parse_map
    >>> till = parse_map("{map: Till, goal: [paid], patience: 2d, stages: "
    ...                  "[{stage: Pay, touchpoints: [{touchpoint: seen}, {touchpoint: paid}]}]}")
    >>> again = from_petri_net(*to_petri_net(till), name="Till", goal=["paid"], patience="2d")
    >>> again.stage_names
    ('seen', 'paid')
    """
    from cjmining.intended.redraw import redraw

    what = "the net"
    _expect_net(net, initial_marking, final_marking)
    head = head_of(name, goal, patience, horizon, exits, ignore)
    planned = planned_by((net, initial_marking, final_marking), goal, exits, ignore, what)
    return redraw(planned, head, what=what, drawn=drawn_in(net))


def _last_edges(intended: IntendedMap, ends_in: str | None) -> frozenset[int]:
    """Return the edges in which a run may end that is to end in a touchpoint."""
    from cjmining.kernels.alignment import last_edges

    if ends_in is None:
        return frozenset()
    symbols = intended.automaton.symbols
    if not isinstance(ends_in, str):
        raise MapError(f"ends_in is a touchpoint of the map '{intended.name}', not {ends_in!r}")
    if ends_in not in symbols:
        hint = nearest(ends_in, symbols) or f"; it has {', '.join(symbols)}"
        raise MapError(f"the map '{intended.name}' has no touchpoint '{ends_in}'{hint}")
    return frozenset(last_edges(intended.automaton, symbols.index(ends_in)).nonzero()[0].tolist())


def _state_name(state: int) -> str:
    return f"state {state}" if state else "before the map"


def _connect(net: Any, name: str, label: str | None, source: Any, target: Any) -> None:  # noqa: ANN401
    petri = pm4py_module("pm4py.objects.petri_net.obj")
    utils = pm4py_module("pm4py.objects.petri_net.utils.petri_utils")
    transition = petri.PetriNet.Transition(name, label)
    net.transitions.add(transition)
    utils.add_arc_from_to(source, transition, net)
    utils.add_arc_from_to(transition, target, net)


def behaviour_of(
    net: Any,  # noqa: ANN401
    initial: Any,  # noqa: ANN401
    final: Any,  # noqa: ANN401
    ignore: Sequence[str],
    what: str,
) -> Behaviour:
    """Return what the complete runs of a net, and their beginnings, let happen; messages call it `what`."""
    from cjmining.intended.behaviour import Behaviour

    _expect_plain_arcs(net, what)
    places = {
        place: number for number, place in enumerate(sorted(net.places, key=lambda place: str(place.name)))
    }
    start, end = _tokens(initial, places, "initial", what), _tokens(final, places, "final", what)
    edges = _markings(net, places, start, ignore, what)
    useful = _leading_to(end, edges)
    if start not in useful:
        raise MapError(f"{what} has no complete run: its final marking can't be reached from the initial one")
    kept = {
        marking: [(name, to) for name, to in steps if to in useful]
        for marking, steps in edges.items()
        if marking in useful
    }
    return Behaviour.of(start, kept)


def planned_by(
    net: tuple[Any, Any, Any],
    goal: Sequence[str],
    exits: Sequence[str | Exit],
    ignore: Sequence[str],
    what: str,
) -> Behaviour:
    """Return what a net plans: what it lets happen, exits apart; raise where it lacks a goal."""
    planned = behaviour_of(*net, ignore, what).without([_as_exit(exit_)["touchpoint"] for exit_ in exits])
    for touchpoint in goal:
        if touchpoint not in planned.names:
            hint = nearest(touchpoint, planned.names)
            raise MapError(
                f"the goal '{touchpoint}' is no transition that a complete run of {what} takes{hint}; it "
                f"takes {', '.join(planned.names) or 'none'}"
            )
    return planned


def head_of(
    name: str,
    goal: Sequence[str],
    patience: str | timedelta,
    horizon: str | timedelta,
    exits: Sequence[str | Exit],
    ignore: Sequence[str],
) -> dict[str, Any]:
    """Return the map's own keys as its file has them; raise where one of them is none."""
    if not isinstance(name, str):
        raise MapError(f"name is a text, the map's name, not {name!r}")
    head: dict[str, Any] = {"map": name, "goal": list(_touchpoints("goal", goal))}
    if isinstance(exits, str) or not isinstance(exits, Iterable):
        hint = f": write [{exits!r}]" if isinstance(exits, str) else ""
        raise MapError(f"exits is a sequence of touchpoints{hint}, not {exits!r}")
    if exits:
        head["exits"] = [_as_exit(exit_) for exit_ in exits]
    for option, duration in {"patience": patience, "horizon": horizon}.items():
        if not isinstance(duration, str | timedelta):
            raise MapError(f"{option} is a duration such as '2d', not {duration!r}")
        head[option] = _as_written(duration)
    ignored = _touchpoints("ignore", ignore)
    return head | ({"ignore": list(ignored)} if ignored else {})


def drawn_in(net: Any) -> Counter[str]:  # noqa: ANN401
    """Return how many transitions a net has of each label."""
    return Counter(str(transition.label) for transition in net.transitions if transition.label)


def _touchpoints(option: str, given: object) -> tuple[str, ...]:
    try:
        return asked.texts(option, given, of="touchpoints")
    except LogError as problem:
        raise MapError(str(problem)) from None


def _expect_net(net: object, initial: object, final: object) -> None:
    petri = pm4py_module("pm4py.objects.petri_net.obj")
    parts = [
        ("net", net, petri.PetriNet), ("initial_marking", initial, petri.Marking),
        ("final_marking", final, petri.Marking),
    ]  # fmt: skip
    for name, given, kind in parts:
        if not isinstance(given, kind):
            raise MapError(
                f"from_petri_net takes pm4py's {kind.__name__} as {name}, not {type(given).__name__}: pass "
                "(net, initial_marking, final_marking) as pm4py returns them"
            )


def _expect_plain_arcs(net: Any, what: str) -> None:  # noqa: ANN401
    petri = pm4py_module("pm4py.objects.petri_net.obj")
    for arc in net.arcs:
        if type(arc) is not petri.PetriNet.Arc:
            raise MapError(
                f"{what} has a strange arc ({type(arc).__name__}, from {arc.source} to {arc.target}); "
                "only plain arcs can be read as a map"
            )


def _tokens(marking: Any, places: Mapping[Any, int], which: str, what: str) -> Tokens:  # noqa: ANN401
    tokens = [0] * len(places)
    for place, count in marking.items():
        if place not in places:
            raise MapError(f"the {which} marking names the place '{place.name}', which {what} doesn't have")
        tokens[places[place]] = count
    if not any(tokens):
        raise MapError(
            f"the {which} marking is empty: {what} needs one for its first and one for its last place"
        )
    return tuple(tokens)


def _markings(
    net: Any,  # noqa: ANN401
    places: Mapping[Any, int],
    start: Tokens,
    ignore: Sequence[str],
    what: str,
) -> dict[Tokens, list[tuple[str | None, Tokens]]]:
    """Return every marking that can be reached, with the steps out of it."""
    firing = [
        (
            None if not t.label or t.label in ignore else str(t.label),
            [(places[arc.source], arc.weight) for arc in t.in_arcs],
            [(places[arc.target], arc.weight) for arc in t.out_arcs],
        )
        for t in sorted(net.transitions, key=lambda t: (str(t.label or ""), str(t.name)))
    ]
    edges: dict[Tokens, list[tuple[str | None, Tokens]]] = {}
    came_from: dict[Tokens, Tokens | None] = {start: None}
    waiting = deque([start])
    while waiting:
        marking = waiting.popleft()
        edges[marking] = []
        for name, takes, gives in firing:
            if all(marking[place] >= count for place, count in takes):
                to = _fired(marking, takes, gives)
                edges[marking].append((name, to))
                if to not in came_from:
                    came_from[to] = marking
                    _expect_bounded(to, came_from, places, what)
                    waiting.append(to)
        if len(came_from) > MAX_MARKINGS:
            raise MapError(
                f"{what} has more than {MAX_MARKINGS:,} markings: it is too large or too parallel for a map"
            )
    return edges


def _fired(marking: Tokens, takes: list[tuple[int, int]], gives: list[tuple[int, int]]) -> Tokens:
    tokens = list(marking)
    for place, count in takes:
        tokens[place] -= count
    for place, count in gives:
        tokens[place] += count
    return tuple(tokens)


def _expect_bounded(
    marking: Tokens, came_from: Mapping[Tokens, Tokens | None], places: Mapping[Any, int], what: str
) -> None:
    """Raise where a marking holds all of an earlier one and more: it could grow for ever."""
    before = came_from[marking]
    while before is not None:
        if all(a <= b for a, b in zip(before, marking, strict=True)):
            more = next(p.name for p, n in places.items() if marking[n] > before[n])
            raise MapError(
                f"{what} gathers ever more tokens in the place '{more}': it is unbounded, and no map"
            )
        before = came_from[before]


def _leading_to(end: Tokens, edges: Mapping[Tokens, list[tuple[str | None, Tokens]]]) -> set[Tokens]:
    """Return the markings from which the final one can be reached."""
    into: dict[Tokens, list[Tokens]] = {}
    for marking, steps in edges.items():
        for _, to in steps:
            into.setdefault(to, []).append(marking)
    useful, waiting = {end}, [end]
    while waiting:
        for before in into.get(waiting.pop(), ()):
            if before not in useful:
                useful.add(before)
                waiting.append(before)
    return useful


def _as_exit(exit_: str | Exit) -> dict[str, str]:
    if not isinstance(exit_, str) and not hasattr(exit_, "touchpoint"):
        raise MapError(f"an exit is a touchpoint, or an Exit that says by whom too, not {exit_!r}")
    return (
        {"touchpoint": exit_} if isinstance(exit_, str) else {"touchpoint": exit_.touchpoint, "by": exit_.by}
    )


def _as_written(duration: str | timedelta) -> str:
    from cjmining.intended.writing import duration_text

    return duration_text(duration) if isinstance(duration, timedelta) else duration
