"""Amazon Connect: contact records (formerly CTR), each with the steps of a call, a chat or an email.

After "Data model for Amazon Connect contact records", "Contact initiation methods and flow types", "Identify
conferences and transfers", "What counts as a failed callback attempt" and "Metrics example for a queued
callback" of the administrator guide. Records know no moment of a hold, and no voicemail of Amazon's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from cjmining.errors import SourceError, shorten
from cjmining.ingest.database import identifier
from cjmining.ingest.readers import Dialect, Records
from cjmining.ingest.sources import connect_steps
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import (
    Column,
    Event,
    Feed,
    Input,
    Source,
    as_kinds,
    as_paths,
    files_in,
    slip_of,
)
from cjmining.ingest.sources.columns import json_text

_TEXT = "VARCHAR"
_FILES, _LOOKED_AT = 5, 1_000
"""Files, and records of each, in which attributes are looked for."""
_GUIDE = "https://docs.aws.amazon.com/connect/latest/adminguide/"
_HOW = (
    "CASE WHEN method = 'OUTBOUND' THEN 'outbound' "
    "WHEN method IN ('TRANSFER', 'QUEUE_TRANSFER') AND previous IS NOT NULL THEN 'transferred' "
    "WHEN enqueued IS NOT NULL AND connected IS NULL THEN 'abandoned' "
    "WHEN connected IS NOT NULL THEN 'answered' ELSE 'self-service' END"
)
_MEDIUM = "CASE channel WHEN 'VOICE' THEN 'call' ELSE lower(channel) END"
_WAITED = "coalesce(waited, (epoch_us(coalesce(connected, ended)) - epoch_us(enqueued)) / 1e6)"


class AmazonConnect(Source):
    """Contact records of Amazon Connect: calls, chats, messages and emails.

    A contact becomes its steps: queued, answered or abandoned (failed), held, transferred, ended, each with
    its wait and duration; what was served without a person, what the company dialled (failed where nobody was
    reached), callbacks that were asked for. When a hold began is not recorded: it stands at the answer, with
    the time in which it must lie as its precision. Records are delivered at least once; the newest
    LastUpdateTimestamp of a ContactId counts.

    Parameters
    ----------
    path : path or list of paths
        A folder, a zip archive or files: .json or .jsonl (also .gz) with one record a line, one after the
        other or in a list, or .parquet; names as Amazon writes them, or in lower case as Athena and Glue do.
    name : str
        What the log calls the source.
    attributes : {attribute: kind}, optional
        Contact attributes that identify a customer; default: `email`, `phone`, `cookie`, `user_id`.
    region : str, optional
        Country of phone numbers without country code, such as "DE".
    steps : bool
        Whether a contact becomes all its steps. False: one event at its start, named by what became of it
        (`call_answered`, `call_abandoned`, `call_self_served`, `call_transferred`, `call_made`), with its
        wait and the duration of the whole contact.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.AmazonConnect("exports/calls", region="DE")
    AmazonConnect(name='calls')
    """

    kind: ClassVar[str] = "AmazonConnect"
    default_zone: ClassVar[str] = "UTC"
    about: ClassVar[About] = About(
        system="Amazon Connect",
        layouts=(
            Layout(
                "contact records", ".json or .jsonl files (also .gz), one contact record a line or after the "
                "other, as Firehose writes them to S3",
                ("ContactId", "InitiationMethod", "InitiationTimestamp"),
            ),
            Layout(
                "Athena or Glue", "the same with lower-case names, .json or .parquet",
                ("contactid", "initiationmethod", "initiationtimestamp"),
            ),
        ),
        needs="ContactId, Channel, InitiationTimestamp",
        natural_key="ContactId, newest LastUpdateTimestamp",
        times="UTC, to the second; a hold lies between answer and end",
        touchpoints=(
            Default("VOICE queued", "call_queued", channel="phone"),
            Default("VOICE answered", "call_answered", channel="phone", failed="false"),
            Default(
                "VOICE abandoned", "call_abandoned", channel="phone", failed="true",
                note="queued, but no agent, and no further contact; the company's where a flow ended it",
            ),
            Default("VOICE held", "call_held", actor="company", channel="phone"),
            Default("VOICE transferred", "call_transferred", actor="company", channel="phone",
                    note="by an agent; the system's from queue to queue"),
            Default("VOICE transferred out", "call_transferred", actor="company", channel="phone"),
            Default("VOICE ended", "call_ended", channel="phone", failed="true where the connection broke",
                    note="by whoever hung up, as DisconnectReason says"),
            Default("VOICE self-service", "call_self_served", channel="phone"),
            Default("VOICE outbound", "call_made", actor="company", channel="phone",
                    failed="whether nobody was reached"),
            Default("VOICE callback requested", "callback_requested", channel="phone"),
            Default("VOICE called back", "call_made", actor="company", channel="phone",
                    failed="whether nobody was reached"),
            Default("CHAT queued, answered ...", "chat_answered", channel="chat",
                    note="chats alike: chat_queued, chat_abandoned, ..."),
            Default("CHAT of subtype SMS or WhatsApp", "message_answered", channel="sms or social"),
            Default("EMAIL received", "email_received", channel="email"),
            Default("EMAIL sent", "email_sent", actor="company", channel="email"),
        ),
        identifiers=("phone", "email", "crm_id", "user_id", "call_contact", "by attributes=: any"),
        measures=(
            "wait_s: in the queue, on hold, or for a callback",
            (
                "duration_s: in the queue, with the agent, on hold, of the self-service; of a call made from "
                "its dialling on, of a callback from when an agent took it"
            ),
        ),
        dimensions=("campaign: Campaign.CampaignId", "session: the first contact of a chain of transfers"),
        failed="abandoned in the queue; nobody reached; the connection broke",
        robots="tasks, supervisors who listen, calls to third parties and consultations between agents are "
        "set aside or withdrawn; who withholds the number stays unknown",
        documentation=tuple(
            f"{_GUIDE}{page}.html"
            for page in (
                "ctr-data-model", "contact-initiation-methods", "identify-conferences-transfers",
                "queued-callback-example", "failed-callback-attempt",
            )
        ),
        checked="by hand against the documentation, and the queued callback against its worked example; no "
        "free sample of real records is known",
    )  # fmt: skip

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "calls",
        attributes: Mapping[str, str] | None = None,
        region: str | None = None,
        steps: bool = True,
    ) -> None:
        super().__init__(name=name, region=region)
        self.timezone_given = True  # times say that they are UTC
        self._path = path
        given = {"email": "email", "phone": "phone", "cookie": "cookie", "user_id": "user_id"}
        self._asked = as_kinds(attributes, "attributes", name)
        self._attributes = given if attributes is None else self._asked
        if not isinstance(steps, bool):
            raise SourceError(f"source {name!r}: steps is True or False, not {steps!r}")
        self._steps = steps

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the records."""
        what = f"source {self.name!r}"
        inputs = files_in(as_paths(self._path, what), (".json", ".jsonl", ".ndjson", ".parquet", ".pq"), what)
        inputs = self._noted(inputs, what)
        keep, events = (connect_steps.KEPT, connect_steps.steps()) if self._steps else _as_one()
        return [
            Feed(
                "contacts", inputs, self._columns(), keep, self._identifiers(),
                key=("contact",), version="updated",
                checks=[("ended < started", "DisconnectTimestamp lies before InitiationTimestamp")],
                asides=[
                    ("channel = 'TASK'", "a task, no contact with the customer"),
                    ("method = 'MONITOR'", "a supervisor who listened"),
                    ("method = 'EXTERNAL_OUTBOUND'", "a call of an agent to a third party"),
                ],
                events=events, lookups=connect_steps.LOOKUPS if self._steps else (),
                clock=self.clock(), structure=json.dumps(self._structure()),
            )
        ]  # fmt: skip

    def _noted(self, inputs: Sequence[Input], what: str) -> list[Input]:
        """Say which attributes asked for are in none of the records looked at; refuse slips."""
        texts = [each for each in inputs if each.format == "json"][:_FILES]
        if not self._asked or len(texts) < len(inputs[:_FILES]):
            return list(inputs)
        seen = dict.fromkeys(name for each in texts for name in _attributes_in(each))
        missing = [name for name in self._asked if name.lower() not in {each.lower() for each in seen}]
        for name in missing:
            meant = slip_of(name, [each for each in seen if each not in self._asked])
            if meant:
                raise SourceError(f"{what}: no contact has the attribute {name!r}, did you mean {meant!r}?")
        if not missing or not seen:
            return list(inputs)
        note = (
            f"{what}: none of the contacts looked at has the attribute{'s' * (len(missing) > 1)} "
            f"{shorten([repr(each) for each in missing])}; attributes found: {shorten(list(seen), 20)}"
        )
        return [replace(inputs[0], note=note), *inputs[1:]]

    def _structure(self) -> dict[str, object]:
        plain = (
            "ContactId", "InitialContactId", "PreviousContactId", "NextContactId", "Channel",
            "InitiationMethod", "InitiationTimestamp", "ConnectedToSystemTimestamp", "DisconnectTimestamp",
            "DisconnectReason", "LastUpdateTimestamp", "TransferCompletedTimestamp", "CustomerId",
            "AnsweringMachineDetectionStatus",
        )  # fmt: skip
        agent = (
            "ConnectedToAgentTimestamp", "NumberOfHolds", "CustomerHoldDuration", "LongestHoldDuration",
            "AfterContactWorkStartTimestamp",
        )  # fmt: skip
        queue = ("Name", "EnqueueTimestamp", "DequeueTimestamp", "Duration")
        return {
            **dict.fromkeys(plain, _TEXT),
            "CustomerEndpoint": {"Address": _TEXT, "Type": _TEXT},
            "TransferredToEndpoint": {"Address": _TEXT, "Type": _TEXT},
            "Agent": dict.fromkeys(agent, _TEXT),
            "Queue": dict.fromkeys(queue, _TEXT),
            "Campaign": {"CampaignId": _TEXT},
            "SegmentAttributes": {"connect:Subtype": {"ValueString": _TEXT}},
            "Attributes": dict.fromkeys(self._attributes, _TEXT) or {"nothing": _TEXT},
        }

    def _columns(self) -> list[Column]:
        return [
            Column("contact", filled=True, path="j.ContactId"),
            Column("initial", path="j.InitialContactId"),
            Column("previous", path="j.PreviousContactId"),
            Column("next", path="j.NextContactId"),
            Column("channel", filled=True, path="upper(j.Channel)"),
            Column("subtype", path='j.SegmentAttributes."connect:Subtype".ValueString'),
            Column("method", path="upper(j.InitiationMethod)"),
            Column("started", "time", filled=True, path="j.InitiationTimestamp"),
            Column("reached", "time", path="j.ConnectedToSystemTimestamp"),
            Column("ended", "time", path="j.DisconnectTimestamp"),
            Column("handed_on", "time", path="j.TransferCompletedTimestamp"),
            Column("reason_of_end", path="j.DisconnectReason"),
            Column("answering_machine", path="j.AnsweringMachineDetectionStatus"),
            Column("updated", "time", path="j.LastUpdateTimestamp"),
            Column("customer_id", path="j.CustomerId"),
            Column("address", path="j.CustomerEndpoint.Address"),
            Column("out_address", path="j.TransferredToEndpoint.Address"),
            Column("out_type", path="j.TransferredToEndpoint.Type"),
            Column("connected", "time", path="j.Agent.ConnectedToAgentTimestamp"),
            Column("after_work", "time", path="j.Agent.AfterContactWorkStartTimestamp"),
            Column("holds", "number", path="j.Agent.NumberOfHolds"),
            Column("held", "number", path="j.Agent.CustomerHoldDuration"),
            Column("longest", "number", path="j.Agent.LongestHoldDuration"),
            Column("enqueued", "time", path="j.Queue.EnqueueTimestamp"),
            Column("dequeued", "time", path="j.Queue.DequeueTimestamp"),
            Column("queue", path="j.Queue.Name"),
            Column("waited", "number", path="j.Queue.Duration"),
            Column("campaign", path="j.Campaign.CampaignId"),
            *(
                Column(f"attribute {name}", path=f"j.Attributes.{identifier(name)}")
                for name in self._attributes
            ),
        ]

    def _identifiers(self) -> list[tuple[str, str]]:
        looks_crm = "regexp_matches(customer_id, '^(003|00Q)[a-zA-Z0-9]{12}([a-zA-Z0-9]{3})?$')"
        in_chain = "coalesce(previous, next, nullif(initial, contact)) IS NOT NULL"
        return [
            ("email", "CASE WHEN contains(address, '@') THEN address END"),
            (self.phone(), "CASE WHEN NOT contains(address, '@') THEN address END"),
            ("crm_id", f"CASE WHEN {looks_crm} THEN customer_id END"),
            ("user_id", f"CASE WHEN NOT {looks_crm} THEN customer_id END"),
            # a contact that belongs to no chain needs no link, and would only make the identities large
            ("call_contact", f"CASE WHEN {in_chain} THEN contact END"),
            ("call_contact", f"CASE WHEN {in_chain} THEN previous END"),
            ("call_contact", f"CASE WHEN {in_chain} THEN next END"),
            ("call_contact", f"CASE WHEN {in_chain} THEN initial END"),
            *(
                (self.phone() if kind == "phone" else kind, identifier(f"attribute {name}"))
                for name, kind in self._attributes.items()
            ),
        ]


