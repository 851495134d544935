"""Paths between two touchpoints: by hand on small logs, and against a plain reading of the definitions."""

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
from cjmining.stats import newcombe, wilson, wilson_of_clusters
from tests.examples import examples
from tests.small_logs import log_of, rows, timed, written


def ways(found):
    return dict(zip(found.paths["path"], found.paths["attempts"], strict=True))


def fates(found):
    return found.attempts["fate"].tolist()


# by hand --------------------------------------------------------------------------------------------------


def test_a_path_has_its_start_its_end_and_what_lies_between():
    log = log_of(["a0 x1 c2", "x0 a1 y2 c3 z4", "a0 x5 c9", "c0 a1"])
    found = cj.paths(log, start="a", end="c")
    assert ways(found) == {"a > x > c": 2, "a > y > c": 1}
    assert found.paths["share_of_arrived"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert found.paths["cumulative_share_of_arrived"].tolist() == pytest.approx([2 / 3, 1])
    assert found.paths["median_s"].tolist() == [5.5, 2]
    assert found.paths["p90_s"].iloc[0] == pytest.approx(np.quantile([2, 9], 0.9))
    assert rows(found.failing, "path", "last_touchpoint", "attempts", "share_of_not_arrived") == [
        ["a", "a", 1, 1.0]
    ]
    assert found.attempts[["start_event", "end_event", "last_event", "steps"]].to_numpy().tolist() == [
        [0, 2, 2, 3],
        [4, 6, 6, 3],
        [8, 10, 10, 3],
        [12, -1, 12, 1],
    ]


def test_the_log_s_order_decides_between_equal_times():
    found = cj.paths(log_of(["a5 c5", "c5 a5"]), start="a", end="c")
    assert fates(found) == ["arrived", "not arrived"]
    assert found.attempts["duration_s"].iloc[0] == 0


def test_which_starts_count():
    log = log_of(["a0 a1 x2 c3 a4 c5 a6"], end=100)
    first = cj.paths(log, start="a", end="c")
    assert ways(first) == {"a > a > x > c": 1}
    last = cj.paths(log, start="a", end="c", starts="last")
    assert ways(last) == {"a > c": 1, "a > x > c": 1}
    assert fates(last) == ["arrived", "arrived", "not arrived"]
    every = cj.paths(log, start="a", end="c", starts="every")
    assert ways(every) == {"a > a > x > c": 1, "a > c": 1}
    assert fates(every) == ["arrived", "arrived", "not arrived"]


def test_with_a_time_every_start_after_it_begins_anew():
    log = log_of(["a0 a5 a11 c12 c30"], end=100)
    every = cj.paths(log, start="a", end="c", starts="every", within="10s")
    assert [str(path) for path in every.attempts["path"]] == ["a > a", "a > c"]
    # the last start before the end at 12 counts, however long the ones before it had
    last = cj.paths(log, start="a", end="c", starts="last", within="10s")
    assert [str(path) for path in last.attempts["path"]] == ["a > c"]


def test_an_end_just_as_the_time_is_up_counts():
    log = log_of(["a0 c10", "a0 x4 c11"], end=100)
    found = cj.paths(log, start="a", end="c", within=dt.timedelta(seconds=10))
    assert fates(found) == ["arrived", "not arrived"]
    assert found.failing["path"].tolist() == ["a > x"]


def test_one_event_may_end_an_attempt_and_start_the_next_but_never_its_own():
    found = cj.paths(log_of(["o0 o10 x11 o30", "o0"]), start="o", end="o", starts="every")
    assert ways(found) == {"o > o": 1, "o > x > o": 1}
    assert fates(found) == ["arrived", "arrived", "not arrived", "not arrived"]


def test_from_the_beginning_and_to_the_end_of_journeys():
    log = log_of(["x0 c5 y6", "c0 x9", "y0"])
    found = cj.paths(log, start=None, end="c")
    assert ways(found) == {"c": 1, "x > c": 1}
    assert fates(found) == ["arrived", "arrived", "not arrived"]
    assert found.between["touchpoint"].tolist() == ["x", "y"]
    to_end = cj.paths(log, start=["c", "y"], end=None)
    assert ways(to_end) == {"c > x": 1, "c > y": 1, "y": 1}
    whole = cj.paths(log, start=None, end=None, ignore=["y"])
    assert ways(whole) == {"c > x": 1, "x > c": 1}
    assert whole.overview["journeys_in_group"].tolist() == [3]
    assert "last event" in whole.notes[0]


def test_nobody_knows_the_end_of_a_journey_that_still_runs():
    log = log_of(["a0 b5", "a0 c3", "a0 c50"], end=100).tag(outcome=["dropped", "open", "converted"])
    found = cj.paths(log, start="a", end=None, within="20s")
    assert fates(found) == ["arrived", "open", "not arrived"]
    assert found.attempts["mature"].tolist() == [True, False, True]


def test_attempts_that_may_still_arrive_are_open_and_no_part_of_the_headline():
    log = log_of(["a0 c10", "a10 x11", "a80", "a81 x82", "a90 c95"], end=100)
    found = cj.paths(log, start="a", end="c", within="20s")
    assert fates(found) == ["arrived", "not arrived", "not arrived", "open", "arrived"]
    one = found.overview.iloc[0]
    assert tuple(one[["attempts", "arrived", "not_arrived", "open"]]) == (5, 2, 2, 1)
    assert (one["mature"], one["mature_arrived"]) == (3, 1)
    assert tuple(one[["share_of_mature_attempts", "lower", "upper"]]) == pytest.approx(wilson(1, 3))
    resolved = ["share_of_resolved", "share_of_resolved_lower", "share_of_resolved_upper"]
    assert tuple(one[resolved]) == pytest.approx(wilson(2, 4))
    assert rows(found.under_way, "path", "attempts", "share_of_open") == [["a > x", 1, 1.0]]
    assert found.failing["attempts"].sum() == 2


def test_open_journeys_never_fail_but_what_is_known_of_their_time_counts():
    log = log_of(["a0 c10", "a10", "a15"], end=100).tag(outcome=["converted", "dropped", "open"])
    columns = ("not_arrived", "open", "mature", "mature_arrived")
    found = cj.paths(log, start="a", end="c")
    assert rows(found.overview, *columns) == [[1, 1, 2, 1]]
    # with a time the clock alone decides: at 100 all three had theirs
    assert rows(cj.paths(log, start="a", end="c", within="20s").overview, *columns) == [[2, 0, 3, 1]]


@pytest.mark.parametrize("word", ["open", "dropped", "converted", "turned away", None])
def test_with_a_time_the_clock_decides_whatever_the_tag_says(word):
    log = log_of(["a0 x5", "a0 c30", "a90", "a95 c99"], end=100).tag(outcome=[word] * 4)
    found = cj.paths(log, start="a", end="c", within="20s")
    assert fates(found) == ["not arrived", "not arrived", "open", "arrived"]
    assert found.attempts["mature"].tolist() == [True, True, False, False]
    assert ", 1 of them with time left;" in repr(found)
    # a time that no attempt has had yet leaves all but the arrived open, those of ended journeys too
    long = cj.paths(log, start="a", end="c", within="36500d")
    assert fates(long) == ["open", "arrived", "open", "arrived"]
    assert "no attempt is mature yet; 4 attempts in all, 2 of them with time left" in repr(long)


def test_an_open_journey_ends_too_late_where_it_went_on_for_longer():
    journeys = ["a0 c1", "a0 b50", "a0 c1", "a0 b50", "a90 b95", "a90 b95"]
    words = ["dropped", "dropped", "open", "open", "open", "dropped"]
    found = cj.paths(log_of(journeys, end=100).tag(outcome=words), start="a", end=None, within="20s")
    assert fates(found) == ["arrived", "not arrived", "open", "not arrived", "open", "arrived"]
    assert found.attempts["mature"].tolist() == [True, True, False, True, False, False]
    assert "Nobody knows where journeys end that are tagged as open" in found.notes[0]


def test_limits_allow_for_customers_with_several_attempts():
    log = log_of(["a0 b1", "a10 b11", "a0 x1", "a10 x11"], customers=[0, 0, 1, 1], end=100)
    found = cj.paths(log, start="a", end="b", within="5s")
    one = found.overview.iloc[0]
    expected = wilson_of_clusters(2, 4, (4, 4, 8))
    assert tuple(one[["share_of_mature_attempts", "lower", "upper"]]) == pytest.approx(expected)
    # x lies on both attempts of the one customer, and on none of the other's
    row = found.between.set_index("touchpoint").loc["x"]
    assert tuple(row[["difference", "lower", "upper"]]) == pytest.approx(
        newcombe(0, 2, 2, 2, effect=2, other_effect=2)
    )


def test_what_lies_between_on_the_way_of_those_who_arrive_and_of_the_others():
    log = log_of(["a0 x1 x2 c3", "a0 y1 c2 x3", "a0 x1", "a0 x1 y2", "a99 x99"], end=100)
    found = cj.paths(log, start="a", end="c", within="10s")
    columns = ("touchpoint", "customers", "attempts", "arrived_with", "not_arrived_with")
    assert rows(found.between, *columns) == [["x", 3, 3, 1, 2], ["y", 2, 2, 1, 1]]
    x = found.between.iloc[0]
    assert (x["share_of_arrived"], x["share_of_not_arrived"]) == (0.5, 1.0)
    assert tuple(x[["difference", "lower", "upper"]]) == pytest.approx(newcombe(1, 2, 2, 2))


def test_loops_can_be_shortened():
    log = log_of(["a0 x1 y2 x3 x4 c5", "a0 x1 y2 c3", "a0 x1 a2 x3"])
    found = cj.paths(log, start="a", end="c", loops="once")
    assert ways(found) == {"a > x > y > c": 2}
    assert found.failing["path"].tolist() == ["a > x"]
    assert found.attempts["steps"].tolist() == [6, 4, 4]
    # the end is named last, although its touchpoint lies on the way too
    channels = ["web", "app", "web", "web", "web", "app"]
    log = log_of(["a0 c1 x2 c3", "a0 c1"], channels=channels)
    found = cj.paths(log, start="a", end="c@web", loops="once")
    assert ways(found) == {"a > c > x > c": 1}


def test_where_those_were_last_who_did_not_arrive():
    log = log_of(["a0 x1", "a0 y1 x2", "a0 c1", "a0 y1"])
    found = cj.paths(log, start="a", end="c")
    assert rows(found.lost_at, "last_touchpoint", "attempts", "share_of_not_arrived") == [
        ["x", 2, pytest.approx(2 / 3)],
        ["y", 1, pytest.approx(1 / 3)],
    ]


def test_the_fastest_of_those_with_enough_attempts():
    log = log_of(["a0 x1 c20", "a0 x1 c30", "a0 c40", "a0 c50", "a0 y1 c2"])
    found = cj.paths(log, start="a", end="c", smallest=2)
    assert rows(found.fastest, "rank", "path", "median_s") == [[1, "a > x > c", 25.0], [2, "a > c", 45.0]]
    ranks = dict(zip(found.paths["path"], found.paths["fastest_rank"], strict=True))
    assert (ranks["a > x > c"], ranks["a > c"]) == (1, 2)
    assert pd.isna(ranks["a > y > c"])


def test_the_journeys_behind_a_path():
    log = log_of(["a0 x1 c2", "a0 c1", "a0 x1 c2", "a0 x1"])
    found = cj.paths(log, start="a", end="c")
    assert found.journeys("a > x > c").tolist() == [0, 2]
    assert found.journeys("a > x", "not arrived").tolist() == [3]
    assert found.journeys("a > x", "arrived").tolist() == []


def test_levels_channels_and_choices():
    log = log_of(["a0 x1 b2 c3", "a0 b5"], channels=["ad", "web", "web", "app", "web", "web"])
    found = cj.paths(log, start="a@ad", end=["b", "c"], level="touchpoint@channel")
    assert ways(found) == {"a@ad > x@web > b@web": 1}
    assert ways(cj.paths(log, start="ad", end="app", level="channel")) == {"ad > web > app": 1}
    assert cj.paths(log, start="@ad", end="@app").attempts["steps"].tolist() == [4]


def test_paths_taken_as_often_stand_in_the_order_of_their_steps_names():
    log = log_of(["a0 x1 c2", "a0 y1 c2"], channels=["web", "zoo", "web", "web", None, "web"])
    found = cj.paths(log, start=None, end=None, level="channel")
    assert list(ways(found)) == ["web > unknown > web", "web > zoo > web"]


def test_at_the_level_of_stages():
    shop = cj.simulate.shop(200, seed=3)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended)
    found = cj.paths(log, start="Research", end="Checkout", level="stage", intended=intended)
    stages = {stage.stage for stage in intended.stages}
    assert {step for path in found.paths["path"] for step in path.split(" > ")} <= stages
    assert found.overview["arrived"].item() > 10


