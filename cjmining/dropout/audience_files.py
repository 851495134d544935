"""Audiences as files: the import forms of mailing systems and ad platforms, and CSV for people."""

from __future__ import annotations

import csv
import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjmining.dropout.identifiers import (
    check_region,
    google_email,
    google_phone,
    is_international,
    meta_email,
    meta_phone,
    sha256,
)
from cjmining.errors import LogError, nearest
from cjmining.ingest.identity import phone_number

if TYPE_CHECKING:
    import pandas as pd

    from cjmining.dropout.audience import Audience

logger = logging.getLogger("cjmining")

FORMS = ("csv", "marketing_cloud", "marketo", "google_ads", "meta_ads")
SMALLEST = 100
"""Below this many people both ad platforms show nothing, or advise against.

Google: "a minimum of 100 active visitors or users within the last 30 days"
(https://support.google.com/google-ads/answer/7476585); Meta: avoid "lists of fewer than 100 people"
(https://www.facebook.com/business/help/2082575038703844).
"""
MARKETO_BYTES = 10_000_000
"""Marketo's bulk import takes files of less than 10 MB."""
MOST_OF_A_KIND = 3
"""Meta takes up to three columns of a kind; Google takes several."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Lines = list[list[str]]


def write(
    audience: Audience,
    path: str | Path,
    *,
    form: str,
    columns: Sequence[str] | Mapping[str, str],
    subscriber_key: str | None,
    region: str | None,
    overwrite: bool,
) -> Path:
    """Write the customers of an audience in a form, privately and all at once; see `Audience.write`."""
    if form not in FORMS:
        raise LogError(f"form is one of {', '.join(map(repr, FORMS))}, not {form!r}{nearest(form, FORMS)}")
    path = Path(path)
    if path.exists() and not overwrite:
        raise LogError(f"{path} exists already; give another name, or overwrite=True")
    further = _further(audience, columns)
    check_region(region)
    lines = _MAKERS[form](audience, further, subscriber_key, region)
    _write_privately(path, lines)
    _warn(form, len(lines) - 1, path)
    return path


def _further(audience: Audience, columns: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Return the columns of customers to add, with their headers."""
    named = dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
    kinds = audience.identifiers
    known = [name for name in audience.customers.columns if name not in kinds]
    for name in named:
        if name not in known:
            raise LogError(
                f"customers have no column {name!r} to add{nearest(name, known)}; they have "
                f"{', '.join(known)}"
            )
    return named


def _csv(audience: Audience, further: dict[str, str], _key: str | None, _region: str | None) -> Lines:
    """Return every column of the customers, or those asked for and the identifiers; formulas are quoted."""
    table = audience.customers
    if further:
        table = table[[*further, *audience.identifiers]].rename(columns=further)
    head = [_harmless(str(name)) for name in table.columns]
    return [head, *([_harmless(_text(value)) for value in row] for row in table.itertuples(index=False))]


def _marketing_cloud(
    audience: Audience, further: dict[str, str], subscriber_key: str | None, _region: str | None
) -> Lines:
    """Return rows for a data extension: the key, what else is asked for, the address last.

    A header row that names the fields, and the address as the last column, filled in every row, is what
    https://help.salesforce.com/apex/HTViewHelpDoc?id=mktg.mc_es_subscriber_import_file_requirements.htm asks.
    """
    key = subscriber_key or next(
        (kind for kind in ("subscriber_key", "crm_id") if kind in audience.identifiers), "email"
    )
    keys, addresses = _filled(audience, key), _filled(audience, "email")
    added = _added(audience, further)
    head = ["SubscriberKey", *further.values(), "EmailAddress"]
    return [head, *([k, *more, e] for k, more, e in zip(keys, added, addresses, strict=True))]


def _marketo(audience: Audience, further: dict[str, str], _key: str | None, _region: str | None) -> Lines:
    """Return rows for a static list: the address, then what else is asked for.

    https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-import/bulk-lead-import
    """
    added = _added(audience, further)
    head = ["Email Address", *further.values()]
    return [head, *([e, *more] for e, more in zip(_filled(audience, "email"), added, strict=True))]


def _google(audience: Audience, further: dict[str, str], _key: str | None, region: str | None) -> Lines:
    """Return rows for Customer Match, under Google's English headers.

    https://support.google.com/google-ads/answer/7659867 (headers, UTF-8, several columns of a kind),
    https://developers.google.com/data-manager/api/devguides/concepts/formatting (what is hashed).
    """
    return _hashed(
        audience, further, {"email": "Email", "phone": "Phone"}, google_email, google_phone, region
    )


def _meta(audience: Audience, further: dict[str, str], _key: str | None, region: str | None) -> Lines:
    """Return rows for a Custom Audience, under Meta's headers.

    https://www.facebook.com/business/help/2082575038703844 (headers, up to three columns of a kind),
    https://developers.facebook.com/docs/marketing-api/custom-audience-api (hashing).
    """
    return _hashed(audience, further, {"email": "email", "phone": "phone"}, meta_email, meta_phone, region)