def _attributes_in(given: Input) -> list[str]:
    """Return the attributes that the first records of a file have."""
    found: dict[str, None] = {}
    for line in Records(given, Dialect(), lines=True).first_lines(_LOOKED_AT):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            told = record.get("Attributes", record.get("attributes"))
            found.update(dict.fromkeys(told if isinstance(told, dict) else ()))
    return list(found)


def _as_one() -> tuple[Mapping[str, str], list[Event]]:
    """One event for each contact, at its start: what is kept, and the event."""
    touchpoint = (
        f"{_MEDIUM} || CASE {_HOW} WHEN 'outbound' THEN '_made' WHEN 'self-service' THEN '_self_served' "
        f"ELSE '_' || {_HOW} END"
    )
    keep = {
        "moment": "started",
        "native": f"channel || ' ' || {_HOW}",
        "touchpoint": touchpoint,
        "medium": "CASE channel WHEN 'VOICE' THEN 'phone' ELSE lower(channel) END",
        "actor": "CASE WHEN method = 'OUTBOUND' THEN 'company' ELSE 'customer' END",
        "failed": f"CASE {_HOW} WHEN 'abandoned' THEN TRUE WHEN 'answered' THEN FALSE END",
        "wait_s": f"CASE WHEN enqueued IS NOT NULL THEN {_WAITED} END",
        "duration_s": "(epoch_us(ended) - epoch_us(started)) / 1e6",
        "properties": json_text({"Queue.Name": "queue", "DisconnectReason": "reason_of_end"}),
    }
    same = ("native", "touchpoint", "actor", "failed", "wait_s", "duration_s", "properties")
    return keep, [Event({"timestamp": "moment", "channel": "medium"} | {name: name for name in same})]
