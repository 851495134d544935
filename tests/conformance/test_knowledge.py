"""Who is known, who is identified, and whether that depends on how far journeys came."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining import schema
from cjmining.blocks import Block
from cjmining.conformance.knowledge import CONVERTED_ROW, IDENTIFIED, knowledge_note
from cjmining.intended import parse_map
from cjmining.log import JourneyLog
from tests.conformance.factory import START
from tests.examples import examples

INTENDED = parse_map("""
map: Shop
goal: [bought]
patience: 10d
horizon: 20d
stages:
  - stage: Look
    touchpoints: [{touchpoint: look}]
  - stage: Basket
    touchpoints: [{touchpoint: fill}]
  - stage: Pay
    touchpoints: [{touchpoint: bought}]
""")
WAYS = ("look@0", "look@0 fill@1", "look@0 fill@1 bought@2")


def log_with(ways: list[int], years: list[int | None], owners: list[int] | None = None, **more: pa.Table):
    """Make a log of journeys that came as far as `ways` says; each customer's go on where the last ended."""
    owners = list(range(len(ways))) if owners is None else owners
    done: dict[int, int] = {}
    rows = []
    for way, owner in zip(ways, owners, strict=True):
        start = 30 * done.setdefault(owner, 0)
        done[owner] += 1
        for word in WAYS[way].split():
            name, day = word.split("@")
            rows.append((owner, START + pd.Timedelta(days=start + int(day)), name))
    events = pd.DataFrame(rows, columns=["customer", "timestamp", "touchpoint"])
    customers = pd.DataFrame({"customer": range(len(years)), "birth_year": pd.array(years, dtype="Int64")})
    log = JourneyLog.from_events(
        events, customers=customers, data_end=START + pd.Timedelta(days=400), **more
    ).split(INTENDED)
    assert log.n_journeys == len(ways)
    return log


def rows_of(check: cj.Conformance, attribute: str) -> pd.DataFrame:
    return check.knowledge[check.knowledge["attribute"] == attribute].set_index("furthest_stage")


def test_the_share_known_is_counted_by_how_far_journeys_came():
    # ten looked only (4 known), ten filled a basket (5 known), ten bought (9 known)
    years = [1990] * 4 + [None] * 6 + [1990] * 5 + [None] * 5 + [1990] * 9 + [None]
    check = cj.check(log_with([0] * 10 + [1] * 10 + [2] * 10, years), INTENDED, by="birth_year")
    rows = rows_of(check, "birth_year")

    assert rows.index.tolist() == ["Look", "Basket", CONVERTED_ROW]
    assert rows["journeys"].tolist() == [10, 10, 10]
    assert rows["known"].tolist() == [4, 5, 9]
    assert rows["share_further"].tolist()[:2] == pytest.approx([14 / 20, 9 / 10])
    assert rows["difference"].tolist()[:2] == pytest.approx([0.4 - 0.7, 0.5 - 0.9])
    # of 18 known journeys 4 got no further than Look, of 12 others 6; from Basket on 5 of 14 and 5 of 6
    assert rows["shift"].tolist()[:2] == pytest.approx([6 / 12 - 4 / 18, 5 / 6 - 5 / 14])
    assert np.isnan(rows.loc[CONVERTED_ROW, "difference"])
    # Cochran and Armitage by hand: midranks 5, 15, 25 less 15 are -10, 0, 10; sum over the known is
    # 10 x (9 - 4) = 50; residuals known - 0.6: variance 100 x (4 x .16 + 6 x .36 + 9 x .16 + 1 x .36) = 460
    z = 50 / np.sqrt(460)
    from scipy.stats import norm

    assert rows["q"].tolist() == pytest.approx([2 * norm.sf(z)] * 3)
    assert not rows["depends"].any()  # ten journeys are too few to tell


def test_the_limits_of_one_journey_a_customer_are_newcombes():
    from cjmining.stats import newcombe, wilson

    years = [1990] * 20 + [None] * 20 + [1990] * 36 + [None] * 4
    rows = rows_of(cj.check(log_with([0] * 40 + [2] * 40, years), INTENDED, by="birth_year"), "birth_year")
    assert tuple(rows.loc["Look", ["share", "lower", "upper"]]) == pytest.approx(wilson(20, 40))
    # each customer has one journey: the design effect of the difference is (20 x .49 + 20 x .09...) by hand,
    # residuals against 56 / 80 = .7: looked .3^2 x 20 + .7^2 x 20 = 11.6, bought .09 x 36 + .49 x 4 = 5.2
    effect = ((11.6 + 5.2) / 40**2) / (0.7 * 0.3 * 2 / 40)
    expected = newcombe(20, 40, 36, 40, effect=effect, other_effect=effect)
    found = tuple(rows.loc["Look", ["difference", "difference_lower", "difference_upper"]])
    assert found == pytest.approx(tuple(expected))
    assert rows.loc["Look", "depends"]


