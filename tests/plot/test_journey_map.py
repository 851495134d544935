"""The journey map: nothing overlaps, every number is the table's, and it draws where it is told to."""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise

import pandas as pd
import pytest
from matplotlib.figure import Figure

from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.plot import journey_map, theme, to_svg
from cjmining.plot.words import name, number, percent, promise
from tests.plot.factory import made_up_check, made_up_map
from tests.plot.seen import faults, texts

MAPS = {
    "one stage": (made_up_map(1, 1), 50, 1),
    "two stages": (made_up_map(2, 3), 60, 1),
    "five stages": (made_up_map(5, 4), 500, 1),
    "eight stages, forty touchpoints": (made_up_map(8, 5), 800, 1),
    "long names": (made_up_map(6, 3, long=True), 300, 1),
    "eight stages, long names, huge numbers": (made_up_map(8, 5, long=True), 300, 1_234_567),
    "one stage, forty touchpoints, long names": (made_up_map(1, 40, long=True), 300, 99_999),
    "no journeys": (made_up_map(4, 3), 0, 1),
    "one journey": (made_up_map(3, 2), 1, 1),
}


@pytest.fixture(params=MAPS, name="check")
def _check(request):
    intended, journeys, times = MAPS[request.param]
    groups = ("Gen Z",) if journeys == 1 else ("Gen Z", "Families")
    return made_up_check(intended, journeys, groups=groups, times=times)


@pytest.mark.parametrize(("persona", "dpi"), [(None, 72), ("Gen Z", 100), ("Gen Z", 200)])
def test_no_text_overlaps_another_or_leaves_the_figure(check, persona, dpi):
    assert faults(journey_map(check, persona=persona), dpi=dpi) == []


def test_a_map_with_one_persona_only_draws(check):
    alone = dataclasses.replace(check.overall, by=None)
    assert faults(journey_map(alone)) == []


def test_the_stages_show_the_numbers_of_their_table(check):
    shown = " ".join(texts(journey_map(check, persona="Gen Z")))
    for row in check.stages[check.stages["by"] == "Gen Z"].to_dict("records"):
        assert f"{number(row['entered'])} ent" in shown
        for part in ("dropped", "turned_away", "open", "converted"):
            assert not row[part] or number(row[part]) in shown
        if row["mature"]:
            limits = percent(row["drop_out_share"], row["lower"], row["upper"])
            share = f"{limits} of {number(row['mature'])} within 30 days"
            assert share in shown


def test_the_outcomes_are_those_of_the_group_and_add_up_to_its_journeys(check):
    row = check.outcomes[check.outcomes["by"] == "Gen Z"].to_dict("records")
    if not row:
        pytest.skip("nobody in this group")
    shown = texts(journey_map(check, persona="Gen Z"))
    labels = ("converted", "dropped out", "turned away", "still open")
    large = [int(shown[shown.index(label) - 1].replace(",", "")) for label in labels]
    assert large == [row[0][key] for key in ("converted", "dropped", "turned_away", "open")]
    assert sum(large) == row[0]["journeys"]


def test_every_number_on_the_map_is_in_a_table():
    intended = made_up_map(5, 4)
    check = made_up_check(intended, 1000)
    axes = journey_map(check, persona="Gen Z")
    tables = [check.stages, check.outcomes, check.dropouts, check.deviations, check.touchpoints, check.flows]
    tables.append(check.expectations)
    known = {
        number(cell)
        for table in tables
        for cell in table.select_dtypes("number").to_numpy().ravel()
        if cell == cell
    }
    body = [
        text
        for text in texts(axes)
        if re.search(r"\d{2}", text) and not re.search(r"20\d\d|%|median|0\.\d|days", text)
    ]
    drawn = {figure for text in body for figure in re.findall(r"\d[\d,]+", re.sub(r"s\d t\d", "", text))}
    assert drawn
    assert drawn <= known


