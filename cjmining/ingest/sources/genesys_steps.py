"""What a conversation of Genesys Cloud tells, step by step, as SQL over its sessions.

Each participant tells a conversation from its own side: the customer's session runs from first to last beside
the IVR's, the queue's (acd) and the agents'. Waiting is told by the queue, answering, holding and handing on
by the agents, reaching somebody by the customer's own session; nothing is taken from two sides. Sessions
that agents open to ask each other (whose peer is an agent's session) are no contact with the customer.
"""

from __future__ import annotations

import json

from cjmining.ingest.database import literal

_TEXT, _TIME, _NUMBER = "VARCHAR", "TIMESTAMPTZ", "DOUBLE"
_SEGMENT = {
    "segmentStart": _TIME, "segmentEnd": _TIME, "segmentType": _TEXT, "disconnectType": _TEXT,
    "queueId": _TEXT, "wrapUpCode": _TEXT,
}  # fmt: skip
_METRIC = {"name": _TEXT, "value": _NUMBER, "emitDate": _TIME}
_FLOW = {"flowName": _TEXT, "exitReason": _TEXT}
_SESSION = {
    "sessionId": _TEXT, "peerId": _TEXT, "mediaType": _TEXT, "messageType": _TEXT, "direction": _TEXT,
    "outboundCampaignId": _TEXT, "dispositionName": _TEXT, "flowOutType": _TEXT, "flow": _FLOW,
    "segments": [_SEGMENT], "metrics": [_METRIC],
}  # fmt: skip
PARTICIPANTS = json.dumps([{"purpose": _TEXT, "sessions": [_SESSION]}])
SURVEYS = json.dumps([
    {
        "surveyId": _TEXT, "surveyFormName": _TEXT, "surveyStatus": _TEXT, "eventTime": _TIME,
        "surveyCompletedDate": _TIME, "surveyPromoterScore": _TEXT, "oSurveyTotalScore": _TEXT,
    }
])  # fmt: skip

_TRANSFERS = (
    "'transfer', 'consultTransfer', 'conferenceTransfer', 'forwardTransfer', 'noAnswerTransfer', "
    "'notAvailableTransfer', 'dndTransfer'"
)
# of a session `s`:
_AGENT = "s.purpose IN ('agent', 'user')"
_CUSTOMER = "s.purpose IN ('customer', 'external')"
_LIVE = "s.media IN ('voice', 'video', 'chat', 'webchat', 'message')"
_WORKED = "list_filter(s.segments, lambda g: g.segmentType <> 'wrapup')"
_FIRST = "list_min(list_transform(s.segments, lambda g: g.segmentStart))"
_LAST = f"list_max(list_transform({_WORKED}, lambda g: g.segmentEnd))"
_TALKED = "list_filter(s.segments, lambda g: g.segmentType = 'interact')"
_ANSWERED = f"list_min(list_transform({_TALKED}, lambda g: g.segmentStart))"
_END = f"list_filter({_WORKED}, lambda g: g.disconnectType IS NOT NULL)[-1].disconnectType"
_QUEUE = "list_filter(s.segments, lambda g: g.queueId IS NOT NULL)[-1].queueId"
# of the conversation's sessions `c`:
_AGENTS = f"list_filter(c, lambda s: {_AGENT} AND {_LIVE} AND {_ANSWERED} IS NOT NULL)"
_QUEUED = f"s.purpose = 'acd' AND {_LIVE}"
_CALLBACKS = "list_filter(c, lambda s: s.media = 'callback')"
_SPOKEN = "s.media IN ('voice', 'video')"
_CALLED_THEM = f"list_filter(c, lambda s: {_CUSTOMER} AND s.direction = 'outbound' AND {_SPOKEN})"
_CALLED_BACK = (
    f"CASE WHEN len({_CALLBACKS}) > 0 AND len({_CALLED_THEM}) = 0 "
    f"THEN list_filter(c, lambda s: {_AGENT} AND s.direction = 'outbound' AND {_SPOKEN}) ELSE [] END"
)
"""Agents' sessions of a callback's calls, where the customer has none of them."""


