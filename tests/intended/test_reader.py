"""Reading a map: what it becomes, and what is told about its mistakes."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

import cjmining as cj
from cjmining.documents import Document
from cjmining.intended import Expectation, json_schema, parse_map
from cjmining.intended.reader import map_of
from cjmining.intended.words import promise_in_words
from cjmining.labels import read_labels

ROOT = Path(__file__).resolve().parents[2]

SHOP = """\
map: Shop
goal: [delivered]
exits:
  - {touchpoint: unsubscribed}
  - {touchpoint: rejected, by: company}
patience: 14d
ignore: [page_ping]
stages:
  - stage: Look
    order: choice
    optional: true
    touchpoints:
      - {touchpoint: ad_clicked, channels: [social, search], repeat: true}
      - {touchpoint: newsletter_opened}
  - stage: Buy
    patience: 2h
    within: 90m
    touchpoints:
      - touchpoint: paid
        emotion: -1
        expect:
          - {measure: wait_s, at_most: 120, share: 0.9}
    returns_to: [Look]
  - stage: Get
    patience: never
    touchpoints:
      - {touchpoint: delivered, actor: company}
personas:
  - persona: Young
    where: {birth_year: {at_least: 1997}}
    value: 120
"""


def mistakes(text, *replacements):
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(cj.MapError) as caught:
        parse_map(text)
    return caught.value.mistakes


def test_a_map_becomes_what_it_says():
    shop = parse_map(SHOP)
    assert shop.name == "Shop"
    assert shop.stage_names == ("Look", "Buy", "Get")
    assert shop.touchpoint_names == ("ad_clicked", "newsletter_opened", "paid", "delivered")
    assert shop.horizon == timedelta(days=30)
    assert [exit_.by for exit_ in shop.exits] == ["customer", "company"]
    assert shop.new_journey_after == ("goal", "exit", "silence")
    buy = shop.stages[1]
    assert (buy.next, buy.returns_to, buy.within) == (("Get",), ("Look",), timedelta(minutes=90))
    assert (buy.touchpoints[0].emotion, buy.touchpoints[0].expect[0].at_most) == (-1, 120)
    assert shop.stages[2].next == ()
    assert shop.stages[2].touchpoints[0].planned_actor == "company"
    assert shop.stages[0].touchpoints[0].planned_actor == "customer"
    assert shop.personas[0].where == {"birth_year": {"at_least": 1997}}
    assert shop.text == SHOP
    assert shop.remarks == ()


def test_a_stage_has_its_own_patience_else_that_of_the_map():
    hour = 3_600_000_000
    assert [stage.patience_us for stage in parse_map(SHOP).stages] == [14 * 24 * hour, 2 * hour, -1]


def test_half_the_patience_leaves_never_alone():
    half = parse_map(SHOP).with_patience(0.5)
    hour = 3_600_000_000
    assert half.patience == timedelta(days=7)
    assert [stage.patience_us for stage in half.stages] == [7 * 24 * hour, hour, -1]


def test_five_mistakes_are_told_at_once_by_line():
    found = mistakes(
        SHOP,
        ("channels:", "chanels:"),
        ("goal: [delivered]", "goal: [deliverd]"),
        ("order: choice", "order: choise"),
        ("returns_to: [Look]", "returns_to: [Lok]"),
        ("patience: 2h", "patience: 2"),
    )
    assert found == (
        (
            "map.yaml, line 2: goal[0]: the goal 'deliverd' is no touchpoint of any stage, "
            "did you mean 'delivered'?"
        ),
        (
            "map.yaml, line 10: stages[0].order: expected sequence, choice or any, found 'choise', "
            "did you mean 'choice'?"
        ),
        "map.yaml, line 13: stages[0].touchpoints[0]: unknown key 'chanels', did you mean 'channels'?",
        (
            "map.yaml, line 16: stages[1].patience: expected a duration such as 14d, 36h, 90m (minutes) "
            "or 20s, never or auto, found 2 (in which unit? 2 days are 2d)"
        ),
        "map.yaml, line 23: stages[1].returns_to[0]: there is no stage 'Lok', did you mean 'Look'?",
    )


def test_the_message_lists_them_under_a_count():
    with pytest.raises(
        cj.MapError, match=r"^map.yaml has 2 mistakes:\n  map.yaml, line 1: .*\n  map.yaml, line 6: "
    ):
        parse_map(SHOP.replace("map: Shop", "map: 7").replace("patience: 14d", "patience: always"))


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("map: Shop\n", "", 1, "'map' is missing"),
        ("goal:", "gaol:", 2, "unknown key 'gaol', did you mean 'goal'?"),
        ("goal: [delivered]", "goal: []", 2, "goal: must not be empty"),
        (
            "goal: [delivered]",
            "goal: delivered",
            2,
            "goal: expected a list such as [delivered], found 'delivered'",
        ),
        ("goal: [delivered]", "goal: [delivered, delivered]", 2, "the goal 'delivered' is named twice"),
        ("unsubscribed}", "delivered}", 4, "'delivered' is both a goal and an exit"),
        (
            "by: company",
            "by: companny",
            5,
            "expected customer or company, found 'companny', did you mean 'company'?",
        ),
        (
            "patience: 14d",
            "patience: automatic",
            6,
            "expected a duration such as 14d, 36h, 90m (minutes) or 20s, never or auto, found 'automatic'",
        ),
        ("patience: 14d\n", "", 1, "'patience' is missing"),
        ("patience: 14d", "patience: 0d", 6, "a duration must be longer than nothing"),
        ("patience: 14d", "patience: -3d", 6, "expected a duration such as 14d"),
        ("patience: 14d", "patience: 14d\nhorizon: 0d", 7, "a duration must be longer than nothing"),
        ("[page_ping]", "[paid]", 7, "'paid' is to be ignored, but is a touchpoint of the map"),
        ("[page_ping]", "[rejected]", 7, "'rejected' is to be ignored, but is an exit"),
        (
            "patience: 14d",
            "patience: 14d\npatience: 15d",
            7,
            "the key 'patience' stands twice, on lines 6 and 7",
        ),
        ("stage: Get", "stage: Buy", 24, "the stage 'Buy' is named twice"),
        (
            "newsletter_opened}",
            "ad_clicked}",
            14,
            "'ad_clicked' of stage 'Look' is named twice; where it may occur",
        ),
        (
            "channels: [social, search]",
            "channels: social",
            13,
            "expected a list such as [social], found 'social'",
        ),
        ("touchpoint: paid", "touchpoint: 404", 19, "expected text, found 404; quotes make it text"),
        ("emotion: -1", "emotion: 3", 20, "emotion: expected at most 2, found 3"),
        ("emotion: -1", "emotion: true", 20, "emotion: expected a whole number, found true"),
        (
            "wait_s,",
            "wait,",
            22,
            "satisfaction, response_s or contacts, found 'wait', did you mean 'wait_s'?",
        ),
        ("at_most: 120, ", "", 22, "an expectation needs at_most or at_least"),
        ("share: 0.9", "share: 90", 22, "a share is above 0 and at most 1, found 90 (90 % is 0.9)"),
        (
            "measure: wait_s, at_most: 120",
            "measure: satisfaction, at_least: 4",
            22,
            "satisfaction runs from 0",
        ),
        ("returns_to: [Look]", "next: [Gett]", 23, "there is no stage 'Gett', did you mean 'Get'?"),
        (
            "returns_to: [Look]",
            "next: []",
            2,
            "the goal 'delivered' lies only in stages that no 'next' leads to",
        ),
        ("actor: company}", "recorded: false}", 27, "the goal 'delivered' is not recorded"),
        ("persona: Young", "persona: unknown", 29, "'unknown' is the library's own word"),
        ("at_least: 1997", "atleast: 1997", 30, "unknown key 'atleast', did you mean 'at_least'?"),
        (
            "at_least: 1997",
            "at_least: soon",
            30,
            "expected a number or a date such as 2026-01-31, found 'soon'",
        ),
        ("{at_least: 1997}", "{}", 30, "a condition needs one of at_least"),
        ("value: 120", "value: lots", 31, "value: expected a number, found 'lots'"),
    ],
)
def test_each_mistake_is_told_in_plain_words(old, new, line, told):
    (found,) = mistakes(SHOP, (old, new))
    assert found.startswith(f"map.yaml, line {line}: ")
    assert told in found


@pytest.mark.parametrize(
    ("promise", "told"),
    [
        (
            "{measure: response_s, at_most: 60}",
            "response_s needs 'after': the touchpoint from which the time runs",
        ),
        (
            "{measure: wait_s, at_most: 60, after: ad_clicked}",
            "'after' goes with response_s only, the measure here is",
        ),
        (
            "{measure: response_s, at_most: 60, after: add_clicked}",
            "expect[0].after: the map has no touchpoint 'add_clicked', did you mean 'ad_clicked'?",
        ),
        (
            "{measure: response_s, at_most: 60, after: zzz}",
            "the map has no touchpoint 'zzz'; it has ad_clicked, newsletter_opened, paid, delivered",
        ),
        ("{measure: response_s, at_most: 60, after: paid}", "the time from 'paid' to itself is no response"),
        ("{measure: response_s, at_most: -1, after: ad_clicked}", "response_s is never below 0, found -1"),
        (
            "{measure: contacts, at_most: 0}",
            "contacts are counted: expected a whole number of at least 1, found 0",
        ),
        ("{measure: contacts, at_most: 1.5}", "expected a whole number of at least 1, found 1.5"),
        ("{measure: contacts, share: 0.9}", "an expectation needs at_most or at_least"),
        ("{measure: contacts, at_least: 3, at_most: 2}", "at_least 3 lies above at_most 2"),
    ],
)
def test_promises_about_answers_and_effort(promise, told):
    (found,) = mistakes(SHOP, ("{measure: wait_s, at_most: 120, share: 0.9}", promise))
    assert found.startswith("map.yaml, line 22: ")
    assert told in found


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ("[payd]", "rates[0]: the map has no touchpoint 'payd', did you mean 'paid'?"),
        ("paid", "expected a list such as [paid], found 'paid'"),
        ("[newsletter_opened]", "'newsletter_opened' can't rate itself; name the touchpoint it judges"),
        ("[paid, paid]", "the touchpoint in 'rates' 'paid' is named twice"),
    ],
)
def test_what_a_survey_rates_is_on_the_map(rates, told):
    (found,) = mistakes(
        SHOP, ("{touchpoint: newsletter_opened}", f"{{touchpoint: newsletter_opened, rates: {rates}}}")
    )
    assert found.startswith("map.yaml, line 14: ")
    assert told in found


def test_a_survey_rates_the_same_wherever_the_map_names_it():
    (found,) = mistakes(
        SHOP,
        ("{touchpoint: newsletter_opened}", "{touchpoint: rated, rates: [paid]}"),
        ("actor: company}", "actor: company}\n      - {touchpoint: rated, rates: [delivered]}"),
    )
    assert (
        "line 28: stages[2].touchpoints[1].rates: 'rated' rates delivered here, but paid in an earlier"
        in found
    )


def test_promises_and_ratings_become_what_they_say():
    shop = parse_map(
        SHOP.replace(
            "{measure: wait_s, at_most: 120, share: 0.9}",
            "{measure: response_s, after: ad_clicked, at_most: 9}",
        )
        .replace("touchpoint: paid\n", "touchpoint: paid\n        rates: [ad_clicked]\n")
        .replace("actor: company}", "actor: company, expect: [{measure: contacts, at_most: 2, share: 0.8}]}")
    )
    paid, delivered = shop.stages[1].touchpoints[0], shop.stages[2].touchpoints[0]
    assert paid.rates == ("ad_clicked",)
    assert paid.expect == (Expectation("response_s", at_most=9, after="ad_clicked"),)
    assert delivered.expect == (Expectation("contacts", at_most=2, share=0.8),)


class Sheet(Document):
    """Values that come from a sheet: told by row."""

    def line_of(self, mistake):
        return 10 - self.line(mistake.steps)

    def describe(self, mistake):
        return f"row {self.line_of(mistake)}: {mistake.what}"


def test_values_from_elsewhere_are_told_in_the_words_of_their_document():
    data = yaml.safe_load(SHOP)
    data["goal"], data["exits"][0]["by"] = ["payed"], "me"
    sheet = Sheet(data, "shop.xlsx", "", {("goal",): 2, ("exits",): 3})
    with pytest.raises(cj.MapError) as caught:
        map_of(sheet)
    assert caught.value.mistakes == (
        "row 7: expected customer or company, found 'me'",
        "row 8: the goal 'payed' is no touchpoint of any stage, did you mean 'paid'?",
    )


def test_the_reader_is_chosen_by_the_suffix(tmp_path):
    for name in ("map.xlsx", "map.JSON"):
        with pytest.raises(cj.MapError, match=f"{name}"):
            cj.read_map(tmp_path / name)


def test_an_any_stage_holds_five():
    six = "order: any\n    touchpoints: [" + ", ".join(f"{{touchpoint: t{n}}}" for n in range(6)) + "]"
    text = f"map: m\ngoal: [t0]\npatience: 1d\nstages:\n  - stage: S\n    {six}\n"
    assert mistakes(text) == (
        (
            "map.yaml, line 7: stages[0].touchpoints: a stage in any order may have 5 touchpoints, "
            "this one has 6; split the stage, or make it a sequence"
        ),
    )


def test_one_touchpoint_has_one_actor():
    (found,) = mistakes(
        SHOP,
        ("touchpoint: paid", "touchpoint: paid\n        actor: customer"),
        ("actor: company}", "actor: company}\n      - {touchpoint: paid, actor: company}"),
    )
    assert "'paid' is done by the company here, but by the customer in an earlier stage" in found


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        (
            "returns_to: [Look]",
            "next: [Get]\n  - stage: Lost\n    touchpoints: [{touchpoint: x}]",
            24,
            "nobody can",
        ),
        (
            "{touchpoint: newsletter_opened}",
            "{touchpoint: paid}",
            19,
            "touchpoint of two stages (Look and Buy)",
        ),
        ("patience: 2h", "patience: 60d", 16, "its patience is longer than the horizon (30 d)"),
        ("{touchpoint: unsubscribed}", "{touchpoint: paid}", 4, "the exit 'paid' is also planned in a stage"),
    ],
)
def test_what_looks_like_a_mistake_is_remarked(old, new, line, told):
    (remark,) = parse_map(SHOP.replace(old, new, 1)).remarks
    assert remark.startswith(f"map.yaml, line {line}: ")
    assert told in remark


def test_files_that_cant_be_read(tmp_path):
    with pytest.raises(cj.MapError, match=r"map\.yaml: there is no such file"):
        cj.read_map(tmp_path / "map.yaml")
    (tmp_path / "maps.yaml").write_text(SHOP)
    with pytest.raises(cj.MapError, match=r"there is no such file, did you mean 'maps\.yaml'\?"):
        cj.read_map(tmp_path / "map.yaml")
    with pytest.raises(cj.MapError, match=r"is a folder; a YAML file is expected: one of maps\.yaml in it\?"):
        cj.read_map(tmp_path)
    assert cj.read_map(tmp_path / "maps.yaml").path == str(tmp_path / "maps.yaml")


@pytest.mark.parametrize(
    ("folder", "told"),
    [
        ("maps", "a YAML file is expected: one of b.YML, map.yaml in it?"),
        ("maps.xlsx", "an Excel workbook is expected: one of map.xlsx in it?"),
        ("maps.json", "a JSON file is expected: one of journey.json in it?"),
    ],
)
def test_in_a_folder_those_files_are_suggested_that_are_read_so(tmp_path, folder, told):
    (tmp_path / folder).mkdir()
    for name in ("map.yaml", "b.YML", "map.xlsx", "journey.json", "order.bpmn"):
        (tmp_path / folder / name).touch()
    with pytest.raises(cj.MapError) as caught:
        cj.read_map(tmp_path / folder)
    assert str(caught.value) == f"{tmp_path / folder} is a folder; {told}"


def test_a_folder_without_such_a_file_suggests_none(tmp_path):
    (tmp_path / "maps.xlsx").mkdir()
    (tmp_path / "maps.xlsx" / "map.yaml").touch()
    with pytest.raises(cj.MapError, match=r"is a folder; an Excel workbook is expected$"):
        cj.read_map(tmp_path / "maps.xlsx")


def test_the_sample_shop_reads_without_mistakes(sample_shop):
    shop = cj.read_map(sample_shop / "intended.yaml")
    assert shop.stage_names == ("Awareness", "Research", "Basket", "Checkout", "Delivery", "Support")


def test_a_map_shows_itself_and_escapes_what_it_says():
    shop = parse_map(SHOP.replace("map: Shop", "map: <b>Shop</b>"))
    text = str(shop)
    assert "Exits: unsubscribed (by the customer), rejected (by the company)" in text
    assert "one of: ad_clicked (may repeat), newsletter_opened [optional stage]" in text
    assert "[patience 2 h; within 90 min; or back to Look]" in text
    assert "Persona Young: birth_year at least 1997" in text
    page = shop._repr_html_()
    assert "&lt;b&gt;Shop" in page
    assert "at least 90 % wait at most 2 minutes" in page


def test_the_schema_names_every_key_of_a_map():
    schema = json_schema()
    assert set(schema["properties"]) >= {"map", "goal", "exits", "patience", "horizon", "stages", "personas"}
    assert set(schema["required"]) == {"map", "goal", "patience", "stages"}


def keys_of(schema):
    """Every key of a map file, with what the schema says of it."""
    for form in [schema, *schema["$defs"].values()]:
        yield from form["properties"].items()


def test_editors_explain_every_key():
    for key, said in keys_of(json_schema()):
        assert said["title"], key
        assert said["description"].endswith("."), key


def test_the_published_schema_is_up_to_date():
    published = ROOT / "docs" / "schema" / "map.schema.json"
    assert json.loads(published.read_text()) == json_schema(), "make it with `cjmining map schema`"


def test_the_schema_takes_every_map_of_the_project_and_refuses_mistakes():
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json_schema())
    maps = [path for path in ROOT.glob("*/**/*.yaml") if path.read_text().count("\nstages:") == 1]
    assert ROOT / "data" / "samples" / "shop" / "intended.yaml" in maps
    for path in maps:
        assert not list(validator.iter_errors(yaml.safe_load(path.read_text()))), path
    assert not list(validator.iter_errors(yaml.safe_load(SHOP)))
    for old, new in [
        ("patience: 14d", "patience: 14"),
        ("channels:", "chanels:"),
        ("share: 0.9", "share: 90"),
        ("by: company", "by: us"),
    ]:
        assert list(validator.iter_errors(yaml.safe_load(SHOP.replace(old, new)))), new


def test_the_documented_formats_are_those_that_are_read():
    text = (ROOT / "docs" / "map-format.md").read_text()
    map_, labels = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    documented = parse_map(map_)
    assert documented.stage_names == ("Awareness", "Checkout", "Delivery", "Opinion")
    assert documented.remarks == ()
    assert len(documented.variants) == 2
    assert len(read_labels(yaml.safe_load(labels)).rules) == 4
    promises = re.findall(r"`(\{measure: .*?\})`: (.*?) \|$", text, re.MULTILINE)
    assert len(promises) == 5
    for promise, words in promises:
        shop = parse_map(
            SHOP.replace("{measure: wait_s, at_most: 120, share: 0.9}", promise).replace(
                "ad_clicked", "asked"
            )
        )
        assert promise_in_words(shop.stages[1].touchpoints[0].expect[0]) == words
    wheres = re.findall(r"^    (where: .*)$", text, re.MULTILINE)
    assert len(wheres) == 5
    for where in wheres:
        parse_map(SHOP.replace("where: {birth_year: {at_least: 1997}}", where))