def test_each_touchpoint_stands_with_its_journeys():
    check = made_up_check(made_up_map(3, 2), 300)
    shown = texts(journey_map(check))
    for row in check.overall.touchpoints.to_dict("records"):
        assert (row["touchpoint"].replace("_", " "), number(row["journeys"])) in set(pairwise(shown))


def test_planned_touchpoints_that_never_occur_are_named_as_such():
    check = made_up_check(made_up_map(2, 3), 100)
    nothing = check.overall.touchpoints.iloc[:0]
    shown = texts(journey_map(dataclasses.replace(check.overall, touchpoints=nothing)))
    assert {("s0 t0", "0"), ("s0 t2", "unrecorded")} <= set(pairwise(shown))


def test_numbers_that_are_withheld_read_few():
    check = made_up_check(made_up_map(3, 2), 200).overall
    stages, touchpoints = check.stages.copy(), check.touchpoints.astype({"journeys": float})
    counts = ["entered", "continued", "converted", "dropped", "turned_away", "open", "mature"]
    stages[counts] = stages[counts].astype(float)
    stages.loc[1, counts] = float("nan")
    touchpoints.loc[0, "journeys"] = float("nan")
    ax = journey_map(dataclasses.replace(check, stages=stages, touchpoints=touchpoints))
    assert "few entered" in texts(ax)
    assert (touchpoints.loc[0, "touchpoint"].replace("_", " "), "few") in set(pairwise(texts(ax)))
    assert faults(ax) == []


def test_loops_back_are_drawn_with_their_journeys_and_the_rest_is_counted():
    check = made_up_check(made_up_map(8, 2), 900)
    flows = check.overall.flows
    order = {stage: n for n, stage in enumerate(check.intended.stage_names)}
    back = flows[flows["from_stage"].map(order) > flows["to_stage"].map(order)]
    shown = texts(journey_map(check))
    arcs = [text for text in shown if " back to " in text]
    assert len(arcs) == 5
    drawn = sorted(int(text.split()[0]) for text in arcs)
    assert drawn == sorted(back["journeys"].nlargest(5))
    assert f"{len(back) - 5} rarer ways" in " ".join(shown)


def test_an_unknown_persona_is_answered_with_the_nearest():
    check = made_up_check(made_up_map(2, 2), 20)
    with pytest.raises(
        LogError, match=r"no persona 'Gen X', did you mean 'Gen Z'\? There are: Gen Z, Families"
    ):
        journey_map(check, persona="Gen X")
    with pytest.raises(LogError, match="isn't grouped"):
        journey_map(check.overall, persona="Gen Z")


def test_journeys_that_ended_before_the_map_are_told():
    check = made_up_check(made_up_map(3, 2), 100).overall
    row = {
        **check.stages.iloc[0].to_dict(),
        "stage": "(before the map)",
        "entered": 17,
        "dropped": 12,
        "turned_away": 0,
        "open": 5,
    }
    shown = " ".join(
        texts(journey_map(dataclasses.replace(check, stages=pd.concat([pd.DataFrame([row]), check.stages]))))
    )
    assert "17 journeys began before the map, 12 dropped out, 5 still open" in shown


def test_it_draws_on_the_axes_it_is_given_scaled_to_them():
    check = made_up_check(made_up_map(5, 4), 300)
    figure = Figure(figsize=(7, 9))
    ax = figure.add_subplot()
    assert journey_map(check, ax=ax) is ax
    assert faults(ax, dpi=300) == []


def test_hostile_names_are_drawn_as_text():
    intended = dataclasses.replace(
        made_up_map(2, 2), map="<script>alert('$x$')</script> 🙂 \N{RIGHT-TO-LEFT OVERRIDE}cmd\x00\n=1"
    )
    drawn = to_svg(journey_map(made_up_check(intended, 50)).figure)
    assert "<script" not in drawn


def test_a_notebook_shows_the_axes_as_a_picture():
    ax = journey_map(made_up_check(made_up_map(2, 2), 50))
    assert ax._repr_html_().startswith('<svg role="img"')