def all_steps(participants: str, surveys: str, *, outbound: str, closed: str) -> str:
    """SQL: the list of a conversation's steps, from the JSON texts of its participants and surveys.

    `outbound` and `closed` say whether the company began it and whether it has ended. A step is a struct:
    what, side, at, until, wait, failed, session, media, message, campaign, satisfaction, told.
    """
    sessions = (
        "flatten(list_transform(p, lambda q: list_transform(q.sessions, lambda s: {"
        "'purpose': q.purpose, 'id': s.sessionId, 'peer': s.peerId, 'media': s.mediaType, "
        "'message': s.messageType, 'direction': s.direction, 'campaign': s.outboundCampaignId, "
        "'disposition': s.dispositionName, 'out': s.flowOutType, 'flow': s.flow, "
        "'segments': coalesce(s.segments, []), 'metrics': coalesce(s.metrics, [])})))"
    )
    # an agent whom another one asks has that one's session as peer; unless the customer was then handed on
    asking = (
        "list_filter(every, lambda a: a.purpose IN ('agent', 'user') AND coalesce(list_filter(a.segments, "
        "lambda g: g.disconnectType IS NOT NULL)[-1].disconnectType, '') "
        "NOT IN ('consultTransfer', 'conferenceTransfer'))"
    )
    serving = (
        f"list_filter(every, lambda s: {_CUSTOMER} OR NOT coalesce(list_contains("
        f"list_transform({asking}, lambda a: a.id), s.peer), FALSE))"
    )
    called = f"({outbound} OR len({_CALLBACKS}) > 0)"
    # steps of one moment keep this order: handed on, then queued again
    pieces = [
        *_dialled(called),
        *_alone(closed),
        *_handed_on(),
        *_queued(closed),
        *_talked(closed),
        *_written(),
    ]
    every = _let("p", _transformed(participants, PARTICIPANTS), sessions)
    told = _let("c", _let("every", every, serving), f"list_concat({', '.join(pieces)})")
    return f"list_concat(coalesce({told}, []), coalesce({_surveyed(surveys)}, []))"


def newest(participants: str, surveys: str) -> str:
    """SQL: the last moment that a conversation's sessions and surveys tell of."""
    told = (
        "flatten(list_transform(p, lambda q: flatten(list_transform(q.sessions, lambda s: list_concat("
        "flatten(list_transform(coalesce(s.segments, []), lambda g: [g.segmentStart, g.segmentEnd])), "
        "list_transform(coalesce(s.metrics, []), lambda m: m.emitDate))))))"
    )
    sessions = _let("p", _transformed(participants, PARTICIPANTS), told)
    answered = _let("v", _transformed(surveys, SURVEYS), "list_transform(v, lambda a: a.surveyCompletedDate)")
    return f"list_max(list_concat(coalesce({sessions}, []), coalesce({answered}, [])))"


def segments(participants: str) -> str:
    """SQL: how many segments a conversation has."""
    counted = (
        "list_sum(list_transform(p, lambda q: coalesce(list_sum(list_transform(q.sessions, "
        "lambda s: coalesce(len(s.segments), 0))), 0)))"
    )
    return f"coalesce({_let('p', _transformed(participants, PARTICIPANTS), counted)}, 0)"


def _dialled(called: str) -> list[str]:
    """Calls, messages and emails that the company began; whom a machine answered was not reached."""
    called_them = f"CASE WHEN {called} THEN {_CALLED_THEM} ELSE [] END"
    unreached = (
        "CASE WHEN s.disposition LIKE '%.person' THEN FALSE WHEN s.disposition IS NOT NULL THEN TRUE "
        f"WHEN {_ANSWERED} IS NOT NULL THEN FALSE WHEN {_LAST} IS NOT NULL THEN TRUE END"
    )
    asked = f"list_min(list_transform({_CALLBACKS}, lambda s: {_FIRST}))"
    return [
        _steps(
            f"list_concat({called_them}, {_CALLED_BACK})",
            "outbound", "company", _FIRST, until=_LAST, failed=unreached,
            wait=f"CASE WHEN s.campaign IS NULL THEN {_seconds(asked, _FIRST)} END",
            told=_told({"dispositionName": "s.disposition", "disconnectType": _END}),
        ),
        _steps(
            f"list_filter(c, lambda s: {_CUSTOMER} AND s.direction = 'outbound' AND {called} "
            "AND s.media IN ('message', 'chat', 'webchat', 'email'))",
            "outbound", "company", _FIRST,
        ),
    ]  # fmt: skip


def _alone(closed: str) -> list[str]:
    """Flows that nobody followed, and callbacks asked for; a campaign's preview is none."""
    nobody = "len(list_filter(c, lambda a: a.purpose IN ('acd', 'agent', 'user', 'voicemail'))) = 0"
    return [
        _steps(
            f"list_filter(c, lambda s: s.purpose IN ('ivr', 'botflow', 'workflow') AND {_LIVE} AND {nobody} "
            f"AND {closed} AND coalesce(s.direction, 'inbound') <> 'outbound')[1:1]",
            "self-service", "customer", _FIRST, until=_LAST,
            told=_told(
                {"flow": "s.flow.flowName", "exitReason": "s.flow.exitReason", "disconnectType": _END}
            ),
        ),
        _steps(
            "list_filter(c, lambda s: s.media = 'callback' AND s.purpose IN ('customer', 'acd') "
            "AND s.campaign IS NULL)[1:1]",
            "requested", "customer", _FIRST,
        ),
    ]  # fmt: skip


