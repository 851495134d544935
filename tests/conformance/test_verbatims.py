"""Which comments are chosen: by hand, and by properties over any answers."""

from __future__ import annotations

import json
import re
from statistics import median

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.intended import parse_map
from tests.examples import examples

MAP = parse_map("""
map: Shop
goal: [paid]
patience: 30d
stages:
  - stage: Ask
    order: any
    touchpoints:
      - {touchpoint: called, channels: [phone], optional: true, repeat: true}
      - {touchpoint: call_rated, optional: true, repeat: true, rates: [called]}
  - stage: Pay
    touchpoints:
      - {touchpoint: paid}
""")


def check_of(answers, *, groups=None):
    """Check one journey a row of (customer, score, comment): called, then rated."""
    events = [
        row
        for number, (customer, score, comment) in enumerate(answers)
        for row in [
            (customer, 2 * number, "called", "phone", None, '{"queue": "x"}'),
            (customer, 2 * number + 1, "call_rated", "survey", score,
             None if comment is None else json.dumps({"comment": comment, "page": 1})),
        ]
    ]  # fmt: skip
    names = ["customer", "minute", "touchpoint", "channel", "satisfaction", "properties"]
    table = pd.DataFrame(events, columns=names)
    table["timestamp"] = pd.Timestamp("2026-03-02", tz="UTC") + pd.to_timedelta(
        table.pop("minute"), unit="min"
    )
    table["satisfaction"] = table["satisfaction"].astype(float)
    people = sorted({customer for customer, *_ in answers})
    customers = pd.DataFrame({"customer": people, "region": [(groups or {}).get(c, "all") for c in people]})
    log = cj.JourneyLog.from_events(table, customers=customers, data_end="2026-03-20").split(MAP)
    return cj.check(log, MAP, by="region" if groups else None)


TEN = [(number, 0.75, None) for number in range(8)]


def test_one_is_typical_and_one_of_the_least_satisfied():
    told = check_of([*TEN, (8, 0.75, "Quick and good"), (9, 0, "Nobody answered"), (10, 1, "The very best")])
    table = told.verbatims(smallest=3)
    assert table["comment"].tolist() == ["Quick and good", "Nobody answered"]
    assert table["chosen"].tolist() == ["typical", "least satisfied"]
    first = table.iloc[0].to_dict()
    assert first == {
        "by": "all", "stage": "Ask", "touchpoint": "called", "channel": "phone", "satisfaction": 0.75,
        "comment": "Quick and good", "chosen": "typical", "comments": 3, "customers": 3, "answered": 11,
        "median_satisfaction": 0.75,
    }  # fmt: skip


def test_nothing_is_shown_where_too_few_commented():
    told = check_of([(1, 0.5, "I waited long"), (1, 0.5, "And once again"), (2, 0.5, "So did I, long")])
    assert told.verbatims(smallest=3).empty
    assert len(told.verbatims(smallest=2)) > 0
    assert told.verbatims(smallest=3).columns.tolist() == told.verbatims(smallest=2).columns.tolist()


def test_the_same_words_are_told_once_and_redacted_or_long_ones_come_last():
    told = check_of(
        [
            (1, 0.5, "x" * 300),
            (2, 0.5, "Ask for [..] there"),
            (3, 0.5, "Fine with me"),
            (4, 0.5, "FINE, with me!"),
            (5, 0.5, "Ok"),
        ]
    )
    table = told.verbatims(each=20, smallest=1)
    assert table["comment"].tolist() == ["Fine with me", "Ok", "x" * 300, "Ask for [..] there"]
    assert set(table["chosen"]) == {"typical"}  # nobody is less satisfied than the median


def test_groups_choose_by_themselves():
    answers = [(1, 0.5, "Good enough for me"), (2, 1, "Good enough for me"), (3, 1, "More than enough")]
    told = check_of(answers, groups={1: "a", 2: "b", 3: "b"})
    table = told.verbatims(smallest=1)
    assert table[["by", "comment"]].to_numpy().tolist() == [
        ["a", "Good enough for me"], ["b", "Good enough for me"], ["b", "More than enough"]
    ]  # fmt: skip
    assert set(told.overall.verbatims(smallest=3)["by"]) == {"all"}


