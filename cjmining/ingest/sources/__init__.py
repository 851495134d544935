"""The systems whose exports can be read, one class each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjmining.ingest.sources.access_log import AccessLog
from cjmining.ingest.sources.amazon_connect import AmazonConnect
from cjmining.ingest.sources.amazon_orders import AmazonOrders
from cjmining.ingest.sources.customers import Customers
from cjmining.ingest.sources.ga4 import GA4
from cjmining.ingest.sources.genesys import Genesys
from cjmining.ingest.sources.hubspot import HubSpot
from cjmining.ingest.sources.marketing_cloud import MarketingCloud
from cjmining.ingest.sources.marketo import Marketo
from cjmining.ingest.sources.ocel import OCEL
from cjmining.ingest.sources.qualtrics import Qualtrics
from cjmining.ingest.sources.salesforce import Salesforce
from cjmining.ingest.sources.segment import Segment
from cjmining.ingest.sources.sendgrid import SendGrid
from cjmining.ingest.sources.shopify import Shopify
from cjmining.ingest.sources.snowplow import Snowplow
from cjmining.ingest.sources.sql import SQL
from cjmining.ingest.sources.table import Table
from cjmining.ingest.sources.twilio import Twilio
from cjmining.ingest.sources.xes import XES
from cjmining.ingest.sources.zendesk import Zendesk
from cjmining.lazily import make_lazy

if TYPE_CHECKING:
    from cjmining.ingest.detecting import detect  # noqa: TC004 -- loaded when used
    from cjmining.ingest.sources.base import Source

__all__ = [
    "GA4",
    "OCEL",
    "SQL",
    "XES",
    "AccessLog",
    "AmazonConnect",
    "AmazonOrders",
    "Customers",
    "Genesys",
    "HubSpot",
    "MarketingCloud",
    "Marketo",
    "Qualtrics",
    "Salesforce",
    "Segment",
    "SendGrid",
    "Shopify",
    "Snowplow",
    "Table",
    "Twilio",
    "Zendesk",
    "describe_sources",
    "detect",
]
_HOMES = {"detect": "cjmining.ingest.detecting"}

_ALL: tuple[type[Source], ...] = (
    Salesforce, HubSpot,
    MarketingCloud, Marketo, SendGrid, GA4, Snowplow, Segment, AccessLog, AmazonConnect, Shopify,
    AmazonOrders, Genesys, Zendesk, Twilio, Qualtrics,
    Table, SQL, XES, OCEL, Customers,
)  # fmt: skip


def every_source() -> tuple[type[Source], ...]:
    """Return the classes of all sources."""
    return _ALL


def describe_sources() -> list[dict[str, str]]:
    """Return what can be read and how.

    Returns
    -------
    list of dict
        One a source: source (its name in `cj.sources`), reads (which files), needs (which columns),
        natural_key (by what a record is known again), timezone (that of its times, where they name none).

    Examples
    --------
    >>> [about["source"] for about in describe_sources()][:3]
    ['Salesforce', 'HubSpot', 'MarketingCloud']
    """
    return [
        {
            "source": source.kind,
            "reads": source.about.reads,
            "needs": source.about.needs,
            "natural_key": source.about.natural_key,
            "timezone": source.default_zone,
        }
        for source in _ALL
    ]


make_lazy(__name__)
