"""What HubSpot's source says of itself."""

from __future__ import annotations

from typing import Final

from cjmining.ingest.sources.about import About, Default, Layout

FILES: Final = {
    "contacts": ("contact", "all-contacts", "hubspot-crm-exports-all-contacts"),
    "contact_property_history": (),
    "merges": ("contact_merge_audit", "merge_audits"),
    "pipelines": ("deal_pipelines", "pipelines_deals"),
    "deal_pipeline_stages": ("deal_pipeline_stage",),
    "deals": ("deal", "all-deals", "hubspot-crm-exports-all-deals"),
    "deal_property_history": (),
    "email_campaigns": ("email_campaign",),
    "email_events": ("email_event",),
    "calls": ("call", "engagement_call"),
    "emails": ("engagement_email",),
    "meetings": ("meeting", "engagement_meeting"),
    "communications": ("communication", "engagement_communication"),
    "notes": ("note", "engagement_note"),
    "tasks": ("engagement_task",),
    "engagements": (),
    "form_submissions": ("form_submission", "contact_form_submission"),
}
"""Kinds of records, by which their files are named, and other names of these files."""
_DOCS = "https://developers.hubspot.com/docs/"


def _layout(name: str, *columns: str) -> Layout:
    return Layout(name, f"{name}.json or .csv", columns, (name, *FILES[name]))


ABOUT: Final = About(
    system="HubSpot",
    layouts=(
        Layout(
            "objects of the APIs",
            "contacts.json, deals.json, calls.json, emails.json, meetings.json, ...",
            ("id", "properties", "createdAt", "updatedAt", "archived"),
            tuple(FILES),
        ),
        _layout("contacts", "Record ID", "Lifecycle Stage"),
        _layout("contact_property_history", "contact_id", "name", "value", "timestamp"),
        _layout("merges", "canonical_vid", "vid_to_merge"),
        _layout("pipelines", "id", "label", "stages", "displayOrder"),
        _layout("deal_pipeline_stages", "stage_id", "label"),
        _layout("deals", "Record ID", "Deal Stage"),
        _layout("deal_property_history", "deal_id", "name", "value", "timestamp"),
        _layout("email_campaigns", "id", "appId", "subject"),
        _layout("email_events", "id", "created", "type", "recipient", "emailCampaignId"),
        _layout("calls", "Record ID", "Call direction"),
        _layout("emails", "Record ID", "Email direction"),
        _layout("meetings", "Record ID", "Meeting outcome"),
        _layout("communications", "Record ID", "Channel type"),
        _layout("notes", "Record ID", "Note body"),
        _layout("tasks", "Record ID", "Task status"),
        _layout("engagements", "engagement", "associations", "metadata"),
        _layout("form_submissions", "conversionId", "submittedAt", "pageUrl"),
    ),
    touchpoints=(
        Default("Contact created", "lead_created", channel="crm", note="the company's where offline"),
        Default("Lifecycle stage: <stage>", "lifecycle_<stage>", "company", "crm"),
        Default("Deal created", "opportunity_created", "company", "crm", note="without a history of stages"),
        Default("Deal stage: <label>", "opportunity_<stage>", "company", "crm"),
        Default("SENT", "email_sent", "company", "email"),
        Default("DROPPED", "email_dropped", "system", "email", "yes"),
        Default("DEFERRED", "email_deferred", "system", "email"),
        Default("DELIVERED", "email_delivered", "system", "email"),
        Default("BOUNCE", "email_bounced", "system", "email", "yes"),
        Default("OPEN", "email_opened", channel="email"),
        Default("CLICK", "email_clicked", channel="email"),
        Default("PRINT", "email_printed", channel="email"),
        Default("FORWARD", "email_forwarded", channel="email"),
        Default("SPAMREPORT", "spam_reported", channel="email"),
        Default(
            "STATUSCHANGE", "unsubscribed", channel="email", note="the company's where it made the change"
        ),
        Default("STATUSCHANGE", "resubscribed", channel="email", note="where the new status is SUBSCRIBED"),
        Default("CALL INBOUND", "call_answered", channel="phone", failed="no, if completed"),
        Default(
            "CALL INBOUND",
            "call_abandoned",
            channel="phone",
            failed="yes",
            note="missed, busy, nobody was reached; without a known end set aside",
        ),
        Default("CALL OUTBOUND", "call_made", "company", "phone", "if nobody was reached"),
        Default("EMAIL INCOMING_EMAIL", "email_received", channel="email"),
        Default("EMAIL EMAIL", "email_sent", "company", "email"),
        Default("MEETING", "meeting_held", channel="meeting", failed="on NO_SHOW"),
        Default("COMMUNICATION SMS", "sms_sent", "company", "sms"),
        Default("COMMUNICATION WHATS_APP", "message_made", "company", "message, social for LinkedIn"),
        Default("COMMUNICATION PHYSICAL_MAIL", "letter_sent", "company", "mail"),
        Default("Form submission", "form_submitted", channel="web"),
    ),
    identifiers=("hubspot_id", "hubspot_company", "hubspot_deal", "email", "phone"),
    measures=(
        "value: amount of a deal in its present stage, in deal_currency_code or currency=",
        "duration_s: of calls and meetings; for how long an e-mail was read",
    ),
    dimensions=(
        "campaign: the e-mail campaign's name, the original source of a contact",
        "device: deviceType of an e-mail's reader",
    ),
    failed="bounced and dropped e-mails, calls that reached nobody, meetings that the customer missed",
    needs="the record's id; created, type (email_events); hs_timestamp (engagements); submittedAt (forms)",
    natural_key="the record's id, newest updatedAt (else lastmodifieddate); id and created (email_events); "
    "conversionId, time and page (forms)",
    times="UTC, to the millisecond; files exported from the app are in the account's zone, to the minute",
    robots="e-mail events that HubSpot filtered (filteredEvent: bots, the company's own) are set aside, and "
    "those that a later one made obsolete",
    documentation=(
        f"{_DOCS}api-reference/legacy/email-analytics-v1/guide",
        f"{_DOCS}api-reference/latest/crm/activities/calls/guide",
        f"{_DOCS}api-reference/latest/crm/activities/meetings/guide",
        f"{_DOCS}api-reference/latest/crm/exports/guide",
        f"{_DOCS}api-reference/legacy/marketing/forms/v1/get-form-integrations-v1-submissions-forms-form_guid",
    ),
    checked="fields and types against HubSpot's documentation, and tables of Fivetran's test data",
)
