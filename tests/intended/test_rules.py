"""What the map says about a log's touchpoints and customers."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

import cjmining as cj
from cjmining.intended import Persona, parse_map
from cjmining.intended.personas import personas_of

MAP = """\
map: m
goal: [done]
exits: [{touchpoint: left}, {touchpoint: refused, by: company}]
patience: 1s
ignore: [ping]
new_journey_after: [goal, silence]
stages:
  - {stage: A, optional: true, touchpoints: [{touchpoint: a}, {touchpoint: both}]}
  - {stage: B, patience: never, touchpoints: [{touchpoint: b, actor: company}, {touchpoint: both}]}
  - {stage: C, touchpoints: [{touchpoint: done, actor: customer}]}
"""


def test_rules_for_the_kernels_follow_the_logs_own_codes():
    rules = parse_map(MAP).walk_rules(
        ["both", "done", "left", "ping", "refused", "stray", "b"], ["system", "company", "customer"]
    )
    assert rules.role.tolist() == [0, 1, 2, 0, 3, 0, 0]
    assert rules.ignored.tolist() == [False, False, False, True, False, False, False]
    assert rules.actor.tolist() == [-1, 0, -1, -1, -1, -1, 1]
    assert rules.stage_offsets.tolist() == [0, 2, 3, 3, 3, 3, 3, 4]
    assert rules.stages.tolist() == [0, 1, 2, 1]
    assert rules.entry.tolist() == [True, False, False, False, False, False, True]
    assert rules.patience_us.tolist() == [1_000_000, -1, 1_000_000]
    assert rules.before_us == 1_000_000
    assert (rules.after_goal, rules.after_exit, rules.after_silence) == (True, False, True)
    assert rules.actor_codes.tolist() == [2, 1, 0]
    assert rules.leads_to.tolist() == [[False, True, True], [False, False, True], [False, False, False]]


def test_an_unheard_of_actor_is_an_error():
    with pytest.raises(
        cj.LogError, match="actor 'custmer'; expected customer, company or system, did you mean"
    ):
        parse_map(MAP).walk_rules(["a"], ["custmer"])


def personas(customers, **where):
    rules = [Persona(name, conditions) for name, conditions in where.items()]
    return personas_of(
        rules, pa.table({"customer": range(len(next(iter(customers.values())))), **customers})
    ).to_pylist()


def test_the_first_persona_that_fits_is_the_customers():
    found = personas(
        {"birth_year": [1960, 1980, 2000, None]},
        Young={"birth_year": {"at_least": 1997}},
        Adult={"birth_year": {"at_least": 1975}},
    )
    assert found == ["other", "Adult", "Young", "unknown"]


def test_a_missing_attribute_makes_unknown_only_where_nothing_else_fits():
    found = personas(
        {"region": [None, None, "Islands", None], "birth_year": [2000, None, None, 1950]},
        Islanders={"region": {"equals": "Islands"}},
        Young={"birth_year": {"at_least": 1997}},
    )
    assert found == ["Young", "unknown", "Islanders", "unknown"]


def test_of_several_conditions_a_false_one_decides_alone():
    found = personas(
        {"region": ["N", "S", "N"], "birth_year": [None, None, 2000]},
        NorthernYoung={"region": {"equals": "N"}, "birth_year": {"at_least": 1997}},
    )
    assert found == ["unknown", "other", "NorthernYoung"]


@pytest.mark.parametrize(
    ("column", "condition", "fits"),
    [
        ([1, 2, 3], {"above": 2}, [False, False, True]),
        ([1, 2, 3], {"below": 2}, [True, False, False]),
        ([1, 2, 3], {"at_most": 2}, [True, True, False]),
        ([1, 2, 3], {"at_least": 2, "at_most": 2}, [False, True, False]),
        (["1", "x", "3.5"], {"at_least": 2}, [False, None, True]),
        (["a", "b", " "], {"one_of": ("b", "c")}, [False, True, None]),
        (["a", None, ""], {"missing": True}, [False, True, True]),
        (["a", None, ""], {"missing": False}, [True, False, False]),
        ([True, False, None], {"equals": True}, [True, False, None]),
        (["yes", "No", None], {"equals": True}, [True, False, None]),
        ([4, 5, None], {"equals": 5}, [False, True, None]),
        (["2026-01-31", "2026-02-01", "soon"], {"at_least": "2026-02-01"}, [False, True, None]),
        (
            [datetime.date(2026, 1, 31), datetime.date(2026, 2, 1), None],
            {"below": "2026-02-01"},
            [True, False, None],
        ),
    ],
)
def test_each_operator(column, condition, fits):
    names = {True: "P", False: "other", None: "unknown"}
    assert personas({"x": column}, P={"x": condition}) == [names[value] for value in fits]


def test_a_misspelt_attribute_names_the_nearest():
    with pytest.raises(
        cj.LogError, match=r"persona 'P' asks for the attribute 'birthyear'.*did you mean 'birth_year'"
    ):
        personas({"birth_year": [1990]}, P={"birthyear": {"above": 1}})


def test_a_number_is_no_date():
    with pytest.raises(
        cj.LogError, match=r"the attribute 'x' \(a number\) can't be compared with '2026-02-01'"
    ):
        personas({"x": [3]}, P={"x": {"below": "2026-02-01"}})


def test_customers_without_attributes_are_unknown():
    assert (
        personas_of([Persona("P", {"x": {"above": 1}})], pa.table({"customer": [0, 1]})).to_pylist()
        == ["unknown"] * 2
    )