def test_a_dependence_is_told_in_words_with_its_figures():
    years = [1990] * 72 + [None] * 28 + [1990] * 97 + [None] * 3
    check = cj.check(log_with([1] * 100 + [2] * 100, years), INTENDED, by="birth_year")
    # of 31 unknown 28 got no further than Basket, of 169 known 72: 90.3 % - 42.6 % = 48 points
    text = (
        "Whether the birth year is known depends on how far a journey came: it is known for 97 % of 100 that "
        "converted, but for 72 % of 100 that got no further than Basket. So drop-out there comes out too low "
        "for those whose birth year is known, and too high for the unknown: they are 48 points apart."
    )
    assert check.notes == (text,)
    assert check.overall.notes == check.notes
    assert knowledge_note(check.knowledge, None) == ""
    assert cj.check(check._with_log("journeys").log, INTENDED).notes == ()


def test_several_journeys_of_a_customer_say_little_more_than_one():
    # two customers with ten journeys each: one known and always buying, one unknown who never does
    log = log_with([2] * 10 + [0] * 10, [1990, None], [0] * 10 + [1] * 10)
    row = rows_of(cj.check(log, INTENDED, by="birth_year"), "birth_year").loc["Look"]
    assert row["q"] > 0.1
    assert row["upper"] > 0.6  # one customer of one, not ten journeys of ten
    assert not row["depends"]


def test_open_journeys_are_left_out_and_everybody_known_tells_nothing():
    log = log_with([0, 0, 2, 2], [1990, 1990, None, 1990])
    short = JourneyLog.from_events(
        log.events[["customer", "timestamp", "touchpoint"]],
        customers=log.customers,
        data_end=START + pd.Timedelta(days=5),
    ).split(INTENDED)
    assert rows_of(cj.check(short, INTENDED, by="birth_year"), "birth_year")["journeys"].sum() == 2
    known = log_with([0, 2], [1990, 1991])
    check = cj.check(known, INTENDED, by="birth_year")
    assert len(check.knowledge) == 0
    assert check.knowledge.dtypes["depends"] == np.bool_
    assert check.knowledge.dtypes["journeys"] == np.int64


def test_a_persona_is_known_where_its_rules_could_tell():
    of_personas = parse_map(
        INTENDED.text
        + """
personas:
  - {persona: Young, where: {birth_year: {at_least: 2000}}}
"""
    )
    years = [2001, None, 1980] * 20
    log = log_with([0, 0, 2] * 20, years).with_personas(of_personas)
    check = cj.check(log, of_personas, by="persona")
    assert set(check.knowledge["attribute"]) == {"persona", "birth_year", IDENTIFIED}
    assert rows_of(check, "persona")["known"].tolist() == [20, 20]
    for table in ("stages", "outcomes", "sensitivity", "journeys", "fitness"):
        assert "unknown" in set(getattr(check, table)["by"].astype(str)), table


def identities_of(*rows: tuple[int, str]) -> pa.Table:
    table = {
        "customer": [customer for customer, _ in rows],
        "kind": [kind for _, kind in rows],
        "value": [f"v{number}" for number in range(len(rows))],
    }
    return pa.table(table).cast(schema.IDENTITIES)


LIMITS = ["satisfaction_lower", "satisfaction_upper"]
"""What the table of identified customers has no column for."""


def test_who_is_listed_or_has_more_than_a_cookie_is_identified():
    identities = identities_of((0, "cookie"), (1, "email"), (2, "device"), (2, "case"), (3, "cookie"))
    log = log_with([0, 1, 2, 1], [None, None, None, 1990], identities=identities)
    check = cj.check(log, INTENDED)
    # customers 1 (email) and 3 (on the list) are identified; both filled a basket and left
    row = check.identified.set_index("stage").loc["Basket"]
    assert (row["entered"], row["dropped"]) == (2, 2)
    assert check.identified["entered"].tolist() == [2, 2, 0]
    assert check.stages["entered"].tolist() == [4, 3, 1]
    assert check.identified.columns.tolist() == [*check.stages.columns.drop(LIMITS)]


