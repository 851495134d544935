"""Exchange with pm4py: what a net or a diagram lets happen is what the map lets happen, or it is refused."""

from __future__ import annotations

import doctest
import itertools
import subprocess
import sys
import warnings
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.errors import MapError
from cjmining.intended import IntendedMap, Stage, Touchpoint, parse_map
from cjmining.interop import from_petri_net, read_bpmn, to_event_log, to_petri_net
from cjmining.kernels.alignment import costs, prepare
from tests.examples import examples
from tests.intended.test_automaton import words_of

MAPS = Path(__file__).resolve().parents[1] / "docs" / "readings"


@pytest.fixture(scope="module")
def pm4py():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("pm4py")


# Maps as nets ---------------------------------------------------------------------------------------------


def cost_by_pm4py(trace, net) -> int:
    """pm4py's optimal cost; it carries a factor of 10,000, plus one for the silent step into the end."""
    from pm4py.algo.conformance.alignments.petri_net import algorithm
    from pm4py.objects.log.obj import Event, Trace

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            algorithm.apply(Trace([Event({"concept:name": name}) for name in trace]), *net)["cost"] // 10_000
        )


def cost_by_us(trace, intended: IntendedMap, ends_in: str | None) -> int:
    automaton = intended.automaton
    codes = {symbol: code for code, symbol in enumerate(automaton.symbols)}
    symbol = np.array([codes.get(name, -1) for name in trace], dtype=np.int32)
    end = np.array([0 if ends_in is None else 1 + codes[ends_in]], dtype=np.int32)
    bounds = np.array([0, len(trace)], dtype=np.int64)
    return int(costs(bounds[:1], bounds[1:], end, symbol, prepare(automaton))[0])


@st.composite
def small_maps(draw: st.DrawFn) -> IntendedMap:
    """Maps of up to four stages with a goal that can be reached; a touchpoint may stand in two stages."""
    letters, twice = list("abcdefgh"), draw(st.sampled_from([False, False, True]))
    numbers = range(draw(st.integers(1, 4)))
    names = [f"S{number}" for number in numbers]
    some = st.lists(st.sampled_from(names), unique=True, max_size=2)
    stages = []
    for number in numbers:
        order = draw(st.sampled_from(["sequence", "choice", "any"]))
        back = [name for name in draw(st.just([]) | some) if order != "any" or name != names[number]]
        stages.append(
            Stage(
                names[number],
                order=order,
                touchpoints=tuple(
                    Touchpoint(letter, optional=draw(st.booleans()), repeat=draw(st.booleans()))
                    for letter in _some_letters(draw, letters, twice=twice)
                ),
                optional=draw(st.booleans()),
                next=tuple(draw(st.just(names[number + 1 : number + 2]) | some)),
                returns_to=tuple(back),
            )
        )
    every = [t.touchpoint for stage in stages for t in stage.touchpoints]
    intended = IntendedMap("drawn", goal=(draw(st.sampled_from(every)),), stages=tuple(stages))
    if not intended.automaton.goal_passed.any():
        intended = IntendedMap("drawn", goal=(stages[0].touchpoints[0].touchpoint,), stages=tuple(stages))
    return intended


def _some_letters(draw: st.DrawFn, letters: list[str], *, twice: bool) -> list[str]:
    """Draw the touchpoints of a stage: new ones, or now and then one that an earlier stage has."""
    n = draw(st.integers(1, 2))
    if twice:
        return draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n, unique=True))
    return [letters.pop(0) for _ in range(n)]


def converted(intended: IntendedMap, longest: int = 5) -> set[tuple[str, ...]]:
    """Every journey of at most so many recorded touchpoints that the map accepts as converted."""
    found = words_of(intended.automaton, longest + 1)
    seen = {tuple(n for _, n in word if n != "start") for word, passed in found.items() if True in passed}
    return {word for word in seen if len(word) <= longest}


