"""Qualtrics: exports of a survey's responses, and the history of a distribution.

Follows Qualtrics' Understanding Your Dataset, the published export of the R package qualtRics, and for
distributions the API's history as that package reads it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from cjmining.errors import SourceError, nearest, shorten
from cjmining.ingest.casts import check_zone
from cjmining.ingest.comments import KEPT_COLUMN, KEPT_NAMES, KEPT_NATIVE
from cjmining.ingest.database import identifier, literal
from cjmining.ingest.files import Input, as_paths, bare, inputs_below
from cjmining.ingest.sources.about import About, Default, Layout
from cjmining.ingest.sources.base import Column, Event, Feed, Lookup, Source, as_kinds
from cjmining.ingest.sources.columns import json_text
from cjmining.ingest.sources.qualtrics_files import STANDARD, Asked, Header, header_of
from cjmining.ingest.sources.questions import SCALES, Question, answer, questions_of
from cjmining.ingest.sources.table import named_columns

_TEXTS: Final = (".csv", ".tsv", ".txt")
_OTHER_FORMS: Final = {
    ".xml": "XML", ".sav": "SPSS", ".spss": "SPSS", ".json": "JSON", ".ndjson": "NDJSON", ".xlsx": "Excel",
    ".qsf": "a survey's design",
}  # fmt: skip
_STARTED, _ANSWERED = "Response started", "Response recorded"
_STATUS = 'try_cast("status" AS INTEGER)'
_ASIDES: Final = (
    (
        (
            f"({_STATUS} & 3) > 0 OR regexp_matches(lower(\"status\"), 'preview|test|vorschau') "
            "OR lower(\"distributionChannel\") IN ('preview', 'test')"
        ),
        "a preview or a test",
    ),
    (f"({_STATUS} & 8) > 0 OR lower(\"status\") LIKE '%spam%'", "possible spam, says Qualtrics"),
)
_HISTORY: Final = {
    "contactId": ("Contact ID", "Recipient ID"), "contactLookupId": (), "distributionId": (),
    "responseId": ("Response ID",), "status": (), "email": ("Recipient Email",),
    "externalDataReference": ("External Data Reference",),
}  # fmt: skip


class Qualtrics(Source):
    """Responses to a survey, as Qualtrics exports them (CSV or TSV), and the history of its distribution.

    A response gives `survey_started` and `survey_answered`; one that was left before its end gives the
    latter, failed, only where something was answered; -99, which Qualtrics writes on request for questions
    seen but unanswered, is no answer. Location and network address are not read.

    Parameters
    ----------
    path : path or list of paths
        A folder or zip archive with the exports of one survey (.csv, .tsv, also .gz), or such files: with
        three header rows, the two of the legacy export, or one; numeric values or choice texts.
    name : str
        What the log calls the source.
    questions : {question: scale}, optional
        Questions that tell satisfaction, by tag or ImportId: "nps" (0 to 10), "csat" (1 to 5), "ces" (1 to 7,
        7 the best), ("csat", 1, 7) for another scale, its worst answer first, or ("csat", [texts from the
        worst to the best]). The first one is the events' satisfaction; all stand in the properties, with
        their scale. A question with a column `..._NPS_GROUP` beside it is known to be one of "nps".
    comments : sequence of str or bool, optional
        Questions whose free text is kept, with "[..]" in place of names, addresses and numbers, as `comment`
        in the properties; default: all questions for text but those for names and addresses; False: none.
    identifiers : {embedded data: kind}, optional
        Further columns that identify a customer, such as {"CustomerID": "user_id"}.
    reference : str
        Kind of identifier that ExternalReference holds; default "user_id".
    properties : sequence of str or {name: column}, optional
        Further columns, such as embedded data, kept as JSON text for labels. Name no personal ones.
    survey : str, optional
        What the survey is called; becomes the events' campaign.
    timezone : str, optional
        Zone of the export's times; default: the one that its header names, else UTC.
    region : str, optional
        Country of phone numbers without country code, such as "DE".
    encoding : str, optional
        Found by default.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Qualtrics("exports/survey", questions={"Q5": "nps", "Q2": ("csat", 1, 5)})
    Qualtrics(name='survey')
    """

    kind: ClassVar[str] = "Qualtrics"
    about: ClassVar[About] = About(
        system="Qualtrics",
        layouts=(
            Layout(
                "responses", "*.csv or *.tsv with three header rows", ("StartDate", "EndDate", "ResponseId")
            ),
            Layout(
                "responses", "*.csv or *.tsv with three header rows", ("startDate", "_recordId", "finished")
            ),
            Layout("legacy responses", "*.csv with two header rows", ("V1", "V8", "V9", "V10")),
            Layout(
                "distributions",
                "the history of a distribution, Fivetran's distribution_contact",
                ("contactId", "sentAt", "responseStartedAt"),
                ("distribution_contact", "distribution_history"),
            ),
        ),
        touchpoints=(
            Default(_STARTED, "survey_started", channel="survey"),
            Default(
                _ANSWERED,
                "survey_answered",
                channel="survey",
                failed="where it was left before its end",
                note="left before any answer: none",
            ),
            Default("Invitation sent", "survey_sent", "company", "email", "where it bounced or failed"),
            Default("Invitation opened", "email_opened", channel="email"),
        ),
        identifiers=("email", "user_id", "qualtrics_contact", "qualtrics_response"),
        measures=(
            "satisfaction: the first of questions=, from 0 to 1; answers and scales stand in the properties",
            "duration_s: of survey_started, until the response's end",
        ),
        dimensions=("campaign: the survey's name, where survey= is given",),
        failed="responses that were left before their end; invitations that bounced",
        needs="startDate and endDate, by ImportId or name; contactId of distributions",
        natural_key="ResponseId, newest RecordedDate; of distributions contact and distribution",
        times="the zone that the header's third row names, else the one given, else UTC; to the second",
        robots="previews, tests and possible spam (by Status, numeric or text, or the distribution channel) "
        "are set aside, and responses by an anonymous link that name nobody",
        documentation=(
            "https://www.qualtrics.com/support/survey-platform/data-and-analysis-module/data/download-data/understanding-your-dataset/",
            "https://docs.ropensci.org/qualtRics/reference/fetch_distribution_history.html",
            "https://fivetran.com/docs/connectors/applications/qualtrics/connector-schema",
        ),
        checked="the export published with qualtRics; fixtures by hand with three, two and one header rows",
    )

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        name: str = "survey",
        questions: Mapping[str, object] | None = None,
        comments: Sequence[str] | str | bool | None = None,
        identifiers: Mapping[str, str] | None = None,
        reference: str = "user_id",
        properties: Sequence[str] | Mapping[str, str] = (),
        survey: str | None = None,
        timezone: str | None = None,
        region: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone, region=region)
        self._path, self._survey, self._reference, self._encoding = path, survey, reference, encoding
        self._questions = questions_of(questions, name)
        self._comments = [comments] if isinstance(comments, str) else comments
        self._identifiers = as_kinds(identifiers, "identifiers", name)
        self._properties = named_columns(properties, name, "properties")

    def feeds(self) -> Sequence[Feed]:
        """Return the feeds of the responses and of the distributions."""
        responses, histories = self._found()
        return [self._responses(responses), self._distributions(histories)]

    def _found(self) -> tuple[list[tuple[Input, Header]], list[Input]]:
        what = f"source {self.name!r}"
        responses, histories, others = [], [], []
        for given in (each for path in as_paths(self._path, what) for each in inputs_below(path)):
            file = (given.member or given.name).lower().removesuffix(".gz")
            if not file.endswith(_TEXTS):
                others.append(given.name)
                continue
            header = header_of(given, self._encoding, self._wanted())
            names = {bare(column.name) for column in header.columns}
            read = Input(given.name, given.path, member=given.member, dialect=header.dialect)
            if {"contactid", "sentat"} <= names:
                plain = replace(header.dialect, header_rows=1, naming=None)  # these have names of their own
                histories.append(replace(read, dialect=plain))
            elif {"startdate", "enddate"} <= names:
                responses.append((read, header))
            else:
                raise SourceError(_unknown(what, given.name, names))
        if not responses and not histories:
            raise SourceError(_nothing(what, others))
        return responses, histories

    def _wanted(self) -> set[str]:
        comments = self._comments if isinstance(self._comments, Sequence) else ()
        questions = [question.column for question in self._questions]
        return {*questions, *comments, *self._identifiers, *self._properties.values()}

    def _responses(self, files: Sequence[tuple[Input, Header]]) -> Feed:
        zone = self._zone(files)
        columns = list(dict.fromkeys(column for _, header in files for column in header.columns))
        names = {column.name for column in columns}
        for wanted in sorted(self._wanted() - names) if files else ():
            found = sorted(name for name in names - set(STANDARD) if name)
            raise SourceError(
                f"source {self.name!r}: no export has a column {wanted!r}{nearest(wanted, found)} (looked in "
                f"{shorten([given.name for given, _ in files])}); columns found: {shorten(found, 40)}"
            )
        questions = [*self._questions, *self._recognised(names)]
        asked = self._asked(columns)
        used = dict.fromkeys(
            (*(q.column for q in questions), *asked, *self._identifiers, *self._properties.values())
        )
        persons = self._persons()
        nobody = f"coalesce({', '.join(sql for _, sql in persons)}) IS NULL"
        identifiers = [*persons, ("qualtrics_response", f'CASE WHEN NOT ({nobody}) THEN "_recordId" END')]
        first = f"e:{questions[0].column}" if questions else ""
        return Feed(
            "responses", [given for given, _ in files],
            [*_standard_columns(), *(Column(name) for name in used if name not in STANDARD)],
            self._keep(questions, asked), identifiers, key=('coalesce("_recordId", "startDate:text")',),
            version='"recordedDate"',
            asides=[*_ASIDES, (nobody, "an anonymous link that names nobody")],
            left_out=[question.left_out() for question in questions],
            events=self._events(first), clock=replace(self.clock(), zone=zone), comment=bool(asked),
        )  # fmt: skip

    def _asked(self, columns: Sequence[Asked]) -> list[str]:
        """The questions whose answers are comments: those named, else all for text that nothing else uses."""
        if isinstance(self._comments, Sequence):
            return list(self._comments)
        taken = {*self._identifiers, *self._properties.values(), *(q.column for q in self._questions)}
        return (
            [] if self._comments is False else [c.name for c in columns if c.is_text and c.name not in taken]
        )

    def _zone(self, files: Sequence[tuple[Input, Header]]) -> str:
        """The zone given, else the one that the exports name."""
        zones = {header.zone for _, header in files if header.zone}
        if self.timezone_given or not zones:
            return self.timezone
        if len(zones) > 1:
            raise SourceError(
                f"source {self.name!r}: the exports name several zones ({', '.join(sorted(zones))}); export "
                "them with one, or read them as sources of their own"
            )
        zone = check_zone(zones.pop(), f"source {self.name!r}: ")
        self.timezone, self.timezone_given = zone, True
        return zone

    def _recognised(self, names: set[str]) -> list[Question]:
        """Questions that Qualtrics itself groups into promoters, passives and detractors."""
        bases = [name.removesuffix("_NPS_GROUP") for name in sorted(names) if name.endswith("_NPS_GROUP")]
        given = {question.column for question in self._questions}
        return [
            Question(base, "nps", *SCALES["nps"]) for base in bases if base in names and base not in given
        ]

    def _persons(self) -> list[tuple[str, str]]:
        reference, crm = '"externalDataReference"', "'^(003|00Q)[a-zA-Z0-9]{12}([a-zA-Z0-9]{3})?$'"
        is_email, is_crm = f"contains({reference}, '@')", f"regexp_matches({reference}, {crm})"
        return [
            ("email", '"recipientEmail"'),
            ("email", f"CASE WHEN {is_email} THEN {reference} END"),
            ("crm_id", f"CASE WHEN {is_crm} THEN {reference} END"),
            (self._kind(self._reference), f"CASE WHEN NOT {is_email} AND NOT {is_crm} THEN {reference} END"),
            *((self._kind(kind), identifier(column)) for column, kind in self._identifiers.items()),
        ]

    def _kind(self, kind: str) -> str:
        return self.phone() if kind == "phone" else kind

    def _keep(self, questions: Sequence[Question], comments: Sequence[str]) -> dict[str, str]:
        told = {
            "DistributionChannel": '"distributionChannel"', "UserLanguage": '"userLanguage"',
            "Progress": '"progress"',
            **{name: identifier(column) for name, column in self._properties.items()},
        }  # fmt: skip
        for question in questions:
            told[question.column] = question.text
            told[f"{question.column}_scale"] = (
                f"CASE WHEN {question.text} IS NOT NULL THEN {literal(question.said)} END"
            )
            told[f"{question.column}_satisfaction"] = f"round({question.scaled()}, 6)"
        answered = ", ".join(map(answer, dict.fromkeys((*(q.column for q in questions), *comments))))
        keep = {
            "started": '"startDate"', "moment": 'coalesce("endDate", "recordedDate")',
            "response": 'pseudonym("_recordId")',
            "done": "coalesce(lower(\"finished\") IN ('1', 'true') "
            "OR try_cast(\"progress\" AS DOUBLE) = 100, FALSE)",
            "answered": f"coalesce({answered}) IS NOT NULL" if answered else "FALSE",
            "took": 'coalesce("duration", (epoch_us("endDate") - epoch_us("startDate")) / 1e6)',
            "properties": json_text(told),
            **{f"e:{question.column}": question.scaled() for question in questions},
        }  # fmt: skip
        if comments:
            texts = ", ".join(map(answer, comments))
            keep |= {
                KEPT_COLUMN: f"nullif(concat_ws(' / ', {texts}), '')",
                KEPT_NAMES: 'concat_ws(\' \', "recipientFirstName", "recipientLastName", "recipientName")',
                KEPT_NATIVE: literal(_ANSWERED),
            }
        return keep

    def _events(self, satisfaction: str) -> list[Event]:
        shared = {"channel": "'survey'", "campaign": literal(self._survey) if self._survey else "NULL"}
        started = Event(
            {"timestamp": "started", "native": literal(_STARTED), "touchpoint": "'survey_started'",
             "duration_s": "CASE WHEN took >= 0 THEN took END", **shared},
            when="started IS NOT NULL",
        )  # fmt: skip
        answered = Event(
            {"timestamp": "moment", "native": literal(_ANSWERED), "touchpoint": "'survey_answered'",
             "failed": "CASE WHEN NOT done THEN TRUE END", "properties": "properties",
             "satisfaction": identifier(satisfaction) if satisfaction else "NULL", **shared},
            when="moment IS NOT NULL AND (done OR answered)",
        )  # fmt: skip
        return [started, answered]

    def _distributions(self, inputs: Sequence[Input]) -> Feed:
        times = ("sentAt", "openedAt", "responseStartedAt", "responseCompletedAt")
        columns = [
            *(Column(name, needed=name == "contactId", filled=name == "contactId", aliases=aliases)
              for name, aliases in _HISTORY.items()),
            *(Column(name, "time", needed=name == "sentAt") for name in times),
        ]  # fmt: skip
        keep = {
            "moment": f"coalesce({', '.join(map(identifier, times))})", "sent": '"sentAt"',
            "opened": '"openedAt"', "started": '"responseStartedAt"', "completed": '"responseCompletedAt"',
            "response": 'pseudonym("responseId")',
            "lost": "regexp_matches(lower(\"status\"), 'bounce|fail')",
        }  # fmt: skip
        in_responses = "CASE WHEN told IS NOT NULL THEN 'told by the response too' END"
        campaign = literal(self._survey) if self._survey else "NULL"
        events = [
            Event(
                {"timestamp": time, "native": literal(native), "touchpoint": literal(touchpoint),
                 "actor": literal(actor), "channel": literal(channel), "campaign": campaign,
                 "failed": "CASE WHEN lost THEN TRUE END" if time == "sent" else "NULL"},
                when=f"{time} IS NOT NULL", withdrawn=withdrawn,
            )
            for time, native, touchpoint, actor, channel, withdrawn in (
                ("sent", "Invitation sent", "survey_sent", "company", "email", "NULL"),
                ("opened", "Invitation opened", "email_opened", "customer", "email", "NULL"),
                ("started", _STARTED, "survey_started", "customer", "survey", in_responses),
                ("completed", _ANSWERED, "survey_answered", "customer", "survey", in_responses),
            )
        ]  # fmt: skip
        identifiers = [
            ("qualtrics_contact", '"contactId"'), ("email", '"email"'),
            (self._kind(self._reference), '"externalDataReference"'), ("qualtrics_response", '"responseId"'),
        ]  # fmt: skip
        return Feed(
            "distributions", inputs, columns, keep, identifiers,
            key=('"contactId"', '"contactLookupId"', '"distributionId"'),
            version="coalesce(\"responseCompletedAt\", \"responseStartedAt\", \"openedAt\", \"sentAt\")",
            events=events, clock=self.clock(),
            lookups=[Lookup("responses", {"response": "response"}, {"told": "response"})],
        )  # fmt: skip


def _standard_columns() -> list[Column]:
    times, needed = {"startDate", "endDate", "recordedDate"}, {"startDate", "endDate"}
    unread = {"ipAddress", "locationLatitude", "locationLongitude"}
    return [
        Column(
            name, "time" if name in times else "number" if name == "duration" else "text",
            needed=name in needed, filled=name in needed,
        )
        for name in STANDARD
        if name not in unread
    ]  # fmt: skip


def _nothing(what: str, others: Sequence[str]) -> str:
    """Say that there is no export to read, and what to do where there is one of another form."""
    forms = sorted(
        {form for ending, form in _OTHER_FORMS.items() for name in others if name.lower().endswith(ending)}
    )
    if forms:
        return (
            f"{what}: {shorten(list(others))} is {' or '.join(forms)}, which isn't read; in Qualtrics choose "
            "Data & Analysis, Export & Import, Export Data, and there CSV or TSV"
        )
    return f"{what}: there is no .csv or .tsv with responses; found {shorten(list(others)) or 'nothing'}"


def _unknown(what: str, name: str, columns: Collection[str]) -> str:
    return (
        f"{what}: {name} has not the columns StartDate and EndDate of responses, nor contactId and sentAt of "
        f"a distribution's history; it has {shorten(sorted(columns)) or 'none'}. Leave it out, or export it "
        "again"
    )
