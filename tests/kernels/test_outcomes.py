"""Outcomes, places and the cutting of journeys, against a plain reading of the design and by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.event_columns import read_only
from cjmining.kernels.outcomes import WalkRules, judge, segment
from tests.examples import examples

CUSTOMER, COMPANY, SYSTEM = 0, 1, 2
NEVER = -1


@dataclass
class Map:
    """A map in plain Python: for each touchpoint its role and stages, for each stage its patience."""

    stages: dict[str, list[int]]
    patience: list[int]
    before: int
    goal: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    actors: dict[str, int] = field(default_factory=dict)
    entry: int = 1
    after: frozenset[str] = frozenset({"goal", "exit", "silence"})
    next: dict[int, list[int]] = field(default_factory=dict)

    def following(self, stage: int) -> set[int]:
        """The stages planned after one: its `next` (where not said, the one that follows), and theirs."""
        found: set[int] = set()
        waiting = [stage]
        while waiting:
            at = waiting.pop()
            new = {s for s in self.next.get(at, [at + 1]) if s < len(self.patience)} - found
            found |= new
            waiting.extend(new)
        return found - {stage}

    @property
    def names(self) -> list[str]:
        names = {*self.stages, *self.goal, *self.left, *self.rejected, *self.ignored, "stray"}
        return sorted(names)

    def begins(self, name: str) -> bool:
        return any(stage < self.entry for stage in self.stages.get(name, []))

    def rules(self) -> WalkRules:
        lists = [self.stages.get(name, []) for name in self.names]
        roles = [
            1 if n in self.goal else 2 if n in self.left else 3 if n in self.rejected else 0
            for n in self.names
        ]
        numbers = range(len(self.patience))
        return WalkRules(
            role=np.array(roles, dtype=np.int8),
            ignored=np.array([n in self.ignored for n in self.names]),
            actor=np.array([self.actors.get(n, -1) for n in self.names], dtype=np.int8),
            stage_offsets=np.cumsum([0, *map(len, lists)]).astype(np.int32),
            stages=np.array([s for each in lists for s in each], dtype=np.int32),
            entry=np.array([self.begins(n) for n in self.names]),
            patience_us=np.array(self.patience, dtype=np.int64),
            before_us=self.before,
            after_goal="goal" in self.after,
            after_exit="exit" in self.after,
            after_silence="silence" in self.after,
            actor_codes=np.array([0, 1, 2], dtype=np.int8),
            leads_to=np.array([[b in self.following(a) for b in numbers] for a in numbers]),
        )


@dataclass(frozen=True)
class Event:
    time: int
    name: str
    actor: int = CUSTOMER
    failed: int = -1


@dataclass
class Ending:
    outcome: str = "open"
    at: int = -1
    event: int = -1
    place: int = -1
    stage: int = -1
    furthest: int = -1
    stop: int = 0


# The reference: moment by moment, as DESIGN section 6 and the contract's readings put it -------------------


def stage_counted(plan: Map, name: str, current: int) -> int:
    named = plan.stages.get(name, [])
    later = [stage for stage in named if stage >= current]
    return min(later) if later else max(named, default=-1)


def stage_after_goal(plan: Map, name: str, goal_stage: int) -> int:
    named = [s for s in plan.stages.get(name, []) if s == goal_stage or s in plan.following(goal_stage)]
    later = [s for s in named if s >= goal_stage]
    counted = min(later) if later else max(named, default=-1)
    return -1 if counted == goal_stage else counted


def longest_patience(plan: Map, name: str) -> int:
    patiences = [plan.patience[stage] for stage in plan.stages[name]]
    return NEVER if NEVER in patiences else max(patiences)


def who(plan: Map, event: Event) -> int:
    return plan.actors.get(event.name, event.actor)


def decides(plan: Map, event: Event) -> str:
    if event.failed == 1:
        return ""
    if event.name in plan.goal:
        return "goal"
    return "exit" if event.name in plan.left | plan.rejected else ""


def reference_ending(  # noqa: C901 -- one reading of the text, told in one piece
    plan: Map, events: list[Event], first: int, last: int, data_end: int
) -> Ending:
    found = Ending(at=data_end, stop=last)
    patience, silent_since = plan.before, None
    counting = [i for i in range(first, last) if events[i].name not in plan.ignored]
    for time, moment in groupby(counting, key=lambda i: events[i].time):
        now = list(moment)
        goals = [i for i in now if decides(plan, events[i]) == "goal"]
        exits = [i for i in now if decides(plan, events[i]) == "exit"]
        deciding = (goals or exits or [None])[0]
        if silent_since is not None and patience != NEVER:
            deadline = silent_since + patience
            if deadline < time or (deadline == time and deciding is None):
                found.outcome, found.at, found.stop = "dropped", deadline, now[0]
                return found
        for i in now:
            if i == deciding:
                break
            if i in exits:
                continue
            event = events[i]
            stage = stage_counted(plan, event.name, found.stage)
            if stage >= 0:
                found.furthest = max(found.furthest, stage)
                if who(plan, event) == CUSTOMER or stage > found.stage:
                    found.place, found.stage = i, stage
                    patience = longest_patience(plan, event.name)
            if who(plan, event) == CUSTOMER:
                silent_since = time
            waited_long = silent_since is not None and patience != NEVER and silent_since + patience <= time
            if waited_long and deciding is None:
                found.outcome, found.at, found.stop = "dropped", time, i + 1
                return found
        if deciding is not None:
            found.at, found.event, found.stop = time, deciding, deciding + 1
            name = events[deciding].name
            if goals:
                found.outcome, found.place = "converted", deciding
                found.stage = stage_counted(plan, name, found.stage)
                found.furthest = max(found.furthest, found.stage)
            else:
                found.outcome = "dropped" if name in plan.left else "turned away"
            return found
    if silent_since is not None and patience != NEVER and silent_since + patience <= data_end:
        found.outcome, found.at = "dropped", silent_since + patience
    return found


def begins_again(plan: Map, event: Event, after: str) -> bool:
    if event.name in plan.ignored or who(plan, event) != CUSTOMER:
        return False
    return after == "silence" or plan.begins(event.name)


def cause(found: Ending) -> str:
    if found.outcome == "converted":
        return "goal"
    return "exit" if found.event >= 0 else "silence"


def reference_starts(plan: Map, events: list[Event], data_end: int) -> list[int]:
    starts, first = [0], 0
    while True:
        found = reference_ending(plan, events, first, len(events), data_end)
        if found.outcome == "open" or cause(found) not in plan.after:
            return starts
        again = [i for i in range(found.stop, len(events)) if begins_again(plan, events[i], cause(found))]
        if not again:
            return starts
        first = again[0]
        starts.append(first)


def reference_judgement(plan: Map, events: list[Event], first: int, last: int, data_end: int) -> tuple:
    found = reference_ending(plan, events, first, last, data_end)
    after = [e for e in events[found.stop : last] if e.name not in plan.ignored]
    furthest, won_back = found.furthest, "no"
    if found.outcome == "converted":
        on_map = [stage_after_goal(plan, e.name, found.stage) for e in after if decides(plan, e) != "exit"]
        furthest = max([furthest, *on_map])
    elif found.outcome != "open":
        if any(decides(plan, e) == "goal" for e in after):
            won_back = "converted"
        elif any(begins_again(plan, e, cause(found)) for e in after):
            won_back = "returned"
    return found.outcome, found.at, found.event, found.place, found.stage, furthest, won_back


# Running the kernels ----------------------------------------------------------------------------------------


def columns(plan: Map, events: list[Event]) -> tuple:
    numbers = {name: number for number, name in enumerate(plan.names)}
    return (
        read_only(np.array([e.time for e in events], dtype=np.int64)),
        read_only(np.array([numbers[e.name] for e in events], dtype=np.int32)),
        read_only(np.array([e.actor for e in events], dtype=np.int32)),
        read_only(np.array([e.failed for e in events], dtype=np.int8)),
    )


def run_segment(plan: Map, events: list[Event], data_end: int, *, splittable: bool = True) -> list[int]:
    group = np.array([0, len(events)], dtype=np.int64)
    bounds = segment(group, np.array([splittable]), *columns(plan, events), plan.rules(), data_end)
    return bounds.tolist()


def run_judge(plan: Map, events: list[Event], bounds: list[int], data_end: int) -> list[tuple]:
    found = judge(read_only(np.array(bounds, dtype=np.int64)), *columns(plan, events), plan.rules(), data_end)
    outcomes = ("converted", "dropped", "turned away", "open")
    won = ("no", "returned", "converted")
    rows = zip(*(array.tolist() for array in found), strict=True)
    return [(outcomes[row[0]], *row[1:6], won[row[6]]) for row in rows]


NAMES = ("ad", "view", "offer", "pay", "parcel", "done", "leave", "reject", "ping", "stray")


@st.composite
def maps(draw: st.DrawFn) -> Map:
    n_stages = draw(st.integers(1, 4))
    some = st.lists(st.integers(0, n_stages - 1), max_size=2, unique=True).map(sorted)
    stages = {name: draw(some) for name in ("ad", "view", "offer", "pay", "parcel", "leave")}
    stages["done"] = [draw(st.integers(0, n_stages - 1))]
    patience = st.one_of(st.just(NEVER), st.integers(1, 6))
    return Map(
        stages=stages,
        patience=[draw(patience) for _ in range(n_stages)],
        before=draw(patience),
        goal=frozenset({"done"}),
        left=frozenset({"leave"}),
        rejected=frozenset({"reject"}),
        ignored=frozenset({"ping"}),
        actors=draw(st.dictionaries(st.sampled_from(["offer", "parcel", "done"]), st.sampled_from([0, 1]))),
        entry=draw(st.integers(1, n_stages)),
        after=draw(st.frozensets(st.sampled_from(["goal", "exit", "silence"]))),
        next=draw(
            st.dictionaries(
                st.integers(0, n_stages - 1), st.lists(st.integers(0, n_stages - 1), max_size=2, unique=True)
            )
        ),
    )


events_lists = st.lists(
    st.builds(
        Event,
        time=st.integers(0, 24),
        name=st.sampled_from(NAMES),
        actor=st.sampled_from([CUSTOMER, CUSTOMER, COMPANY, SYSTEM]),
        failed=st.sampled_from([-1, 0, 1]),
    ),
    min_size=1,
    max_size=14,
).map(lambda events: sorted(events, key=lambda event: event.time))


@examples(300)
@given(maps(), events_lists, st.integers(0, 6))
def test_journeys_are_cut_and_judged_as_the_design_says(plan: Map, events: list[Event], later: int) -> None:
    data_end = events[-1].time + later
    bounds = run_segment(plan, events, data_end)
    assert bounds == [*reference_starts(plan, events, data_end), len(events)]
    whole = [0, len(events)]
    for pieces in (bounds, whole):
        expected = [
            reference_judgement(plan, events, first, last, data_end) for first, last in pairwise(pieces)
        ]
        assert run_judge(plan, events, pieces, data_end) == expected


@examples(200)
@given(maps(), events_lists)
def test_a_journey_that_a_new_one_follows_has_ended(plan: Map, events: list[Event]) -> None:
    data_end = events[-1].time + 3
    bounds = run_segment(plan, events, data_end)
    judged = run_judge(plan, events, bounds, data_end)
    assert all(row[0] != "open" for row in judged[:-1])


# By hand ----------------------------------------------------------------------------------------------------

DAY = 10
SHOP = Map(
    stages={
        "ad": [0],
        "newsletter": [0],
        "view": [1],
        "basket": [2],
        "pay": [2],
        "parcel": [3],
        "delivered": [3],
    },
    patience=[DAY, DAY, DAY, NEVER],
    before=DAY,
    goal=frozenset({"delivered"}),
    left=frozenset({"unsubscribed"}),
    rejected=frozenset({"rejected"}),
    ignored=frozenset({"ping"}),
    actors={"newsletter": COMPANY, "parcel": COMPANY, "delivered": COMPANY},
)


def judged(plan: Map, *events: Event, data_end: int) -> list[tuple]:
    listed = list(events)
    return run_judge(plan, listed, run_segment(plan, listed, data_end), data_end)


def test_newsletters_keep_nobody_alive_and_open_no_journey() -> None:
    events = [Event(0, "view"), *(Event(t, "newsletter") for t in range(3, 40, 3))]
    assert judged(SHOP, *events, data_end=40) == [("dropped", 10, -1, 0, 1, 1, "no")]


def test_a_newsletter_moves_nobody_back_and_leaves_the_patience_alone() -> None:
    patient = Map(**{**vars(SHOP), "patience": [1, 20, DAY, NEVER]})
    events = [Event(0, "view"), Event(5, "newsletter")]
    assert judged(patient, *events, data_end=30) == [("dropped", 20, -1, 0, 1, 1, "no")]


def test_a_newsletter_to_somebody_who_left_opens_no_journey() -> None:
    events = [Event(0, "view"), Event(1, "unsubscribed"), Event(2, "newsletter"), Event(3, "newsletter")]
    assert judged(SHOP, *events, data_end=9) == [("dropped", 1, 1, 0, 1, 1, "no")]


def test_nobody_is_lost_while_a_parcel_is_on_its_way() -> None:
    events = [Event(0, "pay"), Event(2, "parcel")]
    assert judged(SHOP, *events, data_end=1000) == [("open", 1000, -1, 1, 3, 3, "no")]


def test_a_parcel_that_comes_after_the_deadline_comes_too_late() -> None:
    events = [Event(0, "pay"), Event(10, "parcel"), Event(12, "delivered")]
    assert judged(SHOP, *events, data_end=20) == [("dropped", 10, -1, 0, 2, 2, "converted")]


def test_a_company_event_that_moves_on_may_end_the_patience_at_once() -> None:
    hasty = Map(**{**vars(SHOP), "patience": [DAY, DAY, 30, 2]})
    events = [Event(0, "pay"), Event(5, "parcel"), Event(6, "delivered")]
    assert judged(hasty, *events, data_end=20)[0] == ("dropped", 5, -1, 1, 3, 3, "converted")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["unsubscribed", "delivered"], ("converted", 10, 2, 2, 3, 3, "no")),
        (["delivered", "unsubscribed"], ("converted", 10, 1, 1, 3, 3, "no")),
        (["unsubscribed"], ("dropped", 10, 1, 0, 2, 2, "no")),
        (["rejected"], ("turned away", 10, 1, 0, 2, 2, "no")),
        (["newsletter"], ("dropped", 10, -1, 0, 2, 2, "no")),
        (["parcel"], ("dropped", 10, -1, 0, 2, 2, "no")),
    ],
)
def test_at_equal_times_goal_comes_before_exit_before_silence(order: list[str], expected: tuple) -> None:
    events = [Event(0, "pay"), *(Event(10, name) for name in order)]
    assert judged(SHOP, *events, data_end=50) == [expected]


def test_a_customer_event_exactly_at_the_deadline_comes_too_late_and_begins_anew() -> None:
    assert judged(SHOP, Event(0, "view"), Event(10, "view"), data_end=15) == [
        ("dropped", 10, -1, 0, 1, 1, "no"),
        ("open", 15, -1, 1, 1, 1, "no"),
    ]


def test_what_failed_decides_nothing() -> None:
    events = [Event(0, "pay"), Event(1, "delivered", failed=1), Event(2, "unsubscribed", failed=1)]
    assert judged(SHOP, *events, data_end=100) == [("open", 100, -1, 1, 3, 3, "no")]


@pytest.mark.parametrize(
    ("data_end", "outcome", "at"), [(9, "open", 9), (10, "dropped", 10), (11, "dropped", 10)]
)
def test_silence_counts_when_its_end_is_not_after_the_data(data_end: int, outcome: str, at: int) -> None:
    assert judged(SHOP, Event(0, "view"), data_end=data_end) == [(outcome, at, -1, 0, 1, 1, "no")]


def test_a_customer_won_back_is_a_second_attempt() -> None:
    events = [Event(0, "view"), Event(30, "basket"), Event(31, "delivered")]
    assert judged(SHOP, *events, data_end=50) == [
        ("dropped", 10, -1, 0, 1, 1, "no"),
        ("converted", 31, 2, 2, 3, 3, "no"),
    ]


@pytest.mark.parametrize(
    ("last", "won_back"), [("newsletter", "no"), ("basket", "returned"), ("delivered", "converted")]
)
def test_without_splitting_the_return_is_kept(last: str, won_back: str) -> None:
    events = [Event(0, "view"), Event(30, last)]
    row = run_judge(SHOP, events, [0, 2], 50)
    assert row == [("dropped", 10, -1, 0, 1, 1, won_back)]


def test_a_second_purchase_begins_with_an_entry_stage() -> None:
    events = [
        *(
            Event(t, name)
            for t, name in enumerate(["ad", "pay", "delivered", "basket", "ping", "ad", "view"])
        ),
    ]
    assert run_segment(SHOP, events, 100) == [0, 5, 7]
    assert run_segment(Map(**{**vars(SHOP), "after": frozenset({"silence"})}), events, 100) == [0, 7]


def test_journeys_of_the_source_stay_whole() -> None:
    events = [Event(0, "view"), Event(500, "view"), Event(900, "view")]
    assert run_segment(SHOP, events, 1000, splittable=False) == [0, 3]
    assert run_segment(SHOP, events, 1000) == [0, 1, 2, 3]


def test_before_any_customer_event_no_silence_runs() -> None:
    events = [Event(0, "newsletter"), Event(500, "newsletter")]
    assert judged(SHOP, *events, data_end=1000) == [("open", 1000, -1, 0, 0, 0, "no")]


def test_a_touchpoint_of_two_stages_counts_where_the_journey_is() -> None:
    plan = Map(stages={"call": [0, 2], "view": [1], "pay": [3]}, patience=[DAY] * 4, before=DAY)
    rows = [
        run_judge(plan, [Event(t, n) for t, n in enumerate(names)], [0, len(names)], 5)[0][4]
        for names in (["call"], ["view", "call"], ["pay", "call"])
    ]
    assert rows == [0, 2, 2]


@pytest.mark.parametrize(
    ("next_", "furthest"),
    [
        ({1: []}, 1),  # the goal's stage ends the map: what the other branch names is after the end
        ({1: [2], 2: []}, 2),
        ({1: [3], 3: []}, 3),
        ({1: [2], 2: [3]}, 3),  # by way of a stage that nobody visited
        ({1: [0], 0: [3]}, 3),  # by way of a stage written earlier
    ],
)
def test_after_the_goal_only_stages_that_the_map_plans_there_are_reached(
    next_: dict[int, list[int]], furthest: int
) -> None:
    plan = Map(
        stages={"ad": [0], "done": [1], "visit": [2], "call": [3]},
        patience=[DAY] * 4,
        before=DAY,
        goal=frozenset({"done"}),
        next=next_,
    )
    events = [Event(t, name) for t, name in enumerate(["ad", "done", "visit", "call"])]
    assert run_judge(plan, events, [0, 4], 5)[0][5] == furthest


def test_what_the_goals_own_stage_names_lies_there_and_not_further_on() -> None:
    plan = Map(
        stages={"done": [0], "call": [0, 1]}, patience=[DAY, DAY], before=DAY, goal=frozenset({"done"})
    )
    assert run_judge(plan, [Event(0, "done"), Event(1, "call")], [0, 2], 5)[0][5] == 0


def test_ignored_events_are_no_sign_of_life() -> None:
    events = [Event(0, "view"), Event(9, "ping"), Event(11, "view")]
    assert [row[0] for row in judged(SHOP, *events, data_end=12)] == ["dropped", "open"]
