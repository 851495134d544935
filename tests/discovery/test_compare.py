"""Two groups compared: by hand, by brute force, and by what must hold whatever the log."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from scipy import stats as scipy_stats

import cjmining as cj
from cjmining.discovery import summary
from cjmining.discovery.comparison.compare import Comparison, compare, compare_groups, made_of
from cjmining.discovery.comparison.strata import compare_within
from cjmining.discovery.comparison.times import midranks
from cjmining.dropout.mantel_haenszel import by_strata
from cjmining.intended import parse_map
from cjmining.kernels.compare import Units, sums
from cjmining.stats import benjamini_hochberg, newcombe

TABLES = ("touchpoints", "transitions", "times", "paths")
DAY = 86_400


def log_of(journeys, *, attributes=("group",), tags=None):
    """Build a log of journeys: (customer, values of its attributes, [(seconds, touchpoint), ...])."""
    rows = [
        (customer, f"j{number:06d}", 10 * DAY * number + second, touchpoint)
        for number, (customer, _, steps) in enumerate(journeys)
        for second, touchpoint in steps
    ]
    customer, journey, second, touchpoint = zip(*rows, strict=True)
    events = pa.table(
        {
            "customer": list(customer),
            "native_journey": list(journey),
            "timestamp": pa.array(list(second), pa.timestamp("s", "UTC")),
            "touchpoint": list(touchpoint),
        }
    )
    people = {each[0]: each[1] for each in journeys}
    table = {"customer": list(people)}
    for place, name in enumerate(attributes):
        table[name] = [values[place] for values in people.values()]
    log = cj.JourneyLog.from_events(events, customers=pa.table(table))
    return log.tag(**tags) if tags else log


def steps(text, *, every=60):
    return [(every * place, touchpoint) for place, touchpoint in enumerate(text)]


def groups_of(number, text, group, *, first, **options):
    """Return `number` customers with one journey each."""
    return [(first + i, (group,), steps(text, **options)) for i in range(number)]


def random_log(seed, *, customers=120, both=False):
    """Draw customers who have one to five journeys that resemble each other.

    With `both`, groups are drawn by journey and told by a tag, so that customers are in both.
    """
    rng = np.random.default_rng(seed)
    journeys = []
    for customer in range(customers):
        taste = rng.dirichlet(np.full(4, 0.7))
        values = (str(rng.choice(["x", "y"])), str(rng.choice(["north", "south", "west"])))
        for _ in range(int(rng.integers(1, 6))):
            text = rng.choice(list("abcd"), size=int(rng.integers(1, 7)), p=taste)
            seconds = np.cumsum(rng.integers(0, 4, size=len(text)) * 30)
            journeys.append((customer, values, list(zip(seconds.tolist(), text.tolist(), strict=True))))
    log = log_of(journeys, attributes=("group", "region"))
    if both:
        log = log.tag(outcome=rng.choice(["converted", "dropped"], size=log.n_journeys).tolist())
    return log


def plain_journeys(log, by):
    """Read a log back as plain Python: customer, group, touchpoints and seconds of each journey."""
    codes, names = log.group(by)
    touchpoints, words = log.codes("touchpoint"), log.vocabulary("touchpoint")
    return [
        (
            int(log.journey_customer[journey]),
            names[codes[journey]],
            [words[code] for code in touchpoints[start:end]],
            (log.timestamps[start:end] / 1e6).tolist(),
        )
        for journey, (start, end) in enumerate(zip(log.bounds[:-1], log.bounds[1:], strict=True))
    ]


# by hand ----------------------------------------------------------------------------------------------------

HAND = (
    groups_of(30, "ac", "old", first=0)
    + groups_of(10, "abc", "old", first=100)
    + groups_of(10, "abc", "young", first=200, every=120)
    + groups_of(20, "ab", "young", first=300)
)


@pytest.fixture(scope="module")
def by_hand():
    return compare(cj.discover(log_of(HAND), by="group"), "old", "young", smallest=10)


def row_of(rows, **cell):
    chosen = rows
    for name, value in cell.items():
        chosen = chosen[chosen[name] == value]
    assert len(chosen) == 1, cell
    return chosen.iloc[0]


def test_touchpoints_by_hand(by_hand):
    row = row_of(by_hand.touchpoints, touchpoint="b")
    assert (row["journeys_a"], row["journeys_b"], row["customers"]) == (10, 30, 40)
    assert (row["share_of_journeys_a"], row["share_of_journeys_b"]) == (10 / 40, 30 / 30)
    assert row["difference"] == -0.75
    assert row["ratio"] == 0.25
    assert (row["lower"], row["upper"]) == newcombe(10, 40, 30, 30)[1:]
    assert row["p"] == pytest.approx(scipy_stats.fisher_exact([[10, 30], [30, 0]]).pvalue)


def test_what_everybody_has_is_not_tested(by_hand):
    assert sorted(by_hand.touchpoints["touchpoint"]) == ["b", "c"]
    cells = by_hand.cells.set_index("table").loc["touchpoints"]
    assert cells.to_dict() == {"cells": 3, "tested": 2, "left_out": 1, "found": 2}


def test_transitions_are_of_those_that_leave_the_same_touchpoint(by_hand):
    row = row_of(by_hand.transitions, from_touchpoint="a", to_touchpoint="b")
    assert (row["count_a"], row["leaving_a"], row["count_b"], row["leaving_b"]) == (10, 40, 30, 30)
    assert row["share_of_from_a"] == 0.25
    # All of the 10 and 10 that leave b go to c: there is nothing to compare.
    assert len(by_hand.transitions.query("from_touchpoint == 'b'")) == 0


def test_paths_have_the_start_and_the_end(by_hand):
    row = row_of(by_hand.paths, path="a > b > (end)")
    assert (row["journeys_a"], row["share_of_journeys_a"], row["share_of_journeys_b"]) == (0, 0, 20 / 30)
    # a: ac 30, abc 10; b: abc 10, ab 20
    row = row_of(by_hand.paths, path="(start) > a > c")
    assert (row["journeys_a"], row["journeys_b"]) == (30, 0)


def test_times_by_hand(by_hand):
    row = row_of(by_hand.times, from_touchpoint="a", to_touchpoint="b")
    assert (row["median_s_a"], row["median_s_b"], row["longer_by_s"], row["ratio"]) == (60, 60, 0, 1)
    # 10 of old take 60 s; of young 20 take 60 s and 10 take 120 s: shorter in 1/3, equal in 2/3
    assert row["probability_longer"] == pytest.approx(1 / 3)
    row = row_of(by_hand.times, from_touchpoint="b", to_touchpoint="c")
    assert (row["median_s_a"], row["median_s_b"], row["longer_by_s"]) == (60, 120, -60)
    assert (row["lower_s"], row["upper_s"]) == (-60, -60)
    assert row["probability_longer"] == 0


def test_sizes_and_sentences(by_hand):
    assert by_hand.overview["journeys"].tolist() == [40, 30]
    assert by_hand.overview["customers"].tolist() == [40, 30]
    assert by_hand.overview["open"].isna().all()
    told = set(by_hand.findings["sentence"])
    # Wilson's limits of 10 of 40 are .142 and .402, of 30 of 30 .886 and 1
    assert "b occurs in 25 % of 40 journeys of old (14-40 %) and in 100 % of 30 of young (89-100 %)" in told
    assert (
        "a is followed by b in 25 % of 40 transitions of old (14-40 %) "
        "and in 100 % of 30 of young (89-100 %)" in told
    )
    assert (
        "from b to c the median of 10 transitions of old is 60 s (60-60 s), that of 10 of young 2 min "
        "(2-2 min)" in told
    )


def test_journeys_without_a_step_are_journeys():
    log = log_of(HAND + groups_of(20, "z", "old", first=500))
    found = cj.discover(log, by="group", ignore=["z"])
    row = row_of(compare(found, "old", "young", smallest=10).touchpoints, touchpoint="b")
    assert row["share_of_journeys_a"] == 10 / 60
    table = found.touchpoints.set_index(["by", "touchpoint"])
    assert table.loc[("old", "b"), "journeys"] == row["journeys_a"]


# brute force ------------------------------------------------------------------------------------------------


def units_of(journeys, table):
    """List (customer, group, what shares are of, what is done or None) of every unit, in plain Python."""
    for customer, group, words, _ in journeys:
        if table == "transitions":
            for one, other in itertools.pairwise(words):
                yield customer, group, one, {(one, other)}
        elif table == "touchpoints":
            yield customer, group, "journeys", set(words)
        else:
            padded = ["(start)", *words, "(end)"]
            threes = {" > ".join(padded[i : i + 3]) for i in range(len(words))}
            yield customer, group, "journeys", threes


def small_sample(customers):
    """Return by what a variance is multiplied that few customers tell: m / (m - 1), and Student's t."""
    t, normal = scipy_stats.t.isf(0.025, customers - 1), scipy_stats.norm.isf(0.025)
    return customers / (customers - 1) * (t / normal) ** 2


