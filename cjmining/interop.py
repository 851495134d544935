"""Exchange with pm4py: maps as Petri nets, Petri nets and BPMN as maps, logs in pm4py's columns.

pm4py is an extra (`pip install 'cjmining[pm4py]'`) and imported nowhere else; it is licensed under AGPL-3.0.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining.documents import read_content
from cjmining.errors import MapError, nearest
from cjmining.log import expect_log, expect_map

if TYPE_CHECKING:
    from types import ModuleType

    import pandas as pd

    from cjmining.intended import Exit, IntendedMap
    from cjmining.intended.behaviour import Behaviour
    from cjmining.log import JourneyLog

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
    petri = _pm4py("pm4py.objects.petri_net.obj")
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
    planned = _planned((net, initial_marking, final_marking), goal, exits, ignore, what)
    head = _head(name, goal, patience, horizon, exits, ignore)
    return redraw(planned, head, what=what, drawn=_drawn(net))


def read_bpmn(
    path: str | Path,
    *,
    goal: Sequence[str],
    patience: str | timedelta,
    name: str | None = None,
    horizon: str | timedelta = "30d",
    exits: Sequence[str | Exit] = (),
    ignore: Sequence[str] = (),
) -> IntendedMap:
    """Read a BPMN diagram as an intended map, where it is one.

    Parameters
    ----------
    path : str or Path
        A BPMN 2.0 file with one process of tasks, start and end events, and exclusive, parallel and inclusive
        gateways.
    goal : sequence of str
        The tasks that complete a journey.
    patience, horizon, exits, ignore
        As for `from_petri_net`.
    name : str, optional
        The map's name; by default that of the process, else of the file.

    Returns
    -------
    IntendedMap
        The names of tasks are its touchpoints, as they stand; tasks without a name and events are passed
        over. Lanes are the owners of stages.

    Raises
    ------
    MapError
        If the file can't be read, has elements that have no place in a map (all are named), or draws what
        is no journey map.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "order.bpmn"
    >>> _ = file.write_text('''<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">
    ...   <process id="order" name="Order">
    ...     <startEvent id="s"/> <task id="a" name="Choose"/> <task id="b" name="Pay"/> <endEvent id="e"/>
    ...     <sequenceFlow id="1" sourceRef="s" targetRef="a"/>
    ...     <sequenceFlow id="2" sourceRef="a" targetRef="b"/>
    ...     <sequenceFlow id="3" sourceRef="b" targetRef="e"/>
    ...   </process>
    ... </definitions>''')
    >>> read_bpmn(file, goal=["Pay"], patience="14d").stage_names
    ('Choose', 'Pay')
    """
    from cjmining.intended.redraw import redraw

    text = read_content(path, error=MapError, what="a BPMN file", suffixes=(".bpmn", ".xml"))
    path = Path(path)
    root = _read_xml(text, path)
    _expect_plain(root, path)
    diagram = _pm4py("pm4py.objects.bpmn.importer.variants.lxml").import_from_string(text)
    net = _pm4py("pm4py.objects.conversion.bpmn.variants.to_petri_net").apply(diagram)
    head = _head(name or diagram.get_name() or path.stem, goal, patience, horizon, exits, ignore)
    what = "the diagram"
    try:
        planned = _planned(net, goal, exits, ignore, what)
        return redraw(planned, head, what=what, drawn=_drawn(net[0]), owners=_owners(root))
    except MapError as problem:
        raise MapError(f"{path}: {problem}", mistakes=problem.mistakes) from None


def to_event_log(log: JourneyLog) -> pd.DataFrame:
    """Return the events under the column names of pm4py (those of XES), for its functions and for export.

    Parameters
    ----------
    log : JourneyLog
        The log.

    Returns
    -------
    pandas.DataFrame
        case:concept:name (number of the journey, as text), concept:name (touchpoint), time:timestamp (UTC),
        org:resource (actor), channel, source, failed (True, False or None), case:customer (its number, as
        text), and case:persona where the log has personas. Texts are text and not categories, which pm4py
        rejects; what is unknown is None.

    Examples
    --------
    >>> import cjmining as cj
    >>> events = to_event_log(cj.simulate.shop(100, seed=1).log)
    >>> events.columns[:4].tolist()
    ['case:concept:name', 'concept:name', 'time:timestamp', 'org:resource']
    """
    import numpy as np
    import pandas as pd

    expect_log(log, "cjmining.interop.to_event_log")
    journeys = log.event_journeys()

    def texts(column: str) -> Any:  # noqa: ANN401 -- an array of objects
        return np.array([*log.vocabulary(column), None], dtype=object)[log.codes(column)]

    columns = {
        "case:concept:name": journeys.astype(str).astype(object),
        "concept:name": texts("touchpoint"),
        "time:timestamp": pd.DatetimeIndex(log.timestamps.astype("datetime64[us]"), tz="UTC"),
        "org:resource": texts("actor"),
        "channel": texts("channel"),
        "source": texts("source"),
        "failed": np.array([False, True, None], dtype=object)[log.flags("failed")],
        "case:customer": log.event_customers.astype(str).astype(object),
    }
    if "persona" in log.attributes:
        codes, names = log.group("persona")
        columns["case:persona"] = np.array(names, dtype=object)[codes[journeys]]
    return pd.DataFrame(columns)


# pm4py ----------------------------------------------------------------------------------------------------


def _pm4py(module: str) -> ModuleType:
    """Import a module of pm4py, which greets on import; this library never prints."""
    import importlib

    silence = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(silence),
            contextlib.redirect_stderr(silence),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ModuleNotFoundError as problem:
        if not str(problem.name).startswith("pm4py"):
            raise
        raise ImportError(
            "exchange with Petri nets and BPMN needs pm4py (AGPL-3.0), which is not installed: "
            "pip install 'cjmining[pm4py]'"
        ) from None


def _last_edges(intended: IntendedMap, ends_in: str | None) -> frozenset[int]:
    """Return the edges in which a run may end that is to end in a touchpoint."""
    from cjmining.kernels.alignment import last_edges

    if ends_in is None:
        return frozenset()
    symbols = intended.automaton.symbols
    if ends_in not in symbols:
        hint = nearest(ends_in, symbols) or f"; it has {', '.join(symbols)}"
        raise MapError(f"the map '{intended.name}' has no touchpoint '{ends_in}'{hint}")
    return frozenset(last_edges(intended.automaton, symbols.index(ends_in)).nonzero()[0].tolist())


def _state_name(state: int) -> str:
    return f"state {state}" if state else "before the map"


def _connect(net: Any, name: str, label: str | None, source: Any, target: Any) -> None:  # noqa: ANN401
    petri = _pm4py("pm4py.objects.petri_net.obj")
    utils = _pm4py("pm4py.objects.petri_net.utils.petri_utils")
    transition = petri.PetriNet.Transition(name, label)
    net.transitions.add(transition)
    utils.add_arc_from_to(source, transition, net)
    utils.add_arc_from_to(transition, target, net)


# From a net to what it lets happen ------------------------------------------------------------------------


def _behaviour_of(
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


def _planned(
    net: tuple[Any, Any, Any],
    goal: Sequence[str],
    exits: Sequence[str | Exit],
    ignore: Sequence[str],
    what: str,
) -> Behaviour:
    """Return what a net plans: what it lets happen, exits apart; raise where it lacks a goal."""
    planned = _behaviour_of(*net, ignore, what).without([_as_exit(exit_)["touchpoint"] for exit_ in exits])
    for touchpoint in goal:
        if touchpoint not in planned.names:
            hint = nearest(touchpoint, planned.names)
            raise MapError(
                f"the goal '{touchpoint}' is no transition that a complete run of {what} takes{hint}; it "
                f"takes {', '.join(planned.names) or 'none'}"
            )
    return planned


def _head(
    name: str,
    goal: Sequence[str],
    patience: str | timedelta,
    horizon: str | timedelta,
    exits: Sequence[str | Exit],
    ignore: Sequence[str],
) -> dict[str, Any]:
    """Return the map's own keys as its file has them."""
    head: dict[str, Any] = {"map": name, "goal": list(goal)}
    if exits:
        head["exits"] = [_as_exit(exit_) for exit_ in exits]
    head |= {"patience": _as_written(patience), "horizon": _as_written(horizon)}
    return head | ({"ignore": list(ignore)} if ignore else {})


