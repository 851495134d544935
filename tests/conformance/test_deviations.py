"""The tables of deviations: by hand, against a count in pandas, and against shops whose truth is known."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import cjmining as cj
from cjmining import schema
from cjmining.conformance import deviations
from cjmining.conformance import finding as scanning
from cjmining.conformance.plan import make_plans
from cjmining.conformance.reading import Reading
from cjmining.intended import parse_map
from cjmining.kernels.histogram import RELATIVE_ERROR
from cjmining.log import JourneyLog
from cjmining.simulate import Shop
from cjmining.stats import design_effect, newcombe
from tests.conformance.factory import START, log_of

ROOT = Path(__file__).resolve().parents[2]
MAP = """
map: Small shop
goal: [bought]
patience: 10d
horizon: 20d
stages:
  - stage: Look
    order: choice
    touchpoints:
      - {touchpoint: ad}
      - {touchpoint: visit}
  - stage: Choose
    touchpoints:
      - {touchpoint: viewed, channels: [web]}
    within: 5d
  - stage: Pay
    touchpoints:
      - {touchpoint: opened}
      - {touchpoint: bought}
"""
INTENDED = parse_map(MAP)
WHAT = ["type", "stage", "touchpoint"]


def check_of(*journeys: str, **settings: object) -> cj.Conformance:
    return cj.check(log_of(*journeys, **settings).split(INTENDED), INTENDED)


def found_in(*journeys: str, **settings: object) -> set[tuple[str, str, str]]:
    return set(check_of(*journeys, **settings).deviations[WHAT].itertuples(index=False, name=None))


AS_PLANNED = "ad@0 viewed@1 opened@2 bought@3"


# journeys that were cut short -----------------------------------------------------------------------------


@pytest.mark.parametrize("days", [4, 400], ids=["open", "dropped"])
@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("ad@0 viewed@1 opened@2", set()),
        ("ad@0 opened@2", {("missing", "Choose", "viewed")}),
        ("viewed@1", {("missing", "Look", "one of ad, visit")}),
        ("ad@0 blog@0.5 viewed@1", {("ad hoc", "Look", "blog")}),
        # What is off the map after the last planned event lies behind the place: nothing was planned there.
        ("ad@0 viewed@1 blog@2", set()),
        ("ad@0 opened@1 viewed@2", {("out of order", "Pay", "opened")}),
        ("ad@0 viewed@1 viewed@2", {("repeated", "Choose", "viewed")}),
        ("ad@0 viewed!@1", {("failed", "Choose", "viewed")}),
        ("ad@0 viewed@1 bought!@2", {("failed", "Pay", "bought"), ("missing", "Pay", "opened")}),
    ],
)
def test_journeys_cut_short_deviate_up_to_their_place(
    journey: str, expected: set[tuple[str, str, str]], days: int
) -> None:
    check = check_of(journey, days=days)
    assert check.journeys.outcome.tolist() == ["open" if days == 4 else "dropped"]
    assert found_in(journey, days=days) == expected


def test_who_has_not_gone_on_yet_is_not_late() -> None:
    assert found_in("ad@0 viewed@1", days=9) == set()
    assert found_in("ad@0 viewed@1 opened@7", days=9) == {("late", "Choose", "opened")}


def test_a_date_without_a_time_is_in_no_order_with_what_happened_that_day() -> None:
    """Opened at 9 on the day on which something was looked at, nobody knows when: before or after."""
    journey = "ad@0 opened@2.375 viewed@2.5 opened@3 bought@4"
    assert found_in(journey) == {("ad hoc", "Look", "opened")}
    swapped = "ad@0 opened@2 viewed@2.375 bought@4"
    assert found_in(swapped) == {("out of order", "Choose", "viewed")}
    assert found_in(swapped, precision=[0, 86_400, 0, 0]) == set()
    assert found_in(swapped, precision=[0, 3_600, 0, 0]) == {("out of order", "Choose", "viewed")}


# coverage -------------------------------------------------------------------------------------------------


def covered(log: JourneyLog, **sources: dict) -> JourneyLog:
    day = {n: START + pd.Timedelta(days=n) for n in range(-1, 401)}
    rows = [
        {
            "source": name,
            "kind": "Table",
            "records": 0,
            "first": day[given.get("first", 0)],
            "last": day[400],
            "gaps": [{"start": START + pd.Timedelta(days=a), "end": START + pd.Timedelta(days=b)}
                     for a, b in given.get("gaps", [])],
            "timezone": "UTC",
            "timezone_given": True,
            "note": "",
        }
        for name, given in sources.items()
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=schema.SOURCES)
    return JourneyLog.from_events(log.events.drop(columns="journey"), sources=table, data_end=log.data_end)


@pytest.mark.parametrize(
    ("web", "expected"),
    [
        ({}, {"one of ad, visit"}),
        # The source was down when the journey began, or as long before as patience (10 days) lasts.
        ({"gaps": [(29, 31)]}, set()),
        ({"gaps": [(22, 23)]}, set()),
        ({"gaps": [(15, 16)]}, {"one of ad, visit"}),
        # It began later than the other source.
        ({"first": 25}, set()),
        ({"first": 15}, {"one of ad, visit"}),
    ],
)
def test_what_a_source_did_not_see_before_the_first_event_is_not_missing(
    web: dict, expected: set[str]
) -> None:
    log = log_of(
        "visit@0 viewed@1", "ad@60 viewed@61", "viewed@30", source=["shop"] * 2 + ["web"] * 2 + ["shop"]
    )
    check = cj.check(covered(log, shop={}, web=web).split(INTENDED), INTENDED)
    assert set(check.deviations.touchpoint) == expected


def test_a_choice_is_missing_only_where_all_its_sources_recorded() -> None:
    """Whether the shop was visited, only the shop's till can say."""
    log = log_of(
        "visit@0 viewed@1", "ad@60 viewed@61", "viewed@30", source=["till", "web", "web", "web", "web"]
    )
    down = {"gaps": [(25, 31)]}
    for sources, expected in (
        ({"till": {}, "web": {}}, {"one of ad, visit"}),
        ({"till": down, "web": {}}, set()),
        ({"till": {}, "web": down}, set()),
    ):
        check = cj.check(covered(log, **sources).split(INTENDED), INTENDED)
        assert set(check.deviations.touchpoint) == expected


