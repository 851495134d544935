"""The journey map: nothing overlaps, every number is the table's, and it draws where it is told to."""

from __future__ import annotations

import dataclasses
import re
from itertools import combinations, pairwise
from types import SimpleNamespace

import pandas as pd
import pytest
from matplotlib.figure import Figure

import cjmining as cj
from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.plot import journey_map, theme, to_svg
from cjmining.plot.data.journey_map import journey_map as numbers_of
from cjmining.plot.journey_map import journey_map_sheet
from cjmining.plot.sheet import Disc, Outline
from cjmining.plot.text import Box
from cjmining.plot.words import number, percent
from tests.plot.factory import after_goal_check, made_up_check, made_up_discovery, made_up_map
from tests.plot.hostile import NAMES
from tests.plot.seen import faults


def texts(picture) -> list[str]:
    """Every line of text on a picture or on its sheet."""
    return [words.text for words in getattr(picture, "sheet", picture).words]


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


@pytest.fixture(params=MAPS, name="check", scope="module")
def _check(request):
    intended, journeys, times = MAPS[request.param]
    groups = ("Gen Z",) if journeys == 1 else ("Gen Z", "Families")
    return made_up_check(intended, journeys, groups=groups, times=times)


def test_no_text_overlaps_another_or_leaves_the_figure(check):
    assert faults(journey_map(check), dpi=72) == []


@pytest.mark.parametrize("persona", [None, "Gen Z"])
def test_no_text_overlaps_another_or_a_disc_as_they_are_laid_out(check, persona):
    sheet = journey_map_sheet(check, persona=persona)
    assert overlapping(sheet) == []
    assert hidden(sheet) == []


def hidden(sheet) -> list[str]:
    """Texts that lie on a disc or a star, or whose disc lies on another."""
    discs = [shape for shape in sheet.shapes if isinstance(shape, Disc)]
    around_them = [around(disc) for disc in discs]
    found = [
        f"{words.text!r} lies on a disc"
        for words in sheet.words
        for box in [words.box]
        if any(box.meets(disc, -0.5) for disc in around_them)
    ]
    return found + [
        f"disc at {one.x:.0f}, {one.y:.0f} lies on another"
        for one, other in combinations([disc for disc in discs if disc.radius > 3.3], 2)
        if (one.x - other.x) ** 2 + (one.y - other.y) ** 2 < (one.radius + other.radius - 0.5) ** 2
    ]


def overlapping(sheet) -> list[str]:
    """Pairs of texts whose boxes overlap, and texts that leave the sheet, as they are laid out."""
    paper = Box(0, 0, sheet.width, sheet.height)
    boxes = [(words.text, words.box) for words in sheet.words]
    found = [
        f"{a!r} overlaps {b!r}" for (a, one), (b, other) in combinations(boxes, 2) if one.meets(other, -0.5)
    ]
    return found + [f"{text!r} leaves the sheet" for text, box in boxes if not within(box, paper)]


def within(box: Box, paper: Box) -> bool:
    return box.left >= 0 and box.top >= 0 and box.right <= paper.right and box.bottom <= paper.bottom


def around(disc: Disc) -> Box:
    return Box(disc.x - disc.radius, disc.y - disc.radius, disc.x + disc.radius, disc.y + disc.radius)


@pytest.mark.parametrize("stages", range(1, 9))
@pytest.mark.parametrize("touchpoints", [1, 5, 13])
def test_any_map_fits_the_width_of_a_page(stages, touchpoints):
    sheet = journey_map_sheet(made_up_check(made_up_map(stages, touchpoints), 60).overall)
    assert sheet.width == theme.PAGE
    assert overlapping(sheet) == []
    assert hidden(sheet) == []
    assert min(words.size for words in sheet.words) >= 8


def test_of_more_than_eight_stages_the_sheet_grows_wider():
    sheet = journey_map_sheet(made_up_check(made_up_map(11, 2), 60).overall)
    assert sheet.width > theme.PAGE
    assert overlapping(sheet) == []