def test_groups_stand_apart():
    log = log_of(["a0 c1", "a0 x1 c2", "a0", "x0"], end=10).tag(team=["red", "blue", "blue", "green"])
    found = cj.paths(log, start="a", end="c", by="team")
    assert rows(found.overview, "by", "attempts", "arrived") == [
        ["blue", 2, 1],
        ["green", 0, 0],
        ["red", 1, 1],
    ]
    assert rows(found.paths, "by", "path", "share_of_arrived") == [
        ["blue", "a > x > c", 1.0],
        ["red", "a > c", 1.0],
    ]


def test_paths_that_nobody_takes_keep_their_types():
    full = cj.paths(log_of(["a0 x0 c1", "a0", "a1"], end=100), start="a", end="c", smallest=1)
    log = log_of(["x0 c1", "a0"])
    never = cj.paths(log.where(touchpoint="x"), start="a", end="c")
    assert never.overview["attempts"].tolist() == [0]
    nobody = cj.paths(log.where(end="1970"), start="a", end="c")
    for name in full._tables:
        for found in (never, nobody):
            left, right = getattr(found, name).dtypes, getattr(full, name).dtypes
            assert left.astype(str).tolist() == right.astype(str).tolist(), name


def test_it_shows_itself():
    found = cj.paths(log_of(["a0 c1", "a0", "a99"], end=100), start="a", end="c", within="20s")
    first, second, *_ = repr(found).splitlines()
    assert first == (
        "Paths from a to c within 20s, first start of each journey: 1 of 2 mature attempts arrived, "
        "50 % (9-91 %), median 1 s; 3 attempts in all, 1 of them with time left; 1 way"
    )
    assert second == "  a > c: 1 attempt, 100 % of the arrived"
    assert "association" in found.notes[-1]
    assert ".failing" in found._repr_html_()


