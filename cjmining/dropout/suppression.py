"""Lists of identifiers that nobody may write to: read, and matched to customers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cjmining.consent import plain_name
from cjmining.documents import decode
from cjmining.dropout.identifiers import (
    google_email,
    google_phone,
    is_address,
    is_international,
    matchable,
    meta_email,
    meta_phone,
    sha256,
)
from cjmining.errors import LogError, SourceError
from cjmining.tables import to_table

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

HASHED = "_sha256"
_COLUMNS = {
    **dict.fromkeys(("email", "emailaddress", "mail", "contactemail", "recipient"), "email"),
    **dict.fromkeys(("phone", "phonenumber", "mobile", "mobilephone", "mobilenumber"), "phone"),
    **dict.fromkeys(("emailsha256", "hashedemail"), "email" + HASHED),
    **dict.fromkeys(("phonesha256", "hashedphone"), "phone" + HASHED),
}
"""How systems call columns of identifiers, without case and spaces."""
_KEYS = ("crm_id", "subscriber_key", "email")
"""What a SubscriberKey may be, as in the tracking extract."""

Listed = dict[str, set[str]]
"""The values on a list, by kind, as they are written there."""


def read_suppression(given: object, kinds: Iterable[str]) -> Listed:
    """Read a list of identifiers: a file, a frame, or several of them.

    Parameters
    ----------
    given : path, frame, column with a name (a Series), or sequence of them
        With a column for each kind of identifier (`email`, `Email Address`, `phone`, `crm_id`, ...), hashed
        ones as `email_sha256` or `phone_sha256`; or with the columns kind and value; or a text file with one
        address in each line.
    kinds : iterable of str
        The kinds that the log knows.

    Raises
    ------
    SourceError
        If a file can't be read, or no column is an identifier.
    LogError
        If a column has no name.
    """
    listed: Listed = {}
    several = given if isinstance(given, list | tuple) else [given]
    for number, one in enumerate(several, 1):
        name = str(one) if isinstance(one, str | Path) else f"suppression list {number}"
        columns = _read_file(Path(one)) if isinstance(one, str | Path) else _read_frame(one)
        for kind, values in _by_kind(columns, set(kinds), name):
            listed.setdefault(kind, set()).update(value for value in map(str.strip, values) if value)
    return listed


def on_the_list(
    listed: Listed, identities: pd.DataFrame, customers: NDArray[np.int64], region: str | None
) -> dict[str, NDArray[np.bool_]]:
    """Say by kind which customers have an identifier on the list, compared in one form.

    Parameters
    ----------
    listed : dict
        As `read_suppression` returns it.
    identities : pandas.DataFrame
        customer, kind, value: of these customers, all that the log knows.
    customers : int64[C]
        Ascending.
    region : str, optional
        Country of phone numbers without a country code.
    """
    found = {}
    for name in sorted(listed):
        kind = name.removesuffix(HASHED)
        own = identities[identities["kind"] == kind]
        if name.endswith(HASHED):
            wanted = {value.lower() for value in listed[name]}
            hit = [bool(wanted & _hashes(kind, value, region)) for value in own["value"]]
        else:
            wanted = {matchable(kind, value, region) for value in listed[name]}
            hit = [matchable(kind, value, region) in wanted for value in own["value"]]
        who = own["customer"].to_numpy()[np.array(hit, dtype=np.bool_)]
        found[name] = np.isin(customers, who)
    return found


def check_comparable(listed: Listed, kinds: Iterable[str]) -> list[str]:
    """Return the kinds on the list that the log knows nobody by, or raise where it knows none of them.

    Raises
    ------
    LogError
        If no identifier of the list could ever be found in the log.
    """
    known = set(kinds)
    absent = [name for name in sorted(listed) if name.removesuffix(HASHED) not in known]
    if listed and len(absent) == len(listed):
        raise LogError(
            f"the suppression list has {', '.join(absent)}, and the log knows customers by "
            f"{', '.join(sorted(known))} alone: nobody on the list could be found. Give a list with one of "
            "these"
        )
    return absent


def never_found(listed: Listed, region: str | None) -> list[str]:
    """Say how many entries of the list can't be compared with what the log knows: never an entry itself.

    What a SubscriberKey may be stands under several kinds; it need be only one of them.
    """
    notes = []
    for kind in sorted(listed):
        others = set().union(*(values for name, values in listed.items() if name != kind))
        spoilt = sum(not _comparable(kind, value, region) for value in listed[kind] - others)
        if not spoilt:
            continue
        of = f"By {kind}, {spoilt:,} of {len(listed[kind]):,} entries of the suppression list"
        if kind == "phone":
            notes.append(
                f"{of} name no country{'' if region else ' and no region= is given'}: they are compared as "
                "they are written, and found only where the log writes them so, too."
            )
        else:
            what = "SHA-256 hashes" if kind.endswith(HASHED) else "email addresses"
            notes.append(f"{of} are no {what} and can find nobody.")
    return notes


def numbers_without_country(listed: Listed, identities: pd.DataFrame, region: str | None) -> list[str]:
    """Say how many numbers of the log, of these customers, name no country: a list hardly finds them."""
    if not {"phone", "phone" + HASHED} & set(listed):
        return []
    own = identities.loc[identities["kind"] == "phone", "value"].unique().tolist()
    n = sum(not _comparable("phone", value, region) for value in own)
    if not n:
        return []
    told = (
        f"{n:,} of {len(own):,} phone numbers of these customers name no country: the suppression list finds "
        "them only as they are written. Give region=, such as 'DE'."
    )
    return [told]


def _comparable(kind: str, value: str, region: str | None) -> bool:
    """Say whether an identifier is what its kind says; of kinds that a company makes up, all are."""
    if kind.endswith(HASHED):
        return re.fullmatch(r"[0-9a-fA-F]{64}", value) is not None
    if kind == "phone":
        return is_international(matchable(kind, value, region))
    return kind != "email" or is_address(matchable("email", value, region))


def _hashes(kind: str, value: str, region: str | None) -> set[str]:
    """Return the hashes that an identifier may have been given, by either platform's form."""
    plain = matchable(kind, value, region)
    if kind == "email":
        return {sha256(meta_email(value)), sha256(google_email(value))}
    return {sha256(meta_phone(plain)), sha256(google_phone(plain))}


