"""The nearest journeys and where journeys part: by hand, and against holding each against each."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.discovery.variants import ended
from tests.discovery.test_variants import log_of
from tests.edits import distance, from_beginning
from tests.examples import examples


def log_by_words(*ways: tuple[str, str], **customers) -> cj.JourneyLog:
    """A customer a way: its steps as words, and how it ended."""
    journeys = [(n, list(enumerate(steps.split()))) for n, (steps, _) in enumerate(ways)]
    return log_of(journeys, **customers).tag(outcome=[outcome for _, outcome in ways])


HAND = (
    ("ad shop mail basket left", "dropped"),
    ("ad shop basket checkout order", "converted"),
    ("ad shop basket checkout order", "converted"),
    ("shop basket checkout order", "converted"),
    ("ad shop mail shop", "open"),
    ("ad shop", "dropped"),
)


def test_by_hand_from_the_beginning():
    found = cj.nearest_journey(log_by_words(*HAND), 0)
    assert found.nearest["variant"].tolist() == [
        "ad > shop > basket > checkout > order",
        "shop > basket > checkout > order",
    ]
    assert found.nearest["distance"].tolist() == [2.0, 3.0]  # mail and left are too much; and ad
    assert found.nearest["journeys"].tolist() == [2, 1]
    assert found.nearest["journey"].tolist() == [1, 3]
    assert found.nearest["compared_steps"].tolist() == [3, 2]
    assert found.nearest["distance_per_step"].tolist() == [2 / 5, 3 / 5]
    first = found.alignment[found.alignment["rank"] == 1]
    assert first["difference"].tolist() == ["same", "same", "too much", "same", "too much"]
    assert first["touchpoint"].tolist() == ["ad", "shop", "mail", "basket", "left"]
    assert first["their_touchpoint"].tolist() == ["ad", "shop", "", "basket", ""]
    assert first["their_step"].tolist() == [1, 2, 0, 3, 0]
    assert found.words == (
        "Journey 0 (5 steps, dropped) is 2 edits from the beginning of the way of 2 converted journeys "
        "(ad > shop > basket > checkout > order). It has too much: mail, left. They part after basket (step "
        "4): they went on to checkout, this one to left."
    )


def test_by_hand_as_a_whole():
    found = cj.nearest_journey(log_by_words(*HAND), 5, whole=True)
    assert found.nearest["distance"].tolist() == [3.0, 4.0]  # of the shorter one every step is another
    assert found.words.startswith(
        "Journey 5 (2 steps, dropped) is 3 edits from the way of 2 converted journeys"
    )
    assert "It lacks: basket, checkout, order." in found.words
    assert found.words.endswith(
        "They part after shop (step 2): they went on to basket, this one ended there."
    )


def test_a_cut_journey_is_no_edit_from_what_it_began():
    found = cj.nearest_journey(log_by_words(*HAND), 5)
    assert found.nearest["distance"].tolist() == [0.0, 1.0]
    assert "lacks" not in found.words


def test_weights_say_what_a_difference_counts():
    log = log_by_words(("ad mail shop", "dropped"), ("ad shop", "converted"), ("ad mail basket", "converted"))
    assert cj.nearest_journey(log, 0, whole=True).nearest["variant"].tolist() == [
        "ad > shop",
        "ad > mail > basket",
    ]
    found = cj.nearest_journey(log, 0, whole=True, weights={"mail": 1.25})
    assert found.nearest["variant"].tolist() == ["ad > mail > basket", "ad > shop"]
    assert found.nearest["distance"].tolist() == [1.0, 1.25]


def test_ties_go_to_more_journeys_then_the_shorter_then_by_steps():
    log = log_by_words(
        ("a x", "dropped"), ("a c", "converted"), ("a b", "converted"), ("a d e", "converted"),
        ("a d f", "converted"), ("a d f", "converted"),
    )  # fmt: skip
    assert cj.nearest_journey(log, 0).nearest["variant"].tolist() == [
        "a > d > f",
        "a > b",
        "a > c",
        "a > d > e",
    ]


def test_neighbours_of_the_same_group_alone():
    customers = pd.DataFrame({"customer": range(6), "city": ["Rom", "Bern", "Bern", "Rom", "Rom", "Ulm"]})
    log = log_by_words(*HAND, customers=customers)
    found = cj.nearest_journey(log, 0, by="city")
    assert found.nearest["variant"].tolist() == ["shop > basket > checkout > order"]
    with pytest.raises(cj.LogError, match="no journey of 'Ulm' has the outcome 'converted'"):
        cj.nearest_journey(log, 5, by="city")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda log: cj.nearest_journey(log, 1), "journey 1 is converted itself"),
        (lambda log: cj.nearest_journey(log, 6), "there is no journey 6: this log has 6, from 0 to 5"),
        (lambda log: cj.nearest_journey(log, "0"), "journey is a whole number of at least 0, not '0'"),
        (lambda log: cj.nearest_journey(log, 0, number=0), "number is a whole number of at least 1, not 0"),
        (lambda log: cj.nearest_journey(log, 0, outcome="won"), "there is no outcome 'won'"),
        (lambda log: cj.nearest_journey(log, 0, outcome="turned away"), "nothing to compare with"),
        (lambda log: cj.nearest_journey(log, 0, weights={"shup": 2}), "weights names 'shup'.*mean 'shop'"),
        (lambda log: cj.nearest_journey(log, 0, weights={"shop": -1}), "a number from 0 to 1000, not -1"),
        (lambda log: cj.nearest_journey(log, 0.0), "journey is a whole number of at least 0, not 0.0"),
        (lambda log: cj.nearest_journey(log, 0, number=1.5), "number is a whole number .* not 1.5"),
        (lambda log: cj.nearest_journey(log, 0, number=True), "number is a whole number .* not True"),
        (lambda log: cj.nearest_journey(log, 0, number=None), "number is a whole number .* not None"),
        (lambda log: cj.nearest_journey(log, 0, number="3"), "number is a whole number .* not '3'"),
        (lambda log: cj.nearest_journey(log, 0, outcome=None), "there is no outcome None"),
        (lambda log: cj.nearest_journey(log, 0, whole="yes"), "whole is True or False, not 'yes'"),
        (lambda log: cj.nearest_journey(log, 0, weights=["shop"]), "weights is a mapping of steps to num"),
        (
            lambda log: cj.nearest_journey(log, 0, weights={1: 2}),
            "weights names steps by their texts, not by 1",
        ),
        (lambda log: cj.nearest_journey(log, 0, weights={"shop": "x"}), "the weight of 'shop' is a number"),
        (lambda log: cj.partings(log, weights={"shop": True}), "the weight of 'shop' is a number"),
        (
            lambda log: cj.partings(log, weights=dict.fromkeys(log.vocabulary("touchpoint"), 0)),
            "weights lets no step count",
        ),
        (lambda log: cj.partings(log, outcome=5), "there is no outcome 5"),
        (lambda log: cj.partings(log, of=None), r"there is no outcome \(of=\) None"),
        (lambda log: cj.partings(log, whole=1), "whole is True or False, not 1"),
        (lambda log: cj.partings(log, outcome="turned away"), "no journey has the outcome 'turned away'"),
        (lambda log: cj.partings(log, of="converted"), "outcome and of are both 'converted'"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(cj.LogError, match=words):
        call(log_by_words(*HAND))


@pytest.mark.parametrize("call", [lambda log: cj.nearest_journey(log, 0), cj.partings])
def test_a_log_without_outcomes_is_told_how_to_get_them(call):
    with pytest.raises(cj.LogError, match=r"log\.tag\(outcome=check\.journeys\['outcome'\]\)"):
        call(log_of([(0, [(0, "a")])]))


def test_numbers_of_numpy_are_numbers():
    found = cj.nearest_journey(log_by_words(*HAND), np.int64(0), number=np.int64(1))
    assert found.nearest["distance"].tolist() == [2.0]


def test_what_is_far_is_said_to_be():
    log = log_by_words(("ad x y z", "dropped"), ("ad shop order", "converted"), ("ad x y order", "converted"))
    near = cj.nearest_journey(log, 0)
    assert near.nearest["differing_share_of_steps"].tolist() == [0.25, 0.75]  # z; all but the ad
    assert near.notes == ()
    far = cj.nearest_journey(log_by_words(*_FAR), 0, ignore=["mial"])
    assert far.nearest["differing_share_of_steps"].tolist() == [0.75]
    said = "The nearest isn't near: 3 of the journey's 4 steps (75 %) differ."
    assert said in far.words
    assert said in far.notes
    assert repr(far).count("isn't near") == 1
    assert "'mial'" in repr(far)


_FAR = (("ad x y z", "dropped"), ("ad shop order", "converted"))


def test_steps_may_be_named_like_the_words_for_start_and_end():
    found = cj.partings(log_by_words(("(end)", "dropped"), ("a (start)", "converted"), ("a", "dropped")))
    assert found.parting[
        ["after_touchpoint", "to_touchpoint", "nearest_to_touchpoint"]
    ].to_numpy().tolist() == [
        ["((start))", "(end)", "a"],
        ["a", "((end))", "(start)"],
    ]


def test_differences_count_customers():
    journeys = [(0, "ad mail left"), (0, "ad mail basket left"), (1, "ad left"), (2, "ad basket order")]
    log = log_of(
        [
            (customer, [(100 * n + k, step) for k, step in enumerate(steps.split())])
            for n, (customer, steps) in enumerate(journeys)
        ]
    ).tag(outcome=["dropped"] * 3 + ["converted"])
    found = cj.partings(log)
    assert found.differences[
        ["touchpoint", "journeys", "customers", "lacking", "too_much"]
    ].to_numpy().tolist() == [
        ["left", 3, 2, 0, 3],
        ["mail", 2, 1, 0, 2],
    ]
    assert found.account[["journeys", "customers"]].to_numpy().tolist() == [[3, 2]]


def test_the_commonest_place_is_told_of_all_and_of_each_group():
    ways = [("ad left", "dropped")] * 3 + [("shop left", "dropped")] * 2 + [("ad shop", "converted")] * 2
    cities = ["Rom", "Bern", "Bern", "Rom", "Rom", "Rom", "Bern"]
    log = log_by_words(*ways, customers=pd.DataFrame({"customer": range(7), "city": cities}))
    head = (
        "Partings: 5 journeys (dropped) held against the nearest of 2 journeys (converted); "
        "the commonest place is after ad: 3 of 5 journeys (60 %)"
    )
    assert repr(cj.partings(log)) == head
    assert repr(cj.partings(log, by="city")).splitlines() == [
        head,
        "  Bern: after ad: 2 of 2 journeys (100 %)",
        "  Rom: after (start): 2 of 3 journeys (67 %)",
    ]


def test_partings_by_hand():
    found = cj.partings(log_by_words(*HAND))
    assert found.parting.drop(columns="share_of_journeys").to_dict("split")["data"] == [
        ["all", "basket", "left", "checkout", 1, 1, 2.0],
        ["all", "shop", "(end)", "basket", 1, 1, 0.0],
    ]
    assert found.parting["share_of_journeys"].tolist() == [0.5, 0.5]
    assert found.touchpoints["after_touchpoint"].tolist() == ["basket", "shop"]
    assert found.differences[["touchpoint", "journeys", "lacking", "too_much"]].to_dict("split")["data"] == [
        ["left", 1, 0, 1],
        ["mail", 1, 0, 1],
    ]
    assert found.account.to_dict("records") == [
        {
            "by": "all",
            "journeys": 2,
            "customers": 2,
            "compared_journeys": 2,
            "candidate_journeys": 3,
            "mean_distance": 1.0,
        }
    ]


def test_what_has_nothing_to_be_held_against_is_counted():
    customers = pd.DataFrame({"customer": range(6), "city": ["Rom", "Bern", "Bern", "Rom", "Rom", "Ulm"]})
    found = cj.partings(log_by_words(*HAND, customers=customers), by="city")
    assert found.account[
        ["by", "journeys", "compared_journeys", "candidate_journeys"]
    ].to_numpy().tolist() == [
        ["Rom", 1, 1, 1],
        ["Ulm", 1, 0, 0],
    ]
    assert found.account["mean_distance"].isna().tolist() == [False, True]
    assert found.parting["by"].tolist() == ["Rom"]


def test_nothing_dropped_keeps_the_types():
    none, some = cj.partings(log_by_words(("a", "converted"))), cj.partings(log_by_words(*HAND))
    for name in some._tables:
        assert getattr(none, name).empty
        assert getattr(none, name).dtypes.to_dict() == getattr(some, name).dtypes.to_dict()


WAYS = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=5), st.sampled_from(["converted", "dropped"])
    ),
    min_size=2,
    max_size=14,
)


@examples(80)
@given(WAYS, st.booleans())
def test_partings_hold_each_journey_against_the_nearest(ways, whole):
    log = log_by_words(*((" ".join(steps), outcome) for steps, outcome in ways))
    best = distance if whole else from_beginning
    good = Counter(tuple(steps) for steps, outcome in ways if outcome == "converted")
    left = [tuple(steps) for steps, outcome in ways if outcome == "dropped"]
    if not good:
        with pytest.raises(cj.LogError, match="no journey has the outcome 'converted'"):
            cj.partings(log)
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ended, "CHUNK", 2)
        found = cj.partings(log, whole=whole)
    assert found.account["journeys"].sum() == len(left)
    if not left:
        assert found.parting.empty
        return
    assert found.parting["journeys"].sum() == found.touchpoints["journeys"].sum() == len(left)
    nearest = [min(best(one, other) for other in good) for one in left]
    assert found.account["mean_distance"].iloc[0] == pytest.approx(np.mean(nearest))
    total = (found.parting["mean_distance"] * found.parting["journeys"]).sum()
    assert total == pytest.approx(sum(nearest))
    for number, (steps, outcome) in enumerate(ways):
        if outcome == "dropped":
            single = cj.nearest_journey(log, number, whole=whole, number=3)
            order = sorted(good, key=lambda way: (best(steps, way), -good[way], len(way), way))
            assert single.nearest["variant"].tolist() == [" > ".join(way) for way in order[:3]]
