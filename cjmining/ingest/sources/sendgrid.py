"""Twilio SendGrid: the events of its Event Webhook, as they were posted.

Follows Twilio's Event Webhook Reference and Understanding Apple Mail Privacy Protection and Open Events.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from cjmining.ingest.database import identifier, literal, number_of
from cjmining.ingest.files import as_paths, files_in
from cjmining.ingest.sources import mailings
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Source, as_kinds
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.table import named_columns

EVENTS: Final = (
    Default("processed", "email_sent", "company", "email"),
    Default("dropped", "email_dropped", "system", "email", "always"),
    Default("delivered", "email_delivered", "system", "email"),
    Default("deferred", "email_deferred", "system", "email"),
    Default(
        "bounce", "email_bounced", "system", "email", "always", "also blocked ones, see the property type"
    ),
    Default("open", "email_opened", "customer", "email", note="the system's where sg_machine_open is true"),
    Default("click", "email_clicked", "customer", "email"),
    Default("spamreport", "spam_reported", "customer", "email"),
    Default("unsubscribe", "unsubscribed", "customer", "email"),
    Default("group_unsubscribe", "unsubscribed", "customer", "email", note="of one group, see asm_group_id"),
    Default("group_resubscribe", "resubscribed", "customer", "email", note="of one group, see asm_group_id"),
)
_FIELDS: Final = (
    "email", "timestamp", "event", "sg_event_id", "sg_message_id", "smtp-id", "category", "url", "status",
    "type", "attempt", "bounce_classification", "asm_group_id", "sg_machine_open", "marketing_campaign_name",
    "singlesend_name", "mc_auto_name", "sg_template_name",
)  # fmt: skip
_KEY: Final = ("sg_event_id", "event", '"timestamp:text"', "email", "sg_message_id", "url", '"type"')
_TOLD: Final = ("status", "type", "attempt", "bounce_classification", "asm_group_id", "sg_template_name")


class SendGrid(Source):
    """Events of SendGrid's Event Webhook: arrays as they were posted, one after the other, or JSON lines.

    What mail servers answered (`reason`, `response`) is left out, since it often repeats the address.

    Parameters
    ----------
    path : path or list of paths
        A folder or zip archive of .json or .jsonl files (also .gz), or such files.
    name : str
        What the log calls the source.
    identifiers : {argument: kind}, optional
        Custom (unique) arguments that identify a customer, such as {"customer_id": "user_id"}.
    properties : sequence of str or {name: argument}, optional
        Further fields, such as custom arguments, kept as JSON text for labels. Name no personal ones.
    region : str, optional
        Country of phone numbers without country code, such as "DE".

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.SendGrid("exports/mail", identifiers={"customer_id": "user_id"})
    SendGrid(name='email')
    """

    kind: ClassVar[str] = "SendGrid"
    about: ClassVar[About] = About(
        system="Twilio SendGrid Event Webhook",
        layouts=(
            Layout(
                "events", "*.json or *.jsonl, arrays or lines", ("event", "sg_event_id", "timestamp", "email")
            ),
        ),
        touchpoints=EVENTS,
        identifiers=("email",),
        dimensions=("campaign: the marketing campaign, single send or automation, else the first category",),
        failed="dropped and bounce",
        needs="email, timestamp, event",
        natural_key="sg_event_id, with event, time, address and link, so that test events of one id are "
        "several",
        times="seconds since 1970 in UTC",
        robots="an open with sg_machine_open true is the system's, and so are clicks on "
        f"{mailings.AT_ONCE} of one e-mail; the reason stands in the property robot. A click soon after the "
        "send is not held against a person, who may be waiting for the e-mail",
        documentation=(
            "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event",
            "https://docs.sendgrid.com/for-developers/tracking-events/understanding-apple-mail-privacy-protection-and-open-events",
        ),
        checked="the events of SendGrid's own documentation, as an array and as lines; a fixture by hand",
    )

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "email",
        identifiers: Mapping[str, str] | None = None,
        properties: Sequence[str] | Mapping[str, str] = (),
        region: str | None = None,
    ) -> None:
        super().__init__(name=name, region=region)
        self.timezone_given = True  # times are seconds since 1970 in UTC
        self._path = path
        self._identifiers = as_kinds(identifiers, "identifiers", name)
        self._properties = named_columns(properties, name, "properties")

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the events."""
        what = f"source {self.name!r}"
        inputs = files_in(as_paths(self._path, what), (".json", ".jsonl", ".ndjson"), what)
        own = dict.fromkeys((*self._identifiers, *self._properties.values()))
        fields = {*_FIELDS, *own}
        columns = [
            Column("email"), Column("timestamp", "time", filled=True), Column("event", filled=True),
            *(Column(field) for field in _FIELDS if field not in {"email", "timestamp", "event"}),
            *(Column(f"argument {field}", path=f"j.{identifier(field)}") for field in own),
        ]  # fmt: skip
        return [
            Feed(
                "events", inputs, columns, self._keep(), self._links(), key=_KEY,
                asides=[("event = 'account_status_change'", "about the account, not a customer")],
                events=[self._event()], clock=self.clock(epoch="epoch s"),
                structure=json.dumps(dict.fromkeys(sorted(fields), "VARCHAR")),
            )
        ]  # fmt: skip

    def _links(self) -> list[tuple[str, str]]:
        return [
            ("email", "email"),
            *(
                (self.phone() if kind == "phone" else kind, identifier(f"argument {argument}"))
                for argument, kind in self._identifiers.items()
            ),
        ]

    def _keep(self) -> dict[str, str]:
        # a category is a text or a list of texts
        several = "starts_with(category, '[') AND json_valid(category)"
        first = f"CASE WHEN {several} THEN json_extract_string(category, '$[0]') ELSE category END"
        message = "coalesce(split_part(sg_message_id, '.', 1), \"smtp-id\")"
        told = {name: identifier(name) for name in _TOLD}
        further = {name: identifier(f"argument {field}") for name, field in self._properties.items()}
        return {
            "moment": '"timestamp"',
            "native": "event",
            "touchpoint": _by_event("touchpoint", "event"),
            "who": _by_event("actor", "'system'"),
            "failed": "CASE WHEN event IN ('dropped', 'bounce') THEN TRUE END",
            "machine": "coalesce(lower(sg_machine_open) = 'true', FALSE)",
            "mail": number_of("email", message),
            "link": "CASE WHEN event = 'click' THEN url END",
            "campaign": f"coalesce(marketing_campaign_name, singlesend_name, mc_auto_name, {first})",
            "properties": json_text(
                {"url": mailings.without_query("url"), "category": "category", **told, **further}
            ),
        }

    def _event(self) -> Event:
        several = mailings.several_links("mail", "moment", "link")
        robot = (
            f"CASE WHEN native = 'open' AND machine THEN {literal(mailings.PRIVACY)} "
            f"WHEN {several} THEN {literal(mailings.AT_ONCE)} END"
        )
        return Event(
            {
                "timestamp": "moment", "native": "native", "touchpoint": "touchpoint",
                "actor": f"CASE WHEN {robot} IS NOT NULL THEN 'system' ELSE who END", "failed": "failed",
                "channel": "'email'", "campaign": "campaign",
                "properties": mailings.with_more("properties", {"robot": robot}),
            }
        )  # fmt: skip


def _by_event(what: str, otherwise: str) -> str:
    known = " ".join(
        f"WHEN {literal(default.native)} THEN {literal(getattr(default, what))}" for default in EVENTS
    )
    return f"CASE event {known} ELSE {otherwise} END"
