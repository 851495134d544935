"""Patience from those who came back: silences by hand, estimates against what is known, maps with auto."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.blocks import Block
from cjmining.dropout.patience import in_round_figures
from cjmining.dropout.silences import (
    COLUMNS,
    Everyone,
    Sample,
    SomeSilences,
    count,
    read_at,
    watch,
    without_auto,
)
from cjmining.engine.kept import Kept, KeptInFiles, KeptInMemory
from cjmining.intended import parse_map
from cjmining.intended.writing import plain, to_yaml
from cjmining.kernels.silences import ends_of, expect_goings_on, poisson_weights
from cjmining.log import JourneyLog
from tests.conformance.factory import START, log_of
from tests.examples import examples
from tests.intended.test_excel import SMALL, workbook

DAY_US = 86_400_000_000
RUNNING, WENT_ON, BEGAN, MOVED, LEFT = range(5)
MAP = """
map: Shop
goal: [paid]
exits: [{touchpoint: cancelled}, {touchpoint: refused, by: company}]
patience: auto
horizon: 20d
ignore: [ping]
stages:
  - stage: Look
    touchpoints: [{touchpoint: seen, repeat: true}]
  - stage: Buy
    touchpoints:
      - {touchpoint: offer_sent, actor: company, optional: true}
      - {touchpoint: carted, repeat: true}
      - {touchpoint: paid, optional: true}
  - stage: Parcel
    patience: never
    touchpoints: [{touchpoint: parcel_sent, actor: company, optional: true}]
