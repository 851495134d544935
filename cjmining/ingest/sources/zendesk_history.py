"""Feeds of Zendesk that say what happened to tickets: audits, comments, changes of fields, metric events."""

from __future__ import annotations

from collections.abc import Sequence

from cjmining.ingest.sources.base import Column, Event, Feed, Input, Lookup
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.zendesk_tickets import (
    ASKER,
    AUDITED,
    AUTHOR,
    BARRED,
    FIVETRAN,
    GONE,
    MERGED,
    SYNCED,
    SYSTEM,
    TAGGED,
    THERE,
    TICKET,
    Parts,
    channel,
    plain,
    structure,
    whom,
)

_STEPS = (
    "list_transform(events, lambda e: {'id': e.id, 'type': e.type, 'field_name': e.field_name, "
    "'value': CASE WHEN e.field_name IN ('status', 'satisfaction_score') THEN e.value END, "
    "'previous_value': CASE WHEN e.field_name = 'status' THEN e.previous_value END, 'public': e.public, "
    f"'author_id': {whom('e.author_id')}, 'via': e.via, 'data': e.data}})"
)
"""What events are made of; other values may name people."""
_REPLY = Lookup("ticket_metric_events", {"ticket": "ticket", "moment": "replied_at"}, {"waited": "minutes"})
_COMMENT = {
    "touchpoint": "CASE WHEN {author} = requester THEN 'ticket_replied' ELSE 'ticket_answered' END",
    "native": "CASE WHEN {author} = requester THEN 'ticket replied' ELSE 'ticket answered' END",
    "actor": f"CASE WHEN {{author}} = requester THEN 'customer' WHEN {{author}} = '{SYSTEM}' THEN 'system' "
    "ELSE 'company' END",
}
_SOMEBODY = (
    "CASE WHEN {author} <> requester AND author_kind IN ('end-user', 'suspended') AND {author} = author "
    "THEN 'by somebody else than who asked' END"
)
_STATUS = "CASE {value} WHEN 'solved' THEN 'solved' WHEN 'closed' THEN 'closed' ELSE 'reopened' END"


def audits(parts: Parts, inputs: Sequence[Input]) -> Feed:
    """Each update of a ticket with its events: comments, changes of status, the rating asked for.

    The audit that created the ticket has its description as a comment, which is no reply. An audit also
    tells that two users were merged: the requester changes through `user_merge`.
    """
    created = "len(list_filter(events, lambda e: e.type = 'Create')) > 0"
    of_requester = "list_filter(events, lambda e: e.field_name = 'requester_id' AND {0})[1]"
    merge = of_requester.format("coalesce(e.via.channel, via_channel) IN ('user_merge', '25')")
    asked = "e.field_name = 'satisfaction_score' AND e.value = 'offered'"
    offered = f"len(list_filter(events, lambda e: {asked})) > 0"
    asker = of_requester.format("e.type = 'Create'")
    keep = {
        "ticket": "pseudonym(ticket_id)", "there": THERE, "moment": "created_at", "author": whom("author_id"),
        "steps": _STEPS,
        "own_channel": channel("via_channel"), "created": f"CASE WHEN {created} THEN 'true' END",
        "by_rule": "CASE WHEN via_channel IN ('rule', '8') THEN 'true' END",
        "note": "CASE WHEN via_rel = 'merge' OR via_channel IN ('merge', '19') THEN 'true' END",
        "offered_ticket": f"CASE WHEN {offered} THEN pseudonym(ticket_id) END",
        "first_asker": whom(f"{asker}.value"),
    }  # fmt: skip
    return Feed(
        "ticket_audits", inputs,
        [
            Column("id", filled=True), Column("ticket_id", needed=True, filled=True), Column("author_id"),
            Column("created_at", "time", needed=True, filled=True),
            Column("via_channel", path="j.via.channel"), Column("via_rel", path="j.via.source.rel"),
            Column("events", "nested", path="j.events"),
        ],
        keep,
        [
            ("zendesk_ticket", "ticket_id"),
            ("zendesk_user", f"{merge}.value"), ("zendesk_user", f"{merge}.previous_value"),
        ],
        key=("id",), events=[_opened(), _comment(), _status(), _asked_to_rate()],
        clock=parts.clock,
        lookups=[
            TICKET, ASKER, AUTHOR, TAGGED, _REPLY,
            Lookup("satisfaction_ratings", {"ticket": "answered_ticket"}, {"rated": "answered"}),
        ],
        structure=structure(
            inputs,
            {
                **plain("id", "ticket_id", "author_id", "created_at"),
                "via": {"channel": "VARCHAR", "source": {"rel": "VARCHAR"}},
                "events": [
                    {
                        **plain("id", "type", "field_name", "value", "previous_value", "public", "author_id"),
                        "via": plain("channel"), "data": plain("call_duration"),
                    }
                ],
            },
        ),
        wrapped=("audits", "ticket_audits"),
    )  # fmt: skip