_Columns = list[tuple[str, list[str]]]
"""Columns of a list with their names, which may repeat."""


def _read_frame(frame: object) -> _Columns:
    if type(frame).__name__ == "Series":  # of pandas or polars: a column by itself
        name = getattr(frame, "name", None)
        if not isinstance(name, str) or not name:
            raise LogError(
                "suppress: a column needs a name that says what it holds; give pd.DataFrame({'email': "
                "column})"
            )
        frame = frame.to_frame()  # type: ignore[attr-defined]
    table = to_table(frame, what="suppress")
    return [
        (name, ["" if value is None else str(value) for value in column.to_pylist()])
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]


def _read_file(path: Path) -> _Columns:
    try:
        text = decode(path.read_bytes(), path.name, SourceError)
    except OSError as problem:
        if "@" in path.name:  # an address stays out of messages
            raise SourceError(
                "a suppression list is a file or a frame: give addresses as pd.DataFrame({'email': [...]})"
            ) from None
        raise SourceError(f"the suppression list {path} can't be read: {problem.strerror}") from None
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return [("email", [])]
    if "@" in lines[0]:  # no header: an address a line
        lines = ["email", *lines]
    delimiter = max(",;\t", key=lines[0].count)
    head, *rows = csv.reader(lines, delimiter=delimiter)
    if any(len(row) > len(head) for row in rows):
        raise SourceError(
            f"the suppression list {path.name} has rows with more cells than its first line has columns; "
            "nobody can say what they are"
        )
    return [
        (name, [row[place] if place < len(row) else "" for row in rows]) for place, name in enumerate(head)
    ]


def _by_kind(columns: _Columns, kinds: set[str], name: str) -> _Columns:
    """Return the columns that are identifiers, by kind."""
    plain = [(plain_name(column), values) for column, values in columns]
    by_word = dict(plain)
    if {"kind", "value"} <= set(by_word):
        pairs = list(zip(by_word["kind"], by_word["value"], strict=True))
        found = sorted({kind.strip() for kind, _ in pairs} - {""})
        return [(one, [value for kind, value in pairs if kind.strip() == one]) for one in found]
    kind_of = {plain_name(kind): kind for kind in sorted(kinds)} | _COLUMNS
    found_columns = [(kind_of[word], values) for word, values in plain if word in kind_of]
    keys = [values for word, values in plain if word == "subscriberkey"]
    found_columns += [(kind, values) for values in keys for kind in _KEYS if kind in kinds]
    if not found_columns:
        raise SourceError(
            f"{name}: no column is an identifier. A suppression list has a column for each kind, such as "
            f"email, phone, email_sha256 or {', '.join(sorted(kinds))}{_shown(columns)}"
        )
    return found_columns


def _shown(columns: _Columns) -> str:
    """Name the columns found, unless they look like identifiers themselves."""
    if any("@" in name or re.search(r"\d{5}", name) for name, _ in columns):
        return "; its first line seems to be no header"
    return f"; found {', '.join(name for name, _ in columns)}"
