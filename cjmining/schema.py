"""The canonical tables: every column's name, Arrow type, unit and meaning.

This is the only module that names a canonical column's type; the others build on these schemas.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

FORMAT_VERSION: Final = 2
"""Version of the log's format on disk."""

OUTCOMES: Final = ("converted", "dropped", "turned away", "open")
"""How a journey ended, in the order of the integer codes that the kernels use."""

ACTORS: Final = ("customer", "company", "system")
"""Who did an event, in the order of the integer codes that the kernels use."""

BEFORE_THE_MAP: Final = "(before the map)"
"""The place of a journey that reached no touchpoint of the map."""

UNKNOWN: Final = "unknown"
"""The group of those whose attribute is missing."""

TIMESTAMP: Final = pa.timestamp("us", "UTC")
TEXT: Final = pa.dictionary(pa.int32(), pa.string())


def _field(name: str, type_: pa.DataType, meaning: str, *, nullable: bool = True) -> pa.Field:
    return pa.field(name, type_, nullable=nullable, metadata={"meaning": meaning})


EVENTS: Final = pa.schema(
    [
        _field("customer", pa.int64(), "number of the customer, 0 to n-1", nullable=False),
        _field("timestamp", TIMESTAMP, "when it happened or began, UTC", nullable=False),
        _field("sequence", pa.int64(), "native order within the source"),
        _field("touchpoint", TEXT, "what happened, from the customer's side", nullable=False),
        _field("native", TEXT, "what the source system calls it"),
        _field("channel", TEXT, "medium: web, app, email, phone, chat, store, mail, ad, ..."),
        _field("source", TEXT, "name of the source that recorded it", nullable=False),
        _field("actor", TEXT, "who did it: customer, company or system", nullable=False),
        _field("device", TEXT, "desktop, mobile, tablet, ... as the source names it"),
        _field("campaign", TEXT, "campaign, mailing or referral that it belongs to"),
        _field("session", TEXT, "session of the source that it belongs to"),
        _field("failed", pa.bool_(), "true where it did not succeed; null where unknown"),
        _field("value", pa.float64(), "money in `currency`; negative where given back"),
        _field("currency", TEXT, "ISO 4217 code of `value`"),
        _field("wait_s", pa.float64(), "how long the customer waited, seconds"),
        _field("duration_s", pa.float64(), "how long it took from start to end, seconds"),
        _field("satisfaction", pa.float64(), "0 (worst) to 1 (best)"),
        _field("precision", pa.float64(), "how exact the time is, seconds; a date alone has 86,400"),
        _field("event_id", pa.uint64(), "hash of source and native id"),
        _field("properties", pa.string(), "further native fields as JSON text"),
        _field("native_journey", TEXT, "the journey (case) that the source itself names, or null"),
    ]
)

JOURNEYS: Final = pa.schema(
    [
        _field("journey", pa.int64(), "number of the journey, 0 to n-1", nullable=False),
        _field("customer", pa.int64(), "whose journey it is", nullable=False),
        _field("attempt", pa.int64(), "1, 2, ... of that customer", nullable=False),
        _field("native_journey", TEXT, "the source's own name of it, or null"),
        _field("start", TIMESTAMP, "time of its first event", nullable=False),
        _field("end", TIMESTAMP, "time of its last event", nullable=False),
        _field("observed_from", TIMESTAMP, "from when on it was observed", nullable=False),
        _field("observed_until", TIMESTAMP, "until when it was observed", nullable=False),
        _field("events", pa.int64(), "number of its events", nullable=False),
    ]
)

CUSTOMERS: Final = pa.schema(
    [_field("customer", pa.int64(), "number of the customer, 0 to n-1", nullable=False)]
)

IDENTITIES: Final = pa.schema(
    [
        _field("customer", pa.int64(), "whose identifier it is", nullable=False),
        _field("kind", TEXT, "email, phone, crm_id, cookie, loyalty, ...", nullable=False),
        _field("value", pa.string(), "the identifier itself, or its keyed hash", nullable=False),
    ]
)

LINKS: Final = pa.schema(
    [
        _field("kind", TEXT, "kind of the one identifier", nullable=False),
        _field("value", pa.string(), "the one identifier, or its keyed hash", nullable=False),
        _field("other_kind", TEXT, "kind of the other", nullable=False),
        _field("other_value", pa.string(), "the other identifier, or its keyed hash", nullable=False),
        _field("source", TEXT, "source of the records that show both", nullable=False),
        _field("file", TEXT, "file that they stand in", nullable=False),
        _field("records", pa.int64(), "how many there are", nullable=False),
        _field("refused", TEXT, "why they are no link; empty where they make both one customer"),
    ]
)

SOURCES: Final = pa.schema(
    [
        _field("source", pa.string(), "name of the source", nullable=False),
        _field("kind", pa.string(), "what reads it: Salesforce, GA4, Table, ...", nullable=False),
        _field("records", pa.int64(), "records read", nullable=False),
        _field("first", TIMESTAMP, "start of its coverage"),
        _field("last", TIMESTAMP, "end of its coverage"),
        _field(
            "gaps",
            pa.list_(pa.struct([("start", TIMESTAMP), ("end", TIMESTAMP)])),
            "periods inside its coverage in which it recorded improbably little",
        ),
        _field("timezone", pa.string(), "zone that times without one were read in"),
        _field("timezone_given", pa.bool_(), "false where the documented default was used"),
        _field("note", pa.string(), "what a reader should know about it"),
    ]
)

COMMENT: Final = "comment"
"""Where an event's properties have what a customer wrote."""

LEDGER: Final = pa.schema(
    [
        _field("source", pa.string(), "name of the source", nullable=False),
        _field("file", pa.string(), "file, or what stands for one", nullable=False),
        _field("what", pa.string(), "records, events, links, values or comments", nullable=False),
        _field(
            "fate",
            pa.string(),
            "records: used, superseded, set aside, quarantined; events: kept, joined, withdrawn; "
            "links: refused; values: left out of a kept event; comments: kept, redacted (one may be for "
            "several reasons)",
            nullable=False,
        ),
        _field("reason", pa.string(), "why, empty for what was simply used or kept"),
        _field("count", pa.int64(), "how many", nullable=False),
    ]
)

QUARANTINE: Final = pa.schema(
    [
        _field("source", pa.string(), "name of the source", nullable=False),
        _field("file", pa.string(), "file that holds the record", nullable=False),
        _field("record", pa.int64(), "number of the record in the file, from 1", nullable=False),
        _field("reason", pa.string(), "what was wrong with it", nullable=False),
        _field("content", pa.string(), "the record's text, at most 500 characters"),
    ]
)