def test_what_is_no_comment_is_none():
    told = check_of([(1, 0.5, None), (2, 0.5, ""), (3, 0.5, "  ")])
    assert told.verbatims(smallest=1).empty


def test_a_log_without_properties_has_none():
    shop = cj.simulate.shop(100, seed=1)
    intended = parse_map(shop.intended_text)
    assert cj.check(shop.log.split(intended), intended).verbatims(smallest=1).empty


def test_options_are_checked():
    told = check_of(TEN)
    with pytest.raises(cj.LogError, match="each is a whole number from 1 to 20"):
        told.verbatims(each=0)
    with pytest.raises(cj.LogError, match="smallest is a whole number of at least 1"):
        told.verbatims(smallest=0)


comments = st.one_of(
    st.none(), st.sampled_from(["Good", "good!", "Too slow", "Ask [..] then"]), st.text(max_size=9)
)
answers = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from([0, 0.25, 0.5, 1]), comments), min_size=1, max_size=14
)


@examples(40)
@given(answers, st.integers(1, 4), st.integers(1, 3))
def test_properties_of_any_choice(given_answers, each, smallest):
    told = check_of(given_answers)
    table = told.verbatims(each=each, smallest=smallest)
    written = [
        (who, score, " ".join(said.split())) for who, score, said in given_answers if said and said.split()
    ]
    writers = {who for who, *_ in written}
    assert len(table) <= each
    assert table.empty or len(writers) >= smallest
    said = {re.sub(r"[\W_]+", " ", text).strip().casefold() for *_, text in written} - {""}
    assert table.empty == (len(writers) < smallest or not said)
    middle = median(score for _, score, _ in given_answers)
    for row in table.itertuples():
        assert any((row.satisfaction, row.comment) == (score, text) for _, score, text in written)
        assert (row.comments, row.customers) == (len(written), len(writers))
        assert (row.answered, row.median_satisfaction) == (len(given_answers), middle)
        if row.chosen == "least satisfied":
            assert row.satisfaction < middle
    normal = [re.sub(r"[\W_]+", " ", text).strip().casefold() for text in table["comment"]]
    assert len(set(normal)) == len(normal)
    if len(table) and "typical" in set(table["chosen"]):
        least = set(normal[-1:]) if table["chosen"].iloc[-1] == "least satisfied" else set()
        apart = [
            abs(score - middle)
            for _, score, text in written
            if (words := re.sub(r"[\W_]+", " ", text).strip().casefold()) and words not in least
        ]
        assert abs(table["satisfaction"].iloc[0] - middle) == min(apart)


def test_answers_are_those_of_the_check_on_the_shop(tmp_path):
    folder = cj.simulate.shop(600, seed=3).write(tmp_path / "shop")
    survey = cj.sources.Table(
        folder / "survey.csv", name="survey", customer={"customer_id": "user_id", "email": "email"},
        timestamp="answered_at", timezone="Europe/Berlin", touchpoint="about", channel="survey",
        measures={"satisfaction": ("score", 1, 5)}, event_id="response_id",
    )  # fmt: skip
    people = cj.sources.Customers(
        folder / "customers.csv", identifiers={"customer_id": "user_id", "email": "email"}
    )
    intended = cj.read_map(folder / "intended.yaml")
    log = cj.ingest(survey, customers=people).split(intended).with_personas(intended)
    told = cj.check(log, intended, by="persona")
    table = told.verbatims(each=3, smallest=3)
    assert len(table) > 5
    stages = told.stages.set_index(["by", "stage"])["satisfaction_answered"]
    for row in table.itertuples():
        assert row.answered == stages[row.by, row.stage]
    assert not table["comment"].str.contains(r"@|\d{6}").any()
