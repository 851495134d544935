# ruff: noqa: E501 -- native rows are as long as they are
"""Each system's native export, small and by hand, with what must come of it."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import cjmining as cj
from cjmining.ingest.sources import describe_sources

from .helpers import events_made, fates, groups_of, links, seen

# 18 characters: the last three say which of each five are capitals (Q is the third: E; AAAAA all: 5)
CONTACT, LEAD, ACCOUNT, ORDER = (
    "0035g00000AAAAAAA5",
    "00Q5g00000AAAAAEA5",
    "0015g00000AAAAAAA5",
    "0065g00000AAAAAAA5",
)


def put(folder, files: dict[str, str], encoding: str = "utf-8"):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode(encoding))
    return folder


@pytest.fixture
def crm(tmp_path):
    return put(
        tmp_path / "crm",
        {
            "Lead.csv": (
                '"Id","IsDeleted","CreatedDate","LeadSource","Email","Phone","Status","IsConverted","ConvertedDate",'
                '"ConvertedContactId","LastModifiedDate"\n'
                f'"{LEAD}","false","2026-01-01T08:00:00.000Z","Trade fair","Ann@Shop.de","030 23125001","New","false","","","2026-01-01T08:00:00.000Z"\n'
                f'"{LEAD}","false","2026-01-01T08:00:00.000Z","Trade fair","Ann@Shop.de","030 23125001","Won","true","2026-01-05","{CONTACT}","2026-01-05T10:00:00.000Z"\n'
                '"00Q5g00000BBBBBEA5","true","2026-01-01T08:00:00.000Z","","x@shop.de","","New","false","","","2026-01-02T08:00:00.000Z"\n'
                '"","false","2026-01-01T08:00:00.000Z","","y@shop.de","","New","false","","","2026-01-02T08:00:00.000Z"\n'
            ),
            "Contact.csv": (
                "Id,AccountId,Email,MobilePhone,Customer_Number__c\n"
                f"{CONTACT[:15]},{ACCOUNT},ann@work.de,+49 171 2345678,C1\n"
            ),
            "Opportunity.csv": f"Id,AccountId,StageName\n{ORDER},{ACCOUNT},Closed Won\n",
            "OpportunityHistory.csv": (
                "Id,OpportunityId,StageName,Amount,CreatedDate\n"
                f"h1,{ORDER},Negotiation/Review,100,2026-01-06T08:00:00.000Z\n"
                f"h3,{ORDER},Closed Won,120.5,2026-01-08T08:00:00.000Z\n"
                f"h2,{ORDER},Negotiation/Review,120.5,2026-01-07T08:00:00.000Z\n"
            ),
            "Case.csv": (
                "Id,ContactId,Origin,Reason,Subject,CreatedDate,ClosedDate,SuppliedEmail\n"
                f"c1,{CONTACT},Phone,Damaged,About Ann Example,2026-01-09T08:00:00.000Z,2026-01-10T08:00:00.000Z,\n"
                "c2,,Email,,,2026-01-09T09:00:00.000Z,,unknown\n"
            ),
        },
    )


def test_salesforce(crm):
    log = cj.ingest(
        cj.sources.Salesforce(
            crm, identifiers={"Customer_Number__c": "user_id"}, region="DE", currency="EUR"
        ),
        data_end="2026-02-01",
    )
    columns = (
        "timestamp",
        "native",
        "touchpoint",
        "actor",
        "channel",
        "campaign",
        "value",
        "currency",
        "precision",
    )
    assert seen(log, *columns) == [
        (
            "2026-01-01 08:00:00",
            "Lead created",
            "lead_created",
            "customer",
            "crm",
            "Trade fair",
            None,
            None,
            0.0,
        ),
        (
            "2026-01-05 00:00:00",
            "Lead converted",
            "lead_converted",
            "company",
            "crm",
            "Trade fair",
            None,
            None,
            86400.0,
        ),
        (
            "2026-01-06 08:00:00",
            "Opportunity: Negotiation/Review",
            "opportunity_negotiation_review",
            "company",
            "crm",
            None,
            100.0,
            "EUR",
            0.0,
        ),
        (
            "2026-01-08 08:00:00",
            "Opportunity: Closed Won",
            "opportunity_closed_won",
            "company",
            "crm",
            None,
            120.5,
            "EUR",
            0.0,
        ),
        ("2026-01-09 08:00:00", "Case opened", "case_opened", "customer", "phone", None, None, None, 0.0),
        ("2026-01-10 08:00:00", "Case closed", "case_closed", "company", "phone", None, None, None, 0.0),
        ("2026-01-09 09:00:00", "Case opened", "case_opened", "customer", "email", None, None, None, 0.0),
    ]
    assert fates(log) == {
        "used": 8,
        "superseded: delivered again": 1,
        "set aside: deleted in Salesforce": 1,
        "quarantined: Id is empty": 1,
    }
    assert events_made(log) == {"kept": 7, "withdrawn: no change of stage": 1}
    assert links(log) == {"refused: email a placeholder": 1}
    assert groups_of(log) == {
        frozenset(
            {
                ("crm_id", LEAD), ("crm_id", CONTACT), ("crm_account", ACCOUNT), ("crm_opportunity", ORDER), ("user_id", "C1"),
                ("crm_case", "c1"),
                ("email", "ann@shop.de"), ("email", "ann@work.de"), ("phone", "+493023125001"), ("phone", "+491712345678"),
            }
        ),
        frozenset({("crm_case", "c2")}),  # of nobody known
    }  # fmt: skip
    text = " ".join(log.events["properties"].dropna())
    assert "Ann" not in text
    assert json.loads(log.events["properties"].dropna().iloc[-1]) == {"Reason": "Damaged"}


def test_salesforce_says_what_is_missing(tmp_path, crm):
    with pytest.raises(cj.SourceError, match=r"none of Lead.csv.*found notes.txt"):
        cj.ingest(cj.sources.Salesforce(put(tmp_path / "other", {"notes.txt": "x"})))
    put(crm, {"Case.csv": "Id,Created\n1,2\n"})
    with pytest.raises(
        cj.SourceError, match=r"'crm', Case.csv: there is no column 'CreatedDate', did you mean 'Created'\?"
    ):
        cj.ingest(cj.sources.Salesforce(crm))


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8", ","), ("utf-8-sig", ","), ("utf-16", "\t")])
def test_marketing_cloud(tmp_path, encoding, delimiter):
    head = "ClientID,SendID,SubscriberKey,EmailAddress,SubscriberID,ListID,EventDate,EventType,BatchID,TriggeredSendExternalKey"
    files = {
        "Sent.csv": f"{head}\n1,7,{CONTACT},Ann@Shop.de,5,2,7/1/2026 1:00:00 PM,Sent,1,news\n1,7,{CONTACT},Ann@Shop.de,5,2,7/1/2026 1:00:00 PM,Sent,1,news\n",
        "Opens.csv": f"{head}\n1,7,{CONTACT},ann@shop.de,5,2,2026-07-01 13:30:00,Open,1,\n",
        "Clicks.csv": (
            f"{head.replace('BatchID', 'SendURLID,URL,BatchID')}\n"
            f"1,7,{CONTACT},ann@shop.de,5,2,7/1/2026 1:31:00 PM,Click,u1,https://shop.de/a?mail=ann@shop.de,1,\n"
            f"1,7,{CONTACT},ann@shop.de,5,2,7/1/2026 1:31:00 PM,Click,u2,https://shop.de/b#x,1,\n"
        ),
        "Bounces.csv": f"{head},BounceCategory\n1,7,SUB-9,bob@shop.de,6,2,1/1/2026 12:00:00 AM,HardBounce,1,,Hard\n1,7,SUB-9,bob@shop.de,6,2,yesterday,HardBounce,1,,Hard\n",
        "Unsubs.csv": f"{head}\n1,7,cat@shop.de,,6,2,7/2/2026 12:00:00 PM,Unsubscribe,1,\n",
    }
    folder = put(tmp_path / "email", {n: t.replace(",", delimiter) for n, t in files.items()}, encoding)
    log = cj.ingest(cj.sources.MarketingCloud(folder))
    assert sorted(
        seen(log, "timestamp", "native", "touchpoint", "actor", "failed", "campaign", "channel")
    ) == [
        ("2026-01-01 06:00:00", "HardBounce", "email_bounced", "system", True, "7", "email"),
        ("2026-07-01 19:00:00", "Sent", "email_sent", "company", None, "news", "email"),
        ("2026-07-01 19:30:00", "Open", "email_opened", "customer", None, "7", "email"),
        ("2026-07-01 19:31:00", "Click", "email_clicked", "customer", None, "7", "email"),
        ("2026-07-01 19:31:00", "Click", "email_clicked", "customer", None, "7", "email"),
        ("2026-07-02 18:00:00", "Unsubscribe", "unsubscribed", "customer", None, "7", "email"),
    ]
    assert fates(log) == {
        "used": 6,
        "superseded: delivered again": 1,
        "quarantined: EventDate is no time that can be read": 1,
    }
    assert groups_of(log) == {
        frozenset({("email", "ann@shop.de"), ("crm_id", CONTACT)}),
        frozenset({("email", "bob@shop.de"), ("subscriber_key", "SUB-9")}),
        frozenset({("email", "cat@shop.de")}),
    }
    assert not any("@" in text for text in log.events["properties"])
    assert {json.loads(t).get("URL") for t in log.events["properties"]} == {
        None,
        "https://shop.de/a",
        "https://shop.de/b",
    }


def hit(name: str, at: int, cookie: str | None = "1.2", **more) -> dict[str, object]:
    parameters = {
        "page_location": "https://shop.de/basket?mail=ann@shop.de",
        "ga_session_id": 77,
        **more.pop("params", {}),
    }
    listed = [
        {
            "key": key,
            "value": {"string_value": value} if isinstance(value, str) else {"int_value": str(value)},
        }
        for key, value in parameters.items()
    ]
    return {
        "event_date": "20260101", "event_timestamp": str(at), "event_name": name, "user_pseudo_id": cookie, "user_id": None,
        "event_params": listed, "device": {"category": "mobile"}, "platform": "WEB", "items": [], "ecommerce": None, **more,
    }  # fmt: skip


def test_ga4(tmp_path):
    base = 1767261600_000000  # 2026-01-01 10:00 UTC
    buy = hit(
        "purchase",
        base + 5_000_000,
        user_id="C1",
        ecommerce={"purchase_revenue": 99.5, "transaction_id": "T1"},
        params={"currency": "EUR"},
    )
    lines = [
        json.dumps(hit("page_view", base)), json.dumps(hit("session_start", base)), json.dumps(hit("page_view", base)),
        json.dumps(hit("add_to_cart", base + 1, platform="IOS", collected_traffic_source={"manual_campaign_name": "(not set)"})),
        json.dumps(buy), '{"event_name": "page_view"', json.dumps(hit("page_view", base, cookie=None)), "[1]",
        json.dumps(hit("refund", base + 6_000_000, ecommerce={"refund_value": 9.5}, params={"currency": "EUR", "campaign": "spring"})),
        json.dumps({**hit("page_view", base), "event_timestamp": None}),
    ]  # fmt: skip
    (tmp_path / "events_20260101.jsonl").write_text("\n".join(lines))
    (tmp_path / "events_20260102.json").write_text(json.dumps(buy) + "\n")
    (tmp_path / "events_20260103.json").write_text("")  # a day without events
    log = cj.ingest(cj.sources.GA4(tmp_path))
    assert seen(
        log, "timestamp", "native", "touchpoint", "channel", "device", "campaign", "value", "currency"
    ) == [
        ("2026-01-01 10:00:00", "page_view", "page_viewed", "web", "mobile", None, None, None),
        ("2026-01-01 10:00:00", "session_start", "session_start", "web", "mobile", None, None, None),
        ("2026-01-01 10:00:00", "add_to_cart", "basket_filled", "app", "mobile", None, None, None),
        ("2026-01-01 10:00:05", "purchase", "order_placed", "web", "mobile", None, 99.5, "EUR"),
        ("2026-01-01 10:00:06", "refund", "order_refunded", "web", "mobile", "spring", -9.5, "EUR"),
    ]
    assert fates(log) == {
        "used": 5,
        "superseded: delivered again": 2,
        "set aside: no identifier": 1,
        "quarantined: not a JSON object": 2,
        "quarantined: event_timestamp is empty": 1,
    }
    assert groups_of(log) == {frozenset({("cookie", "1.2"), ("user_id", "C1")})}
    assert json.loads(log.events["properties"][3]) == {"page_path": "/basket", "transaction_id": "T1"}
    assert len(set(log.events["session"])) == 1
    assert "1.2" not in log.events["session"][0]


def contact(number: str, at: str, **more) -> dict[str, object]:
    return {
        "ContactId": number, "Channel": "VOICE", "InitiationMethod": "INBOUND", "InitiationTimestamp": f"2026-01-01T{at}Z",
        "DisconnectTimestamp": "2026-01-01T12:00:00Z", "LastUpdateTimestamp": "2026-01-01T13:00:00Z", "Agent": None,
        "CustomerEndpoint": {"Address": "+493023125001", "Type": "TELEPHONE_NUMBER"}, "Queue": None, **more,
    }  # fmt: skip


def test_amazon_connect(tmp_path):
    queue = {"Name": "Support", "EnqueueTimestamp": "2026-01-01T10:00:10Z", "Duration": 50}
    agent = {"ConnectedToAgentTimestamp": "2026-01-01T10:01:00Z"}
    records = [
        contact("1", "10:00:00", Queue=queue),
        contact("1", "10:00:00", Queue=queue, Agent=agent, LastUpdateTimestamp="2026-01-01T14:00:00Z"),
        contact("2", "10:30:00", Queue={"Name": "Support", "EnqueueTimestamp": "2026-01-01T11:59:00Z"}),
        contact("3", "10:40:00"),
        contact("4", "10:50:00", InitiationMethod="OUTBOUND"),
        contact("5", "10:55:00", InitiationMethod="TRANSFER", PreviousContactId="1", Agent=agent),
        contact(
            "6",
            "11:00:00",
            Channel="CHAT",
            CustomerEndpoint=None,
            Agent=agent,
            Attributes={"email": "Ann@Shop.de", "other": 1},
        ),
        contact("7", "11:10:00", Channel="TASK"),
        contact("8", "11:20:00", CustomerEndpoint={"Address": "anonymous"}),
        contact("9", "13:00:00"),
        contact("10", "11:30:00", CustomerId=CONTACT),
    ]
    (tmp_path / "a.json").write_text("".join(json.dumps(r) for r in records[:4]))  # one after the other
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps(r) for r in records[4:]))
    log = cj.ingest(cj.sources.AmazonConnect(tmp_path, steps=False))
    assert sorted(
        seen(log, "timestamp", "native", "touchpoint", "actor", "channel", "failed", "wait_s", "duration_s")
    ) == [
        ("2026-01-01 10:00:00", "VOICE answered", "call_answered", "customer", "phone", False, 50.0, 7200.0),
        ("2026-01-01 10:30:00", "VOICE abandoned", "call_abandoned", "customer", "phone", True, 60.0, 5400.0),
        (
            "2026-01-01 10:40:00",
            "VOICE self-service",
            "call_self_served",
            "customer",
            "phone",
            None,
            None,
            4800.0,
        ),
        ("2026-01-01 10:50:00", "VOICE outbound", "call_made", "company", "phone", None, None, 4200.0),
        (
            "2026-01-01 10:55:00",
            "VOICE transferred",
            "call_transferred",
            "customer",
            "phone",
            None,
            None,
            3900.0,
        ),
        ("2026-01-01 11:00:00", "CHAT answered", "chat_answered", "customer", "chat", False, None, 3600.0),
        (
            "2026-01-01 11:30:00",
            "VOICE self-service",
            "call_self_served",
            "customer",
            "phone",
            None,
            None,
            1800.0,
        ),
    ]
    assert fates(log) == {
        "used": 7,
        "superseded: delivered again": 1,
        "set aside: a task, no contact with the customer": 1,
        "set aside: no identifier": 1,
        "quarantined: DisconnectTimestamp lies before InitiationTimestamp": 1,
    }
    assert groups_of(log) == {
        frozenset(
            {("phone", "+493023125001"), ("crm_id", CONTACT), ("call_contact", "1"), ("call_contact", "5")}
        ),
        frozenset({("email", "ann@shop.de")}),
    }


def test_amazon_connect_with_the_lower_case_names_of_athena(tmp_path):
    def lower(value):
        return {k.lower(): lower(v) for k, v in value.items()} if isinstance(value, dict) else value

    (tmp_path / "a.jsonl").write_text(json.dumps(lower(contact("1", "10:00:00"))))
    assert seen(cj.ingest(cj.sources.AmazonConnect(tmp_path)), "native") == [("VOICE self-service",)]


XES = """<?xml version="1.0" encoding="utf-8"?>
<log xes.version="1849-2016">
  <trace><string key="concept:name" value="T2"/><string key="who" value="ann"/>
    <event><string key="concept:name" value="b"/><date key="time:timestamp" value="2026-01-01T10:00:00.000+01:00"/><string key="team" value="x"/></event>
    <event><string key="concept:name" value="a"/><date key="time:timestamp" value="2026-01-01T10:00:00.000+01:00"/><string key="team" value="y"/></event>
  </trace>
  <trace><string key="concept:name" value="T1"/><string key="who" value="ann"/>
    <event><string key="concept:name" value="a"/><date key="time:timestamp" value="2026-01-01T12:00:00.000+01:00"/><string key="team" value="x"/></event>
  </trace>