def test_a_map_with_one_persona_only_draws(check):
    alone = dataclasses.replace(check.overall, by=None)
    assert overlapping(journey_map_sheet(alone)) == []


def test_the_stages_show_the_numbers_of_their_table(check):
    lines = texts(journey_map_sheet(check, persona="Gen Z"))
    shown = " ".join(lines)
    for row in check.stages[check.stages["by"] == "Gen Z"].to_dict("records"):
        assert f"{number(row['entered'])} entered" in shown or number(row["entered"]) in lines
        for part in ("dropped", "turned_away", "open", "converted"):
            assert not row[part] or number(row[part]) in shown
        if row["mature"]:
            limits = percent(row["drop_out_share"], row["lower"], row["upper"])
            share = f"{limits} of {number(row['mature'])}"
            assert share in shown


def test_the_outcomes_are_those_of_the_group_and_add_up_to_its_journeys(check):
    row = check.outcomes[check.outcomes["by"] == "Gen Z"].to_dict("records")
    if not row:
        pytest.skip("nobody in this group")
    shown = texts(journey_map_sheet(check, persona="Gen Z"))
    labels = ("converted", "dropped out", "turned away", "still open")
    large = [int(shown[shown.index(label) - 1].replace(",", "")) for label in labels]
    assert large == [row[0][key] for key in ("converted", "dropped", "turned_away", "open")]
    assert sum(large) == row[0]["journeys"]


def figures(said: str) -> list[str]:
    """The numbers in a text, with what stands for them; names of made-up touchpoints and stages aside."""
    said = re.sub(r"\bs\d t\d+\b|Stage \d", "", said)
    return re.findall(r"\d[\d,.]*", said)


@pytest.mark.parametrize("persona", [None, "Gen Z"])
def test_every_number_on_the_map_is_in_its_table(check, persona):
    table = numbers_of(check, persona=persona)
    told = {figure.rstrip(".,") for said in table["said"] for figure in figures(said)}
    sheet = journey_map_sheet(check, persona=persona)
    axis, footnote = {"0", "0.5", "1"}, sheet.words[-4].baseline
    notes = {"satisfaction from 0", "to 1, with limits;", "in 30 days", sheet.words[0].text}
    drawn = {
        figure.rstrip(".,")
        for words in sheet.words
        if words.baseline < footnote and words.text not in axis | notes and words.x > theme.MARGIN
        for figure in figures(words.text)
    }
    assert len(check.journeys) == 0 or drawn
    assert drawn - told == set()


def test_the_table_is_long_typed_and_names_its_denominators(check):
    table = numbers_of(check, persona="Gen Z")
    assert list(table) == ["band", "stage", "what", "channel", "value", "lower", "upper", "of", "said"]
    assert table[["value", "lower", "upper", "of"]].dtypes.eq("float64").all()
    shares = table[table["what"] == "drop-out share"]
    assert shares["of"].gt(0).all()
    assert (shares["lower"] <= shares["value"]).all()
    assert (shares["value"] <= shares["upper"]).all()


def test_what_entered_a_stage_is_what_left_it_and_what_goes_on(check):
    table = numbers_of(check, persona="Gen Z")
    ribbon = table[table["band"] == "Who stays"]
    shown = " ".join(texts(journey_map_sheet(check, persona="Gen Z")))
    ends = ["dropped out", "turned away", "still open", "reached the goal", "go on"]
    entered = table[(table["band"] == "Stages") & (table["what"] == "entered")].set_index("stage")["value"]
    parts = ribbon[ribbon["what"].isin(ends)]
    assert parts.groupby("stage")["value"].sum().reindex(entered.index, fill_value=0).equals(entered)
    assert all(said in shown for said in parts["said"])


def test_the_outcomes_of_the_stages_add_up_to_the_large_figures(check):
    table = numbers_of(check, persona="Gen Z")
    large = table[table["band"] == "Outcomes"].set_index("what")["value"]
    ribbon = table[table["band"] == "Who stays"].groupby("what")["value"].sum()
    for outcome, end in [("converted", "reached the goal")] + [(n, n) for n in large.index[1:]]:
        assert ribbon.get(end, 0) == large[outcome]