"""
INTENDED = parse_map(MAP)


def silences_of(*journeys: str, intended: cj.IntendedMap = INTENDED, days: float = 20) -> list[tuple]:
    """Return (journey, stage, begun and ended in days, how) of each silence."""
    watched = watch(log_of(*journeys, days=days), intended)
    journey, stage, begun, ended, how = (
        watched.column(name) for name in ("journey", "stage", "begun", "ended", "how")
    )
    columns = (journey, stage, begun / DAY_US, ended / DAY_US, how)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


# Silences ------------------------------------------------------------------------------------------------


def test_silences_end_by_going_on_and_the_last_one_runs_until_the_data_end():
    found = silences_of("seen@0 carted@3 carted@5")
    assert found == [(0, 0, 0, 3, WENT_ON), (0, 1, 0, 2, WENT_ON), (0, 1, 0, 15, RUNNING)]


def test_a_goal_ends_silence_and_what_follows_is_another_journey():
    found = silences_of("seen@0 carted@3 paid@4 seen@8")
    assert found == [(0, 0, 0, 3, WENT_ON), (0, 1, 0, 1, WENT_ON), (1, 0, 0, 12, RUNNING)]


def test_who_comes_back_as_one_who_begins_may_begin_anew_or_not():
    assert (0, 1, 0, 4, BEGAN) in silences_of("carted@0 seen@4")
    assert (0, 1, 0, 4, BEGAN) in silences_of("carted@0 blog@4")


def test_exits_end_silence_by_leaving_or_by_the_company():
    assert silences_of("seen@0 cancelled@2") == [(0, 0, 0, 2, LEFT)]
    assert silences_of("seen@0 refused@2") == [(0, 0, 0, 2, MOVED)]


def test_a_silence_goes_on_at_the_place_to_which_the_company_moves_it():
    found = silences_of("seen@1 offer_sent@3 carted@6 parcel_sent@7")
    assert found == [
        (0, 0, 0, 2, MOVED),
        (0, 1, 0, 1, MOVED),
        (0, 1, 2, 5, WENT_ON),
        (0, 2, 1, 14, RUNNING),  # where patience is never, as no other is estimated: it is not looked at
    ]


def test_what_is_ignored_failed_or_at_the_same_time_is_no_end():
    found = silences_of("seen@0 ping@1 paid!@2 paid@3 seen@3")
    assert found[0] == (0, 0, 0, 2, WENT_ON)  # a failed payment reaches no goal, but the customer is there
    assert found[1] == (0, 1, 0, 1, WENT_ON)
    assert silences_of("seen@2 seen@2 carted@5")[0] == (0, 0, 0, 3, WENT_ON)


def test_a_goal_at_the_time_of_an_exit_comes_before_it():
    assert silences_of("seen@0 cancelled@2 paid@2") == [(0, 0, 0, 2, WENT_ON)]


def test_where_patience_is_stated_it_ends_the_journey():
    stated = parse_map(MAP.replace("  - stage: Buy", "  - stage: Buy\n    patience: 5d"))
    found = silences_of("seen@0 carted@2 paid@9", intended=stated)
    assert found[0] == (0, 0, 0, 2, WENT_ON)
    assert all(journey != 0 or stage == 0 for journey, stage, *_ in found)


def test_silences_are_the_same_whatever_the_blocks():
    shop = cj.simulate.shop(300, seed=2)
    intended = parse_map(shop.intended_text.replace("patience: 14d", "patience: auto"))
    log = shop.log.split(without_auto(intended))
    one, many = watch(shop.log, intended), watch(shop.log, intended, log.blocks(events=50))
    assert len(log.blocks(events=50)) > 10
    assert all(np.array_equal(one.column(name), many.column(name)) for name in COLUMNS)


# How many go on only later -------------------------------------------------------------------------------


def tail_of(lengths: list[int], how: list[int], *, until: int = 10**6, journeys: list[int] | None = None):
    """Return the tail of some silences, which is the same for a sample of everyone and for all together."""
    number = np.array(journeys or range(len(lengths)), np.int64)
    silences = SomeSilences(
        journey=number,
        customer=number,
        begun=np.zeros(len(lengths), np.int64),
        ended=np.array(lengths, np.int64),
        how=np.array(how, np.int8),
    )
    tail = Sample(silences, until).tail()
    n_journeys = len(silences.returning(until))
    of_all = Everyone(tail.ends, silences.begun[:0], surely=0, journeys=n_journeys, until_us=until).tail()
    assert of_all.share.tolist() == tail.share.tolist()
    return tail


def test_those_who_still_run_go_on_as_those_did_who_were_silent_as_long():
    # Four silences: 1, 2 and 4 days, and one that still runs after 3. Of those silent for 3 days, the only
    # one known went on at 4: so the fourth is expected to. Half of them are silent for 4 days, not a third.
    tail = tail_of([1, 2, 4, 3], [WENT_ON, WENT_ON, WENT_ON, RUNNING])
    assert [tail.later_than(length) for length in (1, 2, 3, 4, 5)] == [1.0, 0.75, 0.5, 0.5, 0.0]
    assert tail.shortest(0.5) == 2
    assert tail.shortest(0.49) == 4


def test_who_left_or_began_perhaps_anew_does_not_go_on():
    # One left at 2 days: nobody can say when it would have gone on. Of five that is one fifth less.
    tail = tail_of([1, 1, 2, 3, 3], [WENT_ON, WENT_ON, LEFT, WENT_ON, WENT_ON])
    assert [tail.later_than(length) for length in (1, 2, 3)] == [1.0, 0.5, 0.5]


def test_silences_are_counted_by_the_journeys_that_have_them():
    # Two journeys, each silent twice: one of four silences is 5 days, so one of two journeys is misjudged.
    tail = tail_of([1, 1, 1, 5], [WENT_ON] * 4, journeys=[0, 0, 1, 1])
    assert tail.later_than(5) == 0.5
    assert tail.later_than(1) == 1.0


def test_those_who_came_back_where_journeys_begin_count_as_silences_not_by_their_length():
    # Four silences of one journey each: two went on for sure (1 and 3 days), two came back (9 and 1).
    # They are taken to be as long: of two journeys as many again, so half of four goes on after 3 days.
    tail = tail_of([1, 3, 9, 1], [WENT_ON, WENT_ON, BEGAN, BEGAN])
    assert tail.later_than(2) == 0.5
    assert tail.later_than(4) == 0.0


def test_what_ends_later_than_is_looked_at_does_not_count():
    tail = tail_of([1, 2, 50], [WENT_ON] * 3, until=10)
    assert [tail.later_than(length) for length in (1, 2, 3)] == [1.0, 0.5, 0.0]


def redistributed(lengths: list[int], runs: list[bool]) -> dict[int, float]:
    """Efron's redistribution to the right, mass by mass."""
    order = sorted(range(len(lengths)), key=lambda row: (lengths[row], runs[row]))
    mass = dict.fromkeys(order, 1.0)
    for place, row in enumerate(order):
        behind = order[place + 1 :]
        if runs[row]:
            share = mass.pop(row) / max(len(behind), 1)
            for other in behind:
                mass[other] += share
    return mass


