"""Salesforce's objects as the Bulk API, the weekly export, `sf data export bulk` and Fivetran write them."""

from __future__ import annotations

import json
import random
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_STAGES = ("Prospecting", "Negotiation/Review", "Closed Won")
_STATUSES = ("New", "Working", "Escalated", "Closed")

Row = dict[str, object]


def write(folder: Path, rng: random.Random, records: int) -> None:
    layout = rng.choice(("bulk", "bulk", "weekly", "fivetran", "json"))
    objects = _objects(rng, max(2, records // 4), "%Y-%m-%d %H:%M:%S" if layout != "bulk" else "")
    if layout == "fivetran":
        objects = {_snake(name): [_of_fivetran(rng, row) for row in rows] for name, rows in objects.items()}
    if layout == "json":
        for name, rows in objects.items():
            writing.put(folder / f"{name}.json", json.dumps(rows, indent=rng.choice((None, 2))), rng)
        return
    end = rng.choice(("\n", "\r\n"))
    texts = {
        f"{name}.csv": writing.separated(
            list(rows[0]), [list(row.values()) for row in rows], quote_all=layout != "fivetran", end=end
        )
        for name, rows in objects.items()
    }
    if layout == "weekly":
        with zipfile.ZipFile(folder / f"WE_{_id(rng, '00D')}_1.ZIP", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(zipfile.ZipInfo(name), text)
        return
    for name, text in texts.items():
        writing.put(folder / name, text, rng)


def read(folder: Path) -> Source:
    return cj.sources.Salesforce(folder, region="DE", currency="EUR")


def _objects(rng: random.Random, n: int, form: str) -> dict[str, list[Row]]:
    many = range(n)
    contacts, leads = [_id(rng, "003") for _ in many], [_id(rng, "00Q") for _ in many]
    deals, cases = [_id(rng, "006") for _ in many], [_id(rng, "500") for _ in many]
    accounts, campaigns = [_id(rng, "001") for _ in many], [_id(rng, "701") for _ in range(2)]
    users, pick = [_id(rng, "005") for _ in range(3)], rng.choice
    made = {
        "Lead": [_lead(rng, lead, pick(contacts), form) for lead in leads],
        "Contact": [
            {"AccountId": pick(accounts), "MasterRecordId": "", "Email": writing.email(rng), "Phone": ""}
            for _ in contacts
        ],
        "Account": [
            {"Name": writing.phrase(rng), "MasterRecordId": "", "PersonContactId": "", "PersonEmail": ""}
            for _ in accounts
        ],
        "Opportunity": [
            {"AccountId": pick(accounts), "Name": writing.phrase(rng), "StageName": pick(_STAGES),
             "Amount": rng.randrange(1000), "CloseDate": _day(rng), "IsClosed": "false"}
            for _ in deals
        ],
        "OpportunityContactRole": [
            {"OpportunityId": deal, "ContactId": pick(contacts), "IsPrimary": pick(("true", "false"))}
            for deal in deals
        ],
        "OpportunityHistory": [
            {"OpportunityId": pick(deals), "StageName": pick(_STAGES), "Amount": rng.randrange(9999) / 10}
            for _ in many
        ],
        "OpportunityFieldHistory": [
            {"OpportunityId": pick(deals), "Field": pick(("StageName", "Amount")), "OldValue": "x",
             "NewValue": pick(_STAGES)}
            for _ in many
        ],
        "Case": [_case(rng, pick(contacts), form) for _ in cases],
        "CaseHistory": [_change(rng, pick(cases)) for _ in many],
        "Task": [_task(rng, pick((*contacts, *leads)), pick((*deals, *cases)), form) for _ in many],
        "Event": [_meeting(rng, pick(contacts), form) for _ in many],
        "Campaign": [{"Name": writing.phrase(rng), "Type": pick(("Email", "Trade Show"))} for _ in campaigns],
        "CampaignMember": [
            {"CampaignId": pick(campaigns), "LeadId": pick(leads), "ContactId": "", "Status": "Sent",
             "HasResponded": "true", "FirstRespondedDate": pick(("", _day(rng)))}
            for _ in many
        ],
        "User": [
            {"Username": writing.email(rng), "UserType": pick(("Standard", "AutomatedProcess"))}
            for _ in users
        ],
    }  # fmt: skip
    ids = {
        "Lead": leads, "Contact": contacts, "Account": accounts, "Opportunity": deals, "Case": cases,
        "Campaign": campaigns, "User": users,
    }  # fmt: skip
    exported = {"Lead", *rng.sample(list(made), 5)}
    return {
        name: [
            _standard(rng, ids[name][i] if name in ids else _id(rng, "a0X"), pick(users), form) | row
            for i, row in enumerate(rows)
        ]
        for name, rows in made.items()
        if name in exported
    }


def _standard(rng: random.Random, id_: str, user: str, form: str) -> Row:
    return {
        "Id": id_, "IsDeleted": "true" if rng.random() < 0.03 else "false", "CreatedDate": _time(rng, form),
        "CreatedById": user, "SystemModstamp": _time(rng, form),
    }  # fmt: skip


def _lead(rng: random.Random, id_: str, contact: str, form: str) -> Row:
    converted = rng.random() < 0.5
    return {
        "Email": writing.email(rng), "Phone": f"030 {writing.token(rng, 7, '123456789')}",
        "MasterRecordId": "", "LeadSource": "Web", "Status": "Open", "IsConverted": str(converted).lower(),
        "ConvertedDate": _day(rng) if converted else "", "ConvertedContactId": contact if converted else "",
    }  # fmt: skip


def _case(rng: random.Random, contact: str, form: str) -> Row:
    return {
        "ContactId": contact, "ClosedDate": rng.choice(("", _time(rng, form))), "Origin": "Phone",
        "Reason": 'said "broken",\nthen hung up', "Type": "", "Status": "New", "Priority": "Low",
        "SuppliedEmail": writing.email(rng),
    }  # fmt: skip


def _change(rng: random.Random, case: str) -> Row:
    field = rng.choice(("Status", "Status", "ownerAssignment", "IsEscalated", "Priority"))
    before, after = rng.choice(_STATUSES), rng.choice(_STATUSES)
    return {"CaseId": case, "Field": field, "DataType": "Text", "OldValue": before, "NewValue": after}


def _task(rng: random.Random, who: str, what: str, form: str) -> Row:
    kind, is_done = rng.choice(("Call", "Email", "Task")), rng.random() < 0.8
    return {
        "WhoId": rng.choice(("", who)), "WhatId": rng.choice(("", what)), "Subject": writing.phrase(rng),
        "ActivityDate": _day(rng), "Status": "Completed" if is_done else "Not Started",
        "IsClosed": str(is_done).lower(), "TaskSubtype": kind,
        "CallType": rng.choice(("Inbound", "Outbound")) if kind == "Call" else "",
        "CallDurationInSeconds": rng.randrange(600) if kind == "Call" else "",
        "CompletedDateTime": _time(rng, form) if is_done else "",
    }  # fmt: skip


def _meeting(rng: random.Random, who: str, form: str) -> Row:
    start, minutes = writing.moment(rng), rng.randrange(15, 90)
    return {
        "WhoId": who, "Subject": writing.phrase(rng), "StartDateTime": _written(start, form),
        "EndDateTime": _written(start + timedelta(minutes=minutes), form), "DurationInMinutes": minutes,
        "IsAllDayEvent": "false", "IsChild": rng.choice(("true", "false", "false")),
    }  # fmt: skip


def _of_fivetran(rng: random.Random, row: Row) -> Row:
    synced = f"{writing.moment(rng):%Y-%m-%d %H:%M:%S}.000"
    return {_snake(name): value for name, value in row.items()} | {
        "_fivetran_synced": synced,
        "_fivetran_deleted": "false",
    }


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _id(rng: random.Random, prefix: str) -> str:
    return prefix + writing.token(rng, 12, _LETTERS)


def _time(rng: random.Random, form: str) -> str:
    return _written(writing.moment(rng), form)


def _written(moment: object, form: str) -> str:
    return f"{moment:{form}}" if form else f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def _day(rng: random.Random) -> str:
    return f"{writing.moment(rng):%Y-%m-%d}"