def test_the_ribbon_is_as_thick_as_journeys_are_many_and_its_strips_as_wide_as_those_that_leave():
    check = made_up_check(made_up_map(5, 4), 900).overall
    sheet = journey_map_sheet(check)
    scales = []
    for row in check.stages.to_dict("records"):
        own = [
            shape
            for shape in sheet.shapes
            if isinstance(shape, Outline) and shape.mark and shape.mark.tip.startswith(f"{row['stage']}: of ")
        ]
        ribbon = next(shape for shape in own if shape.look.fill == theme.RIBBON).path.get_extents()
        scales.append(ribbon.height / row["entered"])
        for key, colour in (("dropped", theme.DROPPED), ("converted", theme.CONVERTED)):
            strip = [shape.path for shape in own if shape.look.edge == colour and shape.look.fill]
            if key == "converted" and row[key]:
                scales.append(strip[0].get_extents().height / row[key])
            elif strip:  # its straight part is the two lowest corners but the tip
                xs = sorted({round(x, 6) for x, y in strip[0].vertices if y > ribbon.y1 + 8 and x == x})
                scales.append((xs[-1] - xs[0]) / row[key])
    assert len(scales) >= 11
    assert scales == pytest.approx([scales[0]] * len(scales), rel=1e-6)


def test_where_the_largest_share_is_lost_alone_has_the_strong_colour():
    check = made_up_check(made_up_map(5, 4), 900).overall
    ax = journey_map(check)
    strong = [text.get_text() for text in ax.texts if text.get_color() == theme.DROPPED.light]
    worst = check.stages.loc[check.stages["drop_out_share"].idxmax()]
    assert [text for text in strong if text.endswith(" dropped out")] == [
        f"{number(worst['dropped'])} dropped out"
    ]


def test_the_discs_areas_are_the_journeys_of_the_table():
    check = made_up_check(made_up_map(4, 3), 3000).overall
    sheet = journey_map_sheet(check)
    discs = [shape for shape in sheet.shapes if isinstance(shape, Disc) and shape.look.fill == theme.DISC]
    journeys = sorted(check.touchpoints["journeys"])
    assert len(discs) == len(journeys)
    drawn = sorted(disc.radius**2 for disc in discs)
    assert [area / drawn[-1] for area in drawn] == pytest.approx([n / journeys[-1] for n in journeys])


def test_discs_stand_in_the_planned_order_at_one_place_in_each_band():
    check = made_up_check(made_up_map(2, 3), 400).overall
    sheet = journey_map_sheet(check)
    at = {}
    for words in sheet.words:
        if re.fullmatch(r"s\d t\d  .*", words.text):
            disc = min(
                (shape for shape in sheet.shapes if isinstance(shape, Disc) and shape.mark == words.mark),
                key=lambda shape: abs(shape.x - words.x),
            )
            at.setdefault(words.text[:5], set()).add(round(disc.x, 3))
    assert all(len(places) == 1 for places in at.values())
    assert [min(at[key]) for key in sorted(at)] == sorted(min(places) for places in at.values())


def test_each_disc_strip_and_promise_says_what_it_is_with_its_denominator():
    check = made_up_check(made_up_map(3, 2), 400).overall
    sheet = journey_map_sheet(check)
    drawn = [*sheet.words, *sheet.shapes]
    tips = {thing.mark.tip: dict(thing.mark.about).get("stage") for thing in drawn if thing.mark}
    row = check.stages.iloc[0]
    assert any(tip.startswith(f"Stage 0: of {row['entered']} journeys that entered, ") for tip in tips)
    first = check.touchpoints.iloc[0]
    said = f"{first['touchpoint'].replace('_', ' ')} ({first['channel']}): {first['journeys']} of "
    said += f"{row['entered']} journeys in Stage 0"
    assert tips[said] == "Stage 0"
    kept = check.expectations.iloc[1]
    assert any(f"of {kept['measured']} times, promised" in tip for tip in tips)


