"""The flow over stages: its numbers are the table's and add up, its widths are as its numbers."""

from __future__ import annotations

import dataclasses
import itertools

import pandas as pd
import pytest
from matplotlib.figure import Figure

import cjmining as cj
from cjmining.errors import LogError
from cjmining.plot import flow
from cjmining.plot.bands import across, around, over
from cjmining.plot.flow import flow_sheet
from cjmining.plot.sheet import Card, Outline
from cjmining.plot.svg import written
from cjmining.plot.words import number, percent
from tests.plot.factory import after_goal_check, made_up_check, made_up_map
from tests.plot.seen import faults, texts

MAPS = {
    "plain": (made_up_map(4, 3), 300, 1),
    "eight stages, long names, huge numbers": (made_up_map(8, 3, long=True), 300, 1_234_567),
    "no journeys": (made_up_map(2, 2), 0, 1),
    "one journey": (made_up_map(1, 1), 1, 1),
}
ENDS = ("converted", "dropped", "turned_away", "open")
HOSTILE = ("<script>alert(1)</script>", "=cmd()", "\u202e\u0645\u0631\u062d\u0628\u0627", "🛒🛒", "x" * 300)


@pytest.fixture(params=MAPS, name="check")
def _check(request):
    intended, journeys, times = MAPS[request.param]
    return made_up_check(intended, journeys, times=times, groups=("Gen Z",))


@pytest.fixture(scope="module", name="shop")
def _shop():
    from cjmining.intended import parse_map

    simulated = cj.simulate.shop(600, seed=3)
    intended = parse_map(simulated.intended_text)
    return cj.check(simulated.log.split(intended).with_personas(intended), intended, by="persona")


def hostile_check():
    """A check whose stages and map have names that would break a page or a layout."""
    check = made_up_check(made_up_map(5, 2), 200, groups=())
    names = dict(zip(check.intended.stage_names, HOSTILE, strict=True))
    result = check.overall
    stages = tuple(_renamed(stage, names[stage.stage]) for stage in check.intended.stages)
    intended = cj.intended.model.IntendedMap(
        map=HOSTILE[0], goal=check.intended.goal, patience=check.intended.patience, stages=stages
    )
    tables = {
        "stages": result.stages.replace({"stage": names}),
        "flows": result.flows.replace({"from_stage": names, "to_stage": names}),
    }
    return type(result)(**{**vars(result), "intended": intended, **tables})


def _renamed(stage, name):
    import dataclasses

    return dataclasses.replace(stage, stage=name)


def test_no_text_overlaps_another_or_leaves_the_figure(check):
    assert faults(flow(check)) == []


def test_each_stage_shows_its_counts_its_shares_and_their_denominators(check):
    shown = " ".join(texts(flow(check, persona="Gen Z")))
    for row in check.stages[check.stages["by"] == "Gen Z"].to_dict("records"):
        assert f"{number(row['entered'])} entered" in shown
        for part, said in zip(
            ENDS, ("reached the goal", "dropped out", "turned away", "still open"), strict=True
        ):
            assert not row[part] or f"{number(row[part])} {said}" in shown
        if row["dropped"]:
            share = percent(row["dropped"] / row["entered"])
            assert f"{share} of {number(row['entered'])} entered" in shown
        if row["mature"]:
            share = percent(row["drop_out_share"], row["lower"], row["upper"])
            assert f"{share} of {number(row['mature'])} within 30 days" in shown


