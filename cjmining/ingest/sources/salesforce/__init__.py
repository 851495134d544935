"""Salesforce: a table for each object, as APIs, Data Loader, the weekly export and Fivetran write them."""

from cjmining.ingest.sources.salesforce.source import Salesforce

__all__ = ["Salesforce"]
