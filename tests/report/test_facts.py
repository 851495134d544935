"""The facts are one plain dict, documented key by key; findings lead to tables that hold their numbers."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import cjmining as cj
from cjmining.report import Leaving, derive_findings, look_into
from cjmining.report.facts.gather import findings_of, tables_of
from cjmining.report.facts.leaving import places_table
from cjmining.report.findings.leaving import leaving_findings
from cjmining.report.slugs import group_slugs, stage_slugs, unique_slugs
from tests.report.factory import grouped, ungrouped

FORMAT = Path(__file__).parents[2] / "docs" / "facts-format.md"
NOW = datetime(2026, 9, 2, tzinfo=UTC)


def facts_of(results, folder, **options) -> dict:
    path = folder / "facts.json"
    cj.report(
        *(results.log, results.found, results.check),
        path=folder / "report.html",
        facts=path,
        coverage=results.coverage,
        now=options.pop("now", NOW),
        **options,
    )
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def facts(tmp_path_factory) -> dict:
    results = grouped()
    findings = derive_findings(results.log, results.check, results.coverage)
    earlier = [
        {"id": finding.id, "kind": finding.kind, "text": "It was different."} for finding in findings[1:]
    ]
    earlier.append({"id": "old", "kind": "gap", "text": "A gap that has been mended."})
    return facts_of(results, tmp_path_factory.mktemp("facts"), earlier=earlier)


@pytest.fixture(scope="module")
def shop(sample_shop, tmp_path_factory) -> dict:
    intended = cj.read_map(sample_shop / "intended.yaml")
    log = cj.simulate.shop(1500, seed=5).log.split(intended).with_personas(intended)
    folder = tmp_path_factory.mktemp("shop")
    found = cj.discover(log, by="persona", ignore=intended.ignore)
    check = cj.check(log, intended, by="persona")
    cj.report(log, found, check, path=folder / "report.html", facts=folder / "facts.json", now=NOW)
    return json.loads((folder / "facts.json").read_text(encoding="utf-8"))


# Document and dict -----------------------------------------------------------------------------------------


def documented() -> dict[str, set[str]]:
    """The keys that the document describes, by its headings."""
    parts = re.split(r"^## (\w+)\n", FORMAT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        name: set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


INSIDE = {
    **{("Facts", key): "Table" for key in ("comparison", "standouts", "coverage", "quality", "fitness")},
    ("Facts", "stages"): "Stage", ("Facts", "outcomes"): "Outcomes", ("Facts", "findings"): "Chapter",
    ("Facts", "data_findings"): "Finding", ("Facts", "gone"): "Gone", ("Facts", "sureness"): "Caveat",
    ("Facts", "leaving"): "Leaving", ("Facts", "groups"): "Group", ("Facts", "method"): "Note",
    ("Outcomes", "cards"): "Card", ("Group", "outcomes"): "Outcomes",
    ("Chapter", "findings"): "Finding", ("Finding", "evidence"): "Evidence",
    ("Evidence", "about"): "About", ("Caveat", "findings"): "Finding", ("Caveat", "table"): "Table",
    ("Leaving", "tables"): "Table", ("Group", "chapters"): "Part", ("Group", "discovered"): "Table",
    ("Part", "tables"): "Table", ("Table", "columns"): "Column", ("Table", "rows"): "Row",
    ("Table", "total"): "Cell", ("Row", "cells"): "Cell", ("Row", "about"): "About",
    ("Cell", "chart"): "Chart",
}  # fmt: skip
"""What stands where: what the document links to."""


def keys_of(value, name: str, seen: dict[str, set[str]]) -> dict[str, set[str]]:
    """The keys that are there, by what they are keys of."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            seen.setdefault(name, set()).update(each)
            for key, inside in each.items():
                if (name, key) in INSIDE:
                    keys_of(inside, INSIDE[name, key], seen)
                elif key not in {"numbers", "earlier_numbers"}:  # by name, as the finding needs
                    nested = inside if isinstance(inside, list) else [inside]
                    assert not any(isinstance(part, dict) for part in nested), (name, key)
    return seen


def test_every_key_is_documented_and_every_documented_key_is_there(facts, shop):
    seen: dict[str, set[str]] = {}
    keys_of(facts, "Facts", seen)
    keys_of(shop, "Facts", seen)
    assert seen == documented()


def test_the_format_is_the_one_described(facts):
    assert f"`format` is {facts['format']}." in FORMAT.read_text(encoding="utf-8")