@pytest.mark.parametrize("persona", [None, "Gen Z", "Families"])
def test_what_comes_into_a_stage_goes_out_of_it(shop, persona):
    table = cj.plot.data.flow(shop, persona=persona)
    checked = shop.overall.stages if persona is None else shop.stages[shop.stages["by"] == persona]
    before_goal = table[table["kind"] != "after the goal"]
    for row in checked[checked["stage"] != "(before the map)"].to_dict("records"):
        stage, after = row["stage"], row["stage"] == "Support"
        one = table if after else before_goal
        came = one.loc[one["to"] == stage, "moves"].sum()
        went = one.loc[one["from_stage"] == stage, "moves"].sum()
        assert came == went >= row["entered"]
        ends = table[(table["from_stage"] == stage) & (table["kind"] == "ends")].set_index("to")["moves"]
        assert ends.to_dict() == {
            end.replace("_", " "): row[end]
            for end in ENDS
            if row[end] or (end == "dropped" and row["mature"])
        }
    outcomes = shop.overall.outcomes if persona is None else shop.outcomes[shop.outcomes["by"] == persona]
    assert table.loc[table["kind"] == "begins", "moves"].sum() == outcomes["journeys"].sum()


def test_what_goes_on_after_the_goal_has_reached_it(shop):
    table = cj.plot.data.flow(shop)
    onward = table[table["kind"] == "after the goal"]
    goal = table[table["to"] == "converted"]
    assert onward[["from_stage", "to"]].to_numpy().tolist() == [["Delivery", "Support"]]
    assert 0 < onward["moves"].sum() <= goal["moves"].sum()


@pytest.mark.parametrize("skipping", [0, 1])
def test_one_odd_journey_changes_nothing_about_the_others(skipping):
    """Of 100 that pay 40 get help; `skipping` get it without paying, and nobody begins but in Look."""
    check = after_goal_check(skipping)
    table = cj.plot.data.flow(check)
    moves = table[table["moves"] > 0][["from_stage", "to", "kind", "moves", "journeys"]].to_numpy().tolist()
    odd = bool(skipping)
    assert moves == [
        ["", "Look", "begins", 100 + skipping, 100 + skipping],
        ["Look", "Pay", "onward", 100, 100],
        *[["Look", "Help", "skips stages", 1, 1]] * odd,
        ["Pay", "Help", "after the goal", 40, 40],
        ["Pay", "converted", "ends", 100, 100],
        *[["Help", "dropped", "ends", 1, 1]] * odd,
        ["Help", "", "stays", 40, 40],
    ]
    shown = texts(flow(check))
    assert ("after the goal; none end here" in " ".join(shown)) is not odd
    assert ("of 41 came only after the goal" in " ".join(" ".join(shown).split())) is odd
    assert faults(flow(check)) == []


def test_beginnings_are_counted_where_moves_are_withheld():
    """Without the 40 moves from Pay to Help still nobody begins in Help."""
    check = after_goal_check(0)
    table = cj.plot.data.flow(dataclasses.replace(check, flows=check.flows[check.flows["crossings"] > 40]))
    assert table.loc[table["kind"] == "begins", "to"].tolist() == ["Look"]


def test_bands_are_as_wide_as_their_numbers(shop):
    sheet = flow_sheet(shop)
    table = cj.plot.data.flow(shop)
    bars = [shape.area for shape in sheet.shapes if isinstance(shape, Card) and shape.look.z == 3]
    visits = table[table["kind"] != "after the goal"].groupby("from_stage")["moves"].sum()
    scale = (bars[1].bottom - bars[1].top) / visits["Research"]
    for place, stage in enumerate(("Awareness", "Research", "Basket", "Checkout", "Delivery")):
        assert bars[place].bottom - bars[place].top == pytest.approx(visits[stage] * scale)
    bands = [shape for shape in sheet.shapes if isinstance(shape, Outline) and shape.mark]
    for row in table[table["kind"].isin(["onward", "ends"])].to_dict("records"):
        tip = f"{row['from_stage']}, to {row['to']}: " if row["kind"] == "onward" else None
        if row["to"] in {"dropped", "open", "turned away"} and row["moves"] * scale > 1:
            said = {"dropped": "dropped out", "open": "still open"}.get(row["to"], row["to"])
            tip = f"{row['from_stage']}: {number(row['moves'])} {said}, "
        if tip:
            band = next(shape for shape in bands if shape.mark.tip.startswith(tip))
            first, last = band.path.vertices[0], band.path.vertices[-2]
            assert abs(last[1] - first[1]) == pytest.approx(row["moves"] * scale)