</log>
"""


def test_xes(tmp_path):
    path = tmp_path / "log.xes"
    path.write_text(XES)
    log = cj.ingest(cj.sources.XES(path, dimensions=["team"]))
    assert seen(log, "timestamp", "touchpoint", "native_journey", "team") == [
        ("2026-01-01 11:00:00", "a", "T1", "x"),
        ("2026-01-01 09:00:00", "b", "T2", "x"),  # equal times keep the order of the file
        ("2026-01-01 09:00:00", "a", "T2", "y"),
    ]
    assert log.n_customers == 2
    assert log.n_journeys == 2
    assert not log.splittable.any()
    one = cj.ingest(cj.sources.XES(path, customer="case:who"))
    assert (one.n_customers, one.n_journeys) == (1, 2)
    assert groups_of(one) == {frozenset({("customer", "ann")})}
    with pytest.raises(cj.SourceError, match="did you mean 'team'"):
        cj.ingest(cj.sources.XES(path, dimensions=["teem"]))


def test_systems_are_one_customer_by_their_identifiers(tmp_path, crm):
    web = tmp_path / "web"
    web.mkdir()
    (web / "a.jsonl").write_text(json.dumps(hit("page_view", 1767261600_000000, user_id="C1")))
    calls = tmp_path / "calls"
    calls.mkdir()
    (calls / "a.jsonl").write_text(json.dumps(contact("1", "10:00:00")))
    log = cj.ingest(
        [
            cj.sources.Salesforce(crm, identifiers={"Customer_Number__c": "user_id"}, region="DE"),
            cj.sources.GA4(web),
            cj.sources.AmazonConnect(calls),
        ],
        customers=cj.sources.Customers(
            pd.DataFrame({"number": ["C1"], "birth_year": [1990]}), identifiers={"number": "user_id"}
        ),
        data_end="2026-02-01",
    )
    assert log.n_customers == 2  # and a case of nobody known
    assert log.customers["birth_year"].dropna().tolist() == [1990]
    assert log.sources["source"].tolist() == ["crm", "web", "calls", "customers"]


def test_sources_describe_themselves():
    described = describe_sources()
    named = [about["source"] for about in described]
    assert {"Salesforce", "MarketingCloud", "GA4", "AmazonConnect", "Table", "XES", "Customers"} <= set(named)
    assert len(set(named)) == len(named)
    assert all(all(about.values()) for about in described)
    assert {about["source"] for about in described} <= set(dir(cj.sources))
