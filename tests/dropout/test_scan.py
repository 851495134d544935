"""The scan against counts worked by hand, planted windows, and logs in which nothing stands out."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining.dropout.scan_counts import Ground
from cjmining.dropout.scan_places import segments, usual_levels
from cjmining.dropout.scan_search import Field, chance, expect, rules, search, variance_between
from cjmining.dropout.scan_words import sentence
from cjmining.errors import LogError
from cjmining.intended import parse_map
from tests.conformance.factory import START, log_of

WEEKS = 20
WHICH = rules(longest=4, fewest=10)


def ground(levels: np.ndarray, *, seed: int, a_week: int = 40, outcomes: int = 1, kind="dropped") -> Ground:
    """Draw ends of groups made of two variables of two values; `levels` are [cells, weeks]."""
    rng = np.random.default_rng(seed)
    cells = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.int32)
    cell, week = np.divmod(np.arange(4 * WEEKS), WEEKS)
    entered = rng.poisson(a_week, 4 * WEEKS) + 1
    ended = rng.binomial(entered, levels.reshape(-1))
    split = rng.binomial(ended, 0.5)
    return Ground(
        kind=kind,
        place=1,
        outcomes=("page", "")[-outcomes:],
        cells=cells,
        cell=cell.astype(np.int32),
        week=week.astype(np.int32),
        entered=entered,
        ended=np.stack([split, ended - split]) if outcomes == 2 else ended[None],
    )


def constant(*shares: float) -> np.ndarray:
    return np.repeat(np.array(shares)[:, None], WEEKS, axis=1)


def field(of: Ground, *, together: int = 2) -> Field:
    return Field(of, together=together, fewest=10, weeks=WEEKS)


def first_of(of: Ground) -> tuple[tuple, int, int, float]:
    at = field(of)
    by_chance = chance([at], WHICH, replicates=99, seed=1)
    found = search([at], WHICH, at_most=3)
    p = (1 + (by_chance >= found[0].score).sum()) / 100 if found else 1.0
    one = found[0] if found else None
    return (at.segments.conditions[one.segment], one.start, one.length, p) if one else ((), -1, -1, p)


# what is expected -----------------------------------------------------------------------------------------


def test_what_is_expected_by_the_others_worked_by_hand() -> None:
    """Two segments of 100 a week; in the last week all leave twice as often, and by far too many for chance.

    The variance between the weeks of everybody is that of DerSimonian and Laird; the second segment's
    calendar is what the first saw and was expected to see, each with (1 - share) / variance added.
    """
    first, second = np.array([20.0, 20, 20, 60]), np.array([30.0, 30, 30, 90])
    seen = np.stack([first + second, first, second, first + second])
    entered = np.stack([np.full(4, n) for n in (2000.0, 1000, 1000, 2000)])
    expected = np.stack([np.full(4, n) for n in (75.0, 30, 45, 75)])
    found = expect(seen, entered, expected, np.array([3, 3, 3]))
    share = 300 / 8000
    weight = 75 / (1 - share)
    ratios = np.array([50, 50, 50, 150]) / 75
    variance = ((weight * (ratios - 1) ** 2).sum() - 3) / (4 * weight - weight)
    assert variance_between(seen[0], entered[0], expected[0]) == pytest.approx(variance)
    prior = (1 - share) / variance
    calendar = (first + prior) / (30 + prior)
    assert found.expected[2] == pytest.approx(180 * calendar / calendar.sum())
    assert found.doubt[2] == pytest.approx((1 - share) / (30 + prior) * np.ones(4))
    assert found.expected[0].tolist() == [75.0] * 4
    assert found.expected.sum(axis=1) == pytest.approx([300, 120, 180])


@pytest.mark.filterwarnings("error")
def test_where_all_end_and_no_others_are_there_the_calendar_is_as_usual() -> None:
    """Nobody stays, so that weeks tell nothing; in the second week the second segment is there alone."""
    first, second = np.array([10.0, 0, 4]), np.array([2.0, 6, 1])
    seen = np.stack([first + second, first, second, first + second])
    usual = np.array([7.0, 0, 7])
    expected = np.stack([usual + 3, usual, np.full(3, 3.0), usual + 3])
    found = expect(seen, seen, expected, np.array([3, 3, 3]))
    assert all(np.isfinite(each).all() for each in found)
    assert found.expected.sum(axis=1) == pytest.approx([23, 14, 9])


def test_levels_reproduce_every_pair() -> None:
    of = ground(constant(0.1, 0.2, 0.3, 0.15), seed=2, outcomes=2)
    levels = usual_levels(of)
    for outcome in range(2):
        expected = np.bincount(of.cell, levels[outcome][of.cell] * of.entered)
        assert expected == pytest.approx(np.bincount(of.cell, of.ended[outcome]))


def test_segments_that_say_nothing_new_are_not_looked_at() -> None:
    """Of those with the first value 0 nearly all have the second 0, so both together are the first."""
    of = ground(constant(0.2, 0.2, 0.2, 0.2), seed=3)
    rare = (of.cell == 1) & (np.arange(len(of.cell)) % WEEKS > 1)
    of.entered[rare], of.ended[0, rare] = 0, 0
    found = segments(of, together=2, fewest=10)
    assert ((0, 0),) in found.conditions
    assert ((0, 0), (1, 0)) not in found.conditions
    assert ((0, 1), (1, 0)) in found.conditions
    assert segments(of, together=0, fewest=10).conditions == ((),)


def test_the_unknown_are_no_segment_and_no_calendar() -> None:
    of = ground(constant(0.2, 0.2, 0.2, 0.2), seed=4)
    found = segments(
        replace(of, cells=np.array([[0, 0], [0, 1], [1, 0], [-1, 1]], np.int32)), together=2, fewest=10
    )
    assert all(value >= 0 for conditions in found.conditions for _, value in conditions)
    row = found.population[found.conditions.index(((0, 0),))]
    inside = [c for c in range(4) if row in found.rows[found.offsets[c] : found.offsets[c + 1]]]
    assert inside == [0, 1, 2]


def test_two_things_never_known_of_the_same_make_no_segment() -> None:
    of = ground(constant(0.2, 0.2, 0.2, 0.2), seed=4)
    apart = replace(of, cells=np.array([[0, -1], [1, -1], [-1, 0], [-1, 1]], np.int32))
    assert segments(apart, together=2, fewest=10).conditions == (
        (),
        *(((variable, value),) for variable in (0, 1) for value in (0, 1)),
    )


# what is found --------------------------------------------------------------------------------------------


def test_a_planted_window_is_found() -> None:
    levels = constant(0.1, 0.2, 0.3, 0.15)
    levels[2, 8:11] = 0.6
    conditions, start, length, p = first_of(ground(levels, seed=5, a_week=200))
    assert (conditions, start, length, p) == (((0, 1), (1, 0)), 8, 3, 0.01)


def test_constant_levels_are_no_finding() -> None:
    assert (
        np.mean([first_of(ground(constant(0.05, 0.2, 0.5, 0.3), seed=s))[3] < 0.05 for s in range(20)])
        <= 0.15
    )


def test_a_week_in_which_everybody_differs_is_one_of_everybody() -> None:
    levels = constant(0.1, 0.2, 0.3, 0.15)
    levels[:, 12] *= 1.8
    at = field(ground(levels, seed=6, a_week=400))
    by_chance = chance([at], WHICH, replicates=99, seed=1)
    strong = [one for one in search([at], WHICH, at_most=5) if (by_chance >= one.score).sum() < 5]
    assert [(at.segments.conditions[one.segment], one.start, one.length) for one in strong] == [((), 12, 1)]


def test_chance_finds_as_much_as_it_says() -> None:
    """Of 60 such sets of counts p is below 0.05 in 3 on average; 9 or more are 0.4 % likely."""
    alarms = sum(
        first_of(ground(constant(0.1, 0.2, 0.3, 0.15), seed=100 + s, a_week=20))[3] < 0.05 for s in range(60)
    )
    assert alarms < 9


def test_overdispersed_weeks_need_stronger_evidence() -> None:
    rng = np.random.default_rng(1)
    shaky = np.clip(constant(0.2, 0.2, 0.2, 0.2) * rng.gamma(20, 1 / 20, (4, WEEKS)), 0, 1)
    assert field(ground(shaky, seed=7, a_week=400)).spread[-1][1:].min() > 1.5
    calm = field(ground(constant(0.2, 0.2, 0.2, 0.2), seed=7, a_week=400)).spread[-1]
    assert calm.max() < 1.2


def test_a_finding_is_set_aside_before_the_next() -> None:
    levels = constant(0.1, 0.2, 0.3, 0.15)
    levels[2, 8:11] = 0.6
    levels[1, 2:4] = 0.5
    at = field(ground(levels, seed=8, a_week=200))
    found = search([at], WHICH, at_most=2)
    told = {(at.segments.conditions[one.segment], one.start, one.length) for one in found}
    assert told == {(((0, 1), (1, 0)), 8, 3), (((0, 0), (1, 1)), 2, 2)}


def test_ends_at_a_touchpoint_are_looked_at_by_themselves() -> None:
    of = ground(constant(0.2, 0.2, 0.2, 0.2), seed=9, outcomes=2)
    here = (of.cell == 3) & (of.week >= 5) & (of.week < 7)
    of.ended[0, here] += of.entered[here] // 2
    of.entered[here] += of.entered[here] // 2
    at = field(of)
    one = search([at], WHICH, at_most=1)[0]
    assert (one.place.outcome, one.start, one.length) == (0, 5, 2)


def test_ends_that_only_change_their_touchpoint_are_no_finding() -> None:
    """From the tenth week on a survey is the last that is seen of half of them; as many end as before."""
    of = ground(constant(0.2, 0.2, 0.2, 0.2), seed=10, outcomes=2, a_week=200)
    early = of.week < 10
    of.ended[0, early] += of.ended[1, early]
    of.ended[1, early] = 0
    at = field(of)
    by_chance = chance([at], WHICH, replicates=99, seed=1)
    assert not [one for one in search([at], WHICH, at_most=3) if (by_chance >= one.score).sum() < 5]


# the verb -------------------------------------------------------------------------------------------------

MAP = """
map: Shop
goal: [paid]
exits: [{touchpoint: cancelled, by: customer}, {touchpoint: expired, by: company}]
patience: 2d
horizon: 20d
stages:
  - stage: Look
    touchpoints: [{touchpoint: seen}]
  - stage: Buy
    touchpoints: [{touchpoint: carted}, {touchpoint: sent, actor: company}, {touchpoint: paid}]