def brute_force(journeys, table, cell, scope, a, b):
    """Return shares, difference with limits, and p of a cell, from lists of units."""
    units = [
        (customer, group, cell in done)
        for customer, group, of, done in units_of(journeys, table)
        if of == scope and group in (a, b)
    ]
    n = {g: sum(group == g for _, group, _ in units) for g in (a, b)}
    hits = {g: sum(hit for _, group, hit in units if group == g) for g in (a, b)}
    pooled = sum(hits.values()) / sum(n.values())

    def effect(expected):
        together = defaultdict(float)
        alone = 0.0
        for customer, group, hit in units:
            score = (1 if group == a else -1) / n[group] * (hit - expected[group])
            together[customer] += score
            alone += score**2
        return max(1.0, sum(each**2 for each in together.values()) / alone) if alone else 1.0

    equal = effect({a: pooled, b: pooled})
    own = effect({g: hits[g] / n[g] for g in (a, b)})
    customers = [len({c for c, group, _ in units if group == g}) for g in (a, b)]
    if len({c for c, _, _ in units}) < len(units):
        own = max(1.0, own * small_sample(min(customers)))
    table_2x2 = [[round(hits[g] / equal), round((n[g] - hits[g]) / equal)] for g in (a, b)]
    difference = newcombe(hits[a], n[a], hits[b], n[b], effect=own, other_effect=own)
    expected = [n[g] * share / equal for g in (a, b) for share in (pooled, 1 - pooled)]
    return {
        "difference": difference.difference,
        "lower": difference.lower,
        "upper": difference.upper,
        "p": scipy_stats.fisher_exact(table_2x2).pvalue,
        "tested": min(expected) >= 5 and min(customers) >= 10,
    }