@given(st.lists(st.tuples(st.integers(1, 8), st.booleans()), min_size=1, max_size=20))
def test_the_expected_numbers_are_those_of_redistribution_to_the_right(silences):
    silences = sorted(silences, key=lambda one: (one[0], one[1]))
    lengths, runs = [length for length, _ in silences], [run for _, run in silences]
    n = len(silences)
    ends = ends_of(np.array(lengths), np.where(runs, RUNNING, WENT_ON))
    order = np.argsort(ends)
    none = np.empty(0, np.int64)
    expected = expect_goings_on(ends[order], np.arange(n), none, none, np.ones(n, np.uint8), 10**6)
    oracle = redistributed(lengths, runs)
    assert expected == pytest.approx([oracle.get(row, 0.0) for row in order])


def test_a_silence_that_comes_from_elsewhere_is_at_risk_only_from_then_on():
    # Four silences: over after 1, still running after 2, from 2 to 3, over after 4.
    ends = ends_of(np.array([1, 2, 3, 4]), np.array([WENT_ON, RUNNING, WENT_ON, WENT_ON]))
    expected = expect_goings_on(ends, np.arange(4), np.array([2]), np.array([2]), np.ones(4, np.uint8), 100)
    # S = 2/3 after 1; what runs at 2 adds 1 / (2/3) = 3/2; at 3: 1 + 2/3 x 3/2 / 2; then S = 1/3; at 4:
    # 1 + 1/3 x 3/2.
    assert expected == pytest.approx([1.0, 0.0, 1.5, 1.5])


def test_weights_are_poisson_with_mean_one_and_differ_between_replicates():
    customers = np.arange(100_000)
    weights = poisson_weights(customers, 5).astype(float)
    assert weights.mean() == pytest.approx(1, abs=0.01)
    assert weights.var() == pytest.approx(1, abs=0.02)
    assert abs(np.corrcoef(weights, poisson_weights(customers, 6))[0, 1]) < 0.01


# Piece by piece ------------------------------------------------------------------------------------------

SILENCES = st.lists(
    st.tuples(
        *(st.integers(*bounds) for bounds in ((0, 7), (0, 1), (0, 3), (-1, 1), (1, 9), (0, 4), (0, 12)))
    ),
    min_size=30,
    max_size=80,
)
"""Customer, journey, from which length, stage, for how much longer, what ended it, room beyond that."""


def table_of(silences: list[tuple]) -> pd.DataFrame:
    """Return a row a silence, with the columns that are kept; odd customers have a map of their own."""
    columns = ("customer", "journey", "begun", "stage", "ended", "how", "room")
    table = pd.DataFrame(sorted(silences), columns=columns)
    table["journey"] += 2 * table["customer"]
    table["variant"] = table["customer"] % 2
    table["ended"] += table["begun"]
    table["room"] += table["ended"]
    return table


