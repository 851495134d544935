"""Kinds of identifiers: what each stands for, and how its values are brought into one form.

A source names the kind of each identifier that it reads. What a kind stands for decides what it may link:

* **person**: a number that a system gave to one person, or an address or number where one can be reached. Any
  kind that isn't listed here counts as the number of a person.
* **device**: a browser or an app. It belongs to the one person who is seen with it; where several are, it
  makes them none the more one person.
* **account**: a company or household, which may stand for several persons. It belongs to its one person, or
  to none.
* **link**: what ties records to each other and names nobody, such as an order or a ticket.
* **case**: what a source says is a case. It is taken as it is.

A network address (IP) is no identifier, and neither is the hash of an email address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Class = Literal["person", "device", "account", "link", "case"]
Form = Literal["as written", "email", "phone", "salesforce", "analytics"]

CLASSES: Final[tuple[Class, ...]] = ("person", "device", "account", "link", "case")


@dataclass(frozen=True)
class Kind:
    """What a kind of identifiers is.

    Parameters
    ----------
    name : str
        As the log's identities call it.
    of : {"person", "device", "account", "link", "case"}
        What it stands for.
    form : {"as written", "email", "phone", "salesforce", "analytics"}
        How its values are brought into one form.
    reaches : bool
        Whether it is an address or a number where a person can be reached, of which one may have several and
        which a household may share; else it is a number that some system gave to one person.
    meaning : str
        For people.
    """

    name: str
    of: Class = "person"
    form: Form = "as written"
    reaches: bool = False
    meaning: str = ""


_LISTED = (
    Kind("email", form="email", reaches=True, meaning="email address"),
    Kind("phone", form="phone", reaches=True, meaning="telephone number, as E.164"),
    Kind("user_id", meaning="the company's own number or login"),
    Kind("customer", meaning="a customer's number, where a source says no more"),
    Kind("loyalty", meaning="loyalty card"),
    Kind("crm_id", form="salesforce", meaning="Salesforce Lead or Contact"),
    Kind("subscriber_key", meaning="Marketing Cloud's SubscriberKey"),
    Kind("hubspot_id", meaning="HubSpot contact"),
    Kind("marketo_id", meaning="Marketo lead"),
    Kind("shopify_customer", meaning="Shopify customer"),
    Kind("zendesk_user", meaning="Zendesk user"),
    Kind("genesys_contact", meaning="Genesys Cloud external contact"),
    Kind("amazon_buyer", meaning="Amazon buyer"),
    Kind("qualtrics_contact", meaning="Qualtrics contact"),
    Kind("cookie", "device", form="analytics", meaning="browser"),
    Kind("device", "device", meaning="app or machine"),
    Kind("crm_account", "account", form="salesforce", meaning="Salesforce Account"),
    Kind("hubspot_company", "account", meaning="HubSpot company"),
    Kind("zendesk_organization", "account", meaning="Zendesk organization"),
    Kind("crm_opportunity", "link", form="salesforce", meaning="Salesforce Opportunity"),
    Kind("crm_case", "link", form="salesforce", meaning="Salesforce Case"),
    Kind("hubspot_deal", "link", meaning="HubSpot deal"),
    Kind("zendesk_ticket", "link", meaning="Zendesk ticket"),
    Kind("call_contact", "link", meaning="contact of a call centre"),
    Kind("conversation", "link", meaning="conversation of a contact centre"),
    Kind("qualtrics_response", "link", meaning="response to a survey"),
    Kind("order_id", "link", meaning="an order's number"),
    Kind("account", "case", form="salesforce", meaning="account that is taken as one customer"),
    Kind("case", "case", meaning="case that a source names"),
)

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in _LISTED}
"""The kinds that cjmining's own sources name."""


def kind_of(name: str) -> Kind:
    """Return what a kind of identifiers is; any that isn't listed is the number of a person.

    Examples
    --------
    >>> kind_of("cookie").of, kind_of("membership").of
    ('device', 'person')
    """
    return KINDS.get(name, Kind(name))


def kinds_of(*classes: Class) -> tuple[str, ...]:
    """Return the names of the listed kinds of some classes.

    Examples
    --------
    >>> kinds_of("account")
    ('crm_account', 'hubspot_company', 'zendesk_organization')
    """
    return tuple(kind.name for kind in _LISTED if kind.of in classes)