"""
DAYS = 140


def visits(ends: dict[int, str]) -> cj.Conformance:
    """Twenty customers a week look around and cart in the middle of it, and two of them go no further.

    `ends` says what fifteen of a week's do after looking around.
    """
    journeys = []
    for week in range(DAYS // 7):
        for k in range(20):
            day = 1 + 7 * week + 3 + k / 100
            carted = f"carted@{day + 0.1}"
            usual = carted if k < 2 else f"{carted} sent@{day + 0.2} paid@{day + 0.3}"
            rest = ends[week] if week in ends and k < 15 else usual
            journeys.append(f"seen@{day} {rest.format(carted=carted, later=day + 0.5)}".strip())
    intended = parse_map(MAP)
    return cj.check(log_of(*journeys, days=DAYS + 30).split(intended), intended)


def test_ends_by_the_company_are_never_customers_leaving() -> None:
    found = cj.scan(visits(dict.fromkeys((8, 9), "{carted} expired@{later}")), replicates=20)
    first = found.findings.iloc[0]
    assert (first["kind"], first["stage"], first["segment"]) == ("turned away", "Buy", "all")
    assert first["ended"] == 30
    assert first["exits"] == "expired 30"
    assert "turned away by the company" in first["sentence"]
    dropped = found.findings[found.findings["kind"] == "dropped"]
    assert not dropped["exits"].str.contains("expired").any()
    left = found.weeks[(found.weeks["kind"] == "dropped") & (found.weeks["stage"] == "Buy")]
    usual = set(left["week"]) - {START + timedelta(days=days) for days in (57, 64)}
    assert left.set_index("week").loc[sorted(usual), "ended"].unique().tolist() == [2]
    assert left.set_index("week")["ended"].sum() == 2 * len(usual)


def test_whose_turn_it_was_is_told() -> None:
    waiting = cj.scan(visits(dict.fromkeys((8, 9), "{carted}")), replicates=20).findings.iloc[0]
    assert (waiting["kind"], waiting["stage"]) == ("dropped", "Buy")
    assert (waiting["ended"], waiting["companys_turn"], waiting["customers_turn"]) == (30, 30, 0)
    assert "In all 30 the next step was the company's." in waiting["sentence"]
    assert waiting["excess_companys_turn"] == pytest.approx(waiting["excess"])
    theirs = cj.scan(visits({8: "", 9: "cancelled@{later}"}), replicates=20)
    row = theirs.findings.iloc[0]
    assert (row["customers_turn"], row["companys_turn"]) == (30, 0)
    assert (row["by_silence"], row["by_exit"], row["exits"]) == (15, 15, "cancelled 15")
    assert row["stage"] == "Look"
    assert row["excess_customers_turn"] == pytest.approx(30)


def test_a_window_worked_by_hand() -> None:
    """Two of twenty leave a week, in two weeks fifteen: the other weeks say four of forty.

    Week 8 begins 57 days after 1 March, a Sunday; windows begin on Mondays.
    """
    found = cj.scan(visits(dict.fromkeys((8, 9), "{carted} sent@{later}")), replicates=20)
    row = found.findings.iloc[0]
    assert row["start"] == START + timedelta(days=57)
    assert row["end"] == START + timedelta(days=71)
    assert (row["entered"], row["ended"]) == (40, 30)
    assert row["expected"] == pytest.approx(4.0)
    assert row["excess"] == pytest.approx(26.0)
    assert row["lower"] < 26 < row["upper"]
    assert row["share"] == 0.75
    assert row["expected_share"] == pytest.approx(0.1)
    assert row["stands_out"]
    numbers = found.journeys(1)
    assert numbers.tolist() == [20 * week + k for week in (8, 9) for k in range(15)]
    assert int(found.findings["stands_out"].sum()) == 1
    assert ": 1 stands out (p < 0.05" in found._summary()
    with pytest.raises(LogError, match="no finding of rank 9"):
        found.journeys(9)
    with pytest.raises(LogError, match="rank is a whole number such as 1, not '1'"):
        found.journeys("1")


GROUPS = ("all", "Gen Z", "Families", "Silver", "Islanders", "other")


@pytest.fixture(scope="module")
def shop() -> cj.Conformance:
    shop = cj.simulate.shop(3000, seed=3)
    intended = parse_map(shop.intended_text)
    return cj.check(shop.log.split(intended).with_personas(intended), intended)


def test_the_same_scan_each_time_and_whatever_the_blocks(shop) -> None:
    once, again = (cj.scan(shop, replicates=20) for _ in range(2))
    blocks = shop._reading.log.blocks(events=5000)
    assert len(blocks) > 3
    in_blocks = cj.scan(replace(shop, _reading=replace(shop._reading, blocks=blocks)), replicates=20)
    for name in once._tables:
        pd.testing.assert_frame_equal(getattr(once, name), getattr(again, name))
        pd.testing.assert_frame_equal(getattr(once, name), getattr(in_blocks, name))


def test_counts_are_those_of_the_check(shop) -> None:
    """The weeks of everybody add up to the places of everybody, and are part of what the check counts."""
    found = cj.scan(shop, replicates=20, horizon="30d")
    everybody = found.places[(found.places["segment"] == "all") & (found.places["touchpoint"] == "")]
    by_week = found.weeks[found.weeks["by"] == "all"].groupby(["kind", "stage"])[["entered", "ended"]].sum()
    whole = everybody.set_index(["kind", "stage"])[["entered", "ended"]].sort_index()
    pd.testing.assert_frame_equal(by_week, whole)
    assert (
        whole.loc["dropped", "ended"]
        < shop.stages.set_index("stage")["dropped"].reindex(whole.loc["dropped"].index)
    ).all()


def test_what_is_looked_over(shop) -> None:
    usual = cj.scan(shop, replicates=20)
    assert set(", ".join(usual.places["attributes"]).split(", ")) - {""} == {"persona", "channel", "device"}
    assert any("birth_year" in note and "region" in note and "campaign" in note for note in usual.notes)
    assert usual.looked_at == len(usual.places)
    plain = cj.scan(visits({8: "{carted}"}), replicates=20)
    assert not any("campaign" in note for note in plain.notes)
    assert usual.sees_until == shop._reading.log.data_end - usual.horizon
    named = cj.scan(shop, by="region", together=1, replicates=20)
    assert set(named.places["attributes"]) == {"", "region"}
    assert set(cj.scan(shop, by=[], replicates=20).places["segment"]) == {"all"}
    assert {"all", "Gen Z", "Families", "Silver"} <= set(usual.weeks["by"]) <= {*GROUPS}
    assert not usual.places["segment"].str.contains("unknown").any()
    assert usual.weeks["week"].dt.day_of_week.eq(0).all()
    with pytest.raises(LogError, match=r"'birth_year' has .* values: a scan looks over up to 12"):
        cj.scan(shop, by="birth_year")


def test_findings_are_of_some_size_and_in_order(shop) -> None:
    found = cj.scan(shop, replicates=20, fewest=15, at_most=4).findings
    assert len(found) <= 4
    assert (found["excess"] >= 15).all()
    assert found["p"].is_monotonic_increasing
    assert (found["end"] - found["start"] <= timedelta(days=28)).all()


def test_nothing_to_find_gives_empty_tables() -> None:
    intended = parse_map(MAP)
    log = log_of("seen@1 carted@2", "seen@3", "seen@40 carted@41", days=60)
    found = cj.scan(cj.check(log.split(intended), intended), replicates=20)
    assert len(found.findings) == len(found.places) == len(found.weeks) == 0
    assert str(found.findings["start"].dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"replicates": 5}, "replicates must be a whole number of at least 20"),
        ({"longest": "3d"}, "longest must be at least a week"),
        ({"fewest": 0}, "fewest must be"),
        ({"horizon": "soon"}, "expected a duration"),
        ({"horizon": timedelta(0)}, "a horizon is longer than nothing"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
        ({"at_most": True}, "at_most must be a whole number"),
    ],
)
def test_options_out_of_range_are_told(shop, given, says) -> None:
    with pytest.raises(ValueError, match=says):
        cj.scan(shop, **given)


def test_nothing_old_enough_is_told(shop) -> None:
    with pytest.raises(LogError, match="no journey entered a stage early enough") as told:
        cj.scan(shop, horizon="400d")
    longest = int(
        re.search(r"a shorter horizon, of at most (\d+) days, would leave some", str(told.value))[1]
    )
    cj.scan(shop, horizon=f"{longest}d", replicates=20)
    with pytest.raises(LogError, match=f"of at most {longest} days"):
        cj.scan(shop, horizon=f"{longest + 1}d")
    with pytest.raises(LogError, match="by is a name such as 'device' or a list of them, not 5"):
        cj.scan(shop, by=5)
    with pytest.raises(LogError, match="scan takes a check first, not DataFrame"):
        cj.scan(shop.stages)


def test_journeys_that_may_have_begun_before_the_data_are_the_reason() -> None:
    """With a patience of 20 days all of 10 days of data may be the rest of earlier journeys."""
    intended = parse_map(MAP.replace("patience: 2d", "patience: 20d"))
    check = cj.check(log_of("seen@1 carted@2", "seen@3", days=10).split(intended), intended)
    with pytest.raises(LogError) as told:
        cj.scan(check, horizon="1d")
    assert str(told.value) == (
        "none of the 3 entries of stages that lie 1 day (the horizon) before the end of the data can be "
        "judged: their journeys may have begun before the data. A customer's first journey counts only if it "
        "starts 20 days, the longest patience of the map, or more after the data begin; it takes data of a "
        "longer time"
    )
    with pytest.raises(
        LogError, match=r"no journey entered a stage early enough.*takes data of a longer time"
    ):
        cj.scan(check, horizon="15d")


def test_a_shorter_horizon_is_advised_only_where_it_leaves_some() -> None:
    """Only the second customer surely began inside the data, 6 days before they end."""
    check = cj.check(log_of("seen@1 carted@2", "seen@14", days=20).split(parse_map(MAP)), parse_map(MAP))
    with pytest.raises(
        LogError, match=r"may have begun before the data.* of at most 6 days, would leave some"
    ):
        cj.scan(check, horizon="10d")
    assert cj.scan(check, horizon="6d", replicates=20).looked_at == 0


TOLD = {
    "kind": "dropped",
    "stage": "Buy",
    "touchpoint": "",
    "segment": "all",
    "start": 1777852800_000000,
    "end": 1779667200_000000,
    "entered": 200,
    "ended": 33,
    "share": 0.165,
    "expected": 20.0,
    "expected_share": 0.1,
    "excess": 12.6,
    "lower": -0.3,
    "upper": 24.4,
    "customers_turn": 33,
    "companys_turn": 0,
    "p": 0.36,
    "stands_out": False,
}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "That is 13 more (0 to 24). In all 33 the next step was the customer's. Something as strong"),
        ({}, "turns up in 36 % of logs in which nothing is wrong: it need not mean anything."),
        ({"customers_turn": 30}, "In 30 of 33 the next step was the customer's. "),
        ({"customers_turn": 30, "companys_turn": 3}, "next step was the customer's, in 3 the company's. "),
        (
            {"customers_turn": 3, "companys_turn": 30},
            "In 30 of 33 the next step was the company's, in 3 the ",
        ),
        ({"customers_turn": 0}, "(0 to 24). Something as strong"),
        ({"kind": "turned away"}, "(0 to 24). The company ended them. Something as strong"),
        ({"p": 1.0}, "as strong turns up in most logs in which nothing is wrong: no finding."),
        ({"p": 0.005, "stands_out": True}, "turns up in 0.5 % of logs in which nothing is wrong."),
        ({"p": 0.0005, "stands_out": True}, "in fewer than 0.1 % of logs in which nothing is wrong."),
    ],
)
def test_findings_in_words(given, says) -> None:
    assert says in sentence(TOLD | given, timedelta(days=21))


def test_the_measurement_of_scans_holds_findings_against_the_planted_fault() -> None:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "accuracy" / "scan.py"
    spec = importlib.util.spec_from_file_location("accuracy_of_scans", path)
    measured = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(measured)
    strong = replace(measured.WHOLE, leave=0.95)
    score = measured._score(cj.simulate.shop(5000, seed=1, fault=strong), strong)
    assert (score["rank"], score["stands out"]) == (1, True)
    assert score["overlap"] > 0.7