@pytest.mark.parametrize(("seed", "by"), [(1, "group"), (2, "group"), (3, "outcome"), (4, "outcome")])
def test_shares_equal_those_of_brute_force(seed, by):
    log = random_log(seed, both=by == "outcome")
    a, b = ("x", "y") if by == "group" else ("converted", "dropped")
    found = compare(cj.discover(log, by=by), a, b, smallest=10, strata=())
    journeys = plain_journeys(log, by)
    for table in ("touchpoints", "transitions", "paths"):
        names = {"touchpoints": ["touchpoint"], "paths": ["path"]}.get(
            table, ["from_touchpoint", "to_touchpoint"]
        )
        rows = {tuple(row[names]): row for _, row in found._table(table).iterrows()}
        cells = {(of, cell) for _, _, of, done in units_of(journeys, table) for cell in done}
        tested = 0
        for scope, cell in cells:
            expected = brute_force(journeys, table, cell, scope, a, b)
            key = cell if isinstance(cell, tuple) else (cell,)
            assert (key in rows) == expected.pop("tested"), (table, cell)
            if key in rows:
                tested += 1
                for column, value in expected.items():
                    assert rows[key][column] == pytest.approx(value, abs=1e-12), (table, cell, column)
        assert tested == len(rows) >= 4
        sizes = found.cells.set_index("table").loc[table]
        assert (sizes["cells"], sizes["tested"]) == (len(cells), tested)


@pytest.mark.parametrize("seed", [5, 6])
def test_probabilities_of_longer_times_equal_those_of_all_pairs(seed):
    log = random_log(seed)
    found = compare(cj.discover(log, by="group"), "x", "y", smallest=10, strata=())
    seconds = defaultdict(list)
    for _, group, words, at in plain_journeys(log, "group"):
        for i in range(len(words) - 1):
            seconds[words[i], words[i + 1], group].append(at[i + 1] - at[i])
    assert len(found.times) >= 10
    for row in found.times.itertuples():
        x, y = (seconds[row.from_touchpoint, row.to_touchpoint, group] for group in "xy")
        pairs = [(one > other) + 0.5 * (one == other) for one in x for other in y]
        assert row.probability_longer == pytest.approx(np.mean(pairs), abs=1e-12)
        assert (row.median_s_a, row.median_s_b) == (np.median(x), np.median(y))