def _opened() -> Event:
    """The ticket's opening, where the ticket itself was not exported."""
    return Event(
        {
            "timestamp": "moment", "native": "'ticket opened'", "touchpoint": "'ticket_opened'",
            "channel": "own_channel",
            "actor": "CASE WHEN coalesce(first_asker, author) = author THEN 'customer' ELSE 'company' END",
        },
        when="created = 'true' AND known IS NULL",
    )  # fmt: skip


def _comment() -> Event:
    author = "coalesce(each.author_id, author)"
    said = {name: sql.format(author=author) for name, sql in _COMMENT.items()}
    theirs = f"{author} = requester"
    return Event(
        {
            "timestamp": "moment", **said,
            "channel": f"CASE WHEN each.type = 'VoiceComment' THEN 'phone' WHEN {theirs} "
            f"THEN coalesce({channel('each.via.channel')}, own_channel) "
            "ELSE coalesce(medium, own_channel) END",
            "wait_s": f"CASE WHEN NOT ({theirs}) THEN 60 * waited::DOUBLE END",
            "duration_s": "TRY_CAST(each.data.call_duration AS DOUBLE)",
        },
        when="each.type IN ('Comment', 'VoiceComment', 'FacebookComment') AND created IS NULL "
        "AND coalesce(each.public, 'true') = 'true' AND requester IS NOT NULL",
        withdrawn=f"coalesce({BARRED}, CASE WHEN note = 'true' THEN 'a note of a merge' END, "
        f"{_SOMEBODY.format(author=author)})",
        each="steps", id="coalesce(each.id, CAST(place AS VARCHAR))",
    )  # fmt: skip


def _status() -> Event:
    told = _STATUS.format(value="each.value")
    return Event(
        {
            "timestamp": "moment", "native": f"'ticket ' || {told}", "touchpoint": f"'ticket_' || {told}",
            "actor": "CASE WHEN coalesce(each.via.channel, '') IN ('rule', '8') OR by_rule = 'true' "
            f"OR author = '{SYSTEM}' THEN 'system' WHEN author = requester THEN 'customer' "
            "ELSE 'company' END",
            "channel": "coalesce(medium, own_channel)",
        },
        when="each.field_name = 'status' AND each.type IN ('Create', 'Change') AND (each.value IN "
        "('solved', 'closed') OR (each.previous_value = 'solved' AND each.value <> 'deleted'))",
        withdrawn=f"coalesce({BARRED}, CASE WHEN each.value IN ('solved', 'closed') THEN {MERGED} END)",
        each="steps", id="coalesce(each.id, CAST(place AS VARCHAR))",
    )  # fmt: skip


def _asked_to_rate() -> Event:
    """Ratings asked for; and given, where the ratings themselves do not tell it."""
    return Event(
        {
            "timestamp": "moment", "native": "'rating ' || each.value", "channel": "'survey'",
            "touchpoint": "CASE each.value WHEN 'offered' THEN 'survey_sent' ELSE 'survey_answered' END",
            "actor": "CASE each.value WHEN 'offered' THEN 'company' ELSE 'customer' END",
            "satisfaction": "CASE each.value WHEN 'good' THEN 1 WHEN 'bad' THEN 0 END",
            "properties": json_text({"score": "nullif(each.value, 'offered')"}),
        },
        when="each.field_name = 'satisfaction_score' AND (each.value = 'offered' "
        "OR (each.value IN ('good', 'bad') AND rated IS NULL))",
        withdrawn=BARRED,
        each="steps", id="coalesce(each.id, CAST(place AS VARCHAR))",
    )  # fmt: skip


def comments(parts: Parts, inputs: Sequence[Input]) -> Feed:
    """Fivetran's comments, of which the one at the ticket's opening is its description."""
    said = {name: sql.format(author="author") for name, sql in _COMMENT.items()}
    event = Event(
        {
            "timestamp": "moment", **said,
            "wait_s": "CASE WHEN author <> requester THEN 60 * waited::DOUBLE END",
            "channel": "CASE WHEN voice = 'true' THEN 'phone' ELSE medium END", "duration_s": "duration",
        },
        when="public = 'true' AND audited IS NULL AND requester IS NOT NULL "
        "AND (opened_at IS NULL OR moment > opened_at::TIMESTAMP)",
        withdrawn=f"coalesce({BARRED}, {_SOMEBODY.format(author='author')})",
    )  # fmt: skip
    return Feed(
        "ticket_comments", inputs,
        [
            Column("id", needed=True, filled=True), Column("ticket_id", needed=True, filled=True),
            Column("user_id", aliases=("author_id",)),
            Column("created", "time", needed=True, filled=True, aliases=("created_at",)),
            Column("public", "flag"), Column("voice_comment", "flag"), Column("call_duration", "number"),
            *SYNCED,
        ],
        {
            "ticket": "pseudonym(ticket_id)", "there": THERE, "moment": "created", "author": whom("user_id"),
            "duration": "call_duration",
            "public": "CASE WHEN public THEN 'true' END", "voice": "CASE WHEN voice_comment THEN 'true' END",
        },
        [("zendesk_ticket", "ticket_id")],
        key=("id",), version='"_fivetran_synced"', asides=GONE, events=[event], clock=parts.clock,
        lookups=[TICKET, ASKER, AUTHOR, AUDITED, _REPLY],
        structure=structure(
            inputs,
            {**plain("id", "ticket_id", "user_id", "created", "public", "voice_comment", "call_duration"),
             **FIVETRAN},
        ),
        wrapped=("ticket_comments", "comments"),
    )  # fmt: skip