def _drawn(net: Any) -> Counter[str]:  # noqa: ANN401
    """Return how many transitions a net has of each label."""
    return Counter(str(transition.label) for transition in net.transitions if transition.label)


def _expect_plain_arcs(net: Any, what: str) -> None:  # noqa: ANN401
    petri = _pm4py("pm4py.objects.petri_net.obj")
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
    return (
        {"touchpoint": exit_} if isinstance(exit_, str) else {"touchpoint": exit_.touchpoint, "by": exit_.by}
    )


def _as_written(duration: str | timedelta) -> str:
    from cjmining.intended.writing import duration_text

    return duration_text(duration) if isinstance(duration, timedelta) else duration


# BPMN -----------------------------------------------------------------------------------------------------

_STEPS = {
    "task",
    "usertask",
    "sendtask",
    "receivetask",
    "manualtask",
    "servicetask",
    "scripttask",
    "businessruletask",
}
_KNOWN = _STEPS | {"startevent", "endevent", "exclusivegateway", "parallelgateway", "inclusivegateway"}


def _read_xml(text: bytes, path: Path) -> Any:  # noqa: ANN401 -- an element of lxml
    _pm4py("pm4py.objects.bpmn.importer.variants.lxml")
    from lxml import etree  # type: ignore[import-untyped]

    try:
        root = etree.fromstring(text, etree.XMLParser(resolve_entities=False, remove_comments=True))
    except etree.LxmlError as problem:
        raise MapError(f"{path}: not a BPMN file ({problem})") from None
    if root.getroottree().docinfo.doctype:
        raise MapError(f"{path}: not a BPMN file (it declares a document type, which BPMN has none of)")
    return root