def test_one_time_a_customer_gives_the_rank_sum_test_itself():
    rng = np.random.default_rng(8)
    seconds = {"x": rng.integers(0, 40, 60), "y": rng.integers(5, 50, 45)}
    journeys = [
        (place + 1000 * (group == "y"), (group,), [(0, "a"), (int(each), "b")])
        for group, all_seconds in seconds.items()
        for place, each in enumerate(all_seconds)
    ]
    row = row_of(compare(cj.discover(log_of(journeys), by="group"), "x", "y").times, from_touchpoint="a")
    expected = scipy_stats.mannwhitneyu(seconds["x"], seconds["y"], use_continuity=False, method="asymptotic")
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-9)
    assert row["probability_longer"] == pytest.approx(expected.statistic / (60 * 45))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), min_size=1, max_size=30))
def test_midranks_are_the_share_below(rows):
    of, values = (np.array([row[i] for row in rows]) for i in (0, 1))
    expected = [
        np.mean([(w < value) + 0.5 * (w == value) for kind, w in rows if kind == own]) for own, value in rows
    ]
    np.testing.assert_allclose(midranks(values.astype(float), of), expected, atol=1e-12)


# what must hold ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["group", "outcome"])
def test_the_other_way_round_all_differences_change_sign(by):
    log = random_log(9, both=by == "outcome")
    found = cj.discover(log, by=by)
    a, b = found.groups[:2]
    one, other = compare(found, a, b, q=1.0, smallest=10), compare(found, b, a, q=1.0, smallest=10)
    for table in ("touchpoints", "transitions", "paths"):
        names = [
            name for name in one._table(table) if name in {"touchpoint", "path"} or "_touchpoint" in name
        ]
        left, right = (each._table(table).sort_values(names, ignore_index=True) for each in (one, other))
        pd.testing.assert_frame_equal(left[[*names, "customers"]], right[[*names, "customers"]])
        np.testing.assert_allclose(left["difference"], -right["difference"], atol=1e-12)
        np.testing.assert_allclose(left["lower"], -right["upper"], atol=1e-12)
        np.testing.assert_allclose(left[["p", "q"]], right[["p", "q"]], atol=1e-12)
    left, right = (
        each.times.sort_values(["from_touchpoint", "to_touchpoint"], ignore_index=True)
        for each in (one, other)
    )
    np.testing.assert_allclose(left["longer_by_s"], -right["longer_by_s"])
    np.testing.assert_allclose(left["lower_s"], -right["upper_s"])
    np.testing.assert_allclose(left["probability_longer"], 1 - right["probability_longer"])
    np.testing.assert_allclose(left["probability_lower"], 1 - right["probability_upper"])
    np.testing.assert_allclose(left["p"], right["p"])


def test_any_number_of_blocks_gives_the_same(monkeypatch):
    log = random_log(10)
    made = made_of(cj.discover(log, by="group"))
    options = {"q": 0.9, "smallest": 10, "strata": None, "with_open": True}
    whole = compare_groups(made, "x", "y", **options)
    assert len(whole.strata)
    for events in (1, 100, 700):
        assert len(log.blocks(events)) > 1
        monkeypatch.setattr(summary, "BLOCK_EVENTS", events)
        monkeypatch.setattr(summary, "MOST_BLOCKS", 10_000)
        parts = compare_groups(made, "x", "y", **options)
        for table in whole._tables:
            pd.testing.assert_frame_equal(whole._table(table), parts._table(table), rtol=1e-9)


def test_q_counts_all_cells_of_all_tables():
    found = compare(cj.discover(random_log(11), by="group"), "x", "y", smallest=10, q=0.9)
    p = np.concatenate([found._table(table)["p"] for table in TABLES])
    q = np.concatenate([found._table(table)["q"] for table in TABLES])
    np.testing.assert_allclose(q, benjamini_hochberg(p), rtol=1e-12)
    assert found.cells["tested"].sum() == len(p)
    assert found.cells["found"].sum() == (q <= 0.9).sum() == len(found.findings)
    assert (found.cells["cells"] == found.cells["tested"] + found.cells["left_out"]).all()
    least = found.findings["least_difference"].abs()
    assert least.is_monotonic_decreasing
    assert found.findings["rank"].tolist() == list(range(1, len(found.findings) + 1))