def test_facts_have_no_pictures(shop):
    text = json.dumps(shop)
    assert "<svg" not in text
    assert "pictures" not in shop


def test_only_the_time_stamp_differs_between_two_runs(tmp_path):
    one, other = (facts_of(grouped(), tmp_path, now=now) for now in (NOW, datetime(2027, 1, 1, tzinfo=UTC)))
    assert one.pop("made") != other.pop("made")
    assert one == other


def test_facts_that_cannot_be_written_are_refused_before_anything_is_made(tmp_path):
    results = grouped()
    with pytest.raises(cj.LogError, match="nowhere does not exist"):
        cj.report(
            *(results.log, results.found, results.check),
            path=tmp_path / "report.html",
            facts=tmp_path / "nowhere" / "facts.json",
        )
    assert not list(tmp_path.iterdir())


def test_small_dicts_take_a_line_each_and_texts_stay_whole():
    from cjmining.report.writing import as_short_json

    content = {"cells": [{"text": 'a {\n "b": }', "value": 1}, {"text": "[x]"}, {"text": "c", "tone": ""}]}
    text = as_short_json(content)
    assert json.loads(text) == content
    assert '{"text": "c", "tone": ""}' in text


# Findings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["facts", "shop"])
def test_every_finding_has_a_short_headline_evidence_and_what_would_refute_it(which, request):
    findings = findings_of(request.getfixturevalue(which))
    assert len(findings) > 10
    for finding in findings:
        assert 0 < len(finding["headline"]) <= 60
        assert finding["evidence"]
        assert re.fullmatch(r"If\b[^\n]+\.", finding["refuted_by"]), finding["refuted_by"]


def test_what_would_refute_differs_from_finding_to_finding(shop):
    findings = [finding for finding in findings_of(shop) if finding["kind"] != "note"]
    said = [finding["refuted_by"] for finding in findings]
    assert len(set(said)) == len(said)


NOT_IN_CELLS = {"promises", "no stand-out", "knowing", "never seen"}
"""Kinds that count rows of their table instead of stating a number of a cell."""


HOLDS: dict[str, tuple[str, ...]] = {
    "outcomes": ("customers",),
    "unknown-to-map": ("events",),
}
"""What a table must hold of whatever cites it, beside other numbers."""


@pytest.mark.parametrize("which", ["facts", "shop"])
def test_evidence_leads_to_a_table_that_holds_the_numbers(which, request):
    facts = request.getfixturevalue(which)
    tables = {table["id"]: table for table in tables_of(facts)}
    for finding in findings_of(facts):
        cited = [tables[each["anchor"]] for each in finding["evidence"]]  # each is there
        stated = {value for value in finding["numbers"].values() if isinstance(value, int | float)}
        for each, table in zip(finding["evidence"], cited, strict=True):
            shown = set()
            rows = [row for row in table["rows"] if each["about"].items() <= row["about"].items()]
            assert rows, (finding["id"], each)
            for cells in [*(row["cells"] for row in rows), *([table["total"]] if table["total"] else [])]:
                shown |= {cell["value"] for cell in cells if "value" in cell}
            if stated and finding["kind"] not in NOT_IN_CELLS:
                near = {x for x in stated if any(x == pytest.approx(y, abs=1e-9) for y in shown)}
                assert near, (finding["id"], each["anchor"], stated)
                if each["anchor"] in HOLDS:
                    missing = {finding["numbers"][key] for key in HOLDS[each["anchor"]]} - near
                    assert not missing, (finding["id"], each["anchor"], missing)


def test_evidence_of_a_group_is_in_the_table_of_that_group(shop):
    numbers = {
        group["group"]: (group["id"].removeprefix("group-"), group["slug"]) for group in shop["groups"]
    }
    told = [f for f in findings_of(shop) if f["kind"] == "largest drop-out" and f["group"]]
    assert len(told) >= 3
    for finding in told:
        number, slug = numbers[finding["group"]]
        assert finding["evidence"][0]["anchor"] == f"stages-{number}"
        assert finding["evidence"][0]["group"] == slug


def test_without_groups_no_finding_cites_a_table_of_groups(tmp_path):
    facts = facts_of(ungrouped(), tmp_path)
    ids = {table["id"] for table in tables_of(facts)}
    for finding in findings_of(facts):
        assert {each["anchor"] for each in finding["evidence"]} <= ids
    assert [group["slug"] for group in facts["groups"]] == ["everyone"]


# Names for addresses ---------------------------------------------------------------------------------------


