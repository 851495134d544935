"""Matches of a pattern: what is counted, on journeys worked out by hand; blocks give what the whole does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cjmining as cj
from cjmining.discovery import summary
from cjmining.patterns import parse
from cjmining.stats import wilson_of_clusters

DAY = 86_400

JOURNEYS = [
    # customer, journey, touchpoint and day of each event
    (0, "x1", "cart 0, order 1"),
    (0, "x2", "cart 10, order 11, cart 12, order 14"),
    (1, "x1", "cart 0, call 1, order 9"),
    (1, "x2", "cart 20"),
    (2, "x1", "call 0"),
    (3, "x1", "order 0, cart 1, call 2, order 4"),
]
OUTCOMES = ["converted", "converted", "converted", "open", "dropped", None]
PATTERN = "cart -> {within 3d} order"


def log_of(journeys) -> cj.JourneyLog:
    rows = [
        (customer, native, touchpoint, pd.Timestamp("2026-03-01") + pd.Timedelta(float(day), "D"))
        for customer, native, text in journeys
        for touchpoint, day in (event.split() for event in text.split(", "))
    ]
    frame = pd.DataFrame(rows, columns=["customer", "native_journey", "touchpoint", "timestamp"])
    customers = pd.DataFrame({"customer": range(4), "persona": ["new", "new", "old", "old"]})
    return cj.JourneyLog.from_events(frame, customers=customers)


LOG = log_of(JOURNEYS)
TAGGED = LOG.tag(outcome=OUTCOMES)


def test_every_match_of_a_journey_or_its_first():
    every = cj.matches(LOG, PATTERN, every=True).matches
    assert every["journey"].tolist() == [0, 1, 1, 5]
    assert every["customer"].tolist() == [0, 0, 0, 3]
    assert every["match"].tolist() == [0, 1, 2, 3]
    assert every[["first_event", "last_event"]].to_numpy().tolist() == [[0, 1], [2, 3], [4, 5], [12, 14]]
    assert every["duration_s"].tolist() == [DAY, DAY, 2 * DAY, 3 * DAY]
    assert every["start"].iloc[2] == pd.Timestamp("2026-03-13", tz="UTC")
    assert every["end"].iloc[2] == pd.Timestamp("2026-03-15", tz="UTC")
    first = cj.matches(LOG, PATTERN)
    assert first.matches["journey"].tolist() == [0, 1, 5]
    assert first.matches["last_event"].tolist() == [1, 3, 14]
    assert not first.every


def test_events_of_a_match_and_the_steps_that_they_are():
    found = cj.matches(LOG, "cart -> (call -> order | order)", every=True).events
    assert found["match"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4]
    assert found["journey"].tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 2, 5, 5, 5]
    assert found["event"].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14]
    assert found["step"].tolist() == [1, 2, 1, 2, 1, 2, 1, 2, 2, 1, 2, 2]
    assert set(found["name"]) == {"cart", "(call -> order | order)"}
    assert found["touchpoint"].tolist()[6:9] == ["cart", "call", "order"]
    assert found["timestamp"].iloc[0] == pd.Timestamp("2026-03-01", tz="UTC")


def test_overview_counts_journeys_with_limits_for_customers_of_several():
    overview = cj.matches(TAGGED, PATTERN, every=True).overview.iloc[0]
    assert overview["by"] == "all"
    assert (overview["journeys"], overview["customers"], overview["matched"]) == (6, 4, 3)
    # matched journeys and journeys of each customer: 2 of 2, 0 of 2, 0 of 1, 1 of 1
    expected = wilson_of_clusters(3, 6, (4 + 1, 4 + 1, 4 + 4 + 1 + 1))
    assert tuple(overview[["share_of_journeys", "lower", "upper"]]) == pytest.approx(expected)
    assert overview["found"] == 4
    assert overview["median_s"] == 1.5 * DAY
    assert overview["p90_s"] == pytest.approx(np.quantile([1, 1, 2, 3], 0.9) * DAY)
    assert overview["open_without"] == 1
    assert "open_without" not in cj.matches(LOG, PATTERN).overview


def test_steps_count_the_journeys_that_come_so_far():
    found = cj.matches(LOG, "cart -> {within 1d} call? -> {within 3d} order", by="persona").steps
    assert found["by"].tolist() == ["new"] * 3 + ["old"] * 3
    assert found["name"].tolist() == ["cart", "call?", "order"] * 2
    assert found["optional"].tolist() == [False, True, False] * 2
    assert found["journeys"].tolist() == [4, 1, 2, 1, 1, 1]
    assert found["customers"].tolist() == [2, 1, 1, 1, 1, 1]
    assert found["share_of_journeys"].tolist() == [1.0, 0.25, 0.5, 0.5, 0.5, 0.5]


def test_a_step_counts_as_done_where_it_is_complete():
    log = log_of(
        [(0, "x1", "cart 0, call 1"), (1, "x1", "cart 0, call 1, call 2"), (2, "x1", "call 0, call 1")]
    )
    steps = cj.matches(log, "cart -> call{-> 2}").steps
    assert steps["journeys"].tolist() == [2, 1]


def test_outcomes_of_journeys_with_and_without():
    found = cj.matches(TAGGED, PATTERN).outcomes
    assert found["path"].tolist() == ["with", "without"]
    columns = ["journeys", "customers", "converted", "dropped", "turned_away", "open", "unknown"]
    assert found[columns].to_numpy().tolist() == [[3, 2, 2, 0, 0, 0, 1], [3, 2, 1, 1, 0, 1, 0]]
    assert found["converted_share_of_decided"].tolist() == [1.0, 0.5]
    by = cj.matches(TAGGED, PATTERN, by=["persona"]).outcomes
    assert by[["by", "path", "journeys"]].to_numpy().tolist() == [
        ["new", "with", 2], ["new", "without", 2], ["old", "with", 1], ["old", "without", 1],
    ]  # fmt: skip
    untold = cj.matches(LOG, PATTERN).outcomes
    assert untold.empty
    assert untold.dtypes.tolist() == found.dtypes.tolist()


def test_groups_are_told_apart():
    overview = cj.matches(LOG, PATTERN, by="persona", every=True).overview
    assert overview["by"].tolist() == ["new", "old"]
    assert overview["journeys"].tolist() == [4, 2]
    assert overview["matched"].tolist() == [2, 1]
    assert overview["found"].tolist() == [3, 1]
    assert overview["median_s"].tolist() == [DAY, 3 * DAY]


def test_empty_tables_keep_their_types():
    full, empty = cj.matches(TAGGED, "cart"), cj.matches(TAGGED, "order > order")
    for name in full._tables:
        assert full.to_arrow()[name].schema.names == empty.to_arrow()[name].schema.names
        assert getattr(full, name).dtypes.tolist() == getattr(empty, name).dtypes.tolist()
    assert empty.matches.empty
    assert empty.overview["matched"].tolist() == [0]
    assert np.isnan(empty.overview["median_s"].iloc[0])
    nobody = cj.matches(TAGGED.where(path="order > order"), "cart")
    assert nobody.overview.empty
    assert nobody.steps.empty
    assert nobody.matches.dtypes.tolist() == full.matches.dtypes.tolist()
    assert repr(nobody) == "Matches of 'cart': no journeys"


def test_it_shows_what_was_found():
    found = cj.matches(LOG, PATTERN)
    assert repr(found).startswith("Matches of 'cart -> {within 3d} order': in 50 % (")
    assert repr(found).endswith(" of 6 journeys")
    assert found.pattern == parse(PATTERN)
    new, old = (wilson_of_clusters(*sums) for sums in ((2, 4, (4, 4, 8)), (1, 2, (1, 1, 2))))
    assert repr(cj.matches(LOG, PATTERN, by="persona")).splitlines()[1:] == [
        f"  new: in 50 % ({100 * new.lower:.0f}-{100 * new.upper:.0f} %) of 4 journeys, median 1 d",
        f"  old: in 50 % ({100 * old.lower:.0f}-{100 * old.upper:.0f} %) of 2 journeys, median 3 d",
    ]
    one = cj.matches(LOG.where(persona="old"), "order > order", by="persona")
    assert repr(one).splitlines()[0].endswith(" of 2 journeys in 1 group")
    assert repr(one).splitlines()[1].startswith("  old: in 0 % (0-")


def test_many_groups_are_cut():
    journeys = [(number, "x1", "cart 0, order 1") for number in range(4)] * 5
    log = log_of([(customer, f"x{at}", text) for at, (customer, _, text) in enumerate(journeys)])
    found = cj.matches(log.tag(team=[f"{at:02}" for at in range(20)]), PATTERN, by="team")
    assert len(repr(found).splitlines()) == 20
    assert repr(found).endswith("  and 2 groups more in .overview")


def test_blocks_and_threads_give_what_the_whole_log_does(monkeypatch):
    shop = cj.simulate.shop(300, seed=3).log
    pattern = "product_viewed -> {without support_called} basket_filled -> {within 2d} order_placed"
    whole = cj.matches(shop, pattern, by="month", every=True)
    assert len(whole.matches) > 20
    monkeypatch.setattr(summary, "BLOCK_EVENTS", 1)
    monkeypatch.setattr(summary, "MOST_BLOCKS", 10_000)
    several = cj.matches(shop, pattern, by="month", every=True)
    for name in whole._tables:
        pd.testing.assert_frame_equal(getattr(whole, name), getattr(several, name))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cj.matches("log", "a"), "matches takes a JourneyLog first, not str"),
        (lambda: cj.matches(LOG, "not cart"), "asks for journeys without one: leave `not` out"),
        (lambda: cj.matches(LOG, ["cart"]), "a pattern is a text such as 'cart -> order', not list"),
        (lambda: cj.matches(LOG, "cart", every="yes"), "every is True or False, not 'yes'"),
        (lambda: parse("cart", allow_unknown=1), "allow_unknown is True or False, not 1"),
        (lambda: cj.matches(LOG, "CART"), "no touchpoint 'CART', did you mean 'cart'"),
        (lambda: cj.matches(LOG, "carts"), "no touchpoint 'carts', did you mean 'cart'"),
        (lambda: cj.matches(LOG, "cart", by="personas"), "did you mean 'persona'"),
    ],
)
def test_what_cannot_be_matched_is_told(call, words):
    with pytest.raises(cj.LogError, match=words):
        call()
