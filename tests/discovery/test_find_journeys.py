"""Journeys that no map told of: by silence, start and order; on logs worked by hand and on known truths."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy.stats import rankdata

import cjmining as cj
from cjmining.discovery.journeys import model, told
from cjmining.discovery.journeys.find import find_journeys
from cjmining.discovery.journeys.gap import find_gap
from cjmining.discovery.journeys.sequences import Sequences

MINUTE, DAY = 60, 86_400


def log_of(*events: tuple, **columns) -> cj.JourneyLog:
    """Make a log of (customer, second, touchpoint) with further columns."""
    customer, second, touchpoint = zip(*events, strict=True) if events else ((), (), ())
    table = {
        "customer": np.array(customer, np.int64),
        "timestamp": pd.to_datetime(np.array(second, np.float64), unit="s", utc=True),
        "touchpoint": pd.Series(touchpoint, dtype="str"),
        **columns,
    }
    return cj.JourneyLog.from_events(pd.DataFrame(table))


def journeys_of(log: cj.JourneyLog) -> list[str]:
    """Return the touchpoints of each journey, joined."""
    words = log.events["touchpoint"].astype(str).to_numpy()
    return [" ".join(words[a:b]) for a, b in zip(log.bounds[:-1], log.bounds[1:], strict=True)]


def area(score, truth) -> float:
    """Return the area under the receiver operating characteristic, from ranks (Mann and Whitney)."""
    rank, truth = rankdata(score), np.asarray(truth)
    ones, zeros = truth.sum(), (~truth).sum()
    return float((rank[truth].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def orders(customers: int, *, seed: int, longer: float = 0.0) -> tuple[cj.JourneyLog, np.ndarray]:
    """Make customers with three journeys 'ad shop (shop) order' each, a minute's silence or so everywhere."""
    random = np.random.default_rng(seed)
    events, truth = [], []
    for customer in range(customers):
        now = 0.0
        for _ in range(3):
            steps = ["ad", "shop", *["shop"] * random.integers(0, 3), "order"]
            for place, step in enumerate(steps):
                now += random.exponential(MINUTE) + longer * (place == 0)
                events.append((customer, now, step))
                truth.append(place == 0)
    return log_of(*events), np.array(truth)


# by gap ---------------------------------------------------------------------------------------------------

TWO_VISITS = [(0, 0, "ad"), (0, 60, "shop"), (0, 60 + 30 * MINUTE, "shop"), (0, 62 + 60 * MINUTE, "order")]


def test_a_journey_begins_after_a_silence_as_long_as_the_gap():
    found = find_journeys(log_of(*TWO_VISITS, (1, 0, "ad")), method="gap", gap="30m")
    assert journeys_of(found.log) == ["ad shop", "shop", "order", "ad"]
    expected = pd.DataFrame(
        {
            "customer": [0, 0, 0],
            "event": [1, 2, 3],
            "gap_s": [60.0, 1800.0, 1802.0],
            "probability": [0.0, 1.0, 1.0],
            "begins": [False, True, True],
        }
    )
    assert_frame_equal(found.boundaries[expected.columns.tolist()], expected)
    assert found.boundaries["touchpoint"].tolist() == ["shop", "shop", "order"]
    assert found.boundaries["time"].iloc[0] == pd.Timestamp(60, unit="s", tz="UTC")
    longer = find_journeys(log_of(*TWO_VISITS), method="gap", gap=timedelta(minutes=30, seconds=1))
    assert journeys_of(longer.log) == ["ad shop shop", "order"]


