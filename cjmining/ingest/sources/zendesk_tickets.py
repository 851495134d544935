"""Feeds of Zendesk that say who asked for what: tickets, their users, metrics and ratings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cjmining.ingest.comments import KEPT_COLUMN
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Lookup
from cjmining.ingest.sources.columns import json_text, utc

if TYPE_CHECKING:
    from cjmining.ingest.casts import Clock

_TEXT = "VARCHAR"
_MEDIA = {
    "email": ("email", "mail", "4"),
    "web": ("web", "web_form", "0", "web_widget", "dropbox", "17", "help_center", "forum", "topic", "24",
            "closed_ticket", "27", "batch", "20"),
    "chat": ("chat", "29", "native_messaging", "messaging", "web_messaging"),
    "phone": ("voice", "voicemail", "33", "phone_call_inbound", "34", "phone_call_outbound", "35"),
    "sms": ("sms", "text_message", "37"),
    "social": ("twitter", "30", "twitter_dm", "26", "twitter_favorite", "23", "x_corp", "facebook",
               "facebook_post", "38", "facebook_message", "41", "whatsapp", "instagram_dm", "line", "wechat",
               "telegram", "viber", "messagebird_sms", "any_channel"),
    "app": ("mobile", "mobile_sdk", "iphone", "15", "android"),
}  # fmt: skip
"""What the words and numbers of `via` say of the medium; other words are kept as they are."""

TICKET = Lookup(
    "tickets",
    {"ticket": "ticket"},
    {"known": "there", "requester": "requester", "medium": "channel", "opened_at": "moment",
     "merged": "merged", "hidden": "hidden"},
)  # fmt: skip
ASKER = Lookup("users", {"requester": "user"}, {"asker": "kind"})
AUTHOR = Lookup("users", {"author": "user"}, {"author_kind": "kind"})
AUDITED = Lookup("ticket_audits", {"ticket": "ticket"}, {"audited": "there"})
SYSTEM = "-1"
"""Who writes what nobody wrote."""
THERE = "'true'"
"""Tells other feeds that a record about the ticket is there."""
BARRED = (
    "CASE WHEN asker = 'agent' THEN 'asked for by an agent, no customer' "
    "WHEN asker = 'suspended' THEN 'by a suspended user' "
    "WHEN hidden = 'true' THEN 'private: the customer never saw it' END"
)
"""Why what happens to a ticket is no touchpoint of a customer."""
TAGGED = Lookup("ticket_tags", {"ticket": "ticket"}, {"merged_by_tag": "tag"})
MERGED = "CASE WHEN merged = 'true' OR merged_by_tag IS NOT NULL THEN 'merged into another ticket' END"
SYNCED = (Column("_fivetran_synced", "time"), Column("_fivetran_deleted", "flag"))
GONE = [('coalesce("_fivetran_deleted", FALSE)', "deleted in Zendesk")]
FIVETRAN = {"_fivetran_synced": _TEXT, "_fivetran_deleted": _TEXT}


@dataclass(frozen=True)
class Parts:
    """What the feeds share: how times are written, the kind of phone numbers, whether comments are kept."""

    clock: Clock
    phone: str
    comments: bool


def whom(number: str) -> str:
    """SQL: what tells users apart, without naming them where identities aren't kept."""
    return f"CASE WHEN {number} = '{SYSTEM}' THEN {number} ELSE pseudonym({number}) END"


def channel(via: str) -> str:
    """SQL: the medium that a word or number of `via` stands for."""
    listed = " ".join(
        f"WHEN lower({via}) IN ({', '.join(repr(word) for word in words)}) THEN '{medium}'"
        for medium, words in _MEDIA.items()
    )
    return f"CASE {listed} ELSE lower({via}) END"


def is_json(inputs: Sequence[Input]) -> bool:
    """Whether there are files of the API; tables are Fivetran's."""
    return any(given.format == "json" for given in inputs)


def structure(inputs: Sequence[Input], fields: dict[str, Any]) -> str:
    """Return the structure of a feed's JSON; tables have none."""
    return json.dumps(fields) if is_json(inputs) else ""


def plain(*names: str) -> dict[str, Any]:
    """Return fields that are texts."""
    return dict.fromkeys(names, _TEXT)


