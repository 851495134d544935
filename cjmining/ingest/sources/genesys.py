"""Genesys Cloud: details of conversations, as the analytics API writes them.

After the models AnalyticsConversation, AnalyticsParticipant, AnalyticsSession, AnalyticsConversationSegment,
AnalyticsSessionMetric, AnalyticsFlow and AnalyticsSurvey of the platform's SDK (which name the fields and the
words of media, segments and disconnects), and "Metric definitions" and "What do abandons include" of the
resource center. Metrics are in milliseconds and carry the moment at which they were emitted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from cjmining.ingest.database import identifier
from cjmining.ingest.sources import genesys_steps
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Source, as_kinds, as_paths, files_in

_TEXT = "VARCHAR"
_CLOSED = "ended IS NOT NULL"
_OUTBOUND = "coalesce(direction = 'outbound', FALSE)"
_ADDRESS = (
    "CASE WHEN s.mediaType = 'callback' THEN s.callbackNumbers[1] "
    "WHEN s.mediaType IN ('email', 'message') THEN CASE WHEN s.direction = 'outbound' "
    "THEN coalesce(s.addressTo, s.addressSelf) ELSE coalesce(s.addressFrom, s.addressSelf) END "
    "WHEN s.direction = 'outbound' THEN s.dnis ELSE s.ani END"
)
_NUMBER_OF_SIP = r"nullif(regexp_extract(replace(x, '%2B', '+'), '(?i)^sips?:([+]?[0-9]{5,15})[@;]', 1), '')"
_THEIRS = (
    "CASE WHEN len(list_filter(j.participants, lambda p: p.purpose = 'customer')) > 0 "
    "THEN list_filter(j.participants, lambda p: p.purpose = 'customer') "
    "ELSE list_filter(j.participants, lambda p: p.purpose = 'external')[1:1] END"
)
_SESSIONS = f"flatten(list_transform({_THEIRS}, lambda p: p.sessions))"
_MEDIUM = (
    "CASE WHEN each.media IN ('voice', 'callback', 'video') THEN 'phone' "
    "WHEN each.message = 'sms' THEN 'sms' "
    "WHEN each.message IN ('facebook', 'twitter', 'line', 'whatsapp', 'instagram', 'apple') THEN 'social' "
    "WHEN each.media IN ('email', 'survey') THEN each.media ELSE 'chat' END"
)
_WORD = (
    "CASE WHEN each.media IN ('voice', 'callback', 'video') THEN 'call' WHEN each.media = 'message' "
    "THEN 'message' ELSE 'chat' END"
)
_TOUCHPOINT = (
    "CASE WHEN each.media = 'survey' THEN 'survey_' || each.what "
    "WHEN each.what = 'voicemail' THEN 'voicemail_left' "
    "WHEN each.what = 'requested' THEN 'callback_requested' "
    "WHEN each.what = 'received' THEN 'email_received' WHEN each.what = 'replied' THEN 'email_sent' "
    "WHEN each.what = 'outbound' AND each.media = 'email' THEN 'email_sent' "
    "WHEN each.what = 'outbound' AND each.message = 'sms' THEN 'sms_sent' "
    f"ELSE {_WORD} || CASE each.what WHEN 'self-service' THEN '_self_served' WHEN 'outbound' THEN '_made' "
    "WHEN 'flow-out' THEN '_transferred' ELSE '_' || each.what END END"
)


class Genesys(Source):
    """Conversations of Genesys Cloud: calls, chats, messages, emails and callbacks, with their surveys.

    A conversation becomes its steps: queued, answered or abandoned (failed), held, handed on by an agent or
    by the queue's flow, ended; served by a flow alone; voicemails, callbacks asked for; what the company
    dialled (failed where nobody was reached); emails received and answered; surveys with their score. A
    conversation that is asked for again has grown: the one that tells of the latest moment counts.

    Parameters
    ----------
    path : path or list of paths
        A folder, a zip archive or files: .json or .jsonl (also .gz), with the pages of a query or a job
        (`{"conversations": [...]}`) or with one conversation a line, or .parquet with the same nesting.
    name : str
        What the log calls the source.
    attributes : {attribute: kind}, optional
        Participants' attributes that identify a customer, such as {"customerNumber": "user_id"}.
    region : str, optional
        Country of phone numbers without country code, such as "DE".

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Genesys("exports/genesys", attributes={"customerNumber": "user_id"})
    Genesys(name='calls')
    """

    kind: ClassVar[str] = "Genesys"
    default_zone: ClassVar[str] = "UTC"
    about: ClassVar[About] = About(
        system="Genesys Cloud",
        layouts=(
            Layout(
                "pages", ".json files (also .gz) with pages of conversation details",
                ("conversations",), ("conversations",),
            ),
            Layout(
                "conversations", ".json or .jsonl files with one conversation a line, or .parquet",
                ("conversationId", "conversationStart", "participants"),
            ),
        ),
        needs="conversationId, conversationStart, participants",
        natural_key="conversationId; the one that tells of the latest moment, then of the most segments",
        times="UTC, to the millisecond",
        touchpoints=(
            Default("voice queued", "call_queued", channel="phone", note="the queue's session (acd)"),
            Default("voice answered", "call_answered", channel="phone", failed="false"),
            Default("voice abandoned", "call_abandoned", channel="phone", failed="true",
                    note="metric tAbandon"),
            Default("voice held", "call_held", actor="company", channel="phone"),
            Default("voice transferred", "call_transferred", actor="company", channel="phone"),
            Default("voice flow-out", "call_transferred", actor="system", channel="phone",
                    note="left the queue without an answer (metric tFlowOut)"),
            Default("voice ended", "call_ended", channel="phone", failed="true after an error",
                    note="by whoever hung up, as disconnectType says"),
            Default("voice self-service", "call_self_served", channel="phone",
                    note="a flow and nobody after it"),
            Default("voice outbound", "call_made", actor="company", channel="phone",
                    failed="whether nobody was reached"),
            Default("voice voicemail", "voicemail_left", channel="phone"),
            Default("callback requested", "callback_requested", channel="phone"),
            Default("chat queued, answered ...", "chat_answered", channel="chat", note="chats alike"),
            Default("message queued, answered ...", "message_answered", channel="chat, sms or social"),
            Default("message outbound of type sms", "sms_sent", actor="company", channel="sms"),
            Default("email received", "email_received", channel="email"),
            Default("email replied, outbound", "email_sent", actor="company", channel="email"),
            Default("survey sent", "survey_sent", actor="company", channel="survey"),
            Default("survey answered", "survey_answered", channel="survey"),
        ),
        identifiers=("phone", "email", "genesys_contact", "cookie", "by attributes=: any"),
        measures=(
            "wait_s: in the queue, on hold, for the callback, for the answer to an email",
            (
                "duration_s: in the queue, in the flow, with the agent, on hold; of a call made from its "
                "dialling on, or from the answer where no segment tells of the dialling"
            ),
            "satisfaction: a survey's total score of 100, else its promoter score of 10",
        ),
        dimensions=("campaign: outboundCampaignId", "session: the conversation"),
        failed="abandoned in the queue; nobody reached; the connection broke",
        robots="conversations between agents alone and agents' consultations of each other are left out",
        documentation=(
            "https://developer.genesys.cloud/analyticsdatamanagement/analytics/detail/conversation-query",
            "https://github.com/MyPureCloud/platform-client-sdk-python/tree/master/build/docs",
            "https://help.mypurecloud.com/articles/metric-definitions",
            "https://help.mypurecloud.com/faqs/what-do-abandons-include-in-genesys-cloud/",
        ),
        checked="by hand against the documented models and the layout of the published blueprint's "
        "conversation; no free sample of real conversations is known",
    )  # fmt: skip

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "calls",
        attributes: Mapping[str, str] | None = None,
        region: str | None = None,
    ) -> None:
        super().__init__(name=name, region=region)
        self.timezone_given = True  # times say that they are UTC
        self._path = path
        self._attributes = as_kinds(attributes, "attributes", name)

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the conversations."""
        what = f"source {self.name!r}"
        inputs = files_in(as_paths(self._path, what), (".json", ".jsonl", ".ndjson", ".parquet", ".pq"), what)
        newest = f"({genesys_steps.newest('participants', 'surveys')}) AT TIME ZONE 'UTC'"
        keep = {
            "moment": "started",
            "conversation": "pseudonym(conversation)",
            "steps": genesys_steps.all_steps("participants", "surveys", outbound=_OUTBOUND, closed=_CLOSED),
        }
        return [
            Feed(
                "conversations", inputs, self._columns(), keep, self._identifiers(), key=("conversation",),
                version=f"strftime(greatest(ended, {newest}), '%Y-%m-%dT%H:%M:%S.%f') "
                f"|| lpad(CAST({genesys_steps.segments('participants')} AS VARCHAR), 12, ' ')",
                asides=[("nobody", "a conversation between agents alone")],
                events=[_step()], clock=self.clock(), structure=json.dumps(self._structure()),
                wrapped=("conversations",),
            )
        ]  # fmt: skip

    def _structure(self) -> dict[str, object]:
        session = {
            **_as_text(json.loads(genesys_steps.PARTICIPANTS)[0]["sessions"][0]),
            **dict.fromkeys(("ani", "dnis", "addressFrom", "addressTo", "addressSelf"), _TEXT),
            **dict.fromkeys(("journeyCustomerId", "journeyCustomerIdType"), _TEXT),
            "callbackNumbers": [_TEXT],
        }
        participant = {
            "purpose": _TEXT,
            "externalContactId": _TEXT,
            "attributes": dict.fromkeys(self._attributes, _TEXT) or {"nothing": _TEXT},
            "sessions": [session],
        }
        plain = ("conversationId", "conversationStart", "conversationEnd", "originatingDirection")
        surveys = _as_text(json.loads(genesys_steps.SURVEYS))
        return {**dict.fromkeys(plain, _TEXT), "participants": [participant], "surveys": surveys}

    def _columns(self) -> list[Column]:
        addresses = f"list_transform({_SESSIONS}, lambda s: {_ADDRESS})"
        mails = f"list_filter({addresses}, lambda x: regexp_matches(x, '^[^@:]+@[^@]+$'))[1]"
        numbers = (
            f"list_filter(list_transform({addresses}, lambda x: CASE WHEN regexp_matches(x, '(?i)^sips?:') "
            f"THEN {_NUMBER_OF_SIP} WHEN NOT contains(x, '@') AND regexp_matches(x, '(?i)^tel:|^[+(0-9]') "
            "THEN split_part(regexp_replace(x, '(?i)^tel:', ''), ';', 1) END), lambda x: x IS NOT NULL)[1]"
        )
        cookies = (
            f"list_filter({_SESSIONS}, lambda s: s.journeyCustomerIdType = 'cookie')[1].journeyCustomerId"
        )
        attributes = (
            Column(
                f"attribute {name}",
                path="list_filter(list_transform(j.participants, "
                f"lambda p: p.attributes.{identifier(name)}), lambda x: x IS NOT NULL)[1]",
            )
            for name in self._attributes
        )
        return [
            Column("conversation", filled=True, path="j.conversationId"),
            Column("started", "time", filled=True, path="j.conversationStart"),
            Column("ended", "time", path="j.conversationEnd"),
            Column("direction", path="lower(j.originatingDirection)"),
            Column("participants", filled=True, path="CAST(to_json(j.participants) AS VARCHAR)"),
            Column("surveys", path="CAST(to_json(j.surveys) AS VARCHAR)"),
            Column("nobody", "flag", path=f"CAST(len({_THEIRS}) = 0 AS VARCHAR)"),
            Column("email", path=mails),
            Column("phone", path=numbers),
            Column("cookie", path=cookies),
            Column("contact", path=f"list_filter(list_transform({_THEIRS}, lambda p: p.externalContactId), "
                   "lambda x: x IS NOT NULL)[1]"),
            *attributes,
        ]  # fmt: skip

    def _identifiers(self) -> list[tuple[str, str]]:
        return [
            ("email", "email"),
            (self.phone(), "phone"),
            ("genesys_contact", "contact"),
            ("cookie", "cookie"),
            *(
                (self.phone() if kind == "phone" else kind, identifier(f"attribute {name}"))
                for name, kind in self._attributes.items()
            ),
        ]


def _step() -> Event:
    """What each step of a conversation becomes."""
    unknown = "CASE WHEN each.at IS NULL THEN 'a step without a time that can be read' END"
    return Event(
        {
            "timestamp": "each.at AT TIME ZONE 'UTC'", "native": "each.media || ' ' || each.what",
            "touchpoint": _TOUCHPOINT, "channel": _MEDIUM, "actor": "each.side", "failed": "each.failed",
            "wait_s": "each.wait",
            "duration_s": "CASE WHEN each.until >= each.at "
            "THEN (epoch_us(each.until) - epoch_us(each.at)) / 1e6 END",
            "satisfaction": "each.satisfaction", "campaign": "each.campaign", "session": "conversation",
            "properties": "each.told",
        },
        each="steps",
        id="concat_ws(' ', each.what, each.session, each.at)",
        withdrawn=unknown,
    )  # fmt: skip


def _as_text(structure: Any) -> Any:  # noqa: ANN401 -- types, nested in lists and objects
    """Return the same structure with every value a text."""
    if isinstance(structure, dict):
        return {name: _as_text(value) for name, value in structure.items()}
    return [_as_text(each) for each in structure] if isinstance(structure, list) else _TEXT
