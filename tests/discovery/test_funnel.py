"""Funnels: counted by hand on small logs, and against a plain reading of the definitions."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.discovery import summary
from cjmining.intended import parse_map
from cjmining.stats import wilson, wilson_of_clusters
from tests.examples import examples
from tests.small_logs import log_of, rows, timed, written


def reached(found):
    return found.steps["reached"].tolist()


# by hand --------------------------------------------------------------------------------------------------


def test_each_step_comes_after_the_one_before():
    log = log_of(["a0 b1 c2", "a0 c1 b2", "c0 b1 a2", "b0"])
    found = cj.funnel(log, ["a", "b", "c"])
    assert reached(found) == [3, 2, 1]
    assert found.steps["lost"].tolist() == [1, 1, 0]
    assert rows(found.overview, "journeys_in_group", "journeys", "attempts", "completed") == [[4, 3, 3, 1]]


def test_the_log_s_order_decides_between_equal_times():
    found = cj.funnel(log_of(["a5 b5", "b5 a5"]), ["a", "b"])
    assert reached(found) == [2, 1]
    assert found.steps["median_s"].tolist()[1] == 0


def test_one_event_counts_for_one_step():
    log = log_of(["a0", "a0 a1"])
    assert reached(cj.funnel(log, ["a", "a"])) == [2, 1]
    assert reached(cj.funnel(log, ["a", "a"], order="strict")) == [2, 1]


def test_in_any_order_an_event_counts_for_each_step_that_it_fits():
    log = log_of(["a0", "b0 a1", "b0"])
    assert reached(cj.funnel(log, ["a", ["a", "b"]], order="any")) == [3, 2]


def test_strict_steps_follow_directly_but_for_what_is_ignored():
    log = log_of(["a0 b1 c2", "a0 x1 b2 c3", "a0 a1 b2 c3"])
    assert reached(cj.funnel(log, ["a", "b", "c"], order="strict")) == [3, 1, 1]
    assert reached(cj.funnel(log, ["a", "b", "c"], order="strict", ignore=["x"])) == [3, 2, 2]
    every = cj.funnel(log, ["a", "b", "c"], order="strict", starts="every")
    assert reached(every) == [4, 2, 2]


def test_the_time_runs_from_the_first_step_and_its_last_moment_counts():
    log = log_of(["a0 b10 c20", "a0 b11", "a0 b5 c21"], end=1000)
    found = cj.funnel(log, ["a", "b", "c"], within="20s")
    assert reached(found) == [3, 3, 1]
    assert reached(cj.funnel(log, ["a", "b", "c"], within=dt.timedelta(seconds=10))) == [3, 2, 0]


def test_repeated_touchpoints_take_the_earliest_that_fits():
    found = cj.funnel(log_of(["a0 a4 b5 b9"]), ["a", "b"])
    assert found.attempts["duration_s"].tolist() == [5.0]


def test_every_start_is_one_only_when_the_attempt_before_is_over():
    log = log_of(["a0 a1 b2 a3 b4 a5"], end=1000)
    assert reached(cj.funnel(log, ["a", "b"], starts="every")) == [3, 2]  # a1 lies within the first
    log = log_of(["a0 a5 b20"], end=1000)
    assert reached(cj.funnel(log, ["a", "b"], within="10s", starts="every")) == [
        1,
        0,
    ]
    assert reached(cj.funnel(log, ["a", "b"], within="4s", starts="every")) == [2, 0]


def test_any_order_counts_how_many_were_reached_and_which():
    log = log_of(["c0 a1 b2", "b0 b1", "x0 a1 c2"], end=1000)
    found = cj.funnel(log, {"A": "a", "B": "b", "C": "c"}, order="any")
    assert reached(found) == [3, 2, 1]
    assert found.steps["name"].tolist() == ["any 1 of 3", "any 2 of 3", "any 3 of 3"]
    assert rows(found.singly, "name", "reached") == [["A", 2], ["B", 2], ["C", 2]]
    assert cj.funnel(log, ["a", "b"]).singly.empty


def test_attempts_that_may_still_go_on_are_open_and_no_part_of_the_headline():
    # the data end at 100; with 20 s only attempts that began by 80 are mature
    log = log_of(["a0 b10", "a10", "a80", "a81", "a90 b95", "a95 x96"], end=100)
    found = cj.funnel(log, ["a", "b"], within="20s")
    one = found.overview.iloc[0]
    assert (one["attempts"], one["completed"], one["lost"], one["open"]) == (6, 2, 2, 2)
    assert (one["mature"], one["mature_completed"]) == (3, 1)
    assert tuple(one[["share_of_mature_attempts", "lower", "upper"]]) == pytest.approx(wilson(1, 3))
    assert one["naive_share_of_attempts"] == pytest.approx(2 / 6)
    assert found.attempts["fate"].tolist() == ["completed", "lost", "lost", "open", "completed", "open"]
    # strict: what came next has decided it, however much time is left
    strict = cj.funnel(log, ["a", "b"], within="20s", order="strict")
    assert strict.attempts["fate"].tolist() == ["completed", "lost", "lost", "open", "completed", "lost"]


def test_open_journeys_are_never_lost_but_what_is_known_of_their_time_counts():
    log = log_of(["a0 b10", "a10", "a15"], end=100).tag(outcome=["converted", "dropped", "open"])
    found = cj.funnel(log, ["a", "b"])
    assert rows(found.overview, "lost", "open", "mature", "mature_completed") == [[1, 1, 2, 1]]
    assert "journeys decided so far" in found.notes[0]
    # with a time the clock alone decides: at 100 all three had theirs
    found = cj.funnel(log, ["a", "b"], within="20s")
    assert rows(found.overview, "lost", "open", "mature", "mature_completed") == [[2, 0, 3, 1]]
    assert found.notes == ()


@pytest.mark.parametrize("word", ["open", "dropped", "converted", "turned away", None])
@pytest.mark.parametrize("unit", ["journey", "customer"])
def test_with_a_time_the_clock_decides_whatever_the_tag_says(word, unit):
    log = log_of(["a0 x5", "a0 b30", "a90", "a95 b99"], end=100).tag(outcome=[word] * 4)
    found = cj.funnel(log, ["a", "b"], within="20s", unit=unit)
    assert found.attempts["fate"].tolist() == ["lost", "lost", "open", "completed"]
    assert found.attempts["mature"].tolist() == [True, True, False, False]
    long = cj.funnel(log, ["a", "b"], within="36500d", unit=unit)
    assert long.attempts["fate"].tolist() == ["open", "completed", "open", "completed"]


def test_steps_may_be_arrays_and_series():
    log = log_of(["a0 b1", "a0"])
    expected = cj.funnel(log, ["a", "b"]).steps
    for steps in (("a", "b"), np.array(["a", "b"]), pd.Series(["a", "b"]), pd.Index(["a", "b"])):
        pd.testing.assert_frame_equal(cj.funnel(log, steps).steps, expected)
    either = cj.funnel(log, ["a", np.array(["a", "b", "b"])])
    assert either.names == ("a", "a | b")


def test_a_log_without_outcomes_says_what_it_lacks():
    assert "Nothing says which journeys are over" in cj.funnel(log_of(["a0 b1"]), ["a", "b"]).notes[0]


def test_limits_allow_for_customers_with_several_attempts():
    log = log_of(["a0 b1", "a10 b11", "a0 x1", "a10 x11"], customers=[0, 0, 1, 1], end=100)
    one = cj.funnel(log, ["a", "b"], within="5s").overview.iloc[0]
    expected = wilson_of_clusters(2, 4, (4, 4, 8))
    assert tuple(one[["share_of_mature_attempts", "lower", "upper"]]) == pytest.approx(expected)
    assert one["customers"] == 2


def test_shares_name_their_denominators():
    log = log_of(["a0 b1 c2", "a0 b1", "a0 b1", "a0"], end=100)
    last = cj.funnel(log, ["a", "b", "c"], within="5s").steps.iloc[2]
    assert (last["mature_first"], last["mature_previous"], last["mature_reached"]) == (4, 3, 1)
    assert last["share_of_mature_first"] == pytest.approx(1 / 4)
    assert last["share_of_mature_previous"] == pytest.approx(1 / 3)


def test_times_are_since_the_step_before_and_since_the_first():
    log = log_of(["a0 b10 c40", "a0 b20 c60", "a0 b60"], end=100)
    found = cj.funnel(log, ["a", "b", "c"])
    assert found.steps["median_s"].tolist()[1:] == [20, 35]
    assert found.steps["median_from_first_s"].tolist()[1:] == [20, 50]
    assert math.isnan(found.steps["median_s"].iloc[0])
    table = found.times.set_index(["step", "since"])
    assert table.loc[(3, "first"), "p90_s"] == pytest.approx(np.quantile([40, 60], 0.9))
    assert table["measured"].tolist() == [3, 3, 2, 2]


def test_what_those_did_who_were_lost():
    log = log_of(["a0 b1", "a0 x1 y2", "a0 x1", "a0", "a0 y1 x2 z90"], end=200)
    found = cj.funnel(log, ["a", "b"], within="50s")
    told = rows(found.between("a"), "position", "touchpoint", "attempts")
    assert told == [
        ["next", "x", 2],
        ["next", "(nothing)", 1],
        ["next", "y", 1],
        ["last", "x", 2],
        ["last", "(nothing)", 1],
        ["last", "y", 1],
    ]
    assert found.between(1)["share_of_lost"].sum() == pytest.approx(2)
    assert found.journeys(1).tolist() == [1, 2, 3, 4]
    assert found.journeys("b", "completed").tolist() == [0]


def test_outcomes_of_those_who_came_so_far():
    log = log_of(["a0 b1", "a0 b1", "a0", "a0"], end=100)
    log = log.tag(outcome=["converted", "dropped", "dropped", None])
    table = cj.funnel(log, ["a", "b"]).outcomes
    assert rows(table, "step", "outcome", "attempts", "share_of_stopped") == [
        [1, "dropped", 1, 0.5],
        [1, "unknown", 1, 0.5],
        [2, "converted", 1, 0.5],
        [2, "dropped", 1, 0.5],
    ]


def test_across_the_journeys_of_a_customer_in_order_of_time():
    log = log_of(["a0 b50", "a10 c60", "c20"], customers=[0, 0, 1], end=100)
    assert reached(cj.funnel(log, ["a", "b", "c"])) == [2, 1, 0]
    found = cj.funnel(log, ["a", "b", "c"], unit="customer")
    assert reached(found) == [1, 1, 1]
    assert rows(found.attempts, "journey", "customer", "duration_s") == [[0, 0, 60.0]]
    # journeys overlap: a0 a10 b50 c60
    strict = cj.funnel(log, ["a", "b"], unit="customer", order="strict", starts="every")
    assert reached(strict) == [2, 1]


def test_one_open_journey_leaves_all_attempts_of_its_customer_open():
    log = log_of(["a0", "x10", "a0"], customers=[0, 0, 1]).tag(outcome=["dropped", "open", "dropped"])
    found = cj.funnel(log, ["x", "a"], unit="customer")
    assert rows(found.overview, "lost", "open") == [[0, 1]]


def test_steps_may_be_bound_to_channels_and_have_names_and_choices():
    log = log_of(["a0 b1", "a0 c1", "a0 b1"], channels=["ad", "web", "ad", "web", "web", "web"], end=9)
    found = cj.funnel(log, {"Ad": "a@ad", "Went on": ["b", "c"]})
    assert reached(found) == [2, 2]
    assert found.steps["name"].tolist() == ["Ad", "Went on"]
    assert reached(cj.funnel(log, ["@ad", "@web"], level="touchpoint@channel")) == [2, 2]
    assert reached(cj.funnel(log, ["ad", "web"], level="channel")) == [2, 2]


def test_at_the_level_of_stages_steps_are_stages():
    shop = cj.simulate.shop(200, seed=3)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended)
    found = cj.funnel(log, ["Research", "Checkout"], level="stage", intended=intended)
    entered = cj.check(log, intended).stages.set_index("stage")["entered"]
    assert reached(found)[0] == entered["Research"]


def test_groups_stand_apart_and_those_without_attempts_are_told():
    log = log_of(["a0 b1", "a0", "x0"], end=10).tag(team=["red", "blue", "green"])
    found = cj.funnel(log, ["a", "b"], by="team")
    assert rows(found.overview, "by", "attempts", "completed") == [
        ["blue", 1, 0],
        ["green", 0, 0],
        ["red", 1, 1],
    ]
    assert found.steps["by"].tolist() == ["blue", "blue", "red", "red"]
    assert rows(found.between(1), "by", "touchpoint") == [["blue", "(nothing)"]] * 2


def test_empty_logs_and_funnels_that_nobody_enters_keep_their_types():
    none = cj.funnel(log_of(["x0 a1"]), ["a", "x"], by="month")
    full = cj.funnel(log_of(["x0 a1", "x1"]), ["x", "a"])
    never = cj.funnel(log_of(["x0 y0 a1"]).where(touchpoint="x"), ["a", "x"])
    assert reached(none) == [1, 0]
    empty = cj.funnel(log_of(["x0 a1"]).where(end="1970"), ["x", "a"])
    for name in full._tables:
        for found in (never, empty):
            left, right = getattr(found, name).dtypes, getattr(full, name).dtypes
            assert left.astype(str).tolist() == right.astype(str).tolist(), name


def test_it_shows_itself():
    found = cj.funnel(log_of(["a0 b1", "a0", "a99"], end=100), ["a", "b"], within="20s")
    assert repr(found) == (
        "Funnel: a > b within 20s, first start of each journey: 1 of 2 mature attempts completed, "
        "3 in all, 1 of them with time left\n"
        "  1 a: 3 reached; 1 lost after it, 1 open\n"
        "  2 b: 1 reached, of mature attempts 50 % (9-91 %)"
    )
    assert ".steps" in found._repr_html_()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda log: cj.funnel(log, "a"), "steps is a sequence such as"),
        (lambda log: cj.funnel(log, ["a"]), "2 to 32 steps, not 1"),
        (lambda log: cj.funnel(log, ["a", 3]), "step 2 is a step such as"),
        (lambda log: cj.funnel(log, ["a", "bb"]), "'bb'"),
        (lambda log: cj.funnel(log, ["a", "B"]), "did you mean 'b'"),
        (lambda log: cj.funnel(log, {"a", "b"}), "steps is a sequence such as"),
        (lambda log: cj.funnel(log, ["a", " "]), "step 2 has a step without a name"),
        (lambda log: cj.funnel(log, ["a", None]), "step 2 is a step such as"),
        (
            lambda log: cj.funnel(log, {"": "a", "b": "b"}),
            "the names of steps are texts such as 'Cart', not ''",
        ),
        (lambda log: cj.funnel(log, {1: "a", 2: "b"}), "the names of steps are texts such as 'Cart', not 1"),
        (lambda log: cj.funnel(log, ["a", "b"], starts="last"), "there is no starts 'last'"),
        (lambda log: cj.funnel(log, ["a", "b"], within=dt.timedelta.max), "at most a hundred years"),
        (lambda log: cj.funnel(log, ["a", "b"], order="strickt"), "did you mean 'strict'"),
        (lambda log: cj.funnel(log, ["a", "b"], within="7"), "within is a duration such as"),
        (lambda log: cj.funnel(log, ["a", "b"], within=dt.timedelta(0)), "longer than nothing"),
        (lambda log: cj.funnel(log, ["a", "b"], level="channel"), "no channel is 'a'"),
        (lambda log: cj.funnel(log, ["a", "b"]).between(3), "a number from 1 to 2"),
        (lambda log: cj.funnel(log, ["a", "a"]).between("a"), "give its number"),
        (lambda log: cj.funnel(log, ["a", "b"]).between("c"), "there is no step 'c'; steps are a, b"),
        (lambda log: cj.funnel(log, ["a", "b"]).journeys(1, "gone"), "there is no fate 'gone'"),
        (lambda _: cj.funnel("log", ["a", "b"]), "funnel takes a JourneyLog first"),
    ],
)
def test_mistakes_are_told(call, words):
    with pytest.raises(cj.LogError, match=words):
        call(log_of(["a0 b1"], channels=["web", "app"]))


# against the definitions, read plainly --------------------------------------------------------------------


def follow(events, start, steps, window, order):
    """Return when an attempt that begins at an event reaches each step, and the first event after it."""
    limit = events[start][1] + window
    inside = [at for at in range(start, len(events)) if events[at][1] <= limit]
    if order == "any":
        words = [{events[i][0] for i in inside if i <= at} for at in inside]
        seen = [sum(bool(step & one) for step in steps) for one in words]
        counts = dict(zip(inside, seen, strict=True))
        places = [next((at for at in inside if counts[at] > k), None) for k in range(len(steps))]
    elif order == "strict":
        places = [
            start + k
            if all(start + i in inside and events[start + i][0] in steps[i] for i in range(k + 1))
            else None
            for k in range(len(steps))
        ]
    else:
        reachable = [{start}]
        for step in steps[1:]:
            earliest = min(reachable[-1], default=len(events))
            reachable.append({at for at in inside if events[at][0] in step and earliest < at})
        places = [min(one, default=None) for one in reachable]
    hit = [at for at in places if at is not None]
    if len(hit) == len(steps) or order == "strict":
        return hit, max(hit) + 1
    return hit, inside[-1] + 1


def plainly(journeys, steps, window, order, starts, end, journey_over=None):
    """Return journey, start, steps reached, seconds taken, fate and maturity of each attempt.

    The clock says what is mature, or, where given, whether a journey is over.
    """
    found = []
    for number, events in enumerate(journeys):
        begins = set().union(*steps) if order == "any" else steps[0]
        at = 0
        while at < len(events):
            if events[at][0] not in begins:
                at += 1
                continue
            hit, over = follow(events, at, steps, window, order)
            mature = events[at][1] + window <= end if journey_over is None else journey_over[number]
            decided = mature or (order == "strict" and max(hit) + 1 < len(events))
            fate = "completed" if len(hit) == len(steps) else "lost" if decided else "open"
            found.append((number, events[at][1], len(hit), events[max(hit)][1] - events[at][1], fate, mature))
            at = over if starts == "every" else len(events)
    return found


WORDS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=9)
STEPS = st.lists(st.sets(st.sampled_from("abc"), min_size=1, max_size=2), min_size=2, max_size=4)


@examples(120)
@given(
    st.lists(WORDS, min_size=1, max_size=4),
    STEPS,
    st.sampled_from([1, 2, 5, 1000]),
    st.sampled_from(["ordered", "strict", "any"]),
    st.sampled_from(["first", "every"]),
    st.integers(0, 20),
    st.none() | st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_attempts_are_those_of_the_definitions(gaps, steps, window, order, starts, later, tags):
    journeys = timed(gaps)
    end = max(second for one in journeys for _, second in one) + later
    log = log_of(written(journeys), end=end)
    tags = tags[: len(journeys)] if tags else [False] * len(journeys)  # which are open
    if any(tags):
        log = log.tag(outcome=["open" if still else "dropped" for still in tags])
    within = {"within": f"{window}s"} if window < 1000 else {}
    over = None if within else [not still for still in tags]
    found = cj.funnel(log, [sorted(one) for one in steps], order=order, starts=starts, **within)
    table = found.attempts
    seconds = (table["start"] - pd.Timestamp(0, tz="UTC")).dt.total_seconds().astype(int)
    columns = [table[name] for name in ("journey", "reached", "duration_s", "fate", "mature")]
    attempts = list(zip(columns[0], seconds, *columns[1:], strict=True))
    expected = plainly(journeys, steps, window, order, starts, end, over)
    one = found.overview.iloc[0]
    assert one["attempts"] == one["completed"] + one["lost"] + one["open"] == len(expected)
    assert attempts == expected
    for step in range(len(steps)):
        row = found.steps.iloc[step]
        assert row["reached"] == sum(one[2] > step for one in expected)
        assert row["mature_reached"] == sum(one[2] > step and one[5] for one in expected)
        assert row["lost"] == sum(one[2] == step + 1 and one[4] == "lost" for one in expected)
        assert row["open"] == sum(one[2] == step + 1 and one[4] == "open" for one in expected)
        following = found.steps["reached"].get(step + 1, row["reached"])
        assert row["reached"] == following + row["lost"] + row["open"]


@examples(60)
@given(
    st.lists(WORDS, min_size=1, max_size=4),
    STEPS,
    st.sampled_from(["ordered", "strict", "any"]),
    st.sampled_from(["first", "every"]),
    st.integers(0, 12),
)
def test_what_mature_attempts_reached_stays_so_however_long_the_data_go_on(gaps, steps, order, starts, cut):
    journeys = timed(gaps)
    known = [[event for event in one if event[1] <= cut] for one in journeys]
    options = {"within": "3s", "order": order, "starts": starts}
    steps = [sorted(one) for one in steps]
    early = cj.funnel(log_of(written([one for one in known if one]), end=cut), steps, **options)
    late = cj.funnel(log_of(written(journeys), end=100), steps, **options)
    number = [at for at, one in enumerate(known) if one]  # journeys that have begun
    told = early.attempts[early.attempts["mature"]]
    columns = ("journey", "start", "reached")
    then = rows(late.attempts, *columns)
    for journey, *what in rows(told, *columns):
        assert [number[journey], *what] in then


@examples(60)
@given(
    st.lists(WORDS, min_size=1, max_size=5),
    st.lists(st.integers(0, 1), min_size=6, max_size=6),
    STEPS,
    st.sampled_from(["ordered", "strict", "any"]),
    st.sampled_from(["first", "every"]),
)
def test_attempts_of_customers_are_those_of_their_journeys_put_together(
    gaps, customers, steps, order, starts
):
    journeys = written(timed(gaps))
    customers = customers[: len(journeys)]
    apart = log_of(journeys, customers=customers, end=100)
    joined = [
        sorted(
            (
                event
                for one, whose in zip(journeys, customers, strict=True)
                if whose == customer
                for event in one.split()
            ),
            key=lambda event: int(event[1:]),
        )
        for customer in sorted(set(customers))
    ]
    whole = log_of([" ".join(one) for one in joined], customers=sorted(set(customers)), end=100)
    options = {"within": "4s", "order": order, "starts": starts}
    steps = [sorted(one) for one in steps]
    found = cj.funnel(apart, steps, unit="customer", **options)
    expected = cj.funnel(whole, steps, **options)
    columns = ("customer", "start", "reached", "duration_s", "fate", "mature")
    assert rows(found.attempts, *columns) == rows(expected.attempts, *columns)


def test_groups_and_levels_count_the_same_attempts():
    shop = cj.simulate.shop(300, seed=5)
    log = shop.log.split(parse_map(shop.intended_text))
    options = {"within": "7d", "starts": "every"}
    steps = ["product_viewed", "basket_filled", "order_placed"]
    whole = cj.funnel(log, steps, **options)
    parts = cj.funnel(log, steps, by=["month", "device"], **options)
    assert (
        parts.steps.groupby("step")[["reached", "lost", "open", "mature_reached"]]
        .sum()
        .equals(whole.steps.set_index("step")[["reached", "lost", "open", "mature_reached"]])
    )
    bound = cj.funnel(log, steps, level="touchpoint@channel", **options)
    pd.testing.assert_frame_equal(bound.steps, whole.steps)


@pytest.mark.parametrize("order", ["ordered", "strict", "any"])
@pytest.mark.parametrize("unit", ["journey", "customer"])
def test_blocks_change_nothing(order, unit, monkeypatch):
    shop = cj.simulate.shop(150, seed=5)
    log = shop.log.split(parse_map(shop.intended_text))
    options = {"within": "7d", "starts": "every", "by": "month", "order": order, "unit": unit}
    whole = cj.funnel(log, ["product_viewed", "basket_filled", "order_placed"], **options)
    monkeypatch.setattr(summary, "BLOCK_EVENTS", 40)
    monkeypatch.setattr(summary, "MOST_BLOCKS", 10_000)
    parts = cj.funnel(log, ["product_viewed", "basket_filled", "order_placed"], **options)
    for name in whole._tables:
        pd.testing.assert_frame_equal(getattr(whole, name), getattr(parts, name), check_exact=True)
