# ruff: noqa: E501 -- native rows are as long as they are
"""SendGrid's Event Webhook: posts kept as arrays, as an array a line, and as lines."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import cjmining as cj
from tests.ingest.helpers import fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data" / "sendgrid"


@pytest.fixture(scope="module")
def posts() -> cj.JourneyLog:
    source = cj.sources.SendGrid(
        DATA, identifiers={"customer_id": "user_id"}, properties={"order": "order_id"}
    )
    return cj.ingest(source, data_end="2026-08-01")


def test_every_event_has_its_touchpoint(posts):
    columns = ("timestamp", "native", "touchpoint", "actor", "failed", "campaign", "channel")
    assert sorted(seen(posts, *columns), key=lambda row: row[:3]) == [
        ("2026-07-01 10:00:00", "dropped", "email_dropped", "system", True, None, "email"),
        ("2026-07-01 10:00:00", "processed", "email_sent", "company", None, "news", "email"),
        ("2026-07-01 10:00:00", "processed", "email_sent", "company", None, "July", "email"),
        ("2026-07-01 10:00:02", "delivered", "email_delivered", "system", None, "news", "email"),
        ("2026-07-01 10:00:03", "open", "email_opened", "system", None, "news", "email"),  # Apple's
        ("2026-07-01 10:00:05", "deferred", "email_deferred", "system", None, None, "email"),
        ("2026-07-01 10:00:09", "bounce", "email_bounced", "system", True, None, "email"),
        (
            "2026-07-01 10:00:20",
            "click",
            "email_clicked",
            "system",
            None,
            None,
            "email",
        ),  # three links at once
        ("2026-07-01 10:00:20", "click", "email_clicked", "system", None, None, "email"),
        ("2026-07-01 10:00:20", "click", "email_clicked", "system", None, None, "email"),
        ("2026-07-01 10:01:00", "open", "email_opened", "customer", None, "news", "email"),
        ("2026-07-01 10:01:01", "click", "email_clicked", "customer", None, "news", "email"),
        ("2026-07-01 10:01:40", "group_unsubscribe", "unsubscribed", "customer", None, None, "email"),
        ("2026-07-01 10:03:20", "group_resubscribe", "resubscribed", "customer", None, None, "email"),
        ("2026-07-01 10:05:00", "unsubscribe", "unsubscribed", "customer", None, None, "email"),
        ("2026-07-01 10:06:40", "spamreport", "spam_reported", "customer", None, None, "email"),
    ]


def test_every_element_of_every_post_is_accounted_for(posts):
    assert fates(posts) == {
        "used": 16,
        "superseded: delivered again": 1,
        "set aside: about the account, not a customer": 1,
        "quarantined: timestamp is no time that can be read": 1,
        "quarantined: not a JSON object": 1,
    }


def test_people_are_known_by_address_and_argument(posts):
    assert groups_of(posts) == {
        frozenset({("email", "ann@shop.de"), ("user_id", "C1")}),
        frozenset({("email", "bob@shop.de")}),
        frozenset({("email", "eve@shop.de")}),
        frozenset({("email", "dan@shop.de")}),
    }


def test_properties_tell_what_but_not_who(posts):
    told = [json.loads(text) for text in posts.events["properties"].dropna()]
    assert Counter(each["robot"] for each in told if "robot" in each) == {
        "fetched by a privacy service": 1,
        "3 or more links in one second": 3,
    }
    sent = next(each for each in told if "order" in each)
    assert (sent["order"], json.loads(sent["category"])) == ("9", ["news", "july"])
    assert {"status": "5.7.1", "type": "blocked", "bounce_classification": "Reputation"} in told
    assert not any("@" in text for text in posts.events["properties"].dropna())


def test_the_documentation_s_events(tmp_path, shared_data):
    """The documentation's address is a placeholder, so another takes its place; an id there stands for several."""
    for form in ("event_webhook_doc_events.jsonl", "event_webhook_doc_sample.json"):
        text = (shared_data / "email" / form).read_text().replace("example@test.com", "ann@shop.de")
        (tmp_path / form).write_text(text)
    log = cj.ingest(cj.sources.SendGrid(tmp_path))
    assert fates(log) == {"used": 23}
    assert Counter(log.events["touchpoint"])["email_bounced"] == 3
    assert set(log.events["campaign"]) == {"cat facts"}
    assert {time for (time,) in seen(log, "timestamp")} == {"2017-12-15 00:59:29"}