def test_the_description_tells_the_main_numbers():
    check = made_up_check(made_up_map(3, 2), 400).overall
    said = journey_map_sheet(check).description
    row = check.outcomes.iloc[0]
    assert (
        f"400 journeys by 400 customers, 1 March 2026 to 17 August 2026: {row['converted']} converted" in said
    )
    worst = check.stages.loc[check.stages["drop_out_share"].idxmax()]
    assert f"The largest share is lost in {worst['stage']}: " in said
    assert f"of the {worst['mature']} journeys that entered early enough to know." in said


def test_each_touchpoint_stands_with_its_journeys():
    check = made_up_check(made_up_map(3, 2), 300)
    shown = texts(journey_map_sheet(check))
    drawn = sorted(text for text in shown if re.fullmatch(r"s\d t\d  [\d,]+", text))
    rows = check.overall.touchpoints.to_dict("records")
    assert drawn == sorted(
        f"{row['touchpoint'].replace('_', ' ')}  {number(row['journeys'])}" for row in rows
    )


def test_planned_touchpoints_that_never_occur_are_named_as_such():
    check = made_up_check(made_up_map(2, 3), 100)
    nothing = check.overall.touchpoints.iloc[:0]
    ax = journey_map(dataclasses.replace(check.overall, touchpoints=nothing))
    assert {"s0 t0  0", "s0 t2  unrecorded"} <= set(texts(ax))
    dashed = [shape for shape in ax.sheet.shapes if isinstance(shape, Disc) and shape.look.dashes]
    assert len(dashed) == 6


def test_what_failed_is_told_and_takes_its_share_of_the_disc():
    check = made_up_check(made_up_map(2, 2), 300).overall
    row = check.touchpoints.iloc[0]
    touchpoints = check.touchpoints.copy()
    touchpoints.loc[0, "failed"] = row["journeys"] // 4
    ax = journey_map(dataclasses.replace(check, touchpoints=touchpoints))
    assert f"{row['journeys'] // 4} failed" in texts(ax)
    wedges = [
        shape for shape in ax.sheet.shapes
        if getattr(shape, "path", None) is not None and shape.look.fill == theme.DROPPED and shape.mark
        and "failed" in shape.mark.tip
    ]  # fmt: skip
    assert len(wedges) == 1


@pytest.mark.parametrize(
    ("skipping", "said"),
    [
        (0, ["40 come after the goal"]),
        (1, ["1 dropped out", "40 come after the goal"]),
        (30, ["30 join here", "30 dropped out", "40 come after the goal"]),
    ],
)
def test_who_comes_after_the_goal_is_told_apart_from_who_joins(skipping, said):
    table = cj.plot.data.journey_map(after_goal_check(skipping))
    rows = table[(table["band"] == "Who stays") & (table["stage"] == "Help")]
    assert rows.loc[rows["what"] != "drop-out share", "said"].tolist() == said
    ax = journey_map(after_goal_check(skipping))
    assert faults(ax) == []
    assert set(said) <= {text.removeprefix("+ ") for text in texts(ax)}


def test_what_failed_after_the_end_of_journeys_is_no_part_of_them():
    check = after_goal_check(30)
    failed = check.deviations_by_channel.iloc[:1].assign(
        type="failed", stage="Look", touchpoint="look", channel="web", journeys=30, events=30
    )
    table = cj.plot.data.journey_map(dataclasses.replace(check, deviations_by_channel=failed))
    assert not table["said"].str.contains("failed").any()


def test_beside_a_withheld_stage_nobody_is_said_to_join_and_none_to_go_on():
    check = made_up_check(made_up_map(4, 2), 400).overall
    counts = ["entered", "continued", "converted", "dropped", "turned_away", "open", "mature"]
    nan = float("nan")
    stages = check.stages.astype(dict.fromkeys(counts, float))
    stages[counts] = [
        [400, 300, 0, 100, 0, 0, 400],
        [310, 9, 0, 301, 0, 0, 310],
        [nan] * 7,
        [150, 0, 150, 0, 0, 0, 150],
    ]
    table = cj.plot.data.journey_map(dataclasses.replace(check, stages=stages))
    told = table[(table["band"] == "Who stays") & table["what"].isin(["join", "go on"])]
    assert told[["stage", "said"]].to_numpy().tolist() == [
        ["Stage 0", "300 go on"],
        ["Stage 1", "10 join here"],
    ]


