"""Activity types of Marketo: their numbers, and which touchpoint each becomes.

Numbers are the same in all subscriptions for what Marketo defines itself (those of custom activities begin at
100000); names are those of activities/types.json.
"""

from __future__ import annotations

from typing import Final

from cjmining.ingest.sources.about import Default

IDS: Final = {
    1: "Visit Webpage", 2: "Fill Out Form", 3: "Click Link", 6: "Send Email", 7: "Email Delivered",
    8: "Email Bounced", 9: "Unsubscribe Email", 10: "Open Email", 11: "Click Email", 12: "New Lead",
    13: "Change Data Value", 19: "Sync Lead to SFDC", 21: "Convert Lead", 22: "Change Score",
    23: "Change Owner", 24: "Add to List", 25: "Remove from List", 26: "SFDC Activity",
    27: "Email Bounced Soft", 29: "Delete Lead from SFDC", 30: "SFDC Activity Updated", 32: "Merge Leads",
    34: "Add to Opportunity", 35: "Remove from Opportunity", 36: "Update Opportunity", 37: "Delete Lead",
    38: "Send Alert", 39: "Send Sales Email", 40: "Open Sales Email", 41: "Click Sales Email",
    42: "Add to SFDC Campaign", 43: "Remove from SFDC Campaign", 44: "Change Status in SFDC Campaign",
    45: "Receive Sales Email", 46: "Interesting Moment", 47: "Request Campaign", 48: "Sales Email Bounced",
    100: "Change Lead Partition", 101: "Change Revenue Stage", 102: "Change Revenue Stage Manually",
    104: "Change Status in Progression", 106: "Enrich with Data.com", 108: "Change Segment",
    110: "Call Webhook", 111: "Sent Forward to Friend Email", 112: "Received Forward to Friend Email",
    113: "Add to Nurture", 114: "Change Nurture Track", 115: "Change Nurture Cadence", 400: "Share Content",
    401: "Vote in Poll", 405: "Click Shared Link",
}  # fmt: skip
MERGE: Final = "Merge Leads"
PROGRESSION: Final = "Change Status in Progression"
STAGES: Final = ("Change Revenue Stage", "Change Revenue Stage Manually")

DEFAULTS: Final = (
    Default("Visit Webpage", "page_viewed", channel="web"),
    Default("Fill Out Form", "form_submitted", channel="web"),
    Default("Click Link", "Click Link", channel="web", note="a link on a page"),
    Default("Send Email", "email_sent", "company", "email", "where actionResult is failed"),
    Default("Email Delivered", "email_delivered", "system", "email"),
    Default("Email Bounced", "email_bounced", "system", "email", "always"),
    Default("Email Bounced Soft", "email_bounced", "system", "email", "always"),
    Default("Unsubscribe Email", "unsubscribed", "customer", "email"),
    Default("Open Email", "email_opened", "customer", "email", note="the system's where it is a bot's"),
    Default("Click Email", "email_clicked", "customer", "email", note="the system's where it is a bot's"),
    Default("Send Sales Email", "email_sent", "company", "email"),
    Default("Open Sales Email", "email_opened", "customer", "email"),
    Default("Click Sales Email", "email_clicked", "customer", "email"),
    Default("Receive Sales Email", "email_received", "customer", "email"),
    Default("Sales Email Bounced", "email_bounced", "system", "email", "always"),
    Default("Sent Forward to Friend Email", "email_forwarded", "customer", "email"),
    Default("New Lead", "lead_created", channel="crm"),
    Default("Convert Lead", "lead_converted", "company", "crm"),
    Default("Share Content", "content_shared", channel="web"),
    Default("Vote in Poll", "Vote in Poll", channel="web"),
    Default("Click Shared Link", "Click Shared Link", channel="web"),
)
"""What tells of a customer. Status in a program and revenue stages depend on the record, see `marketo`."""
DEPENDING: Final = (
    Default(PROGRESSION, "campaign_responded", channel="crm", note="where Success is true"),
    Default(PROGRESSION, "campaign_joined", "company", "crm", note="from Not in Program; else its own name"),
    Default("Change Revenue Stage", "lifecycle_<stage>", "company", "crm", note="by hand too"),
)
BOOKKEEPING: Final = (
    "Change Data Value", "Sync Lead to SFDC", "Change Score", "Change Owner", "Add to List",
    "Remove from List", "SFDC Activity", "SFDC Activity Updated", "Delete Lead from SFDC",
    "Delete Lead", "Add to Opportunity",
    "Remove from Opportunity", "Update Opportunity", "Send Alert", "Add to SFDC Campaign",
    "Remove from SFDC Campaign", "Change Status in SFDC Campaign", "Interesting Moment", "Request Campaign",
    "Change Lead Partition", "Enrich with Data.com", "Change Segment", "Call Webhook",
    "Received Forward to Friend Email", "Add to Nurture", "Change Nurture Track", "Change Nurture Cadence",
)  # fmt: skip
"""What Marketo does with its own records: set aside, unless a touchpoint is given for it."""