def test_the_tables_of_a_gap_worked_by_hand():
    found = find_journeys(log_of(*TWO_VISITS, (1, 0, "ad")), method="gap", gap="30m")
    row = found.overview.iloc[0]
    assert row["method"] == "gap"
    told = ["customers", "journeys_before", "journeys", "events", "could_begin", "begin", "expected", "gap_s"]
    assert row[told].tolist() == [2, 2, 4, 5, 3, 2, 2.0, 1800.0]
    assert np.isnan(row["threshold"])
    starts = found.starts.set_index("touchpoint")
    assert starts["journeys"].to_dict() == {"ad": 2, "order": 1, "shop": 1}
    assert starts["events"].to_dict() == {"ad": 2, "order": 1, "shop": 2}
    assert starts["share_of_journeys"].to_dict() == {"ad": 0.5, "order": 0.25, "shop": 0.25}
    ends = found.ends.set_index("touchpoint")  # the last of a customer may go on
    assert ends["journeys"].to_dict() == {"shop": 2}
    assert ends["share_of_events"].to_dict() == {"shop": 1.0}
    gaps = found.gaps[found.gaps["gaps"] > 0]
    assert gaps[["at_least_s", "below_s", "inside", "between"]].to_numpy().tolist() == [
        [60, 300, 1, 0],
        [1800, 3600, 0, 2],
    ]
    assert str(found).startswith("FoundJourneys: 4 journeys of 2 customers, 2 before, by gap of 30 minutes")
    assert "2 of the 3 events that could begin one do" in str(found)


def test_a_gap_is_found_where_silences_are_rarest():
    random = np.random.default_rng(1)
    short, long = random.lognormal(np.log(2 * MINUTE), 1, 900), random.lognormal(np.log(20 * DAY), 0.4, 100)
    gap = find_gap((np.concatenate([short, long]) * 1e6).astype(np.int64)) / 1e6
    assert short.max() < gap < long.min()
    events, now = [], 0.0
    for silence in random.permutation(np.concatenate([short, long])):
        events.append((0, now, "visit"))
        now += silence
    found = find_journeys(log_of(*events), method="gap")
    assert found.overview["journeys"].iloc[0] == 101 - (found.boundaries["begins"].sum() < 100)
    assert "the last dip" in found.notes[0]


@pytest.mark.parametrize(
    "silence",
    [
        np.full(500, 60.0),
        np.random.default_rng(2).exponential(60, 2000),
        np.array([]),
        np.concatenate([np.full(500, 60.0), np.full(20, 9 * DAY)]),  # too few are long
    ],
)
def test_without_a_dip_there_is_no_gap(silence):
    with pytest.raises(cj.LogError, match=r"show no dip .* say gap='30m'"):
        find_gap((silence * 1e6).astype(np.int64))


def test_times_of_whole_minutes_or_days_make_no_dips():
    random = np.random.default_rng(3)
    for unit in (MINUTE, DAY):
        with pytest.raises(cj.LogError, match="show no dip"):
            find_gap((np.ceil(random.exponential(5, 3000)) * unit * 1e6).astype(np.int64))


# by start -------------------------------------------------------------------------------------------------


def test_a_journey_begins_with_its_touchpoints():
    log = log_of((0, 0, "shop"), (0, 1, "ad"), (0, 2, "shop"), (0, 3, "ad"), (0, 4, "ad"), (1, 0, "order"))
    found = find_journeys(log, method="start", start=["ad"])
    assert journeys_of(found.log) == ["shop", "ad shop", "ad", "ad", "order"]
    later = find_journeys(log, method="start", start=["ad"], gap="2s")
    assert later.log.n_journeys == 2  # never so silent before an ad


def test_a_journey_begins_where_something_changes():
    session = ["a", None, "a", "b", None, "b", None, "a"]
    log = log_of(*((0, t, "shop") for t in range(6)), (1, 0, "shop"), (1, 1, "shop"), session=session)
    found = find_journeys(log, method="start", changes=["session"])
    assert found.log.bounds.tolist() == [0, 3, 6, 8]  # what was unknown is no change