def kept(table: pd.DataFrame, blocks: int, *, in_files: bool) -> Kept:
    """Keep silences in so many blocks, put in any order."""
    found = KeptInFiles(COLUMNS, Path(mkdtemp()), blocks) if in_files else KeptInMemory(COLUMNS)
    for number in reversed(range(blocks)):
        own = table[table["customer"] * blocks // 8 == number]
        found.put(Block(number, number + 1, 0, 0), {name: own[name].to_numpy() for name in COLUMNS})
    return found


def shares_by_definition(table: pd.DataFrame, times: np.ndarray, until: int) -> dict[int, float]:
    """Return the share of returning journeys that go on at each length or later; each row so many times."""
    length = table["ended"].to_numpy()
    how, begun = table["how"].to_numpy(), table["begun"].to_numpy()
    looked_at = length <= until
    at_risk = ((begun < length[:, None]) & (length >= length[:, None])) @ times
    over = ((how != RUNNING) & (length == length[:, None])) @ times
    runs = (looked_at & (how == RUNNING)) * times
    hazards = {each: over[row] / at_risk[row] for row, each in enumerate(length) if at_risk[row]}
    silent = {t: np.prod([1 - rate for each, rate in hazards.items() if each <= t]) for t in range(20)}
    expected = np.zeros(len(table))
    for row in np.flatnonzero(looked_at & np.isin(how, [WENT_ON, MOVED]) & (times > 0)):
        cut_off = sum(n / silent[t] for t, n in zip(length, runs, strict=True) if t < length[row] and n)
        expected[row] = times[row] * (1 + silent[length[row] - 1] * cut_off / at_risk[row])
    numbers = np.bincount(how[looked_at], times[looked_at], minlength=5)
    alike = (numbers[WENT_ON] + numbers[BEGAN]) / numbers[WENT_ON] if numbers[WENT_ON] else 0.0
    expected[how == WENT_ON] *= alike
    back = looked_at & np.isin(how, [WENT_ON, BEGAN, MOVED])
    journeys = pd.Series(times[back]).groupby(table["journey"].to_numpy()[back]).first().sum()
    if not (journeys and expected.sum()):
        return dict.fromkeys(length, np.nan)
    factor = (alike * numbers[WENT_ON] + numbers[MOVED]) / journeys / expected.sum()
    return {each: min(expected[length >= each].sum() * factor, 1.0) for each in length}


@examples(20)
@given(SILENCES, st.integers(1, 4), st.booleans(), st.integers(1, 8), st.booleans())
def test_pieces_tell_what_one_table_of_all_silences_tells(silences, blocks, in_files, most, beginnings):
    table = table_of(silences)
    everywhere = np.ones((2, 3), np.bool_)
    some = np.array([[True, False, True], [False, True, True]])
    watched = kept(table, blocks, in_files=in_files)
    for places, found in zip((everywhere, some), count(watched, [everywhere, some], most), strict=True):
        here = table[places[table["variant"], table["stage"] + 1]]
        assert found.counts.tolist() == np.bincount(here["how"], minlength=5).tolist()
        assert found.n_customers == here["customer"].nunique()
        room = sorted(here["room"], reverse=True)
        until = min(9, room[19] if len(room) >= 20 else 0)
        if beginnings:
            here = here.assign(how=here["how"].replace(BEGAN, WENT_ON))
        everyone, sample = read_at(watched, found, 9, beginnings=beginnings)
        assert everyone.until_us == sample.until_us == until
        back = here[(here["ended"] <= until) & here["how"].isin([WENT_ON, BEGAN, MOVED])]
        assert everyone.journeys == back["journey"].nunique()
        assert everyone.surely == (back["how"] != BEGAN).sum()
        drawn = sorted(here["customer"].unique(), key=lambda one: int(one) * 0x9E3779B97F4A7C15 % 2**64)
        assert sample.customers.tolist() == sorted(drawn[:most])
        rows = here[here["customer"].isin(drawn[:most])]
        times = poisson_weights(sample.customers, 3)[np.searchsorted(sample.customers, rows["customer"])]
        once = np.ones(len(here))
        for tail, looked_at, weight in (
            (everyone.tail(), here, once),
            (sample.tail(), rows, once[: len(rows)]),
            (sample.tail(3), rows, times.astype(float)),
        ):
            for length, share in shares_by_definition(looked_at, weight, until).items():
                assert tail.later_than(length) == pytest.approx(share, nan_ok=True, abs=1e-12)


# The verb ------------------------------------------------------------------------------------------------


def twenty_lengths(*, copies: int = 2, days: int = 30, never: int = 0, factor: float = 1.0) -> JourneyLog:
    """Silences of 1 to 20 days, one of each on every day before the data end, and some that never end."""
    journeys = [
        f"seen@{start * factor}" + (f" paid@{(start + length) * factor}" if start + length <= days else "")
        for start in range(days)
        for length in [*range(1, 21), *[10**6] * never]
        for _ in range(copies)
    ]
    return log_of(*journeys, days=days * factor)


@pytest.mark.parametrize("never", [0, 5])
def test_long_silences_that_do_not_fit_before_the_data_end_are_not_forgotten(never):
    log = twenty_lengths(never=never)
    found = cj.settle_patience(log, INTENDED, share=0.1, replicates=20)
    # A tenth of those who come back do so after 19 days or 20, whoever never does: patience must exceed 18.
    whole = found.stages.iloc[0]
    assert whole["stage"] == "(whole map)"
    assert whole["estimate_s"] == 18 * 86_400
    assert found.intended.patience == timedelta(days=19)
    assert whole["misjudged_share"] == pytest.approx(0.1)
    assert whole["estimate_lower_s"] <= whole["estimate_s"] <= whole["estimate_upper_s"]
    # What was seen: silences of L days fit on 31 - L of 30 days, so 23 of 410 last 19 days or longer: the
    # plain quantile would be a day shorter, and so would misjudge half as many again.
    events = log.events
    span = events.groupby("customer")["timestamp"].agg(lambda times: (times.max() - times.min()).days)
    seen = span[span > 0]
    assert (seen >= 19).mean() == pytest.approx(23 / 410)
    assert np.quantile(seen, 0.9, method="inverted_cdf") == 17


def test_the_tables_add_up_and_say_what_is_in_force():
    shop = cj.simulate.shop(800, seed=3)
    intended = parse_map(shop.intended_text.replace("patience: 14d", "patience: auto"))
    found = cj.settle_patience(shop.log, intended, share=0.05, replicates=10)
    table = found.stages
    ends = ["went_on", "came_back", "moved_on", "left", "running"]
    assert (table["silences"] == table[ends].sum(axis=1)).all()
    assert table["stage"].tolist() == ["(whole map)", "Awareness", "Research", "Basket", "Checkout"]
    assert table.loc[1:, ["silences", *ends]].sum().tolist() == table.loc[0, ["silences", *ends]].tolist()
    assert (table["patience_s"] == found.intended.patience.total_seconds()).all()
    known = table[table["misjudged_share"].notna()]
    assert (known["lower"] <= known["upper"]).all()
    assert known.iloc[0]["misjudged_share"] <= 0.05
    curve = found.curve[found.curve["stage"] == "(whole map)"]
    assert (curve["patience_s"] / found.intended.patience.total_seconds()).tolist() == [0.25, 0.5, 1, 2, 4]
    assert curve["misjudged_share"].is_monotonic_decreasing
    assert curve["misjudged_share"].iloc[2] == table["misjudged_share"].iloc[0]
    assert found.intended.stages[4].patience == "never"  # a parcel on its way stays one
    assert not found.intended.unsettled
    assert (
        cj.check(shop.log.split(found.intended), found.intended).intended.patience == found.intended.patience
    )


def test_the_estimate_lies_between_pauses_and_returns_of_the_simulated_shop():
    # Customers pause for up to 8 days and parcels leave within 12; who had left comes back from 16 days on.
    shop = cj.simulate.shop(2000, seed=5)
    intended = parse_map(shop.intended_text.replace("patience: 14d", "patience: auto"))
    found = cj.settle_patience(shop.log, intended, replicates=0)
    assert timedelta(days=8) <= found.intended.patience <= timedelta(days=15)
    assert found.stages[["estimate_lower_s", "lower", "upper"]].isna().all(axis=None)


def test_limits_drawn_from_some_customers_are_about_as_wide_as_from_all(monkeypatch: pytest.MonkeyPatch):
    shop = cj.simulate.shop(2000, seed=6)
    intended = parse_map(shop.intended_text.replace("patience: 14d", "patience: auto"))
    of_all = cj.settle_patience(shop.log, intended, share=0.05).stages.iloc[0]
    monkeypatch.setattr("cjmining.dropout.patience.MOST_DRAWN", 700)
    of_some = cj.settle_patience(shop.log, intended, share=0.05).stages.iloc[0]
    assert of_some["misjudged_share"] == of_all["misjudged_share"]
    assert of_some["lower"] < of_some["misjudged_share"] < of_some["upper"]
    ratio = (of_some["upper"] - of_some["lower"]) / (of_all["upper"] - of_all["lower"])
    assert 0.6 < ratio < 1.6


def test_the_order_of_events_does_not_matter():
    log = twenty_lengths(days=25)
    events = log.events[["customer", "timestamp", "touchpoint"]]
    shuffled = JourneyLog.from_events(events.sample(frac=1, random_state=1), data_end=log.data_end)
    one, other = (cj.settle_patience(each, INTENDED, share=0.1, replicates=10) for each in (log, shuffled))
    pd.testing.assert_frame_equal(one.stages, other.stages)
    pd.testing.assert_frame_equal(one.curve, other.curve)
    assert one.intended == other.intended


@pytest.mark.parametrize("first", [10**15, -500])
def test_customers_may_have_numbers_of_any_size(first):
    log = twenty_lengths(days=25)
    events = log.events[["customer", "timestamp", "touchpoint"]].assign(
        customer=log.events["customer"] + first
    )
    moved = JourneyLog.from_events(events, data_end=log.data_end)
    one, other = (cj.settle_patience(each, INTENDED, share=0.1, replicates=2) for each in (log, moved))
    assert one.intended == other.intended
    columns = ["silences", "went_on", "running", "estimate_s"]
    pd.testing.assert_frame_equal(one.stages[columns], other.stages[columns])


@pytest.mark.parametrize("factor", [1 / 24, 0.5, 3])
def test_slower_customers_have_more_patience_in_proportion(factor):
    scaled = replace(INTENDED, horizon=INTENDED.horizon * factor)
    found = cj.settle_patience(twenty_lengths(factor=factor), scaled, share=0.1, replicates=0)
    assert found.stages["estimate_s"].iloc[0] == pytest.approx(18 * 86_400 * factor)


@examples(15)
@given(
    st.lists(st.integers(1, 40), min_size=60, max_size=90), st.integers(1, 9), st.sampled_from([0.05, 0.1])
)
def test_at_most_the_stated_share_comes_later_and_no_shorter_patience_would_do(lengths, hours, share):
    days = [length * hours / 24 for length in lengths]
    log = log_of(*(f"seen@0 paid@{day}" for day in days), days=100)
    intended = replace(INTENDED, horizon=timedelta(days=100))
    found = cj.settle_patience(log, intended, share=share, replicates=0)
    patience = found.intended.patience / timedelta(days=1)
    estimate = found.stages["estimate_s"].iloc[0] / 86_400
    assert sum(day >= patience - 1e-6 for day in days) <= share * len(days)
    assert sum(day >= estimate - 1e-6 for day in days) > share * len(days)


def test_the_same_share_is_misjudged_at_a_patience_as_a_check_drops():
    # Held against the check itself: journeys cut at silence are those that go on after a silence too long.
    log = twenty_lengths(days=200, factor=1.01)
    found = cj.settle_patience(log, replace(INTENDED, horizon=timedelta(days=30)), share=0.1, replicates=0)
    check = cj.check(log.split(found.intended), found.intended)
    early = log.events["timestamp"] <= START + pd.Timedelta(days=150)
    begun = log.events[early].groupby("customer")["timestamp"].min()
    ends = check.journeys[check.journeys["customer"].isin(begun.index)].groupby("customer")["outcome"].first()
    assert (ends == "dropped").mean() == pytest.approx(found.stages["misjudged_share"].iloc[0], abs=0.005)


# Whose patience ------------------------------------------------------------------------------------------


def test_a_stage_that_says_auto_gets_a_patience_of_its_own():
    own = parse_map(
        MAP.replace("patience: auto", "patience: 3d").replace(
            "  - stage: Look", "  - stage: Look\n    patience: auto"
        )
    )
    assert own.unsettled == ("the stage 'Look'",)
    found = cj.settle_patience(twenty_lengths(), own, share=0.1, replicates=0)
    assert found.stages["stage"].tolist() == ["Look"]
    assert found.intended.patience == timedelta(days=3)
    assert found.intended.stages[0].patience == timedelta(days=19)
    assert found.intended.settled.startswith(
        "Patience was estimated: the shortest that misjudges at most 10 %"
    )
    assert "The stage 'Look': 19 days (estimate 18.0 days), from " in found.intended.settled


def personas_log() -> JourneyLog:
    """Old customers are silent for 1 to 20 days before they buy, young ones for as many hours."""
    journeys = [f"seen@0 paid@{length}" for length in range(1, 21) for _ in range(3)]
    journeys += [f"seen@0 paid@{length / 24}" for length in range(1, 21) for _ in range(3)]
    log = log_of(*journeys, days=60)
    customers = pd.DataFrame({"customer": range(120), "born": [1950] * 60 + [2000] * 60})
    return JourneyLog.from_events(
        log.events[["customer", "timestamp", "touchpoint"]], customers=customers, data_end=log.data_end
    )


@pytest.mark.parametrize("whole", ["auto", "30d"])
def test_a_persona_may_have_an_estimate_of_its_own(whole):
    text = MAP.replace("patience: auto", f"patience: {whole}") + (
        "personas:\n"
        "  - persona: Young\n"
        "    where: {born: {at_least: 1997}}\n"
        "    stages: [{stage: Look, patience: auto}]\n"
    )
    intended = parse_map(text)
    assert intended.unsettled[-1] == "the stage 'Look' for the persona 'Young'"
    found = cj.settle_patience(personas_log(), intended, share=0.1, replicates=0)
    young = found.stages[found.stages["persona"] == "Young"]
    assert young["stage"].tolist() == ["Look"]
    assert young["silences"].tolist() == [60]
    assert young["estimate_s"].tolist() == [18 * 3600]
    assert found.intended.for_persona("Young").stages[0].patience == timedelta(hours=19)
    if whole == "auto":
        assert found.intended.patience == timedelta(days=19)
    else:
        assert found.intended.patience == timedelta(days=30)
    assert not found.intended.unsettled
    assert personas_log().split(found.intended).n_journeys > 0


def test_a_map_without_auto_stays_as_it_is():
    stated = parse_map(MAP.replace("patience: auto", "patience: 3d"))
    found = cj.settle_patience(twenty_lengths(), stated)
    assert found.intended == stated
    assert found.stages.empty
    assert found.curve.empty
    assert found.stages["silences"].dtype == np.int64
    assert found.intended.settled == ""


# What can't be told --------------------------------------------------------------------------------------


def test_too_few_who_came_back_are_an_error_that_says_how_many():
    log = log_of("seen@0 carted@2", "seen@0", days=10)
    with pytest.raises(cj.MapError) as raised:
        cj.settle_patience(log, INTENDED)
    assert "patience auto, but too few came back to settle it: in the whole map 0 journeys" in str(
        raised.value
    )
    assert "at least 50 of each are needed" in str(raised.value)
    assert "State a patience there (such as 14d)" in str(raised.value)


def test_those_who_only_came_back_where_journeys_begin_can_be_counted_on_request():
    log = log_of(*(f"seen@0 seen@{1 + number % 10}" for number in range(80)), days=40)
    with pytest.raises(cj.MapError, match=r"\(beginnings=True counts those too"):
        cj.settle_patience(log, INTENDED, replicates=0)
    found = cj.settle_patience(log, INTENDED, beginnings=True, replicates=0)
    assert found.intended.patience == timedelta(days=11)


def test_a_stage_with_too_few_has_the_maps_and_that_is_said():
    few = log_of(*(f"seen@0 paid@{1 + number % 5}" for number in range(60)), "seen@0 carted@1", days=90)
    found = cj.settle_patience(few, INTENDED, replicates=0)
    buy = found.stages[found.stages["stage"] == "Buy"].iloc[0]
    assert np.isnan(buy["estimate_s"])
    assert any("Too few came back in the stage 'Buy'" in note for note in found.notes)


def test_short_data_and_returns_that_do_not_fade_are_noted():
    short = cj.settle_patience(twenty_lengths(days=15, copies=1), INTENDED, share=0.1, replicates=0)
    assert any("silences can be followed for longer than" in note for note in short.notes)
    assert any("go on up to the end of what is looked at" in note for note in short.notes)


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_a_share_lies_between_0_and_1(share):
    with pytest.raises(ValueError, match="share is above 0 and below 1"):
        cj.settle_patience(twenty_lengths(days=15), INTENDED, share=share)


def test_a_share_is_a_number_and_a_map_no_text():
    log = twenty_lengths(days=15)
    with pytest.raises(ValueError, match=r"share is above 0 and below 1, such as 0\.02 for 2 %, not '2%'"):
        cj.settle_patience(log, INTENDED, share="2%")
    with pytest.raises(ValueError, match="replicates is a whole number of at least 0, not '9'"):
        cj.settle_patience(log, INTENDED, replicates="9")
    with pytest.raises(cj.LogError) as told:
        cj.settle_patience(log, "map: Shop\ngoal: [paid]\n")
    assert str(told.value).endswith("not str: give it cjmining.intended.parse_map(text)")


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (13.2 * 24, timedelta(days=14)),
        (72, timedelta(days=4)),
        (71.5, timedelta(hours=72)),
        (0, timedelta(minutes=1)),
    ],
)
def test_patience_is_said_in_round_figures_and_outlasts_the_silence(length, said):
    assert in_round_figures(length * 3600e6) == said


