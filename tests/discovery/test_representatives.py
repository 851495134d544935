"""Representatives by hand, and against holding every journey against every other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from tests.discovery.test_variants import log_of
from tests.edits import distance
from tests.examples import examples


def journeys_of(names, start=0):
    return [(n, [(10 * k, name) for k, name in enumerate(one)]) for n, one in enumerate(names, start)]


HAND = ["abcd"] * 3 + ["abce"] * 2 + ["abxd"] + ["mn"] * 2 + ["mno"] + ["z"]
ENDS = ["converted"] * 3 + ["dropped", "open"] + ["converted"] + ["dropped"] * 2 + ["dropped"] + ["open"]


def test_by_hand():
    """Within a quarter of the steps: abcd stands for 6 of 10 journeys, mn (2 own, mno is 1/3 away) for 2."""
    log = log_of(journeys_of(HAND)).tag(outcome=ENDS)
    found = cj.variants(log).representatives(2, limit=0.25)
    table = found.representatives
    assert table["variant"].tolist() == ["a > b > c > d", "m > n"]
    assert table["journeys"].tolist() == [6, 2]
    assert table["own_journeys"].tolist() == [3, 2]
    assert table["customers"].tolist() == [6, 2]
    assert table["share_of_journeys"].tolist() == [0.6, 0.2]
    assert table["covered_so_far_share"].tolist() == [0.6, 0.8]
    np.testing.assert_allclose(table["mean_distance"], [3 * 0.25 / 6, 0])
    assert table[["converted", "dropped", "turned_away", "open"]].values.tolist() == [
        [4, 1, 0, 1],
        [0, 2, 0, 0],
    ]
    np.testing.assert_allclose(table["converted_share_of_decided"], [0.8, 0.0])
    account = found.account.iloc[0]
    assert account[["journeys", "covered_journeys", "uncovered_journeys"]].tolist() == [10, 8, 2]
    assert account[["variants", "considered_variants", "considered_journeys"]].tolist() == [6, 6, 10]
    assert account["at_best_share"] == 0.9  # after abcd (6) the largest gains left are 2 and 1
    assert account["mean_distance"] == pytest.approx((3 * 0.25 + 1 / 3 + 1) / 10)


def test_the_frequent_of_equally_good_ones_and_no_more_than_needed():
    found = cj.variants(log_of(journeys_of(["ab"] * 2 + ["ac"] * 3))).representatives(4, limit=0.5)
    assert found.representatives["variant"].tolist() == ["a > c"]
    assert found.account["covered_share"].tolist() == [1.0]


def test_only_the_same_where_the_limit_is_none():
    found = cj.variants(log_of(journeys_of(HAND))).representatives(3, limit=0)
    assert (
        found.representatives["journeys"].tolist()
        == found.representatives["own_journeys"].tolist()
        == [3, 2, 2]
    )


@examples(60)
@given(
    st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=14),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.25, 0.5, 0.75]),
)
def test_the_guarantee_holds_and_every_number_is_of_all_journeys(names, number, limit):
    names = sorted(names)
    found = cj.variants(log_of(journeys_of(names))).representatives(number, limit=limit)

    def apart(one, other):
        return distance(one, other) / max(len(one), len(other))

    def covered(chosen):
        return sum(any(apart(one, each) <= limit + 1e-9 for each in chosen) for one in names)

    chosen = [name.replace(" > ", "") for name in found.representatives["variant"]]
    different = sorted(set(names))
    best = max(map(covered, itertools.combinations(different, min(number, len(different)))))
    account = found.account.iloc[0]
    assert account["covered_journeys"] == covered(chosen) >= (1 - (1 - 1 / number) ** number) * best - 1e-9
    assert account["at_best_share"] * len(names) >= best - 1e-9
    assert found.representatives["journeys"].sum() == covered(chosen)
    nearest = [min(apart(one, each) for each in chosen) for one in names]
    assert account["mean_distance"] == pytest.approx(np.mean(nearest))
    so_far = [covered(chosen[:k]) / len(names) for k in range(1, len(chosen) + 1)]
    np.testing.assert_allclose(found.representatives["covered_so_far_share"], so_far)


def test_of_many_some_are_drawn_and_the_same_ones_whatever_the_order():
    random = np.random.default_rng(3)
    names = ["".join(random.choice(list("abcde"), random.integers(3, 9))) for _ in range(900)] + ["abcd"] * 30
    found = cj.variants(log_of(journeys_of(names))).representatives(3, largest=200)
    again = cj.variants(log_of(journeys_of(names[::-1]))).representatives(3, largest=200)
    every = cj.variants(log_of(journeys_of(names))).representatives(3)
    assert found.representatives["variant"].tolist() == again.representatives["variant"].tolist()
    account = found.account.iloc[0]
    assert account["considered_variants"] == 200 < account["variants"]
    assert account["covered_journeys"] + account["uncovered_journeys"] == len(names)
    assert account["covered_share"] > 0.85 * every.account["covered_share"].iloc[0]


def test_a_journey_is_covered_by_several_but_one_stands_for_it():
    """abxx is 2 of 4 edits from abcd, chosen first, and 2 of 6 from abxxyy, which stands for it."""
    names = ["abcd"] * 3 + ["xycd"] * 3 + ["abxx"] + ["abxxyy"] * 2
    found = cj.variants(log_of(journeys_of(names))).representatives(2)
    table = found.representatives
    assert table["variant"].tolist() == ["a > b > c > d", "a > b > x > x > y > y"]
    assert table["covered_journeys"].tolist() == [7, 3]
    assert table["journeys"].tolist() == [6, 3]
    assert table["covered_so_far_share"].tolist() == [7 / 9, 1.0]
    assert found.account[["customers", "covered_journeys"]].to_numpy().tolist() == [[9, 9]]
    assert repr(found).splitlines() == [
        "Representatives: 2 variants, within 0.5 edits per step of 9 of 9 journeys (100 %)",
        "  a > b > c > d: stands for 6 journeys (67 %)",
        "  a > b > x > x > y > y: stands for 3 journeys (33 %)",
    ]


def test_groups_have_their_own_and_none_has_none():
    import pandas as pd

    customers = pd.DataFrame({"customer": range(10), "city": ["Bern"] * 6 + ["Rom"] * 4})
    found = cj.variants(log_of(journeys_of(HAND), customers=customers), by="city").representatives(1)
    assert found.representatives[["by", "variant"]].to_numpy().tolist() == [
        ["Bern", "a > b > c > d"],
        ["Rom", "m > n"],
    ]
    empty = cj.variants(log_of([])).representatives()
    assert empty.representatives.empty
    assert empty.representatives.dtypes.to_dict() == found.representatives.dtypes.to_dict()
    assert empty.account.dtypes.to_dict() == found.account.dtypes.to_dict()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"number": 0}, "number is a whole number of at least 1, not 0"),
        ({"number": None}, "number is a whole number of at least 1, not None"),
        ({"number": "5"}, "number is a whole number of at least 1, not '5'"),
        ({"number": 1.5}, "number is a whole number of at least 1, not 1.5"),
        ({"largest": True}, "largest is a whole number of at least 1, not True"),
        ({"limit": 1.5}, "limit is a number from 0 to 1, not 1.5"),
        ({"limit": None}, "limit is a number from 0 to 1, not None"),
        ({"limit": "x"}, "limit is a number from 0 to 1, not 'x'"),
    ],
)
def test_what_makes_no_sense_is_refused(options, words):
    with pytest.raises(cj.LogError, match=words):
        cj.variants(log_of(journeys_of(HAND))).representatives(**options)
