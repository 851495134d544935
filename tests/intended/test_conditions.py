"""What the rules of personas say about one another, held against customers of every kind."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.intended.conditions import contradictory, covers
from cjmining.intended.model import Persona
from cjmining.intended.personas import personas_of

AGES = [None, 0, 1, 2, 3, 4]
NUMBERS = st.integers(0, 4)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "at_least": NUMBERS,
        "at_most": NUMBERS,
        "above": NUMBERS,
        "below": NUMBERS,
        "equals": NUMBERS,
        "one_of": st.lists(NUMBERS, min_size=1, max_size=3).map(tuple),
        "missing": st.booleans(),
    },
).filter(bool)
WHERE = st.dictionaries(st.sampled_from(["age", "visits"]), CONDITIONS, min_size=1)


def fitting(*wheres):
    """Whom each persona takes, of customers with every pair of values."""
    pairs = [(age, visits) for age in AGES for visits in AGES]
    customers = pa.table(
        {
            "customer": range(len(pairs)),
            "age": pa.array([age for age, _ in pairs], pa.float64()),
            "visits": pa.array([visits for _, visits in pairs], pa.float64()),
        }
    )
    personas = [Persona(str(number), where) for number, where in enumerate(wheres)]
    return set(personas_of(personas, customers).to_pylist())


@given(WHERE, WHERE)
def test_who_is_covered_is_never_reached(earlier, later):
    if covers(earlier, later):
        assert "1" not in fitting(earlier, later)


@given(WHERE)
def test_contradictory_rules_fit_nobody(where):
    if contradictory(where):
        assert "0" not in fitting(where)


@given(WHERE)
def test_rules_cover_themselves(where):
    assert covers(where, where)


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        ({"below": 40}, {"at_most": 39.5}, True),
        ({"below": 40}, {"at_most": 40}, False),
        ({"at_most": 40}, {"below": 40}, True),
        ({"above": 3}, {"equals": 3}, False),
        ({"one_of": ("N", "S")}, {"equals": "S"}, True),
        ({"one_of": (1, 2)}, {"equals": True}, False),
        ({"missing": False}, {"equals": "S"}, True),
        ({"missing": False}, {"missing": True}, False),
        ({"at_least": "2026-01-01"}, {"at_least": "2026-02-01"}, True),
        ({"at_least": "2026-01-01"}, {"at_least": 5}, False),
        ({"at_least": "2026-01-01"}, {"above": "2025-12-31"}, False),
    ],
)
def test_covering_by_hand(earlier, later, expected):
    assert covers({"x": earlier}, {"x": later, "y": {"equals": 1}}) is expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"at_least": 3, "at_most": 3}, None),
        ({"above": 3, "at_most": 3}, "x"),
        ({"equals": 5, "below": 4}, "x"),
        ({"equals": 4, "below": 4}, "x"),
        ({"missing": True, "equals": 4}, "x"),
        ({"at_least": "2026-02-01", "below": "2026-01-01"}, "x"),
        ({"at_least": "2026-02-01", "below": 3}, None),
    ],
)
def test_contradictions_by_hand(conditions, expected):
    assert contradictory({"x": conditions}) == expected
