"""One vocabulary of touchpoints over all sources: an e-mail's click is the same, whoever sent the e-mail.

Sources name what happened with these words wherever a native event has a standard meaning; what has none
keeps its native name. A part in angle brackets stands for the company's own words (`opportunity_<stage>`).
"""

from __future__ import annotations

import re
from typing import Final

WEB: Final = {
    "account_created": "registered with the company's site or app",
    "ad_clicked": "came by an advertisement",
    "basket_emptied": "took something out of the basket",
    "basket_filled": "put something into the basket",
    "basket_viewed": "looked at the basket",
    "checkout_opened": "began the checkout",
    "content_shared": "shared a page, a product or a basket",
    "file_downloaded": "downloaded a file",
    "form_started": "began to fill a form",
    "form_submitted": "sent a form",
    "link_followed": "came by a link elsewhere that was no advertisement: a search result, a post, a mail",
    "logged_in": "logged in",
    "page_viewed": "looked at a page",
    "payment_entered": "entered how to pay",
    "product_list_viewed": "looked at a list of products",
    "product_selected": "chose a product from a list",
    "product_viewed": "looked at a product",
    "promotion_clicked": "clicked a promotion on the site",
    "promotion_viewed": "saw a promotion on the site",
    "screen_viewed": "looked at a screen of the app",
    "search_done": "searched on the site",
    "shipping_entered": "entered where to ship",
    "wishlist_filled": "put something on the wish list",
}
EMAIL: Final = {
    "email_bounced": "an e-mail could not be delivered",
    "email_clicked": "clicked a link in an e-mail",
    "email_converted": "reached a page that counts as an e-mail's success",
    "email_deferred": "a mail server put an e-mail off",
    "email_delivered": "an e-mail arrived at the mail server",
    "email_dropped": "an e-mail was not sent: the address is on a list, or the campaign left it out",
    "email_forwarded": "forwarded an e-mail",
    "email_opened": "opened an e-mail",
    "email_printed": "printed an e-mail",
    "email_received": "wrote an e-mail to the company",
    "email_sent": "was sent an e-mail",
    "letter_sent": "was sent a letter",
    "resubscribed": "wants to be written to again",
    "sms_bounced": "a text message could not be delivered",
    "sms_clicked": "clicked a link in a text message",
    "sms_delivered": "a text message arrived",
    "sms_received": "wrote a text message to the company",
    "sms_sent": "was sent a text message",
    "spam_reported": "reported an e-mail as spam",
    "subscribed": "agreed to be written to",
    "unsubscribed": "does not want to be written to any more",
}
CRM: Final = {
    "campaign_joined": "was made a member of a campaign",
    "campaign_responded": "responded to a campaign",
    "case_<status>": "a case reached another status",
    "case_assigned": "a case was handed to somebody else",
    "case_closed": "a case was closed",
    "case_escalated": "a case was escalated",
    "case_opened": "opened a case",
    "case_reopened": "a closed case was opened again",
    "lead_converted": "a lead became a customer or an opportunity",
    "lead_created": "became a lead",
    "lifecycle_<stage>": "reached a stage of the CRM's lifecycle",
    "meeting_held": "met the company",
    "opportunity_<stage>": "an opportunity or order reached a stage",
}
SERVICE: Final = {
    f"{medium}_{what}": meaning.format(noun)
    for medium, noun in (("call", "a call"), ("chat", "a chat"), ("message", "a conversation by messages"))
    for what, meaning in (
        ("abandoned", "gave up waiting for {}"),
        ("answered", "{} was answered by a person"),
        ("ended", "{} came to its end"),
        ("held", "was put on hold in {}"),
        ("made", "the company began {}"),
        ("queued", "{} began to wait for a person"),
        ("self_served", "{} was served without a person"),
        ("transferred", "{} was handed on"),
    )
} | {
    "callback_requested": "asked to be called back",
    "promise_broken": "the company missed a promised time",
    "ticket_answered": "the company answered a ticket",
    "ticket_closed": "a ticket was closed for good",
    "ticket_escalated": "a ticket was escalated",
    "ticket_opened": "opened a ticket",
    "ticket_reopened": "a solved ticket was opened again",
    "ticket_replied": "wrote to a ticket again",
    "ticket_solved": "a ticket was solved",
    "voicemail_left": "left a voicemail",
}
SURVEYS: Final = {
    "survey_answered": "answered a survey",
    "survey_sent": "was asked to answer a survey",
    "survey_started": "began to answer a survey",
}
COMMERCE: Final = {
    "order_cancelled": "an order was cancelled",
    "order_delivered": "an order arrived",
    "order_paid": "an order was paid",
    "order_placed": "placed an order",
    "order_refunded": "money was given back",
    "order_shipped": "an order was sent",
    "store_visited": "bought something in a store",
}
AREAS: Final = {
    "Web and app": WEB,
    "Email and messages": EMAIL,
    "CRM": CRM,
    "Service": SERVICE,
    "Surveys": SURVEYS,
    "Commerce": COMMERCE,
}
TOUCHPOINTS: Final = {word: meaning for area in AREAS.values() for word, meaning in area.items()}
"""Every touchpoint with what it means, from the customer's side."""


def is_known(touchpoint: str) -> bool:
    """Whether a touchpoint is in the vocabulary, or of one of its families.

    Examples
    --------
    >>> is_known("email_clicked"), is_known("opportunity_closed_won"), is_known("page_view")
    (True, True, False)
    """
    return any(
        re.fullmatch(re.sub(r"<\w+>", "(<[a-z ]+>|[a-z0-9_]+)", word), touchpoint) for word in TOUCHPOINTS
    )
