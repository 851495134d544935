"""Marketo Engage: bulk extracts of activities and leads, and the same as tables of Fivetran.

Follows Adobe's Bulk Activity Extract and Activities of the REST API, its Filtering Email Bot Activity, and
Fivetran's schema of Marketo (one table for each type of activity).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from cjmining.errors import SourceError, nearest, shorten
from cjmining.ingest.database import identifier, literal, number_of
from cjmining.ingest.files import TABLES, Input, as_paths, bare, inputs_below, named_inputs, stem_of
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources import mailings, marketo_types
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Listed, Lookup, Source, as_kinds
from cjmining.ingest.sources.columns import column_names, json_text

FIELDS: Final = (
    "marketoGUID", "leadId", "activityDate", "activityTypeId", "campaignId", "primaryAttributeValueId",
    "primaryAttributeValue", "attributes", "actionResult",
)  # fmt: skip
"""Fields of a bulk extract, which `columnHeaderNames` may have renamed."""
SUFFIXES: Final = (*TABLES, ".ssv", ".json", ".jsonl", ".ndjson")
_ALIASES: Final = {
    "marketoGUID": ("id",), "leadId": ("Lead ID", "Person ID"), "activityDate": ("Activity Date",),
    "activityTypeId": ("Activity Type ID",),
}  # fmt: skip
_KEPT: Final = {
    "Link": "link", "Device": "device", "Is Bot Activity": "bot", "Bot Activity Pattern": "bot_pattern",
    "Category": "category", "Subcategory": "subcategory", "New Status": "became", "Old Status": "was",
    "Success": "success", "Source Type": "source_type", "New Stage": "stage", "Old Stage": "old_stage",
}  # fmt: skip
"""Attributes that events are made of, each read once."""
_TOLD: Final = (
    "Category", "Subcategory", "Old Status", "New Status", "Source Type", "Old Stage", "New Stage",
    "Bot Activity Pattern",
)  # fmt: skip
_ATTRIBUTES: Final = (*_KEPT, "Merge IDs", "Email")


class Marketo(Source):
    """Marketo's bulk extracts of activities and leads, or Fivetran's tables of them.

    Files are told apart by their header: those with an activity's date and type, those of leads, and
    campaigns that give names. Merges (activity type 32) make the leads merged one customer.

    Parameters
    ----------
    path : path, list of paths, or {"activities": ..., "leads": ..., "campaigns": ..., "types": ...}
        A folder or zip archive with the extracts (.csv, .tsv, .ssv, also .gz), pages of the REST API (.json)
        or Fivetran's tables (activity_send_email, ..., lead, campaign; CSV or Parquet), or such files; as
        a mapping, frames too.
    name : str
        What the log calls the source.
    columns : {field: header}, optional
        Headers that `columnHeaderNames` renamed, such as {"leadId": "Person"}.
    types : path or {id: name}, optional
        The activity types of this subscription, as activities/types.json has them; a file types.json in the
        folder is found. Standard types are known.
    touchpoints : {type's name or id: touchpoint}, optional
        Touchpoints of custom activities, or of bookkeeping (such as "Change Score") that is left out else.
    identifiers : {column: kind}, optional
        Further columns of leads that identify a customer, such as {"customerNumber": "user_id"}.
    timezone : str, optional
        Zone of times without one (Fivetran's); default UTC.
    region : str, optional
        Country of phone numbers without country code, such as "DE".
    delimiter, encoding : str, optional
        Found by default.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Marketo("exports/marketo", touchpoints={"Change Score": "score_changed"})
    Marketo(name='marketo')
    """

    kind: ClassVar[str] = "Marketo"
    about: ClassVar[About] = About(
        system="Adobe Marketo Engage",
        layouts=(
            Layout(
                "activities",
                "bulk activity extracts: CSV, TSV, SSV, pages of JSON",
                ("leadId", "activityDate", "activityTypeId"),
                ("activities",),
            ),
            Layout(
                "activities by Fivetran",
                "activity_*.csv or .parquet",
                ("lead_id", "activity_date", "activity_type_id"),
                ("activity_send_email", "activity_click_email", "activity_merge_leads"),
            ),
            Layout("leads", "bulk lead extracts, Fivetran's lead", stems=("leads", "lead")),
            Layout("campaigns", "campaign.csv", stems=("campaigns", "campaign")),
            Layout("types", "types.json", stems=("types",)),
        ),
        touchpoints=(
            *(default for default in marketo_types.DEFAULTS if default.touchpoint != default.native),
            *marketo_types.DEPENDING,
        ),
        identifiers=("marketo_id", "email", "phone", "cookie", "crm_id"),
        dimensions=("campaign: the e-mail's or the program's name", "device: Device of opens and clicks"),
        failed="bounces, and what has the actionResult failed",
        needs="leadId, activityDate, activityTypeId; of leads id",
        natural_key="marketoGUID (Fivetran: id, newest _fivetran_synced); of leads id, newest updatedAt",
        times="they name their zone, UTC; to the second",
        robots="an open or a click with Is Bot Activity true is the system's; where Marketo doesn't say, "
        f"clicks on {mailings.AT_ONCE} of one e-mail are. The reason stands in the property robot. What was "
        "skipped is set aside",
        documentation=(
            "https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-extract/bulk-activity-extract",
            "https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/activities",
            "https://experienceleague.adobe.com/en/docs/marketo/using/product-docs/administration/email-setup/filtering-email-bot-activity",
            "https://fivetran.com/docs/connectors/applications/marketo",
        ),
        checked="the extract of Adobe's documentation; a fixture by hand of both layouts",
    )

    def __init__(
        self,
        path: Any,  # noqa: ANN401 -- paths, or frames by what they hold
        *,
        name: str = "marketo",
        columns: Mapping[str, str] | None = None,
        types: Any = None,  # noqa: ANN401 -- a path or a mapping
        touchpoints: Mapping[str | int, str] | None = None,
        identifiers: Mapping[str, str] | None = None,
        timezone: str | None = None,
        region: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone, region=region)
        self._path, self._types, self._touchpoints = path, types, dict(touchpoints or {})
        self._columns = self._checked_columns(columns)
        self._identifiers = as_kinds(identifiers, "identifiers", name)
        self._dialect = Dialect(encoding, delimiter)

    def _checked_columns(self, given: Mapping[str, str] | None) -> dict[str, str]:
        for field in given or {}:
            if field not in FIELDS:
                raise SourceError(
                    f"source {self.name!r}: columns is {{field: header}}; there is no field {field!r}"
                    f"{nearest(str(field), FIELDS)}; fields are {', '.join(FIELDS)}"
                )
        return dict(given or {})

    def feeds(self) -> Sequence[Feed]:
        """Return the feeds of activities, leads and campaigns, in one order whatever was exported."""
        found = self._found()
        types = self._known_types(found["types"])
        return [
            self._activities(found["activities"], types),
            self._leads(found["leads"]),
            self._campaigns(found["campaigns"]),
        ]

    def _found(self) -> dict[str, list[Input]]:
        what = f"source {self.name!r}"
        if isinstance(self._path, Mapping):
            kinds = ("activities", "leads", "campaigns", "types")
            return named_inputs(self._path, kinds, what)
        found: dict[str, list[Input]] = {kind: [] for kind in ("activities", "leads", "campaigns", "types")}
        others = []
        for given in (each for path in as_paths(self._path, what) for each in inputs_below(path)):
            kind, dialect = self._kind_of(given)
            if kind:
                found[kind].append(replace(given, dialect=dialect))
            else:
                others.append(given.name)
        read = found["activities"] + found["leads"]
        if not read:
            raise SourceError(
                f"{what}: no file has the columns leadId, activityDate and activityTypeId of activities (for "
                "renamed headers give columns={'leadId': ...}), and none is of leads; found "
                f"{shorten(others) or 'nothing'}"
            )
        if others:
            first = found["activities" if found["activities"] else "leads"]
            note = f"{what}: not read, since they have no columns of activities or leads: {shorten(others)}"
            first[0] = replace(first[0], note=note)
        return found

    def _kind_of(self, given: Input) -> tuple[str, Dialect | None]:
        """Say what a file holds, by its header, else by its name; one in one piece has blanks between."""
        stem = stem_of(given)
        if stem == "types":
            return "types", None
        if not (given.member or given.name).lower().removesuffix(".gz").endswith(SUFFIXES):
            return "", None
        if stem in {"campaign", "campaigns"}:
            return "campaigns", None
        names, dialect = column_names(given, self._dialect), None
        if len(names) == 1 and names[0].count(" ") > 1:
            names, dialect = names[0].split(" "), Dialect(self._dialect.encoding, " ")
        if given.format == "json" and "result" in names:
            return "activities", None
        known = {bare(name) for name in names}
        needed = [self._names_of_field(field) for field in ("leadId", "activityDate", "activityTypeId")]
        if all(known & {bare(name) for name in several} for several in needed) or stem.startswith("activit"):
            return "activities", dialect
        is_lead = stem in {"lead", "leads"} or {"id", "email"} <= known
        return ("leads", dialect) if is_lead else ("", None)

    def _names_of_field(self, field: str) -> tuple[str, ...]:
        return (self._columns.get(field, field), field, *_ALIASES.get(field, ()))

    def _known_types(self, files: Sequence[Input]) -> dict[int, str]:
        """The types' names by their numbers: the standard ones, then those of the subscription."""
        types = dict(marketo_types.IDS)
        given = [*files] if self._types is None or isinstance(self._types, Mapping) else [
            Input(path.name, path) for path in as_paths(self._types, f"source {self.name!r}, types")
        ]  # fmt: skip
        for file in given:
            types |= _read_types(file, f"source {self.name!r}")
        if isinstance(self._types, Mapping):
            types |= {int(number): str(name) for number, name in self._types.items()}
        known = {*types.values(), *map(str, types)}
        for asked in self._touchpoints:
            if str(asked) not in known:
                raise SourceError(
                    f"source {self.name!r}: touchpoints names no activity type by {asked!r}"
                    f"{nearest(str(asked), sorted(known))}; custom types need types=, a file of "
                    "activities/types.json"
                )
        return types

    def _activities(self, inputs: Sequence[Input], types: Mapping[int, str]) -> Feed:
        columns = [
            Column(
                field, "time" if field == "activityDate" else "text",
                field in _ALIASES and field != "marketoGUID",
                field in {"leadId", "activityDate", "activityTypeId"},
                tuple(name for name in self._names_of_field(field) if name != field),
            )
            for field in FIELDS
        ]  # fmt: skip
        columns += [Column(name) for name in _ATTRIBUTES]
        columns += [Column("_fivetran_synced", "time"), Column("_fivetran_deleted")]
        touchpoints = self._touchpoints_of(types)
        is_merge = f'"activityTypeId" IN ({_listed(types, [marketo_types.MERGE])})'
        merged = f"CASE WHEN {is_merge} THEN regexp_extract_all({_attribute('Merge IDs')}, '[0-9]+') END"
        identifiers = [
            ("marketo_id", _plain("leadId")),
            ("marketo_id", f"CASE WHEN {is_merge} THEN {_plain('primaryAttributeValueId')} END"),
            ("marketo_id", Listed(merged)),
            ("merged", f"CASE WHEN {is_merge} THEN 'marketo_id' END"),
            ("email", _attribute("Email")),
        ]
        kept = [marketo_types.MERGE, *(default.native for default in touchpoints)]
        bookkeeping = [name for name in marketo_types.BOOKKEEPING if name not in kept]
        return Feed(
            "activities", inputs, columns, _kept(types), identifiers, key=(_plain("marketoGUID"),),
            version='"_fivetran_synced"', wrapped=("result",),
            asides=[
                ('lower("_fivetran_deleted") IN (\'true\', \'1\')', "deleted in Marketo"),
                ("lower(\"actionResult\") = 'skipped'", "skipped by Marketo: it did not happen"),
                (f'"activityTypeId" IN ({_listed(types, bookkeeping)})',
                 "bookkeeping inside Marketo, no contact with the customer"),
                (f'"activityTypeId" NOT IN ({_listed(types, [*types.values()])})',
                 "of a type that is not known: give types=, a file of activities/types.json"),
            ],
            events=[_event(touchpoints)], clock=self.clock("%Y-%m-%dT%H:%M:%S%z"), dialect=self._dialect,
            lookups=[Lookup("campaigns", {"campaign_id": "campaign_id"}, {"campaign_name": "campaign_name"})],
        )  # fmt: skip

    def _touchpoints_of(self, types: Mapping[int, str]) -> list[Default]:
        """What becomes of each type: the user's word, else the default; a custom one keeps its name."""
        own = {
            types.get(int(k), str(k)) if str(k).isdigit() else str(k): t for k, t in self._touchpoints.items()
        }
        defaults = {default.native: default for default in marketo_types.DEFAULTS}
        special = {marketo_types.MERGE, marketo_types.PROGRESSION, *marketo_types.STAGES}
        made = []
        for name in dict.fromkeys(types.values()):
            default = defaults.get(name)
            if name in own:
                made.append(
                    Default(
                        name,
                        own[name],
                        default.actor if default else "customer",
                        default.channel if default else "",
                        default.failed if default else "",
                    )
                )
            elif default:
                made.append(default)
            elif name not in special and name not in marketo_types.BOOKKEEPING:
                made.append(Default(name, name))
        return made  # fmt: skip

    def _leads(self, inputs: Sequence[Input]) -> Feed:
        columns = [
            Column("id", needed=True, filled=True, aliases=("leadId", "Lead ID")), Column("email"),
            Column("phone"), Column("mobilePhone"), Column("cookies"), Column("sfdcContactId"),
            Column("sfdcLeadId"), Column("updatedAt", "time"), Column("_fivetran_synced", "time"),
            Column("_fivetran_deleted"),
        ]  # fmt: skip
        own = [name for name in self._identifiers if bare(name) not in {bare(c.name) for c in columns}]
        columns += [Column(name, needed=True) for name in own]
        cookies = "regexp_extract_all(\"cookies\", '_mch-[A-Za-z0-9._-]+')"
        identifiers = [
            ("marketo_id", _plain("id")), ("email", _plain("email")), (self.phone(), _plain("phone")),
            (self.phone(), _plain("mobilePhone")), ("crm_id", _plain("sfdcContactId")),
            ("crm_id", _plain("sfdcLeadId")),
            ("cookie", Listed(cookies)),
            *(
                (self.phone() if kind == "phone" else kind, _plain(column))
                for column, kind in self._identifiers.items()
            ),
        ]  # fmt: skip
        return Feed(
            "leads", inputs, columns, {}, identifiers, key=(_plain("id"),),
            version='coalesce("updatedAt", "_fivetran_synced")',
            asides=[('lower("_fivetran_deleted") IN (\'true\', \'1\')', "deleted in Marketo")],
            clock=self.clock("%Y-%m-%dT%H:%M:%S%z"), dialect=self._dialect,
        )  # fmt: skip

    def _campaigns(self, inputs: Sequence[Input]) -> Feed:
        columns = [Column("id", needed=True, filled=True), Column("name"), Column("_fivetran_synced", "time")]
        keep = {"campaign_id": '"id"', "campaign_name": '"name"'}
        return Feed(
            "campaigns", inputs, columns, keep, [], key=('"id"',), version='"_fivetran_synced"',
            reference=True, clock=self.clock(), dialect=self._dialect,
        )  # fmt: skip


def _kept(types: Mapping[int, str]) -> dict[str, str]:
    mails = [default.native for default in marketo_types.DEFAULTS if default.channel == "email"]
    named = [*mails, marketo_types.PROGRESSION]
    told = [*named, "Visit Webpage", "Fill Out Form", "Click Link", "Share Content", "Vote in Poll"]
    primary, type_ = _plain("primaryAttributeValue"), '"activityTypeId"'
    names = " ".join(f"WHEN '{number}' THEN {literal(name)}" for number, name in types.items())
    return {
        "moment": '"activityDate"',
        "native": f"CASE {type_} {names} END",
        "result": 'lower("actionResult")',
        "campaign_id": _plain("campaignId"),
        "campaign": f"CASE WHEN {type_} IN ({_listed(types, named)}) THEN {primary} END",
        # the primary attribute of other types may be a lead's name
        "asset": f"CASE WHEN {type_} IN ({_listed(types, told)}) THEN {mailings.without_query(primary)} END",
        "mail": number_of('"leadId"', '"primaryAttributeValueId"', _plain("campaignId")),
        **{kept: _attribute(name) for name, kept in _KEPT.items()},
    }


def _event(touchpoints: Sequence[Default]) -> Event:
    progression, stages = literal(marketo_types.PROGRESSION), ", ".join(map(literal, marketo_types.STAGES))
    clicked = "CASE native WHEN 'Click Email' THEN link END"
    bot = (
        "CASE WHEN lower(bot) = 'true' THEN 'a bot, says Marketo' "
        f"WHEN bot IS NULL AND {mailings.several_links('mail', 'moment', clicked)} "
        f"THEN {literal(mailings.AT_ONCE)} END"
    )
    by_type = {
        what: " ".join(
            f"WHEN {literal(d.native)} THEN {literal(getattr(d, what))}"
            for d in touchpoints
            if getattr(d, what)
        )
        for what in ("touchpoint", "actor", "channel")
    }
    success = "coalesce(lower(success) = 'true', FALSE)"
    stage = "'lifecycle_' || trim(regexp_replace(lower(stage), '[^[:alnum:]]+', '_', 'g'), '_')"
    failed = ", ".join(literal(d.native) for d in touchpoints if d.failed == "always") or "''"
    return Event(
        {
            "timestamp": "moment", "native": "native",
            "touchpoint": f"CASE native {by_type['touchpoint']} WHEN {progression} THEN CASE WHEN {success} "
            "THEN 'campaign_responded' WHEN was = 'Not in Program' THEN 'campaign_joined' ELSE native END "
            f"ELSE CASE WHEN native IN ({stages}) AND stage IS NOT NULL THEN {stage} ELSE native END END",
            "actor": f"CASE WHEN {bot} IS NOT NULL THEN 'system' ELSE CASE native {by_type['actor']} "
            f"WHEN {progression} THEN CASE WHEN {success} THEN 'customer' ELSE 'company' END "
            "ELSE 'company' END END",
            "channel": f"CASE native {by_type['channel']} WHEN {progression} THEN 'crm' ELSE "
            f"CASE WHEN native IN ({stages}) THEN 'crm' END END",
            "failed": f"CASE WHEN native IN ({failed}) OR result = 'failed' THEN TRUE END",
            "campaign": "campaign", "device": "CASE WHEN lower(device) <> 'unknown' THEN device END",
            "properties": json_text(
                {
                    "primaryAttributeValue": "asset",
                    "campaign": "campaign_name",
                    "Link": mailings.without_query("link"),
                    **{name: _KEPT[name] for name in _TOLD},
                    "robot": bot,
                }
            ),
        },
        when=f"native <> {literal(marketo_types.MERGE)}",
        withdrawn=f"CASE WHEN native = {progression} AND was = became THEN 'no change of status' END",
    )  # fmt: skip


def _plain(column: str) -> str:
    """SQL of a text, NULL where an extract has the word null."""
    return f"nullif({identifier(column)}, 'null')"


def _attribute(name: str) -> str:
    """SQL of an attribute: a column of its own, or in JSON, as an object or a list of names and values."""
    text = '"attributes"'
    path, form = literal(f'$."{name}"'), literal('[{"name":"VARCHAR","value":"VARCHAR"}]')
    in_list = f"list_filter(from_json({text}, {form}), lambda a: a.name = {literal(name)})[1].value"
    in_json = (
        f"CASE WHEN json_valid({text}) THEN CASE json_type({text}) "
        f"WHEN 'OBJECT' THEN json_extract_string({text}, {path}) WHEN 'ARRAY' THEN {in_list} END END"
    )
    return f"nullif(nullif(coalesce({identifier(name)}, {in_json}), 'null'), '')"


def _listed(types: Mapping[int, str], names: Sequence[str]) -> str:
    """SQL of the numbers of some types."""
    wanted = set(names)
    return ", ".join(f"'{number}'" for number, name in types.items() if name in wanted) or "''"


def _read_types(file: Input, what: str) -> dict[int, str]:
    try:
        with file.open() as stream:
            read = json.loads(stream.read())
        listed = read["result"] if isinstance(read, dict) else read
        return {int(each["id"]): str(each["name"]) for each in listed}
    except (ValueError, KeyError, TypeError) as problem:
        raise SourceError(
            f"{what}: {file} is not what activities/types.json returns: a list of types with id and name"
        ) from problem
