"""What customers do: by hand, by brute force with pandas, and on the help-desk log against pm4py."""

from __future__ import annotations

import gzip
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cjmining as cj
from cjmining.discovery import finish
from cjmining.discovery.steps import Steps
from cjmining.discovery.summary import Scan, merge, summarise
from cjmining.intended import parse_map
from cjmining.kernels.histogram import RELATIVE_ERROR
from tests.examples import examples

TOUCHPOINTS = ("ad", "shop", "basket", "order")


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
    """Three customers: ad shop order, ad shop shop, and shop alone."""
    return _log(
        [0, 0, 0, 1, 1, 1, 2],
        [0, 60, 180, 0, 120, 130, 500],
        ["ad", "shop", "order", "ad", "shop", "shop", "shop"],
        channel=["social", "web", "web", "social", "app", "web", None],
        wait_s=pa.array([None, 2.0, None, None, 4.0, None, None]),
        satisfaction=pa.array([None, None, 1.0, None, None, None, None]),
        device=["mobile", "mobile", "mobile", "desktop", "desktop", "desktop", None],
    )


def test_transitions_by_hand(shop):
    found = cj.discover(shop).transitions
    expected = pd.DataFrame(
        {
            "by": "all",
            "from_touchpoint": ["ad", "shop", "shop"],
            "to_touchpoint": ["shop", "order", "shop"],
            "count": [2, 1, 1],
            "journeys": [2, 1, 1],
            "customers": [2, 1, 1],
            "share_of_journeys": [2 / 3, 1 / 3, 1 / 3],
            "share_of_from": [1.0, 0.5, 0.5],
            "share_into": [2 / 3, 1.0, 1 / 3],
            "repeated_count": [0, 0, 0],
            "median_s": [90.0, 120.0, 10.0],
            # Between 60 s and 120 s, nine tenths of the way.
            "p90_s": [114.0, 120.0, 10.0],
            "mean_s": [90.0, 120.0, 10.0],
        }
    )
    pd.testing.assert_frame_equal(found, expected)


def test_variants_by_hand(shop):
    found = cj.discover(shop).variants
    assert found["variant"].tolist() == ["ad > shop > order", "ad > shop > shop", "shop"]
    assert found["journeys"].tolist() == [1, 1, 1]
    assert found["share_of_journeys"].tolist() == pytest.approx([1 / 3] * 3)


def test_touchpoints_by_hand(shop):
    found = cj.discover(shop).touchpoints.set_index("touchpoint")
    assert found.index.tolist() == ["shop", "ad", "order"]
    assert found["count"].tolist() == [4, 2, 1]
    assert found["journeys"].tolist() == [3, 2, 1]
    # Two shop events through the web, one through the app, one without a channel.
    assert found["channels"].tolist() == ["web, app", "social", "web"]
    assert found.loc["shop", "wait_s_mean"] == 3.0
    assert found["wait_s_answered"].tolist() == [2, 0, 0]
    assert np.isnan(found.loc["ad", "wait_s_mean"])
    assert found.loc["order", "satisfaction_mean"] == 1.0
    assert found["satisfaction_answered"].tolist() == [0, 0, 1]


def test_ends_and_overview_by_hand(shop):
    found = cj.discover(shop)
    rows = found.ends[["position", "touchpoint", "journeys"]].to_numpy().tolist()
    assert rows == [["start", "ad", 2], ["start", "shop", 1], ["end", "shop", 2], ["end", "order", 1]]
    assert found.ends["share_of_journeys"].tolist() == pytest.approx([2 / 3, 1 / 3, 2 / 3, 1 / 3])
    assert found.overview[["journeys", "customers", "events"]].to_numpy().tolist() == [[3, 3, 7]]
    assert found.overview.loc[0, "start"] == pd.Timestamp(0, tz="UTC")
    assert found.overview.loc[0, "end"] == pd.Timestamp(500, unit="s", tz="UTC")
    assert found.overview.loc[0, "events_per_journey"] == pytest.approx(7 / 3)
    # Journeys of 180, 130 and 0 seconds: four fifths of the way from 130 to 180 is the 90th percentile.
    assert found.overview.loc[0, "median_s"] == 130.0
    assert found.overview.loc[0, "p90_s"] == pytest.approx(170.0)
    assert "converted" not in found.overview


