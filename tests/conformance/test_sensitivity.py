"""Whether the ranking of the stages holds at other patiences, counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

import cjmining as cj
from cjmining.conformance.sensitivity import ranking, split_again
from cjmining.errors import LogError
from cjmining.intended import parse_map
from cjmining.schema import BEFORE_THE_MAP
from cjmining.stats import wilson
from tests.conformance.factory import log_of


def table_of(counts: dict[str, dict[str, tuple[int, int]]], by: str = "all") -> pd.DataFrame:
    """Write a table of sensitivity from dropped and mature journeys by patience and stage."""
    rows = [
        {"by": by, "stage": stage, "patience": patience, "mature": mature, "rank": 0}
        | dict(zip(("drop_out_share", "lower", "upper"), wilson(dropped, mature), strict=True))
        for patience, of in counts.items()
        for stage, (dropped, mature) in of.items()
    ]
    return pd.DataFrame(rows)


def one(**counts: dict[str, tuple[int, int]]) -> pd.Series:
    return ranking(table_of({name.replace("_", " "): of for name, of in counts.items()})).iloc[0]


def test_a_ranking_that_stays_holds():
    same = {"A": (50, 100), "B": (20, 100), "C": (5, 100)}
    row = one(half=same, as_stated=same, double=same)
    assert (row["leads"], row["leads_at_half"], row["leads_at_double"]) == ("A", "A", "A")
    assert (row["tau_at_half"], row["tau_at_double"]) == (1.0, 1.0)
    assert (row["clear_pairs"], row["changed_at_half"], row["changed_at_double"]) == (3, 0, 0)
    assert row["holds"]


def test_another_leader_breaks_it_and_only_clear_pairs_count_as_changed():
    stated = {"A": (24, 100), "B": (20, 100), "C": (5, 100)}  # A and B overlap, C is apart from both
    half = {"A": (20, 100), "B": (24, 100), "C": (5, 100)}
    row = one(half=half, as_stated=stated, double=stated)
    assert (row["leads"], row["leads_at_half"], row["clear_pairs"], row["changed_at_half"]) == (
        "A",
        "B",
        2,
        0,
    )
    assert row["tau_at_half"] == pytest.approx(1 / 3)
    assert not row["holds"]


def test_a_clear_pair_that_turns_round_breaks_it_though_the_leader_stays():
    stated = {"A": (60, 100), "B": (30, 100), "C": (5, 100)}
    double = {"A": (60, 100), "B": (5, 100), "C": (30, 100)}
    row = one(half=stated, as_stated=stated, double=double)
    assert (row["leads_at_double"], row["changed_at_double"], row["changed_at_half"]) == ("A", 1, 0)
    assert not row["holds"]


def test_stages_before_the_map_or_followed_too_seldom_take_no_part():
    stated = {BEFORE_THE_MAP: (90, 100), "A": (24, 100), "B": (9, 9), "C": (1, 100)}
    row = one(half=stated, as_stated=stated, double={"A": (5, 9)})
    assert (row["leads"], row["leads_at_half"], row["leads_at_double"]) == ("A", "A", "")
    assert row["tau_at_half"] == 1
    assert pd.isna(row["tau_at_double"])
    assert not row["holds"]  # nobody can tell at twice the patience
    assert ranking(table_of({"as stated": stated}), fewest=9).iloc[0]["leads"] == "B"


def test_one_stage_alone_is_no_ranking():
    alone = {"A": (24, 100), "B": (9, 9)}
    assert len(ranking(table_of(dict.fromkeys(("half", "as stated", "double"), alone)))) == 0


def test_nothing_lost_is_nothing_ranked():
    none = {"A": (0, 100), "B": (0, 100)}
    empty = ranking(table_of({"half": none, "as stated": none, "double": none}))
    assert len(empty) == 0
    assert empty.dtypes["holds"] == np.bool_


@given(
    st.lists(
        st.tuples(*[st.integers(0, 50)] * 2),
        min_size=2,
        max_size=6,
        unique_by=(lambda x: x[0], lambda x: x[1]),
    )
)
def test_tau_without_ties_is_kendalls(pairs):
    stated = {f"S{number}": (a, 50) for number, (a, _) in enumerate(pairs)}
    other = {f"S{number}": (b, 50) for number, (_, b) in enumerate(pairs)}
    found = ranking(table_of({"half": other, "as stated": stated, "double": stated}))
    if not len(found):
        return
    expected = kendalltau([a for a, _ in pairs], [b for _, b in pairs]).statistic
    assert found.iloc[0]["tau_at_half"] == pytest.approx(expected)


def test_a_check_tells_that_its_headline_rests_on_the_patience():
    intended = parse_map("""