def test_touchpoints_whose_long_names_begin_alike_stay_apart():
    check = made_up_check(made_up_map(3, 2), 200).overall
    names = {
        each.touchpoint: f"a touchpoint whose name has so many words in place {each.touchpoint}, however long"
        for stage in check.intended.stages
        for each in stage.touchpoints
    }
    stages = tuple(
        dataclasses.replace(
            stage,
            touchpoints=tuple(
                dataclasses.replace(each, touchpoint=names[each.touchpoint], channels=("web",))
                for each in stage.touchpoints
            ),
        )
        for stage in check.intended.stages
    )
    one = check.touchpoints.drop_duplicates("touchpoint").assign(channel="web", journeys=7)
    ax = journey_map(
        dataclasses.replace(
            check,
            intended=dataclasses.replace(check.intended, stages=stages),
            touchpoints=one.replace({"touchpoint": names}),
        )
    )
    shown = [text.removesuffix("  7") for text in texts(ax) if text.endswith("  7")]
    assert len(set(shown)) == len(shown) == 6


def test_the_strongest_paths_between_touchpoints_are_drawn_as_wide_as_they_are_used():
    check = made_up_check(made_up_map(3, 4), 600).overall
    keys = [f"{row['touchpoint']}@{row['channel']}" for row in check.touchpoints.to_dict("records")]
    edges = {(one, other): 10 * n + 11 for n, (one, other) in enumerate(pairwise(keys))}
    found = made_up_discovery({**edges, (keys[0], keys[0]): 999, ("elsewhere@web", keys[0]): 998})
    sheet = journey_map_sheet(check, found=found)
    curves = [shape for shape in sheet.shapes if shape.look.edge == theme.PATH]
    strongest = sorted((journeys - 1 for journeys in edges.values()), reverse=True)[:12]
    assert [float(curve.mark.tip.split()[0]) for curve in curves] == strongest
    widths = [curve.look.width for curve in curves]
    assert [width / widths[0] for width in widths] == pytest.approx([n / strongest[0] for n in strongest])
    assert faults(sheet.drawn_on(None)) == []
    with pytest.raises(LogError, match=r"draws paths from cj\.discover\(log, level='touchpoint@channel'\)"):
        journey_map(check, found=SimpleNamespace(**vars(found) | {"level": "touchpoint"}))


def test_drivers_and_places_that_stand_out_are_told_where_they_are():
    check = made_up_check(made_up_map(2, 3), 400).overall
    row = {"verdict": "of its own", "kind": "error", "candidate": "s0_t1", "detail": "failed", "exposed": 40}
    row |= {"risk_exposed": 0.5, "risk_unexposed": 0.1, "excess": 16.0}
    why = [SimpleNamespace(stage="Stage 0", drivers=pd.DataFrame([row, row | {"verdict": "unclear"}]))]
    found = {
        "stands_out": True,
        "kind": "dropped",
        "stage": "Stage 1",
        "touchpoint": "s1_t0",
        "segment": "web",
    }
    found |= {"attributes": "channel", "entered": 80, "ended": 40, "share": 0.5, "expected_share": 0.25}
    found |= {"start": pd.Timestamp("2026-05-04", tz="UTC"), "end": pd.Timestamp("2026-05-18", tz="UTC")}
    places = SimpleNamespace(findings=pd.DataFrame([found | {"excess": 20.0}]))
    shown = " ".join(texts(journey_map_sheet(check, why=why, places=places)))
    assert shown.count("s0 t1, failed: 50 % of 40 dropped out, 10 % of others like them") == 1
    assert "web, 4 May to 17 May: 50 % of 80 left after s1 t0, 25 % usual" in shown
    with pytest.raises(LogError, match="takes as why a list of what"):
        journey_map(check, why=["Stage 0"])