def test_nothing_changes_where_no_customer_did_anything():
    assert find_journeys(log_of(), method="start", changes=["session"]).log.n_journeys == 0
    by_company = log_of((0, 0, "sent"), (0, 1, "sent"), actor=["company"] * 2, session=["a", "b"])
    assert find_journeys(by_company, method="start", changes=["session"]).log.n_journeys == 1


def test_starts_are_named_at_the_level():
    log = log_of(
        (0, 0, "ad"),
        (0, 1, "ad"),
        (0, 2, "ad"),
        channel=pd.Series(["search", "social", "search"], dtype="str"),
    )
    found = find_journeys(log, method="start", level="touchpoint@channel", start=["ad@social"])
    assert found.log.bounds.tolist() == [0, 1, 3]


# whose events, and which journeys stay --------------------------------------------------------------------


def test_the_company_wakes_nobody():
    log = log_of(
        (0, 0, "ad"),
        (0, 40 * MINUTE, "newsletter_sent"),
        (0, 50 * MINUTE, "shop"),
        (0, 51 * MINUTE, "newsletter_sent"),
        actor=["customer", "company", "customer", "company"],
    )
    found = find_journeys(log, method="gap", gap="45m")
    assert found.log.bounds.tolist() == [0, 2, 4]
    assert found.boundaries["gap_s"].tolist() == [50 * MINUTE]
    assert "2 events were by the company" in found.notes[0]


def test_ignored_touchpoints_stay_with_what_came_before():
    log = log_of((0, 0, "ad"), (0, 40 * MINUTE, "ping"), (0, 50 * MINUTE, "shop"))
    assert find_journeys(log, method="gap", gap="45m").log.n_journeys == 1
    found = find_journeys(log, method="gap", gap="45m", ignore=["ping"])
    assert found.log.bounds.tolist() == [0, 2, 3]


def test_journeys_that_a_source_names_stay_whole():
    log = log_of(
        *((0, t * DAY, "call") for t in range(3)),
        *((1, t * DAY, "call") for t in range(3)),
        native_journey=pd.Series(["case 1", "case 1", "case 2", None, None, None], dtype="str"),
    )
    found = find_journeys(log, method="gap", gap="1h")
    assert found.log.bounds.tolist() == [0, 2, 3, 4, 5, 6]
    assert found.notes[0].startswith("2 journeys named by their source stay")
    assert len(found.boundaries) == 2


def test_journeys_are_only_cut_further():
    log = log_of(*TWO_VISITS).split_at(np.array([True, True, False, False]))
    found = find_journeys(log, method="gap", gap=timedelta(minutes=30, seconds=1))
    assert journeys_of(found.log) == ["ad", "shop shop", "order"]
    again = find_journeys(found.log, method="gap", gap=timedelta(minutes=30, seconds=1))
    assert again.log.bounds.tolist() == found.log.bounds.tolist()
    assert found.overview["journeys_before"].tolist() == [2]


# by gap and order -----------------------------------------------------------------------------------------


def test_order_tells_journeys_apart_that_silences_do_not():
    """Every journey is 'ad shop ... order'; the silence before it is hardly longer than those within it."""
    log, truth = orders(60, seed=4, longer=MINUTE / 2)
    found = find_journeys(log)
    rows = found.boundaries["event"].to_numpy()
    assert area(found.boundaries["gap_s"], truth[rows]) < 0.75
    assert found.log.bounds.tolist() == [*np.flatnonzero(truth), len(truth)]
    assert found.starts["touchpoint"].tolist() == ["ad"]
    assert found.ends["touchpoint"].tolist() == ["order"]
    assert found.overview["expected"].iloc[0] == pytest.approx(120, rel=0.1)


def test_what_cannot_be_told_is_hardly_cut_but_ranked():
    """Journeys that follow each other at once, at no longer silence, may as well be circles within one."""
    log, truth = orders(60, seed=4)
    table = find_journeys(log).boundaries
    assert area(table["probability"], truth[table["event"]]) > 0.99
    assert not (table["begins"] & ~truth[table["event"]]).any()