def test_a_band_around_corners_is_even_and_turns_about_its_radius():
    path = around([(0.0, 50.0), (30.0, 50.0), (30.0, 0.0), (100.0, 0.0)], 10.0, 4.0)
    corners = {tuple(point) for point in path.vertices.round(6).tolist()}
    assert {(0.0, 45.0), (0.0, 55.0), (100.0, -5.0), (100.0, 5.0)} <= corners
    assert {(25.0, 41.0), (35.0, 41.0)} <= corners  # both edges leave the first turn at its centre's height
    area = 0.5 * abs(
        sum(
            a[0] * b[1] - b[0] * a[1]
            for a, b in itertools.pairwise(path.to_polygons(closed_only=True)[0].tolist())
        )
    )
    turned = 2 * ((14**2 - 4**2) * 3.14159265 / 4)  # two quarters of a ring
    straight = 10 * ((30 - 9) + (50 - 18) + (70 - 9))
    assert area == pytest.approx(turned + straight, rel=0.005)


def test_a_band_across_is_as_thick_at_both_ends():
    path = across((0.0, 10.0), (50.0, 30.0), 7.0)
    ends = {(float(x), float(y)) for x, y in path.vertices if x in (0, 50)}
    assert ends == {(0.0, 10.0), (0.0, 17.0), (50.0, 30.0), (50.0, 37.0)}


def test_rare_ways_around_are_counted_instead_of_drawn():
    check = made_up_check(made_up_map(8, 3), 300)
    table = cj.plot.data.flow(check)
    ways = table[table["kind"].isin(["back", "skips stages"])]["moves"].sort_values(ascending=False)
    shown = " ".join(texts(flow(check)))
    rest = ways.iloc[6:]
    assert f"{len(rest)} rarer ways back or ahead, taken {rest.sum()} times" in shown
    assert sum(" back to " in text or " skip ahead to " in text for text in texts(flow(check))) == 6


def test_hostile_names_are_drawn_as_text_and_written_as_text():
    check = hostile_check()
    assert faults(flow(check)) == []
    svg = written(flow_sheet(check), dark=None)
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg


def test_it_draws_on_the_axes_it_is_given():
    ax = Figure(figsize=(4, 3)).add_subplot()
    assert flow(made_up_check(made_up_map(3, 2), 100), ax=ax) is ax
    assert faults(ax, dpi=300) == []


def test_an_unknown_persona_is_an_error():
    with pytest.raises(LogError, match="there is no persona 'Genz'"):
        flow(made_up_check(made_up_map(2, 2), 20), persona="Genz")


def test_a_stage_that_few_entered_keeps_its_place_and_says_few():
    check = made_up_check(made_up_map(3, 2), 400)
    counts = ["entered", "continued", *ENDS, "mature", "drop_out_share"]
    for column in counts:
        check.overall.stages[column] = check.overall.stages[column].astype(float)
        check.overall.stages.loc[1, column] = float("nan")
    shown = texts(flow(check))
    assert "few entered" in shown
    assert "Stage 1" in shown
    assert faults(flow(check)) == []


def test_what_few_do_is_withheld_and_the_rest_keeps_its_numbers(shop):
    check = shop.overall
    stages, flows = check.stages, check.flows
    few = flows[flows["journeys"] < 10]
    assert len(few) > 0
    words = " ".join(line.text for line in flow_sheet(check, least=10).words)
    assert "Ways that few take are not told" in words
    table = cj.plot.data.flow(check)
    begins = table[(table["kind"] == "begins")].set_index("to")["moves"]
    assert f"{begins['Research']} begin here" in words
    assert "few entered" in " ".join(
        line.text for line in flow_sheet(check, least=int(stages["entered"].max())).words
    )


