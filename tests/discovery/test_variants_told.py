"""What is told of variants beside their rows: single steps, totals; and steps again at once as one."""

from __future__ import annotations

import pyarrow as pa

import cjmining as cj
from cjmining.intended import parse_map
from tests.small_logs import log_of, rows


def test_the_same_step_again_at_once_may_count_as_one():
    log = log_of(["a0 b1 b2 c3", "a0 b1 c2", "a0 a1 b2 c3", "b0 a1 b2"])
    found = cj.variants(log, repeats=False)
    assert found.variants[["variant", "journeys", "steps"]].to_numpy().tolist() == [
        ["a > b > c", 3, 3],
        ["b > a > b", 1, 3],
    ]
    assert not found.repeats
    assert len(cj.variants(log)) == 4


def test_single_steps_are_told_whatever_they_are_called():
    named = pa.table(
        {
            "customer": [0, 0, 1],
            "timestamp": pa.array([0, 1, 0], pa.timestamp("s", "UTC")),
            "touchpoint": ["a > b", "c@d@e", "c@d@e"],
            "channel": ["w@b", "w@b", None],
        }
    )
    steps = cj.variants(cj.JourneyLog.from_events(named), level="touchpoint@channel").steps(2)
    assert rows(steps, "rank", "position", "touchpoint", "channel") == [
        [1, 1, "a > b", "w@b"],
        [1, 2, "c@d@e", "w@b"],
        [2, 1, "c@d@e", ""],
    ]


def test_totals_are_the_sums_of_all_variants():
    shop = cj.simulate.shop(200, seed=3)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    tagged = log.tag(outcome=cj.check(log, intended).journeys["outcome"])
    found = cj.variants(tagged, by="persona", level="touchpoint@channel")
    columns = ["journeys", "converted", "dropped", "turned_away", "open"]
    expected = found.variants.groupby("by", sort=False)[columns].sum()
    assert found.totals.set_index("by")[columns].to_dict() == expected.to_dict()
    assert found.totals["variants"].sum() == len(found)
    steps = found.steps(2)
    joined = steps["touchpoint"] + "@" + steps["channel"]
    assert joined.equals(steps["step"])
    assert set(found.channels) >= set(steps["channel"])
