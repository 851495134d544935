"""Salesforce Marketing Cloud: the tracking extract, one file for each kind of event."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from cjmining.ingest.database import literal
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Source, as_paths, named_files
from cjmining.ingest.sources.columns import json_text


class _Tracked(NamedTuple):
    native: str
    touchpoint: str
    actor: str
    failed: str


FILES = {
    "Sent": _Tracked("Sent", "email_sent", "company", "NULL"),
    "Opens": _Tracked("Open", "email_opened", "customer", "NULL"),
    "Clicks": _Tracked("Click", "email_clicked", "customer", "NULL"),
    "Bounces": _Tracked("Bounce", "email_bounced", "system", "TRUE"),
    "Unsubs": _Tracked("Unsubscribe", "unsubscribed", "customer", "NULL"),
}
FORMATS = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M")
_COLUMNS = (
    Column("ClientID"),
    Column("SendID", aliases=("JobID",)),
    Column("SubscriberKey", needed=True),
    Column("EmailAddress"),
    Column("ListID"),
    Column("EventDate", "time", needed=True, filled=True),
    Column("EventType"),
    Column("BatchID"),
    Column("TriggeredSendExternalKey"),
    Column("SendURLID"),
    Column("URL"),
    Column("Alias"),
    Column("BounceCategory"),
    Column("EmailClient"),
    Column("Device"),
)
_KEY = ("ClientID", "SendID", "SubscriberKey", "BatchID", "ListID", "EventDate", "EventType", "SendURLID")
_LOOKS_CRM = "regexp_matches(\"SubscriberKey\", '^(003|00Q)[a-zA-Z0-9]{12}([a-zA-Z0-9]{3})?$')"
_LOOKS_EMAIL = "contains(\"SubscriberKey\", '@')"


class MarketingCloud(Source):
    """The tracking extract of Salesforce Marketing Cloud.

    Times are the system's, six hours behind UTC all year without daylight saving; an extract made with
    "Use Local TZ in Query" needs its zone given.

    Parameters
    ----------
    path : path or list of paths
        The folder of the extract, or its files: Sent.csv, Opens.csv, Clicks.csv, Bounces.csv, Unsubs.csv
        (also .csv.gz); comma or tab, UTF-8 or UTF-16.
    name : str
        What the log calls the source.
    timezone : str, optional
        Default "-06:00".
    delimiter, encoding : str, optional
        Found by default.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.MarketingCloud("exports/email")
    MarketingCloud(name='email')
    """

    kind: ClassVar[str] = "MarketingCloud"
    reads: ClassVar[str] = "a folder with " + ", ".join(f"{name}.csv" for name in FILES) + " (also .gz)"
    needs: ClassVar[str] = "SubscriberKey, EventDate"
    natural_key: ClassVar[str] = ", ".join(_KEY)
    default_zone: ClassVar[str] = "-06:00"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "email",
        timezone: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone)
        self._path = path
        self._dialect = Dialect(encoding, delimiter)

    def feeds(self) -> Sequence[Feed]:
        """Return a feed for each kind of event that was exported."""
        what = f"source {self.name!r}"
        files = named_files(as_paths(self._path, what), tuple(FILES), what)
        return [self._feed(stem, files[stem], FILES[stem]) for stem in FILES if files[stem]]

    def _feed(self, stem: str, inputs: Sequence[Input], tracked: _Tracked) -> Feed:
        native = literal(tracked.native)
        if stem == "Bounces":
            native = f'coalesce("EventType", {native})'
        keep = {
            "moment": '"EventDate"',
            "date_only": '"EventDate:date"',
            "native": native,
            "campaign": 'coalesce("TriggeredSendExternalKey", "SendID")',
            "device": '"Device"',
            "properties": json_text(
                {
                    "SendID": '"SendID"',
                    "URL": "split_part(split_part(\"URL\", '?', 1), '#', 1)",  # a query may name a person
                    "Alias": '"Alias"',
                    "BounceCategory": '"BounceCategory"',
                    "EmailClient": '"EmailClient"',
                }
            ),
        }
        identifiers = [
            ("email", '"EmailAddress"'),
            ("email", f'CASE WHEN {_LOOKS_EMAIL} THEN "SubscriberKey" END'),
            ("crm_id", f'CASE WHEN {_LOOKS_CRM} THEN "SubscriberKey" END'),
            ("subscriber_key", f'CASE WHEN NOT {_LOOKS_EMAIL} AND NOT {_LOOKS_CRM} THEN "SubscriberKey" END'),
        ]
        event = Event(
            {
                "timestamp": "moment", "native": "native", "touchpoint": literal(tracked.touchpoint),
                "actor": literal(tracked.actor), "failed": tracked.failed, "channel": "'email'",
                "campaign": "campaign", "device": "device", "properties": "properties",
                "precision": "CASE WHEN date_only THEN 86400 ELSE 0 END",
            }
        )  # fmt: skip
        return Feed(
            stem, inputs, _COLUMNS, keep, identifiers, key=[f'"{name}"' for name in _KEY], events=[event],
            clock=self.clock(*FORMATS), dialect=self._dialect,
        )  # fmt: skip
