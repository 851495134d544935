"""The source itself: its options, and a feed for each kind of records that was exported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cjmining.errors import SourceError, shorten
from cjmining.ingest.files import TABLES, Input, bare, named_inputs
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.base import Feed, Source, as_kinds, check_currency
from cjmining.ingest.sources.columns import column_names
from cjmining.ingest.sources.hubspot import contacts, deals, emails, engagements, forms
from cjmining.ingest.sources.hubspot.exported import Export
from cjmining.ingest.sources.hubspot.words import ABOUT, FILES

if TYPE_CHECKING:
    from cjmining.ingest.sources.about import About


_OF_SALESFORCE = frozenset({"systemmodstamp", "isdeleted", "createdbyid", "ownerid", "whoid", "stagename"})
_OWN = ("hs", "property", "properties", "recordid", "vid", "createdate")
"""How names of HubSpot's columns begin, without underscores."""


class HubSpot(Source):
    """Exports of HubSpot: objects read from its APIs as JSON, or tables.

    Contacts give `lead_created` and, with the history of their lifecycle stage (`propertiesWithHistory`) or
    its dates, `lifecycle_<stage>`; deals `opportunity_<stage>`; e-mail events `email_sent`, `email_opened`,
    ...; calls, e-mails, meetings and messages logged by the company `call_made`, `email_received`,
    `meeting_held`, ...; forms `form_submitted`. Kinds of records that were not exported are not missed.

    Files exported from the app have the names of properties or their English labels, and times in the
    account's zone, to be given; the APIs' are UTC, as ISO 8601 or milliseconds since 1970.

    Parameters
    ----------
    path : path, list of paths, or {kind: path, frame or list of paths}
        The folder of the export, or its files: contacts.json, deals.csv, email_events.json, calls.json, ...
        Files of other names are given as ``{"contacts": "my-view.csv"}``.
    name : str
        What the log calls the source.
    identifiers : {property: kind}, optional
        Further properties of contacts that identify a customer.
    currency : str, optional
        ISO 4217 code of amounts where deals have no deal_currency_code.
    timezone : str, optional
        Zone of times without one; default UTC.
    region : str, optional
        Country of phone numbers without country code, such as "DE".
    encoding : str, optional
        Of text files; found by default.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.HubSpot("exports/hubspot", region="DE", identifiers={"customer_number": "user_id"})
    HubSpot(name='hubspot')
    """

    kind: ClassVar[str] = "HubSpot"
    about: ClassVar[About] = ABOUT
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path] | Mapping[str, Any],
        *,
        name: str = "hubspot",
        identifiers: Mapping[str, str] | None = None,
        currency: str | None = None,
        timezone: str | None = None,
        region: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone, region=region)
        self._path = path
        self._identifiers = as_kinds(identifiers, "identifiers", name)
        self._currency = check_currency(currency, name)
        self._dialect = Dialect(encoding)

    def feeds(self) -> Sequence[Feed]:
        """Return a feed for each kind of records, in the same places whichever were exported."""
        suffixes = (*TABLES, ".json", ".jsonl", ".ndjson")
        files = named_inputs(self._path, FILES, f"source {self.name!r}", suffixes=suffixes)
        for each in (each for inputs in files.values() for each in inputs):
            self._check(each)
        export = Export(
            files=files,
            phone=self.phone(),
            currency=self._currency,
            further=self._identifiers,
            clock=self.clock(),
            dialect=self._dialect,
        )
        makers = (contacts, deals, emails, engagements, forms)
        return [part for maker in makers for feed in maker.feeds(export) for part in _by_form(feed)]

    def _check(self, given: Input) -> None:
        """Refuse a file that Salesforce wrote: its objects have the same names."""
        names = {bare(name) for name in column_names(given, self._dialect)}
        if names & _OF_SALESFORCE and not any(name.startswith(_OWN) for name in names):
            raise SourceError(
                f"source {self.name!r}, {given.name}: its columns are those of an object of "
                f"Salesforce ({shorten(sorted(names & _OF_SALESFORCE))}); read it with cj.sources.Salesforce"
            )


def _by_form(feed: Feed) -> list[Feed]:
    """Part a feed where some of its frames and Parquet files have flat columns, and not the JSON's form."""
    nested = {name for name, form in json.loads(feed.structure).items() if not isinstance(form, str)}
    flat = [
        each
        for each in feed.inputs
        if each.format in ("frame", "parquet") and not nested & set(column_names(each, feed.dialect))
    ]
    others = [each for each in feed.inputs if each not in flat]
    parts = (replace(feed, inputs=others), replace(feed, inputs=flat, structure=""))
    return [part for part in parts if part.inputs] or [feed]
