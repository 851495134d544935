"""The source itself: its options, and a feed for each object that was exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cjmining.errors import SourceError, nearest
from cjmining.ingest.readers import Dialect
from cjmining.ingest.sources.base import Feed, Source, as_kinds, check_currency
from cjmining.ingest.sources.salesforce import activities, campaigns, cases, opportunities, people
from cjmining.ingest.sources.salesforce.exported import UNITS, Export
from cjmining.ingest.sources.salesforce.files import find_files
from cjmining.ingest.sources.salesforce.words import ABOUT

if TYPE_CHECKING:
    from cjmining.ingest.sources.about import About


class Salesforce(Source):
    """Exports of Salesforce's standard objects.

    Leads give `lead_created` and `lead_converted`; an opportunity's stages `opportunity_<stage>`; cases
    `case_opened`, `case_closed`, and with CaseHistory `case_reopened`, `case_escalated`, `case_assigned` and
    `case_<status>`; completed tasks `call_answered`, `call_made` and `email_sent`; meetings `meeting_held`;
    members of campaigns `campaign_joined` and `campaign_responded`. Objects that were not exported are not
    missed. Fields are those of the Object Reference (developer.salesforce.com).

    Of the records in the recycle bin only those that were merged into others count, since they tell who is
    who. Times are UTC, as the APIs write them; files of Data Loader may be in the zone of its settings, to be
    given. Dates without a time, such as ConvertedDate, are days of `timezone`.

    Parameters
    ----------
    path : path, list of paths, or {object: path, frame or list of paths}
        The folder of the export or its zip archive, or its files: Lead.csv, Contact.csv, ... (also .gz,
        .parquet, .json), and tables of Fivetran (lead.csv, opportunity_history.parquet).
    name : str
        What the log calls the source.
    unit : {"customer", "account", "opportunity"}
        Whose journeys these are. With "account" all contacts of an account are one customer, so that their
        web visits and mails are the account's too; with "opportunity" each opportunity is a journey, made of
        the events that name it.
    identifiers : {column: kind}, optional
        Further columns, on any of the objects, that identify a customer.
    currency : str, optional
        ISO 4217 code of Amount where the export has no CurrencyIsoCode.
    closed_statuses : sequence of str, optional
        Statuses of a closed case that neither begin with "Closed" nor are told by an exported CaseStatus.
    timezone : str, optional
        Zone of times without one; default UTC.
    region : str, optional
        Country of phone numbers without country code, such as "DE".
    encoding : str, optional
        Found by default.

    Examples
    --------
    >>> import cjmining as cj
    >>> cj.sources.Salesforce("exports/crm", region="DE", identifiers={"Customer_Number__c": "user_id"})
    Salesforce(name='crm')
    """

    kind: ClassVar[str] = "Salesforce"
    about: ClassVar[About] = ABOUT
    default_zone: ClassVar[str] = "UTC"

    def __init__(
        self,
        path: str | Path | Sequence[str | Path] | Mapping[str, Any],
        *,
        name: str = "crm",
        unit: str = "customer",
        identifiers: Mapping[str, str] | None = None,
        currency: str | None = None,
        closed_statuses: Sequence[str] = (),
        timezone: str | None = None,
        region: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(name=name, timezone=timezone, region=region)
        if unit not in UNITS:
            raise SourceError(
                f"source {name!r}: unit is one of {', '.join(map(repr, UNITS))}, not {unit!r}"
                f"{nearest(str(unit), UNITS)}"
            )
        self._path = path
        self._unit = unit
        self._identifiers = as_kinds(identifiers, "identifiers", name)
        self._currency = check_currency(currency, name)
        self._closed = [closed_statuses] if isinstance(closed_statuses, str) else list(closed_statuses)
        self._dialect = Dialect(encoding)

    def feeds(self) -> Sequence[Feed]:
        """Return a feed for each object, in the same places whichever were exported."""
        files, in_history_mode = find_files(
            self._path, f"source {self.name!r}", self._dialect, self._identifiers
        )
        export = Export(
            files=files,
            in_history_mode=in_history_mode,
            unit=self._unit,
            phone=self.phone(),
            currency=self._currency,
            closed=tuple(status.lower() for status in self._closed),
            further=self._identifiers,
            clock=self.clock(),
            dialect=self._dialect,
        )
        makers = (people, opportunities, cases, activities, campaigns)
        return [feed for maker in makers for feed in maker.feeds(export)]