def test_outcomes_are_counted_where_journeys_are_tagged_with_them(shop):
    tagged = shop.tag(outcome=["converted", "open", None])
    overview = cj.discover(tagged).overview
    assert overview[["converted", "dropped", "turned_away", "open"]].to_numpy().tolist() == [[1, 0, 0, 1]]
    by_outcome = cj.discover(tagged, by="outcome").overview.set_index("by")
    assert by_outcome.loc["converted", ["journeys", "converted", "open"]].tolist() == [1, 1, 0]
    assert by_outcome.loc["unknown", ["converted", "dropped", "turned_away", "open"]].sum() == 0


def test_a_stay_ends_with_its_last_event():
    log = _log([0, 0, 0], [0, 60, 180], ["ad", "shop", "order"], channel=["social", "web", "web"])
    overview = cj.discover(log, level="channel").overview.iloc[0]
    assert (overview["events"], overview["steps"], overview["median_s"]) == (3, 2, 180.0)
    assert overview["events_per_journey"] == 3.0
    assert overview["end"] == pd.Timestamp(180, unit="s", tz="UTC")


def test_the_summary_tells_of_each_group(shop):
    lines = repr(cj.discover(shop, by="device")).split("\n")
    assert lines[0].startswith("Discovery: 3 journeys with 7 events in 3 groups; 3 transitions, 3 variants")
    assert lines[1] == "  desktop: 1 journey of 1 customer, most often ad > shop (1 time)"
    assert len(lines) == 4


def test_a_journey_without_steps_is_told_apart_from_a_touchpoint_called_nothing():
    found = cj.discover(_log([0, 1], [0, 0], ["(nothing)", "ad"]), ignore=["ad"])
    assert sorted(found.variants["variant"]) == ["((nothing))", "(nothing)"]


def test_a_journey_of_ignored_events_has_no_duration(shop):
    overview = cj.discover(shop, ignore=["ad", "shop", "order"]).overview.iloc[0]
    assert (overview["journeys"], overview["events"], overview["events_per_journey"]) == (3, 0, 0.0)
    assert np.isnan(overview["median_s"])
    assert np.isnan(overview["p90_s"])


def test_groups_have_their_own_shares_and_journeys_without_one_are_unknown(shop):
    found = cj.discover(shop, by="device")
    assert sorted(found.groups) == ["desktop", "mobile", "unknown"]
    assert found.journeys.to_dict() == {"desktop": 1, "mobile": 1, "unknown": 1}
    desktop = found.transitions[found.transitions["by"] == "desktop"]
    assert desktop["share_of_from"].tolist() == [1.0, 1.0]
    assert found.variants.groupby("by")["share_of_journeys"].sum().tolist() == [1.0, 1.0, 1.0]


def test_an_unknown_grouping_is_refused(shop):
    with pytest.raises(cj.LogError, match="devise"):
        cj.discover(shop, by="devise")


def test_an_empty_log_gives_empty_tables():
    found = cj.discover(_log(pa.array([], pa.int64()), [], []))
    assert found.groups == ()
    assert {len(getattr(found, name)) for name in found._tables} == {0}
    assert "0 journeys" in repr(found)


def test_at_equal_times_the_native_order_decides():
    log = _log([0, 0, 0], [0, 0, 0], ["order", "ad", "shop"], sequence=[2, 3, 1])
    assert cj.discover(log).variants["variant"].tolist() == ["shop > order > ad"]
    assert cj.discover(log).transitions["median_s"].tolist() == [0.0, 0.0]


def test_tables_leave_as_arrow_and_show_in_a_notebook(shop):
    found = cj.discover(shop)
    tables = found.to_arrow()
    further = ["follows", "rework", "first_and_again", "together"]
    assert list(tables) == ["overview", "transitions", "variants", "touchpoints", "ends", *further]
    assert tables["follows"].num_rows == len(found.follows)
    assert tables["transitions"].num_rows == 3
    page = cj.discover(_log([0], [0], ["<script>"]))._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


@st.composite
def events(draw):
    n = draw(st.integers(1, 40))
    each = {"min_size": n, "max_size": n}
    return pd.DataFrame(
        {
            "customer": sorted(draw(st.lists(st.integers(0, 8), **each))),
            "seconds": draw(st.lists(st.integers(0, 10**6), **each)),
            "touchpoint": draw(st.lists(st.sampled_from(TOUCHPOINTS), **each)),
            "device": draw(st.lists(st.sampled_from(["mobile", "desktop", None]), **each)),
            "wait_s": np.array(draw(st.lists(st.one_of(st.just(np.nan), st.floats(0, 1e4)), **each))),
            "sequence": range(n),
        }
    )


