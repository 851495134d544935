# ruff: noqa: E501 -- native rows are as long as they are
"""Marketing Cloud's tracking extract and data views, written by hand after its documentation."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path

import pytest

import cjmining as cj
from tests.ingest.helpers import events_made, fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data" / "marketing_cloud"
ANN = "0035g00000AAAAAAA5"
COLUMNS = ("timestamp", "native", "touchpoint", "actor", "failed", "campaign", "channel")
EXTRACT = [
    # one o'clock there is seven in the evening in UTC, in July as in January
    ("2026-07-01 19:00:00", "Sent", "email_sent", "company", None, "July news", "email"),
    ("2026-07-01 19:00:00", "Sent", "email_sent", "company", None, "July news", "email"),
    ("2026-07-01 19:00:02", "HardBounce", "email_bounced", "system", True, "July news", "email"),
    ("2026-07-01 19:00:03", "Click", "email_clicked", "system", None, "July news", "email"),  # 3 s after the send
    ("2026-07-01 19:00:04", "Open", "email_opened", "system", None, "July news", "email"),  # Mail Privacy Protection
    ("2026-07-01 19:00:06", "Open", "email_opened", "system", None, "July news", "email"),  # 6 s after the send
    ("2026-07-01 19:00:20", "Click", "email_clicked", "system", None, "July news", "email"),  # three links at once
    ("2026-07-01 19:00:20", "Click", "email_clicked", "system", None, "July news", "email"),
    ("2026-07-01 19:00:20", "Click", "email_clicked", "system", None, "July news", "email"),
    ("2026-07-01 19:30:00", "Click", "email_clicked", "customer", None, "July news", "email"),
    ("2026-07-01 19:31:00", "Click", "email_clicked", "customer", None, "July news", "email"),  # two links are few
    ("2026-07-01 19:31:00", "Click", "email_clicked", "customer", None, "July news", "email"),
    ("2026-07-01 19:40:00", "Conversion", "email_converted", "customer", None, "July news", "email"),
    ("2026-07-01 20:00:00", "Open", "email_opened", "customer", None, "July news", "email"),
    ("2026-07-02 15:00:00", "Sent", "email_sent", "company", None, "welcome", "email"),
    ("2026-07-03 18:00:00", "Unsubscribe", "unsubscribed", "customer", None, "July news", "email"),
    ("2026-07-04 14:00:00", "Complaint", "spam_reported", "customer", None, "July news", "email"),
    ("2026-07-05 14:00:00", "Status: Unsubscribed", "unsubscribed", "customer", None, None, "email"),
    ("2026-07-06 14:00:00", "Status: Active", "resubscribed", "customer", None, None, "email"),
    ("2026-07-08 06:00:00", "NotSent", "email_dropped", "system", True, "July news", "email"),
]  # fmt: skip


def in_time(log: cj.JourneyLog) -> list[tuple[object, ...]]:
    return sorted(seen(log, *COLUMNS), key=lambda row: (row[0], row[1]))


def told(log: cj.JourneyLog, touchpoint: str, place: int = 0) -> dict[str, str]:
    """The properties of the events of a touchpoint, in the order of time."""
    events = log.events[log.events["touchpoint"] == touchpoint].sort_values("timestamp", kind="stable")
    return json.loads(events["properties"].iloc[place])


@pytest.fixture(scope="module")
def extract() -> cj.JourneyLog:
    units = {"7200111": "Shop", "7200112": "Outlet"}
    return cj.ingest(cj.sources.MarketingCloud(DATA / "extract", business_units=units), data_end="2026-08-01")


def test_every_file_gives_its_touchpoints(extract):
    assert in_time(extract) == EXTRACT
    assert events_made(extract) == {"kept": 20, "withdrawn: told by Unsubs too": 1}


def test_every_record_is_accounted_for(extract):
    assert fates(extract) == {
        "used": 27,
        "superseded: delivered again": 1,
        "quarantined: EventDate is no time that can be read": 1,
    }


def test_people_are_known_by_key_and_address(extract):
    assert groups_of(extract) == {
        frozenset({("email", "ann@shop.de"), ("crm_id", ANN)}),
        frozenset({("subscriber_key", "B-2"), ("email", "bob@shop.de"), ("email", "bob@home.de")}),
        frozenset({("email", "eve@shop.de")}),
        frozenset({("subscriber_key", "N-9"), ("email", "nina@shop.de")}),
    }


def test_machines_say_why_they_are_machines(extract):
    reasons = [told(extract, "email_opened", i).get("robot") for i in range(3)]
    assert reasons == [
        "fetched by a privacy service",
        "sooner after the send than a person can be",
        None,
    ]
    assert [told(extract, "email_clicked", i).get("robot") for i in (0, 1, 4)] == [
        "sooner after the send than a person can be",
        "3 or more links in one second",
        None,
    ]


def test_clicks_tell_where_but_not_who(extract):
    clicked = told(extract, "email_clicked", 4)
    assert clicked["URL"] == "https://shop.de/a"
    assert (clicked["ImpressionRegionName"], clicked["Subject"]) == ("Header", "Hats, shoes")
    assert not any("@" in text for text in extract.events["properties"])


def test_business_units_are_a_dimension(extract):
    events = extract.events[extract.events["touchpoint"] == "email_sent"]
    assert sorted(events["business_unit"]) == ["Outlet", "Shop", "Shop"]
    assert extract.events["device"].dropna().tolist() == ["Phone"]


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-16", "\t"), ("utf-8-sig", "|")])
def test_a_zip_archive_of_another_encoding_reads_the_same(tmp_path, encoding, delimiter):
    archive = tmp_path / "extract.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for file in sorted((DATA / "extract").iterdir()):
            text = file.read_text().replace(",", delimiter).replace(f"Hats{delimiter} shoes", "Hats, shoes")
            opened.writestr(file.name, text.encode(encoding))
    log = cj.ingest(cj.sources.MarketingCloud(archive), data_end="2026-08-01")
    assert in_time(log) == EXTRACT
    assert "business_unit" not in log.events.columns


def test_rules_for_machines_can_be_switched_off(tmp_path):
    log = cj.ingest(cj.sources.MarketingCloud(DATA / "extract", robot_seconds=0), data_end="2026-08-01")
    soon = log.events[log.events["touchpoint"].isin(["email_opened", "email_clicked"])]
    assert Counter(soon["actor"]) == {"customer": 6, "system": 4}
    with pytest.raises(cj.SourceError, match="robot_seconds is a number of seconds"):
        cj.sources.MarketingCloud(tmp_path, robot_seconds=-1)


@pytest.fixture(scope="module")
def views() -> cj.JourneyLog:
    return cj.ingest(cj.sources.MarketingCloud(DATA / "views"), data_end="2026-08-01")


def test_data_views_are_the_same_under_other_names(views):
    email = [row for row in in_time(views) if row[6] == "email"]
    assert email == [
        ("2026-07-01 19:00:00", "Sent", "email_sent", "company", None, "July news", "email"),
        ("2026-07-01 19:00:02", "Open", "email_opened", "system", None, "July news", "email"),
        ("2026-07-01 19:00:03", "Bounce", "email_bounced", "system", True, "July news", "email"),
        ("2026-07-01 20:00:00", "Open", "email_opened", "customer", None, "July news", "email"),
        ("2026-07-01 20:00:10", "Click", "email_clicked", "customer", None, "July news", "email"),
        ("2026-07-01 20:00:10", "Click", "email_clicked", "customer", None, "July news", "email"),
        ("2026-07-01 20:01:00", "Forward", "email_forwarded", "customer", None, "July news", "email"),
    ]


def test_text_messages_are_sent_delivered_lost_and_answered(views):
    assert [row for row in in_time(views) if row[6] == "sms"] == [
        ("2026-06-01 15:00:00", "SMS opt-in", "subscribed", "customer", None, None, "sms"),
        ("2026-07-02 16:00:00", "SMS sent", "sms_sent", "company", None, "Parcel", "sms"),
        ("2026-07-02 16:00:09", "SMS delivered", "sms_delivered", "system", None, "Parcel", "sms"),
        ("2026-07-03 16:00:00", "SMS sent", "sms_sent", "company", None, "Parcel", "sms"),
        ("2026-07-03 16:00:08", "SMS undelivered", "sms_bounced", "system", True, "Parcel", "sms"),
        ("2026-07-04 16:00:00", "SMS received", "sms_received", "customer", None, None, "sms"),
        ("2026-07-04 16:00:01", "SMS opt-out", "unsubscribed", "customer", None, None, "sms"),
    ]
    assert events_made(views)["withdrawn: told before"] == 1


def test_views_account_for_tests_parts_and_false_bounces(views):
    assert fates(views) == {
        "used": 14,
        "superseded: delivered again": 1,
        "set aside: a test message": 1,
        "set aside: a further part of a long message": 1,
        "set aside: a false bounce, says Marketing Cloud": 1,
    }
    assert groups_of(views) == {
        frozenset({("subscriber_key", "B-2"), ("email", "bob@shop.de"), ("phone", "+4917112345678")})
    }
