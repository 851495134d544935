"""What a step is at each level, by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import cjmining as cj
from cjmining.discovery.steps import LEVELS, Steps
from cjmining.intended import parse_map
from cjmining.log import Block

MAP = parse_map("""
map: Shop
goal: [paid]
patience: 7d
ignore: [ping]
stages:
  - {stage: Look, order: any, touchpoints: [{touchpoint: ad, actor: company},
                                              {touchpoint: seen, repeat: true}]}
  - {stage: Pay, touchpoints: [{touchpoint: basket}, {touchpoint: seen, optional: true}, {touchpoint: paid}]}
""")


def log_of(journeys, **columns):
    """Make a log of journeys written as "ad seen paid"; `channel` likewise, "-" where none is known."""
    customer = [number for number, journey in enumerate(journeys) for _ in journey.split()]
    texts = {
        name: [None if word == "-" else word for journey in rows for word in journey.split()]
        for name, rows in columns.items()
    }
    return cj.JourneyLog.from_events(
        pa.table(
            {
                "customer": customer,
                "timestamp": pa.array(range(len(customer)), pa.timestamp("s", "UTC")),
                "touchpoint": [word for journey in journeys for word in journey.split()],
                **texts,
            }
        )
    )


def words(log, **options):
    steps = Steps.of(log, verb="discover", **options)
    part = steps.whole()
    return [
        " ".join(steps.names[code] for code in part.code[first:last])
        for first, last in zip(part.bounds[:-1], part.bounds[1:], strict=True)
    ]


LOG = log_of(["ad seen seen basket seen paid", "ping seen"], channel=["ad web app app web web", "- web"])


def test_touchpoints_are_steps_as_they_are_and_ignored_ones_are_none():
    assert words(LOG) == ["ad seen seen basket seen paid", "ping seen"]
    assert words(LOG, ignore=["ping", "ad"]) == ["seen seen basket seen paid", "seen"]


def test_a_journey_of_ignored_touchpoints_alone_has_no_step():
    assert words(LOG, ignore=["ping", "seen"]) == ["ad basket paid", ""]


def test_touchpoints_with_their_channel():
    assert words(LOG, level="touchpoint@channel") == [
        "ad@ad seen@web seen@app basket@app seen@web paid@web",
        "ping seen@web",
    ]


def test_at_channels_several_events_in_a_row_are_one_stay_that_begins_with_the_first():
    assert words(LOG, level="channel") == ["ad web app web", "unknown web"]
    part = Steps.of(LOG, level="channel", verb="discover").whole()
    assert part.timestamp.tolist() == [0, 1_000_000, 2_000_000, 4_000_000, 6_000_000, 7_000_000]


def test_a_stage_is_where_the_journey_is_at():
    # The advertisement is the company's and moves to Look; the look behind the basket stays in Pay.
    assert words(LOG, level="stage", intended=MAP) == ["Look Pay", "Look"]


def test_the_company_moves_nobody_back():
    assert words(log_of(["seen basket ad paid"]), level="stage", intended=MAP) == ["Look Pay"]


def test_rows_lead_back_to_the_log():
    for level in LEVELS:
        steps = Steps.of(LOG, level=level, ignore=["ping"], intended=MAP, verb="discover")
        part = steps.whole()
        assert np.array_equal(LOG.timestamps[part.rows], part.timestamp)
        assert np.array_equal(steps.code[part.events()], part.code)


@pytest.mark.parametrize("level", LEVELS)
def test_blocks_hold_the_same_steps_as_the_whole(level):
    steps = Steps.of(LOG, level=level, ignore=["seen"], intended=MAP, verb="discover")
    whole = steps.whole()
    parts = [steps.of_block(Block(0, 1, 0, 6)), steps.of_block(Block(1, 2, 6, 8))]
    assert np.concatenate([part.code for part in parts]).tolist() == whole.code.tolist()
    assert np.concatenate([np.diff(part.bounds) for part in parts]).tolist() == np.diff(whole.bounds).tolist()


def test_bad_questions_are_told():
    with pytest.raises(cj.LogError, match="no level 'chanel', did you mean 'channel'"):
        words(LOG, level="chanel")
    with pytest.raises(cj.LogError, match="pass intended="):
        words(LOG, level="stage")
    with pytest.raises(cj.LogError, match=r"write \['ping'\]"):
        words(LOG, ignore="ping")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": None}, "there is no level None"),
        ({"ignore": None}, "ignore is a sequence of touchpoints, not None"),
        ({"ignore": [1]}, "which are texts; it has 1"),
        ({"ignore": MAP}, "ignore is a sequence of touchpoints, not"),
        ({"intended": LOG}, "takes an intended map, not JourneyLog"),
    ],
)
def test_other_bad_questions_are_told_as_well(options, message):
    with pytest.raises(cj.LogError, match=message):
        words(LOG, **options)


def test_touchpoints_to_ignore_that_the_log_lacks_are_noted():
    steps = Steps.of(LOG, ignore=["pings", "ad"], verb="discover")
    assert steps.notes == ("of what is to be ignored, the log has no 'pings', did you mean 'ping'?",)
    assert Steps.of(LOG, ignore=["ad"], verb="discover").notes == ()