def test_on_a_personas_map_only_the_findings_about_it_are_told():
    check = made_up_check(made_up_map(2, 3), 400)
    found = {"stands_out": True, "kind": "dropped", "stage": "Stage 1", "touchpoint": "", "excess": 20.0}
    found |= {"entered": 80, "ended": 40, "share": 0.5, "expected_share": 0.25}
    found |= {"start": pd.Timestamp("2026-05-04", tz="UTC"), "end": pd.Timestamp("2026-05-18", tz="UTC")}
    segments = [("channel", "web"), ("persona", "Families"), ("persona, channel", "Gen Z, web")]
    rows = [found | {"attributes": what, "segment": who} for what, who in segments]
    shown = " ".join(
        texts(journey_map_sheet(check, persona="Gen Z", places=SimpleNamespace(findings=pd.DataFrame(rows))))
    )
    assert shown.count("% usual") == 1
    assert "Gen Z, web, 4 May to 17 May:" in shown


def test_comments_stand_in_quotes_with_how_many_they_are_chosen_of():
    check = made_up_check(made_up_map(2, 3), 400).overall
    verbatims = pd.DataFrame([
        {"by": by, "stage": "Stage 1", "touchpoint": "s1_t0", "channel": "web", "satisfaction": 0.25,
         "comment": text, "chosen": "typical", "comments": 142}
        for by, text in [("all", "It took <b>ages</b>"), ("Gen Z", "not mine")]
    ])  # fmt: skip
    ax = journey_map(check, verbatims=verbatims)
    shown = " ".join(texts(ax))
    assert "“It took <b>ages</b>” chosen, of 142 comments" in shown
    assert "not mine" not in shown
    assert {text.get_fontstyle() for text in ax.texts if "took" in text.get_text()} == {"italic"}
    assert faults(ax) == []


def test_a_mean_without_limits_has_no_whisker():
    check = made_up_check(made_up_map(4, 3), 400)

    def whiskers(check) -> int:
        lines = [patch for patch in journey_map(check).patches if patch.get_linewidth() == pytest.approx(1.2)]
        return len(lines)

    drawn = whiskers(check)
    answered = int(check.overall.stages["satisfaction"].notna().sum())
    check.overall.stages[["satisfaction_lower", "satisfaction_upper"]] = float("nan")
    assert whiskers(check) == drawn - 3 * answered


@pytest.mark.parametrize("hostile", NAMES)
def test_hostile_names_keep_their_place(hostile):
    plain = made_up_map(3, 2)
    stages = tuple(
        dataclasses.replace(
            stage,
            stage=f"{n}{hostile}",
            owner=hostile,
            touchpoints=tuple(
                dataclasses.replace(
                    each, touchpoint=f"{n}{m}{hostile}", pain_points=(hostile,), channels=(hostile, "web")
                )
                for m, each in enumerate(stage.touchpoints)
            ),
        )
        for n, stage in enumerate(plain.stages)
    )
    ax = journey_map(made_up_check(dataclasses.replace(plain, map=hostile, stages=stages), 80).overall)
    assert overlapping(ax.sheet) == []
    assert faults(ax, dpi=72) == []
    assert hidden(ax.sheet) == []
    assert "<script" not in to_svg(ax)


def test_numbers_that_are_withheld_read_few():
    check = made_up_check(made_up_map(3, 2), 200).overall
    stages, touchpoints = check.stages.copy(), check.touchpoints.astype({"journeys": float})
    counts = ["entered", "continued", "converted", "dropped", "turned_away", "open", "mature"]
    stages[counts] = stages[counts].astype(float)
    stages.loc[1, counts] = float("nan")
    touchpoints.loc[0, "journeys"] = float("nan")
    ax = journey_map(dataclasses.replace(check, stages=stages, touchpoints=touchpoints))
    assert "few entered" in texts(ax)
    assert touchpoints.loc[0, "touchpoint"].replace("_", " ") + "  few" in texts(ax)
    assert faults(ax) == []


