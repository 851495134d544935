"""Groups of journeys: by several things at once, by period, by tag."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

import cjmining as cj


@pytest.fixture
def log():
    """Four journeys of four customers, one at the turn of a year."""
    starts = ["2025-12-29T08:00", "2026-01-01T00:00", "2026-05-04T23:59", "2026-06-30T12:00"]
    return cj.JourneyLog.from_events(
        pa.table(
            {
                "customer": [0, 1, 2, 3],
                "timestamp": pa.array(pd.to_datetime(starts)),
                "touchpoint": ["ad", "ad", "shop", "shop"],
                "device": ["mobile", "mobile", "desktop", None],
            }
        ),
        customers=pd.DataFrame({"customer": range(4), "city": ["Bonn", "Bonn, Beuel", None, "Bonn"]}),
    )


def names(log, by):
    codes, labels = log.group(by)
    return [labels[code] for code in codes]


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("day", ["2025-12-29", "2026-01-01", "2026-05-04", "2026-06-30"]),
        # Monday 29 December 2025 begins the first ISO week of 2026.
        ("week", ["2026-W01", "2026-W01", "2026-W19", "2026-W27"]),
        ("month", ["2025-12", "2026-01", "2026-05", "2026-06"]),
        ("quarter", ["2025-Q4", "2026-Q1", "2026-Q2", "2026-Q2"]),
        ("year", ["2025", "2026", "2026", "2026"]),
    ],
)
def test_a_journey_belongs_to_the_period_in_which_it_begins(log, period, expected):
    assert names(log, period) == expected


def test_several_at_once_give_the_combinations_that_occur(log):
    assert names(log, ["device", "quarter"]) == [
        "mobile, 2025-Q4",
        "mobile, 2026-Q1",
        "desktop, 2026-Q2",
        "unknown, 2026-Q2",
    ]
    assert len(log.group(["device", "quarter"])[1]) == 4


def test_a_comma_in_a_value_never_merges_two_groups(log):
    assert names(log, ["city", "device"])[:2] == ["Bonn, mobile", '"Bonn, Beuel", mobile']


def test_one_in_a_sequence_is_that_one(log):
    assert names(log, ["device"]) == names(log, "device")


def test_journeys_keep_what_they_were_tagged_with(log, tmp_path):
    tagged = log.tag(outcome=["converted", "dropped", None, "converted"])
    assert names(tagged, "outcome") == ["converted", "dropped", "unknown", "converted"]
    assert tagged.where(outcome="converted").journeys["journey"].size == 2
    assert names(tagged.where(outcome="converted"), "outcome") == ["converted", "converted"]
    assert tagged.journeys["outcome"].tolist()[:2] == ["converted", "dropped"]
    again = cj.read_log(tagged.write(tmp_path / "log"))
    assert names(again, "outcome") == names(tagged, "outcome")
    assert log.tags == ()


def test_a_series_is_taken_by_its_index(log):
    series = pd.Series(["c", "a", "d", "b"], index=[2, 0, 3, 1])
    assert names(log.tag(letter=series), "letter") == ["a", "b", "c", "d"]


def test_categories_are_told_as_other_values_are_also_where_two_are_spelled_alike(log):
    values = [1, "1", None, 2]
    of_categories = log.tag(number=pd.Series(pd.Categorical(values, categories=["unused", 2, "1", 1])))
    plain = log.tag(number=values)
    assert of_categories.group("number")[1] == plain.group("number")[1] == ("1", "2", "unknown")
    assert names(of_categories, "number") == names(plain, "number")
    pd.testing.assert_frame_equal(of_categories.journeys, plain.journeys)


def test_tags_go_where_journeys_change(log):
    tagged = log.tag(letter=list("abcd"))
    assert tagged.label([{"touchpoint": "visit", "where": {"touchpoint": "shop"}}]).tags == ()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"letter": ["a"]}, "has 1 values, but the log has 4 journeys"),
        ({"letter": "abcd"}, "takes a value for each journey"),
        ({"city": list("abcd")}, "customers have an attribute of that name"),
        ({"device": list("abcd")}, "events have a column of that name"),
        ({"month": list("abcd")}, "there is a period of that name"),
        ({"attempt": list("abcd")}, "journeys have a column of that name"),
        ({"letter": pd.Series(list("abcd"), index=[0, 1, 2, 9])}, "isn't the journeys' numbers"),
    ],
)
def test_bad_tags_are_told(log, columns, message):
    with pytest.raises(cj.LogError, match=message):
        log.tag(**columns)


def test_what_is_not_there_is_told(log):
    with pytest.raises(cj.LogError, match="no 'citty' to group by, did you mean 'city'"):
        log.group("citty")
    with pytest.raises(cj.LogError, match=r"log.tag\(outcome=check.journeys"):
        log.group("outcome")
    with pytest.raises(cj.LogError, match="not an empty sequence"):
        log.group([])


def test_periods_choose_journeys(log):
    assert log.where(quarter="2026-Q2").n_journeys == 2
    with pytest.raises(cj.LogError, match="no quarter is '2027-Q1'"):
        log.where(quarter="2027-Q1")


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (5, "by is a sequence of names, not 5"),
        ([None], "which are texts; it has None"),
        (["city", "city"], "by names city more than once"),
    ],
)
def test_what_is_no_name_to_group_by_is_told(log, by, message):
    with pytest.raises(cj.LogError, match=message):
        log.group(by)