def test_learning_settles_and_explains_more_than_at_first():
    log, truth = orders(60, seed=4, longer=MINUTE)
    wait = log.data_end_us - log.timestamps[log.bounds[1:] - 1]
    silence = np.diff(log.timestamps, prepend=0)
    steps = Sequences(log.bounds, log.codes("touchpoint"), silence, np.arange(60), wait, 3)
    learnt = model.learn(steps)
    assert learnt.settled
    assert learnt.rounds < model.ROUNDS
    assert learnt.likelihood[-1] >= max(learnt.likelihood) - 0.01  # of unseen customers, so it may fall a bit
    assert learnt.likelihood[-1] > learnt.likelihood[0]
    assert (learnt.begins[truth] > 0.9).all()


def test_an_order_of_a_single_event_is_enough_to_ask_for():
    log, truth = orders(60, seed=4, longer=MINUTE)
    found = find_journeys(log, order=1)
    assert found.overview["order"].tolist() == [1]
    assert area(found.boundaries["probability"], truth[found.boundaries["event"]]) > 0.99


def test_a_shortest_silence_holds_whatever_the_order_says():
    log, _ = orders(60, seed=4, longer=MINUTE / 2)
    found = find_journeys(log, gap="40s")
    begun = found.boundaries[found.boundaries["begins"]]
    assert begun["gap_s"].min() >= 40
    assert 0 < len(begun) < 120
    assert (found.boundaries.loc[found.boundaries["gap_s"] < 40, "probability"] == 0).all()


def test_a_share_takes_the_likeliest():
    log, _ = orders(60, seed=4, longer=MINUTE)
    found = find_journeys(log, share=0.1)
    table = found.boundaries
    wanted = round(0.1 * len(table))
    assert wanted <= table["begins"].sum()
    least = table.loc[table["begins"], "probability"].min()
    assert (table["probability"] > least).sum() < wanted
    assert found.overview["threshold"].iloc[0] == least
    assert find_journeys(log, threshold=1.0).log.n_journeys <= found.log.n_journeys


def test_one_journey_each_is_hardly_cut():
    random = np.random.default_rng(6)
    steps = ["ad", "search", "shop", "basket", "order"]
    events = [
        (customer, second, steps[place])
        for customer in range(200)
        for place, second in enumerate(np.cumsum(random.exponential(MINUTE, 5)))
    ]
    assert find_journeys(log_of(*events)).log.n_journeys == 200


def test_blocks_and_threads_change_nothing(monkeypatch):
    log = cj.simulate.shop(120, seed=3).log
    whole = find_journeys(log)
    monkeypatch.setattr(model, "BLOCK_STEPS", 37)
    parts = find_journeys(log)
    for name in whole._tables:
        assert_frame_equal(whole._table(name), parts._table(name), check_exact=True)
    assert whole.log.bounds.tolist() == parts.log.bounds.tolist()


def test_a_sample_judges_all_and_says_so(monkeypatch):
    log, truth = orders(200, seed=7, longer=MINUTE)
    monkeypatch.setattr(model, "SAMPLE_STEPS", 1000)
    found = find_journeys(log, seed=5)
    assert found.overview["learnt_from"].iloc[0] < 1100
    assert "all 2,419 events are judged" in found.notes[0]
    assert len(found.boundaries) == log.n_events - 200
    assert area(found.boundaries["probability"], truth[found.boundaries["event"]]) > 0.99


@given(st.integers(0, 2**32 - 1))
def test_any_small_log_is_split_into_all_its_events(seed):
    random = np.random.default_rng(seed)
    n = int(random.integers(0, 25))
    events = [
        (int(random.integers(0, 4)), float(random.integers(0, 5)) * DAY, str(random.choice(["a", "b", "c"])))
        for _ in range(n)
    ]
    log = log_of(*events)
    found = find_journeys(log)
    table = found.boundaries
    assert found.log.n_events == n
    assert len(table) == n - log.n_journeys
    assert table["probability"].between(0, 1).all()
    assert found.log.n_journeys == log.n_journeys + table["begins"].sum()
    assert found.gaps["gaps"].sum() == len(table)
    assert found.starts["journeys"].sum() == found.log.n_journeys