def _handed_on() -> list[str]:
    """Handed on by an agent, or by the queue's flow before anybody answered."""
    return [
        _steps(
            f"list_filter({_AGENTS}, lambda s: {_END} IN ({_TRANSFERS}))", "transferred", "company", _LAST,
            told=_told({"queueId": _QUEUE, "disconnectType": _END}),
        ),
        _steps(
            f"list_filter(c, lambda s: {_QUEUED} AND {_metric('tFlowOut')} IS NOT NULL)",
            "flow-out", "system", _emitted("tFlowOut"), wait=_metric("tFlowOut"),
            told=_told({"queueId": _QUEUE, "flowOutType": "s.out"}),
        ),
    ]  # fmt: skip


def _queued(closed: str) -> list[str]:
    """The queue's sessions, those that nobody answered, and voicemails."""
    abandoned = (
        f"({_metric('tAbandon')} IS NOT NULL OR (len(s.metrics) = 0 AND {closed} "
        f"AND coalesce({_END}, '') NOT IN ({_TRANSFERS})))"
    )
    return [
        _steps(
            f"list_filter(c, lambda s: {_QUEUED})", "queued", "customer", _FIRST, until=_LAST,
            told=_told({"queueId": _QUEUE}),
        ),
        _steps(
            f"list_filter(c, lambda s: {_QUEUED} AND {abandoned})",
            "abandoned", "customer", f"coalesce({_emitted('tAbandon')}, {_LAST})", failed="TRUE",
            wait=f"coalesce({_metric('tAbandon')}, {_seconds(_FIRST, _LAST)})",
            told=_told({"queueId": _QUEUE, "disconnectType": _END}),
        ),
        _steps(
            "list_filter(c, lambda s: s.purpose = 'voicemail' OR (s.purpose NOT IN ('agent', 'user') AND "
            "len(list_filter(s.segments, lambda g: g.segmentType = 'voicemail')) > 0))[1:1]",
            "voicemail", "customer", _FIRST, until=_LAST,
        ),
    ]  # fmt: skip


def _talked(closed: str) -> list[str]:
    """Answered by agents and put on hold; and the end, as the customer's own session tells it."""
    queues = f"list_transform(list_filter(c, lambda s: s.purpose = 'acd'), lambda s: {_FIRST})"
    waited = _seconds(f"list_max(list_filter({queues}, lambda t: t <= began))", "began")
    holds = (
        f"flatten(list_transform({_AGENTS}, lambda a: list_transform(list_filter(a.segments, lambda g: "
        "g.segmentType = 'hold'), lambda g: {'id': a.id, 'media': a.media, 'message': a.message, "
        "'campaign': a.campaign, 'began': g.segmentStart, 'over': g.segmentEnd, 'queue': g.queueId})))"
    )
    theirs = f"list_filter(c, lambda s: {_CUSTOMER} AND {_LIVE} AND {_LAST} IS NOT NULL)"
    last = (
        f"CASE WHEN {closed} AND len({_AGENTS}) > 0 "
        f"THEN coalesce(nullif({_CALLED_BACK}, []), nullif({theirs}, []), {_AGENTS})[-1:-1] ELSE [] END"
    )
    # of the two sides of a call, the peer is the other one
    own, other = (
        "CASE WHEN {0} THEN 'customer' ELSE 'company' END",
        "CASE WHEN {0} THEN 'company' ELSE 'customer' END",
    )
    ended_by = (
        f"CASE WHEN {_END} = 'peer' THEN {other.format(_CUSTOMER)} "
        f"WHEN {_END} IN ('endpoint', 'client') THEN {own.format(_CUSTOMER)} ELSE 'system' END"
    )
    wrapped_up = (
        "list_filter(flatten(list_transform(list_filter(c, lambda a: a.purpose IN ('agent', 'user')), "
        "lambda a: a.segments)), lambda g: g.wrapUpCode IS NOT NULL)[-1].wrapUpCode"
    )
    return [
        _steps(
            f"list_filter({_AGENTS}, lambda s: coalesce(s.direction, 'inbound') <> 'outbound')",
            "answered", "customer", _ANSWERED, until=_LAST, failed="FALSE",
            wait=f"coalesce({_metric('tAnswered')}, {_let('began', _ANSWERED, waited)})",
            told=_told({"queueId": _QUEUE}),
        ),
        _steps(
            holds, "held", "company", "s.began", until="s.over", wait=_seconds("s.began", "s.over"),
            told=_told({"queueId": "s.queue"}),
        ),
        _steps(
            last, "ended", "", _LAST, side_sql=ended_by,
            failed=f"CASE WHEN {_END} IN ('error', 'transportFailure') THEN TRUE END",
            told=_told({"disconnectType": _END, "wrapUpCode": wrapped_up}),
        ),
    ]  # fmt: skip