def field_history(parts: Parts, inputs: Sequence[Input]) -> Feed:
    """Fivetran's history of fields, of which the status is read."""
    told = _STATUS.format(value="status")
    before = "lag(status) OVER (PARTITION BY ticket ORDER BY moment, sequence)"
    event = Event(
        {
            "timestamp": "moment", "channel": "medium",
            "native": f"'ticket ' || {told}", "touchpoint": f"'ticket_' || {told}",
            "actor": "CASE WHEN author = requester OR (author IS NULL AND status NOT IN ('solved', "
            f"'closed')) THEN 'customer' WHEN author = '{SYSTEM}' OR (author IS NULL AND status = 'closed') "
            "THEN 'system' ELSE 'company' END",
        },
        when="audited IS NULL",
        withdrawn=f"coalesce({BARRED}, CASE WHEN status IN ('solved', 'closed') THEN "
        f"coalesce(CASE WHEN status = {before} THEN 'no change of the status' END, {MERGED}) "
        f"WHEN {before} IS DISTINCT FROM 'solved' THEN 'a status that is no touchpoint' END)",
    )  # fmt: skip
    return Feed(
        "ticket_field_history", inputs,
        [
            Column("ticket_id", needed=True, filled=True), Column("field_name", needed=True, filled=True),
            Column("updated", "time", needed=True, filled=True), Column("value"), Column("user_id"), *SYNCED,
        ],
        {
            "ticket": "pseudonym(ticket_id)", "there": THERE, "moment": "updated",
            "status": "CASE WHEN field_name = 'status' THEN value END",
            "author": whom("user_id"),
        },
        [("zendesk_ticket", "ticket_id")],
        key=("ticket_id", "field_name", "updated"), version='"_fivetran_synced"',
        asides=[*GONE, ("field_name <> 'status'", "a change of a field that is not read")],
        events=[event], clock=parts.clock, lookups=[TICKET, ASKER, AUDITED, TAGGED],
        structure=structure(
            inputs, {**plain("ticket_id", "field_name", "updated", "value", "user_id"), **FIVETRAN}
        ),
        wrapped=("ticket_field_history",),
    )  # fmt: skip


def metric_events(parts: Parts, inputs: Sequence[Input]) -> Feed:
    """Promises of a service level that were broken; and how long an answer took."""
    event = Event(
        {
            "timestamp": "moment", "native": "metric || ' breached'", "touchpoint": "'promise_broken'",
            "actor": "'company'", "failed": "TRUE", "channel": "medium", "properties": "properties",
        },
        when="type = 'breach'",
        withdrawn=f"coalesce(CASE WHEN deleted = 'true' THEN 'a breach that was taken back' END, {BARRED})",
    )  # fmt: skip
    replied = "metric = 'reply_time' AND type = 'update_status'"
    return Feed(
        "ticket_metric_events", inputs,
        [
            Column("id", needed=True, filled=True), Column("ticket_id", needed=True, filled=True),
            Column("metric"), Column("type"), Column("instance_id"),
            Column("time", "time", needed=True, filled=True), Column("deleted", "flag"),
            Column("minutes", "number", aliases=("status_calendar",), path='j."status".calendar'), *SYNCED,
        ],
        {
            "ticket": "pseudonym(ticket_id)", "moment": '"time"', "metric": "metric", "type": '"type"',
            "deleted": "CASE WHEN deleted THEN 'true' END", "minutes": "minutes",
            "replied_at": f"CASE WHEN {replied} THEN \"time\" END",
            "properties": json_text({"metric": "metric", "instance": "instance_id"}),
        },
        [("zendesk_ticket", "ticket_id")],
        key=("id",), version='"_fivetran_synced"', asides=GONE, events=[event], clock=parts.clock,
        lookups=[TICKET, ASKER],
        structure=structure(
            inputs,
            {**plain("id", "ticket_id", "metric", "type", "instance_id", "time", "deleted"),
             "status": plain("calendar"), **FIVETRAN},
        ),
        wrapped=("ticket_metric_events",),
    )  # fmt: skip