def test_a_log_without_events_has_tables_with_types():
    log, _ = orders(20, seed=1)
    full, empty = find_journeys(log), find_journeys(log_of())
    assert empty.log.n_journeys == 0
    for name in full._tables:
        mine, its = full._table(name).dtypes.astype(str), empty._table(name).dtypes.astype(str)
        assert mine.to_dict() == its.to_dict()


# published ------------------------------------------------------------------------------------------------


def test_published_journeys_are_found_from_silence_and_order(shared_data):
    """Bernard and Andritsos (2021) report .692 by the silence alone, .914 with pairs, .936 with an LSTM.

    They leave out the last event of each customer before they compare cases, so that its predecessor counts
    as the end of a journey, ten times; `published` counts as they do.
    """
    table = pd.read_csv(shared_data / "truth" / "journey_boundaries_delay0.5.csv")
    table = table.sort_values(["journey_id", "timestamp"], kind="stable")
    log = log_of(*zip(table["journey_id"], table["timestamp"], table["event"], strict=True))
    found = find_journeys(log)
    rows = found.boundaries["event"].to_numpy()
    truth = table["new_trace"].to_numpy()
    published = truth.copy()
    published[log.bounds[1:] - 1] = True
    assert len(rows) == 6019
    assert area(found.boundaries["gap_s"], published[rows]) == pytest.approx(0.6923, abs=0.0005)
    assert area(found.boundaries["probability"], published[rows]) > 0.99
    assert area(found.boundaries["probability"], truth[rows]) > 0.999
    assert found.log.n_journeys == pytest.approx(1000, abs=5)


# what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "gaps"}, "no method 'gaps', did you mean 'gap'"),
        ({"level": "stage"}, "no level 'stage'; it is one of touchpoint"),
        ({"method": "start"}, "needs start="),
        ({"method": "start", "start": "ad"}, r"start is a sequence of touchpoints: write \['ad'\]"),
        ({"method": "start", "start": ["adds"]}, "no event is 'adds', did you mean 'ad'"),
        ({"method": "start", "changes": ["sesion"]}, "no column to change 'sesion', did you mean 'session'"),
        ({"start": ["ad"]}, "go with method='start'"),
        ({"method": "gap", "gap": "1h", "share": 0.1}, "share goes with method='gap and order'"),
        ({"method": "start", "start": ["ad"], "order": 2}, "order goes with method='gap and order'"),
        ({"threshold": 0.5, "share": 0.1}, "threshold or share, not both"),
        ({"threshold": 0}, "threshold is above 0"),
        ({"share": 1.5}, "share is a number from 0 to 1"),
        ({"order": 0}, "order is a whole number from 1 to 6"),
        ({"order": 1.5}, "order is a whole number"),
        ({"seed": -1}, "seed is a whole number"),
        ({"gap": timedelta(0)}, "gap is longer than nothing"),
        ({"method": "gap"}, "show no dip"),
        ({"gap": "-1h"}, "gap is a duration"),
        ({"gap": 30}, "gap is a duration .* which unit"),
        ({"gap": "x"}, "gap is a duration"),
        ({"gap": float("nan")}, "gap is a duration"),
        ({"gap": "0s"}, "gap is a duration .* longer than nothing"),
        ({"method": "start", "start": [5]}, "start is a sequence of touchpoints, which are texts; it has 5"),
        ({"method": "start", "changes": None}, "changes is a sequence of columns of events"),
        ({"threshold": float("nan")}, "threshold is a number from 0 to 1"),
        ({"seed": "x"}, "seed is a whole number"),
        ({"method": None}, "no method None"),
        ({"ignore": "ad"}, "ignore is a sequence"),
    ],
)
def test_what_cannot_be_asked_is_told(options, words):
    with pytest.raises(cj.LogError, match=words):
        find_journeys(log_of(*TWO_VISITS), **options)


