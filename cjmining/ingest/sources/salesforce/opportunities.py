"""Opportunities: their stages over time, and the one contact whose they are.

Stages come from OpportunityHistory, which has a row for each change of stage, amount, probability or close
date; where it was not exported from OpportunityFieldHistory, where fields are tracked; else an opportunity
tells only when it was created and since when it is in its stage. Fivetran's history mode has a row for each
version of an opportunity: stages are read from it where there is no OpportunityHistory.
"""

from __future__ import annotations

from collections.abc import Mapping

from cjmining.ingest.database import literal
from cjmining.ingest.sources.base import Column, Event, Feed, Lookup
from cjmining.ingest.sources.columns import slug
from cjmining.ingest.sources.salesforce.exported import DELETED, Export, told_twice, unnamed, whom

_SINCE = "coalesce(changed, CASE WHEN is_closed THEN closed END)"
_UNTOLD = "told IS NULL"
_NO_CHANGE = "no change of stage"
_DEAL = {"deal_stage": "stage", "deal_amount": "amount", "deal_currency": "currency"}


def feeds(export: Export) -> list[Feed]:
    """Return the feeds of the opportunities in an export."""
    return [_opportunity(export), _role(export), _history(export), _field_history(export)]


def _opportunity(export: Export) -> Feed:
    contact = '"ContactId"'
    if export.unit == "account":  # a consultant's account isn't the buyer's
        contact = 'CASE WHEN "AccountId" IS NULL THEN "ContactId" END'
    identifiers = [("crm_opportunity", '"Id"'), *export.account('"AccountId"'), ("crm_id", contact)]
    columns = [
        Column("AccountId"), Column("ContactId"), Column("StageName"), Column("CurrencyIsoCode"),
        Column("CreatedById"), Column("CreatedDate", "time"), Column("LastStageChangeDate", "time"),
        Column("CloseDate", "time"), Column("IsClosed", "flag"), Column("Amount", "number"),
    ]  # fmt: skip
    keep = {
        "opportunity": unnamed('"Id"'), "stage": '"StageName"', "currency": '"CurrencyIsoCode"',
        "by": whom('"CreatedById"'), "version_from": '"_fivetran_start"',
        "is_current": 'coalesce("_fivetran_active", TRUE)', "created": '"CreatedDate"',
        "changed": '"LastStageChangeDate"', "closed": '"CloseDate"',
        "is_closed": 'coalesce("IsClosed", FALSE)', "amount": '"Amount"', "moment": '"CreatedDate"',
    }  # fmt: skip
    has_versions = "Opportunity" in export.in_history_mode
    histories = [
        Lookup("OpportunityHistory", {"opportunity": "opportunity"}, {"told": "created"}),
        Lookup("OpportunityFieldHistory", {"opportunity": "opportunity"}, {"told_by_fields": "created"}),
    ]
    return export.feed(
        "Opportunity", columns, keep=keep, identifiers=identifiers, lookups=[*histories, *export.user()],
        events=_events_of_versions(export) if has_versions else _events_of_itself(export),
        versions=has_versions,
    )  # fmt: skip


def _events_of_itself(export: Export) -> list[Event]:
    created = Event(
        {
            "timestamp": "created", "native": "'Opportunity created'",
            "touchpoint": "'opportunity_created'", "channel": "'crm'", "actor": export.actor(),
            **export.journey("opportunity"),
        },
        when=f"created IS NOT NULL AND {_UNTOLD}",
    )  # fmt: skip
    date_only = {"precision": "CASE WHEN changed IS NULL THEN 86400 ELSE 0 END"}
    when = f"{_SINCE} IS NOT NULL AND stage IS NOT NULL AND told_by_fields IS NULL AND {_UNTOLD}"
    return [created, _reached(export, _SINCE, "amount", more=date_only, when=when)]


def _events_of_versions(export: Export) -> list[Event]:
    """A version begins with any change of the record; that of the stage is told by its own date."""
    before = "lag(stage) OVER (PARTITION BY opportunity ORDER BY version_from)"
    exists = "max_by(is_current, version_from) OVER (PARTITION BY opportunity)"
    withdrawn = (
        f"CASE WHEN NOT {exists} THEN {literal(DELETED)} WHEN stage = {before} THEN {literal(_NO_CHANGE)} END"
    )
    moment, when = "coalesce(changed, version_from)", f"stage IS NOT NULL AND {_UNTOLD}"
    return [_reached(export, moment, "amount", when=when, withdrawn=withdrawn)]


