"""Zendesk Support: what the incremental exports write, the account's JSON export, and Fivetran's tables.

After the API reference (tickets, ticket audits, ticket metric events, ticket metrics, satisfaction ratings,
users) with its guides "Ticket audit events", "Ticket metric event types", "Via object" and "Via types", and
the columns that Fivetran's own models of Zendesk read. Assignment to another group is not documented as an
escalation, and is none here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from cjmining.errors import SourceError, shorten
from cjmining.ingest.files import TABLES, as_paths, bare, inputs_below, stem_of
from cjmining.ingest.readers import Dialect, Records
from cjmining.ingest.sources import zendesk_history, zendesk_tickets
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Feed, Input, Source, named_inputs
from cjmining.ingest.sources.columns import column_names
from cjmining.ingest.sources.zendesk_tickets import Parts

_API = "https://developer.zendesk.com/"
_FEEDS: Mapping[str, tuple[tuple[str, ...], Callable[[Parts, Sequence[Input]], Feed]]] = {
    "users": (("user",), zendesk_tickets.users),
    "tickets": (("ticket",), zendesk_tickets.tickets),
    "ticket_metrics": (("ticket_metric",), zendesk_tickets.metrics),
    "ticket_tags": (("ticket_tag",), zendesk_tickets.tags),
    "ticket_audits": (("ticket_audit", "audits"), zendesk_history.audits),
    "ticket_comments": (("ticket_comment", "comments"), zendesk_history.comments),
    "ticket_field_history": ((), zendesk_history.field_history),
    "ticket_metric_events": (("ticket_metric_event", "metric_events"), zendesk_history.metric_events),
    "satisfaction_ratings": (("satisfaction_rating",), zendesk_tickets.ratings),
}
"""Feed -> further names of its files, and what makes it."""


class Zendesk(Source):
    """Tickets of Zendesk Support, with their comments, changes of status, broken promises and ratings.

    A ticket is opened by its requester, answered by agents, replied to, solved, reopened and closed; only
    public comments count. Without audits (or Fivetran's history) the tickets and their metrics tell what they
    know: opened, first answered, solved. Tickets that agents or suspended users asked for are withdrawn,
    deleted ones set aside, and a ticket that was merged into another is neither solved nor closed by that.

    Parameters
    ----------
    path : path, list of paths, or {name: frame or path}
        A folder, a zip archive or files: tickets, users, ticket_audits, ticket_metric_events, ticket_metrics
        and satisfaction_ratings as .json or .jsonl (pages of the API, or one record a line), or Fivetran's
        ticket, user, ticket_comment, ticket_field_history, ticket_tag and satisfaction_rating as .csv or
        .parquet. Files of other names are told by what they hold. Each may be a frame under its name.
    name : str
        What the log calls the source.
    region : str, optional
        Country of phone numbers without country code, such as "DE".
    timezone : str, optional
        Zone of times without one; default UTC, as Fivetran writes them.
    comments : bool
        Whether to keep what customers wrote to their ratings, without addresses, numbers and names, as
        `comment` in the properties. Nothing else that anybody wrote is read.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Zendesk("exports/zendesk", region="DE")
    Zendesk(name='support')
    """

    kind: ClassVar[str] = "Zendesk"
    default_zone: ClassVar[str] = "UTC"
    about: ClassVar[About] = About(
        system="Zendesk Support",
        layouts=(
            Layout("tickets", "tickets.json (also .jsonl, .gz), pages or lines",
                   ("requester_id", "via", "subject"), ("tickets",)),
            Layout("ticket_audits", "ticket_audits.json", ("ticket_id", "author_id", "events"),
                   ("ticket_audits",)),
            Layout("ticket_metric_events", "ticket_metric_events.json",
                   ("ticket_id", "metric", "instance_id"), ("ticket_metric_events",)),
            Layout("ticket_metrics", "ticket_metrics.json", ("ticket_id", "reply_time_in_minutes"),
                   ("ticket_metrics",)),
            Layout("satisfaction_ratings", "satisfaction_ratings.json or satisfaction_rating.csv",
                   ("ticket_id", "requester_id", "score"), ("satisfaction_ratings", "satisfaction_rating")),
            Layout("users", "users.json", ("role", "external_id", "suspended"), ("users",)),
            Layout("ticket (Fivetran)", "ticket.csv or .parquet", ("requester_id", "via_channel"),
                   ("ticket",)),
            Layout("ticket_field_history (Fivetran)", "ticket_field_history.csv or .parquet",
                   ("field_name", "ticket_id", "updated"), ("ticket_field_history",)),
            Layout("ticket_comment (Fivetran)", "ticket_comment.csv or .parquet",
                   ("ticket_id", "voice_comment"), ("ticket_comment",)),
            Layout("ticket_tag (Fivetran)", "ticket_tag.csv or .parquet", ("ticket_id", "tag"),
                   ("ticket_tag",)),
            Layout("user (Fivetran)", "user.csv or .parquet", ("role", "external_id", "_fivetran_synced"),
                   ("user",)),
        ),
        needs="tickets: id, requester_id, created_at; everything else: id, ticket_id and its time",
        natural_key="id; of tickets the newest generated_timestamp (else updated_at), of Fivetran's rows the "
        "newest _fivetran_synced",
        times="UTC, to the second",
        touchpoints=(
            Default("ticket opened", "ticket_opened", channel="as via says",
                    note="by the company where an agent submitted it"),
            Default("ticket replied", "ticket_replied", channel="as via says"),
            Default("ticket answered", "ticket_answered", actor="company", channel="the ticket's"),
            Default("ticket solved", "ticket_solved", actor="company", channel="the ticket's",
                    note="or the customer's, or the system's where a rule did it"),
            Default("ticket reopened", "ticket_reopened", channel="the ticket's", note="by whoever did it"),
            Default("ticket closed", "ticket_closed", actor="system", channel="the ticket's"),
            Default("reply_time breached", "promise_broken", actor="company", channel="the ticket's",
                    failed="true", note="any metric of an SLA"),
            Default("rating offered", "survey_sent", actor="company", channel="survey"),
            Default("rating good or bad", "survey_answered", channel="survey"),
        ),
        identifiers=("zendesk_user", "zendesk_ticket", "zendesk_organization", "email", "phone", "user_id"),
        measures=(
            "wait_s: until an answer, as the metric reply_time has it",
            "duration_s: of a call in a ticket",
            "satisfaction: good 1, bad 0",
        ),
        failed="a breached SLA",
        robots="tickets of agents and of suspended users are withdrawn, notes of merges and private comments "
        "too; notifications by rules are not read",
        documentation=(
            f"{_API}api-reference/ticketing/tickets/tickets/",
            f"{_API}documentation/ticketing/reference-guides/ticket-audit-events-reference",
            f"{_API}documentation/ticketing/reference-guides/ticket-metric-event-types-reference",
            f"{_API}documentation/ticketing/reference-guides/via-types",
            "https://github.com/singer-io/tap-zendesk/tree/master/tap_zendesk/schemas",
            "https://github.com/fivetran/dbt_zendesk_source",
        ),
        checked="by hand against the documentation, and the tickets' own account against the audits' of the "
        "same tickets; no free sample of real tickets is known",
    )  # fmt: skip

    def __init__(
        self,
        path: Any,  # noqa: ANN401 -- paths, or a mapping of frames and paths
        *,
        name: str = "support",
        region: str | None = None,
        timezone: str | None = None,
        comments: bool = True,
    ) -> None:
        super().__init__(name=name, region=region, timezone=timezone)
        if not isinstance(comments, bool):
            raise SourceError(f"source {name!r}: comments is True or False, not {comments!r}")
        self._path = path
        self._comments = comments

    def feeds(self) -> Sequence[Feed]:
        """Return a feed for each kind of record, in one order whatever was exported."""
        what = f"source {self.name!r}"
        files = self._files(what)
        parts = Parts(self.clock(), self.phone(), self._comments)
        feeds = []
        for stem, (_, make) in _FEEDS.items():
            formats = {given.format for given in files[stem]}
            if "json" in formats and formats & {"parquet", "frame"}:
                raise SourceError(
                    f"{what}: {stem} is there as JSON and as a table ({files[stem][0].name}, "
                    f"{files[stem][-1].name}); give one of the two"
                )
            feeds.append(make(parts, files[stem]))
        return feeds

    def _files(self, what: str) -> Mapping[str, Sequence[Input]]:
        """Return the files of each kind: by what they are called, else by what they hold."""
        stems = {stem: further for stem, (further, _) in _FEEDS.items()}
        if isinstance(self._path, Mapping):
            return named_inputs(self._path, stems, what)
        called = {bare(name): stem for stem, further in stems.items() for name in (stem, *further)}
        found: dict[str, list[Input]] = {stem: [] for stem in stems}
        others = []
        for each in (each for path in as_paths(self._path, what) for each in inputs_below(path)):
            name = (each.member or each.name).lower().removesuffix(".gz")
            readable = name.endswith((*TABLES, ".json", ".jsonl", ".ndjson"))
            stem = called.get(stem_of(each)) or (self._held(each, called) if readable else None)
            if stem and readable:
                found[stem].append(each)
            else:
                others.append(each.name)
        if not any(found.values()):
            raise SourceError(
                f"{what}: no file holds tickets, audits, users or other records of Zendesk, as its API "
                f"writes them or as Fivetran's tables; found {shorten(others) or 'nothing'}"
            )
        return found

    def _held(self, given: Input, called: Mapping[str, str]) -> str | None:
        """Say of what a file holds records, by the columns or keys that tell it."""
        try:
            if given.format == "json":
                wrapped = ("tickets", "audits", *_FEEDS)
                lines = Records(given, Dialect(), lines=True, wrapped=wrapped).first_lines(20)
                names = {key for line in lines for key in _keys(line)}
            else:
                names = set(column_names(given, Dialect()))
        except SourceError:
            return None  # no table at all
        fitting = [layout for layout in self.about.layouts if names >= set(layout.columns)]
        best = max(fitting, key=lambda layout: len(layout.columns), default=None)
        return None if best is None else called[bare(best.stems[0])]


def _keys(line: str) -> list[str]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return list(record) if isinstance(record, dict) else []
