"""Salesforce: one CSV for each object, as Bulk API, Data Loader and the weekly export write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from cjmining.ingest.database import identifier, literal
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Source, as_paths, named_files
from cjmining.ingest.sources.columns import json_text

OBJECTS = ("Lead", "Contact", "Opportunity", "OpportunityHistory", "Case")
_DELETED = [('coalesce("IsDeleted", FALSE)', "deleted in Salesforce")]
_STANDARD = (
    Column("Id", needed=True, filled=True),
    Column("IsDeleted", "flag"),
    Column("SystemModstamp", "time"),
    Column("LastModifiedDate", "time"),
)


class Salesforce(Source):
    """Exports of Salesforce's Lead, Contact, Opportunity, OpportunityHistory and Case.

    Leads give `lead_created` and `lead_converted`, changes of an opportunity's stage `opportunity_<stage>`,
    cases `case_opened` and `case_closed`. Contacts and opportunities only tell who is who. Times are UTC, as
    the Bulk API writes them; a Data Loader file has its desktop's zone, to be given.

    Parameters
    ----------
    path : path or list of paths
        The folder of the export, or its files: Lead.csv, Contact.csv, ... (also .csv.gz).
    name : str
        What the log calls the source.
    identifiers : {column: kind}, optional
        Further columns, on any of the objects, that identify a customer.
    currency : str, optional
        ISO 4217 code of Amount where the export has no CurrencyIsoCode.
    timezone : str, optional
        Zone of times without one; default UTC.
    region : str, optional
        Country of phone numbers without country code, such as "DE".
    encoding : str, optional
        Found by default.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Salesforce("exports/crm", region="DE", identifiers={"Customer_Number__c": "user_id"})
    Salesforce(name='crm')
    """

    kind: ClassVar[str] = "Salesforce"
    reads: ClassVar[str] = "a folder with " + ", ".join(f"{name}.csv" for name in OBJECTS) + " (also .gz)"
    needs: ClassVar[str] = (
        "Id; CreatedDate (Lead, Case, OpportunityHistory); OpportunityId, StageName (OpportunityHistory)"
    )
    natural_key: ClassVar[str] = "Id, newest SystemModstamp (else LastModifiedDate)"
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "crm",
        identifiers: Mapping[str, str] | None = None,
        currency: str | None = None,
        timezone: str | None = None,
        region: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone, region=region)
        self._path = path
        self._identifiers = dict(identifiers or {})
        self._currency = currency
        self._dialect = Dialect(encoding)

    def feeds(self) -> Sequence[Feed]:
        """Return a feed for each object that was exported."""
        what = f"source {self.name!r}"
        files = named_files(as_paths(self._path, what), OBJECTS, what)
        makers = (self._lead, self._contact, self._opportunity, self._history, self._case)
        return [make(files[name]) for name, make in zip(OBJECTS, makers, strict=True) if files[name]]

    def _feed(
        self,
        name: str,
        inputs: Sequence[Input],
        columns: Sequence[Column],
        keep: Mapping[str, str],
        identifiers: Sequence[tuple[str, str]],
        events: Sequence[Event] = (),
    ) -> Feed:
        further = [Column(column) for column in self._identifiers if column not in {c.name for c in columns}]
        own = [
            (self.phone() if kind == "phone" else kind, identifier(column))
            for column, kind in self._identifiers.items()
        ]
        return Feed(
            name, inputs, [*_STANDARD, *columns, *further], keep, [*identifiers, *own], key=('"Id"',),
            version='coalesce("SystemModstamp", "LastModifiedDate")', asides=_DELETED, events=events,
            clock=self.clock(), dialect=self._dialect,
        )  # fmt: skip

    def _people(self) -> list[tuple[str, str]]:
        phone = self.phone()
        return [("email", '"Email"'), (phone, '"Phone"'), (phone, '"MobilePhone"')]

    def _lead(self, inputs: Sequence[Input]) -> Feed:
        columns = [
            Column("CreatedDate", "time", needed=True, filled=True), Column("ConvertedDate", "time"),
            Column("IsConverted", "flag"), Column("LeadSource"), Column("Status"), Column("Email"),
            Column("Phone"), Column("MobilePhone"), Column("MasterRecordId"), Column("ConvertedContactId"),
            Column("ConvertedAccountId"), Column("ConvertedOpportunityId"),
        ]  # fmt: skip
        keep = {
            "created": '"CreatedDate"',
            "converted": 'CASE WHEN "IsConverted" THEN "ConvertedDate" END',
            "precision": 'CASE WHEN "ConvertedDate:date" THEN 86400 ELSE 0 END',
            "campaign": '"LeadSource"',
            "properties": json_text({"Status": '"Status"'}),
        }
        identifiers = [
            ("crm_id", '"Id"'), ("crm_id", '"MasterRecordId"'), ("crm_id", '"ConvertedContactId"'),
            ("crm_account", '"ConvertedAccountId"'), ("crm_opportunity", '"ConvertedOpportunityId"'),
            *self._people(),
        ]  # fmt: skip
        shared = {"channel": "'crm'", "campaign": "campaign", "properties": "properties"}
        created = Event(
            {"timestamp": "created", "native": "'Lead created'", "touchpoint": "'lead_created'", **shared}
        )
        converted = Event(
            {
                "timestamp": "converted", "native": "'Lead converted'", "touchpoint": "'lead_converted'",
                "actor": "'company'", "precision": "precision", **shared,
            },
            when="converted IS NOT NULL",
        )  # fmt: skip
        return self._feed("Lead", inputs, columns, keep, identifiers, [created, converted])

    def _contact(self, inputs: Sequence[Input]) -> Feed:
        columns = [
            Column("AccountId"), Column("MasterRecordId"), Column("Email"), Column("Phone"),
            Column("MobilePhone"), Column("HomePhone"),
        ]  # fmt: skip
        identifiers = [
            ("crm_id", '"Id"'), ("crm_id", '"MasterRecordId"'), ("crm_account", '"AccountId"'),
            *self._people(),
            (self.phone(), '"HomePhone"'),
        ]  # fmt: skip
        return self._feed("Contact", inputs, columns, {}, identifiers)

    def _opportunity(self, inputs: Sequence[Input]) -> Feed:
        columns = [Column("AccountId"), Column("ContactId")]
        identifiers = [("crm_opportunity", '"Id"'), ("crm_account", '"AccountId"'), ("crm_id", '"ContactId"')]
        return self._feed("Opportunity", inputs, columns, {}, identifiers)

    def _history(self, inputs: Sequence[Input]) -> Feed:
        columns = [
            Column("OpportunityId", needed=True, filled=True),
            Column("StageName", needed=True, filled=True),
            Column("CreatedDate", "time", needed=True, filled=True),
            Column("Amount", "number"),
            Column("CurrencyIsoCode"),
        ]
        default = literal(self._currency) if self._currency else "NULL"
        keep = {
            "opportunity": '"OpportunityId"', "stage": '"StageName"', "created": '"CreatedDate"',
            "amount": '"Amount"', "currency": f'coalesce("CurrencyIsoCode", {default})',
        }  # fmt: skip
        changed = Event(
            {
                "timestamp": "created",
                "native": "'Opportunity: ' || stage",
                "touchpoint": "'opportunity_' || "
                "trim(regexp_replace(lower(stage), '[^[:alnum:]]+', '_', 'g'), '_')",
                "channel": "'crm'",
                "actor": "'company'",
                "value": "amount",
                "currency": "CASE WHEN amount IS NOT NULL THEN currency END",
            },
            withdrawn="CASE WHEN stage = lag(stage) OVER ("
            "PARTITION BY left(opportunity, 15) ORDER BY created, sequence) THEN 'no change of stage' END",
        )
        return self._feed(
            "OpportunityHistory", inputs, columns, keep, [("crm_opportunity", '"OpportunityId"')], [changed]
        )

    def _case(self, inputs: Sequence[Input]) -> Feed:
        columns = [
            Column("CreatedDate", "time", needed=True, filled=True), Column("ClosedDate", "time"),
            Column("ContactId"), Column("AccountId"), Column("SuppliedEmail"), Column("SuppliedPhone"),
            Column("Origin"), Column("Reason"), Column("Type"), Column("Status"), Column("Priority"),
        ]  # fmt: skip
        keep = {
            "created": '"CreatedDate"',
            "closed": '"ClosedDate"',
            "channel": "coalesce(lower(\"Origin\"), 'crm')",
            "properties": json_text(
                {name: identifier(name) for name in ("Reason", "Type", "Status", "Priority")}
            ),
        }
        identifiers = [
            ("crm_id", '"ContactId"'), ("crm_account", '"AccountId"'), ("email", '"SuppliedEmail"'),
            (self.phone(), '"SuppliedPhone"'),
        ]  # fmt: skip
        opened = Event(
            {
                "timestamp": "created", "native": "'Case opened'", "touchpoint": "'case_opened'",
                "channel": "channel", "properties": "properties",
            }
        )  # fmt: skip
        closed = Event(
            {
                "timestamp": "closed", "native": "'Case closed'", "touchpoint": "'case_closed'",
                "actor": "'company'", "channel": "channel", "properties": "properties",
            },
            when="closed IS NOT NULL",
        )  # fmt: skip
        return self._feed("Case", inputs, columns, keep, identifiers, [opened, closed])
