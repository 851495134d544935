"""Risks over strata: against published numbers, by hand, against plain Python, and properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjmining.dropout.mantel_haenszel import Adjusted, by_risk_sets, by_strata, mantel_haenszel
from cjmining.stats import Z95, newcombe
from tests.examples import examples

Z90 = 1.6448536269514722
UNITS = st.lists(
    st.tuples(st.integers(0, 3), st.booleans(), st.booleans(), st.integers(0, 5)), min_size=1, max_size=60
)


def columns(units: list[tuple]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*units, strict=True)]


def close(one: Adjusted, other: Adjusted, *, without: tuple[str, ...] = ()) -> None:
    for name in Adjusted._fields:
        if name not in without:
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-9, nan_ok=True), name


def test_deaths_with_tolbutamide_as_published() -> None:
    """Rothman, Greenland and Lash (2008), table 15-1; limits at 90 % as metafor's tests of it have them."""
    found = mantel_haenszel([8, 22], [106, 98], [5, 16], [120, 85])
    assert found.difference == pytest.approx(0.0349, abs=5e-5)
    half = (found.upper - found.difference) * Z90 / Z95
    assert (found.difference - half, found.difference + half) == pytest.approx((-0.0176, 0.0874), abs=1e-4)
    assert found.ratio == pytest.approx(1.3256, abs=5e-5)
    width = math.log(found.ratio_upper / found.ratio) * Z90 / Z95
    limits = (found.ratio * math.exp(-width), found.ratio * math.exp(width))
    assert limits == pytest.approx((0.8658, 2.0296), abs=5e-5)
    assert found.z**2 == pytest.approx(1.1914, abs=5e-5)
    assert found.p() == pytest.approx(0.2750, abs=5e-5)
    assert found.p(more=True) == pytest.approx(0.1375, abs=5e-5)


def test_two_strata_by_hand() -> None:
    found = mantel_haenszel([3, 4], [4, 8], [2, 1], [4, 2])
    # Weights 4 * 4 / 8 = 2 and 8 * 2 / 10 = 1.6; shares 3/4 and 1/2 against 1/2 and 1/2.
    assert found.risk == pytest.approx((2 * 0.75 + 1.6 * 0.5) / 3.6)
    assert found.other_risk == pytest.approx(0.5)
    assert found.difference == pytest.approx(0.5 / 3.6)
    assert found.ratio == pytest.approx(2.3 / 1.8)
    # Of the 8 with 5 hits 2.5 exposed hits are expected, of the 10 with 5 hits 4.
    variance = 4 * 4 * 5 * 3 / (64 * 7) + 8 * 2 * 5 * 5 / (100 * 9)
    assert found.z == pytest.approx(0.5 / math.sqrt(variance))
    assert found.least == pytest.approx(min(2.5 + 4, 1.5 + 4, 2.5 + 1, 1.5 + 1))


def test_strata_with_one_side_alone_say_nothing() -> None:
    close(mantel_haenszel([3, 9], [4, 9], [2, 0], [4, 0]), mantel_haenszel([3], [4], [2], [4]))
    nothing = mantel_haenszel([1], [2], [0], [0])
    assert math.isnan(nothing.difference)
    assert math.isnan(nothing.p())


def test_without_hits_a_ratio_has_no_limits() -> None:
    assert mantel_haenszel([2], [4], [0], [4]).ratio == math.inf
    none = mantel_haenszel([0], [4], [2], [4])
    assert none.ratio == 0
    assert math.isnan(none.ratio_upper)
    assert math.isnan(mantel_haenszel([0], [4], [0], [4]).ratio)


def test_limits_hold_where_one_side_has_no_hits() -> None:
    """None of 36 fits up to z² / (36 + z²) = 9.64 %; 344 of 1,639 is 20.99 %, at least 19.09 % (Wilson)."""
    found = mantel_haenszel([0], [36], [344], [1639])
    assert found.difference == pytest.approx(-344 / 1639)
    assert found.upper == pytest.approx(-0.20988 + math.hypot(0.09642, 0.20988 - 0.19087), abs=1e-4)
    exactly = newcombe(0, 36, 344, 1639)
    assert (found.lower, found.upper) == pytest.approx((exactly.lower, exactly.upper))
    assert math.isnan(found.ratio_upper)
    # Two equal strata are one of twice the size.
    twice, whole = mantel_haenszel([0, 0], [10, 10], [4, 4], [20, 20]), newcombe(0, 20, 8, 40)
    assert (twice.lower, twice.upper) == pytest.approx((whole.lower, whole.upper))
    # Twice the variance is half the units.
    wide, half = mantel_haenszel([0], [36], [50], [100], effect=2), newcombe(0, 18, 25, 50)
    assert (wide.lower, wide.upper) == pytest.approx((half.lower, half.upper))
    # Each of one with all others in its stratum, as in risk sets: 20 of one are a share of 20.
    sets, share = mantel_haenszel([0] * 20, [1] * 20, [30] * 20, [100] * 20), newcombe(0, 20, 600, 2000)
    assert (sets.lower, sets.upper) == pytest.approx((share.lower, share.upper))


TABLES = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    min_size=1,
    max_size=4,
)