def test_it_shows_every_group():
    log = log_of(["a0 c1", "a0 x1 c2", "a0 x1 c2", "a0", "x0", "a99"], end=100)
    log = log.tag(team=["red", "blue", "blue", "blue", "green", "late"])
    found = cj.paths(log, start="a", end="c", within="20s", by="team")
    first, *lines = repr(found).splitlines()
    assert first == (
        "Paths from a to c within 20s, first start of each journey: "
        "3 of 4 mature attempts arrived in 4 groups; 5 attempts in all, 1 of them with time left; 2 ways"
    )
    limits = [f"{100 * limit:.0f}" for limit in (*wilson(2, 3)[1:], wilson(1, 1)[1])]
    assert lines[:6] == [
        f"  blue: 67 % ({limits[0]}-{limits[1]} %) of 3 mature attempts arrived, median 2 s",
        "    a > x > c: 2 attempts, 100 % of the arrived",
        "  green: no attempts",
        "  late: 1 attempt, none mature",
        f"  red: 100 % ({limits[2]}-100 %) of 1 mature attempt arrived, median 1 s",
        "    a > c: 1 attempt, 100 % of the arrived",
    ]
    assert lines[6].startswith("  note: ")


@pytest.mark.parametrize(("n", "each", "hidden"), [(1, 2, 1), (5, 2, 5), (6, 1, 12), (8, 1, 16), (17, 0, 51)])
def test_however_many_groups_it_stays_short(n, each, hidden):
    journeys = ["a0 c1", "a0 x1 c2", "a0 y1 c2"] * n
    log = log_of(journeys, end=100).tag(team=[f"{at // 3:02}" for at in range(3 * n)])
    lines = repr(cj.paths(log, start="a", end="c", within="20s", by="team")).splitlines()
    groups = "group" if n == 1 else "groups"
    assert f"in {n} {groups};" in lines[0]
    assert sum(line.startswith(("  0", "  1")) for line in lines) == n
    assert sum(line.startswith("    a > ") for line in lines) == each * n
    assert f"  and {hidden} row{'s' * (hidden > 1)} more in .paths" in lines
    assert len(lines) <= 21


