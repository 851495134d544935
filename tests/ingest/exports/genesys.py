# ruff: noqa: E501 -- native records are as long as they are
"""Genesys Cloud: pages of conversation details, or one conversation a line; some grown since the page before."""

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

Told = dict[str, object]


def write(folder: Path, rng: random.Random, records: int) -> None:
    conversations = [_conversation(rng) for _ in range(records)]
    if rng.random() < 0.5:
        size = rng.randint(3, 20)
        for number, start in enumerate(range(0, records, size)):
            page = {"conversations": conversations[start : start + size], "totalHits": records}
            text = json.dumps(page, ensure_ascii=False, indent=rng.choice((None, 1)))
            writing.put(folder / f"conversations_{number}.json", text, rng)
    else:
        lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in conversations)
        writing.put(folder / "conversations.jsonl", lines, rng)


def read(folder: Path) -> Source:
    return cj.sources.Genesys(folder, region="DE", attributes={"customerNumber": "user_id"})


def _conversation(rng: random.Random) -> Told:
    start, media = writing.moment(rng), rng.choice(("voice", "voice", "chat", "message", "email", "callback"))
    queued = start + timedelta(seconds=rng.randrange(90))
    answered = queued + timedelta(seconds=rng.randrange(600))
    end = answered + timedelta(seconds=rng.randrange(900))
    customer = writing.token(rng, 12)
    address = f"+4930{writing.token(rng, 8, '123456789')}"
    outbound = rng.random() < 0.15
    direction = "outbound" if outbound else "inbound"
    theirs: Told = {
        "ani": f"tel:{address}", "dnis": f"tel:{address}", "addressFrom": writing.email(rng),
        "callbackNumbers": [address], "messageType": rng.choice(("sms", "whatsapp", "webmessaging")),
        "journeyCustomerId": writing.token(rng, 10), "journeyCustomerIdType": "cookie",
    }  # fmt: skip
    waited = int((answered - queued).total_seconds() * 1000)
    out = rng.choice(("tAbandon", "tFlowOut", "tAcd", "tAcd"))
    participants = [
        _participant("customer", _session(customer, media, direction, [_segment("interact", start, end, "endpoint")], **theirs),
                     attributes={"customerNumber": f"C{writing.token(rng, 6)}"}),
        _participant("ivr", _session(writing.token(rng, 12), media, "inbound", [_segment("ivr", start, queued, "transfer")],
                                     peerId=customer, flow={"flowName": writing.phrase(rng, 2)})),
        _participant("acd", _session(writing.token(rng, 12), media, "inbound", [_segment("interact", queued, answered, "transfer")],
                                     peerId=customer, metrics=[_metric(out, waited, answered)])),
    ]  # fmt: skip
    if out == "tAcd":
        middle = answered + (end - answered) / 2
        talk = [
            _segment("interact", answered, middle),
            _segment("hold", middle, end, rng.choice(("peer", "transfer"))),
        ]
        participants.append(
            _participant("agent", _session(writing.token(rng, 12), media, direction, talk, peerId=customer,
                                           metrics=[_metric("tAnswered", waited, answered)]))
        )  # fmt: skip
    told: Told = {
        "conversationId": writing.token(rng, 24), "conversationStart": _time(start),
        "originatingDirection": direction, "participants": participants,
    }  # fmt: skip
    if rng.random() < 0.9:
        told["conversationEnd"] = _time(end)
    if rng.random() < 0.2:
        told["surveys"] = [
            {"surveyId": writing.token(rng, 8), "surveyStatus": "Finished", "eventTime": _time(end),
             "surveyCompletedDate": _time(end + timedelta(hours=1)), "oSurveyTotalScore": rng.randrange(101)}
        ]  # fmt: skip
    return told


def _participant(purpose: str, session: Told, **more: object) -> Told:
    return {"participantId": session["sessionId"], "purpose": purpose, "sessions": [session], **more}


def _session(id_: str, media: str, direction: str, segments: list[Told], **more: object) -> Told:
    return {"sessionId": id_, "mediaType": media, "direction": direction, "segments": segments, **more}


def _segment(kind: str, start: datetime, end: datetime, disconnect: str | None = None) -> Told:
    told: Told = {
        "segmentType": kind,
        "segmentStart": _time(start),
        "segmentEnd": _time(end),
        "queueId": "q-1",
    }
    return told | ({"disconnectType": disconnect} if disconnect else {})


def _metric(name: str, value: int, at: datetime) -> Told:
    return {"name": name, "value": value, "emitDate": _time(at)}


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