def _of_frame(frame):
    return _log(
        frame["customer"].to_numpy(),
        frame["seconds"].to_numpy(),
        frame["touchpoint"].tolist(),
        device=pa.array(frame["device"].tolist(), pa.string(), from_pandas=True),
        wait_s=pa.array(frame["wait_s"].tolist(), pa.float64(), from_pandas=True),
        sequence=frame["sequence"].to_numpy(),
    )


@examples(50)
@given(events())
def test_equals_brute_force_in_pandas(frame):
    found = cj.discover(_of_frame(frame), by="device")
    frame = frame.sort_values(["customer", "seconds", "sequence"], kind="stable")
    frame["by"] = frame.groupby("customer")["device"].transform("first").fillna("unknown")
    frame["to"] = frame.groupby("customer")["touchpoint"].shift(-1)
    frame["elapsed"] = frame.groupby("customer")["seconds"].shift(-1) - frame["seconds"]
    steps = frame.dropna(subset="to").groupby(["by", "touchpoint", "to"])
    expected = steps.agg(
        count=("elapsed", "size"),
        journeys=("customer", "nunique"),
        median_s=("elapsed", "median"),
        p90_s=("elapsed", lambda times: times.quantile(0.9)),
        mean_s=("elapsed", "mean"),
    )
    got = found.transitions.set_index(["by", "from_touchpoint", "to_touchpoint"]).sort_index()
    assert got.index.tolist() == expected.index.tolist()
    for name in ("count", "journeys"):
        assert got[name].tolist() == expected[name].tolist()
    for name in ("median_s", "p90_s"):
        assert got[name].tolist() == pytest.approx(expected[name].tolist(), rel=RELATIVE_ERROR)
    assert got["mean_s"].tolist() == pytest.approx(expected["mean_s"].tolist(), rel=1e-9)

    each = frame.groupby(["by", "customer"])["seconds"].agg(["size", "min", "max"])
    lasting = (each["max"] - each["min"]).groupby("by")
    overview = found.overview.set_index("by").sort_index()
    assert overview["events_per_journey"].tolist() == each["size"].groupby("by").mean().tolist()
    for name, share in (("median_s", 0.5), ("p90_s", 0.9)):
        assert overview[name].tolist() == pytest.approx(lasting.quantile(share).tolist(), rel=RELATIVE_ERROR)

    ways = frame.groupby(["by", "customer"])["touchpoint"].agg(" > ".join).groupby("by")
    variants = found.variants.set_index(["by", "variant"])["journeys"].to_dict()
    assert variants == {
        (by, way): number for by, group in ways for way, number in group.value_counts().items()
    }

    touched = frame.groupby(["by", "touchpoint"]).agg(
        count=("seconds", "size"), journeys=("customer", "nunique"),
        wait_s_mean=("wait_s", "mean"), wait_s_answered=("wait_s", "count"),
    )  # fmt: skip
    got = found.touchpoints.set_index(["by", "touchpoint"]).sort_index()[touched.columns.tolist()]
    pd.testing.assert_frame_equal(got, touched.astype({"wait_s_mean": float}), check_names=False)


@given(events(), st.integers(1, 12))
def test_any_split_into_blocks_gives_the_same_discovery(frame, size):
    log = _of_frame(frame)
    scan = Scan.of(log, Steps.of(log, verb="discover"), "device")
    whole = merge([summarise(scan, block) for block in log.blocks()])
    split = merge([summarise(scan, block) for block in log.blocks(size)])
    for table in (finish.overview, finish.transitions, finish.variants, finish.touchpoints, finish.ends):
        # Sums of floats may differ in the last digits; counts are compared exactly.
        pd.testing.assert_frame_equal(table(scan, split), table(scan, whole), rtol=1e-9, atol=0)