def users(parts: Parts, inputs: Sequence[Input]) -> Feed:
    """Who is who; agents are no customers."""
    kind = (
        "CASE WHEN coalesce(suspended, FALSE) THEN 'suspended' WHEN lower(role) IN ('agent', 'admin') "
        "THEN 'agent' ELSE 'end-user' END"
    )
    customers = f"CASE WHEN {kind} = 'end-user' THEN {{0}} END"
    texts = ("email", "phone", "external_id", "role", "organization_id")
    return Feed(
        "users", inputs,
        [
            Column("id", needed=True, filled=True), *map(Column, texts), Column("suspended", "flag"),
            Column("updated_at", "time"), *SYNCED,
        ],
        {"user": whom("id"), "kind": kind},
        [
            ("zendesk_user", customers.format("id")), ("email", customers.format("email")),
            (parts.phone, customers.format("phone")), ("user_id", customers.format("external_id")),
            ("zendesk_organization", customers.format("organization_id")),
        ],
        key=("id",), version='coalesce("_fivetran_synced", updated_at)', asides=GONE, clock=parts.clock,
        structure=structure(
            inputs, plain("id", *texts, "suspended", "updated_at", "_fivetran_synced", "_fivetran_deleted")
        ),
        wrapped=("users",),
    )  # fmt: skip


def tickets(parts: Parts, inputs: Sequence[Input]) -> Feed:
    """Tickets: opened; and, where nothing tells their history, first answered and solved."""
    medium = channel("via_channel")
    called = f"({medium} = 'phone' AND coalesce(via_rel, 'inbound') <> 'outbound')"
    # an agent submits the ticket of a call, but it is the customer who called
    by_requester = f"(submitter_id IS NULL OR submitter_id = requester_id OR {called})"
    keep = {
        "ticket": "pseudonym(id)", "there": THERE, "requester": whom("requester_id"), "channel": medium,
        "moment": "created_at",
        "actor": f"CASE WHEN {by_requester} THEN 'customer' ELSE 'company' END",
        "merged": "CASE WHEN regexp_matches(tags, '\\bclosed_by_merge\\b') THEN 'true' END",
        "hidden": f"CASE WHEN is_public = FALSE AND NOT {by_requester} THEN 'true' END",
        "properties": json_text({"priority": "priority", "type": "type", "via": "via_channel"}),
    }  # fmt: skip
    identifiers = [
        ("zendesk_user", "requester_id"),
        ("zendesk_ticket", "id"),
        ("zendesk_organization", "organization_id"),
        ("email", f"CASE WHEN {medium} = 'email' AND {by_requester} THEN from_address END"),
        ("email", "requester_email"),
        (parts.phone, "requester_phone"),
        (parts.phone, f"CASE WHEN {called} THEN from_phone END"),
    ]
    shared = {"channel": "channel", "properties": "properties"}
    spoken = [_comment()] if is_json(inputs) else []
    if spoken:
        keep["said"] = _SAID
    unknown = "audited IS NULL AND commented IS NULL" + (" AND coalesce(len(said), 0) = 0" if spoken else "")
    events = [
        Event(
            {"timestamp": "moment", "native": "'ticket opened'", "touchpoint": "'ticket_opened'",
             "actor": "actor", **shared},
            withdrawn=BARRED,
        ),
        Event(
            {"timestamp": "moment + to_seconds(60 * replied::DOUBLE)", "native": "'ticket answered'",
             "touchpoint": "'ticket_answered'", "actor": "'company'", "wait_s": "60 * replied::DOUBLE",
             "precision": "60", **shared},
            when=f"replied IS NOT NULL AND {unknown}", withdrawn=BARRED,
        ),
        Event(
            {"timestamp": "solved::TIMESTAMP", "native": "'ticket solved'", "touchpoint": "'ticket_solved'",
             "actor": "'company'", **shared},
            when="solved IS NOT NULL AND audited IS NULL AND historied IS NULL",
            withdrawn=f"coalesce({BARRED}, {MERGED})",
        ),
        *spoken,
    ]  # fmt: skip
    columns = [*_ticket_columns(), *([Column("said", "nested", path="j.comments")] if spoken else [])]
    return Feed(
        "tickets", inputs, columns, keep, identifiers, key=("id",),
        version='coalesce(epoch("_fivetran_synced"), generated_timestamp, epoch(updated_at))',
        asides=[("status = 'deleted'", "deleted in Zendesk"), *GONE], events=events, clock=parts.clock,
        lookups=[
            ASKER, AUDITED,
            Lookup("ticket_metrics", {"ticket": "ticket"}, {"solved": "solved", "replied": "replied"}),
            Lookup("ticket_comments", {"ticket": "ticket"}, {"commented": "there"}),
            Lookup("ticket_field_history", {"ticket": "ticket"}, {"historied": "there"}),
            TAGGED,
        ],
        structure=structure(inputs, _TICKET), wrapped=("tickets",),
    )  # fmt: skip


