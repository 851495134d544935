"""HubSpot: contacts, deals, e-mail events, engagements and forms, as its APIs and its exports write them."""

from cjmining.ingest.sources.hubspot.source import HubSpot

__all__ = ["HubSpot"]
