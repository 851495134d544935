"""Maps in which personas override stages: what they become, and what is told about their mistakes."""

from __future__ import annotations

import copy
from datetime import timedelta

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.intended import parse_map
from tests.intended.test_reader import mistakes

SHOP = """\
map: Shop
goal: [paid]
patience: 14d
ignore: [ping]
stages:
  - stage: Look
    patience: 2d
    within: 1d
    touchpoints:
      - {touchpoint: seen, repeat: true}
    returns_to: [Look]
  - stage: Ask
    optional: true
    touchpoints:
      - {touchpoint: asked}
      - {touchpoint: answered, actor: company}
  - stage: Buy
    touchpoints:
      - {touchpoint: paid}
personas:
  - persona: Young
    where: {age: {below: 30}}
    stages:
      - {stage: Look, patience: 6h, within: null, next: [Buy]}
      - stage: Buy
        touchpoints: [{touchpoint: logged_in}, {touchpoint: paid}]
  - persona: Middle
    where: {age: {below: 60}}
  - persona: Old
    where: {age: {at_least: 60}}
    stages:
      - {stage: Ask, optional: false}
"""
HOUR_US = 3_600_000_000


def test_a_persona_has_the_stages_of_the_map_but_for_what_it_overrides():
    shop = parse_map(SHOP)
    young, old = shop.for_persona("Young"), shop.for_persona("Old")
    look, ask, buy = young.stages
    assert (look.patience, look.within, look.next) == (timedelta(hours=6), None, ("Buy",))
    assert (look.touchpoints, look.returns_to) == (shop.stages[0].touchpoints, ("Look",))
    assert ask == shop.stages[1]
    assert [touchpoint.touchpoint for touchpoint in buy.touchpoints] == ["logged_in", "paid"]
    assert [stage.optional for stage in old.stages] == [False, False, False]
    # Young: start, seen, logged_in, paid, and nobody comes to Ask. Old: start, seen, asked, answered, paid.
    assert (young.automaton.n_states, old.automaton.n_states) == (4, 5)


def test_for_whom_nothing_differs_has_the_very_map():
    shop = parse_map(SHOP)
    for name in ("Middle", "other", "unknown"):
        assert shop.for_persona(name) is shop


def test_a_persona_that_the_map_lacks_is_told_with_the_nearest():
    with pytest.raises(cj.MapError, match="'Shop' has no persona 'Yung', did you mean 'Young'"):
        parse_map(SHOP).for_persona("Yung")
    with pytest.raises(cj.MapError, match="no persona 'X'; it has Young, Middle, Old, other, unknown"):
        parse_map(SHOP).for_persona("X")


def test_variants_are_the_map_and_one_for_each_persona_that_differs():
    shop = parse_map(SHOP)
    assert shop.variants == (shop, shop.for_persona("Young"), shop.for_persona("Old"))
    for variant in shop.variants:
        assert variant.stage_names == shop.stage_names
        assert [persona.persona for persona in variant.personas] == ["Young", "Middle", "Old"]
    young = shop.variants[1]
    assert young.variants == (young,)
    assert parse_map(SHOP[: SHOP.index("personas:")]).variants[1:] == ()


def test_what_only_a_persona_has_is_on_the_map_too():
    shop = parse_map(SHOP)
    assert shop.touchpoint_names == ("seen", "asked", "answered", "paid")
    assert shop.every_touchpoint == ("seen", "asked", "answered", "paid", "logged_in")
    events = {"customer": [0, 0], "touchpoint": ["seen", "logged_in"]}
    table = pa.table({**events, "timestamp": pa.array([0, 1], pa.timestamp("us", "UTC"))})
    coverage = cj.coverage(cj.JourneyLog.from_events(table), shop)
    assert coverage.missing_from_log["touchpoint"].tolist() == ["asked", "answered", "paid"]
    assert coverage.unknown_to_map.empty


