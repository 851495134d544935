"""Small groups are merged so that everything still adds up, and small rows stay out of sight."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from cjmining.report.disclosure import hide_small_rows, merge_check, merge_found, shown_groups, small_groups
from cjmining.report.words import SMALLER
from tests.report.factory import BY_GROUP, COUNTS, ISLANDERS, STAGES, grouped, ungrouped


def test_nothing_is_merged_where_every_group_is_large_enough():
    results = grouped()
    assert merge_check(results.check, 10) is results.check
    assert merge_found(results.found, results.check, 10) is results.found


def test_ungrouped_results_have_no_groups_to_merge():
    results = ungrouped()
    assert merge_check(results.check, 10**6) is results.check


def test_a_small_group_takes_the_next_smallest_with_it_until_they_are_enough():
    assert small_groups(grouped(islanders=True).check, 10) == {"Islanders", "unknown"}
    assert small_groups(grouped(islanders=True).check, 100) == {"Islanders", "unknown", "Gen Z"}
    assert small_groups(grouped(islanders=True).check, 60) == {"Islanders", "unknown"}


def test_the_counts_of_merged_groups_add_up_stage_by_stage():
    check = merge_check(grouped(islanders=True).check, 10)
    merged = check.stages[check.stages["by"] == SMALLER].set_index("stage")

    for stage in STAGES:
        assert merged.loc[stage, "entered"] == COUNTS["unknown"][stage][0] + ISLANDERS[stage][0]
        assert merged.loc[stage, "dropped"] == COUNTS["unknown"][stage][3] + ISLANDERS[stage][3]
    assert check.groups == ("Gen Z", "Families", SMALLER)


def test_the_share_of_merged_groups_is_that_of_their_counts():
    check = merge_check(grouped(islanders=True).check, 10)
    row = check.stages[(check.stages["by"] == SMALLER) & (check.stages["stage"] == "Awareness")].iloc[0]
    # 15 of 50 and 1 of 7 are 16 of 57; Wilson's limits by hand: (0.3143 -+ 0.1152) with z = 1.96
    assert row["drop_out_share"] == pytest.approx(16 / 57)
    assert row["lower"] == pytest.approx(0.1810, abs=0.0005)
    assert row["upper"] == pytest.approx(0.4085, abs=0.0005)


def test_merging_keeps_every_total():
    results = grouped(islanders=True)
    check = merge_check(results.check, 10)
    found = merge_found(results.found, results.check, 10)
    for table, column in (("outcomes", "journeys"), ("dropouts", "journeys"), ("deviations", "journeys")):
        assert getattr(check, table)[column].sum() == getattr(results.check, table)[column].sum()
    for table, column in (("variants", "journeys"), ("transitions", "count"), ("touchpoints", "count")):
        assert getattr(found, table)[column].sum() == getattr(results.found, table)[column].sum()
    shares = found.variants.groupby("by", observed=True)["share_of_journeys"].sum()
    assert shares.to_numpy() == pytest.approx(1.0)


def test_no_small_group_is_named_anywhere_after_merging():
    results = grouped(islanders=True)
    check, found = merge_check(results.check, 10), merge_found(results.found, results.check, 10)
    for result, names in (
        (check, BY_GROUP),
        (found, ("overview", "transitions", "variants", "touchpoints", "ends")),
    ):
        for name in names:
            assert "Islanders" not in set(getattr(result, name)["by"].astype(str)), name


def test_pictures_are_not_drawn_from_rows_about_few_journeys():
    check = hide_small_rows(grouped().check, 40)
    assert (check.dropouts["journeys"] >= 40).all()
    assert not (check.touchpoints["journeys"] < 40).any()
    assert check.touchpoints["journeys"].isna().sum() == 2  # Checkout and Delivery of the unknown: 30 and 25
    hardly = check.stages[(check.stages["by"] == "unknown") & (check.stages["stage"] == "Checkout")].iloc[0]
    for column in ("entered", "dropped", "mature", "drop_out_share", "median_s"):
        assert pd.isna(hardly[column])


def test_few_answers_make_no_mean():
    results = grouped()
    few = results.check.stages.assign(satisfaction_answered=9)
    check = hide_small_rows(dataclasses.replace(results.check, stages=few), 10)
    assert check.stages["satisfaction"].isna().all()
    assert check.stages["satisfaction_answered"].isna().all()
    none = hide_small_rows(
        dataclasses.replace(
            results.check, stages=few.assign(satisfaction_answered=0, satisfaction=float("nan"))
        ),
        10,
    )
    assert (none.stages["satisfaction_answered"] == 0).all()


def test_only_the_largest_groups_get_pictures_of_their_own():
    check = grouped().check
    assert shown_groups(check) == check.groups
    many = tuple(f"g{number:02d}" for number in range(20))
    outcomes = pd.DataFrame({"by": many, "journeys": range(20)})
    assert shown_groups(dataclasses.replace(check, groups=many, outcomes=outcomes)) == many[8:]


def test_every_table_of_a_check_by_group_is_merged():
    from cjmining.conformance import Conformance
    from cjmining.report.disclosure import _CHECK_RULES

    by_themselves = {"journeys", "standouts", "sensitivity", "ranking", "knowledge", "value_by_currency"}
    assert set(Conformance._tables) == {*_CHECK_RULES, *by_themselves}


def test_merging_keeps_the_counts_of_promises_channels_and_hand_offs():
    results = grouped(islanders=True)
    check = merge_check(results.check, 10)
    for table, columns in (
        ("expectations", ("measured", "kept", "journeys_broken", "dropped_when_broken")),
        ("expectations_by_week", ("measured", "kept")),
        ("expectations_by_channel", ("measured", "kept")),
        ("channels", ("contacts", "journeys", "answered", "waits")),
        ("handoffs", ("handoffs", "journeys")),
        ("fitness", ("journeys", "cost", "worst", "perfect")),
        ("deviations_by_channel", ("journeys", "events")),
    ):
        for column in columns:
            assert getattr(check, table)[column].sum() == getattr(results.check, table)[column].sum(), table


def test_what_cannot_be_merged_is_empty_and_what_can_is_taken_from_the_counts():
    check = merge_check(grouped(islanders=True).check, 10)
    promise = check.expectations[check.expectations["by"] == SMALLER].iloc[0]
    # 21 of 30 times of the unknown and 2 of 4 of the islanders
    assert promise["share_kept"] == pytest.approx(23 / 34)
    assert promise[["lower", "upper", "median", "difference"]].isna().all()
    assert promise["verdict"] == ""
    channel = check.channels[(check.channels["by"] == SMALLER) & (check.channels["channel"] == "web")].iloc[0]
    assert channel["satisfaction"] == pytest.approx(0.5)
    assert channel[["lower", "upper", "median_wait_s"]].isna().all()
    fitness = check.fitness[check.fitness["by"] == SMALLER].iloc[0]
    assert fitness[["fitness", "mean_fitness"]].tolist() == pytest.approx([0.8, 0.75])
    deviation = check.deviations[check.deviations["by"] == SMALLER].iloc[0]
    assert deviation[["journeys_there", "mature_with", "difference", "q"]].isna().all()
    handoff = check.handoffs[check.handoffs["by"] == SMALLER].iloc[0]
    assert handoff["share_of_journeys"] == pytest.approx(
        6 / 67
    )  # 30 // 5 of the unknown, 4 // 5 of the islanders


def test_a_picture_is_not_drawn_from_promises_of_few_or_comparisons_with_few():
    check = hide_small_rows(grouped().check, 45)
    unknown = check.expectations[check.expectations["by"] == "unknown"]  # measured 30 times
    assert unknown[["measured", "share_kept", "lower", "upper"]].isna().all().all()
    assert not check.expectations[check.expectations["by"] == "Gen Z"]["share_kept"].isna().any()
    few = check.deviations["mature_with"] < 45
    assert few.any()
    assert check.deviations.loc[few, ["difference", "q"]].isna().all().all()


def test_a_promise_kept_or_broken_in_few_journeys_is_withheld_however_often_it_was_measured():
    results = grouped()
    often = results.check.expectations.assign(measured=500, journeys_kept=5, journeys_broken=4)
    check = hide_small_rows(dataclasses.replace(results.check, expectations=often), 10)
    assert check.expectations["share_kept"].isna().all()
