"""Follows, rework, first and again, together, quantiles: by hand, and by brute force at every level."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.discovery import co_occurrence, follows, rework
from cjmining.discovery.steps import LEVELS, Steps
from cjmining.discovery.summary import Scan
from cjmining.intended import parse_map
from cjmining.kernels import cells, histogram, together
from cjmining.kernels import follows as follows_kernel
from cjmining.kernels import rework as rework_kernel
from cjmining.kernels import transitions as transitions_kernel
from cjmining.kernels.histogram import RELATIVE_ERROR
from cjmining.report.disclosure import merge_found, small_groups
from cjmining.report.words import SMALLER
from tests.examples import examples

TABLES = ("follows", "rework", "first_and_again", "together")
MAP = parse_map(
    "{map: M, goal: [order], patience: 2d, stages: ["
    "{stage: Look, order: choice, touchpoints: [{touchpoint: ad}, {touchpoint: shop}], returns_to: []}, "
    "{stage: Buy, touchpoints: [{touchpoint: basket}, {touchpoint: order}], returns_to: [Look]}]}"
)


def _log(customer, seconds, touchpoint, **columns):
    return cj.JourneyLog.from_events(
        pa.table(
            {
                "customer": customer,
                "timestamp": pa.array(seconds, pa.timestamp("s", "UTC")),
                "touchpoint": pa.array(touchpoint, pa.string()),
                **columns,
            }
        )
    )


@pytest.fixture
def shop():
    """Three customers: ad shop ad shop, ad shop shop order, and shop alone."""
    return _log(
        [0, 0, 0, 0, 1, 1, 1, 1, 2],
        [0, 60, 100, 110, 0, 120, 130, 190, 500],
        ["ad", "shop", "ad", "shop", "ad", "shop", "shop", "order", "shop"],
        sequence=list(range(9)),
    )


def test_follows_by_hand(shop):
    found = cj.discover(shop).follows.set_index(["from_touchpoint", "to_touchpoint"]).drop(columns="by")
    assert found.columns.tolist() == [
        "journeys", "customers", "share_of_from_journeys", "directly", "count", "median_s", "p90_s"
    ]  # fmt: skip
    # ad shop: 1 + 2 pairs, then 2; from the first ad to the next shop 60 s and 120 s.
    assert found.loc[("ad", "shop")].tolist() == [2, 2, 1.0, 2, 5, 90.0, 114.0]
    # From the first shop to the next one 50 s and 10 s, directly only in the second journey.
    assert found.loc[("shop", "shop")].tolist() == [2, 2, 2 / 3, 1, 2, 30.0, 46.0]
    assert found.loc[("shop", "ad")].tolist() == [1, 1, 1 / 3, 1, 1, 40.0, 40.0]
    assert found.loc[("ad", "ad")].tolist() == [1, 1, 0.5, 0, 1, 100.0, 100.0]
    assert found.loc[("ad", "order")].tolist() == [1, 1, 0.5, 0, 1, 190.0, 190.0]
    assert found.loc[("shop", "order")].tolist() == [1, 1, 1 / 3, 1, 2, 70.0, 70.0]
    assert len(found) == 6


def test_rework_by_hand(shop):
    found = cj.discover(shop).rework
    assert found["touchpoint"].tolist() == ["shop", "ad", "order"]
    row = found.iloc[0]
    assert row[["journeys", "repeated_journeys", "steps", "repeated_steps", "most"]].tolist() == [
        3,
        2,
        5,
        2,
        2,
    ]
    assert row["share_repeated"] == pytest.approx(2 / 3)
    assert row[["self_loops", "loops"]].tolist() == [1, 1]
    # Two steps and 50 s later in the first journey, one step and 10 s later in the second.
    assert row[["steps_mean", "median_s", "extra_mean_s"]].tolist() == [1.5, 30.0, 30.0]
    order = found.iloc[2]
    assert order[["journeys", "repeated_steps", "most"]].tolist() == [1, 0, 1]
    assert order[["steps_mean", "median_s", "p90_s", "extra_mean_s"]].isna().all()


def test_first_and_again_by_hand(shop):
    found = cj.discover(shop).first_and_again
    row = found.iloc[0]
    assert row[["from_touchpoint", "to_touchpoint"]].tolist() == ["ad", "shop"]
    assert row[["first_count", "repeated_count"]].tolist() == [2, 1]
    assert row[["first_median_s", "first_p90_s", "repeated_median_s", "repeated_p90_s"]].tolist() == [
        90.0, 114.0, 10.0, 10.0
    ]  # fmt: skip
    rest = found.iloc[1:]
    assert rest["repeated_count"].tolist() == [0] * 3
    assert rest["repeated_median_s"].isna().all()


def test_together_by_hand(shop):
    found = cj.discover(shop).together.set_index(["touchpoint", "other_touchpoint"]).drop(columns="by")
    assert found.index.tolist() == [("ad", "shop"), ("ad", "order"), ("order", "shop")]
    both, customers, of_ad, of_order, expected, lift, jaccard, phi = found.loc[("ad", "order")]
    assert (both, customers, of_ad, of_order, jaccard) == (1, 1, 0.5, 1.0, 0.5)
    assert (expected, lift) == pytest.approx((2 / 3, 1.5))
    # Of three journeys: both 1, only the ad 1, neither 1: (1 * 1 - 1 * 0) / sqrt(2 * 1 * 1 * 2).
    assert phi == pytest.approx(0.5)
    # Every journey has a shop: nothing can go with that.
    assert found.loc[("ad", "shop"), "lift"] == 1.0
    assert np.isnan(found.loc[("ad", "shop"), "phi"])


def test_quantiles_by_hand(shop):
    found = cj.discover(shop)
    table = found.quantiles((0.25, 0.999), exact=True)
    assert table.columns.tolist() == [
        "by", "from_touchpoint", "to_touchpoint", "count", "journeys", "customers", "q25_s", "q99.9_s"
    ]  # fmt: skip
    # 60, 10 and 120 s: halfway from the first to the second.
    assert table.loc[0, "q25_s"] == 35.0
    keys = ["by", "from_touchpoint", "to_touchpoint", "count", "journeys", "customers"]
    assert table[keys].equals(found.transitions[keys])
    assert found.quantiles(0.5)["q50_s"].tolist() == found.transitions["median_s"].tolist()


@pytest.mark.parametrize("shares", [(), "half", 1.5, (0.5, -0.1), (0.5, None)])
def test_quantiles_that_are_none_are_refused(shop, shares):
    with pytest.raises(cj.LogError, match=r"shares.* from 0 to 1"):
        cj.discover(shop).quantiles(shares)


def test_an_empty_log_gives_empty_tables_with_types():
    found = cj.discover(_log(pa.array([], pa.int64()), [], []))
    full = cj.discover(_log([0, 0], [0, 0], ["ad", "ad"]))
    for name in (*TABLES, "group_values"):
        empty = getattr(found, name)
        assert len(empty) == 0
        assert empty.dtypes.tolist() == getattr(full, name).dtypes.tolist()
    for exact in (False, True):
        assert found.quantiles(0.5, exact=exact).dtypes.equals(full.quantiles(0.5, exact=exact).dtypes)


def test_tables_are_made_once(shop):
    found = cj.discover(shop)
    assert all(getattr(found, name) is getattr(found, name) for name in (*TABLES, "group_values"))


# by brute force -------------------------------------------------------------------------------------------


@st.composite
def logs(draw):
    """Small logs: ties in time, journeys of one event, touchpoints that come again."""
    n = draw(st.integers(1, 40))
    each = {"min_size": n, "max_size": n}
    return _log(
        sorted(draw(st.lists(st.integers(0, 8), **each))),
        draw(st.lists(st.integers(0, 50) | st.integers(0, 10**6), **each)),
        draw(st.lists(st.sampled_from(["ad", "shop", "basket", "order"]), **each)),
        channel=pa.array(draw(st.lists(st.sampled_from(["web", "app", None]), **each)), pa.string()),
        device=pa.array(draw(st.lists(st.sampled_from(["mobile", "desktop", None]), **each)), pa.string()),
        actor=pa.array(["customer"] * n, pa.string()),
        sequence=list(range(n)),
    )


def journeys_of(log, by, options):
    """Group and steps (name, seconds) of every journey; how steps are read has its own tests."""
    part = (steps := Steps.of(log, verb="test", **options)).whole()
    group, names = log.group(by)
    for journey, (first, last) in enumerate(itertools.pairwise(part.bounds.tolist())):
        codes, times = part.code[first:last].tolist(), part.timestamp[first:last].tolist()
        yield (
            names[group[journey]],
            [(steps.names[code], time / 1e6) for code, time in zip(codes, times, strict=True)],
        )


def close(found, times, share):
    expected = np.quantile(times, share) if len(times) else np.nan
    return found == pytest.approx(expected, rel=RELATIVE_ERROR, nan_ok=True)


def expect_follows(found, journeys):
    pairs, holding, directly, times = Counter(), Counter(), Counter(), defaultdict(list)
    for by, steps in journeys:
        holding.update((by, name) for name in {name for name, _ in steps})
        pairs.update((by, a[0], b[0]) for a, b in itertools.combinations(steps, 2))
        directly.update({(by, a[0], b[0]) for a, b in itertools.pairwise(steps)})
        names = [name for name, _ in steps]
        for a, b in {(a[0], b[0]) for a, b in itertools.combinations(steps, 2)}:
            first = names.index(a)
            then = names.index(b, first + 1)
            times[by, a, b].append(steps[then][1] - steps[first][1])
    assert len(found) == len(pairs)
    for row in found.itertuples():
        key = (row.by, row.from_touchpoint, row.to_touchpoint)
        assert (row.count, row.journeys, row.directly) == (pairs[key], len(times[key]), directly[key])
        assert row.share_of_from_journeys == len(times[key]) / holding[key[:2]]
        assert close(row.median_s, times[key], 0.5)
        assert close(row.p90_s, times[key], 0.9)


def expect_rework(found, journeys):
    events, many, gaps, steps_between, spans = (
        Counter(),
        defaultdict(list),
        *(defaultdict(list) for _ in range(3)),
    )
    for by, steps in journeys:
        names = [name for name, _ in steps]
        events.update((by, name) for name in names)
        for name in set(names):
            at = [place for place, one in enumerate(names) if one == name]
            many[by, name].append(len(at))
            gaps[by, name] += [steps[b][1] - steps[a][1] for a, b in itertools.pairwise(at)]
            steps_between[by, name] += [b - a for a, b in itertools.pairwise(at)]
            spans[by, name] += [steps[at[-1]][1] - steps[at[0]][1]] if len(at) > 1 else []
    assert len(found) == len(events)
    for row in found.itertuples():
        key = (row.by, row.touchpoint)
        between = steps_between[key]
        repeated = sum(number > 1 for number in many[key])
        assert (row.journeys, row.repeated_journeys) == (len(many[key]), repeated)
        assert (row.steps, row.most, row.repeated_steps) == (events[key], max(many[key]), len(between))
        assert (row.self_loops, row.loops) == (between.count(1), len(between) - between.count(1))
        assert row.share_repeated == repeated / len(many[key])
        assert close(row.median_s, gaps[key], 0.5)
        assert close(row.p90_s, gaps[key], 0.9)
        for mean, of in ((row.steps_mean, between), (row.extra_mean_s, spans[key])):
            assert mean == pytest.approx(np.mean(of) if of else np.nan, nan_ok=True)


def expect_first_and_again(found, journeys):
    times = defaultdict(lambda: ([], []))
    for by, steps in journeys:
        met = set()
        for a, b in itertools.pairwise(steps):
            key = (by, a[0], b[0])
            times[key][key in met].append(b[1] - a[1])
            met.add(key)
    assert len(found) == len(times)
    for row in found.itertuples():
        first, again = times[row.by, row.from_touchpoint, row.to_touchpoint]
        assert (row.first_count, row.repeated_count) == (len(first), len(again))
        assert close(row.first_median_s, first, 0.5)
        assert close(row.first_p90_s, first, 0.9)
        assert close(row.repeated_median_s, again, 0.5)
        assert close(row.repeated_p90_s, again, 0.9)


def expect_together(found, journeys):
    sets = defaultdict(list)
    for by, steps in journeys:
        sets[by].append({name for name, _ in steps})
    expected = {
        (by, frozenset(pair)) for by, each in sets.items() for one in each
        for pair in itertools.combinations(one, 2)
    }  # fmt: skip
    assert {
        (row.by, frozenset((row.touchpoint, row.other_touchpoint))) for row in found.itertuples()
    } == expected
    assert len(found) == len(expected)
    for row in found.itertuples():
        has = np.array([[row.touchpoint in one, row.other_touchpoint in one] for one in sets[row.by]])
        both, either, (n_one, n_other) = has.all(axis=1).sum(), has.any(axis=1).sum(), has.sum(axis=0)
        assert row.journeys == both
        assert (row.share_of_touchpoint_journeys, row.share_of_other_journeys) == (
            both / n_one,
            both / n_other,
        )
        assert row.expected_journeys == pytest.approx(n_one * n_other / len(has))
        assert row.lift == pytest.approx(both * len(has) / (n_one * n_other))
        assert row.jaccard == pytest.approx(both / either)
        varies = has.any(axis=0) & ~has.all(axis=0)
        phi = np.corrcoef(has.T.astype(float))[0, 1] if varies.all() else np.nan
        assert row.phi == pytest.approx(phi, nan_ok=True)


def expect_transitions(found, journeys):
    counts, of = Counter(), Counter()
    for by, steps in journeys:
        of[by] += 1
        counts.update((by, a[0], b[0]) for a, b in itertools.pairwise(steps))
    assert len(found) == len(counts)
    for row in found.itertuples():
        key = (row.by, row.from_touchpoint, row.to_touchpoint)
        out = sum(number for (by, a, _), number in counts.items() if (by, a) == key[:2])
        into = sum(number for (by, _, b), number in counts.items() if (by, b) == (key[0], key[2]))
        assert (row.count, row.repeated_count) == (counts[key], counts[key] - row.journeys)
        assert (row.share_of_from, row.share_into) == (counts[key] / out, counts[key] / into)
        assert row.share_of_journeys == row.journeys / of[row.by]


EXPECT = {
    "follows": expect_follows,
    "rework": expect_rework,
    "first_and_again": expect_first_and_again,
    "together": expect_together,
    "transitions": expect_transitions,
}


@examples(30)
@given(logs(), st.sampled_from(LEVELS), st.sampled_from([(), ("ad",)]))
def test_every_table_equals_brute_force_at_every_level(log, level, ignore):
    log = log.tag(outcome=["converted" if journey % 2 else None for journey in range(log.n_journeys)])
    options = {"level": level, "ignore": ignore, "intended": MAP}
    for by in (None, ["device", "outcome"], "day"):
        found = cj.discover(log, by=by, **options)
        journeys = list(journeys_of(log, by, options))
        for name, expect in EXPECT.items():
            expect(getattr(found, name), journeys)


@given(logs(), st.lists(st.integers(0, 1000), min_size=1, max_size=3, unique=True))
def test_exact_quantiles_are_numpys_and_the_others_are_near(log, thousandths):
    shares = [each / 1000 for each in thousandths]
    found = cj.discover(log, by="device")
    exact, near = found.quantiles(shares, exact=True), found.quantiles(shares)
    times = defaultdict(list)
    for by, steps in journeys_of(log, "device", {}):
        for a, b in itertools.pairwise(steps):
            times[by, a[0], b[0]].append(b[1] - a[1])
    assert len(exact) == len(times)
    for (_, one), (_, other) in zip(exact.iterrows(), near.iterrows(), strict=True):
        expected = np.quantile(times[tuple(one.iloc[:3])], shares)
        np.testing.assert_allclose(one.iloc[6:].to_numpy(float), expected, rtol=1e-12)
        np.testing.assert_allclose(other.iloc[6:].to_numpy(float), expected, rtol=RELATIVE_ERROR)


@given(logs(), st.integers(1, 12))
def test_any_split_into_blocks_gives_the_same_tables(log, size):
    scan = Scan.of(log, Steps.of(log, verb="test"), "device")
    n = len(scan.groups), len(scan.names)

    def counted(blocks, count):
        parts = [scan.steps.of_block(block) for block in blocks]
        return [count(part, (scan.group[part.journeys], *n, scan.first_journeys(part))) for part in parts]

    def tables(blocks):
        yield follows.table(
            scan, follows_kernel.merge(counted(blocks, lambda p, of: follows_kernel.count(*p[:3], *of)))
        )
        yield rework.table(
            scan, rework_kernel.merge(counted(blocks, lambda p, of: rework_kernel.count(*p[:3], *of)))
        )
        times = counted(blocks, lambda p, of: rework_kernel.first_and_again(*p[:3], *of[:-1]))
        transitions = counted(blocks, lambda p, of: transitions_kernel.count(*p[:3], *of))
        yield rework.transitions_table(scan, histogram.merge(times), transitions_kernel.merge(transitions))
        yield co_occurrence.table(
            scan, together.merge(counted(blocks, lambda p, of: together.count(p.bounds, p.code, *of)))
        )

    for split, whole in zip(tables(log.blocks(size)), tables(log.blocks()), strict=True):
        # Sums of floats may differ in the last digits; counts are compared exactly.
        pd.testing.assert_frame_equal(split, whole, rtol=1e-9, atol=0)


@given(logs())
def test_hashed_cells_give_what_direct_ones_give(log):
    direct = cj.discover(log, by="device")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "DIRECT_CELLS", 0)
        hashed = cj.discover(log, by="device")
        for name in TABLES:
            pd.testing.assert_frame_equal(getattr(hashed, name), getattr(direct, name))


def test_the_tables_go_together():
    found = cj.discover(cj.simulate.shop(300, seed=3).log, level="touchpoint@channel")
    keys = ["from_touchpoint", "to_touchpoint"]
    ours, direct = found.follows.set_index(keys), found.transitions.set_index(keys)
    assert (
        ours.loc[ours["directly"] > 0, "directly"]
        .sort_index()
        .equals(direct["journeys"].rename("directly").sort_index())
    )
    again = found.rework.set_index("touchpoint")
    itself = ours[[a == b for a, b in ours.index]].droplevel(1)
    repeated = again.loc[again["repeated_journeys"] > 0, "repeated_journeys"]
    assert itself["journeys"].sort_index().tolist() == repeated.sort_index().tolist()
    first = found.first_and_again
    assert first["first_count"].tolist() == found.transitions["journeys"].tolist()
    assert first["repeated_count"].tolist() == found.transitions["repeated_count"].tolist()


# groups ---------------------------------------------------------------------------------------------------


def test_group_values_take_the_names_of_several_apart():
    log = _log([0, 1, 2, 3], [0, 0, 0, 0], ["ad"] * 4, device=["mobile, new", "mobile", None, "mobile"]).tag(
        outcome=["open", "dropped", "open", "open"]
    )
    found = cj.discover(log, by=["device", "outcome"])
    table = found.group_values.set_index("by")
    assert tuple(table.index) == found.groups
    assert table.columns.tolist() == ["device", "outcome"]
    assert table.loc['"mobile, new", open'].tolist() == ["mobile, new", "open"]
    assert table.loc["unknown, open"].tolist() == ["unknown", "open"]
    assert sorted(table.itertuples(index=False, name=None)) == [
        ("mobile", "dropped"), ("mobile", "open"), ("mobile, new", "open"), ("unknown", "open")
    ]  # fmt: skip
    one = cj.discover(log, by="outcome")
    assert one.group_values.to_numpy().tolist() == [[name, name] for name in one.groups]
    assert cj.discover(log).group_values.to_numpy().tolist() == [["all"]]


@pytest.fixture(scope="module")
def with_small_groups():
    """A check and a discovery by persona, how few customers are too few, and which groups have fewer."""
    made = cj.simulate.shop(300, seed=3)
    intended = parse_map(made.intended_text)
    log = made.log.split(intended).with_personas(intended)
    check = cj.check(log, intended, by="persona")
    found = cj.discover(log.tag(outcome=check.journeys["outcome"]), by="persona")
    least = int(found.overview["customers"].min()) + 1
    return check, found, least, small_groups(check, least)


def test_merged_groups_have_the_shares_of_all_their_journeys(with_small_groups):
    check, found, least, small = with_small_groups
    shown = merge_found(found, check, least)
    merged = shown.overview[shown.overview["by"] == SMALLER].iloc[0]
    parts = found.overview[found.overview["by"].isin(small)]
    for name in ("journeys", "customers", "events", "converted", "dropped", "turned_away", "open"):
        assert merged[name] == parts[name].sum()
    assert merged["events_per_journey"] == parts["events"].sum() / parts["journeys"].sum()
    assert (merged["start"], merged["end"]) == (parts["start"].min(), parts["end"].max())
    assert np.isnan(merged["median_s"])
    for end, share in (("from_touchpoint", "share_of_from"), ("to_touchpoint", "share_into")):
        shares = shown.transitions.groupby(["by", end])[share].sum()
        assert shares.to_numpy() == pytest.approx(1.0)
    rows = shown.transitions[shown.transitions["by"] == SMALLER]
    assert (rows["share_of_journeys"] == rows["journeys"] / merged["journeys"]).all()
    assert (rows["repeated_count"] == rows["count"] - rows["journeys"]).all()


def test_what_was_merged_for_showing_is_not_shown_again_from_the_log(with_small_groups):
    check, found, least, _ = with_small_groups
    assert len(found.follows)
    shown = merge_found(found, check, least)
    for name in (*TABLES, "group_values", "overall"):
        with pytest.raises(cj.LogError, match=f"{name} would show them again"):
            getattr(shown, name)
    with pytest.raises(cj.LogError, match=r"ask the result of cj\.discover"):
        shown.quantiles(0.5)
