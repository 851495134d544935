"""Amazon Connect: contact records (formerly CTR) as JSON lines; one contact is one event."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from cjmining.errors import SourceError
from cjmining.ingest.database import identifier
from cjmining.ingest.sources.base import Column, Event, Feed, Source, as_paths, files_in
from cjmining.ingest.sources.columns import json_text

_TEXT = "VARCHAR"
_HOW = (
    "CASE WHEN method = 'OUTBOUND' THEN 'outbound' "
    "WHEN method IN ('TRANSFER', 'QUEUE_TRANSFER') AND previous IS NOT NULL THEN 'transferred' "
    "WHEN enqueued IS NOT NULL AND connected IS NULL THEN 'abandoned' "
    "WHEN connected IS NOT NULL THEN 'answered' ELSE 'self-service' END"
)
_MEDIUM = "CASE channel WHEN 'VOICE' THEN 'call' ELSE lower(channel) END"
_WAITED = "coalesce(waited, (epoch_us(coalesce(connected, ended)) - epoch_us(enqueued)) / 1e6)"


class AmazonConnect(Source):
    """Contact records of Amazon Connect: calls and chats.

    A contact is one event at its start: `call_answered`, `call_abandoned` (queued, but no agent; failed),
    `call_self_served`, `call_transferred`, `call_made` (outbound), and the same for chats, with its wait and
    duration. Records are delivered at least once; the newest LastUpdateTimestamp of a ContactId counts.

    Parameters
    ----------
    path : path or list of paths
        A folder of .json or .jsonl files (also .gz), or such files; one record a line, or one after the
        other.
    name : str
        What the log calls the source.
    attributes : {attribute: kind}, optional
        Contact attributes that identify a customer; default: `email`, `phone`, `cookie`, `user_id`.
    region : str, optional
        Country of phone numbers without country code, such as "DE".

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.AmazonConnect("exports/calls", region="DE")
    AmazonConnect(name='calls')
    """

    kind: ClassVar[str] = "AmazonConnect"
    reads: ClassVar[str] = "a folder of .json or .jsonl files (also .gz), one contact record a line"
    needs: ClassVar[str] = "ContactId, Channel, InitiationTimestamp"
    natural_key: ClassVar[str] = "ContactId, newest LastUpdateTimestamp"
    default_zone: ClassVar[str] = "UTC"

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
        given = {"email": "email", "phone": "phone", "cookie": "cookie", "user_id": "user_id"}
        self._attributes = given if attributes is None else dict(attributes)
        if not all(isinstance(kind, str) for kind in self._attributes.values()):
            raise SourceError(f"source {name!r}: attributes is {{attribute: kind}}, not {attributes!r}")

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the records."""
        what = f"source {self.name!r}"
        inputs = files_in(as_paths(self._path, what), (".json", ".jsonl", ".ndjson"), what)
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
        event = Event({"timestamp": "moment", "channel": "medium"} | {
            name: name
            for name in ("native", "touchpoint", "actor", "failed", "wait_s", "duration_s", "properties")
        })  # fmt: skip
        return [
            Feed(
                "contacts", inputs, self._columns(), keep, self._identifiers(),
                key=("contact",), version="updated",
                checks=[("ended < started", "DisconnectTimestamp lies before InitiationTimestamp")],
                asides=[("channel = 'TASK'", "a task, no contact with the customer")],
                events=[event], clock=self.clock(), structure=json.dumps(self._structure()),
            )
        ]  # fmt: skip

    def _structure(self) -> dict[str, object]:
        plain = (
            "ContactId", "PreviousContactId", "Channel", "InitiationMethod", "InitiationTimestamp",
            "DisconnectTimestamp", "DisconnectReason", "LastUpdateTimestamp", "CustomerId",
        )  # fmt: skip
        return {
            **dict.fromkeys(plain, _TEXT),
            "CustomerEndpoint": {"Address": _TEXT, "Type": _TEXT},
            "Agent": {"ConnectedToAgentTimestamp": _TEXT},
            "Queue": {"Name": _TEXT, "EnqueueTimestamp": _TEXT, "Duration": _TEXT},
            "Attributes": dict.fromkeys(self._attributes, _TEXT) or {"": _TEXT},
        }

    def _columns(self) -> list[Column]:
        return [
            Column("contact", filled=True, path="j.ContactId"),
            Column("previous", path="j.PreviousContactId"),
            Column("channel", filled=True, path="upper(j.Channel)"),
            Column("method", path="upper(j.InitiationMethod)"),
            Column("started", "time", filled=True, path="j.InitiationTimestamp"),
            Column("ended", "time", path="j.DisconnectTimestamp"),
            Column("reason_of_end", path="j.DisconnectReason"),
            Column("updated", "time", path="j.LastUpdateTimestamp"),
            Column("customer_id", path="j.CustomerId"),
            Column("address", path="j.CustomerEndpoint.Address"),
            Column("connected", "time", path="j.Agent.ConnectedToAgentTimestamp"),
            Column("enqueued", "time", path="j.Queue.EnqueueTimestamp"),
            Column("queue", path="j.Queue.Name"),
            Column("waited", "number", path="j.Queue.Duration"),
            *(
                Column(f"attribute {name}", path=f"j.Attributes.{identifier(name)}")
                for name in self._attributes
            ),
        ]

    def _identifiers(self) -> list[tuple[str, str]]:
        looks_crm = "regexp_matches(customer_id, '^(003|00Q)[a-zA-Z0-9]{12}([a-zA-Z0-9]{3})?$')"
        return [
            ("email", "CASE WHEN contains(address, '@') THEN address END"),
            (self.phone(), "CASE WHEN NOT contains(address, '@') THEN address END"),
            ("crm_id", f"CASE WHEN {looks_crm} THEN customer_id END"),
            ("user_id", f"CASE WHEN NOT {looks_crm} THEN customer_id END"),
            *(
                (self.phone() if kind == "phone" else kind, identifier(f"attribute {name}"))
                for name, kind in self._attributes.items()
            ),
        ]
