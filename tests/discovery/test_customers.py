"""Customers behind each row: counted by brute force where customers have several journeys."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.discovery import summary
from cjmining.kernels import cells, transitions, variants
from tests.examples import examples
from tests.small_logs import log_of

STEPS = ("from_touchpoint", "to_touchpoint")


@st.composite
def logs(draw):
    """Draw journeys, whose they are, and a group of each."""
    number = draw(st.integers(1, 10))
    of = {"min_size": number, "max_size": number}
    journeys = draw(st.lists(st.text("abc", min_size=1, max_size=5), **of))
    customers = sorted(draw(st.lists(st.integers(0, 3), **of)))
    groups = draw(st.lists(st.sampled_from("xy"), **of))
    written = [
        " ".join(f"{step}{100 * at + second}" for second, step in enumerate(one))
        for at, one in enumerate(journeys)
    ]
    return log_of(written, customers=customers).tag(kind=groups), journeys, customers, groups


def counted(journeys, customers, groups):
    """Count by table and row the customers of journeys that have what the row is about."""
    found = defaultdict(set)
    for one, customer, group in zip(journeys, customers, groups, strict=True):
        directly = set(itertools.pairwise(one))
        for pair in directly:
            found["transitions", group, *pair].add(customer)
            found["first_and_again", group, *pair].add(customer)
        for pair in set(itertools.combinations(one, 2)):
            found["follows", group, *pair].add(customer)
        for pair in itertools.combinations(sorted(set(one)), 2):
            found["together", group, *pair].add(customer)
        for step in set(one):
            found["touchpoints", group, step].add(customer)
            found["rework", group, step].add(customer)
            if one.count(step) > 1:
                found["rework again", group, step].add(customer)
        found["variants", group, " > ".join(one)].add(customer)
        found["ends", group, "start", one[0]].add(customer)
        found["ends", group, "end", one[-1]].add(customer)
    return {key: len(whose) for key, whose in found.items()}


KEYS = {
    "transitions": STEPS,
    "first_and_again": STEPS,
    "follows": STEPS,
    "together": ("touchpoint", "other_touchpoint"),
    "touchpoints": ("touchpoint",),
    "rework": ("touchpoint",),
    "variants": ("variant",),
    "ends": ("position", "touchpoint"),
}


@examples(25)
@given(logs(), st.sampled_from([1, 3, 100]), st.sampled_from(["direct", "hashed", "bins"]))
def test_customers_equal_brute_force_whatever_the_blocks_and_the_way(drawn, size, way):
    log, *rest = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "BLOCK_EVENTS", size)
        patch.setattr(summary, "MOST_BLOCKS", 100)
        if way == "hashed":
            patch.setattr(cells, "DIRECT_CELLS", 0)
            patch.setattr(transitions, "DIRECT_CELLS", 0)
        if way == "bins":
            patch.setattr(transitions, "_EVENTS_A_CELL", 0)
        found = cj.discover(log, by="kind")
        told = {}
        for name, columns in KEYS.items():
            table = found._table(name)
            rows = table[["by", *columns, "customers"]].itertuples(index=False, name=None)
            told |= {(name, *row[:-1]): row[-1] for row in rows}
        rework = found.rework.query("repeated_customers > 0")
        rows = rework[["by", "touchpoint", "repeated_customers"]].itertuples(index=False, name=None)
        told |= {("rework again", *row[:-1]): row[-1] for row in rows}
    assert told == counted(*rest)
    of_groups = dict(zip(found.overview["by"], found.overview["customers"], strict=True))
    pairs = set(zip(rest[2], rest[1], strict=True))
    assert of_groups == {group: sum(one == group for one, _ in pairs) for group in of_groups}


@examples(50)
@given(logs())
def test_customers_of_chains_equal_brute_force(drawn):
    log, journeys, customers, groups = drawn
    found = cj.markov(log, by="kind").transitions.query("order == 1")
    whose = defaultdict(set)
    for one, customer, group in zip(journeys, customers, groups, strict=True):
        for pair in itertools.pairwise(["(start)", *one, "(end)"]):
            whose[group, *pair].add(customer)
    rows = found[["by", "from", "to_touchpoint", "customers"]].itertuples(index=False, name=None)
    assert {row[:-1]: row[-1] for row in rows} == {key: len(each) for key, each in whose.items()}


@given(logs())
def test_clashing_hashes_count_the_same_customers(drawn):
    log, *_ = drawn
    expected = cj.discover(log, by="kind").variants
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variants, "_MULTIPLIER", 0)  # every sequence has the same hash
        pd.testing.assert_frame_equal(cj.discover(log, by="kind").variants, expected)