def test_each_journey_twice_says_no_more():
    """Customers who do everything twice are as many customers as before."""
    rng = np.random.default_rng(12)
    once = [
        (
            customer,
            ("xy"[customer % 2],),
            steps(rng.choice(list("abc"), size=3), every=int(rng.integers(30, 90))),
        )
        for customer in range(200)
    ]
    twice = [each for each in once for _ in range(2)]
    one, two = (
        compare(cj.discover(log_of(journeys), by="group"), "x", "y", q=1.0) for journeys in (once, twice)
    )
    # What customers do several times tells how much they differ, by 100 a group: limits are a bit wider.
    wider = small_sample(100)  # shares near 0 or 1 take more than its root
    for table, name in (("touchpoints", "touchpoint"), ("paths", "path")):
        left, right = (each._table(table).sort_values(name, ignore_index=True) for each in (one, two))
        columns = ["difference", "p", "customers"]
        pd.testing.assert_frame_equal(left[columns], right[columns], rtol=1e-9)
        widths = (right["upper"] - right["lower"]) / (left["upper"] - left["lower"])
        assert widths.between(1, wider).all()
    times = [each.times.sort_values(["from_touchpoint", "to_touchpoint"]) for each in (one, two)]
    np.testing.assert_allclose(times[0]["p"], times[1]["p"], rtol=0.05)
    widths = (each["probability_upper"] - each["probability_lower"] for each in times)
    once_wide, twice_wide = (each.to_numpy() for each in widths)
    assert ((twice_wide >= once_wide) & (twice_wide <= 1.1 * once_wide)).all()


def test_a_habit_of_few_customers_is_no_difference_of_groups():
    """One reader in each of two groups; one of them came 300 times."""
    journeys = [(i, ("xy"[i % 2],), steps("ab" if i < 20 else "a")) for i in range(200)]
    journeys += [(4, ("x",), steps("ab"))] * 300
    found = compare(cj.discover(log_of(journeys), by="group"), "x", "y", smallest=10)
    assert not len(found.findings)


# strata -----------------------------------------------------------------------------------------------------

BERKELEY = {
    "A": ((512, 313), (89, 19)),
    "B": ((353, 207), (17, 8)),
    "C": ((120, 205), (202, 391)),
    "D": ((138, 279), (131, 244)),
    "E": ((53, 138), (94, 299)),
    "F": ((22, 351), (24, 317)),
}
"""Admitted and rejected men, then women, at the six largest departments (Bickel, Hammel, O'Connell 1975)."""


@pytest.fixture(scope="module")
def berkeley():
    applicants = [
        (sex, department, outcome)
        for department, counts in BERKELEY.items()
        for sex, both in zip(("men", "women"), counts, strict=True)
        for outcome, number in zip(("admitted", "rejected"), both, strict=True)
        for _ in range(number)
    ]
    n = len(applicants)
    events = pa.table(
        {
            "customer": [*range(n), *range(n)],
            "timestamp": pa.array([0] * n + [DAY] * n, pa.timestamp("s", "UTC")),
            "touchpoint": ["applied"] * n + [outcome for _, _, outcome in applicants],
        }
    )
    people = {"customer": list(range(n))} | {
        name: [each[i] for each in applicants] for i, name in enumerate(("sex", "department"))
    }
    return cj.JourneyLog.from_events(events, customers=pa.table(people))


def test_the_admissions_of_berkeley_turn_within_departments(berkeley):
    found = compare(cj.discover(berkeley, by="sex"), "women", "men")
    row = row_of(found.touchpoints, touchpoint="admitted")
    assert (row["journeys_a"], row["journeys_b"]) == (557, 1198)
    assert row["difference"] == pytest.approx(557 / 1835 - 1198 / 2691)
    assert row["turns_within"] == "department"
    alike = row_of(found.strata, table="touchpoints", what="admitted")
    weights, total = 0.0, 0.0
    for (men, no_men), (women, no_women) in BERKELEY.values():
        n_men, n_women = men + no_men, women + no_women
        weight = n_men * n_women / (n_men + n_women)
        total += weight * (women / n_women - men / n_men)
        weights += weight
    assert total / weights > 0 > row["difference"]
    assert alike["weighted_difference"] == pytest.approx(total / weights)
    assert alike["verdict"] == "reversed"
    assert alike["covered_share"] == 1
    sentence = row_of(found.findings, table="touchpoints", what="admitted")["sentence"]
    assert sentence.startswith(
        "admitted occurs in 30 % of 1,835 journeys of women (28-32 %) and in 45 % of 2,691 of men (43-46 %)"
    )
    assert "; held alike in department, the difference is +" in sentence


def test_strata_may_be_none_or_named(berkeley):
    found = cj.discover(berkeley, by="sex")
    without = compare(found, "women", "men", strata=())
    assert not len(without.strata)
    assert set(without.touchpoints["turns_within"]) == {""}
    named = compare(found, "women", "men", strata="department")
    assert set(named.strata["attribute"]) == {"department"}