def test_loops_back_are_drawn_with_their_journeys_and_the_rest_is_counted():
    check = made_up_check(made_up_map(8, 2), 900)
    flows = check.overall.flows
    order = {stage: n for n, stage in enumerate(check.intended.stage_names)}
    back = flows[flows["from_stage"].map(order) > flows["to_stage"].map(order)]
    shown = texts(journey_map_sheet(check))
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
        texts(
            journey_map_sheet(
                dataclasses.replace(check, stages=pd.concat([pd.DataFrame([row]), check.stages]))
            )
        )
    )
    assert "17 journeys began before the map, 12 dropped out, 5 still open" in shown


def test_drop_outs_of_no_stage_are_said_to_be_of_the_few_before_the_map():
    """Where fewer than ten began before the map their row is withheld, but the outcomes count them."""
    said = "few began before the map: only the outcomes above count them"
    check = made_up_check(made_up_map(4, 3), 300).overall
    assert said not in " ".join(texts(journey_map_sheet(check)))
    outcomes = check.outcomes.assign(
        dropped=check.outcomes["dropped"] + 2, journeys=check.outcomes["journeys"] + 2
    )
    assert said in " ".join(texts(journey_map_sheet(dataclasses.replace(check, outcomes=outcomes))))


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
    shown = texts(journey_map_sheet(check))
    assert shown.count("few answers") == 1
    assert shown.count("no answers") == 3


def test_the_measured_curve_breaks_where_nobody_answered():
    check = made_up_check(made_up_map(4, 3), 400)  # answers in the second and third stage

    def solid(check) -> int:
        lines = [
            line for line in journey_map(check).patches if line.get_linewidth() > 0 and line.get_zorder() == 3
        ]
        return len(lines)

    check.overall.stages[["satisfaction_lower", "satisfaction_upper"]] = float("nan")  # no whiskers
    joined = solid(check)
    check.overall.stages["satisfaction"] = [0.5, float("nan"), 0.5, float("nan")]
    assert solid(check) == joined - 1


def test_a_channel_without_a_name_is_written_out():
    intended = made_up_map(2, 2)
    check = made_up_check(intended, 100)
    check.overall.touchpoints["channel"] = ""
    shown = texts(journey_map_sheet(check))
    assert {"no", "channel"} <= set(shown) or "no channel" in shown


def test_a_log_in_place_of_a_check_is_answered_with_what_is_expected():
    with pytest.raises(
        LogError, match=r"journey_map takes the result of cj\.check\(log, intended\), not str"
    ):
        journey_map("log")


def test_a_persona_like_no_other_is_answered_with_those_there_are():
    with pytest.raises(LogError, match=r"there is no persona 'zz'; there are: Gen Z, Families"):
        journey_map(made_up_check(made_up_map(2, 2), 20), persona="zz")


def test_each_promise_stands_with_the_share_kept_of_how_many_and_what_was_promised():
    check = made_up_check(made_up_map(4, 3), 400)
    shown = " ".join(texts(journey_map_sheet(check)))
    rows = check.overall.expectations.to_dict("records")
    assert {row["verdict"] for row in rows if row["measured"]} == {"kept", "broken", "unclear"}
    for row in rows:
        promised = "all" if row["target"] == 1 else percent(row["target"])
        share = (
            f"{percent(row['share_kept'])} of {number(row['measured'])}"
            if row["measured"]
            else "none measured"
        )
        assert f"{share} ({promised})" in shown


@pytest.mark.parametrize(
    ("measure", "at_least", "at_most", "said"),
    [
        ("wait_s", None, 120, "s0 t0 in 2 min"),
        ("satisfaction", 0.6, None, "s0 t0 0.6 or more"),
        ("contacts", None, 1, "s0 t0: at most once a journey"),
        ("wait_s", 5, 8, "s0 t0: wait 5 s to 8 s"),
        ("within", None, 604_800, "next stage in 7 d"),
    ],
)
def test_promises_are_said_in_few_words(measure, at_least, at_most, said):
    check = made_up_check(made_up_map(2, 3), 200).overall
    row = check.expectations.iloc[:1].assign(
        measure=measure, at_least=at_least, at_most=at_most, touchpoint="" if measure == "within" else "s0_t0"
    )
    row = row.astype({"at_least": float, "at_most": float})
    assert said in " ".join(texts(journey_map_sheet(dataclasses.replace(check, expectations=row))))


