"""Differences between two sets of journeys: by hand, against scipy, and a shop against its own check."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import cjmining as cj
from cjmining.conformance.difference_tables import FORMS
from cjmining.conformance.difference_words import means_in_words, points_in_words
from cjmining.intended import parse_map
from cjmining.stats import newcombe

TEXT = """
map: Shop
goal: [paid]
patience: 5d
horizon: 10d
stages:
  - stage: Look
    order: any
    touchpoints:
      - {touchpoint: seen, channels: [web, app]}
      - {touchpoint: called, channels: [phone], optional: true, repeat: true, expect: [{measure: wait_s, at_most: 60, share: 0.8}]}
      - {touchpoint: rated, optional: true, repeat: true, rates: [called]}
  - stage: Pay
    touchpoints:
      - {touchpoint: filled, channels: [web]}
      - {touchpoint: paid, channels: [web]}
"""  # noqa: E501 -- a flow sequence
MAP = parse_map(TEXT)


def log_of(*journeys):
    """Build a log of (customer, group, "touchpoint@day,channel,wait=60,sat=1 ...")."""
    rows, people = [], {}
    for customer, group, words in journeys:
        people[customer] = group
        for word in words.split():
            what, *more = word.split(",")
            touchpoint, day = what.split("@")
            row = {"customer": customer, "touchpoint": touchpoint, "channel": "web"}
            row["timestamp"] = pd.Timestamp("2026-03-01", tz="UTC") + pd.Timedelta(float(day), "D")
            for each in more:
                name, _, value = each.partition("=")
                if value:
                    row[{"wait": "wait_s", "sat": "satisfaction"}[name]] = float(value)
                else:
                    row["channel"] = name
            rows.append(row)
    customers = pd.DataFrame({"customer": list(people), "team": list(people.values())})
    return cj.JourneyLog.from_events(pd.DataFrame(rows), customers=customers, data_end="2026-06-01").split(
        MAP
    )


def many(group, first, **kinds):
    """Return customers of a group, so many of each kind of journey."""
    texts = {
        "pays": "seen@0 filled@1 paid@2",
        "leaves": "seen@0",
        "fills": "seen@0,app filled@1",
        "calls": "seen@0 called@1,phone,wait=30 filled@2 paid@3",
        "waits": "seen@0 called@1,phone,wait=90 filled@2 paid@3",
    }
    listed = [texts[kind] for kind, number in kinds.items() for _ in range(number)]
    return [(first + i, group, text) for i, text in enumerate(listed)]


A = {"pays": 40, "leaves": 30, "fills": 10, "calls": 15, "waits": 5}
B = {"pays": 30, "leaves": 20, "fills": 40, "calls": 6, "waits": 14}


@pytest.fixture(scope="module")
def two():
    """Two groups of 100 and of 110 customers with one journey each."""
    log = log_of(*many("a", 0, **A), *many("b", 1000, **B))
    return cj.difference(cj.check(log, MAP, by="team"), "a", "b")


def test_every_share_is_counted_by_hand(two):
    stages = two.stages.set_index("stage")
    assert stages.loc["Look"].iloc[:6].tolist() == [100, 30, 0.3, 110, 20, 20 / 110]
    assert stages.loc["Pay"].iloc[:6].tolist() == [70, 10, 10 / 70, 90, 40, 40 / 90]
    outcomes = two.outcomes.set_index("outcome")
    assert outcomes["within_horizon_first"].to_dict() == {
        "converted": 60, "dropped": 40, "turned away": 0, "none of these": 0
    }  # fmt: skip
    assert outcomes["within_horizon_second"].tolist() == [50, 60, 0, 0]
    met = two.touchpoints.set_index(["touchpoint", "channel"])
    assert met.loc[("seen", "app"), "journeys_with_it_first"] == 10
    assert met.loc[("called", "phone")].iloc[1:7].tolist() == [100, 20, 0.2, 110, 20, 20 / 110]
    kept = two.promises.set_index("measure").loc["wait_s"]
    assert kept[["measured_first", "kept_first", "measured_second", "kept_second"]].tolist() == [
        20,
        15,
        20,
        6,
    ]
    reached = two.reached.set_index("stage")
    assert reached["entered_in_time_second"].tolist() == [110, 90]
    missing = two.deviations.set_index(["type", "touchpoint"])
    assert missing.empty or ("missing", "called") not in missing.index


def test_differences_are_the_second_less_the_first_with_newcombes_limits(two):
    pay = two.stages.set_index("stage").loc["Pay"]
    assert tuple(pay[["difference", "lower", "upper"]]) == pytest.approx(newcombe(40, 90, 10, 70))
    assert pay["difference"] == pytest.approx(40 / 90 - 10 / 70)


def test_p_is_fishers_and_q_counts_everything_that_is_compared(two):
    pay = two.stages.set_index("stage").loc["Pay"]
    assert pay["p"] == pytest.approx(stats.fisher_exact([[40, 50], [10, 60]]).pvalue, rel=1e-9)
    tested = pd.concat([two._table(name)[["p", "q"]] for name in FORMS]).dropna()
    assert tested["q"].to_numpy() == pytest.approx(stats.false_discovery_control(tested["p"]))
    found = two.findings
    assert found["q"].max() <= 0.05
    assert len(found) == (tested["q"] <= 0.05).sum()
    assert found["rank"].tolist() == list(range(1, len(found) + 1))


def test_sentences_name_both_sides_and_what_they_are_of(two):
    told = two.findings.set_index(["table", "what"])["sentence"]
    assert told["stages", "Pay"] == (
        "Dropped out at Pay within 10 days of entering it: 44 % in b (40 of 90) and 14 % in a (10 of 70), "
        "30 points more (16 to 42)."
    )
    assert two.findings["sentence"].iloc[0] in repr(two)


def test_customers_are_what_is_independent():
    """Three journeys of each customer that all end alike say little more than one does."""
    once, thrice = [], []
    for group, first in (("a", 0), ("b", 1000)):
        for i in range(60):
            leaves = i < (15 if group == "a" else 30)
            text = "seen@{0}" if leaves else "seen@{0} filled@{1} paid@{2}"
            words = [text.format(day, day + 1, day + 2) for day in (0, 20, 40)]
            once.append((first + i, group, words[0]))
            thrice.append((first + i, group, " ".join(words)))
    single, triple = (
        cj.difference(cj.check(log_of(*rows), MAP, by="team"), "a", "b").stages.set_index("stage").loc["Look"]
        for rows in (once, thrice)
    )
    assert triple["mature_first"] == 3 * single["mature_first"] == 180
    assert triple["difference"] == pytest.approx(single["difference"])
    width = triple["upper"] - triple["lower"], single["upper"] - single["lower"]
    assert width[0] >= width[1]
    assert width[0] == pytest.approx(width[1], rel=0.06)  # Student's t for 60 customers in place of normal
    assert triple["p"] == pytest.approx(single["p"], rel=0.05)


def test_means_of_answers_by_hand():
    scores = {"a": [0.25, 0.5, 0.5, 1.0] * 6, "b": [0.25, 0.25, 0.5, 0.0] * 6}
    rows = [
        (1000 * (group == "b") + i, group, f"seen@0 called@1,phone rated@2,sat={score} filled@3 paid@4")
        for group, listed in scores.items()
        for i, score in enumerate(listed)
    ]
    row = cj.difference(cj.check(log_of(*rows), MAP, by="team"), "a", "b").satisfaction.iloc[0]
    a, b = (np.array(scores[name]) for name in "ab")
    spread = a.var() / 24 + b.var() / 24
    error = np.sqrt(spread * 24 / 23)
    assert row["difference"] == pytest.approx(b.mean() - a.mean())
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(b.mean() - a.mean()) / error, 23))
    half = error * stats.t.ppf(0.975, 23)
    assert row["upper"] - row["difference"] == pytest.approx(half)


def test_what_few_did_is_stated_but_not_tested(two):
    few = log_of(*many("a", 0, pays=10, leaves=5), *many("b", 1000, pays=100, leaves=50))
    found = cj.difference(cj.check(few, MAP, by="team"), "a", "b", smallest=20).stages.set_index("stage")
    assert np.isnan(found.loc["Look", "p"])
    assert found.loc["Look", "drop_out_share_first"] == pytest.approx(1 / 3)
    assert found.loc["Look", "lower"] < 0 < found.loc["Look", "upper"]


# on a shop ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop():
    made = cj.simulate.shop(1200, seed=5, returns=0.6)
    intended = parse_map(made.intended_text)
    log = made.log.split(intended).with_personas(intended)
    return log, intended, cj.check(log, intended, by="persona")


def test_counts_are_those_of_the_check(shop):
    _, _, check = shop
    found = cj.difference(check, "Families", "Silver")
    for word, group in (("first", "Families"), ("second", "Silver")):
        stages = check.stages[check.stages["by"] == group].set_index("stage")
        flow, drops = found.flow.set_index("stage"), found.stages.set_index("stage")
        for stage, row in flow.iterrows():
            for name in ("entered", "continued", "converted", "dropped", "turned_away", "open"):
                assert row[f"{name}_{word}"] == (stages.loc[stage, name] if stage in stages.index else 0)
            if stage in stages.index:
                np.testing.assert_allclose(row[f"median_s_{word}"], stages.loc[stage, "median_s"], rtol=1e-9)
        for stage, row in drops.iterrows():
            own = stages.loc[stage] if stage in stages.index else {"mature": 0, "dropped_within_horizon": 0}
            assert row[f"mature_{word}"] == own["mature"]
            assert row[f"dropped_within_horizon_{word}"] == own["dropped_within_horizon"]
        promises = check.expectations[check.expectations["by"] == group]
        assert found.promises[f"measured_{word}"].sum() == promises["measured"].sum()
        assert found.promises[f"kept_{word}"].sum() == promises["kept"].sum()
        answers = found.satisfaction.set_index("stage")
        for stage in answers.index:
            assert answers.loc[stage, f"satisfaction_{word}"] == pytest.approx(
                stages.loc[stage, "satisfaction"]
            )


def test_numbers_add_up(shop):
    _, _, check = shop
    found = cj.difference(check, "Families")
    assert found.second == "the others"
    for word in ("first", "second"):
        flow = found.flow
        parts = sum(
            flow[f"{name}_{word}"] for name in ("continued", "converted", "dropped", "turned_away", "open")
        )
        assert (parts == flow[f"entered_{word}"]).all()
        assert found.outcomes[f"share_of_mature_{word}"].sum() == pytest.approx(1)
        assert (
            found.outcomes[f"within_horizon_{word}"].sum()
            == found.outcomes[f"mature_journeys_{word}"].iloc[0]
        )
        at = ["first", "second"].index(word)
        over = found.overview.iloc[at]
        assert over[["converted", "dropped", "turned_away", "open"]].sum() == over["journeys"]
        assert found.flow[f"dropped_{word}"].sum() == over["dropped"]
    known = check.outcomes[check.outcomes["by"] != "unknown"]
    assert found.overview["journeys"].sum() == known["journeys"].sum()
    assert any("whose group is unknown" in note for note in found.notes)


def test_outcomes_and_touchpoints_against_pandas(shop):
    log, intended, check = shop
    found = cj.difference(check, "Families", "Silver")
    journeys = check.journeys
    patience = max(stage.patience_us for stage in intended.stages)
    longest = pd.Timedelta(max(patience, intended.patience_us), "us")
    mature = journeys["start"] + intended.horizon + longest <= log.data_end
    soon = journeys["decided_at"] - journeys["start"] <= intended.horizon
    for word, group in (("first", "Families"), ("second", "Silver")):
        own = journeys[mature & (journeys["by"] == group)]
        assert found.overview["mature_journeys"][["first", "second"].index(word)] == len(own)
        for outcome in ("converted", "dropped", "turned away"):
            expected = ((own["outcome"] == outcome) & soon[own.index]).sum()
            row = found.outcomes.set_index("outcome").loc[outcome]
            assert row[f"within_horizon_{word}"] == expected
        events = log.events.assign(journey=log.event_journeys())
        ordered = events[(events["touchpoint"] == "parcel_sent") & events["journey"].isin(own["journey"])]
        late = ordered["timestamp"] - ordered["journey"].map(journeys["start"])
        expected = ordered.loc[late <= intended.horizon, "journey"].nunique()
        sent = found.touchpoints[found.touchpoints["touchpoint"] == "parcel_sent"]
        assert sent[f"journeys_with_it_{word}"].sum() == expected


def test_the_other_way_round_is_the_mirror(shop):
    _, _, check = shop
    there, back = cj.difference(check, "Families", "Silver"), cj.difference(check, "Silver", "Families")
    a, b = there.stages.set_index("stage"), back.stages.set_index("stage").loc[there.stages["stage"]]
    np.testing.assert_allclose(a["difference"], -b["difference"])
    np.testing.assert_allclose(a["lower"], -b["upper"])
    np.testing.assert_allclose(a["p"], b["p"])


def test_two_periods_share_customers_and_say_so(shop):
    log, intended, _ = shop
    middle = pd.Timestamp("2026-05-01", tz="UTC")
    parts = [log.where(end=middle), log.where(start=middle)]
    checks = [cj.check(part, intended, by="persona") for part in parts]
    found = cj.difference(*checks)
    shared = len(set(parts[0].journey_customer) & set(parts[1].journey_customer))
    assert shared > 50
    assert found.notes[0].startswith(f"{shared} customers have journeys on both sides")
    assert found.overview["journeys"].tolist() == [part.n_journeys for part in parts]
    one = cj.difference(*checks, "Silver", names=("before", "after"))
    assert (one.first, one.second) == ("before", "after")
    silver = [(check.journeys["by"] == "Silver").sum() for check in checks]
    assert one.overview["journeys"].tolist() == silver


def test_people_of_other_logs_are_known_by_their_identifiers():
    def made(customers, start):
        frame = pd.DataFrame(
            [
                (c, w, f"2026-0{start}-0{d}")
                for c in customers
                for d, w in ((1, "seen"), (2, "filled"), (3, "paid"))
            ],
            columns=["who", "what", "when"],
        )
        source = cj.sources.Table(
            frame, name="s", customer={"who": "email"}, timestamp="when", touchpoint="what"
        )
        return cj.check(cj.ingest(source, data_end="2026-06-01").split(MAP), MAP)

    first = made(["a@x.org", "b@x.org", "c@x.org"], 1)
    second = made(["c@x.org", "b@x.org", "d@x.org", "e@x.org"], 3)
    assert any(
        "2 customers have journeys on both sides" in note for note in cj.difference(first, second).notes
    )


# what can't be compared -----------------------------------------------------------------------------------


def test_what_cannot_be_compared_says_why(shop):
    check = shop[2]
    plain = check.overall
    other_map = parse_map(TEXT.replace("stage: Pay", "stage: Till"))
    small = log_of(*many("a", 0, pays=3))
    cases = [
        (lambda: cj.difference("check", "a"), "difference takes what cj.check made first, not str"),
        (lambda: cj.difference(check, 3), "a group of the check or another check second.*not int"),
        (lambda: cj.difference(check, "Sliver"), "no group 'Sliver', did you mean 'Silver'"),
        (lambda: cj.difference(check, "Silver", "Silver"), "'Silver' is compared with itself"),
        (lambda: cj.difference(plain, "Silver"), "the check has no groups.*by='persona'"),
        (lambda: cj.difference(check, check), "a check is compared with itself"),
        (
            lambda: cj.difference(cj.check(small, MAP), cj.check(small, other_map)),
            "different stages.*only the first has 'Pay'; only the second has 'Till'",
        ),
        (
            lambda: cj.difference(
                cj.check(small, MAP), cj.check(small, parse_map(TEXT.replace("horizon: 10d", "horizon: 9d")))
            ),
            "within 10 days, the other within 9 days",
        ),
        (lambda: cj.difference(check, "Silver", smallest=1), "smallest is a whole number of at least 2"),
        (lambda: cj.difference(check, "Silver", q=0), "q is a false-discovery rate over 0"),
        (lambda: cj.difference(check, "Silver", names=("x", "x")), "names are two different ones"),
        (lambda: cj.difference(check, "Silver", names="xy"), "names is a sequence of names"),
    ]
    for call, words in cases:
        with pytest.raises(cj.LogError, match=words):
            call()


def test_a_side_without_mature_journeys_says_so():
    log = log_of(*many("a", 0, pays=30), *[(500 + i, "b", "seen@91") for i in range(5)])
    found = cj.difference(cj.check(log, MAP, by="team"), "a", "b")
    assert any("No journey of b began at least the horizon" in note for note in found.notes)
    assert len(found.findings) == 0
    assert np.isnan(found.outcomes["difference"]).all()


def test_points_in_words():
    assert points_in_words(0.004, -0.01, 0.02) == "0.4 points more (-1.0 to 2.0)"
    assert points_in_words(-0.01, -0.03, 0.0) == "1 point less (0 to 3)"


def test_means_in_words_keep_the_sign_of_a_limit_beyond_none():
    assert means_in_words(0.09, -0.018, 0.189) == "higher by 0.09 (-0.02 to 0.19)"
    assert means_in_words(-0.05, -0.164, 0.066) == "lower by 0.05 (-0.07 to 0.16)"
    assert means_in_words(-0.22, -0.36, -0.07) == "lower by 0.22 (0.07 to 0.36)"


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(sorted))
def test_the_estimate_lies_within_the_limits_as_they_are_written(ends):
    lower, difference, upper = ends
    for told in (points_in_words, means_in_words):
        words = told(difference, lower, upper)
        size, low, high = map(float, re.findall(r"-?\d+(?:\.\d+)?", words))
        assert low <= size <= high, words
        turned = -1 if words.split()[0] == "lower" or "less" in words else 1
        by = 100 if told is points_in_words else 1
        assert sorted((turned * low / by, turned * high / by)) == pytest.approx([lower, upper], abs=0.0051)


def test_the_same_twice(shop):
    _, _, check = shop
    a, b = (cj.difference(check, "Families", "Silver").to_arrow() for _ in range(2))
    assert all(a[name].equals(b[name]) for name in a)
