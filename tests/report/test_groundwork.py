"""What a page needs of the log is laid once; the page itself reads no event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.log import JourneyLog
from cjmining.report import lay_groundwork
from tests.report.factory import grouped

NOW = datetime(2026, 9, 2, tzinfo=UTC)


@pytest.fixture(scope="module", name="made")
def _made():
    shop = cj.simulate.shop(400, seed=5)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    found, check = (
        cj.discover(log, by="persona", ignore=intended.ignore),
        cj.check(log, intended, by="persona"),
    )
    return log, found, check, lay_groundwork(log, found, check)


def test_a_page_from_groundwork_is_the_page_and_reads_no_event(made, tmp_path, monkeypatch):
    log, found, check, groundwork = made
    whole = cj.report(log, found, check, path=tmp_path / "whole.html", now=NOW).read_text()

    def refuse(*_args, **_options):
        raise AssertionError("the page reads events")

    for name in (
        "codes",
        "flags",
        "numbers",
        "group",
        "timestamps",
        "journey_customer",
        "events",
        "journeys",
    ):
        member = property(refuse) if isinstance(getattr(JourneyLog, name), property) else refuse
        monkeypatch.setattr(JourneyLog, name, member)
    withheld = replace(check, _journeys=check._journeys.nobody())
    path = tmp_path / "page.html"
    cj.report(log, found, withheld, path=path, groundwork=groundwork, now=NOW)
    assert path.read_text() == whole


def test_everyone_s_discovery_is_that_of_the_log_ungrouped(made):
    log, found, _, groundwork = made
    alone = cj.discover(log, ignore=found.ignore)
    for name in ("overview", "transitions", "variants", "touchpoints", "ends"):
        pd.testing.assert_frame_equal(getattr(found.overall, name), getattr(alone, name))
    assert alone.overall is alone
    assert groundwork.views[0].found.variants.empty


def test_ways_are_the_orders_of_the_map_s_touchpoints():
    results = grouped()
    groundwork = lay_groundwork(results.log, results.found, results.check, coverage=results.coverage)
    everyone = groundwork.views[0].ways
    # 190 of Gen Z, 380 of Families and 25 of unknown came to the last stage
    reached = 190 + 380 + 25
    assert everyone.frequent[0] == (
        ("ad_clicked", "basket_filled", "payment_entered", "parcel_sent"),
        reached,
    )
    assert everyone.journeys == 1060
    assert everyone.different == 4  # as far as one of the four stages
    assert [view.group for view in groundwork.views] == ["all", "Gen Z", "Families", "unknown"]


def test_variants_come_with_channels_and_how_they_ended(made):
    _, _, check, groundwork = made
    everyone, first = groundwork.views[0].variants, groundwork.views[1].variants
    assert everyone.level == "touchpoint@channel"
    assert everyone.head(1)["journeys"][0] <= len(check.journeys)
    assert "converted" in everyone.head(1)
    assert set(check.groups) >= set(first.groups)


def test_groups_that_are_merged_have_no_variants_of_their_own():
    results = grouped(islanders=True)
    views = lay_groundwork(results.log, results.found, results.check, coverage=results.coverage).views
    assert views[-1].group == "smaller groups"
    assert views[-1].variants is None
    assert views[-1].ways.journeys == 67  # 7 Islanders and 60 unknown


def test_groundwork_for_another_smallest_group_is_refused(made, tmp_path):
    log, found, check, groundwork = made
    with pytest.raises(cj.LogError, match="laid with min_group 10, the page is asked for with 25"):
        cj.report(log, found, check, path=tmp_path / "page.html", groundwork=groundwork, min_group=25)
    with pytest.raises(cj.LogError, match="min_group is 0"):
        lay_groundwork(log, found, check, min_group=0)
