"""Contacts: when they became known, and the stages of their lifecycle; merges."""

from __future__ import annotations

from cjmining.ingest.database import identifier
from cjmining.ingest.sources.base import Column, Event, Feed, Listed, Lookup
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

STAGES = {
    "subscriber": "a subscriber", "lead": "a lead", "marketingqualifiedlead": "a marketing qualified lead",
    "salesqualifiedlead": "a sales qualified lead", "opportunity": "an opportunity",
    "customer": "a customer", "evangelist": "an evangelist", "other": "an other lifecycle",
}  # fmt: skip
"""The default stages; those that a company adds have numbers as names, and are in the history alone."""
_AT = 'STRUCT("moment" TIMESTAMP, "stage" VARCHAR)[]'


def feeds(export: Export) -> list[Feed]:
    """Return the feeds of the contacts in an export."""
    return [_contacts(export), _changes(export), _merges(export)]


def _contacts(export: Export) -> Feed:
    reached = [
        prop("email", "text", "Email address"),
        prop("hs_additional_emails", "text", "Additional email addresses"),
        prop("phone", "text", "Phone Number"),
        prop("mobilephone", "text", "Mobile Phone Number"),
    ]
    told = [
        prop("createdate", "time", "Create Date"),
        prop("hs_analytics_source", "text", "Original Source", "Original Traffic Source"),
        prop("hs_merged_object_ids", "text", "Merged object IDs", "Merged record IDs"),
        prop("hs_calculated_merged_vids", "text", "Merged Contact IDs", "Merged vids"),
        prop("associatedcompanyid", "text", "Primary Associated Company ID", "Associated Company IDs"),
        *(prop(name) for name in export.further),
    ]
    dates = [
        prop(
            f"hs_lifecyclestage_{stage}_date", "time", f"Became {called} date",
            also=f"hs_v2_date_entered_{stage}",
        )
        for stage, called in STAGES.items()
    ]  # fmt: skip
    columns = [
        Column("id", filled=True, aliases=("Record ID", "hs_object_id", "vid", "Contact ID")),
        Column("archived", "flag"), prop("lastmodifieddate", "time", "Last Modified Date"),
        Column("updatedAt", "time", path=moment("j.updatedAt"), aliases=("_fivetran_synced",)),
        Column("history", "nested", path="j.propertiesWithHistory.lifecyclestage"),
        associated("companies", "Associated Company IDs (all)"), *reached, *told, *dates,
    ]  # fmt: skip
    entered = ", ".join(
        f"{{'moment': {identifier(f'hs_lifecyclestage_{stage}_date')}, 'stage': '{stage}'}}"
        for stage in STAGES
    )
    by_date = f"list_sort(list_filter([{entered}], lambda e: e.moment IS NOT NULL))"
    past = history("history")
    keep = {
        "contact": 'pseudonym(left(md5("id"), 16))',
        "moment": '"createdate"',
        "origin": '"hs_analytics_source"',
        "is_past": f"coalesce(len({past}) > 0, FALSE)",
        "stages": f"CAST(CASE WHEN len({past}) > 0 THEN {past} ELSE {by_date} END AS {_AT})",
    }
    company = f"coalesce({only('associatedcompanyid')}, {only('associated companies')})"
    was_merged = 'coalesce("hs_merged_object_ids", "hs_calculated_merged_vids")'
    identifiers = [
        ("hubspot_id", '"id"'), ("hubspot_id", Listed(merged("hs_merged_object_ids"))),
        ("hubspot_id", Listed(merged("hs_calculated_merged_vids"))),
        ("merged", f"CASE WHEN {was_merged} IS NOT NULL THEN 'hubspot_id' END"), ("email", '"email"'),
        ("email", Listed("regexp_extract_all(\"hs_additional_emails\", '[^;,\\s]+')")),
        (export.phone, '"phone"'), (export.phone, '"mobilephone"'), ("hubspot_company", company),
        *((export.phone if kind == "phone" else kind, identifier(n)) for n, kind in export.further.items()),
    ]  # fmt: skip
    structure = {
        "id": TEXT, "archived": TEXT, "updatedAt": TEXT,
        "properties": properties(
            [*reached, *told, *dates],
            *("lastmodifieddate", *(f"hs_v2_date_entered_{stage}" for stage in STAGES)),
        ),
        "propertiesWithHistory": {"lifecyclestage": [{"value": TEXT, "timestamp": TEXT}]},
        "associations": ASSOCIATIONS,
    }  # fmt: skip
    return export.feed(
        "contacts", columns, structure=structure, key=('"id"',), keep=keep, identifiers=identifiers,
        asides=[('coalesce("archived", FALSE)', "archived in HubSpot")], events=[_created(), _reached()],
        version='coalesce("updatedAt", "lastmodifieddate")',
        lookups=[Lookup("contact_property_history", {"contact": "contact"}, {"told": "moment"})],
    )  # fmt: skip