def test_many_groups_are_cut_and_long_ways_shortened():
    log = log_of(["a0 c1"] * 18, end=100).tag(team=[f"{at:02}" for at in range(18)])
    assert "  and 1 group more in .overview" in repr(cj.paths(log, start="a", end="c", by="team"))
    long = " ".join(["a0", *(f"x{at}" for at in range(1, 60)), "c60"])
    assert "  a > x > x > (56 more) > x > c: 1 attempt" in repr(cj.paths(log_of([long]), start="a", end="c"))


def test_small_groups_can_be_left_out_of_every_table():
    log = log_of(["a0 c1", "a0 c1", "a0"], end=10).tag(team=["red", "red", "blue"])
    found = cj.paths(log, start="a", end="c", by="team")
    kept = {name: table[table["by"] == "red"] for name in found._tables for table in [getattr(found, name)]}
    without = found._with_tables(kept)
    assert all(set(getattr(without, name)["by"]) <= {"red"} for name in without._tables)
    assert len(without.attempts) == 2


def test_it_says_when_most_ways_are_taken_only_once():
    log = log_of(["a0 x1 c2", "a0 x1 x2 c3", "a0 x1 x2 x3 c4"])
    assert "3 ways were taken only once" in " ".join(cj.paths(log, start="a", end="c").notes)
    assert "only once" not in " ".join(cj.paths(log, start="a", end="c", loops="once").notes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": "aa"}, "'aa'"),
        ({"start": 3}, "start is a step such as"),
        ({"end": []}, "end is a step such as"),
        ({"starts": "frist"}, "did you mean 'first'"),
        ({"loops": "never"}, "there is no loops 'never'; it is one of keep, once"),
        ({"within": 7}, "within is a duration such as"),
        ({"within": dt.timedelta.max}, "within is a duration .* at most a hundred years"),
        ({"within": "-2d"}, "within is a duration such as"),
        ({"within": dt.timedelta(days=-2)}, "within is a duration"),
        ({"within": float("nan")}, "within is a duration such as"),
        ({"within": pd.Timedelta(1, "ns")}, "within is longer than nothing"),
        ({"smallest": 0}, "smallest is a whole number"),
        ({"smallest": "10"}, "smallest is a whole number"),
        ({"smallest": True}, "smallest is a whole number"),
        ({"starts": None}, "there is no starts None"),
        ({"start": "A"}, "did you mean 'a'"),
        ({"start": " "}, "start has a step without a name"),
        ({"end": ["c", ""]}, "end has a step without a name"),
        ({"end": {"c", "a"}}, "end is a step such as"),
        ({"level": "stage"}, "needs the map"),
        ({"level": "channel"}, "no channel is 'a'"),
    ],
)
def test_mistakes_are_told(options, words):
    with pytest.raises(cj.LogError, match=words):
        cj.paths(log_of(["a0 c1"], channels=["web", "app"]), **{"start": "a", "end": "c", **options})