_COMMENT = plain("id", "author_id", "public", "created_at")
_SAID = (
    f"list_transform(said::STRUCT({', '.join(f'{name} VARCHAR' for name in _COMMENT)})[], lambda c: "
    f"{{'id': c.id, 'author_id': {whom('c.author_id')}, 'public': c.public, 'created_at': c.created_at}})"
)
_TICKET: dict[str, Any] = {
    **plain(
        "id", "requester_id", "submitter_id", "organization_id", "status", "priority", "type", "created_at",
        "updated_at", "generated_timestamp", "is_public",
    ),
    "tags": [_TEXT],
    "via": {"channel": _TEXT, "source": {"rel": _TEXT, "from": {"address": _TEXT, "phone": _TEXT}}},
    "requester": plain("id", "email", "phone"),
    "comments": [_COMMENT],
    **FIVETRAN,
}  # fmt: skip


def _comment() -> Event:
    """A comment inside a ticket, as the account's export has them; the first one is the ticket's description.

    Who wrote it is known as a number alone: whoever did not ask is taken for the company.
    """
    theirs = "each.author_id = requester"
    return Event(
        {
            "timestamp": utc("each.created_at"), "channel": "channel", "properties": "properties",
            "native": f"CASE WHEN {theirs} THEN 'ticket replied' ELSE 'ticket answered' END",
            "touchpoint": f"CASE WHEN {theirs} THEN 'ticket_replied' ELSE 'ticket_answered' END",
            "actor": f"CASE WHEN {theirs} THEN 'customer' ELSE 'company' END",
        },
        when="coalesce(each.public, 'true') = 'true' AND audited IS NULL "
        f"AND ({utc('each.created_at')} > moment) IS DISTINCT FROM FALSE",
        withdrawn=f"coalesce({BARRED}, CASE WHEN {utc('each.created_at')} IS NULL "
        "THEN 'a comment without a time that can be read' END)",
        each="said", id="coalesce(each.id, CAST(place AS VARCHAR))",
    )  # fmt: skip


def _ticket_columns() -> list[Column]:
    return [
        Column("id", needed=True, filled=True),
        Column("requester_id", needed=True, path="coalesce(j.requester_id, j.requester.id)"),
        Column("submitter_id"),
        Column("organization_id"),
        Column("status"),
        Column("priority"),
        Column("type"),
        Column("created_at", "time", needed=True, filled=True),
        Column("updated_at", "time"),
        Column("generated_timestamp", "number"),
        Column("is_public", "flag"),
        Column("tags", path="array_to_string(j.tags, ' ')"),
        Column("via_channel", path="j.via.channel"),
        Column("from_address", aliases=("via_source_from_address",), path='j.via.source."from".address'),
        Column("from_phone", path='j.via.source."from".phone'),
        Column("via_rel", aliases=("via_source_rel",), path="j.via.source.rel"),
        Column("requester_email", path="j.requester.email"),
        Column("requester_phone", path="j.requester.phone"),
        *SYNCED,
    ]


