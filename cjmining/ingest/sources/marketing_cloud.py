"""Salesforce Marketing Cloud: the tracking extract, its data views, and text messages of MobileConnect.

Follows Salesforce's help (mc_as_tracking_extract and mc_as_data_view_*), for columns that it doesn't list
ExactTarget's wiki (Tracking Extract Output), and for machines its article 000271790. StatusChange.csv and the
time's form are described there by example only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

from cjmining.errors import SourceError
from cjmining.ingest.database import literal, number_of
from cjmining.ingest.files import named_inputs
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources import mailings, mobile_connect
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Input, Lookup, Source
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.mobile_connect import TRUE, subscriber


class _Tracked(NamedTuple):
    native: str
    touchpoint: str
    actor: str = "customer"
    failed: str = "NULL"
    view: str = ""
    """The data view of the same records."""


TRACKED: Final = {
    "Sent": _Tracked("Sent", "email_sent", "company", view="_Sent"),
    "Opens": _Tracked("Open", "email_opened", view="_Open"),
    "Clicks": _Tracked("Click", "email_clicked", view="_Click"),
    "Bounces": _Tracked("Bounce", "email_bounced", "system", "TRUE", "_Bounce"),
    "Unsubs": _Tracked("Unsubscribe", "unsubscribed", view="_Unsubscribe"),
    "NotSent": _Tracked("NotSent", "email_dropped", "system", "TRUE"),
    "Complaints": _Tracked("Complaint", "spam_reported", view="_Complaint"),
    "Conversions": _Tracked("Conversion", "email_converted"),
    "Forwards": _Tracked("Forward", "email_forwarded", view="_FTAF"),
}
"""The files of what happened to e-mails; further ones tell about mailings, people and text messages."""
FILES: Final = {
    **{stem: (tracked.view,) if tracked.view else () for stem, tracked in TRACKED.items()},
    "SendJobs": ("_Job", "SendJob"), "Subscribers": ("_Subscribers",), "StatusChange": ("StatusChanges",),
    "ClickImpression": ("ClickImpressions",), "SMSMessageTracking": ("_SMSMessageTracking",),
    "SMSSubscriptionLog": ("_SMSSubscriptionLog",),
}  # fmt: skip
FORMATS: Final = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M")
ROBOT_SECONDS: Final = 10

_COLUMNS = (
    Column("ClientID"), Column("OYBAccountID"), Column("AccountID"), Column("SendID", aliases=("JobID",)),
    Column("SubscriberKey", needed=True), Column("EmailAddress"), Column("ListID"),
    Column("EventDate", "time", needed=True, filled=True, aliases=("TransactionTime",)),
    Column("EventType"), Column("BatchID"),
    Column("TriggeredSendExternalKey", aliases=("TriggeredSendCustomerKey",)),
    Column("SendURLID"), Column("URLID"), Column("URL"), Column("LinkContent"),
    Column("Alias", aliases=("LinkName",)), Column("BounceCategory"), Column("IsFalseBounce"),
    Column("UnsubReason"), Column("Reason"), Column("EmailClient"), Column("OperatingSystem"),
    Column("Browser"), Column("Device"), Column("IsUnique"),
)  # fmt: skip
_CLIENT = 'coalesce("ClientID", "OYBAccountID", "AccountID")'
_LINK = 'coalesce("SendURLID", "URLID", "LinkContent", "URL", "Alias")'
_KEY = (_CLIENT, '"SendID"', '"SubscriberKey"', '"BatchID"', '"ListID"', '"EventDate"', '"EventType"')
_SENT = number_of(_CLIENT, '"SendID"', '"SubscriberKey"', '"BatchID"')
_MAIL = f'CASE WHEN "SendID" IS NOT NULL THEN {_SENT} END'


class MarketingCloud(Source):
    """The tracking extract of Salesforce Marketing Cloud, or queries of its data views with the same names.

    Times are the system's, six hours behind UTC all year without daylight saving; an extract made with
    "Use Local TZ in Query" needs its zone given.

    Parameters
    ----------
    path : path, list of paths, or {"Sent": path or frame, ...}
        The folder or zip archive of the extract, or its files: Sent.csv, Opens.csv, Clicks.csv, Bounces.csv,
        Unsubs.csv, NotSent.csv, Complaints.csv, Conversions.csv, StatusChange.csv, SendJobs.csv,
        Subscribers.csv, ClickImpression.csv; of data views `_Sent.csv`, `_Open.csv`, ...; of text messages
        `_SMSMessageTracking.csv` and `_SMSSubscriptionLog.csv` (also .gz, .txt, Parquet); comma, tab or
        another sign, UTF-8 or UTF-16.
    name : str
        What the log calls the source.
    business_units : {ClientID: name}, optional
        Names of business units; adds the dimension `business_unit` where several were extracted.
    robot_seconds : float
        An open or a click within so many seconds of its send is a machine's; 0 switches this rule off.
    timezone : str, optional
        Default "-06:00".
    region : str, optional
        Country of phone numbers without country code, such as "US".
    delimiter, encoding : str, optional
        Found by default.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.MarketingCloud("exports/email")
    MarketingCloud(name='email')
    """

    kind: ClassVar[str] = "MarketingCloud"
    default_zone: ClassVar[str] = "-06:00"
    about: ClassVar[About] = About(
        system="Salesforce Marketing Cloud Engagement",
        layouts=(
            *(
                Layout(stem, f"{stem}.csv", ("ClientID", "SendID", "SubscriberKey", "EventDate"), (stem,))
                for stem in TRACKED
            ),
            *(
                Layout(f"data view {t.view}", f"{t.view}.csv", ("SubscriberKey", "EventDate"), (t.view,))
                for t in TRACKED.values()
                if t.view
            ),
            Layout("SendJobs", "SendJobs.csv or _Job.csv", stems=("SendJobs", "_Job")),
            Layout(
                "Subscribers",
                "Subscribers.csv or _Subscribers.csv",
                ("SubscriberKey", "EmailAddress", "DateUnsubscribed"),
                ("Subscribers",),
            ),
            Layout(
                "StatusChange",
                "StatusChange.csv",
                ("SubscriberKey", "OldStatus", "NewStatus"),
                ("StatusChange",),
            ),
            Layout(
                "ClickImpression",
                "ClickImpression.csv",
                ("SendID", "SubscriberKey", "ImpressionRegionName"),
                ("ClickImpression",),
            ),
            Layout(
                "SMSMessageTracking",
                "_SMSMessageTracking.csv",
                ("MobileMessageTrackingID", "Outbound"),
                ("SMSMessageTracking",),
            ),
            Layout(
                "SMSSubscriptionLog",
                "_SMSSubscriptionLog.csv",
                ("MobileSubscriptionID", "OptOutDate"),
                ("SMSSubscriptionLog",),
            ),
        ),
        touchpoints=(
            *(
                Default(t.native, t.touchpoint, t.actor, "email", "always" if t.failed == "TRUE" else "")
                for t in TRACKED.values()
            ),
            Default(
                "Status: Unsubscribed", "unsubscribed", channel="email", note="unless Unsubs.csv tells it too"
            ),
            Default("Status: Active", "resubscribed", channel="email", note="after Unsubscribed"),
            Default("SMS sent", "sms_sent", "company", "sms"),
            Default("SMS delivered", "sms_delivered", "system", "sms"),
            Default("SMS undelivered", "sms_bounced", "system", "sms", "always"),
            Default("SMS received", "sms_received", channel="sms"),
            Default("SMS opt-in", "subscribed", channel="sms"),
            Default("SMS opt-out", "unsubscribed", channel="sms"),
        ),
        identifiers=("email", "subscriber_key", "crm_id", "phone"),
        dimensions=(
            "campaign: the triggered send's key, else EmailName of SendJobs, else SendID",
            "device: Device of opens and clicks",
            "business_unit: the name of ClientID, where business_units= is given",
        ),
        failed="bounces, mails and text messages that were not sent or not delivered",
        needs="SubscriberKey and EventDate; SendID for SendJobs, MobileMessageTrackingID or "
        "MobileSubscriptionID for text messages",
        natural_key="ClientID, SendID, SubscriberKey, BatchID, ListID, EventDate, EventType, of clicks the "
        "link too; equal rows are one. MobileMessageTrackingID with the newest ModifiedDateTime",
        times="UTC-6 all year without daylight saving, to the second; or the zone given",
        robots="an open is the system's where its client names Mail Privacy Protection or its agent is "
        f"Mozilla/5.0 alone; an open or a click less than {ROBOT_SECONDS} seconds after its send "
        f"(robot_seconds=; needs Sent) and clicks on {mailings.AT_ONCE} of one e-mail are the system's too. "
        "The reason stands in the property robot. Test messages by SMS are set aside",
        documentation=(
            "https://help.salesforce.com/s/articleView?id=mktg.mc_as_tracking_extract.htm",
            "https://help.salesforce.com/s/articleView?id=mktg.mc_as_data_view_complaint.htm",
            "https://help.salesforce.com/s/articleView?id=mktg.mc_as_data_view_sms_message_tracking.htm",
            "https://help.salesforce.com/s/articleView?id=mktg.mc_as_data_view_sms_subscription_log.htm",
            "https://help.salesforce.com/s/articleView?id=000271790",
        ),
        checked="a fixture by hand of every file; the simulated shop against its truth",
    )

    def __init__(
        self,
        path: Any,  # noqa: ANN401 -- paths, or frames by the name of their file
        *,
        name: str = "email",
        business_units: Mapping[str, str] | None = None,
        robot_seconds: float = ROBOT_SECONDS,
        timezone: str | None = None,
        region: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone, region=region)
        self._path = path
        self._units = _checked_units(business_units, name)
        self._robot_seconds = _checked_seconds(robot_seconds, name)
        self._dialect = Dialect(encoding, delimiter)

    def feeds(self) -> Sequence[Feed]:
        """Return a feed for each kind of record, in one order whatever was exported."""
        files = named_inputs(self._path, FILES, f"source {self.name!r}")
        makers = {
            "SendJobs": self._jobs, "Subscribers": self._subscribers, "StatusChange": self._changes,
            "ClickImpression": self._regions, "SMSMessageTracking": self._sms,
            "SMSSubscriptionLog": self._sms_subscriptions,
        }  # fmt: skip
        # those without files too: the order of feeds is part of the events' order
        return [
            makers[stem](given) if stem in makers else self._tracked(stem, given)
            for stem, given in files.items()
        ]

    def _feed(self, stem: str, inputs: Sequence[Input], columns: Sequence[Column], **parts: Any) -> Feed:  # noqa: ANN401 -- parts of a Feed
        return Feed(
            stem, inputs, columns, clock=self.clock(*FORMATS), dialect=self._dialect,
            **{"keep": {}, "identifiers": [], **parts},
        )  # fmt: skip

    def _tracked(self, stem: str, inputs: Sequence[Input]) -> Feed:
        tracked = TRACKED[stem]
        native = literal(tracked.native)
        if stem == "Bounces":
            native = f'coalesce("EventType", {native})'
        keep = {
            "moment": '"EventDate"',
            "date_only": '"EventDate:date"',
            "native": native,
            "triggered": '"TriggeredSendExternalKey"',
            "send": '"SendID"',
            "client": _CLIENT,
            "device": '"Device"',
            "properties": json_text(
                {
                    "SendID": '"SendID"',
                    "ClientID": _CLIENT,
                    "URL": mailings.without_query('"URL"'),
                    "Alias": '"Alias"',
                    "BounceCategory": '"BounceCategory"',
                    "UnsubReason": '"UnsubReason"',
                    "Reason": '"Reason"',
                    "EmailClient": '"EmailClient"',
                    "IsUnique": '"IsUnique"',
                }
            ),
        } | _more_kept(stem)
        lookups = [Lookup("SendJobs", {"send": "send"}, {"mailing": "mailing", "subject": "subject"})]
        told = {"EmailName": "mailing", "Subject": "subject"}
        actor = literal(tracked.actor)
        if stem in {"Opens", "Clicks"}:
            lookups.append(Lookup("Sent", {"mail": "mail"}, {"sent": "moment"}))
            told["robot"] = self._robot(stem)
            actor = f"CASE WHEN {told['robot']} IS NOT NULL THEN 'system' ELSE {actor} END"
        if stem == "Clicks":
            lookups.append(Lookup("ClickImpression", {"click": "click"}, {"part": "part"}))
            told["ImpressionRegionName"] = "part"
        event = Event(
            {
                "timestamp": "moment", "native": "native", "touchpoint": literal(tracked.touchpoint),
                "actor": actor, "failed": tracked.failed, "channel": "'email'",
                "campaign": "coalesce(triggered, mailing, send)", "device": "device",
                "properties": mailings.with_more("properties", told),
                "precision": "CASE WHEN date_only THEN 86400 ELSE 0 END",
            },
            others=self._unit(),
        )  # fmt: skip
        false_bounce = (f'lower("IsFalseBounce") IN ({TRUE})', "a false bounce, says Marketing Cloud")
        return self._feed(
            stem, inputs, _COLUMNS, keep=keep, identifiers=[("email", '"EmailAddress"'), *subscriber()],
            key=(*_KEY, _LINK if stem == "Clicks" else '"SendURLID"'),
            asides=[false_bounce] if stem == "Bounces" else [], events=[event], lookups=lookups,
        )  # fmt: skip

    def _robot(self, stem: str) -> str:
        """SQL for the reason why an open or a click is a machine's, NULL for a person's."""
        most_us = round(self._robot_seconds * 1_000_000)
        soon = (
            f"WHEN moment >= sent AND epoch_us(moment) - epoch_us(sent) < {most_us} "
            f"THEN {literal(mailings.TOO_SOON)} "
            if self._robot_seconds
            else ""
        )
        if stem == "Opens":
            return f"CASE WHEN prefetched THEN {literal(mailings.PRIVACY)} {soon}END"
        several = mailings.several_links("mail", "moment", "link")
        return f"CASE {soon}WHEN {several} THEN {literal(mailings.AT_ONCE)} END"

    def _unit(self) -> dict[str, str]:
        if not self._units:
            return {}
        names = " ".join(
            f"WHEN {literal(client)} THEN {literal(unit)}" for client, unit in self._units.items()
        )
        return {"business_unit": f"CASE client {names} ELSE client END"}

    def _jobs(self, inputs: Sequence[Input]) -> Feed:
        columns = [
            Column("SendID", needed=True, filled=True, aliases=("JobID",)), Column("EmailName"),
            Column("Subject", aliases=("EmailSubject",)),
        ]  # fmt: skip
        keep = {"send": '"SendID"', "mailing": '"EmailName"', "subject": '"Subject"'}
        return self._feed("SendJobs", inputs, columns, keep=keep, key=('"SendID"',), reference=True)

    def _subscribers(self, inputs: Sequence[Input]) -> Feed:
        columns = [
            Column("ClientID"), Column("SubscriberKey", needed=True), Column("EmailAddress"),
            Column("SubscriberID"),
        ]  # fmt: skip
        return self._feed(
            "Subscribers", inputs, columns, identifiers=[("email", '"EmailAddress"'), *subscriber()],
            key=('"ClientID"', '"SubscriberKey"', '"EmailAddress"'),
        )  # fmt: skip

    def _changes(self, inputs: Sequence[Input]) -> Feed:
        """Status changes tell of unsubscribing without a mailing, which Unsubs.csv leaves out."""
        columns = [
            Column("ClientID"), Column("SubscriberKey", needed=True), Column("EmailAddress"),
            Column("SubscriberID"), Column("OldStatus"), Column("NewStatus", needed=True, filled=True),
            Column("DateChanged", "time", needed=True, filled=True, aliases=("EventDate", "ChangeDate")),
        ]  # fmt: skip
        keep = {
            "moment": '"DateChanged"', "date_only": '"DateChanged:date"', "now": 'lower("NewStatus")',
            "before": 'lower("OldStatus")', "native": "'Status: ' || \"NewStatus\"", "client": '"ClientID"',
            "day": _day('"ClientID"', '"DateChanged"'),
            "properties": json_text({"OldStatus": '"OldStatus"', "NewStatus": '"NewStatus"'}),
        }  # fmt: skip
        columns_of_event = {
            "timestamp": "moment", "native": "native", "channel": "'email'", "properties": "properties",
            "touchpoint": "CASE now WHEN 'active' THEN 'resubscribed' ELSE 'unsubscribed' END",
            "precision": "CASE WHEN date_only THEN 86400 ELSE 0 END",
        }  # fmt: skip
        event = Event(
            columns_of_event, when="now = 'unsubscribed' OR (now = 'active' AND before = 'unsubscribed')",
            withdrawn="CASE WHEN now = 'unsubscribed' AND told IS NOT NULL THEN 'told by Unsubs too' END",
            others=self._unit(),
        )  # fmt: skip
        return self._feed(
            "StatusChange", inputs, columns, keep=keep,
            identifiers=[("email", '"EmailAddress"'), *subscriber()],
            key=('"ClientID"', '"SubscriberKey"', '"DateChanged"', '"NewStatus"'), events=[event],
            lookups=[Lookup("Unsubs", {"day": "day"}, {"told": "moment"})],
        )  # fmt: skip

    def _regions(self, inputs: Sequence[Input]) -> Feed:
        """Clicks in parts of a mailing: the same clicks once more, with the name of the part."""
        columns = [*_COLUMNS, Column("ImpressionRegionName", needed=True)]
        keep = {"click": _click(), "part": '"ImpressionRegionName"'}
        return self._feed("ClickImpression", inputs, columns, keep=keep, key=(*_KEY, _LINK), reference=True)

    def _sms(self, inputs: Sequence[Input]) -> Feed:
        return mobile_connect.messages(
            inputs, self.phone(), self._unit(), clock=self.clock(*FORMATS), dialect=self._dialect
        )

    def _sms_subscriptions(self, inputs: Sequence[Input]) -> Feed:
        return mobile_connect.subscriptions(
            inputs, self.phone(), clock=self.clock(*FORMATS), dialect=self._dialect
        )


def _more_kept(stem: str) -> dict[str, str]:
    """Columns that only some files need: by which e-mail, link, client and day they are found again."""
    if stem == "Sent":
        return {"mail": _MAIL}
    if stem == "Opens":
        clients = ('"EmailClient"', '"Browser"', '"OperatingSystem"', '"Device"')
        return {"mail": _MAIL, "prefetched": mailings.fetched_for_privacy(*clients)}
    if stem == "Clicks":
        return {"mail": _MAIL, "link": _LINK, "click": _click()}
    return {"day": _day(_CLIENT, '"EventDate"')} if stem == "Unsubs" else {}


def _click() -> str:
    return number_of(_MAIL, _LINK, '"EventDate"')


def _day(client: str, time: str) -> str:
    return number_of(client, '"SubscriberKey"', f"CAST({time} AS DATE)")


def _checked_units(given: Mapping[str, str] | None, name: str) -> dict[str, str]:
    if given is not None and not isinstance(given, Mapping):
        raise SourceError(f"source {name!r}: business_units is {{ClientID: name}}, not {given!r}")
    return {str(client): str(unit) for client, unit in (given or {}).items()}


def _checked_seconds(given: float, name: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 86_400:
        raise SourceError(f"source {name!r}: robot_seconds is a number of seconds from 0, not {given!r}")
    return given
