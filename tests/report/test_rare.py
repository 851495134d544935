"""What one customer does again and again is not told: a name counts as many customers as have it."""

from __future__ import annotations

import pandas as pd
import pytest

import cjmining as cj
from cjmining.intended import parse_map
from cjmining.report import derive_findings, lay_groundwork
from cjmining.report.rare import find_rare, withhold_rare

MAP = """
map: Clinic
goal: [pay]
patience: 5d
horizon: 10d
stages:
  - stage: Look
    touchpoints:
      - {touchpoint: look, channels: [web], repeat: true}
      - {touchpoint: back_door, channels: [web], optional: true, repeat: true}
  - stage: Secret room
    touchpoints: [{touchpoint: inner_room, optional: true}]
  - stage: Pay
    touchpoints: [{touchpoint: pay}]
"""
ONE = 99
TIMES = 15
NAMES = ("back door", "back_door", "inner room", "inner_room", "odd thing", "odd_thing", "fax")


@pytest.fixture(scope="module", name="made")
def _made():
    """Sixty customers look, forty of them pay; one more comes fifteen times, and does what nobody does."""
    start = pd.Timestamp("2026-01-01", tz="UTC")
    rows = []
    for customer in range(60):
        came = start + pd.Timedelta(hours=5 * customer)
        rows.append((customer, came, "look", "web"))
        if customer % 3:
            rows.append((customer, came + pd.Timedelta(hours=3), "pay", "web"))
    for number in range(TIMES):
        came = start + pd.Timedelta(days=8 * number)
        for hours, (touchpoint, channel) in enumerate(
            [("look", "web"), ("back_door", "web"), ("inner_room", "web"), ("odd_thing", "fax")]
        ):
            rows.append((ONE, came + pd.Timedelta(hours=hours), touchpoint, channel))
    events = pd.DataFrame(rows, columns=["customer", "timestamp", "touchpoint", "channel"])
    intended = parse_map(MAP)
    log = cj.JourneyLog.from_events(events.assign(actor="customer"), data_end="2026-06-20").split(intended)
    return log, cj.discover(log), cj.check(log, intended)


def test_names_are_rare_by_customers_not_by_journeys(made):
    log, _, check = made
    names = find_rare(log, check, 10).names("all")
    assert names["touchpoint"] == {"back_door", "inner_room", "odd_thing"}
    assert names["channel"] == {"fax"}
    assert names["stage"] == {"Secret room"}
    assert names["place"] == {("back_door", "web"), ("inner_room", "web"), ("odd_thing", "fax")}
    everything = find_rare(log, check, 1)
    assert withhold_rare(check, everything) is check


def test_rare_names_differ_from_group_to_group():
    """The phone is common to all, but one customer alone of the second group has it."""
    start = pd.Timestamp("2026-01-01", tz="UTC")
    rows = [
        (100 * (group == "b") + number, start + pd.Timedelta(hours=number), "look", channel, group)
        for group, phones in (("a", 12), ("b", 1))
        for number in range(20)
        for channel in (["web", "phone"] if number < phones else ["web"])
    ]
    events = pd.DataFrame(rows, columns=["customer", "timestamp", "touchpoint", "channel", "device"])
    intended = parse_map(MAP)
    log = cj.JourneyLog.from_events(events.assign(actor="customer"), data_end="2026-06-20").split(intended)
    check = cj.check(log, intended, by="device")
    rare = find_rare(log, check, 10)
    assert rare.names("all")["channel"] == rare.names("a")["channel"] == frozenset()
    assert rare.names("b")["channel"] == {"phone"}
    channels = withhold_rare(check, rare).channels
    assert set(zip(channels["by"], channels["channel"], strict=True)) == {
        ("a", "web"), ("a", "phone"), ("b", "web"),
    }  # fmt: skip


def test_no_finding_is_about_one_customer(made):
    log, _, check = made
    coverage = cj.coverage(log, check.intended)
    told = derive_findings(log, check, coverage, min_group=10)
    said = " ".join(f"{finding.headline} {finding.text} {finding.numbers}" for finding in told)
    assert "drop-outs: Look, after look" in said
    for name in (*NAMES, "Secret room"):
        assert name not in said
    open_to_all = derive_findings(log, check, coverage, min_group=1)
    assert any("inner room" in finding.headline for finding in open_to_all)


def test_the_page_names_it_with_no_number(made, tmp_path):
    log, found, check = made
    paths = {"path": tmp_path / "page.html", "facts": tmp_path / "facts.json"}
    cj.report(log, found, check, **paths, min_group=10)
    facts, page = paths["facts"].read_text(), paths["path"].read_text()
    for name in NAMES:
        assert name not in facts
    for name in ("odd thing", "odd_thing", "fax"):  # the others are on the map: drawn, without a number
        assert name not in page
    import re

    for text in re.findall(r">([^<>]*(?:back door|inner room|Secret room)[^<>]*)<", page):
        assert not re.search(r"\d", text.replace("fewer than 10", "")), text


def test_the_page_says_that_what_one_group_lacks_follows_from_the_others(made):
    from cjmining.report.facts.method import method_notes

    intended = made[2].intended

    def said(*, grouped):
        [text] = [
            note["text"] for note in method_notes(intended, 10, grouped) if note["term"] == "Small groups"
        ]
        return text

    assert "fewer than 10 customers have is treated alike" in said(grouped=None)
    assert "less those of the other groups" not in said(grouped=None)
    assert "everyone less those of the other groups" in said(grouped="By device.")


def test_the_rest_still_adds_up_to_everyone(made):
    log, found, check = made
    groundwork = lay_groundwork(log, found, check)
    assert groundwork.check.outcomes["dropped"].sum() == check.outcomes["dropped"].sum()
    assert sum(number for _, number in groundwork.views[0].ways.frequent) == 60
    assert groundwork.views[0].ways.journeys == 60 + TIMES
