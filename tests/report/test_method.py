"""The method notes speak of this map's patience and horizon."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from cjmining.conformance.standouts import FEWEST_DROPPED, LARGEST_Q
from cjmining.intended import parse_map
from cjmining.report.facts.method import method_notes
from tests.report.factory import intended_map


def notes_of(intended, min_group=10) -> dict[str, str]:
    return {note["term"]: note["text"] for note in method_notes(intended, min_group)}


def test_patience_is_the_maps_and_the_stages_own():
    patience = notes_of(intended_map())["Patience"]
    assert "dropped out: 14 days. Other stages have their own: Delivery (never)." in patience


def test_the_horizon_names_its_estimate():
    intended = dataclasses.replace(intended_map(), horizon=timedelta(days=10))
    assert "Drop-out within 10 days" in notes_of(intended)


def test_small_groups_are_spoken_of_where_there_is_a_minimum():
    assert "fewer than 25 customers" in notes_of(intended_map(), 25)["Small groups"]
    assert "Small groups" not in notes_of(intended_map(), 1)


def test_no_note_has_a_stray_quote():
    for text in notes_of(intended_map()).values():
        assert '"' not in text


def test_what_stands_out_is_stated_with_the_limits_that_are_used():
    note = notes_of(intended_map())["Times as often, q, stands out"]
    assert f"q is below {LARGEST_Q:g}, at least {FEWEST_DROPPED} of its journeys" in note
    assert "several journeys of one customer" in note
    assert "Rao and Scott 1992" in note


PERSONAS = """
map: Online purchase
goal: [bought]
patience: 14d
stages:
  - stage: Look
    within: 7d
    touchpoints: [{touchpoint: looked}]
  - stage: Buy
    touchpoints: [{touchpoint: paid}, {touchpoint: bought}]
personas:
  - persona: Gen Z
    where: {birth_year: {at_least: 1997}}
    stages:
      - {stage: Look, within: 3d, optional: true}
      - {stage: Buy, touchpoints: [{touchpoint: paid_by_phone}, {touchpoint: bought}]}
  - {persona: Families, where: {birth_year: {below: 1997}}}
"""


def test_personas_with_stages_of_their_own_are_named_with_what_differs():
    note = notes_of(parse_map(PERSONAS))["Personas with stages of their own"]
    assert note.startswith("Gen Z: Look (optional and within) and Buy (touchpoints).")
    assert "Families" not in note


def test_without_such_personas_nothing_is_said_of_them():
    assert "Personas with stages of their own" not in notes_of(intended_map())
