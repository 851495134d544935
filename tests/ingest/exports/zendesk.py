# ruff: noqa: E501 -- native records are as long as they are
"""Zendesk: pages of the API, its records as lines, or Fivetran's tables, with tickets of several users."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import cjmining as cj
from tests.ingest.exports import writing

if TYPE_CHECKING:
    from cjmining.ingest.sources.base import Source

_AGENT = 901
_SYNCED = "2026-07-01 00:00:00.000"


def write(folder: Path, rng: random.Random, records: int) -> None:
    users = [_user(rng) for _ in range(max(1, records // 3))]
    asked = [rng.choice(users) for _ in range(records)]
    tickets = [_ticket(rng, int(str(user["id"]))) for user in asked]
    if rng.random() < 0.6:
        _write_pages(folder, rng, users, tickets)
    else:
        _write_tables(folder, rng, users, tickets)


def read(folder: Path) -> Source:
    return cj.sources.Zendesk(folder, region="DE")


def _write_pages(
    folder: Path, rng: random.Random, users: list[dict[str, object]], tickets: list[dict[str, object]]
) -> None:
    audits = [_audit(rng, ticket, first) for ticket in tickets for first in (True, False)]
    promises = [_promise(rng, ticket) for ticket in tickets]
    ratings = [_rating(rng, ticket) for ticket in tickets]
    kinds = {
        "users": users, "tickets": tickets, "ticket_audits": audits, "ticket_metric_events": promises,
        "satisfaction_ratings": ratings,
    }  # fmt: skip
    for name, rows in kinds.items():
        if name in {"users", "tickets"} or rng.random() < 0.8:
            key = "audits" if name == "ticket_audits" else name
            if rng.random() < 0.5:
                text = json.dumps({key: rows, "count": len(rows), "end_of_stream": True}, ensure_ascii=False)
            else:
                text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            writing.put(folder / f"{name}.json", text, rng)


def _write_tables(
    folder: Path, rng: random.Random, users: list[dict[str, object]], tickets: list[dict[str, object]]
) -> None:
    at = "%Y-%m-%d %H:%M:%S"
    comments, history = [], []
    for ticket in tickets:
        created = datetime.fromisoformat(str(ticket["created_at"]))
        for minutes in (0, 30):
            author = ticket["requester_id"] if rng.random() < 0.5 or not minutes else _AGENT
            moment = f"{created + timedelta(minutes=minutes):{at}}"
            body = writing.phrase(rng) + rng.choice(("", ',"', "\n"))
            comments.append(
                [
                    writing.token(rng, 12, "123456789"),
                    _SYNCED,
                    body,
                    moment,
                    "TRUE",
                    ticket["id"],
                    author,
                    "FALSE",
                ]
            )
        for minutes, status in enumerate(("new", "open", "solved")):
            moment = f"{created + timedelta(minutes=minutes):{at}}"
            history.append(["status", ticket["id"], moment, _SYNCED, "", status])
    names = ("id", "requester_id", "submitter_id", "status", "created_at", "updated_at", "is_public")
    rows = {
        "ticket": (
            (*names, "via_channel", "_fivetran_synced", "_fivetran_deleted"),
            [[*(ticket[name] for name in names), "email", _SYNCED, "FALSE"] for ticket in tickets],
        ),
        "user": (
            ("id", "email", "phone", "role", "suspended", "_fivetran_synced"),
            [[user["id"], user["email"], user["phone"], user["role"], "false", _SYNCED] for user in users],
        ),
        "ticket_comment": (
            ("id", "_fivetran_synced", "body", "created", "public", "ticket_id", "user_id", "voice_comment"),
            comments,
        ),
        "ticket_field_history": (
            ("field_name", "ticket_id", "updated", "_fivetran_synced", "user_id", "value"), history,
        ),
    }  # fmt: skip
    for name, (header, lines) in rows.items():
        writing.put(folder / f"{name}.csv", writing.separated(header, lines), rng)


def _number(rng: random.Random) -> int:
    return rng.randrange(10**9, 10**12)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _user(rng: random.Random) -> dict[str, object]:
    return {
        "id": _number(rng), "email": writing.email(rng), "phone": f"+4930{writing.token(rng, 8, '123456789')}",
        "name": writing.phrase(rng, 2), "role": rng.choice(("end-user", "end-user", "end-user", "agent")),
        "suspended": rng.random() < 0.05, "updated_at": _time(writing.moment(rng)),
    }  # fmt: skip


def _ticket(rng: random.Random, asker: int) -> dict[str, object]:
    created = writing.moment(rng)
    return {
        "id": _number(rng), "requester_id": asker, "submitter_id": asker if rng.random() < 0.9 else _AGENT,
        "status": rng.choice(("new", "open", "pending", "solved", "closed", "deleted")),
        "subject": writing.phrase(rng), "created_at": _time(created),
        "updated_at": _time(created + timedelta(hours=rng.randrange(99))),
        "generated_timestamp": int(created.timestamp()) + rng.randrange(10**6), "is_public": True,
        "tags": rng.choice(([], ["late"], ["closed_by_merge", writing.phrase(rng)])),
        "via": {"channel": rng.choice(("web", "email", "voice", "chat", "whatsapp", "any")),
                "source": {"from": {"address": writing.email(rng)}, "to": {}, "rel": None}},
    }  # fmt: skip


def _audit(rng: random.Random, ticket: dict[str, object], first: bool) -> dict[str, object]:
    created = datetime.fromisoformat(str(ticket["created_at"]))
    author = ticket["requester_id"] if first or rng.random() < 0.4 else _AGENT
    events: list[dict[str, object]] = [
        {"id": _number(rng), "type": "Comment", "public": rng.random() < 0.8, "author_id": author,
         "body": writing.phrase(rng), "attachments": []},
        {"id": _number(rng), "type": "Create" if first else "Change", "field_name": "status",
         "value": "new" if first else rng.choice(("open", "solved", "closed")), "previous_value": "new"},
        {"id": _number(rng), "type": "Change", "field_name": "tags", "value": ["a", "b"], "previous_value": []},
    ]  # fmt: skip
    return {
        "id": _number(rng), "ticket_id": ticket["id"], "author_id": author,
        "created_at": _time(created if first else created + timedelta(minutes=rng.randrange(1, 999))),
        "via": {"channel": rng.choice(("web", "email", "rule")), "source": {"rel": rng.choice((None, "trigger"))}},
        "metadata": {"system": {"ip_address": "192.0.2.1"}}, "events": events,
    }  # fmt: skip


def _promise(rng: random.Random, ticket: dict[str, object]) -> dict[str, object]:
    kind = rng.choice(("activate", "fulfill", "breach", "update_status"))
    return {
        "id": _number(rng), "ticket_id": ticket["id"], "metric": rng.choice(("reply_time", "requester_wait_time")),
        "instance_id": 1, "type": kind, "time": _time(writing.moment(rng)),
        **({"deleted": rng.random() < 0.3} if kind == "breach" else {}),
        **({"status": {"calendar": rng.randrange(999), "business": 1}} if kind == "update_status" else {}),
    }  # fmt: skip


def _rating(rng: random.Random, ticket: dict[str, object]) -> dict[str, object]:
    at = _time(writing.moment(rng))
    return {
        "id": _number(rng), "ticket_id": ticket["id"], "requester_id": ticket["requester_id"],
        "score": rng.choice(("good", "bad", "offered", "unoffered")), "comment": rng.choice((None, writing.phrase(rng))),
        "reason": None, "created_at": at, "updated_at": at,
    }  # fmt: skip