def test_customers_belong_to_the_variant_of_their_persona():
    customers = pa.table({"customer": range(5), "age": [20, 40, 70, None, 59]})
    assert parse_map(SHOP).variant_of(customers).tolist() == [1, 0, 2, 0, 0]
    without = parse_map(SHOP[: SHOP.index("personas:")])
    assert without.variant_of(pa.table({"customer": [0, 1]})).tolist() == [0, 0]
    with pytest.raises(cj.LogError, match="asks for the attribute 'age'"):
        parse_map(SHOP).variant_of(pa.table({"customer": [0], "region": ["North"]}))


def test_the_patience_in_force_is_the_personas_then_the_stages_then_the_maps():
    def patience(shop, persona):
        return [stage.patience_us / HOUR_US for stage in shop.for_persona(persona).stages]

    shop = parse_map(SHOP.replace("optional: false", "patience: never"))
    assert patience(shop, "other") == [48, 336, 336]
    assert patience(shop, "Young") == [6, 336, 336]
    assert [stage.patience_us for stage in shop.for_persona("Old").stages][1] == -1
    half = shop.with_patience(0.5)
    assert patience(half, "other") == [24, 168, 168]
    assert patience(half, "Young") == [3, 168, 168]
    assert [stage.patience_us for stage in half.for_persona("Old").stages][1] == -1
    # null puts the map's own patience in force where a stage has another.
    assert patience(parse_map(SHOP.replace("patience: 6h", "patience: null")), "Young")[0] == 336


def test_the_map_after_an_override_may_still_follow_the_file():
    shop = parse_map(SHOP.replace("next: [Buy]}", "next: null}"))
    assert shop.for_persona("Young").stages[0].next == ("Ask",)


KEYS = ["patience", "within", "touchpoints", "returns_to", "optional", "next", "order", "owner", "motivation"]


@given(st.data())
def test_an_override_that_says_what_the_map_says_changes_nothing(data):
    raw = yaml.safe_load(SHOP)
    raw["stages"][0] |= {
        "owner": "Shop",
        "motivation": "Looks",
        "next": ["Ask"],
        "order": "choice",
        "optional": True,
    }
    number = data.draw(st.integers(0, 2))
    stage = raw["stages"][number]
    keys = data.draw(
        st.lists(st.sampled_from([key for key in KEYS if key in stage]), min_size=1, unique=True)
    )
    raw["personas"][1]["stages"] = [{"stage": stage["stage"], **{key: stage[key] for key in keys}}]
    shop = parse_map(yaml.safe_dump(raw))
    assert shop.for_persona("Middle") is shop
    assert len(shop.variants) == 3
    assert any(f"nothing in the stage '{stage['stage']}' differs" in remark for remark in shop.remarks)


@given(st.sampled_from(["Young", "Old"]), st.floats(0.1, 10))
def test_patience_and_persona_may_be_chosen_in_any_order(persona, factor):
    shop = parse_map(SHOP)
    one, other = (
        shop.with_patience(factor).for_persona(persona),
        shop.for_persona(persona).with_patience(factor),
    )
    assert one == other


IN_OLD = "      - {stage: Ask, optional: false}"
IN_YOUNG = "{touchpoint: logged_in}"
SIX = "order: any\n        touchpoints: [" + ", ".join(f"{{touchpoint: {name}}}" for name in "abcde")


