# ruff: noqa: E501 -- native rows are as long as they are
"""Marketo's bulk extracts and Fivetran's tables of them, written by hand after their documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import cjmining as cj
from tests.ingest.helpers import events_made, fates, groups_of, seen

DATA = Path(__file__).parents[2] / "data" / "marketo"
COLUMNS = ("timestamp", "native", "touchpoint", "actor", "failed", "campaign", "channel")
MAIL = ("July.Hats", "email")
SENT = [
    ("2026-07-01 08:00:00", "Send Email", "email_sent", "company", None, *MAIL),
    ("2026-07-01 08:00:00", "Send Email", "email_sent", "company", True, *MAIL),
    ("2026-07-01 08:00:05", "Email Delivered", "email_delivered", "system", None, *MAIL),
    ("2026-07-01 08:00:06", "Open Email", "email_opened", "system", None, *MAIL),  # a bot, says Marketo
    ("2026-07-01 08:00:09", "Email Bounced", "email_bounced", "system", True, *MAIL),
    ("2026-07-01 09:00:00", "Open Email", "email_opened", "customer", None, *MAIL),
    ("2026-07-01 09:00:10", "Click Email", "email_clicked", "customer", None, *MAIL),
    ("2026-07-01 09:30:00", "Click Email", "email_clicked", "system", None, *MAIL),  # three links at once
    ("2026-07-01 09:30:00", "Click Email", "email_clicked", "system", None, *MAIL),
    ("2026-07-01 09:30:00", "Click Email", "email_clicked", "system", None, *MAIL),
]  # fmt: skip
REST = [
    ("2026-07-02 10:00:00", "Visit Webpage", "page_viewed", "customer", None, None, "web"),
    ("2026-07-02 10:01:00", "Fill Out Form", "form_submitted", "customer", None, None, "web"),
    ("2026-07-02 10:02:00", "Change Status in Progression", "campaign_joined", "company", None, "Fair", "crm"),
    ("2026-07-03 08:00:00", "New Lead", "lead_created", "customer", None, None, "crm"),
    ("2026-07-03 10:02:00", "Change Status in Progression", "campaign_responded", "customer", None, "Fair", "crm"),
    ("2026-07-03 11:00:00", "Change Revenue Stage", "lifecycle_sales_lead", "company", None, None, "crm"),
    ("2026-07-03 12:00:00", "Unsubscribe Email", "unsubscribed", "customer", None, *MAIL),
    ("2026-07-04 10:00:00", "Attend Conference", "Attend Conference", "customer", None, None, None),
]  # fmt: skip


def in_time(log: cj.JourneyLog) -> list[tuple[object, ...]]:
    return sorted(seen(log, *COLUMNS), key=lambda row: (row[0], row[1], str(row[4])))


@pytest.fixture(scope="module")
def bulk() -> cj.JourneyLog:
    source = cj.sources.Marketo(DATA / "bulk", region="DE", identifiers={"customerNumber": "user_id"})
    return cj.ingest(source, data_end="2026-08-01")


def test_activities_become_touchpoints(bulk):
    assert in_time(bulk) == [*SENT, *REST]
    assert events_made(bulk) == {"kept": 18, "withdrawn: no change of status": 1}


def test_every_activity_is_accounted_for(bulk):
    assert fates(bulk) == {
        "used": 23,  # 19 events, a merge and 3 leads
        "superseded: delivered again": 1,
        "set aside: skipped by Marketo: it did not happen": 1,
        "set aside: bookkeeping inside Marketo, no contact with the customer": 1,
        "set aside: of a type that is not known: give types=, a file of activities/types.json": 1,
        "quarantined: activityDate is no time that can be read": 1,
    }


def test_leads_are_known_by_number_address_and_merge(bulk):
    assert groups_of(bulk) == {
        frozenset(
            {
                ("marketo_id", "11"), ("email", "ann@shop.de"), ("phone", "+493023125001"), ("user_id", "C1"),
                ("crm_id", "0035g00000AAAAAAA5"), ("cookie", "_mch-shop.de-1700000000000-12345"),
                ("cookie", "_mch-shop.de-1700000000001-54321"),
            }
        ),
        frozenset({("marketo_id", "12"), ("email", "bob@shop.de")}),
        frozenset({("marketo_id", "13"), ("email", "cy@shop.de")}),
        frozenset({("marketo_id", "14"), ("marketo_id", "15"), ("marketo_id", "16"), ("email", "dora@shop.de")}),
    }  # fmt: skip


def test_properties_tell_what_but_not_who(bulk):
    events = bulk.events
    clicked = events[(events["touchpoint"] == "email_clicked") & (events["actor"] == "customer")]
    assert json.loads(clicked["properties"].iloc[0])["Link"] == "https://shop.de/hats"
    assert clicked["device"].tolist() == ["iPhone"]
    bots = events[
        (events["actor"] == "system") & events["touchpoint"].isin(["email_opened", "email_clicked"])
    ]
    assert {json.loads(text)["robot"] for text in bots["properties"]} == {
        "a bot, says Marketo",
        "3 or more links in one second",
    }
    texts = " ".join(events["properties"].dropna())
    assert not any(personal in texts for personal in ("@", "Dora", "198.51"))


def test_bookkeeping_is_read_where_it_is_asked_for():
    source = cj.sources.Marketo(
        DATA / "bulk", touchpoints={22: "score_changed", "Attend Conference": "event_attended"}
    )
    log = cj.ingest(source, data_end="2026-08-01")
    assert {"score_changed", "event_attended"} <= set(log.events["touchpoint"])
    with pytest.raises(cj.SourceError, match=r"no activity type by 'Attend Meeting'.*types="):
        cj.ingest(cj.sources.Marketo(DATA / "bulk", touchpoints={"Attend Meeting": "met"}))


@pytest.mark.parametrize("form", ["renamed", "ssv", "pages", "frame"])
def test_other_forms_of_an_extract_read_the_same(tmp_path, form):
    table = pd.read_csv(DATA / "bulk" / "activities_2026-07.csv", dtype=str, keep_default_na=False)
    given, columns = tmp_path / "export.tsv", None
    if form == "renamed":
        table = table.rename(columns={"leadId": "Person", "activityDate": "Moment"})
        columns = {"leadId": "Person", "activityDate": "Moment"}
        table.to_csv(given, sep="\t", index=False)
    elif form == "ssv":
        given = tmp_path / "export.ssv"
        table.to_csv(given, sep=" ", index=False)
    elif form == "pages":
        given = tmp_path / "page1.json"
        records = table.to_dict("records")
        for record in records:
            record["attributes"] = json.loads(record["attributes"])
        given.write_text(json.dumps({"requestId": "1", "result": records, "success": True}))
    else:
        given = {"activities": table}
    types = {100001: "Attend Conference"}
    log = cj.ingest(cj.sources.Marketo(given, columns=columns, types=types), data_end="2026-08-01")
    assert in_time(log) == [*SENT, *REST]


def test_fivetran_has_a_table_for_each_type():
    log = cj.ingest(cj.sources.Marketo(DATA / "fivetran"), data_end="2026-08-01")
    assert in_time(log) == [
        SENT[0],
        ("2026-07-01 09:00:10", "Click Email", "email_clicked", "customer", None, *MAIL),
        (
            "2026-07-01 09:00:20",
            "Click Email",
            "email_clicked",
            "system",
            None,
            *MAIL,
        ),  # the later word counts
    ]
    assert fates(log) == {
        "used": 7,  # 3 events, a merge, 2 leads, a campaign
        "superseded: delivered again": 1,
        "set aside: skipped by Marketo: it did not happen": 1,
        "set aside: deleted in Marketo": 2,
    }
    assert groups_of(log) == {
        frozenset(
            {("marketo_id", "11"), ("marketo_id", "19"), ("email", "ann@shop.de"), ("email", "ann@home.de")}
        )
    }
    assert json.loads(log.events["properties"].iloc[0])["campaign"] == "July sends"


def test_what_is_no_extract_is_said(tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(cj.SourceError, match=r"no file has the columns leadId.*found other.csv"):
        cj.ingest(cj.sources.Marketo(tmp_path))
    with pytest.raises(cj.SourceError, match="there is no field 'leadID', did you mean 'leadId'"):
        cj.sources.Marketo(tmp_path, columns={"leadID": "Person"})
    (tmp_path / "types.json").write_text("[1]")
    (tmp_path / "a.csv").write_text("leadId,activityDate,activityTypeId\n1,2026-07-01T08:00:00Z,1\n")
    with pytest.raises(cj.SourceError, match=r"types.json is not what activities/types.json returns"):
        cj.ingest(cj.sources.Marketo(tmp_path))


def test_the_documentation_s_extract(shared_data):
    log = cj.ingest(cj.sources.Marketo(shared_data / "email" / "marketo_bulk_activities.csv"))
    assert fates(log) == {"used": 4}
    assert sorted(seen(log, "timestamp", "touchpoint", "campaign")) == [
        ("2022-02-13 14:06:20", "campaign_joined", "MembershipTest1"),
        ("2022-02-13 14:08:50", "campaign_responded", "SuccessWebCPS"),
        ("2022-02-13 14:27:21", "campaign_joined", "Nurture Automation"),
    ]
    assert log.n_customers == 3