@examples(60)
@given(small_maps(), st.lists(st.sampled_from("abcdez"), max_size=5), st.data())
def test_optimal_costs_on_the_net_are_ours(pm4py, intended: IntendedMap, trace, data):
    assert cost_by_pm4py(trace, to_petri_net(intended)) == cost_by_us(trace, intended, None)
    reached = sorted({intended.automaton.symbols[s] for s in intended.automaton.edge_symbol})
    ends_in = data.draw(st.sampled_from(reached))
    net = to_petri_net(intended, ends_in=ends_in)
    assert cost_by_pm4py(trace, net) == cost_by_us(trace, intended, ends_in)


def test_costs_of_real_tickets_that_ended_in_a_given_place_are_ours(pm4py, shared_data: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tickets = pm4py.read_xes(str(shared_data / "crm" / "helpdesk_tickets.xes.gz"))
    variants = sorted(set(tickets.groupby("case:concept:name")["concept:name"].agg(tuple)))[::6]
    intended = cj.read_map(MAPS / "helpdesk.yaml")
    for ends_in in ("Wait", "Resolve ticket"):
        net = to_petri_net(intended, ends_in=ends_in)
        for variant in variants:
            assert cost_by_pm4py(variant, net) == cost_by_us(variant, intended, ends_in)


def test_an_unknown_place_is_told_with_the_nearest(pm4py):
    intended = cj.read_map(MAPS / "helpdesk.yaml")
    with pytest.raises(MapError, match=r"ends_in is a touchpoint of the map .*, not 5"):
        to_petri_net(intended, ends_in=5)
    with pytest.raises(MapError, match="has no touchpoint 'Weit', did you mean 'Wait'"):
        to_petri_net(intended, ends_in="Weit")


def leads_to_the_goal_from_everywhere(intended: IntendedMap) -> bool:
    """A net says nothing of ways that never reach its end."""
    automaton = intended.automaton
    leading = automaton.goal_passed.copy()
    for _ in range(automaton.n_states):
        leading[automaton.edge_from[leading[automaton.edge_to]]] = True
    return bool(leading.all())


@examples(100)
@given(small_maps().filter(leads_to_the_goal_from_everywhere))
def test_a_map_that_went_through_a_net_accepts_the_same_journeys(pm4py, intended: IntendedMap):
    again = from_petri_net(*to_petri_net(intended), name="again", goal=intended.goal, patience="never")
    assert converted(again) == converted(intended)


def test_help_desk_tickets_cost_the_same_on_the_map_that_went_through_a_net(pm4py):
    intended = cj.read_map(MAPS / "helpdesk.yaml")
    again = from_petri_net(*to_petri_net(intended), name="Ticket", goal=["Closed"], patience="never")
    first = next(stage for stage in again.stages if stage.order == "any")
    assert {t.touchpoint: t.optional for t in first.touchpoints} == {
        "Assign seriousness": False,
        "Insert ticket": True,
    }
    for trace in itertools.permutations(["Insert ticket", "Take in charge ticket", "Wait", "Closed"]):
        assert cost_by_us(trace, again, None) == cost_by_us(trace, intended, None)


def test_journeys_of_the_shop_cost_the_same_on_its_map_that_went_through_a_net(pm4py):
    """Its calls stand in two stages."""
    shop = cj.simulate.shop(100, seed=2)
    intended = parse_map(shop.intended_text)
    again = from_petri_net(*to_petri_net(intended), name="again", goal=intended.goal, patience="14d")
    traces = shop.log.events.groupby("journey")["touchpoint"].agg(list)
    for trace in traces:
        assert cost_by_us(trace, again, None) == cost_by_us(trace, intended, None)


# Nets as maps ---------------------------------------------------------------------------------------------


def net_of(*transitions: tuple[str | None, str, str], start="p", end="q"):
    """A net from (label, places before, places after); places are single letters."""
    from pm4py.objects.petri_net.obj import Marking, PetriNet
    from pm4py.objects.petri_net.utils.petri_utils import add_arc_from_to

    net = PetriNet("net")
    places = {name: PetriNet.Place(name) for _, before, after in transitions for name in before + after}
    net.places.update(places.values())
    for number, (label, before, after) in enumerate(transitions):
        transition = PetriNet.Transition(f"t{number}", label)
        net.transitions.add(transition)
        for name in before:
            add_arc_from_to(places[name], transition, net)
        for name in after:
            add_arc_from_to(transition, places[name], net)
    return net, Marking({places[start]: 1}), Marking({places[end]: 1})


def read(net, *goal: str, **settings_) -> IntendedMap:
    return from_petri_net(*net, name="drawn", goal=goal, patience="14d", **settings_)


def test_parallel_touchpoints_become_one_stage_in_any_order(pm4py):
    split = net_of(("look", "p", "ab"), ("read", "a", "c"), ("ask", "b", "d"), ("buy", "cd", "q"))
    drawn = read(split, "buy")
    assert [(stage.order, stage.touchpoints) for stage in drawn.stages] == [
        ("sequence", (Touchpoint("look"),)),
        ("any", (Touchpoint("ask"), Touchpoint("read"))),
        ("sequence", (Touchpoint("buy"),)),
    ]


def test_alternatives_with_the_same_sequel_become_a_choice(pm4py):
    drawn = read(net_of(("call", "p", "a"), ("write", "p", "a"), ("buy", "a", "q")), "buy")
    assert [(stage.stage, stage.order) for stage in drawn.stages] == [
        ("call or write", "choice"),
        ("buy", "sequence"),
    ]


def test_ways_that_begin_apart_begin_in_a_stage_that_nobody_records(pm4py):
    net = net_of(("call", "p", "a"), ("talk", "a", "b"), ("write", "p", "b"), ("buy", "b", "q"))
    drawn = read(net, "buy")
    assert drawn.stages[0].touchpoints == (Touchpoint("start", recorded=False),)
    assert converted(drawn) == {("call", "talk", "buy"), ("write", "buy")}


def test_a_touchpoint_that_the_net_draws_twice_may_stand_in_two_stages(pm4py):
    net = net_of(("call", "p", "a"), ("choose", "a", "b"), ("call", "b", "c"), ("buy", "c", "q"))
    drawn = read(net, "buy")
    assert [(s.stage, s.touchpoints[0].touchpoint) for s in drawn.stages] == [
        ("call", "call"),
        ("choose", "choose"),
        ("call 2", "call"),
        ("buy", "buy"),
    ]
    assert converted(drawn) == {("call", "choose", "call", "buy")}


def test_silent_and_ignored_transitions_are_passed_over_and_exits_leave_the_plan(pm4py):
    net = net_of(
        ("look", "p", "a"), (None, "a", "b"), ("ping", "b", "c"), ("buy", "c", "q"), ("leave", "b", "q")
    )
    drawn = read(net, "buy", ignore=["ping"], exits=["leave"])
    assert drawn.touchpoint_names == ("look", "buy")
    assert [(e.touchpoint, e.by) for e in drawn.exits] == [("leave", "customer")]
    assert drawn.ignore == ("ping",)


def test_a_map_from_a_net_is_written_as_a_file_that_reads_the_same(pm4py):
    drawn = read(net_of(("look", "p", "a"), ("look", "a", "a"), ("buy", "a", "q")), "buy")
    assert parse_map(drawn.text) == drawn
    assert drawn.stages[0].touchpoints[0].repeat


def test_durations_given_as_such_are_written_as_people_write_them(pm4py):
    net = net_of(("look", "p", "a"), ("buy", "a", "q"))
    lasting = {"patience": timedelta(days=14), "horizon": timedelta(minutes=90)}
    drawn = from_petri_net(*net, name="drawn", goal=["buy"], **lasting)
    assert (drawn.patience, drawn.horizon) == tuple(lasting.values())
    assert "patience: 14d\nhorizon: 90m\n" in drawn.text


@pytest.mark.parametrize(
    ("transitions", "words"),
    [
        pytest.param(
            [
                ("c", "p", "am"),
                ("d", "p", "a"),
                ("a", "a", "b"),
                ("b", "bm", "q"),
                ("e", "b", "q"),
            ],
            "after 'a' the net allows 'b' if the journey went 'c, a', but not if it went 'd, a': a journey "
            "map has no such memory",
            id="memory",
        ),
        pytest.param(
            [("s", "p", "ab"), ("a1", "a", "x"), ("a2", "x", "c"), ("b", "b", "d"), ("buy", "cd", "q")],
            "'a1' and 'a2' keep an order in the net while 'b' may come before, between or after them",
            id="parallel branches of two",
        ),
        pytest.param(
            [("s", "p", "abcdef"), *((n, n, n.upper()) for n in "abcdef"), ("buy", "ABCDEF", "q")],
            r"lets 6 touchpoints come in any order \(a, b, c, d, e, f\); a stage of a map holds at most 5",
            id="six in parallel",
        ),
        pytest.param(
            [("a", "p", "pb"), ("buy", "p", "q")], "ever more tokens in the place 'b'", id="unbounded"
        ),
        pytest.param([("a", "p", "ab"), ("buy", "a", "q")], "has no complete run", id="unsound"),
    ],
)
def test_what_is_no_journey_map_is_told_in_words(pm4py, transitions, words):
    with pytest.raises(MapError, match=words):
        read(net_of(*transitions), "buy" if "buy" in {t[0] for t in transitions} else "b")


def test_a_goal_that_the_net_lacks_is_told_with_the_nearest(pm4py):
    with pytest.raises(MapError, match=r"the goal 'by' is no transition .* did you mean 'buy'"):
        read(net_of(("buy", "p", "q")), "by")


@pytest.mark.parametrize(
    ("place", "given_", "words"),
    [
        (0, None, "takes pm4py's PetriNet as net, not NoneType"),
        (1, None, "takes pm4py's Marking as initial_marking, not NoneType"),
        (2, "end", "takes pm4py's Marking as final_marking, not str"),
    ],
)
def test_what_is_no_net_is_told(pm4py, place, given_, words):
    parts = list(net_of(("buy", "p", "q")))
    parts[place] = given_
    with pytest.raises(MapError, match=words):
        from_petri_net(*parts, name="A", goal=["buy"], patience="2d")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"goal": "buy"}, r"goal is a sequence of touchpoints: write \['buy'\]"),
        ({"goal": None}, "goal is a sequence of touchpoints, not None"),
        ({"ignore": "look"}, r"ignore is a sequence of touchpoints: write \['look'\]"),
        ({"exits": "gone"}, r"exits is a sequence of touchpoints: write \['gone'\]"),
        ({"exits": None}, "exits is a sequence of touchpoints, not None"),
        ({"exits": [5]}, "an exit is a touchpoint, or an Exit .*, not 5"),
        ({"name": None}, "name is a text, the map's name, not None"),
        ({"patience": None}, "patience is a duration such as '2d', not None"),
        ({"horizon": 5}, "horizon is a duration such as '2d', not 5"),
    ],
)
def test_touchpoints_are_given_in_a_sequence(pm4py, options, words):
    asked = {"name": "A", "goal": ["buy"], "patience": "2d", **options}
    with pytest.raises(MapError, match=words):
        from_petri_net(*net_of(("buy", "p", "q")), **asked)


