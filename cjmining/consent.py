"""What attributes of customers say about writing to them: names and values that speak against it."""

from __future__ import annotations

import re
from collections.abc import Mapping

ERASED, OPTED_OUT, UNSUBSCRIBED = "erased", "opted out", "unsubscribed"

ATTRIBUTES: Mapping[str, frozenset[str]] = {
    ERASED: frozenset(
        {"erased", "iserased", "forgotten", "shouldforget", "isdeleted", "deleted", "gdprdeleted", "erasedat"}
    ),
    OPTED_OUT: frozenset(
        {
            *("optedout", "optout", "hasoptedout", "hasoptedoutofemail", "emailoptout", "emailoptedout"),
            *("personhasoptedoutofemail", "hsemailoptout", "optedoutofemail", "smsoptout", "donotemail"),
            *("donotcall", "persondonotcall", "donotcontact", "donotmail", "hasoptedoutsolicit"),
            *("hasoptedoutprocessing", "hasoptedoutprofiling", "marketingsuspended", "blacklisted"),
            *("blocklisted", "optedoutat"),
        }
    ),
    UNSUBSCRIBED: frozenset(
        {
            *("unsubscribed", "isunsubscribed", "unsubscribe", "emailunsubscribed", "unsubscribedat"),
            *("unsubscribedfromallemail", "unsubscribedfromemail", "dateunsubscribed", "unsubscribedate"),
        }
    ),
}
"""Attributes that say so with any value but a no, by their names without case, spaces and underscores.

Salesforce Contact, Lead and Individual; HubSpot; Marketo; Marketing Cloud's Subscribers; and plain names.
"""
STATUSES = frozenset(
    {
        *("status", "subscriberstatus", "emailstatus", "subscriptionstatus", "emailsubscribe"),
        *("marketingstatus", "consentstatus"),
    }
)
"""Attributes whose value says so: Marketing Cloud's Status, Mailchimp's status, Braze's email_subscribe."""
STATUS_VALUES: Mapping[str, str] = {
    **dict.fromkeys(("unsubscribed", "globallyunsubscribed", "held", "cleaned", "complained"), UNSUBSCRIBED),
    **dict.fromkeys(("optedout", "optout", "suppressed", "revoked", "withdrawn"), OPTED_OUT),
    **dict.fromkeys(("deleted", "erased", "forgotten"), ERASED),
}
CONSENTS = frozenset(
    {
        *("acceptsmarketing", "emailconsent", "marketingconsent", "hasconsent", "consent"),
        *("optedin", "optin", "emailoptin", "subscribed", "issubscribed", "emailsubscribed"),
    }
)
"""Attributes that say so with a no, such as Shopify's Accepts Marketing."""

NO = frozenset({"", "false", "0", "00", "no", "n", "f", "off", "nein", "none", "null", "nan", "never"})
"""Values that are a no, as `plain_word` writes them."""


def against(name: str, fate: str | None = None) -> tuple[frozenset[str], bool] | None:
    """Return which values of an attribute speak against writing to a customer.

    Parameters
    ----------
    name : str
        Of the attribute.
    fate : str, optional
        Only what makes a customer erased, opted out or unsubscribed; by default any of them.

    Returns
    -------
    tuple of (frozenset of str, bool) or None
        The values, as `plain_word` writes them, and whether these speak against it (else all others do).
        None if the attribute has nothing to say.

    Examples
    --------
    >>> against("Status", "unsubscribed")[1], "held" in against("Status", "unsubscribed")[0]
    (True, True)
    >>> against("HasOptedOutOfEmail")[1], "false" in against("HasOptedOutOfEmail")[0]
    (False, True)
    >>> against("birth_year")
    """
    plain = plain_name(name)
    if any(plain in names for of, names in ATTRIBUTES.items() if fate in (None, of)):
        return NO, False
    if plain in STATUSES:
        return frozenset(word for word, of in STATUS_VALUES.items() if fate in (None, of)), True
    if plain in CONSENTS and fate in (None, OPTED_OUT):
        return frozenset({*(NO - {""}), *STATUS_VALUES}), True
    return None


def plain_word(value: str) -> str:
    """Return a value without case, spaces and signs.

    Examples
    --------
    >>> plain_word("Opted Out")
    'optedout'
    """
    return re.sub(r"[^a-z0-9]", "", value.lower())


def plain_name(name: str) -> str:
    """Return a name without case, spaces, underscores and the ending of Salesforce's custom fields.

    Examples
    --------
    >>> plain_name("Has Opted_Out__c"), plain_name("hs_email_optout")
    ('hasoptedout', 'hsemailoptout')
    """
    return plain_word(re.sub(r"__p?c$", "", name))