def test_a_direction_that_differs_between_strata_is_told():
    """In the north all of a do it and half of b; in the south it is the other way round, but less so."""
    journeys = []
    for place, (group, region, hits, n) in enumerate(
        [("a", "north", 270, 300), ("b", "north", 150, 300), ("a", "south", 30, 100), ("b", "south", 60, 100)]
    ):
        journeys += [(1000 * place + i, (group, region), steps("ab" if i < hits else "a")) for i in range(n)]
    log = log_of(journeys, attributes=("group", "region"))
    found = compare(cj.discover(log, by="group"), "a", "b")
    row = row_of(found.strata, table="touchpoints", what="b")
    assert row["verdict"] == "turns"
    z = (0.3 - 0.6) / math.sqrt(0.45 * 0.55 * 2 / 100)
    assert row["p"] == pytest.approx(0.5 * math.erfc(abs(z) / math.sqrt(2)), rel=0.01)
    told = row_of(found.findings, table="touchpoints", what="b")["sentence"]
    assert told.endswith("; its direction differs between values of region")


def test_times_turn_within_strata_by_their_ranks():
    """In either region x is faster than y, but most of x are where all are slow."""
    rng = np.random.default_rng(13)
    rows = []
    for place, (group, region, n, usual) in enumerate(
        [("x", "n", 40, 50), ("y", "n", 160, 80), ("x", "s", 160, 500), ("y", "s", 40, 800)]
    ):
        rows += [(1000 * place + i, group, region, int(usual * rng.uniform(0.5, 1.5))) for i in range(n)]
    journeys = [(who, (group, region), [(0, "a"), (seconds, "b")]) for who, group, region, seconds in rows]
    found = compare(cj.discover(log_of(journeys, attributes=("group", "region")), by="group"), "x", "y")
    alike = row_of(found.strata, table="times")
    ranks = scipy_stats.rankdata([row[3] for row in rows]) / len(rows)
    means = {
        (group, region): np.mean(
            [r for r, row in zip(ranks, rows, strict=True) if row[1:3] == (group, region)]
        )
        for group in "xy"
        for region in "ns"
    }
    # Both regions weigh 40 x 160 / 200; a difference of mean ranks is half of that of pairs.
    expected = sum(means["x", region] - means["y", region] for region in "ns")
    assert alike["weighted_difference"] == pytest.approx(expected)
    assert alike["difference"] > 0 > alike["upper"] > alike["weighted_difference"] > alike["lower"]
    assert alike["verdict"] == "reversed"
    assert row_of(found.times, from_touchpoint="a")["turns_within"] == "region"
    assert "points of pairs" in row_of(found.findings, table="times")["sentence"]


def test_what_strata_cannot_tell_apart_is_said():
    journeys = [(i, ("xy"[i % 2], "np"[i % 2]), steps("ab" if i % 3 == i % 2 else "a")) for i in range(400)]
    found = compare(
        cj.discover(log_of(journeys, attributes=("group", "region")), by="group"), "x", "y", q=1.0
    )
    assert set(found.strata["verdict"]) == {"not comparable"}
    assert found.strata["weighted_difference"].isna().all()
    assert set(found.touchpoints["turns_within"]) == {""}


@pytest.mark.parametrize("seed", [1, 2])
def test_weighted_differences_equal_those_of_units_in_strata(seed):
    rng = np.random.default_rng(seed)
    n, strata = 300, 3
    cluster = rng.integers(0, 60, n)
    exposed, hit = rng.random(n) < 0.4, rng.random(n) < 0.3
    stratum = rng.integers(0, strata, n)
    slot = np.where(exposed, stratum, strata + stratum)
    of = np.zeros(n, np.int64)
    found = sums(
        Units(cluster, of, slot), Units(cluster[hit], of[hit], slot[hit]), np.zeros(1, np.int64),
        n_scopes=1, n_slots=2 * strata,
    )  # fmt: skip
    within = compare_within(found, 2)
    expected, _ = by_strata(stratum, exposed, hit, cluster)
    assert within.weighted[0] == pytest.approx(expected.difference)
    # There Sato's variance is the least that limits have, here that of single units.
    assert within.upper[0] - within.lower[0] == pytest.approx(expected.upper - expected.lower, rel=0.02)


# groups -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop():
    shop = cj.simulate.shop(1200, seed=3)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    return log.tag(outcome=cj.check(log, intended).journeys["outcome"])


