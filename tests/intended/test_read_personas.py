"""Personas given by rules, without a map."""

from __future__ import annotations

import pandas as pd
import pytest

import cjmining as cj
from cjmining.intended import parse_map

TEXT = """\
personas:
  - persona: Young
    where: {birth_year: {at_least: 1997}}
    needs: [speed]
  - persona: Island
    where: {region: {one_of: [Islands]}}
"""
MAP = """\
map: Till
goal: [paid]
patience: 2d
stages:
  - {stage: Pay, touchpoints: [{touchpoint: paid}]}
"""


@pytest.fixture
def log() -> cj.JourneyLog:
    events = pd.DataFrame(
        {
            "customer": [0, 1, 2, 3],
            "timestamp": pd.to_datetime(["2026-03-01"] * 4, utc=True),
            "touchpoint": ["paid"] * 4,
        }
    )
    customers = pd.DataFrame(
        {
            "customer": [0, 1, 2, 3],
            "birth_year": [2001.0, 1960.0, None, 1970.0],
            "region": ["North", "Islands", "North", "North"],
        }
    )
    return cj.JourneyLog.from_events(events, customers=customers)


def personas(log: cj.JourneyLog) -> list[str]:
    return log.customers["persona"].tolist()


@pytest.mark.parametrize("form", ["file", "path", "text", "list only", "mapping", "sequence"])
def test_they_are_read_from_a_file_text_or_plain_values(form, tmp_path, log):
    path = tmp_path / "personas.yaml"
    path.write_text(TEXT)
    plain = [
        {"persona": "Young", "where": {"birth_year": {"at_least": 1997}}, "needs": ["speed"]},
        {"persona": "Island", "where": {"region": {"one_of": ["Islands"]}}},
    ]
    source = {
        "file": str(path),
        "path": path,
        "text": TEXT,
        "list only": TEXT.replace("personas:\n", ""),
        "mapping": {"personas": plain},
        "sequence": plain,
    }[form]
    given = cj.read_personas(source)
    assert given.names == ("Young", "Island")
    assert given.personas[0].needs == ("speed",)
    assert personas(log.with_personas(given)) == ["Young", "Island", "unknown", "other"]


def test_they_name_the_same_customers_as_the_same_section_of_a_map(log):
    assert personas(log.with_personas(cj.read_personas(TEXT))) == personas(
        log.with_personas(parse_map(MAP + TEXT))
    )


def test_every_mistake_is_told_at_once_by_line():
    text = """\
personas:
  - persona: Young
    were: {birth_year: {at_least: 1997}}
  - persona: Young
    where: {birth_year: {atleast: 1997}}
  - persona: other
    where: {region: {equals: North}}
  - persona: Old
    where: {birth_year: {at_most: 1960}}
    stages: [{stage: Pay, optional: true}]
"""
    with pytest.raises(cj.MapError) as raised:
        cj.read_personas(text)
    told = raised.value.mistakes
    lines = [int(line.split("line ")[1].split(":")[0]) for line in told]
    assert lines == sorted(lines)
    assert {3, 4, 5, 6, 10} <= set(lines)
    assert any("did you mean 'where'" in line for line in told)
    assert any("did you mean 'at_least'" in line for line in told)
    assert any("'other' is the library's own word" in line for line in told)
    assert any("write this persona into the map" in line for line in told)


def test_the_lines_of_a_bare_list_are_those_of_the_file():
    with pytest.raises(cj.MapError, match=r"personas, line 2: .*where"):
        cj.read_personas("- persona: Young\n  where: {}\n")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("absent.yaml", "there is no such file"),
        ({"persona": []}, "did you mean 'personas'"),
        ([], "must not be empty"),
        (["Young"], "Young"),
        (7, "a list of mappings, not int"),
    ],
)
def test_what_is_no_persona_is_told(source, words):
    with pytest.raises(cj.MapError, match=words):
        cj.read_personas(source)


def test_with_personas_still_says_what_it_takes(log):
    with pytest.raises(cj.LogError, match="with_personas takes an intended map, not list"):
        log.with_personas([])


@pytest.mark.parametrize(
    "rule", [{"at_least": float("nan")}, {"equals": float("nan")}, {"above": float("inf")}]
)
def test_a_bound_that_is_no_number_is_refused(rule):
    with pytest.raises(cj.MapError, match=r"birth_year.*expected a number, found (nan|inf)"):
        cj.read_personas([{"persona": "Young", "where": {"birth_year": rule}}])


@pytest.mark.parametrize("source", ["", "  "])
def test_an_empty_text_is_told_plainly(source):
    with pytest.raises(cj.MapError, match="not an empty text"):
        cj.read_personas(source)


@pytest.mark.parametrize("name", ["other", "unknown"])
def test_words_of_the_library_are_no_names_as_in_a_map(name):
    with pytest.raises(cj.MapError, match="the library's own word"):
        cj.read_personas([{"persona": name, "where": {"birth_year": {"at_least": 1997}}}])
