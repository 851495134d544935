"""The funnel: its numbers are the table's, and stand clear of each other."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from cjmining.errors import LogError
from cjmining.plot import funnel
from cjmining.plot.words import number, percent
from tests.plot.factory import made_up_check, made_up_map
from tests.plot.seen import faults, texts

MAPS = {
    "plain": (made_up_map(4, 3), 300, 1),
    "eight stages, long names, huge numbers": (made_up_map(8, 3, long=True), 300, 1_234_567),
    "no journeys": (made_up_map(2, 2), 0, 1),
    "one journey": (made_up_map(1, 1), 1, 1),
}


@pytest.fixture(params=MAPS, name="check")
def _check(request):
    intended, journeys, times = MAPS[request.param]
    return made_up_check(intended, journeys, times=times, groups=("Gen Z",))


def test_no_text_overlaps_another_or_leaves_the_figure(check):
    assert faults(funnel(check)) == []


def test_each_stage_shows_its_counts_its_share_and_the_denominator(check):
    shown = texts(funnel(check, persona="Gen Z"))
    for row in check.stages[check.stages["by"] == "Gen Z"].to_dict("records"):
        assert f"{number(row['entered'])} entered" in shown
        for part in ("continued", "converted", "dropped", "turned_away", "open"):
            assert not row[part] or number(row[part]) in shown
        if row["mature"]:
            assert percent(row["drop_out_share"], row["lower"], row["upper"]) in shown
            assert f"of {number(row['mature'])} within 30 days" in shown


def test_the_bars_of_a_stage_are_as_long_as_its_journeys():
    check = made_up_check(made_up_map(3, 2), 400)
    ax = funnel(check)
    bars = [patch.get_path().get_extents() for patch in ax.patches]
    by_stage: dict[float, float] = {}
    for box in bars:
        if box.height == 24:
            by_stage[box.y0] = by_stage.get(box.y0, 0.0) + box.width
    lengths = [by_stage[y] for y in sorted(by_stage)]
    entered = check.overall.stages["entered"].tolist()
    assert lengths == pytest.approx([lengths[0] * n / entered[0] for n in entered])


def test_it_draws_on_the_axes_it_is_given():
    ax = Figure(figsize=(4, 3)).add_subplot()
    assert funnel(made_up_check(made_up_map(3, 2), 100), ax=ax) is ax
    assert faults(ax, dpi=300) == []


def test_an_unknown_persona_is_an_error():
    with pytest.raises(LogError, match="there is no persona 'Genz'"):
        funnel(made_up_check(made_up_map(2, 2), 20), persona="Genz")


def test_a_stage_that_few_entered_keeps_its_place_and_says_few():
    check = made_up_check(made_up_map(3, 2), 400)
    counts = [
        "entered",
        "continued",
        "converted",
        "dropped",
        "turned_away",
        "open",
        "mature",
        "drop_out_share",
    ]
    for column in counts:
        check.overall.stages[column] = check.overall.stages[column].astype(float)
        check.overall.stages.loc[1, column] = float("nan")
    shown = texts(funnel(check))
    assert "few entered" in shown
    assert "Stage 1" in shown


def test_something_else_than_a_check_is_refused():
    with pytest.raises(LogError, match=r"funnel takes the result of cj\.check"):
        funnel(42)
