"""A journey specification of Salesforce Journey Builder, read as a map: every activity is accounted for."""

from __future__ import annotations

import json

import pytest

import cjmining as cj
from cjmining.intended import parse_map


def email(key: str, name: str, *next_: str) -> dict[str, object]:
    return activity(key, "EMAILV2", *next_, name=name)


def wait(key: str, number: object, unit: str, *next_: str) -> dict[str, object]:
    return activity(key, "WAIT", *next_, configurationArguments={"waitDuration": number, "waitUnit": unit})


def activity(key: str, type_: str, *next_: str, **more: object) -> dict[str, object]:
    outcomes = [
        {"key": f"{key}-{n}", "next": target} if target else {} for n, target in enumerate(next_ or ("",))
    ]
    return {"key": key, "type": type_, "name": "", "outcomes": outcomes, **more}


def engagement(key: str, asks: int, of: str, *next_: str) -> dict[str, object]:
    settings = {"refActivityCustomerKey": of, "statsTypeId": asks}
    return activity(key, "ENGAGEMENTDECISION", *next_, configurationArguments=settings)


ONBOARDING = {
    "name": "Onboarding",
    "key": "abc",
    "version": 3,
    "workflowApiVersion": 1.0,
    "triggers": [
        {"key": "TRIGGER", "name": "Signed up", "type": "APIEvent", "metaData": {"eventDefinitionKey": "E1"}}
    ],
    "activities": [
        wait("W-9", 1, "DAYS"),
        wait("W-1", "2", "weeks", "OPENED"),
        email("E-1", "Welcome Mail", "W-1"),
        engagement("OPENED", 2, "E-1", "COUNTRY", "REMIND"),
        email("REMIND", "Welcome reminder sent", "W-9"),
        activity(
            "COUNTRY",
            "MULTICRITERIADECISION",
            "SMS-A",
            "SMS-B",
            "W-2",
            name="Country",
            configurationArguments={},
        ),
        activity("SMS-A", "SMSSYNC", "W-2", name="Text AU"),
        activity("SMS-B", "SMSSYNC", "W-2", name="Text NZ"),
        wait("W-2", 12, "HOURS", "UPDATE"),
        activity("UPDATE", "UPDATECONTACTDATAV2", "PUSH"),
        activity("PUSH", "PUSHNOTIFICATIONACTIVITY", name="Tips"),
        activity("LOST", "REST", name="Old call"),
    ],
    "goals": [
        {
            "name": "First order",
            "type": "Event",
            "metaData": {"isExitCriteria": True, "criteriaDescription": "Orders above 0"},
        }
    ],
    "exits": [{"key": "x", "type": "ContactExit", "metaData": {"criteriaDescription": "Has opted out"}}],
    "entryMode": "OnceAndDone",
}

ONBOARDING_AS_A_MAP = """
map: Onboarding
goal: [first_order]
exits: [{touchpoint: exit_criteria_1, by: customer}]
patience: 372h     # 2 weeks and 12 hours are waited at most, and a day of grace
new_journey_after: []
stages:
  - stage: Entry
    touchpoints: [{touchpoint: signed_up, recorded: false}]
    next: [Welcome Mail]
  - stage: Welcome Mail
    touchpoints:
      - {touchpoint: welcome_mail_sent, channels: [email], actor: company}
      - {touchpoint: welcome_mail_opened, channels: [email], optional: true, repeat: true, actor: customer}
    within: 372h   # to the push message, where neither text is sent; and a day
    next: [Country, Tips, Welcome reminder sent, Goal]
  - stage: Country
    order: choice
    touchpoints:
      - {touchpoint: text_au_sent, channels: [sms], actor: company}
      - {touchpoint: text_nz_sent, channels: [sms], actor: company}
    optional: true
    within: 36h
    next: [Tips, Goal]
  - stage: Tips
    touchpoints: [{touchpoint: tips_sent, channels: [app], actor: company}]
    next: [Goal]
  - stage: Welcome reminder sent
    touchpoints: [{touchpoint: welcome_reminder_sent, channels: [email], actor: company}]
    next: [Goal]
  - stage: Goal
    touchpoints: [{touchpoint: first_order}]
"""
"""Drawn by hand from the journey above."""


def read(folder, journey: object):
    path = folder / "journey.json"
    path.write_text(journey if isinstance(journey, str) else json.dumps(journey))
    return cj.read_map(path)


@pytest.fixture
def onboarding(tmp_path):
    return read(tmp_path, ONBOARDING)


def test_a_journey_becomes_the_map_drawn_by_hand(onboarding):
    assert onboarding == parse_map(ONBOARDING_AS_A_MAP)


def test_its_text_is_yaml_to_go_on_with(onboarding):
    assert parse_map(onboarding.text) == onboarding
    assert "welcome_mail_sent, channels: [email], actor: company}  # E-1" in onboarding.text
    assert "# Drawn from the Journey Builder journey 'Onboarding', version 3." in onboarding.text