def _role(export: Export) -> Feed:
    """Only the primary contact is the customer: to link the others would make them all one person."""
    columns = [
        Column("OpportunityId", needed=True, filled=True), Column("ContactId", needed=True, filled=True),
        Column("IsPrimary", "flag", needed=True),
    ]  # fmt: skip
    identifiers = [("crm_opportunity", '"OpportunityId"'), ("crm_id", '"ContactId"')]
    others = [('NOT coalesce("IsPrimary", FALSE)', "a contact beside the opportunity's primary one")]
    if export.unit == "account":
        others.append(("TRUE", "the account is the customer, whoever stands for it"))
    return export.feed("OpportunityContactRole", columns, keep={}, identifiers=identifiers, asides=others)


def _history(export: Export) -> Feed:
    columns = [
        Column("OpportunityId", needed=True, filled=True),
        Column("StageName", needed=True, filled=True),
        Column("CreatedDate", "time", needed=True, filled=True),
        Column("Amount", "number"),
        Column("CurrencyIsoCode"),
        Column("CreatedById"),
    ]
    keep = {
        "opportunity": unnamed('"OpportunityId"'), "stage": '"StageName"', "created": '"CreatedDate"',
        "amount": '"Amount"', "currency": '"CurrencyIsoCode"', "by": whom('"CreatedById"'),
        "moment": '"CreatedDate"', "entry": '"Id"',
    }  # fmt: skip
    before = "lag(stage) OVER (PARTITION BY opportunity ORDER BY created, entry)"  # ids count upwards
    same = f"CASE WHEN stage = {before} THEN {literal(_NO_CHANGE)} END"
    event = _reached(export, "created", "amount", withdrawn=same, currency="currency, deal_currency")
    return export.feed(
        "OpportunityHistory", columns, keep=keep, events=[event],
        identifiers=[("crm_opportunity", '"OpportunityId"')],
        lookups=[Lookup("Opportunity", {"opportunity": "opportunity"}, _DEAL), *export.user()],
    )  # fmt: skip


def _field_history(export: Export) -> Feed:
    columns = [
        Column("OpportunityId", needed=True, filled=True), Column("Field", needed=True, filled=True),
        Column("NewValue", needed=True), Column("CreatedDate", "time", needed=True, filled=True),
        Column("CreatedById"),
    ]  # fmt: skip
    stage = 'CASE WHEN lower("Field") = \'stagename\' THEN "NewValue" END'  # others may name people
    keep = {
        "opportunity": unnamed('"OpportunityId"'), "stage": stage, "created": '"CreatedDate"',
        "by": whom('"CreatedById"'), "moment": '"CreatedDate"', "entry": '"Id"',
    }  # fmt: skip
    asides = [("lower(\"Field\") <> 'stagename'", "a change of another field than the stage")]
    amount = "CASE WHEN stage = deal_stage THEN deal_amount::DOUBLE END"  # of earlier stages it isn't known
    by_versions = "TRUE" if "Opportunity" in export.in_history_mode else "told IS NOT NULL"
    withdrawn = (
        f"CASE WHEN {by_versions} THEN 'a change that the history of stages tells' "
        f"ELSE {told_twice('opportunity', 'created', 'stage')} END"
    )
    event = _reached(export, "created", amount, withdrawn=withdrawn, currency="deal_currency")
    history = Lookup("OpportunityHistory", {"opportunity": "opportunity"}, {"told": "created"})
    return export.feed(
        "OpportunityFieldHistory", columns, keep=keep, asides=asides, events=[event],
        identifiers=[("crm_opportunity", '"OpportunityId"')],
        lookups=[Lookup("Opportunity", {"opportunity": "opportunity"}, _DEAL), history, *export.user()],
        checks=[("lower(\"Field\") = 'stagename' AND \"NewValue\" IS NULL", "NewValue is empty")],
    )  # fmt: skip


def _reached(
    export: Export,
    moment: str,
    amount: str,
    *,
    more: Mapping[str, str] | None = None,
    when: str = "TRUE",
    withdrawn: str = "NULL",
    currency: str = "currency",
) -> Event:
    default = literal(export.currency) if export.currency else "NULL"
    return Event(
        {
            "timestamp": moment,
            "native": "'Opportunity: ' || stage",
            "touchpoint": f"'opportunity_' || {slug('stage')}",
            "channel": "'crm'",
            "actor": export.actor(),
            "value": amount,
            "currency": f"CASE WHEN {amount} IS NOT NULL THEN coalesce({currency}, {default}) END",
            **export.journey("opportunity"),
            **(more or {}),
        },
        when=when,
        withdrawn=withdrawn,
    )
