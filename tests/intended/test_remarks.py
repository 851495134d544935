"""What is legal in a map but looks like a mistake, each with its line."""

from __future__ import annotations

import pytest

from cjmining.intended import parse_map

SHOP = """\
map: Shop
goal: [delivered]
exits: [{touchpoint: rejected, by: company}]
patience: 14d
ignore: [page_ping]
stages:
  - stage: Look
    owner: Marketing
    order: choice
    touchpoints:
      - {touchpoint: ad_clicked, channels: [social, search]}
      - {touchpoint: seen}
    optional: true
  - stage: Ask
    touchpoints:
      - {touchpoint: asked}
      - {touchpoint: answered, actor: company, expect: [{measure: response_s, after: asked, at_most: 60}]}
      - {touchpoint: rated, optional: true, rates: [answered], channels: [email]}
    returns_to: [Look]
  - stage: Buy
    owner: Shop
    within: 7d
    touchpoints:
      - touchpoint: paid
        channels: [web]
        expect: [{measure: wait_s, at_most: 120}]
  - stage: Get
    touchpoints:
      - {touchpoint: delivered, actor: company}
personas:
  - persona: Young
    where: {age: {below: 30}}
  - persona: Old
    where: {age: {at_least: 60}}
"""


def remarks(*replacements):
    text = SHOP
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    return parse_map(text).remarks


def test_a_map_without_oddities_has_no_remarks():
    assert remarks() == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        (
            "  - stage: Get",
            "    next: [Get]\n  - stage: Lost\n    touchpoints: [{touchpoint: x}]\n  - stage: Get",
            28,
            "nobody can reach the stage 'Lost': no 'next' leads to it",
        ),
        ("within: 7d", "patience: 31d", 22, "its patience is longer than the horizon (30 d)"),
        ("within: 7d", "within: 15d", 22, "within 15 d, which is longer than the patience there"),
        ("stage: Get\n", "stage: Get\n    within: 7d\n", 28, "no stage follows 'Get'"),
        ("within: 7d", "next: [Get, Ask]", 22, "where that is a loop, say returns_to: [Ask]"),
        ("returns_to: [Look]", "returns_to: [Get]", 19, "the later stage 'Get'; where nobody has been"),
        ("returns_to: [Look]", "returns_to: [Buy]", 19, "leads on to 'Buy' by 'next' already"),
        (
            "{touchpoint: asked}",
            "{touchpoint: asked}\n      - {touchpoint: seen}",
            17,
            "of two stages (Look and Ask)",
        ),
        ("touchpoint: rejected", "touchpoint: paid", 3, "the exit 'paid' is also planned in a stage"),
        ("channels: [web]", "recorded: false", 26, "'paid' is not recorded, so that no promise"),
        (
            "{touchpoint: asked}",
            "{touchpoint: asked, recorded: false}",
            17,
            "the time from it can't be measured",
        ),
        ("after: asked", "after: paid", 17, "'paid' never comes before 'answered', which is to answer it"),
        ("rates: [answered]", "rates: [paid]", 18, "'paid' never comes before 'rated', which is to rate it"),
        ("channels: [web]", "channels: [e-mail]", 25, "'e-mail' is also written 'email'"),
        ("owner: Shop", "owner: marketing", 21, "the owner 'marketing' is also written 'Marketing'"),
        ("[page_ping]", "[Paid]", 5, "the touchpoint 'Paid' is also written 'paid'; these are two"),
        ("goal: [delivered]", "goal: [delivered, asked]", 2, "'asked' may be the first step of a journey"),
        (
            "{age: {at_least: 60}}",
            "{age: {below: 20}}",
            34,
            "whoever fits it fits 'Young', which comes first",
        ),
        ("{age: {at_least: 60}}", "{age: {at_least: 60, below: 60}}", 34, "no value of 'age' meets all"),
    ],
)
def test_each_oddity_is_told_with_its_line(old, new, line, told):
    (found,) = remarks((old, new))
    assert found.startswith(f"map.yaml, line {line}: ")
    assert told in found


