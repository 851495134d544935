"""Which file is of which object, and files that look like another than they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
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
_ALMOST = 0.85
_LABELS = (
    "leadid", "contactid", "accountid", "opportunityid", "caseid", "casenumber", "activityid", "campaignid",
    "leadowner", "contactowner", "accountname", "opportunityname", "createdate", "createddate",
)  # fmt: skip
"""Labels of reports' columns, of which those with a blank are no field's name."""


def find_files(
    given: object, what: str, dialect: Dialect, asked: Iterable[str] = ()
) -> tuple[Mapping[str, Sequence[Input]], frozenset[str]]:
    """Return the files by object, and the objects whose files have a row for each version of a record.

    Columns that were `asked` for must be in one of them; else a likely slip is refused, and others are noted:
    a later delivery may lack the object that has them.
    """
    found = named_inputs(given, OBJECTS, what, suffixes=(*TABLES, ".json", ".jsonl", ".ndjson"))
    files: dict[str, list[Input]] = {name: [] for name in OBJECTS}
    versioned = set()
    there: dict[str, None] = {}
    for name, inputs in found.items():
        for each in inputs:
            columns = column_names(each, dialect)
            _check(columns, f"{what}, {each.name}")
            there.update(dict.fromkeys(columns))
            names = {bare(column) for column in columns}
            home = name
            if _VERSIONED in names:
                if name in _HISTORY_OF and bare(_HISTORY_OF[name][0]) not in names:
                    home = _HISTORY_OF[name][1]  # Fivetran's history mode, not Salesforce's history
                versioned.add(home)
            files[home].append(each)
    _note_missing(files, asked, there, what)
    return files, frozenset(versioned)


def _note_missing(
    files: dict[str, list[Input]], asked: Iterable[str], there: Iterable[str], what: str
) -> None:
    known = {bare(column): column for column in there}
    missing = [column for column in asked if bare(column) not in known]
    for column in missing:
        near = get_close_matches(bare(column), list(known), n=1, cutoff=_ALMOST)
        if near:
            raise SourceError(
                f"{what}: none of the exported objects has a column {column!r}, did you mean "
                f"{known[near[0]]!r}?"
            )
    if missing:
        note = f"{what}: none of the exported objects has the columns {', '.join(map(repr, missing))}"
        inputs = next(inputs for inputs in files.values() if inputs)
        inputs[0] = replace(inputs[0], note=f"{inputs[0].note}; {note}" if inputs[0].note else note)


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