def test_groups_of_several_attributes_are_named_by_their_parts(shop):
    found = cj.discover(shop, by=["persona", "device"])
    one = compare(found, ["Gen Z", "mobile"], "Silver, mobile", strata=())
    two = compare(found, "Gen Z, mobile", ("Silver", "mobile"), strata=())
    pd.testing.assert_frame_equal(one.touchpoints, two.touchpoints)
    assert one.overview["journeys"].tolist() == [
        found.journeys["Gen Z, mobile"],
        found.journeys["Silver, mobile"],
    ]


def test_without_b_all_known_others_are_held_against_a(shop):
    found = cj.discover(shop, by="persona")
    others = compare(found, "Silver", strata=())
    journeys = found.journeys
    assert others.overview["group"].tolist() == ["Silver", "the others"]
    assert others.overview["journeys"].tolist() == [
        journeys["Silver"],
        journeys.sum() - journeys["Silver"] - journeys["unknown"],
    ]
    assert f"without the {journeys['unknown']:,} journeys whose persona is unknown" in " ".join(others.notes)
    unknown = compare(found, "unknown", strata=())
    assert unknown.overview["journeys"].tolist()[1] == journeys.sum() - journeys["unknown"]


def test_outcomes_are_told_to_be_associations_and_open_journeys_are_counted(shop):
    found = cj.discover(shop, by="outcome")
    between = compare(found, "converted", "dropped", strata=())
    assert "journeys that lasted longer had more chances" in between.notes[0]
    by_persona = cj.discover(shop, by="persona")
    with_open = compare(by_persona, "Silver", "Gen Z", strata=())
    codes, names = shop.group(["persona", "outcome"])
    count = {name: int((codes == place).sum()) for place, name in enumerate(names)}
    assert with_open.overview["open"].tolist() == [count["Silver, open"], count["Gen Z, open"]]
    assert "they count like all others" in " ".join(with_open.notes)
    without = compare(by_persona, "Silver", "Gen Z", strata=(), with_open=False)
    expected = by_persona.journeys[["Silver", "Gen Z"]] - with_open.overview["open"].to_numpy()
    assert without.overview["journeys"].tolist() == expected.tolist()
    assert "they are left out" in " ".join(without.notes)


def test_open_journeys_have_no_end_and_are_told():
    """Of 100 journeys of each group, 80 of the recent one still stand in the shop."""
    journeys = [
        (n, ("new" if n < 100 else "old",), steps("as" if n < 80 or n % 2 else "aso")) for n in range(200)
    ]
    outcome = ["open" if n < 80 else "dropped" if n % 2 else "converted" for n in range(200)]
    found = cj.discover(log_of(journeys, tags={"outcome": outcome}), by="group")
    told = compare(found, "new", "old", smallest=5)
    row = row_of(told.paths, path="a > s > (end)")
    assert (row["journeys_a"], row["journeys_b"]) == (10, 50)
    assert row["share_of_journeys_a"] == 10 / 100
    note = next(note for note in told.notes if note.startswith("Open"))
    assert "80 of 100 journeys of new (80 %) and 0 of 100 journeys of old (0 %)" in note
    assert "missing, more so in new; with_open=False leaves them out" in note
    without = compare(found, "new", "old", smallest=5, with_open=False)
    assert row_of(without.paths, path="a > s > (end)")["share_of_journeys_a"] == 10 / 20
    assert any("left out, which favours what is over quickly" in note for note in without.notes)


def test_customers_in_both_groups_are_told(shop):
    found = compare(cj.discover(shop, by="outcome"), "converted", "dropped", strata=())
    codes, names = shop.group("outcome")
    each = [set(shop.journey_customer[codes == names.index(name)]) for name in ("converted", "dropped")]
    assert f"Customers with journeys in both groups: {len(each[0] & each[1]):,}" in " ".join(found.notes)


def test_periods_and_levels(shop):
    found = compare(cj.discover(shop, by="quarter", level="channel"), "2026-Q1", "2026-Q2", strata=())
    assert found.level == "channel"
    assert set(found.touchpoints["touchpoint"]) <= set(shop.vocabulary("channel")) | {"unknown"}