def test_a_goal_in_the_first_stage_leaves_the_others_behind_the_end():
    text = SHOP.replace("{touchpoint: seen}", "{touchpoint: delivered}").replace(
        "order: choice", "order: sequence"
    )
    found = parse_map(text).remarks
    assert any(
        "line 2: goal[0]: the goal 'delivered' is a touchpoint of the first stage" in one for one in found
    )


def test_a_way_back_that_opens_only_with_the_goal():
    (found,) = remarks(
        ("goal: [delivered]", "goal: [paid]"),
        ("      - touchpoint: paid", "      - {touchpoint: address_given}\n      - touchpoint: paid"),
        ("    within: 7d\n", "    returns_to: [Ask, Buy]\n"),
    )
    assert found == (
        "map.yaml, line 22: stages[2].returns_to[0]: 'Buy' is finished only by the goal, so that nobody "
        "returns to 'Ask' before it; split the stage where they may turn back"
    )


def test_a_way_back_that_opens_before_the_goal_or_lies_behind_it_is_fine():
    later = (
        "    touchpoints:\n      - {touchpoint: delivered",
        "    returns_to: [Buy]\n    touchpoints:\n      - {touchpoint: delivered",
    )
    optional = (
        "      - touchpoint: paid",
        "      - {touchpoint: address_given}\n      - touchpoint: paid\n        optional: true",
    )
    assert remarks(("goal: [delivered]", "goal: [paid]"), later) == ()
    assert (
        remarks(
            ("goal: [delivered]", "goal: [paid]"), optional, ("    within: 7d\n", "    returns_to: [Ask]\n")
        )
        == ()
    )


def test_a_stage_that_nothing_is_missing_in():
    (found,) = remarks(
        ("optional: true\n  - stage: Ask", "\n  - stage: Ask"),
        ("{touchpoint: seen}", "{touchpoint: seen, optional: true}"),
    )
    assert found == (
        "map.yaml, line 7: stages[0]: nothing is ever missing in the stage 'Look', since one of its "
        "touchpoints may be skipped; where that is meant, say optional: true"
    )


def test_in_a_stage_that_no_system_records_nothing_could_be_missing_anyway():
    text = SHOP.replace("{touchpoint: delivered, actor: company}", "{touchpoint: thanked, recorded: false}")
    assert parse_map(text.replace("goal: [delivered]", "goal: [paid]")).remarks == ()


def test_with_patience_never_nobody_drops_out_by_silence():
    (found,) = remarks(("patience: 14d", "patience: never"))
    assert found.startswith("map.yaml, line 4: patience: with patience never, nobody counts as dropped")


def test_what_only_holds_for_a_persona_is_told_where_that_stands():
    stages = """
    stages:
      - stage: Buy
        within: 20d
      - stage: Ask
        touchpoints: [{touchpoint: asked}, {touchpoint: answered}, {touchpoint: paid}]
      - stage: Get
        touchpoints: [{touchpoint: delivered, actor: company}]
"""
    found = remarks(("{age: {at_least: 60}}\n", "{age: {at_least: 60}}" + stages))
    expected = (
        ("line 35: personas[1].stages: ", "'paid' is a touchpoint of two stages (Ask and Buy); its events"),
        (
            "line 37: personas[1].stages[0].within: ",
            "stage 'Buy' promises the next within 20 d, which is longer",
        ),
        (
            "line 39: personas[1].stages[1].touchpoints[1]: ",
            "'answered' has actor, expect in the map and not",
        ),
        ("line 40: personas[1].stages[2]: ", "nothing in the stage 'Get' differs from the map"),
    )
    for remark, (place, what) in zip(found, expected, strict=True):
        assert remark.startswith(f"map.yaml, {place}for the persona 'Old': {what}")