@given(events())
def test_the_tables_add_up(frame):
    found = cj.discover(_of_frame(frame))
    overview = found.overview.iloc[0]
    assert found.touchpoints["count"].sum() == overview["events"] == len(frame)
    assert found.transitions["count"].sum() == overview["events"] - overview["journeys"]
    assert found.variants["journeys"].sum() == overview["journeys"]
    assert (found.ends.groupby("position")["journeys"].sum() == overview["journeys"]).all()
    for end, share in (("from_touchpoint", "share_of_from"), ("to_touchpoint", "share_into")):
        shares = found.transitions.groupby(end)[share].sum()
        assert shares.tolist() == pytest.approx([1.0] * len(shares))
    assert (found.transitions["repeated_count"] + found.transitions["journeys"]).equals(
        found.transitions["count"]
    )


def test_a_persona_alone_is_its_part_of_the_whole():
    shop = cj.simulate.shop(300, seed=3)
    intended = parse_map(shop.intended_text)
    log = shop.log.split(intended).with_personas(intended)
    whole = cj.discover(log, by="persona")
    assert set(whole.groups) > {"Families", "Gen Z", "Silver"}
    alone = cj.discover(log.where(persona="Silver"), by="persona")
    assert alone.groups == ("Silver",)
    for name in whole._tables:
        table = whole._table(name)
        silver = table[table["by"] == "Silver"].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone._table(name), silver)


@pytest.fixture(scope="module")
def help_desk(shared_data):
    """The published log of a help desk, as it lies in its file."""
    frame = _read_xes(shared_data / "crm" / "helpdesk_tickets.xes.gz")
    assert frame["case"].nunique() == 4_580
    assert len(frame) == 21_348
    return cj.JourneyLog.from_events(
        pa.table(
            {
                "customer": frame["case"].to_numpy(),
                "timestamp": pa.array(frame["time"]),
                "sequence": np.arange(len(frame)),
                "touchpoint": frame["activity"].tolist(),
            }
        )
    )


def test_the_help_desk_log_equals_pm4pys_directly_follows_graph(help_desk):
    pm4py = pytest.importorskip("pm4py")
    found = cj.discover(help_desk)
    followed, starts, ends = pm4py.discover_dfg(_for_pm4py(help_desk))
    assert _counts(found.transitions) == dict(followed)
    for position, expected in (("start", starts), ("end", ends)):
        rows = found.ends[found.ends["position"] == position]
        assert dict(zip(rows["touchpoint"], rows["journeys"], strict=True)) == dict(expected)


@pytest.mark.filterwarnings("ignore:The 'lsuffix' and 'rsuffix'")  # pandas, of pm4py
def test_the_help_desk_log_equals_pm4pys_eventually_follows_graph(help_desk):
    pm4py = pytest.importorskip("pm4py")
    expected = pm4py.discover_eventually_follows_graph(_for_pm4py(help_desk))
    assert _counts(cj.discover(help_desk).follows) == dict(expected)


def _read_xes(path):
    """Cases in the file's order, events in the order of the file: the native order."""
    rows, case = [], 0
    with gzip.open(path) as file:
        for _, element in ElementTree.iterparse(file):  # noqa: S314 -- a published file
            kind = element.tag.rpartition("}")[2]
            if kind == "event":
                values = {child.get("key"): child.get("value") for child in element}
                rows.append((case, values["time:timestamp"], values["concept:name"]))
            elif kind == "trace":
                case += 1
    frame = pd.DataFrame(rows, columns=["case", "time", "activity"])
    return frame.assign(time=pd.to_datetime(frame["time"], utc=True))


def _counts(table):
    return dict(
        zip(zip(table["from_touchpoint"], table["to_touchpoint"], strict=True), table["count"], strict=True)
    )


def _for_pm4py(log):
    """The events in the log's order: pm4py sorts by time alone, so it gets the order as time."""
    ordered = log.events
    return pd.DataFrame(
        {
            "case:concept:name": ordered["customer"].astype(str),
            "concept:name": ordered["touchpoint"].astype(str).astype(object),
            "time:timestamp": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(np.arange(len(ordered)), unit="s"),
        }
    )


def test_journeys_that_still_run_end_nowhere(shop):
    tagged = shop.tag(outcome=["converted", "open", None])
    found = cj.discover(tagged).ends
    assert found[["position", "touchpoint", "journeys"]].to_numpy().tolist() == [
        ["start", "ad", 2],
        ["start", "shop", 1],
        ["end", "order", 1],
        ["end", "shop", 1],
        ["open", "shop", 1],
    ]