def test_every_activity_is_a_touchpoint_a_rule_or_a_remark(onboarding):
    """Messages by their comment, waits of a known time and engagement splits as rules, the others told."""
    said = "\n".join(onboarding.remarks)
    for message in ("E-1", "REMIND", "SMS-A", "SMS-B", "PUSH"):
        assert f"# {message}\n" in onboarding.text
    for other in ("COUNTRY", "UPDATE", "LOST"):
        assert f"journey.json: activity {other}" in said
    assert "activity COUNTRY ('Country'): its ways are a choice" in said
    assert "activity UPDATE: UPDATECONTACTDATAV2 is nothing that a customer meets" in said
    assert "activity LOST ('Old call'): nothing leads there" in said


def test_what_is_assumed_is_told(onboarding):
    said = "\n".join(onboarding.remarks)
    assert "the entry (APIEvent, event E1) is 'signed_up'" in said
    assert "the goal 'First order' is 'first_order'" in said
    assert "(Orders above 0)" in said
    assert "are the exit 'exit_criteria_1'" in said
    assert "(Has opted out)" in said
    assert "Journey Builder knows no patience: 372h" in said


def test_without_a_goal_one_stands_for_it_and_is_told(tmp_path):
    found = read(tmp_path, {"name": "News", "activities": [email("E", "News")], "goals": [], "exits": []})
    assert found.goal == ("goal_reached",)
    assert found.stage_names == ("Entry", "News", "Goal")
    assert any("has no goal: 'goal_reached' stands for it" in remark for remark in found.remarks)


def test_splits_that_do_not_join_are_branches(tmp_path):
    activities = [
        activity("SPLIT", "RANDOMSPLIT", "A", "B"),
        email("A", "First", "C"),
        email("B", "Second"),
        email("C", "Third"),
    ]
    found = read(tmp_path, {"name": "Test", "activities": activities})
    assert [stage.stage for stage in found.stages] == ["Entry", "First", "Third", "Second", "Goal"]
    assert found.stages[0].next == ("First", "Second")
    assert found.stages[1].next == ("Third", "Goal")
    assert found.stages[3].next == ("Goal",)
    assert any("activity SPLIT: its ways are branches" in remark for remark in found.remarks)


def test_a_loop_is_a_way_back(tmp_path):
    activities = [
        email("A", "First", "B"),
        email("B", "Second", "D"),
        activity("D", "MULTICRITERIADECISION", "A", ""),
    ]
    trigger = {"name": "Start", "type": "Event", "outcomes": [{"next": "A"}]}
    found = read(tmp_path, {"name": "Loop", "activities": activities, "triggers": [trigger]})
    assert found.stages[2].next == ("Goal",)
    assert found.stages[2].returns_to == ("First",)


def test_waits_for_dates_promise_nothing(tmp_path):
    activities = [
        email("A", "First", "W"),
        activity("W", "WAITUNTILDATE", "B", name="Until May", configurationArguments={}),
        email("B", "Second"),
    ]
    found = read(tmp_path, {"name": "Dates", "activities": activities})
    assert all(stage.within is None for stage in found.stages)
    assert any("activity W ('Until May'): it waits for dates" in remark for remark in found.remarks)


def test_names_are_given_once_and_odd_engagement_is_told(tmp_path):
    activities = [
        email("A", "Hello", "S"),
        engagement("S", 6, "A", "B"),
        email("B", "Hello", "T"),
        engagement("T", 3, "B", "U"),
        engagement("U", 2, "nobody", ""),
    ]
    found = read(tmp_path, {"name": "Twice", "activities": activities})
    assert found.stage_names == ("Entry", "Hello", "Hello 2", "Goal")
    assert [t.touchpoint for stage in found.stages[1:3] for t in stage.touchpoints] == [
        "hello_sent",
        "hello_2_sent",
        "hello_2_clicked",
    ]
    said = "\n".join(found.remarks)
    assert "activity S: it asks about a bounce" in said
    assert "activity U: it asks about 'nobody', which is no message here" in said


@pytest.mark.parametrize(
    ("journey", "words"),
    [
        ("{", r"journey\.json, line 1: this is not JSON"),
        ("[]", "no list of 'activities'"),
        ({"name": "x", "activities": []}, "has no activities"),
        ({"items": [{}, {}]}, "holds 2 journeys"),
        ({"activities": [{"name": "x"}]}, "activity 1 needs a 'key' and a 'type'"),
        ({"activities": [email("A", "x"), email("A", "y")]}, "two activities have the key 'A'"),
        ({"activities": [email("MAIL-1", "x", "MAIL-2")]}, "leads to 'MAIL-2', which does not exist"),
        ({"activities": [email("A", "x", "A")]}, "has no beginning"),
    ],
)
def test_what_is_no_journey_is_told(tmp_path, journey, words):
    with pytest.raises(cj.MapError, match=words):
        read(tmp_path, journey)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{\n"name": "Käufer"}'.encode("latin-1"), r"journey\.json, line 2: byte 0xe4 is not UTF-8; save"),
        ("{}".encode("utf-16"), r"journey\.json is UTF-16; save it as UTF-8"),
    ],
)
def test_a_journey_is_utf8(tmp_path, content, words):
    (tmp_path / "journey.json").write_bytes(content)
    with pytest.raises(cj.MapError, match=words):
        cj.read_map(tmp_path / "journey.json")