def test_a_broken_promise_is_red_and_bold_and_comes_first_in_its_stage():
    check = made_up_check(made_up_map(4, 3), 400).overall
    ax = journey_map(check)
    red = {
        text.get_text(): text.get_fontweight()
        for text in ax.texts
        if text.get_color() == theme.DROPPED.light and " of " in text.get_text()
    }
    for stage, rows in check.expectations.groupby("stage"):
        told = []
        for row in rows[rows["measured"] > 0].to_dict("records"):
            kept = f"{percent(row['share_kept'])} of {number(row['measured'])}"
            line = next(text for text in ax.texts if text.get_text().startswith(f"{kept} ("))
            told.append((line.get_position()[1], row["verdict"] == "broken"))
            assert (red.get(line.get_text()) == "bold") == (row["verdict"] == "broken")
        verdicts = [broken for _, broken in sorted(told)]
        assert verdicts == sorted(verdicts, reverse=True), stage


def test_promises_that_few_were_measured_for_read_few_and_those_beyond_the_room_are_counted():
    check = made_up_check(made_up_map(2, 3), 200).overall
    few = check.expectations.assign(
        **dict.fromkeys(("measured", "share_kept", "lower", "upper"), float("nan"))
    )
    ax = journey_map(dataclasses.replace(check, expectations=pd.concat([few] * 4)))
    shown = " ".join(texts(ax))
    assert shown.count("few measured (") == 2 * 3
    assert shown.count("and 5 more promises") == 2
    assert faults(ax) == []


def test_a_map_without_promises_has_no_band_for_them():
    check = made_up_check(made_up_map(2, 3), 200).overall
    shown = texts(journey_map_sheet(dataclasses.replace(check, expectations=check.expectations.iloc[:0])))
    assert not [text for text in shown if "promise" in text.lower()]


def test_a_deviation_says_how_journeys_ended_only_where_that_is_beyond_chance():
    check = made_up_check(made_up_map(2, 3), 200).overall
    row = check.deviations.iloc[:1].assign(
        journeys=40, share_of_journeys=0.2, mature_with=30, converted_with=9, mature_without=100
    )
    row = row.assign(converted_without=70, difference=-0.4, q=0.049)
    said = "s0 t0: missing in 40 journeys (20 %); 30 % of 30 converted, 70 % of 100 others"
    assert said in " ".join(texts(journey_map_sheet(dataclasses.replace(check, deviations=row))))
    for chance in (row.assign(q=0.05), row.assign(q=float("nan"), difference=float("nan"))):
        shown = " ".join(texts(journey_map_sheet(dataclasses.replace(check, deviations=chance))))
        assert "s0 t0: missing in 40 journeys (20 %)" in shown
        assert "converted, " not in shown


def test_deviations_that_go_with_lost_conversions_are_told_rather_than_larger_ones_that_do_not():
    check = made_up_check(made_up_map(1, 3), 200).overall
    rows = check.deviations.iloc[[0] * 3].assign(
        touchpoint=["many", "lost", "won"],
        journeys=[90, 20, 80],
        mature_with=20,
        difference=[-0.3, -0.3, 0.3],
    )
    shown = " ".join(
        texts(journey_map_sheet(dataclasses.replace(check, deviations=rows.assign(q=[0.3, 0.01, 0.01]))))
    )
    assert "lost: missing in 20 journeys" in shown
    assert "many: missing" not in shown
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
    planned = {"looked  0", "paid  0", "paid by phone  0", "bought  0"}
    assert planned & set(texts(journey_map_sheet(check, persona="Gen Z"))) == planned - {"paid  0"}
    assert planned & set(texts(journey_map_sheet(check, persona="Families"))) == planned - {
        "paid by phone  0"
    }
    assert planned & set(texts(journey_map_sheet(check))) == planned
