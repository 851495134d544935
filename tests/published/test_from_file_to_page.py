"""Published exports go from file to page with a map of one's own, every record accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

import cjmining as cj

MAPS = Path(__file__).parent / "maps"
READINGS = Path(__file__).resolve().parents[2] / "docs" / "readings"


def clickstream(folder: Path) -> cj.JourneyLog:
    return cj.ingest(
        cj.sources.Table(
            folder / "web" / "shop_clickstream.csv.gz",
            name="shop",
            customer="user_id",
            timestamp="timestamp",
            timezone="UTC",
            touchpoint="event",
            channel="platform",
            dimensions=["acquisition_channel", "user_cohort", "user_lifecycle"],
        )
    )


def call_centre(folder: Path) -> cj.JourneyLog:
    return cj.ingest(
        cj.sources.Table(
            folder / "call_centre" / "callcenter_example.csv",
            name="desk",
            customer="Customer ID",
            journey="Service ID",
            timestamp="Start Date",
            end="End Date",
            date_format="%d.%m.%y %H:%M",
            timezone="Europe/Amsterdam",
            touchpoint="Operation",
            dimensions=["Product", "Service Type"],
        )
    )


def ga4(folder: Path) -> cj.JourneyLog:
    return cj.ingest(cj.sources.GA4(folder / "web" / "ga4_export.jsonl", name="web"))


CASES = [
    pytest.param(
        clickstream, READINGS / "clickstream.yaml", 31_106, 31_106, 600, "channel", id="shop clickstream"
    ),
    pytest.param(call_centre, MAPS / "callcentre.yaml", 7_548, 7_548, 3_232, "Product", id="call centre"),
    pytest.param(ga4, MAPS / "ga4.yaml", 93, 93 + 8, 54, "device", id="GA4"),  # 8 arrivals are events too
]


@pytest.mark.parametrize(("read", "map_file", "records", "events", "customers", "by"), CASES)
def test_from_file_to_page(read, map_file, records, events, customers, by, shared_data, tmp_path):
    log = read(shared_data)
    read_records = log.ledger.query("what == 'records'")["count"].sum()
    assert read_records == records
    assert log.ledger.query("what == 'events' and fate == 'kept'")["count"].sum() == log.n_events == events
    assert log.n_customers == customers

    intended = cj.read_map(map_file)
    log = log.split(intended)
    found = cj.discover(log, by=by)
    check = cj.check(log, intended, by=by)
    page = cj.report(log, found, check, path=tmp_path / "page.html")

    outcomes = check.outcomes
    ends = outcomes[["converted", "dropped", "turned_away", "open"]].sum(axis=1)
    assert (ends == outcomes["journeys"]).all()
    assert outcomes["journeys"].sum() == log.n_journeys
    assert check.dropouts["journeys"].sum() == outcomes["dropped"].sum()
    assert f"{log.n_journeys:,}" in page.read_text(encoding="utf-8")


def test_a_case_that_the_desk_names_is_never_split(shared_data):
    log = call_centre(shared_data)
    split = log.split(cj.read_map(MAPS / "callcentre.yaml"))
    # 3,885 cases; those that two customers share count once for each of them
    assert split.n_journeys == log.n_journeys >= 3_885


def test_waiting_and_handling_times_come_from_start_and_end(shared_data):
    first = call_centre(shared_data).events.query("native_journey == 'Case 1'")
    assert first["touchpoint"].tolist() == ["Inbound Call", "Handle Case", "Call Outbound"]
    assert first["duration_s"].tolist() == [300.0, 120.0, 420.0]
