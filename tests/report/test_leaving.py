"""What the page tells of those who leave is what the results say, and nothing about few."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.report import Leaving, look_into
from cjmining.report.facts.leaving import chances_table, drivers_table, leaving_facts, places_table
from cjmining.report.findings.leaving import leaving_findings


@pytest.fixture(scope="module", name="check")
def _check():
    shop = cj.simulate.shop(1500, seed=5)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")


@pytest.fixture(scope="module", name="leaving")
def _leaving(check):
    return look_into(check)


def texts(row):
    return [each["text"] for each in row["cells"]]


def test_all_of_it_is_looked_into(check, leaving):
    assert leaving.undone == ()
    assert leaving.ends.by == ("persona",)
    assert leaving.everyone.by == ()
    most = check.overall.stages.nlargest(2, "dropped")["stage"].tolist()
    assert [each.stage for each in leaving.why] == most
    assert {"incidence", "incidence_all", "scan", f"drivers_{most[0].lower()}"} <= leaving.results.keys()


def test_chances_of_a_stage_add_up_to_one(leaving):
    for group, ends in (("all", leaving.everyone), ("Families", leaving.ends)):
        table = chances_table(ends, group, 10)
        stages = [row for row in table["rows"] if row["cells"][1]["text"] != "fewer than 10"]
        assert len(stages) >= 5
        for row in stages:
            told = [each["value"] for each in row["cells"][2:] if each["text"] != "-"]
            assert sum(told) == pytest.approx(1)
            assert len(told) == (4 if row["cells"][0]["text"] == "The whole journey" else 5)


def test_stages_after_the_goal_have_no_chances_of_their_own(leaving):
    table = chances_table(leaving.everyone, "all", 10, after_goal=("Support",))
    assert "Support" not in {row["cells"][0]["text"] for row in table["rows"]}
    assert "Not shown: Support, planned after the goal" in table["note"]


def test_chances_of_few_are_not_shown(leaving):
    table = chances_table(leaving.everyone, "all", 10**6)
    assert {tuple(texts(row)[1:]) for row in table["rows"]} == {("fewer than 1000000", *["-"] * 5)}
    assert chances_table(leaving.everyone, "nobody", 10) is None


def scanned(leaving, **changed):
    """Return the leaving with a scan of one finding."""
    row = {
        "rank": 1, "kind": "dropped", "stage": "Checkout", "touchpoint": "", "attributes": "persona",
        "segment": "Gen Z", "start": pd.Timestamp("2026-05-04", tz="UTC"),
        "end": pd.Timestamp("2026-05-25", tz="UTC"), "entered": 200, "ended": 80, "expected": 50.0,
        "excess": 30.0, "lower": 12.0, "upper": 48.0, "share": 0.4, "expected_share": 0.25, "risk_ratio": 1.6,
        "customers_turn": 70, "companys_turn": 10, "p": 0.0004, "stands_out": True,
        "sentence": "Of 200 journeys, 80 left.",
    }  # fmt: skip
    findings = pd.DataFrame([row | changed])
    return leaving._replace(places=replace(leaving.places, findings=findings))


def test_a_place_that_stands_out_is_a_finding_with_its_window(leaving):
    told = [each for each in leaving_findings(scanned(leaving), 10) if each.kind == "place that stands out"]
    assert [each.text for each in told] == ["Of 200 journeys, 80 left."]
    assert told[0].numbers["excess"] == 30.0
    (row,) = places_table(scanned(leaving).places, 10)["rows"]
    assert texts(row) == [
        "Checkout", "Gen Z", "dropped out", "4 May 2026 to 24 May 2026", "200", "80", "50.0", "30 (12 to 48)",
        "customer (70), company (10)", "<0.001",
    ]  # fmt: skip


@pytest.mark.parametrize("changed", [{"stands_out": False}, {"entered": 9}])
def test_what_does_not_stand_out_or_is_of_few_is_no_finding(leaving, changed):
    kinds = [each.kind for each in leaving_findings(scanned(leaving, **changed), 10)]
    assert "place that stands out" not in kinds
    assert kinds.count("no place stands out") == 1


def test_the_ids_of_findings_stay_when_numbers_change(leaving):
    one, other = (
        leaving_findings(scanned(leaving, excess=excess, sentence=f"{excess}"), 10)[0]
        for excess in (30.0, 40.0)
    )
    assert one.id == other.id
    assert one.text != other.text


def test_drivers_on_the_page_are_clear_and_of_enough(leaving):
    for each in leaving.why:
        table = drivers_table(each, 10, "checkout")
        clear = each.drivers[(each.drivers["q"] <= 0.05) & (each.drivers["exposed"] >= 10)]
        assert len(table["rows"]) == min(len(clear), 8)
        assert "not causes" in table["caption"]
        assert f"{each.entered:,} journeys" in table["note"]
        assert drivers_table(each, 10**6, "checkout")["rows"] == []


def test_a_check_without_its_log_has_nothing_to_look_into(check):
    assert look_into(replace(check, _reading=None)) == Leaving()
    assert leaving_facts(Leaving(), 10) is None


def test_what_could_not_be_worked_out_is_said():
    shop = cj.simulate.shop(500, seed=5)
    intended = parse_map(shop.intended_text.replace("horizon: 30d", "horizon: 400d"))
    found = look_into(cj.check(shop.log.split(intended), intended))
    assert found.why == ()
    assert [each.split(":")[0] for each in found.undone] == [
        "What goes with dropping out at Research",
        "What goes with dropping out at Checkout",
    ]
    facts = leaving_facts(found, 10)
    assert facts["undone"][-2:] == list(found.undone)
    assert all(table["rows"] for table in facts["tables"])


def test_limits_of_an_excess_that_may_be_chance_are_not_shown(leaving):
    (row,) = places_table(scanned(leaving, p=0.2, stands_out=False).places, 10)["rows"]
    assert row["cells"][7]["text"] == "30"


def test_an_attribute_is_said_with_its_value(leaving):
    row = {
        "kind": "attribute", "candidate": "device", "detail": "mobile", "when": "before entry", "exposed": 50,
        "risk_exposed": 0.5, "risk_unexposed": 0.2, "difference": 0.3, "lower": 0.1, "upper": 0.5,
        "excess": 15.0, "q": 0.001, "verdict": "of its own", "goes_along_with": "",
    }  # fmt: skip
    each = replace(leaving.why[0], drivers=pd.DataFrame([row]))
    assert drivers_table(each, 10, "checkout")["rows"][0]["cells"][0]["text"] == "Device: mobile"
    none = replace(each, drivers=pd.DataFrame([row])[:0])
    assert drivers_table(none, 10, "checkout")["note"].endswith(
        "No candidate could be judged: too few journeys."
    )


def test_a_scan_without_enough_journeys_says_so():
    shop = cj.simulate.shop(60, seed=5)
    intended = parse_map(shop.intended_text)
    told = leaving_findings(look_into(cj.check(shop.log.split(intended), intended)), 10)
    assert [each.text for each in told] == [
        "Too few journeys ended in any place to look for weeks in which more did than usual."
    ]


def test_a_scan_without_enough_journeys_has_no_table():
    shop = cj.simulate.shop(60, seed=5)
    intended = parse_map(shop.intended_text)
    facts = leaving_facts(look_into(cj.check(shop.log.split(intended), intended)), 10)
    assert "places" not in {table["id"] for table in facts["tables"]}
    assert facts["undone"][0].startswith("Too few journeys ended in any place")


def test_nothing_standing_out_is_said_with_what_it_does_not_mean(leaving):
    (told,) = [
        each.text
        for each in leaving_findings(scanned(leaving, stands_out=False), 10)
        if each.kind == "no place stands out"
    ]
    assert told.startswith("No week or segment had clearly more drop-out than its own usual level (")
    assert told.endswith("Where drop-out is high every week, it stands under Who differs.")