def metrics(parts: Parts, inputs: Sequence[Input]) -> Feed:
    """What Zendesk computed of a ticket: looked up where no history is there."""
    return Feed(
        "ticket_metrics", inputs,
        [
            Column("id", filled=True), Column("ticket_id", needed=True, filled=True),
            Column("solved_at", "time"), Column("updated_at", "time"),
            Column("reply_minutes", "number", aliases=("reply_time_in_minutes_calendar",),
                   path="j.reply_time_in_minutes.calendar"),
            *SYNCED,
        ],
        {"ticket": "pseudonym(ticket_id)", "solved": "solved_at", "replied": "reply_minutes"}, [],
        key=("id",), version='coalesce("_fivetran_synced", updated_at)', asides=GONE, clock=parts.clock,
        reference=True,
        structure=structure(
            inputs,
            {**plain("id", "ticket_id", "solved_at", "updated_at"), **FIVETRAN,
             "reply_time_in_minutes": plain("calendar")},
        ),
        wrapped=("ticket_metrics",),
    )  # fmt: skip


def tags(parts: Parts, inputs: Sequence[Input]) -> Feed:
    """Fivetran's tags of tickets, of which one is of use: the one that a merge leaves."""
    return Feed(
        "ticket_tags", inputs,
        [Column("ticket_id", needed=True, filled=True), Column("tag", aliases=("tags",)), *SYNCED],
        {"ticket": "pseudonym(ticket_id)", "tag": "tag"}, [], key=("ticket_id", "tag"),
        version='"_fivetran_synced"',
        asides=[*GONE, ("tag IS DISTINCT FROM 'closed_by_merge'", "a tag that is not read")],
        clock=parts.clock, reference=True,
        structure=structure(inputs, {**plain("ticket_id", "tag"), **FIVETRAN}), wrapped=("ticket_tags",),
    )  # fmt: skip


def ratings(parts: Parts, inputs: Sequence[Input]) -> Feed:
    """Ratings: good or bad; offered ones were not answered."""
    texts = ("ticket_id", "requester_id", "score", "reason", "comment")
    answered = "(score LIKE 'good%' OR score LIKE 'bad%')"
    keep = {
        "ticket": "pseudonym(ticket_id)", "requester": whom("requester_id"), "score": "score",
        "answered": "score", "answered_ticket": f"CASE WHEN {answered} THEN pseudonym(ticket_id) END",
        "moment": f"CASE WHEN {answered} THEN coalesce(updated_at, created_at) ELSE created_at END",
        "satisfaction": "CASE WHEN score LIKE 'good%' THEN 1 WHEN score LIKE 'bad%' THEN 0 END",
        "properties": json_text({"score": "score", "reason": "reason"}),
    }  # fmt: skip
    if parts.comments:
        keep[KEPT_COLUMN] = f'CASE WHEN {answered} THEN "comment" END'
    rated = {"timestamp": "moment", "channel": "'survey'", "properties": "properties"}
    return Feed(
        "satisfaction_ratings", inputs,
        [
            Column("id", needed=True, filled=True), *map(Column, texts),
            Column("created_at", "time", needed=True, filled=True), Column("updated_at", "time"), *SYNCED,
        ],
        keep,
        [("zendesk_user", "requester_id"), ("zendesk_ticket", "ticket_id")],
        key=("id",), version='coalesce("_fivetran_synced", updated_at)',
        asides=[*GONE, ("score = 'unoffered'", "a rating that nobody was asked for")],
        events=[
            Event(
                {**rated, "native": "'rating offered'", "touchpoint": "'survey_sent'", "actor": "'company'"},
                when="score = 'offered'",
                withdrawn=f"coalesce({BARRED}, CASE WHEN told IS NOT NULL THEN 'told by the audits too' END)",
            ),
            Event(
                {**rated, "native": "'rating ' || split_part(score, '_', 1)",
                 "touchpoint": "'survey_answered'", "satisfaction": "satisfaction"},
                when="satisfaction IS NOT NULL", withdrawn=BARRED,
            ),
        ],
        clock=parts.clock, comment=parts.comments,
        lookups=[
            ASKER, Lookup("tickets", {"ticket": "ticket"}, {"hidden": "hidden"}),
            Lookup("ticket_audits", {"ticket": "offered_ticket"}, {"told": "there"}),
        ],
        structure=structure(inputs, {**plain("id", *texts, "created_at", "updated_at"), **FIVETRAN}),
        wrapped=("satisfaction_ratings",),
    )  # fmt: skip