def _expect_plain(root: Any, path: Path) -> None:  # noqa: ANN401
    """Raise for everything that would be lost without a word; pm4py passes over what it doesn't know."""
    kinds = {node.get("id"): node for node in root.iter("{*}*") if node.get("id")}
    flows = list(root.iter("{*}sequenceFlow"))
    ends = [kinds.get(flow.get(end)) for flow in flows for end in ("sourceRef", "targetRef")]
    strange = {
        f"{_kind(node)} '{node.get('name') or node.get('id')}'": None
        for node in [*ends, *root.iter("{*}boundaryEvent"), *root.iter("{*}subProcess")]
        if node is not None and _kind(node).lower() not in _KNOWN
    }
    if any(node is None for node in ends):
        strange["a sequence flow that begins or ends nowhere"] = None
    if strange:
        raise MapError(
            f"{path}: the diagram has {'; '.join(strange)}. A map is read from tasks, start and end events, "
            "and exclusive, parallel and inclusive gateways: draw the rest as tasks, or leave it out"
        )
    drawn = [process for process in root.iter("{*}process") if process.find("{*}sequenceFlow") is not None]
    if len(drawn) != 1:
        raise MapError(
            f"{path}: the diagram has {len(drawn)} processes with sequence flows; a map is read from one"
        )
    if drawn[0].find("{*}startEvent") is None:
        raise MapError(f"{path}: the diagram has no start event: nothing says where journeys begin")


def _kind(node: Any) -> str:  # noqa: ANN401
    return str(node.tag).rpartition("}")[2]


def _owners(root: Any) -> dict[str, str]:  # noqa: ANN401
    """Return the lane of each task by its name; a name that stands in two lanes has none."""
    names = {node.get("id"): node.get("name") for node in root.iter("{*}*") if _kind(node).lower() in _STEPS}
    lanes: dict[str, set[str]] = {}
    for lane in root.iter("{*}lane"):
        for ref in lane.iterchildren("{*}flowNodeRef"):
            task = names.get((ref.text or "").strip())
            if task and lane.get("name"):
                lanes.setdefault(task, set()).add(lane.get("name"))
    return {task: owners.pop() for task, owners in lanes.items() if len(owners) == 1}
