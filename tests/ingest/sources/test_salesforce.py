"""Salesforce's objects: a small export written by hand after the Object Reference, in every layout."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

import cjmining as cj
from cjmining.ingest.vocabulary import is_known
from tests.ingest.helpers import events_made, fates, groups_of, links, seen

DATA = Path(__file__).parents[2] / "data" / "salesforce"
ANN, BOB, CAT, DAN = "003000000000001AAA", "003000000000002AAA", "0030000000000aBAAQ", "0030000000000AbAAI"
SHELVES, LAMPS = "006000000000001AAA", "006000000000002AAA"
SHOP, OLD_SHOP, MILL = "001000000000001AAA", "001000000000003AAA", "001000000000002AAA"
BROKEN_SHELF = "500000000000001AAA"
SALES = {
    name: DATA / "bulk" / f"{name}.csv"
    for name in ("Lead", "Contact", "Account", "Opportunity", "OpportunityContactRole", "OpportunityHistory",
                 "Task", "Event")
}  # fmt: skip
WHAT = ("timestamp", "touchpoint", "actor", "channel")


@pytest.fixture(scope="module")
def log():
    return cj.ingest(cj.sources.Salesforce(DATA / "bulk", region="DE"), data_end="2026-12-31")


def events_of(log, **identifier: str) -> list[tuple[object, ...]]:
    """What happened to the customer with an identifier: when, what, who did it, where."""
    ((kind, value),) = identifier.items()
    ids = log.identities
    (customer,) = ids[(ids["kind"] == kind) & (ids["value"] == value)]["customer"]
    return [row[1:] for row in seen(log, "customer", *WHAT) if row[0] == customer]


def test_a_lead_becomes_a_contact_with_an_opportunity(log):
    assert events_of(log, crm_id=ANN) == [
        ("2026-01-05 08:00:00", "lead_created", "customer", "crm"),
        ("2026-01-07 09:00:00", "campaign_joined", "company", "crm"),
        ("2026-01-08 00:00:00", "campaign_responded", "customer", "crm"),
        ("2026-01-10 00:00:00", "lead_converted", "company", "crm"),
        ("2026-01-10 09:00:00", "opportunity_prospecting", "company", "crm"),
        ("2026-01-12 10:00:00", "call_made", "company", "phone"),
        ("2026-01-15 13:00:00", "meeting_held", "customer", "meeting"),
        ("2026-01-22 09:00:00", "opportunity_negotiation_review", "company", "crm"),
        ("2026-02-01 15:00:00", "opportunity_closed_won", "company", "crm"),
    ]


def test_a_case_is_handed_on_escalated_closed_and_opened_again(log):
    assert events_of(log, crm_id=CAT) == [
        ("2026-01-30 11:00:00", "call_answered", "customer", "phone"),
        ("2026-02-01 08:00:00", "case_opened", "customer", "email"),
        ("2026-02-01 09:00:00", "case_working", "company", "email"),
        ("2026-02-02 10:00:00", "case_closed", "company", "email"),
        ("2026-02-03 08:00:00", "case_reopened", "customer", "email"),  # by a user of the portal
        ("2026-02-03 09:00:00", "case_assigned", "company", "email"),
        ("2026-02-04 08:00:00", "case_escalated", "system", "email"),  # by the Automated Process user
        ("2026-02-05 12:00:00", "case_closed", "company", "email"),
    ]


def test_activities_count_once_they_have_happened(log):
    assert events_of(log, crm_id=BOB) == [
        ("2026-01-18 09:00:00", "opportunity_prospecting", "system", "crm"),
        ("2026-01-20 00:00:00", "email_sent", "company", "email"),  # about his opportunity, to nobody named
        ("2026-01-23 10:00:00", "call_made", "company", "phone"),
        ("2026-01-24 00:00:00", "email_sent", "system", "email"),
    ]
    assert events_of(log, crm_id=DAN) == [("2026-01-16 00:00:00", "meeting_held", "customer", "phone")]


def test_measures_dimensions_and_failures(log):
    touchpoints = [
        "opportunity_prospecting",
        "opportunity_closed_won",
        "call_made",
        "call_answered",
        "meeting_held",
    ]
    found = [
        row
        for row in seen(log, "touchpoint", "value", "currency", "duration_s", "precision", "failed")
        if row[0] in touchpoints
    ]
    assert sorted(found, key=str) == sorted(
        [
            ("opportunity_prospecting", 1000.0, "EUR", None, 0.0, None),
            ("opportunity_prospecting", None, None, None, 0.0, None),
            ("opportunity_closed_won", 1200.5, "EUR", None, 0.0, None),
            ("call_made", None, None, 300.0, 0.0, None),
            ("call_made", None, None, None, 0.0, None),  # lasted "twelve"
            ("call_answered", None, None, 95.0, 0.0, False),
            ("meeting_held", None, None, 2700.0, 0.0, None),
            ("meeting_held", None, None, None, 86400.0, None),  # all day
        ],
        key=str,
    )
    assert {row for row in seen(log, "touchpoint", "campaign") if row[1]} == {
        ("lead_created", "Web"), ("lead_created", "Trade Show"), ("lead_converted", "Web"),
        ("campaign_joined", "Spring fair"), ("campaign_responded", "Spring fair"),
        ("campaign_joined", "Summer letter"),
    }  # fmt: skip
    assert ("campaign_joined", "mail") in seen(log, "touchpoint", "channel")


def test_who_is_who(log):
    groups = groups_of(log)
    assert {("crm_id", ANN), ("email", "ann@shop.example")} < next(g for g in groups if ("crm_id", ANN) in g)
    assert groups == {
        frozenset(
            {
                ("crm_id", ANN), ("crm_id", "003000000000005AAA"), ("crm_id", "00Q000000000001EAA"),
                ("crm_opportunity", SHELVES), ("email", "ann@shop.example"), ("phone", "+491712345678"),
                ("email", "ann.old@shop.example"), ("email", "ann.private@home.example"),
            }
        ),
        frozenset({("crm_id", BOB), ("crm_opportunity", LAMPS), ("email", "bob@shop.example")}),
        frozenset(
            {
                ("crm_id", CAT), ("crm_account", MILL), ("crm_case", BROKEN_SHELF),
                ("email", "cat@mill.example"),
            }
        ),
        frozenset({("crm_id", DAN), ("email", "dan@farm.example")}),
        frozenset(  # a lead merged into another is deleted, and tells who is who
            {
                ("crm_id", "00Q000000000002EAA"), ("crm_id", "00Q000000000003EAA"),
                ("email", "eve@home.example"), ("email", "eve.elm@work.example"),
            }
        ),
        frozenset(  # a person account
            {
                ("crm_account", "001000000000004AAA"), ("crm_id", "003000000000007AAA"),
                ("email", "fay@home.example"),
            }
        ),
        frozenset({("crm_case", "500000000000002AAA")}),  # a case of nobody known
    }  # fmt: skip


def test_every_record_has_a_fate(log):
    assert fates(log) == {
        "used": 45,
        "superseded: delivered again": 1,
        "set aside: deleted in Salesforce": 2,
        "set aside: only an identifier that several customers share": 2,  # the accounts of Ann and Bob
        "set aside: a contact beside the opportunity's primary one": 1,
        "set aside: a change of another field": 1,
        "set aside: planned, not done": 1,
        "set aside: a to-do, no contact with the customer": 1,
        "set aside: a call inside the company": 1,
        "set aside: the pattern of a series, whose parts have records of their own": 1,
        "set aside: an invitee's copy of a meeting": 1,
        "quarantined: CompletedDateTime, ActivityDate and CreatedDate are empty": 1,
    }
    assert events_made(log) == {
        "kept": 26,
        "withdrawn: no change of stage": 1,
        "withdrawn: a closing that the case itself tells": 1,
        "withdrawn: the same change, told twice": 3,
        "withdrawn: planned for after the export": 1,
    }
    assert set(links(log)) == {"refused: crm_account shared by several customers"}


def test_words_and_privacy(log):
    assert all(is_known(touchpoint) for touchpoint in set(log.events["touchpoint"]))
    assert "Cat" not in " ".join(log.events["properties"].dropna())
    about = cj.sources.Salesforce.about
    defaults = {each.touchpoint for each in about.touchpoints}
    assert all(is_known(touchpoint) for touchpoint in defaults)
    families = ("opportunity_", "case_")
    assert all(t in defaults or t.startswith(families) for t in set(log.events["touchpoint"]))


def test_an_account_is_the_customer():
    log = cj.ingest(cj.sources.Salesforce(SALES, unit="account"), data_end="2026-12-31")
    shop = next(g for g in groups_of(log) if ("account", SHOP) in g)
    assert {("crm_id", ANN), ("crm_id", BOB), ("crm_opportunity", LAMPS), ("account", OLD_SHOP)} < shop
    assert not {("crm_id", CAT), ("crm_id", DAN)} & shop
    assert len(events_of(log, account=SHOP)) == 7 + 4  # without the campaigns


def test_an_opportunity_is_a_journey():
    log = cj.ingest(cj.sources.Salesforce(SALES, unit="opportunity"), data_end="2026-12-31")
    of_shelves = [row[1:] for row in seen(log, "native_journey", *WHAT[:2]) if row[0] == SHELVES[:15]]
    assert of_shelves == [
        ("2026-01-05 08:00:00", "lead_created"),
        ("2026-01-10 00:00:00", "lead_converted"),
        ("2026-01-10 09:00:00", "opportunity_prospecting"),
        ("2026-01-15 13:00:00", "meeting_held"),
        ("2026-01-22 09:00:00", "opportunity_negotiation_review"),
        ("2026-01-23 10:00:00", "call_made"),  # to Bob, about Ann's opportunity
        ("2026-02-01 15:00:00", "opportunity_closed_won"),
    ]
    journeys = log.journeys[log.journeys["native_journey"].notna()]
    assert len(journeys) == 2
    with pytest.raises(cj.SourceError, match=r"unit is one of .*, did you mean 'opportunity'"):
        cj.sources.Salesforce(DATA / "bulk", unit="oportunity")


def test_tables_of_fivetran_and_its_history_mode():
    log = cj.ingest(cj.sources.Salesforce(DATA / "fivetran", currency="USD"))
    assert seen(log, "timestamp", "touchpoint", "value", "currency") == [
        ("2026-01-10 09:00:00", "opportunity_prospecting", 100.0, "USD"),
        ("2026-01-15 08:59:30", "opportunity_closed_won", 150.0, "USD"),
        ("2026-01-05 08:00:00", "lead_created", None, None),
    ]
    assert fates(log) == {"used": 6, "superseded: delivered again": 1, "set aside: deleted in Salesforce": 1}
    assert events_made(log) == {
        "kept": 3,
        "withdrawn: no change of stage": 1,
        "withdrawn: deleted in Salesforce": 1,  # no version of it is active
    }


def test_the_weekly_export_and_frames(tmp_path):
    contact = "Id,LastName,Email,AccountId\n003000000000021AAA,Müller,kim@home.example,\n"
    case = (
        "Id,ContactId,Origin,Reason,CreatedDate,ClosedDate\n"
        "500000000000021AAA,003000000000021AAA,Phone,Größe,2026-01-05 08:00:00,2026-01-06 08:00:00\n"
    )
    with zipfile.ZipFile(tmp_path / "WE_00D000000000001EAA_1.ZIP", "w") as archive:
        archive.writestr("Contact.csv", contact.encode("iso-8859-1"))
        archive.writestr("Case.csv", case.encode("iso-8859-1"))
    deals = pd.DataFrame(
        {
            "Id": ["006000000000021AAA"], "AccountId": ["001000000000021AAA"], "StageName": ["Won"],
            "Amount": [50.0], "CreatedDate": ["2026-01-02T08:00:00.000+0000"],
        }
    )  # fmt: skip
    changes = pd.DataFrame(
        {
            "Id": ["017a", "017b", "017c"], "OpportunityId": ["006000000000021"] * 3,
            "Field": ["StageName", "StageName", "Amount"], "OldValue": ["New", "Offer", "1"],
            "NewValue": ["Offer", "Won", "50"],
            "CreatedDate": ["2026-01-03T08:00:00Z", "2026-01-04T08:00:00Z", "2026-01-04T08:00:00Z"],
        }
    )  # fmt: skip
    log = cj.ingest(
        [
            cj.sources.Salesforce(tmp_path, name="weekly"),
            cj.sources.Salesforce({"Opportunity": deals, "OpportunityFieldHistory": changes}, name="frames"),
        ],
        data_end="2026-02-01",
    )
    assert seen(log, "source", "timestamp", "touchpoint", "value") == [
        ("frames", "2026-01-02 08:00:00", "opportunity_created", None),
        ("frames", "2026-01-03 08:00:00", "opportunity_offer", None),
        ("frames", "2026-01-04 08:00:00", "opportunity_won", 50.0),
        ("weekly", "2026-01-05 08:00:00", "case_opened", None),
        ("weekly", "2026-01-06 08:00:00", "case_closed", None),
    ]
    assert '"Größe"' in log.events["properties"].iloc[-1]
    assert fates(log, "frames") == {"used": 3, "set aside: a change of another field than the stage": 1}


def test_what_is_no_export_is_refused(tmp_path):
    (tmp_path / "Opportunity.csv").write_text(
        '"Opportunity Name","Account Name","Created Date"\n"a","b","1/2/2026"\n'
    )
    with pytest.raises(cj.SourceError, match=r"Opportunity.csv looks like a report.*Data Loader"):
        cj.ingest(cj.sources.Salesforce(tmp_path))
    with pytest.raises(cj.SourceError, match="there is no 'Leed', did you mean 'Lead'"):
        cj.ingest(cj.sources.Salesforce({"Leed": tmp_path}))


def test_what_comes_later_is_taken_in_as_if_all_had_come_at_once(tmp_path):
    files = {
        name: DATA / "bulk" / f"{name}.csv" for name in ("Contact", "Opportunity", "Case", "CaseHistory")
    }
    later = {name: DATA / "bulk" / f"{name}.csv" for name in ("OpportunityHistory", "OpportunityContactRole")}
    options = {"data_end": "2026-12-31", "add": True}
    once = cj.ingest(cj.sources.Salesforce(files | later), path=tmp_path / "once", **options)
    for part in (later, files):
        log = cj.ingest(cj.sources.Salesforce(part), path=tmp_path / "log", **options)
    for table in ("events", "identities"):
        pd.testing.assert_frame_equal(getattr(log, table), getattr(once, table))
    assert ("2026-02-01 15:00:00", "opportunity_closed_won", "company", "crm") in events_of(log, crm_id=ANN)


def test_what_other_objects_tell_of_the_day_shows_which_meetings_were_held(tmp_path):
    (tmp_path / "Event.csv").write_text(
        "Id,WhoId,StartDateTime,EndDateTime,CreatedDate,LastModifiedDate\n"
        f"00U000000000001AAA,{ANN},2026-03-15T09:00:00Z,2026-03-15T10:00:00Z,2026-03-09T09:00:00Z,2026-03-10T09:00:00Z\n"
        f"00U000000000002AAA,{ANN},2026-03-20T09:00:01Z,2026-03-20T10:00:00Z,2026-03-09T09:00:00Z,2026-03-10T09:00:00Z\n"
    )
    (tmp_path / "Case.csv").write_text(
        f"Id,ContactId,Status,CreatedDate\n{BROKEN_SHELF},{BOB},New,2026-03-20T09:00:00Z\n"
    )
    log = cj.ingest(cj.sources.Salesforce(tmp_path))
    assert ("2026-03-15 09:00:00", "meeting_held") in seen(log, "timestamp", "touchpoint")
    assert events_made(log) == {"kept": 2, "withdrawn: planned for after the export": 1}


def test_columns_asked_for_must_be_somewhere():
    with pytest.raises(cj.SourceError, match=r"'MobilPhone', did you mean 'MobilePhone'\?"):
        cj.ingest(cj.sources.Salesforce(DATA / "bulk", identifiers={"MobilPhone": "phone"}))
    log = cj.ingest(cj.sources.Salesforce(DATA / "bulk", identifiers={"Zq__c": "loyalty"}))
    assert "source 'crm': none of the exported objects has the columns 'Zq__c'" in log.notes
    with pytest.raises(cj.SourceError, match=r"identifiers is \{name: kind\}"):
        cj.sources.Salesforce(DATA / "bulk", identifiers="Customer_Number__c")
    with pytest.raises(cj.SourceError, match="code of three letters"):
        cj.sources.Salesforce(DATA / "bulk", currency="euro")


def test_a_stage_of_signs_alone_has_a_name_too(tmp_path):
    (tmp_path / "OpportunityHistory.csv").write_text(
        "Id,OpportunityId,StageName,CreatedDate\n008000000000001AAA,006000000000001AAA,--,2026-01-05T08:00:00Z\n"
    )
    assert seen(cj.ingest(cj.sources.Salesforce(tmp_path)), "touchpoint") == [("opportunity_unnamed",)]