# the tables by hand ---------------------------------------------------------------------------------------


def test_counts_and_comparison_by_hand() -> None:
    journeys = (
        AS_PLANNED,
        "ad@0 blog@0.2 blog@0.4 viewed@1 opened@2 bought@5",
        "ad@0 blog@0.5 viewed@1",  # went on from Look, then left
        "ad@0 viewed@1",
        "ad@0 blog@1",  # read after the place: no deviation
        "ad@0",  # left at Look: is nobody to compare with
        "ad@375 blog@376 viewed@377 opened@378 bought@379",  # too young: 375 + 20 + 10 > 400
    )
    row = check_of(*journeys).deviations.iloc[0]
    assert tuple(row[["type", "stage", "touchpoint"]]) == ("ad hoc", "Look", "blog")
    assert (row.journeys, row.events, row.journeys_there) == (3, 4, 7)
    assert row.share_of_journeys == row.share_of_journeys_there == 3 / 7
    assert (row.mature_with, row.converted_with) == (2, 1)
    assert (row.mature_without, row.converted_without) == (2, 1)
    assert row.difference == 0.0
    assert (row.lower, row.upper) == newcombe(1, 2, 1, 2)[1:]
    assert row.q == 1.0
    assert (row.median_s_with, row.median_s_without) == (5 * 86_400, 3 * 86_400)


def test_what_went_wrong_is_held_against_those_where_the_touchpoint_took_place() -> None:
    journeys = (
        "ad@0 viewed!@1 opened@2 bought@3",
        "ad@0 viewed!@1",
        AS_PLANNED,
        "ad@0 opened@2 bought@3",  # nothing was viewed
        "ad@0",
    )
    rows = check_of(*journeys).deviations.set_index("type")
    failed = rows.loc["failed"]
    assert (failed.journeys, failed.journeys_there) == (2, 4)
    assert (failed.mature_with, failed.converted_with) == (2, 1)
    assert (failed.mature_without, failed.converted_without) == (1, 1)


def test_converted_after_the_horizon_is_not_converted_within_it() -> None:
    slow = "ad@0 blog@1 viewed@9 opened@18 bought@21"
    row = check_of(slow).deviations.set_index("type").loc["ad hoc"]
    assert (row.mature_with, row.converted_with) == (1, 0)
    assert np.isnan(row.difference)
    assert np.isnan(row.median_s_with)