def test_the_svg_is_the_same_in_every_run():
    check = made_up_check(made_up_map(3, 3), 100)
    assert to_svg(journey_map(check).figure) == to_svg(journey_map(check).figure)


def test_few_answers_are_not_called_none():
    check = made_up_check(made_up_map(4, 3), 400)
    stages = check.overall.stages
    stages["satisfaction"] = float("nan")
    stages["satisfaction_answered"] = [float("nan"), 0, 0, 0]
    shown = texts(journey_map(check))
    assert shown.count("few answers") == 1
    assert shown.count("no answers") == 3


def test_the_measured_curve_breaks_where_nobody_answered():
    check = made_up_check(made_up_map(4, 3), 400)  # answers in the second and third stage

    def solid(check) -> int:
        lines = [
            line for line in journey_map(check).patches if line.get_linewidth() > 0 and line.get_zorder() == 3
        ]
        return len(lines)

    joined = solid(check)
    check.overall.stages["satisfaction"] = [0.5, float("nan"), 0.5, float("nan")]
    assert solid(check) == joined - 1


def test_a_channel_without_a_name_is_written_out():
    intended = made_up_map(2, 2)
    check = made_up_check(intended, 100)
    check.overall.touchpoints["channel"] = ""
    shown = texts(journey_map(check))
    assert {"no", "channel"} <= set(shown) or "no channel" in shown


def test_a_log_in_place_of_a_check_is_answered_with_what_is_expected():
    with pytest.raises(
        LogError, match=r"journey_map takes the result of cj\.check\(log, intended\), not str"
    ):
        journey_map("log")


def test_a_persona_like_no_other_is_answered_with_those_there_are():
    with pytest.raises(LogError, match=r"there is no persona 'zz'; there are: Gen Z, Families"):
        journey_map(made_up_check(made_up_map(2, 2), 20), persona="zz")


def test_each_promise_stands_with_the_share_kept_its_limits_and_how_many_were_measured():
    check = made_up_check(made_up_map(4, 3), 400)
    shown = " ".join(texts(journey_map(check)))
    rows = check.overall.expectations.to_dict("records")
    assert {row["verdict"] for row in rows if row["measured"]} == {"kept", "broken", "unclear"}
    for row in rows:
        said = promise(row["measure"], row["at_least"], row["at_most"], row["after"])
        assert f"{name(row['touchpoint'])}: {said} " in shown
        promised = "promised to all" if row["target"] == 1 else f"{percent(row['target'])} promised"
        if row["measured"]:
            kept = percent(row["share_kept"], row["lower"], row["upper"])
            broken = ", broken" * (row["verdict"] == "broken")
            assert f"{kept} of {number(row['measured'])} {promised}{broken}" in shown
        else:
            assert f"none measured; {promised}" in shown


def test_a_broken_promise_is_red_and_comes_first_in_its_stage():
    check = made_up_check(made_up_map(4, 3), 400).overall
    ax = journey_map(check)
    red = {text.get_text() for text in ax.texts if text.get_color() == theme.DROPPED.light}
    shown = texts(ax)
    for stage, rows in check.expectations.groupby("stage"):
        broken = rows[rows["verdict"] == "broken"]
        for row in broken.to_dict("records"):
            kept = percent(row["share_kept"], row["lower"], row["upper"])
            assert f"{kept} of {number(row['measured'])}" in red
            assert f"{percent(row['target'])} promised, broken" in red or row["target"] == 1
        if 0 < len(broken) < len(rows):
            places = [
                next(n for n, text in enumerate(shown) if text.startswith(f"{name(touchpoint)}: "))
                for touchpoint in (
                    broken["touchpoint"].iloc[0],
                    rows[rows["verdict"] != "broken"]["touchpoint"].iloc[0],
                )
            ]
            assert places == sorted(places), stage


def test_promises_that_few_were_measured_for_read_few_and_those_beyond_the_room_are_counted():
    check = made_up_check(made_up_map(2, 3), 200).overall
    few = check.expectations.assign(
        **dict.fromkeys(("measured", "share_kept", "lower", "upper"), float("nan"))
    )
    ax = journey_map(dataclasses.replace(check, expectations=pd.concat([few] * 4)))
    shown = " ".join(texts(ax))
    assert shown.count("few measured; ") == 2 * 4
    assert shown.count("4 more promises") == 2
    assert faults(ax) == []


