"""A slide shows one finding: its number large, its shares as bars from zero, and what would refute it."""

from __future__ import annotations

import pytest

import cjmining as cj
from cjmining.plot.slide import slide_sheet
from cjmining.plot.svg import written
from cjmining.report import derive_findings
from tests.plot.seen import faults, texts
from tests.report.factory import grouped

EVIL = "<script>alert(1)</script> \N{ARABIC LETTER ALEF}\N{PARTY POPPER} " + "x" * 300

DROP_OUT = {
    "kind": "largest drop-out",
    "headline": "34 % drop out at Checkout",
    "text": "34 % (29-39 %) of the 310 journeys that reached Checkout dropped out there.",
    "refuted_by": "If fewer than 29 % of the next journeys dropped out there.",
    "stage": "Checkout",
    "numbers": {"drop_out_share": 105 / 310, "lower": 0.29, "upper": 0.39, "mature": 310},
}


@pytest.fixture(scope="module")
def findings():
    results = grouped()
    return derive_findings(results.log, results.check, results.coverage)


def test_a_slide_says_the_number_its_limits_its_denominator_and_what_would_refute_it():
    said = texts(cj.plot.slide(DROP_OUT, map_name="Online purchase", period="1 May to 1 June 2026"))
    assert "34 %" in said
    assert "95 % limits: 29-39 %" in said
    assert "of 310 journeys" in said
    assert "Online purchase · 1 May to 1 June 2026" in said
    assert "If fewer than 29 % of the next journeys dropped out there." in said


def test_no_finding_overlaps_or_leaves_its_slide(findings):
    for finding in findings:
        assert faults(cj.plot.slide(finding, map_name="Online purchase")) == [], finding.headline


def test_every_slide_is_small_and_has_a_title_and_a_description(findings):
    for finding in findings:
        sheet = slide_sheet(finding, map_name="Online purchase", period="1 March 2026 to 31 August 2026")
        assert (sheet.width, sheet.height) == (1280, 720)
        assert sheet.title == finding.headline
        assert finding.text in sheet.description
        assert len(written(sheet).encode()) <= 5 * 1024


def test_hostile_names_and_long_sentences_stay_on_the_slide_as_text():
    finding = DROP_OUT | {"stage": EVIL, "headline": EVIL, "text": EVIL * 3, "refuted_by": EVIL * 2}
    ax = cj.plot.slide(finding, map_name=EVIL, period=EVIL)
    assert faults(ax) == []
    assert "<script>" not in cj.plot.to_svg(ax)


def test_bars_are_as_long_as_their_shares_and_start_at_zero():
    numbers = {"share": 0.6, "mature": 100, "rest_share": 0.3, "rest_mature": 200}
    sheet = slide_sheet(DROP_OUT | {"kind": "stand-out", "group": "Gen Z", "numbers": numbers})
    # what is drawn first is the whole scale, then the bar on it
    whole, bar, _, other = (shape.path.get_extents() for shape in sheet.shapes[:4])
    assert bar.x0 == other.x0 == whole.x0
    assert bar.width / whole.width == pytest.approx(0.6)
    assert other.width / whole.width == pytest.approx(0.3)


def test_the_numbers_are_the_finding_s(findings):
    by_kind = {finding.kind: finding for finding in findings}
    outcomes = cj.plot.data.slide(by_kind["outcomes"])
    assert outcomes["value"].sum() == pytest.approx(1)
    assert set(outcomes["of"]) == {1060}
    # Gen Z 105 of 310, the others 46 + 4 of 420 + 28
    against = cj.plot.data.slide(by_kind["stand-out"])
    assert against["label"].tolist() == ["Gen Z", "The others"]
    assert against["value"].tolist() == pytest.approx([105 / 310, 50 / 448])
    broken = cj.plot.data.slide(by_kind["broken promise"])
    assert broken[["value", "target", "of", "noun"]].to_numpy().tolist() == [
        [pytest.approx(0.7), 0.9, 790, "times"]
    ]


def test_a_ratio_is_written_large_with_its_limits_and_the_shares_with_what_they_are_of():
    numbers = {"share": 0.55, "mature": 520, "rest_share": 0.19, "rest_mature": 900}
    numbers |= {"risk_ratio": 2.9, "lower": 2.4, "upper": 3.6}
    said = texts(cj.plot.slide(DROP_OUT | {"kind": "stand-out", "group": "Gen Z", "numbers": numbers}))
    assert "2.9 times" in said
    assert "as often as among the others" in said
    assert "95 % limits: 2.4-3.6" in said
    assert {"55 % of 520", "19 % of 900"} <= set(said)
    assert "55 %" not in said  # nothing but the ratio is large


def test_a_ratio_that_has_no_end_leaves_the_share_large():
    numbers = {"share": 0.55, "mature": 520, "rest_share": 0.0, "rest_mature": 900}
    said = texts(cj.plot.slide(DROP_OUT | {"kind": "stand-out", "group": "Gen Z", "numbers": numbers}))
    assert "55 %" in said


def test_a_changed_finding_stands_beside_what_it_was():
    before = {"drop_out_share": 0.2, "lower": 0.17, "upper": 0.23, "mature": 600}
    table = cj.plot.data.slide(DROP_OUT | {"earlier_numbers": before})
    assert table["label"].tolist() == ["Dropped out at Checkout, now", "Before"]
    assert table["of"].tolist() == [310, 600]


def test_a_finding_without_shares_has_no_bars():
    finding = {"kind": "note", "text": "Something to know.", "headline": "Something", "numbers": {}}
    assert cj.plot.data.slide(finding).empty
    said = texts(cj.plot.slide(finding))
    assert said == ["Something", "Something to know."]


def test_what_is_no_finding_is_refused():
    with pytest.raises(cj.LogError, match=r"takes a finding, such as result\.findings\[0\]"):
        cj.plot.slide(3)
    with pytest.raises(cj.LogError, match="has no 'kind'"):
        cj.plot.data.slide({"text": "x"})


def test_a_slide_is_the_same_in_every_run_and_in_dark():
    one, other = (cj.plot.to_svg(cj.plot.slide(DROP_OUT, dark=dark)) for dark in (False, True))
    assert one == cj.plot.to_svg(cj.plot.slide(DROP_OUT))
    assert one != other
