"""What the page says of how sure its headlines are."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from cjmining.conformance.knowledge import IDENTIFIED
from cjmining.documents import parse_duration
from cjmining.report.disclosure import merge_check
from cjmining.report.facts.sureness import sureness
from cjmining.report.findings import derive_findings
from tests.report.factory import grouped, ungrouped


def chapters_of(results, min_group=10, **tables):
    whole = replace(results.check.overall, **{n: t for n, t in tables.items() if "by" not in t})
    check = replace(results.check, _everybody=None if results.check.by is None else whole, **tables)
    findings = derive_findings(results.log, check, results.coverage, min_group=min_group)
    told = sureness(merge_check(check, min_group), [finding.to_dict() for finding in findings], min_group)
    return {chapter["heading"]: chapter for chapter in told}


def texts(table):
    return [[cell["text"] for cell in row["cells"]] for row in table["rows"]]


def test_the_ranking_of_everyone_and_of_each_group_is_told():
    # the factory takes every share a tenth larger at half the patience and a tenth smaller at twice: all hold
    chapter = chapters_of(grouped())["At another patience"]
    text = (
        "At half and at twice the patience, Checkout still loses the largest share of all journeys, and no "
        "two stages that were clearly apart change places. The ranking holds for journeys of Gen Z, "
        "journeys of Families and journeys of unknown persona."
    )
    assert chapter["said"][0] == text
    rows = texts(chapter["table"])
    assert [row[0] for row in rows] == ["Everyone", "Gen Z", "Families", "Unknown persona"]
    assert {row[-1] for row in rows} == {"yes"}
    # 105 of 310 Journeys of Gen Z dropped out at Checkout: 33.9 % as stated, 37.3 % at half, 30.5 % at twice
    assert [cell.split(" (")[0] for cell in rows[1][1:5]] == [
        "Checkout 37 %",
        "Checkout 34 %",
        "Checkout 30 %",
        "Checkout 34 %",
    ]


@pytest.mark.parametrize(
    ("horizon", "said"),
    [
        ("30d", "At twice the patience (28 days) only who fell silent within 2 days of entering counts"),
        ("28d", "At twice the patience (28 days) only who left by an exit counts"),
        ("42d", None),
    ],
)
def test_a_horizon_that_leaves_twice_the_patience_no_time_is_told(horizon, said):
    check = grouped().check
    changed = replace(check.intended, horizon=parse_duration(horizon), patience=parse_duration("14d"))
    chapter = sureness(replace(check, intended=changed), [], 10)[0]
    told = [each for each in chapter["said"] if each.startswith("At twice the patience (")]
    assert [each[: len(said or "")] for each in told] == ([said] if said else [])


def test_another_leader_at_another_patience_is_named_and_marked():
    results = grouped()
    moved = results.check.sensitivity.copy()
    here = (moved["by"] == "Gen Z") & (moved["patience"] == "half") & (moved["stage"] == "Basket")
    moved.loc[here, "drop_out_share"] = 0.6
    chapter = chapters_of(results, sensitivity=moved)["At another patience"]
    assert chapter["said"][0].endswith(
        "The ranking holds for journeys of Families and journeys of unknown persona, but not for "
        "journeys of Gen Z."
    )
    row = next(r["cells"] for r in chapter["table"]["rows"] if r["cells"][0]["text"] == "Gen Z")
    assert row[1]["text"].startswith("Basket 60 %")
    assert row[1]["tone"] == row[-1]["tone"] == "significant"
    assert "tone" not in row[2]


def test_identified_customers_stand_beside_everyone_with_the_caveat():
    (said,) = chapters_of(grouped())["Identified customers alone"]["said"]
    # half of 758 that were followed at Checkout, and of 155 that dropped out: 77 of 379 are 20.3 %
    assert said.startswith("Of 379 journeys of identified customers at Checkout, 20 % (")
    assert "; of all 758 it was 20 % (" in said
    assert said.endswith(
        "But being identified depends on how far a journey came: 93 % of 964 that came further than "
        "Awareness are of identified customers, but 65 % of 96 that did not. Their drop-out there comes out "
        "too low."
    )


def test_what_knowing_depends_on_is_one_finding_and_one_table():
    chapter = chapters_of(grouped())["Who is known"]
    (finding,) = chapter["findings"]
    assert finding["text"].startswith(
        "Whether the persona is known depends on how far a journey came: it is known for 95 % of 569 that "
        "converted, but for 65 % of 96 that got no further than Awareness."
    )
    rows = texts(chapter["table"])
    assert rows[0] == ["Not beyond Awareness", "96", "65 %", "65 %"]
    assert rows[2] == ["Not beyond Checkout", "fewer than 10", "-", "-"]  # six journeys
    assert rows[-1][:2] == ["Converted", "569"]
    assert [row["cells"][2].get("tone") for row in chapter["table"]["rows"]] == [
        "significant",
        None,
        None,
        None,
    ]


def test_nothing_is_claimed_where_nothing_depends():
    results = grouped()
    table = results.check.knowledge.assign(depends=False)
    chapters = chapters_of(results, knowledge=table)
    who = chapters["Who is known"]
    assert who["said"] == [
        "Nothing shows that it depends on how far a journey came whether the persona is known."
    ]
    assert (who["table"], who["findings"]) == (None, [])
    everybody = chapters_of(results, knowledge=table[table["attribute"] == "nobody"])
    assert set(everybody) == {"At another patience"}


def test_few_journeys_are_not_told_of():
    assert "Who is known" in chapters_of(grouped(), min_group=96)
    chapters = chapters_of(grouped(), min_group=97)
    assert not chapters["Who is known"]["findings"]


def test_an_ungrouped_page_tells_of_everyone_alone():
    chapters = chapters_of(ungrouped())
    assert len(chapters["At another patience"]["table"]["rows"]) == 1
    assert not chapters["Who is known"]["findings"]


def test_merging_small_groups_keeps_the_counts_of_identified_customers():
    results = grouped(islanders=True)
    merged = merge_check(results.check, 10)
    counts = ["entered", "dropped", "mature", "dropped_within_horizon"]
    for check in (results.check, merged):
        assert isinstance(check.identified, pd.DataFrame)
    assert merged.identified[counts].sum().tolist() == results.check.identified[counts].sum().tolist()
    assert "Islanders" not in set(merged.identified["by"]) | set(merged.ranking["by"])
    assert IDENTIFIED in set(merged.knowledge["attribute"])