def _written() -> list[str]:
    """Emails of the customer, and what agents answered."""
    replies = (
        "flatten(list_transform(list_filter(c, lambda a: a.purpose IN ('agent', 'user') "
        "AND a.media = 'email'), lambda a: list_transform(list_filter(a.metrics, "
        "lambda m: m.name = 'tAgentResponseTime'), lambda m: "
        "{'id': a.id, 'media': a.media, 'message': a.message, 'campaign': a.campaign, "
        "'sent': m.emitDate, 'waited': m.value / 1000})))"
    )
    return [
        _steps(
            f"list_filter(c, lambda s: {_CUSTOMER} AND s.media = 'email' "
            "AND coalesce(s.direction, 'inbound') = 'inbound')",
            "received", "customer", _FIRST,
        ),
        _steps(replies, "replied", "company", "s.sent", wait="s.waited"),
    ]  # fmt: skip


def _surveyed(surveys: str) -> str:
    """Surveys about the conversation: sent, and answered with their score."""
    inside = "CASE WHEN TRY_CAST({0} AS DOUBLE) BETWEEN 0 AND {1} THEN TRY_CAST({0} AS DOUBLE) / {1} END"
    scores = (("s.oSurveyTotalScore", 100), ("s.surveyPromoterScore", 10))
    score = ", ".join(inside.format(sql, most) for sql, most in scores)
    named = (
        "list_transform(v, lambda a: {'id': a.surveyId, 'media': 'survey', 'message': NULL::VARCHAR, "
        "'campaign': NULL::VARCHAR, 'sent': a.eventTime, 'done': a.surveyCompletedDate, "
        "'status': a.surveyStatus, "
        "'form': a.surveyFormName, 'oSurveyTotalScore': a.oSurveyTotalScore, "
        "'surveyPromoterScore': a.surveyPromoterScore})"
    )
    native = {
        "surveyForm": "s.form", "oSurveyTotalScore": "s.oSurveyTotalScore",
        "surveyPromoterScore": "s.surveyPromoterScore",
    }  # fmt: skip
    sent = "list_filter(w, lambda s: s.status <> 'Pending' AND s.sent IS DISTINCT FROM s.done)"
    pieces = [
        _steps(sent, "sent", "company", "s.sent", told=_told({"surveyForm": "s.form"})),
        _steps(
            "list_filter(w, lambda s: s.done IS NOT NULL)", "answered", "customer", "s.done",
            satisfaction=f"coalesce({score})", told=_told(native),
        ),
    ]  # fmt: skip
    answers = _let("w", named, f"list_concat({', '.join(pieces)})")
    return _let("v", _transformed(surveys, SURVEYS), answers)


def _steps(
    sessions: str,
    what: str,
    side: str,
    at: str,
    *,
    until: str = "NULL",
    wait: str = "NULL",
    failed: str = "NULL",
    satisfaction: str = "NULL",
    told: str = "NULL",
    side_sql: str = "",
) -> str:
    """SQL: a step for each of the sessions `s`."""
    return (
        f"list_transform({sessions}, lambda s: {{'what': {literal(what)}, "
        f"'side': {side_sql or literal(side)}, 'at': {at}, 'until': ({until})::TIMESTAMPTZ, "
        f"'wait': ({wait})::DOUBLE, 'failed': ({failed})::BOOLEAN, "
        f"'session': s.id, 'media': s.media, 'message': s.message, 'campaign': s.campaign, "
        f"'satisfaction': ({satisfaction})::DOUBLE, 'told': ({told})::VARCHAR}})"
    )


def _let(name: str, value: str, body: str) -> str:
    """SQL: `body` with `name` standing for `value`, which is computed once."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def _transformed(text: str, structure: str) -> str:
    return f"json_transform({text}, {literal(structure)})"


def _metric(name: str) -> str:
    """SQL: seconds of a session's metric, which is in milliseconds."""
    return f"list_filter(s.metrics, lambda m: m.name = '{name}')[1].value / 1000"


def _emitted(name: str) -> str:
    return f"list_filter(s.metrics, lambda m: m.name = '{name}')[1].emitDate"


def _seconds(start: str, end: str) -> str:
    return f"CASE WHEN {end} >= {start} THEN (epoch_us({end}) - epoch_us({start})) / 1e6 END"


def _told(fields: dict[str, str]) -> str:
    """SQL: JSON text of what else is known; NULL fields are left out by the merge."""
    parts = ", ".join(f"{literal(name)}: {sql}" for name, sql in fields.items())
    return f"nullif(CAST(json_merge_patch('{{}}', to_json({{{parts}}})) AS VARCHAR), '{{}}')"