def test_the_promise_of_a_stage_is_that_of_its_end():
    check = made_up_check(made_up_map(2, 3), 200).overall
    row = check.expectations.iloc[-1:].assign(
        touchpoint="", measure="within", at_least=float("nan"), at_most=7 * 86_400
    )
    shown = " ".join(texts(journey_map(dataclasses.replace(check, expectations=row))))
    assert "on to the next stage within 7 d" in shown


def test_a_map_without_promises_has_no_band_for_them():
    check = made_up_check(made_up_map(2, 3), 200).overall
    shown = texts(journey_map(dataclasses.replace(check, expectations=check.expectations.iloc[:0])))
    assert not [text for text in shown if "promise" in text.lower()]


def test_a_deviation_says_how_journeys_ended_only_where_that_is_beyond_chance():
    check = made_up_check(made_up_map(2, 3), 200).overall
    row = check.deviations.iloc[:1].assign(
        journeys=40, share_of_journeys=0.2, mature_with=30, converted_with=9, mature_without=100
    )
    row = row.assign(converted_without=70, difference=-0.4, q=0.049)
    said = "s0 t0: missing in 40 journeys (20 %); 30 % of 30 converted, 70 % of 100 others"
    assert said in " ".join(texts(journey_map(dataclasses.replace(check, deviations=row))))
    for chance in (row.assign(q=0.05), row.assign(q=float("nan"), difference=float("nan"))):
        shown = " ".join(texts(journey_map(dataclasses.replace(check, deviations=chance))))
        assert "s0 t0: missing in 40 journeys (20 %)" in shown
        assert "converted, " not in shown


def test_deviations_that_go_with_lost_conversions_come_before_larger_ones_that_do_not():
    check = made_up_check(made_up_map(1, 3), 200).overall
    rows = check.deviations.iloc[[0] * 3].assign(
        touchpoint=["many", "lost", "won"],
        journeys=[90, 20, 80],
        mature_with=20,
        difference=[-0.3, -0.3, 0.3],
    )
    shown = " ".join(
        texts(journey_map(dataclasses.replace(check, deviations=rows.assign(q=[0.3, 0.01, 0.01]))))
    )
    assert shown.index("lost: missing") < shown.index("many: missing")
    assert "won: missing" not in shown


PERSONAS = """
map: Online purchase
goal: [bought]
patience: 14d
stages:
  - stage: Look
    touchpoints: [{touchpoint: looked}]
  - stage: Buy
    touchpoints: [{touchpoint: paid}, {touchpoint: bought}]
personas:
  - persona: Gen Z
    where: {birth_year: {at_least: 1997}}
    stages:
      - {stage: Buy, touchpoints: [{touchpoint: paid_by_phone}, {touchpoint: bought}]}
  - {persona: Families, where: {birth_year: {below: 1997}}}
"""


def test_a_persona_is_drawn_on_its_own_map_and_everybody_on_all():
    intended = parse_map(PERSONAS)
    check = made_up_check(made_up_map(2, 2), 100)
    nothing = {
        name: getattr(check, name).iloc[:0] for name in ("touchpoints", "deviations", "dropouts", "flows")
    }
    nothing |= {"stages": check.stages.iloc[:0], "expectations": check.expectations.iloc[:0]}
    check = dataclasses.replace(
        check,
        intended=intended,
        overall=dataclasses.replace(check.overall, intended=intended, by=None, **nothing),
        **nothing,
    )
    planned = {"looked", "paid", "paid by phone", "bought"}
    assert planned & set(texts(journey_map(check, persona="Gen Z"))) == planned - {"paid"}
    assert planned & set(texts(journey_map(check, persona="Families"))) == planned - {"paid by phone"}
    assert planned & set(texts(journey_map(check))) == planned
