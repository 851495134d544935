"""MobileConnect, the text messages of Marketing Cloud: its data views of messages and of subscriptions.

Follows Salesforce's help on the data views SMSMessageTracking and SMSSubscriptionLog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cjmining.ingest.database import literal
from cjmining.ingest.sources.base import Column, Event, Feed, Input
from cjmining.ingest.sources.columns import json_text

TRUE: Final = "'true', '1', 'yes'"
"""How the system writes that something is true."""


def messages(inputs: Sequence[Input], phone: str, units: Mapping[str, str], **parts: Any) -> Feed:  # noqa: ANN401 -- parts of a Feed
    """Return the feed of text messages sent, delivered and received.

    Parameters
    ----------
    inputs : sequence of Input
        Queries of _SMSMessageTracking.
    phone : str
        The kind of phone numbers, with their region.
    units : {name: SQL}
        Dimensions over the kept column `client`.
    **parts
        Further parts of the feed: its clock and dialect.
    """
    created = Column("CreateDateTime", "time", needed=True, filled=True)
    columns = [
        Column("MobileMessageTrackingID", needed=True, filled=True), Column("MID"), Column("Mobile"),
        Column("SubscriberKey"), created, Column("ModifiedDateTime", "time"),
        Column("ActionDateTime", "time"), Column("Sent"), Column("Delivered"), Column("Undelivered"),
        Column("Outbound"), Column("Inbound"), Column("IsTest"), Column("Ordinal"), Column("Name"),
        Column("SharedKeyword"), Column("ShortCode"), Column("SMSStandardStatusCodeId"),
    ]  # fmt: skip
    flags = {
        flag: f'coalesce(lower("{flag}") IN ({TRUE}), FALSE)'
        for flag in ("Sent", "Delivered", "Undelivered", "Outbound", "Inbound")
    }
    keep = {
        "moment": '"CreateDateTime"', "told_at": 'coalesce("ActionDateTime", "CreateDateTime")',
        "outbound": f"{flags['Outbound']} OR (NOT {flags['Inbound']} AND {flags['Sent']})",
        "inbound": flags["Inbound"], "delivered": flags["Delivered"],
        "undelivered": flags["Undelivered"], "campaign": '"Name"', "client": '"MID"',
        "properties": json_text({
            "SharedKeyword": '"SharedKeyword"', "ShortCode": '"ShortCode"',
            "SMSStandardStatusCodeId": '"SMSStandardStatusCodeId"',
        }),
    }  # fmt: skip
    shared = {"channel": "'sms'", "campaign": "campaign", "properties": "properties"}
    events = [
        Event({"timestamp": time, "native": literal(native), "touchpoint": literal(touchpoint),
               "actor": literal(actor), "failed": failed, **shared}, when=when, others=units)
        for time, native, touchpoint, actor, failed, when in (
            ("moment", "SMS sent", "sms_sent", "company", "NULL", "outbound"),
            ("told_at", "SMS delivered", "sms_delivered", "system", "NULL", "outbound AND delivered"),
            ("told_at", "SMS undelivered", "sms_bounced", "system", "TRUE", "outbound AND undelivered"),
            ("moment", "SMS received", "sms_received", "customer", "NULL", "inbound"),
        )
    ]  # fmt: skip
    return Feed(
        "SMSMessageTracking", inputs, columns, keep, _mobile("Mobile", phone),
        key=('"MobileMessageTrackingID"',), version='"ModifiedDateTime"', events=events,
        asides=[
            (f'lower("IsTest") IN ({TRUE})', "a test message"),
            ("try_cast(\"Ordinal\" AS INTEGER) > 0", "a further part of a long message"),
        ],
        **parts,
    )  # fmt: skip


def subscriptions(inputs: Sequence[Input], phone: str, **parts: Any) -> Feed:  # noqa: ANN401 -- parts of a Feed
    """Return the feed of opt-ins and opt-outs; a later entry of a subscription repeats its earlier dates."""
    columns = [
        Column("LogDate", "time"), Column("SubscriberKey"),
        Column("MobileSubscriptionID", needed=True, filled=True), Column("SubscriptionDefinitionID"),
        Column("MobileNumber"), Column("OptOutDate", "time"), Column("OptInDate", "time"),
        Column("ModifiedDate", "time"),
    ]  # fmt: skip
    keep = {
        "moment": 'coalesce("LogDate", "ModifiedDate", "OptOutDate", "OptInDate")',
        "subscription": '"MobileSubscriptionID"', "opted_in": '"OptInDate"', "opted_out": '"OptOutDate"',
        "properties": json_text({"SubscriptionDefinitionID": '"SubscriptionDefinitionID"'}),
    }  # fmt: skip
    events = [
        Event(
            {"timestamp": time, "native": literal(native), "touchpoint": literal(touchpoint),
             "channel": "'sms'", "properties": "properties"},
            when=f"{time} IS NOT NULL",
            withdrawn=f"CASE WHEN row_number() OVER (PARTITION BY subscription, {time} ORDER BY moment, "
            "sequence) > 1 THEN 'told before' END",
        )
        for time, native, touchpoint in (
            ("opted_in", "SMS opt-in", "subscribed"), ("opted_out", "SMS opt-out", "unsubscribed")
        )
    ]  # fmt: skip
    return Feed(
        "SMSSubscriptionLog", inputs, columns, keep, _mobile("MobileNumber", phone),
        key=('"MobileSubscriptionID"', '"LogDate"'), version='"ModifiedDate"', events=events,
        **parts,
    )  # fmt: skip


def _mobile(column: str, phone: str) -> list[tuple[str, str]]:
    """The number with its country code, which MobileConnect writes without a plus sign."""
    international = f"regexp_matches(\"{column}\", '^[1-9][0-9]{{10,14}}$')"
    number = f'CASE WHEN {international} THEN \'+\' || "{column}" ELSE "{column}" END'
    return [(phone, number), *subscriber()]


def subscriber() -> list[tuple[str, str]]:
    """What the subscriber's key is, by its form: an address, a Lead or Contact of Salesforce, or its own.

    Examples
    --------
    >>> [kind for kind, _ in subscriber()]
    ['email', 'crm_id', 'subscriber_key']
    """
    email = "contains(\"SubscriberKey\", '@')"
    crm = "regexp_matches(\"SubscriberKey\", '^(003|00Q)[a-zA-Z0-9]{12}([a-zA-Z0-9]{3})?$')"
    return [
        ("email", f'CASE WHEN {email} THEN "SubscriberKey" END'),
        ("crm_id", f'CASE WHEN {crm} THEN "SubscriberKey" END'),
        ("subscriber_key", f'CASE WHEN NOT {email} AND NOT {crm} THEN "SubscriberKey" END'),
    ]
