"""HubSpot's records: pages of its APIs and files of its app, small and by hand after its documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import cjmining as cj
from cjmining.ingest.vocabulary import is_known
from tests.ingest.helpers import events_made, fates, groups_of, links, seen

DATA = Path(__file__).parents[2] / "data" / "hubspot"
ANN, BOB, CAT = "101", "102", "103"
WHAT = ("timestamp", "touchpoint", "actor", "channel")


@pytest.fixture(scope="module")
def log():
    return cj.ingest(cj.sources.HubSpot(DATA / "api", region="DE"), data_end="2026-12-31")


def events_of(log, kind: str, value: str, *columns: str) -> list[tuple[object, ...]]:
    ids = log.identities
    (customer,) = ids[(ids["kind"] == kind) & (ids["value"] == value)]["customer"]
    return [row[1:] for row in seen(log, "customer", *(columns or WHAT)) if row[0] == customer]


def test_a_contact_becomes_a_customer(log):
    assert events_of(log, "hubspot_id", ANN) == [
        ("2026-01-02 08:00:00", "lead_created", "customer", "crm"),
        ("2026-01-02 08:00:00", "form_submitted", "customer", "web"),
        ("2026-01-02 08:00:00", "lifecycle_lead", "company", "crm"),  # a quarter of a second later
        ("2026-01-12 10:00:00", "call_made", "company", "phone"),  # and logged a month later
        ("2026-01-13 10:00:00", "call_made", "company", "phone"),
        ("2026-01-18 09:00:00", "meeting_held", "customer", "meeting"),
        ("2026-01-20 08:00:00", "lifecycle_opportunity", "company", "crm"),
        ("2026-01-20 08:00:00", "opportunity_first_talk", "company", "crm"),
        ("2026-01-22 11:00:00", "letter_sent", "company", "mail"),  # about her deal
        ("2026-02-01 00:00:00", "email_sent", "company", "email"),
        ("2026-02-01 00:00:02", "email_deferred", "system", "email"),
        ("2026-02-01 00:01:00", "email_delivered", "system", "email"),
        ("2026-02-01 01:00:00", "email_opened", "customer", "email"),
        ("2026-02-01 01:01:00", "email_clicked", "customer", "email"),
        ("2026-02-01 01:01:40", "email_forwarded", "customer", "email"),
        ("2026-02-01 01:03:20", "email_printed", "customer", "email"),
        ("2026-02-01 02:00:00", "unsubscribed", "customer", "email"),
        ("2026-02-01 02:01:40", "resubscribed", "company", "email"),  # the company's administrator
        ("2026-02-01 08:00:00", "lifecycle_customer", "company", "crm"),
        ("2026-02-01 08:00:00", "opportunity_won", "company", "crm"),
    ]


def test_dates_of_stages_stand_for_their_history(log):
    assert events_of(log, "hubspot_id", BOB) == [
        ("2026-01-04 08:00:00", "lead_created", "company", "crm"),  # from offline sources
        ("2026-01-04 08:00:00", "lifecycle_lead", "company", "crm"),
        ("2026-01-16 10:00:00", "email_sent", "company", "email"),
        ("2026-01-16 12:00:00", "email_received", "customer", "email"),
        ("2026-01-27 08:00:00", "lifecycle_customer", "company", "crm"),
        ("2026-02-01 00:00:00", "email_sent", "company", "email"),
        ("2026-02-01 00:00:05", "email_bounced", "system", "email"),
    ]


def test_engagements_failures_and_measures(log):
    columns = ("timestamp", "touchpoint", "failed", "duration_s")
    assert events_of(log, "hubspot_id", CAT, *columns) == [
        ("2026-01-05 08:00:00", "lead_created", None, None),
        ("2026-01-14 10:00:00", "call_answered", False, 95.0),
        ("2026-01-14 11:00:00", "call_abandoned", True, None),
        ("2026-01-17 12:00:00", "email_bounced", True, None),
        ("2026-01-19 09:00:00", "meeting_held", True, None),  # she did not come
        ("2026-01-19 10:00:00", "email_received", None, None),  # a record of the older API
        ("2026-01-22 09:00:00", "message_made", None, None),
        ("2026-01-22 10:00:00", "sms_sent", None, None),
        ("2026-02-01 00:00:00", "email_dropped", True, None),
        ("2026-02-01 02:05:00", "spam_reported", None, None),
    ]
    of_ann = events_of(log, "hubspot_id", ANN, "touchpoint", "failed", "duration_s", "value", "currency")
    assert ("call_made", False, 300.0, None, None) in of_ann
    assert ("call_made", True, None, None, None) in of_ann  # nobody answered
    assert ("meeting_held", False, 2700.0, None, None) in of_ann
    assert ("email_opened", None, 3.0, None, None) in of_ann
    assert ("opportunity_first_talk", None, None, None, None) in of_ann
    assert ("opportunity_won", None, None, 1200.5, "EUR") in of_ann
    assert {row for row in seen(log, "touchpoint", "device") if row[1]} == {
        ("email_opened", "desktop"), ("email_clicked", "mobile"),
    }  # fmt: skip
    assert ("email_sent", "Spring letter") in seen(log, "touchpoint", "campaign")
    assert ("lead_created", "ORGANIC_SEARCH") in seen(log, "touchpoint", "campaign")


def test_who_is_who(log):
    assert groups_of(log) == {
        frozenset(
            {
                ("hubspot_id", ANN), ("hubspot_id", "105"), ("hubspot_id", "106"), ("hubspot_deal", "501"),
                ("email", "ann@shop.example"), ("email", "ann@home.example"), ("phone", "+493023125001"),
                ("email", "ann.a@work.example"),
            }
        ),
        frozenset({("hubspot_id", BOB), ("email", "bob@shop.example")}),
        frozenset({("hubspot_id", CAT), ("hubspot_id", "108"), ("email", "cat@mill.example")}),
        frozenset({("hubspot_deal", "502")}),  # of two contacts: of neither
    }  # fmt: skip
    assert set(links(log)) == {"refused: hubspot_company shared by several customers"}


def test_every_record_has_a_fate(log):
    assert fates(log) == {
        "used": 37,
        "superseded: delivered again": 2,
        "quarantined: createdate is no time that can be read": 1,
        "set aside: archived in HubSpot": 1,
        "set aside: filtered out by HubSpot: a bot, or the company's own": 1,
        "set aside: made obsolete by a later event": 1,
        "set aside: accepted for sending, which SENT tells": 1,
        "set aside: a change of status that is no subscription": 1,
        "set aside: a call that had not ended": 1,
        "set aside: an e-mail not sent yet": 1,
        "set aside: a meeting of which nobody says that it was held": 1,
        "set aside: a meeting that was called off": 1,
        "set aside: a note, no contact with the customer": 2,
        "set aside: a to-do, no contact with the customer": 1,
        "set aside: no identifier": 1,
    }
    assert events_made(log) == {
        "kept": 39,
        "withdrawn: no change of stage": 2,
        "withdrawn: planned for after the export": 1,
    }
    assert len(log.events) == 39


def test_words_and_privacy(log):
    assert all(is_known(touchpoint) for touchpoint in set(log.events["touchpoint"]))
    defaults = {each.touchpoint for each in cj.sources.HubSpot.about.touchpoints}
    assert all(is_known(touchpoint) for touchpoint in defaults)
    families = ("opportunity_", "lifecycle_")
    assert all(t in defaults or t.startswith(families) for t in set(log.events["touchpoint"]))
    texts = " ".join(log.events["properties"].dropna())
    assert "@" not in texts
    assert {json.loads(text).get("page_path") for text in log.events["properties"].dropna()} == {
        None,
        "/contact",
    }


def test_files_of_the_app_are_in_the_zone_of_the_account():
    log = cj.ingest(
        cj.sources.HubSpot(DATA / "app", timezone="Europe/Berlin", currency="EUR"), data_end="2026-12-31"
    )
    assert events_of(log, "hubspot_id", "201", "timestamp", "touchpoint", "value", "failed") == [
        ("2026-01-02 08:14:00", "lead_created", None, None),
        ("2026-01-02 08:14:00", "lifecycle_lead", None, None),
        ("2026-01-03 08:00:00", "opportunity_created", None, None),
        ("2026-01-04 09:00:00", "call_made", None, True),
        ("2026-02-01 09:00:00", "lifecycle_customer", None, None),
        ("2026-02-01 11:30:00", "opportunity_closed_won", 99.5, None),
    ]
    assert events_of(log, "hubspot_id", "202", "timestamp", "touchpoint") == [
        ("2026-07-02 07:14:00", "lead_created"),
        ("2026-07-02 07:14:00", "lifecycle_lead"),
    ]
    assert fates(log) == {"used": 5}


def test_tables_of_fivetran_as_frames():
    contacts = pd.DataFrame(
        {
            "id": [301], "property_email": ["kim@home.example"],
            "property_createdate": ["2026-01-01 08:00:00"], "_fivetran_synced": ["2026-02-01 08:00:00"],
            "property_hs_calculated_merged_vids": ["302:1767600000000"],
        }
    )  # fmt: skip
    changes = pd.DataFrame(
        {
            "contact_id": [301, 301, 301, 302], "name": ["lifecyclestage"] * 3 + ["city"],
            "value": ["lead", "lead", "customer", "Bonn"],
            "timestamp": pd.to_datetime([f"2026-01-0{day} 08:00:00" for day in (2, 3, 4, 5)]),
        }
    )  # fmt: skip
    stages = pd.DataFrame({"stage_id": ["77"], "label": ["Signed"], "pipeline_id": ["7"]})
    deals = pd.DataFrame({"deal_id": [601], "deal_pipeline_stage_id": ["77"], "property_amount": [10.0]})
    deal_changes = pd.DataFrame(
        {
            "deal_id": [601, 601], "name": ["dealstage"] * 2, "value": ["qualifiedtobuy", "77"],
            "timestamp": pd.to_datetime(["2026-01-06 08:00:00", "2026-01-07 08:00:00"]),
        }
    )  # fmt: skip
    log = cj.ingest(
        cj.sources.HubSpot(
            {
                "contact": contacts, "contact_property_history": changes, "deal": deals,
                "deal_pipeline_stage": stages, "deal_property_history": deal_changes,
            },
            currency="EUR",
        ),
        data_end="2026-12-31",
    )  # fmt: skip
    assert sorted(seen(log, "timestamp", "touchpoint", "value")) == [
        ("2026-01-01 08:00:00", "lead_created", None),
        ("2026-01-02 08:00:00", "lifecycle_lead", None),
        ("2026-01-04 08:00:00", "lifecycle_customer", None),
        ("2026-01-06 08:00:00", "opportunity_qualified_to_buy", None),
        ("2026-01-07 08:00:00", "opportunity_signed", 10.0),
    ]
    assert fates(log) == {"used": 8, "set aside: a change of another property than the stage": 1}
    assert frozenset(
        {("hubspot_id", "301"), ("hubspot_id", "302"), ("email", "kim@home.example")}
    ) in groups_of(log)


def test_merges_of_merged_contacts_and_lists_of_addresses_keep_apart(tmp_path):
    contacts = [
        {"id": "401", "properties": {"createdate": "2026-01-01T08:00:00Z", "hs_merged_object_ids": "99;98"}},
        {"id": "98", "properties": {"createdate": "2026-01-02T08:00:00Z", "hs_merged_object_ids": "97:1767"}},
        {
            "id": "402",  # a separator inside of an address makes no further identifier
            "properties": {
                "createdate": "2026-01-03T08:00:00Z",
                "hs_additional_emails": "a@one.example;b@two.example\x1ehubspot_id:401",
            },
        },
    ]
    (tmp_path / "contacts.json").write_text(json.dumps({"results": contacts}))
    (tmp_path / "merges.csv").write_text("canonical_vid,vid_to_merge\n97,96\n")
    log = cj.ingest(cj.sources.HubSpot(tmp_path))
    groups = {frozenset(value for _, value in group) for group in groups_of(log)}
    assert frozenset({"401", "99", "98", "97", "96"}) in groups
    (other,) = groups - {frozenset({"401", "99", "98", "97", "96"})}
    assert {"402", "a@one.example"} <= other
    assert log.n_customers == 2


def test_what_other_records_tell_of_the_day_shows_which_meetings_were_held(tmp_path):
    meeting = {"hs_meeting_start_time": "2026-03-15T09:00:00Z", "hs_lastmodifieddate": "2026-03-10T09:00:00Z"}
    later = {**meeting, "hs_meeting_start_time": "2026-03-20T09:00:01Z"}
    link = {"contacts": {"results": [{"id": "1"}]}}
    (tmp_path / "meetings.json").write_text(
        json.dumps(
            [
                {"id": "m1", "properties": meeting, "associations": link},
                {"id": "m2", "properties": later, "associations": link},
            ]
        )
    )
    (tmp_path / "contacts.csv").write_text("Record ID,Last Modified Date\n1,2026-03-20T09:00:00Z\n")
    log = cj.ingest(cj.sources.HubSpot(tmp_path))
    assert seen(log, "timestamp", "touchpoint") == [("2026-03-15 09:00:00", "meeting_held")]
    assert events_made(log) == {"kept": 1, "withdrawn: planned for after the export": 1}


def test_a_call_was_answered_where_its_status_says_so(tmp_path):
    statuses = ("COMPLETED", None, "MISSED", "BUSY", "UNKNOWN", "HOLD", "CONNECTING")
    calls = [
        {
            "id": str(i),
            "properties": {
                "hs_timestamp": f"2026-01-0{i}T08:00:00Z", "hs_call_direction": "INBOUND",
                "hs_call_status": status,
            },
            "associations": {"contacts": {"results": [{"id": "1"}]}},
        }
        for i, status in enumerate(statuses, start=1)
    ]  # fmt: skip
    (tmp_path / "calls.json").write_text(json.dumps(calls))
    log = cj.ingest(cj.sources.HubSpot(tmp_path))
    assert seen(log, "timestamp", "touchpoint", "failed") == [
        ("2026-01-01 08:00:00", "call_answered", False),
        ("2026-01-02 08:00:00", "call_answered", None),  # written down by hand, without a status
        ("2026-01-03 08:00:00", "call_abandoned", True),
        ("2026-01-04 08:00:00", "call_abandoned", True),
    ]
    assert fates(log) == {
        "used": 4,
        "set aside: a call of which nobody says whether it was answered": 1,
        "set aside: a call that had not ended": 2,
    }


def test_files_of_salesforce_and_wrong_options_are_refused(tmp_path):
    (tmp_path / "Contact.csv").write_text(
        "Id,IsDeleted,Email,SystemModstamp\n003000000000001,false,a@b.de,\n"
    )
    with pytest.raises(cj.SourceError, match=r"Contact\.csv: .*Salesforce \(isdeleted, systemmodstamp\)"):
        cj.ingest(cj.sources.HubSpot(tmp_path))
    with pytest.raises(cj.SourceError, match="code of three letters"):
        cj.sources.HubSpot(DATA / "app", currency="EURO")
    with pytest.raises(cj.SourceError, match=r"identifiers is \{name: kind\}"):
        cj.sources.HubSpot(DATA / "app", identifiers="email")
    with pytest.raises(cj.SourceError, match=r"no kind of identifiers 'emial', did you mean 'email'"):
        cj.sources.HubSpot(DATA / "app", identifiers={"second_address": "emial"})