def test_rows_say_what_they_are_about_by_slugs(facts):
    slugs = {stage["slug"] for stage in facts["stages"]}
    assert [stage["name"] for stage in facts["stages"]] == ["Awareness", "Basket", "Checkout", "Delivery"]
    (stages,) = [table for table in tables_of(facts) if table["id"] == "stages-1"]
    assert [row["about"]["stage"] for row in stages["rows"]] == [
        "awareness",
        "basket",
        "checkout",
        "delivery",
    ]
    groups = {group["slug"] for group in facts["groups"]}
    assert groups == {"everyone", "gen-z", "families", "unknown"}
    for table in tables_of(facts):
        for row in table["rows"]:
            assert row["about"].get("stage", "basket") in slugs
            assert row["about"].get("group", "gen-z") in groups


def test_names_that_sound_alike_get_slugs_of_their_own():
    names = ["Gen Z", "gen-z", "GEN Z!", "Après", "apres", "<script>alert(1)</script>", "日本", "", "x" * 300]
    slugs = unique_slugs(names)
    assert len(set(slugs)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in slugs)
    assert unique_slugs(list(reversed(names))) == list(reversed(slugs))


def test_a_stage_or_group_with_a_hostile_name_has_a_slug():
    import dataclasses

    results = grouped()
    evil = '"><img src=x onerror=alert(1)>'
    named = {"Gen Z": evil, "Families": "everyone"}
    outcomes = results.check.outcomes.assign(by=results.check.outcomes["by"].replace(named))
    check = dataclasses.replace(results.check, outcomes=outcomes, groups=(evil, "everyone", "unknown"))
    slugs = group_slugs(check)
    assert list(slugs) == [evil, "everyone", "unknown"]
    assert slugs[evil] == "img-src-x-onerror-alert-1"
    assert slugs["everyone"].startswith("everyone-")
    assert list(stage_slugs(check).values()) == ["awareness", "basket", "checkout", "delivery"]


# Numbers of few --------------------------------------------------------------------------------------------

OF_HOW_MANY = {
    *("journeys", "customers", "entered", "mature", "measured", "answered", "exposed", "rest_mature"),
    *("mature_kept", "mature_broken", "mature_with", "mature_without", "least_answered", "most_answered"),
}
"""Numbers that say of how many others are; what happened to some of so many may be fewer."""


@pytest.fixture(scope="module", name="sample")
def _sample(sample_shop):
    intended = cj.read_map(sample_shop / "intended.yaml")
    log = cj.simulate.shop(1500, seed=5).log.split(intended).with_personas(intended)
    check = cj.check(log, intended, by="persona")
    return log, check, cj.coverage(log, intended), look_into(check)


@pytest.mark.parametrize("min_group", [10, 50, 200])
def test_no_number_of_a_finding_is_about_few(sample, min_group):
    log, check, coverage, leaving = sample
    told = derive_findings(log, check, coverage, min_group=min_group, leaving=leaving)
    assert len(told) > 10
    for finding in told:
        few = {
            key: value
            for key, value in finding.numbers.items()
            if key in OF_HOW_MANY and 0 < value < min_group
        }
        assert not few, (finding.id, few)


@pytest.mark.parametrize(
    ("kind", "sides", "beside"),
    [
        ("broken promise", ("mature_kept", "mature_broken"), {"measured", "share_kept"}),
        ("deviation", ("mature_with", "mature_without"), {"journeys", "share_of_journeys"}),
    ],
)
def test_sides_are_compared_in_numbers_where_both_are_enough(sample, kind, sides, beside):
    log, check, coverage, _ = sample
    compared = [
        min(finding.numbers[side] for side in sides)
        for finding in derive_findings(log, check, coverage, min_group=10)
        if finding.kind == kind and sides[0] in finding.numbers
    ]
    assert compared
    for finding in derive_findings(log, check, coverage, min_group=max(compared) + 1):
        if finding.kind == kind:
            assert beside <= finding.numbers.keys()
            assert not {*sides, "difference"} & finding.numbers.keys()


def test_what_says_how_many_places_were_looked_at_cites_that_number(sample):
    places = sample[3].places
    assert places.looked_at > 10
    quiet = places.findings.assign(stands_out=False)
    [nothing] = leaving_findings(Leaving(places=dataclasses.replace(places, findings=quiet)), 10)
    assert nothing.kind == "no place stands out"
    assert [cited.table for cited in nothing.cited] == ["places"]
    assert places_table(places, 10)["total"][0]["value"] == nothing.numbers["places"] == places.looked_at
