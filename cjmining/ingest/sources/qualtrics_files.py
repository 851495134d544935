"""The header rows of Qualtrics' exports: how many there are, and what each column is called.

CSV and TSV begin with three: the questions' tags, their texts, and JSON with the `ImportId` of each column,
which stays when tags and language change. The legacy export has two: V1, V2, ... with the tags, and labels.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from cjmining.errors import SourceError
from cjmining.ingest.files import Input, bare
from cjmining.ingest.readers import Dialect, Records

_SAMPLE_BYTES: Final = 1 << 20
_MOST_HEADER_ROWS: Final = 3
STANDARD: Final = {
    "_recordId": ("ResponseId", "Response ID"), "startDate": ("Start Date",), "endDate": ("End Date",),
    "status": ("Response Type",), "progress": (), "duration": ("Duration (in seconds)",), "finished": (),
    "recordedDate": ("Recorded Date",), "recipientLastName": ("Recipient Last Name",),
    "recipientFirstName": ("Recipient First Name",), "recipientName": ("Name",),
    "recipientEmail": ("Recipient Email", "EmailAddress", "Email"),
    "externalDataReference": ("ExternalReference", "External Data Reference"),
    "distributionChannel": ("Distribution Channel",), "userLanguage": ("User Language",),
    "ipAddress": ("IP Address",), "locationLatitude": (), "locationLongitude": (),
}  # fmt: skip
"""ImportId of what every response has, and the names that other exports give it."""
_BY_NAME: Final = {bare(name): key for key, names in STANDARD.items() for name in (key, *names)}
_PERSONAL: Final = re.compile(
    r"\b(name|vorname|nachname|e-?mail|phone|telefon|mobile|address|adresse|anschrift|postcode|zip|plz|birth|"
    r"geburt\w*|nom|prénom|nombre|correo|teléfono)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Asked:
    """A column of an export.

    Parameters
    ----------
    name : str
        What it is called here: the ImportId of standard columns, else the tag.
    import_id, label : str
        Its ImportId, and the question's text.
    """

    name: str
    import_id: str = ""
    label: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it holds the answer to a question for free text that asks for nothing personal."""
        return bool(re.fullmatch(r"QID\d+_TEXT", self.import_id)) and not _PERSONAL.search(self.label)


@dataclass(frozen=True)
class Header:
    """The header of an export: its columns, how it is written, and the zone it names."""

    columns: tuple[Asked, ...]
    dialect: Dialect
    zone: str | None = None


def header_of(given: Input, encoding: str | None, wanted: Collection[str]) -> Header:
    """Read the header rows of a file.

    Parameters
    ----------
    given : Input
        A text file.
    encoding : str, optional
        Found by default.
    wanted : collection of str
        Tags or ImportIds that options name; columns are called so where they have both.
    """
    text = _beginning(given, encoding)
    first = text.split("\n", 1)[0]
    delimiter = max((",", "\t", ";"), key=first.count)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            rows += [[cell.strip() for cell in row]] if row else []
            if len(rows) == _MOST_HEADER_ROWS:
                break
    except csv.Error:
        pass  # the rows before count
    if not rows:
        raise SourceError(f"{given} has no header that can be read; export it again")
    n = _header_rows(rows)
    naming = _naming(wanted)
    ids = _import_ids(rows[n - 1]) if n > 1 else []
    labels = rows[1] if n > 1 else []
    columns = tuple(
        Asked(name, ids[i] if i < len(ids) else "", labels[i] if i < len(labels) else "")
        for i, name in enumerate(naming(rows[:n]))
    )
    dialect = Dialect(encoding, delimiter, '"', header_rows=n, naming=naming)
    return Header(columns, dialect, _zone(rows[n - 1]) if n > 1 else None)


def _beginning(given: Input, encoding: str | None) -> str:
    """The first text of a file, in the encoding and with the line ends that its records are read with."""
    records = Records(given, Dialect(encoding))
    with given.open() as stream:
        sample = stream.read(_SAMPLE_BYTES)
    text = (
        sample.decode(records.dialect.encoding or "utf-8", errors="replace").removeprefix("\ufeff").lstrip()
    )
    return text.replace("\r", "\n") if records.dialect.cr_only else text


def _header_rows(rows: Sequence[Sequence[str]]) -> int:
    for n in (_MOST_HEADER_ROWS, 2):
        if len(rows) >= n and any("ImportId" in cell for cell in rows[n - 1]):
            return n
    is_legacy = len(rows) > 1 and bool(re.fullmatch(r"V\d+", rows[0][0])) and bare(rows[1][0]) in _BY_NAME
    return 2 if is_legacy else 1


def _naming(wanted: Collection[str]) -> Callable[[Sequence[Sequence[str]]], Sequence[str]]:
    """Return what makes the columns' names of the header's rows."""

    def naming(rows: Sequence[Sequence[str]]) -> Sequence[str]:
        tags, last = [cell.strip() for cell in rows[0]], rows[-1]
        ids = _import_ids(last) if len(rows) > 1 else []
        legacy = len(rows) == 2 and not any(ids)
        names = []
        for i, tag in enumerate(tags):
            import_id = ids[i] if i < len(ids) else ""
            label = rows[1][i].strip() if len(rows) > 1 and i < len(rows[1]) else ""
            names.append(_name(tag, import_id, label, wanted, legacy=legacy, alone=len(rows) == 1))
        return names

    return naming


def _name(tag: str, import_id: str, label: str, wanted: Collection[str], *, legacy: bool, alone: bool) -> str:
    if import_id in STANDARD:
        return import_id
    if legacy and re.fullmatch(r"V\d+", tag):
        return _BY_NAME.get(bare(label), tag)
    if alone and bare(tag) in _BY_NAME:
        return _BY_NAME[bare(tag)]
    if import_id in wanted:
        return import_id
    # what the survey's author called like a standard column is none
    return f"{tag} (of the survey)" if bare(tag) in _BY_NAME and tag not in wanted else tag


def _import_ids(row: Sequence[str]) -> list[str]:
    return [str(each.get("ImportId", "")) for each in map(_parsed, row)]


def _zone(row: Sequence[str]) -> str | None:
    """The zone that the columns of times name."""
    zones = [str(each["timeZone"]) for each in map(_parsed, row) if each.get("timeZone")]
    return {"Z": "UTC"}.get(zones[0], zones[0]) if zones else None


def _parsed(cell: str) -> dict[str, object]:
    try:
        read = json.loads(cell)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