# Maps that say auto --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda log: log.split(INTENDED),
        lambda log: cj.check(log, INTENDED),
        lambda _: INTENDED.walk_rules(["seen"], ["customer"]),
    ],
)
def test_a_map_that_is_not_settled_says_what_to_do(call):
    told = r"patience auto for the map, which is not settled yet; call cj\.settle_patience\(log, intended\)"
    with pytest.raises(cj.MapError, match=told):
        call(twenty_lengths(days=12))


def test_auto_is_written_back_and_told_in_words():
    text = MAP.replace("  - stage: Buy", "  - stage: Buy\n    patience: auto")
    intended = parse_map(text)
    assert parse_map(to_yaml(plain(intended))) == intended
    assert plain(intended)["patience"] == "auto"
    assert intended.with_patience(2).patience == "auto"
    assert "how long is estimated from those who came back" in intended.explain()
    assert "The silence that counts as dropping out here is estimated" in intended.explain()
    assert "Patience: auto" in str(intended)
    assert not any("nobody counts as dropped" in remark for remark in intended.remarks)


def test_a_settled_map_is_written_with_its_numbers():
    found = cj.settle_patience(twenty_lengths(), INTENDED, share=0.1, replicates=0)
    assert plain(found.intended)["patience"] == "19d"
    assert parse_map(to_yaml(plain(found.intended))) == found.intended