@pytest.mark.parametrize(
    ("old", "new", "line", "place", "what"),
    [
        ("stage: Ask, op", "stage: Aks, op", 32, "[0].stage", "there is no stage 'Aks', did you mean 'Ask'?"),
        (
            IN_OLD,
            f"{IN_OLD}\n      - {{stage: Ask, owner: Me}}",
            33,
            "[1].stage",
            "the stage 'Ask' is overridden twice for the persona 'Old'",
        ),
        (
            ", optional: false",
            "",
            32,
            "[0]",
            "nothing differs here; give at least one of owner, motivation, order,",
        ),
        (", optional:", ", optinal:", 32, "[0]", "unknown key 'optinal', did you mean 'optional'?"),
        ("stage: Ask, op", "op", 32, "[0]", "'stage' is missing"),
        ("optional: false", "touchpoints: []", 32, "[0].touchpoints", "must not be empty"),
        (
            "optional: false",
            "next: [By]",
            32,
            "[0].next[0]",
            "OLD there is no stage 'By', did you mean 'Buy'?",
        ),
        (
            f"{IN_YOUNG}, {{touchpoint: paid}}",
            f"{IN_YOUNG}, {{touchpoint: payed}}",
            23,
            "",
            "YOUNG the goal 'paid' is no touchpoint of any stage, did you mean 'payed'?",
        ),
        (
            "next: [Buy]}",
            "next: []}",
            23,
            "",
            "YOUNG the goal 'paid' lies only in stages that no 'next' leads to",
        ),
        (
            IN_YOUNG,
            "{touchpoint: ping}",
            23,
            "",
            "YOUNG 'ping' is to be ignored, but is a touchpoint of the map",
        ),
        (
            IN_YOUNG,
            "{touchpoint: answered, actor: customer}",
            26,
            "[1].touchpoints[0].actor",
            "YOUNG 'answered' is done by the customer here, but by the company in an earlier stage",
        ),
        (
            f"touchpoints: [{IN_YOUNG}",
            SIX,
            27,
            "[1].touchpoints",
            "YOUNG a stage in any order may have 5 touchpoints, this one has 6; split the stage",
        ),
        (
            IN_YOUNG,
            "{touchpoint: logged_in, rates: [sean]}",
            26,
            "[1].touchpoints[0].rates[0]",
            "YOUNG the map has no touchpoint 'sean', did you mean 'seen'?",
        ),
        (
            IN_YOUNG,
            "{touchpoint: paid}",
            26,
            "[1].touchpoints[1].touchpoint",
            "YOUNG the touchpoint 'paid' of stage 'Buy' is named twice; where it may occur again,",
        ),
    ],
)
def test_the_mistakes_of_a_persona_are_told_where_it_stands(old, new, line, place, what):
    (found,) = mistakes(SHOP, (old, new))
    number = 0 if line < 29 else 2
    for short in ("Young", "Old"):
        what = what.replace(short.upper(), f"for the persona '{short}':")
    assert found.startswith(f"map.yaml, line {line}: personas[{number}].stages{place}: {what}")


def test_a_map_too_large_for_one_persona_is_told_for_that_persona():
    names = [f"t{number}" for number in range(257)]
    long = ", ".join(f"{{touchpoint: {name}}}" for name in names)
    (found,) = mistakes(SHOP, ("{touchpoint: logged_in}", long))
    # Start, seen, 257 and paid.
    assert found.startswith(
        "map.yaml, line 23: personas[0].stages: for the persona 'Young': the map needs 260 "
    )


def test_mistakes_of_the_map_are_told_once_beside_those_of_personas():
    found = mistakes(
        SHOP,
        ("returns_to: [Look]", "returns_to: [Lok]"),
        ("stage: Ask, optional: false", "stage: Ask, next: [Byy]"),
    )
    assert len(found) == 2
    assert (
        found[0]
        == "map.yaml, line 11: stages[0].returns_to[0]: there is no stage 'Lok', did you mean 'Look'?"
    )
    assert found[1].startswith(
        "map.yaml, line 32: personas[2].stages[0].next[0]: for the persona 'Old': there is"
    )


JUNK = st.sampled_from(
    [None, "", "Buy", "paid", 0, -1, 2.5, True, [], {}, ["Buy"], [None], [{}], {"stage": "Buy"}, "1d"]
)


def places(value, steps=()):
    """Every way to a value."""
    yield steps
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*steps, key))


@given(st.data())
def test_whatever_stands_in_a_map_is_read_or_told(data):
    raw = yaml.safe_load(SHOP)
    for _ in range(data.draw(st.integers(1, 3))):
        steps = data.draw(st.sampled_from([steps for steps in places(raw) if steps]))
        inner = raw
        for step in steps[:-1]:
            inner = inner[step]
        inner[steps[-1]] = copy.deepcopy(data.draw(JUNK))
    try:
        shop = parse_map(yaml.safe_dump(raw))
    except cj.MapError as problem:
        found = problem.mistakes
    else:
        found = shop.remarks
        assert all(variant.stage_names == shop.stage_names for variant in shop.variants)
        assert shop.explain().startswith(f"{shop.map}\n")
    assert all(one.startswith("map.yaml, line ") for one in found)