def test_few_before_the_map_are_said_to_be_in_the_outcomes_alone(shop):
    said = "Few began before the map: only the outcomes above count them."
    check = shop.overall
    for entered, is_said in ((9, True), (10, False), (0, False)):
        row = check.stages.iloc[:1].assign(stage="(before the map)", entered=entered, dropped=min(entered, 2))
        stages = check.stages[check.stages["stage"] != "(before the map)"]
        given = dataclasses.replace(check, stages=pd.concat([row, stages], ignore_index=True))
        words = " ".join(line.text for line in flow_sheet(given, least=10).words)
        assert (said in words) == is_said


def test_it_describes_itself_and_every_mark_says_what_it_is(shop):
    sheet = flow_sheet(shop, persona="Gen Z")
    outcome = shop.outcomes.set_index("by").loc["Gen Z"]
    assert f"{number(outcome['dropped'])} dropped out" in sheet.description
    assert f"{number(outcome['converted'])} reached the goal" in sheet.description
    tips = {shape.mark.tip for shape in sheet.shapes if shape.mark}
    for row in shop.stages[shop.stages["by"] == "Gen Z"].to_dict("records"):
        if row["dropped"]:
            assert any(
                tip.startswith(f"{row['stage']}: {number(row['dropped'])} dropped out") for tip in tips
            )
    assert {dict(shape.mark.about)["stage"] for shape in sheet.shapes if shape.mark} <= {
        *shop.intended.stage_names
    }


def test_the_picture_stays_small(shop):
    assert len(written(flow_sheet(shop), dark=None).encode()) <= 25_000


def test_the_table_of_no_journeys_is_empty_with_its_columns():
    table = cj.plot.data.flow(made_up_check(made_up_map(2, 2), 0))
    assert table.empty
    assert table.columns.tolist()[:4] == ["from_stage", "to", "kind", "moves"]
    assert isinstance(table, pd.DataFrame)


def test_something_else_than_a_check_is_refused():
    with pytest.raises(LogError, match=r"flow takes the result of cj\.check"):
        flow(42)
    with pytest.raises(LogError, match=r"flow takes the result of cj\.check"):
        cj.plot.data.flow(42)


@pytest.mark.parametrize("stages", [3, 5, 8])
def test_every_band_has_its_whole_number(stages):
    check = made_up_check(made_up_map(stages, 2, long=True), 400, groups=(), times=321)
    names = list(check.intended.stage_names)
    pairs = [(a, b) for a in range(stages) for b in range(stages) if a != b and abs(a - b) < 3]
    flows = pd.DataFrame(
        {
            "by": "all",
            "from_stage": [names[a] for a, _ in pairs],
            "to_stage": [names[b] for _, b in pairs],
            "crossings": [40_017 + 7_001 * n if n % 3 else 17 + n for n in range(len(pairs))],
        }
    ).assign(journeys=lambda own: own["crossings"])
    sheet = flow_sheet(dataclasses.replace(check.overall, flows=flows))
    ways = [s for s in sheet.shapes if isinstance(s, Outline) and s.mark and ", " in s.mark.tip]
    drawn = {s.mark.tip for s in ways if ", to " in s.mark.tip or ", back to " in s.mark.tip}
    said = [line.text for line in sheet.words]
    for tip in drawn:
        count = tip.split(": ")[1].split()[0]
        assert any(text.split()[0] == count for text in said), tip
    assert len(drawn) > stages
    assert not [text for text in said if text.endswith("…") and text[0].isdigit()]
    assert faults(sheet.drawn_on(None)) == []


@pytest.mark.parametrize("thick", [2.0, 60.0, 128.0])
def test_a_band_over_others_is_as_high_everywhere_and_never_meets_itself(thick):
    path = over((0, 200), ((90, 20), 150), (240, 230), thick)
    corners = path.to_polygons()[0]
    for x in (1, 30, 45, 60, 89, 100, 149, 180, 239):
        ups = [
            a[1] + (b[1] - a[1]) * (x - a[0]) / (b[0] - a[0])
            for a, b in itertools.pairwise(corners)
            if min(a[0], b[0]) <= x < max(a[0], b[0])
        ]
        assert len(ups) == 2
        assert abs(ups[0] - ups[1]) == pytest.approx(thick, rel=0.05)