def test_paths_and_fates_that_are_none_are_told():
    found = cj.paths(log_of(["a0 x1 c2"]), start="a", end="c")
    with pytest.raises(cj.LogError, match="nobody took the path 'a > x > d', did you mean 'a > x > c'"):
        found.journeys("a > x > d")
    with pytest.raises(cj.LogError, match="a path is a text"):
        found.journeys(["a"])
    with pytest.raises(cj.LogError, match="there is no fate 'gone'"):
        found.journeys("a > x > c", "gone")


# against the definitions, read plainly --------------------------------------------------------------------


def plainly(events, starts, ends, window, which):
    """Return the start, the last event and whether it arrived of each attempt of a journey."""
    n = len(events)
    is_start = [k for k in range(n) if (k == 0 if starts is None else events[k][0] in starts)]
    is_end = [k for k in range(n) if (k == n - 1 if ends is None else events[k][0] in ends)]
    itself = starts is None or ends is None

    def next_end(k):
        return min((e for e in is_end if e > k or (itself and e == k)), default=None)

    def attempt(k):
        inside = [e for e in range(k, n) if events[e][1] <= events[k][1] + window]
        end = next_end(k)
        return (k, end, True) if end in inside else (k, max(inside), False)

    if which == "first":
        return [attempt(k) for k in is_start[:1]]
    if which == "last":
        latest = {}
        for k in is_start:
            latest[next_end(k)] = k
        return sorted(attempt(k) for k in latest.values())
    found = []
    for k in is_start:
        if found:
            _, last, arrived = found[-1]
            if k < last or (k == last and (itself or not arrived)):
                continue
        found.append(attempt(k))
    return found