def test_it_takes_a_log_and_numbers_of_numpy():
    with pytest.raises(cj.LogError, match="find_journeys takes a JourneyLog first"):
        find_journeys("log")
    log, _ = orders(20, seed=4, longer=MINUTE)
    plain, of_numpy = (find_journeys(log, order=kind(1), seed=kind(2)) for kind in (int, np.int64))
    assert_frame_equal(plain.boundaries, of_numpy.boundaries)


# what is told ---------------------------------------------------------------------------------------------


def test_a_view_tells_how_journeys_were_found_and_what_to_know():
    by_gap = find_journeys(log_of(*TWO_VISITS), method="gap", gap="30m", ignore=["nothing"])
    lines = str(by_gap).splitlines()
    assert "3 journeys of 1 customer, 1 before, by gap of 30 minutes" in lines[0]
    assert lines[1] == "  begin with: ad 33 %, order 33 %, shop 33 % of 3 journeys"
    assert lines[2] == "  end, before another one, with: shop 100 % of 2 journeys"
    assert "'nothing'" in lines[3]
    log, _ = orders(20, seed=4, longer=MINUTE)
    assert "where it is at least 0.5 likely" in str(find_journeys(log))


def test_sums_of_probabilities_that_are_far_from_the_beginnings_are_told():
    def silences():
        return (np.full(1001, 60),)

    low = told.Cut(31.0, 1, 30.0, 1000, 0.5, silences)
    note = " ".join(told.of_sums(low, with_gap=False))
    assert "add up to 31 beginnings, but a journey begins with 1 event" in note
    assert "30 are spread over 1,000 events below 0.5, 3.0 % each on average" in note
    assert "give the shortest" in note
    assert "give the shortest" not in " ".join(told.of_sums(low, with_gap=True))
    near = low._replace(expected=11.0, rest=10.0)
    assert not list(told.of_sums(near, with_gap=False))
    many = low._replace(begin=1001, rest=0.0, n_rest=0, threshold=0.01)
    assert "some of these are not likely to" in " ".join(told.of_sums(many, with_gap=False))


def test_a_shortest_silence_mends_sums_that_are_too_high(shared_data):
    """Sessions of the published shop are the truth: nobody begins one within an hour of the last event."""
    table = pd.read_csv(shared_data / "web" / "shop_clickstream.csv.gz", parse_dates=["timestamp"])
    table = table.sort_values(["user_id", "timestamp"], kind="stable")
    log = cj.JourneyLog.from_events(
        pd.DataFrame(
            {
                "customer": table["user_id"].factorize()[0],
                "timestamp": table["timestamp"].dt.tz_localize("UTC"),
                "touchpoint": table["event"],
            }
        )
    )
    truth = table["session_id"].nunique() - table["user_id"].nunique()
    anywhere = find_journeys(log)
    assert "Probabilities add up to" in anywhere.notes[-1]
    assert anywhere.overview["begin"].iloc[0] == pytest.approx(truth, rel=0.03)
    after_an_hour = find_journeys(log, gap="1h")
    assert after_an_hour.overview["expected"].iloc[0] == pytest.approx(truth, rel=0.05)
    assert not any("add up to" in note for note in after_an_hour.notes)


def test_what_was_found_goes_with_both_logs(tmp_path):
    raw = cj.simulate.shop(60, seed=1).log
    found = find_journeys(raw, method="gap", gap="2h")
    for name, log in (("raw", raw), ("cut", found.log)):
        assert cj.export(tmp_path / f"{name}.xlsx", log, found).exists()