@given(TABLES)
def test_limits_hold_the_difference_and_turn_with_it(tables: list[tuple]) -> None:
    a, stays, b, other_stays = (np.array(column) for column in zip(*tables, strict=True))
    one = mantel_haenszel(a, a + stays, b, b + other_stays)
    if math.isnan(one.difference):
        return
    assert one.lower - 1e-9 <= one.difference <= one.upper + 1e-9
    assert -1 <= one.lower <= one.upper <= 1
    for turned in (
        mantel_haenszel(b, b + other_stays, a, a + stays),
        mantel_haenszel(stays, a + stays, other_stays, b + other_stays),
    ):
        assert turned.difference == pytest.approx(-one.difference, abs=1e-9)
        assert (turned.lower, turned.upper) == pytest.approx((-one.upper, -one.lower), abs=1e-9)
    zero = not all(part.sum() for part in (a, stays, b, other_stays))
    if zero and one.difference > -1 and one.difference < 1:
        assert one.upper > one.lower


@given(UNITS)
def test_units_of_as_many_customers_make_the_tables(units: list[tuple]) -> None:
    stratum, exposed, hit, _ = columns(units)
    found, table = by_strata(stratum, exposed, hit, np.arange(len(units)))
    rows = [
        [
            sum(1 for s, e, h, _ in units if (s, e) == (number, side) and (h or not hits))
            for number in range(int(stratum.max()) + 1)
        ]
        for side in (True, False)
        for hits in (True, False)
    ]
    assert [each.tolist() for each in table] == rows
    plain = mantel_haenszel(*rows)
    close(found, plain, without=("lower", "upper", "ratio_lower", "ratio_upper", "z", "effect"))
    assert found.effect >= 1


@given(UNITS, st.permutations(range(4)), st.randoms(use_true_random=False))
def test_neither_numbers_nor_order_matter(units: list[tuple], names: list[int], random) -> None:
    shuffled = random.sample(units, len(units))
    before = by_strata(*columns(units))[0]
    after = by_strata(*columns([(names[s], *rest) for s, *rest in shuffled]))[0]
    close(before, after)


@given(UNITS, st.sampled_from([10**15, -1]))
def test_customers_may_have_numbers_of_any_size(units: list[tuple], factor: int) -> None:
    stratum, exposed, hit, customer = columns(units)
    after = by_strata(stratum, exposed, hit, customer * factor)[0]
    close(by_strata(stratum, exposed, hit, customer)[0], after)


@given(UNITS)
def test_a_stratum_of_others_alone_changes_nothing(units: list[tuple]) -> None:
    more = [*units, (4, False, True, 6), (4, False, False, 7)]
    close(by_strata(*columns(units))[0], by_strata(*columns(more))[0])


def test_a_customer_who_comes_twice_says_no_more() -> None:
    generator = np.random.default_rng(1)
    n = 4000
    stratum, exposed = generator.integers(0, 3, n), generator.random(n) < 0.3
    hit = generator.random(n) < 0.2 + 0.1 * exposed
    once = by_strata(stratum, exposed, hit, np.arange(n))[0]
    twice = by_strata(*(np.repeat(each, 2) for each in (stratum, exposed, hit, np.arange(n))))[0]
    assert twice.difference == pytest.approx(once.difference)
    assert twice.effect == pytest.approx(2, rel=0.02)
    assert twice.upper - twice.lower == pytest.approx(once.upper - once.lower, rel=0.01)
    assert twice.z == pytest.approx(once.z, rel=0.01)


RISKS = st.lists(
    st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 9), st.booleans(), st.integers(0, 5)),
    min_size=1,
    max_size=50,
)


@given(RISKS)
@examples(200)
def test_risk_sets_against_plain_python(units: list[tuple]) -> None:
    found, _, stratum, used = by_risk_sets(*columns(units))
    sets = [
        (int(h), [bool(oh) for os, oe, osince, oh, _ in units if not oe and os == s and osince >= since])
        for s, e, since, h, _ in units
        if e
    ]
    plain = mantel_haenszel(
        [h for h, _ in sets], [1] * len(sets), [sum(o) for _, o in sets], [len(o) for _, o in sets]
    )
    close(found, plain, without=("lower", "upper", "ratio_lower", "ratio_upper", "z", "effect"))
    assert stratum.tolist() == [s for s, e, *_ in units if e]
    held = [
        any(
            oe != e and os == s and (osince >= since if e else osince <= since)
            for os, oe, osince, *_ in units
        )
        for s, e, since, *_ in units
    ]
    assert used.tolist() == held


@given(RISKS)
def test_risk_sets_have_the_influence_of_plain_python(units: list[tuple]) -> None:
    """The design effect from sums over sorted units equals the one from every risk set by itself."""
    found = by_risk_sets(*columns(units))[0]
    if math.isnan(found.difference):
        return
    d, weights, influence = found.difference, 0.0, np.zeros(6)
    counts = np.zeros((2, 2))
    for s, e, since, h, cluster in units:
        others = [(oh, oc) for os, oe, osince, oh, oc in units if not oe and os == s and osince >= since]
        if not e or not others:
            continue
        n = len(others)
        w = n / (1 + n)
        expected = (h + sum(oh for oh, _ in others) - d) / (1 + n)
        weights += w
        counts[0, int(h)] += 1
        for other_hit, _ in others:
            counts[1, int(other_hit)] += 1
        influence[cluster] += w * (h - expected - d)
        for oh, oc in others:
            influence[oc] -= w / n * (oh - expected)
    together = ((influence / weights) ** 2).sum()
    alone = ((found.upper - d) / Z95) ** 2 / found.effect if found.upper < 1 and counts.all() else None
    if alone and alone > 1e-9 and found.effect > 1:
        assert found.effect == pytest.approx(together / alone, rel=1e-6)
