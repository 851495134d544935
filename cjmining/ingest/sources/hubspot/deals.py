"""Deals: their stages over time, under the labels of their pipeline, and the contact whose they are."""

from __future__ import annotations

from cjmining.ingest.database import literal
from cjmining.ingest.sources.base import Column, Event, Feed, LeftOut, Listed, Lookup
from cjmining.ingest.sources.columns import slug
from cjmining.ingest.sources.hubspot.exported import (
    ASSOCIATIONS,
    TEXT,
    Export,
    associated,
    history,
    merged,
    moment,
    only,
    prop,
    properties,
    unchanged,
)

LABELS = {
    "appointmentscheduled": "Appointment Scheduled", "qualifiedtobuy": "Qualified To Buy",
    "presentationscheduled": "Presentation Scheduled", "decisionmakerboughtin": "Decision Maker Bought-In",
    "contractsent": "Contract Sent", "closedwon": "Closed Won", "closedlost": "Closed Lost",
}  # fmt: skip
"""Labels of the default pipeline's stages, whose names are these words; other stages' names are numbers."""
_AT = 'STRUCT("moment" TIMESTAMP, "stage" VARCHAR)[]'
_NAMED = f'STRUCT("id" {TEXT}, "label" {TEXT})[]'


def feeds(export: Export) -> list[Feed]:
    """Return the feeds of the deals in an export."""
    return [_pipelines(export), _stages(export), _deals(export), _changes(export)]


def _pipelines(export: Export) -> Feed:
    columns = [Column("id", filled=True), Column("stages", "nested")]
    structure = {"id": TEXT, "stages": [{"id": TEXT, "label": TEXT}]}
    keep = {"pipeline": '"id"', "stage_names": f'CAST("stages" AS {_NAMED})'}
    return export.feed("pipelines", columns, structure=structure, keep=keep, key=('"id"',), reference=True)


def _stages(export: Export) -> Feed:
    columns = [Column("stage_id", filled=True, needed=True), Column("label", needed=True)]
    keep = {"stage": '"stage_id"', "label": '"label"'}
    return export.feed(
        "deal_pipeline_stages", columns, structure={"stage_id": TEXT, "label": TEXT}, keep=keep,
        key=('"stage_id"',), reference=True,
    )  # fmt: skip


def _deals(export: Export) -> Feed:
    own = [
        prop("dealstage", "text", "Deal Stage", "deal_pipeline_stage_id"),
        prop("pipeline", "text", "deal_pipeline_id"),
        prop("amount", "number", "Amount"), prop("deal_currency_code", "text", "Currency"),
        prop("createdate", "time", "Create Date"), prop("closedate", "time", "Close Date"),
        prop("hs_is_closed", "flag", "Is Deal Closed?", "Is closed"),
        prop("hs_v2_date_entered_current_stage", "time", "Date entered current stage"),
        prop("hs_merged_object_ids", "text", "Merged object IDs", "Merged record IDs"),
        prop("hs_lastmodifieddate", "time", "Last Modified Date"),
    ]  # fmt: skip
    columns = [
        Column("id", filled=True, aliases=("Record ID", "hs_object_id", "deal_id", "Deal ID")),
        Column("archived", "flag"), Column("history", "nested", path="j.propertiesWithHistory.dealstage"),
        Column("updatedAt", "time", path=moment("j.updatedAt"), aliases=("_fivetran_synced",)),
        associated("contacts", "Associated Contact IDs"), associated("companies", "Associated Company IDs"),
        *own,
    ]  # fmt: skip
    since = 'coalesce("hs_v2_date_entered_current_stage", CASE WHEN "hs_is_closed" THEN "closedate" END)'
    current = (
        f'CASE WHEN {since} IS NOT NULL AND "dealstage" IS NOT NULL '
        f"THEN [{{'moment': {since}, 'stage': \"dealstage\"}}] ELSE [] END"
    )
    past = history("history")
    keep = {
        "deal": 'pseudonym("id")', "moment": '"createdate"', "pipeline": '"pipeline"',
        "current": '"dealstage"', "amount": '"amount"', "currency": '"deal_currency_code"',
        "is_past": f"coalesce(len({past}) > 0, FALSE)",
        "stages": f"CAST(CASE WHEN len({past}) > 0 THEN {past} ELSE {current} END AS {_AT})",
    }  # fmt: skip
    # several contacts of one deal are several persons, and HubSpot knows no primary one
    identifiers = [
        ("hubspot_deal", '"id"'), ("hubspot_deal", Listed(merged("hs_merged_object_ids"))),
        ("hubspot_id", only("associated contacts")), ("hubspot_company", only("associated companies")),
    ]  # fmt: skip
    structure = {
        "id": TEXT, "archived": TEXT, "updatedAt": TEXT, "properties": properties(own),
        "propertiesWithHistory": {"dealstage": [{"value": TEXT, "timestamp": TEXT}]},
        "associations": ASSOCIATIONS,
    }  # fmt: skip
    lookups = [
        Lookup("pipelines", {"pipeline": "pipeline"}, {"names": "stage_names"}),
        Lookup("deal_property_history", {"deal": "deal"}, {"told": "moment"}),
    ]
    return export.feed(
        "deals", columns, structure=structure, key=('"id"',), keep=keep, identifiers=identifiers,
        asides=[('coalesce("archived", FALSE)', "archived in HubSpot")], events=_events(export),
        version='coalesce("updatedAt", "hs_lastmodifieddate")',
        lookups=lookups,
        left_out=[
            LeftOut("amount", '"amount:text" IS NOT NULL AND "amount" IS NULL', '"amount:text"',
                    "amount is no number", "amount"),
        ],
    )  # fmt: skip


