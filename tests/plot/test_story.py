"""The picture of one journey: every move is there, in its place, and no text stands on another."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import cjmining as cj
from cjmining.conformance.story import MOVES, Story
from cjmining.errors import LogError
from cjmining.plot import story as draw
from cjmining.plot.sheet import Sheet
from cjmining.plot.story import story_sheet
from cjmining.plot.svg import written
from tests.plot.factory import LONG, made_up_map
from tests.plot.seen import faults, texts

TYPES = {
    "synchronous": ["", "", "failed", "wrong channel", "failed, wrong channel", "late"],
    "log only": ["ad hoc", "out of order", "repeated", ""],
    "map only": ["missing", ""],
}


def made_up_story(
    n: int, *, long: bool = False, seed: int = 0, outcome: str = "dropped", after: int = 0
) -> Story:
    """A story of n moves of every kind, the last `after` of them after the end."""
    intended, rng = made_up_map(4, 3, long=long), np.random.default_rng(seed)
    kinds = [*rng.choice(MOVES[:3], n - after), *["after the end"] * after]
    stages = np.sort(rng.integers(4, size=n))
    touchpoints = [intended.stages[stage].touchpoints[rng.integers(3)].touchpoint for stage in stages]
    times = pd.Timestamp("2026-03-01 08:30", tz="UTC") + pd.to_timedelta(
        np.cumsum(10 ** rng.uniform(0, 6, n)), unit="s"
    ).floor("s")
    moves = pd.DataFrame(
        {
            "position": np.arange(n),
            "timestamp": times,
            "move": kinds,
            "type": [rng.choice(TYPES.get(kind, [""])) for kind in kinds],
            "stage": [intended.stage_names[stage] for stage in stages],
            "touchpoint": touchpoints,
            "channel": [LONG if long else "web"] * n,
            "event": np.arange(n),
        }
    )
    moves.loc[moves["move"] == "map only", "timestamp"] = pd.NaT
    decided_at = pd.Timestamp("2026-12-31", tz="UTC")
    names = (LONG, LONG) if long else ("Stage 3", "s3_t1")
    promises = pd.DataFrame({"measure": ["wait_s"], "value": [840.0], "kept": [False], "event": [0]})
    ending = f"{LONG}. " * 3 if long else "Dropped at Stage 3."
    return Story(
        12, 7, "Gen Z", intended, outcome, decided_at, *names, "", ending, moves, n - after - 1, promises
    )


@pytest.mark.parametrize("outcome", ["converted", "dropped", "turned away", "open"])
@pytest.mark.parametrize(
    ("n", "long", "after"),
    [(1, False, 0), (7, False, 2), (8, True, 0), (40, False, 3), (40, True, 5), (500, False, 0)],
)
def test_no_text_overlaps_another_or_leaves_the_figure(n, long, after, outcome):
    assert faults(draw(made_up_story(n, long=long, outcome=outcome, after=after))) == []


@pytest.mark.parametrize("seed", range(4))
def test_every_move_shows_its_touchpoint_its_deviation_and_its_time(seed):
    story = made_up_story(40, seed=seed)
    shown = texts(draw(story))
    for touchpoint, rows in story.moves.groupby("touchpoint"):
        assert shown.count(touchpoint.replace("_", " ")) == len(rows)
    for word, kind in {"missing": "missing", "ad hoc": "not planned", "out of order": "out of order"}.items():
        assert (
            shown.count(kind) - (kind == "missing") == story.moves["type"].eq(word).sum()
        )  # one in the legend
    assert shown.count("web") == story.moves["timestamp"].notna().sum()
    assert "waited 14 min" in shown or story.moves["move"].iloc[0] == "map only"


def test_the_end_stands_where_the_journey_ended():
    story = made_up_story(6, after=2)
    ax = draw(story)
    places = {text.get_text(): text.get_position()[0] for text in ax.texts}
    dropped = places["dropped"]
    last, first = (story.moves["touchpoint"].iloc[k].replace("_", " ") for k in (3, 4))
    xs = {word: [t.get_position()[0] for t in ax.texts if t.get_text() == word] for word in (last, first)}
    assert min(xs[last]) < dropped < max(xs[first])


def test_planned_and_happened_are_connected_where_they_match(monkeypatch):
    lines: list[list[tuple[float, float]]] = []
    monkeypatch.setattr(Sheet, "line", lambda _, points, **__: lines.append(list(points)))
    story = made_up_story(8, seed=3)
    draw(story)
    upright = [line for line in lines if line[0][0] == line[1][0]]
    assert len(upright) == story.moves["move"].eq("synchronous").sum() > 0


def test_long_journeys_leave_out_the_middle_and_say_so():
    story = made_up_story(500)
    shown = texts(draw(story))
    cut = next(text for text in shown if text.startswith("406 steps"))
    assert cut
    assert "dropped" in shown


def test_the_end_is_drawn_also_where_it_lies_in_the_middle_that_is_left_out():
    shown = texts(draw(made_up_story(500, after=250, outcome="converted")))
    assert "converted" in shown


def test_it_draws_on_the_axes_it_is_given():
    ax = Figure(figsize=(4, 3)).add_subplot()
    assert draw(made_up_story(10), ax=ax) is ax
    assert faults(ax, dpi=300) == []


def test_something_else_than_a_story_is_refused():
    with pytest.raises(LogError, match=r"story takes what check\.explain\(journey\) returns, not int"):
        draw(42)


def test_its_table_has_every_move_and_the_end_in_its_place():
    told = made_up_story(40, after=3)
    table = cj.plot.data.story(told)
    assert len(table) == 41
    assert table["move"].tolist().index("end") == told.end_position + 1
    assert table.loc[table["move"] == "end", "type"].item() == told.outcome
    moved = table[table["move"] != "end"].reset_index(drop=True)
    assert moved["touchpoint"].tolist() == told.moves["touchpoint"].tolist()
    times = told.moves["timestamp"].dropna()
    assert moved["since_s"].sum() == (times.iloc[-1] - times.iloc[0]).total_seconds()
    assert table["drawn"].all()
    assert table["broken"].tolist() == ["waited 14 min", *[""] * 40]


def test_the_table_of_a_long_story_says_what_is_drawn():
    table = cj.plot.data.story(made_up_story(500))
    assert len(table) == 501
    assert table["drawn"].sum() == 95


def test_the_time_before_the_end_is_told():
    told = made_up_story(5)
    told = dataclasses.replace(told, decided_at=told.moves["timestamp"].max() + pd.Timedelta(days=14))
    assert "+14 d" in texts(draw(told))
    assert "+14 d" not in texts(draw(dataclasses.replace(told, decided_at=told.moves["timestamp"].max())))


def test_it_describes_itself_and_each_step_says_what_it_is():
    told = made_up_story(12)
    sheet = story_sheet(told)
    assert sheet.description.startswith(told.ending)
    planned = int((told.moves["move"] == "synchronous").sum())
    assert f"{planned} step" in sheet.description
    tips = {shape.mark.number: shape.mark.tip for shape in [*sheet.shapes, *sheet.words] if shape.mark}
    assert len(tips) == 13
    assert told.ending in tips.values()


def test_hostile_names_are_written_as_text():
    told = made_up_story(8)
    moves = told.moves.assign(
        touchpoint=["<script>", "=cmd()", "\u202e\u0645", "\U0001f6d2", "x" * 300] + ["a"] * 3
    )
    told = dataclasses.replace(told, moves=moves)
    assert faults(draw(told)) == []
    svg = written(story_sheet(told), dark=None)
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
