"""One form for each identifier, and what is no identifier at all.

Everything here is a function of one value alone, so that it can be done before values are hashed: who is who
is then found on hashes as on plain values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pyarrow as pa

from cjmining.errors import SourceError
from cjmining.ingest.database import Database, literal
from cjmining.ingest.kinds import KINDS, Form

PLACEHOLDER: Final = "a placeholder"
MALFORMED: Final = "malformed"
MERGED: Final = "merged"
"""Marks, among the identifiers of a record, a kind of which the system itself says that all are one."""

STORED: Final = "chr(29)"
"""SQL for what comes before and after the hash of an identifier that was stored: `kind:_hash_refusal`."""

GMAIL: Final = ("gmail.com", "googlemail.com")

_WORDS = (
    "unknown|unbekannt|anonym(ous)?|anon|n/?a|none|null|nil|nan|undef(ined)?|test(er|ing)?[0-9]*|guest|"
    "no ?name|"
    "not ?(set|available|provided|given|known)|(data "
    ")?deleted|withheld|private|blocked|restricted|unavailable|"
    "no ?(e-?)?mail|no ?phone|default|dummy|example|tbd|x{2,}|asdf+|missing|empty|other|walk-?in|"
    "no-?_?reply|do-?_?not-?_?reply|nobody|mailer-daemon|postmaster"
)
_WORD_ALONE = rf"^[\W_]*({_WORDS})[\W_]*$|^[\W_]*$|^[0\W_]{{2,}}$"
_WORD_BEFORE_AT = rf"^[\W_]*({_WORDS})[\W_]*(\+[^@]*)?@"
_ADDRESS = r"^[^@\s]+@[^@\s]+[.][^@\s.]+$"
_E164 = r"^\+[1-9][0-9]{6,14}$"
_CLIENT_ID = r"^GA[0-9]+\.[-0-9]+\.([0-9]+\.[0-9]+)$"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True)
class Spelling:
    """How addresses are read that may name one mailbox in several ways.

    Parameters
    ----------
    plus_tags : "keep", "drop", or tuple of domains
        Whether ``ann+news@shop.de`` is ``ann@shop.de``: nowhere, everywhere, or at these domains.
    gmail_dots : {"keep", "drop"}
        Whether dots before the @ count at Gmail, and whether googlemail.com is gmail.com.
    """

    plus_tags: str | tuple[str, ...] = "keep"
    gmail_dots: str = "keep"


def spelling(plus_tags: object = "keep", gmail_dots: object = "keep") -> Spelling:
    """Return the options about addresses, or say what is wrong with them."""
    if gmail_dots not in {"keep", "drop"}:
        raise SourceError(f"gmail_dots is 'keep' or 'drop', not {gmail_dots!r}")
    if plus_tags in ("keep", "drop"):
        return Spelling(str(plus_tags), str(gmail_dots))
    domains = plus_tags if isinstance(plus_tags, Sequence) and not isinstance(plus_tags, str) else ()
    if not domains or not all(isinstance(domain, str) and "." in domain for domain in domains):
        raise SourceError(
            "plus_tags is 'keep', 'drop' or a list of the domains at which they are dropped, such as "
            f"['gmail.com', 'outlook.com'], not {plus_tags!r}"
        )
    return Spelling(tuple(sorted(domain.strip().lower().lstrip("@") for domain in domains)), str(gmail_dots))


def make_shown(database: Database, tokens: str, how: Spelling) -> None:
    """Make `shown` (id_set, kind, region, value): the identifiers of sets, each value brought into its form.

    Parameters
    ----------
    database : Database
    tokens : str
        SQL of id_set and token, a row for each identifier as a record wrote it: `kind:value`, for telephone
        numbers also `kind/region:value`.
    how : Spelling
        How addresses are read.
    """
    client = f"regexp_replace(raw, {literal(_CLIENT_ID)}, '\\1')"
    has_region = "contains(about, '/')"  # to look takes less time than to split
    database.run(
        "CREATE TABLE shown AS SELECT id_set, kind, region, CASE "
        f"WHEN {is_stored('raw')} THEN raw "
        f"WHEN kind IN ({_kinds('email')}) THEN {_address('raw', how)} "
        f"WHEN kind IN ({_kinds('analytics')}) THEN {client} ELSE raw END AS value FROM ("
        f"SELECT id_set, raw, CASE WHEN {has_region} THEN split_part(about, '/', 1) ELSE about END AS kind, "
        f"CASE WHEN {has_region} THEN split_part(about, '/', 2) ELSE '' END AS region FROM ("
        "SELECT id_set, left(token, colon - 1) AS about, trim(substr(token, colon + 1)) AS raw "
        f"FROM (SELECT *, strpos(token, ':') AS colon FROM ({tokens}))))"
    )
    rewritten = _rewritten(database)
    if rewritten.num_rows:
        with database.registered("rewritten", rewritten):
            database.run(
                "UPDATE shown SET value = r.form FROM rewritten r "
                "WHERE shown.kind = r.kind AND shown.region = r.region AND shown.value = r.value"
            )


def is_stored(value: str) -> str:
    """SQL: whether a value is the hash of an identifier of an earlier delivery."""
    return f"starts_with({value}, {STORED})"


def stored_token(value: str) -> str:
    """SQL: the hash that was stored."""
    return f"split_part({value}, {STORED}, 2)"


def local_phones(database: Database, relations: Sequence[str]) -> int:
    """Count the phone numbers in records that no region was given for and that name no country themselves."""
    union = " UNION ".join(f"SELECT ids FROM {relation} WHERE ids IS NOT NULL" for relation in relations)
    return int(
        database.value(
            f"SELECT count(DISTINCT value) FROM ({union}) JOIN sets USING (ids) JOIN shown USING (id_set) "
            f"WHERE {is_local_phone()}"
        )
    )


def is_local_phone() -> str:
    """SQL: whether a row of `shown` is a phone number that names no country."""
    return (
        "kind = 'phone' AND region = '' AND NOT starts_with(value, '+') "
        f"AND NOT {is_stored('value')} AND ({refusal()}) IS NULL"
    )


def _kinds(form: Form) -> str:
    return listed(kind.name for kind in KINDS.values() if kind.form == form)


def _address(raw: str, how: Spelling) -> str:
    """SQL: an email address in lower case, its mailbox told by one name where that was asked for."""
    address = f"regexp_replace(lower({raw}), '^mailto:', '')"
    if how.plus_tags == "keep" and how.gmail_dots == "keep":
        return address
    local, domain = f"split_part({address}, '@', 1)", f"split_part({address}, '@', 2)"
    if how.plus_tags == "drop":
        local = f"regexp_replace({local}, '(.)[+].*', '\\1')"
    elif how.plus_tags != "keep":
        at = f"{domain} IN ({listed(how.plus_tags)})"
        local = f"CASE WHEN {at} THEN regexp_replace({local}, '(.)[+].*', '\\1') ELSE {local} END"
    if how.gmail_dots == "drop":
        gmail = f"{domain} IN ({listed(GMAIL)})"
        local = f"CASE WHEN {gmail} THEN replace({local}, '.', '') ELSE {local} END"
        domain = f"CASE WHEN {gmail} THEN '{GMAIL[0]}' ELSE {domain} END"
    is_one = f"regexp_matches({address}, {literal(_ADDRESS)})"
    return f"CASE WHEN {is_one} THEN {local} || '@' || {domain} ELSE {address} END"


def refusal() -> str:
    """SQL: why the `value` of a `kind` is no identifier, NULL if it is one."""
    ends_alike = "(length(value) >= 8 AND replace(value[-7:], value[-1], '') = '')"
    taken_as_it_is = listed([MERGED, *(kind.name for kind in KINDS.values() if kind.of == "case")])
    return (
        f"CASE WHEN {is_stored('value')} THEN nullif(split_part(value, {STORED}, 3), '') "
        f"WHEN kind IN ({taken_as_it_is}) THEN NULL "
        f"WHEN regexp_matches(lower(value), {literal(_WORD_ALONE)}) THEN {literal(PLACEHOLDER)} "
        f"WHEN kind = 'email' AND regexp_matches(value, {literal(_WORD_BEFORE_AT)}) THEN "
        f"{literal(PLACEHOLDER)} "
        f"WHEN kind = 'email' AND NOT regexp_matches(value, {literal(_ADDRESS)}) THEN {literal(MALFORMED)} "
        f"WHEN kind = 'phone' AND ({ends_alike} OR contains(value, '123456789') "
        f"OR regexp_matches(value, '^[+]?[0-9]{{0,3}}0{{3,}}$')) THEN {literal(PLACEHOLDER)} "
        f"WHEN kind = 'phone' AND NOT regexp_matches(value, '^[+]?[0-9]{{5,15}}$') THEN "
        f"{literal(MALFORMED)} END"
    )


def _rewritten(database: Database) -> pa.Table:
    """Phone numbers as E.164 and Salesforce's ids of 15 characters as 18, where they aren't already."""
    given = "SELECT DISTINCT kind, region, value FROM shown"
    phones = database.run(
        f"{given} WHERE kind IN ({_kinds('phone')}) AND NOT regexp_matches(value, {literal(_E164)}) "
        f"AND NOT {is_stored('value')}"
    )
    short = database.run(
        f"{given} WHERE kind IN ({_kinds('salesforce')}) AND regexp_matches(value, '^[a-zA-Z0-9]{{15}}$')"
    )
    rows = [(*row, phone_number(row[2], row[1] or None)) for row in phones]
    rows += [(*row, long_id(row[2])) for row in short]
    names = ("kind", "region", "value", "form")
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.table(
        {name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)}
    )


def phone_number(text: str, region: str | None = None) -> str:
    """Write a phone number as E.164; what can't be one comes back as it is, without its punctuation.

    Examples
    --------
    >>> phone_number("0171 / 2345-678", "DE")
    '+491712345678'
    >>> phone_number("0044 20 7946 0018")
    '+442079460018'
    """
    plain = re.sub(r"^tel:", "", text.strip(), flags=re.IGNORECASE)
    if region is not None and (known := _national(region)(plain)) is not None:
        return known
    import phonenumbers

    if re.match(r"^00[1-9]", plain):
        plain = "+" + plain[2:]
    try:
        parsed = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return re.sub(r"[\s()./-]", "", plain)
    if not phonenumbers.is_possible_number(parsed):
        return re.sub(r"[\s()./-]", "", plain)
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


@cache
def _national(region: str) -> Callable[[str], str | None]:
    """Return what reads the usual numbers of a country, ten times as fast as phonenumbers does.

    Usual are digits with blanks, dashes, dots, slashes and brackets, which begin with the one sign for calls
    inside the country and go on as the country's numbers do. Of others it returns None.
    """
    import phonenumbers

    about: Any = phonenumbers.PhoneMetadata.metadata_for_region(region)
    prefix = about.national_prefix if about is not None else None
    if (
        prefix != "0"
        or about.national_prefix_for_parsing != prefix
        or about.national_prefix_transform_rule is not None
        or about.leading_zero_possible
        or not about.general_desc.possible_length
    ):
        return lambda _: None
    number = re.compile(about.general_desc.national_number_pattern)
    abroad = re.compile(about.international_prefix or "00")
    lengths = frozenset(about.general_desc.possible_length)
    punctuation = dict.fromkeys(map(ord, " -./()"))
    code = f"+{about.country_code}"

    def read(text: str) -> str | None:
        digits = text.translate(punctuation)
        if not digits.isascii() or not digits.isdigit() or digits[:1] != "0" or abroad.match(digits):
            return None
        own = digits[1:]
        return code + own if len(own) in lengths and number.fullmatch(own) else None

    return read


def long_id(short: str) -> str:
    """Return the case-safe 18 characters of a Salesforce id of 15.

    Examples
    --------
    >>> long_id("0035g00000ABCDE")
    '0035g00000ABCDEAA5'
    """
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << i for i, character in enumerate(short[start : start + 5]) if character.isupper())
        suffix += _ALPHABET[bits]
    return short + suffix


def listed(words: Iterable[str]) -> str:
    """Write words as a list in SQL."""
    return ", ".join(literal(word) for word in words)
