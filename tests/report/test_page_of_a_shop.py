"""The numbers of a page made from a simulated shop agree with each other and with the results behind them."""

from __future__ import annotations

import pytest

import cjmining as cj
from tests.report.page_reader import Page


@pytest.fixture(scope="module")
def results(sample_shop):
    intended = cj.read_map(sample_shop / "intended.yaml")
    log = cj.simulate.shop(800).log.split(intended).with_personas(intended)
    found = cj.discover(log, by="persona", ignore=intended.ignore)
    return log, found, cj.check(log, intended, by="persona")


@pytest.fixture(scope="module")
def page(results, tmp_path_factory) -> Page:
    path = cj.report(*results, path=tmp_path_factory.mktemp("page") / "report.html")
    return Page(path.read_text(encoding="utf-8"))


def panels(page) -> range:
    return range(len([name for name in page.tables if name.startswith("stages-")]))


def test_stages_add_up_wherever_they_are_shown(page):
    parts = ("continued", "converted", "dropped", "turned_away", "open")
    shown = 0
    for panel in panels(page):
        table = page.tables[f"stages-{panel}"]
        columns = zip(table.column("entered"), *(table.column(part) for part in parts), strict=True)
        for entered, *ends in columns:
            if entered is not None:
                assert entered == sum(ends)
                shown += 1
    assert shown > 20


def test_drop_outs_ways_and_outcomes_agree(page):
    outcomes = page.tables["outcomes"]
    dropped = [outcomes.total_of("dropped"), *outcomes.column("dropped")]
    journeys = [outcomes.total_of("journeys"), *outcomes.column("journeys")]
    for panel in panels(page):
        assert sum(page.tables[f"dropouts-{panel}"].column("journeys")) == dropped[panel]
        assert sum(page.tables[f"variants-{panel}"].column("journeys")) == journeys[panel]
    assert sum(journeys[1:]) == journeys[0]
    assert sum(dropped[1:]) == dropped[0]


def test_the_page_says_what_the_check_found(page, results):
    _, _, check = results
    outcomes = check.outcomes.set_index("by")
    for row, values in zip(page.tables["outcomes"].rows, page.tables["outcomes"].values, strict=True):
        group = {"Unknown persona": "unknown", "Any other persona": "other"}.get(row[0], row[0])
        if group in outcomes.index:
            assert values[2:] == list(
                outcomes.loc[group, ["journeys", "converted", "dropped", "turned_away", "open"]]
            )


def test_no_number_below_the_minimum_stands_for_a_row_of_its_own(page):
    for name, table in page.tables.items():
        if name.rsplit("-", 1)[0] in {"dropouts", "deviations", "variants", "touchpoints", "transitions"}:
            for row, journeys in zip(table.rows, table.column("journeys"), strict=True):
                assert journeys >= 10 or " other " in row[0]