def test_empty_tables_keep_their_types():
    journeys = groups_of(3, "ab", "x", first=0) + groups_of(3, "ab", "y", first=10)
    empty = compare(cj.discover(log_of(journeys), by="group"), "x", "y")
    full = compare(cj.discover(log_of(HAND), by="group"), "old", "young", smallest=10)
    for table in empty._tables:
        assert empty._table(table).dtypes.equals(full._table(table).dtypes), table
    assert not any(len(empty._table(table)) for table in (*TABLES, "findings", "strata"))
    assert isinstance(empty, Comparison)
    assert "nothing could be tested" in repr(empty)
    assert "Nothing could be tested: x has 3 customers, smallest is 20." in empty.notes
    alike = groups_of(3, "a", "x", first=0) + groups_of(3, "a", "y", first=10)
    rare = compare(cj.discover(log_of(alike), by="group"), "x", "y", smallest=2)
    assert any("too rare, or what nearly all do" in note for note in rare.notes)
    assert set(empty.to_arrow()) == set(empty._tables)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda found: compare(found, "Silvr", "Gen Z"), "no group 'Silvr', did you mean 'Silver'"),
        (lambda found: compare(found, "Silver", "Gen X"), r"no group 'Gen X'.*by persona there are"),
        (lambda found: compare(found, "Silver", "Silver"), "'Silver' is compared with itself"),
        (lambda found: compare(found, "Silver", strata="persona"), "what the groups are made of"),
        (lambda found: compare(found, "Silver", strata="birth_year"), "values, strata at most 20"),
        (
            lambda found: compare(found, "Silver", strata="regio"),
            "there is no 'regio'.*did you mean 'region'",
        ),
        (lambda found: compare(found, "Silver", q=0), "q is a false-discovery rate"),
        (lambda found: compare(found, "Silver", smallest=1), "smallest is a whole number of at least 2"),
        (lambda found: compare(found, "Silver", smallest=2.5), "smallest is a whole number"),
        (lambda found: compare(found, "Silver", q="low"), "q is a number from 0 to 1"),
        (lambda found: compare(found, None), "a is a group of cj.discover, .* not None"),
        (lambda found: compare(found, "Silver", 5), "b is a group of cj.discover, .* not 5"),
        (lambda found: compare(found, "Silver", strata=5), "strata is a sequence of names, not 5"),
        (lambda found: compare(found, "Silver", strata=[None]), "strata is a sequence of names, which are"),
        (lambda found: compare(found, "Silver", with_open="no"), "with_open is True or False"),
        (lambda found: compare(found.transitions, "Silver"), "what cj.discover found first, not DataFrame"),
    ],
)
def test_mistakes_are_told(shop, call, words):
    with pytest.raises(cj.LogError, match=words):
        call(cj.discover(shop, by="persona"))


def test_groups_of_several_are_told_apart_in_a_message(shop):
    with pytest.raises(cj.LogError, match=r"there are '[^',]+, [^',]+', '[^',]+, [^',]+'"):
        compare(cj.discover(shop, by=["persona", "region"]), "Silver")


def test_a_view_tells_findings_and_notes():
    found = compare(cj.discover(log_of(HAND), by="group", ignore=["nothing"]), "old", "young", smallest=10)
    lines = repr(found).splitlines()
    shown = min(len(found.findings), 5)
    assert lines[1 : 1 + shown] == [f"  {sentence}" for sentence in found.findings["sentence"].head(5)]
    assert lines[-len(found.notes) :] == [f"  note: {note}" for note in found.notes]
    assert any("'nothing'" in note for note in found.notes)
    assert any("Not looked into whether anything turns" in note for note in found.notes)
    assert not any(
        "turns" in note
        for note in compare(
            cj.discover(log_of(HAND), by="group"), "old", "young", smallest=10, strata=()
        ).notes
    )
    assert len(lines) <= 20


def test_open_journeys_are_whole_numbers_or_missing(shop):
    untagged = cj.discover(log_of(HAND), by="group")
    assert compare(untagged, "old", "young", smallest=10).overview["open"].isna().all()
    assert str(compare(untagged, "old", "young", smallest=10).overview["open"].dtype) == "Int64"


def test_groups_are_needed(shop):
    with pytest.raises(cj.LogError, match="pass by= to"):
        compare(cj.discover(shop), "all")
    untagged = cj.simulate.shop(100, seed=1).log
    with pytest.raises(cj.LogError, match="with_open=False needs to know"):
        compare(cj.discover(untagged, by="channel"), "web", with_open=False)
    one = log_of(groups_of(5, "ab", "x", first=0))
    with pytest.raises(cj.LogError, match="no group but 'x'"):
        compare(cj.discover(one, by="group"), "x")
    only_open = cj.discover(shop, by="outcome")
    with pytest.raises(cj.LogError, match="all journeys of 'open' are open"):
        compare(only_open, "open", "dropped", with_open=False)