def test_by_channel_by_hand() -> None:
    channels = ["web", "app", "phone", None, "web"]
    check = check_of("ad@0 blog@0.3 blog@0.5 blog@0.6 viewed@1", channel=pd.array(channels, dtype="str"))
    table = check.deviations_by_channel
    rows = table[[*WHAT, "channel", "journeys", "events"]].to_dict("records")
    blog = dict(zip(WHAT, ("ad hoc", "Look", "blog"), strict=True)) | {"journeys": 1, "events": 1}
    assert sorted(rows, key=lambda row: row["channel"]) == [
        blog | {"channel": channel} for channel in ("", "app", "phone")
    ]
    assert check.deviations.events.tolist() == [3]
    assert table.share_of_journeys.tolist() == [1.0] * 3


def test_without_deviations_the_tables_keep_their_types() -> None:
    some, none = check_of("ad@0 blog@1 viewed@2"), check_of(AS_PLANNED)
    assert len(none.deviations) == len(none.deviations_by_channel) == 0
    assert none.deviations.dtypes.tolist() == some.deviations.dtypes.tolist()
    assert none.deviations_by_channel.dtypes.tolist() == some.deviations_by_channel.dtypes.tolist()


# against a count in pandas --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counted() -> tuple[JourneyLog, cj.Conformance, pd.DataFrame]:
    shop = cj.simulate.shop(1500, seed=5, clean=True)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    return (
        log,
        cj.check(log, intended, by="persona"),
        deviations.by_journey(Reading.of(log, make_plans(log, intended), None)),
    )


def test_the_table_is_what_a_count_of_journeys_gives(
    counted: tuple[JourneyLog, cj.Conformance, pd.DataFrame],
) -> None:
    log, check, each = counted
    journeys = check.journeys.set_index("journey")
    stages = list(check.intended.stage_names)
    moves = check.moves()
    on_path = moves[moves.stage.astype(str) != ""]
    done = set(
        on_path.loc[on_path.event >= 0, ["journey", "stage", "touchpoint"]]
        .astype(str)
        .itertuples(index=False, name=None)
    )
    visited = on_path.assign(rank=on_path.stage.astype(str).map(stages.index)).groupby("journey")["rank"]
    ranks = {journey: {-1} for journey in journeys.index} | {journey: set(of) for journey, of in visited}
    tried = ("failed", "repeated", "wrong channel")
    took = journeys.decided_at - journeys.start
    mature = journeys.start + pd.Timedelta(days=30 + 14) <= log.data_end
    soon = mature & (journeys.outcome == "converted") & (took <= pd.Timedelta(days=30))
    texts = each.astype(dict.fromkeys(WHAT, str))
    assert len(check.deviations) > 60
    for row in check.deviations.itertuples():
        of_group = journeys.index[journeys.by == row.by]
        at_stage = texts[(texts.stage == row.stage) & texts.journey.isin(of_group)]
        same = at_stage[(at_stage.type == row.type) & (at_stage.touchpoint == row.touchpoint)]
        having = set(same.journey)
        if row.stage == schema.BEFORE_THE_MAP:
            there = went_on = set(of_group) & set(moves.journey)
        else:
            rank = stages.index(row.stage)
            there = {j for j in of_group if rank in ranks[j]} | set(at_stage.journey)
            went_on = {j for j in there if max(ranks[j]) > rank or journeys.outcome[j] == "converted"}
        if row.type in tried:
            wrong = at_stage[at_stage.type.isin(tried) & (at_stage.touchpoint == row.touchpoint)]
            took_place = {j for j in there if (str(j), row.stage, row.touchpoint) in done}
            compared = took_place | set(wrong.journey)
        else:
            compared = went_on
        with_ = [j for j in sorted(having & compared) if mature[j]]
        without = [j for j in sorted(compared - having) if mature[j]]
        assert (row.journeys, row.events, row.journeys_there) == (len(having), len(same), len(there))
        assert row.share_of_journeys == len(having) / len(of_group)
        assert (row.mature_with, row.converted_with) == (len(with_), int(soon[with_].sum()))
        assert (row.mature_without, row.converted_without) == (len(without), int(soon[without].sum()))
        if not with_ or not without:
            assert np.isnan(row.difference)
            continue
        limits = newcombe(
            row.converted_with,
            row.mature_with,
            row.converted_without,
            row.mature_without,
            effect=effect_of(journeys.customer, soon, with_),
            other_effect=effect_of(journeys.customer, soon, without),
        )
        assert (row.difference, row.lower, row.upper) == pytest.approx(limits)
        for median, chosen in ((row.median_s_with, with_), (row.median_s_without, without)):
            times = took[[j for j in chosen if soon[j]]].dt.total_seconds()
            assert median == pytest.approx(times.median(), rel=RELATIVE_ERROR, nan_ok=True)


