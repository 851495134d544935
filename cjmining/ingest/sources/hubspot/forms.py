"""Form submissions, as the forms API and Fivetran's table have them."""

from __future__ import annotations

from cjmining.ingest.sources.base import Column, Event, Feed
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.hubspot.exported import TEXT, Export, moment


def feeds(export: Export) -> list[Feed]:
    """Return the feed of the submissions in an export."""
    return [_submissions(export)]


def _submissions(export: Export) -> Feed:
    columns = [
        Column("conversionId", aliases=("conversion-id",), path="j.conversionId"),
        Column("submittedAt", "time", filled=True, aliases=("timestamp",), path=moment("j.submittedAt")),
        Column("pageUrl"), Column("formId", path="j.formId", aliases=("form_id", "form")),
        Column("contact_id", path="NULL"), Column("email", path=_field("email")),
        Column("phone", path=_field("phone")),
    ]  # fmt: skip
    path = "regexp_replace(\"pageUrl\", '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*', '')"
    path = f"nullif(split_part(split_part({path}, '?', 1), '#', 1), '')"
    keep = {
        "moment": '"submittedAt"',
        "properties": json_text({"page_path": path, "form": '"formId"'}),
    }
    event = Event(
        {
            "timestamp": "moment", "native": "'Form submission'", "touchpoint": "'form_submitted'",
            "channel": "'web'", "properties": "properties",
        }
    )  # fmt: skip
    return export.feed(
        "form_submissions", columns, keep=keep, events=[event],
        structure={
            **dict.fromkeys(("conversionId", "submittedAt", "pageUrl", "formId"), TEXT),
            "values": [{"name": TEXT, "value": TEXT}],
        },
        key=('"conversionId"', '"submittedAt:text"', '"pageUrl"', 'coalesce("contact_id", "email")'),
        identifiers=[("hubspot_id", '"contact_id"'), ("email", '"email"'), (export.phone, '"phone"')],
    )  # fmt: skip


def _field(name: str) -> str:
    return f'list_filter(j."values", lambda v: v.name = \'{name}\')[1]."value"'