def test_too_many_markings_are_told(pm4py):
    places = "abcdefghijklmno"
    net = net_of(("s", "p", places), *((n, n, n.upper()) for n in places), ("buy", places.upper(), "q"))
    with pytest.raises(MapError, match="more than 10,000 markings"):
        read(net, "buy")


# BPMN -----------------------------------------------------------------------------------------------------


def bpmn(elements: str, *flows: tuple[str, str]) -> str:
    drawn = "".join(
        f'<sequenceFlow id="f{n}" sourceRef="{a}" targetRef="{b}"/>' for n, (a, b) in enumerate(flows)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
        <definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="t">
          <process id="shop" name="Online purchase" isExecutable="false">
            <startEvent id="begin" name="Need arises"/>
            <endEvent id="end"/>
            {elements}
            {drawn}
          </process>
        </definitions>
        """


ORDER = bpmn(
    """
    <userTask id="look" name="Product viewed"/>
    <exclusiveGateway id="which"/>
    <task id="chat" name="Chat asked"/>
    <task id="call" name="Support called"/>
    <exclusiveGateway id="joined"/>
    <laneSet id="lanes">
      <lane id="l1" name="Shop"><flowNodeRef>look</flowNodeRef><flowNodeRef>pay</flowNodeRef>
        <flowNodeRef>address</flowNodeRef><flowNodeRef>chat</flowNodeRef></lane>
      <lane id="l2" name="Service"><flowNodeRef>call</flowNodeRef></lane>
    </laneSet>
    <parallelGateway id="both"/>
    <task id="pay" name="Payment entered"/>
    <task id="address" name="Address entered"/>
    <parallelGateway id="done"/>
    <sendTask id="deliver" name="Order delivered"/>
    """,
    ("begin", "look"),
    ("look", "which"),
    ("which", "chat"),
    ("which", "call"),
    ("which", "joined"),
    ("chat", "joined"),
    ("call", "joined"),
    ("joined", "both"),
    ("both", "pay"),
    ("both", "address"),
    ("pay", "done"),
    ("address", "done"),
    ("done", "deliver"),
    ("deliver", "end"),
)


def test_a_diagram_becomes_the_map_that_it_draws(pm4py, tmp_path: Path):
    (tmp_path / "order.bpmn").write_text(ORDER)
    drawn = read_bpmn(tmp_path / "order.bpmn", goal=["Order delivered"], patience="14d")
    assert drawn.name == "Online purchase"
    helped = [(), ("Chat asked",), ("Support called",)]
    entered = itertools.permutations(["Payment entered", "Address entered"])
    assert converted(drawn) == {
        ("Product viewed", *help_, *both, "Order delivered")
        for help_, both in itertools.product(helped, list(entered))
    }
    assert [(s.stage, s.order, s.owner) for s in drawn.stages] == [
        ("Product viewed", "sequence", "Shop"),
        ("Chat asked or Support called", "choice", None),
        ("Address entered, Payment entered", "any", "Shop"),
        ("Order delivered", "sequence", None),
    ]


def test_a_way_back_in_a_diagram_is_a_return(pm4py, tmp_path: Path):
    text = bpmn(
        '<task id="a" name="Look"/><task id="b" name="Try"/><exclusiveGateway id="g"/>'
        '<exclusiveGateway id="h"/><task id="c" name="Buy"/>',
        ("begin", "h"),
        ("h", "a"),
        ("a", "b"),
        ("b", "g"),
        ("g", "h"),
        ("g", "c"),
        ("c", "end"),
    )
    (tmp_path / "loop.bpmn").write_text(text)
    drawn = read_bpmn(tmp_path / "loop.bpmn", goal=["Buy"], patience="never", name="Fitting room")
    assert drawn.name == "Fitting room"
    assert [(s.stage, s.next, s.returns_to) for s in drawn.stages] == [
        ("Look", ("Try",), ()),
        ("Try", ("Buy",), ("Look",)),
        ("Buy", (), ()),
    ]


def test_elements_without_a_place_in_a_map_are_all_named(pm4py, tmp_path: Path):
    text = bpmn(
        '<task id="a" name="Look"/><intermediateCatchEvent id="t" name="Three days"/>'
        '<subProcess id="s" name="Pay"/><complexGateway id="odd"/>',
        ("begin", "a"),
        ("a", "t"),
        ("t", "s"),
        ("s", "odd"),
        ("odd", "end"),
    )
    (tmp_path / "odd.bpmn").write_text(text)
    with pytest.raises(
        MapError,
        match=r"intermediateCatchEvent 'Three days'; subProcess 'Pay'; complexGateway 'odd'\. A map is",
    ):
        read_bpmn(tmp_path / "odd.bpmn", goal=["Look"], patience="never")


def test_a_diagram_that_is_no_map_is_told_with_its_file(pm4py, tmp_path: Path):
    (tmp_path / "order.bpmn").write_text(ORDER)
    with pytest.raises(MapError, match=r"order\.bpmn: the goal 'Delivered' is no transition that"):
        read_bpmn(tmp_path / "order.bpmn", goal=["Delivered"], patience="14d")
    with pytest.raises(MapError, match="path is the name of a BPMN file, not None"):
        read_bpmn(None, goal=["Pay"], patience="2d")
    with pytest.raises(MapError, match="no such file"):
        read_bpmn(tmp_path / "nothing.bpmn", goal=["x"], patience="14d")
    with pytest.raises(MapError, match=r"is a folder; a BPMN file is expected: one of order\.bpmn in it\?"):
        read_bpmn(tmp_path, goal=["x"], patience="14d")
    (tmp_path / "broken.bpmn").write_text("<definitions>")
    with pytest.raises(MapError, match="not a BPMN file"):
        read_bpmn(tmp_path / "broken.bpmn", goal=["x"], patience="14d")


def test_what_is_said_of_a_diagram_leaves_its_names_alone(pm4py, tmp_path: Path):
    """Of a diagram, not of the net between, even where a name reads alike."""
    text = bpmn(
        """<task id="a" name="Call the network"/><task id="b" name="Ask the net"/>
        <parallelGateway id="split"/><parallelGateway id="joined"/>
        <task id="c" name="Cast the net"/><task id="d" name="Done"/>""",
        ("begin", "split"),
        ("split", "a"),
        ("a", "b"),
        ("b", "joined"),
        ("split", "c"),
        ("c", "joined"),
        ("joined", "d"),
        ("d", "end"),
    )
    (tmp_path / "net.bpmn").write_text(text)
    with pytest.raises(MapError) as caught:
        read_bpmn(tmp_path / "net.bpmn", goal=["Call the networks"], patience="14d")
    assert str(caught.value) == (
        f"{tmp_path / 'net.bpmn'}: the goal 'Call the networks' is no transition that a complete run of the "
        "diagram takes, did you mean 'Call the network'?; it takes Ask the net, Call the network, "
        "Cast the net, Done"
    )
    with pytest.raises(MapError) as caught:
        read_bpmn(tmp_path / "net.bpmn", goal=["Done"], patience="14d")
    assert str(caught.value).startswith(
        f"{tmp_path / 'net.bpmn'}: 'Ask the net' and 'Call the network' keep an order in the diagram while "
        "'Cast the net' may come before, between or after them"
    )


# Logs -----------------------------------------------------------------------------------------------------


def test_a_log_in_the_columns_of_pm4py_keeps_every_event(pm4py):
    log = cj.simulate.shop(100, seed=3).log
    events = to_event_log(log)
    assert len(events) == log.n_events
    assert events["concept:name"].tolist() == log.events["touchpoint"].astype(object).tolist()
    assert events["case:concept:name"].astype(int).tolist() == log.events["journey"].tolist()
    assert not any(isinstance(kind, pd.CategoricalDtype) for kind in events.dtypes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph, _, _ = pm4py.discover_dfg(events)
    pairs = log.events.groupby("journey")["touchpoint"].agg(lambda names: list(itertools.pairwise(names)))
    assert sum(graph.values()) == sum(map(len, pairs))


# Without pm4py --------------------------------------------------------------------------------------------


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_module_loads_without_pm4py_and_says_what_to_install():
    done = run(
        "import sys; sys.modules['pm4py'] = None\n"
        "import cjmining.interop as interop; from cjmining.intended import parse_map\n"
        "tiny = parse_map('{map: M, goal: [a], patience: 1d, '\n"
        "                 'stages: [{stage: S, touchpoints: [{touchpoint: a}]}]}')\n"
        "try: interop.to_petri_net(tiny)\n"
        "except ImportError as problem: print(problem)"
    )
    assert done.endswith("pip install 'cjmining[pm4py]'")


def test_pm4py_greets_nobody(pm4py):
    code = (
        "from cjmining.interop import to_petri_net; from cjmining.intended import parse_map\n"
        "tiny = parse_map('{map: M, goal: [a], patience: 1d, '\n"
        "                 'stages: [{stage: S, touchpoints: [{touchpoint: a}]}]}')\n"
        "to_petri_net(tiny)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_examples_of_the_page_run(pm4py):
    page = Path(__file__).resolve().parents[1] / "docs" / "exchange.md"
    done = doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.attempted > 5
    assert done.failed == 0
