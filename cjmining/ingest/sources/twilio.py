"""Twilio Voice: the calls of an account, as the REST API lists them or a warehouse holds them.

Follows Twilio's Call resource (2010-04-01). A caller who hides the number comes as a number that spells the
reason on a telephone's keys (ANONYMOUS is +266696687), which names nobody.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Source, as_paths, files_in
from cjmining.ingest.sources.columns import json_text

_FIELDS = (
    "sid", "parent_call_sid", "from", "to", "direction", "status", "start_time", "end_time", "date_created",
    "date_updated", "answered_by", "forwarded_from",
)  # fmt: skip
_UNDERWAY = ("queued", "initiated", "ringing", "in-progress")
_HIDDEN = ("+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253")
"""ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE on a telephone's keys."""


class Twilio(Source):
    """Calls of Twilio Voice: one event for each, at its start.

    A call from outside is `call_answered` where one of the persons it was put through to took it,
    `call_self_served` where it was put through to nobody, and `call_abandoned` (failed) where nobody took it;
    a call by the company is `call_made`, failed where it reached nobody. The legs by which a call is put
    through are set aside, after they told that; so are calls still under way and calls between the
    company's own clients.

    Parameters
    ----------
    path : path or list of paths
        .json or .jsonl files as the API answers (pages, arrays or lines), or tables (.csv, .parquet) with the
        same fields; also .gz and .zip; or a folder of them.
    name : str
        What the log calls the source.
    region : str, optional
        Country of phone numbers without country code, such as "DE".

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Twilio("exports/calls")
    Twilio(name='calls')
    """

    kind: ClassVar[str] = "Twilio"
    about: ClassVar[About] = About(
        system="Twilio Voice",
        layouts=(
            Layout(
                "calls", ".json, .jsonl, .csv, .parquet", ("sid", "direction", "from", "to", "start_time")
            ),
            Layout("page of the API", ".json", ("calls", "next_page_uri")),
        ),
        touchpoints=(
            Default("inbound, put through", "call_answered", channel="phone"),
            Default("inbound, not put through", "call_self_served", channel="phone"),
            Default("inbound, nobody took it", "call_abandoned", channel="phone", failed="always"),
            Default(
                "outbound", "call_made", "company", "phone", failed="busy, failed, no-answer or canceled"
            ),
        ),
        identifiers=("phone",),
        measures=("duration_s: from start_time to end_time",),
        failed="calls that nobody took",
        needs="sid, direction, from, to, status, start_time or date_created",
        natural_key="sid, newest date_updated",
        times="in UTC, to the second",
        robots="none are marked; a machine that answers stands in the property answered_by",
        documentation=("https://www.twilio.com/docs/voice/api/call-resource",),
        checked="a fixture by hand",
    )
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self, path: str | Path | Sequence[str | Path], *, name: str = "calls", region: str | None = None
    ) -> None:
        super().__init__(name=name, region=region)
        self.timezone_given = True  # times say that they are UTC
        self._path = path

    def feeds(self) -> Sequence[Feed]:
        """Return the one feed of the calls."""
        what = f"source {self.name!r}"
        endings = (".json", ".jsonl", ".ndjson", ".csv", ".parquet")
        inputs = files_in(as_paths(self._path, what), endings, what)
        customer = 'CASE WHEN "direction" = \'inbound\' THEN "from" ELSE "to" END'
        known = f"regexp_matches({customer}, '^[+0-9]') AND {customer} NOT IN {_HIDDEN}"
        number = f"CASE WHEN {known} THEN {customer} END"
        columns = [
            Column("sid", needed=True, filled=True, aliases=("id",)),
            Column("direction", needed=True, filled=True), Column("status", needed=True, filled=True),
            Column("from", needed=True), Column("to", needed=True),
            Column("start_time", "time"), Column("end_time", "time"),
            Column("date_created", "time", aliases=("created_at",)),
            Column("date_updated", "time", aliases=("updated_at",)),
            *(Column(name) for name in ("parent_call_sid", "answered_by", "forwarded_from")),
        ]  # fmt: skip
        return [
            Feed(
                "calls", inputs, columns, _keep(), [(self.phone(), number)],
                key=('"sid"',), version='"date_updated"',
                checks=[
                    ('coalesce("start_time", "date_created") IS NULL', "neither start_time nor date_created")
                ],
                asides=[
                    ('"parent_call_sid" IS NOT NULL', "a leg of another call"),
                    (f'"status" IN {_UNDERWAY}', "still under way"),
                    (
                        "starts_with(\"from\", 'client:') AND starts_with(\"to\", 'client:')",
                        "a call within the company",
                    ),
                ],
                events=[_call()], clock=self.clock("%a, %d %b %Y %H:%M:%S %z"),
                structure=json.dumps(dict.fromkeys(_FIELDS, "VARCHAR")), wrapped=("calls",),
            )
        ]  # fmt: skip


def _legs(condition: str) -> str:
    """SQL: how many legs of a call there are in its file."""
    sound = f'"parent_call_sid" IS NOT NULL AND "r:reason" IS NULL AND {condition}'
    return f'count(*) FILTER (WHERE {sound}) OVER (PARTITION BY coalesce("parent_call_sid", "sid"))'


def _keep() -> dict[str, str]:
    legs, taken = _legs("TRUE"), _legs("\"status\" = 'completed'")
    how = (
        f"CASE WHEN \"direction\" <> 'inbound' THEN 'made' WHEN {taken} > 0 THEN 'answered' "
        f"WHEN \"status\" = 'completed' AND {legs} = 0 THEN 'self_served' ELSE 'abandoned' END"
    )
    return {
        "moment": 'coalesce("start_time", "date_created")',
        "ended": '"end_time"',
        "direction": '"direction"',
        "status": '"status"',
        "how": how,
        "properties": json_text(
            {name: f'"{name}"' for name in ("direction", "status", "answered_by")} | {"legs": legs}
        ),
    }


def _call() -> Event:
    return Event(
        {
            "timestamp": "moment",
            "native": "direction || ' ' || status",
            "touchpoint": "'call_' || how",
            "channel": "'phone'",
            "actor": "CASE how WHEN 'made' THEN 'company' ELSE 'customer' END",
            "failed": "how = 'abandoned' OR how = 'made' AND status <> 'completed'",
            "duration_s": "CASE WHEN ended >= moment THEN (epoch_us(ended) - epoch_us(moment)) / 1e6 END",
            "properties": "properties",
        }
    )
