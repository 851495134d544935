"""The picture of one journey: every move is there, in its place, and no text stands on another."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cjmining.conformance.story import MOVES, Story
from cjmining.errors import LogError
from cjmining.plot import story as draw
from cjmining.plot.sheet import Sheet
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
