"""Risks over strata: against published numbers, by hand, against plain Python, and properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjmining.dropout.mantel_haenszel import Adjusted, by_risk_sets, by_strata, mantel_haenszel
from cjmining.stats import Z95

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
@settings(max_examples=200)
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
    for s, e, since, h, cluster in units:
        others = [(oh, oc) for os, oe, osince, oh, oc in units if not oe and os == s and osince >= since]
        if not e or not others:
            continue
        n = len(others)
        w = n / (1 + n)
        expected = (h + sum(oh for oh, _ in others) - d) / (1 + n)
        weights += w
        influence[cluster] += w * (h - expected - d)
        for oh, oc in others:
            influence[oc] -= w / n * (oh - expected)
    together = ((influence / weights) ** 2).sum()
    alone = ((found.upper - d) / Z95) ** 2 / found.effect if found.upper < 1 else None
    if alone and alone > 1e-9 and found.effect > 1:
        assert found.effect == pytest.approx(together / alone, rel=1e-6)