_MAKERS: Mapping[str, Callable[[Audience, dict[str, str], str | None, str | None], Lines]] = {
    "csv": _csv,
    "marketing_cloud": _marketing_cloud,
    "marketo": _marketo,
    "google_ads": _google,
    "meta_ads": _meta,
}


def _hashed(
    audience: Audience,
    further: dict[str, str],
    headers: Mapping[str, str],
    email: Callable[[str], str],
    phone: Callable[[str], str],
    region: str | None,
) -> Lines:
    """Hash every address and number of each customer; the order of the hashes tells nothing."""
    if further:
        raise LogError("an ad audience has hashed identifiers alone; leave columns= out")
    kinds = [kind for kind in headers if kind in audience.identifiers]
    if not kinds:
        raise LogError(
            f"an ad audience is matched by email or phone; make the audience with identifiers= "
            f"{' or '.join(map(repr, headers))}"
        )
    normal = {"email": email, "phone": phone}
    by_customer: dict[int, dict[str, list[str]]] = {int(c): {} for c in audience.customers["customer"]}
    for customer, kind, value in _values(audience._identities, kinds, region):
        if customer in by_customer:
            hashes = by_customer[customer].setdefault(kind, [])
            hashed = sha256(normal[kind](value))
            if hashed not in hashes:
                hashes.append(hashed)
    _check_all_reached(by_customer)
    width = {
        kind: min(MOST_OF_A_KIND, max((len(own.get(kind, ())) for own in by_customer.values()), default=1))
        for kind in kinds
    }
    rows = [
        [cell for kind in kinds for cell in _padded(own.get(kind, []), width[kind])]
        for own in by_customer.values()
    ]
    return [[headers[kind] for kind in kinds for _ in range(width[kind])], *sorted(rows)]


def _values(identities: pd.DataFrame, kinds: Sequence[str], region: str | None) -> list[tuple[int, str, str]]:
    """Return the identifiers that can be hashed: addresses, and numbers that name their country."""
    found = []
    for customer, kind, value in zip(
        identities["customer"].tolist(),
        identities["kind"].tolist(),
        identities["value"].tolist(),
        strict=True,
    ):
        if kind in kinds:
            written = phone_number(value, region) if kind == "phone" else value
            usable = is_international(written) if kind == "phone" else "@" in written
            if usable:
                found.append((customer, kind, written))
    return found


def _check_all_reached(by_customer: Mapping[int, Mapping[str, Sequence[str]]]) -> None:
    nobody = sum(not own for own in by_customer.values())
    if nobody:
        raise LogError(
            f"{nobody:,} of {len(by_customer):,} customers have no address and no number that names its "
            "country: they can't be hashed. Give region=, such as 'DE', for numbers without a country code, "
            "or make the audience with identifiers='email'"
        )


def _padded(values: list[str], width: int) -> list[str]:
    return [*values[:width], *[""] * (width - len(values))]


def _filled(audience: Audience, kind: str) -> list[str]:
    """Return an identifier of each customer, or raise where somebody has none."""
    if kind not in audience.identifiers:
        raise LogError(
            f"this form needs {kind}, and the audience was made without: name it, identifiers="
            f"{[*audience.identifiers, kind]!r}"
        )
    column = audience.customers[kind]
    absent = int((column == "").sum())
    if absent:
        raise LogError(
            f"{absent:,} of {len(column):,} customers have no {kind}, which this form needs in every row; "
            "make the audience with complete=True, which leaves them out and counts them"
        )
    return [str(value) for value in column]


def _added(audience: Audience, further: Mapping[str, str]) -> Lines:
    table = audience.customers[list(further)]
    return [[_text(value) for value in row] for row in table.itertuples(index=False)]


def _text(value: Any) -> str:  # noqa: ANN401 -- any cell
    """Write a cell: times in ISO 8601 UTC, numbers without an exponent, nothing as an empty text."""
    import pandas as pd

    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _harmless(text: str) -> str:
    """Quote what a spreadsheet would run as a formula.

    Examples
    --------
    >>> _harmless("+491712345678"), _harmless("a=b")
    ("'+491712345678", 'a=b')
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _write_privately(path: Path, lines: Lines) -> None:
    """Write UTF-8 under a temporary name that only the owner may read, then rename."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".unfinished", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\r\n").writerows(lines)
            Path(unfinished).chmod(0o600)
            Path(unfinished).replace(path)
        finally:
            Path(unfinished).unlink(missing_ok=True)
    except OSError as problem:
        raise LogError(f"can't write the audience to {path}: {problem.strerror}") from None


def _warn(form: str, rows: int, path: Path) -> None:
    """Say what a platform will not like; numbers alone, nobody's identifiers."""
    if form.endswith("_ads") and rows < SMALLEST:
        logger.warning(
            "%s has %s customers; ad platforms show nothing to fewer than %s matched people, and match only "
            "some",
            path.name,
            f"{rows:,}",
            SMALLEST,
        )
    elif not rows:
        logger.warning("%s has no customers", path.name)
    if form == "marketo" and path.stat().st_size >= MARKETO_BYTES:
        logger.warning("%s is 10 MB or more; Marketo's bulk import takes less: write it in parts", path.name)
