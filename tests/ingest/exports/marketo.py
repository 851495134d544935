# ruff: noqa: E501 -- native rows are as long as they are
"""Marketo's bulk extracts of activities and leads, or Fivetran's tables of them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_FIELDS = ("marketoGUID", "leadId", "activityDate", "activityTypeId", "campaignId", "primaryAttributeValueId",
           "primaryAttributeValue", "attributes", "actionResult")  # fmt: skip
_TYPES = (1, 2, 6, 7, 8, 10, 11, 12, 104, 13)
_TABLES = {
    "activity_send_email": 6,
    "activity_open_email": 10,
    "activity_click_email": 11,
    "activity_merge_leads": 32,
}


def write(folder: Path, rng: random.Random, records: int) -> None:
    leads = [rng.randrange(1, 10**9) for _ in range(max(2, records // 4))]
    if rng.random() < 0.6:
        _bulk(folder, rng, leads, records)
    else:
        _fivetran(folder, rng, leads, records)


def read(folder: Path) -> Source:
    return cj.sources.Marketo(folder)


def _bulk(folder: Path, rng: random.Random, leads: list[int], records: int) -> None:
    rows = [_activity(rng, rng.choice(leads), rng.choice(_TYPES)) for _ in range(records)]
    rows.append(_activity(rng, leads[0], 32, {"Merge IDs": f"[{leads[1]}]"}))
    delimiter, end = rng.choice(((",", ".csv"), ("\t", ".tsv"))), rng.choice(("\n", "\r\n"))
    text = writing.separated(_FIELDS, rows, delimiter=delimiter[0], end=end)
    writing.put(folder / f"activities{delimiter[1]}", text, rng)
    known = [[lead, writing.email(rng), "null", "2026-03-01T08:00:00Z"] for lead in leads]
    writing.put(
        folder / "leads.csv", writing.separated(("id", "email", "phone", "updatedAt"), known, end=end), rng
    )


def _activity(
    rng: random.Random, lead: int, kind: int, attributes: dict[str, object] | None = None
) -> list[object]:
    given = attributes or {"Device": "iPhone", "Link": f"https://shop.example/{writing.token(rng, 3)}"}
    if kind in {10, 11}:
        given |= {"Is Bot Activity": rng.random() < 0.3}
    if kind == 104:
        given = {
            "Old Status": "Not in Program",
            "New Status": writing.phrase(rng),
            "Success": rng.random() < 0.5,
        }
    as_list = [{"name": name, "value": value} for name, value in given.items()]
    written = (
        rng.choice((json.dumps(given), json.dumps(as_list), "null")) if kind != 32 else json.dumps(as_list)
    )
    when = writing.moment(rng).strftime(rng.choice(("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+0000")))
    return [writing.token(rng, 12), lead, when, kind, rng.choice(("null", 7)), lead if kind == 32 else 71,
            writing.phrase(rng), written, rng.choice(("succeeded", "skipped", "null")) if kind == 6 else "null"]  # fmt: skip


def _fivetran(folder: Path, rng: random.Random, leads: list[int], records: int) -> None:
    head = ("id", "_fivetran_synced", "activity_date", "activity_type_id", "lead_id", "primary_attribute_value",
            "primary_attribute_value_id", "link", "is_bot_activity", "merge_ids")  # fmt: skip
    for name, kind in _TABLES.items():
        rows = [
            [rng.randrange(10**12), "2026-07-01 00:00:00.000 +0000",
             writing.moment(rng).strftime("%Y-%m-%d %H:%M:%S.000 +0000"), kind, lead, writing.phrase(rng),
             lead if kind == 32 else 71, "https://shop.example/a" if kind == 11 else "", rng.choice(("", "TRUE")),
             f"[{leads[0]}]" if kind == 32 else ""]
            for lead in rng.choices(leads, k=2 if kind == 32 else max(2, records // 3))
        ]  # fmt: skip
        writing.put(folder / f"{name}.csv", writing.separated(head, rows), rng)
    known = [[lead, writing.email(rng), "2026-07-01 00:00:00.000 +0000"] for lead in leads]
    writing.put(folder / "lead.csv", writing.separated(("id", "email", "_fivetran_synced"), known), rng)