map: Shop
goal: [bought]
patience: 4d
horizon: 30d
new_journey_after: []
stages:
  - {stage: Look, touchpoints: [{touchpoint: look}]}
  - {stage: Fill, touchpoints: [{touchpoint: fill}]}
  - {stage: Pay, touchpoints: [{touchpoint: bought}]}
""")
    # ten pause six days after looking: lost at Look for a patience of 4 days, but gone on for one of 8
    log = log_of(*["look@0 fill@6"] * 10, *["look@0 fill@1 bought@2"] * 20, *["look@0 fill@1"] * 5)
    row = cj.check(log.split(intended), intended).ranking.iloc[0]
    # as stated 10 of 35 at Look, 5 of 25 at Fill; at 8 days none at Look, 15 of 35 at Fill
    assert (row["leads"], row["leads_at_half"], row["leads_at_double"]) == ("Look", "Look", "Fill")
    assert not row["holds"]


PAUSES = parse_map("""
map: Shop
goal: [bought]
patience: 4d
horizon: 30d
new_journey_after: [silence]
stages:
  - {stage: Look, touchpoints: [{touchpoint: look}]}
  - {stage: Pay, touchpoints: [{touchpoint: bought}]}
""")


def test_journeys_split_again_keep_the_tag_of_the_one_they_began_in():
    # patience of 4 days: look@0 look@3 | look@9 bought@10; of 2: three; of 8: one
    log = log_of("look@0 look@3 look@9 bought@10", "look@0 bought@1").split(PAUSES)
    log = log.tag(lot=["first", "second", "other"], word=[None, "b", "b"])
    assert log.bounds.tolist() == [0, 2, 4, 6]
    half, double = (split_again(log, PAUSES.with_patience(factor)) for factor in (0.5, 2.0))
    assert half.bounds.tolist() == [0, 1, 2, 4, 6]
    assert half.journeys["lot"].tolist() == ["first", "first", "second", "other"]
    assert double.bounds.tolist() == [0, 4, 6]
    assert double.journeys["lot"].tolist() == ["first", "other"]
    assert double.group("word")[1] == ("b", "unknown")
    assert split_again(log, PAUSES).journeys["lot"].tolist() == log.journeys["lot"].tolist()


def test_a_check_by_a_tag_says_how_its_headline_rests_on_the_patience():
    log = log_of(*["look@0 look@3 look@9 bought@10"] * 4, *["look@0"] * 3).split(PAUSES)
    log = log.tag(lot=["early", "late"] * 4 + ["early"] * 3)
    table = cj.check(log, PAUSES, by="lot").sensitivity
    look = table[table["stage"] == "Look"].set_index(["by", "patience"])["mature"]
    # at 2 days each of four customers begins early twice; at 8 days once, and never late
    expected = {"half": (11, 4), "as stated": (7, 4), "double": (7, 0)}
    assert {name: (look["early", name], look.get(("late", name), 0)) for name in expected} == expected


def test_a_tag_from_before_the_split_is_gone_and_said_so():
    log = log_of("look@0 bought@1").tag(lot=["a"])
    with pytest.raises(
        LogError, match=r"there is no 'lot'.*tags are dropped where a log is split or labelled"
    ):
        cj.check(log.split(PAUSES), PAUSES, by="lot")
