"""What Salesforce's source says of itself."""

from __future__ import annotations

from typing import Final

from cjmining.ingest.sources.about import About, Default, Layout

_REFERENCE = "https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/"
_READ = (
    "lead", "contact", "opportunityhistory", "opportunityfieldhistory", "opportunitycontactrole",
    "casehistory", "task", "event", "campaignmember",
)  # fmt: skip


def _layout(name: str, *columns: str) -> Layout:
    return Layout(name, f"{name}.csv", columns, (name,))


ABOUT: Final = About(
    system="Salesforce",
    layouts=(
        _layout("Lead", "Id", "LastName", "LeadSource", "IsConverted"),
        _layout("Contact", "Id", "AccountId", "LastName", "Email"),
        _layout("Account", "Id", "Name", "ParentId", "MasterRecordId"),
        _layout("Opportunity", "Id", "StageName", "CloseDate"),
        _layout("OpportunityContactRole", "OpportunityId", "ContactId", "IsPrimary"),
        _layout("OpportunityHistory", "OpportunityId", "StageName", "Probability"),
        _layout("OpportunityFieldHistory", "OpportunityId", "Field", "OldValue", "NewValue"),
        _layout("Case", "Id", "CaseNumber", "Status", "Origin"),
        _layout("CaseHistory", "CaseId", "Field", "OldValue", "NewValue"),
        _layout("CaseStatus", "MasterLabel", "IsClosed", "SortOrder"),
        _layout("Task", "WhoId", "ActivityDate", "TaskSubtype"),
        _layout("Event", "WhoId", "StartDateTime", "EndDateTime"),
        _layout("Campaign", "Id", "Name", "NumberSent"),
        _layout("CampaignMember", "CampaignId", "LeadId", "ContactId", "HasResponded"),
        _layout("User", "Id", "Username", "UserType"),
    ),
    touchpoints=(
        Default("Lead created", "lead_created", channel="crm"),
        Default("Lead converted", "lead_converted", "company", "crm"),
        Default("Opportunity: <StageName>", "opportunity_<stage>", "company", "crm"),
        Default(
            "Opportunity created", "opportunity_created", "company", "crm", note="without OpportunityHistory"
        ),
        Default("Case opened", "case_opened", channel="as Origin says"),
        Default("Case closed", "case_closed", "company", "as Origin says"),
        Default("Case reopened", "case_reopened", "company", "as Origin says"),
        Default("Case escalated", "case_escalated", "company", "as Origin says"),
        Default("Case assigned", "case_assigned", "company", "as Origin says"),
        Default("Case status: <Status>", "case_<status>", "company", "as Origin says"),
        Default("Task: Call Inbound", "call_answered", channel="phone", failed="no"),
        Default("Task: Call", "call_made", "company", "phone"),
        Default("Task: Email", "email_sent", "company", "email"),
        Default("Task: LinkedIn", "message_made", "company", "social"),
        Default("Event: Event", "meeting_held", channel="meeting, phone for a call"),
        Default("Campaign joined", "campaign_joined", "company", "as the campaign's type says"),
        Default("Campaign responded", "campaign_responded", channel="as the campaign's type says"),
    ),
    identifiers=("crm_id", "crm_account", "crm_opportunity", "crm_case", "account", "email", "phone"),
    measures=(
        "value: Amount, in CurrencyIsoCode or currency=",
        "duration_s: CallDurationInSeconds of a call, DurationInMinutes of a meeting",
    ),
    dimensions=("campaign: LeadSource of a lead, the name of a member's campaign",),
    needs="Id; CreatedDate (Lead, Case, histories, CampaignMember); OpportunityId, StageName "
    "(OpportunityHistory); OpportunityId, ContactId, IsPrimary (OpportunityContactRole); CaseId, "
    "Field (CaseHistory)",
    natural_key="Id, newest SystemModstamp (else LastModifiedDate; _fivetran_synced in tables of Fivetran)",
    times="UTC, to the second; days of timezone= for ConvertedDate, ActivityDate, FirstRespondedDate",
    robots="records of the Automated Process user and of integrations are used, as the system's where User "
    "is exported: flows act for real customers. Salesforce marks no test data",
    documentation=(
        *(f"{_REFERENCE}sforce_api_objects_{name}.htm" for name in _READ),
        "https://fivetran.com/docs/core-concepts/sync-modes/history-mode",
    ),
    checked="fields and rules against the Object Reference; tables of Fivetran against its packages' test "
    "data; the simulated shop's exports against its truth",
)  # fmt: skip