def _created() -> Event:
    return Event(
        {
            "timestamp": "moment", "native": "'Contact created'", "touchpoint": "'lead_created'",
            "channel": "'crm'", "campaign": "origin",
            "actor": "CASE WHEN starts_with(lower(origin), 'offline') THEN 'company' ELSE 'customer' END",
        },
        when="moment IS NOT NULL",
    )  # fmt: skip


def _reached() -> Event:
    return Event(
        {
            "timestamp": "each.moment", "native": "'Lifecycle stage: ' || each.stage",
            "touchpoint": f"'lifecycle_' || {slug('each.stage')}", "channel": "'crm'", "actor": "'company'",
        },
        when="is_past OR told IS NULL",
        each="stages",
        id="concat_ws(' ', each.stage, each.moment)",
        withdrawn=unchanged("contact"),
    )  # fmt: skip


def _changes(export: Export) -> Feed:
    """Fivetran's table of former values: a record for each."""
    columns = [
        Column("contact_id", filled=True, needed=True, path="j.contact_id"),
        Column("name", filled=True, needed=True), Column("value"),
        Column("timestamp", "time", filled=True, needed=True, path=moment("j.timestamp")),
    ]  # fmt: skip
    stage = 'CASE WHEN lower("name") = \'lifecyclestage\' THEN "value" END'  # others may name people
    keep = {"contact": 'pseudonym(left(md5("contact_id"), 16))', "moment": '"timestamp"', "stage": stage}
    event = Event(
        {
            "timestamp": "moment", "native": "'Lifecycle stage: ' || stage",
            "touchpoint": f"'lifecycle_' || {slug('stage')}", "channel": "'crm'", "actor": "'company'",
        },
        withdrawn=unchanged("contact", "stage", "moment", "stage"),
    )  # fmt: skip
    return export.feed(
        "contact_property_history", columns, keep=keep, events=[event],
        structure=dict.fromkeys(("contact_id", "name", "value", "timestamp"), TEXT),
        key=('"contact_id"', '"name"', '"timestamp"', '"value"'),
        identifiers=[("hubspot_id", '"contact_id"')],
        asides=[
            ("lower(\"name\") <> 'lifecyclestage'", "a change of another property than the stage"),
            ('"value" IS NULL', "a stage that was taken away"),
        ],
    )  # fmt: skip


def _merges(export: Export) -> Feed:
    columns = [
        Column(
            "canonical_vid", filled=True, needed=True, aliases=("canonical-vid",), path='j."canonical-vid"'
        ),
        Column("vid_to_merge", filled=True, needed=True, aliases=("vid-to-merge",), path='j."vid-to-merge"'),
    ]
    return export.feed(
        "merges", columns, structure={"canonical-vid": TEXT, "vid-to-merge": TEXT},
        key=('"canonical_vid"', '"vid_to_merge"'),
        identifiers=[
            ("hubspot_id", '"canonical_vid"'), ("hubspot_id", '"vid_to_merge"'), ("merged", "'hubspot_id'")
        ],
    )  # fmt: skip