def test_a_workbook_may_say_auto(tmp_path: Path):
    sheets = {
        **SMALL,
        "Map": [["Setting", "Value"], ["Name", "Till"], ["Goal", "paid"], ["Patience", "auto"]],
    }
    assert cj.read_map(workbook(tmp_path, sheets)).unsettled == ("the map",)


def test_a_study_settles_patience_and_says_how(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    cj.simulate.shop(300, seed=1).write(tmp_path)
    path = tmp_path / "intended.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("patience: 14d", "patience: auto"), encoding="utf-8"
    )
    with caplog.at_level("INFO", logger="cjmining"):
        study = tmp_path / "study.yaml"
        study.write_text(study.read_text(encoding="utf-8") + "\nworkbook: true\n", encoding="utf-8")
        result = cj.run_study(study)
    settled = result.maps[0].patience
    assert settled is not None
    assert result.check.intended == settled.intended
    assert settled.intended.settled in caplog.text
    assert settled.intended.settled in result.path.read_text(encoding="utf-8")
    assert result.maps[0].settings["patience_s"] == settled.intended.patience.total_seconds()
    assert (result.out / "tables" / "patience_stages.parquet").is_file()
    (told,) = [each for each in result.findings if each.kind == "patience"]
    assert told.about_data
    assert told.text.startswith(settled.intended.settled)
    assert "Delivery (never)" in told.text
    book = openpyxl.load_workbook(result.out / "findings.xlsx")
    assert "settled patience stages" in book.sheetnames
    settings = {row[1]: row[2] for row in book["Settings"].iter_rows(values_only=True)}
    assert settings["patience"].endswith("d (estimated)")
    assert settings["patience in Delivery"] == "never"


def test_no_events_no_patience():
    log = cj.simulate.shop(50, seed=1).log
    with pytest.raises(
        cj.LogError, match="has none: choose other journeys, or state the patience in the map"
    ):
        cj.settle_patience(log.where(start=log.data_end), INTENDED)