def effect_of(customer: pd.Series, soon: pd.Series, journeys: list[int]) -> float:
    of = soon[journeys].groupby(customer[journeys])
    d, n = of.sum().to_numpy(), of.size().to_numpy()
    return design_effect(len(journeys), (d @ d, d @ n, n @ n), soon[journeys].mean())


def test_blocks_and_groups_add_up(counted: tuple[JourneyLog, cj.Conformance, pd.DataFrame]) -> None:
    log, check, _ = counted
    reading = Reading.of(log, make_plans(log, check.intended), "persona")
    one = scanning.find(reading).deviations
    object.__setattr__(reading, "blocks", log.blocks(events=1000))
    assert len(reading.blocks) > 10
    many = scanning.find(reading).deviations
    for name in ("key", "events", "journeys", "bases", "channel_key", "channel_counts"):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name), err_msg=name)
    for name in ("times", "base_times"):
        for column in ("key", "counts", "total"):
            expected, found = (getattr(getattr(each, name), column) for each in (one, many))
            np.testing.assert_allclose(found, expected, rtol=1e-9)
    columns = ["journeys", "events", "journeys_there", "mature_with", "converted_with"]
    summed = check.deviations.groupby(WHAT, as_index=False)[columns[:2]].sum().sort_values(WHAT)
    overall = check.overall.deviations.sort_values(WHAT)
    assert overall[columns[:2]].to_numpy().tolist() == summed[columns[:2]].to_numpy().tolist()
    alone = cj.check(log, check.intended).deviations
    pd.testing.assert_frame_equal(check.overall.deviations, alone, rtol=1e-9)


def test_chance_makes_no_difference() -> None:
    """Pages of the blog are read by chance between two pages and change nothing.

    Held against all who were there, they would seem to help: who left had no chance to be seen reading.
    """
    shop = Shop(replace(cj.simulate.null_shop(6000, seed=2).settings, stray=0.1))
    intended = parse_map(shop.intended_text)
    rows = cj.check(shop.log.split(intended), intended).deviations
    assert set(rows.type) == {"ad hoc"}
    told = rows[rows.mature_with >= 50]
    assert len(told) >= 4
    assert (told.q > 0.05).all()
    checkout = told.set_index("stage").loc["Checkout"]
    assert checkout.lower < 0 < checkout.upper


# against the truth ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def accuracy() -> ModuleType:
    path = ROOT / "benchmarks" / "accuracy" / "deviations.py"
    spec = importlib.util.spec_from_file_location("accuracy", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("seed", "exported"), [(1, False), (2, True)], ids=["log", "exports"])
def test_deviations_are_found_and_nothing_else(accuracy: ModuleType, seed: int, exported: bool) -> None:
    shop = cj.simulate.shop(2000, seed=seed, **accuracy.CUT_SHORT)
    scores = accuracy.score(shop, exported=exported)
    assert scores["left out"] < 0.005 * scores["journeys"]
    planted = {"missing", "ad hoc", "out of order", "failed", "repeated", "wrong channel", "late"}
    assert scores["types"].keys() == planted
    for type_, of in scores["types"].items():
        assert min(of["all"]["precision"], of["all"]["recall"]) >= 0.98, type_
        assert of["cut short"]["true"] >= 5, type_
        least = 0.9 if exported else 0.98  # of a few dozen journeys, one whose pages the exports lost
        assert min(of["cut short"]["precision"], of["cut short"]["recall"]) >= least, type_


def test_the_null_shop_has_no_deviation(accuracy: ModuleType) -> None:
    assert accuracy.score(cj.simulate.null_shop(3000, seed=8))["types"] == {}
