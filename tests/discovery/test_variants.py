"""Variants by hand, against counting in plain Python, and against what discovery and pm4py count."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.discovery import summary
from cjmining.schema import OUTCOMES
from cjmining.stats import wilson, wilson_of_clusters
from tests.examples import examples

DAY = pd.Timestamp("2026-03-01", tz="UTC")
COLUMNS = [
    "by", "rank", "variant", "journeys", "customers", "share_of_journeys", "cumulative_share", "steps",
    "median_s", "p90_s", "mean_s", "first_seen", "last_seen",
]  # fmt: skip
ENDED = ["converted", "dropped", "turned_away", "open", "converted_share_of_decided", "lower", "upper"]


def log_of(journeys, **customers) -> cj.JourneyLog:
    """A log of journeys: (customer, steps by time in seconds)."""
    rows = [
        (customer, number, second, name)
        for number, (customer, steps) in enumerate(journeys)
        for second, name in steps
    ]
    frame = pd.DataFrame(rows, columns=["customer", "native_journey", "second", "touchpoint"])
    frame["timestamp"] = DAY + pd.to_timedelta(frame.pop("second"), unit="s")
    frame["native_journey"] = frame["native_journey"].map("{:05d}".format)
    return cj.JourneyLog.from_events(
        frame.astype({"touchpoint": "str", "native_journey": "str"}), **customers
    )


HAND = [
    (0, [(0, "ad"), (60, "shop"), (180, "order")]),
    (0, [(1000, "ad"), (1060, "shop")]),
    (1, [(0, "ad"), (120, "shop")]),
    (2, [(5, "mail")]),
    (3, [(7, "ad"), (307, "shop"), (307, "order")]),
]
ENDS = ["converted", "dropped", "open", "open", "turned away"]


def test_by_hand():
    found = cj.variants(log_of(HAND).tag(outcome=ENDS))
    table = found.variants
    assert table.columns.tolist() == COLUMNS + ENDED
    assert table["variant"].tolist() == ["ad > shop", "ad > shop > order", "mail"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["journeys"].tolist() == [2, 2, 1]
    assert table["customers"].tolist() == [2, 2, 1]
    assert table["share_of_journeys"].tolist() == [0.4, 0.4, 0.2]
    assert table["cumulative_share"].tolist() == [0.4, 0.8, 1.0]
    assert table["steps"].tolist() == [2, 3, 1]
    assert table["median_s"].tolist() == [90.0, 240.0, 0.0]
    assert table["mean_s"].tolist() == [90.0, 240.0, 0.0]
    np.testing.assert_allclose(table["p90_s"], [114.0, 288.0, 0.0])
    assert table["first_seen"].tolist() == [DAY, DAY, DAY + pd.Timedelta("5s")]
    assert table["last_seen"].tolist() == [DAY + pd.Timedelta(s, unit="s") for s in (1000, 7, 5)]
    assert table["converted"].tolist() == [0, 1, 0]
    assert table["dropped"].tolist() == [1, 0, 0]
    assert table["turned_away"].tolist() == [0, 1, 0]
    assert table["open"].tolist() == [1, 0, 1]
    np.testing.assert_allclose(table["converted_share_of_decided"], [0.0, 0.5, np.nan])
    np.testing.assert_allclose(table.loc[1, ["lower", "upper"]].astype(float), wilson(1, 2)[1:])


def test_coverage_by_hand():
    table = cj.variants(log_of(HAND)).coverage
    assert table["percent"].tolist() == [50, 80, 90, 95]
    assert table["variants"].tolist() == [2, 2, 3, 3]
    assert table["journeys"].tolist() == [4, 4, 5, 5]
    assert table["share_of_journeys"].tolist() == [0.8, 0.8, 1.0, 1.0]
    assert table["of_variants"].tolist() == [3, 3, 3, 3]


def test_without_the_tag_there_are_no_outcomes():
    found = cj.variants(log_of(HAND))
    assert found.variants.columns.tolist() == COLUMNS
    assert not found.outcomes


def test_journeys_of_a_variant_by_rank_name_or_steps():
    found = cj.variants(log_of(HAND))
    for which in (2, "ad > shop > order", ["ad", "shop", "order"]):
        assert found.journeys(which).tolist() == [0, 4]
    with pytest.raises(cj.LogError, match="ranks go from 1 to 3"):
        found.journeys(4)
    with pytest.raises(cj.LogError, match="no journey of this group took 'shop > ad'"):
        found.journeys("shop > ad")
    with pytest.raises(cj.LogError, match="no journey of this group took 'shup'"):
        found.journeys("shup")


def test_groups_are_asked_for_where_there_are_several():
    log = log_of(HAND, customers=pd.DataFrame({"customer": range(4), "city": ["Bern", "Bern", "Rom", "Rom"]}))
    found = cj.variants(log, by="city")
    assert found.groups == ("Bern", "Rom")
    assert found.head(1)[["by", "variant"]].to_numpy().tolist() == [
        ["Bern", "ad > shop"],
        ["Rom", "ad > shop > order"],
    ]
    assert found.journeys(1, group="Rom").tolist() == [4]
    with pytest.raises(cj.LogError, match="which group is meant: pass group=, one of Bern, Rom"):
        found.journeys(1)
    with pytest.raises(cj.LogError, match="there is no group 'Rome', did you mean 'Rom'"):
        found.journeys(1, group="Rome")


def test_names_with_the_arrow_in_them_are_no_trouble():
    found = cj.variants(log_of([(0, [(0, "a > b"), (1, "c")]), (1, [(0, "a"), (1, "b > c")])]))
    assert found.variants["variant"].tolist() == ["a > b > c", "a > b > c"]
    assert found.journeys(["a > b", "c"]).tolist() == [0]
    assert found.journeys(["a", "b > c"]).tolist() == [1]


def test_where_everything_is_ignored_nothing_is_left():
    found = cj.variants(
        log_of([(0, [(0, "mail"), (9, "mail")]), (1, [(3, "ad"), (9, "mail")])]), ignore=["mail"]
    )
    assert found.variants["variant"].tolist() == ["(nothing)", "ad"]
    assert found.variants["steps"].tolist() == [0, 1]
    assert found.variants["median_s"].isna().tolist() == [True, False]
    assert found.journeys("(nothing)").tolist() == [0]


def test_a_log_without_events_keeps_the_types():
    empty, full = cj.variants(log_of([]).tag(outcome=[])), cj.variants(log_of(HAND).tag(outcome=ENDS))
    assert len(empty) == 0
    assert empty.variants.dtypes.to_dict() == full.variants.dtypes.to_dict()
    assert empty.coverage.dtypes.to_dict() == full.coverage.dtypes.to_dict()
    assert empty.groups == ()


def test_a_word_that_is_no_outcome_is_an_error():
    with pytest.raises(cj.LogError, match="tagged with outcome 'convertd', did you mean 'converted'"):
        cj.variants(log_of(HAND).tag(outcome=["convertd", *ENDS[1:]]))


def test_several_journeys_of_a_customer_widen_the_limits():
    journeys = [(n // 4, [(60 * n, "ad")]) for n in range(40)]
    ends = (["converted"] * 4 + ["dropped"] * 4) * 5  # of each customer all or none
    table = cj.variants(log_of(journeys).tag(outcome=ends)).variants
    expected = wilson_of_clusters(20, 40, (5 * 16, 5 * 16, 10 * 16))
    np.testing.assert_allclose(
        table.loc[0, ["converted_share_of_decided", "lower", "upper"]].astype(float), expected
    )


JOURNEYS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.lists(st.tuples(st.integers(0, 5000), st.sampled_from("abc")), min_size=1, max_size=4),
        st.sampled_from([*OUTCOMES, None]),
    ),
    min_size=1,
    max_size=25,
)


def _logged(drawn):
    drawn = sorted(drawn, key=lambda one: one[0])
    log = log_of([(customer, sorted(steps, key=lambda s: s[0])) for customer, steps, _ in drawn])
    return log.tag(outcome=[outcome for *_, outcome in drawn]), drawn


@examples(60)
@given(JOURNEYS)
def test_equals_counting_in_plain_python(drawn):
    log, drawn = _logged(drawn)
    of = defaultdict(list)
    for customer, steps, outcome in drawn:
        taken = sorted(steps, key=lambda s: s[0])
        of[tuple(name for _, name in taken)].append((customer, taken[-1][0] - taken[0][0], outcome))
    order = sorted(of, key=lambda names: (-len(of[names]), names))
    table = cj.variants(log).variants
    assert table["variant"].tolist() == [" > ".join(names) for names in order]
    for row, names in zip(table.itertuples(), order, strict=True):
        members = of[names]
        assert row.journeys == len(members)
        assert row.customers == len({customer for customer, *_ in members})
        times = [seconds for _, seconds, _ in members]
        assert row.mean_s == pytest.approx(np.mean(times), abs=1e-9)
        assert row.median_s == pytest.approx(np.quantile(times, 0.5), rel=1 / 128, abs=1e-9)
        assert row.p90_s == pytest.approx(np.quantile(times, 0.9), rel=1 / 128, abs=1e-9)
        ended = Counter(outcome for *_, outcome in members)
        assert [row.converted, row.dropped, row.turned_away, row.open] == [ended[o] for o in OUTCOMES]
        decided = row.converted + row.dropped + row.turned_away
        share = row.converted / decided if decided else np.nan
        assert row.converted_share_of_decided == pytest.approx(share, nan_ok=True)


@examples(40)
@given(JOURNEYS, st.integers(1, 20))
def test_blocks_add_up(drawn, events):
    log, _ = _logged(drawn)
    whole = cj.variants(log)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(summary, "BLOCK_EVENTS", events)
        parts = cj.variants(log)
        pd.testing.assert_frame_equal(parts.variants, whole.variants, rtol=1e-9)
        pd.testing.assert_frame_equal(parts.coverage, whole.coverage)


@pytest.fixture(scope="module")
def shop() -> cj.JourneyLog:
    made = cj.simulate.shop(600, seed=2)
    from cjmining.intended import parse_map

    intended = parse_map(made.intended_text)
    log = made.log.split(intended).with_personas(intended)
    return log.tag(outcome=cj.check(log, intended).journeys["outcome"])


@pytest.mark.parametrize("level", ["touchpoint", "touchpoint@channel", "channel"])
def test_counts_are_those_of_discovery(shop, level):
    ours = cj.variants(shop, by="persona", level=level).variants[["by", "variant", "journeys"]]
    theirs = cj.discover(shop, by="persona", level=level).variants[["by", "variant", "journeys"]]
    both = [table.sort_values(["by", "variant"]).reset_index(drop=True) for table in (ours, theirs)]
    pd.testing.assert_frame_equal(*both)


def test_the_head_is_the_head_and_every_journey_is_somewhere(shop):
    found = cj.variants(shop, by="persona")
    whole = found.variants
    pd.testing.assert_frame_equal(found.head(3), whole[whole["rank"] <= 3].reset_index(drop=True))
    group = found.groups[0]
    its = whole[whole["by"] == group]
    every = np.concatenate([found.journeys(int(rank), group=group) for rank in its["rank"]])
    assert sorted(every.tolist()) == np.flatnonzero(shop.journeys["journey"].isin(every)).tolist()
    assert len(every) == len(set(every.tolist())) == its["journeys"].sum()
    assert whole["variant"].iloc[0] in found._repr_html_().replace("&gt;", ">")


def test_variants_are_those_of_pm4py(shared_data: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pm4py = pytest.importorskip("pm4py")
        tickets = pm4py.read_xes(str(shared_data / "crm" / "helpdesk_tickets.xes.gz"))
        expected = pm4py.get_variants(tickets)
    log = cj.ingest(cj.sources.XES(shared_data / "crm" / "helpdesk_tickets.xes.gz", name="tickets"))
    table = cj.variants(log).variants
    assert dict(zip(table["variant"], table["journeys"], strict=True)) == {
        " > ".join(names): (n if isinstance(n, int) else len(n)) for names, n in expected.items()
    }


def test_a_step_may_be_named_like_the_word_for_nothing():
    log = log_of([(0, [(0, "mail")]), (1, [(0, "(nothing)")]), (2, [(0, "(nothing)")])])
    found = cj.variants(log, ignore=["mail"])
    assert found.variants["variant"].tolist() == ["(nothing)", "((nothing))"]
    assert found.journeys("(nothing)").tolist() == [1, 2]
    assert found.journeys("((nothing))").tolist() == [0]


def test_one_name_of_two_variants_is_an_error():
    found = cj.variants(log_of([(0, [(0, "a > b"), (1, "c")]), (1, [(0, "a"), (1, "b > c")])]))
    with pytest.raises(cj.LogError, match="2 variants are named 'a > b > c': give the steps of one"):
        found.journeys("a > b > c")


def test_coverage_counts_each_customer_once():
    table = cj.variants(log_of(HAND)).coverage  # customer 0 took both of the most frequent variants
    assert table["journeys"].tolist() == [4, 4, 5, 5]
    assert table["customers"].tolist() == [3, 3, 4, 4]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda found: found.head(None), "n is a whole number of at least 0, not None"),
        (lambda found: found.head("5"), "n is a whole number of at least 0, not '5'"),
        (
            lambda found: found.journeys(None),
            "variant is a sequence of steps, or a rank, or a name, not None",
        ),
        (lambda found: found.journeys(1.0), "variant is a sequence of .* not 1.0"),
        (lambda found: found.journeys(True), "variant is a sequence of .* not True"),
        (lambda found: found.journeys(1, group=5), "there is no group 5: pass group=, one of all"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(cj.LogError, match=words):
        call(cj.variants(log_of(HAND)))


def test_numbers_of_numpy_are_numbers():
    found = cj.variants(log_of(HAND))
    assert found.journeys(np.int64(2)).tolist() == [0, 4]
    assert found.head(np.int64(1))["variant"].tolist() == ["ad > shop"]


def test_a_terminal_shows_the_commonest_few():
    long = [(second, "product_view") for second in range(30)]
    found = cj.variants(log_of([(0, [(0, "ad")]), (1, [(0, "ad")]), (2, long)]), ignore=["mial"])
    first, second, third, note = repr(found).splitlines()
    assert first == "Variants: 2 different ways of 3 journeys in 1 group"
    assert second == "  ad: 2 journeys (67 %)"
    assert third == f"  {'product_view > ' * 5}... (30 steps): 1 journey (33 %)"
    assert note.startswith("  note: ")
    assert "'mial'" in note
    assert repr(cj.variants(log_of([]))) == "Variants: 0 different ways of 0 journeys in 0 groups"


def test_many_groups_take_no_more_than_a_screen():
    customers = pd.DataFrame({"customer": range(300), "city": [f"{n:03}" for n in range(300)]})
    found = cj.variants(log_of([(n, [(0, "ad")]) for n in range(300)], customers=customers), by="city")
    assert len(repr(found).splitlines()) <= 20
    assert "  284 more in .head()" in repr(found)
    few = repr(found.representatives(2))
    assert len(few.splitlines()) <= 20
    assert few.startswith(
        "Representatives: 300 variants for 300 groups, within 0.5 edits per step of 300 of 300 "
    )
    assert "  000: 1 of 1 journey (100 %)" in few
    assert "  284 more in .account" in few