def test_nobody_can_be_told_identified_without_attributes_and_identifiers():
    log = log_with([0, 1, 2], [None] * 3)
    bare = JourneyLog.from_events(
        log.events[["customer", "timestamp", "touchpoint"]], data_end=log.data_end
    ).split(INTENDED)
    check = cj.check(bare, INTENDED)
    assert len(check.identified) == 0
    assert check.identified.columns.tolist() == [*check.stages.columns.drop(LIMITS)]
    assert IDENTIFIED not in set(check.knowledge["attribute"])


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=12), st.integers(1, 3))
@examples(25)
def test_identified_customers_are_those_of_a_log_of_them_alone(journeys, each):
    ways = [way for way, _ in journeys]
    owners = [number // each for number in range(len(ways))]
    years = [1990 if journeys[owner * each][1] else None for owner in range(owners[-1] + 1)]
    log = log_with(ways, years, owners)
    check = cj.check(log, INTENDED)
    if not any(years):
        assert check.identified["entered"].sum() == 0
        return
    alone = cj.check(log.where(birth_year="1990"), INTENDED)
    columns = [name for name in check.identified.columns if name != "by"]
    expected = alone.stages[columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(check.identified[columns].reset_index(drop=True), expected)
    known = rows_of(check, IDENTIFIED)
    if len(known):
        assert known["journeys"].sum() == log.n_journeys
        assert known["known"].sum() == alone.outcomes["journeys"].iloc[0]


def test_the_rows_of_groups_add_up_to_everybody_identified():
    shop = cj.simulate.shop(300, seed=3)
    intended = parse_map(shop.intended_text)
    check = cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")
    counts = ["entered", "continued", "dropped", "mature", "dropped_within_horizon"]
    by_stage = check.identified.groupby("stage")[counts].sum()
    everybody = check.overall.identified.set_index("stage")[counts]
    pd.testing.assert_frame_equal(by_stage.loc[everybody.index], everybody)
    assert (everybody["entered"] <= check.overall.stages.set_index("stage")["entered"]).all()
    one = check.identified.set_index(["by", "stage"])["median_s"].dropna()
    assert (one > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_shop_with_guests_is_warned_of_and_the_one_without_is_not(seed):
    for make, warned in ((cj.simulate.shop, True), (cj.simulate.null_shop, False)):
        shop = make(2000, seed=seed)
        intended = parse_map(shop.intended_text)
        check = cj.check(shop.log.split(intended).with_personas(intended), intended, by="persona")
        assert bool(check.notes) is warned
        assert bool(check.knowledge["depends"].any()) is warned


def test_customers_who_are_on_both_sides_alike_show_no_difference():
    # each of forty customers left once and bought once; half are known: no difference, and none is possible
    log = log_with([0, 2] * 40, [1990, None] * 20, [owner for owner in range(40) for _ in range(2)])
    row = rows_of(cj.check(log, INTENDED, by="birth_year"), "birth_year").loc["Look"]
    assert (row["difference"], row["shift"], row["depends"]) == (0, 0, False)
    assert row["difference_upper"] - row["difference_lower"] < 1e-3


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), min_size=2, max_size=25), st.data())
@examples(25)
def test_the_sums_of_customers_are_those_counted_one_by_one(journeys, data):
    from cjmining.conformance import knowledge

    journeys = sorted(journeys, key=lambda journey: journey[1])
    reached = np.array([way for way, _ in journeys])
    _, customer = np.unique([owner for _, owner in journeys], return_inverse=True)
    known = np.array(data.draw(st.lists(st.booleans(), min_size=len(reached), max_size=len(reached))))
    cuts = [0, *(np.flatnonzero(np.diff(customer)) + 1).tolist(), len(customer)]
    blocks = [Block(a, b, 0, 0) for a, b in itertools.pairwise(cuts)]
    reading = SimpleNamespace(customer=customer, blocks=blocks)
    counts = knowledge._Counts.of(reading, reached, known, 3)
    weight, share = np.array([1.5, -0.5, 2.0]), 0.3
    one_by_one = sum(
        (((known - share) * weight[reached])[customer == owner]).sum() ** 2 for owner in set(customer)
    )
    assert counts.spread(weight, share) == pytest.approx(one_by_one)