def _events(export: Export) -> list[Event]:
    created = Event(
        {
            "timestamp": "moment", "native": "'Deal created'", "touchpoint": "'opportunity_created'",
            "channel": "'crm'", "actor": "'company'",
        },
        when="moment IS NOT NULL AND NOT is_past AND told IS NULL",
    )  # fmt: skip
    of_pipeline = f"list_filter(CAST(names AS {_NAMED}), lambda s: s.id = each.stage)[1].label"
    label = f"coalesce({of_pipeline}, {_default_label('each.stage')})"
    reached = Event(
        _reached(export, "each.moment", label, "CASE WHEN each.stage = current THEN amount END", "currency"),
        when="is_past OR told IS NULL",
        each="stages",
        id="concat_ws(' ', each.stage, each.moment)",
        withdrawn=unchanged("deal"),
    )
    return [created, reached]


def _changes(export: Export) -> Feed:
    """Fivetran's table of former values: a record for each."""
    columns = [
        Column("deal_id", filled=True, needed=True), Column("name", filled=True, needed=True),
        Column("value"), Column("timestamp", "time", filled=True, needed=True, path=moment("j.timestamp")),
    ]  # fmt: skip
    stage = 'CASE WHEN lower("name") = \'dealstage\' THEN "value" END'  # others may name people
    keep = {"deal": 'pseudonym("deal_id")', "moment": '"timestamp"', "stage": stage}
    stages = Lookup("deal_pipeline_stages", {"stage": "stage"}, {"stage_label": "label"})
    deals = Lookup(
        "deals", {"deal": "deal"}, {"current": "current", "amount": "amount", "currency": "currency"}
    )
    label = f"coalesce(stage_label, {_default_label('stage')})"
    amount = "CASE WHEN stage = current THEN amount::DOUBLE END"
    return export.feed(
        "deal_property_history", columns, keep=keep, lookups=[stages, deals],
        structure=dict.fromkeys(("deal_id", "name", "value", "timestamp"), TEXT),
        key=('"deal_id"', '"name"', '"timestamp"', '"value"'), identifiers=[("hubspot_deal", '"deal_id"')],
        asides=[
            ("lower(\"name\") <> 'dealstage'", "a change of another property than the stage"),
            ('"value" IS NULL', "a stage that was taken away"),
        ],
        events=[
            Event(
                _reached(export, "moment", label, amount, "currency"),
                withdrawn=unchanged("deal", "stage", "moment", "stage"),
            )
        ],
    )  # fmt: skip


def _reached(export: Export, when: str, label: str, amount: str, currency: str) -> dict[str, str]:
    default = literal(export.currency) if export.currency else "NULL"
    return {
        "timestamp": when,
        "native": f"'Deal stage: ' || {label}",
        "touchpoint": f"'opportunity_' || {slug(label)}",
        "channel": "'crm'",
        "actor": "'company'",
        "value": amount,
        "currency": f"CASE WHEN ({amount}) IS NOT NULL THEN coalesce({currency}, {default}) END",
    }


def _default_label(stage: str) -> str:
    known = " ".join(f"WHEN {literal(name)} THEN {literal(label)}" for name, label in LABELS.items())
    return f"CASE {stage} {known} ELSE {stage} END"
