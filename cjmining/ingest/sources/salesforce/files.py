"""Which file is of which object, and files that look like another than they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cjmining.errors import SourceError
from cjmining.ingest.files import TABLES, Input, bare, named_inputs
from cjmining.ingest.sources.columns import column_names

if TYPE_CHECKING:
    from cjmining.ingest.readers import Dialect

OBJECTS = (
    "Lead", "Contact", "Account", "Opportunity", "OpportunityContactRole", "OpportunityHistory",
    "OpportunityFieldHistory", "Case", "CaseHistory", "CaseStatus", "Task", "Event", "Campaign",
    "CampaignMember", "User",
)  # fmt: skip
_HISTORY_OF = {
    "OpportunityHistory": ("OpportunityId", "Opportunity"),
    "OpportunityFieldHistory": ("OpportunityId", "Opportunity"),
    "CaseHistory": ("CaseId", "Case"),
}
"""The objects of Salesforce's own histories: the column they need, and whose history they are."""
_VERSIONED = "fivetranactive"
_LABELS = (
    "leadid", "contactid", "accountid", "opportunityid", "caseid", "casenumber", "activityid", "campaignid",
    "leadowner", "contactowner", "accountname", "opportunityname", "createdate", "createddate",
)  # fmt: skip
"""Labels of reports' columns, of which those with a blank are no field's name."""


def find_files(
    given: object, what: str, dialect: Dialect
) -> tuple[Mapping[str, Sequence[Input]], frozenset[str]]:
    """Return the files by object, and the objects whose files have a row for each version of a record."""
    found = named_inputs(given, OBJECTS, what, suffixes=(*TABLES, ".json", ".jsonl", ".ndjson"))
    files: dict[str, list[Input]] = {name: [] for name in OBJECTS}
    versioned = set()
    for name, inputs in found.items():
        for each in inputs:
            columns = column_names(each, dialect)
            _check(columns, f"{what}, {each.name}")
            names = {bare(column) for column in columns}
            home = name
            if _VERSIONED in names:
                if name in _HISTORY_OF and bare(_HISTORY_OF[name][0]) not in names:
                    home = _HISTORY_OF[name][1]  # Fivetran's history mode, not Salesforce's history
                versioned.add(home)
            files[home].append(each)
    return files, frozenset(versioned)


def _check(columns: Iterable[str], where: str) -> None:
    """Refuse a report, which has neither ids nor a fixed form of dates."""
    if "id" in {bare(column) for column in columns}:
        return
    labels = [column for column in columns if " " in column.strip() and bare(column) in _LABELS]
    if labels:
        raise SourceError(
            f"{where} looks like a report: it has labels ({', '.join(map(repr, labels[:3]))}) where an "
            "export has the names of fields, such as 'Id', and its dates are written as its "
            "reader's settings say. Export the object itself: with `sf data export bulk`, Data Loader, or "
            "the weekly Data Export"
        )
