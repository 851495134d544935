"""The picture of a scan: its weeks are the scan's, what stands out is framed, and chance is called chance."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pandas as pd
import pytest

import cjmining as cj
from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.plot import theme
from cjmining.plot.scan import scan_sheet
from cjmining.plot.svg import written
from tests.plot import hostile
from tests.plot.seen import faults, texts

MONDAY = pd.Timestamp("2026-01-05", tz="UTC")


@pytest.fixture(scope="module", name="places")
def _places():
    shop = cj.simulate.null_shop(1200, seed=4)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    return cj.scan(cj.check(log, intended), replicates=20)


def weeks_of(stage, ended, *, entered=50, expected=10.0, by="all", kind="dropped"):
    rows = [
        {
            "kind": kind,
            "stage": stage,
            "by": by,
            "week": MONDAY + timedelta(days=7 * week),
            "entered": entered,
            "ended": count,
            "share": count / entered,
            "expected": expected,
            "expected_share": expected / entered,
        }
        for week, count in enumerate(ended)
        if count is not None
    ]
    return pd.DataFrame(rows).astype({"week": "datetime64[us, UTC]"})


def finding(rank, stage, start, weeks, *, stands_out=True, segment="Gen Z, mobile", touchpoint="", **more):
    return {
        "rank": rank,
        "kind": "dropped",
        "stage": stage,
        "touchpoint": touchpoint,
        "attributes": "persona, device",
        "segment": segment,
        "start": MONDAY + timedelta(days=7 * start),
        "end": MONDAY + timedelta(days=7 * (start + weeks)),
        "entered": 40,
        "ended": 30,
        "expected": 8.0,
        "excess": 22.0,
        "lower": 15.0,
        "upper": 28.0,
        "share": 0.75,
        "expected_share": 0.2,
        "p": 0.005 if stands_out else 0.4,
        "stands_out": stands_out,
        "sentence": f"Of 40 journeys of {segment} that entered {stage}, 30 left there.",
        **more,
    }


COLUMNS = list(finding(1, "", 0, 1))


def made_up(*weeks, findings=(), sees_weeks=8.0):
    table = pd.concat(weeks) if weeks else weeks_of("none", [1]).iloc[:0]
    return SimpleNamespace(
        weeks=table.reset_index(drop=True),
        findings=pd.DataFrame(list(findings), columns=COLUMNS),
        sees_until=MONDAY + timedelta(days=7 * sees_weeks),
        horizon=timedelta(days=21),
        looked_at=100,
    )


def test_nothing_overlaps_or_leaves_the_figure(places):
    assert faults(cj.plot.scan(places)) == []
    assert faults(cj.plot.scan(places, group="Gen Z", dark=True)) == []


def test_where_nothing_is_planted_nothing_stands_out_and_that_is_said(places):
    assert not places.findings["stands_out"].any()
    shown = texts(cj.plot.scan(places))
    assert any(text.startswith("Nothing stands out") for text in shown)
    assert scan_sheet(places).description.endswith("Nothing stands out.")
    assert not any(shape.look.fill is theme.DROPPED for shape in scan_sheet(places).shapes)


def test_the_table_has_every_week_of_every_stage_and_the_numbers_of_the_scan(places):
    table = cj.plot.data.scan(places)
    assert len(set(table.groupby("stage").size())) == 1
    judged = table.dropna(subset=["ended"])
    scanned = places.weeks.query("kind == 'dropped' and by == 'all'")
    for column in ("entered", "ended", "expected"):
        assert judged[column].sum() == pytest.approx(scanned[column].sum())


def test_each_stage_says_how_many_of_those_who_entered_ended_there(places):
    shown = texts(cj.plot.scan(places))
    for stage, rows in places.weeks.query("kind == 'dropped' and by == 'all'").groupby("stage"):
        assert stage in shown
        assert f"{rows['ended'].sum():,} of {rows['entered'].sum():,} dropped out" in shown


def test_a_finding_is_framed_over_its_weeks_and_told_with_excess_and_limits():
    places = made_up(
        weeks_of("Checkout", [10, 10, 30, 28, 10, 9, 11, 10]), findings=[finding(1, "Checkout", 2, 2)]
    )
    table = cj.plot.data.scan(places)
    assert table["findings"].tolist() == ["", "", "1", "1", "", "", "", ""]
    ax = cj.plot.scan(places)
    shown = texts(ax)
    assert "1. Gen Z, mobile: +22 (15 to 28)" in shown
    assert "1 finding that stands out" in shown
    assert any("19 January to 1 February 2026: 30 of 40 dropped out" in text for text in shown)
    assert any("100 places" in text for text in shown)
    sheet = scan_sheet(places)
    strong = [shape for shape in sheet.shapes if shape.look.fill is theme.DROPPED and hasattr(shape, "path")]
    assert len(strong[0].path.vertices) == 2 * 5  # what is above the usual in the two weeks, and only there
    assert "75 % of 40, usually 20 %" in sheet.description
    assert faults(ax) == []


def test_a_group_shows_the_findings_of_its_segments_alone():
    own, other = finding(1, "Checkout", 2, 2), finding(2, "Checkout", 4, 2, segment="Gen Zero, mobile")
    places = made_up(
        weeks_of("Checkout", [10] * 8), weeks_of("Checkout", [5] * 8, by="Gen Z"), findings=[own, other]
    )
    shown = texts(cj.plot.scan(places, group="Gen Z"))
    assert any(text.startswith("1. Gen Z, mobile") for text in shown)
    assert not any("Gen Zero" in text for text in shown)


def test_findings_by_chance_are_shown_up_to_three_dashed_and_called_so():
    weak = [finding(rank, "Checkout", rank - 1, 1, stands_out=False) for rank in range(1, 6)]
    shown = texts(cj.plot.scan(made_up(weeks_of("Checkout", [10] * 8), findings=weak)))
    assert sum("it need not mean anything" in text for text in shown) == 3
    assert any("2 further places" in text for text in shown)


def test_weeks_without_entries_and_those_seen_in_part_are_told():
    places = made_up(weeks_of("Checkout", [10, None, 10, 4]), sees_weeks=3.5)
    assert cj.plot.data.scan(places)["state"].tolist() == ["judged", "nobody", "judged", "in part"]
    shown = texts(cj.plot.scan(places))
    assert "hatched: entered after 29 January 2026, too young to be judged" in shown


def test_of_weeks_and_findings_of_few_journeys_nothing_is_told():
    many, few = weeks_of("Checkout", [10, 12, 8]), weeks_of("Checkout", [None] * 3 + [3] * 2, entered=4)
    findings = [finding(1, "Checkout", 3, 2, entered=8), finding(2, "Checkout", 0, 2)]
    places = made_up(many, few, findings=findings)
    table = cj.plot.data.scan(places, fewest=10)
    assert table["state"].tolist() == ["judged"] * 3 + ["few"] * 2 + ["nobody"] * 3
    assert table.loc[table["state"] == "few", ["entered", "ended", "expected"]].isna().all(axis=None)
    assert set(table["findings"]) == {"2", ""}
    shown = texts(cj.plot.scan(places, fewest=10))
    assert "Not told: 2 weeks of a stage in which fewer than 10 journeys came." in shown
    assert "30 of 150 dropped out" in shown
    assert "36 of 158 dropped out" in texts(cj.plot.scan(places))
    with pytest.raises(LogError, match="fewest is a whole number of at least 1, not 0"):
        cj.plot.scan(places, fewest=0)


def test_any_names_and_large_counts_are_drawn():
    findings = [
        finding(rank, name, rank, 4, segment=name, touchpoint=name, stands_out=rank < 3)
        for rank, name in enumerate(hostile.NAMES)
    ]
    many = weeks_of("Checkout", [900_000] * 8, entered=10**6)
    places = made_up(*(weeks_of(name, [10] * 8) for name in hostile.NAMES), many, findings=findings)
    ax = cj.plot.scan(places)
    assert faults(ax) == []
    assert "<script>" not in written(ax.sheet, dark=None)


def test_nothing_and_one_week_are_drawn():
    shown = texts(cj.plot.scan(made_up()))
    assert "At no stage enough journeys dropped out to be looked at." in shown
    assert cj.plot.data.scan(made_up()).empty
    ax = cj.plot.scan(made_up(weeks_of("Checkout", [0]), sees_weeks=1))
    assert faults(ax) == []


def test_five_findings_at_one_stage_have_each_a_line_of_their_own():
    findings = [finding(rank, "Checkout", 3 + rank % 2, 3) for rank in range(1, 6)]
    ax = cj.plot.scan(made_up(weeks_of("Checkout", [10] * 60), findings=findings, sees_weeks=60))
    assert faults(ax) == []
    assert "5 findings that stand out" in texts(ax)


def test_stages_and_findings_are_marks_that_say_their_stage():
    sheet = scan_sheet(made_up(weeks_of("Checkout", [10] * 8), findings=[finding(1, "Checkout", 2, 2)]))
    tips = {words.mark.tip: dict(words.mark.about) for words in sheet.words if words.mark}
    assert all(about == {"stage": "Checkout"} for about in tips.values())
    assert any("of 400 journeys that entered, 80 dropped out there, 80 usually would" in tip for tip in tips)
    assert any(tip.startswith("Of 40 journeys of Gen Z, mobile") for tip in tips)


def test_it_is_small_and_the_same_every_time(places):
    svg = written(scan_sheet(places), dark=None)
    assert len(svg.encode()) <= 21_000
    assert svg == written(scan_sheet(places), dark=None)


def test_what_is_no_scan_and_unknown_names_are_refused(places):
    with pytest.raises(LogError, match=r"takes what cj.scan\(check\) returned, not DataFrame"):
        cj.plot.scan(places.weeks)
    with pytest.raises(LogError, match=r"kind is 'dropped' or 'turned away', not 'droped'.*'dropped'"):
        cj.plot.scan(places, kind="droped")
    with pytest.raises(LogError, match=r"no group 'Gen Y'.*did you mean 'Gen Z'"):
        cj.plot.scan(places, group="Gen Y")