def what_became(arrived, over, *, unknown):
    """Return the fate and the maturity; unknown: the end reached may be none, since its journey runs."""
    if unknown and arrived:
        return "open", False
    return "arrived" if arrived else "not arrived" if over else "open", over


WORDS = st.lists(st.tuples(st.sampled_from("abcx"), st.integers(0, 3)), min_size=1, max_size=9)
BORDER = st.none() | st.sets(st.sampled_from("abc"), min_size=1, max_size=2).map(sorted)


@examples(120)
@given(
    st.lists(WORDS, min_size=1, max_size=4),
    BORDER,
    BORDER,
    st.sampled_from([1, 2, 5, 1000]),
    st.sampled_from(["first", "last", "every"]),
    st.sampled_from(["keep", "once"]),
    st.integers(0, 20),
    st.none() | st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_attempts_are_those_of_the_definitions(gaps, start, end, window, which, loops, later, tags):
    journeys = timed(gaps)
    data_end = max(second for one in journeys for _, second in one) + later
    log = log_of(written(journeys), end=data_end)
    tags = tags[: len(journeys)] if tags else [False] * len(journeys)  # which are open
    if any(tags):
        log = log.tag(outcome=["open" if still else "dropped" for still in tags])
    within = {"within": f"{window}s"} if window < 1000 else {}
    found = cj.paths(log, start=start, end=end, starts=which, loops=loops, **within)
    expected, taken, between = [], {}, {}
    for number, events in enumerate(journeys):
        for first, last, arrived in plainly(events, start, end, window, which):
            over = events[first][1] + window <= data_end if within else not tags[number]
            fate, mature = what_became(arrived, over, unknown=end is None and tags[number])
            arrived = fate == "arrived"  # noqa: PLW2901 -- as far as anybody knows
            words = [word for word, _ in events[first : last + 1]]
            inner = words[start is not None : len(words) - (arrived and end is not None)]
            if loops == "once":
                closing = [words[-1]] if arrived and end is not None else []
                words = [*dict.fromkeys(words[: len(words) - len(closing)]), *closing]
            took = events[last][1] - events[first][1] if arrived else math.nan
            expected.append((number, first, last, fate, mature, " > ".join(words)))
            if arrived:
                taken.setdefault(" > ".join(words), []).append(took)
            if fate != "open":
                for word in set(inner):
                    between.setdefault(word, []).append(arrived)
    table = found.attempts
    begins = log.bounds[table["journey"].to_numpy()]
    told = list(
        zip(
            table["journey"],
            table["start_event"] - begins,
            table["last_event"] - begins,
            table["fate"],
            table["mature"],
            table["path"],
            strict=True,
        )
    )
    assert told == expected
    one = found.overview.iloc[0]
    assert one["attempts"] == one["arrived"] + one["not_arrived"] + one["open"] == len(expected)
    assert one["mature_arrived"] == sum(each[3] == "arrived" and each[4] for each in expected)
    assert ways(found) == {path: len(times) for path, times in taken.items()}
    for _, row in found.paths.iterrows():
        assert row["median_s"] == pytest.approx(np.quantile(taken[row["path"]], 0.5))
        assert row["p90_s"] == pytest.approx(np.quantile(taken[row["path"]], 0.9))
    counted = found.between.set_index("touchpoint")
    assert counted["attempts"].to_dict() == {word: len(sides) for word, sides in between.items()}
    assert counted["arrived_with"].to_dict() == {word: sum(sides) for word, sides in between.items()}
    for fate, shown in (("not arrived", found.failing), ("open", found.under_way)):
        assert shown["attempts"].sum() == sum(one[3] == fate for one in expected)


@examples(60)
@given(
    st.lists(WORDS, min_size=1, max_size=4),
    BORDER,
    BORDER,
    st.sampled_from(["first", "every"]),
    st.integers(0, 12),
)
def test_whether_mature_attempts_arrived_stays_so_however_long_the_data_go_on(gaps, start, end, which, cut):
    if end is None:
        return  # where a journey ends depends on what comes
    journeys = timed(gaps)
    known = [[event for event in one if event[1] <= cut] for one in journeys]
    options = {"start": start, "end": end, "within": "3s", "starts": which}
    early = cj.paths(log_of(written([one for one in known if one]), end=cut), **options)
    late = cj.paths(log_of(written(journeys), end=100), **options)
    number = [at for at, one in enumerate(known) if one]  # journeys that have begun
    columns = ("journey", "start", "path", "fate")
    then = [tuple(row) for row in rows(late.attempts, *columns)]
    for journey, *told in rows(early.attempts[early.attempts["mature"]], *columns):
        assert (number[journey], *told) in then


def test_groups_count_the_same_attempts():
    shop = cj.simulate.shop(300, seed=5)
    log = shop.log.split(parse_map(shop.intended_text))
    options = {"start": "product_viewed", "end": "basket_filled", "within": "7d", "starts": "every"}
    whole, parts = (cj.paths(log, by=by, **options) for by in (None, ["month", "device"]))
    for table, key in (
        ("paths", "path"),
        ("failing", "path"),
        ("between", "touchpoint"),
        ("lost_at", "last_touchpoint"),
    ):
        counted = getattr(parts, table).groupby(key)["attempts"].sum()
        assert counted.to_dict() == getattr(whole, table).set_index(key)["attempts"].to_dict()


@pytest.mark.parametrize("starts", ["first", "last", "every"])
def test_blocks_change_nothing(starts, monkeypatch):
    shop = cj.simulate.shop(150, seed=5)
    log = shop.log.split(parse_map(shop.intended_text))
    options = {"start": "product_viewed", "end": "basket_filled", "within": "7d", "by": "month"}
    whole = cj.paths(log, starts=starts, **options)
    monkeypatch.setattr(summary, "BLOCK_EVENTS", 40)
    monkeypatch.setattr(summary, "MOST_BLOCKS", 10_000)
    parts = cj.paths(log, starts=starts, **options)
    for name in whole._tables:
        pd.testing.assert_frame_equal(getattr(whole, name), getattr(parts, name), check_exact=True)
